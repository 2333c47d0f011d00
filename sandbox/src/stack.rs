//! A stack of custom resources, driven as CloudFormation drives one (CloudFormation User Guide,
//! "Custom resource request types", "Custom resource request and response reference", "Update
//! behaviors of stack resources", "Stack failure options").
//!
//! Probe: those of cloudformation/.

#![allow(
    clippy::indexing_slicing,
    reason = "what a JSON value lacks is null, and an event is an object"
)]

mod answer;
mod deployment;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::bucket::{ResponseBucket, ResponseKey};
use crate::function::{Function, Invocation};

/// The resources of a template: their logical ids and properties.
pub type Template = BTreeMap<String, Value>;

/// Lambda delivers an asynchronous event up to three times ("How Lambda handles errors and retries
/// with asynchronous invocation").
const DELIVERIES: usize = 3;

/// A resource that stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// What its function answered.
    pub physical_id: String,
    /// As its function got them.
    pub properties: Value,
    /// `Data` of the answer.
    pub attributes: Value,
}

/// One request and its end.
#[derive(Debug, Clone, PartialEq)]
pub struct StackEvent {
    /// The resource.
    pub logical_id: String,
    /// `Create`, `Update` or `Delete`.
    pub request_type: String,
    /// The same for each delivery.
    pub request_id: String,
    /// The physical id: as answered, or as sent if there was no answer.
    pub physical_id: String,
    /// Why it failed; `None` if it did not.
    pub failure: Option<String>,
}

/// How an operation on a stack ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As asked.
    Complete,
    /// It failed for this reason, and everything is as before.
    RolledBack(String),
    /// It failed, and so did the way back: a person must look.
    Stuck(String),
}

impl Outcome {
    /// True if it ended as asked.
    pub fn is_complete(&self) -> bool {
        *self == Self::Complete
    }
}

/// A stack.
pub struct Stack {
    name: String,
    id: String,
    token: String,
    bucket: ResponseBucket,
    function: Arc<dyn Function>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    resources: BTreeMap<String, Resource>,
    history: Vec<StackEvent>,
    sent: BTreeMap<String, Value>,
    fail_after: Option<String>,
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("stack_id", &self.id).finish_non_exhaustive()
    }
}

/// A request that failed: why, and the physical id that CloudFormation then knows.
pub(crate) struct Failed {
    pub(crate) reason: String,
    pub(crate) physical_id: Option<String>,
}

impl Stack {
    /// A new and empty stack of an account.
    pub fn new(
        name: &str,
        account: &str,
        bucket: &ResponseBucket,
        function: Arc<dyn Function>,
    ) -> Self {
        let id = format!("arn:aws:cloudformation:us-east-1:{account}:stack/{name}/{}", uuid());
        let token = format!("arn:aws:lambda:us-east-1:{account}:function:delegation");
        Self {
            name: name.to_owned(),
            id,
            token,
            bucket: bucket.clone(),
            function,
            inner: Mutex::default(),
        }
    }

    /// The stack of the same name that is made once this one is gone: an account has one stack of a
    /// name at a time, and each gets an ARN of its own (CloudFormation API Reference, `Stack`,
    /// "Unique identifier of the stack"). It is empty.
    /// No probe: the ARN of every stack shows it.
    #[must_use = "the stack itself stays as it is"]
    pub fn recreate(&self) -> Self {
        let (arn, _) = self.id.rsplit_once('/').unwrap_or((&self.id, ""));
        Self {
            name: self.name.clone(),
            id: format!("{arn}/{}", uuid()),
            token: self.token.clone(),
            bucket: self.bucket.clone(),
            function: Arc::clone(&self.function),
            inner: Mutex::default(),
        }
    }

    /// The stack's name, the part of its ARN that people know.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stack's ARN.
    pub fn stack_id(&self) -> &str {
        &self.id
    }

    /// The resources that stand, by logical id.
    pub fn resources(&self) -> BTreeMap<String, Resource> {
        self.inner().resources.clone()
    }

    /// Every request so far.
    pub fn history(&self) -> Vec<StackEvent> {
        self.inner().history.clone()
    }

    /// Forgets a resource without a request, and gives it: `DeletionPolicy: Retain`, a Delete that
    /// was skipped, or a stack refactoring that moves it away.
    pub fn forget(&self, logical_id: &str) -> Option<Resource> {
        self.inner().resources.remove(logical_id)
    }

    /// Comes to hold a resource without a request, as a stack refactoring has it within an account
    /// (CloudFormation User Guide, "Stack refactoring"): physical id and properties stay, and the
    /// function hears of it with the next Update or Delete. False, and nothing changes, if the
    /// stack has a resource of that logical id. Probe: cloudformation/refactoring.
    pub fn receive(&self, logical_id: &str, resource: Resource) -> bool {
        match self.inner().resources.entry(logical_id.to_owned()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(resource);
                true
            }
        }
    }

    /// Has some other resource fail in the next deployment, once this one has gone through.
    pub fn fail_after(&self, logical_id: &str) {
        self.inner().fail_after = Some(logical_id.to_owned());
    }

    /// Sends a Create, and before it has ended a Delete with an id that CloudFormation invents, as
    /// it does when a stack operation is cancelled. Gives the answers to both. Probe:
    /// cloudformation/cancelled-create.
    pub async fn cancel_create(
        &self,
        logical_id: &str,
        properties: &Value,
    ) -> (Option<Value>, Option<Value>) {
        let properties = self.rendered(properties);
        let create = self.event("Create", logical_id, None, &properties, None);
        let delete = self.event(
            "Delete",
            logical_id,
            Some(&self.invented_id(logical_id)),
            &properties,
            None,
        );
        let (created, deleted) = futures::join!(self.send(create), self.send(delete));
        (created, deleted)
    }

    /// A raw event with a fresh request id and a response URL that is signed now. The properties
    /// are sent as they are. Probe: cloudformation/request.
    pub fn event(
        &self,
        kind: &str,
        logical_id: &str,
        physical_id: Option<&str>,
        new: &Value,
        old: Option<&Value>,
    ) -> Value {
        let request_id = uuid();
        let key = ResponseKey {
            stack_id: self.id.clone(),
            logical_id: logical_id.to_owned(),
            request_id: request_id.clone(),
        };
        let mut event = json!({
            "RequestType": kind,
            "ServiceToken": new.get("ServiceToken").unwrap_or(&json!(self.token)),
            "ResponseURL": self.bucket.presign(&key),
            "StackId": self.id,
            "RequestId": request_id,
            "LogicalResourceId": logical_id,
            "ResourceType": "Custom::Delegation",
            "ResourceProperties": new,
        });
        if let Some(id) = physical_id {
            event["PhysicalResourceId"] = json!(id);
        }
        if let Some(old) = old {
            event["OldResourceProperties"] = old.clone();
        }
        event
    }

    /// Delivers an event, again while the function fails, and gives the first answer that was
    /// stored.
    pub async fn send(&self, event: Value) -> Option<Value> {
        let request_id = event["RequestId"].as_str().unwrap_or_default().to_owned();
        self.inner().sent.insert(request_id.clone(), event.clone());
        for _ in 0..DELIVERIES {
            if let Invocation::Returned(_) = self.function.invoke(event.clone()).await {
                break;
            }
        }
        self.bucket.answers(&request_id).first().map(crate::bucket::Put::json)
    }

    /// Delivers an event of the past once more, perhaps out of order.
    pub async fn redeliver(&self, request_id: &str) -> Option<Invocation> {
        let event = self.inner().sent.get(request_id).cloned()?;
        Some(self.function.invoke(event).await)
    }

    /// `<stack name>-<logical id>-<12 letters and digits>`: the physical id of a resource that has
    /// answered none. Probe: cloudformation/no-answer.
    pub(crate) fn invented_id(&self, logical_id: &str) -> String {
        let random: String =
            std::iter::repeat_with(|| fastrand::char('A'..='Z')).take(12).collect();
        format!("{}-{logical_id}-{random}", self.name)
    }

    /// As a function gets them: every scalar a string, `ServiceToken` among them.
    fn rendered(&self, properties: &Value) -> Value {
        let mut rendered = stringified(properties);
        if let Some(map) = rendered.as_object_mut() {
            map.insert("ServiceToken".into(), json!(self.token));
        }
        rendered
    }

    /// The first answer counts. Probe: cloudformation/first-answer, cloudformation/create-failed,
    /// cloudformation/no-answer.
    pub(crate) async fn request(
        &self,
        kind: &str,
        logical_id: &str,
        physical_id: Option<&str>,
        new: &Value,
        old: Option<&Value>,
    ) -> Result<Resource, Failed> {
        let event = self.event(kind, logical_id, physical_id, new, old);
        let request_id = event["RequestId"].as_str().unwrap_or_default().to_owned();
        self.send(event.clone()).await;
        let answers = self.bucket.answers(&request_id);
        let checked = match answers.first() {
            Some(put) => answer::check(&event, &put.body),
            None => Err(Failed {
                reason: format!(
                    "CloudFormation did not receive a response from your Custom Resource. Please check your logs for \
                     requestId [{request_id}]."
                ),
                physical_id: None,
            }),
        };
        let known = match &checked {
            Ok(resource) => Some(resource.physical_id.clone()),
            Err(failed) => failed.physical_id.clone(),
        };
        self.inner().history.push(StackEvent {
            logical_id: logical_id.to_owned(),
            request_type: kind.to_owned(),
            request_id,
            physical_id: known.or_else(|| physical_id.map(str::to_owned)).unwrap_or_default(),
            failure: checked.as_ref().err().map(|failed| failed.reason.clone()),
        });
        checked
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// "CloudFormation converts all scalars to strings" (custom resource request objects,
/// `ResourceProperties`).
pub(crate) fn stringified(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), stringified(value))).collect()
        }
        Value::Array(values) => values.iter().map(stringified).collect(),
        Value::Bool(_) | Value::Number(_) => Value::String(value.to_string()),
        Value::String(_) | Value::Null => value.clone(),
    }
}

fn uuid() -> String {
    let hex = format!("{:032x}", fastrand::u128(..));
    let part = |range| hex.get(range).unwrap_or_default();
    format!("{}-{}-4{}-8{}-{}", part(0..8), part(8..12), part(13..16), part(17..20), part(20..32))
}

#[cfg(test)]
mod tests;
