//! The sessions that AWS calls are made with: of the function's own role, or of an assumed role.

mod assume_role;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_route53::config::retry::{RetryPartition, TokenBucket};
use aws_smithy_async::time::TimeSource;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::Problem;
use super::connector::{Attempts, Connector};
use super::error::AwsError;
use super::partition::{partition_of, route53_region};
use super::route53::Session;
use crate::clock::Clock;
use crate::http::Client;
use assume_role::RoleSession;
use delegation_model::role::Role;

/// The longest time for one attempt of a call, so that an attempt that hangs does not use up the
/// invocation.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause before the first retry is random and at most this long. The limit doubles with each
/// retry, up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// The largest number of attempts: on average more than fit into the longest invocation, fifteen
/// minutes. The SDK's start-up time grows with it.
const ATTEMPTS: u32 = 500;
/// The largest number of attempts if a person waits for the call: half a minute at most, if no
/// attempt hangs.
const ATTENDED_ATTEMPTS: u32 = 8;
/// How many sessions are cached. An organization has fewer parent accounts, but each event may name
/// other roles.
const MAX_SESSIONS: usize = 100;
/// Credentials of a role are renewed if they expire within this time.
const RENEW_BEFORE: Duration = Duration::from_mins(6);

/// Creates the sessions for AWS calls, and keeps them for later invocations.
#[derive(Debug)]
pub struct Accounts {
    config: SdkConfig,
    clock: Clock,
    attempts: Arc<Attempts>,
    /// The name of the function or the program.
    program: String,
    /// Whose permissions are used without an assumed role.
    own: &'static str,
    sessions: Mutex<HashMap<SessionKey, CachedSession>>,
    /// The Region whose STS assumed a role last, among those that were tried in turn.
    sts_region: Mutex<Option<String>>,
}

/// AWS settings given in code, instead of read from the environment.
#[derive(Clone)]
pub struct FixedSettings {
    /// The URL of every service.
    pub endpoint_url: String,
    /// The function's Region.
    pub region: String,
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
    /// The session token, if the key is temporary.
    pub session_token: Option<String>,
    /// The clock of these services.
    pub clock: Clock,
}

/// The standard AWS settings that a person can override.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The profile, instead of `AWS_PROFILE`.
    pub profile: Option<String>,
    /// The Region, instead of `AWS_REGION`. It determines the partition.
    pub region: Option<String>,
}

/// In which Regions a role may be assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Regions {
    /// In that of the role, if it has one. Otherwise in the default ones.
    OfRole,
    /// First in that of the role, and if that fails in the default ones.
    Any,
}

/// The assumed role of a session. `None` for the function's own role.
type SessionKey = Option<RoleSession>;

#[derive(Clone, Debug)]
struct CachedSession {
    session: Arc<Session>,
    /// When it must be renewed, if ever.
    until: Option<SystemTime>,
}

impl Accounts {
    /// Reads the standard AWS settings. `function` names the sessions of assumed roles in
    /// CloudTrail.
    pub async fn load(http: Client, function: &str) -> Self {
        let attempts = Arc::default();
        let mut loader = loader(http, &attempts);
        // Lambda sets these variables, and the SDK's provider chains read them first. With both
        // set, the chains are not built, which saves start-up time.
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        if let Some(region) = set("AWS_REGION") {
            loader = loader.region(Region::new(region));
        }
        if set("AWS_ACCESS_KEY_ID").and(set("AWS_SECRET_ACCESS_KEY")).is_some() {
            loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
        }
        Self::new(loader.load().await, attempts, function)
    }

    /// Reads the standard AWS settings for a program that a person waits for. The person can
    /// override some of them. `program` names the sessions of assumed roles in CloudTrail.
    pub async fn attended(http: Client, program: &str, overrides: &Overrides) -> Self {
        let attempts = Arc::default();
        let mut loader = loader(http.clone(), &attempts).retry_config(retry(ATTENDED_ATTEMPTS));
        if let Some(profile) = &overrides.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &overrides.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let mut config = loader.load().await;
        if let Some(profile) = &overrides.profile {
            // The SDK's chain prefers access keys in the environment to a profile named in code. As
            // with the AWS CLI, a named profile is used, or else it is an error.
            let connector = Connector { client: http, attempts: Arc::clone(&attempts) };
            let of_profile = ProviderConfig::without_region().with_http_client(connector);
            let of_profile = of_profile.with_region(config.region().cloned());
            let credentials = ProfileFileCredentialsProvider::builder()
                .configure(&of_profile)
                .profile_name(profile);
            let credentials = SharedCredentialsProvider::new(credentials.build());
            config = config.into_builder().credentials_provider(credentials).build();
        }
        Self { own: "your own identity", ..Self::new(config, attempts, program) }
    }

    /// True if there are credentials at all, to explain a failed call.
    pub async fn have_credentials(&self) -> bool {
        match self.config.credentials_provider() {
            Some(provider) => provider.provide_credentials().await.is_ok(),
            None => false,
        }
    }

    /// Uses these settings instead of reading the environment, for a function in the same process.
    pub async fn with_settings(http: Client, function: &str, settings: &FixedSettings) -> Self {
        let FixedSettings { access_key_id, secret_access_key, session_token, .. } = settings;
        let token = session_token.clone();
        let credentials =
            Credentials::new(access_key_id, secret_access_key, token, None, "settings");
        let attempts = Arc::default();
        let loader = loader(http, &attempts)
            .endpoint_url(&settings.endpoint_url)
            .region(Region::new(settings.region.clone()))
            .time_source(settings.clock.clone());
        let config = loader.credentials_provider(credentials).load().await;
        Self { clock: settings.clock.clone(), ..Self::new(config, attempts, function) }
    }

    fn new(config: SdkConfig, attempts: Arc<Attempts>, function: &str) -> Self {
        let (sessions, sts_region) = (Mutex::default(), Mutex::default());
        let (program, own) = (function.to_owned(), "the function's own role");
        Self { config, clock: Clock::System, attempts, program, own, sessions, sts_region }
    }

    /// The clock that determines when sessions expire.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns a session of `role`, or of the function's own role. The session's name contains the
    /// function's name and the stack's, if there is one, so that CloudTrail in the role's account
    /// shows for which stack a call was made.
    pub async fn session(
        &self,
        role: Option<&Role>,
        stack: Option<&str>,
    ) -> Result<Arc<Session>, AwsError> {
        self.session_in(Regions::OfRole, role, stack).await
    }

    /// Like [`Self::session`], but a role is assumed in these Regions.
    pub(crate) async fn session_in(
        &self,
        regions: Regions,
        role: Option<&Role>,
        stack: Option<&str>,
    ) -> Result<Arc<Session>, AwsError> {
        let key = role.map(|role| RoleSession::new(role, &self.program, stack));
        if let Some(session) = self.cached(&key) {
            return Ok(session);
        }
        let (config, until) = match &key {
            None => {
                let region = self.config.region().map_or("us-east-1", Region::as_ref);
                (self.config_in(route53_region(partition_of(region))), None)
            }
            Some(session) => {
                let region = route53_region(session.role.arn.partition());
                let credentials = self.assume(session, regions).await?;
                let until = credentials.expiry().map(|expiry| expiry - RENEW_BEFORE);
                let provider = SharedCredentialsProvider::new(credentials);
                (
                    self.config_in(region).into_builder().credentials_provider(provider).build(),
                    until,
                )
            }
        };
        let session = Arc::new(Session::new(&config, key.is_none().then_some(self.own)));
        let cached = CachedSession { session: Arc::clone(&session), until };
        let mut sessions = self.lock();
        if sessions.len() >= MAX_SESSIONS {
            // Sessions that are still in use are created again.
            sessions.clear();
        }
        sessions.insert(key, cached);
        Ok(session)
    }

    /// How many calls were sent so far. A retry of the SDK is a call of its own.
    pub(crate) fn calls_sent(&self) -> u64 {
        self.attempts.sent()
    }

    /// How many responses so far said that there were too many calls.
    pub(crate) fn throttled_calls(&self) -> u64 {
        self.attempts.throttled()
    }

    /// Why the last attempt of a call failed. `None` if it succeeded.
    pub fn last_problem(&self) -> Option<Problem> {
        self.attempts.last_problem()
    }

    /// Clears the last problem, when a new request begins.
    pub(crate) fn clear_last_problem(&self) {
        self.attempts.clear();
    }

    /// Drops all cached sessions, after a call was denied: permissions may have been granted since
    /// the sessions were created.
    pub(crate) fn invalidate_sessions(&self) {
        self.lock().clear();
    }

    fn cached(&self, key: &SessionKey) -> Option<Arc<Session>> {
        let cached = self.lock().get(key).cloned()?;
        let is_current = cached.until.is_none_or(|until| self.clock.now() < until);
        is_current.then_some(cached.session)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, CachedSession>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn config_in(&self, region: &str) -> SdkConfig {
        self.config.clone().into_builder().region(Region::new(region.to_owned())).build()
    }
}

/// The settings for all calls. Transient errors are retried with full jitter until the invocation's
/// deadline, which drops the call. Neither the number of attempts nor the SDK's retry quota ends
/// the retries earlier.
fn loader(http: Client, attempts: &Arc<Attempts>) -> aws_config::ConfigLoader {
    let connector = Connector { client: http, attempts: Arc::clone(attempts) };
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(connector)
        .retry_config(retry(ATTEMPTS))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build())
}

fn retry(attempts: u32) -> RetryConfig {
    let retry = RetryConfig::standard().with_max_attempts(attempts);
    retry.with_initial_backoff(FIRST_BACKOFF).with_max_backoff(MAX_BACKOFF)
}

/// A partition of the SDK's retry quota for one service, without a limit.
pub(super) fn unlimited(service: &'static str) -> RetryPartition {
    RetryPartition::custom(service).token_bucket(TokenBucket::unlimited()).build()
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        self.now()
    }
}
