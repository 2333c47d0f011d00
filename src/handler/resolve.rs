//! Resolves a Create or Update: which delegation it is about, where it is, and how the update
//! behaves.

mod update;

use std::sync::Arc;

use super::child::Child;
use super::reconcile::Denial;
use super::{RequestContext, child, parent_failure, parent_zone};
use crate::aws::route53::Session;
use crate::cfn::envelope::RequestType;
use crate::cfn::physical_id::PhysicalId;
use crate::cfn::properties::{ParentZone, Partial, Properties};
use crate::cfn::response::encoded;
use crate::error::{Code, Failure, Warning};
use crate::metrics::Step;
use delegation_model::ids::RoleArn;
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::{DesiredDs, FailedCheck, Goal, Observation, UpdateBehavior};
use delegation_model::role::Role;
use update::UpdateResolver;

/// A resolved Create or Update.
pub(super) struct ResolvedRequest {
    pub(super) desired: Properties,
    /// A session in the parent account.
    pub(super) session: Arc<Session>,
    pub(super) child: Child,
    pub(super) point: DelegationPoint,
    /// Whether the request creates, updates in place or replaces.
    pub(super) behavior: UpdateBehavior,
    /// True if the parent zone has not been checked yet. The first observation does that along with
    /// its reads.
    pub(super) unchecked: bool,
    /// What was read at the point while resolving, for the first observation.
    pub(super) observed: Option<Observation>,
    /// The delegation point of the physical id.
    pub(super) physical: Option<DelegationPoint>,
    /// What was read there.
    pub(super) read_physical: Option<ReadPoint>,
    /// The resource before an Update.
    pub(super) previous: Option<Previous>,
}

/// The delegation point of the physical id, if it could be read.
pub(super) struct ReadPoint {
    pub(super) point: DelegationPoint,
    /// A session that can read it.
    pub(super) session: Arc<Session>,
    /// True if the resource's own claim was there.
    pub(super) had_claim: bool,
}

/// The resource before an Update.
pub(super) struct Previous {
    pub(super) properties: Partial,
    /// The delegation point that the old properties lead to, if it differs from the new one and can
    /// be found.
    pub(super) point: Option<DelegationPoint>,
    pub(super) warnings: Vec<Warning>,
}

/// Reads the child zone and finds the delegation point, from the properties and the physical id of
/// the request.
pub(super) async fn resolve(
    cx: &RequestContext<'_>,
    denial: Denial,
) -> Result<ResolvedRequest, Failure> {
    let desired = Properties::parse(&cx.request.properties)?;
    check_partitions(cx, &desired)?;
    let is_update = cx.request.kind == RequestType::Update;
    let physical_id =
        cx.request.physical_id.as_deref().filter(|_| is_update).map(PhysicalId::parse);
    let physical = physical_id.as_ref().and_then(PhysicalId::point).cloned();
    let old = is_update.then(|| Partial::parse(&cx.request.old_properties).0);

    cx.progress.at("reading the child zone and assuming the parent role");
    let timing = cx.progress.time(Step::Observe);
    let (session, child) = tokio::join!(
        cx.session(desired.parent_role.as_ref()),
        child::read(cx, &desired, physical.as_ref(), old.as_ref(), denial),
    );
    let session = session.map_err(|error| parent_failure("assuming the parent role", &error))?;
    let child = child?;
    if child.name.is_wildcard() {
        let message = format!(
            "{} is a wildcard name, which can't be delegated. Use a name without a wildcard.",
            child.name
        );
        return Err(Failure::new(Code::WildcardName, message));
    }
    cx.progress.at(format!("searching for the parent zone of {}", child.name));
    let Some(old) = old else {
        let (zone, unchecked) = match desired.parent_zone() {
            ParentZone::Id(zone) => (zone.clone(), true),
            parent => (parent_zone::find(&session, &child.name, parent, None).await?, false),
        };
        let point = parent_zone::point(&child.name, &zone)?;
        return Ok(ResolvedRequest {
            desired,
            session,
            child,
            point,
            behavior: UpdateBehavior::Create,
            unchecked,
            observed: None,
            physical: None,
            read_physical: None,
            previous: None,
        });
    };
    let resolver = UpdateResolver {
        cx,
        denial,
        desired: &desired,
        session: &session,
        child: &child,
        old: &old,
    };
    let (old_name, mut warnings) = resolver.old_name().await;
    let update = resolver.follow(physical.clone(), old_name.as_ref()).await?;
    let point = resolver.old_point(&update, old_name.as_ref(), &mut warnings).await;
    drop(timing);
    Ok(ResolvedRequest {
        point: update.point,
        behavior: update.behavior,
        unchecked: false,
        observed: update.observed,
        physical,
        read_physical: update.read_physical,
        previous: Some(Previous { properties: old, point, warnings }),
        desired,
        session,
        child,
    })
}

impl ResolvedRequest {
    /// The goal of the planner.
    pub(super) fn goal(&self, cx: &RequestContext<'_>) -> Goal {
        let Self { desired, child, previous, .. } = self;
        let name = &child.name;
        let old = previous.as_ref().map(|previous| &previous.properties);
        Goal {
            name: name.clone(),
            claimant: cx.claimant(name),
            stamp: cx.stamp,
            now: cx.now(),
            behavior: self.behavior.clone(),
            intent: desired.intent(),
            old_intent: old.map(Partial::intent),
            name_servers: child.name_servers.clone(),
            ttl: desired.ttl,
            changes_ttl: old.is_some_and(|old| old.ttl != desired.ttl),
            ds: child.ds.clone(),
            keys_since: child.keys_since,
            ds_ttl: desired.ds_ttl,
            changes_ds_ttl: old.is_some_and(|old| old.ds_ttl != desired.ds_ttl),
            allow_overwrite: desired.allow_overwrite,
            allow_occlusion: desired.allow_occlusion,
            allowed: cx.allows(name),
            listed: cx.config.allowed_names.as_ref().is_some_and(|names| names.list(name)),
            failed_check: child
                .failure
                .as_ref()
                .map(failed_check)
                .or_else(|| self.too_long_to_respond(cx)),
        }
    }

    /// Fails if the attributes `NameServers` and `DsRecords` would not fit into the response.
    /// Templates use their values, and a truncated value would be wrong.
    fn too_long_to_respond(&self, cx: &RequestContext<'_>) -> Option<FailedCheck> {
        let child = &self.child;
        let ds = match &child.ds {
            DesiredDs::Records(records) => records.to_string(),
            DesiredDs::Off | DesiredDs::Unknown { .. } => String::new(),
        };
        let servers = child.name_servers.as_ref().map(ToString::to_string).unwrap_or_default();
        let zone = self.desired.child_zone.as_ref().map(ToString::to_string).unwrap_or_default();
        let physical_id = self.physical_id();
        // The physical id contains the name and the parent zone, which are attributes too.
        let values =
            [&servers, &ds, &zone, &physical_id].map(|value| encoded(value)).iter().sum::<usize>();
        let room = cx.room_for_values(&physical_id);
        (values > room).then(|| FailedCheck {
            code: Code::ResponseTooLong.as_str(),
            message: format!(
                "The name servers and DS records of {} take {values} bytes, and a response to \
                 CloudFormation has only {room} left for them. Use fewer or shorter ones.",
                child.name
            ),
        })
    }

    /// The physical id of a successful response.
    pub(super) fn physical_id(&self) -> String {
        self.point.to_string()
    }
}

/// Turns a failure into a failed check, for the planner.
pub(super) fn failed_check(failure: &Failure) -> FailedCheck {
    FailedCheck { code: failure.code(), message: failure.message().to_owned() }
}

/// Rejects roles of another partition, which can't be assumed whatever the policies say (IAM User
/// Guide, "Cross-account resource access in IAM").
fn check_partitions(cx: &RequestContext<'_>, desired: &Properties) -> Result<(), Failure> {
    let Some(partition) = &cx.partition else { return Ok(()) };
    for (property, role) in
        [("ChildRoleArn", &desired.child_role), ("ParentRoleArn", &desired.parent_role)]
    {
        let foreign = |arn: &&RoleArn| arn.partition() != partition;
        if let Some(arn) = role.as_ref().and_then(|role| role.chain().find(foreign)) {
            let message = format!(
                "{property} {arn} is a role in the partition {}, but this function runs in \
                 {partition}. Roles can't be assumed across partitions. Use a function in that \
                 partition.",
                arn.partition()
            );
            return Err(Failure::new(Code::RoleOfAnotherPartition, message));
        }
    }
    Ok(())
}

/// A session with the old properties' parent role.
pub(super) async fn old_session(
    cx: &RequestContext<'_>,
    role: Option<&Role>,
) -> Result<Arc<Session>, Failure> {
    let session = cx.old_session(role).await;
    session.map_err(|error| parent_failure("assuming the old parent role", &error))
}
