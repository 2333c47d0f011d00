//! What an Update that moves a delegation, or rolls a move back, looks after at the other delegation points.

use super::resolve::{Previous, ResolvedRequest, old_session, out_of_reach};
use super::{RequestContext, delete, observe};
use crate::cfn::properties::Partial;
use crate::error::{Code, Failure, Kind, WarningCode};
use delegation_model::plan::{Arrival, Warning};
use delegation_model::point::DelegationPoint;

/// Before and after a replacement: fails if a later request was at the physical id's point meanwhile, and takes
/// back what this request wrote at the new one. A request that came back has looked here before it was written, so
/// the last of the two to look removes it.
pub(super) async fn take_back_if_overtaken(cx: &RequestContext<'_>, resolved: &ResolvedRequest) -> Result<(), Failure> {
    let (Some(previous), Some(current), Arrival::Replacement) =
        (&resolved.previous, &resolved.current, resolved.arrival)
    else {
        return Ok(());
    };
    let Err(stale) = check_not_overtaken(cx, previous, current).await else {
        return Ok(());
    };
    let ResolvedRequest { session, point, .. } = resolved;
    if observe::claim_time(cx, session, point).await? != Some(cx.at) {
        return Err(stale);
    }
    cx.progress.at(format!("taking back {} in the parent zone {}", point.name, point.zone));
    let (properties, _) = Partial::parse(&cx.request.properties);
    delete::remove(cx, session, &properties, point).await?;
    Err(stale)
}

/// A later request may already have written our claim at the physical id's point.
async fn check_not_overtaken(
    cx: &RequestContext<'_>,
    previous: &Previous,
    current: &DelegationPoint,
) -> Result<(), Failure> {
    let claim = cx.with_fresh_credentials(async || {
        let session = old_session(cx, previous.properties.parent_role.as_ref()).await?;
        observe::claim_time(cx, &session, current).await
    });
    match claim.await {
        Ok(Some(at)) if at > cx.at => {
            let message = format!(
                "a later request of this resource has already written {}; this one left nothing changed",
                current.name
            );
            Err(Failure::new(Code::Overtaken, message))
        }
        // Old properties never fail a request.
        Ok(_) => Ok(()),
        Err(failure) if out_of_reach(&failure) => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// An Update whose old properties name a point that is neither the physical id's nor the new one is the rollback of
/// a failed replacement: our claim there goes too. A failure of this is a warning.
pub(super) async fn clean_up(cx: &RequestContext<'_>, resolved: &ResolvedRequest, previous: &Previous) -> Vec<Warning> {
    // With an id that is not ours, CloudFormation's own clean-up takes the point from the old properties.
    let (Some(current), Some(old)) = (&resolved.current, &previous.point) else { return Vec::new() };
    if old == current || *old == resolved.point {
        return Vec::new();
    }
    cx.progress.at(format!("removing what a failed replacement left at {} in the parent zone {}", old.name, old.zone));
    let removed = cx.with_fresh_credentials(async || {
        let session = old_session(cx, previous.properties.parent_role.as_ref()).await?;
        delete::remove(cx, &session, &previous.properties, old).await
    });
    match removed.await {
        Ok(applied) => applied.plan.warnings,
        Err(failure) if failure.kind() == Kind::NoSuchZone => Vec::new(),
        Err(failure) => vec![Warning::new(
            WarningCode::ReplacementLeft,
            format!("What a failed replacement left at {old} was not removed: {}", failure.coded()),
        )],
    }
}
