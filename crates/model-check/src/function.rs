//! The function's use of the planner, call by call. This is a thin mirror of `src/handler` that
//! copies none of the planner's rules: `moving` decides where a request goes, and `reconcile` what
//! it changes.
//!
//! A delivery is a sequence of calls. Between any two of them it may be cut off, and other
//! deliveries may run.

mod plan;
mod resolve;
use delegation_model::digest::RequestDigest;
use delegation_model::moving::{
    OldPoint, OldPointCheck, Reached, check_old_point, left_by_failed_replacement,
};
use delegation_model::ownership_record::Stamp;
use delegation_model::point::DelegationPoint;
use delegation_model::record_set::RecordType;

use crate::model::{Model, Outcome};
use crate::points::{Decided, PointChange};
use crate::properties::Whose;
use crate::state::{
    Answer, Behavior, Delivery, Part, Phase, Physical, Request, RequestType, Snapshot, Stage, State,
};
use crate::values::{START, stack_of};

/// How often a rejected batch is planned again, as in `src/handler/apply.rs`.
const ROUNDS: u8 = 10;
/// The longest `ServiceTimeout`, in seconds. After that time nobody waits for an answer.
const STALE: i32 = 3600;

/// The state after a delivery ran out of time.
#[derive(Debug)]
pub(crate) struct TimedOut {
    /// True if Route 53 has applied its batch.
    pub(crate) is_applied: bool,
    pub(crate) after: State,
}

impl Model {
    pub(crate) fn begin(&self, state: &State, id: u8) -> State {
        let mut state = state.clone();
        let request = state.request_mut(id);
        request.owed = false;
        let request = *request;
        let config = self.config(request.config);
        let is_stale = state.clock - request.time >= STALE;
        let (first_stage, zone) = match (request.kind, request.physical) {
            (RequestType::Delete, _) if is_stale => (Stage::Answer(succeeds(request.physical)), 0),
            (RequestType::Create | RequestType::Update, _) if is_stale => {
                (Stage::Answer(fails(&request)), 0)
            }
            (RequestType::Delete, Physical::Unresolved) => {
                (Stage::Answer(succeeds(request.physical)), 0)
            }
            (RequestType::Delete, Physical::Point(zone)) => (Stage::Observe(Part::Delete), zone),
            (RequestType::Delete, Physical::Invented) => {
                (Stage::Observe(Part::Delete), config.zone)
            }
            (RequestType::Create, _) => (Stage::Observe(Part::CreateUpdate), config.zone),
            (RequestType::Update, _) => (Stage::Resolve, 0),
        };
        state.deliveries.push(Delivery {
            request: id,
            stage: first_stage,
            zone,
            goes_to: zone,
            behavior: Behavior::Create,
            physical: Snapshot::Unread,
            physical_by_old_role: Snapshot::Unread,
            home: Snapshot::Unread,
            planned: 0,
            round: 0,
            found_own: false,
            warned: false,
            restore_rejected: false,
        });
        state
    }

    /// Makes the next call of a delivery. If a check may pass or fail, there are two outcomes.
    pub(crate) fn call(&mut self, state: &State, index: usize) -> Vec<Outcome> {
        let mut state = state.clone();
        let delivery = state.deliveries[index].clone();
        let request = *state.request(delivery.request);
        match delivery.stage {
            Stage::Resolve => {
                let delivery = self.resolve(&state, delivery, &request);
                state.deliveries[index] = delivery;
            }
            Stage::Observe(part) => self.observe(&mut state, index, part),
            Stage::Write(part) => self.write(&mut state, index, part),
            Stage::CheckOldPoint => self.check_old_point(&mut state, index),
            Stage::FindOwnClaim => {
                state.deliveries[index].stage = self.fails_and_leaves(&state, &delivery, &request);
            }
            Stage::Verify if self.is_rollback(&state, &request) || !self.redelegates(&delivery) => {
                state.deliveries[index].stage = self.after_change(&delivery, &request);
            }
            Stage::Verify => {
                let mut failed = state.clone();
                // With the real id, the Delete finds what an earlier delivery wrote.
                let ends = Stage::Answer(match request.kind {
                    RequestType::Create => {
                        Answer { physical: Physical::Point(delivery.goes_to), ..fails(&request) }
                    }
                    RequestType::Update | RequestType::Delete => fails(&request),
                });
                failed.deliveries[index].stage =
                    if delivery.found_own { ends } else { Stage::Observe(Part::Undo) };
                state.deliveries[index].stage = self.after_change(&delivery, &request);
                return vec![
                    Outcome::new("the check passes", state),
                    Outcome::new("the check fails", failed),
                ];
            }
            Stage::Answer(answer) => {
                state.deliveries.remove(index);
                return self.answered(&state, delivery.request, answer);
            }
        }
        vec![Outcome::new("", state)]
    }

    /// Lets an arrival run out of time while it waits for the answer to its batch. The batch may
    /// have been applied or not.
    pub(crate) fn run_out_of_time(&mut self, state: &State, index: usize) -> Vec<TimedOut> {
        let delivery = &state.deliveries[index];
        let found_own =
            self.decided(delivery.planned).plan().is_some_and(|plan| plan.finds_own_request);
        if delivery.stage != Stage::Write(Part::CreateUpdate)
            || !delivery.behavior.is_arrival()
            || found_own
        {
            return Vec::new();
        }
        let mut lost = state.clone();
        lost.left.faults -= 1;
        let mut after_batch = lost.clone();
        self.write(&mut after_batch, index, Part::CreateUpdate);
        [(false, lost), (true, after_batch)]
            .map(|(is_applied, mut after)| {
                after.deliveries[index].stage = Stage::FindOwnClaim;
                TimedOut { is_applied, after }
            })
            .into()
    }

    /// Returns the answer of a failed delivery. A Create answers with the real id if the claim of
    /// its request exists, whether its own batch or that of another delivery wrote it. After it has
    /// replaced the claim of its resource itself, any claim of the resource is its own.
    fn fails_and_leaves(&self, state: &State, delivery: &Delivery, request: &Request) -> Stage {
        let exists = state.points[usize::from(delivery.zone)];
        let own = self.points.own(exists, request.resource, i64::from(state.clock));
        let has_written = delivery.stage == Stage::Observe(Part::Undo)
            || delivery.stage == Stage::Write(Part::Undo);
        let left =
            own.is_some_and(|own| has_written || own.stamp == stamp(request.time, request.id));
        let physical = Physical::Point(delivery.zone);
        Stage::Answer(match request.kind {
            RequestType::Create if left => Answer { physical, ..fails(request) },
            _ => fails(request),
        })
    }

    /// Returns true if the batch changed NS or DS. The check after the change fails only such a
    /// request.
    fn redelegates(&self, delivery: &Delivery) -> bool {
        let plan = self.decided(delivery.planned).plan();
        let changes = plan.into_iter().flat_map(|plan| &plan.changes);
        changes.into_iter().any(|change| change.record_set().record_type != RecordType::Txt)
    }

    /// Returns true for the reverse Update of a rollback, which `REQUIRE` does not stop.
    fn is_rollback(&self, state: &State, request: &Request) -> bool {
        let operation = state.operations[usize::from(stack_of(request.resource))].as_ref();
        request.awaited && operation.is_some_and(|operation| operation.phase == Phase::Back)
    }

    fn observe(&mut self, state: &mut State, index: usize, part: Part) {
        let delivery = state.deliveries[index].clone();
        let request = *state.request(delivery.request);
        let id = state.points[usize::from(delivery.zone)];
        let question = self.question_of(state, &delivery, &request, part);
        let planned = self.ask(question, id);
        let delivery = &mut state.deliveries[index];
        delivery.planned = planned;
        let decided = self.decided(planned);
        if decided.is_idle() {
            self.check_without_batch(state, index, id);
            self.after_batch(state, index, part);
        } else {
            delivery.stage = Stage::Write(part);
        }
    }

    fn write(&mut self, state: &mut State, index: usize, part: Part) {
        let delivery = state.deliveries[index].clone();
        let zone = usize::from(delivery.zone);
        let before = state.points[zone];
        let plan = self.decided(delivery.planned);
        let restores =
            plan.plan().is_some_and(delegation_model::reconcile::ReconciliationPlan::restores);
        let after = self.send(delivery.planned, before);
        // Route 53 rejects its own name servers that do not host the name.
        let dead = after.filter(|_| restores).and_then(|after| self.points.view(after).servers);
        if dead.is_some_and(|servers| !self.is_alive(state, servers)) {
            let stack = stack_of(state.request(delivery.request).resource);
            if let Some(operation) = &mut state.operations[usize::from(stack)] {
                operation.rejected[zone] = true;
            }
            let request = *state.request(delivery.request);
            self.check_restore(delivery.restore_rejected);
            // Otherwise the Delete would fail forever.
            let ends = delivery.restore_rejected;
            let delivery = &mut state.deliveries[index];
            delivery.restore_rejected = true;
            delivery.stage =
                if ends { Stage::Answer(fails(&request)) } else { Stage::Observe(part) };
            return;
        }
        let Some(after) = after else {
            let request = *state.request(delivery.request);
            let delivery = &mut state.deliveries[index];
            delivery.round += 1;
            delivery.stage = if delivery.round < ROUNDS {
                Stage::Observe(part)
            } else {
                Stage::Answer(fails(&request))
            };
            return;
        };
        state.points[zone] = after;
        let change = PointChange { before, after };
        self.check_write(state, index, part, change);
        let request = *state.request(delivery.request);
        let operation = state.operations[usize::from(stack_of(request.resource))].as_ref();
        let warned = operation
            .is_some_and(|operation| operation.facts[zone].warned >> request.resource & 1 == 1);
        let whose = match (request.awaited, warned) {
            (true, false) => Whose::Awaited,
            (true, true) => Whose::Warned,
            (false, _) => Whose::Late,
        };
        self.check_caches(state, delivery.zone, change, whose);
        self.after_batch(state, index, part);
    }

    /// Continues after the batch of a part was accepted, or if there was nothing to send.
    fn after_batch(&mut self, state: &mut State, index: usize, part: Part) {
        let delivery = state.deliveries[index].clone();
        let request = *state.request(delivery.request);
        let decided = self.decided(delivery.planned);
        let refused = matches!(decided, Decided::Refused | Decided::Overtaken);
        let found_own = decided.plan().is_some_and(|plan| plan.finds_own_request);
        let arrives = delivery.behavior.is_arrival();
        let warned = ["left-as-it-is", "changed-since"].iter().any(|code| decided.warns(code));
        let delivery = &mut state.deliveries[index];
        if part == Part::CreateUpdate {
            delivery.found_own = found_own;
            delivery.warned = warned;
        }
        let delivery = delivery.clone();
        let next_stage = match part {
            Part::CreateUpdate if refused => Stage::Answer(fails(&request)),
            Part::CreateUpdate
                if matches!(delivery.behavior, Behavior::Replacement(_))
                    && request.physical != Physical::Invented =>
            {
                Stage::CheckOldPoint
            }
            Part::CreateUpdate if self.profile.checks_may_fail && arrives => Stage::Verify,
            Part::CreateUpdate => self.after_change(&delivery, &request),
            Part::Delete => Stage::Answer(succeeds(request.physical)),
            Part::Undo => self.fails_and_leaves(state, &delivery, &request),
            Part::CleanUp => Stage::Answer(success(&delivery, &request)),
        };
        let delivery = &mut state.deliveries[index];
        delivery.stage = next_stage;
        delivery.round = 0;
        if let Stage::Observe(Part::CleanUp) = next_stage {
            delivery.zone = self.config(request.old).zone;
        }
    }

    fn check_old_point(&mut self, state: &mut State, index: usize) {
        let delivery = state.deliveries[index].clone();
        let request = *state.request(delivery.request);
        let Physical::Point(zone) = request.physical else {
            unreachable!("a replacement without an old point")
        };
        let role = if delivery.physical == Snapshot::Denied { request.old } else { request.config };
        let now = i64::from(state.clock);
        let own = |id| self.points.own(id, request.resource, now);
        let existed =
            [delivery.physical, delivery.physical_by_old_role].into_iter().any(|snapshot| {
                match snapshot {
                    Snapshot::Read(id) => own(id).is_some(),
                    Snapshot::Unread | Snapshot::Denied => false,
                }
            });
        let there = match self.read(state, zone, self.config(role)) {
            Snapshot::Read(id) => Reached::Read(own(id)),
            Snapshot::Unread | Snapshot::Denied => Reached::Denied,
        };
        let stamp = stamp(request.time, request.id);
        let later = match &there {
            Reached::Read(Some(claim)) => claim.stamp.time > stamp.time,
            Reached::Read(None) | Reached::Gone => existed,
            Reached::Denied => false,
        };
        let finds_own_request = delivery.found_own;
        let old = OldPoint { had_claim: existed, claim: &there, finds_own_request };
        let decided = check_old_point(old, stamp, START + now);
        self.check_old_point_decision(later && !delivery.found_own, decided == OldPointCheck::Undo);
        let next_stage = match decided {
            OldPointCheck::Undo => Stage::Observe(Part::Undo),
            OldPointCheck::Done if self.profile.checks_may_fail => Stage::Verify,
            OldPointCheck::Done => self.after_change(&delivery, &request),
        };
        state.deliveries[index].stage = next_stage;
    }

    /// Returns the stage after the change. A rollback cleans up after a failed replacement; any
    /// other request is done.
    fn after_change(&self, delivery: &Delivery, request: &Request) -> Stage {
        let done = Stage::Answer(success(delivery, request));
        if request.kind != RequestType::Update {
            return done;
        }
        let old = self.point(self.config(request.old).zone);
        let physical = match request.physical {
            Physical::Point(zone) => Some(self.point(zone)),
            Physical::Unresolved | Physical::Invented => None,
        };
        match left_by_failed_replacement(
            Some(&old),
            physical.as_ref(),
            &self.point(delivery.goes_to),
        ) {
            Some(_) => Stage::Observe(Part::CleanUp),
            None => done,
        }
    }

    fn point(&self, zone: u8) -> DelegationPoint {
        let values = &self.points.values;
        DelegationPoint { zone: values.zones[usize::from(zone)].clone(), name: values.cut.clone() }
    }
}

pub(crate) fn stamp(time: i32, id: u8) -> Stamp {
    Stamp { time: START + i64::from(time), request: RequestDigest::new(&id.to_string()) }
}

/// Returns the keys that a child zone signs with, as bits. The key of `x` may have been rolled.
pub(crate) fn keys_of(state: &State, servers: u8) -> u8 {
    if state.rolled && servers == 0 { 2 } else { 3 }
}

/// Returns the answer of a failure that leaves nothing: a Create answers with an unresolved id, and
/// an Update with its id.
fn fails(request: &Request) -> Answer {
    let physical =
        if request.kind == RequestType::Create { Physical::Unresolved } else { request.physical };
    Answer { success: false, physical, warned: false }
}

fn succeeds(physical: Physical) -> Answer {
    Answer { success: true, physical, warned: false }
}

fn success(delivery: &Delivery, request: &Request) -> Answer {
    let physical = match request.kind {
        RequestType::Delete => request.physical,
        RequestType::Create | RequestType::Update => Physical::Point(delivery.goes_to),
    };
    Answer { success: true, physical, warned: delivery.warned }
}
