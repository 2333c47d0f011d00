//! Throttles like Route 53, with token buckets per account and action, and per account over all
//! actions.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The size and refill rate of a token bucket. Disabled unless set. Route 53 has ten requests per
/// second and bursts of 50; before that, "All requests: five requests per second per AWS account"
/// (Developer Guide, "Quotas", "Quotas on API requests"). Probe: route53/throttling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quota {
    /// Tokens that are added each second.
    pub per_second: f64,
    /// Tokens in a full bucket.
    pub burst: f64,
}

#[derive(Debug, Default)]
pub(crate) struct Buckets {
    by_action: Option<Quota>,
    overall: Option<Quota>,
    /// By account, and by action. The action is `None` for the bucket of all actions.
    levels: BTreeMap<(String, Option<String>), (f64, SystemTime)>,
}

impl Buckets {
    pub(crate) fn set(&mut self, by_action: Option<Quota>) {
        self.by_action = by_action;
        self.levels.clear();
    }

    pub(crate) fn set_overall(&mut self, overall: Option<Quota>) {
        self.overall = overall;
        self.levels.clear();
    }

    /// Takes a token from each bucket of the call. Returns false, and takes none, if one of them is
    /// empty.
    pub(crate) fn take(&mut self, account: &str, action: &str, now: SystemTime) -> bool {
        let action =
            self.by_action.map(|quota| (quota, (account.to_owned(), Some(action.to_owned()))));
        let overall = self.overall.map(|quota| (quota, (account.to_owned(), None)));
        let buckets: Vec<_> = action.into_iter().chain(overall).collect();
        let mut granted = true;
        for (quota, key) in &buckets {
            granted &= self.fill(*quota, key, now) >= 1.0;
        }
        if granted {
            for (_, key) in &buckets {
                if let Some((level, _)) = self.levels.get_mut(key) {
                    *level -= 1.0;
                }
            }
        }
        granted
    }

    /// The level of a bucket, after adding the tokens since it was last read.
    fn fill(&mut self, quota: Quota, key: &(String, Option<String>), now: SystemTime) -> f64 {
        let (level, at) = self.levels.entry(key.clone()).or_insert((quota.burst, now));
        let passed = now.duration_since(*at).unwrap_or(Duration::ZERO).as_secs_f64();
        *level = (*level + passed * quota.per_second).min(quota.burst);
        *at = now;
        *level
    }
}

#[cfg(test)]
mod tests;
