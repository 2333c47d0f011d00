//! Domain names, compared and printed as Route 53 does.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::text::is_invisible;

/// A fully qualified domain name below the root.
///
/// A name is stored in one canonical form: lower case, no trailing dot, and every byte other than
/// `a-z`, `0-9`, `-` and `_` as the octal escape `\ooo` in which Route 53 returns it (Route 53
/// Developer Guide, "DNS domain name format"). Two names are equal exactly if these strings are
/// equal. A label has 1 to 63 bytes, and the name has at most 255 bytes on the wire (RFC 1035,
/// section 2.3.4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

const MAX_LABEL: usize = 63;
const MAX_WIRE: usize = 255;
/// No name has a longer text. Each byte of a name takes at most four bytes, as an escape or in
/// UTF-8.
const MAX_TEXT: usize = 4 * MAX_WIRE;

impl Name {
    /// Returns the canonical text, without a trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name with its trailing dot, as Route 53 returns it.
    pub fn fqdn(&self) -> String {
        format!("{}.", self.0)
    }

    /// Iterates over the labels, leftmost first, in canonical text.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }

    pub fn first_label(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// Returns the name without its leftmost label; `None` for a name of one label.
    pub fn parent(&self) -> Option<Name> {
        self.0.split_once('.').map(|(_, rest)| Name(rest.to_owned()))
    }

    /// Iterates over the names that enclose this one, from the nearest to the top-level domain.
    pub fn ancestors(&self) -> impl Iterator<Item = Name> {
        std::iter::successors(self.parent(), Name::parent)
    }

    /// Returns true if this name is strictly below `other`.
    pub fn is_below(&self, other: &Name) -> bool {
        self.0.strip_suffix(&other.0).is_some_and(|head| head.ends_with('.'))
    }

    /// Returns true if this name is `other` or is below it.
    pub fn is_at_or_below(&self, other: &Name) -> bool {
        self == other || self.is_below(other)
    }

    /// Returns the wildcard directly below this name, `*.name`; `None` if it would be too long.
    pub fn wildcard(&self) -> Option<Name> {
        format!("*.{}", self.0).parse().ok()
    }

    /// Returns the name as people write it, with `*` unescaped.
    pub fn for_people(&self) -> String {
        self.0.replace("\\052", "*")
    }

    /// Returns the sort key of the name in a listing: its labels reversed, each followed by a dot
    /// (Route 53 API Reference, `ListResourceRecordSets`). A name sorts directly before the names
    /// below it.
    pub fn position(&self) -> Vec<u8> {
        let mut position = Vec::with_capacity(self.0.len() + 1);
        for label in self.labels().rev() {
            // A canonical label can always be unescaped.
            position.extend(unescape(label, 1).unwrap_or_default());
            position.push(b'.');
        }
        position
    }

    /// Iterates over the labels as they are on the wire, leftmost first: in lower case, without the
    /// root label.
    pub fn wire_labels(&self) -> impl Iterator<Item = Vec<u8>> {
        // A canonical label can always be unescaped.
        self.labels().map(|label| unescape(label, 1).unwrap_or_default())
    }

    /// Creates a name from its labels as they are on the wire, leftmost first. They may have any
    /// byte.
    pub fn from_wire_labels<'a>(
        labels: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, NameError> {
        let mut text = String::new();
        for label in labels {
            if !text.is_empty() {
                text.push('.');
            }
            for byte in label {
                push_canonical(&mut text, *byte);
            }
        }
        text.parse()
    }

    /// Returns true if the leftmost label is `*`.
    pub fn is_wildcard(&self) -> bool {
        self.first_label() == "\\052"
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The error for a text that is not a domain name. Positions count bytes from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or only a dot.
    #[error("it is empty")]
    Empty,
    /// Two dots in a row, or a dot at the start.
    #[error("the label at position {0} is empty")]
    EmptyLabel(usize),
    /// A label of more than 63 bytes.
    #[error("the label at position {0} is longer than {MAX_LABEL} bytes")]
    LabelTooLong(usize),
    /// More than 255 bytes on the wire.
    #[error("it takes {0} bytes, and a name has at most {MAX_WIRE}")]
    TooLong(usize),
    /// A character that no name can have.
    #[error("it contains the {kind}character {point} at position {1}", kind = invisible(*.0), point = code_point(*.0))]
    Character(char, usize),
    /// A backslash that is not followed by three octal digits up to 377.
    #[error("the backslash at position {0} is not followed by three octal digits")]
    Escape(usize),
    /// Characters outside ASCII that do not form a valid name.
    #[error("it is not a valid international name (UTS 46)")]
    International,
}

fn invisible(c: char) -> &'static str {
    if is_invisible(c) { "invisible " } else { "" }
}

/// Returns how a message names a character.
fn code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

/// Returns the name as it is in DNS: an international name in its `xn--` form (UTS 46), any other
/// unchanged.
fn to_ascii(text: &str) -> Result<Cow<'_, str>, NameError> {
    if text.is_ascii() {
        return Ok(Cow::Borrowed(text));
    }
    // UTS 46 would silently remove some of the invisible characters.
    let odd = |c: char| is_invisible(c) || (c.is_ascii() && !c.is_ascii_graphic());
    if let Some((at, c)) = text.char_indices().find(|(_, c)| odd(*c)) {
        return Err(NameError::Character(c, at + 1));
    }
    let uts46 = Uts46::new();
    let converted =
        uts46.to_ascii(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore);
    converted.map_err(|_| NameError::International)
}

impl FromStr for Name {
    type Err = NameError;

    /// Parses a name as people write it: in any case, with or without the trailing dot. An
    /// international name may be in its own letters or in its `xn--` form.
    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.len() > MAX_TEXT {
            return Err(NameError::TooLong(text.len()));
        }
        let text = to_ascii(text)?;
        let body = text.strip_suffix('.').unwrap_or(&text);
        if body.is_empty() {
            return Err(NameError::Empty);
        }
        let mut canonical = String::with_capacity(body.len());
        let mut wire = 1;
        let mut position = 1;
        for label in body.split('.') {
            if !canonical.is_empty() {
                canonical.push('.');
            }
            let bytes = unescape(label, position)?;
            match bytes.len() {
                0 => return Err(NameError::EmptyLabel(position)),
                1..=MAX_LABEL => {}
                _ => return Err(NameError::LabelTooLong(position)),
            }
            wire += bytes.len() + 1;
            for byte in bytes {
                push_canonical(&mut canonical, byte);
            }
            position += label.len() + 1;
        }
        if wire > MAX_WIRE {
            return Err(NameError::TooLong(wire));
        }
        Ok(Name(canonical))
    }
}

fn unescape(label: &str, start: usize) -> Result<Vec<u8>, NameError> {
    let mut bytes = Vec::with_capacity(label.len());
    let mut rest = label.as_bytes();
    let mut position = start;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'\\' {
            let (digits, after) = tail.split_at_checked(3).ok_or(NameError::Escape(position))?;
            bytes.push(octal(digits).ok_or(NameError::Escape(position))?);
            rest = after;
            position += 4;
        } else if byte.is_ascii_graphic() {
            bytes.push(byte);
            rest = tail;
            position += 1;
        } else {
            return Err(NameError::Character(char::from(byte), position));
        }
    }
    Ok(bytes)
}

fn octal(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0u8, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(digit - b'0'),
        _ => None,
    })
}

fn push_canonical(text: &mut String, byte: u8) {
    match byte.to_ascii_lowercase() {
        plain @ (b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') => text.push(char::from(plain)),
        other => {
            text.push('\\');
            text.extend(
                [other >> 6, other >> 3 & 7, other & 7].map(|digit| char::from(b'0' + digit)),
            );
        }
    }
}

#[cfg(test)]
mod tests;
