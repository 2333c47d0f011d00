//! How the properties specify the parent zone of a delegation.

use crate::ids::ZoneId;
use crate::name::Name;

/// How the parent zone is specified.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ParentZone {
    /// By its id (`ParentZoneId`).
    Id(ZoneId),
    /// By its name (`ParentZoneName`): the one public zone of that name.
    Name(Name),
    /// Not at all: the closest enclosing public zone of the parent account.
    Closest,
}

impl ParentZone {
    /// Returns true if a public zone with this id and apex satisfies the properties. Each of
    /// several zones of one name satisfies `ParentZoneName`, and any enclosing zone satisfies
    /// [`ParentZone::Closest`]: a nearer zone that appears later does not attract a delegation.
    pub fn is_satisfied_by(&self, id: &ZoneId, apex: &Name) -> bool {
        match self {
            Self::Id(desired) => desired == id,
            Self::Name(desired) => desired == apex,
            Self::Closest => true,
        }
    }
}
