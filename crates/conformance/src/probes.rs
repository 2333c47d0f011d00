//! All probes, by topic.

mod batches;
pub mod life;
mod listings;
mod policies;
mod records;
mod roles;
mod services;
mod stacks;
mod zones;

use crate::probe::Probe;

/// Returns all probes. The life of a delegation comes before the probes that fill the zone. The
/// probe of throttling is the last one of `batches`; it pauses so that the next ones are not
/// throttled.
pub fn all() -> Vec<Probe> {
    [
        life::PROBES,
        batches::PROBES,
        records::names::PROBES,
        records::values::PROBES,
        records::coexistence::PROBES,
        records::guardrails::PROBES,
        listings::PROBES,
        zones::PROBES,
        roles::PROBES,
        policies::PROBES,
        services::PROBES,
        stacks::PROBES,
    ]
    .concat()
}
