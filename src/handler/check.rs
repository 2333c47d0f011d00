//! The DNS check of a request, before and after its change.

use std::collections::BTreeSet;
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
use delegation_model::record_set::RecordType;
use dns_check::{Expected, ParentZone, Report, Server, ServerState};

/// The most that one round of queries takes, even if no server responds.
const ROUND: Duration = Duration::from_secs(15);

/// What to verify before a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    expected: Expected,
    /// True if a DS record set will be written.
    adds_ds: bool,
    /// True if name servers will be written under a DS record set.
    under_ds: bool,
}

impl Question {
    /// What a plan needs verified. `None` if it changes neither name servers nor DS records.
    pub(super) fn new(
        name: &Name,
        plan: &ReconciliationPlan,
        observed: &Observation,
    ) -> Option<Self> {
        if !plan.redelegates(observed, name) {
            return None;
        }
        let expected = expected(name, plan, observed)?;
        let ds =
            observed.at_cut(&RecordType::Ds).and_then(|set| DsRecords::from_values(&set.values));
        let servers =
            observed.at_cut(&RecordType::Ns).and_then(|set| NameServers::from_values(&set.values));
        let (adds_ds, under_ds) = match &expected.ds {
            None => (false, false),
            expected_ds => (*expected_ds != ds, servers.as_ref() != Some(&expected.name_servers)),
        };
        Some(Self { expected, adds_ds, under_ds })
    }
}

/// How many checks a request makes before its change. The expected records may change during a
/// check, or between two tries of a request that is denied, and the owner of the child zone can
/// make them change each time.
const MAX_CHECKS: usize = 3;

/// The question that was verified before the change, and the result, so that servers are queried
/// only once.
#[derive(Debug, Default)]
pub(super) struct EarlierCheck {
    last: Option<(Question, Result<Option<Report>, Failure>)>,
    /// How many checks the request has made.
    made: usize,
}

impl EarlierCheck {
    /// The result, if this is the question that was verified.
    pub(super) fn answer(&self, question: &Question) -> Option<&Result<Option<Report>, Failure>> {
        self.last.as_ref().filter(|(verified, _)| verified == question).map(|(_, result)| result)
    }

    /// True if the request has made as many checks as it may.
    pub(super) fn is_spent(&self) -> bool {
        self.made >= MAX_CHECKS
    }

    pub(super) fn keep(&mut self, question: Question, result: Result<Option<Report>, Failure>) {
        self.last = Some((question, result));
        self.made += 1;
    }

    pub(super) fn finding(&self) -> Option<&Report> {
        self.last.as_ref().and_then(|(_, result)| result.as_ref().ok()?.as_ref())
    }
}

/// How many of the name servers to be written must serve the child zone for a required check to
/// succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequiredServers {
    /// All of them.
    All,
    /// At least one, in the rollback of an Update.
    One,
}

/// Verifies, before the parent zone is changed, that every name server to be written serves the
/// child zone. Takes at most `most`. The report is `None` if too little time is left.
///
/// # Errors
/// - With `REQUIRE`: if anything is wrong. With [`RequiredServers::One`]: only if no name server
///   serves the zone.
/// - Otherwise, if a DS record set would match none of the keys of these name servers, so that no
///   validating resolver could use the zone. That is a DS record set that will be written, or an
///   existing one under which name servers are restored: somebody may have moved the zone, with its
///   keys, by hand.
/// - If a DS record set will be written and no name server was seen to have a key that matches it.
pub(super) async fn before(
    cx: &RequestContext<'_>,
    verification: Verification,
    question: &Question,
    most: Duration,
    required: RequiredServers,
) -> Result<Option<Report>, Failure> {
    let Question { expected, adds_ds, under_ds } = question;
    cx.progress.at(format!("querying the name servers of {}", expected.name));
    let finding =
        bounded(cx, most, async |patience| cx.verifier.verify_child(expected, patience).await)
            .await;
    let Some(finding) = finding else {
        return without(verification, question, &no_time(&expected.name));
    };
    report(&finding, "before");
    let unfit = (*adds_ds && !finding.has_secure_server())
        || ((*adds_ds || *under_ds) && finding.has_bogus_server());
    let is_served = |server: &Server| server.state == ServerState::Serves;
    let is_acceptable = required == RequiredServers::One && finding.servers().iter().any(is_served);
    if unfit || (verification == Verification::Require && fails(&finding) && !is_acceptable) {
        let message = format!(
            "The DNS check failed, and nothing was changed: {finding}. Correct that, and deploy again."
        );
        return Err(Failure::new(Code::VerificationFailed, message));
    }
    Ok(Some(finding))
}

/// The result of a check that was not made. `why` is the reason, as a sentence.
///
/// # Errors
/// If the check is required, or a DS record set will be written.
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

/// True if a report fails a required DNS check.
///
/// If the function has no IPv6, which is the default in Lambda, nothing can be said about name
/// servers that have only IPv6 addresses. That is not an error of theirs, and retrying does not
/// help, so it does not fail a request.
pub(super) fn fails(finding: &Report) -> bool {
    !finding.is_good() && !finding.lacks_ipv6()
}

/// The warning for a required verification that could not be done because the function has no IPv6.
pub(super) fn warning(finding: &Report) -> Option<Warning> {
    finding.lacks_ipv6().then(|| {
        let message = format!(
            "The required DNS check was not possible: {finding}. Check the delegation from a \
             network with IPv6."
        );
        Warning::new(WarningCode::Ipv6Unreachable, message)
    })
}

/// The message that the name servers were not queried.
pub(super) fn no_time(name: &Name) -> String {
    format!("The name servers of {name} were not queried: too little time was left.")
}

/// The message that no further check was made, because the question changed each time.
pub(super) fn keeps_changing(name: &Name) -> String {
    format!(
        "The name servers of {name} were not queried: the expected records changed during each of \
         {MAX_CHECKS} checks."
    )
}

/// Verifies, after the change, that every name server of the parent zone refers to exactly what is
/// expected. `None` if too little time is left.
///
/// `changed` is true if this request changed the parent zone. `status` says whether Route 53's
/// servers already have the change.
pub(super) async fn after(
    cx: &RequestContext<'_>,
    expected: &Expected,
    parent: &ParentZone,
    changed: bool,
    status: ChangeStatus,
) -> Option<Report> {
    cx.progress.at(format!("querying the name servers of {} and {}", parent.name, expected.name));
    let patience = cx.config.check_patience;
    let most = match (status, changed) {
        // "Generally within 60 seconds" (Developer Guide, "Editing records").
        (ChangeStatus::Pending, _) => patience * 3,
        (ChangeStatus::Insync, true) => patience / 2,
        (ChangeStatus::Insync, false) => Duration::ZERO,
    };
    let ask = async |patience| cx.verifier.verify_delegation(parent, expected, patience).await;
    let finding = bounded(cx, most, ask).await?;
    report(&finding, "after");
    Some(finding)
}

fn report(finding: &Report, when: &'static str) {
    if finding.is_good() {
        info!(when, verification = %finding, "the DNS check is complete");
    } else {
        warn!(when, verification = %finding, "the DNS check is complete");
    }
}

/// What the plan leaves at the cut. `None` without an NS record set that can be parsed.
pub(super) fn expected(
    name: &Name,
    plan: &ReconciliationPlan,
    observed: &Observation,
) -> Option<Expected> {
    let name_servers =
        NameServers::from_values(&plan.leaves(observed, name, &RecordType::Ns)?.values)?;
    let ds = plan.leaves(observed, name, &RecordType::Ds);
    Some(Expected {
        name: name.clone(),
        ds: ds.and_then(|set| DsRecords::from_values(&set.values)),
        check_ds: ds.is_none(),
        glue: glue(observed, name, &name_servers),
        name_servers,
    })
}

/// The parent zone's addresses of those of these name servers that are queried and are at or below
/// the cut `name`. Others may have written thousands of addresses there.
pub(super) fn glue(
    observed: &Observation,
    name: &Name,
    name_servers: &NameServers,
) -> Vec<(Name, IpAddr)> {
    let queried: BTreeSet<&Name> = name_servers
        .iter()
        .take(dns_check::SERVERS)
        .filter(|server| server.is_at_or_below(name))
        .collect();
    let sets = observed
        .at_cut
        .iter()
        .chain(&observed.below)
        .filter(|set| set.record_type.is_address() && queried.contains(&set.name));
    let addresses = sets.flat_map(|set| {
        let addresses = set.values.iter().filter_map(|value| value.parse().ok());
        addresses.take(dns_check::GLUE_ADDRESSES).map(|address| (set.name.clone(), address))
    });
    addresses.collect()
}

/// Runs a DNS check that waits at most `most` for DNS to settle. `None` if too little time is
/// left: a verification that is only reported must not use up the time of the request.
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

#[cfg(test)]
mod tests {
    use super::*;
    use delegation_model::record_set::RecordSet;
    use delegation_model::ttl::Ttl;

    /// Whoever may write addresses below the name can fill a page of the listing with them. Each
    /// one that is kept has a copy of its name, of up to a thousand characters.
    #[test]
    fn few_addresses_of_queried_name_servers_are_kept() {
        let cut: Name = "testing.example.com".parse().unwrap();
        let addresses = |name: &str, record_type: &str, values: Vec<String>| {
            RecordSet::new(name.parse().unwrap(), record_type, Ttl::OWNERSHIP, values)
        };
        let v4 = || (0..250).map(|last| format!("192.0.2.{last}")).collect();
        let v6 = || (0..250).map(|last| format!("2001:db8::{last:x}")).collect();
        let below = (0..298).map(|number| addresses(&format!("t{number}.{cut}"), "A", v4()));
        let server = format!("ns1.{cut}");
        let of_server = [addresses(&server, "A", v4()), addresses(&server, "AAAA", v6())];
        let observed =
            Observation { below: below.chain(of_server).collect(), ..Observation::default() };
        let name_servers = NameServers::parse(&[&server, "ns1.example.net"]).unwrap();
        let kept = glue(&observed, &cut, &name_servers);
        assert!(kept.iter().all(|(name, _)| name.as_str() == server), "{kept:?}");
        let v4 = kept.iter().filter(|(_, address)| address.is_ipv4()).count();
        assert_eq!((v4, kept.len()), (8, 16));
    }
}
