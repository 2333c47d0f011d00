//! The time that an invocation has.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// What an invocation has if its own deadline is unknown: the function timeout of the template.
const UNKNOWN: Duration = Duration::from_mins(5);
/// What is kept for the answer, at most.
const RESERVE: Duration = Duration::from_secs(20);
/// What is kept for the way back to Lambda, at most: a function that Lambda kills is delivered the same event again, even if
/// its own decision was not to fail.
const MARGIN: Duration = Duration::from_secs(1);

/// When an invocation ends, and when its work must end so that the answer still fits.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    work: Instant,
    last_look: Instant,
    end: Instant,
}

impl Deadline {
    /// The deadline of an invocation that ends at `end` by the clock, seen at `now`.
    ///
    /// An end that is already past when the invocation starts means "unknown" and not "no time left": emulators of the
    /// Runtime API send such.
    pub fn new(end: SystemTime, now: SystemTime) -> Self {
        let left = end.duration_since(now).ok().filter(|left| !left.is_zero()).unwrap_or(UNKNOWN);
        let reserve = RESERVE.min(left / 4);
        let end = Instant::now() + left - MARGIN.min(left / 20);
        Self { work: end - reserve, last_look: end - reserve / 2, end }
    }

    /// When the work must end: the rest is for the answer.
    pub fn work(self) -> Instant {
        self.work
    }

    /// When a Delete must end that waits for a Create. Its last look begins at [`Deadline::work`], when a Create that
    /// started before it has no work time left, and so takes a part of the reserve.
    pub fn last_look(self) -> Instant {
        self.last_look
    }

    /// When the last attempt to answer must end, a little before Lambda ends the invocation.
    pub fn end(self) -> Instant {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_part_is_kept_for_the_answer() {
        let now = SystemTime::now();
        let deadline = Deadline::new(now + Duration::from_mins(5), now);
        assert_eq!(deadline.end() - Instant::now(), Duration::from_secs(299));
        assert_eq!(deadline.end() - deadline.work(), Duration::from_secs(20));
        assert_eq!(deadline.end() - deadline.last_look(), Duration::from_secs(10));
        let short = Deadline::new(now + Duration::from_secs(4), now);
        assert_eq!(short.end() - short.work(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_in_1970_is_unknown() {
        let deadline = Deadline::new(SystemTime::UNIX_EPOCH + Duration::from_mins(5), SystemTime::now());
        assert_eq!(deadline.end() - Instant::now(), UNKNOWN.saturating_sub(MARGIN));
    }
}
