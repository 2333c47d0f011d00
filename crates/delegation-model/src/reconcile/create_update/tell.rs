//! What a plan is called, and what the user should know of it.

use super::super::Action;
use super::super::ds::DsPlan;
use super::super::holders::Holders;
use super::super::refusal;
use super::super::warning::Warning;
use super::{NsStep, Point};
use crate::digest::Digest;
use crate::name_servers::NameServers;

impl Point<'_> {
    pub(super) fn action(&self, step: NsStep, desired: Digest, changes: bool) -> Action {
        match step {
            NsStep::Create => Action::Created,
            NsStep::Change | NsStep::Repair | NsStep::Displace => Action::Updated,
            NsStep::Stay if self.goal.is_arrival() => {
                debug_assert_eq!(Some(desired), self.desired);
                self.arrival_action()
            }
            NsStep::Stay if changes => Action::Updated,
            NsStep::Stay => Action::Unchanged,
        }
    }

    /// Where the request came to what stood as wanted.
    pub(super) fn arrival_action(&self) -> Action {
        if self.sharers().is_nobody() { Action::Adopted } else { Action::Shared }
    }

    /// Who else names what is wanted.
    pub(super) fn sharers(&self) -> Holders {
        self.naming(self.desired, false)
    }

    pub(super) fn warnings(
        &self,
        step: NsStep,
        desired: Digest,
        wanted: &NameServers,
        ds: &DsPlan<'_>,
    ) -> Vec<Warning> {
        let Self { goal, seen, record, .. } = self;
        let mut warnings = Vec::new();
        match step {
            NsStep::Create => {
                let hidden: Vec<_> = self.lost(wanted).collect();
                if !hidden.is_empty() {
                    let records = refusal::enumerate(&hidden, seen.more_below);
                    warnings.push(Warning::Hides { name: self.name(), records });
                }
                let bare = seen.at_cut.is_empty() && seen.below.is_empty();
                if let Some(wildcard) = seen.wildcard.clone().filter(|_| bare) {
                    warnings.push(Warning::WildcardCovered { name: self.name(), wildcard });
                }
            }
            NsStep::Displace => {
                let standing = self.standing.as_ref().map(|(_, digest)| *digest);
                warnings.push(Warning::Displaced {
                    name: self.name(),
                    previous: self.current(),
                    ttl: self.ns.and_then(|set| set.ttl).unwrap_or(goal.ttl),
                    owners: self.naming(standing, true),
                    given_back: goal.is_arrival(),
                });
            }
            NsStep::Repair => warnings.push(Warning::DriftRepaired {
                name: self.name(),
                previous: self.current(),
                ttl: self.ns.and_then(|set| set.ttl),
            }),
            NsStep::Stay if goal.is_arrival() => {
                let owners = self.sharers();
                if !owners.is_nobody() {
                    warnings.push(Warning::Shared { name: self.name(), owners });
                }
                let found = self.ns.and_then(|set| set.ttl);
                let ttl = Some((found, goal.ttl)).filter(|(found, wanted)| *found != Some(*wanted));
                let ds = ds.next_update_brings();
                if ttl.is_some() || ds.is_some() {
                    warnings.push(Warning::NextUpdateBrings { name: self.name(), ttl, ds });
                }
            }
            NsStep::Stay => {
                let found = self.ns.and_then(|set| set.ttl);
                if found != Some(goal.ttl) && !self.retimes(desired) {
                    let holders = record.other_holders(&goal.claimant, desired);
                    warnings.push(Warning::TtlKept {
                        name: self.name(),
                        current: found,
                        desired: goal.ttl,
                        owners: Holders::new(holders, record.has_unreadable()),
                    });
                }
            }
            NsStep::Change => {
                let standing = self.standing.as_ref().map(|(_, digest)| *digest);
                let owners = self.naming(standing, false);
                if !owners.is_nobody() {
                    let (name, previous) = (self.name(), self.current());
                    warnings.push(Warning::ChangedForOthers { name, previous, owners });
                }
            }
        }
        warnings.extend(ds.warning());
        warnings
    }
}
