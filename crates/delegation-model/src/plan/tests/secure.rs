//! The DS record set, rule by rule (`docs/design.md`, "The DS record set").

use super::*;

fn old() -> DsRecords {
    ds("1 13 2 AB")
}

fn new() -> DsRecords {
    ds("2 13 2 CD")
}

fn securing(arrival: Arrival) -> Goal {
    Goal { ds: WantedDs::Records(new()), ..goal(arrival) }
}

fn unknown(arrival: Arrival, newly: bool) -> Goal {
    Goal { ds: WantedDs::Unknown { why: "the child zone Z1 is not signing".into(), newly }, ..goal(arrival) }
}

fn covering(claimant: &Claimant, records: &DsRecords, by: By) -> Claim {
    claim(claimant, &wanted(), by).covering(Some(Digest::of_ds(records)))
}

/// The delegation as wanted, with these DS records.
fn secured(records: &DsRecords, claims: &[Claim]) -> Observation {
    with_ds(seen(Some(ns(&wanted())), claims), records, 3600)
}

fn with_ds(mut seen: Observation, records: &DsRecords, ttl: i64) -> Observation {
    seen.at_cut.push(set("DS", ttl, records.values()));
    seen
}

fn because(why: DsRefusal) -> Refusal {
    Refusal::Ds { name: name(CUT), why }
}

fn own_ds(plan: &Plan, before: &Observation) -> Option<Digest> {
    claims_after(plan, before).own(&own()).unwrap().ds
}

#[test]
fn a_new_delegation_comes_with_its_ds_in_one_batch() {
    for arrival in ARRIVALS {
        let nothing = seen(None, &[]);
        let plan = plan(present(&securing(arrival), &nothing));
        assert_eq!(shape(&plan), ["+NS", "+DS", "+TXT"]);
        let set = plan.leaves(&nothing, &name(CUT), "DS").unwrap();
        assert_eq!((set.values.clone(), set.ttl), (new().values(), Some(Ttl::DS)));
        assert_eq!(own_ds(&plan, &nothing), Some(Digest::of_ds(&new())));
    }
}

#[test]
fn a_ds_is_added_replaced_and_retimed_by_its_owner() {
    let insecure = seen(Some(ns(&wanted())), &[claim(&own(), &wanted(), By::Created)]);
    let replaced = secured(&old(), &[covering(&own(), &old(), By::Created)]);
    let retimed = with_ds(seen(Some(ns(&wanted())), &[covering(&own(), &new(), By::Created)]), &new(), 60);
    for (seen, changes) in [(insecure, vec!["+DS"]), (replaced, vec!["-DS", "+DS"]), (retimed, vec!["-DS", "+DS"])] {
        let plan = plan(present(&securing(Arrival::InPlace), &seen));
        assert_eq!(shape(&plan), [changes, vec!["-TXT", "+TXT"]].concat());
        assert_eq!((plan.action, plan.only_refreshes), (Some(Action::Updated), false));
        assert_eq!(own_ds(&plan, &seen), Some(Digest::of_ds(&new())));
        assert_eq!(plan.leaves(&seen, &name(CUT), "DS").unwrap().values, new().values());
    }
    let as_wanted = secured(&new(), &[covering(&own(), &new(), By::Created)]);
    let unchanged = plan(present(&securing(Arrival::InPlace), &as_wanted));
    assert_eq!((shape(&unchanged), unchanged.action), (vec!["-TXT".into(), "+TXT".into()], Some(Action::Unchanged)));
    assert!(unchanged.only_refreshes);
}

#[test]
fn off_removes_what_only_we_cover() {
    let of = |claims: &[Claim]| plan(present(&goal(Arrival::InPlace), &secured(&old(), claims)));
    let ours = covering(&own(), &old(), By::Adopted);
    assert_eq!(shape(&of(std::slice::from_ref(&ours))), ["-DS", "-TXT", "+TXT"]);
    assert_eq!(of(std::slice::from_ref(&ours)).action, Some(Action::Updated));
    let shared = [ours, covering(&sibling(), &old(), By::Created)];
    assert_eq!(shape(&of(&shared)), ["-TXT", "+TXT"], "the sibling relies on it");
    assert_eq!(own_ds(&of(&shared), &secured(&old(), &shared)), None);
}

#[test]
fn off_leaves_a_ds_of_others_and_says_so_where_ours_was_replaced() {
    let never_ours = secured(&old(), &[claim(&own(), &wanted(), By::Created)]);
    let silent = plan(present(&goal(Arrival::InPlace), &never_ours));
    assert_eq!((shape(&silent), silent.warnings.len()), (vec!["-TXT".into(), "+TXT".into()], 0));
    let edited = secured(&old(), &[covering(&own(), &new(), By::Created)]);
    let warned = plan(present(&goal(Arrival::InPlace), &edited));
    assert_eq!(shape(&warned), ["-TXT", "+TXT"]);
    assert!(warned.warnings[0].message.contains("left in place"), "{:?}", warned.warnings);
    assert_eq!(own_ds(&warned, &edited), None);
}

#[test]
fn a_differing_ds_of_others_is_refused_unless_overwritten() {
    for claims in [vec![], vec![claim(&own(), &wanted(), By::Created)], vec![claim(&sibling(), &wanted(), By::Created)]]
    {
        let seen = secured(&old(), &claims);
        let refused = refusal(present(&securing(Arrival::InPlace), &seen));
        assert_eq!(refused, because(DsRefusal::Taken { current: old().to_string(), wanted: new().to_string() }));
        let plan = plan(present(&Goal { allow_overwrite: true, ..securing(Arrival::InPlace) }, &seen));
        assert_eq!(&shape(&plan)[..2], ["-DS", "+DS"]);
    }
    let siblings = secured(&old(), &[covering(&sibling(), &old(), By::Created)]);
    assert_eq!(
        shape(&plan(present(&securing(Arrival::Create), &siblings)))[..2],
        ["-DS", "+DS"],
        "a sibling's is ours to replace"
    );
}

#[test]
fn an_adopted_ds_is_not_covered_and_so_stays_when_the_adoption_is_rolled_back() {
    let by_hand = secured(&new(), &[]);
    let adopted = plan(present(&securing(Arrival::Create), &by_hand));
    assert_eq!((adopted.action, shape(&adopted)), (Some(Action::Adopted), vec!["+TXT".to_owned()]));
    assert_eq!(own_ds(&adopted, &by_hand), None);
    // Its TTL is brought to what is wanted, which makes it no more ours.
    let retimed = with_ds(seen(Some(ns(&wanted())), &[]), &new(), 60);
    let adopted = plan(present(&securing(Arrival::Create), &retimed));
    assert_eq!(shape(&adopted), ["-DS", "+DS", "+TXT"]);
    assert_eq!(own_ds(&adopted, &retimed), None);
    // A later Update makes it ours, as it does the name servers.
    let settled = secured(&new(), &[claim(&own(), &wanted(), By::Adopted)]);
    assert_eq!(own_ds(&plan(present(&securing(Arrival::InPlace), &settled)), &settled), Some(Digest::of_ds(&new())));
}

#[test]
fn an_adoption_that_adds_a_ds_takes_it_back() {
    let by_hand = seen(Some(ns(&wanted())), &[]);
    let adopted = plan(present(&securing(Arrival::Create), &by_hand));
    assert_eq!((adopted.action, shape(&adopted)), (Some(Action::Adopted), vec!["+DS".into(), "+TXT".into()]));
    let after = secured(&new(), &[covering(&own(), &new(), By::Adopted)]);
    let gone = plan(absent(&farewell(), &after));
    assert_eq!((gone.action, shape(&gone)), (Some(Action::Left), vec!["-DS".into(), "-TXT".into()]));
}

#[test]
fn a_renamed_resource_shares_its_siblings_ds_in_both_orders() {
    let before = secured(&new(), &[covering(&sibling(), &new(), By::Created)]);
    for goal in [securing(Arrival::Create), unknown(Arrival::Create, true)] {
        let shared = plan(present(&goal, &before));
        assert_eq!((shared.action, own_ds(&shared, &before)), (Some(Action::Shared), Some(Digest::of_ds(&new()))));
    }
    // Either of the two is deleted; the other keeps it.
    let both = secured(&new(), &[covering(&sibling(), &new(), By::Created), covering(&own(), &new(), By::Created)]);
    assert_eq!(shape(&plan(absent(&farewell(), &both))), ["-TXT", "+TXT"]);
}

#[test]
fn name_servers_never_change_beside_a_ds() {
    let different = |claims: &[Claim]| seen(Some(ns(&elsewhere())), claims);
    let ours = claim(&own(), &elsewhere(), By::Created).covering(Some(Digest::of_ds(&old())));
    for goal in [securing(Arrival::InPlace), goal(Arrival::InPlace), overwriting(Arrival::InPlace)] {
        let stands = with_ds(different(std::slice::from_ref(&ours)), &old(), 3600);
        let refused = refusal(present(&goal, &stands));
        assert_eq!(refused, because(DsRefusal::Stands { ttl: Some(Ttl::DS) }));
        let uncovered = with_ds(different(&[claim(&own(), &elsewhere(), By::Created)]), &old(), 3600);
        assert_eq!(refusal(present(&goal, &uncovered)), because(DsRefusal::OfOthers));
    }
    let none_yet = different(&[claim(&own(), &elsewhere(), By::Created)]);
    let refused = refusal(present(&securing(Arrival::InPlace), &none_yet));
    assert_eq!(refused, because(DsRefusal::WithNameServers));
    // Without a DS they do.
    assert_eq!(shape(&plan(present(&goal(Arrival::InPlace), &none_yet)))[..2], ["-NS", "+NS"]);
}

#[test]
fn drifted_name_servers_are_put_back_under_a_standing_ds() {
    let drifted = seen(Some(ns(&elsewhere())), &[covering(&own(), &new(), By::Created)]);
    let drifted = with_ds(drifted, &new(), 3600);
    assert_eq!(shape(&plan(present(&securing(Arrival::InPlace), &drifted))), ["-NS", "+NS", "-TXT", "+TXT"]);
}

/// The claims that a plan leaves, as a list.
fn left(plan: &Plan, before: &Observation) -> Vec<Claim> {
    claims_after(plan, before).iter().cloned().collect()
}

#[test]
fn no_ds_is_added_or_replaced_for_as_long_as_resolvers_may_hold_name_servers_that_were_put_back() {
    let bare = seen(Some(ns(&elsewhere())), &[claim(&own(), &wanted(), By::Created)]);
    let covered = with_ds(seen(Some(ns(&elsewhere())), &[covering(&own(), &old(), By::Created)]), &old(), 3600);
    for drifted in [bare, covered] {
        let put_back = plan(present(&securing(Arrival::InPlace), &drifted));
        assert_eq!(shape(&put_back), ["-NS", "+NS", "-TXT", "+TXT"]);
        assert!(put_back.warnings[0].message.contains("was not brought to"), "{:?}", put_back.warnings);
        let covers = drifted.at_cut("DS").map(|_| Digest::of_ds(&old()));
        assert_eq!(own_ds(&put_back, &drifted), covers, "still ours to remove, where it was");
        // A duplicate, and the rollback of the same deployment, leave it too.
        let mut after = Observation { at_cut: vec![ns(&wanted())], ..seen(None, &left(&put_back, &drifted)) };
        after.at_cut.extend(drifted.at_cut("DS").cloned());
        assert!(plan(present(&securing(Arrival::InPlace), &after)).changes.is_empty());
        let later = |at| Goal { at, ..securing(Arrival::InPlace) };
        let rollback = plan(present(&later(NOW + 172_799), &after));
        assert_eq!((shape(&rollback), rollback.warnings.len()), (vec!["-TXT".into(), "+TXT".into()], 1));
        let again = Observation { at_cut: after.at_cut.clone(), ..seen(None, &left(&rollback, &after)) };
        let settled = plan(present(&later(NOW + 172_800), &again));
        assert!(shape(&settled).contains(&"+DS".to_owned()) && settled.warnings.is_empty(), "{settled}");
        assert_eq!(left(&settled, &again)[0].hold, None);
    }
}

#[test]
fn regression_a_sibling_that_comes_waits_for_resolvers_too() {
    let put_back = claim(&sibling(), &wanted(), By::Created).holding(Some(NOW + 60));
    let seen = seen(Some(ns(&wanted())), &[put_back]);
    let shared = plan(present(&securing(Arrival::Create), &seen));
    assert_eq!((shape(&shared), shared.action), (vec!["-TXT".into(), "+TXT".into()], Some(Action::Shared)));
    assert_eq!(claims_after(&shared, &seen).own(&own()).unwrap().hold, Some(NOW + 60), "the sibling may go");
    let later = Goal { at: NOW + 60, ..securing(Arrival::Create) };
    assert_eq!(shape(&plan(present(&later, &seen)))[..1], ["+DS"]);
}

#[test]
fn name_servers_do_not_come_back_as_others_beside_our_ds() {
    // Somebody removed the NS record set, and resolvers still hold it.
    let bare = seen(None, &[covering(&own(), &new(), By::Created)]);
    let of = |servers: NameServers| Goal { name_servers: Some(servers), ..securing(Arrival::InPlace) };
    let stands = with_ds(bare.clone(), &new(), 3600);
    assert_eq!(refusal(present(&of(elsewhere()), &stands)), because(DsRefusal::Stands { ttl: Some(Ttl::DS) }));
    assert_eq!(refusal(present(&of(elsewhere()), &bare)), because(DsRefusal::WithNameServers));
    assert_eq!(shape(&plan(present(&of(wanted()), &stands)))[..1], ["+NS"]);
}

#[test]
fn a_ds_that_is_only_shared_as_found_is_not_ours_to_remove() {
    let by_hand = secured(&new(), &[claim(&sibling(), &wanted(), By::Created)]);
    let shared = plan(present(&securing(Arrival::Create), &by_hand));
    assert_eq!((shared.action, own_ds(&shared, &by_hand)), (Some(Action::Shared), None));
    let after = secured(&new(), &left(&shared, &by_hand));
    assert!(plan(present(&securing(Arrival::Create), &after)).changes.is_empty(), "nor does a duplicate take it");
    assert!(!shape(&plan(absent(&farewell(), &after))).contains(&"-DS".to_owned()));
}

#[test]
fn a_replacement_to_a_child_that_is_not_signing_is_refused_however_long_it_was_asked_for() {
    assert!(matches!(refusal(present(&unknown(Arrival::Replacement, false), &seen(None, &[]))), Refusal::Ds { .. }));
}

#[test]
fn a_child_that_is_not_signing_is_refused_where_a_ds_is_newly_asked_for() {
    let insecure = seen(Some(ns(&wanted())), &[claim(&own(), &wanted(), By::Created)]);
    for (goal, seen) in [
        (unknown(Arrival::Create, true), seen(None, &[])),
        (unknown(Arrival::Create, true), seen(Some(ns(&wanted())), &[])),
        (unknown(Arrival::InPlace, true), insecure.clone()),
        (unknown(Arrival::InPlace, true), secured(&old(), &[claim(&own(), &wanted(), By::Created)])),
    ] {
        let refused = refusal(present(&goal, &seen));
        assert!(refused.to_string().contains("is not signing"), "{refused}");
    }
    // What was asked before and can't be had does not block an Update or a rollback.
    let warned = plan(present(&unknown(Arrival::InPlace, false), &insecure));
    assert!(
        warned.only_refreshes && warned.warnings[0].message.contains("No DS record set was added"),
        "{:?}",
        warned.warnings
    );
}

#[test]
fn a_ds_that_we_cover_stays_while_the_child_is_unknown() {
    for newly in [true, false] {
        let seen = secured(&old(), &[covering(&own(), &old(), By::Created)]);
        let plan = plan(present(&unknown(Arrival::InPlace, newly), &seen));
        assert_eq!(shape(&plan), ["-TXT", "+TXT"]);
        assert!(plan.warnings[0].message.contains("left as it is"), "{:?}", plan.warnings);
        assert_eq!(own_ds(&plan, &seen), Some(Digest::of_ds(&old())));
    }
}

#[test]
fn every_row_of_a_delete_takes_a_ds_that_only_we_cover() {
    let ours = |by| claim(&own(), &wanted(), by).covering(Some(Digest::of_ds(&old())));
    let row = |ns: Option<NameServers>, claims: &[Claim]| {
        let seen = seen(ns.as_ref().map(super::ns), claims);
        shape(&plan(absent(&farewell(), &with_ds(seen, &old(), 3600))))
    };
    let other = claim(&other(), &wanted(), By::Created);
    assert_eq!(row(Some(wanted()), &[ours(By::Created)]), ["-NS", "-DS", "-TXT"]);
    assert_eq!(row(Some(wanted()), &[ours(By::Adopted)]), ["-DS", "-TXT"]);
    assert_eq!(row(Some(elsewhere()), &[ours(By::Created)]), ["-DS", "-TXT"]);
    assert_eq!(row(Some(wanted()), &[ours(By::Created), other.clone()]), ["-DS", "-TXT", "+TXT"]);
    assert_eq!(row(None, &[ours(By::Created)]), ["-DS", "-TXT"]);
    let covers = other.covering(Some(Digest::of_ds(&old())));
    assert_eq!(row(Some(wanted()), &[ours(By::Created), covers]), ["-TXT", "+TXT"]);
    // One that we don't cover goes with the name servers alone.
    let plain = claim(&own(), &wanted(), By::Created);
    assert_eq!(row(Some(wanted()), std::slice::from_ref(&plain)), ["-NS", "-DS", "-TXT"]);
    assert_eq!(row(Some(wanted()), &[claim(&own(), &wanted(), By::Adopted)]), ["-TXT"]);
}

#[test]
fn regression_no_delegation_is_made_under_a_ds_of_others_while_none_may_be_replaced() {
    let holding = |mut claim: Claim| {
        claim.hold = Some(NOW + 1);
        claim
    };
    // It replaces no DS record set, so it would stand under this one.
    let bare = with_ds(seen(None, &[holding(claim(&own(), &wanted(), By::Created))]), &old(), 3600);
    for arrival in ARRIVALS {
        assert_eq!(refusal(present(&securing(arrival), &bare)), because(DsRefusal::OfOthers));
    }
    let ours = with_ds(seen(None, &[holding(covering(&own(), &old(), By::Created))]), &old(), 3600);
    assert_eq!(shape(&plan(present(&securing(Arrival::InPlace), &ours))), ["+NS", "-TXT", "+TXT"]);
}

#[test]
fn no_delegation_is_made_under_a_ds_of_others() {
    let stray = with_ds(seen(None, &[]), &old(), 3600);
    assert_eq!(refusal(present(&goal(Arrival::Create), &stray)), because(DsRefusal::OfOthers));
    assert!(matches!(
        refusal(present(&securing(Arrival::Create), &stray)),
        Refusal::Ds { why: DsRefusal::Taken { .. }, .. }
    ));
}

#[test]
fn an_objection_to_an_unchanged_delegation_keeps_the_ds_and_its_cover() {
    let seen = secured(&new(), &[covering(&own(), &new(), By::Created)]);
    let objected = Goal { objection: Some("the child zone contradicts itself".into()), ..securing(Arrival::InPlace) };
    let plan = plan(present(&objected, &seen));
    assert_eq!((shape(&plan), own_ds(&plan, &seen)), (vec!["-TXT".into(), "+TXT".into()], Some(Digest::of_ds(&new()))));
    // A roll-over is a change, and refused.
    let rolled = secured(&old(), &[covering(&own(), &old(), By::Created)]);
    assert!(matches!(refusal(present(&objected, &rolled)), Refusal::Child { .. }));
}
