//! Checks of an event's result.

use serde_json::Value;

use super::scenario::{Expectation, ExpectedAnswer, ExpectedZone, physical_id};
use super::setup::{ADDRESS, HOST, NAME, RECORD, Setup};
use super::trace::{Response, Trace};
use crate::function::Invocation;
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

pub(super) struct Observed<'a> {
    pub(super) setup: &'a Setup,
    pub(super) event: &'a Value,
    pub(super) answer: &'a Value,
    pub(super) before: Vec<RecordSet>,
    pub(super) after: Vec<RecordSet>,
}

impl Observed<'_> {
    fn answered(&self, field: &str) -> &str {
        self.answer.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn attribute(&self, name: &str) -> &str {
        let data = self.answer.get("Data").and_then(|data| data.get(name));
        data.and_then(Value::as_str).unwrap_or_default()
    }
}

/// Checks the answer to an event, and the parent zone.
pub(super) fn of_event(expected: &Expectation, observed: &Observed<'_>) -> Vec<Check> {
    let mut checks = answer(&expected.answer, observed);
    checks.extend(zone(&expected.zone, observed));
    checks
}

/// Each delivery is answered once.
pub(super) fn delivery(invocation: &Invocation, answers: usize) -> Check {
    let returned = matches!(invocation, Invocation::Returned(_));
    Check::new(returned && answers == 1, "CloudFormation received one answer, and Lambda no error")
}

fn answer(expected: &ExpectedAnswer, observed: &Observed<'_>) -> Vec<Check> {
    let id = observed.answered("PhysicalResourceId");
    match expected {
        ExpectedAnswer::Success(action) => {
            let said = action
                .map_or_else(|| "SUCCESS".to_owned(), |action| format!("SUCCESS, Action {action}"));
            let right = observed.answered("Status") == "SUCCESS"
                && action.is_none_or(|action| observed.attribute("Action") == action);
            let sent = observed.event.get("PhysicalResourceId").and_then(Value::as_str);
            let expected_id =
                sent.map_or_else(|| physical_id(&observed.setup.parent.id()), str::to_owned);
            let mut checks = vec![
                Check::new(right, format!("the answer is {said}")),
                Check::new(id == expected_id, format!("the physical id is {expected_id}")),
            ];
            // A Delete has no attributes.
            if action.is_some() {
                checks.push(verified(observed));
            }
            checks
        }
        ExpectedAnswer::Refused(words) => {
            let reason = observed.answered("Reason");
            let named = words.iter().all(|word| reason.contains(word));
            vec![
                Check::new(observed.answered("Status") == "FAILED", "the answer is FAILED"),
                Check::new(named, format!("the reason contains {}", words.join(", "))),
                Check::new(
                    id.starts_with("unresolved/"),
                    "the physical id is unresolved: there is nothing to delete",
                ),
            ]
        }
    }
}

/// Checks that all name servers have the change, and that the function has queried them.
fn verified(observed: &Observed<'_>) -> Check {
    let found = observed.attribute("Verification");
    let good = found.starts_with(&format!("the 4 name servers answer for {NAME}"))
        && found.ends_with("and the 4 servers of example.com refer to them");
    let text = "it is INSYNC, and the name servers of both zones were queried and agree";
    Check::new(good && observed.attribute("ChangeStatus") == "INSYNC", text)
}

fn zone(expected: &ExpectedZone, observed: &Observed<'_>) -> Vec<Check> {
    match expected {
        ExpectedZone::Unchanged => {
            vec![Check::new(observed.before == observed.after, "the parent zone is unchanged")]
        }
        ExpectedZone::Restored => {
            let same = observed.setup.initial_records == observed.after;
            vec![Check::new(same, "the parent zone is exactly as it was before the first event")]
        }
        ExpectedZone::Delegated(ttl, owners) => {
            let mut checks = delegated(*ttl, owners, observed);
            let ds = observed.setup.parent.record(NAME, "DS");
            checks.push(Check::new(
                ds.is_none(),
                "it has no DS record set, because the child zone is not signed",
            ));
            checks
        }
        ExpectedZone::Secured(ttl, owners) => {
            let mut checks = delegated(*ttl, owners, observed);
            let ds =
                observed.setup.parent.record(NAME, "DS").map(|set| set.values).unwrap_or_default();
            let keys: Vec<String> =
                observed.setup.child.keys().iter().map(KeySigningKey::ds_record).collect();
            let right =
                !keys.is_empty() && ds == keys && observed.attribute("DsRecords") == keys.join(",");
            checks.push(Check::new(
                right,
                "its DS record set matches the child zone's key-signing key",
            ));
            let compared =
                observed.attribute("Verification").contains("with the keys of its DS records");
            checks.push(Check::new(
                compared,
                "Verification says that the name servers serve the key of the DS record",
            ));
            checks
        }
    }
}

fn delegated(ttl: u32, owners: &[&str], observed: &Observed<'_>) -> Vec<Check> {
    let ns = observed.setup.parent.record(NAME, "NS");
    let servers = ns.as_ref().map(|set| sorted(&set.values)).unwrap_or_default();
    let right = servers == sorted(&observed.setup.child.name_servers())
        && ns.and_then(|set| set.ttl) == Some(ttl);
    let claims =
        observed.setup.parent.record(RECORD, "TXT").map(|set| set.values).unwrap_or_default();
    let claimed = claims.len() == owners.len()
        && owners
            .iter()
            .all(|owner| claims.iter().any(|claim| claim.contains(&format!("owner={owner}\""))));
    vec![
        Check::new(right, format!("{NAME} is delegated to its zone's name servers, TTL {ttl}")),
        Check::new(claimed, format!("it is claimed by {}", owners.join(" and "))),
        Check::new(others(&observed.before) == others(&observed.after), "no other record changed"),
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
    let referred = trace.hops.iter().any(|hop| match &hop.response {
        Response::Referral { zone, servers, .. } => {
            zone == NAME
                && parent.name_servers().contains(&hop.server)
                && sorted(servers) == sorted(&child.name_servers())
        }
        Response::Answer { .. } => false,
    });
    let last = trace.hops.last().filter(|hop| child.name_servers().contains(&hop.server));
    let (found, signed) = match last.map(|hop| &hop.response) {
        Some(Response::Answer { records, signed }) => (records.as_slice(), *signed),
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
