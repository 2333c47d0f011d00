//! The SDK's HTTP interface over the one HTTP client.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::http::{Client, SendError, SendErrorKind};

/// Sends the SDK's requests with a [`Client`], and remembers what came of them.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    pub(super) client: Client,
    pub(super) attempts: Arc<Attempts>,
}

/// What came of the attempts so far, of those too that the SDK repeats by itself.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    throttled: AtomicU64,
    last_problem: Mutex<Option<Problem>>,
}

/// Why an attempt did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The service's code, or what the network did.
    pub code: String,
    /// The service's own words, if it had any.
    pub words: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { code, words } if words.is_empty() => f.write_str(code),
            Self { code, words } => write!(f, "{words} ({code})"),
        }
    }
}

impl Problem {
    fn new(code: impl Into<String>) -> Self {
        Self { code: code.into(), words: String::new() }
    }

    /// What an answer says that is none of success (Route 53 API Reference and STS API Reference,
    /// "Common Errors").
    fn of_answer(status: u16, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            rest.split_once('<').map(|(text, _)| text.to_owned())
        };
        let code = element("Code").unwrap_or_else(|| format!("HTTP status {status}"));
        Self { code, words: element("Message").unwrap_or_default() }
    }
}

impl Attempts {
    /// How many answers said that there were too many calls.
    pub(super) fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Why the last attempt did not work; `None` if it did.
    pub(super) fn last_problem(&self) -> Option<Problem> {
        self.lock().clone()
    }

    /// What was before is another request's.
    pub(super) fn forget(&self) {
        *self.lock() = None;
    }

    /// An attempt that is dropped has no answer; if it repeats one that had, that says more.
    fn begin(&self) {
        self.lock().get_or_insert_with(|| Problem::new("no answer yet"));
    }

    fn end(&self, problem: Option<Problem>) {
        *self.lock() = problem;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Problem>> {
        self.last_problem.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { client, attempts } = self.clone();
        HttpConnectorFuture::new(async move { send(client, request, &attempts).await })
    }
}

async fn send(client: Client, request: HttpRequest, attempts: &Attempts) -> Result<HttpResponse, ConnectorError> {
    let (head, body) = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?.into_parts();
    // Every request of Route 53 and STS is held in memory; a stream would have no bytes.
    let bytes = body.bytes().map(Bytes::copy_from_slice);
    let bytes = bytes.ok_or_else(|| ConnectorError::user("the body of the request is a stream".into()))?;
    attempts.begin();
    let answer = client.send(http::Request::from_parts(head, bytes)).await.map_err(|error| {
        attempts.end(Some(Problem::new(error.to_string())));
        connector_error(error)
    })?;
    let status = answer.status();
    attempts.end((!status.is_success()).then(|| Problem::of_answer(status.as_u16(), answer.body())));
    if status.is_client_error() && says_too_many(answer.body()) {
        attempts.throttled.fetch_add(1, Ordering::Relaxed);
    }
    HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
}

/// The codes of Route 53 and STS (Route 53 API Reference and STS API Reference, "Common Errors"; Route 53 Developer Guide,
/// "Quotas on API requests").
fn says_too_many(body: &[u8]) -> bool {
    let codes = ["<Code>Throttling</Code>", "<Code>ThrottlingException</Code>", "<Code>PriorRequestNotComplete</Code>"];
    let text = String::from_utf8_lossy(body);
    codes.iter().any(|code| text.contains(code))
}

fn connector_error(error: SendError) -> ConnectorError {
    match error.kind() {
        SendErrorKind::Invalid => ConnectorError::user(error.into()),
        SendErrorKind::TimedOut => ConnectorError::timeout(error.into()),
        SendErrorKind::Unconnected | SendErrorKind::Lost => ConnectorError::io(error.into()),
    }
}
