//! What a request does at delegation points other than its own, and how a failed arrival undoes its
//! changes.

use super::apply::{self, Site};
use super::progress::{ToUndo, WrittenBy};
use super::resolve::{Previous, ReadPoint, ResolvedRequest, old_session};
use super::{RequestContext, delete, observe, parent_failure, text};
use crate::cfn::properties::Partial;
use crate::error::{Failure, FailureKind, Warning, WarningCode, coded};
use delegation_model::ds::DsRecords;
use delegation_model::moving::{
    OldPoint, OldPointCheck, Reached, check_old_point, left_by_failed_replacement,
};
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::Claim;
use delegation_model::reconcile::{
    DeleteReason, Observation, Overtaken, ReconciliationPlan, UpdateBehavior,
};
use delegation_model::record_set::{RecordSet, RecordType};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// The delegation is as it was before, and nothing of this request is left.
    All,
    /// The changes stay: another delivery of the request may have made them, or responded with
    /// them.
    Left,
    /// The delegation is not as it was before, or a claim of the resource is left.
    Partly {
        /// What is left, and why.
        what: String,
        /// True if the ownership record still has a claim of the resource.
        claim_left: bool,
    },
}

/// Undoes what a failed arrival wrote at this point (ARRIVE-8). If it is not certain that this
/// delivery wrote it, only reads.
pub(super) async fn undo(cx: &RequestContext<'_>, to_undo: &ToUndo) -> Result<Undone, Failure> {
    let ToUndo { point, written_by, .. } = to_undo;
    cx.progress
        .at(format!("undoing the changes of {} in the parent zone {}", point.name, point.zone));
    let (properties, _) = Partial::parse(&cx.request.properties);
    let undone = cx.with_fresh_credentials(async || {
        let session = cx.session(properties.parent_role.as_ref()).await;
        let session =
            session.map_err(|error| parent_failure("assuming the parent role", &error))?;
        if *written_by == WrittenBy::Unknown {
            let observed = observe::cut(cx, &session, point).await?;
            return Ok(undone(cx, to_undo, &observed, &ReconciliationPlan::default()));
        }
        let site = Site { session: &session, point, is_main: false };
        let applied = delete::remove(cx, site, &properties, DeleteReason::Undo).await?;
        Ok(undone(cx, to_undo, &applied.observed, &applied.plan))
    });
    undone.await
}

/// Compares what the undoing of a request leaves with what there was before the request.
fn undone(
    cx: &RequestContext<'_>,
    to_undo: &ToUndo,
    observed: &Observation,
    plan: &ReconciliationPlan,
) -> Undone {
    let ToUndo { point, written_by, before } = to_undo;
    let own = delete::own_after(cx, point, observed, plan);
    let is_certain = *written_by == WrittenBy::ThisDelivery;
    if own.as_ref().is_some_and(|own| own.stamp == cx.stamp && (own.again || !is_certain)) {
        return Undone::Left;
    }
    let now = apply::delegation_after(observed, plan, point);
    let is_same = before.iter().map(canonical).eq(now.iter().map(canonical));
    // If this delivery has replaced the resource's claim, any that is left is its own, and somebody
    // may have edited it. Otherwise it may be that of a retained delegation.
    let claim_left = own.is_some() && is_certain;
    if is_same && !claim_left {
        return Undone::All;
    }
    let or_none = |sets: &[RecordSet]| match sets {
        [] => "no NS or DS record set".to_owned(),
        sets => text::texts(sets).join("; "),
    };
    let mut what = if is_same {
        "Not all changes of this request were undone.".to_owned()
    } else {
        format!(
            "The delegation of {} is not as it was before this request. The parent zone {} had: \
             {}. It now has: {}.",
            point.name,
            point.zone,
            or_none(before),
            or_none(&now)
        )
    };
    if own.is_some_and(|own| own.stamp != cx.stamp) && is_certain {
        what.push_str(" Somebody has edited the claim of this resource, so it stays.");
    }
    for warning in plan.warnings.iter().cloned().map(Warning::from) {
        what.push(' ');
        what.push_str(&coded(&warning.message, warning.code));
    }
    Undone::Partly { what, claim_left }
}

/// The record set with its values as this function would write them.
fn canonical(set: &RecordSet) -> RecordSet {
    let values = match set.record_type {
        RecordType::Ns => NameServers::from_values(&set.values).map(|servers| servers.values()),
        _ => DsRecords::from_values(&set.values).map(|records| records.values()),
    };
    RecordSet { values: values.unwrap_or_else(|| set.values.clone()), ..set.clone() }
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
