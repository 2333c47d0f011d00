//! Evaluates condition blocks ("IAM JSON policy elements: Condition operators", "Set operators for
//! multivalued context keys").
//!
//! Probe: iam/for-all-values, iam/for-any-value.

use serde_json::Value;

use super::policy::strings;
use super::{Context, glob};

/// A key of a condition operator.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    set: Set,
    test: Test,
    negated: bool,
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Single,
    /// "Tests whether the value of every member of the request set is a subset of the condition key
    /// set. It also returns true if there are no keys in the request, or if the key values resolve
    /// to a null data set."
    ForAllValues,
    /// "For no matching key or a null dataset, the condition returns false."
    ForAnyValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Equals,
    EqualsIgnoreCase,
    Like,
    Arn,
    Bool,
    Null,
}

impl Condition {
    pub(super) fn parse_all(block: &Value) -> Result<Vec<Self>, String> {
        let mut conditions = Vec::new();
        for (operator, keys) in block.as_object().ok_or("a Condition must be a JSON object")? {
            for (key, values) in
                keys.as_object().ok_or("a condition operator must have a JSON object")?
            {
                conditions.push(Self::parse(operator, key, strings(values)?)?);
            }
        }
        Ok(conditions)
    }

    fn parse(operator: &str, key: &str, values: Vec<String>) -> Result<Self, String> {
        let (set, rest) = match operator.split_once(':') {
            Some(("ForAllValues", rest)) => (Set::ForAllValues, rest),
            Some(("ForAnyValue", rest)) => (Set::ForAnyValue, rest),
            Some(_) => return Err(format!("unknown condition operator {operator}")),
            None => (Set::Single, operator),
        };
        let (rest, if_exists) = match rest.strip_suffix("IfExists") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (test, negated) = match rest {
            "StringEquals" => (Test::Equals, false),
            "StringNotEquals" => (Test::Equals, true),
            "StringEqualsIgnoreCase" => (Test::EqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Test::EqualsIgnoreCase, true),
            "StringLike" => (Test::Like, false),
            "StringNotLike" => (Test::Like, true),
            "ArnEquals" | "ArnLike" => (Test::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
            "Bool" => (Test::Bool, false),
            "Null" => (Test::Null, false),
            _ => return Err(format!("unknown condition operator {operator}")),
        };
        Ok(Self { set, test, negated, if_exists, key: key.to_owned(), values })
    }

    pub(super) fn holds(&self, context: &Context) -> bool {
        let present = context.get(&self.key).filter(|values| !values.is_empty());
        if self.test == Test::Null {
            return self
                .values
                .iter()
                .any(|value| value == if present.is_none() { "true" } else { "false" });
        }
        let Some(present) = present else {
            return match self.set {
                Set::ForAllValues => true,
                Set::ForAnyValue => self.if_exists,
                // "If the key is not present, negated operators return true."
                Set::Single => self.if_exists || self.negated,
            };
        };
        match self.set {
            Set::ForAllValues => present.iter().all(|value| self.accepts(value)),
            Set::ForAnyValue => present.iter().any(|value| self.accepts(value)),
            Set::Single if self.negated => present.iter().all(|value| self.accepts(value)),
            Set::Single => present.iter().any(|value| self.accepts(value)),
        }
    }

    fn accepts(&self, value: &str) -> bool {
        self.values.iter().any(|expected| self.matches(expected, value)) != self.negated
    }

    fn matches(&self, expected: &str, value: &str) -> bool {
        match self.test {
            Test::Equals => expected == value,
            Test::EqualsIgnoreCase | Test::Bool => expected.eq_ignore_ascii_case(value),
            Test::Like => glob(expected, value),
            Test::Arn => arn_like(expected, value),
            Test::Null => false,
        }
    }
}

/// "Each of the six colon-delimited components of the ARN is checked separately and each can
/// include multi-character match wildcards."
fn arn_like(expected: &str, value: &str) -> bool {
    let (expected, value): (Vec<&str>, Vec<&str>) =
        (expected.splitn(6, ':').collect(), value.splitn(6, ':').collect());
    expected.len() == value.len()
        && expected.iter().zip(value).all(|(expected, value)| glob(expected, value))
}

#[cfg(test)]
mod tests;
