//! Verifies signatures, each only once, and not more of them than a check may.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ring::digest::{Context, SHA256};
use ring::signature::{
    self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

use super::Key;

/// How many different signatures a check verifies, or all checks of a request together.
///
/// The largest delegation, with sixteen name servers of four addresses each, has two or three per
/// address, and most servers of a zone have the same ones. One takes about a millisecond, so
/// without a limit the servers of a hostile zone could occupy the processor for seconds in each
/// round.
pub(crate) const VERIFICATIONS: usize = 1000;

/// How many different signatures the concurrent checks of a run verify. Each has an equal share.
const VERIFICATIONS_PER_RUN: usize = 4800;

/// The signatures that were verified, and how many more may be.
#[derive(Debug)]
pub(crate) struct Verifications {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: usize,
    /// Whether a signature is valid, by the digest of key, message and signature.
    known: BTreeMap<Vec<u8>, bool>,
}

impl Default for Verifications {
    fn default() -> Self {
        Self::new(VERIFICATIONS)
    }
}

impl Verifications {
    pub(crate) fn new(left: usize) -> Self {
        Self { state: Mutex::new(State { left, known: BTreeMap::new() }) }
    }

    /// The share of a check in a run with at most this many concurrent checks.
    pub(crate) fn of_run(checks: usize) -> Self {
        Self::new((VERIFICATIONS_PER_RUN / checks.max(1)).clamp(1, VERIFICATIONS))
    }

    /// Verifies a signature of a message. `None` if no more may be verified.
    pub(super) fn verify(&self, key: Key<'_>, message: &[u8], value: &[u8]) -> Option<bool> {
        let mut digest = Context::new(&SHA256);
        for part in [key.data, message, value] {
            digest.update(&part.len().to_be_bytes());
            digest.update(part);
        }
        let digest = digest.finish().as_ref().to_vec();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state.known.get(&digest) {
            return Some(*known);
        }
        state.left = state.left.checked_sub(1)?;
        let is_valid = verifies(key, message, value);
        state.known.insert(digest, is_valid);
        Some(is_valid)
    }
}

/// True for RSA with SHA-1, SHA-256 and SHA-512, ECDSA, and Ed25519 (RFC 8624, section 3.1).
pub(super) fn is_supported(algorithm: u8) -> bool {
    matches!(algorithm, 5 | 7 | 8 | 10 | 13 | 14 | 15)
}

fn verifies(key: Key<'_>, message: &[u8], value: &[u8]) -> bool {
    let public = key.public_key();
    // 1024-bit keys are still in use in DNSSEC.
    let rsa: &RsaParameters = match key.algorithm() {
        5 | 7 => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        8 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        10 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        other => {
            let (algorithm, key): (&dyn VerificationAlgorithm, Vec<u8>) = match other {
                // DNSSEC omits the byte for "uncompressed" (RFC 6605, section 4).
                13 => (&signature::ECDSA_P256_SHA256_FIXED, [&[4], public].concat()),
                14 => (&signature::ECDSA_P384_SHA384_FIXED, [&[4], public].concat()),
                _ => (&signature::ED25519, public.to_vec()),
            };
            return UnparsedPublicKey::new(algorithm, key).verify(message, value).is_ok();
        }
    };
    // The length of the exponent is one byte, or a zero and two bytes (RFC 3110, section 2).
    let parts = match public {
        [0, high, low, rest @ ..] => {
            rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))
        }
        [length, rest @ ..] => rest.split_at_checked(usize::from(*length)),
        [] => None,
    };
    parts.is_some_and(|(e, n)| RsaPublicKeyComponents { n, e }.verify(rsa, message, value).is_ok())
}
