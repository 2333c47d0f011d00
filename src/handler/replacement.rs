//! What a request looks after at other delegation points than its own, and what it takes back when
//! it fails.

use super::apply::Site;
use super::resolve::{Origin, Previous, ResolvedRequest, old_session};
use super::{RequestContext, delete, observe, parent_failure};
use crate::cfn::properties::Partial;
use crate::error::{Failure, Kind, Warning, WarningCode};
use delegation_model::moving::{
    OldPointCheck, Reached, check_old_point, left_by_failed_replacement,
};
use delegation_model::ownership_record::Claim;
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::{DeleteReason, Overtaken, UpdateBehavior};

/// After a replacement has written its new point: fails if the stack went another way meanwhile
/// (MOVE-5). What the request wrote is taken back then, as after any failure of an arrival.
///
/// A request that came back has looked at the new point before it was written, so the last of the
/// two to look removes it.
pub(super) async fn fail_if_overtaken(
    cx: &RequestContext<'_>,
    resolved: &ResolvedRequest,
) -> Result<(), Failure> {
    let (Some(origin), UpdateBehavior::Replacement { .. }) = (&resolved.origin, &resolved.behavior)
    else {
        return Ok(());
    };
    let Origin { session, point, stood } = origin;
    let claim =
        cx.with_fresh_credentials(async || observe::own_claim(cx, session, point).await).await;
    match check_old_point(
        *stood,
        &reached(claim),
        (cx.stamp, cx.now()),
        cx.progress.finds_own_request(),
    ) {
        OldPointCheck::Done => Ok(()),
        OldPointCheck::Undo => Err(Overtaken::ByLaterRequest { name: point.name.clone() }.into()),
    }
}

/// What can't be read says nothing, as if it were denied.
fn reached(claim: Result<Option<Claim>, Failure>) -> Reached<Option<Claim>> {
    match claim {
        Ok(claim) => Reached::Read(claim),
        Err(failure) if failure.kind() == Kind::NoSuchZone => Reached::Gone,
        Err(_) => Reached::Denied,
    }
}

/// What became of what a failed arrival wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TakenBack {
    /// It is gone.
    All,
    /// Nothing of it was there.
    Nothing,
    /// It stays: another delivery of the request may have written it, or answered for it.
    Left,
}

/// Takes back what a failed arrival wrote at this point (ARRIVE-8). If it is not certain that this
/// delivery wrote it, it only looks.
pub(super) async fn take_back(
    cx: &RequestContext<'_>,
    point: &DelegationPoint,
    is_certain: bool,
) -> Result<TakenBack, Failure> {
    cx.progress.at(format!("taking back {} in the parent zone {}", point.name, point.zone));
    let (properties, _) = Partial::parse(&cx.request.properties);
    let taken = cx.with_fresh_credentials(async || {
        let session = cx.session(properties.parent_role.as_ref()).await;
        let session =
            session.map_err(|error| parent_failure("assuming the parent role", &error))?;
        let left_by = |own: Option<Claim>| match own {
            Some(own) if own.stamp == cx.stamp => TakenBack::Left,
            _ => TakenBack::Nothing,
        };
        if !is_certain {
            return Ok(left_by(observe::own_claim(cx, &session, point).await?));
        }
        let site = Site { session: &session, point, is_main: false };
        let applied = delete::remove(cx, site, &properties, DeleteReason::Undo).await?;
        let is_empty = applied.plan.changes.is_empty();
        Ok(if is_empty {
            left_by(observe::own_in(cx, point, &applied.observed))
        } else {
            TakenBack::All
        })
    });
    taken.await
}

/// An Update whose old properties name a point that is neither the physical id's nor the new one is
/// the rollback of a failed replacement: our claim there goes too (MOVE-6). A failure of this is a
/// warning.
pub(super) async fn clean_up(
    cx: &RequestContext<'_>,
    resolved: &ResolvedRequest,
    previous: &Previous,
) -> Vec<Warning> {
    let ResolvedRequest { physical, point, .. } = resolved;
    let Some(old) = left_by_failed_replacement(previous.point.as_ref(), physical.as_ref(), point)
    else {
        return Vec::new();
    };
    cx.progress.at(format!(
        "removing what a failed replacement left at {} in the parent zone {}",
        old.name, old.zone
    ));
    let removed = cx.with_fresh_credentials(async || {
        let session = old_session(cx, previous.properties.parent_role.as_ref()).await?;
        let site = Site { session: &session, point: old, is_main: false };
        delete::remove(cx, site, &previous.properties, DeleteReason::Requested).await
    });
    match removed.await {
        Ok(applied) => applied.plan.warnings.into_iter().map(Warning::from).collect(),
        Err(failure) if failure.kind() == Kind::NoSuchZone => Vec::new(),
        Err(failure) => vec![Warning::new(
            WarningCode::ReplacementLeft,
            format!("What a failed replacement left at {old} was not removed: {}", failure.coded()),
        )],
    }
}
