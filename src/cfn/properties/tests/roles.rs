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
    for text in ["eu-central-1", "ap-southeast-12", "il-central-1", "ca-west-1", "me-south-1"] {
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
        "eu-centrall-1",
        "prod-1",
        "east-1",
        "us-eastwest-1",
        "a-east-1",
        "europe-east-1",
        "us-east-123",
        "us-gov-iso-east-1",
        "acme-west-north-1",
    ] {
        assert!(region(text).unwrap_err().contains("AssumeRoleRegion"), "{text}");
    }
}

/// A session token and an external id must not go to another partition.
#[test]
fn the_region_for_roles_must_be_in_their_partition() {
    for (partition, region) in [
        ("aws", "eu-central-1"),
        ("aws-cn", "cn-northwest-1"),
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-iso", "us-iso-east-1"),
        ("aws-iso-b", "us-isob-east-1"),
        ("aws-iso-e", "eu-isoe-west-1"),
        ("aws-iso-f", "us-isof-south-1"),
        ("aws-eusc", "eusc-de-east-1"),
    ] {
        let role = ROLE.replace("arn:aws:", &format!("arn:{partition}:"));
        let with =
            |roles: Value| parse(json!({"ParentRoleArn": roles, "AssumeRoleRegion": region}));
        let parsed = with(json!(role)).unwrap();
        assert_eq!(parsed.parent_role.as_ref().unwrap().region.as_ref().unwrap().as_str(), region);
        let other = if partition == "aws" { "aws-cn" } else { "aws" };
        let foreign = ROLE.replace("arn:aws:", &format!("arn:{other}:"));
        for roles in [json!(foreign), json!([foreign, role]), json!([role, foreign])] {
            let error = with(roles).unwrap_err();
            for word in ["AssumeRoleRegion", region, partition, "ParentRoleArn", other] {
                assert!(error.contains(word), "{error}");
            }
        }
    }
}

/// A Region without a form of its own leads nowhere. The role and the way to the delegation stay.
#[test]
fn a_wrong_region_does_not_make_the_role_or_the_point_unreadable() {
    for region in ["eu-centrall-1", "cn-north-1"] {
        let given = json!({
            "ParentRoleArn": ROLE, "ParentExternalId": "id", "AssumeRoleRegion": region,
        });
        let (partial, errors) = Partial::parse(&given);
        let role = partial.parent_role.unwrap();
        assert_eq!((role.arn.as_str(), role.region), (ROLE, None), "{region}");
        assert!(role.external_id.is_some() && !errors.is_empty(), "{region}");
        assert!(!partial.parent_role_unreadable && !partial.point_unreadable, "{region}");
    }
}
