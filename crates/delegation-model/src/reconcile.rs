//! The planner: what one request changes at a delegation point, or why nothing. Pure: no I/O, no
//! clock.
//!
//! [`plan_create_update`] serves Create and Update, [`plan_delete`] serves Delete and everything
//! else that takes a claim away. Both compare what is desired with what was observed and return one
//! atomic batch. `docs/design.md` has their rules; the ids here (`ARRIVE-2`) are its headings.

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
use crate::record_set::{Change, RecordSet};
use crate::ttl::Ttl;

pub use create_update::plan_create_update;
pub use delete::plan_delete;
pub use ds::DsRefusal;
pub use goal::{DeleteGoal, DeleteReason, DesiredDs, FailedCheck, Goal, UpdateBehavior};
pub use holders::Holders;
pub use occlusion::occluded;
pub use overtaken::Overtaken;
pub use refusal::Refusal;
pub use release::plan_release;
pub use warning::Warning;

/// A day in seconds: how long a deletion is taken for a rollback, and an Update for the way back of
/// another (LEAVE-5, UPDATE-5). Requests tell their times themselves, so no clock has a say.
const DAY: i64 = 86_400;

/// What was read in the parent zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// The record sets at the zone cut, of every type.
    pub at_cut: Vec<RecordSet>,
    /// Record sets below the zone cut, as many as one page of a listing holds.
    pub below: Vec<RecordSet>,
    /// True if there are more below the zone cut than that page holds.
    pub more_below: bool,
    /// The ownership record.
    pub ownership: Option<RecordSet>,
    /// The apex of the parent zone, where it was read.
    pub apex: Option<Name>,
    /// The name servers of the apex, where they were read.
    pub apex_name_servers: Option<NameServers>,
    /// The NS record sets between the zone cut and the apex of the parent zone, the topmost last.
    pub above: Vec<RecordSet>,
    /// The wildcard that answers for the zone cut while nothing stands there.
    pub wildcard: Option<Name>,
    /// Which record sets at and below the zone cut the child zone answers for as well, by name and
    /// type.
    pub covered: BTreeSet<(Name, String)>,
}

impl Observation {
    /// The record set of a type at the cut.
    pub fn at_cut(&self, rtype: &str) -> Option<&RecordSet> {
        self.at_cut.iter().find(|set| set.rtype == rtype)
    }

    /// The name servers that stand; `None` if there are none, or none that a plain NS record set
    /// holds.
    pub fn name_servers(&self) -> Option<NameServers> {
        let set = self.at_cut("NS").filter(|set| !set.special)?;
        NameServers::from_values(&set.values)
    }

    /// The DS records that stand; `None` if there are none, or none that a plain DS record set
    /// holds.
    pub fn ds(&self) -> Option<DsRecords> {
        let set = self.at_cut("DS").filter(|set| !set.special)?;
        DsRecords::from_values(&set.values)
    }

    /// What the ownership record says; nothing if it is an alias or has a routing policy, for then
    /// this program did not write it.
    pub fn record(&self) -> OwnershipRecord {
        let plain = self.ownership.as_ref().filter(|set| !set.special);
        plain.map(|set| OwnershipRecord::parse(&set.values)).unwrap_or_default()
    }
}

/// `Fn::GetAtt Action`: what a request did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    /// The delegation was made.
    Created,
    /// The delegation was changed.
    Updated,
    /// A delegation that nobody claimed, and that stood as wanted, got a claim.
    Adopted,
    /// Everything stood as wanted.
    Unchanged,
    /// A delegation that others claim, and that stood as wanted, got one more claim.
    Shared,
    /// A Delete removed the delegation; for metrics alone.
    Removed,
    /// A Delete put back the name servers that a take-over had displaced; for metrics alone.
    PutBack,
    /// A Delete removed the claim and no name servers; for metrics alone.
    Left,
}

impl Action {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Send these changes as one batch, or nothing if there are none, and succeed.
    Proceed(ReconciliationPlan),
    /// Change nothing and fail.
    Refuse(Refusal),
    /// Change nothing: a later request of the same resource was here. A Create or an Update fails,
    /// and a Delete succeeds.
    Overtaken(Overtaken),
}

/// One atomic batch and what to say about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReconciliationPlan {
    /// The batch; empty if nothing is to change.
    pub changes: Vec<Change>,
    /// What it does.
    pub action: Option<Action>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// True if the batch writes nothing but the record of a resource that stands: if Route 53
    /// denies it, that is a warning. It need not be waited for either.
    pub only_refreshes: bool,
    /// True if the claim of this very request was found: an earlier delivery, or an earlier round
    /// of this one, did what there was to do. Nothing is written then but the mark that it was
    /// found, and nothing taken back.
    pub finds_own_request: bool,
    /// True if a Delete leaves name servers because they are not those that our claim names: those
    /// of the child zone would be removed, so it pays to read them and to plan again.
    pub needs_known_name_servers: bool,
}

impl ReconciliationPlan {
    /// True for the plan of a Delete that does something.
    pub fn removes(&self) -> bool {
        matches!(self.action, Some(Action::Removed | Action::PutBack | Action::Left))
    }

    /// True if a Delete puts displaced name servers back. If Route 53 rejects that, it is planned
    /// again with [`DeleteGoal::restore_rejected`].
    pub fn restores(&self) -> bool {
        self.action == Some(Action::PutBack)
    }

    /// True if the name servers or the DS records of the zone cut `name` become others. A TTL alone
    /// does not count, nor that the DS record set goes: nothing must hinder that.
    pub fn redelegates(&self, observed: &Observation, name: &Name) -> bool {
        let servers =
            |set: Option<&RecordSet>| set.and_then(|set| NameServers::from_values(&set.values));
        let ds = |set: Option<&RecordSet>| set.and_then(|set| DsRecords::from_values(&set.values));
        servers(self.leaves(observed, name, "NS")) != servers(observed.at_cut("NS"))
            || ds(self.leaves(observed, name, "DS"))
                .is_some_and(|left| Some(left) != ds(observed.at_cut("DS")))
    }

    /// The record set of a type at the zone cut once the plan is carried out.
    pub fn leaves<'a>(
        &'a self,
        observed: &'a Observation,
        name: &Name,
        rtype: &str,
    ) -> Option<&'a RecordSet> {
        self.leaves_of(observed.at_cut(rtype), name, rtype)
    }

    /// The record set of a name and type once the plan is carried out, from what was there before.
    pub fn leaves_of<'a>(
        &'a self,
        before: Option<&'a RecordSet>,
        name: &Name,
        rtype: &str,
    ) -> Option<&'a RecordSet> {
        let of_type = |change: &&Change| {
            let set = change.record_set();
            set.name == *name && set.rtype == rtype
        };
        match self.changes.iter().rfind(of_type) {
            Some(Change::Create(set)) => Some(set),
            Some(Change::Delete(_)) => None,
            None => before,
        }
    }
}

impl fmt::Display for ReconciliationPlan {
    /// A readable diff, one change a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.iter().try_for_each(|change| writeln!(f, "{change}"))
    }
}

/// The changes that bring the ownership record to these values. A record that is deleted is deleted
/// exactly as it was listed.
fn changes_of_record(
    listed: Option<&RecordSet>,
    name: &Name,
    after: &OwnershipRecord,
) -> Vec<Change> {
    let values = after.values();
    match listed {
        Some(set) if set.special || set.values == values => Vec::new(),
        Some(set) => {
            let delete = Change::Delete(set.clone());
            let create =
                (!values.is_empty()).then(|| Change::Create(RecordSet { values, ..set.clone() }));
            [Some(delete), create].into_iter().flatten().collect()
        }
        None if values.is_empty() => Vec::new(),
        None => vec![Change::Create(RecordSet::new(name.clone(), "TXT", Ttl::OWNERSHIP, values))],
    }
}

#[cfg(test)]
mod tests;
