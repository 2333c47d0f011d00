//! The changes that would fix a finding: a batch for people to send. Nothing here sends it.

use dns_check::Report;

use delegation_model::name::Name;
use delegation_model::ownership_record::{OwnershipRecord, Value};
use delegation_model::reconcile::{Observation, plan_release};
use delegation_model::record_set::{Change, RecordSet, RecordType};

use super::entry::{Delegation, Entry};
use super::examined::Facts;
use super::finding::FindingKind;

/// The value of an NS record that says that there is no name server.
const ROOT: &str = ".";

/// The changes that would fix a finding. Empty if no change of the parent zone alone can. Like
/// every batch of this project, it deletes record sets exactly as they were read, and creates only
/// record sets that must not exist: Route 53 rejects it if the zone has changed since.
pub fn fix(
    entry: &Entry,
    kind: FindingKind,
    report: Option<&Report>,
    facts: &Facts<'_>,
) -> Vec<Change> {
    match (kind, &entry.delegation) {
        (FindingKind::Takeover | FindingKind::Dangling | FindingKind::Lame, Some(delegation)) => {
            report.map(|report| without_bad_servers(delegation, report)).unwrap_or_default()
        }
        (FindingKind::Hidden, Some(delegation)) => removal(delegation),
        (FindingKind::Bogus, Some(delegation)) => {
            // As long as one name server may be secure, others are what is wrong: anybody who
            // operates one of them could have the DS record set removed.
            let none_is_secure = report.is_some_and(|report| !report.may_have_secure_server());
            let sets = delegation.ds.iter().filter(|set| none_is_secure && set.is_simple);
            sets.cloned().map(Change::Delete).collect()
        }
        (FindingKind::DeadClaim, _) => without_dead_claims(entry, facts),
        (FindingKind::Leftover, _) => {
            without_values(entry, |value| matches!(value, Value::Origin(_)))
        }
        (FindingKind::ExpiredTombstone, _) => {
            without_values(entry, |value| is_expired(value, facts.now))
        }
        _ => Vec::new(),
    }
}

/// True for a tombstone of a cancelled Create that no longer has any effect.
pub(crate) fn is_expired(value: &Value, now: i64) -> bool {
    matches!(value, Value::Tombstone(stone) if stone.is_over(now))
}

fn removal(delegation: &Delegation) -> Vec<Change> {
    let sets = [Some(&delegation.ns), delegation.ds.as_ref()].into_iter().flatten();
    sets.filter(|set| set.is_simple).cloned().map(Change::Delete).collect()
}

/// Removes the name servers that are known not to have the zone, and with the last one the whole
/// delegation. Others stay: those that serve it at one address, those that are silent or fail,
/// which anybody may cause, and those that could not be queried, or were not, because there are too
/// many.
fn without_bad_servers(delegation: &Delegation, report: &Report) -> Vec<Change> {
    let bad = |value: &&String| {
        let Ok(name) = value.parse::<Name>() else { return *value == ROOT };
        report.servers().iter().any(|server| server.name == name && !server.may_serve)
    };
    let kept: Vec<String> =
        delegation.ns.values.iter().filter(|value| !bad(value)).cloned().collect();
    if kept.is_empty() {
        return removal(delegation);
    }
    let after = RecordSet { values: kept, ..delegation.ns.clone() };
    change(Some(&delegation.ns), Some(&after))
}

fn without_dead_claims(entry: &Entry, facts: &Facts<'_>) -> Vec<Change> {
    let (Some(name), Some(stacks)) = (&entry.name, facts.stacks) else { return Vec::new() };
    let mut observed = entry.observed();
    let before = observed.clone();
    for claim in entry.dead_claims(stacks) {
        let plan = plan_release(name, claim, None, facts.now, &observed);
        let at_cut = |record_type: &RecordType| plan.leaves(&observed, name, record_type).cloned();
        let at_cut = [RecordType::Ns, RecordType::Ds].iter().filter_map(at_cut).collect();
        let record = observed.ownership.as_ref();
        let ownership =
            record.and_then(|set| plan.leaves_of(record, &set.name, &RecordType::Txt)).cloned();
        observed = Observation { at_cut, ownership, ..observed.clone() };
    }
    let sets = |observed: &Observation| {
        [
            observed.at_cut(&RecordType::Ns).cloned(),
            observed.at_cut(&RecordType::Ds).cloned(),
            observed.ownership.clone(),
        ]
    };
    sets(&before)
        .iter()
        .zip(&sets(&observed))
        .flat_map(|(before, after)| change(before.as_ref(), after.as_ref()))
        .collect()
}

/// Removes some of the values of the ownership record.
fn without_values(entry: &Entry, goes: impl Fn(&Value) -> bool) -> Vec<Change> {
    let Some(record) = &entry.record else { return Vec::new() };
    let kept = entry.ownership.iter().zip(&record.values).filter(|(value, _)| !goes(value));
    let after =
        RecordSet { values: kept.map(|(_, listed)| listed.clone()).collect(), ..record.clone() };
    change(Some(record), (!after.values.is_empty()).then_some(&after))
}

/// The changes from one state of a record set to another.
fn change(before: Option<&RecordSet>, after: Option<&RecordSet>) -> Vec<Change> {
    if before == after || [before, after].into_iter().flatten().any(|set| !set.is_simple) {
        return Vec::new();
    }
    let (delete, create) =
        (before.cloned().map(Change::Delete), after.cloned().map(Change::Create));
    delete.into_iter().chain(create).collect()
}

impl Entry {
    /// The entry as an observation for the planner.
    fn observed(&self) -> Observation {
        let delegation = self.delegation.as_ref();
        let sets = delegation
            .into_iter()
            .flat_map(|delegation| [Some(&delegation.ns), delegation.ds.as_ref()]);
        let at_cut = sets.flatten().cloned().collect();
        Observation { at_cut, ownership: self.record.clone(), ..Observation::default() }
    }
}

// The values of an ownership record keep the order in which they are listed.
const _: fn(&OwnershipRecord) -> Vec<String> = OwnershipRecord::values;
