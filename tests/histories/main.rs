//! Random histories of stacks, an outside actor and a bad network, against the function on the sandbox, judged by a
//! reference model that knows the design and nothing of the function.
//!
//! `HISTORIES` sets their number and `HISTORY_SEED` the first seed; a failure prints its seed and the shortened history.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test stops where something is missing, and says what it has done"
)]

mod atlas;
#[path = "../laws/claims.rs"]
mod claims;
mod generate;
mod history;
mod ledger;
mod outside;
mod play;
#[path = "../laws/secure.rs"]
mod secure;
mod shrink;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use play::Tally;

const THREADS: usize = 2;
/// On each thread, for each waits now and then: for a lost answer to be sent again, for a Create to end.
const SIDE_BY_SIDE: usize = 8;
const HISTORIES: u64 = 1000;

/// What so many histories must have met; else they prove less than they seem to.
const COVERED: [&str; 22] = [
    "Create SUCCESS CREATED",
    "Create SUCCESS ADOPTED",
    "Create SUCCESS SHARED",
    "Create SUCCESS UPDATED",
    "Create FAILED",
    "Update SUCCESS UPDATED",
    "Update SUCCESS UNCHANGED",
    "Update SUCCESS CREATED",
    "Update FAILED",
    "Delete SUCCESS",
    "batch rejected",
    "redelivered",
    "removed with the delegation",
    "removed beside other claims",
    "removed and left as adopted",
    "stack RolledBack",
    "DS added",
    "DS replaced",
    "DS removed, the delegation stays",
    "DS removed with the delegation",
    "DS left to other claims",
    "name servers put back under a DS",
];

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn nobodys_record_is_lost_in_any_history() {
    let count = setting("HISTORIES").unwrap_or(HISTORIES);
    let first = setting("HISTORY_SEED").unwrap_or(1);
    let began = Instant::now();
    match all(first, count) {
        Ok(tally) => {
            eprintln!("{count} histories from seed {first} in {:.1?}:", began.elapsed());
            for (what, times) in &tally {
                eprintln!("{times:>8} {what}");
            }
            if count >= HISTORIES {
                for what in COVERED {
                    assert!(tally.contains_key(what), "no history met: {what}");
                }
            }
        }
        Err((seed, failure)) => panic!("{}", on_a_thread(shrink::shrunk(seed, failure))),
    }
}

/// Runs what is not `Send`, as the function is not.
fn on_a_thread<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

/// Plays so many histories; the failure of the first seed that fails.
fn all(first: u64, count: u64) -> Result<Tally, (u64, String)> {
    let next = AtomicU64::new(first);
    let last = first.saturating_add(count);
    let results: Vec<_> = std::thread::scope(|scope| {
        let work = || on_a_thread(futures::future::join_all((0..SIDE_BY_SIDE).map(|_| worker(&next, last))));
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut all = Tally::new();
    let mut failures = Vec::new();
    for (tally, failure) in results {
        add(&mut all, tally);
        failures.extend(failure);
    }
    failures.sort();
    failures.into_iter().next().map_or(Ok(all), Err)
}

async fn worker(next: &AtomicU64, last: u64) -> (Tally, Option<(u64, String)>) {
    let mut tally = Tally::new();
    let http = custom_delegation::http::client(None).unwrap();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= last {
            return (tally, None);
        }
        match play::play(&generate::history(seed), &http).await {
            Ok(more) => add(&mut tally, more),
            Err(failure) => {
                next.store(last, Ordering::Relaxed);
                return (tally, Some((seed, failure)));
            }
        }
    }
}

fn add(tally: &mut Tally, more: Tally) {
    for (what, times) in more {
        *tally.entry(what).or_default() += times;
    }
}
