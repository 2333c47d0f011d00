//! Waiting until all name servers of Route 53 know of a change.

use std::time::Duration;

use custom_delegation::config::Config;
use sandbox::{Fault, FaultKind, RecordSet, SyncRule};
use serde_json::json;

use crate::world::{NAME, World};

impl World {
    fn polls(&self) -> usize {
        self.actions().iter().filter(|action| *action == "GetChange").count()
    }
}

#[tokio::test]
async fn create_update_and_delete_are_answered_when_the_change_is_in_sync() {
    let world = World::new().await;
    world.aws.sync_after(SyncRule::Polls(3));
    let answer = world.create(json!({})).await.success();
    assert_eq!((answer.get("ChangeStatus"), world.polls()), ("INSYNC", 4));
    let updated = world.update(answer.id(), json!({}), json!({"TTL": "60"})).await.success();
    assert_eq!((updated.get("ChangeStatus"), world.polls()), ("INSYNC", 8));
    world.delete(answer.id(), json!({})).await.success();
    assert_eq!(world.polls(), 12);
}

#[tokio::test]
async fn nothing_is_waited_for_where_nothing_was_changed_or_nobody_wants_to_wait() {
    let world = World::new().await;
    let answer = world.create(json!({"WaitForSync": "false"})).await.success();
    assert_eq!((answer.get("ChangeStatus"), world.polls()), ("PENDING", 0));
    let unchanged = world.update(answer.id(), json!({}), json!({"Trigger": "1"})).await.success();
    assert_eq!((unchanged.get("Action"), unchanged.get("ChangeStatus"), world.polls()), ("UNCHANGED", "INSYNC", 0));
    world.delete(answer.id(), json!({"WaitForSync": "false"})).await.success();
    assert_eq!(world.polls(), 0);
}

#[tokio::test]
async fn running_out_of_time_while_waiting_is_a_success() {
    let mut world = World::new().await;
    world.timeout = Duration::from_secs(2);
    world.aws.sync_after(SyncRule::Never);
    let answer = world.create(json!({})).await.success();
    assert_eq!((answer.id(), answer.get("ChangeStatus")), (world.id().as_str(), "PENDING"));
    assert!(answer.get("Warning").contains("ran out of time while waiting"), "{}", answer.get("Warning"));
    assert_eq!(world.delegated_to(), world.child_servers());
    world.delete(answer.id(), json!({})).await.success();
    assert_eq!(world.delegated_to(), Vec::<String>::new());
}

#[tokio::test]
async fn a_denied_get_change_is_a_warning() {
    let world = World::new().await;
    let denied = FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "not authorized".into() };
    world.aws.fault(Fault::on("GetChange").kind(denied).always());
    let answer = world.create(json!({})).await.success();
    assert_eq!(answer.get("ChangeStatus"), "PENDING");
    for word in ["not waited for", "GetChange was denied", "grant it"] {
        assert!(answer.get("Warning").contains(word), "{}", answer.get("Warning"));
    }
    world.delete(answer.id(), json!({})).await.success();
}

#[tokio::test]
async fn sessions_that_end_while_waiting_are_made_anew() {
    let world = World::new().await;
    let ended = FaultKind::Error { status: 403, code: "ExpiredToken".into(), message: "expired".into() };
    world.aws.fault(Fault::on("GetChange").kind(ended));
    let answer = world.create(json!({})).await.success();
    assert_eq!((answer.get("ChangeStatus"), answer.get("Warning")), ("INSYNC", ""));
}

#[tokio::test]
async fn a_change_whose_id_was_lost_is_pending_and_not_waited_for() {
    let world = World::new().await;
    world.aws.fault(Fault::on("ChangeResourceRecordSets").kind(FaultKind::ResetAfter));
    let answer = world.create(json!({})).await.success();
    assert_eq!((answer.get("Action"), answer.get("ChangeStatus"), world.polls()), ("CREATED", "PENDING", 0));
}

#[tokio::test]
async fn a_duplicate_does_not_claim_to_be_in_sync() {
    let world = World::new().await;
    world.aws.sync_after(SyncRule::Never);
    let event = world.event("Create", json!({"ResourceProperties": world.properties(json!({"WaitForSync": false}))}));
    world.deliver(event.clone()).await.success();
    let again = world.deliver(event).await.success();
    assert_eq!((again.get("Action"), again.get("ChangeStatus")), ("UNCHANGED", "PENDING"));
}

#[tokio::test]
async fn waiting_goes_on_through_throttling() {
    let world = World::with(|config: &mut Config| config.sync_pause = Duration::from_millis(1)).await;
    world.aws.fault(Fault::on("GetChange").kind(FaultKind::Throttle).times(3));
    assert_eq!(world.create(json!({})).await.success().get("ChangeStatus"), "INSYNC");
}

#[tokio::test]
async fn what_a_failed_replacement_left_goes_before_the_wait() {
    let mut world = World::new().await;
    let other = world.child_account.hosted_zone("other.example.com");
    let id = world.create(json!({})).await.success().id().to_owned();
    // A replacement wrote the new place, the stack failed, and CloudFormation swaps old and new.
    let moved = json!({"ChildZoneId": other.id()});
    world.update(&id, json!({}), moved.clone()).await.success();
    world.parent.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.net."]));
    world.timeout = Duration::from_secs(2);
    world.aws.sync_after(SyncRule::Never);
    let back = world.update(&id, moved, json!({})).await.success();
    assert_eq!((back.get("Action"), back.get("ChangeStatus")), ("UPDATED", "PENDING"));
    assert_eq!(world.parent.record("other.example.com", "NS"), None);
}
