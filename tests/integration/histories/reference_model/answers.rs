//! What must hold when a delivery has ended.

use sandbox::Put;
use serde_json::Value;

use super::{Delivery, Held, Key, ReferenceModel, text};
use crate::invariants::ownership::{Asks, Verdict, decide};
use crate::invariants::{ds, record::Values};

/// What the tables say of a delivery that has ended.
enum ExpectedAnswer {
    /// Somebody acted meanwhile, or what forbids it is not known.
    Unknown,
    Fails,
    Succeeds,
}

impl ReferenceModel {
    /// A delivery has ended, with an error towards Lambda or without, after these PUTs. `heard`
    /// tells that an earlier delivery's answer had been stored.
    pub(crate) fn end(&mut self, request_id: &str, error: Option<&str>, puts: &[Put], heard: bool) {
        let Some(index) = self.active.iter().position(|delivery| delivery.request_id == request_id)
        else {
            return;
        };
        let alone = self.active.len() == 1;
        let delivery = self.active.remove(index);
        self.check_answers(&delivery, error, puts);
        let answer = puts.last().map(Put::json).unwrap_or_default();
        let success = answer["Status"] == "SUCCESS";
        let stored = puts.iter().any(|put| put.stored);
        let (reason, id) = (text(&answer, "Reason"), text(&answer, "PhysicalResourceId"));
        self.note(&format!(
            "{} {} ends: {} {id} {reason}",
            delivery.kind, delivery.owner, answer["Status"]
        ));
        let action = answer["Data"]["Action"].as_str().unwrap_or("");
        self.count(
            format!("{} {} {action}", delivery.kind, answer["Status"].as_str().unwrap_or("none"))
                .trim_end(),
        );
        let undisturbed =
            alone && self.last_edit < delivery.began && !self.in_trouble && !answer.is_null();
        match (delivery.kind.as_str(), success) {
            ("Delete", true) => self.check_deleted(&delivery),
            ("Delete", false) => {
                if undisturbed {
                    self.violated(
                        "promise 2",
                        &format!("nothing stands in the way of a Delete, and it failed: {reason}"),
                    );
                }
                self.excuse(&delivery);
            }
            _ => self.check_end(&delivery, success, &answer, undisturbed),
        }
        if success && delivery.kind != "Delete" {
            self.hold(&delivery, &id, stored && !heard);
        }
        if delivery.kind == "Delete" && !stored && !heard {
            self.excuse(&delivery);
        }
    }

    fn check_answers(&mut self, delivery: &Delivery, error: Option<&str>, puts: &[Put]) {
        let bodies_differ = puts.windows(2).any(|pair| pair[0].body != pair[1].body);
        let delivered = puts.iter().filter(|put| put.status == 200).count();
        if bodies_differ || delivered > 1 {
            self.violated("promise 3", "a delivery was answered more than once");
        }
        let heard = !self.in_trouble && !delivery.is_expired();
        if heard && (puts.len() != 1 || delivered != 1 || error.is_some()) {
            self.violated(
                "promise 3",
                &format!("a delivery was answered by {} PUTs, {error:?}", puts.len()),
            );
        }
        let body = puts
            .last()
            .map(|put| String::from_utf8_lossy(&put.body).into_owned())
            .unwrap_or_default();
        let marker = body.contains("\"unresolved/")
            && body.contains("\"FAILED\"")
            && delivery.kind == "Create";
        if error.is_some() == (marker || delivered == 1) {
            let text = format!(
                "{delivered} answers were delivered, and towards Lambda the end was {error:?}"
            );
            self.violated("promise 3", &text);
        }
        if body.len() > 4096
            || body.contains("X-Amz")
            || error.is_some_and(|error| error.contains("X-Amz"))
        {
            self.violated("promise 3", "an answer is too long, or tells the response URL");
        }
    }

    /// What the tables say of a Create or an Update that has ended, by what stands now: where it
    /// wrote something, its own claim stands, and else nothing has changed since it began.
    fn expected_answer(&self, delivery: &Delivery, undisturbed: bool) -> ExpectedAnswer {
        if !undisturbed || delivery.destinations.len() > 1 {
            return ExpectedAnswer::Unknown;
        }
        let Some((point, behavior)) = delivery.destinations.first() else {
            return ExpectedAnswer::Fails;
        };
        if delivery.is_stale() {
            return ExpectedAnswer::Fails;
        }
        if let Some((row, _)) = delivery.row {
            return if ["in between", "again"].contains(&row) {
                ExpectedAnswer::Unknown
            } else {
                ExpectedAnswer::Succeeds
            };
        }
        let physical = delivery
            .physical
            .as_ref()
            .filter(|physical| *physical != point && delivery.kind == "Update");
        let own_there = physical.and_then(|physical| {
            self.point_state(physical).record.own(&delivery.owner, delivery.now).cloned()
        });
        if own_there.is_some_and(|own| own.fence(delivery.now) > Some(delivery.at)) {
            return ExpectedAnswer::Fails;
        }
        let below = super::occlusion::is_below_a_delegation(&self.zones, &self.fixture, point);
        let blocked =
            if below { Some(true) } else { self.blocked_at(delivery, point, &self.zones) };
        let point_state = self.point_state(point);
        let stamp = delivery.stamp(point);
        let Some(asks) = self.create_update_asks(delivery, point, behavior, blocked) else {
            return ExpectedAnswer::Unknown;
        };
        let Asks::CreateUpdate(intent) = &asks else { return ExpectedAnswer::Unknown };
        match decide(&stamp, &asks, &point_state) {
            Verdict::Overtaken | Verdict::Refused(_) => ExpectedAnswer::Fails,
            // An Update that keeps everything without a claim writes nothing.
            Verdict::Kept(_) => ExpectedAnswer::Succeeds,
            Verdict::Again if delivery.first => ExpectedAnswer::Unknown,
            // It may have been overtaken at another place.
            Verdict::Again => ExpectedAnswer::Unknown,
            Verdict::Becomes(_) | Verdict::Nothing => {
                let may = blocked.is_none() || ds::may_refuse(&stamp, intent, &point_state);
                if may { ExpectedAnswer::Unknown } else { ExpectedAnswer::Succeeds }
            }
        }
    }

    fn check_end(&mut self, delivery: &Delivery, success: bool, answer: &Value, undisturbed: bool) {
        let reason = text(answer, "Reason");
        match (self.expected_answer(delivery, undisturbed), success) {
            (ExpectedAnswer::Succeeds, false) => {
                let text = format!(
                    "nothing stands in the way of the {}, and it failed: {reason}",
                    delivery.kind
                );
                self.violated("tables", &text);
            }
            (ExpectedAnswer::Fails, true) => {
                self.violated(
                    "tables",
                    &format!("the {} should have been refused, and succeeded", delivery.kind),
                );
            }
            (_, true) => self.check_success(delivery, answer, undisturbed),
            (_, false) => self.check_failure(delivery, answer, undisturbed),
        }
    }

    /// A SUCCESS of Create or Update: the zone holds what was asked for, or the answer says that it
    /// does not.
    fn check_success(&mut self, delivery: &Delivery, answer: &Value, undisturbed: bool) {
        let id = text(answer, "PhysicalResourceId");
        let Some(point) = self.fixture.of_id(&id) else {
            return self.violated("promise 3", &format!("the physical id {id} is no place"));
        };
        if !delivery.destinations.iter().any(|(destinations, _)| *destinations == point) {
            let text = format!(
                "the physical id {id} is not a place that the request goes to, {:?}",
                delivery.destinations
            );
            return self.violated("moving", &text);
        }
        // A Delete that has overtaken it may have taken everything away by now.
        let (Some(desired), true) = (&delivery.desired, undisturbed && !self.cancelling) else {
            return;
        };
        let point_state = self.point_state(&point);
        let told: Values = text(&answer["Data"], "DsRecords")
            .split(',')
            .filter(|it| !it.is_empty())
            .map(str::to_lowercase)
            .collect();
        if told != point_state.records().cloned().unwrap_or_default() {
            self.violated("answer", "DsRecords is not what stands");
        }
        let Some((row, _)) = delivery.row.filter(|(row, _)| *row != "again") else { return };
        if row == "kept" {
            let warning = text(&answer["Data"], "Warning");
            if warning.is_empty() {
                self.violated(
                    "answer",
                    "everything was left as it is, and the answer does not say so",
                );
            }
            return;
        }
        if point_state.servers() != Some(&desired.servers) {
            self.violated(
                "promise 2",
                "a SUCCESS, and the name servers are not those that were asked for",
            );
        }
        if point_state
            .record
            .own(&delivery.owner, delivery.now)
            .is_none_or(|own| own.at != delivery.at)
        {
            self.violated("promise 2", "a SUCCESS, and no claim of the request stands");
        }
    }

    /// A FAILED of an arrival leaves nothing that it wrote; one of a Create that says so left
    /// nothing at all.
    fn check_failure(&mut self, delivery: &Delivery, answer: &Value, undisturbed: bool) {
        let marker = text(answer, "PhysicalResourceId").starts_with("unresolved/");
        for (point, behavior) in &delivery.destinations {
            let own = self.point_state(point).record.own(&delivery.owner, delivery.now).cloned();
            // Nobody hears the answer of one that is too late.
            let wrote = !delivery.is_stale() && own.is_some_and(|own| own.at == delivery.at);
            let first = delivery.first && undisturbed && behavior.is_arrival();
            if wrote && (first || (marker && !self.cancelling)) {
                return self.violated("promise 2", "an arrival failed, and what it wrote stands");
            }
        }
    }

    /// The stack got a SUCCESS: it holds the resource. A later one, to another delivery, says only
    /// that all is well again.
    fn hold(&mut self, delivery: &Delivery, id: &str, news: bool) {
        let (Some(desired), Some(point)) = (&delivery.desired, self.fixture.of_id(id)) else {
            return;
        };
        let key: Key = (delivery.owner.clone(), point);
        let point_state = self.point_state(&key.1);
        let own = point_state.record.own(&delivery.owner, delivery.now);
        let exists = point_state.servers() == Some(&desired.servers)
            && own.is_some_and(|own| point_state.holds(own));
        let held = Held { servers: desired.servers.clone(), broken: !exists };
        if news && !self.cancelling && !self.late {
            self.excused.remove(&key);
            self.held.insert(key, held);
        } else if let Some(known) =
            self.held.get_mut(&key).filter(|known| known.servers == held.servers)
        {
            known.broken &= held.broken;
        }
    }

    fn check_deleted(&mut self, delivery: &Delivery) {
        let Some(point) = &delivery.leaves else { return };
        let key = (delivery.owner.clone(), point.clone());
        let own = self.point_state(point).record.own(&delivery.owner, delivery.now).cloned();
        let is_overtaken = own.as_ref().is_some_and(|own| own.at > delivery.at);
        let mine = own.filter(|_| !is_overtaken);
        let intent = delivery.desired.as_ref().map(|desired| self.intent(desired));
        let may_stay = delivery.is_stale()
            || self.mistaken.contains(&key)
            || (delivery.invented
                && mine.as_ref().is_some_and(|own| {
                    !own.is_of_create() || Some(&own.intent) != intent.as_ref()
                }));
        // The Create that it overtook wrote after the last look: it had outlived this Delete.
        let overtook = self.active.iter().any(|other| other.owner == delivery.owner);
        if mine.is_none() {
            if overtook || self.mistaken.contains(&key) {
                self.excused.insert(key);
            } else if !is_overtaken {
                self.excused.remove(&key);
            }
            return;
        }
        if !may_stay && !overtook {
            self.violated("promise 2", "a Delete succeeded, and a claim of its resource stands");
        }
        self.excused.insert(key);
    }

    /// What a failed Delete leaves is for a person to look at.
    fn excuse(&mut self, delivery: &Delivery) {
        if let Some(point) = &delivery.leaves {
            self.excused.insert((delivery.owner.clone(), point.clone()));
        }
    }
}
