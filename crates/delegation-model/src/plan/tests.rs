//! The planner's tables, row by row; `properties.rs` holds what is true of every plan.

mod properties;
mod secure;

use super::*;
use crate::ownership::{self, By, Claim, Digest, Relation};

const CUT: &str = "testing.example.com";
const NOW: i64 = 2_000;
const BEFORE: i64 = 1_000;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn servers(text: &str) -> NameServers {
    NameServers::found(&text.split(',').collect::<Vec<_>>()).unwrap()
}

fn wanted() -> NameServers {
    servers("ns-1.awsdns.com,ns-2.awsdns.org")
}

fn elsewhere() -> NameServers {
    servers("ns1.somebody.net,ns2.somebody.net")
}

fn own() -> Claimant {
    Claimant::new("arn:aws:cloudformation:x:1:stack/mine/1", "Delegation")
}

fn sibling() -> Claimant {
    Claimant::new("arn:aws:cloudformation:x:1:stack/mine/1", "Renamed")
}

fn other() -> Claimant {
    Claimant::new("arn:aws:cloudformation:x:1:stack/theirs/2", "Delegation")
}

fn ds(text: &str) -> DsRecords {
    DsRecords::found(&text.split(',').collect::<Vec<_>>()).unwrap()
}

fn claim(claimant: &Claimant, of: &NameServers, by: By) -> Claim {
    claimant.claim(Digest::of_name_servers(of), BEFORE, by)
}

fn goal(arrival: Arrival) -> Goal {
    Goal {
        name: name(CUT),
        name_servers: Some(wanted()),
        objection: None,
        ttl: Ttl::DELEGATION,
        ds: WantedDs::Off,
        ds_ttl: Ttl::DS,
        allow_overwrite: false,
        allow_occlusion: false,
        allowed: true,
        claimant: own(),
        at: NOW,
        arrival,
    }
}

fn overwriting(arrival: Arrival) -> Goal {
    Goal { allow_overwrite: true, ..goal(arrival) }
}

fn farewell() -> Farewell {
    Farewell { name: name(CUT), claimant: own(), at: NOW, known: None }
}

fn set(rtype: &str, ttl: i64, values: Vec<String>) -> RecordSet {
    RecordSet::new(name(CUT), rtype, Ttl::new(ttl).unwrap(), values)
}

fn ns(of: &NameServers) -> RecordSet {
    set("NS", 172_800, of.values())
}

/// What stands in the parent zone: an NS record set at the cut, and claims.
fn seen(ns: Option<RecordSet>, claims: &[Claim]) -> Observation {
    let values: Vec<String> = claims.iter().map(Claim::value).collect();
    let record = ownership::record_name(&name(CUT)).unwrap();
    let ownership = (!values.is_empty()).then(|| RecordSet::new(record, "TXT", Ttl::OWNERSHIP, values));
    Observation { at_cut: ns.into_iter().collect(), ownership, ..Observation::default() }
}

#[track_caller]
fn plan(decision: Decision) -> Plan {
    match decision {
        Decision::Proceed(plan) => plan,
        other => panic!("expected a plan, not {other:?}"),
    }
}

#[track_caller]
fn refusal(decision: Decision) -> Refusal {
    match decision {
        Decision::Refuse(refusal) => refusal,
        other => panic!("expected a refusal, not {other:?}"),
    }
}

/// The changes of a plan as `+NS`, `-TXT` and so on.
fn shape(plan: &Plan) -> Vec<String> {
    let sign = |change: &Change| if matches!(change, Change::Create(_)) { "+" } else { "-" };
    plan.changes.iter().map(|change| format!("{}{}", sign(change), change.record_set().rtype)).collect()
}

/// The claims that stand once a plan is carried out.
fn claims_after(plan: &Plan, before: &Observation) -> Claims {
    let created = plan.changes.iter().find_map(|change| match change {
        Change::Create(set) if set.rtype == "TXT" => Some(Claims::read(&set.values)),
        _ => None,
    });
    let deleted = plan.changes.iter().any(|change| matches!(change, Change::Delete(set) if set.rtype == "TXT"));
    created.unwrap_or_else(|| if deleted { Claims::default() } else { before.claims() })
}

const ARRIVALS: [Arrival; 3] = [Arrival::Create, Arrival::Replacement, Arrival::InPlace];

mod present_table {
    use super::*;

    #[test]
    fn none_without_others_is_created() {
        for claims in
            [vec![], vec![claim(&own(), &wanted(), By::Adopted)], vec![claim(&sibling(), &wanted(), By::Created)]]
        {
            for arrival in ARRIVALS {
                let seen = seen(None, &claims);
                let plan = plan(present(&goal(arrival), &seen));
                assert_eq!(plan.action, Some(Action::Created));
                assert_eq!(shape(&plan).first().map(String::as_str), Some("+NS"));
                let after = claims_after(&plan, &seen);
                assert_eq!((after.own(&own()).unwrap().by, after.own(&own()).unwrap().at), (By::Created, NOW));
                assert_eq!(after.of(&own(), Relation::Sibling), seen.claims().of(&own(), Relation::Sibling));
            }
        }
    }

    #[test]
    fn none_with_others_is_refused() {
        let seen = seen(None, &[claim(&other(), &wanted(), By::Created), claim(&own(), &wanted(), By::Created)]);
        for arrival in ARRIVALS {
            let refusal = refusal(present(&goal(arrival), &seen));
            assert!(matches!(refusal, Refusal::ClaimedByOthers { .. }), "{refusal}");
            assert!(refusal.to_string().contains("theirs/Delegation"), "{refusal}");
            let plan = plan(present(&overwriting(arrival), &seen));
            assert_eq!(plan.action, Some(Action::Created));
            assert!(claims_after(&plan, &seen).of(&own(), Relation::Other).is_empty());
        }
    }

    #[test]
    fn as_wanted_and_own_changes_what_differs() {
        let claims = [claim(&own(), &wanted(), By::Created)];
        let spelled = set("NS", 172_800, vec!["NS-2.awsdns.org".into(), "ns-1.AWSDNS.com.".into()]);
        let kept = plan(present(&goal(Arrival::InPlace), &seen(Some(spelled), &claims)));
        assert_eq!((shape(&kept), kept.action), (vec!["-TXT".into(), "+TXT".into()], Some(Action::Unchanged)));
        assert!(kept.only_refreshes);
        let other_ttl = set("NS", 60, wanted().values());
        let changed = plan(present(&goal(Arrival::InPlace), &seen(Some(other_ttl), &claims)));
        assert_eq!(shape(&changed), ["-NS", "+NS", "-TXT", "+TXT"]);
        assert_eq!(changed.action, Some(Action::Updated));
        assert!(!changed.only_refreshes);
    }

    #[test]
    fn a_duplicate_of_what_was_done_changes_nothing() {
        let seen = seen(Some(ns(&wanted())), &[own().claim(Digest::of_name_servers(&wanted()), NOW, By::Created)]);
        for arrival in ARRIVALS {
            assert_eq!(shape(&plan(present(&goal(arrival), &seen))), Vec::<String>::new());
        }
    }

    #[test]
    fn as_wanted_without_claims_is_adopted() {
        let seen = seen(Some(ns(&wanted())), &[]);
        for (goal, by, action) in [
            (goal(Arrival::Create), By::Adopted, Action::Adopted),
            (goal(Arrival::Replacement), By::Adopted, Action::Adopted),
            (overwriting(Arrival::Create), By::Created, Action::Adopted),
            (goal(Arrival::InPlace), By::Created, Action::Unchanged),
        ] {
            let plan = plan(present(&goal, &seen));
            assert_eq!((shape(&plan), plan.action), (vec!["+TXT".to_owned()], Some(action)));
            assert_eq!(claims_after(&plan, &seen).own(&own()).unwrap().by, by, "{:?}", goal.arrival);
        }
    }

    #[test]
    fn an_adoption_brings_the_ttl() {
        let seen = seen(Some(set("NS", 60, wanted().values())), &[]);
        let plan = plan(present(&goal(Arrival::Create), &seen));
        assert_eq!(shape(&plan), ["-NS", "+NS", "+TXT"]);
        assert_eq!(claims_after(&plan, &seen).own(&own()).unwrap().by, By::Adopted);
    }

    #[test]
    fn a_lost_claim_is_written_anew_in_place() {
        for (ttl, action) in [(172_800, Action::Unchanged), (60, Action::Updated)] {
            let plan = plan(present(&goal(Arrival::InPlace), &seen(Some(set("NS", ttl, wanted().values())), &[])));
            assert_eq!(plan.action, Some(action));
        }
    }

    #[test]
    fn an_adoption_ends_with_the_next_update_in_place() {
        let seen = seen(Some(ns(&wanted())), &[claim(&own(), &wanted(), By::Adopted)]);
        for (arrival, by) in
            [(Arrival::Create, By::Adopted), (Arrival::Replacement, By::Adopted), (Arrival::InPlace, By::Created)]
        {
            let plan = plan(present(&goal(arrival), &seen));
            assert_eq!(claims_after(&plan, &seen).own(&own()).unwrap().by, by, "{arrival:?}");
        }
    }

    #[test]
    fn as_wanted_with_siblings_is_shared() {
        for (siblings, by) in [
            (vec![claim(&sibling(), &wanted(), By::Created)], By::Created),
            (vec![claim(&sibling(), &wanted(), By::Adopted)], By::Adopted),
        ] {
            let seen = seen(Some(ns(&wanted())), &siblings);
            let plan = plan(present(&goal(Arrival::Create), &seen));
            assert_eq!((shape(&plan), plan.action), (vec!["-TXT".into(), "+TXT".into()], Some(Action::Shared)));
            assert_eq!(claims_after(&plan, &seen).own(&own()).unwrap().by, by);
            assert_eq!(claims_after(&plan, &seen).iter().count(), 2);
        }
    }

    #[test]
    fn regression_a_share_with_overwrite_leaves_an_adoption_an_adoption() {
        let seen = seen(Some(ns(&wanted())), &[claim(&sibling(), &wanted(), By::Adopted)]);
        let plan = plan(present(&overwriting(Arrival::Create), &seen));
        assert_eq!(claims_after(&plan, &seen).own(&own()).unwrap().by, By::Adopted);
    }

    #[test]
    fn overwriting_drops_siblings_in_place_alone() {
        let seen = seen(Some(ns(&wanted())), &[claim(&sibling(), &wanted(), By::Created)]);
        for (arrival, left) in [(Arrival::Create, 1), (Arrival::Replacement, 1), (Arrival::InPlace, 0)] {
            let plan = plan(present(&overwriting(arrival), &seen));
            assert_eq!(claims_after(&plan, &seen).of(&own(), Relation::Sibling).len(), left, "{arrival:?}");
        }
    }

    #[test]
    fn as_wanted_with_others_is_refused() {
        let seen = seen(Some(ns(&wanted())), &[claim(&other(), &wanted(), By::Created)]);
        for arrival in [Arrival::Create, Arrival::Replacement] {
            assert!(matches!(refusal(present(&goal(arrival), &seen)), Refusal::Taken { .. }));
        }
        let plan = plan(present(&overwriting(Arrival::Create), &seen));
        assert_eq!(shape(&plan), ["-TXT", "+TXT"]);
        assert_eq!(claims_after(&plan, &seen).iter().count(), 1);
    }

    #[test]
    fn different_and_own_is_changed() {
        let siblings = [claim(&own(), &elsewhere(), By::Created), claim(&sibling(), &elsewhere(), By::Created)];
        for claims in [&siblings[..1], &siblings[..]] {
            for arrival in ARRIVALS {
                let seen = seen(Some(ns(&elsewhere())), claims);
                let plan = plan(present(&goal(arrival), &seen));
                assert_eq!(
                    (shape(&plan), plan.action),
                    (vec!["-NS".into(), "+NS".into(), "-TXT".into(), "+TXT".into()], Some(Action::Updated))
                );
            }
        }
    }

    #[test]
    fn different_without_own_is_refused() {
        for claims in [
            vec![],
            vec![claim(&sibling(), &elsewhere(), By::Created)],
            vec![claim(&other(), &elsewhere(), By::Created)],
        ] {
            let seen = seen(Some(ns(&elsewhere())), &claims);
            for arrival in ARRIVALS {
                let words = refusal(present(&goal(arrival), &seen)).to_string();
                for part in ["ns1.somebody.net", "ns-1.awsdns.com", CUT] {
                    assert!(words.contains(part), "{words}");
                }
                for claim in &claims {
                    assert!(words.contains(claim.owner()), "{words}");
                }
                let plan = plan(present(&overwriting(arrival), &seen));
                assert_eq!(shape(&plan).get(..2), Some(&["-NS".to_owned(), "+NS".to_owned()][..]));
                assert_eq!(claims_after(&plan, &seen).own(&own()).unwrap().by, By::Created);
            }
        }
    }
}

mod checks {
    use super::*;

    #[test]
    fn a_row_that_refuses_leaves_an_untouched_delegation_alone() {
        let claims = [claim(&other(), &wanted(), By::Created)];
        let in_place = seen(Some(ns(&wanted())), &claims);
        let kept = plan(present(&goal(Arrival::InPlace), &in_place));
        assert!(kept.changes.is_empty(), "no claim is added");
        assert!(kept.warnings[0].message.contains("theirs/Delegation"), "{:?}", kept.warnings);

        let with_own = seen(Some(ns(&wanted())), &[claims[0].clone(), claim(&own(), &wanted(), By::Adopted)]);
        for arrival in ARRIVALS {
            let kept = plan(present(&goal(arrival), &with_own));
            assert_eq!(shape(&kept), ["-TXT", "+TXT"]);
            assert!(kept.only_refreshes && !kept.warnings.is_empty());
            let after = claims_after(&kept, &with_own);
            assert_eq!((after.own(&own()).unwrap().at, after.own(&own()).unwrap().by), (NOW, By::Adopted));
        }
        let other_ttl = seen(Some(set("NS", 60, wanted().values())), &claims);
        assert!(matches!(present(&goal(Arrival::InPlace), &other_ttl), Decision::Refuse(_)), "the TTL would change");
    }

    #[test]
    fn a_name_that_is_not_allowed_is_not_newly_managed_whatever_the_physical_id_says() {
        let not_allowed = |arrival| Goal { allowed: false, ..overwriting(arrival) };
        let unclaimed = seen(Some(ns(&wanted())), &[]);
        for arrival in [Arrival::Create, Arrival::Replacement] {
            assert!(matches!(refusal(present(&not_allowed(arrival), &unclaimed)), Refusal::NotAllowed { .. }));
        }
        let kept = plan(present(&not_allowed(Arrival::InPlace), &unclaimed));
        assert!(
            kept.changes.is_empty() && kept.warnings[0].message.contains("DELEGATION_ALLOWED_NAMES"),
            "no claim is added"
        );
        for seen in [seen(None, &[]), seen(Some(ns(&elsewhere())), &[])] {
            assert!(matches!(refusal(present(&not_allowed(Arrival::InPlace), &seen)), Refusal::NotAllowed { .. }));
        }
        // What is managed already goes on being managed.
        let claimed = seen(Some(ns(&elsewhere())), &[claim(&own(), &elsewhere(), By::Created)]);
        assert_eq!(plan(present(&not_allowed(Arrival::InPlace), &claimed)).action, Some(Action::Updated));
    }

    #[test]
    fn a_cname_at_the_cut_is_refused() {
        let mut seen = seen(None, &[]);
        seen.at_cut.push(set("CNAME", 60, vec!["x.example.net.".into()]));
        for arrival in ARRIVALS {
            assert!(matches!(refusal(present(&overwriting(arrival), &seen)), Refusal::Cname { .. }));
        }
    }

    #[test]
    fn name_servers_below_the_cut_need_glue() {
        let mut goal = goal(Arrival::Create);
        goal.name_servers = Some(servers("ns1.testing.example.com,ns2.example.net"));
        let mut seen = seen(None, &[]);
        assert!(refusal(present(&goal, &seen)).to_string().contains("ns1.testing.example.com"));
        let glue = RecordSet::new(name("ns1.testing.example.com"), "AAAA", Ttl::OWNERSHIP, vec!["2001:db8::1".into()]);
        seen.below.push(RecordSet { rtype: "TXT".into(), ..glue.clone() });
        assert!(matches!(present(&goal, &seen), Decision::Refuse(_)), "a TXT is no glue");
        seen.below = vec![glue];
        assert_eq!(plan(present(&goal, &seen)).action, Some(Action::Created));
    }

    fn record(owner: &str, rtype: &str) -> RecordSet {
        RecordSet::new(name(owner), rtype, Ttl::OWNERSHIP, vec!["x".into()])
    }

    #[test]
    fn what_the_child_zone_lacks_is_not_hidden() {
        let mut seen = seen(None, &[]);
        seen.at_cut = vec![record(CUT, "A"), record(CUT, "MX")];
        seen.below = vec![record("www.testing.example.com", "A"), record("*.testing.example.com", "TXT")];
        for (at, rtype) in [(CUT, "MX"), ("www.testing.example.com", "A")] {
            seen.covered.insert((name(at), rtype.to_owned()));
        }
        for arrival in ARRIVALS {
            let goal = Goal { allow_overwrite: true, ..goal(arrival) };
            let words = refusal(present(&goal, &seen)).to_string();
            assert!(words.contains("lacks: testing.example.com A, *.testing.example.com TXT; copy"), "{words}");
            let allowed = plan(present(&Goal { allow_occlusion: true, ..goal }, &seen));
            assert_eq!((shape(&allowed), allowed.action), (vec!["+NS".into(), "+TXT".into()], Some(Action::Created)));
            assert!(allowed.warnings[0].message.contains("*.testing.example.com TXT"), "{:?}", allowed.warnings);
        }
        for (at, rtype) in [(CUT, "A"), ("*.testing.example.com", "TXT")] {
            seen.covered.insert((name(at), rtype.to_owned()));
        }
        let plan = plan(present(&goal(Arrival::Create), &seen));
        assert_eq!((plan.action, plan.warnings), (Some(Action::Created), vec![]));
    }

    #[test]
    fn the_first_few_that_would_be_lost_are_named_and_the_others_counted() {
        let mut seen = seen(None, &[]);
        seen.below = (0..8).map(|n| record(&format!("h{n}.testing.example.com"), "A")).collect();
        let words = refusal(present(&goal(Arrival::Create), &seen)).to_string();
        assert!(
            words.contains("h0.testing.example.com A") && words.contains("h4.testing.example.com A and 3 more"),
            "{words}"
        );
        seen.more_below = true;
        let words = refusal(present(&goal(Arrival::Create), &seen)).to_string();
        assert!(words.contains("and at least 3 more") && words.contains("AllowOcclusion"), "{words}");
        seen.covered = seen.below.iter().map(|set| (set.name.clone(), set.rtype.clone())).collect();
        let words = refusal(present(&goal(Arrival::Create), &seen)).to_string();
        assert!(words.contains("more of them than can be compared") && !words.contains("lacks"), "{words}");
    }

    #[test]
    fn a_delegation_below_is_hidden_and_ds_at_the_cut_is_not() {
        let mut seen = seen(None, &[]);
        seen.at_cut = vec![record(CUT, "DS")];
        seen.below = vec![record("b.testing.example.com", "NS"), record("b.testing.example.com", "DS")];
        let hidden: Vec<_> = occluded(&name(CUT), Some(&wanted()), &seen).map(ToString::to_string).collect();
        assert_eq!(hidden, ["b.testing.example.com 300 NS x", "b.testing.example.com 300 DS x"]);
    }

    #[test]
    fn a_delegation_that_stands_hides_nothing_more() {
        let mut seen = seen(Some(ns(&wanted())), &[]);
        seen.below = vec![record("www.testing.example.com", "A")];
        seen.more_below = true;
        assert_eq!(plan(present(&goal(Arrival::Create), &seen)).action, Some(Action::Adopted));
    }

    #[test]
    fn a_name_below_another_delegation_is_refused_with_the_zone_to_use() {
        let mut seen = seen(None, &[]);
        let above = |owner: &str| RecordSet::new(name(owner), "NS", Ttl::OWNERSHIP, vec!["ns1.x.net.".into()]);
        seen.above = vec![above("b.example.com"), above("example.com")];
        for goal in [overwriting(Arrival::Create), Goal { allow_occlusion: true, ..goal(Arrival::Replacement) }] {
            let words = refusal(present(&goal, &seen)).to_string();
            assert!(words.contains("delegates example.com already (to ns1.x.net)"), "{words}");
        }
        // A standing delegation is not stuck because somebody delegated a name above it.
        seen = Observation {
            above: seen.above,
            ..super::seen(Some(ns(&wanted())), &[claim(&own(), &wanted(), By::Created)])
        };
        let kept = plan(present(&goal(Arrival::InPlace), &seen));
        assert!(
            kept.only_refreshes && kept.warnings[0].message.contains("delegates example.com"),
            "{:?}",
            kept.warnings
        );
    }

    #[test]
    fn a_wildcard_that_no_longer_answers_is_worth_a_warning() {
        let mut seen = seen(None, &[]);
        seen.wildcard = Some(name("*.example.com"));
        let plan_bare = plan(present(&goal(Arrival::Create), &seen));
        assert!(plan_bare.warnings[0].message.contains("*.example.com"), "{:?}", plan_bare.warnings);
        seen.at_cut = vec![record(CUT, "TXT")];
        seen.covered.insert((name(CUT), "TXT".into()));
        assert!(
            plan(present(&goal(Arrival::Create), &seen)).warnings.is_empty(),
            "it did not answer for a name that exists"
        );
    }

    #[test]
    fn routing_policies_are_nobodys_to_change() {
        let mut special = ns(&elsewhere());
        special.special = true;
        let seen_ns = seen(Some(special.clone()), &[claim(&own(), &elsewhere(), By::Created)]);
        assert!(matches!(refusal(present(&overwriting(Arrival::InPlace), &seen_ns)), Refusal::RoutingPolicy { .. }));
        assert_eq!(shape(&plan(absent(&farewell(), &seen_ns))), ["-TXT"], "only the claim goes");
        let mut seen_txt = seen(None, &[claim(&own(), &wanted(), By::Created)]);
        seen_txt.ownership.as_mut().unwrap().special = true;
        assert!(matches!(refusal(present(&goal(Arrival::Create), &seen_txt)), Refusal::RoutingPolicy { .. }));
        assert!(plan(absent(&farewell(), &seen_txt)).changes.is_empty());
        seen_txt.at_cut = vec![ns(&wanted())];
        assert!(plan(present(&goal(Arrival::InPlace), &seen_txt)).changes.is_empty(), "it is kept, and theirs too");
    }

    #[test]
    fn name_servers_do_not_change_under_a_standing_ds() {
        let mut seen = seen(Some(ns(&elsewhere())), &[claim(&own(), &elsewhere(), By::Created)]);
        seen.at_cut.push(set("DS", 3600, vec!["1 13 2 AB".into()]));
        for goal in [goal(Arrival::InPlace), overwriting(Arrival::InPlace)] {
            assert!(matches!(refusal(present(&goal, &seen)), Refusal::Ds { why: DsRefusal::OfOthers, .. }));
        }
        seen.ownership = super::seen(None, &[claim(&own(), &wanted(), By::Created)]).ownership;
        assert_eq!(
            plan(present(&goal(Arrival::InPlace), &seen)).action,
            Some(Action::Updated),
            "those of our claim are put back"
        );
    }

    #[test]
    fn unknown_name_servers_keep_those_that_are_there() {
        let unknown = Goal { name_servers: None, ..goal(Arrival::InPlace) };
        let claims = [claim(&own(), &elsewhere(), By::Created)];
        let kept = plan(present(&unknown, &seen(Some(ns(&elsewhere())), &claims)));
        assert!(kept.only_refreshes);
        let retimed = seen(Some(set("NS", 60, elsewhere().values())), &claims);
        let retimed = plan(present(&unknown, &retimed));
        assert_eq!(
            retimed.changes.first().map(|change| change.record_set().values.clone()),
            Some(elsewhere().values())
        );
        assert!(matches!(refusal(present(&unknown, &seen(None, &claims))), Refusal::NameServersUnknown { .. }));
    }

    #[test]
    fn regression_unknown_name_servers_make_nothing_ours() {
        let unknown = Goal { name_servers: None, ..goal(Arrival::InPlace) };
        // Somebody changed the delegation by hand: the claim goes on naming ours, so that a Delete leaves theirs.
        let changed = seen(Some(set("NS", 60, elsewhere().values())), &[claim(&own(), &wanted(), By::Adopted)]);
        let kept = plan(present(&unknown, &changed));
        assert_eq!(shape(&kept), ["-TXT", "+TXT"]);
        let after = claims_after(&kept, &changed).own(&own()).cloned().unwrap();
        assert_eq!((after.ns, after.by), (Some(Digest::of_name_servers(&wanted())), By::Adopted));
        // Without a claim nothing is claimed and nothing changed.
        for claims in [vec![], vec![claim(&sibling(), &wanted(), By::Created)]] {
            let kept = plan(present(&unknown, &seen(Some(set("NS", 60, elsewhere().values())), &claims)));
            assert_eq!((shape(&kept), kept.action), (vec![], Some(Action::Unchanged)));
        }
    }

    #[test]
    fn regression_unknown_name_servers_never_come_to_a_new_place() {
        for claims in [vec![], vec![claim(&sibling(), &elsewhere(), By::Created)]] {
            let unknown = Goal { name_servers: None, ..overwriting(Arrival::Replacement) };
            let refused = refusal(present(&unknown, &seen(Some(ns(&elsewhere())), &claims)));
            assert!(matches!(refused, Refusal::NameServersUnknown { .. }), "{refused}");
        }
    }

    #[test]
    fn regression_an_overwrite_that_claims_nothing_drops_nobodys_claim() {
        let unknown = Goal { name_servers: None, ..overwriting(Arrival::InPlace) };
        let theirs = seen(Some(ns(&wanted())), &[claim(&other(), &wanted(), By::Created)]);
        assert!(plan(present(&unknown, &theirs)).changes.is_empty());
    }

    #[test]
    fn what_a_check_of_the_child_zone_finds_guards_a_change() {
        let objecting = |ttl| {
            let objection = Some("the child zone is private".to_owned());
            Goal { name_servers: None, objection, ttl: Ttl::new(ttl).unwrap(), ..goal(Arrival::InPlace) }
        };
        let seen = seen(Some(ns(&wanted())), &[claim(&own(), &wanted(), By::Created)]);
        let kept = plan(present(&objecting(172_800), &seen));
        assert!(kept.only_refreshes && kept.warnings[0].message.contains("is private"), "{:?}", kept.warnings);
        assert_eq!(refusal(present(&objecting(60), &seen)).to_string(), "the child zone is private");
    }

    #[test]
    fn a_denied_takeover_is_no_mere_refresh() {
        let theirs = seen(
            Some(ns(&wanted())),
            &[claim(&other(), &wanted(), By::Created), claim(&own(), &wanted(), By::Created)],
        );
        assert!(!plan(present(&overwriting(Arrival::InPlace), &theirs)).only_refreshes);
        let alone = seen(Some(ns(&wanted())), &[claim(&own(), &wanted(), By::Created)]);
        assert!(plan(present(&overwriting(Arrival::InPlace), &alone)).only_refreshes);
    }

    #[test]
    fn requests_older_than_our_claim_change_nothing() {
        let later = own().claim(Digest::of_name_servers(&wanted()), NOW + 1, By::Created);
        let seen = seen(Some(ns(&elsewhere())), &[later]);
        for arrival in ARRIVALS {
            assert_eq!(present(&overwriting(arrival), &seen), Decision::Overtaken);
        }
        assert_eq!(absent(&farewell(), &seen), Decision::Overtaken);
    }

    #[test]
    fn values_of_strangers_stay() {
        let mut seen = seen(Some(ns(&wanted())), &[claim(&own(), &wanted(), By::Created)]);
        seen.ownership.as_mut().unwrap().values.push("\"v=spf1 -all\"".into());
        let updated = plan(present(&overwriting(Arrival::InPlace), &seen));
        assert!(claims_after(&updated, &seen).values().contains(&"\"v=spf1 -all\"".to_owned()));
        let deleted = plan(absent(&farewell(), &seen));
        assert_eq!(shape(&deleted), ["-NS", "-TXT", "+TXT"]);
        assert_eq!(claims_after(&deleted, &seen).values(), ["\"v=spf1 -all\""]);
    }
}

mod absent_table {
    use super::*;

    #[test]
    fn without_own_claim_nothing_is_ours() {
        for claims in
            [vec![], vec![claim(&sibling(), &wanted(), By::Created)], vec![claim(&other(), &wanted(), By::Created)]]
        {
            let plan_with = plan(absent(&farewell(), &seen(Some(ns(&wanted())), &claims)));
            assert!(plan_with.changes.is_empty() && plan_with.warnings[0].message.contains("left in place"));
            assert_eq!(plan(absent(&farewell(), &seen(None, &claims))), Plan::default());
        }
    }

    #[test]
    fn with_other_claims_the_delegation_stays() {
        let mut adopted = claim(&sibling(), &elsewhere(), By::Adopted);
        adopted.at = 7;
        for (ours, ns_now, by) in [
            (claim(&own(), &wanted(), By::Created), wanted(), By::Created),
            (claim(&own(), &wanted(), By::Created), elsewhere(), By::Adopted),
            (claim(&own(), &wanted(), By::Adopted), wanted(), By::Adopted),
        ] {
            let seen = seen(Some(ns(&ns_now)), &[ours, adopted.clone()]);
            let plan = plan(absent(&farewell(), &seen));
            assert_eq!((shape(&plan), plan.action), (vec!["-TXT".into(), "+TXT".into()], Some(Action::Left)));
            let after = claims_after(&plan, &seen);
            let heir = after.own(&sibling()).unwrap();
            assert_eq!((heir.by, heir.at), (by, 7));
            assert_eq!(heir.ns == Some(Digest::of_name_servers(&wanted())), by == By::Created);
        }
    }

    #[test]
    fn others_inherit_nothing() {
        let theirs = claim(&other(), &elsewhere(), By::Adopted);
        let seen = seen(Some(ns(&wanted())), &[claim(&own(), &wanted(), By::Created), theirs.clone()]);
        let plan = plan(absent(&farewell(), &seen));
        assert_eq!(claims_after(&plan, &seen).values(), [theirs.value()]);
    }

    #[test]
    fn the_last_claim_takes_its_delegation_along() {
        let mut seen = seen(
            Some(set("NS", 60, vec!["NS-2.awsdns.org.".into(), "ns-1.awsdns.com".into()])),
            &[claim(&own(), &wanted(), By::Created)],
        );
        seen.at_cut.push(set("DS", 3600, vec!["1 13 2 AB".into()]));
        let plan = plan(absent(&farewell(), &seen));
        assert_eq!((shape(&plan).join(" "), plan.action), ("-NS -DS -TXT".into(), Some(Action::Removed)));
        assert_eq!(plan.changes[0], Change::Delete(seen.at_cut[0].clone()), "exactly as read");
    }

    #[test]
    fn name_servers_of_the_child_zone_are_ours_to_remove() {
        let seen = seen(Some(ns(&elsewhere())), &[claim(&own(), &wanted(), By::Created)]);
        let left = plan(absent(&farewell(), &seen));
        assert_eq!(shape(&left), ["-TXT"]);
        assert!(left.left_changed && left.warnings[0].message.contains("ns1.somebody.net"));
        let known = Farewell { known: Some(elsewhere().union(&wanted())), ..farewell() };
        assert_eq!(shape(&plan(absent(&known, &seen))), ["-NS", "-TXT"]);
        let partly = Farewell { known: Some(servers("ns1.somebody.net")), ..farewell() };
        assert_eq!(shape(&plan(absent(&partly, &seen))), ["-TXT"]);
    }

    #[test]
    fn what_was_adopted_stays() {
        for now in [wanted(), elsewhere()] {
            let plan = plan(absent(&farewell(), &seen(Some(ns(&now)), &[claim(&own(), &wanted(), By::Adopted)])));
            assert_eq!(shape(&plan), ["-TXT"]);
            assert!(plan.warnings[0].message.contains("there before"));
        }
    }

    #[test]
    fn without_a_delegation_the_claim_goes() {
        for by in [By::Created, By::Adopted] {
            let plan = plan(absent(&farewell(), &seen(None, &[claim(&own(), &wanted(), by)])));
            assert_eq!((shape(&plan), plan.warnings.len()), (vec!["-TXT".to_owned()], 0));
        }
    }
}

#[test]
fn plans_of_a_delete_remove_and_others_do_not() {
    let claims = [claim(&own(), &wanted(), By::Created)];
    assert!(plan(absent(&farewell(), &seen(Some(ns(&wanted())), &claims))).removes());
    assert!(plan(absent(&farewell(), &seen(None, &claims))).removes());
    assert!(!plan(present(&goal(Arrival::InPlace), &seen(None, &claims))).removes());
}

#[test]
fn actions_and_plans_print_as_documented() {
    let plan = plan(present(&overwriting(Arrival::Create), &seen(Some(ns(&elsewhere())), &[])));
    let text = plan.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "- testing.example.com 172800 NS ns1.somebody.net. ns2.somebody.net.");
    assert_eq!(lines[1], "+ testing.example.com 172800 NS ns-1.awsdns.com. ns-2.awsdns.org.");
    assert!(lines[2].starts_with("+ _delegation-testing.example.com 300 TXT \"heritage=custom-delegation,"), "{text}");
    let words = [
        Action::Created,
        Action::Updated,
        Action::Adopted,
        Action::Unchanged,
        Action::Shared,
        Action::Removed,
        Action::Left,
    ];
    assert_eq!(
        words.map(|action| action.to_string()).join(","),
        "CREATED,UPDATED,ADOPTED,UNCHANGED,SHARED,REMOVED,LEFT"
    );
}

mod details {
    use super::*;

    #[test]
    fn a_duplicate_in_place_does_not_end_the_adoption_of_its_own_request() {
        let adopted = own().claim(Digest::of_name_servers(&wanted()), NOW, By::Adopted);
        let other_ttl = seen(Some(set("NS", 60, wanted().values())), &[adopted]);
        let plan = plan(present(&goal(Arrival::InPlace), &other_ttl));
        assert_eq!(claims_after(&plan, &other_ttl).own(&own()).unwrap().by, By::Adopted);
    }

    #[test]
    fn a_claim_written_anew_beside_adopting_siblings_adopts() {
        for (siblings, by) in [(By::Adopted, By::Adopted), (By::Created, By::Created)] {
            let seen = seen(Some(ns(&wanted())), &[claim(&sibling(), &wanted(), siblings)]);
            let plan = plan(present(&goal(Arrival::InPlace), &seen));
            assert_eq!(claims_after(&plan, &seen).own(&own()).unwrap().by, by);
        }
    }

    #[test]
    fn the_address_of_another_name_is_no_glue() {
        let goal = Goal {
            name_servers: Some(servers("ns1.testing.example.com")),
            allow_occlusion: true,
            ..goal(Arrival::Create)
        };
        let mut seen = seen(None, &[]);
        let address = |owner: &str| RecordSet::new(name(owner), "A", Ttl::OWNERSHIP, vec!["192.0.2.1".into()]);
        seen.below = vec![address("ns2.testing.example.com")];
        assert!(matches!(refusal(present(&goal, &seen)), Refusal::NoGlue { .. }));
    }

    #[test]
    fn of_several_own_claims_one_is_left() {
        let older = own().claim(Digest::of_name_servers(&elsewhere()), BEFORE - 1, By::Adopted);
        let seen = seen(Some(ns(&wanted())), &[older, claim(&own(), &wanted(), By::Created)]);
        let plan = plan(present(&goal(Arrival::InPlace), &seen));
        let after = claims_after(&plan, &seen);
        assert_eq!(after.iter().count(), 1);
        assert_eq!((after.own(&own()).unwrap().at, after.own(&own()).unwrap().by), (NOW, By::Created));
    }
}
