//! Waiting until a change has reached all name servers of Route 53.

use std::time::Duration;

use custom_delegation::config::Config;
use sandbox::{Fault, FaultKind, RecordSet, SyncRule};
use serde_json::json;

use test_support::{Fixture, NAME};

#[tokio::test(start_paused = true)]
async fn create_update_and_delete_are_answered_when_the_change_is_in_sync() {
    let fixture = Fixture::new().await;
    fixture.aws.sync_after(SyncRule::Polls(3));
    let answer = fixture.create(json!({})).await.success();
    assert_eq!((answer.get("ChangeStatus"), fixture.count("GetChange")), ("INSYNC", 4));
    let updated = fixture.update(answer.id(), json!({}), json!({"TTL": "60"})).await.success();
    assert_eq!((updated.get("ChangeStatus"), fixture.count("GetChange")), ("INSYNC", 8));
    assert!(!answer.get("Warning").contains("Deploy again"), "{}", answer.get("Warning"));
    fixture.delete(answer.id(), json!({})).await.success();
    assert_eq!(fixture.count("GetChange"), 12);
}

#[tokio::test(start_paused = true)]
async fn no_wait_without_a_change_or_with_wait_for_sync_false() {
    let fixture = Fixture::new().await;
    let answer = fixture.create(json!({"WaitForSync": "false"})).await.success();
    assert_eq!((answer.get("ChangeStatus"), fixture.count("GetChange")), ("PENDING", 0));
    let unchanged = fixture.update(answer.id(), json!({}), json!({"Trigger": "1"})).await.success();
    assert_eq!(
        (unchanged.get("Action"), unchanged.get("ChangeStatus"), fixture.count("GetChange")),
        ("UNCHANGED", "INSYNC", 0)
    );
    fixture.delete(answer.id(), json!({"WaitForSync": "false"})).await.success();
    assert_eq!(fixture.count("GetChange"), 0);
}

#[tokio::test(start_paused = true)]
async fn running_out_of_time_while_waiting_is_a_success() {
    let mut fixture = Fixture::new().await;
    fixture.timeout = Duration::from_secs(30);
    fixture.aws.sync_after(SyncRule::Never);
    let answer = fixture.create(json!({})).await.success();
    assert_eq!((answer.id(), answer.get("ChangeStatus")), (fixture.id().as_str(), "PENDING"));
    assert!(
        answer.get("Warning").contains("ran out of time after 21 s while waiting"),
        "{}",
        answer.get("Warning")
    );
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    fixture.delete(answer.id(), json!({})).await.success();
    assert_eq!(fixture.delegated_to(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_denied_get_change_is_a_warning() {
    let fixture = Fixture::new().await;
    let denied = FaultKind::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "not authorized".into(),
    };
    fixture.aws.fault(Fault::on("GetChange").kind(denied).always());
    let answer = fixture.create(json!({})).await.success();
    assert_eq!(answer.get("ChangeStatus"), "PENDING");
    for word in [
        "could not wait until it is INSYNC",
        "GetChange was denied",
        "Grant the role in ParentRoleArn",
    ] {
        assert!(answer.get("Warning").contains(word), "{}", answer.get("Warning"));
    }
    fixture.delete(answer.id(), json!({})).await.success();
}

#[tokio::test(start_paused = true)]
async fn sessions_that_expire_while_waiting_are_renewed() {
    let fixture = Fixture::new().await;
    let ended =
        FaultKind::Error { status: 403, code: "ExpiredToken".into(), message: "expired".into() };
    fixture.aws.fault(Fault::on("GetChange").kind(ended));
    let answer = fixture.create(json!({})).await.success();
    assert_eq!((answer.get("ChangeStatus"), answer.get("Warning")), ("INSYNC", ""));
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_id_was_lost_is_pending_and_not_waited_for() {
    let fixture = Fixture::new().await;
    fixture.aws.fault(Fault::on("ChangeResourceRecordSets").kind(FaultKind::ResetAfter));
    let answer = fixture.create(json!({})).await.success();
    assert_eq!(
        (answer.get("Action"), answer.get("ChangeStatus"), fixture.count("GetChange")),
        ("CREATED", "PENDING", 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_does_not_claim_to_be_in_sync() {
    let fixture = Fixture::new().await;
    fixture.aws.sync_after(SyncRule::Never);
    let event = fixture.event(
        "Create",
        json!({"ResourceProperties": fixture.properties(json!({"WaitForSync": false}))}),
    );
    fixture.deliver(event.clone()).await.success();
    let again = fixture.deliver(event).await.success();
    assert_eq!((again.get("Action"), again.get("ChangeStatus")), ("CREATED", "PENDING"));
}

#[tokio::test(start_paused = true)]
async fn throttling_does_not_end_the_wait() {
    let fixture =
        Fixture::with(|config: &mut Config| config.sync_pause = Duration::from_millis(1)).await;
    fixture.aws.fault(Fault::on("GetChange").kind(FaultKind::Throttle).times(3));
    assert_eq!(fixture.create(json!({})).await.success().get("ChangeStatus"), "INSYNC");
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_failed_replacement_is_removed_before_the_wait() {
    let mut fixture = Fixture::new().await;
    let other = fixture.child_account.hosted_zone("other.example.com");
    let id = fixture.create(json!({})).await.success().id().to_owned();
    // A replacement wrote at the new point and the stack failed; CloudFormation then swaps the old
    // and the new properties.
    let moved = json!({"ChildZoneId": other.id()});
    fixture.update(&id, json!({}), moved.clone()).await.success();
    fixture.parent.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.net."]));
    fixture.timeout = Duration::from_secs(30);
    fixture.aws.sync_after(SyncRule::Never);
    let back = fixture.update(&id, moved, json!({})).await.success();
    assert_eq!((back.get("Action"), back.get("ChangeStatus")), ("UPDATED", "PENDING"));
    assert_eq!(fixture.parent.record("other.example.com", "NS"), None);
}
