//! Checks the state when no operation is running.

use crate::model::Model;
use crate::points::{ClaimView, PointView};
use crate::state::{LeftBy, Maker, State};
use crate::values::{Config, resource_text, zone_letter};

impl Model {
    /// Checks that everything that exists belongs to a live resource.
    pub(crate) fn check_idle(&mut self, state: &State) {
        for zone in 0..2u8 {
            let view = self.points.view(state.points[usize::from(zone)]).clone();
            let living = self.living(state, zone);
            self.check_left(state, zone, &view, &living);
            for (resource, _) in &living {
                self.check_held(state, zone, &view, *resource);
            }
        }
    }

    fn check_left(&mut self, state: &State, zone: u8, view: &PointView, living: &[(u8, Config)]) {
        let facts = state.facts[usize::from(zone)];
        let is_living = |resource: u8| living.iter().any(|(other, _)| *other == resource);
        for claim in &view.claims {
            if is_living(claim.resource) {
                continue;
            }
            if facts.forgotten >> claim.resource & 1 == 1 {
                self.excuse("dead-claim");
            } else if facts.late >> claim.resource & 1 == 1 {
                self.excuse("late-request");
            } else {
                let who = resource_text(claim.resource);
                self.violation(format!(
                    "PROMISE 2: the claim of {who} is left in {}",
                    zone_letter(zone)
                ));
            }
        }
        let desired = living.iter().any(|(_, config)| view.servers == Some(config.servers));
        if view.servers.is_some() && facts.maker == Maker::Ours && !desired {
            let names =
                |claim: &&ClaimView| !is_living(claim.resource) && claim.servers == view.servers;
            let of = |bits: u8| {
                view.claims.iter().filter(names).any(|claim| bits >> claim.resource & 1 == 1)
            };
            let warned = living.iter().any(|(resource, _)| facts.warned >> resource & 1 == 1);
            if of(facts.forgotten) || facts.left_by == LeftBy::Forgotten {
                self.excuse("dead-claim");
            } else if of(facts.late) || facts.left_by == LeftBy::Late {
                self.excuse("late-request");
            } else if facts.left_by == LeftBy::ByHand {
                self.excuse("claim-removed-by-hand");
            } else if warned {
                self.excuse("left-as-it-is");
            } else {
                self.violation(format!(
                    "PROMISE 2: name servers are left in {}",
                    zone_letter(zone)
                ));
            }
        }
        if view.records_origin && view.claims.is_empty() && facts.claims_by_hand == 0 {
            self.violation("OWN-5: a before is left without a claim".into());
        }
        if view.servers.is_none() && view.ds.is_some() && !facts.ns_by_hand && !facts.ds_by_hand {
            self.violation("LEAVE-3: a DS record set is left without name servers".into());
        }
    }

    /// Checks that the delegation exists as long as a stack has the resource.
    fn check_held(&mut self, state: &State, zone: u8, view: &PointView, resource: u8) {
        let facts = state.facts[usize::from(zone)];
        let who = resource_text(resource);
        if view.claim(resource).is_none() {
            if facts.claims_by_hand >> resource & 1 == 1 {
                self.excuse("claim-removed-by-hand");
            } else if facts.lost >> resource & 1 == 1 {
                self.excuse("lost-before");
            } else {
                self.violation(format!("PROMISE 2: {who} has no claim in {}", zone_letter(zone)));
            }
        }
        if view.servers.is_none() {
            if facts.ns_by_hand {
                self.excuse("name-servers-by-hand");
            } else if facts.lost >> resource & 1 == 1 {
                self.excuse("lost-before");
            } else {
                self.violation(format!(
                    "PROMISE 2: no name servers exist in {} for {who}",
                    zone_letter(zone)
                ));
            }
        }
    }
}
