//! Change guardrails (Developer Guide, "Change Guardrails for hosted zones"). The documentation
//! says what each one rejects, but not the error message. As in the service, a message here names
//! the record and the guardrail.
//!
//! Probe: see each guardrail.

use super::model::{HostedZone, Records};
use super::name;
use super::record::{Action, Change, RecordSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Guardrail {
    /// `NS_FORMAT_CHECK`, always on. Rejects "An NS record value that looks like a Route 53 name
    /// server but isn't one."
    NsFormat,
    /// `NS_DELEGATION_AUTHORITY_CHECK`, always on in public zones. Rejects "An NS record that
    /// delegates a subdomain to Route 53 name servers that aren't authoritative for the subdomain."
    NsDelegationAuthority,
    /// `NS_OCCLUSION_CHECK`: "Rejects a record that a delegation would hide, or a delegation that
    /// would hide existing records."
    NsOcclusion,
    /// `ACTIVE_DELEGATION_CHECK`: rejects the removal of a delegation that is in use. The
    /// documentation does not define "in use"; here it means that the child zone is still served.
    ActiveDelegation,
    /// The same guardrail as [`Self::ActiveDelegation`], with "in use" interpreted as for
    /// `ACTIVE_RECORD_CHECK`: any delegation may still receive queries, even if its child zone is
    /// gone.
    QueriedDelegation,
}

impl Guardrail {
    pub(crate) const ALWAYS_ON: [Self; 2] = [Self::NsFormat, Self::NsDelegationAuthority];

    /// Returns the service's name for the guardrail.
    pub fn name(self) -> &'static str {
        match self {
            Self::NsFormat => "NS_FORMAT_CHECK",
            Self::NsDelegationAuthority => "NS_DELEGATION_AUTHORITY_CHECK",
            Self::NsOcclusion => "NS_OCCLUSION_CHECK",
            Self::ActiveDelegation | Self::QueriedDelegation => "ACTIVE_DELEGATION_CHECK",
        }
    }

    /// The error message. Probe: route53/guardrail-ns-format.
    fn rejection(self, record: &RecordSet, why: &str) -> String {
        format!(
            "RRSet of type {} with DNS name {} is rejected by guardrail {}: {why}",
            record.rtype,
            record.name,
            self.name()
        )
    }
}

/// Runs the zone's guardrails over a batch that is otherwise valid, and returns their messages.
/// `hosts(name, server)` returns true if the Route 53 name server `server` has a hosted zone
/// `name`.
pub(crate) fn check(
    zone: &HostedZone,
    changes: &[Change],
    after: &Records,
    hosts: &dyn Fn(&str, &str) -> bool,
) -> Vec<String> {
    let on = |guardrail| zone.guardrails.contains(&guardrail);
    let mut messages = Vec::new();
    for change in changes {
        let record = &change.record;
        let delegates = record.rtype == "NS" && record.name != zone.name;
        if change.action == Action::Delete {
            if delegates && on(Guardrail::ActiveDelegation) {
                messages.extend(active_delegation(zone, record, after, hosts));
            }
            if delegates
                && on(Guardrail::QueriedDelegation)
                && !replaces(record, after)
                && !zone.private
            {
                messages.push(
                    Guardrail::QueriedDelegation
                        .rejection(record, "it still receives DNS queries."),
                );
            }
            continue;
        }
        if record.rtype == "NS" && on(Guardrail::NsFormat) {
            messages.extend(format(record));
        }
        if delegates && !zone.private && on(Guardrail::NsDelegationAuthority) {
            messages.extend(authority(record, hosts));
        }
        if on(Guardrail::NsOcclusion) {
            messages.extend(occlusion(zone, record, after));
        }
    }
    messages
}

/// Checks one NS record set for [`Guardrail::NsFormat`]. Probe: route53/guardrail-ns-format.
fn format(record: &RecordSet) -> Option<String> {
    let malformed = record.values.iter().find(|value| {
        normalized_server(value).contains(".awsdns") && !is_route53(&normalized_server(value))
    })?;
    let why = format!("'{malformed}' is not a Route 53 name server. Correct the value.");
    Some(Guardrail::NsFormat.rejection(record, &why))
}

/// Checks one NS record set for [`Guardrail::NsDelegationAuthority`]. Probe:
/// route53/guardrail-ns-authority, route53/guardrail-ns-other-account, route53/ns-foreign.
fn authority(record: &RecordSet, hosts: &dyn Fn(&str, &str) -> bool) -> Option<String> {
    let not_authoritative = record.values.iter().find(|value| {
        is_route53(&normalized_server(value)) && !hosts(&record.name, &normalized_server(value))
    })?;
    let why = format!(
        "name server '{not_authoritative}' is not authoritative for {}. Use the name servers of its hosted zone.",
        record.name
    );
    Some(Guardrail::NsDelegationAuthority.rejection(record, &why))
}

/// Checks the deletion of an NS record set for [`Guardrail::ActiveDelegation`]. No probe: the SDK
/// can't turn it on yet.
fn active_delegation(
    zone: &HostedZone,
    record: &RecordSet,
    after: &Records,
    hosts: &dyn Fn(&str, &str) -> bool,
) -> Option<String> {
    let server = record
        .values
        .iter()
        .map(|value| normalized_server(value))
        .find(|server| hosts(&record.name, server))?;
    let why = format!(
        "name server '{server}' still serves a hosted zone of that name. Delete that hosted zone first."
    );
    (!replaces(record, after) && !zone.private)
        .then(|| Guardrail::ActiveDelegation.rejection(record, &why))
}

/// Returns whether the batch replaces the NS record set instead of removing it.
fn replaces(record: &RecordSet, after: &Records) -> bool {
    after.values().any(|other| other.rtype == "NS" && other.name == record.name)
}

/// Checks one record set for [`Guardrail::NsOcclusion`]. No probe: the SDK can't turn it on yet.
fn occlusion(zone: &HostedZone, record: &RecordSet, after: &Records) -> Option<String> {
    let delegation = |other: &&RecordSet| other.rtype == "NS" && other.name != zone.name;
    let hides = |cut: &RecordSet, other: &RecordSet| {
        let glue = matches!(other.rtype.as_str(), "A" | "AAAA")
            && cut.values.iter().any(|value| name::normalize_lossy(value) == other.name);
        let at_the_cut = other.name == cut.name && matches!(other.rtype.as_str(), "NS" | "DS");
        name::is_within(&other.name, &cut.name) && !glue && !at_the_cut
    };
    let hidden = if delegation(&record) {
        after
            .values()
            .find(|other| hides(record, other))
            .map(|other| format!("it hides {} {}", other.name, other.rtype))
    } else {
        None
    };
    let hiding = || {
        let cut = after
            .values()
            .filter(delegation)
            .find(|cut| cut.name != record.name && hides(cut, record))?;
        Some(format!("the delegation of {} hides it", cut.name))
    };
    hidden.or_else(hiding).map(|why| {
        Guardrail::NsOcclusion.rejection(record, &format!("{why}. Remove the hidden record."))
    })
}

fn normalized_server(value: &str) -> String {
    value.trim_end_matches('.').to_ascii_lowercase()
}

/// Returns whether the name has the form of a Route 53 name server:
/// `ns-<0 to 2047>.awsdns-<00 to 63>.<com, net, org or co.uk>`.
fn is_route53(server: &str) -> bool {
    let Some((head, tail)) = server.split_once(".awsdns-") else {
        return false;
    };
    let number = head.strip_prefix("ns-").and_then(|number| number.parse::<u16>().ok());
    let Some((block, domain)) = tail.split_once('.') else {
        return false;
    };
    number.is_some_and(|number| number < 2048)
        && block.len() == 2
        && block.parse::<u8>().is_ok_and(|block| block < 64)
        && matches!(domain, "com" | "net" | "org" | "co.uk")
}

#[cfg(test)]
mod tests;
