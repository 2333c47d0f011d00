//! Waiting in tests: any length of time on the paused clock, and in real time only for an event
//! that is certain to happen.

use std::time::Duration;

use tokio::time::{advance, sleep, timeout};

/// How long [`poll_until`] polls. This is longer than any machine is busy.
const PATIENCE: Duration = Duration::from_mins(5);

/// The pause between two polls.
const BREATH: Duration = Duration::from_millis(10);

/// Lets time pass on the paused clock of a test, which takes no real time.
///
/// # Panics
/// If the clock is not paused: the result of a test that waits in real time would depend on the
/// machine.
pub async fn pass(time: Duration) {
    // Tokio refuses to advance a running clock.
    advance(Duration::ZERO).await;
    sleep(time).await;
}

/// Polls until a condition is true. The result does not depend on how long that takes. Panics after
/// five minutes with `what` it waited for.
pub async fn poll_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let polls = async {
        while !is_so().await {
            breathe().await;
        }
    };
    timeout(PATIENCE, polls).await.unwrap_or_else(|_| panic!("waited without success: {what}"));
}

/// Lets other tasks run for a moment between two polls. The result does not depend on how long that
/// is.
pub async fn breathe() {
    sleep(BREATH).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_passes_on_a_paused_clock() {
        let before = tokio::time::Instant::now();
        pass(Duration::from_hours(1)).await;
        assert_eq!(before.elapsed(), Duration::from_hours(1));
    }

    #[tokio::test]
    #[should_panic(expected = "time is not frozen")]
    async fn time_can_not_be_advanced_on_a_running_clock() {
        pass(Duration::from_hours(1)).await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited without success: it never happens")]
    async fn a_poll_ends() {
        poll_until("it never happens", async || false).await;
    }
}
