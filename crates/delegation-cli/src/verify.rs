//! `delegation verify`.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::args::{self, Verify as Args};
use super::{Status, Tools, Unanswered, output};
use custom_delegation::cfn::properties::Partial;
use custom_delegation::handler::expected;
use delegation_model::ds::{Ds, DsError, DsRecords};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use dns_check::{
    Expected, Finding, ParentZone, ReferralError, Report, Server, Severity, Verdict, Verifier,
};
use inventory::document_of_server;

/// A person looks at what is so now.
const PATIENCE: Duration = Duration::ZERO;

/// Where it stands what the delegation should be.
#[derive(Clone, Copy)]
enum Source {
    Flags,
    ChildZone,
    ParentZone,
    Dns,
}

impl Source {
    fn as_str(self) -> &'static str {
        match self {
            Self::Flags => "flags",
            Self::ChildZone => "child_zone",
            Self::ParentZone => "parent_zone",
            Self::Dns => "dns",
        }
    }
}

pub(super) async fn run(tools: &Tools, args: &Args) -> Result<Status, Unanswered> {
    let verifier = tools.verifier.clone().for_run().thorough();
    let mut statuses = Vec::new();
    let mut documents = Vec::new();
    for (index, name) in args.names.iter().enumerate() {
        if index > 0 && !tools.json {
            output::line("");
        }
        match of_name(tools, args, &verifier, name).await {
            Ok((status, document)) => {
                statuses.push(status);
                documents.push(document);
            }
            Err(unanswered) if args.names.len() == 1 => return Err(unanswered),
            // The others may be answered.
            Err(unanswered) => {
                output::complain(&format!("{name}: {}", args::in_flags(&unanswered.message)));
                statuses.push(Status::Error);
            }
        }
    }
    if tools.json {
        match <[Value; 1]>::try_from(documents) {
            Ok([document]) if args.names.len() == 1 => output::document(&document),
            Ok([document]) => output::document(&json!([document])),
            Err(documents) => output::document(&Value::Array(documents)),
        }
    }
    let has = |status| statuses.contains(&status);
    Ok(match () {
        () if has(Status::Found) => Status::Found,
        () if has(Status::Error) => Status::Error,
        () => Status::Fine,
    })
}

/// Checks one name; prints what was found, or gives it as a document.
async fn of_name(
    tools: &Tools,
    args: &Args,
    verifier: &Verifier,
    name: &str,
) -> Result<(Status, Value), Unanswered> {
    let name: Name = name
        .parse()
        .map_err(|error| Unanswered::new(format!("{name:?} is not a domain name: {error}")))?;
    let child = args.child.read().map_err(|error| Unanswered::new(error.to_string()))?;
    match check(tools, args, verifier, (&name, &child)).await? {
        Ok((source, parent, wanted, finding)) => {
            let document = document(&name, source, parent.as_ref(), &wanted, &finding);
            if !tools.json {
                print(&name, source, parent.as_ref(), &wanted, &finding);
            }
            let status = match finding.verdict() {
                Verdict::Good => Status::Fine,
                Verdict::Bad => Status::Found,
                Verdict::Unknown => Status::Error,
            };
            Ok((status, document))
        }
        Err(Nobody { source, parent, words }) => {
            if !tools.json {
                output::line(&format!("{words}."));
            }
            let document = json!({
                "name": name.as_str(), "parent_zone": parent.as_str(), "expected_from": source.as_str(),
                "good": false, "verdict": "bad", "finding": words, "problems": [words], "findings": [],
                "name_servers": [], "parent_name_servers": [], "ds": [],
            });
            Ok((Status::Found, document))
        }
    }
}

type Checked = (Source, Option<Name>, Expected, Report);

/// There is no delegation to check.
struct Nobody {
    source: Source,
    parent: Name,
    words: String,
}

/// The check; `Err` inside if there is nothing to check.
async fn check(
    tools: &Tools,
    args: &Args,
    verifier: &Verifier,
    (name, child): (&Name, &Partial),
) -> Result<Result<Checked, Nobody>, Unanswered> {
    let ds: Vec<Ds> = args
        .ds
        .iter()
        .map(|text| {
            let wrong = |error| format!("--ds \"{text}\": {error}, such as \"12345 13 2 0A1B...\"");
            text.parse().map_err(|error: DsError| Unanswered::new(wrong(error)))
        })
        .collect::<Result<_, _>>()?;
    let given = DsRecords::new(ds);

    // The parent zone: as Route 53 has it, or as DNS knows it.
    let (asked, role) = args.parent.read().map_err(|error| Unanswered::new(error.to_string()))?;
    let above = if args.parent.is_given() {
        Some(expected::parent_zone(tools.accounts()?, role.as_ref(), &asked, Some(name)).await?)
    } else {
        None
    };
    if let Some((_, zone)) = &above
        && !name.is_below(&zone.name)
    {
        return Err(Unanswered::new(format!(
            "{name} does not lie below the parent zone {}; correct one of them",
            zone.name
        )));
    }
    let parent = match &above {
        Some((_, zone)) => Some(zone.name.clone()),
        None if args.child_only => None,
        None => Some(verifier.parent_of(name).await.map_err(|error| no_referral(tools, &error))?),
    };

    let zone = match &child.child_zone {
        Some(id) => {
            Some(expected::by_child(tools.accounts()?, child.child_role.as_ref(), id).await?)
        }
        None => None,
    };
    if let Some(zone) = zone.as_ref().filter(|zone| zone.name != *name) {
        return Err(Unanswered::new(format!(
            "the child zone is {}, and not {name}; correct one of them",
            zone.name
        )));
    }
    let servers =
        child.name_servers.clone().or_else(|| zone.as_ref().map(|zone| zone.name_servers.clone()));
    let held = match &above {
        Some((session, zone)) => Some(expected::by_parent(session, zone, name).await?),
        None => None,
    };
    let (source, mut wanted) = match (servers, held, &parent) {
        (Some(name_servers), held, _) => {
            let ds = match (&zone, args.dnssec) {
                (Some(zone), true) => {
                    let ds = zone.ds.clone();
                    Some(ds.map_err(|why| {
                        Unanswered::new(format!("--dnssec: the child zone {} {why}", zone.name))
                    })?)
                }
                _ => None,
            };
            // Without keys, a DS record set would make the zone bogus.
            let unsigned = zone.as_ref().is_some_and(|zone| zone.ds.is_err());
            let source =
                if child.name_servers.is_some() { Source::Flags } else { Source::ChildZone };
            let glue = match held {
                Some(held) => held.glue,
                None => glue(verifier, parent.as_ref(), name, &name_servers).await,
            };
            (source, Expected { name: name.clone(), name_servers, ds, check_ds: unsigned, glue })
        }
        (None, Some(held), Some(parent)) => {
            let Some(wanted) = held.wanted else {
                let words = format!(
                    "{name} is not delegated: the parent zone {parent} has no NS record set of it"
                );
                return Ok(Err(Nobody {
                    source: Source::ParentZone,
                    parent: parent.clone(),
                    words,
                }));
            };
            (Source::ParentZone, wanted)
        }
        (None, None, Some(parent)) => match verifier.referral(parent, name).await {
            Ok(wanted) => (Source::Dns, wanted),
            Err(error @ ReferralError::NotDelegated { .. }) => {
                let words = error.to_string();
                return Ok(Err(Nobody { source: Source::Dns, parent: parent.clone(), words }));
            }
            Err(error) => return Err(no_referral(tools, &error)),
        },
        (None, _, None) => {
            return Err(Unanswered::new("--child-only needs --name-servers or --child-zone-id"));
        }
    };
    wanted.ds = given.or(wanted.ds);
    let finding = match &parent {
        Some(parent) if !args.child_only => {
            let name_servers = above.as_ref().and_then(|(_, zone)| zone.name_servers.clone());
            let parent = ParentZone { name: parent.clone(), name_servers };
            verifier.verify_delegation(&parent, &wanted, PATIENCE).await
        }
        _ => verifier.verify_child(&wanted, PATIENCE).await,
    };
    Ok(Ok((source, parent, wanted, finding)))
}

/// The addresses of name servers below the name that the parent zone gives, where it is delegated.
async fn glue(
    verifier: &Verifier,
    parent: Option<&Name>,
    name: &Name,
    servers: &NameServers,
) -> Vec<(Name, IpAddr)> {
    let Some(parent) = parent.filter(|_| servers.iter().any(|server| server.is_at_or_below(name)))
    else {
        return Vec::new();
    };
    match verifier.referral(parent, name).await {
        Ok(found) => found.glue,
        Err(_) => Vec::new(),
    }
}

fn no_referral(tools: &Tools, error: &ReferralError) -> Unanswered {
    Unanswered::new(match (error, tools.config.dns_resolver) {
        (ReferralError::NoResolver, Some(resolver)) => {
            format!("the resolver {resolver} does not answer; name one that can be reached from here with --resolver")
        }
        (ReferralError::NoResolver, None) => {
            "no resolver of this machine answers; name one that can be reached from here with --resolver".to_owned()
        }
        (error, _) => format!("{error}. --resolver names another resolver"),
    })
}

fn document(
    name: &Name,
    source: Source,
    parent: Option<&Name>,
    wanted: &Expected,
    finding: &Report,
) -> Value {
    let problems: Vec<String> =
        finding.problems().chain(finding.unknowns()).map(ToString::to_string).collect();
    json!({
        "name": name.as_str(),
        "parent_zone": parent.map(Name::as_str),
        "expected_from": source.as_str(),
        "good": finding.is_good(),
        "verdict": verdict(finding.verdict()),
        "finding": finding.to_string(),
        "problems": problems,
        "findings": finding.findings().iter().map(of_finding).collect::<Vec<_>>(),
        "name_servers": finding.servers().iter().map(document_of_server).collect::<Vec<_>>(),
        "parent_name_servers": finding.parent_servers().iter().map(document_of_server).collect::<Vec<_>>(),
        "ds": wanted.ds.iter().flat_map(DsRecords::values).collect::<Vec<_>>(),
    })
}

/// A finding in parts, for programs.
fn of_finding(finding: &Finding) -> Value {
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

fn print(name: &Name, source: Source, parent: Option<&Name>, wanted: &Expected, finding: &Report) {
    let from = match source {
        Source::Flags => "the flags",
        Source::ChildZone => "the child zone",
        Source::ParentZone => "the parent zone in Route 53",
        Source::Dns => "the parent zone's name servers",
    };
    output::line(&format!("{name}, as it should be by {from}:"));
    let of_child = finding.servers().iter().map(|server| row(name, server));
    let of_parent = finding.parent_servers().iter().filter_map(|server| Some(row(parent?, server)));
    let rows: Vec<_> = of_parent.chain(of_child).collect();
    output::table(["ZONE", "NAME SERVER", "STATE", "SERIAL", "ADDRESSES"], &rows);
    for ds in wanted.ds.iter().flat_map(DsRecords::values) {
        output::line(&format!("DS {ds}"));
    }
    match finding.verdict() {
        // What is not known of anybody has one cause.
        Verdict::Unknown if finding.no_egress() => return output::line(&format!("{finding}.")),
        Verdict::Unknown => output::line(&format!("Nothing is known of {name}.")),
        Verdict::Good => output::line(&format!("{}.", finding.summary())),
        Verdict::Bad => {}
    }
    for finding in finding.findings() {
        let word = match finding.severity() {
            Severity::Problem => "Problem",
            Severity::Unknown => "Not known",
            Severity::Remark => "Remark",
        };
        output::line(&format!("{word}: {}", sentences(finding)));
    }
}

/// What was found, and what to do about it.
fn sentences(finding: &Finding) -> String {
    let remedy = finding.remedy().map(|remedy| format!(" {remedy}")).unwrap_or_default();
    format!("{finding}.{remedy}")
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
