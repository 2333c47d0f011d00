//! Builds the XML documents of responses.

use super::ChangeState;
use super::KeySigningKey;
use super::model::HostedZone;
use super::record::RecordSet;
use super::xml::Element;
use crate::clock::iso8601;

pub(crate) const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

pub(crate) fn root(name: &str) -> Element {
    Element::new(name).attribute("xmlns", NAMESPACE)
}

pub(crate) fn hosted_zone(zone: &HostedZone) -> Element {
    let config = Element::new("Config")
        .maybe("Comment", zone.comment.as_deref())
        .text("PrivateZone", if zone.private { "true" } else { "false" });
    Element::new("HostedZone")
        .text("Id", &format!("/hostedzone/{}", zone.id))
        .text("Name", &zone.name)
        .text("CallerReference", &zone.caller_reference)
        .child(config)
        .text("ResourceRecordSetCount", &zone.records.len().to_string())
}

/// "Only public hosted zones have a delegation set"; private ones list their VPCs (API reference,
/// "`GetHostedZone`"). No probe: a private zone needs a VPC.
pub(crate) fn servers_or_vpcs(zone: &HostedZone) -> Element {
    if zone.private {
        let vpc = Element::new("VPC")
            .text("VPCRegion", "us-east-1")
            .text("VPCId", "vpc-0123456789abcdef0");
        return Element::new("VPCs").child(vpc);
    }
    let servers = zone
        .name_servers
        .iter()
        .fold(Element::new("NameServers"), |list, server| list.text("NameServer", server));
    Element::new("DelegationSet").child(servers)
}

pub(crate) fn record_set(record: &RecordSet) -> Element {
    let mut out = Element::new("ResourceRecordSet")
        .text("Name", &record.name)
        .text("Type", &record.rtype)
        .maybe("SetIdentifier", record.set_identifier.as_deref())
        .maybe("Weight", record.weight.map(|weight| weight.to_string()).as_deref())
        .maybe("TTL", record.ttl.map(|ttl| ttl.to_string()).as_deref());
    if !record.values.is_empty() {
        let values =
            record.values.iter().map(|value| Element::new("ResourceRecord").text("Value", value));
        out = out.child(Element::new("ResourceRecords").children(values));
    }
    if let Some(alias) = &record.alias {
        let target = Element::new("AliasTarget")
            .text("HostedZoneId", &alias.hosted_zone_id)
            .text("DNSName", &super::name::normalize_lossy(&alias.dns_name))
            .text(
                "EvaluateTargetHealth",
                if alias.evaluate_target_health { "true" } else { "false" },
            );
        out = out.child(target);
    }
    out.maybe("HealthCheckId", record.health_check.as_deref())
}

pub(crate) fn change_info(id: &str, change: &ChangeState) -> Element {
    Element::new("ChangeInfo")
        .text("Id", &format!("/change/{id}"))
        .text("Status", if change.in_sync { "INSYNC" } else { "PENDING" })
        .text("SubmittedAt", &iso8601(change.submitted))
        .maybe("Comment", change.comment.as_deref())
}

pub(crate) fn key_signing_key(zone: &HostedZone, key: &KeySigningKey) -> Element {
    let arn =
        format!("arn:aws:kms:us-east-1:{}:key/00000000-0000-0000-0000-000000000000", zone.account);
    // The service model gives the members of this list no name of their own.
    Element::new("member")
        .text("Name", &key.name)
        .text("KmsArn", &arn)
        .text("Flag", "257")
        .text("SigningAlgorithmMnemonic", "ECDSAP256SHA256")
        .text("SigningAlgorithmType", &key.algorithm.to_string())
        .text("DigestAlgorithmMnemonic", "SHA-256")
        .text("DigestAlgorithmType", &key.digest_type.to_string())
        .text("KeyTag", &key.key_tag.to_string())
        .text("DigestValue", &key.digest)
        .text("PublicKey", &key.public_key())
        .text("DSRecord", &key.ds_record())
        .text("DNSKEYRecord", &key.dnskey_record())
        .text("Status", &key.status)
        .text("CreatedDate", &iso8601(key.created))
        .text("LastModifiedDate", &iso8601(key.modified))
}
