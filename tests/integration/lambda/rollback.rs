//! Requests that fail, and their rollbacks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sandbox::{
    BucketFault, Fault, FaultKind, Function, LambdaProcess, RecordSet, ResourceAction, Sandbox,
    StackOutcome,
};
use serde_json::{Value, json};
use test_support::NAME;

use crate::lambda::fixture::{Invoked, RuntimeFixture, assert_rolled_back};

#[tokio::test]
async fn a_refused_update_is_rolled_back() {
    let fixture = RuntimeFixture::new().await;
    fixture.deploy("Delegation", json!({})).await;
    fixture.watch_the_delegation();
    assert_rolled_back(&fixture.deploy("Delegation", json!({"TTL": "an hour"})).await, "TTL");
    assert_eq!(
        fixture.requests(),
        ["Create Delegation", "Update Delegation failed", "Update Delegation"]
    );
    fixture.assert_delegated(300, 1);
    fixture.assert_it_always_existed();
    fixture.stack.delete().await;
    fixture.assert_as_before();
}

#[tokio::test]
async fn an_update_that_was_executed_but_never_answered_is_rolled_back() {
    let fixture = RuntimeFixture::new().await;
    fixture.deploy("Delegation", json!({})).await;
    fixture.watch_the_delegation();
    fixture.bucket.fault(BucketFault::Status(403), 3);
    assert_rolled_back(
        &fixture.deploy("Delegation", json!({"TTL": 60})).await,
        "did not receive a response",
    );
    fixture.assert_delegated(300, 1);
    fixture.assert_it_always_existed();
    fixture.stack.delete().await;
    fixture.assert_as_before();
}

#[tokio::test]
async fn a_failed_replacement_is_rolled_back() {
    let fixture = RuntimeFixture::new().await;
    fixture.deploy("Delegation", json!({})).await;
    fixture.watch_the_delegation();
    let other = fixture.child_account.hosted_zone("staging.example.com");
    let foreign = RecordSet::new("staging.example.com", "NS", 60, ["ns1.somebody.example.net."]);
    fixture.parent.put(foreign.clone());
    assert_rolled_back(
        &fixture.deploy("Delegation", json!({"ChildZoneId": other.id()})).await,
        "ns1.somebody.example.net",
    );
    assert_eq!(
        fixture.requests(),
        ["Create Delegation", "Update Delegation failed", "Update Delegation"]
    );
    assert_eq!(fixture.parent.record("staging.example.com", "NS"), Some(foreign));
    fixture.assert_delegated(300, 1);
    fixture.assert_it_always_existed();
}

#[tokio::test]
async fn a_replacement_is_undone_when_another_resource_fails() {
    let fixture = RuntimeFixture::new().await;
    fixture.deploy("Delegation", json!({})).await;
    fixture.watch_the_delegation();
    let other = fixture.child_account.hosted_zone("staging.example.com");
    fixture.stack.fail_after("Delegation");
    assert_rolled_back(
        &fixture.deploy("Delegation", json!({"ChildZoneId": other.id()})).await,
        "another resource",
    );
    assert_eq!(
        fixture.requests(),
        ["Create Delegation", "Update Delegation", "Update Delegation", "Delete Delegation"]
    );
    fixture.assert_delegated(300, 1);
    fixture.assert_it_always_existed();
    fixture.stack.delete().await;
    fixture.assert_as_before();
}

#[tokio::test]
async fn a_new_resource_is_removed_when_another_one_fails() {
    let fixture = RuntimeFixture::new().await;
    fixture.stack.fail_after("Delegation");
    assert_rolled_back(&fixture.deploy("Delegation", json!({})).await, "another resource");
    assert_eq!(fixture.requests(), ["Create Delegation", "Delete Delegation"]);
    fixture.assert_as_before();
}

#[tokio::test]
async fn a_create_that_changed_nothing_is_rolled_back_by_its_unresolved_id() {
    let fixture = RuntimeFixture::new().await;
    fixture.parent.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.example.net."]));
    let revision = fixture.parent.revision();
    for (changes, words) in
        [(json!({"TTL": "an hour"}), "TTL"), (json!({}), "ns1.somebody.example.net")]
    {
        assert_rolled_back(&fixture.deploy("Delegation", changes).await, words);
        let delete = fixture.last();
        assert!(
            delete.physical_id.starts_with("unresolved/") && delete.failure.is_none(),
            "{delete:?}"
        );
    }
    fixture.aws.clear_calls();
    assert_rolled_back(
        &fixture.deploy("Delegation", json!({"ChildZoneId": null})).await,
        "ChildZoneId",
    );
    assert!(
        fixture.actions().is_empty(),
        "neither the Create nor the Delete of its unresolved id may make a call"
    );
    assert_eq!(fixture.parent.revision(), revision);
}

#[tokio::test]
async fn a_create_that_was_executed_but_never_answered_is_deleted_by_an_invented_id() {
    let fixture = RuntimeFixture::new().await;
    fixture.bucket.fault(BucketFault::Status(403), 3);
    assert_rolled_back(
        &fixture.deploy("Delegation", json!({})).await,
        "did not receive a response",
    );
    assert_eq!(fixture.requests(), ["Create Delegation failed", "Delete Delegation"]);
    assert!(fixture.last().physical_id.starts_with("mine-Delegation-"));
    fixture.assert_as_before();
}

/// Kills the process at each delivery of a Create: at the first one after its change was executed,
/// at the others before they did anything.
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
    let mut fixture = RuntimeFixture::new().await;
    let (aws, process) = (fixture.aws.clone(), Arc::clone(&fixture.function));
    let killer = Arc::clone(&process);
    let creations = AtomicUsize::new(0);
    fixture.aws.after_call(Arc::new(move |call| {
        if call.action == "ChangeResourceRecordSets"
            && creations.fetch_add(1, Ordering::Relaxed) == 0
        {
            killer.kill_now();
        }
    }));
    fixture.serve_with(DiesCreating { aws, process, deliveries: AtomicUsize::new(0) });
    assert_rolled_back(
        &fixture.deploy("Delegation", json!({})).await,
        "did not receive a response",
    );
    assert_eq!(
        fixture.function.starts(),
        4,
        "the process must have died at each of three deliveries"
    );
    assert_eq!(fixture.requests(), ["Create Delegation failed", "Delete Delegation"]);
    fixture.assert_as_before();
}

#[tokio::test]
async fn a_delete_with_an_invented_id_leaves_a_tombstone_for_a_create_that_may_still_run() {
    let fixture = RuntimeFixture::new().await;
    let delete = ResourceAction::Delete("mine-Delegation-ABC".to_owned());
    let event = fixture.stack.event("Delegation", &delete, &fixture.properties(json!({})));
    let answer = fixture.stack.send(event).await.unwrap();
    assert_eq!(
        (&answer["Status"], &answer["PhysicalResourceId"]),
        (&json!("SUCCESS"), &json!("mine-Delegation-ABC"))
    );
    assert!(fixture.parent.record(NAME, "NS").is_none());
    assert!(fixture.claims()[0].contains("tombstone="), "{:?}", fixture.claims());
}

#[tokio::test]
async fn a_denied_delete_is_stuck_until_the_role_allows_it() {
    let fixture = RuntimeFixture::new().await;
    fixture.deploy("Delegation", json!({})).await;
    let denied =
        FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "not now".into() };
    let fault = fixture.aws.fault(Fault::on("ChangeResourceRecordSets").always().kind(denied));
    let StackOutcome::Stuck(reason) = fixture.stack.delete().await else { panic!("not stuck") };
    assert!(reason.contains("not now"), "{reason}");
    fixture.assert_delegated(300, 1);
    fault.remove();
    assert!(fixture.stack.delete().await.is_complete());
    fixture.assert_as_before();
}
