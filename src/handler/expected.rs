//! What a delegation should be, according to the parent zone or the child zone in Route 53.

use std::net::IpAddr;
use std::sync::Arc;

use super::observe::{self, CutContents};
use super::{check, child, child_failure, parent_failure, parent_zone, signing};
use crate::aws::credentials::Accounts;
use crate::aws::route53::{HostedZone, Page, Session};
use crate::cfn::properties::ParentZone;
use crate::error::{Code, Failure};
use delegation_model::ds::DsRecords;
use delegation_model::ids::ZoneId;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::{Observation, ReconciliationPlan};
use delegation_model::role::Role;
use dns_check::Expected;

/// Finds the parent zone, and returns a session in the account that has it.
///
/// # Errors
/// If the zone can't be read or is private, or if there is not exactly one. Also for
/// [`ParentZone::Closest`] without a name.
pub async fn parent_zone(
    accounts: &Accounts,
    role: Option<&Role>,
    parent: &ParentZone,
    name: Option<&Name>,
) -> Result<(Arc<Session>, HostedZone), Failure> {
    let session = accounts
        .session(role, None)
        .await
        .map_err(|error| parent_failure("assuming the parent role", &error))?;
    let id = match (parent, name) {
        (ParentZone::Id(id), _) => id.clone(),
        (ParentZone::Name(zone), _) => parent_zone::named(&session, zone, None).await?,
        (ParentZone::Closest, Some(name)) => {
            parent_zone::find(&session, name, parent, None).await?
        }
        (ParentZone::Closest, None) => {
            return Err(Failure::new(
                Code::NoEnclosingZone,
                "No parent zone is given. Set its id or its name.",
            ));
        }
    };
    let zone = parent_zone::public(&session, &id).await?;
    Ok((session, zone))
}

/// The delegation that a parent zone has at a name.
#[derive(Clone, Debug)]
pub struct ParentSide {
    /// The delegation. `None` without an NS record set that can be parsed.
    pub delegation: Option<Expected>,
    name: Name,
    observed: Observation,
}

impl ParentSide {
    /// The addresses that the parent zone has for those name servers that are at or below the name.
    pub fn glue(&self, name_servers: &NameServers) -> Vec<(Name, IpAddr)> {
        check::glue(&self.observed, &self.name, name_servers)
    }
}

/// Reads the delegation that the parent zone has at `name`.
///
/// # Errors
/// If the zone can't be read.
pub async fn by_parent(
    session: &Session,
    zone: &HostedZone,
    name: &Name,
) -> Result<ParentSide, Failure> {
    let point = DelegationPoint { zone: zone.id.clone(), name: name.clone() };
    let read = observe::at_and_below(session, &point).await;
    let reading = format!("reading {name} in the parent zone {}", zone.id);
    let CutContents { at_cut, below, more_below } =
        read.map_err(|error| parent_failure(&reading, &error))?;
    let observed = Observation { at_cut, below, more_below, ..Observation::default() };
    let delegation = check::expected(name, &ReconciliationPlan::default(), &observed)
        .map(|expected| Expected { check_ds: true, ..expected });
    Ok(ParentSide { delegation, name: name.clone(), observed })
}

/// A child zone, as read from Route 53.
#[derive(Clone, Debug)]
pub struct ChildZone {
    /// Its name.
    pub name: Name,
    /// Its name servers.
    pub name_servers: NameServers,
    /// The DS records of its active keys. The error says why there are none, as a predicate whose
    /// subject is the zone: "is not signing: its state is ...".
    pub ds: Result<DsRecords, String>,
}

/// Reads the child zone with this id.
///
/// # Errors
/// If it can't be read or is private.
pub async fn by_child(
    accounts: &Accounts,
    role: Option<&Role>,
    id: &ZoneId,
) -> Result<ChildZone, Failure> {
    let reading = format!("reading the child zone {id}");
    let failure = |error| child_failure(&reading, &error);
    let session = accounts.session(role, None).await.map_err(failure)?;
    let (zone, signing) = tokio::join!(session.hosted_zone(id), session.signing(id));
    let zone = zone.map_err(failure)?;
    let serving =
        if zone.private { None } else { child::serving(&session, &zone, &Page::default()).await? };
    let name_servers = serving.ok_or_else(|| child::private(&zone))?;
    let ds = match signing {
        Ok(signing) if signing.is_signing() => signing::records(None, &signing.keys),
        Ok(signing) => Err(format!("is not signing: its state is {}", signing.state)),
        Err(error) => Err(format!("did not return its keys: {error}")),
    };
    Ok(ChildZone { name: zone.name, name_servers, ds })
}
