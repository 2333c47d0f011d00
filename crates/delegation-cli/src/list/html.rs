//! Displays a listing as an HTML page. The page works without a network and without scripts, and
//! none of its contents can add a script.
//!
//! Names, values and messages come from strangers. The templates escape all of them. The page's
//! Content Security Policy allows only the one script and the one style sheet that are part of this
//! program, by their digests (W3C, "Content Security Policy Level 3").

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;

use super::super::error::{ErrorCode, Unanswered};
use super::super::output;
use super::table::owners;
use super::{Results, ZoneResults};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use dns_check::{Server, ServerState};
use inventory::{Delegation, EntryFinding, Examined, Facts, FindingKind, Severity};

const STYLE: &str = include_str!("../../templates/page.css");
const SCRIPT: &str = include_str!("../../templates/page.js");
/// The state of a delegation without findings.
const IN_ORDER: &str = "in-order";

#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    policy: String,
    style: &'static str,
    script: &'static str,
    when: String,
    checked: bool,
    zone_count: usize,
    delegations: usize,
    states: Vec<State>,
    unread: Vec<NotRead>,
    zones: Vec<Zone>,
}

/// A state to filter by.
struct State {
    word: &'static str,
    label: &'static str,
    class: &'static str,
    count: usize,
}

struct NotRead {
    subject: String,
    error: String,
}

#[derive(Template)]
#[template(path = "zone.html")]
struct Zone {
    id: String,
    name: String,
    role: Option<String>,
    problem: Option<String>,
    lines: Vec<Line>,
}

struct Line {
    name: String,
    /// Its findings, separated by spaces.
    states: String,
    /// The text that a search is matched against, in lower case.
    text: String,
    is_alarm: bool,
    badges: Vec<Badge>,
    owners: String,
    findings: Vec<Finding>,
    facts: Vec<(&'static str, String)>,
    servers: Vec<NameServer>,
    /// The zones with this name that the delegation leads to.
    children: Vec<Zone>,
}

struct Badge {
    word: String,
    class: &'static str,
}

struct Finding {
    word: &'static str,
    class: &'static str,
    severity: String,
    risk: &'static str,
    remedy: &'static str,
    accepted: Option<String>,
    seen: Vec<String>,
    command: Option<String>,
}

struct NameServer {
    name: String,
    state: &'static str,
    class: &'static str,
    addresses: String,
}

/// Writes the page of a listing to a file.
pub(super) fn write(results: &Results<'_>, path: &Path) -> Result<(), Unanswered> {
    let failed = |error: String| {
        Unanswered::new(
            ErrorCode::FileNotWritten,
            format!("--html {}: can't write the page: {error}", path.display()),
        )
    };
    let page = render(results).map_err(|error| failed(error.to_string()))?;
    std::fs::write(path, page).map_err(|error| failed(error.to_string()))
}

fn render(results: &Results<'_>) -> Result<String, askama::Error> {
    let facts = &results.listing.facts;
    let unread = results.listing.scan.unread.iter().map(|unread| NotRead {
        subject: output::plain(&unread.subject()),
        error: output::plain(unread.failure.message()),
    });
    let page = Page {
        policy: format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; \
             form-action 'none'",
            digest(STYLE),
            digest(SCRIPT)
        ),
        style: STYLE,
        script: SCRIPT,
        when: date_and_time(facts.now),
        checked: facts.checked,
        zone_count: results.zones.len(),
        delegations: results.lines().count(),
        states: states(results),
        unread: unread.collect(),
        zones: tree(results),
    };
    page.render()
}

/// The digest of a script or a style sheet, as a Content Security Policy contains it.
fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

fn date_and_time(seconds: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]");
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(format).unwrap_or_default()
}

/// The number of delegations in each state, most urgent first.
fn states(results: &Results<'_>) -> Vec<State> {
    let mut counts: BTreeMap<FindingKind, usize> = BTreeMap::new();
    let mut in_order = 0;
    for line in results.lines() {
        in_order += usize::from(line.findings.is_empty());
        for kind in line.kinds() {
            *counts.entry(kind).or_default() += 1;
        }
    }
    let found = counts.into_iter().map(|(kind, count)| State {
        word: kind.as_str(),
        label: kind.as_str(),
        class: class(kind),
        count,
    });
    // Without a DNS check, "in order" would be a guess.
    let label = if results.listing.facts.checked { "in order" } else { "nothing found" };
    found
        .chain((in_order > 0).then_some(State {
            word: IN_ORDER,
            label,
            class: "ok",
            count: in_order,
        }))
        .collect()
}

fn class(kind: FindingKind) -> &'static str {
    match kind.severity() {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Info => "info",
    }
}

/// The zones as a tree. A zone is placed below the delegation with its name in the closest zone
/// above it, if that delegation leads to the zone's own name servers.
fn tree(results: &Results<'_>) -> Vec<Zone> {
    let mut below: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    let mut is_below = BTreeSet::new();
    for (index, zone) in results.zones.iter().enumerate() {
        let own = zone.scanned.inventory.apex.as_ref().map(|apex| &apex.name_servers);
        let above = own.and_then(|own| above(results, &zone.scanned.zone.name, own));
        if let Some(above) = above {
            below.entry(above).or_default().push(index);
            is_below.insert(index);
        }
    }
    (0..results.zones.len())
        .filter(|index| !is_below.contains(index))
        .filter_map(|index| zone(results, index, &below))
        .collect()
}

/// The delegation that leads to a zone, as the indexes of its zone and its line.
fn above(results: &Results<'_>, name: &Name, servers: &NameServers) -> Option<(usize, usize)> {
    let above =
        results.zones.iter().enumerate().filter(|(_, zone)| name.is_below(&zone.scanned.zone.name));
    let candidates = above.filter_map(|(index, zone)| {
        let line = zone.lines.iter().position(|line| {
            let delegation =
                line.entry.delegation.as_ref().filter(|_| line.entry.name.as_ref() == Some(name));
            delegation.and_then(Delegation::name_servers).as_ref() == Some(servers)
        })?;
        Some((zone.scanned.zone.name.labels().count(), (index, line)))
    });
    candidates.max_by_key(|(labels, _)| *labels).map(|(_, indexes)| indexes)
}

/// A zone with everything below it. The recursion ends, because a zone is only placed below zones
/// whose names enclose its own.
fn zone(
    results: &Results<'_>,
    index: usize,
    below: &BTreeMap<(usize, usize), Vec<usize>>,
) -> Option<Zone> {
    let shown: &ZoneResults<'_> = results.zones.get(index)?;
    let lines = shown.lines.iter().enumerate().map(|(number, examined)| {
        let children = below.get(&(index, number)).into_iter().flatten();
        let children = children.filter_map(|child| zone(results, *child, below)).collect();
        line(results, shown, examined, children)
    });
    Some(Zone {
        id: shown.scanned.zone.id.as_str().to_owned(),
        name: output::plain(&shown.scanned.zone.name.for_people()),
        role: shown.scanned.role.as_ref().map(|role| role.as_str().to_owned()),
        problem: shown
            .report
            .filter(|report| !report.is_good())
            .map(|report| output::plain(&report.to_string())),
        lines: lines.collect(),
    })
}

fn line(
    results: &Results<'_>,
    zone: &ZoneResults<'_>,
    examined: &Examined<'_>,
    children: Vec<Zone>,
) -> Line {
    let facts = &results.listing.facts;
    let name = output::plain(&examined.name());
    let owners: Vec<String> =
        owners(examined, facts).iter().map(|owner| output::plain(owner)).collect();
    let facts_of_zone = zone_facts(examined);
    let mut words: Vec<&str> = examined.kinds().map(FindingKind::as_str).collect();
    if words.is_empty() {
        words.push(IN_ORDER);
    }
    let text =
        [&name].into_iter().chain(&owners).chain(facts_of_zone.iter().map(|(_, value)| value));
    Line {
        states: words.join(" "),
        text: text.map(|text| text.to_lowercase()).collect::<Vec<_>>().join(" "),
        is_alarm: examined.is_alarm(),
        badges: badges(examined, facts),
        owners: owners.join(", "),
        findings: examined
            .findings
            .iter()
            .map(|found| finding(zone, examined, found, facts))
            .collect(),
        facts: facts_of_zone,
        servers: examined
            .report
            .map(|report| report.servers().iter().map(server).collect())
            .unwrap_or_default(),
        children,
        name,
    }
}

fn badges(examined: &Examined<'_>, facts: &Facts<'_>) -> Vec<Badge> {
    let badge = |found: &EntryFinding| {
        if found.is_accepted(facts.now) {
            Badge { word: format!("{} (accepted)", found.kind), class: "accepted" }
        } else {
            Badge { word: found.kind.to_string(), class: class(found.kind) }
        }
    };
    match examined.findings.as_slice() {
        [] if facts.checked => vec![Badge { word: "in order".to_owned(), class: "ok" }],
        findings => findings.iter().map(badge).collect(),
    }
}

fn finding(
    zone: &ZoneResults<'_>,
    examined: &Examined<'_>,
    found: &EntryFinding,
    facts: &Facts<'_>,
) -> Finding {
    let accepted = found.acceptance.as_ref().map(|acceptance| {
        let (until, reason) = (acceptance.until, output::plain(&acceptance.reason));
        if acceptance.is_valid(facts.now) {
            format!("Accepted until {until}: {reason}")
        } else {
            format!("Was accepted until {until}, which has passed: {reason}")
        }
    });
    Finding {
        word: found.kind.as_str(),
        class: class(found.kind),
        severity: found.kind.severity().to_string(),
        risk: found.kind.risk(),
        remedy: found.kind.remedy(),
        accepted,
        seen: found.evidence.iter().map(|text| output::plain(text)).collect(),
        command: examined.fix(found, &zone.scanned.zone.id).map(|(_, command)| command),
    }
}

/// The records and claims of one entry of the parent zone, as pairs of a label and a value.
fn zone_facts(examined: &Examined<'_>) -> Vec<(&'static str, String)> {
    let entry = examined.entry;
    let mut facts = Vec::new();
    let mut add = |label, values: Vec<String>| {
        if !values.is_empty() {
            facts.push((label, output::plain(&values.join(", "))));
        }
    };
    if let Some(delegation) = &entry.delegation {
        add("Name servers", delegation.servers());
        add("TTL", delegation.ttl().map(|ttl| format!("{ttl} seconds")).into_iter().collect());
        add("DS records", delegation.ds_values().to_vec());
    }
    let claim = |claim: &delegation_model::ownership_record::Claim| {
        format!("{}, written on {} UTC", claim.owner, date_and_time(claim.stamp.time))
    };
    add("Claims", entry.ownership.claims().map(claim).collect());
    add(
        "Ownership record",
        entry.record.as_ref().map(|record| record.name.for_people()).into_iter().collect(),
    );
    facts
}

fn server(server: &Server) -> NameServer {
    let addresses: Vec<String> = server
        .addresses
        .iter()
        .map(|address| match address.serial {
            Some(serial) => format!("{} (serial {serial})", address.address),
            None => address.address.to_string(),
        })
        .collect();
    let class = match server.state {
        ServerState::Serves => "ok",
        ServerState::Unknown => "info",
        ServerState::Lame | ServerState::Silent | ServerState::Unresolved => "high",
    };
    NameServer {
        name: output::plain(&server.name.for_people()),
        state: server.state.as_str(),
        class,
        addresses: addresses.join(", "),
    }
}
