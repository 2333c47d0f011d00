//! What `docs/migrating.md` says about this resource.

use serde_json::json;
use test_support::{Fixture, NAME};

#[tokio::test(start_paused = true)]
async fn a_delegation_is_adopted_and_becomes_the_resources_own_with_the_next_change() {
    let fixture = Fixture::new().await;
    let servers = fixture.child_servers();
    fixture.put_ns(&servers.iter().map(String::as_str).collect::<Vec<_>>());
    let created = fixture.create(json!({})).await.success();
    assert_eq!(created.get("Action"), "ADOPTED");
    let id = created.id().to_owned();
    // The rollback of that deployment leaves the delegation in place.
    let rolled_back = fixture.delete(&id, json!({})).await.success();
    assert_eq!((rolled_back.id(), fixture.delegated_to()), (id.as_str(), servers.clone()));
    fixture.create(json!({})).await.success();
    fixture.update(&id, json!({}), json!({"Trigger": "settled"})).await.success();
    assert!(fixture.claims().iter().any(|claim| claim.contains("by=up")), "{:?}", fixture.claims());
    fixture.delete(&id, json!({"Trigger": "settled"})).await.success();
    assert!(fixture.delegated_to().is_empty());
}

/// The CDK's construct was replaced without a removal policy, so its Delete arrives after our
/// Create.
#[tokio::test(start_paused = true)]
async fn the_next_change_recreates_what_the_old_tool_deleted() {
    let fixture = Fixture::new().await;
    let servers = fixture.child_servers();
    fixture.put_ns(&servers.iter().map(String::as_str).collect::<Vec<_>>());
    let id = fixture.create(json!({})).await.success().id().to_owned();
    assert!(fixture.parent.remove(NAME, "NS"));
    fixture.update(&id, json!({}), json!({"Trigger": "again"})).await.success();
    assert_eq!(fixture.delegated_to(), servers);
}
