//! The requests of a stack: events to the function, and its responses.
//!
//! Probe: cloudformation/request.

use serde_json::{Value, json};

use super::{Failed, Resource, Stack, StackEvent, answer};
use crate::bucket::{Put, ResponseKey};
use crate::function::Invocation;

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

    /// A raw event with a new request id and a response URL that is signed now. The properties are
    /// not converted. Probe: cloudformation/request.
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

    /// Delivers an event, up to three times if the function fails. Returns the first response that
    /// the bucket stored.
    pub async fn send(&self, event: Value) -> Option<Value> {
        let request_id = event["RequestId"].as_str().unwrap_or_default().to_owned();
        self.inner().sent.insert(request_id.clone(), event.clone());
        for _ in 0..DELIVERIES {
            if let Invocation::Returned(_) = self.function.invoke(event.clone()).await {
                break;
            }
        }
        self.bucket.answers(&request_id).first().map(Put::json)
    }

    /// Delivers an earlier event again, possibly out of order.
    pub async fn redeliver(&self, request_id: &str) -> Option<Invocation> {
        let event = self.inner().sent.get(request_id).cloned()?;
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
