//! The response to CloudFormation: one JSON object of at most 4096 bytes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::envelope::Target;

/// The longest response that CloudFormation accepts, in bytes (CloudFormation User Guide, "Custom
/// resource response objects").
pub const MAX: usize = 4096;

/// The status of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// The request has reached its goal.
    Success,
    /// The request has not reached its goal.
    Failed,
}

/// The response to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: Status,
    /// The physical id, 1 to 1024 bytes.
    pub physical_id: String,
    /// Why it failed; empty on success.
    pub reason: String,
    /// The error code, which is at the end of `Reason`. Empty on success.
    pub code: &'static str,
    /// The values of `Fn::GetAtt`. Empty on failure.
    pub data: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    status: Status,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    physical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data: &'a BTreeMap<&'static str, String>,
}

/// The attributes for `Fn::GetAtt`. Every SUCCESS has all of them, with empty strings for those
/// without a value.
pub const ATTRIBUTES: [&str; 9] = [
    "DomainName",
    "NameServers",
    "ParentZoneId",
    "ChildZoneId",
    "Action",
    "ChangeStatus",
    "DsRecords",
    "Verification",
    "Warning",
];

/// The attributes that are text for people. They are shortened before any other.
const PROSE: [&str; 2] = ["Verification", "Warning"];

impl Response {
    /// The body to send. Strings that are too long are cut at a character boundary and end with a
    /// reference to the log stream.
    pub fn body(mut self, target: &Target, log_stream: &str) -> String {
        let pointer = format!("… (more in log stream {log_stream})");
        let code = if self.code.is_empty() { String::new() } else { format!(" [{}]", self.code) };
        self.reason.push_str(&code);
        // Each round shortens the longest string, as long as that saves bytes.
        for _ in 0..64 {
            let body = self.render(target);
            let Some(excess) = body.len().checked_sub(MAX).filter(|excess| *excess > 0) else {
                return body;
            };
            if !self.shorten(excess, &pointer, &code) {
                break;
            }
        }
        self.render(target)
    }

    fn render(&self, target: &Target) -> String {
        let body = Body {
            status: self.status,
            reason: &self.reason,
            physical_resource_id: &self.physical_id,
            stack_id: &target.stack_id,
            request_id: &target.request_id,
            logical_resource_id: &target.logical_id,
            data: &self.data,
        };
        serde_json::to_string(&body).unwrap_or_default()
    }

    fn shorten(&mut self, excess: usize, pointer: &str, code: &str) -> bool {
        let reason =
            Shortened { text: &mut self.reason, pointer: format!("{pointer}{code}"), tail: code };
        let (mut prose, mut values) = (vec![reason], Vec::new());
        for (key, text) in &mut self.data {
            let list = if PROSE.contains(key) { &mut prose } else { &mut values };
            list.push(Shortened { text, pointer: pointer.to_owned(), tail: "" });
        }
        // The other attributes are values that templates use. They are only cut if all text for
        // people is gone and the response is still too long to be sent.
        cut_longest(prose, excess) || cut_longest(values, excess)
    }
}

/// A string that may have to be shortened.
struct Shortened<'a> {
    text: &'a mut String,
    /// The end of a shortened string.
    pointer: String,
    /// The end of the whole string, which a shortened one must not lose. The pointer contains it.
    tail: &'a str,
}

fn cut_longest(strings: Vec<Shortened<'_>>, excess: usize) -> bool {
    let longest = strings.into_iter().max_by_key(|shortened| encoded(shortened.text));
    let longest = longest.filter(|longest| encoded(longest.text) > encoded(&longest.pointer) + 1);
    let Some(Shortened { text, pointer, tail }) = longest else { return false };
    let head = text.strip_suffix(&pointer).or_else(|| text.strip_suffix(tail)).unwrap_or(text);
    // Cut at most half at a time, so that two long strings both keep their start.
    let cut = excess.min(encoded(text) / 2).max(1);
    let room = encoded(text).saturating_sub(cut).saturating_sub(encoded(&pointer));
    let mut used = 0;
    let end = head.char_indices().find(|(_, c)| {
        used += encoded(c.encode_utf8(&mut [0; 4]));
        used > room
    });
    let end = end.map_or(head.len(), |(at, _)| at);
    let shortened = format!("{}{pointer}", head.get(..end).unwrap_or_default());
    let shorter = encoded(&shortened) < encoded(text);
    *text = shortened;
    shorter
}

/// The bytes that a string takes in JSON, without its quotation marks.
pub fn encoded(text: &str) -> usize {
    serde_json::to_string(text).map_or(0, |json| json.len() - 2)
}

#[cfg(test)]
mod tests;
