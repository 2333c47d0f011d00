//! A resource whose logical id is renamed in the template: its delegation must exist throughout.

use sandbox::StackOutcome;
use serde_json::json;

use crate::lambda::fixture::{RuntimeFixture, assert_rolled_back};

#[tokio::test]
async fn a_rename_keeps_the_delegation_throughout() {
    let fixture = RuntimeFixture::new().await;
    fixture.deploy("Delegation", json!({})).await;
    fixture.watch_the_delegation();
    assert_eq!(fixture.deploy("Renamed", json!({})).await, StackOutcome::Complete);
    assert_eq!(fixture.requests(), ["Create Delegation", "Create Renamed", "Delete Delegation"]);
    assert_eq!(fixture.stack.resources()["Renamed"].attributes["Action"], "SHARED");
    fixture.assert_delegated(300, 1);
    assert!(
        fixture.claims()[0].contains("by=came")
            && fixture.claims()[0].contains("owner=mine/Renamed")
    );
    fixture.assert_it_always_existed();
}

#[tokio::test]
async fn the_last_owner_of_a_renamed_delegation_removes_it() {
    let fixture = RuntimeFixture::new().await;
    for logical_id in ["Delegation", "Renamed", "Again"] {
        assert!(fixture.deploy(logical_id, json!({})).await.is_complete());
    }
    assert!(fixture.stack.delete().await.is_complete());
    fixture.assert_as_before();
}

#[tokio::test]
async fn the_rollback_of_a_rename_keeps_the_delegation_throughout() {
    let fixture = RuntimeFixture::new().await;
    fixture.deploy("Delegation", json!({})).await;
    let before = fixture.parent.records();
    fixture.watch_the_delegation();
    fixture.stack.fail_after("Renamed");
    assert_rolled_back(&fixture.deploy("Renamed", json!({})).await, "another resource");
    assert_eq!(fixture.requests(), ["Create Delegation", "Create Renamed", "Delete Renamed"]);
    assert_eq!(
        fixture.parent.records(),
        before,
        "the rollback must remove everything of the rename"
    );
    fixture.assert_it_always_existed();
    fixture.stack.delete().await;
    fixture.assert_as_before();
}

#[tokio::test]
async fn a_rename_with_another_ttl_changes_it_with_the_next_update() {
    let fixture = RuntimeFixture::new().await;
    fixture.deploy("Delegation", json!({})).await;
    fixture.watch_the_delegation();
    assert!(fixture.deploy("Renamed", json!({"TTL": 60})).await.is_complete());
    fixture.assert_delegated(300, 1);
    fixture.stack.fail_after("Again");
    assert_rolled_back(&fixture.deploy("Again", json!({"TTL": 900})).await, "another resource");
    assert_eq!(fixture.claims().len(), 1);
    assert!(fixture.deploy("Renamed", json!({"TTL": 120})).await.is_complete());
    fixture.assert_delegated(120, 1);
    fixture.assert_it_always_existed();
    fixture.stack.delete().await;
    fixture.assert_as_before();
}

#[tokio::test]
async fn a_rename_next_to_a_replacement_keeps_what_is_claimed() {
    let fixture = RuntimeFixture::new().await;
    fixture.deploy("Delegation", json!({})).await;
    let other = fixture.child_account.hosted_zone("staging.example.com");
    assert!(fixture.deploy("Renamed", json!({"ChildZoneId": other.id()})).await.is_complete());
    assert!(fixture.parent.record("staging.example.com", "NS").is_some());
    assert!(fixture.claims().is_empty());
    fixture.stack.delete().await;
    fixture.assert_as_before();
}
