//! Faults of the response bucket: it is down or slow, rejects answers, hangs, or its response is
//! lost.

use std::time::Duration;

use sandbox::{BucketFault, Fault, FaultKind};
use serde_json::json;
use test_support::{Simulated, simulate_each};

use crate::faults::fixture::ColdStartFixture;
use crate::faults::scenario::{SCENARIOS, Scenario, TIMEOUT};

const FOREVER: u64 = u64::MAX;

#[derive(Clone, Debug)]
struct Case {
    scenario: Scenario,
    fault: BucketFault,
    times: u64,
}

impl Case {
    /// Returns whether the fault lasts for the whole invocation.
    fn persists(&self) -> bool {
        self.times == FOREVER || self.fault == BucketFault::Status(403)
    }

    /// Returns whether the bucket stores the answer, although the function may not hear of it.
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
fn an_answer_is_delivered_or_the_event_is_delivered_again() {
    let scenarios = SCENARIOS.into_iter().chain([Scenario::RefusedCreate, Scenario::RefusedUpdate]);
    let cases: Vec<Case> = scenarios
        .flat_map(|scenario| {
            faults().into_iter().map(move |(fault, times)| Case { scenario, fault, times })
        })
        .collect();
    let tried = cases.len();
    let results = simulate_each(cases, async |case| run(case).await);
    let failure = |Simulated { number, case, result }: Simulated<Case, Result<(), String>>| {
        Some(format!("CASE={number} {case:?}: {}", result.err()?))
    };
    let failures: Vec<String> = results.into_iter().filter_map(failure).collect();
    eprintln!("faults of the response bucket tried {tried}, failed {}", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

async fn run(case: &Case) -> Result<(), String> {
    let fixture = &ColdStartFixture::new();
    let id = case.scenario.begin(fixture).await?;
    let event = case.scenario.event(fixture, id.as_deref());
    fixture.bucket.fault(case.fault.clone(), case.times);
    let delivered = fixture.deliver(&event, TIMEOUT, || fixture.bucket.clear_faults()).await?;
    fixture.bucket.clear_faults();
    // The event of a refused Create must not be delivered again: it could succeed then, after
    // CloudFormation has given up on it.
    let unresolved = case.scenario == Scenario::RefusedCreate;
    let deliveries = if case.persists() && !unresolved { 2 } else { 1 };
    if delivered.deliveries != deliveries {
        return Err(format!(
            "the event was delivered {} times instead of {deliveries}",
            delivered.deliveries
        ));
    }
    let refused = matches!(case.scenario, Scenario::RefusedCreate | Scenario::RefusedUpdate);
    let expected = match () {
        () if unresolved && case.persists() && !case.stores() => "",
        () if refused => "FAILED",
        () => "SUCCESS",
    };
    if delivered.status() != expected {
        return Err(format!("the result is {delivered:?} instead of {expected:?}"));
    }
    case.scenario.end(fixture, id.as_deref(), &delivered).await
}

/// CloudFormation got the failure of an Update, but the response of the bucket was lost, so the
/// event is delivered again after the rollback.
#[tokio::test(start_paused = true)]
async fn a_failed_update_delivered_again_after_its_rollback_changes_nothing() {
    let fixture = ColdStartFixture::new();
    let old = fixture.properties(json!({}));
    let created =
        fixture.deliver(&fixture.event("Create", None, &old, None), TIMEOUT, || {}).await.unwrap();
    let id = created.id().unwrap();
    let new = fixture.properties(json!({"TTL": "60"}));
    let update = fixture.event("Update", Some(id), &new, Some(&old));
    // The change hangs, and the responses of the bucket are lost.
    let hang =
        fixture.aws.fault(Fault::on("ChangeResourceRecordSets").always().kind(FaultKind::Hang));
    fixture.bucket.fault(BucketFault::ResetAfter, FOREVER);
    fixture.invoke(&update, TIMEOUT).await.unwrap_err();
    hang.remove();
    fixture.bucket.clear_faults();
    let rollback = fixture.event("Update", Some(id), &old, Some(&new));
    assert!(fixture.deliver(&rollback, TIMEOUT, || {}).await.unwrap().success());
    let revision = fixture.parent.revision();
    fixture.invoke(&update, TIMEOUT).await.unwrap();
    assert_eq!(fixture.parent.revision(), revision);
    let answers = fixture.bucket.answers(update["RequestId"].as_str().unwrap());
    assert!(answers.iter().all(|put| put.json()["Status"] == "FAILED"));
    let delete = fixture.event("Delete", Some(id), &old, None);
    assert!(fixture.deliver(&delete, TIMEOUT, || {}).await.unwrap().success());
    fixture.check_as_before().unwrap();
}

/// CloudFormation got the failure of a Create, but the response of the bucket was lost, and the
/// invocation failed. The event was delivered again after the Delete of the rollback, and created a
/// delegation that no stack knew of.
#[tokio::test(start_paused = true)]
async fn regression_a_failed_create_that_may_be_known_is_not_delivered_again() {
    let fixture = ColdStartFixture::new();
    let properties = fixture.properties(json!({}));
    let create = fixture.event("Create", None, &properties, None);
    let hang = fixture
        .aws
        .fault(Fault::on("ChangeResourceRecordSets").always().kind(FaultKind::HangAfter));
    fixture.bucket.fault(BucketFault::ResetAfter, FOREVER);
    let delivered = fixture.deliver(&create, TIMEOUT, || {}).await.unwrap();
    hang.remove();
    fixture.bucket.clear_faults();
    assert_eq!((delivered.status(), delivered.deliveries), ("FAILED", 1), "{delivered:?}");
    let delete = fixture.event("Delete", delivered.id(), &properties, None);
    assert!(fixture.deliver(&delete, TIMEOUT, || {}).await.unwrap().success());
    fixture.check_as_before().unwrap();
}

/// If CloudFormation certainly did not get the answer, a second delivery sends one.
#[tokio::test(start_paused = true)]
async fn a_failed_create_that_is_not_known_is_delivered_again() {
    let fixture = ColdStartFixture::new();
    let properties = fixture.properties(json!({}));
    let create = fixture.event("Create", None, &properties, None);
    let hang = fixture
        .aws
        .fault(Fault::on("ChangeResourceRecordSets").always().kind(FaultKind::HangAfter));
    fixture.bucket.fault(BucketFault::Status(403), 1);
    let end_faults = || {
        hang.remove();
        fixture.bucket.clear_faults();
    };
    let delivered = fixture.deliver(&create, TIMEOUT, end_faults).await.unwrap();
    assert_eq!((delivered.status(), delivered.deliveries), ("SUCCESS", 2), "{delivered:?}");
    let delete = fixture.event("Delete", delivered.id(), &properties, None);
    assert!(fixture.deliver(&delete, TIMEOUT, || {}).await.unwrap().success());
    fixture.check_as_before().unwrap();
}
