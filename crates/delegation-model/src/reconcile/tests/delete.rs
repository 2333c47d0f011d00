//! Deletes. Rules LEAVE-….

use super::driver::*;
use crate::ids::ZoneId;
use crate::ownership_record::MovedFrom;
use crate::reconcile::{Action, DeleteGoal, DeleteReason, UpdateBehavior};

fn created(intent: Intent) -> Point {
    let mut point = Point::new();
    point.create("S1", intent);
    point
}

/// LEAVE-1.
#[test]
fn without_a_claim_a_delete_changes_nothing() {
    let mut point = Point::new();
    let done = point.delete("S1");
    assert_eq!((done.shape().as_str(), done.warnings().as_str()), ("", ""));
    assert_eq!(done.plan().action, None);
    point.set_by_hand("x", 60);
    let done = point.delete("S1");
    assert_eq!((done.shape().as_str(), done.warnings().as_str()), ("", "delete-without-claim"));
    assert!(done.text().contains("ns1.x.net") && done.text().contains(CUT), "{}", done.text());
    point.create("S2", wants("x"));
    assert!(point.delete("S1").text().contains("S2/D"));
}

#[test]
fn without_an_ns_record_set_the_claim_is_removed() {
    let mut point = created(wants("x"));
    point.remove_by_hand("NS");
    let done = point.delete("S1");
    assert_eq!(
        (done.shape().as_str(), done.action(), done.warnings().as_str()),
        ("-TXT", Action::Left, "")
    );
}

#[test]
fn without_an_ns_record_set_an_own_ds_record_set_is_removed() {
    for (other, shape) in [(false, "-DS -TXT"), (true, "-TXT +TXT")] {
        let mut point = created(wants("x").signed("a"));
        if other {
            point.create("S2", wants("x").signed("a"));
        }
        point.remove_by_hand("NS");
        assert_eq!(point.delete("S1").shape(), shape);
    }
    let mut point = created(wants("x").signed("a"));
    point.remove_by_hand("NS");
    point.set_ds_by_hand("b");
    assert_eq!(point.delete("S1").shape(), "-TXT", "it is not the one that S1 wrote");
}

#[test]
fn before_is_removed_with_the_last_claim() {
    let mut point = Point::new();
    point.set_by_hand("h", 60);
    point.create("S1", wants("x").overwriting());
    point.create("S2", wants("x"));
    point.remove_by_hand("NS");
    point.delete("S1");
    assert!(point.record().recorded_origin().is_some());
    point.delete("S2");
    assert_eq!(point.observed.ownership, None);
}

/// LEAVE-2.
#[test]
fn while_others_hold_the_delegation_only_the_claim_is_removed() {
    let mut point = created(wants("x"));
    point.create("S2", wants("x"));
    let done = point.delete("S1");
    assert_eq!((done.shape().as_str(), done.action()), ("-TXT +TXT", Action::Left));
    assert_eq!((done.warnings().as_str(), point.claimed_by().as_str()), ("left-to-others", "S2"));
    let words = ["S2/D", "ns1.x.net", CUT];
    assert!(words.iter().all(|word| done.text().contains(word)), "{}", done.text());
}

/// LEAVE-7.
#[test]
fn the_last_claim_that_names_a_ds_record_set_removes_it() {
    for (second, left) in [(wants("x").signed("a"), "a"), (wants("x"), "")] {
        let mut point = created(wants("x").signed("a"));
        point.create("S2", second);
        point.delete("S1");
        assert_eq!((point.secured_by().as_str(), point.delegated_to().as_str()), (left, "x"));
    }
}

/// LEAVE-3.
#[test]
fn the_last_holder_removes_a_settled_delegation() {
    let mut point = created(wants("x"));
    point.set_ds_by_hand("z");
    // Deleted exactly as read, in a different spelling.
    point.observed.at_cut[0].values = vec!["NS1.X.net".into()];
    let done = point.delete("S1");
    assert_eq!((done.shape().as_str(), done.action()), ("-NS -DS -TXT", Action::Removed));
    assert!(point.observed.at_cut.is_empty() && done.warnings().is_empty());
}

/// OWN-2, LEAVE-3.
#[test]
fn a_dormant_claim_does_not_keep_a_delegation() {
    let mut point = created(wants("x"));
    point.create("S2", wants("y").overwriting());
    point.update("S2", wants("y"));
    let done = point.delete("S2");
    assert_eq!(
        (done.shape().as_str(), done.warnings().as_str()),
        ("-NS -TXT +TXT", "dormant-claims-left")
    );
    assert!(done.text().contains("S1/D") && done.text().contains("ns1.y.net"), "{}", done.text());
    assert_eq!(point.claimed_by(), "S1");
}

/// LEAVE-4.
#[test]
fn name_servers_from_before_the_first_holder_stay() {
    let mut point = Point::new();
    point.set_by_hand("x", 60);
    point.create("S1", wants("x"));
    point.wait(10 * DAY);
    let done = point.delete("S1");
    assert_eq!((done.shape().as_str(), done.warnings().as_str()), ("-TXT", "existed-before"));
    assert!(done.text().contains("ns1.x.net"), "{}", done.text());
    assert_eq!(point.delegated_to(), "x");
}

#[test]
fn the_last_of_several_holders_restores_the_displaced_name_servers() {
    for first in ["S1", "S2"] {
        let last = if first == "S1" { "S2" } else { "S1" };
        let mut point = Point::new();
        point.set_by_hand("h", 60);
        point.create("S1", wants("x").overwriting());
        point.create("S2", wants("x"));
        assert_eq!(point.delete(first).warnings(), "left-to-others");
        assert_eq!(point.delete(last).action(), Action::PutBack);
        assert_eq!((point.delegated_to().as_str(), point.ttl()), ("h", 60));
        assert_eq!(point.observed.ownership, None);
    }
}

/// LEAVE-5.
#[test]
fn displaced_name_servers_that_nobody_claimed_are_restored_for_a_day() {
    // The Create is made one second after the start, and the Delete one second after the wait.
    for (later, back) in [(DAY - 1, true), (DAY, false)] {
        let mut point = Point::new();
        point.set_by_hand("h", 60);
        point.create("S1", wants("x").overwriting());
        point.wait(later);
        let done = point.delete("S1");
        let expected =
            if back { ("h", "delegation-restored") } else { ("", "delegation-not-restored") };
        assert_eq!((point.delegated_to().as_str(), done.warnings().as_str()), expected);
        assert!(
            done.text().contains("ns1.h.net") && done.text().contains("60 s"),
            "{}",
            done.text()
        );
        assert_eq!(point.observed.ownership, None);
    }
}

#[test]
fn displaced_name_servers_that_are_still_claimed_are_restored_at_any_time() {
    let mut point = created(wants("x"));
    point.create("S2", wants("y").overwriting());
    point.wait(100 * DAY);
    point.delete("S2");
    assert_eq!((point.delegated_to().as_str(), point.claimed_by().as_str()), ("x", "S1"));
    assert!(point.record().recorded_origin().is_none());
}

#[test]
fn displaced_name_servers_that_are_no_longer_claimed_are_not_restored() {
    let mut point = created(wants("x"));
    point.create("S2", wants("y").overwriting());
    assert_eq!(point.delete("S1").warnings(), "changed-by-others");
    let done = point.delete("S2");
    assert_eq!(
        (done.shape().as_str(), done.warnings().as_str()),
        ("-NS -TXT", "delegation-not-restored")
    );
}

#[test]
fn the_batch_that_restores_removes_the_ds_record_set() {
    let mut point = Point::new();
    point.set_by_hand("h", 60);
    point.create("S1", wants("x").overwriting());
    point.set_ds_by_hand("z");
    assert_eq!(point.delete("S1").shape(), "-NS -DS +NS -TXT");
}

/// LEAVE-6.
#[test]
fn name_servers_that_route_53_rejects_are_not_restored() {
    let mut point = created(wants("x"));
    point.create("S2", wants("y").overwriting());
    let goal = point.delete_goal("S2", DeleteReason::Requested);
    assert!(point.clone().deliver_delete(&goal).plan().restores());
    let done = point.deliver_delete(&DeleteGoal { restore_rejected: true, ..goal });
    assert_eq!(
        (done.shape().as_str(), done.warnings().as_str()),
        ("-NS -TXT +TXT", "delegation-not-restored")
    );
    assert!(done.text().contains("Route 53 did not accept"), "{}", done.text());
    assert!(point.record().recorded_origin().is_none());
}

#[test]
fn nothing_is_restored_at_a_name_that_is_not_allowed() {
    let mut point = created(wants("x"));
    point.create("S2", wants("y").overwriting());
    let goal = point.delete_goal("S2", DeleteReason::Requested);
    point.deliver_delete(&DeleteGoal { allowed: false, ..goal });
    assert_eq!(point.delegated_to(), "");
}

#[test]
fn a_claim_from_before_the_displacement_still_keeps_the_name() {
    // S1 claims x. S2 took over with y and was deleted. S1's renamed resource set x again, with
    // AllowOverwrite. The displaced name servers can't be restored, but S1's old claim names x, so
    // the delegation stays.
    let mut point = created(wants("x"));
    point.create("S2", wants("y").overwriting());
    point.update("S2", wants("y"));
    point.create("S1/New", wants("x").overwriting());
    point.delete("S2");
    let done = point.delete("S1/New");
    assert_eq!((done.warnings().as_str(), point.delegated_to().as_str()), ("left-to-others", "x"));
    assert!(point.is_settled());
    assert_eq!(point.delete("S1").action(), Action::Removed);
}

#[test]
fn name_servers_that_the_claim_does_not_name_stay_and_are_reported() {
    let mut point = created(wants("x"));
    point.set_by_hand("z", 60);
    let done = point.delete("S1");
    assert_eq!((done.shape().as_str(), done.warnings().as_str()), ("-TXT", "changed-by-others"));
    assert!(done.plan().needs_known_name_servers && done.text().contains("ns1.z.net"));
}

#[test]
fn name_servers_of_the_child_zone_that_were_set_by_hand_are_removed() {
    for (current, known, goes) in
        [("z", "z", true), ("z", "zx", true), ("zx", "z", false), ("z", "y", false)]
    {
        let mut point = created(wants("x"));
        point.set_by_hand(current, 60);
        let done = point.delete_knowing("S1", known);
        let expected = if goes { (Action::Removed, "-NS -TXT") } else { (Action::Left, "-TXT") };
        assert_eq!((done.action(), done.shape().as_str()), expected, "{current} {known}");
    }
}

#[test]
fn name_servers_of_the_child_zone_stay_if_others_claim_them() {
    let mut point = created(wants("x"));
    point.create("S2", wants("z").overwriting());
    let done = point.delete_knowing("S1", "z");
    assert_eq!((done.shape().as_str(), point.delegated_to().as_str()), ("-TXT +TXT", "z"));
    assert!(!done.plan().needs_known_name_servers && done.text().contains("S2/D"));
}

#[test]
fn an_own_ds_record_set_is_removed_from_foreign_name_servers() {
    let mut point = created(wants("x").signed("a"));
    point.set_by_hand("z", 60);
    assert_eq!(point.delete("S1").shape(), "-DS -TXT");
}

/// TIME-1.
#[test]
fn an_overtaken_delete_changes_nothing() {
    let mut point = created(wants("x"));
    let delete = point.delete_goal("S1", DeleteReason::Requested);
    point.update("S1", wants("x"));
    assert_eq!(point.deliver_delete(&delete).overtaken(), "overtaken");
    assert_eq!(point.delegated_to(), "x");
}

mod invented_ids {
    use super::*;

    #[test]
    fn a_create_that_has_run_is_undone_without_a_tombstone() {
        for by_hand in [None, Some("x")] {
            let mut point = Point::new();
            if let Some(letter) = by_hand {
                point.set_by_hand(letter, 60);
            }
            point.create("S1", wants("x"));
            point.delete_invented("S1");
            assert_eq!(point.delegated_to(), by_hand.unwrap_or_default());
            assert_eq!(
                point.observed.ownership, None,
                "it would prevent the zone from being deleted"
            );
        }
    }

    /// OWN-8.
    #[test]
    fn the_tombstone_stops_a_late_create() {
        let mut point = Point::new();
        let create = point.request("S1", UpdateBehavior::Create, &wants("x"));
        let done = point.delete_invented("S1");
        assert_eq!((done.shape().as_str(), done.action()), ("+TXT", Action::Left));
        assert_eq!(point.deliver(&create).overtaken(), "create-cancelled");
        assert_eq!(point.delegated_to(), "");
        // It does not stop a later Create, which removes it.
        point.create("S1", wants("x"));
        assert_eq!((point.delegated_to().as_str(), point.record().iter().count()), ("x", 1));
    }

    #[test]
    fn the_tombstone_stops_a_create_of_the_same_second() {
        let mut point = Point::new();
        let create = point.request("S1", UpdateBehavior::Create, &wants("x"));
        let mut goal = point.delete_goal("S1", invented_id("x"));
        goal.stamp.time = create.goal.stamp.time;
        point.deliver_delete(&goal);
        assert_eq!(point.deliver(&create).overtaken(), "create-cancelled");
    }

    #[test]
    fn a_tombstone_is_no_claim() {
        let mut point = Point::new();
        point.delete_invented("S2");
        assert_eq!(point.create("S1", wants("x")).action(), Action::Created);
        assert_eq!(point.delete("S1").action(), Action::Removed);
        assert_eq!(point.record().iter().count(), 1, "it stays as long as it is valid");
        point.wait(HOUR);
        point.create("S1", wants("x"));
        point.delete("S1");
        assert_eq!(point.observed.ownership, None);
    }

    #[test]
    fn a_tombstone_does_not_stop_an_update() {
        let mut point = created(wants("x"));
        point.update("S1", wants("x"));
        let update = point.request("S1", UpdateBehavior::InPlace, &wants("y"));
        point.delete_invented("S1");
        assert_eq!(point.deliver(&update).action(), Action::Updated);
    }

    #[test]
    fn a_retained_claim_stays() {
        let mut updated = created(wants("x"));
        updated.update("S1", wants("x"));
        let mut moved = Point::new();
        moved.replace("S1", wants("x"));
        for mut point in [updated, moved] {
            let done = point.delete_invented("S1");
            assert_eq!((point.delegated_to().as_str(), point.claimed_by().as_str()), ("x", "S1"));
            assert_eq!(
                (done.warnings().as_str(), done.shape().as_str()),
                ("claim-kept", "-TXT +TXT")
            );
            assert!(done.text().contains("ns1.x.net"), "{}", done.text());
        }
    }

    /// LEAVE-9. An earlier Create was delivered after its Delete, and no stack knows of its claim.
    #[test]
    fn the_claim_of_another_create_stays_and_the_cancelled_create_does_not_run() {
        let mut point = created(wants("x"));
        let create = point.request("S1", UpdateBehavior::Create, &wants("y"));
        let goal = point.delete_goal("S1", invented_id("y"));
        let done = point.deliver_delete(&goal);
        assert_eq!((done.warnings().as_str(), done.shape().as_str()), ("claim-kept", "-TXT +TXT"));
        assert_eq!(point.deliver(&create).overtaken(), "create-cancelled");
        assert_eq!((point.delegated_to().as_str(), point.claimed_by().as_str()), ("x", "S1"));
    }

    #[test]
    fn no_tombstone_is_left_if_the_create_cannot_have_run() {
        let mut point = Point::new();
        let intent = wants("x").digest();
        let reason = DeleteReason::InventedId { intent, create_could_run: false };
        let goal = point.delete_goal("S1", reason);
        assert_eq!(point.deliver_delete(&goal).shape(), "");
        point.set_by_hand("x", 60);
        assert_eq!(point.deliver_delete(&goal).warnings(), "delete-without-claim");
    }

    #[test]
    fn no_tombstone_is_left_if_a_later_claim_exists() {
        let mut point = Point::new();
        let goal = point.delete_goal("S1", invented_id("x"));
        point.create("S1", wants("x"));
        assert_eq!(point.deliver_delete(&goal).overtaken(), "overtaken");
        assert_eq!(point.record().iter().count(), 1);
    }

    #[test]
    fn a_redelivered_delete_does_not_replace_a_newer_tombstone() {
        let mut point = Point::new();
        let first = point.delete_goal("S1", invented_id("x"));
        let create = point.request("S1", UpdateBehavior::Create, &wants("x"));
        point.delete_invented("S1");
        assert_eq!(point.deliver_delete(&first).shape(), "");
        assert_eq!(point.deliver(&create).overtaken(), "create-cancelled");
    }
}

mod a_parent_zone_that_is_gone {
    use super::*;

    fn gone(zone: &str) -> DeleteReason {
        DeleteReason::ZoneGone { zone: zone.parse::<ZoneId>().unwrap() }
    }

    /// LEAVE-8.
    #[test]
    fn the_claim_in_a_cloned_zone_is_removed_by_the_table() {
        let mut point = created(wants("x"));
        let goal = point.delete_goal("S1", gone("Z8"));
        assert_eq!(point.deliver_delete(&goal).action(), Action::Removed);
    }

    #[test]
    fn the_clean_up_after_a_move_leaves_the_new_point() {
        let mut point = Point::new();
        point.replace("S1", wants("x"));
        let zone = moved_from().zone.unwrap();
        let goal = point.delete_goal("S1", gone(zone.as_str()));
        let done = point.deliver_delete(&goal);
        assert_eq!((done.shape().as_str(), done.warnings().as_str()), ("", "moved-from-gone-zone"));
        assert!(done.text().contains("ns1.x.net") && done.text().contains(CUT), "{}", done.text());
        assert_eq!(point.delegated_to(), "x");
        let mut bare = point.clone();
        bare.remove_by_hand("NS");
        let done = bare.deliver_delete(&goal);
        assert_eq!((done.shape().as_str(), done.warnings().as_str()), ("", ""));
        // A move from another zone does not protect it.
        let goal = point.delete_goal("S1", gone("Z8"));
        assert_eq!(point.deliver_delete(&goal).action(), Action::Removed);
    }

    #[test]
    fn a_claim_that_came_by_a_foreign_id_is_not_protected() {
        let mut point = Point::new();
        let from = MovedFrom { zone: None, ..moved_from() };
        let request = point.request("S1", UpdateBehavior::Replacement { from }, &wants("x"));
        point.deliver(&request);
        let goal = point.delete_goal("S1", gone("Z9"));
        assert_eq!(point.deliver_delete(&goal).action(), Action::Removed);
    }
}
