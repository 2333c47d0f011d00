//! The function runs with exactly the permissions that the templates give it.

use sandbox::template::Template;
use sandbox::{Call, KeySigningKey};
use serde_json::{Value, json};
use test_support::{EXTERNAL_ID, Fixture};

use crate::deployment::documents::{DeployedRoles, LOGS, LOWER, QUEUE, TEAM};

/// Creates, updates and deletes a delegation; returns the first error or warning.
async fn life(fixture: &Fixture, properties: Value) -> Option<String> {
    let created = fixture.create(properties.clone()).await.0;
    if created["Status"] != "SUCCESS" {
        return Some(created["Reason"].to_string());
    }
    let id = created["PhysicalResourceId"].as_str().unwrap().to_owned();
    let mut changed = properties.clone();
    changed["TTL"] = json!("60");
    let updated = fixture.update(&id, properties, changed.clone()).await.0;
    let deleted = fixture.delete(&id, changed).await.0;
    let answers = [created, updated, deleted];
    let problem = answers
        .iter()
        .find(|answer| answer["Status"] != "SUCCESS")
        .map(|answer| answer["Reason"].to_string());
    problem.or_else(|| {
        let warnings = answers.iter().filter_map(|answer| answer["Data"]["Warning"].as_str());
        warnings.filter(|warning| !warning.is_empty()).map(str::to_owned).next()
    })
}

/// The ways to name the zones, each with the permissions of its example.
fn ways(deployed: &DeployedRoles) -> Vec<(&'static str, Value)> {
    let fixture = &deployed.fixture;
    for zone in [&fixture.parent, &fixture.child, &deployed.third_zone] {
        zone.sign([KeySigningKey::active("key", 1, &"AB".repeat(32))]);
    }
    let third = json!({
        "Dnssec": "true",
        "ChildZoneId": deployed.third_zone.id(),
        "ChildRoleArn": deployed.child_role.arn(),
        "ChildExternalId": EXTERNAL_ID,
    });
    let lower = fixture.child_account.hosted_zone(LOWER).id();
    let nested = json!({
        "ChildZoneId": lower, "ParentZoneId": fixture.child.id(), "ParentZoneName": null,
        "ParentRoleArn": null, "ParentExternalId": null,
    });
    vec![
        ("by name", json!({})),
        ("by id", json!({"ParentZoneName": null, "ParentZoneId": fixture.parent.id()})),
        ("the closest", json!({"ParentZoneName": null})),
        ("signed", json!({"Dnssec": "true"})),
        ("a third account", third),
        ("nested", nested),
    ]
}

#[tokio::test]
async fn every_call_of_the_function_is_allowed() {
    let deployed = DeployedRoles::new().await;
    for (way, properties) in ways(&deployed) {
        assert_eq!(life(&deployed.fixture, properties).await, None, "{way}");
    }
    let denied: Vec<Call> =
        deployed.fixture.aws.calls().into_iter().filter(|call| !call.succeeded()).collect();
    assert!(denied.is_empty(), "{denied:?}");
}

/// Returns the permissions boundary of `docs/permissions.md`.
fn boundary() -> Value {
    let page = std::fs::read_to_string("docs/permissions.md").unwrap();
    let (_, section) = page.split_once("\n## A boundary for the function role\n").unwrap();
    let (_, block) = section.split_once("```json\n").unwrap();
    serde_json::from_str(block.split_once("```").unwrap().0).unwrap()
}

#[tokio::test]
async fn the_boundary_of_the_page_allows_everything_needed() {
    let deployed = DeployedRoles::new().await;
    deployed.fixture.function_role.clone().boundary(boundary());
    for (way, properties) in ways(&deployed).into_iter().filter(|(way, _)| *way != "nested") {
        assert_eq!(life(&deployed.fixture, properties).await, None, "{way}");
    }
    for action in boundary()["Statement"][0]["Action"].as_array().unwrap() {
        let mut mutant = boundary();
        mutant["Statement"][0]["Action"].as_array_mut().unwrap().retain(|one| one != action);
        let role = deployed.fixture.function_role.clone().boundary(mutant);
        let resource = match action.as_str().unwrap().split_once(':').unwrap().0 {
            "logs" => LOGS.to_owned(),
            "sqs" => QUEUE.to_owned(),
            "sts" => deployed.fixture.parent_role.arn(),
            _ => "arn:aws:route53:::hostedzone/Z1".to_owned(),
        };
        assert!(!role.may(action.as_str().unwrap(), &resource), "{action}");
        assert!(role.boundary(boundary()).may(action.as_str().unwrap(), &resource), "{action}");
    }
}

#[tokio::test]
async fn a_function_in_one_account_needs_no_role_and_a_central_one_the_parent_role() {
    let mut deployed = DeployedRoles::new().await;
    let team = deployed.fixture.aws.account("555555555555").hosted_zone(TEAM);
    let own = |zone: &str| {
        json!({
            "ParentZoneName": null,
            "ParentZoneId": zone,
            "ParentRoleArn": null,
            "ParentExternalId": null,
        })
    };
    deployed.fixture.function_role = deployed.single_role.clone();
    deployed.fixture.restart(test_support::at_once).await;
    let mut properties = own(&deployed.single_parent.id());
    properties["ChildZoneId"] = json!(team.id());
    assert_eq!(life(&deployed.fixture, properties).await, None);

    deployed.fixture.function_role = deployed.central_role.clone();
    deployed.fixture.restart(test_support::at_once).await;
    // The central function assumes the parent role, which is in its own account.
    let mut properties = json!({
        "ParentZoneName": null,
        "ParentZoneId": deployed.fixture.parent.id(),
        "ChildZoneId": null,
    });
    properties["DomainName"] = json!("team.dev.example.com");
    let foreign = deployed.third.hosted_zone("team.dev.example.com");
    properties["NameServers"] = json!(foreign.name_servers());
    assert_eq!(life(&deployed.fixture, properties).await, None);
    let denied: Vec<Call> =
        deployed.fixture.aws.calls().into_iter().filter(|call| !call.succeeded()).collect();
    assert!(denied.is_empty(), "{denied:?}");
}

/// The function is subject to the same limits, whatever its properties are.
#[tokio::test]
async fn a_child_account_can_change_nothing_else_through_the_function() {
    let deployed = DeployedRoles::new().await;
    let fixture = &deployed.fixture;
    let other = fixture.parent_account.hosted_zone("example.net");
    let before = (fixture.parent.revision(), other.revision());
    let servers = fixture.child_servers();
    let asks = |name: &str, zone: &str| {
        let zone = json!({
            "ParentZoneName": null,
            "ParentZoneId": zone,
            "ChildZoneId": null,
            "AllowOverwrite": "true",
        });
        let mut properties = zone.as_object().unwrap().clone();
        properties.extend([
            ("DomainName".to_owned(), json!(name)),
            ("NameServers".to_owned(), json!(servers)),
        ]);
        Value::Object(properties)
    };
    for (name, zone, why) in [
        ("staging.example.com", fixture.parent.id(), "ChangeResourceRecordSets was denied"),
        ("dev.example.com", fixture.parent.id(), "ChangeResourceRecordSets was denied"),
        ("example.com", fixture.parent.id(), "is the parent zone itself"),
        ("testing.example.net", other.id(), "GetHostedZone was denied"),
    ] {
        fixture.create(asks(name, &zone)).await.failed(&[why]);
    }
    assert_eq!((fixture.parent.revision(), other.revision()), before);
}

#[tokio::test]
async fn without_any_one_permission_some_request_fails() {
    let mut deployed = DeployedRoles::new().await;
    let ways = ways(&deployed);
    for name in ["function", "parent", "child", "nested"] {
        let statements =
            deployed.documents[name]["Statement"].as_array().unwrap().iter().enumerate();
        for (index, statement) in statements.filter(|(_, statement)| statement["Effect"] == "Allow")
        {
            let actions = statement["Action"]
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![statement["Action"].clone()]);
            let called = |action: &&Value| {
                let action = action.as_str().unwrap();
                action.starts_with("route53:") || action.starts_with("sts:")
            };
            for action in actions.iter().filter(called) {
                let mut documents = deployed.documents.clone();
                let left: Vec<&Value> = actions.iter().filter(|one| *one != action).collect();
                let document = &mut documents.get_mut(name).unwrap()["Statement"];
                if left.is_empty() {
                    document.as_array_mut().unwrap().remove(index);
                } else {
                    document[index]["Action"] = json!(left);
                }
                deployed.apply(&documents);
                // The function is restarted, because a warm one has its sessions already.
                deployed.fixture.restart(test_support::at_once).await;
                let mut problems = Vec::new();
                for (way, properties) in &ways {
                    if let Some(what) = life(&deployed.fixture, properties.clone()).await {
                        problems.push((way, what));
                    }
                    deployed.apply(&deployed.documents);
                    clean(&deployed);
                    deployed.apply(&documents);
                }
                let short = action.as_str().unwrap().split_once(':').unwrap().1;
                assert!(
                    problems.iter().any(|(_, what)| what.contains(short)),
                    "{name} without {action}: {problems:?}"
                );
            }
        }
    }
}

/// Removes the rest of a delegation whose creation or deletion failed.
fn clean(deployed: &DeployedRoles) {
    for zone in [&deployed.fixture.parent, &deployed.fixture.child] {
        for set in zone.records() {
            if set.rtype == "TXT"
                || set.rtype == "NS"
                    && set.name.trim_end_matches('.') != zone.name().trim_end_matches('.')
            {
                zone.remove(&set.name, &set.rtype);
            }
        }
    }
}

/// With `examples/delegation-set.yaml`, the name servers are those of the set, whichever zone uses
/// it.
#[tokio::test(start_paused = true)]
async fn a_zone_with_a_delegation_set_is_replaced_under_its_delegation() {
    let fixture = Fixture::new().await;
    let known = [
        ("ParentRoleArn", fixture.parent_role.arn()),
        ("ParentExternalId", EXTERNAL_ID.to_owned()),
        (
            "route53-delegation-ServiceToken",
            "arn:aws:lambda:us-east-1:222222222222:function:delegation".into(),
        ),
        ("NameServers.Id", "N1EXAMPLE".into()),
    ];
    let known: Vec<(&str, &str)> =
        known.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut template = Template::read("examples/delegation-set.yaml", &known);
    template.set("NameServers.NameServers", json!(fixture.child_servers()));
    assert_eq!(template.resource("/Zone/Properties/DelegationSetId"), "N1EXAMPLE");
    let mut properties = template.resource("/Delegation/Properties");
    properties["ChildZoneId"] = Value::Null;
    let servers = fixture.child_servers();
    let id = fixture.create(properties.clone()).await.success().id().to_owned();
    // The zone is deleted, and created again with the same name servers.
    fixture.child.delete();
    let mut again = properties.clone();
    again["Trigger"] = json!("the zone was replaced");
    let updated = fixture.update(&id, properties, again.clone()).await.success();
    assert_eq!((updated.get("Action"), fixture.delegated_to()), ("UNCHANGED", servers));
    fixture.delete(&id, again).await.success();
    assert!(fixture.delegated_to().is_empty());
}
