//! The state that the server and the handles share.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::aws::Hook;
use crate::clock::Clock;
use crate::fault::Faults;
use crate::gate::GateState;
use crate::identities::Identities;
use crate::journal::Journal;
use crate::quota::Buckets;
use crate::route53::{self, Refusal};

#[derive(Default)]
pub(crate) struct Core {
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
    route53: Mutex<route53::State>,
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

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}

impl Core {
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
pub(crate) struct Route53<'a>(MutexGuard<'a, route53::State>);

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
    type Target = route53::State;

    fn deref(&self) -> &route53::State {
        &self.0
    }
}

impl DerefMut for Route53<'_> {
    fn deref_mut(&mut self) -> &mut route53::State {
        self.0.revision += 1;
        &mut self.0
    }
}

/// Locks a mutex, even if a test panicked while it was locked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Generates numbers and identifiers, which are the same in every run.
#[derive(Debug, Default)]
pub(crate) struct Ids(AtomicU64);

impl Ids {
    /// A new number.
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A new identifier with this prefix and length.
    pub(crate) fn id(&self, prefix: &str, length: usize) -> String {
        let digest = Sha256::digest(format!("{prefix}{}", self.next()));
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let tail = digest
            .iter()
            .filter_map(|byte| letters.get(usize::from(byte % 32)))
            .map(|byte| char::from(*byte));
        prefix.chars().chain(tail).take(length).collect()
    }
}
