//! How far a request has come, for the answer that must be given when its work is cut off.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::outcome::Outcome;
use crate::cfn::physical_id::PhysicalId;
use crate::metrics::Step;
use delegation_model::point::DelegationPoint;

#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    step: String,
    phase: Phase,
    is_arrival: bool,
    finds_own_request: bool,
    spent: [Duration; 6],
}

/// What is certain about the delegation point of the request.
#[derive(Clone, Debug, Default)]
pub(super) enum Phase {
    /// It was not read yet: an earlier delivery of this request may have changed it.
    #[default]
    Resolving,
    /// It was read, and this request has not changed it.
    Observed,
    /// A change of this point was sent, or may have been: by this delivery, or by an earlier one.
    Sent(DelegationPoint),
    /// This delivery has changed this point.
    Changed(DelegationPoint),
    /// What was asked for is there: running out of time is no failure from here on.
    Done(Box<Outcome>),
}

/// Adds to a step's time what passes until it is dropped, by a deadline too.
pub(super) struct Timing<'a> {
    progress: &'a Progress,
    step: Step,
    started: Instant,
}

impl Drop for Timing<'_> {
    fn drop(&mut self) {
        if let Some(spent) = self.progress.lock().spent.get_mut(self.step as usize) {
            *spent += self.started.elapsed();
        }
    }
}

impl Progress {
    /// What is being done, to read after "while".
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

    /// The delegation point was read.
    pub(super) fn mark_observed(&self) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Resolving) {
            state.phase = Phase::Observed;
        }
    }

    /// A change of this point was sent, or may have been. What a request that is done does at other
    /// points changes no answer.
    pub(super) fn mark_sent(&self, point: &DelegationPoint) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Done(_)) {
            state.phase = Phase::Sent(point.clone());
        }
    }

    /// The change that was sent was carried out.
    pub(super) fn mark_changed(&self) {
        let mut state = self.lock();
        if let Phase::Sent(point) = &state.phase {
            state.phase = Phase::Changed(point.clone());
        }
    }

    /// The change was certainly not carried out.
    pub(super) fn unmark_sent(&self) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Sent(_)) {
            state.phase = Phase::Observed;
        }
    }

    /// What was asked for is there.
    pub(super) fn mark_done(&self, outcome: Outcome) {
        self.lock().phase = Phase::Done(Box::new(outcome));
    }

    /// What was asked for is not to be after all: the request fails, and what it wrote at this
    /// point stands.
    pub(super) fn unmark_done(&self, point: &DelegationPoint) {
        self.lock().phase = Phase::Changed(point.clone());
    }

    /// The request comes to a point that is neither its physical id's nor home.
    pub(super) fn mark_arrival(&self) {
        self.lock().is_arrival = true;
    }

    /// The claim of this request stood there: an earlier delivery may have answered SUCCESS.
    pub(super) fn mark_found_own_request(&self) {
        self.lock().finds_own_request = true;
    }

    /// Whether it did.
    pub(super) fn finds_own_request(&self) -> bool {
        self.lock().finds_own_request
    }

    /// Where a request that fails looks after what it wrote: at the point of an arrival which has
    /// not found the claim of its own request (ARRIVE-8). True beside it if this delivery wrote it
    /// for certain.
    pub(super) fn to_take_back(&self) -> Option<(DelegationPoint, bool)> {
        let state = self.lock();
        if !state.is_arrival || state.finds_own_request {
            return None;
        }
        match &state.phase {
            Phase::Sent(point) => Some((point.clone(), false)),
            Phase::Changed(point) => Some((point.clone(), true)),
            Phase::Done(outcome) => {
                PhysicalId::parse(&outcome.physical_id).point().map(|point| (point.clone(), true))
            }
            Phase::Resolving | Phase::Observed => None,
        }
    }

    /// Nothing of what this request wrote is left.
    pub(super) fn mark_taken_back(&self) {
        self.lock().phase = Phase::Observed;
    }

    /// The point that was changed, or may have been, by a request that is not done.
    pub(super) fn sent(&self) -> Option<DelegationPoint> {
        match &self.lock().phase {
            Phase::Sent(point) | Phase::Changed(point) => Some(point.clone()),
            Phase::Resolving | Phase::Observed | Phase::Done(_) => None,
        }
    }

    /// Measures a step until the value is dropped.
    pub(super) fn time(&self, step: Step) -> Timing<'_> {
        Timing { progress: self, step, started: Instant::now() }
    }

    pub(super) fn spent(&self) -> [Duration; 6] {
        self.lock().spent
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
