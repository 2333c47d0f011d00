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
use delegation_model::role::{ExternalId, Role};
use dns_check::Verifier;

/// What an answer takes beside ids and values, in bytes: the names of its fields and attributes,
/// about 330, and two texts that are shortened to a pointer to the log stream.
const FRAME: usize = 700;

/// What all requests share.
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
    /// For how many seconds the request was on its way, if that was more than half of its
    /// `ServiceTimeout` (TIME-5).
    pub(super) late: Option<i64>,
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
    /// S3 refuses a URL that is signed in the future; the claim of such a request would fence off
    /// all that come after it.
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
        let on_its_way = seconds(services.accounts.clock().now()).saturating_sub(dates.made);
        Self {
            late: (on_its_way > (dates.gives_up - dates.made) / 2).then_some(on_its_way),
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
            late: None,
            deadline: Deadline::new(SystemTime::UNIX_EPOCH, None, now),
            progress,
        }
    }

    /// The bytes of an answer that are left for the values of its attributes, beside its ids and
    /// the pointers of texts that were shortened.
    pub(super) fn room_for_values(&self, physical_id: &str) -> usize {
        let ids = [&self.stack_id, &self.logical_id, &self.request_id, physical_id].map(encoded);
        response::MAX.saturating_sub(FRAME + ids.iter().sum::<usize>())
    }

    /// A session with the rights of `role`, or of the function itself, in the name of the stack.
    pub(super) async fn session(&self, role: Option<&Role>) -> Result<Arc<Session>, AwsError> {
        let owner = self.owner();
        let stack = owner.as_str().and_then(|owner| owner.split_once('/')).map(|(stack, _)| stack);
        let session = self.accounts.session(role, stack).await;
        session.map_err(|error| match role.and_then(|role| role.external_id.as_ref()) {
            Some(id) if error.is_denied() && has_form_of_number(id) => error.followed_by(
                "The external id has the form of a number that YAML has rewritten: put it in quotation marks in the template",
            ),
            _ => error,
        })
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

    /// Does something whose denial is not the request's: once more with new sessions, for those
    /// that were kept from an earlier invocation may have ended, or be older than the permission.
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
                let message = format!(
                    "This request came to the function {} s after CloudFormation made it, and CloudFormation waited for {} s \
                     (ServiceTimeout). Nothing was changed. Deploy again.",
                    self.now().saturating_sub(self.stamp.time),
                    after.saturating_sub(self.stamp.time)
                );
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

/// A failed call of AWS in the parent account as a failure of the request. A denial says what the
/// parent role needs: all of it, so that who grants it has to do so once.
pub(super) fn parent_failure(context: &str, error: &AwsError) -> Failure {
    denied(aws_failure(context, error), error, ("ParentRoleArn", PARENT_GRANTS))
}

/// The same in the child account.
pub(super) fn child_failure(context: &str, error: &AwsError) -> Failure {
    denied(aws_failure(context, error), error, ("ChildRoleArn", CHILD_GRANTS))
}

/// The same of a call that only reads, in an account that the command looks at.
pub(crate) fn reader_failure(context: &str, error: &AwsError) -> Failure {
    let failure = aws_failure(context, error);
    if error.is_denied() {
        failure.followed_by("Grant it, or correct the role or its external id.")
    } else {
        failure
    }
}

/// What the parent role needs, for the person who has to grant it; `docs/permissions.md` has the
/// policy.
const PARENT_GRANTS: &str = "route53:ListHostedZonesByName, route53:GetHostedZone, route53:ListResourceRecordSets, \
     route53:ChangeResourceRecordSets (CREATE and DELETE of NS, DS and TXT), route53:GetChange, and route53:GetDNSSEC for \
     Dnssec";
const CHILD_GRANTS: &str =
    "route53:GetHostedZone, route53:ListResourceRecordSets, and route53:GetDNSSEC for Dnssec";

fn denied(failure: Failure, error: &AwsError, (property, grants): (&str, &str)) -> Failure {
    if !error.is_denied() {
        return failure;
    }
    if error.is_of_sts() {
        return failure.followed_by(&format!(
            "Correct {property} or its external id, let the role's trust policy name the function's role, and let the \
             function's role assume it."
        ));
    }
    let remedy = match error.own {
        Some(own) => {
            format!("{property} is blank, so {own} was used. Give {property}, or grant to {own}")
        }
        None => format!("Grant to the role in {property}"),
    };
    failure.followed_by(&format!("{remedy} all that is needed there: {grants}."))
}

/// A failed call of AWS as a failure of the request, and where it was made.
fn aws_failure(context: &str, error: &AwsError) -> Failure {
    let code = match error.kind {
        AwsErrorKind::Denied => Code::AccessDenied,
        AwsErrorKind::NoSuchHostedZone => Code::HostedZoneNotFound,
        AwsErrorKind::Rejected
        | AwsErrorKind::Throttled
        | AwsErrorKind::NoAnswer
        | AwsErrorKind::Other => Code::AwsCallFailed,
    };
    let failure = Failure::new(code, format!("{context}: {error}"));
    match code {
        Code::HostedZoneNotFound => failure.followed_by("Correct the id of the zone."),
        _ => failure,
    }
}

/// True for `1.2345678901E10`, which YAML and CloudFormation make of a long number without
/// quotation marks.
fn has_form_of_number(id: &ExternalId) -> bool {
    let id = id.expose();
    id.contains(['E', 'e', '.'])
        && id.starts_with(|c: char| c.is_ascii_digit())
        && id.parse::<f64>().is_ok()
}

/// Since 1970.
fn seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
