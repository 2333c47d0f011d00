//! What later changes may not spend unnoticed: instructions, calls and round trips of the release build. None depends on the
//! machine's speed. The limits lie about a tenth above what `docs/performance.md` says; raise one only together with that page.
//!
//! `make guards` builds the release, names it in `BENCH_BOOTSTRAP` and runs this; `cargo test` alone leaves it out.
//! The size of the zip file is guarded by `tools/package.py`, which makes it.
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
/// Step, calls of AWS with the answer, and serial round trips with handshakes.
const STEPS: [(&str, Option<u32>, u32); 4] =
    [("cold Create", Some(7), 8), ("warm Create", None, 4), ("warm Update", Some(5), 4), ("warm Delete", Some(4), 3)];
/// So much that a busy machine's own work in one step stays far below one round trip.
const LATENCY: Duration = Duration::from_millis(400);
const RUNS: usize = 2;

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
        sandbox::not_checked("instructions", "valgrind is not installed", "sudo apt-get install valgrind libc6-dbg");
        return;
    };
    eprintln!("{counted:?}, at most {READY} and {COLD_CREATE}");
    assert!(counted.ready <= READY, "{} instructions up to ready instead of at most {READY}", counted.ready);
    let cold = counted.cold_create;
    assert!(cold <= COLD_CREATE, "{cold} instructions of a cold Create instead of at most {COLD_CREATE}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_and_no_round_trip_is_added() {
    let guarded = guarded("steps").await;
    let steps = guarded.steps(LATENCY, RUNS).await.unwrap();
    eprintln!("{steps:?}");
    for ((name, calls, trips), step) in STEPS.into_iter().zip(&steps) {
        assert_eq!(step.name, name);
        if let Some(calls) = calls {
            assert!(step.calls == Some(f64::from(calls)), "{name}: {:?} calls instead of {calls}", step.calls);
        }
        // What lies between is the work itself.
        assert!(step.trips < f64::from(trips) + 0.9, "{name}: {:.2} round trips instead of {trips}", step.trips);
    }
}
