//! How far a request has come, for the answer that must be given when its work is cut off.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::work::Outcome;
use crate::metrics::Step;
use delegation_model::plan::Action;
use delegation_model::point::DelegationPoint;

#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    step: String,
    sent: Option<DelegationPoint>,
    looked: bool,
    done: Option<Outcome>,
    action: Option<Action>,
    spent: [Duration; 6],
}

/// Adds to a step's time what passes until it is dropped, be it by a deadline.
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

    /// A change of this place was sent, or may have been.
    pub(super) fn mark_sent(&self, place: &DelegationPoint) {
        self.lock().sent = Some(place.clone());
    }

    /// What stands at the place was read.
    pub(super) fn mark_looked(&self) {
        self.lock().looked = true;
    }

    pub(super) fn looked(&self) -> bool {
        self.lock().looked
    }

    /// The change was certainly not carried out.
    pub(super) fn unmark_sent(&self) {
        self.lock().sent = None;
    }

    /// The place that was changed, or may have been.
    pub(super) fn sent(&self) -> Option<DelegationPoint> {
        self.lock().sent.clone()
    }

    /// What was asked for stands: from here on, running out of time is no failure.
    pub(super) fn mark_done(&self, outcome: Outcome) {
        self.lock().done = Some(outcome);
    }

    /// What was done is not all that is asked: from here on, running out of time is a failure again.
    pub(super) fn unmark_done(&self) {
        self.lock().done = None;
    }

    pub(super) fn done(&self) -> Option<Outcome> {
        self.lock().done.clone()
    }

    /// What the request did.
    pub(super) fn mark_action(&self, action: Option<Action>) {
        self.lock().action = action;
    }

    pub(super) fn action(&self) -> Option<Action> {
        self.lock().action
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
