//! The properties: what may never happen. Each names the rule of `docs/design.md` behind it, and
//! knows nothing of how the planner decides. What the contract leaves is excused here, each by its
//! name.

use crate::function::keys_of;
use crate::model::{Finding, Model};
use crate::points::{ClaimSight, Decided, PointId, Sight};
use crate::values::{BY_HAND, Config, letter, resource_text, resources_of, stack_of, zone_letter};
use crate::world::{
    Answer, Behavior, Cached, Done, Held, Kind, LeftBy, Maker, Operation, Part, Phase, Physical,
    Request, Snap, World,
};

/// The name of everything that is excused. The page has a line for each.
pub const EXCUSES: [&str; 21] = [
    "late-request",
    "dead-claim",
    "bystander",
    "sleeping-claim",
    "claim-removed-by-hand",
    "name-servers-by-hand",
    "overwritten-in-place",
    "overwritten-by-another",
    "retained-and-cancelled",
    "retained-and-moved-back",
    "rolled-back-after-a-day",
    "dead-name-servers",
    "lost-before",
    "keys-rolled",
    "ds-by-hand",
    "left-as-it-is",
    "ttl-of-an-arrival",
    "stuck-by-hand",
    "skipped-before",
    "ds-without-name-servers",
    "second-delivery-after-a-marker",
];

/// The TTL of the DNSKEY record set of a hosted zone in seconds.
const KEYS_TTL: u32 = 3600;
/// After so many seconds a tombstone is over.
const TOMBSTONE: i64 = 3600;
/// A day in seconds.
const DAY: i32 = 86_400;

impl Model {
    fn violation(&mut self, text: String) {
        self.findings.push(Finding::Violation(text));
    }

    fn excuse(&mut self, name: &'static str) {
        debug_assert!(EXCUSES.contains(&name), "{name}");
        self.findings.push(Finding::Excused(name));
    }

    /// Whether a child zone is there: it dies with the last stack that names it. Name servers set
    /// by hand never do.
    pub(crate) fn is_alive(&self, world: &World, servers: u8) -> bool {
        if servers == BY_HAND || world.kept >> servers & 1 == 1 {
            return true;
        }
        let names = |config: u8| self.config(config).servers == servers;
        let held = world.slots.iter().flatten().any(|held| names(held.config));
        let in_operation = |operation: &Operation| {
            operation.before.iter().flatten().any(|held| names(held.config))
                || operation.target.iter().flatten().any(|config| names(*config))
        };
        held || world.operations.iter().flatten().any(in_operation)
    }

    /// The resources that CloudFormation holds at a point, with what they want.
    fn living(&self, world: &World, zone: u8) -> Vec<(u8, Config)> {
        let here = |held: &Held| held.physical == Physical::Point(zone);
        let all = world.slots.iter().zip(0u8..);
        all.filter_map(|(held, resource)| Some((resource, held.filter(here)?)))
            .map(|(resource, held)| (resource, self.config(held.config)))
            .collect()
    }

    /// A batch was carried out.
    pub(crate) fn judge_write(
        &mut self,
        world: &mut World,
        index: usize,
        part: Part,
        points: (PointId, PointId),
    ) {
        let delivery = world.deliveries[index].clone();
        let request = *world.request(delivery.request);
        let zone = delivery.zone;
        let config = self.config(request.config);
        let (before, after) =
            (self.points.sight(points.0).clone(), self.points.sight(points.1).clone());
        let turn = Turn { request, part, behavior: delivery.behavior, zone, config, before, after };
        let decided = self.decided(delivery.planned).clone();
        self.judge_plan(&turn, &decided);
        self.judge_order(&turn, [delivery.physical, delivery.physical_by_old_role]);
        self.judge_tombstones(&turn);
        self.judge_living(world, &turn);
        self.judge_by_hand(world, &turn);
        self.judge_arrival(&turn);
        self.judge_ds(world, &turn);
        self.note_write(world, &turn);
    }

    /// Nothing had to be sent: the answer must still be true.
    pub(crate) fn judge_idle(&mut self, world: &World, index: usize, id: PointId) {
        let delivery = &world.deliveries[index];
        let request = *world.request(delivery.request);
        let config = self.config(request.config);
        let crate::world::Stage::Observe(part) = delivery.stage else { return };
        let sight = self.points.sight(id).clone();
        let (behavior, zone) = (delivery.behavior, delivery.zone);
        let turn =
            Turn { request, part, behavior, zone, config, before: sight.clone(), after: sight };
        let decided = self.decided(delivery.planned).clone();
        self.judge_plan(&turn, &decided);
    }

    /// What a plan promises is there once it is carried out.
    fn judge_plan(&mut self, turn: &Turn, decided: &Decided) {
        let Some(plan) = decided.plan() else { return };
        let Turn { request, part, config, after, before, .. } = turn;
        let own = after.claim(request.resource);
        match part {
            Part::Present if plan.finds_own_request => {
                if before.servers != after.servers
                    || before.ds != after.ds
                    || before.debt != after.debt
                {
                    self.violation("UPDATE-6: a second delivery changes something".into());
                }
            }
            Part::Present => {
                let kept = decided.warns("left-as-it-is");
                if kept
                    && (before.servers != after.servers
                        || before.ds != after.ds
                        || before.debt != after.debt)
                {
                    self.violation("UPDATE-4: a Warning, and something changed".into());
                }
                if !kept && after.servers != Some(config.servers) {
                    self.violation(
                        "UPDATE-4: a success without a Warning, and other name servers stand than were asked for"
                            .into(),
                    );
                }
                if !kept && own.is_none_or(|own| own.servers != Some(config.servers)) {
                    self.violation("OWN-1: a success, and no claim says so".into());
                }
            }
            Part::Absent if request.physical == Physical::Invented => {
                let time = i64::from(request.time);
                let stone = after.tombstone(request.resource).is_some_and(|stone| stone >= time);
                let later = before.claim(request.resource).is_some_and(|own| own.time > time);
                if own.is_some() == before.claim(request.resource).is_some() && !stone && !later {
                    self.violation("LEAVE-9: a cancelled Create may still run".into());
                }
                let (was, updated) = match before.claim(request.resource) {
                    Some(own) => (true, own.updated || own.moved),
                    None => (false, false),
                };
                if was && own.is_some() != updated && !later {
                    self.violation(
                        "LEAVE-9: an invented id removes a retained claim, or leaves that of its Create".into(),
                    );
                }
            }
            Part::Absent | Part::CleanUp => {
                if own.is_some() {
                    self.violation("LEAVE-2: a Delete has ended, and the claim is there".into());
                }
                if after.servers.is_some()
                    && before.servers == after.servers
                    && before.claim(request.resource).is_some()
                    && plan.warnings.is_empty()
                {
                    self.violation(
                        "LEAVE-2: a Delete leaves name servers and does not say so".into(),
                    );
                }
            }
            Part::TakeBack => {}
        }
        if after.servers.is_none() && after.ds.is_some() && before.servers.is_some() {
            self.violation("LEAVE-3: a DS record set is left without name servers".into());
        }
    }

    /// What comes too late changes nothing, and what comes leaves its time.
    fn judge_order(&mut self, turn: &Turn, at_physical: [Snap; 2]) {
        let Turn { request, part, before, after, .. } = turn;
        let time = i64::from(request.time);
        let later =
            |sight: &Sight| sight.claim(request.resource).is_some_and(|own| own.time > time);
        let seen = at_physical.into_iter().any(|snap| match snap {
            Snap::Read(id) => later(self.points.sight(id)),
            Snap::Unread | Snap::Denied => false,
        });
        if later(before) || (*part == Part::Present && seen) {
            self.violation(
                "TIME-1: a request changes something after a later one of its resource".into(),
            );
        }
        if *part == Part::TakeBack
            && before.claim(request.resource).is_some_and(|own| own.time != time)
        {
            self.violation("ARRIVE-8: the claim of another request is taken back".into());
        }
        let own = after.claim(request.resource);
        if *part == Part::Present && own.is_some_and(|own| own.time != time) {
            self.violation("TIME-1: a request writes, and its claim has not its time".into());
        }
    }

    /// A cancelled Create does not run, and what keeps it from that stays as long as it is needed.
    fn judge_tombstones(&mut self, turn: &Turn) {
        let Turn { request, part, before, after, .. } = turn;
        let time = i64::from(request.time);
        let counts = |stone: i64| stone + TOMBSTONE > time;
        if *part == Part::Present
            && request.kind == Kind::Create
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
                    "OWN-8: a tombstone goes, or becomes older, while it is needed".into(),
                );
            }
        }
    }

    /// Promise 2: nobody takes away what a stack holds.
    fn judge_living(&mut self, world: &mut World, turn: &Turn) {
        let Turn { request, before, after, zone, .. } = turn;
        if before.servers == after.servers {
            return;
        }
        for (resource, wants) in self.living(world, *zone) {
            let who = resource_text(resource);
            if before.servers == Some(wants.servers) {
                if resource == request.resource && request.awaited {
                    continue;
                }
                // On the way to others, it does not want these any more.
                let on_the_way = world.operations[usize::from(stack_of(resource))].is_some();
                let claims = before.claim(resource).map(|claim| claim.servers);
                if on_the_way && claims.is_some_and(|servers| servers != before.servers) {
                    continue;
                }
                match self.excuse_for_loss(world, turn, resource) {
                    Some(excuse) => {
                        world.facts[usize::from(*zone)].lost |= 1 << resource;
                        self.excuse(excuse);
                    }
                    None => self.violation(format!(
                        "PROMISE 2: {who} holds {} in {}, and another request takes that away",
                        letter(wants.servers),
                        zone_letter(*zone)
                    )),
                }
            } else if before.servers.is_none()
                && after.servers.is_some_and(|servers| servers != wants.servers)
            {
                let in_place =
                    !turn.behavior.is_arrival() && before.claim(request.resource).is_some();
                let claimed = before
                    .claim(resource)
                    .is_some_and(|claim| claim.servers == Some(wants.servers));
                if resource != request.resource && claimed && !turn.config.overwrite && !in_place {
                    self.violation(format!("ARRIVE-1: created against the claim of {who}"));
                }
            }
        }
    }

    fn excuse_for_loss(&self, world: &World, turn: &Turn, resource: u8) -> Option<&'static str> {
        let Turn { request, before, part, zone, .. } = turn;
        let facts = world.facts[usize::from(*zone)];
        let (own, claim) = (before.claim(request.resource), before.claim(resource));
        let present = *part == Part::Present;
        if resource == request.resource {
            // Late Updates, and a Create delivered after the Delete that removed it, find no
            // tombstone; but a later claim of the resource is a fence.
            let fenced = own.is_some_and(|own| own.time > i64::from(request.time));
            return (present && !fenced).then_some("late-request");
        }
        // It is remembered, and given back if the request is rolled back.
        if present && turn.config.overwrite && turn.after.debt == Some(before.servers) {
            return Some("overwritten-by-another");
        }
        let Some(claim) = claim else {
            return (facts.claims_by_hand >> resource & 1 == 1).then_some("claim-removed-by-hand");
        };
        if present
            && !turn.behavior.is_arrival()
            && own.is_some_and(|own| own.holds)
            && !claim.lasting
        {
            return Some("bystander");
        }
        // What it names was displaced, and brought again by somebody who overwrote, and leaves now.
        let brought = before.debt.is_some_and(|debt| debt.is_some());
        if !present && !claim.holds && claim.servers == before.servers && brought {
            return Some("sleeping-claim");
        }
        // It was told that others stand than it asks for. Somebody else brought what it asks for,
        // and leaves now.
        let told = facts.told >> resource & 1 == 1;
        (!present && claim.servers != before.servers && told).then_some("left-as-it-is")
    }

    /// Promise 1: nothing that people made is changed or removed, but by `AllowOverwrite`.
    fn judge_by_hand(&mut self, world: &World, turn: &Turn) {
        let Turn { request, before, after, zone, config, part, .. } = turn;
        let facts = world.facts[usize::from(*zone)];
        let changed = before.servers != after.servers
            || (before.servers.is_some() && before.ttl != after.ttl);
        if !changed || facts.maker != Maker::Hand || facts.settled {
            return;
        }
        let own = before.claim(request.resource);
        let fine = match part {
            // A later Update in place of a holder settles, and may change it.
            Part::Present if before.servers != after.servers => {
                let later = |own: &ClaimSight| i64::from(request.time) > own.time;
                let holds = own.is_some_and(|own| own.servers == before.servers && later(own));
                config.overwrite || (!turn.behavior.is_arrival() && holds)
            }
            // A later Update in place settles, and brings the TTL.
            Part::Present => !turn.behavior.is_arrival() && own.is_some(),
            // Its child zone's name servers, set by hand in the place of others.
            Part::Absent | Part::CleanUp | Part::TakeBack => {
                let replaced =
                    world.rezoned && config.servers == 0 && before.servers == Some(BY_HAND);
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

    /// Who arrives at a standing delegation changes nothing.
    fn judge_arrival(&mut self, turn: &Turn) {
        let Turn { request, before, after, part, config, .. } = turn;
        if *part != Part::Present
            || before.servers != Some(config.servers)
            || before.servers != after.servers
        {
            return;
        }
        if turn.behavior.is_arrival() && (before.ttl != after.ttl || before.ds != after.ds) {
            self.violation(
                "ARRIVE-2: an arrival changes the TTL or the DS record set of what stands".into(),
            );
        }
        let others =
            before.claims.iter().any(|claim| claim.resource != request.resource && claim.holds);
        let changes_ttl =
            request.kind == Kind::Update && self.config(request.old).ttl != config.ttl;
        if before.ttl != after.ttl && others && !changes_ttl {
            self.violation("UPDATE-3: one of several holders changes the TTL unasked".into());
        }
        if before.debt == Some(None) && after.debt.is_none() && own_is_new(turn) {
            self.violation("OWN-6: who has just come settles what stood before".into());
        }
    }

    /// The Delete of a resource is given up, forced or left out: what it holds there is left.
    pub(crate) fn note_forgotten(&self, world: &mut World, zone: u8, resource: u8) {
        let sight = self.points.sight(world.points[usize::from(zone)]);
        let names = sight.claim(resource).is_some_and(|claim| claim.servers == sight.servers);
        let facts = &mut world.facts[usize::from(zone)];
        facts.forgotten |= 1 << resource;
        if names && sight.servers.is_some() {
            facts.left_by = LeftBy::Forgotten;
        }
    }

    /// A DS record set that another claim names is never touched.
    fn judge_ds(&mut self, world: &World, turn: &Turn) {
        let Turn { request, before, after, zone, part, .. } = turn;
        if before.ds_index == after.ds_index
            || (*part != Part::Present && after.servers != before.servers)
        {
            return;
        }
        let living = self.living(world, *zone);
        let named = |claim: &ClaimSight| {
            let lives = living.iter().any(|(resource, _)| *resource == claim.resource);
            claim.resource != request.resource && claim.names_ds && lives
        };
        if before.claims.iter().any(named) {
            self.violation("DS-4: a DS record set that another claim names is changed".into());
        }
    }

    fn note_write(&self, world: &mut World, turn: &Turn) {
        let Turn { request, before, after, zone, part, .. } = turn;
        let own_was = before.claim(request.resource).copied();
        let living = self.living(world, *zone);
        let as_wanted = living.iter().all(|(_, wants)| after.servers == Some(wants.servers));
        let facts = &mut world.facts[usize::from(*zone)];
        let names = |sight: &Sight, bits: u8| {
            let of = sight
                .claims
                .iter()
                .filter(|claim| sight.servers.is_some() && claim.servers == sight.servers);
            of.fold((false, true), |(any, all), claim| {
                let bit = bits >> claim.resource & 1 == 1;
                (any || bit, all && bit)
            })
        };
        // Who arrives now finds what only such a resource claims.
        if names(before, facts.forgotten | facts.late) == (true, true) {
            facts.left_by =
                if names(before, facts.forgotten).0 { LeftBy::Forgotten } else { LeftBy::Late };
        }
        facts.lost &= living.iter().fold(0, |bits, (resource, _)| bits | 1 << resource);
        for (resource, wants) in &living {
            if after.servers == Some(wants.servers) {
                facts.lost &= !(1 << resource);
            }
        }
        let in_place = *part == Part::Present && !turn.behavior.is_arrival();
        let held = own_was
            .is_some_and(|own| own.servers == before.servers && i64::from(request.time) > own.time);
        let settles = in_place && held && after.servers == before.servers;
        // Another TTL alone makes it nobody's who does not settle it.
        if before.servers != after.servers || (before.ttl != after.ttl && settles) {
            let maker = facts.maker;
            if after.servers.is_none() {
                facts.maker = Maker::Nobody;
            } else if *part == Part::Present {
                facts.maker = Maker::Ours;
            } else {
                // Put back: it is whose it was.
                facts.maker = facts.displaced;
            }
            facts.displaced = maker;
            facts.settled = false;
            if after.servers != before.servers {
                let left_by = std::mem::take(&mut facts.left_by);
                if *part == Part::Present {
                    facts.displaced_left_by = left_by;
                    facts.left_by = if request.awaited { LeftBy::Nobody } else { LeftBy::Late };
                } else if after.servers.is_some() {
                    facts.left_by = facts.displaced_left_by;
                }
            }
            if names(after, facts.forgotten).0 {
                facts.left_by = LeftBy::Forgotten;
            }
            facts.ns_by_hand &= !as_wanted;
            facts.ds_by_hand &= after.ds == before.ds;
        }
        facts.settled |= settles;
        let own = 1 << request.resource;
        // A Delete that leaves a claim does not make it that of a request which was waited for.
        if *part == Part::Present && after.claim(request.resource).is_some() {
            facts.claims_by_hand &= !own;
            facts.late = if request.awaited { facts.late & !own } else { facts.late | own };
        }
        for resource in 0..3u8 {
            if after.claim(resource).is_none() {
                facts.forgotten &= !(1 << resource);
                facts.late &= !(1 << resource);
                facts.told &= !(1 << resource);
            }
        }
        facts.before_by_hand &= after.servers.is_some();
        if after.servers.is_none() && after.claims.is_empty() && living.is_empty() {
            let (forgotten, ds_by_hand) = (facts.forgotten, facts.ds_by_hand);
            *facts = crate::world::Facts { forgotten, ds_by_hand, ..Default::default() };
        }
        let stack = stack_of(request.resource);
        let displaces = before.servers.is_some()
            && before.servers != after.servers
            && after.debt == Some(before.servers);
        if let Some(operation) =
            world.operations[usize::from(stack)].as_mut().filter(|_| displaces && request.awaited)
        {
            operation.displaced[usize::from(*zone)] = true;
            operation.overwrote[usize::from(*zone)] |= !turn.behavior.is_arrival();
        }
        for (operation, index) in world.operations.iter_mut().zip(0u8..) {
            if let Some(operation) = operation {
                operation.disturbed |= index != stack || !request.awaited;
            }
        }
    }

    /// A Create or an Update that CloudFormation waited for has succeeded.
    pub(crate) fn judge_success(&mut self, world: &mut World, request: &Request, answer: Answer) {
        let Physical::Point(zone) = answer.physical else {
            return self.violation("PROMISE 2: a success without a delegation point".into());
        };
        // The stack believes that the template before led to where the resource was left, so it
        // goes back there.
        if zone != self.config(request.config).zone && world.skipped >> request.resource & 1 == 1 {
            self.excuse("skipped-before");
        } else if zone != self.config(request.config).zone {
            self.violation("MOVE-1: a success in another parent zone than was asked for".into());
        }
        // Others were here between the batch and the answer.
        let wants = self.config(request.config).servers;
        let stands = self.points.sight(world.points[usize::from(zone)]).servers;
        let facts = &mut world.facts[usize::from(zone)];
        if stands != Some(wants) {
            facts.lost |= 1 << request.resource;
        }
        let told = 1 << request.resource;
        facts.told = if answer.warned { facts.told | told } else { facts.told & !told };
    }

    /// A Create has answered with a marker. Another delivery of it that still runs, and has
    /// written, is found by no Delete then.
    pub(crate) fn judge_marker(&mut self, world: &mut World, request: &Request, answer: Answer) {
        let zone = self.config(request.config).zone;
        let claim =
            self.points.sight(world.points[usize::from(zone)]).claim(request.resource).copied();
        let runs = world.deliveries.iter().any(|delivery| delivery.request == request.id);
        let stands = claim.is_some_and(|claim| claim.time == i64::from(request.time));
        if answer.physical == Physical::Marker && request.kind == Kind::Create && stands && runs {
            world.facts[usize::from(zone)].late |= 1 << request.resource;
            if let Some(operation) = &mut world.operations[usize::from(stack_of(request.resource))]
            {
                operation.disturbed = true;
            }
            self.excuse("second-delivery-after-a-marker");
        }
    }

    /// What Route 53 has rejected is not tried again.
    pub(crate) fn judge_put_back(&mut self, rejected_before: bool) {
        if rejected_before {
            self.violation(
                "LEAVE-6: what Route 53 has rejected is put back again, and so for ever".into(),
            );
        }
    }

    /// A replacement takes back what it wrote if the stack went another way meanwhile, and no
    /// second delivery does.
    pub(crate) fn judge_look_back(&mut self, overtaken: bool, takes_back: bool) {
        if overtaken != takes_back {
            self.violation(
                "MOVE-5: who was overtaken at the old point takes back, and nobody else".into(),
            );
        }
    }

    /// A Delete fails.
    pub(crate) fn judge_failed_delete(&mut self) {
        self.violation("PROMISE 3: a Delete fails while AWS works".into());
    }

    /// The reverse Update of a rollback has failed: the stack is stuck.
    pub(crate) fn judge_stuck(&mut self, world: &mut World, request: &Request) {
        let stack = stack_of(request.resource);
        let Some(operation) = &mut world.operations[usize::from(stack)] else { return };
        let too_late = world.clock - operation.began > DAY;
        let changed =
            !matches!(operation.done[usize::from(request.resource == 1)], Done::Updated(_, true));
        let bit = 1 << request.resource;
        let excuse = if too_late && changed {
            "rolled-back-after-a-day"
        } else if world.facts.iter().any(|facts| facts.claims_by_hand & bit != 0) {
            "stuck-by-hand"
        } else if world.skipped & bit != 0 {
            "skipped-before"
        } else {
            return self.violation(format!(
                "UPDATE-5: the rollback of {} is stuck",
                resource_text(request.resource)
            ));
        };
        operation.disturbed = true;
        world.skipped |= bit;
        for facts in &mut world.facts {
            facts.forgotten |= bit;
            facts.lost |= bit;
        }
        self.excuse(excuse);
    }

    /// Everybody who waits for an answer gets one: a delivery of its request runs, or Lambda owes
    /// one.
    pub(crate) fn judge_answers(&mut self, world: &World) {
        for request in world.requests.iter().filter(|request| request.awaited && !request.owed) {
            if !world.deliveries.iter().any(|delivery| delivery.request == request.id) {
                let who = resource_text(request.resource);
                self.violation(format!("PROMISE 3: a request of {who} is never answered"));
            }
        }
    }

    /// An operation has ended.
    pub(crate) fn judge_end(&mut self, world: &World, stack: u8, operation: &Operation) {
        if operation.phase == Phase::BackCleanUp && !operation.disturbed {
            self.judge_rolled_back(world, stack, operation);
        }
    }

    /// What was rolled back is as before.
    fn judge_rolled_back(&mut self, world: &World, stack: u8, operation: &Operation) {
        for zone in 0..2u8 {
            let before = self.points.sight(operation.snapshot[usize::from(zone)]).clone();
            let after = self.points.sight(world.points[usize::from(zone)]).clone();
            // A claim of the stack itself that is of no resource it holds: of an earlier stack, or
            // a retained one.
            let dead = |resource: u8| {
                let index = resources_of(stack).iter().position(|other| *other == resource);
                let here = Physical::Point(zone);
                index.is_some_and(|index| {
                    operation.before[index].is_none_or(|held| held.physical != here)
                })
            };
            let claims = |sight: &Sight| {
                let living = sight.claims.iter().filter(|claim| !dead(claim.resource));
                let mut claims: Vec<_> =
                    living.map(|claim| (claim.resource, claim.servers)).collect();
                claims.sort_unstable();
                claims
            };
            let differs = Differs {
                servers: before.servers != after.servers,
                claims: claims(&before) != claims(&after),
                ttl: before.servers.is_some()
                    && before.servers == after.servers
                    && before.ttl != after.ttl,
                ds: before.ds != after.ds,
            };
            if differs == Differs::default() {
                continue;
            }
            let known = |claims: Vec<(u8, Option<u8>)>| {
                claims
                    .into_iter()
                    .filter(|(resource, _)| world.skipped >> resource & 1 == 0)
                    .collect::<Vec<_>>()
            };
            // A template that was skipped is not what the claim was for.
            if differs == (Differs { claims: true, ..Differs::default() })
                && known(claims(&before)) == known(claims(&after))
            {
                self.excuse("skipped-before");
                continue;
            }
            match self.excuse_for_rollback(
                world,
                (stack, operation),
                (zone, differs),
                (&before, &after),
            ) {
                Some(excuse) => self.excuse(excuse),
                None => self.violation(format!(
                    "PROMISE 2: the rollback of S{} leaves {} other than it was: {differs:?}",
                    stack + 1,
                    zone_letter(zone)
                )),
            }
        }
    }

    fn excuse_for_rollback(
        &self,
        world: &World,
        (stack, operation): (u8, &Operation),
        (zone, differs): (u8, Differs),
        (before, after): (&Sight, &Sight),
    ) -> Option<&'static str> {
        let at = usize::from(zone);
        let (facts, began) = (world.facts[at], operation.facts[at]);
        // CloudFormation believes that it is as its template says, and it is not.
        if resources_of(stack).iter().any(|resource| world.skipped >> resource & 1 == 1) {
            return Some("skipped-before");
        }
        if operation.overwrote[at] {
            return Some("overwritten-in-place");
        }
        if operation.displaced[at] && world.clock - operation.began > DAY {
            return Some("rolled-back-after-a-day");
        }
        // What it holds was never in effect.
        let told = |resource: &u8| began.told >> resource & 1 == 1;
        if resources_of(stack).iter().any(told) {
            return Some("left-as-it-is");
        }
        let held = |held: &Held| held.physical == Physical::Point(zone);
        let held: Vec<Config> = operation
            .before
            .iter()
            .flatten()
            .filter(|one| held(one))
            .map(|one| self.config(one.config))
            .collect();
        // The way back was refused, and a Warning said so: the DS record set of the failed Update
        // stays with the name servers that others hold.
        let refused = |resource: &u8| facts.told >> resource & 1 == 1;
        if differs == (Differs { ds: true, ..Differs::default() })
            && after.ds_index.is_some_and(|ds| after.servers == Some(ds / 4))
            && resources_of(stack).iter().any(refused)
        {
            return Some("left-as-it-is");
        }
        if !differs.servers && !differs.claims {
            // The reverse Update brings what the template asks for, which an arrival had left.
            let ttl = !differs.ttl || held.iter().any(|config| config.ttl == after.ttl);
            let asked = |config: &Config| match config
                .keys
                .map(|keys| keys & keys_of(world, config.servers))
            {
                None => after.ds_index.is_none(),
                // What is not known stays.
                Some(0) => true,
                Some(keys) => after.ds_index == Some(4 * config.servers + keys),
            };
            // What was removed by hand came back, and others manage it.
            let managed = began.ds_by_hand && after.claims.iter().any(|claim| claim.names_ds);
            let ds = !differs.ds || managed || held.iter().any(asked);
            if ttl && ds {
                return Some(if differs.ds && began.ds_by_hand {
                    "ds-by-hand"
                } else if differs.ds && world.rolled {
                    "keys-rolled"
                } else {
                    "ttl-of-an-arrival"
                });
            }
        }
        let created = |claim: &ClaimSight| {
            let index = (0..2).find(|index| usize::from(claim.resource == 1) == *index);
            index.is_some_and(|index| {
                operation.target[index].is_some() && operation.before[index].is_none()
            })
        };
        let indebted = before.debt.is_some_and(|debt| debt.is_some());
        if indebted
            && before.claims.iter().any(|claim| created(claim) && claim.servers == before.servers)
        {
            return Some("dead-claim");
        }
        if facts.claims_by_hand != 0 || began.claims_by_hand != 0 {
            return Some("claim-removed-by-hand");
        }
        if before.servers.is_none()
            && before.ds.is_some()
            && !differs.claims
            && after.servers.is_none()
        {
            return Some("ds-without-name-servers");
        }
        if before.claims.iter().any(|claim| differs.servers && claim.servers == after.servers) {
            return Some("sleeping-claim");
        }
        if operation.rejected[at] {
            return Some("dead-name-servers");
        }
        if began.ns_by_hand {
            return Some("name-servers-by-hand");
        }
        if began.left_by != LeftBy::Nobody || began.late != 0 {
            if operation.cancelled {
                return Some("retained-and-cancelled");
            }
            let moves = operation.before.iter().zip(operation.target).any(|(held, target)| {
                let from = held.map(|held| self.config(held.config).zone);
                from.is_some_and(|from| {
                    target.is_some_and(|target| self.config(target).zone != from)
                })
            });
            return moves.then_some("retained-and-moved-back");
        }
        None
    }

    /// What was changed stays in caches for its TTL, and no resolver may hold a DS record set
    /// together with name servers that have none of its keys: it would call the zone bogus.
    pub(crate) fn judge_caches(
        &mut self,
        world: &mut World,
        zone: u8,
        points: (PointId, PointId),
        whose: Whose,
    ) {
        if !self.profile.dnssec || zone != 0 {
            return;
        }
        let (before, after) =
            (self.points.sight(points.0).clone(), self.points.sight(points.1).clone());
        // Nor does anybody who deploys know of what comes late.
        let by_hand = matches!(whose, Whose::Late | Whose::Hand);
        let now = world.clock;
        let caches = &mut world.caches;
        caches.servers.retain(|cached| cached.until > now);
        caches.ds.retain(|cached| cached.until > now);
        let cached = |what: u8, ttl: u32| Cached {
            what,
            until: now + i32::try_from(ttl).unwrap_or(i32::MAX),
            by_hand,
        };
        if before.servers != after.servers {
            caches.servers.extend(before.servers.map(|servers| cached(servers, before.ttl)));
        }
        if before.ds_index != after.ds_index {
            // Keys that were read in its last second are trusted for their own TTL.
            caches.ds.extend(before.ds_index.map(|ds| cached(ds, before.ds_ttl + KEYS_TTL)));
        }
        let caches = world.caches.clone();
        let fits = |servers: u8, ds: u8| ds / 4 == servers && ds % 4 & keys_of(world, servers) != 0;
        let new_servers = after.servers.filter(|_| before.servers != after.servers);
        let new_ds = after.ds_index.filter(|_| before.ds_index != after.ds_index);
        // What people changed by hand, and the function can't know of, is theirs.
        let bogus = |known: bool| {
            let of = |cached: &[Cached]| {
                let cached = cached.iter().filter(|cached| !known || !cached.by_hand);
                cached.map(|cached| cached.what).collect::<Vec<_>>()
            };
            let all_ds = after.ds_index.into_iter().chain(of(&caches.ds));
            let all_servers = after.servers.into_iter().chain(of(&caches.servers));
            new_servers.is_some_and(|servers| all_ds.into_iter().any(|ds| !fits(servers, ds)))
                || new_ds
                    .is_some_and(|ds| all_servers.into_iter().any(|servers| !fits(servers, ds)))
        };
        if whose == Whose::Hand {
            return;
        }
        // What people had set fitted nothing that existed, and goes.
        let was_bogus =
            before.servers.zip(before.ds_index).is_some_and(|(servers, ds)| !fits(servers, ds));
        // A refused way back has left it with the name servers that others hold.
        let left = world.facts[usize::from(zone)].told != 0
            && before.ds_index.is_some()
            && !before.claims.iter().any(|claim| claim.names_ds);
        if bogus(false) && whose == Whose::Late {
            self.excuse("late-request");
        } else if bogus(true) && was_bogus && after.ds_index.is_none() {
            self.excuse("ds-by-hand");
        } else if bogus(true) && (whose == Whose::Told || left) {
            self.excuse("left-as-it-is");
        } else if bogus(true) {
            self.violation("DS-7: a resolver may call the zone bogus".into());
        } else if bogus(false) {
            self.excuse("name-servers-by-hand");
        }
    }

    /// Nothing is under way: what stands is somebody's.
    pub(crate) fn judge_quiet(&mut self, world: &World) {
        for zone in 0..2u8 {
            let sight = self.points.sight(world.points[usize::from(zone)]).clone();
            let living = self.living(world, zone);
            self.judge_left(world, zone, &sight, &living);
            for (resource, _) in &living {
                self.judge_held(world, zone, &sight, *resource);
            }
        }
    }

    fn judge_left(&mut self, world: &World, zone: u8, sight: &Sight, living: &[(u8, Config)]) {
        let facts = world.facts[usize::from(zone)];
        let is_living = |resource: u8| living.iter().any(|(other, _)| *other == resource);
        for claim in &sight.claims {
            if is_living(claim.resource) {
                continue;
            }
            if facts.forgotten >> claim.resource & 1 == 1 {
                self.excuse("dead-claim");
            } else if facts.late >> claim.resource & 1 == 1 {
                self.excuse("late-request");
            } else {
                let who = resource_text(claim.resource);
                self.violation(format!(
                    "PROMISE 2: the claim of {who} is left in {}",
                    zone_letter(zone)
                ));
            }
        }
        let wanted = living.iter().any(|(_, config)| sight.servers == Some(config.servers));
        if sight.servers.is_some() && facts.maker == Maker::Ours && !wanted {
            let names =
                |claim: &&ClaimSight| !is_living(claim.resource) && claim.servers == sight.servers;
            let of = |bits: u8| {
                sight.claims.iter().filter(names).any(|claim| bits >> claim.resource & 1 == 1)
            };
            let told = living.iter().any(|(resource, _)| facts.told >> resource & 1 == 1);
            if of(facts.forgotten) || facts.left_by == LeftBy::Forgotten {
                self.excuse("dead-claim");
            } else if of(facts.late) || facts.left_by == LeftBy::Late {
                self.excuse("late-request");
            } else if facts.left_by == LeftBy::ByHand {
                self.excuse("claim-removed-by-hand");
            } else if told {
                self.excuse("left-as-it-is");
            } else {
                self.violation(format!(
                    "PROMISE 2: name servers are left in {}",
                    zone_letter(zone)
                ));
            }
        }
        if sight.has_before && sight.claims.is_empty() && facts.claims_by_hand == 0 {
            self.violation("OWN-5: a before is left without a claim".into());
        }
        if sight.servers.is_none() && sight.ds.is_some() && !facts.ns_by_hand && !facts.ds_by_hand {
            self.violation("LEAVE-3: a DS record set is left without name servers".into());
        }
    }

    /// As long as a stack holds the resource, its delegation stands.
    fn judge_held(&mut self, world: &World, zone: u8, sight: &Sight, resource: u8) {
        let facts = world.facts[usize::from(zone)];
        let who = resource_text(resource);
        if sight.claim(resource).is_none() {
            if facts.claims_by_hand >> resource & 1 == 1 {
                self.excuse("claim-removed-by-hand");
            } else if facts.lost >> resource & 1 == 1 {
                self.excuse("lost-before");
            } else {
                self.violation(format!("PROMISE 2: {who} has no claim in {}", zone_letter(zone)));
            }
        }
        if sight.servers.is_none() {
            if facts.ns_by_hand {
                self.excuse("name-servers-by-hand");
            } else if facts.lost >> resource & 1 == 1 {
                self.excuse("lost-before");
            } else {
                self.violation(format!(
                    "PROMISE 2: nothing stands in {} for {who}",
                    zone_letter(zone)
                ));
            }
        }
    }
}

/// What a rollback has left other than it was at a delegation point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Differs {
    servers: bool,
    claims: bool,
    ttl: bool,
    ds: bool,
}

/// Whose change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Awaited,
    /// The same of a resource that had been told that other name servers stand than its template
    /// asks for.
    Told,
    Late,
    Hand,
}

/// A batch, and what stood before and after it.
struct Turn {
    request: Request,
    part: Part,
    behavior: Behavior,
    zone: u8,
    config: Config,
    before: Sight,
    after: Sight,
}

fn own_is_new(turn: &Turn) -> bool {
    turn.before.claim(turn.request.resource).is_none()
}
