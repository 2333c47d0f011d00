//! Asks the name servers of many delegations.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use dns_check::{Expected, Report, Verdict, Verifier};

/// How many delegations are looked at side by side. The check's own bounds on sockets and on
/// questions to resolvers hold for all of them together.
const AT_ONCE: usize = 160;

/// The pauses before each look. What is not good is looked at again, so that nobody is called for a
/// packet that was lost or a resolver that failed once.
pub const LOOKS: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(300), Duration::from_millis(500)];

/// Looks at each of these delegations, and tells what was found as it is known: what is good after
/// the first look, what is not after the last.
pub async fn look(verifier: &Verifier, expected: &[Expected], mut tell: impl FnMut(usize, Report)) {
    let verifier = &verifier.clone().for_run();
    let mut open: Vec<(usize, Option<Report>)> =
        (0..expected.len()).map(|index| (index, None)).collect();
    for (number, pause) in LOOKS.iter().enumerate() {
        if open.is_empty() {
            return;
        }
        if number > 0 {
            tokio::time::sleep(*pause).await;
            verifier.look_again();
        }
        let looks = open.into_iter().filter_map(|(index, last)| {
            let expected = expected.get(index)?;
            Some(
                async move { (index, last, verifier.verify_child(expected, Duration::ZERO).await) },
            )
        });
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        let mut left = Vec::new();
        while let Some((index, last, report)) = looks.next().await {
            if report.is_good() {
                tell(index, report);
            } else {
                left.push((index, Some(more_telling(last, report))));
            }
        }
        left.sort_by_key(|(index, _)| *index);
        open = left;
    }
    for (index, report) in open {
        if let Some(report) = report {
            tell(index, report);
        }
    }
}

/// The later of two reports, unless it knows nothing and the other did.
fn more_telling(last: Option<Report>, report: Report) -> Report {
    match last {
        Some(last) if report.verdict() == Verdict::Unknown && last.verdict() == Verdict::Bad => {
            last
        }
        _ => report,
    }
}
