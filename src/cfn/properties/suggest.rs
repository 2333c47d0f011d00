//! Suggests a known property for an unknown one.

use super::{CLOUDFORMATION_PROPERTIES, KNOWN};
use delegation_model::text::is_invisible;

/// A longer key is not a typing error, and comparing it would take time.
const LONGEST: usize = 40;
/// A shorter key is too ambiguous to be the end of a known one.
const SHORTEST_END: usize = 4;

/// What other tools call these properties, in lower case.
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

/// A question that names the properties that may be meant.
pub(super) fn suggestion(key: &str) -> Option<String> {
    if key.len() > LONGEST {
        return None;
    }
    // A blank in the key is not a wrong letter.
    let key: String = key.chars().filter(|c| *c != ' ' && !is_invisible(*c)).collect();
    let key = key.to_ascii_lowercase();
    let known = || KNOWN.iter().chain(&CLOUDFORMATION_PROPERTIES).copied();
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

/// True for a typing error: at most one in four letters differs.
fn is_near(key: &str, known: &str) -> bool {
    strsim::damerau_levenshtein(key, known) * 4 <= known.len().min(key.len())
}
