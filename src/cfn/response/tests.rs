use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::cfn::response_url::{AcceptedHosts, ResponseUrl};

fn target() -> Target {
    let url = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x\
               ?X-Amz-Signature=secret";
    let stack_id = "arn:aws:cloudformation:us-east-1:222222222222:stack/s/1";
    Target {
        url: ResponseUrl::parse(
            url,
            stack_id,
            AcceptedHosts { region: Some("us-east-1"), local_hosts: &[] },
        )
        .unwrap(),
        stack_id: stack_id.into(),
        request_id: "r".into(),
        logical_id: "Delegation".into(),
    }
}

fn failed(reason: &str) -> Response {
    Response {
        status: Status::Failed,
        physical_id: "unresolved/r".into(),
        reason: reason.into(),
        code: "",
        data: BTreeMap::new(),
    }
}

#[test]
fn the_body_has_cloudformation_s_fields() {
    let mut response = failed("");
    response.status = Status::Success;
    response.data.insert("Action", "CREATED".into());
    let body: Value = serde_json::from_str(&response.body(&target(), "log")).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "Status": "SUCCESS",
            "PhysicalResourceId": "unresolved/r",
            "StackId": "arn:aws:cloudformation:us-east-1:222222222222:stack/s/1",
            "RequestId": "r",
            "LogicalResourceId": "Delegation",
            "Data": {"Action": "CREATED"},
        })
    );
}

#[test]
fn a_long_reason_is_cut_and_refers_to_the_log() {
    let body: Value =
        serde_json::from_str(&failed(&"head ".repeat(3000)).body(&target(), "2026/[1]x")).unwrap();
    let reason = body["Reason"].as_str().unwrap();
    assert!(reason.starts_with("head head"));
    assert!(reason.ends_with("… (more in log stream 2026/[1]x)"));
}

#[test]
fn a_reason_always_ends_with_its_code() {
    for (reason, pointer) in
        [("short".to_owned(), ""), ("head ".repeat(3000), "… (more in log stream log)")]
    {
        let response = Response { code: "access-denied", ..failed(&reason) };
        let body: Value = serde_json::from_str(&response.body(&target(), "log")).unwrap();
        let reason = body["Reason"].as_str().unwrap();
        assert!(reason.ends_with(&format!("{pointer} [access-denied]")), "{reason}");
        assert_eq!(reason.matches('[').count(), 1, "{reason}");
    }
}

#[test]
fn text_is_shortened_before_attributes_that_templates_use() {
    let mut response = failed("");
    response.data.insert("NameServers", "n".repeat(2500));
    response.data.insert("Warning", "w".repeat(3000));
    response.data.insert("Verification", "v".repeat(3000));
    let body = response.body(&target(), "log");
    assert!(body.len() <= MAX);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["Data"]["NameServers"].as_str().unwrap().len(), 2500);
    assert!(body["Data"]["Warning"].as_str().unwrap().starts_with('w'));
    assert!(body["Data"]["Verification"].as_str().unwrap().starts_with('v'));
}

proptest! {
    #[test]
    fn no_response_is_too_long(
        reason in "[\\PC\"\\\\\n\u{1}]{0,6000}",
        warning in "[\\PC\"\\\\\n\u{1}]{0,6000}",
        servers in "[a-z,.]{0,3000}",
    ) {
        let mut response = failed(&reason);
        response.data.insert("Warning", warning.clone());
        response.data.insert("NameServers", servers);
        let body = response.body(&target(), "log");
        prop_assert!(body.len() <= MAX, "{} bytes", body.len());
        let body: Value = serde_json::from_str(&body).unwrap();
        let data = &body["Data"];
        prop_assert!(data["Warning"].is_string() && data["NameServers"].is_string());
    }

    #[test]
    fn a_response_that_fits_is_not_shortened(reason in "\\PC{1,500}") {
        let body: Value = serde_json::from_str(&failed(&reason).body(&target(), "log")).unwrap();
        prop_assert_eq!(body["Reason"].as_str().unwrap(), reason);
    }
}
