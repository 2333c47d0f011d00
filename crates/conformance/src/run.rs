//! A run: all probes, one after the other, with their results.

use std::io::Write;
use std::sync::Arc;

use crate::context::{Environment, ProbeContext};
use crate::probe::{Probe, Verdict};

/// The result of each probe, in order.
#[derive(Clone, Debug, Default)]
pub struct Results(pub Vec<(Probe, Verdict)>);

impl Results {
    /// Returns the results that are not as expected.
    pub fn differences(&self) -> impl Iterator<Item = &(Probe, Verdict)> {
        self.0.iter().filter(|(_, verdict)| verdict.is_difference())
    }

    /// Returns the number of each kind of result, in one line.
    pub fn summary(&self) -> String {
        let count =
            |kind: fn(&Verdict) -> bool| self.0.iter().filter(|(_, verdict)| kind(verdict)).count();
        format!(
            "{} probes: {} as expected, {} differ, {} failed, {} do not apply",
            self.0.len(),
            count(|verdict| *verdict == Verdict::Agrees),
            count(|verdict| matches!(verdict, Verdict::Differs(_))),
            count(|verdict| matches!(verdict, Verdict::Failed(_))),
            count(|verdict| matches!(verdict, Verdict::NotApplicable(_))),
        )
    }
}

/// Runs the probes. A probe that already has a result in the journal is not run again, unless it
/// failed.
///
/// # Errors
/// If the run was interrupted, or if the journal or the output can't be written.
pub async fn run(
    env: &Arc<Environment>,
    probes: &[Probe],
    out: &mut impl Write,
) -> std::io::Result<Results> {
    let mut results = Results::default();
    for probe in probes {
        if env.journal.is_stopped() {
            return Err(std::io::Error::other("The run was interrupted"));
        }
        let known =
            env.journal.verdict(probe.id).filter(|verdict| !matches!(verdict, Verdict::Failed(_)));
        let verdict = match (known, env.backend.lacks(probe.needs)) {
            (Some(verdict), _) => verdict,
            (None, Some(what)) => {
                Verdict::NotApplicable(format!("{} lacks {what}", env.backend.name()))
            }
            (None, None) => {
                let verdict = probe.verdict(&ProbeContext::new(env, probe.slug())).await;
                env.journal.observed(probe.id, &verdict)?;
                verdict
            }
        };
        show(probe, &verdict, out)?;
        results.0.push((*probe, verdict));
    }
    writeln!(out, "\n{}", results.summary())?;
    Ok(results)
}

/// Prints a result: the probe, what was expected and what was observed.
fn show(probe: &Probe, verdict: &Verdict, out: &mut impl Write) -> std::io::Result<()> {
    let (sign, observed) = match verdict {
        Verdict::Agrees => ("ok     ", "as expected"),
        Verdict::Differs(observed) => ("DIFFERS", observed.as_str()),
        Verdict::Failed(why) => ("FAILED ", why.as_str()),
        Verdict::NotApplicable(why) => ("-      ", why.as_str()),
    };
    writeln!(out, "{sign} {}", probe.id)?;
    if !matches!(verdict, Verdict::Agrees) {
        writeln!(out, "          expected: {}", probe.expected)?;
        writeln!(out, "          observed: {observed}")?;
    }
    Ok(())
}
