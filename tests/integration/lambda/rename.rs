//! A resource whose logical id is renamed in the template: its delegation must stand throughout.

use sandbox::StackOutcome;
use serde_json::json;

use crate::lambda::world::{World, rolled_back};

#[tokio::test]
async fn a_rename_keeps_the_delegation_throughout() {
    let world = World::new().await;
    world.deploy("Delegation", json!({})).await;
    world.watch_the_delegation();
    assert_eq!(world.deploy("Renamed", json!({})).await, StackOutcome::Complete);
    assert_eq!(world.story(), ["Create Delegation", "Create Renamed", "Delete Delegation"]);
    assert_eq!(world.stack.resources()["Renamed"].attributes["Action"], "SHARED");
    world.assert_delegated(300, 1);
    assert!(
        world.claims()[0].contains("by=came") && world.claims()[0].contains("owner=mine/Renamed")
    );
    world.assert_it_always_stood();
}

#[tokio::test]
async fn the_last_owner_of_a_renamed_delegation_removes_it() {
    let world = World::new().await;
    for logical_id in ["Delegation", "Renamed", "Again"] {
        assert!(world.deploy(logical_id, json!({})).await.is_complete());
    }
    assert!(world.stack.delete().await.is_complete());
    world.assert_as_before();
}

#[tokio::test]
async fn the_rollback_of_a_rename_keeps_the_delegation_throughout() {
    let world = World::new().await;
    world.deploy("Delegation", json!({})).await;
    let stands = world.parent.records();
    world.watch_the_delegation();
    world.stack.fail_after("Renamed");
    rolled_back(&world.deploy("Renamed", json!({})).await, "another resource");
    assert_eq!(world.story(), ["Create Delegation", "Create Renamed", "Delete Renamed"]);
    assert_eq!(world.parent.records(), stands, "nothing is left of the rename");
    world.assert_it_always_stood();
    world.stack.delete().await;
    world.assert_as_before();
}

#[tokio::test]
async fn a_rename_with_another_ttl_leaves_the_ttl_to_the_next_update() {
    let world = World::new().await;
    world.deploy("Delegation", json!({})).await;
    world.watch_the_delegation();
    assert!(world.deploy("Renamed", json!({"TTL": 60})).await.is_complete());
    world.assert_delegated(300, 1);
    world.stack.fail_after("Again");
    rolled_back(&world.deploy("Again", json!({"TTL": 900})).await, "another resource");
    assert_eq!(world.claims().len(), 1);
    assert!(world.deploy("Renamed", json!({"TTL": 120})).await.is_complete());
    world.assert_delegated(120, 1);
    world.assert_it_always_stood();
    world.stack.delete().await;
    world.assert_as_before();
}

#[tokio::test]
async fn a_rename_beside_a_replacement_keeps_what_is_claimed() {
    let world = World::new().await;
    world.deploy("Delegation", json!({})).await;
    let other = world.child_account.hosted_zone("staging.example.com");
    assert!(world.deploy("Renamed", json!({"ChildZoneId": other.id()})).await.is_complete());
    assert!(world.parent.record("staging.example.com", "NS").is_some());
    assert!(world.claims().is_empty());
    world.stack.delete().await;
    world.assert_as_before();
}
