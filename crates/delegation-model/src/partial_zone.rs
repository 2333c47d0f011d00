//! The part of a zone that was read, and what the zone's name servers answer according to it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::name::Name;
use super::record_set::{RecordSet, RecordType};

/// Sections of a zone's listing, each of them complete.
///
/// A zone may have tens of thousands of record sets, so it is never read completely. If the
/// sections do not answer a query, the error says at which name to continue reading.
#[derive(Clone, Debug)]
pub struct PartialZone {
    apex: Name,
    /// By position and name, because `y.x` and the label `x\056y` have the same position.
    types: BTreeMap<(Vec<u8>, Name), Vec<RecordType>>,
    stretches: Vec<Stretch>,
}

/// The names from `from` (inclusive) to `next` (exclusive). `next` exists in the zone too; `None`
/// is the end of the zone.
#[derive(Clone, Debug)]
struct Stretch {
    from: Vec<u8>,
    next: Option<Name>,
}

/// The query can't be answered before the zone is read from this name on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread(pub Name);

impl PartialZone {
    /// Creates a view of the zone with this apex, of which nothing was read yet.
    pub fn new(apex: Name) -> Self {
        Self { apex, types: BTreeMap::new(), stretches: Vec::new() }
    }

    /// Adds a page of the listing. The page starts at `from`, and the next page starts at `next`.
    pub fn add(&mut self, from: &Name, sets: &[RecordSet], next: Option<Name>) {
        self.stretches.push(Stretch { from: from.position(), next });
        for set in sets {
            let types = self.types.entry((set.name.position(), set.name.clone())).or_default();
            if !types.contains(&set.record_type) {
                types.push(set.record_type.clone());
            }
        }
    }

    /// Returns true if a query for `name` and `record_type` finds a record set of this type, a
    /// CNAME, or a wildcard that has one of them (RFC 1034, section 4.3.2; RFC 4592, section
    /// 3.3.1).
    pub fn answers(&self, name: &Name, record_type: &RecordType) -> Result<bool, Unread> {
        if !name.is_at_or_below(&self.apex) || self.refers_away(name, record_type)? {
            return Ok(false);
        }
        let types = self.types_at(name)?;
        // A delegation covers all names below it. An answer for its own name alone would not.
        if record_type.is_of_delegation() {
            return Ok(types.contains(record_type));
        }
        let fits = |types: &[RecordType]| {
            types.iter().any(|other| other == record_type || *other == RecordType::Cname)
        };
        if !types.is_empty() {
            return Ok(fits(types));
        }
        // Only the wildcard of the closest enclosing name that exists counts.
        let mut missing = name.clone();
        while missing != self.apex && !self.exists(&missing)? {
            let Some(enclosing) = missing.parent() else { break };
            if let Some(wildcard) = enclosing.wildcard() {
                let types = self.types_at(&wildcard)?;
                if !types.is_empty() {
                    return Ok(fits(types));
                }
            }
            missing = enclosing;
        }
        Ok(false)
    }

    /// Returns true if a delegation in this zone, at or above the name, refers the query to other
    /// name servers.
    fn refers_away(&self, name: &Name, record_type: &RecordType) -> Result<bool, Unread> {
        let within = std::iter::once(name.clone())
            .chain(name.ancestors())
            .take_while(|name| name.is_below(&self.apex));
        // The topmost comes first, because a page that starts there has the names below it, too.
        let within: Vec<Name> = within.collect();
        let answer = within.into_iter().rev().try_for_each(|cut| {
            let own = cut == *name && record_type.is_of_delegation();
            match self.types_at(&cut) {
                Err(unread) => ControlFlow::Break(Err(unread)),
                Ok(types) if !own && types.contains(&RecordType::Ns) => {
                    ControlFlow::Break(Ok(true))
                }
                Ok(_) => ControlFlow::Continue(()),
            }
        });
        answer.break_value().unwrap_or(Ok(false))
    }

    fn types_at(&self, name: &Name) -> Result<&[RecordType], Unread> {
        let position = name.position();
        self.stretch(&position).ok_or_else(|| Unread(name.clone()))?;
        Ok(self.types.get(&(position, name.clone())).map(Vec::as_slice).unwrap_or_default())
    }

    /// Returns true if there is a record set at or below the name.
    fn exists(&self, name: &Name) -> Result<bool, Unread> {
        let position = name.position();
        let stretch = self.stretch(&position).ok_or_else(|| Unread(name.clone()))?;
        // Every name below starts with the same bytes. Of the names that do, only those with an
        // escaped dot are not below.
        let after =
            self.types.range((position.clone(), name.clone())..).map(|((at, next), _)| (at, next));
        let read = after.take_while(|(at, _)| at.starts_with(&position)).map(|(_, next)| next);
        Ok(read.chain(&stretch.next).any(|next| next.is_at_or_below(name)))
    }

    fn stretch(&self, position: &[u8]) -> Option<&Stretch> {
        let before_next = |stretch: &Stretch| {
            stretch.next.as_ref().is_none_or(|next| *position < *next.position())
        };
        self.stretches.iter().find(|stretch| *stretch.from <= *position && before_next(stretch))
    }
}

#[cfg(test)]
mod tests;
