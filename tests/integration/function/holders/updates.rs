//! Updates that are refused, or that ask for nothing new, and their rollbacks.

use sandbox::RecordSet;
use serde_json::json;
use test_support::NAME;

use super::signed;
use crate::function::scenario::{Scenario, takes, wants, with};

#[tokio::test(start_paused = true)]
async fn an_overwritten_resource_can_change_its_trigger_and_roll_that_back() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.create("S2", takes("y")).await.success();
    let triggered = with(&wants("x"), json!({"Trigger": "again"}));
    for intent in [triggered, wants("x")] {
        let answer = scenario.update("S1", intent).await.success();
        assert!(answer.get("Warning").contains("left as it is"), "{}", answer.0);
        assert_eq!((answer.get("Action"), scenario.current().as_str()), ("UNCHANGED", "y"));
    }
    scenario.update("S1", wants("z")).await.failed(&["S2/D"]);
    scenario.roll_back("S1", wants("z")).await.success();
}

#[tokio::test(start_paused = true)]
async fn a_bystander_does_not_block_a_rollback() {
    // S2 arrives while S1's Update from x to y runs; S1 fails elsewhere.
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.update("S1", wants("y")).await.success();
    scenario.create("S2", wants("y")).await.success();
    let answer = scenario.update("S1", wants("x")).await.success();
    assert!(answer.get("Warning").contains("S2/D"), "{}", answer.0);
    assert_eq!(scenario.current(), "x");
}

#[tokio::test(start_paused = true)]
async fn a_sharer_does_not_change_the_name_servers_of_their_maker() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.create("S2", wants("x")).await.success();
    scenario.update("S2", wants("y")).await.failed(&["S1/D", "delegation-held-by-others"]);
    assert_eq!(scenario.current(), "x");
}

#[tokio::test(start_paused = true)]
async fn drift_does_not_let_a_refused_change_through() {
    let mut scenario = Scenario::new().await;
    for stack in ["S1", "S2"] {
        scenario.create(stack, wants("x")).await.success();
        scenario.update(stack, with(&wants("x"), json!({"Trigger": "settled"}))).await.success();
    }
    scenario.update("S1", wants("y")).await.failed(&["S2/D"]);
    scenario.edit_by_hand("z", 60);
    scenario.update("S1", wants("y")).await.failed(&["delegation-not-ours"]);
    assert_eq!(scenario.current(), "z");
}

#[tokio::test(start_paused = true)]
async fn a_rolled_key_is_no_new_request() {
    // The resource asks for all ACTIVE keys, so its intent must not contain the keys themselves.
    let mut scenario = Scenario::new().await;
    signed(&scenario.fixture.child);
    scenario.create("S1", json!({"Dnssec": true})).await.success();
    let intent = scenario.claim("S1").intent;
    scenario.fixture.child.create_key("two");
    scenario.update("S1", json!({"Dnssec": true, "Trigger": "again"})).await.success();
    assert_eq!(scenario.claim("S1").intent, intent);
    assert_eq!(scenario.fixture.ds().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_typo_is_rolled_back_even_if_the_childs_apex_has_changed() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", json!({})).await.success();
    let typed = json!({"ChildZoneId": "ZTYPINGERROR"});
    scenario.update("S1", typed.clone()).await.failed(&["ZTYPINGERROR", "hosted-zone-not-found"]);
    scenario.fixture.child.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.net."]));
    let answer = scenario.roll_back("S1", typed).await.success();
    assert!(answer.get("Warning").contains("Resolvers use that record set"), "{}", answer.0);
    assert_eq!(scenario.fixture.delegated_to(), scenario.fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn a_typo_is_rolled_back_even_if_a_key_became_inactive_since() {
    let mut scenario = Scenario::new().await;
    signed(&scenario.fixture.child);
    let named = json!({"Dnssec": true, "KeySigningKeys": "one"});
    scenario.create("S1", named.clone()).await.success();
    let secured = scenario.fixture.ds();
    let typed = json!({"Dnssec": true, "KeySigningKeys": "onne"});
    let words = ["does not have the key that KeySigningKeys names", "it has one (ACTIVE)"];
    scenario.update("S1", typed.clone()).await.failed(&words);
    assert!(scenario.fixture.child.set_key_status("one", "INACTIVE"));
    let answer = scenario.roll_back("S1", typed).await.success();
    assert!(answer.get("Warning").contains("no ACTIVE key-signing key \"one\""), "{}", answer.0);
    assert_eq!(scenario.fixture.ds(), secured);
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_follows_a_change_and_fails_can_roll_back() {
    // A2 is left behind by A1's change, follows it, and fails elsewhere.
    let mut scenario = Scenario::new().await;
    scenario.create("S1/A1", wants("x")).await.success();
    scenario.create("S1/A2", wants("x")).await.success();
    scenario.update("S1/A1", wants("y")).await.success();
    scenario.update("S1/A2", wants("y")).await.success();
    let answer = scenario.update("S1/A2", wants("x")).await.success();
    assert!(answer.get("Warning").contains("left as it is"), "{}", answer.0);
    assert_eq!(scenario.current(), "y");
    scenario.days(2).await;
    scenario.update("S1/A2", wants("y")).await.success();
    scenario.days(2).await;
    scenario.update("S1/A2", wants("x")).await.failed(&["S1/A1"]);
}

/// Found by the model checker: a rollback was refused, the name servers that it left belonged to
/// nobody, and the Delete of the stack that had set them left them in place.
#[tokio::test(start_paused = true)]
async fn regression_the_delete_after_a_refused_rollback_leaves_nothing() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.update("S1", wants("y")).await.success();
    // Anything may forbid the rollback. Here, somebody created a DS record set.
    scenario.fixture.parent.put(RecordSet::new(NAME, "DS", 3600, [format!("1 13 2 {:064}", 0)]));
    let answer = scenario.update("S1", wants("x")).await.success();
    assert!(answer.get("Warning").contains("left as it is"), "{}", answer.0);
    assert_eq!(scenario.current(), "y");
    scenario.delete("S1").await.success();
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn after_a_manual_edit_allow_overwrite_is_not_refused_forever() {
    let mut scenario = Scenario::new().await;
    scenario.edit_by_hand("h", 60);
    scenario.create("S1", takes("x")).await.success();
    scenario.edit_by_hand("z", 60);
    scenario.update("S1", with(&takes("x"), json!({"Trigger": "again"}))).await.success();
    assert_eq!(scenario.current(), "x");
    scenario.delete("S1").await.success();
    assert_eq!(
        scenario.current(),
        "z",
        "expected the name servers that it displaced last and never settled"
    );
}
