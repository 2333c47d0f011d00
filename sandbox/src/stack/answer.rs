//! How CloudFormation reads the response of a function (CloudFormation User Guide, "Custom resource
//! request and response reference").
//!
//! Probe: cloudformation/physical-id.

use serde_json::Value;

use crate::deployment::{Physical, RequestFailure};

/// The longest response, in bytes.
const MAX_ANSWER: usize = 4096;
/// The longest physical id, in bytes.
const MAX_PHYSICAL_ID: usize = 1024;

/// Checks a response. Probe: cloudformation/answer-4096-bytes, cloudformation/physical-id.
pub(super) fn check(event: &Value, body: &[u8]) -> Result<Physical, RequestFailure> {
    let invalid =
        |reason: &str| Err(RequestFailure { reason: reason.to_owned(), physical_id: None });
    if body.len() > MAX_ANSWER {
        return invalid("Response object is too long.");
    }
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return invalid("Invalid Response object: Not valid JSON");
    };
    for field in ["StackId", "RequestId", "LogicalResourceId"] {
        if answer[field] != event[field] {
            return invalid(&format!(
                "Invalid Response object: Value of property {field} must match the request"
            ));
        }
    }
    let physical_id = answer["PhysicalResourceId"].as_str().unwrap_or_default();
    if physical_id.is_empty() {
        return invalid("Invalid PhysicalResourceId");
    }
    if physical_id.len() > MAX_PHYSICAL_ID {
        return invalid("PhysicalResourceId is too long");
    }
    let reason = answer["Reason"].as_str().unwrap_or_default();
    match answer["Status"].as_str() {
        Some("SUCCESS") => {
            Ok(Physical { id: physical_id.to_owned(), attributes: answer["Data"].clone() })
        }
        Some("FAILED") if reason.is_empty() => {
            invalid("Invalid Response object: Reason is missing")
        }
        Some("FAILED") => {
            let physical_id = Some(physical_id.to_owned());
            Err(RequestFailure { reason: reason.to_owned(), physical_id })
        }
        _ => invalid("Invalid Response object: Value of property Status must be SUCCESS or FAILED"),
    }
}
