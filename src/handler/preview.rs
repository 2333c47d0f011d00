//! Previews a Create or Update: observe and plan, without apply.

use std::time::Duration;

use super::check::{Question, RequiredServers};
use super::context::{RequestContext, Resource, Services};
use super::create_update::{Planned, checked, observe_and_plan};
use super::observe::Pass;
use super::progress::Progress;
use super::reconcile::Denial;
use super::{check, resolve};
use crate::cfn::envelope::{Request, RequestType};
use crate::cfn::properties::Verification;
use crate::error::{Failure, FailureKind, Warning};
use delegation_model::name::Name;
use delegation_model::ownership_record::MAX_SKEW;
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::{Decision, Observation, ReconciliationPlan};
use dns_check::Report;

/// The preview of a Create or Update.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The delegation point.
    pub point: DelegationPoint,
    /// The name of the parent zone.
    pub parent_zone: Option<Name>,
    /// The physical id that a success would respond with.
    pub physical_id: String,
    /// The physical id that it would replace. CloudFormation would then delete that delegation.
    pub replaces: Option<String>,
    /// The current state of the delegation point.
    pub observed: Observation,
    /// What would be changed, or why the request would fail.
    pub result: Result<ReconciliationPlan, Failure>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// The finding of the DNS check before the change, if the properties ask for it and NS or DS
    /// would change.
    pub finding: Option<Report>,
}

/// Previews what a Create or Update of the resource `logical_id` of the stack `stack_id` would do
/// if it were sent now. Makes the same reading calls as such a request, and no others.
///
/// # Errors
/// If the request would fail before it reads its delegation point.
pub async fn preview(
    services: Services<'_>,
    request: &Request,
    stack_id: &str,
    logical_id: &str,
) -> Result<Preview, Failure> {
    let progress = Progress::default();
    let resource = Resource { stack_id, logical_id };
    let mut cx = RequestContext::preview(services, request, resource, &progress);
    match observe(&cx).await {
        Err(failure) if failure.kind() == FailureKind::Stale => {
            // The local clock is behind the one that dates requests. The next real request will be
            // later than the existing claim in any case.
            cx.stamp.time = cx.stamp.time.saturating_add(MAX_SKEW);
            observe(&cx).await
        }
        result => result,
    }
}

async fn observe(cx: &RequestContext<'_>) -> Result<Preview, Failure> {
    let mut resolved = resolve::resolve(cx, Denial::Final).await?;
    let (goal, verification) = (resolved.goal(cx), resolved.desired.verification_mode());
    let Planned { observed, mut decision, warning } =
        observe_and_plan(cx, &mut resolved, &goal, Pass::First).await?;
    let mut finding = None;
    if let Decision::Proceed(plan) = &decision
        && let Some(question) = Question::new(&goal.name, plan, &observed)
            .filter(|_| verification != Verification::None)
    {
        // A new zone is given no time to come up: the preview reports the current state.
        let required = RequiredServers::All;
        let result = check::before(cx, verification, &question, Duration::ZERO, required).await;
        decision = checked(&goal, &result, decision, &observed);
        finding = result.ok().flatten();
    }
    let result = match decision {
        Decision::Refuse(refusal) => Err(refusal.into()),
        Decision::Overtaken(overtaken) => return Err(overtaken.into()),
        Decision::Proceed(plan) => Ok(plan),
    };
    let planned: Vec<_> =
        result.iter().flat_map(|plan| plan.warnings.iter().cloned().map(Warning::from)).collect();
    let previous = resolved.previous.iter().flat_map(|previous| previous.warnings.iter().cloned());
    let physical_id = resolved.physical_id();
    // This also holds for a resource that returns to its previous point (MOVE-3): CloudFormation
    // deletes the point that the physical id names.
    let replaces = cx
        .request
        .physical_id
        .clone()
        .filter(|id| cx.request.kind == RequestType::Update && *id != physical_id);
    Ok(Preview {
        parent_zone: observed.apex.clone(),
        warnings: resolved
            .child
            .warning
            .iter()
            .cloned()
            .chain(planned)
            .chain(warning)
            .chain(previous)
            .collect(),
        replaces,
        point: resolved.point,
        physical_id,
        observed,
        result,
        finding,
    })
}
