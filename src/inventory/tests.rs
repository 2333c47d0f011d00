//! The inventory of a zone, and what is said of its entries.

use super::*;
use delegation_model::ownership::{By, Claimant};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn set(owner: &str, rtype: &str, values: &[&str]) -> RecordSet {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    RecordSet::new(name(owner), rtype, Ttl::new(60).unwrap(), values)
}

fn claim(logical: &str, at: i64, servers: &[&str], ds: Option<&str>) -> Claim {
    let servers = NameServers::found(servers).unwrap();
    let claim = Claimant::new("arn:aws:cloudformation:::stack/s/1", logical).claim(
        Digest::of_name_servers(&servers),
        at,
        By::Created,
    );
    claim.covering(ds.map(|ds| Digest::of_ds(&DsRecords::found(&[ds]).unwrap())))
}

fn owned(cut: &str, claims: &[Claim]) -> RecordSet {
    let record = ownership::record_name(&name(cut)).unwrap();
    let values: Vec<String> = claims.iter().map(Claim::value).collect();
    RecordSet::new(record, "TXT", Ttl::OWNERSHIP, values)
}

fn of(sets: Vec<RecordSet>) -> Vec<Entry> {
    Inventory::of(&name("example.com"), sets.into_iter().filter(is_of_interest).collect()).entries
}

/// What is said without DNS.
fn marks(entry: &Entry) -> Vec<Mark> {
    entry.marks(None).into_iter().filter(|mark| *mark != Mark::Unknown).collect()
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
fn the_latest_claim_says_what_was_written() {
    let ns = |servers: &[&str], claims: &[Claim]| {
        marks(&of(vec![set("a.example.com", "NS", servers), owned("a.example.com", claims)])[0])
    };
    let (old, new) = (claim("A", 1, &["old."], None), claim("B", 2, &["new."], None));
    assert_eq!(ns(&["NEW"], &[new.clone(), old.clone()]), []);
    assert_eq!(ns(&["old."], &[new.clone(), old.clone()]), [Mark::Drifted]);
    assert_eq!(ns(&["old."], &[old]), []);
    assert_eq!(ns(&["."], &[new]), [Mark::Drifted], "values that are no names");
}

#[test]
fn a_ds_record_set_drifts_too() {
    let of_ds = |ds: Option<&str>, claims: &[Claim]| {
        let mut sets = vec![set("a.example.com", "NS", &["ns."]), owned("a.example.com", claims)];
        sets.extend(ds.map(|ds| set("a.example.com", "DS", &[ds])));
        marks(&of(sets)[0])
    };
    let (covers, plain) = (claim("A", 1, &["ns."], Some(DS)), claim("B", 2, &["ns."], None));
    assert_eq!(of_ds(Some("1 13 2 ab"), std::slice::from_ref(&covers)), []);
    assert_eq!(of_ds(None, &[covers.clone(), plain.clone()]), [Mark::Drifted]);
    assert_eq!(of_ds(Some("2 13 2 AB"), &[covers]), [Mark::Drifted]);
    assert_eq!(of_ds(Some(DS), &[plain]), [], "somebody else's, and nobody claims it");
}

#[test]
fn claims_without_a_delegation_are_missing_it() {
    let long = format!("{}.example.com", "x".repeat(60));
    let entries = of(vec![
        owned("a.example.com", &[claim("A", 1, &["ns."], None)]),
        owned(&long, &[claim("A", 1, &["ns."], None)]),
        set("_delegation-b.example.com", "TXT", &["\"no claim\""]),
    ]);
    let names: Vec<Option<&str>> = entries.iter().map(|entry| entry.name.as_ref().map(Name::as_str)).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&Some("a.example.com")) && names.contains(&None), "{names:?}");
    assert!(entries.iter().all(|entry| entry.wanted().is_none() && marks(entry) == [Mark::Missing]));
}

#[test]
fn a_digest_in_the_record_s_name_is_found_from_the_delegation() {
    let long = format!("{}.example.com", "x".repeat(60));
    let entries = of(vec![set(&long, "NS", &["ns."]), owned(&long, &[claim("A", 1, &["ns."], None)])]);
    assert_eq!((entries.len(), entries[0].claims.len()), (1, 1));
}

#[test]
fn what_lies_below_a_delegation_is_hidden_and_not_asked() {
    let entries = of(vec![
        set("a.example.com", "NS", &["ns."]),
        set("b.a.example.com", "NS", &["ns."]),
        set("c.b.a.example.com", "NS", &["ns."]),
    ]);
    assert_eq!(entries[2].delegation.as_ref().unwrap().hidden_by, Some(name("a.example.com")));
    assert_eq!(entries[2].marks(None), BTreeSet::from([Mark::Hidden, Mark::Unowned]));
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
    let alias = RecordSet { special: true, ..owned("a.example.com", &[claim("A", 1, &["ns."], None)]) };
    assert_eq!(marks(&of(vec![set("a.example.com", "NS", &["ns."]), alias])[0]), [Mark::Unowned]);
}

#[test]
fn six_marks_are_alarms() {
    let marks = [
        Mark::Dangling,
        Mark::Bogus,
        Mark::Lame,
        Mark::Missing,
        Mark::Drifted,
        Mark::Differs,
        Mark::Unknown,
        Mark::Hidden,
        Mark::Unowned,
    ];
    assert!(marks.is_sorted());
    assert_eq!(marks.iter().filter(|mark| mark.is_alarm()).count(), 6);
}
