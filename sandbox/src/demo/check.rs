//! Checks of an event's result.

use serde_json::Value;

use super::stage::{ADDRESS, HOST, NAME, RECORD, Stage};
use super::story::{Answer, Expected, Zone, physical_id};
use super::trace::{Found, Trace};
use crate::handles::ZoneHandle;
use crate::journal::Call;
use crate::route53::{KeySigningKey, RecordSet};

/// An expectation, and whether it is met.
pub(super) struct Check {
    /// A statement that can follow "it is not true that".
    pub(super) text: String,
    pub(super) holds: bool,
}

impl Check {
    fn new(holds: bool, text: impl Into<String>) -> Self {
        Self { text: text.into(), holds }
    }
}

/// The result of an event.
pub(super) struct Seen<'a> {
    pub(super) stage: &'a Stage,
    pub(super) event: &'a Value,
    pub(super) answer: &'a Value,
    pub(super) before: Vec<RecordSet>,
    pub(super) after: Vec<RecordSet>,
}

impl Seen<'_> {
    fn answered(&self, field: &str) -> &str {
        self.answer.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// An attribute of the answer.
    fn attribute(&self, name: &str) -> &str {
        let data = self.answer.get("Data").and_then(|data| data.get(name));
        data.and_then(Value::as_str).unwrap_or_default()
    }
}

pub(super) fn of(expected: &Expected, seen: &Seen<'_>) -> Vec<Check> {
    let mut checks = answer(&expected.answer, seen);
    checks.extend(zone(&expected.zone, seen));
    checks
}

/// Each delivery is answered once.
pub(super) fn delivery(returned: bool, answers: usize) -> Check {
    Check::new(returned && answers == 1, "CloudFormation received one answer, and Lambda no error")
}

fn answer(expected: &Answer, seen: &Seen<'_>) -> Vec<Check> {
    let id = seen.answered("PhysicalResourceId");
    match expected {
        Answer::Success(action) => {
            let said = action
                .map_or_else(|| "SUCCESS".to_owned(), |action| format!("SUCCESS, Action {action}"));
            let right = seen.answered("Status") == "SUCCESS"
                && action.is_none_or(|action| seen.attribute("Action") == action);
            let sent = seen.event.get("PhysicalResourceId").and_then(Value::as_str);
            let wanted = sent.map_or_else(|| physical_id(&seen.stage.parent.id()), str::to_owned);
            let mut checks = vec![
                Check::new(right, format!("the answer is {said}")),
                Check::new(id == wanted, format!("the physical id is {wanted}")),
            ];
            // A Delete has no attributes.
            if action.is_some() {
                checks.push(verified(seen));
            }
            checks
        }
        Answer::Refused(words) => {
            let reason = seen.answered("Reason");
            let named = words.iter().all(|word| reason.contains(word));
            vec![
                Check::new(seen.answered("Status") == "FAILED", "the answer is FAILED"),
                Check::new(named, format!("the reason contains {}", words.join(", "))),
                Check::new(
                    id.starts_with("unresolved/"),
                    "the physical id is a marker: there is nothing to delete",
                ),
            ]
        }
    }
}

/// Checks that all name servers have the change, and that the function has queried them.
fn verified(seen: &Seen<'_>) -> Check {
    let found = seen.attribute("Verification");
    let good = found.starts_with(&format!("the 4 name servers answer for {NAME}"))
        && found.ends_with("and the 4 servers of example.com refer to them");
    let text = "it is INSYNC, and the name servers of both zones were queried and agree";
    Check::new(good && seen.attribute("ChangeStatus") == "INSYNC", text)
}

fn zone(expected: &Zone, seen: &Seen<'_>) -> Vec<Check> {
    match expected {
        Zone::Unchanged => {
            vec![Check::new(seen.before == seen.after, "the parent zone is unchanged")]
        }
        Zone::AsAtFirst => {
            let same = seen.stage.first == seen.after;
            vec![Check::new(same, "the parent zone is exactly as it was before the first event")]
        }
        Zone::Delegated(ttl, owners) => {
            let mut checks = delegated(*ttl, owners, seen);
            let ds = seen.stage.parent.record(NAME, "DS");
            checks.push(Check::new(
                ds.is_none(),
                "it has no DS record set, because the child zone is not signed",
            ));
            checks
        }
        Zone::Secured(ttl, owners) => {
            let mut checks = delegated(*ttl, owners, seen);
            let ds = seen.stage.parent.record(NAME, "DS").map(|set| set.values).unwrap_or_default();
            let keys: Vec<String> =
                seen.stage.child.keys().iter().map(KeySigningKey::ds_record).collect();
            let right =
                !keys.is_empty() && ds == keys && seen.attribute("DsRecords") == keys.join(",");
            checks.push(Check::new(
                right,
                "its DS record set matches the child zone's key-signing key",
            ));
            let compared =
                seen.attribute("Verification").contains("with the keys of its DS records");
            checks.push(Check::new(
                compared,
                "Verification says that the name servers serve the key of the DS record",
            ));
            checks
        }
    }
}

fn delegated(ttl: u32, owners: &[&str], seen: &Seen<'_>) -> Vec<Check> {
    let ns = seen.stage.parent.record(NAME, "NS");
    let servers = ns.as_ref().map(|set| sorted(&set.values)).unwrap_or_default();
    let right = servers == sorted(&seen.stage.child.name_servers())
        && ns.and_then(|set| set.ttl) == Some(ttl);
    let claims = seen.stage.parent.record(RECORD, "TXT").map(|set| set.values).unwrap_or_default();
    let claimed = claims.len() == owners.len()
        && owners
            .iter()
            .all(|owner| claims.iter().any(|claim| claim.contains(&format!("owner={owner}\""))));
    vec![
        Check::new(right, format!("{NAME} is delegated to its zone's name servers, TTL {ttl}")),
        Check::new(claimed, format!("it is claimed by {}", owners.join(" and "))),
        Check::new(others(&seen.before) == others(&seen.after), "no other record changed"),
    ]
}

/// Checks that the policies of the roles are sufficient.
pub(super) fn permitted(calls: &[Call]) -> Check {
    let denied = calls.iter().any(|call| call.status() == Some(403));
    Check::new(!denied, "no call was denied")
}

/// Checks that the path from the root to the child zone's own name servers uses the delegation, and
/// is secure.
pub(super) fn of_trace(trace: &Trace, parent: &ZoneHandle, child: &ZoneHandle) -> Vec<Check> {
    let arrives = trace.stopped.as_ref().map_or_else(
        || Check::new(true, format!("there is an answer for {HOST}")),
        |why| Check::new(false, format!("there is an answer for {HOST}: {why}")),
    );
    let zones: Vec<&str> = trace.hops.iter().map(|hop| hop.zone.as_str()).collect();
    let through = zones == [".", "com", "example.com", NAME];
    // The referral of the parent zone's server, not of any other.
    let referred = trace.hops.iter().any(|hop| match &hop.found {
        Found::Referral { zone, servers, .. } => {
            zone == NAME
                && parent.name_servers().contains(&hop.server)
                && sorted(servers) == sorted(&child.name_servers())
        }
        Found::Answer { .. } => false,
    });
    let last = trace.hops.last().filter(|hop| child.name_servers().contains(&hop.server));
    let (found, signed) = match last.map(|hop| &hop.found) {
        Some(Found::Answer { records, signed }) => (records.as_slice(), *signed),
        _ => (&[][..], false),
    };
    let found =
        found.len() == 1 && found.iter().all(|record| record.ends_with(&format!(" A {ADDRESS}")));
    let secure = through && trace.hops.iter().all(|hop| hop.secure);
    vec![
        arrives,
        Check::new(through, format!("the path is . -> com -> example.com -> {NAME}")),
        Check::new(
            referred,
            "a server of example.com refers to the name servers that the function set",
        ),
        Check::new(
            found,
            format!("one of them, a server of the child zone, answers A {ADDRESS} with authority"),
        ),
        Check::new(
            secure,
            "every zone's keys are those of the DS records above it, from the trust anchor down",
        ),
        Check::new(signed, "the answer is signed with the child zone's keys"),
    ]
}

fn sorted(servers: &[String]) -> Vec<String> {
    let mut servers: Vec<String> =
        servers.iter().map(|server| server.trim_end_matches('.').to_owned()).collect();
    servers.sort();
    servers
}

/// The record sets that are neither the delegation nor its ownership record.
fn others(records: &[RecordSet]) -> Vec<&RecordSet> {
    let ours = |name: &str| [NAME, RECORD].contains(&name.trim_end_matches('.'));
    records.iter().filter(|set| !ours(&set.name)).collect()
}
