//! The simulation itself: a failure is only useful if its seed reproduces it.

use serde_json::json;
use test_support::{Fixture, seed_or, simulate};

/// Returns the calls that the sandbox saw in the life of a delegation, with their times.
fn life(seed: u64) -> Vec<String> {
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
    let first = life(seed);
    assert!(first.len() > 10, "{first:#?}");
    assert_eq!(life(seed), first);
    if std::env::var_os("SEED").is_none() {
        assert_ne!(life(seed + 1), first);
    }
}
