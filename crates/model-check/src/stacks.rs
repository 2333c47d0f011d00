//! CloudFormation: the order in which it sends the requests of a deployment, a rollback and a
//! deletion, and how it reacts to the answers (CloudFormation User Guide, "Custom resource request
//! types", "Update behaviors of stack resources", "Stack failure options").
//!
//! The requests of one stack are sent one after the other, those of different stacks concurrently.

use crate::model::{Model, Outcome};
use crate::state::{Answer, Done, Held, Operation, Phase, Physical, Request, RequestType, State};
use crate::values::{resources_of, stack_of};

/// More than a day, in seconds.
const OVER_A_DAY: i32 = 86_500;

impl Model {
    /// Deploys a template, or deletes the stack if the template is empty.
    pub(crate) fn deploy(&mut self, state: &State, stack: u8, template: usize) -> State {
        let mut state = state.clone();
        state.left.deployments -= 1;
        let target = self.profile.templates[usize::from(stack)][template];
        let mut before = [None; 2];
        for (held, resource) in before.iter_mut().zip(resources_of(stack)) {
            *held = state.slots[usize::from(*resource)];
        }
        let removing = target == [None; 2];
        let mut operation = Operation {
            phase: if removing { Phase::Removing } else { Phase::Forward },
            before,
            target,
            done: [Done::NotYet; 2],
            deletes: Vec::new(),
            snapshot: state.points,
            facts: state.facts,
            displaced: [false; 2],
            overwrote: [false; 2],
            rejected: [false; 2],
            began: state.clock,
            cancelled: false,
            by_hand: false,
            disturbed: false,
        };
        if removing {
            operation.deletes = deletes_of_removed(stack, &operation);
        }
        state.operations[usize::from(stack)] = Some(operation);
        self.advance(&mut state, stack);
        state
    }

    /// Deletes a stack and retains its resources, including the child zones. CloudFormation forgets
    /// them.
    pub(crate) fn forget(&mut self, state: &State, stack: u8) -> State {
        let mut state = state.clone();
        state.left.retains -= 1;
        for resource in resources_of(stack) {
            if let Some(Held { physical: Physical::Point(zone), config }) =
                state.slots[usize::from(*resource)].take()
            {
                state.kept |= 1 << self.config(config).servers;
                self.note_forgotten(&mut state, zone, *resource);
            }
        }
        state
    }

    /// Returns the templates of the stack that differ from its current resources.
    pub(crate) fn deployable(&self, state: &State, stack: u8) -> Vec<usize> {
        let has = |index: usize| {
            let resource = resources_of(stack).get(index)?;
            state.slots[usize::from(*resource)].map(|held| held.config)
        };
        let now = [has(0), has(1)];
        let templates = self.profile.templates[usize::from(stack)].iter().enumerate();
        templates.filter(|(_, template)| **template != now).map(|(index, _)| index).collect()
    }

    /// CloudFormation stops waiting, because another resource of the deployment failed or a Delete
    /// takes too long.
    pub(crate) fn give_up(&mut self, state: &State, id: u8) -> Option<State> {
        let request = *state.request(id);
        let stack = stack_of(request.resource);
        let phase = state.operations[usize::from(stack)].as_ref()?.phase;
        let mut state = state.clone();
        state.left.faults -= 1;
        state.request_mut(id).awaited = false;
        match (phase, request.kind) {
            (Phase::Forward, RequestType::Create | RequestType::Update) => {
                let physical = if request.kind == RequestType::Create {
                    Physical::Invented
                } else {
                    request.physical
                };
                self.failed(&mut state, &request, physical);
                self.roll_back(&mut state, stack);
            }
            (Phase::CleanUp | Phase::BackCleanUp, RequestType::Delete) => {
                self.forget_one(&mut state, &request);
                self.advance(&mut state, stack);
            }
            _ => return None,
        }
        Some(state)
    }

    /// An answer arrives. CloudFormation accepts the first one, as long as it waits.
    pub(crate) fn answered(&mut self, state: &State, id: u8, answer: Answer) -> Vec<Outcome> {
        let mut state = state.clone();
        let request = *state.request(id);
        let stack = stack_of(request.resource);
        if !request.awaited {
            return vec![Outcome::new("nobody waits", state)];
        }
        state.request_mut(id).awaited = false;
        state.request_mut(id).owed = false;
        let phase = state.operations[usize::from(stack)].as_ref().map(|operation| operation.phase);
        match (request.kind, answer.success) {
            (RequestType::Delete, true) => {
                self.advance(&mut state, stack);
            }
            (RequestType::Delete, false) => {
                self.check_failed_delete();
                self.forget_one(&mut state, &request);
                self.advance(&mut state, stack);
            }
            (_, true) => {
                self.check_success(&mut state, &request, answer);
                succeeded(&mut state, &request, answer.physical);
                let last = self.advance(&mut state, stack);
                if phase == Some(Phase::Forward) && last {
                    return self.outcomes_of_success(&state, stack);
                }
            }
            (_, false) if phase == Some(Phase::Back) => {
                self.check_stuck(&mut state, &request);
                // A person skips the resource, and the rollback continues.
                let physical = request.physical;
                succeeded(&mut state, &request, physical);
                self.advance(&mut state, stack);
            }
            (_, false) => {
                self.check_unresolved(&mut state, &request, answer);
                self.failed(&mut state, &request, answer.physical);
                self.roll_back(&mut state, stack);
            }
        }
        vec![Outcome::new(if answer.success { "success" } else { "failure" }, state)]
    }

    /// Returns what may follow after all Creates and Updates of a deployment have succeeded: the
    /// deployment is complete, or another resource fails, at once or after more than a day.
    fn outcomes_of_success(&mut self, state: &State, stack: u8) -> Vec<Outcome> {
        let mut complete = state.clone();
        if let Some(operation) = &mut complete.operations[usize::from(stack)] {
            operation.phase = Phase::CleanUp;
            operation.deletes.extend(deletes_of_removed(stack, operation));
        }
        self.advance(&mut complete, stack);
        let mut failed = state.clone();
        self.roll_back(&mut failed, stack);
        let mut outcomes = vec![
            Outcome::new("success, and all is complete", complete),
            Outcome::new("success, and another resource fails", failed),
        ];
        if state.left.waits > 0 && state.deliveries.is_empty() {
            let mut late = state.clone();
            late.left.waits -= 1;
            late.clock += OVER_A_DAY;
            late.requests.clear();
            self.roll_back(&mut late, stack);
            outcomes.push(Outcome::new("success, and another resource fails after a day", late));
        }
        outcomes
    }

    fn failed(&self, state: &mut State, request: &Request, physical: Physical) {
        let stack = stack_of(request.resource);
        let index = index_of(request.resource);
        if let Some(operation) = &mut state.operations[usize::from(stack)] {
            operation.cancelled |= physical == Physical::Invented;
            operation.done[index] = match request.kind {
                RequestType::Create => Done::Created(physical),
                RequestType::Update | RequestType::Delete => Done::UpdateFailed(request.physical),
            };
        }
    }

    fn roll_back(&mut self, state: &mut State, stack: u8) {
        if let Some(operation) = &mut state.operations[usize::from(stack)] {
            operation.phase = Phase::Back;
            operation.deletes.clear();
        }
        self.advance(state, stack);
    }

    fn forget_one(&self, state: &mut State, request: &Request) {
        let zone = match request.physical {
            Physical::Point(zone) => zone,
            Physical::Invented => self.config(request.config).zone,
            Physical::Unresolved => return,
        };
        self.note_forgotten(state, zone, request.resource);
        if let Some(operation) = &mut state.operations[usize::from(stack_of(request.resource))] {
            operation.disturbed = true;
        }
    }

    /// Sends the next request of an operation, or ends the operation. Returns true if the forward
    /// phase is complete.
    fn advance(&mut self, state: &mut State, stack: u8) -> bool {
        loop {
            let Some(mut operation) = state.operations[usize::from(stack)].clone() else {
                return false;
            };
            let sent = match operation.phase {
                Phase::Forward => {
                    let Some(index) = operation.done.iter().position(|done| *done == Done::NotYet)
                    else {
                        return true;
                    };
                    self.forward(state, stack, &mut operation, index)
                }
                Phase::Back => match next_reverse_update(state, stack, &mut operation) {
                    Some(request) => {
                        self.issue(state, request);
                        true
                    }
                    None => {
                        operation.phase = Phase::BackCleanUp;
                        false
                    }
                },
                Phase::CleanUp | Phase::BackCleanUp | Phase::Removing => {
                    if operation.deletes.is_empty() {
                        state.operations[usize::from(stack)] = None;
                        self.check_end(state, stack, &operation);
                        return false;
                    }
                    let (resource, held) = operation.deletes.remove(0);
                    let slot = &mut state.slots[usize::from(resource)];
                    if *slot == Some(held) {
                        *slot = None;
                    }
                    let template =
                        Request { kind: RequestType::Delete, ..request_of(resource, held) };
                    self.issue(state, template);
                    true
                }
            };
            state.operations[usize::from(stack)] = Some(operation);
            if sent {
                return false;
            }
        }
    }

    /// Adds a request, a second after the previous one unless they may have the same time.
    fn issue(&self, state: &mut State, request: Request) {
        // A cancelled Create and its Delete may have the same time.
        let is_cancelled =
            request.kind == RequestType::Delete && request.physical == Physical::Invented;
        state.clock += i32::from(!(self.profile.one_second || is_cancelled));
        state.sent += 1;
        state.requests.push(Request { id: state.sent, time: state.clock, ..request });
    }

    fn forward(
        &self,
        state: &mut State,
        stack: u8,
        operation: &mut Operation,
        index: usize,
    ) -> bool {
        let resource = resources_of(stack).get(index);
        let desired = resource.zip(operation.target[index]);
        let request = match (desired, operation.before[index]) {
            (None, _) => None,
            (Some((_, config)), Some(held)) if held.config == config => None,
            (Some((resource, config)), None) => {
                let held = Held { physical: Physical::Unresolved, config };
                Some(Request { kind: RequestType::Create, ..request_of(*resource, held) })
            }
            (Some((resource, config)), Some(held)) => Some(Request {
                kind: RequestType::Update,
                config,
                old: held.config,
                ..request_of(*resource, held)
            }),
        };
        match request {
            Some(request) => {
                self.issue(state, request);
                true
            }
            None => {
                operation.done[index] = Done::Same;
                false
            }
        }
    }
}

/// Returns the next reverse Update of a rollback. It starts with the last resource, and deletes
/// created resources at the end.
fn next_reverse_update(state: &mut State, stack: u8, operation: &mut Operation) -> Option<Request> {
    for index in (0..2).rev() {
        let (Some(resource), Some(config)) =
            (resources_of(stack).get(index), operation.target[index])
        else {
            continue;
        };
        let (before, done) = (operation.before[index], operation.done[index]);
        match (done, before) {
            (Done::Created(physical), _) => {
                operation.done[index] = Done::Back;
                operation.deletes.push((*resource, Held { physical, config }));
                state.slots[usize::from(*resource)] = None;
            }
            (Done::Updated(physical) | Done::UpdateFailed(physical), Some(before)) => {
                let held = Held { physical, config: before.config };
                return Some(Request {
                    kind: RequestType::Update,
                    old: config,
                    ..request_of(*resource, held)
                });
            }
            (
                Done::NotYet | Done::Same | Done::Back | Done::Updated(_) | Done::UpdateFailed(_),
                _,
            ) => {}
        }
    }
    None
}

/// Returns the resources that the template no longer has.
fn deletes_of_removed(stack: u8, operation: &Operation) -> Vec<(u8, Held)> {
    let of_stack =
        resources_of(stack).iter().zip(operation.before.iter().zip(operation.target)).rev();
    let gone = of_stack.filter(|(_, (_, target))| target.is_none());
    gone.filter_map(|(resource, (held, _))| held.map(|held| (*resource, held))).collect()
}

fn request_of(resource: u8, held: Held) -> Request {
    Request {
        id: 0,
        resource,
        kind: RequestType::Delete,
        config: held.config,
        old: held.config,
        physical: held.physical,
        time: 0,
        awaited: true,
        owed: true,
    }
}

/// Records what CloudFormation learns from a SUCCESS of a Create or an Update.
fn succeeded(state: &mut State, request: &Request, physical: Physical) {
    let index = index_of(request.resource);
    let config = request.config;
    state.slots[usize::from(request.resource)] = Some(Held { physical, config });
    let stack = stack_of(request.resource);
    let Some(operation) = &mut state.operations[usize::from(stack)] else { return };
    let replaced = request.kind == RequestType::Update && physical != request.physical;
    if operation.phase == Phase::Back {
        operation.done[index] = Done::Back;
        if replaced {
            operation
                .deletes
                .push((request.resource, Held { physical: request.physical, config: request.old }));
        }
        return;
    }
    operation.done[index] = match request.kind {
        RequestType::Create => Done::Created(physical),
        RequestType::Update | RequestType::Delete => Done::Updated(physical),
    };
    if replaced {
        operation
            .deletes
            .push((request.resource, Held { physical: request.physical, config: request.old }));
    }
}

/// Returns the index of a resource within its stack.
fn index_of(resource: u8) -> usize {
    usize::from(resource == 1)
}
