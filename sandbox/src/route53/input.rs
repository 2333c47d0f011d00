//! Parses the XML bodies of requests, and rejects what is invalid in any zone.

use serde::Deserialize;

use super::record::{Action, AliasTarget, Change, RecordSet};
use super::{name, rules};
use crate::error::ApiError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    pub comment: Option<String>,
    pub changes: Vec<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewZone {
    pub name: String,
    pub caller_reference: String,
    pub comment: Option<String>,
    pub private: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchXml {
    #[serde(rename = "@xmlns", default)]
    _xmlns: String,
    #[serde(rename = "ChangeBatch")]
    batch: ChangeBatchXml,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ChangeBatchXml {
    comment: Option<String>,
    changes: ChangesXml,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangesXml {
    #[serde(rename = "Change", default)]
    list: Vec<ChangeXml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ChangeXml {
    action: String,
    resource_record_set: RecordSetXml,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct RecordSetXml {
    name: String,
    #[serde(rename = "Type")]
    rtype: String,
    set_identifier: Option<String>,
    weight: Option<i64>,
    #[serde(rename = "TTL")]
    ttl: Option<i64>,
    resource_records: Option<ResourceRecordsXml>,
    alias_target: Option<AliasTargetXml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceRecordsXml {
    #[serde(rename = "ResourceRecord", default)]
    list: Vec<ResourceRecordXml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ResourceRecordXml {
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct AliasTargetXml {
    hosted_zone_id: String,
    #[serde(rename = "DNSName")]
    dns_name: String,
    evaluate_target_health: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewZoneXml {
    name: String,
    caller_reference: String,
    hosted_zone_config: Option<ZoneConfigXml>,
    #[serde(rename = "VPC")]
    vpc: Option<VpcXml>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ZoneConfigXml {
    comment: Option<String>,
    private_zone: Option<bool>,
}

#[derive(Deserialize)]
struct VpcXml {}

/// Parses a `ChangeResourceRecordSetsRequest`, and rejects what is invalid whatever the zone
/// contains (API reference, "`ChangeResourceRecordSets`", "`Change`" and "`ResourceRecordSet`").
/// Probe: route53/batch-empty, route53/batch-comment.
pub(crate) fn batch(body: &[u8]) -> Result<Batch, ApiError> {
    let request: BatchXml = read(body)?;
    let comment = request.batch.comment;
    if let Some(comment) = comment.as_ref().filter(|comment| comment.chars().count() > 256) {
        let bound = "have length less than or equal to 256";
        return Err(ApiError::constraint("InvalidInput", comment, "changeBatch.comment", bound));
    }
    if request.batch.changes.list.is_empty() {
        let bound = "have length greater than or equal to 1";
        return Err(ApiError::constraint("InvalidInput", "[]", "changeBatch.changes", bound));
    }
    let changes = (1..)
        .zip(request.batch.changes.list)
        .map(|(n, change)| parse_change(n, change))
        .collect::<Result<_, _>>()?;
    Ok(Batch { comment, changes })
}

/// Validates the `n`th change of a batch. Probe: route53/batch-unknown-action,
/// route53/type-unknown, route53/ttl.
fn parse_change(n: usize, change: ChangeXml) -> Result<Change, ApiError> {
    let member = |field: &str| format!("changeBatch.changes.{n}.member.{field}");
    let constraint = |value: &str, field: &str, bound: &str| {
        ApiError::constraint("InvalidInput", value, &member(field), bound)
    };
    let action = Action::parse(&change.action).ok_or_else(|| {
        constraint(&change.action, "action", "satisfy enum value set: [CREATE, DELETE, UPSERT]")
    })?;
    let set = change.resource_record_set;
    if !rules::TYPES.contains(&set.rtype.as_str()) {
        let bound = format!("satisfy enum value set: [{}]", rules::TYPES.join(", "));
        return Err(constraint(&set.rtype, "resourceRecordSet.type", &bound));
    }
    if set.name.chars().count() > 1024 {
        return Err(constraint(
            &set.name,
            "resourceRecordSet.name",
            "have length less than or equal to 1024",
        ));
    }
    let ttl = set.ttl.map(|ttl| {
        let bound =
            if ttl < 0 { "greater than or equal to 0" } else { "less than or equal to 2147483647" };
        let refusal = || {
            constraint(&ttl.to_string(), "resourceRecordSet.tTL", &format!("have value {bound}"))
        };
        u32::try_from(ttl).ok().filter(|_| ttl <= i64::from(i32::MAX)).ok_or_else(refusal)
    });
    let values: Vec<String> = set
        .resource_records
        .into_iter()
        .flat_map(|records| records.list)
        .map(|record| record.value)
        .collect();
    if let Some(value) = values.iter().find(|value| value.chars().count() > 4000) {
        let field = "resourceRecordSet.resourceRecords.member.value";
        return Err(constraint(value, field, "have length less than or equal to 4000"));
    }
    let alias = set.alias_target.map(|alias| AliasTarget {
        hosted_zone_id: alias.hosted_zone_id,
        dns_name: alias.dns_name,
        evaluate_target_health: alias.evaluate_target_health,
    });
    let record = RecordSet {
        name: set.name,
        rtype: set.rtype,
        ttl: ttl.transpose()?,
        values,
        set_identifier: set.set_identifier,
        weight: set.weight,
        alias,
        health_check: None,
    };
    check_fields(action, &record)?;
    Ok(Change { action, record })
}

/// Checks which fields are set: a record set has either an alias target, or a TTL and values. The
/// fields of a routing policy need a set identifier. Probe: route53/set-incomplete,
/// route53/set-alias-and-values, route53/set-alias, route53/set-weight-needs-identifier.
fn check_fields(action: Action, record: &RecordSet) -> Result<(), ApiError> {
    let identifier = record.set_identifier.as_deref().unwrap_or("null");
    let name = name::normalize_lossy(&record.name);
    let what = format!(
        "[Action={action}, Name={name}, Type={}, SetIdentifier={identifier}]",
        record.rtype
    );
    let plain = record.ttl.is_some() && !record.values.is_empty();
    let partly = record.ttl.is_some() || !record.values.is_empty();
    let found = match (&record.alias, plain, partly) {
        (Some(_), _, false) | (None, true, _) => None,
        (Some(_), _, true) => Some("found more than one"),
        (None, false, _) => Some("found none"),
    };
    if let Some(found) = found {
        return Err(ApiError::invalid_input(format!(
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
             TrafficPolicyInstanceId], but {found} in Change with {what}"
        )));
    }
    if record.weight.is_some() && record.set_identifier.is_none() {
        return Err(ApiError::invalid_input(format!(
            "Invalid request: Missing field 'SetIdentifier' in Change with {what}"
        )));
    }
    Ok(())
}

/// Parses a `CreateHostedZoneRequest` (API reference, "`CreateHostedZone`"). A zone with a VPC is
/// private. Probe: route53/zone-name-invalid. No probe for private zones: they need a VPC.
pub(crate) fn new_zone(body: &[u8]) -> Result<NewZone, ApiError> {
    let request: NewZoneXml = read(body)?;
    if request.caller_reference.is_empty() || request.caller_reference.chars().count() > 128 {
        let bound = "have length between 1 and 128";
        return Err(ApiError::constraint(
            "InvalidInput",
            &request.caller_reference,
            "callerReference",
            bound,
        ));
    }
    let name = name::normalize(&request.name).map_err(|problem| {
        ApiError::new(400, "InvalidDomainName", rules::fatal(problem, &request.name))
    })?;
    let (comment, private) = request
        .hosted_zone_config
        .map_or((None, false), |config| (config.comment, config.private_zone.unwrap_or(false)));
    if private && request.vpc.is_none() {
        let message = "When you're creating a private hosted zone, you must specify a VPC";
        return Err(ApiError::invalid_input(message));
    }
    let private = request.vpc.is_some();
    Ok(NewZone { name, caller_reference: request.caller_reference, comment, private })
}

/// Deserializes an XML document. No probe: the SDK only writes well-formed documents.
fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, ApiError> {
    let text = std::str::from_utf8(body)
        .map_err(|_| ApiError::invalid_input("Invalid XML ; not UTF-8"))?;
    quick_xml::de::from_str(text)
        .map_err(|error| ApiError::invalid_input(format!("Invalid XML ; {error}")))
}

#[cfg(test)]
mod tests;
