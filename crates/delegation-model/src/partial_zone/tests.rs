use proptest::prelude::*;

use super::*;
use crate::record_set::RecordType;
use crate::ttl::Ttl;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn zone(records: &[(&str, &str)]) -> Vec<RecordSet> {
    let set = |(owner, record_type): &(&str, &str)| {
        let owner =
            if owner.is_empty() { "c.example".to_owned() } else { format!("{owner}.c.example") };
        RecordSet::new(name(&owner), *record_type, Ttl::OWNERSHIP, vec!["x".into()])
    };
    let mut sets: Vec<RecordSet> =
        [("", "NS"), ("", "SOA")].iter().chain(records).map(set).collect();
    sets.sort_by_key(|set| (set.name.position(), set.record_type.clone()));
    sets
}

/// Queries the zone, reading pages of `size` as necessary. Returns the answer and the number of
/// pages.
fn ask(zone: &[RecordSet], size: usize, owner: &str, record_type: &str) -> (bool, usize) {
    let mut partial = PartialZone::new(name("c.example"));
    for reads in 0..100 {
        match partial.answers(&name(owner), &record_type.into()) {
            Ok(answers) => return (answers, reads),
            Err(Unread(from)) => {
                let mut rest =
                    zone.iter().filter(|set| set.name.position() >= from.position()).cloned();
                let page: Vec<RecordSet> = rest.by_ref().take(size).collect();
                partial.add(&from, &page, rest.next().map(|set| set.name));
            }
        }
    }
    panic!("{owner} {record_type} is never answered")
}

fn answers(records: &[(&str, &str)], owner: &str, record_type: &str) -> bool {
    ask(&zone(records), 300, owner, record_type).0
}

#[test]
fn the_same_name_and_type_or_a_cname_answers() {
    let records = [("www", "A"), ("alias", "CNAME"), ("", "MX")];
    for (owner, record_type, expected) in [
        ("www.c.example", "A", true),
        ("www.c.example", "AAAA", false),
        ("alias.c.example", "TXT", true),
        ("c.example", "MX", true),
        ("c.example", "A", false),
        ("nothing.c.example", "A", false),
        ("www.other.example", "A", false),
    ] {
        assert_eq!(answers(&records, owner, record_type), expected, "{owner} {record_type}");
    }
}

#[test]
fn the_wildcard_of_the_closest_existing_name_answers() {
    let records = [("*", "A"), ("*.sub", "TXT"), ("here.deep", "A"), ("www", "MX")];
    for (owner, record_type, expected) in [
        ("x.c.example", "A", true),
        ("x.y.z.c.example", "A", true),
        ("x.c.example", "TXT", false),
        ("x.sub.c.example", "TXT", true),
        ("x.sub.c.example", "A", false),
        ("sub.c.example", "A", false),
        ("deep.c.example", "A", false),
        ("x.deep.c.example", "A", false),
        ("www.c.example", "A", false),
        ("x.www.c.example", "A", false),
    ] {
        assert_eq!(answers(&records, owner, record_type), expected, "{owner} {record_type}");
    }
}

#[test]
fn regression_no_wildcard_or_cname_answers_for_a_delegation() {
    let records = [("*", "CNAME"), ("a", "CNAME"), ("b", "NS")];
    for (owner, record_type, expected) in [
        ("x.c.example", "NS", false),
        ("a.c.example", "NS", false),
        ("a.c.example", "DS", false),
        ("b.c.example", "NS", true),
    ] {
        assert_eq!(answers(&records, owner, record_type), expected, "{owner} {record_type}");
    }
}

#[test]
fn the_child_zone_does_not_answer_for_what_it_delegates() {
    let records = [("sub", "NS"), ("www.sub", "A"), ("deep.sub", "NS"), ("*", "A")];
    for (owner, record_type, expected) in [
        ("www.sub.c.example", "A", false),
        ("sub.c.example", "A", false),
        ("x.sub.c.example", "A", false),
        ("sub.c.example", "NS", true),
        ("deep.sub.c.example", "NS", false),
        ("deep.sub.c.example", "DS", false),
        ("x.c.example", "A", true),
    ] {
        assert_eq!(answers(&records, owner, record_type), expected, "{owner} {record_type}");
    }
}

#[test]
fn a_large_zone_takes_only_a_few_pages() {
    let names: Vec<String> = (0..10_000).map(|n| format!("h{n:05}")).collect();
    let records: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "A")).collect();
    let zone = zone(&records);
    assert_eq!(ask(&zone, 300, "h05000.c.example", "A"), (true, 1));
    let (answered, reads) = ask(&zone, 300, "h05000x.c.example", "A");
    assert!(!answered && reads <= 3, "{reads}");
}

#[test]
fn the_first_name_of_the_next_page_is_not_read_yet() {
    let zone = zone(&[("a", "A"), ("a", "TXT")]);
    let mut partial = PartialZone::new(name("c.example"));
    partial.add(&name("c.example"), &zone[..3], Some(name("a.c.example")));
    assert_eq!(
        partial.answers(&name("a.c.example"), &RecordType::Txt),
        Err(Unread(name("a.c.example")))
    );
}

#[test]
fn the_last_name_of_a_page_may_have_more_types() {
    let zone = zone(&[("a", "A"), ("a", "MX"), ("a", "TXT")]);
    for size in 1..=6 {
        // A page must have more record sets than one name has types.
        if size > 3 {
            assert!(ask(&zone, size, "a.c.example", "TXT").0, "pages of {size}");
        }
    }
}

proptest! {
    #[test]
    fn pages_of_any_size_give_the_same_answer(
        records in prop::collection::btree_set(
            (prop::sample::select(vec!["a", "b", "*", "a.b", "*.b", "c.a.b", "b.a"]), prop::sample::select(vec!["A", "NS", "TXT", "CNAME"])),
            0..8,
        ),
        owner in prop::sample::select(vec!["c.example", "a.c.example", "b.c.example", "x.c.example", "a.b.c.example", "x.b.c.example", "x.a.b.c.example", "y.x.c.example"]),
        record_type in prop::sample::select(vec!["A", "NS", "TXT"]),
        size in 5usize..12,
    ) {
        let records: Vec<(&str, &str)> = records.into_iter().collect();
        let zone = zone(&records);
        prop_assert_eq!(ask(&zone, size, owner, record_type).0, ask(&zone, 300, owner, record_type).0);
    }
}

/// Both names sort as `c.example.x.y.` in a listing. A record set of one was taken for one of the
/// other.
#[test]
fn regression_a_name_with_a_dot_in_a_label_is_another_name() {
    assert!(!answers(&[(r"x\056y", "A")], "y.x.c.example", "A"));
    assert!(!answers(&[("y.x", "A")], r"x\056y.c.example", "A"));
    assert!(answers(&[("y.x", "A")], "y.x.c.example", "A"));
    // `x` exists, although a name with a dot in its label sorts before the names below `x`. So the
    // wildcard does not apply.
    assert!(!answers(&[(r"a\056x", "A"), ("a.x", "A"), ("*", "A")], "b.x.c.example", "A"));
    assert!(answers(&[(r"x\056a", "A"), ("*", "A")], "b.x.c.example", "A"));
}
