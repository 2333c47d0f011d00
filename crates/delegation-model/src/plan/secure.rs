//! The DS record set: what becomes of it on a Create or Update.

use std::fmt;

use super::{Arrival, Goal, Observation, Refusal, Warning, WarningCode};
use crate::ds::DsRecords;
use crate::name::Name;
use crate::ownership::{Claim, Claims, Digest, Relation};
use crate::record_set::{Change, RecordSet};
use crate::ttl::Ttl;

/// What a Create or Update wants of the DS record set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedDs {
    /// None that this resource covers: `Dnssec` is false.
    Off,
    /// These records.
    Records(DsRecords),
    /// A DS record set, but which is not known.
    Unknown {
        /// Why: the child zone is not signing, or can't be read.
        why: String,
        /// Whether the request asks for more than the resource has: a Create, or an Update that changes what is asked.
        newly: bool,
    },
}

/// What becomes of the DS record set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Stays,
    Added,
    /// It is as wanted but for its TTL.
    Retimed,
    Replaced,
    Removed,
    /// It would be added or replaced, but resolvers may hold other name servers.
    Deferred,
    /// It would be added or replaced, but by what is not known.
    Impossible,
}

/// The DS record set at the cut, compared with what is wanted.
pub(super) struct Secure<'a> {
    set: Option<&'a RecordSet>,
    found: Option<DsRecords>,
    digest: Option<Digest>,
    /// True if a claim covers it that `AllowOverwrite` drops.
    taken_over: bool,
    step: Step,
}

impl<'a> Secure<'a> {
    /// `remaining` are the claims that the plan leaves; `puts_back` tells that name servers change to those that our claim
    /// names.
    pub(super) fn of(
        goal: &Goal,
        seen: &'a Observation,
        own: Option<&Claim>,
        remaining: &Claims,
        puts_back: bool,
    ) -> Self {
        let set = seen.at_cut("DS");
        let found = set.filter(|set| !set.special).and_then(|set| DsRecords::found(&set.values));
        let digest = found.as_ref().map(Digest::of_ds);
        let covers = |claim: &Claim| digest.is_some() && claim.ds == digest;
        let of = |relation| remaining.of(&goal.claimant, relation);
        let siblings_cover = of(Relation::Sibling).into_iter().any(covers);
        let held = seen.claims().hold(goal.at).is_some();
        let relied_on = siblings_cover || of(Relation::Other).into_iter().any(covers);
        let own_covers = own.is_some_and(covers);
        let taken_over = !relied_on && !own_covers && seen.claims().iter().any(covers);
        let step = match &goal.ds {
            WantedDs::Off if own_covers || taken_over => {
                if relied_on {
                    Step::Stays
                } else {
                    Step::Removed
                }
            }
            WantedDs::Records(wanted) if found.as_ref() != Some(wanted) && (puts_back || held) => Step::Deferred,
            WantedDs::Records(_) if set.is_none() => Step::Added,
            WantedDs::Records(wanted) if found.as_ref() != Some(wanted) => Step::Replaced,
            WantedDs::Records(_) if set.is_some_and(|set| set.ttl != Some(goal.ds_ttl)) => Step::Retimed,
            WantedDs::Unknown { newly, .. }
                if (*newly || goal.arrival != Arrival::InPlace) && !siblings_cover && !own_covers =>
            {
                Step::Impossible
            }
            WantedDs::Off | WantedDs::Records(_) | WantedDs::Unknown { .. } => Step::Stays,
        };
        Self { set, found, digest, taken_over, step }
    }

    /// True if the DS record set is asked to change.
    pub(super) fn changes(&self) -> bool {
        !matches!(self.step, Step::Stays | Step::Deferred)
    }

    /// Why the DS record set forbids the plan. `existing` tells that name servers stand at the cut, `changing` that they are to
    /// change to others than our claim names.
    pub(super) fn refusal(
        &self,
        goal: &Goal,
        claims: &Claims,
        own: Option<&Claim>,
        existing: bool,
        changing: bool,
    ) -> Option<Refusal> {
        let refuse = |why| Refusal::Ds { name: goal.name.clone(), why };
        if let (Step::Impossible, WantedDs::Unknown { why, .. }) = (self.step, &goal.ds) {
            return Some(refuse(DsRefusal::Unknown(why.clone())));
        }
        let set = self.set.filter(|set| set.special && self.changes());
        if let Some(set) = set {
            return Some(Refusal::RoutingPolicy { name: set.name.clone(), rtype: set.rtype.clone() });
        }
        let siblings = claims.of(&goal.claimant, Relation::Sibling);
        let ours = own.into_iter().chain(siblings).filter(|claim| claim.ds.is_some());
        let covered = ours.clone().any(|claim| claim.ds == self.digest);
        if changing && (self.set.is_some() || self.step == Step::Added) {
            return Some(match self.set {
                None => refuse(DsRefusal::WithNameServers),
                Some(set) if covered => refuse(DsRefusal::Stands { ttl: set.ttl }),
                Some(_) => refuse(DsRefusal::OfOthers),
            });
        }
        if self.step == Step::Replaced && !goal.allow_overwrite && ours.count() == 0 {
            let current = self.set.map(|set| set.values.join(",")).unwrap_or_default();
            let current = self.found.as_ref().map_or(current, ToString::to_string);
            let wanted = wanted(goal).map(ToString::to_string).unwrap_or_default();
            return Some(refuse(DsRefusal::Taken { current, wanted }));
        }
        // A new delegation under it would be bogus from its first second on.
        let unfit = self.step == Step::Deferred || self.step == Step::Stays && wanted(goal).is_none();
        if !existing && self.set.is_some() && unfit && !covered {
            return Some(refuse(DsRefusal::OfOthers));
        }
        None
    }

    /// The DS record set that our claim covers once the plan is carried out. `takes` tells that what is found as wanted becomes
    /// this resource's, whoever made it.
    pub(super) fn covered(&self, goal: &Goal, remaining: &Claims, own: Option<&Claim>, takes: bool) -> Option<Digest> {
        let had = own.and_then(|own| own.ds);
        let siblings = remaining.of(&goal.claimant, Relation::Sibling);
        let shared = || self.digest.is_some() && siblings.iter().any(|claim| claim.ds == self.digest);
        match &goal.ds {
            WantedDs::Off => None,
            WantedDs::Records(wanted) => match self.step {
                Step::Added | Step::Replaced => Some(Digest::of_ds(wanted)),
                Step::Deferred => had,
                _ if had == self.digest || shared() || takes => self.digest,
                _ => None,
            },
            WantedDs::Unknown { .. } if had != self.digest && (shared() || self.taken_over) => self.digest,
            WantedDs::Unknown { .. } => had,
        }
    }

    pub(super) fn changes_of_ds(&self, goal: &Goal) -> Vec<Change> {
        let delete = self.set.cloned().map(Change::Delete);
        let create = wanted(goal)
            .map(|wanted| Change::Create(RecordSet::new(goal.name.clone(), "DS", goal.ds_ttl, wanted.values())));
        let (delete, create) = match self.step {
            Step::Stays | Step::Deferred | Step::Impossible => (None, None),
            Step::Added => (None, create),
            Step::Retimed | Step::Replaced => (delete, create),
            Step::Removed => (delete, None),
        };
        delete.into_iter().chain(create).collect()
    }

    /// What the user should know.
    pub(super) fn warning(&self, goal: &Goal, own: Option<&Claim>) -> Option<Warning> {
        let name = &goal.name;
        match (&goal.ds, self.set) {
            (WantedDs::Off, Some(_))
                if self.step == Step::Stays && own.is_some_and(|own| own.ds.is_some() && own.ds != self.digest) =>
            {
                let is = "it is not the one that this resource wrote. If nobody needs it, remove it by hand";
                let message = format!("The DS record set of {name} was left in place: {is}.");
                Some(Warning::new(WarningCode::DsLeft, message))
            }
            (WantedDs::Unknown { why, .. }, Some(_)) => {
                let message = format!("The DS record set of {name} was left as it is: {why}.");
                Some(Warning::new(WarningCode::DsKept, message))
            }
            (WantedDs::Unknown { why, .. }, None) => {
                let message = format!("No DS record set was added for {name}: {why}.");
                Some(Warning::new(WarningCode::DsNotAdded, message))
            }
            (WantedDs::Records(wanted), _) if self.step == Step::Deferred => {
                let message = format!(
                    "The DS record set of {name} was not brought to {wanted} yet: the name servers were put back, and \
                     resolvers may hold the others for their TTL. Update again after that, with another Trigger."
                );
                Some(Warning::new(WarningCode::DsDeferred, message))
            }
            _ => None,
        }
    }
}

fn wanted(goal: &Goal) -> Option<&DsRecords> {
    match &goal.ds {
        WantedDs::Records(wanted) => Some(wanted),
        WantedDs::Off | WantedDs::Unknown { .. } => None,
    }
}

/// The TTL of the DNSKEY record set of a hosted zone in seconds (Route 53 gives it no other).
const KEYS_TTL: u32 = 3600;

/// Why the DS record set forbids a plan.
#[derive(Clone, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
pub enum DsRefusal {
    /// One is asked for, and which is not known: why.
    #[strum(serialize = "ds-unknown")]
    Unknown(String),
    /// The name servers would change under a standing DS record set that this resource covers.
    #[strum(serialize = "ds-stands")]
    Stands {
        /// Its TTL.
        ttl: Option<Ttl>,
    },
    /// The name servers would change in the batch that adds one.
    #[strum(serialize = "ds-with-name-servers")]
    WithNameServers,
    /// The name servers would come or change under one that no claim of this resource covers.
    #[strum(serialize = "ds-of-others")]
    OfOthers,
    /// One stands that is not ours to change.
    #[strum(serialize = "ds-taken")]
    Taken {
        /// The DS records found.
        current: String,
        /// The DS records asked for.
        wanted: String,
    },
}

impl DsRefusal {
    pub(super) fn say(&self, name: &Name, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(why) => write!(f, "no DS record set can be added for {name}: {why}"),
            Self::Stands { ttl } => {
                write!(
                    f,
                    "the name servers of {name} can't change while a DS record set stands there: resolvers hold one or the \
                     other for its TTL and would call the zone bogus; set Dnssec to false, "
                )?;
                // A resolver may fetch the keys in the last second of the DS record set, and trusts them for their own TTL.
                let seconds = ttl.map_or(0, Ttl::seconds).saturating_add(KEYS_TTL);
                write!(
                    f,
                    "wait {seconds} seconds (for so long resolvers hold the DS record set, and then the child's keys)"
                )?;
                f.write_str(
                    ", change the child zone or the name servers, wait for the TTL of the NS record set, and set Dnssec to \
                     true again",
                )
            }
            Self::WithNameServers => write!(
                f,
                "the name servers of {name} can't change together with the adding of its DS record set: resolvers hold the \
                 old name servers for their TTL and would call the zone bogus; change the name servers with Dnssec false, \
                 wait for the TTL of the NS record set, and set Dnssec to true"
            ),
            Self::OfOthers => write!(
                f,
                "the name servers of {name} can't be set while a DS record set stands there that this resource did not \
                 write: resolvers would call the zone bogus; remove the DS record set from the parent zone by hand, wait \
                 for its TTL, and try again"
            ),
            Self::Taken { current, wanted } => write!(
                f,
                "the DS record set of {name} in the parent zone is {current}, which this resource did not write, and it \
                 asks for {wanted}; correct or remove that record set, or set AllowOverwrite to take it over"
            ),
        }
    }
}
