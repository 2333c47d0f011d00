//! The deadline at every moment of a request: also when it and the work end together, there is one
//! answer, and a true one.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::{Fault, FaultKind};
use test_support::simulate_each;

use crate::faults::lane::Lane;
use crate::faults::long;
use crate::faults::story::{STORIES, Story};

/// What each call takes, so that the deadlines fall between, before and into all of them.
const CALL: Duration = Duration::from_secs(2);
/// Deadlines, in milliseconds, up to where every request is done.
const DEADLINES: std::ops::Range<u64> = 0..60_000;

type Case = (Story, Duration);

#[test]
fn a_deadline_at_any_moment_leaves_one_true_answer() {
    let apart = if long() { 50 } else { 1000 };
    let deadlines = DEADLINES.step_by(apart).skip(1).map(Duration::from_millis);
    let cases: Vec<Case> =
        deadlines.flat_map(|deadline| STORIES.map(|story| (story, deadline))).collect();
    let tried = cases.len();
    let (mut tally, mut failures) = (BTreeMap::<String, usize>::new(), Vec::new());
    for (number, (story, deadline), result) in simulate_each(cases, async |case| play(*case).await)
    {
        match result {
            Ok(status) => *tally.entry(format!("{} {status}", story.kind())).or_default() += 1,
            Err(wrong) => failures.push(format!(
                "CASE={number} {story:?} with a deadline after {deadline:?}: {wrong}"
            )),
        }
    }
    eprintln!("deadlines tried {tried}, left behind {}: {tally:?}", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    for story in STORIES {
        for status in ["SUCCESS", "FAILED"] {
            let met = format!("{} {status}", story.kind());
            assert!(tally.contains_key(&met), "no deadline made it {met}");
        }
    }
}

async fn play((story, deadline): Case) -> Result<String, String> {
    let lane = &Lane::new();
    let id = story.begin(lane).await?;
    lane.aws.clear_calls();
    lane.aws.fault(Fault::on("*").always().kind(FaultKind::Latency(CALL)));
    let event = story.event(lane, id.as_deref());
    let struck = lane.deliver(&event, deadline, || {}).await?;
    lane.aws.clear_faults();
    lane.all_arrived().await;
    // Only a Create that changed nothing may go unanswered.
    if struck.answer.is_none() && story.kind() != "Create" {
        return Err(format!("no answer after {} deliveries", struck.deliveries));
    }
    story
        .end(lane, id.as_deref(), &struck)
        .await
        .map_err(|wrong| format!("{wrong}\nafter {struck:?}"))?;
    Ok(if struck.answer.is_none() { "unanswered".to_owned() } else { struck.status().to_owned() })
}
