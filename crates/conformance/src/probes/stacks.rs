//! The requests that CloudFormation sends to a custom resource, and how it reacts to the answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::probe::Needs::{RealAws, Stacks};
use crate::probe::{Probe, probe};
use crate::recorder::{Answer, Event, Operation, StackRun, sent_or_new_id};

const REQUESTS: &str =
    "CloudFormation User Guide, \"Custom resource request and response reference\"";
const RESPONSES: &str = "CloudFormation User Guide, \"Custom resource response objects\"";
const UPDATES: &str = "CloudFormation User Guide, \"Update behaviors of stack resources\"";
const POLICIES: &str = "CloudFormation Template Reference, \"DeletionPolicy attribute\"";
const NO_PAGE: &str = "no page";
const PRESIGNED: &str =
    "Amazon S3 User Guide, \"Sharing objects with presigned URLs\"; no page for CloudFormation's";

/// The resource `Thing` with this value.
fn thing(value: &str) -> Value {
    json!({"Thing": {"Properties": {"Value": value}}})
}

/// Two resources, of which the second depends on the first.
fn two(value: &str) -> Value {
    json!({
        "Thing": {"Properties": {"Value": value}},
        "Other": {"DependsOn": "Thing", "Properties": {"Value": value}},
    })
}

/// Answers SUCCESS with the physical id `one`.
fn succeed_as_one(_: &Event) -> Answer {
    Answer::Success("one")
}

/// Formats the requests and the stack's status.
fn format_requests(Operation { requests, status }: &Operation) -> String {
    let sent = if requests.is_empty() { "nothing".to_owned() } else { requests.join("; ") };
    format!("{sent} -> {}", status.status)
}

/// Like [`format_requests`], but sorts the requests after a failure, whose order is irrelevant.
fn format_rolled_back(operation: &Operation, first: usize) -> String {
    let mut operation = operation.clone();
    if let Some(after) = operation.requests.get_mut(first..) {
        after.sort();
    }
    format_requests(&operation)
}

pub(super) const PROBES: &[Probe] = &[
    probe!(
        "cloudformation/request",
        Page,
        Stacks,
        REQUESTS,
        "A Create has these fields, and every scalar in the properties is a string.",
        "LogicalResourceId RequestId RequestType ResourceProperties ResourceType ResponseURL ServiceToken StackId; \
         List: [\"1\",\"two\"]; Number: \"300\"; Truth: \"true\"; ServiceToken is also in the properties",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            let resources = json!({"Thing": {"Properties": {"Number": 300, "Truth": true, "List": [1, "two"]}}});
            let mut observed = String::new();
            run.deploy(&resources, &[], |event| {
                let fields: BTreeMap<&String, &Value> =
                    event.json.as_object().into_iter().flatten().collect();
                let names: Vec<&str> = fields.keys().map(|name| name.as_str()).collect();
                observed = names.join(" ");
                for name in ["List", "Number", "Truth"] {
                    let value = event
                        .json
                        .pointer(&format!("/ResourceProperties/{name}"))
                        .cloned()
                        .unwrap_or_default();
                    observed = format!("{observed}; {name}: {value}");
                }
                if !event.text("/ServiceToken").is_empty()
                    && event.text("/ServiceToken") == event.text("/ResourceProperties/ServiceToken")
                {
                    observed.push_str("; ServiceToken is also in the properties");
                }
                Answer::Success("one")
            })
            .await?;
            run.end().await?;
            Ok(observed)
        }
    ),
    probe!(
        "cloudformation/response-url",
        Guess,
        RealAws("a bucket of CloudFormation's name"),
        NO_PAGE,
        "The response URL leads to an S3 bucket named \
         cloudformation-custom-resource-response-<Region without hyphens>, has a date, and is \
         valid for two hours.",
        "https; the bucket is in the host; dated; 7200",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            let mut observed = String::new();
            run.deploy(&thing("a"), &[], |event| {
                let url = event.text("/ResponseURL");
                let host = url.split('/').nth(2).unwrap_or_default();
                let bucket = "cloudformation-custom-resource-response-";
                let query = |name: &str| {
                    let rest = url.split(&format!("{name}=")).nth(1)?;
                    Some(rest.split('&').next().unwrap_or_default().to_owned())
                };
                let scheme = url.split(':').next().unwrap_or_default();
                let place = if host.starts_with(bucket) {
                    "the bucket is in the host"
                } else {
                    "the bucket is elsewhere"
                };
                let dated = if query("X-Amz-Date").is_some() { "dated" } else { "not dated" };
                observed = format!(
                    "{scheme}; {place}; {dated}; {}",
                    query("X-Amz-Expires").unwrap_or_default()
                );
                Answer::Success("one")
            })
            .await?;
            run.end().await?;
            Ok(observed)
        }
    ),
    probe!(
        "s3/put",
        Guess,
        Stacks,
        PRESIGNED,
        "The response URL accepts a PUT without a content type, and refuses a PUT with a content \
         type, a PUT with another signature, and a GET.",
        "content type: 403 SignatureDoesNotMatch; other signature: 403 SignatureDoesNotMatch; GET: 403 SignatureDoesNotMatch; none: \
         200",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            run.begin(&thing("a"), &[]).await?;
            let event = run.first().await?;
            let body = event.document("SUCCESS", "one").to_string().into_bytes();
            let put = async |headers: &[(&str, &str)]| {
                run.recorder().put(&event, body.clone(), headers).await
            };
            let typed = put(&[("content-type", "application/json")]).await?;
            let url = event.text("/ResponseURL");
            let (head, signature) =
                url.rsplit_once("Signature=").ok_or("the URL has no signature")?;
            // A well-formed but wrong signature: its first character is another one.
            let first = if signature.starts_with('a') { 'b' } else { 'a' };
            let other: String = std::iter::once(first).chain(signature.chars().skip(1)).collect();
            let other = run
                .recorder()
                .send("PUT", &format!("{head}Signature={other}"), body.clone(), &[])
                .await?;
            let read = run.recorder().send("GET", url, Vec::new(), &[]).await?;
            let plain = put(&[]).await?;
            run.answer(succeed_as_one).await?;
            run.end().await?;
            Ok(format!(
                "content type: {typed}; other signature: {other}; GET: {read}; none: {plain}"
            ))
        }
    ),
    probe!(
        "cloudformation/first-answer",
        Guess,
        Stacks,
        NO_PAGE,
        "The first response counts; a later one changes nothing.",
        "200, 200; CREATE_COMPLETE; Delete Thing first: a -> GONE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            run.begin(&thing("a"), &[]).await?;
            let event = run.first().await?;
            let good = event.document("SUCCESS", "first").to_string().into_bytes();
            let good = run.recorder().put(&event, good, &[]).await?;
            let Operation { status, .. } = run.answer(succeed_as_one).await?;
            let bad = event.document("FAILED", "second").to_string().into_bytes();
            let bad = run.recorder().put(&event, bad, &[]).await?;
            let deleted = run.delete(succeed_as_one).await?;
            Ok(format!("{good}, {bad}; {}; {}", status.status, format_requests(&deleted)))
        }
    ),
    probe!(
        "cloudformation/answer-4096-bytes",
        Page,
        Stacks,
        RESPONSES,
        "A response has at most 4096 bytes; with one more, the Create fails, and its resource is \
         deleted by an id that CloudFormation invents.",
        "4096: Create Thing: a -> CREATE_COMPLETE; 4097: Create Thing: a; Delete Thing (invented): a -> ROLLBACK_COMPLETE",
        |cx| {
            let mut observed = Vec::new();
            for size in [4096, 4097] {
                let mut run = StackRun::new(cx).await?;
                let all = run
                    .deploy(&thing("a"), &[], |event| {
                        let mut document = event.document("SUCCESS", "one");
                        let missing =
                            size - document.to_string().len() - ",\"Data\":{\"Text\":\"\"}".len();
                        if let (Some(fields), "Create") = (document.as_object_mut(), event.what().0)
                        {
                            fields.insert("Data".into(), json!({"Text": "x".repeat(missing)}));
                        }
                        Answer::Document(document)
                    })
                    .await?;
                observed.push(format!("{size}: {}", format_requests(&all)));
                run.end().await?;
            }
            Ok(observed.join("; "))
        }
    ),
    probe!(
        "cloudformation/physical-id",
        Page,
        Stacks,
        RESPONSES,
        "A physical id has 1 to 1024 bytes.",
        "1024: CREATE_COMPLETE; 1025: ROLLBACK_COMPLETE; 0: ROLLBACK_COMPLETE",
        |cx| {
            let mut observed = Vec::new();
            for length in [1024, 1025, 0] {
                let mut run = StackRun::new(cx).await?;
                let id = "x".repeat(length);
                let Operation { status, .. } = run
                    .deploy(&thing("a"), &[], |event| {
                        let id = if event.what().0 == "Create" { &id } else { "one" };
                        Answer::Document(event.document("SUCCESS", id))
                    })
                    .await?;
                observed.push(format!("{length}: {}", status.status));
                run.end().await?;
            }
            Ok(observed.join("; "))
        }
    ),
    probe!(
        "cloudformation/create-failed",
        Guess,
        Stacks,
        NO_PAGE,
        "A Create that fails is followed by a Delete with the physical id of its response.",
        "Create Thing: a; Delete Thing made: a -> ROLLBACK_COMPLETE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            let all = run
                .deploy(&thing("a"), &[], |event| match event.what().0 {
                    "Create" => Answer::Failed("made"),
                    _ => Answer::Success("made"),
                })
                .await?;
            run.end().await?;
            Ok(format_requests(&all))
        }
    ),
    probe!(
        "cloudformation/no-answer",
        Guess,
        Stacks,
        "CloudFormation User Guide, \"Custom resource request and response reference\" (ServiceTimeout); no page for the Delete",
        "A Create without a response within ServiceTimeout fails, and is followed by a Delete with \
         a physical id of the form <stack>-<logical id>-....",
        "Create Thing: a; Delete Thing (invented): a -> ROLLBACK_COMPLETE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            let resources = json!({"Thing": {"Properties": {"Value": "a", "ServiceTimeout": 30}}});
            let all = run
                .deploy(&resources, &[], |event| match event.what().0 {
                    "Create" => Answer::Silence,
                    _ => Answer::Success("made"),
                })
                .await?;
            run.end().await?;
            Ok(format_requests(&all))
        }
    ),
    probe!(
        "cloudformation/update",
        Page,
        Stacks,
        UPDATES,
        "An Update has the physical id, the new properties and the old ones. If nothing changes, \
         nothing is sent.",
        "Create Thing: a -> CREATE_COMPLETE; Update Thing one: b from a -> UPDATE_COMPLETE; nothing -> UPDATE_COMPLETE; Delete Thing \
         one: b -> GONE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            let mut observed = Vec::new();
            for value in ["a", "b", "b"] {
                observed
                    .push(format_requests(&run.deploy(&thing(value), &[], succeed_as_one).await?));
            }
            observed.push(format_requests(&run.delete(succeed_as_one).await?));
            Ok(observed.join("; "))
        }
    ),
    probe!(
        "cloudformation/replacement",
        Page,
        Stacks,
        RESPONSES,
        "An Update whose response has another physical id is a replacement: a Delete with the old \
         id and the old properties follows.",
        "Update Thing one: b from a; Delete Thing one: a -> UPDATE_COMPLETE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            run.deploy(&thing("a"), &[], succeed_as_one).await?;
            let all = run
                .deploy(&thing("b"), &[], |event| match event.what().0 {
                    "Update" => Answer::Success("two"),
                    _ => Answer::Success("one"),
                })
                .await?;
            run.end().await?;
            Ok(format_requests(&all))
        }
    ),
    probe!(
        "cloudformation/rename",
        Page,
        Stacks,
        UPDATES,
        "Renaming a logical id causes a Create of the new one, and then a Delete of the old one.",
        "Create Renamed: a; Delete Thing one: a -> UPDATE_COMPLETE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            run.deploy(&thing("a"), &[], succeed_as_one).await?;
            let all = run
                .deploy(&json!({"Renamed": {"Properties": {"Value": "a"}}}), &[], succeed_as_one)
                .await?;
            run.end().await?;
            Ok(format_requests(&all))
        }
    ),
    probe!(
        "cloudformation/rollback",
        Guess,
        Stacks,
        NO_PAGE,
        "A rollback sends an Update with new and old properties swapped to each resource that was \
         updated, including the one that failed.",
        "Update Thing one: b from a; Update Other one: b from a; Update Other one: a from b; Update Thing one: a from b -> \
         UPDATE_ROLLBACK_COMPLETE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            run.deploy(&two("a"), &[], succeed_as_one).await?;
            let all = run
                .deploy(&two("b"), &[], |event| {
                    match (event.what(), event.text("/ResourceProperties/Value")) {
                        (("Update", "Other"), "b") => Answer::Failed("one"),
                        _ => Answer::Success("one"),
                    }
                })
                .await?;
            run.end().await?;
            Ok(format_rolled_back(&all, 2))
        }
    ),
    probe!(
        "cloudformation/rollback-of-replacement",
        Guess,
        Stacks,
        NO_PAGE,
        "A replacement is rolled back by an Update with the new physical id; if its response has \
         another id, a Delete of the new id follows.",
        "Update Thing one: b from a; Update Other one: b from a; Delete Thing two: b; Update Other one: a from b; Update Thing two: a \
         from b -> UPDATE_ROLLBACK_COMPLETE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            run.deploy(&two("a"), &[], succeed_as_one).await?;
            let all = run
                .deploy(&two("b"), &[], |event| {
                    match (event.what(), event.text("/ResourceProperties/Value")) {
                        (("Update", "Other"), "b") => Answer::Failed("one"),
                        (("Update", "Thing"), "b") | (("Delete", "Thing"), _) => {
                            Answer::Success("two")
                        }
                        _ => Answer::Success("one"),
                    }
                })
                .await?;
            run.end().await?;
            Ok(format_rolled_back(&all, 2))
        }
    ),
    probe!(
        "cloudformation/rename-rolled-back",
        Guess,
        Stacks,
        NO_PAGE,
        "The rollback of a rename deletes the new resource, and sends nothing to the old one.",
        "Create Renamed: a; Create Last: a; Delete Last last: a; Delete Renamed one: a -> UPDATE_ROLLBACK_COMPLETE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            run.deploy(&thing("a"), &[], succeed_as_one).await?;
            let resources = json!({
                "Renamed": {"Properties": {"Value": "a"}},
                "Last": {"DependsOn": "Renamed", "Properties": {"Value": "a"}},
            });
            let all = run
                .deploy(&resources, &[], |event| match event.what() {
                    ("Create", "Last") => Answer::Failed("last"),
                    (_, "Last") => Answer::Success("last"),
                    _ => Answer::Success("one"),
                })
                .await?;
            run.end().await?;
            Ok(format_rolled_back(&all, 2))
        }
    ),
    probe!(
        "cloudformation/delete-failed",
        Page,
        Stacks,
        "CloudFormation User Guide, \"Troubleshooting CloudFormation\" (Delete stack fails)",
        "A Delete that fails leaves the stack in DELETE_FAILED, and is sent again when the stack \
         is deleted again.",
        "Delete Thing one: a -> DELETE_FAILED; Delete Thing one: a -> GONE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            run.deploy(&thing("a"), &[], succeed_as_one).await?;
            let failed = run.delete(|_| Answer::Failed("one")).await?;
            Ok(format!(
                "{}; {}",
                format_requests(&failed),
                format_requests(&run.delete(succeed_as_one).await?)
            ))
        }
    ),
    probe!(
        "cloudformation/retain",
        Page,
        Stacks,
        POLICIES,
        "A resource with DeletionPolicy: Retain gets no Delete when its stack is deleted. If only \
         the policy changes, no Update is sent.",
        "nothing -> UPDATE_COMPLETE; nothing -> GONE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            run.deploy(&thing("a"), &[], succeed_as_one).await?;
            let resources =
                json!({"Thing": {"DeletionPolicy": "Retain", "Properties": {"Value": "a"}}});
            let changed = run.deploy(&resources, &[], succeed_as_one).await?;
            Ok(format!(
                "{}; {}",
                format_requests(&changed),
                format_requests(&run.delete(succeed_as_one).await?)
            ))
        }
    ),
    probe!(
        "cloudformation/cancelled-create",
        Guess,
        RealAws("a stack that is deleted while it is created"),
        NO_PAGE,
        "Deleting a stack while a Create is running sends a Delete with an invented id before the \
         Create has ended.",
        "Create Thing: a; Delete Thing (invented): a -> GONE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            run.begin(&thing("a"), &[]).await?;
            let event = run.first().await?;
            let mut operation = run
                .delete(|event| Answer::Document(event.document("SUCCESS", sent_or_new_id(event))))
                .await?;
            let (kind, logical_id) = event.what();
            operation.requests.insert(0, format!("{kind} {logical_id}: a"));
            Ok(format_requests(&operation))
        }
    ),
    probe!(
        "cloudformation/cancelled-update",
        Guess,
        RealAws("the cancelling of an update"),
        NO_PAGE,
        "Cancelling a stack update while an Update is running sends the reverse Update before the \
         first one has ended.",
        "Update Thing one: b from a; Update Thing one: a from b -> UPDATE_ROLLBACK_COMPLETE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            run.deploy(&thing("a"), &[], succeed_as_one).await?;
            run.begin(&thing("b"), &[]).await?;
            let event = run.first().await?;
            run.stack().command("cancel-update-stack", &[]).await?;
            let mut operation = run.answer(succeed_as_one).await?;
            let (kind, logical_id) = event.what();
            operation.requests.insert(0, format!("{kind} {logical_id} one: b from a"));
            let observed = format_requests(&operation);
            run.end().await?;
            Ok(observed)
        }
    ),
    probe!(
        "cloudformation/retried",
        Guess,
        RealAws("deployments without a rollback"),
        "CloudFormation User Guide, \"Choose how to handle failures when provisioning resources\"; no page for what is sent",
        "If a Create fails without a rollback, the next deployment deletes the resource by the id \
         of its response, and creates it again.",
        "Create Thing: a -> CREATE_FAILED; Create Thing: b; Delete Thing made: a -> UPDATE_COMPLETE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            let failed = run
                .deploy(&thing("a"), &["--disable-rollback"], |_| Answer::Failed("made"))
                .await?;
            let again = run.deploy(&thing("b"), &["--disable-rollback"], succeed_as_one).await?;
            let observed =
                format!("{}; {}", format_requests(&failed), format_rolled_back(&again, 0));
            run.end().await?;
            Ok(observed)
        }
    ),
    probe!(
        "cloudformation/service-token",
        Guess,
        RealAws("the rule about the ServiceToken"),
        NO_PAGE,
        "A change of a resource's ServiceToken fails the update, without a request to either \
         token.",
        "nothing -> UPDATE_ROLLBACK_COMPLETE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            run.deploy(&thing("a"), &[], succeed_as_one).await?;
            let account = &cx.env.child.id;
            let token = format!("arn:aws:sns:us-east-1:{account}:another-topic");
            let resources = json!({"Thing": {"Properties": {"Value": "a", "ServiceToken": token}}});
            let all = run.deploy(&resources, &[], succeed_as_one).await?;
            run.end().await?;
            Ok(format_requests(&all))
        }
    ),
    probe!(
        "cloudformation/refactoring",
        Guess,
        RealAws("stack refactoring"),
        "CloudFormation User Guide, \"Stack refactoring\"; no page for custom resources",
        "A stack refactoring that renames a custom resource sends nothing.",
        "EXECUTE_COMPLETE; nothing -> UPDATE_COMPLETE",
        |cx| {
            let mut run = StackRun::new(cx).await?;
            run.deploy(&thing("a"), &[], succeed_as_one).await?;
            let path = run.template(&json!({"Renamed": {"Properties": {"Value": "a"}}}))?;
            let body = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
            std::fs::remove_file(&path).map_err(|error| error.to_string())?;
            let definitions = json!([{"StackName": run.name, "TemplateBody": body}]).to_string();
            let mapping = json!([{
                "Source": {"StackName": run.name, "LogicalResourceId": "Thing"},
                "Destination": {"StackName": run.name, "LogicalResourceId": "Renamed"},
            }]);
            let mapping = mapping.to_string();
            let backend = &cx.env.backend;
            let side = crate::backend::Side::Child;
            let words =
                ["cloudformation", "create-stack-refactor", "--stack-definitions", &definitions];
            let words = [words.as_slice(), &["--resource-mappings", &mapping]].concat();
            let made: Value = parsed(&backend.aws(side, &words).await?)?;
            let id =
                made.get("StackRefactorId").and_then(Value::as_str).unwrap_or_default().to_owned();
            let refactor = async |verb: &str| {
                backend.aws(side, &["cloudformation", verb, "--stack-refactor-id", &id]).await
            };
            let mut state = String::new();
            for (verb, field) in [("", "Status"), ("execute-stack-refactor", "ExecutionStatus")] {
                if !verb.is_empty() {
                    refactor(verb).await?;
                }
                // At most ten minutes.
                for _ in 0..120 {
                    let described = parsed(&refactor("describe-stack-refactor").await?)?;
                    state =
                        described.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
                    if state.ends_with("COMPLETE") || state.ends_with("FAILED") {
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
                }
                if state.ends_with("FAILED") {
                    break;
                }
            }
            let observed =
                format!("{state}; {}", format_requests(&run.answer(succeed_as_one).await?));
            run.end().await?;
            Ok(observed)
        }
    ),
];

fn parsed(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}
