//! Which DS record sets are safe to write for keys of a certain age.
//!
//! A resolver keeps a zone's key set for its TTL. While it may hold one from before a key was made, it finds no key for a DS record
//! of that key, and calls the zone bogus (RFC 6781, section 4.1.2; RFC 7583, section 3.2).

use crate::ds::{Ds, DsRecords};

/// The TTL of the key set of a zone in Route 53, in seconds.
pub const DNSKEY_TTL: u64 = 3600;

/// A key-signing key, as the zone's service tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// Its DS record.
    pub ds: Ds,
    /// Since when it may be served: when it was made, or made active again, in seconds since 1970. `None` if that is not known.
    pub since: Option<u64>,
}

impl Key {
    /// When every resolver that has the key set has this key in it.
    fn is_known_at(&self) -> u64 {
        self.since.map_or(0, |since| since.saturating_add(DNSKEY_TTL))
    }
}

/// Why a DS record set must not be written yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no record of the new DS record set is in the one that exists, and the key {key} (key tag {tag}) is too young to stand alone: \
     resolvers may hold the key set without it for {left} more seconds, and would call the zone bogus. Keep a key of the DS record \
     set that exists among them, or deploy again after that"
)]
pub struct TooYoung {
    /// The key that would be known first.
    pub key: String,
    /// Its key tag.
    pub tag: u16,
    /// In how many seconds it may stand alone.
    pub left: u64,
}

/// What must stay after a DS record set was written, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stays {
    /// The key tags of the records that were taken away.
    pub tags: Vec<u16>,
    /// The TTL of the DS record set that was taken away, in seconds.
    pub seconds: u64,
}

/// Whether one DS record set may take the place of another at this time.
///
/// It may if they share a record, whose key resolvers know, or if a key of the new one is old enough to be known to all of them.
/// Nothing is known of keys of which no age is told; and for the first DS record set of a zone the time that counts is since when the
/// zone is signed, which no key tells.
///
/// # Errors
/// If resolvers that validate could find no key for any record.
pub fn replace(existing: &DsRecords, wanted: &DsRecords, keys: &[Key], now: u64) -> Result<(), TooYoung> {
    if existing.iter().any(|record| wanted.iter().any(|own| own == record)) {
        return Ok(());
    }
    let of = |record: &Ds| keys.iter().find(|key| key.ds == *record);
    // A key that nobody tells of may be old.
    let each: Option<Vec<&Key>> = wanted.iter().map(of).collect();
    let first = each.and_then(|keys| keys.into_iter().min_by_key(|key| key.is_known_at()));
    match first {
        Some(key) if key.is_known_at() > now => {
            Err(TooYoung { key: key.name.clone(), tag: key.ds.key_tag(), left: key.is_known_at() - now })
        }
        _ => Ok(()),
    }
}

/// The keys that must stay active, because resolvers may hold a DS record set that has their records.
pub fn must_stay(existing: &DsRecords, wanted: Option<&DsRecords>, ttl: u64) -> Option<Stays> {
    let gone = existing.iter().filter(|record| !wanted.is_some_and(|wanted| wanted.iter().any(|own| own == *record)));
    let tags: Vec<u16> = gone.map(Ds::key_tag).collect();
    // Without any DS record left, keys that were fetched while the last one was held are trusted for their own TTL as well.
    let seconds = if wanted.is_some() { ttl } else { ttl.saturating_add(DNSKEY_TTL) };
    (!tags.is_empty()).then_some(Stays { tags, seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn ds(tag: u16) -> Ds {
        format!("{tag} 13 2 AB").parse().unwrap()
    }

    fn set(tags: &[u16]) -> DsRecords {
        DsRecords::new(tags.iter().map(|tag| ds(*tag))).unwrap()
    }

    fn key(tag: u16, age: u64) -> Key {
        Key { name: format!("key{tag}"), ds: ds(tag), since: Some(NOW - age) }
    }

    #[test]
    fn a_key_stands_alone_once_every_resolver_knows_it() {
        let replaced = |age| replace(&set(&[1]), &set(&[2]), &[key(1, 1_000_000), key(2, age)], NOW);
        assert_eq!(replaced(0), Err(TooYoung { key: "key2".into(), tag: 2, left: 3600 }));
        assert_eq!(replaced(3599).unwrap_err().left, 1);
        assert_eq!(replaced(3600), Ok(()));
        let words = replaced(600).unwrap_err().to_string();
        assert!(words.contains("key2 (key tag 2)") && words.contains("3000 more seconds"), "{words}");
    }

    #[test]
    fn a_record_that_both_have_is_enough() {
        let keys = [key(1, 1_000_000), key(2, 0), key(3, 7200)];
        assert_eq!(replace(&set(&[1]), &set(&[1, 2]), &keys, NOW), Ok(()));
        assert_eq!(replace(&set(&[1, 2]), &set(&[2]), &keys, NOW), Ok(()), "the first step was waited for, or not");
        assert_eq!(replace(&set(&[1]), &set(&[2, 3]), &keys, NOW), Ok(()), "one of the new ones is known");
        // Of a key that is not told of nothing is known.
        assert_eq!(replace(&set(&[1]), &set(&[9]), &keys, NOW), Ok(()));
        let unknown = Key { since: None, ..key(2, 0) };
        assert_eq!(replace(&set(&[1]), &set(&[2]), &[unknown], NOW), Ok(()));
        // A clock behind that of the service.
        assert_eq!(
            replace(&set(&[1]), &set(&[2]), &[Key { since: Some(NOW + 60), ..key(2, 0) }], NOW).unwrap_err().left,
            3660
        );
    }

    #[test]
    fn what_was_taken_away_must_stay_for_a_while() {
        let stays = |tags: &[u16], seconds| Some(Stays { tags: tags.to_vec(), seconds });
        assert_eq!(must_stay(&set(&[1]), Some(&set(&[2])), 300), stays(&[1], 300));
        assert_eq!(must_stay(&set(&[1, 2]), Some(&set(&[2])), 300), stays(&[1], 300));
        assert_eq!(must_stay(&set(&[1]), Some(&set(&[1, 2])), 300), None);
        assert_eq!(must_stay(&set(&[1, 2]), None, 300), stays(&[1, 2], 3900));
    }
}
