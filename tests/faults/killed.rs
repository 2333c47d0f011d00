//! The process killed before and after every call of a request, and around its answer; then the event is delivered again.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sandbox::{Bootstrap, BucketFault, DeadlineStyle, Fault, FaultKind, Function, Invocation, LambdaProcess};
use serde_json::Value;

use crate::lane::{Delivered, Lane};
use crate::pool;
use crate::story::{STORIES, Story};

const SIDE_BY_SIDE: usize = 6;
/// Between two looks whether the process has come to where it is killed.
const LOOK: Duration = Duration::from_millis(2);
/// The function's timeout.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where the process is killed.
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
fn a_process_killed_between_any_two_calls_leaves_a_redelivery_that_makes_it_good() {
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut cases: Vec<Case> = Vec::new();
    for story in STORIES {
        let calls = crate::matrix::calls(story, &runtime);
        for n in 1..=calls.len() as u64 {
            cases.extend([Moment::Before(n), Moment::After(n)].map(|moment| (story, moment)));
        }
        cases.extend([Moment::BeforeTheAnswer, Moment::AfterTheAnswer].map(|moment| (story, moment)));
    }
    let tried = cases.len();
    let failures: Vec<String> = pool::run(cases, SIDE_BY_SIDE, worker).into_iter().flatten().collect();
    eprintln!("kills {tried}, left behind {} ({:.1?})", failures.len(), began.elapsed());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

async fn worker(queue: &Mutex<VecDeque<Case>>) -> Vec<Option<String>> {
    let (mut lane, mut results) = (Lane::new().await, Vec::new());
    while let Some(case) = pool::take(queue) {
        let wrong = play(&lane, case).await.err();
        if wrong.is_some() {
            lane = Lane::new().await;
        }
        results.push(wrong.map(|wrong| format!("{case:?}: {wrong}")));
    }
    results
}

async fn play(lane: &Lane, (story, moment): Case) -> Result<(), String> {
    let id = story.begin(lane).await?;
    let event = story.event(lane, id.as_deref());
    let request = event["RequestId"].as_str().unwrap();
    let process = spawn(lane).await;
    lane.aws.clear_calls();
    let (ended, ()) = tokio::join!(process.invoke(event.clone()), kill(lane, &process, moment, request));
    if !matches!(&ended, Invocation::Exited(words) if words == "killed") {
        return Err(format!("it was not killed: {ended:?}"));
    }
    lane.aws.clear_faults();
    lane.bucket.clear_faults();
    let stored_before = lane.bucket.answers(request).len();
    let again = process.invoke(event.clone()).await;
    if !matches!(again, Invocation::Returned(Value::Null)) {
        return Err(format!("the redelivery ended as {again:?}"));
    }
    let answers = lane.bucket.answers(request);
    if answers.len() != stored_before + 1 || answers.iter().any(|put| put.json()["Status"] != "SUCCESS") {
        return Err(format!("answered {answers:?}"));
    }
    let made =
        lane.aws.calls().iter().filter(|call| call.action == "ChangeResourceRecordSets" && call.succeeded()).count();
    if made != 1 {
        return Err(format!("{made} changes for one request"));
    }
    let struck = Delivered { answer: answers.first().map(sandbox::Put::json), deliveries: 2 };
    story.end(lane, id.as_deref(), &struck).await
}

/// Kills the process when it has come to that moment, at which it is held.
async fn kill(lane: &Lane, process: &LambdaProcess, moment: Moment, request: &str) {
    match moment {
        Moment::Before(n) => drop(lane.aws.fault(Fault::on("*").nth(n).kind(FaultKind::Hang))),
        Moment::After(n) => drop(lane.aws.fault(Fault::on("*").nth(n).kind(FaultKind::HangAfter))),
        Moment::BeforeTheAnswer => lane.bucket.fault(BucketFault::Hang, 1),
        Moment::AfterTheAnswer => lane.bucket.fault(BucketFault::ResetAfter, u64::MAX),
    }
    let come = || match moment {
        Moment::Before(_) => lane.aws.calls().iter().any(|call| !call.faults.is_empty()),
        Moment::After(_) => lane.aws.calls().iter().any(|call| !call.faults.is_empty() && call.outcome.is_some()),
        Moment::BeforeTheAnswer => lane.bucket.puts().iter().any(|put| put.request_id == request),
        Moment::AfterTheAnswer => !lane.bucket.answers(request).is_empty(),
    };
    let until = Instant::now() + TIMEOUT;
    while !come() && Instant::now() < until {
        tokio::time::sleep(LOOK).await;
    }
    process.kill_now();
}

async fn spawn(lane: &Lane) -> LambdaProcess {
    let mut env = lane.aws.env(&lane.credentials());
    env.push(("DELEGATION_RESPONSE_HOSTS".to_owned(), lane.bucket.host()));
    env.push(("DELEGATION_PROPAGATION_WAIT".to_owned(), "0".to_owned()));
    let path = PathBuf::from(env!("CARGO_BIN_EXE_bootstrap"));
    let bootstrap = Bootstrap { path, env, timeout: TIMEOUT, deadline: DeadlineStyle::Real };
    LambdaProcess::spawn(bootstrap).await.unwrap()
}
