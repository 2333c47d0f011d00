//! The sandbox's clock: the system's clock or a test's, plus an offset that a test controls.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The time of the services. Clones share the offset.
#[derive(Clone)]
pub struct Clock {
    base: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    offsets: Arc<Mutex<Offsets>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Offsets {
    advanced: Duration,
    skew_seconds: i64,
}

impl Default for Clock {
    fn default() -> Self {
        Self::following(SystemTime::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Clock {
    /// A clock that follows `base`, so that services and clients have the same time.
    pub fn following(base: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { base: Arc::new(base), offsets: Arc::default() }
    }

    /// The current time of the services.
    pub fn now(&self) -> SystemTime {
        (self.base)() + self.offsets().advanced
    }

    /// Lets time pass, so that sessions expire and quotas refill. Does not affect the time of
    /// signatures, because the client's clock would have advanced as well. See [`Clock::skew`] for
    /// that.
    pub fn advance(&self, by: Duration) {
        self.offsets.lock().unwrap_or_else(PoisonError::into_inner).advanced += by;
    }

    /// Makes the services' clock differ from the clients' by this many seconds. Beyond five
    /// minutes, signatures are rejected.
    pub fn skew(&self, seconds: i64) {
        self.offsets.lock().unwrap_or_else(PoisonError::into_inner).skew_seconds = seconds;
    }

    /// The time that the time of a signature is compared with, in seconds since 1970.
    pub(crate) fn signature_time(&self) -> i64 {
        let now = (self.base)().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(now.as_secs()).unwrap_or(i64::MAX).saturating_add(self.offsets().skew_seconds)
    }

    fn offsets(&self) -> Offsets {
        *self.offsets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time as it is written in responses, `2026-01-02T03:04:05Z`.
pub(crate) fn iso8601(time: SystemTime) -> String {
    let whole =
        OffsetDateTime::from(time).replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    whole.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests;
