//! Limits for the instructions, calls and round trips of the release build, so that no change
//! increases them unnoticed. None depends on the machine's speed. The limits are about a tenth
//! above the figures in `docs/performance.md`; raise one only together with that page.
//!
//! `make guards` makes the release build, names it in `BENCH_BOOTSTRAP`, and runs these tests; a
//! plain `cargo test` skips them. `tools/package.py` checks the size of the zip file, which it
//! creates.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a panic fails the test, and tests print what they measured"
)]

use std::path::PathBuf;
use std::time::Duration;

use bench::guard::Guarded;

/// The most instructions until the first event is requested.
const READY: u64 = 750_000;
/// The most instructions from the event to the answer of a cold Create.
const COLD_CREATE: u64 = 15_000_000;
/// The HTTP calls, the answer included, of a cold Create, a warm Update and a warm Delete.
const CALLS: [f64; 3] = [7.0, 5.0, 4.0];
/// The serial round trips, handshakes included, of a cold and a warm Create, a warm Update and a
/// warm Delete.
const TRIPS: [f64; 4] = [8.0, 4.0, 4.0, 3.0];
/// The most time for the work between the round trips, in multiples of the latency.
const WORK: f64 = 0.9;
const LATENCY: Duration = Duration::from_millis(400);
/// The most runs. A busy machine can only add to the time of a run, and never hide a round trip, so
/// one run within the limits suffices.
const RUNS: usize = 20;

async fn guarded(name: &str) -> Guarded {
    let bootstrap = std::env::var_os("BENCH_BOOTSTRAP").map(PathBuf::from);
    let bootstrap =
        bootstrap.expect("BENCH_BOOTSTRAP must name a release build: run `make guards`");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    Guarded::new(&bootstrap, &folder).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn start_and_cold_create_take_few_instructions() {
    let guarded = guarded("instructions").await;
    let Some(counted) = guarded.instructions().await.unwrap() else {
        sandbox::not_checked(
            "instructions",
            "valgrind is not installed",
            "sudo apt-get install valgrind libc6-dbg",
        );
        return;
    };
    eprintln!("{counted:?}, at most {READY} and {COLD_CREATE}");
    assert!(
        counted.ready <= READY,
        "{} instructions until the first event instead of at most {READY}",
        counted.ready
    );
    let cold = counted.cold_create;
    assert!(
        cold <= COLD_CREATE,
        "{cold} instructions of a cold Create instead of at most {COLD_CREATE}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_added() {
    let calls = guarded("calls").await.calls().await.unwrap();
    eprintln!("calls {calls:?}");
    assert_eq!(calls, CALLS, "calls of a cold Create, a warm Update and a warm Delete");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_round_trip_is_added() {
    let guarded = guarded("trips").await;
    let mut least = [f64::INFINITY; 4];
    for _ in 0..RUNS {
        let trips = guarded.trips(LATENCY).await.unwrap();
        eprintln!("round trips {trips:.2?}");
        least = std::array::from_fn(|step| least[step].min(trips[step]));
        if least.iter().zip(TRIPS).all(|(least, trips)| *least < trips + WORK) {
            return;
        }
    }
    panic!(
        "a cold and a warm Create, a warm Update and a warm Delete took {least:.2?} round trips instead of {TRIPS:?}"
    );
}
