//! Determines what a name should be delegated to, from the flags, the child zone, the parent zone,
//! or DNS.

use std::net::IpAddr;
use std::sync::Arc;

use super::Args;
use crate::Tools;
use crate::error::{ErrorCode, Unanswered};
use crate::output;
use custom_delegation::aws::route53::{HostedZone, Session};
use custom_delegation::cfn::properties::Partial;
use custom_delegation::error::Code;
use custom_delegation::handler::expected::{self, ChildZone};
use delegation_model::ds::{Ds, DsError, DsRecords};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use dns_check::{Expected, ParentZone, ReferralError, Verifier};

/// The name to check.
pub(super) enum Subject {
    Delegation(Delegation),
    /// The parent zone does not delegate the name, and nothing says what it should delegate to.
    NotDelegated(NotDelegated),
}

/// The expected delegation.
pub(super) struct Delegation {
    pub(super) source: Source,
    /// The parent zone, if it is known.
    pub(super) parent: Option<ParentZone>,
    pub(super) expected: Expected,
}

/// There is no delegation to check.
pub(super) struct NotDelegated {
    pub(super) source: Source,
    pub(super) parent: Name,
    pub(super) message: String,
}

/// Where the expected delegation comes from.
#[derive(Clone, Copy)]
pub(super) enum Source {
    Flags,
    ChildZone,
    ParentZone,
    Dns,
}

impl Source {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Flags => "flags",
            Self::ChildZone => "child_zone",
            Self::ParentZone => "parent_zone",
            Self::Dns => "dns",
        }
    }
}

/// The parent zone in Route 53, with the session that may read it.
type HostedParent = (Arc<Session>, HostedZone);

/// Determines what `name` should be delegated to.
pub(super) async fn find(
    tools: &Tools,
    args: &Args,
    verifier: &Verifier,
    name: &Name,
) -> Result<Subject, Unanswered> {
    let child = args.child.read()?;
    let ds_of_flags = ds_of_flags(args)?;
    let hosted = hosted_parent(tools, args, name).await?;
    let parent = match &hosted {
        Some((_, HostedZone { name, name_servers, .. })) => {
            Some(ParentZone { name: name.clone(), name_servers: name_servers.clone() })
        }
        None if args.child_only => None,
        None => {
            let parent = verifier.parent_of(name).await;
            let name = parent.map_err(|error| no_referral(tools, &error))?;
            Some(ParentZone { name, name_servers: None })
        }
    };
    let zone = child_zone(tools, &child, name).await?;
    let parent_side = match &hosted {
        Some((session, zone)) => Some(expected::by_parent(session, zone, name).await?),
        None => None,
    };
    let by_zone = zone.as_ref().map(|zone| zone.name_servers.clone());
    let (source, mut expected) = match (
        child.name_servers.clone().or(by_zone),
        parent_side,
        &parent,
    ) {
        (Some(name_servers), parent_side, parent) => {
            let source =
                if child.name_servers.is_some() { Source::Flags } else { Source::ChildZone };
            let ds = if args.dnssec { zone.as_ref().map(ds_of_zone).transpose()? } else { None };
            // Without keys, a DS record set would make the zone bogus.
            let check_ds = zone.is_some_and(|zone| zone.ds.is_err());
            let glue = match parent_side {
                Some(parent_side) => parent_side.glue(&name_servers),
                None => glue(verifier, parent.as_ref(), name, &name_servers).await,
            };
            (source, Expected { name: name.clone(), name_servers, ds, check_ds, glue })
        }
        (None, Some(parent_side), Some(parent)) => {
            let Some(expected) = parent_side.delegation else {
                let parent = parent.name.clone();
                let message = format!(
                    "{name} is not delegated: the parent zone {parent} has no NS record set for it"
                );
                let source = Source::ParentZone;
                return Ok(Subject::NotDelegated(NotDelegated { source, parent, message }));
            };
            (Source::ParentZone, expected)
        }
        (None, None, Some(parent)) => match verifier.referral(&parent.name, name).await {
            Ok(expected) => (Source::Dns, expected),
            Err(error @ ReferralError::NotDelegated { .. }) => {
                let (source, parent) = (Source::Dns, parent.name.clone());
                let message = error.to_string();
                return Ok(Subject::NotDelegated(NotDelegated { source, parent, message }));
            }
            Err(error) => return Err(no_referral(tools, &error)),
        },
        (None, _, None) => {
            return Err(Unanswered::new(
                ErrorCode::InvalidFlags,
                "--child-only requires --name-servers or --child-zone-id",
            ));
        }
    };
    expected.ds = ds_of_flags.or(expected.ds);
    Ok(Subject::Delegation(Delegation { source, parent, expected }))
}

fn ds_of_flags(args: &Args) -> Result<Option<DsRecords>, Unanswered> {
    let parsed = args.ds.iter().map(|text| {
        let typed = output::typed(text);
        let invalid = |error| format!("--ds {typed}: {error}, such as \"12345 13 2 0A1B...\"");
        text.parse().map_err(|error: DsError| Unanswered::new(ErrorCode::InvalidDs, invalid(error)))
    });
    Ok(DsRecords::new(parsed.collect::<Result<Vec<Ds>, _>>()?))
}

/// Reads the parent zone in Route 53, if a flag names it.
async fn hosted_parent(
    tools: &Tools,
    args: &Args,
    name: &Name,
) -> Result<Option<HostedParent>, Unanswered> {
    let (requested, role) = args.parent.read()?;
    if !args.parent.names_a_parent() {
        return Ok(None);
    }
    let parent =
        expected::parent_zone(tools.accounts()?, role.as_ref(), &requested, Some(name)).await?;
    if !name.is_below(&parent.1.name) {
        return Err(Unanswered::of_function(
            Code::NotBelowParentZone,
            format!("{name} is not below the parent zone {}; correct one of them", parent.1.name),
        ));
    }
    Ok(Some(parent))
}

/// Reads the child zone in Route 53, if a flag names it.
async fn child_zone(
    tools: &Tools,
    child: &Partial,
    name: &Name,
) -> Result<Option<ChildZone>, Unanswered> {
    let Some(id) = &child.child_zone else { return Ok(None) };
    let zone = expected::by_child(tools.accounts()?, child.child_role.as_ref(), id).await?;
    if zone.name != *name {
        return Err(Unanswered::of_function(
            Code::DomainNameMismatch,
            format!("the child zone is {}, not {name}; correct one of them", zone.name),
        ));
    }
    Ok(Some(zone))
}

fn ds_of_zone(zone: &ChildZone) -> Result<DsRecords, Unanswered> {
    let failure = |why| {
        Unanswered::new(ErrorCode::NoKeys, format!("--dnssec: the child zone {} {why}", zone.name))
    };
    zone.ds.clone().map_err(failure)
}

/// The parent zone's addresses of name servers at or below the name, if it is delegated.
async fn glue(
    verifier: &Verifier,
    parent: Option<&ParentZone>,
    name: &Name,
    servers: &NameServers,
) -> Vec<(Name, IpAddr)> {
    let Some(parent) = parent.filter(|_| servers.iter().any(|server| server.is_at_or_below(name)))
    else {
        return Vec::new();
    };
    match verifier.referral(&parent.name, name).await {
        Ok(referral) => referral.glue,
        Err(_) => Vec::new(),
    }
}

fn no_referral(tools: &Tools, error: &ReferralError) -> Unanswered {
    let code = match error {
        ReferralError::NoResolver => ErrorCode::NoResolver,
        _ => ErrorCode::NoReferral,
    };
    let advice = "use --resolver with one that can be reached from here";
    let message = match (error, tools.config.dns_resolver) {
        (ReferralError::NoResolver, Some(resolver)) => {
            format!("the resolver {resolver} does not respond; {advice}")
        }
        (ReferralError::NoResolver, None) => {
            format!("no resolver of this machine responds; {advice}")
        }
        (error, _) => format!("{error}. Use --resolver to query another resolver"),
    };
    Unanswered::new(code, message)
}
