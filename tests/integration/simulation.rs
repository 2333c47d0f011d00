//! The simulation itself: a failure is worth something only if its seed plays it again.

use serde_json::json;
use test_support::{Fixture, seed_or, simulate};

/// What the local AWS saw in a life of one delegation, and when.
fn life(seed: u64) -> Vec<String> {
    simulate(seed, async || {
        let fixture = Fixture::of_seed(seed, |_| {}).await;
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
fn a_seed_plays_the_same_again_and_another_seed_plays_something_else() {
    let seed = seed_or(1);
    let first = life(seed);
    assert!(first.len() > 10, "{first:#?}");
    assert_eq!(life(seed), first);
    if std::env::var_os("SEED").is_none() {
        assert_ne!(life(seed + 1), first);
    }
}
