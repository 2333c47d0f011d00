//! Listings: order, start and pages.

use aws_sdk_route53::types::{HostedZone, RrType};

use crate::context::{create, error_text, set};
use crate::probe::Needs::Api;
use crate::probe::{Probe, probe};

const LIST: &str = "Route 53 API Reference, ListResourceRecordSets";
const BY_NAME: &str = "Route 53 API Reference, ListHostedZonesByName";
const LIST_NO_WORDS: &str = "Route 53 API Reference, ListResourceRecordSets; the words: no page";
const ADDRESS: &str = "192.0.2.1";

pub(super) const PROBES: &[Probe] = &[
    probe!(
        "route53/list-order",
        Page,
        Api,
        LIST,
        "Record sets are listed in the order of reversed labels, including the dots: a name before \
         those below it, `a-b` before `a`, escapes by their bytes.",
        r"\041 \052 _z a-b a b.a c.b.a b za",
        |cx| {
            let labels = ["b", "za", "a", "c.b.a", "b.a", "a-b", "_z", "*", "!"];
            cx.change_or_fail(labels.map(|label| create(set(&cx.name(label), "A", &[ADDRESS]))))
                .await?;
            cx.listed_labels().await
        }
    ),
    probe!(
        "route53/list-types",
        Page,
        Api,
        LIST,
        "The record sets of one name are listed by type.",
        "A AAAA MX NS TXT",
        |cx| {
            let name = cx.name("a");
            let sets = [
                ("TXT", "\"a\""),
                ("NS", "ns.example.net."),
                ("A", ADDRESS),
                ("MX", "10 mail.example.net."),
                ("AAAA", "2001:db8::1"),
            ];
            cx.change_or_fail(sets.map(|(rtype, value)| create(set(&name, rtype, &[value]))))
                .await?;
            let lines = cx.listed().await?;
            Ok(lines.iter().filter_map(|line| line.split(' ').nth(1)).collect::<Vec<_>>().join(" "))
        }
    ),
    probe!(
        "route53/list-start",
        Page,
        Api,
        LIST,
        "A start is not a filter: the listing starts with the first record set at or after it, and \
         goes on.",
        "b.list-start.example.com. A, c.list-start.example.com. A; TXT of b, c: c.list-start.example.com. A",
        |cx| {
            cx.change_or_fail(
                ["a", "c"].map(|label| create(set(&cx.name(label), "A", &[ADDRESS]))),
            )
            .await?;
            cx.change_or_fail([create(set(&cx.name("b"), "A", &[ADDRESS]))]).await?;
            let client = &cx.env.parent.route53;
            let list = || client.list_resource_record_sets().hosted_zone_id(&cx.env.zone.id);
            let names = |page: &aws_sdk_route53::operation::list_resource_record_sets::ListResourceRecordSetsOutput,
                         most: usize| {
                let sets = page.resource_record_sets().iter().take(most);
                sets.map(|set| format!("{} {}", set.name(), set.r#type().as_str())).collect::<Vec<_>>().join(", ")
            };
            let page = list()
                .start_record_name(cx.name("aa"))
                .send()
                .await
                .map_err(|error| error_text(&error))?;
            let next =
                list().start_record_name(cx.name("b")).start_record_type(RrType::Txt).send().await;
            let next = next.map_err(|error| error_text(&error))?;
            Ok(format!("{}; TXT of b, c: {}", names(&page, 2), names(&next, 1)))
        }
    ),
    probe!(
        "route53/list-type-needs-name",
        Wording,
        Api,
        LIST,
        "A listing that starts at a type without a name is refused.",
        "400 InvalidInput",
        |cx| {
            let call =
                cx.env.parent.route53.list_resource_record_sets().hosted_zone_id(&cx.env.zone.id);
            let answer = call.start_record_type(RrType::Ns).send().await;
            let answer = answer.map_or_else(|error| error_text(&error), |_| "listed".to_owned());
            Ok(answer.split(": ").next().unwrap_or_default().to_owned())
        }
    ),
    probe!(
        "route53/list-pages",
        Page,
        Api,
        LIST,
        "A page names the next record set by name and type, if there is one.",
        "a.list-pages.example.com. A; more: b.list-pages.example.com. TXT",
        |cx| {
            cx.change_or_fail([
                create(set(&cx.name("a"), "A", &[ADDRESS])),
                create(set(&cx.name("b"), "TXT", &["\"a\""])),
            ])
            .await?;
            let call =
                cx.env.parent.route53.list_resource_record_sets().hosted_zone_id(&cx.env.zone.id);
            let page = call
                .start_record_name(cx.domain())
                .max_items(1)
                .send()
                .await
                .map_err(|error| error_text(&error))?;
            let first = page
                .resource_record_sets()
                .first()
                .map(|set| format!("{} {}", set.name(), set.r#type().as_str()));
            let next = page.next_record_type().map(RrType::as_str).unwrap_or_default();
            let more = if page.is_truncated() { "more" } else { "no more" };
            Ok(format!(
                "{}; {more}: {} {next}",
                first.unwrap_or_default(),
                page.next_record_name().unwrap_or_default()
            ))
        }
    ),
    probe!(
        "route53/list-300",
        Page,
        Api,
        LIST,
        "A page has at most 300 record sets, whatever page size is requested.",
        "300 of 301",
        |cx| {
            let sets =
                (0..301).map(|n| create(set(&cx.name(&format!("a{n:03}")), "A", &[ADDRESS])));
            cx.change_or_fail(sets.collect::<Vec<_>>()).await?;
            let call =
                cx.env.parent.route53.list_resource_record_sets().hosted_zone_id(&cx.env.zone.id);
            let page = call
                .start_record_name(cx.domain())
                .max_items(1000)
                .send()
                .await
                .map_err(|error| error_text(&error))?;
            Ok(format!("{} of 301", page.resource_record_sets().len()))
        }
    ),
    probe!(
        "route53/list-no-items",
        Wording,
        Api,
        LIST_NO_WORDS,
        "A listing with a page size of zero is refused.",
        "400 InvalidInput: 1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: Member must have \
         value greater than or equal to 1",
        |cx| {
            let call =
                cx.env.parent.route53.list_resource_record_sets().hosted_zone_id(&cx.env.zone.id);
            let answer = call.max_items(0).send().await;
            Ok(answer.map_or_else(
                |error| error_text(&error),
                |page| format!("{} record sets", page.resource_record_sets().len()),
            ))
        }
    ),
    probe!(
        "route53/list-zones-by-name",
        Page,
        Api,
        BY_NAME,
        "The listing starts at the name, is in the order of reversed labels, and continues with \
         names after it.",
        "a-b.list-zones-by-name.example.com. a.list-zones-by-name.example.com. b.a.list-zones-by-name.example.com.",
        |cx| {
            for label in ["b.a", "a", "a-b"] {
                cx.env.make_zone(&cx.env.parent, &cx.name(label), "").await?;
            }
            let call = cx.env.parent.route53.list_hosted_zones_by_name().dns_name(cx.domain());
            let page = call.send().await.map_err(|error| error_text(&error))?;
            Ok(page
                .hosted_zones()
                .iter()
                .take(3)
                .map(HostedZone::name)
                .collect::<Vec<_>>()
                .join(" "))
        }
    ),
    probe!(
        "route53/list-zones-of-one-name",
        Page,
        Api,
        BY_NAME,
        "Several hosted zones may have the same name. A page with one of them identifies the next \
         by name and id.",
        "a.list-zones-of-one-name.example.com. 2 ids; more: a.list-zones-of-one-name.example.com. the other",
        |cx| {
            let name = cx.name("a");
            let zones = [
                cx.env.make_zone(&cx.env.parent, &name, "one").await?,
                cx.env.make_zone(&cx.env.parent, &name, "two").await?,
            ];
            let list =
                || cx.env.parent.route53.list_hosted_zones_by_name().dns_name(&name).max_items(1);
            let first = list().send().await.map_err(|error| error_text(&error))?;
            let bare = |id: &str| id.trim_start_matches("/hostedzone/").to_owned();
            let next = first.next_hosted_zone_id().map(bare).unwrap_or_default();
            let second =
                list().hosted_zone_id(&next).send().await.map_err(|error| error_text(&error))?;
            let mut ids: Vec<String> = [&first, &second]
                .iter()
                .flat_map(|page| page.hosted_zones())
                .map(|zone| bare(zone.id()))
                .collect();
            let listed =
                first.hosted_zones().first().map(|zone| zone.name().to_owned()).unwrap_or_default();
            let other = if ids.last() == Some(&next) { "the other" } else { "another" };
            ids.sort();
            ids.dedup();
            ids.retain(|id| zones.iter().any(|zone| zone.id == *id));
            let more = if first.is_truncated() { "more" } else { "no more" };
            Ok(format!(
                "{listed} {} ids; {more}: {} {other}",
                ids.len(),
                first.next_dns_name().unwrap_or_default()
            ))
        }
    ),
    probe!(
        "route53/list-zones-id-needs-name",
        Wording,
        Api,
        BY_NAME,
        "A listing of hosted zones that starts at an id without a name is refused.",
        "400 InvalidInput",
        |cx| {
            let call =
                cx.env.parent.route53.list_hosted_zones_by_name().hosted_zone_id(&cx.env.zone.id);
            let answer =
                call.send().await.map_or_else(|error| error_text(&error), |_| "listed".to_owned());
            Ok(answer.split(": ").next().unwrap_or_default().to_owned())
        }
    ),
    probe!(
        "route53/list-zones-marker",
        Wording,
        Api,
        "Route 53 API Reference, ListHostedZones; the words: no page",
        "A listing of hosted zones that starts at an id which does not exist is refused.",
        "404 NoSuchHostedZone: No hosted zone found with ID: Z0UNKNOWNEXAMPLE",
        |cx| {
            let answer =
                cx.env.parent.route53.list_hosted_zones().marker("Z0UNKNOWNEXAMPLE").send().await;
            Ok(answer.map_or_else(|error| error_text(&error), |_| "listed".to_owned()))
        }
    ),
];
