//! How far a request has come, for the answer that must be given when its work is cut off.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Outcome;
use crate::cfn::physical_id::Place;

#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    step: String,
    sent: Option<Place>,
    done: Option<Outcome>,
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
    pub(super) fn mark_sent(&self, place: &Place) {
        self.lock().sent = Some(place.clone());
    }

    /// The change was certainly not carried out.
    pub(super) fn unmark_sent(&self) {
        self.lock().sent = None;
    }

    /// The place that was changed, or may have been.
    pub(super) fn sent(&self) -> Option<Place> {
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
