//! The function cut off before and after every call of a request, and around its answer, as a
//! process that is killed; then the event is delivered again. `lambda` kills real processes at
//! some of these moments.

use std::time::Duration;

use sandbox::{BucketFault, Call, Fault, FaultKind, Put};
use test_support::{pass, simulate_each};

use crate::faults::lane::{Delivered, Lane};
use crate::faults::matrix::calls;
use crate::faults::story::{STORIES, Story, TIMEOUT};

/// Between two looks whether the request has come to where it is cut off.
const LOOK: Duration = Duration::from_millis(1);

/// Where it is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// It has sent its nth call, which is not carried out.
    Before(u64),
    /// Its nth call was carried out, and it has not heard so.
    After(u64),
    /// It has sent its answer, which is not stored.
    BeforeTheAnswer,
    /// Its answer was stored, and it has not heard so.
    AfterTheAnswer,
}

type Case = (Story, Moment);

#[test]
fn a_function_cut_off_between_any_two_calls_leaves_a_redelivery_that_makes_it_good() {
    let mut cases: Vec<Case> = Vec::new();
    for story in STORIES {
        for n in 1..=calls(story).len() as u64 {
            cases.extend([Moment::Before(n), Moment::After(n)].map(|moment| (story, moment)));
        }
        cases.extend(
            [Moment::BeforeTheAnswer, Moment::AfterTheAnswer].map(|moment| (story, moment)),
        );
    }
    let tried = cases.len();
    let results = simulate_each(cases, async |case| play(*case).await);
    let wrong = results
        .into_iter()
        .filter_map(|(number, case, result)| Some((number, case, result.err()?)));
    let failures: Vec<String> =
        wrong.map(|(number, case, wrong)| format!("CASE={number} {case:?}: {wrong}")).collect();
    eprintln!("cut off {tried} times, left behind {}", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

async fn play((story, moment): Case) -> Result<(), String> {
    let lane = &Lane::new();
    let id = story.begin(lane).await?;
    let event = story.event(lane, id.as_deref());
    let request = event["RequestId"].as_str().unwrap();
    lane.aws.clear_calls();
    if !lane.invoke_until(&event, come(lane, moment, request)).await {
        return Err("it was not cut off".to_owned());
    }
    lane.aws.clear_faults();
    lane.bucket.clear_faults();
    let stored_before = lane.bucket.answers(request).len();
    lane.invoke(&event, TIMEOUT).await?;
    let answers = lane.bucket.answers(request);
    if answers.len() != stored_before + 1
        || answers.iter().any(|put| put.json()["Status"] != "SUCCESS")
    {
        return Err(format!("answered {answers:?}"));
    }
    // The redelivery may mark the claim that it finds, and changes nothing else.
    let changes = |call: &Call| {
        call.succeeded() && call.changes.iter().any(|change| change.record.rtype != "TXT")
    };
    let made = lane.aws.calls().iter().filter(|call| changes(call)).count();
    if made != 1 {
        return Err(format!("{made} changes for one request"));
    }
    let struck = Delivered { answer: answers.first().map(Put::json), deliveries: 2 };
    story.end(lane, id.as_deref(), &struck).await
}

/// Holds the request at that moment, and ends when it has come there.
async fn come(lane: &Lane, moment: Moment, request: &str) {
    match moment {
        Moment::Before(n) => drop(lane.aws.fault(Fault::on("*").nth(n).kind(FaultKind::Hang))),
        Moment::After(n) => drop(lane.aws.fault(Fault::on("*").nth(n).kind(FaultKind::HangAfter))),
        Moment::BeforeTheAnswer => lane.bucket.fault(BucketFault::Hang, 1),
        Moment::AfterTheAnswer => lane.bucket.fault(BucketFault::ResetAfter, u64::MAX),
    }
    let come = || match moment {
        Moment::Before(_) => lane.aws.calls().iter().any(|call| !call.faults.is_empty()),
        Moment::After(_) => {
            lane.aws.calls().iter().any(|call| !call.faults.is_empty() && call.outcome.is_some())
        }
        Moment::BeforeTheAnswer => lane.bucket.puts().iter().any(|put| put.request_id == request),
        Moment::AfterTheAnswer => !lane.bucket.answers(request).is_empty(),
    };
    while !come() {
        pass(LOOK).await;
    }
}
