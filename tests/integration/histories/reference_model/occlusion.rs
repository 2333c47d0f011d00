//! What is no matter of ownership and forbids a delegation all the same: what it would hide, and a
//! delegation above.

use super::{Delivery, Records, ReferenceModel, record};
use crate::histories::atlas::{Atlas, Place, Zone, is_below, plain};

impl ReferenceModel {
    /// A delegation that did not stand before hides explicit records of the parent zone at and
    /// below the cut.
    pub(super) fn check_occlusion(
        &mut self,
        delivery: &Delivery,
        place: &Place,
        before: &[Records],
    ) {
        let stands = |zones: &[Records]| record(zones, place.zone, &place.name, "NS").is_some();
        if !stands(&self.zones) || stands(before) {
            return;
        }
        if let Some((name, rtype)) = self.lost(delivery, place, before, delivery.changing) {
            let text =
                format!("{name} {rtype} of parent zone {} can't be resolved any more", place.zone);
            self.violated("occlusion", &text);
        }
    }

    /// Whether records in the zone forbid the delegation; `None` if that depends on when they came.
    pub(super) fn hindered_at(
        &self,
        delivery: &Delivery,
        place: &Place,
        zones: &[Records],
    ) -> Option<bool> {
        let stands = record(zones, place.zone, &place.name, "NS").is_some();
        let hides = !stands && self.lost(delivery, place, zones, super::Tick::MAX).is_some();
        if hides { None } else { Some(false) }
    }

    /// A record that was there before that and that nobody could resolve any more.
    fn lost(
        &self,
        delivery: &Delivery,
        place: &Place,
        zones: &[Records],
        then: super::Tick,
    ) -> Option<(String, String)> {
        let asked = delivery.asked.as_ref().filter(|asked| !asked.occlusion)?;
        let child = &self.atlas.children[asked.child];
        let resolvable = |name: &str| {
            !delegated_above(&zones[place.zone], &self.atlas.parents[place.zone], name)
        };
        let lost = zones[place.zone].keys().find(|(name, rtype)| {
            let at_cut = *name == place.name && matches!(rtype.as_str(), "NS" | "DS");
            let glue = asked.servers.contains(name) && matches!(rtype.as_str(), "A" | "AAAA");
            let born = self
                .born
                .get(&(place.zone, name.clone(), rtype.clone()))
                .copied()
                .unwrap_or_default();
            (*name == place.name || is_below(name, &place.name))
                && !at_cut
                && !glue
                // What came after the reading that the batch was planned on can't be known.
                && born < then
                && resolvable(name)
                && !answers(child, name, rtype)
        });
        lost.cloned()
    }
}

/// A delegation stands between the apex of the place's zone and the place.
pub(super) fn lies_below_a_delegation(zones: &[Records], atlas: &Atlas, place: &Place) -> bool {
    delegated_above(&zones[place.zone], &atlas.parents[place.zone], &place.name)
}

/// A delegation stands between the zone's apex and the name.
fn delegated_above(records: &Records, zone: &Zone, name: &str) -> bool {
    records.keys().any(|(cut, rtype)| rtype == "NS" && *cut != zone.name && is_below(name, cut))
}

/// The zone has the record, a CNAME in its place, or a wildcard that answers with one of them (RFC
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
