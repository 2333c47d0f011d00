//! The steps that are possible from a state within the bounds of a profile.

mod text;

use crate::manual_edit::ManualEdit;
use crate::model::{Finding, Model};
use crate::values::resources_of;
use crate::world::{Caches, Stage, World};
/// One step.
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
    pub(crate) after: World,
    /// The findings about the step and that state.
    pub(crate) findings: Vec<Finding>,
}

impl Model {
    /// Returns every step from a state, with the findings about it.
    pub(crate) fn steps(&mut self, world: &World) -> Vec<Successor> {
        let mut steps = Vec::new();
        self.operations(world, &mut steps);
        self.requests(world, &mut steps);
        self.outside(world, &mut steps);
        steps
    }

    fn push(&mut self, steps: &mut Vec<Successor>, step: Step, mut after: World) {
        after.tidy();
        self.check_answers(&after);
        if after.is_quiet() {
            self.check_quiet(&after);
        }
        let findings = std::mem::take(&mut self.findings);
        steps.push(Successor { step, after, findings });
    }

    fn operations(&mut self, world: &World, steps: &mut Vec<Successor>) {
        let running = world.operations.iter().flatten().count();
        for stack in 0..2u8 {
            if world.operations[usize::from(stack)].is_some() {
                continue;
            }
            if world.left.deployments > 0 && running < self.profile.at_once && is_patient(world) {
                for template in self.deployable(world, stack) {
                    let after = self.deploy(world, stack, template);
                    self.push(steps, Step::Deploy { stack, template }, after);
                }
            }
            let holds =
                resources_of(stack).iter().any(|one| world.slots[usize::from(*one)].is_some());
            if world.left.retains > 0 && holds {
                let after = self.forget(world, stack);
                self.push(steps, Step::Forget { stack }, after);
            }
        }
    }

    fn requests(&mut self, world: &World, steps: &mut Vec<Successor>) {
        let room = world.deliveries.len() < self.profile.at_once;
        for request in &world.requests {
            let id = request.id;
            if request.awaited && world.left.faults > 0 {
                if let Some(after) = self.give_up(world, id) {
                    self.push(steps, Step::GiveUp { request: id }, after);
                } else {
                    self.findings.clear();
                }
            }
            if !room || (!request.owed && world.left.faults == 0) {
                continue;
            }
            let duplicates = !request.owed;
            let mut begun = self.begin(world, id);
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
        for index in 0..world.deliveries.len() {
            let request = world.deliveries[index].request;
            let outcomes = self.call(world, index);
            let findings = std::mem::take(&mut self.findings);
            for (outcome, after) in outcomes {
                self.findings.clone_from(&findings);
                self.push(steps, Step::Call { request, index, outcome }, after);
            }
            if world.left.faults > 0 {
                let mut after = world.clone();
                after.left.faults -= 1;
                after.deliveries.remove(index);
                after.request_mut(request).owed = true;
                self.push(steps, Step::Cut { request, index }, after);
            }
            if world.left.faults > 0 {
                for (is_applied, after) in self.run_out_of_time(world, index) {
                    self.push(steps, Step::TimeOut { request, index, is_applied }, after);
                }
            }
        }
    }

    /// Runs a delivery from its start to its end, with and without losing the answer.
    fn run_whole(&mut self, begun: &World, id: u8, steps: &mut Vec<Successor>) {
        let mut open = vec![(begun.clone(), Vec::new(), "")];
        while let Some((world, findings, checked)) = open.pop() {
            let index = world.deliveries.len() - 1;
            let answers = matches!(world.deliveries[index].stage, Stage::Answer(_));
            if answers && world.left.faults > 0 && world.request(id).awaited {
                let mut after = world.clone();
                after.left.faults -= 1;
                after.deliveries.pop();
                after.request_mut(id).owed = true;
                self.findings.clone_from(&findings);
                self.push(steps, Step::RunLost { request: id, checked }, after);
            }
            let after = self.call(&world, index);
            let mut all = findings;
            all.append(&mut self.findings);
            for (outcome, after) in after {
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

    fn outside(&mut self, world: &World, steps: &mut Vec<Successor>) {
        self.patience(world, steps);
        if world.left.by_hand > 0 {
            for act in self.profile.acts.clone() {
                if let Some(after) = self.by_hand(world, act) {
                    self.push(steps, Step::ByHand(act), after);
                }
            }
        }
        if world.left.waits > 0 && world.is_quiet() {
            for seconds in [3700, 90_000] {
                let mut after = world.clone();
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
    fn patience(&mut self, world: &World, steps: &mut Vec<Successor>) {
        if !self.profile.dnssec
            || !world.operations.iter().all(Option::is_none)
            || !world.deliveries.is_empty()
        {
            return;
        }
        let caches = &world.caches;
        let last = caches.servers.iter().chain(&caches.ds).map(|cached| cached.until).max();
        if let Some(last) = last.filter(|last| *last > world.clock) {
            let mut after = world.clone();
            after.clock = last + 1;
            after.caches = Caches::default();
            after.requests.clear();
            self.push(steps, Step::Wait { seconds: last + 1 - world.clock }, after);
        }
        let ds = self.points.view(world.points[0]).ds_index;
        let has_second = |ds: u8| ds / 4 != 0 || ds & 2 != 0;
        let needed = ds
            .into_iter()
            .chain(caches.ds.iter().map(|cached| cached.what))
            .any(|ds| !has_second(ds));
        if !world.rolled && !needed {
            let mut after = world.clone();
            after.rolled = true;
            self.push(steps, Step::Roll, after);
        }
    }
}

/// Returns true if no resolver still has what a deployment has changed.
fn is_patient(world: &World) -> bool {
    let caches = &world.caches;
    caches
        .servers
        .iter()
        .chain(&caches.ds)
        .all(|cached| cached.by_hand || cached.until <= world.clock)
}
