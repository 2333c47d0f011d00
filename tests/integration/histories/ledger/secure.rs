//! The DS record set: the rules of [`crate::laws::secure`] for every batch, and what must stand when a delivery or a step has ended.

use serde_json::Value;

use super::{Delivery, Ledger, Records, record, text};
use crate::histories::atlas::{Asked, Place};
use crate::laws::claims::stack_of;
use crate::laws::secure::{self, Batch, Scene, Values, Wanted};

fn scene(zones: &[Records], place: &Place) -> Scene {
    let at = |name: &str, rtype| record(zones, place.zone, name, rtype);
    Scene::read(at(&place.name, "NS"), at(&place.name, "DS"), at(&place.record(), "TXT"))
}

impl Ledger {
    /// A child zone has begun to sign with other keys, or has ceased to.
    pub(crate) fn signs(&mut self, child: usize, signing: bool) {
        self.signing[child] = signing;
        let keys: Vec<String> = self.atlas.children[child].handle.keys().into_iter().map(|key| key.name).collect();
        self.note(&format!("child zone {child} has the keys {keys:?}, signing: {signing}"));
        self.quiet = false;
    }

    pub(super) fn wanted_ds(&self, asked: &Asked) -> Wanted {
        let keys = self.atlas.children[asked.child].handle.keys();
        Wanted::of(asked.dnssec, self.signing[asked.child], &keys, asked.keys.as_deref())
    }

    /// The DS record set that stands, if the owner's claim covers it.
    pub(super) fn covered_by(&self, owner: &str, place: &Place) -> Option<Values> {
        let scene = scene(&self.zones, place);
        let records = scene.records()?;
        scene.own(owner).filter(|own| self.secure.covers(own, records))?;
        Some(records.clone())
    }

    /// True if the DS record set lets a Create or Update through; false may also mean that it depends.
    pub(super) fn is_clear_for_ds(&self, owner: &str, asked: &Asked, place: &Place) -> bool {
        let (scene, wanted) = (scene(&self.zones, place), self.wanted_ds(asked));
        let stays = scene.ns.as_ref() == Some(&asked.servers);
        match wanted {
            Wanted::Unknown => false,
            _ if scene.ns.is_some() && !stays => scene.ds.is_none() && wanted == Wanted::Off,
            Wanted::Off => true,
            // Those that somebody removed by hand count as standing.
            _ if scene.ns.is_none()
                && scene.own(owner).is_some_and(|own| self.secure.servers(own) != Some(&asked.servers)) =>
            {
                false
            }
            Wanted::Records(wanted) => {
                let found = scene.records();
                found.is_none_or(|found| *found == wanted) || self.covered_by(owner, place).is_some()
            }
        }
    }

    pub(super) fn check_secure(&mut self, index: usize, place: &Place, zones: &[Records], present: bool, calm: bool) {
        let delivery = self.active[index].clone();
        let (before, after) = (scene(zones, place), scene(&self.zones, place));
        let asked = delivery.asked.as_ref().filter(|_| present).map(|asked| secure::Asked {
            at: delivery.at,
            servers: &asked.servers,
            ds: &delivery.ds,
            ds_ttl: asked.ds_ttl,
            overwrite: asked.overwrite,
            in_place: delivery.kind == "Update" && delivery.pinned.as_ref() == Some(place),
        });
        let overwrites = asked.as_ref().is_some_and(|asked| asked.overwrite);
        let batch = Batch { owner: &delivery.owner, asked, before: &before, after: &after, calm };
        if let Err(wrong) = self.secure.judge(&batch) {
            self.violated(8, &wrong);
        }
        self.count_ds(&before, &after);
        self.active[index].put_back |= before.ns.is_some() && before.ns != after.ns;
        if before.records() == after.records() {
            return;
        }
        self.places.entry(place.clone()).or_default().ds_ours = after.ds.is_some();
        // A sibling that is renamed may ask for other keys, and what it brought goes with it.
        let may = |owner: &str| {
            owner == delivery.owner || overwrites || stack_of(owner) == stack_of(&delivery.owner) && present
        };
        self.held.iter_mut().filter(|((owner, at), _)| at == place && may(owner)).for_each(|(_, held)| held.ds = None);
    }

    fn count_ds(&mut self, before: &Scene, after: &Scene) {
        let changed = before.ns != after.ns;
        match (before.records(), after.records()) {
            (None, Some(_)) => self.count("DS added"),
            (Some(then), Some(now)) if then != now => self.count("DS replaced"),
            (Some(_), None) if after.ns.is_some() => self.count("DS removed, the delegation stays"),
            (Some(_), None) => self.count("DS removed with the delegation"),
            (Some(_), Some(_)) if changed && before.ns.is_some() => self.count("name servers put back under a DS"),
            (Some(_), Some(_)) if after.claims.len() < before.claims.len() && self.secure.covered(after) => {
                self.count("DS left to other claims");
            }
            _ => {}
        }
    }

    /// A SUCCESS of Create or Update, and nobody has touched the place since: the DS record set is what was asked for.
    pub(super) fn check_secure_success(&mut self, delivery: &Delivery, place: &Place, answer: &Value) {
        let Some(asked) = &delivery.asked else { return };
        let scene = scene(&self.zones, place);
        let told: Values =
            text(&answer["Data"], "DsRecords").split(',').filter(|it| !it.is_empty()).map(str::to_lowercase).collect();
        if told != scene.records().cloned().unwrap_or_default() {
            self.violated(8, "DsRecords is not what stands");
        }
        let others = scene.claims.iter().any(|claim| claim.stack() != stack_of(&delivery.owner));
        // Where a row or a check would refuse, everything is left as it is.
        if others && !asked.overwrite || self.lies_below_a_delegation(place) {
            return;
        }
        match &delivery.ds {
            Wanted::Off if scene.own(&delivery.owner).is_some_and(|own| !own.ds.is_empty()) => {
                self.violated(8, "a SUCCESS with Dnssec false, and the claim covers a DS record set");
            }
            Wanted::Records(records)
                if !delivery.put_back
                    && scene.hold(delivery.at).is_none()
                    && scene.ds.as_ref() != Some(&(records.clone(), asked.ds_ttl)) =>
            {
                self.violated(8, "a SUCCESS, and the DS record set is not what was asked for");
            }
            _ => {}
        }
    }

    /// What is covered by the claim of a resource that is held, stands; and no DS record set of the function without a claim.
    pub(super) fn check_secure_left(&mut self) {
        let lost = self.held.iter().find(|((owner, place), held)| {
            !held.broken && held.ds.is_some() && self.covered_by(owner, place) != held.ds
        });
        if let Some(((owner, place), held)) = lost {
            let text = format!("{owner} is held and its DS record set {:?} does not stand at {place:?}", held.ds);
            self.violated(8, &text);
        }
        for place in self.all_places() {
            let scene = scene(&self.zones, &place);
            let ours = self.places.get(&place).is_some_and(|history| history.ds_ours);
            if ours && scene.ds.is_some() && !self.secure.covered(&scene) {
                self.violated(
                    8,
                    &format!("the DS record set at {place:?} was made by the function, and no claim covers it"),
                );
            }
        }
    }

    /// A rollback takes away the DS record set that an adoption brought, and nothing else.
    pub(super) fn check_adoption_rolled_back(&mut self, stack: &str, place: &Place) {
        let (before, now) = (scene(&self.before, place), scene(&self.zones, place));
        if before.claims.is_empty() && before.ns.is_some() && before.records() != now.records() {
            self.violated(
                8,
                &format!(
                    "{stack} was rolled back, and the DS records beside what it adopted at {place:?} are not as before"
                ),
            );
        }
    }
}
