//! An SNS-backed custom resource is the same request.

use serde_json::{Value, json};

use crate::world::{NAME, World};

/// What Lambda gets from SNS.
fn wrapped(message: &Value) -> Value {
    json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Type": "Notification", "Message": message}}]})
}

#[tokio::test]
async fn a_notification_is_answered_like_a_direct_event() {
    let world = World::new().await;
    let create = world.event("Create", json!({"ResourceProperties": world.properties(json!({}))}));
    let request_id = create["RequestId"].as_str().unwrap().to_owned();
    world.invoke(wrapped(&json!(create.to_string()))).await.unwrap();
    let answers = world.bucket.answers(&request_id);
    assert_eq!((answers.len(), &answers[0].json()["Status"]), (1, &json!("SUCCESS")));
    assert_eq!(world.delegated_to(), world.child_servers());

    let fields = json!({"PhysicalResourceId": world.id(), "ResourceProperties": world.properties(json!({}))});
    let delete = world.event("Delete", fields);
    world.invoke(wrapped(&json!(delete.to_string()))).await.unwrap();
    assert!(world.parent.record(NAME, "NS").is_none());
}

#[tokio::test]
async fn notifications_that_are_no_request_are_errors_towards_lambda() {
    let world = World::new().await;
    let create = world.event("Create", json!({"ResourceProperties": world.properties(json!({}))}));
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
        world.invoke(event).await.unwrap_err();
    }
    assert_eq!((world.actions(), world.bucket.puts().len()), (vec![], 0));
}
