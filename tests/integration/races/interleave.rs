//! All interleavings of two sides, depth first.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sandbox::{Call, Gate, Sandbox};
use test_support::{seed_or, simulate};
use tokio::sync::watch;

/// A race that takes longer hangs.
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
enum Turn {
    Read,
    Write,
}

/// The calls of one side, held at a gate.
struct Lane {
    gate: Gate,
    held: Arc<Mutex<Turn>>,
    carried_out: watch::Receiver<usize>,
    ended: watch::Receiver<bool>,
    released: usize,
}

/// One edit of an outside actor, as a side that makes one call.
type Edit = Box<dyn FnOnce()>;

enum Racer {
    Function(Lane),
    Outside(Option<Edit>),
}

/// What tells the race that a side has ended.
pub(crate) type Ended = watch::Sender<bool>;

/// The two sides of one run.
pub(crate) struct Race {
    racers: [Racer; 2],
}

fn meets(call: &Call, side: &str) -> bool {
    // What lies above the cut is not what is raced for; in the arena one page of it has nothing
    // else.
    let races = match call.action.as_str() {
        "ChangeResourceRecordSets" => true,
        "ListResourceRecordSets" => !call.summary.ends_with("from example.com."),
        _ => false,
    };
    // Only sessions of the parent role are named after the side.
    races && call.principal.contains(&format!(":assumed-role/parent/{side}."))
}

impl Race {
    /// Holds the calls of the functions `side-a` and `side-b`; with `edit`, the outside actor is
    /// side B.
    pub(crate) fn new(aws: &Sandbox, edit: Option<Edit>) -> (Self, [Ended; 2]) {
        let (a, ended_a) = lane(aws, "side-a");
        let (b, ended_b) = lane(aws, "side-b");
        let b = edit.map_or(Racer::Function(b), |edit| Racer::Outside(Some(edit)));
        (Self { racers: [Racer::Function(a), b] }, [ended_a, ended_b])
    }

    /// Lets one call after the other go: those of `prefix` first, then A's before B's.
    async fn run(&mut self, prefix: &[Side], reduced: bool) -> Vec<Side> {
        let mut choices = Vec::new();
        let mut last: Option<(Side, Turn)> = None;
        loop {
            let held = [self.settle(Side::A).await, self.settle(Side::B).await];
            let took = match held {
                [None, None] => return choices,
                [Some(_), None] => Side::A,
                [None, Some(_)] => Side::B,
                [Some(a), Some(_)] => {
                    // Two reads can change places: reduced, of both orders only the one where A
                    // reads first is run.
                    let same = reduced && last == Some((Side::B, Turn::Read)) && a == Turn::Read;
                    let took = prefix.get(choices.len()).copied().unwrap_or(if same {
                        Side::B
                    } else {
                        Side::A
                    });
                    choices.push(took);
                    took
                }
            };
            last = held[took as usize].map(|turn| (took, turn));
            self.release(took);
        }
    }

    /// Waits until the side has a call held, and tells which, or has ended.
    async fn settle(&mut self, side: Side) -> Option<Turn> {
        match &mut self.racers[side as usize] {
            Racer::Outside(edit) => edit.as_ref().map(|_| Turn::Write),
            Racer::Function(lane) => {
                let released = lane.released;
                lane.carried_out.wait_for(|carried_out| *carried_out >= released).await.unwrap();
                tokio::select! {
                    () = lane.gate.arrived_count(released + 1) => {
                        Some(*lane.held.lock().unwrap_or_else(PoisonError::into_inner))
                    }
                    ended = lane.ended.wait_for(|ended| *ended) => {
                        drop(ended.unwrap());
                        None
                    }
                }
            }
        }
    }

    fn release(&mut self, side: Side) {
        match &mut self.racers[side as usize] {
            Racer::Outside(edit) => edit.take().into_iter().for_each(|edit| edit()),
            Racer::Function(lane) => {
                lane.released += 1;
                lane.gate.release_one();
            }
        }
    }
}

fn lane(aws: &Sandbox, side: &'static str) -> (Lane, Ended) {
    let held = Arc::new(Mutex::new(Turn::Read));
    let (sees, (count, carried_out), (end, ended)) =
        (Arc::clone(&held), watch::channel(0), watch::channel(false));
    let gate = aws.gate_when(Arc::new(move |call| {
        let turn = if call.action == "ChangeResourceRecordSets" { Turn::Write } else { Turn::Read };
        let holds = meets(call, side);
        if holds {
            // Calls of one side that are under way together are all reads.
            *sees.lock().unwrap_or_else(PoisonError::into_inner) = turn;
        }
        holds
    }));
    aws.after_call(Arc::new(move |call| {
        if meets(call, side) {
            count.send_modify(|count| *count += 1);
        }
    }));
    (Lane { gate, held, carried_out, ended, released: 0 }, end)
}

/// Judges how both sides ended and what stands then.
pub(crate) type Judgement = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// Runs a race at every interleaving: `start` begins it in a new world. There must be at least so
/// many. Two orders that differ only in which side reads first are one, since no read changes what
/// the other finds; `ALL_RACES` plays them both.
pub(crate) fn everywhere<F: Future<Output = (Race, Judgement)>>(
    name: &str,
    least: usize,
    start: impl Fn() -> F,
) {
    explore(name, least, std::env::var_os("ALL_RACES").is_none(), start);
}

fn explore<F: Future<Output = (Race, Judgement)>>(
    name: &str,
    least: usize,
    reduced: bool,
    start: impl Fn() -> F,
) {
    let seed = seed_or(1);
    let told = |choices: &[Side]| choices.iter().map(ToString::to_string).collect::<String>();
    let mut prefix: Vec<Side> = Vec::new();
    let mut schedules = 0;
    loop {
        let choices = simulate(seed, async || {
            let (mut race, judgement) = start().await;
            let run = tokio::time::timeout(PATIENCE, race.run(&prefix, reduced)).await;
            let choices =
                run.unwrap_or_else(|_| panic!("{name}: the schedule {} hangs", told(&prefix)));
            if let Err(wrong) = judgement.await {
                panic!("{name}: at the schedule {} of SEED={seed}: {wrong}", told(&choices));
            }
            choices
        });
        schedules += 1;
        let Some(turning) = choices.iter().rposition(|side| *side == Side::A) else { break };
        prefix = choices[..turning].iter().copied().chain([Side::B]).collect();
    }
    let (least, of) =
        if reduced { (least / 4, " (orders of two reads count once)") } else { (least, "") };
    eprintln!("{name}: {schedules} schedules{of}");
    assert!(schedules >= least, "{name}: only {schedules} schedules");
}
