//! The DNS check of a request: before its change and after it.

use std::time::Duration;

use tokio::time::{Instant, timeout};
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
const FRESH: Duration = Duration::from_secs(30);
/// For how long name servers may differ after Route 53 has reported the change in sync.
const SETTLING: Duration = Duration::from_secs(15);
/// What one round of questions takes at most, silence on all sides included.
const ROUND: Duration = Duration::from_secs(8);

/// Before the parent zone is touched: every name server to be written must serve the child zone.
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
) -> Result<Option<Finding>, Failure> {
    let Some(wanted) = wanted(name, plan, seen) else { return Ok(None) };
    work.progress.at(format!("asking the name servers of {name}"));
    let finding = bounded(work, FRESH, async |patience| work.verifier.child(&wanted, patience).await).await;
    let Some(finding) = finding else {
        if verification == Verification::Require {
            let message = format!("nothing was changed: {}", no_time(name));
            return Err(Failure::new(Kind::Unverified, message));
        }
        return Ok(None);
    };
    report(&finding, "before");
    let adds_ds = plan.leaves(seen, name, "DS") != seen.at_cut("DS");
    if !finding.is_good() && (verification == Verification::Require || (finding.is_bogus() && adds_ds)) {
        let message = format!("the DNS check failed, and nothing was changed: {finding}");
        return Err(Failure::new(Kind::Unverified, message));
    }
    Ok(Some(finding))
}

/// That there was no check.
pub(super) fn no_time(name: &Name) -> String {
    format!("the name servers of {name} were not asked: too little time was left for it")
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
    work.progress.at(format!("asking the name servers of {parent} and {name}"));
    let most = if changed { SETTLING } else { Duration::ZERO };
    let ask = async |patience| work.verifier.delegation(parent, &wanted, patience).await;
    let finding = bounded(work, most, ask).await?;
    report(&finding, "after");
    Some(finding)
}

fn report(finding: &Finding, when: &'static str) {
    if finding.is_good() {
        info!(when, verification = %finding, "the name servers were asked");
    } else {
        warn!(when, verification = %finding, "the name servers were asked");
    }
}

/// What stands at the cut once the plan is carried out.
fn wanted(name: &Name, plan: &Plan, seen: &Observation) -> Option<Wanted> {
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

/// A check that waits for things to settle for at most so long; `None` if too little time is left for it. What is only to be
/// reported must not use up the time of the request.
async fn bounded(work: &Work<'_>, most: Duration, ask: impl AsyncFnOnce(Duration) -> Finding) -> Option<Finding> {
    let left = work.deadline.work().saturating_duration_since(Instant::now());
    let patience = left.checked_sub(ROUND)?.min(most);
    let _timing = work.progress.time(Step::Check);
    timeout(patience + ROUND, ask(patience)).await.ok()
}
