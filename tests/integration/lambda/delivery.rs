//! How events reach the function: twice, out of order, after a freeze, or without a usable response
//! URL.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sandbox::{
    BucketFault, DeadlineStyle, Fault, FaultKind, Function, Gate, Invocation, LambdaProcess,
    ResourceAction, Sandbox, StackOutcome, ZoneHandle,
};
use serde_json::{Value, json};
use test_support::{NAME, poll_until};
use tokio::sync::Notify;

use crate::lambda::fixture::{Invoked, RuntimeFixture, Setting};

/// Kills the process when its next change has been executed, before it gets the response.
fn die_after_the_next_change(fixture: &RuntimeFixture) {
    fixture.aws.fault(Fault::on("ChangeResourceRecordSets").kind(FaultKind::HangAfter));
    let (process, armed) = (Arc::clone(&fixture.function), AtomicBool::new(true));
    fixture.aws.after_call(Arc::new(move |call| {
        if call.action == "ChangeResourceRecordSets" && armed.swap(false, Ordering::Relaxed) {
            process.kill_now();
        }
    }));
}

#[tokio::test]
async fn a_second_delivery_after_the_process_died_is_answered_normally() {
    let fixture = RuntimeFixture::new().await;
    die_after_the_next_change(&fixture);
    assert_eq!(fixture.deploy("Delegation", json!({})).await, StackOutcome::Complete);
    fixture.assert_delegated(300, 1);
    assert_eq!(
        fixture.stack.resources()["Delegation"].physical_id,
        format!("{}/{NAME}", fixture.parent.id())
    );

    die_after_the_next_change(&fixture);
    assert_eq!(fixture.deploy("Delegation", json!({"TTL": 60})).await, StackOutcome::Complete);
    fixture.assert_delegated(60, 1);

    die_after_the_next_change(&fixture);
    assert_eq!(fixture.stack.delete().await, StackOutcome::Complete);
    fixture.assert_as_before();
    assert_eq!(fixture.function.starts(), 4);
    let changes =
        fixture.actions().into_iter().filter(|action| action == "ChangeResourceRecordSets").count();
    assert!((3..=4).contains(&changes), "a second delivery may only mark its claim: {changes}");
}

/// Kills the process when its next answer has reached the bucket, which then shows this fault.
async fn die_at_the_next_answer(fixture: &RuntimeFixture, fault: BucketFault) {
    let before = fixture.bucket.puts().len();
    fixture.bucket.fault(fault, 1);
    poll_until("an answer reaches the bucket", async || fixture.bucket.puts().len() > before).await;
    fixture.function.kill_now();
}

#[tokio::test]
async fn a_second_delivery_completes_the_work_of_a_process_that_died_around_its_answer() {
    let fixture = RuntimeFixture::new().await;
    // At first, the answer is not stored; then it is, but the process does not get the response.
    for (fault, ttl) in [(BucketFault::Hang, 300), (BucketFault::ResetAfter, 60)] {
        let template = json!({"TTL": ttl});
        let (deployed, ()) = tokio::join!(
            fixture.deploy("Delegation", template),
            die_at_the_next_answer(&fixture, fault)
        );
        assert_eq!(deployed, StackOutcome::Complete);
        fixture.assert_delegated(ttl, 1);
    }
    let (deleted, ()) =
        tokio::join!(fixture.stack.delete(), die_at_the_next_answer(&fixture, BucketFault::Hang));
    assert_eq!(deleted, StackOutcome::Complete);
    fixture.assert_as_before();
}

#[tokio::test]
async fn a_duplicate_and_a_late_delivery_change_nothing() {
    let fixture = RuntimeFixture::new().await;
    fixture.deploy("Delegation", json!({})).await;
    let create = fixture.last().request_id;
    // The first duplicate may mark the claim that it finds.
    assert!(matches!(fixture.stack.redeliver(&create).await, Some(Invocation::Returned(_))));
    let revision = fixture.parent.revision();
    assert!(matches!(fixture.stack.redeliver(&create).await, Some(Invocation::Returned(_))));
    assert_eq!(fixture.parent.revision(), revision);

    // The dates in response URLs have a resolution of a second, and real updates are further apart.
    fixture.bucket.clock().advance(Duration::from_secs(2));
    fixture.deploy("Delegation", json!({"TTL": 60})).await;
    let revision = fixture.parent.revision();
    assert!(matches!(fixture.stack.redeliver(&create).await, Some(Invocation::Returned(_))));
    assert_eq!(fixture.parent.revision(), revision);
    fixture.assert_delegated(60, 1);
}

/// Delivers Creates to one execution environment and Deletes to another one. Each Delete waits
/// until a Create is held at the gate.
struct Overtaking {
    creating: Arc<LambdaProcess>,
    deleting: LambdaProcess,
    gate: Gate,
    is_deleting: Arc<AtomicBool>,
}

impl Function for Overtaking {
    fn invoke(&self, event: Value) -> Invoked<'_> {
        Box::pin(async move {
            if event["RequestType"] == "Create" {
                return self.creating.invoke(event).await;
            }
            self.gate.arrived().await;
            self.is_deleting.store(true, Ordering::Relaxed);
            self.deleting.invoke(event).await
        })
    }
}

/// Returns what is notified when the overtaking Delete has read the parent zone.
fn has_read(aws: &Sandbox, parent: &ZoneHandle, is_deleting: &Arc<AtomicBool>) -> Arc<Notify> {
    let (has_read, seen) = (Arc::new(Notify::new()), Arc::clone(is_deleting));
    let (notify, zone) = (Arc::clone(&has_read), parent.id());
    aws.after_call(Arc::new(move |call| {
        if call.zone.as_ref() == Some(&zone) && seen.load(Ordering::Relaxed) {
            notify.notify_one();
        }
    }));
    has_read
}

/// A cancelled Create whose change is held until its Delete has read the zone. Whichever change is
/// made first, the other request reads again: the Delete removes what the Create made, or the
/// Create finds the tombstone of the Delete.
#[tokio::test]
async fn a_cancelled_create_and_its_delete_leave_nothing_in_either_order() {
    let mut fixture = RuntimeFixture::new().await;
    let (gate, is_deleting) = (fixture.aws.gate("ChangeResourceRecordSets"), Arc::default());
    let has_read = has_read(&fixture.aws, &fixture.parent, &is_deleting);
    let deleting = fixture.another(&Setting::default()).await;
    let creating = Arc::clone(&fixture.function);
    fixture.serve_with(Overtaking { creating, deleting, gate: gate.clone(), is_deleting });
    let properties = fixture.properties(json!({}));
    let release = async {
        has_read.notified().await;
        gate.release();
    };
    let ((_, deleted), ()) =
        tokio::join!(fixture.stack.cancel_create("Delegation", &properties), release);
    let deleted = deleted.unwrap();
    assert_eq!(deleted["Status"], "SUCCESS", "{deleted}");
    assert!(deleted["PhysicalResourceId"].as_str().unwrap().starts_with("mine-Delegation-"));
    assert!(fixture.parent.record(NAME, "NS").is_none());
    assert!(
        fixture.claims().iter().all(|value| value.contains("tombstone=")),
        "{:?}",
        fixture.claims()
    );
}

#[tokio::test]
async fn a_process_that_is_frozen_between_invocations_works_when_thawed() {
    let fixture = RuntimeFixture::new().await;
    for (n, ttl) in [300, 60, 300, 60].into_iter().enumerate() {
        if n == 2 {
            // After a long freeze, the connections that it kept are closed.
            for action in ["AssumeRole", "GetHostedZone", "ListResourceRecordSets"] {
                fixture.aws.fault(Fault::on(action).kind(FaultKind::ResetBefore));
            }
        }
        assert!(fixture.deploy("Delegation", json!({"TTL": ttl})).await.is_complete());
        fixture.assert_delegated(ttl, 1);
        let pid = fixture.function.pid().await.unwrap();
        let stat = Path::new("/proc").join(pid.to_string()).join("stat");
        assert!(
            std::fs::read_to_string(stat).unwrap().contains(") T "),
            "the process must be stopped"
        );
    }
    assert_eq!(fixture.function.starts(), 1);
    let assumed = fixture.actions().into_iter().filter(|action| action == "AssumeRole").count();
    assert_eq!(assumed, 1, "a warm function must reuse its session");
}

#[tokio::test]
async fn a_deadline_in_1970_means_that_none_is_known() {
    let fixture =
        RuntimeFixture::with(Setting { deadline: DeadlineStyle::In1970, ..Setting::default() })
            .await;
    assert!(fixture.deploy("Delegation", json!({})).await.is_complete());
    fixture.assert_delegated(300, 1);
    assert!(fixture.stack.delete().await.is_complete());
    fixture.assert_as_before();
}

#[tokio::test]
async fn an_event_that_cannot_be_answered_fails_the_invocation() {
    let fixture = RuntimeFixture::new().await;
    let properties = fixture.properties(json!({}));
    let signed = "https://example.com/cloudformation-custom-resource-response-useast1/x?X-Amz-Signature=5ec4e7";
    for url in [
        json!(signed),
        json!("http://169.254.169.254/?X-Amz-Signature=5ec4e7"),
        json!(7),
        Value::Null,
    ] {
        let mut event = fixture.stack.event("Delegation", &ResourceAction::Create, &properties);
        event["ResponseURL"] = url;
        let Invocation::Failed { message, .. } = fixture.function.invoke(event).await else {
            panic!("the invocation must fail")
        };
        assert!(message.contains("ResponseURL") && !message.contains("5ec4e7"), "{message}");
    }
    for event in
        [Value::Null, json!([]), json!("x"), json!({"Records": [{"Sns": {"Message": "x"}}]})]
    {
        assert!(matches!(fixture.function.invoke(event).await, Invocation::Failed { .. }));
    }
    assert!(fixture.bucket.puts().is_empty() && fixture.actions().is_empty());
    fixture.assert_as_before();
    let log = fixture.function.logs().join("\n");
    assert_eq!(log.matches("this event can't be answered").count(), 8, "{log}");
    assert!(log.contains(r#""level":"ERROR""#) && !log.contains("5ec4e7"), "{log}");
    assert_eq!(fixture.function.starts(), 1, "the process must live on");
}
