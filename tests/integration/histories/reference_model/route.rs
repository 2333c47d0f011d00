//! Where requests go: the rules `MOVE-1` and on, for zones that always exist and that every role of
//! their account can read.

use std::collections::BTreeSet;

use delegation_model::digest::Digest;
use delegation_model::digest::Intent as Properties;
use delegation_model::name_servers::NameServers;
use delegation_model::parent::ParentZone;

use super::ReferenceModel;
use super::occlusion::is_below_a_delegation;
use crate::histories::fixture::{Desired, Point};
use crate::histories::history::{PARENTS, Parent};
use crate::invariants::ownership::Behavior;

/// Where a Create or an Update goes, and how it gets there.
pub(super) type Destination = (Point, Behavior);

impl ReferenceModel {
    /// Updates the destinations of the running requests, which every change may affect.
    pub(super) fn update_destinations(&mut self) {
        for index in 0..self.active.len() {
            let delivery = self.active[index].clone();
            if let Some(destinations) = delivery
                .desired
                .as_ref()
                .and_then(|desired| self.destinations(&delivery.owner, &delivery, desired))
                && !self.active[index].destinations.contains(&destinations)
            {
                self.active[index].destinations.push(destinations);
            }
        }
    }

    pub(super) fn destinations(
        &self,
        owner: &str,
        delivery: &super::Delivery,
        desired: &Desired,
    ) -> Option<Destination> {
        match delivery.kind.as_str() {
            "Create" => Some((self.fixture.point(desired, None)?, Behavior::Create)),
            "Update" => self.update_destination(owner, delivery, desired),
            _ => None,
        }
    }

    fn update_destination(
        &self,
        owner: &str,
        delivery: &super::Delivery,
        desired: &Desired,
    ) -> Option<Destination> {
        let found = self.fixture.point(desired, None);
        let route = |desired: &Desired| self.route(desired).to_string();
        let from = |zone: Option<usize>| {
            let zone = zone.map_or("-", |zone| self.fixture.parents[zone].id.as_str());
            let route = delivery.old.as_ref().map(route).unwrap_or_default();
            format!("{zone}/{route}")
        };
        let replaced = |zone: Option<usize>| Behavior::Replacement { from: from(zone) };
        let Some(physical) = &delivery.physical else { return Some((found?, replaced(None))) };
        let claim = self.point_state(physical).record.own(owner, delivery.now).cloned();
        let mut occluded_home = None;
        if let Some((zone, led)) =
            claim.as_ref().and_then(|claim| claim.from.as_ref()?.split_once('/'))
            && led == route(desired)
            && let Some(zone) = self.fixture.parents.iter().position(|known| known.id == zone)
            && self.fixture.parents[zone].account == account(desired.parent)
        {
            let home = Point { zone, name: desired.name.clone() };
            if self.point_state(&home).record.own(owner, delivery.now).is_some() {
                if !self.is_occluded(&home) || !matches!(desired.parent, Parent::Closest(_)) {
                    return Some((home, Behavior::Home { from: from(Some(physical.zone)) }));
                }
                occluded_home = Some(home);
            }
        }
        let satisfied = self.fixture.point(desired, Some(physical)).as_ref() == Some(physical);
        if satisfied && claim.is_some() {
            return Some((physical.clone(), Behavior::InPlace));
        }
        let found = found?;
        let behavior = if found == *physical {
            Behavior::InPlace
        } else if Some(&found) == occluded_home.as_ref() {
            Behavior::Home { from: from(Some(physical.zone)) }
        } else {
            replaced(Some(physical.zone))
        };
        Some((found, behavior))
    }

    /// Returns true if no delegation exists at the point, and one exists above it.
    fn is_occluded(&self, point: &Point) -> bool {
        self.record(point.zone, &point.name, "NS").is_none()
            && is_below_a_delegation(&self.zones, &self.fixture, point)
    }

    fn route(&self, desired: &Desired) -> Digest {
        let parent = match desired.parent {
            Parent::Id(zone) => ParentZone::Id(self.fixture.parents[zone].id.parse().unwrap()),
            Parent::Name(zone) => {
                ParentZone::Name(self.fixture.parents[zone].name.parse().unwrap())
            }
            Parent::Closest(_) => ParentZone::Closest,
        };
        let role = self.fixture.role(account(desired.parent));
        Digest::from_route(&parent, Some(role), &desired.name.parse().unwrap())
    }

    /// Returns the digest of the intent of the properties.
    pub(super) fn intent(&self, desired: &Desired) -> String {
        let child_zone = self.fixture.children[desired.child].id.parse().unwrap();
        let given: Vec<&str> = desired.servers.iter().map(String::as_str).collect();
        let given = NameServers::from_values(&given).filter(|_| desired.given);
        let keys = desired
            .keys
            .as_ref()
            .map(|keys| keys.iter().map(|key| key.parse().unwrap()).collect::<BTreeSet<_>>());
        let intent = Properties {
            child_zone: Some(&child_zone),
            name_servers: given.as_ref(),
            dnssec: desired.dnssec,
            key_signing_keys: keys.as_ref(),
        };
        Digest::from_intent(&intent).to_string()
    }
}

/// Returns the account of the role in the properties.
fn account(parent: Parent) -> usize {
    match parent {
        Parent::Id(zone) | Parent::Name(zone) => PARENTS[zone].0,
        Parent::Closest(account) => account,
    }
}
