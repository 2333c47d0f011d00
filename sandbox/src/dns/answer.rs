//! The answer of an authoritative server, from its zones alone (RFC 1034 section 4.3.2, without
//! recursion).

use std::sync::Arc;
use std::time::SystemTime;

use hickory_proto::dnssec::rdata::{DNSSECRData, NSEC};
use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::zone::{Rrset, Zone};

/// How many aliases are followed within a zone.
const CHAIN: usize = 8;
/// The type that an NSEC record lists for a name that does not exist (RFC 9824 section 3.4).
const NXNAME: u16 = 128;

/// What goes into a response.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub code: ResponseCode,
    pub authoritative: bool,
    pub answers: Vec<Record>,
    pub authorities: Vec<Record>,
    pub additionals: Vec<Record>,
}

impl Answer {
    /// A bare code, without authority.
    pub(super) fn code(code: ResponseCode) -> Self {
        let (answers, authorities, additionals) = Default::default();
        Self { code, authoritative: false, answers, authorities, additionals }
    }
}

/// Answers from the zone that is nearest to the name; REFUSED if there is none, as Route 53 does.
///
/// With `signed` it has the signatures of that time.
pub(super) fn answer(zones: &[Arc<Zone>], query: &Query, signed: Option<SystemTime>) -> Answer {
    let Some(zone) = nearest(zones, query) else { return Answer::code(ResponseCode::Refused) };
    let mut writer = Writer {
        zone,
        signed,
        answer: Answer { authoritative: true, ..Answer::code(ResponseCode::NoError) },
    };
    writer.run(query.name(), query.query_type());
    writer.answer
}

/// A DS record set belongs to the parent's side of a zone cut (RFC 4035 section 3.1.4.1); a server
/// that has the child zone alone answers from that.
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
    signed: Option<SystemTime>,
    answer: Answer,
}

impl Writer<'_> {
    fn run(&mut self, name: &Name, rtype: RecordType) {
        let mut name = name.clone();
        for _ in 0..CHAIN {
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
                self.answer.answers.extend(self.signed(&name, set));
                return self.addresses(set);
            }
            let Some(alias) = self.zone.set(&source, RecordType::CNAME) else {
                return self.no_data(&name, &source);
            };
            self.answer.answers.extend(self.signed(&name, alias));
            match alias.data.first() {
                Some(RData::CNAME(target)) if self.zone.origin().zone_of(target) => {
                    name = target.0.clone();
                }
                _ => return,
            }
        }
    }

    /// "the reply consists of … the NS RRs for the subzone in the authority section" (RFC 1034
    /// section 4.3.2), and what is known of the servers' addresses. After an alias the answer
    /// section stays authoritative.
    fn refer(&mut self, cut: &Name) {
        let Some(servers) = self.zone.set(cut, RecordType::NS) else { return };
        self.answer.authoritative = !self.answer.answers.is_empty();
        self.answer.authorities.extend(servers.records(cut));
        match self.zone.set(cut, RecordType::DS) {
            Some(ds) if self.signs() => self.answer.authorities.extend(self.signed(cut, ds)),
            _ => self.denial(cut, cut),
        }
        self.addresses(servers);
    }

    fn everything(&mut self, name: &Name, source: &Name) {
        let sets: Vec<Record> =
            self.zone.sets(source).flat_map(|(_, set)| self.signed(name, set)).collect();
        if sets.is_empty() {
            return self.no_data(name, source);
        }
        self.answer.answers.extend(sets);
    }

    /// Of a signed zone every name can be said to exist, without data ("Compact Denial of
    /// Existence", RFC 9824): one NSEC record made for the question is proof enough, and reveals no
    /// other name.
    fn no_such_name(&mut self, name: &Name) {
        if !self.signs() {
            self.answer.code = ResponseCode::NXDomain;
        }
        self.soa();
        self.deny(name, vec![RecordType::from(NXNAME)]);
    }

    fn no_data(&mut self, name: &Name, source: &Name) {
        self.soa();
        self.denial(name, source);
    }

    /// That the name has no more types than these. At a zone cut only NS and DS are the parent's
    /// (RFC 4035 section 2.3).
    fn denial(&mut self, name: &Name, source: &Name) {
        let cut = self.zone.cut(name).is_some();
        let types = self.zone.sets(source).map(|(rtype, _)| rtype);
        let types = types
            .filter(|rtype| !cut || matches!(rtype, RecordType::NS | RecordType::DS))
            .collect();
        self.deny(name, types);
    }

    fn deny(&mut self, name: &Name, types: Vec<RecordType>) {
        // The name directly after this one; there is none after a name of full length, which stays
        // without proof.
        let Ok(next) = name.to_lowercase().prepend_label(&[0_u8][..]) else { return };
        let soa = self.zone.set(self.zone.origin(), RecordType::SOA);
        let ttl = soa.map(negative_ttl).unwrap_or_default();
        if self.signs() {
            let nsec = RData::DNSSEC(DNSSECRData::NSEC(NSEC::new_cover_self(next, types)));
            self.answer.authorities.extend(self.signed(name, &Rrset { ttl, data: vec![nsec] }));
        }
    }

    fn soa(&mut self) {
        let origin = self.zone.origin();
        let Some(set) = self.zone.set(origin, RecordType::SOA) else { return };
        let set = Rrset { ttl: negative_ttl(set), data: set.data.clone() };
        self.answer.authorities.extend(self.signed(origin, &set));
    }

    /// The addresses of name servers that stand in the zone, as glue or as data.
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

    /// Whether the answer is to be signed and can be.
    fn signs(&self) -> bool {
        self.signed.is_some() && self.zone.keys().is_some()
    }

    /// The records, with their signatures if wanted. What a wildcard stands for is signed under the
    /// name asked for, as RFC 9824 has it: nobody needs to know of the wildcard.
    fn signed(&self, owner: &Name, set: &Rrset) -> Vec<Record> {
        let mut records: Vec<Record> = set.records(owner).collect();
        if let (Some(now), Some(keys)) = (self.signed, self.zone.keys()) {
            records.extend(keys.sign(owner, set, now));
        }
        records
    }
}

/// For how long a "no" may be kept: the smaller of the SOA's own TTL and its last field (RFC 2308
/// section 5).
fn negative_ttl(soa: &Rrset) -> u32 {
    match soa.data.first() {
        Some(RData::SOA(data)) => soa.ttl.min(data.minimum),
        _ => soa.ttl,
    }
}
