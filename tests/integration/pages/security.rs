//! Each statement of the page on security names the test that proves it; the test must exist.

use super::page;
use super::sources::tests;

/// Returns the last cells of the tables whose last column names tests.
fn cells(page: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let mut in_table = false;
    for line in page.lines() {
        let Some(row) = line.strip_prefix('|') else {
            in_table = false;
            continue;
        };
        let last = row.trim_end().trim_end_matches('|').rsplit('|').next().unwrap().trim();
        if last == "test" {
            in_table = true;
        } else if in_table && !last.starts_with("---") {
            cells.push(last);
        }
    }
    cells
}

#[test]
fn every_test_that_the_page_of_security_names_exists() {
    let all = tests();
    let page = page("security");
    let named: Vec<&str> =
        cells(&page).into_iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 20, "{named:?}");
    let missing: Vec<_> = named.iter().filter(|name| !all.contains(**name)).collect();
    assert!(missing.is_empty(), "there are no such tests: {missing:#?}");
}

#[test]
fn every_row_of_the_review_has_a_test() {
    let page = page("security");
    let section =
        page.split_once("\n## What a review found\n").unwrap().1.split("\n## ").next().unwrap();
    let rows: Vec<&str> = cells(section);
    assert!(rows.len() >= 10, "{rows:?}");
    assert!(rows.iter().all(|cell| cell.contains('`')), "{rows:#?}");
}
