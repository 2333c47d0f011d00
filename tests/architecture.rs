//! Dependencies point one way: main → handler → {cfn, plan, aws, dns}; plan → dns and ownership, and nothing else. The command
//! stands above the handler, as `main` does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where something is missing")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room of `src` may use of the others.
const ALLOWED: [(&str, &[&str]); 18] = [
    ("dns", &[]),
    ("ids", &[]),
    ("error", &[]),
    ("http", &[]),
    ("logging", &[]),
    ("metrics", &[]),
    ("deadline", &[]),
    ("config", &["dns"]),
    ("ownership", &["dns"]),
    ("plan", &["dns", "ownership"]),
    ("cfn", &["dns", "http", "ids"]),
    ("aws", &["cfn", "dns", "http", "ids"]),
    ("inventory", &["dns", "ownership"]),
    (
        "handler",
        &[
            "aws",
            "cfn",
            "config",
            "deadline",
            "dns",
            "error",
            "http",
            "ids",
            "inventory",
            "metrics",
            "ownership",
            "plan",
        ],
    ),
    ("command", &["aws", "cfn", "config", "dns", "error", "handler", "http", "ids", "inventory", "plan"]),
    ("main", &[]),
    ("delegation", &[]),
    ("lib", &[]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn room(path: &Path) -> String {
    let first = path.strip_prefix("src").unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The rooms that a source names after `crate::`, tests left out.
fn used(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let names = lines.flat_map(|line| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>());
    names.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()).collect()
}

#[test]
fn rooms_use_only_what_they_may() {
    let mut paths = Vec::new();
    sources(Path::new("src"), &mut paths);
    assert!(paths.len() > 20, "the sources were found");
    for path in paths.iter().filter(|path| !path.to_string_lossy().contains("tests")) {
        let room = room(path);
        let allowed =
            ALLOWED.iter().find(|(name, _)| *name == room).unwrap_or_else(|| panic!("{room} is a new room")).1;
        for used in used(&fs::read_to_string(path).unwrap()).iter().filter(|used| **used != room) {
            assert!(allowed.contains(&used.as_str()), "{} uses crate::{used}", path.display());
        }
    }
}

#[test]
fn each_outside_system_has_one_room() {
    let mut paths = Vec::new();
    sources(Path::new("src"), &mut paths);
    for path in paths {
        let source = fs::read_to_string(&path).unwrap();
        let lines = || source.lines().filter(|line| !line.trim_start().starts_with("//"));
        let room = room(&path);
        if room != "aws" {
            assert!(!lines().any(|line| line.contains("aws_sdk") || line.contains("aws_smithy")), "{}", path.display());
        }
        let http = ["http", "aws", "handler"].contains(&room.as_str()) || path.ends_with("cfn/signal.rs");
        assert!(http || !lines().any(|line| line.contains("reqwest")), "{}", path.display());
        assert!(room == "command" || !lines().any(|line| line.contains("clap")), "{}", path.display());
        // The DNS check is the one part of `dns` that asks somebody.
        let verify = path.starts_with("src/dns/verify") || path.ends_with("dns/verify.rs");
        assert!(verify || !lines().any(|line| line.contains("hickory")), "{}", path.display());
        if ["plan", "dns", "ownership", "inventory"].contains(&room.as_str()) && !verify {
            let impure = |line: &str| {
                ["tokio", "async ", "tracing", "SystemTime", "std::fs", "std::env"]
                    .iter()
                    .any(|word| line.contains(word))
            };
            assert!(!lines().any(impure), "{} is not pure", path.display());
        }
    }
}
