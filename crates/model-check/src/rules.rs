//! The tables of `docs/design.md`, written down once more: what each row says of one decision of
//! the planner. A decision is judged once, when it is asked for first.
//!
//! Nothing of the planner is called here, not even whether a claim holds: the ownership record is
//! only parsed.

use delegation_model::digest::Digest;
use delegation_model::ownership_record::{Before, Claim, ClaimOrigin, Displaced, Value};

use crate::model::{Finding, Model, Question, Reason};
use crate::points::{Decided, PointId};
use crate::values::{BY_HAND, Config, START};
use crate::world::Behavior;

/// A day in seconds: LEAVE-5, UPDATE-5.
const DAY: i64 = 86_400;
/// After so many seconds a tombstone is over: OWN-8.
const TOMBSTONE: i64 = 3600;

/// A delegation point as the rules speak of it.
#[derive(Clone, Debug)]
struct Scene {
    claims: Vec<Claim>,
    before: Option<Before>,
    /// When a Delete of a cancelled Create was made, of the resource that asks.
    stone: Option<i64>,
    servers: Option<Digest>,
    ttl: u32,
    ds: Option<Digest>,
}

/// The row of a table that applies to a Create or an Update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Create,
    Stay,
    Change,
    Repair,
    Displace,
    Refuse(&'static str),
}

/// The row of a table that applies to a Delete.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Leaves {
    /// True if nobody is left to pay the debt.
    Stay(bool),
    Go,
    PutBack(Displaced),
}

impl Scene {
    fn others(&self, id: Digest) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(move |claim| claim.id != id)
    }

    fn own(&self, id: Digest) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.id == id)
    }

    fn debt(&self) -> Option<&Before> {
        self.before.as_ref().filter(|before| Some(before.of) == self.servers)
    }

    /// OWN-2, OWN-3.
    fn holds(&self, claim: &Claim) -> bool {
        let displaced = self.debt().and_then(|before| before.displaced.as_ref());
        Some(claim.ns) == self.servers
            && displaced.is_none_or(|displaced| claim.saw == Some(displaced.time))
    }

    fn names(&self, claim: &Claim) -> bool {
        Some(claim.ns) == self.servers
    }
}

fn is_lasting(claim: &Claim) -> bool {
    claim.origin != ClaimOrigin::Came
}

/// A Create or an Update, and what it finds.
struct Coming<'a> {
    config: Config,
    old: Option<Config>,
    behavior: Behavior,
    time: i64,
    id: Digest,
    wish: Digest,
    old_wish: Option<Digest>,
    desired: Digest,
    before: &'a Scene,
}

impl Coming<'_> {
    fn own(&self) -> Option<&Claim> {
        self.before.own(self.id)
    }

    fn is_later(&self) -> bool {
        self.own().is_none_or(|own| self.time > own.stamp.time)
    }

    fn is_way_back(&self, own: &Claim) -> bool {
        let in_time = (0..=DAY).contains(&(self.time - own.stamp.time));
        self.wish != own.wish && own.previous_wish == Some(self.wish) && in_time
    }

    fn asks_for_new(&self) -> bool {
        match self.own() {
            Some(own) => self.wish != own.wish && !self.is_way_back(own),
            None => self.old_wish != Some(self.wish),
        }
    }

    /// True if the DS record set has no say.
    fn is_plain(&self) -> bool {
        self.before.ds.is_none() && self.config.keys.is_none()
    }

    fn row(&self) -> Row {
        let Self { before, config, .. } = self;
        let own = self.own();
        let arrives = self.behavior.is_arrival();
        let others = || before.others(self.id);
        let conflict = others().any(|claim| claim.ns != self.desired);
        if before.servers.is_none() {
            let put_back = !arrives && own.is_some();
            return if !conflict || put_back || config.overwrite {
                Row::Create
            } else {
                Row::Refuse("ARRIVE-1")
            };
        }
        if before.servers == Some(self.desired) {
            return Row::Stay;
        }
        let own_names = own.is_some_and(|own| before.names(own));
        let named_by_others = others().any(|claim| before.names(claim));
        if !arrives {
            let lasting = others().any(|claim| before.names(claim) && is_lasting(claim));
            let may = before.debt().is_none() || self.is_later();
            if own.is_some_and(|own| before.holds(own)) && !lasting && may {
                return Row::Change;
            }
            let is_drift = own.is_some() && !own_names && !named_by_others;
            if is_drift && before.before.is_none() && !conflict {
                return Row::Repair;
            }
        }
        if config.overwrite || (arrives && own_names && !named_by_others) {
            return if before.debt().is_some() { Row::Refuse("ARRIVE-6") } else { Row::Displace };
        }
        Row::Refuse(if arrives { "ARRIVE-4" } else { "UPDATE-2" })
    }

    /// How what stands came, once the row is carried out.
    fn debt_after(&self, row: Row) -> Option<Before> {
        let Self { before, .. } = self;
        let own = self.own();
        match row {
            // What was displaced is compared apart.
            Row::Create | Row::Change | Row::Repair | Row::Displace => None,
            Row::Refuse(_) => before.before.clone(),
            Row::Stay if self.behavior.is_arrival() => {
                let ours = self.behavior != Behavior::Create
                    && own.is_some_and(|own| own.ns == self.desired);
                let named = ours || before.others(self.id).any(|claim| claim.ns == self.desired);
                if before.debt().is_none() && !named {
                    return Some(Before { of: self.desired, displaced: None });
                }
                before.before.clone()
            }
            Row::Stay => {
                let settles = own.is_some_and(|own| before.holds(own)) && self.is_later();
                before.before.clone().filter(|_| !settles)
            }
        }
    }
}

impl Model {
    /// What the rules say of a decision.
    pub(crate) fn check_decision(&mut self, index: u32, question: Question, id: PointId) {
        let decided = self.decided(index).clone();
        let before = self.scene(id, question);
        let after = if decided.is_idle() { Some(id) } else { self.send(index, id) };
        let broken = match after.map(|after| self.scene(after, question)) {
            None => Err("OWN-1: a batch that Route 53 rejects".to_owned()),
            Some(after) => match question {
                Question::Present { .. } => {
                    self.check_coming(question, &decided, (&before, &after))
                }
                Question::Absent { .. } => {
                    self.check_leaving(question, &decided, (&before, &after))
                }
            },
        };
        if let Err(what) = broken {
            self.findings.push(Finding::Violation(what));
        }
    }

    fn scene(&self, id: PointId, question: Question) -> Scene {
        let (Question::Present { request, .. } | Question::Absent { request, .. }) = question;
        let own = self.points.values.claimants[usize::from(request.resource)].id();
        let seen = self.points.contents(id);
        let record = seen.record();
        let mut scene = Scene {
            claims: Vec::new(),
            before: None,
            stone: None,
            servers: seen.name_servers().as_ref().map(Digest::from_name_servers),
            ttl: self.points.sight(id).ttl,
            ds: seen.ds().as_ref().map(Digest::from_ds),
        };
        for value in record.iter() {
            match value {
                Value::Claim(claim) => scene.claims.push(claim.clone()),
                Value::Before(before) => scene.before = Some(before.clone()),
                Value::Tombstone(stone) if stone.id == own => {
                    scene.stone = scene.stone.max(Some(stone.time));
                }
                Value::Tombstone(_) | Value::Unreadable | Value::Foreign => {}
            }
        }
        scene
    }

    fn check_coming(
        &self,
        question: Question,
        decided: &Decided,
        (before, after): (&Scene, &Scene),
    ) -> Result<(), String> {
        let Question::Present { request, config, old, behavior, .. } = question else {
            return Ok(());
        };
        let values = &self.points.values;
        let (config, old) = (self.config(config), old.map(|old| self.config(old)));
        let coming = Coming {
            config,
            old,
            behavior,
            time: START + i64::from(request.time),
            id: values.claimants[usize::from(request.resource)].id(),
            wish: values.wish(config),
            old_wish: old.map(|old| values.wish(old)),
            desired: values.server_digests[usize::from(config.servers)],
            before,
        };
        let Some(plan) = decided.plan() else {
            if matches!(decided, Decided::Overtaken) {
                let later = coming.own().is_some_and(|own| own.stamp.time > coming.time);
                let cancelled = behavior == Behavior::Create
                    && before.stone.is_some_and(|time| time >= coming.time);
                return holds(later || cancelled, "TIME-1: a request is overtaken by nothing");
            }
            return check_refusal(&coming, true);
        };
        if plan.finds_own_request {
            let own = coming.own().is_some_and(|own| own.stamp.time == coming.time);
            return holds(own, "UPDATE-6: a first delivery takes a claim for its own");
        }
        if decided.warns("left-as-it-is") {
            check_refusal(&coming, false)?;
            return check_kept(&coming, after);
        }
        check_row(&coming, after)?;
        check_claim(&coming, after, |zone| {
            let zone = zone.map(|zone| values.zones[usize::from(zone)].clone());
            after
                .own(coming.id)
                .and_then(|own| own.from.as_ref())
                .is_some_and(|from| from.zone == zone)
        })
    }

    fn check_leaving(
        &self,
        question: Question,
        decided: &Decided,
        (before, after): (&Scene, &Scene),
    ) -> Result<(), String> {
        let Question::Absent { request, config, reason, rejected, known, rezoned } = question
        else {
            return Ok(());
        };
        let values = &self.points.values;
        let id = values.claimants[usize::from(request.resource)].id();
        let time = START + i64::from(request.time);
        let is_same =
            before.servers == after.servers && before.ttl == after.ttl && before.ds == after.ds;
        let stays = is_same && before.before == after.before && before.own(id) == after.own(id);
        if reason == Reason::Invented && before.own(id).is_none_or(|own| own.stamp.time <= time) {
            let newest = before
                .stone
                .is_none_or(|stone| after.stone >= Some(stone) || stone + TOMBSTONE <= time);
            holds(newest, "OWN-8: an older tombstone replaces a newer one")?;
        }
        let Some(own) = before.own(id) else {
            return holds(stays, "LEAVE-1: nothing is ours, and something changes");
        };
        let of_request = own.stamp == crate::function::stamp(request.time, request.id);
        if reason == Reason::TakeBack && (!of_request || own.again) {
            return holds(stays, "ARRIVE-8: what this delivery did not write is taken back");
        }
        if own.stamp.time > time {
            return holds(
                matches!(decided, Decided::Overtaken),
                "TIME-1: a Delete is not overtaken",
            );
        }
        holds(!matches!(decided, Decided::Overtaken), "TIME-1: a Delete is overtaken by nothing")?;
        let of_create = own.origin != ClaimOrigin::Updated && own.from.is_none();
        if reason == Reason::Invented && !of_create {
            return holds(stays, "LEAVE-9: an invented id removes a retained claim");
        }
        holds(after.own(id).is_none(), "LEAVE-2: a Delete has ended, and the claim is there")?;
        let config = self.config(config);
        let is_of = |letter: u8| before.servers == Some(values.server_digests[usize::from(letter)]);
        let is_known = known && (is_of(config.servers) || (rezoned && is_of(BY_HAND)));
        let fate = leaves(before, own, (is_known, rejected), time);
        match &fate {
            Leaves::Stay(_) => {
                let kept = before.servers == after.servers && before.ttl == after.ttl;
                holds(kept, "LEAVE-2: a Delete changes name servers that are to stay")?;
                let others = || before.others(id).any(|claim| claim.ds == before.ds);
                let goes = before.ds.is_some() && own.ds == before.ds && !others();
                let ds = if goes { None } else { before.ds };
                holds(
                    after.ds == ds,
                    "LEAVE-7: a DS record set goes with the last claim that names it, and not before",
                )?;
            }
            Leaves::Go => {
                let gone = after.servers.is_none() && after.ds.is_none();
                holds(gone, "LEAVE-3: the last holder does not take along what is settled")?;
            }
            Leaves::PutBack(displaced) => {
                let back = after.servers
                    == Some(Digest::from_name_servers(&displaced.name_servers))
                    && after.ttl == displaced.ttl.seconds();
                holds(back, "LEAVE-5: what was displaced is not put back")?;
                holds(after.ds.is_none(), "LEAVE-5: a DS record set stays under what is put back")?;
            }
        }
        let keeps = fate == Leaves::Stay(false) && before.others(id).next().is_some();
        let debt = before.before.clone().filter(|_| keeps);
        holds(
            after.before == debt,
            "OWN-5: the debt goes with the last who could pay it, and not before",
        )
    }
}

fn holds(well: bool, what: &str) -> Result<(), String> {
    if well { Ok(()) } else { Err(what.to_owned()) }
}

/// A request is refused. Only an arrival fails, or an Update that asks for something new and would
/// change something.
fn check_refusal(coming: &Coming<'_>, fails: bool) -> Result<(), String> {
    let row = coming.row();
    if coming.is_plain() && !matches!(row, Row::Refuse(_)) {
        let rule = match row {
            Row::Create if coming.behavior.is_arrival() => "ARRIVE-1",
            Row::Create => "UPDATE-1",
            Row::Stay => "ARRIVE-2",
            Row::Change | Row::Repair => "UPDATE-2",
            Row::Displace if coming.config.overwrite => "ARRIVE-5",
            Row::Displace => "ARRIVE-4",
            Row::Refuse(rule) => rule,
        };
        return Err(format!("{rule}: refused, and the table says {row:?}"));
    }
    if coming.behavior.is_arrival() {
        return holds(fails, "UPDATE-4: a refused arrival does not fail");
    }
    if !coming.asks_for_new() {
        return holds(!fails, "UPDATE-4: an Update fails that asks for nothing new");
    }
    // Whether the DS record set would change is said by its own table.
    let would_change = coming.before.servers != Some(coming.desired);
    holds(
        fails || !would_change,
        "UPDATE-4: an Update asks for something new, is refused, and does not fail",
    )
}

/// Everything stays, nothing is settled, and the claim gets the time of the request; on the way
/// back the wish too.
fn check_kept(coming: &Coming<'_>, after: &Scene) -> Result<(), String> {
    let Coming { before, id, time, wish, desired, .. } = *coming;
    let same = (before.servers, before.ttl, before.ds) == (after.servers, after.ttl, after.ds);
    holds(
        same && before.before == after.before,
        "UPDATE-4: a Warning, and something changes or is settled",
    )?;
    let (Some(own), Some(now)) = (before.own(id), after.own(id)) else {
        return holds(
            after.own(id).is_none() && before.own(id).is_none(),
            "UPDATE-4: a Warning, and a claim comes or goes",
        );
    };
    holds(now.stamp.time == time, "TIME-1: what is kept does not get the time of the request")?;
    if !coming.is_way_back(own) {
        let kept = Claim { stamp: own.stamp, ..now.clone() } == *own;
        return holds(kept, "UPDATE-4: a Warning, and the claim gets more than the time");
    }
    let wishes = now.wish == wish && now.previous_wish == Some(own.wish);
    holds(wishes, "UPDATE-5: a refused way back does not write its wish")?;
    let alone = before.holds(own) && !before.others(id).any(|claim| before.holds(claim));
    if alone {
        return holds(
            (now.ns, now.ds) == (own.ns, own.ds),
            "UPDATE-5: a refused way back gives up what it alone holds",
        );
    }
    holds(now.ns == desired, "UPDATE-5: a refused way back goes on naming what others hold too")?;
    holds(
        now.ds.is_none() || own.ns == desired,
        "UPDATE-5: a refused way back keeps the DS record set of other name servers",
    )
}

/// A request is carried out: what its row of the table says.
fn check_row(coming: &Coming<'_>, after: &Scene) -> Result<(), String> {
    let Coming { before, id, config, desired, .. } = *coming;
    let row = coming.row();
    if let Row::Refuse(rule) = row {
        return Err(format!("{rule}: carried out, and the table refuses"));
    }
    let arrives = coming.behavior.is_arrival();
    if row == Row::Stay {
        let sole = !before.others(id).any(|claim| before.holds(claim));
        let changes_ttl = coming.old.is_some_and(|old| old.ttl != config.ttl);
        let ttl = if !arrives && (sole || changes_ttl) { config.ttl } else { before.ttl };
        holds(
            after.ttl == ttl,
            if arrives {
                "ARRIVE-2: an arrival changes the TTL"
            } else {
                "UPDATE-3: the TTL is brought by a sole holder, or by the request that changes it"
            },
        )?;
        holds(!arrives || before.ds == after.ds, "ARRIVE-2: an arrival changes the DS record set")?;
    } else {
        holds(
            after.ttl == config.ttl,
            "UPDATE-3: new name servers have another TTL than was asked for",
        )?;
    }
    if row == Row::Displace {
        let debt = after.before.as_ref().filter(|debt| debt.of == desired);
        let claimed = before.others(id).any(|claim| before.names(claim));
        let remembers = debt.and_then(|debt| debt.displaced.as_ref()).is_some_and(|displaced| {
            let servers = Some(Digest::from_name_servers(&displaced.name_servers));
            (servers, displaced.ttl.seconds()) == (before.servers, before.ttl)
                && (displaced.time, displaced.claimed) == (coming.time, claimed)
        });
        return holds(remembers, "ARRIVE-5: what is displaced is not remembered");
    }
    let rule = match row {
        Row::Stay if arrives => {
            "ARRIVE-3: an arrival does not remember what stood before, or remembers something else"
        }
        Row::Stay => "OWN-6: the first later Update in place of a holder settles, and no other",
        _ => "OWN-5: a debt is left that is of nothing",
    };
    holds(after.before == coming.debt_after(row), rule)
}

/// A request is carried out: what its claim says.
fn check_claim(
    coming: &Coming<'_>,
    after: &Scene,
    comes_from: impl Fn(Option<u8>) -> bool,
) -> Result<(), String> {
    let row = coming.row();
    let Some(now) = after.own(coming.id) else {
        return Err("OWN-1: a success, and no claim says so".into());
    };
    holds(after.holds(now), "OWN-3: a success, and its claim does not hold what exists")?;
    let origin = match coming.behavior {
        Behavior::InPlace | Behavior::Home(_) => ClaimOrigin::Updated,
        Behavior::Create | Behavior::Replacement(_) if row == Row::Stay => ClaimOrigin::Came,
        Behavior::Create | Behavior::Replacement(_) => ClaimOrigin::Made,
    };
    let rule = "ARRIVE-2: only who made what exists, or has updated it, has a lasting claim";
    holds(now.origin == origin, rule)?;
    let arrives = coming.behavior.is_arrival();
    let was = coming.own().map(|own| own.wish).or(coming.old_wish).filter(|_| !arrives);
    holds(
        now.wish == coming.wish && now.previous_wish == was,
        "UPDATE-5: the claim does not remember the wish of before",
    )?;
    holds(
        coming.config.keys.is_some() || now.ds.is_none(),
        "DS-6: a claim manages a DS record set that nobody asks for",
    )?;
    let from = match coming.behavior {
        Behavior::Home(zone) => comes_from(Some(zone)),
        Behavior::Replacement(zone) => comes_from(zone),
        Behavior::Create => now.from.is_none(),
        Behavior::InPlace if coming.is_later() => now.from.is_none(),
        Behavior::InPlace => now.from == coming.own().and_then(|own| own.from.clone()),
    };
    holds(
        from,
        "MOVE-3: a claim notes where a move came from until the next later Update in place, and no longer",
    )
}

/// The row of the table of Leaving.
fn leaves(before: &Scene, own: &Claim, (is_known, rejected): (bool, bool), time: i64) -> Leaves {
    let others = || before.others(own.id);
    if before.servers.is_none() {
        return Leaves::Stay(false);
    }
    let named_by_others = others().any(|claim| before.names(claim));
    if !before.names(own) {
        return if is_known && !named_by_others { Leaves::Go } else { Leaves::Stay(false) };
    }
    if others().any(|claim| before.holds(claim)) {
        return Leaves::Stay(false);
    }
    let Some(debt) = before.debt() else { return Leaves::Go };
    let Some(displaced) = &debt.displaced else { return Leaves::Stay(true) };
    let digest = Digest::from_name_servers(&displaced.name_servers);
    let still_named = others().any(|claim| claim.ns == digest);
    let of_nobody = !displaced.claimed && (0..=DAY).contains(&(time - displaced.time));
    if !rejected && (still_named || of_nobody) {
        return Leaves::PutBack(displaced.clone());
    }
    if named_by_others { Leaves::Stay(true) } else { Leaves::Go }
}
