//! What a batch may do: the tables, and what follows for those who hold the delegation.

use sandbox::Call;

use super::{Delivery, Records, ReferenceModel, scene};
use crate::histories::atlas::{Place, plain};
use crate::invariants::ownership::{Asks, Batch, Leave, Way, judge};
use crate::invariants::record::Scene;

/// A place before and after a batch.
struct Turn {
    place: Place,
    before: Scene,
    after: Scene,
    /// Nobody else has touched the zone since it was read.
    calm: bool,
}

impl ReferenceModel {
    pub(super) fn check_batch(&mut self, call: &Call, zone: usize, before: &[Records]) {
        let comment = call.comment.clone().unwrap_or_default();
        let index = self.active.iter().position(|delivery| {
            comment.contains(&delivery.owner)
                && (self.active.len() == 1 || comment.contains(&delivery.kind))
        });
        let Some(index) = index else {
            return self.violated(
                "promise 1",
                &format!("the comment {comment:?} tells no request that is under way"),
            );
        };
        let delivery = self.active[index].clone();
        let touches = |place: &Place| {
            place.zone == zone
                && call.changes.iter().all(|change| {
                    let name = plain(&change.record.name);
                    match change.record.rtype.as_str() {
                        "NS" | "DS" => name == place.name,
                        "TXT" => name == place.record(),
                        _ => false,
                    }
                })
        };
        let places = delivery
            .goes
            .iter()
            .map(|(place, _)| place)
            .chain(&delivery.leaves)
            .chain(&delivery.cleanup);
        let Some(place) = places.into_iter().find(|place| touches(place)).cloned() else {
            let text = "a batch changes what is neither the delegation nor the ownership record of its place";
            return self.violated("promise 1", text);
        };
        let turn = Turn {
            before: scene(before, &place),
            after: self.scene(&place),
            calm: self.zone_edits[zone] < delivery.changing && self.active.len() == 1,
            place,
        };
        if delivery.is_stale() {
            self.violated(
                "fence",
                "a request changed something although CloudFormation has given up on it",
            );
        }
        let present = delivery.goes.iter().any(|(place, _)| *place == turn.place);
        match self.judged(&delivery, &turn, before) {
            Err(wrong) => self
                .violated("tables", &format!("{wrong} ({} of {})", delivery.kind, delivery.owner)),
            Ok((row, way)) => {
                self.count(row);
                if present {
                    self.active[index].row = Some((row, delivery.changing));
                    self.check_occlusion(&delivery, &turn.place, before);
                }
                self.follow(&delivery, &turn, row, way.as_ref());
            }
        }
        self.count_ds(&turn);
        let owner = &delivery.owner;
        if turn.after.record.own(owner, delivery.now).is_some() && (!delivery.first || self.late) {
            let key = (owner.clone(), turn.place.clone());
            if !self.held.contains_key(&key) {
                self.count("claim of a late delivery");
                self.excused.insert(key);
            }
        }
        self.pass_on(&delivery, &turn, present);
    }

    /// The row of the table that the batch is, and how the request came, if it is a Create or an
    /// Update there.
    fn judged(
        &self,
        delivery: &Delivery,
        turn: &Turn,
        before: &[Records],
    ) -> Result<(&'static str, Option<Way>), String> {
        let stamp = delivery.stamp(&turn.place);
        let mut asks: Vec<(Asks, Option<Way>)> = Vec::new();
        let hindered = self.hindered(delivery, turn, before);
        for (_, way) in delivery.goes.iter().filter(|(place, _)| *place == turn.place) {
            let present = self.present(delivery, &turn.place, way, hindered);
            asks.extend(present.map(|present| (present, Some(way.clone()))));
        }
        let arrives =
            delivery.goes.iter().any(|(place, way)| *place == turn.place && way.is_arrival());
        if arrives {
            asks.push((self.absent(delivery, Leave::Undo), None));
        }
        if delivery.leaves.as_ref() == Some(&turn.place) {
            let why = if delivery.invented {
                let intent = delivery.asked.as_ref().map(|asked| self.intent(asked));
                Leave::Invented { intent: intent.unwrap_or_default(), could_run: true }
            } else {
                Leave::Asked
            };
            asks.push((self.absent(delivery, why), None));
        }
        if delivery.cleanup.as_ref() == Some(&turn.place) {
            asks.push((self.absent(delivery, Leave::Asked), None));
        }
        let mut wrong = "nobody asked for a batch there".to_owned();
        for (index, (asks, way)) in asks.iter().enumerate() {
            let batch = Batch {
                stamp: &stamp,
                asks,
                before: &turn.before,
                after: &turn.after,
                calm: turn.calm,
            };
            match judge(&batch) {
                Ok(row) => return Ok((row, way.clone())),
                Err(why) if index == 0 => wrong = why,
                Err(_) => {}
            }
        }
        Err(wrong)
    }

    /// Whether something that is no matter of ownership forbids the change.
    fn hindered(&self, delivery: &Delivery, turn: &Turn, before: &[Records]) -> Option<bool> {
        if super::occlusion::lies_below_a_delegation(before, &self.atlas, &turn.place) {
            return Some(true);
        }
        self.hindered_at(delivery, &turn.place, before)
    }

    /// What follows from a row.
    fn follow(&mut self, delivery: &Delivery, turn: &Turn, row: &'static str, way: Option<&Way>) {
        let had = turn.before.record.own(&delivery.owner, delivery.now).is_some();
        let key = (delivery.owner.clone(), turn.place.clone());
        let is_final = match way {
            // What a late request left there goes with the rollback of a move to it.
            Some(Way::Home { .. }) if self.excused.contains(&key) => true,
            Some(Way::InPlace | Way::Home { .. }) => {
                ["displaced", "repaired", "made"].contains(&row)
            }
            // A retained delegation goes with the rollback of a move to it.
            Some(Way::Replacement { .. }) => had,
            // And one that was never updated with the Delete of a Create whose answer nobody heard.
            None if delivery.invented && self.unheld.contains(&key) => {
                if turn.after.record.own(&delivery.owner, delivery.now).is_none() {
                    self.mistaken.insert(key.clone());
                }
                true
            }
            None => false,
            Some(Way::Create) => false,
        };
        if is_final {
            self.final_at.insert(turn.place.clone());
        }
        let past = self.places.entry(turn.place.clone()).or_default();
        if turn.before.servers() != turn.after.servers() {
            past.ours = turn.after.ns.is_some() && way.is_some();
        }
        // What stood before is left behind. The records tell it: where somebody touched the zone
        // meanwhile, the row does not.
        let existed_before = turn.before.origin().is_some_and(|before| before.displaced.is_none());
        if existed_before && turn.after.record.claims.is_empty() {
            past.ours = false;
        }
        if turn.after.ns.is_none() {
            past.touched = false;
        }
    }

    fn count_ds(&mut self, turn: &Turn) {
        let (before, after) = (&turn.before, &turn.after);
        let changed = before.servers() != after.servers();
        match (before.records(), after.records()) {
            (None, Some(_)) => self.count("DS added"),
            (Some(then), Some(now)) if then != now => self.count("DS replaced"),
            (Some(_), None) if after.ns.is_some() => self.count("DS removed, the delegation stays"),
            (Some(_), None) => self.count("DS removed with the delegation"),
            (Some(_), Some(_)) if changed && before.ns.is_some() => {
                self.count("name servers put back under a DS");
            }
            (Some(_), Some(_)) if after.record.claims.len() < before.record.claims.len() => {
                self.count("DS left to other claims");
            }
            _ => {}
        }
    }

    /// What the batch means for those who hold the delegation.
    fn pass_on(&mut self, delivery: &Delivery, turn: &Turn, present: bool) {
        let mut lost = Vec::new();
        let at = |held: &Place| *held == turn.place;
        let touched = self.places.get(&turn.place).is_some_and(|past| past.touched);
        for ((owner, _), held) in self.held.iter_mut().filter(|((_, place), _)| at(place)) {
            let claim = turn.after.record.own(owner, delivery.now);
            let stands = turn.after.servers() == Some(&held.servers) && claim.is_some();
            if present && *owner == delivery.owner {
                // Its own request: what it means is settled by the answer.
                held.broken = true;
            } else if !stands && !held.broken {
                held.broken = true;
                if !present {
                    lost.push(format!(
                        "{owner} lost its delegation at {:?} to a Delete",
                        turn.place
                    ));
                }
            } else if stands && !touched && claim.is_some_and(|claim| turn.after.holds(claim)) {
                // Given back.
                held.broken = false;
            }
        }
        for text in lost {
            self.violated("promise 2", &text);
        }
    }
}
