//! The deadline at every moment of a request. There is one answer, and it is true, even if the
//! deadline and the work end at the same time.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::{Fault, FaultKind};
use test_support::{Simulated, simulate_each};

use crate::faults::fixture::ColdStartFixture;
use crate::faults::long;
use crate::faults::scenario::{SCENARIOS, Scenario};

/// The latency of each call, so that deadlines fall before, into and between calls.
const CALL: Duration = Duration::from_secs(2);
/// The deadlines in milliseconds; before the last one, every request has ended.
const DEADLINES: std::ops::Range<u64> = 0..60_000;

type Case = (Scenario, Duration);

#[test]
fn a_deadline_at_any_moment_gives_one_true_answer() {
    let apart = if long() { 50 } else { 1000 };
    let deadlines = DEADLINES.step_by(apart).skip(1).map(Duration::from_millis);
    let cases: Vec<Case> =
        deadlines.flat_map(|deadline| SCENARIOS.map(|scenario| (scenario, deadline))).collect();
    let tried = cases.len();
    let (mut tally, mut failures) = (BTreeMap::<String, usize>::new(), Vec::new());
    for Simulated { number, case: (scenario, deadline), result } in
        simulate_each(cases, async |case| run(*case).await)
    {
        match result {
            Ok(status) => *tally.entry(format!("{} {status}", scenario.kind())).or_default() += 1,
            Err(error) => failures.push(format!(
                "CASE={number} {scenario:?} with a deadline after {deadline:?}: {error}"
            )),
        }
    }
    eprintln!("deadlines tried {tried}, failed {}: {tally:?}", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    for scenario in SCENARIOS {
        for status in ["SUCCESS", "FAILED"] {
            let met = format!("{} {status}", scenario.kind());
            assert!(tally.contains_key(&met), "no deadline led to {met}");
        }
    }
}

async fn run((scenario, deadline): Case) -> Result<String, String> {
    let fixture = &ColdStartFixture::new();
    let id = scenario.begin(fixture).await?;
    fixture.aws.clear_calls();
    fixture.aws.fault(Fault::on("*").always().kind(FaultKind::Latency(CALL)));
    let event = scenario.event(fixture, id.as_deref());
    let delivered = fixture.deliver(&event, deadline, || {}).await?;
    fixture.aws.clear_faults();
    fixture.let_calls_arrive().await;
    // Only a Create that changed nothing may remain unanswered.
    if delivered.answer.is_none() && scenario.kind() != "Create" {
        return Err(format!("no answer after {} deliveries", delivered.deliveries));
    }
    scenario
        .end(fixture, id.as_deref(), &delivered)
        .await
        .map_err(|error| format!("{error}\nafter {delivered:?}"))?;
    Ok(if delivered.answer.is_none() {
        "unanswered".to_owned()
    } else {
        delivered.status().to_owned()
    })
}
