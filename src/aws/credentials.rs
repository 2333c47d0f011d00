//! Whose calls they are: the function's own credentials, or those of an assumed role.

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

/// One attempt of a call takes at most this long, so that one that hangs does not eat the
/// invocation.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The first retry comes at a random moment before this, each further one before twice as much, up
/// to the longest.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// More than fit into the longest invocation, fifteen minutes, on average; the SDK's start-up time
/// grows with it.
const ATTEMPTS: u32 = 500;
/// The attempts of a call for which a person waits: half a minute at most, if nothing hangs.
const ATTENDED: u32 = 8;
/// How many sessions are kept: more than an organization has parent accounts. Each event may name
/// other roles.
const MOST_SESSIONS: usize = 100;
/// Credentials of a role are renewed when they have less than this left.
const RENEW_BEFORE: Duration = Duration::from_mins(6);

/// The accounts that the function works in, with the sessions that it keeps while warm.
#[derive(Debug)]
pub struct Accounts {
    config: SdkConfig,
    clock: Clock,
    attempts: Arc<Attempts>,
    /// The name of the function or the program.
    program: String,
    /// Whose rights they are where no role is assumed.
    own: &'static str,
    sessions: Mutex<HashMap<SessionKey, Kept>>,
    /// The Region whose STS answered last, of those that were tried in turn.
    sts_region: Mutex<Option<String>>,
}

/// Where AWS is and whose calls they are.
#[derive(Clone)]
pub struct Given {
    /// The URL of every service.
    pub endpoint_url: String,
    /// The function's own Region.
    pub region: String,
    /// The access key's id.
    pub access_key_id: String,
    /// The access key's secret.
    pub secret_access_key: String,
    /// The session's token, if the key is a temporary one.
    pub session_token: Option<String>,
    /// What time it is there.
    pub clock: Clock,
}

/// What a person chooses of the standard AWS settings.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The profile, in place of `AWS_PROFILE`.
    pub profile: Option<String>,
    /// The Region, in place of `AWS_REGION`; it tells the partition.
    pub region: Option<String>,
}

/// Whose calls they are: of a role, in the name of a stack; or of the function itself.
type SessionKey = Option<RoleSession>;

#[derive(Clone, Debug)]
struct Kept {
    session: Arc<Session>,
    until: Option<SystemTime>,
}

impl Accounts {
    /// Reads the standard AWS settings; `function` names the sessions of assumed roles in
    /// CloudTrail.
    pub async fn load(http: Client, function: &str) -> Self {
        let attempts = Arc::default();
        let mut loader = loader(http, &attempts);
        // Where Lambda sets both, and the SDK's chains of providers look first: there they need not
        // be built.
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        if let Some(region) = set("AWS_REGION") {
            loader = loader.region(Region::new(region));
        }
        if set("AWS_ACCESS_KEY_ID").and(set("AWS_SECRET_ACCESS_KEY")).is_some() {
            loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
        }
        Self::new(loader.load().await, attempts, function)
    }

    /// The same for a person who waits and may choose; `program` names the sessions of assumed
    /// roles in CloudTrail.
    pub async fn attended(http: Client, program: &str, choice: &Choice) -> Self {
        let attempts = Arc::default();
        let mut loader = loader(http.clone(), &attempts).retry_config(retry(ATTENDED));
        if let Some(profile) = &choice.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &choice.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let mut config = loader.load().await;
        if let Some(profile) = &choice.profile {
            // The SDK's chain looks at the keys of the environment first, even if a profile is
            // named in code. As with the AWS CLI, the profile that somebody names is the one whose
            // rights are used, or it is an error.
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

    /// Whether there are credentials at all, to tell after a call that failed.
    pub async fn have_credentials(&self) -> bool {
        match self.config.credentials_provider() {
            Some(provider) => provider.provide_credentials().await.is_ok(),
            None => false,
        }
    }

    /// The same with the settings given instead of read, for a function in process.
    pub async fn given(http: Client, function: &str, given: &Given) -> Self {
        let token = given.session_token.clone();
        let credentials =
            Credentials::new(&given.access_key_id, &given.secret_access_key, token, None, "given");
        let attempts = Arc::default();
        let loader = loader(http, &attempts)
            .endpoint_url(&given.endpoint_url)
            .region(Region::new(given.region.clone()))
            .time_source(given.clock.clone());
        let config = loader.credentials_provider(credentials).load().await;
        Self { clock: given.clock.clone(), ..Self::new(config, attempts, function) }
    }

    fn new(config: SdkConfig, attempts: Arc<Attempts>, function: &str) -> Self {
        let (sessions, sts_region) = (Mutex::default(), Mutex::default());
        let (program, own) = (function.to_owned(), "the function's own role");
        Self { config, clock: Clock::System, attempts, program, own, sessions, sts_region }
    }

    /// The clock that sessions expire by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A session with the rights of `role`, or of the function itself. The session's name tells the
    /// function, and the stack where there is one, so that CloudTrail in the role's account shows
    /// for whom a call was made.
    pub async fn session(
        &self,
        role: Option<&Role>,
        stack: Option<&str>,
    ) -> Result<Arc<Session>, AwsError> {
        let key = role.map(|role| RoleSession::new(role, &self.program, stack));
        if let Some(session) = self.kept(&key) {
            return Ok(session);
        }
        let (config, until) = match &key {
            None => {
                let region = self.config.region().map_or("us-east-1", Region::as_ref);
                (self.config_in(route53_region(partition_of(region))), None)
            }
            Some(session) => {
                let region = route53_region(session.role.arn.partition());
                let credentials = self.assume(session).await?;
                let until = credentials.expiry().map(|expiry| expiry - RENEW_BEFORE);
                let provider = SharedCredentialsProvider::new(credentials);
                (
                    self.config_in(region).into_builder().credentials_provider(provider).build(),
                    until,
                )
            }
        };
        let session = Arc::new(Session::new(&config, key.is_none().then_some(self.own)));
        let kept = Kept { session: Arc::clone(&session), until };
        let mut sessions = self.lock();
        if sessions.len() >= MOST_SESSIONS {
            // What is still needed is made anew.
            sessions.clear();
        }
        sessions.insert(key, kept);
        Ok(session)
    }

    /// How many calls were sent so far. A retry of the SDK is a call of its own.
    pub(crate) fn calls_sent(&self) -> u64 {
        self.attempts.sent()
    }

    /// How many answers so far said that there were too many calls.
    pub(crate) fn throttled_calls(&self) -> u64 {
        self.attempts.throttled()
    }

    /// Why the last call, or the last attempt of one, did not work; `None` if it did.
    pub fn last_problem(&self) -> Option<Problem> {
        self.attempts.last_problem()
    }

    /// What went wrong before is no longer of interest.
    pub(crate) fn clear_last_problem(&self) {
        self.attempts.clear();
    }

    /// Drops every kept session: after a denial, in case that rights were granted since they were
    /// made.
    pub(crate) fn invalidate_sessions(&self) {
        self.lock().clear();
    }

    fn kept(&self, key: &SessionKey) -> Option<Arc<Session>> {
        let kept = self.lock().get(key).cloned()?;
        let alive = kept.until.is_none_or(|until| self.clock.now() < until);
        alive.then_some(kept.session)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Kept>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn config_in(&self, region: &str) -> SdkConfig {
        self.config.clone().into_builder().region(Region::new(region.to_owned())).build()
    }
}

/// Passing errors are retried with full jitter as long as the invocation has time, and not by
/// count: its deadline drops the call. So neither the number of attempts nor the SDK's quota of
/// retries ends them before.
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

/// The share of one service in the SDK's quota of retries: without a limit.
pub(super) fn unlimited(service: &'static str) -> RetryPartition {
    RetryPartition::custom(service).token_bucket(TokenBucket::unlimited()).build()
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        self.now()
    }
}
