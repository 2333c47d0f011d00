//! Record sets, and changes to them, as plain values.

use std::fmt;

use super::name::Name;
use super::ttl::Ttl;

/// A record set exactly as Route 53 has it. A DELETE must repeat it exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// The owner name.
    pub name: Name,
    /// The type in upper case, for example `NS`.
    pub rtype: String,
    /// The TTL; `None` for an alias.
    pub ttl: Option<Ttl>,
    /// The values, verbatim and in the listed order.
    pub values: Vec<String>,
    /// False for an alias, or a record set with a routing policy or a health check. This program
    /// never writes such a record set, and never changes one that somebody else created.
    pub is_simple: bool,
}

impl RecordSet {
    /// Creates a simple record set.
    pub fn new(name: Name, rtype: &str, ttl: Ttl, values: Vec<String>) -> Self {
        Self { name, rtype: rtype.to_owned(), ttl: Some(ttl), values, is_simple: true }
    }
}

impl fmt::Display for RecordSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.name)?;
        if let Some(ttl) = self.ttl {
            write!(f, "{ttl} ")?;
        }
        write!(f, "{} {}", self.rtype, self.values.join(" "))
    }
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
