//! Tests of `delegation list`.

use std::collections::BTreeMap;

use sandbox::{Dns, DnsFault, RecordSet};
use serde_json::{Value, json};

use crate::shell::{Shell, Snapshot};
use test_support::{Fixture, NAME, RECORD};

/// An auditor of the parent account, with read-only permissions.
fn auditor(fixture: &Fixture) -> Shell {
    let role = fixture.parent_account.role("auditor").policy(json!({"Statement": [{
        "Effect": "Allow",
        "Action": [
            "route53:GetHostedZone",
            "route53:ListHostedZonesByName",
            "route53:ListResourceRecordSets",
        ],
        "Resource": "*",
    }]}));
    Shell::new(&fixture.aws, &role.credentials())
}

/// Adds a zone outside of Route 53, and its delegation in the parent zone.
fn outside(fixture: &Fixture, dns: &Dns, name: &str, servers: &[&str]) -> sandbox::OutsideZone {
    fixture.parent.put(RecordSet::new(
        name,
        "NS",
        300,
        servers.iter().map(|server| format!("{server}.")),
    ));
    dns.zone(name, servers.iter().copied(), [])
}

/// The findings by name.
fn findings(output: &Value) -> BTreeMap<String, Vec<String>> {
    let entries = output["delegations"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let name =
                entry["name"].as_str().or(entry["ownership_record"].as_str()).unwrap().to_owned();
            (name, serde_json::from_value(entry["findings"].clone()).unwrap())
        })
        .collect()
}

const LIST: [&str; 3] = ["list", "--parent-zone-name", "example.com"];

fn list(shell: &Shell, more: &[&str]) -> crate::shell::Ran {
    shell.run(&[&LIST[..], more].concat())
}

#[tokio::test]
async fn the_list_shows_owners_and_name_servers() {
    let fixture = Fixture::behind_sockets().await;
    fixture.create(json!({})).await.success();
    fixture.parent.put(RecordSet::new("byhand.example.com", "NS", 300, ["ns1.example.net."]));
    let snapshot = Snapshot::new(&fixture);
    let shell = auditor(&fixture);
    insta::assert_snapshot!("list_without_a_check", list(&shell, &[]).text());
    let output = list(&shell, &["--json"]).ended(0).json();
    let entry = &output["delegations"][1];
    assert_eq!(entry["name"], NAME);
    assert_eq!(entry["name_servers"], json!(fixture.child_servers()));
    assert_eq!(
        (&entry["owners"][0]["owner"], &entry["owners"][0]["by"]),
        (&json!("mine/Delegation"), &json!("made"))
    );
    assert_eq!(
        (&entry["ttl"], &entry["ownership_record"], &entry["findings"]),
        (&json!(300), &json!(RECORD), &json!([]))
    );
    assert_eq!(
        (&output["checked"], &output["delegations"][0]["owners"]),
        (&json!(false), &json!([]))
    );
    snapshot.assert_unchanged();
}

#[tokio::test]
async fn every_kind_of_finding_is_found() {
    let mut fixture = Fixture::behind_sockets().await;
    let dns = fixture.aws.dns().await.unwrap();
    let server = |label: &str| format!("ns1.{label}.net");
    // testing.example.com is in order. A second resource has claims on two delegations, one of
    // which drifts.
    fixture.create(json!({})).await.success();
    fixture.logical_id = "Other".into();
    outside(&fixture, &dns, "drifted.example.com", &[&server("drift")]);
    let delegate = |name: &str, servers: &[&str]| {
        json!({
            "ChildZoneId": null, "DomainName": name, "NameServers": servers,
        })
    };
    fixture.create(delegate("drifted.example.com", &[&server("drift")])).await.success();
    outside(&fixture, &dns, "drifted.example.com", &[&server("elsewhere")]);
    fixture.create(delegate("missing.example.com", &[&server("missing")])).await.success();
    fixture.parent.remove("missing.example.com", "NS");
    // No zone with this name, a name server that does not exist, and one that does not respond.
    fixture.parent.put(RecordSet::new(
        "dangling.example.com",
        "NS",
        300,
        [format!("{}.", server("drift"))],
    ));
    fixture.parent.put(RecordSet::new("gone.example.com", "NS", 300, ["ns1.gone.net."]));
    outside(&fixture, &dns, "silent.example.com", &[&server("silent")]);
    dns.fault(&server("silent"), DnsFault::Silent);
    outside(&fixture, &dns, "lame.example.com", &[&server("good"), &server("refusing")]);
    dns.fault(&server("refusing"), DnsFault::Refused);
    outside(&fixture, &dns, "bogus.example.com", &[&server("bogus")]);
    fixture.parent.put(RecordSet::new(
        "bogus.example.com",
        "DS",
        300,
        [format!("1 13 2 {}", "AB".repeat(32))],
    ));
    let differs = outside(&fixture, &dns, "differs.example.com", &[&server("good")]);
    differs.put(RecordSet::new(
        "differs.example.com",
        "NS",
        300,
        ["ns1.good.net.", "ns2.good.net."],
    ));
    outside(&fixture, &dns, "good.example.com", &[&server("good")]);
    fixture.parent.put(RecordSet::new("below.good.example.com", "NS", 300, ["ns1.gone.net."]));

    let snapshot = Snapshot::new(&fixture);
    let shell = auditor(&fixture).with_dns(&dns);
    let output = list(&shell, &["--check", "--json"]).ended(2).json();
    snapshot.assert_unchanged();
    let expected = [
        ("below.good.example.com", &["hidden", "unowned"][..]),
        ("bogus.example.com", &["bogus", "unowned"]),
        ("dangling.example.com", &["dangling", "unowned"]),
        ("differs.example.com", &["differs", "unowned"]),
        ("drifted.example.com", &["drifted"]),
        ("gone.example.com", &["takeover", "unowned"]),
        ("good.example.com", &["unowned"]),
        ("lame.example.com", &["lame", "unowned"]),
        ("missing.example.com", &["missing"]),
        ("silent.example.com", &["outage", "unowned"]),
        (NAME, &[]),
    ];
    let expected = expected.map(|(name, marks)| {
        (name.to_owned(), marks.iter().map(|mark| (*mark).to_owned()).collect())
    });
    assert_eq!(findings(&output), BTreeMap::from(expected));
    assert_eq!(
        (&output["alarms"], &output["unknown"], &output["checked"]),
        (&json!(8), &json!(0), &json!(true))
    );
    insta::assert_snapshot!("list_of_every_finding", list(&shell, &["--check"]).text());
}

/// The network has a resolver but no egress on port 53, and one delegation has name servers that do
/// not exist.
#[tokio::test]
async fn without_egress_good_delegations_are_unknown() {
    let fixture = Fixture::behind_sockets().await;
    let dns = fixture.aws.dns().await.unwrap();
    fixture.create(json!({})).await.success();
    outside(&fixture, &dns, "good.example.com", &["ns1.good.net"]);
    fixture.parent.put(RecordSet::new("gone.example.com", "NS", 300, ["ns1.gone.net."]));
    dns.block_egress();
    let output = list(&auditor(&fixture).with_dns(&dns), &["--check", "--json"]).ended(2).json();
    let expected = [
        ("gone.example.com", vec!["takeover", "unowned"]),
        ("good.example.com", vec!["unknown", "unowned"]),
    ];
    let found = findings(&output);
    for (name, marks) in expected {
        assert_eq!(found[name], marks);
    }
    assert_eq!(found[NAME], ["unknown"]);
}

#[tokio::test]
async fn unowned_delegations_raise_an_alarm_only_with_unowned() {
    let fixture = Fixture::behind_sockets().await;
    let dns = fixture.aws.dns().await.unwrap();
    outside(&fixture, &dns, "byhand.example.com", &["ns1.good.net"]);
    let shell = auditor(&fixture).with_dns(&dns);
    list(&shell, &["--check"]).ended(0).says(&["unowned"]);
    let output = list(&shell, &["--check", "--unowned", "--json"]).ended(2).json();
    assert_eq!((&output["alarms"], &output["delegations"][0]["alarm"]), (&json!(1), &json!(true)));
}

#[tokio::test]
async fn without_any_response_delegations_are_unknown() {
    let fixture = Fixture::behind_sockets().await;
    fixture.create(json!({})).await.success();
    let shell = auditor(&fixture);
    // Nothing listens on the discard port of the loopback interface.
    let ran = list(&shell, &["--check", "--json", "--resolver", "127.0.0.1:9"]).ended(1);
    assert_eq!(findings(&ran.json())[NAME], ["unknown"]);
    assert!(ran.err.contains("could not be queried"), "{ran:?}");
}

#[tokio::test]
async fn zone_data_is_escaped_for_the_terminal() {
    let fixture = Fixture::behind_sockets().await;
    fixture.parent.put(RecordSet::new("evil.example.com", "NS", 300, ["\u{9b}2Jx\u{7f}\u{202e}"]));
    let shell = auditor(&fixture);
    // Each run asserts that no control character is printed.
    list(&shell, &[]).ended(0).says(&["evil.example.com", "\\u{9b}2Jx\\u{7f}\\u{202e}"]);
    let output = list(&shell, &["--json"]).ended(0).json();
    assert_eq!(output["delegations"][0]["name_servers"], json!(["\u{9b}2Jx\u{7f}\u{202e}"]));
}

#[tokio::test]
async fn a_large_zone_is_listed_page_by_page() {
    let fixture = Fixture::behind_sockets().await;
    for number in 0..9_000 {
        fixture.parent.put(RecordSet::new(
            &format!("host{number}.example.com"),
            "A",
            60,
            ["192.0.2.1"],
        ));
    }
    for number in 0..1_000 {
        fixture.parent.put(RecordSet::new(
            &format!("zone{number}.example.com"),
            "NS",
            60,
            ["ns1.example.net."],
        ));
    }
    // More record sets of one name than fit on a page.
    for number in 0..700 {
        let weighted = RecordSet::new("many.example.com", "A", 60, ["192.0.2.2"]);
        fixture.parent.put(weighted.weighted(&format!("set{number:03}"), 1));
    }
    fixture.aws.clear_calls();
    let output = list(&auditor(&fixture), &["--json"]).ended(0).json();
    assert_eq!(output["delegations"].as_array().unwrap().len(), 1_000);
    assert_eq!(
        fixture.actions().iter().filter(|action| *action == "ListResourceRecordSets").count(),
        36
    );
}

#[tokio::test]
async fn the_parent_zone_must_be_unique_public_and_readable() {
    let fixture = Fixture::behind_sockets().await;
    let shell = auditor(&fixture);
    let list_of = |more: &[&str]| shell.run(&[&["list"], more].concat());
    list_of(&["--parent-zone-name", "example.org"])
        .ended(1)
        .complains(&["no public hosted zone named example.org"]);
    list_of(&["--parent-zone-id", "Z0NOSUCH"]).ended(1).complains(&["Z0NOSUCH", "Correct the id"]);
    let private = fixture.parent_account.private_hosted_zone("example.com").id();
    list_of(&["--parent-zone-id", &private]).ended(1).complains(&["is private"]);
    fixture.parent_account.hosted_zone("example.com");
    list_of(&["--parent-zone-name", "example.com"])
        .ended(1)
        .complains(&["several public hosted zones"]);
    fixture.parent_account.role("auditor").without_policies();
    list_of(&["--parent-zone-id", &fixture.parent.id()]).ended(1).complains(&["denied"]);
}
