//! Plans Deletes, and every other removal of a claim.

use super::goal::{DeleteGoal, DeleteReason};
use super::holders::Holders;
use super::overtaken::Overtaken;
use super::warning::Warning;
use super::{Action, DAY, Decision, Observation, ReconciliationPlan, changes_of_record, fits};
use crate::digest::Digest;
use crate::ids::ZoneId;
use crate::name_servers::NameServers;
use crate::ownership_record::{Claim, Displaced, OwnershipRecord, record_name};
use crate::record_set::{Change, RecordSet, RecordType};

/// Plans a Delete, the undoing of a failed arrival, or a clean-up.
pub fn plan_delete(goal: &DeleteGoal, observed: &Observation) -> Decision {
    let record = observed.record();
    let Some(own) = record.own(&goal.claimant, goal.now).cloned() else {
        return Decision::Proceed(without_claim(goal, observed, &record));
    };
    match &goal.reason {
        DeleteReason::Undo if own.stamp != goal.stamp || own.again => {
            return Decision::Proceed(ReconciliationPlan::default());
        }
        _ if own.is_later_than(goal.stamp, goal.now) => {
            return Decision::Overtaken(Overtaken::ByLaterRequest { name: goal.name.clone() });
        }
        DeleteReason::InventedId { intent, create_could_run }
            if !own.is_of_create() || own.intent != *intent =>
        {
            return Decision::Proceed(keep_claim(goal, observed, &record, *create_could_run));
        }
        // The claim came from the zone that no longer exists, so this is the clean-up after that
        // move (LEAVE-8).
        DeleteReason::ZoneGone { zone }
            if own.from.as_ref().is_some_and(|from| from.zone.as_ref() == Some(zone)) =>
        {
            return Decision::Proceed(keep_new_point(goal, observed, zone));
        }
        _ => {}
    }
    Decision::Proceed(Departure::new(goal, observed, &record, &own).plan())
}

/// Plans a Delete of a resource that has no claim: it changes nothing (LEAVE-1).
fn without_claim(
    goal: &DeleteGoal,
    observed: &Observation,
    record: &OwnershipRecord,
) -> ReconciliationPlan {
    let mut plan = match goal.reason {
        DeleteReason::InventedId { create_could_run: true, .. } => {
            leave_tombstone(goal, observed, record)
        }
        _ => ReconciliationPlan::default(),
    };
    if let Some(ns) = observed.at_cut(&RecordType::Ns) {
        plan.warnings.push(Warning::NotClaimed {
            name: goal.name.clone(),
            current: text_of(ns),
            owners: Holders::others(record, &goal.claimant),
        });
    }
    plan
}

/// Keeps a claim that the cancelled Create cannot have written (LEAVE-9).
fn keep_claim(
    goal: &DeleteGoal,
    observed: &Observation,
    record: &OwnershipRecord,
    create_could_run: bool,
) -> ReconciliationPlan {
    let mut plan = if create_could_run {
        leave_tombstone(goal, observed, record)
    } else {
        ReconciliationPlan::default()
    };
    plan.warnings.push(Warning::ClaimKept {
        name: goal.name.clone(),
        current: observed.at_cut(&RecordType::Ns).map(text_of).unwrap_or_default(),
    });
    plan
}

/// Keeps the point to which the resource moved from a zone that no longer exists (LEAVE-8). The
/// claim may be forged, so a delegation that stays is named.
fn keep_new_point(goal: &DeleteGoal, observed: &Observation, zone: &ZoneId) -> ReconciliationPlan {
    let warning = observed.at_cut(&RecordType::Ns).map(|ns| Warning::MovedFromGoneZone {
        name: goal.name.clone(),
        current: text_of(ns),
        zone: zone.clone(),
    });
    ReconciliationPlan { warnings: warning.into_iter().collect(), ..ReconciliationPlan::default() }
}

/// Leaves a tombstone, so that a Create that may still be delivered does not run (OWN-8).
fn leave_tombstone(
    goal: &DeleteGoal,
    observed: &Observation,
    record: &OwnershipRecord,
) -> ReconciliationPlan {
    let Some(record_name) = record_name(&goal.name) else { return ReconciliationPlan::default() };
    let (time, now) = (goal.stamp.time, goal.now);
    let mut after = record.clone();
    after.drop_tombstones(&goal.claimant, time, now);
    after.put_tombstone(&goal.claimant, time, now);
    let mut changes = changes_of_record(observed.ownership.as_ref(), &record_name, &after);
    // Where there is no room for it, there is none for the claim of that Create either (LEAVE-11).
    if !fits(&changes) {
        changes.clear();
    }
    let action = (!changes.is_empty()).then_some(Action::Left);
    ReconciliationPlan { changes, action, ..ReconciliationPlan::default() }
}

/// The removal of a resource's claim at a delegation point.
struct Departure<'a> {
    goal: &'a DeleteGoal,
    observed: &'a Observation,
    record: &'a OwnershipRecord,
    own: &'a Claim,
    ns: Option<&'a RecordSet>,
    current_ns: Option<(NameServers, Digest)>,
}

/// What happens to the name servers.
enum Fate {
    /// They stay.
    Stay(Option<Warning>),
    /// They stay, and the origin is removed with the claim, because no holder is left.
    StayAndSettle(Warning),
    /// They stay, unless it turns out that they are those of the child zone. So the child zone must
    /// be read, and the Delete planned again.
    StayIfNotKnown(Warning),
    /// They are deleted.
    Go(Option<Warning>),
    /// The name servers that they displaced are restored.
    Restore(Displaced),
}

impl Fate {
    /// Returns what to report about the name servers.
    fn warning(&self) -> Option<&Warning> {
        match self {
            Self::Stay(warning) | Self::Go(warning) => warning.as_ref(),
            Self::StayAndSettle(warning) | Self::StayIfNotKnown(warning) => Some(warning),
            Self::Restore(_) => None,
        }
    }
}

impl<'a> Departure<'a> {
    fn new(
        goal: &'a DeleteGoal,
        observed: &'a Observation,
        record: &'a OwnershipRecord,
        own: &'a Claim,
    ) -> Self {
        let current_ns = observed.name_servers().map(|servers| {
            let digest = Digest::from_name_servers(&servers);
            (servers, digest)
        });
        Self { goal, observed, record, own, ns: observed.at_cut(&RecordType::Ns), current_ns }
    }

    fn plan(&self) -> ReconciliationPlan {
        let Self { goal, observed, record, ns, .. } = self;
        let fate = self.fate();
        let ds = observed.at_cut(&RecordType::Ds);
        let plain_ds = ds.filter(|set| set.is_simple);
        let mut plan = ReconciliationPlan {
            needs_known_name_servers: matches!(fate, Fate::StayIfNotKnown(_)),
            ..ReconciliationPlan::default()
        };
        let mut after = (*record).clone();
        after.remove_claim(&goal.claimant);
        after.drop_tombstones(&goal.claimant, goal.stamp.time, goal.now);
        plan.warnings.extend(fate.warning().cloned());
        match &fate {
            Fate::Stay(_) | Fate::StayAndSettle(_) | Fate::StayIfNotKnown(_) => {
                plan.action = Some(Action::Left);
                // The last claim that names a DS record set removes it (LEAVE-7).
                plan.changes.extend(
                    plain_ds.filter(|_| self.manages_ds_alone()).cloned().map(Change::Delete),
                );
            }
            Fate::Go(_) => {
                plan.action = Some(Action::Removed);
                plan.changes
                    .extend([*ns, plain_ds].into_iter().flatten().cloned().map(Change::Delete));
            }
            Fate::Restore(displaced) => {
                plan.action = Some(Action::PutBack);
                plan.warnings.push(Warning::Restored {
                    name: goal.name.clone(),
                    restored: displaced.name_servers.for_people(),
                    ttl: displaced.ttl,
                });
                plan.changes
                    .extend([*ns, plain_ds].into_iter().flatten().cloned().map(Change::Delete));
                let values = displaced.name_servers.values();
                let set = RecordSet::new(goal.name.clone(), RecordType::Ns, displaced.ttl, values);
                plan.changes.push(Change::Create(set));
            }
        }
        let goes = matches!(fate, Fate::Go(_) | Fate::Restore(_));
        let settles = goes || matches!(fate, Fate::StayAndSettle(_));
        if settles || !record.has_others(&goal.claimant) {
            after.put_origin(None);
        }
        if goes && ds.is_some_and(|set| !set.is_simple) {
            plan.warnings.push(Warning::DsWithRoutingPolicyLeft { name: goal.name.clone() });
        }
        if let Some(set) = &observed.ownership {
            plan.changes.extend(changes_of_record(Some(set), &set.name, &after));
            if !fits(&plan.changes) {
                plan.changes.retain(|change| change.record_set().name != set.name);
                plan.warnings.push(Warning::ClaimLeft { record: set.name.clone() });
            }
        }
        plan
    }

    /// Returns the row of the table.
    fn fate(&self) -> Fate {
        let Self { goal, record, own, .. } = self;
        let Some(ns) = self.ns else { return Fate::Stay(None) };
        let name = || goal.name.clone();
        let current = text_of(ns);
        let current_ns = self.current_ns.as_ref().map(|(_, digest)| *digest);
        let names = |claim: &Claim| Some(claim.ns) == current_ns;
        let owners_naming =
            || Holders::new(record.others(&goal.claimant).filter(|claim| names(claim)), record);
        let Some(current_ns) = current_ns.filter(|current_ns| own.ns == *current_ns) else {
            let owners = owners_naming();
            let nobodys = owners.is_nobody();
            if nobodys && self.is_known() {
                return self.go();
            }
            let owners = Holders::others(record, &goal.claimant);
            let warning = Warning::ChangedByOthers { name: name(), current, owners };
            // An unreadable NS record set, or one that others claim, is never removed here.
            return if nobodys && self.current_ns.is_some() {
                Fate::StayIfNotKnown(warning)
            } else {
                Fate::Stay(Some(warning))
            };
        };
        let left = || {
            let (name, current) = (name(), current.clone());
            Warning::LeftToOthers { name, current, owners: owners_naming() }
        };
        let existed_before = || Warning::ExistedBefore { name: name(), current: current.clone() };
        if record.has_unreadable() || !record.other_holders(&goal.claimant, current_ns).is_empty() {
            return Fate::Stay(Some(left()));
        }
        match record.origin(current_ns).map(|origin| &origin.displaced) {
            None => self.go(),
            Some(None) => Fate::StayAndSettle(existed_before()),
            Some(Some(displaced)) if self.is_to_be_restored(displaced) => {
                Fate::Restore(displaced.clone())
            }
            // Another claim names them, from before they were displaced.
            Some(Some(_)) if record.others(&goal.claimant).any(names) => {
                Fate::StayAndSettle(left())
            }
            Some(Some(displaced)) => Fate::Go(Some(Warning::NotRestored {
                name: name(),
                previous: displaced.name_servers.for_people(),
                ttl: displaced.ttl,
                rejected: goal.restore_rejected,
            })),
        }
    }

    /// Deletes the name servers. A warning names the claims of others, which are all for other name
    /// servers: this may be a rollback that restores nothing, because somebody removed the origin
    /// (TRUST-6).
    fn go(&self) -> Fate {
        let owners = Holders::others(self.record, &self.goal.claimant);
        let warning =
            self.ns.filter(|_| !owners.is_nobody()).map(|ns| Warning::DormantClaimsLeft {
                name: self.goal.name.clone(),
                removed: text_of(ns),
                owners,
            });
        Fate::Go(warning)
    }

    /// Returns true if displaced name servers are restored: if a claim still names them, or if no
    /// claim named them and the displacement is less than a day old (LEAVE-5).
    fn is_to_be_restored(&self, displaced: &Displaced) -> bool {
        let Self { goal, record, .. } = self;
        if !goal.allowed || goal.restore_rejected {
            return false;
        }
        let digest = Digest::from_name_servers(&displaced.name_servers);
        let still_named = record.others(&goal.claimant).any(|claim| claim.ns == digest);
        let since = goal.stamp.time.saturating_sub(displaced.time);
        still_named || (!displaced.claimed && (0..=DAY).contains(&since))
    }

    /// Returns true if the current name servers are all name servers of the child zone or of
    /// `NameServers`: somebody replaced the child zone and corrected the delegation by hand.
    fn is_known(&self) -> bool {
        let known = self.goal.known_name_servers.as_ref().zip(self.current_ns.as_ref());
        known.is_some_and(|(known, (current_ns, _))| current_ns.is_subset(known))
    }

    /// Returns true if only this claim names the current DS record set.
    fn manages_ds_alone(&self) -> bool {
        let Self { goal, record, own, .. } = self;
        let current_ns = self.observed.ds().map(|records| Digest::from_ds(&records));
        let others = || record.others(&goal.claimant).any(|claim| claim.ds == current_ns);
        current_ns.is_some() && own.ds == current_ns && !others() && !record.has_unreadable()
    }
}

fn text_of(ns: &RecordSet) -> String {
    NameServers::values_for_people(&ns.values)
}
