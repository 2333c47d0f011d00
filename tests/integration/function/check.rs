//! The DNS check of a request, against real name servers that answer over UDP and TCP.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sandbox::{DnsFault, Fault, FaultKind, RecordSet, SyncRule};
use serde_json::{Value, json};

use test_support::{Fixture, NAME};

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

/// Returns the child zone's first name server.
fn server(fixture: &Fixture) -> String {
    fixture.child_servers()[0].clone()
}

#[tokio::test(start_paused = true)]
async fn a_good_delegation_is_reported_in_one_line() {
    let fixture = Fixture::new().await;
    for verification in [report(), require(), json!({"Verification": null})] {
        let answer = fixture.create(verification.clone()).await.success();
        let line = answer.get("Verification");
        assert!(line.contains("4 name servers answer for testing.example.com"), "{line}");
        assert!(line.contains("4 servers of example.com refer to them"), "{line}");
        assert_eq!((answer.get("ChangeStatus"), answer.get("Warning")), ("INSYNC", ""));
        fixture.delete(answer.id(), verification).await.success();
    }
    // A query for the name would put "no such name" into the resolver's cache for as long as the
    // parent zone's SOA says.
    let asked: Vec<String> =
        fixture.dns.queries_to("resolver").into_iter().map(|query| query.name).collect();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|name| !name.ends_with("testing.example.com.")), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn verification_none_sends_no_queries() {
    let fixture = Fixture::new().await;
    let answer = fixture.create(checked("NONE", json!({}))).await.success();
    assert_eq!(answer.get("Verification"), "");
    assert!(fixture.dns.queries().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lame_server_is_found_before_the_delegation_is_written() {
    let fixture = Fixture::new().await;
    fixture.dns.fault(&server(&fixture), DnsFault::Refused);
    let answer = fixture.create(require()).await.failed(&[
        "nothing was changed",
        &server(&fixture),
        "REFUSED",
    ]);
    assert!(answer.id().starts_with("unresolved/"));
    assert_eq!((fixture.delegated_to(), fixture.changes_sent()), (vec![], 0));
    // With REPORT, the finding does not stop the request.
    let answer = fixture.create(report()).await.success();
    assert!(answer.get("Verification").contains("REFUSED"), "{}", answer.get("Verification"));
    assert_eq!((answer.get("Warning"), fixture.delegated_to()), ("", fixture.child_servers()));
}

/// The owner of the child zone changes its name servers each time that it is read, and the change
/// of the parent zone is denied, so that the request is retried as often as possible.
#[tokio::test(start_paused = true)]
async fn one_request_makes_few_checks_however_often_it_is_tried() {
    let mut fixture = Fixture::new().await;
    fixture.restart(|config| config.propagation_wait = Duration::from_mins(15)).await;
    let (child, own, read) =
        (fixture.child.clone(), fixture.child.name_servers(), AtomicU64::new(0));
    fixture.aws.before_call(Arc::new(move |call| {
        if call.action == "GetHostedZone" && call.zone.as_deref() == Some(&child.id()) {
            let other = format!("ns{}.elsewhere.net.", read.fetch_add(1, Ordering::Relaxed));
            child.put(RecordSet::new(NAME, "NS", 60, own.iter().cloned().chain([other])));
        }
    }));
    let denied = FaultKind::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "not authorized".into(),
    };
    fixture.aws.fault(Fault::on("ChangeResourceRecordSets").kind(denied).always());
    fixture.create(report()).await.failed(&["was denied"]);
    assert!(fixture.changes_sent() > 4, "{}", fixture.changes_sent());
    let asked: BTreeSet<String> = fixture
        .dns
        .queries_to("resolver")
        .into_iter()
        .map(|query| query.name)
        .filter(|name| name.ends_with(".elsewhere.net."))
        .collect();
    assert!(asked.len() <= 3, "{asked:?}");
}

/// The name servers refuse to answer for as long as the checks before and after the change wait.
#[tokio::test(start_paused = true)]
async fn all_checks_of_one_request_share_one_budget_of_queries() {
    let mut fixture = Fixture::new().await;
    fixture.restart(|config| config.check_patience = Duration::from_mins(38)).await;
    fixture.timeout = Duration::from_mins(58);
    for server in fixture.child_servers() {
        fixture.dns.fault(&server, DnsFault::Refused);
    }
    let answer = fixture.create(report()).await.success();
    let queries = fixture.dns.queries().len();
    assert!((900..=1250).contains(&queries), "{queries} queries");
    assert!(!answer.get("Verification").contains("refer to them"), "{}", answer.0);
}

#[tokio::test(start_paused = true)]
async fn a_new_zone_gets_some_time() {
    let fixture = Fixture::new().await;
    fixture.dns.fault_times(&server(&fixture), DnsFault::Refused, 3);
    let answer = fixture.create(require()).await.success();
    assert!(answer.get("Verification").contains("refer to them"));
}

#[tokio::test(start_paused = true)]
async fn a_parent_zone_that_the_world_does_not_use_fails_the_check_and_the_change_is_undone() {
    let fixture = Fixture::new().await;
    // The world uses another hosted zone of the parent's name than the fixture.
    let real = fixture.aws.account("444444444444").hosted_zone("example.com");
    fixture.dns.delegate_to(&real);
    let words = ["was changed", "the DNS check failed", "example.com", "were undone"];
    let answer = fixture.create(require()).await.failed(&words);
    assert!(answer.id().starts_with("unresolved/"), "{}", answer.0);
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
    let reported = fixture.create(report()).await.success();
    assert!(
        !reported.get("Verification").contains("refer to them"),
        "{}",
        reported.get("Verification")
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_changes_nothing_only_gets_a_warning() {
    let fixture = Fixture::new().await;
    let id = fixture.create(require()).await.success().id().to_owned();
    fixture.dns.fault(&server(&fixture), DnsFault::Refused);
    let again = checked("REQUIRE", json!({"Trigger": "1"}));
    let answer = fixture.update(&id, require(), again).await.success();
    assert_eq!(answer.get("Action"), "UNCHANGED");
    assert!(
        answer.get("Warning").contains("did not change")
            && answer.get("Warning").contains("REFUSED")
    );
    // A change of the TTL does not change the name servers: the check fails neither this Update nor
    // its rollback.
    let retimed = checked("REQUIRE", json!({"TTL": "60"}));
    let answer = fixture.update(&id, require(), retimed.clone()).await.success();
    assert_eq!(
        (answer.get("Action"), fixture.parent.record(NAME, "NS").unwrap().ttl),
        ("UPDATED", Some(60))
    );
    assert!(answer.get("Warning").contains("REFUSED"));
    // An Update that changes name servers fails before it changes anything, and keeps its id.
    let fewer = checked(
        "REQUIRE",
        json!({"TTL": "60", "NameServers": fixture.child_servers()[..2].join(",")}),
    );
    assert_eq!(
        fixture.update(&id, retimed, fewer).await.failed(&["REFUSED", "nothing was changed"]).id(),
        id
    );
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn a_rollback_restores_name_servers_even_if_one_is_lame_now() {
    // The same rollback deletes the other zone. If its name servers were left, the name would be
    // lost.
    let fixture = Fixture::new().await;
    let id = fixture.create(require()).await.success().id().to_owned();
    let other = fixture.child_account.hosted_zone(NAME);
    let elsewhere = checked("REQUIRE", json!({"ChildZoneId": other.id()}));
    fixture.update(&id, require(), elsewhere.clone()).await.success();
    fixture.dns.fault(&server(&fixture), DnsFault::Refused);
    let answer = fixture.update(&id, elsewhere, require()).await.success();
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    assert!(
        answer.get("Warning").contains("restored") && answer.get("Warning").contains("REFUSED"),
        "{}",
        answer.0
    );
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_a_create_that_was_cut_off_still_requires_the_check() {
    let fixture = Fixture::new().await;
    let event =
        fixture.event("Create", json!({"ResourceProperties": fixture.properties(require())}));
    fixture.deliver(event.clone()).await.success();
    fixture.dns.fault(&server(&fixture), DnsFault::Refused);
    assert_eq!(fixture.deliver(event).await.failed(&["DNS check failed"]).id(), fixture.id());
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_a_create_that_shares_only_gets_a_warning_too() {
    let mut fixture = Fixture::new().await;
    fixture.create(require()).await.success();
    fixture.logical_id = "Renamed".into();
    fixture.dns.fault(&server(&fixture), DnsFault::Refused);
    let event =
        fixture.event("Create", json!({"ResourceProperties": fixture.properties(require())}));
    for _ in 0..2 {
        assert!(fixture.deliver(event.clone()).await.success().get("Warning").contains("REFUSED"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_ds_of_a_key_that_is_not_served_is_not_written_even_with_report() {
    let fixture = Fixture::new().await;
    // Route 53 reports a signed zone and a key that its name servers do not have.
    let digest = "1".repeat(64);
    fixture.child.sign([sandbox::KeySigningKey::active("one", 1111, &digest)]);
    let signed = checked("REPORT", json!({"Dnssec": "true"}));
    fixture.create(signed.clone()).await.failed(&["nothing was changed", "DNS check failed"]);
    let id = fixture.create(report()).await.success().id().to_owned();
    fixture.update(&id, report(), signed).await.failed(&["nothing was changed"]);
    assert_eq!(fixture.parent.record(NAME, "DS"), None);
}

/// Somebody moved the zone to another provider by hand, with its name servers and keys. An Update
/// for another reason then restored the old name servers under the new provider's DS record set.
#[tokio::test(start_paused = true)]
async fn regression_name_servers_are_not_restored_under_a_ds_of_other_keys() {
    let fixture = Fixture::new().await;
    let id = fixture.create(report()).await.success().id().to_owned();
    let moved = fixture.aws.account("333333333333").hosted_zone(NAME);
    let key = moved.create_key("theirs");
    moved.start_signing();
    let servers = moved.name_servers();
    fixture.put_ns(&servers.iter().map(String::as_str).collect::<Vec<_>>());
    fixture.parent.put(RecordSet::new(NAME, "DS", 300, [key.ds_record()]));
    let update =
        fixture.update(&id, report(), checked("REPORT", json!({"Trigger": "1"}))).await.success();
    assert!(
        update.get("Warning").contains("The DNS check failed, and nothing was changed"),
        "{}",
        update.0
    );
    assert_eq!(fixture.delegated_to(), test_support::plain(&servers));
    // With a DS record of the child zone's own key, the name servers are ordinary drift.
    fixture.child.create_key("ours");
    fixture.child.start_signing();
    let ours = fixture.child.keys()[0].ds_record();
    fixture.parent.put(RecordSet::new(NAME, "DS", 300, [ours]));
    fixture.update(&id, report(), checked("REPORT", json!({"Trigger": "2"}))).await.success();
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn a_ds_is_removed_whatever_the_check_finds() {
    let fixture = Fixture::new().await;
    fixture.parent.create_key("parent");
    fixture.parent.start_signing();
    fixture.child.create_key("one");
    fixture.child.start_signing();
    let signed = checked("REQUIRE", json!({"Dnssec": "true"}));
    let id = fixture.create(signed.clone()).await.success().id().to_owned();
    fixture.dns.fault(&server(&fixture), DnsFault::Refused);
    let answer = fixture.update(&id, signed, require()).await.success();
    assert_eq!(fixture.parent.record(NAME, "DS"), None);
    assert!(answer.get("Warning").contains("REFUSED"), "{}", answer.get("Warning"));
}

/// The check takes seconds, so the parent zone is read again after it.
#[tokio::test(start_paused = true)]
async fn regression_record_sets_created_below_the_cut_during_the_check_are_noticed() {
    let fixture = Fixture::new().await;
    fixture.dns.fault_times(&server(&fixture), DnsFault::Refused, 2);
    let (parent, asked) = (fixture.parent.clone(), fixture.dns.clone());
    fixture.aws.before_call(Arc::new(move |call| {
        if call.action == "ListResourceRecordSets" && !asked.queries().is_empty() {
            parent.put(RecordSet::new("host.testing.example.com", "A", 300, ["192.0.2.7"]));
        }
    }));
    fixture.create(report()).await.failed(&["host.testing.example.com", "would hide"]);
    assert_eq!(fixture.delegated_to(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn without_dns_egress_there_is_a_finding_and_no_hang() {
    let fixture = Fixture::new().await;
    fixture.dns.fault("resolver", DnsFault::Silent);
    let answer = fixture.create(report()).await.success();
    assert!(
        answer
            .get("Verification")
            .contains("DNS queries (port 53, UDP and TCP) seem to be blocked"),
        "{}",
        answer.get("Verification")
    );
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    let other = fixture.child_account.hosted_zone("other.example.com");
    let elsewhere = checked("REQUIRE", json!({"ChildZoneId": other.id()}));
    fixture.create(elsewhere).await.failed(&["nothing was changed", "seem to be blocked"]);
}

#[tokio::test(start_paused = true)]
async fn a_ds_that_could_not_be_checked_is_written_only_with_none() {
    let fixture = Fixture::new().await;
    fixture.child.create_key("one");
    fixture.child.start_signing();
    fixture.dns.fault("resolver", DnsFault::Silent);
    let signed = |verification: &str| checked(verification, json!({"Dnssec": "true"}));
    fixture.create(signed("REPORT")).await.failed(&["nothing was changed", "seem to be blocked"]);
    let answer = fixture.create(signed("NONE")).await.success();
    assert!(!answer.get("DsRecords").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_required_check_that_runs_out_of_time_fails_and_undoes_the_change() {
    let mut fixture = Fixture::new().await;
    fixture.timeout = Duration::from_secs(22);
    fixture.aws.sync_after(SyncRule::Never);
    let answer = fixture
        .create(require())
        .await
        .failed(&["ran out of time after 15 s while waiting", "were undone"]);
    assert!(answer.id().starts_with("unresolved/"), "{}", answer.0);
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_delegation_that_is_not_waited_for_is_only_checked_before_the_change() {
    let fixture = Fixture::new().await;
    // REPORT means the same whether it is given or the default.
    for (mode, name) in [(json!(null), NAME), (json!("REPORT"), "given.example.com")] {
        let child = fixture.child_account.hosted_zone(name);
        let answer = fixture
            .create(
                json!({"ChildZoneId": child.id(), "Verification": mode, "WaitForSync": "false"}),
            )
            .await
            .success();
        let line = answer.get("Verification");
        assert!(line.contains("name servers answer") && !line.contains("refer to them"), "{line}");
    }
    assert!(
        fixture
            .dns
            .queries()
            .iter()
            .all(|query| !fixture.parent.name_servers().contains(&query.server))
    );
}

#[tokio::test(start_paused = true)]
async fn name_servers_below_the_cut_are_queried_at_their_glue_addresses() {
    let fixture = Fixture::new().await;
    let servers = ["ns1.testing.example.com", "ns2.testing.example.com"];
    let zone = fixture.dns.zone(NAME, servers, []);
    for server in servers {
        let address = fixture.dns.server(server).ip().to_string();
        fixture.parent.put(RecordSet::new(server, "A", 300, [address.clone()]));
        zone.put(RecordSet::new(server, "A", 300, [address]));
    }
    let outside =
        json!({"ChildZoneId": null, "DomainName": NAME, "NameServers": servers.join(",")});
    let answer = fixture.create(checked("REQUIRE", outside)).await.success();
    assert!(
        answer.get("Verification").contains("2 name servers answer"),
        "{}",
        answer.get("Verification")
    );
}
