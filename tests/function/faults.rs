//! What goes wrong on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sandbox::{BucketFault, Fault, FaultKind, RecordSet};
use serde_json::json;

use crate::world::{NAME, RECORD, World};

#[tokio::test]
async fn a_lost_answer_of_a_change_is_recognised_by_its_claim() {
    let world = World::new().await;
    world.aws.fault(Fault::on("ChangeResourceRecordSets").kind(FaultKind::ResetAfter));
    let answer = world.create(json!({})).await.success();
    assert_eq!((answer.get("Action"), answer.get("ChangeStatus")), ("CREATED", "PENDING"));
    assert_eq!(world.delegated_to(), world.child_servers());
    world.aws.fault(Fault::on("ChangeResourceRecordSets").kind(FaultKind::ResetAfter));
    world.delete(answer.id(), json!({})).await.success();
    assert_eq!((world.delegated_to(), world.claims()), (vec![], vec![]));
}

#[tokio::test]
async fn throttling_and_server_errors_are_tried_again() {
    let world = World::new().await;
    for action in
        ["AssumeRole", "GetHostedZone", "ListHostedZonesByName", "ListResourceRecordSets", "ChangeResourceRecordSets"]
    {
        for kind in [FaultKind::Throttle, FaultKind::Status(503), FaultKind::ResetBefore] {
            world.aws.fault(Fault::on(action).kind(kind));
        }
    }
    world.create(json!({})).await.success();
}

#[tokio::test]
async fn a_zone_that_changes_between_observing_and_changing_is_observed_again() {
    let world = World::new().await;
    let zone = world.parent.clone();
    let once = std::sync::Once::new();
    world.aws.before_call(Arc::new(move |call| {
        if call.action == "ChangeResourceRecordSets" {
            once.call_once(|| zone.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.net."])));
        }
    }));
    let answer = world.create(json!({})).await.failed(&["ns1.somebody.net"]);
    assert!(answer.id().starts_with("unresolved/"));
    assert_eq!(world.delegated_to(), ["ns1.somebody.net"]);
    assert_eq!(world.claims(), Vec::<String>::new());
}

/// Two reads are no snapshot. Read after the cut, the ownership record of a sibling that has just gone made the new resource
/// adopt a delegation that no longer stood.
#[tokio::test]
async fn regression_a_sibling_goes_between_the_two_reads() {
    let mut world = World::new().await;
    world.create(json!({})).await.success();
    world.logical_id = "Renamed".into();
    let (zone, reads) = (world.parent.clone(), AtomicUsize::new(0));
    world.aws.before_call(Arc::new(move |call| {
        let read = call.action == "ListResourceRecordSets" && call.zone.as_deref() == Some(&zone.id());
        if read && reads.fetch_add(1, Ordering::Relaxed) == 1 {
            zone.remove(NAME, "NS");
            zone.remove(RECORD, "TXT");
        }
    }));
    let answer = world.create(json!({})).await.success();
    assert_eq!(answer.get("Action"), "CREATED");
    assert_eq!(world.delegated_to(), world.child_servers());
    assert_eq!(world.claims().len(), 1);
}

#[tokio::test]
async fn a_permanent_rejection_is_answered_in_route_53s_own_words() {
    let world = World::new().await;
    world.parent.refuse_when(Arc::new(|_| Some("a protection of this zone says no".into())));
    let answer = world.create(json!({})).await.failed(&["a protection of this zone says no"]);
    assert!(answer.id().starts_with("unresolved/"));
    assert_eq!(world.changes_sent(), 2 - 1, "it is not sent again");
}

#[tokio::test]
async fn out_of_time_before_a_change_is_a_failure_that_says_where() {
    let mut world = World::new().await;
    world.timeout = Duration::from_secs(2);
    world.aws.fault(Fault::on("ListHostedZonesByName").always().kind(FaultKind::Hang));
    let answer = world.create(json!({})).await.failed(&["ran out of time", "parent zone"]);
    assert!(answer.id().starts_with("unresolved/"));
}

#[tokio::test]
async fn out_of_time_while_a_change_is_under_way_answers_with_the_real_id() {
    let mut world = World::new().await;
    world.timeout = Duration::from_secs(2);
    world.aws.fault(Fault::on("ChangeResourceRecordSets").always().kind(FaultKind::HangAfter));
    let answer = world.create(json!({})).await.failed(&["ran out of time"]);
    assert_eq!(answer.id(), world.id());
    world.aws.clear_faults();
    world.delete(answer.id(), json!({})).await.success();
    assert_eq!((world.delegated_to(), world.claims()), (vec![], vec![]));
}

#[tokio::test]
async fn the_answer_is_sent_again_while_the_bucket_fails() {
    let world = World::new().await;
    for fault in [BucketFault::Status(503), BucketFault::Status(429), BucketFault::ResetBefore] {
        world.bucket.fault(fault, 1);
    }
    world.create(json!({})).await.success();
}

#[tokio::test]
async fn an_undelivered_success_is_an_error_and_the_same_event_makes_it_good() {
    let mut world = World::new().await;
    world.timeout = Duration::from_secs(2);
    world.bucket.fault(BucketFault::Status(503), 1000);
    let event = world.event("Create", json!({"ResourceProperties": world.properties(json!({}))}));
    let error = world.invoke(event.clone()).await.unwrap_err().to_string();
    assert!(error.contains("503") && !error.contains("X-Amz"), "{error}");
    world.bucket.clear_faults();
    assert_eq!(world.deliver(event).await.success().id(), world.id());
}

#[tokio::test]
async fn an_undelivered_failure_of_a_create_with_a_marker_is_no_error() {
    let world = World::new().await;
    world.bucket.fault(BucketFault::Status(403), 1);
    let event = world.event("Create", json!({"ResourceProperties": {}}));
    world.invoke(event).await.unwrap();
    world.bucket.fault(BucketFault::Status(403), 1);
    let event = world.event("Update", json!({"PhysicalResourceId": world.id(), "ResourceProperties": {}}));
    assert!(world.invoke(event).await.unwrap_err().to_string().contains("403"));
}

#[tokio::test]
async fn rights_that_come_late_are_waited_for() {
    let world = World::with(|config| config.propagation_wait = Duration::from_secs(30)).await;
    let denied = FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "not yet".into() };
    world.aws.fault(Fault::on("AssumeRole").times(3).kind(denied.clone()));
    let answer = world.create(json!({})).await.success();
    world.aws.fault(Fault::on("ListResourceRecordSets").account("111111111111").times(1).kind(denied));
    world.delete(answer.id(), json!({})).await.success();
}

#[tokio::test]
async fn regression_a_change_that_landed_before_it_was_denied_is_found() {
    let world = World::new().await;
    world.aws.fault(Fault::on("ChangeResourceRecordSets").kind(FaultKind::ResetAfter));
    let denied = FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "not any more".into() };
    world.aws.fault(Fault::on("ChangeResourceRecordSets").nth(2).kind(denied));
    let answer = world.create(json!({})).await.success();
    assert_eq!((answer.id(), answer.get("ChangeStatus")), (world.id().as_str(), "PENDING"));
    assert_eq!(world.delegated_to(), world.child_servers());
}

#[tokio::test]
async fn regression_a_session_that_ended_early_is_made_anew() {
    for code in ["InvalidClientTokenId", "ExpiredToken"] {
        let world = World::new().await;
        let id = world.create(json!({})).await.success().id().to_owned();
        let ended =
            FaultKind::Error { status: 403, code: code.into(), message: "the security token is invalid".into() };
        world.aws.fault(Fault::on("ListResourceRecordSets").account("111111111111").kind(ended.clone()));
        world.update(&id, json!({}), json!({"TTL": "60"})).await.success();
        world.aws.fault(Fault::on("ListResourceRecordSets").account("111111111111").kind(ended));
        world.delete(&id, json!({"TTL": "60"})).await.success();
    }
}

/// The first delivery made the delegation and was cut off; the second could not read the child zone and answered with a marker,
/// whose Delete does nothing: the delegation stayed for ever.
#[tokio::test]
async fn regression_a_duplicate_of_a_create_that_fails_early_keeps_the_real_id() {
    let denied = || FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "not authorized".into() };
    let world = World::new().await;
    let event = world.event("Create", json!({"ResourceProperties": world.properties(json!({"DomainName": NAME}))}));
    world.deliver(event.clone()).await.success();
    world.aws.fault(Fault::on("GetHostedZone").zone(&world.child.id()).kind(denied()).always());
    let answer = world.deliver(event.clone()).await.failed(&["GetHostedZone was denied"]);
    assert_eq!(answer.id(), world.id());
    // Another Create, which made nothing, has a marker.
    let other = world.event("Create", json!({"ResourceProperties": world.properties(json!({"DomainName": NAME}))}));
    assert!(world.deliver(other).await.failed(&["denied"]).id().starts_with("unresolved/"));
    world.aws.clear_faults();
    world.delete(answer.id(), json!({})).await.success();
    assert_eq!((world.delegated_to(), world.claims()), (vec![], vec![]));
}

/// A claim from the future fenced off every later request of the resource.
#[tokio::test]
async fn regression_a_request_that_is_signed_in_the_future_does_not_fence_off_those_that_follow() {
    let world = World::new().await;
    let later = std::time::SystemTime::now() + Duration::from_hours(24 * 365);
    let event = world.event_at("Create", later, json!({"ResourceProperties": world.properties(json!({}))}));
    let id = world.deliver(event).await.success().id().to_owned();
    assert_eq!(world.update(&id, json!({}), json!({"TTL": "60"})).await.success().get("Action"), "UPDATED");
    world.delete(&id, json!({})).await.success();
    assert_eq!((world.delegated_to(), world.claims()), (vec![], vec![]));
}

/// The first delivery made the delegation and was cut off; then the function's settings became wrong.
#[tokio::test]
async fn regression_a_duplicate_of_a_create_that_meets_wrong_settings_keeps_the_real_id() {
    let mut world = World::new().await;
    let event = world.event("Create", json!({"ResourceProperties": world.properties(json!({}))}));
    world.deliver(event.clone()).await.success();
    world.restart(|config| config.problem = Some("DELEGATION_ALLOWED_NAMES is wrong".into())).await;
    assert_eq!(world.deliver(event).await.failed(&["set up wrongly"]).id(), world.id());
}

#[tokio::test]
async fn regression_a_read_ahead_that_hangs_hides_no_refusal() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let from_parent = Fault::on("ListResourceRecordSets").account(&world.parent_account.id());
    world.aws.fault(from_parent.always().kind(FaultKind::Hang));
    let answer = world.update(&id, json!({}), json!({"DomainName": "other.example.com"})).await;
    answer.failed(&["DomainName", "other.example.com"]);
}
