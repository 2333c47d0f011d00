//! The steps that are possible from a state within the bounds of a profile.

mod text;

use crate::function::TimedOut;
use crate::manual_edit::ManualEdit;
use crate::model::{Finding, Model, Outcome};
use crate::state::{Caches, Stage, State};
use crate::values::resources_of;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Deploy {
        stack: u8,
        template: usize,
    },
    Forget {
        stack: u8,
    },
    /// A delivery starts.
    Deliver {
        request: u8,
    },
    /// A second delivery of the same request starts.
    Duplicate {
        request: u8,
    },
    /// A delivery makes its next call, with one of several outcomes.
    Call {
        request: u8,
        index: usize,
        outcome: &'static str,
    },
    /// A delivery runs from its start to its end.
    Run {
        request: u8,
        checked: &'static str,
        outcome: &'static str,
    },
    /// The same, and its answer is lost.
    RunLost {
        request: u8,
        checked: &'static str,
    },
    Cut {
        request: u8,
        index: usize,
    },
    /// A delivery runs out of time while it waits for the answer to its batch.
    TimeOut {
        request: u8,
        index: usize,
        is_applied: bool,
    },
    GiveUp {
        request: u8,
    },
    ByHand(ManualEdit),
    Wait {
        seconds: i32,
    },
    /// The child zone of `x` starts to sign only with its second key.
    Roll,
}

/// A step from a state.
#[derive(Debug)]
pub(crate) struct Successor {
    pub(crate) step: Step,
    /// The state after it.
    pub(crate) after: State,
    /// The findings about the step and that state.
    pub(crate) findings: Vec<Finding>,
}

impl Model {
    /// Returns every step from a state, with the findings about it.
    pub(crate) fn steps(&mut self, state: &State) -> Vec<Successor> {
        let mut steps = Vec::new();
        self.operations(state, &mut steps);
        self.requests(state, &mut steps);
        self.outside(state, &mut steps);
        steps
    }

    fn push(&mut self, steps: &mut Vec<Successor>, step: Step, mut after: State) {
        after.tidy();
        self.check_answers(&after);
        if after.is_idle() {
            self.check_idle(&after);
        }
        let findings = std::mem::take(&mut self.findings);
        steps.push(Successor { step, after, findings });
    }

    fn operations(&mut self, state: &State, steps: &mut Vec<Successor>) {
        let running = state.operations.iter().flatten().count();
        for stack in 0..2u8 {
            if state.operations[usize::from(stack)].is_some() {
                continue;
            }
            if state.left.deployments > 0 && running < self.profile.at_once && is_patient(state) {
                for template in self.deployable(state, stack) {
                    let after = self.deploy(state, stack, template);
                    self.push(steps, Step::Deploy { stack, template }, after);
                }
            }
            let holds =
                resources_of(stack).iter().any(|one| state.slots[usize::from(*one)].is_some());
            if state.left.retains > 0 && holds {
                let after = self.forget(state, stack);
                self.push(steps, Step::Forget { stack }, after);
            }
        }
    }

    fn requests(&mut self, state: &State, steps: &mut Vec<Successor>) {
        let room = state.deliveries.len() < self.profile.at_once;
        for request in &state.requests {
            let id = request.id;
            if request.awaited && state.left.faults > 0 {
                if let Some(after) = self.give_up(state, id) {
                    self.push(steps, Step::GiveUp { request: id }, after);
                } else {
                    self.findings.clear();
                }
            }
            if !room || (!request.owed && state.left.faults == 0) {
                continue;
            }
            let duplicates = !request.owed;
            let mut begun = self.begin(state, id);
            if duplicates {
                begun.left.faults -= 1;
            }
            if self.profile.interleaved {
                let step = if duplicates {
                    Step::Duplicate { request: id }
                } else {
                    Step::Deliver { request: id }
                };
                self.push(steps, step, begun);
            } else {
                self.run_whole(&begun, id, steps);
            }
        }
        for index in 0..state.deliveries.len() {
            let request = state.deliveries[index].request;
            let outcomes = self.call(state, index);
            let findings = std::mem::take(&mut self.findings);
            for Outcome { name: outcome, after } in outcomes {
                self.findings.clone_from(&findings);
                self.push(steps, Step::Call { request, index, outcome }, after);
            }
            if state.left.faults > 0 {
                let mut after = state.clone();
                after.left.faults -= 1;
                after.deliveries.remove(index);
                after.request_mut(request).owed = true;
                self.push(steps, Step::Cut { request, index }, after);
            }
            if state.left.faults > 0 {
                for TimedOut { is_applied, after } in self.run_out_of_time(state, index) {
                    self.push(steps, Step::TimeOut { request, index, is_applied }, after);
                }
            }
        }
    }

    /// Runs a delivery from its start to its end, with and without losing the answer.
    fn run_whole(&mut self, begun: &State, id: u8, steps: &mut Vec<Successor>) {
        let mut open = vec![(begun.clone(), Vec::new(), "")];
        while let Some((state, findings, checked)) = open.pop() {
            let index = state.deliveries.len() - 1;
            let answers = matches!(state.deliveries[index].stage, Stage::Answer(_));
            if answers && state.left.faults > 0 && state.request(id).awaited {
                let mut after = state.clone();
                after.left.faults -= 1;
                after.deliveries.pop();
                after.request_mut(id).owed = true;
                self.findings.clone_from(&findings);
                self.push(steps, Step::RunLost { request: id, checked }, after);
            }
            let outcomes = self.call(&state, index);
            let mut all = findings;
            all.append(&mut self.findings);
            for Outcome { name: outcome, after } in outcomes {
                if answers {
                    self.findings.clone_from(&all);
                    self.push(steps, Step::Run { request: id, checked, outcome }, after);
                } else {
                    open.push((
                        after,
                        all.clone(),
                        if outcome.is_empty() { checked } else { outcome },
                    ));
                }
            }
        }
    }

    fn outside(&mut self, state: &State, steps: &mut Vec<Successor>) {
        self.patience(state, steps);
        if state.left.by_hand > 0 {
            for act in self.profile.acts.clone() {
                if let Some(after) = self.by_hand(state, act) {
                    self.push(steps, Step::ByHand(act), after);
                }
            }
        }
        if state.left.waits > 0 && state.is_idle() {
            for seconds in [3700, 90_000] {
                let mut after = state.clone();
                after.left.waits -= 1;
                after.clock += seconds;
                // Every late request is stale by now.
                after.requests.clear();
                self.push(steps, Step::Wait { seconds }, after);
            }
        }
    }

    /// Adds the steps of people who respect DNS caches: they wait for the TTLs of what was changed,
    /// and roll keys when no resolver needs the old one.
    fn patience(&mut self, state: &State, steps: &mut Vec<Successor>) {
        if !self.profile.dnssec
            || !state.operations.iter().all(Option::is_none)
            || !state.deliveries.is_empty()
        {
            return;
        }
        let caches = &state.caches;
        let last = caches.servers.iter().chain(&caches.ds).map(|cached| cached.until).max();
        if let Some(last) = last.filter(|last| *last > state.clock) {
            let mut after = state.clone();
            after.clock = last + 1;
            after.caches = Caches::default();
            after.requests.clear();
            self.push(steps, Step::Wait { seconds: last + 1 - state.clock }, after);
        }
        let ds = self.points.view(state.points[0]).ds_index;
        let has_second = |ds: u8| ds / 4 != 0 || ds & 2 != 0;
        let needed = ds
            .into_iter()
            .chain(caches.ds.iter().map(|cached| cached.what))
            .any(|ds| !has_second(ds));
        if !state.rolled && !needed {
            let mut after = state.clone();
            after.rolled = true;
            self.push(steps, Step::Roll, after);
        }
    }
}

/// Returns true if no resolver still has what a deployment has changed.
fn is_patient(state: &State) -> bool {
    let caches = &state.caches;
    caches
        .servers
        .iter()
        .chain(&caches.ds)
        .all(|cached| cached.by_hand || cached.until <= state.clock)
}
