//! Two accounts, their zones, the function, and one stack that sends it events.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use custom_delegation::aws::credentials::{Accounts, Given};
use custom_delegation::clock::Clock;
use custom_delegation::config::Config;
use custom_delegation::handler::{Handler, HandlerError, Invocation};
use custom_delegation::http;
use sandbox::{Account, RecordSet, ResponseBucket, ResponseKey, Role, Sandbox, ZoneHandle};
use serde_json::{Map, Value, json};

pub(crate) const NAME: &str = "testing.example.com";
pub(crate) const RECORD: &str = "_delegation-testing.example.com";
pub(crate) const EXTERNAL_ID: &str = "an-external-id";
const STACK: &str = "arn:aws:cloudformation:us-east-1:222222222222:stack/mine/51af3dc0-da77-11e4-872e-1234567db123";

pub(crate) struct World {
    pub(crate) aws: Sandbox,
    pub(crate) bucket: ResponseBucket,
    pub(crate) parent_account: Account,
    pub(crate) child_account: Account,
    pub(crate) parent: ZoneHandle,
    pub(crate) child: ZoneHandle,
    pub(crate) parent_role: Role,
    pub(crate) function_role: Role,
    pub(crate) handler: Handler,
    /// The stack and logical id in whose name events are sent.
    pub(crate) stack: String,
    pub(crate) logical_id: String,
    pub(crate) timeout: Duration,
    requests: AtomicU64,
}

/// What CloudFormation got.
#[derive(Clone, Debug)]
pub(crate) struct Answer(pub Value);

impl Answer {
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.0["Status"], "SUCCESS", "{}", self.0);
        self
    }

    #[track_caller]
    pub(crate) fn failed(self, words: &[&str]) -> Self {
        assert_eq!(self.0["Status"], "FAILED", "{}", self.0);
        for word in words {
            assert!(self.reason().contains(word), "{:?} does not say {word:?}", self.reason());
        }
        self
    }

    pub(crate) fn reason(&self) -> &str {
        self.0["Reason"].as_str().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> &str {
        self.0["PhysicalResourceId"].as_str().unwrap()
    }

    pub(crate) fn get(&self, attribute: &str) -> &str {
        self.0["Data"][attribute].as_str().unwrap_or_else(|| panic!("no attribute {attribute} in {}", self.0))
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        let aws = Sandbox::start().await.unwrap();
        let bucket = ResponseBucket::start().await.unwrap();
        let (parent_account, child_account) = (aws.account("111111111111"), aws.account("222222222222"));
        let parent = parent_account.hosted_zone("example.com");
        parent.put(RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"]));
        let child = child_account.hosted_zone(NAME);
        let role = parent_account.role("parent").trust_account("222222222222", Some(EXTERNAL_ID));
        let parent_role = role.allow_all_route53();
        let function_role = child_account.role("function").allow_all_route53().allow_assume(&parent_role.arn());
        let handler = handler(&aws, &bucket, &function_role, configure).await;
        Self {
            aws,
            bucket,
            parent_account,
            child_account,
            parent,
            child,
            parent_role,
            function_role,
            handler,
            stack: STACK.into(),
            logical_id: "Delegation".into(),
            timeout: Duration::from_mins(1),
            requests: AtomicU64::new(1),
        }
    }

    /// The same function anew, with other settings.
    pub(crate) async fn restart(&mut self, configure: impl FnOnce(&mut Config)) {
        self.handler = handler(&self.aws, &self.bucket, &self.function_role, configure).await;
    }

    /// The properties of the README's example, with changes; null takes one away.
    pub(crate) fn properties(&self, changes: Value) -> Value {
        let mut properties = json!({
            "ServiceToken": "arn:aws:lambda:us-east-1:222222222222:function:delegation",
            "ServiceTimeout": "600",
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

    /// A raw event with a response URL signed a second after the one before: a request's time is told by it.
    pub(crate) fn event(&self, kind: &str, fields: Value) -> Value {
        let after = Duration::from_secs(self.requests.load(Ordering::Relaxed));
        self.event_at(kind, SystemTime::now() + after, fields)
    }

    pub(crate) fn event_at(&self, kind: &str, at: SystemTime, fields: Value) -> Value {
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

    pub(crate) async fn invoke(&self, event: Value) -> Result<(), HandlerError> {
        let invocation =
            Invocation { deadline: SystemTime::now() + self.timeout, id: "lambda".into(), log_stream: "stream".into() };
        self.handler.handle(event, &invocation).await
    }

    /// Delivers an event that must be answered exactly once.
    pub(crate) async fn deliver(&self, event: Value) -> Answer {
        let id = event["RequestId"].as_str().unwrap().to_owned();
        let before = self.bucket.answers(&id).len();
        self.invoke(event).await.unwrap();
        let answers = self.bucket.answers(&id);
        assert_eq!(answers.len(), before + 1, "one answer per delivery");
        let answer = answers.last().unwrap();
        assert!(answer.body.len() <= 4096);
        assert!(!answer.headers.iter().any(|(name, _)| name == "content-type"));
        Answer(answer.json())
    }

    pub(crate) async fn create(&self, changes: Value) -> Answer {
        self.deliver(self.event("Create", json!({"ResourceProperties": self.properties(changes)}))).await
    }

    /// An Update of `id` from the properties with the changes `old` to those with the changes `new`.
    pub(crate) async fn update(&self, id: &str, old: Value, new: Value) -> Answer {
        let (old, new) = (self.properties(old), self.properties(new));
        let fields = json!({"PhysicalResourceId": id, "ResourceProperties": new, "OldResourceProperties": old});
        self.deliver(self.event("Update", fields)).await
    }

    pub(crate) async fn delete(&self, id: &str, changes: Value) -> Answer {
        let fields = json!({"PhysicalResourceId": id, "ResourceProperties": self.properties(changes)});
        self.deliver(self.event("Delete", fields)).await
    }

    /// The physical id of the delegation in the parent zone.
    pub(crate) fn id(&self) -> String {
        format!("{}/{NAME}", self.parent.id())
    }

    /// The name servers at the cut, sorted, without dots.
    pub(crate) fn delegated_to(&self) -> Vec<String> {
        self.parent.record(NAME, "NS").map(|set| plain(&set.values)).unwrap_or_default()
    }

    pub(crate) fn claims(&self) -> Vec<String> {
        self.parent.record(RECORD, "TXT").map(|set| set.values).unwrap_or_default()
    }

    pub(crate) fn child_servers(&self) -> Vec<String> {
        plain(&self.child.name_servers())
    }

    /// Puts somebody's NS record set at the cut.
    pub(crate) fn put_ns(&self, servers: &[&str]) {
        self.parent.put(RecordSet::new(NAME, "NS", 300, servers.iter().copied()));
    }

    /// The names of the calls so far.
    pub(crate) fn actions(&self) -> Vec<String> {
        self.aws.calls().iter().map(|call| call.action.clone()).collect()
    }

    pub(crate) fn changes_sent(&self) -> usize {
        self.actions().iter().filter(|action| *action == "ChangeResourceRecordSets").count()
    }
}

async fn handler(aws: &Sandbox, bucket: &ResponseBucket, role: &Role, configure: impl FnOnce(&mut Config)) -> Handler {
    let mut config = Config {
        propagation_wait: Duration::ZERO,
        sync_pause: Duration::ZERO,
        response_hosts: vec![bucket.host()],
        ..Config::default()
    };
    configure(&mut config);
    let credentials = role.credentials();
    let given = Given {
        endpoint_url: aws.endpoint_url(),
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
        session_token: credentials.session_token,
        clock: Clock::System,
    };
    let client = http::client(None).unwrap();
    Handler::new(config, client.clone(), Accounts::given(client, "delegation", &given).await)
}

pub(crate) fn plain(values: &[String]) -> Vec<String> {
    let mut values: Vec<String> = values.iter().map(|value| value.trim_end_matches('.').to_owned()).collect();
    values.sort();
    values
}
