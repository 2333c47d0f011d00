//! The ownership record: a TXT record set beside the zone cut that says which stack resources rely
//! on the delegation, and how what stands there came.
//!
//! It has three kinds of values. A [`Claim`] is one resource's reference to the delegation; a
//! resource writes its own and nobody else's. [`Before`] says how the name servers that stand came,
//! if no resource made them or if they displaced others. A [`Tombstone`] keeps a cancelled Create
//! that is delivered late from doing its work. Values of strangers are never touched.
//!
//! The record stands beside the cut and not below it, so that the delegation does not occlude it.
//! It is public DNS, and others may be able to write TXT: nothing in it is trusted further than
//! `docs/design.md` says (rules `TRUST-…`).

mod before;
mod claim;
mod text;
mod tombstone;

pub use before::{Before, Displaced};
pub use claim::{Claim, ClaimBasis, Claimant, MovedFrom, OwnerName};
pub use tombstone::Tombstone;

use crate::digest::{Digest, RequestDigest};
use crate::name::Name;

/// Every value of ours begins with this.
const HERITAGE: &str = "heritage=custom-delegation";

/// How far the time in a value may be ahead of the clock, in seconds (TRUST-1). S3 takes no answer
/// on a URL that was signed further ahead, so no request writes such a time.
pub const MAX_SKEW: i64 = 900;

/// How long after its claim's time a `hold` counts at most, in seconds (TRUST-2): resolvers cap
/// TTLs at about a week.
pub const MAX_HOLD: i64 = 7 * 86_400;

/// How many characters the values of a record may have (ARRIVE-7). A batch that replaces the record
/// has them twice, and Route 53 takes 32,000 in a batch: a resource that comes must be able to
/// leave.
pub const MAX_CHARACTERS: usize = 12_000;

/// When a request was made, and which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The time of the request in seconds since 1970: when its response URL was signed. It is the
    /// same for each delivery of the request, and the fence between requests.
    pub time: i64,
    /// Tells apart two requests of one second.
    pub request: RequestDigest,
}

/// One value of an ownership record, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A resource's reference to the delegation.
    Claim(Claim),
    /// How what stands came.
    Before(Before),
    /// A cancelled Create must not run any more.
    Tombstone(Tombstone),
    /// It is ours by its heritage and can't be read: a newer function may have written it. It
    /// counts as a holder of whatever stands (OWN-7).
    Unreadable,
    /// A value of somebody else.
    Foreign,
}

impl Value {
    /// Reads a value in the form in which Route 53 returns it: one or several quoted strings.
    ///
    /// Fields that are not known are passed over. A kind that is not known, or a field that is
    /// missing or can't be read, makes the value unreadable.
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
            Some("before") => Before::parse(fields).map(Self::Before),
            Some("tombstone") => Tombstone::parse(fields).map(Self::Tombstone),
            _ => None,
        };
        read.unwrap_or(Self::Unreadable)
    }
}

/// The values of an ownership record with the text in which each was listed.
///
/// A value that is not changed keeps that text to the letter, no matter who wrote it, because Route
/// 53 deletes a record set only by the values that it lists.
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
    /// Reads the values of a TXT record set, in the order in which they are listed.
    pub fn parse<T: AsRef<str>>(values: &[T]) -> Self {
        let entry = |listed: &T| Entry {
            value: Value::parse(listed.as_ref()),
            listed: listed.as_ref().to_owned(),
        };
        Self(values.iter().map(entry).collect())
    }

    /// The values for the TXT record set.
    pub fn values(&self) -> Vec<String> {
        self.0.iter().map(|entry| entry.listed.clone()).collect()
    }

    /// How many characters the values have, as Route 53 counts them.
    pub fn characters(&self) -> usize {
        self.0.iter().map(|entry| entry.listed.chars().count()).sum()
    }

    /// The values that are to the letter as this program writes them, and how many others there
    /// are. Only these are repeated to people: anybody who may write TXT could speak to them
    /// through the others (TRUST-3).
    pub fn repeatable(&self) -> (Vec<&str>, usize) {
        let is_ours = |entry: &&Entry| {
            let text = match &entry.value {
                Value::Claim(claim) => claim.owner.as_str().map(|_| claim.text()),
                Value::Before(before) => Some(before.text()),
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

    /// Every value as it was read.
    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|entry| &entry.value)
    }

    /// The claims, in the order in which they are listed.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.iter().filter_map(|value| match value {
            Value::Claim(claim) => Some(claim),
            _ => None,
        })
    }

    /// The claim of a resource. Of several, which only another's hand can have made, it is the
    /// latest; one from the future counts as the oldest (TRUST-1).
    pub fn own(&self, claimant: &Claimant, now: i64) -> Option<&Claim> {
        let own = self.claims().filter(|claim| claim.id == claimant.id());
        own.max_by_key(|claim| claim.fence(now))
    }

    /// The claims of everybody else.
    pub fn others(&self, claimant: &Claimant) -> impl Iterator<Item = &Claim> {
        self.claims().filter(|claim| claim.id != claimant.id())
    }

    /// True if a value is ours and can't be read.
    pub fn has_unreadable(&self) -> bool {
        self.iter().any(|value| *value == Value::Unreadable)
    }

    /// True if anybody but this resource has a claim, or a value that can't be read and may be one.
    pub fn has_others(&self, claimant: &Claimant) -> bool {
        self.others(claimant).next().is_some() || self.has_unreadable()
    }

    /// The one `before` that a record has, whatever it is about.
    pub fn before(&self) -> Option<&Before> {
        self.iter().find_map(|value| match value {
            Value::Before(before) => Some(before),
            _ => None,
        })
    }

    /// When the displacement that is not settled took place, if there is one: what a claim that is
    /// written now has seen (OWN-3).
    pub fn displaced_at(&self) -> Option<i64> {
        self.before()?.displaced.as_ref().map(|displaced| displaced.time)
    }

    /// The debt of the name servers that stand: how they came, if it is not settled (OWN-5). A
    /// `before` about other name servers is left over and says nothing of these. Of several, which
    /// only another's hand can have made, the one counts that has the record left as it is.
    pub fn origin(&self, current: Digest) -> Option<&Before> {
        let about = || {
            self.iter().filter_map(move |value| match value {
                Value::Before(before) if before.of == current => Some(before),
                _ => None,
            })
        };
        about().find(|before| before.displaced.is_none()).or_else(|| about().next())
    }

    /// The latest tombstone of a resource that is not from the future (TRUST-1).
    pub fn tombstone(&self, claimant: &Claimant, now: i64) -> Option<&Tombstone> {
        let own = self.iter().filter_map(|value| match value {
            Value::Tombstone(stone) if stone.id == claimant.id() => Some(stone),
            _ => None,
        });
        own.filter(|stone| !is_ahead(stone.time, now)).max_by_key(|stone| stone.time)
    }

    /// True if this claim holds the name servers that stand: it names them, and where these
    /// displaced others, it was written since (OWN-3).
    pub fn holds(&self, claim: &Claim, current: Digest) -> bool {
        let displaced = self.origin(current).and_then(|before| before.displaced.as_ref());
        claim.ns == current && displaced.is_none_or(|displaced| claim.saw == Some(displaced.time))
    }

    /// The claims of everybody else that hold the name servers that stand. A value that can't be
    /// read holds as well: see [`OwnershipRecord::has_unreadable`].
    pub fn other_holders(&self, claimant: &Claimant, current: Digest) -> Vec<&Claim> {
        self.others(claimant).filter(|claim| self.holds(claim, current)).collect()
    }

    /// Until when no DS record set may be added or replaced beside these name servers, if that is
    /// not over at `time` (DS-7): resolvers may still have others. Anybody's claim on these counts.
    pub fn hold(&self, current: Digest, time: i64, now: i64) -> Option<i64> {
        let about = self.claims().filter(|claim| claim.ns == current);
        about.filter_map(|claim| claim.held_until(now)).filter(|until| time < *until).max()
    }

    /// Puts a claim in the place of those of the same resource.
    pub fn put_claim(&mut self, claim: Claim) {
        let text = claim.text();
        let id = claim.id;
        let own = |value: &Value| matches!(value, Value::Claim(other) if other.id == id);
        self.put(own, Entry::new(Value::Claim(claim), &text));
    }

    /// Removes the claims of a resource.
    pub fn remove_claim(&mut self, claimant: &Claimant) {
        self.0.retain(
            |entry| !matches!(&entry.value, Value::Claim(claim) if claim.id == claimant.id()),
        );
    }

    /// Puts this in the place of every `before`, or nothing. One that is there already is not
    /// written anew.
    pub fn put_before(&mut self, before: Option<Before>) {
        let any = |value: &Value| matches!(value, Value::Before(_));
        match before {
            Some(before) => {
                let text = before.text();
                self.put(any, Entry::new(Value::Before(before), &text));
            }
            None => self.0.retain(|entry| !any(&entry.value)),
        }
    }

    /// Puts a tombstone in the place of an earlier one of the same resource; a later one stays
    /// (OWN-8).
    pub fn put_tombstone(&mut self, claimant: &Claimant, time: i64, now: i64) {
        if self.tombstone(claimant, now).is_some_and(|there| there.time >= time) {
            return;
        }
        let stone = Tombstone { id: claimant.id(), time };
        let text = stone.text();
        let own =
            |value: &Value| matches!(value, Value::Tombstone(other) if other.id == claimant.id());
        self.put(own, Entry::new(Value::Tombstone(stone), &text));
    }

    /// Drops all tombstones that are over at the time of a request, and those of
    /// the request's own resource that it comes after (OWN-8).
    pub fn drop_tombstones(&mut self, claimant: &Claimant, time: i64, now: i64) {
        self.0.retain(|entry| match &entry.value {
            Value::Tombstone(stone) => {
                let later = stone.id == claimant.id() && stone.time < time;
                !(later || stone.is_over(time) || is_ahead(stone.time, now))
            }
            _ => true,
        });
    }

    /// Puts an entry in the place of the first that is alike, and drops the others that are. One
    /// that says the same already keeps its text.
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

/// True if a time lies further ahead of the clock than clocks differ.
fn is_ahead(time: i64, now: i64) -> bool {
    time > now.saturating_add(MAX_SKEW)
}

/// The name of the ownership record of a zone cut: `_delegation-<first label>.<rest>`.
///
/// Where that label or the name would be too long, `_delegationdigest-<digest of the cut>.<rest>`:
/// a label that no cut gets by the first form, so that no two cuts share a record. `None` if that
/// is too long too, which takes a cut of more than 220 bytes with a short first label.
pub fn record_name(cut: &Name) -> Option<Name> {
    let rest = cut.parent()?;
    let plain = format!("_delegation-{}.{rest}", cut.first_label());
    let digest = || format!("_delegationdigest-{}.{rest}", Digest::new(&["cut", cut.as_str()]));
    plain.parse().or_else(|_| digest().parse()).ok()
}

#[cfg(test)]
mod tests;
