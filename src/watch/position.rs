//! Where a part of a run begins: the event of an invocation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    pub(super) fn parse(event: &str, id: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!(
                "The event must be {{}} or what a part of the watch returned as next: {}.",
                what.trim_end_matches('.')
            )
        };
        // An array would be read as the fields in their order.
        let object: Map<String, Value> = serde_json::from_str(event).map_err(|_| wrong("it is no JSON object"))?;
        let read: Self = serde_json::from_value(Value::Object(object)).map_err(|error| wrong(&error.to_string()))?;
        match (read.part, read.run.is_empty()) {
            (0, true) => Ok(Self { run: id.to_owned(), part: 1, ..read }),
            (0, false) | (_, true) => Err(wrong("it has only one of run and part")),
            (_, false) => Ok(read),
        }
    }

    /// Where the next part begins, if this one stopped here and has counted that.
    pub(super) fn next(&self, role: Option<String>, after: Option<String>, counted: &Totals) -> Self {
        let mut totals = self.totals.clone();
        totals.add(counted);
        Self { run: self.run.clone(), part: self.part + 1, role, after, totals }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_empty_or_what_a_part_returned() {
        let first = Position::parse("{}", "id").unwrap();
        assert_eq!((first.run.as_str(), first.part), ("id", 1));
        let counted =
            Totals { zones: 2, delegations: 30, unknown: 1, findings: BTreeMap::from([("high".to_owned(), 1)]) };
        let second = first.next(None, Some("Z1".to_owned()), &counted);
        let third = second.next(Some("role".to_owned()), None, &counted);
        assert_eq!((third.part, third.totals.zones, third.totals.findings["high"]), (3, 4, 2));
        let text = serde_json::to_string(&third).unwrap();
        assert_eq!(Position::parse(&text, "another").unwrap(), third);
        for wrong in ["", "[]", "null", r#"{"RequestType": "Create"}"#, r#"{"part": 2}"#, r#"{"run": "x"}"#] {
            let message = Position::parse(wrong, "id").unwrap_err();
            assert!(message.starts_with("The event must be {} or"), "{message}");
        }
    }
}
