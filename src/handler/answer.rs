//! Builds the answer to CloudFormation from the result of a request.

use std::collections::BTreeMap;

use tracing::{error, warn};

use super::outcome::Outcome;
use super::progress::{Phase, Progress};
use crate::cfn::envelope::{RequestType, Target};
use crate::cfn::physical_id;
use crate::cfn::response::{ATTRIBUTES, Answer, Status};
use crate::error::{Failure, Warning, coded};
use delegation_model::text::visible;

/// Returns the answer, and whether it is a failed Create that is answered with a marker as its
/// physical id.
pub(super) fn answer(
    result: Result<Outcome, Failure>,
    kind: Option<RequestType>,
    (physical_id, target): (Option<&str>, &Target),
    progress: &Progress,
) -> (Answer, bool) {
    match result {
        Ok(mut outcome) => {
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
            let shown = |(attribute, value): (&'static str, String)| {
                (attribute, visible(&value).into_owned())
            };
            let (physical_id, data) =
                (outcome.physical_id, outcome.data.into_iter().map(shown).collect());
            (
                Answer {
                    status: Status::Success,
                    physical_id,
                    reason: String::new(),
                    code: "",
                    data,
                },
                false,
            )
        }
        Err(failure) => {
            let (code, reason) = (failure.code(), visible(failure.message()).into_owned());
            error!(failure = %failure.kind(), code, reason, "the request failed");
            // A Create that changed something, or may have, is answered with the real id, so that
            // its Delete finds it.
            let known =
                physical_id.map(str::to_owned).filter(|_| kind != Some(RequestType::Create));
            let changed = || match progress.phase() {
                Phase::Sent(point) | Phase::Changed(point) => Some(point.to_string()),
                Phase::Done(outcome) => Some(outcome.physical_id),
                Phase::Resolving | Phase::Observed => None,
            };
            let real = known.or_else(changed);
            let marker = real.is_none();
            let physical_id = real.unwrap_or_else(|| physical_id::unresolved(&target.request_id));
            (
                Answer { status: Status::Failed, physical_id, reason, code, data: BTreeMap::new() },
                marker,
            )
        }
    }
}
