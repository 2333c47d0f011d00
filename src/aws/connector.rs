//! The SDK's HTTP interface over the one HTTP client.

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
    problems: Mutex<Vec<Trouble>>,
}

/// What is the matter with a host, and since when it is; the latest is the last of several.
#[derive(Debug)]
struct Trouble {
    at: Instant,
    problem: Problem,
}

/// Why the attempts at a host did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The host that was asked.
    pub host: String,
    /// How many attempts in a row did not work.
    pub tries: u32,
    /// What the last of them met.
    pub last: Met,
}

/// What an attempt met that did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Met {
    /// No answer, for this reason.
    Silence(String),
    /// An answer that is none of success.
    Answer {
        /// The service's code.
        code: String,
        /// The service's own words, if it had any.
        words: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, tries, last } = self;
        let tries = if *tries == 1 { "one try".to_owned() } else { format!("{tries} tries") };
        match last {
            Met::Silence(why) => write!(f, "{host} gave no answer in {tries}; last error: {why}"),
            Met::Answer { code, words } if words.is_empty() => {
                write!(f, "{host} answered {code} ({tries})")
            }
            Met::Answer { code, words } => write!(f, "{host} answered {code} ({tries}): {words}"),
        }
    }
}

impl Met {
    /// What an answer says that is none of success (Route 53 API Reference and STS API Reference,
    /// "Common Errors").
    fn from_answer(status: u16, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            rest.split_once('<').map(|(text, _)| text.to_owned())
        };
        let code = element("Code").unwrap_or_else(|| format!("HTTP status {status}"));
        Self::Answer { code, words: element("Message").unwrap_or_default() }
    }
}

impl Attempts {
    /// How many answers said that there were too many calls.
    pub(super) fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Why the last attempt did not work; `None` if it did.
    pub(super) fn last_problem(&self) -> Option<Problem> {
        self.lock().last().map(|trouble| trouble.problem.clone())
    }

    /// What was before is another request's.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    /// An attempt that is dropped has no answer; if it repeats one that had, that says more.
    fn begin(&self, host: &str) -> Instant {
        let (mut problems, at) = (self.lock(), Instant::now());
        let earlier = problems.iter().position(|trouble| trouble.problem.host == host);
        let problem = match earlier.map(|index| problems.remove(index).problem) {
            Some(problem) => Problem { tries: problem.tries + 1, ..problem },
            None => Problem {
                host: host.to_owned(),
                tries: 1,
                last: Met::Silence("no answer yet".into()),
            },
        };
        problems.push(Trouble { at, problem });
        at
    }

    fn fail(&self, host: &str, last: Met) {
        let mut problems = self.lock();
        if let Some(index) = problems.iter().position(|trouble| trouble.problem.host == host) {
            let Trouble { problem, .. } = problems.remove(index);
            problems.push(Trouble { at: Instant::now(), problem: Problem { last, ..problem } });
        }
    }

    /// An attempt worked that had begun at that time: what was before is over, and what others met
    /// since is not.
    fn succeed(&self, host: &str, began: Instant) {
        self.lock().retain(|trouble| trouble.problem.host != host && trouble.at > began);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Trouble>> {
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
    // Every request of Route 53 and STS is held in memory; a stream would have no bytes.
    let bytes = body.bytes().map(Bytes::copy_from_slice);
    let bytes =
        bytes.ok_or_else(|| ConnectorError::user("the body of the request is a stream".into()))?;
    let host = head.uri.host().unwrap_or_default().to_owned();
    let began = attempts.begin(&host);
    let answer = client.send(http::Request::from_parts(head, bytes)).await.map_err(|error| {
        attempts.fail(&host, Met::Silence(error.cause()));
        connector_error(host.clone(), error)
    })?;
    let status = answer.status();
    if status.is_success() {
        attempts.succeed(&host, began);
    } else {
        attempts.fail(&host, Met::from_answer(status.as_u16(), answer.body()));
    }
    if status.is_client_error() && says_too_many(answer.body()) {
        attempts.throttled.fetch_add(1, Ordering::Relaxed);
    }
    HttpResponse::try_from(answer.map(SdkBody::from))
        .map_err(|error| ConnectorError::other(error.into(), None))
}

/// The codes of Route 53 and STS (Route 53 API Reference and STS API Reference, "Common Errors";
/// Route 53 Developer Guide, "Quotas on API requests").
fn says_too_many(body: &[u8]) -> bool {
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
    let error = Box::new(Unanswered { host, error });
    match kind {
        SendErrorKind::Invalid => ConnectorError::user(error),
        SendErrorKind::TimedOut => ConnectorError::timeout(error),
        SendErrorKind::Unconnected | SendErrorKind::Lost => ConnectorError::io(error),
    }
}

/// A host that gave no answer, and why.
#[derive(Debug, thiserror::Error)]
#[error("{host}: {cause}", cause = error.cause())]
struct Unanswered {
    host: String,
    error: SendError,
}
