use serde_json::json;

use test_support::{Fixture, NAME, RECORD, plain};

#[tokio::test(start_paused = true)]
async fn a_delegation_is_created_in_the_other_account() {
    let fixture = Fixture::new().await;
    let before = fixture.parent.records();
    let answer = fixture.create(json!({})).await.success();

    assert_eq!(answer.id(), fixture.id());
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    assert_eq!(fixture.parent.record(NAME, "NS").unwrap().ttl, Some(300));
    let claims = fixture.claims();
    assert!(
        claims[0].contains("by=made") && claims[0].contains("owner=mine/Delegation"),
        "{claims:?}"
    );
    for record in before {
        assert!(fixture.parent.records().contains(&record), "{record} was touched");
    }
    assert_eq!(answer.get("Action"), "CREATED");
    assert_eq!(answer.get("DomainName"), NAME);
    assert_eq!(answer.get("NameServers"), fixture.child_servers().join(","));
    assert_eq!(answer.get("ParentZoneId"), fixture.parent.id());
    assert_eq!(answer.get("ChildZoneId"), fixture.child.id());
    assert_eq!(answer.get("ChangeStatus"), "INSYNC");
    for empty in ["DsRecords", "Verification", "Warning"] {
        assert_eq!(answer.get(empty), "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_takes_two_reads_and_one_change_of_the_parent_zone() {
    let fixture = Fixture::new().await;
    fixture.create(json!({"WaitForSync": "false"})).await.success();
    let parent: Vec<String> = fixture
        .aws
        .calls()
        .iter()
        .filter(|call| call.account == "111111111111")
        .map(|call| call.action.clone())
        .collect();
    let count = |action: &str| parent.iter().filter(|other| *other == action).count();
    assert_eq!(parent.len(), 3, "{parent:?}");
    assert_eq!(
        (
            count("ListHostedZonesByName"),
            count("ListResourceRecordSets"),
            count("ChangeResourceRecordSets")
        ),
        (1, 1, 1)
    );
    let change = fixture
        .aws
        .calls()
        .into_iter()
        .find(|call| call.action == "ChangeResourceRecordSets")
        .unwrap();
    assert!(change.comment.unwrap().contains("mine/Delegation"));
}

#[tokio::test(start_paused = true)]
async fn the_parent_zone_by_id_and_by_the_closest_enclosing_name() {
    let fixture = Fixture::new().await;
    fixture.parent_account.hosted_zone("com");
    fixture.parent_account.private_hosted_zone("example.com");
    for parent in [
        json!({
            "ParentZoneName": null,
            "ParentZoneId": format!("/hostedzone/{}", fixture.parent.id()),
        }),
        json!({"ParentZoneName": null}),
        json!({"ParentZoneName": "EXAMPLE.com."}),
    ] {
        let answer = fixture.create(parent.clone()).await.success();
        assert_eq!(answer.id(), fixture.id(), "{parent}");
        fixture.delete(answer.id(), parent).await.success();
    }
}

#[tokio::test(start_paused = true)]
async fn name_servers_without_a_child_zone() {
    let fixture = Fixture::new().await;
    let properties = json!({
        "ChildZoneId": null,
        "DomainName": "Testing.Example.com.",
        "NameServers": "ns2.example.net,NS1.example.net.",
    });
    let answer = fixture.create(properties).await.success();
    assert_eq!(fixture.delegated_to(), ["ns1.example.net", "ns2.example.net"]);
    assert_eq!(
        (answer.get("NameServers"), answer.get("ChildZoneId")),
        ("ns1.example.net,ns2.example.net", "")
    );
    assert!(!fixture.actions().contains(&"GetHostedZone".to_owned()), "no child zone is read");
}

#[tokio::test(start_paused = true)]
async fn the_child_zone_is_read_with_its_own_role() {
    let fixture = Fixture::new().await;
    let third = fixture.aws.account("333333333333");
    let zone = third.hosted_zone("third.example.com");
    let role =
        third.role("child").trust_account("222222222222", Some("child-id")).allow_all_route53();
    fixture.function_role.clone().allow_assume(&role.arn());
    let properties = json!({
        "ChildZoneId": zone.id(),
        "ChildRoleArn": role.arn(),
        "ChildExternalId": "child-id",
    });
    fixture.create(properties).await.success();
    assert_eq!(
        plain(&fixture.parent.record("third.example.com", "NS").unwrap().values),
        plain(&zone.name_servers())
    );
}

#[tokio::test(start_paused = true)]
async fn an_existing_record_set_as_desired_is_adopted() {
    let fixture = Fixture::new().await;
    let servers: Vec<String> = fixture
        .child
        .name_servers()
        .iter()
        .map(|name| format!("{}.", name.to_uppercase()))
        .collect();
    fixture.put_ns(&servers.iter().map(String::as_str).collect::<Vec<_>>());
    let before = fixture.parent.record(NAME, "NS");
    let answer = fixture.create(json!({})).await.success();
    assert_eq!(answer.get("Action"), "ADOPTED");
    assert_eq!(fixture.parent.record(NAME, "NS"), before);
    assert!(
        fixture.claims().iter().any(|value| value.contains("before=same")),
        "{:?}",
        fixture.claims()
    );
    fixture.delete(answer.id(), json!({})).await.success();
    assert_eq!(fixture.parent.record(NAME, "NS"), before, "an adopted record set must stay");
    assert_eq!(fixture.claims(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_foreign_record_set_is_overwritten_only_with_allow_overwrite() {
    let fixture = Fixture::new().await;
    fixture.put_ns(&["ns1.somebody.net.", "ns2.somebody.net."]);
    let revision = fixture.parent.revision();
    let answer =
        fixture.create(json!({})).await.failed(&["ns1.somebody.net", NAME, "AllowOverwrite"]);
    assert!(answer.id().starts_with("unresolved/"));
    assert_eq!(fixture.parent.revision(), revision);
    fixture.delete(answer.id(), json!({})).await.success();
    assert_eq!(fixture.parent.revision(), revision);

    let answer = fixture.create(json!({"AllowOverwrite": "true"})).await.success();
    assert_eq!(answer.get("Action"), "UPDATED");
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn a_delegation_of_another_stack_is_shared_or_refused() {
    let mut fixture = Fixture::new().await;
    fixture.create(json!({})).await.success();
    fixture.stack = fixture.stack.replace("mine", "theirs").replace("51af", "51ae");
    let other = json!({"NameServers": "ns1.example.net"});
    fixture.create(other.clone()).await.failed(&["mine/Delegation", "AllowOverwrite"]);
    let answer = fixture.create(json!({})).await.success();
    assert_eq!((answer.id(), answer.get("Action")), (fixture.id().as_str(), "SHARED"));
    assert!(answer.get("Warning").contains("mine/Delegation"), "{}", answer.0);
    let owners =
        |owner: &str| fixture.claims().iter().filter(|claim| claim.contains(owner)).count();
    assert_eq!((owners("owner=mine/Delegation"), owners("owner=theirs/Delegation")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_renamed_logical_id_shares_and_takes_over() {
    let mut fixture = Fixture::new().await;
    fixture.create(json!({})).await.success();
    fixture.logical_id = "Renamed".into();
    let answer = fixture.create(json!({})).await.success();
    assert_eq!(answer.get("Action"), "SHARED");
    assert_eq!(fixture.claims().len(), 2);
    fixture.logical_id = "Delegation".into();
    fixture.delete(&fixture.id(), json!({})).await.success();
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    assert_eq!(fixture.claims().len(), 1);
    fixture.logical_id = "Renamed".into();
    fixture.delete(&fixture.id(), json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_delivery_changes_nothing() {
    let fixture = Fixture::new().await;
    let event =
        fixture.event("Create", json!({"ResourceProperties": fixture.properties(json!({}))}));
    let first = fixture.deliver(event.clone()).await.success();
    let made = fixture.parent.record(NAME, "NS");
    // The first duplicate that finds the claim of its request may mark it; later ones write
    // nothing.
    let second = fixture.deliver(event.clone()).await.success();
    let revision = fixture.parent.revision();
    let third = fixture.deliver(event).await.success();
    assert_eq!((first.id(), first.id()), (second.id(), third.id()));
    assert_eq!((fixture.parent.record(NAME, "NS"), fixture.parent.revision()), (made, revision));
}

#[tokio::test(start_paused = true)]
async fn values_of_others_in_the_ownership_record_stay() {
    let fixture = Fixture::new().await;
    fixture.parent.put(sandbox::RecordSet::new(RECORD, "TXT", 60, ["\"a stranger's note\""]));
    let answer = fixture.create(json!({})).await.success();
    assert_eq!(fixture.claims().len(), 2);
    fixture.delete(answer.id(), json!({})).await.success();
    assert_eq!(fixture.claims(), ["\"a stranger's note\""]);
}

#[tokio::test(start_paused = true)]
async fn only_allowed_names_are_delegated() {
    let allowed = |list: &str| {
        let list = list.to_owned();
        move |config: &mut custom_delegation::config::Config| {
            let get = |key: &str| (key == "DELEGATION_ALLOWED_NAMES").then(|| list.clone());
            config.allowed_names = custom_delegation::config::Config::read(get).allowed_names;
        }
    };
    let fixture = Fixture::with(allowed("*.dev.example.com")).await;
    fixture.create(json!({})).await.failed(&[NAME, "DELEGATION_ALLOWED_NAMES"]);
    assert_eq!(fixture.changes_sent(), 0);
    let fixture = Fixture::with(allowed("*.example.com")).await;
    fixture.create(json!({})).await.success();
}

#[tokio::test(start_paused = true)]
async fn the_credentials_of_the_parent_role_are_reused_while_warm() {
    let fixture = Fixture::new().await;
    let answer = fixture.create(json!({})).await.success();
    fixture.delete(answer.id(), json!({})).await.success();
    assert_eq!(fixture.actions().iter().filter(|action| *action == "AssumeRole").count(), 1);
}
