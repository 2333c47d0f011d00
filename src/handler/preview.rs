//! What a Create or Update would do: observe and plan, without apply.

use std::time::Duration;

use super::check::Question;
use super::context::{RequestContext, Services};
use super::create_update::{Planned, observe_and_plan};
use super::progress::Progress;
use super::reconcile::Denial;
use super::{check, resolve};
use crate::cfn::envelope::Request;
use crate::cfn::properties::Verification;
use crate::error::{Code, Failure};
use delegation_model::name::Name;
use delegation_model::plan::{self, Arrival, Decision, Observation, Plan, Warning};
use delegation_model::point::DelegationPoint;
use dns_check::Report;

/// What a Create or Update would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Where.
    pub point: DelegationPoint,
    /// The name of the parent zone.
    pub parent_zone: Option<Name>,
    /// The physical id that a success would answer with.
    pub physical_id: String,
    /// The physical id that it would take the place of, whose delegation CloudFormation would delete afterwards.
    pub replaces: Option<String>,
    /// What stands there.
    pub observed: Observation,
    /// What would be changed, or why the request would fail.
    pub result: Result<Plan, Failure>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// What the DNS check before the change found, if the properties ask for it and NS or DS would change.
    pub finding: Option<Report>,
}

/// Looks at what a Create or Update of the resource `logical_id` of the stack `stack_id` would do if it came now. Makes the calls of
/// such a request that read, and no other.
///
/// # Errors
/// If the request would fail before its place was read.
pub async fn preview(
    services: Services<'_>,
    request: &Request,
    stack_id: &str,
    logical_id: &str,
) -> Result<Preview, Failure> {
    let progress = Progress::default();
    let cx = RequestContext::preview(services, request, stack_id, logical_id, &progress);
    let mut resolved = resolve::resolve(&cx, Denial::Final).await?;
    let (mut goal, verification) = (resolved.goal(&cx), resolved.desired.verifies());
    let Planned { observed, mut decision, warning } = observe_and_plan(&cx, &mut resolved, &goal, false).await?;
    if decision == Decision::Overtaken {
        // The clock here is behind the one that dates requests: the next one comes after the claim that stands, in any case.
        goal.at = observed.claims().own(&cx.claimant).map_or(goal.at, |own| own.at.saturating_add(1));
        decision = plan::present(&goal, &observed);
    }
    let mut finding = None;
    let result = match decision {
        Decision::Refuse(refusal) => Err(refusal.into()),
        Decision::Overtaken => {
            let message = format!("a later request of this resource has already written {}", goal.name);
            Err(Failure::new(Code::Overtaken, message))
        }
        Decision::Proceed(plan) => match Question::new(&goal.name, &plan, &observed) {
            Some(question) if verification != Verification::None => {
                // A fresh zone is given no time to come up: what is so now is what is told.
                let checked = check::before(&cx, verification, &question, Duration::ZERO).await;
                checked.map(|found| {
                    finding = found;
                    plan
                })
            }
            _ => Ok(plan),
        },
    };
    let planned = result.as_ref().map(|plan| plan.warnings.clone()).unwrap_or_default();
    let previous = resolved.previous.iter().flat_map(|previous| previous.warnings.iter().cloned());
    let replaces = request.physical_id.clone().filter(|_| resolved.arrival == Arrival::Replacement);
    Ok(Preview {
        parent_zone: observed.apex.clone(),
        warnings: resolved.child.warning.iter().cloned().chain(planned).chain(warning).chain(previous).collect(),
        replaces: replaces.filter(|id| *id != resolved.physical_id),
        point: resolved.point,
        physical_id: resolved.physical_id,
        observed,
        result,
        finding,
    })
}
