//! The envelope of a request: first where to answer, then what is asked.
//!
//! Taken from raw JSON and not from a typed event: one that does not deserialize would never be answered.

use std::fmt;

use serde_json::Value;

use super::response_url::{ResponseUrl, ResponseUrlError};
use crate::error::{Code, Failure};

/// Where and for whom to answer (CloudFormation User Guide, "Custom resource request objects").
#[derive(Clone, Debug)]
pub struct Target {
    /// The pre-signed URL.
    pub url: ResponseUrl,
    /// The stack's ARN.
    pub stack_id: String,
    /// The request's id, the same for each delivery of it.
    pub request_id: String,
    /// The resource's name in the template.
    pub logical_id: String,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The resource is new.
    Create,
    /// The resource's properties changed.
    Update,
    /// The resource goes.
    Delete,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
        })
    }
}

/// What a request asks, its properties not yet read. They may hold an external id, so `Debug` does not show them.
#[derive(Clone)]
pub struct Request {
    /// What is asked.
    pub kind: Kind,
    /// The physical id that CloudFormation knows; `None` on a Create.
    pub physical_id: Option<String>,
    /// `ResourceProperties`, null if there are none.
    pub properties: Value,
    /// `OldResourceProperties`, null if there are none.
    pub old_properties: Value,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Request");
        shown.field("kind", &self.kind).field("physical_id", &self.physical_id).finish_non_exhaustive()
    }
}

/// Why an event is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// A field is missing or not a text.
    #[error("the event has no {0}: it is not a custom resource request")]
    Field(&'static str),
    /// The response URL can't be used.
    #[error(transparent)]
    Url(#[from] ResponseUrlError),
    /// `RequestType` is none that we know.
    #[error("RequestType {0:?} is unknown; it is Create, Update or Delete")]
    RequestType(String),
    /// The message of an SNS notification is not JSON.
    #[error("the event is no SNS notification of one custom resource request")]
    Message,
}

impl EnvelopeError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Field(_) | Self::Message => Code::NotARequest,
            Self::Url(_) => Code::InvalidResponseUrl,
            Self::RequestType(_) => Code::UnknownRequestType,
        }
    }
}

impl From<EnvelopeError> for Failure {
    fn from(error: EnvelopeError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// The request itself: the event, or the message that an SNS notification carries (CloudFormation User Guide, "Amazon
/// SNS-backed custom resources").
pub fn unwrap(event: Value) -> Result<Value, EnvelopeError> {
    let Some(records) = event.get("Records").and_then(Value::as_array) else {
        return Ok(event);
    };
    // SNS hands Lambda one notification at a time; of several, all but one would go unanswered.
    let [record] = records.as_slice() else {
        return Err(EnvelopeError::Message);
    };
    let message = record.pointer("/Sns/Message").and_then(Value::as_str).ok_or(EnvelopeError::Message)?;
    serde_json::from_str(message).map_err(|_| EnvelopeError::Message)
}

/// Where to answer a request.
pub fn target(event: &Value, local_hosts: &[String]) -> Result<Target, EnvelopeError> {
    let url = ResponseUrl::parse(text(event, "ResponseURL")?, local_hosts)?;
    let owned = |field| text(event, field).map(str::to_owned);
    Ok(Target {
        url,
        stack_id: owned("StackId")?,
        request_id: owned("RequestId")?,
        logical_id: owned("LogicalResourceId")?,
    })
}

/// The physical id of a request, if it has one.
pub fn physical_id(event: &Value) -> Option<String> {
    text(event, "PhysicalResourceId").ok().map(str::to_owned)
}

/// What is asked.
pub fn request(event: &Value) -> Result<Request, EnvelopeError> {
    let kind = match text(event, "RequestType")? {
        "Create" => Kind::Create,
        "Update" => Kind::Update,
        "Delete" => Kind::Delete,
        other => return Err(EnvelopeError::RequestType(other.chars().take(40).collect())),
    };
    let physical_id = physical_id(event);
    if physical_id.is_none() && kind != Kind::Create {
        return Err(EnvelopeError::Field("PhysicalResourceId"));
    }
    let value = |field| event.get(field).cloned().unwrap_or_default();
    Ok(Request {
        kind,
        physical_id,
        properties: value("ResourceProperties"),
        old_properties: value("OldResourceProperties"),
    })
}

fn text<'a>(event: &'a Value, field: &'static str) -> Result<&'a str, EnvelopeError> {
    event.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or(EnvelopeError::Field(field))
}

#[cfg(test)]
mod tests;
