//! What must hold when a delivery has ended, and when a step has.

use sandbox::{Put, StackOutcome};
use serde_json::Value;

use super::{Delivery, Held, Ledger, claims_at, delegation_at, records, text};
use crate::histories::atlas::Place;
use crate::histories::history::NAMES;
use crate::laws::claims::stack_of;

impl Ledger {
    /// A delivery has ended, with an error towards Lambda or without, after these PUTs. `heard` tells that an earlier delivery's answer
    /// had been stored.
    pub(crate) fn end(&mut self, request_id: &str, error: Option<&str>, puts: &[Put], heard: bool) {
        let Some(index) = self.active.iter().position(|delivery| delivery.request_id == request_id) else { return };
        let delivery = self.active.remove(index);
        self.check_answers(&delivery, error, puts);
        let answer = puts.last().map(Put::json).unwrap_or_default();
        let success = answer["Status"] == "SUCCESS";
        let stored = puts.iter().any(|put| put.stored);
        let reason = text(&answer, "Reason");
        let id = text(&answer, "PhysicalResourceId");
        self.note(&format!("{} {} ends: {} {id} {reason}", delivery.kind, delivery.owner, answer["Status"]));
        let action = answer["Data"]["Action"].as_str().unwrap_or("");
        self.count(format!("{} {} {action}", delivery.kind, answer["Status"].as_str().unwrap_or("none")).trim_end());
        let calm = self.is_calm(&delivery);
        match (delivery.kind.as_str(), success) {
            ("Delete", true) => self.check_deleted(&delivery),
            ("Delete", false) => self.excuse(&delivery),
            (_, true) => self.check_success(&delivery, &answer, calm),
            (_, false) if delivery.must_succeed && self.last_edit < delivery.began && !self.in_trouble => {
                self.violated(
                    6,
                    &format!("nothing stands in the way of the {}, and it failed: {reason}", delivery.kind),
                );
            }
            (_, false) => {}
        }
        if success && delivery.kind != "Delete" {
            self.hold(&delivery, stored && !heard, calm);
        }
        if delivery.kind == "Delete" && !stored && !heard {
            self.excuse(&delivery);
        }
    }

    /// The outside actor has not touched the target since what stands there was read.
    fn is_calm(&self, delivery: &Delivery) -> bool {
        let history = delivery.target.as_ref().and_then(|place| self.places.get(place));
        history.is_none_or(|history| history.edited < delivery.settled)
    }

    fn check_answers(&mut self, delivery: &Delivery, error: Option<&str>, puts: &[Put]) {
        let bodies_differ = puts.windows(2).any(|pair| pair[0].body != pair[1].body);
        let delivered = puts.iter().filter(|put| put.status == 200).count();
        if bodies_differ || delivered > 1 {
            self.violated(7, "a delivery was answered more than once");
        }
        if !self.in_trouble && (puts.len() != 1 || delivered != 1 || error.is_some()) {
            self.violated(7, &format!("a delivery was answered by {} PUTs, {error:?}", puts.len()));
        }
        let body = puts.last().map(|put| String::from_utf8_lossy(&put.body).into_owned()).unwrap_or_default();
        let marker = body.contains("\"unresolved/") && body.contains("\"FAILED\"") && delivery.kind == "Create";
        if error.is_some() == (marker || delivered == 1) {
            self.violated(7, &format!("{delivered} answers were delivered, and towards Lambda the end was {error:?}"));
        }
        if body.len() > 4096 || body.contains("X-Amz") || error.is_some_and(|error| error.contains("X-Amz")) {
            self.violated(7, "an answer is too long, or tells the response URL");
        }
    }

    /// A SUCCESS of Create or Update: the zone holds what was asked for.
    fn check_success(&mut self, delivery: &Delivery, answer: &Value, calm: bool) {
        let (Some(asked), Some(place)) = (&delivery.asked, &delivery.target) else {
            return self.violated(6, "a request that names no place succeeded");
        };
        let id = text(answer, "PhysicalResourceId");
        if self.atlas.of_id(&id).as_ref() != Some(place) {
            self.violated(6, &format!("the physical id {id} is not the place that was asked for, {place:?}"));
        }
        // A Delete that has overtaken it may have taken everything away by now.
        if !calm || self.cancelling {
            return;
        }
        if self.delegation(place) != Some((asked.servers.clone(), asked.ttl)) {
            self.violated(6, "a SUCCESS, and the delegation is not what was asked for");
        }
        self.check_secure_success(delivery, place, answer);
        let claims = self.claims(place);
        let others = claims.iter().any(|claim| claim.stack() != stack_of(&delivery.owner));
        // Where a row or a check would refuse, an Update leaves everything as it is, and adds none.
        let refused = others && !asked.overwrite || self.lies_below_a_delegation(place);
        let may_lack = refused && delivery.kind == "Update";
        if !may_lack && !claims.iter().any(|claim| claim.owner == delivery.owner) {
            self.violated(6, "a SUCCESS, and no claim of the resource stands");
        }
    }

    /// The stack got a SUCCESS: it holds the resource. A later one, to another delivery, says only that all is well again.
    fn hold(&mut self, delivery: &Delivery, news: bool, calm: bool) {
        let (Some(asked), Some(place)) = (&delivery.asked, &delivery.target) else { return };
        let key = (delivery.owner.clone(), place.clone());
        let claimed = self.claims(place).iter().any(|claim| claim.owner == delivery.owner);
        let ds = self.covered_by(&delivery.owner, place).filter(|_| calm);
        let held = Held { servers: asked.servers.clone(), ds, broken: !calm || !claimed };
        if news && !self.cancelling && !self.late {
            self.excused.remove(&key);
            self.held.insert(key, held);
        } else if let Some(known) = self.held.get_mut(&key).filter(|known| known.servers == held.servers) {
            known.broken &= held.broken;
        }
    }

    fn check_deleted(&mut self, delivery: &Delivery) {
        let Some(place) = &delivery.target else { return };
        let key = (delivery.owner.clone(), place.clone());
        let mine = |claim: &&crate::laws::claims::Claim| claim.owner == delivery.owner && claim.at <= delivery.at;
        if self.claims(place).iter().any(|claim| mine(&claim)) {
            // The Create that it overtook wrote after the last look: it had outlived this Delete.
            let late = self.active.iter().any(|other| other.owner == delivery.owner);
            if !late {
                self.violated(4, "a Delete succeeded, and a claim of its resource stands");
            }
            self.excused.insert(key);
        } else if self.active.iter().any(|other| other.owner == delivery.owner) {
            self.excused.insert(key);
        } else if !self.claims(place).iter().any(|claim| claim.owner == delivery.owner) {
            self.excused.remove(&key);
        }
    }

    /// What a failed Delete leaves is for a person to look at.
    fn excuse(&mut self, delivery: &Delivery) {
        if let Some(place) = &delivery.target {
            self.excused.insert((delivery.owner.clone(), place.clone()));
        }
    }

    pub(crate) fn begin_step(&mut self, text: &str) {
        self.note(&format!("---- {text}"));
        self.before.clone_from(&self.zones);
        self.step_began = self.tick;
        self.shaky =
            self.held.iter().filter(|(_, held)| held.broken).map(|((_, place), _)| place.name.clone()).collect();
        for place in self.all_places() {
            let held = |owner: &str| self.held.contains_key(&(owner.to_owned(), place.clone()));
            // The claim of a late delivery goes with the next Delete, rollback or not.
            if self.claims(&place).iter().any(|claim| !held(&claim.owner)) {
                self.shaky.insert(place.name);
            }
        }
        self.overwrote = false;
    }

    pub(crate) fn end_step(&mut self, stack: Option<&str>, outcome: Option<&StackOutcome>) {
        let zones: Vec<_> = self.atlas.parents.iter().map(|zone| records(&zone.handle.records())).collect();
        if zones != self.zones {
            self.violated(0, "the replica is not what stands in the parent zones");
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
                        self.violated(3, "a stack is stuck without a cause");
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
        self.check_secure_left();
    }

    fn check_held(&mut self) {
        let stands = |owner: &str, place: &Place, held: &Held| {
            self.delegation(place).is_some_and(|(servers, _)| servers == held.servers)
                && self.claims(place).iter().any(|claim| claim.owner == *owner)
        };
        let lost = self.held.iter().find(|((owner, place), held)| !held.broken && !stands(owner, place, held));
        if let Some(((owner, place), held)) = lost {
            let text = format!("{owner} is held and its delegation {held:?} does not stand at {place:?}");
            self.violated(3, &text);
        }
    }

    /// No claim without a resource that is held, and no delegation of the function without a claim.
    fn check_left(&mut self) {
        for place in self.all_places() {
            let claims = self.claims(&place);
            let left = claims.iter().find(|claim| {
                let key = (claim.owner.clone(), place.clone());
                !self.held.contains_key(&key)
                    && !self.excused.contains(&key)
                    && !self.stuck.contains(stack_of(&claim.owner))
            });
            if let Some(left) = left {
                let text = format!("no stack holds {}, and its claim stands at {place:?}", left.owner);
                self.violated(4, &text);
            }
            let ours = self.places.get(&place).is_some_and(|history| history.ours && !history.touched);
            if claims.is_empty() && ours && self.delegation(&place).is_some() {
                self.violated(4, &format!("the delegation at {place:?} was made by the function, and no claim stands"));
            }
        }
    }

    /// All is as before: a delegation that was adopted, too.
    fn check_rolled_back(&mut self, stack: &str) {
        for place in self.all_places() {
            let edited = self.places.get(&place).is_some_and(|history| history.edited >= self.step_began);
            if edited || self.overwrote || self.shaky.contains(&place.name) {
                continue;
            }
            let names = |found: Option<(crate::histories::atlas::Servers, u32)>| found.map(|(servers, _)| servers);
            if names(delegation_at(&self.before, &place)) != names(self.delegation(&place)) {
                self.violated(
                    5,
                    &format!("{stack} was rolled back, and the name servers at {place:?} are not as before"),
                );
            }
            self.check_adoption_rolled_back(stack, &place);
            let (before, strangers) = claims_at(&self.before, &place);
            let (after, strangers_now) = claims_at(&self.zones, &place);
            let owners = |claims: &[crate::laws::claims::Claim]| -> Vec<String> {
                let kept = claims.iter().filter(|claim| !self.excused.contains(&(claim.owner.clone(), place.clone())));
                kept.map(|claim| claim.owner.clone()).collect()
            };
            let (mut owners, mut owners_now) = (owners(&before), owners(&after));
            owners.sort();
            owners_now.sort();
            if owners != owners_now || strangers != strangers_now {
                self.violated(5, &format!("{stack} was rolled back, and the claims at {place:?} are not as before"));
            }
        }
    }

    pub(super) fn all_places(&self) -> Vec<Place> {
        let zones = 0..self.zones.len();
        zones.flat_map(|zone| NAMES.map(|name| Place { zone, name: name.to_owned() })).collect()
    }
}
