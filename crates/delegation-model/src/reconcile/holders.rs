//! The owners of claims, as messages name them.

use std::fmt;

use crate::ownership_record::{Claim, Claimant, OwnerName, OwnershipRecord};

/// How many owners a message names before it counts the others.
const NAMED: usize = 5;

/// The other resources that hold a delegation or claim a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// The owners, sorted.
    pub owners: Vec<OwnerName>,
    /// True if the record has an unreadable value, which may be another claim.
    pub unreadable: bool,
}

impl Holders {
    /// Collects the owners of these claims of a record.
    pub fn new<'a>(claims: impl IntoIterator<Item = &'a Claim>, record: &OwnershipRecord) -> Self {
        let mut owners: Vec<_> = claims.into_iter().map(|claim| claim.owner.clone()).collect();
        owners.sort();
        Self { owners, unreadable: record.has_unreadable() }
    }

    /// Collects the owners of all claims except that of `claimant`.
    pub(super) fn others(record: &OwnershipRecord, claimant: &Claimant) -> Self {
        Self::new(record.others(claimant), record)
    }

    /// Returns true if there is nobody.
    pub(crate) fn is_nobody(&self) -> bool {
        self.owners.is_empty() && !self.unreadable
    }
}

impl fmt::Display for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.owners.iter().take(NAMED).map(ToString::to_string);
        let mut parts: Vec<String> = named.collect();
        let left = self.owners.len().saturating_sub(NAMED);
        if left > 0 {
            parts.push(format!("{left} more"));
        }
        if self.unreadable {
            parts.push("a claim that this version of the function can't read".to_owned());
        }
        match parts.split_last() {
            None => f.write_str("nobody"),
            Some((last, [])) => f.write_str(last),
            Some((last, first)) => write!(f, "{} and {last}", first.join(", ")),
        }
    }
}
