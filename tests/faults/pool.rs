//! Many cases at once: most of their time they wait.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

const THREADS: usize = 2;

/// Whether the long form is asked for.
pub(crate) fn long() -> bool {
    std::env::var("ALL_FAULTS").is_ok_and(|value| value == "1")
}

/// Has every case run by one of so many workers, each a future of its own on one of two threads, and collects the results.
pub(crate) fn run<C: Send, T: Send>(
    cases: impl IntoIterator<Item = C>,
    side_by_side: usize,
    worker: impl AsyncFn(&Mutex<VecDeque<C>>) -> Vec<T> + Sync,
) -> Vec<T> {
    let queue = Mutex::new(cases.into_iter().collect());
    let work = || {
        // The function's futures are not `Send`.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let workers = (0..side_by_side.div_ceil(THREADS)).map(|_| worker(&queue));
        runtime.block_on(futures::future::join_all(workers)).into_iter().flatten().collect::<Vec<T>>()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

pub(crate) fn take<C>(queue: &Mutex<VecDeque<C>>) -> Option<C> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}
