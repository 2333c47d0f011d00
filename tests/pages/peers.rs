//! Each case of `docs/peer-cases.md` has a test, and the tests that it names are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// How many cases there are at least: they may become more.
const CASES: usize = 141;

#[test]
fn every_case_of_the_peers_names_a_test_that_is_there() {
    let page = fs::read_to_string("docs/peer-cases.md").unwrap();
    let mut tests = BTreeSet::new();
    for folder in ["tests", "src", "crates", "sandbox"] {
        collect(Path::new(folder), &mut tests);
    }
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

/// The names of the tests in the Rust files below a folder.
fn collect(folder: &Path, tests: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            // The attributes of a test stand before its name.
            for after in text.split("test").skip(1).filter(|after| after.starts_with([']', '('])) {
                let name = after.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
                tests.extend(name.map(str::to_owned));
            }
        }
    }
}
