//! The DS record set of a delegation.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// One DS record: the fingerprint of a key-signing key of the child zone (RFC 4034, section 5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ds {
    key_tag: u16,
    algorithm: u8,
    digest_type: u8,
    digest: Vec<u8>,
}

/// The error for a text that is not a DS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a DS record is a key tag, an algorithm, a digest type and a digest in hexadecimal digits")]
pub struct DsError;

impl Ds {
    /// Creates a DS record. The digest must not be empty.
    pub fn new(
        key_tag: u16,
        algorithm: u8,
        digest_type: u8,
        digest: Vec<u8>,
    ) -> Result<Self, DsError> {
        if digest.is_empty() {
            Err(DsError)
        } else {
            Ok(Self { key_tag, algorithm, digest_type, digest })
        }
    }

    /// Returns the key tag of the key (RFC 4034, appendix B).
    pub fn key_tag(&self) -> u16 {
        self.key_tag
    }

    /// Returns the number of the key's algorithm (IANA, "DNS Security Algorithm Numbers"). It is 13
    /// for Route 53's keys.
    pub fn algorithm(&self) -> u8 {
        self.algorithm
    }

    /// Returns the number of the digest's algorithm (IANA, "DS RR Type Digest Algorithms"). It is
    /// 2, SHA-256, for Route 53's keys.
    pub fn digest_type(&self) -> u8 {
        self.digest_type
    }

    pub fn digest(&self) -> &[u8] {
        &self.digest
    }
}

impl FromStr for Ds {
    type Err = DsError;

    /// Parses the presentation form (RFC 4034, section 5.3). The digest may contain spaces.
    fn from_str(text: &str) -> Result<Self, DsError> {
        fn number<T: FromStr>(field: Option<&str>) -> Result<T, DsError> {
            let digits = field.filter(|field| field.bytes().all(|byte| byte.is_ascii_digit()));
            digits.and_then(|digits| digits.parse().ok()).ok_or(DsError)
        }
        let mut fields = text.split_ascii_whitespace();
        let (key_tag, algorithm, digest_type) =
            (number(fields.next())?, number(fields.next())?, number(fields.next())?);
        let digest = hex::decode(fields.collect::<String>()).map_err(|_| DsError)?;
        Self::new(key_tag, algorithm, digest_type, digest)
    }
}

impl fmt::Display for Ds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key_tag, algorithm, digest_type, digest } = self;
        write!(f, "{key_tag} {algorithm} {digest_type} {}", hex::encode_upper(digest))
    }
}

/// The values of a DS record set as a set, which is never empty. Order, spacing and the case of
/// digests never matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DsRecords(BTreeSet<Ds>);

impl DsRecords {
    /// Creates a set of DS records; `None` if there are none.
    pub fn new(records: impl IntoIterator<Item = Ds>) -> Option<Self> {
        let records: BTreeSet<Ds> = records.into_iter().collect();
        if records.is_empty() { None } else { Some(Self(records)) }
    }

    /// Parses the values of an existing DS record set; `None` if one of them is not a DS record
    /// that this program could have written.
    pub fn from_values<T: AsRef<str>>(values: &[T]) -> Option<Self> {
        let records: Result<BTreeSet<Ds>, DsError> =
            values.iter().map(|value| value.as_ref().parse()).collect();
        records.ok().and_then(Self::new)
    }

    /// Returns true if the record is one of them.
    pub fn contains(&self, record: &Ds) -> bool {
        self.0.contains(record)
    }

    /// Iterates over the records in order.
    pub fn iter(&self) -> impl Iterator<Item = &Ds> {
        self.0.iter()
    }

    /// Returns the values of the DS record set.
    pub fn values(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

impl fmt::Display for DsRecords {
    /// Sorted and comma-joined.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.values().join(","))
    }
}

#[cfg(test)]
mod tests;
