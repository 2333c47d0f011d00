//! Resources that take a delegation over from others, and the rollbacks of that.

use sandbox::RecordSet;
use serde_json::json;
use test_support::NAME;

use super::signed;
use crate::function::scenario::{Scenario, takes, wants, with};

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_take_over_restores_the_delegation_of_a_live_stack() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let before = scenario.snapshot();
    let answer = scenario.create("S2", takes("y")).await.success();
    assert_eq!((answer.get("Action"), scenario.current().as_str()), ("UPDATED", "y"));
    let warning = answer.get("Warning");
    assert!(
        ["ns1.x.net", "S1/D", "restored only if", "within a day"]
            .iter()
            .all(|word| warning.contains(word))
    );
    let answer = scenario.delete("S2").await.success();
    assert_eq!(scenario.snapshot(), before, "everything must be as before, with claim and TTL");
    assert!(answer.get("Warning").contains("was restored"), "{}", answer.0);
    assert_eq!(scenario.delete("S1").await.success().get("Warning"), "");
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_take_over_gives_a_retained_delegation_back() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.days(400).await;
    let before = scenario.snapshot();
    scenario.create("S2", takes("y")).await.success();
    scenario.delete("S2").await.success();
    assert_eq!(scenario.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_replacement_that_took_over_gives_the_delegation_back() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let before = scenario.snapshot();
    let elsewhere = with(&wants("y"), json!({"DomainName": "staging.example.com"}));
    scenario.create("S2", elsewhere.clone()).await.success();
    let staging = scenario.fixture.id().replace("testing", "staging");
    let moved = scenario.update("S2", takes("y")).await.success().id().to_owned();
    assert_eq!((moved, scenario.current().as_str()), (scenario.fixture.id(), "y"));
    // Something else in S2 fails: CloudFormation sends the rollback, and deletes the new resource.
    let answer = scenario.update_from("S2", takes("y"), elsewhere).await.success();
    assert_eq!(answer.id(), staging);
    scenario.fixture.delete(&scenario.fixture.id(), takes("y")).await.success();
    assert_eq!(scenario.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn an_update_in_place_that_overwrites_says_that_no_rollback_restores_it() {
    // Its rollback looks exactly like an Update that removes AllowOverwrite afterwards.
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.create("S2", takes("h")).await.success();
    scenario.update("S2", wants("h")).await.success();
    scenario.update("S1", wants("y")).await.failed(&["ns1.h.net", "S2/D", "delegation-not-ours"]);
    let answer = scenario.update("S1", takes("y")).await.success();
    let warning = answer.get("Warning");
    assert!(warning.contains("ns1.h.net") && warning.contains("does not restore it"), "{warning}");
    let answer = scenario.update("S1", wants("x")).await.success();
    assert_eq!((answer.get("Action"), scenario.current().as_str()), ("UPDATED", "x"));
}

#[tokio::test(start_paused = true)]
async fn a_nested_stack_with_a_new_name_shares_the_delegation() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1-Nested-ABC", wants("x")).await.success();
    let before = scenario.snapshot();
    let answer = scenario.create("S1-Nested-DEF", wants("x")).await.success();
    assert_eq!(answer.get("Action"), "SHARED");
    assert!(answer.get("Warning").contains("S1-Nested-ABC/D"), "{}", answer.0);
    // S2 is rolled back.
    scenario.delete("S1-Nested-DEF").await.success();
    assert_eq!(scenario.snapshot(), before);
    // S2 is deployed to the end, and S1 deleted.
    scenario.create("S1-Nested-DEF", wants("x")).await.success();
    scenario.delete("S1-Nested-ABC").await.success();
    assert_eq!(
        (scenario.current().as_str(), scenario.claimed_by().as_str()),
        ("x", "S1-Nested-DEF")
    );
    scenario.delete("S1-Nested-DEF").await.success();
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn an_update_with_allow_overwrite_does_not_drop_the_claim_of_a_renamed_resource() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1/Old", wants("x")).await.success();
    scenario.create("S1/New", wants("x")).await.success();
    scenario.update("S1/Old", takes("x")).await.success();
    scenario.delete("S1/Old").await.success();
    assert_eq!((scenario.current().as_str(), scenario.claimed_by().as_str()), ("x", "S1/New"));
}

#[tokio::test(start_paused = true)]
async fn a_signed_delegation_keeps_its_ds_when_an_unsigned_resource_arrives() {
    let mut scenario = Scenario::new().await;
    signed(&scenario.fixture.child);
    scenario.create("S1", json!({"Dnssec": true})).await.success();
    let secured = scenario.fixture.ds();
    assert_eq!(secured.len(), 1);
    for intent in [json!({}), json!({"AllowOverwrite": true})] {
        scenario.create("S2", intent.clone()).await.success();
        scenario.update("S2", with(&intent, json!({"Trigger": "again"}))).await.success();
        assert_eq!(scenario.fixture.ds(), secured);
    }
    scenario.delete("S2").await.success();
    assert_eq!(scenario.fixture.ds(), secured);
    scenario.delete("S1").await.success();
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn a_rename_with_a_new_child_zone_that_is_rolled_back_leaves_the_old_name_servers() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1/Old", wants("x")).await.success();
    let before = scenario.snapshot();
    scenario.create("S1/New", wants("y")).await.failed(&["delegation-not-ours", "AllowOverwrite"]);
    scenario.create("S1/New", takes("y")).await.success();
    scenario.delete("S1/New").await.success();
    assert_eq!(scenario.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn dead_name_servers_are_not_restored() {
    // The resource Old is renamed to New, with a new child zone. The cleanup deletes Old and its
    // zone. Later, the stack is deleted.
    let mut scenario = Scenario::new().await;
    scenario.create("S1/Old", wants("x")).await.success();
    scenario.create("S1/New", takes("y")).await.success();
    scenario.delete("S1/Old").await.success();
    assert_eq!(scenario.current(), "y");
    let answer = scenario.delete("S1/New").await.success();
    assert!(answer.get("Warning").contains("ns1.x.net"), "{}", answer.0);
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn a_restore_that_route_53_rejects_becomes_a_delete() {
    // Route 53 rejects its own name servers where they do not serve the name. The Delete would fail
    // forever.
    let mut scenario = Scenario::new().await;
    scenario.edit_by_hand("h", 60);
    scenario.create("S1", takes("x")).await.success();
    scenario.fixture.parent.refuse_when(std::sync::Arc::new(|changes| {
        let creates = |change: &sandbox::Change| change.action == sandbox::Action::Create;
        let names = |change: &sandbox::Change| {
            change.record.values.iter().any(|value| value.starts_with("ns1.h.net"))
        };
        let restores = changes.iter().any(|change| creates(change) && names(change));
        restores.then(|| "these name servers are not authoritative".into())
    }));
    let answer = scenario.delete("S1").await.success();
    let warning = answer.get("Warning");
    assert!(
        warning.contains("ns1.h.net") && warning.contains("Route 53 did not accept"),
        "{warning}"
    );
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn the_origin_is_recorded_for_the_delegation_and_not_for_a_claim() {
    let mut scenario = Scenario::new().await;
    scenario.edit_by_hand("h", 60);
    scenario.create("S1/A", takes("y")).await.success();
    scenario.create("S1/B", wants("y")).await.success();
    scenario.delete("S1/A").await.success();
    assert_eq!(scenario.current(), "y");
    scenario.delete("S1/B").await.success();
    assert_eq!(
        (scenario.current().as_str(), scenario.ttl(), scenario.claimed_by().as_str()),
        ("h", 60, "")
    );
}

#[tokio::test(start_paused = true)]
async fn a_claim_from_before_a_displacement_does_not_block_a_live_delegation() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1/Old", wants("x")).await.success();
    scenario.create("S2", takes("y")).await.success();
    scenario.update("S2", wants("y")).await.success();
    let before = scenario.snapshot();
    scenario.create("S1/New", takes("x")).await.success();
    scenario.delete("S1/New").await.success();
    assert_eq!(scenario.snapshot(), before, "S2 holds y and is in use");
}

#[tokio::test(start_paused = true)]
async fn a_request_from_before_a_take_over_that_runs_after_it_becomes_a_holder() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let late = scenario.create_event("S2", &wants("y"));
    scenario.edit_by_hand("h", 60);
    scenario.update("S1", takes("y")).await.success();
    scenario.fixture.deliver(late).await.success();
    assert_eq!(scenario.claimed_by(), "S1 S2");
    scenario.delete("S1").await.success();
    assert_eq!((scenario.current().as_str(), scenario.claimed_by().as_str()), ("y", "S2"));
}

#[tokio::test(start_paused = true)]
async fn two_displacements_are_not_stacked() {
    let mut scenario = Scenario::new().await;
    scenario.edit_by_hand("h", 60);
    scenario.create("S1", takes("x")).await.success();
    scenario.create("S2", takes("y")).await.failed(&["Settle it first", "delegation-not-settled"]);
    scenario.update("S1", with(&takes("x"), json!({"Trigger": "again"}))).await.success();
    assert!(scenario.is_settled());
    scenario.create("S2", takes("y")).await.success();
}

#[tokio::test(start_paused = true)]
async fn a_year_old_value_is_not_restored() {
    let mut scenario = Scenario::new().await;
    scenario.edit_by_hand("h", 60);
    scenario.create("S1", takes("x")).await.success();
    scenario.days(365).await;
    let answer = scenario.delete("S1").await.success();
    assert!(answer.get("Warning").contains("ns1.h.net"), "{}", answer.0);
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn two_regions_change_their_name_servers_one_after_the_other() {
    let mut scenario = Scenario::new().await;
    for stack in ["S1", "S2"] {
        scenario.create(stack, wants("x")).await.success();
        scenario.update(stack, with(&wants("x"), json!({"Trigger": "settled"}))).await.success();
    }
    scenario.update("S1", wants("y")).await.failed(&["S2/D", "the first with AllowOverwrite"]);
    scenario.update("S1", takes("y")).await.success();
    scenario.update("S2", wants("y")).await.success();
    assert_eq!((scenario.current().as_str(), scenario.claimed_by().as_str()), ("y", "S1 S2"));
}

#[tokio::test(start_paused = true)]
async fn a_force_deleted_stack_that_is_created_again_replaces_its_dead_name_servers() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.create("S1:2", wants("y")).await.success();
    assert_eq!((scenario.current().as_str(), scenario.record().claims().count()), ("y", 1));
}

/// Route 53 accepts 4,000 characters in a value, and the displaced name servers are one value.
#[tokio::test(start_paused = true)]
async fn name_servers_that_are_too_long_to_record_are_not_displaced() {
    let mut scenario = Scenario::new().await;
    let name = |number: usize| format!("ns{number:03}.{}.net.", vec!["a".repeat(60); 3].join("."));
    let names: Vec<String> = (0..25).map(name).collect();
    scenario.fixture.parent.put(RecordSet::new(NAME, "NS", 300, names));
    let before = scenario.snapshot();
    scenario.create("S1", takes("x")).await.failed(&["ownership-record-full"]);
    assert_eq!(scenario.snapshot(), before);
}
