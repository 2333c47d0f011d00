//! Delete, and everything else that takes a claim away.

use super::goal::{DeleteGoal, DeleteReason};
use super::holders::Holders;
use super::overtaken::Overtaken;
use super::warning::Warning;
use super::{Action, DAY, Decision, Observation, ReconciliationPlan, changes_of_record};
use crate::digest::Digest;
use crate::name_servers::NameServers;
use crate::ownership_record::{Claim, Displaced, OwnershipRecord, record_name};
use crate::record_set::{Change, RecordSet};

/// Plans a Delete, the taking back of what a failed arrival wrote, or a clean-up.
pub fn plan_delete(goal: &DeleteGoal, seen: &Observation) -> Decision {
    let record = seen.record();
    let Some(own) = record.own(&goal.claimant, goal.now).cloned() else {
        return Decision::Proceed(without_claim(goal, seen, &record));
    };
    match &goal.reason {
        DeleteReason::TakeBack if own.stamp != goal.stamp || own.again => {
            return Decision::Proceed(ReconciliationPlan::default());
        }
        _ if own.is_later_than(goal.stamp, goal.now) => {
            return Decision::Overtaken(Overtaken::ByLaterRequest { name: goal.name.clone() });
        }
        DeleteReason::InventedId { create_could_run } if !own.is_of_create() => {
            return Decision::Proceed(keep_claim(goal, seen, &record, *create_could_run));
        }
        // The claim came from the zone that is gone: this is the clean-up of the move (LEAVE-8).
        DeleteReason::ZoneGone { zone }
            if own.from.as_ref().is_some_and(|from| from.zone.as_ref() == Some(zone)) =>
        {
            return Decision::Proceed(ReconciliationPlan::default());
        }
        _ => {}
    }
    Decision::Proceed(Departure::new(goal, seen, &record, &own).plan())
}

/// No claim of ours stands there: nothing is ours (LEAVE-1).
fn without_claim(
    goal: &DeleteGoal,
    seen: &Observation,
    record: &OwnershipRecord,
) -> ReconciliationPlan {
    let mut plan = match goal.reason {
        DeleteReason::InventedId { create_could_run: true } => entomb(goal, seen, record),
        _ => ReconciliationPlan::default(),
    };
    // What a request did not write it need not speak of.
    if goal.reason != DeleteReason::TakeBack
        && let Some(ns) = seen.at_cut("NS")
    {
        plan.warnings.push(Warning::NotClaimed {
            name: goal.name.clone(),
            current: text_of(ns),
            owners: Holders::others(record, &goal.claimant),
        });
    }
    plan
}

/// A retained claim is not that of the Create that was cancelled (LEAVE-9).
fn keep_claim(
    goal: &DeleteGoal,
    seen: &Observation,
    record: &OwnershipRecord,
    create_could_run: bool,
) -> ReconciliationPlan {
    let mut plan =
        if create_could_run { entomb(goal, seen, record) } else { ReconciliationPlan::default() };
    plan.warnings.push(Warning::ClaimKept {
        name: goal.name.clone(),
        current: seen.at_cut("NS").map(text_of).unwrap_or_default(),
    });
    plan
}

/// Keeps a Create that may still be delivered from running (OWN-8).
fn entomb(goal: &DeleteGoal, seen: &Observation, record: &OwnershipRecord) -> ReconciliationPlan {
    let Some(record_name) = record_name(&goal.name) else { return ReconciliationPlan::default() };
    let (time, now) = (goal.stamp.time, goal.now);
    let mut after = record.clone();
    after.drop_tombstones(&goal.claimant, time, now);
    after.put_tombstone(&goal.claimant, time, now);
    let changes = changes_of_record(seen.ownership.as_ref(), &record_name, &after);
    let action = (!changes.is_empty()).then_some(Action::Left);
    ReconciliationPlan { changes, action, ..ReconciliationPlan::default() }
}

/// A resource that leaves a delegation point.
struct Departure<'a> {
    goal: &'a DeleteGoal,
    seen: &'a Observation,
    record: &'a OwnershipRecord,
    own: &'a Claim,
    ns: Option<&'a RecordSet>,
    standing: Option<(NameServers, Digest)>,
}

/// What becomes of the name servers.
enum Fate {
    /// They stay.
    Stay {
        /// True if nobody is left to pay the debt that stands: it goes with our claim.
        settles: bool,
        /// What to say about it.
        warning: Option<Warning>,
    },
    /// They are deleted.
    Go(Option<Warning>),
    /// Those that they displaced are put back.
    PutBack(Displaced),
}

impl<'a> Departure<'a> {
    fn new(
        goal: &'a DeleteGoal,
        seen: &'a Observation,
        record: &'a OwnershipRecord,
        own: &'a Claim,
    ) -> Self {
        let standing = seen.name_servers().map(|servers| {
            let digest = Digest::from_name_servers(&servers);
            (servers, digest)
        });
        Self { goal, seen, record, own, ns: seen.at_cut("NS"), standing }
    }

    fn plan(&self) -> ReconciliationPlan {
        let Self { goal, seen, record, ns, .. } = self;
        let (fate, needs_known_name_servers) = self.fate();
        let ds = seen.at_cut("DS");
        let plain_ds = ds.filter(|set| !set.special);
        let mut plan =
            ReconciliationPlan { needs_known_name_servers, ..ReconciliationPlan::default() };
        let mut after = (*record).clone();
        after.remove_claim(&goal.claimant);
        after.drop_tombstones(&goal.claimant, goal.stamp.time, goal.now);
        match &fate {
            Fate::Stay { warning, .. } => {
                plan.action = Some(Action::Left);
                plan.warnings.extend(warning.clone());
                // A DS record set goes with the last claim that names it (LEAVE-7).
                plan.changes.extend(
                    plain_ds.filter(|_| self.manages_ds_alone()).cloned().map(Change::Delete),
                );
            }
            Fate::Go(warning) => {
                plan.action = Some(Action::Removed);
                plan.warnings.extend(warning.clone());
                plan.changes
                    .extend([*ns, plain_ds].into_iter().flatten().cloned().map(Change::Delete));
            }
            Fate::PutBack(displaced) => {
                plan.action = Some(Action::PutBack);
                plan.warnings.push(Warning::GivenBack {
                    name: goal.name.clone(),
                    restored: displaced.name_servers.to_string(),
                    ttl: displaced.ttl,
                });
                plan.changes
                    .extend([*ns, plain_ds].into_iter().flatten().cloned().map(Change::Delete));
                let values = displaced.name_servers.values();
                let set = RecordSet::new(goal.name.clone(), "NS", displaced.ttl, values);
                plan.changes.push(Change::Create(set));
            }
        }
        let stays = matches!(fate, Fate::Stay { .. });
        if !matches!(fate, Fate::Stay { settles: false, .. }) || !record.has_others(&goal.claimant)
        {
            after.put_before(None);
        }
        if !stays && ds.is_some_and(|set| set.special) {
            plan.warnings.push(Warning::DsWithRoutingPolicyLeft { name: goal.name.clone() });
        }
        if let Some(set) = &seen.ownership {
            plan.changes.extend(changes_of_record(Some(set), &set.name, &after));
        }
        plan
    }

    /// The row of the table; and whether it depends on which name servers are known.
    fn fate(&self) -> (Fate, bool) {
        let Self { goal, record, own, .. } = self;
        let stay = |settles, warning| Fate::Stay { settles, warning };
        let Some(ns) = self.ns else { return (stay(false, None), false) };
        let name = || goal.name.clone();
        let current = text_of(ns);
        let standing = self.standing.as_ref().map(|(_, digest)| *digest);
        let names = |claim: &Claim| Some(claim.ns) == standing;
        let unreadable = record.has_unreadable();
        let naming =
            || Holders::new(record.others(&goal.claimant).filter(|claim| names(claim)), unreadable);
        let Some(standing) = standing.filter(|standing| own.ns == *standing) else {
            let owners = naming();
            let nobodys = owners.is_nobody();
            if nobodys && self.is_known() {
                return (Fate::Go(None), false);
            }
            let owners = Holders::others(record, &goal.claimant);
            let warning = Warning::ChangedByOthers { name: name(), current, owners };
            // An unreadable NS record set, or one of others, is not removed whatever is known.
            return (stay(false, Some(warning)), nobodys && self.standing.is_some());
        };
        let left = || {
            let (name, current) = (name(), current.clone());
            Some(Warning::LeftToOthers { name, current, owners: naming() })
        };
        if unreadable || !record.other_holders(&goal.claimant, standing).is_empty() {
            return (stay(false, left()), false);
        }
        let fate = match record.debt(standing).map(|before| &before.displaced) {
            None => Fate::Go(None),
            Some(None) => {
                stay(true, Some(Warning::StoodBefore { name: name(), current: current.clone() }))
            }
            Some(Some(displaced)) if self.is_to_be_put_back(displaced) => {
                Fate::PutBack(displaced.clone())
            }
            // Somebody had them before they were displaced, and has them again.
            Some(Some(_)) if record.others(&goal.claimant).any(names) => stay(true, left()),
            Some(Some(displaced)) => Fate::Go(Some(Warning::NotGivenBack {
                name: name(),
                previous: displaced.name_servers.to_string(),
                ttl: displaced.ttl,
                rejected: goal.put_back_rejected,
            })),
        };
        (fate, false)
    }

    /// What was displaced is put back if a claim still names it; what was nobody's, within a day
    /// (LEAVE-5).
    fn is_to_be_put_back(&self, displaced: &Displaced) -> bool {
        let Self { goal, record, .. } = self;
        if !goal.allowed || goal.put_back_rejected {
            return false;
        }
        let digest = Digest::from_name_servers(&displaced.name_servers);
        let still_named = record.others(&goal.claimant).any(|claim| claim.ns == digest);
        let since = goal.stamp.time.saturating_sub(displaced.time);
        still_named || (!displaced.claimed && (0..=DAY).contains(&since))
    }

    /// True if what stands is nothing but name servers of the child zone or of `NameServers`:
    /// somebody replaced the child zone by hand, and corrected the delegation by hand.
    fn is_known(&self) -> bool {
        let known = self.goal.known_name_servers.as_ref().zip(self.standing.as_ref());
        known.is_some_and(|(known, (standing, _))| standing.is_subset(known))
    }

    /// True if our claim alone names the DS record set that stands.
    fn manages_ds_alone(&self) -> bool {
        let Self { goal, record, own, .. } = self;
        let standing = self.seen.ds().map(|records| Digest::from_ds(&records));
        let others = || record.others(&goal.claimant).any(|claim| claim.ds == standing);
        standing.is_some() && own.ds == standing && !others() && !record.has_unreadable()
    }
}

fn text_of(ns: &RecordSet) -> String {
    NameServers::found(&ns.values)
        .map_or_else(|| ns.values.join(","), |servers| servers.to_string())
}
