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
            if drifted && record.recorded_origin().is_none() && !self.has_conflict(desired) {
                return Ok(NsStep::Repair);
            }
            overwrites
        };
        if !displaces {
            return Err(if own_names { self.held_by_others() } else { self.not_ours() });
        }
        if unreadable {
            // It would later be impossible to tell who held the displaced name servers (OWN-7).
            return Err(Refusal::UnreadableClaim { record: self.record_name.clone() });
        }
        if origin.is_some() {
            let owners = self.holders_naming(current_ns);
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
        let owners = Holders::new(others, self.record);
        Refusal::ClaimedByOthers { name: self.name(), desired: self.desired_text(), owners }
    }

    /// The refusal to change name servers that this resource's claim does not name.
    fn not_ours(&self) -> Refusal {
        let (name, current, desired) = (self.name(), self.current_text(), self.desired_text());
        Refusal::NotOurs { name, current, desired, owners: self.others_naming_current() }
    }

    /// The refusal to change name servers that the claims of this resource and of others name.
    fn held_by_others(&self) -> Refusal {
        let (name, current, desired) = (self.name(), self.current_text(), self.desired_text());
        Refusal::HeldByOthers { name, current, desired, owners: self.others_naming_current() }
    }

    fn others_naming_current(&self) -> Holders {
        self.others_naming(self.current_ns.as_ref().map(|(_, digest)| *digest))
    }

    /// Returns the other owners whose claims name these name servers.
    pub(super) fn others_naming(&self, ns: Option<Digest>) -> Holders {
        self.owners_of(self.record.others(&self.goal.claimant), ns)
    }

    /// Returns all owners, including this resource, whose claims name these name servers.
    pub(super) fn holders_naming(&self, ns: Option<Digest>) -> Holders {
        self.owners_of(self.record.others(&self.goal.claimant).chain(self.own), ns)
    }

    fn owners_of<'c>(
        &self,
        claims: impl Iterator<Item = &'c Claim>,
        ns: Option<Digest>,
    ) -> Holders {
        Holders::new(claims.filter(|claim| Some(claim.ns) == ns), self.record)
    }
}
