//! The tables of arriving, updating and leaving of `docs/design.md`, implemented a second time and
//! without the planner: what a batch may do to name servers and claims. The tests of the planner in
//! memory, the races, and the reference model of the histories check batches by them.

use super::ds::{self, RequestedDs};
use super::record::{
    Before, By, Claim, DAY, Displaced, PointState, Record, Set, Values, ns_digest,
};

/// The most characters of a record that an arrival may leave.
const LONGEST: usize = 12_000;

/// The resource that makes a request, and the time.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    /// `<stack name>/<logical id>`.
    pub(crate) owner: String,
    /// The digest that its claims carry.
    pub(crate) id: String,
    pub(crate) at: i64,
    /// The digest of its `RequestId`; `None` if it is not known.
    pub(crate) req: Option<String>,
    /// The current time.
    pub(crate) now: i64,
}

/// How a Create or an Update gets to the point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Behavior {
    Create,
    /// With the `from` that its claim must have.
    Replacement {
        from: String,
    },
    InPlace,
    /// In place, for a resource that returns home from another point.
    Home {
        from: String,
    },
}

impl Behavior {
    pub(crate) fn is_arrival(&self) -> bool {
        matches!(self, Self::Create | Self::Replacement { .. })
    }
}

/// The properties of a Create or an Update.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) behavior: Behavior,
    pub(crate) servers: Values,
    pub(crate) ttl: u32,
    /// True if `TTL` differs from the old properties.
    pub(crate) changes_ttl: bool,
    /// True if `DsTTL` differs from the old properties.
    pub(crate) changes_ds_ttl: bool,
    pub(crate) overwrite: bool,
    /// The digest of the properties (`for`), and of the old ones.
    pub(crate) digest: String,
    pub(crate) old_digest: Option<String>,
    pub(crate) ds: RequestedDs,
    pub(crate) ds_ttl: u32,
    /// True if something other than ownership prevents the change; `None` if that is not known.
    pub(crate) blocked: Option<bool>,
}

impl Intent {
    pub(crate) fn is_arrival(&self) -> bool {
        self.behavior.is_arrival()
    }
}

/// Why a claim is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A Delete of the point, or the clean-up of a failed replacement.
    Requested,
    /// A failed arrival undoes what it wrote.
    Undo,
    /// A Delete with an id that CloudFormation invented for a Create with this intent.
    Invented { intent: String, could_run: bool },
    /// The parent zone of the id no longer exists, and the properties lead here.
    ZoneGone(String),
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub(crate) enum Asks {
    CreateUpdate(Intent),
    Delete {
        why: Reason,
        /// The name servers of the child zone and of `NameServers`, if they were read.
        known: Option<Values>,
        /// True if Route 53 rejected the displaced name servers, or the name is not allowed.
        restore_rejected: bool,
    },
}

/// What the tables say about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing changes: a later request of the resource, or the Delete of the Create, came first.
    Overtaken,
    /// Nothing changes: the claim of the same request exists.
    Again,
    /// An arrival, or an Update that asks for something new and would change something, fails.
    Refused(&'static str),
    /// Everything stays, except for the time in the claim.
    Kept(&'static str),
    /// The point gets this state.
    Becomes(Box<ExpectedState>),
    /// Nothing is written.
    Nothing,
}

/// The expected state after a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpectedState {
    pub(crate) ns: Option<Set>,
    pub(crate) before: Option<Before>,
    pub(crate) own: Option<Own>,
    /// True if a tombstone of the resource with the time of the request must exist.
    pub(crate) tombstone: bool,
    pub(crate) what: &'static str,
}

/// The expected claim of a Create or an Update, without its `ds` and `hold`, which [`ds`] checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    ns: String,
    intent: String,
    was: Option<String>,
    by: By,
    saw: Option<i64>,
    from: Option<String>,
}

fn own_of(claim: &Claim) -> Own {
    let Claim { ns, intent, was, by, saw, from, .. } = claim.clone();
    Own { ns, intent, was, by, saw, from }
}

/// Returns what the tables say.
pub(crate) fn decide(stamp: &Stamp, asks: &Asks, point_state: &PointState) -> Verdict {
    match asks {
        Asks::CreateUpdate(intent) => CreateUpdate::new(stamp, intent, point_state).decide(),
        Asks::Delete { why, known, restore_rejected } => {
            decide_delete(stamp, why, point_state, (known.as_ref(), *restore_rejected))
        }
    }
}

struct CreateUpdate<'a> {
    stamp: &'a Stamp,
    intent: &'a Intent,
    point_state: &'a PointState,
    own: Option<&'a Claim>,
    desired: String,
}

/// A row of the table of arriving and updating.
enum Row {
    Create,
    Unchanged,
    Change,
    Repair,
    Displace,
}

impl<'a> CreateUpdate<'a> {
    fn new(stamp: &'a Stamp, intent: &'a Intent, point_state: &'a PointState) -> Self {
        let own = point_state.record.own(&stamp.owner, stamp.now);
        Self {
            stamp,
            intent,
            point_state,
            own,
            desired: ns_digest(&intent.servers).unwrap_or_default(),
        }
    }

    fn others(&self) -> impl Iterator<Item = &Claim> {
        self.point_state.record.others(&self.stamp.owner)
    }

    fn decide(&self) -> Verdict {
        let Self { stamp, intent, point_state, own, .. } = self;
        if own.is_some_and(|own| own.fence(stamp.now) > Some(stamp.at)) {
            return Verdict::Overtaken;
        }
        let tombstone = point_state.record.tombstones.iter().any(|tombstone| {
            tombstone.id == stamp.id && tombstone.at >= stamp.at && tombstone.at <= stamp.now + 900
        });
        if tombstone && intent.behavior == Behavior::Create {
            return Verdict::Overtaken;
        }
        if own.is_some_and(|own| {
            own.at == stamp.at && stamp.req.as_ref().is_none_or(|req| *req == own.req)
        }) {
            return Verdict::Again;
        }
        let row = if intent.blocked == Some(true) { Err("a check") } else { self.row() };
        match row {
            Ok(row) => self.done(&row),
            Err(why) if intent.is_arrival() || (self.asks_for_new() && self.would_change()) => {
                Verdict::Refused(why)
            }
            Err(why) => Verdict::Kept(why),
        }
    }

    fn row(&self) -> Result<Row, &'static str> {
        let Self { intent, point_state, own, desired, .. } = self;
        let conflict = self.others().any(|claim| claim.ns != *desired);
        if point_state.ns.is_none() {
            let may = !conflict || (own.is_some() && !intent.is_arrival()) || intent.overwrite;
            return if may { Ok(Row::Create) } else { Err("others claim different name servers") };
        }
        let current = point_state.current();
        if current.as_ref() == Some(desired) {
            return Ok(Row::Unchanged);
        }
        let names = |claim: &Claim| Some(&claim.ns) == current.as_ref();
        let own_names = own.is_some_and(names);
        let unreadable = point_state.record.has_unreadable();
        let named_by_others = self.others().any(names) || unreadable;
        let origin = point_state.origin();
        let mut displaces = intent.overwrite;
        if intent.is_arrival() {
            // A stack that was created again, or a retained delegation.
            displaces |= own_names && !named_by_others;
        } else {
            let lasting =
                self.others().any(|claim| names(claim) && claim.is_lasting()) || unreadable;
            let holds = own.is_some_and(|own| point_state.holds(own));
            if holds && !lasting && (origin.is_none() || self.is_later()) {
                return Ok(Row::Change);
            }
            let drifted = own.is_some() && !own_names && !named_by_others;
            if drifted && point_state.record.before.is_none() && !conflict {
                return Ok(Row::Repair);
            }
        }
        match (displaces, unreadable, origin) {
            (false, _, _) => Err("the resource may not change the current name servers"),
            (true, true, _) => Err("a value is unreadable"),
            (true, false, Some(_)) => Err("the delegation is not settled"),
            (true, false, None) => Ok(Row::Displace),
        }
    }

    /// Returns true if the request was made after the one that wrote the claim.
    fn is_later(&self) -> bool {
        self.own.is_some_and(|own| own.fence(self.stamp.now) < Some(self.stamp.at))
    }

    fn asks_for_new(&self) -> bool {
        match self.own {
            Some(own) => own.intent != self.intent.digest && !self.is_rollback(),
            None => self.intent.old_digest.as_ref() != Some(&self.intent.digest),
        }
    }

    fn is_rollback(&self) -> bool {
        self.own.is_some_and(|own| {
            own.was.as_ref() == Some(&self.intent.digest)
                && (0..=DAY).contains(&(self.stamp.at - own.at))
        })
    }

    /// Returns true if the request would change NS or DS if it were not refused.
    fn would_change(&self) -> bool {
        self.point_state.current().as_ref() != Some(&self.desired)
            || ds::would_change(self.stamp, self.intent, self.point_state)
    }

    fn done(&self, row: &Row) -> Verdict {
        let Self { stamp, intent, point_state, own, desired } = self;
        let asked = Set { values: intent.servers.clone(), ttl: intent.ttl };
        let left = point_state.record.before.clone();
        let mut ns = Some(asked.clone());
        let before = match row {
            Row::Create | Row::Change | Row::Repair => None,
            Row::Displace => {
                let Some(there) = &point_state.ns else { return Verdict::Nothing };
                let current = point_state.current();
                let claimed = self.others().any(|claim| Some(&claim.ns) == current.as_ref());
                let displaced = Displaced {
                    servers: there.values.clone(),
                    ttl: there.ttl,
                    at: stamp.at,
                    claimed,
                };
                Some(Before { of: desired.clone(), displaced: Some(displaced) })
            }
            Row::Unchanged if intent.is_arrival() => {
                ns.clone_from(&point_state.ns);
                let own_names = own.is_some_and(|own| own.ns == *desired);
                let is_redeclared = own_names && intent.behavior == Behavior::Create;
                let named = self
                    .others()
                    .any(|claim| claim.ns == *desired && (claim.is_lasting() || !is_redeclared))
                    || point_state.record.has_unreadable()
                    || (own_names && !is_redeclared);
                if point_state.origin().is_none() && !named {
                    Some(Before { of: desired.clone(), displaced: None })
                } else {
                    left
                }
            }
            Row::Unchanged => {
                let sole = !point_state.is_held_by_others(&stamp.owner);
                if !sole && !intent.changes_ttl {
                    ns.clone_from(&point_state.ns);
                }
                let settles = self.is_later() && own.is_some_and(|own| point_state.holds(own));
                left.filter(|_| !settles)
            }
        };
        let was = own.map_or_else(|| intent.old_digest.clone(), |own| Some(own.intent.clone()));
        let arrived = if matches!(row, Row::Unchanged) { By::Came } else { By::Made };
        let (by, was, from) = match &intent.behavior {
            Behavior::InPlace => {
                // A second delivery leaves it, and only a later Update removes it.
                let from = own.and_then(|own| own.from.clone()).filter(|_| !self.is_later());
                (By::Up, was, from)
            }
            Behavior::Home { from } => (By::Up, was, Some(from.clone())),
            Behavior::Replacement { from } => (arrived, None, Some(from.clone())),
            Behavior::Create => (arrived, None, None),
        };
        let saw = before
            .as_ref()
            .and_then(|before| before.displaced.as_ref())
            .map(|displaced| displaced.at);
        let own = Own { ns: desired.clone(), intent: intent.digest.clone(), was, by, saw, from };
        let what = match row {
            Row::Create => "created",
            Row::Unchanged => "unchanged",
            Row::Change => "changed",
            Row::Repair => "repaired",
            Row::Displace => "displaced",
        };
        Verdict::Becomes(Box::new(ExpectedState {
            ns,
            before,
            own: Some(own),
            tombstone: false,
            what,
        }))
    }

    /// Returns the expected claim if everything else stays.
    fn kept(&self) -> Option<Own> {
        let own = self.own?;
        let mut kept = own_of(own);
        if self.is_rollback() && own.intent != self.intent.digest {
            kept.was = Some(std::mem::replace(&mut kept.intent, self.intent.digest.clone()));
            // If it is the only holder, it remains so.
            if self.point_state.holds(own) && !self.point_state.is_held_by_others(&self.stamp.owner)
            {
                return Some(kept);
            }
            kept.ns.clone_from(&self.desired);
            kept.saw = self
                .point_state
                .record
                .before
                .as_ref()
                .and_then(|before| Some(before.displaced.as_ref()?.at));
        }
        Some(kept)
    }
}

fn decide_delete(
    stamp: &Stamp,
    why: &Reason,
    point_state: &PointState,
    (known, away): (Option<&Values>, bool),
) -> Verdict {
    let record = &point_state.record;
    let stays = |own: Option<Own>, tombstone, what| {
        let (ns, before) = (point_state.ns.clone(), record.before.clone());
        Verdict::Becomes(Box::new(ExpectedState { ns, before, own, tombstone, what }))
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
        Verdict::Becomes(Box::new(ExpectedState { ns, before, own: None, tombstone: false, what }))
    };
    let Some(ns) = &point_state.ns else { return leaves(None, left, "left: no name servers") };
    let keeps = || Some(ns.clone());
    if !names(own) {
        let ours = current.is_some() && known.is_some_and(|known| ns.values.is_subset(known));
        return if ours && !named_by_others {
            leaves(None, None, "removed name servers of the child zone")
        } else {
            leaves(keeps(), left, "left: claim names others")
        };
    }
    if point_state.is_held_by_others(&stamp.owner) {
        return leaves(keeps(), left, "left to other holders");
    }
    match point_state.origin().map(|before| &before.displaced) {
        None => leaves(None, None, "removed"),
        Some(None) => leaves(keeps(), None, "left: existed before"),
        Some(Some(displaced)) => {
            let digest = ns_digest(&displaced.servers);
            let claimed =
                record.others(&stamp.owner).any(|claim| Some(&claim.ns) == digest.as_ref());
            let fresh = !displaced.claimed && (0..=DAY).contains(&(stamp.at - displaced.at));
            if (claimed || fresh) && !away {
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

/// A batch that was applied or planned.
pub(crate) struct Batch<'a> {
    pub(crate) stamp: &'a Stamp,
    pub(crate) asks: &'a Asks,
    pub(crate) before: &'a PointState,
    pub(crate) after: &'a PointState,
    /// True if nothing else has changed the point since it was read.
    pub(crate) undisturbed: bool,
}

/// Checks a batch against the tables, and returns the name of the row.
pub(crate) fn check_batch(batch: &Batch<'_>) -> Result<&'static str, String> {
    let Batch { stamp, asks, before, undisturbed, .. } = batch;
    always(batch)?;
    ds::check_batch(batch)?;
    if !undisturbed {
        return Ok("in between");
    }
    match decide(stamp, asks, before) {
        Verdict::Overtaken => unchanged(batch, "a later request came first").map(|()| "overtaken"),
        Verdict::Again => marked(batch).map(|()| "again"),
        Verdict::Refused(why) => unchanged(batch, why).map(|()| "refused"),
        Verdict::Nothing => unchanged(batch, "the request has no claim here").map(|()| "nothing"),
        Verdict::Kept(why) => kept(batch, why),
        Verdict::Becomes(expected) => match becomes(batch, &expected) {
            // The DS record set, or something other than ownership, may prevent what the row
            // allows.
            Err(_) if may_be_kept(batch) => kept(batch, "something else prevents it"),
            Err(wrong) => Err(wrong),
            Ok(()) => Ok(expected.what),
        },
    }
}

/// Returns true if a change that the row allows may be prevented by something else.
pub(crate) fn may_be_kept(batch: &Batch<'_>) -> bool {
    match batch.asks {
        Asks::Delete { .. } => false,
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
    if after.record.claims.iter().filter(|claim| claim.owner == *owner).count() > 1 {
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
        let may = tombstone.is_over(stamp.at, stamp.now)
            || (tombstone.id == stamp.id && tombstone.at < stamp.at);
        if !stays && !may {
            return wrong("a tombstone that is still valid was removed");
        }
    }
    match asks {
        Asks::CreateUpdate(intent) => {
            let written = before.ns != after.ns;
            let grows = intent.is_arrival() && before.record != after.record;
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
        Asks::Delete { .. } => {
            let changes = before.servers() != after.servers();
            if changes && before.is_held_by_others(owner) {
                return wrong("a Delete changed name servers that another resource holds");
            }
            let back = before.origin().and_then(|before| before.displaced.as_ref());
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
    found: &T,
) -> Result<(), String> {
    if expected == found {
        Ok(())
    } else {
        Err(format!("{what}: {found:?}, but by the table {expected:?}"))
    }
}

fn kept(batch: &Batch<'_>, why: &'static str) -> Result<&'static str, String> {
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
    Ok("kept")
}

fn becomes(batch: &Batch<'_>, expected: &ExpectedState) -> Result<(), String> {
    let Batch { stamp, before, after, .. } = batch;
    let what = expected.what;
    if let Some(own) = after.record.own(&stamp.owner, stamp.now) {
        same_of("id of the own claim", &stamp.id, &own.id)?;
    }
    same_of(&format!("name servers ({what})"), &expected.ns, &after.ns)?;
    same_of(&format!("before ({what})"), &expected.before, &after.record.before)?;
    let own = after.record.own(&stamp.owner, stamp.now).map(own_of);
    same_of(&format!("own claim ({what})"), &expected.own, &own)?;
    if let Asks::CreateUpdate(intent) = batch.asks {
        ds::check_claim(batch, intent)?;
    }
    let exists = |record: &Record| {
        let fits = |at: i64| at >= stamp.at && at <= stamp.now + 900;
        record.tombstones.iter().any(|tombstone| tombstone.id == stamp.id && fits(tombstone.at))
    };
    let due = expected.tombstone || exists(&before.record);
    same_of("whether a tombstone exists", &due, &exists(&after.record))
}
