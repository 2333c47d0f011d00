//! The rules of the sandbox and the probes belong together. The comment of each rule names the
//! probe that checks it on AWS, or says why there is none; and a rule names each probe that the
//! sandbox can run.
//!
//! A rule is a function that returns an error of AWS, or a comment that cites an AWS page.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use conformance::probe::Needs;
use conformance::probes;

/// The code that returns errors.
const REFUSALS: [&str; 7] = [
    "ApiError::new(",
    "ApiError::constraint(",
    "ApiError::invalid_input(",
    "ApiError::access_denied(",
    "messages.push(",
    ".rejection(record",
    "invalid(\"",
];
/// The titles of AWS's documents.
const PAGES: [&str; 7] = [
    "Developer Guide",
    "API reference",
    "API Reference",
    "User Guide",
    "IAM JSON policy elements",
    "Policy evaluation logic",
    "Quotas",
];

/// Collects the sources with rules of AWS: no tests, no code of the demo, none that is only for
/// DNS.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !matches!(name, "demo" | "unbound") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs"
        {
            found.push(path);
        }
    }
}

/// Splits a source into pieces: each function with the comment above it, and every other comment.
fn pieces(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let is_comment = |line: &str| line.trim_start().starts_with("//");
    let starts = |line: &str| {
        let words = line.split('(').next().unwrap_or_default();
        words.split_whitespace().any(|word| word == "fn") && !is_comment(line)
    };
    let mut pieces = vec![String::new()];
    let mut comment = String::new();
    for line in text.lines() {
        if is_comment(line) || line.trim_start().starts_with("#[") {
            comment.push_str(line);
            comment.push('\n');
            continue;
        }
        if starts(line) || line.trim().is_empty() && comment.contains("//!") {
            pieces.push(String::new());
        }
        let piece = pieces.last_mut().unwrap();
        piece.push_str(&comment);
        comment.clear();
        piece.push_str(line);
        piece.push('\n');
    }
    pieces
}

/// Returns the probes that a piece names, and whether it mentions probes at all.
fn named(piece: &str) -> (BTreeSet<String>, bool) {
    let comments: Vec<&str> =
        piece.lines().map(str::trim_start).filter(|line| line.starts_with("//")).collect();
    let comments = comments
        .iter()
        .map(|line| line.trim_start_matches(['/', '!', ' ']))
        .collect::<Vec<_>>()
        .join(" ");
    let says = comments.contains("Probe: ") || comments.contains("No probe");
    let words = comments.split(|c: char| !(c.is_ascii_alphanumeric() || "/-".contains(c)));
    let services: BTreeSet<&str> =
        probes::all().iter().map(conformance::probe::Probe::service).collect();
    let is_id = |word: &&str| {
        word.split_once('/')
            .is_some_and(|(service, slug)| services.contains(service) && !slug.is_empty())
    };
    (words.filter(is_id).map(str::to_owned).collect(), says)
}

fn all_pieces() -> Vec<(PathBuf, String)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sandbox/src"));
    let mut paths = Vec::new();
    sources(root, &mut paths);
    assert!(paths.len() > 30, "{paths:?}");
    let read = |path: &PathBuf| {
        let pieces = pieces(&fs::read_to_string(path).unwrap());
        pieces.into_iter().map(|piece| (path.clone(), piece)).collect::<Vec<_>>()
    };
    paths.iter().flat_map(read).collect()
}

#[test]
fn every_rule_names_its_probe_or_says_why_it_has_none() {
    let mut silent = Vec::new();
    for (path, piece) in all_pieces() {
        let refuses = REFUSALS.iter().any(|refusal| piece.contains(refusal));
        let comments: String =
            piece.lines().filter(|line| line.trim_start().starts_with("//")).collect();
        let cites = PAGES.iter().any(|page| comments.contains(page));
        if (refuses || cites) && !named(&piece).1 {
            let line = piece
                .lines()
                .find(|line| line.contains("fn "))
                .or(piece.lines().next())
                .unwrap_or_default();
            silent.push(format!("{}: {}", path.display(), line.trim()));
        }
    }
    assert!(
        silent.is_empty(),
        "rules without `Probe: <id>` or `No probe: <why>`:\n{}",
        silent.join("\n")
    );
}

#[test]
fn the_rules_name_probes_that_exist_and_all_that_the_sandbox_can_be_asked() {
    let named: BTreeSet<String> =
        all_pieces().iter().flat_map(|(_, piece)| named(piece).0).collect();
    let exist: BTreeSet<String> = probes::all().iter().map(|probe| probe.id.to_owned()).collect();
    let unknown: Vec<_> = named.difference(&exist).collect();
    assert!(unknown.is_empty(), "there are no such probes: {unknown:?}");
    let asked = probes::all().into_iter().filter(|probe| !matches!(probe.needs, Needs::RealAws(_)));
    let nobodys: Vec<&str> =
        asked.map(|probe| probe.id).filter(|id| !named.contains(*id)).collect();
    assert!(nobodys.is_empty(), "no rule of the sandbox names {nobodys:?}");
}

#[test]
fn rules_are_found() {
    let source = "//! A page (User Guide).\n//!\n//! Probe: route53/upsert.\n\nuse a;\n\n/// Says no. Probe: sts/duration, no/probe.\nfn one() {\n    \
                  ApiError::new(\n}\n\nfn two() {\n    // No probe: it is ours.\n    messages.push(\n}\n\nfn three() {\n    messages.push(\n}\n";
    let pieces = pieces(source);
    let said: Vec<(Vec<String>, bool)> = pieces
        .iter()
        .map(|piece| named(piece))
        .map(|(ids, says)| (ids.into_iter().collect(), says))
        .collect();
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let expected = [
        (ids(&[]), false),
        (ids(&["route53/upsert"]), true),
        (ids(&["sts/duration"]), true),
        (ids(&[]), true),
        (ids(&[]), false),
    ];
    assert_eq!(said, expected);
}
