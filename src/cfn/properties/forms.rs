//! The forms that a value has once YAML and CloudFormation have passed it on, and how a message
//! repeats it.

use serde_json::Value;

use delegation_model::text::{hidden_character, quoted};

/// True for the JSON of a list of strings.
pub(super) fn holds_list(text: &str) -> bool {
    text.trim_start()
        .strip_prefix('[')
        .is_some_and(|rest| rest.trim_start().starts_with(['"', '\'']))
}

/// True for what counts as not given: null, a blank string, and a list or an object with nothing
/// else in it.
pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(is_blank),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A whole number in any form in which YAML and CloudFormation pass it on: `300`, `"300"`, `300.0`,
/// `"1.728E5"`.
pub(super) fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| whole(text.parse().ok()?))
        }
        _ => None,
    }
}

fn whole(float: f64) -> Option<i64> {
    /// Up to here every whole number is a floating-point number of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the range")]
    (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
}

/// How a message repeats what should be a number.
pub(super) fn number(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text.trim(), |c| c.is_ascii_digit() || "+-.eE".contains(c)),
        Value::Number(number) => number.to_string(),
        other => format!("({})", kind(other)),
    }
}

/// The sentence about a character in a string that nobody sees.
pub(super) fn hidden(value: &Value) -> String {
    value.as_str().map(|text| hidden_character(text.trim())).unwrap_or_default()
}

/// What JSON has in the place of what was wanted.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The remedy for a string that YAML took for something else.
pub(super) fn quotes(value: &Value) -> &'static str {
    match value {
        Value::Number(_) | Value::Bool(_) => {
            " Without quotation marks YAML reads it that way: put it in quotation marks."
        }
        _ => "",
    }
}
