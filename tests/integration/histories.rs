//! Random histories of stacks, manual edits and network faults, run with the function on the
//! sandbox. A reference model, which knows the rules of ownership and nothing of the function,
//! checks them.
//!
//! `HISTORIES` sets their number and `HISTORY_SEED` the first seed. A failure prints its seed,
//! which reproduces it, and the shortened history.

mod fixture;
mod generate;
mod history;
mod manual_edits;
mod reference_model;
mod run;
mod shrink;

use run::Tally;
use test_support::{setting, simulate_each};

const HISTORIES: u64 = 1000;
/// How many histories run before a failure ends the test.
const AT_ONCE: usize = 200;

/// What this many histories must have covered. Otherwise they prove less than they seem to.
const COVERED: [&str; 35] = [
    "Create SUCCESS CREATED",
    "Create SUCCESS ADOPTED",
    "Create SUCCESS SHARED",
    "Create SUCCESS UPDATED",
    "Create FAILED",
    "Update SUCCESS UPDATED",
    "Update SUCCESS UNCHANGED",
    "Update SUCCESS CREATED",
    "Update SUCCESS SHARED",
    "Update FAILED",
    "Delete SUCCESS",
    "batch rejected",
    "redelivered",
    "created",
    "unchanged",
    "changed",
    "repaired",
    "displaced",
    "kept",
    "removed",
    "restored",
    "tombstone",
    "left: existed before",
    "left: claim names others",
    "left: no name servers",
    "left to other holders",
    "removed, nothing restored",
    "removed name servers of the child zone",
    "stack RolledBack",
    "DS added",
    "DS replaced",
    "DS removed, the delegation stays",
    "DS removed with the delegation",
    "DS left to other claims",
    "name servers restored under a DS",
];

#[test]
fn no_history_breaks_a_promise() {
    let count = setting("HISTORIES").unwrap_or(HISTORIES);
    let first = setting("HISTORY_SEED").unwrap_or(1);
    let mut tally = Tally::new();
    for begin in (first..first + count).step_by(AT_ONCE) {
        let seeds = begin..(first + count).min(begin + AT_ONCE as u64);
        for history in
            simulate_each(seeds, async |seed| run::run(&generate::history(*seed), *seed).await)
        {
            let seed = history.case;
            let more = history
                .result
                .unwrap_or_else(|failure| panic!("{}", shrink::shrunk(seed, failure)));
            for (what, times) in more {
                *tally.entry(what).or_default() += times;
            }
        }
    }
    eprintln!("{count} histories from seed {first}:");
    for (what, times) in &tally {
        eprintln!("{times:>8} {what}");
    }
    if count >= HISTORIES {
        for what in COVERED {
            assert!(tally.contains_key(what), "no history covered: {what}");
        }
    }
}
