//! Every call that reached the sandbox, in the order of arrival.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::route53::Change;

/// A call as it was received, and what became of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Call {
    /// 1 for the first call since the sandbox started; [`crate::Sandbox::clear_calls`] does not
    /// restart it.
    pub seq: u64,
    /// When it arrived, by the sandbox's clock.
    pub at: SystemTime,
    /// `route53` or `sts`.
    pub service: &'static str,
    /// The Region that it was signed for; empty if it was not signed.
    pub region: String,
    /// The API's name for it, such as `ChangeResourceRecordSets`.
    pub action: String,
    /// The account that owns the credentials; empty if they were not accepted.
    pub account: String,
    /// The ARN that made the call; empty if the credentials were not accepted.
    pub principal: String,
    /// The id of the hosted zone it names, without `/hostedzone/`.
    pub zone: Option<String>,
    /// What was asked, in a few words.
    pub summary: String,
    /// The batch of a `ChangeResourceRecordSets`.
    pub changes: Vec<Change>,
    /// The comment of that batch.
    pub comment: Option<String>,
    /// The role of an `AssumeRole`.
    pub role_arn: Option<String>,
    /// What was answered; `None` while it is under way, and for ever if it hangs.
    pub outcome: Option<Outcome>,
    /// The faults that were injected into it.
    pub faults: Vec<String>,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// HTTP status.
    pub status: u16,
    /// Error code, for a refusal.
    pub code: Option<String>,
    /// Error message, for a refusal.
    pub message: Option<String>,
    /// Whether the answer was sent: `false` for one that a fault lost on the way.
    pub delivered: bool,
}

impl Call {
    /// Whether the service did what was asked, be the answer lost or not.
    pub fn succeeded(&self) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| outcome.status < 300)
    }

    /// The error code of a refusal.
    pub fn code(&self) -> Option<&str> {
        self.outcome.as_ref()?.code.as_deref()
    }

    /// The HTTP status of the answer.
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
    /// Records the call and gives it its number.
    pub(crate) fn begin(&self, mut call: Call) -> Call {
        let mut state = self.lock();
        state.last += 1;
        call.seq = state.last;
        state.calls.push(call.clone());
        call
    }

    /// Replaces the record of that call with what is known now.
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
