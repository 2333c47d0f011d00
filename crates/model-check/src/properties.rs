//! The properties: what may never happen. Each names the rule of `docs/design.md` behind it, and
//! knows nothing of how the planner decides. What the contract leaves is excused here, each by its
//! name.

mod answers;
mod batch;
mod caches;
mod facts;
mod quiet;
mod rollback;

use crate::model::{Finding, Model};
use crate::values::{BY_HAND, Config};
use crate::world::{Held, Operation, Physical, World};

pub(crate) use caches::Whose;
/// The name of everything that is excused. The page has a line for each.
pub const EXCUSES: [&str; 21] = [
    "late-request",
    "dead-claim",
    "bystander",
    "sleeping-claim",
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
    "second-delivery-after-a-marker",
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

    /// Whether a child zone is there: it dies with the last stack that names it. Name servers set
    /// by hand never do.
    pub(crate) fn is_alive(&self, world: &World, servers: u8) -> bool {
        if servers == BY_HAND || world.kept >> servers & 1 == 1 {
            return true;
        }
        let names = |config: u8| self.config(config).servers == servers;
        let held = world.slots.iter().flatten().any(|held| names(held.config));
        let in_operation = |operation: &Operation| {
            operation.before.iter().flatten().any(|held| names(held.config))
                || operation.target.iter().flatten().any(|config| names(*config))
        };
        held || world.operations.iter().flatten().any(in_operation)
    }

    /// The resources that CloudFormation holds at a point, with what they want.
    fn living(&self, world: &World, zone: u8) -> Vec<(u8, Config)> {
        let here = |held: &Held| held.physical == Physical::Point(zone);
        let all = world.slots.iter().zip(0u8..);
        all.filter_map(|(held, resource)| Some((resource, held.filter(here)?)))
            .map(|(resource, held)| (resource, self.config(held.config)))
            .collect()
    }
}
