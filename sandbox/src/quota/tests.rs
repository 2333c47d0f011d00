use super::*;

#[test]
fn off_until_set() {
    let mut buckets = Buckets::default();
    assert!((0..1000).all(|_| buckets.take("1", "a", SystemTime::UNIX_EPOCH)));
}

#[test]
fn empties_by_account_and_action_and_refills_with_time() {
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
