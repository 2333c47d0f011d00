//! The simulation itself: a failure is only useful if its seed reproduces it.

use serde_json::json;
use test_support::{Fixture, seed_or, simulate};

/// Returns the calls from the Create to the Delete of a delegation, with their times.
fn calls_of_a_delegation(seed: u64) -> Vec<String> {
    simulate(seed, async || {
        let fixture = Fixture::with_seed(seed, |_| {}).await;
        let id = fixture.create(json!({})).await.success().id().to_owned();
        fixture.update(&id, json!({}), json!({"Verification": "REPORT"})).await.success();
        fixture.delete(&id, json!({})).await.success();
        let calls = fixture.aws.calls().into_iter();
        calls
            .map(|call| format!("{:?} {} {} {}", call.at, call.account, call.action, call.summary))
            .collect()
    })
}

#[test]
fn a_seed_reproduces_a_run_and_another_seed_gives_another_run() {
    let seed = seed_or(1);
    let first = calls_of_a_delegation(seed);
    assert!(first.len() > 10, "{first:#?}");
    assert_eq!(calls_of_a_delegation(seed), first);
    // Checked for the fixed seeds only: two arbitrary seeds may happen to give the same run.
    if std::env::var_os("SEED").is_none() {
        assert_ne!(calls_of_a_delegation(seed + 1), first);
    }
}
