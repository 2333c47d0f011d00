//! The function's output: log lines in JSON with the fields of the request, and metrics.

use std::process::Command;

use custom_delegation::logging::EVENTS;
use sandbox::{BucketFault, Fault, FaultKind, Function as _};
use serde_json::{Value, json};
use test_support::NAME;
use tracing::Level;

use crate::lambda::fixture::{RuntimeFixture, Setting, assert_rolled_back};
use crate::program::BOOTSTRAP;

const METRICS: &str = "_aws";

/// Runs the requests of a stack that cause every log message, including warnings and failures;
/// returns its log lines.
async fn live(log_level: &'static str) -> (RuntimeFixture, Vec<Value>) {
    let fixture = RuntimeFixture::with(Setting { log_level, ..Setting::default() }).await;
    assert_rolled_back(&fixture.deploy("Delegation", json!({"TTL": "soon"})).await, "TTL");
    assert_rolled_back(
        &fixture.deploy("Delegation", json!({"ParentZoneName": "example.org"})).await,
        "is not in the parent zone",
    );
    assert!(fixture.deploy("Delegation", json!({})).await.is_complete());
    fixture.bucket.fault(BucketFault::Status(403), 3);
    assert_rolled_back(
        &fixture.deploy("Delegation", json!({"TTL": 60})).await,
        "did not receive a response",
    );
    assert!(fixture.stack.delete().await.is_complete());
    fixture.function.invoke(json!({"RequestType": "Create"})).await;
    let lines = fixture.function.logs();
    let object = |line: &String| match serde_json::from_str(line) {
        Ok(Value::Object(map)) => Value::Object(map),
        _ => panic!("{line} is not a JSON object"),
    };
    let lines: Vec<Value> = lines.iter().map(object).collect();
    lines.iter().filter(|line| !is_metrics(line)).for_each(assert_listed);
    (fixture, lines)
}

/// Asserts that the page of logging lists the event, with all of its fields.
fn assert_listed(line: &Value) {
    let of_all = ["timestamp", "level", "message", "name", "parent_zone_id"];
    let of_request = ["lambda_request_id", "request_id", "stack", "logical_id", "request_type"];
    let fields = fields_of(line);
    let unlisted = line.as_object().unwrap().keys().find(|key| {
        let key = key.as_str();
        !of_all.contains(&key) && !of_request.contains(&key) && !fields.contains(&key)
    });
    assert_eq!(unlisted, None, "{line}");
}

/// Returns the fields of the event of the line, as the page on logging lists them.
pub(crate) fn fields_of(line: &Value) -> &'static [&'static str] {
    let is_it = |event: &&(Level, &str, &[&str])| {
        line["message"] == event.1 && line["level"] == event.0.as_str()
    };
    EVENTS.iter().find(is_it).unwrap_or_else(|| panic!("{line} is not listed")).2
}

/// Returns the problem that a function with only these settings, which are wrong, logs before it
/// exits.
pub(crate) fn problem(settings: &[(&str, &str)]) -> String {
    let mut bootstrap = Command::new(BOOTSTRAP);
    // Lambda sets these; nothing listens at that port.
    let by_lambda = [
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"),
        ("AWS_LAMBDA_FUNCTION_NAME", "delegation"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    ];
    let settings = by_lambda.iter().chain(settings).copied();
    let output = bootstrap.env_clear().envs(settings).output().unwrap();
    assert!(!output.status.success() && output.stderr.is_empty(), "{output:?}");
    // The other lines are those of the Lambda runtime, whose API is missing.
    let line: Value =
        serde_json::from_slice(output.stdout.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!(
        (&line["level"], &line["message"]),
        (&json!("ERROR"), &json!("the settings are wrong"))
    );
    line["problem"].as_str().unwrap().to_owned()
}

fn is_metrics(line: &Value) -> bool {
    line.get(METRICS).is_some()
}

#[tokio::test]
async fn each_line_is_an_object_with_the_fields_of_its_request() {
    let (fixture, lines) = live("INFO").await;
    let events: Vec<&Value> = lines.iter().filter(|line| !is_metrics(line)).collect();
    assert!(events.len() > 20, "{}", events.len());
    for event in &events {
        for field in ["timestamp", "level", "message", "lambda_request_id"] {
            assert!(event[field].is_string(), "{field}: {event}");
        }
        if event["message"] == "this event can't be answered" {
            continue;
        }
        for field in ["request_id", "stack", "logical_id", "request_type"] {
            assert!(event[field].is_string(), "{field}: {event}");
        }
        // The name is that of the zone or missing, because "stats by name" counts zones.
        let name = event.get("name");
        assert!(name.is_none_or(|name| name == NAME || name == "example.org"), "{event}");
        assert_eq!(name.is_some(), event.get("parent_zone_id").is_some(), "{event}");
    }
    let of = |message: &str| {
        events.iter().filter(|event| event["message"] == message).collect::<Vec<_>>()
    };
    for event in [
        "the parent zone was changed",
        "the delegation is as desired",
        "nothing of this resource is left in the parent zone",
    ]
    .into_iter()
    .flat_map(of)
    .filter(|event| event["action"] != "NOTHING")
    {
        assert_eq!(
            (&event["name"], &event["parent_zone_id"]),
            (&json!(NAME), &json!(fixture.parent.id())),
            "{event}"
        );
        assert!(event["action"].is_string(), "{event}");
    }
    for event in of("the response was sent") {
        assert!(event["duration_ms"].is_u64() && event["status"].is_string(), "{event}");
        assert!(
            event["status"] == "Failed" || event["physical_id"].as_str().unwrap().contains('/'),
            "{event}"
        );
    }
    let failures: Vec<_> =
        of("the request failed").iter().map(|event| event["failure"].clone()).collect();
    assert_eq!(failures, ["input", "refused"], "each failure must be logged once");
    assert_eq!(
        (of("the response was not delivered").len(), of("this event can't be answered").len()),
        (3, 1)
    );
}

#[tokio::test]
async fn each_request_has_one_line_of_metrics() {
    let (_, lines) = live("INFO").await;
    let metrics: Vec<&Value> = lines.iter().filter(|line| is_metrics(line)).collect();
    let requests = lines.iter().filter(|line| line["message"] == "a request came").count();
    assert_eq!(metrics.len(), requests);
    for line in &metrics {
        assert!(line[METRICS]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000, "{line}");
        let directives = line[METRICS]["CloudWatchMetrics"].as_array().unwrap();
        for directive in directives {
            assert_eq!(directive["Namespace"], "CustomDelegation");
            for dimension in directive["Dimensions"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|set| set.as_array().unwrap())
            {
                assert!(line[dimension.as_str().unwrap()].is_string(), "{line}");
            }
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(
                    ["Count", "Milliseconds"].contains(&metric["Unit"].as_str().unwrap()),
                    "{line}"
                );
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{line}");
            }
        }
        for field in ["lambda_request_id", "request_id", "stack", "logical_id"] {
            assert!(line[field].is_string(), "{field}: {line}");
        }
    }
    let sum = |name: &str| metrics.iter().filter_map(|line| line[name].as_u64()).sum::<u64>();
    assert_eq!((sum("Failures"), sum("SignalFailures")), (2, 3));
}

#[tokio::test]
async fn at_level_error_only_errors_and_metrics_are_logged() {
    let (_, lines) = live("ERROR").await;
    let (metrics, events): (Vec<&Value>, Vec<&Value>) =
        lines.iter().partition(|line| is_metrics(line));
    assert!(metrics.len() > 5);
    assert!(events.iter().all(|event| event["level"] == "ERROR"), "{events:?}");
    assert!(events.iter().any(|event| event["message"] == "the request failed"));
}

/// The SDK retries by itself, and logs something about each attempt.
#[tokio::test]
async fn a_retry_that_succeeds_logs_no_error() {
    let fixture = RuntimeFixture::with(Setting { log_level: "TRACE", ..Setting::default() }).await;
    for (action, kind) in [
        ("AssumeRole", FaultKind::ResetBefore),
        ("GetHostedZone", FaultKind::Status(503)),
        ("ListResourceRecordSets", FaultKind::Throttle),
        ("ListResourceRecordSets", FaultKind::ResetAfter),
        ("ChangeResourceRecordSets", FaultKind::ResetAfter),
    ] {
        fixture.aws.fault(Fault::on(action).kind(kind));
    }
    assert!(fixture.deploy("Delegation", json!({})).await.is_complete());
    let lines = fixture.function.logs();
    let errors: Vec<_> = lines.iter().filter(|line| line.contains(r#""level":"ERROR""#)).collect();
    assert!(lines.len() > 5 && errors.is_empty(), "{errors:#?}");
}

#[test]
fn an_invalid_setting_is_one_log_line_at_the_start() {
    let problem = problem(&[("DELEGATION_PROPAGATION_WAIT", "soon")]);
    assert!(problem.contains("DELEGATION_PROPAGATION_WAIT"), "{problem}");
}

/// A forged event can be traced: to everybody who may publish to the topic, and by the message's id
/// to who did.
#[tokio::test]
async fn the_topic_and_id_of_a_notification_are_logged() {
    let fixture = RuntimeFixture::new().await;
    let sns = |message: &str, id: &str| {
        let topic = "arn:aws:sns:us-east-1:222222222222:delegation";
        let notification = json!({"Message": message, "TopicArn": topic, "MessageId": id});
        json!({"Records": [{"EventSource": "aws:sns", "Sns": notification}]})
    };
    let key = sandbox::ResponseKey {
        stack_id: "arn:aws:cloudformation:us-east-1:222222222222:stack/forged/1".into(),
        logical_id: "Delegation".into(),
        request_id: "forged".into(),
    };
    let request = json!({
        "RequestType": "Create",
        "ResponseURL": fixture.bucket.presign(&key),
        "StackId": key.stack_id,
        "RequestId": key.request_id,
        "LogicalResourceId": key.logical_id,
        "ResourceProperties": fixture.properties(json!({})),
    });
    fixture.function.invoke(sns(&request.to_string(), "message-1")).await;
    fixture.function.invoke(sns("{}", "message-2")).await;
    let lines = fixture.function.logs();
    for id in ["message-1", "message-2"] {
        let found = lines.iter().filter(|line| line.contains(id)).collect::<Vec<_>>();
        let leads = |line: &&String| line.contains("arn:aws:sns:us-east-1:222222222222:delegation");
        assert!(!found.is_empty() && found.iter().all(leads), "{id}: {lines:#?}");
    }
}
