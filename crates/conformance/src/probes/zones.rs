//! Hosted zones: access to them, their creation and deletion, and the signatures of requests.

use std::collections::BTreeSet;

use crate::context::{Account, Keys, create, error_text, line, set};
use crate::probe::Needs::Api;
use crate::probe::{Probe, probe};

const CREATE: &str = "Route 53 API Reference, CreateHostedZone";
const GET: &str = "Route 53 API Reference, GetHostedZone; the words: no page";
const APEX: &str = "Route 53 Developer Guide, \"NS and SOA records that Amazon Route 53 creates for a public hosted zone\"";
const ERRORS: &str = "Route 53 API Reference, \"Common Errors\"; the words: no page";

/// Calls `GetHostedZone`; returns the zone's name, or the error.
async fn read(account: &Account, zone: &str) -> String {
    let answer = account.route53_without_retries().get_hosted_zone().id(zone).send().await;
    answer.map_or_else(
        |error| error_text(&error),
        |answer| answer.hosted_zone.map(|zone| zone.name).unwrap_or_default(),
    )
}

/// Calls `CreateHostedZone`; returns that the zone was created, or status and code of the error.
async fn make(account: &Account, name: &str, reference: String) -> String {
    let answer =
        account.route53.create_hosted_zone().name(name).caller_reference(reference).send().await;
    let answer = answer.map_or_else(|error| error_text(&error), |_| "created".to_owned());
    answer.split(": ").next().unwrap_or_default().to_owned()
}

pub(super) const PROBES: &[Probe] = &[
    probe!(
        "route53/zone-unknown",
        Wording,
        Api,
        GET,
        "Reading or listing a hosted zone that does not exist fails with NoSuchHostedZone.",
        "404 NoSuchHostedZone: No hosted zone found with ID: Z0UNKNOWNEXAMPLE | 404 NoSuchHostedZone: No hosted zone found with \
         ID: Z0UNKNOWNEXAMPLE",
        |cx| {
            let answer = cx
                .env
                .parent
                .route53
                .list_resource_record_sets()
                .hosted_zone_id("Z0UNKNOWNEXAMPLE")
                .send()
                .await;
            let listed = answer.map_or_else(|error| error_text(&error), |_| "listed".to_owned());
            Ok(format!("{} | {listed}", read(&cx.env.parent, "Z0UNKNOWNEXAMPLE").await))
        }
    ),
    probe!(
        "route53/zone-of-another-account",
        Guess,
        Api,
        "no page",
        "Reading a hosted zone of another account fails with AccessDenied, not with \
         NoSuchHostedZone.",
        "403 AccessDenied: User: PARENT-ADMINISTRATOR is not authorized to access this resource",
        |cx| Ok(read(&cx.env.parent, &cx.env.child_zone.id).await)
    ),
    probe!(
        "route53/zone-long-id",
        Wording,
        Api,
        GET,
        "An id of more than 32 characters is refused.",
        "400 InvalidInput: 1 validation error detected: Value 'Z00000000000000000000000000000000' at 'id' failed to satisfy \
         constraint: Member must have length less than or equal to 32",
        |cx| Ok(read(&cx.env.parent, "Z00000000000000000000000000000000").await)
    ),
    probe!(
        "route53/zone-id-with-path",
        Page,
        Api,
        "Route 53 API Reference, GetHostedZone",
        "An id is returned as /hostedzone/<id>, and accepted with and without that prefix.",
        "/hostedzone/Z0PARENTEXAMPLE; example.com.; example.com.",
        |cx| {
            let id = &cx.env.zone.id;
            let answer = cx
                .env
                .parent
                .route53
                .get_hosted_zone()
                .id(id)
                .send()
                .await
                .map_err(|error| error_text(&error))?;
            let returned =
                answer.hosted_zone().map(|zone| zone.id().to_owned()).unwrap_or_default();
            let (bare, whole) = (
                read(&cx.env.parent, id).await,
                read(&cx.env.parent, &format!("/hostedzone/{id}")).await,
            );
            Ok(format!("{returned}; {bare}; {whole}"))
        }
    ),
    probe!(
        "route53/zone-name-servers",
        Page,
        Api,
        APEX,
        "A zone has four name servers without a trailing dot, under com, net, org and co.uk, each \
         with its number and block.",
        "co.uk com net org",
        |cx| {
            let servers = &cx.env.zone.name_servers;
            let domains: BTreeSet<&str> = servers
                .iter()
                .filter_map(|server| {
                    server.strip_prefix("ns-")?.split_once(".awsdns-")?.1.split_once('.')
                })
                .filter(|(block, _)| block.len() == 2)
                .map(|(_, domain)| domain)
                .collect();
            Ok(domains.into_iter().collect::<Vec<_>>().join(" "))
        }
    ),
    probe!(
        "route53/zone-apex",
        Page,
        Api,
        APEX,
        "A new zone has at its apex an NS record set of its name servers with a TTL of two days, \
         and an SOA record with a TTL of 15 minutes whose first name is one of them.",
        "NS 172800 the name servers, each with a dot; SOA 900 one of them",
        |cx| {
            let zone = &cx.env.child_zone;
            let call = cx.env.child.route53.list_resource_record_sets().hosted_zone_id(&zone.id);
            let page = call.send().await.map_err(|error| error_text(&error))?;
            let lines: Vec<String> = page.resource_record_sets().iter().map(line).collect();
            let mut values: Vec<String> =
                zone.name_servers.iter().map(|server| format!("{server}.")).collect();
            values.sort();
            let observed = page.resource_record_sets().iter().map(|set| {
                let mut own: Vec<String> =
                    set.resource_records().iter().map(|record| record.value().to_owned()).collect();
                own.sort();
                let first = own
                    .first()
                    .and_then(|value| value.split(' ').next())
                    .unwrap_or_default()
                    .to_owned();
                let what = if own == values {
                    "the name servers, each with a dot"
                } else if values.contains(&first) {
                    "one of them"
                } else {
                    return lines.join("; ");
                };
                format!("{} {} {what}", set.r#type().as_str(), set.ttl().unwrap_or_default())
            });
            Ok(observed.collect::<Vec<_>>().join("; "))
        }
    ),
    probe!(
        "route53/zone-reference-twice",
        Wording,
        Api,
        CREATE,
        "A zone with the CallerReference of another zone of the account is refused, so that a \
         repeated request does not create a second zone.",
        "409 HostedZoneAlreadyExists",
        |cx| {
            let name = cx.name("a");
            cx.env.make_zone(&cx.env.parent, &name, "").await?;
            // The reference of the zone that exists. If AWS created a second zone, the cleanup
            // would find it by its name.
            let reference = cx.env.reference(&name, "");
            Ok(make(&cx.env.parent, &name, reference).await)
        }
    ),
    probe!(
        "route53/zone-name-invalid",
        Wording,
        Api,
        "Route 53 API Reference, CreateHostedZone; the words: no page",
        "A zone with an invalid name is refused.",
        "400 InvalidDomainName",
        |cx| {
            let name = cx.name("a.");
            let reference = cx.env.reference(&name, "");
            Ok(make(&cx.env.parent, &name, reference).await)
        }
    ),
    probe!(
        "route53/zone-not-empty",
        Wording,
        Api,
        "Route 53 API Reference, DeleteHostedZone; the words: no page",
        "A zone can be deleted only if it has nothing but its SOA and NS record sets.",
        "400 HostedZoneNotEmpty: The specified hosted zone contains non-required resource record sets and so cannot be deleted.; \
         emptied: deleted",
        |cx| {
            let zone = cx.env.make_zone(&cx.env.parent, &cx.name("a"), "").await?;
            let client = &cx.env.parent.route53;
            let record = set(&cx.name("www.a"), "A", &["192.0.2.1"]);
            let batch = |change| {
                let batch = aws_sdk_route53::types::ChangeBatch::builder().changes(change).build();
                batch.map_err(|error| error.to_string())
            };
            let change = |batch| {
                client
                    .change_resource_record_sets()
                    .hosted_zone_id(&zone.id)
                    .change_batch(batch)
                    .send()
            };
            change(batch(create(record.clone()))?).await.map_err(|error| error_text(&error))?;
            let refused = client.delete_hosted_zone().id(&zone.id).send().await;
            let refused = refused.map_or_else(|error| error_text(&error), |_| "deleted".to_owned());
            change(batch(crate::context::delete(record))?)
                .await
                .map_err(|error| error_text(&error))?;
            let gone = client.delete_hosted_zone().id(&zone.id).send().await;
            Ok(format!(
                "{refused}; emptied: {}",
                gone.map_or_else(|error| error_text(&error), |_| "deleted".to_owned())
            ))
        }
    ),
    probe!(
        "route53/dnssec-unsigned",
        Page,
        Api,
        "Route 53 API Reference, GetDNSSEC",
        "GetDNSSEC of a zone that was never signed says NOT_SIGNING, and has no keys.",
        "NOT_SIGNING, 0 keys",
        |cx| {
            let answer =
                cx.env.parent.route53.get_dnssec().hosted_zone_id(&cx.env.zone.id).send().await;
            let answer = answer.map_err(|error| error_text(&error))?;
            let state =
                answer.status().and_then(|status| status.serve_signature()).unwrap_or_default();
            Ok(format!("{state}, {} keys", answer.key_signing_keys().len()))
        }
    ),
    probe!(
        "route53/signed-by-nobody",
        Wording,
        Api,
        ERRORS,
        "A request with an access key that does not exist is refused with InvalidClientTokenId.",
        "403 InvalidClientTokenId: The security token included in the request is invalid.",
        |cx| {
            let keys = Keys {
                id: "AKIAIOSFODNN7EXAMPLE".into(),
                secret: "not-a-secret".into(),
                token: None,
            };
            Ok(read(&cx.env.parent.with_keys(&keys), &cx.env.zone.id).await)
        }
    ),
];
