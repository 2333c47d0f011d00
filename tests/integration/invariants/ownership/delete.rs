//! The table of leaving.

use super::{Delete, ExpectedState, Own, Reason, Row, Stamp, Verdict, own_of};
use crate::invariants::record::{Claim, DAY, Displaced, PointState, Set, ns_digest};

/// Returns what the table says about a request that removes a claim.
pub(super) fn decide(stamp: &Stamp, delete: &Delete, point_state: &PointState) -> Verdict {
    let Delete { why, known, restore_rejected } = delete;
    let record = &point_state.record;
    let stays = |own: Option<Own>, tombstone, what| {
        let (ns, before) = (point_state.ns.clone(), record.before.clone());
        let row = Row::Delete(what);
        Verdict::Becomes(Box::new(ExpectedState { ns, before, own, tombstone, row }))
    };
    let Some(own) = record.own(&stamp.owner, stamp.now) else {
        return if matches!(why, Reason::Invented { could_run: true, .. }) {
            stays(None, true, "tombstone")
        } else {
            Verdict::Nothing
        };
    };
    if *why == Reason::Undo {
        if own.again || own.at != stamp.at || stamp.req.as_ref().is_some_and(|req| *req != own.req)
        {
            return Verdict::Nothing;
        }
    } else if own.fence(stamp.now) > Some(stamp.at) {
        return Verdict::Overtaken;
    }
    match why {
        // Not the claim of the Create that was cancelled.
        Reason::Invented { intent, could_run } if !own.is_of_create() || own.intent != *intent => {
            return if *could_run {
                stays(Some(own_of(own)), true, "tombstone")
            } else {
                Verdict::Nothing
            };
        }
        Reason::ZoneGone(zone)
            if own.from.as_ref().is_some_and(|from| from.split('/').next() == Some(zone)) =>
        {
            return Verdict::Nothing;
        }
        _ => {}
    }
    let current = point_state.current();
    let names = |claim: &Claim| Some(&claim.ns) == current.as_ref();
    let named_by_others = record.others(&stamp.owner).any(names) || record.has_unreadable();
    let no_claim_left = record.others(&stamp.owner).next().is_none() && !record.has_unreadable();
    // The last claim removes a `before` that is left over.
    let left = record.before.clone().filter(|_| !no_claim_left);
    let leaves = |ns: Option<Set>, before, what| {
        let row = Row::Delete(what);
        Verdict::Becomes(Box::new(ExpectedState { ns, before, own: None, tombstone: false, row }))
    };
    let Some(ns) = &point_state.ns else { return leaves(None, left, "left: no name servers") };
    let keeps = || Some(ns.clone());
    if !names(own) {
        let ours =
            current.is_some() && known.as_ref().is_some_and(|known| ns.values.is_subset(known));
        return if ours && !named_by_others {
            leaves(None, None, "removed name servers of the child zone")
        } else {
            leaves(keeps(), left, "left: claim names others")
        };
    }
    if point_state.is_held_by_others(&stamp.owner) {
        return leaves(keeps(), left, "left to other holders");
    }
    match point_state.origin().map(|origin| &origin.displaced) {
        None => leaves(None, None, "removed"),
        Some(None) => leaves(keeps(), None, "left: existed before"),
        Some(Some(displaced)) => {
            let digest = ns_digest(&displaced.servers);
            let claimed =
                record.others(&stamp.owner).any(|claim| Some(&claim.ns) == digest.as_ref());
            let fresh = !displaced.claimed && (0..=DAY).contains(&(stamp.at - displaced.at));
            if (claimed || fresh) && !restore_rejected {
                let Displaced { servers, ttl, .. } = displaced.clone();
                leaves(Some(Set { values: servers, ttl }), None, "restored")
            } else if named_by_others {
                // Other claims name the current name servers, from before the displacement.
                leaves(keeps(), None, "left to an earlier claim")
            } else {
                leaves(None, None, "removed, nothing restored")
            }
        }
    }
}
