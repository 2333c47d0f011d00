//! Where a part of a run begins: the event of an invocation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::WatchError;
use crate::scan::Source;
use delegation_model::ids::RoleArn;

/// Where a part begins. The first of a run is `{}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Position {
    /// The run: Lambda's id of its first invocation.
    pub run: String,
    /// The number of the part, from 1.
    pub part: u64,
    /// The role with whose account it goes on; `None` for the first.
    pub role: Option<String>,
    /// The zone behind which it goes on there, in the order of ids; `None` for the first.
    pub after: Option<String>,
    /// What the parts before have counted.
    pub totals: Totals,
}

/// Where a part stopped before its end.
pub(super) struct Stop {
    /// The role of the account; `None` for the watch's own.
    pub(super) role: Option<RoleArn>,
    /// The last of its zones that was done; `None` if none was.
    pub(super) after: Option<String>,
}

/// What was counted so far in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Totals {
    /// Zones that were read.
    pub zones: u64,
    /// Delegations in them.
    pub delegations: u64,
    /// Those of them whose name servers could not be asked.
    pub unknown: u64,
    /// Findings that nobody has accepted, by severity.
    pub findings: BTreeMap<String, u64>,
}

impl Totals {
    /// Adds what another part has counted.
    pub(super) fn add(&mut self, other: &Self) {
        self.zones += other.zones;
        self.delegations += other.delegations;
        self.unknown += other.unknown;
        for (severity, count) in &other.findings {
            *self.findings.entry(severity.clone()).or_default() += count;
        }
    }
}

impl Position {
    /// Reads an event; `id` becomes the run's, if it is its first part.
    pub(super) fn parse(event: &str, id: &str) -> Result<Self, WatchError> {
        let wrong = |what: &str| {
            let what = what.trim_end_matches('.');
            WatchError::Event(format!(
                "The event must be {{}} or what a part of the watch returned as next: {what}."
            ))
        };
        // An array would be read as the fields in their order.
        let object: Map<String, Value> =
            serde_json::from_str(event).map_err(|_| wrong("it is no JSON object"))?;
        let read: Self = serde_json::from_value(Value::Object(object))
            .map_err(|error| wrong(&error.to_string()))?;
        match (read.part, read.run.is_empty()) {
            (0, true) => Ok(Self { run: id.to_owned(), part: 1, ..read }),
            (0, false) | (_, true) => Err(wrong("it has only one of run and part")),
            (_, false) => Ok(read),
        }
    }

    /// The place in `sources` of the one to begin with; `None` if none has the position's role.
    pub(super) fn first_of(&self, sources: &[Source]) -> Option<usize> {
        let Some(role) = self.role.as_deref() else { return Some(0) };
        sources.iter().position(|source| source.arn().is_some_and(|arn| arn.as_str() == role))
    }

    /// Where the next part begins, if this one stopped there and has counted that.
    pub(super) fn next(&self, stop: Stop, counted: &Totals) -> Self {
        let mut totals = self.totals.clone();
        totals.add(counted);
        let role = stop.role.map(|role| role.as_str().to_owned());
        Self { run: self.run.clone(), part: self.part + 1, role, after: stop.after, totals }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_empty_or_what_a_part_returned() {
        let first = Position::parse("{}", "id").unwrap();
        assert_eq!((first.run.as_str(), first.part), ("id", 1));
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
        for wrong in
            ["", "[]", "null", r#"{"RequestType": "Create"}"#, r#"{"part": 2}"#, r#"{"run": "x"}"#]
        {
            let message = Position::parse(wrong, "id").unwrap_err().to_string();
            assert!(message.starts_with("The event must be {} or"), "{message}");
        }
    }
}
