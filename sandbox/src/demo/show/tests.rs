use std::time::UNIX_EPOCH;

use serde_json::json;

use super::*;
use crate::journal::Outcome;
use crate::route53::{Change, RecordSet};

const PLAIN: Style = Style::Plain;

fn event(kind: &str) -> Value {
    json!({
        "RequestType": kind,
        "StackId": "arn:aws:cloudformation:us-east-1:222222222222:stack/mine/51af3dc0",
        "LogicalResourceId": "Delegation",
        "PhysicalResourceId": "Z1/testing.example.com",
        "ResourceProperties": {"ServiceToken": "arn", "ParentExternalId": "secret", "TTL": "60", "NameServers": ["a", "b"]},
        "OldResourceProperties": {"ServiceToken": "old", "ParentExternalId": "other", "TTL": "300"},
    })
}

#[test]
fn a_create_shows_its_properties_without_the_external_id() {
    assert_eq!(
        request(&event("Create"), "create.json", PLAIN),
        [
            "Create Delegation  stack mine, events/create.json",
            "NameServers         [\"a\",\"b\"]",
            "ParentExternalId    (not shown)",
            "TTL                 60",
        ]
    );
}

#[test]
fn an_update_shows_what_changed() {
    let mut event = event("Update");
    event["OldResourceProperties"]["ParentExternalId"] = json!("secret");
    assert_eq!(
        request(&event, "update.json", PLAIN)[1..],
        [
            "PhysicalResourceId  Z1/testing.example.com",
            "NameServers         none -> [\"a\",\"b\"]",
            "TTL                 300 -> 60",
        ]
    );
    assert_eq!(
        request(&self::event("Delete"), "x", PLAIN)[1..],
        ["PhysicalResourceId  Z1/testing.example.com"]
    );
}

fn call(action: &str, status: u16, code: Option<&str>) -> Call {
    Call {
        seq: 1,
        at: UNIX_EPOCH,
        service: "route53",
        region: String::new(),
        action: action.to_owned(),
        account: "111111111111".to_owned(),
        principal: String::new(),
        zone: Some("Z1".to_owned()),
        summary: String::new(),
        changes: Vec::new(),
        comment: None,
        role_arn: None,
        outcome: Some(Outcome {
            status,
            code: code.map(str::to_owned),
            message: None,
            delivered: true,
        }),
        faults: Vec::new(),
    }
}

#[test]
fn calls_are_counted_and_failures_are_marked() {
    let record = RecordSet::new("t.example.com", "NS", 60, ["a."]);
    let change = |action| Change { action, record: record.clone() };
    let mut changed = call("ChangeResourceRecordSets", 200, None);
    changed.changes = vec![change(Action::Delete), change(Action::Create)];
    let mut assumed = call("AssumeRole", 200, None);
    (assumed.service, assumed.role_arn) =
        ("sts", Some("arn:aws:iam::111111111111:role/parent".to_owned()));
    let mut lost = call("GetHostedZone", 200, None);
    lost.outcome = None;
    let read = call("ListResourceRecordSets", 200, None);
    let made = [
        assumed,
        read.clone(),
        read,
        changed,
        call("GetHostedZone", 403, Some("AccessDenied")),
        lost,
    ];
    assert_eq!(
        calls(&made, PLAIN),
        [
            "111111111111  sts:AssumeRole                    111111111111:parent",
            "111111111111  route53:ListResourceRecordSets    Z1  (x2)",
            "111111111111  route53:ChangeResourceRecordSets  Z1 -NS +NS",
            "111111111111  route53:GetHostedZone             Z1  FAILED: AccessDenied",
            "111111111111  route53:GetHostedZone             Z1  FAILED: no response",
        ]
    );
    assert_eq!(calls(&[], PLAIN), ["none"]);
}

#[test]
fn an_answer_shows_its_fields() {
    let long = ["ns-1.example.net"; 8].join(",");
    let response = json!({
        "Status": "SUCCESS",
        "PhysicalResourceId": "Z1/x",
        "Data": {"Action": "CREATED", "Warning": "", "NameServers": long},
    });
    let lines = answer(&response, Duration::from_millis(7), PLAIN);
    assert_eq!(lines[0], "SUCCESS  after 7 ms");
    assert!(
        lines.contains(&"Action              CREATED".to_owned()) && lines.len() == 5,
        "{lines:#?}"
    );
    assert!(lines.iter().all(|line| line.len() <= ROOM));
    assert_eq!(status(&response), "SUCCESS CREATED");
    assert_eq!(
        (status(&Value::Null), answer(&Value::Null, Duration::ZERO, PLAIN).len()),
        ("no answer".into(), 1)
    );
}
