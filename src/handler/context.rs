//! What one request works with.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::outcome::Outcome;
use super::progress::Progress;
use crate::aws::credentials::Accounts;
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::aws::route53::Session;
use crate::cfn::envelope::{Request, Target};
use crate::cfn::properties::MAX_SERVICE_TIMEOUT;
use crate::cfn::response::{self, encoded};
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::{Code, Failure, Kind as FailureKind, Warning};
use delegation_model::digest::RequestDigest;
use delegation_model::ids;
use delegation_model::name::Name;
use delegation_model::ownership_record::{Claimant, MAX_SKEW, OwnerName, Stamp};
use delegation_model::role::Role;
use dns_check::Verifier;

/// What an answer takes beside ids and values, in bytes: the names of its fields and attributes, about 330, and two texts that are
/// shortened to a pointer to the log stream.
const FRAME: usize = 700;

/// What serves every request.
#[derive(Clone, Copy, Debug)]
pub struct Services<'a> {
    /// The settings.
    pub config: &'a Config,
    /// AWS.
    pub accounts: &'a Accounts,
    /// DNS.
    pub verifier: &'a Verifier,
}

/// What one request works with.
pub(super) struct RequestContext<'a> {
    pub(super) config: &'a Config,
    pub(super) accounts: &'a Accounts,
    pub(super) verifier: &'a Verifier,
    pub(super) request: &'a Request,
    stack_id: String,
    logical_id: String,
    request_id: String,
    /// The partition of the stack, and so of this function; `None` if the stack's id is no ARN.
    pub(super) partition: Option<String>,
    /// When the request was made, and which it is.
    pub(super) stamp: Stamp,
    pub(super) stale_after: Option<i64>,
    pub(super) deadline: Deadline,
    pub(super) progress: &'a Progress,
}

/// When a request was made, by its URL, and when CloudFormation gives up on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates {
    /// When the URL was signed; the clock's time if the URL has no date, or one too far ahead.
    pub(super) made: i64,
    /// When nobody waits for the answer any more.
    pub(super) gives_up: i64,
    /// True if the URL has a date of its own.
    pub(super) is_dated: bool,
}

impl Dates {
    /// S3 refuses a URL that is signed in the future; the claim of such a request would fence off all
    /// that come after it.
    pub(super) fn new(target: &Target, timeout: Option<i64>, now: SystemTime) -> Self {
        let now = seconds(now);
        let signed_at = target.url.signed_at().filter(|at| *at <= now.saturating_add(MAX_SKEW));
        let made = signed_at.unwrap_or(now);
        let gives_up = made.saturating_add(timeout.unwrap_or(MAX_SERVICE_TIMEOUT));
        Self { made, gives_up, is_dated: signed_at.is_some() }
    }

    /// When CloudFormation gives up, by the clock.
    pub(super) fn service_end(self) -> Option<SystemTime> {
        let since = Duration::from_secs(u64::try_from(self.gives_up).ok()?);
        SystemTime::UNIX_EPOCH.checked_add(since)
    }
}

impl<'a> RequestContext<'a> {
    /// The context of a request. One with a URL without a date is never stale.
    pub(super) fn new(
        services: Services<'a>,
        request: &'a Request,
        target: &Target,
        (dates, deadline): (Dates, Deadline),
        progress: &'a Progress,
    ) -> Self {
        let resource = (target.stack_id.as_str(), target.logical_id.as_str());
        Self {
            stamp: Stamp { time: dates.made, request: RequestDigest::new(&target.request_id) },
            request_id: target.request_id.clone(),
            stale_after: dates.is_dated.then_some(dates.gives_up),
            deadline,
            ..Self::preview(services, request, resource, progress)
        }
    }

    /// The context of a request that is only looked at: made now, by nobody who waits.
    pub(super) fn preview(
        services: Services<'a>,
        request: &'a Request,
        (stack_id, logical_id): (&str, &str),
        progress: &'a Progress,
    ) -> Self {
        let Services { config, accounts, verifier } = services;
        let now = accounts.clock().now();
        Self {
            config,
            accounts,
            verifier,
            request,
            stack_id: stack_id.to_owned(),
            logical_id: logical_id.to_owned(),
            request_id: String::new(),
            partition: ids::partition_of(stack_id).map(str::to_owned),
            stamp: Stamp { time: seconds(now), request: RequestDigest::new("") },
            stale_after: None,
            deadline: Deadline::new(SystemTime::UNIX_EPOCH, None, now),
            progress,
        }
    }

    /// The bytes of an answer that are left for the values of its attributes, beside its ids and the pointers of texts that were
    /// shortened.
    pub(super) fn room_for_values(&self, physical_id: &str) -> usize {
        let ids = [&self.stack_id, &self.logical_id, &self.request_id, physical_id].map(encoded);
        response::MAX.saturating_sub(FRAME + ids.iter().sum::<usize>())
    }

    /// A session with the rights of `role`, or of the function itself, in the name of the stack.
    pub(super) async fn session(&self, role: Option<&Role>) -> Result<Arc<Session>, AwsError> {
        let owner = self.owner();
        let stack = owner.as_str().and_then(|owner| owner.split_once('/')).map(|(stack, _)| stack);
        self.accounts.session(role, stack).await
    }

    /// The clock, in seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        seconds(self.accounts.clock().now())
    }

    /// Who asks, at a zone cut.
    pub(super) fn claimant(&self, cut: &Name) -> Claimant {
        Claimant::new(&self.stack_id, &self.logical_id, cut)
    }

    /// Who asks, for people.
    pub(super) fn owner(&self) -> OwnerName {
        OwnerName::of_resource(&self.stack_id, &self.logical_id)
    }

    /// Whether this function may manage the name.
    pub(super) fn allows(&self, name: &Name) -> bool {
        self.config.allowed_names.as_ref().is_none_or(|allowed| allowed.allow(name))
    }

    /// Does something whose denial is not the request's: once more with new sessions, for those that were kept from an earlier
    /// invocation may have ended, or be older than the permission.
    pub(super) async fn with_fresh_credentials<T>(
        &self,
        action: impl AsyncFn() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match action().await {
            Err(failure) if failure.kind() == FailureKind::Denied => {
                self.accounts.forget();
                action().await
            }
            result => result,
        }
    }

    /// Fails once CloudFormation has given up on the request.
    pub(super) fn check_fresh(&self) -> Result<(), Failure> {
        match self.stale_after {
            Some(after) if self.now() > after => {
                let message = "this request is older than its ServiceTimeout: CloudFormation no longer waits for it, and nothing was changed";
                Err(Failure::new(Code::RequestExpired, message))
            }
            _ => Ok(()),
        }
    }

    /// The outcome of a request that changes nothing and keeps its physical id.
    pub(super) fn unchanged(&self, warnings: Vec<Warning>) -> Outcome {
        let physical_id = self.request.physical_id.clone().unwrap_or_default();
        Outcome { physical_id, warnings, ..Outcome::default() }
    }

    /// The comment of a change.
    pub(super) fn comment(&self) -> String {
        format!("Custom::Delegation {} {}", self.request.kind, self.owner())
    }
}

/// A failed call of AWS as a failure of the request: where it was made, and what to do about a denial.
pub(crate) fn aws_failure(context: &str, error: &AwsError) -> Failure {
    let (code, remedy) = match error.kind {
        AwsErrorKind::Denied => (Code::AccessDenied, "; grant it, or correct the role or its external id"),
        AwsErrorKind::NoSuchHostedZone => (Code::HostedZoneNotFound, "; correct the id of the zone"),
        AwsErrorKind::Rejected | AwsErrorKind::Throttled | AwsErrorKind::NoAnswer | AwsErrorKind::Other => {
            (Code::AwsCallFailed, "")
        }
    };
    Failure::new(code, format!("{context}: {error}{remedy}"))
}

/// Since 1970.
fn seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
