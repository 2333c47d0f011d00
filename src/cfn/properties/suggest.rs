//! Suggests a known property for an unknown one.

use super::{CLOUDFORMATION_PROPERTIES, KNOWN};
use delegation_model::text::is_invisible;

/// A longer key can't be a typo, and comparing it would take time.
const MAX_LENGTH: usize = 40;
/// A shorter key is too ambiguous to be the end of a known one.
const MIN_SUFFIX_LENGTH: usize = 4;

/// What other tools call these properties, in lower case.
const ALIASES: [(&str, &[&str]); 6] = [
    // The CDK's CrossAccountZoneDelegationRecord.
    ("assumerolearn", &["ParentRoleArn"]),
    ("delegatedzonename", &["DomainName"]),
    ("delegatedzonenameservers", &["NameServers"]),
    // AWS::Route53::RecordSet.
    ("hostedzoneid", &["ChildZoneId", "ParentZoneId"]),
    ("hostedzonename", &["ParentZoneName"]),
    ("resourcerecords", &["NameServers"]),
];

/// Returns "Did you mean ...?", or `None` if no property is similar.
pub(super) fn suggestion(key: &str) -> Option<String> {
    if key.len() > MAX_LENGTH {
        return None;
    }
    // Spaces and invisible characters must not count as wrong letters.
    let key: String = key.chars().filter(|c| *c != ' ' && !is_invisible(*c)).collect();
    let key = key.to_ascii_lowercase();
    let known = || KNOWN.iter().chain(&CLOUDFORMATION_PROPERTIES).copied();
    let mut near: Vec<&str> =
        known().filter(|known| is_near(&key, &known.to_ascii_lowercase())).collect();
    if near.is_empty() {
        near = ALIASES
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, ours)| ours.to_vec())
            .unwrap_or_default();
    }
    if near.is_empty() && key.len() >= MIN_SUFFIX_LENGTH {
        near = known().filter(|known| known.to_ascii_lowercase().ends_with(&key)).collect();
    }
    (!near.is_empty()).then(|| format!("Did you mean {}?", near.join(" or ")))
}

/// Returns true for a typo: at most one in four letters differs.
fn is_near(key: &str, known: &str) -> bool {
    strsim::damerau_levenshtein(key, known) * 4 <= known.len().min(key.len())
}
