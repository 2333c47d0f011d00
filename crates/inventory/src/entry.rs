//! Builds the delegations of a parent zone and their ownership records from its record sets.

use std::collections::btree_map::Entry as MapEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use delegation_model::digest::Digest;
use delegation_model::ds::DsRecords;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{self, Claim, Claimant, OwnershipRecord, Value};
use delegation_model::record_set::{RecordSet, RecordType};
use delegation_model::ttl::Ttl;
use dns_check::{Expected, GLUE_ADDRESSES, SERVERS};

/// The prefixes of the first label of an ownership record: of a normal one, and of one that has a
/// digest instead of the cut's own label.
const RECORD: (&str, &str) = ("_delegation-", "_delegationdigest-");

/// The delegations of a parent zone, and the ownership records without a delegation, sorted by
/// name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// One entry per name.
    pub entries: Vec<Entry>,
    /// The zone's own name servers, from the NS record set at its apex, for a DNS check of the zone
    /// itself.
    pub apex: Option<Expected>,
}

/// A delegation with its ownership record, or only one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The zone cut. `None` for an ownership record without a delegation whose label is a digest.
    pub name: Option<Name>,
    /// The ownership record, if there is one.
    pub record: Option<RecordSet>,
    /// The parsed ownership record. Empty if there is none.
    pub ownership: OwnershipRecord,
    /// The delegation.
    pub delegation: Option<Delegation>,
}

/// An NS record set below the apex, and the records that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    pub ns: RecordSet,
    pub ds: Option<RecordSet>,
    /// The addresses that the parent zone has for name servers at or below the cut, as far as a
    /// check uses them. Empty if the delegation is hidden.
    pub glue: Vec<(Name, IpAddr)>,
    /// The delegation above this one that hides it.
    pub hidden_by: Option<Name>,
}

/// True for a record set that an inventory needs.
pub fn is_of_interest(set: &RecordSet) -> bool {
    match &set.record_type {
        RecordType::Ns | RecordType::Ds | RecordType::A | RecordType::Aaaa => true,
        RecordType::Txt => {
            let label = set.name.first_label();
            label.starts_with(RECORD.0) || label.starts_with(RECORD.1)
        }
        _ => false,
    }
}

impl Inventory {
    /// Builds the inventory of a zone from the record sets for which [`is_of_interest`] is true.
    pub fn new(apex: &Name, sets: Vec<RecordSet>) -> Self {
        // By position and name: `b.a` and the label `a\056b` have one position.
        let mut cuts: BTreeMap<(Vec<u8>, Name), Delegation> = BTreeMap::new();
        let (mut ds, mut owned, mut addresses) =
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::<Name, Vec<IpAddr>>::new());
        let mut own: Option<NameServers> = None;
        for set in sets {
            match &set.record_type {
                RecordType::Ns if set.name == *apex => own = NameServers::from_values(&set.values),
                RecordType::Ns => match cuts.entry((set.name.position(), set.name.clone())) {
                    MapEntry::Vacant(entry) => drop(entry.insert(Delegation::new(set))),
                    MapEntry::Occupied(mut entry) => entry.get_mut().ns.values.extend(set.values),
                },
                RecordType::Ds => drop(ds.insert(set.name.clone(), set)),
                // The function never writes an alias, a routing policy or a health check.
                RecordType::Txt if set.is_simple => drop(owned.insert(set.name.clone(), set)),
                RecordType::A | RecordType::Aaaa => {
                    keep(addresses.entry(set.name).or_default(), &set.values);
                }
                _ => {}
            }
        }
        let names: BTreeSet<Name> =
            cuts.values().map(|delegation| delegation.ns.name.clone()).collect();
        let mut entries = Vec::new();
        for mut delegation in cuts.into_values() {
            let name = delegation.ns.name.clone();
            delegation.ds = ds.remove(&name);
            delegation.hidden_by = name.ancestors().filter(|above| names.contains(above)).last();
            // A hidden delegation is not checked. Otherwise each of many nested ones could have its
            // own copy of the same addresses.
            let checked = delegation.hosts().filter(|_| delegation.hidden_by.is_none());
            delegation.glue =
                checked.map(|servers| glue(&name, &servers, &addresses)).unwrap_or_default();
            let record =
                ownership_record::record_name(&name).and_then(|record| owned.remove(&record));
            let ownership = OwnershipRecord::parse(
                record.as_ref().map_or(&[], |record| record.values.as_slice()),
            );
            entries.push(Entry {
                name: Some(name),
                record,
                ownership,
                delegation: Some(delegation),
            });
        }
        for record in owned.into_values() {
            let ownership = OwnershipRecord::parse(&record.values);
            if ownership.iter().any(|value| *value != Value::Foreign) {
                entries.push(Entry {
                    name: cut_of(&record.name),
                    record: Some(record),
                    ownership,
                    delegation: None,
                });
            }
        }
        entries.sort_by_key(|entry| entry.any_name().map(Name::position));
        let apex = own.map(|name_servers| Expected {
            name: apex.clone(),
            glue: glue(apex, &name_servers, &addresses),
            name_servers,
            ds: None,
            check_ds: false,
        });
        Self { entries, apex }
    }
}

/// Adds the addresses among these values, up to the number that is kept of each family.
fn keep(known: &mut Vec<IpAddr>, values: &[String]) {
    for address in values.iter().filter_map(|text| text.parse::<IpAddr>().ok()) {
        let is_same_family = |other: &&IpAddr| other.is_ipv4() == address.is_ipv4();
        if known.iter().filter(is_same_family).count() < GLUE_ADDRESSES {
            known.push(address);
        }
    }
}

/// The addresses that a zone has for those of these name servers that are queried and are at or
/// below a name.
fn glue(
    name: &Name,
    servers: &NameServers,
    addresses: &BTreeMap<Name, Vec<IpAddr>>,
) -> Vec<(Name, IpAddr)> {
    let inside = servers.iter().take(SERVERS).filter(|server| server.is_at_or_below(name));
    let with_names = inside.flat_map(|server| {
        let known = addresses.get(server).into_iter().flatten();
        known.map(move |address| (server.clone(), *address))
    });
    with_names.collect()
}

/// The zone cut of an ownership record. `None` if its label is a digest.
fn cut_of(record: &Name) -> Option<Name> {
    let label = record.first_label().strip_prefix(RECORD.0)?;
    format!("{label}.{}", record.parent()?).parse().ok()
}

impl Delegation {
    fn new(ns: RecordSet) -> Self {
        Self { ns, ds: None, glue: Vec::new(), hidden_by: None }
    }

    /// The TTL of the NS record set.
    pub fn ttl(&self) -> Option<Ttl> {
        self.ns.ttl
    }

    /// The values of the DS record set, as read. Empty if there is none.
    pub fn ds_values(&self) -> &[String] {
        self.ds.as_ref().map_or(&[], |set| set.values.as_slice())
    }

    /// The DS records. `None` if there are none, or if they can't be parsed.
    pub fn ds_records(&self) -> Option<DsRecords> {
        DsRecords::from_values(self.ds_values())
    }

    /// The sorted name servers, or the values as read if one of them is not a name.
    pub fn servers(&self) -> Vec<String> {
        self.name_servers().map_or_else(
            || self.ns.values.clone(),
            |servers| servers.iter().map(ToString::to_string).collect(),
        )
    }

    /// The name servers. `None` if one of the values is not a name.
    pub fn name_servers(&self) -> Option<NameServers> {
        NameServers::from_values(&self.ns.values)
    }

    /// The name servers without the values that are not names, such as the root. `None` if none is
    /// left.
    pub fn hosts(&self) -> Option<NameServers> {
        NameServers::of_names(&self.ns.values)
    }

    /// The digest of the name servers, as claims contain it.
    pub fn digest(&self) -> Option<Digest> {
        self.name_servers().as_ref().map(Digest::from_name_servers)
    }
}

impl Entry {
    /// The zone cut, or the name of the ownership record if the cut is unknown.
    pub fn any_name(&self) -> Option<&Name> {
        self.name.as_ref().or(self.record.as_ref().map(|record| &record.name))
    }

    /// The claims whose stacks no longer exist.
    pub(crate) fn dead_claims<'a>(
        &'a self,
        stacks: &'a [String],
    ) -> impl Iterator<Item = &'a Claim> {
        self.ownership.claims().filter(|claim| self.is_dead(claim, stacks))
    }

    /// What a DNS check of this entry expects. `None` if there is nothing to query.
    pub fn expected(&self) -> Option<Expected> {
        let (name, delegation) = (self.name.as_ref()?, self.delegation.as_ref()?);
        if delegation.hidden_by.is_some() {
            return None;
        }
        Some(Expected {
            name: name.clone(),
            name_servers: delegation.hosts()?,
            ds: delegation.ds_records(),
            check_ds: false,
            glue: delegation.glue.clone(),
        })
    }

    /// True if a claim holds the existing delegation: it names the delegation's name servers, and
    /// was written after anything that they displaced (OWN-3).
    pub fn is_held_by(&self, claim: &Claim) -> bool {
        let current = self.delegation.as_ref().and_then(Delegation::digest);
        current.is_some_and(|current| self.ownership.holds(claim, current))
    }

    /// True if none of the stacks with these ARNs can have written a claim. A claim with an
    /// unreadable owner or an unknown zone cut may belong to any stack.
    pub fn is_dead(&self, claim: &Claim, stacks: &[String]) -> bool {
        let owner = claim.owner.as_str().and_then(|owner| owner.split_once('/'));
        let Some(((name, logical_id), cut)) = owner.zip(self.name.as_ref()) else { return false };
        // A digest takes some time, so it is only computed for stacks with this name.
        let mut named = stacks.iter().filter(|stack| stack.split('/').nth(1) == Some(name));
        !named.any(|stack| Claimant::new(stack, logical_id, cut).id() == claim.id)
    }

    /// True if there are claims and none of them names the NS record set, or the DS record set if
    /// its holders manage one. An unreadable value may name them.
    pub(crate) fn has_drifted(&self, delegation: &Delegation) -> bool {
        if self.ownership.has_unreadable() || self.ownership.claims().next().is_none() {
            return false;
        }
        let current = delegation.digest();
        let mut naming =
            self.ownership.claims().filter(|claim| Some(claim.ns) == current).peekable();
        if naming.peek().is_none() {
            return true;
        }
        let ds = delegation.ds_records().as_ref().map(Digest::from_ds);
        let mut managed = naming.filter_map(|claim| claim.ds).peekable();
        managed.peek().is_some() && !managed.any(|claimed| Some(claimed) == ds)
    }
}
