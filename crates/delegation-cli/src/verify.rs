//! `delegation verify`.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;

use super::args::Verify as Args;
use super::{Status, Tools, Unanswered, output};
use custom_delegation::cfn::properties::Partial;
use custom_delegation::handler::expected;
use delegation_model::ds::{Ds, DsRecords};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use dns_check::{Expected, ParentZone, ReferralError, Report, ServerState};

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
    let name: Name =
        args.name.parse().map_err(|error| Unanswered::new(format!("{:?} is not a domain name: {error}", args.name)))?;
    let child = args.child.read().map_err(|error| Unanswered::new(error.to_string()))?;
    match check(tools, args, &name, &child).await? {
        Ok((source, parent, wanted, finding)) => {
            report(tools, &name, source, parent.as_ref(), &wanted, &finding);
            Ok(match finding {
                finding if finding.no_egress() => Status::Error,
                finding if finding.is_good() => Status::Fine,
                _ => Status::Found,
            })
        }
        Err(Nobody { source, parent, words }) => {
            if tools.json {
                output::document(&json!({
                    "name": name.as_str(), "parent_zone": parent.as_str(), "expected_from": source.as_str(),
                    "good": false, "finding": words, "problems": [words], "name_servers": [], "ds": [],
                }));
            } else {
                output::line(&format!("{words}."));
            }
            Ok(Status::Found)
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
    name: &Name,
    child: &Partial,
) -> Result<Result<Checked, Nobody>, Unanswered> {
    let ds: Vec<Ds> = args
        .ds
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .map_err(|error| Unanswered::new(format!("--ds: {error}")))?;
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
        None => Some(tools.verifier.parent_of(name).await.map_err(|error| no_referral(&error))?),
    };

    let zone = match &child.child_zone {
        Some(id) => Some(expected::by_child(tools.accounts()?, child.child_role.as_ref(), id).await?),
        None => None,
    };
    if let Some(zone) = zone.as_ref().filter(|zone| zone.name != *name) {
        return Err(Unanswered::new(format!("the child zone is {}, and not {name}; correct one of them", zone.name)));
    }
    let servers = child.name_servers.clone().or_else(|| zone.as_ref().map(|zone| zone.name_servers.clone()));
    let held = match &above {
        Some((session, zone)) => Some(expected::by_parent(session, zone, name).await?),
        None => None,
    };
    let (source, mut wanted) = match (servers, held, &parent) {
        (Some(name_servers), held, _) => {
            let ds = match (&zone, args.dnssec) {
                (Some(zone), true) => {
                    let ds = zone.ds.clone();
                    Some(ds.map_err(|why| Unanswered::new(format!("--dnssec: the child zone {} {why}", zone.name)))?)
                }
                _ => None,
            };
            // Without keys, a DS record set would make the zone bogus.
            let unsigned = zone.as_ref().is_some_and(|zone| zone.ds.is_err());
            let source = if child.name_servers.is_some() { Source::Flags } else { Source::ChildZone };
            let glue = match held {
                Some(held) => held.glue,
                None => glue(tools, parent.as_ref(), name, &name_servers).await,
            };
            (source, Expected { name: name.clone(), name_servers, ds, check_ds: unsigned, glue })
        }
        (None, Some(held), Some(parent)) => {
            let Some(wanted) = held.wanted else {
                let words = format!("{name} is not delegated: the parent zone {parent} has no NS record set of it");
                return Ok(Err(Nobody { source: Source::ParentZone, parent: parent.clone(), words }));
            };
            (Source::ParentZone, wanted)
        }
        (None, None, Some(parent)) => match tools.verifier.referral(parent, name).await {
            Ok(wanted) => (Source::Dns, wanted),
            Err(error @ ReferralError::NotDelegated { .. }) => {
                let words = error.to_string();
                return Ok(Err(Nobody { source: Source::Dns, parent: parent.clone(), words }));
            }
            Err(error) => return Err(no_referral(&error)),
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
            tools.verifier.verify_delegation(&parent, &wanted, PATIENCE).await
        }
        _ => tools.verifier.verify_child(&wanted, PATIENCE).await,
    };
    Ok(Ok((source, parent, wanted, finding)))
}

/// The addresses of name servers below the name, where it is delegated: of a name that is not, a resolver would keep that it does
/// not exist.
async fn glue(tools: &Tools, parent: Option<&Name>, name: &Name, servers: &NameServers) -> Vec<(Name, IpAddr)> {
    let Some(parent) = parent.filter(|_| servers.iter().any(|server| server.is_at_or_below(name))) else {
        return Vec::new();
    };
    match tools.verifier.referral(parent, name).await {
        Ok(_) => tools.verifier.glue(name, servers).await,
        Err(_) => Vec::new(),
    }
}

fn no_referral(error: &ReferralError) -> Unanswered {
    Unanswered::new(format!("{error}; --resolver names a resolver"))
}

fn report(tools: &Tools, name: &Name, source: Source, parent: Option<&Name>, wanted: &Expected, finding: &Report) {
    let problems: Vec<String> = finding.findings().iter().map(ToString::to_string).collect();
    let ds: Vec<String> = wanted.ds.iter().flat_map(DsRecords::values).collect();
    if tools.json {
        let servers = finding.servers().iter();
        let servers: Vec<_> =
            servers.map(|(server, state)| json!({"name": server.as_str(), "state": word(*state)})).collect();
        output::document(&json!({
            "name": name.as_str(),
            "parent_zone": parent.map(Name::as_str),
            "expected_from": source.as_str(),
            "good": finding.is_good(),
            "finding": finding.to_string(),
            "problems": problems,
            "name_servers": servers,
            "ds": ds,
        }));
        return;
    }
    let from = match source {
        Source::Flags => "the flags",
        Source::ChildZone => "the child zone",
        Source::ParentZone => "the parent zone in Route 53",
        Source::Dns => "the parent zone's name servers",
    };
    output::line(&format!("{name}, as it should be by {from}:"));
    let rows = finding.servers().iter().map(|(server, state)| [server.to_string(), word(*state).to_owned()]);
    output::table(["NAME SERVER", "STATE"], &rows.collect::<Vec<_>>());
    for ds in &ds {
        output::line(&format!("DS {ds}"));
    }
    if problems.is_empty() || finding.no_egress() {
        output::line(&format!("{finding}."));
    }
    for problem in &problems {
        output::line(&format!("Problem: {problem}."));
    }
}

fn word(state: ServerState) -> &'static str {
    match state {
        ServerState::Serves => "serves",
        ServerState::Lame => "lame",
        ServerState::Silent => "silent",
        ServerState::Unresolved => "unresolved",
        ServerState::NotAsked => "not asked",
    }
}
