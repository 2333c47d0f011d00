//! A hosted zone, and the rules for a change batch, without I/O.

use std::collections::{BTreeMap, BTreeSet};

use super::batch::{limits, normalized, refuse, sequences};
use super::guardrail::{self, Guardrail};
use super::record::{Action, Change, RecordSet};
use super::served::ServedRecords;
use super::{KeySigningKey, Pair, name, order, rules};

/// The sort key of `ListResourceRecordSets`: reversed name, type, set identifier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RecordKey {
    pub name: Vec<u8>,
    pub rtype: String,
    pub set_identifier: Option<String>,
}

impl RecordKey {
    pub(crate) fn new(record: &RecordSet) -> Self {
        Self {
            name: order::reversed(&record.name),
            rtype: record.rtype.clone(),
            set_identifier: record.set_identifier.clone(),
        }
    }
}

pub(crate) type Records = BTreeMap<RecordKey, RecordSet>;

#[derive(Debug, Clone)]
pub(crate) struct HostedZone {
    pub id: String,
    pub account: String,
    pub name: String,
    pub private: bool,
    pub comment: Option<String>,
    pub caller_reference: String,
    pub name_servers: Vec<String>,
    pub records: Records,
    pub served: ServedRecords,
    /// A number that no other zone has; later zones have higher ones.
    pub number: u64,
    pub revision: u64,
    pub serve_signature: String,
    pub keys: Vec<KeySigningKey>,
    /// The zone-signing key. Route 53 does not expose it through its API either.
    pub data_key: Option<Pair>,
    pub guardrails: BTreeSet<Guardrail>,
}

impl HostedZone {
    /// Creates a public zone with an SOA and an NS record set at its apex (Developer Guide, "NS and
    /// SOA records that Amazon Route 53 creates for a public hosted zone"). Probe:
    /// route53/zone-apex.
    pub(crate) fn new(id: &str, account: &str, name: &str, name_servers: Vec<String>) -> Self {
        let name = name::normalize_lossy(name);
        let primary = name_servers.first().cloned().unwrap_or_default();
        let soa = format!("{primary}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400");
        let mut zone = Self {
            id: id.to_owned(),
            account: account.to_owned(),
            private: false,
            comment: None,
            caller_reference: format!("sandbox-{id}"),
            records: Records::new(),
            served: ServedRecords::default(),
            number: 0,
            revision: 0,
            serve_signature: "NOT_SIGNING".to_owned(),
            keys: Vec::new(),
            data_key: None,
            guardrails: Guardrail::ALWAYS_ON.into_iter().collect(),
            name,
            name_servers,
        };
        let values: Vec<String> =
            zone.name_servers.iter().map(|server| format!("{server}.")).collect();
        zone.insert(RecordSet::new(&zone.name.clone(), "NS", 172_800, values));
        zone.insert(RecordSet::new(&zone.name.clone(), "SOA", 900, [soa]));
        zone.revision = 0;
        zone
    }

    /// Inserts a record set without checking it against the rules of a batch.
    pub(crate) fn insert(&mut self, mut record: RecordSet) {
        record.name = name::normalize_lossy(&record.name);
        record.rtype = record.rtype.to_ascii_uppercase();
        let key = RecordKey::new(&record);
        self.served.edit(&key, Some(&record));
        self.records.insert(key, record);
        self.revision += 1;
    }

    /// Removes all record sets of this name and type; returns whether there were any.
    pub(crate) fn remove(&mut self, name: &str, rtype: &str) -> bool {
        let name = name::normalize_lossy(name);
        let gone =
            |record: &RecordSet| record.name == name && record.rtype.eq_ignore_ascii_case(rtype);
        let keys: Vec<RecordKey> =
            self.records.values().filter(|record| gone(record)).map(RecordKey::new).collect();
        for key in &keys {
            self.served.edit(key, None);
            self.records.remove(key);
        }
        let taken = !keys.is_empty();
        self.revision += u64::from(taken);
        taken
    }

    pub(crate) fn find(&self, name: &str, rtype: &str) -> Option<&RecordSet> {
        let name = name::normalize_lossy(name);
        self.records
            .values()
            .find(|record| record.name == name && record.rtype.eq_ignore_ascii_case(rtype))
    }

    /// Returns the records after the batch, or all the reasons to reject it. "Change batches are
    /// considered transactional changes. Route 53 validates the changes in the request and then
    /// either makes all or none of the changes" (API reference, "`ChangeResourceRecordSets`").
    /// `hosts(name, server)` tells whether that Route 53 name server serves a public zone of that
    /// name. Probe: route53/batch-whole-or-not, route53/batch-all-reasons.
    pub(crate) fn after(
        &self,
        changes: &[Change],
        hosts: &dyn Fn(&str, &str) -> bool,
    ) -> Result<Records, Vec<String>> {
        refuse(limits(changes))?;
        let changes = normalized(changes)?;
        refuse(sequences(&changes))?;
        let mut records = self.records.clone();
        let mut messages: Vec<String> =
            changes.iter().flat_map(|change| self.apply(change, &mut records)).collect();
        messages.extend(self.structure(&changes, &records));
        if messages.is_empty() {
            messages.extend(guardrail::check(self, &changes, &records, hosts));
        }
        refuse(messages)?;
        Ok(records)
    }

    /// Applies one change to `records`; returns the reasons to reject it. Probe:
    /// route53/batch-outside, route53/create-existing, route53/delete-missing,
    /// route53/delete-other-values, route53/upsert.
    fn apply(&self, change: &Change, records: &mut Records) -> Vec<String> {
        let record = &change.record;
        if !name::is_within(&record.name, &self.name) {
            return vec![format!(
                "RRSet with DNS name {} is not permitted in zone {}",
                record.name, self.name
            )];
        }
        let mut messages = Vec::new();
        if change.action != Action::Delete {
            messages.extend(rules::check(record));
            messages.extend(self.placement(record));
        }
        let key = RecordKey::new(record);
        match (change.action, records.get(&key)) {
            (Action::Create, Some(_)) => {
                messages.push(format!("{} but it already exists", tried("create", record)));
            }
            (Action::Delete, None) => {
                messages.push(format!("{} but it was not found", tried("delete", record)));
            }
            (Action::Delete, Some(current)) if !current.is_same_as(record) => {
                messages.push(format!(
                    "{} but the values provided do not match the current values",
                    tried("delete", record)
                ));
            }
            (Action::Delete, Some(_)) => {
                records.remove(&key);
            }
            (Action::Create, None) | (Action::Upsert, _) => {
                records.insert(key, record.clone());
            }
        }
        messages
    }

    /// Checks that the type of a record set is allowed at its name.
    /// Probe: route53/apex-cname-ds, route53/ns-wildcard, route53/soa-elsewhere.
    fn placement(&self, record: &RecordSet) -> Vec<String> {
        let mut messages = Vec::new();
        if record.name == self.name && matches!(record.rtype.as_str(), "CNAME" | "DS") {
            messages.push(format!(
                "RRSet of type {} with DNS name {} is not permitted at apex in zone {}",
                record.rtype, record.name, self.name
            ));
        }
        // "You can't use the * wildcard for resource records sets that have a type of NS" (API
        // reference, "ResourceRecordSet").
        if record.rtype == "NS" && record.name.starts_with("\\052.") {
            messages.push(format!(
                "RRSet of type NS with DNS name {} is not permitted as a wildcard",
                record.name
            ));
        }
        if record.rtype == "SOA" && record.name != self.name {
            messages.push(format!(
                "RRSet of type SOA with DNS name {} is not permitted in zone {}",
                record.name, self.name
            ));
        }
        messages
    }

    /// Checks the records as they are after the batch: the apex, and the names that the batch
    /// writes. Probe: route53/apex-ns-soa.
    fn structure(&self, changes: &[Change], records: &Records) -> Vec<String> {
        let mut messages = Vec::new();
        for change in changes.iter().filter(|change| change.action != Action::Delete) {
            messages.extend(self.conflicts(&change.record, records));
        }
        let apex = |rtype: &str| {
            records
                .values()
                .find(|record| record.name == self.name && record.rtype == rtype)
                .map_or(0, |set| set.values.len())
        };
        // Developer Guide, "NS and SOA records that Amazon Route 53 creates for a public hosted
        // zone".
        if apex("SOA") != 1 {
            messages.push("A HostedZone must contain exactly one SOA record.".to_owned());
        }
        if apex("NS") == 0 {
            messages.push(
                "A HostedZone must contain at least one NS record for the zone itself.".to_owned(),
            );
        }
        messages
    }

    /// Checks a written record set against the others at its name. Probe:
    /// route53/cname-beside-others, route53/ns-beside-cname, route53/ds-without-ns,
    /// route53/set-weighted. Probes of what is allowed: route53/ns-gone-beside-ds,
    /// route53/ds-with-ns-in-one-batch, route53/ns-below-delegation.
    fn conflicts(&self, record: &RecordSet, records: &Records) -> Vec<String> {
        let name = RecordKey::new(record).name;
        let others: Vec<&RecordSet> = records
            .iter()
            .filter(|(key, other)| {
                key.name == name && **key != RecordKey::new(record) && other.name == record.name
            })
            .map(|(_, other)| other)
            .collect();
        let has = |rtype: &str| others.iter().any(|other| other.rtype == rtype);
        let mut messages = Vec::new();
        // "You can't create other records for the name of a CNAME" (Developer Guide, "CNAME record
        // type").
        if record.rtype == "CNAME" && others.iter().any(|other| other.rtype != "CNAME") {
            messages.push(format!(
                "RRSet of type CNAME with DNS name {} is not permitted as it conflicts with other records with the same DNS \
                 name in zone {}",
                record.name, self.name
            ));
        } else if record.rtype != "CNAME" && has("CNAME") {
            messages.push(format!(
                "RRSet of type {} with DNS name {} is not permitted because a conflicting RRSet of type CNAME with the same \
                 DNS name already exists in zone {}",
                record.rtype, record.name, self.name
            ));
        }
        // RFC 4035 section 2.4: "a DS RRset SHOULD NOT appear at a name that is not a delegation".
        // The sandbox enforces it.
        if record.rtype == "DS" && record.name != self.name && !has("NS") {
            messages.push(format!(
                "RRSet of type DS with DNS name {} is not permitted as there is no RRSet of type NS with the same DNS name in \
                 zone {}",
                record.name, self.name
            ));
        }
        // API reference, "ResourceRecordSet", SetIdentifier: one routing policy for all record sets
        // of a name and type.
        let alike = others.iter().filter(|other| other.rtype == record.rtype);
        if alike
            .into_iter()
            .any(|other| other.set_identifier.is_none() || record.set_identifier.is_none())
        {
            let identifier = record.set_identifier.as_deref().unwrap_or("null");
            messages.push(format!(
                "RRSet with DNS name {}, type {}, SetIdentifier {identifier} cannot be created as other RRSets exist with the \
                 same name and type.",
                record.name, record.rtype
            ));
        }
        messages
    }
}

fn tried(verb: &str, record: &RecordSet) -> String {
    let identifier = record
        .set_identifier
        .as_ref()
        .map(|identifier| format!(", set-identifier='{identifier}'"))
        .unwrap_or_default();
    format!(
        "Tried to {verb} resource record set [name='{}', type='{}'{identifier}]",
        record.name, record.rtype
    )
}

#[cfg(test)]
mod tests;
