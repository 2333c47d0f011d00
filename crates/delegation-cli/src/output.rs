//! Writes to the terminal: text without control characters, or JSON.

use std::io::{self, Write as _};

use serde_json::Value;

use super::error::ErrorCode;
use custom_delegation::error::coded;
use delegation_model::text::{may_have_secret, not_repeated, quoted, shortened};
use inventory::batch::ascii;

/// Prints one line of any text.
pub(super) fn line(text: &str) {
    // The reader may have stopped reading, for instance `head`.
    let _ = writeln!(io::stdout(), "{}", plain(text).trim_end());
}

/// Prints the program's own text of several lines.
pub(super) fn lines(text: &str) {
    text.lines().for_each(line);
}

/// Prints a JSON document in ASCII.
pub(super) fn document(document: &Value) {
    let _ = writeln!(io::stdout(), "{}", ascii(&format!("{document:#}")));
}

/// Prints a JSON document on one line in ASCII.
pub(super) fn json_line(document: &Value) {
    let _ = writeln!(io::stdout(), "{}", ascii(&document.to_string()));
}

/// Prints rows in columns, below a heading.
pub(super) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) {
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| row.each_ref().map(|cell| plain(cell))).collect();
    let mut widths = heading.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let heading = heading.map(str::to_owned);
    for row in std::iter::once(&heading).chain(&rows) {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        line(&cells.collect::<Vec<_>>().join("  "));
    }
}

/// Prints a note to the standard error output, on one line.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{}", plain(text));
}

/// Prints an error to the standard error output, on one line.
pub(super) fn error(text: &str) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let _ = writeln!(io::stderr(), "delegation: {}", plain(&words.join(" ")));
}

/// Prints the message of the flag parser.
pub(super) fn usage(text: &str, code: ErrorCode) {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let _ = writeln!(io::stderr(), "{}", plain(&coded(first, code.as_str())));
    for line in lines {
        let _ = writeln!(io::stderr(), "{}", plain(line));
    }
}

/// Returns how a message shows a value of a flag, which may be an external id in the wrong place.
pub(super) fn typed(text: &str) -> String {
    if may_have_secret(text) { not_repeated(text) } else { shortened(text) }
}

/// Returns how a message shows a domain name of the command line. It may be a part of an external
/// id.
pub(super) fn typed_name(text: &str) -> String {
    quoted(text, |c| c.is_alphanumeric() || "-_.*\\".contains(c))
}

/// Escapes every character that could have a special meaning to a terminal, or change the order of
/// the text.
pub(super) fn plain(text: &str) -> String {
    let shown = |c: char| {
        c == ' ' || c.is_ascii_graphic() || (!c.is_ascii() && c.is_alphanumeric()) || c == '…'
    };
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if shown(c) {
            out.push(c);
        } else {
            out.extend(c.escape_default());
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let hostile = "a\u{1b}[31mb\u{7f}\u{9b}\u{202e}c\nd\te\u{e9}";
        let shown = plain(hostile);
        assert_eq!(shown, "a\\u{1b}[31mb\\u{7f}\\u{9b}\\u{202e}c\\nd\\te\u{e9}");
    }
}
