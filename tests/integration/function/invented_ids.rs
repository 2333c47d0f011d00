//! Deletes with an id that CloudFormation invented for a Create that it cancelled, and Updates that
//! arrive with somebody else's id: the rules LEAVE-9, OWN-8 and MOVE-4 of the design.

use std::time::Duration;

use sandbox::{Fault, FaultKind, RecordSet};
use serde_json::json;
use test_support::{EXTERNAL_ID, Fixture, NAME, RECORD, pass};

use super::scenario::{INVENTED, Scenario, wants, with};

#[tokio::test(start_paused = true)]
async fn a_cancelled_create_that_ran_is_removed_and_leaves_no_tombstone() {
    // Parent zone and delegation are in one stack: a rollback could not delete a zone that is not
    // empty.
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.delete_invented("S1", wants("x")).await.success();
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn a_create_delivered_after_its_delete_finds_the_tombstone() {
    let mut scenario = Scenario::new().await;
    let late = scenario.create_event("S1", &wants("x"));
    scenario.delete_invented("S1", wants("x")).await.success();
    assert_eq!((scenario.current().as_str(), scenario.tombstones()), ("", 1));
    let answer = scenario.fixture.deliver(late).await.failed(&["cancelled", "create-cancelled"]);
    assert!(answer.id().starts_with("unresolved/"), "{}", answer.0);
    assert_eq!(scenario.current(), "");
}

#[tokio::test(start_paused = true)]
async fn a_create_and_its_delete_in_the_same_second() {
    let mut scenario = Scenario::new().await;
    scenario.act_as("S1");
    let at = scenario.fixture.clock.now();
    let properties = scenario.fixture.properties(wants("x"));
    let create = scenario.fixture.event_at("Create", at, json!({"ResourceProperties": properties}));
    let fields = json!({"PhysicalResourceId": INVENTED, "ResourceProperties": properties});
    let delete = scenario.fixture.event_at("Delete", at, fields);
    scenario.fixture.deliver(delete).await.success();
    scenario.fixture.deliver(create).await.failed(&["create-cancelled"]);
    assert_eq!(scenario.current(), "");
}

#[tokio::test(start_paused = true)]
async fn a_later_create_of_the_same_resource_runs_and_drops_the_tombstone() {
    let mut scenario = Scenario::new().await;
    scenario.delete_invented("S1", wants("x")).await.success();
    scenario.create("S1", wants("x")).await.success();
    assert_eq!((scenario.current().as_str(), scenario.tombstones()), ("x", 0));
}

/// Anybody who may send events can send such Deletes.
#[tokio::test(start_paused = true)]
async fn tombstones_leave_room_for_claims() {
    let mut scenario = Scenario::new().await;
    for number in 0..60 {
        scenario.delete_invented(&format!("E{number}"), wants("x")).await.success();
    }
    assert_eq!(scenario.tombstones(), 40);
    scenario.create("S1", wants("x")).await.success();
    for number in 60..300 {
        scenario.delete_invented(&format!("E{number}"), wants("x")).await.success();
    }
    scenario.update("S1", wants("y")).await.success();
    scenario.create("S2", wants("y")).await.success();
    assert_eq!((scenario.claimed_by().as_str(), scenario.tombstones()), ("S1 S2", 40));
    // One that exists already is still replaced, and they expire.
    scenario.hours(2).await;
    scenario.delete_invented("E0", wants("x")).await.success();
    assert_eq!(scenario.tombstones(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_retained_delegation_outlives_a_cancelled_create_that_never_ran() {
    // What counts is whether an Update has written the claim, not how old the claim is: it may be
    // ten minutes old.
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.update("S1", with(&wants("x"), json!({"Trigger": "settled"}))).await.success();
    pass(Duration::from_mins(10)).await;
    let answer = scenario.delete_invented("S1", wants("x")).await.success();
    assert!(answer.get("Warning").contains("claim-kept"), "{}", answer.0);
    assert_eq!((scenario.current().as_str(), scenario.claimed_by().as_str()), ("x", "S1"));
}

#[tokio::test(start_paused = true)]
async fn regression_a_late_create_of_a_deleted_resource_let_a_cancelled_create_run() {
    // S1 is deleted, its Create is delivered again, and S1 is declared anew with other name
    // servers. The Delete of that new Create mistook the claim of the late Create for the new
    // Create's, and left no tombstone.
    let mut scenario = Scenario::new().await;
    let late = scenario.create_event("S1", &wants("x"));
    let id = scenario.fixture.deliver(late.clone()).await.success().id().to_owned();
    scenario.fixture.delete(&id, wants("x")).await.success();
    scenario.fixture.deliver(late).await.success();
    let cancelled = scenario.create_event("S1", &wants("y"));
    let answer = scenario.delete_invented("S1", wants("y")).await.success();
    assert!(answer.get("Warning").contains("claim-kept"), "{}", answer.0);
    scenario.fixture.deliver(cancelled).await.failed(&["create-cancelled"]);
    assert_eq!((scenario.current().as_str(), scenario.tombstones()), ("x", 1));
}

#[tokio::test(start_paused = true)]
async fn the_delete_of_an_unanswered_create_arrives_an_hour_later() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.hours(1).await;
    scenario.delete_invented("S1", wants("x")).await.success();
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn a_delete_whose_claim_cannot_be_searched_for_fails() {
    for kind in [FaultKind::Throttle, FaultKind::Status(503)] {
        let fixture = Fixture::new().await;
        fixture.create(json!({})).await.success();
        fixture.aws.fault(Fault::on("ListHostedZonesByName").always().kind(kind));
        fixture
            .delete(INVENTED, json!({}))
            .await
            .failed(&["ran out of time", "looking for the parent zone"]);
        assert_eq!(fixture.delegated_to(), fixture.child_servers());
        fixture.aws.clear_faults();
        fixture.delete(INVENTED, json!({})).await.success();
        assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_search_is_waited_for_and_says_what_to_search_for() {
    let fixture = Fixture::new().await;
    fixture.create(json!({})).await.success();
    let claim = fixture.claims().remove(0);
    let id = claim.split_once("claim=").unwrap().1.split(',').next().unwrap().to_owned();
    let denied = FaultKind::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "not authorized".into(),
    };
    fixture.aws.fault(Fault::on("ListHostedZonesByName").always().kind(denied));
    let began = tokio::time::Instant::now();
    let answer = fixture.delete(INVENTED, json!({"DomainName": NAME})).await.success();
    assert!(began.elapsed() > Duration::from_secs(40), "{:?}", began.elapsed());
    let warning = answer.get("Warning");
    assert!(
        warning.contains(&id) && warning.contains(RECORD) && warning.contains("left-unknown"),
        "{warning}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deleted_child_zone_leaves_the_name_unknown_and_the_answer_says_so() {
    let fixture = Fixture::new().await;
    fixture.create(json!({})).await.success();
    fixture.child.delete();
    let answer = fixture.delete(INVENTED, json!({})).await.success();
    let warning = answer.get("Warning");
    assert!(
        warning.contains("owner=mine/Delegation") && warning.contains("left-unknown"),
        "{warning}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_tombstone_where_the_create_could_not_have_run() {
    // The parent zone of the same stack is deleted next. A tombstone in it would prevent that.
    let mut scenario = Scenario::new().await;
    scenario.delete_invented("S1", with(&wants("x"), json!({"TTL": "soon"}))).await.success();
    scenario.assert_empty();
    let narrowed = |config: &mut custom_delegation::config::Config| {
        let get =
            |key: &str| (key == "DELEGATION_ALLOWED_NAMES").then(|| "*.dev.example.com".to_owned());
        config.allowed_names = custom_delegation::config::Config::read(get).allowed_names;
    };
    scenario.fixture.restart(narrowed).await;
    scenario.delete_invented("S1", wants("x")).await.success();
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn another_stacks_batch_does_not_drop_a_recent_tombstone() {
    let mut scenario = Scenario::new().await;
    let late = scenario.create_event("S1", &wants("y"));
    scenario.delete_invented("S1", wants("y")).await.success();
    scenario.create("S2", wants("x")).await.success();
    assert_eq!(scenario.tombstones(), 1);
    scenario.fixture.deliver(late).await.failed(&["create-cancelled"]);
    scenario.hours(2).await;
    scenario.update("S2", with(&wants("x"), json!({"Trigger": "again"}))).await.success();
    assert_eq!(scenario.tombstones(), 0, "the tombstone has expired");
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_delete_does_not_replace_a_newer_tombstone() {
    let mut scenario = Scenario::new().await;
    scenario.act_as("S1");
    let fields = json!({
        "PhysicalResourceId": INVENTED,
        "ResourceProperties": scenario.fixture.properties(wants("x")),
    });
    let early = scenario.fixture.event("Delete", fields.clone());
    let late = scenario.fixture.event("Delete", fields);
    scenario.fixture.deliver(late).await.success();
    let newer = scenario.fixture.claims();
    scenario.fixture.deliver(early).await.success();
    assert_eq!(scenario.fixture.claims(), newer);
}

#[tokio::test(start_paused = true)]
async fn a_tombstone_that_is_denied_fails_no_delete() {
    let fixture = Fixture::new().await;
    super::allow_only_reads(&fixture);
    let answer = fixture.delete(INVENTED, json!({})).await.success();
    assert!(answer.get("Warning").contains("ChangeResourceRecordSets was denied"), "{}", answer.0);
}

#[tokio::test(start_paused = true)]
async fn the_cleanup_of_an_update_with_a_foreign_id_keeps_the_new_claim() {
    // The resource belonged to another tool. The Update is a replacement, and CloudFormation
    // deletes the old id afterwards.
    let fixture = Fixture::new().await;
    fixture.put_ns(&fixture.child.name_servers().iter().map(String::as_str).collect::<Vec<_>>());
    let old = json!({"Trigger": "of another tool"});
    let answer = fixture.update(INVENTED, old.clone(), json!({})).await.success();
    assert_eq!(answer.id(), fixture.id());
    assert!(
        fixture.claims().iter().any(|claim| claim.contains(",from=-/")),
        "{:?}",
        fixture.claims()
    );
    let cleaned = fixture.delete(INVENTED, old).await.success();
    assert!(cleaned.get("Warning").contains("claim-kept"), "{}", cleaned.0);
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    assert!(fixture.claims().iter().any(|value| value.contains("owner=mine/Delegation")));
}

#[tokio::test(start_paused = true)]
async fn a_delete_with_an_invented_id_does_not_wait_for_a_create_that_may_still_run() {
    let fixture = Fixture::new().await;
    let began = tokio::time::Instant::now();
    fixture.delete(INVENTED, json!({"WaitForSync": "false"})).await.success();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_create_during_the_search_of_its_delete_is_removed_or_finds_the_tombstone() {
    let fixture = Fixture::new().await;
    let gate = fixture.aws.gate("ChangeResourceRecordSets");
    let create =
        fixture.event("Create", json!({"ResourceProperties": fixture.properties(json!({}))}));
    let fields = json!({
        "PhysicalResourceId": INVENTED,
        "ResourceProperties": fixture.properties(json!({})),
    });
    let delete = fixture.event("Delete", fields);
    let created = create["RequestId"].as_str().unwrap().to_owned();
    tokio::join!(async { fixture.invoke(create).await.unwrap() }, async {
        gate.arrived().await;
        gate.release();
        fixture.deliver(delete).await.success();
    });
    let answer = fixture.bucket.answers(&created)[0].json();
    let name = fixture.parent.record(NAME, "NS");
    assert!(name.is_none(), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_delegation_that_others_hold_stays_when_a_cancelled_create_is_removed() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.create("S2", wants("x")).await.success();
    scenario.delete_invented("S2", wants("x")).await.success();
    assert_eq!((scenario.current().as_str(), scenario.claimed_by().as_str()), ("x", "S1"));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_create_that_took_over_gives_the_delegation_back() {
    let mut scenario = Scenario::new().await;
    scenario.fixture.parent.put(RecordSet::new(NAME, "NS", 60, ["ns1.h.net."]));
    let over = with(&wants("x"), json!({"AllowOverwrite": true, "ParentExternalId": EXTERNAL_ID}));
    scenario.create("S1", over.clone()).await.success();
    scenario.delete_invented("S1", over).await.success();
    assert_eq!((scenario.current().as_str(), scenario.ttl()), ("h", 60));
}
