//! The text of a TXT value: quoted character-strings of at most 255 bytes.

use super::HERITAGE;

/// A character-string of a TXT record has at most 255 bytes (RFC 1035, section 3.3).
const MAX_STRING: usize = 255;

/// Returns the text as a TXT value: as many quoted strings as necessary. This program writes only
/// ASCII without quotes and backslashes.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 4);
    for (index, character) in text.chars().enumerate() {
        if index % MAX_STRING == 0 {
            quoted.push_str(if index == 0 { "\"" } else { "\" \"" });
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// Returns the text of a TXT value: its strings joined, and its escapes (`\"`, `\\` and the octal
/// `\ooo` of Route 53) resolved. `None` if it has another form, or a byte that is not ASCII.
pub(super) fn unquote(value: &str) -> Option<String> {
    let mut text = String::with_capacity(value.len());
    let mut rest = value.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        rest = rest.strip_prefix('"')?;
        loop {
            let mut characters = rest.chars();
            let next = characters.next()?;
            rest = characters.as_str();
            match next {
                '"' => break,
                '\\' => {
                    let (character, after) = escape(rest)?;
                    text.push(character);
                    rest = after;
                }
                plain if plain.is_ascii() => text.push(plain),
                _ => return None,
            }
        }
        rest = rest.trim_start();
    }
    Some(text)
}

/// Returns the character after a backslash, and the text after that.
fn escape(text: &str) -> Option<(char, &str)> {
    let digits =
        text.get(..3).filter(|digits| digits.bytes().all(|byte| (b'0'..b'8').contains(&byte)));
    if let Some(digits) = digits {
        let byte = u8::from_str_radix(digits, 8).ok().filter(u8::is_ascii)?;
        return Some((char::from(byte), text.get(3..)?));
    }
    let mut characters = text.chars();
    let character = characters.next().filter(|next| next.is_ascii() && !next.is_ascii_digit())?;
    Some((character, characters.as_str()))
}

/// Returns true if a value that can't be unquoted starts like one that this program writes.
pub(super) fn looks_like_ours(value: &str) -> bool {
    let rest = value.trim_start().trim_start_matches('"').strip_prefix(HERITAGE);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([',', '"', '\\', ' ']))
}

/// Returns the first field of this name among comma-separated `name=value` fields.
pub(super) fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    fields.split(',').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}

/// The error for a field that is there but invalid.
pub(super) struct Unreadable;

/// Parses a field that may be missing.
pub(super) fn optional<T>(
    fields: &str,
    name: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Unreadable> {
    field(fields, name).map(|text| read(text).ok_or(Unreadable)).transpose()
}

/// Parses seconds since 1970.
pub(super) fn time(text: &str) -> Option<i64> {
    text.parse().ok()
}
