//! Updates in place. Rules UPDATE-….

use super::driver::*;
use crate::digest::Digest;
use crate::ownership_record::ClaimBasis;
use crate::reconcile::{Action, UpdateBehavior};

fn created(intent: Intent) -> Point {
    let mut point = Point::new();
    point.create("S1", intent);
    point
}

#[test]
fn an_update_without_a_change_writes_its_time_and_makes_the_claim_lasting() {
    let mut point = created(wants("x"));
    let done = point.update("S1", wants("x"));
    assert_eq!((done.shape().as_str(), done.action()), ("-TXT +TXT", Action::Unchanged));
    assert!(done.plan().only_refreshes && done.warnings().is_empty());
    let claim = point.claim("S1");
    assert_eq!((claim.basis, claim.stamp.time), (ClaimBasis::Updated, point.clock));
}

/// UPDATE-1.
#[test]
fn without_an_ns_record_set_the_holder_restores_it() {
    let mut point = created(wants("x"));
    point.create("S2", wants("x"));
    point.remove_by_hand("NS");
    // Meanwhile S2 wants something else. This does not stop a resource that has a claim.
    point.edit_claim_by_hand("S2", |claim| claim.ns = Digest::from_name_servers(&servers("y")));
    assert_eq!(point.update("S1", wants("x")).action(), Action::Created);
    point.remove_by_hand("NS");
    point.drop_claim_by_hand("S1");
    let refused = point.update("S1", wants("z"));
    assert_eq!(refused.refused().code(), "claimed-by-others", "without a claim a conflict refuses");
    assert_eq!(point.update("S1", wants("z").overwriting()).action(), Action::Created);
}

#[test]
fn an_old_before_is_removed_when_the_holder_restores_the_delegation() {
    let mut point = Point::new();
    point.set_by_hand("h", 60);
    point.create("S1", wants("x").overwriting());
    point.remove_by_hand("NS");
    point.update("S1", wants("x"));
    assert!(point.record().recorded_origin().is_none());
}

/// OWN-6.
#[test]
fn the_first_later_update_of_a_holder_settles_the_delegation() {
    for by_hand in ["x", "h"] {
        let mut point = Point::new();
        point.set_by_hand(by_hand, 60);
        point.create("S1", wants("x").overwriting());
        assert!(!point.is_settled());
        point.update("S1", wants("x"));
        assert!(point.is_settled() && point.claim("S1").saw.is_none());
        assert_eq!(point.ttl(), 172_800, "a settled delegation gets the desired TTL");
    }
}

#[test]
fn an_update_of_the_same_second_does_not_settle() {
    let mut point = Point::new();
    point.set_by_hand("x", 60);
    point.create("S1", wants("x"));
    let mut update = point.request("S1", UpdateBehavior::InPlace, &wants("x"));
    update.goal.stamp.time = point.claim("S1").stamp.time;
    point.deliver(&update);
    assert!(!point.is_settled());
}

#[test]
fn an_update_that_makes_its_resource_a_holder_does_not_settle() {
    let mut point = created(wants("x"));
    point.create("S2", wants("y").overwriting());
    point.update("S1", wants("y"));
    assert!(!point.is_settled(), "S1 was not a holder of y before");
    assert_eq!(point.claim("S1").saw, point.claim("S2").saw);
    point.update("S1", wants("y"));
    assert!(point.is_settled());
}

#[test]
fn an_update_that_ends_in_a_warning_settles_nothing() {
    let mut point = Point::new();
    point.set_by_hand("x", 60);
    point.create("S1", wants("x"));
    let before = point.claim("S1");
    let done = point.update("S1", wants("x").failing_check());
    assert_eq!(
        (done.warnings().as_str(), point.is_settled(), point.ttl()),
        ("left-as-it-is", false, 60)
    );
    let after = point.claim("S1");
    assert_eq!(after.stamp.time, point.clock);
    assert_eq!(
        crate::ownership_record::Claim { stamp: before.stamp, ..after },
        before,
        "its time and nothing else"
    );
}

/// UPDATE-3.
#[test]
fn a_sole_holder_sets_the_ttl() {
    let mut point = created(wants("x").ttl(60));
    assert_eq!(point.update("S1", wants("x").ttl(300)).shape(), "-NS +NS -TXT +TXT");
    assert_eq!(point.ttl(), 300);
    // Somebody changed it by hand.
    point.set_by_hand("x", 60);
    point.update("S1", wants("x").ttl(300));
    assert_eq!(point.ttl(), 300);
}

#[test]
fn with_other_holders_only_a_request_that_changes_ttl_sets_it() {
    let mut point = created(wants("x").ttl(60));
    point.create("S2", wants("x").ttl(300));
    for _ in 0..2 {
        let done = point.update("S2", wants("x").ttl(300));
        assert_eq!((done.warnings().as_str(), point.ttl()), ("ttl-kept", 60));
        let words = ["60 s", "300 s", "S1/D"];
        assert!(words.iter().all(|word| done.text().contains(word)), "{}", done.text());
        point.update("S1", wants("x").ttl(60));
    }
    point.update("S2", wants("x").ttl(900));
    assert_eq!(point.ttl(), 900, "TTL itself is changed");
}

#[test]
fn each_of_two_holders_can_change_the_ttl() {
    let mut point = created(wants("x").ttl(60));
    point.create("S2", wants("x").ttl(60));
    point.update("S1", wants("x").ttl(300));
    point.update("S2", wants("x").ttl(900));
    assert_eq!(point.ttl(), 900);
}

/// UPDATE-2.
#[test]
fn a_holder_changes_its_name_servers() {
    let mut point = created(wants("x"));
    let done = point.update("S1", wants("y"));
    assert_eq!((done.shape().as_str(), done.action()), ("-NS +NS -TXT +TXT", Action::Updated));
    assert!(point.is_settled() && point.delegated_to() == "y");
    let claim = point.claim("S1");
    assert_eq!(claim.ns, Digest::from_name_servers(&servers("y")));
    assert!(claim.previous_intent.is_some_and(|was| was != claim.intent));
}

/// OWN-4.
#[test]
fn a_lasting_claim_of_another_resource_prevents_a_change() {
    let mut point = created(wants("x"));
    point.create("S2", wants("x"));
    // S2's claim is not lasting, so S1 may change the name servers.
    let mut changed = point.clone();
    let done = changed.update("S1", wants("y"));
    assert_eq!(
        (changed.delegated_to().as_str(), done.warnings().as_str()),
        ("y", "changed-for-others")
    );
    assert!(done.text().contains("S2/D"), "{}", done.text());
    // S1's claim is lasting from the start, because S1 made the delegation.
    let refused = point.clone().update("S2", wants("y"));
    assert_eq!(refused.refused().code(), "delegation-held-by-others");
    // After an Update, S2's claim is lasting, too.
    point.update("S2", wants("x"));
    let refused = point.update("S1", wants("y"));
    assert_eq!(refused.refused().code(), "delegation-held-by-others");
    assert!(refused.text().contains("S2/D") && refused.text().contains("AllowOverwrite"));
    // The first with AllowOverwrite, the second as usual.
    assert_eq!(point.update("S1", wants("y").overwriting()).warnings(), "delegation-displaced");
    assert_eq!(point.update("S2", wants("y")).shape(), "-TXT +TXT");
    assert_eq!((point.delegated_to().as_str(), point.claimed_by().as_str()), ("y", "S1 S2"));
}

#[test]
fn an_update_in_place_that_overwrites_says_that_no_rollback_restores_it() {
    let mut point = created(wants("x"));
    point.create("S2", wants("y").overwriting());
    point.update("S2", wants("y"));
    let done = point.update("S1", wants("x").overwriting());
    assert_eq!(
        (done.warnings().as_str(), point.delegated_to().as_str()),
        ("delegation-displaced", "x")
    );
    assert!(done.text().contains("ns1.y.net") && done.text().contains("does not restore it"));
}

/// UPDATE-2.
#[test]
fn drift_is_repaired_and_reported() {
    let mut point = created(wants("x"));
    point.set_by_hand("z", 60);
    let done = point.update("S1", wants("x"));
    assert_eq!(
        (done.shape().as_str(), done.warnings().as_str()),
        ("-NS +NS -TXT +TXT", "drift-repaired")
    );
    assert!(done.text().contains("ns1.z.net") && done.text().contains("60 s"), "{}", done.text());
    assert!(point.is_settled() && point.delegated_to() == "x");
    // Drift is also repaired when the Update asks for something new.
    point.set_by_hand("z", 60);
    assert_eq!(point.update("S1", wants("y")).warnings(), "drift-repaired");
    assert_eq!(point.delegated_to(), "y");
}

#[test]
fn only_a_resource_with_a_claim_repairs_drift() {
    let mut point = created(wants("x"));
    point.set_by_hand("z", 60);
    point.remove_by_hand("TXT");
    let done = point.update("S1", wants("x"));
    assert_eq!((done.shape().as_str(), done.warnings().as_str()), ("", "left-as-it-is"));
    point.update("S1", wants("y")).refused();
    assert_eq!(point.delegated_to(), "z");
}

#[test]
fn drift_is_not_repaired_against_the_claim_of_another_resource() {
    let mut point = created(wants("x"));
    point.create("S2", wants("x"));
    point.update("S2", wants("x"));
    point.update("S1", wants("y")).refused();
    point.set_by_hand("z", 60);
    // S1's next Update asks for y again, and would take x from S2.
    let again = point.update("S1", wants("y"));
    assert_eq!(again.refused().code(), "delegation-not-ours");
    assert_eq!(point.update("S2", wants("x")).warnings(), "drift-repaired");
    assert_eq!(point.delegated_to(), "x");
}

#[test]
fn a_change_to_name_servers_that_are_claimed_is_no_drift() {
    let mut point = created(wants("x"));
    point.create("S2", wants("y").overwriting());
    point.update("S2", wants("y"));
    assert_eq!(point.update("S1", wants("x")).warnings(), "left-as-it-is");
    assert_eq!(point.delegated_to(), "y");
}

#[test]
fn a_before_prevents_the_repair_of_drift() {
    for adopted in ["x", "h"] {
        let mut point = Point::new();
        point.set_by_hand(adopted, 60);
        point.create("S1", wants("x").overwriting());
        point.set_by_hand("z", 60);
        assert_eq!(point.update("S1", wants("x")).warnings(), "left-as-it-is");
        assert_eq!(point.delegated_to(), "z");
        point.update("S1", wants("x").overwriting());
        assert_eq!(point.delegated_to(), "x");
    }
}

#[test]
fn an_update_without_a_claim_claims_a_delegation_as_desired() {
    let mut point = created(wants("x"));
    point.remove_by_hand("TXT");
    assert_eq!(point.update("S1", wants("x")).shape(), "+TXT");
    assert_eq!(point.claim("S1").basis, ClaimBasis::Updated);
}

/// UPDATE-4.
#[test]
fn a_refusal_fails_only_a_request_that_asks_for_something_new() {
    let mut point = created(wants("x"));
    point.create("S2", wants("y").overwriting());
    let done = point.update("S1", wants("x"));
    assert_eq!((done.warnings().as_str(), done.action()), ("left-as-it-is", Action::Unchanged));
    assert!(done.plan().only_refreshes && done.text().contains("S2/D"), "{}", done.text());
    let failed = point.update("S1", wants("z"));
    assert_eq!(failed.refused().code(), "delegation-not-ours");
    // Its rollback asks for what the claim records.
    point.update("S1", wants("x")).plan();
}

#[test]
fn a_new_request_that_would_change_nothing_gets_a_warning() {
    let mut point = created(wants("x"));
    // A different intent for which the same name servers are read.
    let done = point.update("S1", wants("w").reading("x").failing_check());
    assert_eq!(done.warnings(), "left-as-it-is");
    let intent = point.claim("S1").intent;
    assert_eq!(point.update("S1", wants("x")).warnings(), "");
    assert_eq!(
        point.claim("S1").intent,
        intent,
        "an Update that changed nothing does not write its intent"
    );
}

#[test]
fn an_unreadable_child_zone_fails_only_a_request_for_something_new() {
    let mut point = created(wants("x"));
    assert_eq!(point.update("S1", wants("x").unreadable().ttl(60)).warnings(), "left-as-it-is");
    assert_eq!(point.ttl(), 172_800, "the NS record set stays, with its TTL");
    point.update("S1", wants("y").unreadable()).refused();
    // Somebody has removed the NS record set by hand, and the desired name servers are not known.
    point.remove_by_hand("NS");
    assert_eq!(point.update("S1", wants("x").unreadable()).warnings(), "left-as-it-is");
}

#[test]
fn new_name_servers_behind_the_same_properties_are_no_new_request() {
    let mut point = created(wants("x"));
    point.create("S2", wants("x"));
    point.update("S2", wants("x"));
    // The child's apex was edited. The change is refused because of S2, which fails no request.
    assert_eq!(point.update("S1", wants("x").reading("y")).warnings(), "left-as-it-is");
    // As the sole holder, S1 follows the change.
    point.delete("S2");
    point.update("S1", wants("x").reading("y"));
    assert_eq!(point.delegated_to(), "y");
}

#[test]
fn without_a_claim_the_old_properties_decide_what_is_new() {
    let mut point = created(wants("x"));
    point.set_by_hand("z", 60);
    point.remove_by_hand("TXT");
    assert_eq!(point.update("S1", wants("x")).warnings(), "left-as-it-is");
    point.update("S1", wants("y")).refused();
    // If the old properties can't be read, the Update counts as asking for something new.
    let mut update = point.request("S1", UpdateBehavior::InPlace, &wants("x"));
    update.goal.old_intent = None;
    point.deliver(&update).refused();
}

#[test]
fn with_a_claim_the_old_properties_do_not_count() {
    let mut point = created(wants("x"));
    point.create("S2", wants("y").overwriting());
    let mut update = point.request("S1", UpdateBehavior::InPlace, &wants("x"));
    update.goal.old_intent = None;
    assert_eq!(point.deliver(&update).warnings(), "left-as-it-is");
    let mut update = point.request("S1", UpdateBehavior::InPlace, &wants("z"));
    update.goal.old_intent = Some(update.goal.intent);
    point.deliver(&update).refused();
}

/// UPDATE-5.
#[test]
fn a_rollback_within_a_day_asks_for_nothing_new() {
    for (later, fails) in [(HOUR, false), (DAY - 10, false), (DAY, true)] {
        let mut point = created(wants("x"));
        point.update("S1", wants("y"));
        point.create("S2", wants("y"));
        point.update("S2", wants("y"));
        point.wait(later);
        let done = point.update("S1", wants("x"));
        if fails {
            assert_eq!(done.refused().code(), "delegation-held-by-others");
            continue;
        }
        assert_eq!(
            (done.warnings().as_str(), point.delegated_to().as_str()),
            ("left-as-it-is", "y")
        );
        let claim = point.claim("S1");
        assert_eq!(claim.ns, Digest::from_name_servers(&servers("x")), "its intent is written");
        // From then on, an Update without a change asks for nothing new.
        point.wait(10 * DAY);
        assert_eq!(point.update("S1", wants("x")).warnings(), "left-as-it-is");
    }
}

/// Found by the model checker: the claim named the desired name servers, so no claim named the
/// current ones, and no Delete removed them.
#[test]
fn regression_a_refused_rollback_remains_the_holder_if_nobody_else_is() {
    let mut point = created(wants("x"));
    point.update("S1", wants("y"));
    let done = point.update("S1", wants("x").failing_check());
    assert_eq!((done.warnings().as_str(), point.delegated_to().as_str()), ("left-as-it-is", "y"));
    assert_eq!(point.claim("S1").ns, Digest::from_name_servers(&servers("y")));
    assert_eq!(point.clone().delete("S1").action(), Action::Removed);
    // Its intent is still written. The next Update with it asks for nothing new, and makes the
    // change as soon as it can be made.
    point.wait(10 * DAY);
    assert_eq!(point.update("S1", wants("x").failing_check()).warnings(), "left-as-it-is");
    assert_eq!(point.update("S1", wants("x")).warnings(), "");
    assert_eq!(point.delegated_to(), "x");
}

#[test]
fn an_update_that_returns_home_records_where_it_came_from() {
    let mut point = created(wants("x"));
    point.ask("S1", UpdateBehavior::Home { from: moved_from() }, wants("x"));
    let claim = point.claim("S1");
    assert_eq!((claim.basis, claim.from), (ClaimBasis::Updated, Some(moved_from())));
    point.update("S1", wants("x"));
    assert_eq!(point.claim("S1").from, None);
}

#[test]
fn only_the_previous_intent_makes_a_rollback() {
    let mut point = created(wants("x"));
    point.update("S1", wants("y"));
    point.update("S1", wants("y"));
    point.create("S2", wants("y"));
    point.update("S2", wants("y"));
    point.update("S1", wants("x")).refused();
}

#[test]
fn the_next_later_update_removes_from() {
    let mut point = Point::new();
    point.replace("S1", wants("x"));
    let mut duplicate = point.request("S1", UpdateBehavior::InPlace, &wants("x"));
    duplicate.goal.stamp.time = point.claim("S1").stamp.time;
    point.deliver(&duplicate);
    assert_eq!(point.claim("S1").from, Some(moved_from()), "not later");
    point.update("S1", wants("x").failing_check());
    assert_eq!(
        point.claim("S1").from,
        Some(moved_from()),
        "an Update that ends in a Warning changes only the time"
    );
    point.update("S1", wants("x"));
    assert_eq!(point.claim("S1").from, None);
}

/// TIME-1.
#[test]
fn an_overtaken_update_changes_nothing() {
    let mut point = created(wants("x"));
    let update = point.request("S1", UpdateBehavior::InPlace, &wants("y").overwriting());
    point.update("S1", wants("x"));
    assert_eq!(point.deliver(&update).overtaken(), "overtaken");
}

/// UPDATE-6.
#[test]
fn an_update_that_finds_the_claim_of_its_request_changes_nothing() {
    let mut point = created(wants("x"));
    let update = point.request("S1", UpdateBehavior::InPlace, &wants("y"));
    point.deliver(&update);
    point.set_by_hand("z", 60);
    let again = point.deliver(&update);
    assert_eq!((again.shape().as_str(), again.action()), ("", Action::Unchanged));
    assert!(again.plan().finds_own_request);
    assert_eq!(point.delegated_to(), "z");
}

#[test]
fn two_requests_of_one_second_are_different_requests() {
    let mut point = created(wants("x"));
    let first = point.request("S1", UpdateBehavior::InPlace, &wants("y"));
    point.deliver(&first);
    let mut second = point.request("S1", UpdateBehavior::InPlace, &wants("z"));
    second.goal.stamp.time = first.goal.stamp.time;
    assert_eq!(point.deliver(&second).action(), Action::Updated);
    assert_eq!(point.delegated_to(), "z");
}

mod names_that_are_not_allowed {
    use super::*;

    /// ALLOW-1.
    #[test]
    fn without_a_claim_a_request_is_refused() {
        let mut point = Point::new();
        assert_eq!(
            point.create("S1", wants("x").not_allowed()).refused().code(),
            "name-not-allowed"
        );
        point.set_by_hand("x", 60);
        assert_eq!(
            point.create("S1", wants("x").not_allowed()).refused().code(),
            "name-not-allowed"
        );
        assert_eq!(
            point.update("S1", wants("x").not_allowed()).shape(),
            "",
            "no claim is added in place"
        );
        assert_eq!(
            point.update("S1", wants("y").not_allowed()).refused().code(),
            "name-not-allowed"
        );
    }

    /// ALLOW-2.
    #[test]
    fn the_delegation_may_stay_or_be_removed_but_not_change() {
        let mut point = created(wants("x").signed("a"));
        assert_eq!(point.update("S1", wants("x").signed("a").not_allowed()).warnings(), "");
        let refused = point.update("S1", wants("y").not_allowed());
        assert!(["name-no-longer-allowed", "ds-exists"].contains(&refused.refused().code()));
        let refused = point.update("S1", wants("x").signed("b").not_allowed());
        // A rolled key is no new request, so this is a Warning, and nothing is written.
        assert_eq!(
            (refused.warnings().as_str(), point.secured_by().as_str()),
            ("left-as-it-is", "a")
        );
        point.update("S1", wants("x").not_allowed());
        assert_eq!(point.secured_by(), "", "the DS record set may be removed");
        let refused = point.update("S1", wants("y").not_allowed());
        assert_eq!(refused.refused().code(), "name-no-longer-allowed");
        assert_eq!(point.delete("S1").action(), Action::Removed);
    }

    /// ALLOW-2. Resolvers would keep the delegation for its TTL after the operators have removed
    /// it.
    #[test]
    fn the_ttls_stay() {
        let mut point = created(wants("x").signed("a"));
        let ttls =
            |point: &Point| point.observed.at_cut.iter().map(|set| set.ttl).collect::<Vec<_>>();
        let before = ttls(&point);
        for other in [wants("x").signed("a").ttl(2_147_483_647), wants("x").signed("a").ds_ttl(60)]
        {
            let done = point.update("S1", other.not_allowed());
            assert_eq!(done.warnings(), "left-as-it-is");
            assert_eq!(ttls(&point), before);
        }
    }

    /// ALLOW-2. The claim has no TTL.
    #[test]
    fn nothing_is_restored_with_a_ttl_above_the_default() {
        for drifts in [false, true] {
            let mut point = created(wants("x"));
            if drifts {
                point.set_by_hand("z", 60);
            } else {
                point.remove_by_hand("NS");
            }
            let before = point.delegated_to();
            let done = point.update("S1", wants("x").ttl(172_801).not_allowed());
            assert_eq!((done.warnings().as_str(), point.delegated_to()), ("left-as-it-is", before));
            point.update("S1", wants("x").not_allowed());
            assert_eq!((point.delegated_to().as_str(), point.ttl()), ("x", 172_800));
        }
        let mut point = created(wants("x").signed("a"));
        point.remove_by_hand("DS");
        point.update("S1", wants("x").signed("a").ds_ttl(3601).not_allowed());
        assert_eq!(point.secured_by(), "");
        point.update("S1", wants("x").signed("a").not_allowed());
        assert_eq!(point.secured_by(), "a");
    }

    /// ALLOW-2. The properties are those of the claim's previous intent, but their child zone has
    /// other name servers by now.
    #[test]
    fn a_refused_rollback_does_not_change_what_may_be_restored() {
        let mut point = created(wants("x"));
        point.update("S1", wants("y"));
        point.create("S2", wants("y"));
        point.update("S2", wants("y"));
        let before = point.claim("S1");
        let done = point.update("S1", wants("x").reading("e").not_allowed());
        assert_eq!(done.warnings(), "left-as-it-is");
        let after = point.claim("S1");
        assert_eq!((after.ns, after.ds, after.saw), (before.ns, before.ds, before.saw));
        assert_eq!(after.intent, wants("x").digest());
        point.delete("S2");
        point.remove_by_hand("NS");
        point.update("S1", wants("x").reading("e").not_allowed());
        assert_eq!(point.delegated_to(), "");
    }

    /// ALLOW-2. The Update finds its desired name servers, or DS records, which somebody else set.
    /// Its claim could restore what it names, after that is gone again.
    #[test]
    fn the_claim_names_nothing_that_it_did_not_name() {
        let mut point = created(wants("x"));
        point.set_by_hand("e", 60);
        let before = point.claim("S1");
        let intent = || wants("x").reading("e").ttl(60).not_allowed();
        assert_eq!(point.update("S1", intent()).warnings(), "left-as-it-is");
        assert_eq!((point.claim("S1").ns, point.delegated_to()), (before.ns, "e".to_owned()));
        point.remove_by_hand("NS");
        point.update("S1", intent());
        assert_eq!(point.delegated_to(), "");

        let mut point = created(wants("x"));
        point.set_ds_by_hand("e");
        let intent = || wants("x").signed("e").not_allowed();
        assert_eq!(point.update("S1", intent()).warnings(), "left-as-it-is");
        assert_eq!((point.claim("S1").ds, point.secured_by()), (None, "e".to_owned()));
        point.remove_by_hand("DS");
        point.update("S1", intent());
        assert_eq!(point.secured_by(), "");
    }

    #[test]
    fn only_what_the_claim_says_is_restored() {
        let mut point = created(wants("x"));
        point.set_by_hand("z", 60);
        point.update("S1", wants("x").not_allowed());
        assert_eq!(point.delegated_to(), "x");
        point.remove_by_hand("NS");
        point.update("S1", wants("x").reading("y").not_allowed());
        assert_eq!(point.delegated_to(), "");
        point.update("S1", wants("x").not_allowed());
        assert_eq!(point.delegated_to(), "x");
    }

    #[test]
    fn no_delegation_of_others_is_overwritten() {
        let mut point = created(wants("x"));
        point.create("S2", wants("y").overwriting());
        point.update("S2", wants("y"));
        point.update("S1", wants("x").overwriting().not_allowed());
        assert_eq!(point.delegated_to(), "y");
    }
}
