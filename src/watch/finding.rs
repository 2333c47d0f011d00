//! A finding, as the watch reports it.

use serde_json::{Value, json};
use tracing::{info, warn};

use crate::scan::{Scanned, Unread};
use delegation_model::name::Name;
use inventory::{Acceptance, Accepted, Delegation, EntryFinding, Examined, FindingKind};

/// The message of each finding's log line.
const MESSAGE: &str = "the watch found something";

/// How many name servers and how many owners a finding names. It counts the others.
const NAMES: usize = 32;

/// The most bytes of the command of a finding. A longer one would not fit into a line of the log
/// with the rest, or on a command line. `delegation list` has it.
const COMMAND: usize = 32_768;

/// The first few of many names, and the number of the others.
#[derive(Clone, Debug, Default)]
struct Names {
    first: Vec<String>,
    more: usize,
}

impl FromIterator<String> for Names {
    fn from_iter<T: IntoIterator<Item = String>>(names: T) -> Self {
        let mut names = names.into_iter();
        Self { first: names.by_ref().take(NAMES).collect(), more: names.count() }
    }
}

impl Names {
    /// All in one line.
    fn line(&self) -> String {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        self.first.iter().cloned().chain(more).collect::<Vec<_>>().join(", ")
    }
}

/// A finding, and what it is about.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) kind: FindingKind,
    pub(super) is_alarm: bool,
    /// The acceptance of the finding, if it has not expired.
    pub(super) acceptance: Option<Acceptance>,
    /// The name of the delegation, or the zone or account that could not be read.
    name: String,
    zone_id: Option<String>,
    /// The name of the parent zone, or the account that could not be read.
    pub(super) zone: String,
    role: Option<String>,
    owners: Names,
    name_servers: Names,
    seen: Vec<String>,
    /// The command that fixes it.
    command: Option<String>,
}

impl Finding {
    /// A finding about a delegation.
    pub(super) fn new(
        scanned: &Scanned,
        examined: &Examined<'_>,
        found: &EntryFinding,
        now: i64,
    ) -> Self {
        let (entry, zone) = (examined.entry, &scanned.zone);
        Self {
            kind: found.kind,
            is_alarm: found.is_alarm,
            acceptance: found.acceptance.clone().filter(|acceptance| acceptance.is_valid(now)),
            name: entry.any_name().map(Name::as_str).unwrap_or_default().to_owned(),
            zone_id: Some(zone.id.as_str().to_owned()),
            zone: zone.name.as_str().to_owned(),
            role: scanned.role.as_ref().map(ToString::to_string),
            owners: entry.ownership.claims().map(|claim| claim.owner.to_string()).collect(),
            name_servers: entry.delegation.iter().flat_map(Delegation::servers).collect(),
            seen: found.evidence.clone(),
            command: examined
                .fix(found, &zone.id)
                .map(|(_, command)| command)
                .filter(|command| command.len() <= COMMAND),
        }
    }

    /// A finding about a zone or an account that could not be read.
    pub(super) fn unread(unread: &Unread, accepted: &Accepted, now: i64) -> Self {
        let (kind, zone) = (FindingKind::Unread, unread.zone.as_ref());
        let acceptance = unread.acceptance(accepted, now);
        let name = zone.map_or_else(|| unread.subject(), |zone| zone.name.as_str().to_owned());
        Self {
            kind,
            is_alarm: acceptance.is_none(),
            acceptance: acceptance.cloned(),
            name: name.clone(),
            zone_id: zone.map(|zone| zone.id.as_str().to_owned()),
            zone: name,
            role: unread.role.as_ref().map(ToString::to_string),
            owners: Names::default(),
            name_servers: Names::default(),
            seen: vec![unread.failure.coded()],
            command: None,
        }
    }

    /// Logs the finding.
    pub(super) fn log(&self) {
        let (severity, owners) = (self.kind.severity().to_string(), self.owners.line());
        let (name_servers, seen) = (self.name_servers.line(), self.seen.join("; "));
        let accepted =
            self.acceptance.as_ref().map(|one| format!("until {}: {}", one.until, one.reason));
        // tracing needs the level as a constant.
        macro_rules! log {
            ($level:ident) => {
                $level!(
                    finding = self.kind.as_str(),
                    severity,
                    alarm = self.is_alarm,
                    name = self.name,
                    parent_zone_id = self.zone_id,
                    parent_zone_name = self.zone,
                    role = self.role,
                    owners,
                    name_servers,
                    seen,
                    remedy = self.kind.remedy(),
                    command = self.command,
                    accepted,
                    "{MESSAGE}"
                )
            };
        }
        if self.is_alarm {
            log!(warn);
        } else {
            log!(info);
        }
    }

    /// The finding as JSON for the result. Fields are never renamed or removed, but new ones may be
    /// added.
    pub(super) fn document(&self) -> Value {
        let accepted = self.acceptance.as_ref();
        json!({
            "finding": self.kind.as_str(),
            "severity": self.kind.severity().to_string(),
            "alarm": self.is_alarm,
            "name": self.name,
            "parent_zone_id": self.zone_id,
            "parent_zone_name": self.zone,
            "role": self.role,
            "owners": self.owners.first,
            "owners_left_off": self.owners.more,
            "name_servers": self.name_servers.first,
            "name_servers_left_off": self.name_servers.more,
            "seen": self.seen,
            "risk": self.kind.risk(),
            "remedy": self.kind.remedy(),
            "command": self.command,
            "accepted": accepted.map(|one| {
                json!({"reason": one.reason, "until": one.until.to_string()})
            }),
        })
    }
}
