//! Checks what a batch changes, and what a decision without a batch promises.

use crate::model::Model;
use crate::points::{ClaimView, Decided, PointChange, PointId, PointView};
use crate::state::{Behavior, Maker, Part, Physical, Request, RequestType, Snapshot, Stage, State};
use crate::values::{BY_HAND, Config, letter, resource_text, stack_of, zone_letter};

/// How long a tombstone is valid, in seconds.
const TOMBSTONE: i64 = 3600;

/// A batch, with the point before and after it.
pub(super) struct Effect {
    pub(super) request: Request,
    pub(super) part: Part,
    pub(super) behavior: Behavior,
    pub(super) zone: u8,
    pub(super) config: Config,
    pub(super) before: PointView,
    pub(super) after: PointView,
}

impl Model {
    /// Checks a batch that was applied.
    pub(crate) fn check_write(
        &mut self,
        state: &mut State,
        index: usize,
        part: Part,
        change: PointChange,
    ) {
        let delivery = state.deliveries[index].clone();
        let request = *state.request(delivery.request);
        let zone = delivery.zone;
        let config = self.config(request.config);
        let (before, after) =
            (self.points.view(change.before).clone(), self.points.view(change.after).clone());
        let effect =
            Effect { request, part, behavior: delivery.behavior, zone, config, before, after };
        let decided = self.decided(delivery.planned).clone();
        self.check_plan(&effect, &decided);
        self.check_order(&effect, [delivery.physical, delivery.physical_by_old_role]);
        self.check_tombstones(&effect);
        self.check_living(state, &effect);
        self.check_by_hand(state, &effect);
        self.check_arrival(&effect);
        self.check_ds(state, &effect);
        self.note_write(state, &effect);
    }

    /// Checks a decision without a batch. The answer must still be true.
    pub(crate) fn check_without_batch(&mut self, state: &State, index: usize, id: PointId) {
        let delivery = &state.deliveries[index];
        let request = *state.request(delivery.request);
        let config = self.config(request.config);
        let Stage::Observe(part) = delivery.stage else { return };
        let view = self.points.view(id).clone();
        let (behavior, zone) = (delivery.behavior, delivery.zone);
        let effect =
            Effect { request, part, behavior, zone, config, before: view.clone(), after: view };
        let decided = self.decided(delivery.planned).clone();
        self.check_plan(&effect, &decided);
    }

    /// Checks that a plan has the effect that it promises.
    fn check_plan(&mut self, effect: &Effect, decided: &Decided) {
        let Some(plan) = decided.plan() else { return };
        let Effect { request, part, config, after, before, .. } = effect;
        let own = after.claim(request.resource);
        match part {
            Part::CreateUpdate if plan.finds_own_request => {
                if before.servers != after.servers
                    || before.ds != after.ds
                    || before.origin != after.origin
                {
                    self.violation("UPDATE-6: a second delivery changes something".into());
                }
            }
            Part::CreateUpdate => {
                let kept = decided.warns("left-as-it-is");
                if kept
                    && (before.servers != after.servers
                        || before.ds != after.ds
                        || before.origin != after.origin)
                {
                    self.violation(
                        "UPDATE-4: a refusal is a Warning, but something changes".into(),
                    );
                }
                if !kept && after.servers != Some(config.servers) {
                    self.violation(
                        "UPDATE-4: a success without a Warning, but not the desired name servers"
                            .into(),
                    );
                }
                if !kept && own.is_none_or(|own| own.servers != Some(config.servers)) {
                    self.violation("OWN-1: a success without a claim".into());
                }
            }
            Part::Delete if request.physical == Physical::Invented => {
                let time = i64::from(request.time);
                let stone = after.tombstone(request.resource).is_some_and(|stone| stone >= time);
                let later = before.claim(request.resource).is_some_and(|own| own.time > time);
                if own.is_some() == before.claim(request.resource).is_some() && !stone && !later {
                    self.violation("LEAVE-9: a cancelled Create may still run".into());
                }
                let intent = self.points.values.intent(*config);
                let not_its = |own: &ClaimView| own.updated || own.moved || own.intent != intent;
                let kept = before.claim(request.resource).map(not_its);
                if kept.is_some_and(|kept| own.is_some() != kept) && !later {
                    self.violation(
                        "LEAVE-9: an invented id removes a claim that is not its Create's, or leaves that"
                            .into(),
                    );
                }
            }
            Part::Delete | Part::CleanUp => {
                if own.is_some() {
                    self.violation("LEAVE-2: a Delete leaves its claim".into());
                }
                if after.servers.is_some()
                    && before.servers == after.servers
                    && before.claim(request.resource).is_some()
                    && plan.warnings.is_empty()
                {
                    self.violation(
                        "LEAVE-2: a Delete leaves name servers without a warning".into(),
                    );
                }
            }
            Part::Undo => {}
        }
        if after.servers.is_none() && after.ds.is_some() && before.servers.is_some() {
            self.violation("LEAVE-3: a DS record set is left without name servers".into());
        }
    }

    /// Checks that a late request changes nothing, and that every other request writes its time.
    fn check_order(&mut self, effect: &Effect, at_physical: [Snapshot; 2]) {
        let Effect { request, part, before, after, .. } = effect;
        let time = i64::from(request.time);
        let later =
            |view: &PointView| view.claim(request.resource).is_some_and(|own| own.time > time);
        let later_at_physical = at_physical.into_iter().any(|snapshot| match snapshot {
            Snapshot::Read(id) => later(self.points.view(id)),
            Snapshot::Unread | Snapshot::Denied => false,
        });
        if later(before) || (*part == Part::CreateUpdate && later_at_physical) {
            self.violation(
                "TIME-1: a request changes something after a later one of its resource".into(),
            );
        }
        if *part == Part::Undo && before.claim(request.resource).is_some_and(|own| own.time != time)
        {
            self.violation("ARRIVE-8: the claim of another request is undone".into());
        }
        let own = after.claim(request.resource);
        if *part == Part::CreateUpdate && own.is_some_and(|own| own.time != time) {
            self.violation("TIME-1: a request writes, but its claim does not get its time".into());
        }
    }

    /// Checks that a cancelled Create does not run, and that its tombstone stays as long as needed.
    fn check_tombstones(&mut self, effect: &Effect) {
        let Effect { request, part, before, after, .. } = effect;
        let time = i64::from(request.time);
        let counts = |stone: i64| stone + TOMBSTONE > time;
        if *part == Part::CreateUpdate
            && request.kind == RequestType::Create
            && before
                .tombstone(request.resource)
                .is_some_and(|stone| stone >= time && counts(stone))
        {
            self.violation("OWN-8: a cancelled Create runs".into());
        }
        for (resource, stone) in &before.tombstones {
            let needed = counts(*stone) && (*resource != request.resource || *stone >= time);
            if needed && after.tombstone(*resource).is_none_or(|now| now < *stone) {
                self.violation(
                    "OWN-8: a tombstone is removed, or becomes older, while it is needed".into(),
                );
            }
        }
    }

    /// Checks promise 2: no request removes the name servers that a stack holds.
    fn check_living(&mut self, state: &mut State, effect: &Effect) {
        let Effect { request, before, after, zone, .. } = effect;
        if before.servers == after.servers {
            return;
        }
        for (resource, wants) in self.living(state, *zone) {
            let who = resource_text(resource);
            if before.servers == Some(wants.servers) {
                if resource == request.resource && request.awaited {
                    continue;
                }
                // It is being updated to others, so it no longer wants these.
                let on_the_way = state.operations[usize::from(stack_of(resource))].is_some();
                let claims = before.claim(resource).map(|claim| claim.servers);
                if on_the_way && claims.is_some_and(|servers| servers != before.servers) {
                    continue;
                }
                match self.excuse_for_loss(state, effect, resource) {
                    Some(excuse) => {
                        state.facts[usize::from(*zone)].lost |= 1 << resource;
                        self.excuse(excuse);
                    }
                    None => self.violation(format!(
                        "PROMISE 2: {who} holds {} in {}, and another request removes that",
                        letter(wants.servers),
                        zone_letter(*zone)
                    )),
                }
            } else if before.servers.is_none()
                && after.servers.is_some_and(|servers| servers != wants.servers)
            {
                let in_place =
                    !effect.behavior.is_arrival() && before.claim(request.resource).is_some();
                let claimed = before
                    .claim(resource)
                    .is_some_and(|claim| claim.servers == Some(wants.servers));
                if resource != request.resource && claimed && !effect.config.overwrite && !in_place
                {
                    self.violation(format!("ARRIVE-1: created against the claim of {who}"));
                }
            }
        }
    }

    fn excuse_for_loss(
        &self,
        state: &State,
        effect: &Effect,
        resource: u8,
    ) -> Option<&'static str> {
        let Effect { request, before, part, zone, .. } = effect;
        let facts = state.facts[usize::from(*zone)];
        let (own, claim) = (before.claim(request.resource), before.claim(resource));
        let present = *part == Part::CreateUpdate;
        if resource == request.resource {
            // A late Update, and a Create that is delivered after the Delete that removed it, find
            // no tombstone. But a later claim of the resource fences them.
            let fenced = own.is_some_and(|own| own.time > i64::from(request.time));
            return (present && !fenced).then_some("late-request");
        }
        // The displacement is recorded, and restored if the request is rolled back.
        if present && effect.config.overwrite && effect.after.origin == Some(before.servers) {
            return Some("overwritten-by-another");
        }
        let Some(claim) = claim else {
            return (facts.claims_by_hand >> resource & 1 == 1).then_some("claim-removed-by-hand");
        };
        if present
            && !effect.behavior.is_arrival()
            && own.is_some_and(|own| own.holds)
            && !claim.lasting
        {
            return Some("bystander");
        }
        // The name servers that it names were displaced and set again by a resource that overwrote,
        // and that is removed now.
        let restored = before.origin.is_some_and(|origin| origin.is_some());
        if !present && !claim.holds && claim.servers == before.servers && restored {
            return Some("dormant-claim");
        }
        // It was warned that the name servers are not the desired ones. Another resource set the
        // desired ones, and is removed now.
        let warned = facts.warned >> resource & 1 == 1;
        (!present && claim.servers != before.servers && warned).then_some("left-as-it-is")
    }

    /// Checks promise 1: only `AllowOverwrite` changes or removes what people made.
    fn check_by_hand(&mut self, state: &State, effect: &Effect) {
        let Effect { request, before, after, zone, config, part, .. } = effect;
        let facts = state.facts[usize::from(*zone)];
        let changed = before.servers != after.servers
            || (before.servers.is_some() && before.ttl != after.ttl);
        if !changed || facts.maker != Maker::Hand || facts.settled {
            return;
        }
        let own = before.claim(request.resource);
        let fine = match part {
            // A later Update in place of a holder settles, so it may change the name servers.
            Part::CreateUpdate if before.servers != after.servers => {
                let later = |own: &ClaimView| i64::from(request.time) > own.time;
                let holds = own.is_some_and(|own| own.servers == before.servers && later(own));
                config.overwrite || (!effect.behavior.is_arrival() && holds)
            }
            // A later Update in place settles and sets the TTL.
            Part::CreateUpdate => !effect.behavior.is_arrival() && own.is_some(),
            // Name servers of its child zone that were set by hand.
            Part::Delete | Part::CleanUp | Part::Undo => {
                let replaced =
                    state.rezoned && config.servers == 0 && before.servers == Some(BY_HAND);
                let known = before.servers == Some(config.servers) || replaced;
                known && own.is_some_and(|own| own.servers != before.servers)
            }
        };
        if !fine {
            self.violation(
                "PROMISE 1: what people made is changed or removed without AllowOverwrite".into(),
            );
        }
    }

    /// Checks that an arrival at an existing delegation changes nothing.
    fn check_arrival(&mut self, effect: &Effect) {
        let Effect { request, before, after, part, config, .. } = effect;
        if *part != Part::CreateUpdate
            || before.servers != Some(config.servers)
            || before.servers != after.servers
        {
            return;
        }
        if effect.behavior.is_arrival() && (before.ttl != after.ttl || before.ds != after.ds) {
            self.violation("ARRIVE-2: an arrival changes the TTL or the DS record set".into());
        }
        let others =
            before.claims.iter().any(|claim| claim.resource != request.resource && claim.holds);
        let changes_ttl =
            request.kind == RequestType::Update && self.config(request.old).ttl != config.ttl;
        if before.ttl != after.ttl && others && !changes_ttl {
            self.violation(
                "UPDATE-3: one of several holders changes the TTL without changing the property"
                    .into(),
            );
        }
        if before.origin == Some(None) && after.origin.is_none() && own_is_new(effect) {
            self.violation("OWN-6: a resource that has just arrived settles".into());
        }
    }

    /// Checks that a DS record set that another claim manages is never changed.
    fn check_ds(&mut self, state: &State, effect: &Effect) {
        let Effect { request, before, after, zone, part, .. } = effect;
        if before.ds_index == after.ds_index
            || (*part != Part::CreateUpdate && after.servers != before.servers)
        {
            return;
        }
        let living = self.living(state, *zone);
        let named = |claim: &ClaimView| {
            let lives = living.iter().any(|(resource, _)| *resource == claim.resource);
            claim.resource != request.resource && claim.names_ds && lives
        };
        if before.claims.iter().any(named) {
            self.violation("DS-4: a DS record set that another claim manages is changed".into());
        }
    }
}

fn own_is_new(effect: &Effect) -> bool {
    effect.before.claim(effect.request.resource).is_none()
}
