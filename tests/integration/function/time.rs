//! The time limits of a request, and its answer when its time runs out: the rules TIME of the
//! design.

use std::time::Duration;

use sandbox::{BucketFault, Fault, FaultKind};
use serde_json::{Value, json};
use test_support::{Fixture, NAME, RECORD};
use tokio::time::Instant;

fn denied() -> FaultKind {
    FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "not authorized".into() }
}

/// Tests rule TIME-2.
#[tokio::test(start_paused = true)]
async fn service_timeout_bounds_a_denied_create() {
    let fixture = Fixture::new().await;
    let short = json!({"ServiceTimeout": "20", "ParentExternalId": "another-id"});
    let began = Instant::now();
    fixture.create(short).await.failed(&["AssumeRole", "denied"]);
    assert!(began.elapsed() <= Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn service_timeout_bounds_the_wait_for_a_good_create() {
    let fixture = Fixture::new().await;
    fixture.aws.fault(Fault::on("GetChange").always().kind(FaultKind::Hang));
    let began = Instant::now();
    let answer = fixture.create(json!({"ServiceTimeout": "20"})).await.success();
    assert!(began.elapsed() <= Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(answer.get("ChangeStatus"), "PENDING");
}

#[tokio::test(start_paused = true)]
async fn service_timeout_bounds_a_delete_with_an_invented_id() {
    let fixture = Fixture::new().await;
    fixture.aws.fault(Fault::on("ListHostedZonesByName").always().kind(FaultKind::Hang));
    let began = Instant::now();
    fixture
        .delete("mine-Delegation-1X2Y3Z4ABCDE", json!({"ServiceTimeout": "15"}))
        .await
        .failed(&["out of time"]);
    assert!(began.elapsed() <= Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn service_timeout_bounds_the_answer_as_well() {
    let fixture = Fixture::new().await;
    fixture.bucket.fault(BucketFault::Status(503), 1000);
    let properties = fixture.properties(json!({"ServiceTimeout": "30"}));
    let event =
        fixture.event_at("Create", fixture.clock.now(), json!({"ResourceProperties": properties}));
    let began = Instant::now();
    fixture.invoke(event).await.unwrap_err();
    assert!(began.elapsed() <= Duration::from_secs(30), "{:?}", began.elapsed());
}

/// Tests rule TIME-2.
#[tokio::test(start_paused = true)]
async fn lambdas_deadline_applies_where_it_is_earlier() {
    let mut fixture = Fixture::new().await;
    fixture.timeout = Duration::from_secs(40);
    fixture.aws.fault(Fault::on("ListHostedZonesByName").always().kind(FaultKind::Hang));
    let began = Instant::now();
    fixture.create(json!({})).await.failed(&["out-of-time"]);
    assert!(began.elapsed() <= Duration::from_secs(40), "{:?}", began.elapsed());
}

/// Tests rule TIME-3.
#[tokio::test(start_paused = true)]
async fn with_less_than_ten_seconds_left_nothing_is_changed() {
    let mut fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let revision = fixture.parent.revision();
    fixture.timeout = Duration::from_secs(9);
    let words = ["Nothing was changed", "ServiceTimeout", "too-little-time"];
    fixture.update(&id, json!({}), json!({"TTL": "60"})).await.failed(&words);
    fixture.timeout = Duration::from_mins(5);
    let event = |seconds: u64| {
        let properties = fixture.properties(json!({"ServiceTimeout": "60", "TTL": "60"}));
        let fields = json!({"PhysicalResourceId": id, "ResourceProperties": properties,
            "OldResourceProperties": fixture.properties(json!({}))});
        fixture.event_at("Update", fixture.clock.now() - Duration::from_secs(seconds), fields)
    };
    fixture.deliver(event(51)).await.failed(&words);
    assert_eq!(fixture.parent.revision(), revision);
    // A Delete is tried, because it may still be in time.
    fixture.timeout = Duration::from_secs(9);
    fixture.delete(&id, json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_create_without_time_keeps_the_real_id() {
    let mut fixture = Fixture::new().await;
    let event =
        fixture.event("Create", json!({"ResourceProperties": fixture.properties(json!({}))}));
    fixture.deliver(event.clone()).await.success();
    fixture.timeout = Duration::from_secs(9);
    assert_eq!(fixture.deliver(event).await.failed(&["too-little-time"]).id(), fixture.id());
}

/// Tests rule TIME-4.
#[tokio::test(start_paused = true)]
async fn the_answer_has_the_last_attempt_and_its_error() {
    let prior = FaultKind::Error {
        status: 400,
        code: "PriorRequestNotComplete".into(),
        message: "busy".into(),
    };
    for (kind, words) in [
        (FaultKind::Throttle, "responded with Throttling ("),
        (FaultKind::Status(503), "responded with ServiceUnavailable ("),
        (FaultKind::Hang, "did not respond in "),
        (FaultKind::ResetBefore, "did not respond in "),
        (prior, "responded with PriorRequestNotComplete ("),
    ] {
        let fixture = Fixture::new().await;
        fixture.aws.fault(Fault::on("ChangeResourceRecordSets").always().kind(kind));
        let answer = fixture.create(json!({})).await;
        let host = fixture.aws.endpoint_url().replace("https://", "");
        answer.failed(&[
            "ran out of time after 279 s while changing",
            NAME,
            &host,
            words,
            " tries",
        ]);
        assert_eq!(fixture.claims(), Vec::<String>::new());
    }
    let fixture = Fixture::new().await;
    fixture.aws.fault(
        Fault::on("GetHostedZone").zone(&fixture.child.id()).always().kind(FaultKind::Status(500)),
    );
    fixture.create(json!({})).await.failed(&["reading the child zone", "InternalFailure"]);
}

/// Tests rule TIME-5.
#[tokio::test(start_paused = true)]
async fn a_request_that_arrived_late_does_not_wait_for_sync() {
    let fixture = Fixture::new().await;
    let event = |kind: &str, ago: u64, changes: Value| {
        let properties = fixture.properties(changes);
        let mut fields = json!({"ResourceProperties": properties});
        if kind != "Create" {
            fields["PhysicalResourceId"] = json!(fixture.id());
            fields["OldResourceProperties"] = fixture.properties(json!({}));
        }
        fixture.event_at(kind, fixture.clock.now() - Duration::from_secs(ago), fields)
    };
    let late = fixture.deliver(event("Create", 901, json!({}))).await.success();
    assert_eq!((late.get("ChangeStatus"), fixture.count("GetChange")), ("PENDING", 0));
    for word in ["901 s", "concurrency", "[sync-unknown]"] {
        assert!(late.get("Warning").contains(word), "{}", late.get("Warning"));
    }
    let in_time = fixture.deliver(event("Update", 890, json!({"TTL": "60"}))).await.success();
    assert_eq!((in_time.get("ChangeStatus"), in_time.get("Warning")), ("INSYNC", ""));
    // There is no warning where nothing would have been waited for, and a required wait takes
    // place.
    let asked = fixture.count("GetChange");
    let unwaited = fixture
        .deliver(event(
            "Update",
            880,
            json!({"TTL": "61", "WaitForSync": false, "ServiceTimeout": 1000}),
        ))
        .await;
    assert_eq!((unwaited.get("ChangeStatus"), unwaited.get("Warning")), ("PENDING", ""));
    let required = json!({"TTL": "62", "Verification": "REQUIRE", "ServiceTimeout": 1000});
    let required = fixture.deliver(event("Update", 870, required)).await.success();
    assert_eq!(
        (required.get("ChangeStatus"), fixture.count("GetChange") > asked),
        ("INSYNC", true)
    );
    let asked = fixture.count("GetChange");
    fixture.deliver(event("Delete", 860, json!({"ServiceTimeout": 1000}))).await.success();
    assert_eq!((fixture.delegated_to(), fixture.count("GetChange")), (vec![], asked));
}

/// Tests rule LEAVE-10.
#[tokio::test(start_paused = true)]
async fn a_denied_delete_waits_like_a_create_and_gives_both_remedies() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let servers = fixture.child_servers().join(",");
    fixture.aws.fault(Fault::on("ChangeResourceRecordSets").always().kind(denied()));
    let began = Instant::now();
    let words =
        [NAME, RECORD, servers.as_str(), "Restore", "retain", "by hand", "owner=mine/Delegation"];
    let answer = fixture.delete(&id, json!({})).await.failed(&words);
    assert!(began.elapsed() > Duration::from_secs(40), "{:?}", began.elapsed());
    assert_eq!(answer.id(), id);
}

#[tokio::test(start_paused = true)]
async fn a_denied_delete_succeeds_once_the_permission_is_granted() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture
        .aws
        .fault(Fault::on("ListResourceRecordSets").account("111111111111").times(4).kind(denied()));
    fixture.delete(&id, json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_cannot_undo_its_change_keeps_the_real_id() {
    let fixture = Fixture::new().await;
    fixture.aws.fault(Fault::on("GetChange").always().kind(FaultKind::Hang));
    fixture.aws.fault(Fault::on("ChangeResourceRecordSets").nth(2).always().kind(denied()));
    let answer =
        fixture.create(json!({"Verification": "REQUIRE"})).await.failed(&["could not be undone"]);
    assert_eq!(answer.id(), fixture.id());
    fixture.aws.clear_faults();
    fixture.delete(answer.id(), json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}
