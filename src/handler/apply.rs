//! Observe, plan, apply: a compare-and-swap on the parent zone, a few times if the zone changes meanwhile.

use super::{Work, aws_failure};
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::aws::route53::{ChangeStatus, PAGE, Session};
use crate::cfn::physical_id::Place;
use crate::dns::name_servers::NameServers;
use crate::error::{Failure, Kind};
use crate::ownership;
use crate::plan::{Action, Decision, Observation, Plan};

/// How often a batch is planned anew because the zone changed.
const ROUNDS: usize = 6;

/// What was done at a place.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) action: Option<Action>,
    pub(super) status: ChangeStatus,
    pub(super) warnings: Vec<String>,
    /// The name servers at the cut before anything was changed.
    pub(super) found: Option<NameServers>,
}

/// Reads what stands at a place.
pub(super) async fn observe(work: &Work<'_>, session: &Session, place: &Place) -> Result<Observation, Failure> {
    work.progress.at(format!("reading {} in the parent zone {}", place.name, place.zone));
    let record = ownership::record_name(&place.name);
    let (sets, ownership) = tokio::join!(session.record_sets(&place.zone, Some((&place.name, None)), PAGE), async {
        match &record {
            None => Ok(None),
            Some(record) => session.record_set(&place.zone, record, "TXT").await,
        }
    });
    let context = format!("reading {} in the parent zone {}", place.name, place.zone);
    let failure = |error: AwsError| aws_failure(&context, &error);
    let (ownership, sets) = (ownership.map_err(failure)?, sets.map_err(failure)?);
    let sets = sets.into_iter().filter(|set| set.name.is_at_or_below(&place.name));
    let (at_cut, below) = sets.partition(|set| set.name == place.name);
    Ok(Observation { at_cut, below, ownership })
}

/// Brings a place to what `decide` plans for it.
pub(super) async fn apply(
    work: &Work<'_>,
    session: &Session,
    place: &Place,
    mut decide: impl AsyncFnMut(&Observation) -> Result<Decision, Failure>,
) -> Result<Applied, Failure> {
    let mut last: Option<(Observation, Plan, AwsError)> = None;
    for _ in 0..ROUNDS {
        let seen = observe(work, session, place).await?;
        let found = seen.at_cut("NS").and_then(|set| NameServers::found(&set.values));
        let applied =
            |plan: Plan, status| Applied { action: plan.action, status, warnings: plan.warnings, found: found.clone() };
        let plan = match decide(&seen).await? {
            Decision::Refuse(refusal) => {
                forget_unsent(work, place, &seen);
                return Err(Failure::new(Kind::Refused, refusal.to_string()));
            }
            Decision::Overtaken => {
                let message = format!(
                    "a later request of this resource has already written {}; this one changed nothing",
                    place.name
                );
                return Err(Failure::new(Kind::Stale, message));
            }
            Decision::Proceed(plan) => plan,
        };
        if plan.changes.is_empty() {
            // Our own batch of an earlier round went through and only its answer was lost: report what it did.
            let sent = last.filter(|_| carried_out(work, &seen)).map(|(_, plan, _)| plan);
            let status = if sent.is_some() { ChangeStatus::Pending } else { ChangeStatus::Insync };
            return Ok(applied(sent.unwrap_or(plan), status));
        }
        if let Some((before, _, error)) = &last
            && error.kind == AwsErrorKind::Rejected
            && *before == seen
        {
            // Nothing changed since, so the rejection is no race: its words are the answer.
            forget_unsent(work, place, &seen);
            let failure = aws_failure(&format!("changing {} in the parent zone {}", place.name, place.zone), error);
            return if plan.only_refreshes {
                Ok(applied(refresh_failed(plan, &failure), ChangeStatus::Insync))
            } else {
                Err(failure)
            };
        }
        work.check_fresh()?;
        work.progress.at(format!("changing {} in the parent zone {}", place.name, place.zone));
        let sent_before = work.progress.sent().is_some();
        work.progress.mark_sent(place);
        match session.change(&place.zone, &work.comment(), &plan.changes).await {
            Ok(status) => {
                let status = if plan.only_refreshes { ChangeStatus::Insync } else { status };
                return Ok(applied(plan, status));
            }
            Err(error) if matches!(error.kind, AwsErrorKind::Rejected | AwsErrorKind::NoAnswer) => {
                last = Some((seen, plan, error));
            }
            Err(error) => {
                if !sent_before {
                    work.progress.unmark_sent();
                }
                let failure =
                    aws_failure(&format!("changing {} in the parent zone {}", place.name, place.zone), &error);
                if plan.only_refreshes && error.is_denied() {
                    return Ok(applied(refresh_failed(plan, &failure), ChangeStatus::Insync));
                }
                return Err(failure);
            }
        }
    }
    let words = last.map(|(_, _, error)| error.to_string()).unwrap_or_default();
    Err(Failure::new(Kind::Aws, format!("changing {} in the parent zone {}: {words}", place.name, place.zone)))
}

/// True if our claim with this request's time stands there.
fn carried_out(work: &Work<'_>, seen: &Observation) -> bool {
    seen.claims().own(&work.claimant).is_none_or(|own| own.at == work.at)
}

/// After a rejection or a lost answer: if no claim of this request stands there, no change of it was carried out.
fn forget_unsent(work: &Work<'_>, place: &Place, seen: &Observation) {
    if work.progress.sent().as_ref() == Some(place)
        && seen.claims().own(&work.claimant).is_none_or(|own| own.at != work.at)
    {
        work.progress.unmark_sent();
    }
}

fn refresh_failed(mut plan: Plan, failure: &Failure) -> Plan {
    plan.warnings.push(format!("The ownership record was not refreshed: {failure}"));
    plan
}
