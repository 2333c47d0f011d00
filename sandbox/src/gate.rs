//! Holds calls, so that a test determines how they interleave.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use crate::journal::Call;

/// The calls that a gate holds.
pub type GateRule = Arc<dyn Fn(&Call) -> bool + Send + Sync>;

/// Holds calls before they are carried out, until [`Gate::release`]. Dropping the last clone also
/// releases them.
#[derive(Clone, Debug)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Arc<GateState>,
}

/// The state that waiting calls share.
pub(crate) struct GateState {
    rule: GateRule,
    arrived: watch::Sender<usize>,
    admitted: watch::Sender<usize>,
}

impl Gate {
    pub(crate) fn new(rule: GateRule) -> (Self, Arc<GateState>) {
        let state = Arc::new(GateState {
            rule,
            arrived: watch::Sender::new(0),
            admitted: watch::Sender::new(0),
        });
        (Self { shared: Arc::new(Shared { state: Arc::clone(&state) }) }, state)
    }

    /// Waits until a call has arrived at the gate.
    pub async fn arrived(&self) {
        self.arrived_count(1).await;
    }

    /// Waits until this many calls have arrived at the gate in total.
    pub async fn arrived_count(&self, count: usize) {
        let mut arrivals = self.shared.state.arrived.subscribe();
        // The sender is in `self`, so waiting can't fail.
        let _ = arrivals.wait_for(|arrived| *arrived >= count).await;
    }

    /// Lets the call that has waited longest pass, or else the next one.
    pub fn release_one(&self) {
        self.shared.state.admitted.send_modify(|admitted| *admitted = admitted.saturating_add(1));
    }

    /// Opens the gate permanently.
    pub fn release(&self) {
        self.shared.state.open();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.state.open();
    }
}

impl fmt::Debug for GateState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateState")
            .field("arrived", &*self.arrived.borrow())
            .finish_non_exhaustive()
    }
}

impl GateState {
    pub(crate) fn stops(&self, call: &Call) -> bool {
        (self.rule)(call)
    }

    pub(crate) async fn pass(&self) {
        let mut ticket = 0;
        let mut admissions = self.admitted.subscribe();
        self.arrived.send_modify(|arrived| {
            ticket = *arrived;
            *arrived += 1;
        });
        // The sender is in `self`, so waiting can't fail.
        let _ = admissions.wait_for(|admitted| *admitted > ticket).await;
    }

    pub(crate) fn is_open(&self) -> bool {
        *self.admitted.borrow() == usize::MAX
    }

    fn open(&self) {
        self.admitted.send_replace(usize::MAX);
    }
}
