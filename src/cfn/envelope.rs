//! The envelope of a request: first where to answer, then what is asked.
//!
//! Each field is taken from the text of the event by itself, and the properties last: a request
//! whose properties can't be read is answered all the same, and nothing grows beyond the event.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::physical_id;
use super::response::encoded;
use super::response_url::{Accepted, ResponseUrl, ResponseUrlError};
use crate::error::{Code, Failure};

/// The most bytes of a `StackId`, `RequestId` or `LogicalResourceId` in JSON. CloudFormation's own
/// have fewer: an ARN of a stack about 250, a logical id 255. The answer repeats all three, and has
/// at most 4096 bytes.
const LONGEST_ID: usize = 400;
/// The most bytes of a `PhysicalResourceId` in JSON, where an escape takes more than its character.
const LONGEST_PHYSICAL_ID: usize = 2 * physical_id::MAX;
/// The most bytes of a `ResponseURL`; CloudFormation's have about 600, with a session token 3,000.
const LONGEST_URL: usize = 8192;
/// What the CDK's Provider framework hands on in the place of the URL.
const NO_URL: &str = "...";
/// The most bytes of JSON that `ResourceProperties` may take: more than a whole template has
/// (CloudFormation User Guide, "Understand CloudFormation quotas": 1 MB).
pub const MAX_PROPERTIES: usize = 1 << 20;
/// How many characters of an unknown `RequestType` a message repeats.
const REPEATED: usize = 40;

/// An event, as it was sent to the function.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// The request, as JSON.
    pub text: Cow<'a, str>,
    /// The SNS notification that carried it, if one did.
    pub notification: Option<Notification>,
}

/// The SNS notification that carried a request: anybody who may publish to the topic can have sent
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// The topic's ARN.
    pub topic: String,
    /// The notification's id.
    pub id: String,
}

/// A request and where to answer it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Where and for whom to answer.
    pub target: Target,
    /// `PhysicalResourceId`, if the event has one, whatever it asks.
    pub physical_id: Option<String>,
    /// What is asked.
    pub request: Result<Request, EnvelopeError>,
}

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

/// What a request asks, its properties not yet read. They may hold an external id, so `Debug` does
/// not show them.
#[derive(Clone)]
pub struct Request {
    /// What is asked.
    pub kind: Kind,
    /// The physical id that CloudFormation knows; `None` on a Create.
    pub physical_id: Option<String>,
    /// `ResourceProperties`, null if there are none; a text, and so nothing, if they can't be read.
    pub properties: Value,
    /// `OldResourceProperties`, likewise.
    pub old_properties: Value,
    /// Why `ResourceProperties` can't be read.
    pub unreadable: Option<EnvelopeError>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Request");
        shown
            .field("kind", &self.kind)
            .field("physical_id", &self.physical_id)
            .finish_non_exhaustive()
    }
}

/// Why an event is not a request that can be answered or understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The event is no JSON object, or has a field twice.
    #[error(
        "The event is not a JSON object with the fields of a custom resource request, each given once."
    )]
    NoObject,
    /// A field is missing, empty or not a text.
    #[error(
        "The event has no {0} that is a string, so it is not a custom resource request of CloudFormation."
    )]
    Field(&'static str),
    /// A field that says what is asked is there twice.
    #[error(
        "The event has RequestType, ResourceProperties or OldResourceProperties twice, so what it asks for can't be told. \
         It did not come from CloudFormation. Nothing was changed."
    )]
    Twice,
    /// There is a request, and nowhere to answer it.
    #[error(
        "The event has no ResponseURL. It did not come from CloudFormation itself: the CDK's Provider framework keeps the \
         URL. Give the function's own ARN, or the topic's, as ServiceToken."
    )]
    NoResponseUrl,
    /// A field is longer than CloudFormation's.
    #[error(
        "{field} has {bytes} bytes, and CloudFormation's have at most {most}: the event did not come from it."
    )]
    TooLong {
        /// The field.
        field: &'static str,
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// The response URL can't be used.
    #[error(transparent)]
    Url(#[from] ResponseUrlError),
    /// `RequestType` is none that we know.
    #[error(
        "RequestType {0:?} must be Create, Update or Delete. The event did not come from CloudFormation."
    )]
    RequestType(String),
    /// The message of an SNS notification is no text.
    #[error("The event is not an SNS notification of exactly one custom resource request.")]
    Message,
    /// The properties take too many bytes.
    #[error(
        "ResourceProperties has {0} bytes of JSON, and the function reads at most {MAX_PROPERTIES}. Nothing was changed. \
         Shorten it."
    )]
    TooLarge(usize),
    /// The properties can't be read.
    #[error("ResourceProperties can't be read: {0}. Nothing was changed. Correct the properties.")]
    Unreadable(String),
}

impl EnvelopeError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::NoObject
            | Self::Field(_)
            | Self::Twice
            | Self::NoResponseUrl
            | Self::TooLong { .. }
            | Self::Message => Code::NotARequest,
            Self::Url(_) => Code::InvalidResponseUrl,
            Self::RequestType(_) => Code::UnknownRequestType,
            Self::TooLarge(_) | Self::Unreadable(_) => Code::UnreadableProperties,
        }
    }
}

impl From<EnvelopeError> for Failure {
    fn from(error: EnvelopeError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// The fields of an event that say where to answer, each as it is written.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct TargetFields<'a> {
    #[serde(borrow, rename = "ResponseURL")]
    response_url: Option<&'a RawValue>,
    #[serde(borrow)]
    stack_id: Option<&'a RawValue>,
    #[serde(borrow)]
    request_id: Option<&'a RawValue>,
    #[serde(borrow)]
    logical_resource_id: Option<&'a RawValue>,
    #[serde(borrow)]
    physical_resource_id: Option<&'a RawValue>,
}

/// Those that say what is asked. They are read by themselves, so that one of them that is there
/// twice leaves the request answerable.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct RequestFields<'a> {
    #[serde(borrow)]
    records: Option<&'a RawValue>,
    #[serde(borrow)]
    request_type: Option<&'a RawValue>,
    #[serde(borrow)]
    resource_properties: Option<&'a RawValue>,
    #[serde(borrow)]
    old_resource_properties: Option<&'a RawValue>,
}

/// Some fields of an event; `None` if it is no object, or has one of them twice.
fn fields<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    // A list would be read as the fields in their order.
    text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
}

/// A record of a Lambda event of SNS (AWS Lambda Developer Guide, "Invoking Lambda functions with
/// Amazon SNS notifications").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    sns: Sns,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sns {
    message: String,
    #[serde(default)]
    topic_arn: String,
    #[serde(default)]
    message_id: String,
}

/// The request itself: the event, or the message that an SNS notification carries (CloudFormation
/// User Guide, "Amazon SNS-backed custom resources").
///
/// # Errors
/// If the event carries anything but one notification of one text.
pub fn unwrap(event: &str) -> Result<Message<'_>, EnvelopeError> {
    let Some(records) = fields::<RequestFields<'_>>(event).and_then(|fields| fields.records) else {
        return Ok(Message { text: Cow::Borrowed(event), notification: None });
    };
    // SNS hands Lambda one notification at a time; of several, all but one would go unanswered.
    let [Record { sns }] =
        serde_json::from_str::<[Record; 1]>(records.get()).map_err(|_| EnvelopeError::Message)?;
    let shortened = |text: String| text.chars().take(LONGEST_ID).collect();
    let notification =
        Notification { topic: shortened(sns.topic_arn), id: shortened(sns.message_id) };
    Ok(Message { text: Cow::Owned(sns.message), notification: Some(notification) })
}

/// Reads a request.
///
/// # Errors
/// If it can't be answered.
pub fn parse(text: &str, accepted: Accepted<'_>) -> Result<Event, EnvelopeError> {
    let target = fields::<TargetFields<'_>>(text).ok_or(EnvelopeError::NoObject)?;
    let asked = fields::<RequestFields<'_>>(text);
    let is_request = asked
        .as_ref()
        .is_some_and(|asked| asked.request_type.is_some() && asked.resource_properties.is_some());
    let url = match read(target.response_url, "ResponseURL", LONGEST_URL) {
        Err(EnvelopeError::Field(_)) if is_request => return Err(EnvelopeError::NoResponseUrl),
        Ok(url) if url == NO_URL && is_request => return Err(EnvelopeError::NoResponseUrl),
        url => url?,
    };
    let stack_id = read(target.stack_id, "StackId", LONGEST_ID)?;
    let physical_id = read_physical_id(target.physical_resource_id)?;
    let request = match &asked {
        Some(asked) => request(asked, physical_id.as_deref()),
        None => Err(EnvelopeError::Twice),
    };
    let target = Target {
        url: ResponseUrl::parse(&url, &stack_id, accepted)?,
        stack_id,
        request_id: read(target.request_id, "RequestId", LONGEST_ID)?,
        logical_id: read(target.logical_resource_id, "LogicalResourceId", LONGEST_ID)?,
    };
    Ok(Event { target, physical_id, request })
}

/// What is asked.
fn request(
    fields: &RequestFields<'_>,
    physical_id: Option<&str>,
) -> Result<Request, EnvelopeError> {
    let kind = match text(fields.request_type, "RequestType")?.as_str() {
        "Create" => Kind::Create,
        "Update" => Kind::Update,
        "Delete" => Kind::Delete,
        other => return Err(EnvelopeError::RequestType(other.chars().take(REPEATED).collect())),
    };
    if physical_id.is_none() && kind != Kind::Create {
        return Err(EnvelopeError::Field("PhysicalResourceId"));
    }
    // No object: nothing is taken from it, and no role is assumed in its name.
    let nothing = || Value::String(String::new());
    let (properties, unreadable) = match properties(fields.resource_properties) {
        Ok(properties) => (properties, None),
        Err(error) => (nothing(), Some(error)),
    };
    Ok(Request {
        kind,
        physical_id: physical_id.map(str::to_owned),
        properties,
        old_properties: self::properties(fields.old_resource_properties)
            .unwrap_or_else(|_| nothing()),
        unreadable,
    })
}

fn properties(raw: Option<&RawValue>) -> Result<Value, EnvelopeError> {
    let Some(raw) = raw else { return Ok(Value::Null) };
    if raw.get().len() > MAX_PROPERTIES {
        return Err(EnvelopeError::TooLarge(raw.get().len()));
    }
    // The words of this error are about the form alone: nested too deeply, a number out of range.
    let unreadable = |error: serde_json::Error| EnvelopeError::Unreadable(error.to_string());
    if raw.get().starts_with('{') {
        serde_json::from_str::<EachOnce>(raw.get()).map_err(unreadable)?;
    }
    serde_json::from_str(raw.get()).map_err(unreadable)
}

/// An object that has no key twice: of two values, which is meant can't be told.
struct EachOnce;

impl<'de> Deserialize<'de> for EachOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EachOnceVisitor)
    }
}

struct EachOnceVisitor;

impl<'de> Visitor<'de> for EachOnceVisitor {
    type Value = EachOnce;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<EachOnce, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some((key, IgnoredAny)) = map.next_entry::<String, _>()? {
            if !keys.insert(key) {
                return Err(A::Error::custom("a property is given twice"));
            }
        }
        Ok(EachOnce)
    }
}

/// A physical id that a stack may have, if the event has one.
fn read_physical_id(raw: Option<&RawValue>) -> Result<Option<String>, EnvelopeError> {
    const FIELD: &str = "PhysicalResourceId";
    match read(raw, FIELD, LONGEST_PHYSICAL_ID) {
        Ok(id) if id.len() > physical_id::MAX => {
            Err(EnvelopeError::TooLong { field: FIELD, bytes: id.len(), most: physical_id::MAX })
        }
        Ok(id) => Ok(Some(id)),
        Err(error @ EnvelopeError::TooLong { .. }) => Err(error),
        Err(_) => Ok(None),
    }
}

/// A field that must be a text and not empty, of so many bytes in JSON at most.
fn read(raw: Option<&RawValue>, field: &'static str, most: usize) -> Result<String, EnvelopeError> {
    let text = text(raw, field)?;
    // The form in JSON is never shorter, and not worth making of a text of megabytes.
    let bytes = if text.len() > most { text.len() } else { encoded(&text) };
    if bytes > most { Err(EnvelopeError::TooLong { field, bytes, most }) } else { Ok(text) }
}

/// A field that must be a text and not empty.
fn text(raw: Option<&RawValue>, field: &'static str) -> Result<String, EnvelopeError> {
    let text = raw.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    text.filter(|text| !text.is_empty()).ok_or(EnvelopeError::Field(field))
}

#[cfg(test)]
mod tests;
