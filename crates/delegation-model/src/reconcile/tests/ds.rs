//! The DS record set. Rules DS-….

use super::driver::*;
use crate::digest::Digest;
use crate::reconcile::{Action, Decision, UpdateBehavior};
use crate::record_set::RecordType;
use crate::ttl::Ttl;

fn created(intent: Intent) -> Point {
    let mut point = Point::new();
    point.create("S1", intent);
    point
}

fn managed(point: &Point, resource: &str) -> Option<Digest> {
    point.claim(resource).ds
}

/// `None` for no letters.
fn digest(letters: &str) -> Option<Digest> {
    (!letters.is_empty()).then(|| Digest::from_ds(&keys(letters)))
}

#[test]
fn a_new_delegation_is_created_with_its_ds_in_one_batch() {
    for arrive in [Point::create, Point::replace] {
        let mut point = Point::new();
        assert_eq!(arrive(&mut point, "S1", wants("x").signed("a")).shape(), "+NS +DS +TXT");
        assert_eq!(managed(&point, "S1"), digest("a"));
        assert_eq!(point.observed.at_cut(&RecordType::Ds).unwrap().ttl.unwrap().seconds(), 3600);
    }
}

#[test]
fn its_manager_adds_it_replaces_it_changes_its_ttl_and_removes_it() {
    let mut point = created(wants("x"));
    for (intent, shape, keys) in [
        (wants("x").signed("a"), "+DS -TXT +TXT", "a"),
        (wants("x").signed("ab"), "-DS +DS -TXT +TXT", "ab"),
        (wants("x").signed("b"), "-DS +DS -TXT +TXT", "b"),
        (wants("x").signed("b").ds_ttl(60), "-DS +DS -TXT +TXT", "b"),
        (wants("x").signed("b").ds_ttl(60), "-TXT +TXT", "b"),
        (wants("x"), "-DS -TXT +TXT", ""),
    ] {
        let done = point.update("S1", intent);
        assert_eq!((done.shape().as_str(), point.secured_by().as_str()), (shape, keys));
        let expected = if done.plan().only_refreshes { Action::Unchanged } else { Action::Updated };
        assert_eq!((done.action(), done.plan().only_refreshes), (expected, shape == "-TXT +TXT"));
        assert_eq!(managed(&point, "S1"), digest(keys));
    }
}

#[test]
fn one_that_was_changed_by_hand_is_corrected() {
    let mut point = created(wants("x").signed("a"));
    point.set_ds_by_hand("z");
    point.update("S1", wants("x").signed("a"));
    assert_eq!(point.secured_by(), "a");
    point.remove_by_hand("DS");
    point.update("S1", wants("x").signed("a"));
    assert_eq!(point.secured_by(), "a");
}

#[test]
fn an_arrival_leaves_the_ds_record_set() {
    for (by_hand, intent) in
        [("", wants("x").signed("a")), ("z", wants("x").signed("a")), ("z", wants("x"))]
    {
        let mut point = Point::new();
        point.set_by_hand("x", 172_800);
        if !by_hand.is_empty() {
            point.set_ds_by_hand(by_hand);
        }
        let done = point.create("S1", intent.clone());
        assert_eq!((done.shape().as_str(), point.secured_by().as_str()), ("+TXT", by_hand));
        assert_eq!(done.warnings(), if intent.dnssec { "next-update-changes" } else { "" });
        assert_eq!(managed(&point, "S1"), None);
    }
}

/// DS-6.
#[test]
fn one_that_was_found_is_managed_once_the_delegation_is_settled() {
    let mut point = Point::new();
    point.set_by_hand("x", 172_800);
    point.set_ds_by_hand("a");
    point.create("S1", wants("x").signed("a"));
    assert_eq!(managed(&point, "S1"), None, "the adoption may be rolled back");
    let mut rolled_back = point.clone();
    rolled_back.delete("S1");
    assert_eq!(rolled_back.secured_by(), "a");
    point.update("S1", wants("x").signed("a"));
    assert_eq!(managed(&point, "S1"), digest("a"));
}

/// DS-6.
#[test]
fn one_that_was_made_by_hand_or_retained_outlives_the_rollback_of_an_arrival() {
    // A DS record set that was made by hand, next to the delegation of another stack.
    let mut point = created(wants("x"));
    point.set_ds_by_hand("a");
    point.create("S2", wants("x").signed("a"));
    assert_eq!(managed(&point, "S2"), None);
    point.delete("S2");
    assert_eq!(point.secured_by(), "a");
    // One that was retained, and is declared again; the keys may be known or not.
    for intent in [wants("x").signed("a"), wants("x").signed("b"), wants("x").signed_somehow()] {
        let mut point = created(wants("x").signed("a"));
        point.create("S1", intent);
        point.delete("S1");
        assert_eq!((point.delegated_to().as_str(), point.secured_by().as_str()), ("x", "a"));
    }
}

#[test]
fn one_that_another_claim_manages_is_managed_by_both() {
    let mut point = created(wants("x").signed("a"));
    point.create("S2", wants("x").signed("a"));
    assert_eq!(managed(&point, "S2"), digest("a"));
    for first in ["S1", "S2"] {
        let mut point = point.clone();
        point.delete(first);
        assert_eq!(point.secured_by(), "a");
    }
}

/// DS-4.
#[test]
fn one_that_another_claim_manages_is_never_replaced_or_removed() {
    for overwrite in [false, true] {
        let mut point = created(wants("x").signed("a"));
        let intent = |intent: Intent| Intent { overwrite, ..intent };
        let done = point.create("S2", intent(wants("x").signed("b")));
        assert_eq!(done.warnings(), "delegation-shared ds-left");
        assert!(done.text().contains("managed by S1/D"), "{}", done.text());
        // If the request asks for nothing new, it is a Warning.
        let done = point.update("S2", intent(wants("x").signed("b")));
        assert_eq!((done.warnings().as_str(), point.secured_by().as_str()), ("left-as-it-is", "a"));
        // If it asks for something new, it is a refusal.
        let mut anew = point.clone();
        anew.update("S2", intent(wants("x")));
        anew.wait(DAY);
        let done = anew.update("S2", intent(wants("x").signed("b")));
        assert_eq!(done.refused().code(), "ds-claimed-by-others");
        assert!(done.text().contains("S1/D"), "{}", done.text());
        // A resource that manages it as well does not remove it either.
        let mut both = created(wants("x").signed("a"));
        both.create("S2", wants("x").signed("a"));
        let done = both.update("S2", intent(wants("x")));
        assert_eq!((done.warnings().as_str(), both.secured_by().as_str()), ("ds-left", "a"));
        assert_eq!(managed(&both, "S2"), None);
    }
}

#[test]
fn its_ttl_stays_if_another_claim_manages_it_unless_the_request_changes_it() {
    let mut point = created(wants("x").signed("a").ds_ttl(60));
    point.create("S2", wants("x").signed("a").ds_ttl(300));
    let ttl =
        |point: &Point| point.observed.at_cut(&RecordType::Ds).unwrap().ttl.unwrap().seconds();
    point.update("S2", wants("x").signed("a").ds_ttl(300));
    assert_eq!(ttl(&point), 60);
    point.update("S2", wants("x").signed("a").ds_ttl(900));
    assert_eq!(ttl(&point), 900);
}

#[test]
fn one_that_nobody_manages_is_replaced_only_with_allow_overwrite() {
    let mut point = created(wants("x"));
    point.set_ds_by_hand("z");
    let done = point.update("S1", wants("x").signed("a"));
    assert_eq!(done.refused().code(), "ds-not-ours");
    assert!(done.text().contains("122 13 2 AB"), "{}", done.text());
    point.update("S1", wants("x").signed("a").overwriting());
    assert_eq!(point.secured_by(), "a");
}

#[test]
fn turning_dnssec_off_leaves_one_that_the_claim_does_not_manage() {
    let mut point = created(wants("x"));
    point.set_ds_by_hand("z");
    assert_eq!(point.update("S1", wants("x")).warnings(), "");
    let mut point = created(wants("x").signed("a"));
    point.set_ds_by_hand("z");
    let done = point.update("S1", wants("x"));
    assert_eq!((done.warnings().as_str(), point.secured_by().as_str()), ("ds-left", "z"));
    assert_eq!(managed(&point, "S1"), None);
}

#[test]
fn name_servers_never_change_under_one() {
    for overwrite in [false, true] {
        let intent = |intent: Intent| Intent { overwrite, ..intent };
        let point = created(wants("x").signed("a"));
        for (desired, code) in [
            (wants("y").signed("a"), "ds-exists"),
            (wants("y").signed("b"), "ds-exists"),
            (wants("y"), "ds-exists"),
        ] {
            let done = point.clone().update("S1", intent(desired));
            assert_eq!(done.refused().code(), code);
            assert!(done.text().contains("wait 7200 seconds"), "{}", done.text());
        }
        let mut by_hand = created(wants("x"));
        by_hand.set_ds_by_hand("z");
        assert_eq!(by_hand.update("S1", intent(wants("y"))).refused().code(), "ds-of-others");
    }
    let mut point = created(wants("x").signed("a"));
    let done = point.create("S2", wants("y").overwriting());
    assert_eq!(done.refused().code(), "ds-of-others");
    assert!(done.text().contains("S1/D"), "{}", done.text());
}

#[test]
fn name_servers_never_change_in_the_batch_that_would_add_one() {
    let mut point = created(wants("x"));
    assert_eq!(point.update("S1", wants("y").signed("a")).refused().code(), "ds-with-name-servers");
    assert_eq!(
        point.create("S2", wants("y").signed("a").overwriting()).refused().code(),
        "ds-with-name-servers"
    );
}

/// Found by the model checker: a rename had removed the DS record set, and the next Update turned
/// `Dnssec` off and changed the child zone. Its rollback left the name servers of the child zone
/// that the same rollback deletes.
#[test]
fn a_rollback_restores_the_name_servers_and_leaves_the_ds_for_later() {
    let mut point = created(wants("x").signed("a"));
    point.remove_by_hand("DS");
    point.update("S1", wants("y"));
    let displaced = i64::from(Ttl::DELEGATION.seconds());
    let done = point.update("S1", wants("x").signed("a"));
    assert_eq!(
        (done.shape().as_str(), done.warnings().as_str()),
        ("-NS +NS -TXT +TXT", "ds-deferred")
    );
    assert_eq!((point.delegated_to().as_str(), point.secured_by().as_str()), ("x", ""));
    // It is added once resolvers no longer have the others.
    assert_eq!(point.update("S1", wants("x").signed("a")).warnings(), "ds-deferred");
    point.wait(displaced);
    let done = point.update("S1", wants("x").signed("a"));
    assert_eq!(
        (done.warnings().as_str(), point.secured_by().as_str()),
        ("unsigned-answers-kept", "a")
    );

    // A request for something new is refused as usual, and so is a rollback after more than a day.
    let mut point = created(wants("x").signed("a"));
    point.remove_by_hand("DS");
    point.update("S1", wants("y"));
    assert_eq!(
        point.clone().update("S1", wants("z").signed("a")).refused().code(),
        "ds-with-name-servers"
    );
    point.wait(DAY + 1);
    assert_eq!(point.update("S1", wants("x").signed("a")).refused().code(), "ds-with-name-servers");
}

/// Found by the model checker: the claim named its earlier name servers together with the DS record
/// set of the others, and a later Update restored the former under the latter.
#[test]
fn regression_a_rollback_under_a_ds_does_not_make_the_zone_bogus_later() {
    let mut point = created(wants("x"));
    // Somebody changes the name servers by hand. Then the template does, together with its first DS
    // record set.
    point.set_by_hand("y", 300);
    point.update("S1", wants("y").signed("a"));
    let done = point.update("S1", wants("x"));
    assert_eq!((done.warnings().as_str(), point.delegated_to().as_str()), ("left-as-it-is", "y"));
    assert_eq!(point.update("S1", wants("x").signed("b")).refused().code(), "ds-exists");

    // If others hold the current name servers, only they manage the DS record set from then on.
    let mut point = created(wants("y").signed("a"));
    point.create("S2", wants("x").overwriting()).refused();
    point.create("S2", wants("y").signed("a"));
    point.update("S2", wants("y").signed("a"));
    point.edit_claim_by_hand("S2", |claim| claim.previous_intent = Some(wants("x").digest()));
    assert_eq!(point.update("S2", wants("x")).warnings(), "left-as-it-is");
    let claim = point.claim("S2");
    assert_eq!((claim.ns, claim.ds), (Digest::from_name_servers(&servers("x")), None));
}

#[test]
fn name_servers_that_the_claim_names_are_restored_under_one() {
    let mut point = created(wants("x").signed("a"));
    point.set_by_hand("z", 60);
    assert_eq!(point.update("S1", wants("x").signed("a")).shape(), "-NS +NS -TXT +TXT");
    assert_eq!((point.delegated_to().as_str(), point.secured_by().as_str()), ("x", "a"));
}

/// DS-5.
#[test]
fn name_servers_are_not_restored_under_one_for_others() {
    // S2 displaced S1 and has a DS record set for its own keys. This is no drift, whatever S1's
    // claim names.
    let mut point = created(wants("x"));
    point.create("S2", wants("y").overwriting());
    point.update("S2", wants("y").signed("b"));
    assert_eq!(point.secured_by(), "b");
    for intent in [wants("x").overwriting(), wants("x").signed("a").overwriting()] {
        let done = point.clone().update("S1", intent);
        let code = match &done.decision {
            Decision::Refuse(refusal) => refusal.code(),
            Decision::Proceed(plan) => plan.warnings[0].code(),
            Decision::Overtaken(overtaken) => overtaken.code(),
        };
        assert!(["ds-of-others", "left-as-it-is"].contains(&code), "{code}");
    }
    assert_eq!(point.delegated_to(), "y");
    // The same holds if somebody removed S2's name servers by hand.
    point.remove_by_hand("NS");
    assert_eq!(point.update("S1", wants("x").overwriting()).warnings(), "left-as-it-is");
    assert_eq!(point.delegated_to(), "");
}

/// DS-7.
#[test]
fn none_is_added_while_resolvers_may_have_the_replaced_name_servers() {
    for covered in [false, true] {
        let mut point = created(if covered { wants("x").signed("a") } else { wants("x") });
        point.set_by_hand("z", 100);
        let old = if covered { "a" } else { "" };
        let done = point.update("S1", wants("x").signed("b").reading("x"));
        assert_eq!(
            (done.warnings().as_str(), point.secured_by().as_str()),
            ("drift-repaired ds-deferred", old)
        );
        assert_eq!(managed(&point, "S1"), digest(old));
        // A rollback of the same deployment waits, too, and so does another holder.
        let mut shared = point.clone();
        shared.create("S2", wants("x").signed("b"));
        shared.delete("S1");
        assert_eq!(shared.update("S2", wants("x").signed("b")).warnings(), "ds-deferred");
        let done = point.update("S1", wants("x").signed("b"));
        assert_eq!((done.warnings().as_str(), point.secured_by().as_str()), ("ds-deferred", old));
        point.wait(100);
        let done = point.update("S1", wants("x").signed("b"));
        let expected = if covered { "keys-must-stay" } else { "unsigned-answers-kept" };
        assert_eq!((done.warnings().as_str(), point.secured_by().as_str()), (expected, "b"));
        assert_eq!(point.claim("S1").hold, None);
    }
}

#[test]
fn removed_name_servers_are_not_replaced_by_others_under_one() {
    // Somebody removed the NS record set, which resolvers still have.
    let mut point = created(wants("x").signed("a"));
    point.remove_by_hand("NS");
    assert_eq!(point.clone().update("S1", wants("y").signed("a")).refused().code(), "ds-exists");
    let mut bare = point.clone();
    bare.remove_by_hand("DS");
    assert_eq!(bare.update("S1", wants("y").signed("a")).refused().code(), "ds-with-name-servers");
    assert_eq!(bare.update("S1", wants("y")).action(), Action::Created);
    // The same name servers are restored, no matter what others asked for before.
    point.create("S2", wants("x"));
    point.edit_claim_by_hand("S2", |claim| claim.ns = Digest::from_name_servers(&servers("q")));
    point.remove_by_hand("NS");
    assert_eq!(point.update("S1", wants("x").signed("a")).shape(), "+NS -TXT +TXT");
}

/// DS-5.
#[test]
fn no_delegation_is_created_under_an_unknown_one() {
    let mut point = Point::new();
    point.set_ds_by_hand("z");
    assert_eq!(point.create("S1", wants("x")).refused().code(), "ds-of-others");
    assert_eq!(point.create("S1", wants("x").signed("a")).refused().code(), "ds-not-ours");
    assert_eq!(point.create("S1", wants("x").signed("z")).action(), Action::Created);
    // A DS record set of a claim on the same name servers fits them.
    let mut point = created(wants("x").signed("a"));
    point.remove_by_hand("NS");
    assert_eq!(point.create("S2", wants("x")).action(), Action::Created);
}

#[test]
fn unknown_keys_fail_arrivals_and_requests_for_something_new() {
    for (current, claim) in [("", false), ("z", false), ("z", true)] {
        let mut point = Point::new();
        point.set_by_hand("x", 172_800);
        if !current.is_empty() {
            point.set_ds_by_hand(current);
        }
        if !claim {
            assert_eq!(
                point.create("S1", wants("x").signed_somehow()).refused().code(),
                "ds-unknown"
            );
        }
        point.create("S1", wants("x"));
        let done = point.update("S1", wants("x").signed_somehow());
        assert_eq!(done.refused().code(), "ds-unknown");
        assert!(done.text().contains("is not signing"), "{}", done.text());
    }
    assert_eq!(
        Point::new().create("S1", wants("x").signed_somehow()).refused().code(),
        "ds-unknown"
    );
}

#[test]
fn keys_that_are_no_longer_known_leave_everything_as_it_is() {
    let mut point = created(wants("x").signed("a"));
    let done = point.update("S1", wants("x").signed_somehow());
    assert_eq!((done.warnings().as_str(), point.secured_by().as_str()), ("ds-not-known", "a"));
    assert_eq!(managed(&point, "S1"), digest("a"));
    point.remove_by_hand("DS");
    assert_eq!(point.update("S1", wants("x").signed_somehow()).warnings(), "ds-not-known");
    // Another resource may share the delegation while the keys are not known.
    let mut point = created(wants("x").signed("a"));
    assert_eq!(
        point.create("S2", wants("x").signed_somehow()).warnings(),
        "delegation-shared ds-not-known"
    );
}

#[test]
fn a_failed_check_keeps_the_ds_and_its_claim() {
    let mut point = created(wants("x").signed("a"));
    assert_eq!(
        point.update("S1", wants("x").signed("b").failing_check()).warnings(),
        "left-as-it-is"
    );
    assert_eq!((managed(&point, "S1"), point.secured_by().as_str()), (digest("a"), "a"));
}

#[test]
fn one_with_a_routing_policy_is_not_touched() {
    let mut point = created(wants("x").signed("a"));
    let at =
        point.observed.at_cut.iter().position(|set| set.record_type == RecordType::Ds).unwrap();
    point.observed.at_cut[at].is_simple = false;
    assert_eq!(point.update("S1", wants("x").signed("b")).warnings(), "left-as-it-is");
    assert_eq!(point.update("S1", wants("x")).shape(), "-TXT +TXT");
    let done = point.delete("S1");
    assert_eq!(
        (done.shape().as_str(), done.warnings().as_str()),
        ("-NS -TXT", "ds-with-routing-policy-left")
    );
}

#[test]
fn a_move_with_unknown_keys_is_refused_even_if_nothing_new_is_asked_for() {
    let mut point = created(wants("x"));
    point.remove_by_hand("NS");
    point.remove_by_hand("TXT");
    let mut request = point.request(
        "S1",
        UpdateBehavior::Replacement { from: moved_from() },
        &wants("x").signed_somehow(),
    );
    request.goal.old_intent = Some(request.goal.intent);
    assert_eq!(point.deliver(&request).refused().code(), "ds-unknown");
}

/// DS-8. Resolvers may have key sets from before the key was created, and find no key for its
/// record.
#[test]
fn a_ds_record_set_never_has_only_keys_that_are_too_young() {
    for current in [wants("x").signed("a"), wants("x"), wants("x").signed("ab")] {
        let mut point = created(current);
        let before = point.secured_by();
        // The request asks for another key.
        let ask = |point: &mut Point, age| {
            let mut request =
                point.request("S1", UpdateBehavior::InPlace, &wants("x").signed("b").key_age(age));
            request.goal.intent = wants("y").digest();
            point.deliver(&request)
        };
        assert_eq!(ask(&mut point, 0).refused().code(), "key-too-young");
        assert_eq!(ask(&mut point, HOUR - 1).refused().code(), "key-too-young");
        assert_eq!(point.secured_by(), before);
        ask(&mut point, HOUR);
        assert_eq!(point.secured_by(), "b");
    }
}

#[test]
fn a_young_key_is_added_to_an_existing_one_and_to_a_new_delegation() {
    let mut point = created(wants("x").signed("a").key_age(0));
    assert_eq!(point.secured_by(), "a");
    point.update("S1", wants("x").signed("ab").key_age(0));
    assert_eq!(point.secured_by(), "ab");
}

/// For a rollback Update, and an Update of something else, it is a `Warning`, and everything stays
/// (UPDATE-4).
#[test]
fn a_young_key_does_not_fail_a_request_for_nothing_new() {
    let mut point = created(wants("x").signed("a"));
    point.update("S1", wants("x").signed("b").key_age(HOUR));
    let back = point.update("S1", wants("x").signed("a").key_age(60));
    assert_eq!((back.warnings().as_str(), point.secured_by().as_str()), ("left-as-it-is", "b"));
    // The child's keys have changed, and the properties have not.
    let mut point = created(wants("x").signed("a"));
    let mut request =
        point.request("S1", UpdateBehavior::InPlace, &wants("x").signed("b").key_age(0));
    request.goal.intent = wants("x").signed("a").digest();
    let done = point.deliver(&request);
    assert_eq!((done.warnings().as_str(), point.secured_by().as_str()), ("left-as-it-is", "a"));
}

/// A DS record set that the claim names, and that somebody removed or replaced by hand, is restored
/// whatever the age of its keys.
#[test]
fn a_young_key_is_restored_after_drift() {
    let mut point = created(wants("x").signed("a").key_age(0));
    for by_hand in ["", "z"] {
        if by_hand.is_empty() {
            point.remove_by_hand("DS");
        } else {
            point.set_ds_by_hand(by_hand);
        }
        point.update("S1", wants("x").signed("a").key_age(0));
        assert_eq!(point.secured_by(), "a");
    }
}

/// DS-9.
#[test]
fn the_keys_that_must_stay_are_reported() {
    let mut point = created(wants("x"));
    assert_eq!(point.update("S1", wants("x").signed("a")).warnings(), "unsigned-answers-kept");
    assert_eq!(point.update("S1", wants("x").signed("ab").ds_ttl(300)).warnings(), "");
    let rolled = point.update("S1", wants("x").signed("b").ds_ttl(300));
    assert_eq!(rolled.warnings(), "keys-must-stay");
    let words = rolled.plan().warnings[0].to_string();
    assert!(words.contains("keys 97 of") && words.contains("300 seconds"), "{words}");
    let off = point.update("S1", wants("x"));
    assert_eq!(off.warnings(), "keys-must-stay");
    let words = off.plan().warnings[0].to_string();
    assert!(
        words.contains("keys 98 of") && words.contains("3900 seconds"),
        "the TTL of the DS record set, and then that of the keys: {words}"
    );
}
