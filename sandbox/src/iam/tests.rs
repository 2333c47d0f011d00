use serde_json::{Value, json};

use super::*;

fn decision(policies: &[Value], action: &str, resource: &str) -> Decision {
    let policies: Vec<Policy> =
        policies.iter().map(|policy| Policy::parse(policy).unwrap()).collect();
    decide(&policies, &IamRequest { action, resource, context: &Context::default() })
}

fn statement(effect: &str, action: &str, resource: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": resource}]})
}

#[test]
fn patterns_match_with_wildcards() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abb", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*.dev.*", "x.dev.example", true),
        ("**b", "aab", true),
        ("", "a", false),
    ] {
        assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn a_deny_overrides_an_allow_and_the_default_is_deny() {
    let zone = "arn:aws:route53:::hostedzone/Z1";
    let allow = statement("Allow", "route53:get*", "arn:aws:route53:::hostedzone/*");
    let deny = statement("Deny", "*", zone);
    assert_eq!(decision(&[], "route53:GetHostedZone", zone), Decision::NotAllowed);
    assert_eq!(
        decision(std::slice::from_ref(&allow), "route53:GetHostedZone", zone),
        Decision::Allowed
    );
    assert_eq!(
        decision(std::slice::from_ref(&allow), "route53:ListHostedZones", "*"),
        Decision::NotAllowed
    );
    assert_eq!(decision(&[allow, deny], "route53:GetHostedZone", zone), Decision::Denied);
    let resource =
        statement("Allow", "route53:ListHostedZonesByName", "arn:aws:route53:::hostedzone/*");
    assert_eq!(decision(&[resource], "route53:ListHostedZonesByName", "*"), Decision::NotAllowed);
}

#[test]
fn negated_elements_match_everything_else() {
    let policy = json!({"Statement": {"Effect": "Allow", "NotAction": "iam:*", "NotResource": ["arn:aws:route53:::hostedzone/Z2"]}});
    let allowed = |action: &str, resource: &str| {
        decision(std::slice::from_ref(&policy), action, resource) == Decision::Allowed
    };
    assert!(allowed("route53:GetChange", "arn:aws:route53:::change/C1"));
    assert!(!allowed("iam:GetRole", "*"));
    assert!(!allowed("route53:GetHostedZone", "arn:aws:route53:::hostedzone/Z2"));
}

#[test]
fn a_trust_policy_admits_by_account_or_by_name() {
    let trust = |principal: Value| {
        Policy::parse(&json!({"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}))
            .unwrap()
    };
    let context = Context::default();
    let request = IamRequest { action: "sts:AssumeRole", resource: "*", context: &context };
    let admits = |principal: Value| {
        trust(principal)
            .admits("222222222222", &["arn:aws:iam::222222222222:role/f"], &request)
            .unwrap()
    };
    assert_eq!(
        admits(json!({"AWS": "arn:aws:iam::222222222222:root"})),
        Some(PrincipalMatch::Account)
    );
    assert_eq!(
        admits(json!({"AWS": ["333333333333", "222222222222"]})),
        Some(PrincipalMatch::Account)
    );
    assert_eq!(
        admits(json!({"AWS": "arn:aws:iam::222222222222:role/f"})),
        Some(PrincipalMatch::Direct)
    );
    assert_eq!(admits(json!("*")), Some(PrincipalMatch::Direct));
    assert_eq!(admits(json!({"AWS": "arn:aws:iam::333333333333:root"})), None);
    assert_eq!(admits(json!({"Service": "lambda.amazonaws.com"})), None);
}

#[test]
fn malformed_documents_are_rejected() {
    for document in [
        json!([]),
        json!({}),
        json!({"Statement": {"Effect": "Maybe", "Action": "*", "Resource": "*"}}),
        json!({"Statement": {"Effect": "Allow", "Resource": "*"}}),
        json!({"Statement": {"Effect": "Allow", "Action": "*"}}),
        json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Conditions": {}}}),
        json!({"Statement": {"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"}}),
        json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:iam::${aws:PrincipalAccount}:role/x"}}),
    ] {
        assert!(Policy::parse(&document).is_err(), "{document}");
    }
}
