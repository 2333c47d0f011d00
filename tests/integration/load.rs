//! Load tests in simulated time: many delegations at once into one parent account, at the quota of
//! Route 53. All succeed, none is made twice, and they take at most half as long again as the quota
//! alone demands, plus two seconds.
//! [`queue`] tests many requests at once under Lambda's concurrency limit.
//!
//! `LOAD=1` runs more of both.

mod fleet;
mod queue;
mod table;

use std::fs;
use std::time::Duration;

use fleet::Fleet;
use queue::{QueueRun, Retries, Times};
use sandbox::{Quota, SyncRule};
use table::Row;
use test_support::simulate;

/// How many times longer than the quota alone demands a deployment may take.
const FACTOR: f64 = 1.5;
/// What a deployment may take in addition: for the travel of the messages, and for the last pause
/// of a throttled call.
const BESIDE: Duration = Duration::from_secs(2);

/// A deployment.
#[derive(Clone, Copy)]
struct Scenario {
    stacks: usize,
    delegations: usize,
    quota: Quota,
    /// Whether each request is answered only when its change is in sync.
    waits: bool,
}

/// The quota of Route 53 today, and the one that it had before.
const QUOTAS: [Quota; 2] =
    [Quota { per_second: 10.0, burst: 50.0 }, Quota { per_second: 5.0, burst: 5.0 }];

fn scenarios() -> Vec<Scenario> {
    let of = |quota, stacks, waits| Scenario { stacks, delegations: 100, quota, waits };
    if !loads() {
        return vec![of(QUOTAS[0], 50, true)];
    }
    let mut all = Vec::new();
    for quota in QUOTAS {
        for waits in [false, true] {
            all.extend([1, 50].map(|stacks| of(quota, stacks, waits)));
        }
    }
    all
}

#[test]
fn all_succeed_once_within_the_time_that_the_quota_allows() {
    let rows: Vec<Row> = scenarios().into_iter().map(run).collect();
    eprintln!("{}", table::print(&rows));
    for row in &rows {
        let most = row.quota_allows.mul_f64(FACTOR) + BESIDE;
        assert!(row.took <= most, "the deployment took {:?} instead of at most {most:?}", row.took);
    }
}

fn run(scenario: Scenario) -> Row {
    simulate(1, async || {
        let fleet = Fleet::new(scenario.stacks, scenario.delegations, scenario.waits).await;
        let aws = &fleet.network.aws;
        aws.sync_after(SyncRule::Polls(2));
        aws.rate_limit(Some(scenario.quota));
        aws.rate_limit_overall(Some(scenario.quota));
        let took = fleet.deploy().await;
        fleet.assert_each_exists_once();
        Row::new(scenario, took, &aws.calls())
    })
}

/// A hundred Creates at once, thirty of them cancelled, at the concurrency of a new account and at
/// a fifth of it. With `LOAD=1`, also without cancelled ones, and with retries in step.
fn queues() -> Vec<QueueRun> {
    let times = Times::shipped();
    let of = |concurrency, cancelled, retries| QueueRun {
        concurrency,
        creates: 100,
        cancelled,
        retries,
        times,
        verifies: false,
        seed: 1,
    };
    let mut runs = vec![of(10, 30, Retries::Spread), of(2, 30, Retries::Spread)];
    if loads() {
        runs.insert(0, of(10, 0, Retries::Spread));
        runs.insert(2, of(2, 0, Retries::Spread));
        runs.push(of(10, 30, Retries::InStep));
    }
    runs
}

#[test]
fn no_request_is_lost_and_the_published_times_hold() {
    let page = fs::read_to_string("docs/limits.md").unwrap();
    let seeds = if loads() { 10 } else { 1 };
    let mut text = String::from(queue::Row::HEAD);
    let mut worst = Vec::new();
    for run in queues() {
        let rows = (1..=seeds).map(|seed| queue::simulate_run(QueueRun { seed, ..run }));
        let row = rows.reduce(queue::Row::worse).unwrap();
        text.push_str(&row.to_string());
        worst.push((run, row));
    }
    if loads() {
        // With the DNS check, which is on by default, once each.
        for run in queues().into_iter().filter(|run| run.concurrency == 10 && run.cancelled > 0) {
            worst.push((run, queue::simulate_run(QueueRun { verifies: true, ..run })));
        }
    }
    eprintln!("{text}");
    for (run, row) in worst {
        assert!(row.lost == 0, "lost: {row}");
        let published = page.lines().find_map(|line| queue::Row::published(line, run));
        let published = published.unwrap_or_else(|| panic!("docs/limits.md has no row for {row}"));
        assert!(
            row.is_within(&published),
            "docs/limits.md has {published}, but the result is {row}"
        );
    }
}

/// Returns whether the long form was requested.
fn loads() -> bool {
    std::env::var("LOAD").is_ok_and(|load| load == "1")
}
