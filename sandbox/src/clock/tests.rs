use super::*;

#[test]
fn advancing_affects_all_clones() {
    let clock = Clock::default();
    let other = clock.clone();
    let before = other.now();
    clock.advance(Duration::from_hours(1));
    assert!(other.now() >= before + Duration::from_hours(1));
}

#[test]
fn skew_only_affects_the_signature_time() {
    let clock = Clock::default();
    clock.skew(-900);
    let real =
        i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    assert!((real - 900 - clock.signature_time()).abs() <= 1);
    assert!(clock.now() <= SystemTime::now());
}

#[test]
fn iso8601_has_whole_seconds() {
    assert_eq!(iso8601(UNIX_EPOCH + Duration::from_millis(1_500)), "1970-01-01T00:00:01Z");
}
