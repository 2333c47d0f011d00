use super::*;
use crate::digest::RequestDigest;
use crate::ownership_record::{ClaimBasis, Claimant};

const NOW: i64 = 1_800_000_000;
const CUT: &str = "testing.example.com";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn zone(text: &str) -> ZoneId {
    text.parse().unwrap()
}

fn point(id: &str) -> DelegationPoint {
    DelegationPoint { zone: zone(id), name: name(CUT) }
}

fn stamp(time: i64) -> Stamp {
    Stamp { time, request: RequestDigest::new("r") }
}

fn digest(parent: &ParentZone) -> Digest {
    Digest::from_route(parent, None, &name(CUT))
}

fn claim(from: Option<MovedFrom>) -> Claim {
    let claimant = Claimant::new("stack", "D", &name(CUT));
    let any = digest(&ParentZone::Closest);
    Claim {
        id: claimant.id(),
        ns: any,
        ds: None,
        intent: any,
        previous_intent: None,
        stamp: stamp(NOW - 100),
        basis: ClaimBasis::Made,
        saw: None,
        from,
        hold: None,
        again: false,
        owner: claimant.owner().clone(),
    }
}

fn view(claim: Option<Claim>) -> Reached<ZoneView> {
    let apex = name("example.com");
    Reached::Read(ZoneView { apex, private: false, claim, is_delegated: false, is_occluded: false })
}

/// An Update with a physical id in zone Z1 that asks for this parent zone. Its old properties ask
/// for the closest one.
fn route(parent: ParentZone) -> Route {
    Route {
        stamp: stamp(NOW),
        now: NOW,
        name: name(CUT),
        desired_route: digest(&parent),
        parent,
        old_route: digest(&ParentZone::Closest),
        role_changes: false,
        physical: Some(point("Z1")),
        at_physical: None,
        at_physical_by_old_role: None,
        at_home: None,
        found_zone: None,
    }
}

fn stays(id: &str) -> NextStep {
    NextStep::Go { point: point(id), behavior: UpdateBehavior::InPlace }
}

fn comes_home(id: &str, from: &str) -> NextStep {
    let from = MovedFrom { zone: Some(zone(from)), route: digest(&ParentZone::Closest) };
    NextStep::Go { point: point(id), behavior: UpdateBehavior::Home { from } }
}

fn moves(id: &str, from: Option<&str>) -> NextStep {
    let from = MovedFrom { zone: from.map(zone), route: digest(&ParentZone::Closest) };
    NextStep::Go { point: point(id), behavior: UpdateBehavior::Replacement { from } }
}

fn ways() -> [ParentZone; 3] {
    [ParentZone::Id(zone("Z1")), ParentZone::Name(name("example.com")), ParentZone::Closest]
}

#[test]
fn the_physical_ids_point_is_read_first() {
    assert_eq!(next_step(&route(ParentZone::Closest)), NextStep::ReadPhysical(point("Z1")));
}

#[test]
fn the_zone_is_kept_while_it_has_the_claim_and_satisfies_the_properties() {
    // MOVE-1: neither a nearer zone nor a second zone of the name attracts it, and nothing is
    // looked up.
    for parent in ways() {
        let at_physical = Some(view(Some(claim(None))));
        assert_eq!(next_step(&Route { at_physical, ..route(parent) }), stays("Z1"));
    }
}

/// MOVE-1.
#[test]
fn without_a_claim_an_update_stays_in_a_zone_that_has_the_delegation() {
    let delegated = |private| {
        let apex = name("example.com");
        let view = ZoneView { apex, private, claim: None, is_delegated: true, is_occluded: false };
        Some(Reached::Read(view))
    };
    let at_physical = delegated(false);
    let update = Route { at_physical: at_physical.clone(), ..route(ParentZone::Closest) };
    assert_eq!(next_step(&update), stays("Z1"), "whichever zone is closer");
    let by_name = Route { at_physical, ..route(ParentZone::Name(name("example.com"))) };
    assert_eq!(next_step(&by_name), NextStep::FindZone { prefer: Some(zone("Z1")) });
    let private = Route { at_physical: delegated(true), ..route(ParentZone::Closest) };
    assert_eq!(next_step(&private), NextStep::FindZone { prefer: None });
}

#[test]
fn without_claim_and_delegation_the_zone_is_looked_up_and_this_one_preferred() {
    for parent in ways() {
        let looking = Route { at_physical: Some(view(None)), ..route(parent) };
        assert_eq!(next_step(&looking), NextStep::FindZone { prefer: Some(zone("Z1")) });
        assert_eq!(
            next_step(&Route { found_zone: Some(zone("Z1")), ..looking.clone() }),
            stays("Z1")
        );
        assert_eq!(
            next_step(&Route { found_zone: Some(zone("Z2")), ..looking }),
            moves("Z2", Some("Z1"))
        );
    }
}

#[test]
fn an_update_leaves_a_zone_that_does_not_satisfy_the_properties() {
    let private = ZoneView {
        apex: name("example.com"),
        private: true,
        claim: Some(claim(None)),
        is_delegated: true,
        is_occluded: false,
    };
    for (parent, view) in [
        (ParentZone::Id(zone("Z2")), view(Some(claim(None)))),
        (ParentZone::Name(name("testing.com")), view(Some(claim(None)))),
        (ParentZone::Closest, Reached::Read(private)),
        (ParentZone::Closest, Reached::Gone),
    ] {
        let looking = Route { at_physical: Some(view), ..route(parent) };
        assert_eq!(next_step(&looking), NextStep::FindZone { prefer: None });
        assert_eq!(
            next_step(&Route { found_zone: Some(zone("Z2")), ..looking }),
            moves("Z2", Some("Z1"))
        );
    }
}

#[test]
fn another_name_is_another_point_in_the_same_zone() {
    let other = name("other.example.com");
    let renamed = Route {
        name: other.clone(),
        at_physical: Some(view(Some(claim(None)))),
        found_zone: Some(zone("Z1")),
        ..route(ParentZone::Closest)
    };
    let NextStep::Go { point, behavior: UpdateBehavior::Replacement { from } } =
        next_step(&renamed)
    else {
        panic!("{:?}", next_step(&renamed))
    };
    assert_eq!((point.zone, point.name, from.zone), (zone("Z1"), other, Some(zone("Z1"))));
}

#[test]
fn a_denial_with_the_same_role_moves_no_delegation() {
    // MOVE-2
    for parent in ways() {
        let denied = Route {
            at_physical: Some(Reached::Denied),
            found_zone: Some(zone("Z2")),
            ..route(parent)
        };
        assert_eq!(next_step(&denied), NextStep::Denied(point("Z1")));
    }
}

#[test]
fn a_denied_zone_is_read_again_with_the_old_role() {
    // MOVE-2: ParentRoleArn changes from account 111 to account 444, and the zone's name stays.
    let parent = ParentZone::Name(name("example.com"));
    let denied = Route { role_changes: true, at_physical: Some(Reached::Denied), ..route(parent) };
    assert_eq!(next_step(&denied), NextStep::ReadPhysicalByOldRole(point("Z1")));
    for by_old_role in [view(Some(claim(None))), view(None), Reached::Denied, Reached::Gone] {
        let looking = Route { at_physical_by_old_role: Some(by_old_role), ..denied.clone() };
        assert_eq!(next_step(&looking), NextStep::FindZone { prefer: None });
        assert_eq!(
            next_step(&Route { found_zone: Some(zone("Z4")), ..looking.clone() }),
            moves("Z4", Some("Z1"))
        );
        // The lookup lists the zone, although the new role may not read it.
        let here = Route { found_zone: Some(zone("Z1")), ..looking };
        assert_eq!(next_step(&here), NextStep::Denied(point("Z1")));
    }
}

/// The rollback of a move from Z0 to Z1. It asks for what led to Z0.
fn going_home() -> Route {
    let parent = ParentZone::Name(name("example.com"));
    let from = MovedFrom { zone: Some(zone("Z0")), route: digest(&parent) };
    Route { at_physical: Some(view(Some(claim(Some(from))))), ..route(parent) }
}

#[test]
fn an_update_that_asks_for_what_led_to_the_old_point_returns_home() {
    // MOVE-3: although Z1, the second zone of that name, satisfies the properties.
    let home = going_home();
    assert_eq!(next_step(&home), NextStep::ReadHome(point("Z0")));
    let at_home = Some(view(Some(claim(None))));
    assert_eq!(next_step(&Route { at_home, ..home.clone() }), comes_home("Z0", "Z1"));
    // If the point is gone or denied, the Update stays here.
    for gone in [view(None), Reached::Gone, Reached::Denied] {
        assert_eq!(next_step(&Route { at_home: Some(gone), ..home.clone() }), stays("Z1"));
    }
}

/// TRUST-4.
#[test]
fn home_is_a_public_zone_that_the_properties_ask_for() {
    let there = |apex: &str, private| {
        let claim = Some(claim(None));
        let view =
            ZoneView { apex: name(apex), private, claim, is_delegated: true, is_occluded: false };
        Route { at_home: Some(Reached::Read(view)), ..going_home() }
    };
    assert_eq!(next_step(&there("example.com", false)), comes_home("Z0", "Z1"));
    assert_eq!(next_step(&there("example.com", true)), stays("Z1"));
    let occluded = ZoneView {
        apex: name("example.com"),
        private: false,
        claim: Some(claim(None)),
        is_delegated: false,
        is_occluded: true,
    };
    let by_name = Route { at_home: Some(Reached::Read(occluded)), ..going_home() };
    assert_eq!(next_step(&by_name), comes_home("Z0", "Z1"), "the properties name the zone");
    assert_eq!(next_step(&there("com", false)), stays("Z1"));
    let parent = ParentZone::Id(zone("Z1"));
    let from = MovedFrom { zone: Some(zone("Z0")), route: digest(&parent) };
    let at_physical = Some(view(Some(claim(Some(from)))));
    let by_id = Route { at_physical, at_home: Some(view(Some(claim(None)))), ..route(parent) };
    assert_eq!(next_step(&by_id), stays("Z1"));
}

/// TRUST-4.
#[test]
fn a_zone_that_can_not_have_the_delegation_is_no_home() {
    let parent = ParentZone::Closest;
    let from = MovedFrom { zone: Some(zone("Z0")), route: digest(&parent) };
    let there = Some(view(Some(claim(Some(from)))));
    let occluded = ZoneView {
        apex: name("com"),
        private: false,
        claim: Some(claim(None)),
        is_delegated: false,
        is_occluded: true,
    };
    let home = Route { at_home: Some(Reached::Read(occluded)), ..route(parent) };
    let at_physical = there.clone();
    assert_eq!(next_step(&Route { at_physical: at_physical.clone(), ..home.clone() }), stays("Z1"));
    let visible = Some(view(Some(claim(None))));
    let home_again = Route { at_physical, at_home: visible, ..home.clone() };
    assert_eq!(next_step(&home_again), comes_home("Z0", "Z1"));
    // The new role can't read the point of the physical id.
    let denied = Route {
        role_changes: true,
        at_physical: Some(Reached::Denied),
        at_physical_by_old_role: there,
        ..home
    };
    assert_eq!(next_step(&denied), NextStep::FindZone { prefer: None });
    let with_zone = |id: &str| Route { found_zone: Some(zone(id)), ..denied.clone() };
    assert_eq!(next_step(&with_zone("Z2")), moves("Z2", Some("Z1")));
    assert_eq!(next_step(&with_zone("Z0")), comes_home("Z0", "Z1"), "an arrival would be refused");
}

#[test]
fn home_is_also_found_with_the_old_role() {
    // The role of the rollback can't read the new zone.
    let home = going_home();
    let there = home.at_physical.clone();
    let denied = Route {
        role_changes: true,
        at_physical: Some(Reached::Denied),
        at_physical_by_old_role: there,
        ..home
    };
    assert_eq!(next_step(&denied), NextStep::ReadHome(point("Z0")));
    let at_home = Some(view(Some(claim(None))));
    assert_eq!(next_step(&Route { at_home, ..denied }), comes_home("Z0", "Z1"));
}

#[test]
fn an_update_that_asks_for_something_else_reads_no_home() {
    let mut update = going_home();
    update.parent = ParentZone::Closest;
    update.desired_route = digest(&update.parent);
    assert_eq!(next_step(&update), stays("Z1"));
}

#[test]
fn a_resource_that_came_by_a_foreign_id_has_no_home() {
    let parent = ParentZone::Name(name("example.com"));
    let from = MovedFrom { zone: None, route: digest(&parent) };
    let update = Route { at_physical: Some(view(Some(claim(Some(from))))), ..route(parent) };
    assert_eq!(next_step(&update), stays("Z1"));
}

#[test]
fn a_later_request_at_the_physical_ids_point_overtakes() {
    let later = |time| Some(view(Some(Claim { stamp: stamp(time), ..claim(None) })));
    for parent in [ParentZone::Closest, ParentZone::Id(zone("Z2"))] {
        let overtaken = Route { at_physical: later(NOW + 1), ..route(parent.clone()) };
        assert_eq!(next_step(&overtaken), NextStep::Overtaken);
        let same = Route { at_physical: later(NOW), ..route(parent.clone()) };
        assert_ne!(next_step(&same), NextStep::Overtaken, "its own");
        let forged = Route { at_physical: later(NOW + 100_000), ..route(parent) };
        assert_ne!(next_step(&forged), NextStep::Overtaken, "from the future");
    }
}

#[test]
fn an_update_with_a_foreign_id_is_a_replacement() {
    // MOVE-4
    let unknown = Route { physical: None, ..route(ParentZone::Closest) };
    assert_eq!(next_step(&unknown), NextStep::FindZone { prefer: None });
    assert_eq!(next_step(&Route { found_zone: Some(zone("Z2")), ..unknown }), moves("Z2", None));
}

#[test]
fn a_replacement_undoes_its_work_if_the_stack_took_another_course() {
    // MOVE-5
    let there = |time| Reached::Read(Some(Claim { stamp: stamp(time), ..claim(None) }));
    let cases = [
        (true, there(NOW - 100), OldPointCheck::Done),
        (true, there(NOW + 1), OldPointCheck::Undo),
        (false, there(NOW + 1), OldPointCheck::Undo),
        (true, Reached::Read(None), OldPointCheck::Undo),
        (true, Reached::Gone, OldPointCheck::Undo),
        (false, Reached::Read(None), OldPointCheck::Done),
        (false, Reached::Gone, OldPointCheck::Done),
        (true, Reached::Denied, OldPointCheck::Done),
    ];
    for (had_claim, claim, expected) in cases {
        let old = OldPoint { had_claim, claim: &claim, finds_own_request: false };
        assert_eq!(check_old_point(old, stamp(NOW), NOW), expected, "{old:?}");
        let second = OldPoint { finds_own_request: true, ..old };
        assert_eq!(
            check_old_point(second, stamp(NOW), NOW),
            OldPointCheck::Done,
            "a second delivery"
        );
    }
}

#[test]
fn the_rollback_of_a_failed_replacement_cleans_up_its_new_point() {
    // MOVE-6
    let (here, there, new) = (point("Z1"), point("Z2"), point("Z3"));
    assert_eq!(left_by_failed_replacement(Some(&there), Some(&here), &here), Some(&there));
    assert_eq!(left_by_failed_replacement(Some(&here), Some(&here), &new), None);
    assert_eq!(left_by_failed_replacement(Some(&new), Some(&here), &new), None);
    assert_eq!(left_by_failed_replacement(None, Some(&here), &here), None);
    assert_eq!(left_by_failed_replacement(Some(&there), None, &here), None);
}
