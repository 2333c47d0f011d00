//! The other resource types in the probes' templates.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use sandbox::{
    CloudFormation, Function, Invocation, Physical, ResourceAction, ResourceRequest, ResourceType,
    ResponseBucket, Sandbox,
};
use serde_json::{Value, json};

use super::{lock, text};

/// How long CloudFormation waits for an answer that nobody has ruled out. It only prevents an
/// endless wait after a mistake.
const PATIENCE: Duration = Duration::from_mins(5);
/// The pause before the queue and the bucket are read again.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) type Messages = Arc<Mutex<Vec<Message>>>;

/// An event in the queue.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) event: Value,
    pub(super) hidden_until: Instant,
}

/// The resource type for SNS topics, with one queue for all of them. A topic can be the service
/// token of custom resources.
pub(super) struct Topics {
    pub(super) region: CloudFormation,
    pub(super) bucket: ResponseBucket,
    pub(super) queue: Messages,
}

impl ResourceType for Topics {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        let arn = match request.action {
            ResourceAction::Create => {
                let arn = format!("arn:aws:sns:us-east-1:{}:{}", request.account, request.stack);
                let queue = Queue { bucket: self.bucket.clone(), queue: Arc::clone(&self.queue) };
                self.region.register_function(&arn, Arc::new(queue));
                arn
            }
            ResourceAction::Update(arn, _) | ResourceAction::Delete(arn) => arn,
        };
        ready(Ok(Physical { id: arn, attributes: json!({}) })).boxed()
    }
}

/// Queues events, and waits for the answer as CloudFormation does. But `ServiceTimeout` is not
/// measured, so that no result depends on the machine's speed: the time is up once the provider has
/// deleted the event without answering it.
struct Queue {
    bucket: ResponseBucket,
    queue: Messages,
}

impl Queue {
    /// Returns whether an event has no answer, but can still get one.
    fn is_open(&self, request_id: &str) -> bool {
        let queue = lock(&self.queue);
        queue.iter().any(|message| text(&message.event, "RequestId") == request_id)
            && self.bucket.answers(request_id).is_empty()
    }
}

impl Function for Queue {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Invocation> {
        async move {
            let request_id = text(&event, "RequestId");
            lock(&self.queue).push(Message { event, hidden_until: Instant::now() });
            let answered = async {
                while self.is_open(&request_id) {
                    tokio::time::sleep(PAUSE).await;
                }
            };
            // Whether there is an answer is what the stack reads from the bucket.
            let _ = tokio::time::timeout(PATIENCE, answered).await;
            Invocation::Returned(Value::Null)
        }
        .boxed()
    }
}

/// The resource type for managed policies. They can be permissions boundaries.
pub(super) struct ManagedPolicies(pub(super) Arc<Mutex<BTreeMap<String, Value>>>);

impl ResourceType for ManagedPolicies {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        let name = text(&request.properties, "ManagedPolicyName");
        let arn = format!("arn:aws:iam::{}:policy/{name}", request.account);
        let document = request.properties.get("PolicyDocument").cloned().unwrap_or_default();
        if let ResourceAction::Delete(_) = request.action {
            lock(&self.0).remove(&arn);
        } else {
            lock(&self.0).insert(arn.clone(), document);
        }
        ready(Ok(Physical { id: arn, attributes: json!({}) })).boxed()
    }
}

/// The resource type for roles, with support for permissions boundaries.
pub(super) struct Roles {
    pub(super) aws: Sandbox,
    pub(super) policies: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl ResourceType for Roles {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        let properties = &request.properties;
        let name = text(properties, "RoleName");
        let account = self.aws.account(&request.account);
        if let ResourceAction::Delete(name) = &request.action {
            account.role(name).delete();
            return ready(Ok(Physical { id: name.clone(), attributes: json!({}) })).boxed();
        }
        let trust = properties.get("AssumeRolePolicyDocument").cloned().unwrap_or_default();
        let mut role = account.role(&name).without_policies().trust(trust);
        for policy in properties.get("Policies").and_then(Value::as_array).into_iter().flatten() {
            role = role.policy(policy.get("PolicyDocument").cloned().unwrap_or_default());
        }
        if let Some(boundary) = lock(&self.policies).get(&text(properties, "PermissionsBoundary")) {
            role = role.boundary(boundary.clone());
        }
        ready(Ok(Physical { id: name, attributes: json!({"Arn": role.arn()}) })).boxed()
    }
}
