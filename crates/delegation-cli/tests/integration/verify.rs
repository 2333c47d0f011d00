//! `delegation verify`.

use sandbox::{DnsFault, RecordSet};
use serde_json::json;

use crate::shell::{Shell, Still};
use test_support::{EXTERNAL_ID, Fixture, NAME};

/// A fixture in which the delegation stands.
async fn delegated() -> (Fixture, sandbox::Dns) {
    let fixture = Fixture::behind_sockets().await;
    fixture.create(json!({})).await.success();
    fixture.parent.put(fixture.parent.record(NAME, "NS").unwrap());
    let dns = fixture.aws.dns().await.unwrap();
    (fixture, dns)
}

#[tokio::test]
async fn dns_alone_tells_without_credentials() {
    let (fixture, dns) = delegated().await;
    let still = Still::of(&fixture);
    let shell = Shell { env: Vec::new() };
    let resolver = dns.resolver().to_string();
    let args = ["verify", NAME, "--resolver", &resolver];
    shell.run(&args).ended(0).says(&[
        "serves",
        "the 4 name servers answer for testing.example.com, and the 4 servers of example.com refer",
    ]);
    let told = shell.run(&["verify", NAME, "--resolver", &resolver, "--json"]).ended(0).json();
    assert_eq!(
        (&told["good"], &told["expected_from"], &told["parent_zone"]),
        (&json!(true), &json!("dns"), &json!("example.com"))
    );
    assert_eq!(told["name_servers"].as_array().unwrap().len(), 4);
    assert!(fixture.aws.calls().is_empty(), "AWS was asked");
    still.holds();
    // The resolver would keep a negative answer.
    assert!(
        dns.queries_to("resolver").iter().all(|query| query.name.trim_end_matches('.') != NAME),
        "{:?}",
        dns.queries_to("resolver")
    );

    // Several names, one of which is not delegated, and one that can't be one.
    let several = shell
        .run(&["verify", NAME, "a..b", "other.example.com", "--resolver", &resolver, "--json"])
        .ended(2);
    let told = several.json();
    assert_eq!((&told[0]["verdict"], &told[1]["verdict"]), (&json!("good"), &json!("bad")));
    assert!(several.err.contains("a..b"), "{several:?}");
    let parents = told[0]["parent_name_servers"].as_array().unwrap();
    assert_eq!((parents.len(), &parents[0]["addresses"][0]["serial"]), (4, &json!(1)));

    let server = fixture.child.name_servers()[0].clone();
    dns.fault(&server, DnsFault::Refused);
    let told = shell.run(&["verify", NAME, "--resolver", &resolver, "--json"]).ended(2).json();
    let finding = &told["findings"][0];
    assert_eq!((&finding["severity"], &finding["code"]), (&json!("problem"), &json!("rcode")));
    assert_eq!(
        (&finding["rcode"], &finding["server"]),
        (&json!("REFUSED"), &json!(server.trim_end_matches('.')))
    );
    assert_eq!(
        (&finding["of_parent_zone"], finding["addresses"].as_array().unwrap().len()),
        (&json!(false), 1)
    );
    let ran = shell.run(&args).ended(2);
    ran.says(&[
        "lame",
        &format!("Problem: {}", server.trim_end_matches('.')),
        "(REFUSED). Create the zone on this server, or remove the server from the delegation: anybody who",
    ]);
    assert!(
        finding["remedy"].as_str().unwrap().starts_with("Create the zone on this server"),
        "{finding}"
    );
    dns.heal_all();

    fixture.parent.remove(NAME, "NS");
    shell.run(&args).ended(2).says(&["testing.example.com is not delegated"]);
    let told = shell.run(&["verify", NAME, "--resolver", &resolver, "--json"]).ended(2).json();
    assert_eq!((&told["good"], &told["name_servers"]), (&json!(false), &json!([])));
}

/// However a person writes a name.
#[tokio::test]
async fn names_are_taken_as_people_write_them() {
    let (fixture, dns) = delegated().await;
    let zones = ["_tcp.example.com", "xn--bcher-kva.example.com"];
    for zone in zones {
        dns.zone(zone, ["ns1.dns-host.net"], []);
        fixture.parent.put(RecordSet::new(zone, "NS", 60, ["ns1.dns-host.net"]));
    }
    let shell = Shell { env: Vec::new() }.asking(&dns);
    let names = [
        "TESTING.Example.com.",
        "_TCP.example.com",
        "Bücher.example.com",
        "xn--BCHER-kva.example.com.",
    ];
    shell.run(&[&["verify"], &names[..]].concat()).ended(0).says(&[
        "answer for testing.example.com",
        "answers for _tcp.example.com",
        "answers for xn--bcher-kva.example.com",
    ]);
    // One that is bad among good ones decides, wherever it stands; one that is no name is an error.
    let names = ["testing.example.com", "nothing.example.com", "_tcp.example.com"];
    shell
        .run(&[&["verify"], &names[..]].concat())
        .ended(2)
        .says(&["nothing.example.com is not delegated", "_tcp.example.com"]);
    for wrong in ["", ".", "a..b", "-"] {
        let ran = shell.run(&["verify", "testing.example.com", "--", wrong]);
        assert!(!ran.out.contains("panicked") && !ran.err.contains("panicked"), "{wrong}: {ran:?}");
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
    let shell = Shell { env: Vec::new() }.asking(&dns);
    shell
        .run(&["verify", "inside.example.com"])
        .ended(0)
        .says(&[inside, "the name server answers for inside.example.com"]);
    zone.delete();
    shell.run(&["verify", "inside.example.com"]).ended(2).says(&["Problem: "]);
}

#[tokio::test]
async fn silence_everywhere_is_an_error() {
    let shell = Shell { env: Vec::new() };
    // Nobody listens on the discard port of the loopback interface.
    let ran = shell.run(&["verify", NAME, "--resolver", "127.0.0.1:9"]).ended(1);
    ran.complains(&["the resolver 127.0.0.1:9 does not answer", "--resolver"]);

    let (fixture, dns) = delegated().await;
    for server in fixture.parent.name_servers() {
        dns.fault(&server, DnsFault::Silent);
    }
    Shell { env: Vec::new() }
        .asking(&dns)
        .run(&["verify", NAME])
        .ended(1)
        .complains(&["no name server of example.com answers"]);
}

#[tokio::test]
async fn what_the_zones_hold_in_route_53_is_expected() {
    let (fixture, dns) = delegated().await;
    let shell = Shell::of(&fixture).asking(&dns);
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
    let still = Still::of(&fixture);
    let run = |args: &[&str], more: &[&str]| shell.run(&[&["verify", NAME], args, more].concat());
    let told = run(&parent, &["--json"]).ended(0).json();
    assert_eq!(told["expected_from"], "parent_zone");
    let told = run(&["--child-zone-id", &child], &["--json"]).ended(0).json();
    assert_eq!(told["expected_from"], "child_zone");
    run(&["--child-zone-id", &child], &["--child-only"])
        .ended(0)
        .says(&["by the child zone", "answer for"]);
    run(&["--child-zone-id", &child, "--dnssec"], &[])
        .ended(1)
        .complains(&["--dnssec", "not signing"]);
    run(&["--name-servers", "ns1.nowhere.net"], &[]).ended(2).says(&[
        "by the flags",
        "unresolved",
        "refers to other name servers",
    ]);
    let ds = format!("1 13 2 {}", "AB".repeat(32));
    run(&["--ds", &ds], &[]).ended(2).says(&[
        &format!("DS {ds}"),
        "has no DS record set for the name",
        "does not serve the key",
    ]);
    still.holds();

    // A child zone that is not what the parent zone refers to.
    let other = fixture.child_account.hosted_zone(NAME).id();
    run(&["--child-zone-id", &other], &[]).ended(2).says(&["refers to other name servers"]);
    run(&["--parent-zone-name", "example.com"], &[])
        .ended(1)
        .complains(&["no public hosted zone named example.com"]);
    let nested = shell.run(&[&["verify", "nothing.example.com"], &parent[..]].concat());
    nested
        .ended(2)
        .says(&["nothing.example.com is not delegated: the parent zone example.com has no NS record set of it"]);
    shell
        .run(&[&["verify", "a.example.net"], &parent[..]].concat())
        .ended(1)
        .complains(&["does not lie below"]);
}

#[tokio::test]
async fn the_ds_record_set_of_another_zone_of_that_name_is_noticed() {
    let (fixture, dns) = delegated().await;
    let other = fixture.parent_account.hosted_zone("example.com");
    other.put(fixture.parent.record(NAME, "NS").unwrap());
    dns.delegate_to(&fixture.parent);
    fixture.parent.put(RecordSet::new(NAME, "DS", 300, [format!("1 13 2 {}", "AB".repeat(32))]));
    let shell = Shell::new(&fixture.aws, &fixture.parent_account.user_credentials()).asking(&dns);
    let ran = shell.run(&["verify", NAME, "--parent-zone-id", &other.id()]).ended(2);
    ran.says(&["has another DS record set for the name (key tags 1)"]);
}

#[tokio::test]
async fn name_servers_of_which_none_answers_may_be_out_of_reach() {
    let (fixture, dns) = delegated().await;
    for server in fixture.child.name_servers() {
        dns.fault(&server, DnsFault::Silent);
    }
    let shell = Shell::of(&fixture).asking(&dns);
    let args = ["verify", NAME, "--child-zone-id", &fixture.child.id(), "--child-only"];
    // The servers of the root answer: so it is they.
    shell.run(&args).ended(2).says(&["does not answer", "silent"]);
    shell.run(&["verify", NAME]).ended(2).says(&["does not answer"]);
    dns.close_the_way_out();
    shell.run(&args).ended(1).says(&["nothing is known", "unknown"]);
}

#[tokio::test]
async fn a_signed_delegation_is_checked_with_its_keys() {
    let fixture = Fixture::behind_sockets().await;
    let old = fixture.child.create_key("old");
    fixture.child.start_signing();
    fixture.create(json!({"Dnssec": "true"})).await.success();
    let dns = fixture.aws.dns().await.unwrap();
    let shell = Shell::of(&fixture).asking(&dns);
    shell
        .run(&["verify", NAME])
        .ended(0)
        .says(&[&format!("DS {}", old.ds_record()), "with the keys of its DS records"])
        .says(&["Remark: example.com is not signed, so a DS record set in it proves nothing."]);
    let child = fixture.child.id();
    let told = shell
        .run(&["verify", NAME, "--child-zone-id", &child, "--dnssec", "--json"])
        .ended(0)
        .json();
    assert_eq!(told["ds"], json!([old.ds_record()]));

    // The key is replaced, and the DS record set stays.
    fixture.child.create_key("new");
    fixture.child.delete_key("old");
    shell.run(&["verify", NAME]).ended(2).says(&["does not serve the key"]);
    shell
        .run(&["verify", NAME, "--child-zone-id", &child, "--dnssec"])
        .ended(2)
        .says(&["has another DS record set"]);
    let auditor = Shell::new(&fixture.aws, &fixture.parent_account.user_credentials()).asking(&dns);
    auditor
        .run(&["list", "--check", "--parent-zone-name", "example.com"])
        .ended(2)
        .says(&["bogus"]);
    // Without a DS record set nobody validates the zone, and that is no fault.
    fixture.parent.remove(NAME, "DS");
    shell.run(&["verify", NAME]).ended(0).says(&[
        "Remark: testing.example.com is signed, but the parent zone has no DS record set for it, so nobody validates it. Publish the \
         DS record of its key in the parent zone, or stop signing.",
    ]);
    let told = shell.run(&["verify", NAME, "--json"]).ended(0).json();
    assert_eq!(
        (&told["findings"][0]["code"], &told["findings"][0]["severity"]),
        (&json!("signed-without-ds"), &json!("remark"))
    );
    fixture.parent.put(RecordSet::new(NAME, "DS", 300, [old.ds_record()]));
    fixture.child.unsign();
    shell
        .run(&["verify", NAME, "--child-zone-id", &child])
        .ended(2)
        .says(&["has another DS record set"]);
}

/// While a zone is being transferred its servers may differ.
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
    let shell = Shell { env: Vec::new() }.asking(&dns);
    let ran = shell.run(&["verify", NAME]).ended(0);
    let row = ran.out.lines().find(|line| line.contains(&server)).unwrap().to_owned();
    assert!(row.contains(" 4711 ") && row.contains("127."), "{row}");
    ran.says(&["testing.example.com has different serial numbers at its servers: 1, 4711"]);
}

#[tokio::test]
async fn below_a_name_that_is_not_delegated_the_resolver_is_asked_nothing() {
    let fixture = Fixture::behind_sockets().await;
    let dns = fixture.aws.dns().await.unwrap();
    let inside = "ns1.new.example.com";
    let address = dns.server(inside).ip().to_string();
    dns.zone("new.example.com", [inside], [RecordSet::new(inside, "A", 60, [address.clone()])]);
    let bare = Shell { env: Vec::new() }.asking(&dns);
    let args = ["verify", "new.example.com", "--name-servers", inside];
    bare.run(&args).ended(2).says(&["has no address for it (glue)", "ZONE"]);
    bare.run(&[&args[..], &["--child-only"]].concat()).ended(2).says(&["(glue)"]);
    let below = |name: &str| name.trim_end_matches('.').ends_with("new.example.com");
    assert!(
        !dns.queries_to("resolver").iter().any(|query| below(&query.name)),
        "{:?}",
        dns.queries_to("resolver")
    );

    // With the parent zone, its addresses are there before the delegation is.
    fixture.parent.put(RecordSet::new(inside, "A", 60, [address]));
    let shell = Shell::new(&fixture.aws, &fixture.parent_account.user_credentials()).asking(&dns);
    let of = ["--child-only", "--parent-zone-id", &fixture.parent.id()];
    shell
        .run(&[&args[..], &of].concat())
        .ended(0)
        .says(&["the name server answers for new.example.com"]);
}

/// `sandbox serve` prints command lines that work as they are.
#[tokio::test]
async fn the_lines_of_the_sandbox_work() {
    let (_aws, _dns, text) = sandbox::serve::start(0).await.unwrap();
    let lines: Vec<Vec<&str>> = text
        .lines()
        .filter_map(|line| line.strip_prefix("#   delegation "))
        .map(|line| line.split(' ').collect())
        .collect();
    let shell = Shell { env: Vec::new() };
    shell.run(&lines[0]).ended(0).says(&["the 4 name servers answer for testing.example.com"]);
    shell.run(&lines[1]).ended(2).says(&["testing.example.com is not delegated"]);
    assert_eq!(lines.len(), 2);
}
