//! Shortens a failing history as long as it still fails.

use std::fmt::Write as _;

use test_support::simulate;

use crate::histories::generate;
use crate::histories::history::{Act, History};
use crate::histories::run::run;

/// How often a shorter history is tried, with consecutive seeds, because its calls may be in a
/// different order.
const TRIES: u64 = 3;
/// The most histories that run to find a short one.
const BUDGET: usize = 400;

/// Returns the report about the failure of a seed.
pub(crate) fn shrunk(seed: u64, failure: String) -> String {
    let mut best = generate::history(seed);
    let mut message = failure;
    let invariant = |message: &str| message.split(':').next().unwrap_or_default().to_owned();
    let expected = invariant(&message);
    let mut budget = BUDGET;
    'shorter: loop {
        for candidate in shorter(&best) {
            for more in 0..TRIES {
                if budget == 0 {
                    break 'shorter;
                }
                budget -= 1;
                if let Err(message_now) =
                    simulate(seed, async || run(&candidate, seed + more).await)
                    && invariant(&message_now) == expected
                {
                    (best, message) = (candidate, message_now);
                    continue 'shorter;
                }
            }
        }
        break;
    }
    let mut report = String::new();
    let _ = write!(
        report,
        "HISTORY_SEED={seed} HISTORIES=1 reproduces it: {}\nthe shortened history:\n{best}what happened:\n{message}",
        message.lines().next().unwrap_or_default(),
    );
    report
}

/// Returns the history with one event less each, removing the largest first.
fn shorter(history: &History) -> Vec<History> {
    let mut candidates = Vec::new();
    let mut with = |edit: &dyn Fn(&mut History)| {
        let mut candidate = history.clone();
        edit(&mut candidate);
        candidates.push(candidate);
    };
    for index in (0..history.steps.len()).rev() {
        with(&|candidate| drop(candidate.steps.remove(index)));
    }
    for (index, step) in history.steps.iter().enumerate() {
        for edit in 0..step.edits.len() {
            with(&|candidate| {
                candidate.steps[index].edits.remove(edit);
            });
        }
        if step.network_fault.is_some() {
            with(&|candidate| candidate.steps[index].network_fault = None);
        }
        if let Act::Deploy { template, fail_after, .. } = &step.act {
            if fail_after.is_some() {
                with(&|candidate| {
                    if let Act::Deploy { fail_after, .. } = &mut candidate.steps[index].act {
                        *fail_after = None;
                    }
                });
            }
            for id in template.keys() {
                with(&|candidate| {
                    if let Act::Deploy { template, .. } = &mut candidate.steps[index].act {
                        template.remove(id);
                    }
                });
            }
        }
    }
    candidates
}
