//! The fixture: two accounts, their zones, the function, and a stack that sends it events.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use custom_delegation::config::Config;
use custom_delegation::handler::{Handler, HandlerError, Invocation};
use sandbox::{ResponseKey, ZoneHandle};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::environment::{EXTERNAL_ID, Environment, NAME, STACK, at_once, changed, plain};
use crate::network::seeded;

/// The function timeout in the template.
const TIMEOUT: Duration = Duration::from_mins(5);

/// An [`Environment`] with a child zone, the function, and a stack that sends it events.
#[derive(Debug)]
pub struct Fixture {
    environment: Environment,
    /// [`NAME`], in the child account.
    pub child: ZoneHandle,
    pub handler: Handler,
    /// The stack id in the events. Change it to be another stack.
    pub stack: String,
    /// The logical id in the events. Change it to be another resource.
    pub logical_id: String,
    /// How much time an invocation has.
    pub timeout: Duration,
    requests: AtomicU64,
}

impl Deref for Fixture {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.environment
    }
}

impl DerefMut for Fixture {
    fn deref_mut(&mut self) -> &mut Environment {
        &mut self.environment
    }
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
        Self::start(Environment::builder().in_process(), configure).await
    }

    /// A fixture behind sockets, in real time, for tests with another process.
    pub async fn behind_sockets() -> Self {
        Self::start(Environment::builder().behind_sockets().await, at_once).await
    }

    async fn start(environment: Environment, configure: impl FnOnce(&mut Config)) -> Self {
        Self {
            child: environment.child_account.hosted_zone(NAME),
            handler: environment.function(&environment.function_role, configure).await,
            environment,
            stack: STACK.into(),
            logical_id: "Delegation".into(),
            timeout: TIMEOUT,
            requests: AtomicU64::new(1),
        }
    }

    /// Restarts the function without any cached session, and with these settings.
    pub async fn restart(&mut self, configure: impl FnOnce(&mut Config)) {
        self.handler = self.function(&self.function_role, configure).await;
    }

    /// The properties of the README's example with changes. Null removes a property.
    pub fn properties(&self, changes: Value) -> Value {
        let properties = json!({
            "ServiceToken": "arn:aws:lambda:us-east-1:222222222222:function:delegation",
            "ServiceTimeout": "1800",
            "ChildZoneId": self.child.id(),
            "ParentRoleArn": self.parent_role.arn(),
            "ParentExternalId": EXTERNAL_ID,
            "ParentZoneName": "example.com",
            "TTL": "300",
            "Verification": "NONE",
        });
        changed(properties, &changes)
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

    /// Delivers an event once. The error is that for Lambda.
    pub async fn invoke(&self, event: Value) -> Result<(), HandlerError> {
        self.invoke_text(&event.to_string()).await
    }

    /// Delivers an event once, given as JSON.
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
        let fields = json!({
            "PhysicalResourceId": id,
            "ResourceProperties": new,
            "OldResourceProperties": old,
        });
        self.deliver(self.event("Update", fields)).await
    }

    /// Sends a Delete of `id` with the properties of the README's example and these changes.
    pub async fn delete(&self, id: &str, changes: Value) -> Answer {
        let fields =
            json!({"PhysicalResourceId": id, "ResourceProperties": self.properties(changes)});
        self.deliver(self.event("Delete", fields)).await
    }

    /// The child zone's name servers, sorted, without trailing dots.
    pub fn child_servers(&self) -> Vec<String> {
        plain(&self.child.name_servers())
    }
}
