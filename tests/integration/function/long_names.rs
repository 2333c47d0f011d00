//! Names that are a byte too long for DNS. Route 53 accepts them, so others may have record sets
//! with such names near a delegation.

use sandbox::{Action, Change, RecordSet};
use serde_json::json;

use test_support::{Fixture, NAME};

/// Puts a TXT record set at a name of 255 characters, such as an ACME client may write.
fn put_long(fixture: &Fixture, number: usize, below: &str) {
    let mut name = format!("_acme-challenge.{number:03}");
    while name.len() + below.len() + 2 < 255 {
        let room = 253 - below.len() - name.len();
        name = format!("{name}.{}", "a".repeat(if room == 65 { 62 } else { room.min(64) - 1 }));
    }
    let record = RecordSet::new(&format!("{name}.{below}."), "TXT", 60, ["\"token\""]);
    assert_eq!(record.name.len(), 255);
    fixture.parent.change(&[Change { action: Action::Create, record }]).unwrap();
}

/// TRUST-7.
#[tokio::test(start_paused = true)]
async fn a_name_that_is_too_long_for_dns_stops_nothing() {
    for below in ["zzz.example.com", "aaa.example.com", NAME] {
        let fixture = Fixture::new().await;
        put_long(&fixture, 0, below);
        let id = fixture.create(json!({})).await.success().id().to_owned();
        let ttl = json!({"TTL": "60"});
        fixture.update(&id, json!({}), ttl.clone()).await.success();
        assert_eq!(fixture.parent.record(NAME, "NS").unwrap().ttl, Some(60));
        fixture.update(&id, ttl, json!({})).await.success();
        assert_eq!(fixture.parent.record(NAME, "NS").unwrap().ttl, Some(300));
        fixture.delete(&id, json!({})).await.success();
        assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
    }
}

/// TRUST-7.
#[tokio::test(start_paused = true)]
async fn a_page_of_names_that_are_too_long_hides_nothing_behind_its_end() {
    let fixture = Fixture::new().await;
    for number in 0..400 {
        put_long(&fixture, number, "aaa.example.com");
    }
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.update(&id, json!({}), json!({"TTL": "60"})).await.success();
    assert_eq!(fixture.parent.record(NAME, "NS").unwrap().ttl, Some(60));
    // Those below the name may be more than a page, too. Nothing is hidden, but nobody knows.
    for number in 0..400 {
        put_long(&fixture, number, NAME);
    }
    fixture.update(&id, json!({"TTL": "60"}), json!({})).await.success();
    assert_eq!(fixture.parent.record(NAME, "NS").unwrap().ttl, Some(300));
    fixture.delete(&id, json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
    fixture.create(json!({})).await.failed(&["hides-records"]);
    fixture.create(json!({"AllowOcclusion": true})).await.success();
}
