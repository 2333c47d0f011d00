//! Checks batches against the tables.

use super::create_update::CreateUpdate;
use super::{Asks, ExpectedState, Intent, Row, Stamp, Verdict, decide, own_of};
use crate::invariants::ds;
use crate::invariants::record::{By, PointState, Record, Set};

/// The most characters of a record that an arrival may leave.
const LONGEST: usize = 12_000;

/// A batch that was applied or planned.
pub(crate) struct Batch<'a> {
    pub(crate) stamp: &'a Stamp,
    pub(crate) asks: &'a Asks,
    pub(crate) before: &'a PointState,
    pub(crate) after: &'a PointState,
    /// True if nothing else has changed the point since it was read.
    pub(crate) undisturbed: bool,
}

/// Checks a batch against the tables, and returns the row.
pub(crate) fn check_batch(batch: &Batch<'_>) -> Result<Row, String> {
    let Batch { stamp, asks, before, undisturbed, .. } = batch;
    always(batch)?;
    ds::check_batch(batch)?;
    if !undisturbed {
        return Ok(Row::InBetween);
    }
    match decide(stamp, asks, before) {
        Verdict::Overtaken => {
            unchanged(batch, "a later request came first").map(|()| Row::Overtaken)
        }
        Verdict::Again => marked(batch).map(|()| Row::Again),
        Verdict::Refused(why) => unchanged(batch, why).map(|()| Row::Refused),
        Verdict::Nothing => {
            unchanged(batch, "the request has no claim here").map(|()| Row::Nothing)
        }
        Verdict::Kept(why) => kept(batch, why),
        Verdict::Becomes(expected) => match becomes(batch, &expected) {
            // The DS record set, or something other than ownership, may prevent what the row
            // allows.
            Err(_) if may_be_kept(batch) => kept(batch, "something else prevents it"),
            Err(wrong) => Err(wrong),
            Ok(()) => Ok(expected.row),
        },
    }
}

/// Returns true if a change that the row allows may be prevented by something else.
pub(crate) fn may_be_kept(batch: &Batch<'_>) -> bool {
    match batch.asks {
        Asks::Delete(_) => false,
        Asks::CreateUpdate(intent) => {
            intent.blocked.is_none() || ds::may_refuse(batch.stamp, intent, batch.before)
        }
    }
}

/// Checks what every batch must obey, whatever was read.
fn always(batch: &Batch<'_>) -> Result<(), String> {
    let Batch { stamp, asks, before, after, undisturbed } = batch;
    let owner = &stamp.owner;
    if before.record.of_others(owner) != after.record.of_others(owner) {
        return wrong("a value of another resource or program changed in the ownership record");
    }
    // Several can only be left from a manual edit, where the claim is not written.
    let claims = |record: &Record| -> Vec<String> {
        let own = record.claims.iter().filter(|claim| claim.owner == *owner);
        own.map(|claim| claim.value.clone()).collect()
    };
    let (had, has) = (claims(&before.record), claims(&after.record));
    if has.len() > 1 && had != has {
        return wrong("a resource has several claims at one point");
    }
    if let Some(own) = before.record.own(owner, stamp.now)
        && own.fence(stamp.now) > Some(stamp.at)
        && before != after
        && *undisturbed
    {
        return wrong("a request changed what a later request of its resource had written");
    }
    for tombstone in &before.record.tombstones {
        let stays = after
            .record
            .tombstones
            .iter()
            .any(|other| other.id == tombstone.id && other.at >= tombstone.at);
        let counts = before.record.tombstone(&stamp.id, stamp.now);
        let may = tombstone.is_over(stamp.at, stamp.now)
            || (tombstone.id == stamp.id
                && (tombstone.at < stamp.at || Some(tombstone.at) != counts));
        if !stays && !may {
            return wrong("a tombstone that is still valid was removed");
        }
    }
    match asks {
        Asks::CreateUpdate(intent) => {
            only_restores(batch, intent)?;
            let written = before.ns != after.ns;
            // The mark of a second delivery needs no room.
            let grows = intent.is_arrival() && before.unmarked() != after.unmarked();
            if written
                && after.ns.as_ref().map(|set| (&set.values, set.ttl))
                    != Some((&intent.servers, intent.ttl))
            {
                return wrong(
                    "the name servers or the TTL that were written are not the desired ones",
                );
            }
            if grows && after.record.characters() > LONGEST {
                return wrong("an arrival left a record that is too large");
            }
            match after.record.own(owner, stamp.now) {
                Some(own) if own.at != stamp.at => {
                    wrong("the claim does not have the time of its request")
                }
                None if written => wrong("name servers were written without a claim"),
                _ => Ok(()),
            }
        }
        Asks::Delete(_) => {
            let changes = before.servers() != after.servers();
            if changes && before.is_held_by_others(owner) {
                return wrong("a Delete changed name servers that another resource holds");
            }
            let back = before.origin().and_then(|origin| origin.displaced.as_ref());
            let back = back.map(|back| Set { values: back.servers.clone(), ttl: back.ttl });
            if changes && after.ns.is_some() && after.ns != back {
                return wrong("a Delete wrote name servers that were not displaced");
            }
            if before.servers() == after.servers() && before.ns != after.ns {
                return wrong("a Delete changed the TTL");
            }
            Ok(())
        }
    }
}

/// Checks that a request for a name that is not allowed only restores what its claim names, with
/// TTLs of at most the defaults, and that the claim names nothing else afterwards (ALLOW-2).
fn only_restores(batch: &Batch<'_>, intent: &Intent) -> Result<(), String> {
    let Batch { stamp, before, after, .. } = batch;
    let own = before.record.own(&stamp.owner, stamp.now);
    let ns = after.ns.as_ref().filter(|_| before.ns != after.ns);
    let ns_fits = ns.is_none_or(|ns| {
        let named = own.map(|own| own.ns.clone());
        after.current() == named && before.servers() != after.servers() && ns.ttl <= 172_800
    });
    let ds = after.ds.as_ref().filter(|_| before.ds != after.ds);
    let ds_fits = ds.is_none_or(|ds| {
        let named = own.and_then(|own| own.ds.clone());
        after.current_ds() == named && before.records() != after.records() && ds.ttl <= 3600
    });
    let claim_fits = after.record.own(&stamp.owner, stamp.now).is_none_or(|now| {
        own.is_some_and(|then| now.ns == then.ns && (now.ds.is_none() || now.ds == then.ds))
    });
    if intent.allowed || (ns_fits && ds_fits && claim_fits) {
        Ok(())
    } else {
        wrong("a request changed the delegation of a name that is not allowed")
    }
}

fn wrong<T>(text: &str) -> Result<T, String> {
    Err(text.to_owned())
}

/// Checks that a second delivery only marks the claim of an arrival (UPDATE-6).
fn marked(batch: &Batch<'_>) -> Result<(), String> {
    let Batch { stamp, before, after, .. } = batch;
    same_of("state after a second delivery", &before.unmarked(), &after.unmarked())?;
    let own = |point_state: &PointState| {
        point_state.record.own(&stamp.owner, stamp.now).map(|own| (own.by, own.again))
    };
    let mark = own(before).map(|(by, again)| (by, again || by != By::Up));
    same_of("mark of a second delivery", &mark, &own(after))
}

fn unchanged(batch: &Batch<'_>, why: &str) -> Result<(), String> {
    if batch.before == batch.after {
        Ok(())
    } else {
        Err(format!("something changed although {why}"))
    }
}

fn same_of<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &T,
    actual: &T,
) -> Result<(), String> {
    if expected == actual {
        Ok(())
    } else {
        Err(format!("{what}: {actual:?}, but by the table {expected:?}"))
    }
}

/// Checks that only the time of the claim changes, because something prevents what was requested.
pub(crate) fn kept(batch: &Batch<'_>, why: &'static str) -> Result<Row, String> {
    let Batch { stamp, asks, before, after, .. } = batch;
    let Asks::CreateUpdate(intent) = asks else { return wrong("a Delete is never kept") };
    let create_update = CreateUpdate::new(stamp, intent, before);
    same_of(&format!("name servers, which stay because {why}"), &before.ns, &after.ns)?;
    same_of("DS record set, which stays with them", &before.ds, &after.ds)?;
    same_of("before, which must not be settled", &before.record.before, &after.record.before)?;
    let own = after.record.own(&stamp.owner, stamp.now);
    same_of("own claim, which gets only the time", &create_update.kept(), &own.map(own_of))?;
    if let Some((then, now)) = before.record.own(&stamp.owner, stamp.now).zip(own) {
        // The DS record set belongs to the name servers that the claim named with it.
        same_of("ds of the claim", &then.ds.clone().filter(|_| then.ns == now.ns), &now.ds)?;
    }
    Ok(Row::Kept)
}

fn becomes(batch: &Batch<'_>, expected: &ExpectedState) -> Result<(), String> {
    let Batch { stamp, before, after, .. } = batch;
    let row = expected.row;
    if let Some(own) = after.record.own(&stamp.owner, stamp.now) {
        same_of("id of the own claim", &stamp.id, &own.id)?;
    }
    same_of(&format!("name servers ({row})"), &expected.ns, &after.ns)?;
    same_of(&format!("before ({row})"), &expected.before, &after.record.before)?;
    let own = after.record.own(&stamp.owner, stamp.now).map(own_of);
    same_of(&format!("own claim ({row})"), &expected.own, &own)?;
    if let Asks::CreateUpdate(intent) = batch.asks {
        ds::check_claim(batch, intent)?;
    }
    let exists = |record: &Record| record.tombstone(&stamp.id, stamp.now) >= Some(stamp.at);
    let due = expected.tombstone || exists(&before.record);
    same_of("whether a tombstone exists", &due, &exists(&after.record))
}
