//! One delivery of a request, and what it asks for.

use serde_json::Value;

use super::{Ledger, Tick, text};
use crate::histories::atlas::{Asked, Place, is_below};
use crate::laws::claims::stack_of;
use crate::laws::secure::Wanted;

#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) request_id: String,
    pub(crate) kind: String,
    /// `<stack name>/<logical id>`.
    pub(crate) owner: String,
    /// When its URL was signed, in seconds since 1970.
    pub(super) at: i64,
    /// No earlier delivery of the request has begun.
    pub(super) first: bool,
    pub(super) asked: Option<Asked>,
    /// The same of the old properties of an Update.
    pub(super) old: Option<Asked>,
    /// Where the request wants the delegation, or wants it gone.
    pub(super) target: Option<Place>,
    /// The place of the physical id.
    pub(super) pinned: Option<Place>,
    /// The place of the old properties if it is neither: what a failed replacement left goes.
    pub(super) cleanup: Option<Place>,
    pub(super) began: Tick,
    /// When the reading began that the next batch is planned on.
    pub(super) round: Option<Tick>,
    /// When the reading began that the batch under way was planned on.
    pub(super) changing: Tick,
    pub(super) last_read: Tick,
    pub(super) last_batch: Option<Tick>,
    /// When the reading began that the last batch at the target was planned on; the beginning if there was none.
    pub(super) settled: Tick,
    /// The DS record set that is asked for.
    pub(super) ds: Wanted,
    /// It put name servers back: the DS record set is for a later request.
    pub(super) put_back: bool,
    /// By the tables nothing stands in its way, if nobody changes anything.
    pub(super) must_succeed: bool,
}

impl Ledger {
    /// A delivery begins.
    pub(crate) fn begin(&mut self, event: &Value) {
        let (kind, request_id) = (text(event, "RequestType"), text(event, "RequestId"));
        let stack = text(event, "StackId").split('/').nth(1).unwrap_or_default().to_owned();
        let owner = format!("{stack}/{}", text(event, "LogicalResourceId"));
        let physical_id = text(event, "PhysicalResourceId");
        let pinned = self.atlas.of_id(&physical_id);
        let asked = self.atlas.asked(&event["ResourceProperties"]);
        let old = self.atlas.asked(&event["OldResourceProperties"]).filter(|_| kind == "Update");
        let by_properties =
            asked.as_ref().and_then(|asked| self.wanted_place(&owner, asked, pinned.as_ref(), old.as_ref()));
        let marker = physical_id.starts_with("unresolved/");
        let target = match kind.as_str() {
            "Delete" if marker => None,
            "Delete" => pinned.clone().or(by_properties),
            _ => by_properties,
        };
        let was = old.as_ref().and_then(|old| self.atlas.place(old, pinned.as_ref()));
        let cleanup = was.filter(|was| Some(was) != target.as_ref() && Some(was) != pinned.as_ref());
        let first = self.known.insert(request_id.clone());
        self.quiet &= first && !asked.as_ref().is_some_and(|asked| asked.overwrite || asked.occlusion);
        let again = if first { "" } else { " AGAIN" };
        let at = signed_at(&text(event, "ResponseURL"));
        self.note(&format!("{kind}{again} {owner} at={at} id={physical_id:?} target={target:?}"));
        if !first {
            self.count("redelivered");
        }
        if let Some(place) = target.as_ref().filter(|_| kind == "Delete" && first) {
            self.held.remove(&(owner.clone(), place.clone()));
        }
        let began = self.tick;
        let ds = asked.as_ref().map_or(Wanted::Off, |asked| self.wanted_ds(asked));
        let must_succeed = first
            && kind != "Delete"
            && asked
                .as_ref()
                .zip(target.as_ref())
                .is_some_and(|(asked, place)| self.is_clear(&owner, at, asked, place));
        self.active.push(Delivery {
            request_id,
            kind,
            owner,
            at,
            first,
            asked,
            old,
            target,
            pinned,
            cleanup,
            began,
            round: None,
            changing: began,
            last_read: began,
            last_batch: None,
            settled: began,
            ds,
            put_back: false,
            must_succeed,
        });
    }
}

impl Ledger {
    /// The place of the properties; where the parent properties changed, it may be the one where the own claim stands.
    fn wanted_place(&self, owner: &str, asked: &Asked, pinned: Option<&Place>, old: Option<&Asked>) -> Option<Place> {
        let home = self.atlas.place(asked, None).filter(|home| {
            old.is_some_and(|old| old.parent != asked.parent)
                && self.claims(home).iter().any(|claim| claim.owner == owner)
        });
        home.or_else(|| self.atlas.place(asked, pinned))
    }

    /// True if the tables let a Create or Update of `asked` through; false may also mean that it depends.
    fn is_clear(&self, owner: &str, at: i64, asked: &Asked, place: &Place) -> bool {
        let claims = self.claims(place);
        let own = claims.iter().find(|claim| claim.owner == owner);
        let others = claims.iter().any(|claim| claim.stack() != stack_of(owner));
        let in_the_way = |(name, _): &(String, String)| {
            let at_or_below = *name == place.name || is_below(name, &place.name);
            at_or_below || is_below(&place.name, name) && *name != self.atlas.parents[place.zone].name
        };
        let empty = !self.zones[place.zone].keys().any(in_the_way);
        let fresh = own.is_none_or(|own| own.at <= at);
        let row = match self.delegation(place) {
            None => empty,
            Some((servers, _)) => servers == asked.servers || own.is_some(),
        };
        fresh && !others && self.is_clear_for_ds(owner, asked, place) && row && !self.lies_below_a_delegation(place)
    }
}

/// The date of a response URL in seconds since 1970.
fn signed_at(url: &str) -> i64 {
    let date = url.split_once("X-Amz-Date=").map_or("", |(_, rest)| rest);
    let number = |from: usize, to: usize| date.get(from..to).and_then(|digits| digits.parse::<i64>().ok()).unwrap_or(0);
    let (year, month, day) = (number(0, 4), number(4, 6), number(6, 8));
    // Days from the civil calendar, years starting in March.
    let (shifted, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (month * 153 + 2) / 5 + day - 719_469;
    days * 86_400 + number(9, 11) * 3600 + number(11, 13) * 60 + number(13, 15)
}
