//! What reaches the terminal: text without control characters, or one JSON document.

use std::io::{self, Write as _};

use serde_json::Value;

use inventory::batch::ascii;

/// One line of text, whatever is in it.
pub(super) fn line(text: &str) {
    // Nobody may be reading any more, as with `head`.
    let _ = writeln!(io::stdout(), "{}", plain(text).trim_end());
}

/// A text of several lines of our own making.
pub(super) fn lines(text: &str) {
    text.lines().for_each(line);
}

/// A JSON document, in ASCII.
pub(super) fn document(document: &Value) {
    let _ = writeln!(io::stdout(), "{}", ascii(&format!("{document:#}")));
}

/// A JSON document of one line, in ASCII.
pub(super) fn json_line(document: &Value) {
    let _ = writeln!(io::stdout(), "{}", ascii(&document.to_string()));
}

/// Rows in columns, under a heading.
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

/// Something to know beside the answer, on the standard error output in one line.
pub(super) fn remark(text: &str) {
    let _ = writeln!(io::stderr(), "{}", plain(text));
}

/// A complaint on the standard error output, in one line.
pub(super) fn complain(text: &str) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let _ = writeln!(io::stderr(), "delegation: {}", plain(&words.join(" ")));
}

/// Wrong flags: what is wrong and what is right, as the parser of the flags tells it.
pub(super) fn usage(text: &str) {
    for line in text.lines() {
        let _ = writeln!(io::stderr(), "{}", plain(line));
    }
}

/// The text with everything escaped that could mean something to a terminal, or turn around what is
/// shown.
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
    fn a_terminal_gets_no_control_characters() {
        let hostile = "a\u{1b}[31mb\u{7f}\u{9b}\u{202e}c\nd\te\u{e9}";
        let shown = plain(hostile);
        assert_eq!(shown, "a\\u{1b}[31mb\\u{7f}\\u{9b}\\u{202e}c\\nd\\te\u{e9}");
    }
}
