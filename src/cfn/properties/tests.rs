#![allow(clippy::needless_pass_by_value, reason = "called with json!")]

use serde_json::json;

use super::*;

const ROLE: &str = "arn:aws:iam::111111111111:role/parent";

fn with(changes: Value) -> Value {
    let mut properties = json!({"ServiceToken": "t", "ServiceTimeout": "600", "ChildZoneId": "Z1CHILD"});
    for (key, value) in changes.as_object().unwrap() {
        properties[key] = value.clone();
    }
    properties
}

fn parse(changes: Value) -> Result<Properties, String> {
    Properties::parse(&with(changes)).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(changes: Value, words: &[&str]) {
    let error = parse(changes).unwrap_err();
    for word in words {
        assert!(error.contains(word), "{error:?} does not say {word:?}");
    }
}

#[test]
fn defaults() {
    let parsed = parse(json!({})).unwrap();
    assert_eq!(parsed.child_zone, Some("Z1CHILD".parse().unwrap()));
    assert_eq!(parsed.ttl.seconds(), 172_800);
    assert_eq!(parsed.parent_zone, ParentZone::Closest);
    assert!(!parsed.allow_overwrite);
    assert_eq!(
        (parsed.child_role, parsed.parent_role, parsed.domain_name, parsed.name_servers),
        (None, None, None, None)
    );
}

#[test]
fn scalars_as_strings_and_as_json() {
    for ttl in [json!(300), json!("300"), json!(" 300 ")] {
        assert_eq!(parse(json!({"TTL": ttl})).unwrap().ttl.seconds(), 300);
    }
    for yes in [json!(true), json!("true"), json!("True")] {
        assert!(parse(json!({"AllowOverwrite": yes})).unwrap().allow_overwrite);
    }
    let listed = parse(json!({"NameServers": ["b.net", "a.net."]})).unwrap();
    assert_eq!(listed, parse(json!({"NameServers": "a.net, B.net"})).unwrap());
}

#[test]
fn empty_texts_are_not_given() {
    let empty = json!({"TTL": "", "DomainName": "", "ParentZoneId": "", "NameServers": "", "ParentRoleArn": "", "AllowOverwrite": ""});
    assert_eq!(parse(empty), parse(json!({})));
    assert_eq!(parse(json!({"TTL": null, "DomainName": null})), parse(json!({})));
}

#[test]
fn spellings_of_names_and_ids() {
    let one = json!({"ChildZoneId": "/hostedzone/Z1CHILD", "DomainName": "Testing.Example.com.", "ParentZoneName": "EXAMPLE.com."});
    let other = json!({"DomainName": "testing.example.com", "ParentZoneName": "example.com"});
    assert_eq!(parse(one), parse(other));
}

#[test]
fn a_typo_is_named_with_the_nearest_property() {
    refused(json!({"ParentZonename": "x"}), &["ParentZonename", "ParentZoneName"]);
    refused(json!({"Ttl": 1}), &["Ttl", "did you mean TTL?"]);
    refused(json!({"Nameservers": []}), &["NameServers"]);
}

#[test]
fn waiting_checking_and_signing_have_defaults() {
    let plain = parse(json!({})).unwrap();
    assert!(!plain.dnssec && plain.wait_for_sync && plain.waits());
    assert_eq!((plain.ds_ttl, plain.verifies(), plain.key_signing_keys), (Ttl::DS, Verification::Report, None));
    let empty = json!({"Dnssec": "", "KeySigningKeys": "", "DsTTL": "", "WaitForSync": "", "Verification": ""});
    assert_eq!(parse(empty), parse(json!({})));
}

#[test]
fn key_signing_keys_are_names_or_what_ref_gives() {
    let keys = |value: Value| parse(json!({"Dnssec": "true", "KeySigningKeys": value})).unwrap().key_signing_keys;
    let both = keys(json!(["ksk_1", "Z1CHILD|ksk_2"]));
    assert_eq!(both.as_ref().unwrap().iter().map(KeyName::as_str).collect::<Vec<_>>(), ["ksk_1", "ksk_2"]);
    assert_eq!(keys(json!("ksk_2, ksk_1")), both);
    assert!(parse(json!({"KeySigningKeys": ["Z2OTHER|ksk_1"]})).is_ok(), "no effect without Dnssec");
    refused(
        json!({"Dnssec": true, "KeySigningKeys": ["Z2OTHER|ksk_1"]}),
        &["KeySigningKeys", "Z2OTHER|ksk_1", "another zone", "Z1CHILD"],
    );
    refused(json!({"KeySigningKeys": []}), &["KeySigningKeys", "at least one"]);
    refused(json!({"KeySigningKeys": ["a-b"]}), &["KeySigningKeys", "a-b", "3 to 128"]);
    refused(json!({"KeySigningKeys": "ksk_1,,"}), &["KeySigningKeys"]);
    refused(json!({"KeySigningKeys": [1]}), &["KeySigningKeys", "list of texts"]);
}

#[test]
fn a_required_check_implies_waiting() {
    let waits = |wait: &str, check: &str| parse(json!({"WaitForSync": wait, "Verification": check})).unwrap().waits();
    for mode in ["", "NONE", "REPORT"] {
        assert!(waits("true", mode) && !waits("false", mode), "{mode}");
    }
    assert!(waits("false", "require"));
    refused(json!({"Verification": "maybe"}), &["Verification", "maybe", "REQUIRE"]);
    refused(json!({"WaitForSync": "soon"}), &["WaitForSync", "true or false"]);
    refused(json!({"DsTTL": "1h"}), &["DsTTL", "2147483647"]);
}

#[test]
fn dnssec_needs_a_child_zone_to_read() {
    let outside =
        json!({"ChildZoneId": null, "DomainName": "a.example.com", "NameServers": "ns1.example.net", "Dnssec": true});
    refused(outside, &["Dnssec", "ChildZoneId"]);
    assert!(parse(json!({"NameServers": "ns1.example.net", "Dnssec": true})).is_ok());
}

#[test]
fn what_starts_with_service_is_cloudformations() {
    assert!(parse(json!({"ServiceWhatever": {"a": 1}})).is_ok());
}

#[test]
fn bad_values_are_named() {
    refused(json!({"ChildZoneId": "Z-1"}), &["ChildZoneId", "Z-1"]);
    refused(json!({"ChildZoneId": 7}), &["ChildZoneId", "text"]);
    refused(json!({"ChildZoneId": ["Z1"]}), &["ChildZoneId", "text"]);
    refused(json!({"ParentZoneId": "Z1/../x"}), &["ParentZoneId"]);
    refused(json!({"ParentRoleArn": "parent"}), &["ParentRoleArn", "arn:aws:iam"]);
    refused(json!({"DomainName": "a..b"}), &["DomainName", "position 3"]);
    refused(json!({"DomainName": "b\u{fc}cher.example.com"}), &["DomainName", "xn--"]);
    for ttl in [json!("-1"), json!(2_147_483_648_u64), json!("1h"), json!(1.5), json!([300])] {
        refused(json!({"TTL": ttl}), &["TTL", "2147483647"]);
    }
    for value in [json!("yes"), json!(1), json!([])] {
        refused(json!({"AllowOverwrite": value}), &["AllowOverwrite", "true or false"]);
    }
    refused(json!({"NameServers": []}), &["NameServers"]);
    refused(json!({"NameServers": [1]}), &["NameServers", "texts"]);
    refused(json!({"NameServers": {"a": 1}}), &["NameServers"]);
    refused(json!({"NameServers": "192.0.2.1"}), &["NameServers", "address"]);
}

#[test]
fn both_or_neither_of_alternatives() {
    refused(json!({"ParentZoneId": "Z1", "ParentZoneName": "example.com"}), &["ParentZoneId and ParentZoneName"]);
    refused(json!({"ChildZoneId": null}), &["ChildZoneId is missing"]);
    refused(json!({"ChildZoneId": null, "NameServers": "a.net"}), &["DomainName is missing"]);
    refused(
        json!({"ChildZoneId": null, "NameServers": "a.net", "DomainName": "a.b", "ChildRoleArn": ROLE}),
        &["ChildRoleArn"],
    );
    assert!(parse(json!({"ChildZoneId": null, "NameServers": "a.net", "DomainName": "a.b"})).is_ok());
    assert!(parse(json!({"NameServers": "a.net"})).is_ok(), "it overrides what is read");
}

#[test]
fn external_ids_need_their_role_and_are_not_shown() {
    refused(json!({"ParentExternalId": "secret"}), &["ParentExternalId", "ParentRoleArn"]);
    let error = parse(json!({"ParentRoleArn": ROLE, "ParentExternalId": "the secret"})).unwrap_err();
    assert!(error.contains("ParentExternalId") && !error.contains("the secret"));
    let parsed = parse(json!({"ParentRoleArn": ROLE, "ParentExternalId": "the-secret"})).unwrap();
    assert!(!format!("{parsed:?}").contains("the-secret"));
    assert_eq!(parsed.parent_role.unwrap().external_id.unwrap().expose(), "the-secret");
}

#[test]
fn the_region_for_roles_has_the_form_of_one() {
    let region = |text: &str| parse(json!({"ParentRoleArn": ROLE, "ChildRoleArn": ROLE, "AssumeRoleRegion": text}));
    for text in ["eu-central-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1", "ap-southeast-12"] {
        let parsed = region(text).unwrap();
        for role in [parsed.parent_role.unwrap(), parsed.child_role.unwrap()] {
            assert_eq!(role.region.unwrap().as_str(), text);
        }
    }
    assert_eq!(region("").unwrap().parent_role.unwrap().region, None, "an empty parameter is none");
    for text in [
        "Frankfurt",
        "eu-central",
        "1",
        "eu-central-x",
        "eu-central-1.example.net",
        "eu--1",
        "EU-CENTRAL-1",
        "a-b-c-d-e-1",
    ] {
        assert!(region(text).unwrap_err().contains("AssumeRoleRegion"), "{text}");
    }
}

#[test]
fn over_long_values_are_named_and_cut() {
    let long = "a.".repeat(5000);
    let error = parse(json!({"DomainName": long})).unwrap_err();
    assert!(error.contains("DomainName") && error.len() < 400, "{error}");
    let key = "K".repeat(5000);
    let error = parse(json!({key: "x"})).unwrap_err();
    assert!(error.len() < 400, "{error}");
}

#[test]
fn no_properties_at_all() {
    for nothing in [Value::Null, json!({})] {
        assert!(Properties::parse(&nothing).unwrap_err().to_string().contains("ChildZoneId is missing"));
    }
    for odd in [json!([]), json!("x"), json!(1)] {
        assert!(Properties::parse(&odd).unwrap_err().to_string().contains("not an object"));
    }
}

#[test]
fn a_delete_salvages_what_it_can() {
    let (salvage, errors) = Properties::salvage(&with(json!({
        "ParentRoleArn": ROLE, "TTL": "soon", "Unknown": 1, "DomainName": "a..b", "NameServers": "a.net", "Dnssec": "x",
    })));
    assert_eq!(salvage.parent_role.unwrap().arn.as_str(), ROLE);
    assert_eq!(salvage.domain_name, None);
    assert!(salvage.name_servers.is_some());
    assert!(!salvage.parent_role_unreadable);
    assert_eq!(errors.len(), 2);
    assert!(!salvage.dnssec && salvage.waits);
    let (salvage, _) = Properties::salvage(&json!({"ParentRoleArn": 7}));
    assert!(salvage.parent_role_unreadable);
    for odd in [json!(null), json!(7), json!("x"), json!([1])] {
        let (salvage, _) = Properties::salvage(&odd);
        assert_eq!((salvage.child_zone, salvage.parent_role), (None, None));
    }
}

#[test]
fn service_timeouts() {
    assert_eq!(service_timeout(&json!({"ServiceTimeout": "600"})), Some(600));
    assert_eq!(service_timeout(&json!({"ServiceTimeout": 1})), Some(1));
    for odd in [
        json!({}),
        json!(null),
        json!({"ServiceTimeout": "x"}),
        json!({"ServiceTimeout": 0}),
        json!({"ServiceTimeout": 3601}),
    ] {
        assert_eq!(service_timeout(&odd), None);
    }
}
