//! The deadlines of an invocation.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// The time of an invocation if its deadline is unknown: the function timeout of the template.
const UNKNOWN: Duration = Duration::from_mins(5);
/// The most time that is reserved for the response.
const RESERVE: Duration = Duration::from_secs(20);
/// The most time that is reserved for returning to Lambda. If Lambda stops the function instead, it
/// delivers the same event again, even if the function decided not to fail.
const MARGIN: Duration = Duration::from_secs(1);

/// The end of an invocation, and the earlier end of its work that leaves time for the response.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    left: Duration,
    work: Instant,
    cleanup: Instant,
    end: Instant,
}

impl Deadline {
    /// Creates the deadline at `now`. `lambda` is when Lambda ends the invocation, and `service` is
    /// when CloudFormation stops waiting for the response (TIME-2).
    ///
    /// If `lambda` is in the past when the invocation starts, it is unknown: emulators of the
    /// Runtime API send such values. If `service` is in the past, nobody waits for the response.
    /// The request then changes nothing, and is not limited by `service`.
    pub fn new(lambda: SystemTime, service: Option<SystemTime>, now: SystemTime) -> Self {
        let until = |end: SystemTime| end.duration_since(now).ok().filter(|left| !left.is_zero());
        let of_lambda = until(lambda).unwrap_or(UNKNOWN);
        let left =
            service.and_then(until).map_or(of_lambda, |of_service| of_service.min(of_lambda));
        let reserve = RESERVE.min(left / 4);
        let end = Instant::now() + left - MARGIN.min(left / 20);
        Self { left, work: end - reserve, cleanup: end - reserve / 2, end }
    }

    /// The time that was left at the start.
    pub(crate) fn left_at_start(self) -> Duration {
        self.left
    }

    /// The time that the work had at the start.
    pub(crate) fn work_at_start(self) -> Duration {
        self.left.saturating_sub(self.end - self.work).saturating_sub(MARGIN.min(self.left / 20))
    }

    /// When the work must end. The rest of the time is for cleaning up and for the response.
    pub fn work(self) -> Instant {
        self.work
    }

    /// When a failed request must have cleaned up: undone its changes, or searched for those of an
    /// earlier delivery. Cleaning up uses a part of the reserve.
    pub fn cleanup(self) -> Instant {
        self.cleanup
    }

    /// When the last attempt to respond must end: shortly before Lambda ends the invocation.
    pub fn end(self) -> Instant {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_is_reserved_for_the_response() {
        let now = SystemTime::now();
        let deadline = Deadline::new(now + Duration::from_mins(5), None, now);
        assert_eq!(deadline.end() - Instant::now(), Duration::from_secs(299));
        assert_eq!(deadline.end() - deadline.work(), Duration::from_secs(20));
        assert_eq!(deadline.end() - deadline.cleanup(), Duration::from_secs(10));
        let short = Deadline::new(now + Duration::from_secs(4), None, now);
        assert_eq!(short.end() - short.work(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_in_1970_counts_as_unknown() {
        let deadline =
            Deadline::new(SystemTime::UNIX_EPOCH + Duration::from_mins(5), None, SystemTime::now());
        assert_eq!(deadline.end() - Instant::now(), UNKNOWN.saturating_sub(MARGIN));
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_end_counts() {
        let now = SystemTime::now();
        let lambda = now + Duration::from_mins(5);
        let left = |service: u64| {
            Deadline::new(lambda, Some(now + Duration::from_secs(service)), now).left_at_start()
        };
        assert_eq!((left(60), left(600)), (Duration::from_mins(1), Duration::from_mins(5)));
        let past = Deadline::new(lambda, Some(now - Duration::from_secs(1)), now);
        assert_eq!(
            past.left_at_start(),
            Duration::from_mins(5),
            "nobody waits for the response anymore"
        );
    }
}
