//! The context of one request: its event, settings, clients and deadline.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::outcome::Outcome;
use super::progress::Progress;
use crate::aws::credentials::{Accounts, Regions};
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::aws::route53::Session;
use crate::cfn::envelope::{Request, RequestType, Target};
use crate::cfn::properties::MAX_SERVICE_TIMEOUT;
use crate::cfn::response::{self, encoded};
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::{Code, Failure, FailureKind, Warning};
use delegation_model::digest::RequestDigest;
use delegation_model::ids;
use delegation_model::name::Name;
use delegation_model::ownership_record::{Claimant, MAX_SKEW, OwnerName, Stamp};
use delegation_model::role::{ExternalId, Role};
use dns_check::Verifier;

/// The bytes of a response besides ids and values: the names of its fields and attributes, about
/// 330, and two strings that are shortened to a reference to the log stream.
const FRAME: usize = 700;

/// The services that all requests share.
#[derive(Clone, Copy, Debug)]
pub struct Services<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The AWS accounts: sessions and calls.
    pub accounts: &'a Accounts,
    /// The DNS verifier.
    pub verifier: &'a Verifier,
}

/// The context of one request.
pub(super) struct RequestContext<'a> {
    pub(super) config: &'a Config,
    pub(super) accounts: &'a Accounts,
    /// All checks of the request share one budget of queries.
    pub(super) verifier: Verifier,
    pub(super) request: &'a Request,
    stack_id: String,
    logical_id: String,
    request_id: String,
    /// The partition of the stack, and therefore of this function. `None` if the stack id is not an
    /// ARN.
    pub(super) partition: Option<String>,
    /// When the request was made, and which request it is.
    pub(super) stamp: Stamp,
    /// When CloudFormation stops waiting for the response, in seconds since 1970. `None` if the
    /// response URL has no date.
    pub(super) stale_after: Option<i64>,
    /// How many seconds the request took to arrive, if that was more than half of its
    /// `ServiceTimeout` (TIME-5).
    pub(super) late: Option<i64>,
    pub(super) deadline: Deadline,
    pub(super) progress: &'a Progress,
}

/// When a request was made, according to its URL, and when CloudFormation gives up on it. Seconds
/// since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates {
    /// When the URL was signed. The current time if the URL has no date, or one too far in the
    /// future.
    pub(super) made: i64,
    /// When CloudFormation stops waiting for the response.
    pub(super) gives_up: i64,
    /// True if the URL has a usable date.
    pub(super) is_dated: bool,
}

impl Dates {
    /// Reads the dates of a request. A date too far in the future is ignored: S3 rejects such a
    /// URL, and a claim with that date would block all later requests.
    pub(super) fn new(target: &Target, timeout: Option<i64>, now: SystemTime) -> Self {
        let now = seconds(now);
        let signed_at = target.url.signed_at().filter(|at| *at <= now.saturating_add(MAX_SKEW));
        let made = signed_at.unwrap_or(now);
        let gives_up = made.saturating_add(timeout.unwrap_or(MAX_SERVICE_TIMEOUT));
        Self { made, gives_up, is_dated: signed_at.is_some() }
    }

    /// When CloudFormation gives up.
    pub(super) fn service_end(self) -> Option<SystemTime> {
        let since = Duration::from_secs(u64::try_from(self.gives_up).ok()?);
        SystemTime::UNIX_EPOCH.checked_add(since)
    }
}

/// The times that limit a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline {
    pub(super) dates: Dates,
    pub(super) deadline: Deadline,
}

/// The resource of a request, as CloudFormation names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resource<'a> {
    pub(super) stack_id: &'a str,
    pub(super) logical_id: &'a str,
}

impl<'a> RequestContext<'a> {
    /// The context of a request. A request whose URL has no date never expires.
    pub(super) fn new(
        services: Services<'a>,
        request: &'a Request,
        target: &Target,
        Timeline { dates, deadline }: Timeline,
        progress: &'a Progress,
    ) -> Self {
        let resource = Resource { stack_id: &target.stack_id, logical_id: &target.logical_id };
        let in_transit = seconds(services.accounts.clock().now()).saturating_sub(dates.made);
        Self {
            late: (in_transit > (dates.gives_up - dates.made) / 2).then_some(in_transit),
            stamp: Stamp { time: dates.made, request: RequestDigest::new(&target.request_id) },
            request_id: target.request_id.clone(),
            stale_after: dates.is_dated.then_some(dates.gives_up),
            deadline,
            ..Self::preview(services, request, resource, progress)
        }
    }

    /// The context of a preview: a request made now, which nobody waits for.
    pub(super) fn preview(
        services: Services<'a>,
        request: &'a Request,
        Resource { stack_id, logical_id }: Resource<'_>,
        progress: &'a Progress,
    ) -> Self {
        let Services { config, accounts, verifier } = services;
        let now = accounts.clock().now();
        Self {
            config,
            accounts,
            verifier: verifier.clone().for_request(),
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

    /// How many bytes of a response are left for the values of its attributes, after its ids and
    /// the references of shortened strings.
    pub(super) fn room_for_values(&self, physical_id: &str) -> usize {
        let ids = [&self.stack_id, &self.logical_id, &self.request_id, physical_id].map(encoded);
        response::MAX.saturating_sub(FRAME + ids.iter().sum::<usize>())
    }

    /// A session with the permissions of `role`, or of the function itself, named after the stack.
    /// A wrong `AssumeRoleRegion` does not fail a Delete.
    pub(super) async fn session(&self, role: Option<&Role>) -> Result<Arc<Session>, AwsError> {
        let regions = match self.request.kind {
            RequestType::Create | RequestType::Update => Regions::OfRole,
            RequestType::Delete => Regions::Any,
        };
        self.session_in(regions, role).await
    }

    /// Like [`Self::session`], with a role of old properties, whose `AssumeRoleRegion` must not
    /// fail a request either.
    pub(super) async fn old_session(&self, role: Option<&Role>) -> Result<Arc<Session>, AwsError> {
        self.session_in(Regions::Any, role).await
    }

    async fn session_in(
        &self,
        regions: Regions,
        role: Option<&Role>,
    ) -> Result<Arc<Session>, AwsError> {
        let owner = self.owner();
        let stack = owner.as_str().and_then(|owner| owner.split_once('/')).map(|(stack, _)| stack);
        let session = self.accounts.session_in(regions, role, stack).await;
        session.map_err(|error| match role.and_then(|role| role.external_id.as_ref()) {
            Some(id) if error.is_denied() && has_form_of_number(id) => error.followed_by(
                "The external id looks like a number that YAML has rewritten: put it in quotation \
                 marks in the template",
            ),
            _ => error,
        })
    }

    /// The current time in seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        seconds(self.accounts.clock().now())
    }

    /// This resource, as a claimant at a zone cut.
    pub(super) fn claimant(&self, cut: &Name) -> Claimant {
        Claimant::new(&self.stack_id, &self.logical_id, cut)
    }

    /// This resource's stack and logical id, for people.
    pub(super) fn owner(&self) -> OwnerName {
        OwnerName::of_resource(&self.stack_id, &self.logical_id)
    }

    /// True if `DELEGATION_ALLOWED_NAMES` allows this name.
    pub(super) fn allows(&self, name: &Name) -> bool {
        self.config.allowed_names.as_ref().is_none_or(|allowed| allowed.allow(name))
    }

    /// Runs an action whose denial does not fail the request. If it is denied, runs it again with
    /// new sessions: cached credentials may have expired, or may be older than the permission.
    pub(super) async fn with_fresh_credentials<T>(
        &self,
        action: impl AsyncFn() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match action().await {
            Err(failure) if failure.kind() == FailureKind::Denied => {
                self.accounts.invalidate_sessions();
                action().await
            }
            result => result,
        }
    }

    /// Fails if CloudFormation has given up on the request.
    pub(super) fn check_fresh(&self) -> Result<(), Failure> {
        match self.stale_after {
            Some(after) if self.now() > after => {
                let message = format!(
                    "This request reached the function {} s after CloudFormation made it, and \
                     CloudFormation waited only {} s (ServiceTimeout). Nothing was changed. Deploy \
                     again.",
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

    /// The comment of the Route 53 change batch.
    pub(super) fn comment(&self) -> String {
        format!("Custom::Delegation {} {}", self.request.kind, self.owner())
    }
}

/// Turns a failed AWS call in the parent account into a failure of the request. For a denial it
/// lists every permission that the parent role needs, so that they can all be granted at once.
pub(super) fn parent_failure(context: &str, error: &AwsError) -> Failure {
    denied(aws_failure(context, error), error, PARENT_ROLE)
}

/// Like [`parent_failure`], for a call in the child account.
pub(super) fn child_failure(context: &str, error: &AwsError) -> Failure {
    denied(aws_failure(context, error), error, CHILD_ROLE)
}

/// Like [`parent_failure`], for a read-only call of the command or the watch.
pub(crate) fn reader_failure(context: &str, error: &AwsError) -> Failure {
    let failure = aws_failure(context, error);
    if error.is_denied() {
        failure.followed_by("Grant this permission, or correct the role or its external id.")
    } else {
        failure
    }
}

/// A role that the function assumes, as an error message describes it.
#[derive(Clone, Copy)]
struct RoleDescription {
    /// The property with the role.
    property: &'static str,
    /// The permissions that the role needs. `docs/permissions.md` has the policy.
    grants: &'static str,
}

const PARENT_ROLE: RoleDescription = RoleDescription {
    property: "ParentRoleArn",
    grants: "route53:ListHostedZonesByName, route53:GetHostedZone, \
             route53:ListResourceRecordSets, route53:ChangeResourceRecordSets (CREATE and DELETE \
             of NS, DS and TXT), route53:GetChange, and route53:GetDNSSEC for Dnssec",
};
const CHILD_ROLE: RoleDescription = RoleDescription {
    property: "ChildRoleArn",
    grants: "route53:GetHostedZone, route53:ListResourceRecordSets, and route53:GetDNSSEC for \
             Dnssec",
};

/// Adds to the failure of a denied call what to do about it.
fn denied(failure: Failure, error: &AwsError, role: RoleDescription) -> Failure {
    let RoleDescription { property, grants } = role;
    if !error.is_denied() {
        return failure;
    }
    if error.is_from_sts() {
        return failure.followed_by(&format!(
            "Correct {property} or its external id, name the function's role in the trust policy \
             of that role, and allow the function's role to assume it."
        ));
    }
    let remedy = match error.caller {
        Some(caller) => {
            format!("{property} is empty, so {caller} was used. Set {property}, or grant {caller}")
        }
        None => format!("Grant the role in {property}"),
    };
    failure.followed_by(&format!("{remedy} all permissions that it needs there: {grants}."))
}

/// Turns a failed AWS call into a failure of the request. `context` says what was being done.
fn aws_failure(context: &str, error: &AwsError) -> Failure {
    let code = match error.kind {
        AwsErrorKind::Denied => Code::AccessDenied,
        AwsErrorKind::NoSuchHostedZone => Code::HostedZoneNotFound,
        AwsErrorKind::Rejected
        | AwsErrorKind::Throttled
        | AwsErrorKind::NoResponse
        | AwsErrorKind::TooLarge
        | AwsErrorKind::Invalid
        | AwsErrorKind::NotActivated
        | AwsErrorKind::Other => Code::AwsCallFailed,
    };
    let failure = Failure::new(code, format!("{context}: {error}")).permanent(error.is_permanent());
    match code {
        Code::HostedZoneNotFound => failure.followed_by("Correct the id of the zone."),
        _ => failure,
    }
}

/// True for text like `1.2345678901E10`, which YAML and CloudFormation make of a long number
/// without quotation marks.
fn has_form_of_number(id: &ExternalId) -> bool {
    let id = id.expose();
    id.contains(['E', 'e', '.'])
        && id.starts_with(|c: char| c.is_ascii_digit())
        && id.parse::<f64>().is_ok()
}

/// Seconds since 1970.
fn seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
