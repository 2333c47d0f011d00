//! "Did you mean": a known property for an unknown one, if one is near.

use super::{KNOWN, OF_CLOUDFORMATION};
use delegation_model::text::is_invisible;

/// A longer key is no mistyped one, and comparing it would cost time.
const LONGEST: usize = 40;
/// A shorter key says too little to be the end of a known one.
const SHORTEST_END: usize = 4;

/// What other tools call the same, in lower case.
const ELSEWHERE: [(&str, &[&str]); 6] = [
    // The CDK's CrossAccountZoneDelegationRecord.
    ("assumerolearn", &["ParentRoleArn"]),
    ("delegatedzonename", &["DomainName"]),
    ("delegatedzonenameservers", &["NameServers"]),
    // AWS::Route53::RecordSet.
    ("hostedzoneid", &["ChildZoneId", "ParentZoneId"]),
    ("hostedzonename", &["ParentZoneName"]),
    ("resourcerecords", &["NameServers"]),
];

/// A question that names the properties that may have been meant.
pub(super) fn suggestion(key: &str) -> Option<String> {
    if key.len() > LONGEST {
        return None;
    }
    // A blank in it is no other letter.
    let key: String = key.chars().filter(|c| *c != ' ' && !is_invisible(*c)).collect();
    let key = key.to_ascii_lowercase();
    let known = || KNOWN.iter().chain(&OF_CLOUDFORMATION).copied();
    let mut near: Vec<&str> =
        known().filter(|known| is_near(&key, &known.to_ascii_lowercase())).collect();
    if near.is_empty() {
        near = ELSEWHERE
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, ours)| ours.to_vec())
            .unwrap_or_default();
    }
    if near.is_empty() && key.len() >= SHORTEST_END {
        near = known().filter(|known| known.to_ascii_lowercase().ends_with(&key)).collect();
    }
    (!near.is_empty()).then(|| format!("Did you mean {}?", near.join(" or ")))
}

/// True for a slip of the fingers: one in four letters.
fn is_near(key: &str, known: &str) -> bool {
    strsim::damerau_levenshtein(key, known) * 4 <= known.len().min(key.len())
}
