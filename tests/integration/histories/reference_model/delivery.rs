//! A delivery of a request, and what it asks for.

use delegation_model::ownership_record::Claimant;
use serde_json::Value;

use super::route::Destination;
use super::{ReferenceModel, Tick, text};
use crate::histories::fixture::{Desired, Point};
use crate::invariants::ds::RequestedDs;
use crate::invariants::ownership::{self, Asks, Behavior, Delete, Reason, Row};

/// When a request without a `ServiceTimeout` is stale, in seconds.
const STALE: i64 = 3600;
/// How long response URLs are valid, in seconds.
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
    /// The current time.
    pub(super) now: i64,
    /// True if no earlier delivery of the request has started.
    pub(super) first: bool,
    pub(super) desired: Option<Desired>,
    /// The old properties of an Update.
    pub(super) old: Option<Desired>,
    /// The point of the physical id.
    pub(super) physical: Option<Point>,
    /// True for a Delete with an invented id.
    pub(super) invented: bool,
    /// Where a Create or an Update goes. There may be several if something else happens meanwhile.
    pub(super) destinations: Vec<Destination>,
    /// The point of a Delete.
    pub(super) leaves: Option<Point>,
    /// The point of the old properties if it is neither. What a failed replacement left there is
    /// removed.
    pub(super) cleanup: Option<Point>,
    pub(super) began: Tick,
    /// When the observation for the next batch started.
    pub(super) round: Option<Tick>,
    /// When the observation for the current batch started.
    pub(super) changing: Tick,
    /// The row of the last batch at its destination, and when its observation started.
    pub(super) row: Option<(Row, Tick)>,
    /// The requested DS record set.
    pub(super) ds: RequestedDs,
}

impl Delivery {
    /// Returns true if CloudFormation no longer waits.
    pub(super) fn is_stale(&self) -> bool {
        self.now - self.at >= STALE
    }

    /// Returns true if S3 no longer accepts an answer.
    pub(super) fn is_expired(&self) -> bool {
        self.now - self.at >= EXPIRED
    }

    pub(super) fn stamp(&self, point: &Point) -> ownership::Stamp {
        let claimant =
            Claimant::new(&self.stack_id, &self.logical_id, &point.name.parse().unwrap());
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
    /// Records the start of a delivery, at a time in seconds since 1970.
    pub(crate) fn begin(&mut self, event: &Value, now: i64) {
        let (kind, request_id) = (text(event, "RequestType"), text(event, "RequestId"));
        let (stack_id, logical_id) = (text(event, "StackId"), text(event, "LogicalResourceId"));
        let owner = format!("{}/{logical_id}", stack_id.split('/').nth(1).unwrap_or_default());
        let physical_id = text(event, "PhysicalResourceId");
        let physical = self.fixture.of_id(&physical_id);
        let desired = self.fixture.parse(&event["ResourceProperties"]);
        let old = self.fixture.parse(&event["OldResourceProperties"]).filter(|_| kind == "Update");
        let unresolved = physical_id.starts_with("unresolved/");
        let invented = kind == "Delete" && physical.is_none() && !unresolved;
        let leaves = match &physical {
            _ if kind != "Delete" || unresolved => None,
            Some(point) => Some(point.clone()),
            None => desired.as_ref().and_then(|desired| self.fixture.point(desired, None)),
        };
        let first = self.known.insert(request_id.clone());
        self.quiet &= first && !desired.as_ref().is_some_and(|desired| desired.occlusion);
        let ds = desired.as_ref().map_or(RequestedDs::Off, |desired| self.requested_ds(desired));
        let mut delivery = Delivery {
            request_id,
            kind,
            stack_id,
            logical_id,
            owner,
            at: signed_at(&text(event, "ResponseURL")),
            now,
            first,
            desired,
            old,
            physical,
            invented,
            destinations: Vec::new(),
            leaves,
            cleanup: None,
            began: self.tick,
            round: None,
            changing: self.tick,
            row: None,
            ds,
        };
        let desired = delivery.desired.clone();
        delivery.destinations.extend(
            desired.and_then(|desired| self.destinations(&delivery.owner, &delivery, &desired)),
        );
        // A zone that satisfies the old properties is kept, as in the Update that is rolled back.
        let was = delivery
            .old
            .as_ref()
            .and_then(|old| self.fixture.point(old, delivery.physical.as_ref()));
        let elsewhere = |was: &Point| {
            delivery.physical.is_some()
                && Some(was) != delivery.physical.as_ref()
                && delivery.destinations.iter().all(|(point, _)| point != was)
        };
        delivery.cleanup = was.filter(elsewhere);
        let again = if first { "" } else { " AGAIN" };
        let Delivery { kind, owner, at, destinations, leaves, .. } = &delivery;
        self.note(&format!(
            "{kind}{again} {owner} at={at} id={physical_id:?} goes {destinations:?} leaves {leaves:?}"
        ));
        if !first {
            self.count("redelivered");
        }
        if let Some(point) = leaves.as_ref().filter(|_| first && !invented) {
            self.held.remove(&(owner.clone(), point.clone()));
        }
        delivery.began = self.tick;
        delivery.changing = self.tick;
        self.active.push(delivery);
    }

    fn requested_ds(&self, desired: &Desired) -> RequestedDs {
        if !desired.dnssec {
            return RequestedDs::Off;
        }
        if !self.signing[desired.child] {
            return RequestedDs::Unknown;
        }
        let keys = self.fixture.children[desired.child].handle.keys().into_iter();
        let active = keys
            .filter(|key| key.status == "ACTIVE")
            .map(|key| (key.name.clone(), key.ds_record()));
        let active: Vec<(String, String)> = active.collect();
        RequestedDs::from_keys(&active, desired.keys.as_deref())
    }

    /// Returns what a Create or an Update with this behavior asks for at the point.
    pub(super) fn create_update_asks(
        &self,
        delivery: &Delivery,
        point: &Point,
        behavior: &Behavior,
        blocked: Option<bool>,
    ) -> Option<Asks> {
        let desired = delivery.desired.as_ref()?;
        let old = delivery.old.as_ref();
        let intent = ownership::Intent {
            behavior: behavior.clone(),
            servers: desired.servers.clone(),
            ttl: desired.ttl,
            changes_ttl: old.is_some_and(|old| old.ttl != desired.ttl),
            changes_ds_ttl: old.is_some_and(|old| old.ds_ttl != desired.ds_ttl),
            overwrite: desired.overwrite,
            allowed: true,
            digest: self.intent(desired),
            old_digest: old.map(|old| self.intent(old)),
            ds: delivery.ds.clone(),
            ds_ttl: desired.ds_ttl,
            blocked,
        };
        debug_assert_eq!(desired.name, point.name);
        Some(Asks::CreateUpdate(intent))
    }

    /// Returns what the removal of a claim asks for at the point.
    pub(super) fn delete_asks(&self, delivery: &Delivery, why: Reason) -> Asks {
        let desired = if why == Reason::Requested && delivery.kind == "Update" {
            &delivery.old
        } else {
            &delivery.desired
        };
        let known = desired.as_ref().map(|desired| {
            let child = &self.fixture.children[desired.child].servers;
            if desired.given {
                desired.servers.union(child).cloned().collect()
            } else {
                child.clone()
            }
        });
        Asks::Delete(Delete { why, known, restore_rejected: false })
    }
}

/// Returns the date of a response URL, in seconds since 1970.
fn signed_at(url: &str) -> i64 {
    let date = url.split_once("X-Amz-Date=").map_or("", |(_, rest)| rest);
    let number = |from: usize, to: usize| {
        date.get(from..to).and_then(|digits| digits.parse::<i64>().ok()).unwrap_or(0)
    };
    let (year, month, day) = (number(0, 4), number(4, 6), number(6, 8));
    // Days of the civil calendar, with years starting in March.
    let (shifted, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (month * 153 + 2) / 5 + day
            - 719_469;
    days * 86_400 + number(9, 11) * 3600 + number(11, 13) * 60 + number(13, 15)
}
