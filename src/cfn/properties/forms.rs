//! The forms that a value takes on its way through YAML and CloudFormation, and how messages repeat
//! values.

use serde_json::Value;

use delegation_model::text::{hidden_character, may_have_secret, not_repeated, quoted_word};

/// True for a string that looks like a JSON list of strings.
pub(super) fn holds_list(text: &str) -> bool {
    text.trim_start()
        .strip_prefix('[')
        .is_some_and(|rest| rest.trim_start().starts_with(['"', '\'']))
}

/// True for values that count as missing: null, a blank string, an empty object, and a list that
/// contains only such values.
pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(is_blank),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Parses a whole number in any of the forms that YAML and CloudFormation produce: `300`, `"300"`,
/// `300.0`, `"1.728E5"`.
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
    /// Up to this value, every whole number has an exact floating-point representation.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the range")]
    (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
}

/// How a message repeats a value that should be a number.
pub(super) fn number(value: &Value) -> String {
    match value {
        Value::String(text) => {
            quoted_word(text.trim(), |c| c.is_ascii_digit() || "+-.eE".contains(c))
        }
        Value::Number(number) => {
            let digits = number.to_string();
            if may_have_secret(&digits) { not_repeated(&digits) } else { digits }
        }
        other => format!("({})", kind(other)),
    }
}

/// A sentence about an invisible character in a string, or an empty string.
pub(super) fn hidden(value: &Value) -> String {
    value.as_str().map(|text| hidden_character(text.trim())).unwrap_or_default()
}

/// The JSON type of a value, for a message.
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

/// The advice for a value that should be a string, but that YAML parsed as something else.
pub(super) fn quotes(value: &Value) -> &'static str {
    match value {
        Value::Number(_) | Value::Bool(_) => {
            " YAML reads it that way without quotation marks: put it in quotation marks."
        }
        _ => "",
    }
}
