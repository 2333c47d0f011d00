//! The requests of a stack: events to the function, and its responses.
//!
//! Probe: cloudformation/request.

use serde_json::{Value, json};

use super::{RESOURCE_TYPE, Stack, StackEvent, answer};
use crate::bucket::{Put, ResponseKey};
use crate::deployment::{Physical, RequestFailure, ResourceAction};
use crate::function::Invocation;
use crate::lock::lock;

/// How often Lambda delivers an asynchronous event at most ("How Lambda handles errors and retries
/// with asynchronous invocation").
const DELIVERIES: usize = 3;

impl Stack {
    /// Sends a Create, and a Delete with an invented physical id before the Create has ended, as
    /// CloudFormation does when a stack operation is cancelled. Returns the responses to both.
    /// Probe: cloudformation/cancelled-create.
    pub async fn cancel_create(
        &self,
        logical_id: &str,
        properties: &Value,
    ) -> (Option<Value>, Option<Value>) {
        let properties = self.rendered(properties);
        let create = self.event(logical_id, &ResourceAction::Create, &properties);
        let action = ResourceAction::Delete(self.invented_id(logical_id));
        let delete = self.event(logical_id, &action, &properties);
        let (created, deleted) = futures::join!(self.send(create), self.send(delete));
        (created, deleted)
    }

    /// A raw event with a new request id and a response URL that is signed now. The properties are
    /// not converted. Probe: cloudformation/request.
    pub fn event(&self, logical_id: &str, action: &ResourceAction, properties: &Value) -> Value {
        let request_id = uuid();
        let key = ResponseKey {
            stack_id: self.id.clone(),
            logical_id: logical_id.to_owned(),
            request_id: request_id.clone(),
        };
        let mut event = json!({
            "RequestType": action.request_type(),
            "ServiceToken": properties.get("ServiceToken").unwrap_or(&json!(self.token)),
            "ResponseURL": self.bucket.presign(&key),
            "StackId": self.id,
            "RequestId": request_id,
            "LogicalResourceId": logical_id,
            "ResourceType": RESOURCE_TYPE,
            "ResourceProperties": properties,
        });
        if let Some(id) = action.physical_id() {
            event["PhysicalResourceId"] = json!(id);
        }
        if let Some(old) = action.old_properties() {
            event["OldResourceProperties"] = old.clone();
        }
        event
    }

    /// Delivers an event, up to three times if the function fails. Returns the first response that
    /// the bucket stored.
    pub async fn send(&self, event: Value) -> Option<Value> {
        let request_id = event["RequestId"].as_str().unwrap_or_default().to_owned();
        lock(&self.sent).insert(request_id.clone(), event.clone());
        for _ in 0..DELIVERIES {
            if let Invocation::Returned(_) = self.function.invoke(event.clone()).await {
                break;
            }
        }
        self.bucket.answers(&request_id).first().map(Put::json)
    }

    /// Delivers an earlier event again, possibly out of order.
    pub async fn redeliver(&self, request_id: &str) -> Option<Invocation> {
        let event = lock(&self.sent).get(request_id).cloned()?;
        Some(self.function.invoke(event).await)
    }

    /// An invented physical id, for a resource whose Create had no response:
    /// `<stack name>-<logical id>-<12 letters>`. Probe: cloudformation/no-answer.
    pub(crate) fn invented_id(&self, logical_id: &str) -> String {
        let random: String =
            std::iter::repeat_with(|| fastrand::char('A'..='Z')).take(12).collect();
        format!("{}-{logical_id}-{random}", self.name)
    }

    /// The properties as a function receives them: all scalars are strings, and there is a
    /// `ServiceToken`.
    pub(super) fn rendered(&self, properties: &Value) -> Value {
        let mut rendered = stringified(properties);
        if let Some(map) = rendered.as_object_mut() {
            map.insert("ServiceToken".into(), json!(self.token));
        }
        rendered
    }

    /// Sends a request, and reads the response. Only the first response counts. Probe:
    /// cloudformation/first-answer, cloudformation/create-failed, cloudformation/no-answer.
    pub(crate) async fn request(
        &self,
        logical_id: &str,
        action: &ResourceAction,
        properties: &Value,
    ) -> Result<Physical, RequestFailure> {
        let event = self.event(logical_id, action, properties);
        let request_id = event["RequestId"].as_str().unwrap_or_default().to_owned();
        self.send(event.clone()).await;
        let answers = self.bucket.answers(&request_id);
        let checked = match answers.first() {
            Some(put) => answer::check(&event, &put.body),
            None => Err(RequestFailure {
                reason: format!(
                    "CloudFormation did not receive a response from your Custom Resource. Please check your logs for \
                     requestId [{request_id}]."
                ),
                physical_id: None,
            }),
        };
        let known = match &checked {
            Ok(physical) => Some(physical.id.clone()),
            Err(failure) => failure.physical_id.clone(),
        };
        lock(&self.history).push(StackEvent {
            logical_id: logical_id.to_owned(),
            request_type: action.request_type(),
            request_id,
            physical_id: known
                .or_else(|| action.physical_id().map(str::to_owned))
                .unwrap_or_default(),
            failure: checked.as_ref().err().map(|failure| failure.reason.clone()),
        });
        checked
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

pub(super) fn uuid() -> String {
    let hex = format!("{:032x}", fastrand::u128(..));
    let part = |range| hex.get(range).unwrap_or_default();
    format!("{}-{}-4{}-8{}-{}", part(0..8), part(8..12), part(13..16), part(17..20), part(20..32))
}
