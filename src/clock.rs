//! The wall clock, which a test can own.

use std::time::SystemTime;

use tokio::time::Instant;

/// Tells what time it is.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's clock. It goes on while Lambda has frozen the process.
    #[default]
    System,
    /// A time that passes as tokio's does. A test that pauses tokio's clock owns this one too:
    /// hours of waiting pass at once.
    Tokio {
        /// What time it was at `since`.
        start: SystemTime,
        /// When the clock was set.
        since: Instant,
    },
}

impl Clock {
    /// A clock that shows `start` now, and from then on passes as tokio's time does.
    pub fn tokio(start: SystemTime) -> Self {
        Self::Tokio { start, since: Instant::now() }
    }

    /// What time it is.
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
    async fn time_passes_as_tokios_does() {
        let start = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
        let clock = Clock::tokio(start);
        assert_eq!(clock.now(), start);
        tokio::time::sleep(Duration::from_hours(5)).await;
        assert_eq!(clock.now(), start + Duration::from_hours(5));
    }
}
