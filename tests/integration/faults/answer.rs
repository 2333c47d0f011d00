//! The response bucket is down, slow, refuses, hangs, or loses what it says.

use std::time::Duration;

use sandbox::{BucketFault, Fault, FaultKind};
use serde_json::json;
use test_support::simulate_each;

use crate::faults::lane::Lane;
use crate::faults::story::{STORIES, Story, TIMEOUT};

const FOREVER: u64 = u64::MAX;

#[derive(Clone, Debug)]
struct Case {
    story: Story,
    fault: BucketFault,
    times: u64,
}

impl Case {
    /// True if the fault does not pass while the invocation lasts.
    fn persists(&self) -> bool {
        self.times == FOREVER || self.fault == BucketFault::Status(403)
    }

    /// True if the bucket keeps the answer, whatever the function hears.
    fn stores(&self) -> bool {
        matches!(self.fault, BucketFault::ResetAfter | BucketFault::Latency(_))
    }
}

fn faults() -> Vec<(BucketFault, u64)> {
    vec![
        (BucketFault::Status(503), FOREVER),
        (BucketFault::Status(500), 3),
        (BucketFault::Status(429), 1),
        (BucketFault::Status(403), 1),
        (BucketFault::ResetBefore, 2),
        (BucketFault::ResetBefore, FOREVER),
        (BucketFault::ResetAfter, 1),
        (BucketFault::ResetAfter, FOREVER),
        (BucketFault::Hang, 1),
        (BucketFault::Hang, FOREVER),
        (BucketFault::Latency(Duration::from_secs(1)), 1),
    ]
}

#[test]
fn an_answer_gets_through_or_the_event_comes_again() {
    let stories = STORIES.into_iter().chain([Story::RefusedCreate, Story::RefusedUpdate]);
    let cases: Vec<Case> = stories
        .flat_map(|story| {
            faults().into_iter().map(move |(fault, times)| Case { story, fault, times })
        })
        .collect();
    let tried = cases.len();
    let results = simulate_each(cases, async |case| play(case).await);
    let wrong = results
        .into_iter()
        .filter_map(|(number, case, result)| Some((number, case, result.err()?)));
    let failures: Vec<String> =
        wrong.map(|(number, case, wrong)| format!("CASE={number} {case:?}: {wrong}")).collect();
    eprintln!("faults of the response bucket tried {tried}, left behind {}", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

async fn play(case: &Case) -> Result<(), String> {
    let lane = &Lane::new();
    let id = case.story.begin(lane).await?;
    let event = case.story.event(lane, id.as_deref());
    lane.bucket.fault(case.fault.clone(), case.times);
    let struck = lane.deliver(&event, TIMEOUT, || lane.bucket.clear_faults()).await?;
    lane.bucket.clear_faults();
    // A refused Create must not come again: it could succeed then, after CloudFormation has given
    // up on it.
    let marker = case.story == Story::RefusedCreate;
    let deliveries = if case.persists() && !marker { 2 } else { 1 };
    if struck.deliveries != deliveries {
        return Err(format!("delivered {} times, not {deliveries}", struck.deliveries));
    }
    let refused = matches!(case.story, Story::RefusedCreate | Story::RefusedUpdate);
    let expected = match () {
        () if marker && case.persists() && !case.stores() => "",
        () if refused => "FAILED",
        () => "SUCCESS",
    };
    if struck.status() != expected {
        return Err(format!("{struck:?} instead of {expected:?}"));
    }
    case.story.end(lane, id.as_deref(), &struck).await
}

/// An Update's failure reached CloudFormation, but the function did not hear so: its event comes
/// again after the rollback.
#[tokio::test(start_paused = true)]
async fn a_failed_update_that_comes_again_after_its_rollback_changes_nothing() {
    let lane = Lane::new();
    let old = lane.properties(json!({}));
    let created =
        lane.deliver(&lane.event("Create", None, &old, None), TIMEOUT, || {}).await.unwrap();
    let id = created.id().unwrap();
    let new = lane.properties(json!({"TTL": "60"}));
    let update = lane.event("Update", Some(id), &new, Some(&old));
    // The change hangs, and so does what the bucket says.
    let hang = lane.aws.fault(Fault::on("ChangeResourceRecordSets").always().kind(FaultKind::Hang));
    lane.bucket.fault(BucketFault::ResetAfter, FOREVER);
    lane.invoke(&update, TIMEOUT).await.unwrap_err();
    hang.remove();
    lane.bucket.clear_faults();
    let rollback = lane.event("Update", Some(id), &old, Some(&new));
    assert!(lane.deliver(&rollback, TIMEOUT, || {}).await.unwrap().success());
    let revision = lane.parent.revision();
    lane.invoke(&update, TIMEOUT).await.unwrap();
    assert_eq!(lane.parent.revision(), revision);
    let answers = lane.bucket.answers(update["RequestId"].as_str().unwrap());
    assert!(answers.iter().all(|put| put.json()["Status"] == "FAILED"));
    let delete = lane.event("Delete", Some(id), &old, None);
    assert!(lane.deliver(&delete, TIMEOUT, || {}).await.unwrap().success());
    lane.check_as_before().unwrap();
}

/// A Create's failure reached CloudFormation, but the function did not hear so and failed towards
/// Lambda: the event came again after the Delete of the rollback, and made a delegation that no
/// stack knew.
#[tokio::test(start_paused = true)]
async fn regression_a_failed_create_that_may_be_known_is_not_delivered_again() {
    let lane = Lane::new();
    let properties = lane.properties(json!({}));
    let create = lane.event("Create", None, &properties, None);
    let hang =
        lane.aws.fault(Fault::on("ChangeResourceRecordSets").always().kind(FaultKind::HangAfter));
    lane.bucket.fault(BucketFault::ResetAfter, FOREVER);
    let struck = lane.deliver(&create, TIMEOUT, || {}).await.unwrap();
    hang.remove();
    lane.bucket.clear_faults();
    assert_eq!((struck.status(), struck.deliveries), ("FAILED", 1), "{struck:?}");
    let delete = lane.event("Delete", struck.id(), &properties, None);
    assert!(lane.deliver(&delete, TIMEOUT, || {}).await.unwrap().success());
    lane.check_as_before().unwrap();
}

/// If it is certain that CloudFormation does not have it, it gets its answer by the redelivery.
#[tokio::test(start_paused = true)]
async fn a_failed_create_that_is_not_known_is_delivered_again() {
    let lane = Lane::new();
    let properties = lane.properties(json!({}));
    let create = lane.event("Create", None, &properties, None);
    let hang =
        lane.aws.fault(Fault::on("ChangeResourceRecordSets").always().kind(FaultKind::HangAfter));
    lane.bucket.fault(BucketFault::Status(403), 1);
    let well = || {
        hang.remove();
        lane.bucket.clear_faults();
    };
    let struck = lane.deliver(&create, TIMEOUT, well).await.unwrap();
    assert_eq!((struck.status(), struck.deliveries), ("SUCCESS", 2), "{struck:?}");
    let delete = lane.event("Delete", struck.id(), &properties, None);
    assert!(lane.deliver(&delete, TIMEOUT, || {}).await.unwrap().success());
    lane.check_as_before().unwrap();
}
