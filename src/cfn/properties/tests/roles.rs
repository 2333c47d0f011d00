//! Roles, their external ids and their Region.

use serde_json::json;

use super::*;

#[test]
fn a_role_may_be_a_chain_of_two_roles() {
    let hub = "arn:aws:iam::333333333333:role/hub,with-comma";
    let role = |value: Value| {
        let parsed =
            parse(json!({"ParentRoleArn": value, "ParentExternalId": "the-secret"})).unwrap();
        let role = parsed.parent_role.clone().unwrap();
        assert_eq!(role.external_id.as_ref().unwrap().expose(), "the-secret");
        role.chain().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(role(json!(ROLE)), [ROLE]);
    assert_eq!(role(json!([ROLE])), [ROLE]);
    for chain in [
        json!([hub, ROLE]),
        json!([[hub, "", ROLE]]),
        json!(format!("{hub},{ROLE}")),
        json!(format!("{hub}, {ROLE}")),
    ] {
        assert_eq!(role(chain), [hub, ROLE]);
    }
    assert_invalid(
        json!({"ParentRoleArn": [hub, hub, ROLE]}),
        &["ParentRoleArn lists 3 roles", "at most two"],
    );
    assert_invalid(
        json!({"ParentRoleArn": [hub, "x"]}),
        &["ParentRoleArn must be the ARN of a role"],
    );
    assert_invalid(
        json!({"ParentRoleArn": ["", null], "ParentExternalId": "the-secret"}),
        &["set without ParentRoleArn"],
    );
}

#[test]
fn external_ids_require_a_role_and_are_not_shown() {
    assert_invalid(json!({"ParentExternalId": "secret"}), &["ParentExternalId", "ParentRoleArn"]);
    let error =
        parse(json!({"ParentRoleArn": ROLE, "ParentExternalId": "the secret"})).unwrap_err();
    assert!(error.contains("ParentExternalId") && !error.contains("the secret"));
    let parsed = parse(json!({"ParentRoleArn": ROLE, "ParentExternalId": "the-secret"})).unwrap();
    assert!(!format!("{parsed:?}").contains("the-secret"));
    assert_eq!(
        parsed.parent_role.as_ref().unwrap().external_id.as_ref().unwrap().expose(),
        "the-secret"
    );
    assert_invalid(
        json!({"ParentRoleArn": ROLE, "ParentExternalId": 12_345_678_901_u64}),
        &["ParentExternalId must be a string, but is a number", "quotation marks"],
    );
}

#[test]
fn the_region_for_roles_must_have_the_form_of_a_region() {
    let region = |text: &str| {
        parse(json!({"ParentRoleArn": ROLE, "ChildRoleArn": ROLE, "AssumeRoleRegion": text}))
    };
    for text in
        ["eu-central-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1", "ap-southeast-12"]
    {
        let parsed = region(text).unwrap();
        for role in [&parsed.parent_role, &parsed.child_role] {
            assert_eq!(role.as_ref().unwrap().region.as_ref().unwrap().as_str(), text);
        }
    }
    assert_eq!(
        region("").unwrap().parent_role.as_ref().unwrap().region,
        None,
        "an empty parameter counts as missing"
    );
    for text in [
        "Frankfurt",
        "eu-central",
        "1",
        "eu-central-x",
        "eu-central-1.example.net",
        "eu--1",
        "EU-CENTRAL-1",
        "a-b-c-d-e-1",
    ] {
        assert!(region(text).unwrap_err().contains("AssumeRoleRegion"), "{text}");
    }
}
