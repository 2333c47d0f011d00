//! Faults on demand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::journal::Call;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The call takes so much longer, and is then carried out.
    Latency(Duration),
    /// `Throttling`, HTTP 400, "Rate exceeded"; nothing is done.
    Throttle,
    /// A bare server error with this HTTP status; nothing is done.
    Status(u16),
    /// This error; nothing is done.
    Error {
        /// HTTP status.
        status: u16,
        /// Error code.
        code: String,
        /// Error message.
        message: String,
    },
    /// The connection is reset and nothing is done.
    ResetBefore,
    /// The call is carried out and the connection reset instead of an answer: a lost answer.
    ResetAfter,
    /// No answer ever, and nothing is done.
    Hang,
    /// The call is carried out, and no answer ever.
    HangAfter,
}

/// Which calls a fault strikes. The first matching call, unless told otherwise.
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
    /// A fault for calls of that action; `*` for any.
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

    /// Only calls with credentials of that account.
    #[must_use]
    pub fn account(mut self, id: &str) -> Self {
        self.account = Some(id.to_owned());
        self
    }

    /// Only calls that name that hosted zone.
    #[must_use]
    pub fn zone(mut self, id: &str) -> Self {
        self.zone = Some(id.to_owned());
        self
    }

    /// Only calls that are signed for that Region.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    /// The `n`-th matching call from now (the first is 1); with [`Fault::times`] that one and the
    /// next ones.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.from = n;
        self
    }

    /// So many matching calls.
    #[must_use]
    pub fn times(mut self, n: u64) -> Self {
        self.times = n;
        self
    }

    /// Every matching call.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// What goes wrong.
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

/// A fault that was set.
#[derive(Clone, Debug)]
pub struct FaultHandle {
    id: u64,
    faults: Arc<Faults>,
}

impl FaultHandle {
    /// Takes the fault away. Calls that hang keep hanging.
    pub fn remove(&self) {
        self.faults.lock().active.retain(|active| active.id != self.id);
    }

    /// How many calls it has struck. Stays readable until it is removed.
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
    seen: u64,
    hits: u64,
}

impl Faults {
    pub(crate) fn add(self: &Arc<Self>, fault: Fault) -> FaultHandle {
        let mut state = self.lock();
        state.last += 1;
        let id = state.last;
        state.active.push(Active { id, fault, seen: 0, hits: 0 });
        FaultHandle { id, faults: Arc::clone(self) }
    }

    /// What strikes this call, in the order in which the faults were set.
    pub(crate) fn strike(&self, call: &Call) -> Vec<FaultKind> {
        let mut struck = Vec::new();
        for active in self.lock().active.iter_mut().filter(|active| active.fault.matches(call)) {
            active.seen += 1;
            let first = active.fault.from.max(1);
            if active.seen >= first && active.seen - first < active.fault.times {
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
