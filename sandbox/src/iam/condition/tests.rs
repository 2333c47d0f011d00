use serde_json::json;

use super::*;

fn holds(block: &Value, keys: &[(&str, &[&str])]) -> bool {
    let mut context = Context::default();
    for (key, values) in keys {
        context.set(key, values.iter().map(|value| (*value).to_owned()));
    }
    Condition::parse_all(block).unwrap().iter().all(|condition| condition.holds(&context))
}

#[test]
fn string_operators_compare_with_patterns_and_case() {
    let key: &[(&str, &[&str])] = &[("k", &["Value"])];
    for (block, expected) in [
        (json!({"StringEquals": {"k": "Value"}}), true),
        (json!({"StringEquals": {"K": ["x", "Value"]}}), true),
        (json!({"StringEquals": {"k": "value"}}), false),
        (json!({"StringEqualsIgnoreCase": {"k": "value"}}), true),
        (json!({"StringNotEquals": {"k": ["x", "Value"]}}), false),
        (json!({"StringNotEquals": {"k": "x"}}), true),
        (json!({"StringLike": {"k": "V?l*"}}), true),
        (json!({"StringNotLike": {"k": "V*"}}), false),
        (json!({"StringEquals": {"absent": "x"}}), false),
        (json!({"StringEqualsIfExists": {"absent": "x"}}), true),
        (json!({"StringNotEquals": {"absent": "x"}}), true),
        (json!({"Null": {"absent": "true", "k": "false"}}), true),
        (json!({"Null": {"k": true}}), false),
    ] {
        assert_eq!(holds(&block, key), expected, "{block}");
    }
}

#[test]
fn bool_and_arn_operators_are_evaluated() {
    assert!(holds(&json!({"Bool": {"b": true}}), &[("b", &["true"])]));
    assert!(!holds(&json!({"Bool": {"b": "false"}}), &[("b", &["true"])]));
    let arn: &[(&str, &[&str])] = &[("aws:PrincipalArn", &["arn:aws:iam::222222222222:role/x"])];
    assert!(holds(&json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}), arn));
    assert!(
        !holds(&json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:*role/x"}}), arn),
        "components are matched separately"
    );
    assert!(holds(&json!({"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/y"}}), arn));
}

#[test]
fn set_operators_are_evaluated() {
    let all = json!({"ForAllValues:StringEquals": {"k": ["a", "b"]}});
    let any = json!({"ForAnyValue:StringEquals": {"k": ["a", "b"]}});
    for (values, for_all, for_any) in [
        (&["a"][..], true, true),
        (&["a", "b"], true, true),
        (&["a", "c"], false, true),
        (&["c"], false, false),
        (&[], true, false),
    ] {
        assert_eq!(holds(&all, &[("k", values)]), for_all, "{values:?}");
        assert_eq!(holds(&any, &[("k", values)]), for_any, "{values:?}");
    }
    assert!(holds(&all, &[]));
    assert!(!holds(&any, &[]));
}

#[test]
fn unknown_operators_are_rejected() {
    for operator in ["StringEqual", "ForSomeValues:StringEquals", "NumericEquals"] {
        assert!(Condition::parse_all(&json!({operator: {"k": "v"}})).is_err(), "{operator}");
    }
}
