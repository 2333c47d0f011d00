//! Zones that are not hosted by Route 53.

use std::sync::{Arc, Weak};

use super::state::Shared;
use crate::route53::{RecordKey, RecordSet, normalize_lossy};

#[derive(Debug, Clone)]
pub(super) struct Outside {
    /// The name with a trailing dot.
    pub name: String,
    pub servers: Vec<String>,
    pub records: Vec<RecordSet>,
}

impl Outside {
    /// Creates a zone, with an SOA and an NS record set like those of Route 53 unless the records
    /// have them.
    pub(super) fn new(name: &str, servers: Vec<String>, records: Vec<RecordSet>) -> Self {
        let mut zone = Self { name: name.to_owned(), servers, records: Vec::new() };
        let primary = zone.servers.first().cloned().unwrap_or_default();
        zone.put(RecordSet::new(
            name,
            "SOA",
            900,
            [format!("{primary}. hostmaster.{name} 1 7200 900 1209600 300")],
        ));
        let values: Vec<String> = zone.servers.iter().map(|server| format!("{server}.")).collect();
        zone.put(RecordSet::new(name, "NS", 300, values));
        for record in records {
            zone.put(record);
        }
        zone
    }

    fn put(&mut self, record: RecordSet) {
        self.records.retain(|known| RecordKey::new(known) != RecordKey::new(&record));
        self.records.push(record);
    }
}

/// A zone outside of Route 53 that a test can change. It continues to exist when the handle is
/// dropped.
#[derive(Debug, Clone)]
pub struct OutsideZone {
    pub(super) shared: Weak<Shared>,
    pub(super) number: usize,
    pub(super) name: String,
}

impl OutsideZone {
    /// The name, with a trailing dot.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    pub fn put(&self, record: RecordSet) {
        self.edit(|zone| zone.put(record));
    }

    /// Removes the record set with this name and type. Returns whether there was one.
    pub fn remove(&self, name: &str, rtype: &str) -> bool {
        let name = normalize_lossy(name);
        self.edit(|zone| {
            let before = zone.records.len();
            zone.records
                .retain(|record| record.name != name || !record.rtype.eq_ignore_ascii_case(rtype));
            zone.records.len() < before
        })
        .unwrap_or_default()
    }

    /// Moves the zone to these servers. Its NS record set is not changed.
    pub fn serve_at<S: Into<String>>(&self, servers: impl IntoIterator<Item = S>) {
        self.edit(|zone| {
            zone.servers =
                servers.into_iter().map(|server| super::server_name(&server.into())).collect();
        });
    }

    /// Removes the zone: its servers respond with REFUSED.
    pub fn delete(&self) {
        if let Some(shared) = self.shared.upgrade() {
            let mut state = shared.state();
            state.revision += 1;
            state.outside.remove(&self.number);
            for numbers in state.outside_by_name.values_mut() {
                numbers.remove(&self.number);
            }
        }
    }

    fn edit<T>(&self, edit: impl FnOnce(&mut Outside) -> T) -> Option<T> {
        let shared: Arc<Shared> = self.shared.upgrade()?;
        let mut state = shared.state();
        state.revision += 1;
        state.outside.get_mut(&self.number).map(edit)
    }
}
