//! Converts between the SDK's types and plain values.

use std::net::IpAddr;

use aws_sdk_route53::types;

use super::ChangeStatus;
use crate::aws::error::AwsError;
use delegation_model::ds::Ds;
use delegation_model::name::Name;
use delegation_model::ownership_record::Value as OwnershipValue;
use delegation_model::record_set::{Change, RecordSet, RecordType};
use delegation_model::ttl::Ttl;

pub(super) fn status(info: Option<&types::ChangeInfo>) -> ChangeStatus {
    match info {
        Some(info) if *info.status() == types::ChangeStatus::Insync => ChangeStatus::Insync,
        _ => ChangeStatus::Pending,
    }
}

pub(super) fn ds(key: &types::KeySigningKey) -> Option<Ds> {
    let (algorithm, digest_type) = (key.signing_algorithm_type(), key.digest_algorithm_type());
    format!("{} {algorithm} {digest_type} {}", key.key_tag(), key.digest_value()?).parse().ok()
}

pub(super) fn is_private(zone: &types::HostedZone) -> bool {
    zone.config().is_some_and(types::HostedZoneConfig::private_zone)
}

pub(super) fn name(action: &'static str, text: &str) -> Result<Name, AwsError> {
    text.parse().map_err(|error| {
        AwsError::unreadable(action, format!("the response has the name {text:?}: {error}"))
    })
}

/// Converts a record set. `None` if its name is no DNS name.
pub(super) fn record_set(set: &types::ResourceRecordSet) -> Option<RecordSet> {
    let values = set.resource_records().iter().map(|record| record.value().to_owned()).collect();
    let is_simple = set.alias_target().is_none()
        && set.set_identifier().is_none()
        && set.health_check_id().is_none()
        && set.traffic_policy_instance_id().is_none();
    Some(RecordSet {
        name: set.name().parse().ok()?,
        record_type: set.r#type().as_str().into(),
        ttl: set.ttl().and_then(Ttl::new),
        values,
        is_simple,
    })
}

/// The memory that a record set takes in an inventory, in bytes: as it was read, and what becomes
/// of it.
pub(super) fn size(set: &RecordSet) -> usize {
    let parsed = match &set.record_type {
        // Each value is parsed, even if it is only a few characters of somebody else.
        RecordType::Txt => size_of::<OwnershipValue>(),
        // The address of a name server has the name with it, once for the delegation and once for
        // its check.
        RecordType::A | RecordType::Aaaa => {
            2 * (size_of::<(Name, IpAddr)>() + set.name.as_str().len())
        }
        // The name of a name server, or a DS record, for the check.
        _ => size_of::<Name>().max(size_of::<Ds>()),
    };
    let values = set.values.iter().map(|value| size_of::<String>() + 2 * value.len() + parsed);
    size_of::<RecordSet>() + 2 * set.name.as_str().len() + values.sum::<usize>()
}

pub(super) fn sdk_change(
    change: &Change,
) -> Result<types::Change, aws_smithy_types::error::operation::BuildError> {
    let (action, set) = match change {
        Change::Create(set) => (types::ChangeAction::Create, set),
        Change::Delete(set) => (types::ChangeAction::Delete, set),
    };
    let mut sdk = types::ResourceRecordSet::builder()
        .name(set.name.fqdn())
        .r#type(types::RrType::from(set.record_type.as_str()))
        .set_ttl(set.ttl.map(|ttl| i64::from(ttl.seconds())));
    for value in &set.values {
        sdk = sdk.resource_records(types::ResourceRecord::builder().value(value).build()?);
    }
    types::Change::builder().action(action).resource_record_set(sdk.build()?).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is counted is what an inventory takes, and not only the text of the values.
    #[test]
    fn short_values_count_with_what_becomes_of_them() {
        let set = |name: &str, record_type: RecordType, value: &str| {
            let values = vec![value.to_owned(); 400];
            RecordSet::new(name.parse().unwrap(), record_type, Ttl::OWNERSHIP, values)
        };
        let short = set("_delegation-a.example.com", RecordType::Txt, "\"a\"");
        assert!(size(&short) > 400 * size_of::<OwnershipValue>(), "{}", size(&short));
        // Bytes that are written as four characters each.
        let long = [["\\001".repeat(63).as_str(); 3].join(".").as_str(), "example.com"].join(".");
        let glue = set(&long, RecordType::A, "192.0.2.1");
        assert!(size(&glue) > 2 * 400 * long.len(), "{}", size(&glue));
    }
}
