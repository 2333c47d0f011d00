//! Each case of `docs/peer-cases.md` must name a test, and the test must exist.

use std::collections::BTreeSet;
use std::fs;

use super::sources::tests;

/// The minimum number of cases, so that none gets lost.
const CASES: usize = 141;

#[test]
fn every_case_of_the_peers_names_an_existing_test() {
    let page = fs::read_to_string("docs/peer-cases.md").unwrap();
    let tests = tests();
    let mut cases = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [case, _, test] = cells.as_slice() else { panic!("{row}") };
        assert!(cases.insert((*case).to_owned()), "the case {case} appears twice");
        let name = test.split('`').nth(1).unwrap_or_else(|| panic!("there is no test: {row}"));
        assert!(tests.contains(name), "there is no test named {name}: {row}");
    }
    assert!(cases.len() >= CASES, "{} cases", cases.len());
}
