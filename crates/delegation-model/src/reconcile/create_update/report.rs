//! What a plan reports: its action and its warnings.

use super::super::Action;
use super::super::ds::DsPlan;
use super::super::holders::Holders;
use super::super::refusal;
use super::super::warning::Warning;
use super::{NsStep, Point};
use crate::digest::Digest;
use crate::name_servers::NameServers;
use crate::record_set::Change;

impl Point<'_> {
    /// Returns what a batch with these changes to the delegation does, in one word.
    pub(super) fn action(&self, step: NsStep, changes: &[Change]) -> Action {
        match step {
            NsStep::Create => Action::Created,
            NsStep::Unchanged if self.goal.is_arrival() => self.arrival_action(),
            NsStep::Unchanged if changes.is_empty() => Action::Unchanged,
            NsStep::Unchanged | NsStep::Change | NsStep::Repair | NsStep::Displace => {
                Action::Updated
            }
        }
    }

    /// Returns the action of an arrival that finds the delegation as desired.
    pub(super) fn arrival_action(&self) -> Action {
        if self.sharers().is_nobody() { Action::Adopted } else { Action::Shared }
    }

    /// Returns the other owners whose claims name the desired name servers.
    pub(super) fn sharers(&self) -> Holders {
        self.others_naming(self.desired)
    }

    /// Returns what the user should know about the plan.
    pub(super) fn warnings(
        &self,
        step: NsStep,
        desired: Digest,
        desired_ns: &NameServers,
        ds: &DsPlan<'_>,
    ) -> Vec<Warning> {
        let Self { goal, observed, record, .. } = self;
        let mut warnings = Vec::new();
        match step {
            NsStep::Create => {
                let hidden: Vec<_> = self.lost(desired_ns).collect();
                if !hidden.is_empty() {
                    let records = refusal::enumerate(&hidden, observed.comparison());
                    warnings.push(Warning::Hides { name: self.name(), records });
                }
                let bare = observed.at_cut.is_empty() && observed.below.is_empty();
                if let Some(wildcard) = observed.wildcard.clone().filter(|_| bare) {
                    // The names between the wildcard and the cut exist from now on, so it does not
                    // answer below them either (RFC 4592, section 2.2.2).
                    let mut above = goal.name.ancestors();
                    let name = above.find(|name| name.parent() == wildcard.parent());
                    let name = name.unwrap_or_else(|| self.name());
                    warnings.push(Warning::WildcardCovered { name, wildcard });
                }
            }
            NsStep::Displace => {
                let current_ns = self.current_ns.as_ref().map(|(_, digest)| *digest);
                warnings.push(Warning::Displaced {
                    name: self.name(),
                    previous: self.current_text(),
                    ttl: self.ns.and_then(|set| set.ttl).unwrap_or(goal.ttl),
                    owners: self.holders_naming(current_ns),
                    restored_by_rollback: goal.is_arrival(),
                });
            }
            NsStep::Repair => warnings.push(Warning::DriftRepaired {
                name: self.name(),
                previous: self.current_text(),
                ttl: self.ns.and_then(|set| set.ttl),
            }),
            NsStep::Unchanged if goal.is_arrival() => {
                let owners = self.sharers();
                if !owners.is_nobody() {
                    warnings.push(Warning::Shared { name: self.name(), owners });
                }
                let current = self.ns.and_then(|set| set.ttl);
                let ttl = Some((current, goal.ttl))
                    .filter(|(current, desired)| *current != Some(*desired));
                let ds = ds.next_update_changes();
                if ttl.is_some() || ds.is_some() {
                    warnings.push(Warning::NextUpdateChanges { name: self.name(), ttl, ds });
                }
            }
            NsStep::Unchanged => {
                let current = self.ns.and_then(|set| set.ttl);
                if current != Some(goal.ttl) && !self.sets_ttl(desired) {
                    let holders = record.other_holders(&goal.claimant, desired);
                    warnings.push(Warning::TtlKept {
                        name: self.name(),
                        current,
                        desired: goal.ttl,
                        owners: Holders::new(holders, record),
                    });
                }
            }
            NsStep::Change => {
                let current_ns = self.current_ns.as_ref().map(|(_, digest)| *digest);
                let owners = self.others_naming(current_ns);
                if !owners.is_nobody() {
                    let (name, previous) = (self.name(), self.current_text());
                    warnings.push(Warning::ChangedForOthers { name, previous, owners });
                }
            }
        }
        warnings.extend(ds.warning());
        warnings
    }
}
