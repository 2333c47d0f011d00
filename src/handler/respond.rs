//! Builds the response to CloudFormation from the result of a request.

use std::collections::BTreeMap;

use tracing::{error, warn};

use super::outcome::Outcome;
use super::progress::{Phase, Progress};
use crate::cfn::envelope::{Event, RequestType};
use crate::cfn::physical_id;
use crate::cfn::response::{ATTRIBUTES, Response, Status};
use crate::error::{Failure, Warning, coded};
use delegation_model::text::visible;

/// A response, and what its physical id is.
pub(super) struct BuiltResponse {
    pub(super) response: Response,
    /// True if the physical id is `unresolved/...`: the request failed, and no delegation point is
    /// known for it.
    pub(super) is_unresolved: bool,
}

/// Builds the response to a request.
pub(super) fn build(
    result: Result<Outcome, Failure>,
    event: &Event,
    progress: &Progress,
) -> BuiltResponse {
    match result {
        Ok(outcome) => BuiltResponse { response: succeeded(outcome), is_unresolved: false },
        Err(failure) => {
            let known = known_id(event, progress);
            let is_unresolved = known.is_none();
            let unresolved = || physical_id::unresolved(&event.target.request_id);
            let response = failed(&failure, known.unwrap_or_else(unresolved));
            BuiltResponse { response, is_unresolved }
        }
    }
}

/// The response to a request that succeeded.
fn succeeded(mut outcome: Outcome) -> Response {
    let mut warnings = Vec::new();
    for Warning { code, message } in &outcome.warnings {
        let message = visible(message);
        warn!(
            physical_id = outcome.physical_id,
            code,
            warning = &*message,
            "the request succeeds with a warning"
        );
        warnings.push(coded(&message, code));
    }
    outcome.data.insert("Warning", warnings.join(" "));
    for attribute in ATTRIBUTES {
        outcome.data.entry(attribute).or_default();
    }
    let data = outcome
        .data
        .into_iter()
        .map(|(attribute, value)| (attribute, visible(&value).into_owned()))
        .collect();
    Response {
        status: Status::Success,
        physical_id: outcome.physical_id,
        reason: String::new(),
        code: "",
        data,
    }
}

/// The response to a request that failed.
fn failed(failure: &Failure, physical_id: String) -> Response {
    let (code, reason) = (failure.code(), visible(failure.message()).into_owned());
    error!(failure = %failure.kind(), code, reason, "the request failed");
    Response { status: Status::Failed, physical_id, reason, code, data: BTreeMap::new() }
}

/// The physical id of a resource whose request failed. `None` if a Create failed and nothing of it
/// is left, or if the event has no id.
fn known_id(event: &Event, progress: &Progress) -> Option<String> {
    let kind = event.request.as_ref().ok().map(|request| request.kind);
    // The response to a Create that changed something, or may have, has the real id, so that its
    // Delete finds it.
    event.physical_id.clone().filter(|_| kind != Some(RequestType::Create)).or_else(|| {
        match progress.phase() {
            Phase::Sent(point) | Phase::Changed(point) => Some(point.to_string()),
            Phase::Done(outcome) => Some(outcome.physical_id),
            Phase::Resolving | Phase::Observed => None,
        }
    })
}
