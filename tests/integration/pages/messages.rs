//! The messages that the page of troubleshooting quotes must be those of the code.
//!
//! A message is assembled from string literals of the code. So the words of a quote between two
//! placeholders (`…`), or between two ends of a sentence, must be such literals, one after the
//! other. At a placeholder, the quote may leave out a part of a literal.

use std::collections::BTreeSet;

use regex_lite::Regex;

use super::page;
use super::sources::sources;

/// The places of the code whose messages the page quotes.
const SOURCES: [&str; 5] = [
    "src",
    "crates/delegation-cli/src",
    "crates/delegation-model/src",
    "crates/dns-check/src",
    "crates/inventory/src",
];

/// Words of libraries and of AWS, which no literal of the code has.
const OF_OTHERS: [&str; 3] = [
    // serde_json, for properties that are nested too deeply, and for the position of any error.
    "recursion limit exceeded",
    "at line 1 column",
    // AWS, for throttled calls.
    "Rate exceeded.",
];

/// Splits a text at its placeholders and at the ends of its sentences and clauses.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(['…', '\n'])
        .flat_map(|text| text.split(". "))
        .flat_map(|text| text.split(": "))
        .flat_map(|text| text.split("; "))
        .map(|part| part.trim().trim_end_matches(['.', ':', ';']))
        .filter(|part| !part.is_empty())
}

/// Returns the parts of all string literals of the code, without those of its tests.
fn literals() -> BTreeSet<String> {
    let token = Regex::new(r#"//[^\n]*|'(?:\\.|[^\\'])'|"((?:[^"\\]|\\[\s\S])*)""#).unwrap();
    let continued = Regex::new(r"\\\n\s*").unwrap();
    let placeholder = Regex::new(r"\{[^{}]*\}").unwrap();
    let mut found = BTreeSet::new();
    for source in sources() {
        let path = &source.path;
        if !SOURCES.iter().any(|folder| path.starts_with(folder)) || source.tests() == source.text {
            continue;
        }
        let code = source.text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for literal in token.captures_iter(code).filter_map(|token| token.get(1)) {
            let text = continued.replace_all(literal.as_str(), "");
            let text = text.replace("\\\"", "\"").replace("\\n", "\n");
            found.extend(parts(&placeholder.replace_all(&text, "…")).map(str::to_owned));
        }
    }
    found
}

/// Returns whether a part of a quote consists of literals.
fn consists_of(part: &str, literals: &BTreeSet<String>) -> bool {
    let any = |fits: &dyn Fn(&str) -> bool| literals.iter().any(|literal| fits(literal));
    let fits = |start: usize, end: usize| {
        let text = part[start..end].trim();
        let words = text.contains(' ');
        // A single word in the middle proves nothing, unless it is a name.
        let word = text.trim_start_matches(|c: char| !c.is_alphanumeric());
        let proves = word.contains(' ') || !word.starts_with(char::is_lowercase);
        literals.contains(text) && (proves || start == 0 || end == part.len())
            || text.bytes().all(|byte| byte.is_ascii_digit())
            || match (start == 0, end == part.len()) {
                (true, true) => any(&|literal| literal.contains(text)),
                (true, false) => words && any(&|literal| literal.ends_with(text)),
                (false, true) => words && any(&|literal| literal.starts_with(text)),
                (false, false) => false,
            }
    };
    let mut reached = vec![0];
    for end in part.char_indices().map(|(at, c)| at + c.len_utf8()) {
        if reached.iter().any(|start| fits(*start, end)) {
            reached.push(end);
        }
    }
    reached.last() == Some(&part.len())
}

#[test]
fn every_quoted_message_consists_of_words_of_the_code() {
    let literals = literals();
    let page = page("troubleshooting");
    let (mut wrong, mut quotes, mut in_block) = (Vec::new(), 0, false);
    for (number, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            in_block = line == "```text";
            continue;
        }
        let Some(quote) = line.strip_prefix("> ").or(in_block.then_some(line)) else { continue };
        quotes += 1;
        let quote =
            OF_OTHERS.iter().fold(quote.to_owned(), |quote, words| quote.replace(words, "…"));
        let unknown = parts(&quote).filter(|part| !consists_of(part, &literals));
        wrong.extend(unknown.map(|part| format!("{}: {part}", number + 1)));
    }
    assert!(quotes > 150, "{quotes} quotes");
    assert!(wrong.is_empty(), "no message of the code has these words: {wrong:#?}");
}
