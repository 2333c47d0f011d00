//! The fixture: two accounts, their zones, a `bootstrap` behind the Runtime API, and a stack that
//! it serves.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbox::{
    Account, Bootstrap, Credentials, DeadlineStyle, Function, Invocation, LambdaProcess, RecordSet,
    ResponseBucket, Sandbox, Stack, StackEvent, StackOutcome, Template, ZoneHandle,
};
use serde_json::{Map, Value, json};
use test_support::{EXTERNAL_ID, NAME, RECORD, plain};

use crate::program::{BOOTSTRAP, bootstrap, variables};

/// A script that runs the function with a memory limit.
const LIMIT_MEMORY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/lambda/limit-memory.sh");

/// The future of an invocation, as [`Function::invoke`] returns it.
pub(crate) type Invoked<'a> = Pin<Box<dyn Future<Output = Invocation> + Send + 'a>>;

pub(crate) struct Fixture {
    pub(crate) aws: Sandbox,
    pub(crate) bucket: ResponseBucket,
    pub(crate) child_account: Account,
    pub(crate) parent: ZoneHandle,
    pub(crate) child: ZoneHandle,
    pub(crate) role_arn: String,
    pub(crate) credentials: Credentials,
    pub(crate) function: Arc<LambdaProcess>,
    pub(crate) stack: Stack,
    before: Vec<RecordSet>,
    gaps: Arc<Mutex<Vec<String>>>,
}

/// The settings of the function.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) timeout: Duration,
    pub(crate) deadline: DeadlineStyle,
    pub(crate) log_level: &'static str,
    /// The limit of the data segment (`RLIMIT_DATA`), in bytes.
    pub(crate) memory_limit: Option<u64>,
    /// Additional variables of its environment; one without a value is removed.
    pub(crate) env: Vec<(&'static str, Option<String>)>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(5),
            deadline: DeadlineStyle::Real,
            log_level: "INFO",
            memory_limit: None,
            env: Vec::new(),
        }
    }
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(Setting::default()).await
    }

    pub(crate) async fn with(setting: Setting) -> Self {
        let aws = Sandbox::start().await.unwrap();
        let bucket = ResponseBucket::start().await.unwrap();
        let (parent_account, child_account) =
            (aws.account("111111111111"), aws.account("222222222222"));
        let parent = parent_account.hosted_zone("example.com");
        parent.put(RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"]));
        parent.put(RecordSet::new("example.com", "MX", 3600, ["10 mail.example.net."]));
        let child = child_account.hosted_zone(NAME);
        let role = parent_account
            .role("parent")
            .trust_account("222222222222", Some(EXTERNAL_ID))
            .allow_all_route53();
        let function_role =
            child_account.role("function").allow_all_route53().allow_assume(&role.arn());
        let credentials = function_role.credentials();
        let function = Arc::new(spawn(&aws, &bucket, &credentials, &setting).await);
        let stack =
            Stack::new("mine", "222222222222", &bucket, Arc::clone(&function) as Arc<dyn Function>);
        let (before, role_arn, gaps) = (parent.records(), role.arn(), Arc::default());
        Self {
            aws,
            bucket,
            child_account,
            parent,
            child,
            role_arn,
            credentials,
            function,
            stack,
            before,
            gaps,
        }
    }

    /// Another execution environment of the same function, as Lambda starts one for a second event
    /// at the same time.
    pub(crate) async fn another(&self, setting: &Setting) -> LambdaProcess {
        spawn(&self.aws, &self.bucket, &self.credentials, setting).await
    }

    /// Makes the stack send its events to `function`.
    pub(crate) fn serve_with(&mut self, function: impl Function + 'static) {
        self.stack = Stack::new("mine", "222222222222", &self.bucket, Arc::new(function));
    }

    /// Returns the properties of a valid delegation that neither waits nor verifies, with these
    /// changes; null removes a property.
    pub(crate) fn properties(&self, changes: Value) -> Value {
        let mut properties = json!({
            "ServiceTimeout": 1800,
            "ChildZoneId": self.child.id(),
            "ParentRoleArn": self.role_arn,
            "ParentExternalId": EXTERNAL_ID,
            "ParentZoneName": "example.com",
            "TTL": 300,
            "WaitForSync": false,
            "Verification": "NONE",
        });
        for (key, value) in changes.as_object().unwrap_or(&Map::new()) {
            properties[key] = value.clone();
        }
        properties.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        properties
    }

    /// A template with one delegation that has this logical id.
    pub(crate) fn template(&self, logical_id: &str, changes: Value) -> Template {
        Template::from([(logical_id.to_owned(), self.properties(changes))])
    }

    pub(crate) async fn deploy(&self, logical_id: &str, changes: Value) -> StackOutcome {
        self.stack.deploy(&self.template(logical_id, changes)).await
    }

    #[track_caller]
    pub(crate) fn assert_delegated(&self, ttl: u32, claims: usize) {
        let record = self.parent.record(NAME, "NS").expect("the name must be delegated");
        assert_eq!(
            (plain(&record.values), record.ttl),
            (plain(&self.child.name_servers()), Some(ttl))
        );
        assert_eq!(self.claims().len(), claims, "{:?}", self.claims());
    }

    /// Asserts that the parent zone is as it was before any event.
    #[track_caller]
    pub(crate) fn assert_as_before(&self) {
        assert_eq!(self.parent.records(), self.before);
    }

    pub(crate) fn claims(&self) -> Vec<String> {
        self.parent.record(RECORD, "TXT").map(|set| set.values).unwrap_or_default()
    }

    /// Makes the fixture check after every executed change whether the delegation exists.
    pub(crate) fn watch_the_delegation(&self) {
        let (zone, gaps) = (self.parent.clone(), Arc::clone(&self.gaps));
        self.aws.after_call(Arc::new(move |call| {
            if call.action == "ChangeResourceRecordSets" && zone.record(NAME, "NS").is_none() {
                gaps.lock().unwrap().push(format!("{}: {}", call.seq, call.summary));
            }
        }));
    }

    /// Asserts that the delegation existed after each change since
    /// [`Fixture::watch_the_delegation`].
    #[track_caller]
    pub(crate) fn assert_it_always_existed(&self) {
        assert_eq!(*self.gaps.lock().unwrap(), Vec::<String>::new());
    }

    pub(crate) fn actions(&self) -> Vec<String> {
        self.aws.calls().iter().map(|call| call.action.clone()).collect()
    }

    /// Returns the requests so far as `Create Delegation`, `Update Delegation failed` and so on.
    pub(crate) fn requests(&self) -> Vec<String> {
        let line = |event: &StackEvent| {
            let failed = if event.failure.is_some() { " failed" } else { "" };
            format!("{} {}{failed}", event.request_type, event.logical_id)
        };
        self.stack.history().iter().map(line).collect()
    }

    pub(crate) fn last(&self) -> StackEvent {
        self.stack.history().pop().unwrap()
    }
}

async fn spawn(
    aws: &Sandbox,
    bucket: &ResponseBucket,
    credentials: &Credentials,
    setting: &Setting,
) -> LambdaProcess {
    let mut env = aws.env(credentials);
    env.extend(variables([
        ("DELEGATION_RESPONSE_HOSTS", &bucket.host()),
        ("DELEGATION_PROPAGATION_WAIT", "0"),
        ("AWS_LAMBDA_LOG_LEVEL", setting.log_level),
    ]));
    for (name, value) in &setting.env {
        env.retain(|(other, _)| other != name);
        env.extend(value.clone().map(|value| ((*name).to_owned(), value)));
    }
    let mut path = PathBuf::from(BOOTSTRAP);
    if let Some(limit) = setting.memory_limit {
        path = LIMIT_MEMORY.into();
        env.extend(variables([("MEMORY_LIMIT", &limit.to_string()), ("PROGRAM", BOOTSTRAP)]));
    }
    let (timeout, deadline) = (setting.timeout, setting.deadline);
    LambdaProcess::spawn(Bootstrap { path, timeout, deadline, ..bootstrap(env) }).await.unwrap()
}

/// Asserts that the operation failed with these words in the reason, and was rolled back.
#[track_caller]
pub(crate) fn assert_rolled_back(outcome: &StackOutcome, words: &str) {
    assert!(
        matches!(outcome, StackOutcome::RolledBack(reason) if reason.contains(words)),
        "{outcome:?}"
    );
}
