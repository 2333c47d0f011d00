//! The state that the server and the handles share.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::aws::Hook;
use crate::clock::Clock;
use crate::fault::Faults;
use crate::gate::GateState;
use crate::identities::Identities;
use crate::ids::Ids;
use crate::journal::Journal;
use crate::lock::lock;
use crate::quota::Buckets;
use crate::route53::{self, Refusal};

#[derive(Default)]
pub(crate) struct SharedState {
    pub clock: Clock,
    pub ids: Ids,
    pub journal: Journal,
    pub faults: Arc<Faults>,
    pub gates: Mutex<Vec<Arc<GateState>>>,
    pub buckets: Mutex<Buckets>,
    pub hooks: Mutex<Hooks>,
    /// How Route 53 looks up DS record sets. `None` without a DNS service.
    pub ds_look_up: Mutex<Option<DsLookUp>>,
    identities: Mutex<Identities>,
    route53: Mutex<route53::Route53State>,
}

/// Looks up the DS record set of a name like a resolver. Returns no values if there is none, and
/// `None` if the lookup fails.
pub(crate) type DsLookUp = Arc<dyn Fn(&str) -> Option<Vec<String>> + Send + Sync>;

#[derive(Default, Clone)]
pub(crate) struct Hooks {
    pub before: Vec<Hook>,
    pub after: Vec<Hook>,
    pub refusals: BTreeMap<String, Vec<Refusal>>,
}

impl fmt::Debug for SharedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedState").finish_non_exhaustive()
    }
}

impl SharedState {
    pub(crate) fn with_clock(clock: Clock) -> Self {
        Self { clock, ..Self::default() }
    }

    pub(crate) fn identities(&self) -> MutexGuard<'_, Identities> {
        lock(&self.identities)
    }

    pub(crate) fn route53(&self) -> Route53<'_> {
        Route53(lock(&self.route53))
    }
}

/// The locked hosted zones. Mutable access increases their revision, which the name servers
/// observe.
pub(crate) struct Route53<'a>(MutexGuard<'a, route53::Route53State>);

impl Route53<'_> {
    /// Applies the changes that have reached the name servers. Returns the resulting revision.
    pub(crate) fn settle(&mut self) -> u64 {
        if self.0.settle() {
            self.0.revision += 1;
        }
        self.0.revision
    }
}

impl Deref for Route53<'_> {
    type Target = route53::Route53State;

    fn deref(&self) -> &route53::Route53State {
        &self.0
    }
}

impl DerefMut for Route53<'_> {
    fn deref_mut(&mut self) -> &mut route53::Route53State {
        self.0.revision += 1;
        &mut self.0
    }
}
