//! All probes, by what they are about.

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

/// All of them. The life comes before those that fill the zone, and one that asks for too much
/// comes last of its service.
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
