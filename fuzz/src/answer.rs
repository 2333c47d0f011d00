//! Responses to CloudFormation.

use std::collections::BTreeMap;

use custom_delegation::cfn::envelope::Target;
use custom_delegation::cfn::response::{self, ATTRIBUTES, Response, Status};
use custom_delegation::cfn::response_url::{AcceptedHosts, ResponseUrl};
use serde_json::{Map, Value, json};

use super::{REGION, URL};

/// The error code of a failure.
const CODE: &str = "access-denied";
const STACK: &str = "arn:aws:cloudformation:us-east-1:222222222222:stack/s/1";

/// Builds a response from strings that are cut from the bytes. It must be valid JSON of at most
/// 4096 bytes with every attribute, and each string must be complete or end in the pointer to the
/// log.
pub fn answer(data: &[u8]) {
    let (head, body) = data.split_at(data.len().min(8));
    let text = String::from_utf8_lossy(body).into_owned();
    // Each string repeats the bytes this often, so a few bytes give a long response.
    let times = |n: usize| usize::from(head.get(n).copied().unwrap_or_default());
    let failed = !times(0).is_multiple_of(2);
    let long = |n: usize| text.repeat(times(n)).chars().take(8_000).collect::<String>();
    let accepted = AcceptedHosts { region: Some(REGION), local_hosts: &[] };
    let Ok(url) = ResponseUrl::parse(URL, STACK, accepted) else { panic!("a response URL") };
    // The ARN of a stack, ids and names are bounded by CloudFormation (CloudFormation API
    // Reference).
    let short = |text: &str, bytes: usize| {
        let mut used = 0;
        let fits = |c: &char| {
            used += json!(c.to_string()).to_string().len() - 2;
            used <= bytes
        };
        text.chars().take_while(fits).collect::<String>()
    };
    let target = Target {
        url,
        stack_id: short(&long(1), 300),
        request_id: short(&long(2), 64),
        logical_id: short(&long(3), 255),
    };
    let mut attributes = BTreeMap::new();
    if !failed {
        for (index, attribute) in ATTRIBUTES.into_iter().enumerate() {
            // Only messages are of any length; names and lists of names are bounded.
            let text = match attribute {
                "Warning" => long(4),
                "Verification" => long(5),
                _ => short(&long(6), 40 * index),
            };
            attributes.insert(attribute, text);
        }
    }
    let response = Response {
        status: if failed { Status::Failed } else { Status::Success },
        physical_id: format!("Z1/{}", short(&long(7), 1000)),
        reason: if failed { long(4) } else { String::new() },
        code: if failed { CODE } else { "" },
        data: attributes,
    };
    let log_stream = "2026/11/25/[$LATEST]0123456789abcdef0123456789abcdef";
    let sent = response.clone().body(&target, log_stream);
    assert!(sent.len() <= response::MAX, "{} bytes", sent.len());
    let read: Map<String, Value> =
        serde_json::from_str(&sent).unwrap_or_else(|error| panic!("{error}: {sent}"));
    assert_eq!(read["PhysicalResourceId"], json!(response.physical_id));
    assert_eq!(read["StackId"], json!(target.stack_id));
    assert_eq!(read["RequestId"], json!(target.request_id));
    assert_eq!(read["LogicalResourceId"], json!(target.logical_id));
    let pointer = format!("… (more in log stream {log_stream})");
    let fits = |sent: &str, whole: &str| {
        sent == whole || sent.strip_suffix(&pointer).is_some_and(|head| whole.starts_with(head))
    };
    if failed {
        let reason = text_of(&read["Reason"]).strip_suffix(&format!(" [{CODE}]"));
        let reason =
            reason.unwrap_or_else(|| panic!("the reason does not end in its code: {sent}"));
        assert!(fits(reason, &response.reason), "{sent}");
    }
    for (attribute, whole) in &response.data {
        let sent = text_of(&read["Data"][attribute]);
        assert!(fits(sent, whole), "{attribute}: {sent}");
        let prose = ["Warning", "Verification"].contains(attribute);
        assert!(prose || sent == whole, "{attribute} must not be shortened");
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}
