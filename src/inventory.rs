//! The inventory of a parent zone: its delegations and claims, and what is to be said of each. Pure: no I/O, no clock, no logging.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use delegation_model::ds::DsRecords;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership::{self, Claim, Claims, Digest};
use delegation_model::record_set::RecordSet;
use delegation_model::ttl::Ttl;
use dns_check::{Expected, Report, ServerState, Verdict};

/// How the first label of an ownership record begins.
const MARK: &str = "_delegation-";

/// The delegations of a parent zone, and the claims without one, in the order of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// One for each name.
    pub entries: Vec<Entry>,
}

/// A delegation with its claims, or claims alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The zone cut; `None` for claims without a delegation whose ownership record has a digest in place of the name.
    pub name: Option<Name>,
    /// The ownership record, if there is one.
    pub record: Option<Name>,
    /// The claims in it.
    pub claims: Vec<Claim>,
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

/// What is to be said of an entry. The order is that of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A name server is in a domain that does not exist: whoever registers that answers for the name.
    Takeover,
    /// No name server serves the zone: whoever gets hold of one of them has the name.
    Dangling,
    /// A name server serves no key for any of the DS records: for resolvers that validate, the zone is bogus.
    Bogus,
    /// Some name servers do not serve the zone.
    Lame,
    /// Claims say that a delegation was written, and there is none.
    Missing,
    /// The NS or DS record set is not what the latest claim wrote.
    Drifted,
    /// The zone is served, and says otherwise what its name servers or keys are.
    Differs,
    /// The name servers could not be asked.
    Unknown,
    /// A delegation above it hides it.
    Hidden,
    /// No claim says whose it is.
    Unowned,
}

impl Mark {
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
            Self::Unknown => "unknown",
            Self::Hidden => "hidden",
            Self::Unowned => "unowned",
        }
    }

    /// True for what somebody should look at: neither a delegation made by hand nor one that nobody sees.
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
        "TXT" => set.name.first_label().starts_with(MARK),
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
            let record = ownership::record_name(&name).filter(|record| owned.contains_key(record));
            let values = record.as_ref().and_then(|record| owned.remove(record)).unwrap_or_default();
            let claims = claims(&values);
            entries.push(Entry { name: Some(name), record, claims, delegation: Some(delegation) });
        }
        for (record, values) in owned {
            let claims = claims(&values);
            if !claims.is_empty() {
                entries.push(Entry { name: cut_of(&record), record: Some(record), claims, delegation: None });
            }
        }
        entries.sort_by_key(|entry| entry.name.as_ref().or(entry.record.as_ref()).map(Name::position));
        Self { entries }
    }
}

fn claims(values: &[String]) -> Vec<Claim> {
    Claims::read(values).iter().cloned().collect()
}

/// The zone cut beside which an ownership record stands; `None` if its label is a digest.
fn cut_of(record: &Name) -> Option<Name> {
    let label = record.first_label().strip_prefix(MARK)?;
    // A cut may be called like a digest; then it is not known either.
    let digest = label.len() == 16 && label.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digest { None } else { format!("{label}.{}", record.parent()?).parse().ok() }
}

impl Delegation {
    fn new(ttl: Option<Ttl>) -> Self {
        Self { ttl, values: Vec::new(), ds: Vec::new(), glue: Vec::new(), hidden_by: None }
    }

    /// The name servers; `None` if one of the values is no name.
    pub fn name_servers(&self) -> Option<NameServers> {
        NameServers::found(&self.values)
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

    /// What is to be said of it, the most urgent first; nothing if it is in order. `dns` is what the check of [`Entry::wanted`]
    /// found.
    pub fn marks(&self, dns: Option<&Report>) -> BTreeSet<Mark> {
        let mut marks = BTreeSet::new();
        let Some(delegation) = &self.delegation else {
            return BTreeSet::from([Mark::Missing]);
        };
        if self.drifted(delegation) {
            marks.insert(Mark::Drifted);
        }
        if self.claims.is_empty() {
            marks.insert(Mark::Unowned);
        }
        if delegation.hidden_by.is_some() {
            marks.insert(Mark::Hidden);
        } else {
            marks.extend(dns.map_or(Some(Mark::Unknown), served));
            if dns.is_some_and(Report::has_bogus_server) {
                marks.insert(Mark::Bogus);
            }
        }
        marks
    }

    /// Whether the record sets are other than the latest claim on each says.
    fn drifted(&self, delegation: &Delegation) -> bool {
        let latest = |of: fn(&Claim) -> Option<Digest>| {
            let known = self.claims.iter().filter(|claim| of(claim).is_some());
            known.max_by_key(|claim| claim.at).and_then(of)
        };
        let ns = delegation.name_servers().as_ref().map(Digest::of_name_servers);
        let ds = DsRecords::found(&delegation.ds).as_ref().map(Digest::of_ds);
        let differs = |claimed: Option<Digest>, found| claimed.is_some() && claimed != found;
        differs(latest(|claim| claim.ns), ns) || differs(latest(|claim| claim.ds), ds)
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
