//! Create and Update.

use super::ds::{DsPlan, NsChange};
use super::goal::{Goal, UpdateBehavior};
use super::overtaken::Overtaken;
use super::refusal::{self, Refusal};
use super::warning::{Holders, Warning};
use super::{Action, Decision, Observation, ReconciliationPlan, changes_of_record, occluded};
use crate::digest::Digest;
use crate::name::Name;
use crate::name_servers::NameServers;
use crate::ownership_record::{Before, Claim, ClaimOrigin, Displaced, MAX_CHARACTERS, OwnershipRecord, record_name};
use crate::record_set::{Change, RecordSet};

/// Plans a Create or an Update.
pub fn plan_create_update(goal: &Goal, seen: &Observation) -> Decision {
    let record = seen.record();
    let own = record.own(&goal.claimant, goal.now).cloned();
    if let Some(overtaken) = overtaken(goal, &record, own.as_ref()) {
        return Decision::Overtaken(overtaken);
    }
    let Some(record_name) = record_name(&goal.name) else {
        return Decision::Refuse(Refusal::NoRoomForOwnershipRecord { name: goal.name.clone() });
    };
    let point = Point::new(goal, seen, &record, own.as_ref(), &record_name);
    if own.as_ref().is_some_and(|own| own.stamp == goal.stamp) {
        return Decision::Proceed(point.answer_again());
    }
    match point.plan() {
        Ok(plan) => Decision::Proceed(plan),
        Err(refusal) if goal.is_arrival() || (point.asks_for_new() && point.would_change()) => {
            Decision::Refuse(refusal)
        }
        Err(refusal) => Decision::Proceed(point.keep(refusal)),
    }
}

/// Whether a later request of the resource was here (TIME-1), or the Delete of this Create (OWN-8).
fn overtaken(goal: &Goal, record: &OwnershipRecord, own: Option<&Claim>) -> Option<Overtaken> {
    let name = || goal.name.clone();
    if own.is_some_and(|own| own.is_later_than(goal.stamp, goal.now)) {
        return Some(Overtaken::ByLaterRequest { name: name() });
    }
    let stone = record.tombstone(&goal.claimant, goal.now);
    let cancelled = goal.behavior == UpdateBehavior::Create && stone.is_some_and(|stone| goal.stamp.time <= stone.time);
    cancelled.then(|| Overtaken::Cancelled { name: name() })
}

/// What becomes of the NS record set, and by what right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing stands: it is created.
    Create,
    /// It is as wanted.
    Stay,
    /// It is ours to change.
    Change,
    /// Somebody changed it by hand: it is put right.
    Repair,
    /// It is replaced, and what stood is remembered.
    Displace,
}

/// A delegation point as one request sees it.
struct Point<'a> {
    goal: &'a Goal,
    seen: &'a Observation,
    record: &'a OwnershipRecord,
    own: Option<&'a Claim>,
    record_name: &'a Name,
    ns: Option<&'a RecordSet>,
    /// The name servers that stand, if they can be read.
    standing: Option<(NameServers, Digest)>,
    /// The digest of the desired name servers, if they are known.
    desired: Option<Digest>,
}

impl<'a> Point<'a> {
    fn new(
        goal: &'a Goal,
        seen: &'a Observation,
        record: &'a OwnershipRecord,
        own: Option<&'a Claim>,
        record_name: &'a Name,
    ) -> Self {
        let standing = seen.name_servers().map(|servers| {
            let digest = Digest::from_name_servers(&servers);
            (servers, digest)
        });
        let desired = goal.name_servers.as_ref().map(Digest::from_name_servers);
        Self { goal, seen, record, own, record_name, ns: seen.at_cut("NS"), standing, desired }
    }

    /// The batch that brings the point to what is wanted, or why not.
    fn plan(&self) -> Result<ReconciliationPlan, Refusal> {
        self.check_surroundings()?;
        let Some((wanted, desired)) = self.goal.name_servers.as_ref().zip(self.desired) else {
            return Err(Refusal::NameServersUnknown { name: self.name() });
        };
        let step = self.step(desired)?;
        let ds = self.ds_plan(step, desired);
        ds.check()?;
        if step == Step::Create && !self.goal.allow_occlusion {
            let lost: Vec<_> = self.lost(wanted).collect();
            if !lost.is_empty() || self.seen.more_below {
                return Err(Refusal::occludes(&self.goal.name, &lost, self.seen.more_below));
            }
        }
        if step != Step::Stay || !self.goal.is_arrival() {
            self.check_glue(wanted)?;
        }
        self.check_allowed(step, desired, &ds)?;

        let retimes = step == Step::Stay && self.retimes(desired);
        let mut after = self.record.clone();
        after.put_before(self.before(step, desired)?);
        let settled = after.debt(desired).is_none();
        let claim = self.claim(step, desired, &ds, settled, &after);
        let ds_before = self.own.and_then(|own| own.ds);
        let only_refreshes =
            step == Step::Stay && !self.goal.is_arrival() && !retimes && !ds.changes() && claim.ds == ds_before;
        after.put_claim(claim);
        after.drop_tombstones(&self.goal.claimant, self.goal.stamp.time, self.goal.now);
        let grows = self.goal.is_arrival() || step == Step::Displace;
        if grows && after.characters() > MAX_CHARACTERS {
            return Err(Refusal::OwnershipRecordFull { record: self.record_name.clone() });
        }

        let mut changes = Vec::new();
        if step != Step::Stay || retimes {
            let ttl = self.goal.ttl;
            changes.extend(self.ns.cloned().map(Change::Delete));
            let set = RecordSet::new(self.name(), "NS", ttl, wanted.values());
            changes.push(Change::Create(set));
        }
        changes.extend(ds.batch());
        changes.extend(changes_of_record(self.seen.ownership.as_ref(), self.record_name, &after));
        Ok(ReconciliationPlan {
            changes,
            action: Some(self.action(step, desired, retimes || ds.changes())),
            warnings: self.warnings(step, desired, wanted, &ds),
            only_refreshes,
            ..ReconciliationPlan::default()
        })
    }

    /// An earlier delivery of this request wrote our claim: the answer comes from what stands
    /// (UPDATE-6).
    fn answer_again(&self) -> ReconciliationPlan {
        let own = self.own;
        let created = self.goal.behavior == UpdateBehavior::Create;
        let action = match own.map(|own| own.origin) {
            Some(ClaimOrigin::Made) if created => Action::Created,
            Some(ClaimOrigin::Came) => self.arrival_action(),
            _ => Action::Unchanged,
        };
        let mut warnings = Vec::new();
        if self.standing.as_ref().map(|(_, digest)| *digest) != own.map(|own| own.ns) {
            warnings.push(Warning::ChangedSince { name: self.name(), current: self.current() });
        }
        if !self.goal.is_arrival()
            && let Err(refusal) = self.plan()
        {
            warnings.push(Warning::LeftAsItIs { refusal: Box::new(refusal) });
        }
        ReconciliationPlan {
            action: Some(action),
            warnings,
            only_refreshes: true,
            finds_own_request: true,
            ..ReconciliationPlan::default()
        }
    }

    /// A row or a check would have refused, and the request does not ask for it anew: everything stays,
    /// nothing is settled, and our claim gets the time of the request and nothing else (UPDATE-4).
    ///
    /// The way back of an Update writes its wish as well, and leaves the name servers (UPDATE-5): what
    /// is left of the Update is then as before it.
    fn keep(&self, refusal: Refusal) -> ReconciliationPlan {
        let mut after = self.record.clone();
        if let Some(own) = self.own {
            let mut claim = Claim { stamp: self.goal.stamp, ..own.clone() };
            let back = self.goal.wish != own.wish && self.goal.is_way_back(own);
            if let Some(desired) = self.desired.filter(|_| back) {
                claim.ns = desired;
                claim.wish = self.goal.wish;
                claim.previous_wish = Some(own.wish);
                claim.saw = self.record.displaced_at();
            }
            after.put_claim(claim);
            after.drop_tombstones(&self.goal.claimant, self.goal.stamp.time, self.goal.now);
        }
        ReconciliationPlan {
            changes: changes_of_record(self.seen.ownership.as_ref(), self.record_name, &after),
            action: Some(Action::Unchanged),
            warnings: vec![Warning::LeftAsItIs { refusal: Box::new(refusal) }],
            only_refreshes: true,
            ..ReconciliationPlan::default()
        }
    }

    fn asks_for_new(&self) -> bool {
        self.goal.asks_for_new(self.own)
    }

    /// True if the request, were it not refused, would change name servers or DS records.
    fn would_change(&self) -> bool {
        let standing = self.standing.as_ref().map(|(_, digest)| *digest);
        match self.desired {
            Some(desired) if standing == Some(desired) => self.ds_plan(Step::Stay, desired).changes_records(),
            // What is not known is taken for something else.
            _ => true,
        }
    }

    /// What forbids the delegation, whoever has it now.
    fn check_surroundings(&self) -> Result<(), Refusal> {
        let Self { goal, seen, .. } = self;
        // Whatever the physical id says: without a claim, the request would start to manage the name.
        if !goal.allowed && self.own.is_none() {
            return Err(Refusal::NotAllowed { name: self.name() });
        }
        if let Some(check) = &goal.failed_check {
            return Err(Refusal::Check(check.clone()));
        }
        if seen.at_cut("CNAME").is_some() {
            return Err(Refusal::Cname { name: self.name() });
        }
        if let Some(above) = seen.above.last() {
            let servers = NameServers::found(&above.values).map(|servers| servers.to_string());
            let servers = servers.unwrap_or_else(|| above.values.join(","));
            let above = above.name.clone();
            return Err(Refusal::DelegatedAbove { name: self.name(), above, servers });
        }
        let sets = [self.ns, seen.ownership.as_ref()].into_iter().flatten();
        match sets.into_iter().find(|set| set.special) {
            Some(set) => Err(Refusal::RoutingPolicy { name: set.name.clone(), rtype: set.rtype.clone() }),
            None => Ok(()),
        }
    }

    /// The row of the table, by what stands and whose it is.
    fn step(&self, desired: Digest) -> Result<Step, Refusal> {
        let Self { goal, record, own, .. } = self;
        let overwrites = goal.allow_overwrite;
        if self.ns.is_none() {
            // With a claim of its own, an Update in place is the holder who puts it back (UPDATE-1).
            let may = !self.has_conflict(desired) || (!goal.is_arrival() && own.is_some());
            return if may || overwrites { Ok(Step::Create) } else { Err(self.claimed_by_others()) };
        }
        let standing = self.standing.as_ref().map(|(_, digest)| *digest);
        if standing == Some(desired) {
            return Ok(Step::Stay);
        }
        let names = |claim: &Claim| standing == Some(claim.ns);
        let unreadable = record.has_unreadable();
        let named_by_others = record.others(&goal.claimant).any(names) || unreadable;
        let own_names = own.is_some_and(names);
        let debt = standing.and_then(|standing| record.debt(standing));
        let displaces = if goal.is_arrival() {
            // Our own earlier claim alone: of a stack that was made again, or a retained one (ARRIVE-4).
            overwrites || (own_names && !named_by_others)
        } else {
            let lasting = |claim: &Claim| names(claim) && claim.is_lasting();
            let held_by_others = record.others(&goal.claimant).any(lasting) || unreadable;
            let holds = own.zip(standing).is_some_and(|(own, standing)| record.holds(own, standing));
            // Who changes what is not settled settles it, and that takes a later request (OWN-6).
            let settles = own.is_some_and(|own| goal.is_later_than(own));
            if holds && !held_by_others && (debt.is_none() || settles) {
                return Ok(Step::Change);
            }
            let drifted = own.is_some() && !own_names && !named_by_others;
            if drifted && record.before().is_none() && !self.has_conflict(desired) {
                return Ok(Step::Repair);
            }
            overwrites
        };
        if !displaces {
            return Err(self.not_ours(own_names));
        }
        if debt.is_some() {
            let owners = self.naming(standing, true);
            return Err(Refusal::NotSettled { name: self.name(), current: self.current(), owners });
        }
        Ok(Step::Displace)
    }

    /// True if somebody else claims the name for other name servers than are wanted.
    fn has_conflict(&self, desired: Digest) -> bool {
        self.record.others(&self.goal.claimant).any(|claim| claim.ns != desired)
    }

    fn claimed_by_others(&self) -> Refusal {
        let others = self.record.others(&self.goal.claimant);
        let others = others.filter(|claim| Some(claim.ns) != self.desired);
        let owners = Holders::new(others, self.record.has_unreadable());
        Refusal::ClaimedByOthers { name: self.name(), desired: self.desired_text(), owners }
    }

    fn not_ours(&self, own_names: bool) -> Refusal {
        let standing = self.standing.as_ref().map(|(_, digest)| *digest);
        let (name, current, desired) = (self.name(), self.current(), self.desired_text());
        let owners = self.naming(standing, false);
        if own_names {
            Refusal::HeldByOthers { name, current, desired, owners }
        } else {
            Refusal::NotOurs { name, current, desired, owners }
        }
    }

    /// Who names the name servers that stand; ourselves too, if asked.
    fn naming(&self, standing: Option<Digest>, with_own: bool) -> Holders {
        let own = self.own.filter(|_| with_own);
        let claims = self.record.others(&self.goal.claimant).chain(own);
        let claims = claims.filter(|claim| Some(claim.ns) == standing);
        Holders::new(claims, self.record.has_unreadable())
    }

    fn ds_plan(&self, step: Step, desired: Digest) -> DsPlan<'a> {
        let Self { goal, record, own, .. } = *self;
        let standing = self.standing.as_ref().map(|(_, digest)| *digest);
        // What the resource's claim names, and nobody else's does, is put back and does not change.
        let puts_back = own.is_some_and(|own| own.ns == desired)
            && !record.others(&goal.claimant).any(|claim| Some(claim.ns) == standing)
            && !record.has_unreadable();
        let others_wanted = |claim: &Claim| claim.ns != desired;
        let ns = match step {
            Step::Stay if goal.is_arrival() => NsChange::Untouched,
            Step::Stay => NsChange::None,
            // Where somebody removed them, resolvers still have those that the claims name.
            Step::Create if record.claims().any(others_wanted) => NsChange::Changes { stood: false },
            Step::Create => NsChange::Created,
            Step::Change | Step::Repair | Step::Displace if puts_back => NsChange::PutBack,
            Step::Change | Step::Repair | Step::Displace => NsChange::Changes { stood: true },
        };
        DsPlan::new(goal, self.seen, record, own, (ns, desired))
    }

    fn check_glue(&self, wanted: &NameServers) -> Result<(), Refusal> {
        let Self { goal, seen, .. } = self;
        // A name server at or below the cut is reached only by way of its address in the parent zone
        // (RFC 1034, section 4.2.1).
        let glued = |server: &Name| {
            let sets = seen.at_cut.iter().chain(&seen.below);
            sets.into_iter().any(|set| set.name == *server && matches!(set.rtype.as_str(), "A" | "AAAA"))
        };
        match wanted.iter().find(|server| server.is_at_or_below(&goal.name) && !glued(server)) {
            Some(server) => Err(Refusal::NoGlue { name: self.name(), server: server.clone() }),
            None => Ok(()),
        }
    }

    /// Where the name is not allowed, nothing is written but what the claim says, and never over what
    /// others made (ALLOW-2).
    fn check_allowed(&self, step: Step, desired: Digest, ds: &DsPlan<'_>) -> Result<(), Refusal> {
        let own = self.own;
        let ns_fits = match step {
            Step::Stay => true,
            Step::Create | Step::Repair => own.is_some_and(|own| own.ns == desired),
            Step::Change | Step::Displace => false,
        };
        let fits = ns_fits && ds.writes().is_none_or(|ds| own.is_some_and(|own| own.ds == Some(ds)));
        if self.goal.allowed || fits { Ok(()) } else { Err(Refusal::NoLongerAllowed { name: self.name() }) }
    }

    /// Whether an Update in place brings the TTL of name servers that stand as wanted: as the only
    /// holder, or because it changes `TTL` itself (UPDATE-3).
    fn retimes(&self, desired: Digest) -> bool {
        let Self { goal, record, .. } = self;
        let differs = self.ns.is_some_and(|set| set.ttl != Some(goal.ttl));
        let sole = record.other_holders(&goal.claimant, desired).is_empty() && !record.has_unreadable();
        differs && !goal.is_arrival() && (sole || goal.changes_ttl)
    }

    /// How what stands after the batch came, if it is not settled (OWN-5).
    fn before(&self, step: Step, desired: Digest) -> Result<Option<Before>, Refusal> {
        let Self { goal, record, own, .. } = self;
        match step {
            Step::Create | Step::Change | Step::Repair => Ok(None),
            Step::Displace => {
                let names = |digest: Digest| record.others(&goal.claimant).any(|claim| claim.ns == digest);
                let displaced = self.standing.as_ref().zip(self.ns.and_then(|set| set.ttl));
                let displaced = displaced.map(|((name_servers, digest), ttl)| Displaced {
                    name_servers: name_servers.clone(),
                    ttl,
                    time: goal.stamp.time,
                    claimed: names(*digest),
                });
                let displaced =
                    displaced.ok_or_else(|| Refusal::CantBeGivenBack { name: self.name(), current: self.current() })?;
                Ok(Some(Before { of: desired, displaced: Some(displaced) }))
            }
            Step::Stay if goal.is_arrival() => {
                // A Create's own earlier claim makes nothing ours: it may be a retained one (ARRIVE-3).
                let ours = goal.behavior != UpdateBehavior::Create && own.is_some_and(|own| own.ns == desired);
                let named =
                    record.others(&goal.claimant).any(|claim| claim.ns == desired) || record.has_unreadable() || ours;
                if record.debt(desired).is_none() && !named {
                    return Ok(Some(Before { of: desired, displaced: None }));
                }
                Ok(record.before().cloned())
            }
            Step::Stay => {
                // The first later Update in place of who was a holder already (OWN-6).
                let settles = own.is_some_and(|own| record.holds(own, desired) && goal.is_later_than(own));
                Ok(if settles { None } else { record.before().cloned() })
            }
        }
    }

    fn claim(&self, step: Step, desired: Digest, ds: &DsPlan<'_>, settled: bool, after: &OwnershipRecord) -> Claim {
        let Self { goal, own, .. } = self;
        let later = own.is_none_or(|own| goal.is_later_than(own));
        let (origin, previous_wish, from) = match &goal.behavior {
            UpdateBehavior::InPlace => {
                let from = own.and_then(|own| own.from.clone()).filter(|_| !later);
                let previous = own.map(|own| own.wish).or(goal.old_wish);
                (ClaimOrigin::Updated, previous, from)
            }
            arrival => {
                let from = match arrival {
                    UpdateBehavior::Replacement { from } => Some(from.clone()),
                    UpdateBehavior::Create | UpdateBehavior::InPlace => None,
                };
                let came = step == Step::Stay;
                (if came { ClaimOrigin::Came } else { ClaimOrigin::Made }, None, from)
            }
        };
        Claim {
            id: goal.claimant.id(),
            ns: desired,
            ds: ds.managed(settled),
            wish: goal.wish,
            previous_wish,
            stamp: goal.stamp,
            origin,
            saw: after.displaced_at(),
            from,
            hold: self.hold(step, desired),
            owner: goal.claimant.owner().clone(),
        }
    }

    /// Until when resolvers may have name servers that are put right now, or were before (DS-7).
    fn hold(&self, step: Step, desired: Digest) -> Option<i64> {
        let Self { goal, record, own, .. } = self;
        let repairs = step == Step::Repair || own.is_some_and(|own| own.ns == desired);
        let displaced = self.ns.filter(|_| step != Step::Stay && repairs).and_then(|set| set.ttl);
        let now = displaced.map(|ttl| goal.stamp.time.saturating_add(i64::from(ttl.seconds())));
        now.max(record.hold(desired, goal.stamp.time, goal.now))
    }

    fn action(&self, step: Step, desired: Digest, changes: bool) -> Action {
        match step {
            Step::Create => Action::Created,
            Step::Change | Step::Repair | Step::Displace => Action::Updated,
            Step::Stay if self.goal.is_arrival() => {
                debug_assert_eq!(Some(desired), self.desired);
                self.arrival_action()
            }
            Step::Stay if changes => Action::Updated,
            Step::Stay => Action::Unchanged,
        }
    }

    /// Where the request came to what stood as wanted.
    fn arrival_action(&self) -> Action {
        if self.sharers().is_nobody() { Action::Adopted } else { Action::Shared }
    }

    /// Who else names what is wanted.
    fn sharers(&self) -> Holders {
        self.naming(self.desired, false)
    }

    fn warnings(&self, step: Step, desired: Digest, wanted: &NameServers, ds: &DsPlan<'_>) -> Vec<Warning> {
        let Self { goal, seen, record, .. } = self;
        let mut warnings = Vec::new();
        match step {
            Step::Create => {
                let hidden: Vec<_> = self.lost(wanted).collect();
                if !hidden.is_empty() {
                    let records = refusal::enumerate(&hidden, seen.more_below);
                    warnings.push(Warning::Hides { name: self.name(), records });
                }
                let bare = seen.at_cut.is_empty() && seen.below.is_empty();
                if let Some(wildcard) = seen.wildcard.clone().filter(|_| bare) {
                    warnings.push(Warning::WildcardCovered { name: self.name(), wildcard });
                }
            }
            Step::Displace => {
                let standing = self.standing.as_ref().map(|(_, digest)| *digest);
                warnings.push(Warning::Displaced {
                    name: self.name(),
                    previous: self.current(),
                    ttl: self.ns.and_then(|set| set.ttl).unwrap_or(goal.ttl),
                    owners: self.naming(standing, true),
                    given_back: goal.is_arrival(),
                });
            }
            Step::Repair => warnings.push(Warning::DriftRepaired {
                name: self.name(),
                previous: self.current(),
                ttl: self.ns.and_then(|set| set.ttl),
            }),
            Step::Stay if goal.is_arrival() => {
                let owners = self.sharers();
                if !owners.is_nobody() {
                    warnings.push(Warning::Shared { name: self.name(), owners });
                }
                let found = self.ns.and_then(|set| set.ttl);
                let ttl = Some((found, goal.ttl)).filter(|(found, wanted)| *found != Some(*wanted));
                let ds = ds.next_update_brings();
                if ttl.is_some() || ds.is_some() {
                    warnings.push(Warning::NextUpdateBrings { name: self.name(), ttl, ds });
                }
            }
            Step::Stay => {
                let found = self.ns.and_then(|set| set.ttl);
                if found != Some(goal.ttl) && !self.retimes(desired) {
                    let holders = record.other_holders(&goal.claimant, desired);
                    warnings.push(Warning::TtlKept {
                        name: self.name(),
                        current: found,
                        desired: goal.ttl,
                        owners: Holders::new(holders, record.has_unreadable()),
                    });
                }
            }
            Step::Change => {}
        }
        warnings.extend(ds.warning());
        warnings
    }

    /// What the delegation would hide and the child zone lacks.
    fn lost<'b>(&'b self, wanted: &'b NameServers) -> impl Iterator<Item = &'b RecordSet> {
        let covered = |set: &RecordSet| self.seen.covered.contains(&(set.name.clone(), set.rtype.clone()));
        occluded(&self.goal.name, Some(wanted), self.seen).filter(move |set| !covered(set))
    }

    fn name(&self) -> Name {
        self.goal.name.clone()
    }

    /// The name servers that stand, for people; empty for none.
    fn current(&self) -> String {
        let values = || self.ns.map(|set| set.values.join(",")).unwrap_or_default();
        self.standing.as_ref().map_or_else(values, |(servers, _)| servers.to_string())
    }

    fn desired_text(&self) -> String {
        self.goal.name_servers.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}
