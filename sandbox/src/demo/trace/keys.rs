//! Validates the keys of a zone against the DS records above it (RFC 4035, section 5.2). Expired
//! signatures are left to real validators.

use hickory_proto::dnssec::Verifier as _;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::set_of;

/// The trusted keys of a zone: all of them, or none.
pub(super) struct TrustedKeys {
    zone: Name,
    keys: Vec<DNSKEY>,
}

impl TrustedKeys {
    /// The key set in a response, if it is signed by a key that matches one of the DS records.
    pub(super) fn validate(zone: &Name, ds: &[DS], answer: &[Record]) -> Self {
        let keys: Vec<DNSKEY> = set_of(answer, zone, RecordType::DNSKEY)
            .filter_map(|record| match &record.data {
                RData::DNSSEC(DNSSECRData::DNSKEY(key)) => Some(key.clone()),
                _ => None,
            })
            .collect();
        let is_meant = |key: &&DNSKEY| ds.iter().any(|ds| ds.covers(zone, key).unwrap_or_default());
        let entry = keys.iter().filter(is_meant).cloned().collect();
        let is_signed =
            Self { zone: zone.clone(), keys: entry }.sign(zone, RecordType::DNSKEY, answer);
        Self { zone: zone.clone(), keys: if is_signed { keys } else { Vec::new() } }
    }

    pub(super) fn is_trusted(&self) -> bool {
        !self.keys.is_empty()
    }

    /// True if one of the keys signs this record set, which is not empty.
    pub(super) fn sign(&self, owner: &Name, rtype: RecordType, records: &[Record]) -> bool {
        let set = set_of(records, owner, rtype);
        let fits = |signature: &&RRSIG| {
            let input = signature.input();
            input.type_covered == rtype && input.signer_name == self.zone
        };
        let mut signatures = set_of(records, owner, RecordType::RRSIG)
            .filter_map(|record| match &record.data {
                RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature),
                _ => None,
            })
            .filter(fits);
        let holds = |signature: &RRSIG| {
            let by = |key: &DNSKEY| {
                key.verify_rrsig(owner, DNSClass::IN, signature, set.clone()).is_ok()
            };
            self.keys.iter().any(by)
        };
        set.clone().next().is_some() && signatures.any(holds)
    }
}
