//! Which row of the table applies, by what stands and whose it is.

use super::super::holders::Holders;
use super::super::refusal::Refusal;
use super::{NsStep, Point};
use crate::digest::Digest;
use crate::ownership_record::Claim;

impl Point<'_> {
    /// The row of the table, by what stands and whose it is.
    pub(super) fn step(&self, desired: Digest) -> Result<NsStep, Refusal> {
        let Self { goal, record, own, .. } = self;
        let overwrites = goal.allow_overwrite;
        if self.ns.is_none() {
            // With a claim of its own, an Update in place is the holder who puts it back
            // (UPDATE-1).
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
            // Our own earlier claim alone: of a stack that was made again, or a retained one
            // (ARRIVE-4).
            overwrites || (own_names && !named_by_others)
        } else {
            let lasting = |claim: &Claim| names(claim) && claim.is_lasting();
            let held_by_others = record.others(&goal.claimant).any(lasting) || unreadable;
            let holds =
                own.zip(current_ns).is_some_and(|(own, current_ns)| record.holds(own, current_ns));
            // Who changes what is not settled settles it, and that takes a later request (OWN-6).
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
            // Nobody could tell later whose the displaced name servers were (OWN-7).
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

    /// True if somebody else claims the name for other name servers than are wanted.
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

    /// Who names the name servers that stand; ourselves too, if asked.
    pub(super) fn owners_naming(&self, current_ns: Option<Digest>, with_own: bool) -> Holders {
        let own = self.own.filter(|_| with_own);
        let claims = self.record.others(&self.goal.claimant).chain(own);
        let claims = claims.filter(|claim| Some(claim.ns) == current_ns);
        Holders::new(claims, self.record.has_unreadable())
    }
}
