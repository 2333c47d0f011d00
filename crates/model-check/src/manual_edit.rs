//! Manual edits: what people change by hand.

use std::fmt;

use delegation_model::record_set::RecordType;

use crate::model::Model;
use crate::points::PointChange;
use crate::properties::Whose;
use crate::state::{LeftBy, Maker, State};
use crate::values::{BY_HAND, letter, resource_text, ttl, zone_letter};

/// A manual edit in one of the parent zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManualEdit {
    /// Somebody sets these name servers in the zone.
    SetNs(u8, u8),
    /// Somebody replaces the child zone of `x`, and sets its new name servers `h`.
    Rezone(u8),
    RemoveNs(u8),
    RemoveTxt(u8),
    /// Somebody removes the claim of a resource.
    RemoveClaim(u8, u8),
    /// Somebody sets a DS record set, for keys of the zone of these name servers or of another
    /// zone.
    SetDs {
        zone: u8,
        /// The name servers whose keys they are.
        servers: u8,
        /// The keys, as bits.
        keys: u8,
    },
    RemoveDs(u8),
}

impl ManualEdit {
    fn zone(self) -> u8 {
        match self {
            Self::SetNs(zone, _)
            | Self::Rezone(zone)
            | Self::RemoveNs(zone)
            | Self::RemoveTxt(zone)
            | Self::RemoveClaim(zone, _)
            | Self::SetDs { zone, .. }
            | Self::RemoveDs(zone) => zone,
        }
    }
}

impl fmt::Display for ManualEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = zone_letter(self.zone());
        match self {
            Self::SetNs(_, servers) => write!(f, "by hand: set NS {} in {zone}", letter(*servers)),
            Self::Rezone(_) => {
                write!(f, "by hand: replace the child zone of x, and set NS h in {zone}")
            }
            Self::RemoveNs(_) => write!(f, "by hand: remove NS in {zone}"),
            Self::RemoveTxt(_) => write!(f, "by hand: remove TXT in {zone}"),
            Self::RemoveClaim(_, resource) => {
                write!(f, "by hand: remove the claim of {} in {zone}", resource_text(*resource))
            }
            Self::SetDs { servers, keys, .. } => {
                write!(f, "by hand: set DS of {} keys {keys} in {zone}", letter(*servers))
            }
            Self::RemoveDs(_) => write!(f, "by hand: remove DS in {zone}"),
        }
    }
}

impl Model {
    /// Applies a manual edit; `None` if it would change nothing.
    pub(crate) fn by_hand(&mut self, state: &State, edit: ManualEdit) -> Option<State> {
        let mut state = state.clone();
        let zone = usize::from(edit.zone());
        let before = state.points[zone];
        let after = match edit {
            ManualEdit::SetNs(_, servers) => {
                let values = self.points.values.servers[usize::from(servers)].values();
                self.points.put(
                    before,
                    RecordType::Ns,
                    Some((ttl(if servers == BY_HAND { 60 } else { 300 }), values)),
                )
            }
            ManualEdit::Rezone(_) => {
                let values = self.points.values.servers[usize::from(BY_HAND)].values();
                state.rezoned = true;
                self.points.put(before, RecordType::Ns, Some((ttl(60), values)))
            }
            ManualEdit::RemoveNs(_) => self.points.put(before, RecordType::Ns, None),
            ManualEdit::RemoveTxt(_) => self.points.remove_record(before),
            ManualEdit::RemoveClaim(_, resource) => {
                let claimant = self.points.values.claimants[usize::from(resource)].clone();
                self.points.edit_record(before, |record| record.remove_claim(&claimant))
            }
            ManualEdit::SetDs { servers, keys, .. } => {
                let values =
                    self.points.values.ds[usize::from(servers)][usize::from(keys)].values();
                self.points.put(before, RecordType::Ds, Some((ttl(3600), values)))
            }
            ManualEdit::RemoveDs(_) => self.points.put(before, RecordType::Ds, None),
        };
        if after == before {
            return None;
        }
        let (was, is) = (self.points.view(before).clone(), self.points.view(after).clone());
        state.left.by_hand -= 1;
        state.points[zone] = after;
        self.check_caches(&mut state, edit.zone(), PointChange { before, after }, Whose::ByHand);
        let facts = &mut state.facts[zone];
        if (was.servers, was.ttl) != (is.servers, is.ttl) {
            let names =
                |claim: &crate::points::ClaimView| claim.lasting || claim.servers == is.servers;
            let ours = was.claims.iter().any(names)
                || (!was.claims.is_empty()
                    && matches!(facts.maker, Maker::Ours | Maker::HandOverOurs));
            facts.maker = match is.servers {
                Some(_) if ours => Maker::HandOverOurs,
                Some(_) => Maker::Hand,
                None => Maker::Nobody,
            };
            facts.settled = false;
            facts.left_by = LeftBy::Nobody;
            facts.ns_by_hand |= !was.claims.is_empty();
        }
        facts.ds_by_hand |= was.ds != is.ds;
        let removed = was.claims.iter().filter(|claim| is.claim(claim.resource).is_none());
        for claim in removed {
            facts.claims_by_hand |= 1 << claim.resource;
            if claim.servers == is.servers && is.servers.is_some() {
                facts.left_by = LeftBy::ByHand;
            }
        }
        facts.origin_by_hand |= was.records_origin && !is.records_origin;
        for operation in state.operations.iter_mut().flatten() {
            operation.disturbed = true;
            operation.by_hand = true;
        }
        Some(state)
    }
}
