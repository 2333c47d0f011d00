//! Properties of every plan, over arbitrary zones.

use proptest::prelude::*;

use super::driver::*;
use crate::digest::{Digest, RequestDigest};
use crate::ownership_record::{
    Claim, ClaimBasis, Displaced, Origin, OwnershipRecord, Stamp, Value,
};
use crate::reconcile::{
    Action, Decision, DeleteGoal, DeleteReason, Observation, ReconciliationPlan, UpdateBehavior,
    plan_create_update, plan_delete,
};
use crate::record_set::{Change, RecordSet, RecordType};
use crate::ttl::Ttl;

const RESOURCES: [&str; 3] = ["S1", "S1/Renamed", "S2"];
/// The time of the requests. The current state was written in the days before.
const NOW: i64 = START + 10 * DAY;

fn letters() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["x", "y", "z", "xy"])
}

fn keys_of() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "ab"])
}

fn times() -> impl Strategy<Value = i64> {
    prop_oneof![8 => START..NOW, 1 => NOW..NOW + 500, 1 => NOW + 1000..NOW + 100_000]
}

fn claims() -> impl Strategy<Value = Vec<Claim>> {
    let basis = prop::sample::select(vec![ClaimBasis::Made, ClaimBasis::Came, ClaimBasis::Updated]);
    let one = (
        prop::sample::select(RESOURCES.to_vec()),
        letters(),
        prop::option::of(keys_of()),
        times(),
        basis,
        (prop::option::of(Just(START)), any::<bool>(), prop::option::of(times()), letters()),
    );
    let one =
        one.prop_map(|(resource, servers_of, ds, time, basis, (saw, moved, hold, intent))| Claim {
            id: claimant(resource).id(),
            ns: Digest::from_name_servers(&servers(servers_of)),
            ds: ds.map(|letters| Digest::from_ds(&keys(letters))),
            intent: Digest::from_name_servers(&servers(intent)),
            previous_intent: None,
            stamp: Stamp { time, request: RequestDigest::new("earlier") },
            basis,
            saw,
            from: moved.then(moved_from),
            hold,
            again: false,
            owner: claimant(resource).owner().clone(),
        });
    prop::collection::vec(one, 0..4)
}

fn origins() -> impl Strategy<Value = Option<Origin>> {
    let displaced = (letters(), any::<bool>()).prop_map(|(letters, claimed)| Displaced {
        name_servers: servers(letters),
        ttl: Ttl::new(60).unwrap(),
        time: START,
        claimed,
    });
    let of = letters().prop_map(|letters| Digest::from_name_servers(&servers(letters)));
    prop::option::of(
        (of, prop::option::of(displaced)).prop_map(|(of, displaced)| Origin { of, displaced }),
    )
}

/// Generates other values: tombstones, those of other programs, unreadable ones.
fn others() -> impl Strategy<Value = Vec<String>> {
    let id = claimant("S1").id();
    prop::collection::vec(
        prop_oneof![
            4 => "\"[a-z ]{1,9}\"",
            1 => Just("\"heritage=custom-delegation,claim9=1\"".to_owned()),
            1 => times().prop_map(move |time| format!("\"heritage=custom-delegation,tombstone={id},at={time}\"")),
        ],
        0..3,
    )
}

fn zones() -> impl Strategy<Value = Point> {
    let delegation = prop::option::of((
        letters(),
        prop::sample::select(vec![60, 172_800]),
        any::<bool>(),
        prop::option::of(keys_of()),
        prop::bool::weighted(0.05),
    ));
    (delegation, claims(), origins(), others()).prop_map(|(delegation, claims, origin, others)| {
        let mut point = Point::new();
        if let Some((letters, ttl, odd_spelling, ds, has_policy)) = delegation {
            let mut values = servers(letters).values();
            if odd_spelling {
                values.reverse();
                for value in &mut values {
                    *value = value.trim_end_matches('.').to_ascii_uppercase();
                }
            }
            point
                .observed
                .at_cut
                .push(RecordSet { is_simple: !has_policy, ..set("NS", ttl, values) });
            if let Some(letters) = ds {
                let mut values = keys(letters).values();
                if odd_spelling {
                    for value in &mut values {
                        *value = value.to_lowercase();
                    }
                }
                point.observed.at_cut.push(set("DS", ttl / 48, values));
            }
        }
        // Each in a record of its own: a manual edit can leave several claims of one resource.
        let mut values = Vec::new();
        for claim in claims {
            let mut record = OwnershipRecord::default();
            record.put_claim(claim);
            values.extend(record.values());
        }
        let mut record = OwnershipRecord::default();
        record.put_origin(origin);
        values.extend(record.values());
        values.extend(others);
        values.dedup();
        for value in values {
            point.add_value_by_hand(&value);
        }
        point.clock = NOW;
        point
    })
}

fn behaviors() -> impl Strategy<Value = UpdateBehavior> {
    prop_oneof![
        1 => Just(UpdateBehavior::Create),
        1 => Just(UpdateBehavior::Replacement { from: moved_from() }),
        2 => Just(UpdateBehavior::InPlace),
    ]
}

fn intents() -> impl Strategy<Value = Intent> {
    let signed = prop_oneof![
        2 => Just((false, None)),
        3 => keys_of().prop_map(|letters| (true, Some(letters))),
        1 => Just((true, None)),
    ];
    (
        letters(),
        any::<bool>(),
        prop::sample::select(vec![60, 172_800]),
        signed,
        prop::sample::select(vec![None, Some(0), Some(HOUR)]),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(servers, overwrite, ttl, (dnssec, keys), key_age, not_allowed, failing_check)| {
                Intent {
                    overwrite,
                    dnssec,
                    keys,
                    key_age,
                    allowed: !not_allowed,
                    failing_check,
                    ..wants(servers).ttl(ttl)
                }
            },
        )
}

fn reasons() -> impl Strategy<Value = DeleteReason> {
    prop_oneof![
        4 => Just(DeleteReason::Requested),
        1 => (any::<bool>(), prop::sample::select(vec!["x", "y"])).prop_map(
            |(create_could_run, servers)| DeleteReason::InventedId {
                intent: wants(servers).digest(),
                create_could_run,
            }
        ),
        1 => prop::sample::select(vec!["Z8", "Z9"])
            .prop_map(|zone| DeleteReason::ZoneGone { zone: zone.parse().unwrap() }),
        1 => Just(DeleteReason::Undo),
    ]
}

fn delete_goal(
    point: &mut Point,
    reason: DeleteReason,
    known: Option<&str>,
    rejected: bool,
) -> DeleteGoal {
    DeleteGoal {
        known_name_servers: known.map(servers),
        restore_rejected: rejected,
        ..point.delete_goal("S1", reason)
    }
}

/// The values that do not belong to the request: other claims, those of other programs, unreadable
/// ones.
fn of_others(point: &Point) -> Vec<String> {
    let values = point.record().values();
    let own = claimant("S1").id();
    let others = values.into_iter().filter(|value| match Value::parse(value) {
        Value::Claim(claim) => claim.id != own,
        Value::Unreadable | Value::Foreign => true,
        Value::Origin(_) | Value::Tombstone(_) => false,
    });
    others.collect()
}

fn plan_of(decision: &Decision) -> Option<&ReconciliationPlan> {
    match decision {
        Decision::Proceed(plan) => Some(plan),
        Decision::Refuse(_) | Decision::Overtaken(_) => None,
    }
}

fn changes_ns(before: &Observation, after: &Observation) -> bool {
    before.name_servers() != after.name_servers()
}

// PROPTEST_CASES=20000 runs many more cases.
proptest! {
    #[test]
    fn a_plan_is_accepted_and_a_second_delivery_changes_nothing(
        mut point in zones(), behavior in behaviors(), intent in intents()
    ) {
        let request = point.request("S1", behavior, &intent);
        let done = point.deliver(&request);
        if plan_of(&done.decision).is_none() {
 return Ok(());
 }
        let there = point.clone();
        let again = point.deliver(&request);
        prop_assert_eq!(&point.observed.at_cut, &there.observed.at_cut);
        // The second delivery of an arrival marks its claim, once.
        let unmarked = |point: &Point| {
            let values = point.record().values();
            values.into_iter().map(|value| value.replace(",again=yes", "")).collect::<Vec<_>>()
        };
        prop_assert_eq!(unmarked(&point), unmarked(&there));
        prop_assert_eq!(point.deliver(&request).shape(), "");
        // A request that wrote no claim leaves no fence.
        if point.record().own(&claimant("S1"), point.clock).is_some_and(|own| own.stamp == request.goal.stamp) {
            prop_assert!(again.plan().finds_own_request);
        }
    }

    #[test]
    fn a_plan_without_a_warning_sets_what_is_desired(
        mut point in zones(), behavior in behaviors(), intent in intents()
    ) {
        let arrival = behavior != UpdateBehavior::InPlace;
        let request = point.request("S1", behavior, &intent);
        let done = point.deliver(&request);
        let Some(plan) = plan_of(&done.decision) else { return Ok(()) };
        let quiet = plan.warnings.iter().all(|warning| !["left-as-it-is", "changed-since"].contains(&warning.code()));
        if quiet {
            prop_assert_eq!(point.observed.name_servers(), Some(servers(intent.servers)));
            let own = point.claim("S1");
            prop_assert_eq!(own.ns, Digest::from_name_servers(&servers(intent.servers)));
            prop_assert_eq!((own.intent, own.stamp), (request.goal.intent, request.goal.stamp));
            prop_assert_eq!(own.basis == ClaimBasis::Updated, !arrival);
        }
        if plan.warnings.is_empty() {
            prop_assert_eq!(point.ttl(), u32::try_from(intent.ttl).unwrap());
            if let Some(letters) = intent.keys {
                prop_assert_eq!(point.observed.ds(), Some(keys(letters)));
            }
        }
    }

    /// DS-8. Unless the delegation is new, or the DS record set is restored, it always has a key
    /// that every resolver knows.
    #[test]
    fn resolvers_know_a_key_of_each_written_ds_record_set(mut point in zones(), behavior in behaviors(), intent in intents()) {
        let before = point.clone();
        let request = point.request("S1", behavior, &Intent { key_age: Some(0), ..intent });
        point.deliver(&request);
        let (old, new) = (before.secured_by(), point.secured_by());
        let own = before.record().own(&claimant("S1"), before.clock).and_then(|own| own.ds);
        let restored = own.is_some() && own == point.observed.ds().as_ref().map(Digest::from_ds);
        let added = !old.is_empty() && old.chars().all(|key| new.contains(key));
        prop_assert!(new.is_empty() || new == old || added || restored || before.delegated_to().is_empty());
    }

    #[test]
    fn no_request_writes_the_claim_of_another_resource(
        mut point in zones(), behavior in behaviors(), intent in intents(), reason in reasons(), deletes in any::<bool>()
    ) {
        let before = of_others(&point);
        if deletes {
            let goal = delete_goal(&mut point, reason, Some("xyz"), false);
            point.deliver_delete(&goal);
        } else {
            let request = point.request("S1", behavior, &intent);
            point.deliver(&request);
        }
        prop_assert_eq!(of_others(&point), before);
    }

    #[test]
    fn only_the_cut_and_its_ownership_record_are_touched(
        mut point in zones(), behavior in behaviors(), intent in intents(), reason in reasons()
    ) {
        let request = point.request("S1", behavior, &intent);
        let goal = delete_goal(&mut point, reason, Some("xyz"), false);
        for decision in [plan_create_update(&request.goal, &point.observed), plan_delete(&goal, &point.observed)] {
            for change in plan_of(&decision).into_iter().flat_map(|plan| &plan.changes) {
                let set = change.record_set();
                let cut = set.name == name(CUT) && set.record_type.is_of_delegation();
                prop_assert!(cut || (set.name == name(RECORD) && set.record_type == RecordType::Txt), "{change}");
            }
        }
    }

    #[test]
    fn a_delete_leaves_no_claim_and_a_second_one_changes_nothing(
        mut point in zones(), known in prop::option::of(letters()), rejected in any::<bool>()
    ) {
        let goal = delete_goal(&mut point, DeleteReason::Requested, known, rejected);
        let done = point.deliver_delete(&goal);
        if plan_of(&done.decision).is_none() {
 return Ok(());
 }
        prop_assert!(point.record().own(&claimant("S1"), point.clock).is_none());
        let there = point.observed.clone();
        prop_assert_eq!(point.deliver_delete(&goal).shape(), "");
        prop_assert_eq!(&point.observed, &there);
    }

    #[test]
    fn a_delete_that_leaves_name_servers_names_them(mut point in zones(), reason in reasons()) {
        if reason == DeleteReason::Undo {
 return Ok(());
 }
        let goal = delete_goal(&mut point, reason, None, false);
        let done = point.deliver_delete(&goal);
        if let (Some(servers), Some(_)) = (point.observed.name_servers(), plan_of(&done.decision)) {
            prop_assert!(done.text().contains(&servers.to_string()), "{}", done.text());
            prop_assert!(done.text().contains(CUT));
        }
    }

    #[test]
    fn without_allow_overwrite_only_a_holder_or_drift_changes_name_servers(
        mut point in zones(), behavior in behaviors(), intent in intents()
    ) {
        let intent = Intent { overwrite: false, ..intent };
        let before = point.clone();
        let request = point.request("S1", behavior, &intent);
        point.deliver(&request);
        if changes_ns(&before.observed, &point.observed) && before.observed.at_cut(&RecordType::Ns).is_some() {
            // The resource is a holder, or the name servers have drifted from those its claim
            // names.
            prop_assert!(before.record().own(&claimant("S1"), NOW).is_some());
            let current = Digest::from_name_servers(&before.observed.name_servers().unwrap());
            let lasting = |claim: &&Claim| claim.ns == current && claim.is_lasting();
            prop_assert!(!before.record().others(&claimant("S1")).any(|claim| lasting(&claim)));
            prop_assert!(!before.record().has_unreadable());
        }
    }

    #[test]
    fn a_delete_removes_and_replaces_only_what_no_other_resource_holds(
        mut point in zones(), reason in reasons(), known in prop::option::of(letters())
    ) {
        let before = point.clone();
        let goal = delete_goal(&mut point, reason, known, false);
        point.deliver_delete(&goal);
        if changes_ns(&before.observed, &point.observed) {
            let record = before.record();
            let current = Digest::from_name_servers(&before.observed.name_servers().unwrap());
            prop_assert!(record.other_holders(&claimant("S1"), current).is_empty());
            prop_assert!(!record.has_unreadable());
        }
    }

    #[test]
    fn existing_name_servers_never_change_next_to_a_ds(
        mut point in zones(), behavior in behaviors(), intent in intents()
    ) {
        let before = point.clone();
        let request = point.request("S1", behavior, &intent);
        point.deliver(&request);
        let (from, to) = (before.observed.name_servers(), point.observed.name_servers());
        let beside = before.observed.at_cut(&RecordType::Ds).is_some() || point.observed.at_cut(&RecordType::Ds).is_some();
        if let (Some(from), Some(to), true) = (from, to, beside) && from != to {
            let record = before.record();
            let own = record.own(&claimant("S1"), NOW).cloned();
            prop_assert_eq!(own.map(|own| own.ns), Some(Digest::from_name_servers(&to)), "only restored");
            let current = Digest::from_name_servers(&from);
            prop_assert!(!record.others(&claimant("S1")).any(|claim| claim.ns == current));
        }
    }

    #[test]
    fn the_ds_of_another_claim_is_never_touched_by_an_update(
        mut point in zones(), behavior in behaviors(), intent in intents()
    ) {
        let before = point.clone();
        let request = point.request("S1", behavior, &intent);
        point.deliver(&request);
        if let Some(records) = before.observed.ds() {
            let digest = Some(Digest::from_ds(&records));
            let named = before.record().others(&claimant("S1")).any(|claim| claim.ds == digest);
            if named || before.record().has_unreadable() {
                prop_assert_eq!(point.observed.ds(), Some(records));
            }
        }
    }

    #[test]
    fn the_last_claim_that_names_a_ds_record_set_removes_it(mut point in zones()) {
        let before = point.clone();
        let goal = delete_goal(&mut point, DeleteReason::Requested, None, false);
        let done = point.deliver_delete(&goal);
        let own = before.record().own(&claimant("S1"), NOW).cloned();
        if let (Some(plan), Some(own), Some(records)) = (plan_of(&done.decision), own, before.observed.ds()) {
            let digest = Some(Digest::from_ds(&records));
            let others = before.record().others(&claimant("S1")).any(|claim| claim.ds == digest)
                || before.record().has_unreadable();
            if plan.action != Some(Action::Left) || (own.ds == digest && !others) {
                prop_assert!(point.observed.at_cut(&RecordType::Ds).is_none());
            } else {
                prop_assert_eq!(point.observed.ds(), Some(records));
            }
        }
    }

    #[test]
    fn an_arrival_that_is_rolled_back_leaves_the_zone_as_it_was(
        mut point in zones(), replaces in any::<bool>(), intent in intents()
    ) {
        // The resource is new here, no dormant claim names what it creates, and no value is in the
        // future or unreadable.
        point.drop_claim_by_hand("S1");
        let desired = Digest::from_name_servers(&servers(intent.servers));
        let before = point.clone();
        let current = before.observed.name_servers().map(|servers| Digest::from_name_servers(&servers));
        let record = before.record();
        let dormant = current != Some(desired) && record.claims().any(|claim| claim.ns == desired);
        // Nor did a manual edit remove the claim of the resource whose origin is recorded.
        let orphaned = current.is_some_and(|current| {
            record.origin(current).is_some() && !record.claims().any(|claim| record.holds(claim, current))
        });
        if dormant || record.has_unreadable() || orphaned {
 return Ok(());
 }
        let behavior = if replaces { UpdateBehavior::Replacement { from: moved_from() } } else { UpdateBehavior::Create };
        let request = point.request("S1", behavior, &intent);
        let done = point.deliver(&request);
        if plan_of(&done.decision).is_none() {
 return Ok(());
 }
        let goal = delete_goal(&mut point, DeleteReason::Requested, None, false);
        let goal = DeleteGoal { allowed: intent.allowed, ..goal };
        point.deliver_delete(&goal);
        prop_assert_eq!(before.observed.name_servers(), point.observed.name_servers());
        prop_assert_eq!(before.observed.ds(), point.observed.ds());
        let ttl = |observed: &Observation| observed.at_cut(&RecordType::Ns).and_then(|set| set.ttl);
        prop_assert_eq!(ttl(&before.observed), ttl(&point.observed));
        prop_assert_eq!(of_others(&before), of_others(&point));
        if let Some(current) = current {
            let (had, has) = (before.record(), point.record());
 prop_assert_eq!(had.origin(current), has.origin(current));
        }
    }

    #[test]
    fn an_update_that_changed_nothing_can_be_rolled_back(mut point in zones(), intent in intents(), back in intents()) {
        // Whatever the zone and the claim are, an Update that asks for the intent of the claim
        // again succeeds.
        let Some(own) = point.record().own(&claimant("S1"), NOW).cloned() else { return Ok(()) };
        let mut forth = point.request("S1", UpdateBehavior::InPlace, &intent);
        forth.goal.intent = Digest::from_name_servers(&servers("q"));
        let done = point.deliver(&forth);
        if plan_of(&done.decision).is_none() {
            let mut rollback = point.request("S1", UpdateBehavior::InPlace, &back);
            rollback.goal.intent = own.intent;
            let done = point.deliver(&rollback);
            prop_assert!(!matches!(done.decision, Decision::Refuse(_)), "{:?}", done.decision);
        }
    }

    #[test]
    fn spelling_does_not_matter(mut point in zones(), behavior in behaviors(), intent in intents(), reason in reasons()) {
        let mut spelled = point.clone();
        for set in &mut spelled.observed.at_cut {
            for value in &mut set.values {
                *value = if set.record_type == RecordType::Ds {
                    value.to_uppercase()
                } else {
                    format!("{}.", value.trim_end_matches('.').to_ascii_lowercase())
                };
            }
            set.values.sort();
        }
        let request = point.request("S1", behavior, &intent);
        let goal = delete_goal(&mut point, reason, None, false);
        let kind = |decision: Decision| match decision {
            Decision::Proceed(plan) => (shape(&plan), plan.action),
            Decision::Refuse(refusal) => (refusal.code().to_owned(), None),
            Decision::Overtaken(overtaken) => (overtaken.code().to_owned(), None),
        };
        prop_assert_eq!(
            kind(plan_create_update(&request.goal, &point.observed)),
            kind(plan_create_update(&request.goal, &spelled.observed))
        );
        prop_assert_eq!(kind(plan_delete(&goal, &point.observed)), kind(plan_delete(&goal, &spelled.observed)));
    }

    #[test]
    fn a_plan_that_only_refreshes_leaves_what_resolvers_see(mut point in zones(), behavior in behaviors(), intent in intents()) {
        let request = point.request("S1", behavior, &intent);
        if let Some(plan) = plan_of(&plan_create_update(&request.goal, &point.observed)) && plan.only_refreshes {
            let txt = |change: &Change| change.record_set().record_type == RecordType::Txt;
            prop_assert!(plan.changes.iter().all(txt));
        }
    }

    #[test]
    fn an_undo_affects_only_its_own_request(mut point in zones(), intent in intents()) {
        let before = point.clone();
        let request = point.request("S1", UpdateBehavior::Create, &intent);
        prop_assert_eq!(point.undo(&request).shape(), "");
        prop_assert_eq!(&point.observed, &before.observed);
    }
}
