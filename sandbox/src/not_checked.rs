//! Records the checks that can't run on this machine in one place.

use std::fs::OpenOptions;
use std::io::{self, Write as _};

/// Adds a check to the list of skipped checks that `make test` prints at its end, with the reason
/// and how to make the check run.
///
/// `make` sets the environment variable `NOT_CHECKED` to the file of the list. Without the
/// variable, the line goes to the standard error output.
pub fn not_checked(check: &str, why: &str, remedy: &str) {
    let line = [check, why, remedy].map(in_one_line).join("\t") + "\n";
    let listed = std::env::var_os("NOT_CHECKED").filter(|path| !path.is_empty()).map(|path| {
        // One write, because tests run concurrently.
        OpenOptions::new().create(true).append(true).open(path)?.write_all(line.as_bytes())
    });
    if !matches!(listed, Some(Ok(()))) {
        // `eprintln!` would be captured by the test runner.
        let _ = io::stderr().write_all(format!("not checked: {line}").as_bytes());
    }
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
