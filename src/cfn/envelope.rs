//! Parses the envelope of a request: first where to respond, then what is requested.
//!
//! Each field is taken from the text of the event separately, the properties last. A request whose
//! properties can't be parsed can therefore still get a response, and no value takes more memory
//! than the event itself.

mod each_once;
mod error;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use self::each_once::EachOnce;
pub use self::error::EnvelopeError;
use super::physical_id;
use super::response::encoded;
use super::response_url::{AcceptedHosts, ResponseUrl};

/// The most bytes of a `StackId`, `RequestId` or `LogicalResourceId`, encoded as JSON.
/// CloudFormation's own are shorter: a stack's ARN has about 250, a logical id up to 255. The
/// response repeats all three, and has at most 4096 bytes.
const LONGEST_ID: usize = 400;
/// The most bytes of a `PhysicalResourceId`, encoded as JSON, where an escaped character takes more
/// than one byte.
const LONGEST_PHYSICAL_ID: usize = 2 * physical_id::MAX;
/// The most bytes of a `ResponseURL`. CloudFormation's have about 600, or 3,000 with a session
/// token.
const LONGEST_URL: usize = 8192;
/// What the CDK's Provider framework sends instead of the URL.
const REDACTED_URL: &str = "...";
/// The most bytes of JSON in `ResourceProperties`. A whole template is smaller (CloudFormation User
/// Guide, "Understand CloudFormation quotas": 1 MB).
pub(crate) const MAX_PROPERTIES: usize = 1 << 20;
/// The most items in the lists and objects of `ResourceProperties`. An item takes up to several
/// hundred bytes of memory, as an object with one key does, and `OldResourceProperties` may have as
/// many: together they take less than 30 MB of the 128 MB.
const MAX_ITEMS: usize = 20_000;
/// How many characters of an unknown `RequestType` a message repeats.
const MAX_REPEATED: usize = 40;

/// An event, as it was sent to the function. Its text has the response URL and external ids, so
/// `Debug` does not show it.
#[derive(Clone)]
pub struct Message<'a> {
    /// The request, as JSON.
    pub text: Cow<'a, str>,
    /// The SNS notification that delivered it, if any.
    pub notification: Option<Notification>,
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("notification", &self.notification).finish_non_exhaustive()
    }
}

/// The SNS notification that delivered a request. Anybody who may publish to the topic can have
/// sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// The topic's ARN.
    pub topic: String,
    /// The notification's id.
    pub id: String,
}

/// A request, and where to respond to it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Where and for which resource to respond.
    pub target: Target,
    /// `PhysicalResourceId`, if the event has one, for any type of request.
    pub physical_id: Option<String>,
    /// What is requested.
    pub request: Result<Request, EnvelopeError>,
}

/// Where and for which resource to respond (CloudFormation User Guide, "Custom resource request
/// objects").
#[derive(Clone, Debug)]
pub struct Target {
    /// The pre-signed URL.
    pub url: ResponseUrl,
    /// The stack's ARN.
    pub stack_id: String,
    /// The request's id, which is the same in each delivery of it.
    pub request_id: String,
    /// The resource's name in the template.
    pub logical_id: String,
}

/// The type of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestType {
    /// The resource is new.
    Create,
    /// The resource's properties changed.
    Update,
    /// The resource is removed.
    Delete,
}

impl fmt::Display for RequestType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
        })
    }
}

/// A request whose properties are not parsed yet. They may contain an external id, so `Debug` does
/// not show them.
#[derive(Clone)]
pub struct Request {
    /// The type of the request.
    pub kind: RequestType,
    /// The physical id that CloudFormation knows; `None` on a Create.
    pub physical_id: Option<String>,
    /// `ResourceProperties`. Null if there are none. A string, which has no properties, if they
    /// can't be parsed.
    pub properties: Value,
    /// `OldResourceProperties`, likewise.
    pub old_properties: Value,
    /// Why `ResourceProperties` can't be parsed.
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

/// The fields of an event that say where to respond, as raw JSON.
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

/// The fields that say what is requested. They are parsed separately, so that the request can still
/// get a response if one of them appears twice.
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

/// Some fields of an event. `None` if the event is not an object, or has one of these fields twice.
fn fields<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    // serde would also accept a list, as the fields in their order.
    text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
}

/// A record of an SNS event for Lambda (AWS Lambda Developer Guide, "Invoking Lambda functions with
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

/// Returns the request itself: the event, or the message in an SNS notification (CloudFormation
/// User Guide, "Amazon SNS-backed custom resources").
///
/// # Errors
/// If the event has records that are not a single SNS notification.
pub fn unwrap(event: &str) -> Result<Message<'_>, EnvelopeError> {
    let Some(records) = fields::<RequestFields<'_>>(event).and_then(|fields| fields.records) else {
        return Ok(Message { text: Cow::Borrowed(event), notification: None });
    };
    // SNS invokes Lambda with one notification at a time. If there were several, all but one would
    // never get a response.
    let [Record { sns }] =
        serde_json::from_str::<[Record; 1]>(records.get()).map_err(|_| EnvelopeError::Message)?;
    let shortened = |text: String| text.chars().take(LONGEST_ID).collect();
    let notification =
        Notification { topic: shortened(sns.topic_arn), id: shortened(sns.message_id) };
    Ok(Message { text: Cow::Owned(sns.message), notification: Some(notification) })
}

/// Parses a request.
///
/// # Errors
/// If nobody can respond to it.
pub fn parse(text: &str, accepted: AcceptedHosts<'_>) -> Result<Event, EnvelopeError> {
    let target = fields::<TargetFields<'_>>(text).ok_or(EnvelopeError::NoObject)?;
    let requested = fields::<RequestFields<'_>>(text);
    let is_request = requested.as_ref().is_some_and(|requested| {
        requested.request_type.is_some() && requested.resource_properties.is_some()
    });
    let url = match read(target.response_url, "ResponseURL", LONGEST_URL) {
        Err(EnvelopeError::Field(_)) if is_request => return Err(EnvelopeError::NoResponseUrl),
        Ok(url) if url == REDACTED_URL && is_request => return Err(EnvelopeError::NoResponseUrl),
        url => url?,
    };
    let stack_id = read(target.stack_id, "StackId", LONGEST_ID)?;
    let physical_id = read_physical_id(target.physical_resource_id)?;
    let request = match &requested {
        Some(requested) => request(requested, physical_id.as_deref()),
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

/// Parses the type and the properties of the request.
fn request(
    fields: &RequestFields<'_>,
    physical_id: Option<&str>,
) -> Result<Request, EnvelopeError> {
    let kind = match text(fields.request_type, "RequestType")?.as_str() {
        "Create" => RequestType::Create,
        "Update" => RequestType::Update,
        "Delete" => RequestType::Delete,
        other => {
            return Err(EnvelopeError::RequestType(other.chars().take(MAX_REPEATED).collect()));
        }
    };
    if physical_id.is_none() && kind != RequestType::Create {
        return Err(EnvelopeError::Field("PhysicalResourceId"));
    }
    // A string has no properties, so that no value is taken from it and no role is assumed.
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
    let items = count_items(raw.get());
    if items > MAX_ITEMS {
        return Err(EnvelopeError::TooManyItems(items));
    }
    // This error describes only the syntax, such as nesting that is too deep or a number out of
    // range.
    let unreadable = |error: serde_json::Error| EnvelopeError::Unreadable(error.to_string());
    if raw.get().starts_with('{') {
        serde_json::from_str::<EachOnce>(raw.get()).map_err(unreadable)?;
    }
    serde_json::from_str(raw.get()).map_err(unreadable)
}

/// Counts the items in the lists and objects of a valid JSON text, without parsing it. An empty one
/// counts as one item.
fn count_items(json: &str) -> usize {
    let (mut items, mut in_string, mut is_escaped) = (0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            // Valid JSON has a backslash only in a string.
            b'\\' => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' | b',' if !in_string => items += 1,
            _ => {}
        }
    }
    items
}

/// A physical id of a valid length, if the event has one.
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

/// A field that must be a nonempty string of at most `most` bytes, encoded as JSON.
fn read(raw: Option<&RawValue>, field: &'static str, most: usize) -> Result<String, EnvelopeError> {
    let text = text(raw, field)?;
    // The encoded form is never shorter, and not worth producing for a string of megabytes.
    let bytes = if text.len() > most { text.len() } else { encoded(&text) };
    if bytes > most { Err(EnvelopeError::TooLong { field, bytes, most }) } else { Ok(text) }
}

/// A field that must be a nonempty string.
fn text(raw: Option<&RawValue>, field: &'static str) -> Result<String, EnvelopeError> {
    let text = raw.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    text.filter(|text| !text.is_empty()).ok_or(EnvelopeError::Field(field))
}

#[cfg(test)]
mod tests;
