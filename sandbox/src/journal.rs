//! Records every call that reached the sandbox, in order of arrival.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::route53::Change;

/// A call, as it was received, and its outcome.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Call {
    /// The number of the call since the sandbox started, from 1. [`crate::Sandbox::clear_calls`]
    /// does not reset it.
    pub seq: u64,
    /// When it arrived, by the sandbox's clock.
    pub at: SystemTime,
    /// `route53` or `sts`.
    pub service: &'static str,
    /// The Region that it was signed for. Empty if it was not signed.
    pub region: String,
    /// The name of the action, such as `ChangeResourceRecordSets`.
    pub action: String,
    /// The account of the credentials. Empty if they were rejected.
    pub account: String,
    /// The ARN of the caller. Empty if the credentials were rejected.
    pub principal: String,
    /// The id of the hosted zone in the call, without `/hostedzone/`.
    pub zone: Option<String>,
    pub summary: String,
    /// The batch of a `ChangeResourceRecordSets`.
    pub changes: Vec<Change>,
    pub comment: Option<String>,
    /// The role in an `AssumeRole`.
    pub role_arn: Option<String>,
    /// The outcome. `None` while the call is in progress, and forever if it hangs.
    pub outcome: Option<Outcome>,
    /// The faults that were applied to it.
    pub faults: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    pub status: u16,
    pub code: Option<String>,
    pub message: Option<String>,
    /// True if the response was sent. False if a fault dropped it.
    pub delivered: bool,
}

impl Call {
    /// True if the service carried out the call, even if the response was lost.
    pub fn succeeded(&self) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| outcome.status < 300)
    }

    /// The error code of an error response.
    pub fn code(&self) -> Option<&str> {
        self.outcome.as_ref()?.code.as_deref()
    }

    pub fn status(&self) -> Option<u16> {
        self.outcome.as_ref().map(|outcome| outcome.status)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    calls: Vec<Call>,
}

impl Journal {
    /// Records the call, and gives it its number.
    pub(crate) fn begin(&self, mut call: Call) -> Call {
        let mut state = self.lock();
        state.last += 1;
        call.seq = state.last;
        state.calls.push(call.clone());
        call
    }

    pub(crate) fn update(&self, call: &Call) {
        if let Some(known) = self.lock().calls.iter_mut().rev().find(|known| known.seq == call.seq)
        {
            *known = call.clone();
        }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    pub(crate) fn clear(&self) {
        self.lock().calls.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
