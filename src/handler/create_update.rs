//! Create and Update.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::info;

use super::apply::{self, Applied};
use super::check::{EarlierCheck, Question};
use super::outcome::Outcome;
use super::reconcile::Denial;
use super::replacement::{clean_up, take_back_if_overtaken};
use super::resolve::{ResolvedRequest, resolve};
use super::{RequestContext, check, observe, occlusion, parent_zone, signing, sync};
use crate::aws::route53::ChangeStatus;
use crate::cfn::envelope::Kind as RequestKind;
use crate::cfn::properties::Verification;
use crate::error::{Code, Failure, WarningCode};
use crate::metrics::Step;
use delegation_model::ds::DsRecords;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership::{By, Claim};
use delegation_model::plan::{self, Action, Decision, Goal, Observation, Warning};

/// How often a plan that became another one during its DNS check is checked again.
const LOOKS: usize = 3;

/// What is there, what is decided on it, and what the user should know of the parent zone's own signing state.
pub(super) struct Planned {
    pub(super) observed: Observation,
    pub(super) decision: Decision,
    pub(super) warning: Option<Warning>,
}

/// What a Create or Update has done to the parent zone.
struct Changed {
    applied: Applied,
    /// Whether name servers or DS records were changed, as far as is known.
    redelegated: bool,
}

pub(super) async fn run(
    cx: &RequestContext<'_>,
    denial: Denial,
    earlier: &mut EarlierCheck,
) -> Result<Outcome, Failure> {
    let mut resolved = resolve(cx, denial).await?;
    // An earlier delivery of this request may have written the new point before it was cut off.
    take_back_if_overtaken(cx, &resolved).await?;
    let (applied, warning) = change(cx, &mut resolved, earlier).await;
    if applied.is_ok() || cx.progress.sent().is_some() {
        take_back_if_overtaken(cx, &resolved).await?;
    }
    let applied = applied?;
    let action = applied.plan.action.map(Action::as_str);
    info!(action, status = ?applied.status, "the delegation stands");

    let mode = resolved.desired.verifies();
    let mut outcome = outcome(&resolved, &applied);
    outcome.warnings.extend(warning);
    if mode == Verification::Require {
        outcome.warnings.extend(earlier.finding().and_then(check::warning));
    }
    outcome.data.insert("Verification", earlier.finding().map(ToString::to_string).unwrap_or_default());
    let redelegated = redelegated(cx, &resolved, &applied);
    let required = mode == Verification::Require && redelegated;
    let changed = Changed { applied, redelegated };
    let done = |outcome: &Outcome| {
        // What must be checked is not done before it was.
        if !required {
            cx.progress.mark_done(outcome.clone());
        }
    };
    done(&outcome);
    if let Some(previous) = &resolved.previous {
        outcome.warnings.extend(previous.warnings.iter().cloned());
        outcome.warnings.extend(clean_up(cx, &resolved, previous).await);
    }
    done(&outcome);
    let mut status = changed.applied.status;
    if resolved.desired.waits() && status == ChangeStatus::Pending {
        let role = resolved.desired.parent_role.as_ref();
        let waited = sync::wait(cx, role, changed.applied.change.as_deref()).await;
        status = waited.status;
        outcome.data.insert("ChangeStatus", text_of(waited.status));
        outcome.warnings.extend(waited.warning);
        done(&outcome);
    }
    if mode != Verification::None && resolved.desired.waits() {
        verify(cx, &resolved, &changed, status, &mut outcome).await?;
    }
    Ok(outcome)
}

/// Observe, plan and apply, with the DNS check between plan and apply; also what the user should know of the
/// parent zone.
async fn change(
    cx: &RequestContext<'_>,
    resolved: &mut ResolvedRequest,
    earlier: &mut EarlierCheck,
) -> (Result<Applied, Failure>, Option<Warning>) {
    let (goal, mode) = (resolved.goal(cx), resolved.desired.verifies());
    let (session, point) = (Arc::clone(&resolved.session), resolved.point.clone());
    let mut warning = None;
    let applied = apply::apply(cx, &session, &point, async |again| {
        let mut planned = observe_and_plan(cx, resolved, &goal, again).await?;
        warning = warning.take().or(planned.warning.take());
        // A check takes its time: what was observed before it is observed anew, until it is what was asked about.
        for _ in 0..LOOKS {
            let Decision::Proceed(plan) = &planned.decision else { break };
            let question = Question::new(&goal.name, plan, &planned.observed).filter(|_| mode != Verification::None);
            let Some(question) = question.filter(|question| !earlier.answers(question)) else { break };
            let finding = check::before(cx, mode, &question, cx.config.check_patience).await?;
            earlier.keep(question, finding);
            planned = observe_and_plan(cx, resolved, &goal, again).await?;
        }
        Ok((planned.observed, planned.decision))
    })
    .await;
    (applied, warning)
}

/// Reads what is at the delegation point and decides on it; `again` after a rejection.
pub(super) async fn observe_and_plan(
    cx: &RequestContext<'_>,
    resolved: &mut ResolvedRequest,
    goal: &Goal,
    again: bool,
) -> Result<Planned, Failure> {
    let (session, point) = (&resolved.session, &resolved.point);
    let timing = cx.progress.time(Step::Observe);
    let (checked, observed, warning) = tokio::join!(
        async {
            if resolved.unchecked {
                parent_zone::check(session, &point.name, &point.zone).await.map(drop)
            } else {
                Ok(())
            }
        },
        observe::surroundings(cx, session, point, goal.name_servers.as_ref(), again),
        async { if resolved.desired.dnssec && !again { signing::of_parent(cx, session, point).await } else { None } },
    );
    checked?;
    resolved.unchecked = false;
    let mut observed = observed?;
    if !goal.allow_occlusion {
        occlusion::fill_in(cx, &mut resolved.child, &mut observed).await?;
    }
    drop(timing);
    let _timing = cx.progress.time(Step::Plan);
    let decision = plan::present(goal, &observed);
    Ok(Planned { observed, decision, warning })
}

/// Whether the request changed name servers or DS records, as far as is known.
fn redelegated(cx: &RequestContext<'_>, resolved: &ResolvedRequest, applied: &Applied) -> bool {
    let claims = applied.observed.claims();
    // A delivery of this Create may have made the delegation before it was cut off. Where others claim it, it shared
    // it; what it took over may have been there as desired.
    let duplicate = cx.request.kind == RequestKind::Create && applied.plan.changes.is_empty();
    let alone = claims.iter().count() == 1 && !resolved.desired.allow_overwrite;
    let made = |own: &Claim| own.at == cx.at && own.by == By::Created;
    applied.plan.redelegates(&applied.observed, &resolved.point.name)
        || (duplicate && alone && claims.own(&cx.claimant).is_some_and(made))
}

fn outcome(resolved: &ResolvedRequest, applied: &Applied) -> Outcome {
    let text = |value: Option<String>| value.unwrap_or_default();
    let left = |rtype| applied.plan.leaves(&applied.observed, &resolved.point.name, rtype);
    let name_servers = resolved.child.name_servers.clone();
    let name_servers = name_servers.or_else(|| left("NS").and_then(|set| NameServers::found(&set.values)));
    let ds = left("DS").map(|set| {
        let records = DsRecords::found(&set.values).map(|records| records.to_string());
        records.unwrap_or_else(|| set.values.join(","))
    });
    Outcome {
        physical_id: resolved.physical_id.clone(),
        data: BTreeMap::from([
            ("DomainName", resolved.point.name.to_string()),
            ("NameServers", text(name_servers.map(|servers| servers.to_string()))),
            ("ParentZoneId", resolved.point.zone.to_string()),
            ("ChildZoneId", text(resolved.desired.child_zone.as_ref().map(ToString::to_string))),
            ("Action", text(applied.plan.action.map(|action| action.to_string()))),
            ("ChangeStatus", text_of(applied.status)),
            ("DsRecords", text(ds)),
        ]),
        warnings: resolved.child.warning.iter().chain(&applied.plan.warnings).cloned().collect(),
        action: applied.plan.action,
    }
}

fn text_of(status: ChangeStatus) -> String {
    match status {
        ChangeStatus::Insync => "INSYNC".to_owned(),
        ChangeStatus::Pending => "PENDING".to_owned(),
    }
}

/// The DNS check after the change, and what it means for the request.
async fn verify(
    cx: &RequestContext<'_>,
    resolved: &ResolvedRequest,
    changed: &Changed,
    status: ChangeStatus,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let (name, Changed { applied, redelegated }) = (&resolved.point.name, changed);
    let required = resolved.desired.verifies() == Verification::Require;
    let finding = match (&applied.observed.apex, check::wanted(name, &applied.plan, &applied.observed)) {
        (Some(parent), Some(wanted)) => check::after(cx, &wanted, parent, *redelegated, status).await,
        _ => None,
    };
    let Some(finding) = finding else {
        let message = check::no_time(name);
        if required && *redelegated {
            return Err(Failure::new(Code::NotVerified, message));
        }
        // What was found before the change says more.
        outcome.data.entry("Verification").and_modify(|found| {
            if found.is_empty() {
                *found = message;
            }
        });
        return Ok(());
    };
    if check::fails(&finding) && required {
        if *redelegated {
            let message = format!("the delegation of {name} was changed, and the DNS check failed: {finding}");
            return Err(Failure::new(Code::VerificationFailedAfterChange, message));
        }
        let warning = format!("The DNS check failed for a delegation that this request did not change: {finding}.");
        outcome.warnings.push(Warning::new(WarningCode::VerificationFailedUnchanged, warning));
    }
    outcome.data.insert("Verification", finding.to_string());
    Ok(())
}
