//! A fixture: a parent zone, child zones, and two functions with their own roles.

use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use custom_delegation::config::Config;
use custom_delegation::handler::Handler;
use sandbox::{KeySigningKey, RecordSet, ResponseKey, ZoneHandle};
use serde_json::{Value, json};
use test_support::{
    CHILD_ACCOUNT, Environment, NAME, Network, RequestFields, changed, function_role, plain,
};
use tokio::task::JoinHandle;

use crate::races::checker::RuleChecker;
use crate::races::interleave::{Ended, Race, Side, Verdict};

/// The timeout of the function in the template.
const TIMEOUT: Duration = Duration::from_mins(5);
pub(crate) const OTHER_NAME: &str = "staging.example.com";

/// The resource that makes a request.
#[derive(Clone, Copy)]
pub(crate) struct Who {
    pub(crate) stack: &'static str,
    pub(crate) logical_id: &'static str,
}

pub(crate) const ONE: Who = Who { stack: "one", logical_id: "Alpha" };
/// Another resource in the stack of [`ONE`].
pub(crate) const SIBLING: Who = Who { stack: "one", logical_id: "Beta" };
pub(crate) const TWO: Who = Who { stack: "two", logical_id: "Alpha" };

/// The digests of the keys that every child zone signs with.
const KEY_ONE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const KEY_TWO: &str = "2222222222222222222222222222222222222222222222222222222222222222";

/// Returns a key with that digest.
fn key(name: &str, digest: &str) -> KeySigningKey {
    KeySigningKey::active(name, digest[..4].parse().unwrap(), digest)
}

/// Returns the DS record set for these keys, sorted.
pub(crate) fn ds_of(names: &[&str]) -> Vec<String> {
    let mut records: Vec<String> = names
        .iter()
        .map(|name| key(name, if *name == "one" { KEY_ONE } else { KEY_TWO }).ds_record())
        .collect();
    records.sort();
    records
}

/// The account of the second function.
const FOREIGN_ACCOUNT: &str = "333333333333";

/// An [`Environment`] with child zones in two accounts, each with a function, whose requests race
/// with each other.
pub(crate) struct RaceFixture {
    environment: Environment,
    /// The child zones of the first function: two of [`NAME`] and one of [`OTHER_NAME`].
    pub(crate) children: [ZoneHandle; 3],
    /// The child zone of the second function.
    pub(crate) foreign: ZoneHandle,
    /// Checks every batch.
    pub(crate) checker: Arc<RuleChecker>,
    handlers: [Rc<Handler>; 2],
    requests: AtomicU64,
}

impl Deref for RaceFixture {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.environment
    }
}

impl RaceFixture {
    pub(crate) async fn new() -> Rc<Self> {
        // One page of a listing reaches neither the cut nor its ownership record. They are read
        // separately and in parallel, and races are about what happens between these two reads.
        let page = (0..100)
            .map(|n| RecordSet::new(&format!("0{n:02}.example.com"), "A", 300, ["192.0.2.1"]));
        let environment = Environment::builder()
            .parent_role("parent", None)
            .trusted_accounts(&[CHILD_ACCOUNT, FOREIGN_ACCOUNT])
            .records(page)
            .in_process();
        let children =
            [NAME, NAME, OTHER_NAME].map(|name| environment.child_account.hosted_zone(name));
        let foreign = environment.aws.account(FOREIGN_ACCOUNT).hosted_zone(NAME);
        let zones: Vec<ZoneHandle> = children.iter().chain([&foreign]).cloned().collect();
        for zone in &zones {
            zone.sign([key("one", KEY_ONE), key("two", KEY_TWO)]);
        }
        let checker = RuleChecker::attach(&environment.aws, &environment.parent, zones);
        let a = function(&environment, CHILD_ACCOUNT, "side-a").await;
        let b = function(&environment, FOREIGN_ACCOUNT, "side-b").await;
        Rc::new(Self {
            environment,
            children,
            foreign,
            checker,
            handlers: [a, b],
            requests: AtomicU64::new(1),
        })
    }

    /// Returns properties that ask for a child zone, with additional ones.
    pub(crate) fn properties(&self, child: &ZoneHandle, more: &Value) -> Value {
        let properties = json!({
            "ChildZoneId": child.id(),
            "ParentRoleArn": self.parent_role.arn(),
            "ParentZoneId": self.parent.id(),
            "TTL": "300",
            "WaitForSync": "false",
            "Verification": "NONE",
        });
        changed(properties, more)
    }

    /// Returns a Create that is later than the requests before.
    pub(crate) fn create(&self, who: Who, properties: &Value) -> Value {
        self.event(who, "Create", &RequestFields { id: None, new: properties, old: None })
    }

    /// Returns an Update that is later than the requests before.
    pub(crate) fn update(&self, who: Who, id: &str, new: &Value, old: &Value) -> Value {
        self.event(who, "Update", &RequestFields { id: Some(id), new, old: Some(old) })
    }

    /// Returns a Delete that is later than the requests before.
    pub(crate) fn delete(&self, who: Who, id: &str, properties: &Value) -> Value {
        self.event(who, "Delete", &RequestFields { id: Some(id), new: properties, old: None })
    }

    fn event(&self, who: Who, kind: &str, fields: &RequestFields<'_>) -> Value {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let account = if who.stack == "one" { CHILD_ACCOUNT } else { FOREIGN_ACCOUNT };
        let key = ResponseKey {
            stack_id: format!("arn:aws:cloudformation:us-east-1:{account}:stack/{}/0", who.stack),
            logical_id: who.logical_id.to_owned(),
            request_id: format!("request-{number}"),
        };
        let at = self.clock.now() + Duration::from_secs(2 * number);
        let event = self.network().event(kind, &key, at, fields);
        self.checker.register_request(at, &event);
        event
    }

    /// Runs a request before the race, and returns its physical id.
    pub(crate) async fn done(&self, side: Side, event: Value) -> String {
        let answer = serve(&self.handlers[side as usize], self.network(), event).await;
        assert_eq!(answer["Status"], "SUCCESS", "{answer}");
        answer["PhysicalResourceId"].as_str().unwrap().to_owned()
    }

    /// Starts a race of two requests.
    pub(crate) fn race(
        self: Rc<Self>,
        a: Value,
        b: Value,
        check: impl Fn(&Self, &Value, &Value) -> Result<(), String> + 'static,
    ) -> (Race, Verdict) {
        let (race, [ended_a, ended_b]) = Race::new(&self.aws, None);
        let (a, b) = (self.start(0, a, ended_a), self.start(1, b, ended_b));
        let verdict = async move {
            let (a, b) = (a.await.unwrap(), b.await.unwrap());
            let result = self.checker.verdict().and_then(|()| check(&self, &a, &b));
            result.map_err(|wrong| format!("{wrong}\na: {a}\nb: {b}\n{}", self.report()))
        };
        (race, Box::pin(verdict))
    }

    /// Starts a race of two requests to the first function, which has a second instance.
    pub(crate) async fn race_of_one(
        mut self: Rc<Self>,
        a: Value,
        b: Value,
        check: impl Fn(&Self, &Value, &Value) -> Result<(), String> + 'static,
    ) -> (Race, Verdict) {
        let again = function(&self.environment, CHILD_ACCOUNT, "side-b").await;
        Rc::get_mut(&mut self).unwrap().handlers[1] = again;
        self.race(a, b, check)
    }

    /// Starts a race of a request with one manual edit of the parent zone.
    pub(crate) fn race_with_edit(
        self: Rc<Self>,
        a: Value,
        edit: impl FnOnce(&ZoneHandle) + 'static,
        check: impl Fn(&Self, &Value) -> Result<(), String> + 'static,
    ) -> (Race, Verdict) {
        let (parent, checker) = (self.parent.clone(), Arc::clone(&self.checker));
        let edit = move || {
            edit(&parent);
            checker.edited();
        };
        let (race, [ended, _]) = Race::new(&self.aws, Some(Box::new(edit)));
        let a = self.start(0, a, ended);
        let verdict = async move {
            let a = a.await.unwrap();
            let result = self.checker.verdict().and_then(|()| check(&self, &a));
            result.map_err(|wrong| format!("{wrong}\na: {a}\n{}", self.report()))
        };
        (race, Box::pin(verdict))
    }

    fn start(&self, handler: usize, event: Value, ended: Ended) -> JoinHandle<Value> {
        let (handler, network) = (Rc::clone(&self.handlers[handler]), self.network().clone());
        tokio::task::spawn_local(async move {
            let answer = serve(&handler, &network, event).await;
            ended.send_replace(true);
            answer
        })
    }

    /// Returns the name servers that a name is delegated to, sorted.
    pub(crate) fn delegated(&self, name: &str) -> Option<Vec<String>> {
        self.parent.record(name, "NS").map(|set| plain(&set.values))
    }

    /// Returns the owners of the claims at a name, sorted.
    pub(crate) fn claims(&self, name: &str) -> Vec<String> {
        let set = self.parent.record(&format!("_delegation-{name}"), "TXT");
        let owner =
            |value: &String| Some(value.strip_suffix('"')?.split_once("owner=")?.1.to_owned());
        let mut owners: Vec<String> =
            set.iter().flat_map(|set| set.values.iter().filter_map(owner)).collect();
        owners.sort();
        owners
    }

    fn report(&self) -> String {
        let batches =
            self.aws.calls().into_iter().filter(|call| call.action == "ChangeResourceRecordSets");
        let lines =
            batches.map(|call| format!("{} {:?}: {}", call.principal, call.status(), call.summary));
        let records = self.parent.records().into_iter().map(|set: RecordSet| set.to_string());
        lines.chain(["the parent zone:".to_owned()]).chain(records).collect::<Vec<_>>().join("\n")
    }
}

async fn function(environment: &Environment, account: &str, side: &str) -> Rc<Handler> {
    let account = environment.aws.account(account);
    let role = function_role(&account, side, &environment.parent_role);
    let without_wait = |config: &mut Config| config.propagation_wait = Duration::ZERO;
    Rc::new(environment.network().function(side, role.credentials(), without_wait).await)
}

async fn serve(handler: &Handler, network: &Network, event: Value) -> Value {
    let id = event["RequestId"].as_str().unwrap().to_owned();
    handler.handle(&event.to_string(), &network.invocation(TIMEOUT)).await.unwrap();
    let answers = network.bucket.answers(&id);
    // Each of two deliveries of one request has an answer.
    answers.last().unwrap().json()
}
