//! Whether DS records lead to keys that sign the zone (RFC 4035, section 5).

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use domain::base::Rtype;
use ring::digest::{self, SHA256, SHA384};
use ring::signature::{
    self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

use super::finding::FindingKind;
use super::query::{IN, wire};
use super::response::{Section, StartOfAuthority};
use delegation_model::ds::{Ds, DsRecords};
use delegation_model::name::Name;

/// How many signatures of a record set are verified: by each of a few keys one, and a second while
/// signatures change.
///
/// Without a bound, an answer full of keys and signatures would be hours of work (CVE-2023-50387).
const SIGNATURES: usize = 8;

/// A key, as it is on the wire (RFC 4034, section 2.1).
#[derive(Clone, Copy)]
struct Key<'a>(&'a [u8]);

impl<'a> Key<'a> {
    fn algorithm(self) -> u8 {
        self.0.get(3).copied().unwrap_or_default()
    }

    fn public_key(self) -> &'a [u8] {
        self.0.get(4..).unwrap_or_default()
    }

    /// Whether it may sign a zone: the flag Zone Key, not the flag Revoke (RFC 5011, section 2.1),
    /// and protocol 3.
    fn is_of_zone(self) -> bool {
        matches!(self.0, [high, low, 3, ..] if high & 1 == 1 && low & 0x80 == 0)
    }

    /// RFC 4034, appendix B.
    fn tag(self) -> u16 {
        // At most 65535 bytes of at most 0xff00: it fits.
        let sum: u32 = self
            .0
            .iter()
            .enumerate()
            .map(|(at, byte)| u32::from(*byte) << (8 * (1 - at % 2)))
            .sum();
        u16::try_from((sum + (sum >> 16)) & 0xffff).unwrap_or_default()
    }
}

/// The keys of a zone.
fn keys(section: &Section) -> impl Iterator<Item = Key<'_>> {
    section.keys.iter().map(|key| Key(key)).filter(|key| key.is_of_zone())
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
        self.head
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u32::from_be_bytes)
    }

    /// Whether it is of this record set, by a key of this tag and algorithm.
    fn is_by(&self, set: &RecordSet<'_>, key: Key<'_>) -> bool {
        let [covered_high, covered_low, by, label_count, .., tag_high, tag_low] = *self.head;
        [covered_high, covered_low] == set.record_type.to_int().to_be_bytes()
            && by == key.algorithm()
            && usize::from(label_count) == set.owner.labels().count()
            && [tag_high, tag_low] == key.tag().to_be_bytes()
    }

    /// Whether this is the time between its inception and its expiration.
    fn is_in_time(&self, now: SystemTime) -> bool {
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // The seconds without what does not fit 32 bits, compared as serial numbers (RFC 1982,
        // section 3.2).
        let now = u32::try_from(seconds & 0xffff_ffff).unwrap_or_default();
        let not_after = |early: u32, late: u32| late.wrapping_sub(early) < 1 << 31;
        not_after(self.seconds(12), now) && not_after(now, self.seconds(8))
    }
}

/// A record set with its signatures.
struct RecordSet<'a> {
    owner: &'a Name,
    record_type: Rtype,
    /// The data of its records, in canonical form and order (RFC 4034, sections 6.2 and 6.3).
    data: Vec<&'a [u8]>,
    signatures: &'a [Vec<u8>],
}

/// Whether a record set is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signed {
    /// By one of the keys, validly now.
    Now,
    /// By one of them, but not for now.
    OutOfTime,
    /// By none of them.
    No,
}

impl RecordSet<'_> {
    /// What a signature is made of: RFC 4034, section 3.1.8.1.
    fn message(&self, zone: &[u8], signature: &Signature<'_>) -> Vec<u8> {
        let owner = wire(self.owner);
        let kind = [self.record_type.to_int(), IN].map(u16::to_be_bytes).concat();
        let mut message = [&signature.head[..], zone].concat();
        for data in &self.data {
            let length = u16::try_from(data.len()).unwrap_or_default().to_be_bytes();
            message.extend(
                [&owner, &kind[..], &signature.seconds(4).to_be_bytes(), &length, data].concat(),
            );
        }
        message
    }

    /// Whether it is signed by one of these keys of the zone.
    fn signed<'k>(
        &self,
        zone: &Name,
        by: impl Iterator<Item = Key<'k>>,
        now: SystemTime,
    ) -> Signed {
        let zone = wire(zone);
        let mut left = SIGNATURES;
        let mut found = Signed::No;
        for key in by.filter(|key| is_supported(key.algorithm())) {
            let signatures = self.signatures.iter().filter_map(|data| Signature::read(data, &zone));
            for signature in signatures.filter(|signature| signature.is_by(self, key)) {
                if left == 0 {
                    return found;
                }
                left -= 1;
                if verifies(key, &self.message(&zone, &signature), signature.value) {
                    if signature.is_in_time(now) {
                        return Signed::Now;
                    }
                    found = Signed::OutOfTime;
                }
            }
        }
        found
    }
}

/// What the DS records and the key set of a zone come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compared {
    pub(super) findings: Vec<FindingKind>,
    /// Whether the keys are those of a DS record; `None` if none of these can be checked.
    pub(super) is_secure: Option<bool>,
}

/// Compares the DS records with the answer to a question for the key set of `zone`. One that leads
/// to a key which signs is enough (RFC 4035, section 5.2; RFC 6840, section 5.11); the others may
/// be of keys to come (RFC 6781, section 4.1.2).
pub(super) fn compare(zone: &Name, ds: &DsRecords, answer: &Section, now: SystemTime) -> Compared {
    // SHA-1 does not count beside a stronger digest (RFC 4509, section 3).
    let strong = |ds: &Ds| matches!(ds.digest_type(), 2 | 4) && is_supported(ds.algorithm());
    let counts = |record: &&Ds| record.digest_type() != 1 || !ds.iter().any(strong);
    let each: Vec<(&Ds, Option<FindingKind>)> =
        ds.iter().filter(counts).map(|ds| (ds, finding(zone, ds, answer, now))).collect();
    let good = || each.iter().filter(|(_, finding)| finding.is_none()).map(|(ds, _)| *ds);
    if good().next().is_none() {
        let findings: Vec<FindingKind> =
            each.into_iter().filter_map(|(_, finding)| finding).collect();
        let known = findings.iter().any(|kind| !matches!(kind, FindingKind::Unverifiable(..)));
        return Compared { findings, is_secure: known.then_some(false) };
    }
    let mut findings: Vec<FindingKind> = each
        .iter()
        .filter(|(_, finding)| finding.is_some())
        .map(|(ds, _)| FindingKind::Spare(ds.key_tag()))
        .collect();
    if good().all(|ds| weakness(ds).is_some()) {
        findings.extend(good().filter_map(weakness));
    }
    Compared { findings, is_secure: Some(true) }
}

/// What of a DS record validators give up: SHA-1 (RFC 9905).
fn weakness(ds: &Ds) -> Option<FindingKind> {
    match (ds.digest_type(), ds.algorithm()) {
        (1, _) => Some(FindingKind::Weak(ds.key_tag(), "digest type", 1)),
        (_, algorithm @ (5 | 7)) => Some(FindingKind::Weak(ds.key_tag(), "algorithm", algorithm)),
        _ => None,
    }
}

fn finding(zone: &Name, ds: &Ds, answer: &Section, now: SystemTime) -> Option<FindingKind> {
    let (tag, algorithm) = (ds.key_tag(), ds.algorithm());
    let hash = match ds.digest_type() {
        1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        2 => &SHA256,
        4 => &SHA384,
        other => return Some(FindingKind::Unverifiable(tag, "digest type", other)),
    };
    let owner = wire(zone);
    let key = keys(answer).find(|key| {
        key.algorithm() == algorithm
            && key.tag() == tag
            && digest::digest(hash, &[&owner, key.0].concat()).as_ref() == ds.digest()
    });
    let Some(key) = key else { return Some(FindingKind::NoKey(tag)) };
    if !is_supported(algorithm) {
        return Some(FindingKind::Unverifiable(tag, "algorithm", algorithm));
    }
    match key_set(zone, answer).signed(zone, [key].into_iter(), now) {
        Signed::Now => None,
        Signed::OutOfTime => Some(FindingKind::OutOfTime(tag)),
        Signed::No => Some(FindingKind::NotSigning(tag)),
    }
}

fn key_set<'a>(zone: &'a Name, answer: &'a Section) -> RecordSet<'a> {
    set(zone, Rtype::DNSKEY, &answer.keys, &answer.signatures)
}

fn set<'a>(
    owner: &'a Name,
    record_type: Rtype,
    data: &'a BTreeSet<Vec<u8>>,
    signatures: &'a [Vec<u8>],
) -> RecordSet<'a> {
    RecordSet { owner, record_type, data: data.iter().map(Vec::as_slice).collect(), signatures }
}

/// What is wrong with the signature of the SOA record by the keys of the zone: as with it, so with
/// all that the zone has.
pub(super) fn data(
    zone: &Name,
    soa: &StartOfAuthority,
    signatures: &[Vec<u8>],
    answer: &Section,
    now: SystemTime,
) -> Option<FindingKind> {
    let set = RecordSet { owner: zone, record_type: Rtype::SOA, data: vec![&soa.data], signatures };
    match set.signed(zone, keys(answer), now) {
        Signed::Now => None,
        Signed::OutOfTime => Some(FindingKind::DataOutOfTime),
        Signed::No => Some(FindingKind::DataUnsigned),
    }
}

/// What is wrong with the signature of the DS record set of `name` by the keys of the parent zone,
/// which are the answer `above`.
pub(super) fn of_ds(
    parent: &Name,
    name: &Name,
    ds: &Section,
    above: &Section,
    now: SystemTime,
) -> Option<FindingKind> {
    if keys(above).next().is_none() {
        return Some(FindingKind::ParentUnsigned);
    }
    // Of a zone whose algorithms can't be checked nothing is known.
    if !keys(above).any(|key| is_supported(key.algorithm())) {
        return None;
    }
    let set = set(name, Rtype::DS, &ds.ds, &ds.signatures);
    (set.signed(parent, keys(above), now) != Signed::Now).then_some(FindingKind::DsUnsigned)
}

/// True if the answer has a key of a zone.
pub(super) fn is_signed(answer: &Section) -> bool {
    keys(answer).next().is_some()
}

/// RSA with SHA-1, SHA-256 and SHA-512, ECDSA, Ed25519 (RFC 8624, section 3.1).
fn is_supported(algorithm: u8) -> bool {
    matches!(algorithm, 5 | 7 | 8 | 10 | 13 | 14 | 15)
}

fn verifies(key: Key<'_>, message: &[u8], value: &[u8]) -> bool {
    let public = key.public_key();
    // DNSSEC has keys of 1024 bits to this day.
    let rsa: &RsaParameters = match key.algorithm() {
        5 | 7 => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        8 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        10 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        other => {
            let (algorithm, key): (&dyn VerificationAlgorithm, Vec<u8>) = match other {
                // Without the byte that says "uncompressed" (RFC 6605, section 4).
                13 => (&signature::ECDSA_P256_SHA256_FIXED, [&[4], public].concat()),
                14 => (&signature::ECDSA_P384_SHA384_FIXED, [&[4], public].concat()),
                _ => (&signature::ED25519, public.to_vec()),
            };
            return UnparsedPublicKey::new(algorithm, key).verify(message, value).is_ok();
        }
    };
    // The length of the exponent in one byte, or in two behind a zero (RFC 3110, section 2).
    let parts = match public {
        [0, high, low, rest @ ..] => {
            rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))
        }
        [length, rest @ ..] => rest.split_at_checked(usize::from(*length)),
        [] => None,
    };
    parts.is_some_and(|(e, n)| RsaPublicKeyComponents { n, e }.verify(rsa, message, value).is_ok())
}
