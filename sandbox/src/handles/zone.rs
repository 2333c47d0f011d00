//! The handle of a hosted zone.

use std::sync::Arc;
use std::time::Duration;

use crate::lock::lock;
use crate::route53::{
    Action, Change, Guardrail, HostedZone, KeySigningKey, Pair, RecordSet, Refusal, name_servers,
};
use crate::shared_state::SharedState;

/// A hosted zone, for an outside actor who needs no permissions and follows no rules. The handle
/// can still be used after the zone was deleted, but then does nothing.
#[derive(Clone, Debug)]
pub struct ZoneHandle {
    shared: Arc<SharedState>,
    id: String,
    name: String,
    name_servers: Vec<String>,
}

impl ZoneHandle {
    /// The id, without `/hostedzone/`.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// The name with a trailing dot, as the service returns it.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// The four name servers of its delegation set, without trailing dots. No other zone has any of
    /// them.
    pub fn name_servers(&self) -> Vec<String> {
        self.name_servers.clone()
    }

    pub fn exists(&self) -> bool {
        self.shared.route53().zones.contains_key(&self.id)
    }

    /// All record sets, in the order of the listing.
    pub fn records(&self) -> Vec<RecordSet> {
        self.read(|zone| zone.records.values().cloned().collect()).unwrap_or_default()
    }

    pub fn record(&self, name: &str, rtype: &str) -> Option<RecordSet> {
        self.read(|zone| zone.find(name, rtype).cloned()).flatten()
    }

    pub fn put(&self, record: RecordSet) {
        self.edit(|zone| zone.insert(record));
    }

    /// Removes the record sets with this name and type. Returns whether there were any.
    pub fn remove(&self, name: &str, rtype: &str) -> bool {
        self.edit(|zone| zone.remove(name, rtype)).unwrap_or_default()
    }

    /// Carries out a batch by the rules of the service, with all permissions in the account of the
    /// zone. The error says why it was rejected.
    pub fn change(&self, changes: &[Change]) -> Result<(), String> {
        let mut state = self.shared.route53();
        let gone = || format!("No hosted zone found with ID: {}", self.id);
        let zone = state.zones.get(&self.id).ok_or_else(gone)?;
        zone.after(changes, &|name, server| state.hosts(name, server))
            .map_err(|messages| messages.join(", "))?;
        let zone = state.zones.get_mut(&self.id).ok_or_else(gone)?;
        for Change { action, record } in changes {
            match action {
                Action::Delete => drop(zone.remove(&record.name, &record.rtype)),
                Action::Create | Action::Upsert => zone.insert(record.clone()),
            }
        }
        Ok(())
    }

    /// Deletes the zone with all its records.
    pub fn delete(&self) {
        self.shared.route53().zones.remove(&self.id);
    }

    /// A number that every change of the records increases. A batch increases it by one.
    pub fn revision(&self) -> u64 {
        self.read(|zone| zone.revision).unwrap_or_default()
    }

    /// Marks the zone as signed with these keys. Keys from [`KeySigningKey::active`] have no
    /// secrets, so the name servers can't sign with them and serve the zone unsigned.
    pub fn sign(&self, keys: impl IntoIterator<Item = KeySigningKey>) {
        self.edit(|zone| zone.keys = keys.into_iter().collect());
        self.start_signing();
    }

    /// Creates a real key-signing key that is `ACTIVE`: it is in the DNSKEY record set and signs
    /// it, once the zone is signed. Replaces an existing key with this name.
    ///
    /// # Panics
    ///
    /// If the zone was deleted.
    pub fn create_key(&self, name: &str) -> KeySigningKey {
        let key = KeySigningKey::generate(name, &self.name, self.shared.clock.now());
        let created = self.edit(|zone| {
            zone.keys.retain(|known| known.name != name);
            zone.keys.push(key.clone());
            zone.data_key.get_or_insert_with(|| Pair::generate(&zone.name, Pair::ZONE_SIGNING));
        });
        created.map(|()| key).expect("the hosted zone was deleted")
    }

    pub fn keys(&self) -> Vec<KeySigningKey> {
        self.read(|zone| zone.keys.clone()).unwrap_or_default()
    }

    /// Sets the status of a key: `INACTIVE` removes it from the DNSKEY record set, and `ACTIVE`
    /// adds it again. Returns whether the key exists.
    pub fn set_key_status(&self, name: &str, status: &str) -> bool {
        let now = self.shared.clock.now();
        let set = |zone: &mut HostedZone| {
            zone.keys.iter_mut().find(|key| key.name == name).map(|key| {
                status.clone_into(&mut key.status);
                key.modified = now;
            })
        };
        self.edit(set).flatten().is_some()
    }

    /// Makes the keys older by this time, for a test with shorter TTLs and waits than those of
    /// Route 53.
    pub fn age_keys(&self, by: Duration) {
        self.edit(|zone| {
            for key in &mut zone.keys {
                key.created -= by;
                key.modified -= by;
            }
        });
    }

    /// Deletes a key. Returns whether there was one.
    pub fn delete_key(&self, name: &str) -> bool {
        let gone = self.edit(|zone| {
            let before = zone.keys.len();
            zone.keys.retain(|key| key.name != name);
            zone.keys.len() < before
        });
        gone.unwrap_or_default()
    }

    /// Starts signing with the active keys. See [`ZoneHandle::create_key`].
    pub fn start_signing(&self) {
        self.set_serve_signature("SIGNING");
    }

    pub fn is_signing(&self) -> bool {
        self.read(|zone| zone.serve_signature == "SIGNING").unwrap_or_default()
    }

    /// Stops signing. The keys are kept.
    pub fn unsign(&self) {
        self.set_serve_signature("NOT_SIGNING");
    }

    /// Sets the `ServeSignature` that `GetDNSSEC` returns, and keeps the keys. The zone is only
    /// served with signatures if it is `SIGNING`.
    pub(crate) fn set_serve_signature(&self, status: &str) {
        self.edit(|zone| status.clone_into(&mut zone.serve_signature));
    }

    pub fn enable_guardrail(&self, guardrail: Guardrail) {
        self.edit(|zone| zone.guardrails.insert(guardrail));
    }

    pub fn disable_guardrail(&self, guardrail: Guardrail) {
        self.edit(|zone| zone.guardrails.remove(&guardrail));
    }

    pub(super) fn make_private(self) -> Self {
        self.edit(|zone| zone.private = true);
        self
    }

    /// Rejects batches for which the function returns a message, with that message. The function
    /// must not use the sandbox.
    pub fn refuse_when(&self, refusal: Refusal) {
        lock(&self.shared.hooks).refusals.entry(self.id.clone()).or_default().push(refusal);
    }

    fn read<T>(&self, read: impl FnOnce(&HostedZone) -> T) -> Option<T> {
        self.shared.route53().zones.get(&self.id).map(read)
    }

    fn edit<T>(&self, edit: impl FnOnce(&mut HostedZone) -> T) -> Option<T> {
        self.shared.route53().zones.get_mut(&self.id).map(edit)
    }
}

/// Creates a public zone for a test. The only rule is that the id must not exist.
pub(super) fn create_zone(
    shared: &Arc<SharedState>,
    account: &str,
    id: Option<&str>,
    name: &str,
) -> ZoneHandle {
    let mut state = shared.route53();
    let id = id.map_or_else(|| shared.ids.id("Z", 21), str::to_owned);
    assert!(!state.zones.contains_key(&id), "the hosted zone {id} already exists");
    let number = shared.ids.next();
    let mut zone = HostedZone::new(&id, account, name, name_servers(number));
    zone.number = number;
    let name_servers = zone.name_servers.clone();
    let name = zone.name.clone();
    state.zones.insert(id.clone(), zone);
    drop(state);
    ZoneHandle { shared: Arc::clone(shared), id, name, name_servers }
}

pub(crate) fn zone_handle(shared: &Arc<SharedState>, id: &str) -> Option<ZoneHandle> {
    let state = shared.route53();
    let zone = state.zones.get(id)?;
    let (id, name, name_servers) = (zone.id.clone(), zone.name.clone(), zone.name_servers.clone());
    Some(ZoneHandle { shared: Arc::clone(shared), id, name, name_servers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revision_counts_changes() {
        let shared = Arc::new(SharedState::default());
        let zone = create_zone(&shared, "111111111111", None, "Example.com");
        assert_eq!((zone.name().as_str(), zone.revision()), ("example.com.", 0));
        zone.put(RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"]));
        assert_eq!(zone.revision(), 1);
        assert!(zone.remove("WWW.example.com.", "a"));
        assert!(!zone.remove("www.example.com", "A"));
        assert_eq!(zone.revision(), 2);
        zone.delete();
        assert!(!zone.exists() && zone.records().is_empty());
    }
}
