use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::cfn::response::{self, Response, Status};
use crate::error::Code;

/// The response URL without its signature.
const URL: &str = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x";

fn event() -> Value {
    json!({
        "RequestType": "Create",
        "ResponseURL": format!("{URL}?X-Amz-Signature=s"),
        "StackId": "arn:aws:cloudformation:us-east-1:222222222222:stack/s/1",
        "RequestId": "r",
        "LogicalResourceId": "Delegation",
        "ResourceProperties": {"ServiceToken": "t"},
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut event = event();
    event[field] = value;
    event
}

fn read_event(event: &Value) -> Result<Event, EnvelopeError> {
    parse(&event.to_string(), AcceptedHosts { region: Some("us-east-1"), local_hosts: &[] })
}

fn request_of(event: &Value) -> Result<Request, EnvelopeError> {
    read_event(event).unwrap().request
}

#[test]
fn a_direct_event_and_one_in_a_notification_are_the_same_request() {
    let text = event().to_string();
    let direct = unwrap(&text).unwrap();
    assert_eq!((&*direct.text, direct.notification), (&*text, None));
    let sns = json!({"Message": text, "TopicArn": "arn:aws:sns:us-east-1:1:t", "MessageId": "m"});
    let wrapped = json!({"Records": [{"EventSource": "aws:sns", "Sns": sns}]}).to_string();
    let wrapped = unwrap(&wrapped).unwrap();
    assert_eq!(&*wrapped.text, text);
    let notification = wrapped.notification.unwrap();
    assert_eq!((&*notification.topic, &*notification.id), ("arn:aws:sns:us-east-1:1:t", "m"));
}

#[test]
fn debug_output_has_no_secrets() {
    let secrets = ["the-signature", "the-external-id"];
    let signed = format!("{URL}?X-Amz-Signature=the-signature");
    let mut event = with("ResponseURL", json!(signed));
    event["ResourceProperties"]["ParentExternalId"] = json!("the-external-id");
    event["OldResourceProperties"] = event["ResourceProperties"].clone();
    let text = event.to_string();
    let shown = format!("{:?} {:?}", unwrap(&text).unwrap(), read_event(&event).unwrap());
    for secret in secrets {
        assert!(text.contains(secret) && !shown.contains(secret), "{secret}");
    }
}

#[test]
fn an_event_with_other_than_one_notification_is_rejected() {
    let record = json!({"Sns": {"Message": "{}"}});
    for records in [
        json!([]),
        json!([record, record]),
        json!([{"Sns": {"Message": 1}}]),
        json!([{}]),
        json!({}),
        json!("x"),
    ] {
        let text = json!({"Records": records}).to_string();
        assert_eq!(unwrap(&text).unwrap_err(), EnvelopeError::Message, "{text}");
    }
    let hello = json!({"Records": [{"Sns": {"Message": "hello"}}]}).to_string();
    let message = unwrap(&hello).unwrap();
    let accepted = AcceptedHosts { region: Some("us-east-1"), local_hosts: &[] };
    assert_eq!(parse(&message.text, accepted).unwrap_err(), EnvelopeError::NoObject);
}

#[test]
fn every_field_of_the_target_is_required() {
    assert!(read_event(&event()).is_ok());
    for field in ["StackId", "RequestId", "LogicalResourceId"] {
        for bad in [Value::Null, json!(""), json!(1), json!({})] {
            assert_eq!(read_event(&with(field, bad)).unwrap_err(), EnvelopeError::Field(field));
        }
    }
    for bad in [json!(null), json!([]), json!(["a", "b"]), json!("x"), json!(1)] {
        assert_eq!(read_event(&bad).unwrap_err(), EnvelopeError::NoObject);
    }
    assert_eq!(read_event(&json!({})).unwrap_err(), EnvelopeError::Field("ResponseURL"));
}

#[test]
fn a_request_without_a_url_has_its_own_error() {
    // As the CDK's current and earlier Provider frameworks send it.
    assert_eq!(
        read_event(&with("ResponseURL", json!("..."))).unwrap_err(),
        EnvelopeError::NoResponseUrl
    );
    let mut event = event();
    event.as_object_mut().unwrap().remove("ResponseURL");
    assert_eq!(read_event(&event).unwrap_err(), EnvelopeError::NoResponseUrl);
}

#[test]
fn a_request_with_a_duplicate_field_can_still_be_answered() {
    let accepted = AcceptedHosts { region: Some("us-east-1"), local_hosts: &[] };
    let twice =
        |field: &str| event().to_string().replacen('{', &format!("{{\"{field}\":\"Delete\","), 1);
    for field in ["RequestType", "ResourceProperties"] {
        let event = parse(&twice(field), accepted).unwrap();
        assert_eq!(event.request.unwrap_err(), EnvelopeError::Twice, "{field}");
    }
    // A duplicate of these fields makes the target ambiguous.
    for field in ["ResponseURL", "StackId", "RequestId", "LogicalResourceId"] {
        assert_eq!(parse(&twice(field), accepted).unwrap_err(), EnvelopeError::NoObject, "{field}");
    }
    assert!(
        parse(&twice("ServiceToken"), accepted).unwrap().request.is_ok(),
        "the field is not used"
    );
}

#[test]
fn a_property_that_is_there_twice_is_taken_from_neither() {
    let accepted = AcceptedHosts { region: Some("us-east-1"), local_hosts: &[] };
    let with_text = |field: &str, text: &str| {
        with(field, json!("PLACE")).to_string().replace("\"PLACE\"", text)
    };
    for twice in [r#"{"TTL":"1","DomainName":"a","TTL":"1"}"#, r#"{"TTL":"1","\u0054TL":"2"}"#] {
        let event = parse(&with_text("ResourceProperties", twice), accepted).unwrap();
        let request = event.request.unwrap();
        let error = request.unreadable.unwrap();
        assert!(error.to_string().contains("a property is given twice"), "{error}");
        assert!(request.properties.is_string(), "nothing is taken from them");
        let event = parse(&with_text("OldResourceProperties", twice), accepted).unwrap();
        assert!(event.request.unwrap().old_properties.is_string());
    }
    // Objects inside a property are not read.
    let nested = r#"{"Trigger":{"a":1,"a":2}}"#;
    let event = parse(&with_text("ResourceProperties", nested), accepted).unwrap();
    assert!(event.request.unwrap().unreadable.is_none());
}

/// CloudFormation does not accept longer responses.
#[test]
fn a_response_fits_with_ids_of_any_allowed_length() {
    let fill = |text: &str, most: usize| json!(text.repeat(most / encoded(text)));
    for text in ["x", "\"", "\u{e9}", "\u{1}", "\u{1f600}"] {
        let mut event = event();
        event["RequestType"] = json!("Update");
        event["RequestId"] = fill(text, LONGEST_ID);
        event["LogicalResourceId"] = fill(text, LONGEST_ID);
        let stack = event["StackId"].as_str().unwrap().to_owned();
        let room = LONGEST_ID - stack.len();
        event["StackId"] = json!(format!("{stack}{}", fill(text, room).as_str().unwrap()));
        let id = fill(text, LONGEST_PHYSICAL_ID).as_str().unwrap().to_owned();
        let id: String = id.chars().take(physical_id::MAX / text.len()).collect();
        event["PhysicalResourceId"] = json!(id);
        let Event { target, physical_id, .. } = read_event(&event).unwrap();
        let response = Response {
            status: Status::Failed,
            physical_id: physical_id.unwrap(),
            reason: "because ".repeat(1000),
            code: "access-denied",
            data: BTreeMap::new(),
        };
        let body = response.body(&target, &"s".repeat(100));
        assert!(body.len() <= response::MAX, "{text:?}: {}", body.len());
    }
}

#[test]
fn an_incomplete_request_is_an_error_that_names_the_field() {
    assert_eq!(request_of(&event()).unwrap().kind, RequestType::Create);
    let unknown = request_of(&with("RequestType", json!("Adopt"))).unwrap_err();
    assert_eq!(unknown, EnvelopeError::RequestType("Adopt".into()));
    assert_eq!(
        request_of(&with("RequestType", json!(null))).unwrap_err(),
        EnvelopeError::Field("RequestType")
    );
    let delete = request_of(&with("RequestType", json!("Delete"))).unwrap_err();
    assert_eq!(delete, EnvelopeError::Field("PhysicalResourceId"));
    assert_eq!(request_of(&with("ResourceProperties", json!(7))).unwrap().properties, json!(7));
}

#[test]
fn ids_longer_than_cloudformation_s_are_rejected() {
    let long = |length: usize| json!("x".repeat(length));
    for (field, most) in
        [("RequestId", LONGEST_ID), ("LogicalResourceId", LONGEST_ID), ("PhysicalResourceId", 1024)]
    {
        assert!(read_event(&with(field, long(most))).is_ok(), "{field}");
        let error = read_event(&with(field, long(most + 1))).unwrap_err();
        assert_eq!(error, EnvelopeError::TooLong { field, bytes: most + 1, most });
    }
    for (field, most) in [("StackId", LONGEST_ID), ("ResponseURL", LONGEST_URL)] {
        let error = read_event(&with(field, long(5_800_000))).unwrap_err();
        assert_eq!(error, EnvelopeError::TooLong { field, bytes: 5_800_000, most });
        assert!(error.to_string().len() < 200);
    }
}

#[test]
fn a_request_with_unreadable_properties_can_still_be_answered() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let large = format!("[{}0]", "0,".repeat(3_000_000));
    let objects = format!("[{}0]", "{\"\":0},".repeat(100_000));
    let number = "1e999".to_owned();
    let with_text = |field: &str, text: &str| {
        let event = with(field, json!("PLACE")).to_string();
        event.replace("\"PLACE\"", text)
    };
    let accepted = AcceptedHosts { region: Some("us-east-1"), local_hosts: &[] };
    for text in [&deep, &large, &objects, &number] {
        let event = parse(&with_text("ResourceProperties", text), accepted).unwrap();
        let request = event.request.unwrap();
        let error = request.unreadable.unwrap();
        assert_eq!(error.code(), Code::UnreadableProperties);
        assert!(error.to_string().len() < 300, "{error}");
        assert!(request.properties.is_string(), "no value is taken from them");
        // Old properties are only compared.
        let event = parse(&with_text("OldResourceProperties", text), accepted).unwrap();
        let request = event.request.unwrap();
        assert!(request.unreadable.is_none() && request.old_properties.is_string());
        // Unknown fields are ignored.
        assert!(parse(&with_text("Unknown", text), accepted).unwrap().request.is_ok());
    }
}

/// Each item takes much more memory than its text, and a string takes no more.
#[test]
fn the_items_of_properties_are_bounded_but_not_the_length_of_a_string() {
    for (text, items) in [
        ("7", 0),
        ("{}", 1),
        (r#"{"a":[0,0],"b":{}}"#, 5),
        (r#"[{"":0},{"":0}]"#, 4),
        (r#"{"a\"[{,":"\\","b":",[\\\"{,"}"#, 2),
    ] {
        assert_eq!(count_items(text), items, "{text}");
    }
    let with_trigger = |trigger: Value| json!({"ServiceToken": "t", "Trigger": trigger});
    // The object itself has two items.
    for (zeros, fits) in [(MAX_ITEMS - 2, true), (MAX_ITEMS - 1, false)] {
        let properties = with_trigger(json!(vec![0; zeros]));
        let request = request_of(&with("ResourceProperties", properties)).unwrap();
        assert_eq!(request.unreadable.is_none(), fits, "{zeros}");
        if let Some(error) = request.unreadable {
            assert_eq!(error, EnvelopeError::TooManyItems(MAX_ITEMS + 1));
            assert!(error.to_string().contains("20001 items"), "{error}");
        }
    }
    let script = with_trigger(json!("{[\"a\",".repeat(100_000)));
    assert!(request_of(&with("ResourceProperties", script)).unwrap().unreadable.is_none());
}

#[test]
fn errors_do_not_contain_the_url() {
    let error =
        read_event(&with("ResponseURL", json!("http://evil.example/?X-Amz-Signature=secret")))
            .unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
    let event = read_event(&with(
        "ResponseURL",
        json!(format!("{}secret", event()["ResponseURL"].as_str().unwrap())),
    ));
    assert!(!format!("{:?}", event.unwrap()).contains("secret"));
}
