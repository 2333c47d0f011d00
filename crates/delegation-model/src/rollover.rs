//! Decides which DS record sets are safe to write, by the age of their keys.
//!
//! A resolver caches a zone's key set for its TTL. As long as it may have a key set from before a
//! key was created, it may find no key for the DS record of that key, and call the zone bogus (RFC
//! 6781, section 4.1.2; RFC 7583, section 3.2).

use crate::ds::DsRecords;

/// The TTL of the key set of a zone in Route 53, in seconds. No page of the documentation has it;
/// `dig DNSKEY` shows it.
pub(crate) const DNSKEY_TTL: u32 = 3600;

/// The keys that must stay active after DS records were removed, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysToKeep {
    /// The key tags of the removed records.
    pub tags: String,
    /// For how long, in seconds.
    pub seconds: u32,
}

/// Returns in how many seconds the desired DS record set may replace the current one, or be added;
/// `None` if it may at once.
///
/// It may at once if it only adds records, or if every resolver knows one of its keys. It is not
/// enough that both sets have a record in common, because that record may have been added a moment
/// ago. `since` is when the oldest of its keys was created or became active again, in seconds since
/// 1970; `None` if it is not known.
pub(crate) fn wait(
    current: Option<&DsRecords>,
    desired: &DsRecords,
    since: Option<i64>,
    now: i64,
) -> Option<i64> {
    let only_adds =
        current.is_some_and(|current| current.iter().all(|record| desired.contains(record)));
    let left = since?.saturating_add(i64::from(DNSKEY_TTL)).saturating_sub(now);
    (left > 0 && !only_adds).then_some(left)
}

/// Returns the keys that must stay active, because resolvers may have cached a DS record set with
/// their records. `ttl` is the TTL of the current set, in seconds.
pub(crate) fn keys_to_keep(
    current: &DsRecords,
    desired: Option<&DsRecords>,
    ttl: u32,
) -> Option<KeysToKeep> {
    let gone =
        current.iter().filter(|record| !desired.is_some_and(|desired| desired.contains(record)));
    let tags: Vec<String> = gone.map(|record| record.key_tag().to_string()).collect();
    // If no DS record is left, keys that were fetched while the last one was cached are trusted for
    // their own TTL as well.
    let seconds = if desired.is_some() { ttl } else { ttl.saturating_add(DNSKEY_TTL) };
    (!tags.is_empty()).then(|| KeysToKeep { tags: tags.join(", "), seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn set(tags: &[u16]) -> DsRecords {
        DsRecords::new(tags.iter().map(|tag| format!("{tag} 13 2 AB").parse().unwrap())).unwrap()
    }

    fn waits(current: &[u16], desired: &[u16], age: i64) -> Option<i64> {
        let current = (!current.is_empty()).then(|| set(current));
        wait(current.as_ref(), &set(desired), Some(NOW - age), NOW)
    }

    #[test]
    fn a_set_replaces_another_once_every_resolver_knows_one_of_its_keys() {
        for current in [&[1][..], &[]] {
            assert_eq!(waits(current, &[2], 0), Some(3600));
            assert_eq!(waits(current, &[2], 3599), Some(1));
            assert_eq!(waits(current, &[2], 3600), None);
        }
        assert_eq!(wait(None, &set(&[2]), None, NOW), None, "the age is not known");
        assert_eq!(
            waits(&[1], &[2], -60),
            Some(3660),
            "a clock that is behind that of the service"
        );
    }

    /// In a new zone, all keys are young. An additional record breaks nothing.
    #[test]
    fn records_may_be_added_at_any_time() {
        assert_eq!(waits(&[1], &[1, 2], 0), None);
    }

    /// Key 2 was created and its record added. A moment later the record of key 1 is removed,
    /// without a wait in between.
    #[test]
    fn a_record_in_both_sets_may_be_too_young_as_well() {
        assert_eq!(waits(&[1, 2], &[2], 10), Some(3590));
    }

    #[test]
    fn keys_of_removed_records_must_stay_for_a_while() {
        let stays = |tags: &str, seconds| Some(KeysToKeep { tags: tags.into(), seconds });
        assert_eq!(keys_to_keep(&set(&[1]), Some(&set(&[2])), 300), stays("1", 300));
        assert_eq!(keys_to_keep(&set(&[1, 2]), Some(&set(&[2])), 300), stays("1", 300));
        assert_eq!(keys_to_keep(&set(&[1]), Some(&set(&[1, 2])), 300), None);
        assert_eq!(keys_to_keep(&set(&[1, 2]), None, 300), stays("1, 2", 3900));
    }
}
