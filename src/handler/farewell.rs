//! Delete.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use super::apply::{self, Applied};
use super::{Outcome, Work, aws_failure, child, observe, parent_zone, sync};
use crate::aws::route53::{ChangeStatus, Session};
use crate::cfn::physical_id::PhysicalId;
use crate::cfn::properties::{Properties, Salvage};
use crate::error::{Failure, Kind};
use crate::metrics::Step;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership::{Relation, record_name};
use delegation_model::plan::{self, Action, Decision, Farewell};
use delegation_model::point::DelegationPoint;

/// Between two looks for the claim of a Create that has not ended.
const LOOK_AGAIN: std::ops::Range<f64> = 20.0..40.0;

pub(super) async fn run(work: &Work<'_>) -> Result<Outcome, Failure> {
    let (salvage, _) = Properties::salvage(&work.request.properties);
    let text = work.request.physical_id.as_deref().unwrap_or_default();
    match PhysicalId::parse(text) {
        PhysicalId::Unresolved => Ok(work.outcome_of_nothing(Vec::new())),
        PhysicalId::Point(place) => of_place(work, &salvage, &place).await,
        PhysicalId::Foreign => of_foreign(work, &salvage).await,
    }
}

async fn of_place(work: &Work<'_>, salvage: &Salvage, place: &DelegationPoint) -> Result<Outcome, Failure> {
    work.progress.at("assuming the parent role");
    let result = async {
        let session = work.accounts.session(salvage.parent_role.as_ref()).await;
        let session = session.map_err(|error| aws_failure("assuming the parent role", &error))?;
        remove(work, &session, salvage, place).await
    };
    match removed(work, salvage, result.await).await {
        // Nothing about the properties may fail a Delete: a role that can't exist would fail it for ever.
        Err(failure) if failure.kind == Kind::Denied && salvage.parent_role_unreadable => {
            let warning = format!(
                "The delegation of {} was left in place: ParentRoleArn or ParentExternalId is invalid. {failure}",
                place.name
            );
            Ok(work.outcome_of_nothing(vec![warning]))
        }
        result => result,
    }
}

/// What a removal comes to for CloudFormation.
async fn removed(work: &Work<'_>, salvage: &Salvage, result: Result<Applied, Failure>) -> Result<Outcome, Failure> {
    match result {
        Ok(applied) => {
            work.progress.mark_action(applied.plan.action);
            let action = applied.plan.action.map_or("NOTHING", Action::as_str);
            info!(action, "nothing of this resource is left in the parent zone");
            let mut outcome = work.outcome_of_nothing(applied.plan.warnings.clone());
            if salvage.waits && applied.status == ChangeStatus::Pending {
                work.progress.mark_done(outcome.clone());
                let role = salvage.parent_role.as_ref();
                let waited = sync::wait(work, role, applied.change.as_deref()).await;
                outcome.warnings.extend(waited.warning);
            }
            Ok(outcome)
        }
        // The parent zone is gone, and every delegation with it.
        Err(failure) if failure.kind == Kind::NoSuchZone => Ok(work.outcome_of_nothing(Vec::new())),
        Err(failure) if failure.kind == Kind::Stale => Ok(work.outcome_of_nothing(vec![failure.message])),
        Err(failure) => Err(failure),
    }
}

/// Removes our claim from a place, and the delegation with it if the table says so.
pub(super) async fn remove(
    work: &Work<'_>,
    session: &Session,
    salvage: &Salvage,
    place: &DelegationPoint,
) -> Result<Applied, Failure> {
    let mut farewell = Farewell {
        name: place.name.clone(),
        claimant: work.claimant.clone(),
        at: work.at,
        known: salvage.name_servers.clone(),
    };
    let mut child_zone = salvage.child_zone.as_ref();
    apply::apply(work, session, place, async |_| {
        let timing = work.progress.time(Step::Observe);
        let seen = observe::cut(work, session, place).await?;
        drop(timing);
        let mut decision = plan::absent(&farewell, &seen);
        match (&decision, child_zone.take()) {
            // Perhaps the child zone was replaced by hand: its name servers are ours to remove as well.
            (Decision::Proceed(plan), Some(zone)) if plan.left_changed => {
                let zone =
                    work.afresh(async || child::glance(work, zone, salvage.child_role.as_ref()).await).await.ok();
                let servers = zone.and_then(|zone| zone.name_servers);
                farewell.known = union(farewell.known.take(), servers);
                decision = plan::absent(&farewell, &seen);
            }
            (_, zone) => child_zone = zone,
        }
        Ok((seen, decision))
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
async fn of_foreign(work: &Work<'_>, salvage: &Salvage) -> Result<Outcome, Failure> {
    let names_a_place = salvage.domain_name.is_some() || salvage.child_zone.is_some();
    if salvage.parent_zone.is_none() || !names_a_place || salvage.parent_role_unreadable {
        return Ok(work.outcome_of_nothing(Vec::new()));
    }
    loop {
        // Running out of time while looking is the end of the wait and no failure.
        work.progress.mark_done(work.outcome_of_nothing(Vec::new()));
        let last = Instant::now() >= work.deadline.work();
        let looked = work.afresh(async || look(work, salvage).await).await;
        if let Ok(Some((session, place, _))) = &looked {
            work.progress.unmark_done();
            return removed(work, salvage, remove(work, session, salvage, place).await).await;
        }
        if last {
            // Denied, or without such a zone: nothing of ours can stand there.
            let unknown = looked.err().filter(|failure| !matches!(failure.kind, Kind::Denied | Kind::NoSuchZone));
            let warning = unknown.map(|failure| format!("Whether a delegation was left is unknown: {failure}"));
            return Ok(work.outcome_of_nothing(warning.into_iter().collect()));
        }
        let pause = LOOK_AGAIN.start + (LOOK_AGAIN.end - LOOK_AGAIN.start) * fastrand::f64();
        let next = Instant::now() + Duration::from_secs_f64(pause);
        work.progress.at("waiting for the Create that this Delete overtook");
        tokio::time::sleep_until(next.min(work.deadline.work())).await;
    }
}

/// After a Create that failed before it looked: an earlier delivery of it may have made the delegation and been cut off. The answer
/// must have the real id then, or nothing would ever remove it.
pub(super) async fn recall(work: &Work<'_>) {
    let (salvage, _) = Properties::salvage(&work.request.properties);
    if let Ok(Some((_, place, at))) = look(work, &salvage).await
        && at == work.at
    {
        work.progress.mark_sent(&place);
    }
}

/// Looks once for the place that the properties name, and when our claim there was written; `None` if none stands there.
async fn look(work: &Work<'_>, salvage: &Salvage) -> Result<Option<(Arc<Session>, DelegationPoint, i64)>, Failure> {
    let Some(asked) = &salvage.parent_zone else {
        return Ok(None);
    };
    let name = match (&salvage.domain_name, &salvage.child_zone) {
        (Some(name), _) => name.clone(),
        (None, Some(zone)) => child::glance(work, zone, salvage.child_role.as_ref()).await?.name,
        (None, None) => return Ok(None),
    };
    let session = work.accounts.session(salvage.parent_role.as_ref()).await;
    let session = session.map_err(|error| aws_failure("assuming the parent role", &error))?;
    let place = parent_zone::find(&session, &name, asked, None).await?;
    let claim = claim_at(work, &session, &place).await?;
    Ok(claim.map(|at| (session, place, at)))
}

/// When our own claim at a place was written, if it stands there.
pub(super) async fn claim_at(
    work: &Work<'_>,
    session: &Session,
    place: &DelegationPoint,
) -> Result<Option<i64>, Failure> {
    let Some(record) = record_name(&place.name) else {
        return Ok(None);
    };
    let set = session.record_set(&place.zone, &record, "TXT").await;
    let set =
        set.map_err(|error| aws_failure(&format!("reading {record} in the parent zone {}", place.zone), &error))?;
    let seen = plan::Observation { ownership: set, ..Default::default() };
    Ok(seen.claims().of(&work.claimant, Relation::Own).iter().map(|claim| claim.at).max())
}
