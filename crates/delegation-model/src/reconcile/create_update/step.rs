//! Decides what happens to the NS record set: which row of the design's table applies.

use super::super::holders::Holders;
use super::super::refusal::Refusal;
use super::{NsStep, Point};
use crate::digest::Digest;
use crate::ownership_record::Claim;

impl Point<'_> {
    /// Decides by the current name servers and by the claims that name them.
    pub(super) fn step(&self, desired: Digest) -> Result<NsStep, Refusal> {
        let Self { goal, record, own, .. } = self;
        let overwrites = goal.allow_overwrite;
        if self.ns.is_none() {
            // An Update in place of a resource with a claim restores the delegation (UPDATE-1).
            let may = !self.has_conflict(desired) || (!goal.is_arrival() && own.is_some());
            return if may || overwrites {
                Ok(NsStep::Create)
            } else {
                Err(self.claimed_by_others())
            };
        }
        let current_ns = self.current_ns.as_ref().map(|(_, digest)| *digest);
        if current_ns == Some(desired) {
            return Ok(NsStep::Unchanged);
        }
        let names = |claim: &Claim| current_ns == Some(claim.ns);
        let unreadable = record.has_unreadable();
        let named_by_others = record.others(&goal.claimant).any(names) || unreadable;
        let own_names = own.is_some_and(names);
        let origin = current_ns.and_then(|current_ns| record.origin(current_ns));
        let displaces = if goal.is_arrival() {
            // Only the resource's own earlier claim names them: that of a stack that was created
            // again, or of a retained delegation (ARRIVE-4).
            overwrites || (own_names && !named_by_others)
        } else {
            let lasting = |claim: &Claim| names(claim) && claim.is_lasting();
            let held_by_others = record.others(&goal.claimant).any(lasting) || unreadable;
            let holds =
                own.zip(current_ns).is_some_and(|(own, current_ns)| record.holds(own, current_ns));
            // A change of unsettled name servers settles them, which takes a later request (OWN-6).
            let settles = own.is_some_and(|own| goal.is_later_than(own));
            if holds && !held_by_others && (origin.is_none() || settles) {
                return Ok(NsStep::Change);
            }
            let drifted = own.is_some() && !own_names && !named_by_others;
            if drifted && record.before().is_none() && !self.has_conflict(desired) {
                return Ok(NsStep::Repair);
            }
            overwrites
        };
        if !displaces {
            return Err(self.not_ours(own_names));
        }
        if unreadable {
            // It would later be impossible to tell who held the displaced name servers (OWN-7).
            return Err(Refusal::UnreadableClaim { record: self.record_name.clone() });
        }
        if origin.is_some() {
            let owners = self.owners_naming(current_ns, true);
            return Err(Refusal::NotSettled {
                name: self.name(),
                current: self.current_text(),
                owners,
            });
        }
        Ok(NsStep::Displace)
    }

    /// Returns true if another resource's claim names name servers other than the desired ones.
    pub(super) fn has_conflict(&self, desired: Digest) -> bool {
        self.record.others(&self.goal.claimant).any(|claim| claim.ns != desired)
    }

    pub(super) fn claimed_by_others(&self) -> Refusal {
        let others = self.record.others(&self.goal.claimant);
        let others = others.filter(|claim| Some(claim.ns) != self.desired);
        let owners = Holders::new(others, self.record.has_unreadable());
        Refusal::ClaimedByOthers { name: self.name(), desired: self.desired_text(), owners }
    }

    pub(super) fn not_ours(&self, own_names: bool) -> Refusal {
        let current_ns = self.current_ns.as_ref().map(|(_, digest)| *digest);
        let (name, current, desired) = (self.name(), self.current_text(), self.desired_text());
        let owners = self.owners_naming(current_ns, false);
        if own_names {
            Refusal::HeldByOthers { name, current, desired, owners }
        } else {
            Refusal::NotOurs { name, current, desired, owners }
        }
    }

    /// Returns the owners of the claims that name the current name servers; with `with_own`,
    /// including this resource.
    pub(super) fn owners_naming(&self, current_ns: Option<Digest>, with_own: bool) -> Holders {
        let own = self.own.filter(|_| with_own);
        let claims = self.record.others(&self.goal.claimant).chain(own);
        let claims = claims.filter(|claim| Some(claim.ns) == current_ns);
        Holders::new(claims, self.record.has_unreadable())
    }
}
