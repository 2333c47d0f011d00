//! Runs a Delete.

use std::sync::Arc;

use tracing::info;

use super::apply::{self, Applied, Site};
use super::outcome::Outcome;
use super::reconcile::Denial;
use super::text::text_of;
use super::{RequestContext, child, observe, parent_failure, parent_zone, sync};
use crate::aws::error::AwsErrorKind;
use crate::aws::route53::{ChangeStatus, Session};
use crate::cfn::physical_id::PhysicalId;
use crate::cfn::properties::{Partial, PropertyError};
use crate::error::{Code, Failure, FailureKind, Warning, WarningCode};
use crate::metrics::Step;
use delegation_model::ids::ZoneId;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{Claim, record_name};
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::{
    Action, Decision, DeleteGoal, DeleteReason, Observation, ReconciliationPlan, plan_delete,
};
use delegation_model::record_set::RecordType;

pub(super) async fn run(cx: &RequestContext<'_>, denial: Denial) -> Result<Outcome, Failure> {
    let (properties, errors) = Partial::parse(&cx.request.properties);
    let text = cx.request.physical_id.as_deref().unwrap_or_default();
    match PhysicalId::parse(text) {
        PhysicalId::Unresolved => Ok(cx.unchanged(Vec::new())),
        PhysicalId::Point(point) => delete_point(cx, &properties, &point, denial).await,
        PhysicalId::Foreign => delete_invented_id(cx, &properties, errors, denial).await,
    }
}

async fn delete_point(
    cx: &RequestContext<'_>,
    properties: &Partial,
    point: &DelegationPoint,
    denial: Denial,
) -> Result<Outcome, Failure> {
    cx.progress.at("assuming the parent role");
    let mut role_invalid = false;
    let result = async {
        let session = cx.session(properties.parent_role.as_ref()).await;
        let session = session.map_err(|error| {
            role_invalid = error.kind == AwsErrorKind::Invalid;
            parent_failure("assuming the parent role", &error)
        })?;
        let site = Site { session: &session, point, is_main: true };
        remove(cx, site, properties, DeleteReason::Requested).await
    };
    let result = result.await;
    match result {
        // Properties must never fail a Delete: a role that can't exist would fail it forever.
        Err(failure)
            if role_invalid
                || (failure.kind() == FailureKind::Denied && properties.parent_role_unreadable) =>
        {
            let warning = format!(
                "The delegation of {} was left in place: ParentRoleArn or ParentExternalId is \
                 invalid. {}",
                point.name,
                failure.coded()
            );
            Ok(cx.unchanged(vec![Warning::new(WarningCode::LeftRoleInvalid, warning)]))
        }
        Err(failure) if failure.kind() == FailureKind::NoSuchZone => {
            delete_in_missing_zone(cx, properties, &point.zone).await
        }
        Err(failure) if fails_for_good(&failure, denial) => Err(not_removed(cx, point, &failure)),
        result => outcome(cx, properties, result).await,
    }
}

/// True if the call is certain to fail again, or as good as certain.
fn fails_for_good(failure: &Failure, denial: Denial) -> bool {
    failure.is_permanent() || (failure.kind() == FailureKind::Denied && denial == Denial::Final)
}

/// The failure of a Delete that fails for good, with the two ways to go on (LEAVE-10).
fn not_removed(cx: &RequestContext<'_>, point: &DelegationPoint, failure: &Failure) -> Failure {
    let DelegationPoint { zone, name } = point;
    let record = record_name(name).map_or_else(String::new, |record| record.to_string());
    let remedy = match failure.kind() {
        FailureKind::Denied => "Restore that permission",
        _ => "Correct the cause",
    };
    let message = format!(
        "The delegation of {name} in the parent zone {zone} was not removed: {} {remedy}, and \
         delete again. Or have CloudFormation retain the resource, and remove what \
         is left by hand: the NS record set (and DS record set) of {name}, unless others claim it, \
         and the value with owner={} of the TXT record set {record}.",
        sentence(failure.message()),
        cx.owner()
    );
    failure.clone().with_message(message)
}

/// Ends the text with a period.
fn sentence(text: &str) -> String {
    let stop = if text.ends_with('.') { "" } else { "." };
    format!("{text}{stop}")
}

/// Deletes the delegation if the parent zone of the physical id no longer exists. The zone may have
/// been created again, and the delegation copied into it together with the claim (LEAVE-8).
async fn delete_in_missing_zone(
    cx: &RequestContext<'_>,
    properties: &Partial,
    gone: &ZoneId,
) -> Result<Outcome, Failure> {
    cx.progress.at("looking for the parent zone named by the properties");
    let message = format!("The parent zone {gone} of this resource no longer exists.");
    let mut warnings = vec![Warning::new(WarningCode::ParentZoneGone, message)];
    let result = cx.with_fresh_credentials(async || {
        let (session, point) = find_point(cx, properties).await?;
        let site = Site { session: &session, point: &point, is_main: true };
        remove(cx, site, properties, DeleteReason::ZoneGone { zone: gone.clone() }).await
    });
    let mut outcome = match result.await {
        Err(failure)
            if is_nowhere(&failure)
                || failure.is_permanent()
                || failure.kind() == FailureKind::Denied =>
        {
            let message =
                format!("No delegation of this resource was found elsewhere: {}", failure.coded());
            warnings.push(Warning::new(WarningCode::LeftUnknown, message));
            cx.unchanged(Vec::new())
        }
        result => outcome(cx, properties, result).await?,
    };
    warnings.append(&mut outcome.warnings);
    Ok(Outcome { warnings, ..outcome })
}

/// Runs a Delete whose physical id CloudFormation invented, because it cancelled the Create
/// (LEAVE-9).
async fn delete_invented_id(
    cx: &RequestContext<'_>,
    properties: &Partial,
    errors: Vec<PropertyError>,
    denial: Denial,
) -> Result<Outcome, Failure> {
    let is_valid = properties.clone().validate(errors).is_ok() && cx.config.problem.is_none();
    let found = if properties.parent_role_unreadable {
        Err(Failure::new(Code::InvalidRoleArn, "ParentRoleArn or ParentExternalId is invalid."))
    } else {
        find_point(cx, properties).await
    };
    let (session, point) = match found {
        Ok(found) => found,
        Err(failure) if is_nowhere(&failure) || fails_for_good(&failure, denial) => {
            return Ok(cx.unchanged(vec![left_unknown(cx, named(properties), &failure)]));
        }
        Err(failure) => return Err(failure),
    };
    let site = Site { session: &session, point: &point, is_main: true };
    let create_could_run = is_valid && cx.allows(&point.name);
    let mut is_ours = false;
    let reason = DeleteReason::InventedId { intent: properties.intent(), create_could_run };
    let result = remove_tracked(cx, site, properties, reason, &mut is_ours).await;
    match result {
        Err(failure) if fails_for_good(&failure, denial) => {
            if is_ours {
                Err(not_removed(cx, &point, &failure))
            } else {
                Ok(cx.unchanged(vec![left_unknown(cx, Some(&point.name), &failure)]))
            }
        }
        Err(failure) if failure.kind() == FailureKind::NoSuchZone => {
            Ok(cx.unchanged(vec![left_unknown(cx, Some(&point.name), &failure)]))
        }
        result => outcome(cx, properties, result).await,
    }
}

/// True if the properties lead to no delegation point, so that there is nowhere to search.
fn is_nowhere(failure: &Failure) -> bool {
    matches!(failure.kind(), FailureKind::NoSuchZone | FailureKind::Refused | FailureKind::Input)
}

/// The child's name in the properties, without reading the child zone.
fn named(properties: &Partial) -> Option<&Name> {
    properties.domain_name.as_ref()
}

/// The warning that nobody could search for what a cancelled Create left. Says what to search for
/// by hand.
fn left_unknown(cx: &RequestContext<'_>, name: Option<&Name>, failure: &Failure) -> Warning {
    let owner = cx.owner();
    let claim = match name {
        Some(name) => format!("a claim with claim={}", cx.claimant(name).id()),
        None => format!("claims with owner={owner}"),
    };
    let record =
        name.and_then(record_name).map_or("_delegation-*".to_owned(), |record| record.to_string());
    let message = format!(
        "It is unknown whether the cancelled Create of {owner} left a delegation: {} If it did, \
         the TXT record set {record} of the parent zone has {claim}.",
        failure.coded()
    );
    Warning::new(WarningCode::LeftUnknown, message)
}

/// The outcome of a removal.
async fn outcome(
    cx: &RequestContext<'_>,
    properties: &Partial,
    result: Result<Applied, Failure>,
) -> Result<Outcome, Failure> {
    match result {
        Ok(applied) => {
            let action = applied.plan.action.map_or("NOTHING", Action::as_str);
            info!(action, "nothing of this resource is left in the parent zone");
            let mut warnings: Vec<Warning> =
                applied.plan.warnings.iter().cloned().map(Warning::from).collect();
            if let (Some(warning), Some(left)) = (warnings.first_mut(), left(&applied)) {
                warning.message = format!("{} The parent zone now has: {left}", warning.message);
            }
            let mut outcome = Outcome { action: applied.plan.action, ..cx.unchanged(warnings) };
            if properties.waits_for_sync()
                && cx.late.is_none()
                && applied.status == ChangeStatus::Pending
            {
                cx.progress.mark_done(outcome.clone());
                let role = properties.parent_role.as_ref();
                let waited = sync::wait(cx, role, applied.change.as_deref()).await;
                outcome.warnings.extend(waited.warning);
            }
            Ok(outcome)
        }
        Err(failure) if failure.kind() == FailureKind::Stale => {
            Ok(cx.unchanged(vec![failure.into()]))
        }
        Err(failure) => Err(failure),
    }
}

/// The delegation and the ownership record that a removal leaves, with their values, for a person
/// who wants to remove them. `None` if it leaves no name servers.
fn left(Applied { plan, observed, .. }: &Applied) -> Option<String> {
    let name = &observed.at_cut.first()?.name;
    let name_servers = plan.leaves(observed, name, &RecordType::Ns)?;
    let ownership = observed
        .ownership
        .as_ref()
        .and_then(|set| plan.leaves_of(Some(set), &set.name, &RecordType::Txt));
    let sets =
        [Some(name_servers), plan.leaves(observed, name, &RecordType::Ds)].into_iter().flatten();
    Some(sentence(&sets.chain(ownership).map(text_of).collect::<Vec<_>>().join("; ")))
}

/// Removes the resource's claim from a delegation point, and the delegation with it if the rules
/// say so (LEAVE-1 to LEAVE-10).
pub(super) async fn remove(
    cx: &RequestContext<'_>,
    site: Site<'_>,
    properties: &Partial,
    reason: DeleteReason,
) -> Result<Applied, Failure> {
    remove_tracked(cx, site, properties, reason, &mut false).await
}

/// Like [`remove`]. Sets `is_ours` if the resource has a claim to remove.
async fn remove_tracked(
    cx: &RequestContext<'_>,
    site: Site<'_>,
    properties: &Partial,
    reason: DeleteReason,
    is_ours: &mut bool,
) -> Result<Applied, Failure> {
    let Site { session, point, .. } = site;
    let mut goal = DeleteGoal {
        name: point.name.clone(),
        claimant: cx.claimant(&point.name),
        stamp: cx.stamp,
        now: cx.now(),
        reason,
        known_name_servers: properties.name_servers.clone(),
        allowed: cx.allows(&point.name),
        restore_rejected: false,
    };
    let mut child_zone = properties.child_zone.as_ref();
    let mut current = None;
    let result = apply::apply(cx, site, async |round| {
        let timing = cx.progress.time(Step::Observe);
        let observed = observe::cut(cx, session, point).await?;
        drop(timing);
        goal.restore_rejected = round.restore_rejected;
        let mut decision = plan_delete(&goal, &observed);
        match (&decision, child_zone.take()) {
            // The child zone may have been replaced by hand. Its name servers may be removed as
            // well.
            (Decision::Proceed(plan), Some(zone)) if plan.needs_known_name_servers => {
                let role = properties.child_role.as_ref();
                let servers = cx
                    .with_fresh_credentials(async || {
                        child::known_name_servers(cx, zone, role).await
                    })
                    .await
                    .ok()
                    .flatten();
                goal.known_name_servers = union(goal.known_name_servers.take(), servers);
                decision = plan_delete(&goal, &observed);
            }
            (_, zone) => child_zone = zone,
        }
        *is_ours = match &decision {
            Decision::Proceed(plan) => removes_claim(cx, point, &observed, plan),
            Decision::Refuse(_) | Decision::Overtaken(_) => false,
        };
        current = observed.name_servers();
        Ok((observed, decision))
    })
    .await;
    // A Delete that removes nothing must say what is left.
    result.map_err(|failure| match current {
        Some(servers) if failure.kind() == FailureKind::Denied || failure.is_permanent() => {
            let message = format!("{failure}. {} is still delegated to {servers}", point.name);
            failure.with_message(message)
        }
        // Others may be able to write the claim by which it was overtaken.
        Some(servers) if failure.kind() == FailureKind::Stale => {
            failure.followed_by(&format!("{} is delegated to {servers}.", point.name))
        }
        _ => failure,
    })
}

/// True if the batch removes the resource's own claim.
fn removes_claim(
    cx: &RequestContext<'_>,
    point: &DelegationPoint,
    observed: &Observation,
    plan: &ReconciliationPlan,
) -> bool {
    observe::own_in(cx, point, observed).is_some() && own_after(cx, point, observed, plan).is_none()
}

/// The resource's own claim after a plan was applied.
pub(super) fn own_after(
    cx: &RequestContext<'_>,
    point: &DelegationPoint,
    observed: &Observation,
    plan: &ReconciliationPlan,
) -> Option<Claim> {
    let record = record_name(&point.name)?;
    let after = Observation {
        ownership: plan.leaves_of(observed.ownership.as_ref(), &record, &RecordType::Txt).cloned(),
        ..Observation::default()
    };
    observe::own_in(cx, point, &after)
}

fn union(one: Option<NameServers>, other: Option<NameServers>) -> Option<NameServers> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.union(&other)),
        (one, other) => one.or(other),
    }
}

/// Searches for the work of an earlier delivery, after a Create failed before it read the
/// delegation point. An earlier delivery may have created the delegation and been cut off. The
/// response must then have the real id, or nothing would ever remove the delegation.
pub(super) async fn find_earlier_delivery(cx: &RequestContext<'_>) {
    let (properties, _) = Partial::parse(&cx.request.properties);
    if let Ok((session, point)) = find_point(cx, &properties).await
        && let Ok(Some(claim)) = observe::own_claim(cx, &session, &point).await
        && claim.stamp == cx.stamp
    {
        cx.progress.mark_found_own_request();
        cx.progress.mark_sent(&point);
    }
}

/// Finds the delegation point that the properties name, without retrying.
async fn find_point(
    cx: &RequestContext<'_>,
    properties: &Partial,
) -> Result<(Arc<Session>, DelegationPoint), Failure> {
    let Some(parent) = &properties.parent_zone else {
        return Err(Failure::new(
            Code::TwoParentZones,
            "The properties name more than one parent zone, or an invalid one.",
        ));
    };
    let name = match (&properties.domain_name, &properties.child_zone) {
        (Some(name), _) => name.clone(),
        (None, Some(zone)) => {
            child::hosted_zone(cx, zone, properties.child_role.as_ref()).await?.name
        }
        (None, None) => {
            return Err(Failure::new(Code::DomainNameMissing, "The properties name no child."));
        }
    };
    cx.progress.at(format!("looking for the parent zone of {name}"));
    let session = cx.session(properties.parent_role.as_ref()).await;
    let session = session.map_err(|error| parent_failure("assuming the parent role", &error))?;
    let zone = parent_zone::find(&session, &name, parent, None).await?;
    Ok((session, parent_zone::point(&name, &zone)?))
}
