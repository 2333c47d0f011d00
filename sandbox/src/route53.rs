//! A fake of Amazon Route 53: its hosted zones, and the rules for changing their records.

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
pub(crate) use model::{HostedZone, RecordKey};
pub(crate) use name::{labels, normalize_lossy};
pub(crate) use output::NAMESPACE;
pub use record::{Action, AliasTarget, Change, RecordSet};
pub(crate) use state::{ChangeState, Route53State};

/// A test's hook that may reject a batch: it returns the error message, or `None` to let it pass.
pub type Refusal = Arc<dyn Fn(&[Change]) -> Option<String> + Send + Sync>;

/// When Route 53 reports a change as `INSYNC` instead of `PENDING`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncRule {
    /// After that many `GetChange` responses that said `PENDING`.
    Polls(u32),
    Never,
    /// In the response to the change itself.
    Immediately,
}

impl Default for SyncRule {
    fn default() -> Self {
        Self::Polls(1)
    }
}

/// Returns four name servers in four domains, as Route 53 assigns them: numbers 0 to 511 are in
/// .com, the next 512 in .net, then .org and .co.uk, each in one of 64 blocks. Different arguments
/// below 32768 share no server. Probe: route53/zone-name-servers.
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
