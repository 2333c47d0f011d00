//! An examined entry as JSON, for the command and the log.

use serde_json::{Value, json};

use delegation_model::ids::ZoneId;
use delegation_model::name::Name;
use delegation_model::ownership_record::{Claim, Value as Ownership};
use delegation_model::record_set::Change;
use delegation_model::ttl::Ttl;
use dns_check::Server;

use super::batch::{batch, command_line, document_of};
use super::entry::{Delegation, Entry};
use super::examined::{EntryFinding, Examined, Facts};
use super::finding::FindingKind;

impl Examined<'_> {
    /// The entry, which is in this zone, as JSON. Fields are never renamed or removed, but new ones
    /// may be added.
    pub fn document(&self, zone: &ZoneId, facts: &Facts<'_>) -> Value {
        let Self { entry, .. } = self;
        let delegation = entry.delegation.as_ref();
        let owners: Vec<Value> =
            entry.ownership.claims().map(|claim| owner(entry, claim, facts)).collect();
        let tombstone = |value: &Ownership| match value {
            Ownership::Tombstone(stone) => Some(
                json!({"claim": stone.id.to_string(), "at": stone.time, "expired": stone.is_over(facts.now)}),
            ),
            _ => None,
        };
        let tombstones: Vec<Value> = entry.ownership.iter().filter_map(tombstone).collect();
        let displaced =
            entry.ownership.recorded_origin().and_then(|origin| origin.displaced.as_ref());
        // Others may have written them, and people read what a program makes of them (TRUST-3).
        let displaced = displaced.map(|displaced| match displaced.name_servers.values() {
            names if displaced.name_servers.are_host_names() => (names, 0),
            names => (Vec::new(), names.len()),
        });
        let (displaced, not_shown) = displaced.unzip();
        json!({
            "name": entry.name.as_ref().map(Name::as_str),
            "ownership_record": entry.record.as_ref().map(|record| record.name.as_str()),
            "name_servers": delegation.map(Delegation::servers).unwrap_or_default(),
            "ttl": delegation.and_then(Delegation::ttl).map(Ttl::seconds),
            "ds": delegation.map(Delegation::ds_values).unwrap_or_default(),
            "owners": owners,
            "unreadable_claims": entry.ownership.has_unreadable(),
            "displaced_name_servers": displaced,
            "displaced_name_servers_not_shown": not_shown,
            "tombstones": tombstones,
            "hidden_by": delegation.and_then(|delegation| delegation.hidden_by.as_ref()).map(Name::as_str),
            "findings": self.kinds().map(FindingKind::as_str).collect::<Vec<_>>(),
            "alarm": self.is_alarm(),
            "problems": self.problems(),
            "details": self.findings.iter().map(|finding| self.details(finding, zone, facts)).collect::<Vec<_>>(),
            "servers": self.report.map(|report| report.servers().iter().map(document_of_server).collect::<Vec<_>>()),
        })
    }
}

fn owner(entry: &Entry, claim: &Claim, facts: &Facts<'_>) -> Value {
    json!({
        "owner": claim.owner.as_str(),
        "claim": claim.id.to_string(),
        "at": claim.stamp.time,
        "by": claim.basis.to_string(),
        "holds": entry.is_held_by(claim),
        "dead": facts.stacks.map(|stacks| entry.is_dead(claim, stacks)),
    })
}

impl Examined<'_> {
    /// The batch for the AWS CLI that would fix a finding, and the command that sends it.
    pub fn fix(&self, finding: &EntryFinding, zone: &ZoneId) -> Option<(Value, String)> {
        let changes: Vec<&Change> = finding.fix.iter().collect();
        let batch = batch(&format!("fixes {}: {}", self.name(), finding.kind), &changes)?;
        let command = command_line(zone, &batch);
        Some((batch, command))
    }

    fn details(&self, finding: &EntryFinding, zone: &ZoneId, facts: &Facts<'_>) -> Value {
        let fix = self.fix(finding, zone);
        let accepted = finding.acceptance.as_ref().map(|acceptance| {
            json!({
                "reason": acceptance.reason,
                "until": acceptance.until.to_string(),
                "expired": !acceptance.is_valid(facts.now),
            })
        });
        json!({
            "finding": finding.kind.as_str(),
            "severity": finding.kind.severity().to_string(),
            "alarm": finding.is_alarm,
            "seen": finding.evidence,
            "risk": finding.kind.risk(),
            "remedy": finding.kind.remedy(),
            "accepted": accepted,
            "changes": finding.fix.iter().map(document_of).collect::<Vec<_>>(),
            "batch": fix.as_ref().map(|(batch, _)| batch),
            "command": fix.as_ref().map(|(_, command)| command),
        })
    }
}

/// A name server's result as JSON.
pub fn document_of_server(server: &Server) -> Value {
    let addresses = server.addresses.iter();
    let addresses: Vec<Value> = addresses
        .map(|address| json!({"address": address.address.to_string(), "serial": address.serial}))
        .collect();
    json!({"name": server.name.as_str(), "state": server.state.as_str(), "addresses": addresses})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Accepted, Inventory};
    use delegation_model::digest::Digest;
    use delegation_model::name_servers::NameServers;
    use delegation_model::ownership_record::{Displaced, Origin, OwnershipRecord, record_name};
    use delegation_model::record_set::{RecordSet, RecordType};

    /// The JSON of a delegation whose ownership record says that it displaced these name servers;
    /// none for a delegation that displaced nothing.
    fn with_displaced(names: &[&str]) -> Value {
        let servers = |names: &[&str]| NameServers::from_values(names);
        let displaced = servers(names).map(|name_servers| Displaced {
            name_servers,
            ttl: Ttl::DELEGATION,
            time: 0,
            claimed: false,
        });
        let of = Digest::from_name_servers(&servers(&["ns1.example.net."]).unwrap());
        let mut record = OwnershipRecord::default();
        record.put_origin(Some(Origin { of, displaced }));
        let cut: Name = "a.example.com".parse().unwrap();
        let record = RecordSet::new(
            record_name(&cut).unwrap(),
            RecordType::Txt,
            Ttl::OWNERSHIP,
            record.values(),
        );
        let ns = RecordSet::new(
            cut,
            RecordType::Ns,
            Ttl::DELEGATION,
            vec!["ns1.example.net.".to_owned()],
        );
        let inventory = Inventory::new(&"example.com".parse().unwrap(), vec![ns, record]);
        let accepted = Accepted::default();
        let facts =
            Facts { now: 0, stacks: None, accepted: &accepted, checked: false, unowned: false };
        Examined::new(&inventory.entries[0], None, &facts)
            .document(&"Z0PARENTEXAMPLE".parse().unwrap(), &facts)
    }

    /// TRUST-3.
    #[test]
    fn displaced_names_that_are_no_host_names_are_only_counted_in_json() {
        let many: Vec<String> = (0..17).map(|n| format!("ns{n}.old.net.")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (names, shown, not_shown) in [
            (vec!["ns1.old.net.", "ns2.old.net."], json!(["ns1.old.net.", "ns2.old.net."]), 0),
            (vec!["ns1.old.net.", r"call\040mallory.net."], json!([]), 2),
            (vec!["mallory."], json!([]), 1),
            (many, json!([]), 17),
        ] {
            let document = with_displaced(&names);
            assert_eq!(document["displaced_name_servers"], shown, "{names:?}");
            assert_eq!(document["displaced_name_servers_not_shown"], json!(not_shown), "{names:?}");
        }
        let none = with_displaced(&[]);
        assert_eq!(none["displaced_name_servers"], Value::Null);
        assert_eq!(none["displaced_name_servers_not_shown"], Value::Null);
    }
}
