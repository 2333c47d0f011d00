//! The answer: one JSON object of at most 4096 bytes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::envelope::Target;

/// The longest answer that CloudFormation takes, in bytes as sent (CloudFormation User Guide,
/// "Custom resource response objects").
pub const MAX: usize = 4096;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// What was asked for stands.
    Success,
    /// Something else than what was asked for stands.
    Failed,
}

/// What a request is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it ended.
    pub status: Status,
    /// The physical id, 1 to 1024 bytes.
    pub physical_id: String,
    /// Why it failed; empty on success.
    pub reason: String,
    /// The stable code of the failure, at the end of `Reason`; empty on success.
    pub code: &'static str,
    /// What `Fn::GetAtt` gives; empty on failure.
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

/// What `Fn::GetAtt` gives: each of them is in every SUCCESS, empty where it has nothing to say.
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

/// The attributes that are prose: they are shortened before any other.
const PROSE: [&str; 2] = ["Verification", "Warning"];

impl Answer {
    /// The body to send: too long a text is cut on a character boundary and ends in a pointer to
    /// the log stream.
    pub fn body(mut self, target: &Target, log_stream: &str) -> String {
        let pointer = format!("… (more in log stream {log_stream})");
        let code = if self.code.is_empty() { String::new() } else { format!(" [{}]", self.code) };
        self.reason.push_str(&code);
        // Each round shortens the longest text to fit; a text is only touched while cutting it
        // gains something.
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
        // The other attributes are values that templates build on: cut only if all prose is gone
        // and it still can't be sent.
        cut_longest(prose, excess) || cut_longest(values, excess)
    }
}

/// A text that may have to be shortened.
struct Shortened<'a> {
    text: &'a mut String,
    /// What a shortened text ends in.
    pointer: String,
    /// What the whole text ends in and a shortened one must not lose; the pointer has it too.
    tail: &'a str,
}

fn cut_longest(texts: Vec<Shortened<'_>>, excess: usize) -> bool {
    let longest = texts.into_iter().max_by_key(|shortened| encoded(shortened.text));
    let longest = longest.filter(|longest| encoded(longest.text) > encoded(&longest.pointer) + 1);
    let Some(Shortened { text, pointer, tail }) = longest else { return false };
    let head = text.strip_suffix(&pointer).or_else(|| text.strip_suffix(tail)).unwrap_or(text);
    // At most half at a time, so that of two long texts both keep a head.
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

/// The bytes that a text takes in JSON, without its quotes.
pub fn encoded(text: &str) -> usize {
    serde_json::to_string(text).map_or(0, |json| json.len() - 2)
}

#[cfg(test)]
mod tests;
