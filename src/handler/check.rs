//! The DNS check of a request: before its change and after it.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::RequestContext;
use crate::aws::route53::ChangeStatus;
use crate::cfn::properties::Verification;
use crate::error::{Code, Failure, Warning, WarningCode};
use crate::metrics::Step;
use delegation_model::ds::DsRecords;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::reconcile::{Observation, ReconciliationPlan};
use dns_check::{Expected, ParentZone, Report, ServerState};

/// What one round of questions takes at most, silence on all sides included.
const ROUND: Duration = Duration::from_secs(15);

/// What is to be checked before a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    wanted: Expected,
    /// Whether a DS record set is to be written.
    adds_ds: bool,
    /// Whether name servers are to come under a DS record set.
    under_ds: bool,
}

impl Question {
    /// What a plan asks for; `None` if it leaves name servers and DS records as they are.
    pub(super) fn new(
        name: &Name,
        plan: &ReconciliationPlan,
        observed: &Observation,
    ) -> Option<Self> {
        if !plan.redelegates(observed, name) {
            return None;
        }
        let wanted = wanted(name, plan, observed)?;
        let ds = observed.at_cut("DS").and_then(|set| DsRecords::from_values(&set.values));
        let servers = observed.at_cut("NS").and_then(|set| NameServers::from_values(&set.values));
        let (adds_ds, under_ds) = match &wanted.ds {
            None => (false, false),
            wanted_ds => (*wanted_ds != ds, servers.as_ref() != Some(&wanted.name_servers)),
        };
        Some(Self { wanted, adds_ds, under_ds })
    }
}

/// How many checks before its change a request makes. What is to be written may become something
/// else while the name servers are asked, or between two tries of a request that is denied; whoever
/// has the child zone can see to that.
const CHECKS: usize = 3;

/// What was asked before the change of a request and what came of it, so that it is asked once.
#[derive(Debug, Default)]
pub(super) struct EarlierCheck {
    last: Option<(Question, Result<Option<Report>, Failure>)>,
    /// How many checks were made.
    made: usize,
}

impl EarlierCheck {
    /// What came of this question, if it is the one that was asked last.
    pub(super) fn answer(&self, question: &Question) -> Option<&Result<Option<Report>, Failure>> {
        self.last.as_ref().filter(|(asked, _)| asked == question).map(|(_, result)| result)
    }

    /// True if no check is to be made any more.
    pub(super) fn is_spent(&self) -> bool {
        self.made >= CHECKS
    }

    pub(super) fn keep(&mut self, question: Question, result: Result<Option<Report>, Failure>) {
        self.last = Some((question, result));
        self.made += 1;
    }

    pub(super) fn finding(&self) -> Option<&Report> {
        self.last.as_ref().and_then(|(_, result)| result.as_ref().ok()?.as_ref())
    }
}

/// Before the parent zone is touched: every name server to be written must serve the child zone,
/// after `most` at the latest.
///
/// # Errors
/// Under `REQUIRE`, if something is wrong; on the way back of an Update, if none of them serves the
/// zone. Otherwise, if a DS record set would match none of the keys that these name servers have,
/// so that nobody who validates could use the zone: one that is to be written, or one under which
/// they are put back, for somebody may have moved the zone by hand, keys and all. One that is to be
/// written must also be seen to match a key.
pub(super) async fn before(
    cx: &RequestContext<'_>,
    verification: Verification,
    question: &Question,
    most: Duration,
    is_rollback: bool,
) -> Result<Option<Report>, Failure> {
    let Question { wanted, adds_ds, under_ds } = question;
    cx.progress.at(format!("asking the name servers of {}", wanted.name));
    let finding =
        bounded(cx, most, async |patience| cx.verifier.verify_child(wanted, patience).await).await;
    let Some(finding) = finding else {
        return without(verification, question, &no_time(&wanted.name));
    };
    report(&finding, "before");
    let unfit = (*adds_ds && !finding.has_secure_server())
        || ((*adds_ds || *under_ds) && finding.has_bogus_server());
    // The same rollback may delete the zone that the others are for.
    let will_do =
        is_rollback && finding.servers().iter().any(|server| server.state == ServerState::Serves);
    if unfit || (verification == Verification::Require && fails(&finding) && !will_do) {
        let message = format!(
            "The DNS check failed, and nothing was changed: {finding}. Correct that, and deploy again."
        );
        return Err(Failure::new(Code::VerificationFailed, message));
    }
    Ok(Some(finding))
}

/// What follows where there was no check, for this reason.
///
/// # Errors
/// If it was required, or a DS record set is to be written.
pub(super) fn without(
    verification: Verification,
    question: &Question,
    why: &str,
) -> Result<Option<Report>, Failure> {
    if verification == Verification::Require || question.adds_ds {
        let message = format!("{why} Nothing was changed. Deploy again.");
        return Err(Failure::new(Code::NotVerified, message));
    }
    Ok(None)
}

/// Whether a finding fails what is required.
///
/// Of name servers that have IPv6 alone nothing is known where the function has none, as in Lambda
/// by default. That is not their fault, and never changes: to fail for it would be to forbid such
/// name servers.
pub(super) fn fails(finding: &Report) -> bool {
    !finding.is_good() && !finding.lacks_ipv6()
}

/// What the user should know of a required check that could not be made.
pub(super) fn warning(finding: &Report) -> Option<Warning> {
    finding.lacks_ipv6().then(|| {
        let message = format!(
            "The required DNS check was not made: {finding}. Check from a network with IPv6."
        );
        Warning::new(WarningCode::Ipv6Unreachable, message)
    })
}

/// That there was no check.
pub(super) fn no_time(name: &Name) -> String {
    format!("The name servers of {name} were not asked: too little time was left for it.")
}

/// The same, because it was made for something else too often.
pub(super) fn keeps_changing(name: &Name) -> String {
    format!(
        "The name servers of {name} were not asked: what is to be written changed during each of {CHECKS} checks."
    )
}

/// After the change: every name server of the parent zone must refer to exactly what is wanted;
/// `None` if that can't be asked.
///
/// `changed` tells that the parent zone was, and `status` whether its servers should know.
pub(super) async fn after(
    cx: &RequestContext<'_>,
    wanted: &Expected,
    parent: &ParentZone,
    changed: bool,
    status: ChangeStatus,
) -> Option<Report> {
    cx.progress.at(format!("asking the name servers of {} and {}", parent.name, wanted.name));
    let patience = cx.config.check_patience;
    let most = match (status, changed) {
        // "Generally within 60 seconds" (Developer Guide, "Editing records").
        (ChangeStatus::Pending, _) => patience * 3,
        (ChangeStatus::Insync, true) => patience / 2,
        (ChangeStatus::Insync, false) => Duration::ZERO,
    };
    let ask = async |patience| cx.verifier.verify_delegation(parent, wanted, patience).await;
    let finding = bounded(cx, most, ask).await?;
    report(&finding, "after");
    Some(finding)
}

fn report(finding: &Report, when: &'static str) {
    if finding.is_good() {
        info!(when, verification = %finding, "the name servers were asked");
    } else {
        warn!(when, verification = %finding, "the name servers were asked");
    }
}

/// What stands at the cut once the plan is carried out.
pub(super) fn wanted(
    name: &Name,
    plan: &ReconciliationPlan,
    observed: &Observation,
) -> Option<Expected> {
    let name_servers = NameServers::from_values(&plan.leaves(observed, name, "NS")?.values)?;
    let ds = plan.leaves(observed, name, "DS");
    Some(Expected {
        name: name.clone(),
        ds: ds.and_then(|set| DsRecords::from_values(&set.values)),
        check_ds: ds.is_none(),
        glue: glue(observed),
        name_servers,
    })
}

/// The addresses at and below the cut.
pub(super) fn glue(observed: &Observation) -> Vec<(Name, IpAddr)> {
    let glue = observed
        .at_cut
        .iter()
        .chain(&observed.below)
        .filter(|set| matches!(set.rtype.as_str(), "A" | "AAAA"));
    let addresses =
        glue.flat_map(|set| set.values.iter().map(|value| (set.name.clone(), value.parse())));
    addresses.filter_map(|(name, address)| Some((name, address.ok()?))).collect()
}

/// A check that waits for things to settle for at most so long; `None` if too little time is left
/// for it. What is only to be reported must not use up the time of the request.
async fn bounded(
    cx: &RequestContext<'_>,
    most: Duration,
    ask: impl AsyncFnOnce(Duration) -> Report,
) -> Option<Report> {
    let left = cx.deadline.work().saturating_duration_since(Instant::now());
    let patience = left.checked_sub(ROUND)?.min(most);
    let _timing = cx.progress.time(Step::Check);
    timeout(patience + ROUND, ask(patience)).await.ok()
}
