//! Which DS record sets are safe to write for keys of a certain age.
//!
//! A resolver keeps a zone's key set for its TTL. While it may hold one from before a key was made,
//! it finds no key for a DS record of that key, and calls the zone bogus (RFC 6781, section 4.1.2;
//! RFC 7583, section 3.2).

use crate::ds::DsRecords;

/// The TTL of the key set of a zone in Route 53, in seconds: no page says so, and `dig DNSKEY`
/// shows it.
pub const DNSKEY_TTL: u32 = 3600;

/// What must stay after a DS record set was taken away, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysToKeep {
    /// The key tags of the records that were taken away.
    pub tags: String,
    /// For how long, in seconds.
    pub seconds: u32,
}

/// In how many seconds one DS record set may take the place of another, or of none; `None` for at
/// once.
///
/// It may if it only adds records, or if one of its keys is known to every resolver. That a record
/// was in the old one too says nothing: it may have been added a moment ago. `since` is when the
/// oldest of its keys was made, or made active again, in seconds since 1970; `None` if nobody
/// tells.
pub fn wait(
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

/// The keys that must stay active, because resolvers may hold a DS record set that has their
/// records; `ttl` is that of the set that was taken away, in seconds.
pub fn keys_to_keep(
    current: &DsRecords,
    desired: Option<&DsRecords>,
    ttl: u32,
) -> Option<KeysToKeep> {
    let gone =
        current.iter().filter(|record| !desired.is_some_and(|desired| desired.contains(record)));
    let tags: Vec<String> = gone.map(|record| record.key_tag().to_string()).collect();
    // Without any DS record left, keys that were fetched while the last one was held are trusted
    // for their own TTL as well.
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
    fn keys_are_alone_once_every_resolver_knows_one() {
        for current in [&[1][..], &[]] {
            assert_eq!(waits(current, &[2], 0), Some(3600));
            assert_eq!(waits(current, &[2], 3599), Some(1));
            assert_eq!(waits(current, &[2], 3600), None);
        }
        assert_eq!(wait(None, &set(&[2]), None, NOW), None, "nothing is known of it");
        assert_eq!(waits(&[1], &[2], -60), Some(3660), "a clock behind that of the service");
    }

    /// A new zone, whose keys are all young: one more record takes nothing from anybody.
    #[test]
    fn records_may_be_added_at_any_time() {
        assert_eq!(waits(&[1], &[1, 2], 0), None);
    }

    /// Key 2 was made, added, and a moment later key 1 was taken away: two steps, and no wait.
    #[test]
    fn a_record_that_both_have_may_be_as_young() {
        assert_eq!(waits(&[1, 2], &[2], 10), Some(3590));
    }

    #[test]
    fn what_was_taken_away_must_stay_for_a_while() {
        let stays = |tags: &str, seconds| Some(KeysToKeep { tags: tags.into(), seconds });
        assert_eq!(keys_to_keep(&set(&[1]), Some(&set(&[2])), 300), stays("1", 300));
        assert_eq!(keys_to_keep(&set(&[1, 2]), Some(&set(&[2])), 300), stays("1", 300));
        assert_eq!(keys_to_keep(&set(&[1]), Some(&set(&[1, 2])), 300), None);
        assert_eq!(keys_to_keep(&set(&[1, 2]), None, 300), stays("1, 2", 3900));
    }
}
