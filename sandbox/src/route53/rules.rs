//! The formats of the values of a record set (Developer Guide, "Supported DNS record types").
//!
//! Probe: see each function.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::name;
use super::record::RecordSet;

/// The record types that the service supports.
pub(crate) const TYPES: [&str; 17] = [
    "A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV",
    "SSHFP", "SVCB", "TLSA", "TXT",
];

/// Checks the values of a record set, and returns the error messages.
/// Probe: route53/values-twice, route53/values-twice-as-names, route53/cname-two-values.
pub(crate) fn check(record: &RecordSet) -> Vec<String> {
    let mut messages: Vec<String> = record
        .values
        .iter()
        .filter_map(|value| problem(&record.rtype, value).map(|problem| fatal(&problem, value)))
        .map(|fatal| format!("Invalid Resource Record: '{fatal}'"))
        .collect();
    let mut seen: Vec<String> = Vec::new();
    for value in &record.values {
        let key =
            if holds_a_name(&record.rtype) { name::normalize_lossy(value) } else { value.clone() };
        if seen.contains(&key) {
            messages.push(format!("Duplicate Resource Record: '{value}'"));
        }
        seen.push(key);
    }
    if record.rtype == "CNAME" && record.values.len() > 1 {
        messages.push(format!(
            "RRSet of type CNAME with DNS name {} must have exactly one value",
            record.name
        ));
    }
    messages
}

/// Formats an error about a name or a value as the service does.
pub(crate) fn fatal(problem: &str, value: &str) -> String {
    format!("FATAL problem: {problem} encountered with '{value}'")
}

fn holds_a_name(rtype: &str) -> bool {
    matches!(rtype, "NS" | "CNAME" | "PTR")
}

/// Returns what is wrong with one value. Probe: route53/a-value, route53/mx-srv-value.
fn problem(rtype: &str, value: &str) -> Option<String> {
    match rtype {
        "A" => value
            .parse::<Ipv4Addr>()
            .err()
            .map(|_| "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)".to_owned()),
        "AAAA" => value
            .parse::<Ipv6Addr>()
            .err()
            .map(|_| "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)".to_owned()),
        "NS" | "CNAME" | "PTR" => domain_name(value),
        "DS" => ds(value),
        "MX" => fields(value, "MX", 2, 1),
        "SRV" => fields(value, "SRV", 4, 3),
        "SOA" => fields(value, "SOA", 7, 0),
        "TXT" | "SPF" => character_strings(value),
        _ => value.is_empty().then(|| "EmptyValue (Value is empty)".to_owned()),
    }
}

/// Checks a value that is a domain name. Probe: route53/ns-value.
fn domain_name(value: &str) -> Option<String> {
    if value.contains(char::is_whitespace) {
        return Some("RRDATANotSingleField (Value contains spaces)".to_owned());
    }
    name::normalize(value).err().map(str::to_owned)
}

/// Checks the value of a DS record ("DS record type"): key tag (0 to 65535), algorithm, digest
/// type, and the digest in hexadecimal, whose length follows from the digest type (RFC 4034 section
/// 5.1, RFC 4509, RFC 6605). Probe: route53/ds-value.
fn ds(value: &str) -> Option<String> {
    let fields: Vec<&str> = value.split_ascii_whitespace().collect();
    let [tag, algorithm, digest_type, digest @ ..] = fields.as_slice() else {
        return Some("DSRRDATATooFewFields (Value has too few fields)".to_owned());
    };
    if digest.is_empty() {
        return Some("DSRRDATATooFewFields (Value has too few fields)".to_owned());
    }
    if tag.parse::<u16>().is_err() || algorithm.parse::<u8>().is_err() {
        return Some("DSRRDATAInvalidNumber (Value is not a valid number)".to_owned());
    }
    let digest = digest.concat();
    let length = match digest_type.parse::<u8>() {
        Ok(1) => 40,
        Ok(2) => 64,
        Ok(4) => 96,
        _ => {
            return Some(
                "DSRRDATAInvalidDigestType (Value has an unsupported digest type)".to_owned(),
            );
        }
    };
    if digest.len() != length || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some("DSRRDATAInvalidDigest (Value is not a valid digest)".to_owned());
    }
    None
}

/// Checks a value of `count` fields, of which the one at `target` is a domain name and those before
/// it are numbers.
fn fields(value: &str, rtype: &str, count: usize, target: usize) -> Option<String> {
    let fields: Vec<&str> = value.split_ascii_whitespace().collect();
    if fields.len() != count {
        return Some(format!(
            "{rtype}RRDATAWrongFieldCount (Value has the wrong number of fields)"
        ));
    }
    if fields.iter().take(target).any(|field| field.parse::<u16>().is_err()) {
        return Some(format!("{rtype}RRDATAInvalidNumber (Value is not a valid number)"));
    }
    fields.get(target).and_then(|field| domain_name(field))
}

/// Checks the value of a TXT record ("TXT record type"): one or more strings in double quotes, each
/// of up to 255 characters, 4,000 in total, with `\"` and octal escapes. Probe: route53/txt-quotes,
/// route53/txt-255, route53/txt-4000, route53/txt-not-ascii.
fn character_strings(value: &str) -> Option<String> {
    const QUOTES: &str = "InvalidCharacterString (Value should be enclosed in quotation marks)";
    const LONG: &str = "CharacterStringTooLong (Value is too long)";
    let mut bytes = value.bytes().peekable();
    let mut total = 0;
    loop {
        while bytes.next_if(u8::is_ascii_whitespace).is_some() {}
        match bytes.next() {
            Some(b'"') => {}
            None if value.contains('"') => return None,
            _ => return Some(QUOTES.to_owned()),
        }
        let mut length = 0;
        loop {
            match bytes.next() {
                None => return Some(QUOTES.to_owned()),
                Some(b'"') => break,
                Some(b'\\') => {
                    let digits = (0..3)
                        .take_while(|_| {
                            bytes.next_if(|byte| (b'0'..=b'7').contains(byte)).is_some()
                        })
                        .count();
                    if digits == 0 && bytes.next().is_none() {
                        return Some(QUOTES.to_owned());
                    }
                }
                Some(byte) if !byte.is_ascii() => {
                    return Some(
                        "UnsupportedCharacter (Value contains unsupported characters)".to_owned(),
                    );
                }
                Some(_) => {}
            }
            length += 1;
        }
        total += length;
        if length > 255 || total > 4000 {
            return Some(LONG.to_owned());
        }
        if bytes.peek().is_some_and(|byte| !byte.is_ascii_whitespace() && *byte != b'"') {
            return Some(QUOTES.to_owned());
        }
    }
}

#[cfg(test)]
mod tests;
