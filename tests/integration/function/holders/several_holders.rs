//! The DS record set and the TTL of a delegation with several holders.

use serde_json::json;

use super::signed;
use crate::function::scenario::{Scenario, wants, with};

#[tokio::test(start_paused = true)]
async fn the_keys_of_a_second_region_do_not_replace_those_of_the_first() {
    let mut scenario = Scenario::new().await;
    signed(&scenario.fixture.child);
    scenario.fixture.child.create_key("two");
    let of = |key: &str| json!({"Dnssec": true, "KeySigningKeys": key});
    scenario.create("S1", of("one")).await.success();
    let secured = scenario.fixture.ds();
    let answer = scenario.create("S2", of("two")).await.success();
    assert!(answer.get("Warning").contains("S1/D"), "{}", answer.0);
    scenario.update("S2", with(&of("two"), json!({"Trigger": "again"}))).await.success();
    assert_eq!(scenario.fixture.ds(), secured);
}

#[tokio::test(start_paused = true)]
async fn two_regions_with_different_ttls_do_not_alternate() {
    let mut scenario = Scenario::new().await;
    let of = |ttl: u32, trigger: u32| with(&wants("x"), json!({"TTL": ttl, "Trigger": trigger}));
    scenario.create("S1", of(60, 0)).await.success();
    scenario.create("S2", of(300, 0)).await.success();
    for trigger in 1..3 {
        scenario.update("S1", of(60, trigger)).await.success();
        let answer = scenario.update("S2", of(300, trigger)).await.success();
        let warning = answer.get("Warning");
        assert!(
            warning.contains("60 s") && warning.contains("300 s") && warning.contains("S1/D"),
            "{warning}"
        );
        assert_eq!(scenario.ttl(), 60);
    }
    scenario.update("S2", of(900, 3)).await.success();
    assert_eq!(scenario.ttl(), 900, "a request for another TTL must change it");
}

#[tokio::test(start_paused = true)]
async fn two_regions_with_equal_ttls_can_both_change_it() {
    let mut scenario = Scenario::new().await;
    let of = |ttl: u32| with(&wants("x"), json!({"TTL": ttl}));
    scenario.create("S1", of(60)).await.success();
    scenario.create("S2", of(60)).await.success();
    for (resource, ttl) in [("S2", 300), ("S1", 900), ("S2", 60)] {
        scenario.update(resource, of(ttl)).await.success();
        assert_eq!(scenario.ttl(), ttl, "{resource}");
    }
}
