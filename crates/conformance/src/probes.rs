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

/// Returns all probes. The life of a delegation comes before the probes that fill the zone, and the
/// probe of throttling is the last one of its service.
pub fn all() -> Vec<Probe> {
    [
        life::PROBES,
        batches::PROBES,
        records::PROBES,
        listings::PROBES,
        zones::PROBES,
        roles::PROBES,
        policies::PROBES,
        services::PROBES,
        stacks::PROBES,
    ]
    .concat()
}
