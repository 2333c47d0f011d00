//! The request handler: envelope, observe, plan, apply, signal. It catches panics and enforces the
//! deadline, so that every request gets a response.

mod apply;
mod check;
mod child;
mod context;
mod create_update;
mod delete;
pub mod expected;
mod observe;
mod occlusion;
mod outcome;
mod parent_zone;
pub mod preview;
mod progress;
mod reconcile;
pub mod release;
mod replacement;
mod resolve;
mod respond;
mod signing;
mod sync;
mod text;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::SystemTime;

use tokio::time::Instant;
use tracing::field::{Empty, display};
use tracing::{Instrument as _, Span, error, info, info_span};

use crate::aws::credentials::Accounts;
use crate::aws::{Problem, ProblemCause};
use crate::cfn::envelope::{
    self, EnvelopeError, Event, Notification, Request, RequestType, Target,
};
use crate::cfn::properties;
use crate::cfn::response::Status;
use crate::cfn::response_url::AcceptedHosts;
use crate::cfn::signal::{self, SignalError};
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::{Code, Failure, FailureKind, Warning, WarningCode};
use crate::http::Client;
use crate::metrics::{Metrics, Step};
pub use context::Services;
pub(crate) use context::reader_failure;
use context::{Dates, RequestContext, Timeline, child_failure, parent_failure};
use delegation_model::reconcile::Action;
use dns_check::Verifier;
use outcome::Outcome;
use progress::{Phase, Progress, WrittenBy};
use replacement::Undone;
use respond::BuiltResponse;

/// What an invocation has besides its event.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// When Lambda ends the invocation. A time in the past means that the deadline is unknown.
    pub deadline: SystemTime,
    /// Lambda's id of the invocation, which its own log lines contain.
    pub id: String,
    /// The log stream of the invocation. A shortened response refers to it.
    pub log_stream: String,
}

/// The function. It is built once, and serves every invocation of a warm execution environment.
pub struct Handler {
    config: Config,
    http: Client,
    accounts: Accounts,
    verifier: Verifier,
    metrics: Box<dyn Fn(&Metrics) + Send + Sync>,
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").field("config", &self.config).finish_non_exhaustive()
    }
}

/// An error that fails the invocation, so that Lambda delivers the same event again.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum HandlerError {
    /// The event has no usable response URL.
    Envelope(EnvelopeError),
    /// The response was not delivered.
    Signal(SignalError),
}

impl HandlerError {
    /// The name of the error. Lambda reports it as `errorType`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Envelope(_) => "UnanswerableEvent",
            Self::Signal(_) => "ResponseNotDelivered",
        }
    }
}

impl Handler {
    /// Creates the function with these settings.
    pub fn new(config: Config, http: Client, accounts: Accounts) -> Self {
        let verifier = Verifier::new(config.dns_resolver).at_any_address(config.dns_any_address);
        Self { config, http, accounts, verifier, metrics: Box::new(|_| {}) }
    }

    /// Replaces the DNS verifier.
    #[must_use]
    pub fn with_verifier(self, verifier: Verifier) -> Self {
        Self { verifier, ..self }
    }

    /// Calls `metrics` with the measurements of each invocation.
    #[must_use]
    pub fn with_metrics(self, metrics: impl Fn(&Metrics) + Send + Sync + 'static) -> Self {
        Self { metrics: Box::new(metrics), ..self }
    }

    /// Serves one delivery of an event, given as JSON, and sends one response to its response URL.
    ///
    /// # Errors
    /// If the event has no usable response URL, or if the response was not delivered and another
    /// delivery could still succeed.
    pub async fn handle(&self, event: &str, invocation: &Invocation) -> Result<(), HandlerError> {
        let message =
            envelope::unwrap(event).map_err(|error| unanswerable(error, None, invocation))?;
        let notification = message.notification.as_ref();
        let accepted = AcceptedHosts {
            region: self.config.region.as_deref(),
            local_hosts: &self.config.response_hosts,
        };
        let event = envelope::parse(&message.text, accepted);
        let event = event.map_err(|error| unanswerable(error, notification, invocation))?;
        let target = &event.target;
        let now = self.accounts.clock().now();
        let request = event.request.as_ref().ok();
        let timeout = request.and_then(|request| properties::service_timeout(&request.properties));
        let dates = Dates::new(target, timeout, now);
        let deadline = Deadline::new(invocation.deadline, dates.service_end(), now);
        let timeline = Timeline { dates, deadline };
        let span = info_span!(
            "request",
            lambda_request_id = invocation.id,
            request_id = target.request_id,
            stack = target.stack_id,
            logical_id = target.logical_id,
            // Who sent the request, if it arrived in an SNS notification.
            sns_topic = notification.map(|notification| notification.topic.as_str()),
            sns_message_id = notification.map(|notification| notification.id.as_str()),
            request_type = Empty,
            name = Empty,
            parent_zone_id = Empty,
        );
        // Boxed, because the type of the whole future would exceed the compiler's limits in the
        // caller.
        Box::pin(self.serve(&event, timeline, invocation)).instrument(span).await
    }

    async fn serve(
        &self,
        event: &Event,
        timeline: Timeline,
        invocation: &Invocation,
    ) -> Result<(), HandlerError> {
        let (started, throttled) = (Instant::now(), self.accounts.throttled_calls());
        self.accounts.clear_last_problem();
        let Event { target, request, .. } = event;
        let progress = Progress::default();
        let result = match request {
            Err(error) => Err(error.clone().into()),
            Ok(request) => {
                Span::current().record("request_type", display(request.kind));
                info!(physical_id = request.physical_id, "a request came");
                self.bounded(request, target, timeline, &progress).await
            }
        };
        let action = result.as_ref().ok().and_then(|outcome| outcome.action).map(Action::as_str);
        let failure = result.as_ref().err().map(|failure| failure.kind().to_string());
        let kind = request.as_ref().ok().map(|request| request.kind);
        let BuiltResponse { response, is_unresolved } = respond::build(result, event, &progress);
        let (status, physical_id) = (response.status, response.physical_id.clone());
        let body = response.body(target, &invocation.log_stream);
        let sent = {
            let _timing = progress.time(Step::Signal);
            signal::send(&self.http, &target.url, body, timeline.deadline.end()).await
        };
        (self.metrics)(&Metrics {
            fields: vec![
                ("lambda_request_id", invocation.id.clone()),
                ("request_id", target.request_id.clone()),
                ("stack", target.stack_id.clone()),
                ("logical_id", target.logical_id.clone()),
            ],
            action,
            failure,
            signal_failed: sent.is_err(),
            throttled_calls: self.accounts.throttled_calls().saturating_sub(throttled),
            step_times: progress.step_times(),
            total: started.elapsed(),
        });
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match sent {
            Ok(()) => {
                info!(?status, action, physical_id, duration_ms, "the response was sent");
                Ok(())
            }
            Err(error) => {
                error!(?status, physical_id, duration_ms, %error, "the response was not delivered");
                // If a Create fails, and CloudFormation may have received that response, a second
                // delivery must not succeed: CloudFormation has given up on the resource, and
                // nobody would delete what it creates. If CloudFormation did not receive the
                // response, its Delete finds the claim.
                let given_up = kind == Some(RequestType::Create)
                    && status == Status::Failed
                    && matches!(error, SignalError::Unacknowledged(_));
                if is_unresolved || given_up { Ok(()) } else { Err(HandlerError::Signal(error)) }
            }
        }
    }

    /// Runs the request until it is done, panics or runs out of time. Unfinished work is dropped.
    async fn bounded(
        &self,
        request: &Request,
        target: &Target,
        timeline: Timeline,
        progress: &Progress,
    ) -> Result<Outcome, Failure> {
        let services =
            Services { config: &self.config, accounts: &self.accounts, verifier: &self.verifier };
        let cx = RequestContext::new(services, request, target, timeline, progress);
        progress.mark_arrival(request.kind == RequestType::Create);
        // Boxed because it is large.
        let result = until_deadline(&cx, Box::pin(reconcile::run(&cx))).await;
        let Err(failure) = result else { return result };
        // If the point can't be found in the time that is left, the original failure is the result,
        // and anything that could not be undone stays.
        let after = unwinding(Box::pin(after_failure(&cx, failure.clone())));
        let after = tokio::time::timeout_at(cx.deadline.cleanup(), after).await;
        Err(after.ok().and_then(Result::ok).unwrap_or(failure))
    }
}

/// Runs a request's future until it is done, panics or runs out of time.
async fn until_deadline(
    cx: &RequestContext<'_>,
    running: impl Future<Output = Result<Outcome, Failure>>,
) -> Result<Outcome, Failure> {
    match tokio::time::timeout_at(cx.deadline.work(), unwinding(running)).await {
        Ok(Ok(result)) => result,
        Ok(Err(())) => {
            let message = "The function failed with a panic. Report it with the location from the \
                           function's log.";
            Err(Failure::new(Code::InternalError, message))
        }
        Err(_) => {
            let (message, remedy) = out_of_time(cx);
            match cx.progress.phase() {
                Phase::Done(mut outcome) => {
                    outcome.warnings.push(Warning::new(WarningCode::StepSkipped, message));
                    Ok(*outcome)
                }
                Phase::Resolving | Phase::Observed => Err(Failure::new(Code::OutOfTime, message)
                    .followed_by(remedy)
                    .followed_by("Nothing was changed.")),
                Phase::Sent(_) | Phase::Changed(_) => {
                    Err(Failure::new(Code::OutOfTime, message).followed_by(remedy))
                }
            }
        }
    }
}

/// Logs an event that nobody can respond to, and who sent it.
fn unanswerable(
    error: EnvelopeError,
    notification: Option<&Notification>,
    invocation: &Invocation,
) -> HandlerError {
    let sns_topic = notification.map(|notification| notification.topic.as_str());
    let sns_message_id = notification.map(|notification| notification.id.as_str());
    let lambda_request_id = &invocation.id;
    error!(lambda_request_id, sns_topic, sns_message_id, %error, "this event can't be answered");
    HandlerError::Envelope(error)
}

/// Returns a message with the last step and its last error (TIME-4), and what to do about it.
fn out_of_time(cx: &RequestContext<'_>) -> (String, &'static str) {
    let (step, seconds) = (cx.progress.step(), cx.deadline.work_at_start().as_secs());
    let message = format!("The function ran out of time after {seconds} s while {step}");
    let problem = cx.accounts.last_problem().filter(|problem| match &problem.last {
        // The step already names it.
        ProblemCause::ErrorResponse { code, .. } => !step.contains(code),
        ProblemCause::NoResponse(_) => true,
    });
    match problem {
        Some(problem @ Problem { last: ProblemCause::NoResponse(_), .. }) => (
            format!("{message}: {problem}."),
            "Make sure that the function can reach that host: check its subnets, security groups, \
             VPC endpoints and proxy.",
        ),
        Some(problem) => (format!("{message}: {problem}."), "Deploy again."),
        None => (format!("{message}."), "Deploy again."),
    }
}

/// Undoes what a failed request wrote, if that is its to undo, and adds the result to the failure.
async fn after_failure(cx: &RequestContext<'_>, failure: Failure) -> Failure {
    if let Some(to_undo) = cx.progress.to_undo() {
        let left = match replacement::undo(cx, &to_undo).await {
            Ok(Undone::All) => match to_undo.written_by {
                WrittenBy::ThisDelivery => "The changes of this request were undone.".to_owned(),
                WrittenBy::Unknown => "Nothing was changed.".to_owned(),
            },
            // With the real id, its Delete finds the claim. Without a claim, such a Delete would
            // remove only what a retry of the Create has written since.
            Ok(Undone::Partly { what, claim_left: true }) => return failure.followed_by(&what),
            Ok(Undone::Partly { what, claim_left: false }) => what,
            Ok(Undone::Left) => {
                let why = match to_undo.written_by {
                    WrittenBy::ThisDelivery => "has been answered",
                    WrittenBy::Unknown => "may have made them",
                };
                return failure.followed_by(&format!(
                    "The changes of this request were not undone, because another delivery of it \
                     {why}."
                ));
            }
            Err(why) => {
                return failure.followed_by(&format!(
                    "The changes of this request could not be undone: {}",
                    why.coded()
                ));
            }
        };
        cx.progress.mark_undone();
        return failure.followed_by(&left);
    }
    // An earlier delivery may have run before the settings became invalid. Invalid properties were
    // invalid for every delivery.
    let earlier_delivery_possible = match failure.kind() {
        FailureKind::Input => cx.config.problem.is_some(),
        kind => kind != FailureKind::Stale,
    };
    if cx.request.kind == RequestType::Create
        && matches!(cx.progress.phase(), Phase::Resolving)
        && earlier_delivery_possible
    {
        delete::find_earlier_delivery(cx).await;
    }
    failure
}

/// Runs a future and returns an error if it panics.
async fn unwinding<T>(work: impl Future<Output = T>) -> Result<T, ()> {
    let mut work = Box::pin(work);
    std::future::poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(_) => std::task::Poll::Ready(Err(())),
        }
    })
    .await
}

#[cfg(test)]
mod tests;
