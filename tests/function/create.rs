use serde_json::json;

use crate::world::{NAME, RECORD, World, plain};

#[tokio::test]
async fn a_delegation_is_made_in_the_other_account() {
    let world = World::new().await;
    let before = world.parent.records();
    let answer = world.create(json!({})).await.success();

    assert_eq!(answer.id(), world.id());
    assert_eq!(world.delegated_to(), world.child_servers());
    assert_eq!(world.parent.record(NAME, "NS").unwrap().ttl, Some(300));
    let claims = world.claims();
    assert!(claims[0].contains("by=created") && claims[0].contains("owner=mine/Delegation"), "{claims:?}");
    for record in before {
        assert!(world.parent.records().contains(&record), "{record} was touched");
    }
    assert_eq!(answer.get("Action"), "CREATED");
    assert_eq!(answer.get("DomainName"), NAME);
    assert_eq!(answer.get("NameServers"), world.child_servers().join(","));
    assert_eq!(answer.get("ParentZoneId"), world.parent.id());
    assert_eq!(answer.get("ChildZoneId"), world.child.id());
    assert_eq!(answer.get("ChangeStatus"), "INSYNC");
    for empty in ["DsRecords", "Verification", "Warning"] {
        assert_eq!(answer.get(empty), "");
    }
}

#[tokio::test]
async fn it_takes_two_reads_and_one_change_of_the_parent_account() {
    let world = World::new().await;
    world.create(json!({"WaitForSync": "false"})).await.success();
    let parent: Vec<String> = world
        .aws
        .calls()
        .iter()
        .filter(|call| call.account == "111111111111")
        .map(|call| call.action.clone())
        .collect();
    let count = |action: &str| parent.iter().filter(|other| *other == action).count();
    assert_eq!(parent.len(), 3, "{parent:?}");
    assert_eq!(
        (count("ListHostedZonesByName"), count("ListResourceRecordSets"), count("ChangeResourceRecordSets")),
        (1, 1, 1)
    );
    let change = world.aws.calls().into_iter().find(|call| call.action == "ChangeResourceRecordSets").unwrap();
    assert!(change.comment.unwrap().contains("mine/Delegation"));
}

#[tokio::test]
async fn the_parent_zone_by_id_and_by_the_closest_enclosing_name() {
    let world = World::new().await;
    world.parent_account.hosted_zone("com");
    world.parent_account.private_hosted_zone("example.com");
    for parent in [
        json!({"ParentZoneName": null, "ParentZoneId": format!("/hostedzone/{}", world.parent.id())}),
        json!({"ParentZoneName": null}),
        json!({"ParentZoneName": "EXAMPLE.com."}),
    ] {
        let answer = world.create(parent.clone()).await.success();
        assert_eq!(answer.id(), world.id(), "{parent}");
        world.delete(answer.id(), parent).await.success();
    }
}

#[tokio::test]
async fn name_servers_without_a_child_zone() {
    let world = World::new().await;
    let properties = json!({"ChildZoneId": null, "DomainName": "Testing.Example.com.", "NameServers": "ns2.example.net,NS1.example.net."});
    let answer = world.create(properties).await.success();
    assert_eq!(world.delegated_to(), ["ns1.example.net", "ns2.example.net"]);
    assert_eq!((answer.get("NameServers"), answer.get("ChildZoneId")), ("ns1.example.net,ns2.example.net", ""));
    assert!(!world.actions().contains(&"GetHostedZone".to_owned()), "no child zone is read");
}

#[tokio::test]
async fn the_child_zone_is_read_with_its_own_role() {
    let world = World::new().await;
    let third = world.aws.account("333333333333");
    let zone = third.hosted_zone("third.example.com");
    let role = third.role("child").trust_account("222222222222", Some("child-id")).allow_all_route53();
    world.function_role.clone().allow_assume(&role.arn());
    let properties = json!({"ChildZoneId": zone.id(), "ChildRoleArn": role.arn(), "ChildExternalId": "child-id"});
    world.create(properties).await.success();
    assert_eq!(plain(&world.parent.record("third.example.com", "NS").unwrap().values), plain(&zone.name_servers()));
}

#[tokio::test]
async fn a_record_that_stands_as_wanted_is_adopted() {
    let world = World::new().await;
    let servers: Vec<String> =
        world.child.name_servers().iter().map(|name| format!("{}.", name.to_uppercase())).collect();
    world.put_ns(&servers.iter().map(String::as_str).collect::<Vec<_>>());
    let before = world.parent.record(NAME, "NS");
    let answer = world.create(json!({})).await.success();
    assert_eq!(answer.get("Action"), "ADOPTED");
    assert_eq!(world.parent.record(NAME, "NS"), before);
    assert!(world.claims()[0].contains("by=adopted"));
    world.delete(answer.id(), json!({})).await.success();
    assert_eq!(world.parent.record(NAME, "NS"), before, "it was there before us");
    assert_eq!(world.claims(), Vec::<String>::new());
}

#[tokio::test]
async fn a_foreign_record_is_refused_and_overwritten_only_when_asked() {
    let world = World::new().await;
    world.put_ns(&["ns1.somebody.net.", "ns2.somebody.net."]);
    let revision = world.parent.revision();
    let answer = world.create(json!({})).await.failed(&["ns1.somebody.net", NAME, "AllowOverwrite"]);
    assert!(answer.id().starts_with("unresolved/"));
    assert_eq!(world.parent.revision(), revision);
    world.delete(answer.id(), json!({})).await.success();
    assert_eq!(world.parent.revision(), revision);

    let answer = world.create(json!({"AllowOverwrite": "true"})).await.success();
    assert_eq!(answer.get("Action"), "UPDATED");
    assert_eq!(world.delegated_to(), world.child_servers());
}

#[tokio::test]
async fn a_delegation_of_another_stack_is_refused() {
    let mut world = World::new().await;
    world.create(json!({})).await.success();
    world.stack = world.stack.replace("mine", "theirs").replace("51af", "51ae");
    world.create(json!({})).await.failed(&["mine/Delegation", "AllowOverwrite"]);
    assert!(world.create(json!({"AllowOverwrite": true})).await.success().id() == world.id());
    assert_eq!(world.claims().len(), 1);
    assert!(world.claims()[0].contains("owner=theirs/Delegation"));
}

#[tokio::test]
async fn a_renamed_logical_id_shares_and_takes_over() {
    let mut world = World::new().await;
    world.create(json!({})).await.success();
    world.logical_id = "Renamed".into();
    let answer = world.create(json!({})).await.success();
    assert_eq!(answer.get("Action"), "SHARED");
    assert_eq!(world.claims().len(), 2);
    world.logical_id = "Delegation".into();
    world.delete(&world.id(), json!({})).await.success();
    assert_eq!(world.delegated_to(), world.child_servers());
    assert_eq!(world.claims().len(), 1);
    world.logical_id = "Renamed".into();
    world.delete(&world.id(), json!({})).await.success();
    assert_eq!((world.delegated_to(), world.claims()), (vec![], vec![]));
}

#[tokio::test]
async fn a_duplicate_delivery_changes_nothing_more() {
    let world = World::new().await;
    let event = world.event("Create", json!({"ResourceProperties": world.properties(json!({}))}));
    let first = world.deliver(event.clone()).await.success();
    let revision = world.parent.revision();
    let second = world.deliver(event).await.success();
    assert_eq!(first.id(), second.id());
    assert_eq!(world.parent.revision(), revision);
}

#[tokio::test]
async fn values_of_strangers_in_the_ownership_record_stay() {
    let world = World::new().await;
    world.parent.put(sandbox::RecordSet::new(RECORD, "TXT", 60, ["\"a stranger's note\""]));
    let answer = world.create(json!({})).await.success();
    assert_eq!(world.claims().len(), 2);
    world.delete(answer.id(), json!({})).await.success();
    assert_eq!(world.claims(), ["\"a stranger's note\""]);
}

#[tokio::test]
async fn only_allowed_names_are_delegated() {
    let allowed = |list: &str| {
        let list = list.to_owned();
        move |config: &mut custom_delegation::config::Config| {
            let get = |key: &str| (key == "DELEGATION_ALLOWED_NAMES").then(|| list.clone());
            config.allowed_names = custom_delegation::config::Config::read(get).allowed_names;
        }
    };
    let world = World::with(allowed("*.dev.example.com")).await;
    world.create(json!({})).await.failed(&[NAME, "DELEGATION_ALLOWED_NAMES"]);
    assert_eq!(world.changes_sent(), 0);
    let world = World::with(allowed("*.example.com")).await;
    world.create(json!({})).await.success();
}

#[tokio::test]
async fn the_credentials_of_the_parent_role_are_kept_while_warm() {
    let world = World::new().await;
    let answer = world.create(json!({})).await.success();
    world.delete(answer.id(), json!({})).await.success();
    assert_eq!(world.actions().iter().filter(|action| *action == "AssumeRole").count(), 1);
}
