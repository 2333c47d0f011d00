//! The properties: what must never happen. Each names the rule of `docs/design.md` behind it, and
//! is independent of how the planner decides. Limits that the contract allows are excused here,
//! each by its name.

mod answers;
mod batch;
mod caches;
mod facts;
mod idle;
mod rollback;

use crate::model::{Finding, Model};
use crate::state::{Held, Operation, Physical, State};
use crate::values::{BY_HAND, Config};

pub(crate) use caches::Whose;
/// The names of the excuses. `docs/model-checking.md` has a line for each.
pub const EXCUSES: [&str; 21] = [
    "late-request",
    "dead-claim",
    "bystander",
    "dormant-claim",
    "claim-removed-by-hand",
    "name-servers-by-hand",
    "overwritten-in-place",
    "overwritten-by-another",
    "retained-and-cancelled",
    "retained-and-moved-back",
    "rolled-back-after-a-day",
    "dead-name-servers",
    "lost-before",
    "keys-rolled",
    "ds-by-hand",
    "left-as-it-is",
    "ttl-of-an-arrival",
    "stuck-by-hand",
    "skipped-before",
    "ds-without-name-servers",
    "second-delivery-after-an-unresolved-id",
];

/// A day in seconds.
const DAY: i32 = 86_400;

impl Model {
    fn violation(&mut self, text: String) {
        self.findings.push(Finding::Violation(text));
    }

    fn excuse(&mut self, name: &'static str) {
        debug_assert!(EXCUSES.contains(&name), "{name}");
        self.findings.push(Finding::Excused(name));
    }

    /// Returns whether a child zone exists. It is deleted with the last stack that names it. Name
    /// servers that were set by hand always exist.
    pub(crate) fn is_alive(&self, state: &State, servers: u8) -> bool {
        if servers == BY_HAND || state.kept >> servers & 1 == 1 {
            return true;
        }
        let names = |config: u8| self.config(config).servers == servers;
        let held = state.slots.iter().flatten().any(|held| names(held.config));
        let in_operation = |operation: &Operation| {
            operation.before.iter().flatten().any(|held| names(held.config))
                || operation.target.iter().flatten().any(|config| names(*config))
        };
        held || state.operations.iter().flatten().any(in_operation)
    }

    /// Returns the resources that CloudFormation has at a point, with their properties.
    fn living(&self, state: &State, zone: u8) -> Vec<(u8, Config)> {
        let here = |held: &Held| held.physical == Physical::Point(zone);
        let all = state.slots.iter().zip(0u8..);
        all.filter_map(|(held, resource)| Some((resource, held.filter(here)?)))
            .map(|(resource, held)| (resource, self.config(held.config)))
            .collect()
    }
}
