//! All probes, by what they are about.

mod batches;
mod listings;
mod policies;
mod records;
mod roles;
mod services;
mod stacks;
mod zones;

use crate::probe::Probe;

/// All of them. One that asks for too much comes last of its service.
pub fn all() -> Vec<Probe> {
    [
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
