//! Arrivals: Creates, and Updates that move the resource from another point. Rules ARRIVE-….

use super::driver::*;
use crate::ownership_record::{Claim, ClaimBasis, MAX_CHARACTERS, Origin};
use crate::reconcile::{Action, UpdateBehavior};

/// Both ways to arrive.
const ARRIVALS: [fn(&mut Point, &str, Intent) -> Done; 2] = [Point::create, Point::replace];

/// ARRIVE-1.
#[test]
fn without_an_ns_record_set_the_delegation_is_created() {
    for arrive in ARRIVALS {
        let mut point = Point::new();
        let done = arrive(&mut point, "S1", wants("x"));
        assert_eq!((done.shape().as_str(), done.action()), ("+NS +TXT", Action::Created));
        assert_eq!((point.delegated_to().as_str(), point.ttl()), ("x", 172_800));
        let claim = point.claim("S1");
        assert_eq!((claim.basis, claim.saw, claim.previous_intent), (ClaimBasis::Made, None, None));
        assert!(point.is_settled() && done.warnings().is_empty());
    }
}

#[test]
fn a_replacement_records_where_it_came_from_and_a_create_does_not() {
    let mut point = Point::new();
    point.replace("S1", wants("x"));
    point.create("S2", wants("x"));
    assert_eq!(point.claim("S1").from, Some(moved_from()));
    assert_eq!(point.claim("S2").from, None);
}

/// OWN-2.
#[test]
fn without_an_ns_record_set_a_conflict_refuses() {
    for arrive in ARRIVALS {
        let mut point = Point::new();
        point.create("S2", wants("y"));
        point.remove_by_hand("NS");
        let done = arrive(&mut point, "S1", wants("x"));
        assert_eq!(done.refused().code(), "claimed-by-others");
        assert!(done.text().contains("S2/D"), "{}", done.text());
        // With AllowOverwrite it is created, and there is nothing to restore.
        assert_eq!(arrive(&mut point, "S1", wants("x").overwriting()).shape(), "+NS -TXT +TXT");
        assert!(point.is_settled());
        assert_eq!(point.claimed_by(), "S1 S2", "no claim is removed");
    }
}

#[test]
fn a_claim_on_the_desired_name_servers_is_no_conflict() {
    let mut point = Point::new();
    point.create("S2", wants("x"));
    point.remove_by_hand("NS");
    assert_eq!(point.create("S1", wants("x")).action(), Action::Created);
}

#[test]
fn without_an_ns_record_set_an_old_before_is_removed() {
    let mut point = Point::new();
    point.set_by_hand("h", 60);
    point.create("S1", wants("x").overwriting());
    point.remove_by_hand("NS");
    point.create("S2", wants("x"));
    assert!(point.is_settled() && point.record().recorded_origin().is_none());
}

/// ARRIVE-2.
#[test]
fn an_existing_delegation_as_desired_is_claimed_not_changed() {
    for arrive in ARRIVALS {
        let mut point = Point::new();
        point.set_by_hand("x", 60);
        let done = arrive(&mut point, "S1", wants("x").signed("a"));
        assert_eq!((done.shape().as_str(), done.action()), ("+TXT", Action::Adopted));
        assert_eq!((point.ttl(), point.secured_by().as_str()), (60, ""));
        assert_eq!(point.claim("S1").basis, ClaimBasis::Came);
        assert_eq!(done.warnings(), "next-update-changes");
        assert!(
            done.text().contains("60 s") && done.text().contains("172800 s"),
            "{}",
            done.text()
        );
    }
}

#[test]
fn a_ttl_as_desired_causes_no_warning() {
    let mut point = Point::new();
    point.set_by_hand("x", 172_800);
    assert_eq!(point.create("S1", wants("x")).warnings(), "");
}

/// ARRIVE-3.
#[test]
fn name_servers_from_before_the_first_holder_are_recorded_as_such() {
    for arrive in ARRIVALS {
        let mut point = Point::new();
        point.set_by_hand("x", 60);
        arrive(&mut point, "S1", wants("x"));
        assert!(matches!(point.record().recorded_origin(), Some(Origin { displaced: None, .. })));
        assert!(!point.is_settled());
    }
}

#[test]
fn sharing_the_delegation_of_a_stack_is_no_adoption() {
    for arrive in ARRIVALS {
        let mut point = Point::new();
        point.create("S1", wants("x"));
        let done = arrive(&mut point, "S2", wants("x"));
        assert_eq!((done.shape().as_str(), done.action()), ("-TXT +TXT", Action::Shared));
        assert!(point.is_settled());
        assert_eq!(done.warnings(), "delegation-shared");
        assert!(done.text().contains("S1/D"), "{}", done.text());
    }
}

#[test]
fn an_adoption_ignores_claims_on_other_name_servers() {
    let mut point = Point::new();
    point.create("S2", wants("y"));
    point.set_by_hand("x", 60);
    assert_eq!(point.create("S1", wants("x")).action(), Action::Adopted);
    assert!(!point.is_settled());
}

/// ARRIVE-3.
#[test]
fn the_earlier_claim_of_a_replacement_counts_but_not_that_of_a_create() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    let mut replaced = point.clone();
    // Retained, and declared again.
    assert_eq!(point.create("S1", wants("x")).action(), Action::Adopted);
    assert!(!point.is_settled());
    replaced.replace("S1", wants("x"));
    assert!(replaced.is_settled());
}

/// ARRIVE-3. Another resource of the stack came first, and both were rolled back: the second Delete
/// removed the retained delegation.
#[test]
fn regression_a_retained_delegation_outlives_two_resources_that_declare_it() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    // Retained, and declared again together with S2.
    point.create("S2", wants("x"));
    point.create("S1", wants("x"));
    point.delete("S1");
    assert_eq!(point.delete("S2").warnings(), "existed-before");
    assert_eq!(point.delegated_to(), "x");
    // A lasting claim counts: its delegation was made or settled by a resource that exists.
    let mut point = Point::new();
    point.create("S1", wants("x"));
    point.create("S2", wants("x"));
    point.update("S2", wants("x"));
    point.create("S1", wants("x"));
    assert!(point.is_settled());
}

#[test]
fn a_before_about_the_current_name_servers_stays() {
    let mut point = Point::new();
    point.set_by_hand("h", 60);
    point.create("S1", wants("x").overwriting());
    let origin = point.record().recorded_origin().cloned();
    point.create("S2", wants("x"));
    assert_eq!(point.record().recorded_origin().cloned(), origin);
    assert_eq!(
        point.claim("S2").saw,
        point.claim("S1").saw,
        "a claim that is written now has seen it"
    );
    assert!(point.claim("S2").saw.is_some());
}

#[test]
fn an_adoption_replaces_a_before_about_other_name_servers() {
    let mut point = Point::new();
    point.set_by_hand("h", 60);
    point.create("S1", wants("x").overwriting());
    point.set_by_hand("z", 60);
    point.create("S2", wants("z"));
    assert!(!point.is_settled(), "a record that was made by hand must outlive S2");
    assert_eq!(point.delete("S2").warnings(), "existed-before");
    assert_eq!(point.delegated_to(), "z");
}

/// ARRIVE-4.
#[test]
fn different_name_servers_refuse() {
    for arrive in ARRIVALS {
        let mut point = Point::new();
        point.set_by_hand("h", 60);
        let done = arrive(&mut point, "S1", wants("x"));
        assert_eq!(done.refused().code(), "delegation-not-ours");
        assert!(done.text().contains("ns1.h.net") && done.text().contains("ns1.x.net"));
        point.remove_by_hand("NS");
        point.create("S2", wants("y"));
        let done = arrive(&mut point, "S1", wants("x"));
        assert!(done.text().contains("S2/D"), "{}", done.text());
    }
}

/// ARRIVE-5.
#[test]
fn allow_overwrite_displaces_and_records_the_origin() {
    for (arrive, held) in [(ARRIVALS[0], false), (ARRIVALS[1], false), (ARRIVALS[0], true)] {
        let mut point = Point::new();
        if held {
            point.create("S2", wants("h").ttl(60));
        } else {
            point.set_by_hand("h", 60);
        }
        let done = arrive(&mut point, "S1", wants("x").overwriting());
        assert!(done.shape().starts_with("-NS +NS"), "{}", done.shape());
        assert_eq!((done.action(), point.delegated_to().as_str()), (Action::Updated, "x"));
        let displaced = point.record().recorded_origin().unwrap().displaced.clone().unwrap();
        assert_eq!((displaced.name_servers, displaced.ttl.seconds()), (servers("h"), 60));
        assert_eq!(displaced.claimed, held);
        let claim = point.claim("S1");
        assert_eq!((claim.basis, claim.saw), (ClaimBasis::Made, Some(displaced.time)));
        assert_eq!(done.warnings(), "delegation-displaced");
        assert!(
            done.text().contains("ns1.h.net") && done.text().contains("60 s"),
            "{}",
            done.text()
        );
        assert_eq!(done.text().contains("S2/D"), held);
    }
}

/// ARRIVE-6.
#[test]
fn allow_overwrite_does_not_displace_an_unsettled_delegation() {
    let mut point = Point::new();
    point.set_by_hand("h", 60);
    point.create("S1", wants("x").overwriting());
    let done = point.create("S2", wants("y").overwriting());
    assert_eq!(done.refused().code(), "delegation-not-settled");
    assert!(done.text().contains("S1/D"), "{}", done.text());
    point.update("S1", wants("x"));
    assert_eq!(point.create("S2", wants("y").overwriting()).action(), Action::Updated);
}

#[test]
fn allow_overwrite_ignores_a_before_about_other_name_servers() {
    let mut point = Point::new();
    point.set_by_hand("h", 60);
    point.create("S1", wants("x").overwriting());
    point.set_by_hand("z", 60);
    assert_eq!(point.create("S2", wants("y").overwriting()).action(), Action::Updated);
    let displaced = point.record().recorded_origin().unwrap().displaced.clone().unwrap();
    assert_eq!(displaced.name_servers, servers("z"));
}

#[test]
fn allow_overwrite_is_about_record_values_alone() {
    let mut point = Point::new();
    point.create("S1", wants("x").ttl(60));
    point.create("S2", wants("x").overwriting());
    assert_eq!((point.ttl(), point.claimed_by().as_str()), (60, "S1 S2"));
    assert!(point.is_settled());
}

/// ARRIVE-4.
#[test]
fn name_servers_that_only_an_own_earlier_claim_names_are_displaced() {
    for arrive in ARRIVALS {
        let mut point = Point::new();
        point.create("S1", wants("x"));
        let done = arrive(&mut point, "S1", wants("y"));
        assert_eq!(
            (done.warnings().as_str(), point.delegated_to().as_str()),
            ("delegation-displaced", "y")
        );
        let displaced = point.record().recorded_origin().unwrap().displaced.clone().unwrap();
        assert_eq!((displaced.name_servers, displaced.claimed), (servers("x"), false));
    }
}

#[test]
fn an_own_earlier_claim_is_not_enough_if_others_hold_the_delegation() {
    for arrive in ARRIVALS {
        let mut point = Point::new();
        point.create("S1", wants("x"));
        point.create("S2", wants("x"));
        assert_eq!(
            arrive(&mut point, "S1", wants("y")).refused().code(),
            "delegation-held-by-others"
        );
    }
}

#[test]
fn an_own_earlier_claim_on_other_name_servers_is_not_enough() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    point.set_by_hand("z", 60);
    assert_eq!(point.create("S1", wants("y")).refused().code(), "delegation-not-ours");
    assert_eq!(
        point.create("S1", wants("x")).refused().code(),
        "delegation-not-ours",
        "a Create repairs no drift"
    );
}

#[test]
fn an_arrival_with_a_failed_check_is_refused() {
    for arrive in ARRIVALS {
        for intent in [wants("x").failing_check(), wants("x").unreadable()] {
            let mut point = Point::new();
            point.set_by_hand("x", 60);
            arrive(&mut point, "S1", intent).refused();
            assert_eq!(point.claimed_by(), "");
        }
    }
}

/// ARRIVE-7.
#[test]
fn a_full_ownership_record_refuses_only_arrivals() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    for _ in 0..12 {
        point.add_value_by_hand(&format!("\"{}\"", "n".repeat(998)));
    }
    assert!(point.record().characters() > MAX_CHARACTERS);
    for arrive in ARRIVALS {
        let done = arrive(&mut point, "S2", wants("x"));
        assert_eq!(done.refused().code(), "ownership-record-full");
    }
    point.update("S1", wants("x")).plan();
    assert_eq!(
        point.update("S1", wants("y")).action(),
        Action::Updated,
        "a resource that has a claim is not affected"
    );
    assert_eq!(point.delete("S1").action(), Action::Removed);
}

/// ARRIVE-7.
#[test]
fn an_arrival_may_fill_the_ownership_record_but_not_more() {
    for arrive in ARRIVALS {
        let mut point = Point::new();
        arrive(&mut point, "S1", wants("x"));
        let claim = point.record().characters();
        let with_others = |characters: usize| {
            let mut point = Point::new();
            let mut left = characters - claim;
            // With their quotes, each as long as Route 53 accepts.
            for letter in ["a", "b", "c", "d"] {
                let length = left.min(3_900);
                if length > 2 {
                    point.add_value_by_hand(&format!("\"{}\"", letter.repeat(length - 2)));
                }
                left -= length;
            }
            point
        };
        let mut point = with_others(MAX_CHARACTERS);
        assert_eq!(arrive(&mut point, "S1", wants("x")).action(), Action::Created);
        assert_eq!(point.record().characters(), MAX_CHARACTERS);
        let mut point = with_others(MAX_CHARACTERS + 1);
        let done = arrive(&mut point, "S1", wants("x"));
        assert_eq!(done.refused().code(), "ownership-record-full");
    }
}

#[test]
fn an_overtaken_create_changes_nothing() {
    let mut point = Point::new();
    let create = point.request("S1", UpdateBehavior::Create, &wants("x"));
    point.create("S1", wants("y"));
    assert_eq!(point.deliver(&create).overtaken(), "overtaken");
    assert_eq!(point.delegated_to(), "y");
}

/// UPDATE-6.
#[test]
fn a_delivery_that_finds_the_claim_of_its_request_marks_it_and_changes_nothing_else() {
    for overwrite in [false, true] {
        let mut point = Point::new();
        if overwrite {
            point.set_by_hand("h", 60);
        }
        let intent = Intent { overwrite, ..wants("x") };
        let create = point.request("S1", UpdateBehavior::Create, &intent);
        point.deliver(&create);
        let there = point.clone();
        let again = point.deliver(&create);
        assert!(again.plan().finds_own_request && again.plan().only_refreshes);
        assert_eq!((again.action(), again.shape().as_str()), (Action::Created, "-TXT +TXT"));
        assert_eq!(point.claim("S1"), Claim { again: true, ..there.claim("S1") });
        assert_eq!(point.deliver(&create).shape(), "", "once");
        // Somebody has changed the name servers since. Still nothing changes, with a Warning.
        point.set_by_hand("z", 60);
        let again = point.deliver(&create);
        assert_eq!((again.shape().as_str(), again.warnings().as_str()), ("", "changed-since"));
    }
}

/// UPDATE-6.
#[test]
fn a_second_delivery_answers_with_the_action_of_the_first() {
    let replacement = UpdateBehavior::Replacement { from: moved_from() };
    let deliver_twice = |mut point: Point, behavior: UpdateBehavior| {
        let request = point.request("S1", behavior, &wants("x"));
        (point.deliver(&request).action(), point.deliver(&request).action())
    };
    let (mut adopted, mut shared) = (Point::new(), Point::new());
    adopted.set_by_hand("x", 172_800);
    shared.create("S2", wants("x"));
    for (point, action) in [
        (Point::new(), Action::Created),
        (adopted.clone(), Action::Adopted),
        (shared.clone(), Action::Shared),
    ] {
        assert_eq!(deliver_twice(point, UpdateBehavior::Create), (action, action));
    }
    // A replacement that made the delegation may since be an Update at its home.
    for (point, first, second) in [
        (Point::new(), Action::Created, Action::Unchanged),
        (adopted, Action::Adopted, Action::Adopted),
        (shared, Action::Shared, Action::Shared),
    ] {
        assert_eq!(deliver_twice(point, replacement.clone()), (first, second));
    }
}

/// ARRIVE-8.
#[test]
fn a_failed_arrival_undoes_what_it_wrote_and_nothing_else() {
    for (by_hand, left) in [(None, ""), (Some("h"), "h"), (Some("x"), "x")] {
        let mut point = Point::new();
        if let Some(letter) = by_hand {
            point.set_by_hand(letter, 60);
        }
        let before = point.observed.clone();
        let intent = wants("x").overwriting();
        let create = point.request("S1", UpdateBehavior::Create, &intent);
        point.deliver(&create);
        point.undo(&create);
        assert_eq!((&point.observed, point.delegated_to().as_str()), (&before, left));
        // Without its claim there is nothing to undo.
        assert_eq!(point.undo(&create).shape(), "");
    }
    let mut point = Point::new();
    let create = point.request("S1", UpdateBehavior::Create, &wants("x"));
    point.deliver(&create);
    point.update("S1", wants("x"));
    assert_eq!(point.undo(&create).shape(), "", "a later request has written the claim");
}

/// ARRIVE-8.
#[test]
fn the_first_delivery_undoes_nothing_that_a_second_one_may_have_answered() {
    // Found by the model checker. Two deliveries of one request run at the same time. The second
    // finds what the first wrote, and answers SUCCESS. Then the first fails its check, or finds the
    // old point cleaned up.
    for behavior in [UpdateBehavior::Create, UpdateBehavior::Replacement { from: moved_from() }] {
        let mut point = Point::new();
        let request = point.request("S1", behavior, &wants("x"));
        point.deliver(&request);
        point.deliver(&request);
        assert_eq!(point.undo(&request).shape(), "");
        assert_eq!((point.delegated_to().as_str(), point.claimed_by().as_str()), ("x", "S1"));
        // The rollback of the stack removes it as usual.
        assert_eq!(point.delete("S1").action(), Action::Removed);
    }
    // In a move back, what the first delivery wrote is home to the second one.
    let mut point = Point::new();
    let first =
        point.request("S1", UpdateBehavior::Replacement { from: moved_from() }, &wants("x"));
    let mut second = first.clone();
    second.goal.behavior = UpdateBehavior::InPlace;
    point.deliver(&first);
    assert!(point.deliver(&second).plan().finds_own_request);
    assert_eq!(point.undo(&first).shape(), "");
}
