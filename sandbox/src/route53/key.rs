//! The DNSSEC keys of signed zones.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hickory_proto::ProtoError;
use hickory_proto::dnssec::crypto::EcdsaSigningKey;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG};
use hickory_proto::dnssec::{Algorithm, DigestType, DnsSecResult, DnssecSigner, SigningKey};
use hickory_proto::rr::{DNSClass, Name, RData, RecordType};
use time::OffsetDateTime;

use super::name;
use crate::lock::lock;

/// A key-signing key of a hosted zone, as `GetDNSSEC` returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySigningKey {
    pub name: String,
    /// `ACTIVE`, `INACTIVE`, `DELETING`, `ACTION_NEEDED` or `INTERNAL_FAILURE`.
    pub status: String,
    pub key_tag: u16,
    /// The number of the signing algorithm; Route 53 uses 13, ECDSAP256SHA256.
    pub algorithm: u8,
    /// The digest type of its DS record; Route 53 uses 2, SHA-256.
    pub digest_type: u8,
    /// The digest of its DS record, in hexadecimal.
    pub digest: String,
    pub created: SystemTime,
    /// When the key was last modified, for example by a change of its status.
    pub modified: SystemTime,
    /// The key pair; `None` for a key that only appears in responses and can't sign.
    pub(crate) pair: Option<Pair>,
}

/// 2020-12-17, when Route 53 introduced DNSSEC signing, as the time since 1970.
const SIGNING_INTRODUCED: Duration = Duration::from_hours(446_712);

impl KeySigningKey {
    /// An active key with the algorithms that Route 53 uses, created long ago. It has no key pair
    /// and can't sign.
    pub fn active(name: &str, key_tag: u16, digest: &str) -> Self {
        let long_ago = SystemTime::UNIX_EPOCH + SIGNING_INTRODUCED;
        Self {
            name: name.to_owned(),
            status: "ACTIVE".to_owned(),
            key_tag,
            algorithm: 13,
            digest_type: 2,
            digest: digest.to_owned(),
            created: long_ago,
            modified: long_ago,
            pair: None,
        }
    }

    /// An active key with a new key pair for the zone `zone`, created at `now`.
    pub(crate) fn generate(name: &str, zone: &str, now: SystemTime) -> Self {
        let pair = Pair::generate(zone, Pair::KEY_SIGNING);
        let ds = pair.to_ds();
        let digest = hex::encode_upper(ds.digest());
        Self { pair: Some(pair), ..Self::active(name, ds.key_tag(), &digest).made_at(now) }
    }

    /// Sets the time at which the key was created and last modified.
    #[must_use]
    pub(crate) fn made_at(self, time: SystemTime) -> Self {
        Self { created: time, modified: time, ..self }
    }

    #[must_use]
    pub fn status(mut self, status: &str) -> Self {
        status.clone_into(&mut self.status);
        self
    }

    /// Returns the value of the key's DS record.
    pub fn ds_record(&self) -> String {
        format!("{} {} {} {}", self.key_tag, self.algorithm, self.digest_type, self.digest)
    }

    /// Returns the value of a DS record for this key with a SHA-1 digest, which Route 53 itself
    /// does not offer; `None` for a key without a key pair.
    pub fn sha1_ds_record(&self) -> Option<String> {
        let signer = &self.pair.as_ref()?.signer;
        let digest = signer.dnskey().to_digest(signer.signer_name(), DigestType::SHA1).ok()?;
        Some(format!("{} {} 1 {}", self.key_tag, self.algorithm, hex::encode_upper(digest)))
    }

    /// Returns the value of the key's DNSKEY record; without a key pair, its last field is empty.
    pub fn dnskey_record(&self) -> String {
        self.pair.as_ref().map_or_else(
            || format!("257 3 {} ", self.algorithm),
            |pair| pair.signer.dnskey().to_string(),
        )
    }

    /// Returns the public key in Base64; empty for a key without a key pair.
    pub fn public_key(&self) -> String {
        self.dnskey_record().rsplit(' ').next().unwrap_or_default().to_owned()
    }
}

/// A key pair that signs the records of one zone.
#[derive(Clone)]
pub(crate) struct Pair {
    pub signer: Arc<DnssecSigner>,
    /// The signatures made so far, by the name and type of the record set.
    cache: Arc<Mutex<BTreeMap<(Name, RecordType), CachedSignature>>>,
}

/// A cached signature, with what it was made for.
struct CachedSignature {
    at: OffsetDateTime,
    ttl: u32,
    data: Vec<RData>,
    signature: RRSIG,
}

/// The number of signatures that a key caches.
const MAX_CACHED: usize = 4096;

/// How long a cached signature is used. Signing costs more than everything else in a response.
const CACHE_LIFETIME: time::Duration = time::Duration::minutes(5);

/// How far a signature's inception is backdated, for validators whose clock is slow.
const BACKDATED_BY: time::Duration = time::Duration::minutes(5);

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.signer.dnskey() == other.signer.dnskey()
    }
}

impl Eq for Pair {}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pair({})", self.signer.dnskey())
    }
}

impl Pair {
    /// The flags of a key-signing key: zone key and secure entry point (RFC 4034 section 2.1.1).
    pub(crate) const KEY_SIGNING: u16 = 257;
    pub(crate) const ZONE_SIGNING: u16 = 256;

    /// Creates a key pair of the algorithm that Route 53 uses, `ECDSAP256SHA256` (Developer Guide,
    /// "Configuring DNSSEC signing in Amazon Route 53"). Its signatures are valid for an hour. No
    /// probe: it needs a KMS key.
    pub(crate) fn generate(zone: &str, flags: u16) -> Self {
        let make = || -> DnsSecResult<DnssecSigner> {
            let algorithm = Algorithm::ECDSAP256SHA256;
            let key = EcdsaSigningKey::from_pkcs8(
                &EcdsaSigningKey::generate_pkcs8(algorithm)?,
                algorithm,
            )?;
            let dnskey = DNSKEY::with_flags(flags, key.to_public_key()?);
            Ok(DnssecSigner::new(dnskey, Box::new(key), wire_name(zone), Duration::from_hours(1)))
        };
        Self {
            signer: Arc::new(make().expect("failed to generate an ECDSA key pair")),
            cache: Arc::default(),
        }
    }

    fn to_ds(&self) -> DS {
        let make = || -> Result<DS, ProtoError> {
            let digest =
                self.signer.dnskey().to_digest(self.signer.signer_name(), DigestType::SHA256)?;
            let (tag, algorithm) = (self.signer.calculate_key_tag()?, Algorithm::ECDSAP256SHA256);
            Ok(DS::new(tag, algorithm, DigestType::SHA256, digest.as_ref().to_vec()))
        };
        make().expect("failed to compute the DS record of a generated key")
    }

    /// Returns the signature of a record set, from the cache if it was made recently.
    pub(crate) fn sign(
        &self,
        owner: &Name,
        ttl: u32,
        data: &[RData],
        now: SystemTime,
    ) -> Option<RRSIG> {
        let (now, rtype) = (OffsetDateTime::from(now), data.first()?.record_type());
        let mut cache = lock(&self.cache);
        let key = (owner.clone(), rtype);
        let is_fresh = |cached: &&CachedSignature| {
            cached.ttl == ttl
                && cached.at <= now
                && now - cached.at < CACHE_LIFETIME
                && cached.data == data
        };
        if let Some(cached) = cache.get(&key).filter(is_fresh) {
            return Some(cached.signature.clone());
        }
        let mut set = hickory_proto::rr::RecordSet::with_ttl(owner.clone(), rtype, ttl);
        for data in data {
            set.add_rdata(data.clone());
        }
        let signature =
            RRSIG::from_rrset(&set, DNSClass::IN, now - BACKDATED_BY, &self.signer).ok()?;
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(
            key,
            CachedSignature { at: now, ttl, data: data.to_vec(), signature: signature.clone() },
        );
        Some(signature)
    }

    pub(crate) fn ds(&self) -> RData {
        RData::DNSSEC(DNSSECRData::DS(self.to_ds()))
    }

    pub(crate) fn dnskey(&self) -> RData {
        RData::DNSSEC(DNSSECRData::DNSKEY(self.signer.to_dnskey()))
    }
}

/// Parses a zone's name. Invalid names give the root; no query ever reaches a zone of such a name.
fn wire_name(text: &str) -> Name {
    let labels = name::labels(text).ok().filter(|_| text != ".");
    labels.and_then(|labels| Name::from_labels(labels).ok()).unwrap_or_else(Name::root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_key_has_its_ds_and_dnskey() {
        let key = KeySigningKey::generate("one", "example.com.", SystemTime::UNIX_EPOCH);
        let pair = key.pair.clone().unwrap();
        assert!(pair.to_ds().covers(&wire_name("example.com"), pair.signer.dnskey()).unwrap());
        assert_eq!(pair.signer.calculate_key_tag().unwrap(), key.key_tag);
        assert_eq!(key.ds_record(), pair.to_ds().to_string());
        assert_eq!(key.dnskey_record(), format!("257 3 13 {}", key.public_key()));
        assert_eq!(key.public_key().len(), 88, "64 bytes in Base64");
        assert_ne!(key, KeySigningKey::generate("one", "example.com.", SystemTime::UNIX_EPOCH));
        assert_eq!(KeySigningKey::active("one", 1, "AB").public_key(), "");
    }
}
