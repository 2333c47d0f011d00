use super::*;

#[test]
fn throttling_is_disabled_until_set() {
    let mut buckets = Buckets::default();
    assert!((0..1000).all(|_| buckets.take("1", "a", SystemTime::UNIX_EPOCH)));
}

#[test]
fn buckets_are_per_account_and_action_and_refill() {
    let mut buckets = Buckets::default();
    buckets.set(Some(Quota { per_second: 1.0, burst: 2.0 }));
    let start = SystemTime::UNIX_EPOCH;
    assert!(buckets.take("1", "a", start));
    assert!(buckets.take("1", "a", start));
    assert!(!buckets.take("1", "a", start));
    assert!(buckets.take("2", "a", start));
    assert!(buckets.take("1", "b", start));
    assert!(!buckets.take("1", "a", start + Duration::from_millis(900)));
    assert!(buckets.take("1", "a", start + Duration::from_secs(1)));
    assert!(!buckets.take("1", "a", start + Duration::from_secs(1)));
}

#[test]
fn the_bucket_of_all_actions_applies_in_addition() {
    let mut buckets = Buckets::default();
    buckets.set(Some(Quota { per_second: 1.0, burst: 2.0 }));
    buckets.set_overall(Some(Quota { per_second: 1.0, burst: 3.0 }));
    let start = SystemTime::UNIX_EPOCH;
    assert!(buckets.take("1", "a", start));
    assert!(buckets.take("1", "a", start));
    assert!(!buckets.take("1", "a", start), "its own bucket is empty");
    assert!(
        buckets.take("1", "b", start),
        "the rejected call took no token from the overall bucket"
    );
    assert!(!buckets.take("1", "b", start), "the overall bucket is empty");
    assert!(buckets.take("2", "b", start));
    assert!(buckets.take("1", "b", start + Duration::from_secs(1)));
}
