//! The shell: envelope, observe, plan, apply, signal, inside the boundary of panic and deadline.

mod apply;
mod child;
mod coverage;
mod farewell;
mod observe;
mod place;
mod present;
mod progress;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::aws::credentials::Accounts;
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::cfn::envelope::{self, EnvelopeError, Kind, Request, Target};
use crate::cfn::response::{Answer, Status};
use crate::cfn::signal::{self, SignalError};
use crate::cfn::{physical_id, properties};
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::{Failure, Kind as FailureKind};
use crate::ownership::Claimant;
use progress::Progress;

/// How long after its signing a request is stale if its properties do not say: the longest `ServiceTimeout`.
const SERVICE_TIMEOUT: i64 = 3600;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// What one invocation brings beside its event.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// When Lambda ends the invocation, by the clock; a time in the past means that it is unknown.
    pub deadline: SystemTime,
    /// Where the logs of the invocation are, for the pointer in a shortened answer.
    pub log_stream: String,
}

/// The function: built once, and kept while warm.
#[derive(Debug)]
pub struct Handler {
    config: Config,
    http: reqwest::Client,
    accounts: Accounts,
}

/// Why an invocation fails towards Lambda, which then delivers the same event again.
#[derive(Debug)]
pub enum HandlerError {
    /// There is nowhere to answer.
    Envelope(EnvelopeError),
    /// The answer did not get through.
    Signal(SignalError),
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Envelope(error) => error.fmt(f),
            Self::Signal(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HandlerError {}

/// One request at work.
struct Work<'a> {
    accounts: &'a Accounts,
    config: &'a Config,
    request: &'a Request,
    claimant: Claimant,
    /// The request's time, in seconds since 1970.
    at: i64,
    stale_after: Option<i64>,
    deadline: Deadline,
    progress: &'a Progress,
}

/// How a request ended well.
#[derive(Clone, Debug, Default)]
struct Outcome {
    physical_id: String,
    data: BTreeMap<&'static str, String>,
    warnings: Vec<String>,
}

impl Handler {
    /// A function with these settings.
    pub fn new(config: Config, http: reqwest::Client, accounts: Accounts) -> Self {
        Self { config, http, accounts }
    }

    /// Serves one delivery of an event: one answer on its response URL.
    ///
    /// # Errors
    /// If there is nowhere to answer, or if the answer did not get through and a redelivery can make it good.
    pub async fn handle(&self, event: Value, invocation: &Invocation) -> Result<(), HandlerError> {
        let deadline = Deadline::new(invocation.deadline, SystemTime::now());
        let target = envelope::unwrap(event)
            .and_then(|event| envelope::target(&event, &self.config.response_hosts).map(|target| (event, target)));
        let (event, target) = target.map_err(|error| {
            error!(%error, "this event can't be answered");
            HandlerError::Envelope(error)
        })?;
        let request = envelope::request(&event);
        let progress = Progress::default();
        let result = match &request {
            Err(error) => Err(Failure::new(FailureKind::Input, error.to_string())),
            Ok(request) => self.bounded(request, &target, deadline, &progress).await,
        };
        let kind = request.as_ref().ok().map(|request| request.kind);
        let (answer, marker) = answer(result, kind, &event, &target, &progress);
        let (status, physical_id) = (answer.status, answer.physical_id.clone());
        let body = answer.body(&target, &invocation.log_stream);
        let sent = signal::send(&self.http, &target.url, body, deadline.end()).await;
        match sent {
            Ok(()) => info!(
                request_id = target.request_id,
                stack = target.stack_id,
                logical_id = target.logical_id,
                ?status,
                physical_id,
                "the answer was sent"
            ),
            Err(error) => {
                error!(
                    request_id = target.request_id, stack = target.stack_id, logical_id = target.logical_id,
                    ?status, physical_id, %error, "the answer was not delivered"
                );
                // A redelivered Create could succeed after CloudFormation has given up, and nobody would delete that.
                if !marker {
                    return Err(HandlerError::Signal(error));
                }
            }
        }
        Ok(())
    }

    /// The work, until it ends, panics or runs out of time; what is under way then is dropped.
    async fn bounded(
        &self,
        request: &Request,
        target: &Target,
        deadline: Deadline,
        progress: &Progress,
    ) -> Result<Outcome, Failure> {
        let signed_at = target.url.signed_at();
        let timeout = properties::service_timeout(&request.properties).unwrap_or(SERVICE_TIMEOUT);
        let work = Work {
            accounts: &self.accounts,
            config: &self.config,
            request,
            claimant: Claimant::new(&target.stack_id, &target.logical_id),
            at: signed_at.unwrap_or_else(now),
            stale_after: signed_at.map(|at| at.saturating_add(timeout)),
            deadline,
            progress,
        };
        match tokio::time::timeout_at(deadline.work(), unwinding(work.run())).await {
            Ok(Ok(result)) => result,
            Ok(Err(())) => {
                let message = "this program failed with a panic; its log says where";
                Err(Failure::new(FailureKind::Internal, message))
            }
            Err(_) => {
                let step = progress.step();
                progress.done().map_or_else(
                    || Err(Failure::new(FailureKind::Timeout, format!("the function ran out of time while {step}"))),
                    |mut outcome| {
                        outcome.warnings.push(format!("The function ran out of time while {step}."));
                        Ok(outcome)
                    },
                )
            }
        }
    }
}

/// Runs a future; a panic inside it is an error and not the end of the process.
async fn unwinding<T>(work: impl Future<Output = T>) -> Result<T, ()> {
    let mut work = Box::pin(work);
    std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => std::task::Poll::Ready(Err(())),
    })
    .await
}

/// The answer, and whether it is a Create's failure with a marker.
fn answer(
    result: Result<Outcome, Failure>,
    kind: Option<Kind>,
    event: &Value,
    target: &Target,
    progress: &Progress,
) -> (Answer, bool) {
    match result {
        Ok(mut outcome) => {
            for warning in &outcome.warnings {
                warn!(
                    request_id = target.request_id,
                    stack = target.stack_id,
                    logical_id = target.logical_id,
                    physical_id = outcome.physical_id,
                    warning,
                    "succeeded with a warning"
                );
            }
            outcome.data.insert("Warning", outcome.warnings.join(" "));
            let (physical_id, data) = (outcome.physical_id, outcome.data);
            (Answer { status: Status::Success, physical_id, reason: String::new(), data }, false)
        }
        Err(failure) => {
            error!(
                request_id = target.request_id, stack = target.stack_id, logical_id = target.logical_id,
                failure = %failure.kind, "failed: {failure}"
            );
            // A Create that changed something, or may have, answers with the real id, so that its Delete finds it.
            let known = envelope::physical_id(event).filter(|_| kind != Some(Kind::Create));
            let real = known.or_else(|| progress.sent().map(|place| place.to_string()));
            let marker = real.is_none();
            let physical_id = real.unwrap_or_else(|| physical_id::marker(&target.request_id));
            let reason = failure.message;
            (Answer { status: Status::Failed, physical_id, reason, data: BTreeMap::new() }, marker)
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl Work<'_> {
    async fn run(&self) -> Result<Outcome, Failure> {
        if let Err(stale) = self.check_fresh() {
            // What a stale Delete would have removed was removed, or is claimed, by a later request.
            return match self.request.kind {
                Kind::Delete => Ok(self.outcome_of_nothing(vec![stale.message])),
                Kind::Create | Kind::Update => Err(stale),
            };
        }
        let until = Instant::now() + self.config.propagation_wait;
        let mut pause = FIRST_PAUSE;
        let mut dropped = false;
        loop {
            let result = match self.request.kind {
                Kind::Create | Kind::Update => present::run(self).await,
                Kind::Delete => farewell::run(self).await,
            };
            let Err(failure) = &result else { return result };
            if failure.kind != FailureKind::Denied {
                return result;
            }
            if !dropped {
                // The credentials kept from an earlier invocation may be older than the right.
                dropped = true;
                self.accounts.forget();
                continue;
            }
            let jittered = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
            if self.request.kind == Kind::Delete || Instant::now() + jittered >= until {
                return result;
            }
            self.progress.at(format!("waiting for a right to be seen ({failure})"));
            tokio::time::sleep(jittered).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Fails once CloudFormation has given up on the request.
    fn check_fresh(&self) -> Result<(), Failure> {
        match self.stale_after {
            Some(after) if now() > after => {
                let message = "this request is older than its ServiceTimeout: CloudFormation no longer waits for it, and nothing was changed";
                Err(Failure::new(FailureKind::Stale, message))
            }
            _ => Ok(()),
        }
    }

    /// The outcome of a request that changes nothing and keeps its physical id.
    fn outcome_of_nothing(&self, warnings: Vec<String>) -> Outcome {
        Outcome { physical_id: self.request.physical_id.clone().unwrap_or_default(), data: BTreeMap::new(), warnings }
    }

    fn comment(&self) -> String {
        format!("Custom::Delegation {} {}", self.request.kind, self.claimant.owner())
    }
}

/// A failed call of AWS as a failure of the request: where it was made, and what to do about a denial.
fn aws_failure(context: &str, error: &AwsError) -> Failure {
    let (kind, remedy) = match error.kind {
        AwsErrorKind::Denied => (FailureKind::Denied, "; grant it, or correct the role or its external id"),
        AwsErrorKind::NoSuchHostedZone => (FailureKind::NoSuchZone, "; correct the id of the zone"),
        AwsErrorKind::Rejected | AwsErrorKind::NoAnswer | AwsErrorKind::Other => (FailureKind::Aws, ""),
    };
    Failure::new(kind, format!("{context}: {error}{remedy}"))
}

#[cfg(test)]
mod tests;
