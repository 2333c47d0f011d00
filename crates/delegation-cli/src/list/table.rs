//! Displays a listing as tables, one per zone.

use super::super::output;
use super::{Listing, Results, ZoneResults};
use delegation_model::ownership_record::Claim;
use inventory::{Delegation, EntryFinding, Examined, Facts};

pub(super) fn print(results: &Results<'_>) {
    let many = results.listing.args.scope.all_zones;
    for zone in results.zones.iter().filter(|zone| !many || !zone.lines.is_empty()) {
        print_zone(zone, results.listing);
        if many {
            output::line("");
        }
    }
    for unread in &results.listing.scan.unread {
        output::line(&format!("{}: unread: {}", unread.subject(), unread.failure.message()));
    }
    for acceptance in results.obsolete_acceptances() {
        output::line(&format!(
            "{}: {} is accepted, but no longer found",
            acceptance.name, acceptance.kind
        ));
    }
    if many {
        let (zones, delegations) = (results.zones.len(), results.lines().count());
        output::line(&format!(
            "{}, {}, {}, {} unknown, {} not read",
            counted(zones, "zone"),
            counted(delegations, "delegation"),
            counted(results.alarms, "alarm"),
            results.unknown,
            results.listing.scan.unread.len()
        ));
    }
}

/// A number and a noun in the right form.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn print_zone(zone: &ZoneResults<'_>, listing: &Listing<'_>) {
    let facts = &listing.facts;
    let (all, hosted) = (zone.scanned.inventory.entries.len(), &zone.scanned.zone);
    let shown = zone.lines.len();
    let all = counted(all, "delegation");
    let count = if listing.is_filtered() { format!("{shown} of {all}") } else { all };
    output::line(&format!("{} ({}): {count}", hosted.name, hosted.id));
    if let Some(finding) = zone.report.filter(|finding| !finding.is_good()) {
        output::line(&format!(
            "Warning: the parent zone itself does not resolve as it should: {finding}."
        ));
    }
    if zone.lines.is_empty() {
        return;
    }
    let rows: Vec<_> = zone.lines.iter().map(|line| cells(line, facts)).collect();
    output::table(["NAME", "FINDING", "OWNERS", "DS", "NAME SERVERS"], &rows);
    for line in &zone.lines {
        for problem in line.problems() {
            output::line(&format!("{}: {problem}", line.name()));
        }
        for found in &line.findings {
            if let Some(remark) = remark(found, facts) {
                output::line(&format!("{}: {} {remark}", line.name(), found.kind));
            }
        }
    }
}

/// The remark about an acceptance.
fn remark(found: &EntryFinding, facts: &Facts<'_>) -> Option<String> {
    let acceptance = found.acceptance.as_ref()?;
    let (until, reason) = (acceptance.until, &acceptance.reason);
    Some(if acceptance.is_valid(facts.now) {
        format!("is accepted until {until}: {reason}")
    } else {
        format!("was accepted until {until}, which has passed: {reason}")
    })
}

/// The cells of a row: name, findings, owners, DS and name servers.
fn cells(line: &Examined<'_>, facts: &Facts<'_>) -> [String; 5] {
    let delegation = line.entry.delegation.as_ref();
    let remark =
        |found: &EntryFinding| if found.is_accepted(facts.now) { " (accepted)" } else { "" };
    let finding = |found: &EntryFinding| format!("{}{}", found.kind, remark(found));
    let findings: Vec<String> = line.findings.iter().map(finding).collect();
    let findings = if findings.is_empty() && facts.checked {
        "in order".to_owned()
    } else {
        findings.join(", ")
    };
    let has_ds = delegation.is_some_and(|delegation| delegation.ds.is_some());
    [
        line.name(),
        findings,
        owners(line, facts).join(", "),
        if has_ds { "yes".to_owned() } else { String::new() },
        delegation.map(Delegation::servers).unwrap_or_default().join(" "),
    ]
}

/// The owners, each with a remark if its claim is dead or dormant. One more item says whether there
/// are claims that can't be read.
pub(super) fn owners(line: &Examined<'_>, facts: &Facts<'_>) -> Vec<String> {
    let entry = line.entry;
    let owner = |claim: &Claim| {
        let dead = facts.stacks.is_some_and(|stacks| entry.is_dead(claim, stacks));
        let holds = entry.delegation.is_none() || entry.is_held_by(claim);
        let remark = match (dead, holds) {
            (true, _) => " (dead)",
            (false, false) => " (names other name servers)",
            (false, true) => "",
        };
        format!("{}{remark}", claim.owner)
    };
    let unreadable = entry.ownership.has_unreadable().then(|| "an unreadable claim".to_owned());
    entry.ownership.claims().map(owner).chain(unreadable).collect()
}
