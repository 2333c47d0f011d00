//! Accepted findings: each with a reason, and a day on which the acceptance ends.

use serde_json::Value;
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{Date, Duration};

use delegation_model::name::Name;
use delegation_model::text::quoted;

use super::finding::FindingKind;

const DAY: &[FormatItem<'_>] = format_description!("[year]-[month]-[day]");

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The name of the delegation, or `*.name` for all delegations below a name, or the account of
    /// a finding about an account.
    pub name: String,
    pub kind: FindingKind,
    /// Why it is accepted.
    pub reason: String,
    /// The last day on which it is accepted, in UTC.
    pub until: Date,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted(Vec<Acceptance>);

/// Why a list of accepted findings is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AcceptedError(String);

/// Returns how an error shows a value. One that may be an external id is not repeated.
fn shown(value: &str) -> String {
    quoted(value, |_| true)
}

impl Acceptance {
    /// True if the acceptance is valid at `now`, in seconds since 1970.
    pub fn is_valid(&self, now: i64) -> bool {
        let end = self.until.checked_add(Duration::DAY).unwrap_or(self.until);
        now < end.midnight().assume_utc().unix_timestamp()
    }

    fn is_about(&self, name: &str, kind: FindingKind) -> bool {
        let below = |above: &str| name.strip_suffix(above).is_some_and(|head| head.ends_with('.'));
        self.kind == kind && (self.name == name || self.name.strip_prefix("*.").is_some_and(below))
    }

    fn parse(value: &Value) -> Result<Self, String> {
        let Value::Object(fields) = value else { return Err("is not an object".to_owned()) };
        let known = ["name", "finding", "reason", "until"];
        if let Some(other) = fields.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!(
                "has the unknown field {}; the fields are {}",
                shown(other),
                known.join(", ")
            ));
        }
        let text = |key: &str| match fields.get(key).and_then(Value::as_str).map(str::trim) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(format!("needs a string {key:?}")),
        };
        let (name, word, reason, until) =
            (text("name")?, text("finding")?, text("reason")?, text("until")?);
        let kind = word.parse().map_err(|_| {
            let words: Vec<&str> = FindingKind::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("has the finding {}, which must be one of {}", shown(word), words.join(", "))
        })?;
        let until = Date::parse(until, DAY).map_err(|_| {
            format!("has the date {}, which must have the form 2027-01-31", shown(until))
        })?;
        let (pattern, rest) = name.strip_prefix("*.").map_or(("", name), |rest| ("*.", rest));
        let rest: Name = rest.parse().map_err(|error| {
            format!("has the name {}, which is not a valid name: {error}", shown(name))
        })?;
        Ok(Self { name: format!("{pattern}{rest}"), kind, reason: reason.to_owned(), until })
    }
}

impl Accepted {
    /// Parses a JSON array of objects with `name`, `finding`, `reason` and `until`.
    ///
    /// # Errors
    /// If an item is invalid. The error names the first one.
    pub fn parse(text: &str) -> Result<Self, AcceptedError> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| AcceptedError(format!("it is not JSON: {error}")))?;
        let Value::Array(items) = value else {
            return Err(AcceptedError("it is not a JSON array".to_owned()));
        };
        let parse = |(index, item): (usize, &Value)| {
            Acceptance::parse(item)
                .map_err(|error| AcceptedError(format!("item {} {error}", index + 1)))
        };
        items.iter().enumerate().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// The acceptance of a finding about this name. One that is valid at `now` is preferred.
    pub fn find(&self, name: &str, kind: FindingKind, now: i64) -> Option<&Acceptance> {
        let about = || self.0.iter().filter(|acceptance| acceptance.is_about(name, kind));
        about().find(|acceptance| acceptance.is_valid(now)).or_else(|| about().next())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Acceptance> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests;
