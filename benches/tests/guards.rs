//! Limits for the instructions, calls and connections of the release build, so that no change
//! increases them unnoticed. None depends on the machine's speed. Calls and connections must be
//! exact. The other limits are somewhat above the figures in `docs/performance.md`; raise one only
//! together with that page.
//!
//! `round_trips.rs` counts the requests that wait for each other.
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

use bench::guard::{Guarded, Traffic};

/// The most instructions until the first event is requested.
const READY: u64 = 750_000;
/// The most instructions from the event to the answer of a cold Create.
const COLD_CREATE: u64 = 15_000_000;
/// The HTTP requests of a cold Create, a warm Create, a warm Update and a warm Delete. Two
/// connections of a cold Create are to Route 53, one is to STS, and one to the response bucket.
const TRAFFIC: [Traffic; 4] = [
    Traffic { calls: 7, connections: 4 },
    Traffic { calls: 6, connections: 0 },
    Traffic { calls: 5, connections: 0 },
    Traffic { calls: 4, connections: 0 },
];

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
async fn no_call_and_no_connection_is_added() {
    let traffic = guarded("traffic").await.traffic().await.unwrap();
    eprintln!("{traffic:?}");
    assert_eq!(traffic, TRAFFIC, "a cold Create, a warm Create, Update and Delete");
}
