//! The planner: what to change in the parent zone, or why nothing, or a refusal. Pure: no I/O, no clock, no logging.
//!
//! [`present`] serves Create and Update, [`absent`] serves Delete. Their tables stand in `docs/design.md`, and the tests
//! read like them.

mod refusal;

use std::fmt;

use crate::dns::name::Name;
use crate::dns::name_servers::NameServers;
use crate::dns::record_set::{Change, RecordSet};
use crate::dns::ttl::Ttl;
use crate::ownership::{self, By, Claim, Claimant, Claims, Digest, Relation};

pub use refusal::Refusal;

/// What a Create or Update wants at a place.
#[derive(Clone, Debug)]
pub struct Goal {
    /// The child's name: the zone cut.
    pub name: Name,
    /// The wanted name servers; `None` keeps those that are there (an Update whose child zone can't be read).
    pub name_servers: Option<NameServers>,
    /// The wanted TTL of the NS record set.
    pub ttl: Ttl,
    /// Replace, or take full ownership of, a delegation that somebody else made.
    pub allow_overwrite: bool,
    /// Who asks.
    pub claimant: Claimant,
    /// When the request was made, in seconds since 1970.
    pub at: i64,
    /// How the request came to this place.
    pub arrival: Arrival,
}

/// How a request came to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// By a Create.
    Create,
    /// By an Update whose physical id is another place.
    Replacement,
    /// By an Update whose physical id is this place.
    InPlace,
}

/// What was read in the parent zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// The record sets at the zone cut, of every type.
    pub at_cut: Vec<RecordSet>,
    /// Record sets below the zone cut, as many as one page of a listing holds.
    pub below: Vec<RecordSet>,
    /// The ownership record.
    pub ownership: Option<RecordSet>,
}

impl Observation {
    /// The record set of a type at the cut.
    pub fn at_cut(&self, rtype: &str) -> Option<&RecordSet> {
        self.at_cut.iter().find(|set| set.rtype == rtype)
    }

    /// The values of the ownership record; none if it is an alias or has a routing policy, for then we did not write it.
    pub fn claims(&self) -> Claims {
        let simple = self.ownership.as_ref().filter(|set| !set.special);
        simple.map(|set| Claims::read(&set.values)).unwrap_or_default()
    }
}

/// `Fn::GetAtt Action`: what a request did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The delegation was made.
    Created,
    /// The delegation was changed.
    Updated,
    /// A delegation that stood as wanted was adopted.
    Adopted,
    /// Everything stood as wanted.
    Unchanged,
    /// A delegation of a sibling resource is shared.
    Shared,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "CREATED",
            Self::Updated => "UPDATED",
            Self::Adopted => "ADOPTED",
            Self::Unchanged => "UNCHANGED",
            Self::Shared => "SHARED",
        })
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Send these changes as one batch, or nothing if there are none.
    Proceed(Plan),
    /// Change nothing and fail.
    Refuse(Refusal),
    /// Change nothing: our own claim was written by a later request.
    Overtaken,
}

/// One atomic batch and what to say about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The batch; empty if nothing is to change.
    pub changes: Vec<Change>,
    /// What it does.
    pub action: Option<Action>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// True if the batch writes nothing but claims of a resource that stands: a denial is a warning then.
    pub only_refreshes: bool,
    /// True if a delegation stays because its name servers are not those that our claim names.
    pub left_changed: bool,
}

impl fmt::Display for Plan {
    /// A readable diff, one change a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.iter().try_for_each(|change| writeln!(f, "{change}"))
    }
}

/// Plans a Create or an Update.
pub fn present(goal: &Goal, seen: &Observation) -> Decision {
    let claims = seen.claims();
    let own = claims.own(&goal.claimant).cloned();
    if own.as_ref().is_some_and(|own| own.at > goal.at) {
        return Decision::Overtaken;
    }
    let Some(record_name) = ownership::record_name(&goal.name) else {
        return Decision::Refuse(Refusal::NoRoomForOwnershipRecord {
            name: goal.name.clone(),
        });
    };
    let cut = Cut::of(goal, seen);
    let guarded = own.is_none() && goal.arrival != Arrival::InPlace;
    let refusal = cut.refusal(goal, seen, &claims, own.as_ref());
    if let Some(refusal) = refusal {
        if guarded || cut.changes() {
            return Decision::Refuse(refusal);
        }
        return Decision::Proceed(keep(goal, seen, own, &record_name, &refusal));
    }

    let by = cut.by(goal, &claims, own.as_ref());
    let mut after = claims.clone();
    if goal.allow_overwrite {
        after.remove(|claim| match goal.claimant.relation(claim) {
            Relation::Own => false,
            Relation::Sibling => goal.arrival != Arrival::Create,
            Relation::Other => true,
        });
    }
    put_own(&mut after, goal, cut.ns_digest(), by, own.as_ref());

    let mut changes = cut.changes_of_name_servers(goal);
    changes.extend(changes_of_ownership(seen.ownership.as_ref(), &record_name, &after));
    let action = match (cut.state, &own) {
        (State::Absent, _) => Action::Created,
        (State::Different | State::OtherTtl, Some(_)) | (State::Different, None) => Action::Updated,
        (State::AsWanted, Some(_)) => Action::Unchanged,
        (State::AsWanted | State::OtherTtl, None) if goal.arrival == Arrival::InPlace => match cut.state {
            State::OtherTtl => Action::Updated,
            _ => Action::Unchanged,
        },
        (_, None) if goal.allow_overwrite || claims.of(&goal.claimant, Relation::Sibling).is_empty() => Action::Adopted,
        (_, None) => Action::Shared,
    };
    Decision::Proceed(Plan {
        only_refreshes: !cut.changes() && !guarded,
        changes,
        action: Some(action),
        ..Plan::default()
    })
}

/// A row or check would have refused, but the delegation stands as wanted and is ours, or the Update is in place: say
/// so and leave everything but the time of our own claim.
fn keep(goal: &Goal, seen: &Observation, own: Option<Claim>, record_name: &Name, refusal: &Refusal) -> Plan {
    let mut after = seen.claims();
    if let Some(own) = own {
        put_own(&mut after, goal, own.ns, own.by, Some(&own));
    }
    Plan {
        changes: changes_of_ownership(seen.ownership.as_ref(), record_name, &after),
        action: Some(Action::Unchanged),
        warnings: vec![format!("The delegation was left as it is: {refusal}")],
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
}

impl<'a> Cut<'a> {
    fn of(goal: &Goal, seen: &'a Observation) -> Self {
        let ns = seen.at_cut("NS");
        let found = ns.and_then(|set| NameServers::found(&set.values));
        let wanted = goal.name_servers.clone().or_else(|| found.clone());
        let state = match ns {
            None => State::Absent,
            Some(_) if found.is_none() || found != wanted => State::Different,
            Some(set) if set.ttl != Some(goal.ttl) => State::OtherTtl,
            Some(_) => State::AsWanted,
        };
        Self {
            state,
            ns,
            found,
            wanted,
        }
    }

    /// True if the NS record set is to change.
    fn changes(&self) -> bool {
        self.state != State::AsWanted
    }

    fn ns_digest(&self) -> Option<Digest> {
        self.wanted.as_ref().map(Digest::of_name_servers)
    }

    fn refusal(&self, goal: &Goal, seen: &Observation, claims: &Claims, own: Option<&Claim>) -> Option<Refusal> {
        let name = || goal.name.clone();
        if seen.at_cut("CNAME").is_some() {
            return Some(Refusal::Cname { name: name() });
        }
        if let Some(special) = [self.ns, seen.ownership.as_ref()]
            .into_iter()
            .flatten()
            .find(|set| set.special)
        {
            return Some(Refusal::RoutingPolicy {
                name: special.name.clone(),
                rtype: special.rtype.clone(),
            });
        }
        let Some(wanted) = &self.wanted else {
            return Some(Refusal::NameServersUnknown { name: name() });
        };
        let owners = |relation| {
            let owner = |claim: &&Claim| claim.owner().to_owned();
            claims
                .of(&goal.claimant, relation)
                .iter()
                .map(owner)
                .collect::<Vec<_>>()
        };
        let (others, siblings) = (owners(Relation::Other), owners(Relation::Sibling));
        if !goal.allow_overwrite {
            if !others.is_empty() {
                return Some(match self.state {
                    State::Absent => Refusal::ClaimedByOthers {
                        name: name(),
                        owners: others,
                    },
                    _ => self.taken(goal, wanted, others),
                });
            }
            if self.state == State::Different && own.is_none() {
                return Some(self.taken(goal, wanted, siblings));
            }
        }
        let puts_back = own.is_some_and(|own| own.ns.is_some() && own.ns == self.ns_digest());
        if self.state == State::Different && seen.at_cut("DS").is_some() && !puts_back {
            return Some(Refusal::DsStands { name: name() });
        }
        without_glue(goal, seen, wanted)
    }

    fn taken(&self, goal: &Goal, wanted: &NameServers, owners: Vec<String>) -> Refusal {
        let current = self.ns.map(|set| set.values.join(",")).unwrap_or_default();
        let current = self.found.as_ref().map_or(current, ToString::to_string);
        Refusal::Taken {
            name: goal.name.clone(),
            current,
            wanted: wanted.to_string(),
            owners,
        }
    }

    /// How the request's own claim came to the delegation, once the plan is carried out.
    fn by(&self, goal: &Goal, claims: &Claims, own: Option<&Claim>) -> By {
        let writes = matches!(self.state, State::Absent | State::Different);
        if writes || goal.allow_overwrite {
            return By::Created;
        }
        if let Some(own) = own {
            return if goal.arrival == Arrival::InPlace {
                By::Created
            } else {
                own.by
            };
        }
        let siblings = claims.of(&goal.claimant, Relation::Sibling);
        let adopts = match goal.arrival {
            Arrival::InPlace => !siblings.is_empty() && siblings.iter().all(|sibling| sibling.by == By::Adopted),
            Arrival::Create | Arrival::Replacement => siblings.iter().all(|sibling| sibling.by == By::Adopted),
        };
        if adopts { By::Adopted } else { By::Created }
    }

    fn changes_of_name_servers(&self, goal: &Goal) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.changes()
            && let Some(wanted) = &self.wanted
        {
            changes.extend(self.ns.cloned().map(Change::Delete));
            changes.push(Change::Create(RecordSet::new(
                goal.name.clone(),
                "NS",
                goal.ttl,
                wanted.values(),
            )));
        }
        changes
    }
}

/// A name server at or below the cut can only be reached by way of its address in the parent zone (RFC 1034, 4.2.1).
fn without_glue(goal: &Goal, seen: &Observation, wanted: &NameServers) -> Option<Refusal> {
    let glued = |server: &Name| {
        let sets = seen.at_cut.iter().chain(&seen.below);
        sets.into_iter()
            .any(|set| set.name == *server && matches!(set.rtype.as_str(), "A" | "AAAA"))
    };
    let server = wanted
        .iter()
        .find(|server| server.is_at_or_below(&goal.name) && !glued(server))?;
    Some(Refusal::NoGlue {
        name: goal.name.clone(),
        server: server.clone(),
    })
}

fn put_own(claims: &mut Claims, goal: &Goal, ns: Option<Digest>, by: By, own: Option<&Claim>) {
    let Some(own) = own else {
        if let Some(ns) = ns {
            claims.add(goal.claimant.claim(ns, goal.at, by));
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
            (claim.ns, claim.by, claim.at) = (ns, by, goal.at);
        }
        ours
    });
}

fn changes_of_ownership(before: Option<&RecordSet>, name: &Name, after: &Claims) -> Vec<Change> {
    let values = after.values();
    let mut changes = Vec::new();
    match before {
        Some(set) if set.values == values => {}
        Some(set) => {
            changes.push(Change::Delete(set.clone()));
            if !values.is_empty() {
                changes.push(Change::Create(RecordSet { values, ..set.clone() }));
            }
        }
        None if values.is_empty() => {}
        None => changes.push(Change::Create(RecordSet::new(
            name.clone(),
            "TXT",
            Ttl::OWNERSHIP,
            values,
        ))),
    }
    changes
}

/// What a Delete knows.
#[derive(Clone, Debug)]
pub struct Farewell {
    /// The child's name: the zone cut.
    pub name: Name,
    /// Who asks.
    pub claimant: Claimant,
    /// When the request was made, in seconds since 1970.
    pub at: i64,
    /// The name servers of the child zone and those of `NameServers`, as far as they are known.
    pub known: Option<NameServers>,
}

/// Plans a Delete.
pub fn absent(farewell: &Farewell, seen: &Observation) -> Decision {
    let claims = seen.claims();
    let ns = seen.at_cut("NS");
    let name = &farewell.name;
    let Some(own) = claims.own(&farewell.claimant).cloned() else {
        let warnings = match ns {
            Some(_) => vec![format!(
                "The delegation of {name} was left in place: no claim of this resource stands there."
            )],
            None => Vec::new(),
        };
        return Decision::Proceed(Plan {
            warnings,
            ..Plan::default()
        });
    };
    if own.at > farewell.at {
        return Decision::Overtaken;
    }

    let found = ns
        .filter(|set| !set.special)
        .and_then(|set| NameServers::found(&set.values));
    let as_written = found
        .as_ref()
        .is_some_and(|found| own.ns == Some(Digest::of_name_servers(found)));
    let mut after = claims.clone();
    after.remove(|claim| farewell.claimant.relation(claim) == Relation::Own);

    let mut plan = Plan::default();
    let last = after.iter().next().is_none();
    if !last {
        if as_written && own.by == By::Created {
            after.edit(|claim| {
                let sibling = farewell.claimant.relation(claim) == Relation::Sibling;
                if sibling {
                    (claim.ns, claim.by) = (own.ns, By::Created);
                }
                sibling
            });
        }
    } else if let Some(ns) = ns {
        let known = || {
            farewell
                .known
                .as_ref()
                .zip(found.as_ref())
                .is_some_and(|(known, found)| found.is_subset(known))
        };
        if own.by == By::Adopted {
            plan.warnings.push(format!(
                "The delegation of {name} was left in place: it was there before this resource."
            ));
        } else if as_written || known() {
            plan.changes.extend(
                [Some(ns), seen.at_cut("DS")]
                    .into_iter()
                    .flatten()
                    .cloned()
                    .map(Change::Delete),
            );
        } else {
            plan.left_changed = true;
            plan.warnings.push(format!(
                "The delegation of {name} was left in place: its name servers ({}) are not those that this resource \
                 wrote. If nobody needs it, remove it by hand.",
                ns.values.join(","),
            ));
        }
    }
    if let Some(set) = &seen.ownership {
        plan.changes.extend(changes_of_ownership(Some(set), &set.name, &after));
    }
    Decision::Proceed(plan)
}

#[cfg(test)]
mod tests;
