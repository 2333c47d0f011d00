//! Physical ids, the values of `Ref`.

use delegation_model::point::DelegationPoint;

/// The longest physical id that CloudFormation accepts, in bytes (CloudFormation User Guide,
/// "Custom resource response objects").
pub const MAX: usize = 1024;

const UNRESOLVED: &str = "unresolved/";

/// The physical id of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhysicalId {
    /// An id of this resource type: the delegation point.
    Point(DelegationPoint),
    /// The id of a Create that failed before it changed anything, so nothing exists.
    Unresolved,
    /// Any other id: invented by CloudFormation for a Create that has not finished, or made by
    /// another tool.
    Foreign,
}

impl PhysicalId {
    /// Parses a physical id.
    pub fn parse(text: &str) -> Self {
        if text.starts_with(UNRESOLVED) {
            return Self::Unresolved;
        }
        let point = text.split_once('/').and_then(|(zone, name)| {
            Some(DelegationPoint { zone: zone.parse().ok()?, name: name.parse().ok()? })
        });
        // Only the canonical spelling is one of ours. Other spellings of a point come from other
        // tools.
        match point {
            Some(point) if point.to_string() == text => Self::Point(point),
            _ => Self::Foreign,
        }
    }

    /// The delegation point, if there is one.
    pub fn point(&self) -> Option<&DelegationPoint> {
        match self {
            Self::Point(point) => Some(point),
            Self::Unresolved | Self::Foreign => None,
        }
    }
}

/// The physical id of a Create that failed before it changed anything.
pub fn unresolved(request_id: &str) -> String {
    let room = MAX - UNRESOLVED.len();
    let id: String = request_id.chars().filter(char::is_ascii_graphic).take(room).collect();
    format!("{UNRESOLVED}{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delegation_points_round_trip() {
        let id = PhysicalId::parse("Z1EXAMPLE/testing.example.com");
        assert_eq!(id.point().unwrap().to_string(), "Z1EXAMPLE/testing.example.com");
        let escaped = PhysicalId::parse(r"Z1/a\056b.example.com");
        assert_eq!(escaped.point().unwrap().name.labels().count(), 3);
    }

    #[test]
    fn other_spellings_are_foreign() {
        for text in [
            "",
            "Z1",
            "Z1/",
            "/hostedzone/Z1/a.b",
            "Z1/A.b",
            "Z1/a.b.",
            "stack-Delegation-1ABCDEF",
            "Z1/a b",
        ] {
            assert_eq!(PhysicalId::parse(text), PhysicalId::Foreign, "{text:?}");
        }
    }

    #[test]
    fn unresolved_ids_round_trip_for_request_ids_of_any_length() {
        assert_eq!(unresolved("1-2"), "unresolved/1-2");
        assert_eq!(PhysicalId::parse(&unresolved("1-2")), PhysicalId::Unresolved);
        assert_eq!(unresolved(&"x".repeat(5000)).len(), MAX);
        assert_eq!(unresolved("a\u{e9}\nb"), "unresolved/ab");
    }
}
