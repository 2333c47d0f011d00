//! Validates a zone's keys and signatures against its DS records (RFC 4035, section 5).

mod verification;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use domain::base::Rtype;
use ring::digest::{self, SHA256, SHA384};

use super::finding::{FindingKind, Tags};
use super::query::{IN, wire};
use super::response::{Section, StartOfAuthority};
use delegation_model::ds::{Ds, DsRecords};
use delegation_model::name::Name;
pub(super) use verification::Verifications;
use verification::is_supported;

/// The most signatures of a record set that are verified: one by each of a few keys, and a second
/// one while signatures are being replaced. The DS records of a name share this number: their
/// owner may have many, each of another key.
///
/// Without a limit, a response with many keys and signatures would take hours (CVE-2023-50387).
const SIGNATURES: usize = 8;

/// A key (RFC 4034, section 2.1).
#[derive(Clone, Copy)]
struct Key<'a> {
    /// Its data in wire format.
    data: &'a [u8],
    /// The key tag. It is computed once: a response may have hundreds of keys and of signatures,
    /// and each signature is compared with each key.
    tag: u16,
}

impl<'a> Key<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { data, tag: tag(data) }
    }

    fn algorithm(self) -> u8 {
        self.data.get(3).copied().unwrap_or_default()
    }

    fn public_key(self) -> &'a [u8] {
        self.data.get(4..).unwrap_or_default()
    }

    /// True if the key may sign a zone: it has the flag Zone Key, no flag Revoke (RFC 5011, section
    /// 2.1), and protocol 3.
    fn is_of_zone(self) -> bool {
        matches!(self.data, [high, low, 3, ..] if high & 1 == 1 && low & 0x80 == 0)
    }
}

/// The key tag (RFC 4034, appendix B).
fn tag(data: &[u8]) -> u16 {
    // At most 65535 bytes with values up to 0xff00: the sum fits.
    let sum: u32 =
        data.iter().enumerate().map(|(at, byte)| u32::from(*byte) << (8 * (1 - at % 2))).sum();
    u16::try_from((sum + (sum >> 16)) & 0xffff).unwrap_or_default()
}

/// The keys that may sign a zone. A response has at most 256 records, so there are no more keys.
fn keys(section: &Section) -> impl Iterator<Item = Key<'_>> {
    section.keys.iter().map(|data| Key::new(data)).filter(|key| key.is_of_zone())
}

/// The keys that DS records may name, by digest type and digest.
type Digests<'a> = BTreeMap<(u8, Vec<u8>), Key<'a>>;

/// Computes the digests of the keys that the DS records of `zone` may name: each key once for each
/// digest type, however many DS records there are. Otherwise hundreds of DS records and as many
/// keys of one key tag would take a hundred thousand digests for each address of a name server.
fn digests<'a>(zone: &Name, ds: &DsRecords, answer: &'a Section) -> Digests<'a> {
    let owner = wire(zone);
    let named: BTreeSet<(u16, u8)> = ds.iter().map(|ds| (ds.key_tag(), ds.algorithm())).collect();
    let types: BTreeSet<u8> = ds.iter().map(Ds::digest_type).collect();
    let mut digests = Digests::new();
    for key in keys(answer).filter(|key| named.contains(&(key.tag, key.algorithm()))) {
        let data = [&owner[..], key.data].concat();
        for digest_type in &types {
            if let Some(hash) = hash(*digest_type) {
                digests.insert((*digest_type, digest(hash, &data)), key);
            }
        }
    }
    digests
}

/// The hash function of a digest type. `None` for a type that can't be checked.
fn hash(digest_type: u8) -> Option<&'static digest::Algorithm> {
    match digest_type {
        1 => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        2 => Some(&SHA256),
        4 => Some(&SHA384),
        _ => None,
    }
}

fn digest(hash: &'static digest::Algorithm, data: &[u8]) -> Vec<u8> {
    #[cfg(test)]
    COMPUTED.with(|computed| computed.set(computed.get() + 1));
    digest::digest(hash, data).as_ref().to_vec()
}

#[cfg(test)]
thread_local! {
    /// How many digests this thread has computed.
    pub(super) static COMPUTED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A signature in wire format (RFC 4034, section 3.1).
struct Signature<'a> {
    head: &'a [u8; 18],
    value: &'a [u8],
}

impl<'a> Signature<'a> {
    /// Parses a signature. `None` if it is not by a key of this zone.
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

    /// True if it is a signature of this record set by a key with this tag and algorithm.
    fn is_by(&self, set: &RecordSet<'_>, key: Key<'_>) -> bool {
        let [covered_high, covered_low, by, label_count, .., tag_high, tag_low] = *self.head;
        [covered_high, covered_low] == set.record_type.to_int().to_be_bytes()
            && by == key.algorithm()
            && usize::from(label_count) == set.owner.labels().count()
            && [tag_high, tag_low] == key.tag.to_be_bytes()
    }

    /// True if the current time is between its inception and its expiration.
    fn is_in_time(&self, now: SystemTime) -> bool {
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // Seconds modulo 2^32, compared as serial numbers (RFC 1982, section 3.2).
        let now = u32::try_from(seconds & 0xffff_ffff).unwrap_or_default();
        let not_after = |early: u32, late: u32| late.wrapping_sub(early) < 1 << 31;
        not_after(self.seconds(12), now) && not_after(now, self.seconds(8))
    }
}

/// A record set and its signatures.
struct RecordSet<'a> {
    owner: &'a Name,
    record_type: Rtype,
    /// The data of its records in canonical form and order (RFC 4034, sections 6.2 and 6.3).
    data: Vec<&'a [u8]>,
    signatures: &'a [Vec<u8>],
}

/// What the validation of a zone depends on, besides its records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validation<'a> {
    /// The time at which signatures must be valid.
    pub(super) now: SystemTime,
    pub(super) verifications: &'a Verifications,
}

/// Whether a record set is signed by one of the given keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signed {
    /// There is a currently valid signature.
    Now,
    /// There is a signature, but it is not currently valid.
    OutOfTime,
    /// There is no signature.
    No,
    /// Not all signatures were verified: the check has reached its limit.
    Unknown,
}

impl RecordSet<'_> {
    /// The message that is signed (RFC 4034, section 3.1.8.1).
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

    /// Verifies whether the record set is signed by one of these keys of the zone. Verifies at most
    /// `left` signatures, and counts them there.
    fn signed<'k>(
        &self,
        zone: &Name,
        by: impl Iterator<Item = Key<'k>>,
        validation: &Validation<'_>,
        left: &mut usize,
    ) -> Signed {
        let zone = wire(zone);
        let mut found = Signed::No;
        for key in by.filter(|key| is_supported(key.algorithm())) {
            let signatures = self.signatures.iter().filter_map(|data| Signature::read(data, &zone));
            for signature in signatures.filter(|signature| signature.is_by(self, key)) {
                if *left == 0 {
                    return found;
                }
                *left -= 1;
                let message = self.message(&zone, &signature);
                match validation.verifications.verify(key, &message, signature.value) {
                    Some(true) if signature.is_in_time(validation.now) => return Signed::Now,
                    Some(true) => found = Signed::OutOfTime,
                    Some(false) => {}
                    None => return Signed::Unknown,
                }
            }
        }
        found
    }
}

/// The result of comparing the DS records with the key set of a zone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compared {
    pub(super) findings: Vec<FindingKind>,
    /// True if the keys match a DS record. `None` if none of the DS records can be checked.
    pub(super) is_secure: Option<bool>,
}

/// Compares the DS records with the response to a query for the key set of `zone`. One DS record
/// that leads to a signing key is enough (RFC 4035, section 5.2; RFC 6840, section 5.11). The
/// others may belong to future keys (RFC 6781, section 4.1.2).
pub(super) fn compare(
    zone: &Name,
    ds: &DsRecords,
    answer: &Section,
    validation: &Validation<'_>,
) -> Compared {
    // SHA-1 is ignored if there is a stronger digest (RFC 4509, section 3).
    let strong = |ds: &Ds| matches!(ds.digest_type(), 2 | 4) && is_supported(ds.algorithm());
    let has_strong = ds.iter().any(strong);
    let counts = |record: &&Ds| record.digest_type() != 1 || !has_strong;
    let (digests, key_set) = (digests(zone, ds, answer), key_set(zone, answer));
    let mut left = SIGNATURES;
    let mut signed = |key: Key<'_>| key_set.signed(zone, [key].into_iter(), validation, &mut left);
    let each: Vec<(&Ds, Outcome)> =
        ds.iter().filter(counts).map(|ds| (ds, outcome(ds, &digests, &mut signed))).collect();
    let good = || each.iter().filter(|(_, outcome)| *outcome == Outcome::Good).map(|(ds, _)| *ds);
    if good().next().is_none() {
        if each.iter().any(|(_, outcome)| *outcome == Outcome::Unknown) {
            return Compared { findings: vec![FindingKind::Unverified], is_secure: None };
        }
        let is_unverifiable = |outcome: &Outcome| matches!(outcome, Outcome::Unverifiable(_, _));
        let known = each.iter().any(|(_, outcome)| !is_unverifiable(outcome));
        return Compared { findings: problems(&each), is_secure: known.then_some(false) };
    }
    let is_spare = |outcome| !matches!(outcome, Outcome::Good | Outcome::Unknown);
    let spare = each.iter().filter(|(_, outcome)| is_spare(*outcome));
    let spare = Tags::new(spare.map(|(ds, _)| ds.key_tag())).map(FindingKind::Spare);
    let mut findings: Vec<FindingKind> = spare.into_iter().collect();
    if good().all(|ds| weakness(ds).is_some()) {
        findings.extend(good().filter_map(weakness));
    }
    Compared { findings, is_secure: Some(true) }
}

/// Where a DS record leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// To a key that signs the key set.
    Good,
    /// To no key.
    NoKey,
    /// To a key that does not sign the key set.
    NotSigning,
    /// To a key whose signature of the key set is not currently valid.
    OutOfTime,
    /// Unknown: a digest type or an algorithm that can't be checked, and its number.
    Unverifiable(&'static str, u8),
    /// Unknown: the check has reached its limit of signatures.
    Unknown,
}

/// The findings if no DS record leads to a key that signs: one for each kind of outcome, however
/// many DS records there are. At most [`SIGNATURES`] signatures are verified, so that there are no
/// more outcomes than that which are out of time.
fn problems(each: &[(&Ds, Outcome)]) -> Vec<FindingKind> {
    let with = |wanted: Outcome| {
        each.iter().filter(move |(_, outcome)| *outcome == wanted).map(|(ds, _)| ds.key_tag())
    };
    let unverifiable = |wanted: &'static str| {
        let of_it = || {
            each.iter().filter_map(move |(ds, outcome)| match outcome {
                Outcome::Unverifiable(what, number) if *what == wanted => {
                    Some((ds.key_tag(), *number))
                }
                _ => None,
            })
        };
        let (_, number) = of_it().next()?;
        let tags = Tags::new(of_it().map(|(tag, _)| tag))?;
        Some(FindingKind::Unverifiable(tags, wanted, number))
    };
    let no_key = Tags::new(with(Outcome::NoKey)).map(FindingKind::NoKey);
    let not_signing = Tags::new(with(Outcome::NotSigning)).map(FindingKind::NotSigning);
    let known = no_key.into_iter().chain(not_signing);
    let out_of_time = with(Outcome::OutOfTime).map(FindingKind::OutOfTime);
    let unknown = [unverifiable("digest type"), unverifiable("algorithm")].into_iter().flatten();
    known.chain(out_of_time).chain(unknown).collect()
}

/// The part of a DS record that uses SHA-1, which validators are phasing out (RFC 9905).
fn weakness(ds: &Ds) -> Option<FindingKind> {
    match (ds.digest_type(), ds.algorithm()) {
        (1, _) => Some(FindingKind::Weak(ds.key_tag(), "digest type", 1)),
        (_, algorithm @ (5 | 7)) => Some(FindingKind::Weak(ds.key_tag(), "algorithm", algorithm)),
        _ => None,
    }
}

/// Where a DS record leads to. `signed` says whether a key signs the key set.
fn outcome(ds: &Ds, digests: &Digests<'_>, signed: &mut impl FnMut(Key<'_>) -> Signed) -> Outcome {
    if hash(ds.digest_type()).is_none() {
        return Outcome::Unverifiable("digest type", ds.digest_type());
    }
    let key = digests.get(&(ds.digest_type(), ds.digest().to_vec()));
    let is_named = |key: &&Key<'_>| key.tag == ds.key_tag() && key.algorithm() == ds.algorithm();
    let Some(key) = key.filter(is_named) else { return Outcome::NoKey };
    if !is_supported(ds.algorithm()) {
        return Outcome::Unverifiable("algorithm", ds.algorithm());
    }
    match signed(*key) {
        Signed::Now => Outcome::Good,
        Signed::OutOfTime => Outcome::OutOfTime,
        Signed::No => Outcome::NotSigning,
        Signed::Unknown => Outcome::Unknown,
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

/// What is wrong with the signature of the SOA record by the zone's keys. The SOA record is checked
/// as a sample of all data of the zone.
pub(super) fn data(
    zone: &Name,
    soa: &StartOfAuthority,
    signatures: &[Vec<u8>],
    answer: &Section,
    validation: &Validation<'_>,
) -> Option<FindingKind> {
    let set = RecordSet { owner: zone, record_type: Rtype::SOA, data: vec![&soa.data], signatures };
    match set.signed(zone, keys(answer), validation, &mut { SIGNATURES }) {
        Signed::Now => None,
        Signed::Unknown => Some(FindingKind::Unverified),
        Signed::OutOfTime => Some(FindingKind::DataOutOfTime),
        Signed::No => Some(FindingKind::DataUnsigned),
    }
}

/// What is wrong with the signature of the DS record set of `name` by the keys of the parent zone,
/// which are in the response `above`.
pub(super) fn of_ds(
    parent: &Name,
    name: &Name,
    ds: &Section,
    above: &Section,
    validation: &Validation<'_>,
) -> Option<FindingKind> {
    if keys(above).next().is_none() {
        return Some(FindingKind::ParentUnsigned);
    }
    // If none of the parent zone's algorithms is supported, nothing is known about it.
    if !keys(above).any(|key| is_supported(key.algorithm())) {
        return None;
    }
    let set = set(name, Rtype::DS, &ds.ds, &ds.signatures);
    match set.signed(parent, keys(above), validation, &mut { SIGNATURES }) {
        Signed::Now => None,
        Signed::Unknown => Some(FindingKind::Unverified),
        Signed::OutOfTime | Signed::No => Some(FindingKind::DsUnsigned),
    }
}

/// True if the response has a key of a zone.
pub(super) fn is_signed(answer: &Section) -> bool {
    keys(answer).next().is_some()
}
