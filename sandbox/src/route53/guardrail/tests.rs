use super::*;
use crate::route53::Action::{Create, Delete};

const CUT: &str = "testing.example.com";

fn zone() -> HostedZone {
    HostedZone::new("Z1", "111111111111", "example.com", vec!["ns-0.awsdns-00.com".to_owned()])
}

/// Only `ns-1.awsdns-01.com` serves the child zone.
fn hosts(name: &str, server: &str) -> bool {
    name == "testing.example.com." && server == "ns-1.awsdns-01.com"
}

fn refusal(zone: &HostedZone, action: Action, record: RecordSet) -> Option<String> {
    zone.after(&[Change { action, record }], &hosts).err().map(|messages| messages.join(", "))
}

fn ns(value: &str) -> RecordSet {
    RecordSet::new(CUT, "NS", 300, [value])
}

#[test]
fn always_on() {
    let zone = zone();
    assert_eq!(refusal(&zone, Create, ns("ns-1.awsdns-01.com.")), None);
    assert_eq!(refusal(&zone, Create, ns("NS-1.awsdns-01.com")), None);
    assert_eq!(refusal(&zone, Create, ns("ns1.example.org.")), None);
    let format = refusal(&zone, Create, ns("ns-1.awsdns-99.com.")).unwrap();
    assert!(
        format.contains("NS_FORMAT_CHECK") && format.contains("testing.example.com."),
        "{format}"
    );
    let authority = refusal(&zone, Create, ns("ns-2.awsdns-01.com.")).unwrap();
    assert!(authority.contains("NS_DELEGATION_AUTHORITY_CHECK"), "{authority}");
}

#[test]
fn authority_is_for_public_zones() {
    let mut zone = zone();
    zone.private = true;
    assert_eq!(refusal(&zone, Create, ns("ns-2.awsdns-01.com.")), None);
}

#[test]
fn occlusion_is_opt_in_and_works_both_ways() {
    let mut zone = zone();
    zone.insert(RecordSet::new("www.testing.example.com", "A", 300, ["192.0.2.1"]));
    assert_eq!(refusal(&zone, Create, ns("ns1.example.org.")), None);
    zone.guardrails.insert(Guardrail::NsOcclusion);
    assert!(refusal(&zone, Create, ns("ns1.example.org.")).unwrap().contains("NS_OCCLUSION_CHECK"));
    assert_eq!(refusal(&zone, Create, ns("www.testing.example.com.")), None, "glue");
    zone.remove("www.testing.example.com", "A");
    zone.insert(ns("ns1.example.org."));
    let below = RecordSet::new("a.testing.example.com", "TXT", 300, ["\"x\""]);
    assert!(refusal(&zone, Create, below).unwrap().contains("hides it"));
    let beside = RecordSet::new("_delegation-testing.example.com", "TXT", 300, ["\"x\""]);
    assert_eq!(refusal(&zone, Create, beside), None);
}

#[test]
fn active_delegation_is_opt_in() {
    let mut zone = zone();
    zone.insert(ns("ns-1.awsdns-01.com."));
    assert_eq!(refusal(&zone, Delete, ns("ns-1.awsdns-01.com.")), None);
    zone.guardrails.insert(Guardrail::ActiveDelegation);
    assert!(
        refusal(&zone, Delete, ns("ns-1.awsdns-01.com."))
            .unwrap()
            .contains("ACTIVE_DELEGATION_CHECK")
    );
}

#[test]
fn queried_delegation_needs_no_child_zone() {
    let mut zone = zone();
    zone.insert(ns("ns1.example.org."));
    zone.guardrails.insert(Guardrail::ActiveDelegation);
    assert_eq!(refusal(&zone, Delete, ns("ns1.example.org.")), None);
    zone.guardrails.insert(Guardrail::QueriedDelegation);
    assert!(
        refusal(&zone, Delete, ns("ns1.example.org.")).unwrap().contains("ACTIVE_DELEGATION_CHECK")
    );
    let replacement = [
        Change { action: Delete, record: ns("ns1.example.org.") },
        Change { action: Create, record: ns("ns2.example.org.") },
    ];
    assert!(zone.after(&replacement, &hosts).is_ok());
}
