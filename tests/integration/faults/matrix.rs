//! Strikes every call of every request with every fault: once, a few times, and until the
//! invocation ends.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::{Call, Fault, FaultKind};
use test_support::{Simulated, simulate, simulate_each};

use crate::faults::fixture::ColdStartFixture;
use crate::faults::long;
use crate::faults::scenario::{SCENARIOS, Scenario, TIMEOUT};

#[derive(Clone, Debug)]
struct Case {
    scenario: Scenario,
    /// The action of the call that the fault strikes; it is the `nth` of its account and action.
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
        // Longer than an attempt may take, so that the call is retried while the first attempt is
        // still on its way.
        FaultKind::Latency(Duration::from_secs(12)),
        denied,
    ]
}

/// Returns the calls of a request without faults.
pub(crate) fn calls(scenario: Scenario) -> Vec<Call> {
    simulate(1, async || {
        let fixture = ColdStartFixture::new();
        let id = scenario.begin(&fixture).await.unwrap();
        fixture.aws.clear_calls();
        let event = scenario.event(&fixture, id.as_deref());
        assert!(fixture.deliver(&event, TIMEOUT, || {}).await.unwrap().success());
        fixture.aws.calls()
    })
}

fn cases(scenario: Scenario, calls: &[Call]) -> Vec<Case> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut cases = Vec::new();
    for call in calls {
        let nth = counts.entry((&call.account, &call.action)).or_default();
        *nth += 1;
        for kind in kinds() {
            for times in strikes(&kind, call) {
                let (action, account, kind) =
                    (call.action.clone(), call.account.clone(), kind.clone());
                cases.push(Case { scenario, action, account, nth: *nth, kind, times });
            }
        }
    }
    cases
}

/// Returns how many calls in a row the fault strikes, one number for each case. The short form
/// leaves out cases that hardly differ from others.
fn strikes(kind: &FaultKind, call: &Call) -> Vec<u64> {
    let changes = call.action == "ChangeResourceRecordSets";
    match kind {
        _ if long() => vec![1, 3, u64::MAX],
        // For a read, it makes no difference whether it was executed.
        FaultKind::Hang | FaultKind::HangAfter if changes => vec![1, u64::MAX],
        FaultKind::HangAfter => vec![],
        _ if changes => vec![1, 3, u64::MAX],
        FaultKind::Status(503) | FaultKind::ResetAfter | FaultKind::Throttle => vec![1, u64::MAX],
        _ => vec![1],
    }
}

#[test]
fn every_call_of_every_request_survives_every_fault() {
    let all: Vec<Case> =
        SCENARIOS.iter().flat_map(|scenario| cases(*scenario, &calls(*scenario))).collect();
    let tried = all.len();
    let results = simulate_each(all, async |case| run(case).await);
    let (mut answered, mut failures, mut by_status) =
        (0, Vec::new(), BTreeMap::<String, usize>::new());
    for Simulated { number, case, result } in results {
        match result {
            Ok(status) => {
                answered += 1;
                let form = if case.persists() { "for the whole invocation" } else { "passing" };
                *by_status
                    .entry(format!("{} {status}, {form}", case.scenario.kind()))
                    .or_default() += 1;
            }
            Err(error) => failures.push(format!("CASE={number} {case:?}: {error}")),
        }
    }
    eprintln!("faults tried {tried}, answered {answered}, failed {}", failures.len());
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

async fn run(case: &Case) -> Result<String, String> {
    let fixture = &ColdStartFixture::new();
    let id = case.scenario.begin(fixture).await?;
    let event = case.scenario.event(fixture, id.as_deref());
    let fault = Fault::on(&case.action)
        .account(&case.account)
        .nth(case.nth)
        .times(case.times)
        .kind(case.kind.clone());
    let fault = fixture.aws.fault(fault);
    let delivered = fixture.deliver(&event, TIMEOUT, || fault.remove()).await?;
    fault.remove();
    if fixture.aws.calls().iter().all(|call| call.faults.is_empty()) {
        return Err("the fault delivered no call".to_owned());
    }
    if delivered.deliveries != 1 && !case.persists() {
        return Err(format!(
            "delivered {} times, although the response bucket works",
            delivered.deliveries
        ));
    }
    if delivered.answer.is_none() {
        return Err("no answer".to_owned());
    }
    if !delivered.success() && !case.persists() {
        return Err(format!("a temporary fault failed the request: {delivered:?}"));
    }
    if matches!(case.kind, FaultKind::Latency(_)) {
        fixture.let_calls_arrive().await;
    }
    let status = delivered.status().to_owned();
    case.scenario
        .end(fixture, id.as_deref(), &delivered)
        .await
        .map_err(|error| format!("{error}\nafter {delivered:?}"))?;
    Ok(status)
}
