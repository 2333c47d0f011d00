//! Faults of calls that a test can add.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::journal::Call;

#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The call is delayed, and then carried out.
    Latency(Duration),
    /// `Throttling`, HTTP 400, "Rate exceeded". The call is not carried out.
    Throttle,
    /// A server error with this HTTP status. The call is not carried out.
    Status(u16),
    /// This error. The call is not carried out.
    Error { status: u16, code: String, message: String },
    /// The connection is reset. The call is not carried out.
    ResetBefore,
    /// The call is carried out, and the connection is reset instead of a response.
    ResetAfter,
    /// There is never a response. The call is not carried out.
    Hang,
    /// The call is carried out, but there is never a response.
    HangAfter,
}

/// A fault and the calls that it applies to. By default only the first matching call.
#[derive(Debug, Clone)]
pub struct Fault {
    action: String,
    account: Option<String>,
    zone: Option<String>,
    region: Option<String>,
    from: u64,
    times: u64,
    kind: FaultKind,
}

impl Fault {
    /// A fault for calls of this action, or of any action for `*`.
    pub fn on(action: &str) -> Self {
        let action = action.to_owned();
        Self {
            action,
            account: None,
            zone: None,
            region: None,
            from: 1,
            times: 1,
            kind: FaultKind::Status(500),
        }
    }

    /// Only applies to calls with credentials of this account.
    #[must_use]
    pub fn account(mut self, id: &str) -> Self {
        self.account = Some(id.to_owned());
        self
    }

    /// Only applies to calls that name this hosted zone.
    #[must_use]
    pub fn zone(mut self, id: &str) -> Self {
        self.zone = Some(id.to_owned());
        self
    }

    /// Only applies to calls that are signed for this Region.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    /// Applies to the `n`-th matching call from now on (the first is 1). With [`Fault::times`], it
    /// applies from that call on.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.from = n;
        self
    }

    /// Applies to this many matching calls.
    #[must_use]
    pub fn times(mut self, n: u64) -> Self {
        self.times = n;
        self
    }

    /// Applies to every matching call.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    #[must_use]
    pub fn kind(mut self, kind: FaultKind) -> Self {
        self.kind = kind;
        self
    }

    fn matches(&self, call: &Call) -> bool {
        (self.action == call.action || self.action == "*")
            && self.account.as_ref().is_none_or(|account| *account == call.account)
            && self.region.as_ref().is_none_or(|region| *region == call.region)
            && self.zone.as_ref().is_none_or(|zone| Some(zone) == call.zone.as_ref())
    }
}

#[derive(Clone, Debug)]
pub struct FaultHandle {
    id: u64,
    faults: Arc<Faults>,
}

impl FaultHandle {
    /// Removes the fault. Calls that hang keep hanging.
    pub fn remove(&self) {
        self.faults.lock().active.retain(|active| active.id != self.id);
    }

    /// How many calls it has affected. Can be read until the fault is removed.
    pub fn hits(&self) -> u64 {
        self.faults
            .lock()
            .active
            .iter()
            .find(|active| active.id == self.id)
            .map_or(0, |active| active.hits)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    active: Vec<Active>,
}

#[derive(Debug)]
struct Active {
    id: u64,
    fault: Fault,
    matched: u64,
    hits: u64,
}

impl Faults {
    pub(crate) fn add(self: &Arc<Self>, fault: Fault) -> FaultHandle {
        let mut state = self.lock();
        state.last += 1;
        let id = state.last;
        state.active.push(Active { id, fault, matched: 0, hits: 0 });
        FaultHandle { id, faults: Arc::clone(self) }
    }

    /// The faults for this call, in the order in which they were added.
    pub(crate) fn strike(&self, call: &Call) -> Vec<FaultKind> {
        let mut struck = Vec::new();
        for active in self.lock().active.iter_mut().filter(|active| active.fault.matches(call)) {
            active.matched += 1;
            let first = active.fault.from.max(1);
            if active.matched >= first && active.matched - first < active.fault.times {
                active.hits += 1;
                struck.push(active.fault.kind.clone());
            }
        }
        struck
    }

    pub(crate) fn clear(&self) {
        self.lock().active.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
