//! The errors of AWS calls.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::connector::is_too_large;
use crate::http::causes;

/// The message for an endpoint that is not a URL.
const INVALID_ENDPOINT: &str = "the endpoint is not a URL with a scheme and a host. Correct \
    AWS_ENDPOINT_URL and its variants for each service, or unset them. Its value is not repeated \
    here";

/// What a failed call means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsErrorKind {
    /// The caller lacks a permission.
    Denied,
    /// The hosted zone does not exist.
    NoSuchHostedZone,
    /// The change batch does not match the current records of the zone. Nothing was changed.
    Rejected,
    /// There were too many calls. Nothing was changed.
    Throttled,
    /// There was no response, or a server error: the call may have been carried out.
    NoResponse,
    /// The response is too large to be read.
    TooLarge,
    /// The service does not accept a value of the request, whoever sends it. Nothing was changed.
    Invalid,
    /// The account has not activated the service, or not in this Region. Nothing was changed.
    NotActivated,
    /// Any other error of the service. Nothing was changed.
    Other,
}

impl AwsErrorKind {
    fn verb(self) -> &'static str {
        if self == Self::Denied { "was denied" } else { "failed" }
    }
}

/// A failed AWS call: the action and the service's message.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{action} {}: {message}", .kind.verb())]
pub struct AwsError {
    /// What the error means.
    pub kind: AwsErrorKind,
    action: String,
    message: String,
    /// Whose permissions the caller used, if it did not assume a role: for instance "the function's
    /// own role".
    pub caller: Option<&'static str>,
}

impl AwsError {
    /// True if the caller lacks a permission.
    pub(crate) fn is_denied(&self) -> bool {
        self.kind == AwsErrorKind::Denied
    }

    /// True if the same call is certain to fail again for the same reason. An error that is not
    /// known may pass: it may be that of a clock, or of a proxy.
    pub(crate) fn is_permanent(&self) -> bool {
        use AwsErrorKind::{Invalid, NotActivated, TooLarge};
        matches!(self.kind, Invalid | NotActivated | TooLarge)
    }

    /// The error for a role of another partition than the function's.
    pub(super) fn foreign_role(action: &str) -> Self {
        let message = "roles can't be assumed across partitions".to_owned();
        Self { kind: AwsErrorKind::Invalid, ..Self::unreadable(action, message) }
    }

    /// Sets whose permissions the caller used.
    pub(super) fn with_caller(self, caller: Option<&'static str>) -> Self {
        Self { caller, ..self }
    }

    /// Adds a sentence after the service's message.
    #[must_use]
    pub fn followed_by(self, sentence: &str) -> Self {
        let message = format!("{}. {sentence}", self.message);
        Self { message, ..self }
    }

    /// True if a role could not be assumed.
    pub(crate) fn is_from_sts(&self) -> bool {
        self.action.starts_with("STS")
    }

    /// The service's message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The error for a call that can't be made, or for a response that can't be parsed.
    pub(super) fn unreadable(action: &str, message: String) -> Self {
        Self { kind: AwsErrorKind::Other, action: action.to_owned(), message, caller: None }
    }

    /// Combines the errors of one action in several Regions. The combined error has the kind of the
    /// most informative one. Only if the service is activated in none of them, it is that.
    pub(super) fn from_regions(errors: &[(&str, Self)]) -> Self {
        use AwsErrorKind::{Denied, Invalid, NoResponse, Other, Throttled};
        let kinds = [Denied, Invalid, Other, Throttled, NoResponse];
        let informative =
            kinds.iter().find_map(|kind| errors.iter().find(|(_, error)| error.kind == *kind));
        let informative = informative.or(errors.last());
        let (kind, action) =
            informative.map_or((NoResponse, ""), |(_, error)| (error.kind, &error.action));
        let messages: Vec<String> = errors
            .iter()
            .map(|(region, error)| format!("in {region}: {}", error.message))
            .collect();
        Self { kind, action: action.to_owned(), message: messages.join("; "), caller: None }
    }

    /// Converts an error of the SDK. `messages` are further messages of the service.
    pub(super) fn from_sdk<E>(
        action: &str,
        error: &SdkError<E, HttpResponse>,
        messages: &[String],
    ) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let Some(service) = error.as_service_error() else {
            if is_invalid_endpoint(error) {
                return Self::unreadable(action, INVALID_ENDPOINT.to_owned());
            }
            let too_large = is_too_large(error);
            return Self {
                kind: if too_large { AwsErrorKind::TooLarge } else { AwsErrorKind::NoResponse },
                action: action.to_owned(),
                message: causes(error, &["dispatch failure", "io error", "user error"]),
                caller: None,
            };
        };
        let code = service.code().unwrap_or("an unknown error");
        let kind = match code {
            // The last five: a cached session that has ended early, or whose role was replaced. A
            // new session may be accepted.
            "AccessDenied"
            | "AccessDeniedException"
            | "NotAuthorizedException"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "InvalidToken"
            | "ExpiredToken"
            | "ExpiredTokenException" => AwsErrorKind::Denied,
            "ValidationError" | "InvalidInput" | "InvalidDomainName" => AwsErrorKind::Invalid,
            "RegionDisabledException" | "OptInRequired" => AwsErrorKind::NotActivated,
            "NoSuchHostedZone" => AwsErrorKind::NoSuchHostedZone,
            "InvalidChangeBatch" => AwsErrorKind::Rejected,
            "Throttling" | "ThrottlingException" | "PriorRequestNotComplete" => {
                AwsErrorKind::Throttled
            }
            _ if status.is_none_or(|status| status >= 500) => AwsErrorKind::NoResponse,
            _ => AwsErrorKind::Other,
        };
        // InvalidChangeBatch has `messages` in addition to `message`: include each once.
        let mut text = service.message().unwrap_or_default().to_owned();
        for message in messages
            .iter()
            .filter(|message| !service.message().unwrap_or_default().contains(*message))
        {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(message);
        }
        let message = if text.is_empty() { code.to_owned() } else { format!("{text} ({code})") };
        Self { kind, action: action.to_owned(), message, caller: None }
    }
}

/// True if the endpoint in the environment is not a URL. The SDK's message has the value of the
/// variable and the whole request: either may be or have an external id.
fn is_invalid_endpoint(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source())
        .any(|cause| cause.to_string().starts_with("failed to apply endpoint"))
}
