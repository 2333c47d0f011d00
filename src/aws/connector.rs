//! Implements the SDK's HTTP interface with the shared HTTP client.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use tokio::time::Instant;

use crate::http::{Client, SendError, SendErrorKind};

/// Sends the SDK's requests with a [`Client`], and records how the attempts ended.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    pub(super) client: Client,
    pub(super) attempts: Arc<Attempts>,
}

/// How the attempts so far ended, including those that the SDK retried by itself.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    sent: AtomicU64,
    throttled: AtomicU64,
    problems: Mutex<Vec<Recorded>>,
}

/// The problem of one host, and when it was last recorded. The list is in order of time.
#[derive(Debug)]
struct Recorded {
    at: Instant,
    problem: Problem,
}

/// Why the attempts to call a host failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The host.
    pub host: String,
    /// How many attempts in a row failed.
    pub tries: u32,
    /// Why the last attempt failed.
    pub last: ProblemCause,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemCause {
    /// There was no response, for this reason.
    NoResponse(String),
    /// The response was an error.
    ErrorResponse {
        /// The service's code.
        code: String,
        /// The service's message, or empty.
        message: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, tries, last } = self;
        let tries = if *tries == 1 { "one try".to_owned() } else { format!("{tries} tries") };
        match last {
            ProblemCause::NoResponse(why) => {
                write!(f, "{host} did not respond in {tries}; last error: {why}")
            }
            ProblemCause::ErrorResponse { code, message } if message.is_empty() => {
                write!(f, "{host} responded with {code} ({tries})")
            }
            ProblemCause::ErrorResponse { code, message } => {
                write!(f, "{host} responded with {code} ({tries}): {message}")
            }
        }
    }
}

impl ProblemCause {
    /// Parses an error response (Route 53 API Reference and STS API Reference, "Common Errors").
    fn from_response(status: u16, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            rest.split_once('<').map(|(text, _)| text.to_owned())
        };
        let code = element("Code").unwrap_or_else(|| format!("HTTP status {status}"));
        Self::ErrorResponse { code, message: element("Message").unwrap_or_default() }
    }
}

impl Attempts {
    /// How many attempts were made.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many responses reported too many calls.
    pub(super) fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Why the last attempt failed. `None` if it succeeded.
    pub(super) fn last_problem(&self) -> Option<Problem> {
        self.lock().last().map(|recorded| recorded.problem.clone())
    }

    /// Forgets the problems of an earlier request.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// Records the start of an attempt. An attempt that is dropped has no response. If an earlier
    /// attempt at the host had one, that is kept as the cause, because it says more.
    fn begin(&self, host: &str) -> Instant {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let (mut problems, at) = (self.lock(), Instant::now());
        let earlier = problems.iter().position(|recorded| recorded.problem.host == host);
        let problem = match earlier.map(|index| problems.remove(index).problem) {
            Some(problem) => Problem { tries: problem.tries + 1, ..problem },
            None => Problem {
                host: host.to_owned(),
                tries: 1,
                last: ProblemCause::NoResponse("no response yet".into()),
            },
        };
        problems.push(Recorded { at, problem });
        at
    }

    fn fail(&self, host: &str, last: ProblemCause) {
        let mut problems = self.lock();
        if let Some(index) = problems.iter().position(|recorded| recorded.problem.host == host) {
            let Recorded { problem, .. } = problems.remove(index);
            problems.push(Recorded { at: Instant::now(), problem: Problem { last, ..problem } });
        }
    }

    /// Records that an attempt succeeded which started at `started`. Earlier problems are over.
    /// Those that other attempts recorded since then are not.
    fn succeed(&self, host: &str, started: Instant) {
        self.lock().retain(|recorded| recorded.problem.host != host && recorded.at > started);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Recorded>> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { client, attempts } = self.clone();
        HttpConnectorFuture::new(async move { send(client, request, &attempts).await })
    }
}

async fn send(
    client: Client,
    request: HttpRequest,
    attempts: &Attempts,
) -> Result<HttpResponse, ConnectorError> {
    let (head, body) =
        request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?.into_parts();
    // Requests to Route 53 and STS are always in memory. A stream has no bytes.
    let bytes = body.bytes().map(Bytes::copy_from_slice);
    let bytes = bytes.ok_or_else(|| ConnectorError::user("the request body is a stream".into()))?;
    let host = head.uri.host().unwrap_or_default().to_owned();
    let started = attempts.begin(&host);
    let response = client.send(http::Request::from_parts(head, bytes)).await.map_err(|error| {
        attempts.fail(&host, ProblemCause::NoResponse(error.cause()));
        connector_error(host.clone(), error)
    })?;
    let status = response.status();
    if status.is_success() {
        attempts.succeed(&host, started);
    } else {
        attempts.fail(&host, ProblemCause::from_response(status.as_u16(), response.body()));
    }
    if status.is_client_error() && is_throttling(response.body()) {
        attempts.throttled.fetch_add(1, Ordering::Relaxed);
    }
    HttpResponse::try_from(response.map(SdkBody::from))
        .map_err(|error| ConnectorError::other(error.into(), None))
}

/// True if the body has one of the throttling codes of Route 53 and STS (Route 53 API Reference and
/// STS API Reference, "Common Errors"; Route 53 Developer Guide, "Quotas on API requests").
fn is_throttling(body: &[u8]) -> bool {
    let codes = [
        "<Code>Throttling</Code>",
        "<Code>ThrottlingException</Code>",
        "<Code>PriorRequestNotComplete</Code>",
    ];
    let text = String::from_utf8_lossy(body);
    codes.iter().any(|code| text.contains(code))
}

fn connector_error(host: String, error: SendError) -> ConnectorError {
    let kind = error.kind();
    let error = Box::new(NoResponse { host, error });
    match kind {
        // Another attempt would have the same response.
        SendErrorKind::Invalid | SendErrorKind::TooLarge => ConnectorError::user(error),
        SendErrorKind::TimedOut => ConnectorError::timeout(error),
        SendErrorKind::Unconnected | SendErrorKind::Lost => ConnectorError::io(error),
    }
}

/// True if the response to a call was too large.
pub(super) fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source())
        .filter_map(|error| error.downcast_ref::<NoResponse>())
        .any(|cause| cause.error.kind() == SendErrorKind::TooLarge)
}

/// The error for a host that did not respond.
#[derive(Debug, thiserror::Error)]
#[error("{host}: {cause}", cause = error.cause())]
struct NoResponse {
    host: String,
    error: SendError,
}
