//! Tests of `delegation verify`.

use sandbox::{DnsFault, RecordSet};
use serde_json::json;

use crate::shell::{Shell, Snapshot};
use test_support::{EXTERNAL_ID, Fixture, NAME};

/// A fixture with a delegation.
async fn delegated() -> (Fixture, sandbox::Dns) {
    let fixture = Fixture::behind_sockets().await;
    fixture.create(json!({})).await.success();
    fixture.parent.put(fixture.parent.record(NAME, "NS").unwrap());
    let dns = fixture.aws.dns().await.unwrap();
    (fixture, dns)
}

#[tokio::test]
async fn verify_works_with_dns_alone_and_without_credentials() {
    let (fixture, dns) = delegated().await;
    let snapshot = Snapshot::new(&fixture);
    let shell = Shell { env: Vec::new() };
    let resolver = dns.resolver().to_string();
    let args = ["verify", NAME, "--resolver", &resolver];
    insta::assert_snapshot!("verify_with_dns_alone", shell.run(&args).text());
    let output = shell.run(&["verify", NAME, "--resolver", &resolver, "--json"]).ended(0).json();
    assert_eq!(
        (&output["good"], &output["expected_from"], &output["parent_zone"]),
        (&json!(true), &json!("dns"), &json!("example.com"))
    );
    assert_eq!(output["name_servers"].as_array().unwrap().len(), 4);
    assert!(fixture.aws.calls().is_empty(), "AWS was called");
    snapshot.assert_unchanged();
    // The resolver would cache a negative response.
    assert!(
        dns.queries_to("resolver").iter().all(|query| query.name.trim_end_matches('.') != NAME),
        "{:?}",
        dns.queries_to("resolver")
    );

    // Several names: one is not delegated, and one is not a valid name.
    let several = shell
        .run(&["verify", NAME, "a..b", "other.example.com", "--resolver", &resolver, "--json"])
        .ended(2);
    let output = several.json();
    assert_eq!((&output[0]["verdict"], &output[1]["verdict"]), (&json!("good"), &json!("bad")));
    assert!(several.err.contains("a..b"), "{several:?}");
    let parents = output[0]["parent_name_servers"].as_array().unwrap();
    assert_eq!((parents.len(), &parents[0]["addresses"][0]["serial"]), (4, &json!(1)));

    let server = fixture.child.name_servers()[0].clone();
    dns.fault(&server, DnsFault::Refused);
    let output = shell.run(&["verify", NAME, "--resolver", &resolver, "--json"]).ended(2).json();
    let finding = &output["findings"][0];
    assert_eq!((&finding["severity"], &finding["code"]), (&json!("problem"), &json!("rcode")));
    assert_eq!(
        (&finding["rcode"], &finding["server"]),
        (&json!("REFUSED"), &json!(server.trim_end_matches('.')))
    );
    assert_eq!(
        (&finding["of_parent_zone"], finding["addresses"].as_array().unwrap().len()),
        (&json!(false), 1)
    );
    insta::assert_snapshot!("verify_with_a_lame_server", shell.run(&args).text());
    assert!(
        finding["remedy"].as_str().unwrap().starts_with("Create the zone on this server"),
        "{finding}"
    );
    dns.heal_all();

    fixture.parent.remove(NAME, "NS");
    insta::assert_snapshot!("verify_without_a_delegation", shell.run(&args).text());
    let output = shell.run(&["verify", NAME, "--resolver", &resolver, "--json"]).ended(2).json();
    assert_eq!((&output["good"], &output["name_servers"]), (&json!(false), &json!([])));
}

/// Names in all the spellings that people use.
#[tokio::test]
async fn names_are_accepted_in_any_spelling() {
    let (fixture, dns) = delegated().await;
    let zones = ["_tcp.example.com", "xn--bcher-kva.example.com"];
    for zone in zones {
        dns.zone(zone, ["ns1.dns-host.net"], []);
        fixture.parent.put(RecordSet::new(zone, "NS", 60, ["ns1.dns-host.net"]));
    }
    let shell = Shell { env: Vec::new() }.with_dns(&dns);
    let names = [
        "TESTING.Example.com.",
        "_TCP.example.com",
        "Bücher.example.com",
        "xn--BCHER-kva.example.com.",
    ];
    let ran = shell.run(&[&["verify"], &names[..]].concat());
    insta::assert_snapshot!("verify_of_names_in_any_spelling", ran.text());
    // One bad name among good ones determines the exit status, in any order. An invalid name is an
    // error.
    let names = ["testing.example.com", "nothing.example.com", "_tcp.example.com"];
    let ran = shell.run(&[&["verify"], &names[..]].concat());
    insta::assert_snapshot!("verify_of_good_and_bad_names", ran.text());
    for invalid in ["", ".", "a..b", "-"] {
        let ran = shell.run(&["verify", "testing.example.com", "--", invalid]);
        assert!(
            !ran.out.contains("panicked") && !ran.err.contains("panicked"),
            "{invalid}: {ran:?}"
        );
        ran.ended(1);
    }
}

#[tokio::test]
async fn name_servers_inside_the_zone_are_found() {
    let fixture = Fixture::behind_sockets().await;
    let dns = fixture.aws.dns().await.unwrap();
    let inside = "ns1.inside.example.com";
    let address = dns.server(inside).ip().to_string();
    let zone = dns.zone(
        "inside.example.com",
        [inside],
        [RecordSet::new(inside, "A", 60, [address.clone()])],
    );
    fixture.parent.put(RecordSet::new("inside.example.com", "NS", 60, [inside]));
    fixture.parent.put(RecordSet::new(inside, "A", 60, [address]));
    let shell = Shell { env: Vec::new() }.with_dns(&dns);
    let verify = || shell.run(&["verify", "inside.example.com"]).text();
    insta::assert_snapshot!("verify_with_a_name_server_inside_the_zone", verify());
    zone.delete();
    insta::assert_snapshot!("verify_without_the_zone", verify());
}

#[tokio::test]
async fn no_response_from_any_server_is_an_error() {
    let shell = Shell { env: Vec::new() };
    // Nothing listens on the discard port of the loopback interface.
    let ran = shell.run(&["verify", NAME, "--resolver", "127.0.0.1:9"]).ended(1);
    ran.complains(&["the resolver 127.0.0.1:9 does not respond", "--resolver"]);

    let (fixture, dns) = delegated().await;
    for server in fixture.parent.name_servers() {
        dns.fault(&server, DnsFault::Silent);
    }
    Shell { env: Vec::new() }
        .with_dns(&dns)
        .run(&["verify", NAME])
        .ended(1)
        .complains(&["no name server of example.com answers"]);
}

#[tokio::test]
async fn the_zones_in_route_53_define_what_is_expected() {
    let (fixture, dns) = delegated().await;
    let shell = Shell::of_function(&fixture).with_dns(&dns);
    let (child, parent, role) =
        (fixture.child.id(), fixture.parent.id(), fixture.parent_role.arn());
    let parent = [
        "--parent-zone-id",
        &parent,
        "--parent-role-arn",
        &role,
        "--parent-external-id",
        EXTERNAL_ID,
    ];
    let snapshot = Snapshot::new(&fixture);
    let run = |args: &[&str], more: &[&str]| shell.run(&[&["verify", NAME], args, more].concat());
    let output = run(&parent, &["--json"]).ended(0).json();
    assert_eq!(output["expected_from"], "parent_zone");
    let output = run(&["--child-zone-id", &child], &["--json"]).ended(0).json();
    assert_eq!(output["expected_from"], "child_zone");
    let ran = run(&["--child-zone-id", &child], &["--child-only"]);
    insta::assert_snapshot!("verify_only_the_child", ran.text());
    run(&["--child-zone-id", &child, "--dnssec"], &[])
        .ended(1)
        .complains(&["--dnssec", "not signing"]);
    let ran = run(&["--name-servers", "ns1.nowhere.net"], &[]);
    insta::assert_snapshot!("verify_with_other_name_servers", ran.text());
    let ds = format!("1 13 2 {}", "AB".repeat(32));
    insta::assert_snapshot!("verify_with_another_key", run(&["--ds", &ds], &[]).text());
    snapshot.assert_unchanged();

    // A child zone that the parent zone does not refer to.
    let other = fixture.child_account.hosted_zone(NAME).id();
    run(&["--child-zone-id", &other], &[]).ended(2).says(&["refers to other name servers"]);
    run(&["--parent-zone-name", "example.com"], &[])
        .ended(1)
        .complains(&["no public hosted zone named example.com"]);
    let nested = shell.run(&[&["verify", "nothing.example.com"], &parent[..]].concat());
    insta::assert_snapshot!("verify_of_a_name_that_route_53_does_not_delegate", nested.text());
    shell
        .run(&[&["verify", "a.example.net"], &parent[..]].concat())
        .ended(1)
        .complains(&["is not below"]);
}

#[tokio::test]
async fn a_ds_record_set_of_another_zone_with_the_same_name_is_detected() {
    let (fixture, dns) = delegated().await;
    let other = fixture.parent_account.hosted_zone("example.com");
    other.put(fixture.parent.record(NAME, "NS").unwrap());
    dns.delegate_to(&fixture.parent);
    fixture.parent.put(RecordSet::new(NAME, "DS", 300, [format!("1 13 2 {}", "AB".repeat(32))]));
    let shell = Shell::new(&fixture.aws, &fixture.parent_account.user_credentials()).with_dns(&dns);
    let ran = shell.run(&["verify", NAME, "--parent-zone-id", &other.id()]);
    insta::assert_snapshot!("verify_with_another_zone_of_the_same_name", ran.text());
}

#[tokio::test]
async fn without_egress_silent_name_servers_are_unknown() {
    let (fixture, dns) = delegated().await;
    for server in fixture.child.name_servers() {
        dns.fault(&server, DnsFault::Silent);
    }
    let shell = Shell::of_function(&fixture).with_dns(&dns);
    let args = ["verify", NAME, "--child-zone-id", &fixture.child.id(), "--child-only"];
    // The root servers respond, so the silence is the fault of these name servers.
    insta::assert_snapshot!("verify_with_silent_name_servers", shell.run(&args).text());
    shell.run(&["verify", NAME]).ended(2).says(&["does not answer"]);
    dns.block_egress();
    insta::assert_snapshot!("verify_without_egress", shell.run(&args).text());
}

#[tokio::test]
async fn a_signed_delegation_is_checked_with_its_keys() {
    let fixture = Fixture::behind_sockets().await;
    let old = fixture.child.create_key("old");
    fixture.child.start_signing();
    fixture.create(json!({"Dnssec": "true"})).await.success();
    let dns = fixture.aws.dns().await.unwrap();
    let shell = Shell::of_function(&fixture).with_dns(&dns);
    shell
        .run(&["verify", NAME])
        .ended(0)
        .says(&[&format!("DS {}", old.ds_record()), "with the keys of its DS records"])
        .says(&["Remark: example.com is not signed, so a DS record set in it has no effect."]);
    let child = fixture.child.id();
    let output = shell
        .run(&["verify", NAME, "--child-zone-id", &child, "--dnssec", "--json"])
        .ended(0)
        .json();
    assert_eq!(output["ds"], json!([old.ds_record()]));

    // The key is replaced, and the DS record set stays.
    fixture.child.create_key("new");
    fixture.child.delete_key("old");
    shell.run(&["verify", NAME]).ended(2).says(&["does not serve the key"]);
    shell
        .run(&["verify", NAME, "--child-zone-id", &child, "--dnssec"])
        .ended(2)
        .says(&["has a different DS record set"]);
    let auditor =
        Shell::new(&fixture.aws, &fixture.parent_account.user_credentials()).with_dns(&dns);
    auditor
        .run(&["list", "--check", "--parent-zone-name", "example.com"])
        .ended(2)
        .says(&["bogus"]);
    // Without a DS record set nobody validates the zone, which is not an error.
    fixture.parent.remove(NAME, "DS");
    shell.run(&["verify", NAME]).ended(0).says(&[
        "Remark: testing.example.com is signed, but the parent zone has no DS record set for it, \
         so nobody validates it. Publish the DS record of its key in the parent zone, or stop \
         signing.",
    ]);
    let output = shell.run(&["verify", NAME, "--json"]).ended(0).json();
    assert_eq!(
        (&output["findings"][0]["code"], &output["findings"][0]["severity"]),
        (&json!("signed-without-ds"), &json!("remark"))
    );
    fixture.parent.put(RecordSet::new(NAME, "DS", 300, [old.ds_record()]));
    fixture.child.unsign();
    shell
        .run(&["verify", NAME, "--child-zone-id", &child])
        .ended(2)
        .says(&["has a different DS record set"]);
}

/// The servers of a zone may differ while it is being transferred.
#[tokio::test]
async fn serial_numbers_are_shown() {
    let (fixture, dns) = delegated().await;
    let server = fixture.child.name_servers()[0].clone();
    dns.fault(
        &server,
        DnsFault::Soa(
            "ns.example.net. hostmaster.example.net. 4711 7200 900 1209600 300".to_owned(),
        ),
    );
    let shell = Shell { env: Vec::new() }.with_dns(&dns);
    insta::assert_snapshot!("verify_with_different_serials", shell.run(&["verify", NAME]).text());
}

#[tokio::test]
async fn the_resolver_is_not_queried_below_a_name_that_is_not_delegated() {
    let fixture = Fixture::behind_sockets().await;
    let dns = fixture.aws.dns().await.unwrap();
    let inside = "ns1.new.example.com";
    let address = dns.server(inside).ip().to_string();
    dns.zone("new.example.com", [inside], [RecordSet::new(inside, "A", 60, [address.clone()])]);
    let bare = Shell { env: Vec::new() }.with_dns(&dns);
    let args = ["verify", "new.example.com", "--name-servers", inside];
    bare.run(&args).ended(2).says(&["has no address for it (glue)", "ZONE"]);
    bare.run(&[&args[..], &["--child-only"]].concat()).ended(2).says(&["(glue)"]);
    let below = |name: &str| name.trim_end_matches('.').ends_with("new.example.com");
    assert!(
        !dns.queries_to("resolver").iter().any(|query| below(&query.name)),
        "{:?}",
        dns.queries_to("resolver")
    );

    // With the parent zone, its addresses are known before the delegation exists.
    fixture.parent.put(RecordSet::new(inside, "A", 60, [address]));
    let shell = Shell::new(&fixture.aws, &fixture.parent_account.user_credentials()).with_dns(&dns);
    let flags = ["--child-only", "--parent-zone-id", &fixture.parent.id()];
    shell
        .run(&[&args[..], &flags].concat())
        .ended(0)
        .says(&["the name server answers for new.example.com"]);
}

/// `sandbox serve` prints commands that work as they are.
#[tokio::test]
async fn the_commands_printed_by_the_sandbox_work() {
    let served = sandbox::serve::start(0).await.unwrap();
    let lines: Vec<Vec<&str>> = served
        .description
        .lines()
        .filter_map(|line| line.strip_prefix("#   delegation "))
        .map(|line| line.split(' ').collect())
        .collect();
    let shell = Shell { env: Vec::new() };
    shell.run(&lines[0]).ended(0).says(&["the 4 name servers answer for testing.example.com"]);
    shell.run(&lines[1]).ended(2).says(&["testing.example.com is not delegated"]);
    assert_eq!(lines.len(), 2);
}
