//! Each rule of the design has a test that cites its id, and each cited id is that of a rule.

use std::collections::BTreeSet;

use regex_lite::Regex;

use super::page;
use super::sources::sources;

/// Returns the matches of a regular expression in a text.
fn ids(text: &str, form: &str) -> BTreeSet<String> {
    let form = Regex::new(form).unwrap();
    form.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

/// Returns the ids at the beginning of headings and of table cells.
fn rules() -> BTreeSet<String> {
    let rules = ids(&page("design"), "(?:\n#+|\\|) ([A-Z]+-[0-9]+): ");
    assert!(rules.len() > 50, "{rules:?}");
    rules
}

#[test]
fn every_rule_of_the_design_is_cited_by_a_test() {
    let tests: String = sources().iter().map(|source| source.tests().to_owned()).collect();
    let cited = ids(&tests, r"\b([A-Z]+-[0-9]+)\b");
    let rules = rules();
    let missing: Vec<_> = rules.difference(&cited).collect();
    assert!(missing.is_empty(), "no test cites {missing:?}");
}

#[test]
fn every_rule_that_code_cites_is_in_the_design() {
    let rules = rules();
    let family = |id: &str| id.split('-').next().unwrap_or_default().to_owned();
    let families: BTreeSet<String> = rules.iter().map(|id| family(id)).collect();
    for source in sources() {
        let cited = ids(&source.text, r"\b([A-Z]+-[0-9]+)\b");
        let unknown: Vec<_> =
            cited.difference(&rules).filter(|id| families.contains(&family(id))).collect();
        assert!(unknown.is_empty(), "{}: there is no rule {unknown:?}", source.path.display());
    }
}
