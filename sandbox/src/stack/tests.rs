//! Tests with a scripted function, whose responses are in its properties.

use std::sync::Mutex;

use futures::future::BoxFuture;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::function::Invocation;

/// Responds with the physical id in `Id` (by default `id-<logical id>`), with FAILED to the request
/// types in `Fail`, and so on.
#[derive(Default)]
struct Scripted {
    events: Mutex<Vec<Value>>,
}

async fn put(url: &str, body: &str) {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap());
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "PUT {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
}

impl Function for Scripted {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Invocation> {
        Box::pin(async move {
            let first = {
                let mut events = self.events.lock().unwrap();
                let first = !events.iter().any(|other| other["RequestId"] == event["RequestId"]);
                events.push(event.clone());
                first
            };
            let properties = &event["ResourceProperties"];
            let says = |key: &str| properties[key].as_str().map(str::to_owned);
            if says("Silent").is_some() || (first && says("SilentAtFirst").is_some()) {
                return Invocation::TimedOut;
            }
            let id = says("Id")
                .unwrap_or_else(|| format!("id-{}", event["LogicalResourceId"].as_str().unwrap()));
            let fails = says("Fail")
                .is_some_and(|kinds| kinds.contains(event["RequestType"].as_str().unwrap()));
            let id = if event["RequestType"] == "Create" || !fails {
                json!(id)
            } else {
                event["PhysicalResourceId"].clone()
            };
            let mut answer = json!({
                "Status": if fails { "FAILED" } else { "SUCCESS" },
                "Reason": "as told",
                "PhysicalResourceId": id,
                "StackId": event["StackId"],
                "RequestId": event["RequestId"],
                "LogicalResourceId": event["LogicalResourceId"],
                "Data": {"Long": "x".repeat(says("Long").map_or(0, |n| n.parse().unwrap()))},
            });
            if let Some(field) = says("Spoil") {
                answer[field] = json!("");
            }
            put(event["ResponseURL"].as_str().unwrap(), &answer.to_string()).await;
            Invocation::Returned(Value::Null)
        })
    }
}

async fn stack() -> (Arc<Scripted>, Stack) {
    let function = Arc::new(Scripted::default());
    let bucket = ResponseBucket::start().await.unwrap();
    let stack =
        Stack::new("s", "222222222222", &bucket, Arc::clone(&function) as Arc<dyn Function>);
    (function, stack)
}

fn template(resources: &[(&str, Value)]) -> Template {
    resources
        .iter()
        .map(|(logical_id, properties)| ((*logical_id).to_owned(), properties.clone()))
        .collect()
}

/// `Create a`, `Delete a id-a` and so on, of the requests so far.
fn requests(stack: &Stack) -> Vec<String> {
    let line = |event: StackEvent| {
        let failed = if event.failure.is_some() { " failed" } else { "" };
        format!("{} {} {}{failed}", event.request_type, event.logical_id, event.physical_id)
    };
    stack.history().into_iter().map(line).collect()
}

#[tokio::test]
async fn scalars_become_strings_and_only_changes_are_sent() {
    let (function, stack) = stack().await;
    let first = template(&[("A", json!({"TTL": 300, "Yes": true, "List": [1, {"Deep": false}]}))]);
    assert!(stack.deploy(&first).await.is_complete());
    assert!(stack.deploy(&first).await.is_complete());
    assert_eq!(requests(&stack), ["Create A id-A"]);
    let sent = function.events.lock().unwrap()[0].clone();
    let properties = &sent["ResourceProperties"];
    assert_eq!((&properties["TTL"], &properties["Yes"]), (&json!("300"), &json!("true")));
    assert_eq!(properties["List"], json!(["1", {"Deep": "false"}]));
    assert!(properties["ServiceToken"].is_string() && sent.get("PhysicalResourceId").is_none());
}

#[tokio::test]
async fn a_replacement_deletes_the_old_one_with_the_old_properties() {
    let (function, stack) = stack().await;
    stack.deploy(&template(&[("A", json!({"Id": "one"}))])).await;
    assert!(stack.deploy(&template(&[("A", json!({"Id": "two"}))])).await.is_complete());
    assert_eq!(requests(&stack), ["Create A one", "Update A two", "Delete A one"]);
    let events = function.events.lock().unwrap();
    assert_eq!(
        (&events[1]["PhysicalResourceId"], &events[1]["OldResourceProperties"]["Id"]),
        (&json!("one"), &json!("one"))
    );
    assert_eq!(events[2]["ResourceProperties"]["Id"], "one");
}

#[tokio::test]
async fn a_rename_creates_before_it_deletes() {
    let (_, stack) = stack().await;
    stack.deploy(&template(&[("B", json!({}))])).await;
    stack.deploy(&template(&[("A", json!({}))])).await;
    stack.deploy(&template(&[("C", json!({}))])).await;
    assert_eq!(
        requests(&stack),
        ["Create B id-B", "Create A id-A", "Delete B id-B", "Create C id-C", "Delete A id-A"]
    );
}

#[tokio::test]
async fn a_failed_update_is_reversed_with_its_old_id() {
    let (function, stack) = stack().await;
    stack.deploy(&template(&[("A", json!({"Id": "one"}))])).await;
    let outcome = stack.deploy(&template(&[("A", json!({"Id": "two", "Fail": "Update"}))])).await;
    assert_eq!(outcome, StackOutcome::RolledBack("as told".into()));
    assert_eq!(requests(&stack), ["Create A one", "Update A one failed", "Update A one"]);
    let events = function.events.lock().unwrap();
    assert_eq!(
        (&events[2]["ResourceProperties"]["Id"], &events[2]["OldResourceProperties"]["Id"]),
        (&json!("one"), &json!("two"))
    );
}

#[tokio::test]
async fn a_rollback_reverses_replacements_and_deletes_what_is_new() {
    let (_, stack) = stack().await;
    stack.deploy(&template(&[("A", json!({"Id": "one"}))])).await;
    stack.fail_after("B");
    let outcome = stack.deploy(&template(&[("A", json!({"Id": "two"})), ("B", json!({}))])).await;
    assert!(matches!(outcome, StackOutcome::RolledBack(_)));
    assert_eq!(
        requests(&stack)[1..],
        ["Update A two", "Create B id-B", "Update A one", "Delete B id-B", "Delete A two"]
    );
    assert_eq!(stack.resources().keys().collect::<Vec<_>>(), ["A"]);
}

#[tokio::test]
async fn a_failed_create_is_deleted_with_the_answered_id_or_an_invented_one() {
    let (_, stack) = stack().await;
    stack.deploy(&template(&[("A", json!({"Id": "mine", "Fail": "Create"}))])).await;
    stack.deploy(&template(&[("A", json!({"Silent": "yes"}))])).await;
    let requests = requests(&stack);
    assert_eq!(requests[..2], ["Create A mine failed", "Delete A mine"]);
    assert_eq!(requests[2], "Create A  failed");
    assert!(requests[3].starts_with("Delete A s-A-"), "{requests:?}");
}

#[tokio::test]
async fn a_failing_rollback_is_stuck() {
    let (_, stack) = stack().await;
    stack.deploy(&template(&[("A", json!({"Fail": "Update"}))])).await;
    assert!(matches!(
        stack.deploy(&template(&[("A", json!({"Fail": "Update", "x": 1}))])).await,
        StackOutcome::Stuck(_)
    ));
}

#[tokio::test]
async fn events_are_delivered_until_the_function_returns() {
    let (function, stack) = stack().await;
    assert!(stack.deploy(&template(&[("A", json!({"SilentAtFirst": "yes"}))])).await.is_complete());
    assert_eq!(function.events.lock().unwrap().len(), 2);
    let request_id = stack.history()[0].request_id.clone();
    assert!(matches!(stack.redeliver(&request_id).await, Some(Invocation::Returned(_))));
    let events = function.events.lock().unwrap();
    assert_eq!(events[2], events[0]);
}

#[tokio::test]
async fn answers_that_break_a_rule_fail_the_resource() {
    let (_, stack) = stack().await;
    for (properties, words) in [
        (json!({"Long": 5000}), "too long"),
        (json!({"Id": "x".repeat(1025)}), "PhysicalResourceId is too long"),
        (json!({"Spoil": "PhysicalResourceId"}), "Invalid PhysicalResourceId"),
        (json!({"Spoil": "Status"}), "Status"),
        (json!({"Spoil": "StackId"}), "StackId"),
        (json!({"Spoil": "RequestId"}), "RequestId"),
        (json!({"Spoil": "Reason", "Fail": "Create"}), "Reason"),
    ] {
        stack.deploy(&template(&[("A", properties.clone())])).await;
        let history = stack.history();
        let failure = history
            .iter()
            .rev()
            .find(|event| event.request_type == "Create")
            .unwrap()
            .failure
            .clone();
        assert!(
            failure.as_ref().is_some_and(|failure| failure.contains(words)),
            "{properties}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn a_cancelled_create_sends_a_delete_with_an_invented_id() {
    let (function, stack) = stack().await;
    let (created, deleted) = stack.cancel_create("A", &json!({"TTL": 1})).await;
    assert!(created.is_some() && deleted.is_some());
    let events = function.events.lock().unwrap();
    let delete = events.iter().find(|event| event["RequestType"] == "Delete").unwrap();
    assert!(delete["PhysicalResourceId"].as_str().unwrap().starts_with("s-A-"));
    assert_eq!(delete["ResourceProperties"]["TTL"], "1");
}

#[tokio::test]
async fn a_resource_that_is_forgotten_gets_no_request_and_can_be_declared_again() {
    let (function, stack) = stack().await;
    let declared = template(&[("A", json!({"Id": "one"}))]);
    stack.deploy(&declared).await;
    let resource = stack.detach("A").unwrap();
    assert_eq!((resource.physical_id.as_str(), stack.detach("A")), ("one", None));
    assert!(stack.delete().await.is_complete());
    assert_eq!(function.events.lock().unwrap().len(), 1);
    assert!(stack.deploy(&declared).await.is_complete());
    assert_eq!(requests(&stack), ["Create A one", "Create A one"]);
}

#[tokio::test]
async fn a_stack_that_is_made_again_is_empty_and_has_its_name_and_another_arn() {
    let (function, first) = stack().await;
    first.deploy(&template(&[("A", json!({}))])).await;
    let second = first.recreate();
    assert_eq!((second.name(), second.resources().len(), second.history().len()), ("s", 0, 0));
    let (one, other) =
        (first.stack_id().rsplit_once('/').unwrap(), second.stack_id().rsplit_once('/').unwrap());
    assert_eq!(one.0, other.0);
    assert_ne!(one.1, other.1);
    assert!(second.deploy(&template(&[("A", json!({}))])).await.is_complete());
    let events = function.events.lock().unwrap();
    assert_eq!(
        (&events[1]["RequestType"], &events[1]["StackId"]),
        (&json!("Create"), &json!(second.stack_id()))
    );
    assert_eq!(events[0]["ServiceToken"], events[1]["ServiceToken"]);
}

#[tokio::test]
async fn a_resource_moves_to_another_stack_without_a_request() {
    let (function, from) = stack().await;
    let bucket = ResponseBucket::start().await.unwrap();
    let to = Stack::new("t", "222222222222", &bucket, Arc::clone(&function) as Arc<dyn Function>);
    from.deploy(&template(&[("A", json!({"Id": "one", "TTL": 300}))])).await;
    let resource = from.detach("A").unwrap();
    assert!(to.attach("B", resource.clone()));
    assert!(!to.attach("B", Resource { physical_id: "another".into(), ..resource }));
    // The same template changes nothing, another one updates it under its new name.
    let declared = |ttl: u32| template(&[("B", json!({"Id": "one", "TTL": ttl}))]);
    assert!(to.deploy(&declared(300)).await.is_complete());
    assert_eq!(function.events.lock().unwrap().len(), 1);
    assert!(to.deploy(&declared(600)).await.is_complete());
    let events = function.events.lock().unwrap();
    let update = &events[1];
    assert_eq!(
        (&update["RequestType"], &update["LogicalResourceId"]),
        (&json!("Update"), &json!("B"))
    );
    assert_eq!(
        (&update["StackId"], &update["PhysicalResourceId"]),
        (&json!(to.stack_id()), &json!("one"))
    );
    assert_eq!(update["OldResourceProperties"]["TTL"], "300");
}
