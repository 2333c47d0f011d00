//! Each case of `docs/peer-cases.md` has a test, and the tests that it names are there.

use std::collections::BTreeSet;
use std::fs;

use super::sources::tests;

/// How many cases there are at least: they may become more.
const CASES: usize = 141;

#[test]
fn every_case_of_the_peers_names_a_test_that_is_there() {
    let page = fs::read_to_string("docs/peer-cases.md").unwrap();
    let tests = tests();
    let mut cases = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [case, _, test] = cells.as_slice() else { panic!("{row}") };
        assert!(cases.insert((*case).to_owned()), "{case} is there twice");
        let name = test.split('`').nth(1).unwrap_or_else(|| panic!("no test: {row}"));
        assert!(tests.contains(name), "no test is called {name}: {row}");
    }
    assert!(cases.len() >= CASES, "{} cases", cases.len());
}
