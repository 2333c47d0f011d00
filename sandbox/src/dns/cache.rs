//! The cache of a shared resolver: whole responses, for the smallest TTL in them. It does not
//! validate; its clients may.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::{Record, RecordType};

use super::answer::Answer;

#[derive(Debug, Default)]
pub(super) struct Cache(BTreeMap<(String, RecordType, bool), (SystemTime, Answer)>);

impl Cache {
    fn key(query: &Query, dnssec: bool) -> (String, RecordType, bool) {
        (query.name().to_lowercase().to_string(), query.query_type(), dnssec)
    }

    /// The cached response, with its remaining TTLs.
    pub(super) fn get(&self, query: &Query, dnssec: bool, now: SystemTime) -> Option<Answer> {
        let (at, answer) = self.0.get(&Self::key(query, dnssec))?;
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
    pub(super) fn keep(&mut self, query: &Query, dnssec: bool, now: SystemTime, answer: &Answer) {
        if matches!(answer.code, ResponseCode::NoError | ResponseCode::NXDomain) {
            self.0.insert(Self::key(query, dnssec), (now, answer.clone()));
        }
    }
}

/// The smallest TTL. `None` for a response without records.
fn lifetime(answer: &Answer) -> Option<Duration> {
    let records = answer.answers.iter().chain(&answer.authorities);
    records.map(|record| Duration::from_secs(record.ttl.into())).min()
}

fn records_mut(answer: &mut Answer) -> impl Iterator<Item = &mut Record> {
    answer.answers.iter_mut().chain(&mut answer.authorities)
}
