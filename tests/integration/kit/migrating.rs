//! What `docs/migrating.md` says this resource does.

use serde_json::json;

use crate::kit::world::{NAME, World};

#[tokio::test]
async fn what_stands_as_wanted_is_adopted_and_with_the_next_change_its_own() {
    let world = World::new().await;
    let servers = world.child_servers();
    world.put_ns(&servers.iter().map(String::as_str).collect::<Vec<_>>());
    let created = world.create(json!({})).await.success();
    assert_eq!(created.get("Action"), "ADOPTED");
    let id = created.id().to_owned();
    // The roll-back of that deployment leaves what was there.
    let rolled_back = world.delete(&id, json!({})).await.success();
    assert_eq!((rolled_back.id(), world.delegated_to()), (id.as_str(), servers.clone()));
    world.create(json!({})).await.success();
    world.update(&id, json!({}), json!({"Trigger": "settled"})).await.success();
    assert!(world.claims().iter().any(|claim| claim.contains("by=up")), "{:?}", world.claims());
    world.delete(&id, json!({"Trigger": "settled"})).await.success();
    assert!(world.delegated_to().is_empty());
}

/// The construct of the CDK was replaced without a removal policy: its Delete comes after our
/// Create.
#[tokio::test]
async fn what_the_old_tool_deleted_the_next_change_makes_again() {
    let world = World::new().await;
    let servers = world.child_servers();
    world.put_ns(&servers.iter().map(String::as_str).collect::<Vec<_>>());
    let id = world.create(json!({})).await.success().id().to_owned();
    assert!(world.parent.remove(NAME, "NS"));
    world.update(&id, json!({}), json!({"Trigger": "again"})).await.success();
    assert_eq!(world.delegated_to(), servers);
}
