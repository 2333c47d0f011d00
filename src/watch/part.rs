//! What a part of a run has found, and its result.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Value, json};
use tracing::{info, warn};

use super::finding::Finding;
use super::{Position, Totals, metrics};
use crate::scan::{self, Scanned, Subject, Unread};
use dns_check::Report;
use inventory::{Accepted, Examined, Facts, FindingKind};

/// The bytes that findings may have in a result. Lambda gives destinations up to 1 MB of an
/// asynchronous invocation, and SNS takes 256 KiB, so that a rule can hand the whole event on; the
/// rest is for what Lambda and `EventBridge` put around it.
const RESULT: usize = 200_000;

/// Zones that were read, and what their name servers say.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) scanned: Vec<Scanned>,
    pub(super) unread: Vec<Unread>,
    pub(super) reports: BTreeMap<Subject, Report>,
}

/// What a part has found so far.
#[derive(Debug)]
pub(super) struct Part<'a> {
    accepted: &'a Accepted,
    /// In seconds since 1970.
    now: i64,
    findings: Vec<Finding>,
    pub(super) totals: Totals,
    /// Whether the next part would begin further on.
    pub(super) has_progressed: bool,
}

impl<'a> Part<'a> {
    pub(super) fn new(accepted: &'a Accepted, now: SystemTime) -> Self {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            accepted,
            now: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            findings: Vec::new(),
            totals: Totals::default(),
            has_progressed: false,
        }
    }

    /// Takes what could not be read.
    pub(super) fn take_unread(&mut self, unread: &Unread) {
        self.has_progressed = true;
        self.found(Finding::unread(unread, self.accepted, self.now));
    }

    /// Takes zones that were read.
    pub(super) fn take(&mut self, batch: &Batch) {
        self.has_progressed = true;
        batch.unread.iter().for_each(|unread| self.take_unread(unread));
        let facts = Facts {
            now: self.now,
            stacks: None,
            accepted: self.accepted,
            checked: true,
            unowned: false,
        };
        self.totals.zones += count(batch.scanned.len());
        for subject in scan::subjects(&batch.scanned) {
            let Some(scanned) = batch.scanned.get(subject.zone) else { continue };
            let report = batch.reports.get(&subject);
            let Some(entry) = subject.entry.and_then(|index| scanned.inventory.entries.get(index))
            else {
                if let Some(report) = report.filter(|report| !report.is_good()) {
                    let (id, name) = (scanned.zone.id.as_str(), scanned.zone.name.as_str());
                    let message = "the parent zone itself does not resolve as it should";
                    warn!(parent_zone_id = id, parent_zone_name = name, verification = %report, "{message}");
                }
                continue;
            };
            self.totals.delegations += 1;
            let examined = Examined::new(entry, report, &facts);
            for found in &examined.findings {
                self.found(Finding::new(scanned, &examined, found, self.now));
            }
        }
    }

    fn found(&mut self, finding: Finding) {
        finding.log();
        if finding.acceptance.is_none() {
            *self.totals.findings.entry(finding.kind.severity().to_string()).or_default() += 1;
        }
        self.totals.unknown += u64::from(finding.kind == FindingKind::Unknown);
        self.findings.push(finding);
    }

    /// The end of the part; `next` says where the run goes on, if it does.
    pub(super) fn end(mut self, position: &Position, next: Option<&Position>) -> Ended {
        let mut by_zone: BTreeMap<(FindingKind, String), u64> = BTreeMap::new();
        for finding in self.findings.iter().filter(|finding| finding.acceptance.is_none()) {
            *by_zone.entry((finding.kind, finding.zone.clone())).or_default() += 1;
        }
        // The most urgent first, so that what does not fit is what matters least.
        self.findings.sort_by_key(|finding| (!finding.is_alarm, finding.kind));
        let mut size = 0;
        let documents = self.findings.iter().map(Finding::document);
        let kept: Vec<Value> = documents
            .take_while(|document| {
                size += document.to_string().len() + 1;
                size <= RESULT
            })
            .collect();
        let mut totals = position.totals.clone();
        totals.add(&self.totals);
        let alarms = self.findings.iter().filter(|finding| finding.is_alarm).count();
        let (is_complete, left_off) = (next.is_none(), self.findings.len() - kept.len());
        let result = json!({
            "run": position.run,
            "part": position.part,
            "complete": is_complete,
            "zones": self.totals.zones,
            "delegations": self.totals.delegations,
            "alarms": alarms,
            "left_off": left_off,
            "findings": kept,
            "totals": totals,
            "next": next,
        });
        let (counted, findings) = (self.totals, self.findings.len());
        Ended { result, is_complete, counted, totals, by_zone, findings, alarms, left_off }
    }
}

/// A part at its end.
#[derive(Debug)]
pub(super) struct Ended {
    /// What the invocation returns.
    pub(super) result: Value,
    /// Whether the run is at its end, too.
    is_complete: bool,
    /// Of the part.
    counted: Totals,
    /// Of the run so far.
    totals: Totals,
    /// How many findings that nobody has accepted are of a kind and a zone.
    by_zone: BTreeMap<(FindingKind, String), u64>,
    findings: usize,
    alarms: usize,
    left_off: usize,
}

impl Ended {
    /// The lines of metrics: of each zone, and of the run if this was its last part.
    pub(super) fn metrics(&self, at: SystemTime) -> Vec<String> {
        let of_zone = |((kind, zone), count): (&(FindingKind, String), &u64)| {
            metrics::of_zone(at, kind.as_str(), zone, *count)
        };
        let of_run = if self.is_complete { metrics::of_run(at, &self.totals) } else { Vec::new() };
        self.by_zone.iter().map(of_zone).chain(of_run).collect()
    }

    /// Writes the last line.
    pub(super) fn log(&self) {
        info!(
            complete = self.is_complete,
            zones = self.counted.zones,
            delegations = self.counted.delegations,
            findings = self.findings,
            alarms = self.alarms,
            left_off = self.left_off,
            "the watch ends"
        );
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::route53::HostedZone;
    use crate::error::{Code, Failure};

    fn unread(number: usize) -> Unread {
        let zone = HostedZone {
            id: format!("Z{number}").parse().unwrap(),
            name: format!("zone{number}.example.com").parse().unwrap(),
            private: false,
            name_servers: None,
        };
        Unread {
            role: None,
            zone: Some(zone),
            failure: Failure::new(Code::AccessDenied, "was denied."),
        }
    }

    fn end(number: usize, accepted: &Accepted) -> Value {
        let mut part = Part::new(accepted, SystemTime::UNIX_EPOCH);
        (0..number).for_each(|number| part.take_unread(&unread(number)));
        part.end(&Position::default(), None).result
    }

    /// WATCH-4.
    #[test]
    fn a_long_list_is_cut_and_says_how_many_were_left_off() {
        let result = end(1000, &Accepted::default());
        let kept = result["findings"].as_array().unwrap().len();
        assert!(kept > 200, "{kept}");
        assert_eq!(result["left_off"], json!(1000 - kept));
        assert_eq!(
            (&result["alarms"], &result["totals"]["findings"]["high"]),
            (&json!(1000), &json!(1000))
        );
        let size = result.to_string().len();
        assert!(size > RESULT - 1000 && size < RESULT + 1000, "{size}");
        assert_eq!(end(10, &Accepted::default())["left_off"], json!(0));
    }

    #[test]
    fn what_is_an_alarm_is_kept_before_what_somebody_has_accepted() {
        let text = r#"[{"name": "*.example.com", "finding": "unread", "reason": "known", "until": "1970-01-02"},
            {"name": "zone999.example.com", "finding": "unread", "reason": "known", "until": "1969-01-01"}]"#;
        let accepted = Accepted::parse(text).unwrap();
        assert_eq!(end(1000, &accepted)["alarms"], json!(0), "one that holds comes first");
        let text = text.replace("*.example.com", "zone0.example.com");
        let result = end(1000, &Accepted::parse(&text).unwrap());
        assert_eq!(result["alarms"], json!(999));
        assert!(
            result["findings"].as_array().unwrap().iter().all(|finding| finding["alarm"] == true)
        );
    }
}
