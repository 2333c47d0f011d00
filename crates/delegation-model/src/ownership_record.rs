//! The ownership record: a TXT record set next to the zone cut that lists which stack resources
//! rely on the delegation, and states the delegation's origin.
//!
//! It has three kinds of values. A [`Claim`] is one resource's reference to the delegation; each
//! resource writes only its own. [`Origin`] states the origin of the current name servers, if no
//! resource made them or if they displaced others. A [`Tombstone`] stops a cancelled Create that is
//! delivered late. Values of other programs are never touched.
//!
//! The record is next to the cut and not below it, where the delegation would occlude it. It is
//! public DNS, and others may be able to write TXT records: nothing in it is trusted further than
//! `docs/design.md` says (rules `TRUST-…`).

mod claim;
mod origin;
mod text;
mod tombstone;

pub use claim::{Claim, ClaimBasis, Claimant, MovedFrom, OwnerName};
pub use origin::{Displaced, Origin};
pub use tombstone::Tombstone;

use crate::digest::{Digest, RequestDigest};
use crate::name::Name;

/// Every value that this program writes starts with this text.
const HERITAGE: &str = "heritage=custom-delegation";

/// How far the time in a value may be ahead of the clock, in seconds (TRUST-1). S3 accepts no
/// answer on a URL that was signed further ahead, so no request writes such a time.
pub const MAX_SKEW: i64 = 900;

/// How long after its claim's time a `hold` is valid at most, in seconds (TRUST-2). Resolvers cap
/// TTLs at about a week.
pub(crate) const MAX_HOLD: i64 = 7 * 86_400;

/// How many characters the values of a record may have (ARRIVE-7). A batch that replaces the record
/// contains them twice, and Route 53 accepts 32,000 in a batch. A resource that arrives must be
/// able to leave.
pub(crate) const MAX_CHARACTERS: usize = 12_000;

/// The time and the identity of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The time of the request in seconds since 1970: when its response URL was signed. It is the
    /// same for each delivery of the request, and orders requests.
    pub time: i64,
    /// Distinguishes two requests of the same second.
    pub request: RequestDigest,
}

/// One parsed value of an ownership record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A resource's reference to the delegation.
    Claim(Claim),
    /// The origin of the current name servers.
    Origin(Origin),
    /// Stops a cancelled Create that is delivered late.
    Tombstone(Tombstone),
    /// A value that starts with this program's heritage but can't be parsed. A newer version may
    /// have written it. It counts as a holder of the current name servers (OWN-7).
    Unreadable,
    /// A value that another program wrote.
    Foreign,
}

impl Value {
    /// Parses a value in the form in which Route 53 returns it: one or several quoted strings.
    ///
    /// Unknown fields are ignored. A value of an unknown kind, or with a field that is missing or
    /// invalid, is [`Value::Unreadable`].
    pub fn parse(value: &str) -> Self {
        let Some(text) = text::unquote(value) else {
            return if text::looks_like_ours(value) { Self::Unreadable } else { Self::Foreign };
        };
        let Some(rest) = text.strip_prefix(HERITAGE) else { return Self::Foreign };
        let Some(fields) = rest.strip_prefix(',') else {
            return if rest.is_empty() { Self::Unreadable } else { Self::Foreign };
        };
        let read = match fields.split('=').next() {
            Some("claim") => Claim::parse(fields).map(Self::Claim),
            Some("before") => Origin::parse(fields).map(Self::Origin),
            Some("tombstone") => Tombstone::parse(fields).map(Self::Tombstone),
            _ => None,
        };
        read.unwrap_or(Self::Unreadable)
    }
}

/// The values of an ownership record, each with the text in which Route 53 listed it.
///
/// A value that is not changed keeps exactly that text, no matter who wrote it, because Route 53
/// deletes a record set only by the values that it lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnershipRecord(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    listed: String,
    value: Value,
}

impl Entry {
    fn new(value: Value, text: &str) -> Self {
        Self { listed: text::quote(text), value }
    }
}

impl OwnershipRecord {
    /// Parses the values of a TXT record set, in the order in which they are listed.
    pub fn parse<T: AsRef<str>>(values: &[T]) -> Self {
        let entry = |listed: &T| Entry {
            value: Value::parse(listed.as_ref()),
            listed: listed.as_ref().to_owned(),
        };
        Self(values.iter().map(entry).collect())
    }

    /// Returns the values for the TXT record set.
    pub fn values(&self) -> Vec<String> {
        self.0.iter().map(|entry| entry.listed.clone()).collect()
    }

    /// Returns how many characters the values have, as Route 53 counts them.
    pub fn characters(&self) -> usize {
        self.0.iter().map(|entry| entry.listed.chars().count()).sum()
    }

    /// Returns the values that have exactly the text that this program writes, and the number of
    /// the others. Only the former are shown to people. Otherwise anybody who may write TXT records
    /// could show them text of their choice (TRUST-3). Displaced name servers that are not host
    /// names count as others, too.
    pub fn repeatable(&self) -> (Vec<&str>, usize) {
        let is_ours = |entry: &&Entry| {
            let text = match &entry.value {
                Value::Claim(claim) => claim.owner.as_str().map(|_| claim.text()),
                Value::Origin(origin) => origin.is_repeatable().then(|| origin.text()),
                Value::Tombstone(stone) => Some(stone.text()),
                Value::Unreadable | Value::Foreign => None,
            };
            text.is_some_and(|text| text::quote(&text) == entry.listed)
        };
        let ours: Vec<&str> =
            self.0.iter().filter(is_ours).map(|entry| entry.listed.as_str()).collect();
        let others = self.0.len() - ours.len();
        (ours, others)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|entry| &entry.value)
    }

    /// Iterates over the claims, in the order in which they are listed.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.iter().filter_map(|value| match value {
            Value::Claim(claim) => Some(claim),
            _ => None,
        })
    }

    /// Returns the claim of a resource. If there are several, which only a manual edit can cause,
    /// it is the first by [`Claim::precedence`] (TRUST-1).
    pub fn own(&self, claimant: &Claimant, now: i64) -> Option<&Claim> {
        let own = self.claims().filter(|claim| claim.id == claimant.id());
        own.min_by_key(|claim| claim.precedence(now))
    }

    /// Iterates over the claims of all other resources.
    pub fn others(&self, claimant: &Claimant) -> impl Iterator<Item = &Claim> {
        self.claims().filter(|claim| claim.id != claimant.id())
    }

    /// Returns true if a value is [`Value::Unreadable`].
    pub fn has_unreadable(&self) -> bool {
        self.iter().any(|value| *value == Value::Unreadable)
    }

    /// Returns true if another resource has a claim, or if a value is unreadable and may be a
    /// claim.
    pub(crate) fn has_others(&self, claimant: &Claimant) -> bool {
        self.others(claimant).next().is_some() || self.has_unreadable()
    }

    /// Returns the origin that the record states, whichever name servers it is about.
    pub fn recorded_origin(&self) -> Option<&Origin> {
        self.iter().find_map(|value| match value {
            Value::Origin(origin) => Some(origin),
            _ => None,
        })
    }

    /// Returns the time of the displacement that the record states, if any. A claim that is written
    /// now stores it as `saw` (OWN-3).
    pub fn displaced_at(&self) -> Option<i64> {
        self.recorded_origin()?.displaced.as_ref().map(|displaced| displaced.time)
    }

    /// Returns the origin of the current name servers, if the delegation is unsettled (OWN-5). A
    /// statement about other name servers is left over and is ignored. If there are several, which
    /// only a manual edit can cause, the one counts that leaves the name servers in place.
    pub fn origin(&self, current: Digest) -> Option<&Origin> {
        let about = || {
            self.iter().filter_map(move |value| match value {
                Value::Origin(origin) if origin.of == current => Some(origin),
                _ => None,
            })
        };
        about().find(|origin| origin.displaced.is_none()).or_else(|| about().next())
    }

    /// Returns the tombstone of a resource, ignoring those from the future. If there are several,
    /// which only a manual edit can cause, it is the earliest (TRUST-1).
    pub fn tombstone(&self, claimant: &Claimant, now: i64) -> Option<&Tombstone> {
        let own = self.iter().filter_map(|value| match value {
            Value::Tombstone(stone) if stone.id == claimant.id() => Some(stone),
            _ => None,
        });
        own.filter(|stone| !is_ahead(stone.time, now)).min_by_key(|stone| stone.time)
    }

    /// Returns true if this claim holds the current name servers: it names them, and if they
    /// displaced others, it was written since then (OWN-3).
    pub fn holds(&self, claim: &Claim, current: Digest) -> bool {
        let displaced = self.origin(current).and_then(|origin| origin.displaced.as_ref());
        claim.ns == current && displaced.is_none_or(|displaced| claim.saw == Some(displaced.time))
    }

    /// Returns the claims of other resources that hold the current name servers. An unreadable
    /// value holds them, too: see [`OwnershipRecord::has_unreadable`].
    pub(crate) fn other_holders(&self, claimant: &Claimant, current: Digest) -> Vec<&Claim> {
        self.others(claimant).filter(|claim| self.holds(claim, current)).collect()
    }

    /// Returns until when no DS record set may be added or replaced at the current name servers,
    /// because resolvers may still have others; `None` if that is over at `time` (DS-7). Every
    /// claim that names the current name servers counts, but none as long as a claim of the record
    /// is from the future (TRUST-2).
    pub fn hold(&self, current: Digest, time: i64, now: i64) -> Option<i64> {
        if self.claims().any(|claim| is_ahead(claim.stamp.time, now)) {
            return None;
        }
        let about = self.claims().filter(|claim| claim.ns == current);
        about.filter_map(Claim::held_until).filter(|until| time < *until).max()
    }

    /// Adds a claim, or replaces the earlier claim of the same resource.
    pub fn put_claim(&mut self, claim: Claim) {
        let text = claim.text();
        let id = claim.id;
        let own = |value: &Value| matches!(value, Value::Claim(other) if other.id == id);
        self.put(own, Entry::new(Value::Claim(claim), &text));
    }

    pub fn remove_claim(&mut self, claimant: &Claimant) {
        self.0.retain(
            |entry| !matches!(&entry.value, Value::Claim(claim) if claim.id == claimant.id()),
        );
    }

    /// States the one origin in the record (`before`), or removes it. A value that says the same
    /// already keeps its text.
    pub fn put_origin(&mut self, origin: Option<Origin>) {
        let any = |value: &Value| matches!(value, Value::Origin(_));
        match origin {
            Some(origin) => {
                let text = origin.text();
                self.put(any, Entry::new(Value::Origin(origin), &text));
            }
            None => self.0.retain(|entry| !any(&entry.value)),
        }
    }

    /// Adds a tombstone, or replaces the earlier one of the same resource. A later one stays, and
    /// none is added if there are forty of others (OWN-8).
    pub fn put_tombstone(&mut self, claimant: &Claimant, time: i64, now: i64) {
        if self.tombstone(claimant, now).is_some_and(|there| there.time >= time) {
            return;
        }
        let others = self
            .iter()
            .filter(|value| matches!(value, Value::Tombstone(other) if other.id != claimant.id()));
        if others.count() >= tombstone::MAX {
            return;
        }
        let stone = Tombstone { id: claimant.id(), time };
        let text = stone.text();
        let own =
            |value: &Value| matches!(value, Value::Tombstone(other) if other.id == claimant.id());
        self.put(own, Entry::new(Value::Tombstone(stone), &text));
    }

    /// Removes the tombstones that have expired at the time of a request, and those of the
    /// request's own resource that are earlier than the request (OWN-8). Of several of that
    /// resource, only the one that counts stays (TRUST-1).
    pub(crate) fn drop_tombstones(&mut self, claimant: &Claimant, time: i64, now: i64) {
        let counts = self.tombstone(claimant, now).map(|stone| stone.time);
        self.0.retain(|entry| match &entry.value {
            Value::Tombstone(stone) => {
                let later = stone.id == claimant.id() && stone.time < time;
                let surplus = stone.id == claimant.id() && Some(stone.time) != counts;
                !(later || surplus || stone.is_over(time) || is_ahead(stone.time, now))
            }
            _ => true,
        });
    }

    /// Replaces the first entry that is alike with this one, and removes the others that are. If
    /// none is, adds the entry. An entry with the same value keeps its text.
    fn put(&mut self, alike: impl Fn(&Value) -> bool, entry: Entry) {
        let mut entry = Some(entry);
        self.0.retain_mut(|old| {
            if !alike(&old.value) {
                return true;
            }
            match entry.take() {
                Some(new) => {
                    if new.value != old.value {
                        *old = new;
                    }
                    true
                }
                None => false,
            }
        });
        self.0.extend(entry);
    }
}

/// Returns true if a time is further ahead of the clock than clocks differ.
fn is_ahead(time: i64, now: i64) -> bool {
    time > now.saturating_add(MAX_SKEW)
}

/// Returns the name of the ownership record of a zone cut: `_delegation-<first label>.<rest>`.
///
/// If that label or the name would be too long, it is `_delegationdigest-<digest of the
/// cut>.<rest>`. No cut gets such a label in the first form, so no two cuts share a record. `None`
/// if that is too long, too: if the cut has more than 241 bytes, and more than 218 of them are
/// after its first label and dot. An escape counts as one byte.
pub fn record_name(cut: &Name) -> Option<Name> {
    let rest = cut.parent()?;
    let plain = format!("_delegation-{}.{rest}", cut.first_label());
    let digest = || format!("_delegationdigest-{}.{rest}", Digest::new(&["cut", cut.as_str()]));
    plain.parse().or_else(|_| digest().parse()).ok()
}

#[cfg(test)]
mod tests;
