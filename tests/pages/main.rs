//! The pages say what the code says: every message, event and metric is on its page, and nothing else is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is missing"
)]

mod limits;
mod links;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::time::SystemTime;

use custom_delegation::metrics::{Metrics, NAMESPACE};
use serde_json::Value;
use source::Literal;

/// Texts with a blank that no user meets as a message by themselves.
const NO_MESSAGES: [(&str, &str); 7] = [
    ("Custom::Delegation {} {}", "the comment of the change batch"),
    ("Route 53 ", "the action in an error of AWS"),
    ("STS AssumeRole", "the action in an error of AWS"),
    ("status {", "what the last attempt to answer met"),
    ("+ {set}", "a change in the log"),
    ("- {set}", "a change in the log"),
    ("a DS record is a key tag", "what can't be read is not shown"),
];

/// Messages without a blank.
const ONE_WORD: [&str; 1] = ["starting"];

/// The fixed words of a text, cut at its placeholders; `open` and `close` bound one. Marks at the ends do not count.
fn fixed(text: &str) -> Vec<String> {
    let pieces = text.split('…').map(|piece| piece.trim_matches(|c: char| !c.is_alphanumeric()).to_owned());
    pieces.filter(|piece| !piece.is_empty()).collect()
}

/// A text of the code with `…` for each placeholder.
fn with_dots(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        out.push('…');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    out + rest
}

fn is_message(literal: &Literal) -> bool {
    let text = literal.text.as_str();
    let listed = NO_MESSAGES.iter().any(|(start, _)| text.starts_with(start));
    !literal.logged
        && !listed
        && (text.contains(' ') || ONE_WORD.contains(&text))
        && !fixed(&with_dots(text)).is_empty()
}

fn page(name: &str) -> String {
    fs::read_to_string(format!("docs/{name}.md")).unwrap()
}

/// The lines of the page's boxes.
fn boxes(page: &str) -> Vec<&str> {
    let boxes = page.split("```text\n").skip(1);
    boxes.flat_map(|rest| rest.split_once("```").unwrap().0.lines()).collect()
}

/// The cells of the rows of a table whose first cell is code.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let section = page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no {heading}")).1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// What stands between backticks.
fn codes(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_message_is_on_the_page_of_troubleshooting() {
    let page = page("troubleshooting");
    let lines: Vec<Vec<String>> = boxes(&page).into_iter().map(fixed).collect();
    let (literals, _) = source::read();
    let lacking: Vec<String> = literals
        .iter()
        .filter(|literal| is_message(literal))
        .filter(|literal| {
            let pieces = fixed(&with_dots(&literal.text));
            !lines.iter().any(|line| line.windows(pieces.len()).any(|window| window == pieces))
        })
        .map(|literal| format!("{}: {}", literal.at, with_dots(&literal.text)))
        .collect();
    assert!(lacking.is_empty(), "docs/troubleshooting.md lacks:\n{}", lacking.join("\n"));
}

#[test]
fn every_message_of_the_page_of_troubleshooting_is_in_the_code() {
    let (literals, _) = source::read();
    let known: BTreeSet<String> = literals
        .iter()
        .filter(|literal| is_message(literal))
        .flat_map(|literal| fixed(&with_dots(&literal.text)))
        .collect();
    let page = page("troubleshooting");
    let unknown: Vec<&str> = boxes(&page)
        .into_iter()
        .filter(|line| fixed(line).is_empty() || fixed(line).iter().any(|piece| !known.contains(piece)))
        .collect();
    assert!(unknown.is_empty(), "no code says:\n{}", unknown.join("\n"));
}

#[test]
fn the_texts_that_are_no_messages_still_exist() {
    let (literals, _) = source::read();
    for (start, what) in NO_MESSAGES {
        assert!(literals.iter().any(|literal| literal.text.starts_with(start)), "{start:?} ({what}) is gone");
    }
    for word in ONE_WORD {
        assert!(literals.iter().any(|literal| literal.text == word), "{word:?} is gone");
    }
}

#[test]
fn every_event_is_on_the_page_of_logging_and_no_other() {
    let page = page("logging");
    let on_page: BTreeSet<(String, String, BTreeSet<String>)> = rows(&page, "Events")
        .into_iter()
        .map(|row| (codes(row[0]).pop_first().unwrap(), row[1].to_owned(), codes(row[2])))
        .collect();
    let (_, events) = source::read();
    let in_code =
        events.into_iter().map(|event| (event.message, event.level, event.fields.into_iter().collect())).collect();
    let difference: Vec<_> = on_page.symmetric_difference(&in_code).collect();
    assert!(difference.is_empty(), "only on the page or only in the code: {difference:#?}");
}

#[test]
fn every_metric_is_on_the_page_of_logging_and_no_other() {
    let metrics = Metrics { action: Some("CREATED"), failure: Some("denied".into()), ..Metrics::default() };
    let line: Value = serde_json::from_str(&metrics.line(SystemTime::now())).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut written = BTreeSet::new();
    for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
        assert_eq!(directive["Namespace"], NAMESPACE);
        let dimensions: BTreeSet<String> = directive["Dimensions"][0].as_array().unwrap().iter().map(text).collect();
        for metric in directive["Metrics"].as_array().unwrap() {
            written.insert((text(&metric["Name"]), text(&metric["Unit"]), dimensions.clone()));
        }
    }
    let page = page("logging");
    assert!(page.contains(&format!("namespace `{NAMESPACE}`")));
    let rows = rows(&page, "Metrics").into_iter();
    let on_page: BTreeSet<_> =
        rows.map(|row| (codes(row[0]).pop_first().unwrap(), row[1].to_owned(), codes(row[2]))).collect();
    assert_eq!(on_page, written);
}

/// The values of the two dimensions.
#[test]
fn every_action_and_every_kind_of_failure_is_on_the_page_of_logging_and_no_other() {
    let (literals, _) = source::read();
    for (heading, file, is_value) in [
        ("Actions", "crates/delegation-model/src/plan.rs", (|c| c.is_ascii_uppercase()) as fn(char) -> bool),
        ("Failures", "src/error.rs", |c| c.is_ascii_lowercase() || c == '_'),
    ] {
        let values = literals.iter().filter(|literal| literal.at.starts_with(file)).map(|literal| literal.text.clone());
        let values: BTreeSet<String> =
            values.filter(|text| !["TXT", "NS", "DS"].contains(&text.as_str()) && text.chars().all(is_value)).collect();
        let page = page("logging");
        let on_page: BTreeSet<String> =
            rows(&page, heading).iter().map(|row| codes(row[0]).pop_first().unwrap()).collect();
        assert_eq!(on_page, values.into_iter().collect(), "{heading}");
    }
}
