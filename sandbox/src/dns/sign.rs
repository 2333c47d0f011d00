//! The keys of a zone, and which of them sign what.

use std::time::SystemTime;

use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::zone::Rrset;
use crate::route53::{HostedZone, Pair};

/// The keys of a signed zone: key-signing keys for the DNSKEY record set, and another key for the
/// rest.
#[derive(Debug, Clone)]
pub(super) struct ZoneKeys {
    key_signing: Vec<Pair>,
    zone_signing: Pair,
}

impl ZoneKeys {
    pub(super) fn generate(zone: &str) -> Self {
        let key_signing = vec![Pair::generate(zone, Pair::KEY_SIGNING)];
        Self { key_signing, zone_signing: Pair::generate(zone, Pair::ZONE_SIGNING) }
    }

    /// The keys of a hosted zone that is signing and has an active real key.
    pub(super) fn from_zone(zone: &HostedZone) -> Option<Self> {
        let active = zone.keys.iter().filter(|key| key.status == "ACTIVE");
        let key_signing: Vec<Pair> = active.filter_map(|key| key.pair.clone()).collect();
        let signs = zone.serve_signature == "SIGNING" && !key_signing.is_empty();
        let zone_signing = zone.data_key.clone().filter(|_| signs)?;
        Some(Self { key_signing, zone_signing })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Pair> {
        self.key_signing.iter().chain([&self.zone_signing])
    }

    /// The DS records that the parent zone should have.
    pub(super) fn ds(&self) -> Vec<RData> {
        self.key_signing.iter().map(Pair::ds).collect()
    }

    pub(super) fn sign(&self, owner: &Name, set: &Rrset, now: SystemTime) -> Vec<Record> {
        let of_keys = set.data.first().is_some_and(|data| data.record_type() == RecordType::DNSKEY);
        let pairs =
            if of_keys { &self.key_signing[..] } else { std::slice::from_ref(&self.zone_signing) };
        let record = |data| {
            Record::from_rdata(owner.clone(), set.ttl, RData::DNSSEC(DNSSECRData::RRSIG(data)))
        };
        pairs
            .iter()
            .filter_map(|pair| pair.sign(owner, set.ttl, &set.data, now))
            .map(record)
            .collect()
    }
}
