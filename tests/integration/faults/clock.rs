//! Clocks that disagree.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::faults::fixture::ColdStartFixture;
use crate::faults::scenario::TIMEOUT;

#[tokio::test(start_paused = true)]
async fn a_clock_that_invalidates_every_signature_fails_the_request_immediately() {
    for seconds in [-600, 600] {
        let fixture = ColdStartFixture::new();
        fixture.aws.clock().skew(seconds);
        let began = Instant::now();
        let event = fixture.event("Create", None, &fixture.properties(json!({})), None);
        let delivered = fixture.deliver(&event, TIMEOUT, || {}).await.unwrap();
        let answer = delivered.answer.unwrap();
        assert_eq!(answer["Status"], "FAILED", "{answer}");
        let reason = answer["Reason"].as_str().unwrap();
        assert!(reason.contains("Signature"), "{reason}");
        assert!(began.elapsed() < Duration::from_secs(20), "it took {:?}", began.elapsed());
        fixture.check_as_before().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_whose_clock_is_ahead_gets_its_answer() {
    let fixture = ColdStartFixture::new();
    fixture.bucket.clock().advance(Duration::from_mins(30));
    let properties = fixture.properties(json!({}));
    let event = fixture.event("Create", None, &properties, None);
    let created = fixture.deliver(&event, TIMEOUT, || {}).await.unwrap();
    assert!(created.success(), "{created:?}");
    let event = fixture.event("Delete", created.id(), &properties, None);
    assert!(fixture.deliver(&event, TIMEOUT, || {}).await.unwrap().success());
    fixture.check_as_before().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_url_expired_is_an_error_unless_its_id_is_unresolved() {
    let fixture = ColdStartFixture::new();
    let good = fixture.event("Create", None, &fixture.properties(json!({})), None);
    let bad = fixture.event("Create", None, &fixture.properties(json!({"TTL": "soon"})), None);
    fixture.bucket.clock().advance(Duration::from_hours(3));
    let error = fixture.invoke(&good, TIMEOUT).await.unwrap_err();
    assert!(error.contains("403"), "{error}");
    fixture.invoke(&bad, TIMEOUT).await.unwrap();
    assert!(fixture.bucket.puts().iter().all(|put| !put.stored));
}
