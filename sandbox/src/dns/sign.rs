//! Signatures, made when an answer is.

use std::time::SystemTime;

use hickory_proto::dnssec::rdata::{DNSSECRData, RRSIG};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordSet, RecordType};
use time::{Duration, OffsetDateTime};

use super::zone::Rrset;
use crate::route53::{Pair, ZoneModel};

/// How long before now a signature begins, for validators whose clock is late.
const EARLIER: Duration = Duration::minutes(5);

/// The keys with which a zone is signed: key-signing keys for the DNSKEY record set, one other for the rest.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    key_signing: Vec<Pair>,
    zone_signing: Pair,
    now: OffsetDateTime,
}

impl Keys {
    pub(super) fn generate(zone: &str) -> Self {
        let key_signing = vec![Pair::generate(zone, Pair::KEY_SIGNING)];
        Self { key_signing, zone_signing: Pair::generate(zone, Pair::ZONE_SIGNING), now: OffsetDateTime::UNIX_EPOCH }
    }

    /// The same, signing at that time.
    pub(super) fn at(self, now: SystemTime) -> Self {
        Self { now: now.into(), ..self }
    }

    /// Those of a hosted zone that is signing and has a real key which is active.
    pub(super) fn of(zone: &ZoneModel) -> Option<Self> {
        let active = zone.keys.iter().filter(|key| key.status == "ACTIVE");
        let key_signing: Vec<Pair> = active.filter_map(|key| key.pair.clone()).collect();
        let signs = zone.serve_signature == "SIGNING" && !key_signing.is_empty();
        let zone_signing = zone.data_key.clone().filter(|_| signs)?;
        Some(Self { key_signing, zone_signing, now: OffsetDateTime::UNIX_EPOCH })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Pair> {
        self.key_signing.iter().chain([&self.zone_signing])
    }

    /// The DS records that the parent should have.
    pub(super) fn ds(&self) -> Vec<RData> {
        self.key_signing.iter().map(Pair::ds).collect()
    }

    /// The signatures of a record set.
    pub(super) fn sign(&self, owner: &Name, set: &Rrset) -> Vec<Record> {
        let Some(rtype) = set.data.first().map(RData::record_type) else { return Vec::new() };
        let pairs =
            if rtype == RecordType::DNSKEY { &self.key_signing[..] } else { std::slice::from_ref(&self.zone_signing) };
        let mut signed = RecordSet::with_ttl(owner.clone(), rtype, set.ttl);
        for data in &set.data {
            signed.add_rdata(data.clone());
        }
        let begin = self.now - EARLIER;
        let signature = |pair: &Pair| RRSIG::from_rrset(&signed, DNSClass::IN, begin, &pair.signer).ok();
        let record = |data| Record::from_rdata(owner.clone(), set.ttl, RData::DNSSEC(DNSSECRData::RRSIG(data)));
        pairs.iter().filter_map(signature).map(record).collect()
    }
}
