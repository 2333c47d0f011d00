//! Record sets and changes of them, as plain values.

use std::fmt;

use super::name::Name;
use super::ttl::Ttl;

/// A record set exactly as Route 53 holds it; a DELETE must repeat it to the letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// The owner name.
    pub name: Name,
    /// The type in upper case, `NS` for instance.
    pub rtype: String,
    /// The TTL; `None` for an alias.
    pub ttl: Option<Ttl>,
    /// The values, verbatim and in the order found.
    pub values: Vec<String>,
    /// True for an alias or a set with a routing policy: nothing that this program writes, and so
    /// nobody's but the maker's to change.
    pub special: bool,
}

impl RecordSet {
    /// A simple record set.
    pub fn new(name: Name, rtype: &str, ttl: Ttl, values: Vec<String>) -> Self {
        Self { name, rtype: rtype.to_owned(), ttl: Some(ttl), values, special: false }
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

/// One change of a batch. There is no UPSERT: a CREATE of what exists and a DELETE of what differs
/// are rejected, so that every batch is a compare-and-swap on what was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Make a record set that must not exist.
    Create(RecordSet),
    /// Remove a record set that must be exactly so.
    Delete(RecordSet),
}

impl Change {
    /// The record set to make or to remove.
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
