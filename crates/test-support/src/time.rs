//! How a test waits: on the paused clock for as long as it likes, in the system's time only for
//! what is certain to come.

use std::time::Duration;

use tokio::time::{advance, sleep, timeout};

/// After this long what a test polls for will not come; longer than any machine is busy.
const PATIENCE: Duration = Duration::from_mins(5);

/// Between two polls.
const BREATH: Duration = Duration::from_millis(10);

/// Lets time pass on the paused clock of a test. It takes none of the system's.
///
/// Panics if the clock is not paused: a test that waits in the system's time has a verdict that
/// depends on the machine.
pub async fn pass(time: Duration) {
    // Tokio refuses to move a clock that runs.
    advance(Duration::ZERO).await;
    sleep(time).await;
}

/// Asks again until it is so. How long that takes decides nothing. Panics after five minutes, with
/// `what` has not come.
pub async fn poll_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let polls = async {
        while !is_so().await {
            breathe().await;
        }
    };
    timeout(PATIENCE, polls).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

/// Leaves the processor to others for a moment, between two polls. How long it is decides nothing.
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
    async fn in_the_time_of_the_system_it_does_not() {
        pass(Duration::from_hours(1)).await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited in vain: it never comes")]
    async fn a_poll_has_an_end() {
        poll_until("it never comes", async || false).await;
    }
}
