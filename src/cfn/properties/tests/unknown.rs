//! Keys that are no properties.

use serde_json::json;

use super::*;

#[test]
fn a_key_with_blanks_is_shown_in_quotation_marks() {
    for (key, shown) in [
        ("", "\"\" is not a property"),
        (" ", "\" \" is not a property"),
        ("TTL ", "\"TTL \" is not a property of Custom::Delegation. Did you mean TTL?"),
        (
            " ChildZoneId",
            "\" ChildZoneId\" is not a property of Custom::Delegation. Did you mean ChildZoneId?",
        ),
        (
            "Parent Zone Name",
            "\"Parent Zone Name\" is not a property of Custom::Delegation. Did you mean \
             ParentZoneName?",
        ),
        (
            "childzoneid",
            "childzoneid is not a property of Custom::Delegation. Did you mean ChildZoneId?",
        ),
        ("T\u{422}L", "\"T\u{422}L\" is not a property"),
    ] {
        let error = parse(json!({key: "x"})).unwrap_err();
        assert!(error.starts_with(shown), "{error}");
    }
}

#[test]
fn a_mistyped_property_is_reported_with_similar_ones() {
    for (key, meant) in [
        ("ParentZonename", "Did you mean ParentZoneName?"),
        ("Ttl", "Did you mean TTL?"),
        ("DSTTL", "Did you mean DsTTL?"),
        ("Nameservers", "Did you mean NameServers?"),
        ("NamesServers", "Did you mean NameServers?"),
        ("ChildZomeId", "Did you mean ChildZoneId?"),
        ("ServiceTimeOut", "Did you mean ServiceTimeout?"),
        ("ServiceTokn", "Did you mean ServiceToken?"),
        ("ZoneId", "Did you mean ChildZoneId or ParentZoneId?"),
        ("HostedZoneId", "Did you mean ChildZoneId or ParentZoneId?"),
        ("RoleArn", "Did you mean ChildRoleArn or ParentRoleArn?"),
        ("AssumeRoleArn", "Did you mean ParentRoleArn?"),
        ("DelegatedZoneName", "Did you mean DomainName?"),
        ("DelegatedZoneNameServers", "Did you mean NameServers?"),
    ] {
        assert_invalid(
            json!({key: "x"}),
            &[&format!("{key} is not a property of Custom::Delegation. {meant}")],
        );
    }
    for key in ["Tags", "Id", "Comment", "ServiceWhatever", "Foo", "Weight", "SetIdentifier"] {
        let error = parse(json!({key: "x"})).unwrap_err();
        assert!(error.contains(key) && !error.contains("Did you mean"), "{error}");
    }
}
