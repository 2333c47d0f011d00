//! An entry of an inventory with its findings.

use std::collections::BTreeSet;

use delegation_model::name::Name;
use delegation_model::ownership_record::{Claim, Value};
use delegation_model::record_set::Change;
use dns_check::Report;

use super::accepted::{Acceptance, Accepted};
use super::entry::{Delegation, Entry};
use super::finding::FindingKind;
use super::fix::{fix, is_expired};

/// How many owners a sentence names. A record of the function has claims of about forty, and others
/// may write hundreds.
const OWNERS: usize = 20;

/// What findings depend on, besides the zone and its name servers.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The current time in seconds since 1970.
    pub now: i64,
    /// The ARNs of all existing stacks, if known.
    pub stacks: Option<&'a [String]>,
    pub accepted: &'a Accepted,
    /// True if the name servers were queried.
    pub checked: bool,
    /// True if a delegation without a claim raises an alarm.
    pub unowned: bool,
}

#[derive(Clone, Debug)]
pub struct Examined<'a> {
    pub entry: &'a Entry,
    /// The report about its name servers.
    pub report: Option<&'a Report>,
    /// The findings, most urgent first.
    pub findings: Vec<EntryFinding>,
}

/// A finding about an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryFinding {
    pub kind: FindingKind,
    /// What shows it. Each item is a sentence without a period.
    pub evidence: Vec<String>,
    /// The changes that would fix it. Empty if no change of the parent zone can.
    pub fix: Vec<Change>,
    /// The acceptance of the finding, even if it has expired.
    pub acceptance: Option<Acceptance>,
    /// True if somebody should act on it now.
    pub is_alarm: bool,
}

impl EntryFinding {
    /// True if the finding is accepted and the acceptance has not expired.
    pub fn is_accepted(&self, now: i64) -> bool {
        self.acceptance.as_ref().is_some_and(|acceptance| acceptance.is_valid(now))
    }
}

impl<'a> Examined<'a> {
    pub fn new(entry: &'a Entry, report: Option<&'a Report>, facts: &Facts<'_>) -> Self {
        let mut kinds = record_findings(entry, facts);
        if facts.checked {
            kinds.extend(dns_findings(entry, report));
        }
        let name = entry.any_name().map(Name::as_str).unwrap_or_default();
        let finding = |kind: FindingKind| {
            let acceptance = facts.accepted.find(name, kind, facts.now).cloned();
            let accepted =
                acceptance.as_ref().is_some_and(|acceptance| acceptance.is_valid(facts.now));
            let is_alarm =
                !accepted && (kind.is_alarm() || (facts.unowned && kind == FindingKind::Unowned));
            let fix = fix(entry, kind, report, facts);
            let evidence = evidence(entry, kind, report, facts);
            EntryFinding { kind, evidence, fix, acceptance, is_alarm }
        };
        Self { entry, report, findings: kinds.into_iter().map(finding).collect() }
    }

    /// The kinds of the findings, most urgent first.
    pub fn kinds(&self) -> impl Iterator<Item = FindingKind> {
        self.findings.iter().map(|finding| finding.kind)
    }

    /// True if somebody should act on it now.
    pub fn is_alarm(&self) -> bool {
        self.findings.iter().any(|finding| finding.is_alarm)
    }

    /// The zone cut for people, or the name of the ownership record if the cut is unknown.
    pub fn name(&self) -> String {
        self.entry.any_name().map(Name::for_people).unwrap_or_default()
    }

    /// The problems that the DNS check found.
    pub fn problems(&self) -> Vec<String> {
        let is_checked = self.report.is_some() || self.kinds().any(FindingKind::is_of_dns);
        if is_checked { problems(self.entry, self.report) } else { Vec::new() }
    }
}

fn problems(entry: &Entry, report: Option<&Report>) -> Vec<String> {
    let no_host = "its NS record set has a value that is not the name of a host".to_owned();
    let no_host = has_value_without_host(entry).then_some(no_host);
    let found = report.into_iter().flat_map(|report| report.problems().chain(report.unknowns()));
    let left_off = report.map(Report::left_off).filter(|left_off| *left_off > 0);
    let left_off = left_off.map(|left_off| format!("and {left_off} more"));
    no_host.into_iter().chain(found.map(ToString::to_string)).chain(left_off).collect()
}

/// True if a value of the NS record set is not a name, so that it leads to no name server.
fn has_value_without_host(entry: &Entry) -> bool {
    entry.delegation.as_ref().is_some_and(|delegation| delegation.name_servers().is_none())
}

/// The findings from the records of the parent zone alone.
fn record_findings(entry: &Entry, facts: &Facts<'_>) -> BTreeSet<FindingKind> {
    let claimed = entry.ownership.claims().next().is_some() || entry.ownership.has_unreadable();
    let expired = entry.ownership.iter().any(|value| is_expired(value, facts.now));
    let dead = facts.stacks.is_some_and(|stacks| entry.dead_claims(stacks).next().is_some());
    let always = [(FindingKind::DeadClaim, dead), (FindingKind::ExpiredTombstone, expired)];
    let by_delegation = match &entry.delegation {
        None => vec![
            (FindingKind::Missing, claimed),
            (FindingKind::Leftover, !claimed && entry.ownership.recorded_origin().is_some()),
        ],
        Some(delegation) => {
            let origin = delegation.digest().and_then(|current| entry.ownership.origin(current));
            vec![
                (FindingKind::Drifted, entry.has_drifted(delegation)),
                (FindingKind::Unsettled, origin.is_some()),
                (FindingKind::Hidden, delegation.hidden_by.is_some()),
                (FindingKind::Unowned, !claimed),
            ]
        }
    };
    always
        .into_iter()
        .chain(by_delegation)
        .filter(|(_, is_present)| *is_present)
        .map(|(kind, _)| kind)
        .collect()
}

/// The findings of the DNS check of [`Entry::expected`].
fn dns_findings(entry: &Entry, report: Option<&Report>) -> BTreeSet<FindingKind> {
    let is_visible = |delegation: &&Delegation| delegation.hidden_by.is_none();
    let Some(delegation) = entry.delegation.as_ref().filter(is_visible) else {
        return BTreeSet::new();
    };
    let of_servers = match report {
        Some(report) => FindingKind::from_report(report),
        // No value is the name of a host, so there is nothing to query.
        None if delegation.hosts().is_none() => Some(FindingKind::Outage),
        None => Some(FindingKind::Unknown),
    };
    let mut kinds: BTreeSet<FindingKind> = of_servers.into_iter().collect();
    let is_lesser = kinds.first().is_none_or(|kind| *kind > FindingKind::Lame);
    if report.is_some() && is_lesser && has_value_without_host(entry) {
        kinds.insert(FindingKind::Lame);
    }
    if report.is_some_and(Report::has_bogus_server) {
        kinds.insert(FindingKind::Bogus);
    }
    kinds
}

/// What shows a finding of this kind.
fn evidence(
    entry: &Entry,
    kind: FindingKind,
    report: Option<&Report>,
    facts: &Facts<'_>,
) -> Vec<String> {
    let owners = |claims: &mut dyn Iterator<Item = &Claim>| {
        let owners: BTreeSet<String> = claims.map(|claim| claim.owner.to_string()).collect();
        let more = owners.len().saturating_sub(OWNERS);
        let more = (more > 0).then(|| format!("and {more} more"));
        if owners.is_empty() {
            "an unreadable claim".to_owned()
        } else {
            owners.into_iter().take(OWNERS).chain(more).collect::<Vec<_>>().join(", ")
        }
    };
    let all_owners = || owners(&mut entry.ownership.claims());
    match kind {
        kind if kind.is_of_dns() => problems(entry, report),
        FindingKind::Missing => {
            vec![format!("{} claims it, but there is no NS record set", all_owners())]
        }
        FindingKind::Drifted => {
            vec![format!("it differs from what its claims name; owners: {}", all_owners())]
        }
        FindingKind::DeadClaim => {
            let stacks = facts.stacks.unwrap_or_default();
            vec![format!(
                "the claim of {} belongs to no existing stack",
                owners(&mut entry.dead_claims(stacks))
            )]
        }
        FindingKind::Unsettled => {
            vec![match entry
                .ownership
                .recorded_origin()
                .and_then(|origin| origin.displaced.as_ref())
            {
                Some(displaced) => format!("it displaced {}", displaced.name_servers.for_people()),
                None => format!("it existed before {} claimed it", all_owners()),
            }]
        }
        FindingKind::Hidden => {
            let above =
                entry.delegation.as_ref().and_then(|delegation| delegation.hidden_by.as_ref());
            above.map(|above| format!("{above} is delegated above it")).into_iter().collect()
        }
        FindingKind::Leftover => {
            vec!["it records what existed before a delegation that no longer exists".to_owned()]
        }
        FindingKind::ExpiredTombstone => {
            let expired =
                entry.ownership.iter().filter(|value| matches!(value, Value::Tombstone(_)));
            vec![format!(
                "expired tombstones of cancelled Creates: {}",
                expired.filter(|value| is_expired(value, facts.now)).count()
            )]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
