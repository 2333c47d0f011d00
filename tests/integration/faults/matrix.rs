//! Every single call of every request, struck by every fault: once, a few times, and until the
//! invocation is over.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::{Call, Fault, FaultKind};
use test_support::{simulate, simulate_each};

use crate::faults::lane::Lane;
use crate::faults::long;
use crate::faults::story::{STORIES, Story, TIMEOUT};

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
}

fn kinds() -> Vec<FaultKind> {
    let denied =
        FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "not yet".into() };
    vec![
        FaultKind::Throttle,
        FaultKind::Error {
            status: 400,
            code: "PriorRequestNotComplete".into(),
            message:
                "The request was rejected because Route 53 was still processing a prior request."
                    .into(),
        },
        FaultKind::Status(500),
        FaultKind::Status(503),
        FaultKind::ResetBefore,
        FaultKind::ResetAfter,
        FaultKind::Hang,
        FaultKind::HangAfter,
        // Longer than an attempt may take, so that it is made again while the first one is still on
        // its way.
        FaultKind::Latency(Duration::from_secs(12)),
        denied,
    ]
}

/// The calls of a request that nothing strikes.
pub(crate) fn calls(story: Story) -> Vec<Call> {
    simulate(1, async || {
        let lane = Lane::new();
        let id = story.begin(&lane).await.unwrap();
        lane.aws.clear_calls();
        let event = story.event(&lane, id.as_deref());
        assert!(lane.deliver(&event, TIMEOUT, || {}).await.unwrap().success());
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
                let (action, account, kind) =
                    (call.action.clone(), call.account.clone(), kind.clone());
                cases.push(Case { story, action, account, nth: *nth, kind, times });
            }
        }
    }
    cases
}

/// How many calls a fault strikes in a row, in one case each. The short form leaves out what
/// differs least.
fn strikes(kind: &FaultKind, call: &Call) -> Vec<u64> {
    let changes = call.action == "ChangeResourceRecordSets";
    match kind {
        _ if long() => vec![1, 3, u64::MAX],
        // A read that was carried out and one that was not are the same.
        FaultKind::Hang | FaultKind::HangAfter if changes => vec![1, u64::MAX],
        FaultKind::HangAfter => vec![],
        _ if changes => vec![1, 3, u64::MAX],
        FaultKind::Status(503) | FaultKind::ResetAfter | FaultKind::Throttle => vec![1, u64::MAX],
        _ => vec![1],
    }
}

#[test]
fn every_call_of_every_request_survives_every_fault() {
    let all: Vec<Case> = STORIES.iter().flat_map(|story| cases(*story, &calls(*story))).collect();
    let tried = all.len();
    let results = simulate_each(all, async |case| play(case).await);
    let (mut answered, mut failures, mut by_status) =
        (0, Vec::new(), BTreeMap::<String, usize>::new());
    for (number, case, result) in results {
        match result {
            Ok(status) => {
                answered += 1;
                let form = if case.persists() { "for the whole invocation" } else { "passing" };
                *by_status.entry(format!("{} {status}, {form}", case.story.kind())).or_default() +=
                    1;
            }
            Err(wrong) => failures.push(format!("CASE={number} {case:?}: {wrong}")),
        }
    }
    eprintln!("faults tried {tried}, answered {answered}, left behind {}", failures.len());
    for (status, times) in by_status {
        eprintln!("{times:>8} {status}");
    }
    assert!(
        failures.is_empty(),
        "{} of {tried}:\n{}",
        failures.len(),
        failures[..failures.len().min(5)].join("\n\n")
    );
}

async fn play(case: &Case) -> Result<String, String> {
    let lane = &Lane::new();
    let id = case.story.begin(lane).await?;
    let event = case.story.event(lane, id.as_deref());
    let fault = Fault::on(&case.action)
        .account(&case.account)
        .nth(case.nth)
        .times(case.times)
        .kind(case.kind.clone());
    let fault = lane.aws.fault(fault);
    let struck = lane.deliver(&event, TIMEOUT, || fault.remove()).await?;
    fault.remove();
    if lane.aws.calls().iter().all(|call| call.faults.is_empty()) {
        return Err("the fault struck no call".to_owned());
    }
    if struck.deliveries != 1 && !case.persists() {
        return Err(format!(
            "delivered {} times, though the response bucket is well",
            struck.deliveries
        ));
    }
    if struck.answer.is_none() {
        return Err("no answer".to_owned());
    }
    if !struck.success() && !case.persists() {
        return Err(format!("a passing fault failed the request: {struck:?}"));
    }
    if matches!(case.kind, FaultKind::Latency(_)) {
        lane.all_arrived().await;
    }
    let status = struck.status().to_owned();
    case.story
        .end(lane, id.as_deref(), &struck)
        .await
        .map_err(|wrong| format!("{wrong}\nafter {struck:?}"))?;
    Ok(status)
}
