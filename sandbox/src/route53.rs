//! Route 53: hosted zones and their rules.

pub(crate) mod api;
mod batch;
mod guardrail;
mod input;
mod key;
mod list;
mod model;
mod name;
mod order;
mod output;
mod record;
pub(crate) mod routes;
mod rules;
mod served;
mod state;
pub(crate) mod xml;

use std::sync::Arc;

pub use guardrail::Guardrail;
pub use key::KeySigningKey;
pub(crate) use key::Pair;
pub(crate) use model::{Key as RecordKey, Zone as ZoneModel};
pub(crate) use name::{labels, normalize_lossy};
pub(crate) use output::NAMESPACE;
pub use record::{Action, AliasTarget, Change, RecordSet};
pub(crate) use state::{ChangeState, State};

/// A function that may refuse a batch, with the message to give.
pub type Refusal = Arc<dyn Fn(&[Change]) -> Option<String> + Send + Sync>;

/// When a change of a zone is `INSYNC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncRule {
    /// So many answers of `GetChange` say `PENDING`, the next one `INSYNC`.
    Polls(u32),
    /// Never.
    Never,
    /// In the answer to the change itself.
    Immediately,
}

impl Default for SyncRule {
    fn default() -> Self {
        Self::Polls(1)
    }
}

/// Four name servers in four domains, as the service gives out: 0 to 511 in .com, then .net, .org
/// and .co.uk, each in one of 64 blocks. Different numbers below 32768 share none. Probe:
/// route53/zone-name-servers.
pub(crate) fn name_servers(number: u64) -> Vec<String> {
    let (host, block) = (number % 512, (number + number / 512) % 64);
    ["com", "net", "org", "co.uk"]
        .iter()
        .zip((0..).step_by(512))
        .map(|(domain, first)| format!("ns-{}.awsdns-{block:02}.{domain}", first + host))
        .collect()
}

#[cfg(test)]
mod tests;
