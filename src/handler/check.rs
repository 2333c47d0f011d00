//! The DNS check of a request: before its change and after it.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use super::Work;
use crate::cfn::properties::Verification;
use crate::dns::ds::DsRecords;
use crate::dns::name::Name;
use crate::dns::name_servers::NameServers;
use crate::dns::verify::{Finding, Wanted};
use crate::error::{Failure, Kind};
use crate::metrics::Step;
use crate::plan::{Observation, Plan};

/// For how long a fresh child zone may take to be served.
pub(super) const FRESH: Duration = Duration::from_secs(30);
/// For how long name servers may differ after Route 53 has reported the change in sync.
const SETTLING: Duration = Duration::from_secs(15);
/// What one round of questions takes at most, silence on all sides included; kept free before the deadline.
const ROUND: Duration = Duration::from_secs(8);

/// Before the parent zone is touched: every name server to be written must serve the child zone, after `most` at the latest.
///
/// # Errors
/// Under `REQUIRE`, if something is wrong; else if a DS record set is to be written that stands for none of the child's keys,
/// which would take the zone from everybody who validates.
pub(super) async fn before(
    work: &Work<'_>,
    verification: Verification,
    name: &Name,
    plan: &Plan,
    seen: &Observation,
    most: Duration,
) -> Result<Option<Finding>, Failure> {
    let Some(wanted) = wanted(name, plan, seen) else { return Ok(None) };
    let Some(patience) = patience(work, most) else { return Ok(None) };
    work.progress.at(format!("asking the name servers of {name}"));
    let _timing = work.progress.time(Step::Check);
    let finding = work.verifier.child(&wanted, patience).await;
    report(&finding, "the name servers were asked before the change");
    let adds_ds = plan.leaves(seen, name, "DS") != seen.at_cut("DS");
    if !finding.is_good() && (verification == Verification::Require || (finding.is_bogus() && adds_ds)) {
        let message = format!("the DNS check failed, and nothing was changed: {finding}");
        return Err(Failure::new(Kind::Unverified, message));
    }
    Ok(Some(finding))
}

/// After the change: every name server of the parent zone must refer to exactly what is wanted; `None` if that can't be asked.
pub(super) async fn after(
    work: &Work<'_>,
    parent: &Name,
    name: &Name,
    plan: &Plan,
    seen: &Observation,
    changed: bool,
) -> Option<Finding> {
    let wanted = wanted(name, plan, seen)?;
    let patience = patience(work, if changed { SETTLING } else { Duration::ZERO })?;
    work.progress.at(format!("asking the name servers of {parent} and {name}"));
    let _timing = work.progress.time(Step::Check);
    let finding = work.verifier.delegation(parent, &wanted, patience).await;
    report(&finding, "the name servers were asked");
    Some(finding)
}

fn report(finding: &Finding, message: &'static str) {
    if finding.is_good() {
        info!(verification = %finding, "{message}");
    } else {
        warn!(verification = %finding, "{message}");
    }
}

/// What stands at the cut once the plan is carried out.
pub(super) fn wanted(name: &Name, plan: &Plan, seen: &Observation) -> Option<Wanted> {
    let name_servers = NameServers::found(&plan.leaves(seen, name, "NS")?.values)?;
    let ds = plan.leaves(seen, name, "DS");
    let glue = seen.at_cut.iter().chain(&seen.below).filter(|set| matches!(set.rtype.as_str(), "A" | "AAAA"));
    let addresses = glue.flat_map(|set| set.values.iter().map(|value| (set.name.clone(), value.parse())));
    Some(Wanted {
        name: name.clone(),
        ds: ds.and_then(|set| DsRecords::found(&set.values)),
        check_ds: ds.is_none(),
        glue: addresses.filter_map(|(name, address)| Some((name, address.ok()?))).collect(),
        name_servers,
    })
}

/// How long a check may wait for things to settle; `None` if there is no time left for one.
fn patience(work: &Work<'_>, most: Duration) -> Option<Duration> {
    work.deadline.work().saturating_duration_since(Instant::now()).checked_sub(ROUND).map(|left| left.min(most))
}
