//! One delivery of a request, and what it asks for.

use delegation_model::ownership_record::Claimant;
use serde_json::Value;

use super::route::Goes;
use super::{ReferenceModel, Tick, text};
use crate::histories::atlas::{Asked, Place};
use crate::invariants::ds::Wanted;
use crate::invariants::ownership::{self, Asks, Leave, Way};

/// A request without a `ServiceTimeout` is over then.
const STALE: i64 = 3600;
/// Response URLs are signed for so long.
const EXPIRED: i64 = 7200;

#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) request_id: String,
    pub(crate) kind: String,
    pub(super) stack_id: String,
    pub(super) logical_id: String,
    /// `<stack name>/<logical id>`.
    pub(crate) owner: String,
    /// When its URL was signed, in seconds since 1970.
    pub(super) at: i64,
    /// The clock.
    pub(super) now: i64,
    /// No earlier delivery of the request has begun.
    pub(super) first: bool,
    pub(super) asked: Option<Asked>,
    /// The same of the old properties of an Update.
    pub(super) old: Option<Asked>,
    /// The place of the physical id.
    pub(super) physical: Option<Place>,
    /// CloudFormation invented the physical id of a Delete.
    pub(super) invented: bool,
    /// Where a Create or an Update goes; several if somebody acts meanwhile.
    pub(super) goes: Vec<Goes>,
    /// What a Delete is about.
    pub(super) leaves: Option<Place>,
    /// The place of the old properties if it is neither: what a failed replacement left goes.
    pub(super) cleanup: Option<Place>,
    pub(super) began: Tick,
    /// When the reading began that the next batch is planned on.
    pub(super) round: Option<Tick>,
    /// When the reading began that the batch under way was planned on.
    pub(super) changing: Tick,
    /// The row of the last batch at its place, and when the reading began that it was planned on.
    pub(super) row: Option<(&'static str, Tick)>,
    /// The DS record set that is asked for.
    pub(super) ds: Wanted,
}

impl Delivery {
    /// So late that CloudFormation waits no longer.
    pub(super) fn is_stale(&self) -> bool {
        self.now - self.at >= STALE
    }

    /// So late that S3 takes no answer.
    pub(super) fn is_expired(&self) -> bool {
        self.now - self.at >= EXPIRED
    }

    pub(super) fn stamp(&self, place: &Place) -> ownership::Stamp {
        let claimant =
            Claimant::new(&self.stack_id, &self.logical_id, &place.name.parse().unwrap());
        let req = delegation_model::digest::RequestDigest::new(&self.request_id).to_string();
        ownership::Stamp {
            owner: self.owner.clone(),
            id: claimant.id().to_string(),
            at: self.at,
            req: Some(req),
            now: self.now,
        }
    }
}

impl ReferenceModel {
    /// A delivery begins, at that time in seconds since 1970.
    pub(crate) fn begin(&mut self, event: &Value, now: i64) {
        let (kind, request_id) = (text(event, "RequestType"), text(event, "RequestId"));
        let (stack_id, logical_id) = (text(event, "StackId"), text(event, "LogicalResourceId"));
        let owner = format!("{}/{logical_id}", stack_id.split('/').nth(1).unwrap_or_default());
        let physical_id = text(event, "PhysicalResourceId");
        let physical = self.atlas.of_id(&physical_id);
        let asked = self.atlas.asked(&event["ResourceProperties"]);
        let old = self.atlas.asked(&event["OldResourceProperties"]).filter(|_| kind == "Update");
        let marker = physical_id.starts_with("unresolved/");
        let invented = kind == "Delete" && physical.is_none() && !marker;
        let leaves = match &physical {
            _ if kind != "Delete" || marker => None,
            Some(place) => Some(place.clone()),
            None => asked.as_ref().and_then(|asked| self.atlas.place(asked, None)),
        };
        let first = self.known.insert(request_id.clone());
        self.quiet &= first && !asked.as_ref().is_some_and(|asked| asked.occlusion);
        let ds = asked.as_ref().map_or(Wanted::Off, |asked| self.wanted_ds(asked));
        let mut delivery = Delivery {
            request_id,
            kind,
            stack_id,
            logical_id,
            owner,
            at: signed_at(&text(event, "ResponseURL")),
            now,
            first,
            asked,
            old,
            physical,
            invented,
            goes: Vec::new(),
            leaves,
            cleanup: None,
            began: self.tick,
            round: None,
            changing: self.tick,
            row: None,
            ds,
        };
        let asked = delivery.asked.clone();
        delivery.goes.extend(asked.and_then(|asked| self.goes(&delivery.owner, &delivery, &asked)));
        // A zone that suits is kept, as by the Update that it takes back.
        let was =
            delivery.old.as_ref().and_then(|old| self.atlas.place(old, delivery.physical.as_ref()));
        let elsewhere = |was: &Place| {
            delivery.physical.is_some()
                && Some(was) != delivery.physical.as_ref()
                && delivery.goes.iter().all(|(place, _)| place != was)
        };
        delivery.cleanup = was.filter(elsewhere);
        let again = if first { "" } else { " AGAIN" };
        let Delivery { kind, owner, at, goes, leaves, .. } = &delivery;
        self.note(&format!(
            "{kind}{again} {owner} at={at} id={physical_id:?} goes {goes:?} leaves {leaves:?}"
        ));
        if !first {
            self.count("redelivered");
        }
        if let Some(place) = leaves.as_ref().filter(|_| first && !invented) {
            self.held.remove(&(owner.clone(), place.clone()));
        }
        delivery.began = self.tick;
        delivery.changing = self.tick;
        self.active.push(delivery);
    }

    fn wanted_ds(&self, asked: &Asked) -> Wanted {
        let keys = self.atlas.children[asked.child].handle.keys().into_iter();
        let active = keys
            .filter(|key| key.status == "ACTIVE")
            .map(|key| (key.name.clone(), key.ds_record()));
        let active: Vec<(String, String)> = active.collect();
        Wanted::of(asked.dnssec, self.signing[asked.child], &active, asked.keys.as_deref())
    }

    /// What a Create or an Update that comes in this way wants there.
    pub(super) fn present(
        &self,
        delivery: &Delivery,
        place: &Place,
        way: &Way,
        hindered: Option<bool>,
    ) -> Option<Asks> {
        let asked = delivery.asked.as_ref()?;
        let old = delivery.old.as_ref();
        let intent = ownership::Intent {
            way: way.clone(),
            servers: asked.servers.clone(),
            ttl: asked.ttl,
            changes_ttl: old.is_some_and(|old| old.ttl != asked.ttl),
            changes_ds_ttl: old.is_some_and(|old| old.ds_ttl != asked.ds_ttl),
            overwrite: asked.overwrite,
            digest: self.intent(asked),
            old_digest: old.map(|old| self.intent(old)),
            ds: delivery.ds.clone(),
            ds_ttl: asked.ds_ttl,
            hindered,
        };
        debug_assert_eq!(asked.name, place.name);
        Some(Asks::Present(intent))
    }

    /// What a claim that goes wants there.
    pub(super) fn absent(&self, delivery: &Delivery, why: Leave) -> Asks {
        let asked = if why == Leave::Asked && delivery.kind == "Update" {
            &delivery.old
        } else {
            &delivery.asked
        };
        let known = asked.as_ref().map(|asked| {
            let child = &self.atlas.children[asked.child].servers;
            if asked.given { asked.servers.union(child).cloned().collect() } else { child.clone() }
        });
        Asks::Absent { why, known, keeps_displaced_away: false }
    }
}

/// The date of a response URL in seconds since 1970.
fn signed_at(url: &str) -> i64 {
    let date = url.split_once("X-Amz-Date=").map_or("", |(_, rest)| rest);
    let number = |from: usize, to: usize| {
        date.get(from..to).and_then(|digits| digits.parse::<i64>().ok()).unwrap_or(0)
    };
    let (year, month, day) = (number(0, 4), number(4, 6), number(6, 8));
    // Days from the civil calendar, years starting in March.
    let (shifted, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (month * 153 + 2) / 5 + day
            - 719_469;
    days * 86_400 + number(9, 11) * 3600 + number(11, 13) * 60 + number(13, 15)
}
