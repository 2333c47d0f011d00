//! Records how far a request has got, for the response if it is cut off.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::outcome::Outcome;
use crate::cfn::physical_id::PhysicalId;
use crate::metrics::{Step, StepTimes};
use delegation_model::point::DelegationPoint;
use delegation_model::record_set::RecordSet;

#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    step: String,
    phase: Phase,
    is_arrival: bool,
    finds_own_request: bool,
    step_times: StepTimes,
    before: Vec<RecordSet>,
}

/// What is known for certain about the delegation point of the request.
#[derive(Clone, Debug, Default)]
pub(super) enum Phase {
    /// It was not read yet. An earlier delivery of this request may have changed it.
    #[default]
    Resolving,
    /// It was read, and this request has not changed it.
    Observed,
    /// A change of this point was sent, or may have been, by this delivery or an earlier one.
    Sent(DelegationPoint),
    /// This delivery changed this point.
    Changed(DelegationPoint),
    /// The request has reached its goal. Running out of time is not a failure anymore.
    Done(Box<Outcome>),
}

/// Which delivery of a request wrote at its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WrittenBy {
    /// Certainly this one.
    ThisDelivery,
    /// This one, another one, or none.
    Unknown,
}

/// What a failed request has to undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToUndo {
    pub(super) point: DelegationPoint,
    pub(super) written_by: WrittenBy,
    /// The NS and DS record sets at the point before the request changed it.
    pub(super) before: Vec<RecordSet>,
}

/// A timer that adds the time until it is dropped to a step. A deadline drops it too.
pub(super) struct Timing<'a> {
    progress: &'a Progress,
    step: Step,
    started: Instant,
}

impl Drop for Timing<'_> {
    fn drop(&mut self) {
        self.progress.lock().step_times.add(self.step, self.started.elapsed());
    }
}

impl Progress {
    /// Sets the current step, as a phrase to follow "while".
    pub(super) fn at(&self, step: impl Into<String>) {
        self.lock().step = step.into();
    }

    pub(super) fn step(&self) -> String {
        let step = self.lock().step.clone();
        if step.is_empty() { "starting".into() } else { step }
    }

    pub(super) fn phase(&self) -> Phase {
        self.lock().phase.clone()
    }

    /// Marks the delegation point as read.
    pub(super) fn mark_observed(&self) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Resolving) {
            state.phase = Phase::Observed;
        }
    }

    /// Marks a change of this point as sent, or possibly sent. Has no effect once the request is
    /// done: changes at other points don't affect the response.
    pub(super) fn mark_sent(&self, point: &DelegationPoint) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Done(_)) {
            state.phase = Phase::Sent(point.clone());
        }
    }

    /// Keeps the NS and DS record sets that a change of the request's own point was planned for.
    pub(super) fn keep_before(&self, before: Vec<RecordSet>) {
        self.lock().before = before;
    }

    /// Marks the change that was sent as carried out.
    pub(super) fn mark_changed(&self) {
        let mut state = self.lock();
        if let Phase::Sent(point) = &state.phase {
            state.phase = Phase::Changed(point.clone());
        }
    }

    /// Marks the change as certainly not carried out.
    pub(super) fn unmark_sent(&self) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Sent(_)) {
            state.phase = Phase::Observed;
        }
    }

    /// Marks the request as done.
    pub(super) fn mark_done(&self, outcome: Outcome) {
        self.lock().phase = Phase::Done(Box::new(outcome));
    }

    /// Marks a request that was done as failed after all, with its change at this point still in
    /// place.
    pub(super) fn unmark_done(&self, point: &DelegationPoint) {
        self.lock().phase = Phase::Changed(point.clone());
    }

    /// Records whether the request is an arrival: its point is neither its physical id's nor home.
    /// It may be one in one attempt, and not in the next.
    pub(super) fn mark_arrival(&self, is_arrival: bool) {
        self.lock().is_arrival = is_arrival;
    }

    /// Marks that the claim of this request already existed, so an earlier delivery may have
    /// responded with SUCCESS.
    pub(super) fn mark_found_own_request(&self) {
        self.lock().finds_own_request = true;
    }

    /// True if the claim of this request already existed.
    pub(super) fn finds_own_request(&self) -> bool {
        self.lock().finds_own_request
    }

    /// What a failed request has to undo: the changes of an arrival that has not found the claim of
    /// its own request (ARRIVE-8).
    pub(super) fn to_undo(&self) -> Option<ToUndo> {
        let state = self.lock();
        if !state.is_arrival || state.finds_own_request {
            return None;
        }
        let (point, written_by) = match &state.phase {
            Phase::Sent(point) => (point.clone(), WrittenBy::Unknown),
            Phase::Changed(point) => (point.clone(), WrittenBy::ThisDelivery),
            Phase::Done(outcome) => {
                let id = PhysicalId::parse(&outcome.physical_id);
                (id.point()?.clone(), WrittenBy::ThisDelivery)
            }
            Phase::Resolving | Phase::Observed => return None,
        };
        Some(ToUndo { point, written_by, before: state.before.clone() })
    }

    /// Marks the changes of this request as undone.
    pub(super) fn mark_undone(&self) {
        self.lock().phase = Phase::Observed;
    }

    /// The point that a request that is not done has changed, or may have changed.
    pub(super) fn sent(&self) -> Option<DelegationPoint> {
        match &self.lock().phase {
            Phase::Sent(point) | Phase::Changed(point) => Some(point.clone()),
            Phase::Resolving | Phase::Observed | Phase::Done(_) => None,
        }
    }

    /// Measures a step until the returned value is dropped.
    pub(super) fn time(&self, step: Step) -> Timing<'_> {
        Timing { progress: self, step, started: Instant::now() }
    }

    pub(super) fn step_times(&self) -> StepTimes {
        self.lock().step_times
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
