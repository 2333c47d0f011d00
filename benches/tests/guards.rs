//! What later changes may not spend unnoticed: instructions, calls and round trips of the release
//! build. None depends on the machine's speed. The limits lie about a tenth above what
//! `docs/performance.md` says; raise one only together with that page.
//!
//! `make guards` builds the release, names it in `BENCH_BOOTSTRAP` and runs this; `cargo test`
//! alone leaves it out. The size of the zip file is guarded by `tools/package.py`, which makes it.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops where something is missing, and says what it has measured"
)]

use std::path::PathBuf;
use std::time::Duration;

use bench::guard::Guarded;

/// Instructions until the first event is asked for.
const READY: u64 = 750_000;
/// Instructions from the event to the answer of a cold Create.
const COLD_CREATE: u64 = 15_000_000;
/// Calls of AWS, with the answer, of a cold Create, a warm Update and a warm Delete.
const CALLS: [f64; 3] = [7.0, 5.0, 4.0];
/// Serial round trips with handshakes of a cold and a warm Create, a warm Update and a warm Delete.
const TRIPS: [f64; 4] = [8.0, 4.0, 4.0, 3.0];
/// The work between the round trips takes less than this many of them.
const WORK: f64 = 0.9;
const LATENCY: Duration = Duration::from_millis(400);
/// A busy machine can only add to the time of a run, and never hide a round trip. So one run within
/// the limits proves them, and runs are made until there is one.
const RUNS: usize = 20;

async fn guarded(name: &str) -> Guarded {
    let bootstrap = std::env::var_os("BENCH_BOOTSTRAP").map(PathBuf::from);
    let bootstrap = bootstrap.expect("BENCH_BOOTSTRAP names no release build: run `make guards`");
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
        "{} instructions up to ready instead of at most {READY}",
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
