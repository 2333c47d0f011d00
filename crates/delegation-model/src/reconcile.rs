//! The planner: decides what one request changes at a delegation point, or why it changes nothing.
//! It is pure: no I/O, no clock.
//!
//! [`plan_create_update`] plans a Create or an Update. [`plan_delete`] plans a Delete and every
//! other removal of a claim. Both compare what is desired with what was observed and return one
//! atomic batch. `docs/design.md` has their rules: the ids in comments, such as `ARRIVE-2`, are its
//! headings.

mod create_update;
mod delete;
mod ds;
mod goal;
mod holders;
mod occlusion;
mod overtaken;
mod refusal;
mod release;
mod warning;

use std::collections::BTreeSet;
use std::fmt;

use crate::ds::DsRecords;
use crate::name::Name;
use crate::name_servers::NameServers;
use crate::ownership_record::OwnershipRecord;
use crate::record_set::{Change, RecordSet, RecordType};
use crate::ttl::Ttl;

pub use create_update::plan_create_update;
pub use delete::plan_delete;
pub use ds::DsRefusal;
pub use goal::{DeleteGoal, DeleteReason, DesiredDs, FailedCheck, Goal, UpdateBehavior};
pub use holders::Holders;
pub use occlusion::occluded;
pub use overtaken::Overtaken;
pub use refusal::{Comparison, Refusal};
pub use release::plan_release;
pub use warning::Warning;

/// A day in seconds: how long a Delete or an Update is treated as the rollback of an earlier
/// request (LEAVE-5, UPDATE-5). The times are those of the requests, not of a clock.
const DAY: i64 = 86_400;

/// What Route 53 accepts in one batch (Developer Guide, "Quotas"): the characters of all values,
/// of one value, the values, and the values of one record set.
const MOST_CHARACTERS: usize = 32_000;
const MOST_CHARACTERS_OF_A_VALUE: usize = 4_000;
const MOST_VALUES: usize = 1_000;
const MOST_VALUES_OF_A_SET: usize = 400;

/// Everything that was read in the parent zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// The record sets at the zone cut, of every type.
    pub at_cut: Vec<RecordSet>,
    /// The record sets below the zone cut, at most one page of a listing.
    pub below: Vec<RecordSet>,
    /// True if there are more below the zone cut than that page has.
    pub more_below: bool,
    pub ownership: Option<RecordSet>,
    /// The apex of the parent zone, if it was read.
    pub apex: Option<Name>,
    /// The name servers of the apex, if they were read.
    pub apex_name_servers: Option<NameServers>,
    /// The NS record sets between the zone cut and the apex of the parent zone. The topmost is
    /// last.
    pub above: Vec<RecordSet>,
    /// The wildcard that covers the zone cut as long as no record set exists there.
    pub wildcard: Option<Name>,
    /// The name and type of the record sets at and below the zone cut for which the child zone
    /// answers as well.
    pub covered: BTreeSet<(Name, RecordType)>,
}

impl Observation {
    /// Returns the record set of a type at the cut.
    pub fn at_cut(&self, record_type: &RecordType) -> Option<&RecordSet> {
        self.at_cut.iter().find(|set| set.record_type == *record_type)
    }

    /// Returns the current name servers; `None` if no NS record set exists, or if it is not a
    /// simple record set of names.
    pub fn name_servers(&self) -> Option<NameServers> {
        let set = self.at_cut(&RecordType::Ns).filter(|set| set.is_simple)?;
        NameServers::from_values(&set.values)
    }

    /// Returns the current DS records; `None` if no DS record set exists, or if it is not a simple
    /// record set of DS records.
    pub fn ds(&self) -> Option<DsRecords> {
        let set = self.at_cut(&RecordType::Ds).filter(|set| set.is_simple)?;
        DsRecords::from_values(&set.values)
    }

    /// Returns whether all record sets at and below the cut were read.
    pub(crate) fn comparison(&self) -> Comparison {
        if self.more_below { Comparison::OfFirstPage } else { Comparison::Complete }
    }

    /// Returns the parsed ownership record. It is empty if the record set is an alias, or has a
    /// routing policy or a health check, because this program did not write such a record.
    pub fn record(&self) -> OwnershipRecord {
        let plain = self.ownership.as_ref().filter(|set| set.is_simple);
        plain.map(|set| OwnershipRecord::parse(&set.values)).unwrap_or_default()
    }
}

/// What a request did: the attribute `Action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    Created,
    Updated,
    /// A claim was added to a delegation that was as desired and that nobody claimed.
    Adopted,
    /// Everything was as desired.
    Unchanged,
    /// A claim was added to a delegation that was as desired and that others claim.
    Shared,
    /// A Delete removed the delegation. Only used in metrics.
    Removed,
    /// A Delete restored displaced name servers. Only used in metrics.
    PutBack,
    /// A Delete removed the claim and left the name servers. Only used in metrics.
    Left,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Send these changes as one batch, if there are any, and succeed.
    Proceed(ReconciliationPlan),
    /// Change nothing and fail.
    Refuse(Refusal),
    /// Change nothing, because the request is overtaken. A Create or an Update fails, and a Delete
    /// succeeds.
    Overtaken(Overtaken),
}

/// One atomic batch and what to report about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReconciliationPlan {
    /// The batch; empty if nothing changes.
    pub changes: Vec<Change>,
    /// What it does.
    pub action: Option<Action>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// True if the batch only refreshes the claim of an existing resource. If Route 53 denies it,
    /// that is only a warning, and the request need not wait for it.
    pub only_refreshes: bool,
    /// True if the claim of the same request was found: an earlier delivery, or an earlier attempt
    /// of this one, did the work. Then nothing is written except the mark that it was found, and
    /// nothing is undone.
    pub finds_own_request: bool,
    /// True if a Delete leaves name servers because the claim names others. If they are those of
    /// the child zone, they are removed, so the child zone must be read and the Delete planned
    /// again.
    pub needs_known_name_servers: bool,
}

impl ReconciliationPlan {
    /// Returns true for the plan of a Delete that changes something.
    pub fn removes(&self) -> bool {
        matches!(self.action, Some(Action::Removed | Action::PutBack | Action::Left))
    }

    /// Returns true if a Delete restores displaced name servers. If Route 53 rejects them, the
    /// Delete is planned again with [`DeleteGoal::restore_rejected`].
    pub fn restores(&self) -> bool {
        self.action == Some(Action::PutBack)
    }

    /// Returns true if the plan changes the name servers or the DS records of the zone cut `name`.
    /// A change of a TTL alone does not count, nor does the removal of the DS record set, which
    /// nothing must prevent.
    pub fn redelegates(&self, observed: &Observation, name: &Name) -> bool {
        let servers =
            |set: Option<&RecordSet>| set.and_then(|set| NameServers::from_values(&set.values));
        let ds = |set: Option<&RecordSet>| set.and_then(|set| DsRecords::from_values(&set.values));
        servers(self.leaves(observed, name, &RecordType::Ns))
            != servers(observed.at_cut(&RecordType::Ns))
            || ds(self.leaves(observed, name, &RecordType::Ds))
                .is_some_and(|left| Some(left) != ds(observed.at_cut(&RecordType::Ds)))
    }

    /// Returns the record set of a type at the zone cut after the plan is applied.
    pub fn leaves<'a>(
        &'a self,
        observed: &'a Observation,
        name: &Name,
        record_type: &RecordType,
    ) -> Option<&'a RecordSet> {
        self.leaves_of(observed.at_cut(record_type), name, record_type)
    }

    /// Returns the record set of a name and type after the plan is applied. `before` is the one
    /// that exists now.
    pub fn leaves_of<'a>(
        &'a self,
        before: Option<&'a RecordSet>,
        name: &Name,
        record_type: &RecordType,
    ) -> Option<&'a RecordSet> {
        let of_type = |change: &&Change| {
            let set = change.record_set();
            set.name == *name && set.record_type == *record_type
        };
        match self.changes.iter().rfind(of_type) {
            Some(Change::Create(set)) => Some(set),
            Some(Change::Delete(_)) => None,
            None => before,
        }
    }
}

impl fmt::Display for ReconciliationPlan {
    /// Formats the plan as a diff with one change per line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.iter().try_for_each(|change| writeln!(f, "{change}"))
    }
}

/// True if Route 53 accepts a batch of this size. A batch that replaces the ownership record has
/// its values twice, and others may be able to fill it (LEAVE-11).
fn fits(changes: &[Change]) -> bool {
    let sets = || changes.iter().map(Change::record_set);
    let characters =
        |set: &RecordSet| set.values.iter().map(|value| value.chars().count()).sum::<usize>();
    sets().map(characters).sum::<usize>() <= MOST_CHARACTERS
        && sets()
            .flat_map(|set| &set.values)
            .all(|value| value.chars().count() <= MOST_CHARACTERS_OF_A_VALUE)
        && sets().map(|set| set.values.len()).sum::<usize>() <= MOST_VALUES
        && sets().all(|set| set.values.len() <= MOST_VALUES_OF_A_SET)
}

/// Returns the changes that give the ownership record these values. An existing record set is
/// deleted exactly as it was listed.
fn changes_of_record(
    listed: Option<&RecordSet>,
    name: &Name,
    after: &OwnershipRecord,
) -> Vec<Change> {
    let values = after.values();
    match listed {
        Some(set) if !set.is_simple || set.values == values => Vec::new(),
        Some(set) => {
            let delete = Change::Delete(set.clone());
            let create =
                (!values.is_empty()).then(|| Change::Create(RecordSet { values, ..set.clone() }));
            [Some(delete), create].into_iter().flatten().collect()
        }
        None if values.is_empty() => Vec::new(),
        None => vec![Change::Create(RecordSet::new(
            name.clone(),
            RecordType::Txt,
            Ttl::OWNERSHIP,
            values,
        ))],
    }
}

#[cfg(test)]
mod tests;
