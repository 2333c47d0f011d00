//! Signed zones, and Lambda's retries, which only real AWS can show.

use std::time::Duration;

use serde_json::Value;

use crate::backend::Side;
use crate::context::{LOCAL_PAUSE, create, delete, error_text, set_with_ttl};
use crate::probe::Needs::{RealAws, Stacks};
use crate::probe::{Observed, Probe, probe};
use crate::stacks::Template;

/// The TTL in seconds of the record sets in the parent zone that the probe of signing uses.
const TTL: i64 = 60;

pub(super) const PROBES: &[Probe] = &[
    probe!(
        "route53/dnssec-off-beside-ds",
        Guess,
        Stacks,
        "Route 53 API Reference, DisableHostedZoneDNSSEC; when it notices that the DS record set is gone: no page",
        "DisableHostedZoneDNSSEC is refused while a DS record set of the zone's key can be looked \
         up, and accepted within ten minutes after that is deleted, if its TTL is a minute.",
        "400 KeySigningKeyInParentDSRecord; without the DS record set: accepted",
        |cx| {
            if cx.env.parent.config.region().map(AsRef::as_ref) != Some("us-east-1") {
                return Ok(Observed::Nothing(
                    "Route 53 signs with keys of us-east-1 alone, and the run is in another Region"
                        .into(),
                ));
            }
            let (name, stack) = (cx.name("a"), format!("{}-signed", cx.env.prefix));
            let template = Template::own("signed-zone.yaml", vec![("Name", name.clone())]);
            let status = cx.env.deploy(Side::Child, &stack, &template, &[]).await?;
            if !status.is_fine() {
                return Err(format!("the stack {stack} is {}: {}", status.status, status.reason));
            }
            let zone = cx.env.stack(Side::Child, &stack).output("ZoneId").await?;
            let servers = cx.env.stack(Side::Child, &stack).output("NameServers").await?;
            let child = &cx.env.child.route53;
            let signing = child
                .get_dnssec()
                .hosted_zone_id(&zone)
                .send()
                .await
                .map_err(|error| error_text(&error))?;
            let key = signing
                .key_signing_keys()
                .first()
                .and_then(|key| key.ds_record())
                .ok_or("the zone has no key")?;
            let servers: Vec<&str> = servers.split(',').collect();
            let (ns, ds) =
                (set_with_ttl(TTL, &name, "NS", &servers), set_with_ttl(TTL, &name, "DS", &[key]));
            let made = cx.change_or_fail([create(ns), create(ds.clone())]).await?;
            cx.env.in_sync(&made).await?;
            let disable = async || {
                let answer = child.disable_hosted_zone_dnssec().hosted_zone_id(&zone).send().await;
                let answer =
                    answer.map_or_else(|error| error_text(&error), |_| "accepted".to_owned());
                answer.split(": ").next().unwrap_or_default().to_owned()
            };
            let before = disable().await;
            let gone = cx.change_or_fail([delete(ds)]).await?;
            cx.env.in_sync(&gone).await?;
            let mut after = disable().await;
            for _ in 0..40 {
                if after == "accepted" {
                    break;
                }
                tokio::time::sleep(if cx.env.backend.is_local() {
                    LOCAL_PAUSE
                } else {
                    Duration::from_secs(15)
                })
                .await;
                after = disable().await;
            }
            let status = cx.env.delete_stack(Side::Child, &stack).await?;
            if status.is_fine() {
                Ok(Observed::Text(format!("{before}; without the DS record set: {after}")))
            } else {
                Err(format!("the stack {stack} is {}: {}", status.status, status.reason))
            }
        }
    ),
    probe!(
        "lambda/deliveries",
        Page,
        RealAws("Lambda"),
        "Lambda Developer Guide, \"How Lambda handles errors and retries with asynchronous invocation\"",
        "An asynchronous event whose function fails is delivered three times with one request id, and then given up.",
        "3 deliveries",
        |cx| {
            let stack = format!("{}-failing", cx.env.prefix);
            let status = cx
                .env
                .deploy(
                    Side::Child,
                    &stack,
                    &Template::own("failing-function.yaml", Vec::new()),
                    &[],
                )
                .await?;
            if !status.is_fine() {
                return Err(format!("the stack {stack} is {}: {}", status.status, status.reason));
            }
            let function = cx.env.stack(Side::Child, &stack).output("Function").await?;
            let queue = cx.env.stack(Side::Child, &stack).output("Queue").await?;
            let backend = &cx.env.backend;
            let words = [
                "lambda",
                "invoke",
                "--function-name",
                &function,
                "--invocation-type",
                "Event",
                "/dev/null",
            ];
            backend.aws(Side::Child, &words).await?;
            let words =
                ["sqs", "receive-message", "--queue-url", &queue, "--wait-time-seconds", "20"];
            let mut observed = "nothing was given up within ten minutes".to_owned();
            for _ in 0..30 {
                let answer: Value = serde_json::from_str(&backend.aws(Side::Child, &words).await?)
                    .unwrap_or_default();
                let body =
                    answer.pointer("/Messages/0/Body").and_then(Value::as_str).unwrap_or_default();
                let body: Value = serde_json::from_str(body).unwrap_or_default();
                if let Some(count) = body.pointer("/requestContext/approximateInvokeCount") {
                    observed = format!("{count} deliveries");
                    break;
                }
            }
            let status = cx.env.delete_stack(Side::Child, &stack).await?;
            if status.is_fine() {
                Ok(observed)
            } else {
                Err(format!("the stack {stack} is {}: {}", status.status, status.reason))
            }
        }
    ),
];
