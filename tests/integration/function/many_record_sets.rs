//! Names with more record sets than fit on a page of a listing: with routing policies, a name may
//! have a hundred of each type (TRUST-5).

use sandbox::RecordSet;
use serde_json::json;

use test_support::{Fixture, NAME};

/// Puts this many record sets at a name. They are listed before its NS record set.
fn crowd(fixture: &Fixture, name: &str, sets: usize) {
    for number in 0..sets {
        let rtype = ["A", "AAAA", "CAA", "HTTPS"][number / 100];
        let value = ["192.0.2.1", "2001:db8::1", "0 issue \"example.net\"", "1 ."][number / 100];
        let set = RecordSet::new(name, rtype, 60, [value]);
        fixture.parent.put(set.weighted(&format!("set-{number}"), 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_finds_name_servers_behind_hundreds_of_record_sets() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    crowd(&fixture, NAME, 400);
    let answer = fixture.delete(&id, json!({})).await.success();
    assert_eq!(fixture.delegated_to(), Vec::<String>::new(), "{}", answer.0);
    assert_eq!(fixture.claims(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_update_finds_name_servers_behind_hundreds_of_record_sets() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    crowd(&fixture, NAME, 400);
    let answer = fixture.update(&id, json!({}), json!({"TTL": "60"})).await.success();
    assert_eq!(answer.get("Action"), "UPDATED", "{}", answer.0);
    assert_eq!(fixture.parent.record(NAME, "NS").unwrap().ttl, Some(60));
}

#[tokio::test(start_paused = true)]
async fn a_delegation_above_is_found_behind_a_hundred_record_sets() {
    let fixture = Fixture::new().await;
    crowd(&fixture, "dev.example.com", 100);
    fixture.parent.put(RecordSet::new("dev.example.com", "NS", 60, ["ns1.example.net."]));
    let below = json!({
        "ChildZoneId": null,
        "DomainName": "testing.dev.example.com",
        "NameServers": "ns1.example.net",
        "AllowOcclusion": true,
    });
    fixture.create(below).await.failed(&["already delegates dev.example.com"]);
}

#[tokio::test(start_paused = true)]
async fn the_apex_is_found_behind_a_hundred_record_sets() {
    let fixture = Fixture::new().await;
    crowd(&fixture, "example.com", 200);
    let answer = fixture.create(json!({"Verification": "REQUIRE"})).await.success();
    assert!(answer.get("Verification").contains("refer to them"), "{}", answer.0);
}

/// Route 53 accepts 32,000 characters in a batch, and an ampersand takes five bytes in a response.
#[tokio::test(start_paused = true)]
async fn a_page_that_is_too_large_is_read_in_smaller_ones() {
    let fixture = Fixture::new().await;
    let value = vec![format!("\"{}\"", "&".repeat(250)); 15].join(" ");
    for number in 0..120 {
        let name = format!("t{number:03}.{NAME}");
        fixture.parent.put(RecordSet::new(&name, "TXT", 60, vec![value.clone(); 8]));
    }
    fixture.create(json!({})).await.failed(&["hides-records"]);
    let hides = json!({"AllowOcclusion": true});
    let id = fixture.create(hides.clone()).await.success().id().to_owned();
    let answer = fixture.update(&id, hides.clone(), json!({"TTL": "60"})).await.success();
    assert_eq!(answer.get("Action"), "UPDATED", "{}", answer.0);
    fixture.delete(&id, hides).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}
