//! Whether DS records stand for keys that sign the zone's key set (RFC 4035, section 5.2).

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::digest::{SHA256, SHA384, digest};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};

use super::finding::FindingKind;
use super::query::wire;
use super::response::Section;
use delegation_model::ds::{Ds, DsRecords};
use delegation_model::name::Name;

/// How many signatures by one key are tried: one is enough, a second may stand there while signatures change.
///
/// Without a bound, an answer full of keys and signatures would be hours of work (CVE-2023-50387).
const SIGNATURES: usize = 4;

/// The number of the type DNSKEY, and of the class of the internet.
const DNSKEY: [u8; 4] = [0, 48, 0, 1];

/// A key, as it is on the wire (RFC 4034, section 2.1).
struct Key<'a>(&'a [u8]);

impl<'a> Key<'a> {
    fn algorithm(&self) -> Option<u8> {
        self.0.get(3).copied()
    }

    fn public_key(&self) -> &'a [u8] {
        self.0.get(4..).unwrap_or_default()
    }

    /// Whether it may sign a zone: the flag Zone Key, not the flag Revoke (RFC 5011, section 2.1), and protocol 3.
    fn is_of_zone(&self) -> bool {
        matches!(self.0, [high, low, 3, ..] if high & 1 == 1 && low & 0x80 == 0)
    }

    /// RFC 4034, appendix B.
    fn tag(&self) -> u16 {
        // At most 65535 bytes of at most 0xff00: it fits.
        let sum: u32 = self.0.iter().enumerate().map(|(at, byte)| u32::from(*byte) << (8 * (1 - at % 2))).sum();
        u16::try_from((sum + (sum >> 16)) & 0xffff).unwrap_or_default()
    }
}

/// A signature, as it is on the wire (RFC 4034, section 3.1).
struct Signature<'a> {
    head: &'a [u8; 18],
    value: &'a [u8],
}

impl<'a> Signature<'a> {
    /// A signature by a key of this zone.
    fn read(data: &'a [u8], zone: &[u8]) -> Option<Self> {
        let (head, rest) = data.split_first_chunk()?;
        let (signer, value) = rest.split_at_checked(zone.len())?;
        signer.eq_ignore_ascii_case(zone).then_some(Self { head, value })
    }

    fn seconds(&self, at: usize) -> u32 {
        self.head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
    }

    /// Whether it is of the key set of a name of so many labels, by a key of this tag and algorithm.
    fn is_by(&self, labels: usize, tag: u16, algorithm: u8) -> bool {
        let [covered_high, covered_low, by, label_count, .., tag_high, tag_low] = *self.head;
        [covered_high, covered_low] == [0, 48]
            && by == algorithm
            && usize::from(label_count) == labels
            && [tag_high, tag_low] == tag.to_be_bytes()
    }

    /// Whether this is the time between its inception and its expiration.
    fn is_in_time(&self, now: SystemTime) -> bool {
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // The seconds without what does not fit 32 bits, compared as serial numbers (RFC 1982, section 3.2).
        let now = u32::try_from(seconds & 0xffff_ffff).unwrap_or_default();
        let not_after = |early: u32, late: u32| late.wrapping_sub(early) < 1 << 31;
        not_after(self.seconds(12), now) && not_after(now, self.seconds(8))
    }

    /// What is signed: RFC 4034, section 3.1.8.1. `keys` in canonical order (section 6.3).
    fn signed(&self, zone: &[u8], keys: &BTreeSet<Vec<u8>>) -> Vec<u8> {
        let mut signed = [&self.head[..], zone].concat();
        for key in keys {
            let length = u16::try_from(key.len()).unwrap_or_default().to_be_bytes();
            signed.extend([zone, &DNSKEY, &self.seconds(4).to_be_bytes(), &length, key].concat());
        }
        signed
    }
}

/// What is wrong with the DS records, compared with the answer to a question for the key set of `zone`; and whether one of them
/// is as it should be.
pub(super) fn compare(zone: &Name, ds: &DsRecords, answer: &Section, now: SystemTime) -> (Vec<FindingKind>, bool) {
    let each: Vec<Option<FindingKind>> = ds.iter().map(|ds| finding(zone, ds, answer, now)).collect();
    let is_secure = each.contains(&None);
    (each.into_iter().flatten().collect(), is_secure)
}

fn finding(zone: &Name, ds: &Ds, answer: &Section, now: SystemTime) -> Option<FindingKind> {
    let (tag, algorithm) = (ds.key_tag(), ds.algorithm());
    // SHA-1 is a digest that resolvers no longer take (RFC 9905).
    let hash = match ds.digest_type() {
        2 => &SHA256,
        4 => &SHA384,
        other => return Some(FindingKind::Unverifiable(tag, "digest type", other)),
    };
    // RSA with SHA-256 and SHA-512, ECDSA, Ed25519 (RFC 8624, section 3.1).
    if !matches!(algorithm, 8 | 10 | 13 | 14 | 15) {
        return Some(FindingKind::Unverifiable(tag, "algorithm", algorithm));
    }
    let labels = zone.labels().count();
    let zone = wire(zone);
    let key = answer.keys.iter().map(|key| Key(key)).find(|key| {
        key.is_of_zone()
            && key.algorithm() == Some(algorithm)
            && key.tag() == tag
            && digest(hash, &[&zone, key.0].concat()).as_ref() == ds.digest()
    });
    let Some(key) = key else { return Some(FindingKind::NoKey(tag)) };
    let signatures = answer.signatures.iter().filter_map(|data| Signature::read(data, &zone));
    let signatures = signatures.filter(|signature| signature.is_by(labels, tag, algorithm));
    let mut finding = FindingKind::NotSigning(tag);
    for signature in signatures.take(SIGNATURES) {
        if verifies(algorithm, key.public_key(), &signature.signed(&zone, &answer.keys), signature.value) {
            if signature.is_in_time(now) {
                return None;
            }
            finding = FindingKind::OutOfTime(tag);
        }
    }
    Some(finding)
}

fn verifies(algorithm: u8, key: &[u8], message: &[u8], value: &[u8]) -> bool {
    // DNSSEC has keys of 1024 bits to this day.
    let rsa = match algorithm {
        8 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        10 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        _ => {
            let (other, key): (&dyn VerificationAlgorithm, Vec<u8>) = match algorithm {
                // Without the byte that says "uncompressed" (RFC 6605, section 4).
                13 => (&signature::ECDSA_P256_SHA256_FIXED, [&[4], key].concat()),
                14 => (&signature::ECDSA_P384_SHA384_FIXED, [&[4], key].concat()),
                _ => (&signature::ED25519, key.to_vec()),
            };
            return UnparsedPublicKey::new(other, key).verify(message, value).is_ok();
        }
    };
    // The length of the exponent in one byte, or in two behind a zero (RFC 3110, section 2).
    let parts = match key {
        [0, high, low, rest @ ..] => rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low]))),
        [length, rest @ ..] => rest.split_at_checked(usize::from(*length)),
        [] => None,
    };
    parts.is_some_and(|(e, n)| RsaPublicKeyComponents { n, e }.verify(rsa, message, value).is_ok())
}
