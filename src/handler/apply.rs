//! Observe, plan, apply: a compare-and-swap on the parent zone, repeated a few times if the zone
//! changes in between.

use std::time::Duration;

use tokio::time::Instant;
use tracing::field::display;
use tracing::{Span, debug, info};

use super::observe::{self, Pass};
use super::text::{changes_for_people, texts};
use super::{RequestContext, parent_failure};
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::aws::route53::{ChangeStatus, Session, Submitted};
use crate::backoff::Backoff;
use crate::error::{Code, Failure, Warning, WarningCode};
use crate::metrics::Step;
use delegation_model::ownership_record::{Stamp, record_name};
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::{Action, Decision, Observation, ReconciliationPlan};
use delegation_model::record_set::{Change, RecordSet, RecordType};

/// How often a batch is planned again because the zone changed.
const ROUNDS: usize = 10;
/// The average pause before the third round.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest average pause between two rounds.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The delegation point that a batch changes.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) session: &'a Session,
    pub(super) point: &'a DelegationPoint,
    /// True for the request's own delegation point, whose state the response reports.
    pub(super) is_main: bool,
}

/// What the observation of a delegation point needs to know about earlier rounds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Round {
    /// Whether the point was observed before.
    pub(super) pass: Pass,
    /// True once Route 53 has rejected restoring the displaced name servers (LEAVE-6).
    pub(super) restore_rejected: bool,
}

/// The result of reconciling one delegation point.
#[derive(Debug)]
pub(super) struct Applied {
    /// The plan that was carried out.
    pub(super) plan: ReconciliationPlan,
    /// The observation that the plan is based on.
    pub(super) observed: Observation,
    pub(super) status: ChangeStatus,
    /// The id of the change. `None` if nothing was changed, or if the response with the id was
    /// lost.
    pub(super) change: Option<String>,
    /// Why the ownership record was not refreshed.
    pub(super) warning: Option<Warning>,
}

/// A batch that was sent and not carried out, as far as is known.
struct Attempt {
    observed: Observation,
    plan: ReconciliationPlan,
    error: AwsError,
}

impl Attempt {
    /// True if Route 53 rejected the batch although nothing has changed since it was planned, so
    /// the cause is not a race.
    fn is_rejected_for_good(&self, observed: &Observation) -> bool {
        self.error.kind == AwsErrorKind::Rejected && self.observed == *observed
    }
}

/// Plans and applies the changes of one delegation point. `observe_and_decide` observes the point
/// and decides what to change.
pub(super) async fn apply(
    cx: &RequestContext<'_>,
    site: Site<'_>,
    mut observe_and_decide: impl AsyncFnMut(Round) -> Result<(Observation, Decision), Failure>,
) -> Result<Applied, Failure> {
    let Site { session, point, .. } = site;
    if site.is_main {
        Span::current()
            .record("name", display(&point.name))
            .record("parent_zone_id", display(&point.zone));
    }
    let mut last: Option<Attempt> = None;
    let mut round = Round::default();
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    for count in 0..ROUNDS {
        if count > 0 {
            round.pass = Pass::Repeated;
        }
        // One conflict is usual, and the second round succeeds.
        if count > 1 {
            pause(cx, point, &mut backoff).await;
        }
        let (observed, decision) = observe_and_decide(round).await?;
        debug!(
            at_cut = ?texts(&observed.at_cut),
            ownership = ?texts(&observed.ownership),
            above = ?texts(&observed.above),
            "the parent zone was read"
        );
        mark(cx, site, &observed, &decision, last.as_ref());
        let plan = match decision {
            Decision::Refuse(refusal) => return Err(refusal.into()),
            Decision::Overtaken(overtaken) => return Err(overtaken.into()),
            Decision::Proceed(plan) => plan,
        };
        if plan.changes.is_empty() {
            return Ok(nothing_to_do(cx, point, observed, plan, last));
        }
        if let Some(attempt) =
            last.as_ref().filter(|attempt| attempt.is_rejected_for_good(&observed))
        {
            if plan.restores() && !round.restore_rejected {
                // Route 53 rejects its own name servers if they do not host the name.
                round.restore_rejected = true;
                continue;
            }
            if plan == attempt.plan {
                // The rejection is the result.
                let failure = change_failure(point, &attempt.error);
                return unrefreshed(plan, observed, failure);
            }
        }
        if !is_compared(&plan, &observed, point)
            && !observe::unchanged_since(cx, session, point, &observed).await?
        {
            continue;
        }
        cx.check_fresh()?;
        let sent_before = cx.progress.sent().is_some();
        let error = match send(cx, site, &observed, &plan).await {
            // This batch only marks that an earlier delivery has done the work.
            Ok(_) if plan.finds_own_request => {
                return Ok(nothing_to_do(cx, point, observed, plan, last));
            }
            Ok(Submitted { id, status }) => {
                if site.is_main {
                    cx.progress.mark_changed();
                }
                info!(
                    change = changes_for_people(&plan),
                    change_id = id,
                    action = plan.action.map(Action::as_str),
                    "the parent zone was changed"
                );
                let status = if plan.only_refreshes { ChangeStatus::Insync } else { status };
                return Ok(Applied { plan, observed, status, change: id, warning: None });
            }
            Err(error) => error,
        };
        let reads_again = matches!(error.kind, AwsErrorKind::Rejected | AwsErrorKind::NoResponse);
        let landed = if reads_again { Ok(true) } else { landed(cx, site, &plan).await };
        if matches!(landed, Ok(true)) {
            info!(
                %error,
                round = count,
                "the change was rejected, or its response was lost; the parent zone is read again"
            );
            last = Some(Attempt { observed, plan, error });
            continue;
        }
        // If the claim can't be read, the zone may have been changed.
        if site.is_main && landed.is_ok() && !sent_before {
            cx.progress.unmark_sent();
        }
        return unrefreshed(plan, observed, change_failure(point, &error));
    }
    let Some(Attempt { observed, plan, error }) = last else {
        return Err(keeps_changing(point));
    };
    unrefreshed(plan, observed, change_failure(point, &error))
}

/// Sends the batch of a plan.
async fn send(
    cx: &RequestContext<'_>,
    site: Site<'_>,
    observed: &Observation,
    plan: &ReconciliationPlan,
) -> Result<Submitted, AwsError> {
    let Site { session, point, is_main } = site;
    cx.progress.at(format!("changing {} in the parent zone {}", point.name, point.zone));
    if is_main {
        cx.progress.mark_sent(point);
        cx.progress.keep_before(delegation_after(observed, &ReconciliationPlan::default(), point));
    }
    let _timing = cx.progress.time(Step::Apply);
    session.change(&point.zone, &cx.comment(), &plan.changes).await
}

/// The NS and DS record sets at a point after a plan was applied.
pub(super) fn delegation_after(
    observed: &Observation,
    plan: &ReconciliationPlan,
    point: &DelegationPoint,
) -> Vec<RecordSet> {
    let left = |record_type| plan.leaves(observed, &point.name, record_type).cloned();
    [RecordType::Ns, RecordType::Ds].iter().filter_map(left).collect()
}

/// The failure of a request whose batch was never sent, because the zone changed in every round.
fn keeps_changing(point: &DelegationPoint) -> Failure {
    let message = format!(
        "The change of {} in the parent zone {} was planned {ROUNDS} times, and the zone changed \
         each time before it was sent. Deploy again.",
        point.name, point.zone
    );
    Failure::new(Code::ZoneKeepsChanging, message)
}

/// Pauses before the next round, for at most a quarter of the time that is left. Somebody who edits
/// the zone all the time would otherwise use up all rounds within seconds.
async fn pause(cx: &RequestContext<'_>, point: &DelegationPoint, backoff: &mut Backoff) {
    cx.progress.at(format!(
        "waiting because {} in the parent zone {} keeps changing",
        point.name, point.zone
    ));
    let left = cx.deadline.work().saturating_duration_since(Instant::now());
    tokio::time::sleep(backoff.pause().min(left / 4)).await;
}

/// Records how far the request has got, for the response if the request is cut off.
fn mark(
    cx: &RequestContext<'_>,
    site: Site<'_>,
    observed: &Observation,
    decision: &Decision,
    last: Option<&Attempt>,
) {
    if !site.is_main {
        return;
    }
    cx.progress.mark_observed();
    let claim_is_current = own_stamp(cx, site.point, observed) == Some(cx.stamp);
    // After a rejection or a lost response: without a claim of this request in the record, its
    // change was not carried out.
    if last.is_some() && !claim_is_current && cx.progress.sent().as_ref() == Some(site.point) {
        cx.progress.unmark_sent();
    }
    if matches!(decision, Decision::Proceed(plan) if plan.finds_own_request) {
        // An earlier delivery wrote the claim. Whatever happens now, the Delete of a Create must
        // find it.
        cx.progress.mark_found_own_request();
        cx.progress.mark_sent(site.point);
    }
}

/// The result if there is nothing to change. If a batch of an earlier round was carried out and
/// only its response was lost, the result is that batch.
fn nothing_to_do(
    cx: &RequestContext<'_>,
    point: &DelegationPoint,
    observed: Observation,
    plan: ReconciliationPlan,
    last: Option<Attempt>,
) -> Applied {
    let own = own_stamp(cx, point, &observed);
    let carried_out = |attempt: &Attempt| match own {
        Some(own) => own == cx.stamp && !attempt.plan.removes(),
        None => attempt.plan.removes(),
    };
    let sent = last.filter(carried_out);
    // An earlier delivery of this request may have changed it a moment ago.
    let is_pending =
        sent.is_some() || plan.finds_own_request || cx.progress.sent().as_ref() == Some(point);
    let (observed, plan) =
        sent.map_or((observed, plan), |attempt| (attempt.observed, attempt.plan));
    let status = if is_pending { ChangeStatus::Pending } else { ChangeStatus::Insync };
    Applied { plan, observed, status, change: None, warning: None }
}

/// True if Route 53 compares everything that could have changed at the zone cut since it was read.
/// That holds if the batch creates or removes the delegation, or if it changes the TTL of the same
/// name servers and nobody has a DS record set. It does not hold if the batch changes name servers,
/// because a DS record set may have been added next to them, nor if it leaves them unchanged.
fn is_compared(plan: &ReconciliationPlan, observed: &Observation, point: &DelegationPoint) -> bool {
    let is_ns = |set: &RecordSet| set.name == point.name && set.record_type == RecordType::Ns;
    let creates =
        plan.changes.iter().any(|change| matches!(change, Change::Create(set) if is_ns(set)));
    let deletes =
        plan.changes.iter().any(|change| matches!(change, Change::Delete(set) if is_ns(set)));
    // A DS record set in the zone, in a claim, or in the batch.
    let secured = plan
        .changes
        .iter()
        .map(Change::record_set)
        .chain(&observed.at_cut)
        .any(|set| set.record_type == RecordType::Ds)
        || observed.record().claims().any(|claim| claim.ds.is_some());
    creates != deletes || (creates && !secured && !plan.redelegates(observed, &point.name))
}

/// The result of a batch that was not carried out: a failure, or only a warning if the batch was to
/// write nothing but the resource's own claim.
fn unrefreshed(
    mut plan: ReconciliationPlan,
    observed: Observation,
    failure: Failure,
) -> Result<Applied, Failure> {
    if !plan.only_refreshes {
        return Err(failure);
    }
    plan.changes.clear();
    let message = format!("The ownership record was not refreshed: {}", failure.coded());
    let warning = Some(Warning::new(WarningCode::OwnershipNotRefreshed, message));
    Ok(Applied { plan, observed, status: ChangeStatus::Insync, change: None, warning })
}

/// The failure of a change. If access was denied it names the record sets, because Route 53 does
/// not say which of them the policy does not allow.
fn change_failure(point: &DelegationPoint, error: &AwsError) -> Failure {
    let failure = parent_failure(
        &format!("changing {} in the parent zone {}", point.name, point.zone),
        error,
    );
    let Some(record) = record_name(&point.name).filter(|_| error.is_denied()) else {
        return failure;
    };
    failure.followed_by(&format!(
        "The change was of NS and DS at {} and of TXT at {record}.",
        point.name
    ))
}

/// Reads whether a change that failed was carried out nevertheless: the SDK retries by itself, and
/// an earlier attempt may have succeeded.
async fn landed(
    cx: &RequestContext<'_>,
    site: Site<'_>,
    plan: &ReconciliationPlan,
) -> Result<bool, Failure> {
    let claim = observe::own_claim(cx, site.session, site.point).await?;
    Ok(!plan.removes() && claim.is_some_and(|claim| claim.stamp == cx.stamp))
}

/// The stamp of the request that wrote the resource's own claim.
fn own_stamp(
    cx: &RequestContext<'_>,
    point: &DelegationPoint,
    observed: &Observation,
) -> Option<Stamp> {
    observe::own_in(cx, point, observed).map(|own| own.stamp)
}
