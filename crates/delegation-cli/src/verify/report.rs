//! The result of `delegation verify`, as text or as a JSON document.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::subject::{Delegation, Source};
use crate::output;
use delegation_model::ds::DsRecords;
use delegation_model::name::Name;
use dns_check::{Finding, Report, Server, Severity, Verdict};
use inventory::document_of_server;

/// A report as JSON.
pub(super) fn document(delegation: &Delegation, report: &Report) -> Value {
    let Delegation { source, parent, expected } = delegation;
    let problems: Vec<String> =
        report.problems().chain(report.unknowns()).map(ToString::to_string).collect();
    let servers =
        |servers: &[Server]| -> Vec<Value> { servers.iter().map(document_of_server).collect() };
    json!({
        "name": expected.name.as_str(),
        "parent_zone": parent.as_ref().map(|parent| parent.name.as_str()),
        "expected_from": source.as_str(),
        "good": report.is_good(),
        "verdict": verdict(report.verdict()),
        "finding": report.to_string(),
        "problems": problems,
        "findings": report.findings().iter().map(finding_document).collect::<Vec<_>>(),
        "name_servers": servers(report.servers()),
        "parent_name_servers": servers(report.parent_servers()),
        "ds": expected.ds.iter().flat_map(DsRecords::values).collect::<Vec<_>>(),
    })
}

/// A finding as JSON.
fn finding_document(finding: &Finding) -> Value {
    json!({
        "severity": severity(finding.severity()),
        "code": finding.code(),
        "server": finding.server().as_str(),
        "addresses": finding.addresses(),
        "of_parent_zone": finding.is_of_parent(),
        "rcode": finding.rcode(),
        "takeover": finding.is_takeover(),
        "text": finding.to_string(),
        "remedy": finding.remedy(),
    })
}

/// Prints a report as text.
pub(super) fn print(delegation: &Delegation, report: &Report) {
    let Delegation { source, parent, expected } = delegation;
    let name = &expected.name;
    let from = match source {
        Source::Flags => "the flags",
        Source::ChildZone => "the child zone",
        Source::ParentZone => "the parent zone in Route 53",
        Source::Dns => "the parent zone's name servers",
    };
    output::line(&format!("{name}, expected according to {from}:"));
    let child_rows = report.servers().iter().map(|server| row(name, server));
    let parent_rows = report
        .parent_servers()
        .iter()
        .filter_map(|server| Some(row(&parent.as_ref()?.name, server)));
    let rows: Vec<_> = parent_rows.chain(child_rows).collect();
    output::table(["ZONE", "NAME SERVER", "STATE", "SERIAL", "ADDRESSES"], &rows);
    for ds in expected.ds.iter().flat_map(DsRecords::values) {
        output::line(&format!("DS {ds}"));
    }
    match report.verdict() {
        // If no query could leave this machine, that one cause explains every server.
        Verdict::Unknown if report.no_egress() => return output::line(&format!("{report}.")),
        Verdict::Unknown => output::line(&format!("Nothing is known about {name}.")),
        Verdict::Good => output::line(&format!("{}.", report.summary())),
        Verdict::Bad => {}
    }
    for group in report.groups() {
        let Some(finding) = group.first() else { continue };
        let word = match finding.severity() {
            Severity::Problem => "Problem",
            Severity::Unknown => "Unknown",
            Severity::Remark => "Remark",
        };
        let remedy = finding.remedy().map(|remedy| format!(" {remedy}")).unwrap_or_default();
        output::line(&format!("{word}: {group}.{remedy}"));
    }
}

fn row(zone: &Name, server: &Server) -> [String; 5] {
    let serials: BTreeSet<u32> =
        server.addresses.iter().filter_map(|address| address.serial).collect();
    let serials: Vec<String> = serials.iter().map(ToString::to_string).collect();
    let addresses: Vec<String> =
        server.addresses.iter().map(|address| address.address.to_string()).collect();
    [
        zone.to_string(),
        server.name.to_string(),
        server.state.as_str().to_owned(),
        serials.join(" "),
        addresses.join(" "),
    ]
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Bad => "bad",
        Verdict::Unknown => "unknown",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Problem => "problem",
        Severity::Unknown => "unknown",
        Severity::Remark => "remark",
    }
}
