//! Observe, plan, apply: a compare-and-swap on the parent zone, a few times if the zone changes meanwhile.

use tracing::field::display;
use tracing::{Span, debug, info};

use super::{RequestContext, aws_failure, observe};
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::aws::route53::{ChangeStatus, Session, Submitted};
use crate::cfn::envelope::Kind as RequestKind;
use crate::error::{Code, Failure, WarningCode};
use crate::metrics::Step;
use delegation_model::ownership;
use delegation_model::plan::{Action, Decision, Observation, Plan, Warning};
use delegation_model::point::DelegationPoint;
use delegation_model::record_set::{Change, RecordSet};

/// How often a batch is planned anew because the zone changed.
const ROUNDS: usize = 6;

/// What was done at a place.
#[derive(Debug)]
pub(super) struct Applied {
    /// What was carried out.
    pub(super) plan: Plan,
    /// What it was planned on.
    pub(super) observed: Observation,
    pub(super) status: ChangeStatus,
    /// The id of the change; `None` if there was none, or if it was lost with the answer.
    pub(super) change: Option<String>,
}

/// Brings a place to what is planned for it. `look` observes and decides; it is told whether it looks again.
pub(super) async fn apply(
    cx: &RequestContext<'_>,
    session: &Session,
    point: &DelegationPoint,
    mut look: impl AsyncFnMut(bool) -> Result<(Observation, Decision), Failure>,
) -> Result<Applied, Failure> {
    Span::current().record("name", display(&point.name)).record("parent_zone_id", display(&point.zone));
    let mut last: Option<(Observation, Plan, AwsError)> = None;
    for round in 0..ROUNDS {
        let (observed, decision) = look(round > 0).await?;
        cx.progress.mark_observed();
        if last.as_ref().is_some_and(|(_, _, error)| error.kind == AwsErrorKind::Rejected) {
            unmark_unsent(cx, point, &observed);
        }
        if cx.request.kind == RequestKind::Create && own_at(cx, &observed) == Some(cx.at) {
            // An earlier delivery of this Create wrote it: whatever happens now, its Delete must find it.
            cx.progress.mark_sent(point);
        }
        debug!(at_cut = ?observed.at_cut, ownership = ?observed.ownership, above = ?observed.above, "the parent zone was read");
        let plan = match decision {
            Decision::Refuse(refusal) => {
                unmark_unsent(cx, point, &observed);
                return Err(refusal.into());
            }
            Decision::Overtaken => {
                let message = format!(
                    "a later request of this resource has already written {}; this one changed nothing",
                    point.name
                );
                return Err(Failure::new(Code::Overtaken, message));
            }
            Decision::Proceed(plan) => plan,
        };
        if plan.changes.is_empty() {
            // Our own batch of an earlier round went through and only its answer was lost: report what it did.
            let sent =
                last.filter(|(_, plan, _)| carried_out(cx, &observed, plan)).map(|(before, plan, _)| (before, plan));
            // An earlier delivery of this request may have changed it a moment ago.
            let pending =
                sent.is_some() || cx.progress.sent().as_ref() == Some(point) || own_at(cx, &observed) == Some(cx.at);
            let status = if pending { ChangeStatus::Pending } else { ChangeStatus::Insync };
            let (observed, plan) = sent.unwrap_or((observed, plan));
            return Ok(Applied { plan, observed, status, change: None });
        }
        if let Some((before, _, error)) = &last
            && error.kind == AwsErrorKind::Rejected
            && *before == observed
        {
            // Nothing changed since, so the rejection is no race: its words are the answer.
            unmark_unsent(cx, point, &observed);
            let failure = change_failure(point, error);
            return unrefreshed(plan, observed, failure);
        }
        if !is_compared(&plan, &observed, point) && !observe::unchanged_since(cx, session, point, &observed).await? {
            continue;
        }
        cx.check_fresh()?;
        cx.progress.at(format!("changing {} in the parent zone {}", point.name, point.zone));
        let sent_before = cx.progress.sent().is_some();
        cx.progress.mark_sent(point);
        let sent = {
            let _timing = cx.progress.time(Step::Apply);
            session.change(&point.zone, &cx.comment(), &plan.changes).await
        };
        match sent {
            Ok(Submitted { id, status }) => {
                info!(change = %plan, change_id = id, action = plan.action.map(Action::as_str), "the parent zone was changed");
                let status = if plan.only_refreshes { ChangeStatus::Insync } else { status };
                return Ok(Applied { plan, observed, status, change: id });
            }
            Err(error) => {
                let unanswered = matches!(error.kind, AwsErrorKind::Rejected | AwsErrorKind::NoAnswer);
                let landed = if unanswered { Ok(true) } else { landed(cx, session, point, &plan).await };
                if matches!(landed, Ok(true)) {
                    info!(%error, round, "the change was rejected or not answered; the parent zone is read again");
                    last = Some((observed, plan, error));
                    continue;
                }
                // What can't be read may have been changed.
                if landed.is_ok() && !sent_before {
                    cx.progress.unmark_sent();
                }
                return unrefreshed(plan, observed, change_failure(point, &error));
            }
        }
    }
    let Some((observed, plan, error)) = last else {
        let message =
            format!("{} in the parent zone {} changed whenever it was read; try again", point.name, point.zone);
        return Err(Failure::new(Code::ZoneKeepsChanging, message));
    };
    unrefreshed(plan, observed, change_failure(point, &error))
}

/// True if Route 53 compares all that could have changed at the zone cut since it was read: the batch makes the delegation or takes it
/// away, or gives the same name servers another TTL where nobody has a DS record set. Not if it changes name servers, for a DS record
/// set may have been added beside them, and not if it leaves them as they are.
fn is_compared(plan: &Plan, observed: &Observation, point: &DelegationPoint) -> bool {
    let of_name_servers = |set: &RecordSet| set.name == point.name && set.rtype == "NS";
    let creates = plan.changes.iter().any(|change| matches!(change, Change::Create(set) if of_name_servers(set)));
    let deletes = plan.changes.iter().any(|change| matches!(change, Change::Delete(set) if of_name_servers(set)));
    // One in the zone, one that a claim covers, or one that the batch makes.
    let secured = plan.changes.iter().map(Change::record_set).chain(&observed.at_cut).any(|set| set.rtype == "DS")
        || observed.claims().iter().any(|claim| claim.ds.is_some());
    creates != deletes || (creates && !secured && !plan.redelegates(observed, &point.name))
}

/// A batch that was not carried out: a failure, or only a warning if it was to write nothing but our claim.
fn unrefreshed(mut plan: Plan, observed: Observation, failure: Failure) -> Result<Applied, Failure> {
    if !plan.only_refreshes {
        return Err(failure);
    }
    plan.changes.clear();
    let message = format!("The ownership record was not refreshed: {}", failure.coded());
    plan.warnings.push(Warning::new(WarningCode::OwnershipNotRefreshed, message));
    Ok(Applied { plan, observed, status: ChangeStatus::Insync, change: None })
}

/// A failed change; a denial names every grant that it takes, for Route 53 does not say which one is missing.
fn change_failure(point: &DelegationPoint, error: &AwsError) -> Failure {
    let failure = aws_failure(&format!("changing {} in the parent zone {}", point.name, point.zone), error);
    let Some(record) = ownership::record_name(&point.name).filter(|_| error.is_denied()) else {
        return failure;
    };
    let message = format!(
        "{failure}; the change needs route53:ChangeResourceRecordSets with CREATE and DELETE for the NS and DS record sets of {} \
         and for the TXT record set of {record}",
        point.name
    );
    failure.told(message)
}

/// After a change that was refused: the SDK sends again by itself, so an earlier attempt of it may have been carried out.
async fn landed(
    cx: &RequestContext<'_>,
    session: &Session,
    point: &DelegationPoint,
    plan: &Plan,
) -> Result<bool, Failure> {
    let claim = observe::claim_time(cx, session, point).await?;
    Ok(!plan.removes() && claim == Some(cx.at))
}

/// True if what the plan makes of our claim is what stands there.
fn carried_out(cx: &RequestContext<'_>, observed: &Observation, plan: &Plan) -> bool {
    match observed.claims().own(&cx.claimant) {
        Some(own) => own.at == cx.at && !plan.removes(),
        None => plan.removes(),
    }
}

/// When our claim was written.
fn own_at(cx: &RequestContext<'_>, observed: &Observation) -> Option<i64> {
    observed.claims().own(&cx.claimant).map(|own| own.at)
}

/// After a rejection or a lost answer: if no claim of this request stands there, no change of it was carried out.
fn unmark_unsent(cx: &RequestContext<'_>, point: &DelegationPoint, observed: &Observation) {
    if cx.progress.sent().as_ref() == Some(point) && own_at(cx, observed) != Some(cx.at) {
        cx.progress.unmark_sent();
    }
}
