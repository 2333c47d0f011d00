//! One request at work: what it knows, and how often it tries.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::info;

use super::check::Question;
use super::progress::Progress;
use super::{farewell, present};
use crate::aws::credentials::Accounts;
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::backoff::Backoff;
use crate::cfn::envelope::{Kind, Request, Target};
use crate::cfn::properties;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::{Failure, Kind as FailureKind};
use delegation_model::ids;
use delegation_model::ownership::Claimant;
use dns_check::{Report, Verifier};

/// How long after its signing a request is stale if its properties do not say: the longest `ServiceTimeout`.
const SERVICE_TIMEOUT: i64 = 3600;
/// How far a clock may be ahead, in seconds: what S3 accepts ("`RequestTimeTooSkewed`").
const MAX_SKEW: i64 = 900;
/// Between two tries of a denied call: the first pause on average, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// What is left of the invocation after a denial was waited for, at most.
const AFTER_WAITING: Duration = Duration::from_secs(20);

/// One request at work.
pub(super) struct Work<'a> {
    pub(super) accounts: &'a Accounts,
    pub(super) config: &'a Config,
    pub(super) verifier: &'a Verifier,
    pub(super) request: &'a Request,
    pub(super) claimant: Claimant,
    /// The partition of the stack, and so of this function; `None` if the stack's id is no ARN.
    pub(super) partition: Option<String>,
    /// The request's time, in seconds since 1970.
    pub(super) at: i64,
    pub(super) stale_after: Option<i64>,
    pub(super) deadline: Deadline,
    pub(super) progress: &'a Progress,
    /// Whether a denial was waited for as long as it is.
    waited: Cell<bool>,
    /// What was asked before the change and what was found, so that it is asked once.
    asked: RefCell<Option<(Question, Option<Report>)>>,
}

/// How a request ended well.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) physical_id: String,
    pub(super) data: BTreeMap<&'static str, String>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Work<'a> {
    /// The work that a request asks for. Its time is when its URL was signed; a URL without a date has the clock's, and is
    /// never stale.
    pub(super) fn new(
        config: &'a Config,
        accounts: &'a Accounts,
        verifier: &'a Verifier,
        request: &'a Request,
        target: &Target,
        deadline: Deadline,
        progress: &'a Progress,
    ) -> Self {
        // S3 refuses a URL that is signed in the future; the claim of such a request would fence off all that come after it.
        let signed_at = target.url.signed_at().filter(|at| *at <= now().saturating_add(MAX_SKEW));
        let timeout = properties::service_timeout(&request.properties).unwrap_or(SERVICE_TIMEOUT);
        Self {
            accounts,
            config,
            verifier,
            request,
            claimant: Claimant::new(&target.stack_id, &target.logical_id),
            partition: ids::partition_of(&target.stack_id).map(str::to_owned),
            at: signed_at.unwrap_or_else(now),
            stale_after: signed_at.map(|at| at.saturating_add(timeout)),
            deadline,
            progress,
            waited: Cell::new(false),
            asked: RefCell::default(),
        }
    }

    /// The work of a request that is only looked at: made now, and denied for good where it is denied.
    pub(super) fn preview(
        config: &'a Config,
        accounts: &'a Accounts,
        verifier: &'a Verifier,
        request: &'a Request,
        stack_id: &str,
        logical_id: &str,
        progress: &'a Progress,
    ) -> Self {
        let unknown = Deadline::new(SystemTime::UNIX_EPOCH, SystemTime::now());
        Self {
            accounts,
            config,
            verifier,
            request,
            claimant: Claimant::new(stack_id, logical_id),
            partition: ids::partition_of(stack_id).map(str::to_owned),
            at: now(),
            stale_after: None,
            deadline: unknown,
            progress,
            waited: Cell::new(true),
            asked: RefCell::default(),
        }
    }

    /// True once a denied call was tried for as long as a new right may take to be seen.
    pub(super) fn waited(&self) -> bool {
        self.waited.get()
    }

    pub(super) async fn run(&self) -> Result<Outcome, Failure> {
        if let Err(stale) = self.check_fresh() {
            // What a stale Delete would have removed was removed, or is claimed, by a later request.
            return match self.request.kind {
                Kind::Delete => Ok(self.outcome_of_nothing(vec![stale.message])),
                Kind::Create | Kind::Update => Err(stale),
            };
        }
        // Some time is left after the wait, for an Update that can do without what is denied.
        let left = self.deadline.work().saturating_duration_since(Instant::now());
        let until =
            Instant::now() + self.config.propagation_wait.min(left.saturating_sub((left / 3).min(AFTER_WAITING)));
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut dropped = false;
        if let (Some(problem), Kind::Create | Kind::Update) = (&self.config.problem, self.request.kind) {
            let message =
                format!("this function is set up wrongly, and changes nothing until that is corrected: {problem}");
            return Err(Failure::new(FailureKind::Input, message));
        }
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
            if self.request.kind == Kind::Delete || self.waited() {
                return result;
            }
            let pause = backoff.pause();
            if Instant::now() + pause >= until {
                self.waited.set(true);
                continue;
            }
            info!(
                reason = failure.message,
                "a call was denied; the right may be too new to be seen, so it is tried again"
            );
            self.progress.at(format!("waiting for a right to be seen ({failure})"));
            tokio::time::sleep(pause).await;
        }
    }

    /// True for a Create that failed before it has seen whether an earlier delivery of it had changed something.
    pub(super) fn may_have_created(&self) -> bool {
        self.request.kind == Kind::Create && self.progress.sent().is_none() && !self.progress.looked()
    }

    /// Whether this was asked before.
    pub(super) fn has_asked(&self, question: &Question) -> bool {
        self.asked.borrow().as_ref().is_some_and(|(asked, _)| asked == question)
    }

    pub(super) fn mark_asked(&self, question: Question, finding: Option<Report>) {
        self.asked.replace(Some((question, finding)));
    }

    /// What the DNS check before the change found.
    pub(super) fn found(&self) -> Option<Report> {
        self.asked.borrow().as_ref().and_then(|(_, finding)| finding.clone())
    }

    /// Does something whose denial is not the request's: once more with new sessions, for those that were kept from an earlier
    /// invocation may have ended, or be older than the right.
    pub(super) async fn afresh<T>(&self, work: impl AsyncFn() -> Result<T, Failure>) -> Result<T, Failure> {
        match work().await {
            Err(failure) if failure.kind == FailureKind::Denied => {
                self.accounts.forget();
                work().await
            }
            result => result,
        }
    }

    /// Fails once CloudFormation has given up on the request.
    pub(super) fn check_fresh(&self) -> Result<(), Failure> {
        match self.stale_after {
            Some(after) if now() > after => {
                let message = "this request is older than its ServiceTimeout: CloudFormation no longer waits for it, and nothing was changed";
                Err(Failure::new(FailureKind::Stale, message))
            }
            _ => Ok(()),
        }
    }

    /// The outcome of a request that changes nothing and keeps its physical id.
    pub(super) fn outcome_of_nothing(&self, warnings: Vec<String>) -> Outcome {
        Outcome { physical_id: self.request.physical_id.clone().unwrap_or_default(), data: BTreeMap::new(), warnings }
    }

    pub(super) fn comment(&self) -> String {
        format!("Custom::Delegation {} {}", self.request.kind, self.claimant.owner())
    }
}

/// A failed call of AWS as a failure of the request: where it was made, and what to do about a denial.
pub(super) fn aws_failure(context: &str, error: &AwsError) -> Failure {
    let (kind, remedy) = match error.kind {
        AwsErrorKind::Denied => (FailureKind::Denied, "; grant it, or correct the role or its external id"),
        AwsErrorKind::NoSuchHostedZone => (FailureKind::NoSuchZone, "; correct the id of the zone"),
        AwsErrorKind::Rejected | AwsErrorKind::NoAnswer | AwsErrorKind::Other => (FailureKind::Aws, ""),
    };
    Failure::new(kind, format!("{context}: {error}{remedy}"))
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
