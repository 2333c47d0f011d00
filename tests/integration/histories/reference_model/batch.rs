//! Checks each batch against the tables, and records its consequences for the holders.

use sandbox::Call;

use super::{Delivery, Records, ReferenceModel, point_state};
use crate::histories::fixture::{Point, plain};
use crate::invariants::ownership::{
    Asks, Batch, Behavior, CreateUpdateRow, Reason, Row, check_batch,
};
use crate::invariants::record::PointState;

/// A point before and after a batch.
struct Effect {
    point: Point,
    before: PointState,
    after: PointState,
    /// True if nothing else has changed the zone since it was read.
    undisturbed: bool,
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
                &format!("the comment {comment:?} names no running request"),
            );
        };
        let delivery = self.active[index].clone();
        let touches = |point: &Point| {
            point.zone == zone
                && call.changes.iter().all(|change| {
                    let name = plain(&change.record.name);
                    match change.record.rtype.as_str() {
                        "NS" | "DS" => name == point.name,
                        "TXT" => name == point.record(),
                        _ => false,
                    }
                })
        };
        let points = delivery
            .destinations
            .iter()
            .map(|(point, _)| point)
            .chain(&delivery.leaves)
            .chain(&delivery.cleanup);
        let Some(point) = points.into_iter().find(|point| touches(point)).cloned() else {
            let text =
                "a batch changes a record set outside the delegation and its ownership record";
            return self.violated("promise 1", text);
        };
        let effect = Effect {
            before: point_state(before, &point),
            after: self.point_state(&point),
            undisturbed: self.zone_edits[zone] < delivery.changing && self.active.len() == 1,
            point,
        };
        if delivery.is_stale() {
            self.violated(
                "fence",
                "a request changed something after CloudFormation had given up on it",
            );
        }
        let is_create_update =
            delivery.destinations.iter().any(|(point, _)| *point == effect.point);
        match self.matching_row(&delivery, &effect, before) {
            Err(wrong) => self
                .violated("tables", &format!("{wrong} ({} of {})", delivery.kind, delivery.owner)),
            Ok((row, behavior)) => {
                self.count(&row.to_string());
                if is_create_update {
                    self.active[index].row = Some((row, delivery.changing));
                    self.check_occlusion(&delivery, &effect.point, before);
                }
                self.follow(&delivery, &effect, row, behavior.as_ref());
            }
        }
        self.count_ds(&effect);
        let owner = &delivery.owner;
        if effect.after.record.own(owner, delivery.now).is_some() && (!delivery.first || self.late)
        {
            let key = (owner.clone(), effect.point.clone());
            if !self.held.contains_key(&key) {
                self.count("claim of a late delivery");
                self.excused.insert(key);
            }
        }
        self.pass_on(&delivery, &effect, is_create_update);
    }

    /// Returns the row of the table that the batch matches, and the behavior of the request if it
    /// is a Create or an Update.
    fn matching_row(
        &self,
        delivery: &Delivery,
        effect: &Effect,
        before: &[Records],
    ) -> Result<(Row, Option<Behavior>), String> {
        let stamp = delivery.stamp(&effect.point);
        let mut asks: Vec<(Asks, Option<Behavior>)> = Vec::new();
        let blocked = self.blocked(delivery, effect, before);
        for (_, behavior) in
            delivery.destinations.iter().filter(|(point, _)| *point == effect.point)
        {
            let is_create_update =
                self.create_update_asks(delivery, &effect.point, behavior, blocked);
            asks.extend(
                is_create_update.map(|is_create_update| (is_create_update, Some(behavior.clone()))),
            );
        }
        let arrives = delivery
            .destinations
            .iter()
            .any(|(point, behavior)| *point == effect.point && behavior.is_arrival());
        if arrives {
            asks.push((self.delete_asks(delivery, Reason::Undo), None));
        }
        if delivery.leaves.as_ref() == Some(&effect.point) {
            let why = if delivery.invented {
                let intent = delivery.desired.as_ref().map(|desired| self.intent(desired));
                Reason::Invented { intent: intent.unwrap_or_default(), could_run: true }
            } else {
                Reason::Requested
            };
            asks.push((self.delete_asks(delivery, why), None));
        }
        if delivery.cleanup.as_ref() == Some(&effect.point) {
            asks.push((self.delete_asks(delivery, Reason::Requested), None));
        }
        let mut wrong = "no request asks for a batch there".to_owned();
        for (index, (asks, behavior)) in asks.iter().enumerate() {
            let batch = Batch {
                stamp: &stamp,
                asks,
                before: &effect.before,
                after: &effect.after,
                undisturbed: effect.undisturbed,
            };
            match check_batch(&batch) {
                Ok(row) => return Ok((row, behavior.clone())),
                Err(why) if index == 0 => wrong = why,
                Err(_) => {}
            }
        }
        Err(wrong)
    }

    /// Returns whether something other than ownership prevents the change.
    fn blocked(&self, delivery: &Delivery, effect: &Effect, before: &[Records]) -> Option<bool> {
        if super::occlusion::is_below_a_delegation(before, &self.fixture, &effect.point) {
            return Some(true);
        }
        self.blocked_at(delivery, &effect.point, before)
    }

    /// Records the consequences of a row.
    fn follow(
        &mut self,
        delivery: &Delivery,
        effect: &Effect,
        row: Row,
        behavior: Option<&Behavior>,
    ) {
        let had = effect.before.record.own(&delivery.owner, delivery.now).is_some();
        let key = (delivery.owner.clone(), effect.point.clone());
        let is_irreversible = match behavior {
            // What a late request left there is removed with the rollback of a move to it.
            Some(Behavior::Home { .. }) if self.excused.contains(&key) => true,
            Some(Behavior::InPlace | Behavior::Home { .. }) => {
                use CreateUpdateRow::{Create, Displace, Repair};
                matches!(row, Row::CreateUpdate(Create | Displace | Repair))
            }
            // A retained delegation is removed with the rollback of a move to it.
            Some(Behavior::Replacement { .. }) => had,
            // One that was never updated is removed with the Delete of a cancelled Create.
            None if delivery.invented && self.claims_without_resource.contains(&key) => {
                if effect.after.record.own(&delivery.owner, delivery.now).is_none() {
                    self.mistaken.insert(key.clone());
                }
                true
            }
            // One that has displaced others less than a day ago is replaced by them with the
            // rollback of the Create that declared it again.
            None if self.claims_without_resource.contains(&key) => {
                effect.before.origin().is_some_and(|origin| origin.displaced.is_some())
            }
            None | Some(Behavior::Create) => false,
        };
        if is_irreversible {
            self.irreversible_at.insert(effect.point.clone());
        }
        let past = self.points.entry(effect.point.clone()).or_default();
        if effect.before.servers() != effect.after.servers() {
            past.ours = effect.after.ns.is_some() && behavior.is_some();
        }
        // Name servers from before the first holder stay. This is decided by the records, because
        // the row does not show it if something else changed the zone meanwhile.
        let existed_before =
            effect.before.origin().is_some_and(|origin| origin.displaced.is_none());
        if existed_before && effect.after.record.claims.is_empty() {
            past.ours = false;
        }
        if effect.after.ns.is_none() {
            past.touched = false;
        }
    }

    fn count_ds(&mut self, effect: &Effect) {
        let (before, after) = (&effect.before, &effect.after);
        let changed = before.servers() != after.servers();
        match (before.records(), after.records()) {
            (None, Some(_)) => self.count("DS added"),
            (Some(then), Some(now)) if then != now => self.count("DS replaced"),
            (Some(_), None) if after.ns.is_some() => self.count("DS removed, the delegation stays"),
            (Some(_), None) => self.count("DS removed with the delegation"),
            (Some(_), Some(_)) if changed && before.ns.is_some() => {
                self.count("name servers restored under a DS");
            }
            (Some(_), Some(_)) if after.record.claims.len() < before.record.claims.len() => {
                self.count("DS left to other claims");
            }
            _ => {}
        }
    }

    /// Records what the batch means for the holders.
    fn pass_on(&mut self, delivery: &Delivery, effect: &Effect, is_create_update: bool) {
        let mut lost = Vec::new();
        let at = |held: &Point| *held == effect.point;
        let touched = self.points.get(&effect.point).is_some_and(|past| past.touched);
        for ((owner, _), held) in self.held.iter_mut().filter(|((_, point), _)| at(point)) {
            let claim = effect.after.record.own(owner, delivery.now);
            let exists = effect.after.servers() == Some(&held.servers) && claim.is_some();
            if is_create_update && *owner == delivery.owner {
                // The answer to its own request decides.
                held.broken = true;
            } else if !exists && !held.broken {
                held.broken = true;
                if !is_create_update {
                    lost.push(format!(
                        "{owner} lost its delegation at {:?} to a Delete",
                        effect.point
                    ));
                }
            } else if exists && !touched && claim.is_some_and(|claim| effect.after.holds(claim)) {
                // Restored.
                held.broken = false;
            }
        }
        for text in lost {
            self.violated("promise 2", &text);
        }
    }
}
