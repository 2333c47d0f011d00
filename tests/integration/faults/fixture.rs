//! The fixture: one parent zone, its child zones, and a function that is newly started for each
//! delivery.

use std::cell::Cell;
use std::ops::Deref;
use std::time::Duration;

use custom_delegation::handler::Handler;
use sandbox::{KeySigningKey, Put, RecordSet, ResponseKey, ZoneHandle};
use serde_json::{Value, json};
use test_support::{Environment, NAME, RequestFields, STACK, changed, pass, plain};

use crate::faults::scenario::TIMEOUT;

pub(crate) const OTHER: &str = "other.example.com";
/// The key-signing keys of the child zone, with their digests.
const KEYS: [(&str, &str); 2] = [
    ("one", "1111111111111111111111111111111111111111111111111111111111111111"),
    ("two", "2222222222222222222222222222222222222222222222222222222222222222"),
];
/// The number of deliveries of an event: Lambda delivers an asynchronous event up to three times.
const DELIVERIES: usize = 3;

/// An [`Environment`] with two child zones, and a function that is newly started for each delivery.
pub(crate) struct ColdStartFixture {
    environment: Environment,
    /// [`NAME`], with a key-signing key for each of [`KEYS`].
    pub(crate) child: ZoneHandle,
    /// [`OTHER`]
    pub(crate) other: ZoneHandle,
    requests: Cell<u64>,
}

impl Deref for ColdStartFixture {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.environment
    }
}

/// The result of an event.
#[derive(Debug)]
pub(crate) struct Delivered {
    /// The first answer that CloudFormation got; `None` if none was stored.
    pub(crate) answer: Option<Value>,
    pub(crate) deliveries: usize,
}

impl Delivered {
    /// `SUCCESS`, `FAILED`, or an empty string if there was no answer.
    pub(crate) fn status(&self) -> &str {
        self.answer.as_ref().and_then(|answer| answer["Status"].as_str()).unwrap_or_default()
    }

    pub(crate) fn success(&self) -> bool {
        self.status() == "SUCCESS"
    }

    pub(crate) fn id(&self) -> Option<&str> {
        self.answer.as_ref()?["PhysicalResourceId"].as_str()
    }
}

impl ColdStartFixture {
    pub(crate) fn new() -> Self {
        let environment = Environment::builder()
            .parent_role("parent", None)
            .records([
                RecordSet::new(
                    "theirs.example.com",
                    "NS",
                    300,
                    ["ns1.theirs.net.", "ns2.theirs.net."],
                ),
                RecordSet::new("_delegation-theirs.example.com", "TXT", 300, ["\"not a claim\""]),
            ])
            .in_process();
        let account = &environment.child_account;
        let (child, other) = (account.hosted_zone(NAME), account.hosted_zone(OTHER));
        child.sign(KEYS.map(|(name, digest)| KeySigningKey::active(name, 1, digest)));
        Self { environment, child, other, requests: Cell::new(1) }
    }

    /// Returns the hosts outside of AWS that requests were sent to.
    pub(crate) fn strayed(&self) -> Vec<String> {
        self.network().strayed()
    }

    /// Returns a newly started function with its default settings.
    async fn function(&self) -> Handler {
        self.environment.function(&self.function_role, |_| {}).await
    }

    /// Returns the properties of the README's example, with these changes.
    pub(crate) fn properties(&self, changes: Value) -> Value {
        let properties = json!({
            "ChildZoneId": self.child.id(),
            "ParentRoleArn": self.parent_role.arn(),
            "ParentZoneName": "example.com",
            "TTL": "300",
            "Verification": "NONE",
        });
        changed(properties, &changes)
    }

    /// Returns the event of a new request, later than all earlier ones.
    pub(crate) fn event(
        &self,
        kind: &str,
        id: Option<&str>,
        new: &Value,
        old: Option<&Value>,
    ) -> Value {
        let number = self.requests.get();
        self.requests.set(number + 1);
        let key = ResponseKey {
            stack_id: STACK.to_owned(),
            logical_id: "Delegation".to_owned(),
            request_id: format!("request-{number}"),
        };
        // The dates in URLs have a resolution of a second, and real requests for a resource are
        // further apart than those of a test.
        let at = self.clock.now() + Duration::from_secs(2 * number);
        self.network().event(kind, &key, at, &RequestFields { id, new, old })
    }

    /// Delivers an event to a new function, once.
    pub(crate) async fn invoke(&self, event: &Value, timeout: Duration) -> Result<(), String> {
        let invocation = self.network().invocation(timeout);
        let result = self
            .function()
            .await
            .handle(&event.to_string(), &invocation)
            .await
            .map_err(|error| error.to_string());
        if let Err(error) = &result {
            assert!(
                !error.contains("X-Amz") && !error.contains("://"),
                "the URL is a secret: {error}"
            );
        }
        result
    }

    /// Lets the calls arrive that the function has given up on. CloudFormation's next request is
    /// later than that here; `docs/limits.md` says what happens otherwise.
    pub(crate) async fn let_calls_arrive(&self) {
        pass(Duration::from_mins(1)).await;
    }

    /// Delivers an event to a new function, and cuts it off between two of its steps as soon as
    /// `cut` is ready. Returns whether that happened.
    pub(crate) async fn invoke_until(&self, event: &Value, cut: impl Future<Output = ()>) -> bool {
        let (function, invocation) = (self.function().await, self.network().invocation(TIMEOUT));
        let event = event.to_string();
        tokio::select! {
            biased;
            () = cut => true,
            _ = function.handle(&event, &invocation) => false,
        }
    }

    /// Delivers an event as Lambda does: again while the invocation returns an error. `between`
    /// runs before a second delivery, which has enough time. An invocation that succeeds must have
    /// sent its answer.
    pub(crate) async fn deliver(
        &self,
        event: &Value,
        timeout: Duration,
        between: impl Fn(),
    ) -> Result<Delivered, String> {
        let request = event["RequestId"].as_str().unwrap();
        let mut deliveries = 0;
        while deliveries < DELIVERIES {
            if deliveries > 0 {
                between();
            }
            deliveries += 1;
            let before = self.bucket.answers(request).len();
            if self.invoke(event, if deliveries == 1 { timeout } else { TIMEOUT }).await.is_ok() {
                // A Create that failed and changed nothing is not delivered again, whether its
                // answer arrived or not.
                if self.bucket.answers(request).len() == before && event["RequestType"] != "Create"
                {
                    return Err("an invocation succeeded without an answer".to_owned());
                }
                break;
            }
        }
        let stored = self.bucket.answers(request);
        check_answers(&stored, deliveries)?;
        // CloudFormation acts on the first answer.
        Ok(Delivered { answer: stored.first().map(Put::json), deliveries })
    }

    /// Checks that the zone is delegated, with this TTL and one claim.
    pub(crate) fn check_delegated(&self, zone: &ZoneHandle, ttl: u32) -> Result<(), String> {
        let name = zone.name();
        let name = name.trim_end_matches('.');
        let set =
            self.parent.record(name, "NS").ok_or_else(|| format!("{name} is not delegated"))?;
        let claims = self
            .parent
            .record(&format!("_delegation-{name}"), "TXT")
            .map_or(0, |set| set.values.len());
        if plain(&set.values) == plain(&zone.name_servers()) && set.ttl == Some(ttl) && claims == 1
        {
            return Ok(());
        }
        Err(format!("{name} is delegated as {set} with {claims} claims"))
    }

    /// Checks that the child zone's DS record set is that of this key; with `None`, that there is
    /// none.
    pub(crate) fn check_secured(&self, key: Option<&str>) -> Result<(), String> {
        let found = self.parent.record(NAME, "DS").map(|set| set.values).unwrap_or_default();
        let keys = KEYS.iter().filter(|(name, _)| Some(*name) == key);
        let expected: Vec<String> =
            keys.map(|(name, digest)| KeySigningKey::active(name, 1, digest).ds_record()).collect();
        if found == expected {
            Ok(())
        } else {
            Err(format!("the DS records are {found:?} and should be {expected:?}"))
        }
    }

    /// Checks that the parent zone is as it was before the first request.
    pub(crate) fn check_as_before(&self) -> Result<(), String> {
        let now = self.parent.records();
        if now == self.records_before() {
            return Ok(());
        }
        let lines: Vec<String> = now.iter().map(ToString::to_string).collect();
        Err(format!("the parent zone is not as before:\n{}", lines.join("\n")))
    }

    /// Checks that all record sets of others are unchanged.
    pub(crate) fn check_others(&self) -> Result<(), String> {
        let now = self.parent.records();
        let missing = self.records_before().iter().find(|set| !now.contains(set));
        missing.map_or(Ok(()), |set| Err(format!("{set} was changed")))
    }
}

/// Checks the answers to one event. There is at most one per delivery, since an answer whose
/// response was lost is sent again, byte for byte. A failure that nobody acknowledged may be
/// followed by the success of the next delivery, but never the other way round.
fn check_answers(stored: &[Put], deliveries: usize) -> Result<(), String> {
    let mut bodies: Vec<String> =
        stored.iter().map(|put| String::from_utf8_lossy(&put.body).into_owned()).collect();
    bodies.dedup();
    let statuses: Vec<Value> = stored.iter().map(|put| put.json()["Status"].clone()).collect();
    let reversed = statuses.windows(2).any(|pair| pair[0] == "SUCCESS" && pair[1] != "SUCCESS");
    if bodies.len() > deliveries || reversed || bodies.iter().any(|body| body.len() > 4096) {
        return Err(format!("{deliveries} deliveries gave these answers: {bodies:#?}"));
    }
    Ok(())
}
