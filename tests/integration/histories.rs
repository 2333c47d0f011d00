//! Random histories of stacks, an outside actor and a bad network, against the function on the
//! sandbox, judged by a reference model that knows the second edition of ownership and nothing of
//! the function.
//!
//! `HISTORIES` sets their number and `HISTORY_SEED` the first seed; a failure prints its seed,
//! which plays it again, and the shortened history.

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
/// So many are played before a failure ends it all.
const AT_ONCE: usize = 200;

/// What so many histories must have met; else they prove less than they seem to.
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
    "made",
    "found",
    "changed",
    "repaired",
    "displaced",
    "kept",
    "removed",
    "put back",
    "tombstone",
    "left: it stood before",
    "left: not ours",
    "left: nothing stood",
    "left to other holders",
    "removed, and nothing put back",
    "removed what is the child zone's",
    "stack RolledBack",
    "DS added",
    "DS replaced",
    "DS removed, the delegation stays",
    "DS removed with the delegation",
    "DS left to other claims",
    "name servers put back under a DS",
];

#[test]
fn nobodys_record_is_lost_in_any_history() {
    let count = setting("HISTORIES").unwrap_or(HISTORIES);
    let first = setting("HISTORY_SEED").unwrap_or(1);
    let mut tally = Tally::new();
    for begin in (first..first + count).step_by(AT_ONCE) {
        let seeds = begin..(first + count).min(begin + AT_ONCE as u64);
        for (_, seed, result) in
            simulate_each(seeds, async |seed| run::run(&generate::history(*seed), *seed).await)
        {
            let more = result.unwrap_or_else(|failure| panic!("{}", shrink::shrunk(seed, failure)));
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
            assert!(tally.contains_key(what), "no history met: {what}");
        }
    }
}
