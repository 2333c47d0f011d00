//! Cuts the function off before and after every call of a request, and before and after its answer,
//! like a process that is killed, and then delivers the event again. `lambda` kills real processes
//! at some of these moments.

use std::time::Duration;

use sandbox::{BucketFault, Call, Fault, FaultKind, Put};
use test_support::{Simulated, pass, simulate_each};

use crate::faults::fixture::{ColdStartFixture, Delivered};
use crate::faults::matrix::calls;
use crate::faults::scenario::{SCENARIOS, Scenario, TIMEOUT};

/// The interval of the checks whether the request has reached the moment.
const INTERVAL: Duration = Duration::from_millis(1);

/// The moment at which the function is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// It has sent its nth call, which is not executed.
    Before(u64),
    /// Its nth call was executed, and it has not received the response.
    After(u64),
    /// It has sent its answer, which is not stored.
    BeforeTheAnswer,
    /// Its answer was stored, and it has not received the response.
    AfterTheAnswer,
}

type Case = (Scenario, Moment);

#[test]
fn a_second_delivery_completes_a_request_that_was_cut_off_anywhere() {
    let mut cases: Vec<Case> = Vec::new();
    for scenario in SCENARIOS {
        for n in 1..=calls(scenario).len() as u64 {
            cases.extend([Moment::Before(n), Moment::After(n)].map(|moment| (scenario, moment)));
        }
        cases.extend(
            [Moment::BeforeTheAnswer, Moment::AfterTheAnswer].map(|moment| (scenario, moment)),
        );
    }
    let tried = cases.len();
    let results = simulate_each(cases, async |case| run(*case).await);
    let failure = |Simulated { number, case, result }: Simulated<Case, Result<(), String>>| {
        Some(format!("CASE={number} {case:?}: {}", result.err()?))
    };
    let failures: Vec<String> = results.into_iter().filter_map(failure).collect();
    eprintln!("cut off {tried} times, failed {}", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

async fn run((scenario, moment): Case) -> Result<(), String> {
    let fixture = &ColdStartFixture::new();
    let id = scenario.begin(fixture).await?;
    let event = scenario.event(fixture, id.as_deref());
    let request = event["RequestId"].as_str().unwrap();
    fixture.aws.clear_calls();
    if !fixture.invoke_until(&event, wait_for(fixture, moment, request)).await {
        return Err("the request ended before it was cut off".to_owned());
    }
    fixture.aws.clear_faults();
    fixture.bucket.clear_faults();
    let stored_before = fixture.bucket.answers(request).len();
    fixture.invoke(&event, TIMEOUT).await?;
    let answers = fixture.bucket.answers(request);
    if answers.len() != stored_before + 1
        || answers.iter().any(|put| put.json()["Status"] != "SUCCESS")
    {
        return Err(format!("answered {answers:?}"));
    }
    // The second delivery may mark the claim that it finds, and changes nothing else.
    let changes = |call: &Call| {
        call.succeeded() && call.changes.iter().any(|change| change.record.rtype != "TXT")
    };
    let made = fixture.aws.calls().iter().filter(|call| changes(call)).count();
    if made != 1 {
        return Err(format!("{made} changes for one request"));
    }
    let delivered = Delivered { answer: answers.first().map(Put::json), deliveries: 2 };
    scenario.end(fixture, id.as_deref(), &delivered).await
}

/// Holds the request at that moment, and returns once the request has reached it.
async fn wait_for(fixture: &ColdStartFixture, moment: Moment, request: &str) {
    match moment {
        Moment::Before(n) => drop(fixture.aws.fault(Fault::on("*").nth(n).kind(FaultKind::Hang))),
        Moment::After(n) => {
            drop(fixture.aws.fault(Fault::on("*").nth(n).kind(FaultKind::HangAfter)));
        }
        Moment::BeforeTheAnswer => fixture.bucket.fault(BucketFault::Hang, 1),
        Moment::AfterTheAnswer => fixture.bucket.fault(BucketFault::ResetAfter, u64::MAX),
    }
    let is_reached = || match moment {
        Moment::Before(_) => fixture.aws.calls().iter().any(|call| !call.faults.is_empty()),
        Moment::After(_) => {
            fixture.aws.calls().iter().any(|call| !call.faults.is_empty() && call.outcome.is_some())
        }
        Moment::BeforeTheAnswer => {
            fixture.bucket.puts().iter().any(|put| put.request_id == request)
        }
        Moment::AfterTheAnswer => !fixture.bucket.answers(request).is_empty(),
    };
    while !is_reached() {
        pass(INTERVAL).await;
    }
}
