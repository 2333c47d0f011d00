//! What one request works with.

use std::time::SystemTime;

use super::outcome::Outcome;
use super::progress::Progress;
use crate::aws::credentials::Accounts;
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::cfn::envelope::{Request, Target};
use crate::cfn::properties;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::{Code, Failure, Kind as FailureKind};
use delegation_model::ids;
use delegation_model::ownership::Claimant;
use delegation_model::plan::Warning;
use dns_check::Verifier;

/// How long after its signing a request is stale if its properties do not say: the longest `ServiceTimeout`.
const SERVICE_TIMEOUT: i64 = 3600;
/// How far a clock may be ahead, in seconds: what S3 accepts ("`RequestTimeTooSkewed`").
const MAX_SKEW: i64 = 900;

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
    pub(super) claimant: Claimant,
    /// The partition of the stack, and so of this function; `None` if the stack's id is no ARN.
    pub(super) partition: Option<String>,
    /// The request's time, in seconds since 1970.
    pub(super) at: i64,
    pub(super) stale_after: Option<i64>,
    pub(super) deadline: Deadline,
    pub(super) progress: &'a Progress,
}

impl<'a> RequestContext<'a> {
    /// The context of a request. Its time is when its URL was signed; a URL without a date has the clock's, and is never stale.
    pub(super) fn new(
        services: Services<'a>,
        request: &'a Request,
        target: &Target,
        deadline: Deadline,
        progress: &'a Progress,
    ) -> Self {
        // S3 refuses a URL that is signed in the future; the claim of such a request would fence off all that come after it.
        let now = seconds(services.accounts.clock().now());
        let signed_at = target.url.signed_at().filter(|at| *at <= now.saturating_add(MAX_SKEW));
        let timeout = properties::service_timeout(&request.properties).unwrap_or(SERVICE_TIMEOUT);
        let preview = Self::preview(services, request, &target.stack_id, &target.logical_id, progress);
        Self {
            at: signed_at.unwrap_or(preview.at),
            stale_after: signed_at.map(|at| at.saturating_add(timeout)),
            deadline,
            ..preview
        }
    }

    /// The context of a request that is only looked at: made now, by nobody who waits.
    pub(super) fn preview(
        services: Services<'a>,
        request: &'a Request,
        stack_id: &str,
        logical_id: &str,
        progress: &'a Progress,
    ) -> Self {
        let Services { config, accounts, verifier } = services;
        let now = accounts.clock().now();
        let unknown = Deadline::new(SystemTime::UNIX_EPOCH, now);
        Self {
            config,
            accounts,
            verifier,
            request,
            claimant: Claimant::new(stack_id, logical_id),
            partition: ids::partition_of(stack_id).map(str::to_owned),
            at: seconds(now),
            stale_after: None,
            deadline: unknown,
            progress,
        }
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
            Some(after) if seconds(self.accounts.clock().now()) > after => {
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
        format!("Custom::Delegation {} {}", self.request.kind, self.claimant.owner())
    }
}

/// A failed call of AWS as a failure of the request: where it was made, and what to do about a denial.
pub(super) fn aws_failure(context: &str, error: &AwsError) -> Failure {
    let (code, remedy) = match error.kind {
        AwsErrorKind::Denied => (Code::AccessDenied, "; grant it, or correct the role or its external id"),
        AwsErrorKind::NoSuchHostedZone => (Code::HostedZoneNotFound, "; correct the id of the zone"),
        AwsErrorKind::Rejected | AwsErrorKind::NoAnswer | AwsErrorKind::Other => (Code::AwsCallFailed, ""),
    };
    Failure::new(code, format!("{context}: {error}{remedy}"))
}

/// Since 1970.
fn seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
