//! The Rust sources of the project, for tests of pages that name tests or cite rules.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A Rust source file.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Source {
    /// Returns the part of the file that is tests: all of a file in a folder `tests`, or named so.
    pub(crate) fn tests(&self) -> &str {
        if self.path.iter().any(|part| part == "tests" || part == "tests.rs") {
            return &self.text;
        }
        self.text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests)
    }
}

/// Returns all source files of the function, the crates, the sandbox, the tests and the benchmarks.
pub(crate) fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ["src", "crates", "sandbox", "tests", "benches"] {
        collect(Path::new(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source { path, text });
        }
    }
}

/// Returns the names of all tests.
pub(crate) fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in sources() {
        let mut marked = false;
        for line in source.text.lines().map(str::trim_start) {
            marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            if let Some((name, _)) =
                function.filter(|_| marked).and_then(|rest| rest.split_once('('))
            {
                found.insert(name.to_owned());
                marked = false;
            }
        }
    }
    assert!(found.len() > 500, "{}", found.len());
    found
}
