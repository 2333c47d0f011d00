//! A zone of a name server.

use std::collections::BTreeMap;

use hickory_proto::rr::rdata::{CNAME, NS, PTR};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::sign::ZoneKeys;
use crate::route53::{RecordSet, labels};

/// The values of one name and type.
#[derive(Debug, Clone, Default)]
pub(super) struct Rrset {
    pub ttl: u32,
    pub data: Vec<RData>,
}

impl Rrset {
    pub(super) fn records(&self, owner: &Name) -> impl Iterator<Item = Record> {
        self.data.iter().map(|data| Record::from_rdata(owner.clone(), self.ttl, data.clone()))
    }
}

/// The records of a zone in canonical order (RFC 4034, section 6.1), in which a name is directly
/// followed by the names below it.
#[derive(Debug)]
pub(super) struct Zone {
    origin: Name,
    sets: BTreeMap<Name, BTreeMap<RecordType, Rrset>>,
    keys: Option<ZoneKeys>,
}

impl Zone {
    pub(super) fn new(origin: Name) -> Self {
        Self { origin, sets: BTreeMap::new(), keys: None }
    }

    /// A zone with these record sets. An alias has no data here: its name exists, and its type is
    /// empty. If there are several sets with one name and type (a routing policy), the first one is
    /// served. Invalid values are left out.
    pub(super) fn with_records<'a>(
        origin: Name,
        records: impl IntoIterator<Item = &'a RecordSet>,
    ) -> Self {
        let mut zone = Self::new(origin);
        for record in records {
            let (Some(owner), Ok(rtype)) = (name(&record.name), record.rtype.parse()) else {
                continue;
            };
            let data = record.values.iter().filter_map(|value| parse(rtype, value)).collect();
            let set = Rrset { ttl: record.ttl.unwrap_or_default(), data };
            zone.sets.entry(owner).or_default().entry(rtype).or_insert(set);
        }
        zone
    }

    pub(super) fn add(&mut self, owner: &Name, ttl: u32, data: RData) {
        let sets = self.sets.entry(owner.clone()).or_default();
        let set = sets.entry(data.record_type()).or_insert_with(|| Rrset { ttl, data: Vec::new() });
        set.data.push(data);
    }

    /// Signs the zone with these keys, and adds their DNSKEY record set.
    pub(super) fn sign(&mut self, keys: ZoneKeys, ttl: u32) {
        let origin = self.origin.clone();
        for key in keys.all() {
            self.add(&origin, ttl, key.dnskey());
        }
        self.keys = Some(keys);
    }

    /// Limits all TTLs, except those of these record sets.
    pub(super) fn cap(&mut self, ttl: u32, except: &[(Name, RecordType)]) {
        for (owner, sets) in &mut self.sets {
            for (rtype, set) in sets {
                if !except.iter().any(|(name, kept)| name == owner && kept == rtype) {
                    set.ttl = set.ttl.min(ttl);
                }
            }
        }
    }

    pub(super) fn keys(&self) -> Option<&ZoneKeys> {
        self.keys.as_ref()
    }

    pub(super) fn origin(&self) -> &Name {
        &self.origin
    }

    /// The record set with this name and type, if it has data.
    pub(super) fn set(&self, owner: &Name, rtype: RecordType) -> Option<&Rrset> {
        self.sets.get(owner)?.get(&rtype).filter(|set| !set.data.is_empty())
    }

    pub(super) fn sets(&self, owner: &Name) -> impl Iterator<Item = (RecordType, &Rrset)> {
        let sets = self.sets.get(owner).into_iter().flatten();
        sets.filter(|(_, set)| !set.data.is_empty()).map(|(rtype, set)| (*rtype, set))
    }

    /// True if the name exists, even if only because of a name below it (RFC 4592, section 2.2.2).
    pub(super) fn exists(&self, owner: &Name) -> bool {
        self.sets.range(owner..).next().is_some_and(|(next, _)| owner.zone_of(next))
    }

    /// The wildcard that answers for a name that does not exist: the one at its closest encloser
    /// (RFC 4592, section 3.3.1).
    pub(super) fn wildcard(&self, owner: &Name) -> Option<Name> {
        let above = (self.depth()..owner.iter().count()).rev().map(|labels| owner.trim_to(labels));
        let encloser = above.into_iter().find(|name| self.exists(name))?;
        encloser.prepend_label("*").ok().filter(|wildcard| self.sets.contains_key(wildcard))
    }

    fn depth(&self) -> usize {
        self.origin.iter().count()
    }

    /// The zone cut closest to the apex at or above the name.
    pub(super) fn cut(&self, owner: &Name) -> Option<Name> {
        let below = self.depth() + 1..=owner.iter().count();
        below
            .map(|labels| owner.trim_to(labels))
            .find(|name| self.set(name, RecordType::NS).is_some())
    }
}

/// Parses a name as Route 53 writes it, with octal escapes.
pub(super) fn name(text: &str) -> Option<Name> {
    if text == "." {
        return Some(Name::root());
    }
    let mut name = Name::from_labels(labels(text).ok()?).ok()?.to_lowercase();
    name.set_fqdn(true);
    Some(name)
}

/// Parses a value. Names in it are absolute, with or without a trailing dot, as in Route 53.
fn parse(rtype: RecordType, value: &str) -> Option<RData> {
    match rtype {
        RecordType::NS => name(value).map(|name| RData::NS(NS(name))),
        RecordType::CNAME => name(value).map(|name| RData::CNAME(CNAME(name))),
        RecordType::PTR => name(value).map(|name| RData::PTR(PTR(name))),
        _ => RData::try_from_str(rtype, value).ok(),
    }
}
