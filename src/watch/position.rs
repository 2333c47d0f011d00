//! The position in a run at which a part starts: the event of an invocation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::WatchError;
use crate::scan::Source;
use delegation_model::ids::{RoleArn, ZoneId};
use inventory::Severity;

/// How many bytes the id of an invocation has: Lambda's ids are UUIDs.
const RUN: usize = 36;

/// The position at which a part starts. The first part of a run has `{}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Position {
    /// The run: Lambda's id of its first invocation.
    pub run: String,
    /// The number of the part, from 1.
    pub part: u64,
    /// The role of the account to continue with. `None` for the first account.
    pub role: Option<String>,
    /// The zone after which to continue in that account, in the order of ids. `None` to start with
    /// the first zone.
    pub after: Option<String>,
    /// The totals of the previous parts.
    pub totals: Totals,
}

/// The position at which a part stopped early.
pub(super) struct Stop {
    /// The role of the account. `None` for the watch's own account.
    pub(super) role: Option<RoleArn>,
    /// The last of its zones that is done. `None` if none is.
    pub(super) after: Option<String>,
}

/// The totals of a run so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Totals {
    /// Zones that were read.
    pub zones: u64,
    /// Delegations in them.
    pub delegations: u64,
    /// Delegations whose name servers could not be queried.
    pub unknown: u64,
    /// Findings that nobody has accepted, by severity.
    pub findings: BTreeMap<String, u64>,
}

impl Totals {
    /// Adds the totals of another part.
    pub(super) fn add(&mut self, other: &Self) {
        let add = |sum: &mut u64, count: u64| *sum = sum.saturating_add(count);
        add(&mut self.zones, other.zones);
        add(&mut self.delegations, other.delegations);
        add(&mut self.unknown, other.unknown);
        for (severity, count) in &other.findings {
            add(self.findings.entry(severity.clone()).or_default(), *count);
        }
    }
}

impl Position {
    /// Parses an event. `id` becomes the id of the run if this is its first part.
    pub(super) fn parse(event: &str, id: &str) -> Result<Self, WatchError> {
        let invalid = |what: &str| {
            let what = what.trim_end_matches('.');
            WatchError::Event(format!(
                "The event must be {{}} or the next of an earlier part of the watch: {what}."
            ))
        };
        // serde would also accept an array, as the fields in their order.
        let object: Map<String, Value> =
            serde_json::from_str(event).map_err(|_| invalid("it is not a JSON object"))?;
        // The error of serde is not shown: it repeats names and values of the event.
        let read: Self = serde_json::from_value(Value::Object(object)).map_err(|_| {
            invalid(
                "it has another field than run, part, role, after and totals, or a value of \
                 another type in one of them",
            )
        })?;
        if !read.is_of_a_part() {
            return Err(invalid("it has a value that no part of a run has"));
        }
        match (read.part, read.run.is_empty()) {
            (0, true) => Ok(Self { run: id.to_owned(), part: 1, ..read }),
            (0, false) | (_, true) => Err(invalid("it has only one of run and part")),
            (_, false) => Ok(read),
        }
    }

    /// True if each text has the form that it has in the result of a part. Every line of the log
    /// repeats the name of the run, and the result repeats the totals.
    fn is_of_a_part(&self) -> bool {
        let is_zone = |id: &String| id.parse::<ZoneId>().is_ok();
        (self.run.is_empty() || is_invocation(&self.run))
            && self.after.iter().all(is_zone)
            && self.totals.findings.keys().all(|severity| severity.parse::<Severity>().is_ok())
    }

    /// The index in `sources` of the source to start with. `None` if none has the position's role.
    pub(super) fn first_source(&self, sources: &[Source]) -> Option<usize> {
        let Some(role) = self.role.as_deref() else { return Some(0) };
        sources.iter().position(|source| source.arn().is_some_and(|arn| arn.as_str() == role))
    }

    /// The position of the next part, if this part stopped at `stop` with these totals.
    pub(super) fn next(&self, stop: Stop, counted: &Totals) -> Self {
        let mut totals = self.totals.clone();
        totals.add(counted);
        let role = stop.role.map(|role| role.as_str().to_owned());
        let part = self.part.saturating_add(1);
        Self { run: self.run.clone(), part, role, after: stop.after, totals }
    }
}

/// True if a text has the form of the id of an invocation: digits, the letters `a` to `f`, and
/// hyphens, which are too few to write a message with.
fn is_invocation(id: &str) -> bool {
    id.len() == RUN && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The id of an invocation.
    const ID: &str = "6f1cb6b5-5d20-4c1a-9c0e-2b7f3f6a1d44";

    #[test]
    fn an_event_is_empty_or_the_next_of_a_part() {
        let first = Position::parse("{}", ID).unwrap();
        assert_eq!((first.run.as_str(), first.part), (ID, 1));
        let counted = Totals {
            zones: 2,
            delegations: 30,
            unknown: 1,
            findings: BTreeMap::from([("high".to_owned(), 1)]),
        };
        let second = first.next(Stop { role: None, after: Some("Z1".to_owned()) }, &counted);
        let role = "arn:aws:iam::111111111111:role/reader";
        let third = second.next(Stop { role: Some(role.parse().unwrap()), after: None }, &counted);
        assert_eq!((third.role.as_deref(), third.after.as_deref()), (Some(role), None));
        assert_eq!((third.part, third.totals.zones, third.totals.findings["high"]), (3, 4, 2));
        let text = serde_json::to_string(&third).unwrap();
        assert_eq!(Position::parse(&text, "another").unwrap(), third);
        let only_run = json!({"run": ID}).to_string();
        for wrong in
            ["", "[]", "null", r#"{"RequestType": "Create"}"#, r#"{"part": 2}"#, only_run.as_str()]
        {
            let message = Position::parse(wrong, ID).unwrap_err().to_string();
            assert!(message.starts_with("The event must be {} or"), "{message}");
        }
    }

    /// Anybody who may put events on the bus can send one.
    #[test]
    fn an_event_with_text_of_its_sender_is_rejected() {
        let long = "x".repeat(1 << 20);
        let good = json!({
            "run": ID, "part": 2, "role": null, "after": "Z1", "totals": {"findings": {"high": 1}},
        });
        assert!(Position::parse(&good.to_string(), ID).is_ok());
        for (field, value) in [
            ("run", json!(long)),
            ("run", json!("a\u{202e}b")),
            ("run", json!("a b")),
            ("run", json!("your-account-is-locked-call-555-0100")),
            ("run", json!(ID.to_uppercase())),
            ("run", json!(&ID[1..])),
            ("run", json!(["RESTORED"])),
            ("part", json!("RESTORED")),
            ("part", json!(-7)),
            ("role", json!({"RESTORED": 1})),
            ("after", json!("not a zone")),
            ("after", json!(long)),
            ("totals", json!({"findings": {long.clone(): 1}})),
            ("totals", json!({"findings": {"very high": 1}})),
            ("totals", json!({"RESTORED": 1})),
            ("totals", json!("RESTORED")),
            ("RESTORED", json!(1)),
            (long.as_str(), json!(1)),
        ] {
            let mut event = good.clone();
            event[field] = value;
            // Only these sentences are shown, whatever the event has.
            let message =
                Position::parse(&event.to_string(), ID).err().map(|error| error.to_string());
            let known = [
                "it has a value that no part of a run has.",
                "it has another field than run, part, role, after and totals, or a value of \
                 another type in one of them.",
            ];
            let start = "The event must be {} or the next of an earlier part of the watch: ";
            let rest = message.as_deref().and_then(|message| message.strip_prefix(start));
            assert!(rest.is_some_and(|rest| known.contains(&rest)), "{field:.40}: {message:?}");
        }
        let most = json!({
            "run": ID, "part": u64::MAX, "totals": {"zones": u64::MAX, "unknown": u64::MAX},
        });
        let most = Position::parse(&most.to_string(), ID).unwrap();
        let next =
            most.next(Stop { role: None, after: None }, &Totals { zones: 1, ..Totals::default() });
        assert_eq!((next.part, next.totals.zones), (u64::MAX, u64::MAX));
    }
}
