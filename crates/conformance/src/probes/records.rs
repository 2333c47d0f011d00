//! Names, types and values of record sets, and what can't exist together.

use aws_sdk_route53::types::{AliasTarget, ResourceRecordSet, RrType};

use crate::context::{create, delete, refused, set, set_with_ttl, upsert};
use crate::probe::Needs::Api;
use crate::probe::{Probe, probe};

const NAMES: &str = "Route 53 Developer Guide, \"DNS domain name format\"";
const NAMES_NO_WORDS: &str =
    "Route 53 Developer Guide, \"DNS domain name format\"; the words: no page";
const TYPES: &str = "Route 53 Developer Guide, \"Supported DNS record types\"; the words: no page";
const SET: &str = "Route 53 API Reference, ResourceRecordSet; the words: no page";
const APEX: &str = "Route 53 Developer Guide, \"NS and SOA records that Amazon Route 53 creates for a public hosted zone\"; the words: no page";
const GUARDRAILS: &str =
    "Route 53 Developer Guide, \"Change Guardrails for hosted zones\"; the words: no page";
const NO_PAGE: &str = "no page";
const ADDRESS: &str = "192.0.2.1";
const DS_VALUE: &str = "1 13 2 ABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD";

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

pub(super) const PROBES: &[Probe] = &[
    probe!(
        "route53/name-escapes",
        Page,
        Api,
        NAMES,
        "Names are listed in lower case with a trailing dot; characters other than a-z, 0-9, - and \
         _ are octal escapes.",
        r"\052.name-escapes.example.com. _c-d.name-escapes.example.com. a\100b.name-escapes.example.com.",
        |cx| {
            cx.change_or_fail(
                ["*", "A@b", "_C-D"].map(|label| create(set(&cx.name(label), "A", &[ADDRESS]))),
            )
            .await?;
            let lines = cx.listed().await?;
            Ok(lines.iter().filter_map(|line| line.split(' ').next()).collect::<Vec<_>>().join(" "))
        }
    ),
    probe!(
        "route53/name-escaped-is-the-same",
        Page,
        Api,
        NAMES,
        r"`*` and `\052` are the same name, and so are upper and lower case.",
        "refused; refused",
        |cx| {
            cx.change_or_fail(
                ["*", "a"].map(|label| create(set(&cx.name(label), "A", &[ADDRESS]))),
            )
            .await?;
            let mut observed = Vec::new();
            for label in [r"\052", "A"] {
                let answer = cx.change([create(set(&cx.name(label), "A", &[ADDRESS]))]).await;
                observed.push(if answer.ends_with("but it already exists]") {
                    "refused".to_owned()
                } else {
                    answer
                });
            }
            Ok(observed.join("; "))
        }
    ),
    probe!(
        "route53/name-empty-label",
        Wording,
        Api,
        NAMES_NO_WORDS,
        "A name with an empty label is refused.",
        "400 InvalidChangeBatch: [FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with \
         'a..name-empty-label.example.com']",
        |cx| Ok(cx.change([create(set(&cx.name("a."), "A", &[ADDRESS]))]).await)
    ),
    probe!(
        "route53/name-long-label",
        Wording,
        Api,
        NAMES_NO_WORDS,
        "A label may have at most 63 characters.",
        "accepted; 400 InvalidChangeBatch: [FATAL problem: DomainLabelTooLong (Domain label is too long) encountered with \
         'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.name-long-label.example.com']",
        |cx| {
            let most = cx.change([create(set(&cx.name(&"a".repeat(63)), "A", &[ADDRESS]))]).await;
            Ok(format!(
                "{most}; {}",
                cx.change([create(set(&cx.name(&"a".repeat(64)), "A", &[ADDRESS]))]).await
            ))
        }
    ),
    probe!(
        "route53/name-too-long",
        Guess,
        Api,
        NAMES_NO_WORDS,
        "A name may have at most 255 characters, including its trailing dot.",
        "accepted; 400 InvalidChangeBatch: [FATAL problem: DomainNameTooLong (Domain name is too long)",
        |cx| {
            // Each label is followed by a dot.
            let name = |length: usize| {
                let mut left = length - (cx.domain().len() + 1);
                let mut labels = Vec::new();
                while left > 0 {
                    // At least one character must be left for the next label.
                    let own = if left == 65 { 62 } else { left.min(64) - 1 };
                    labels.push("a".repeat(own));
                    left -= own + 1;
                }
                cx.name(&labels.join("."))
            };
            let most = cx.change([create(set(&name(255), "A", &[ADDRESS]))]).await;
            let more = cx.change([create(set(&name(256), "A", &[ADDRESS]))]).await;
            Ok(format!("{most}; {}", more.split(" encountered").next().unwrap_or_default()))
        }
    ),
    probe!(
        "route53/name-with-a-space",
        Wording,
        Api,
        NAMES_NO_WORDS,
        "A space in a name must be escaped.",
        "400 InvalidChangeBatch: [FATAL problem: UnsupportedCharacter (Value contains unsupported characters) encountered with 'a \
         b.name-with-a-space.example.com']",
        |cx| Ok(cx.change([create(set(&cx.name("a b"), "A", &[ADDRESS]))]).await)
    ),
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
    probe!(
        "route53/cname-beside-others",
        Wording,
        Api,
        TYPES,
        "A CNAME can't be created at a name that has other record sets.",
        "400 InvalidChangeBatch: [RRSet of type CNAME with DNS name a.cname-beside-others.example.com. is not permitted as it \
         conflicts with other records with the same DNS name in zone example.com.]",
        |cx| {
            cx.change_or_fail([create(set(&cx.name("a"), "A", &[ADDRESS]))]).await?;
            Ok(cx.change([create(set(&cx.name("a"), "CNAME", &["www.example.net"]))]).await)
        }
    ),
    probe!(
        "route53/ns-beside-cname",
        Wording,
        Api,
        TYPES,
        "A delegation can't be created at a name that has a CNAME.",
        "400 InvalidChangeBatch: [RRSet of type NS with DNS name a.ns-beside-cname.example.com. is not permitted because a \
         conflicting RRSet of type CNAME with the same DNS name already exists in zone example.com.]",
        |cx| {
            cx.change_or_fail([create(set(&cx.name("a"), "CNAME", &["www.example.net"]))]).await?;
            Ok(cx.change([create(set(&cx.name("a"), "NS", &["ns.example.net"]))]).await)
        }
    ),
    probe!(
        "route53/cname-two-values",
        Wording,
        Api,
        TYPES,
        "A CNAME has one value.",
        "refused",
        |cx| {
            let values = ["www.example.net", "www.example.org"];
            Ok(refused(cx.change([create(set(&cx.name("a"), "CNAME", &values))]).await))
        }
    ),
    probe!(
        "route53/ns-below-delegation",
        Guess,
        Api,
        NO_PAGE,
        "A record set below a delegation is accepted unless a guardrail is turned on, and so is a delegation above record sets.",
        "accepted; accepted; accepted",
        |cx| {
            let above = cx.change([create(set(&cx.name("a"), "NS", &["ns.example.net"]))]).await;
            let below = cx.change([create(set(&cx.name("www.a"), "A", &[ADDRESS]))]).await;
            cx.change_or_fail([create(set(&cx.name("www.b"), "A", &[ADDRESS]))]).await?;
            Ok(format!(
                "{above}; {below}; {}",
                cx.change([create(set(&cx.name("b"), "NS", &["ns.example.net"]))]).await
            ))
        }
    ),
    probe!(
        "route53/ns-wildcard",
        Wording,
        Api,
        SET,
        "A wildcard can't be delegated.",
        r"400 InvalidChangeBatch: [RRSet of type NS with DNS name \052.ns-wildcard.example.com. is not permitted as a wildcard]",
        |cx| Ok(cx.change([create(set(&cx.name("*"), "NS", &["ns.example.net"]))]).await)
    ),
    probe!(
        "route53/apex-cname-ds",
        Wording,
        Api,
        TYPES,
        "A CNAME or a DS record set at the apex of the zone is refused.",
        "400 InvalidChangeBatch: [RRSet of type CNAME with DNS name example.com. is not permitted at apex in zone example.com.] | \
         400 InvalidChangeBatch: [RRSet of type DS with DNS name example.com. is not permitted at apex in zone example.com.]",
        |cx| {
            let apex = &cx.env.zone.name;
            let mut cname = cx.change([create(set(apex, "CNAME", &["www.example.net"]))]).await;
            // The message may add that it conflicts with the SOA and NS record sets.
            if let Some((first, _)) = cname.split_once(", RRSet") {
                cname = format!("{first}]");
            }
            Ok(format!("{cname} | {}", cx.change([create(set(apex, "DS", &[DS_VALUE]))]).await))
        }
    ),
    probe!(
        "route53/apex-ns-soa",
        Wording,
        Api,
        APEX,
        "The NS and the SOA record set at the apex can't be deleted.",
        "400 InvalidChangeBatch: [A HostedZone must contain at least one NS record for the zone itself.] | 400 \
         InvalidChangeBatch: [A HostedZone must contain exactly one SOA record.]",
        |cx| {
            let call =
                cx.env.parent.route53.list_resource_record_sets().hosted_zone_id(&cx.env.zone.id);
            let page = call
                .max_items(2)
                .send()
                .await
                .map_err(|error| crate::context::error_text(&error))?;
            let mut observed = Vec::new();
            for one in page.resource_record_sets {
                observed.push(cx.change([delete(one)]).await);
            }
            Ok(observed.join(" | "))
        }
    ),
    probe!(
        "route53/soa-elsewhere",
        Wording,
        Api,
        APEX,
        "An SOA record set anywhere but at the apex is refused.",
        "refused",
        |cx| {
            let value = "ns.example.net. admin.example.net. 1 7200 900 1209600 86400";
            Ok(refused(cx.change([create(set(&cx.name("a"), "SOA", &[value]))]).await))
        }
    ),
    probe!(
        "route53/ds-without-ns",
        Guess,
        Api,
        NO_PAGE,
        "A DS record set can't be created without an NS record set of the same name.",
        "400 InvalidChangeBatch: [RRSet of type DS with DNS name a.ds-without-ns.example.com. is not permitted as there is no \
         RRSet of type NS with the same DNS name in zone example.com.]",
        |cx| Ok(cx.change([create(set(&cx.name("a"), "DS", &[DS_VALUE]))]).await)
    ),
    probe!(
        "route53/ds-with-ns-in-one-batch",
        Guess,
        Api,
        NO_PAGE,
        "A batch may create the NS and the DS record set of a delegation together, and delete them \
         together, in either order.",
        "accepted; accepted; accepted",
        |cx| {
            let (ns, ds) = (
                set(&cx.name("a"), "NS", &["ns.example.net"]),
                set(&cx.name("a"), "DS", &[DS_VALUE]),
            );
            let first = cx.change([create(ns.clone()), create(ds.clone())]).await;
            let gone = cx.change([delete(ns.clone()), delete(ds.clone())]).await;
            Ok(format!("{first}; {gone}; {}", cx.change([create(ds), create(ns)]).await))
        }
    ),
    probe!(
        "route53/ns-gone-beside-ds",
        Guess,
        Api,
        NO_PAGE,
        "The NS record set of a delegation can be deleted while its DS record set exists.",
        "accepted; a.ns-gone-beside-ds.example.com. DS 300 \
         1 13 2 ABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD",
        |cx| {
            let (ns, ds) = (
                set(&cx.name("a"), "NS", &["ns.example.net"]),
                set(&cx.name("a"), "DS", &[DS_VALUE]),
            );
            cx.change_or_fail([create(ns.clone()), create(ds)]).await?;
            Ok(format!("{}; {}", cx.change([delete(ns)]).await, cx.listed().await?.join("; ")))
        }
    ),
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
