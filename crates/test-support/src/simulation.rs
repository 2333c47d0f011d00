//! Runs simulations, each with its own time and randomness.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, available_parallelism};

use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// The seed in the environment variable `SEED`, or `default`.
pub fn seed_or(default: u64) -> u64 {
    setting("SEED").unwrap_or(default)
}

/// A number in an environment variable.
pub fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| {
        text.parse().unwrap_or_else(|_| panic!("{name} must be a number, but is {text:?}"))
    })
}

/// Runs a simulation with its own paused clock and everything random from the seed. The same seed
/// repeats the same run, call by call.
pub fn simulate<T>(seed: u64, run: impl AsyncFnOnce() -> T) -> T {
    fastrand::seed(seed);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, run())
}

#[derive(Debug)]
pub struct Simulated<C, T> {
    pub number: usize,
    pub case: C,
    pub result: T,
}

/// Runs a simulation of each case on all processors, as [`simulate`] does. Returns the results in
/// the order of the cases. The number of a case is part of its seed, so that the environment
/// variable `CASE` can repeat a single case.
pub fn simulate_each<C: Send, T: Send>(
    cases: impl IntoIterator<Item = C>,
    run: impl AsyncFn(&C) -> T + Sync,
) -> Vec<Simulated<C, T>> {
    let (seed, only) = (seed_or(1), setting("CASE"));
    let is_selected = |number: usize| only.is_none_or(|only| only == number as u64);
    let cases: Vec<(usize, C)> =
        cases.into_iter().enumerate().filter(|(number, _)| is_selected(*number)).collect();
    let (cases, next) = (
        cases.into_iter().map(|case| Mutex::new(Some(case))).collect::<Vec<_>>(),
        AtomicUsize::new(0),
    );
    let work = || {
        let mut results = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (number, case) = case.lock().unwrap().take().unwrap();
            let _report = ReportOnPanic(number);
            let result =
                simulate(seed.wrapping_mul(1 << 32).wrapping_add(number as u64), async || {
                    run(&case).await
                });
            results.push(Simulated { number, case, result });
        }
        results
    };
    let mut results: Vec<Simulated<C, T>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..available_parallelism().map_or(1, usize::from))
            .map(|_| scope.spawn(work))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|_| panic!("a case panicked")))
            .collect()
    });
    results.sort_by_key(|simulated| simulated.number);
    results
}

/// Reports which case panicked.
struct ReportOnPanic(usize);

impl Drop for ReportOnPanic {
    #[expect(clippy::print_stderr, reason = "a failed case is reported there")]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("CASE={} panicked", self.0);
        }
    }
}
