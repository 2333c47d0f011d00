//! What `docs/migrating.md` says this resource does.

use serde_json::json;
use test_support::{Fixture, NAME};

#[tokio::test(start_paused = true)]
async fn what_stands_as_wanted_is_adopted_and_with_the_next_change_its_own() {
    let fixture = Fixture::new().await;
    let servers = fixture.child_servers();
    fixture.put_ns(&servers.iter().map(String::as_str).collect::<Vec<_>>());
    let created = fixture.create(json!({})).await.success();
    assert_eq!(created.get("Action"), "ADOPTED");
    let id = created.id().to_owned();
    // The roll-back of that deployment leaves what was there.
    let rolled_back = fixture.delete(&id, json!({})).await.success();
    assert_eq!((rolled_back.id(), fixture.delegated_to()), (id.as_str(), servers.clone()));
    fixture.create(json!({})).await.success();
    fixture.update(&id, json!({}), json!({"Trigger": "settled"})).await.success();
    assert!(fixture.claims().iter().any(|claim| claim.contains("by=up")), "{:?}", fixture.claims());
    fixture.delete(&id, json!({"Trigger": "settled"})).await.success();
    assert!(fixture.delegated_to().is_empty());
}

/// The construct of the CDK was replaced without a removal policy: its Delete comes after our
/// Create.
#[tokio::test(start_paused = true)]
async fn what_the_old_tool_deleted_the_next_change_makes_again() {
    let fixture = Fixture::new().await;
    let servers = fixture.child_servers();
    fixture.put_ns(&servers.iter().map(String::as_str).collect::<Vec<_>>());
    let id = fixture.create(json!({})).await.success().id().to_owned();
    assert!(fixture.parent.remove(NAME, "NS"));
    fixture.update(&id, json!({}), json!({"Trigger": "again"})).await.success();
    assert_eq!(fixture.delegated_to(), servers);
}
