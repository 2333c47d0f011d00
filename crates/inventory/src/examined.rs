//! One entry of an inventory with all that is found of it.

use std::collections::BTreeSet;

use delegation_model::name::Name;
use delegation_model::ownership_record::{Claim, Value};
use delegation_model::record_set::Change;
use dns_check::Report;

use super::accepted::{Acceptance, Accepted};
use super::entry::Entry;
use super::finding::FindingKind;
use super::mending::{is_expired, mending};

/// What findings depend on beside the zone and its name servers.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The time, in seconds since 1970.
    pub now: i64,
    /// The ARNs of all stacks that exist, where that is known.
    pub stacks: Option<&'a [String]>,
    /// What somebody has accepted.
    pub accepted: &'a Accepted,
    /// Whether the name servers were asked.
    pub checked: bool,
    /// Whether a delegation without a claim is an alarm.
    pub unowned: bool,
}

/// An entry, and what is found of it.
#[derive(Clone, Debug)]
pub struct Examined<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// What its name servers say.
    pub report: Option<&'a Report>,
    /// The findings, the most urgent first.
    pub findings: Vec<Found>,
}

/// A finding about an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub kind: FindingKind,
    /// What was seen, a sentence without a full stop each.
    pub seen: Vec<String>,
    /// What would mend it; empty where no change of the parent zone can.
    pub mending: Vec<Change>,
    /// Who has accepted it, be it that the day has passed.
    pub acceptance: Option<Acceptance>,
    /// Whether somebody should look at it now.
    pub is_alarm: bool,
}

impl Found {
    /// True if it is accepted, and the day has not passed.
    pub fn is_accepted(&self, now: i64) -> bool {
        self.acceptance.as_ref().is_some_and(|acceptance| acceptance.holds(now))
    }
}

impl<'a> Examined<'a> {
    /// Says what is found of an entry.
    pub fn new(entry: &'a Entry, report: Option<&'a Report>, facts: &Facts<'_>) -> Self {
        let mut kinds = of_records(entry, facts);
        if facts.checked {
            kinds.extend(of_dns(entry, report));
        }
        let name = entry.any_name().map(Name::as_str).unwrap_or_default();
        let found = |kind: FindingKind| {
            let acceptance = facts.accepted.find(name, kind, facts.now).cloned();
            let accepted =
                acceptance.as_ref().is_some_and(|acceptance| acceptance.holds(facts.now));
            let is_alarm =
                !accepted && (kind.is_alarm() || (facts.unowned && kind == FindingKind::Unowned));
            let mending = mending(entry, kind, report, facts);
            Found { kind, seen: seen(entry, kind, report, facts), mending, acceptance, is_alarm }
        };
        Self { entry, report, findings: kinds.into_iter().map(found).collect() }
    }

    /// The kinds of the findings, the most urgent first.
    pub fn kinds(&self) -> impl Iterator<Item = FindingKind> {
        self.findings.iter().map(|found| found.kind)
    }

    /// True if somebody should look at it now.
    pub fn is_alarm(&self) -> bool {
        self.findings.iter().any(|found| found.is_alarm)
    }

    /// The zone cut as people write it, or the ownership record where the cut is not known.
    pub fn name(&self) -> String {
        self.entry.any_name().map(Name::for_people).unwrap_or_default()
    }

    /// What the DNS check found, one text each.
    pub fn problems(&self) -> Vec<String> {
        self.report.map(problems).unwrap_or_default()
    }
}

fn problems(report: &Report) -> Vec<String> {
    report.problems().chain(report.unknowns()).map(ToString::to_string).collect()
}

/// The findings from the records of the parent zone alone.
fn of_records(entry: &Entry, facts: &Facts<'_>) -> BTreeSet<FindingKind> {
    let claimed = entry.ownership.claims().next().is_some() || entry.ownership.has_unreadable();
    let expired = entry.ownership.iter().any(|value| is_expired(value, facts.now));
    let dead = facts.stacks.is_some_and(|stacks| entry.dead_claims(stacks).next().is_some());
    let of_all = [(FindingKind::DeadClaim, dead), (FindingKind::ExpiredTombstone, expired)];
    let of_kind = match &entry.delegation {
        None => vec![
            (FindingKind::Missing, claimed),
            (FindingKind::Leftover, !claimed && entry.ownership.before().is_some()),
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
    of_all.into_iter().chain(of_kind).filter(|(_, is_so)| *is_so).map(|(kind, _)| kind).collect()
}

/// The findings of the DNS check of [`Entry::wanted`].
fn of_dns(entry: &Entry, report: Option<&Report>) -> BTreeSet<FindingKind> {
    let is_asked =
        entry.delegation.as_ref().is_some_and(|delegation| delegation.hidden_by.is_none());
    if !is_asked {
        return BTreeSet::new();
    }
    let mut kinds: BTreeSet<FindingKind> =
        report.map_or(Some(FindingKind::Unknown), FindingKind::of_report).into_iter().collect();
    if report.is_some_and(Report::has_bogus_server) {
        kinds.insert(FindingKind::Bogus);
    }
    kinds
}

/// What was seen of a finding.
fn seen(
    entry: &Entry,
    kind: FindingKind,
    report: Option<&Report>,
    facts: &Facts<'_>,
) -> Vec<String> {
    let owners = |claims: &mut dyn Iterator<Item = &Claim>| {
        let owners: BTreeSet<String> = claims.map(|claim| claim.owner.to_string()).collect();
        if owners.is_empty() {
            "an unreadable claim".to_owned()
        } else {
            owners.into_iter().collect::<Vec<_>>().join(", ")
        }
    };
    let of_claims = || owners(&mut entry.ownership.claims());
    match kind {
        kind if kind.is_of_dns() => report.map(problems).unwrap_or_default(),
        FindingKind::Missing => {
            vec![format!("it is claimed by {}, and there is no NS record set", of_claims())]
        }
        FindingKind::Drifted => vec![format!("it is not what its claims name, by {}", of_claims())],
        FindingKind::DeadClaim => {
            let stacks = facts.stacks.unwrap_or_default();
            vec![format!(
                "no stack that exists has the claim of {}",
                owners(&mut entry.dead_claims(stacks))
            )]
        }
        FindingKind::Unsettled => {
            vec![match entry.ownership.before().and_then(|before| before.displaced.as_ref()) {
                Some(displaced) => format!("it displaced {}", displaced.name_servers),
                None => format!("it was there before {} claimed it", of_claims()),
            }]
        }
        FindingKind::Hidden => {
            let above =
                entry.delegation.as_ref().and_then(|delegation| delegation.hidden_by.as_ref());
            above.map(|above| format!("{above} is delegated above it")).into_iter().collect()
        }
        FindingKind::Leftover => {
            vec!["it tells what was there before a delegation that is gone".to_owned()]
        }
        FindingKind::ExpiredTombstone => {
            let expired =
                entry.ownership.iter().filter(|value| matches!(value, Value::Tombstone(_)));
            vec![format!(
                "marks of cancelled Creates that have expired: {}",
                expired.filter(|value| is_expired(value, facts.now)).count()
            )]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
