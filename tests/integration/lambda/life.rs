//! Requests that succeed: Create, Update, replacement, Delete.

use sandbox::StackOutcome;
use serde_json::json;
use test_support::{NAME, plain};

use crate::lambda::fixture::RuntimeFixture;

#[tokio::test]
async fn a_whole_life_leaves_the_parent_zone_as_it_was() {
    let fixture = RuntimeFixture::new().await;
    assert_eq!(fixture.deploy("Delegation", json!({})).await, StackOutcome::Complete);
    fixture.assert_delegated(300, 1);
    let resource = fixture.stack.resources().remove("Delegation").unwrap();
    assert_eq!(resource.physical_id, format!("{}/{NAME}", fixture.parent.id()));
    assert_eq!(
        (&resource.attributes["Action"], &resource.attributes["DomainName"]),
        (&json!("CREATED"), &json!(NAME))
    );
    assert_eq!(resource.attributes["NameServers"], plain(&fixture.child.name_servers()).join(","));

    assert_eq!(fixture.deploy("Delegation", json!({"TTL": 3600})).await, StackOutcome::Complete);
    fixture.assert_delegated(3600, 1);
    assert_eq!(fixture.stack.resources()["Delegation"].attributes["Action"], "UPDATED");

    assert_eq!(fixture.stack.delete().await, StackOutcome::Complete);
    fixture.assert_as_before();
    assert_eq!(fixture.requests(), ["Create Delegation", "Update Delegation", "Delete Delegation"]);
    assert_eq!(fixture.function.starts(), 1, "one process must serve all requests");
}

#[tokio::test]
async fn another_child_zone_of_the_same_name_is_an_update_in_place() {
    let fixture = RuntimeFixture::new().await;
    fixture.deploy("Delegation", json!({})).await;
    fixture.watch_the_delegation();
    let other = fixture.child_account.hosted_zone(NAME);
    assert!(fixture.deploy("Delegation", json!({"ChildZoneId": other.id()})).await.is_complete());
    let servers = fixture.parent.record(NAME, "NS").unwrap().values;
    assert_eq!(plain(&servers), plain(&other.name_servers()));
    fixture.stack.delete().await;
    fixture.assert_as_before();
    assert_eq!(fixture.requests(), ["Create Delegation", "Update Delegation", "Delete Delegation"]);
}

#[tokio::test]
async fn a_child_zone_of_another_name_is_a_replacement_that_cleans_up() {
    let fixture = RuntimeFixture::new().await;
    fixture.deploy("Delegation", json!({})).await;
    let other = fixture.child_account.hosted_zone("staging.example.com");
    assert!(fixture.deploy("Delegation", json!({"ChildZoneId": other.id()})).await.is_complete());
    assert_eq!(fixture.requests(), ["Create Delegation", "Update Delegation", "Delete Delegation"]);
    assert_eq!(
        fixture.last().physical_id,
        format!("{}/{NAME}", fixture.parent.id()),
        "the old delegation must be deleted"
    );
    assert_eq!(fixture.parent.record(NAME, "NS"), None);
    assert!(fixture.claims().is_empty());
    let servers = fixture.parent.record("staging.example.com", "NS").unwrap().values;
    assert_eq!(plain(&servers), plain(&other.name_servers()));
    fixture.stack.delete().await;
    fixture.assert_as_before();
}

#[tokio::test]
async fn a_missing_or_wrong_external_id_is_denied() {
    let fixture = RuntimeFixture::new().await;
    for id in [json!(null), json!("wrong")] {
        fixture.deploy("Delegation", json!({"ParentExternalId": id})).await;
        let created = fixture
            .stack
            .history()
            .into_iter()
            .rfind(|event| event.request_type == "Create")
            .unwrap();
        assert!(created.failure.is_some_and(
            |reason| reason.contains("AssumeRole of ") && reason.ends_with("[access-denied]")
        ));
    }
    fixture.assert_as_before();
}
