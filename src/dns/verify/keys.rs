//! Whether DS records stand for keys that sign the zone's key set (RFC 4035, section 5.2).

use std::time::{SystemTime, UNIX_EPOCH};

use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, RRSIG};
use hickory_proto::dnssec::{Algorithm, DigestType, PublicKey as _, Verifier as _};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, SerialNumber};

use super::finding::Kind;
use super::wire::records;
use crate::dns::ds::{Ds, DsRecords};

/// How many signatures by one key are tried: one is enough, a second may stand there while signatures change.
///
/// Without a bound, an answer full of keys and signatures would be hours of work (CVE-2023-50387).
const SIGNATURES: usize = 4;

/// How many keys of one key tag are looked at.
const KEYS: usize = 4;

/// What is wrong with the DS records, compared with the answer to a question for the key set of `zone`.
pub(super) fn problems(zone: &Name, ds: &DsRecords, answer: &[Record], now: SystemTime) -> Vec<Kind> {
    let keys: Vec<&Record> = records(answer, zone, RecordType::DNSKEY).collect();
    ds.iter().filter_map(|ds| problem(zone, ds, &keys, answer, now)).collect()
}

fn problem(zone: &Name, ds: &Ds, keys: &[&Record], answer: &[Record], now: SystemTime) -> Option<Kind> {
    let tag = ds.key_tag();
    // SHA-1 is a digest that resolvers no longer take (RFC 9905).
    let digest_type = match ds.digest_type() {
        2 => DigestType::SHA256,
        4 => DigestType::SHA384,
        other => return Some(Kind::Unverifiable(tag, "digest type", other)),
    };
    let algorithm = Algorithm::from_u8(ds.algorithm());
    if !algorithm.is_supported() {
        return Some(Kind::Unverifiable(tag, "algorithm", ds.algorithm()));
    }
    let is_of = |key: &DNSKEY| {
        key.zone_key()
            && !key.revoke()
            && key.public_key().algorithm() == algorithm
            && key.to_digest(zone, digest_type).is_ok_and(|digest| digest.as_ref() == ds.digest())
    };
    let tagged = keys.iter().filter_map(|record| match &record.data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) => Some(key),
        _ => None,
    });
    let mut tagged = tagged.filter(|key| key.calculate_key_tag().is_ok_and(|found| found == tag)).take(KEYS);
    let Some(key) = tagged.find(|key| is_of(key)) else { return Some(Kind::NoKey(tag)) };

    let mut expired = false;
    for signature in signatures(zone, answer, tag, algorithm) {
        let in_time = is_in_time(signature, now);
        if key.verify_rrsig(zone, DNSClass::IN, signature, keys.iter().copied()).is_ok() {
            if in_time {
                return None;
            }
            expired = true;
        }
    }
    Some(if expired { Kind::OutOfTime(tag) } else { Kind::NotSigning(tag) })
}

/// The signatures of the key set by the key of this tag.
fn signatures<'a>(
    zone: &'a Name,
    answer: &'a [Record],
    tag: u16,
    algorithm: Algorithm,
) -> impl Iterator<Item = &'a RRSIG> {
    let all = records(answer, zone, RecordType::RRSIG).filter_map(|record| match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature),
        _ => None,
    });
    let by_key = all.filter(move |signature| {
        let input = signature.input();
        input.type_covered == RecordType::DNSKEY
            && input.key_tag == tag
            && input.algorithm == algorithm
            && input.signer_name == *zone
            && input.num_labels == zone.num_labels()
    });
    by_key.take(SIGNATURES)
}

/// Whether this is the time between a signature's inception and expiration (RFC 4034, section 3.1.5).
fn is_in_time(signature: &RRSIG, now: SystemTime) -> bool {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // Serial numbers: the seconds without what does not fit 32 bits (RFC 1982).
    let now = SerialNumber::new(u32::try_from(seconds % (1 << 32)).unwrap_or_default());
    signature.input().sig_inception <= now && now <= signature.input().sig_expiration
}
