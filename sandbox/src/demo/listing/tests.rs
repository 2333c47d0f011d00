use super::*;

fn www() -> RecordSet {
    RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"])
}

fn ns(ttl: u32) -> RecordSet {
    RecordSet::new("testing.example.com", "NS", ttl, ["ns-2.example.net.", "ns-1.example.net."])
}

fn listed(before: &[RecordSet], after: &[RecordSet]) -> Vec<String> {
    render(&diff(before, after), Style::Plain)
}

#[test]
fn an_unchanged_set_takes_one_line() {
    assert_eq!(
        listed(&[www(), ns(300)], &[ns(300), www()]),
        [
            "  testing.example.com.     300  NS    ns-1.example.net. and 1 more",
            "  www.example.com.         300  A     192.0.2.1",
        ]
    );
    assert_eq!(count(&diff(&[www()], &[www()])), "nothing changed");
}

#[test]
fn the_order_of_values_does_not_matter() {
    let turned = RecordSet::new(
        "testing.example.com",
        "NS",
        300,
        ["ns-1.example.net.", "ns-2.example.net."],
    );
    assert_eq!(count(&diff(&[ns(300)], &[turned])), "nothing changed");
}

#[test]
fn added_and_removed_records_are_marked() {
    assert_eq!(
        listed(&[www()], &[www(), ns(300)]),
        [
            "+ testing.example.com.     300  NS    ns-1.example.net.",
            "+                                     ns-2.example.net.",
            "  www.example.com.         300  A     192.0.2.1",
        ]
    );
    assert_eq!(count(&diff(&[], &[ns(300)])), "2 records added");
    assert_eq!(count(&diff(&[ns(300)], &[])), "2 records removed");
}

#[test]
fn a_different_ttl_is_a_different_record() {
    assert_eq!(
        listed(&[ns(300)], &[ns(60)]),
        [
            "- testing.example.com.     300  NS    ns-1.example.net.",
            "-                                     ns-2.example.net.",
            "+ testing.example.com.      60  NS    ns-1.example.net.",
            "+                                     ns-2.example.net.",
        ]
    );
    assert_eq!(count(&diff(&[ns(300)], &[ns(60)])), "2 records added, 2 removed");
}

#[test]
fn unchanged_values_of_a_changed_set_are_listed_without_a_mark() {
    let txt = |values: &[&str]| RecordSet::new("t.example.com", "TXT", 300, values.iter().copied());
    assert_eq!(
        listed(&[txt(&["\"a\"", "\"b\""])], &[txt(&["\"b\"", "\"c\""])]),
        [
            "- t.example.com.     300  TXT   \"a\"",
            "  t.example.com.     300  TXT   \"b\"",
            "+ t.example.com.     300  TXT   \"c\"",
        ]
    );
}

#[test]
fn long_values_fit_on_the_page() {
    let long = ["part=0123456789"; 20].join(",");
    let set = RecordSet::new("t.example.com", "TXT", 300, [long]);
    let set = [set];
    for lines in [listed(&[], &set), listed(&set, &set)] {
        assert!(lines.iter().all(|line| line.chars().count() <= ROOM), "{lines:#?}");
    }
}

#[test]
fn an_unchanged_long_value_shows_both_of_its_ends() {
    assert_eq!(shortened("0123456789abcdef", 9, 6), "01…abcdef");
    assert_eq!(shortened("0123456789abcdef", 9, 0), "01234567…");
}

#[test]
fn changes_are_colored() {
    let lines = render(&diff(&[], &[www()]), Style::Color);
    assert_eq!(lines, ["\x1b[32m+ www.example.com.     300  A     192.0.2.1\x1b[0m"]);
}
