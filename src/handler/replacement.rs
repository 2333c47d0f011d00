//! What a request does at delegation points other than its own, and how a failed arrival undoes its
//! changes.

use super::apply::Site;
use super::progress::WrittenBy;
use super::resolve::{Previous, ReadPoint, ResolvedRequest, old_session};
use super::{RequestContext, delete, observe, parent_failure};
use crate::cfn::properties::Partial;
use crate::error::{Failure, FailureKind, Warning, WarningCode};
use delegation_model::moving::{
    OldPoint, OldPointCheck, Reached, check_old_point, left_by_failed_replacement,
};
use delegation_model::ownership_record::Claim;
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::{DeleteReason, Overtaken, UpdateBehavior};

/// Fails a replacement that has written its new point if a later request has moved the resource in
/// the meantime (MOVE-5). The changes are then undone, as after any failure of an arrival.
///
/// A later request reads this point before its old point is written. So whichever of the two
/// requests reads last sees the other one, and removes the delegation.
pub(super) async fn fail_if_overtaken(
    cx: &RequestContext<'_>,
    resolved: &ResolvedRequest,
) -> Result<(), Failure> {
    let (Some(read), UpdateBehavior::Replacement { .. }) =
        (&resolved.read_physical, &resolved.behavior)
    else {
        return Ok(());
    };
    let ReadPoint { session, point, had_claim } = read;
    let claim =
        cx.with_fresh_credentials(async || observe::own_claim(cx, session, point).await).await;
    let old = OldPoint {
        had_claim: *had_claim,
        claim: &reached(claim),
        finds_own_request: cx.progress.finds_own_request(),
    };
    match check_old_point(old, cx.stamp, cx.now()) {
        OldPointCheck::Done => Ok(()),
        OldPointCheck::Undo => Err(Overtaken::ByLaterRequest { name: point.name.clone() }.into()),
    }
}

/// What a read says about the old point. One that failed says nothing, as if access were denied.
fn reached(claim: Result<Option<Claim>, Failure>) -> Reached<Option<Claim>> {
    match claim {
        Ok(claim) => Reached::Read(claim),
        Err(failure) if failure.kind() == FailureKind::NoSuchZone => Reached::Gone,
        Err(_) => Reached::Denied,
    }
}

/// The result of undoing the changes of a failed arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// The changes were undone.
    All,
    /// There was nothing to undo.
    Nothing,
    /// The changes stay: another delivery of the request may have made them, or responded with
    /// them.
    Left,
}

/// Undoes what a failed arrival wrote at this point (ARRIVE-8). If it is not certain that this
/// delivery wrote it, only reads.
pub(super) async fn undo(
    cx: &RequestContext<'_>,
    point: &DelegationPoint,
    written_by: WrittenBy,
) -> Result<Undone, Failure> {
    cx.progress
        .at(format!("undoing the changes of {} in the parent zone {}", point.name, point.zone));
    let (properties, _) = Partial::parse(&cx.request.properties);
    let undone = cx.with_fresh_credentials(async || {
        let session = cx.session(properties.parent_role.as_ref()).await;
        let session =
            session.map_err(|error| parent_failure("assuming the parent role", &error))?;
        let left_by = |own: Option<Claim>| match own {
            Some(own) if own.stamp == cx.stamp => Undone::Left,
            _ => Undone::Nothing,
        };
        if written_by == WrittenBy::Unknown {
            return Ok(left_by(observe::own_claim(cx, &session, point).await?));
        }
        let site = Site { session: &session, point, is_main: false };
        let applied = delete::remove(cx, site, &properties, DeleteReason::Undo).await?;
        let is_empty = applied.plan.changes.is_empty();
        Ok(if is_empty {
            left_by(observe::own_in(cx, point, &applied.observed))
        } else {
            Undone::All
        })
    });
    undone.await
}

/// Removes the resource's claim from what a failed replacement left, when that replacement is
/// rolled back (MOVE-6). Such an Update has old properties that name a point which is neither the
/// physical id's nor the new one. A failure of this is a warning.
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
        Err(failure) if failure.kind() == FailureKind::NoSuchZone => Vec::new(),
        Err(failure) => vec![Warning::new(
            WarningCode::ReplacementLeft,
            format!("What a failed replacement left at {old} was not removed: {}", failure.coded()),
        )],
    }
}
