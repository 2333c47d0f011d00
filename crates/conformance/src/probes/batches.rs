//! Change batches: what is accepted, and how the rest is refused.

use std::time::{Duration, Instant};

use aws_sdk_route53::error::ProvideErrorMetadata as _;
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;
use aws_sdk_route53::types::{ChangeAction, ChangeStatus, ResourceRecord};
use futures_util::future::join_all;

use crate::context::{change, create, delete, error_text, refused, set, set_with_ttl, upsert};
use crate::probe::Needs::Api;
use crate::probe::{Probe, probe};

const CHANGE: &str = "Route 53 API Reference, ChangeResourceRecordSets";
const CHANGE_NO_WORDS: &str =
    "Route 53 API Reference, ChangeResourceRecordSets; the words: no page";
const QUOTAS: &str = "Route 53 Developer Guide, \"Quotas\"; the words: no page";
const GET_CHANGE: &str = "Route 53 API Reference, GetChange";
const NO_PAGE: &str = "no page";
const ADDRESS: &str = "192.0.2.1";
const OTHER_ADDRESS: &str = "192.0.2.2";

pub(super) const PROBES: &[Probe] = &[
    probe!(
        "route53/create-existing",
        Wording,
        Api,
        CHANGE_NO_WORDS,
        "A CREATE of a record set that exists is refused, even with the same values.",
        "400 InvalidChangeBatch: [Tried to create resource record set [name='a.create-existing.example.com.', type='A'] but it \
         already exists]",
        |cx| {
            let one = set(&cx.name("a"), "A", &[ADDRESS]);
            cx.change_or_fail([create(one.clone())]).await?;
            Ok(cx.change([create(one)]).await)
        }
    ),
    probe!(
        "route53/delete-missing",
        Wording,
        Api,
        CHANGE_NO_WORDS,
        "A DELETE of a record set that does not exist is refused.",
        "400 InvalidChangeBatch: [Tried to delete resource record set [name='a.delete-missing.example.com.', type='A'] but it \
         was not found]",
        |cx| Ok(cx.change([delete(set(&cx.name("a"), "A", &[ADDRESS]))]).await)
    ),
    probe!(
        "route53/delete-other-values",
        Wording,
        Api,
        CHANGE_NO_WORDS,
        "A DELETE with other values than those that exist is refused.",
        "400 InvalidChangeBatch: [Tried to delete resource record set [name='a.delete-other-values.example.com.', type='A'] but \
         the values provided do not match the current values]",
        |cx| {
            cx.change_or_fail([create(set(&cx.name("a"), "A", &[ADDRESS]))]).await?;
            Ok(cx.change([delete(set(&cx.name("a"), "A", &[OTHER_ADDRESS]))]).await)
        }
    ),
    probe!(
        "route53/delete-some-values",
        Wording,
        Api,
        CHANGE_NO_WORDS,
        "A DELETE with some of the values is refused.",
        "400 InvalidChangeBatch: [Tried to delete resource record set [name='a.delete-some-values.example.com.', type='A'] but \
         the values provided do not match the current values]",
        |cx| {
            cx.change_or_fail([create(set(&cx.name("a"), "A", &[ADDRESS, OTHER_ADDRESS]))]).await?;
            Ok(cx.change([delete(set(&cx.name("a"), "A", &[ADDRESS]))]).await)
        }
    ),
    probe!(
        "route53/delete-other-ttl",
        Wording,
        Api,
        CHANGE_NO_WORDS,
        "A DELETE with another TTL is refused.",
        "400 InvalidChangeBatch: [Tried to delete resource record set [name='a.delete-other-ttl.example.com.', type='A'] but the \
         values provided do not match the current values]",
        |cx| {
            cx.change_or_fail([create(set(&cx.name("a"), "A", &[ADDRESS]))]).await?;
            Ok(cx.change([delete(set_with_ttl(301, &cx.name("a"), "A", &[ADDRESS]))]).await)
        }
    ),
    probe!(
        "route53/delete-other-order",
        Guess,
        Api,
        NO_PAGE,
        "The order of the values of a DELETE does not matter.",
        "accepted",
        |cx| {
            cx.change_or_fail([create(set(&cx.name("a"), "A", &[ADDRESS, OTHER_ADDRESS]))]).await?;
            Ok(cx.change([delete(set(&cx.name("a"), "A", &[OTHER_ADDRESS, ADDRESS]))]).await)
        }
    ),
    probe!(
        "route53/delete-other-dot",
        Guess,
        Api,
        NO_PAGE,
        "A DELETE whose NS values lack the trailing dot of the existing ones is refused: values \
         are compared as text.",
        "400 InvalidChangeBatch: [Tried to delete resource record set [name='a.delete-other-dot.example.com.', type='NS'] but \
         the values provided do not match the current values]",
        |cx| {
            cx.change_or_fail([create(set(&cx.name("a"), "NS", &["ns.example.net."]))]).await?;
            Ok(cx.change([delete(set(&cx.name("a"), "NS", &["ns.example.net"]))]).await)
        }
    ),
    probe!(
        "route53/delete-other-case",
        Guess,
        Api,
        NO_PAGE,
        "A DELETE whose NS values differ in case from the existing ones is refused.",
        "400 InvalidChangeBatch: [Tried to delete resource record set [name='a.delete-other-case.example.com.', type='NS'] but \
         the values provided do not match the current values]",
        |cx| {
            cx.change_or_fail([create(set(&cx.name("a"), "NS", &["ns.example.net."]))]).await?;
            Ok(cx.change([delete(set(&cx.name("a"), "NS", &["NS.example.net."]))]).await)
        }
    ),
    probe!(
        "route53/delete-as-listed",
        Page,
        Api,
        CHANGE,
        "A DELETE of a record set exactly as it is listed is accepted, even with TXT values of \
         several strings or with escapes, and with NS values in any case.",
        "listed as given; accepted",
        |cx| {
            let given = [
                set(&cx.name("a"), "TXT", &[r#""a\134b" "c\"d""#, r#""\303\244""#]),
                set(&cx.name("b"), "NS", &["NS.Example.net", "ns.example.org."]),
            ];
            cx.change_or_fail(given.clone().map(create)).await?;
            let listed = cx.listed().await?;
            let mut as_given: Vec<String> = given
                .iter()
                .map(|set| {
                    let values = set
                        .resource_records()
                        .iter()
                        .map(ResourceRecord::value)
                        .collect::<Vec<_>>()
                        .join(" ");
                    format!("{}. {} 300 {values}", set.name(), set.r#type().as_str())
                })
                .collect();
            as_given.sort();
            let same = if listed == as_given {
                "listed as given".to_owned()
            } else {
                format!("listed: {}", listed.join("; "))
            };
            let zone = &cx.env.zone.id;
            let call = cx.env.parent.route53.list_resource_record_sets().hosted_zone_id(zone);
            let page = call
                .start_record_name(cx.domain())
                .send()
                .await
                .map_err(|error| error_text(&error))?;
            let own = format!(".{}.", cx.domain());
            let sets =
                page.resource_record_sets.into_iter().filter(|set| set.name().ends_with(&own));
            Ok(format!("{same}; {}", cx.change(sets.map(delete)).await))
        }
    ),
    probe!(
        "route53/batch-whole-or-not",
        Page,
        Api,
        CHANGE,
        "If one change of a batch is refused, none of them is carried out.",
        "refused; listed: a",
        |cx| {
            cx.change_or_fail([create(set(&cx.name("a"), "A", &[ADDRESS]))]).await?;
            let both = [
                create(set(&cx.name("b"), "A", &[ADDRESS])),
                create(set(&cx.name("a"), "A", &[OTHER_ADDRESS])),
            ];
            let answer = refused(cx.change(both).await);
            Ok(format!("{answer}; listed: {}", cx.listed_labels().await?))
        }
    ),
    probe!(
        "route53/batch-all-reasons",
        Wording,
        Api,
        CHANGE_NO_WORDS,
        "The error of a refused batch names every invalid change, in the error's message.",
        "400 InvalidChangeBatch: [Tried to create resource record set [name='a.batch-all-reasons.example.com.', type='A'] but it \
         already exists, Tried to delete resource record set [name='b.batch-all-reasons.example.com.', type='A'] but it was not \
         found]",
        |cx| {
            cx.change_or_fail([create(set(&cx.name("a"), "A", &[ADDRESS]))]).await?;
            Ok(cx
                .change([
                    create(set(&cx.name("a"), "A", &[OTHER_ADDRESS])),
                    delete(set(&cx.name("b"), "A", &[ADDRESS])),
                ])
                .await)
        }
    ),
    probe!(
        "route53/batch-messages-of-the-sdk",
        Guess,
        Api,
        NO_PAGE,
        "In the SDK, the text of InvalidChangeBatch is in message(), and messages() is empty.",
        "message: yes; messages: 0",
        |cx| {
            let batch = aws_sdk_route53::types::ChangeBatch::builder();
            let batch = batch.changes(delete(set(&cx.name("a"), "A", &[ADDRESS]))).build();
            let batch = batch.map_err(|error| error.to_string())?;
            let client = &cx.env.parent.route53;
            let call = client
                .change_resource_record_sets()
                .hosted_zone_id(&cx.env.zone.id)
                .change_batch(batch);
            let error = call.send().await.err().ok_or("accepted")?.into_service_error();
            let message = if error.message().is_some_and(|message| !message.is_empty()) {
                "yes"
            } else {
                "no"
            };
            let ChangeResourceRecordSetsError::InvalidChangeBatch(error) = error else {
                return Err(error.to_string());
            };
            Ok(format!("message: {message}; messages: {}", error.messages().len()))
        }
    ),
    probe!(
        "route53/batch-delete-then-create",
        Page,
        Api,
        CHANGE,
        "A batch may delete a record set and create it again with other values.",
        "accepted; a.batch-delete-then-create.example.com. A 300 192.0.2.2",
        |cx| {
            let one = set(&cx.name("a"), "A", &[ADDRESS]);
            cx.change_or_fail([create(one.clone())]).await?;
            let answer =
                cx.change([delete(one), create(set(&cx.name("a"), "A", &[OTHER_ADDRESS]))]).await;
            Ok(format!("{answer}; {}", cx.listed().await?.join("; ")))
        }
    ),
    probe!(
        "route53/batch-create-then-delete",
        Guess,
        Api,
        NO_PAGE,
        "A batch that creates a record set and then deletes it is refused.",
        "400 InvalidChangeBatch: [The request contains an invalid set of changes for a resource record set 'A \
         a.batch-create-then-delete.example.com.']",
        |cx| {
            let one = set(&cx.name("a"), "A", &[ADDRESS]);
            Ok(cx.change([create(one.clone()), delete(one)]).await)
        }
    ),
    probe!(
        "route53/batch-twice",
        Wording,
        Api,
        CHANGE_NO_WORDS,
        "A batch that deletes a record set twice is refused.",
        "400 InvalidChangeBatch: [The request contains an invalid set of changes for a resource record set 'A \
         a.batch-twice.example.com.']",
        |cx| {
            let one = set(&cx.name("a"), "A", &[ADDRESS]);
            cx.change_or_fail([create(one.clone())]).await?;
            Ok(cx.change([delete(one.clone()), delete(one)]).await)
        }
    ),
    probe!(
        "route53/upsert",
        Page,
        Api,
        CHANGE,
        "An UPSERT creates a record set, or replaces it whatever its values are.",
        "accepted; accepted; a.upsert.example.com. A 300 192.0.2.2",
        |cx| {
            let first = cx.change([upsert(set(&cx.name("a"), "A", &[ADDRESS]))]).await;
            let second = cx.change([upsert(set(&cx.name("a"), "A", &[OTHER_ADDRESS]))]).await;
            Ok(format!("{first}; {second}; {}", cx.listed().await?.join("; ")))
        }
    ),
    probe!(
        "route53/batch-empty",
        Wording,
        Api,
        CHANGE_NO_WORDS,
        "A batch without changes is refused.",
        "400 InvalidInput: 1 validation error detected: Value '[]' at 'changeBatch.changes' failed to satisfy constraint: Member \
         must have length greater than or equal to 1",
        |cx| Ok(cx.change([]).await)
    ),
    probe!(
        "route53/batch-unknown-action",
        Wording,
        Api,
        CHANGE_NO_WORDS,
        "A change with an action that does not exist is refused.",
        "400 InvalidInput: 1 validation error detected: Value 'REPLACE' at 'changeBatch.changes.1.member.action' failed to \
         satisfy constraint: Member must satisfy enum value set: [CREATE, DELETE, UPSERT]",
        |cx| Ok(cx
            .change([change(ChangeAction::from("REPLACE"), set(&cx.name("a"), "A", &[ADDRESS]))])
            .await)
    ),
    probe!(
        "route53/batch-outside",
        Wording,
        Api,
        CHANGE_NO_WORDS,
        "A record set outside the zone is refused.",
        "400 InvalidChangeBatch: [RRSet with DNS name a.elsewhere.test. is not permitted in zone example.com.]",
        |cx| Ok(cx.change([create(set("a.elsewhere.test", "A", &[ADDRESS]))]).await)
    ),
    probe!(
        "route53/batch-thousand-values",
        Wording,
        Api,
        QUOTAS,
        "A batch may have at most 1,000 values.",
        "accepted; 400 InvalidChangeBatch: [Number of records limit of 1000 exceeded.]",
        |cx| {
            let sets = |label: char, count: usize| {
                let cx = cx.clone();
                (0..count)
                    .map(move |n| create(set(&cx.name(&format!("{label}{n}")), "A", &[ADDRESS])))
                    .collect::<Vec<_>>()
            };
            let most = cx.change(sets('a', 1000)).await;
            Ok(format!("{most}; {}", cx.change(sets('b', 1001)).await))
        }
    ),
    probe!(
        "route53/batch-32000-characters",
        Wording,
        Api,
        QUOTAS,
        "The values of a batch may have at most 32,000 characters; those of an UPSERT count twice.",
        "accepted; 400 InvalidChangeBatch: [Number of characters limit of 32000 exceeded.]; 400 InvalidChangeBatch: [Number of \
         characters limit of 32000 exceeded.]",
        |cx| {
            // A value of `length` characters, including its quotes. The number makes each value
            // unique; 160 values of 200 characters are exactly 32,000.
            let value = |n: usize, length: usize| {
                let mut text = format!("{n:03}");
                text.extend(std::iter::repeat_n('x', length - 3 - 2));
                format!("\"{text}\"")
            };
            let values = |count: usize, length: usize| {
                (0..count).map(|n| value(n, length)).collect::<Vec<_>>()
            };
            let record = |label: &str, values: &[String]| {
                set(&cx.name(label), "TXT", &values.iter().map(String::as_str).collect::<Vec<_>>())
            };
            let most = cx.change([create(record("a", &values(160, 200)))]).await;
            let more = cx
                .change([
                    create(record("b", &values(159, 200))),
                    create(record("c", &values(1, 201))),
                ])
                .await;
            let twice = cx.change([upsert(record("d", &values(81, 200)))]).await;
            Ok(format!("{most}; {more}; {twice}"))
        }
    ),
    probe!(
        "route53/set-400-values",
        Wording,
        Api,
        QUOTAS,
        "A record set may have at most 400 values.",
        "accepted; refused",
        |cx| {
            let values = |count: usize| (0..count).map(|n| format!("\"{n}\"")).collect::<Vec<_>>();
            let record = |label: &str, values: &[String]| {
                set(&cx.name(label), "TXT", &values.iter().map(String::as_str).collect::<Vec<_>>())
            };
            let most = cx.change([create(record("a", &values(400)))]).await;
            let more = refused(cx.change([create(record("b", &values(401)))]).await);
            Ok(format!("{most}; {more}"))
        }
    ),
    probe!(
        "route53/batch-comment",
        Wording,
        Api,
        CHANGE_NO_WORDS,
        "The comment of a batch may have at most 256 characters.",
        "accepted; 400 InvalidInput",
        |cx| {
            let mut observed = Vec::new();
            for (label, length) in [("a", 256), ("b", 257)] {
                let batch =
                    aws_sdk_route53::types::ChangeBatch::builder().comment("x".repeat(length));
                let batch = batch.changes(create(set(&cx.name(label), "A", &[ADDRESS]))).build();
                let batch = batch.map_err(|error| error.to_string())?;
                let client = &cx.env.parent.route53;
                let call = client
                    .change_resource_record_sets()
                    .hosted_zone_id(&cx.env.zone.id)
                    .change_batch(batch);
                observed.push(
                    call.send()
                        .await
                        .map_or_else(|error| error_text(&error), |_| "accepted".to_owned()),
                );
            }
            Ok(observed
                .iter()
                .map(|answer| answer.split(": ").next().unwrap_or_default())
                .collect::<Vec<_>>()
                .join("; "))
        }
    ),
    probe!(
        "route53/change-pending",
        Page,
        Api,
        GET_CHANGE,
        "A change is PENDING when it is accepted, and a listing shows it at once.",
        "PENDING; listed: a",
        |cx| {
            let info = cx.change_or_fail([create(set(&cx.name("a"), "A", &[ADDRESS]))]).await?;
            Ok(format!("{}; listed: {}", info.status().as_str(), cx.listed_labels().await?))
        }
    ),
    probe!(
        "route53/change-insync",
        Page,
        Api,
        "Route 53 Developer Guide, \"Editing records\"",
        "A change is INSYNC within 60 seconds.",
        "INSYNC within 60 s",
        |cx| {
            let info = cx.change_or_fail([create(set(&cx.name("a"), "A", &[ADDRESS]))]).await?;
            let since = Instant::now();
            let id = info.id().trim_start_matches("/change/");
            for _ in 0..100 {
                let call = cx.env.parent.route53.get_change().id(id);
                let answer = call.send().await.map_err(|error| error_text(&error))?;
                if answer.change_info().is_some_and(|info| *info.status() == ChangeStatus::Insync) {
                    let took = since.elapsed().as_secs();
                    // How fast a local AWS is depends on the machine.
                    return Ok(if took <= 60 || cx.env.backend.is_local() {
                        "INSYNC within 60 s".into()
                    } else {
                        format!("INSYNC after {took} s")
                    });
                }
                if !cx.env.backend.is_local() {
                    tokio::time::sleep(Duration::from_secs(3)).await;
                }
            }
            Ok(format!("PENDING after {} s", since.elapsed().as_secs()))
        }
    ),
    probe!(
        "route53/change-unknown",
        Wording,
        Api,
        "Route 53 API Reference, GetChange; the words: no page",
        "GetChange of an id that does not exist fails.",
        "404 NoSuchChange: Could not find resource with ID: C0UNKNOWNEXAMPLE",
        |cx| {
            let answer = cx.env.parent.route53.get_change().id("C0UNKNOWNEXAMPLE").send().await;
            Ok(answer.map_or_else(|error| error_text(&error), |_| "found".to_owned()))
        }
    ),
    probe!(
        "route53/changes-at-once",
        Guess,
        Api,
        "Route 53 API Reference, ChangeResourceRecordSets (PriorRequestNotComplete); no page",
        "Each of many simultaneous changes of one zone is accepted, or refused with 400 \
         PriorRequestNotComplete or 400 Throttling.",
        "as expected",
        |cx| {
            let client = cx.env.parent.route53_without_retries();
            let batches = (0..20).map(|n| {
                cx.send(&client, [create(set(&cx.name(&format!("a{n}")), "A", &[ADDRESS]))])
            });
            let answer = join_all(batches.collect::<Vec<_>>()).await;
            let strange = answer.into_iter().filter_map(Result::err).find(|answer| {
                !answer.starts_with("400 PriorRequestNotComplete")
                    && !answer.starts_with("400 Throttling")
            });
            Ok(strange.unwrap_or_else(|| "as expected".to_owned()))
        }
    ),
    probe!(
        "route53/throttling",
        Guess,
        Api,
        "Route 53 Developer Guide, \"Quotas\"; the code and the words: no page",
        "More requests than the quota are refused with the code Throttling and status 400.",
        "400 Throttling: Rate exceeded",
        |cx| {
            let client = cx.env.parent.route53_without_retries();
            cx.env.backend.start_throttling();
            let zone = &cx.env.zone.id;
            let calls = (0..150).map(|_| async {
                client.get_hosted_zone().id(zone).send().await.map_err(|error| error_text(&error))
            });
            let answer = join_all(calls.collect::<Vec<_>>()).await;
            cx.env.backend.stop_throttling();
            if !cx.env.backend.is_local() {
                // The next probes start with a full bucket again.
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
            Ok(answer
                .into_iter()
                .find_map(Result::err)
                .unwrap_or_else(|| "150 requests at once were answered".to_owned()))
        }
    ),
];
