//! What an Update that moves a delegation, or rolls a move back, looks after at the other places.

use super::aim::{Before, out_of_reach};
use super::{Work, aws_failure, farewell};
use crate::aws::route53::Session;
use crate::cfn::properties::Properties;
use crate::error::{Failure, Kind};
use delegation_model::point::DelegationPoint;

/// On a replacement: a later request may already have written our claim at the physical id's place.
async fn check_not_overtaken(work: &Work<'_>, before: &Before, pinned: &DelegationPoint) -> Result<(), Failure> {
    let claim = work.afresh(async || {
        let session = work.accounts.session(before.salvage.parent_role.as_ref()).await;
        let session = session.map_err(|error| aws_failure("assuming the old parent role", &error))?;
        farewell::claim_at(work, &session, pinned).await
    });
    match claim.await {
        Ok(Some(at)) if at > work.at => {
            let message = format!(
                "a later request of this resource has already written {}; this one left nothing changed",
                pinned.name
            );
            Err(Failure::new(Kind::Stale, message))
        }
        // Old properties never fail a request.
        Ok(_) => Ok(()),
        Err(failure) if out_of_reach(&failure) => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Before and after a replacement: fails if a later request was at the physical id's place meanwhile, and takes back what this
/// request wrote at the new one. A request that came back has looked here before it was written, so whoever of the two looks last
/// removes it.
pub(super) async fn take_back_if_overtaken(
    work: &Work<'_>,
    session: &Session,
    before: &Before,
    pinned: &DelegationPoint,
    place: &DelegationPoint,
) -> Result<(), Failure> {
    let Err(stale) = check_not_overtaken(work, before, pinned).await else {
        return Ok(());
    };
    if farewell::claim_at(work, session, place).await? != Some(work.at) {
        return Err(stale);
    }
    work.progress.at(format!("taking back {} in the parent zone {}", place.name, place.zone));
    let (wanted, _) = Properties::salvage(&work.request.properties);
    farewell::remove(work, session, &wanted, place).await?;
    Err(stale)
}

/// An Update whose old properties name a place that is neither the physical id's nor the new one is the rollback of a
/// failed replacement: our claim there goes too. A failure of this is a warning.
pub(super) async fn clean_up(
    work: &Work<'_>,
    before: &Before,
    pinned: Option<&DelegationPoint>,
    place: &DelegationPoint,
) -> Vec<String> {
    let Some(old) = before.place.as_ref().filter(|old| *old != place) else {
        return Vec::new();
    };
    // With an id that is not ours, CloudFormation's own clean-up takes the place from the old properties.
    let Some(pinned) = pinned else { return Vec::new() };
    if old == pinned {
        return Vec::new();
    }
    work.progress
        .at(format!("removing what a failed replacement left at {} in the parent zone {}", old.name, old.zone));
    let removed = work.afresh(async || {
        let session = work.accounts.session(before.salvage.parent_role.as_ref()).await;
        let session = session.map_err(|error| aws_failure("assuming the old parent role", &error))?;
        farewell::remove(work, &session, &before.salvage, old).await
    });
    match removed.await {
        Ok(applied) => applied.plan.warnings,
        Err(failure) if failure.kind == Kind::NoSuchZone => Vec::new(),
        Err(failure) => vec![format!("What a failed replacement left at {old} was not removed: {failure}")],
    }
}
