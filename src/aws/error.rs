//! What AWS answered instead of a result.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::http::causes;

/// What a failed call means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsErrorKind {
    /// The caller lacks a right.
    Denied,
    /// The hosted zone does not exist.
    NoSuchHostedZone,
    /// The change batch does not fit what stands in the zone; nothing was changed.
    Rejected,
    /// There were too many calls; nothing was changed.
    Throttled,
    /// No answer, or one of a failing server: the call may have been carried out.
    NoAnswer,
    /// Another error of the service; nothing was changed.
    Other,
}

impl AwsErrorKind {
    fn verb(self) -> &'static str {
        if self == Self::Denied { "was denied" } else { "failed" }
    }
}

/// A failed call of AWS: the action and the service's own words.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{action} {}: {words}", .kind.verb())]
pub struct AwsError {
    /// What it means.
    pub kind: AwsErrorKind,
    action: String,
    words: String,
    /// Whose rights the caller had, if it assumed no role: "the function's own role" for instance.
    pub own: Option<&'static str>,
}

impl AwsError {
    /// True if the caller lacks a right.
    pub fn is_denied(&self) -> bool {
        self.kind == AwsErrorKind::Denied
    }

    /// The same of a call with the caller's own rights, or not.
    pub(super) fn by(self, own: Option<&'static str>) -> Self {
        Self { own, ..self }
    }

    /// The same with a sentence behind the service's words.
    #[must_use]
    pub fn followed_by(self, sentence: &str) -> Self {
        let words = format!("{}. {sentence}", self.words);
        Self { words, ..self }
    }

    /// True if a role could not be assumed.
    pub fn is_of_sts(&self) -> bool {
        self.action.starts_with("STS")
    }

    /// The service's own words.
    pub fn words(&self) -> &str {
        &self.words
    }

    pub(super) fn unreadable(action: &str, words: String) -> Self {
        Self { kind: AwsErrorKind::Other, action: action.to_owned(), words, own: None }
    }

    /// The errors of one action in several Regions as one, which means what the most telling of
    /// them does.
    pub(super) fn of_regions(errors: &[(&str, Self)]) -> Self {
        let kinds = [AwsErrorKind::Denied, AwsErrorKind::Other];
        let telling =
            kinds.iter().find_map(|kind| errors.iter().find(|(_, error)| error.kind == *kind));
        let telling = telling.or(errors.last());
        let (kind, action) =
            telling.map_or((AwsErrorKind::NoAnswer, ""), |(_, error)| (error.kind, &error.action));
        let words: Vec<String> =
            errors.iter().map(|(region, error)| format!("in {region}: {}", error.words)).collect();
        Self { kind, action: action.to_owned(), words: words.join("; "), own: None }
    }

    pub(super) fn of<E>(
        action: &str,
        error: &SdkError<E, HttpResponse>,
        messages: &[String],
    ) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let Some(service) = error.as_service_error() else {
            return Self {
                kind: AwsErrorKind::NoAnswer,
                action: action.to_owned(),
                words: causes(error, &["dispatch failure", "io error"]),
                own: None,
            };
        };
        let code = service.code().unwrap_or("an unknown error");
        let kind = match code {
            // The last five: a kept session whose role was made anew, or that ended early; a new
            // one may be let in.
            "AccessDenied"
            | "AccessDeniedException"
            | "NotAuthorizedException"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "InvalidToken"
            | "ExpiredToken"
            | "ExpiredTokenException" => AwsErrorKind::Denied,
            "NoSuchHostedZone" => AwsErrorKind::NoSuchHostedZone,
            "InvalidChangeBatch" => AwsErrorKind::Rejected,
            "Throttling" | "ThrottlingException" | "PriorRequestNotComplete" => {
                AwsErrorKind::Throttled
            }
            _ if status.is_none_or(|status| status >= 500) => AwsErrorKind::NoAnswer,
            _ => AwsErrorKind::Other,
        };
        // InvalidChangeBatch carries `messages` beside `message`: show all, each once.
        let mut words = service.message().unwrap_or_default().to_owned();
        for message in messages
            .iter()
            .filter(|message| !service.message().unwrap_or_default().contains(*message))
        {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(message);
        }
        let words = if words.is_empty() { code.to_owned() } else { format!("{words} ({code})") };
        Self { kind, action: action.to_owned(), words, own: None }
    }
}
