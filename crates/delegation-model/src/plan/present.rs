//! Create and Update.

use super::secure::Secure;
use super::{
    Action, Arrival, Decision, Goal, Observation, Plan, Refusal, Warning, WarningCode, changes_of_ownership, occluded,
    refusal,
};
use crate::name::Name;
use crate::name_servers::NameServers;
use crate::ownership::{self, By, Claim, Claims, Digest, Relation};
use crate::record_set::{Change, RecordSet};

/// Plans a Create or an Update.
pub fn present(goal: &Goal, seen: &Observation) -> Decision {
    let claims = seen.claims();
    let own = claims.own(&goal.claimant).cloned();
    if own.as_ref().is_some_and(|own| own.at > goal.at) {
        return Decision::Overtaken;
    }
    let Some(record_name) = ownership::record_name(&goal.name) else {
        return Decision::Refuse(Refusal::NoRoomForOwnershipRecord { name: goal.name.clone() });
    };
    let remaining = remaining(goal, &claims, own.is_some());
    let cut = Cut::of(goal, seen, own.as_ref(), &remaining);
    let guarded = own.is_none() && goal.arrival != Arrival::InPlace;
    let refusal = cut.refusal(goal, seen, &claims, own.as_ref());
    if let Some(refusal) = refusal {
        if guarded || cut.changes() {
            return Decision::Refuse(refusal);
        }
        return Decision::Proceed(keep(goal, seen, own, &record_name, &refusal));
    }

    let by = cut.by(goal, &claims, own.as_ref());
    let takes = by == By::Created && !cut.may_be_rolled_back(goal, &claims, own.as_ref());
    let ds = cut.secure.covered(goal, &remaining, own.as_ref(), takes);
    let hold = cut.hold(goal, &claims);
    let mut after = remaining;
    match (&goal.name_servers, &own) {
        (Some(wanted), _) => {
            let terms = Terms { ns: Some(Digest::of_name_servers(wanted)), ds, by, hold };
            put_own(&mut after, goal, terms, own.as_ref());
        }
        // Whose the name servers are that stand there is unknown: the claim goes on saying what it said.
        (None, Some(own)) => put_own(&mut after, goal, Terms { ns: own.ns, ds, by: own.by, hold }, Some(own)),
        (None, None) => {}
    }
    let drops_claims = claims
        .iter()
        .any(|claim| goal.claimant.relation(claim) != Relation::Own && !after.iter().any(|after| after == claim));

    let mut changes = cut.changes_of_name_servers(goal);
    changes.extend(cut.secure.changes_of_ds(goal));
    changes.extend(changes_of_ownership(seen.ownership.as_ref(), &record_name, &after));
    Decision::Proceed(Plan {
        only_refreshes: !cut.changes() && !guarded && !drops_claims && ds == own.as_ref().and_then(|own| own.ds),
        changes,
        action: Some(cut.action(goal, &claims, own.is_some())),
        warnings: cut.warnings(goal, seen, own.as_ref()),
        ..Plan::default()
    })
}

/// The claims that stay: `AllowOverwrite` drops those of others.
fn remaining(goal: &Goal, claims: &Claims, owned: bool) -> Claims {
    let mut remaining = claims.clone();
    // Without a claim to write, nobody's is dropped: the delegation lives as long as a claim does.
    if goal.allow_overwrite && (goal.name_servers.is_some() || owned) {
        remaining.remove(|claim| match goal.claimant.relation(claim) {
            Relation::Own => false,
            // What comes to a new place may be rolled back by its own Delete, and then a sibling must still be there.
            Relation::Sibling => goal.arrival == Arrival::InPlace,
            Relation::Other => true,
        });
    }
    remaining
}

/// A row or check would have refused, but the delegation stands as wanted and is ours, or the Update is in place: say
/// so and leave everything but the time of our own claim.
fn keep(goal: &Goal, seen: &Observation, own: Option<Claim>, record_name: &Name, refusal: &Refusal) -> Plan {
    let mut after = seen.claims();
    if let Some(own) = own {
        put_own(&mut after, goal, Terms { ns: own.ns, ds: own.ds, by: own.by, hold: own.hold }, Some(&own));
    }
    Plan {
        changes: changes_of_ownership(seen.ownership.as_ref(), record_name, &after),
        action: Some(Action::Unchanged),
        warnings: vec![Warning::new(
            WarningCode::DelegationKept,
            format!("The delegation was left as it is: {refusal} [{}]", refusal.code()),
        )],
        only_refreshes: true,
        left_changed: false,
    }
}

/// What stands at the cut, compared with what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    AsWanted,
    /// The wanted name servers with another TTL.
    OtherTtl,
    Different,
}

struct Cut<'a> {
    state: State,
    ns: Option<&'a RecordSet>,
    found: Option<NameServers>,
    wanted: Option<NameServers>,
    /// True if those that are wanted are those that our claim names.
    named: bool,
    secure: Secure<'a>,
}

impl<'a> Cut<'a> {
    fn of(goal: &Goal, seen: &'a Observation, own: Option<&Claim>, remaining: &Claims) -> Self {
        let ns = seen.at_cut("NS");
        let found = ns.and_then(|set| NameServers::found(&set.values));
        let wanted = goal.name_servers.clone().or_else(|| found.clone());
        // Without knowing what is wanted, only what our claim names is ours to change.
        let ours = || own.is_some_and(|own| own.ns.is_some() && own.ns == found.as_ref().map(Digest::of_name_servers));
        let state = match ns {
            None => State::Absent,
            Some(_) if goal.name_servers.is_none() && !ours() => State::AsWanted,
            Some(_) if found.is_none() || found != wanted => State::Different,
            Some(set) if set.ttl != Some(goal.ttl) => State::OtherTtl,
            Some(_) => State::AsWanted,
        };
        let named = own.is_some_and(|own| own.ns.is_some() && own.ns == wanted.as_ref().map(Digest::of_name_servers));
        let secure = Secure::of(goal, seen, own, remaining, state == State::Different && named);
        Self { state, ns, found, wanted, named, secure }
    }

    /// True if the NS or the DS record set is to change.
    fn changes(&self) -> bool {
        self.state != State::AsWanted || self.secure.changes()
    }

    /// Until when resolvers may hold name servers that are put back now, or were before.
    fn hold(&self, goal: &Goal, claims: &Claims) -> Option<i64> {
        let displaced = self.ns.filter(|_| self.state == State::Different && self.named).and_then(|set| set.ttl);
        let now = displaced.map(|ttl| goal.at.saturating_add(i64::from(ttl.seconds())));
        // A sibling may have put them back, and its claim may go.
        now.max(claims.hold(goal.at))
    }

    fn action(&self, goal: &Goal, claims: &Claims, owned: bool) -> Action {
        let shares = || !goal.allow_overwrite && !claims.of(&goal.claimant, Relation::Sibling).is_empty();
        match self.state {
            State::Absent => Action::Created,
            State::Different => Action::Updated,
            State::AsWanted | State::OtherTtl if owned || goal.arrival == Arrival::InPlace => {
                if self.changes() {
                    Action::Updated
                } else {
                    Action::Unchanged
                }
            }
            State::AsWanted | State::OtherTtl => {
                if shares() {
                    Action::Shared
                } else {
                    Action::Adopted
                }
            }
        }
    }

    fn refusal(&self, goal: &Goal, seen: &Observation, claims: &Claims, own: Option<&Claim>) -> Option<Refusal> {
        let name = || goal.name.clone();
        // Whatever the physical id says: without a claim of its own, the request would start to manage the name.
        if !goal.allowed && own.is_none() {
            return Some(Refusal::NotAllowed { name: name() });
        }
        if let Some(objection) = &goal.objection {
            return Some(Refusal::Child { words: objection.clone() });
        }
        if goal.name_servers.is_none() && own.is_none() && goal.arrival != Arrival::InPlace {
            return Some(Refusal::NameServersUnknown { name: name() });
        }
        if seen.at_cut("CNAME").is_some() {
            return Some(Refusal::Cname { name: name() });
        }
        if let Some(above) = seen.above.last() {
            let servers = NameServers::found(&above.values).map(|servers| servers.to_string());
            let servers = servers.unwrap_or_else(|| above.values.join(","));
            return Some(Refusal::DelegatedAbove { name: name(), above: above.name.clone(), servers });
        }
        if let Some(special) = [self.ns, seen.ownership.as_ref()].into_iter().flatten().find(|set| set.special) {
            return Some(Refusal::RoutingPolicy { name: special.name.clone(), rtype: special.rtype.clone() });
        }
        let Some(wanted) = &self.wanted else {
            return Some(Refusal::NameServersUnknown { name: name() });
        };
        let owners = |relation| {
            let owner = |claim: &&Claim| claim.owner().to_owned();
            claims.of(&goal.claimant, relation).iter().map(owner).collect::<Vec<_>>()
        };
        let (others, siblings) = (owners(Relation::Other), owners(Relation::Sibling));
        if !goal.allow_overwrite {
            if !others.is_empty() {
                return Some(match self.state {
                    State::Absent => Refusal::ClaimedByOthers { name: name(), owners: others },
                    _ => self.taken(goal, wanted, others),
                });
            }
            if self.state == State::Different && own.is_none() {
                return Some(self.taken(goal, wanted, siblings));
            }
        }
        // Where somebody has removed them, resolvers still hold those that our claim names.
        let forgotten = self.state == State::Absent && own.is_some_and(|own| own.ns.is_some()) && !self.named;
        let changing = (self.state == State::Different && !self.named) || forgotten;
        let insecure = self.secure.refusal(goal, claims, own, self.state != State::Absent, changing);
        if insecure.is_some() {
            return insecure;
        }
        if self.state == State::Absent && !goal.allow_occlusion {
            let lost: Vec<_> = self.lost(goal, seen).collect();
            if !lost.is_empty() || seen.more_below {
                return Some(Refusal::occludes(&goal.name, &lost, seen.more_below));
            }
        }
        without_glue(goal, seen, wanted)
    }

    /// What the delegation would hide and the child zone lacks.
    fn lost<'b>(&'b self, goal: &'b Goal, seen: &'b Observation) -> impl Iterator<Item = &'b RecordSet> {
        let covered = |set: &RecordSet| seen.covered.contains(&(set.name.clone(), set.rtype.clone()));
        occluded(&goal.name, self.wanted.as_ref(), seen).filter(move |set| !covered(set))
    }

    /// What the user should know.
    fn warnings(&self, goal: &Goal, seen: &Observation, own: Option<&Claim>) -> Vec<Warning> {
        let mut warnings: Vec<_> = self.secure.warning(goal, own).into_iter().collect();
        if self.state != State::Absent {
            return warnings;
        }
        let hidden: Vec<_> = self.lost(goal, seen).collect();
        if !hidden.is_empty() {
            let name = &goal.name;
            let hidden = refusal::enumerate(&hidden, seen.more_below);
            let message = format!("The delegation of {name} hides record sets of the parent zone: {hidden}.");
            warnings.push(Warning::new(WarningCode::RecordsHidden, message));
        }
        let bare = seen.at_cut.is_empty() && seen.below.is_empty();
        if let Some(wildcard) = seen.wildcard.as_ref().filter(|_| bare) {
            let name = &goal.name;
            let message = format!(
                "The wildcard {} of the parent zone answered for {name} and the names below it, and no longer does.",
                wildcard.for_people(),
            );
            warnings.push(Warning::new(WarningCode::WildcardEnds, message));
        }
        warnings
    }

    fn taken(&self, goal: &Goal, wanted: &NameServers, owners: Vec<String>) -> Refusal {
        let current = self.ns.map(|set| set.values.join(",")).unwrap_or_default();
        let current = self.found.as_ref().map_or(current, ToString::to_string);
        Refusal::Taken { name: goal.name.clone(), current, wanted: wanted.to_string(), owners }
    }

    /// How the request's own claim came to the delegation, once the plan is carried out.
    fn by(&self, goal: &Goal, claims: &Claims, own: Option<&Claim>) -> By {
        let siblings = claims.of(&goal.claimant, Relation::Sibling);
        if self.makes_it_ours(goal, &siblings) {
            return By::Created;
        }
        if let Some(own) = own {
            // A *later* Update of this place ends an adoption; a duplicate of the request that adopted does not.
            let later = goal.arrival == Arrival::InPlace && own.at < goal.at;
            return if later { By::Created } else { own.by };
        }
        let adopts = match goal.arrival {
            Arrival::InPlace => !siblings.is_empty() && siblings.iter().all(|sibling| sibling.by == By::Adopted),
            Arrival::Create | Arrival::Replacement => siblings.iter().all(|sibling| sibling.by == By::Adopted),
        };
        if adopts { By::Adopted } else { By::Created }
    }

    /// True if the delegation is this resource's own once the plan is carried out, whatever was there.
    fn makes_it_ours(&self, goal: &Goal, siblings: &[&Claim]) -> bool {
        // Where its siblings' claims stay, so does how they came to the delegation.
        let takes = goal.allow_overwrite && (goal.arrival == Arrival::InPlace || siblings.is_empty());
        matches!(self.state, State::Absent | State::Different) || takes
    }

    /// True if the request comes to a delegation that stands, or is a duplicate of one that did: its own Delete may follow, and must
    /// leave what was there.
    fn may_be_rolled_back(&self, goal: &Goal, claims: &Claims, own: Option<&Claim>) -> bool {
        let siblings = claims.of(&goal.claimant, Relation::Sibling);
        let comes = goal.arrival != Arrival::InPlace && own.is_none_or(|own| own.at == goal.at);
        comes && !self.makes_it_ours(goal, &siblings)
    }

    fn changes_of_name_servers(&self, goal: &Goal) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.state != State::AsWanted
            && let Some(wanted) = &self.wanted
        {
            changes.extend(self.ns.cloned().map(Change::Delete));
            changes.push(Change::Create(RecordSet::new(goal.name.clone(), "NS", goal.ttl, wanted.values())));
        }
        changes
    }
}

/// A name server at or below the cut can only be reached by way of its address in the parent zone (RFC 1034, 4.2.1).
fn without_glue(goal: &Goal, seen: &Observation, wanted: &NameServers) -> Option<Refusal> {
    let glued = |server: &Name| {
        let sets = seen.at_cut.iter().chain(&seen.below);
        sets.into_iter().any(|set| set.name == *server && matches!(set.rtype.as_str(), "A" | "AAAA"))
    };
    let server = wanted.iter().find(|server| server.is_at_or_below(&goal.name) && !glued(server))?;
    Some(Refusal::NoGlue { name: goal.name.clone(), server: server.clone() })
}

/// What our claim says from now on.
#[derive(Clone, Copy)]
struct Terms {
    ns: Option<Digest>,
    ds: Option<Digest>,
    by: By,
    hold: Option<i64>,
}

fn put_own(claims: &mut Claims, goal: &Goal, terms: Terms, own: Option<&Claim>) {
    let Terms { ns, ds, by, hold } = terms;
    let Some(own) = own else {
        if let Some(ns) = ns {
            claims.add(goal.claimant.claim(ns, goal.at, by).covering(ds).holding(hold));
        }
        return;
    };
    let mut kept = false;
    claims.remove(|claim| {
        goal.claimant.relation(claim) == Relation::Own && (claim != own || std::mem::replace(&mut kept, true))
    });
    claims.edit(|claim| {
        let ours = goal.claimant.relation(claim) == Relation::Own;
        if ours {
            (claim.ns, claim.ds, claim.by, claim.hold, claim.at) = (ns, ds, by, hold, goal.at);
        }
        ours
    });
}
