//! Makes text from outside safe to show to people.

use std::borrow::Cow;
use std::fmt::Write as _;

/// How many characters of a value a message shows.
const REPEATED: usize = 100;

/// Returns true for a character that is not visible: a control character, white space other than
/// the plain space, a mark that changes the writing direction, or another one that is ignored by
/// default (Unicode's property `Default_Ignorable_Code_Point`).
pub fn is_invisible(c: char) -> bool {
    (c != ' ' && (c.is_control() || c.is_whitespace()))
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Returns the text with each invisible character as an escape, `\n` or `\u{202e}`. It can then
/// neither break a line of the console nor reverse the text around it.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_invisible(c) {
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// A shorter value is no external id that anybody would have to keep secret.
pub(crate) const SECRET: usize = 16;

/// What separates the labels of a name: the dot, and those of international names (UTS 46).
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// True for a value that may be an external id in the wrong place, or that may have one in it,
/// between blanks or other characters: long, with a digit, and without the two labels of a name.
pub fn may_be_secret(text: &str) -> bool {
    let labels = || text.split(DOTS).filter(|label| label.contains(char::is_alphanumeric));
    may_have_secret(text) && !text.starts_with("xn--") && labels().count() < 2
}

/// Like [`may_be_secret`], for text that is no domain name, so that a dot says nothing.
pub fn may_have_secret(text: &str) -> bool {
    text.len() >= SECRET && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Returns how a message shows a value: its first characters in quotation marks, or only its length
/// if it has a character that `fits` rejects, or if it may be an external id. Such a value may be a
/// secret.
pub fn quoted(text: &str, fits: impl Fn(char) -> bool) -> String {
    if may_be_secret(text) || !text.chars().all(fits) {
        not_repeated(text)
    } else {
        shortened(text)
    }
}

/// Returns what a message shows instead of a value that may be a secret: its length.
pub fn not_repeated(text: &str) -> String {
    match text.chars().count() {
        1 => "(a value of one character, not repeated here)".to_owned(),
        count => format!("(a value of {count} characters, not repeated here)"),
    }
}

/// Returns how a message shows a value that is no secret: its first characters in quotation marks.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(REPEATED) {
        Some((end, _)) => format!("\"{}...\"", text.get(..end).unwrap_or_default()),
        None => format!("\"{text}\""),
    }
}

/// Returns how a message shows the value of a property that takes only short words: like
/// [`quoted`], but only the length of a value that is longer than each of them.
pub fn quoted_word(text: &str, fits: impl Fn(char) -> bool) -> String {
    let is_short = text.len() < SECRET;
    quoted(text, |c| is_short && fits(c))
}

/// Returns a sentence that names the first invisible character of a value; empty if there is none.
/// Positions count characters from 1.
pub fn hidden_character(text: &str) -> String {
    match text.chars().enumerate().find(|(_, c)| is_invisible(*c)) {
        Some((index, c)) => {
            format!(
                " It contains the invisible character U+{:04X} at position {}.",
                u32::from(c),
                index + 1
            )
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_character_is_named_with_its_position() {
        assert_eq!(hidden_character("plain \u{e9} text"), "");
        assert_eq!(
            hidden_character("\u{e9}\u{200b}"),
            " It contains the invisible character U+200B at position 2."
        );
    }

    #[test]
    fn invisible_characters_are_escaped() {
        assert!(matches!(visible("plain \u{e9} text"), Cow::Borrowed(_)));
        assert_eq!(
            visible("a\nb\r\u{1b}[31m\u{202e}c\u{2028}"),
            "a\\nb\\r\\u{1b}[31m\\u{202e}c\\u{2028}"
        );
        for c in [
            '\0',
            '\t',
            '\u{85}',
            '\u{a0}',
            '\u{200b}',
            '\u{2066}',
            '\u{3000}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in [' ', 'a', '\u{e9}', '\u{5d0}', '\u{3042}', '\\'] {
            assert!(!is_invisible(c), "{c:?}");
        }
    }

    #[test]
    fn a_value_of_another_kind_is_not_shown() {
        let digit = |c: char| c.is_ascii_digit();
        assert_eq!(quoted("123", digit), "\"123\"");
        assert_eq!(quoted("12-secret", digit), "(a value of 9 characters, not repeated here)");
        for secret in
            ["51af3dc0-da77-11e4-872e-1234567db123", "0123456789abcdef", "a1,b2@c3=d4_e5+f6"]
        {
            assert!(!quoted(secret, |_| true).contains(secret), "{secret}");
        }
        // With other characters around it or in it.
        for around in ["* ", "\u{e9}", "\\", "'", "\u{200b}"] {
            for secret in [
                format!("{around}51af3dc0-da77-11e4-872e-1234567db123"),
                format!("51af3dc0-da77-11e4-872e-1234567db123{around}"),
                format!("51af3dc0-da77-{around}11e4-872e-1234567db123"),
            ] {
                assert!(!quoted(&secret, |_| true).contains("51af3dc0"), "{secret}");
            }
        }
        for dotted in ["0123456789abcdef.", ".0123456789abcdef", "0123456789abcdef.\u{3002}*"] {
            assert!(!quoted(dotted, |_| true).contains("abcdef"), "{dotted}");
        }
        for other in [
            "eu-central-1",
            "ns1.example-0123456789.net",
            "ns1\u{3002}example-0123456789\u{ff0e}net",
            "xn--mgberp4a5d4ar",
            "ParentZonename",
        ] {
            assert_eq!(quoted(other, |_| true), format!("\"{other}\""));
        }
        assert_eq!(quoted_word("maybe", |_| true), "\"maybe\"");
        let long = "a value of 18 characters, not repeated here";
        assert_eq!(quoted_word("secretsecretsecret", |_| true), format!("({long})"));
        let long = quoted(&"1.".repeat(2500), |c| digit(c) || c == '.');
        assert!(long.len() < 120 && long.ends_with("...\""), "{long}");
    }
}
