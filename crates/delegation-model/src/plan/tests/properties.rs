//! What is true of every plan, over arbitrary zones.

use proptest::prelude::*;

use super::*;

/// Route 53's batch rule: all changes or none; a CREATE of what exists and a DELETE of what differs are rejected.
#[derive(Clone, Debug, PartialEq)]
struct Zone(Vec<RecordSet>);

impl Zone {
    fn apply(&self, changes: &[Change]) -> Result<Zone, String> {
        let mut sets = self.0.clone();
        for change in changes {
            let key = |set: &RecordSet| (set.name.clone(), set.rtype.clone());
            let at = sets.iter().position(|set| key(set) == key(change.record_set()));
            match (change, at) {
                (Change::Create(set), None) => sets.push(set.clone()),
                (Change::Delete(set), Some(at)) if sets[at] == *set => drop(sets.remove(at)),
                (change, _) => return Err(format!("rejected: {change}")),
            }
        }
        sets.sort_by_key(|set| (set.name.clone(), set.rtype.clone()));
        Ok(Zone(sets))
    }

    fn observe(&self) -> Observation {
        let record = ownership::record_name(&name(CUT));
        let find = |set: &&RecordSet| Some(&set.name) == record.as_ref() && set.rtype == "TXT";
        let (at_cut, rest): (Vec<_>, Vec<_>) = self.0.iter().cloned().partition(|set| set.name == name(CUT));
        let below = rest.into_iter().filter(|set| set.name.is_below(&name(CUT))).collect();
        Observation { at_cut, below, ownership: self.0.iter().find(find).cloned(), ..Observation::default() }
    }
}

fn name_servers() -> impl Strategy<Value = NameServers> {
    prop::sample::select(vec![wanted(), elsewhere(), servers("ns1.x.net"), servers("a.net,b.net,c.net,d.net")])
}

fn ds_records() -> impl Strategy<Value = DsRecords> {
    prop::sample::select(vec![ds("1 13 2 AB"), ds("2 13 2 CD"), ds("1 13 2 AB,2 13 2 CD")])
}

fn wanted_ds() -> impl Strategy<Value = WantedDs> {
    prop_oneof![
        2 => Just(WantedDs::Off),
        3 => ds_records().prop_map(WantedDs::Records),
        1 => any::<bool>().prop_map(|newly| WantedDs::Unknown { why: "the child zone is not signing".into(), newly }),
    ]
}

fn claimants() -> impl Strategy<Value = Claimant> {
    prop::sample::select(vec![own(), sibling(), other()])
}

fn claims() -> impl Strategy<Value = Vec<Claim>> {
    let one = (claimants(), name_servers(), any::<bool>(), 0..NOW, prop::option::of(ds_records())).prop_map(
        |(claimant, servers, adopted, at, ds)| {
            let by = if adopted { By::Adopted } else { By::Created };
            let ds = ds.map(|records| Digest::of_ds(&records));
            claimant.claim(Digest::of_name_servers(&servers), at, by).covering(ds)
        },
    );
    prop::collection::vec(one, 0..4).prop_map(|mut claims| {
        // A TXT record set has each value once.
        claims.sort_by_key(Claim::value);
        claims.dedup();
        claims
    })
}

fn zone() -> impl Strategy<Value = Zone> {
    let delegation = prop::option::of((
        name_servers(),
        prop::sample::select(vec![60, 172_800]),
        any::<bool>(),
        prop::option::of(ds_records()),
    ));
    let stranger = prop::collection::vec("\"[a-z ]{1,9}\"", 0..2);
    (delegation, claims(), stranger, any::<bool>()).prop_map(|(delegation, claims, strangers, special)| {
        let mut sets = vec![RecordSet::new(name("www.example.com"), "A", Ttl::OWNERSHIP, vec!["192.0.2.1".into()])];
        if let Some((servers, ttl, odd_spelling, ds)) = delegation {
            let mut values = servers.values();
            if odd_spelling {
                values.reverse();
                for value in &mut values {
                    *value = value.trim_end_matches('.').to_ascii_uppercase();
                }
            }
            sets.push(RecordSet { special: special && ds.is_some(), ..set("NS", ttl, values) });
            if let Some(records) = ds {
                let lower = records.values().iter().map(|value| value.to_lowercase()).collect();
                sets.push(set("DS", ttl / 48, if odd_spelling { lower } else { records.values() }));
            }
        }
        let mut values: Vec<String> = claims.iter().map(Claim::value).chain(strangers).collect();
        values.dedup();
        if !values.is_empty() {
            sets.push(RecordSet::new(ownership::record_name(&name(CUT)).unwrap(), "TXT", Ttl::OWNERSHIP, values));
        }
        sets.sort_by_key(|set| (set.name.clone(), set.rtype.clone()));
        Zone(sets)
    })
}

fn goals() -> impl Strategy<Value = Goal> {
    (
        prop::option::of(name_servers()),
        prop::sample::select(ARRIVALS.to_vec()),
        any::<bool>(),
        prop::sample::select(vec![60, 172_800]),
        wanted_ds(),
    )
        .prop_map(|(name_servers, arrival, allow_overwrite, ttl, ds)| Goal {
            ds,
            // Only an Update in place can be without name servers.
            name_servers: name_servers.or_else(|| (arrival != Arrival::InPlace).then(wanted)),
            ttl: Ttl::new(ttl).unwrap(),
            allow_overwrite,
            ..goal(arrival)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_plan_is_accepted_converges_and_is_idempotent(zone in zone(), goal in goals()) {
        if let Decision::Proceed(plan) = present(&goal, &zone.observe()) {
            let after = zone.apply(&plan.changes).unwrap();
            let seen = after.observe();
            let ns = seen.at_cut("NS").expect("the delegation stands");
            if let Some(wanted) = &goal.name_servers {
                prop_assert_eq!(ns.ttl, Some(goal.ttl));
                prop_assert_eq!(NameServers::found(&ns.values), Some(wanted.clone()));
            }
            let covered = seen.claims().own(&own()).and_then(|own| own.ds);
            match &goal.ds {
                WantedDs::Records(wanted) if plan.warnings.is_empty() => {
                    let ds = seen.at_cut("DS").expect("the DS record set stands");
                    prop_assert_eq!(ds.ttl, Some(goal.ds_ttl));
                    prop_assert_eq!(DsRecords::found(&ds.values), Some(wanted.clone()));
                }
                WantedDs::Off if plan.warnings.is_empty() => prop_assert_eq!(covered, None),
                _ => {}
            }
            let again = match present(&goal, &seen) {
                Decision::Proceed(plan) => plan,
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert!(again.changes.is_empty(), "{}", again);
        }
    }

    #[test]
    fn existing_name_servers_never_change_beside_a_ds(zone in zone(), goal in goals()) {
        let before = zone.observe();
        let Decision::Proceed(plan) = present(&goal, &before) else { return Ok(()) };
        let after = zone.apply(&plan.changes).unwrap().observe();
        let servers = |seen: &Observation| seen.at_cut("NS").and_then(|set| NameServers::found(&set.values));
        let (Some(from), Some(to)) = (servers(&before), servers(&after)) else { return Ok(()) };
        if from != to && (before.at_cut("DS").is_some() || after.at_cut("DS").is_some()) {
            let own = before.claims().own(&own()).cloned().expect("only an owner puts name servers back");
            prop_assert_eq!(own.ns, Some(Digest::of_name_servers(&to)));
        }
    }

    #[test]
    fn a_ds_that_no_claim_of_ours_names_is_never_replaced(zone in zone(), goal in goals()) {
        let before = zone.observe();
        let claims = before.claims();
        let ours = |relation| claims.of(&own(), relation).iter().any(|claim| claim.ds.is_some());
        if goal.allow_overwrite || ours(Relation::Own) || ours(Relation::Sibling) {
            return Ok(());
        }
        let Decision::Proceed(plan) = present(&goal, &before) else { return Ok(()) };
        let after = zone.apply(&plan.changes).unwrap().observe();
        let records = |seen: &Observation| seen.at_cut("DS").and_then(|set| DsRecords::found(&set.values));
        if before.at_cut("DS").is_some() {
            prop_assert_eq!(records(&before), records(&after));
        }
    }

    #[test]
    fn a_ds_goes_with_the_last_claim_that_covers_it(zone in zone()) {
        let before = zone.observe();
        let Decision::Proceed(plan) = absent(&farewell(), &before) else { return Ok(()) };
        let after = zone.apply(&plan.changes).unwrap().observe();
        let records = before.at_cut("DS").and_then(|set| DsRecords::found(&set.values));
        let (Some(own), Some(records)) = (before.claims().own(&own()).cloned(), records) else { return Ok(()) };
        let digest = Digest::of_ds(&records);
        let others_cover = before.claims().iter().any(|claim| super::own().relation(claim) != Relation::Own && claim.ds == Some(digest));
        if own.ds == Some(digest) && !others_cover {
            prop_assert!(after.at_cut("DS").is_none());
        } else if plan.action != Some(Action::Removed) {
            prop_assert_eq!(after.at_cut("DS"), before.at_cut("DS"));
        }
    }

    #[test]
    fn a_delete_is_accepted_and_leaves_no_claim(zone in zone(), known in prop::option::of(name_servers())) {
        let farewell = Farewell { known, ..farewell() };
        if let Decision::Proceed(plan) = absent(&farewell, &zone.observe()) {
            let after = zone.apply(&plan.changes).unwrap();
            prop_assert!(after.observe().claims().own(&own()).is_none());
            let again = match absent(&farewell, &after.observe()) {
                Decision::Proceed(plan) => plan,
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert!(again.changes.is_empty());
        }
    }

    #[test]
    fn only_the_cut_and_its_ownership_record_are_touched(zone in zone(), goal in goals()) {
        let record = ownership::record_name(&name(CUT)).unwrap();
        for decision in [present(&goal, &zone.observe()), absent(&farewell(), &zone.observe())] {
            if let Decision::Proceed(plan) = decision {
                for change in &plan.changes {
                    let set = change.record_set();
                    prop_assert!((set.name == name(CUT) && ["NS", "DS"].contains(&&*set.rtype)) || (set.name == record && set.rtype == "TXT"));
                }
            }
        }
    }

    #[test]
    fn strangers_values_and_claims_stay(zone in zone(), goal in goals()) {
        let goal = Goal { allow_overwrite: false, ..goal };
        let before = zone.observe();
        if let Decision::Proceed(plan) = present(&goal, &before) {
            let after = zone.apply(&plan.changes).unwrap().observe().claims();
            let own_values: Vec<String> = before.claims().of(&own(), Relation::Own).iter().map(|claim| claim.value()).collect();
            for value in before.claims().values().iter().filter(|value| !own_values.contains(value)) {
                prop_assert!(after.values().contains(value), "{value}");
            }
        }
    }

    #[test]
    fn create_then_delete_restores(
        zone in zone(), arrival in prop::sample::select(vec![Arrival::Create, Arrival::Replacement]), ds in wanted_ds()
    ) {
        let mut zone = zone;
        // This resource is new here.
        for set in zone.0.iter_mut().filter(|set| set.rtype == "TXT") {
            let mut claims = Claims::read(&set.values);
            claims.remove(|claim| own().relation(claim) == Relation::Own);
            set.values = claims.values();
        }
        zone.0.retain(|set| !set.values.is_empty());
        let before = zone.observe();
        // An adoption brings the TTL that is asked for, and that stays.
        let ttl = before.at_cut("NS").and_then(|set| set.ttl).unwrap_or(Ttl::DELEGATION);
        let ds_ttl = before.at_cut("DS").and_then(|set| set.ttl).unwrap_or(Ttl::DS);
        // A sibling's DS record set is brought to what is wanted, and its old records are not known any more.
        let siblings_ds = before.claims().of(&own(), Relation::Sibling).iter().any(|claim| claim.ds.is_some());
        let ds = if siblings_ds { WantedDs::Off } else { ds };
        if let Decision::Proceed(plan) = present(&Goal { ttl, ds, ds_ttl, ..goal(arrival) }, &before) {
            let created = zone.apply(&plan.changes).unwrap();
            let Decision::Proceed(removal) = absent(&farewell(), &created.observe()) else { panic!("a delete is not refused") };
            let restored = created.apply(&removal.changes).unwrap();
            // A delegation made where a sibling's claim stood without one is the sibling's now.
            if before.at_cut("NS").is_some() || before.claims().of(&own(), Relation::Sibling).is_empty() {
                let values = |zone: &Zone| { let mut values = zone.observe().claims().values(); values.sort(); values };
                prop_assert_eq!(restored.observe().at_cut, before.at_cut.clone());
                if before.claims().of(&own(), Relation::Sibling).is_empty() {
                    prop_assert_eq!(values(&restored), values(&zone));
                }
            }
        }
    }

    #[test]
    fn update_then_rollback_restores(of in name_servers(), to in name_servers(), ttl in prop::sample::select(vec![60, 172_800])) {
        let claims = vec![claim(&own(), &of, By::Created)];
        let before = seen(Some(ns(&of)), &claims);
        let zone = Zone(before.at_cut.iter().chain(&before.ownership).cloned().collect()).apply(&[]).unwrap();
        let forth = Goal { name_servers: Some(to), ttl: Ttl::new(ttl).unwrap(), ..goal(Arrival::InPlace) };
        let back = Goal { name_servers: Some(of), at: NOW + 1, ..goal(Arrival::InPlace) };
        let there = zone.apply(&plan(present(&forth, &before)).changes).unwrap();
        let home = there.apply(&plan(present(&back, &there.observe())).changes).unwrap();
        let same: BTreeSet<String> = home.observe().at_cut("NS").unwrap().values.iter().cloned().collect();
        prop_assert_eq!(same, before.at_cut("NS").unwrap().values.iter().cloned().collect());
        prop_assert_eq!(home.observe().at_cut("NS").unwrap().ttl, before.at_cut("NS").unwrap().ttl);
    }

    #[test]
    fn spelling_does_not_matter(zone in zone(), goal in goals()) {
        let mut spelled = zone.clone();
        for set in spelled.0.iter_mut().filter(|set| set.rtype == "DS") {
            set.values.iter_mut().for_each(|value| *value = value.to_uppercase());
            set.values.reverse();
        }
        for set in spelled.0.iter_mut().filter(|set| set.rtype == "NS") {
            set.values.iter_mut().for_each(|value| *value = format!("{}.", value.trim_end_matches('.').to_ascii_lowercase()));
            set.values.sort();
        }
        let kind = |decision: Decision| match decision {
            Decision::Proceed(plan) => (shape(&plan), plan.action.map(|action| action.to_string())),
            other => (vec![format!("{:?}", std::mem::discriminant(&other))], None),
        };
        prop_assert_eq!(kind(present(&goal, &zone.observe())), kind(present(&goal, &spelled.observe())));
        prop_assert_eq!(kind(absent(&farewell(), &zone.observe())), kind(absent(&farewell(), &spelled.observe())));
    }
}
