//! Known limitations of the rules.

use std::time::Duration;

use serde_json::json;
use test_support::pass;

use super::signed;
use crate::function::scenario::{Scenario, takes, wants, with};

#[tokio::test(start_paused = true)]
async fn known_a_dead_claim_keeps_a_delegation_until_it_is_released() {
    // S1 was deleted with FORCE_DELETE_STACK, so its claim stays. The last Delete leaves the
    // delegation in place, with a warning.
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.create("S2", wants("x")).await.success();
    scenario.delete("S2").await.success();
    assert_eq!((scenario.current().as_str(), scenario.claimed_by().as_str()), ("x", "S1"));
}

#[tokio::test(start_paused = true)]
async fn known_a_create_delivered_after_the_delete_that_removed_it_finds_no_tombstone() {
    let mut scenario = Scenario::new().await;
    let event = scenario.create_event("S1", &wants("x"));
    scenario.fixture.deliver(event.clone()).await.success();
    scenario.fixture.delete(&scenario.fixture.id(), wants("x")).await.success();
    scenario.fixture.deliver(event.clone()).await.success();
    assert_eq!(scenario.current(), "x");
    // This can only happen within the ServiceTimeout. Afterwards, nobody waits for the delivery,
    // and it changes nothing.
    scenario.fixture.delete(&scenario.fixture.id(), wants("x")).await.success();
    pass(Duration::from_secs(1900)).await;
    scenario.fixture.deliver(event).await.failed(&["request-expired"]);
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn known_an_update_delivered_after_the_delete_recreates_the_delegation() {
    // A tombstone stops only a Create: nothing shows the Update that its resource is gone.
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let late = scenario.update_event("S1", &wants("x"), &wants("y"));
    scenario.delete("S1").await.success();
    scenario.fixture.deliver(late.clone()).await.success();
    assert_eq!((scenario.current().as_str(), scenario.claimed_by().as_str()), ("y", "S1"));
    // This can only happen within the ServiceTimeout.
    scenario.fixture.delete(&scenario.fixture.id(), wants("y")).await.success();
    pass(Duration::from_secs(1900)).await;
    scenario.fixture.deliver(late).await.failed(&["request-expired"]);
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn known_two_settled_resources_that_overwrite_each_other() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.create("S2", takes("y")).await.success();
    scenario.update("S2", takes("y")).await.success();
    scenario.update("S1", takes("x")).await.success();
    let answer =
        scenario.update("S2", with(&wants("y"), json!({"Trigger": "again"}))).await.success();
    assert!(answer.get("Warning").contains("left as it is"), "{}", answer.0);
}

#[tokio::test(start_paused = true)]
async fn known_a_rename_with_other_keys_leaves_the_zone_without_ds_until_the_next_update() {
    let mut scenario = Scenario::new().await;
    signed(&scenario.fixture.child);
    scenario.fixture.child.create_key("two");
    scenario.fixture.child.age_keys(Duration::from_hours(1));
    let of = |key: &str| json!({"Dnssec": true, "KeySigningKeys": key});
    scenario.create("S1/Old", of("one")).await.success();
    let answer = scenario.create("S1/New", of("two")).await.success();
    assert!(answer.get("Warning").contains("S1/Old"), "{}", answer.0);
    scenario.delete("S1/Old").await.success();
    assert_eq!(scenario.fixture.ds(), Vec::<String>::new());
    scenario.update("S1/New", with(&of("two"), json!({"Trigger": "again"}))).await.success();
    assert_eq!(scenario.fixture.ds().len(), 1);
}

/// ARRIVE-4.
#[tokio::test(start_paused = true)]
async fn known_a_dead_delegation_that_is_restored_refuses_the_next_create() {
    // A force-deleted stack is created again, displaces its own dead delegation, and is rolled
    // back. What it restores has no claim anymore.
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.create("S1:2", wants("y")).await.success();
    scenario.delete("S1:2").await.success();
    assert_eq!((scenario.current().as_str(), scenario.claimed_by().as_str()), ("x", ""));
    scenario.create("S1:3", wants("z")).await.failed(&["delegation-not-ours"]);
    scenario.create("S1:3", takes("z")).await.success();
}
