//! Every single call of every request, struck by every fault: once, a few times, and until the invocation is over.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sandbox::{Call, Fault, FaultKind};
use tokio::runtime::Runtime;

use crate::lane::Lane;
use crate::pool;
use crate::story::{AMPLE, STORIES, Story};

/// Workers, each with an AWS of its own.
const SIDE_BY_SIDE: usize = 32;
/// An invocation that never gets further has so long.
const SHORT: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
struct Case {
    story: Story,
    /// The call that is struck, as the `nth` of its account and action.
    action: String,
    account: String,
    nth: u64,
    kind: FaultKind,
    times: u64,
}

impl Case {
    fn persists(&self) -> bool {
        self.times == u64::MAX
    }

    /// How many attempts end by their timeout alone.
    fn waits(&self) -> u64 {
        let hangs = matches!(self.kind, FaultKind::Hang | FaultKind::HangAfter) && !self.persists();
        if hangs { self.times } else { 0 }
    }
}

fn kinds() -> Vec<FaultKind> {
    let denied = FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "not yet".into() };
    vec![
        FaultKind::Throttle,
        FaultKind::Error {
            status: 400,
            code: "PriorRequestNotComplete".into(),
            message: "The request was rejected because Route 53 was still processing a prior request.".into(),
        },
        FaultKind::Status(500),
        FaultKind::Status(503),
        FaultKind::ResetBefore,
        FaultKind::ResetAfter,
        FaultKind::Hang,
        FaultKind::HangAfter,
        denied,
    ]
}

/// The calls of a request that nothing strikes.
pub(crate) fn calls(story: Story, runtime: &Runtime) -> Vec<Call> {
    runtime.block_on(async {
        let lane = Lane::new().await;
        let id = story.begin(&lane).await.unwrap();
        lane.aws.clear_calls();
        let event = story.event(&lane, id.as_deref());
        assert!(lane.deliver(&event, AMPLE, || {}).await.unwrap().success());
        lane.aws.calls()
    })
}

fn cases(story: Story, calls: &[Call]) -> Vec<Case> {
    let mut seen: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut cases = Vec::new();
    for call in calls {
        let nth = seen.entry((&call.account, &call.action)).or_default();
        *nth += 1;
        for kind in kinds() {
            for times in strikes(&kind, call) {
                let (action, account, kind) = (call.action.clone(), call.account.clone(), kind.clone());
                cases.push(Case { story, action, account, nth: *nth, kind, times });
            }
        }
    }
    cases
}

/// How many calls a fault strikes in a row, in one case each. The short form leaves out what differs least.
fn strikes(kind: &FaultKind, call: &Call) -> Vec<u64> {
    let changes = call.action == "ChangeResourceRecordSets";
    match kind {
        _ if pool::long() => vec![1, 3, u64::MAX],
        // An attempt that hangs ends after ten seconds; a read that was carried out and one that was not are the same.
        FaultKind::Hang | FaultKind::HangAfter if changes => vec![1, u64::MAX],
        FaultKind::HangAfter => vec![],
        _ if changes => vec![1, 3, u64::MAX],
        FaultKind::Status(503) | FaultKind::ResetAfter | FaultKind::Throttle => vec![1, u64::MAX],
        _ => vec![1],
    }
}

#[test]
fn every_call_of_every_request_survives_every_fault() {
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut all: Vec<Case> = STORIES.iter().flat_map(|story| cases(*story, &calls(*story, &runtime))).collect();
    // The longest first, so that they end with the others.
    all.sort_by_key(|case| std::cmp::Reverse(case.waits()));
    let tried = all.len();
    let results = pool::run(all, SIDE_BY_SIDE, worker);
    let (mut answered, mut failures, mut by_status) = (0, Vec::new(), BTreeMap::<String, usize>::new());
    for (case, result) in results {
        match result {
            Ok(status) => {
                answered += 1;
                let form = if case.persists() { "for the whole invocation" } else { "passing" };
                *by_status.entry(format!("{} {status}, {form}", case.story.kind())).or_default() += 1;
            }
            Err(wrong) => failures.push(format!("{case:?}: {wrong}")),
        }
    }
    eprintln!("faults tried {tried}, answered {answered}, left behind {} ({:.1?})", failures.len(), began.elapsed());
    for (status, times) in by_status {
        eprintln!("{times:>8} {status}");
    }
    assert!(failures.is_empty(), "{} of {tried}:\n{}", failures.len(), failures[..failures.len().min(5)].join("\n\n"));
}

async fn worker(queue: &Mutex<VecDeque<Case>>) -> Vec<(Case, Result<String, String>)> {
    let (mut lane, mut results) = (Lane::new().await, Vec::new());
    while let Some(case) = pool::take(queue) {
        let result = play(&lane, &case).await;
        if result.is_err() {
            // What is left in the zone would fail the next case as well.
            lane = Lane::new().await;
        }
        results.push((case, result));
    }
    results
}

async fn play(lane: &Lane, case: &Case) -> Result<String, String> {
    lane.aws.clear_faults();
    lane.aws.clear_calls();
    let id = case.story.begin(lane).await?;
    let event = case.story.event(lane, id.as_deref());
    let fault = Fault::on(&case.action).account(&case.account).nth(case.nth).times(case.times).kind(case.kind.clone());
    let fault = lane.aws.fault(fault);
    let timeout = if case.persists() { SHORT } else { AMPLE };
    let struck = lane.deliver(&event, timeout, || fault.remove()).await?;
    fault.remove();
    // On a busy machine a short invocation may end before the call; that the fault strikes is shown by the ample one.
    if !case.persists() && lane.aws.calls().iter().all(|call| call.faults.is_empty()) {
        return Err("the fault struck no call".to_owned());
    }
    if struck.deliveries != 1 && !case.persists() {
        return Err(format!("delivered {} times, though the response bucket is well", struck.deliveries));
    }
    if struck.answer.is_none() {
        return Err("no answer".to_owned());
    }
    // A denial that stays is no passing fault for a function that does not wait for rights.
    let denied = matches!(&case.kind, FaultKind::Error { code, .. } if code == "AccessDenied") && case.times > 1;
    if !struck.success() && !case.persists() && !denied {
        return Err(format!("a passing fault failed the request: {struck:?}"));
    }
    let status = struck.status().to_owned();
    case.story.end(lane, id.as_deref(), &struck).await.map_err(|wrong| format!("{wrong}\nafter {struck:?}"))?;
    Ok(status)
}
