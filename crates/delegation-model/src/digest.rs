//! Digests: short fingerprints for comparing values without publishing them.

use std::collections::BTreeSet;
use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::ds::DsRecords;
use crate::ids::{KeyName, ZoneId};
use crate::name::Name;
use crate::name_servers::NameServers;
use crate::parent::ParentZone;

/// The first 8 bytes of a SHA-256, written as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 8]);

impl Digest {
    /// Returns the digest of several strings. It covers their number and their lengths, so that no
    /// two lists of strings result in the same input.
    pub(crate) fn new(parts: &[&str]) -> Self {
        Self(truncate(&hash(parts)))
    }

    /// Returns the digest of a set of name servers. It is the same for every spelling of them.
    pub fn from_name_servers(name_servers: &NameServers) -> Self {
        Self::new(&["ns", &name_servers.to_string()])
    }

    /// Returns the digest of a DS record set. It is the same for every spelling of it.
    pub fn from_ds(records: &DsRecords) -> Self {
        Self::new(&["ds", &records.to_string()])
    }

    /// Returns the digest of an intent.
    ///
    /// It covers the properties as they were given, never what was read in the child zone. A key
    /// that was rolled there does not mean that the stack asks for something new.
    pub fn from_intent(intent: &Intent<'_>) -> Self {
        let keys = intent.key_signing_keys.map(|keys| {
            let names: Vec<&str> = keys.iter().map(KeyName::as_str).collect();
            format!("={}", names.join(","))
        });
        Self::new(&[
            "for",
            intent.child_zone.map_or("", ZoneId::as_str),
            &intent.name_servers.map(NameServers::to_string).unwrap_or_default(),
            if intent.dnssec { "dnssec" } else { "" },
            &keys.unwrap_or_default(),
        ])
    }

    /// Returns the digest of the properties that lead to a delegation point: the parent zone as
    /// specified, the role, and the child's name. The external id is a secret and is not included.
    pub fn from_route(parent: &ParentZone, role_arn: Option<&str>, name: &Name) -> Self {
        let (kind, zone) = match parent {
            ParentZone::Id(id) => ("id", id.as_str()),
            ParentZone::Name(name) => ("name", name.as_str()),
            ParentZone::Closest => ("closest", ""),
        };
        Self::new(&["route", kind, zone, role_arn.unwrap_or_default(), name.as_str()])
    }

    /// Parses 16 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        decode(text).map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// The intent of a resource: the properties that say which name servers and DS records it wants, in
/// normal form.
#[derive(Clone, Copy, Debug)]
pub struct Intent<'a> {
    pub child_zone: Option<&'a ZoneId>,
    pub name_servers: Option<&'a NameServers>,
    pub dnssec: bool,
    /// `KeySigningKeys`; `None` if it was not given.
    pub key_signing_keys: Option<&'a BTreeSet<KeyName>>,
}

/// The first 4 bytes of the SHA-256 of a `RequestId`, written as 8 hexadecimal digits. This is
/// enough to distinguish two requests of one resource that were made in the same second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestDigest([u8; 4]);

impl RequestDigest {
    /// Returns the digest of a `RequestId`.
    pub fn new(request_id: &str) -> Self {
        Self(truncate(&hash(&["request", request_id])))
    }

    /// Parses 8 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        decode(text).map(Self)
    }
}

impl fmt::Display for RequestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for RequestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestDigest({self})")
    }
}

fn hash(parts: &[&str]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().to_vec()
}

fn truncate<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut first = [0; N];
    for (to, from) in first.iter_mut().zip(bytes) {
        *to = *from;
    }
    first
}

/// Decodes lower-case digits only. This program never writes others, and each value must have one
/// spelling.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

#[cfg(test)]
mod tests;
