//! The checks that refuse a delegation no matter who holds it.

use super::super::ds::DsPlan;
use super::super::occluded;
use super::super::refusal::Refusal;
use super::{NsStep, Point};
use crate::digest::Digest;
use crate::name::Name;
use crate::name_servers::NameServers;
use crate::ownership_record::Claim;
use crate::record_set::{RecordSet, RecordType};
use crate::ttl::Ttl;

impl Point<'_> {
    /// Checks everything that does not depend on who holds the delegation.
    pub(super) fn check_surroundings(&self) -> Result<(), Refusal> {
        let Self { goal, observed, .. } = self;
        // Without a claim the request would start to manage the name, whatever its physical id
        // says.
        if !goal.allowed && self.own.is_none() {
            return Err(Refusal::NotAllowed { name: self.name() });
        }
        if let Some(check) = &goal.failed_check {
            return Err(Refusal::Check(check.clone()));
        }
        if observed.at_cut(&RecordType::Cname).is_some() {
            return Err(Refusal::Cname { name: self.name() });
        }
        if let Some(above) = observed.above.last() {
            let servers = NameServers::values_for_people(&above.values);
            let above = above.name.clone();
            return Err(Refusal::DelegatedAbove { name: self.name(), above, servers });
        }
        // AllowOcclusion is up to the sender of the request, who must not get the parent zone.
        let mut servers = observed.apex_name_servers.iter().flat_map(NameServers::iter);
        if self.ns.is_none()
            && !goal.listed
            && let Some(server) = servers.find(|server| server.is_at_or_below(&goal.name))
        {
            let server = server.clone();
            return Err(Refusal::ParentNameServer { name: self.name(), server });
        }
        let sets = [self.ns, observed.ownership.as_ref()].into_iter().flatten();
        match sets.into_iter().find(|set| !set.is_simple) {
            Some(set) => Err(Refusal::RoutingPolicy {
                name: set.name.clone(),
                record_type: set.record_type.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Checks that each name server at or below the cut has an address in the parent zone.
    pub(super) fn check_glue(&self, desired_ns: &NameServers) -> Result<(), Refusal> {
        let Self { goal, observed, .. } = self;
        // A name server at or below the cut can be reached only by its address in the parent zone
        // (RFC 1034, section 4.2.1).
        let glued = |server: &Name| {
            let sets = observed.at_cut.iter().chain(&observed.below);
            sets.into_iter().any(|set| set.name == *server && set.record_type.is_address())
        };
        match desired_ns.iter().find(|server| server.is_at_or_below(&goal.name) && !glued(server)) {
            Some(server) => Err(Refusal::NoGlue { name: self.name(), server: server.clone() }),
            None => Ok(()),
        }
    }

    /// Checks that a request for a name that is not allowed writes only what its claim says, and
    /// never over what others made (ALLOW-2). `claim` is the claim after the batch. It names
    /// nothing that the claim before it did not name, because it may be restored later.
    pub(super) fn check_allowed(
        &self,
        step: NsStep,
        claim: &Claim,
        ds: &DsPlan<'_>,
    ) -> Result<(), Refusal> {
        let (goal, own) = (self.goal, self.own);
        // The claim has no TTL, so what is restored gets at most the default.
        let step_fits = match step {
            NsStep::Unchanged => !self.sets_ttl(claim.ns),
            NsStep::Create | NsStep::Repair => goal.ttl <= Ttl::DELEGATION,
            NsStep::Change | NsStep::Displace => false,
        };
        let ns_fits = step_fits && own.is_some_and(|own| own.ns == claim.ns);
        let named = |ds: Digest| own.is_some_and(|own| own.ds == Some(ds));
        let restores = |ds: Digest| named(ds) && goal.ds_ttl <= Ttl::DS;
        let ds_fits =
            claim.ds.is_none_or(named) && !ds.changes_ttl() && ds.writes().is_none_or(restores);
        if goal.allowed || (ns_fits && ds_fits) {
            Ok(())
        } else {
            Err(Refusal::NoLongerAllowed { name: self.name() })
        }
    }

    /// Returns the record sets that the delegation would hide and the child zone lacks.
    pub(super) fn lost<'b>(
        &'b self,
        desired_ns: &'b NameServers,
    ) -> impl Iterator<Item = &'b RecordSet> {
        let covered = |set: &RecordSet| {
            self.observed.covered.contains(&(set.name.clone(), set.record_type.clone()))
        };
        occluded(&self.goal.name, Some(desired_ns), self.observed).filter(move |set| !covered(set))
    }
}
