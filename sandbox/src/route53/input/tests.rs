use super::*;

fn request(changes: &str) -> Result<Batch, ApiError> {
    let head = "<?xml version=\"1.0\"?><ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">";
    let tail = "</ChangeResourceRecordSetsRequest>";
    batch(format!("{head}<ChangeBatch>{changes}</ChangeBatch>{tail}").as_bytes())
}

fn one(action: &str, set: &str) -> Result<Batch, ApiError> {
    request(&format!(
        "<Changes><Change><Action>{action}</Action><ResourceRecordSet>{set}</ResourceRecordSet></Change></Changes>"
    ))
}

const VALUES: &str =
    "<ResourceRecords><ResourceRecord><Value>a.</Value></ResourceRecord></ResourceRecords>";

#[test]
fn a_batch() {
    let batch =
        one("CREATE", &format!("<Name>T.example.com</Name><Type>NS</Type><TTL>300</TTL>{VALUES}"))
            .unwrap();
    let change = &batch.changes[0];
    assert_eq!((change.action, change.record.name.as_str()), (Action::Create, "T.example.com"));
    assert_eq!(
        (change.record.ttl, change.record.values.as_slice()),
        (Some(300), &["a.".to_owned()][..])
    );
}

#[test]
fn quoted_values_are_kept() {
    let values = "<ResourceRecords><ResourceRecord><Value>&quot;a &amp; b&quot;</Value></ResourceRecord></ResourceRecords>";
    let batch =
        one("CREATE", &format!("<Name>t</Name><Type>TXT</Type><TTL>0</TTL>{values}")).unwrap();
    assert_eq!(batch.changes[0].record.values, ["\"a & b\""]);
}

#[test]
fn refusals() {
    let name = "<Name>t.example.com</Name><Type>NS</Type>";
    for (result, words) in [
        (request(""), "Invalid XML ; "),
        (request("<Changes></Changes>"), "at 'changeBatch.changes'"),
        (
            request(&format!("<Comment>{}</Comment><Changes><Change/></Changes>", "c".repeat(257))),
            "Invalid XML ; ",
        ),
        (one("create", &format!("{name}<TTL>1</TTL>{VALUES}")), "[CREATE, DELETE, UPSERT]"),
        (
            one("CREATE", &format!("<Name>x</Name><Type>XX</Type><TTL>1</TTL>{VALUES}")),
            "resourceRecordSet.type",
        ),
        (one("CREATE", &format!("{name}<TTL>-1</TTL>{VALUES}")), "greater than or equal to 0"),
        (
            one("CREATE", &format!("{name}<TTL>2147483648</TTL>{VALUES}")),
            "less than or equal to 2147483647",
        ),
        (
            one("CREATE", &format!("{name}{VALUES}")),
            "but found none in Change with [Action=CREATE, Name=t.example.com.",
        ),
        (one("CREATE", &format!("{name}<TTL>1</TTL>")), "but found none"),
        (
            one("CREATE", &format!("{name}<Weight>1</Weight><TTL>1</TTL>{VALUES}")),
            "Missing field 'SetIdentifier'",
        ),
        (one("CREATE", &format!("{name}<Ttl>1</Ttl>{VALUES}")), "Invalid XML ; "),
        (batch(b"nonsense"), "Invalid XML ; "),
    ] {
        let error = result.unwrap_err();
        assert_eq!((error.status, error.code.as_str()), (400, "InvalidInput"));
        assert!(error.message.contains(words), "{words}: {}", error.message);
    }
}

#[test]
fn long_comment() {
    let change = format!(
        "<Changes><Change><Action>CREATE</Action><ResourceRecordSet><Name>x</Name><Type>NS</Type><TTL>1</TTL>{VALUES}\
         </ResourceRecordSet></Change></Changes>"
    );
    let long = |n: usize| request(&format!("<Comment>{}</Comment>{change}", "é".repeat(n)));
    assert!(long(256).is_ok());
    assert!(long(257).unwrap_err().message.contains("changeBatch.comment"));
}

#[test]
fn zones() {
    let parse = |inner: &str| {
        new_zone(format!("<CreateHostedZoneRequest>{inner}</CreateHostedZoneRequest>").as_bytes())
    };
    let plain = parse("<Name>Example.com</Name><CallerReference>r</CallerReference>").unwrap();
    assert_eq!((plain.name.as_str(), plain.private), ("example.com.", false));
    let vpc = "<VPC><VPCRegion>us-east-1</VPCRegion><VPCId>vpc-1</VPCId></VPC>";
    assert!(
        parse(&format!("<Name>e.com</Name>{vpc}<CallerReference>r</CallerReference>"))
            .unwrap()
            .private
    );
    assert_eq!(
        parse("<Name>a..b</Name><CallerReference>r</CallerReference>").unwrap_err().code,
        "InvalidDomainName"
    );
    assert!(parse("<Name>a</Name><CallerReference></CallerReference>").is_err());
}
