//! Delegations that a guardrail refuses, and those that it must not refuse.

use crate::context::{create, delete, set};
use crate::probe::Needs::Api;
use crate::probe::{Probe, probe};

const GUARDRAILS: &str =
    "Route 53 Developer Guide, \"Change Guardrails for hosted zones\"; the words: no page";

pub(in crate::probes) const PROBES: &[Probe] = &[
    probe!(
        "route53/ns-foreign",
        Page,
        Api,
        "Route 53 Developer Guide, \"Change Guardrails for hosted zones\"",
        "A delegation to name servers outside Route 53 is accepted, whether they exist or not.",
        "accepted",
        |cx| Ok(cx
            .change([create(set(&cx.name("a"), "NS", &["ns1.example.net", "ns2.example.org."]))])
            .await)
    ),
    probe!(
        "route53/guardrail-ns-format",
        Wording,
        Api,
        GUARDRAILS,
        "NS_FORMAT_CHECK, which is always on, refuses an NS value that looks like a Route 53 name \
         server but is not one.",
        "400 InvalidChangeBatch, NS_FORMAT_CHECK",
        |cx| {
            let answer =
                cx.change([create(set(&cx.name("a"), "NS", &["ns-1.awsdns-99.com"]))]).await;
            Ok(by_guardrail(answer, "NS_FORMAT_CHECK"))
        }
    ),
    probe!(
        "route53/guardrail-ns-authority",
        Wording,
        Api,
        GUARDRAILS,
        "NS_DELEGATION_AUTHORITY_CHECK, which is always on, refuses a delegation to Route 53 name \
         servers that do not have the child zone.",
        "400 InvalidChangeBatch, NS_DELEGATION_AUTHORITY_CHECK",
        |cx| {
            let servers =
                cx.env.child_zone.name_servers.iter().map(String::as_str).collect::<Vec<_>>();
            let answer = cx.change([create(set(&cx.name("a"), "NS", &servers))]).await;
            Ok(by_guardrail(answer, "NS_DELEGATION_AUTHORITY_CHECK"))
        }
    ),
    probe!(
        "route53/guardrail-ns-other-account",
        Guess,
        Api,
        GUARDRAILS,
        "NS_DELEGATION_AUTHORITY_CHECK accepts a delegation to the name servers of a zone of \
         another account.",
        "accepted",
        |cx| {
            let child = &cx.env.child_zone;
            let servers = child.name_servers.iter().map(String::as_str).collect::<Vec<_>>();
            let ns = set(&child.name, "NS", &servers);
            let answer = cx.change([create(ns.clone())]).await;
            if answer == "accepted" {
                cx.change_or_fail([delete(ns)]).await?;
            }
            Ok(answer)
        }
    ),
];

/// Returns only the name of the guardrail from its error, because the words are not documented.
fn by_guardrail(answer: String, guardrail: &str) -> String {
    match answer.split_once(": ") {
        Some((code, words)) if words.contains(guardrail) => format!("{code}, {guardrail}"),
        _ => answer,
    }
}
