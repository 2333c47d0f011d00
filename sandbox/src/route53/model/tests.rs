use proptest::prelude::*;

use super::Action::{Create, Delete, Upsert};
use super::*;

fn zone() -> HostedZone {
    HostedZone::new("Z1", "111111111111", "example.com", vec!["ns-0.awsdns-00.com".to_owned()])
}

fn change(action: Action, record: RecordSet) -> Change {
    Change { action, record }
}

fn ns(values: &[&str]) -> RecordSet {
    RecordSet::new("testing.example.com", "NS", 300, values.iter().copied())
}

fn a(name: &str) -> RecordSet {
    RecordSet::new(name, "A", 300, ["192.0.2.1"])
}

fn cname(name: &str) -> RecordSet {
    RecordSet::new(name, "CNAME", 300, ["www.example.org"])
}

fn after(zone: &HostedZone, changes: &[Change]) -> Result<Records, Vec<String>> {
    zone.after(changes, &|_, _| true)
}

fn refusal(zone: &HostedZone, changes: &[Change]) -> Vec<String> {
    after(zone, changes).unwrap_err()
}

#[test]
fn a_new_zone_has_soa_and_ns() {
    let zone = zone();
    assert_eq!(zone.find("example.com", "NS").unwrap().values, ["ns-0.awsdns-00.com."]);
    assert_eq!(zone.records.len(), 2);
}

#[test]
fn create_over_an_existing_record_set() {
    let mut zone = zone();
    zone.insert(ns(&["a.example.org."]));
    let expected = "Tried to create resource record set [name='testing.example.com.', type='NS'] but it already exists";
    assert_eq!(refusal(&zone, &[change(Create, ns(&["a.example.org."]))]), [expected]);
    assert!(after(&zone, &[change(Upsert, ns(&["b.example.org."]))]).is_ok());
}

#[test]
fn delete_of_absent_or_differing() {
    let mut zone = zone();
    let absent = "Tried to delete resource record set [name='testing.example.com.', type='NS'] but it was not found";
    assert_eq!(refusal(&zone, &[change(Delete, ns(&["a.example.org."]))]), [absent]);
    zone.insert(ns(&["a.example.org.", "b.example.org."]));
    let differs = "Tried to delete resource record set [name='testing.example.com.', type='NS'] but the values provided do not \
                   match the current values";
    for other in [
        ns(&["a.example.org."]),
        ns(&["a.example.org.", "b.example.org"]),
        RecordSet { ttl: Some(301), ..ns(&["a.example.org.", "b.example.org."]) },
    ] {
        assert_eq!(refusal(&zone, &[change(Delete, other)]), [differs]);
    }
    assert!(
        after(&zone, &[change(Delete, ns(&["b.example.org.", "a.example.org."]))]).is_ok(),
        "order does not matter"
    );
}

#[test]
fn all_messages_and_nothing_done() {
    let zone = zone();
    let changes = [
        change(Create, a("www.example.com")),
        change(Delete, a("x.example.com")),
        change(Create, a("www.example.net")),
    ];
    let messages = refusal(&zone, &changes);
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(messages[0].ends_with("but it was not found"));
    assert_eq!(
        messages[1],
        "RRSet with DNS name www.example.net. is not permitted in zone example.com."
    );
}

#[test]
fn names_outside_the_zone() {
    for name in ["www.example.net", "com", "anexample.com"] {
        let messages = refusal(&zone(), &[change(Create, a(name))]);
        assert!(messages[0].contains("is not permitted in zone example.com."), "{messages:?}");
    }
}

#[test]
fn malformed_names() {
    assert_eq!(
        refusal(&zone(), &[change(Create, a("a..example.com"))]),
        [
            "FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with 'a..example.com'"
        ]
    );
}

#[test]
fn delete_and_create_of_one_set_in_one_batch() {
    let mut zone = zone();
    zone.insert(ns(&["a.example.org."]));
    let records = after(
        &zone,
        &[change(Delete, ns(&["a.example.org."])), change(Create, ns(&["b.example.org."]))],
    )
    .unwrap();
    assert_eq!(records[&RecordKey::new(&ns(&[]))].values, ["b.example.org."]);
}

#[test]
fn other_sequences_on_one_set() {
    let mut zone = zone();
    zone.insert(a("www.example.com"));
    for actions in [
        vec![Create, Delete],
        vec![Delete, Delete],
        vec![Upsert, Upsert],
        vec![Delete, Create, Delete],
    ] {
        let changes: Vec<Change> =
            actions.iter().map(|action| change(*action, a("WWW.example.com."))).collect();
        assert_eq!(
            refusal(&zone, &changes),
            [
                "The request contains an invalid set of changes for a resource record set 'A www.example.com.'"
            ],
            "{actions:?}"
        );
    }
}

#[test]
fn cname_is_the_only_record_of_its_name() {
    let mut zone = zone();
    zone.insert(a("www.example.com"));
    assert_eq!(
        refusal(&zone, &[change(Create, cname("www.example.com"))]),
        [
            "RRSet of type CNAME with DNS name www.example.com. is not permitted as it conflicts with other records with the same \
          DNS name in zone example.com."
        ]
    );
    let swap = [change(Create, cname("www.example.com")), change(Delete, a("www.example.com"))];
    assert!(after(&zone, &swap).is_ok(), "the rules apply to the records after the whole batch");
    zone.insert(cname("alias.example.com"));
    assert_eq!(
        refusal(&zone, &[change(Create, a("alias.example.com"))]),
        [
            "RRSet of type A with DNS name alias.example.com. is not permitted because a conflicting RRSet of type CNAME with the \
          same DNS name already exists in zone example.com."
        ]
    );
    let apex = refusal(&zone, &[change(Create, cname("example.com"))]);
    assert!(apex[0].contains("is not permitted at apex in zone example.com."), "{apex:?}");
}

#[test]
fn apex_soa_and_ns_stay() {
    let zone = zone();
    let delete = |rtype| change(Delete, zone.find("example.com", rtype).unwrap().clone());
    assert_eq!(
        refusal(&zone, &[delete("SOA")]),
        ["A HostedZone must contain exactly one SOA record."]
    );
    assert_eq!(
        refusal(&zone, &[delete("NS")]),
        ["A HostedZone must contain at least one NS record for the zone itself."]
    );
    let other = RecordSet::new("example.com", "NS", 60, ["ns1.example.org."]);
    assert!(after(&zone, &[delete("NS"), change(Create, other)]).is_ok());
}

#[test]
fn ds_needs_a_delegation() {
    let ds =
        RecordSet::new("testing.example.com", "DS", 300, [format!("1 13 2 {}", "ab".repeat(32))]);
    let alone = refusal(&zone(), &[change(Create, ds.clone())]);
    assert!(alone[0].contains("there is no RRSet of type NS"), "{alone:?}");
    assert!(
        after(&zone(), &[change(Create, ds.clone()), change(Create, ns(&["a.example.org."]))])
            .is_ok()
    );
    let apex = RecordSet { name: "example.com.".to_owned(), ..ds };
    assert!(refusal(&zone(), &[change(Create, apex)])[0].contains("at apex"));
}

#[test]
fn wildcards() {
    assert!(after(&zone(), &[change(Create, a("*.example.com"))]).is_ok());
    let ns = RecordSet::new("*.example.com", "NS", 300, ["a.example.org."]);
    assert_eq!(
        refusal(&zone(), &[change(Create, ns)]),
        ["RRSet of type NS with DNS name \\052.example.com. is not permitted as a wildcard"]
    );
}

#[test]
fn one_routing_policy_for_a_name_and_type() {
    let mut zone = zone();
    zone.insert(a("www.example.com").weighted("one", 1));
    assert!(after(&zone, &[change(Create, a("www.example.com").weighted("two", 1))]).is_ok());
    let simple = refusal(&zone, &[change(Create, a("www.example.com"))]);
    assert!(
        simple[0].contains("cannot be created as other RRSets exist with the same name and type"),
        "{simple:?}"
    );
    let again = refusal(&zone, &[change(Create, a("www.example.com").weighted("one", 2))]);
    assert!(
        again[0].contains(
            "[name='www.example.com.', type='A', set-identifier='one'] but it already exists"
        ),
        "{again:?}"
    );
}

#[test]
fn limits_of_a_request() {
    let many = |n: usize, action| {
        (0..n).map(|i| change(action, a(&format!("h{i}.example.com")))).collect::<Vec<_>>()
    };
    assert!(after(&zone(), &many(1000, Create)).is_ok());
    assert_eq!(
        refusal(&zone(), &many(1001, Create)),
        ["Number of records limit of 1000 exceeded."]
    );
    assert!(after(&zone(), &many(500, Upsert)).is_ok());
    assert_eq!(refusal(&zone(), &many(501, Upsert)), ["Number of records limit of 1000 exceeded."]);
    let long = |n: usize, action| {
        let value = format!("\"{}\"", "a".repeat(248));
        (0..n)
            .map(|i| {
                change(
                    action,
                    RecordSet::new(&format!("t{i}.example.com"), "TXT", 1, [value.clone()]),
                )
            })
            .collect::<Vec<_>>()
    };
    assert!(after(&zone(), &long(128, Create)).is_ok());
    assert_eq!(
        refusal(&zone(), &long(129, Create)),
        ["Number of characters limit of 32000 exceeded."]
    );
    assert!(after(&zone(), &long(64, Upsert)).is_ok());
    assert_eq!(
        refusal(&zone(), &long(65, Upsert)),
        ["Number of characters limit of 32000 exceeded."]
    );
}

#[test]
fn values_are_checked_on_writing_only() {
    let mut zone = zone();
    let bad = RecordSet::new("www.example.com", "A", 300, ["not-an-address"]);
    assert!(
        refusal(&zone, &[change(Create, bad.clone())])[0]
            .starts_with("Invalid Resource Record: 'FATAL problem: ")
    );
    zone.insert(bad.clone());
    assert!(after(&zone, &[change(Delete, bad)]).is_ok());
}

proptest! {
    #[test]
    fn create_then_delete_restores(labels in prop::collection::btree_set("[a-z*_-]{1,8}", 1..6)) {
        let mut zone = zone();
        let sets: Vec<RecordSet> = labels.iter().map(|label| a(&format!("{label}.example.com"))).collect();
        let create: Vec<Change> = sets.iter().map(|set| change(Create, set.clone())).collect();
        let delete: Vec<Change> = sets.iter().map(|set| change(Delete, set.clone())).collect();
        let before = zone.records.clone();
        zone.records = after(&zone, &create).unwrap();
        prop_assert_eq!(zone.records.len(), before.len() + sets.len());
        prop_assert_eq!(after(&zone, &delete).unwrap(), before);
    }
}
