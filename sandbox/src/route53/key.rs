//! Keys of signed zones.

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
use crate::core::lock;

/// A key-signing key of a zone, as `GetDNSSEC` returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySigningKey {
    /// Its name.
    pub name: String,
    /// `ACTIVE`, `INACTIVE`, `DELETING`, `ACTION_NEEDED` or `INTERNAL_FAILURE`.
    pub status: String,
    /// Key tag of the DS record.
    pub key_tag: u16,
    /// Signing algorithm number; the service uses 13, ECDSAP256SHA256.
    pub algorithm: u8,
    /// Digest type; the service uses 2, SHA-256.
    pub digest_type: u8,
    /// Digest in hexadecimal.
    pub digest: String,
    /// When it was made.
    pub created: SystemTime,
    /// When it was last changed, its status for instance.
    pub modified: SystemTime,
    /// The real key.
    pub(crate) pair: Option<Pair>,
}

/// 2020-12-17, when Route 53 began to sign zones, since 1970.
const LONG_AGO: Duration = Duration::from_hours(446_712);

impl KeySigningKey {
    /// An active key with the algorithms that the service uses, made long ago, and no key behind
    /// it.
    pub fn active(name: &str, key_tag: u16, digest: &str) -> Self {
        let long_ago = SystemTime::UNIX_EPOCH + LONG_AGO;
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

    /// An active key that can sign the zone of that name, made at that time.
    pub(crate) fn generate(name: &str, zone: &str, now: SystemTime) -> Self {
        let pair = Pair::generate(zone, Pair::KEY_SIGNING);
        let ds = pair.to_ds();
        let digest = hex::encode_upper(ds.digest());
        Self { pair: Some(pair), ..Self::active(name, ds.key_tag(), &digest).made_at(now) }
    }

    /// The same key, made at that time and not changed since.
    #[must_use]
    pub fn made_at(self, time: SystemTime) -> Self {
        Self { created: time, modified: time, ..self }
    }

    /// The same key with another status.
    #[must_use]
    pub fn status(mut self, status: &str) -> Self {
        status.clone_into(&mut self.status);
        self
    }

    /// The value of its DS record.
    pub fn ds_record(&self) -> String {
        format!("{} {} {} {}", self.key_tag, self.algorithm, self.digest_type, self.digest)
    }

    /// The value of a DS record for it with a digest of SHA-1, which the service does not make;
    /// `None` for a key that is not real.
    pub fn sha1_ds_record(&self) -> Option<String> {
        let signer = &self.pair.as_ref()?.signer;
        let digest = signer.dnskey().to_digest(signer.signer_name(), DigestType::SHA1).ok()?;
        Some(format!("{} {} 1 {}", self.key_tag, self.algorithm, hex::encode_upper(digest)))
    }

    /// The value of its DNSKEY record; without the key for one that is not real.
    pub fn dnskey_record(&self) -> String {
        self.pair.as_ref().map_or_else(
            || format!("257 3 {} ", self.algorithm),
            |pair| pair.signer.dnskey().to_string(),
        )
    }

    /// The public key in Base64; empty for one that is not real.
    pub fn public_key(&self) -> String {
        self.dnskey_record().rsplit(' ').next().unwrap_or_default().to_owned()
    }
}

/// A key with its private part, for the zone of one name.
#[derive(Clone)]
pub(crate) struct Pair {
    pub signer: Arc<DnssecSigner>,
    /// The signatures it has made, by the name and type of their record sets.
    made: Arc<Mutex<BTreeMap<(Name, RecordType), Made>>>,
}

/// A signature, and what it is of.
struct Made {
    at: OffsetDateTime,
    ttl: u32,
    data: Vec<RData>,
    signature: RRSIG,
}

/// How many signatures a key keeps.
const KEPT: usize = 4096;

/// For how long a signature is given out that was made once: it costs more than all the rest of an
/// answer.
const FRESH: time::Duration = time::Duration::minutes(5);

/// How long before it is made a signature begins, for validators whose clock is late.
const EARLIER: time::Duration = time::Duration::minutes(5);

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
    /// Flags of a key-signing key: zone key and secure entry point (RFC 4034 section 2.1.1).
    pub(crate) const KEY_SIGNING: u16 = 257;
    /// Flags of a zone-signing key.
    pub(crate) const ZONE_SIGNING: u16 = 256;

    /// A new one of the algorithm that Route 53 uses, `ECDSAP256SHA256` (Developer Guide,
    /// "Configuring DNSSEC signing in Amazon Route 53"). Its signatures hold for an hour. No probe:
    /// it takes a key of KMS.
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
            signer: Arc::new(make().expect("the system's random numbers make a key")),
            made: Arc::default(),
        }
    }

    fn to_ds(&self) -> DS {
        let make = || -> Result<DS, ProtoError> {
            let digest =
                self.signer.dnskey().to_digest(self.signer.signer_name(), DigestType::SHA256)?;
            let (tag, algorithm) = (self.signer.calculate_key_tag()?, Algorithm::ECDSAP256SHA256);
            Ok(DS::new(tag, algorithm, DigestType::SHA256, digest.as_ref().to_vec()))
        };
        make().expect("a key and a name that can be written")
    }

    /// The signature of a record set, made now or a little earlier.
    pub(crate) fn sign(
        &self,
        owner: &Name,
        ttl: u32,
        data: &[RData],
        now: SystemTime,
    ) -> Option<RRSIG> {
        let (now, rtype) = (OffsetDateTime::from(now), data.first()?.record_type());
        let mut made = lock(&self.made);
        let key = (owner.clone(), rtype);
        let is_fresh = |made: &&Made| {
            made.ttl == ttl && made.at <= now && now - made.at < FRESH && made.data == data
        };
        if let Some(made) = made.get(&key).filter(is_fresh) {
            return Some(made.signature.clone());
        }
        let mut set = hickory_proto::rr::RecordSet::with_ttl(owner.clone(), rtype, ttl);
        for data in data {
            set.add_rdata(data.clone());
        }
        let signature = RRSIG::from_rrset(&set, DNSClass::IN, now - EARLIER, &self.signer).ok()?;
        if made.len() >= KEPT {
            made.clear();
        }
        made.insert(key, Made { at: now, ttl, data: data.to_vec(), signature: signature.clone() });
        Some(signature)
    }

    pub(crate) fn ds(&self) -> RData {
        RData::DNSSEC(DNSSECRData::DS(self.to_ds()))
    }

    pub(crate) fn dnskey(&self) -> RData {
        RData::DNSSEC(DNSSECRData::DNSKEY(self.signer.to_dnskey()))
    }
}

/// The root for what is no name: nobody asks for a zone of such a name.
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
