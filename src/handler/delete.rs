//! Delete.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use super::apply::{self, Applied};
use super::outcome::Outcome;
use super::{RequestContext, aws_failure, child, observe, parent_zone, sync};
use crate::aws::route53::{ChangeStatus, Session};
use crate::cfn::physical_id::PhysicalId;
use crate::cfn::properties::Partial;
use crate::error::{Failure, Kind, WarningCode};
use crate::metrics::Step;
use delegation_model::name_servers::NameServers;
use delegation_model::plan::{self, Action, Decision, Farewell, Warning};
use delegation_model::point::DelegationPoint;

/// Between two looks for the claim of a Create that has not ended.
const LOOK_AGAIN: std::ops::Range<f64> = 20.0..40.0;

pub(super) async fn run(cx: &RequestContext<'_>) -> Result<Outcome, Failure> {
    let (properties, _) = Partial::parse(&cx.request.properties);
    let text = cx.request.physical_id.as_deref().unwrap_or_default();
    match PhysicalId::parse(text) {
        PhysicalId::Unresolved => Ok(cx.unchanged(Vec::new())),
        PhysicalId::Point(point) => of_point(cx, &properties, &point).await,
        PhysicalId::Foreign => of_foreign(cx, &properties).await,
    }
}

async fn of_point(cx: &RequestContext<'_>, properties: &Partial, point: &DelegationPoint) -> Result<Outcome, Failure> {
    cx.progress.at("assuming the parent role");
    let result = async {
        let session = cx.accounts.session(properties.parent_role.as_ref()).await;
        let session = session.map_err(|error| aws_failure("assuming the parent role", &error))?;
        remove(cx, &session, properties, point).await
    };
    match removed(cx, properties, result.await).await {
        // Nothing about the properties may fail a Delete: a role that can't exist would fail it for ever.
        Err(failure) if failure.kind() == Kind::Denied && properties.parent_role_unreadable => {
            let warning = format!(
                "The delegation of {} was left in place: ParentRoleArn or ParentExternalId is invalid. {}",
                point.name,
                failure.coded()
            );
            Ok(cx.unchanged(vec![Warning::new(WarningCode::LeftRoleInvalid, warning)]))
        }
        result => result,
    }
}

/// What a removal comes to for CloudFormation.
async fn removed(
    cx: &RequestContext<'_>,
    properties: &Partial,
    result: Result<Applied, Failure>,
) -> Result<Outcome, Failure> {
    match result {
        Ok(applied) => {
            let action = applied.plan.action.map_or("NOTHING", Action::as_str);
            info!(action, "nothing of this resource is left in the parent zone");
            let mut outcome = Outcome { action: applied.plan.action, ..cx.unchanged(applied.plan.warnings.clone()) };
            if properties.waits() && applied.status == ChangeStatus::Pending {
                cx.progress.mark_done(outcome.clone());
                let role = properties.parent_role.as_ref();
                let waited = sync::wait(cx, role, applied.change.as_deref()).await;
                outcome.warnings.extend(waited.warning);
            }
            Ok(outcome)
        }
        // The parent zone is gone, and every delegation with it.
        Err(failure) if failure.kind() == Kind::NoSuchZone => Ok(cx.unchanged(Vec::new())),
        Err(failure) if failure.kind() == Kind::Stale => Ok(cx.unchanged(vec![failure.into()])),
        Err(failure) => Err(failure),
    }
}

/// Removes our claim from a place, and the delegation with it if the table says so.
pub(super) async fn remove(
    cx: &RequestContext<'_>,
    session: &Session,
    properties: &Partial,
    point: &DelegationPoint,
) -> Result<Applied, Failure> {
    let mut farewell = Farewell {
        name: point.name.clone(),
        claimant: cx.claimant.clone(),
        at: cx.at,
        known: properties.name_servers.clone(),
    };
    let mut child_zone = properties.child_zone.as_ref();
    apply::apply(cx, session, point, async |_| {
        let timing = cx.progress.time(Step::Observe);
        let observed = observe::cut(cx, session, point).await?;
        drop(timing);
        let mut decision = plan::absent(&farewell, &observed);
        match (&decision, child_zone.take()) {
            // Perhaps the child zone was replaced by hand: its name servers are ours to remove as well.
            (Decision::Proceed(plan), Some(zone)) if plan.left_changed => {
                let zone = cx
                    .with_fresh_credentials(async || child::hosted_zone(cx, zone, properties.child_role.as_ref()).await)
                    .await
                    .ok();
                let servers = zone.and_then(|zone| zone.name_servers);
                farewell.known = union(farewell.known.take(), servers);
                decision = plan::absent(&farewell, &observed);
            }
            (_, zone) => child_zone = zone,
        }
        Ok((observed, decision))
    })
    .await
}

fn union(one: Option<NameServers>, other: Option<NameServers>) -> Option<NameServers> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.union(&other)),
        (one, other) => one.or(other),
    }
}

/// A Delete with an id that CloudFormation invented: the Create that it overtook may still write its claim, so look
/// until that Create can't run any more. If it runs, it started earlier than we did, with the same timeout: at our own
/// [`crate::deadline::Deadline::work`] its work is over, and the last look comes after that. One that Lambda delivers later is
/// beyond our reach.
async fn of_foreign(cx: &RequestContext<'_>, properties: &Partial) -> Result<Outcome, Failure> {
    let names_a_place = properties.domain_name.is_some() || properties.child_zone.is_some();
    if properties.parent_zone.is_none() || !names_a_place || properties.parent_role_unreadable {
        return Ok(cx.unchanged(Vec::new()));
    }
    loop {
        // Running out of time while looking is the end of the wait and no failure.
        cx.progress.mark_done(cx.unchanged(Vec::new()));
        let last = Instant::now() >= cx.deadline.work();
        let looked = cx.with_fresh_credentials(async || look(cx, properties).await).await;
        if let Ok(Some((session, point, _))) = &looked {
            cx.progress.unmark_done();
            return removed(cx, properties, remove(cx, session, properties, point).await).await;
        }
        if last {
            // Denied, or without such a zone: nothing of ours can stand there.
            let unknown = looked.err().filter(|failure| !matches!(failure.kind(), Kind::Denied | Kind::NoSuchZone));
            let warning = unknown.map(|failure| {
                let message = format!("Whether a delegation was left is unknown: {}", failure.coded());
                Warning::new(WarningCode::LeftUnknown, message)
            });
            return Ok(cx.unchanged(warning.into_iter().collect()));
        }
        let pause = LOOK_AGAIN.start + (LOOK_AGAIN.end - LOOK_AGAIN.start) * fastrand::f64();
        let next = Instant::now() + Duration::from_secs_f64(pause);
        cx.progress.at("waiting for the Create that this Delete overtook");
        tokio::time::sleep_until(next.min(cx.deadline.work())).await;
    }
}

/// After a Create that failed before it looked: an earlier delivery of it may have made the delegation and been cut off. The answer
/// must have the real id then, or nothing would ever remove it.
pub(super) async fn find_earlier_delivery(cx: &RequestContext<'_>) {
    let (properties, _) = Partial::parse(&cx.request.properties);
    if let Ok(Some((_, point, at))) = look(cx, &properties).await
        && at == cx.at
    {
        cx.progress.mark_sent(&point);
    }
}

/// Looks once for the place that the properties name, and when our claim there was written; `None` if none stands there.
async fn look(
    cx: &RequestContext<'_>,
    properties: &Partial,
) -> Result<Option<(Arc<Session>, DelegationPoint, i64)>, Failure> {
    let Some(asked) = &properties.parent_zone else {
        return Ok(None);
    };
    let name = match (&properties.domain_name, &properties.child_zone) {
        (Some(name), _) => name.clone(),
        (None, Some(zone)) => child::hosted_zone(cx, zone, properties.child_role.as_ref()).await?.name,
        (None, None) => return Ok(None),
    };
    let session = cx.accounts.session(properties.parent_role.as_ref()).await;
    let session = session.map_err(|error| aws_failure("assuming the parent role", &error))?;
    let point = parent_zone::find(&session, &name, asked, None).await?;
    let claim = observe::claim_time(cx, &session, &point).await?;
    Ok(claim.map(|at| (session, point, at)))
}
