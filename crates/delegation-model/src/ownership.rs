//! The ownership record: a TXT record set beside the zone cut whose values are claims.
//!
//! Every stack resource that relies on a delegation has one claim there; the delegation lives as long as a claim does.
//! The record stands beside the cut and not below it, so that the delegation does not occlude it.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::ds::DsRecords;
use crate::name::Name;
use crate::name_servers::NameServers;

/// The first 8 bytes of a SHA-256, written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 8]);

impl Digest {
    fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                hash.update(b"\n");
            }
            hash.update(part.as_bytes());
        }
        let mut first = [0; 8];
        for (to, from) in first.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(first)
    }

    /// The digest of a set of name servers, the same for every spelling of them.
    pub fn of_name_servers(name_servers: &NameServers) -> Self {
        Self::of(&[&name_servers.to_string()])
    }

    /// The digest of a set of DS records, the same for every spelling of them.
    pub fn of_ds(records: &DsRecords) -> Self {
        Self::of(&[&records.to_string()])
    }

    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 8];
        hex::decode_to_slice(text, &mut bytes).ok().map(|()| Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The stack resource in whose name a request comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    stack: Digest,
    id: Digest,
    owner: String,
}

impl Claimant {
    /// The claimant of a request, from its `StackId` and `LogicalResourceId`.
    pub fn new(stack_id: &str, logical_id: &str) -> Self {
        // arn:aws:cloudformation:<region>:<account>:stack/<stack name>/<uuid>
        let stack_name = stack_id.split('/').nth(1).unwrap_or(stack_id);
        let owner = format!("{stack_name}/{logical_id}");
        let owner =
            owner.chars().map(|c| if c.is_ascii_alphanumeric() || "-_./".contains(c) { c } else { '_' }).collect();
        Self { stack: Digest::of(&[stack_id]), id: Digest::of(&[stack_id, logical_id]), owner }
    }

    /// `<stack name>/<logical id>`, for people.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// How a claim relates to this claimant.
    pub fn relation(&self, claim: &Claim) -> Relation {
        if claim.id == self.id {
            Relation::Own
        } else if claim.stack == self.stack {
            Relation::Sibling
        } else {
            Relation::Other
        }
    }

    /// A claim of this claimant that covers no DS record set.
    pub fn claim(&self, ns: Digest, at: i64, by: By) -> Claim {
        Claim { stack: self.stack, id: self.id, ns: Some(ns), ds: None, at, by, hold: None, owner: self.owner.clone() }
    }
}

/// Whose a claim is, seen from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Of the same logical id of the same stack.
    Own,
    /// Of another logical id of the same stack.
    Sibling,
    /// Of another stack.
    Other,
}

/// How a resource came to rely on a delegation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// It made the delegation, or took full ownership of it: its Delete removes the delegation.
    Created,
    /// It found the delegation as wanted: its Delete leaves the delegation.
    Adopted,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Adopted => "adopted",
        })
    }
}

/// One value of the ownership record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    stack: Digest,
    id: Digest,
    /// The name servers that this resource wrote or found as wanted; `None` if it knew none.
    pub ns: Option<Digest>,
    /// The DS record set that this resource covers; `None` if it covers none.
    pub ds: Option<Digest>,
    /// The time of the request that wrote the claim, in seconds since 1970.
    pub at: i64,
    /// How the resource came to the delegation.
    pub by: By,
    /// Until when resolvers may hold name servers that somebody else wrote and that were put back, in seconds since 1970.
    pub hold: Option<i64>,
    owner: String,
}

const HERITAGE: &str = "heritage=custom-delegation";
/// A character-string of a TXT record has at most 255 bytes (RFC 1035, section 3.3).
const MAX_STRING: usize = 255;

impl Claim {
    /// The same claim, covering this DS record set.
    #[must_use]
    pub fn covering(self, ds: Option<Digest>) -> Self {
        Self { ds, ..self }
    }

    /// The same claim, keeping DS record sets from being added or replaced until then.
    #[must_use]
    pub fn holding(self, hold: Option<i64>) -> Self {
        Self { hold, ..self }
    }

    /// `<stack name>/<logical id>`, perhaps cut, for people.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Reads a value of a TXT record set in the form in which Route 53 returns it; `None` if it is no claim.
    ///
    /// Fields that a later version may add before `owner` are passed over.
    pub fn parse(value: &str) -> Option<Self> {
        let text = value.strip_prefix('"')?.strip_suffix('"')?;
        if text.contains(['"', '\\']) || text.len() > MAX_STRING {
            return None;
        }
        let fields = text.strip_prefix(HERITAGE)?.strip_prefix(',')?;
        let (fields, owner) = fields.split_once("owner=")?;
        let field = |key: &str| fields.split(',').find_map(|field| field.strip_prefix(key)?.strip_prefix('='));
        let optional = |key: &str| match field(key)? {
            "" => Some(None),
            digest => Some(Some(Digest::parse(digest)?)),
        };
        Some(Self {
            stack: Digest::parse(field("stack")?)?,
            id: Digest::parse(field("id")?)?,
            ns: optional("ns")?,
            ds: optional("ds")?,
            at: field("at")?.parse().ok()?,
            by: match field("by")? {
                "created" => By::Created,
                "adopted" => By::Adopted,
                _ => return None,
            },
            hold: field("hold").and_then(|hold| hold.parse().ok()),
            owner: owner.to_owned(),
        })
    }

    /// The value of the TXT record set: one quoted string of at most 255 bytes, the owner cut to make it fit.
    pub fn value(&self) -> String {
        let digest = |digest: Option<Digest>| digest.map(|digest| digest.to_string()).unwrap_or_default();
        let hold = self.hold.map(|hold| format!("hold={hold},")).unwrap_or_default();
        let mut text = format!(
            "{HERITAGE},stack={},id={},ns={},ds={},at={},by={},{hold}owner=",
            self.stack,
            self.id,
            digest(self.ns),
            digest(self.ds),
            self.at,
            self.by,
        );
        let room = MAX_STRING.saturating_sub(text.len());
        text.extend(self.owner.chars().filter(char::is_ascii).take(room));
        format!("\"{text}\"")
    }
}

/// The values of an ownership record, those that are no claims included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    value: String,
    claim: Option<Claim>,
}

impl Claims {
    /// The entries of a TXT record set, in the order found.
    pub fn read<T: AsRef<str>>(values: &[T]) -> Self {
        let entry = |value: &T| Entry { value: value.as_ref().to_owned(), claim: Claim::parse(value.as_ref()) };
        Self(values.iter().map(entry).collect())
    }

    /// The claims among the values.
    pub fn iter(&self) -> impl Iterator<Item = &Claim> {
        self.0.iter().filter_map(|entry| entry.claim.as_ref())
    }

    /// The claims that stand in this relation to the claimant.
    pub fn of(&self, claimant: &Claimant, relation: Relation) -> Vec<&Claim> {
        self.iter().filter(|claim| claimant.relation(claim) == relation).collect()
    }

    /// The claimant's own claim.
    pub fn own(&self, claimant: &Claimant) -> Option<&Claim> {
        self.of(claimant, Relation::Own).into_iter().max_by_key(|claim| claim.at)
    }

    /// Removes the claims for which `drop` holds; values that are no claims stay.
    pub fn remove(&mut self, mut drop: impl FnMut(&Claim) -> bool) {
        self.0.retain(|entry| !entry.claim.as_ref().is_some_and(&mut drop));
    }

    /// Changes each claim for which `change` returns true; the values of the others stay to the letter.
    pub fn edit(&mut self, mut change: impl FnMut(&mut Claim) -> bool) {
        for entry in &mut self.0 {
            if let Some(claim) = &mut entry.claim
                && change(claim)
            {
                entry.value = claim.value();
            }
        }
    }

    /// True if a claim covers this DS record set: its resource wrote it, or relies on it.
    pub fn cover(&self, ds: Digest) -> bool {
        self.iter().any(|claim| claim.ds == Some(ds))
    }

    /// Until when resolvers may hold name servers that were displaced, by whichever resource, if that is not over at `at`.
    pub fn hold(&self, at: i64) -> Option<i64> {
        self.iter().filter_map(|claim| claim.hold).filter(|until| at < *until).max()
    }

    /// Adds a claim.
    pub fn add(&mut self, claim: Claim) {
        self.0.push(Entry { value: claim.value(), claim: Some(claim) });
    }

    /// The values of the TXT record set.
    pub fn values(&self) -> Vec<String> {
        self.0.iter().map(|entry| entry.value.clone()).collect()
    }
}

/// The name of the ownership record of a zone cut: `_delegation-<first label>.<rest>`.
///
/// Where that label or the name would be too long, `_delegation-<digest of the cut>.<rest>`; `None` if that is too
/// long too, which takes a cut of more than 226 bytes with a short first label.
pub fn record_name(cut: &Name) -> Option<Name> {
    let rest = cut.parent()?;
    let plain = format!("_delegation-{}.{rest}", cut.first_label());
    let digest = || format!("_delegation-{}.{rest}", Digest::of(&[cut.as_str()]));
    plain.parse().or_else(|_| digest().parse()).ok()
}

#[cfg(test)]
mod tests;
