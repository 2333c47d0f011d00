//! Values that others write into the ownership record. Rules TRUST-… and OWN-7.

use super::driver::*;
use crate::digest::Digest;
use crate::ownership_record::MAX_SKEW;
use crate::reconcile::{Action, UpdateBehavior};

const UNREADABLE: &str = "\"heritage=custom-delegation,claim9=1\"";

/// TRUST-1.
#[test]
fn a_claim_from_the_future_fences_nothing() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    let future = point.clock + 10 * 365 * DAY;
    point.edit_claim_by_hand("S1", |claim| claim.stamp.time = future);
    assert_eq!(point.update("S1", wants("y")).action(), Action::Updated);
    assert_eq!(point.claim("S1").stamp.time, point.clock, "and its time is corrected");
    point.edit_claim_by_hand("S1", |claim| claim.stamp.time = future);
    assert_eq!(point.delete("S1").action(), Action::Removed);
}

#[test]
fn a_claim_from_the_future_counts_as_the_oldest() {
    let mut point = Point::new();
    point.set_by_hand("x", 60);
    point.create("S1", wants("x"));
    let future = point.clock + MAX_SKEW + 100;
    point.edit_claim_by_hand("S1", |claim| claim.stamp.time = future);
    point.update("S1", wants("x"));
    assert!(point.is_settled(), "an Update is later than it");
}

#[test]
fn clocks_may_differ_a_little() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    let soon = point.clock + MAX_SKEW - 10;
    point.edit_claim_by_hand("S1", |claim| claim.stamp.time = soon);
    assert_eq!(point.update("S1", wants("x")).overtaken(), "overtaken");
}

#[test]
fn a_time_is_in_the_future_by_the_clock_and_not_by_the_request() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    let late = point.request("S1", UpdateBehavior::InPlace, &wants("y"));
    point.wait(HOUR);
    point.update("S1", wants("x"));
    assert_eq!(
        point.deliver(&late).overtaken(),
        "overtaken",
        "the claim is an hour later, but not in the future"
    );
}

#[test]
fn a_tombstone_from_the_future_stops_no_create_and_is_removed() {
    let mut point = Point::new();
    let create = point.request("S1", UpdateBehavior::Create, &wants("x"));
    point.wait(30 * DAY);
    point.delete_invented("S1");
    point.clock -= 30 * DAY;
    assert_eq!(point.deliver(&create).action(), Action::Created);
    assert_eq!(point.record().iter().count(), 1);
}

/// TRUST-1. Each of these claims would overtake requests until the clock reaches it.
#[test]
fn a_series_of_forged_claims_overtakes_requests_for_no_longer_than_one() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    let (mut forged, mut replaced, start) = (point.clone(), point.clone(), point.clock);
    replaced.remove_by_hand("TXT");
    for step in 1..60 {
        forged.edit_claim_by_hand("S1", |claim| claim.stamp.time = start + step * (MAX_SKEW - 1));
        let value = forged.record().values().remove(0);
        point.add_value_by_hand(&value);
        replaced.add_value_by_hand(&value);
    }
    // Next to the claim that the resource wrote, they overtake nothing, and the next batch removes
    // them.
    let mut deleted = point.clone();
    assert_eq!(deleted.delete("S1").shape(), "-NS -TXT");
    assert_eq!(point.update("S1", wants("y")).action(), Action::Updated);
    assert_eq!(point.record().iter().count(), 1);
    // In its place, the first of them does.
    assert_eq!(replaced.update("S1", wants("y")).overtaken(), "overtaken");
    replaced.wait(MAX_SKEW);
    assert_eq!(replaced.update("S1", wants("y")).action(), Action::Updated);
    assert_eq!(replaced.record().iter().count(), 1);
}

/// TRUST-1.
#[test]
fn a_series_of_forged_tombstones_stops_creates_for_no_longer_than_one() {
    let mut point = Point::new();
    let (id, start) = (claimant("S1").id(), point.clock);
    for step in 1..60 {
        let at = start + step * (MAX_SKEW - 1);
        point.add_value_by_hand(&format!("\"heritage=custom-delegation,tombstone={id},at={at}\""));
    }
    assert_eq!(point.create("S1", wants("x")).overtaken(), "create-cancelled");
    point.wait(MAX_SKEW);
    assert_eq!(point.create("S1", wants("x")).action(), Action::Created);
    assert_eq!(point.record().iter().count(), 1, "only the claim is left");
}

#[test]
fn a_displacement_from_the_future_is_not_restored() {
    let mut point = Point::new();
    point.set_by_hand("h", 60);
    point.create("S1", wants("x").overwriting());
    point.clock -= 10;
    point.edit_claim_by_hand("S1", |claim| claim.stamp.time -= 20);
    assert_eq!(point.delete("S1").warnings(), "delegation-not-restored");
}

/// TRUST-2.
#[test]
fn a_hold_of_a_claim_on_the_current_name_servers_is_valid_for_a_week() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    // A claim of another resource on other name servers.
    point.create("S2", wants("x"));
    let far = point.clock + 1000 * DAY;
    point.edit_claim_by_hand("S2", |claim| {
        claim.ns = Digest::from_name_servers(&servers("q"));
        claim.hold = Some(far);
    });
    let mut free = point.clone();
    free.update("S1", wants("x").signed("a"));
    assert_eq!(free.secured_by(), "a");
    // A claim on the current name servers counts for a week after its own time.
    point.drop_claim_by_hand("S2");
    point.create("S3", wants("x"));
    point.edit_claim_by_hand("S3", |claim| claim.hold = Some(far));
    let done = point.update("S1", wants("x").signed("a"));
    assert_eq!((done.warnings().as_str(), point.secured_by().as_str()), ("ds-deferred", ""));
    point.wait(7 * DAY);
    point.update("S1", wants("x").signed("a"));
    assert_eq!(point.secured_by(), "a", "a copied hold does not last longer");
}

/// TRUST-2. Each of these claims would become valid a week after the one before it.
#[test]
fn a_series_of_forged_holds_is_valid_for_no_longer_than_one() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    point.create("S2", wants("x"));
    let (mut forged, start) = (point.clone(), point.clock);
    for week in 1..60 {
        forged.edit_claim_by_hand("S2", |claim| {
            claim.stamp.time = start + week * 7 * DAY;
            claim.hold = Some(i64::MAX);
        });
        point.add_value_by_hand(&forged.record().values().remove(1));
    }
    point.wait(8 * DAY);
    point.update("S1", wants("x").signed("a"));
    assert_eq!(point.secured_by(), "a");
}

/// TRUST-3.
#[test]
fn no_message_shows_an_owner_that_this_program_does_not_write() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    let values = point.record().values();
    point.remove_by_hand("TXT");
    for value in values {
        point.add_value_by_hand(&value.replace("S1/D", "ask mallory at +1 800"));
    }
    let done = point.create("S2", wants("y"));
    assert_eq!(done.refused().code(), "delegation-not-ours");
    assert!(
        done.text().contains("an unknown owner") && !done.text().contains("mallory"),
        "{}",
        done.text()
    );
}

#[test]
fn values_of_other_programs_stay_exactly_as_they_are() {
    let mut point = Point::new();
    point.add_value_by_hand("\"v=spf1 -all\"");
    point.add_value_by_hand("\"note\" \"of \\303\\244\"");
    point.create("S1", wants("x"));
    point.update("S1", wants("y"));
    point.delete("S1");
    assert_eq!(point.record().values(), ["\"v=spf1 -all\"", "\"note\" \"of \\303\\244\""]);
}

/// OWN-7.
#[test]
fn an_unreadable_value_counts_as_a_holder() {
    let mut point = Point::new();
    point.create("S1", wants("x").signed("a"));
    point.add_value_by_hand(UNREADABLE);
    // It counts as a lasting holder.
    assert_eq!(point.update("S1", wants("x").signed("b")).warnings(), "left-as-it-is");
    point.update("S1", wants("y").signed("a")).refused();
    // The delegation is not deleted, and the value stays.
    let done = point.delete("S1");
    assert_eq!((done.shape().as_str(), done.warnings().as_str()), ("-TXT +TXT", "left-to-others"));
    assert_eq!((point.delegated_to().as_str(), point.secured_by().as_str()), ("x", "a"));
    assert_eq!(point.record().values(), [UNREADABLE]);
    assert!(done.text().contains("can't read"), "{}", done.text());
}

#[test]
fn a_delegation_with_an_unreadable_value_is_not_overwritten() {
    let mut point = Point::new();
    point.set_by_hand("h", 60);
    point.add_value_by_hand(UNREADABLE);
    let done = point.create("S1", wants("x").overwriting());
    assert_eq!(done.refused().code(), "ownership-record-unreadable");
    assert_eq!(point.create("S1", wants("h")).action(), Action::Shared, "it is no adoption");
    assert!(point.is_settled());
}

#[test]
fn with_an_unreadable_value_drift_is_not_repaired() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    point.set_by_hand("z", 60);
    point.add_value_by_hand(UNREADABLE);
    assert_eq!(point.update("S1", wants("x")).warnings(), "left-as-it-is");
    let done = point.delete_knowing("S1", "z");
    assert_eq!(
        (done.shape().as_str(), done.warnings().as_str()),
        ("-TXT +TXT", "changed-by-others")
    );
}

#[test]
fn an_ownership_record_with_a_routing_policy_is_ignored_and_left() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    point.observed.ownership.as_mut().unwrap().is_simple = false;
    point.create("S2", wants("x")).refused();
    assert_eq!(point.update("S1", wants("x")).shape(), "");
    assert_eq!(point.delete("S1").shape(), "");
    assert_eq!(point.delete_invented("S1").shape(), "");
}

/// LEAVE-11: somebody with permission to write TXT records has filled the record, so that no batch
/// can replace it any more.
#[test]
fn a_record_that_others_filled_stops_neither_updates_nor_deletes() {
    let of_characters: Vec<String> = (0..122).map(|n| format!("\"{n:0>254}\"")).collect();
    let mut point = Point::new();
    point.create("S1", wants("x").signed("a"));
    for value in &of_characters {
        point.add_value_by_hand(value);
    }
    let full = point.record().values();
    // An Update that asks for nothing new is not refused, and sends no batch.
    for wish in [wants("x").signed("a"), wants("x").signed("a").ttl(60)] {
        assert_eq!(point.update("S1", wish).warnings(), "left-as-it-is");
    }
    let asks = point.clone().update("S1", wants("x"));
    assert_eq!(asks.refused().code(), "ownership-record-full");
    assert_eq!(point.create("S2", wants("x")).refused().code(), "ownership-record-full");
    // A late Create of S2 finds no room either.
    assert_eq!(point.delete_invented("S2").shape(), "");
    let done = point.delete("S1");
    assert_eq!((done.shape().as_str(), done.warnings().as_str()), ("-NS -DS", "claim-left"));
    assert_eq!(point.record().values(), full);

    // So many values that there is no room for another.
    let mut point = Point::new();
    point.create("S1", wants("x"));
    for n in 0..399 {
        point.add_value_by_hand(&format!("\"{n}\""));
    }
    assert_eq!(point.create("S2", wants("x")).refused().code(), "ownership-record-full");
    assert_eq!(point.delete_invented("S2").shape(), "");
    assert_eq!(point.update("S1", wants("y")).shape(), "-NS +NS -TXT +TXT");
    assert_eq!(point.delete("S1").shape(), "-NS -TXT +TXT");
}

/// In public DNS, a forged displacement can't be told from one that this program wrote. The page on
/// security draws the conclusion: permission to write TXT records there amounts to permission to
/// delegate.
#[test]
fn known_the_next_delete_restores_a_forged_displacement() {
    let forge = |point: &mut Point, at: i64| {
        let of = Digest::from_name_servers(&servers("x"));
        let text = format!("before=displaced,of={of},at={at},claimed=no,ttl=60,ns=ns1.e.net.");
        point.add_value_by_hand(&format!("\"heritage=custom-delegation,{text}\""));
    };
    let mut point = Point::new();
    point.create("S1", wants("x"));
    point.update("S1", wants("x"));
    let (mut later, now) = (point.clone(), point.clock);
    forge(&mut point, now);
    assert_eq!(
        (point.delete("S1").warnings().as_str(), point.delegated_to().as_str()),
        ("delegation-restored", "e")
    );
    // No claim has seen the displacement, so no other resource counts as a holder.
    let mut shared = Point::new();
    for resource in ["S1", "S2"] {
        shared.create(resource, wants("x"));
        shared.update(resource, wants("x"));
    }
    let now = shared.clock;
    forge(&mut shared, now);
    assert_eq!(shared.delete("S1").warnings(), "delegation-restored");
    assert_eq!(shared.delegated_to(), "e");
    // It must be less than a day old.
    forge(&mut later, now - 2 * DAY);
    assert_eq!(
        (later.delete("S1").warnings().as_str(), later.delegated_to().as_str()),
        ("delegation-not-restored", "")
    );
}

/// TRUST-3.
#[test]
fn displaced_names_that_are_no_host_names_are_restored_but_not_shown() {
    let forge = |point: &mut Point, at: i64| {
        let of = Digest::from_name_servers(&servers("x"));
        let names = "ns1.e.net.+call%5C040mallory.net.";
        let text = format!("before=displaced,of={of},at={at},claimed=no,ttl=60,ns={names}");
        point.add_value_by_hand(&format!("\"heritage=custom-delegation,{text}\""));
    };
    for (age, code) in [(0, "delegation-restored"), (2 * DAY, "delegation-not-restored")] {
        let mut point = Point::new();
        point.create("S1", wants("x"));
        point.update("S1", wants("x"));
        let at = point.clock - age;
        forge(&mut point, at);
        let done = point.delete("S1");
        assert_eq!(done.warnings(), code);
        assert!(!done.text().contains("mallory"), "{}", done.text());
        assert!(done.text().contains("2 name servers that are not shown here"), "{}", done.text());
        let restored =
            point.observed.name_servers().is_some_and(|servers| servers.iter().count() == 2);
        assert_eq!(restored, age == 0);
    }
}

/// Nor can a forged claim. With it, a request may restore the name servers that the claim names,
/// for a name that it would otherwise be refused.
#[test]
fn known_a_forged_claim_lets_a_request_restore_its_name_servers() {
    let mut elsewhere = Point::new();
    elsewhere.create("S2", wants("e"));
    let forged = elsewhere.record().values().remove(0);
    let mut point = Point::new();
    assert_eq!(point.create("S2", wants("e").not_allowed()).refused().code(), "name-not-allowed");
    point.add_value_by_hand(&forged);
    point.clock = elsewhere.clock;
    point.update("S2", wants("e").not_allowed());
    assert_eq!(point.delegated_to(), "e");
}

/// Without the claim that somebody removed, the requests of others are planned as if its resource
/// did not rely on the delegation.
#[test]
fn known_a_removed_claim_protects_nobody() {
    let mut point = Point::new();
    for resource in ["S1", "S2"] {
        point.create(resource, wants("x"));
        point.update(resource, wants("x"));
    }
    point.drop_claim_by_hand("S2");
    let mut deleted = point.clone();
    deleted.delete("S1");
    assert_eq!(deleted.delegated_to(), "");
    point.update("S1", wants("y"));
    assert_eq!(point.delegated_to(), "y");
}

/// TRUST-6.
#[test]
fn known_a_removed_origin_is_forgotten() {
    let forget = |point: &mut Point| {
        let mut record = point.record();
        record.put_origin(None);
        point.remove_by_hand("TXT");
        for value in record.values() {
            point.add_value_by_hand(&value);
        }
    };
    // A stack that adopted a delegation made by hand removes it.
    let mut adopted = Point::new();
    adopted.set_by_hand("x", 60);
    adopted.create("S1", wants("x"));
    forget(&mut adopted);
    let done = adopted.delete("S1");
    assert_eq!((adopted.delegated_to().as_str(), done.warnings().as_str()), ("", ""));
    // A rollback does not restore what was displaced.
    let mut displaced = Point::new();
    displaced.create("S1", wants("x"));
    displaced.create("S2", wants("y").overwriting());
    forget(&mut displaced);
    let done = displaced.delete("S2");
    assert_eq!(
        (displaced.delegated_to().as_str(), done.warnings().as_str()),
        ("", "dormant-claims-left")
    );
}

/// With a forged `ds`, a DS record set that somebody made by hand looks like one of the resource.
#[test]
fn known_a_forged_claim_lets_an_update_remove_a_ds_record_set_made_by_hand() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    point.set_ds_by_hand("a");
    point.update("S1", wants("x"));
    assert_eq!(point.secured_by(), "a");
    point.edit_claim_by_hand("S1", |claim| claim.ds = Some(Digest::from_ds(&keys("a"))));
    point.update("S1", wants("x"));
    assert_eq!(point.secured_by(), "");
}

#[test]
fn no_single_edit_of_the_record_stops_updates_or_deletes() {
    // Whichever field of a claim is edited, an Update and a Delete still succeed.
    let mut point = Point::new();
    point.create("S1", wants("x"));
    let value = point.record().values().remove(0);
    let far = point.clock + 1000 * DAY;
    for (field, forged) in [
        ("at=", format!("at={far}")),
        ("by=", "by=came".to_owned()),
        ("ns=", "ns=0123456789abcdef".to_owned()),
        ("for=", "for=0123456789abcdef".to_owned()),
        ("req=", "req=01234567".to_owned()),
        ("claim=", "claim=0123456789abcdef".to_owned()),
    ] {
        let fields: Vec<String> = value
            .split(',')
            .map(|text| if text.starts_with(field) { forged.clone() } else { text.to_owned() })
            .collect();
        let mut forged = point.clone();
        forged.remove_by_hand("TXT");
        forged.add_value_by_hand(&fields.join(","));
        let done = forged.update("S1", wants("x"));
        assert!(
            matches!(done.decision, crate::reconcile::Decision::Proceed(_)),
            "{field} {done:?}"
        );
        let done = forged.delete("S1");
        assert!(
            matches!(done.decision, crate::reconcile::Decision::Proceed(_)),
            "{field} {done:?}"
        );
        // A delegation that is left is named.
        assert!(forged.delegated_to().is_empty() || done.text().contains("ns1.x.net"), "{field}");
    }
}
