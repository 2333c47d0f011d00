//! Derives the DS record set from the child's keys, and reads whether the parent zone is signed.

use std::collections::BTreeSet;

use super::{RequestContext, parent_failure};
use crate::aws::route53::{KeySigningKey, Session, Signing};
use crate::cfn::properties::Properties;
use crate::error::{Warning, WarningCode};
use delegation_model::ds::DsRecords;
use delegation_model::ids::{KeyName, ZoneId};
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::DesiredDs;

/// The DS record set for the selected keys.
pub(super) fn desired(properties: &Properties, id: &ZoneId, signing: &Signing) -> DesiredDs {
    if !signing.is_signing() {
        let message = if signing.message.is_empty() {
            String::new()
        } else {
            format!(" ({})", signing.message)
        };
        let state = &signing.state;
        return DesiredDs::Unknown {
            why: format!("the child zone {id} is not signing: its state is {state}{message}"),
        };
    }
    match records(properties.key_signing_keys.as_ref(), &signing.keys) {
        Ok(records) => DesiredDs::Records(records),
        Err(why) => DesiredDs::Unknown { why: format!("the child zone {id} {why}") },
    }
}

/// When the oldest key of these records was created or last changed, in seconds since 1970. A key
/// without a date counts as the oldest.
pub(super) fn keys_since(desired: &DesiredDs, keys: &[KeySigningKey]) -> Option<i64> {
    let DesiredDs::Records(records) = desired else { return None };
    let keys = keys.iter().filter(|key| key.ds.as_ref().is_some_and(|ds| records.contains(ds)));
    keys.map(|key| key.changed.unwrap_or_default()).min()
}

/// The DS records of the selected keys, or of all active keys.
pub(super) fn records(
    selected: Option<&BTreeSet<KeyName>>,
    keys: &[KeySigningKey],
) -> Result<DsRecords, String> {
    let has = || {
        let keys: Vec<String> =
            keys.iter().map(|key| format!("{} ({})", key.name, key.status)).collect();
        if keys.is_empty() { "no key-signing key".to_owned() } else { keys.join(", ") }
    };
    let active = |key: &&KeySigningKey| key.status == "ACTIVE";
    let selected: Vec<&KeySigningKey> = if let Some(names) = selected {
        let is_named = |key: &KeySigningKey| names.iter().any(|name| key.name == name.as_str());
        let exists = |name: &KeyName| keys.iter().any(|key| key.name == name.as_str());
        let missing = names.iter().filter(|name| !exists(name)).count();
        if missing > 0 {
            // A name that no key has may be a part of an external id in the wrong property.
            let which = match names.len() {
                1 => "the key".to_owned(),
                count => format!("{missing} of the {count} keys"),
            };
            return Err(format!(
                "does not have {which} that KeySigningKeys names (a name that no key has is not \
                 repeated here); it has {}",
                has()
            ));
        }
        let named: Vec<&KeySigningKey> = keys.iter().filter(|key| is_named(key)).collect();
        if let Some(key) = named.iter().find(|key| key.status != "ACTIVE") {
            let name = &key.name;
            return Err(format!("has no ACTIVE key-signing key \"{name}\"; it has {}", has()));
        }
        named
    } else {
        keys.iter().filter(active).collect()
    };
    let unreadable = |key: &KeySigningKey| {
        format!("has a key-signing key {} without a readable DS record", key.name)
    };
    let records = selected.into_iter().map(|key| key.ds.clone().ok_or_else(|| unreadable(key)));
    DsRecords::new(records.collect::<Result<Vec<_>, _>>()?)
        .ok_or_else(|| format!("has no ACTIVE key-signing key; it has {}", has()))
}

/// The warning if the parent zone is not signed: the DS record set has no effect there, because
/// nobody can validate it.
pub(super) async fn of_parent(
    cx: &RequestContext<'_>,
    session: &Session,
    point: &DelegationPoint,
) -> Option<Warning> {
    cx.progress.at(format!("reading the signing state of the parent zone {}", point.zone));
    match session.signing(&point.zone).await {
        Ok(signing) if signing.is_signing() => None,
        Ok(signing) => Some(Warning::new(
            WarningCode::ParentZoneNotSigned,
            format!(
                "The parent zone {} is not signed (its state is {}): the DS record set has no \
                 effect until it is.",
                point.zone, signing.state
            ),
        )),
        Err(error) => {
            let failure = parent_failure(
                &format!("reading the signing state of the parent zone {}", point.zone),
                &error,
            );
            let message =
                format!("It is unknown whether the parent zone is signed: {}", failure.coded());
            Some(Warning::new(WarningCode::ParentSigningUnknown, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, status: &str, tag: u16) -> KeySigningKey {
        let ds = format!("{tag} 13 2 AB").parse().ok();
        KeySigningKey { name: name.into(), status: status.into(), ds, changed: None }
    }

    fn records_of(names: &[&str], keys: &[KeySigningKey]) -> Result<String, String> {
        let names: BTreeSet<KeyName> = names.iter().map(|name| name.parse().unwrap()).collect();
        records(Some(&names).filter(|names| !names.is_empty()), keys)
            .map(|records| records.to_string())
    }

    #[test]
    fn selects_all_active_keys_or_the_named_ones() {
        let keys = [key("new", "ACTIVE", 1), key("old", "ACTIVE", 2), key("off", "INACTIVE", 3)];
        assert_eq!(records_of(&[], &keys).unwrap(), "1 13 2 AB,2 13 2 AB");
        assert_eq!(records_of(&["new"], &keys).unwrap(), "1 13 2 AB");
    }

    #[test]
    fn a_name_that_no_key_has_is_not_repeated() {
        let keys = [key("new", "ACTIVE", 1), key("example_com_2026", "INACTIVE", 3)];
        // The last one was split at its commas.
        for (names, which) in [
            (vec!["s3cretS3CRETs3cret"], "does not have the key that KeySigningKeys names"),
            (vec!["new", "s3cret"], "does not have 1 of the 2 keys that KeySigningKeys names"),
            (vec!["s3cret_a", "s3cret_b", "new"], "does not have 2 of the 3 keys"),
        ] {
            let why = records_of(&names, &keys).unwrap_err();
            let has = "it has new (ACTIVE), example_com_2026 (INACTIVE)";
            assert!(why.contains(which) && why.contains(has), "{why}");
            assert!(!why.contains("s3cret"), "{why}");
        }
        let why = records_of(&["example_com_2026"], &keys).unwrap_err();
        assert!(why.contains("ACTIVE key-signing key \"example_com_2026\""), "{why}");
    }

    #[test]
    fn an_inactive_key_is_an_error_that_lists_the_existing_keys() {
        let keys = [key("new", "ACTIVE", 1), key("off", "INACTIVE", 3)];
        let why = records_of(&["new", "off"], &keys).unwrap_err();
        assert!(
            why.contains("no ACTIVE key-signing key \"off\"; it has new (ACTIVE), off (INACTIVE)"),
            "{why}"
        );
        assert!(
            records_of(&[], &keys[1..])
                .unwrap_err()
                .contains("no ACTIVE key-signing key; it has off (INACTIVE)")
        );
        assert!(records_of(&[], &[]).unwrap_err().contains("it has no key-signing key"));
        assert!(
            records_of(&[], &[KeySigningKey { ds: None, ..key("new", "ACTIVE", 1) }])
                .unwrap_err()
                .contains("new")
        );
    }
}
