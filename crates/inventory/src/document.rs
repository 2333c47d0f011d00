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
use super::examined::{Examined, Facts, Found};
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
        let displaced = entry.ownership.before().and_then(|before| before.displaced.as_ref());
        json!({
            "name": entry.name.as_ref().map(Name::as_str),
            "ownership_record": entry.record.as_ref().map(|record| record.name.as_str()),
            "name_servers": delegation.map(Delegation::servers).unwrap_or_default(),
            "ttl": delegation.and_then(Delegation::ttl).map(Ttl::seconds),
            "ds": delegation.map(Delegation::ds_values).unwrap_or_default(),
            "owners": owners,
            "unreadable_claims": entry.ownership.has_unreadable(),
            "displaced_name_servers": displaced.map(|displaced| displaced.name_servers.values()),
            "tombstones": tombstones,
            "hidden_by": delegation.and_then(|delegation| delegation.hidden_by.as_ref()).map(Name::as_str),
            "findings": self.kinds().map(FindingKind::as_str).collect::<Vec<_>>(),
            "alarm": self.is_alarm(),
            "problems": self.problems(),
            "details": self.findings.iter().map(|found| self.details(found, zone, facts)).collect::<Vec<_>>(),
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
    pub fn fix(&self, found: &Found, zone: &ZoneId) -> Option<(Value, String)> {
        let changes: Vec<&Change> = found.fix.iter().collect();
        let batch = batch(&format!("fixes {}: {}", self.name(), found.kind), &changes)?;
        let command = command_line(zone, &batch);
        Some((batch, command))
    }

    fn details(&self, found: &Found, zone: &ZoneId, facts: &Facts<'_>) -> Value {
        let fix = self.fix(found, zone);
        let accepted = found.acceptance.as_ref().map(|acceptance| {
            json!({
                "reason": acceptance.reason,
                "until": acceptance.until.to_string(),
                "expired": !acceptance.is_valid(facts.now),
            })
        });
        json!({
            "finding": found.kind.as_str(),
            "severity": found.kind.severity().to_string(),
            "alarm": found.is_alarm,
            "seen": found.seen,
            "risk": found.kind.risk(),
            "remedy": found.kind.remedy(),
            "accepted": accepted,
            "changes": found.fix.iter().map(document_of).collect::<Vec<_>>(),
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
