//! Generates numbers and identifiers, which are the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

#[derive(Debug, Default)]
pub(crate) struct Ids(AtomicU64);

impl Ids {
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn id(&self, prefix: &str, length: usize) -> String {
        let digest = Sha256::digest(format!("{prefix}{}", self.next()));
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let tail = digest
            .iter()
            .filter_map(|byte| letters.get(usize::from(byte % 32)))
            .map(|byte| char::from(*byte));
        prefix.chars().chain(tail).take(length).collect()
    }
}
