//! Answers a query like an authoritative server, from its zones only (RFC 1034, section 4.3.2,
//! without recursion).

use std::sync::Arc;
use std::time::SystemTime;

use hickory_proto::dnssec::rdata::{DNSSECRData, NSEC};
use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::zone::{Rrset, Zone};

/// How many aliases are followed within a zone.
const MAX_ALIASES: usize = 8;
/// The type in the NSEC record of a name that does not exist (RFC 9824, section 3.4).
const NXNAME: u16 = 128;

#[derive(Debug, Clone)]
pub(super) struct DnsAnswer {
    pub code: ResponseCode,
    pub authoritative: bool,
    pub answers: Vec<Record>,
    pub authorities: Vec<Record>,
    pub additionals: Vec<Record>,
}

impl DnsAnswer {
    /// Only a response code, without authority.
    pub(super) fn code(code: ResponseCode) -> Self {
        let (answers, authorities, additionals) = Default::default();
        Self { code, authoritative: false, answers, authorities, additionals }
    }
}

/// Answers from the zone that is closest to the name. Without such a zone the answer is REFUSED, as
/// in Route 53.
///
/// `signing_time` is the time of the signatures; `None` for an answer without them.
pub(super) fn answer(
    zones: &[Arc<Zone>],
    query: &Query,
    signing_time: Option<SystemTime>,
) -> DnsAnswer {
    let Some(zone) = nearest(zones, query) else { return DnsAnswer::code(ResponseCode::Refused) };
    let mut writer = Writer {
        zone,
        signing_time,
        answer: DnsAnswer { authoritative: true, ..DnsAnswer::code(ResponseCode::NoError) },
    };
    writer.run(query.name(), query.query_type());
    writer.answer
}

/// The zone that answers a query. A DS record set belongs to the parent's side of a zone cut (RFC
/// 4035, section 3.1.4.1). A server that only has the child zone answers from that.
fn nearest<'a>(zones: &'a [Arc<Zone>], query: &Query) -> Option<&'a Zone> {
    let enclosing =
        || zones.iter().map(Arc::as_ref).filter(|zone| zone.origin().zone_of(query.name()));
    let above = enclosing()
        .filter(|zone| query.query_type() != RecordType::DS || zone.origin() != query.name());
    let deepest = |zone: &&Zone| zone.origin().iter().count();
    above.max_by_key(deepest).or_else(|| enclosing().max_by_key(deepest))
}

struct Writer<'a> {
    zone: &'a Zone,
    signing_time: Option<SystemTime>,
    answer: DnsAnswer,
}

impl Writer<'_> {
    fn run(&mut self, name: &Name, rtype: RecordType) {
        let mut name = name.clone();
        for _ in 0..MAX_ALIASES {
            let cut = self.zone.cut(&name).filter(|cut| rtype != RecordType::DS || *cut != name);
            if let Some(cut) = cut {
                return self.refer(&cut);
            }
            let source = if self.zone.exists(&name) {
                Some(name.clone())
            } else {
                self.zone.wildcard(&name)
            };
            let Some(source) = source else { return self.no_such_name(&name) };
            if rtype == RecordType::ANY {
                return self.everything(&name, &source);
            }
            if let Some(set) = self.zone.set(&source, rtype) {
                self.answer.answers.extend(self.with_signatures(&name, set));
                return self.addresses(set);
            }
            let Some(alias) = self.zone.set(&source, RecordType::CNAME) else {
                return self.no_data(&name, &source);
            };
            self.answer.answers.extend(self.with_signatures(&name, alias));
            match alias.data.first() {
                Some(RData::CNAME(target)) if self.zone.origin().zone_of(target) => {
                    name = target.0.clone();
                }
                _ => return,
            }
        }
    }

    /// Adds a referral: "the reply consists of … the NS RRs for the subzone in the authority
    /// section" (RFC 1034, section 4.3.2), and the known addresses of the servers. After an alias,
    /// the answer section stays authoritative.
    fn refer(&mut self, cut: &Name) {
        let Some(servers) = self.zone.set(cut, RecordType::NS) else { return };
        self.answer.authoritative = !self.answer.answers.is_empty();
        self.answer.authorities.extend(servers.records(cut));
        match self.zone.set(cut, RecordType::DS) {
            Some(ds) if self.is_signed() => {
                self.answer.authorities.extend(self.with_signatures(cut, ds));
            }
            _ => self.deny_other_types(cut, cut),
        }
        self.addresses(servers);
    }

    fn everything(&mut self, name: &Name, source: &Name) {
        let sets: Vec<Record> =
            self.zone.sets(source).flat_map(|(_, set)| self.with_signatures(name, set)).collect();
        if sets.is_empty() {
            return self.no_data(name, source);
        }
        self.answer.answers.extend(sets);
    }

    /// Denies that a name exists. A signed zone may instead answer that the name exists without
    /// data ("Compact Denial of Existence", RFC 9824): one NSEC record, made for the query, proves
    /// it and reveals no other name.
    fn no_such_name(&mut self, name: &Name) {
        if !self.is_signed() {
            self.answer.code = ResponseCode::NXDomain;
        }
        self.soa();
        self.push_nsec(name, vec![RecordType::from(NXNAME)]);
    }

    fn no_data(&mut self, name: &Name, source: &Name) {
        self.soa();
        self.deny_other_types(name, source);
    }

    /// Proves that the name has no other types. At a zone cut, only NS and DS belong to the parent
    /// (RFC 4035, section 2.3).
    fn deny_other_types(&mut self, name: &Name, source: &Name) {
        let cut = self.zone.cut(name).is_some();
        let types = self.zone.sets(source).map(|(rtype, _)| rtype);
        let types = types
            .filter(|rtype| !cut || matches!(rtype, RecordType::NS | RecordType::DS))
            .collect();
        self.push_nsec(name, types);
    }

    fn push_nsec(&mut self, name: &Name, types: Vec<RecordType>) {
        // The next name after this one. A name of full length has none, and stays without proof.
        let Ok(next) = name.to_lowercase().prepend_label(&[0_u8][..]) else { return };
        let soa = self.zone.set(self.zone.origin(), RecordType::SOA);
        let ttl = soa.map(negative_ttl).unwrap_or_default();
        if self.is_signed() {
            let nsec = RData::DNSSEC(DNSSECRData::NSEC(NSEC::new_cover_self(next, types)));
            self.answer
                .authorities
                .extend(self.with_signatures(name, &Rrset { ttl, data: vec![nsec] }));
        }
    }

    fn soa(&mut self) {
        let origin = self.zone.origin();
        let Some(set) = self.zone.set(origin, RecordType::SOA) else { return };
        let set = Rrset { ttl: negative_ttl(set), data: set.data.clone() };
        self.answer.authorities.extend(self.with_signatures(origin, &set));
    }

    /// Adds the addresses of name servers that are in the zone, as glue or as data.
    fn addresses(&mut self, servers: &Rrset) {
        for data in &servers.data {
            let RData::NS(server) = data else { continue };
            for rtype in [RecordType::A, RecordType::AAAA] {
                let known = self.zone.set(server, rtype);
                self.answer
                    .additionals
                    .extend(known.into_iter().flat_map(|set| set.records(server)));
            }
        }
    }

    /// True if the answer should and can be signed.
    fn is_signed(&self) -> bool {
        self.signing_time.is_some() && self.zone.keys().is_some()
    }

    /// The records, with signatures if requested. Records from a wildcard are signed under the name
    /// of the query, as in RFC 9824, so that nobody needs to know about the wildcard.
    fn with_signatures(&self, owner: &Name, set: &Rrset) -> Vec<Record> {
        let mut records: Vec<Record> = set.records(owner).collect();
        if let (Some(time), Some(keys)) = (self.signing_time, self.zone.keys()) {
            records.extend(keys.sign(owner, set, time));
        }
        records
    }
}

/// How long a negative answer may be cached: the smaller of the SOA's own TTL and its last field
/// (RFC 2308, section 5).
fn negative_ttl(soa: &Rrset) -> u32 {
    match soa.data.first() {
        Some(RData::SOA(data)) => soa.ttl.min(data.minimum),
        _ => soa.ttl,
    }
}
