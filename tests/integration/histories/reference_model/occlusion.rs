//! Checks that do not depend on ownership: the records that a delegation would hide, and a
//! delegation above it.

use super::{Delivery, Records, ReferenceModel, record};
use crate::histories::fixture::{MultiAccountFixture, Point, Zone, is_below, plain};

impl ReferenceModel {
    /// Checks that a new delegation hides no explicit record at or below the cut that the child
    /// zone lacks.
    pub(super) fn check_occlusion(
        &mut self,
        delivery: &Delivery,
        point: &Point,
        before: &[Records],
    ) {
        let exists = |zones: &[Records]| record(zones, point.zone, &point.name, "NS").is_some();
        if !exists(&self.zones) || exists(before) {
            return;
        }
        if let Some((name, rtype)) = self.lost(delivery, point, before, delivery.changing) {
            let text =
                format!("{name} {rtype} of parent zone {} can't be resolved any more", point.zone);
            self.violated("occlusion", &text);
        }
    }

    /// Returns whether records in the zone prevent the delegation; `None` if that depends on when
    /// they were added.
    pub(super) fn blocked_at(
        &self,
        delivery: &Delivery,
        point: &Point,
        zones: &[Records],
    ) -> Option<bool> {
        let exists = record(zones, point.zone, &point.name, "NS").is_some();
        let hides = !exists && self.lost(delivery, point, zones, super::Tick::MAX).is_some();
        if hides { None } else { Some(false) }
    }

    /// Returns a record from before that time that can no longer be resolved.
    fn lost(
        &self,
        delivery: &Delivery,
        point: &Point,
        zones: &[Records],
        then: super::Tick,
    ) -> Option<(String, String)> {
        let desired = delivery.desired.as_ref().filter(|desired| !desired.occlusion)?;
        let child = &self.fixture.children[desired.child];
        let resolvable = |name: &str| {
            !delegated_above(&zones[point.zone], &self.fixture.parents[point.zone], name)
        };
        let lost = zones[point.zone].keys().find(|(name, rtype)| {
            let at_cut = *name == point.name && matches!(rtype.as_str(), "NS" | "DS");
            let glue = desired.servers.contains(name) && matches!(rtype.as_str(), "A" | "AAAA");
            let written_at = self
                .written_at
                .get(&(point.zone, name.clone(), rtype.clone()))
                .copied()
                .unwrap_or_default();
            (*name == point.name || is_below(name, &point.name))
                && !at_cut
                && !glue
                // The function can't know records that were added after its observation.
                && written_at < then
                && resolvable(name)
                && !answers(child, name, rtype)
        });
        lost.cloned()
    }
}

/// Returns true if a delegation exists between the apex of the point's zone and the point.
pub(super) fn is_below_a_delegation(
    zones: &[Records],
    fixture: &MultiAccountFixture,
    point: &Point,
) -> bool {
    delegated_above(&zones[point.zone], &fixture.parents[point.zone], &point.name)
}

/// Returns true if a delegation exists between the zone's apex and the name.
fn delegated_above(records: &Records, zone: &Zone, name: &str) -> bool {
    records.keys().any(|(cut, rtype)| rtype == "NS" && *cut != zone.name && is_below(name, cut))
}

/// Returns true if the zone has the record, a CNAME instead, or a wildcard with one of them (RFC
/// 4592).
fn answers(zone: &Zone, name: &str, rtype: &str) -> bool {
    let records = zone.handle.records();
    let has = |name: &str| {
        records
            .iter()
            .any(|set| plain(&set.name) == name && (set.rtype == rtype || set.rtype == "CNAME"))
    };
    let exists = |name: &str| {
        records.iter().any(|set| plain(&set.name) == name || is_below(&plain(&set.name), name))
    };
    if exists(name) {
        return has(name);
    }
    let mut encloser = name.split_once('.').map(|(_, above)| above);
    while let Some(above) = encloser {
        if exists(above) {
            return has(&format!("\\052.{above}")) || has(&format!("*.{above}"));
        }
        encloser = above.split_once('.').map(|(_, above)| above);
    }
    false
}
