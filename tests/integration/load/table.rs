//! The table of what deployments took, compared with what the quota alone demands.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use sandbox::{Call, Quota};

use crate::load::Scenario;
use crate::load::fleet::PARENT;

pub(crate) struct Row {
    scenario: Scenario,
    pub(crate) took: Duration,
    /// The least time in which the quota admits these calls.
    pub(crate) quota_allows: Duration,
    throttled: usize,
    /// The admitted calls by the account, `parent` or `child`, and the action.
    by_action: BTreeMap<(&'static str, String), usize>,
}

impl Row {
    pub(crate) fn new(scenario: Scenario, took: Duration, calls: &[Call]) -> Self {
        let (throttled, passed): (Vec<&Call>, Vec<&Call>) =
            calls.iter().partition(|call| call.code() == Some("Throttling"));
        let mut by_action = BTreeMap::new();
        let mut buckets: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
        for call in passed {
            let whose = if call.account == PARENT { "parent" } else { "child" };
            *by_action.entry((whose, call.action.clone())).or_default() += 1;
            if call.service == "route53" {
                for bucket in [None, Some(call.action.as_str())] {
                    *buckets.entry((&call.account, bucket)).or_default() += 1;
                }
            }
        }
        let quota_allows =
            buckets.values().map(|calls| least(scenario.quota, *calls)).max().unwrap_or_default();
        Self { scenario, took, quota_allows, throttled: throttled.len(), by_action }
    }
}

#[expect(clippy::cast_precision_loss, reason = "some hundred calls")]
fn least(quota: Quota, calls: usize) -> Duration {
    Duration::from_secs_f64(((calls as f64 - quota.burst) / quota.per_second).max(0.0))
}

#[expect(clippy::cast_precision_loss, reason = "some hundred calls")]
pub(crate) fn print(rows: &[Row]) -> String {
    let mut text = String::from(
        "stacks  delegations  waits  quota/s  burst   allowed      took  ratio  throttled\n",
    );
    for Row { scenario, took, quota_allows, throttled, .. } in rows {
        let Scenario { stacks, delegations, quota, waits } = scenario;
        let waits = if *waits { "yes" } else { "no" };
        let (took, allowed) = (took.as_secs_f64(), quota_allows.as_secs_f64());
        let ratio = took / allowed;
        let Quota { per_second, burst } = quota;
        let _ = writeln!(
            text,
            "{stacks:>6}  {delegations:>11}  {waits:>5}  {per_second:>7}  {burst:>5}  {allowed:>6.1} s  {took:>6.1} s  {ratio:>5.2}  {throttled:>9}"
        );
    }
    for Row { scenario, by_action, .. } in rows.iter().take(2) {
        let _ = writeln!(text, "calls per delegation, {} stack(s):", scenario.stacks);
        for ((whose, action), calls) in by_action {
            let each = *calls as f64 / scenario.delegations as f64;
            let _ = writeln!(text, "  {each:>5.2} {action} ({whose} account)");
        }
    }
    text
}
