//! What a Create or Update aims at: whose delegation, where, and how it comes there.

use std::sync::Arc;

use super::child::Child;
use super::{Work, aws_failure, child, farewell, parent_zone};
use crate::aws::route53::Session;
use crate::cfn::envelope::Kind as RequestKind;
use crate::cfn::physical_id::PhysicalId;
use crate::cfn::properties::{ParentZone, Properties, Salvage};
use crate::error::{Failure, Kind};
use crate::metrics::Step;
use delegation_model::name::Name;
use delegation_model::plan::{Arrival, Goal};
use delegation_model::point::DelegationPoint;

/// What a Create or Update aims at.
pub(super) struct Aim {
    pub(super) wanted: Properties,
    /// The parent account.
    pub(super) session: Arc<Session>,
    pub(super) child: Child,
    pub(super) place: DelegationPoint,
    /// Whether the parent zone is still to be checked, which the first look does beside its reads.
    pub(super) unchecked: bool,
    /// The place of the physical id.
    pub(super) pinned: Option<DelegationPoint>,
    /// What an Update comes from.
    pub(super) before: Option<Before>,
    pub(super) arrival: Arrival,
    /// The physical id that a success answers with.
    pub(super) physical_id: String,
}

/// The properties of the resource as it was before an Update.
pub(super) struct Before {
    pub(super) salvage: Salvage,
    /// The name that they ask for, as far as it is known.
    pub(super) name: Option<Name>,
    /// The place that they name; `None` if it can't be found.
    pub(super) place: Option<DelegationPoint>,
    pub(super) warnings: Vec<String>,
}

impl Aim {
    /// Reads the child zone and finds the place, from the properties and the physical id of the request.
    pub(super) async fn take(work: &Work<'_>) -> Result<Self, Failure> {
        let wanted = Properties::parse(&work.request.properties);
        let wanted = wanted.map_err(|error| Failure::new(Kind::Input, error.to_string()))?;
        check_partitions(work, &wanted)?;
        let physical = work.request.physical_id.as_deref().filter(|_| work.request.kind == RequestKind::Update);
        let physical = physical.map(PhysicalId::parse);
        let pinned = physical.as_ref().and_then(PhysicalId::point).cloned();
        let old = physical.as_ref().map(|_| Properties::salvage(&work.request.old_properties));

        work.progress.at("reading the child zone and assuming the parent role");
        let timing = work.progress.time(Step::Observe);
        let (session, child) = tokio::join!(
            async {
                let session = work.accounts.session(wanted.parent_role.as_ref()).await;
                session.map_err(|error| aws_failure("assuming the parent role", &error))
            },
            child::read(work, &wanted, pinned.as_ref(), old.as_ref().map(|(salvage, _)| salvage)),
        );
        let (session, child) = (session?, child?);
        if child.name.is_wildcard() {
            let message = format!("{} is a wildcard, and a wildcard can't be delegated; give a plain name", child.name);
            return Err(Failure::new(Kind::Refused, message));
        }
        work.progress.at(format!("looking for the parent zone of {}", child.name));
        let old_zone = old.as_ref().and_then(|(salvage, _)| salvage.parent_zone.as_ref());
        let (place, unchecked) = match &wanted.parent_zone {
            ParentZone::Id(zone) if physical.is_none() => (parent_zone::point(&child.name, zone)?, true),
            asked => (find_place(work, &session, &child.name, asked, pinned.as_ref(), old_zone).await?, false),
        };
        drop(timing);
        let before = match old {
            None => None,
            Some((salvage, errors)) => {
                let readable = errors.is_empty();
                let pinned = pinned.as_ref();
                Some(find_before(work, &session, salvage, readable, &wanted, &child, &place, pinned).await)
            }
        };
        let (arrival, physical_id) = arrival(work, physical.as_ref(), &place, before.as_ref());
        Ok(Self { wanted, session, child, place, unchecked, pinned, before, arrival, physical_id })
    }

    /// What the planner is to reach.
    pub(super) fn goal(&self, work: &Work<'_>) -> Goal {
        let name = &self.child.name;
        Goal {
            name: name.clone(),
            name_servers: self.child.name_servers.clone(),
            objection: self.child.objection.clone(),
            ttl: self.wanted.ttl,
            ds: self.child.ds.clone(),
            ds_ttl: self.wanted.ds_ttl,
            allow_overwrite: self.wanted.allow_overwrite,
            allow_occlusion: self.wanted.allow_occlusion,
            allowed: work.config.allowed_names.as_ref().is_none_or(|allowed| allowed.allow(name)),
            claimant: work.claimant.clone(),
            at: work.at,
            arrival: self.arrival,
        }
    }
}

/// A role of another partition can't be assumed, whatever the policies say (IAM User Guide, "Cross-account resource access in
/// IAM").
fn check_partitions(work: &Work<'_>, wanted: &Properties) -> Result<(), Failure> {
    let Some(partition) = &work.partition else { return Ok(()) };
    for (property, role) in [("ChildRoleArn", &wanted.child_role), ("ParentRoleArn", &wanted.parent_role)] {
        if let Some(arn) = role.as_ref().map(|role| &role.arn).filter(|arn| arn.partition() != partition) {
            let message = format!(
                "{property} {arn} is a role of the partition {}, and this function is in {partition}: roles can't be assumed \
                 across partitions; use a function in that partition",
                arn.partition()
            );
            return Err(Failure::new(Kind::Input, message));
        }
    }
    Ok(())
}

/// The wanted place. An Update that no longer says which parent zone it wants stays with the physical id's, unless our own claim
/// stands where it would be looked up: then a replacement is rolled back, and this is the place that it came from.
async fn find_place(
    work: &Work<'_>,
    session: &Session,
    name: &Name,
    asked: &ParentZone,
    pinned: Option<&DelegationPoint>,
    old: Option<&ParentZone>,
) -> Result<DelegationPoint, Failure> {
    let place = parent_zone::find(session, name, asked, pinned).await?;
    if Some(&place) != pinned || matches!(asked, ParentZone::Id(_)) || old == Some(asked) {
        return Ok(place);
    }
    match parent_zone::find(session, name, asked, None).await {
        Ok(home) if home != place => match farewell::claim_at(work, session, &home).await {
            Ok(Some(_)) => Ok(home),
            Err(failure) if !out_of_reach(&failure) => Err(failure),
            Ok(None) | Err(_) => Ok(place),
        },
        Err(failure) if !out_of_reach(&failure) => Err(failure),
        Ok(_) | Err(_) => Ok(place),
    }
}

/// True if a zone that the request does not need is not to be had: no reason to fail it.
pub(super) fn out_of_reach(failure: &Failure) -> bool {
    matches!(failure.kind, Kind::Refused | Kind::NoSuchZone | Kind::Denied)
}

/// Finds the place of the old properties, by the same test as the new one. They never fail a request.
#[expect(clippy::too_many_arguments, reason = "what is asked now and what was asked before, side by side")]
async fn find_before(
    work: &Work<'_>,
    session: &Arc<Session>,
    old: Salvage,
    readable: bool,
    wanted: &Properties,
    child: &Child,
    place: &DelegationPoint,
    pinned: Option<&DelegationPoint>,
) -> Before {
    let mut warnings = Vec::new();
    if !readable {
        warnings.push("The old properties can't be read whole.".to_owned());
    }
    let name = work.afresh(async || match (&old.domain_name, &old.child_zone) {
        (Some(name), _) => Ok(Some(name.clone())),
        (None, zone) if *zone == wanted.child_zone => Ok(Some(child.name.clone())),
        (None, Some(zone)) => Ok(Some(child::glance(work, zone, old.child_role.as_ref()).await?.name)),
        (None, None) => Ok(None),
    });
    let name = name.await;
    let found = work.afresh(async || {
        let (Some(name), Some(asked)) = (name.clone()?, &old.parent_zone) else { return Ok(None) };
        if name == child.name && *asked == wanted.parent_zone && old.parent_role == wanted.parent_role {
            return Ok(Some(place.clone()));
        }
        let session = if old.parent_role == wanted.parent_role {
            Arc::clone(session)
        } else {
            let session = work.accounts.session(old.parent_role.as_ref()).await;
            session.map_err(|error| aws_failure("assuming the old parent role", &error))?
        };
        parent_zone::find(&session, &name, asked, pinned).await.map(Some)
    });
    let place = found.await.unwrap_or_else(|failure: Failure| {
        warnings.push(format!("The place of the old properties was not found: {failure}"));
        None
    });
    Before { salvage: old, name: name.ok().flatten(), place, warnings }
}

/// How the request comes to its place, and the physical id that a success answers with.
fn arrival(
    work: &Work<'_>,
    physical: Option<&PhysicalId>,
    place: &DelegationPoint,
    before: Option<&Before>,
) -> (Arrival, String) {
    let kept = || work.request.physical_id.clone().unwrap_or_default();
    match physical {
        None => (Arrival::Create, place.to_string()),
        Some(PhysicalId::Point(pinned)) if pinned == place => (Arrival::InPlace, kept()),
        Some(PhysicalId::Point(_) | PhysicalId::Unresolved) => (Arrival::Replacement, place.to_string()),
        Some(PhysicalId::Foreign) => match before.and_then(|before| before.place.as_ref()) {
            Some(old) if old == place => (Arrival::InPlace, kept()),
            Some(_) => (Arrival::Replacement, place.to_string()),
            None if before.and_then(|before| before.name.as_ref()).is_some_and(|name| *name != place.name) => {
                (Arrival::Replacement, place.to_string())
            }
            // Where it was is unknown: a new id would have CloudFormation delete the old one, and perhaps this place with it.
            None => (Arrival::Replacement, kept()),
        },
    }
}
