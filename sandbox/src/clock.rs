//! The sandbox's clock: the system's or a test's, plus an offset that a test moves.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Time as the services see it. Clones share one offset.
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
    /// The system's clock.
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
    /// A clock that shows what `base` does, so that the services and their client live in one time.
    pub fn following(base: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { base: Arc::new(base), offsets: Arc::default() }
    }

    /// Now, as the services see it.
    pub fn now(&self) -> SystemTime {
        (self.base)() + self.offsets().advanced
    }

    /// Lets time pass: sessions expire, quotas refill. Signature times are not affected, since the
    /// client's clock would have moved as well; see [`Clock::skew`] for that.
    pub fn advance(&self, by: Duration) {
        self.offsets.lock().unwrap_or_else(PoisonError::into_inner).advanced += by;
    }

    /// Makes the services' clock differ from the clients' by so many seconds, which spoils
    /// signatures beyond five minutes.
    pub fn skew(&self, seconds: i64) {
        self.offsets.lock().unwrap_or_else(PoisonError::into_inner).skew_seconds = seconds;
    }

    /// Seconds since the epoch against which the time of a signature is checked.
    pub(crate) fn signature_time(&self) -> i64 {
        let now = (self.base)().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(now.as_secs()).unwrap_or(i64::MAX).saturating_add(self.offsets().skew_seconds)
    }

    fn offsets(&self) -> Offsets {
        *self.offsets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The form of a time in an answer, `2026-01-02T03:04:05Z`.
pub(crate) fn iso8601(time: SystemTime) -> String {
    let whole =
        OffsetDateTime::from(time).replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    whole.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests;
