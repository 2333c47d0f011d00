//! The inventory of a zone, and what is said of its entries.

use super::*;
use delegation_model::digest::RequestDigest;
use delegation_model::ownership_record::{Before, ClaimOrigin, Displaced, Stamp};

const STACK: &str = "arn:aws:cloudformation:eu-west-1:111111111111:stack/s/1";
const NOW: i64 = 1_800_000_000;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn set(owner: &str, rtype: &str, values: &[&str]) -> RecordSet {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    RecordSet::new(name(owner), rtype, Ttl::new(60).unwrap(), values)
}

fn servers(servers: &[&str]) -> NameServers {
    NameServers::found(servers).unwrap()
}

fn claim_of(stack: &str, logical_id: &str, cut: &str, names: &[&str], ds: Option<&str>) -> Claim {
    let claimant = Claimant::new(stack, logical_id, &name(cut));
    Claim {
        id: claimant.id(),
        ns: Digest::from_name_servers(&servers(names)),
        ds: ds.map(|ds| Digest::from_ds(&DsRecords::found(&[ds]).unwrap())),
        wish: Digest::from_name_servers(&servers(names)),
        previous_wish: None,
        stamp: Stamp { time: NOW, request: RequestDigest::new("r") },
        origin: ClaimOrigin::Made,
        saw: None,
        from: None,
        hold: None,
        again: false,
        owner: claimant.owner().clone(),
    }
}

/// A claim on `a.example.com`.
fn claim(logical_id: &str, names: &[&str], ds: Option<&str>) -> Claim {
    claim_of(STACK, logical_id, "a.example.com", names, ds)
}

fn record_of(cut: &str, fill: impl FnOnce(&mut OwnershipRecord)) -> RecordSet {
    let mut record = OwnershipRecord::default();
    fill(&mut record);
    RecordSet::new(ownership_record::record_name(&name(cut)).unwrap(), "TXT", Ttl::OWNERSHIP, record.values())
}

fn owned(cut: &str, claims: &[Claim]) -> RecordSet {
    record_of(cut, |record| claims.iter().cloned().for_each(|claim| record.put_claim(claim)))
}

fn of(sets: Vec<RecordSet>) -> Vec<Entry> {
    Inventory::of(&name("example.com"), sets.into_iter().filter(is_of_interest).collect()).entries
}

/// The findings without DNS and without a list of stacks.
fn marks(entry: &Entry) -> Vec<Mark> {
    entry.record_marks(NOW, None).into_iter().collect()
}

const DS: &str = "1 13 2 AB";

#[test]
fn the_apex_is_no_delegation_and_the_rest_is_in_the_order_of_names() {
    let entries = of(vec![
        set("example.com", "NS", &["ns1.example.net."]),
        set("www.example.com", "A", &["192.0.2.1"]),
        set("b.example.com", "NS", &["ns1.example.net."]),
        set("z.a.example.com", "NS", &["ns1.example.net."]),
    ]);
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_ref().unwrap().as_str()).collect();
    assert_eq!(names, ["z.a.example.com", "b.example.com"]);
    assert_eq!(marks(&entries[0]), [Mark::Unowned]);
}

#[test]
fn a_delegation_that_no_claim_names_has_drifted() {
    let ns = |names: &[&str], claims: &[Claim]| {
        marks(&of(vec![set("a.example.com", "NS", names), owned("a.example.com", claims)])[0])
    };
    let (old, new) = (claim("A", &["old."], None), claim("B", &["new."], None));
    assert_eq!(ns(&["NEW"], &[new.clone(), old.clone()]), []);
    assert_eq!(ns(&["old."], &[new.clone(), old.clone()]), [], "a claim that wants others is no drift");
    assert_eq!(ns(&["other."], &[new.clone(), old]), [Mark::Drifted]);
    assert_eq!(ns(&["."], &[new]), [Mark::Drifted], "values that are no names");
}

#[test]
fn a_ds_record_set_drifts_too() {
    let of_ds = |ds: Option<&str>, claims: &[Claim]| {
        let mut sets = vec![set("a.example.com", "NS", &["ns."]), owned("a.example.com", claims)];
        sets.extend(ds.map(|ds| set("a.example.com", "DS", &[ds])));
        marks(&of(sets)[0])
    };
    let (manages, plain) = (claim("A", &["ns."], Some(DS)), claim("B", &["ns."], None));
    assert_eq!(of_ds(Some("1 13 2 ab"), std::slice::from_ref(&manages)), []);
    assert_eq!(of_ds(None, &[manages.clone(), plain.clone()]), [Mark::Drifted]);
    assert_eq!(of_ds(Some("2 13 2 AB"), &[manages]), [Mark::Drifted]);
    assert_eq!(of_ds(Some(DS), &[plain]), [], "somebody else's, and nobody claims it");
}

#[test]
fn claims_without_a_delegation_are_missing_it() {
    let long = format!("{}.example.com", "x".repeat(60));
    let entries = of(vec![
        owned("a.example.com", &[claim("A", &["ns."], None)]),
        owned(&long, &[claim("A", &["ns."], None)]),
        set("_delegation-b.example.com", "TXT", &["\"no claim\""]),
    ]);
    let names: Vec<Option<&str>> = entries.iter().map(|entry| entry.name.as_ref().map(Name::as_str)).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&Some("a.example.com")) && names.contains(&None), "{names:?}");
    assert!(entries.iter().all(|entry| entry.wanted().is_none() && marks(entry) == [Mark::Missing]));
}

#[test]
fn a_child_named_like_a_digest_has_a_record_of_its_own() {
    let cut = format!("{}.example.com", "0123456789abcdef");
    let entries = of(vec![owned(&cut, &[claim_of(STACK, "A", &cut, &["ns."], None)])]);
    assert_eq!(entries[0].name, Some(name(&cut)));
}

#[test]
fn what_was_found_or_displaced_another_is_unsettled_until_something_else_exists() {
    let with = |before: Before, standing: &str| {
        let record = record_of("a.example.com", |record| {
            record.put_claim(claim("A", &[standing], None));
            record.put_before(Some(before));
        });
        marks(&of(vec![set("a.example.com", "NS", &[standing]), record])[0])
    };
    let of = Digest::from_name_servers(&servers(&["ns."]));
    let displaced =
        Displaced { name_servers: servers(&["old."]), ttl: Ttl::new(60).unwrap(), time: NOW, claimed: false };
    assert_eq!(with(Before { of, displaced: None }, "ns."), [Mark::Unsettled]);
    assert_eq!(with(Before { of, displaced: Some(displaced) }, "ns."), [Mark::Unsettled]);
    assert_eq!(with(Before { of, displaced: None }, "other."), [], "left over, and about others");
}

#[test]
fn a_claim_of_a_stack_that_is_not_listed_is_dead() {
    let again = STACK.replace("/1", "/2");
    let other = "arn:aws:cloudformation:eu-west-1:111111111111:stack/other/1".to_owned();
    let entries = of(vec![
        set("a.example.com", "NS", &["ns."]),
        owned("a.example.com", &[claim("A", &["ns."], None), claim_of(&other, "A", "a.example.com", &["ns."], None)]),
    ]);
    let dead = |stacks: &[String]| {
        let dead = |claim: &&Claim| entries[0].is_dead(claim, stacks);
        let owners: Vec<String> =
            entries[0].ownership.claims().filter(dead).map(|claim| claim.owner.to_string()).collect();
        assert_eq!(entries[0].record_marks(NOW, Some(stacks)).contains(&Mark::DeadClaim), !owners.is_empty());
        owners
    };
    assert_eq!(dead(&[again.clone(), other.clone()]), [""; 0], "a stack made again under its name is the same");
    assert_eq!(dead(std::slice::from_ref(&again)), ["other/A"]);
    assert_eq!(dead(&[other]), ["s/A"]);
    assert_eq!(dead(&[again.replace("111111111111", "222222222222")]), ["s/A", "other/A"]);
}

#[test]
fn a_claim_whose_owner_can_t_be_read_may_be_alive() {
    let mut values = owned("a.example.com", &[claim("A", &["ns."], None)]).values;
    values[0] = values[0].replace("owner=s/A", "owner=s A!");
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let entries = of(vec![set("_delegation-a.example.com", "TXT", &values)]);
    assert_eq!(entries[0].record_marks(NOW, Some(&[])), BTreeSet::from([Mark::Missing]));
}

#[test]
fn a_tombstone_that_has_expired_is_left_over() {
    let with = |age: i64, delegated: bool| {
        let record = record_of("a.example.com", |record| {
            record.put_tombstone(&Claimant::new(STACK, "A", &name("a.example.com")), NOW - age, NOW);
        });
        let ns = delegated.then(|| set("a.example.com", "NS", &["ns."]));
        marks(&of([record].into_iter().chain(ns).collect())[0])
    };
    assert_eq!(with(3599, false), []);
    assert_eq!(with(3600, false), [Mark::Leftover]);
    assert_eq!(with(3600, true), [Mark::Unowned, Mark::Leftover]);
}

#[test]
fn a_value_that_can_t_be_read_is_a_claim() {
    let record = set("_delegation-a.example.com", "TXT", &["\"heritage=custom-delegation,claim=new\""]);
    assert_eq!(marks(&of(vec![record.clone()])[0]), [Mark::Missing]);
    assert_eq!(marks(&of(vec![record, set("a.example.com", "NS", &["ns."])])[0]), []);
}

#[test]
fn a_digest_in_the_record_s_name_is_found_from_the_delegation() {
    let long = format!("{}.example.com", "x".repeat(60));
    let entries = of(vec![set(&long, "NS", &["ns."]), owned(&long, &[claim("A", &["ns."], None)])]);
    assert_eq!((entries.len(), entries[0].ownership.claims().count()), (1, 1));
}

#[test]
fn what_lies_below_a_delegation_is_hidden_and_not_asked() {
    let entries = of(vec![
        set("a.example.com", "NS", &["ns."]),
        set("b.a.example.com", "NS", &["ns."]),
        set("c.b.a.example.com", "NS", &["ns."]),
    ]);
    assert_eq!(entries[2].delegation.as_ref().unwrap().hidden_by, Some(name("a.example.com")));
    assert_eq!(marks(&entries[2]), [Mark::Hidden, Mark::Unowned]);
    assert_eq!(entries[2].dns_marks(None), BTreeSet::new());
    assert!(entries[0].wanted().is_some() && entries[1].wanted().is_none());
}

#[test]
fn glue_is_that_of_name_servers_inside() {
    let entries = of(vec![
        set("a.example.com", "NS", &["ns.a.example.com.", "ns.example.com."]),
        set("ns.a.example.com", "A", &["192.0.2.1", "no address"]),
        set("ns.a.example.com", "AAAA", &["2001:db8::1"]),
        set("ns.example.com", "A", &["192.0.2.2"]),
    ]);
    let glue: Vec<String> = entries[0].wanted().unwrap().glue.iter().map(|(_, address)| address.to_string()).collect();
    assert_eq!(glue, ["192.0.2.1", "2001:db8::1"]);
}

#[test]
fn an_ownership_record_that_is_an_alias_claims_nothing() {
    let alias = RecordSet { special: true, ..owned("a.example.com", &[claim("A", &["ns."], None)]) };
    assert_eq!(marks(&of(vec![set("a.example.com", "NS", &["ns."]), alias])[0]), [Mark::Unowned]);
}

#[test]
fn eight_marks_are_alarms() {
    assert!(Mark::ALL.is_sorted());
    assert_eq!(Mark::ALL.iter().filter(|mark| mark.is_alarm()).count(), 8);
}
