//! The mark of a cancelled Create.

use super::HERITAGE;
use super::text::{field, time};
use crate::digest::Digest;

/// How long a tombstone counts, in seconds: the longest `ServiceTimeout`, after which a Create that
/// is delivered late is stale by itself.
pub(super) const LIFE: i64 = 3600;

/// Keeps a Create of this resource that is not later than it from running: CloudFormation cancelled
/// that Create, and deleted the resource before it ran. A tombstone is not a claim (OWN-8).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tombstone {
    /// Whose Create: see [`super::Claimant`].
    pub id: Digest,
    /// The time of the Delete that wrote it.
    pub time: i64,
}

impl Tombstone {
    /// True if a request of this time, and so any later one, finds it over.
    pub fn is_over(&self, time: i64) -> bool {
        self.time.saturating_add(LIFE) <= time
    }

    /// Reads the fields behind the heritage.
    pub(super) fn parse(fields: &str) -> Option<Self> {
        Some(Self {
            id: Digest::parse(field(fields, "tombstone")?)?,
            time: time(field(fields, "at")?)?,
        })
    }

    /// The text of the value.
    pub(super) fn text(&self) -> String {
        format!("{HERITAGE},tombstone={},at={}", self.id, self.time)
    }
}
