//! The inventory of a parent zone: its delegations, their ownership records, and the findings about
//! each. Pure: no I/O, no clock, no logging.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use delegation_model::digest::Digest;
use delegation_model::ds::DsRecords;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{self, Claim, Claimant, OwnershipRecord, Value};
use delegation_model::record_set::RecordSet;
use delegation_model::ttl::Ttl;
use dns_check::{Expected, Report, ServerState, Verdict};

/// How the first label of an ownership record begins, and of one that has a digest in place of the
/// cut's own label.
const RECORD: (&str, &str) = ("_delegation-", "_delegationdigest-");

/// The delegations of a parent zone, and the ownership records without one, in the order of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// One for each name.
    pub entries: Vec<Entry>,
}

/// A delegation with its ownership record, or either alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The zone cut; `None` for an ownership record without a delegation that has a digest in place of
    /// the cut's label.
    pub name: Option<Name>,
    /// The name of the ownership record, if there is one.
    pub record: Option<Name>,
    /// What it says; nothing if there is none.
    pub ownership: OwnershipRecord,
    /// The delegation.
    pub delegation: Option<Delegation>,
}

/// An NS record set below the apex, with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// The TTL of the NS record set.
    pub ttl: Option<Ttl>,
    /// The values of the NS record set, as found.
    pub values: Vec<String>,
    /// The values of the DS record set, as found.
    pub ds: Vec<String>,
    /// The addresses that the parent zone has for name servers at or below the cut.
    pub glue: Vec<(Name, IpAddr)>,
    /// The delegation above it, because of which nobody asks for this one.
    pub hidden_by: Option<Name>,
}

/// A finding about an entry, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A name server is in a domain that does not exist: whoever registers that answers for the name.
    Takeover,
    /// No name server serves the zone: whoever gets hold of one of them has the name.
    Dangling,
    /// A name server serves no key for any of the DS records: for resolvers that validate, the zone is
    /// bogus.
    Bogus,
    /// Some name servers do not serve the zone.
    Lame,
    /// Claims say that there is a delegation, and there is none.
    Missing,
    /// No claim names the NS or DS record set that exists.
    Drifted,
    /// The zone is served, and says otherwise what its name servers or keys are.
    Differs,
    /// A claim belongs to a stack that does not exist any more, and keeps the delegation.
    DeadClaim,
    /// The name servers could not be asked.
    Unknown,
    /// The name servers were there before a stack claimed them, or displaced others: the delegation is
    /// given back if its stack is deleted, until an Update settles it.
    Unsettled,
    /// A delegation above it hides it.
    Hidden,
    /// No claim says whose it is.
    Unowned,
    /// A value of the ownership record that nobody needs any more: a tombstone that has expired, or
    /// what was there before a delegation that is gone.
    Leftover,
}

impl Mark {
    /// Every finding, the most urgent first.
    pub const ALL: [Self; 13] = [
        Self::Takeover,
        Self::Dangling,
        Self::Bogus,
        Self::Lame,
        Self::Missing,
        Self::Drifted,
        Self::Differs,
        Self::DeadClaim,
        Self::Unknown,
        Self::Unsettled,
        Self::Hidden,
        Self::Unowned,
        Self::Leftover,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Takeover => "takeover",
            Self::Dangling => "dangling",
            Self::Bogus => "bogus",
            Self::Lame => "lame",
            Self::Missing => "missing",
            Self::Drifted => "drifted",
            Self::Differs => "differs",
            Self::DeadClaim => "dead-claim",
            Self::Unknown => "unknown",
            Self::Unsettled => "unsettled",
            Self::Hidden => "hidden",
            Self::Unowned => "unowned",
            Self::Leftover => "leftover",
        }
    }

    /// True if somebody should look at it now.
    pub fn is_alarm(self) -> bool {
        self < Self::Unknown
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// True for a record set that an inventory needs.
pub fn is_of_interest(set: &RecordSet) -> bool {
    match set.rtype.as_str() {
        "NS" | "DS" | "A" | "AAAA" => true,
        "TXT" => {
            let label = set.name.first_label();
            label.starts_with(RECORD.0) || label.starts_with(RECORD.1)
        }
        _ => false,
    }
}

impl Inventory {
    /// The inventory of a zone, from the record sets for which [`is_of_interest`] holds.
    pub fn of(apex: &Name, sets: Vec<RecordSet>) -> Self {
        let mut cuts: BTreeMap<Vec<u8>, (Name, Delegation)> = BTreeMap::new();
        let (mut ds, mut owned, mut addresses) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for set in sets {
            match set.rtype.as_str() {
                "NS" if set.name != *apex => {
                    let new = || (set.name.clone(), Delegation::new(set.ttl));
                    cuts.entry(set.name.position()).or_insert_with(new).1.values.extend(set.values);
                }
                "DS" => drop(ds.insert(set.name, set.values)),
                // We never write an alias or a routing policy.
                "TXT" if !set.special => drop(owned.insert(set.name, set.values)),
                "A" | "AAAA" => addresses.entry(set.name).or_insert_with(Vec::new).extend(set.values),
                _ => {}
            }
        }
        let names: BTreeSet<Name> = cuts.values().map(|(name, _)| name.clone()).collect();
        let mut entries = Vec::new();
        for (name, mut delegation) in cuts.into_values() {
            delegation.ds = ds.remove(&name).unwrap_or_default();
            delegation.hidden_by = name.ancestors().filter(|above| names.contains(above)).last();
            let servers =
                delegation.name_servers().into_iter().flat_map(|servers| servers.iter().cloned().collect::<Vec<_>>());
            for server in servers.filter(|server| server.is_at_or_below(&name)) {
                let found = addresses.get(&server).into_iter().flatten().filter_map(|text: &String| text.parse().ok());
                delegation.glue.extend(found.map(|address| (server.clone(), address)));
            }
            let record = ownership_record::record_name(&name).filter(|record| owned.contains_key(record));
            let values = record.as_ref().and_then(|record| owned.remove(record)).unwrap_or_default();
            let ownership = OwnershipRecord::parse(&values);
            entries.push(Entry { name: Some(name), record, ownership, delegation: Some(delegation) });
        }
        for (record, values) in owned {
            let ownership = OwnershipRecord::parse(&values);
            if ownership.iter().any(|value| *value != Value::Foreign) {
                entries.push(Entry { name: cut_of(&record), record: Some(record), ownership, delegation: None });
            }
        }
        entries.sort_by_key(|entry| entry.name.as_ref().or(entry.record.as_ref()).map(Name::position));
        Self { entries }
    }
}

/// The zone cut beside which an ownership record stands; `None` if its label is a digest.
fn cut_of(record: &Name) -> Option<Name> {
    let label = record.first_label().strip_prefix(RECORD.0)?;
    format!("{label}.{}", record.parent()?).parse().ok()
}

impl Delegation {
    fn new(ttl: Option<Ttl>) -> Self {
        Self { ttl, values: Vec::new(), ds: Vec::new(), glue: Vec::new(), hidden_by: None }
    }

    /// The name servers; `None` if one of the values is no name.
    pub fn name_servers(&self) -> Option<NameServers> {
        NameServers::found(&self.values)
    }

    fn digest(&self) -> Option<Digest> {
        self.name_servers().as_ref().map(Digest::from_name_servers)
    }
}

impl Entry {
    /// What the DNS check asks for; `None` where there is nothing to ask.
    pub fn wanted(&self) -> Option<Expected> {
        let (name, delegation) = (self.name.as_ref()?, self.delegation.as_ref()?);
        if delegation.hidden_by.is_some() {
            return None;
        }
        Some(Expected {
            name: name.clone(),
            name_servers: delegation.name_servers()?,
            ds: DsRecords::found(&delegation.ds),
            check_ds: false,
            glue: delegation.glue.clone(),
        })
    }

    /// The findings from the records of the parent zone alone. `now` is in seconds since 1970; `stacks`
    /// are the ARNs of all stacks that exist, where that is known.
    pub fn record_marks(&self, now: i64, stacks: Option<&[String]>) -> BTreeSet<Mark> {
        let mut marks = BTreeSet::new();
        let mut add = |mark, is_so: bool| {
            if is_so {
                marks.insert(mark);
            }
        };
        let claimed = self.ownership.claims().next().is_some() || self.ownership.has_unreadable();
        let expired = self.ownership.iter().any(|value| matches!(value, Value::Tombstone(stone) if stone.is_over(now)));
        add(
            Mark::DeadClaim,
            stacks.is_some_and(|stacks| self.ownership.claims().any(|claim| self.is_dead(claim, stacks))),
        );
        match &self.delegation {
            None => {
                add(Mark::Missing, claimed);
                add(Mark::Leftover, expired || (!claimed && self.ownership.before().is_some()));
            }
            Some(delegation) => {
                add(Mark::Drifted, self.drifted(delegation));
                add(
                    Mark::Unsettled,
                    delegation.digest().is_some_and(|standing| self.ownership.debt(standing).is_some()),
                );
                add(Mark::Hidden, delegation.hidden_by.is_some());
                add(Mark::Unowned, !claimed);
                add(Mark::Leftover, expired);
            }
        }
        marks
    }

    /// The findings of the DNS check of [`Entry::wanted`].
    pub fn dns_marks(&self, dns: Option<&Report>) -> BTreeSet<Mark> {
        let asked = self.delegation.as_ref().filter(|delegation| delegation.hidden_by.is_none());
        let Some(_) = asked else { return BTreeSet::new() };
        let mut marks: BTreeSet<Mark> = dns.map_or(Some(Mark::Unknown), served).into_iter().collect();
        if dns.is_some_and(Report::has_bogus_server) {
            marks.insert(Mark::Bogus);
        }
        marks
    }

    /// True if a claim holds the delegation that exists: it names its name servers, and has seen what
    /// these displaced.
    pub fn is_held_by(&self, claim: &Claim) -> bool {
        let standing = self.delegation.as_ref().and_then(Delegation::digest);
        standing.is_some_and(|standing| self.ownership.holds(claim, standing))
    }

    /// True if no stack of these ARNs can have written a claim. A claim whose owner or zone cut can't be
    /// read may be anybody's.
    pub fn is_dead(&self, claim: &Claim, stacks: &[String]) -> bool {
        let owner = claim.owner.as_str().and_then(|owner| owner.split_once('/'));
        let Some(((_, logical_id), cut)) = owner.zip(self.name.as_ref()) else { return false };
        !stacks.iter().any(|stack| Claimant::new(stack, logical_id, cut).id() == claim.id)
    }

    /// True if claims exist and none of them names the NS record set, or the DS record set where its
    /// holders manage one. A value that can't be read may name them.
    fn drifted(&self, delegation: &Delegation) -> bool {
        if self.ownership.has_unreadable() || self.ownership.claims().next().is_none() {
            return false;
        }
        let standing = delegation.digest();
        let mut naming = self.ownership.claims().filter(|claim| Some(claim.ns) == standing).peekable();
        if naming.peek().is_none() {
            return true;
        }
        let ds = DsRecords::found(&delegation.ds).as_ref().map(Digest::from_ds);
        let mut managed = naming.filter_map(|claim| claim.ds).peekable();
        managed.peek().is_some() && !managed.any(|claimed| Some(claimed) == ds)
    }
}

/// What the check of a delegation says of its name servers.
fn served(finding: &Report) -> Option<Mark> {
    if finding.verdict() == Verdict::Unknown {
        return Some(Mark::Unknown);
    }
    if finding.can_be_taken_over() {
        return Some(Mark::Takeover);
    }
    // Of the others nothing is known.
    let asked = || finding.servers().iter().filter(|server| server.state != ServerState::Unknown);
    let serving = asked().filter(|server| server.state == ServerState::Serves).count();
    match asked().count() {
        0 => Some(Mark::Unknown),
        _ if serving == 0 => Some(Mark::Dangling),
        all if serving < all => Some(Mark::Lame),
        _ if finding.is_good() || finding.has_bogus_server() => None,
        _ => Some(Mark::Differs),
    }
}

#[cfg(test)]
mod tests;
