use std::time::Duration;

use sandbox::RecordSet;
use serde_json::{Value, json};

use crate::world::{NAME, RECORD, World};

#[tokio::test]
async fn what_was_created_is_removed_and_nothing_else() {
    let world = World::new().await;
    let before = world.parent.records();
    let id = world.create(json!({})).await.success().id().to_owned();
    let answer = world.delete(&id, json!({})).await.success();
    assert_eq!(answer.id(), id);
    assert_eq!(world.parent.records(), before);
    for attribute in custom_delegation::cfn::response::ATTRIBUTES {
        assert_eq!(answer.get(attribute), "", "each attribute is in every SUCCESS");
    }
    world.delete(&id, json!({})).await.success();
}

#[tokio::test]
async fn a_marker_is_deleted_without_a_call() {
    let world = World::new().await;
    world.delete("unresolved/1-2-3", json!({"ParentRoleArn": 7})).await.success();
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[tokio::test]
async fn what_somebody_else_changed_stays() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    world.put_ns(&["ns1.somebody.net."]);
    let answer = world.delete(&id, json!({})).await.success();
    assert!(answer.get("Warning").contains("left in place"), "{}", answer.0);
    assert_eq!(world.delegated_to(), ["ns1.somebody.net"]);
    assert_eq!(world.claims(), Vec::<String>::new());
}

#[tokio::test]
async fn name_servers_of_the_child_zone_are_removed_whoever_wrote_them() {
    let world = World::new().await;
    let id = world.create(json!({"NameServers": "ns1.vanity.net"})).await.success().id().to_owned();
    let servers = world.child.name_servers();
    world.put_ns(&servers.iter().take(2).map(String::as_str).collect::<Vec<_>>());
    world.delete(&id, json!({"NameServers": "ns1.vanity.net"})).await.success();
    assert_eq!(world.delegated_to(), Vec::<String>::new());
}

#[tokio::test]
async fn a_record_without_our_claim_is_not_ours() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    world.parent.remove(RECORD, "TXT");
    let answer = world.delete(&id, json!({})).await.success();
    assert!(answer.get("Warning").contains("no claim"), "{}", answer.0);
    assert_eq!(world.delegated_to(), world.child_servers());
}

#[tokio::test]
async fn nothing_about_the_properties_fails_a_delete() {
    for odd in [
        json!({"TTL": "soon", "Unknown": {"a": 1}, "AllowOverwrite": "perhaps", "Dnssec": "true"}),
        json!({"ChildZoneId": 7, "NameServers": [1], "DomainName": "a..b"}),
        json!({"ChildZoneId": null, "ParentZoneName": null}),
        json!({"ParentZoneId": "Z1", "ParentZoneName": "b"}),
    ] {
        let world = World::new().await;
        let id = world.create(json!({})).await.success().id().to_owned();
        world.delete(&id, odd.clone()).await.success();
        assert_eq!(world.delegated_to(), Vec::<String>::new(), "{odd}");
    }
}

#[tokio::test]
async fn a_parent_role_that_cannot_exist_does_not_stick_the_stack() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let answer = world.delete(&id, json!({"ParentRoleArn": "nonsense"})).await.success();
    assert!(answer.get("Warning").contains("ParentRoleArn"), "{}", answer.0);
    assert_eq!(world.delegated_to(), world.child_servers());
}

#[tokio::test]
async fn zones_that_are_gone_make_it_succeed() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    world.child.delete();
    world.delete(&id, json!({})).await.success();
    assert_eq!(world.delegated_to(), Vec::<String>::new());

    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    world.parent.delete();
    world.delete(&id, json!({})).await.success();
}

#[tokio::test]
async fn a_denied_parent_account_fails_it_with_the_remedy() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    world.parent_role.delete();
    world.parent_account.role("parent").trust_account("444444444444", None);
    let answer =
        world.delete(&id, json!({"ParentExternalId": "another-id"})).await.failed(&["sts:AssumeRole", "external id"]);
    assert_eq!(answer.id(), id);
    assert!(!answer.reason().contains("another-id"));
}

#[tokio::test]
async fn an_invented_id_finds_the_claim_by_the_properties() {
    let world = World::new().await;
    world.create(json!({})).await.success();
    world.delete("mine-Delegation-1X2Y3Z4ABCDE", json!({})).await.success();
    assert_eq!((world.delegated_to(), world.claims()), (vec![], vec![]));
}

#[tokio::test]
async fn an_invented_id_waits_for_the_create_that_it_overtook() {
    let mut world = World::new().await;
    world.timeout = Duration::from_secs(7);
    // The Create is held before its change, and let go once the Delete has looked once.
    let gate = world.aws.gate("ChangeResourceRecordSets");
    let create = world.event("Create", json!({"ResourceProperties": world.properties(json!({}))}));
    let fields = json!({"PhysicalResourceId": "mine-Delegation-1X2Y3Z4ABCDE", "ResourceProperties": world.properties(json!({}))});
    let delete = world.event("Delete", fields);
    let ids: Vec<String> =
        [&create, &delete].iter().map(|event| event["RequestId"].as_str().unwrap().to_owned()).collect();
    tokio::join!(async { world.invoke(create).await.unwrap() }, async {
        gate.arrived().await;
        let looked = world.aws.calls().len();
        tokio::join!(async { world.invoke(delete).await.unwrap() }, async {
            while world.aws.calls().len() < looked + 3 {
                tokio::task::yield_now().await;
            }
            gate.release();
        });
    });
    for id in ids {
        let answer = world.bucket.answers(&id)[0].json();
        assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    }
    assert_eq!((world.delegated_to(), world.claims()), (vec![], vec![]));
}

#[tokio::test]
async fn regression_a_found_claim_that_cannot_be_removed_fails_a_delete_with_an_invented_id() {
    let world = World::new().await;
    world.create(json!({})).await.success();
    let read_only = json!({"Statement": [{"Effect": "Allow", "Resource": "*",
        "Action": ["route53:GetHostedZone", "route53:ListHostedZonesByName", "route53:ListResourceRecordSets"]}]});
    world.parent_role.clone().without_policies().policy(read_only);
    world.delete("mine-Delegation-1X2Y3Z4ABCDE", json!({})).await.failed(&["ChangeResourceRecordSets", "denied"]);
    world.parent_role.clone().allow_all_route53();
    world.delete("mine-Delegation-1X2Y3Z4ABCDE", json!({})).await.success();
    assert_eq!((world.delegated_to(), world.claims()), (vec![], vec![]));
}

#[tokio::test]
async fn an_invented_id_that_is_denied_or_unanswered_ends_well() {
    for fault in [sandbox::FaultKind::Status(503), sandbox::FaultKind::Hang] {
        let mut world = World::new().await;
        world.timeout = Duration::from_secs(3);
        world.aws.fault(sandbox::Fault::on("ListHostedZonesByName").always().kind(fault));
        world.delete("mine-Delegation-1X2Y3Z4ABCDE", json!({})).await.success();
    }
    let mut world = World::new().await;
    world.timeout = Duration::from_secs(3);
    world.delete("mine-Delegation-1X2Y3Z4ABCDE", json!({"ParentExternalId": "wrong-id"})).await.success();
}

#[tokio::test]
async fn an_invented_id_without_a_place_is_done_at_once() {
    let world = World::new().await;
    for nowhere in [json!({"ChildZoneId": null}), json!({"ParentZoneId": "Z1"}), json!({"ChildZoneId": 7})] {
        world.delete("mine-Delegation-1X2Y3Z4ABCDE", nowhere).await.success();
    }
    let event = world.event(
        "Delete",
        json!({"PhysicalResourceId": "mine-Delegation-1X2Y3Z4ABCDE", "ResourceProperties": Value::Null}),
    );
    world.deliver(event).await.success();
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[tokio::test]
async fn an_overwritten_delegation_is_deleted_by_its_new_owner_alone() {
    let mut world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let mine = world.stack.clone();
    world.stack = mine.replace("mine", "theirs").replace("51af", "51ae");
    world.create(json!({"AllowOverwrite": "true"})).await.success();
    let theirs = std::mem::replace(&mut world.stack, mine);
    world.delete(&id, json!({})).await.success();
    assert_eq!(world.delegated_to(), world.child_servers());
    world.stack = theirs;
    world.delete(&id, json!({})).await.success();
    assert_eq!(world.delegated_to(), Vec::<String>::new());
    assert!(
        world.parent.record("www.example.com", "A") == Some(RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"]))
    );
    assert!(world.parent.record(NAME, "NS").is_none());
}

#[tokio::test]
async fn regression_an_invented_id_is_looked_for_with_a_new_session_when_the_kept_one_has_ended() {
    let mut world = World::new().await;
    world.create(json!({})).await.success();
    world.timeout = Duration::from_secs(4);
    let ended =
        sandbox::FaultKind::Error { status: 403, code: "InvalidClientTokenId".into(), message: "invalid".into() };
    world.aws.fault(sandbox::Fault::on("ListHostedZonesByName").account("111111111111").kind(ended));
    world.delete("mine-Delegation-1X2Y3Z4ABCDE", json!({})).await.success();
    assert_eq!((world.delegated_to(), world.claims()), (vec![], vec![]));
}
