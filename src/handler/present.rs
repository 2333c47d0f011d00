//! Create and Update.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::info;

use super::aim::Aim;
use super::apply::{self, Applied};
use super::check::Question;
use super::replacement::{clean_up, take_back_if_overtaken};
use super::{Outcome, Work, check, observe, occlusion, parent_zone, signing, sync};
use crate::aws::route53::ChangeStatus;
use crate::cfn::envelope::Kind as RequestKind;
use crate::cfn::properties::Verification;
use crate::error::{Failure, Kind};
use crate::metrics::Step;
use delegation_model::ds::DsRecords;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership::{By, Claim};
use delegation_model::plan::{self, Action, Arrival, Decision, Goal, Observation};

/// How often a plan that became another one during its DNS check is checked again.
const LOOKS: usize = 3;

pub(super) async fn run(work: &Work<'_>) -> Result<Outcome, Failure> {
    let mut aim = Aim::take(work).await?;
    let replaces = aim.before.as_ref().zip(aim.pinned.as_ref()).filter(|_| aim.arrival == Arrival::Replacement);
    if let Some((before, pinned)) = replaces {
        // An earlier delivery of this request may have written the new place before it was cut off.
        take_back_if_overtaken(work, &aim.session, before, pinned, &aim.place).await?;
    }
    let (applied, warning) = change(work, &mut aim).await;
    let replaces = aim.before.as_ref().zip(aim.pinned.as_ref()).filter(|_| aim.arrival == Arrival::Replacement);
    if let Some((before, pinned)) = replaces.filter(|_| applied.is_ok() || work.progress.sent().is_some()) {
        take_back_if_overtaken(work, &aim.session, before, pinned, &aim.place).await?;
    }
    let applied = applied?;
    work.progress.mark_action(applied.plan.action);
    let action = applied.plan.action.map(Action::as_str);
    info!(action, status = ?applied.status, "the delegation stands");

    let verification = aim.wanted.verifies();
    let changed = changed(work, &aim, &applied);
    let required = verification == Verification::Require && changed;
    let mut outcome = outcome(&aim, &applied);
    outcome.warnings.extend(warning);
    outcome.data.insert("Verification", work.found().map(|finding| finding.to_string()).unwrap_or_default());
    let done = |outcome: &Outcome| {
        // What must be checked is not done before it was.
        if !required {
            work.progress.mark_done(outcome.clone());
        }
    };
    done(&outcome);
    if let Some(before) = &aim.before {
        outcome.warnings.extend(before.warnings.iter().cloned());
        outcome.warnings.extend(clean_up(work, before, aim.pinned.as_ref(), &aim.place).await);
    }
    let mut status = applied.status;
    if aim.wanted.waits() {
        done(&outcome);
        if applied.status == ChangeStatus::Pending {
            let role = aim.wanted.parent_role.as_ref();
            let waited = sync::wait(work, role, applied.change.as_deref()).await;
            status = waited.status;
            outcome.data.insert("ChangeStatus", text_of(waited.status));
            outcome.warnings.extend(waited.warning);
        }
    }
    done(&outcome);
    if verification != Verification::None && (required || aim.wanted.waits()) {
        verify(work, &aim, &applied, changed, status, &mut outcome).await?;
    }
    Ok(outcome)
}

/// Observe, plan and apply, with the DNS check between plan and apply; also what the user should know of the parent zone.
async fn change(work: &Work<'_>, aim: &mut Aim) -> (Result<Applied, Failure>, Option<String>) {
    let (goal, verification) = (aim.goal(work), aim.wanted.verifies());
    let (session, place) = (Arc::clone(&aim.session), aim.place.clone());
    let mut warning = None;
    let applied = apply::apply(work, &session, &place, async |again| {
        let (mut seen, mut decision, told) = look(work, aim, &goal, again).await?;
        warning = warning.take().or(told);
        // A check takes its time: what was seen before it is seen anew, until it is what was asked about.
        for _ in 0..LOOKS {
            let Decision::Proceed(plan) = &decision else { break };
            let question = Question::of(&goal.name, plan, &seen).filter(|_| verification != Verification::None);
            let Some(question) = question.filter(|question| !work.has_asked(question)) else { break };
            let finding = check::before(work, verification, &question, work.config.check_patience).await?;
            work.mark_asked(question, finding);
            (seen, decision, _) = look(work, aim, &goal, again).await?;
        }
        Ok((seen, decision))
    })
    .await;
    (applied, warning)
}

/// What is seen at the place, what is decided on it, and what the user should know of the parent zone's own signing state;
/// `again` after a rejection.
pub(super) async fn look(
    work: &Work<'_>,
    aim: &mut Aim,
    goal: &Goal,
    again: bool,
) -> Result<(Observation, Decision, Option<String>), Failure> {
    let (session, place) = (&aim.session, &aim.place);
    let timing = work.progress.time(Step::Observe);
    let (checked, seen, warning) = tokio::join!(
        async {
            if aim.unchecked { parent_zone::check(session, &place.name, &place.zone).await.map(drop) } else { Ok(()) }
        },
        observe::surroundings(work, session, place, goal.name_servers.as_ref(), again),
        async { if aim.wanted.dnssec && !again { signing::of_parent(work, session, place).await } else { None } },
    );
    checked?;
    aim.unchecked = false;
    let mut seen = seen?;
    if !goal.allow_occlusion {
        occlusion::fill_in(work, &mut aim.child, &mut seen).await?;
    }
    drop(timing);
    let _timing = work.progress.time(Step::Plan);
    let decision = plan::present(goal, &seen);
    Ok((seen, decision, warning))
}

/// Whether the request changed name servers or DS records, as far as is known.
fn changed(work: &Work<'_>, aim: &Aim, applied: &Applied) -> bool {
    let claims = applied.seen.claims();
    // A delivery of this Create may have made the delegation before it was cut off. Where others claim it, it shared it; what it
    // took over may have stood as wanted.
    let duplicate = work.request.kind == RequestKind::Create && applied.plan.changes.is_empty();
    let alone = claims.iter().count() == 1 && !aim.wanted.allow_overwrite;
    let made = |own: &Claim| own.at == work.at && own.by == By::Created;
    applied.plan.redelegates(&applied.seen, &aim.place.name)
        || (duplicate && alone && claims.own(&work.claimant).is_some_and(made))
}

fn outcome(aim: &Aim, applied: &Applied) -> Outcome {
    let text = |value: Option<String>| value.unwrap_or_default();
    let left = |rtype| applied.plan.leaves(&applied.seen, &aim.place.name, rtype);
    let name_servers = aim.child.name_servers.clone();
    let name_servers = name_servers.or_else(|| left("NS").and_then(|set| NameServers::found(&set.values)));
    let ds = left("DS").map(|set| {
        let records = DsRecords::found(&set.values).map(|records| records.to_string());
        records.unwrap_or_else(|| set.values.join(","))
    });
    Outcome {
        physical_id: aim.physical_id.clone(),
        data: BTreeMap::from([
            ("DomainName", aim.place.name.to_string()),
            ("NameServers", text(name_servers.map(|servers| servers.to_string()))),
            ("ParentZoneId", aim.place.zone.to_string()),
            ("ChildZoneId", text(aim.wanted.child_zone.as_ref().map(ToString::to_string))),
            ("Action", text(applied.plan.action.map(|action| action.to_string()))),
            ("ChangeStatus", text_of(applied.status)),
            ("DsRecords", text(ds)),
        ]),
        warnings: aim.child.warning.iter().chain(&applied.plan.warnings).cloned().collect(),
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
    work: &Work<'_>,
    aim: &Aim,
    applied: &Applied,
    changed: bool,
    status: ChangeStatus,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let name = &aim.place.name;
    let required = aim.wanted.verifies() == Verification::Require;
    let finding = match (&applied.seen.apex, check::wanted(name, &applied.plan, &applied.seen)) {
        (Some(parent), Some(wanted)) => check::after(work, &wanted, parent, changed, status).await,
        _ => None,
    };
    let Some(finding) = finding else {
        let message = check::no_time(name);
        if required && changed {
            return Err(Failure::new(Kind::Unverified, message));
        }
        // What was found before the change says more.
        outcome.data.entry("Verification").and_modify(|found| {
            if found.is_empty() {
                *found = message;
            }
        });
        return Ok(());
    };
    if !finding.is_good() && required {
        if changed {
            let message = format!("the delegation of {name} was changed, and the DNS check failed: {finding}");
            return Err(Failure::new(Kind::Unverified, message));
        }
        let warning = format!("The DNS check failed for a delegation that this request did not change: {finding}.");
        outcome.warnings.push(warning);
    }
    outcome.data.insert("Verification", finding.to_string());
    Ok(())
}
