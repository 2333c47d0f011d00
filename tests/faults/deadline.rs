//! The deadline at every moment of a request: also when it and the work end together, there is one answer, and a true one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use sandbox::{Fault, FaultKind};

use crate::lane::Lane;
use crate::pool;
use crate::story::{STORIES, Story};

const SIDE_BY_SIDE: usize = 12;
/// What each call takes, so that the deadlines fall between, before and into all of them.
const CALL: Duration = Duration::from_millis(20);
/// Deadlines, in milliseconds: close to each other where the requests end, and then up to where even a busy machine is done.
const NEAR: std::ops::Range<u64> = 0..200;
const FAR: std::ops::Range<u64> = 200..1200;

type Case = (Story, Duration);

#[test]
fn a_deadline_at_any_moment_leaves_one_true_answer() {
    let (near, far) = if pool::long() { (1, 5) } else { (8, 40) };
    let deadlines = NEAR.step_by(near).skip(1).chain(FAR.step_by(far)).map(Duration::from_millis);
    let cases: Vec<Case> = deadlines.flat_map(|deadline| STORIES.map(|story| (story, deadline))).collect();
    let tried = cases.len();
    let (mut tally, mut failures) = (BTreeMap::<String, usize>::new(), Vec::new());
    for ((story, deadline), result) in pool::run(cases, SIDE_BY_SIDE, worker) {
        match result {
            Ok(status) => *tally.entry(format!("{} {status}", story.kind())).or_default() += 1,
            Err(wrong) => failures.push(format!("{story:?} with a deadline after {deadline:?}: {wrong}")),
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

async fn worker(queue: &Mutex<VecDeque<Case>>) -> Vec<(Case, Result<String, String>)> {
    let (mut lane, mut results) = (Lane::new().await, Vec::new());
    while let Some(case) = pool::take(queue) {
        let result = play(&lane, case).await;
        if result.is_err() {
            lane = Lane::new().await;
        }
        results.push((case, result));
    }
    results
}

async fn play(lane: &Lane, (story, deadline): Case) -> Result<String, String> {
    lane.aws.clear_faults();
    let id = story.begin(lane).await?;
    lane.aws.clear_calls();
    lane.aws.fault(Fault::on("*").always().kind(FaultKind::Latency(CALL)));
    let event = story.event(lane, id.as_deref());
    let struck = lane.deliver(&event, deadline, || {}).await?;
    lane.aws.clear_faults();
    settle(lane).await;
    // Only a Create that changed nothing may go unanswered.
    if struck.answer.is_none() && story.kind() != "Create" {
        return Err(format!("no answer after {} deliveries", struck.deliveries));
    }
    story.end(lane, id.as_deref(), &struck).await.map_err(|wrong| format!("{wrong}\nafter {struck:?}"))?;
    Ok(if struck.answer.is_none() { "unanswered".to_owned() } else { struck.status().to_owned() })
}

/// Waits for a call that was cut off on its way to be carried out after all, if it still will be: CloudFormation's next
/// request comes much later.
async fn settle(lane: &Lane) {
    for _ in 0..20 {
        if lane.aws.calls().iter().all(|call| call.outcome.is_some()) {
            return;
        }
        tokio::time::sleep(CALL / 4).await;
    }
}
