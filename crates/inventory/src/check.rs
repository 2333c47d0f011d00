//! Queries the name servers of many delegations.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use dns_check::{Expected, Report, Verdict, Verifier};

use super::finding::{FindingKind, Severity};

/// How many delegations are checked concurrently. The DNS check divides its sockets and its queries
/// to resolvers among them: this leaves four sockets to name servers for each, because most
/// delegations have four.
const CONCURRENT: usize = 120;

/// How many findings of a delegation are kept. The reports of all delegations of a call may be kept
/// until all are done, and whoever may write to a zone chooses what is found there.
const FINDINGS: usize = 20;

/// The pause before each round. A delegation that is not good is checked again, so that a lost
/// packet or a single failure of a resolver raises no alarm.
pub const ROUNDS: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(300), Duration::from_millis(500)];

/// Checks each of these delegations. Calls `report` with the index and the result as soon as it is
/// known: after the first good and complete round, or after the last one.
pub async fn check(
    verifier: &Verifier,
    expected: &[Expected],
    mut report: impl FnMut(usize, Report),
) {
    let verifier = &verifier.clone().for_run(CONCURRENT);
    let mut open: Vec<(usize, Option<Report>)> =
        (0..expected.len()).map(|index| (index, None)).collect();
    for (number, pause) in ROUNDS.iter().enumerate() {
        if open.is_empty() {
            return;
        }
        if number > 0 {
            tokio::time::sleep(*pause).await;
            verifier.next_pass();
        }
        if number + 1 == ROUNDS.len() {
            // The names decide which delegations are checked at the same time. If the last ones
            // were late because of those before them, they come first now.
            open.reverse();
        }
        let checks = open.into_iter().filter_map(|(index, last)| {
            let expected = expected.get(index)?;
            Some(
                async move { (index, last, verifier.verify_child(expected, Duration::ZERO).await) },
            )
        });
        let mut checks = stream::iter(checks).buffer_unordered(CONCURRENT);
        let mut left = Vec::new();
        while let Some((index, last, result)) = checks.next().await {
            let is_less = last.as_ref().is_some_and(|last| is_less_informative(&result, last));
            match (last, is_less) {
                (Some(last), true) => left.push((index, Some(last))),
                _ if result.is_good() && !result.is_incomplete() => {
                    report(index, result.shortened(FINDINGS));
                }
                _ => left.push((index, Some(result.shortened(FINDINGS)))),
            }
        }
        left.sort_by_key(|(index, _)| *index);
        open = left;
    }
    for (index, result) in open {
        if let Some(result) = result {
            report(index, result);
        }
    }
}

/// True if a report does not know what an earlier one does, or if the earlier one refutes it.
fn is_less_informative(report: &Report, earlier: &Report) -> bool {
    // Of two kinds, the more urgent one comes first.
    let (now, before) = (FindingKind::from_report(report), FindingKind::from_report(earlier));
    let hides_critical = before.is_some_and(|before| {
        before.severity() == Severity::Critical && now.is_none_or(|now| before < now)
    });
    report.is_refuted_by(earlier)
        || report.verdict() == Verdict::Unknown && earlier.verdict() == Verdict::Bad
        || report.is_incomplete() && hides_critical
}
