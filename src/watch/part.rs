//! The findings of one part of a run, and its result.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Value, json};
use tracing::{info, warn};

use super::finding::Finding;
use super::{Position, Totals, metrics};
use crate::scan::{Scanned, Subject, Unread};
use dns_check::Report;
use inventory::{Accepted, Examined, Facts, FindingKind};

/// The most bytes of findings in a result. For an asynchronous invocation, Lambda sends up to 1 MB
/// to a destination, and SNS accepts 256 KiB, so that a rule can forward the whole event. The rest
/// is for what Lambda and `EventBridge` add.
const MAX_RESULT: usize = 200_000;

/// The results of a part, or of one of its steps, so far.
#[derive(Debug)]
pub(super) struct Part<'a> {
    accepted: &'a Accepted,
    /// The current time in seconds since 1970.
    now: i64,
    /// The most urgent findings, as far as they fit into a result.
    kept: Vec<Kept>,
    /// The bytes of the documents in `kept`.
    bytes: usize,
    /// The number of findings that nobody has accepted, by kind and zone.
    by_zone: BTreeMap<(FindingKind, String), u64>,
    findings: usize,
    alarms: usize,
    pub(super) totals: Totals,
    /// True if the next part would start at a later position.
    pub(super) has_progressed: bool,
}

/// A finding for the result.
#[derive(Debug)]
struct Kept {
    /// False for an alarm, and the kind: the most urgent findings are the least.
    order: (bool, FindingKind),
    bytes: usize,
    document: Value,
}

impl<'a> Part<'a> {
    pub(super) fn new(accepted: &'a Accepted, now: SystemTime) -> Self {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self::at(accepted, i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    fn at(accepted: &'a Accepted, now: i64) -> Self {
        Self {
            accepted,
            now,
            kept: Vec::new(),
            bytes: 0,
            by_zone: BTreeMap::new(),
            findings: 0,
            alarms: 0,
            totals: Totals::default(),
            has_progressed: false,
        }
    }

    /// Empty results, for a step. They only count if the step ends in time.
    pub(super) fn of_step(&self) -> Self {
        Self::at(self.accepted, self.now)
    }

    /// Adds the results of a step that has ended.
    pub(super) fn add_step(&mut self, step: Self) {
        self.has_progressed = true;
        self.totals.add(&step.totals);
        self.findings += step.findings;
        self.alarms += step.alarms;
        for (key, count) in step.by_zone {
            *self.by_zone.entry(key).or_default() += count;
        }
        self.bytes += step.bytes;
        self.kept.extend(step.kept);
        self.drop_excess();
    }

    /// Adds a zone or an account that could not be read.
    pub(super) fn add_unread(&mut self, unread: &Unread) {
        self.has_progressed = true;
        self.add_finding(&Finding::unread(unread, self.accepted, self.now));
    }

    /// Adds some of the zones that were read and of their delegations, with the reports about their
    /// name servers.
    pub(super) fn add(
        &mut self,
        zones: &[Scanned],
        subjects: &[Subject],
        reports: &BTreeMap<Subject, Report>,
    ) {
        let facts = Facts {
            now: self.now,
            stacks: None,
            accepted: self.accepted,
            checked: true,
            unowned: false,
        };
        for subject in subjects {
            let Some(scanned) = zones.get(subject.zone) else { continue };
            let report = reports.get(subject);
            let Some(index) = subject.entry else {
                self.totals.zones += 1;
                if let Some(report) = report.filter(|report| !report.is_good()) {
                    let (id, name) = (scanned.zone.id.as_str(), scanned.zone.name.as_str());
                    let message = "the parent zone itself does not resolve as it should";
                    warn!(
                        parent_zone_id = id,
                        parent_zone_name = name,
                        verification = %report,
                        "{message}"
                    );
                }
                continue;
            };
            let Some(entry) = scanned.inventory.entries.get(index) else { continue };
            self.totals.delegations += 1;
            let examined = Examined::new(entry, report, &facts);
            for found in &examined.findings {
                self.add_finding(&Finding::new(scanned, &examined, found, self.now));
            }
        }
    }

    fn add_finding(&mut self, finding: &Finding) {
        finding.log();
        if finding.acceptance.is_none() {
            *self.totals.findings.entry(finding.kind.severity().to_string()).or_default() += 1;
            *self.by_zone.entry((finding.kind, finding.zone.clone())).or_default() += 1;
        }
        self.totals.unknown += u64::from(finding.kind == FindingKind::Unknown);
        self.findings += 1;
        self.alarms += usize::from(finding.is_alarm);
        let document = finding.document();
        let bytes = document.to_string().len() + 1;
        self.kept.push(Kept { order: (!finding.is_alarm, finding.kind), bytes, document });
        self.bytes += bytes;
        self.drop_excess();
    }

    /// Drops findings if there are many more than fit into a result. Whoever may write to a zone
    /// chooses how many there are, and how long they are.
    fn drop_excess(&mut self) {
        if self.bytes > 4 * MAX_RESULT {
            self.drop_the_rest();
        }
    }

    /// Keeps the findings that fit into a result, the most urgent ones first. One that is too long
    /// does not keep out those after it.
    fn drop_the_rest(&mut self) {
        self.kept.sort_by_key(|kept| kept.order);
        let mut bytes = 0;
        self.kept.retain(|kept| {
            let fits = bytes + kept.bytes <= MAX_RESULT;
            bytes += if fits { kept.bytes } else { 0 };
            fits
        });
        self.bytes = bytes;
    }

    /// Ends the part. `next` says where the run continues, if it does.
    pub(super) fn end(mut self, position: &Position, next: Option<&Position>) -> Ended {
        self.drop_the_rest();
        let Self { kept, by_zone, findings, alarms, totals: counted, .. } = self;
        let kept: Vec<Value> = kept.into_iter().map(|kept| kept.document).collect();
        let mut totals = position.totals.clone();
        totals.add(&counted);
        let (is_complete, left_off) = (next.is_none(), findings - kept.len());
        let result = json!({
            "run": position.run,
            "part": position.part,
            "complete": is_complete,
            "zones": counted.zones,
            "delegations": counted.delegations,
            "alarms": alarms,
            "left_off": left_off,
            "findings": kept,
            "totals": totals,
            "next": next,
        });
        Ended { result, is_complete, counted, totals, by_zone, findings, alarms, left_off }
    }
}

/// A part that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// The result of the invocation.
    pub(super) result: Value,
    /// True if the whole run has ended.
    is_complete: bool,
    /// The totals of this part.
    counted: Totals,
    /// The totals of the run so far.
    totals: Totals,
    /// The number of findings that nobody has accepted, by kind and zone.
    by_zone: BTreeMap<(FindingKind, String), u64>,
    findings: usize,
    alarms: usize,
    left_off: usize,
}

impl Ended {
    /// The metrics lines: for each zone, and for the run if this was its last part.
    pub(super) fn metrics(&self, at: SystemTime) -> Vec<String> {
        let of_zone = |((kind, zone), count): (&(FindingKind, String), &u64)| {
            metrics::of_zone(at, kind.as_str(), zone, *count)
        };
        let of_run = if self.is_complete { metrics::of_run(at, &self.totals) } else { Vec::new() };
        self.by_zone.iter().map(of_zone).chain(of_run).collect()
    }

    /// Logs the last line of the part.
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
        (0..number).for_each(|number| part.add_unread(&unread(number)));
        part.end(&Position::default(), None).result
    }

    /// WATCH-4.
    #[test]
    fn a_long_result_is_cut_and_counts_the_findings_left_off() {
        let result = end(1000, &Accepted::default());
        let kept = result["findings"].as_array().unwrap().len();
        assert!(kept > 200, "{kept}");
        assert_eq!(result["left_off"], json!(1000 - kept));
        assert_eq!(
            (&result["alarms"], &result["totals"]["findings"]["high"]),
            (&json!(1000), &json!(1000))
        );
        let size = result.to_string().len();
        assert!(size > MAX_RESULT - 1000 && size < MAX_RESULT + 1000, "{size}");
        assert_eq!(end(10, &Accepted::default())["left_off"], json!(0));
    }

    /// WATCH-4.
    #[test]
    fn a_finding_that_is_too_long_does_not_keep_out_the_others() {
        let accepted = Accepted::default();
        let mut part = Part::new(&accepted, SystemTime::UNIX_EPOCH);
        let long = "x".repeat(MAX_RESULT);
        part.add_unread(&Unread { failure: Failure::new(Code::AccessDenied, long), ..unread(0) });
        (1..10).for_each(|number| part.add_unread(&unread(number)));
        let result = part.end(&Position::default(), None).result;
        assert_eq!(result["findings"].as_array().unwrap().len(), 9, "{}", result["left_off"]);
        assert_eq!((&result["left_off"], &result["alarms"]), (&json!(1), &json!(10)));
    }

    /// The findings that are kept don't grow with the length of a run.
    #[test]
    fn a_part_keeps_no_more_findings_than_fit_into_its_result() {
        let accepted = Accepted::default();
        let mut part = Part::new(&accepted, SystemTime::UNIX_EPOCH);
        for number in 0..10_000 {
            part.add_unread(&unread(number));
            let bytes: usize = part.kept.iter().map(|kept| kept.bytes).sum();
            assert!(bytes <= 4 * MAX_RESULT, "{bytes} bytes");
        }
        let result = part.end(&Position::default(), None).result;
        assert_eq!(result["alarms"], json!(10_000));
        let kept = result["findings"].as_array().unwrap().len();
        assert_eq!(result["left_off"], json!(10_000 - kept));
    }

    #[test]
    fn alarms_are_kept_before_accepted_findings() {
        let text = r#"[
            {"name": "*.example.com", "finding": "unread", "reason": "known",
             "until": "1970-01-02"},
            {"name": "zone999.example.com", "finding": "unread", "reason": "known",
             "until": "1969-01-01"}
        ]"#;
        let accepted = Accepted::parse(text).unwrap();
        assert_eq!(end(1000, &accepted)["alarms"], json!(0), "a valid acceptance is preferred");
        let text = text.replace("*.example.com", "zone0.example.com");
        let result = end(1000, &Accepted::parse(&text).unwrap());
        assert_eq!(result["alarms"], json!(999));
        assert!(
            result["findings"].as_array().unwrap().iter().all(|finding| finding["alarm"] == true)
        );
    }
}
