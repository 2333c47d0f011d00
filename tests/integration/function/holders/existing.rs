//! Delegations that existed before, were retained, or were edited by hand.

use sandbox::RecordSet;
use serde_json::json;
use test_support::{NAME, RECORD};

use crate::function::scenario::{Scenario, wants, with};

#[tokio::test(start_paused = true)]
async fn an_adoption_is_never_settled_by_time() {
    // A trial stack adopts and is deleted two days later.
    let mut scenario = Scenario::new().await;
    scenario.edit_by_hand("x", 60);
    let before = scenario.snapshot();
    assert_eq!(scenario.create("S1", wants("x")).await.success().get("Action"), "ADOPTED");
    scenario.days(2).await;
    let answer = scenario.delete("S1").await.success();
    assert!(answer.get("Warning").contains("existed before this resource"), "{}", answer.0);
    assert_eq!(scenario.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn a_later_update_makes_an_adopted_delegation_the_resources_own() {
    let mut scenario = Scenario::new().await;
    scenario.edit_by_hand("x", 60);
    scenario.create("S1", wants("x")).await.success();
    scenario.update("S1", with(&wants("x"), json!({"Trigger": "again"}))).await.success();
    assert!(scenario.is_settled());
    scenario.delete("S1").await.success();
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn a_migration_with_a_short_ttl_keeps_it() {
    for ttl in [300, 60] {
        let mut scenario = Scenario::new().await;
        scenario.edit_by_hand("x", ttl);
        let long = with(&wants("x"), json!({"TTL": null}));
        let answer = scenario.create("S1", long.clone()).await.success();
        assert_eq!(scenario.ttl(), ttl);
        let warning = answer.get("Warning");
        assert!(
            warning.contains(&format!("stays {ttl} s"))
                && warning.contains("changes it to 172800 s"),
            "{warning}"
        );
        scenario.update("S1", with(&long, json!({"Trigger": "again"}))).await.success();
        assert_eq!(scenario.ttl(), 172_800);
    }
}

#[tokio::test(start_paused = true)]
async fn an_adopted_delegation_that_was_edited_since_is_not_replaced() {
    let mut scenario = Scenario::new().await;
    scenario.edit_by_hand("x", 60);
    scenario.create("S1", wants("x")).await.success();
    scenario.edit_by_hand("z", 60);
    let answer =
        scenario.update("S1", with(&wants("x"), json!({"Trigger": "again"}))).await.success();
    assert!(answer.get("Warning").contains("left as it is"), "{}", answer.0);
    assert_eq!(scenario.current(), "z");
}

#[tokio::test(start_paused = true)]
async fn an_adopted_delegation_whose_claim_was_removed_by_hand_is_not_replaced() {
    let mut scenario = Scenario::new().await;
    scenario.edit_by_hand("x", 60);
    scenario.create("S1", wants("x")).await.success();
    scenario.fixture.parent.remove(RECORD, "TXT");
    scenario.edit_by_hand("z", 60);
    let answer =
        scenario.update("S1", with(&wants("x"), json!({"Trigger": "again"}))).await.success();
    assert!(answer.get("Warning").contains("left as it is"), "{}", answer.0);
    assert_eq!((scenario.current().as_str(), scenario.claimed_by().as_str()), ("z", ""));
}

#[tokio::test(start_paused = true)]
async fn a_manual_edit_is_repaired_and_reported() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.edit_by_hand("z", 77);
    let answer =
        scenario.update("S1", with(&wants("x"), json!({"Trigger": "again"}))).await.success();
    let warning = answer.get("Warning");
    assert!(
        warning.contains("ns1.z.net") && warning.contains("77 s") && warning.contains("repaired"),
        "{warning}"
    );
    assert_eq!(scenario.current(), "x");
}

#[tokio::test(start_paused = true)]
async fn a_hand_made_delegation_outlives_a_rollback_next_to_a_dormant_claim() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.edit_by_hand("y", 60);
    scenario.create("S2", wants("y")).await.success();
    scenario.delete("S2").await.success();
    assert_eq!((scenario.current().as_str(), scenario.claimed_by().as_str()), ("y", "S1"));
}

#[tokio::test(start_paused = true)]
async fn displaced_name_servers_are_restored_after_an_update_that_ended_in_a_warning() {
    let mut scenario = Scenario::new().await;
    scenario.edit_by_hand("x", 60);
    scenario.create("S1", wants("x")).await.success();
    // Somebody creates a CNAME record set at the cut, so a change of the name servers would have no
    // effect.
    scenario.fixture.parent.put(RecordSet::new(NAME, "CNAME", 60, ["elsewhere.example.com."]));
    let answer =
        scenario.update("S1", with(&wants("x"), json!({"Trigger": "again"}))).await.success();
    assert!(answer.get("Warning").contains("left as it is"), "{}", answer.0);
    assert!(!scenario.is_settled());
    scenario.delete("S1").await.success();
    assert_eq!(scenario.current(), "x");
}

#[tokio::test(start_paused = true)]
async fn a_retained_delegation_outlives_the_rollback_of_its_redeclaration() {
    for stack in ["S1", "S1:2", "S2"] {
        let mut scenario = Scenario::new().await;
        scenario.create("S1", wants("x")).await.success();
        scenario.update("S1", with(&wants("x"), json!({"Trigger": "settled"}))).await.success();
        // The first stack retains the delegation: it sends no Delete.
        scenario.hours(5).await;
        scenario.create(stack, wants("x")).await.success();
        scenario.delete(stack).await.success();
        assert_eq!(scenario.current(), "x", "{stack}");
    }
}
