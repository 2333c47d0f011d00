//! The pause between two tries of the same thing.

use std::time::Duration;

/// Pauses that double up to a longest one, each with a jitter of half, so that many requests that
/// began together do not stay in step.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Pauses of `first` on average, then twice as long each time, up to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// The pause before the next try.
    pub fn pause(&mut self) -> Duration {
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
