//! The table of arriving and updating.

use super::CreateUpdateRow as Row;
use super::{Behavior, ExpectedState, Intent, Own, Stamp, Verdict, own_of};
use crate::invariants::ds;
use crate::invariants::record::{By, Claim, DAY, Displaced, Origin, PointState, Set, ns_digest};

/// A Create or an Update of a resource at a point.
pub(super) struct CreateUpdate<'a> {
    stamp: &'a Stamp,
    intent: &'a Intent,
    point_state: &'a PointState,
    own: Option<&'a Claim>,
    desired: String,
}

impl<'a> CreateUpdate<'a> {
    pub(super) fn new(stamp: &'a Stamp, intent: &'a Intent, point_state: &'a PointState) -> Self {
        let own = point_state.record.own(&stamp.owner, stamp.now);
        Self {
            stamp,
            intent,
            point_state,
            own,
            desired: ns_digest(&intent.servers).unwrap_or_default(),
        }
    }

    fn others(&self) -> impl Iterator<Item = &Claim> {
        self.point_state.record.others(&self.stamp.owner)
    }

    /// Returns what the table of arriving and updating says.
    pub(super) fn decide(&self) -> Verdict {
        let Self { stamp, intent, point_state, own, .. } = self;
        if own.is_some_and(|own| own.fence(stamp.now) > Some(stamp.at)) {
            return Verdict::Overtaken;
        }
        if own.is_some_and(|own| {
            own.at == stamp.at && stamp.req.as_ref().is_none_or(|req| *req == own.req)
        }) {
            return Verdict::Again;
        }
        let tombstone = point_state.record.tombstone(&stamp.id, stamp.now);
        if tombstone >= Some(stamp.at) && intent.behavior == Behavior::Create {
            return Verdict::Overtaken;
        }
        let row = if intent.blocked == Some(true) { Err("a check") } else { self.row() };
        match row {
            Ok(row) => self.done(row),
            Err(why) if intent.is_arrival() || (self.asks_for_new() && self.would_change()) => {
                Verdict::Refused(why)
            }
            Err(why) => Verdict::Kept(why),
        }
    }

    fn row(&self) -> Result<Row, &'static str> {
        let Self { intent, point_state, own, desired, .. } = self;
        let conflict = self.others().any(|claim| claim.ns != *desired);
        if point_state.ns.is_none() {
            let may = !conflict || (own.is_some() && !intent.is_arrival()) || intent.overwrite;
            return if may { Ok(Row::Create) } else { Err("others claim different name servers") };
        }
        let current = point_state.current();
        if current.as_ref() == Some(desired) {
            return Ok(Row::Unchanged);
        }
        let names = |claim: &Claim| Some(&claim.ns) == current.as_ref();
        let own_names = own.is_some_and(names);
        let unreadable = point_state.record.has_unreadable();
        let named_by_others = self.others().any(names) || unreadable;
        let origin = point_state.origin();
        let mut displaces = intent.overwrite;
        if intent.is_arrival() {
            // A stack that was created again, or a retained delegation.
            displaces |= own_names && !named_by_others;
        } else {
            let lasting =
                self.others().any(|claim| names(claim) && claim.is_lasting()) || unreadable;
            let holds = own.is_some_and(|own| point_state.holds(own));
            if holds && !lasting && (origin.is_none() || self.is_later()) {
                return Ok(Row::Change);
            }
            let drifted = own.is_some() && !own_names && !named_by_others;
            if drifted && point_state.record.before.is_none() && !conflict {
                return Ok(Row::Repair);
            }
        }
        match (displaces, unreadable, origin) {
            (false, _, _) => Err("the resource may not change the current name servers"),
            (true, true, _) => Err("a value is unreadable"),
            (true, false, Some(_)) => Err("the delegation is not settled"),
            (true, false, None) => Ok(Row::Displace),
        }
    }

    /// Returns true if the request was made after the one that wrote the claim.
    fn is_later(&self) -> bool {
        self.own.is_some_and(|own| own.fence(self.stamp.now) < Some(self.stamp.at))
    }

    fn asks_for_new(&self) -> bool {
        match self.own {
            Some(own) => own.intent != self.intent.digest && !self.is_rollback(),
            None => self.intent.old_digest.as_ref() != Some(&self.intent.digest),
        }
    }

    fn is_rollback(&self) -> bool {
        self.own.is_some_and(|own| {
            own.was.as_ref() == Some(&self.intent.digest)
                && (0..=DAY).contains(&(self.stamp.at - own.at))
        })
    }

    /// Returns true if the request would change NS or DS if it were not refused.
    fn would_change(&self) -> bool {
        self.point_state.current().as_ref() != Some(&self.desired)
            || ds::would_change(self.stamp, self.intent, self.point_state)
    }

    fn done(&self, row: Row) -> Verdict {
        let Self { stamp, intent, point_state, own, desired } = self;
        let desired_set = Set { values: intent.servers.clone(), ttl: intent.ttl };
        let left = point_state.record.before.clone();
        let mut ns = Some(desired_set.clone());
        let before = match row {
            Row::Create | Row::Change | Row::Repair => None,
            Row::Displace => {
                let Some(there) = &point_state.ns else { return Verdict::Nothing };
                let current = point_state.current();
                let claimed = self.others().any(|claim| Some(&claim.ns) == current.as_ref());
                let displaced = Displaced {
                    servers: there.values.clone(),
                    ttl: there.ttl,
                    at: stamp.at,
                    claimed,
                };
                Some(Origin { of: desired.clone(), displaced: Some(displaced) })
            }
            Row::Unchanged if intent.is_arrival() => {
                ns.clone_from(&point_state.ns);
                let own_names = own.is_some_and(|own| own.ns == *desired);
                let is_redeclared = own_names && intent.behavior == Behavior::Create;
                let named = self
                    .others()
                    .any(|claim| claim.ns == *desired && (claim.is_lasting() || !is_redeclared))
                    || point_state.record.has_unreadable()
                    || (own_names && !is_redeclared);
                if point_state.origin().is_none() && !named {
                    Some(Origin { of: desired.clone(), displaced: None })
                } else {
                    left
                }
            }
            Row::Unchanged => {
                let sole = !point_state.is_held_by_others(&stamp.owner);
                if !sole && !intent.changes_ttl {
                    ns.clone_from(&point_state.ns);
                }
                let settles = self.is_later() && own.is_some_and(|own| point_state.holds(own));
                left.filter(|_| !settles)
            }
        };
        let was = own.map_or_else(|| intent.old_digest.clone(), |own| Some(own.intent.clone()));
        let arrived = if row == Row::Unchanged { By::Came } else { By::Made };
        let (by, was, from) = match &intent.behavior {
            Behavior::InPlace => {
                // A second delivery leaves it, and only a later Update removes it.
                let from = own.and_then(|own| own.from.clone()).filter(|_| !self.is_later());
                (By::Up, was, from)
            }
            Behavior::Home { from } => (By::Up, was, Some(from.clone())),
            Behavior::Replacement { from } => (arrived, None, Some(from.clone())),
            Behavior::Create => (arrived, None, None),
        };
        let saw = before
            .as_ref()
            .and_then(|origin| origin.displaced.as_ref())
            .map(|displaced| displaced.at);
        let own = Own { ns: desired.clone(), intent: intent.digest.clone(), was, by, saw, from };
        Verdict::Becomes(Box::new(ExpectedState {
            ns,
            before,
            own: Some(own),
            tombstone: false,
            row: super::Row::CreateUpdate(row),
        }))
    }

    /// Returns the expected claim if everything else stays.
    pub(super) fn kept(&self) -> Option<Own> {
        let own = self.own?;
        let mut kept = own_of(own);
        if self.is_rollback() && own.intent != self.intent.digest {
            kept.was = Some(std::mem::replace(&mut kept.intent, self.intent.digest.clone()));
            // If it is the only holder, it remains so. At a name that is not allowed, it names what
            // it named (ALLOW-2).
            let alone = self.point_state.holds(own)
                && !self.point_state.is_held_by_others(&self.stamp.owner);
            if alone || !self.intent.allowed {
                return Some(kept);
            }
            kept.ns.clone_from(&self.desired);
            kept.saw = self
                .point_state
                .record
                .before
                .as_ref()
                .and_then(|before| Some(before.displaced.as_ref()?.at));
        }
        Some(kept)
    }
}
