//! The entry that stops a cancelled Create.

use super::HERITAGE;
use super::text::{field, time};
use crate::digest::Digest;

/// How long a tombstone is valid, in seconds: the longest `ServiceTimeout`. After that time, a
/// Create that is delivered late is stale by itself.
pub(super) const LIFE: i64 = 3600;

/// How many tombstones a record has at most. Anybody who may send events can have one written, and
/// claims need the room.
pub(crate) const MAX: usize = 40;

/// Stops each Create of a resource that is not later than the tombstone. CloudFormation cancelled
/// that Create and deleted the resource before the Create ran. A tombstone is not a claim (OWN-8).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tombstone {
    /// The resource whose Create it stops: see [`super::Claimant`].
    pub id: Digest,
    /// The time of the Delete that wrote it.
    pub time: i64,
}

impl Tombstone {
    /// Returns true if the tombstone has expired at the time of a request.
    pub fn is_over(&self, time: i64) -> bool {
        self.time.saturating_add(LIFE) <= time
    }

    /// Parses the fields after the heritage.
    pub(super) fn parse(fields: &str) -> Option<Self> {
        Some(Self {
            id: Digest::parse(field(fields, "tombstone")?)?,
            time: time(field(fields, "at")?)?,
        })
    }

    /// Returns the text of the value.
    pub(super) fn text(&self) -> String {
        format!("{HERITAGE},tombstone={},at={}", self.id, self.time)
    }
}
