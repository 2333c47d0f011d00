//! The rules of leaving.

use delegation_model::digest::Digest;
use delegation_model::ownership_record::{Claim, ClaimBasis, Displaced};

use super::{DAY, PointState, TOMBSTONE, holds};
use crate::model::{Model, Question, Reason};
use crate::points::Decided;
use crate::values::{BY_HAND, START};

/// The row of the table that applies to a Delete.
#[derive(Clone, Debug, PartialEq, Eq)]
enum DeleteRow {
    /// The name servers stay.
    Keep,
    /// The name servers stay, and the origin is removed, because no holder is left.
    KeepAndSettle,
    Remove,
    Restore(Displaced),
}

impl Model {
    pub(super) fn check_delete(
        &self,
        question: Question,
        decided: &Decided,
        before: &PointState,
        after: &PointState,
    ) -> Result<(), String> {
        let Question::Delete { request, config, reason, rejected, known, rezoned } = question
        else {
            return Ok(());
        };
        let values = &self.points.values;
        let id = values.claimants[usize::from(request.resource)].id();
        let time = START + i64::from(request.time);
        let is_same =
            before.servers == after.servers && before.ttl == after.ttl && before.ds == after.ds;
        let stays = is_same
            && before.recorded_origin == after.recorded_origin
            && before.own(id) == after.own(id);
        if reason == Reason::Invented && before.own(id).is_none_or(|own| own.stamp.time <= time) {
            let newest = before
                .stone
                .is_none_or(|stone| after.stone >= Some(stone) || stone + TOMBSTONE <= time);
            holds(newest, "OWN-8: an older tombstone replaces a newer one")?;
        }
        let Some(own) = before.own(id) else {
            return holds(stays, "LEAVE-1: a Delete without a claim changes something");
        };
        let of_request = own.stamp == crate::function::stamp(request.time, request.id);
        if reason == Reason::Undo && (!of_request || own.again) {
            return holds(stays, "ARRIVE-8: a delivery undoes what it did not write");
        }
        if own.stamp.time > time {
            return holds(
                matches!(decided, Decided::Overtaken),
                "TIME-1: a Delete is not overtaken",
            );
        }
        holds(
            !matches!(decided, Decided::Overtaken),
            "TIME-1: a Delete is overtaken without a later request",
        )?;
        let of_create = own.basis != ClaimBasis::Updated && own.from.is_none();
        let config = self.config(config);
        if reason == Reason::Invented && !(of_create && own.intent == values.intent(config)) {
            return holds(
                stays,
                "LEAVE-9: an invented id removes a claim that is not its Create's",
            );
        }
        holds(after.own(id).is_none(), "LEAVE-2: a Delete leaves its claim")?;
        let is_of = |letter: u8| before.servers == Some(values.server_digests[usize::from(letter)]);
        let is_known = known && (is_of(config.servers) || (rezoned && is_of(BY_HAND)));
        let delete = Delete { own, is_known, is_restore_rejected: rejected, time };
        let row = delete_row(before, &delete);
        match &row {
            DeleteRow::Keep | DeleteRow::KeepAndSettle => {
                let kept = before.servers == after.servers && before.ttl == after.ttl;
                holds(kept, "LEAVE-2: a Delete changes name servers that must stay")?;
                let others = || before.others(id).any(|claim| claim.ds == before.ds);
                let goes = before.ds.is_some() && own.ds == before.ds && !others();
                let ds = if goes { None } else { before.ds };
                holds(
                    after.ds == ds,
                    "LEAVE-7: only the last claim that names a DS record set removes it",
                )?;
            }
            DeleteRow::Remove => {
                let gone = after.servers.is_none() && after.ds.is_none();
                holds(gone, "LEAVE-3: the last holder does not remove a settled delegation")?;
            }
            DeleteRow::Restore(displaced) => {
                let back = after.servers
                    == Some(Digest::from_name_servers(&displaced.name_servers))
                    && after.ttl == displaced.ttl.seconds();
                holds(back, "LEAVE-5: displaced name servers are not restored")?;
                holds(
                    after.ds.is_none(),
                    "LEAVE-5: a DS record set stays with restored name servers",
                )?;
            }
        }
        let keeps = row == DeleteRow::Keep && before.others(id).next().is_some();
        let origin = before.recorded_origin.clone().filter(|_| keeps);
        holds(
            after.recorded_origin == origin,
            "OWN-5: the origin is removed with the last holder, and not before",
        )
    }
}

/// A Delete of a resource with a claim.
struct Delete<'a> {
    own: &'a Claim,
    /// True if the current name servers are known to be those of the child zone.
    is_known: bool,
    /// True if Route 53 has rejected the displaced name servers.
    is_restore_rejected: bool,
    time: i64,
}

/// Returns the row of the table of leaving.
fn delete_row(before: &PointState, delete: &Delete<'_>) -> DeleteRow {
    let Delete { own, is_known, is_restore_rejected, time } = *delete;
    let others = || before.others(own.id);
    if before.servers.is_none() {
        return DeleteRow::Keep;
    }
    let named_by_others = others().any(|claim| before.names(claim));
    if !before.names(own) {
        return if is_known && !named_by_others { DeleteRow::Remove } else { DeleteRow::Keep };
    }
    if others().any(|claim| before.holds(claim)) {
        return DeleteRow::Keep;
    }
    let Some(origin) = before.origin() else { return DeleteRow::Remove };
    let Some(displaced) = &origin.displaced else { return DeleteRow::KeepAndSettle };
    let digest = Digest::from_name_servers(&displaced.name_servers);
    let still_named = others().any(|claim| claim.ns == digest);
    let of_nobody = !displaced.claimed && (0..=DAY).contains(&(time - displaced.time));
    if !is_restore_rejected && (still_named || of_nobody) {
        return DeleteRow::Restore(displaced.clone());
    }
    if named_by_others { DeleteRow::KeepAndSettle } else { DeleteRow::Remove }
}
