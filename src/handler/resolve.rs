//! What a Create or Update is about: whose delegation, where, and how the request comes there.

use std::sync::Arc;

use super::child::Child;
use super::reconcile::Denial;
use super::{RequestContext, aws_failure, child, observe, parent_zone};
use crate::aws::route53::Session;
use crate::cfn::envelope::Kind as RequestKind;
use crate::cfn::physical_id::PhysicalId;
use crate::cfn::properties::{ParentZone, Partial, Properties};
use crate::error::{Code, Failure, Kind, WarningCode};
use crate::metrics::Step;
use delegation_model::ids::RoleArn;
use delegation_model::name::Name;
use delegation_model::plan::{Arrival, Goal, Warning};
use delegation_model::point::DelegationPoint;
use delegation_model::role::Role;

/// What a Create or Update is about.
pub(super) struct ResolvedRequest {
    pub(super) desired: Properties,
    /// The parent account.
    pub(super) session: Arc<Session>,
    pub(super) child: Child,
    pub(super) point: DelegationPoint,
    /// Whether the parent zone is still to be checked, which the first look does beside its reads.
    pub(super) unchecked: bool,
    /// The delegation point of the physical id.
    pub(super) current: Option<DelegationPoint>,
    /// What an Update comes from.
    pub(super) previous: Option<Previous>,
    pub(super) arrival: Arrival,
    /// The physical id that a success answers with.
    pub(super) physical_id: String,
}

/// The resource as it was before an Update.
pub(super) struct Previous {
    pub(super) properties: Partial,
    /// The child's name, as far as it is known.
    pub(super) name: Option<Name>,
    /// The delegation point; `None` if it can't be found.
    pub(super) point: Option<DelegationPoint>,
    pub(super) warnings: Vec<Warning>,
}

/// Reads the child zone and finds the delegation point, from the properties and the physical id of the request.
pub(super) async fn resolve(cx: &RequestContext<'_>, denial: Denial) -> Result<ResolvedRequest, Failure> {
    let desired = Properties::parse(&cx.request.properties)?;
    check_partitions(cx, &desired)?;
    let is_update = cx.request.kind == RequestKind::Update;
    let physical = cx.request.physical_id.as_deref().filter(|_| is_update).map(PhysicalId::parse);
    let current = physical.as_ref().and_then(PhysicalId::point).cloned();
    let old = physical.as_ref().map(|_| Partial::parse(&cx.request.old_properties));

    cx.progress.at("reading the child zone and assuming the parent role");
    let timing = cx.progress.time(Step::Observe);
    let old_properties = old.as_ref().map(|(properties, _)| properties);
    let (session, child) = tokio::join!(
        cx.accounts.session(desired.parent_role.as_ref()),
        child::read(cx, &desired, current.as_ref(), old_properties, denial),
    );
    let session = session.map_err(|error| aws_failure("assuming the parent role", &error))?;
    let child = child?;
    if child.name.is_wildcard() {
        let message = format!("{} is a wildcard, and a wildcard can't be delegated; give a plain name", child.name);
        return Err(Failure::new(Code::WildcardName, message));
    }
    cx.progress.at(format!("looking for the parent zone of {}", child.name));
    let (point, unchecked) = match desired.parent_zone() {
        ParentZone::Id(zone) if physical.is_none() => (parent_zone::point(&child.name, zone)?, true),
        asked => {
            let old_zone = old_properties.and_then(|old| old.parent_zone.as_ref());
            let found = parent_zone::find(&session, &child.name, asked, current.as_ref()).await?;
            let stays = Some(&found) == current.as_ref() && old_zone != Some(asked);
            (if stays { way_back(cx, &session, asked, found).await? } else { found }, false)
        }
    };
    drop(timing);
    let mut resolved = ResolvedRequest {
        desired,
        session,
        child,
        point,
        unchecked,
        current,
        previous: None,
        arrival: Arrival::Create,
        physical_id: String::new(),
    };
    if let Some((properties, _)) = old {
        let mut previous = find_previous(cx, &resolved, properties).await;
        if previous.properties.point_unreadable {
            let message = "The old properties can't be read whole.";
            previous.warnings.insert(0, Warning::new(WarningCode::OldPropertiesInvalid, message));
        }
        resolved.previous = Some(previous);
    }
    let (arrival, physical_id) = arrival(cx, physical.as_ref(), &resolved.point, resolved.previous.as_ref());
    Ok(ResolvedRequest { arrival, physical_id, ..resolved })
}

impl ResolvedRequest {
    /// What the planner is to reach.
    pub(super) fn goal(&self, cx: &RequestContext<'_>) -> Goal {
        let name = &self.child.name;
        Goal {
            name: name.clone(),
            name_servers: self.child.name_servers.clone(),
            objection: self.child.objection.clone(),
            ttl: self.desired.ttl,
            ds: self.child.ds.clone(),
            ds_ttl: self.desired.ds_ttl,
            allow_overwrite: self.desired.allow_overwrite,
            allow_occlusion: self.desired.allow_occlusion,
            allowed: cx.config.allowed_names.as_ref().is_none_or(|allowed| allowed.allow(name)),
            claimant: cx.claimant.clone(),
            at: cx.at,
            arrival: self.arrival,
        }
    }
}

/// A role of another partition can't be assumed, whatever the policies say (IAM User Guide, "Cross-account resource access in
/// IAM").
fn check_partitions(cx: &RequestContext<'_>, desired: &Properties) -> Result<(), Failure> {
    let Some(partition) = &cx.partition else { return Ok(()) };
    for (property, role) in [("ChildRoleArn", &desired.child_role), ("ParentRoleArn", &desired.parent_role)] {
        let foreign = |arn: &&RoleArn| arn.partition() != partition;
        if let Some(arn) = role.as_ref().and_then(|role| role.chain().find(foreign)) {
            let message = format!(
                "{property} {arn} is a role of the partition {}, and this function is in {partition}: roles can't be assumed \
                 across partitions; use a function in that partition",
                arn.partition()
            );
            return Err(Failure::new(Code::RoleOfAnotherPartition, message));
        }
    }
    Ok(())
}

/// An Update that no longer says which parent zone it wants stays with the physical id's, unless our own claim
/// is where it would be looked up: then a replacement is rolled back, and this is the point that it came from.
async fn way_back(
    cx: &RequestContext<'_>,
    session: &Session,
    asked: &ParentZone,
    point: DelegationPoint,
) -> Result<DelegationPoint, Failure> {
    if matches!(asked, ParentZone::Id(_)) {
        return Ok(point);
    }
    match parent_zone::find(session, &point.name, asked, None).await {
        Ok(home) if home != point => match observe::claim_time(cx, session, &home).await {
            Ok(Some(_)) => Ok(home),
            Err(failure) if !out_of_reach(&failure) => Err(failure),
            Ok(None) | Err(_) => Ok(point),
        },
        Err(failure) if !out_of_reach(&failure) => Err(failure),
        Ok(_) | Err(_) => Ok(point),
    }
}

/// True if a zone that the request does not need is not to be had: no reason to fail it.
pub(super) fn out_of_reach(failure: &Failure) -> bool {
    matches!(failure.kind(), Kind::Refused | Kind::NoSuchZone | Kind::Denied)
}

/// Finds the delegation point of the old properties, by the same test as the new one. They never fail a request.
async fn find_previous(cx: &RequestContext<'_>, resolved: &ResolvedRequest, old: Partial) -> Previous {
    let ResolvedRequest { desired, child, point, current, .. } = resolved;
    let mut warnings = Vec::new();
    let name = cx.with_fresh_credentials(async || match (&old.domain_name, &old.child_zone) {
        (Some(name), _) => Ok(Some(name.clone())),
        (None, zone) if *zone == desired.child_zone => Ok(Some(child.name.clone())),
        (None, Some(zone)) => Ok(Some(child::hosted_zone(cx, zone, old.child_role.as_ref()).await?.name)),
        (None, None) => Ok(None),
    });
    let name = name.await;
    let found = cx.with_fresh_credentials(async || {
        let (Some(name), Some(asked)) = (name.clone()?, &old.parent_zone) else { return Ok(None) };
        let same_role = old.parent_role == desired.parent_role;
        if name == child.name && asked == desired.parent_zone() && same_role {
            return Ok(Some(point.clone()));
        }
        let session =
            if same_role { Arc::clone(&resolved.session) } else { old_session(cx, old.parent_role.as_ref()).await? };
        parent_zone::find(&session, &name, asked, current.as_ref()).await.map(Some)
    });
    let point = found.await.unwrap_or_else(|failure: Failure| {
        let message = format!("The place of the old properties was not found: {}", failure.coded());
        warnings.push(Warning::new(WarningCode::OldPointNotFound, message));
        None
    });
    Previous { properties: old, name: name.ok().flatten(), point, warnings }
}

/// A session with the rights of the old properties' parent role.
pub(super) async fn old_session(cx: &RequestContext<'_>, role: Option<&Role>) -> Result<Arc<Session>, Failure> {
    let session = cx.accounts.session(role).await;
    session.map_err(|error| aws_failure("assuming the old parent role", &error))
}

/// How the request comes to its place, and the physical id that a success answers with.
fn arrival(
    cx: &RequestContext<'_>,
    physical: Option<&PhysicalId>,
    point: &DelegationPoint,
    previous: Option<&Previous>,
) -> (Arrival, String) {
    let kept = || cx.request.physical_id.clone().unwrap_or_default();
    match physical {
        None => (Arrival::Create, point.to_string()),
        Some(PhysicalId::Point(current)) if current == point => (Arrival::InPlace, kept()),
        Some(PhysicalId::Point(_) | PhysicalId::Unresolved) => (Arrival::Replacement, point.to_string()),
        Some(PhysicalId::Foreign) => match previous.and_then(|previous| previous.point.as_ref()) {
            Some(old) if old == point => (Arrival::InPlace, kept()),
            Some(_) => (Arrival::Replacement, point.to_string()),
            None if previous.and_then(|previous| previous.name.as_ref()).is_some_and(|name| *name != point.name) => {
                (Arrival::Replacement, point.to_string())
            }
            // Where it was is unknown: a new id would have CloudFormation delete the old one, and perhaps this place with it.
            None => (Arrival::Replacement, kept()),
        },
    }
}
