//! Create and Update.

use std::collections::BTreeMap;

use tracing::info;

use super::aim::Aim;
use super::apply::{self, Applied};
use super::replacement::{clean_up, take_back_if_overtaken};
use super::{Outcome, Work, check, coverage, observe, signing, sync};
use crate::aws::route53::ChangeStatus;
use crate::cfn::envelope::Kind as RequestKind;
use crate::cfn::properties::Verification;
use crate::dns::ds::DsRecords;
use crate::dns::name_servers::NameServers;
use crate::dns::verify::Finding;
use crate::error::{Failure, Kind};
use crate::metrics::Step;
use crate::ownership::By;
use crate::plan::{self, Action, Arrival, Decision};

pub(super) async fn run(work: &Work<'_>) -> Result<Outcome, Failure> {
    let mut aim = Aim::take(work).await?;
    let replaces = aim.before.as_ref().zip(aim.pinned.as_ref()).filter(|_| aim.arrival == Arrival::Replacement);
    if let Some((before, pinned)) = replaces {
        // An earlier delivery of this request may have written the new place before it was cut off.
        take_back_if_overtaken(work, &aim.session, before, pinned, &aim.place).await?;
    }
    let (applied, found) = change(work, &mut aim).await;
    let replaces = aim.before.as_ref().zip(aim.pinned.as_ref()).filter(|_| aim.arrival == Arrival::Replacement);
    if let Some((before, pinned)) = replaces.filter(|_| applied.is_ok() || work.progress.sent().is_some()) {
        take_back_if_overtaken(work, &aim.session, before, pinned, &aim.place).await?;
    }
    let applied = applied?;
    work.progress.mark_action(applied.plan.action);
    let action = applied.plan.action.map(Action::as_str);
    info!(action, status = ?applied.status, "the delegation stands");

    let verification = aim.wanted.verifies();
    let required = verification == Verification::Require && changed(work, &aim, &applied);
    let mut outcome = outcome(&aim, &applied);
    outcome.warnings.extend(found.warning);
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
    if aim.wanted.waits() {
        done(&outcome);
        let waited = sync::wait(work, aim.wanted.parent_role.as_ref(), &applied).await;
        outcome.data.insert("ChangeStatus", text_of(waited.status));
        outcome.warnings.extend(waited.warning);
    }
    done(&outcome);
    verify(work, &aim, &applied, found.finding, required, &mut outcome).await?;
    Ok(outcome)
}

/// What was found out on the way to the change.
#[derive(Default)]
struct Found {
    finding: Option<Finding>,
    warning: Option<String>,
}

/// Observe, plan and apply, with the DNS check between plan and apply.
async fn change(work: &Work<'_>, aim: &mut Aim) -> (Result<Applied, Failure>, Found) {
    let (goal, verification) = (aim.goal(work), aim.wanted.verifies());
    let (session, place, child) = (&aim.session, &aim.place, &mut aim.child);
    let mut found = Found::default();
    let applied = apply::apply(work, session, place, async |again| {
        let timing = work.progress.time(Step::Observe);
        let seen = observe::surroundings(work, session, place, goal.name_servers.as_ref(), again);
        let mut seen = if aim.wanted.dnssec && !again {
            let (seen, warning) = tokio::join!(seen, signing::of_parent(work, session, place));
            found.warning = warning;
            seen?
        } else {
            seen.await?
        };
        if !goal.allow_occlusion {
            coverage::fill_in(work, child, &mut seen).await?;
        }
        drop(timing);
        let decision = {
            let _timing = work.progress.time(Step::Plan);
            plan::present(&goal, &seen)
        };
        if let Decision::Proceed(plan) = &decision
            && verification != Verification::None
            && found.finding.is_none()
            && plan.changes_delegation(&goal.name)
        {
            found.finding = check::before(work, verification, &goal.name, plan, &seen).await?;
        }
        Ok((seen, decision))
    })
    .await;
    (applied, found)
}

/// Whether the request changed the NS or DS record set, as far as is known.
fn changed(work: &Work<'_>, aim: &Aim, applied: &Applied) -> bool {
    // A delivery of this Create may have made the delegation before it was cut off.
    let made = |own: &crate::ownership::Claim| own.at == work.at && own.by == By::Created;
    let duplicate = work.request.kind == RequestKind::Create && applied.plan.changes.is_empty();
    applied.plan.changes_delegation(&aim.place.name)
        || (duplicate && applied.seen.claims().own(&work.claimant).is_some_and(made))
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
    before: Option<Finding>,
    required: bool,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let verification = aim.wanted.verifies();
    if verification == Verification::None {
        return Ok(());
    }
    let name = &aim.place.name;
    let after = match &applied.seen.apex {
        Some(parent) if aim.wanted.waits() => {
            let changed = applied.plan.changes_delegation(name);
            check::after(work, parent, name, &applied.plan, &applied.seen, changed).await
        }
        _ => None,
    };
    let Some(finding) = after.as_ref().or(before.as_ref()) else {
        let message = check::no_time(name);
        if required {
            return Err(Failure::new(Kind::Unverified, message));
        }
        outcome.data.insert("Verification", message);
        return Ok(());
    };
    if !finding.is_good() && required {
        let message = format!("the delegation of {name} was changed, and the DNS check failed: {finding}");
        return Err(Failure::new(Kind::Unverified, message));
    }
    if !finding.is_good() && verification == Verification::Require {
        outcome
            .warnings
            .push(format!("The DNS check failed for a delegation that this request did not change: {finding}."));
    }
    outcome.data.insert("Verification", finding.to_string());
    Ok(())
}
