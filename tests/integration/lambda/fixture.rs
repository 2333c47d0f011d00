//! The fixture: two accounts, their zones, a `bootstrap` behind the Runtime API, and a stack that
//! it serves.

use std::ops::Deref;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sandbox::{
    Bootstrap, Credentials, DeadlineStyle, Function, Invocation, LambdaProcess, RecordSet, Stack,
    StackEvent, StackOutcome, Template, ZoneHandle,
};
use serde_json::{Value, json};
use test_support::{CHILD_ACCOUNT, EXTERNAL_ID, Environment, NAME, changed, plain};

use crate::program::{BOOTSTRAP, bootstrap, variables};

/// A script that runs the function with a memory limit.
const LIMIT_MEMORY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/lambda/limit-memory.sh");

/// The future of an invocation, as [`Function::invoke`] returns it.
pub(crate) type Invoked<'a> = Pin<Box<dyn Future<Output = Invocation> + Send + 'a>>;

/// An [`Environment`] with a child zone, a `bootstrap` behind the Runtime API, and a stack that it
/// serves.
pub(crate) struct RuntimeFixture {
    environment: Environment,
    /// [`NAME`]
    pub(crate) child: ZoneHandle,
    /// The credentials of the function.
    pub(crate) credentials: Credentials,
    pub(crate) function: Arc<LambdaProcess>,
    pub(crate) stack: Stack,
}

impl Deref for RuntimeFixture {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.environment
    }
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

impl RuntimeFixture {
    pub(crate) async fn new() -> Self {
        Self::with(Setting::default()).await
    }

    pub(crate) async fn with(setting: Setting) -> Self {
        let environment = Environment::builder()
            .records([RecordSet::new("example.com", "MX", 3600, ["10 mail.example.net."])])
            .behind_sockets()
            .await;
        let credentials = environment.function_role.credentials();
        let function = Arc::new(spawn(&environment, &credentials, &setting).await);
        let served_by = Arc::clone(&function) as Arc<dyn Function>;
        Self {
            child: environment.child_account.hosted_zone(NAME),
            stack: Stack::new("mine", CHILD_ACCOUNT, &environment.bucket, served_by),
            credentials,
            function,
            environment,
        }
    }

    /// Another execution environment of the same function, as Lambda starts one for a second event
    /// at the same time.
    pub(crate) async fn another(&self, setting: &Setting) -> LambdaProcess {
        spawn(&self.environment, &self.credentials, setting).await
    }

    /// Makes the stack send its events to `function`.
    pub(crate) fn serve_with(&mut self, function: impl Function + 'static) {
        self.stack = Stack::new("mine", CHILD_ACCOUNT, &self.bucket, Arc::new(function));
    }

    /// Returns the properties of a valid delegation that neither waits nor verifies, with these
    /// changes; null removes a property.
    pub(crate) fn properties(&self, changes: Value) -> Value {
        let properties = json!({
            "ServiceTimeout": 1800,
            "ChildZoneId": self.child.id(),
            "ParentRoleArn": self.parent_role.arn(),
            "ParentExternalId": EXTERNAL_ID,
            "ParentZoneName": "example.com",
            "TTL": 300,
            "WaitForSync": false,
            "Verification": "NONE",
        });
        changed(properties, &changes)
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
        assert_eq!(self.parent.records(), self.records_before());
    }

    /// Asserts that the delegation existed after each change since
    /// [`Environment::watch_the_delegation`].
    #[track_caller]
    pub(crate) fn assert_it_always_existed(&self) {
        assert_eq!(self.gaps(), Vec::<String>::new());
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
    environment: &Environment,
    credentials: &Credentials,
    setting: &Setting,
) -> LambdaProcess {
    let mut env = environment.variables(credentials);
    env.extend(variables([("AWS_LAMBDA_LOG_LEVEL", setting.log_level)]));
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
