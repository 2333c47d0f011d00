//! What happens to the DS record set.

use sandbox::{Fault, FaultKind, KeySigningKey, RecordSet};
use serde_json::{Value, json};

use test_support::{Answer, Fixture, NAME};

const ONE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222222222222222222222222222";

fn key(name: &str, digest: &str) -> KeySigningKey {
    KeySigningKey::active(name, digest[..4].parse().unwrap(), digest)
}

fn record(digest: &str) -> String {
    key("any", digest).ds_record()
}

fn signed(changes: Value) -> Value {
    let mut properties = json!({"Dnssec": "true"});
    for (key, value) in changes.as_object().unwrap() {
        properties[key] = value.clone();
    }
    properties
}

/// Both zones are signed, the child zone with the key `one`.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.parent.sign([key("parent", ONE)]);
    fixture.child.sign([key("one", ONE)]);
    fixture
}

fn quiet(answer: &Answer) {
    assert_eq!(answer.get("Warning"), "");
}

/// The batch of such an Update asserts the name servers and the claims but not the DS record set,
/// which may have disappeared since it was read.
#[tokio::test(start_paused = true)]
async fn regression_a_ttl_change_of_a_secured_delegation_reads_the_ds_again() {
    let fixture = fixture().await;
    let id = fixture.create(signed(json!({}))).await.success().id().to_owned();
    fixture.aws.clear_calls();
    fixture.update(&id, signed(json!({})), signed(json!({"TTL": "3600"}))).await.success();
    let calls = fixture.aws.calls();
    let listings = calls.iter().filter(|call| call.action == "ListResourceRecordSets");
    assert_eq!(listings.filter(|call| call.account == fixture.parent_account.id()).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_ds_is_created_and_removed_with_the_delegation() {
    let fixture = fixture().await;
    let answer = fixture.create(signed(json!({"DsTTL": "60"}))).await.success();
    assert_eq!((answer.get("Action"), answer.get("DsRecords")), ("CREATED", record(ONE).as_str()));
    assert_eq!(
        (fixture.ds(), fixture.parent.record(NAME, "DS").unwrap().ttl),
        (vec![record(ONE)], Some(60))
    );
    assert_eq!(fixture.changes_sent(), 1, "the DS record set is part of the same batch");
    quiet(&answer);
    let retimed = fixture
        .update(answer.id(), signed(json!({"DsTTL": "60"})), signed(json!({})))
        .await
        .success();
    assert_eq!(
        (retimed.get("Action"), fixture.parent.record(NAME, "DS").unwrap().ttl),
        ("UPDATED", Some(3600))
    );
    fixture.delete(answer.id(), signed(json!({}))).await.success();
    assert_eq!((fixture.ds(), fixture.delegated_to(), fixture.claims()), (vec![], vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn signing_is_turned_on_and_off() {
    let fixture = fixture().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let on = fixture.update(&id, json!({}), signed(json!({}))).await.success();
    assert_eq!((on.get("Action"), on.get("DsRecords")), ("UPDATED", record(ONE).as_str()));
    let off = fixture.update(&id, signed(json!({})), json!({})).await.success();
    assert_eq!((off.get("Action"), off.get("DsRecords"), fixture.ds()), ("UPDATED", "", vec![]));
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn a_key_is_rolled_over() {
    let fixture = fixture().await;
    let id = fixture.create(signed(json!({}))).await.success().id().to_owned();
    fixture.child.sign([key("one", ONE), key("two", TWO)]);
    let one = signed(json!({"KeySigningKeys": ["one"]}));
    let two = signed(json!({"KeySigningKeys": format!("{}|two", fixture.child.id())}));
    assert_eq!(
        fixture.update(&id, signed(json!({})), one.clone()).await.success().get("Action"),
        "UNCHANGED"
    );
    let rolled = fixture.update(&id, one.clone(), two.clone()).await.success();
    assert_eq!((rolled.get("Action"), fixture.ds()), ("UPDATED", vec![record(TWO)]));
    // The old key is deactivated. An Update for another reason finds everything as desired.
    fixture.child.sign([key("one", ONE).status("INACTIVE"), key("two", TWO)]);
    let mut later = two.clone();
    later["Trigger"] = json!("1");
    quiet(&fixture.update(&id, two, later).await.success());
    assert_eq!(fixture.ds(), [record(TWO)]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_refused_and_nothing_changes() {
    let fixture = fixture().await;
    let id = fixture.create(signed(json!({}))).await.success().id().to_owned();
    fixture.child.sign([key("one", ONE), key("off", TWO).status("INACTIVE")]);
    for (name, shown) in [("typo", "does not have the key"), ("off", "\"off\"")] {
        let asked = signed(json!({"KeySigningKeys": [name]}));
        let words = [shown, "one (ACTIVE), off (INACTIVE)", "ds-unknown"];
        fixture.update(&id, signed(json!({})), asked.clone()).await.failed(&words);
        assert_eq!(fixture.ds(), [record(ONE)]);
        fixture.update(&id, asked, signed(json!({}))).await.success();
    }
    // A key that the resource asked for before blocks nothing: it may have been removed by hand
    // since.
    let named = signed(json!({"KeySigningKeys": ["one"]}));
    fixture.update(&id, signed(json!({})), named.clone()).await.success();
    fixture.child.sign([key("off", TWO)]);
    let answer = fixture
        .update(&id, named, signed(json!({"KeySigningKeys": ["one"], "Trigger": "1"})))
        .await
        .success();
    assert!(answer.get("Warning").contains("left as it is"), "{}", answer.get("Warning"));
    assert_eq!(fixture.ds(), [record(ONE)]);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_not_signing_gets_no_ds() {
    let fixture = Fixture::new().await;
    let answer = fixture.create(signed(json!({}))).await.failed(&[
        "not signing",
        "NOT_SIGNING",
        &fixture.child.id(),
    ]);
    assert!(answer.id().starts_with("unresolved/"));
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.update(&id, json!({}), signed(json!({}))).await.failed(&["not signing"]);
    assert_eq!(fixture.ds(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn our_ds_stays_while_the_child_zone_is_unsigned_or_unreadable() {
    let fixture = fixture().await;
    let id = fixture.create(signed(json!({}))).await.success().id().to_owned();
    let denied = FaultKind::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "not authorized".into(),
    };
    let faults = [
        Fault::on("GetDNSSEC").zone(&fixture.child.id()).kind(denied.clone()).always(),
        Fault::on("GetHostedZone").zone(&fixture.child.id()).kind(denied).always(),
    ];
    for fault in faults {
        fixture.aws.fault(fault);
        let answer =
            fixture.update(&id, signed(json!({})), signed(json!({"TTL": "60"}))).await.success();
        assert!(answer.get("Warning").contains("left as it is"), "{}", answer.get("Warning"));
        assert_eq!(
            (fixture.ds(), answer.get("DsRecords")),
            (vec![record(ONE)], record(ONE).as_str())
        );
        fixture.aws.clear_faults();
    }
    fixture.child.unsign();
    let answer =
        fixture.update(&id, signed(json!({})), signed(json!({"Trigger": "2"}))).await.success();
    assert!(answer.get("Warning").contains("not signing"), "{}", answer.get("Warning"));
    assert_eq!(fixture.ds(), [record(ONE)]);
}

#[tokio::test(start_paused = true)]
async fn a_create_waits_for_the_permission_to_read_the_signing_state() {
    let mut fixture = fixture().await;
    fixture.restart(|config| config.propagation_wait = std::time::Duration::from_secs(20)).await;
    let denied = FaultKind::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "not authorized".into(),
    };
    fixture.aws.fault(Fault::on("GetDNSSEC").zone(&fixture.child.id()).kind(denied).times(2));
    quiet(&fixture.create(signed(json!({}))).await.success());
}

#[tokio::test(start_paused = true)]
async fn name_servers_do_not_change_under_a_ds_and_the_message_gives_the_steps() {
    let fixture = fixture().await;
    let other = fixture.aws.account("333333333333").hosted_zone(NAME);
    other.sign([key("two", TWO)]);
    let role = fixture
        .aws
        .account("333333333333")
        .role("child")
        .trust_account("222222222222", None)
        .allow_all_route53();
    fixture.function_role.clone().allow_assume(&role.arn());
    let moved = |dnssec: &str| {
        json!({
            "ChildZoneId": other.id(),
            "ChildRoleArn": role.arn(),
            "Dnssec": dnssec,
        })
    };
    let id = fixture.create(signed(json!({}))).await.success().id().to_owned();

    let words = ["Set Dnssec to false", "wait 7200 seconds", "set Dnssec to true again"];
    for dnssec in ["true", "false"] {
        fixture.update(&id, signed(json!({})), moved(dnssec)).await.failed(&words);
    }
    assert_eq!(
        (fixture.delegated_to(), fixture.ds()),
        (fixture.child_servers(), vec![record(ONE)])
    );
    // The sequence that the message describes:
    fixture.update(&id, signed(json!({})), json!({})).await.success();
    fixture
        .update(&id, json!({}), moved("true"))
        .await
        .failed(&["in the same step that adds its DS record set"]);
    fixture.update(&id, json!({}), moved("false")).await.success();
    fixture.update(&id, moved("false"), moved("true")).await.success();
    assert_eq!(fixture.ds(), [record(TWO)]);
}

#[tokio::test(start_paused = true)]
async fn a_ds_that_somebody_else_made_is_not_touched() {
    let fixture = fixture().await;
    fixture.put_ns(&fixture.child_servers().iter().map(String::as_str).collect::<Vec<_>>());
    fixture.parent.put(RecordSet::new(NAME, "DS", 300, [record(TWO)]));
    let answer = fixture.create(signed(json!({}))).await.success();
    let (id, warning) = (answer.id().to_owned(), answer.get("Warning").to_owned());
    assert!(warning.contains(&record(TWO)) && warning.contains(&record(ONE)), "{warning}");
    // An arrival does not change it, nor does an Update without AllowOverwrite.
    let again =
        fixture.update(&id, signed(json!({})), signed(json!({"Trigger": "1"}))).await.success();
    assert!(again.get("Warning").contains("left as it is"), "{}", again.0);
    assert_eq!(fixture.ds(), [record(TWO)]);
    let over = signed(json!({"AllowOverwrite": "true"}));
    let taken = fixture.update(&id, signed(json!({})), over).await.success();
    assert_eq!((taken.get("Action"), fixture.ds()), ("UPDATED", vec![record(ONE)]));
}

#[tokio::test(start_paused = true)]
async fn an_unsigned_parent_zone_is_reported() {
    let fixture = Fixture::new().await;
    fixture.child.sign([key("one", ONE)]);
    let answer = fixture.create(signed(json!({}))).await.success();
    assert!(
        answer.get("Warning").contains("The parent zone")
            && answer.get("Warning").contains("is not signed")
    );
    assert_eq!(fixture.ds(), [record(ONE)]);
}

#[tokio::test(start_paused = true)]
async fn a_renamed_resource_keeps_the_ds() {
    let mut fixture = fixture().await;
    let id = fixture.create(signed(json!({}))).await.success().id().to_owned();
    fixture.logical_id = "Renamed".into();
    assert_eq!(fixture.create(signed(json!({}))).await.success().get("Action"), "SHARED");
    fixture.logical_id = "Delegation".into();
    fixture.delete(&id, signed(json!({}))).await.success();
    assert_eq!(fixture.ds(), [record(ONE)]);
    fixture.logical_id = "Renamed".into();
    fixture.delete(&id, signed(json!({}))).await.success();
    assert_eq!((fixture.ds(), fixture.delegated_to()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_ds_that_another_stack_manages_stays_despite_allow_overwrite() {
    let mut fixture = fixture().await;
    let id = fixture.create(signed(json!({}))).await.success().id().to_owned();
    let first = std::mem::replace(
        &mut fixture.stack,
        "arn:aws:cloudformation:us-east-1:222222222222:stack/other/0".into(),
    );
    let shared = fixture.create(json!({"AllowOverwrite": "true"})).await.success();
    assert_eq!((shared.get("Action"), shared.get("DsRecords")), ("SHARED", record(ONE).as_str()));
    // The DS record set is removed with the last claim that names it, and the delegation with its
    // last holder.
    fixture.stack = first;
    fixture.delete(&id, signed(json!({}))).await.success();
    assert_eq!((fixture.ds(), fixture.delegated_to()), (vec![], fixture.child_servers()));
}

#[tokio::test(start_paused = true)]
async fn regression_the_rollback_of_a_rename_leaves_a_ds_made_by_hand() {
    let mut fixture = fixture().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.parent.put(RecordSet::new(NAME, "DS", 3600, [record(ONE)]));
    fixture.logical_id = "Renamed".into();
    // It finds the DS record set that it asks for, which is not part of the sibling's claim.
    let shared = fixture.create(signed(json!({}))).await.success();
    assert_eq!((shared.get("Action"), fixture.ds()), ("SHARED", vec![record(ONE)]));
    fixture.delete(&id, signed(json!({}))).await.success();
    assert_eq!(fixture.ds(), [record(ONE)]);
    // If the renamed resource stays, its next Update takes the DS record set over.
    fixture.create(signed(json!({}))).await.success();
    fixture.update(&id, signed(json!({})), signed(json!({"Trigger": "1"}))).await.success();
    fixture.delete(&id, signed(json!({}))).await.success();
    assert_eq!((fixture.ds(), fixture.delegated_to()), (vec![], fixture.child_servers()));
}

#[tokio::test(start_paused = true)]
async fn a_name_server_edited_between_reading_and_adding_the_ds_is_noticed() {
    let fixture = fixture().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let (zone, reads) = (fixture.parent.clone(), std::sync::atomic::AtomicUsize::new(0));
    // The batch that adds a DS record set does not assert the name servers, so they are read once
    // more before it.
    fixture.aws.after_call(std::sync::Arc::new(move |call| {
        if call.action == "GetDNSSEC"
            && call.account == "111111111111"
            && reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0
        {
            zone.put(RecordSet::new(NAME, "NS", 300, ["ns1.somebody.net."]));
        }
    }));
    let answer = fixture.update(&id, json!({}), signed(json!({}))).await.success();
    assert_eq!(
        fixture.delegated_to(),
        fixture.child_servers(),
        "the name servers must be restored"
    );
    assert_eq!((fixture.ds(), answer.get("DsRecords")), (vec![], ""));
    assert!(answer.get("Warning").contains("was not changed to"), "{}", answer.get("Warning"));
}
