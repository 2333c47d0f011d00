//! What must hold when a step has ended: the promises of the design.

use sandbox::StackOutcome;

use super::{Held, ReferenceModel, records, scene, stack_of};
use crate::histories::atlas::Place;
use crate::histories::history::NAMES;
use crate::invariants::record::Scene;

impl ReferenceModel {
    pub(crate) fn begin_step(&mut self, text: &str) {
        self.note(&format!("---- {text}"));
        self.before.clone_from(&self.zones);
        self.step_began = self.tick;
        self.shaky = self
            .held
            .iter()
            .filter(|(_, held)| held.broken)
            .map(|((_, place), _)| place.name.clone())
            .collect();
        self.final_at.clear();
        self.unheld.clear();
        self.mistaken.clear();
        for place in self.all_places() {
            let scene = self.scene(&place);
            let owners =
                scene.record.claims.iter().map(|claim| (claim.owner.clone(), place.clone()));
            self.unheld.extend(owners.filter(|key| !self.held.contains_key(key)));
            let held = |owner: &str| self.held.contains_key(&(owner.to_owned(), place.clone()));
            // A dead claim on other name servers than stand comes to life again where somebody
            // brings these.
            let sleeps = |owner: &str, holds: bool| !held(owner) && !holds;
            if scene.record.claims.iter().any(|claim| sleeps(&claim.owner, scene.holds(claim))) {
                self.shaky.insert(place.name);
            }
        }
    }

    pub(crate) fn end_step(&mut self, stack: Option<&str>, outcome: Option<&StackOutcome>) {
        let zones: Vec<_> =
            self.atlas.parents.iter().map(|zone| records(&zone.handle.records())).collect();
        if zones != self.zones {
            self.violated("model", "the replica is not what stands in the parent zones");
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
        let stands = |owner: &str, place: &Place, held: &Held| {
            let scene = self.scene(place);
            scene.servers() == Some(&held.servers)
                && scene.record.claims.iter().any(|claim| claim.owner == *owner)
        };
        let lost = self
            .held
            .iter()
            .find(|((owner, place), held)| !held.broken && !stands(owner, place, held));
        if let Some(((owner, place), held)) = lost {
            let text =
                format!("{owner} is held and its delegation {held:?} does not stand at {place:?}");
            self.violated("promise 2", &text);
        }
    }

    /// No claim without a resource that is held, and no delegation of the function without a claim.
    fn check_left(&mut self) {
        for place in self.all_places() {
            let scene = self.scene(&place);
            let left = scene.record.claims.iter().find(|claim| {
                let key = (claim.owner.clone(), place.clone());
                !self.held.contains_key(&key)
                    && !self.excused.contains(&key)
                    && !self.stuck.contains(stack_of(&claim.owner))
            });
            if let Some(left) = left {
                let text =
                    format!("no stack holds {}, and its claim stands at {place:?}", left.owner);
                self.violated("promise 2", &text);
            }
            let ours = self.places.get(&place).is_some_and(|past| past.ours && !past.touched);
            let claimed = !scene.record.claims.is_empty() || scene.record.has_unreadable();
            if !claimed && ours && scene.ns.is_some() {
                let text = format!(
                    "the delegation at {place:?} was made by the function, and no claim stands"
                );
                self.violated("promise 2", &text);
            }
            if scene.record.before.is_some() && !claimed && !self.is_touched(&place) {
                self.violated("promise 2", &format!("a before is left at {place:?}, and no claim"));
            }
        }
    }

    fn is_touched(&self, place: &Place) -> bool {
        self.places.get(place).is_some_and(|past| past.touched)
    }

    /// All is as before: what was found, and what was taken over.
    fn check_rolled_back(&mut self, stack: &str) {
        for place in self.all_places() {
            let edited = self.places.get(&place).is_some_and(|past| past.edited >= self.step_began);
            if edited || self.shaky.contains(&place.name) || self.final_at.contains(&place) {
                continue;
            }
            let (before, after) = (scene(&self.before, &place), self.scene(&place));
            let mine = |scene: &Scene| {
                scene.record.claims.iter().any(|claim| stack_of(&claim.owner) == stack)
            };
            // An Update of its own may have brought what an arrival left to it: TTL and DS records.
            let same = before.servers() == after.servers();
            // A DS record set without name servers goes with those that it gets.
            let ds_differs = before.ds != after.ds && (before.ns.is_some() || after.ds.is_some());
            let differs = !same || (!mine(&before) && (before.ns != after.ns || ds_differs));
            if differs {
                let text = format!(
                    "{stack} was rolled back, and the delegation at {place:?} is not as before:\n    {:?} {:?}\n    {:?} {:?}",
                    before.ns, before.ds, after.ns, after.ds
                );
                self.violated("promise 2", &text);
            }
            let owners = |scene: &Scene| {
                let mut owners: Vec<String> =
                    scene.record.claims.iter().map(|claim| claim.owner.clone()).collect();
                // Retained ones go with the rollback of who declares them again.
                owners.retain(|owner| !self.unheld.contains(&(owner.clone(), place.clone())));
                owners.sort();
                owners
            };
            if owners(&before) != owners(&after)
                || before.record.strangers != after.record.strangers
            {
                self.violated(
                    "promise 2",
                    &format!(
                        "{stack} was rolled back, and the claims at {place:?} are not as before"
                    ),
                );
            }
        }
    }

    pub(super) fn all_places(&self) -> Vec<Place> {
        let zones = 0..self.zones.len();
        zones.flat_map(|zone| NAMES.map(|name| Place { zone, name: name.to_owned() })).collect()
    }
}
