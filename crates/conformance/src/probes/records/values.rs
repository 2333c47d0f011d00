//! Types, TTLs and values, and the parts of a record set.

use aws_sdk_route53::types::{AliasTarget, ResourceRecordSet, RrType};

use super::{ADDRESS, DS_VALUE, NO_PAGE, SET, TYPES};
use crate::context::{create, refused, set, set_with_ttl, upsert};
use crate::probe::Needs::Api;
use crate::probe::{Probe, probe};

/// An alias of another record set in the same zone.
fn alias(name: &str, zone: &str, target: &str) -> Result<ResourceRecordSet, String> {
    let alias = AliasTarget::builder()
        .hosted_zone_id(zone)
        .dns_name(target)
        .evaluate_target_health(false)
        .build();
    let alias = alias.map_err(|error| error.to_string())?;
    let set = ResourceRecordSet::builder().name(name).r#type(RrType::A).alias_target(alias).build();
    set.map_err(|error| error.to_string())
}

fn weighted(name: &str, identifier: &str) -> ResourceRecordSet {
    let mut one = set(name, "A", &[ADDRESS]);
    one.set_identifier = Some(identifier.to_owned());
    one.weight = Some(1);
    one
}

pub(in crate::probes) const PROBES: &[Probe] = &[
    probe!(
        "route53/type-unknown",
        Wording,
        Api,
        TYPES,
        "A record set of a type that Route 53 does not know is refused.",
        "400 InvalidInput",
        |cx| {
            let answer = cx.change([create(set(&cx.name("a"), "HINFO", &["\"a\" \"b\""]))]).await;
            Ok(answer.split(": ").next().unwrap_or_default().to_owned())
        }
    ),
    probe!(
        "route53/ttl",
        Wording,
        Api,
        SET,
        "A TTL is 0 to 2147483647 seconds.",
        "0: accepted; 2147483647: accepted; -1: 400 InvalidInput; 2147483648: 400 InvalidInput",
        |cx| {
            let mut observed = Vec::new();
            for (label, ttl) in [("a", 0), ("b", 2_147_483_647), ("c", -1), ("d", 2_147_483_648)] {
                let answer =
                    cx.change([create(set_with_ttl(ttl, &cx.name(label), "A", &[ADDRESS]))]).await;
                observed.push(format!("{ttl}: {}", answer.split(": ").next().unwrap_or_default()));
            }
            Ok(observed.join("; "))
        }
    ),
    probe!(
        "route53/set-incomplete",
        Wording,
        Api,
        SET,
        "A record set without an alias target must have a TTL and values.",
        "400 InvalidInput: Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
         TrafficPolicyInstanceId], but found none in Change with [Action=CREATE, Name=a.set-incomplete.example.com., Type=A, \
         SetIdentifier=null]",
        |cx| {
            let mut one = set(&cx.name("a"), "A", &[ADDRESS]);
            one.ttl = None;
            Ok(cx.change([create(one)]).await)
        }
    ),
    probe!(
        "route53/set-alias-and-values",
        Wording,
        Api,
        SET,
        "A record set with an alias target and values is refused.",
        "400 InvalidInput: Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
         TrafficPolicyInstanceId], but found more than one in Change with [Action=CREATE, \
         Name=a.set-alias-and-values.example.com., Type=A, SetIdentifier=null]",
        |cx| {
            let mut one = alias(&cx.name("a"), &cx.env.zone.id, &cx.name("b"))?;
            (one.ttl, one.resource_records) =
                (Some(300), set("", "A", &[ADDRESS]).resource_records);
            Ok(cx.change([create(one)]).await)
        }
    ),
    probe!(
        "route53/set-alias",
        Page,
        Api,
        "Route 53 API Reference, AliasTarget",
        "A record set may be an alias of another one in its zone; it is listed without TTL and \
         values.",
        "accepted; a.set-alias.example.com. A ",
        |cx| {
            cx.change_or_fail([create(set(&cx.name("b"), "A", &[ADDRESS]))]).await?;
            let answer =
                cx.change([create(alias(&cx.name("a"), &cx.env.zone.id, &cx.name("b"))?)]).await;
            Ok(format!("{answer}; {}", cx.listed().await?.first().cloned().unwrap_or_default()))
        }
    ),
    probe!(
        "route53/set-weighted",
        Wording,
        Api,
        SET,
        "A record set with a routing policy can't exist together with a simple one of the same \
         name and type.",
        "400 InvalidChangeBatch: [RRSet with DNS name a.set-weighted.example.com., type A, SetIdentifier one cannot be created as \
         other RRSets exist with the same name and type.]",
        |cx| {
            cx.change_or_fail([create(set(&cx.name("a"), "A", &[ADDRESS]))]).await?;
            Ok(cx.change([create(weighted(&cx.name("a"), "one"))]).await)
        }
    ),
    probe!(
        "route53/set-weight-needs-identifier",
        Wording,
        Api,
        SET,
        "A weight without a SetIdentifier is refused.",
        "400 InvalidInput: Invalid request: Missing field 'SetIdentifier' in Change with [Action=CREATE, \
         Name=a.set-weight-needs-identifier.example.com., Type=A, SetIdentifier=null]",
        |cx| {
            let mut one = weighted(&cx.name("a"), "one");
            one.set_identifier = None;
            Ok(cx.change([create(one)]).await)
        }
    ),
    probe!(
        "route53/values-twice",
        Wording,
        Api,
        SET,
        "A duplicate value is refused.",
        "400 InvalidChangeBatch: [Duplicate Resource Record: '192.0.2.1']",
        |cx| Ok(cx.change([create(set(&cx.name("a"), "A", &[ADDRESS, ADDRESS]))]).await)
    ),
    probe!(
        "route53/values-twice-as-names",
        Guess,
        Api,
        NO_PAGE,
        "A duplicate NS value is refused, even if it differs in case or in the trailing dot.",
        "400 InvalidChangeBatch: [Duplicate Resource Record: 'NS.example.net.']",
        |cx| Ok(cx
            .change([create(set(&cx.name("a"), "NS", &["ns.example.net", "NS.example.net."]))])
            .await)
    ),
    probe!(
        "route53/a-value",
        Wording,
        Api,
        TYPES,
        "The values of A and AAAA are addresses.",
        "400 InvalidChangeBatch: [Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 \
         address) encountered with '192.0.2.256''] | 400 InvalidChangeBatch: [Invalid Resource Record: 'FATAL problem: \
         AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address) encountered with '192.0.2.1'']",
        |cx| {
            let four = cx.change([create(set(&cx.name("a"), "A", &["192.0.2.256"]))]).await;
            Ok(format!(
                "{four} | {}",
                cx.change([create(set(&cx.name("a"), "AAAA", &[ADDRESS]))]).await
            ))
        }
    ),
    probe!(
        "route53/ns-value",
        Wording,
        Api,
        TYPES,
        "The value of an NS record is one domain name.",
        "400 InvalidChangeBatch: [Invalid Resource Record: 'FATAL problem: RRDATANotSingleField (Value contains spaces) \
         encountered with 'ns.example.net ns.example.org'']",
        |cx| Ok(cx
            .change([create(set(&cx.name("a"), "NS", &["ns.example.net ns.example.org"]))])
            .await)
    ),
    probe!(
        "route53/mx-srv-value",
        Guess,
        Api,
        TYPES,
        "Values of MX and SRV records that lack a field are refused.",
        "refused; refused",
        |cx| {
            let mut observed = Vec::new();
            for (rtype, value) in [("MX", "mail.example.net"), ("SRV", "1 2 www.example.net")] {
                let record_set = set(&cx.name("a"), rtype, &[value]);
                observed.push(refused(cx.change([create(record_set)]).await));
            }
            Ok(observed.join("; "))
        }
    ),
    probe!(
        "route53/ds-value",
        Guess,
        Api,
        TYPES,
        "The value of a DS record is a key tag, an algorithm, a digest type of 1, 2 or 4, and a digest of its length.",
        "accepted; refused; refused; refused; refused",
        |cx| {
            let name = cx.name("a");
            cx.change_or_fail([create(set(&name, "NS", &["ns.example.net."]))]).await?;
            let mut observed = Vec::new();
            let short = &DS_VALUE[..DS_VALUE.len() - 2];
            for value in [
                DS_VALUE,
                short,
                &DS_VALUE.replace(" 2 ", " 9 "),
                &DS_VALUE.replace("1 ", "70000 "),
                "1 13 2",
            ] {
                observed.push(refused(cx.change([upsert(set(&name, "DS", &[value]))]).await));
            }
            Ok(observed.join("; "))
        }
    ),
    probe!(
        "route53/txt-quotes",
        Wording,
        Api,
        TYPES,
        "The value of a TXT record is in double quotes.",
        "400 InvalidChangeBatch: [Invalid Resource Record: 'FATAL problem: InvalidCharacterString (Value should be enclosed in \
         quotation marks) encountered with 'a'']",
        |cx| Ok(cx.change([create(set(&cx.name("a"), "TXT", &["a"]))]).await)
    ),
    probe!(
        "route53/txt-255",
        Wording,
        Api,
        TYPES,
        "A string of a TXT record may have at most 255 characters; an octal escape counts as one.",
        "accepted; accepted; 400 InvalidChangeBatch: [Invalid Resource Record: 'FATAL problem: CharacterStringTooLong (Value is \
         too long)",
        |cx| {
            let most = cx
                .change([create(set(&cx.name("a"), "TXT", &[&format!("\"{}\"", "x".repeat(255))]))])
                .await;
            let escaped = format!("\"{}{}\"", "x".repeat(250), r"\134".repeat(5));
            let escaped = cx.change([create(set(&cx.name("b"), "TXT", &[&escaped]))]).await;
            let more = cx
                .change([create(set(&cx.name("c"), "TXT", &[&format!("\"{}\"", "x".repeat(256))]))])
                .await;
            Ok(format!(
                "{most}; {escaped}; {}",
                more.split(" encountered").next().unwrap_or_default()
            ))
        }
    ),
    probe!(
        "route53/txt-4000",
        Guess,
        Api,
        TYPES,
        "The value of a TXT record may have at most 4,000 characters, including quotes and spaces.",
        "accepted; refused",
        |cx| {
            // 15 strings of 255 with their quotes and spaces have 3870 characters; one of 128 makes
            // it 4000.
            let value = |rest: usize| {
                let mut strings = vec![format!("\"{}\"", "x".repeat(255)); 15];
                strings.push(format!("\"{}\"", "x".repeat(rest)));
                strings.join(" ")
            };
            let most = cx.change([create(set(&cx.name("a"), "TXT", &[&value(128)]))]).await;
            let more = cx.change([create(set(&cx.name("b"), "TXT", &[&value(129)]))]).await;
            Ok(format!("{most}; {}", if more.starts_with("400 ") { "refused" } else { &more }))
        }
    ),
    probe!(
        "route53/txt-not-ascii",
        Wording,
        Api,
        TYPES,
        "A character outside ASCII must be escaped.",
        "400 InvalidChangeBatch: [Invalid Resource Record: 'FATAL problem: UnsupportedCharacter (Value contains unsupported \
         characters) encountered with '\"ä\"'']",
        |cx| Ok(cx.change([create(set(&cx.name("a"), "TXT", &["\"ä\""]))]).await)
    ),
];
