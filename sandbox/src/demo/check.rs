//! Whether an event did what it should.

use serde_json::Value;

use super::stage::{NAME, RECORD, Stage};
use super::story::{Answer, Expected, Zone, physical_id};
use crate::route53::RecordSet;

/// An expectation, and whether it holds.
pub(super) struct Check {
    /// A statement, to read after "not true that".
    pub(super) text: String,
    pub(super) holds: bool,
}

impl Check {
    fn new(holds: bool, text: impl Into<String>) -> Self {
        Self { text: text.into(), holds }
    }
}

/// What came of an event.
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

    fn action(&self) -> &str {
        self.answer.pointer("/Data/Action").and_then(Value::as_str).unwrap_or_default()
    }
}

pub(super) fn of(expected: &Expected, seen: &Seen<'_>) -> Vec<Check> {
    let mut checks = answer(&expected.answer, seen);
    checks.extend(zone(&expected.zone, seen));
    checks
}

/// Each delivery is answered once.
pub(super) fn delivery(returned: bool, answers: usize) -> Check {
    Check::new(returned && answers == 1, "CloudFormation got one answer, and Lambda no error")
}

fn answer(expected: &Answer, seen: &Seen<'_>) -> Vec<Check> {
    let id = seen.answered("PhysicalResourceId");
    match expected {
        Answer::Success(action) => {
            let said = action.map_or_else(|| "SUCCESS".to_owned(), |action| format!("SUCCESS, Action {action}"));
            let right = seen.answered("Status") == "SUCCESS" && action.is_none_or(|action| seen.action() == action);
            let sent = seen.event.get("PhysicalResourceId").and_then(Value::as_str);
            let wanted = sent.map_or_else(|| physical_id(&seen.stage.parent.id()), str::to_owned);
            vec![
                Check::new(right, format!("the answer is {said}")),
                Check::new(id == wanted, format!("the physical id is {wanted}")),
            ]
        }
        Answer::Refused(words) => {
            let reason = seen.answered("Reason");
            let named = words.iter().all(|word| reason.contains(word));
            vec![
                Check::new(seen.answered("Status") == "FAILED", "the answer is FAILED"),
                Check::new(named, format!("the reason names {}", words.join(", "))),
                Check::new(id.starts_with("unresolved/"), "the physical id is a marker: there is nothing to delete"),
            ]
        }
    }
}

fn zone(expected: &Zone, seen: &Seen<'_>) -> Vec<Check> {
    match expected {
        Zone::Unchanged => vec![Check::new(seen.before == seen.after, "the parent zone is as it was")],
        Zone::AsAtFirst => {
            let same = seen.stage.first == seen.after;
            vec![Check::new(same, "the parent zone is exactly as it was before the first event")]
        }
        Zone::Delegated(ttl, owners) => {
            let ns = seen.stage.parent.record(NAME, "NS");
            let servers = ns.as_ref().map(|set| sorted(&set.values)).unwrap_or_default();
            let right = servers == sorted(&seen.stage.child.name_servers()) && ns.and_then(|set| set.ttl) == Some(*ttl);
            let claims = seen.stage.parent.record(RECORD, "TXT").map(|set| set.values).unwrap_or_default();
            let claimed = claims.len() == owners.len()
                && owners.iter().all(|owner| claims.iter().any(|claim| claim.contains(&format!("owner={owner}\""))));
            vec![
                Check::new(right, format!("{NAME} is delegated to its zone's name servers, TTL {ttl}")),
                Check::new(claimed, format!("it is claimed by {}", owners.join(" and "))),
                Check::new(others(&seen.before) == others(&seen.after), "no other record changed"),
            ]
        }
    }
}

fn sorted(servers: &[String]) -> Vec<String> {
    let mut servers: Vec<String> = servers.iter().map(|server| server.trim_end_matches('.').to_owned()).collect();
    servers.sort();
    servers
}

/// The record sets that are neither the delegation nor its ownership record.
fn others(records: &[RecordSet]) -> Vec<&RecordSet> {
    let ours = |name: &str| [NAME, RECORD].contains(&name.trim_end_matches('.'));
    records.iter().filter(|set| !ours(&set.name)).collect()
}
