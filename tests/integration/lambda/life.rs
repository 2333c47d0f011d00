//! What succeeds: create, update, replace, delete.

use sandbox::StackOutcome;
use serde_json::json;

use crate::lambda::world::{NAME, World, plain};

#[tokio::test]
async fn a_whole_life_leaves_the_parent_zone_exactly_as_it_was() {
    let world = World::new().await;
    assert_eq!(world.deploy("Delegation", json!({})).await, StackOutcome::Complete);
    world.assert_delegated(300, 1);
    let resource = world.stack.resources().remove("Delegation").unwrap();
    assert_eq!(resource.physical_id, format!("{}/{NAME}", world.parent.id()));
    assert_eq!(
        (&resource.attributes["Action"], &resource.attributes["DomainName"]),
        (&json!("CREATED"), &json!(NAME))
    );
    assert_eq!(resource.attributes["NameServers"], plain(&world.child.name_servers()).join(","));

    assert_eq!(world.deploy("Delegation", json!({"TTL": 3600})).await, StackOutcome::Complete);
    world.assert_delegated(3600, 1);
    assert_eq!(world.stack.resources()["Delegation"].attributes["Action"], "UPDATED");

    assert_eq!(world.stack.delete().await, StackOutcome::Complete);
    world.assert_as_before();
    assert_eq!(world.story(), ["Create Delegation", "Update Delegation", "Delete Delegation"]);
    assert_eq!(world.function.starts(), 1, "one process served them all");
}

#[tokio::test]
async fn another_child_zone_of_the_same_name_is_an_update_in_place() {
    let world = World::new().await;
    world.deploy("Delegation", json!({})).await;
    world.watch_the_delegation();
    let other = world.child_account.hosted_zone(NAME);
    assert!(world.deploy("Delegation", json!({"ChildZoneId": other.id()})).await.is_complete());
    let servers = world.parent.record(NAME, "NS").unwrap().values;
    assert_eq!(plain(&servers), plain(&other.name_servers()));
    world.stack.delete().await;
    world.assert_as_before();
    assert_eq!(world.story(), ["Create Delegation", "Update Delegation", "Delete Delegation"]);
}

#[tokio::test]
async fn a_child_zone_of_another_name_is_a_replacement_that_cleans_up() {
    let world = World::new().await;
    world.deploy("Delegation", json!({})).await;
    let other = world.child_account.hosted_zone("staging.example.com");
    assert!(world.deploy("Delegation", json!({"ChildZoneId": other.id()})).await.is_complete());
    assert_eq!(world.story(), ["Create Delegation", "Update Delegation", "Delete Delegation"]);
    assert_eq!(
        world.last().physical_id,
        format!("{}/{NAME}", world.parent.id()),
        "the old place is deleted"
    );
    assert_eq!(world.parent.record(NAME, "NS"), None);
    assert!(world.claims().is_empty());
    let servers = world.parent.record("staging.example.com", "NS").unwrap().values;
    assert_eq!(plain(&servers), plain(&other.name_servers()));
    world.stack.delete().await;
    world.assert_as_before();
}

#[tokio::test]
async fn a_function_without_an_external_id_or_with_a_wrong_one_is_not_let_in() {
    let world = World::new().await;
    for id in [json!(null), json!("wrong")] {
        world.deploy("Delegation", json!({"ParentExternalId": id})).await;
        let created = world
            .stack
            .history()
            .into_iter()
            .rfind(|event| event.request_type == "Create")
            .unwrap();
        assert!(created.failure.is_some_and(
            |reason| reason.contains("AssumeRole of ") && reason.ends_with("[access-denied]")
        ));
    }
    world.assert_as_before();
}
