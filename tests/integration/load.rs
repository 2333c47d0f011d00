//! Many delegations at once into one parent account, at the service's quota: all succeed, none
//! twice, and nearly as fast as the quota allows.
//!
//! `LOAD=1` runs the quotas that the service has or had (minutes); otherwise a short form with a
//! quota of its own.
//!
//! And many at once under Lambda's own limit, in simulated time: [`queue`].

mod fleet;
mod queue;
mod table;

use std::fs;
use std::time::Duration;

use custom_delegation::config::Config;
use fleet::Fleet;
use queue::{Play, Retries, Times};
use sandbox::{Quota, SyncRule};
use table::Row;

/// How much longer than the quota alone demands a deployment may take; the goal is 1.5, the rest is
/// for a busy machine.
const FACTOR: f64 = 3.0;
/// What the machine may take beside, for clients and zones of a hundred functions.
const OVERHEAD: Duration = Duration::from_secs(5);

/// What is deployed at once.
#[derive(Clone, Copy)]
struct Scenario {
    stacks: usize,
    delegations: usize,
    quota: Quota,
    /// Whether each is answered only when its change is in sync.
    waits: bool,
}

fn scenarios() -> Vec<Scenario> {
    let quota = |per_second, burst| Quota { per_second, burst };
    if loads() {
        let all = [quota(10.0, 50.0), quota(5.0, 5.0)];
        let of = |quota, waits| {
            [1, 50].map(|stacks| Scenario { stacks, delegations: 100, quota, waits })
        };
        all.into_iter().flat_map(|quota| [of(quota, false), of(quota, true)]).flatten().collect()
    } else {
        let of =
            |stacks, waits| Scenario { stacks, delegations: 10, quota: quota(50.0, 10.0), waits };
        vec![of(1, false), of(5, false), of(1, true)]
    }
}

#[test]
fn all_succeed_once_and_in_the_time_that_the_quota_allows() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut rows = Vec::new();
    for scenario in scenarios() {
        // One thread serves all functions, which are not `Send`; the sandbox has its own.
        rows.push(tokio::task::LocalSet::new().block_on(&runtime, run(scenario)));
    }
    eprintln!("{}", table::print(&rows));
    for row in &rows {
        let most = row.quota_allows.mul_f64(FACTOR) + OVERHEAD;
        assert!(
            row.scenario.waits || row.took <= most,
            "{:?} instead of at most {most:?}",
            row.took
        );
        let (asked, in_vain) = row.status_questions;
        assert!(
            in_vain * 4 <= asked,
            "{in_vain} of {asked} questions for the status of a change were throttled"
        );
    }
}

async fn run(scenario: Scenario) -> Row {
    // As long as with the service's own quota, in proportion.
    let pause = Config::default().sync_pause.mul_f64(10.0 / scenario.quota.per_second.max(10.0));
    let fleet =
        Fleet::new(scenario.stacks, scenario.delegations, scenario.waits.then_some(pause)).await;
    fleet.aws.sync_after(SyncRule::Polls(2));
    fleet.aws.rate_limit(Some(scenario.quota));
    fleet.aws.rate_limit_overall(Some(scenario.quota));
    let took = fleet.deploy().await;
    fleet.assert_each_stands_once();
    Row::new(scenario, took, &fleet.aws.calls())
}

/// A hundred Creates at once, and with thirty of them cancelled, at the concurrency of a new
/// account and at a fifth of it.
fn queues() -> Vec<Play> {
    let times = Times::shipped();
    let of = |concurrency, cancelled, retries| Play {
        concurrency,
        creates: 100,
        cancelled,
        retries,
        times,
        verifies: false,
        seed: 1,
    };
    let mut plays = vec![of(10, 30, Retries::Spread), of(2, 30, Retries::Spread)];
    if loads() {
        plays.insert(0, of(10, 0, Retries::Spread));
        plays.insert(2, of(2, 0, Retries::Spread));
        plays.push(of(10, 30, Retries::InStep));
    }
    plays
}

#[test]
fn with_a_concurrency_of_ten_each_request_is_answered_in_time() {
    let page = fs::read_to_string("docs/limits.md").unwrap();
    let seeds = if loads() { 10 } else { 1 };
    let mut text = String::from(queue::Row::HEAD);
    let mut worst = Vec::new();
    for play in queues() {
        let rows = (1..=seeds).map(|seed| queue::play(Play { seed, ..play }));
        let row = rows.reduce(queue::Row::worse).unwrap();
        text.push_str(&row.to_string());
        worst.push((play, row));
    }
    if loads() {
        // With the check that is made by default, once each.
        for play in queues().into_iter().filter(|play| play.concurrency == 10 && play.cancelled > 0)
        {
            worst.push((play, queue::play(Play { verifies: true, ..play })));
        }
    }
    eprintln!("{text}");
    for (play, row) in worst {
        assert!(row.lost == 0, "lost: {row}");
        let published = page.lines().find_map(|line| queue::Row::published(line, play));
        let published = published.unwrap_or_else(|| panic!("docs/limits.md has no row for {row}"));
        assert!(row.is_within(&published), "docs/limits.md says {published} and this is {row}");
    }
}

/// True for the long form.
fn loads() -> bool {
    std::env::var("LOAD").is_ok_and(|load| load == "1")
}
