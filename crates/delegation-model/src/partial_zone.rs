//! What was read of a zone, and what its name servers answer as far as that tells.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::name::Name;
use super::record_set::RecordSet;

/// Stretches of a zone's listing, each complete in itself.
///
/// A zone may have tens of thousands of record sets, so it is never read whole: a question that the
/// stretches don't answer says from which name on to read more.
#[derive(Clone, Debug)]
pub struct PartialZone {
    apex: Name,
    /// By position and name: `y.x` and the label `x\056y` have one position.
    types: BTreeMap<(Vec<u8>, Name), Vec<String>>,
    stretches: Vec<Stretch>,
}

/// The names from `from` (inclusive) up to `next` (exclusive), which stands in the zone as well;
/// `None` is the end of the zone.
#[derive(Clone, Debug)]
struct Stretch {
    from: Vec<u8>,
    next: Option<Name>,
}

/// The question can't be answered before the zone is read from this name on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread(pub Name);

impl PartialZone {
    /// Nothing was read yet of the zone with this apex.
    pub fn new(apex: Name) -> Self {
        Self { apex, types: BTreeMap::new(), stretches: Vec::new() }
    }

    /// Takes a page of the listing that starts at `from` and goes on with `next`.
    pub fn add(&mut self, from: &Name, sets: &[RecordSet], next: Option<Name>) {
        self.stretches.push(Stretch { from: from.position(), next });
        for set in sets {
            let types = self.types.entry((set.name.position(), set.name.clone())).or_default();
            if !types.contains(&set.rtype) {
                types.push(set.rtype.clone());
            }
        }
    }

    /// True if a question for `name` and `rtype` finds a record set of this type, a CNAME, or a
    /// wildcard that stands in for one of them (RFC 1034, section 4.3.2; RFC 4592, section 3.3.1).
    pub fn answers(&self, name: &Name, rtype: &str) -> Result<bool, Unread> {
        if !name.is_at_or_below(&self.apex) || self.refers_away(name, rtype)? {
            return Ok(false);
        }
        let types = self.types_at(name)?;
        // A delegation hands over all names below it, which one answer in its place would not.
        if ["NS", "DS"].contains(&rtype) {
            return Ok(types.iter().any(|other| other == rtype));
        }
        let fits = |types: &[String]| types.iter().any(|other| other == rtype || other == "CNAME");
        if !types.is_empty() {
            return Ok(fits(types));
        }
        // The closest enclosing name that exists has the say, and of the wildcards only its own.
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

    /// True if a delegation in this zone, at or above the name, sends the question to other name
    /// servers.
    fn refers_away(&self, name: &Name, rtype: &str) -> Result<bool, Unread> {
        let within = std::iter::once(name.clone())
            .chain(name.ancestors())
            .take_while(|name| name.is_below(&self.apex));
        // The topmost first, for a page that is read from it on holds those below as well.
        let within: Vec<Name> = within.collect();
        let found = within.into_iter().rev().try_for_each(|cut| {
            let own = cut == *name && ["NS", "DS"].contains(&rtype);
            match self.types_at(&cut) {
                Err(unread) => ControlFlow::Break(Err(unread)),
                Ok(types) if !own && types.iter().any(|rtype| rtype == "NS") => {
                    ControlFlow::Break(Ok(true))
                }
                Ok(_) => ControlFlow::Continue(()),
            }
        });
        found.break_value().unwrap_or(Ok(false))
    }

    fn types_at(&self, name: &Name) -> Result<&[String], Unread> {
        let position = name.position();
        self.stretch(&position).ok_or_else(|| Unread(name.clone()))?;
        Ok(self.types.get(&(position, name.clone())).map(Vec::as_slice).unwrap_or_default())
    }

    /// True if there is a record set at or below the name.
    fn exists(&self, name: &Name) -> Result<bool, Unread> {
        let position = name.position();
        let stretch = self.stretch(&position).ok_or_else(|| Unread(name.clone()))?;
        // What lies below starts with the same bytes; of what does, only an escaped dot lies
        // elsewhere.
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
