//! Plans Creates and Updates.

mod checks;
mod record;
mod report;
mod step;

use super::ds::{DsPlan, NsChange, NsPlan};
use super::goal::{Goal, UpdateBehavior};
use super::overtaken::Overtaken;
use super::refusal::Refusal;
use super::warning::Warning;
use super::{Action, Decision, Observation, ReconciliationPlan, changes_of_record, fits};
use crate::digest::Digest;
use crate::name::Name;
use crate::name_servers::NameServers;
use crate::ownership_record::{Claim, ClaimBasis, MAX_CHARACTERS, OwnershipRecord, record_name};
use crate::record_set::{Change, RecordSet, RecordType};

/// Plans a Create or an Update.
pub fn plan_create_update(goal: &Goal, observed: &Observation) -> Decision {
    let record = observed.record();
    let own = record.own(&goal.claimant, goal.now).cloned();
    if let Some(overtaken) = overtaken(goal, &record, own.as_ref()) {
        return Decision::Overtaken(overtaken);
    }
    let Some(record_name) = record_name(&goal.name) else {
        return Decision::Refuse(Refusal::NoRoomForOwnershipRecord { name: goal.name.clone() });
    };
    let point = Point::new(goal, observed, &record, own.as_ref(), &record_name);
    if own.as_ref().is_some_and(|own| own.stamp == goal.stamp) {
        return Decision::Proceed(point.answer_again());
    }
    match point.plan() {
        Ok(plan) => Decision::Proceed(plan),
        Err(refusal) if goal.is_arrival() || (point.asks_for_new() && point.would_change()) => {
            Decision::Refuse(refusal)
        }
        Err(refusal) => Decision::Proceed(point.keep(refusal)),
    }
}

/// Returns why the request is overtaken, if it is: by a later request of the resource (TIME-1), or
/// by the Delete of this Create (OWN-8). A tombstone stops no Create that has run: if its claim
/// exists, the Delete must find it.
fn overtaken(goal: &Goal, record: &OwnershipRecord, own: Option<&Claim>) -> Option<Overtaken> {
    let name = || goal.name.clone();
    if own.is_some_and(|own| own.is_later_than(goal.stamp, goal.now)) {
        return Some(Overtaken::ByLaterRequest { name: name() });
    }
    let stone = record.tombstone(&goal.claimant, goal.now);
    let cancelled = goal.behavior == UpdateBehavior::Create
        && own.is_none_or(|own| own.stamp != goal.stamp)
        && stone.is_some_and(|stone| goal.stamp.time <= stone.time);
    cancelled.then(|| Overtaken::Cancelled { name: name() })
}

/// What happens to the NS record set, and on what grounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NsStep {
    /// None exists, and it is created.
    Create,
    /// It is as desired.
    Unchanged,
    /// The resource holds it and changes it.
    Change,
    /// Somebody changed it by hand, and it is corrected.
    Repair,
    /// It is replaced, and the previous one is recorded as the origin.
    Displace,
}

/// A delegation point and what one request asks for there.
struct Point<'a> {
    goal: &'a Goal,
    observed: &'a Observation,
    record: &'a OwnershipRecord,
    own: Option<&'a Claim>,
    record_name: &'a Name,
    ns: Option<&'a RecordSet>,
    /// The current name servers and their digest, if they can be read.
    current_ns: Option<(NameServers, Digest)>,
    /// The digest of the desired name servers, if they are known.
    desired: Option<Digest>,
}

impl<'a> Point<'a> {
    fn new(
        goal: &'a Goal,
        observed: &'a Observation,
        record: &'a OwnershipRecord,
        own: Option<&'a Claim>,
        record_name: &'a Name,
    ) -> Self {
        let current_ns = observed.name_servers().map(|servers| {
            let digest = Digest::from_name_servers(&servers);
            (servers, digest)
        });
        let desired = goal.name_servers.as_ref().map(Digest::from_name_servers);
        Self {
            goal,
            observed,
            record,
            own,
            record_name,
            ns: observed.at_cut(&RecordType::Ns),
            current_ns,
            desired,
        }
    }

    /// Plans the batch that changes the point to what is desired, or returns why that is refused.
    fn plan(&self) -> Result<ReconciliationPlan, Refusal> {
        self.check_surroundings()?;
        let Some((desired_ns, desired)) = self.goal.name_servers.as_ref().zip(self.desired) else {
            return Err(Refusal::NameServersUnknown { name: self.name() });
        };
        let step = self.step(desired)?;
        let ds = self.ds_plan(step, desired);
        ds.check()?;
        if step == NsStep::Create && !self.goal.allow_occlusion {
            let lost: Vec<_> = self.lost(desired_ns).collect();
            if !lost.is_empty() || self.observed.more_below {
                return Err(Refusal::occludes(&self.goal.name, &lost, self.observed.comparison()));
            }
        }
        self.check_glue(desired_ns)?;

        let sets_ttl = step == NsStep::Unchanged && self.sets_ttl(desired);
        let mut after = self.record.clone();
        after.put_origin(self.origin_after(step, desired)?);
        let claim = self.claim(step, desired, &ds, &after);
        self.check_allowed(step, &claim, &ds)?;
        let ds_before = self.own.and_then(|own| own.ds);
        let only_refreshes = step == NsStep::Unchanged
            && !self.goal.is_arrival()
            && !sets_ttl
            && !ds.changes()
            && claim.ds == ds_before;
        after.put_claim(claim);
        after.drop_tombstones(&self.goal.claimant, self.goal.stamp.time, self.goal.now);
        let grows = self.goal.is_arrival() || step == NsStep::Displace;
        if grows && after.characters() > MAX_CHARACTERS {
            return Err(Refusal::OwnershipRecordFull { record: self.record_name.clone() });
        }

        let mut changes = Vec::new();
        if step != NsStep::Unchanged || sets_ttl {
            let ttl = self.goal.ttl;
            changes.extend(self.ns.cloned().map(Change::Delete));
            let set = RecordSet::new(self.name(), RecordType::Ns, ttl, desired_ns.values());
            changes.push(Change::Create(set));
        }
        changes.extend(ds.batch());
        let action = self.action(step, &changes);
        changes.extend(changes_of_record(
            self.observed.ownership.as_ref(),
            self.record_name,
            &after,
        ));
        if !fits(&changes) {
            return Err(Refusal::OwnershipRecordFull { record: self.record_name.clone() });
        }
        Ok(ReconciliationPlan {
            changes,
            action: Some(action),
            warnings: self.warnings(step, desired, desired_ns, &ds),
            only_refreshes,
            ..ReconciliationPlan::default()
        })
    }

    /// Plans a delivery that finds the claim of its own request. It changes nothing and is answered
    /// from the current state (UPDATE-6).
    ///
    /// The earlier delivery may still be running. It may yet fail, and undo what this one is about
    /// to answer SUCCESS for. So this delivery marks the claim of an arrival, and then neither of
    /// them undoes it (ARRIVE-8). This delivery may meanwhile be an Update in place, if the point
    /// where it finds the claim has become its home.
    fn answer_again(&self) -> ReconciliationPlan {
        let own = self.own;
        let created = self.goal.behavior == UpdateBehavior::Create;
        let action = match own.map(|own| own.basis) {
            Some(ClaimBasis::Made) if created => Action::Created,
            Some(ClaimBasis::Came) => self.arrival_action(),
            _ => Action::Unchanged,
        };
        let mut warnings = Vec::new();
        if self.current_ns.as_ref().map(|(_, digest)| *digest) != own.map(|own| own.ns) {
            warnings
                .push(Warning::ChangedSince { name: self.name(), current: self.current_text() });
        }
        if !self.goal.is_arrival()
            && let Err(refusal) = self.plan()
        {
            warnings.push(Warning::LeftAsItIs { refusal: Box::new(refusal) });
        }
        let mut after = self.record.clone();
        if let Some(own) = own.filter(|own| own.basis != ClaimBasis::Updated && !own.again) {
            after.put_claim(Claim { again: true, ..own.clone() });
        }
        ReconciliationPlan {
            changes: changes_of_record(self.observed.ownership.as_ref(), self.record_name, &after),
            action: Some(action),
            warnings,
            only_refreshes: true,
            finds_own_request: true,
            ..ReconciliationPlan::default()
        }
    }

    /// Plans an Update that is refused but asks for nothing new: everything stays, nothing is
    /// settled, and of the claim only the time of the request changes (UPDATE-4).
    ///
    /// A rollback Update also writes its intent (UPDATE-5). The claim is then as it was before the
    /// Update that is rolled back, unless no other resource holds the current name servers or the
    /// name is not allowed.
    fn keep(&self, refusal: Refusal) -> ReconciliationPlan {
        let mut after = self.record.clone();
        if let Some(own) = self.own {
            let mut claim = Claim { stamp: self.goal.stamp, ..own.clone() };
            let back = self.goal.is_rollback(own);
            if let Some(desired) = self.desired.filter(|_| back) {
                claim.intent = self.goal.intent;
                claim.previous_intent = Some(own.intent);
                // If it is the only holder, it remains so. Otherwise no Delete would remove the
                // current name servers. What the claim of a name that is not allowed names may be
                // restored, so it stays (ALLOW-2).
                if self.goal.allowed && !self.holds_alone(own) {
                    // The DS record set belongs to the name servers that the claim named with it.
                    claim.ds = claim.ds.filter(|_| own.ns == desired);
                    claim.ns = desired;
                    claim.saw = self.record.displaced_at();
                }
            }
            after.put_claim(claim);
            after.drop_tombstones(&self.goal.claimant, self.goal.stamp.time, self.goal.now);
        }
        let mut changes =
            changes_of_record(self.observed.ownership.as_ref(), self.record_name, &after);
        if !fits(&changes) {
            changes.clear();
        }
        ReconciliationPlan {
            changes,
            action: Some(Action::Unchanged),
            warnings: vec![Warning::LeftAsItIs { refusal: Box::new(refusal) }],
            only_refreshes: true,
            ..ReconciliationPlan::default()
        }
    }

    /// Returns true if this claim holds the current name servers and no other claim does.
    fn holds_alone(&self, own: &Claim) -> bool {
        let Self { goal, record, .. } = self;
        let holds = |current_ns: Digest| {
            record.holds(own, current_ns)
                && record.other_holders(&goal.claimant, current_ns).is_empty()
        };
        self.current_ns.as_ref().is_some_and(|(_, current_ns)| holds(*current_ns))
            && !record.has_unreadable()
    }

    fn asks_for_new(&self) -> bool {
        self.goal.asks_for_new(self.own)
    }

    /// Returns true if the request would change name servers or DS records if it were not refused.
    fn would_change(&self) -> bool {
        let current_ns = self.current_ns.as_ref().map(|(_, digest)| *digest);
        match self.desired {
            Some(desired) if current_ns == Some(desired) => {
                self.ds_plan(NsStep::Unchanged, desired).changes_records()
            }
            // If the desired name servers are not known, they count as different.
            _ => true,
        }
    }

    fn ds_plan(&self, step: NsStep, desired: Digest) -> DsPlan<'a> {
        let Self { goal, record, own, .. } = *self;
        let current_ns = self.current_ns.as_ref().map(|(_, digest)| *digest);
        // Name servers that only this resource's claim names are restored, not changed.
        let names_desired = own.is_some_and(|own| own.ns == desired);
        let restores = names_desired
            && !record.others(&goal.claimant).any(|claim| Some(claim.ns) == current_ns)
            && !record.has_unreadable();
        let names_others = |claim: &Claim| claim.ns != desired;
        let ns = match step {
            NsStep::Unchanged if goal.is_arrival() => NsChange::Arrival,
            NsStep::Unchanged => NsChange::Unchanged,
            // If somebody removed them, resolvers still have those that the claims name.
            NsStep::Create if !names_desired && record.claims().any(names_others) => {
                NsChange::Changed
            }
            NsStep::Create => NsChange::Created,
            NsStep::Change | NsStep::Repair | NsStep::Displace if restores => NsChange::Restored,
            NsStep::Change | NsStep::Repair | NsStep::Displace => NsChange::Changed,
        };
        DsPlan::new(goal, self.observed, record, own, NsPlan { change: ns, desired })
    }

    fn name(&self) -> Name {
        self.goal.name.clone()
    }

    /// Returns the current name servers for a message; empty if there are none.
    fn current_text(&self) -> String {
        self.ns.map(|set| NameServers::values_for_people(&set.values)).unwrap_or_default()
    }

    fn desired_text(&self) -> String {
        self.goal.name_servers.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}
