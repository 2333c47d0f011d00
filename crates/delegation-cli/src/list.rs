//! `delegation list`: reads zones, queries the name servers of their delegations, and lists the
//! findings.

mod files;
mod html;
mod progress;
mod skeleton;
mod table;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::args::List as Args;
use super::error::{ErrorCode, Unanswered};
use super::{Status, Tools, output};
use custom_delegation::error::coded;
use custom_delegation::scan::{self, Scan, Scanned, Source, Subject, Unread};
use delegation_model::ids::RoleArn;
use dns_check::Report;
use inventory::{Acceptance, Entry, Examined, Facts, FindingKind};
use progress::Progress;

pub(super) async fn run(tools: &Tools, args: &Args) -> Result<Status, Unanswered> {
    let sources = sources(args)?;
    check_finding_flags(args)?;
    let stacks = args.stacks.as_deref().map(files::stacks).transpose()?;
    let accepted = args.accepted.as_deref().map(files::accepted).transpose()?.unwrap_or_default();
    let progress = Progress::new();
    let mut scan = scan::read(tools.accounts()?, &sources, &|step| progress.read(step)).await;
    if scan.zones.is_empty()
        && let Some(unread) = scan.unread.pop()
    {
        // There is no zone to list, and at least one account or zone could not be read.
        return Err(unread.failure.into());
    }
    let facts = Facts {
        now: super::now(),
        stacks: stacks.as_deref(),
        accepted: &accepted,
        checked: args.check,
        unowned: args.unowned,
    };
    let listing = Listing { args, facts, scan: &scan };
    let reports = listing.check(tools, &progress).await;
    drop(progress);
    let results = Results::new(&listing, &reports);
    if let Some(path) = &args.html {
        html::write(&results, path)?;
    }
    if let Some(folder) = &args.skeletons {
        for (path, delegations) in skeleton::write(&results, folder)? {
            output::note(&format!(
                "{path}: {} to adopt",
                table::counted(delegations, "delegation")
            ));
        }
    }
    match () {
        () if args.json_lines => output::json_line(&results.end()),
        () if tools.json => output::document(&results.document()),
        () => table::print(&results),
    }
    if results.alarms == 0 && results.unknown > 0 {
        let unknown = table::counted(results.unknown, "delegation");
        let message = format!("the name servers of {unknown} could not be queried");
        output::error(&coded(&message, ErrorCode::NameServersNotQueried.as_str()));
    }
    Ok(match (results.alarms, results.unknown) {
        // Without --check, only what could not be read counts: the list is incomplete.
        _ if !args.check && scan.unread.is_empty() => Status::AsExpected,
        (0, 0) => Status::AsExpected,
        (0, _) => Status::Error,
        _ => Status::NotAsExpected,
    })
}

/// Rejects `--finding` with a kind that is never found without another flag. An empty list would
/// otherwise look as if nothing were wrong.
fn check_finding_flags(args: &Args) -> Result<(), Unanswered> {
    for kind in &args.finding {
        let flag = match kind {
            FindingKind::DeadClaim if args.stacks.is_none() => "--stacks",
            kind if kind.is_of_dns() && !args.check => "--check",
            _ => continue,
        };
        return Err(Unanswered::new(
            ErrorCode::InvalidFlags,
            format!("--finding {kind} requires {flag}: {kind} is never found without it"),
        ));
    }
    Ok(())
}

/// The sources to read, according to the flags.
fn sources(args: &Args) -> Result<Vec<Source>, Unanswered> {
    let zone = args.scope.zone()?;
    if zone.is_none() && !args.scope.all_zones {
        return Err(Unanswered::new(
            ErrorCode::InvalidFlags,
            "no parent zone is given; set --parent-zone-id or --parent-zone-name, or use \
             --all-zones to list every zone",
        ));
    }
    let mut roles = args.scope.roles()?;
    if let Some(path) = &args.scope.roles {
        roles.extend(files::roles(path, &args.scope)?);
    }
    if roles.len() > 1 && !args.scope.all_zones {
        return Err(Unanswered::new(
            ErrorCode::InvalidFlags,
            "several roles require --all-zones; a single zone is in one account",
        ));
    }
    let source = |role| Source { role, zone: zone.clone() };
    Ok(if roles.is_empty() {
        vec![source(None)]
    } else {
        roles.into_iter().map(|role| source(Some(role))).collect()
    })
}

/// What to list, and how.
struct Listing<'a> {
    args: &'a Args,
    facts: Facts<'a>,
    scan: &'a Scan,
}

type Reports = BTreeMap<Subject, Report>;

impl<'a> Listing<'a> {
    fn entry(&self, subject: Subject) -> Option<(&'a Scanned, &'a Entry)> {
        let scanned = self.scan.zones.get(subject.zone)?;
        Some((scanned, scanned.inventory.entries.get(subject.entry?)?))
    }

    /// Queries the name servers of the listed delegations, if requested. With `--json-lines`,
    /// prints each line as soon as it is known.
    async fn check(&self, tools: &Tools, progress: &Progress) -> Reports {
        let subjects: Vec<Subject> =
            scan::subjects(&self.scan.zones).filter(|subject| self.is_selected(*subject)).collect();
        let mut reports = Reports::new();
        if self.args.json_lines {
            for unread in &self.scan.unread {
                output::json_line(&unread_line(unread));
            }
        }
        if self.facts.checked {
            progress.start_checks(subjects.len());
            let can_be_checked = |subject: &Subject| {
                self.entry(*subject).is_none_or(|(_, entry)| entry.expected().is_some())
            };
            let (checked, rest): (Vec<Subject>, Vec<Subject>) =
                subjects.into_iter().partition(can_be_checked);
            for subject in rest {
                self.print_line(subject, None);
            }
            scan::check(&tools.verifier, &self.scan.zones, &checked, |subject, report| {
                progress.check_done();
                self.print_line(subject, Some(&report));
                reports.insert(subject, report);
            })
            .await;
        } else {
            for subject in subjects {
                self.print_line(subject, None);
            }
        }
        reports
    }

    /// True if the flags select only some of the delegations.
    fn is_filtered(&self) -> bool {
        !self.args.finding.is_empty() || self.args.owner.is_some()
    }

    /// True if `--owner` selects this entry. `--finding` applies later, once findings are known.
    fn is_selected(&self, subject: Subject) -> bool {
        let Some((_, entry)) = self.entry(subject) else { return subject.entry.is_none() };
        self.args.owner.as_deref().is_none_or(|owner| has_owner(entry, owner))
    }

    /// Examines an entry. `None` if the flags do not select it.
    fn examine(&self, subject: Subject, report: Option<&'a Report>) -> Option<Examined<'a>> {
        let (_, entry) = self.entry(subject).filter(|_| self.is_selected(subject))?;
        let examined = Examined::new(entry, report, &self.facts);
        let kinds = &self.args.finding;
        (kinds.is_empty() || examined.kinds().any(|kind| kinds.contains(&kind))).then_some(examined)
    }

    fn print_line(&self, subject: Subject, report: Option<&Report>) {
        let Some((scanned, entry)) = self.entry(subject).filter(|_| self.args.json_lines) else {
            return;
        };
        let examined = Examined::new(entry, report, &self.facts);
        if self.args.finding.is_empty()
            || examined.kinds().any(|kind| self.args.finding.contains(&kind))
        {
            let mut line = json!({"type": "delegation"});
            merge(&mut line, zone_fields(scanned));
            merge(&mut line, examined.document(&scanned.zone.id, &self.facts));
            output::json_line(&line);
        }
    }
}

/// True if this stack, or this resource of a stack, has a claim.
fn has_owner(entry: &Entry, owner: &str) -> bool {
    let is_owner = |known: &str| {
        known == owner || known.split_once('/').is_some_and(|(stack, _)| stack == owner)
    };
    entry.ownership.claims().any(|claim| claim.owner.as_str().is_some_and(is_owner))
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn zone_fields(scanned: &Scanned) -> Value {
    json!({
        "parent_zone_id": scanned.zone.id.as_str(),
        "parent_zone_name": scanned.zone.name.as_str(),
        "role": scanned.role.as_ref().map(RoleArn::as_str),
    })
}

fn unread_fields(unread: &Unread) -> Value {
    json!({
        "parent_zone_id": unread.zone.as_ref().map(|zone| zone.id.as_str()),
        "parent_zone_name": unread.zone.as_ref().map(|zone| zone.name.as_str()),
        "role": unread.role.as_ref().map(RoleArn::as_str),
        "finding": FindingKind::Unread.as_str(),
        "error": unread.failure.message(),
    })
}

fn unread_line(unread: &Unread) -> Value {
    let mut line = json!({"type": "unread"});
    merge(&mut line, unread_fields(unread));
    line
}

/// The results of a listing, to be displayed in one of several formats.
struct Results<'a> {
    listing: &'a Listing<'a>,
    zones: Vec<ZoneResults<'a>>,
    alarms: usize,
    unknown: usize,
}

/// The results for one zone.
struct ZoneResults<'a> {
    scanned: &'a Scanned,
    /// The report about the zone's own name servers.
    report: Option<&'a Report>,
    lines: Vec<Examined<'a>>,
}

impl<'a> Results<'a> {
    fn new(listing: &'a Listing<'a>, reports: &'a Reports) -> Self {
        let zone = |(zone, scanned): (usize, &'a Scanned)| {
            let entries = 0..scanned.inventory.entries.len();
            let subjects = entries.map(|entry| Subject { zone, entry: Some(entry) });
            let lines = subjects
                .filter_map(|subject| listing.examine(subject, reports.get(&subject)))
                .collect();
            ZoneResults { scanned, report: reports.get(&Subject { zone, entry: None }), lines }
        };
        let zones: Vec<ZoneResults<'a>> = listing.scan.zones.iter().enumerate().map(zone).collect();
        let lines = || zones.iter().flat_map(|zone| &zone.lines);
        let Facts { accepted, now, .. } = listing.facts;
        let unread = listing
            .scan
            .unread
            .iter()
            .filter(|unread| unread.acceptance(accepted, now).is_none())
            .count();
        let alarms = lines().filter(|line| line.is_alarm()).count() + unread;
        let unknown =
            lines().filter(|line| line.kinds().any(|kind| kind == FindingKind::Unknown)).count();
        Self { listing, zones, alarms, unknown }
    }

    fn lines(&self) -> impl Iterator<Item = &Examined<'a>> {
        self.zones.iter().flat_map(|zone| &zone.lines)
    }

    /// The acceptances of findings that no longer exist. Only a complete listing can tell.
    fn obsolete_acceptances(&self) -> Vec<&'a Acceptance> {
        let Listing { args, facts, scan } = self.listing;
        if !args.check || self.listing.is_filtered() {
            return Vec::new();
        }
        let found = |acceptance: &&Acceptance| {
            let about =
                |name: &str, kind| facts.accepted.find(name, kind, facts.now) == Some(*acceptance);
            let mut known = self
                .lines()
                .flat_map(|line| &line.findings)
                .filter_map(|found| found.acceptance.as_ref());
            known.any(|known| known == *acceptance)
                || scan.unread.iter().any(|unread| about(&unread.subject(), FindingKind::Unread))
        };
        facts.accepted.iter().filter(|acceptance| !found(acceptance)).collect()
    }

    /// The document of `--json`: for the one zone that was requested, or for all zones.
    fn document(&self) -> Value {
        let Listing { args, facts, scan } = self.listing;
        let zone = |zone: &ZoneResults<'_>| {
            let id = &zone.scanned.zone.id;
            let delegations: Vec<Value> =
                zone.lines.iter().map(|line| line.document(id, facts)).collect();
            let mut document = zone_fields(zone.scanned);
            merge(
                &mut document,
                json!({
                    "parent_zone_finding": zone.report.map(ToString::to_string),
                    "delegations": delegations,
                }),
            );
            document
        };
        let mut document =
            json!({"checked": args.check, "alarms": self.alarms, "unknown": self.unknown});
        match self.zones.as_slice() {
            [only] if !args.scope.all_zones => merge(&mut document, zone(only)),
            zones => merge(
                &mut document,
                json!({
                    "zones": zones.iter().map(zone).collect::<Vec<_>>(),
                    "unread": scan.unread.iter().map(unread_fields).collect::<Vec<_>>(),
                }),
            ),
        }
        let obsolete: Vec<Value> = self
            .obsolete_acceptances()
            .into_iter()
            .map(|acceptance| json!({"name": acceptance.name, "finding": acceptance.kind.as_str()}))
            .collect();
        merge(&mut document, json!({"accepted_and_gone": obsolete}));
        document
    }

    /// The last one of the JSON lines.
    fn end(&self) -> Value {
        json!({
            "type": "end",
            "checked": self.listing.args.check,
            "zones": self.zones.len(),
            "delegations": self.lines().count(),
            "unread": self.listing.scan.unread.len(),
            "alarms": self.alarms,
            "unknown": self.unknown,
        })
    }
}
