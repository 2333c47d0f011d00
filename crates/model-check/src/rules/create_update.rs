//! The rules of arriving and updating.

use delegation_model::digest::Digest;
use delegation_model::ownership_record::{Claim, ClaimBasis, Origin};

use super::{DAY, PointState, holds};
use crate::model::{Model, Question};
use crate::points::Decided;
use crate::state::Behavior;
use crate::values::{Config, START};

/// The row of the table that applies to a Create or an Update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Create,
    Unchanged,
    Change,
    Repair,
    Displace,
    Refuse(&'static str),
}

fn is_lasting(claim: &Claim) -> bool {
    claim.basis != ClaimBasis::Came
}

/// A Create or an Update, and the point that it finds.
struct CreateUpdate<'a> {
    config: Config,
    old: Option<Config>,
    behavior: Behavior,
    time: i64,
    id: Digest,
    intent: Digest,
    old_intent: Option<Digest>,
    desired: Digest,
    before: &'a PointState,
}

impl CreateUpdate<'_> {
    fn own(&self) -> Option<&Claim> {
        self.before.own(self.id)
    }

    fn is_later(&self) -> bool {
        self.own().is_none_or(|own| self.time > own.stamp.time)
    }

    fn is_rollback(&self, own: &Claim) -> bool {
        let in_time = (0..=DAY).contains(&(self.time - own.stamp.time));
        self.intent != own.intent && own.previous_intent == Some(self.intent) && in_time
    }

    fn asks_for_new(&self) -> bool {
        match self.own() {
            Some(own) => self.intent != own.intent && !self.is_rollback(own),
            None => self.old_intent != Some(self.intent),
        }
    }

    /// Returns true if there is no DS record set and none is desired.
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
            let restores = !arrives && own.is_some();
            return if !conflict || restores || config.overwrite {
                Row::Create
            } else {
                Row::Refuse("ARRIVE-1")
            };
        }
        if before.servers == Some(self.desired) {
            return Row::Unchanged;
        }
        let own_names = own.is_some_and(|own| before.names(own));
        let named_by_others = others().any(|claim| before.names(claim));
        if !arrives {
            let lasting = others().any(|claim| before.names(claim) && is_lasting(claim));
            let may = before.origin().is_none() || self.is_later();
            if own.is_some_and(|own| before.holds(own)) && !lasting && may {
                return Row::Change;
            }
            let is_drift = own.is_some() && !own_names && !named_by_others;
            if is_drift && before.recorded_origin.is_none() && !conflict {
                return Row::Repair;
            }
        }
        if config.overwrite || (arrives && own_names && !named_by_others) {
            return if before.origin().is_some() { Row::Refuse("ARRIVE-6") } else { Row::Displace };
        }
        Row::Refuse(if arrives { "ARRIVE-4" } else { "UPDATE-2" })
    }

    /// Returns the recorded origin after the row is applied.
    fn origin_after(&self, row: Row) -> Option<Origin> {
        let Self { before, .. } = self;
        let own = self.own();
        match row {
            // A displacement is checked separately.
            Row::Create | Row::Change | Row::Repair | Row::Displace => None,
            Row::Refuse(_) => before.recorded_origin.clone(),
            Row::Unchanged if self.behavior.is_arrival() => {
                let ours = own.is_some_and(|own| own.ns == self.desired);
                let is_create = self.behavior == Behavior::Create;
                let named = (ours && !is_create)
                    || before.others(self.id).any(|claim| {
                        claim.ns == self.desired && !(ours && is_create && !is_lasting(claim))
                    });
                if before.origin().is_none() && !named {
                    return Some(Origin { of: self.desired, displaced: None });
                }
                before.recorded_origin.clone()
            }
            Row::Unchanged => {
                let settles = own.is_some_and(|own| before.holds(own)) && self.is_later();
                before.recorded_origin.clone().filter(|_| !settles)
            }
        }
    }
}

impl Model {
    pub(super) fn check_create_update(
        &self,
        question: Question,
        decided: &Decided,
        before: &PointState,
        after: &PointState,
    ) -> Result<(), String> {
        let Question::CreateUpdate { request, config, old, behavior, .. } = question else {
            return Ok(());
        };
        let values = &self.points.values;
        let (config, old) = (self.config(config), old.map(|old| self.config(old)));
        let case = CreateUpdate {
            config,
            old,
            behavior,
            time: START + i64::from(request.time),
            id: values.claimants[usize::from(request.resource)].id(),
            intent: values.intent(config),
            old_intent: old.map(|old| values.intent(old)),
            desired: values.server_digests[usize::from(config.servers)],
            before,
        };
        let Some(plan) = decided.plan() else {
            if matches!(decided, Decided::Overtaken) {
                let later = case.own().is_some_and(|own| own.stamp.time > case.time);
                let stamp = crate::function::stamp(request.time, request.id);
                let has_run = case.own().is_some_and(|own| own.stamp == stamp);
                let cancelled = behavior == Behavior::Create
                    && !has_run
                    && before.stone.is_some_and(|time| time >= case.time);
                return holds(
                    later || cancelled,
                    "TIME-1: a request is overtaken without a later one",
                );
            }
            return check_refusal(&case, Refused::Fails);
        };
        if plan.finds_own_request {
            let own = case.own().is_some_and(|own| own.stamp.time == case.time);
            return holds(
                own,
                "UPDATE-6: a first delivery treats a claim as that of its own request",
            );
        }
        if decided.warns("left-as-it-is") {
            check_refusal(&case, Refused::Warns)?;
            return check_kept(&case, after);
        }
        check_row(&case, after)?;
        check_claim(&case, after, |zone| {
            let zone = zone.map(|zone| values.zones[usize::from(zone)].clone());
            after
                .own(case.id)
                .and_then(|own| own.from.as_ref())
                .is_some_and(|from| from.zone == zone)
        })
    }
}

/// What a refusal does to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Fails,
    /// The request succeeds with a `Warning`.
    Warns,
}

/// Checks a refusal. It fails only an arrival, or an Update that asks for something new and would
/// change something.
fn check_refusal(case: &CreateUpdate<'_>, refused: Refused) -> Result<(), String> {
    let fails = refused == Refused::Fails;
    let row = case.row();
    if case.is_plain() && !matches!(row, Row::Refuse(_)) {
        let rule = match row {
            Row::Create if case.behavior.is_arrival() => "ARRIVE-1",
            Row::Create => "UPDATE-1",
            Row::Unchanged => "ARRIVE-2",
            Row::Change | Row::Repair => "UPDATE-2",
            Row::Displace if case.config.overwrite => "ARRIVE-5",
            Row::Displace => "ARRIVE-4",
            Row::Refuse(rule) => rule,
        };
        return Err(format!("{rule}: refused, but the table says {row:?}"));
    }
    if case.behavior.is_arrival() {
        return holds(fails, "UPDATE-4: a refused arrival does not fail");
    }
    if !case.asks_for_new() {
        return holds(!fails, "UPDATE-4: an Update fails that asks for nothing new");
    }
    // The table of the DS record set says whether that would change.
    let would_change = case.before.servers != Some(case.desired);
    holds(
        fails || !would_change,
        "UPDATE-4: an Update asks for something new, is refused, and does not fail",
    )
}

/// Checks a refusal that is only a `Warning`: everything stays, nothing is settled, and the claim
/// gets the time of the request, in a rollback Update also the intent.
fn check_kept(case: &CreateUpdate<'_>, after: &PointState) -> Result<(), String> {
    let CreateUpdate { before, id, time, intent, desired, .. } = *case;
    let same = (before.servers, before.ttl, before.ds) == (after.servers, after.ttl, after.ds);
    holds(
        same && before.recorded_origin == after.recorded_origin,
        "UPDATE-4: a refusal is a Warning, but something changes or is settled",
    )?;
    let (Some(own), Some(now)) = (before.own(id), after.own(id)) else {
        return holds(
            after.own(id).is_none() && before.own(id).is_none(),
            "UPDATE-4: a refusal is a Warning, but a claim is added or removed",
        );
    };
    holds(
        now.stamp.time == time,
        "TIME-1: a refusal is a Warning, but the claim does not get the time of the request",
    )?;
    if !case.is_rollback(own) {
        let kept = Claim { stamp: own.stamp, ..now.clone() } == *own;
        return holds(
            kept,
            "UPDATE-4: a refusal is a Warning, but the claim gets more than the time",
        );
    }
    let intents = now.intent == intent && now.previous_intent == Some(own.intent);
    holds(intents, "UPDATE-5: a refused rollback does not write its intent")?;
    let alone = before.holds(own) && !before.others(id).any(|claim| before.holds(claim));
    if alone {
        return holds(
            (now.ns, now.ds) == (own.ns, own.ds),
            "UPDATE-5: a refused rollback gives up name servers of which it is the only holder",
        );
    }
    holds(
        now.ns == desired,
        "UPDATE-5: a refused rollback still names name servers that others hold, too",
    )?;
    holds(
        now.ds.is_none() || own.ns == desired,
        "UPDATE-5: a refused rollback keeps managing the DS record set of other name servers",
    )
}

/// Checks a request that is not refused against its row of the table.
fn check_row(case: &CreateUpdate<'_>, after: &PointState) -> Result<(), String> {
    let CreateUpdate { before, id, config, desired, .. } = *case;
    let row = case.row();
    if let Row::Refuse(rule) = row {
        return Err(format!("{rule}: not refused, but the table refuses"));
    }
    let arrives = case.behavior.is_arrival();
    if row == Row::Unchanged {
        let sole = !before.others(id).any(|claim| before.holds(claim));
        let changes_ttl = case.old.is_some_and(|old| old.ttl != config.ttl);
        let ttl = if !arrives && (sole || changes_ttl) { config.ttl } else { before.ttl };
        holds(
            after.ttl == ttl,
            if arrives {
                "ARRIVE-2: an arrival changes the TTL"
            } else {
                "UPDATE-3: only a sole holder, or a request that changes it, sets the TTL"
            },
        )?;
        holds(!arrives || before.ds == after.ds, "ARRIVE-2: an arrival changes the DS record set")?;
    } else {
        holds(after.ttl == config.ttl, "UPDATE-3: new name servers do not have the desired TTL")?;
    }
    if row == Row::Displace {
        let origin = after.recorded_origin.as_ref().filter(|origin| origin.of == desired);
        let claimed = before.others(id).any(|claim| before.names(claim));
        let remembers =
            origin.and_then(|origin| origin.displaced.as_ref()).is_some_and(|displaced| {
                let servers = Some(Digest::from_name_servers(&displaced.name_servers));
                (servers, displaced.ttl.seconds()) == (before.servers, before.ttl)
                    && (displaced.time, displaced.claimed) == (case.time, claimed)
            });
        return holds(remembers, "ARRIVE-5: a displacement is not recorded");
    }
    let rule = match row {
        Row::Unchanged if arrives => {
            "ARRIVE-3: an arrival does not record what existed before, or records something else"
        }
        Row::Unchanged => {
            "OWN-6: the first later Update in place of a holder settles, and no other"
        }
        _ => "OWN-5: an origin is left that is about nothing",
    };
    holds(after.recorded_origin == case.origin_after(row), rule)
}

/// Checks the claim of a request that is not refused.
fn check_claim(
    case: &CreateUpdate<'_>,
    after: &PointState,
    comes_from: impl Fn(Option<u8>) -> bool,
) -> Result<(), String> {
    let row = case.row();
    let Some(now) = after.own(case.id) else {
        return Err("OWN-1: a success without a claim".into());
    };
    holds(
        after.holds(now),
        "OWN-3: a success, but its claim does not hold the current name servers",
    )?;
    let basis = match case.behavior {
        Behavior::InPlace | Behavior::Home(_) => ClaimBasis::Updated,
        Behavior::Create | Behavior::Replacement(_) if row == Row::Unchanged => ClaimBasis::Came,
        Behavior::Create | Behavior::Replacement(_) => ClaimBasis::Made,
    };
    let rule = "ARRIVE-2: the basis of the claim is not that of its request";
    holds(now.basis == basis, rule)?;
    let arrives = case.behavior.is_arrival();
    let was = case.own().map(|own| own.intent).or(case.old_intent).filter(|_| !arrives);
    holds(
        now.intent == case.intent && now.previous_intent == was,
        "UPDATE-5: the claim does not record the previous intent",
    )?;
    holds(
        case.config.keys.is_some() || now.ds.is_none(),
        "DS-6: a claim manages a DS record set that its resource does not ask for",
    )?;
    let from = match case.behavior {
        Behavior::Home(zone) => comes_from(Some(zone)),
        Behavior::Replacement(zone) => comes_from(zone),
        Behavior::Create => now.from.is_none(),
        Behavior::InPlace if case.is_later() => now.from.is_none(),
        Behavior::InPlace => now.from == case.own().and_then(|own| own.from.clone()),
    };
    holds(
        from,
        "MOVE-3: a claim records a move until the next later Update in place, and no longer",
    )
}
