//! A custom resource backed by an SNS topic, which sends the same request in a notification.

use serde_json::{Value, json};

use test_support::{Fixture, NAME};

/// Returns the event that Lambda gets from SNS for a message.
fn wrapped(message: &Value) -> Value {
    json!({
        "Records": [{"EventSource": "aws:sns", "Sns": {"Type": "Notification", "Message": message}}],
    })
}

#[tokio::test(start_paused = true)]
async fn a_notification_is_answered_like_a_direct_event() {
    let fixture = Fixture::new().await;
    let create =
        fixture.event("Create", json!({"ResourceProperties": fixture.properties(json!({}))}));
    let request_id = create["RequestId"].as_str().unwrap().to_owned();
    fixture.invoke(wrapped(&json!(create.to_string()))).await.unwrap();
    let answers = fixture.bucket.answers(&request_id);
    assert_eq!((answers.len(), &answers[0].json()["Status"]), (1, &json!("SUCCESS")));
    assert_eq!(fixture.delegated_to(), fixture.child_servers());

    let fields = json!({
        "PhysicalResourceId": fixture.id(),
        "ResourceProperties": fixture.properties(json!({})),
    });
    let delete = fixture.event("Delete", fields);
    fixture.invoke(wrapped(&json!(delete.to_string()))).await.unwrap();
    assert!(fixture.parent.record(NAME, "NS").is_none());
}

#[tokio::test(start_paused = true)]
async fn notifications_without_a_request_are_errors_of_the_invocation() {
    let fixture = Fixture::new().await;
    let create =
        fixture.event("Create", json!({"ResourceProperties": fixture.properties(json!({}))}));
    let one = wrapped(&json!(create.to_string()))["Records"][0].clone();
    for event in [
        wrapped(&Value::Null),
        wrapped(&json!("no JSON")),
        wrapped(&json!("{}")),
        wrapped(&create),
        json!({"Records": []}),
        json!({"Records": [one, one]}),
        json!({"Records": [{"s3": {}}]}),
    ] {
        fixture.invoke(event).await.unwrap_err();
    }
    assert_eq!((fixture.actions(), fixture.bucket.puts().len()), (vec![], 0));
}
