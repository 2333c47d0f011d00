//! The sandbox's clock: real time plus an offset that a test moves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Time as the services see it. Clones share one offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offsets: Arc<Mutex<Offsets>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Offsets {
    advanced: Duration,
    skew_seconds: i64,
}

impl Clock {
    /// Now, as the services see it.
    pub fn now(&self) -> SystemTime {
        SystemTime::now() + self.offsets().advanced
    }

    /// Lets time pass: sessions expire, quotas refill. Signature times are not affected, since the client's clock would have
    /// moved as well; see [`Clock::skew`] for that.
    pub fn advance(&self, by: Duration) {
        self.offsets.lock().unwrap_or_else(PoisonError::into_inner).advanced += by;
    }

    /// Makes the services' clock differ from the clients' by so many seconds, which spoils signatures beyond five minutes.
    pub fn skew(&self, seconds: i64) {
        self.offsets.lock().unwrap_or_else(PoisonError::into_inner).skew_seconds = seconds;
    }

    /// Seconds since the epoch against which the time of a signature is checked.
    pub(crate) fn signature_time(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(now.as_secs()).unwrap_or(i64::MAX).saturating_add(self.offsets().skew_seconds)
    }

    fn offsets(&self) -> Offsets {
        *self.offsets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The form of a time in an answer, `2026-01-02T03:04:05Z`.
pub(crate) fn iso8601(time: SystemTime) -> String {
    let whole = OffsetDateTime::from(time).replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    whole.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests;
