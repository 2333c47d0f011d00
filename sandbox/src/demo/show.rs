//! Displays a request, its calls and its answer as text.

use std::time::Duration;

use serde_json::Value;

use super::check::Check;
use super::listing::{self, Line, Mark};
use super::page::{ROOM, wrap};
use super::style::Style;
use super::trace::{Hop, Response, Trace};
use crate::journal::Call;
use crate::route53::Action;

/// The width of the column of keys.
const KEYS: usize = 18;

/// For instance `Create Delegation`.
pub(super) fn name(event: &Value) -> String {
    format!("{} {}", text(event, "RequestType"), text(event, "LogicalResourceId"))
}

/// The properties of a Create, the changes of an Update, or the physical id of a Delete.
pub(super) fn request(event: &Value, file: &str, style: Style) -> Vec<String> {
    let head = name(event);
    let stack = text(event, "StackId");
    let stack = stack.split('/').nth(1).unwrap_or(stack);
    let mut lines = vec![format!(
        "{}  {}",
        style.bold(&head),
        style.dim(&format!("stack {stack}, events/{file}"))
    )];
    let (new, old) = (event.get("ResourceProperties"), event.get("OldResourceProperties"));
    let id = || entry("PhysicalResourceId", text(event, "PhysicalResourceId"));
    match text(event, "RequestType") {
        "Create" => {
            lines.extend(shown(new).map(|(key, value)| entry(key, &value)).collect::<Vec<_>>());
        }
        "Update" => {
            lines.push(id());
            lines.extend(differences(old, new));
        }
        _ => lines.push(id()),
    }
    lines
}

/// The properties that describe the desired state. An external id may be a secret, so it is not
/// shown.
fn shown(properties: Option<&Value>) -> impl Iterator<Item = (&str, String)> {
    let properties = properties.and_then(Value::as_object).into_iter().flatten();
    properties.filter(|(key, _)| !key.starts_with("Service")).map(|(key, value)| {
        let value =
            if key.ends_with("ExternalId") { "(not shown)".to_owned() } else { plain(value) };
        (key.as_str(), value)
    })
}

fn differences(old: Option<&Value>, new: Option<&Value>) -> Vec<String> {
    let keys: std::collections::BTreeSet<&str> =
        shown(old).chain(shown(new)).map(|(key, _)| key).collect();
    let value = |properties: Option<&Value>, key: &str| properties?.get(key).map(plain);
    let mut lines = Vec::new();
    for key in keys {
        let (before, after) = (value(old, key), value(new, key));
        if before != after {
            let or_none = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
            lines.push(entry(key, &format!("{} -> {}", or_none(before), or_none(after))));
        }
    }
    lines
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn entry(key: &str, value: &str) -> String {
    format!("{key:<KEYS$}  {value}")
}

/// The calls in order of arrival, with the number of consecutive identical calls.
pub(super) fn calls(calls: &[Call], style: Style) -> Vec<String> {
    let mut counted: Vec<(String, &Call, usize)> = Vec::new();
    for call in calls {
        let line = one_call(call);
        match counted.last_mut() {
            Some((last, _, times)) if *last == line => *times += 1,
            _ => counted.push((line, call, 1)),
        }
    }
    if counted.is_empty() {
        return vec!["none".to_owned()];
    }
    let lines = counted.into_iter().map(|(line, call, times)| {
        let line = if times > 1 { format!("{line}  (x{times})") } else { line };
        match (call.succeeded(), call.changes.is_empty()) {
            (false, _) => style.bad(&line),
            (true, false) => style.bold(&line),
            (true, true) => line,
        }
    });
    lines.collect()
}

fn one_call(call: &Call) -> String {
    let what = match (&call.role_arn, &call.zone) {
        // `<account>:<name>`
        (Some(arn), _) => {
            arn.split(':').skip(4).collect::<Vec<_>>().join(":").replace(":role/", ":")
        }
        (None, Some(zone)) => zone.clone(),
        (None, None) => call.summary.clone(),
    };
    let changes = call.changes.iter().map(|change| {
        let sign = match change.action {
            Action::Create => "+",
            Action::Delete => "-",
            Action::Upsert => "~",
        };
        format!(" {sign}{}", change.record.rtype)
    });
    let what = format!("{what}{}", changes.collect::<String>());
    // Like actions in IAM.
    let action = format!("{}:{}", call.service, call.action);
    let line = format!("{:<12}  {action:<32}  {what}", call.account);
    let code = call.code().map(|code| format!("  FAILED: {code}"));
    let unanswered = || (!call.succeeded()).then(|| "  FAILED: no response".to_owned());
    format!("{}{}", line.trim_end(), code.or_else(unanswered).unwrap_or_default())
}

/// The changes of the parent zone in one listing.
pub(super) fn zone(name: &str, lines: &[Line], style: Style) -> Vec<String> {
    let count = listing::count(lines);
    let mut text = vec![format!("{}: {count}", name.trim_end_matches('.'))];
    if lines.iter().any(|line| line.mark != Mark::Kept) {
        text.extend(listing::render(lines, style));
    }
    text
}

/// For instance `SUCCESS CREATED`, or `FAILED`.
pub(super) fn status(answer: &Value) -> String {
    let action = answer.pointer("/Data/Action").and_then(Value::as_str).unwrap_or_default();
    let status = answer.get("Status").and_then(Value::as_str).unwrap_or("no answer");
    format!("{status} {action}").trim_end().to_owned()
}

/// The answer that CloudFormation received.
pub(super) fn answer(answer: &Value, took: Duration, style: Style) -> Vec<String> {
    let status = match text(answer, "Status") {
        "" => style.bad("no answer"),
        "SUCCESS" => style.good("SUCCESS"),
        other => style.bad(other),
    };
    let mut lines =
        vec![format!("{status}  {}", style.dim(&format!("after {} ms", took.as_millis())))];
    let mut entries: Vec<(&str, &str)> = ["PhysicalResourceId", "Reason"]
        .iter()
        .map(|field| (*field, text(answer, field)))
        .collect();
    let data = answer.get("Data").and_then(Value::as_object).into_iter().flatten();
    entries.extend(data.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default())));
    for (key, value) in entries.into_iter().filter(|(_, value)| !value.is_empty()) {
        let mut key = key;
        for line in wrap(value, ROOM - KEYS - 2) {
            lines.push(entry(key, &line));
            key = "";
        }
    }
    lines
}

/// One line per queried zone: the server, and its referral or answer.
pub(super) fn trace(trace: &Trace, style: Style) -> Vec<String> {
    let mut lines: Vec<String> = trace.hops.iter().flat_map(|hop| one_hop(hop, style)).collect();
    lines.extend(trace.stopped.iter().flat_map(|why| wrap(why, ROOM)).map(|line| style.bad(&line)));
    lines
}

fn one_hop(hop: &Hop, style: Style) -> Vec<String> {
    let head = format!("{:<23}  {:<15}  {}", hop.server, hop.address.to_string(), hop.zone);
    match &hop.response {
        Response::Referral { zone, key_tags, .. } if key_tags.is_empty() => {
            vec![format!("{head} -> {zone}, {}", style.bad("no DS"))]
        }
        Response::Referral { zone, key_tags, .. } => {
            let tags: Vec<String> = key_tags.iter().map(ToString::to_string).collect();
            vec![format!("{head} -> {zone}, DS {}", tags.join(" "))]
        }
        Response::Answer { records, signed } => {
            let signed = if *signed { "signed" } else { "not signed" };
            let records = records.iter().map(|record| style.good(record));
            [format!("{head} answers, {signed}:")].into_iter().chain(records).collect()
        }
    }
}

pub(super) fn check(check: &Check, style: Style) -> String {
    let mark = if check.holds { style.good("ok") } else { style.bad("NOT TRUE") };
    format!("{mark}  {}", check.text)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
