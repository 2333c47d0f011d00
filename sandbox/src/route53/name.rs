//! DNS names in the form in which Route 53 stores and returns them.

/// Why a name is invalid, in the words of the service.
pub(crate) type NameProblem = &'static str;

const LABEL_EMPTY: NameProblem = "DomainLabelEmpty (Domain label is empty)";
const LABEL_TOO_LONG: NameProblem = "DomainLabelTooLong (Domain label is too long)";
const NAME_TOO_LONG: NameProblem = "DomainNameTooLong (Domain name is too long)";
const UNSUPPORTED: NameProblem = "UnsupportedCharacter (Value contains unsupported characters)";

/// Returns the form in which the service stores a name: lower case, with a trailing dot, and with
/// everything but `a-z`, `0-9`, `-` and `_` as a three-digit octal escape, whether it was given as
/// a character or as an escape (Developer Guide, "DNS domain name format"). A label has at most 63
/// bytes and a name at most 255, both counted without escaping. Probe: route53/name-escapes,
/// route53/name-escaped-is-the-same, route53/name-empty-label, route53/name-long-label,
/// route53/name-too-long, route53/name-with-a-space.
pub(crate) fn normalize(name: &str) -> Result<String, NameProblem> {
    if name == "." {
        return Ok(name.to_owned());
    }
    let labels = labels(name)?;
    if labels.iter().any(Vec::is_empty) {
        return Err(LABEL_EMPTY);
    }
    if labels.iter().any(|label| label.len() > 63) {
        return Err(LABEL_TOO_LONG);
    }
    if labels.iter().map(|label| label.len() + 1).sum::<usize>() > 255 {
        return Err(NAME_TOO_LONG);
    }
    let mut out = String::new();
    for label in labels {
        for byte in label {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => out.push(char::from(byte)),
                b'A'..=b'Z' => out.push(char::from(byte.to_ascii_lowercase())),
                other => out.extend(format!("\\{other:03o}").chars()),
            }
        }
        out.push('.');
    }
    Ok(out)
}

/// Like [`normalize`], but returns an invalid name unchanged.
pub(crate) fn normalize_lossy(name: &str) -> String {
    normalize(name).unwrap_or_else(|_| name.to_ascii_lowercase())
}

/// Returns the bytes of each label, with escapes resolved. One trailing dot is ignored.
pub(crate) fn labels(name: &str) -> Result<Vec<Vec<u8>>, NameProblem> {
    let mut labels = vec![Vec::new()];
    let mut rest =
        name.strip_suffix('.').filter(|head| !ends_in_escape(head)).unwrap_or(name).bytes();
    while let Some(byte) = rest.next() {
        let label = labels.last_mut().ok_or(LABEL_EMPTY)?;
        match byte {
            b'.' => labels.push(Vec::new()),
            b'\\' => {
                let mut value = 0u32;
                for _ in 0..3 {
                    let digit = rest
                        .next()
                        .filter(|digit| (b'0'..=b'7').contains(digit))
                        .ok_or(UNSUPPORTED)?;
                    value = value * 8 + u32::from(digit - b'0');
                }
                label.push(u8::try_from(value).map_err(|_| UNSUPPORTED)?);
            }
            0x21..=0x7e => label.push(byte),
            _ => return Err(UNSUPPORTED),
        }
    }
    Ok(labels)
}

/// Returns whether the text ends in a `\` that would make a dot after it part of a (malformed)
/// escape.
fn ends_in_escape(head: &str) -> bool {
    head.ends_with('\\')
}

/// Returns whether `name` is `zone` or below it; both must be normalized.
pub(crate) fn is_within(name: &str, zone: &str) -> bool {
    name == zone || zone == "." || name.strip_suffix(zone).is_some_and(|head| head.ends_with('.'))
}

#[cfg(test)]
mod tests;
