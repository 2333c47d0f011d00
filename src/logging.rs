//! Logs JSON lines with their fields at the top level, and panics without their messages.
//! `docs/logging.md` lists every event.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write, stdout};

use inventory::batch::ascii;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Every event that the function logs: its level, its message, and its own fields.
pub const EVENTS: [(Level, &str, &[&str]); 25] = [
    (Level::INFO, "a request came", &["physical_id"]),
    (
        Level::INFO,
        "access denied; retrying in case the permission has not propagated yet",
        &["code", "reason"],
    ),
    (Level::DEBUG, "the parent zone was read", &["at_cut", "ownership", "above"]),
    (Level::INFO, "the DNS check is complete", &["when", "verification"]),
    (Level::WARN, "the DNS check is complete", &["when", "verification"]),
    (Level::INFO, "the parent zone was changed", &["change", "change_id", "action"]),
    (
        Level::INFO,
        "the change was rejected, or its response was lost; the parent zone is read again",
        &["error", "round"],
    ),
    (Level::INFO, "the delegation is as desired", &["action", "status"]),
    (Level::INFO, "all name servers have the change", &["change_id"]),
    (
        Level::INFO,
        "the id of the change was lost with its response, so it is not known when all name servers \
         have it",
        &[],
    ),
    (Level::INFO, "nothing of this resource is left in the parent zone", &["action"]),
    (Level::WARN, "the request succeeds with a warning", &["physical_id", "code", "warning"]),
    (Level::ERROR, "the request failed", &["failure", "code", "reason"]),
    (Level::INFO, "the response was sent", &["status", "action", "physical_id", "duration_ms"]),
    (
        Level::ERROR,
        "the response was not delivered",
        &["status", "physical_id", "duration_ms", "error"],
    ),
    (
        Level::ERROR,
        "this event can't be answered",
        &["lambda_request_id", "sns_topic", "sns_message_id", "error"],
    ),
    (Level::ERROR, "this program panicked", &["at"]),
    (Level::ERROR, "the settings are wrong", &["problem"]),
    (Level::ERROR, "the function can't run", &["error"]),
    (Level::INFO, "the watch begins", &["accounts"]),
    (Level::WARN, "the watch found something", FINDING),
    (Level::INFO, "the watch found something", FINDING),
    (
        Level::WARN,
        "the parent zone itself does not resolve as it should",
        &["parent_zone_id", "parent_zone_name", "verification"],
    ),
    (
        Level::INFO,
        "the watch ends",
        &["complete", "zones", "delegations", "findings", "alarms", "left_off"],
    ),
    (Level::ERROR, "the watch can't begin", &["lambda_request_id", "problem"]),
];

/// The fields of a finding of the watch ([`crate::watch`]).
const FINDING: &[&str] = &[
    "finding",
    "severity",
    "alarm",
    "name",
    "parent_zone_id",
    "parent_zone_name",
    "role",
    "owners",
    "name_servers",
    "seen",
    "remedy",
    "command",
    "accepted",
];

/// Writes lines of JSON in ASCII. The ids of a request are text from its sender, and must not
/// reorder or hide words on a terminal that shows the log.
struct Lines<W>(W);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Almost every line, so it is worth a shortcut: a cold start counts its instructions.
        if line.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
            self.0.write_all(line)?;
        } else {
            self.0.write_all(ascii(&String::from_utf8_lossy(line)).as_bytes())?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes a line of JSON to the standard output, next to the log.
pub fn print(line: &str) {
    // A log that can't be written must not fail a request.
    let _ = writeln!(Lines(stdout()), "{line}");
}

/// Starts logging at `level` (`AWS_LAMBDA_LOG_LEVEL`: TRACE to FATAL, by default INFO).
///
/// Other crates only log errors: at TRACE, the Lambda runtime would log whole events, including the
/// response URL. Lambda filters JSON logs by the fields `timestamp` and `level`.
pub fn init(level: Option<&str>) {
    let level = match level.unwrap_or_default().to_ascii_uppercase().as_str() {
        "TRACE" => LevelFilter::TRACE,
        "DEBUG" => LevelFilter::DEBUG,
        "WARN" => LevelFilter::WARN,
        "ERROR" | "FATAL" => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    };
    let mut layer = json_subscriber::JsonLayer::new(|| Lines(stdout()));
    layer.with_timer("timestamp", SystemTime);
    layer.with_level("level");
    layer.with_flattened_event();
    layer.add_multiple_dynamic_fields(|event, context, line| {
        if let Some(span) = context.event_span(event)
            && let Some(SpanFields(fields)) = span.extensions().get::<SpanFields>()
        {
            for (name, value) in fields {
                // A field that can't be written is left out.
                let _ = line.write_field(name, value);
            }
        }
    });
    let targets = Targets::new()
        .with_target("custom_delegation", level)
        // This target repeats the returned error without the request's fields, and logs the message
        // of a panic.
        .with_target("lambda_runtime::layers::panic", LevelFilter::OFF)
        // These targets log every failed attempt, even if the next one succeeds. The result of a
        // call is logged by its caller.
        .with_target("aws_", LevelFilter::OFF)
        .with_default(LevelFilter::ERROR);
    tracing_subscriber::registry().with(targets).with(KeepFields).with(layer).init();
    // The message of a panic could contain anything from a request, so only its location is logged.
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(at, "this program panicked");
    }));
}

/// The fields of a request's span. The JSON layer would also keep them, but it would use the field
/// `name` for the span's own name.
#[derive(Default)]
struct SpanFields(BTreeMap<&'static str, String>);

impl Visit for SpanFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// A layer that stores [`SpanFields`] in their span.
struct KeepFields;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for KeepFields {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = SpanFields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<SpanFields>()
        {
            values.record(fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_line_of_the_log_is_ascii_and_says_the_same() {
        let line = json!({"stack": "a\u{202e}b\u{9b}31m\u{e9}\u{1f600}\n"});
        let mut written = Vec::new();
        Lines(&mut written).write_all(format!("{line}\n").as_bytes()).unwrap();
        let text = String::from_utf8(written).unwrap();
        assert!(text.trim_end().chars().all(|c| (' '..='~').contains(&c)), "{text}");
        assert_eq!(
            (serde_json::from_str::<Value>(&text).unwrap(), text.lines().count()),
            (line, 1)
        );
    }
}
