//! Plans the DS record set of a Create or Update.

mod refusal;

use super::Observation;
use super::goal::{DesiredDs, Goal};
use super::holders::Holders;
use super::refusal::Refusal;
use super::warning::Warning;
use crate::digest::Digest;
use crate::ds::DsRecords;
use crate::ownership_record::{Claim, OwnershipRecord};
use crate::record_set::{Change, RecordSet, RecordType};
use crate::rollover;
use crate::ttl::Ttl;

pub use refusal::DsRefusal;

/// What the same batch does with the name servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NsChange {
    /// An arrival finds the desired name servers. Neither they nor the DS record set change.
    Arrival,
    Unchanged,
    /// They are created, and no resolver can have others.
    Created,
    /// Those that the resource's claim names are restored.
    Restored,
    /// They change, or resolvers may still have others.
    Changed,
}

/// The name servers after the batch, as far as the DS record set depends on them.
#[derive(Clone, Copy, Debug)]
pub(super) struct NsPlan {
    pub(super) change: NsChange,
    /// The digest of the desired name servers.
    pub(super) desired: Digest,
}

/// What happens to the DS record set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DsStep {
    Unchanged,
    Added,
    /// It is as desired, except for its TTL.
    TtlChanged,
    Replaced,
    Removed,
    /// It would be added or replaced, but resolvers may still have other name servers.
    Deferred,
    /// It would be replaced, but another claim manages it.
    ManagedByOthers,
    /// It would be replaced, but no claim manages it, so somebody made it by hand.
    NotOurs,
    /// It would be added or replaced, but the desired records are not known.
    Unknown,
}

/// The current DS record set, compared with the desired one.
pub(super) struct DsPlan<'a> {
    goal: &'a Goal,
    set: Option<&'a RecordSet>,
    current: Option<DsRecords>,
    digest: Option<Digest>,
    own: Option<&'a Claim>,
    /// The other resources whose claims manage the current DS record set.
    managers: Holders,
    /// True if a claim names both the desired name servers and the current DS record set.
    fits: bool,
    ns: NsChange,
    /// The digest of the desired name servers.
    desired_ns: Digest,
    step: DsStep,
}

impl<'a> DsPlan<'a> {
    /// Compares the current DS record set with the desired one.
    pub(super) fn new(
        goal: &'a Goal,
        observed: &'a Observation,
        record: &OwnershipRecord,
        own: Option<&'a Claim>,
        ns: NsPlan,
    ) -> Self {
        let set = observed.at_cut(&RecordType::Ds);
        let current = observed.ds();
        let digest = current.as_ref().map(Digest::from_ds);
        let names = |claim: &&Claim| digest.is_some() && claim.ds == digest;
        // An unreadable value counts as a holder, so it may manage the DS record set (OWN-7).
        let managing = || Holders::new(record.others(&goal.claimant).filter(names), record);
        let managers = set.map(|_| managing()).unwrap_or_default();
        let own_names = own.as_ref().is_some_and(names);
        let others_name = !managers.is_nobody();
        let NsPlan { change: ns, desired } = ns;
        let held = record.hold(desired, goal.stamp.time, goal.now).is_some();
        let step = match &goal.ds {
            // An arrival leaves a DS record set that a claim names. An Update that asks for
            // something new may have misspelled a key, which must not look like a rollover.
            DesiredDs::Unknown { .. } if goal.is_arrival() && !own_names && !others_name => {
                DsStep::Unknown
            }
            DesiredDs::Unknown { .. } if !goal.is_arrival() && goal.asks_for_new(own) => {
                DsStep::Unknown
            }
            _ if ns == NsChange::Arrival => DsStep::Unchanged,
            DesiredDs::Off if own_names && !others_name => DsStep::Removed,
            DesiredDs::Off | DesiredDs::Unknown { .. } => DsStep::Unchanged,
            DesiredDs::Records(desired) if current.as_ref() == Some(desired) => {
                let differs = set.is_some_and(|set| set.ttl != Some(goal.ds_ttl));
                let may = !others_name || goal.changes_ds_ttl;
                if differs && may { DsStep::TtlChanged } else { DsStep::Unchanged }
            }
            DesiredDs::Records(_) if ns == NsChange::Restored || held => DsStep::Deferred,
            // The rollback must restore the name servers. The current ones are those of a child
            // zone that the same rollback deletes.
            DesiredDs::Records(_)
                if ns == NsChange::Changed
                    && set.is_none()
                    && observed.at_cut(&RecordType::Ns).is_some()
                    && own.is_some_and(|own| goal.is_rollback(own)) =>
            {
                DsStep::Deferred
            }
            DesiredDs::Records(_) if set.is_none() => DsStep::Added,
            DesiredDs::Records(_) if others_name => DsStep::ManagedByOthers,
            DesiredDs::Records(_)
                if goal.allow_overwrite || own.is_some_and(|own| own.ds.is_some()) =>
            {
                DsStep::Replaced
            }
            DesiredDs::Records(_) => DsStep::NotOurs,
        };
        let fits = record.claims().any(|claim| names(&claim) && claim.ns == desired);
        Self { goal, set, current, digest, own, managers, fits, ns, desired_ns: desired, step }
    }

    /// Returns true if the DS record set changes, even if only in its TTL.
    pub(super) fn changes(&self) -> bool {
        matches!(self.step, DsStep::Added | DsStep::TtlChanged | DsStep::Replaced | DsStep::Removed)
    }

    /// Returns true if the DS record set gets another TTL, and nothing else.
    pub(super) fn changes_ttl(&self) -> bool {
        self.step == DsStep::TtlChanged
    }

    /// Returns true if the DS records change, or would change if that were not refused.
    pub(super) fn changes_records(&self) -> bool {
        match self.step {
            DsStep::Unchanged | DsStep::TtlChanged | DsStep::Deferred => false,
            DsStep::Added
            | DsStep::Replaced
            | DsStep::Removed
            | DsStep::ManagedByOthers
            | DsStep::NotOurs
            | DsStep::Unknown => true,
        }
    }

    /// Returns true if the records are not written because resolvers may have other name servers.
    pub(super) fn is_deferred(&self) -> bool {
        self.step == DsStep::Deferred
    }

    /// Returns the digest of the records that the batch writes, if they differ from the current
    /// ones.
    pub(super) fn writes(&self) -> Option<Digest> {
        match self.step {
            DsStep::Added | DsStep::Replaced => self.desired().map(Digest::from_ds),
            _ => None,
        }
    }

    /// Returns an error if the DS record set prevents the plan.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        match self.refusal() {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    fn refusal(&self) -> Option<Refusal> {
        let refuse = |why| Some(Refusal::Ds { name: self.goal.name.clone(), why });
        if let (DsStep::Unknown, DesiredDs::Unknown { why }) = (self.step, &self.goal.ds) {
            return refuse(DsRefusal::Unknown { why: why.clone() });
        }
        if let Some(set) = self.set.filter(|set| !set.is_simple && self.changes_records()) {
            return Some(Refusal::RoutingPolicy {
                name: set.name.clone(),
                record_type: set.record_type.clone(),
            });
        }
        let own_names = self.digest.is_some() && self.own.is_some_and(|own| own.ds == self.digest);
        if self.ns == NsChange::Changed {
            return match self.set {
                None if self.step == DsStep::Added => refuse(DsRefusal::WithNameServers),
                None => None,
                Some(set) if own_names => refuse(DsRefusal::Exists { ttl: set.ttl }),
                Some(_) => refuse(DsRefusal::OfOthers { owners: self.managers.clone() }),
            };
        }
        // A DS record set that another claim names belongs to the name servers of that claim
        // (DS-5).
        if self.ns == NsChange::Restored && !self.managers.is_nobody() && !self.fits {
            return refuse(DsRefusal::OfOthers { owners: self.managers.clone() });
        }
        let (current, desired) = (self.current_text(), self.desired_text());
        match self.step {
            DsStep::ManagedByOthers => {
                let owners = self.managers.clone();
                refuse(DsRefusal::ClaimedByOthers { current, desired, owners })
            }
            DsStep::NotOurs => refuse(DsRefusal::NotOurs { current, desired }),
            DsStep::Added | DsStep::Replaced if !self.is_safe() => {
                let Goal { keys_since, now, .. } = self.goal;
                let left =
                    rollover::wait(self.current.as_ref(), self.desired()?, *keys_since, *now)?;
                refuse(DsRefusal::KeyTooYoung { desired, left })
            }
            // A new delegation under it would be bogus from the first second.
            DsStep::Deferred | DsStep::Unchanged
                if self.ns == NsChange::Created
                    && self.set.is_some()
                    && !self.fits
                    && (self.current.is_none() || self.current.as_ref() != self.desired()) =>
            {
                refuse(DsRefusal::OfOthers { owners: self.managers.clone() })
            }
            _ => None,
        }
    }

    /// Returns true if no resolver can have anything that does not match the desired DS records:
    /// because the zone is delegated in the same batch, or because the records are those that the
    /// claim names.
    fn is_safe(&self) -> bool {
        let own = self.own.and_then(|own| own.ds);
        self.ns == NsChange::Created
            || (own.is_some() && own == self.desired().map(Digest::from_ds))
    }

    /// Returns the digest of the DS record set that the claim manages from now on. `after` is the
    /// ownership record after the batch, except for the claim.
    ///
    /// An arrival manages only what another claim manages, too. Its rollback must leave a DS record
    /// set that somebody made by hand, or that was retained (DS-6).
    pub(super) fn managed(&self, after: &OwnershipRecord) -> Option<Digest> {
        let settled = after.origin(self.desired_ns).is_none();
        let had = self.own.and_then(|own| own.ds);
        let as_desired = self.current.is_some() && self.current.as_ref() == self.desired();
        let shared = !self.managers.is_nobody();
        match (&self.goal.ds, self.step) {
            (DesiredDs::Off, _) => None,
            (DesiredDs::Records(desired), DsStep::Added | DsStep::Replaced) => {
                Some(Digest::from_ds(desired))
            }
            (DesiredDs::Records(_), _) if self.ns == NsChange::Arrival => {
                self.digest.filter(|_| as_desired && shared)
            }
            (DesiredDs::Unknown { .. }, _) if self.ns == NsChange::Arrival => {
                self.digest.filter(|_| shared)
            }
            (DesiredDs::Records(_), _) if as_desired => {
                self.digest.filter(|_| had == self.digest || settled || shared)
            }
            (DesiredDs::Records(_) | DesiredDs::Unknown { .. }, _) => had,
        }
    }

    /// Returns the changes for the batch.
    pub(super) fn batch(&self) -> Vec<Change> {
        let delete = || self.set.cloned().map(Change::Delete);
        let create = || {
            let set = |desired: &DsRecords| {
                RecordSet::new(
                    self.goal.name.clone(),
                    RecordType::Ds,
                    self.goal.ds_ttl,
                    desired.values(),
                )
            };
            self.desired().map(|desired| Change::Create(set(desired)))
        };
        let (delete, create) = match self.step {
            DsStep::Added => (None, create()),
            DsStep::TtlChanged | DsStep::Replaced => (delete(), create()),
            DsStep::Removed => (delete(), None),
            DsStep::Unchanged
            | DsStep::Deferred
            | DsStep::ManagedByOthers
            | DsStep::NotOurs
            | DsStep::Unknown => (None, None),
        };
        delete.into_iter().chain(create).collect()
    }

    /// Returns the current and the desired records, if an arrival leaves a DS record set that the
    /// next Update will change.
    pub(super) fn next_update_changes(&self) -> Option<(String, String)> {
        let differs = self.desired().is_some() && self.current.as_ref() != self.desired();
        let may = self.managers.is_nobody();
        (self.ns == NsChange::Arrival && differs && may)
            .then(|| (self.current_text(), self.desired_text()))
    }

    /// Returns what the user should know.
    pub(super) fn warning(&self) -> Option<Warning> {
        let name = self.goal.name.clone();
        let had = self.own.and_then(|own| own.ds);
        let exists = self.set.is_some();
        if let DsStep::Replaced | DsStep::Removed = self.step {
            let ttl = self.set.and_then(|set| set.ttl).map_or(0, Ttl::seconds);
            let keys = rollover::keys_to_keep(self.current.as_ref()?, self.desired(), ttl)?;
            return Some(Warning::KeysMustStay { name, keys });
        }
        if self.step == DsStep::Added && !self.is_safe() {
            return Some(Warning::UnsignedAnswersKept { name });
        }
        match &self.goal.ds {
            DesiredDs::Off if self.step == DsStep::Unchanged && exists && had.is_some() => {
                let owners = self.managers.clone();
                Some(Warning::DsLeft { name, current: self.current_text(), owners })
            }
            DesiredDs::Unknown { why } => {
                Some(Warning::DsUnknown { name, exists, why: why.clone() })
            }
            DesiredDs::Records(_) if self.step == DsStep::Deferred => {
                Some(Warning::DsDeferred { name, desired: self.desired_text() })
            }
            DesiredDs::Records(desired)
                if self.ns == NsChange::Arrival
                    && self.current.as_ref() != Some(desired)
                    && !self.managers.is_nobody() =>
            {
                let owners = self.managers.clone();
                Some(Warning::DsLeft { name, current: self.current_text(), owners })
            }
            DesiredDs::Off | DesiredDs::Records(_) => None,
        }
    }

    fn desired(&self) -> Option<&DsRecords> {
        match &self.goal.ds {
            DesiredDs::Records(desired) => Some(desired),
            DesiredDs::Off | DesiredDs::Unknown { .. } => None,
        }
    }

    fn desired_text(&self) -> String {
        self.desired().map(ToString::to_string).unwrap_or_default()
    }

    fn current_text(&self) -> String {
        let values = || self.set.map(|set| set.values.join(",")).unwrap_or_default();
        self.current.as_ref().map_or_else(values, ToString::to_string)
    }
}
