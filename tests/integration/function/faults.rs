//! Errors of AWS services and of the network while a request is handled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sandbox::{BucketFault, Fault, FaultKind, RecordSet};
use serde_json::json;

use test_support::{Fixture, NAME, RECORD};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_change_whose_response_was_lost_is_recognized_by_its_claim() {
    let fixture = Fixture::new().await;
    fixture.aws.fault(Fault::on("ChangeResourceRecordSets").kind(FaultKind::ResetAfter));
    let answer = fixture.create(json!({})).await.success();
    assert_eq!((answer.get("Action"), answer.get("ChangeStatus")), ("CREATED", "PENDING"));
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    fixture.aws.fault(Fault::on("ChangeResourceRecordSets").kind(FaultKind::ResetAfter));
    fixture.delete(answer.id(), json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn throttling_and_server_errors_are_retried() {
    let fixture = Fixture::new().await;
    for action in [
        "AssumeRole",
        "GetHostedZone",
        "ListHostedZonesByName",
        "ListResourceRecordSets",
        "ChangeResourceRecordSets",
    ] {
        for kind in [FaultKind::Throttle, FaultKind::Status(503), FaultKind::ResetBefore] {
            fixture.aws.fault(Fault::on(action).kind(kind));
        }
    }
    fixture.create(json!({})).await.success();
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_changes_between_reading_and_writing_is_read_again() {
    let fixture = Fixture::new().await;
    let zone = fixture.parent.clone();
    let once = std::sync::Once::new();
    fixture.aws.before_call(Arc::new(move |call| {
        if call.action == "ChangeResourceRecordSets" {
            once.call_once(|| zone.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.net."])));
        }
    }));
    let answer = fixture.create(json!({})).await.failed(&["ns1.somebody.net"]);
    assert!(answer.id().starts_with("unresolved/"));
    assert_eq!(fixture.delegated_to(), ["ns1.somebody.net"]);
    assert_eq!(fixture.claims(), Vec::<String>::new());
}

/// Edits the ownership record right before each change, until some time has passed.
fn edit_before_each_change(fixture: &Fixture, until: Duration) {
    let (zone, claims) = (fixture.parent.clone(), fixture.claims());
    let (edits, end) = (AtomicUsize::new(0), Instant::now() + until);
    fixture.aws.before_call(Arc::new(move |call| {
        if call.action == "ChangeResourceRecordSets" && Instant::now() < end {
            let mut values = claims.clone();
            values.push(format!("\"edit {}\"", edits.fetch_add(1, Ordering::Relaxed)));
            zone.put(RecordSet::new(RECORD, "TXT", 300, values));
        }
    }));
}

#[tokio::test(start_paused = true)]
async fn a_delete_waits_for_the_end_of_edits_of_the_ownership_record() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    edit_before_each_change(&fixture, Duration::from_secs(10));
    fixture.delete(&id, json!({})).await.success();
    assert_eq!(fixture.delegated_to(), Vec::<String>::new());
    assert!(fixture.claims().iter().all(|value| value.starts_with("\"edit ")));
}

/// The ownership record is in every batch that removes name servers. Without it, a Delete could
/// remove those of a resource that has just arrived.
#[tokio::test(start_paused = true)]
async fn known_edits_of_the_ownership_record_without_end_fail_a_delete() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    edit_before_each_change(&fixture, Duration::from_hours(1));
    let began = Instant::now();
    fixture.delete(&id, json!({})).await.failed(&[NAME, "aws-call-failed"]);
    assert!(began.elapsed() < Duration::from_mins(2), "within the time of an invocation");
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

/// Two reads are not a snapshot. If the ownership record is read after the cut, a sibling's Delete
/// in between made the new resource adopt a delegation that no longer existed.
#[tokio::test(start_paused = true)]
async fn regression_a_sibling_is_deleted_between_the_two_reads() {
    let mut fixture = Fixture::new().await;
    fixture.create(json!({})).await.success();
    fixture.logical_id = "Renamed".into();
    let (zone, reads) = (fixture.parent.clone(), AtomicUsize::new(0));
    fixture.aws.before_call(Arc::new(move |call| {
        let read =
            call.action == "ListResourceRecordSets" && call.zone.as_deref() == Some(&zone.id());
        if read && reads.fetch_add(1, Ordering::Relaxed) == 1 {
            zone.remove(NAME, "NS");
            zone.remove(RECORD, "TXT");
        }
    }));
    let answer = fixture.create(json!({})).await.success();
    assert_eq!(answer.get("Action"), "CREATED");
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    assert_eq!(fixture.claims().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_rejection_is_answered_with_route_53s_message() {
    let fixture = Fixture::new().await;
    fixture.parent.refuse_when(Arc::new(|_| Some("a protection of this zone says no".into())));
    let answer = fixture.create(json!({})).await.failed(&["a protection of this zone says no"]);
    assert!(answer.id().starts_with("unresolved/"));
    assert_eq!(fixture.changes_sent(), 1, "the change must not be sent again");
}

#[tokio::test(start_paused = true)]
async fn out_of_time_before_a_change_is_a_failure_that_says_where() {
    let mut fixture = Fixture::new().await;
    fixture.timeout = Duration::from_secs(30);
    fixture.aws.fault(Fault::on("ListHostedZonesByName").always().kind(FaultKind::Hang));
    let answer = fixture.create(json!({})).await.failed(&["ran out of time", "parent zone"]);
    assert!(answer.id().starts_with("unresolved/"));
}

#[tokio::test(start_paused = true)]
async fn out_of_time_during_a_change_answers_with_the_real_id() {
    let mut fixture = Fixture::new().await;
    fixture.timeout = Duration::from_secs(30);
    fixture.aws.fault(Fault::on("ChangeResourceRecordSets").always().kind(FaultKind::HangAfter));
    let answer = fixture.create(json!({})).await.failed(&["ran out of time"]);
    assert_eq!(answer.id(), fixture.id());
    fixture.aws.clear_faults();
    fixture.delete(answer.id(), json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_retried_while_the_bucket_fails() {
    let fixture = Fixture::new().await;
    for fault in [BucketFault::Status(503), BucketFault::Status(429), BucketFault::ResetBefore] {
        fixture.bucket.fault(fault, 1);
    }
    fixture.create(json!({})).await.success();
}

#[tokio::test(start_paused = true)]
async fn an_undelivered_success_is_an_error_and_a_retry_delivers_it() {
    let mut fixture = Fixture::new().await;
    fixture.timeout = Duration::from_secs(30);
    fixture.bucket.fault(BucketFault::Status(503), 1000);
    let event =
        fixture.event("Create", json!({"ResourceProperties": fixture.properties(json!({}))}));
    let error = fixture.invoke(event.clone()).await.unwrap_err().to_string();
    assert!(error.contains("503") && !error.contains("X-Amz"), "{error}");
    fixture.bucket.clear_faults();
    assert_eq!(fixture.deliver(event).await.success().id(), fixture.id());
}

#[tokio::test(start_paused = true)]
async fn an_undelivered_failure_with_an_unresolved_id_is_no_error() {
    let fixture = Fixture::new().await;
    fixture.bucket.fault(BucketFault::Status(403), 1);
    let event = fixture.event("Create", json!({"ResourceProperties": {}}));
    fixture.invoke(event).await.unwrap();
    fixture.bucket.fault(BucketFault::Status(403), 1);
    let event = fixture
        .event("Update", json!({"PhysicalResourceId": fixture.id(), "ResourceProperties": {}}));
    assert!(fixture.invoke(event).await.unwrap_err().to_string().contains("403"));
}

#[tokio::test(start_paused = true)]
async fn permissions_that_propagate_late_are_waited_for() {
    let fixture = Fixture::with(|config| config.propagation_wait = Duration::from_secs(30)).await;
    let denied =
        FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "not yet".into() };
    fixture.aws.fault(Fault::on("AssumeRole").times(3).kind(denied.clone()));
    let answer = fixture.create(json!({})).await.success();
    fixture
        .aws
        .fault(Fault::on("ListResourceRecordSets").account("111111111111").times(1).kind(denied));
    fixture.delete(answer.id(), json!({})).await.success();
}

#[tokio::test(start_paused = true)]
async fn regression_a_change_that_was_applied_before_a_denial_is_found() {
    let fixture = Fixture::new().await;
    fixture.aws.fault(Fault::on("ChangeResourceRecordSets").kind(FaultKind::ResetAfter));
    let denied = FaultKind::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "not any more".into(),
    };
    fixture.aws.fault(Fault::on("ChangeResourceRecordSets").nth(2).kind(denied));
    let answer = fixture.create(json!({})).await.success();
    assert_eq!((answer.id(), answer.get("ChangeStatus")), (fixture.id().as_str(), "PENDING"));
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn regression_a_session_that_expires_early_is_renewed() {
    for code in ["InvalidClientTokenId", "ExpiredToken"] {
        let fixture = Fixture::new().await;
        let id = fixture.create(json!({})).await.success().id().to_owned();
        let ended = FaultKind::Error {
            status: 403,
            code: code.into(),
            message: "the security token is invalid".into(),
        };
        fixture
            .aws
            .fault(Fault::on("ListResourceRecordSets").account("111111111111").kind(ended.clone()));
        fixture.update(&id, json!({}), json!({"TTL": "60"})).await.success();
        fixture.aws.fault(Fault::on("ListResourceRecordSets").account("111111111111").kind(ended));
        fixture.delete(&id, json!({"TTL": "60"})).await.success();
    }
}

/// The first delivery created the delegation and was cut off. The second could not read the child
/// zone and answered with an unresolved id, whose Delete does nothing, so the delegation stayed
/// forever.
#[tokio::test(start_paused = true)]
async fn regression_a_duplicate_of_a_create_that_fails_early_keeps_the_real_id() {
    let denied = || FaultKind::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "not authorized".into(),
    };
    let fixture = Fixture::new().await;
    let event = fixture.event(
        "Create",
        json!({"ResourceProperties": fixture.properties(json!({"DomainName": NAME}))}),
    );
    fixture.deliver(event.clone()).await.success();
    fixture.aws.fault(Fault::on("GetHostedZone").zone(&fixture.child.id()).kind(denied()).always());
    let answer = fixture.deliver(event.clone()).await.failed(&["GetHostedZone was denied"]);
    assert_eq!(answer.id(), fixture.id());
    // Another Create, which created nothing, has an unresolved id.
    let other = fixture.event(
        "Create",
        json!({"ResourceProperties": fixture.properties(json!({"DomainName": NAME}))}),
    );
    assert!(fixture.deliver(other).await.failed(&["denied"]).id().starts_with("unresolved/"));
    fixture.aws.clear_faults();
    fixture.delete(answer.id(), json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

/// A claim from the future fenced off all later requests of the resource.
#[tokio::test(start_paused = true)]
async fn regression_a_request_dated_in_the_future_does_not_fence_off_later_ones() {
    let fixture = Fixture::new().await;
    let later = fixture.clock.now() + Duration::from_hours(24 * 365);
    let event = fixture.event_at(
        "Create",
        later,
        json!({"ResourceProperties": fixture.properties(json!({}))}),
    );
    let id = fixture.deliver(event).await.success().id().to_owned();
    assert_eq!(
        fixture.update(&id, json!({}), json!({"TTL": "60"})).await.success().get("Action"),
        "UPDATED"
    );
    fixture.delete(&id, json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

/// The first delivery created the delegation and was cut off. Then the function's settings became
/// invalid.
#[tokio::test(start_paused = true)]
async fn regression_a_duplicate_create_under_invalid_settings_keeps_the_real_id() {
    let mut fixture = Fixture::new().await;
    let event =
        fixture.event("Create", json!({"ResourceProperties": fixture.properties(json!({}))}));
    fixture.deliver(event.clone()).await.success();
    fixture
        .restart(|config| config.problem = Some("DELEGATION_ALLOWED_NAMES is wrong".into()))
        .await;
    assert_eq!(
        fixture.deliver(event).await.failed(&["settings of this function are wrong"]).id(),
        fixture.id()
    );
}

#[tokio::test(start_paused = true)]
async fn regression_a_hanging_prefetch_hides_no_refusal() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let from_parent = Fault::on("ListResourceRecordSets").account(&fixture.parent_account.id());
    fixture.aws.fault(from_parent.always().kind(FaultKind::Hang));
    let answer = fixture.update(&id, json!({}), json!({"DomainName": "other.example.com"})).await;
    answer.failed(&["DomainName", "other.example.com"]);
}
