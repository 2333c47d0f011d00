//! The content of the ownership record after a plan is applied.

use super::super::ds::DsPlan;
use super::super::goal::UpdateBehavior;
use super::super::refusal::Refusal;
use super::{NsStep, Point};
use crate::digest::Digest;
use crate::ownership_record::{Claim, ClaimBasis, Displaced, Origin, OwnershipRecord};

impl Point<'_> {
    /// Returns whether an Update in place sets the TTL of name servers that are as desired: because
    /// it is the only holder, or because it changes `TTL` itself (UPDATE-3).
    pub(super) fn sets_ttl(&self, desired: Digest) -> bool {
        let Self { goal, record, .. } = self;
        let differs = self.ns.is_some_and(|set| set.ttl != Some(goal.ttl));
        let sole =
            record.other_holders(&goal.claimant, desired).is_empty() && !record.has_unreadable();
        differs && !goal.is_arrival() && (sole || goal.changes_ttl)
    }

    /// Returns the origin of the name servers after the batch, if the delegation is unsettled then
    /// (OWN-5).
    pub(super) fn origin_after(
        &self,
        step: NsStep,
        desired: Digest,
    ) -> Result<Option<Origin>, Refusal> {
        let Self { goal, record, own, .. } = self;
        match step {
            NsStep::Create | NsStep::Change | NsStep::Repair => Ok(None),
            NsStep::Displace => {
                let names =
                    |digest: Digest| record.others(&goal.claimant).any(|claim| claim.ns == digest);
                let displaced = self.current_ns.as_ref().zip(self.ns.and_then(|set| set.ttl));
                let displaced = displaced.map(|((name_servers, digest), ttl)| Displaced {
                    name_servers: name_servers.clone(),
                    ttl,
                    time: goal.stamp.time,
                    claimed: names(*digest),
                });
                let displaced = displaced.ok_or_else(|| Refusal::CantBeRestored {
                    name: self.name(),
                    current: self.current_text(),
                })?;
                Ok(Some(Origin { of: desired, displaced: Some(displaced) }))
            }
            NsStep::Unchanged if goal.is_arrival() => {
                let ours = own.is_some_and(|own| own.ns == desired);
                // A Create's own earlier claim may be that of a retained delegation. Neither it nor
                // a claim that came after it counts (ARRIVE-3).
                let is_retained = ours && goal.behavior == UpdateBehavior::Create;
                let counts = |claim: &Claim| claim.is_lasting() || !is_retained;
                let named =
                    record.others(&goal.claimant).any(|claim| claim.ns == desired && counts(claim))
                        || record.has_unreadable()
                        || (ours && !is_retained);
                if record.origin(desired).is_none() && !named {
                    return Ok(Some(Origin { of: desired, displaced: None }));
                }
                Ok(record.recorded_origin().cloned())
            }
            NsStep::Unchanged => {
                // The first later Update in place of a holder settles (OWN-6).
                let settles =
                    own.is_some_and(|own| record.holds(own, desired) && goal.is_later_than(own));
                Ok(if settles { None } else { record.recorded_origin().cloned() })
            }
        }
    }

    /// Returns the claim after the batch. `after` is the rest of the ownership record after it.
    pub(super) fn claim(
        &self,
        step: NsStep,
        desired: Digest,
        ds: &DsPlan<'_>,
        after: &OwnershipRecord,
    ) -> Claim {
        let Self { goal, own, .. } = self;
        let later = own.is_none_or(|own| goal.is_later_than(own));
        let previous = own.map(|own| own.intent).or(goal.old_intent);
        let arrived = if step == NsStep::Unchanged { ClaimBasis::Came } else { ClaimBasis::Made };
        let (basis, previous_intent, from) = match &goal.behavior {
            UpdateBehavior::InPlace => {
                let from = own.and_then(|own| own.from.clone()).filter(|_| !later);
                (ClaimBasis::Updated, previous, from)
            }
            UpdateBehavior::Home { from } => (ClaimBasis::Updated, previous, Some(from.clone())),
            UpdateBehavior::Replacement { from } => (arrived, None, Some(from.clone())),
            UpdateBehavior::Create => (arrived, None, None),
        };
        Claim {
            id: goal.claimant.id(),
            ns: desired,
            ds: ds.managed(after),
            intent: goal.intent,
            previous_intent,
            stamp: goal.stamp,
            basis,
            saw: after.displaced_at(),
            from,
            hold: self.hold(step, desired, ds),
            again: false,
            owner: goal.claimant.owner().clone(),
        }
    }

    /// Returns until when resolvers may have name servers that this batch or an earlier one
    /// corrected (DS-7).
    pub(super) fn hold(&self, step: NsStep, desired: Digest, ds: &DsPlan<'_>) -> Option<i64> {
        let Self { goal, record, own, .. } = self;
        let corrects =
            step == NsStep::Repair || own.is_some_and(|own| own.ns == desired) || ds.is_deferred();
        let displaced =
            self.ns.filter(|_| step != NsStep::Unchanged && corrects).and_then(|set| set.ttl);
        let now = displaced.map(|ttl| goal.stamp.time.saturating_add(i64::from(ttl.seconds())));
        now.max(record.hold(desired, goal.stamp.time, goal.now))
    }
}
