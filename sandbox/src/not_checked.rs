//! Tests that cannot run on this machine say so in one place.

use std::fs::OpenOptions;
use std::io::{self, Write as _};

/// Puts a check on the list that `make test` prints at its end, with the reason and how to make it
/// run here.
///
/// `make` names the file of the list in the environment variable `NOT_CHECKED`; without one, the
/// standard error stream gets the line.
pub fn not_checked(check: &str, why: &str, remedy: &str) {
    let line = [check, why, remedy].map(in_one_line).join("\t") + "\n";
    let listed = std::env::var_os("NOT_CHECKED").filter(|path| !path.is_empty()).map(|path| {
        // In one piece, because tests run side by side.
        OpenOptions::new().create(true).append(true).open(path)?.write_all(line.as_bytes())
    });
    if !matches!(listed, Some(Ok(()))) {
        // Not with `eprintln!`, which the test runner would swallow.
        let _ = io::stderr().write_all(format!("not checked: {line}").as_bytes());
    }
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
