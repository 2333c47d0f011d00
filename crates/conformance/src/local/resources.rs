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

/// The queue.
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
                format!("arn:aws:sns:us-east-1:{}:{}", request.account, request.stack)
            }
            ResourceAction::Update(arn, _) | ResourceAction::Delete(arn) => arn,
        };
        let queue = Queue { bucket: self.bucket.clone(), queue: Arc::clone(&self.queue) };
        self.region.register_function(&arn, Arc::new(queue));
        ready(Ok(Physical { id: arn, attributes: json!({}) })).boxed()
    }
}

/// Queues events, and waits for the answer as CloudFormation does.
struct Queue {
    bucket: ResponseBucket,
    queue: Messages,
}

impl Function for Queue {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Invocation> {
        async move {
            let request_id = text(&event, "RequestId");
            let timeout =
                event.pointer("/ResourceProperties/ServiceTimeout").and_then(Value::as_str);
            // A second of the timeout takes a hundredth of a second here, because a function that
            // does not answer soon never answers.
            let polls = timeout.and_then(|seconds| seconds.parse().ok()).unwrap_or(6000);
            lock(&self.queue).push(Message { event, hidden_until: Instant::now() });
            for _ in 0..polls {
                if !self.bucket.answers(&request_id).is_empty() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
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
