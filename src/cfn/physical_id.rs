//! Physical ids: what `Ref` gives, and where a delegation stands.

use std::fmt;

use crate::dns::name::Name;
use crate::ids::ZoneId;

/// A zone cut of a parent zone: the place of a delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The parent zone.
    pub zone: ZoneId,
    /// The child's name.
    pub name: Name,
}

impl fmt::Display for Place {
    /// The physical id, `Z1EXAMPLE/testing.example.com`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.zone, self.name)
    }
}

/// The longest physical id that CloudFormation takes, in bytes (CloudFormation User Guide, "Custom resource response objects").
pub const MAX: usize = 1024;

const MARKER: &str = "unresolved/";

/// What a physical id of a request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhysicalId {
    /// One of ours: the place of the delegation.
    Place(Place),
    /// The answer of a Create that failed before it changed anything: nothing stands anywhere.
    Marker,
    /// Neither: invented by CloudFormation for a Create that has not ended, or of another tool's making.
    Foreign,
}

impl PhysicalId {
    /// Reads a physical id.
    pub fn parse(text: &str) -> Self {
        if text.starts_with(MARKER) {
            return Self::Marker;
        }
        let place = text
            .split_once('/')
            .and_then(|(zone, name)| Some(Place { zone: zone.parse().ok()?, name: name.parse().ok()? }));
        // Only our own spelling is ours: an id that merely reads like one is somebody else's.
        match place {
            Some(place) if place.to_string() == text => Self::Place(place),
            _ => Self::Foreign,
        }
    }

    /// The place, if it is one of ours.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Place(place) => Some(place),
            Self::Marker | Self::Foreign => None,
        }
    }
}

/// The physical id of a Create that failed before it changed anything.
pub fn marker(request_id: &str) -> String {
    let room = MAX - MARKER.len();
    let id: String = request_id.chars().filter(char::is_ascii_graphic).take(room).collect();
    format!("{MARKER}{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_back() {
        let id = PhysicalId::parse("Z1EXAMPLE/testing.example.com");
        assert_eq!(id.place().unwrap().to_string(), "Z1EXAMPLE/testing.example.com");
        let escaped = PhysicalId::parse(r"Z1/a\056b.example.com");
        assert_eq!(escaped.place().unwrap().name.labels().count(), 3);
    }

    #[test]
    fn other_spellings_are_foreign() {
        for text in ["", "Z1", "Z1/", "/hostedzone/Z1/a.b", "Z1/A.b", "Z1/a.b.", "stack-Delegation-1ABCDEF", "Z1/a b"] {
            assert_eq!(PhysicalId::parse(text), PhysicalId::Foreign, "{text:?}");
        }
    }

    #[test]
    fn markers_are_markers_however_long_the_request_id() {
        assert_eq!(marker("1-2"), "unresolved/1-2");
        assert_eq!(PhysicalId::parse(&marker("1-2")), PhysicalId::Marker);
        assert_eq!(marker(&"x".repeat(5000)).len(), MAX);
        assert_eq!(marker("a\u{e9}\nb"), "unresolved/ab");
    }
}
