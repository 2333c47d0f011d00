//! Clocks that disagree.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::faults::lane::Lane;
use crate::faults::story::TIMEOUT;

#[tokio::test(start_paused = true)]
async fn a_clock_that_spoils_every_signature_fails_the_request_at_once() {
    for seconds in [-600, 600] {
        let lane = Lane::new();
        lane.aws.clock().skew(seconds);
        let began = Instant::now();
        let event = lane.event("Create", None, &lane.properties(json!({})), None);
        let delivered = lane.deliver(&event, TIMEOUT, || {}).await.unwrap();
        let answer = delivered.answer.unwrap();
        assert_eq!(answer["Status"], "FAILED", "{answer}");
        let reason = answer["Reason"].as_str().unwrap();
        assert!(reason.contains("Signature"), "{reason}");
        assert!(began.elapsed() < Duration::from_secs(20), "it took {:?}", began.elapsed());
        lane.check_as_before().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_whose_clock_is_ahead_gets_its_answer() {
    let lane = Lane::new();
    lane.bucket.clock().advance(Duration::from_mins(30));
    let properties = lane.properties(json!({}));
    let event = lane.event("Create", None, &properties, None);
    let created = lane.deliver(&event, TIMEOUT, || {}).await.unwrap();
    assert!(created.success(), "{created:?}");
    let event = lane.event("Delete", created.id(), &properties, None);
    assert!(lane.deliver(&event, TIMEOUT, || {}).await.unwrap().success());
    lane.check_as_before().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_url_has_expired_is_an_error_unless_it_is_a_markers() {
    let lane = Lane::new();
    let good = lane.event("Create", None, &lane.properties(json!({})), None);
    let bad = lane.event("Create", None, &lane.properties(json!({"TTL": "soon"})), None);
    lane.bucket.clock().advance(Duration::from_hours(3));
    let error = lane.invoke(&good, TIMEOUT).await.unwrap_err();
    assert!(error.contains("403"), "{error}");
    lane.invoke(&bad, TIMEOUT).await.unwrap();
    assert!(lane.bucket.puts().iter().all(|put| !put.stored));
}
