//! What can exist at one name, at the apex, and at a delegation.

use super::{ADDRESS, DS_VALUE, NO_PAGE, SET, TYPES};
use crate::context::{create, delete, refused, set};
use crate::probe::Needs::Api;
use crate::probe::{Probe, probe};

const APEX: &str = "Route 53 Developer Guide, \"NS and SOA records that Amazon Route 53 creates for a public hosted zone\"; the words: no page";

pub(in crate::probes) const PROBES: &[Probe] = &[
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
];
