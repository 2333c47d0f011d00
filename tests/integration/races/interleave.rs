//! Runs all interleavings of two sides, depth first.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sandbox::{Call, Gate, Sandbox};
use test_support::{seed_or, simulate};
use tokio::sync::watch;

/// A race that takes longer is considered to hang.
const PATIENCE: Duration = Duration::from_mins(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    A,
    B,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::A { "a" } else { "b" })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CallKind {
    Read,
    Write,
}

/// The calls of one side, held at a gate.
struct GatedSide {
    gate: Gate,
    held: Arc<Mutex<CallKind>>,
    completed: watch::Receiver<usize>,
    ended: watch::Receiver<bool>,
    released: usize,
}

/// A manual edit, as a side that makes one call.
type Edit = Box<dyn FnOnce()>;

enum Racer {
    Function(GatedSide),
    ManualEdit(Option<Edit>),
}

/// Signals that a side has ended.
pub(crate) type Ended = watch::Sender<bool>;

/// The two sides of one run.
pub(crate) struct Race {
    racers: [Racer; 2],
}

/// Returns whether this is a call of the side whose order can matter.
fn is_race_call(call: &Call, side: &str) -> bool {
    // Listings above the cut do not matter. In the fixture, a page of them has nothing else.
    let races = match call.action.as_str() {
        "ChangeResourceRecordSets" => true,
        "ListResourceRecordSets" => !call.summary.ends_with("from example.com."),
        _ => false,
    };
    // Only the sessions of the parent role are named after the side.
    races && call.principal.contains(&format!(":assumed-role/parent/{side}."))
}

impl Race {
    /// Holds the calls of the functions `side-a` and `side-b`. With `edit`, the manual edit is side
    /// B.
    pub(crate) fn new(aws: &Sandbox, edit: Option<Edit>) -> (Self, [Ended; 2]) {
        let (a, ended_a) = gated_side(aws, "side-a");
        let (b, ended_b) = gated_side(aws, "side-b");
        let b = edit.map_or(Racer::Function(b), |edit| Racer::ManualEdit(Some(edit)));
        (Self { racers: [Racer::Function(a), b] }, [ended_a, ended_b])
    }

    /// Releases one call after the other: first in the order of `prefix`, then A's before B's (if
    /// `reduced`, a B that has just read goes on before a read of A). Returns the choices where
    /// both sides had a call.
    async fn run(&mut self, prefix: &[Side], reduced: bool) -> Vec<Side> {
        let mut choices = Vec::new();
        let mut last: Option<(Side, CallKind)> = None;
        loop {
            let held = [self.settle(Side::A).await, self.settle(Side::B).await];
            let took = match held {
                [None, None] => return choices,
                [Some(_), None] => Side::A,
                [None, Some(_)] => Side::B,
                [Some(a), Some(_)] => {
                    // The order of two reads does not matter. If reduced, only the order in which A
                    // reads first is run.
                    let same =
                        reduced && last == Some((Side::B, CallKind::Read)) && a == CallKind::Read;
                    let took = prefix.get(choices.len()).copied().unwrap_or(if same {
                        Side::B
                    } else {
                        Side::A
                    });
                    choices.push(took);
                    took
                }
            };
            last = held[took as usize].map(|kind| (took, kind));
            self.release(took);
        }
    }

    /// Waits until a call of the side is held, and returns its kind; `None` if the side has ended.
    async fn settle(&mut self, side: Side) -> Option<CallKind> {
        match &mut self.racers[side as usize] {
            Racer::ManualEdit(edit) => edit.as_ref().map(|_| CallKind::Write),
            Racer::Function(gated_side) => {
                let released = gated_side.released;
                gated_side.completed.wait_for(|completed| *completed >= released).await.unwrap();
                tokio::select! {
                    () = gated_side.gate.arrived_count(released + 1) => {
                        Some(*gated_side.held.lock().unwrap_or_else(PoisonError::into_inner))
                    }
                    ended = gated_side.ended.wait_for(|ended| *ended) => {
                        drop(ended.unwrap());
                        None
                    }
                }
            }
        }
    }

    fn release(&mut self, side: Side) {
        match &mut self.racers[side as usize] {
            Racer::ManualEdit(edit) => edit.take().into_iter().for_each(|edit| edit()),
            Racer::Function(gated_side) => {
                gated_side.released += 1;
                gated_side.gate.release_one();
            }
        }
    }
}

fn gated_side(aws: &Sandbox, side: &'static str) -> (GatedSide, Ended) {
    let held = Arc::new(Mutex::new(CallKind::Read));
    let (observed, (count, completed), (end, ended)) =
        (Arc::clone(&held), watch::channel(0), watch::channel(false));
    let gate = aws.gate_when(Arc::new(move |call| {
        let kind = if call.action == "ChangeResourceRecordSets" {
            CallKind::Write
        } else {
            CallKind::Read
        };
        let holds = is_race_call(call, side);
        if holds {
            // Concurrent calls of one side are all reads.
            *observed.lock().unwrap_or_else(PoisonError::into_inner) = kind;
        }
        holds
    }));
    aws.after_call(Arc::new(move |call| {
        if is_race_call(call, side) {
            count.send_modify(|count| *count += 1);
        }
    }));
    (GatedSide { gate, held, completed, ended, released: 0 }, end)
}

/// Checks how both sides ended, and the final state.
pub(crate) type Verdict = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// Runs a race at every interleaving. `start` starts it in a new sandbox, and there must be at
/// least `least` interleavings. Two orders that differ only in which side reads first count as one,
/// because no read affects the other side. With `ALL_RACES`, both are run.
pub(crate) fn everywhere<F: Future<Output = (Race, Verdict)>>(
    name: &str,
    least: usize,
    start: impl Fn() -> F,
) {
    explore(name, least, std::env::var_os("ALL_RACES").is_none(), start);
}

fn explore<F: Future<Output = (Race, Verdict)>>(
    name: &str,
    least: usize,
    reduced: bool,
    start: impl Fn() -> F,
) {
    let seed = seed_or(1);
    let schedule_of =
        |choices: &[Side]| choices.iter().map(ToString::to_string).collect::<String>();
    let mut prefix: Vec<Side> = Vec::new();
    let mut schedules = 0;
    loop {
        let choices = simulate(seed, async || {
            let (mut race, verdict) = start().await;
            let run = tokio::time::timeout(PATIENCE, race.run(&prefix, reduced)).await;
            let choices = run
                .unwrap_or_else(|_| panic!("{name}: the schedule {} hangs", schedule_of(&prefix)));
            if let Err(wrong) = verdict.await {
                panic!("{name}: at the schedule {} of SEED={seed}: {wrong}", schedule_of(&choices));
            }
            choices
        });
        schedules += 1;
        let Some(last_a) = choices.iter().rposition(|side| *side == Side::A) else { break };
        prefix = choices[..last_a].iter().copied().chain([Side::B]).collect();
    }
    // `least` counts all interleavings. The reduced search runs at least a quarter of them.
    let (least, of) =
        if reduced { (least / 4, " (orders of two reads count once)") } else { (least, "") };
    eprintln!("{name}: {schedules} schedules{of}");
    assert!(schedules >= least, "{name}: only {schedules} schedules");
}
