//! The DNS check of a request, against name servers that answer over UDP and TCP.

use std::time::Duration;

use dns_check::{Timing, Verifier};
use sandbox::{Dns, DnsFault, RecordSet, SyncRule};
use serde_json::{Value, json};

use crate::world::{NAME, World};

/// A world whose zones are served, and a function that asks their name servers.
async fn world() -> (World, Dns) {
    let mut world = World::with(|config| config.check_patience = Duration::from_secs(1)).await;
    let dns = Dns::start(&world.aws).await.unwrap();
    let timing = Timing {
        datagrams: vec![Duration::from_millis(200)],
        tcp: Duration::from_millis(200),
        resolver: Duration::from_secs(1),
        pause: Duration::from_millis(1),
    };
    let verifier = Verifier::new(Some(dns.resolver())).with_timing(timing);
    world.handler = world.handler.with_verifier(verifier);
    (world, dns)
}

fn checked(verification: &str, more: Value) -> Value {
    let mut properties = json!({"Verification": verification});
    for (key, value) in more.as_object().unwrap() {
        properties[key] = value.clone();
    }
    properties
}

fn report() -> Value {
    checked("REPORT", json!({}))
}

fn require() -> Value {
    checked("REQUIRE", json!({}))
}

/// The child zone's first name server.
fn server(world: &World) -> String {
    world.child_servers()[0].clone()
}

#[tokio::test]
async fn a_good_delegation_is_reported_in_one_line() {
    let (world, dns) = world().await;
    for verification in [report(), require(), json!({"Verification": null})] {
        let answer = world.create(verification.clone()).await.success();
        let line = answer.get("Verification");
        assert!(line.contains("4 name servers answer for testing.example.com"), "{line}");
        assert!(line.contains("4 servers of example.com refer to them"), "{line}");
        assert_eq!((answer.get("ChangeStatus"), answer.get("Warning")), ("INSYNC", ""));
        world.delete(answer.id(), verification).await.success();
    }
    // A resolver would keep "no such name" for as long as the parent zone says.
    let asked: Vec<String> = dns.queries_to("resolver").into_iter().map(|query| query.name).collect();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|name| !name.ends_with("testing.example.com.")), "{asked:?}");
}

#[tokio::test]
async fn none_asks_nobody() {
    let (world, dns) = world().await;
    let answer = world.create(checked("NONE", json!({}))).await.success();
    assert_eq!(answer.get("Verification"), "");
    assert!(dns.queries().is_empty());
}

#[tokio::test]
async fn a_lame_server_is_found_before_the_world_sees_it() {
    let (world, dns) = world().await;
    dns.fault(&server(&world), DnsFault::Refused);
    let answer = world.create(require()).await.failed(&["nothing was changed", &server(&world), "REFUSED"]);
    assert!(answer.id().starts_with("unresolved/"));
    assert_eq!((world.delegated_to(), world.changes_sent()), (vec![], 0));
    // Reported, it hinders nothing.
    let answer = world.create(report()).await.success();
    assert!(answer.get("Verification").contains("REFUSED"), "{}", answer.get("Verification"));
    assert_eq!((answer.get("Warning"), world.delegated_to()), ("", world.child_servers()));
}

#[tokio::test]
async fn a_fresh_zone_gets_some_time() {
    let (world, dns) = world().await;
    dns.fault_times(&server(&world), DnsFault::Refused, 3);
    let answer = world.create(require()).await.success();
    assert!(answer.get("Verification").contains("refer to them"));
}

#[tokio::test]
async fn a_parent_zone_that_the_world_does_not_use_fails_after_the_change_with_the_real_id() {
    let (world, dns) = world().await;
    // The hosted zone that the world uses is another one of this name.
    let real = world.aws.account("444444444444").hosted_zone("example.com");
    dns.delegate_to(&real);
    let answer = world.create(require()).await.failed(&["was changed", "the DNS check failed", "example.com"]);
    assert_eq!(answer.id(), world.id());
    // CloudFormation's rollback takes it back.
    world.delete(answer.id(), require()).await.success();
    assert_eq!((world.delegated_to(), world.claims()), (vec![], vec![]));
    let reported = world.create(report()).await.success();
    assert!(!reported.get("Verification").contains("refer to them"), "{}", reported.get("Verification"));
}

#[tokio::test]
async fn a_request_that_changes_nothing_is_only_warned() {
    let (world, dns) = world().await;
    let id = world.create(require()).await.success().id().to_owned();
    dns.fault(&server(&world), DnsFault::Refused);
    let again = checked("REQUIRE", json!({"Trigger": "1"}));
    let answer = world.update(&id, require(), again).await.success();
    assert_eq!(answer.get("Action"), "UNCHANGED");
    assert!(answer.get("Warning").contains("did not change") && answer.get("Warning").contains("REFUSED"));
    // A TTL makes no name server another: neither this Update nor its rollback gets stuck.
    let retimed = checked("REQUIRE", json!({"TTL": "60"}));
    let answer = world.update(&id, require(), retimed.clone()).await.success();
    assert_eq!((answer.get("Action"), world.parent.record(NAME, "NS").unwrap().ttl), ("UPDATED", Some(60)));
    assert!(answer.get("Warning").contains("REFUSED"));
    // One that changes name servers fails before it does, and keeps its id.
    let fewer = checked("REQUIRE", json!({"TTL": "60", "NameServers": world.child_servers()[..2].join(",")}));
    assert_eq!(world.update(&id, retimed, fewer).await.failed(&["REFUSED", "nothing was changed"]).id(), id);
    assert_eq!(world.delegated_to(), world.child_servers());
}

#[tokio::test]
async fn a_duplicate_of_a_required_create_that_was_cut_off_is_still_required() {
    let (world, dns) = world().await;
    let event = world.event("Create", json!({"ResourceProperties": world.properties(require())}));
    world.deliver(event.clone()).await.success();
    dns.fault(&server(&world), DnsFault::Refused);
    assert_eq!(world.deliver(event).await.failed(&["the DNS check failed"]).id(), world.id());
}

#[tokio::test]
async fn a_shared_delegation_is_only_warned_of_by_a_duplicate_too() {
    let (mut world, dns) = world().await;
    world.create(require()).await.success();
    world.logical_id = "Renamed".into();
    dns.fault(&server(&world), DnsFault::Refused);
    let event = world.event("Create", json!({"ResourceProperties": world.properties(require())}));
    for _ in 0..2 {
        assert!(world.deliver(event.clone()).await.success().get("Warning").contains("REFUSED"));
    }
}

#[tokio::test]
async fn a_ds_that_stands_for_no_key_that_is_served_is_not_written_even_under_report() {
    let (world, _dns) = world().await;
    // Route 53 says that the zone signs, with a key that its name servers don't have.
    let digest = "1".repeat(64);
    world.child.sign([sandbox::KeySigningKey::active("one", 1111, &digest)]);
    let signed = checked("REPORT", json!({"Dnssec": "true"}));
    world.create(signed.clone()).await.failed(&["nothing was changed", "DNS check failed"]);
    let id = world.create(report()).await.success().id().to_owned();
    world.update(&id, report(), signed).await.failed(&["nothing was changed"]);
    assert_eq!(world.parent.record(NAME, "DS"), None);
}

/// Somebody moved the zone to another provider by hand, name servers, keys and all; an Update for another reason put the name
/// servers back under the DS record set of the others.
#[tokio::test]
async fn regression_name_servers_are_not_put_back_under_a_ds_for_keys_that_they_do_not_have() {
    let (world, _dns) = world().await;
    let id = world.create(report()).await.success().id().to_owned();
    let moved = world.aws.account("333333333333").hosted_zone(NAME);
    let key = moved.create_key("theirs");
    moved.start_signing();
    let servers = moved.name_servers();
    world.put_ns(&servers.iter().map(String::as_str).collect::<Vec<_>>());
    world.parent.put(RecordSet::new(NAME, "DS", 300, [key.ds_record()]));
    let update = world.update(&id, report(), checked("REPORT", json!({"Trigger": "1"}))).await;
    assert_eq!(update.failed(&["nothing was changed", "DNS check failed"]).id(), id);
    assert_eq!(world.delegated_to(), crate::world::plain(&servers));
    // With the keys of the child zone it is only drift.
    world.child.create_key("ours");
    world.child.start_signing();
    let ours = world.child.keys()[0].ds_record();
    world.parent.put(RecordSet::new(NAME, "DS", 300, [ours]));
    world.update(&id, report(), checked("REPORT", json!({"Trigger": "2"}))).await.success();
    assert_eq!(world.delegated_to(), world.child_servers());
}

#[tokio::test]
async fn a_ds_is_removed_whatever_the_check_says() {
    let (world, dns) = world().await;
    world.parent.create_key("parent");
    world.parent.start_signing();
    world.child.create_key("one");
    world.child.start_signing();
    let signed = checked("REQUIRE", json!({"Dnssec": "true"}));
    let id = world.create(signed.clone()).await.success().id().to_owned();
    dns.fault(&server(&world), DnsFault::Refused);
    let answer = world.update(&id, signed, require()).await.success();
    assert_eq!(world.parent.record(NAME, "DS"), None);
    assert!(answer.get("Warning").contains("REFUSED"), "{}", answer.get("Warning"));
}

/// The check takes seconds: what was seen before it is not what is changed.
#[tokio::test]
async fn regression_what_comes_below_the_cut_during_the_check_is_noticed() {
    let (world, dns) = world().await;
    dns.fault_times(&server(&world), DnsFault::Refused, 2);
    let (parent, asked) = (world.parent.clone(), dns.clone());
    world.aws.before_call(std::sync::Arc::new(move |call| {
        if call.action == "ListResourceRecordSets" && !asked.queries().is_empty() {
            parent.put(RecordSet::new("host.testing.example.com", "A", 300, ["192.0.2.7"]));
        }
    }));
    world.create(report()).await.failed(&["host.testing.example.com", "would hide"]);
    assert_eq!(world.delegated_to(), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_way_out_there_is_a_finding_and_no_hang() {
    let (world, dns) = world().await;
    dns.fault("resolver", DnsFault::Silent);
    let answer = world.create(report()).await.success();
    assert!(answer.get("Verification").contains("no way out for DNS"), "{}", answer.get("Verification"));
    assert_eq!(world.delegated_to(), world.child_servers());
    let other = world.child_account.hosted_zone("other.example.com");
    let elsewhere = checked("REQUIRE", json!({"ChildZoneId": other.id()}));
    world.create(elsewhere).await.failed(&["nothing was changed", "no way out"]);
}

#[tokio::test]
async fn a_ds_that_nobody_could_be_asked_about_is_not_written_but_with_none() {
    let (world, dns) = world().await;
    world.child.create_key("one");
    world.child.start_signing();
    dns.fault("resolver", DnsFault::Silent);
    let signed = |verification: &str| checked(verification, json!({"Dnssec": "true"}));
    world.create(signed("REPORT")).await.failed(&["nothing was changed", "no way out"]);
    let answer = world.create(signed("NONE")).await.success();
    assert!(!answer.get("DsRecords").is_empty());
}

#[tokio::test]
async fn a_required_check_that_runs_out_of_time_fails_and_takes_nothing_back_itself() {
    let (mut world, _dns) = world().await;
    world.timeout = Duration::from_secs(22);
    world.aws.sync_after(SyncRule::Never);
    let answer = world.create(require()).await.failed(&["ran out of time while waiting"]);
    assert_eq!((answer.id(), world.delegated_to()), (world.id().as_str(), world.child_servers()));
}

#[tokio::test]
async fn a_delegation_that_is_not_waited_for_is_checked_before_the_change_alone() {
    let (world, dns) = world().await;
    // REPORT means the same where it is given and where it is the default.
    for (mode, name) in [(json!(null), NAME), (json!("REPORT"), "given.example.com")] {
        let child = world.child_account.hosted_zone(name);
        let answer = world
            .create(json!({"ChildZoneId": child.id(), "Verification": mode, "WaitForSync": "false"}))
            .await
            .success();
        let line = answer.get("Verification");
        assert!(line.contains("name servers answer") && !line.contains("refer to them"), "{line}");
    }
    assert!(dns.queries().iter().all(|query| !world.parent.name_servers().contains(&query.server)));
}

#[tokio::test]
async fn name_servers_below_the_cut_are_asked_at_their_glue() {
    let (world, dns) = world().await;
    let servers = ["ns1.testing.example.com", "ns2.testing.example.com"];
    let zone = dns.zone(NAME, servers, []);
    for server in servers {
        let address = dns.server(server).ip().to_string();
        world.parent.put(RecordSet::new(server, "A", 300, [address.clone()]));
        zone.put(RecordSet::new(server, "A", 300, [address]));
    }
    let outside = json!({"ChildZoneId": null, "DomainName": NAME, "NameServers": servers.join(",")});
    let answer = world.create(checked("REQUIRE", outside)).await.success();
    assert!(answer.get("Verification").contains("2 name servers answer"), "{}", answer.get("Verification"));
}
