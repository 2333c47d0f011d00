//! Each bad input gets one FAILED with one clear sentence, and nothing is changed.

use custom_delegation::config::Config;
use sandbox::RecordSet;
use serde_json::{Value, json};

use crate::world::{NAME, World};

/// A Create with these changes fails with these words, and so does an Update of a standing delegation, which stays.
async fn refused(world: &World, changes: Value, words: &[&str]) {
    let revision = world.parent.revision();
    let answer = world.create(changes.clone()).await.failed(words);
    assert!(answer.id().starts_with("unresolved/"), "{changes}");
    assert!(!answer.reason().contains('\n') && answer.reason().len() < 900, "{}", answer.reason());
    assert!(!answer.reason().contains("X-Amz"), "{}", answer.reason());
    assert_eq!(world.parent.revision(), revision, "{changes}");
    world.delete(answer.id(), changes).await.success();
    assert_eq!(world.parent.revision(), revision);
}

#[tokio::test]
async fn no_properties_and_unknown_ones() {
    let world = World::new().await;
    for nothing in [Value::Null, json!({}), json!([]), json!("x")] {
        let answer = world.deliver(world.event("Create", json!({"ResourceProperties": nothing}))).await;
        answer.failed(&["Properties"].map(|_| "")).failed(&[]);
    }
    let answer = world.deliver(world.event("Create", json!({}))).await;
    answer.failed(&["ChildZoneId is missing"]);
    refused(&world, json!({"ParentZonename": "example.com"}), &["ParentZonename", "ParentZoneName"]).await;
    refused(&world, json!({"Dnssec": "perhaps"}), &["Dnssec is invalid"]).await;
    refused(&world, json!({"KeySigningKeys": ["a-b"]}), &["KeySigningKeys", "a-b"]).await;
    refused(&world, json!({"Verification": "MAYBE"}), &["Verification", "REQUIRE"]).await;
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[tokio::test]
async fn alternatives_and_malformed_values() {
    let world = World::new().await;
    refused(&world, json!({"ParentZoneId": "Z1"}), &["ParentZoneId and ParentZoneName"]).await;
    refused(&world, json!({"ChildZoneId": null}), &["ChildZoneId is missing"]).await;
    refused(&world, json!({"ChildZoneId": "not a zone"}), &["ChildZoneId", "not a zone"]).await;
    refused(&world, json!({"ParentZoneName": null, "ParentZoneId": "../x"}), &["ParentZoneId"]).await;
    refused(&world, json!({"ParentRoleArn": "parent"}), &["ParentRoleArn", "arn:aws:iam::"]).await;
    refused(&world, json!({"ParentZoneName": "a..b"}), &["ParentZoneName", "position 3"]).await;
    refused(&world, json!({"TTL": "1h"}), &["TTL", "seconds"]).await;
    refused(&world, json!({"DomainName": "other.example.com"}), &["DomainName", NAME]).await;
    refused(&world, json!({"ParentExternalId": "x y"}), &["ParentExternalId"]).await;
}

#[tokio::test]
async fn names_that_cannot_be_delegated() {
    let world = World::new().await;
    let named = |name: &str| json!({"ChildZoneId": null, "DomainName": name, "NameServers": "ns1.example.net"});
    refused(&world, named("example.com"), &["example.com is the parent zone itself"]).await;
    refused(&world, named("example.org"), &["example.org does not lie in the parent zone example.com"]).await;
    refused(&world, named("badexample.com"), &["does not lie in"]).await;
    refused(&world, named("*.example.com"), &["wildcard"]).await;
    refused(
        &world,
        json!({"ChildZoneId": null, "DomainName": NAME, "NameServers": "ns1.testing.example.com"}),
        &["ns1.testing.example.com", "address"],
    )
    .await;
    let long = ["a", &"b".repeat(63), &"c".repeat(63), &"d".repeat(63), &"e".repeat(36), "example.com"].join(".");
    refused(&world, named(&long), &["too long"]).await;
    world.parent.put(RecordSet::new("alias.example.com", "CNAME", 60, ["x.example.net."]));
    refused(&world, named("alias.example.com"), &["CNAME", "alias.example.com"]).await;
}

#[tokio::test]
async fn zones_that_do_not_fit() {
    let world = World::new().await;
    let private = world.child_account.private_hosted_zone(NAME);
    refused(&world, json!({"ChildZoneId": private.id()}), &[&private.id(), "private"]).await;
    refused(&world, json!({"ChildZoneId": "ZUNKNOWN"}), &["ZUNKNOWN", "child zone"]).await;
    let private = world.parent_account.private_hosted_zone("example.com");
    refused(&world, json!({"ParentZoneName": null, "ParentZoneId": private.id()}), &[&private.id(), "private"]).await;
    refused(&world, json!({"ParentZoneName": null, "ParentZoneId": "ZUNKNOWN"}), &["ZUNKNOWN", "ParentZoneId"]).await;
    refused(&world, json!({"ParentZoneName": "com"}), &["no public hosted zone named com"]).await;
    let second = world.parent_account.hosted_zone("example.com");
    refused(&world, json!({}), &["several", &second.id(), &world.parent.id(), "ParentZoneId"]).await;
}

#[tokio::test]
async fn a_child_zone_that_contradicts_itself() {
    let world = World::new().await;
    world.child.put(RecordSet::new(NAME, "NS", 60, ["ns1.elsewhere.net."]));
    refused(&world, json!({}), &["ns1.elsewhere.net", &world.child_servers()[0], "NameServers"]).await;
    world.create(json!({"NameServers": "ns1.elsewhere.net"})).await.success();
}

#[tokio::test]
async fn roles_that_are_denied() {
    let world = World::new().await;
    refused(&world, json!({"ParentExternalId": "wrong-id"}), &["sts:AssumeRole", "parent"]).await;
    refused(&world, json!({"ParentRoleArn": "arn:aws:iam::111111111111:role/nobody"}), &["nobody"]).await;
    refused(
        &world,
        json!({"ParentRoleArn": null, "ParentExternalId": null}),
        &["no public hosted zone named example.com"],
    )
    .await;
    let without_txt = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["route53:ListHostedZonesByName", "route53:ListResourceRecordSets"], "Resource": "*"},
        {"Effect": "Allow", "Action": "route53:ChangeResourceRecordSets", "Resource": "*", "Condition": {
            "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": ["NS"]}}},
    ]});
    world.parent_role.clone().without_policies().policy(without_txt);
    let words = ["denied", "route53:ChangeResourceRecordSets with CREATE and DELETE", "TXT record set of _delegation-"];
    refused(&world, json!({}), &words).await;
}

#[tokio::test]
async fn an_event_that_cannot_be_answered_is_an_error_towards_lambda() {
    let world = World::new().await;
    for (field, value) in [
        ("ResponseURL", Value::Null),
        (
            "ResponseURL",
            json!("https://example.com/cloudformation-custom-resource-response-useast1/x?X-Amz-Signature=secret"),
        ),
        ("ResponseURL", json!("http://169.254.169.254/?X-Amz-Signature=secret")),
        ("StackId", Value::Null),
        ("RequestId", json!(7)),
        ("LogicalResourceId", json!("")),
    ] {
        let mut event = world.event("Create", json!({"ResourceProperties": world.properties(json!({}))}));
        event[field] = value;
        let error = world.invoke(event).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
    for event in [Value::Null, json!([]), json!("x"), json!({"Records": [{"Sns": {"Message": "x"}}]})] {
        world.invoke(event).await.unwrap_err();
    }
    assert_eq!((world.actions(), world.bucket.puts().len()), (vec![], 0));
}

#[tokio::test]
async fn unknown_request_types_are_answered() {
    let world = World::new().await;
    let answer = world.deliver(world.event("Adopt", json!({}))).await.failed(&["Adopt", "Create, Update or Delete"]);
    assert!(answer.id().starts_with("unresolved/"));
    let answer = world.deliver(world.event("Adopt", json!({"PhysicalResourceId": "an-id"}))).await.failed(&[]);
    assert_eq!(answer.id(), "an-id");
    world.deliver(world.event("Delete", json!({}))).await.failed(&["PhysicalResourceId"]);
}

#[tokio::test]
async fn over_long_everything() {
    let world = World::new().await;
    let long = "x".repeat(100_000);
    for key in [
        "ChildZoneId",
        "ParentRoleArn",
        "ParentZoneName",
        "DomainName",
        "TTL",
        "NameServers",
        "ParentExternalId",
        "Dnssec",
        &long,
    ] {
        refused(&world, json!({key: long}), &[&key[..key.len().min(20)]]).await;
    }
}

#[tokio::test]
async fn roles_of_another_partition() {
    let world = World::new().await;
    let role = "arn:aws-cn:iam::111111111111:role/parent";
    for property in ["ParentRoleArn", "ChildRoleArn"] {
        refused(&world, json!({property: role}), &[property, role, "aws-cn", "across partitions"]).await;
    }
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[tokio::test]
async fn names_that_this_function_may_not_delegate() {
    let allowed = |names: &str| {
        let names = names.to_owned();
        Config::read(move |name| (name == "DELEGATION_ALLOWED_NAMES").then(|| names.clone())).allowed_names
    };
    let world = World::with(|config| config.allowed_names = allowed("*.dev.example.com")).await;
    refused(&world, json!({}), &[NAME, "DELEGATION_ALLOWED_NAMES"]).await;
    let dev = world.child_account.hosted_zone("a.dev.example.com");
    let id = world.create(json!({"ChildZoneId": dev.id()})).await.success().id().to_owned();
    // A replacement would start managing a name; a Delete starts nothing.
    world.update(&id, json!({"ChildZoneId": dev.id()}), json!({})).await.failed(&[NAME, "DELEGATION_ALLOWED_NAMES"]);
    world.delete(&id, json!({"ChildZoneId": dev.id()})).await.success();

    let mut world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    world.restart(|config| config.allowed_names = allowed("other.example.com")).await;
    world.update(&id, json!({}), json!({"TTL": "60"})).await.success();
    world.delete(&id, json!({"TTL": "60"})).await.success();
}

#[tokio::test]
async fn regression_wrong_settings_are_answered_and_stop_no_delete() {
    let mut world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    world.restart(|config| config.problem = Config::read(|_| Some("a..b".into())).problem).await;
    let words = ["this function is set up wrongly", "DELEGATION_ALLOWED_NAMES", "a..b"];
    assert!(world.create(json!({})).await.failed(&words).id().starts_with("unresolved/"));
    world.update(&id, json!({}), json!({"TTL": "60"})).await.failed(&words);
    world.delete(&id, json!({})).await.success();
    assert_eq!(world.delegated_to(), Vec::<String>::new());
}
