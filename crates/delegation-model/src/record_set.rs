//! Record sets, and changes to them, as plain values.

use std::cmp::Ordering;
use std::fmt;

use super::name::Name;
use super::ttl::Ttl;

/// The type of a record set.
///
/// Only the types that this project makes decisions about have variants of their own. A type is
/// made with `From`, so that each has one form. Types are ordered as their texts are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RecordType {
    A,
    Aaaa,
    Cname,
    Ds,
    Ns,
    Soa,
    Txt,
    /// Any other type, in upper case as Route 53 writes it.
    Other(String),
}

impl RecordType {
    /// Returns the type as Route 53 writes it, for example `NS`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Ds => "DS",
            Self::Ns => "NS",
            Self::Soa => "SOA",
            Self::Txt => "TXT",
            Self::Other(text) => text,
        }
    }

    /// Returns true for the types that a delegation consists of. The parent zone answers for them
    /// at the zone cut itself.
    pub fn is_of_delegation(&self) -> bool {
        matches!(self, Self::Ns | Self::Ds)
    }

    /// Returns true for the types that the glue of a name server has.
    pub fn is_address(&self) -> bool {
        matches!(self, Self::A | Self::Aaaa)
    }
}

impl From<&str> for RecordType {
    fn from(text: &str) -> Self {
        match text {
            "A" => Self::A,
            "AAAA" => Self::Aaaa,
            "CNAME" => Self::Cname,
            "DS" => Self::Ds,
            "NS" => Self::Ns,
            "SOA" => Self::Soa,
            "TXT" => Self::Txt,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Ord for RecordType {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for RecordType {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A record set exactly as Route 53 has it. A DELETE must repeat it exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// The owner name.
    pub name: Name,
    pub record_type: RecordType,
    /// The TTL; `None` for an alias.
    pub ttl: Option<Ttl>,
    /// The values, verbatim and in the listed order.
    pub values: Vec<String>,
    /// False for an alias, or a record set with a routing policy or a health check. This program
    /// never writes such a record set, and never changes one that somebody else created.
    pub is_simple: bool,
}

impl RecordSet {
    pub fn new(
        name: Name,
        record_type: impl Into<RecordType>,
        ttl: Ttl,
        values: Vec<String>,
    ) -> Self {
        Self { name, record_type: record_type.into(), ttl: Some(ttl), values, is_simple: true }
    }
}

impl fmt::Display for RecordSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.name)?;
        if let Some(ttl) = self.ttl {
            write!(f, "{ttl} ")?;
        }
        write!(f, "{} {}", self.record_type, self.values.join(" "))
    }
}

/// The longest comment of a change batch (Route 53 API Reference, ChangeBatch).
const MAX_COMMENT: usize = 256;

/// Returns the comment of a change batch, cut to the length that Route 53 accepts.
pub fn batch_comment(text: &str) -> String {
    text.chars().take(MAX_COMMENT).collect()
}

/// One change of a batch. There is no UPSERT. Route 53 rejects a CREATE of a record set that exists
/// and a DELETE of one that differs, so every batch is a compare-and-swap on what was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Create a record set, which must not exist.
    Create(RecordSet),
    /// Delete a record set, which must be exactly this one.
    Delete(RecordSet),
}

impl Change {
    /// Returns the record set to create or to delete.
    pub fn record_set(&self) -> &RecordSet {
        match self {
            Self::Create(set) | Self::Delete(set) => set,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(set) => write!(f, "+ {set}"),
            Self::Delete(set) => write!(f, "- {set}"),
        }
    }
}
