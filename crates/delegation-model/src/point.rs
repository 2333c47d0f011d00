//! The delegation point: the parent zone and the name of a delegation.

use std::fmt;

use crate::ids::ZoneId;
use crate::name::Name;

/// A name in a parent zone at which a delegation is, or may be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DelegationPoint {
    pub zone: ZoneId,
    pub name: Name,
}

impl fmt::Display for DelegationPoint {
    /// The physical id of the resource, `Z1EXAMPLE/testing.example.com`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.zone, self.name)
    }
}
