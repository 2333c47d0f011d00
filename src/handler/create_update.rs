//! Runs a Create or an Update.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::info;

use super::apply::{self, Applied, Site};
use super::check::{EarlierCheck, Question, RequiredServers};
use super::observe::{self, Pass};
use super::outcome::Outcome;
use super::reconcile::Denial;
use super::resolve::{ResolvedRequest, failed_check, resolve};
use super::{RequestContext, check, occlusion, parent_zone, replacement, signing, sync};
use crate::aws::route53::ChangeStatus;
use crate::cfn::properties::Verification;
use crate::error::{Code, Failure, Warning, WarningCode};
use crate::metrics::Step;
use delegation_model::ds::DsRecords;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::ClaimBasis;
use delegation_model::reconcile::{Action, Decision, Goal, Observation, plan_create_update};
use delegation_model::record_set::RecordType;
use dns_check::{ParentZone, Report};

/// An observation, the decision based on it, and a warning about the signing state of the parent
/// zone.
pub(super) struct Planned {
    pub(super) observed: Observation,
    pub(super) decision: Decision,
    pub(super) warning: Option<Warning>,
}

/// What a Create or Update did to the parent zone.
struct Changed {
    applied: Applied,
    /// True if name servers or DS records were changed, as far as is known.
    redelegated: bool,
    /// True if the request fails when the DNS check after the change fails.
    required: bool,
}

pub(super) async fn run(
    cx: &RequestContext<'_>,
    denial: Denial,
    earlier: &mut EarlierCheck,
) -> Result<Outcome, Failure> {
    let mut resolved = resolve(cx, denial).await?;
    cx.progress.mark_arrival(resolved.behavior.is_arrival());
    let (applied, warning) = change(cx, &mut resolved, earlier).await;
    let applied = applied?;
    let action = applied.plan.action.map(Action::as_str);
    info!(action, status = ?applied.status, "the delegation is as desired");

    let mode = resolved.desired.verification_mode();
    let mut outcome = outcome(&resolved, &applied);
    outcome.warnings.extend(warning);
    if mode == Verification::Require {
        outcome.warnings.extend(earlier.finding().and_then(check::warning));
    }
    outcome
        .data
        .insert("Verification", earlier.finding().map(ToString::to_string).unwrap_or_default());
    let redelegated = redelegated(cx, &resolved, &applied);
    // A rollback must not fail, and restores what existed before.
    let is_rollback = is_rollback(cx, &resolved.goal(cx), &applied.observed);
    let required = mode == Verification::Require && redelegated && !is_rollback;
    let changed = Changed { applied, redelegated, required };
    let done = |outcome: &Outcome| {
        // A change that requires a DNS check is not done before that check.
        if !required {
            cx.progress.mark_done(outcome.clone());
        }
    };
    done(&outcome);
    replacement::fail_if_overtaken(cx, &resolved).await.inspect_err(|_| {
        cx.progress.unmark_done(&resolved.point);
    })?;
    if let Some(previous) = &resolved.previous {
        outcome.warnings.extend(previous.warnings.iter().cloned());
        outcome.warnings.extend(replacement::clean_up(cx, &resolved, previous).await);
    }
    done(&outcome);
    let mut status = changed.applied.status;
    let late = cx.late.filter(|_| mode != Verification::Require && status == ChangeStatus::Pending);
    if let Some(seconds) = late.filter(|_| resolved.desired.waits_for_sync()) {
        outcome.warnings.push(sync::did_not_wait(seconds));
    }
    let waits = resolved.desired.waits_for_sync() && late.is_none();
    if waits && status == ChangeStatus::Pending {
        let role = resolved.desired.parent_role.as_ref();
        let waited = sync::wait(cx, role, changed.applied.change.as_deref()).await;
        status = waited.status;
        outcome.data.insert("ChangeStatus", text_of(waited.status));
        outcome.warnings.extend(waited.warning);
        done(&outcome);
    }
    if mode != Verification::None && waits {
        verify(cx, &resolved, &changed, status, &mut outcome).await?;
    }
    Ok(outcome)
}

/// Observes, plans and applies, with the DNS check between plan and apply. Also returns a
/// warning about the parent zone's signing state.
async fn change(
    cx: &RequestContext<'_>,
    resolved: &mut ResolvedRequest,
    earlier: &mut EarlierCheck,
) -> (Result<Applied, Failure>, Option<Warning>) {
    let (goal, mode) = (resolved.goal(cx), resolved.desired.verification_mode());
    let (session, point) = (Arc::clone(&resolved.session), resolved.point.clone());
    let site = Site { session: &session, point: &point, is_main: true };
    let mut warning = None;
    let applied = apply::apply(cx, site, async |round| {
        let mut planned = observe_and_plan(cx, resolved, &goal, round.pass).await?;
        warning = warning.take().or(planned.warning.take());
        // The check takes time, so the zone is observed again afterwards, until the plan is one
        // that was checked.
        while let Decision::Proceed(plan) = &planned.decision {
            let question = Question::new(&goal.name, plan, &planned.observed)
                .filter(|_| mode != Verification::None);
            let Some(question) = question else { break };
            if let Some(result) = earlier.answer(&question) {
                planned.decision = checked(&goal, result, planned.decision, &planned.observed);
                break;
            }
            if earlier.is_spent() {
                let result = check::without(mode, &question, &check::keeps_changing(&goal.name));
                earlier.keep(question, result);
                continue;
            }
            // The zone of the other name servers may be deleted in the same rollback.
            let required = if is_rollback(cx, &goal, &planned.observed) {
                RequiredServers::One
            } else {
                RequiredServers::All
            };
            let patience = cx.config.check_patience;
            let result = check::before(cx, mode, &question, patience, required).await;
            earlier.keep(question, result);
            planned = observe_and_plan(cx, resolved, &goal, round.pass).await?;
        }
        Ok((planned.observed, planned.decision))
    })
    .await;
    (applied, warning)
}

/// The decision after the name servers were queried: a failed check counts as a refusal
/// (UPDATE-4).
pub(super) fn checked(
    goal: &Goal,
    result: &Result<Option<Report>, Failure>,
    decision: Decision,
    observed: &Observation,
) -> Decision {
    match result {
        Ok(_) => decision,
        Err(failure) => {
            let failed_check = Some(failed_check(failure));
            plan_create_update(&Goal { failed_check, ..goal.clone() }, observed)
        }
    }
}

/// Observes the delegation point and decides what to change.
pub(super) async fn observe_and_plan(
    cx: &RequestContext<'_>,
    resolved: &mut ResolvedRequest,
    goal: &Goal,
    pass: Pass,
) -> Result<Planned, Failure> {
    // What was read while resolving the request is used once.
    let earlier = resolved.observed.take();
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
        async {
            match earlier {
                Some(earlier) => Ok(earlier),
                None => {
                    observe::surroundings(cx, session, point, goal.name_servers.as_ref(), pass)
                        .await
                }
            }
        },
        async {
            if resolved.desired.dnssec && pass == Pass::First {
                signing::of_parent(cx, session, point).await
            } else {
                None
            }
        },
    );
    checked?;
    resolved.unchecked = false;
    let mut observed = observed?;
    if !goal.allow_occlusion {
        occlusion::fill_in(cx, &mut resolved.child, &mut observed).await?;
    }
    drop(timing);
    let _timing = cx.progress.time(Step::Plan);
    let decision = plan_create_update(goal, &observed);
    Ok(Planned { observed, decision, warning })
}

/// True if the request is the rollback of an Update (UPDATE-5).
fn is_rollback(cx: &RequestContext<'_>, goal: &Goal, observed: &Observation) -> bool {
    observed.record().own(&goal.claimant, cx.now()).is_some_and(|own| goal.is_rollback(own))
}

/// True if the request changed name servers or DS records, as far as is known.
fn redelegated(cx: &RequestContext<'_>, resolved: &ResolvedRequest, applied: &Applied) -> bool {
    // An earlier delivery of this arrival created the delegation, and may have been cut off before
    // it was verified.
    let created_earlier = || {
        let own = observe::own_in(cx, &resolved.point, &applied.observed);
        own.is_some_and(|own| own.basis == ClaimBasis::Made)
    };
    applied.plan.redelegates(&applied.observed, &resolved.point.name)
        || (cx.progress.finds_own_request() && created_earlier())
}

fn outcome(resolved: &ResolvedRequest, applied: &Applied) -> Outcome {
    let text = |value: Option<String>| value.unwrap_or_default();
    let left =
        |record_type| applied.plan.leaves(&applied.observed, &resolved.point.name, record_type);
    let name_servers = resolved.child.name_servers.clone();
    let name_servers = name_servers
        .or_else(|| left(&RecordType::Ns).and_then(|set| NameServers::from_values(&set.values)));
    let ds = left(&RecordType::Ds).map(|set| {
        let records = DsRecords::from_values(&set.values).map(|records| records.to_string());
        records.unwrap_or_else(|| set.values.join(","))
    });
    let planned = applied.plan.warnings.iter().cloned().map(Warning::from);
    let warnings =
        resolved.child.warning.iter().chain(&applied.warning).cloned().chain(planned).collect();
    Outcome {
        physical_id: resolved.physical_id(),
        data: BTreeMap::from([
            ("DomainName", resolved.point.name.to_string()),
            ("NameServers", text(name_servers.map(|servers| servers.to_string()))),
            ("ParentZoneId", resolved.point.zone.to_string()),
            ("ChildZoneId", text(resolved.desired.child_zone.as_ref().map(ToString::to_string))),
            ("Action", text(applied.plan.action.map(|action| action.to_string()))),
            ("ChangeStatus", text_of(applied.status)),
            ("DsRecords", text(ds)),
        ]),
        warnings,
        action: applied.plan.action,
    }
}

fn text_of(status: ChangeStatus) -> String {
    match status {
        ChangeStatus::Insync => "INSYNC".to_owned(),
        ChangeStatus::Pending => "PENDING".to_owned(),
    }
}

/// Verifies the delegation after the change, and applies the result to the request.
async fn verify(
    cx: &RequestContext<'_>,
    resolved: &ResolvedRequest,
    changed: &Changed,
    status: ChangeStatus,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let (name, Changed { applied, redelegated, required }) = (&resolved.point.name, changed);
    let Observation { apex, apex_name_servers, .. } = &applied.observed;
    let parent =
        apex.clone().map(|name| ParentZone { name, name_servers: apex_name_servers.clone() });
    let finding = match (&parent, check::expected(name, &applied.plan, &applied.observed)) {
        (Some(parent), Some(expected)) => {
            check::after(cx, &expected, parent, *redelegated, status).await
        }
        _ => None,
    };
    let Some(finding) = finding else {
        let message = check::no_time(name);
        if *required {
            return Err(Failure::new(Code::NotVerified, message));
        }
        // The finding from before the change is more informative.
        outcome.data.entry("Verification").and_modify(|found| {
            if found.is_empty() {
                *found = message;
            }
        });
        return Ok(());
    };
    if check::fails(&finding) && resolved.desired.verification_mode() == Verification::Require {
        if *required {
            let message = format!(
                "The delegation of {name} was changed, and the DNS check failed: {finding}. \
                 Correct the cause, and deploy again."
            );
            return Err(Failure::new(Code::VerificationFailedAfterChange, message));
        }
        let what = if *redelegated { "restored" } else { "did not change" };
        let warning =
            format!("The DNS check failed for a delegation that this request {what}: {finding}.");
        outcome.warnings.push(Warning::new(WarningCode::VerificationFailedUnchanged, warning));
    }
    outcome.data.insert("Verification", finding.to_string());
    Ok(())
}
