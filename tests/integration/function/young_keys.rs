//! Keys of the child zone that are too young to be the only ones with a DS record (DS-8), and what
//! must stay after a DS record was removed (DS-9). The keys are real, and the DNS check queries
//! real name servers. The clock of the keys alone is moved, because AWS sessions would expire
//! before some keys are old enough.

use std::time::Duration;

use serde_json::{Value, json};

use test_support::{Fixture, NAME};

/// `Dnssec: true` with these keys, or with all if there are none.
fn secured(keys: &[&str]) -> Value {
    let mut properties = json!({"Dnssec": true, "Verification": "REQUIRE"});
    if !keys.is_empty() {
        properties["KeySigningKeys"] = json!(keys);
    }
    properties
}

fn plain() -> Value {
    json!({"Verification": "REQUIRE"})
}

/// A fixture whose parent and child zones are signed, the child zone with a key that is a day old.
async fn signed() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.parent.create_key("parent");
    fixture.parent.start_signing();
    fixture.child.create_key("one");
    fixture.child.start_signing();
    fixture.child.age_keys(Duration::from_hours(24));
    fixture
}

fn ds_of(fixture: &Fixture, key: &str) -> String {
    fixture.child.keys().iter().find(|known| known.name == key).unwrap().ds_record()
}

/// How long resolvers cache the DNSKEY record set of a Route 53 zone.
const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn a_new_key_is_not_the_only_one_with_a_ds() {
    let fixture = signed().await;
    let id = fixture.create(secured(&["one"])).await.success().id().to_owned();
    fixture.child.create_key("two");
    let refused = fixture.update(&id, secured(&["one"]), secured(&["two"])).await;
    refused.failed(&[
        "key-too-young",
        &ds_of(&fixture, "two"),
        "Deploy again in",
        "KeySigningKeys",
    ]);
    assert_eq!(fixture.ds(), [ds_of(&fixture, "one")]);
    // CloudFormation's rollback.
    let back = fixture.update(&id, secured(&["two"]), secured(&["one"])).await.success();
    assert_eq!(back.get("Warning"), "");
    // Together with the old key, it may have a DS record immediately, but that does not make it old
    // enough to be the only one.
    fixture.update(&id, secured(&["one"]), secured(&["one", "two"])).await.success();
    fixture
        .update(&id, secured(&["one", "two"]), secured(&["two"]))
        .await
        .failed(&["key-too-young"]);
    fixture.child.age_keys(HOUR);
    let rolled = fixture.update(&id, secured(&["one", "two"]), secured(&["two"])).await.success();
    assert_eq!(fixture.ds(), [ds_of(&fixture, "two")]);
    let tag = fixture.child.keys()[0].key_tag.to_string();
    let warning = rolled.get("Warning");
    assert!(
        ["keys-must-stay", &tag, "3600 seconds"].iter().all(|words| warning.contains(words)),
        "{warning}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_ds_is_added_right_after_signing_begins() {
    let fixture = Fixture::new().await;
    let id = fixture.create(plain()).await.success().id().to_owned();
    fixture.child.create_key("one");
    fixture.child.start_signing();
    fixture.update(&id, plain(), secured(&[])).await.failed(&["key-too-young"]);
    assert_eq!(fixture.ds(), Vec::<String>::new());
    fixture.child.age_keys(HOUR);
    let on = fixture.update(&id, plain(), secured(&[])).await.success();
    assert_eq!(fixture.ds(), [ds_of(&fixture, "one")]);
    // No AWS call tells how long the zone has been signed.
    assert!(on.get("Warning").contains("unsigned-answers-kept"), "{}", on.get("Warning"));
}

/// No resolver has cached anything of a name that was not delegated.
#[tokio::test(start_paused = true)]
async fn a_new_delegation_is_secured_at_once() {
    let fixture = Fixture::new().await;
    fixture.parent.create_key("parent");
    fixture.parent.start_signing();
    fixture.child.create_key("one");
    fixture.child.start_signing();
    let created = fixture.create(secured(&["one"])).await.success();
    assert_eq!((created.get("Warning"), fixture.ds()), ("", vec![ds_of(&fixture, "one")]));
    // Adding a DS record takes nothing away from resolvers either.
    fixture.child.create_key("two");
    let both = fixture.update(created.id(), secured(&["one"]), secured(&[])).await.success();
    assert_eq!((both.get("Warning"), fixture.ds().len()), ("", 2));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_becomes_inactive_first_keeps_its_ds() {
    let fixture = signed().await;
    let id = fixture.create(secured(&[])).await.success().id().to_owned();
    fixture.child.create_key("two");
    assert!(fixture.child.set_key_status("one", "INACTIVE"));
    // The Update asks for nothing new: all ACTIVE keys. It must not fail, because it may be a
    // rollback.
    let mut again = secured(&[]);
    again["Trigger"] = json!("1");
    let left = fixture.update(&id, secured(&[]), again.clone()).await.success();
    assert!(left.get("Warning").contains("left as it is"), "{}", left.get("Warning"));
    assert_eq!(fixture.ds(), [ds_of(&fixture, "one")]);
    // A key that is asked for by name makes it fail: the old key is there to be used instead.
    fixture.update(&id, again.clone(), secured(&["two"])).await.failed(&["key-too-young"]);
    fixture.update(&id, secured(&["two"]), again.clone()).await.success();
    assert!(fixture.child.set_key_status("one", "ACTIVE"));
    fixture.update(&id, again.clone(), secured(&[])).await.success();
    assert_eq!(fixture.ds().len(), 2);
}

/// A key that was inactive for a while is not in the resolvers' caches, like a new one.
#[tokio::test(start_paused = true)]
async fn the_age_of_a_key_counts_from_its_last_change() {
    let fixture = signed().await;
    fixture.child.create_key("two");
    let id = fixture.create(secured(&["one"])).await.success().id().to_owned();
    assert!(fixture.child.set_key_status("two", "INACTIVE"));
    fixture.child.age_keys(24 * HOUR);
    assert!(fixture.child.set_key_status("two", "ACTIVE"));
    fixture.update(&id, secured(&["one"]), secured(&["two"])).await.failed(&["key-too-young"]);
    fixture.child.age_keys(HOUR);
    fixture.update(&id, secured(&["one"]), secured(&["two"])).await.success();
}

/// The child zone's keys were changed while an Update ran that is then rolled back. The rollback
/// must not fail.
#[tokio::test(start_paused = true)]
async fn a_young_key_does_not_block_a_rollback() {
    let fixture = signed().await;
    fixture.child.create_key("two");
    fixture.child.age_keys(HOUR);
    let id = fixture.create(secured(&["one"])).await.success().id().to_owned();
    fixture.update(&id, secured(&["one"]), secured(&["two"])).await.success();
    assert!(
        fixture.child.set_key_status("one", "INACTIVE")
            && fixture.child.set_key_status("one", "ACTIVE")
    );
    let back = fixture.update(&id, secured(&["two"]), secured(&["one"])).await.success();
    assert!(back.get("Warning").contains("left as it is"), "{}", back.get("Warning"));
    assert_eq!(fixture.ds(), [ds_of(&fixture, "two")]);
    // The same, with signing turned off and on in between.
    let fixture = signed().await;
    let id = fixture.create(secured(&[])).await.success().id().to_owned();
    let off = fixture.update(&id, secured(&[]), plain()).await.success();
    let tag = fixture.child.keys()[0].key_tag.to_string();
    assert!(
        [&tag, "7200 seconds"].iter().all(|words| off.get("Warning").contains(*words)),
        "{}",
        off.get("Warning")
    );
    assert!(fixture.child.delete_key("one"));
    fixture.child.create_key("new");
    let back = fixture.update(&id, plain(), secured(&[])).await.success();
    assert!(back.get("Warning").contains("left as it is"), "{}", back.get("Warning"));
    assert_eq!(fixture.parent.record(NAME, "DS"), None);
}
