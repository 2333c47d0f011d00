//! Runs a history with the function on the sandbox.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use custom_delegation::handler::Handler;
use sandbox::{
    BucketFault, Call, Fault, FaultKind, Function, Invocation, Stack, StackOutcome, Template,
};
use serde_json::Value;
use test_support::{Network, pass};

use crate::histories::fixture::MultiAccountFixture;
use crate::histories::history::{
    Act, Edit, History, LOGICAL_IDS, NetworkFault, STACKS, Step, When,
};
use crate::histories::manual_edits::perform;
use crate::histories::reference_model::{Ended, ReferenceModel};

/// Lambda's timeout for the function.
const TIMEOUT: Duration = Duration::from_mins(5);
/// The time between two requests of CloudFormation.
const APART: Duration = Duration::from_secs(2);

pub(crate) type Tally = std::collections::BTreeMap<String, u64>;

/// The model and the pending manual edits. It observes every call.
pub(crate) struct Observer {
    model: Mutex<ReferenceModel>,
    edits: Mutex<Pending>,
}

/// The manual edits of the current step that are still due, and how often each event that an edit
/// may wait for has occurred: reads and changes of parent zones, and deliveries.
#[derive(Default)]
struct Pending {
    reads: usize,
    changes: usize,
    deliveries: usize,
    edits: Vec<(When, Edit)>,
}

impl Observer {
    pub(crate) fn model(&self) -> MutexGuard<'_, ReferenceModel> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn before_delivery(&self) {
        let mut model = self.model();
        let mut pending = self.edits.lock().unwrap_or_else(PoisonError::into_inner);
        let now = When::Delivery(pending.deliveries);
        pending.deliveries += 1;
        for edit in pending.take(|when| when == now) {
            perform(&mut model, &edit);
        }
    }

    fn before_call(&self, call: &Call) {
        let mut model = self.model();
        let parent = model.fixture.parents.iter().any(|zone| Some(&zone.id) == call.zone.as_ref());
        if parent {
            let mut pending = self.edits.lock().unwrap_or_else(PoisonError::into_inner);
            let now = if call.action == "ChangeResourceRecordSets" {
                pending.changes += 1;
                When::Change(pending.changes - 1)
            } else {
                pending.reads += 1;
                When::Read(pending.reads - 1)
            };
            for edit in pending.take(|when| when == now) {
                perform(&mut model, &edit);
            }
        }
        model.called(call);
    }
}

impl Pending {
    fn take(&mut self, is_due: impl Fn(When) -> bool) -> Vec<Edit> {
        let (now, later) =
            std::mem::take(&mut self.edits).into_iter().partition(|(when, _)| is_due(*when));
        self.edits = later;
        now.into_iter().map(|(_, edit)| edit).collect()
    }
}

/// The function of one account behind Lambda. It reports every delivery to the observer.
struct AccountFunction {
    observer: Arc<Observer>,
    handler: Mutex<Arc<Handler>>,
    network: Network,
}

impl AccountFunction {
    async fn deliver(&self, event: Value) -> Invocation {
        let request_id = event["RequestId"].as_str().unwrap_or_default().to_owned();
        let puts = || {
            self.network
                .bucket
                .puts()
                .into_iter()
                .filter(|put| put.request_id == request_id)
                .collect::<Vec<_>>()
        };
        let before = puts();
        self.observer.before_delivery();
        let now = self.network.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.observer.model().begin(&event, i64::try_from(now).unwrap_or(i64::MAX));
        let invocation = self.network.invocation(TIMEOUT);
        let handler = Arc::clone(&self.handler.lock().unwrap_or_else(PoisonError::into_inner));
        // The handler's future stays on the thread where it was created, as in the function.
        let task = tokio::task::spawn_local(async move {
            handler.handle(&event.to_string(), &invocation).await
        });
        let result = task.await.unwrap().map_err(|error| error.to_string());
        let puts = puts();
        let ended = Ended {
            error: result.as_ref().err().map(String::as_str),
            puts: puts.get(before.len()..).unwrap_or_default(),
            answered_before: before.iter().any(|put| put.stored),
        };
        self.observer.model().end(&request_id, &ended);
        pass(APART).await;
        match result {
            Ok(()) => Invocation::Returned(Value::Null),
            Err(message) => Invocation::Failed { error_type: "HandlerError".into(), message },
        }
    }
}

impl Function for AccountFunction {
    fn invoke(&self, event: Value) -> futures::future::BoxFuture<'_, Invocation> {
        Box::pin(self.deliver(event))
    }
}

/// Runs a history. The network and the function take their randomness from the seed. An error says
/// which invariant was violated, and everything that happened.
pub(crate) async fn run(history: &History, seed: u64) -> Result<Tally, String> {
    fastrand::seed(seed);
    let network = Network::new();
    let fixture = MultiAccountFixture::new(&network.aws, history.child_records);
    let mut model = ReferenceModel::new(fixture.clone());
    for (child, keys) in history.keys.iter().enumerate() {
        perform(&mut model, &Edit::Keys { child, keys: *keys });
    }
    let observer =
        Arc::new(Observer { model: Mutex::new(model), edits: Mutex::new(Pending::default()) });
    let (before, after) = (Arc::clone(&observer), Arc::clone(&observer));
    network.aws.before_call(Arc::new(move |call| before.before_call(call)));
    network.aws.after_call(Arc::new(move |call| after.model().answered(call)));
    let mut functions: Vec<Arc<AccountFunction>> = Vec::new();
    for account in 0..crate::histories::history::CHILD_ACCOUNTS.len() {
        let handler = Mutex::new(Arc::new(fixture.function(&network, account).await));
        functions.push(Arc::new(AccountFunction {
            observer: Arc::clone(&observer),
            handler,
            network: network.clone(),
        }));
    }
    let stacks: Vec<Stack> = (0..)
        .zip(STACKS)
        .map(|(index, account)| {
            let id = crate::histories::history::CHILD_ACCOUNTS[account];
            Stack::new(
                &format!("stack{index}"),
                id,
                &network.bucket,
                Arc::clone(&functions[account]) as Arc<dyn Function>,
            )
        })
        .collect();
    let mut runner = Runner { network, fixture, observer, functions, stacks };
    for (index, step) in history.steps.iter().enumerate() {
        runner.step(index, step).await;
        runner.observer.model().verdict()?;
    }
    for stack in 0..STACKS.len() {
        let step = Step { act: Act::Delete { stack }, edits: Vec::new(), network_fault: None };
        runner.step(history.steps.len() + stack, &step).await;
        runner.observer.model().verdict()?;
    }
    let tally = runner.observer.model().tally.clone();
    Ok(tally)
}

struct Runner {
    network: Network,
    fixture: MultiAccountFixture,
    observer: Arc<Observer>,
    functions: Vec<Arc<AccountFunction>>,
    stacks: Vec<Stack>,
}

impl Runner {
    async fn step(&mut self, index: usize, step: &Step) {
        self.observer.model().begin_step(&format!("step {index}: {:?}", step.act));
        self.network_fault(step.network_fault);
        *self.pending() = Pending { edits: step.edits.clone(), ..Pending::default() };
        self.edit_by_hand(|when| when == When::Before);
        let (stack, outcome) = self.act(&step.act).await;
        self.edit_by_hand(|_| true);
        self.network.aws.clear_faults();
        self.network.bucket.clear_faults();
        let mut model = self.observer.model();
        model.in_trouble = false;
        let name = stack.map(|stack| format!("stack{stack}"));
        model.end_step(name.as_deref(), outcome.as_ref());
    }

    async fn act(&mut self, act: &Act) -> (Option<usize>, Option<StackOutcome>) {
        match act {
            Act::Deploy { stack, template, fail_after } => {
                let resource = |(id, declared): (&usize, _)| {
                    (LOGICAL_IDS[*id].to_owned(), self.fixture.properties(declared))
                };
                let template: Template = template.iter().map(resource).collect();
                if let Some(id) = fail_after {
                    self.stacks[*stack].fail_after(LOGICAL_IDS[*id]);
                }
                (Some(*stack), Some(self.stacks[*stack].deploy(&template).await))
            }
            Act::Delete { stack } => (Some(*stack), Some(self.stacks[*stack].delete().await)),
            Act::Redeliver { stack, pick } => {
                let sent = self.stacks[*stack].history();
                if let Some(event) = sent.get(pick % sent.len().max(1)) {
                    self.observer.model().late = true;
                    self.stacks[*stack].redeliver(&event.request_id).await;
                    self.observer.model().late = false;
                }
                (None, None)
            }
            Act::Cancel { stack, logical_id, declared } => {
                let stack = &self.stacks[*stack];
                // CloudFormation does not create two resources with one logical id.
                if !stack.resources().contains_key(LOGICAL_IDS[*logical_id]) {
                    self.observer.model().cancelling = true;
                    stack
                        .cancel_create(LOGICAL_IDS[*logical_id], &self.fixture.properties(declared))
                        .await;
                    self.observer.model().cancelling = false;
                }
                (None, None)
            }
            Act::Forget { stack, logical_id } => {
                self.forget(*stack, LOGICAL_IDS[*logical_id]);
                (None, None)
            }
            Act::Recreate { stack } => {
                for logical_id in LOGICAL_IDS {
                    self.forget(*stack, logical_id);
                }
                self.stacks[*stack] = self.stacks[*stack].recreate();
                (None, None)
            }
            Act::Refactor { from, logical_id, to, new_id } => {
                let (from, to) = (&self.stacks[*from], &self.stacks[*to]);
                let (old, new) = (LOGICAL_IDS[*logical_id], LOGICAL_IDS[*new_id]);
                if let Some(resource) = from.resources().get(old).cloned()
                    && to.attach(new, resource.clone())
                {
                    from.detach(old);
                    let owner = |stack: &Stack, id: &str| format!("{}/{id}", stack.name());
                    self.observer.model().received(
                        &owner(to, new),
                        &owner(from, old),
                        &resource.physical_id,
                    );
                }
                (None, None)
            }
            Act::Wait { hours } => {
                pass(Duration::from_hours(*hours)).await;
                // Credentials expire, and so do execution environments.
                for (account, function) in self.functions.iter().enumerate() {
                    let handler = self.fixture.function(&self.network, account).await;
                    *function.handler.lock().unwrap_or_else(PoisonError::into_inner) =
                        Arc::new(handler);
                }
                (None, None)
            }
            Act::Nothing => (None, None),
        }
    }

    /// Removes a resource from a stack without a request to the function.
    fn forget(&self, stack: usize, logical_id: &str) {
        let stack = &self.stacks[stack];
        if stack.detach(logical_id).is_some() {
            self.observer.model().forgotten(&format!("{}/{logical_id}", stack.name()));
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.observer.edits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn edit_by_hand(&self, is_due: impl Fn(When) -> bool) {
        let edits = self.pending().take(is_due);
        let mut model = self.observer.model();
        for edit in &edits {
            perform(&mut model, edit);
        }
    }

    fn network_fault(&self, network_fault: Option<NetworkFault>) {
        if let Some(network_fault) = network_fault {
            let mut model = self.observer.model();
            (model.in_trouble, model.quiet) = (true, false);
            model.note(&format!("{network_fault:?}"));
            let fault = |action: &str, kind| Fault::on(action).kind(kind);
            let lost = fault("ChangeResourceRecordSets", FaultKind::ResetAfter);
            let fault = match network_fault {
                NetworkFault::LostChange => lost,
                NetworkFault::LostSecondChange => lost.nth(2),
                NetworkFault::LostRead => fault("ListResourceRecordSets", FaultKind::ResetBefore),
                NetworkFault::LostAnswer => {
                    return self.network.bucket.fault(BucketFault::ResetAfter, 1);
                }
                NetworkFault::BucketDown => {
                    return self.network.bucket.fault(BucketFault::Status(503), 1);
                }
                NetworkFault::RejectedAnswer => {
                    return self.network.bucket.fault(BucketFault::Status(403), 3);
                }
            };
            self.network.aws.fault(fault);
        }
    }
}
