//! Checks the promises of the design at the end of each step.

use sandbox::StackOutcome;

use super::{Held, ReferenceModel, point_state, records, stack_of};
use crate::histories::fixture::Point;
use crate::histories::history::NAMES;
use crate::invariants::record::PointState;

impl ReferenceModel {
    pub(crate) fn begin_step(&mut self, text: &str) {
        self.note(&format!("---- {text}"));
        self.before.clone_from(&self.zones);
        self.step_began = self.tick;
        self.unreliable = self
            .held
            .iter()
            .filter(|(_, held)| held.broken)
            .map(|((_, point), _)| point.name.clone())
            .collect();
        self.irreversible_at.clear();
        self.claims_without_resource.clear();
        self.mistaken.clear();
        for point in self.all_points() {
            let point_state = self.point_state(&point);
            let owners =
                point_state.record.claims.iter().map(|claim| (claim.owner.clone(), point.clone()));
            self.claims_without_resource.extend(owners.filter(|key| !self.held.contains_key(key)));
            let held = |owner: &str| self.held.contains_key(&(owner.to_owned(), point.clone()));
            // A dead dormant claim becomes a holder again if another resource sets its name
            // servers.
            let is_dormant = |owner: &str, holds: bool| !held(owner) && !holds;
            if point_state
                .record
                .claims
                .iter()
                .any(|claim| is_dormant(&claim.owner, point_state.holds(claim)))
            {
                self.unreliable.insert(point.name);
            }
        }
    }

    pub(crate) fn end_step(&mut self, stack: Option<&str>, outcome: Option<&StackOutcome>) {
        let zones: Vec<_> =
            self.fixture.parents.iter().map(|zone| records(&zone.handle.records())).collect();
        if zones != self.zones {
            self.violated("model", "the replica differs from the parent zones");
        }
        if let (Some(stack), Some(outcome)) = (stack, outcome) {
            self.note(&format!("{stack}: {outcome:?}"));
            let word = format!("{outcome:?}");
            self.count(&format!("stack {}", word.split('(').next().unwrap_or_default()));
            match outcome {
                StackOutcome::Complete => {}
                StackOutcome::RolledBack(_) => self.check_rolled_back(stack),
                StackOutcome::Stuck(_) => {
                    if self.quiet {
                        self.violated("promise 2", "a stack is stuck without a cause");
                    }
                    self.stuck.insert(stack.to_owned());
                }
            }
        }
        for (owner, held) in &mut self.held {
            held.broken |= self.stuck.contains(stack_of(&owner.0));
        }
        self.check_held();
        self.check_left();
    }

    fn check_held(&mut self) {
        let exists = |owner: &str, point: &Point, held: &Held| {
            let point_state = self.point_state(point);
            point_state.servers() == Some(&held.servers)
                && point_state.record.claims.iter().any(|claim| claim.owner == *owner)
        };
        let lost = self
            .held
            .iter()
            .find(|((owner, point), held)| !held.broken && !exists(owner, point, held));
        if let Some(((owner, point), held)) = lost {
            let text =
                format!("{owner} exists, but its delegation {held:?} does not exist at {point:?}");
            self.violated("promise 2", &text);
        }
    }

    /// Checks that every claim belongs to a resource of a stack, and that every delegation that the
    /// function made has a claim.
    fn check_left(&mut self) {
        for point in self.all_points() {
            let point_state = self.point_state(&point);
            let left = point_state.record.claims.iter().find(|claim| {
                let key = (claim.owner.clone(), point.clone());
                !self.held.contains_key(&key)
                    && !self.excused.contains(&key)
                    && !self.stuck.contains(stack_of(&claim.owner))
            });
            if let Some(left) = left {
                let text =
                    format!("no stack has {}, but its claim exists at {point:?}", left.owner);
                self.violated("promise 2", &text);
            }
            let ours = self.points.get(&point).is_some_and(|past| past.ours && !past.touched);
            let claimed =
                !point_state.record.claims.is_empty() || point_state.record.has_unreadable();
            if !claimed && ours && point_state.ns.is_some() {
                let text =
                    format!("the function made the delegation at {point:?}, but it has no claim");
                self.violated("promise 2", &text);
            }
            if point_state.record.before.is_some() && !claimed && !self.is_touched(&point) {
                self.violated(
                    "promise 2",
                    &format!("a before is left at {point:?} without a claim"),
                );
            }
        }
    }

    fn is_touched(&self, point: &Point) -> bool {
        self.points.get(point).is_some_and(|past| past.touched)
    }

    /// Checks that a rollback restores everything: what was found, and what was overwritten.
    fn check_rolled_back(&mut self, stack: &str) {
        for point in self.all_points() {
            let edited = self.points.get(&point).is_some_and(|past| past.edited >= self.step_began);
            if edited
                || self.unreliable.contains(&point.name)
                || self.irreversible_at.contains(&point)
            {
                continue;
            }
            let (before, after) = (point_state(&self.before, &point), self.point_state(&point));
            let mine = |point_state: &PointState| {
                point_state.record.claims.iter().any(|claim| stack_of(&claim.owner) == stack)
            };
            // An Update of the stack may have set the TTL and the DS records that an arrival had
            // left.
            let same = before.servers() == after.servers();
            // A DS record set without name servers is removed with those that are added.
            let ds_differs = before.ds != after.ds && (before.ns.is_some() || after.ds.is_some());
            let differs = !same || (!mine(&before) && (before.ns != after.ns || ds_differs));
            if differs {
                let text = format!(
                    "{stack} was rolled back, and the delegation at {point:?} differs:\n    {:?} {:?}\n    {:?} {:?}",
                    before.ns, before.ds, after.ns, after.ds
                );
                self.violated("promise 2", &text);
            }
            let owners = |point_state: &PointState| {
                let mut owners: Vec<String> =
                    point_state.record.claims.iter().map(|claim| claim.owner.clone()).collect();
                // Retained claims are removed with the rollback of their redeclaration.
                owners.retain(|owner| {
                    !self.claims_without_resource.contains(&(owner.clone(), point.clone()))
                });
                owners.sort();
                owners
            };
            if owners(&before) != owners(&after) || before.record.foreign != after.record.foreign {
                self.violated(
                    "promise 2",
                    &format!("{stack} was rolled back, but the claims at {point:?} differ"),
                );
            }
        }
    }

    pub(super) fn all_points(&self) -> Vec<Point> {
        let zones = 0..self.zones.len();
        zones.flat_map(|zone| NAMES.map(|name| Point { zone, name: name.to_owned() })).collect()
    }
}
