#![allow(clippy::needless_pass_by_value, reason = "called with json!")]

mod lists;
mod messages;
mod roles;
mod scalars;
mod secrets;
mod unknown;
mod zones;

use serde_json::json;

use super::*;

const ROLE: &str = "arn:aws:iam::111111111111:role/parent";

fn with(changes: Value) -> Value {
    let mut properties =
        json!({"ServiceToken": "t", "ServiceTimeout": "600", "ChildZoneId": "Z1CHILD"});
    for (key, value) in changes.as_object().unwrap() {
        properties[key] = value.clone();
    }
    properties
}

fn parse(changes: Value) -> Result<Properties, String> {
    Properties::parse(&with(changes)).map_err(|error| error.to_string())
}

#[track_caller]
fn assert_invalid(changes: Value, words: &[&str]) {
    let error = parse(changes).unwrap_err();
    for word in words {
        assert!(error.contains(word), "{error:?} does not contain {word:?}");
    }
}

#[test]
fn missing_properties_have_defaults() {
    let parsed = parse(json!({})).unwrap();
    assert_eq!(parsed.child_zone, Some("Z1CHILD".parse().unwrap()));
    assert_eq!(parsed.ttl.seconds(), 172_800);
    assert_eq!(*parsed.parent_zone(), ParentZone::Closest);
    assert!(!parsed.allow_overwrite);
    let texts =
        (&parsed.child_role, &parsed.parent_role, &parsed.domain_name, &parsed.name_servers);
    assert_eq!(texts, (&None, &None, &None, &None));
}

#[test]
fn blank_values_count_as_missing() {
    let properties = KNOWN.iter().filter(|key| !["ChildZoneId", "Trigger"].contains(key));
    let properties: Vec<&str> = properties.copied().chain(["ServiceTimeout"]).collect();
    for blank in [
        json!(null),
        json!(""),
        json!(" "),
        json!([]),
        json!([""]),
        json!([" ", null]),
        json!([[]]),
        json!({}),
    ] {
        for property in &properties {
            assert_eq!(parse(json!({*property: blank})), parse(json!({})), "{property}: {blank}");
        }
        assert_invalid(json!({"ChildZoneId": blank}), &["ChildZoneId is missing"]);
    }
    for list in ["NameServers", "KeySigningKeys"] {
        for blank in [json!(","), json!(" , ,"), json!([",", ""]), json!(["", [" "]])] {
            assert_eq!(parse(json!({list: blank})), parse(json!({})), "{list}: {blank}");
        }
    }
}

#[test]
fn waiting_checking_and_signing_have_defaults() {
    let plain = parse(json!({})).unwrap();
    assert!(!plain.dnssec && plain.wait_for_sync && plain.waits_for_sync());
    assert_eq!(
        (plain.ds_ttl, plain.verification_mode(), &plain.key_signing_keys),
        (Ttl::DS, Verification::Report, &None)
    );
    let empty = json!({
        "Dnssec": "", "KeySigningKeys": "", "DsTTL": "", "WaitForSync": "", "Verification": "",
    });
    assert_eq!(parse(empty), parse(json!({})));
}

#[test]
fn a_required_dns_check_implies_waiting() {
    let waits = |wait: &str, check: &str| {
        parse(json!({"WaitForSync": wait, "Verification": check})).unwrap().waits_for_sync()
    };
    for mode in ["", "NONE", "REPORT"] {
        assert!(waits("true", mode) && !waits("false", mode), "{mode}");
    }
    assert!(waits("false", "require"));
    assert_invalid(json!({"Verification": "maybe"}), &["Verification", "maybe", "REQUIRE"]);
    assert_invalid(json!({"WaitForSync": "soon"}), &["WaitForSync \"soon\" must be true or false"]);
    assert_invalid(json!({"DsTTL": "1h"}), &["DsTTL", "2147483647"]);
}

#[test]
fn dnssec_requires_a_child_zone() {
    let outside = json!({
        "ChildZoneId": null,
        "DomainName": "a.example.com",
        "NameServers": "ns1.example.net",
        "Dnssec": true,
    });
    assert_invalid(outside, &["Dnssec", "ChildZoneId"]);
    assert!(parse(json!({"NameServers": "ns1.example.net", "Dnssec": true})).is_ok());
}

#[test]
fn alternative_properties_exclude_each_other() {
    assert_invalid(
        json!({"ParentZoneId": "Z1", "ParentZoneName": "example.com"}),
        &["ParentZoneId and ParentZoneName"],
    );
    assert_invalid(json!({"ChildZoneId": null}), &["ChildZoneId is missing"]);
    assert_invalid(
        json!({"ChildZoneId": null, "NameServers": "a.net"}),
        &["DomainName is missing"],
    );
    assert_invalid(
        json!({
            "ChildZoneId": null, "NameServers": "a.net", "DomainName": "a.b", "ChildRoleArn": ROLE,
        }),
        &["ChildRoleArn"],
    );
    assert!(
        parse(json!({"ChildZoneId": null, "NameServers": "a.net", "DomainName": "a.b"})).is_ok()
    );
    assert!(parse(json!({"NameServers": "a.net"})).is_ok(), "it overrides the zone's own");
}

#[test]
fn properties_must_be_an_object() {
    for nothing in [Value::Null, json!({})] {
        assert!(
            Properties::parse(&nothing).unwrap_err().to_string().contains("ChildZoneId is missing")
        );
    }
    for odd in [json!([]), json!("x"), json!(1)] {
        assert!(Properties::parse(&odd).unwrap_err().to_string().contains("must be an object"));
    }
}

#[test]
fn lenient_parsing_keeps_what_is_valid() {
    let (partial, errors) = Partial::parse(&with(json!({
        "ParentRoleArn": ROLE,
        "TTL": "soon",
        "Unknown": 1,
        "DomainName": "a..b",
        "NameServers": "a.net",
        "Dnssec": "x",
    })));
    assert_eq!(partial.parent_role.as_ref().unwrap().arn.as_str(), ROLE);
    assert_eq!((&partial.domain_name, partial.ttl), (&None, Ttl::DELEGATION));
    assert!(partial.name_servers.is_some());
    assert!(!partial.parent_role_unreadable && partial.point_unreadable);
    assert_eq!(
        errors.iter().map(|error| error.code).collect::<Vec<_>>(),
        [Code::UnknownProperty, Code::InvalidName, Code::InvalidTtl, Code::InvalidBoolean]
    );
    assert!(!partial.dnssec && partial.waits_for_sync());
    let (partial, _) = Partial::parse(&with(json!({"TTL": "soon", "Unknown": 1})));
    assert!(!partial.point_unreadable, "the delegation point can be determined");
    for odd in [json!({"ParentRoleArn": 7}), json!({"ParentRoleArn": ROLE, "ParentExternalId": 7})]
    {
        assert!(Partial::parse(&odd).0.parent_role_unreadable);
    }
    for odd in [json!(null), json!(7), json!("x"), json!([1])] {
        let (partial, _) = Partial::parse(&odd);
        assert_eq!((partial.child_zone, partial.parent_role), (None, None));
    }
}
