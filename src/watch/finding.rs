//! A finding, as the watch reports it.

use serde_json::{Value, json};
use tracing::{info, warn};

use crate::scan::{Scanned, Unread};
use delegation_model::name::Name;
use inventory::{Acceptance, Accepted, Delegation, Examined, FindingKind, Found};

/// The message of each finding's log line.
const MESSAGE: &str = "the watch found something";

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
    owners: Vec<String>,
    name_servers: Vec<String>,
    seen: Vec<String>,
    /// The command that fixes it.
    command: Option<String>,
}

impl Finding {
    /// A finding about a delegation.
    pub(super) fn new(scanned: &Scanned, examined: &Examined<'_>, found: &Found, now: i64) -> Self {
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
            name_servers: entry.delegation.as_ref().map(Delegation::servers).unwrap_or_default(),
            seen: found.seen.clone(),
            command: examined.fix(found, &zone.id).map(|(_, command)| command),
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
            owners: Vec::new(),
            name_servers: Vec::new(),
            seen: vec![unread.failure.coded()],
            command: None,
        }
    }

    /// Logs the finding.
    pub(super) fn log(&self) {
        let (severity, owners) = (self.kind.severity().to_string(), self.owners.join(", "));
        let (name_servers, seen) = (self.name_servers.join(", "), self.seen.join("; "));
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
            "owners": self.owners,
            "name_servers": self.name_servers,
            "seen": self.seen,
            "risk": self.kind.risk(),
            "remedy": self.kind.remedy(),
            "command": self.command,
            "accepted": accepted.map(|one| json!({"reason": one.reason, "until": one.until.to_string()})),
        })
    }
}
