//! How events reach the function: twice, overtaking one another, after a freeze, or without a place
//! to answer.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sandbox::{
    BucketFault, DeadlineStyle, Fault, FaultKind, Function, Gate, Invocation, LambdaProcess,
    Sandbox, StackOutcome, ZoneHandle,
};
use serde_json::{Value, json};
use test_support::{NAME, poll_until};
use tokio::sync::Notify;

use crate::lambda::fixture::{Fixture, Invoked, Setting};

/// Kills the process once its next change was carried out, before it hears of it.
fn die_after_the_next_change(fixture: &Fixture) {
    fixture.aws.fault(Fault::on("ChangeResourceRecordSets").kind(FaultKind::HangAfter));
    let (process, armed) = (Arc::clone(&fixture.function), AtomicBool::new(true));
    fixture.aws.after_call(Arc::new(move |call| {
        if call.action == "ChangeResourceRecordSets" && armed.swap(false, Ordering::Relaxed) {
            process.kill_now();
        }
    }));
}

#[tokio::test]
async fn an_event_delivered_again_after_the_process_died_is_answered_as_if_it_had_not() {
    let fixture = Fixture::new().await;
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
    assert!(
        (3..=4).contains(&changes),
        "a redelivery may mark its claim, and changes nothing more: {changes}"
    );
}

/// Kills the process once its next answer has come to the bucket, where that fault strikes.
async fn die_at_the_next_answer(fixture: &Fixture, fault: BucketFault) {
    let before = fixture.bucket.puts().len();
    fixture.bucket.fault(fault, 1);
    poll_until("an answer comes to the bucket", async || fixture.bucket.puts().len() > before)
        .await;
    fixture.function.kill_now();
}

#[tokio::test]
async fn a_process_that_dies_around_its_answer_leaves_the_rest_to_a_redelivery() {
    let fixture = Fixture::new().await;
    // Its answer is not stored; then it is, and the process does not hear so.
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
async fn a_duplicate_and_a_latecomer_change_nothing() {
    let fixture = Fixture::new().await;
    fixture.deploy("Delegation", json!({})).await;
    let create = fixture.last().request_id;
    // The first duplicate may mark the claim that it finds.
    assert!(matches!(fixture.stack.redeliver(&create).await, Some(Invocation::Returned(_))));
    let revision = fixture.parent.revision();
    assert!(matches!(fixture.stack.redeliver(&create).await, Some(Invocation::Returned(_))));
    assert_eq!(fixture.parent.revision(), revision);

    // Response URLs are signed to the second, and an update never follows within one.
    fixture.bucket.clock().advance(Duration::from_secs(2));
    fixture.deploy("Delegation", json!({"TTL": 60})).await;
    let revision = fixture.parent.revision();
    assert!(matches!(fixture.stack.redeliver(&create).await, Some(Invocation::Returned(_))));
    assert_eq!(fixture.parent.revision(), revision);
    fixture.assert_delegated(60, 1);
}

/// One execution environment serves Creates, another one Deletes, and each Delete waits until a
/// Create is held.
struct Overtaking {
    creating: Arc<LambdaProcess>,
    deleting: LambdaProcess,
    gate: Gate,
    looking: Arc<AtomicBool>,
}

impl Function for Overtaking {
    fn invoke(&self, event: Value) -> Invoked<'_> {
        Box::pin(async move {
            if event["RequestType"] == "Create" {
                return self.creating.invoke(event).await;
            }
            self.gate.arrived().await;
            self.looking.store(true, Ordering::Relaxed);
            self.deleting.invoke(event).await
        })
    }
}

/// Tells when the overtaking Delete has looked at the parent zone.
fn looked(aws: &Sandbox, parent: &ZoneHandle, looking: &Arc<AtomicBool>) -> Arc<Notify> {
    let (looked, seen) = (Arc::new(Notify::new()), Arc::clone(looking));
    let (notify, zone) = (Arc::clone(&looked), parent.id());
    aws.after_call(Arc::new(move |call| {
        if call.zone.as_ref() == Some(&zone) && seen.load(Ordering::Relaxed) {
            notify.notify_one();
        }
    }));
    looked
}

/// A cancelled Create whose change is held until its Delete has looked. Whichever change comes
/// first, the other one is planned again: the Delete removes what the Create made, or the Create
/// finds the tombstone of the Delete.
#[tokio::test]
async fn of_a_cancelled_create_and_its_delete_whichever_comes_last_leaves_nothing() {
    let mut fixture = Fixture::new().await;
    let (gate, looking) = (fixture.aws.gate("ChangeResourceRecordSets"), Arc::default());
    let looked = looked(&fixture.aws, &fixture.parent, &looking);
    let deleting = fixture.another(&Setting::default()).await;
    let creating = Arc::clone(&fixture.function);
    fixture.serve_by(Overtaking { creating, deleting, gate: gate.clone(), looking });
    let properties = fixture.properties(json!({}));
    let release = async {
        looked.notified().await;
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
async fn a_process_frozen_between_invocations_works_when_thawed() {
    let fixture = Fixture::new().await;
    for (n, ttl) in [300, 60, 300, 60].into_iter().enumerate() {
        if n == 2 {
            // What the connections that it kept are good for after a long freeze.
            for action in ["AssumeRole", "GetHostedZone", "ListResourceRecordSets"] {
                fixture.aws.fault(Fault::on(action).kind(FaultKind::ResetBefore));
            }
        }
        assert!(fixture.deploy("Delegation", json!({"TTL": ttl})).await.is_complete());
        fixture.assert_delegated(ttl, 1);
        let pid = fixture.function.pid().await.unwrap();
        let stat = Path::new("/proc").join(pid.to_string()).join("stat");
        assert!(std::fs::read_to_string(stat).unwrap().contains(") T "), "it is stopped");
    }
    assert_eq!(fixture.function.starts(), 1);
    let assumed = fixture.actions().into_iter().filter(|action| action == "AssumeRole").count();
    assert_eq!(assumed, 1, "the session of the parent role is kept while warm");
}

#[tokio::test]
async fn a_deadline_in_1970_means_that_none_is_known() {
    let fixture =
        Fixture::with(Setting { deadline: DeadlineStyle::In1970, ..Setting::default() }).await;
    assert!(fixture.deploy("Delegation", json!({})).await.is_complete());
    fixture.assert_delegated(300, 1);
    assert!(fixture.stack.delete().await.is_complete());
    fixture.assert_as_before();
}

#[tokio::test]
async fn an_event_that_can_not_be_answered_fails_towards_lambda() {
    let fixture = Fixture::new().await;
    let properties = fixture.properties(json!({}));
    let signed = "https://example.com/cloudformation-custom-resource-response-useast1/x?X-Amz-Signature=5ec4e7";
    for url in [
        json!(signed),
        json!("http://169.254.169.254/?X-Amz-Signature=5ec4e7"),
        json!(7),
        Value::Null,
    ] {
        let mut event = fixture.stack.event("Create", "Delegation", None, &properties, None);
        event["ResponseURL"] = url;
        let Invocation::Failed { message, .. } = fixture.function.invoke(event).await else {
            panic!("it can't answer")
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
    assert_eq!(fixture.function.starts(), 1, "it lives on");
}
