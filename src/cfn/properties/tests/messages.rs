//! What the messages about invalid values say.

use serde_json::json;

use super::*;

#[test]
fn an_invisible_character_is_reported() {
    for (name, point) in [
        ("ex\u{200b}ample.com", "U+200B"),
        ("example.com\u{feff}", "U+FEFF"),
        ("a\u{a0}b.com", "U+00A0"),
        ("soft\u{ad}hyphen.example.com", "U+00AD"),
        ("\u{202e}moc.elpmaxe", "U+202E"),
        ("a\u{2060}b.example.com", "U+2060"),
        ("a\u{180e}b.example.com", "U+180E"),
        ("a\u{e0041}b.example.com", "U+E0041"),
        ("a\u{7}b.example.com", "U+0007"),
    ] {
        for property in ["DomainName", "ParentZoneName", "NameServers"] {
            if property == "NameServers" && point == "U+00A0" {
                continue;
            }
            assert_invalid(
                json!({property: name}),
                &[property, "invisible character", point, "at position"],
            );
        }
    }
}

/// Invisible characters are often copied from a web page or a chat. The value looks right, so the
/// error must name the character.
#[test]
fn an_invisible_character_is_reported_in_every_property() {
    for (property, value) in [
        ("ChildZoneId", "Z1CHILD\u{200b}"),
        ("ParentZoneId", "Z1PAR\u{ad}ENT"),
        ("ParentRoleArn", "arn:aws:iam::111111111111:role/parent\u{200b}"),
        ("ChildRoleArn", "\u{feff}arn:aws:iam::111111111111:role/child"),
        ("ParentExternalId", "the\u{2011}s3cret\u{200b}"),
        ("ChildExternalId", "the-s3cret\u{2060}"),
        ("AssumeRoleRegion", "eu-central-1\u{200e}"),
        ("TTL", "300\u{200b}"),
        ("DsTTL", "\u{200b}3600"),
        ("ServiceTimeout", "36\u{200b}00"),
        ("AllowOverwrite", "true\u{200b}"),
        ("AllowOcclusion", "false\u{200d}"),
        ("Dnssec", "tr\u{200b}ue"),
        ("WaitForSync", "\u{2066}true"),
        ("Verification", "NONE\u{feff}"),
        ("KeySigningKeys", "one,tw\u{200b}o"),
        ("NameServers", "ns1.example.net,ns2.example.net\u{200b}"),
        ("DomainName", "testing.example.com\u{200b}"),
        ("ParentZoneName", "\u{feff}example.com"),
    ] {
        let at = value
            .chars()
            .find(|c| delegation_model::text::is_invisible(*c))
            .map(|c| format!("U+{:04X}", u32::from(c)));
        let error = parse(json!({property: value})).unwrap_err();
        assert!(error.contains(property) && error.contains("invisible character"), "{error}");
        assert!(error.contains(&at.unwrap()) && !error.contains("s3cret"), "{error}");
        assert_eq!(error.matches("invisible").count(), 1, "{error}");
    }
    assert_invalid(
        json!({"TTL": "\u{200b}"}),
        &["TTL (a value of one character, not repeated here) must be a whole number"],
    );
}

#[test]
fn invalid_values_are_reported() {
    assert_invalid(
        json!({"ChildZoneId": "Z1234567890123456789012345678901234"}),
        &["ChildZoneId (a value of 35 characters", "Z and 1 to 31"],
    );
    assert_invalid(
        json!({"ChildZoneId": 7}),
        &["ChildZoneId must be a string, but is a number. YAML"],
    );
    assert_invalid(
        json!({"ChildZoneId": ["Z1"]}),
        &["ChildZoneId must be a string, but is a list."],
    );
    assert_invalid(json!({"ParentZoneId": "Z1/../x"}), &["ParentZoneId"]);
    assert_invalid(json!({"ParentRoleArn": "parent"}), &["ParentRoleArn", "arn:aws:iam"]);
    assert_invalid(
        json!({"DomainName": "a..b"}),
        &["DomainName \"a..b\" is not a domain name", "position 3"],
    );
    for value in [json!("yes"), json!("1"), json!(1), json!([1])] {
        assert_invalid(
            json!({"AllowOverwrite": value}),
            &["AllowOverwrite", "must be true or false"],
        );
    }
}

#[test]
fn every_property_rejects_values_of_other_types() {
    let values = [
        json!(7),
        json!(7.5),
        json!(true),
        json!({"Ref": "X"}),
        json!([7]),
        json!([true]),
        json!([["a", ["b"]]]),
    ];
    for property in KNOWN.iter().filter(|key| **key != "Trigger").chain(&["ServiceTimeout"]) {
        for value in &values {
            let given = json!({
                *property: value, "ParentRoleArn": ROLE, "ChildRoleArn": ROLE, *property: value,
            });
            let accepted = match *property {
                "TTL" | "DsTTL" | "ServiceTimeout" => *value == json!(7),
                "AllowOverwrite" | "AllowOcclusion" | "Dnssec" | "WaitForSync" => {
                    value.is_boolean()
                }
                _ => false,
            };
            match parse(given) {
                Ok(_) => assert!(accepted, "{property}: {value} is accepted"),
                Err(error) => {
                    assert!(!accepted && error.contains(property), "{property}: {value}: {error}");
                }
            }
        }
    }
}

#[test]
fn long_values_are_reported_shortened() {
    let long = "a.".repeat(5000);
    let error = parse(json!({"DomainName": long})).unwrap_err();
    assert!(error.contains("DomainName") && error.len() < 400, "{error}");
    let key = "K".repeat(5000);
    let error = parse(json!({key: "x"})).unwrap_err();
    assert!(error.len() < 400, "{error}");
}
