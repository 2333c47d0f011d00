//! The record sets that a delegation would hide.

use super::Observation;
use crate::name::Name;
use crate::name_servers::NameServers;
use crate::record_set::{RecordSet, RecordType};

/// Returns the record sets of the parent zone that can't be resolved once `name` is delegated to
/// `name_servers`: all at or below the zone cut, except NS and DS at the cut and the glue of the
/// name servers.
///
/// Returns none if the name is already delegated, because nothing more is hidden then.
pub fn occluded<'a>(
    name: &'a Name,
    name_servers: Option<&'a NameServers>,
    observed: &'a Observation,
) -> impl Iterator<Item = &'a RecordSet> {
    let delegated = observed.at_cut(&RecordType::Ns).is_some();
    let stays = move |set: &RecordSet| match &set.record_type {
        RecordType::Ns | RecordType::Ds => set.name == *name,
        RecordType::A | RecordType::Aaaa => {
            name_servers.is_some_and(|servers| servers.iter().any(|server| *server == set.name))
        }
        _ => false,
    };
    observed.at_cut.iter().chain(&observed.below).filter(move |set| !delegated && !stays(set))
}
