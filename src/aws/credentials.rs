//! Whose calls they are: the function's own credentials, or those of an assumed role.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
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
use super::error::{AwsError, AwsErrorKind};
use super::route53::Session;
use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::http::Client;
use delegation_model::ids::RoleArn;
use delegation_model::role::{ExternalId, Role};
use tokio::time::sleep;

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
/// The attempts in one Region before the next one is asked, where several are.
const ATTEMPTS_IN_TURN: u32 = 3;
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
type SessionKey = Option<(Role, String)>;

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
        let key = role.map(|role| (role.clone(), session_name(&self.program, stack)));
        if let Some(session) = self.kept(&key) {
            return Ok(session);
        }
        let (config, until) = match &key {
            None => {
                let region = self.config.region().map_or("us-east-1", Region::as_ref);
                (self.config_in(route53_region(partition_of(region))), None)
            }
            Some(key @ (role, _)) => {
                let region = route53_region(role.arn.partition());
                let credentials = self.assume(key).await?;
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

    /// How many answers so far said that there were too many calls.
    pub fn throttled_calls(&self) -> u64 {
        self.attempts.throttled()
    }

    /// Why the last call, or the last attempt of one, did not work; `None` if it did.
    pub fn last_problem(&self) -> Option<Problem> {
        self.attempts.last_problem()
    }

    /// What went wrong before is no longer of interest.
    pub fn clear_last_problem(&self) {
        self.attempts.clear();
    }

    /// Drops every kept session: after a denial, in case that rights were granted since they were
    /// made.
    pub fn invalidate_sessions(&self) {
        self.lock().clear();
    }

    fn kept(&self, key: &SessionKey) -> Option<Arc<Session>> {
        let kept = self.lock().get(key).cloned()?;
        let alive = kept.until.is_none_or(|until| self.clock.now() < until);
        alive.then_some(kept.session)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SessionKey, Kept>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn config_in(&self, region: &str) -> SdkConfig {
        self.config.clone().into_builder().region(Region::new(region.to_owned())).build()
    }

    /// Assumes a role by the STS of the Region that is asked for; else in the function's own
    /// Region, and if that fails in the Region of Route 53: the first may be the only one that a
    /// VPC endpoint or a policy lets through, or one that the role's account has not enabled (IAM
    /// User Guide, "Manage AWS STS in an AWS Region").
    async fn assume(&self, key: &(Role, String)) -> Result<Credentials, AwsError> {
        let regions = self.sts_regions(&key.0);
        let [only] = regions.as_slice() else { return self.assume_in_turn(key, &regions).await };
        self.assume_in(only, key, None).await
    }

    fn sts_regions(&self, role: &Role) -> Vec<String> {
        if let Some(region) = &role.region {
            return vec![region.as_str().to_owned()];
        }
        let partition = role.arn.partition();
        let own = self
            .config
            .region()
            .map(Region::as_ref)
            .filter(|region| partition_of(region) == partition);
        let mut regions: Vec<String> = own.into_iter().map(str::to_owned).collect();
        if own != Some(route53_region(partition)) {
            regions.push(route53_region(partition).to_owned());
        }
        let last = self.sts_region.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if last.is_some() && regions.last() == last.as_ref() {
            regions.reverse();
        }
        regions
    }

    /// A few attempts in each Region, until one answers or all deny.
    async fn assume_in_turn(
        &self,
        key: &(Role, String),
        regions: &[String],
    ) -> Result<Credentials, AwsError> {
        let most = self.config.retry_config().map_or(1, RetryConfig::max_attempts);
        let mut backoff = Backoff::new(FIRST_BACKOFF, MAX_BACKOFF);
        let mut attempts = 0;
        loop {
            let mut errors: Vec<(&str, AwsError)> = Vec::new();
            for region in regions {
                match self.assume_in(region, key, Some(ATTEMPTS_IN_TURN)).await {
                    Ok(credentials) => {
                        *self.sts_region.lock().unwrap_or_else(PoisonError::into_inner) =
                            Some(region.clone());
                        return Ok(credentials);
                    }
                    Err(error) => errors.push((region, error)),
                }
            }
            attempts += ATTEMPTS_IN_TURN;
            let passes = |kind| matches!(kind, AwsErrorKind::NoAnswer | AwsErrorKind::Throttled);
            if attempts >= most || !errors.iter().all(|(_, error)| passes(error.kind)) {
                return Err(AwsError::from_regions(&errors));
            }
            sleep(backoff.pause()).await;
        }
    }

    /// Assumes a role by the STS of a Region, with the number of attempts of all calls or with this
    /// one.
    async fn assume_in(
        &self,
        region: &str,
        (role, name): &(Role, String),
        attempts: Option<u32>,
    ) -> Result<Credentials, AwsError> {
        let mut config = self.config_in(region);
        if let Some(attempts) = attempts {
            config = config.into_builder().retry_config(retry(attempts)).build();
        }
        let Some(through) = &role.through else {
            return assume_with(&config, name, (&role.arn, role.external_id.as_ref())).await;
        };
        let first =
            SharedCredentialsProvider::new(assume_with(&config, name, (through, None)).await?);
        let config = config.into_builder().credentials_provider(first).build();
        assume_with(&config, name, (&role.arn, role.external_id.as_ref())).await
    }
}

async fn assume_with(
    config: &SdkConfig,
    session_name: &str,
    (arn, external_id): (&RoleArn, Option<&ExternalId>),
) -> Result<Credentials, AwsError> {
    let action = format!("STS AssumeRole of {arn}");
    let config = aws_sdk_sts::config::Builder::from(config);
    let sts = aws_sdk_sts::Client::from_conf(config.retry_partition(unlimited("sts")).build());
    let answer = sts
        .assume_role()
        .role_arn(arn.as_str())
        .role_session_name(session_name)
        .set_external_id(external_id.map(|id| id.expose().to_owned()))
        .send()
        .await
        .map_err(|error| AwsError::from_sdk(&action, &error, &[]))?;
    let given = answer
        .credentials
        .ok_or_else(|| AwsError::unreadable(&action, "no credentials in the answer".into()))?;
    let expiry = SystemTime::try_from(given.expiration).ok();
    Ok(Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        expiry,
        "AssumeRole",
    ))
}

/// `<function>.<stack>`, or the function's name alone (STS API Reference, AssumeRole: a
/// `RoleSessionName` has 2 to 64 of these characters).
fn session_name(program: &str, stack: Option<&str>) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || "_=,.@-".contains(*c);
    let part = |text: &str, most| text.chars().filter(fits).take(most).collect::<String>();
    let name = match stack.map(|stack| part(stack, 31)).filter(|stack| !stack.is_empty()) {
        Some(stack) => format!("{}.{stack}", part(program, 32)),
        None => part(program, 64),
    };
    if name.len() < 2 { "custom-delegation".to_owned() } else { name }
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

fn partition_of(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        region if region.starts_with("us-isob-") => "aws-iso-b",
        region if region.starts_with("us-isof-") => "aws-iso-f",
        region if region.starts_with("us-iso-") => "aws-iso",
        region if region.starts_with("eu-isoe-") => "aws-iso-e",
        region if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

/// The Region in which Route 53 of a partition is signed for (AWS General Reference, "Amazon Route
/// 53 endpoints and quotas").
fn route53_region(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-northwest-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        "aws-eusc" => "eusc-de-east-1",
        _ => "us-east-1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_named_for_the_function_and_the_stack() {
        assert_eq!(session_name("delegation", Some("testing-dns")), "delegation.testing-dns");
        assert_eq!(session_name("delegation", None), "delegation");
        assert_eq!(session_name("", None), "custom-delegation");
        assert_eq!(session_name("d", Some("arn:x/\u{e9}")), "d.arnx");
        assert_eq!(session_name(&"f".repeat(64), Some(&"s".repeat(128))).len(), 64);
    }

    #[test]
    fn each_partition_has_its_route_53_region() {
        for (region, signed) in [
            ("eu-west-1", "us-east-1"),
            ("cn-north-1", "cn-northwest-1"),
            ("us-gov-east-1", "us-gov-west-1"),
            ("eusc-de-east-1", "eusc-de-east-1"),
            ("us-isob-east-1", "us-isob-east-1"),
        ] {
            assert_eq!(route53_region(partition_of(region)), signed, "{region}");
        }
    }
}
