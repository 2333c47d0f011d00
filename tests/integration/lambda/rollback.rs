//! What fails, and the way back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sandbox::{
    BucketFault, Fault, FaultKind, Function, LambdaProcess, RecordSet, Sandbox, StackOutcome,
};
use serde_json::{Value, json};

use crate::lambda::world::{Invoked, NAME, World, rolled_back};

#[tokio::test]
async fn a_refused_update_is_rolled_back() {
    let world = World::new().await;
    world.deploy("Delegation", json!({})).await;
    world.watch_the_delegation();
    rolled_back(&world.deploy("Delegation", json!({"TTL": "an hour"})).await, "TTL");
    assert_eq!(
        world.story(),
        ["Create Delegation", "Update Delegation failed", "Update Delegation"]
    );
    world.assert_delegated(300, 1);
    world.assert_it_always_stood();
    world.stack.delete().await;
    world.assert_as_before();
}

#[tokio::test]
async fn an_update_that_was_carried_out_but_never_answered_is_rolled_back() {
    let world = World::new().await;
    world.deploy("Delegation", json!({})).await;
    world.watch_the_delegation();
    world.bucket.fault(BucketFault::Status(403), 3);
    rolled_back(
        &world.deploy("Delegation", json!({"TTL": 60})).await,
        "did not receive a response",
    );
    world.assert_delegated(300, 1);
    world.assert_it_always_stood();
    world.stack.delete().await;
    world.assert_as_before();
}

#[tokio::test]
async fn a_failed_replacement_is_rolled_back() {
    let world = World::new().await;
    world.deploy("Delegation", json!({})).await;
    world.watch_the_delegation();
    let other = world.child_account.hosted_zone("staging.example.com");
    let foreign = RecordSet::new("staging.example.com", "NS", 60, ["ns1.somebody.example.net."]);
    world.parent.put(foreign.clone());
    rolled_back(
        &world.deploy("Delegation", json!({"ChildZoneId": other.id()})).await,
        "ns1.somebody.example.net",
    );
    assert_eq!(
        world.story(),
        ["Create Delegation", "Update Delegation failed", "Update Delegation"]
    );
    assert_eq!(world.parent.record("staging.example.com", "NS"), Some(foreign));
    world.assert_delegated(300, 1);
    world.assert_it_always_stood();
}

#[tokio::test]
async fn a_replacement_is_taken_back_when_another_resource_fails() {
    let world = World::new().await;
    world.deploy("Delegation", json!({})).await;
    world.watch_the_delegation();
    let other = world.child_account.hosted_zone("staging.example.com");
    world.stack.fail_after("Delegation");
    rolled_back(
        &world.deploy("Delegation", json!({"ChildZoneId": other.id()})).await,
        "another resource",
    );
    assert_eq!(
        world.story(),
        ["Create Delegation", "Update Delegation", "Update Delegation", "Delete Delegation"]
    );
    world.assert_delegated(300, 1);
    world.assert_it_always_stood();
    world.stack.delete().await;
    world.assert_as_before();
}

#[tokio::test]
async fn a_new_resource_is_taken_back_when_another_one_fails() {
    let world = World::new().await;
    world.stack.fail_after("Delegation");
    rolled_back(&world.deploy("Delegation", json!({})).await, "another resource");
    assert_eq!(world.story(), ["Create Delegation", "Delete Delegation"]);
    world.assert_as_before();
}

#[tokio::test]
async fn a_create_that_changed_nothing_is_rolled_back_by_its_marker() {
    let world = World::new().await;
    world.parent.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.example.net."]));
    let revision = world.parent.revision();
    for (changes, words) in
        [(json!({"TTL": "an hour"}), "TTL"), (json!({}), "ns1.somebody.example.net")]
    {
        rolled_back(&world.deploy("Delegation", changes).await, words);
        let delete = world.last();
        assert!(
            delete.physical_id.starts_with("unresolved/") && delete.failure.is_none(),
            "{delete:?}"
        );
    }
    world.aws.clear_calls();
    rolled_back(&world.deploy("Delegation", json!({"ChildZoneId": null})).await, "ChildZoneId");
    assert!(
        world.actions().is_empty(),
        "neither the Create nor the Delete of its marker made a call"
    );
    assert_eq!(world.parent.revision(), revision);
}

#[tokio::test]
async fn a_create_that_was_carried_out_but_never_answered_is_deleted_by_an_invented_id() {
    let world = World::new().await;
    world.bucket.fault(BucketFault::Status(403), 3);
    rolled_back(&world.deploy("Delegation", json!({})).await, "did not receive a response");
    assert_eq!(world.story(), ["Create Delegation failed", "Delete Delegation"]);
    assert!(world.last().physical_id.starts_with("mine-Delegation-"));
    world.assert_as_before();
}

/// Has each delivery of a Create die: the first after its change was carried out, the others before
/// they did anything.
struct DiesCreating {
    aws: Sandbox,
    process: Arc<LambdaProcess>,
    deliveries: AtomicUsize,
}

impl Function for DiesCreating {
    fn invoke(&self, event: Value) -> Invoked<'_> {
        Box::pin(async move {
            if event["RequestType"] != "Create" {
                return self.process.invoke(event).await;
            }
            if self.deliveries.fetch_add(1, Ordering::Relaxed) == 0 {
                self.aws.fault(Fault::on("ChangeResourceRecordSets").kind(FaultKind::HangAfter));
                return self.process.invoke(event).await;
            }
            let gate = self.aws.gate("*");
            let kill = async {
                gate.arrived().await;
                self.process.kill_now();
            };
            tokio::join!(self.process.invoke(event), kill).0
        })
    }
}

#[tokio::test]
async fn a_create_that_died_at_each_delivery_is_deleted_by_an_invented_id() {
    let mut world = World::new().await;
    let (aws, process) = (world.aws.clone(), Arc::clone(&world.function));
    let killer = Arc::clone(&process);
    let creations = AtomicUsize::new(0);
    world.aws.after_call(Arc::new(move |call| {
        if call.action == "ChangeResourceRecordSets"
            && creations.fetch_add(1, Ordering::Relaxed) == 0
        {
            killer.kill_now();
        }
    }));
    world.serve_by(DiesCreating { aws, process, deliveries: AtomicUsize::new(0) });
    rolled_back(&world.deploy("Delegation", json!({})).await, "did not receive a response");
    assert_eq!(world.function.starts(), 4, "it died at each of three deliveries");
    assert_eq!(world.story(), ["Create Delegation failed", "Delete Delegation"]);
    world.assert_as_before();
}

#[tokio::test]
async fn a_delete_with_an_invented_id_leaves_a_tombstone_for_a_create_that_may_still_run() {
    let world = World::new().await;
    let event = world.stack.event(
        "Delete",
        "Delegation",
        Some("mine-Delegation-ABC"),
        &world.properties(json!({})),
        None,
    );
    let answer = world.stack.send(event).await.unwrap();
    assert_eq!(
        (&answer["Status"], &answer["PhysicalResourceId"]),
        (&json!("SUCCESS"), &json!("mine-Delegation-ABC"))
    );
    assert!(world.parent.record(NAME, "NS").is_none());
    assert!(world.claims()[0].contains("tombstone="), "{:?}", world.claims());
}

#[tokio::test]
async fn a_delete_that_is_denied_is_stuck_until_the_role_lets_it_in() {
    let world = World::new().await;
    world.deploy("Delegation", json!({})).await;
    let denied =
        FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "not now".into() };
    let fault = world.aws.fault(Fault::on("ChangeResourceRecordSets").always().kind(denied));
    assert!(
        matches!(world.stack.delete().await, StackOutcome::Stuck(reason) if reason.contains("not now"))
    );
    world.assert_delegated(300, 1);
    fault.remove();
    assert!(world.stack.delete().await.is_complete());
    world.assert_as_before();
}
