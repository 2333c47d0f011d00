//! Pauses between attempts.

use std::time::Duration;

/// Pauses that double up to a maximum. Each varies randomly by half, so that requests that started
/// together don't stay in step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Starts with a pause of `first` on average. Each pause is twice as long as the one before, up
    /// to `longest`.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// The pause before the next attempt.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next.mul_f64(0.5 + fastrand::f64());
        self.next = (self.next * 2).min(self.longest);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_with_a_jitter_of_half() {
        let mut backoff = Backoff::new(Duration::from_secs(3), Duration::from_secs(42));
        for mean in [3.0, 6.0, 12.0, 24.0, 42.0, 42.0] {
            let pause = backoff.pause().as_secs_f64();
            assert!((mean / 2.0..mean * 1.5).contains(&pause), "{pause} around {mean}");
        }
        assert_eq!(Backoff::new(Duration::ZERO, Duration::ZERO).pause(), Duration::ZERO);
    }
}
