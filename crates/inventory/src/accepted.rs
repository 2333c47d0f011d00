//! Findings that somebody has accepted, for a reason and up to a day.

use serde_json::Value;
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{Date, Duration};

use delegation_model::name::Name;

use super::finding::FindingKind;

const DAY: &[FormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// One finding that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The delegation, or `*.name` for all below a name, or the account of a finding about that.
    pub name: String,
    /// Which finding.
    pub kind: FindingKind,
    /// Why.
    pub reason: String,
    /// The last day on which it is accepted, in UTC.
    pub until: Date,
}

/// The findings that are accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted(Vec<Acceptance>);

/// Why a list of accepted findings can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AcceptedError(String);

impl Acceptance {
    /// True if it still holds at this time, in seconds since 1970.
    pub fn holds(&self, now: i64) -> bool {
        let end = self.until.checked_add(Duration::DAY).unwrap_or(self.until);
        now < end.midnight().assume_utc().unix_timestamp()
    }

    fn is_about(&self, name: &str, kind: FindingKind) -> bool {
        let below = |above: &str| name.strip_suffix(above).is_some_and(|head| head.ends_with('.'));
        self.kind == kind && (self.name == name || self.name.strip_prefix("*.").is_some_and(below))
    }

    fn read(value: &Value) -> Result<Self, String> {
        let Value::Object(fields) = value else { return Err("is no object".to_owned()) };
        let known = ["name", "finding", "reason", "until"];
        if let Some(other) = fields.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!(
                "has the unknown field {other:?}; it may have {}",
                known.join(", ")
            ));
        }
        let text = |key: &str| match fields.get(key).and_then(Value::as_str).map(str::trim) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(format!("needs a text as {key:?}")),
        };
        let (name, word, reason, until) =
            (text("name")?, text("finding")?, text("reason")?, text("until")?);
        let kind = word.parse().map_err(|_| {
            let words: Vec<&str> = FindingKind::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("has the finding {word:?}, and findings are {}", words.join(", "))
        })?;
        let until = Date::parse(until, DAY)
            .map_err(|_| format!("has the date {until:?}; write it as 2027-01-31"))?;
        let (pattern, rest) = name.strip_prefix("*.").map_or(("", name), |rest| ("*.", rest));
        let rest: Name = rest
            .parse()
            .map_err(|error| format!("has the name {name:?}, which is none: {error}"))?;
        Ok(Self { name: format!("{pattern}{rest}"), kind, reason: reason.to_owned(), until })
    }
}

impl Accepted {
    /// Reads a JSON array of objects with `name`, `finding`, `reason` and `until`.
    ///
    /// # Errors
    /// Names the first item that is wrong.
    pub fn parse(text: &str) -> Result<Self, AcceptedError> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| AcceptedError(format!("it is no JSON: {error}")))?;
        let Value::Array(items) = value else {
            return Err(AcceptedError("it is no JSON array".to_owned()));
        };
        let read = |(index, item): (usize, &Value)| {
            Acceptance::read(item)
                .map_err(|error| AcceptedError(format!("item {} {error}", index + 1)))
        };
        items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The acceptance of a finding about this name, one that holds at `now` first.
    pub fn find(&self, name: &str, kind: FindingKind, now: i64) -> Option<&Acceptance> {
        let about = || self.0.iter().filter(|acceptance| acceptance.is_about(name, kind));
        about().find(|acceptance| acceptance.holds(now)).or_else(|| about().next())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Acceptance> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests;
