//! The pages must agree with the code: each code of a message, each event and each metric is on its
//! page, and nothing else is.

mod limits;
pub(crate) mod links;
mod messages;
mod peers;
mod rules;
mod security;
pub(crate) mod sources;

use std::collections::BTreeSet;
use std::fs;
use std::time::SystemTime;

use custom_delegation::error::{FailureKind, codes as codes_of_messages};
use custom_delegation::logging::EVENTS;
use custom_delegation::metrics::{Metrics, NAMESPACE};
use custom_delegation::watch::{self, Totals};
use delegation_model::reconcile::Action;
use serde_json::Value;
use strum::VariantNames as _;

fn page(name: &str) -> String {
    fs::read_to_string(format!("docs/{name}.md")).unwrap()
}

/// Returns the cells of the table rows below a heading whose first cell is code.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let section =
        page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no {heading}")).1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// Returns the text between backticks.
fn codes(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_code_is_a_heading_of_the_page_of_troubleshooting_and_no_other() {
    let page = page("troubleshooting");
    let headings: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let once: BTreeSet<&str> = headings.iter().copied().collect();
    assert_eq!(once.len(), headings.len(), "a code must have only one heading");
    let codes: BTreeSet<&str> = codes_of_messages().into_iter().collect();
    let difference: Vec<_> = once.symmetric_difference(&codes).collect();
    assert!(difference.is_empty(), "only on the page or only in the code: {difference:#?}");
}

#[test]
fn every_code_has_its_message_and_a_remedy() {
    let page = page("troubleshooting");
    for section in page.split("\n### ").skip(1) {
        let section = section.split("\n## ").next().unwrap();
        let (code, rest) = section.split_once("\n\n").unwrap();
        assert!(rest.starts_with("> "), "{code}: the message must be first");
        let (_, remedy) =
            rest.split_once("\n\n").unwrap_or_else(|| panic!("{code}: there is no remedy"));
        assert!(remedy.trim().len() > 20, "{code}: the remedy is too short");
    }
}

#[test]
fn every_event_is_on_the_page_of_logging_and_no_other() {
    let page = page("logging");
    let on_page: BTreeSet<(String, String, BTreeSet<String>)> = rows(&page, "Events")
        .into_iter()
        .map(|row| (codes(row[0]).pop_first().unwrap(), row[1].to_owned(), codes(row[2])))
        .collect();
    let in_code = EVENTS.into_iter().map(|(level, message, fields)| {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        (message.to_owned(), level.to_string(), fields)
    });
    let in_code = in_code.collect();
    let difference: Vec<_> = on_page.symmetric_difference(&in_code).collect();
    assert!(difference.is_empty(), "only on the page or only in the code: {difference:#?}");
}

#[test]
fn every_metric_is_on_the_page_of_logging_and_no_other() {
    let metrics =
        Metrics { action: Some("CREATED"), failure: Some("denied".into()), ..Metrics::default() };
    let now = SystemTime::now();
    let mut lines = watch::metrics::of_run(now, &Totals::default());
    lines.extend([metrics.line(now), watch::metrics::of_zone(now, "lame", "example.com", 1)]);
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut written = BTreeSet::new();
    for directive in
        lines.iter().flat_map(|line| line["_aws"]["CloudWatchMetrics"].as_array().unwrap())
    {
        assert_eq!(directive["Namespace"], NAMESPACE);
        let dimensions: BTreeSet<String> =
            directive["Dimensions"][0].as_array().unwrap().iter().map(text).collect();
        for metric in directive["Metrics"].as_array().unwrap() {
            written.insert((text(&metric["Name"]), text(&metric["Unit"]), dimensions.clone()));
        }
    }
    let page = page("logging");
    assert!(page.contains(&format!("namespace `{NAMESPACE}`")));
    let rows = rows(&page, "Metrics").into_iter();
    let on_page: BTreeSet<_> = rows
        .map(|row| (codes(row[0]).pop_first().unwrap(), row[1].to_owned(), codes(row[2])))
        .collect();
    assert_eq!(on_page, written);
}

/// The values of the two dimensions of the metrics must be on the page.
#[test]
fn every_action_and_every_kind_of_failure_is_on_the_page_of_logging_and_no_other() {
    let page = page("logging");
    for (heading, values) in [("Actions", Action::VARIANTS), ("Failures", FailureKind::VARIANTS)] {
        let on_page: BTreeSet<String> =
            rows(&page, heading).iter().map(|row| codes(row[0]).pop_first().unwrap()).collect();
        assert_eq!(on_page, values.iter().map(|value| (*value).to_owned()).collect(), "{heading}");
    }
}

#[test]
fn the_page_of_the_constructs_has_the_examples_that_are_deployed() {
    // `make check-cdk` synthesizes each example, and `cdk_constructs` deploys each by its number.
    let page = fs::read_to_string("cdk/README.md").unwrap();
    assert_eq!(page.matches("new cdk.App()").count(), 3);
}
