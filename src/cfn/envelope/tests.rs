use serde_json::json;

use super::*;

fn event() -> Value {
    json!({
        "RequestType": "Create",
        "ResponseURL": "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x?X-Amz-Signature=s",
        "StackId": "arn:aws:cloudformation:us-east-1:222222222222:stack/s/1",
        "RequestId": "r",
        "LogicalResourceId": "Delegation",
        "ResourceProperties": {"ServiceToken": "t"},
    })
}

#[test]
fn a_direct_event_and_one_in_a_notification_are_the_same_request() {
    let wrapped = json!({"Records": [{"Sns": {"Message": event().to_string()}}]});
    assert_eq!(unwrap(wrapped).unwrap(), event());
    assert_eq!(unwrap(event()).unwrap(), event());
    assert_eq!(unwrap(json!({"Records": [{"Sns": {"Message": "hello"}}]})), Err(EnvelopeError::Message));
    assert_eq!(unwrap(json!({"Records": [{"Sns": {"Message": 1}}]})), Err(EnvelopeError::Message));
}

#[test]
fn each_field_of_the_target_is_needed() {
    assert!(target(&event(), &[]).is_ok());
    for field in ["ResponseURL", "StackId", "RequestId", "LogicalResourceId"] {
        for bad in [Value::Null, json!(""), json!(1), json!({})] {
            let mut event = event();
            event[field] = bad;
            assert_eq!(target(&event, &[]).unwrap_err(), EnvelopeError::Field(field));
        }
    }
    for bad in [json!(null), json!([]), json!("x"), json!(1)] {
        assert_eq!(target(&bad, &[]).unwrap_err(), EnvelopeError::Field("ResponseURL"));
    }
}

#[test]
fn requests_say_what_is_missing() {
    assert_eq!(request(&event()).unwrap().kind, Kind::Create);
    let with = |field: &str, value: Value| {
        let mut event = event();
        event[field] = value;
        event
    };
    assert_eq!(request(&with("RequestType", json!("Adopt"))).unwrap_err(), EnvelopeError::RequestType("Adopt".into()));
    assert_eq!(request(&with("RequestType", json!(null))).unwrap_err(), EnvelopeError::Field("RequestType"));
    assert_eq!(request(&with("RequestType", json!("Delete"))).unwrap_err(), EnvelopeError::Field("PhysicalResourceId"));
    assert_eq!(request(&with("ResourceProperties", json!(7))).unwrap().properties, json!(7));
}

#[test]
fn errors_do_not_show_the_url() {
    let mut event = event();
    event["ResponseURL"] = json!("http://evil.example/?X-Amz-Signature=secret");
    let error = target(&event, &[]).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
    event["ResponseURL"] = json!("https://cloudformation-custom-resource-response-x.s3.amazonaws.com/?s=secret");
    assert!(!format!("{:?}", target(&event, &[])).contains("secret"));
}
