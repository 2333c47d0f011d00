//! Route 53: hosted zones and their rules.

pub(crate) mod api;
mod batch;
mod guardrail;
mod input;
mod key;
mod list;
mod model;
mod name;
mod order;
mod output;
mod record;
pub(crate) mod routes;
mod rules;
mod served;
pub(crate) mod xml;

use std::sync::Arc;

pub use guardrail::Guardrail;
pub use key::KeySigningKey;
pub(crate) use key::Pair;
pub(crate) use model::{Key as RecordKey, Zone as ZoneModel};
pub(crate) use name::{labels, normalize_lossy};
pub(crate) use output::NAMESPACE;
pub use record::{Action, AliasTarget, Change, RecordSet};

use crate::core::{Core, lock};

/// A function that may refuse a batch, with the message to give.
pub type Refusal = Arc<dyn Fn(&[Change]) -> Option<String> + Send + Sync>;

/// When a change of a zone is `INSYNC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncRule {
    /// So many answers of `GetChange` say `PENDING`, the next one `INSYNC`.
    Polls(u32),
    /// Never.
    Never,
    /// In the answer to the change itself.
    Immediately,
}

impl Default for SyncRule {
    fn default() -> Self {
        Self::Polls(1)
    }
}

/// A hosted zone, seen by an outside actor who needs no permission and obeys no rule. It stays usable after the zone is gone, and
/// then does nothing.
#[derive(Clone, Debug)]
pub struct ZoneHandle {
    core: Arc<Core>,
    id: String,
    name: String,
    name_servers: Vec<String>,
}

impl ZoneHandle {
    /// The id, without `/hostedzone/`.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// The name as the service returns it, with a trailing dot.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// The four name servers of its delegation set, without trailing dots; no other zone has any of them.
    pub fn name_servers(&self) -> Vec<String> {
        self.name_servers.clone()
    }

    /// Whether it still exists.
    pub fn exists(&self) -> bool {
        self.core.world().zones.contains_key(&self.id)
    }

    /// All record sets in the order of the listing.
    pub fn records(&self) -> Vec<RecordSet> {
        self.read(|zone| zone.records.values().cloned().collect()).unwrap_or_default()
    }

    /// The record set of that name and type.
    pub fn record(&self, name: &str, rtype: &str) -> Option<RecordSet> {
        self.read(|zone| zone.find(name, rtype).cloned()).flatten()
    }

    /// Creates or replaces a record set.
    pub fn put(&self, record: RecordSet) {
        self.edit(|zone| zone.insert(record));
    }

    /// Removes the record sets of that name and type; whether there were any.
    pub fn remove(&self, name: &str, rtype: &str) -> bool {
        self.edit(|zone| zone.take(name, rtype)).unwrap_or_default()
    }

    /// Removes the zone with all its records.
    pub fn delete(&self) {
        self.core.world().zones.remove(&self.id);
    }

    /// A number that every change of the records raises, a batch by one.
    pub fn revision(&self) -> u64 {
        self.read(|zone| zone.revision).unwrap_or_default()
    }

    /// Says that the zone is signed with these keys. Those of [`KeySigningKey::active`] are names and numbers alone: the name
    /// servers can't sign with them, and serve the zone unsigned.
    pub fn sign(&self, keys: impl IntoIterator<Item = KeySigningKey>) {
        self.edit(|zone| zone.keys = keys.into_iter().collect());
        self.start_signing();
    }

    /// Creates a real key-signing key, `ACTIVE`: in the DNSKEY record set and signing it, once the zone is signed. In the place of
    /// one of that name.
    ///
    /// # Panics
    ///
    /// If the zone is gone.
    pub fn create_key(&self, name: &str) -> KeySigningKey {
        let key = KeySigningKey::generate(name, &self.name);
        let created = self.edit(|zone| {
            zone.keys.retain(|known| known.name != name);
            zone.keys.push(key.clone());
            zone.data_key.get_or_insert_with(|| Pair::generate(&zone.name, Pair::ZONE_SIGNING));
        });
        created.map(|()| key).expect("a hosted zone that exists")
    }

    /// The key-signing keys.
    pub fn keys(&self) -> Vec<KeySigningKey> {
        self.read(|zone| zone.keys.clone()).unwrap_or_default()
    }

    /// Gives that key another status: `INACTIVE` takes it out of the DNSKEY record set, `ACTIVE` puts it back. Whether there is one.
    pub fn set_key_status(&self, name: &str, status: &str) -> bool {
        let set = |zone: &mut ZoneModel| {
            zone.keys.iter_mut().find(|key| key.name == name).map(|key| status.clone_into(&mut key.status))
        };
        self.edit(set).flatten().is_some()
    }

    /// Deletes that key; whether there was one.
    pub fn delete_key(&self, name: &str) -> bool {
        let gone = self.edit(|zone| {
            let before = zone.keys.len();
            zone.keys.retain(|key| key.name != name);
            zone.keys.len() < before
        });
        gone.unwrap_or_default()
    }

    /// Begins signing with the active keys there are; see [`ZoneHandle::create_key`].
    pub fn start_signing(&self) {
        self.set_serve_signature("SIGNING");
    }

    /// Ends signing. The keys stay.
    pub fn unsign(&self) {
        self.set_serve_signature("NOT_SIGNING");
    }

    /// Sets what `GetDNSSEC` returns as `ServeSignature`, leaving the keys. Only with `SIGNING` is the zone served signed.
    pub fn set_serve_signature(&self, status: &str) {
        self.edit(|zone| status.clone_into(&mut zone.serve_signature));
    }

    /// Switches a guardrail on or off.
    pub fn set_guardrail(&self, guardrail: Guardrail, on: bool) {
        self.edit(|zone| if on { zone.guardrails.insert(guardrail) } else { zone.guardrails.remove(&guardrail) });
    }

    /// Has batches refused with the message that the function returns for them. It must not touch the sandbox.
    pub fn refuse_when(&self, refusal: Refusal) {
        lock(&self.core.hooks).refusals.entry(self.id.clone()).or_default().push(refusal);
    }

    fn read<T>(&self, read: impl FnOnce(&ZoneModel) -> T) -> Option<T> {
        self.core.world().zones.get(&self.id).map(read)
    }

    fn edit<T>(&self, edit: impl FnOnce(&mut ZoneModel) -> T) -> Option<T> {
        self.core.world().zones.get_mut(&self.id).map(edit)
    }
}

/// Creates a zone for a test, without rules but that the id is free.
pub(crate) fn create_zone(core: &Arc<Core>, account: &str, id: Option<&str>, name: &str, private: bool) -> ZoneHandle {
    let mut world = core.world();
    let id = id.map_or_else(|| world.id("Z", 21), str::to_owned);
    assert!(!world.zones.contains_key(&id), "there is a hosted zone {id} already");
    let number = world.next();
    let mut zone = ZoneModel::new(&id, account, name, private, name_servers(number));
    zone.number = number;
    let name_servers = zone.name_servers.clone();
    let name = zone.name.clone();
    world.zones.insert(id.clone(), zone);
    drop(world);
    ZoneHandle { core: Arc::clone(core), id, name, name_servers }
}

pub(crate) fn handle(core: &Arc<Core>, id: &str) -> Option<ZoneHandle> {
    let world = core.world();
    let zone = world.zones.get(id)?;
    let (id, name, name_servers) = (zone.id.clone(), zone.name.clone(), zone.name_servers.clone());
    Some(ZoneHandle { core: Arc::clone(core), id, name, name_servers })
}

/// Four name servers in four domains, as the service gives out: 0 to 511 in .com, then .net, .org and .co.uk, each in one of 64
/// blocks. Different numbers below 32768 share none.
pub(crate) fn name_servers(number: u64) -> Vec<String> {
    let (host, block) = (number % 512, (number + number / 512) % 64);
    ["com", "net", "org", "co.uk"]
        .iter()
        .zip((0..).step_by(512))
        .map(|(domain, first)| format!("ns-{}.awsdns-{block:02}.{domain}", first + host))
        .collect()
}

#[cfg(test)]
mod tests;
