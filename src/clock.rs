//! The wall clock, which a test can control.

use std::time::SystemTime;

use tokio::time::Instant;

/// A source of the current time.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's clock. It also runs while Lambda has frozen the process.
    #[default]
    System,
    /// A clock that follows tokio's. A test that pauses tokio's clock controls this one too, so
    /// that hours of waiting take no time.
    Tokio {
        /// The time at `since`.
        start: SystemTime,
        /// When the clock was set.
        since: Instant,
    },
}

impl Clock {
    /// A clock that shows `start` now, and follows tokio's clock from then on.
    pub fn tokio(start: SystemTime) -> Self {
        Self::Tokio { start, since: Instant::now() }
    }

    /// The current time.
    pub fn now(&self) -> SystemTime {
        match self {
            Self::System => SystemTime::now(),
            Self::Tokio { start, since } => *start + since.elapsed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_follows_tokios_clock() {
        let start = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
        let clock = Clock::tokio(start);
        assert_eq!(clock.now(), start);
        tokio::time::sleep(Duration::from_hours(5)).await;
        assert_eq!(clock.now(), start + Duration::from_hours(5));
    }
}
