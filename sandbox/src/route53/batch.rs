//! The checks of a batch that do not depend on the zone's records.

use std::collections::BTreeMap;

use super::model::RecordKey;
use super::record::{Action, Change, RecordSet};
use super::{name, rules};

/// Returns the messages as an error if there are any.
pub(super) fn refuse(messages: Vec<String>) -> Result<(), Vec<String>> {
    if messages.is_empty() { Ok(()) } else { Err(messages) }
}

/// Checks the size of a batch: "A request cannot contain more than 1,000 `ResourceRecord` elements
/// … The sum of the number of characters (including spaces) in all Value elements cannot exceed
/// 32,000. When the value of the Action element is UPSERT, each is counted twice" (Developer Guide,
/// "Quotas", "Maximums on API requests"). An alias counts as one record. Probe:
/// route53/batch-thousand-values, route53/batch-32000-characters, route53/set-400-values.
pub(super) fn limits(changes: &[Change]) -> Vec<String> {
    let weight = |change: &Change| if change.action == Action::Upsert { 2 } else { 1 };
    let records: usize =
        changes.iter().map(|change| weight(change) * change.record.values.len().max(1)).sum();
    let characters: usize = changes
        .iter()
        .map(|change| {
            weight(change)
                * change.record.values.iter().map(|value| value.chars().count()).sum::<usize>()
        })
        .sum();
    let mut messages = Vec::new();
    if records > 1_000 {
        messages.push("Number of records limit of 1000 exceeded.".to_owned());
    }
    if characters > 32_000 {
        messages.push("Number of characters limit of 32000 exceeded.".to_owned());
    }
    // "Values in a resource record set: 400" (Developer Guide, "Quotas", "Quotas on records").
    for change in changes.iter().filter(|change| change.record.values.len() > 400) {
        messages.push(format!(
            "Number of values limit of 400 exceeded for record set {}",
            change.record.name
        ));
    }
    messages
}

/// Returns the changes with the names as the service stores them.
/// Probe: route53/name-empty-label.
pub(super) fn normalized(changes: &[Change]) -> Result<Vec<Change>, Vec<String>> {
    let mut messages = Vec::new();
    let mut out = Vec::new();
    for change in changes {
        match name::normalize(&change.record.name) {
            Ok(name) => {
                out.push(Change { record: RecordSet { name, ..change.record.clone() }, ..*change });
            }
            Err(problem) => messages.push(rules::fatal(problem, &change.record.name)),
        }
    }
    refuse(messages)?;
    Ok(out)
}

/// Checks that each record set is changed only once, or deleted first and then created: "you cannot
/// delete the same resource record set more than once in a single change batch" (API reference,
/// "`ChangeResourceRecordSets`"). Probe: route53/batch-twice, route53/batch-create-then-delete,
/// route53/batch-delete-then-create.
pub(super) fn sequences(changes: &[Change]) -> Vec<String> {
    let mut by_key: BTreeMap<RecordKey, (Vec<Action>, &RecordSet)> = BTreeMap::new();
    for change in changes {
        by_key
            .entry(RecordKey::new(&change.record))
            .or_insert((Vec::new(), &change.record))
            .0
            .push(change.action);
    }
    by_key
        .into_values()
        .filter(|(actions, _)| !matches!(actions.as_slice(), [_] | [Action::Delete, Action::Create | Action::Upsert]))
        .map(|(_, record)| {
            let (rtype, name) = (&record.rtype, &record.name);
            format!("The request contains an invalid set of changes for a resource record set '{rtype} {name}'")
        })
        .collect()
}
