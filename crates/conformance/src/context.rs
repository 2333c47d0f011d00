//! The environment that the probes of a run share, and the context of each probe: its own names and
//! its calls.

use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_route53 as route53;
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ChangeInfo, ChangeStatus, ResourceRecord, ResourceRecordSet,
    RrType,
};
use aws_sdk_sts as sts;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;

use crate::backend::Backend;
use crate::journal::Journal;

/// The number of attempts of a throttled call, except where a probe is about throttling.
const ATTEMPTS: u32 = 12;
/// The pause between polls where nothing takes time.
pub(crate) const LOCAL_PAUSE: Duration = Duration::from_millis(10);
/// The number of attempts and the pause between them while a permission may still propagate.
const PROPAGATION: (u32, Duration) = (20, Duration::from_secs(3));

/// An identity in an account.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: String,
    pub arn: String,
    /// The SDK settings, with endpoint and credentials.
    pub config: SdkConfig,
    pub route53: route53::Client,
    pub sts: sts::Client,
}

impl Account {
    /// Loads the identity of these settings from STS.
    pub async fn load(config: SdkConfig) -> Result<Self, String> {
        let account = Self::new(String::new(), String::new(), config);
        // An invalid setting must be reported soon.
        let retry = RetryConfig::standard().with_max_attempts(2);
        let sts =
            sts::Client::new(&account.config.clone().into_builder().retry_config(retry).build());
        let answer = sts.get_caller_identity().send().await;
        let identity =
            answer.map_err(|error| format!("STS GetCallerIdentity: {}", error_text(&error)))?;
        let (id, arn) =
            (identity.account().unwrap_or_default(), identity.arn().unwrap_or_default());
        Ok(Self { id: id.to_owned(), arn: arn.to_owned(), ..account })
    }

    fn new(id: String, arn: String, config: SdkConfig) -> Self {
        let retry = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let config = config.into_builder().retry_config(retry).build();
        let (route53, sts) = (route53::Client::new(&config), sts::Client::new(&config));
        Self { id, arn, config, route53, sts }
    }

    /// Returns the same account with these credentials. `arn` still names the original identity.
    pub fn with_keys(&self, keys: &Keys) -> Self {
        let credentials = route53::config::Credentials::new(
            &keys.id,
            &keys.secret,
            keys.token.clone(),
            None,
            "conformance",
        );
        let provider = route53::config::SharedCredentialsProvider::new(credentials);
        let config = self.config.clone().into_builder().credentials_provider(provider).build();
        Self::new(self.id.clone(), self.arn.clone(), config)
    }

    /// Returns the same identity in another Region. A configured endpoint URL still applies.
    pub(crate) fn in_region(&self, region: &str) -> Self {
        let config =
            self.config.clone().into_builder().region(Region::new(region.to_owned())).build();
        Self::new(self.id.clone(), self.arn.clone(), config)
    }

    /// Returns a Route 53 client that makes only one attempt.
    pub fn route53_without_retries(&self) -> route53::Client {
        let config =
            self.config.clone().into_builder().retry_config(RetryConfig::disabled()).build();
        route53::Client::new(&config)
    }
}

/// Returns the SDK's own HTTP client, with the TLS library of this workspace.
pub(crate) fn http_client() -> route53::config::SharedHttpClient {
    let tls = Provider::Rustls(CryptoMode::Ring);
    aws_smithy_http_client::Builder::new().tls_provider(tls).build_https()
}

/// Returns the settings for a local AWS.
pub(crate) fn local_config(endpoint: &str, id: &str, secret: &str) -> SdkConfig {
    let credentials = route53::config::Credentials::new(id, secret, None, None, "conformance");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(route53::config::SharedCredentialsProvider::new(credentials))
        .http_client(http_client())
        .build()
}

/// Credentials; their Debug output shows no secrets.
#[derive(Clone)]
pub struct Keys {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// A hosted zone of the run.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Its id, without `/hostedzone/`.
    pub id: String,
    /// Its name, without a trailing dot.
    pub name: String,
    /// Its name servers, as the service returns them.
    pub name_servers: Vec<String>,
}

/// What the probes of a run share.
#[derive(Debug)]
pub struct Environment {
    /// An administrator of the account with the parent zone.
    pub parent: Account,
    /// An administrator of the account with the child zone.
    pub child: Account,
    /// The zone that the probes write to.
    pub zone: Zone,
    /// The zone `child.<zone>` in the other account.
    pub child_zone: Zone,
    /// The prefix of all names that the run creates.
    pub prefix: String,
    pub backend: Arc<dyn Backend>,
    pub journal: Arc<Journal>,
}

impl Environment {
    /// Waits until the name servers have a change of the parent account: at most 100 polls, which
    /// is five minutes on AWS.
    pub async fn in_sync(&self, info: &ChangeInfo) -> Result<(), String> {
        let id = info.id().trim_start_matches("/change/");
        for _ in 0..100 {
            let answer = self
                .parent
                .route53
                .get_change()
                .id(id)
                .send()
                .await
                .map_err(|error| error_text(&error))?;
            if answer.change_info().is_some_and(|info| *info.status() == ChangeStatus::Insync) {
                return Ok(());
            }
            tokio::time::sleep(if self.backend.is_local() {
                LOCAL_PAUSE
            } else {
                Duration::from_secs(3)
            })
            .await;
        }
        Err(format!("the change {id} is still PENDING after 100 polls"))
    }
}

/// The context of one probe. Its names are below a label of its own.
#[derive(Clone, Debug)]
pub struct ProbeContext {
    pub env: Arc<Environment>,
    slug: &'static str,
}

impl ProbeContext {
    pub fn new(env: &Arc<Environment>, slug: &'static str) -> Self {
        Self { env: Arc::clone(env), slug }
    }

    pub fn slug(&self) -> &'static str {
        self.slug
    }

    /// Returns `<label>.<slug>.<zone>`.
    pub fn name(&self, label: &str) -> String {
        format!("{label}.{}.{}", self.slug, self.env.zone.name)
    }

    /// Returns `<slug>.<zone>`, the name above all names of the probe.
    pub fn domain(&self) -> String {
        format!("{}.{}", self.slug, self.env.zone.name)
    }

    /// Replaces the names, accounts and ids of the run by those of the documentation.
    pub fn with_documentation_ids(&self, text: &str) -> String {
        let env = &self.env;
        let mut plain = text.to_owned();
        let callers =
            [(&env.parent.arn, "PARENT-ADMINISTRATOR"), (&env.child.arn, "CHILD-ADMINISTRATOR")];
        for (arn, name) in callers.into_iter().filter(|(arn, _)| !arn.is_empty()) {
            plain = plain.replace(arn.as_str(), name);
        }
        let replaced = [
            (&env.zone.name, "example.com"),
            (&env.zone.id, "Z0PARENTEXAMPLE"),
            (&env.child_zone.id, "Z0CHILDEXAMPLE"),
            (&env.parent.id, "111111111111"),
            (&env.child.id, "222222222222"),
            (&env.prefix, "conformance"),
        ];
        for (one, other) in replaced.into_iter().filter(|(one, _)| !one.is_empty()) {
            plain = plain.replace(one.as_str(), other);
        }
        plain
    }

    /// Sends a batch to the run's zone; returns "accepted", or the error.
    pub async fn change(&self, changes: impl IntoIterator<Item = Change>) -> String {
        describe(&self.send(&self.env.parent.route53, changes).await.map(|_| "accepted".to_owned()))
    }

    /// Sends a batch to the run's zone; the probe can't continue unless it is accepted.
    pub async fn change_or_fail(
        &self,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<ChangeInfo, String> {
        self.send(&self.env.parent.route53, changes).await
    }

    /// Sends a batch with this client.
    pub async fn send(
        &self,
        client: &route53::Client,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<ChangeInfo, String> {
        let batch = ChangeBatch::builder().comment("custom-delegation conformance");
        let batch = batch
            .set_changes(Some(changes.into_iter().collect()))
            .build()
            .map_err(|error| error.to_string())?;
        let call = client
            .change_resource_record_sets()
            .hosted_zone_id(&self.env.zone.id)
            .change_batch(batch);
        let answer = call.send().await.map_err(|error| error_text(&error))?;
        answer.change_info.ok_or_else(|| "the response has no ChangeInfo".to_owned())
    }

    /// Lists the probe's record sets (at most one page of 300), a line each with name, type, TTL
    /// and values.
    pub async fn listed(&self) -> Result<Vec<String>, String> {
        let zone = &self.env.zone.id;
        let call = self.env.parent.route53.list_resource_record_sets().hosted_zone_id(zone);
        let page = call
            .start_record_name(self.domain())
            .send()
            .await
            .map_err(|error| error_text(&error))?;
        let own = format!("{}.", self.domain());
        let sets = page.resource_record_sets().iter();
        Ok(sets
            .filter(|set| set.name() == own || set.name().ends_with(&format!(".{own}")))
            .map(line)
            .collect())
    }

    /// Returns the names of [`ProbeContext::listed`] without their common suffix.
    pub(crate) async fn listed_labels(&self) -> Result<String, String> {
        let own = format!(".{}.", self.domain());
        let lines = self.listed().await?;
        let names = lines.iter().filter_map(|line| line.split(' ').next());
        Ok(names.map(|name| name.trim_end_matches(&own)).collect::<Vec<_>>().join(" "))
    }

    /// Returns the ARN of a role of the templates.
    pub fn role(&self, account: &Account, name: &str) -> String {
        format!("arn:aws:iam::{}:role/{}-{name}", account.id, self.env.prefix)
    }

    /// Assumes a role. A denial is retried, because the role may be seconds old.
    pub async fn session(
        &self,
        caller: &Account,
        account: &Account,
        name: &str,
    ) -> Result<Account, String> {
        let request =
            AssumeRoleRequest { role: self.role(account, name), ..AssumeRoleRequest::default() };
        self.session_by(caller, account, &request).await
    }

    /// Like [`ProbeContext::session`], with more parameters.
    pub(crate) async fn session_by(
        &self,
        caller: &Account,
        account: &Account,
        request: &AssumeRoleRequest,
    ) -> Result<Account, String> {
        let (tries, pause) = PROPAGATION;
        let mut last = String::new();
        for _ in 0..tries {
            match self.assume(caller, request).await {
                Ok(keys) => return Ok(account.with_keys(&keys)),
                Err(error) if error.starts_with("403 ") => last = error,
                Err(error) => return Err(error),
            }
            if self.env.backend.is_local() {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        Err(last)
    }

    /// Assumes a role in one attempt.
    pub async fn assume(
        &self,
        caller: &Account,
        request: &AssumeRoleRequest,
    ) -> Result<Keys, String> {
        let session = request.session.as_deref().unwrap_or("conformance");
        let call = caller.sts.assume_role().role_arn(&request.role).role_session_name(session);
        let call =
            call.set_external_id(request.external_id.clone()).set_duration_seconds(request.seconds);
        let answer = call
            .set_policy(request.policy.clone())
            .send()
            .await
            .map_err(|error| error_text(&error))?;
        let keys = answer.credentials.ok_or("the response has no credentials")?;
        Ok(Keys {
            id: keys.access_key_id,
            secret: keys.secret_access_key,
            token: Some(keys.session_token),
        })
    }
}

/// The parameters of `AssumeRole`.
#[derive(Clone, Debug, Default)]
pub struct AssumeRoleRequest {
    pub role: String,
    pub external_id: Option<String>,
    /// `DurationSeconds`.
    pub seconds: Option<i32>,
    /// `RoleSessionName`; `conformance` by default.
    pub session: Option<String>,
    pub policy: Option<String>,
}

/// Returns "accepted", or the error.
pub fn describe(result: &Result<String, String>) -> String {
    match result {
        Ok(text) | Err(text) => text.clone(),
    }
}

/// Shortens an `InvalidChangeBatch` error, whose wording does not matter, to "refused".
pub(crate) fn refused(answer: String) -> String {
    if answer.starts_with("400 InvalidChangeBatch") { "refused".to_owned() } else { answer }
}

/// Formats an error of AWS as `<status> <code>: <message>`; an error without a response with all of
/// its causes.
pub(crate) fn error_text<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let (Some(status), Some(service)) = (status, error.as_service_error()) else {
        return format!("no answer: {}", chain(error));
    };
    let (code, message) =
        (service.code().unwrap_or("no code"), service.message().unwrap_or_default());
    if message.is_empty() {
        format!("{status} {code}")
    } else {
        format!("{status} {code}: {message}")
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

/// Formats a record set in one line.
pub fn line(set: &ResourceRecordSet) -> String {
    let values =
        set.resource_records().iter().map(ResourceRecord::value).collect::<Vec<_>>().join(" ");
    let ttl = set.ttl().map(|ttl| format!(" {ttl}")).unwrap_or_default();
    format!("{} {}{ttl} {values}", set.name(), set.r#type().as_str())
}

/// Returns a record set with a TTL of 300 seconds.
pub fn set(name: &str, rtype: &str, values: &[&str]) -> ResourceRecordSet {
    set_with_ttl(300, name, rtype, values)
}

/// Returns a record set with this TTL in seconds.
#[allow(clippy::missing_panics_doc, clippy::expect_used, reason = "all required fields are set")]
pub(crate) fn set_with_ttl(
    ttl: i64,
    name: &str,
    rtype: &str,
    values: &[&str],
) -> ResourceRecordSet {
    let record = |value: &&str| ResourceRecord::builder().value(*value).build().expect("a value");
    let builder = ResourceRecordSet::builder().name(name).r#type(RrType::from(rtype)).ttl(ttl);
    builder
        .set_resource_records(Some(values.iter().map(record).collect()))
        .build()
        .expect("the record set has a name and a type")
}

/// Returns a CREATE of this record set.
pub fn create(set: ResourceRecordSet) -> Change {
    change(ChangeAction::Create, set)
}

/// Returns a DELETE of this record set.
pub fn delete(set: ResourceRecordSet) -> Change {
    change(ChangeAction::Delete, set)
}

/// Returns an UPSERT of this record set.
pub fn upsert(set: ResourceRecordSet) -> Change {
    change(ChangeAction::Upsert, set)
}

/// Returns a change with this action, which need not be valid.
#[allow(clippy::missing_panics_doc, clippy::expect_used, reason = "all required fields are set")]
pub fn change(action: ChangeAction, set: ResourceRecordSet) -> Change {
    Change::builder()
        .action(action)
        .resource_record_set(set)
        .build()
        .expect("the change has an action and a record set")
}
