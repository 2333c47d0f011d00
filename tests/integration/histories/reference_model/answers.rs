//! Checks the end of each delivery.

use sandbox::Put;
use serde_json::Value;

use super::{Delivery, Held, Key, ReferenceModel, text};
use crate::invariants::ownership::{Asks, Row, Verdict, decide};
use crate::invariants::{ds, record::Values};

/// The answer that the tables require.
enum ExpectedAnswer {
    /// It is not known, because something else happened meanwhile.
    Unknown,
    Fails,
    Succeeds,
}

/// Whether anything that the tables do not consider happened during a delivery.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    Undisturbed,
    Disturbed,
}

/// Whether an answer is the first one to its request that CloudFormation receives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Receipt {
    First,
    NotFirst,
}

/// How a delivery ended.
pub(crate) struct Ended<'a> {
    /// The error for Lambda.
    pub(crate) error: Option<&'a str>,
    /// The PUTs of the delivery.
    pub(crate) puts: &'a [Put],
    /// True if the answer of an earlier delivery was stored.
    pub(crate) answered_before: bool,
}

impl ReferenceModel {
    /// Checks a delivery that has ended.
    pub(crate) fn end(&mut self, request_id: &str, ended: &Ended<'_>) {
        let Ended { error, puts, answered_before } = *ended;
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
        let course =
            if alone && self.last_edit < delivery.began && !self.in_trouble && !answer.is_null() {
                Course::Undisturbed
            } else {
                Course::Disturbed
            };
        match (delivery.kind.as_str(), success) {
            ("Delete", true) => self.check_deleted(&delivery),
            ("Delete", false) => {
                if course == Course::Undisturbed {
                    self.violated(
                        "promise 2",
                        &format!("nothing prevents the Delete, but it failed: {reason}"),
                    );
                }
                self.excuse(&delivery);
            }
            _ => self.check_end(&delivery, &answer, course),
        }
        if success && delivery.kind != "Delete" {
            let is_first = stored && !answered_before;
            let receipt = if is_first { Receipt::First } else { Receipt::NotFirst };
            self.record_held(&delivery, &id, receipt);
        }
        if delivery.kind == "Delete" && !stored && !answered_before {
            self.excuse(&delivery);
        }
    }

    fn check_answers(&mut self, delivery: &Delivery, error: Option<&str>, puts: &[Put]) {
        let bodies_differ = puts.windows(2).any(|pair| pair[0].body != pair[1].body);
        let delivered = puts.iter().filter(|put| put.status == 200).count();
        if bodies_differ || delivered > 1 {
            self.violated("promise 3", "a delivery was answered more than once");
        }
        let must_answer_once = !self.in_trouble && !delivery.is_expired();
        if must_answer_once && (puts.len() != 1 || delivered != 1 || error.is_some()) {
            self.violated(
                "promise 3",
                &format!("a delivery was answered by {} PUTs, {error:?}", puts.len()),
            );
        }
        let body = puts
            .last()
            .map(|put| String::from_utf8_lossy(&put.body).into_owned())
            .unwrap_or_default();
        let unresolved = body.contains("\"unresolved/")
            && body.contains("\"FAILED\"")
            && delivery.kind == "Create";
        if error.is_some() == (unresolved || delivered == 1) {
            let text = format!("{delivered} answers were delivered, and Lambda got {error:?}");
            self.violated("promise 3", &text);
        }
        if body.len() > 4096
            || body.contains("X-Amz")
            || error.is_some_and(|error| error.contains("X-Amz"))
        {
            self.violated("promise 3", "an answer is too long, or contains the response URL");
        }
    }

    /// Returns the answer that the tables require for a Create or an Update, by the current state.
    /// If it wrote something, its claim exists; otherwise nothing has changed since its start.
    fn expected_answer(&self, delivery: &Delivery, course: Course) -> ExpectedAnswer {
        if course == Course::Disturbed || delivery.destinations.len() > 1 {
            return ExpectedAnswer::Unknown;
        }
        let Some((point, behavior)) = delivery.destinations.first() else {
            return ExpectedAnswer::Fails;
        };
        if delivery.is_stale() {
            return ExpectedAnswer::Fails;
        }
        if let Some((row, _)) = delivery.row {
            return if matches!(row, Row::InBetween | Row::Again) {
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
            // An Update without a claim that keeps everything writes nothing.
            Verdict::Kept(_) => ExpectedAnswer::Succeeds,
            // It may have been overtaken at another point.
            Verdict::Again => ExpectedAnswer::Unknown,
            Verdict::Becomes(_) | Verdict::Nothing => {
                let may = blocked.is_none() || ds::may_refuse(&stamp, intent, &point_state);
                if may { ExpectedAnswer::Unknown } else { ExpectedAnswer::Succeeds }
            }
        }
    }

    fn check_end(&mut self, delivery: &Delivery, answer: &Value, course: Course) {
        let success = answer["Status"] == "SUCCESS";
        let reason = text(answer, "Reason");
        match (self.expected_answer(delivery, course), success) {
            (ExpectedAnswer::Succeeds, false) => {
                let text =
                    format!("nothing prevents the {}, but it failed: {reason}", delivery.kind);
                self.violated("tables", &text);
            }
            (ExpectedAnswer::Fails, true) => {
                self.violated(
                    "tables",
                    &format!("the {} should have been refused, but succeeded", delivery.kind),
                );
            }
            (_, true) => self.check_success(delivery, answer, course),
            (_, false) => self.check_failure(delivery, answer, course),
        }
    }

    /// Checks the SUCCESS of a Create or an Update: the zone has what was asked for, or the answer
    /// says that it does not.
    fn check_success(&mut self, delivery: &Delivery, answer: &Value, course: Course) {
        let id = text(answer, "PhysicalResourceId");
        let Some(point) = self.fixture.of_id(&id) else {
            return self
                .violated("promise 3", &format!("the physical id {id} is no delegation point"));
        };
        if !delivery.destinations.iter().any(|(destinations, _)| *destinations == point) {
            let text = format!(
                "the physical id {id} is no destination of the request, {:?}",
                delivery.destinations
            );
            return self.violated("moving", &text);
        }
        // A Delete that has overtaken it may have removed everything.
        let may_be_overtaken = course == Course::Disturbed || self.cancelling;
        let (Some(desired), false) = (&delivery.desired, may_be_overtaken) else { return };
        let point_state = self.point_state(&point);
        let reported: Values = text(&answer["Data"], "DsRecords")
            .split(',')
            .filter(|it| !it.is_empty())
            .map(str::to_lowercase)
            .collect();
        if reported != point_state.records().cloned().unwrap_or_default() {
            self.violated("answer", "DsRecords is not the current DS record set");
        }
        let Some((row, _)) = delivery.row.filter(|(row, _)| *row != Row::Again) else { return };
        if row == Row::Kept {
            let warning = text(&answer["Data"], "Warning");
            if warning.is_empty() {
                self.violated(
                    "answer",
                    "everything was left as it is, but the answer does not say so",
                );
            }
            return;
        }
        if point_state.servers() != Some(&desired.servers) {
            self.violated("promise 2", "a SUCCESS, but the name servers are not the desired ones");
        }
        if point_state
            .record
            .own(&delivery.owner, delivery.now)
            .is_none_or(|own| own.at != delivery.at)
        {
            self.violated("promise 2", "a SUCCESS without a claim of the request");
        }
    }

    /// Checks a FAILED: an arrival leaves nothing that it wrote, and a Create with an unresolved id
    /// leaves nothing at all.
    fn check_failure(&mut self, delivery: &Delivery, answer: &Value, course: Course) {
        let unresolved = text(answer, "PhysicalResourceId").starts_with("unresolved/");
        for (point, behavior) in &delivery.destinations {
            let own = self.point_state(point).record.own(&delivery.owner, delivery.now).cloned();
            // The answer of a stale request has no effect.
            let wrote = !delivery.is_stale() && own.is_some_and(|own| own.at == delivery.at);
            let first = delivery.first && course == Course::Undisturbed && behavior.is_arrival();
            if wrote && (first || (unresolved && !self.cancelling)) {
                return self.violated("promise 2", "an arrival failed, but its claim exists");
            }
        }
    }

    /// Records that a stack has a resource after a SUCCESS. A SUCCESS that is not the first one
    /// that CloudFormation receives only shows that the delegation is in order again.
    fn record_held(&mut self, delivery: &Delivery, id: &str, receipt: Receipt) {
        let (Some(desired), Some(point)) = (&delivery.desired, self.fixture.of_id(id)) else {
            return;
        };
        let key: Key = (delivery.owner.clone(), point);
        let point_state = self.point_state(&key.1);
        let own = point_state.record.own(&delivery.owner, delivery.now);
        let exists = point_state.servers() == Some(&desired.servers)
            && own.is_some_and(|own| point_state.holds(own));
        let held = Held { servers: desired.servers.clone(), broken: !exists };
        if receipt == Receipt::First && !self.cancelling && !self.late {
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
        // The Create that it overtook is still running and may have written after this Delete's
        // read.
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
            self.violated("promise 2", "a Delete succeeded, but a claim of its resource exists");
        }
        self.excused.insert(key);
    }

    /// Excuses what a failed Delete leaves, which a person must handle.
    fn excuse(&mut self, delivery: &Delivery) {
        if let Some(point) = &delivery.leaves {
            self.excused.insert((delivery.owner.clone(), point.clone()));
        }
    }
}
