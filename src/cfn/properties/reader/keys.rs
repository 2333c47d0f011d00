//! Reads `KeySigningKeys`.

use std::collections::BTreeSet;

use super::list::Item;
use super::zone::usual_zone_id;
use super::{Read, Reader};
use crate::cfn::properties::PropertyError;
use crate::error::Code;
use delegation_model::ids::KeyName;
use delegation_model::text::{hidden_character, may_be_secret, not_repeated, quoted, shortened};

/// The most items of `KeySigningKeys`. A zone has at most two keys (Route 53 Developer Guide,
/// "Working with key-signing keys"); this limit only bounds the memory that a long list takes.
const MAX_KEYS: usize = 16;

impl Reader<'_> {
    pub(in crate::cfn::properties) fn key_signing_keys(&self) -> Read<BTreeSet<KeyName>> {
        const KEY: &str = "KeySigningKeys";
        let too_many = |count: usize| {
            let message = format!(
                "{KEY} names {count} keys, but at most {MAX_KEYS} are read. A hosted zone has at \
                 most two key-signing keys: name only those."
            );
            PropertyError::new(Code::InvalidKeyName, message)
        };
        let Some(items) = self.comma_list(KEY, MAX_KEYS, too_many)? else { return Ok(None) };
        let secures = self.boolean("Dnssec").ok().flatten().unwrap_or(false);
        let child = self.child_zone().ok().flatten().filter(|_| secures);
        let name = |item: &Item<'_>| {
            let (text, value) = (item.text, quoted_key(item));
            // The value of `Ref` includes the zone of the key.
            let zone = text.split_once('|').and_then(|(zone, _)| usual_zone_id(zone.trim()));
            if let (Some(zone), Some(child)) = (zone, &child)
                && zone != *child
            {
                let message = format!("{KEY} {value} is not a key of ChildZoneId, {child}.");
                return Err(PropertyError::new(Code::KeyOfAnotherZone, message));
            }
            text.parse().map_err(|_| {
                let message = format!(
                    "{KEY} {value} must be the name of a key-signing key: 3 to 128 letters, digits \
                     and underscores. Separate several with commas.{}",
                    hidden_character(text)
                );
                PropertyError::new(Code::InvalidKeyName, message)
            })
        };
        items.iter().map(name).collect::<Result<_, _>>().map(Some)
    }
}

/// Returns how a message shows an item of `KeySigningKeys`. Its name may be an external id or a
/// part of one, and so may what should be its zone.
fn quoted_key(item: &Item<'_>) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match item.text.split_once('|') {
        // The zone's id looks like an external id, but is known to be none.
        Some((zone, name)) => {
            let (zone, name) = (zone.trim(), name.trim());
            let is_plain =
                zone.chars().all(fits) && usual_zone_id(zone).is_some() && name.chars().all(fits);
            if is_plain && !may_be_secret(name) {
                shortened(item.text)
            } else {
                not_repeated(item.text)
            }
        }
        None if may_be_secret(item.whole) => not_repeated(item.text),
        None => quoted(item.text, fits),
    }
}
