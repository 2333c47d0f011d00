//! The fixture: two accounts, their zones, the function, and a stack that sends it events.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use custom_delegation::aws::credentials::{Accounts, FixedSettings};
use custom_delegation::clock::Clock;
use custom_delegation::config::Config;
use custom_delegation::handler::{Handler, HandlerError, Invocation};
use custom_delegation::http::{self, Client};
use dns_check::Verifier;
use sandbox::{Account, Dns, RecordSet, ResponseBucket, ResponseKey, Role, Sandbox, ZoneHandle};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::network::{Network, seeded};

/// The name that is delegated.
pub const NAME: &str = "testing.example.com";
/// The name of its ownership record.
pub const RECORD: &str = "_delegation-testing.example.com";
/// The external id in the parent role's trust policy.
pub const EXTERNAL_ID: &str = "an-external-id";

const STACK: &str =
    "arn:aws:cloudformation:us-east-1:222222222222:stack/mine/51af3dc0-da77-11e4-872e-1234567db123";
/// The function timeout in the template.
const TIMEOUT: Duration = Duration::from_mins(5);

/// Two accounts with a zone each, the function, and a stack that sends it events.
#[derive(Debug)]
pub struct Fixture {
    /// Route 53, STS and IAM.
    pub aws: Sandbox,
    /// The bucket that receives the answers to CloudFormation.
    pub bucket: ResponseBucket,
    /// The zones over DNS.
    pub dns: Dns,
    /// The wall clock that all parts share.
    pub clock: Clock,
    /// 111111111111
    pub parent_account: Account,
    /// 222222222222, the account of the function and the stack.
    pub child_account: Account,
    /// `example.com`
    pub parent: ZoneHandle,
    /// [`NAME`]
    pub child: ZoneHandle,
    /// The role that the function assumes in the parent account.
    pub parent_role: Role,
    /// The function's own role.
    pub function_role: Role,
    /// The function.
    pub handler: Handler,
    /// The stack id in the events. Change it to be another stack.
    pub stack: String,
    /// The logical id in the events. Change it to be another resource.
    pub logical_id: String,
    /// How much time an invocation has.
    pub timeout: Duration,
    client: Client,
    network: Option<Network>,
    requests: AtomicU64,
}

/// What the function of a fixture communicates with.
struct Services {
    aws: Sandbox,
    bucket: ResponseBucket,
    dns: Dns,
    clock: Clock,
    client: Client,
    /// The network in process. `None` behind sockets.
    network: Option<Network>,
}

impl Fixture {
    /// A fixture in process, for a test with `start_paused`.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A fixture in process, with other settings of the function.
    pub async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        Self::with_seed(1, configure).await
    }

    /// A fixture in process, with another seed and other settings of the function.
    pub async fn with_seed(seed: u64, configure: impl FnOnce(&mut Config)) -> Self {
        seeded(seed);
        let network = Network::new();
        let services = Services {
            aws: network.aws.clone(),
            bucket: network.bucket.clone(),
            dns: network.dns.clone(),
            clock: network.clock.clone(),
            client: Client::new(network.clone()),
            network: Some(network),
        };
        Self::build(services, configure).await
    }

    /// A fixture behind sockets, in real time, for tests with another process.
    pub async fn behind_sockets() -> Self {
        let aws = Sandbox::start().await.unwrap();
        let services = Services {
            bucket: ResponseBucket::start().await.unwrap(),
            dns: aws.dns().await.unwrap(),
            clock: Clock::System,
            client: http::client(None).unwrap(),
            network: None,
            aws,
        };
        Self::build(services, at_once).await
    }

    async fn build(services: Services, configure: impl FnOnce(&mut Config)) -> Self {
        let Services { aws, bucket, dns, clock, client, network } = services;
        let (parent_account, child_account) =
            (aws.account("111111111111"), aws.account("222222222222"));
        let parent = parent_account.hosted_zone("example.com");
        parent.put(RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"]));
        let child = child_account.hosted_zone(NAME);
        let role = parent_account.role("parent").trust_account("222222222222", Some(EXTERNAL_ID));
        let parent_role = role.allow_all_route53();
        let function_role =
            child_account.role("function").allow_all_route53().allow_assume(&parent_role.arn());
        let mut fixture = Self {
            handler: Handler::new(
                Config::default(),
                client.clone(),
                accounts(&aws, &clock, &client, (&function_role, None)).await,
            ),
            aws,
            bucket,
            dns,
            clock,
            parent_account,
            child_account,
            parent,
            child,
            parent_role,
            function_role,
            stack: STACK.into(),
            logical_id: "Delegation".into(),
            timeout: TIMEOUT,
            client,
            network,
            requests: AtomicU64::new(1),
        };
        fixture.restart(configure).await;
        fixture
    }

    /// Restarts the function without any cached session, and with these settings.
    pub async fn restart(&mut self, configure: impl FnOnce(&mut Config)) {
        self.handler = self.function(&self.function_role, configure).await;
    }

    /// A function that runs with this role.
    pub async fn function(&self, role: &Role, configure: impl FnOnce(&mut Config)) -> Handler {
        let mut config = Config {
            response_hosts: vec![self.bucket.host()],
            dns_resolver: Some(self.dns.resolver()),
            dns_any_address: true,
            ..Config::default()
        };
        configure(&mut config);
        let verifier = Verifier::new(config.dns_resolver).at_any_address(config.dns_any_address);
        let accounts =
            accounts(&self.aws, &self.clock, &self.client, (role, config.region.as_deref())).await;
        let handler = Handler::new(config, self.client.clone(), accounts);
        match &self.network {
            Some(network) => handler.with_verifier(verifier.with_transport(network.clone())),
            None => handler.with_verifier(verifier),
        }
    }

    /// The properties of the README's example with changes. Null removes a property.
    pub fn properties(&self, changes: Value) -> Value {
        let mut properties = json!({
            "ServiceToken": "arn:aws:lambda:us-east-1:222222222222:function:delegation",
            "ServiceTimeout": "1800",
            "ChildZoneId": self.child.id(),
            "ParentRoleArn": self.parent_role.arn(),
            "ParentExternalId": EXTERNAL_ID,
            "ParentZoneName": "example.com",
            "TTL": "300",
            "Verification": "NONE",
        });
        for (key, value) in changes.as_object().unwrap_or(&Map::new()) {
            properties[key] = value.clone();
        }
        properties.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        properties
    }

    /// A raw event. Its response URL is signed at least a second later than the previous one,
    /// because that is the time of the request.
    pub fn event(&self, kind: &str, fields: Value) -> Value {
        let after = Duration::from_secs(self.requests.load(Ordering::Relaxed));
        self.event_at(kind, self.clock.now() + after, fields)
    }

    /// A raw event whose response URL is signed at `at`.
    pub fn event_at(&self, kind: &str, at: SystemTime, fields: Value) -> Value {
        let request_id = format!("request-{}", self.requests.fetch_add(1, Ordering::Relaxed));
        let (stack_id, logical_id) = (self.stack.clone(), self.logical_id.clone());
        let key = ResponseKey { stack_id, logical_id, request_id };
        let mut event = json!({
            "RequestType": kind,
            "ServiceToken": "arn:aws:lambda:us-east-1:222222222222:function:delegation",
            "ResponseURL": self.bucket.presign_at(&key, at),
            "StackId": key.stack_id,
            "RequestId": key.request_id,
            "LogicalResourceId": key.logical_id,
            "ResourceType": "Custom::Delegation",
        });
        for (key, value) in fields.as_object().unwrap() {
            event[key] = value.clone();
        }
        event
    }

    /// Delivers an event once.
    ///
    /// # Errors
    /// The error that the function returns to Lambda.
    pub async fn invoke(&self, event: Value) -> Result<(), HandlerError> {
        self.invoke_text(&event.to_string()).await
    }

    /// Delivers an event once, given as JSON.
    ///
    /// # Errors
    /// The error that the function returns to Lambda.
    pub async fn invoke_text(&self, event: &str) -> Result<(), HandlerError> {
        let deadline = self.clock.now() + self.timeout;
        let invocation = Invocation { deadline, id: "lambda".into(), log_stream: "stream".into() };
        self.handler.handle(event, &invocation).await
    }

    /// Delivers an event, and asserts that it is answered exactly once.
    pub async fn deliver(&self, event: Value) -> Answer {
        let id = event["RequestId"].as_str().unwrap().to_owned();
        let before = self.bucket.answers(&id).len();
        self.invoke(event).await.unwrap();
        let answers = self.bucket.answers(&id);
        assert_eq!(answers.len(), before + 1, "there must be one answer per delivery");
        let answer = answers.last().unwrap();
        assert!(answer.body.len() <= 4096);
        assert!(!answer.headers.iter().any(|(name, _)| name == "content-type"));
        Answer(answer.json())
    }

    /// Sends a Create with the properties of the README's example and these changes.
    pub async fn create(&self, changes: Value) -> Answer {
        self.deliver(self.event("Create", json!({"ResourceProperties": self.properties(changes)})))
            .await
    }

    /// Sends an Update of `id`. The properties of the README's example are changed by `old` and
    /// `new`.
    pub async fn update(&self, id: &str, old: Value, new: Value) -> Answer {
        let (old, new) = (self.properties(old), self.properties(new));
        let fields = json!({"PhysicalResourceId": id, "ResourceProperties": new, "OldResourceProperties": old});
        self.deliver(self.event("Update", fields)).await
    }

    /// Sends a Delete of `id` with the properties of the README's example and these changes.
    pub async fn delete(&self, id: &str, changes: Value) -> Answer {
        let fields =
            json!({"PhysicalResourceId": id, "ResourceProperties": self.properties(changes)});
        self.deliver(self.event("Delete", fields)).await
    }

    /// The physical id of the delegation in the parent zone.
    pub fn id(&self) -> String {
        format!("{}/{NAME}", self.parent.id())
    }

    /// The name servers at the cut, sorted, without trailing dots.
    pub fn delegated_to(&self) -> Vec<String> {
        self.parent.record(NAME, "NS").map(|set| plain(&set.values)).unwrap_or_default()
    }

    /// The DS records at the cut, sorted.
    pub fn ds(&self) -> Vec<String> {
        self.parent.record(NAME, "DS").map(|set| plain(&set.values)).unwrap_or_default()
    }

    /// The claims in the ownership record, as text.
    pub fn claims(&self) -> Vec<String> {
        self.parent.record(RECORD, "TXT").map(|set| set.values).unwrap_or_default()
    }

    /// The child zone's name servers, sorted, without trailing dots.
    pub fn child_servers(&self) -> Vec<String> {
        plain(&self.child.name_servers())
    }

    /// Creates an NS record set at the cut, as somebody else might.
    pub fn put_ns(&self, servers: &[&str]) {
        self.parent.put(RecordSet::new(NAME, "NS", 300, servers.iter().copied()));
    }

    /// The names of the calls so far.
    pub fn actions(&self) -> Vec<String> {
        self.aws.calls().iter().map(|call| call.action.clone()).collect()
    }

    /// How many calls of this action there were so far.
    pub fn count(&self, action: &str) -> usize {
        self.actions().iter().filter(|other| *other == action).count()
    }

    /// How many change batches were sent so far.
    pub fn changes_sent(&self) -> usize {
        self.count("ChangeResourceRecordSets")
    }
}

async fn accounts(
    aws: &Sandbox,
    clock: &Clock,
    client: &Client,
    (role, region): (&Role, Option<&str>),
) -> Accounts {
    let credentials = role.credentials();
    let settings = FixedSettings {
        endpoint_url: aws.endpoint_url(),
        region: region.unwrap_or("us-east-1").to_owned(),
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
        session_token: credentials.session_token,
        clock: clock.clone(),
    };
    Accounts::with_settings(client.clone(), "delegation", &settings).await
}

/// Changes the settings so that the function never waits, for tests in real time.
pub fn at_once(config: &mut Config) {
    config.propagation_wait = Duration::ZERO;
    config.sync_pause = Duration::ZERO;
}

/// The values sorted, without trailing dots.
pub fn plain(values: &[String]) -> Vec<String> {
    let mut values: Vec<String> =
        values.iter().map(|value| value.trim_end_matches('.').to_owned()).collect();
    values.sort();
    values
}
