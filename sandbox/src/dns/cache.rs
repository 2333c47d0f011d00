//! The cache of a shared resolver: whole responses, for the smallest TTL in them. It does not
//! validate; its clients may.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::{Record, RecordType};

use super::answer::DnsAnswer;
use super::resolver::DoBit;

/// The part of a query that its response depends on.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CacheKey {
    /// In lower case.
    name: String,
    rtype: RecordType,
    do_bit: DoBit,
}

impl CacheKey {
    pub(super) fn new(query: &Query, do_bit: DoBit) -> Self {
        let name = query.name().to_lowercase().to_string();
        Self { name, rtype: query.query_type(), do_bit }
    }
}

/// The responses, with the times at which they were received.
#[derive(Debug, Default)]
pub(super) struct Cache(BTreeMap<CacheKey, (SystemTime, DnsAnswer)>);

impl Cache {
    /// The cached response, with its remaining TTLs.
    pub(super) fn get(&self, key: &CacheKey, now: SystemTime) -> Option<DnsAnswer> {
        let (at, answer) = self.0.get(key)?;
        let age = now.duration_since(*at).unwrap_or_default();
        if age >= lifetime(answer)? {
            return None;
        }
        let age = u32::try_from(age.as_secs()).ok()?;
        let mut answer = answer.clone();
        for record in records_mut(&mut answer) {
            record.ttl = record.ttl.saturating_sub(age);
        }
        Some(answer)
    }

    /// Caches a response, unless it is a failure.
    pub(super) fn keep(&mut self, key: CacheKey, now: SystemTime, answer: &DnsAnswer) {
        if matches!(answer.code, ResponseCode::NoError | ResponseCode::NXDomain) {
            self.0.insert(key, (now, answer.clone()));
        }
    }
}

/// The smallest TTL. `None` for a response without records.
fn lifetime(answer: &DnsAnswer) -> Option<Duration> {
    let records = answer.answers.iter().chain(&answer.authorities);
    records.map(|record| Duration::from_secs(record.ttl.into())).min()
}

fn records_mut(answer: &mut DnsAnswer) -> impl Iterator<Item = &mut Record> {
    answer.answers.iter_mut().chain(&mut answer.authorities)
}
