//! The planner: what to change in the parent zone, or why nothing, or a refusal. Pure: no I/O, no clock, no logging.
//!
//! [`present`] serves Create and Update, [`absent`] serves Delete. Their tables stand in `docs/design.md`, and the tests
//! read like them.

mod absent;
mod occlusion;
mod present;
mod refusal;
mod secure;
mod warning;

use std::collections::BTreeSet;
use std::fmt;

use crate::ds::DsRecords;
use crate::name::Name;
use crate::name_servers::NameServers;
use crate::ownership::{Claimant, Claims};
use crate::record_set::{Change, RecordSet};
use crate::ttl::Ttl;

pub use absent::absent;
pub use occlusion::occluded;
pub use present::present;
pub use refusal::Refusal;
pub use secure::{DsRefusal, WantedDs};
pub use warning::{Warning, WarningCode};

/// What a Create or Update wants at a place.
#[derive(Clone, Debug)]
pub struct Goal {
    /// The child's name: the zone cut.
    pub name: Name,
    /// The wanted name servers; `None` keeps those that are there (an Update whose child zone can't be read).
    pub name_servers: Option<NameServers>,
    /// What a check of the child zone found wrong, for an Update that does not ask to change it.
    pub objection: Option<String>,
    /// The wanted TTL of the NS record set.
    pub ttl: Ttl,
    /// The wanted DS record set.
    pub ds: WantedDs,
    /// The wanted TTL of the DS record set.
    pub ds_ttl: Ttl,
    /// Replace, or take full ownership of, a delegation that somebody else made.
    pub allow_overwrite: bool,
    /// Delegate although that hides record sets of the parent zone which the child zone lacks.
    pub allow_occlusion: bool,
    /// Whether this function may start to manage the name (`DELEGATION_ALLOWED_NAMES`).
    pub allowed: bool,
    /// Who asks.
    pub claimant: Claimant,
    /// When the request was made, in seconds since 1970.
    pub at: i64,
    /// How the request came to this place.
    pub arrival: Arrival,
}

/// How a request came to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// By a Create.
    Create,
    /// By an Update whose physical id is another place.
    Replacement,
    /// By an Update whose physical id is this place.
    InPlace,
}

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
    /// The NS record sets between the zone cut and the apex of the parent zone, the topmost last.
    pub above: Vec<RecordSet>,
    /// The wildcard that answers for the zone cut while nothing stands there.
    pub wildcard: Option<Name>,
    /// Which record sets at and below the zone cut the child zone answers for as well, by name and type.
    pub covered: BTreeSet<(Name, String)>,
}

impl Observation {
    /// The record set of a type at the cut.
    pub fn at_cut(&self, rtype: &str) -> Option<&RecordSet> {
        self.at_cut.iter().find(|set| set.rtype == rtype)
    }

    /// The values of the ownership record; none if it is an alias or has a routing policy, for then we did not write it.
    pub fn claims(&self) -> Claims {
        let simple = self.ownership.as_ref().filter(|set| !set.special);
        simple.map(|set| Claims::read(&set.values)).unwrap_or_default()
    }
}

/// `Fn::GetAtt Action`: what a request did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "UPPERCASE")]
pub enum Action {
    /// The delegation was made.
    Created,
    /// The delegation was changed.
    Updated,
    /// A delegation that stood as wanted was adopted.
    Adopted,
    /// Everything stood as wanted.
    Unchanged,
    /// A delegation of a sibling resource is shared.
    Shared,
    /// A Delete removed the delegation; for metrics alone.
    Removed,
    /// A Delete removed the claim and no delegation; for metrics alone.
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
    /// Send these changes as one batch, or nothing if there are none.
    Proceed(Plan),
    /// Change nothing and fail.
    Refuse(Refusal),
    /// Change nothing: our own claim was written by a later request.
    Overtaken,
}

/// One atomic batch and what to say about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The batch; empty if nothing is to change.
    pub changes: Vec<Change>,
    /// What it does.
    pub action: Option<Action>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// True if the batch writes nothing but claims of a resource that stands: a denial is a warning then.
    pub only_refreshes: bool,
    /// True if a delegation stays because its name servers are not those that our claim names.
    pub left_changed: bool,
}

impl Plan {
    /// True for the plan of a Delete.
    pub fn removes(&self) -> bool {
        matches!(self.action, Some(Action::Removed | Action::Left))
    }

    /// True if the name servers or the DS records of the zone cut `name` become others. A TTL alone does not count, nor that the DS
    /// record set goes: nothing must hinder that.
    pub fn redelegates(&self, seen: &Observation, name: &Name) -> bool {
        let servers = |set: Option<&RecordSet>| set.and_then(|set| NameServers::found(&set.values));
        let ds = |set: Option<&RecordSet>| set.and_then(|set| DsRecords::found(&set.values));
        servers(self.leaves(seen, name, "NS")) != servers(seen.at_cut("NS"))
            || ds(self.leaves(seen, name, "DS")).is_some_and(|left| Some(left) != ds(seen.at_cut("DS")))
    }

    /// The record set of a type at the zone cut once the plan is carried out.
    pub fn leaves<'a>(&'a self, seen: &'a Observation, name: &Name, rtype: &str) -> Option<&'a RecordSet> {
        let of_type = |change: &&Change| change.record_set().name == *name && change.record_set().rtype == rtype;
        match self.changes.iter().rfind(of_type) {
            Some(Change::Create(set)) => Some(set),
            Some(Change::Delete(_)) => None,
            None => seen.at_cut(rtype),
        }
    }
}

impl fmt::Display for Plan {
    /// A readable diff, one change a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.iter().try_for_each(|change| writeln!(f, "{change}"))
    }
}

/// What a Delete knows.
#[derive(Clone, Debug)]
pub struct Farewell {
    /// The child's name: the zone cut.
    pub name: Name,
    /// Who asks.
    pub claimant: Claimant,
    /// When the request was made, in seconds since 1970.
    pub at: i64,
    /// The name servers of the child zone and those of `NameServers`, as far as they are known.
    pub known: Option<NameServers>,
}

fn changes_of_ownership(before: Option<&RecordSet>, name: &Name, after: &Claims) -> Vec<Change> {
    let values = after.values();
    let mut changes = Vec::new();
    match before {
        Some(set) if set.special || set.values == values => {}
        Some(set) => {
            changes.push(Change::Delete(set.clone()));
            if !values.is_empty() {
                changes.push(Change::Create(RecordSet { values, ..set.clone() }));
            }
        }
        None if values.is_empty() => {}
        None => changes.push(Change::Create(RecordSet::new(name.clone(), "TXT", Ttl::OWNERSHIP, values))),
    }
    changes
}

#[cfg(test)]
mod tests;
