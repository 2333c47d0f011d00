//! The time that an invocation has.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// What an invocation has if its own deadline is unknown: the function timeout of the template.
const UNKNOWN: Duration = Duration::from_mins(5);
/// What is kept for the answer, at most.
const RESERVE: Duration = Duration::from_secs(20);
/// What is kept for the way back to Lambda, at most: a function that Lambda kills is delivered the
/// same event again, even if its own decision was not to fail.
const MARGIN: Duration = Duration::from_secs(1);

/// When an invocation ends, and when its work must end so that the answer still fits.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    left: Duration,
    work: Instant,
    last_look: Instant,
    end: Instant,
}

impl Deadline {
    /// The deadline of an invocation that Lambda ends at `lambda` by the clock, and whose answer
    /// CloudFormation takes until `service`, seen at `now` (TIME-2).
    ///
    /// Lambda's end that is already past when the invocation starts means "unknown" and not "no
    /// time left": emulators of the Runtime API send such. Nobody waits for the answer of a request
    /// whose `service` is past; it changes nothing, and may take its time.
    pub fn new(lambda: SystemTime, service: Option<SystemTime>, now: SystemTime) -> Self {
        let until = |end: SystemTime| end.duration_since(now).ok().filter(|left| !left.is_zero());
        let of_lambda = until(lambda).unwrap_or(UNKNOWN);
        let left =
            service.and_then(until).map_or(of_lambda, |of_service| of_service.min(of_lambda));
        let reserve = RESERVE.min(left / 4);
        let end = Instant::now() + left - MARGIN.min(left / 20);
        Self { left, work: end - reserve, last_look: end - reserve / 2, end }
    }

    /// What was left at the start.
    pub fn left_at_start(self) -> Duration {
        self.left
    }

    /// What the work had at the start.
    pub fn work_at_start(self) -> Duration {
        self.left.saturating_sub(self.end - self.work).saturating_sub(MARGIN.min(self.left / 20))
    }

    /// When the work must end: the rest is for the answer.
    pub fn work(self) -> Instant {
        self.work
    }

    /// When it must end what a request does that has failed: taking back what it wrote, or looking
    /// for what an earlier delivery of it wrote. It takes a part of the reserve.
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
        let deadline = Deadline::new(now + Duration::from_mins(5), None, now);
        assert_eq!(deadline.end() - Instant::now(), Duration::from_secs(299));
        assert_eq!(deadline.end() - deadline.work(), Duration::from_secs(20));
        assert_eq!(deadline.end() - deadline.last_look(), Duration::from_secs(10));
        let short = Deadline::new(now + Duration::from_secs(4), None, now);
        assert_eq!(short.end() - short.work(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_in_1970_is_unknown() {
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
        assert_eq!(past.left_at_start(), Duration::from_mins(5), "nobody waits any more");
    }
}
