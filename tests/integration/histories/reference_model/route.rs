//! Where requests go: the rules `MOVE-…`, for zones that every role of their account can read and
//! that never go.

use std::collections::BTreeSet;

use delegation_model::digest::Digest;
use delegation_model::digest::Intent as Properties;
use delegation_model::name_servers::NameServers;
use delegation_model::parent::ParentZone;

use super::ReferenceModel;
use crate::histories::atlas::{Asked, Place};
use crate::histories::history::{PARENTS, Parent};
use crate::invariants::ownership::Way;

/// Where a Create or an Update goes, and how it comes there.
pub(super) type Goes = (Place, Way);

impl ReferenceModel {
    /// Everything that is done may change where the requests under way go.
    pub(super) fn look_where_requests_go(&mut self) {
        for index in 0..self.active.len() {
            let delivery = self.active[index].clone();
            if let Some(goes) = delivery
                .asked
                .as_ref()
                .and_then(|asked| self.goes(&delivery.owner, &delivery, asked))
                && !self.active[index].goes.contains(&goes)
            {
                self.active[index].goes.push(goes);
            }
        }
    }

    pub(super) fn goes(
        &self,
        owner: &str,
        delivery: &super::Delivery,
        asked: &Asked,
    ) -> Option<Goes> {
        match delivery.kind.as_str() {
            "Create" => Some((self.atlas.place(asked, None)?, Way::Create)),
            "Update" => self.update_goes(owner, delivery, asked),
            _ => None,
        }
    }

    fn update_goes(&self, owner: &str, delivery: &super::Delivery, asked: &Asked) -> Option<Goes> {
        let found = self.atlas.place(asked, None);
        let route = |asked: &Asked| self.route(asked).to_string();
        let from = |zone: Option<usize>| {
            let zone = zone.map_or("-", |zone| self.atlas.parents[zone].id.as_str());
            let route = delivery.old.as_ref().map(route).unwrap_or_default();
            format!("{zone}/{route}")
        };
        let replaced = |zone: Option<usize>| Way::Replacement { from: from(zone) };
        let Some(physical) = &delivery.physical else { return Some((found?, replaced(None))) };
        let claim = self.scene(physical).record.own(owner, delivery.now).cloned();
        if let Some((zone, led)) =
            claim.as_ref().and_then(|claim| claim.from.as_ref()?.split_once('/'))
            && led == route(asked)
            && let Some(zone) = self.atlas.parents.iter().position(|known| known.id == zone)
            && self.atlas.parents[zone].account == account(asked.parent)
        {
            let home = Place { zone, name: asked.name.clone() };
            if self.scene(&home).record.own(owner, delivery.now).is_some() {
                return Some((home, Way::Home { from: from(Some(physical.zone)) }));
            }
        }
        let satisfied = self.atlas.place(asked, Some(physical)).as_ref() == Some(physical);
        if satisfied && claim.is_some() {
            return Some((physical.clone(), Way::InPlace));
        }
        let found = found?;
        let way = if found == *physical { Way::InPlace } else { replaced(Some(physical.zone)) };
        Some((found, way))
    }

    fn route(&self, asked: &Asked) -> Digest {
        let parent = match asked.parent {
            Parent::Id(zone) => ParentZone::Id(self.atlas.parents[zone].id.parse().unwrap()),
            Parent::Name(zone) => ParentZone::Name(self.atlas.parents[zone].name.parse().unwrap()),
            Parent::Closest(_) => ParentZone::Closest,
        };
        let role = self.atlas.role(account(asked.parent));
        Digest::from_route(&parent, Some(role), &asked.name.parse().unwrap())
    }

    /// The digest of what properties ask for.
    pub(super) fn intent(&self, asked: &Asked) -> String {
        let child_zone = self.atlas.children[asked.child].id.parse().unwrap();
        let given: Vec<&str> = asked.servers.iter().map(String::as_str).collect();
        let given = NameServers::from_values(&given).filter(|_| asked.given);
        let keys = asked
            .keys
            .as_ref()
            .map(|keys| keys.iter().map(|key| key.parse().unwrap()).collect::<BTreeSet<_>>());
        let intent = Properties {
            child_zone: Some(&child_zone),
            name_servers: given.as_ref(),
            dnssec: asked.dnssec,
            key_signing_keys: keys.as_ref(),
        };
        Digest::from_intent(&intent).to_string()
    }
}

/// The account whose role is asked with.
fn account(parent: Parent) -> usize {
    match parent {
        Parent::Id(zone) | Parent::Name(zone) => PARENTS[zone].0,
        Parent::Closest(account) => account,
    }
}
