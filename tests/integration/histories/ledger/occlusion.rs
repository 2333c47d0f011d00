//! Occlusion: what a new delegation would hide must be found in the child zone.

use super::{Delivery, Ledger, Records, delegation_at};
use crate::histories::atlas::{Place, Zone, is_below, plain};
use crate::histories::generate::OCCLUSION;

impl Ledger {
    /// A delegation that did not stand before hides explicit records of the parent zone at and below the cut.
    pub(super) fn check_occlusion(&mut self, delivery: &Delivery, place: &Place, before: &[Records]) {
        let Some(asked) = &delivery.asked else { return };
        let Some((servers, _)) = self.delegation(place) else { return };
        if !OCCLUSION || asked.occlusion || delegation_at(before, place).is_some() {
            return;
        }
        let child = &self.atlas.children[asked.child];
        let resolvable = |name: &str| !delegated_above(&before[place.zone], &self.atlas.parents[place.zone], name);
        let lost = before[place.zone].keys().find(|(name, rtype)| {
            let at_cut = *name == place.name && matches!(rtype.as_str(), "NS" | "DS");
            let glue = servers.contains(name) && matches!(rtype.as_str(), "A" | "AAAA");
            let born = self.born.get(&(place.zone, name.clone(), rtype.clone())).copied().unwrap_or_default();
            (*name == place.name || is_below(name, &place.name))
                && !at_cut
                && !glue
                // What came after the reading that the batch was planned on can't be known.
                && born < delivery.changing
                && resolvable(name)
                && !answers(child, name, rtype)
        });
        if let Some((name, rtype)) = lost {
            let text = format!("{name} {rtype} of parent zone {} can't be resolved any more", place.zone);
            self.violated(2, &text);
        }
    }
}

impl Ledger {
    /// A delegation stands between the apex of the place's zone and the place.
    pub(super) fn lies_below_a_delegation(&self, place: &Place) -> bool {
        delegated_above(&self.zones[place.zone], &self.atlas.parents[place.zone], &place.name)
    }
}

/// A delegation stands between the zone's apex and the name.
fn delegated_above(records: &Records, zone: &Zone, name: &str) -> bool {
    records.keys().any(|(cut, rtype)| rtype == "NS" && *cut != zone.name && is_below(name, cut))
}

/// The zone has the record, a CNAME in its place, or a wildcard that answers with one of them (RFC 4592).
fn answers(zone: &Zone, name: &str, rtype: &str) -> bool {
    let records = zone.handle.records();
    let has =
        |name: &str| records.iter().any(|set| plain(&set.name) == name && (set.rtype == rtype || set.rtype == "CNAME"));
    let exists = |name: &str| records.iter().any(|set| plain(&set.name) == name || is_below(&plain(&set.name), name));
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
