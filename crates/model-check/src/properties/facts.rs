//! Records the history of delegation points that their record sets do not show: who made them, and
//! what was left there.

use super::batch::Effect;
use crate::model::Model;
use crate::points::{ClaimView, PointView};
use crate::state::{Facts, LeftBy, Maker, Part, State};
use crate::values::stack_of;

impl Model {
    /// Records that the Delete of a resource was given up, forced, or omitted, so that what it
    /// holds is left.
    pub(crate) fn note_forgotten(&self, state: &mut State, zone: u8, resource: u8) {
        let view = self.points.view(state.points[usize::from(zone)]);
        let names = view.claim(resource).is_some_and(|claim| claim.servers == view.servers);
        let facts = &mut state.facts[usize::from(zone)];
        facts.forgotten |= 1 << resource;
        if names && view.servers.is_some() {
            facts.left_by = LeftBy::Forgotten;
        }
    }

    pub(super) fn note_write(&self, state: &mut State, effect: &Effect) {
        let Effect { request, before, after, zone, part, .. } = effect;
        let own_was = before.claim(request.resource).copied();
        let living = self.living(state, *zone);
        let as_desired = living.iter().all(|(_, wants)| after.servers == Some(wants.servers));
        let facts = &mut state.facts[usize::from(*zone)];
        let is_one_of = |bits: u8| move |claim: &ClaimView| bits >> claim.resource & 1 == 1;
        let is_any_forgotten =
            |view: &PointView, facts: &Facts| naming_current(view).any(is_one_of(facts.forgotten));
        // Only such resources claim the delegation that an arrival finds.
        if naming_current(before).next().is_some()
            && naming_current(before).all(is_one_of(facts.forgotten | facts.late))
        {
            facts.left_by =
                if is_any_forgotten(before, facts) { LeftBy::Forgotten } else { LeftBy::Late };
        }
        // A Create takes the claim that a late delivery left for that of a retained delegation.
        if facts.late >> request.resource & 1 == 1
            && before.origin.is_none()
            && after.origin == Some(None)
        {
            facts.left_by = LeftBy::Late;
        }
        facts.lost &= living.iter().fold(0, |bits, (resource, _)| bits | 1 << resource);
        for (resource, wants) in &living {
            if after.servers == Some(wants.servers) {
                facts.lost &= !(1 << resource);
            }
        }
        let in_place = *part == Part::CreateUpdate && !effect.behavior.is_arrival();
        let held = own_was
            .is_some_and(|own| own.servers == before.servers && i64::from(request.time) > own.time);
        let settles = in_place && held && after.servers == before.servers;
        // A change of the TTL alone changes the maker only if it settles.
        if before.servers != after.servers || (before.ttl != after.ttl && settles) {
            let maker = facts.maker;
            if after.servers.is_none() {
                facts.maker = Maker::Nobody;
            } else if *part == Part::CreateUpdate {
                facts.maker = Maker::Ours;
            } else {
                // A restored delegation has its earlier maker.
                facts.maker = facts.displaced;
            }
            facts.displaced = maker;
            facts.settled = false;
            if after.servers != before.servers {
                let left_by = std::mem::take(&mut facts.left_by);
                if *part == Part::CreateUpdate {
                    facts.displaced_left_by = left_by;
                    facts.left_by = if request.awaited { LeftBy::Nobody } else { LeftBy::Late };
                } else if after.servers.is_some() {
                    facts.left_by = facts.displaced_left_by;
                }
            }
            if is_any_forgotten(after, facts) {
                facts.left_by = LeftBy::Forgotten;
            }
            facts.ns_by_hand &= !as_desired;
            facts.ds_by_hand &= after.ds == before.ds;
        }
        facts.settled |= settles;
        let own = 1 << request.resource;
        // If a Delete leaves a claim, this does not make it the claim of an awaited request.
        if *part == Part::CreateUpdate && after.claim(request.resource).is_some() {
            facts.claims_by_hand &= !own;
            facts.late = if request.awaited { facts.late & !own } else { facts.late | own };
        }
        for resource in 0..3u8 {
            if after.claim(resource).is_none() {
                facts.forgotten &= !(1 << resource);
                facts.late &= !(1 << resource);
                facts.warned &= !(1 << resource);
            }
        }
        facts.origin_by_hand &= after.servers.is_some();
        if after.servers.is_none() && after.claims.is_empty() && living.is_empty() {
            let (forgotten, ds_by_hand) = (facts.forgotten, facts.ds_by_hand);
            *facts = Facts { forgotten, ds_by_hand, ..Default::default() };
        }
        let stack = stack_of(request.resource);
        let displaces = before.servers.is_some()
            && before.servers != after.servers
            && after.origin == Some(before.servers);
        if let Some(operation) =
            state.operations[usize::from(stack)].as_mut().filter(|_| displaces && request.awaited)
        {
            operation.displaced[usize::from(*zone)] = true;
            operation.overwrote[usize::from(*zone)] |= !effect.behavior.is_arrival();
        }
        for (operation, index) in state.operations.iter_mut().zip(0u8..) {
            if let Some(operation) = operation {
                operation.disturbed |= index != stack || !request.awaited;
            }
        }
    }
}

/// Returns the claims that name the current name servers; none if there are no name servers.
fn naming_current(view: &PointView) -> impl Iterator<Item = &ClaimView> {
    let claims = view.claims.iter();
    claims.filter(|claim| view.servers.is_some() && claim.servers == view.servers)
}
