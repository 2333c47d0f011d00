//! Throttling by token bucket, as the services throttle: per account and action.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// A token bucket's size and refill. Off unless set: "Route 53 API requests: ten requests per second per account, bursts of
/// 50" (Developer Guide, "Quotas", "Quotas on API requests").
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quota {
    /// Tokens that come back each second.
    pub per_second: f64,
    /// Tokens in a full bucket.
    pub burst: f64,
}

#[derive(Debug, Default)]
pub(crate) struct Buckets {
    quota: Option<Quota>,
    levels: BTreeMap<(String, String), (f64, SystemTime)>,
}

impl Buckets {
    pub(crate) fn set(&mut self, quota: Option<Quota>) {
        self.quota = quota;
        self.levels.clear();
    }

    /// Takes a token; `false` when there is none.
    pub(crate) fn take(&mut self, account: &str, action: &str, now: SystemTime) -> bool {
        let Some(quota) = self.quota else { return true };
        let bucket = self.levels.entry((account.to_owned(), action.to_owned())).or_insert((quota.burst, now));
        let passed = now.duration_since(bucket.1).unwrap_or(Duration::ZERO).as_secs_f64();
        let level = (bucket.0 + passed * quota.per_second).min(quota.burst);
        let granted = level >= 1.0;
        *bucket = (if granted { level - 1.0 } else { level }, now);
        granted
    }
}

#[cfg(test)]
mod tests;
