//! One parent zone, its child zones, and a function that is new for each case.

use std::cell::Cell;
use std::time::Duration;

use custom_delegation::handler::Handler;
use sandbox::{
    KeySigningKey, Put, RecordSet, ResponseBucket, ResponseKey, Role, Sandbox, ZoneHandle,
};
use serde_json::{Map, Value, json};
use test_support::{Asked, NAME, Network, pass, plain};

use crate::faults::story::TIMEOUT;

pub(crate) const PARENT: &str = "111111111111";
pub(crate) const CHILD: &str = "222222222222";
pub(crate) const OTHER: &str = "other.example.com";
/// The key-signing keys of the child zone, and their digests.
const KEYS: [(&str, &str); 2] = [
    ("one", "1111111111111111111111111111111111111111111111111111111111111111"),
    ("two", "2222222222222222222222222222222222222222222222222222222222222222"),
];
const STACK: &str =
    "arn:aws:cloudformation:us-east-1:222222222222:stack/mine/51af3dc0-da77-11e4-872e-1234567db123";
/// Deliveries of one event: Lambda gives an asynchronous event up to three.
const DELIVERIES: usize = 3;

pub(crate) struct Lane {
    pub(crate) aws: Sandbox,
    pub(crate) bucket: ResponseBucket,
    pub(crate) parent: ZoneHandle,
    pub(crate) child: ZoneHandle,
    pub(crate) other: ZoneHandle,
    pub(crate) parent_role: Role,
    function_role: Role,
    network: Network,
    before: Vec<RecordSet>,
    requests: Cell<u64>,
}

/// What became of an event.
#[derive(Debug)]
pub(crate) struct Delivered {
    /// What CloudFormation saw first; `None` if nothing was stored.
    pub(crate) answer: Option<Value>,
    pub(crate) deliveries: usize,
}

impl Delivered {
    /// `SUCCESS`, `FAILED`, or nothing if there was no answer.
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

impl Lane {
    pub(crate) fn new() -> Self {
        let network = Network::new();
        let (aws, bucket) = (network.aws.clone(), network.bucket.clone());
        let (parent_account, function_account) = (aws.account(PARENT), aws.account(CHILD));
        let parent = parent_account.hosted_zone("example.com");
        parent.put(RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"]));
        parent.put(RecordSet::new(
            "theirs.example.com",
            "NS",
            300,
            ["ns1.theirs.net.", "ns2.theirs.net."],
        ));
        parent.put(RecordSet::new(
            "_delegation-theirs.example.com",
            "TXT",
            300,
            ["\"not a claim\""],
        ));
        let (child, other) =
            (function_account.hosted_zone(NAME), function_account.hosted_zone(OTHER));
        child.sign(KEYS.map(|(name, digest)| KeySigningKey::active(name, 1, digest)));
        let parent_role =
            parent_account.role("parent").trust_account(CHILD, None).allow_all_route53();
        let function_role =
            function_account.role("function").allow_all_route53().allow_assume(&parent_role.arn());
        let (before, requests) = (parent.records(), Cell::new(1));
        Self {
            aws,
            bucket,
            parent,
            child,
            other,
            parent_role,
            function_role,
            network,
            before,
            requests,
        }
    }

    /// The hosts outside of AWS to which requests were sent.
    pub(crate) fn strayed(&self) -> Vec<String> {
        self.network.strayed()
    }

    /// A function that has just started, with the settings that it ships with.
    async fn function(&self) -> Handler {
        self.network.function("delegation", self.function_role.credentials(), |_| {}).await
    }

    /// The properties of the README's example, with changes.
    pub(crate) fn properties(&self, changes: Value) -> Value {
        let mut properties = json!({
            "ChildZoneId": self.child.id(),
            "ParentRoleArn": self.parent_role.arn(),
            "ParentZoneName": "example.com",
            "TTL": "300",
            "Verification": "NONE",
        });
        for (key, value) in changes.as_object().unwrap_or(&Map::new()) {
            properties[key] = value.clone();
        }
        properties
    }

    /// A request that CloudFormation makes after those before.
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
        // URLs are signed to the second, and two requests for a resource are further apart than
        // this test makes them.
        let at = self.network.clock.now() + Duration::from_secs(2 * number);
        self.network.event(kind, &key, at, &Asked { id, new, old })
    }

    /// Delivers an event to a new function, once.
    pub(crate) async fn invoke(&self, event: &Value, timeout: Duration) -> Result<(), String> {
        let invocation = self.network.invocation(timeout);
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

    /// What was given up on its way is carried out all the same, if it can be; here
    /// CloudFormation's next request comes later than that. `docs/limits.md` says what happens
    /// otherwise.
    pub(crate) async fn all_arrived(&self) {
        pass(Duration::from_mins(1)).await;
    }

    /// Delivers an event to a new function, which is cut off between two of its steps as soon as
    /// `cut` comes; tells whether it was.
    pub(crate) async fn invoke_until(&self, event: &Value, cut: impl Future<Output = ()>) -> bool {
        let (function, invocation) = (self.function().await, self.network.invocation(TIMEOUT));
        let event = event.to_string();
        tokio::select! {
            biased;
            () = cut => true,
            _ = function.handle(&event, &invocation) => false,
        }
    }

    /// Delivers an event as Lambda does, again while the invocation returns an error. `between`
    /// runs before a redelivery, which has time enough. An invocation that ends well has given its
    /// one answer.
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
                // A Create that failed and changed nothing is not tried again, be its answer
                // delivered or not.
                if self.bucket.answers(request).len() == before && event["RequestType"] != "Create"
                {
                    return Err("an invocation ended well and without an answer".to_owned());
                }
                break;
            }
        }
        let stored = self.bucket.answers(request);
        check_answers(&stored, deliveries)?;
        // The first one is what CloudFormation acts upon.
        Ok(Delivered { answer: stored.first().map(Put::json), deliveries })
    }

    /// What is wrong with the delegation of that zone, if it should be there with that TTL and one
    /// claim.
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

    /// What is wrong with the DS record set of the child zone, if it should be for that key alone,
    /// or there should be none.
    pub(crate) fn check_secured(&self, key: Option<&str>) -> Result<(), String> {
        let found = self.parent.record(NAME, "DS").map(|set| set.values).unwrap_or_default();
        let keys = KEYS.iter().filter(|(name, _)| Some(*name) == key);
        let wanted: Vec<String> =
            keys.map(|(name, digest)| KeySigningKey::active(name, 1, digest).ds_record()).collect();
        if found == wanted {
            Ok(())
        } else {
            Err(format!("the DS records are {found:?} and should be {wanted:?}"))
        }
    }

    /// What is left in the parent zone, or missing, compared with before the first request.
    pub(crate) fn check_as_before(&self) -> Result<(), String> {
        let now = self.parent.records();
        if now == self.before {
            return Ok(());
        }
        let lines: Vec<String> = now.iter().map(ToString::to_string).collect();
        Err(format!("the parent zone is not as before:\n{}", lines.join("\n")))
    }

    /// Nothing that others made was touched.
    pub(crate) fn check_others(&self) -> Result<(), String> {
        let now = self.parent.records();
        let missing = self.before.iter().find(|set| !now.contains(set));
        missing.map_or(Ok(()), |set| Err(format!("{set} was changed")))
    }
}

/// One answer for each delivery at most: one that was lost on the way back is sent again, word for
/// word. A failure that nobody acknowledged may be followed by the success of a redelivery, but
/// never the other way round.
fn check_answers(stored: &[Put], deliveries: usize) -> Result<(), String> {
    let mut bodies: Vec<String> =
        stored.iter().map(|put| String::from_utf8_lossy(&put.body).into_owned()).collect();
    bodies.dedup();
    let statuses: Vec<Value> = stored.iter().map(|put| put.json()["Status"].clone()).collect();
    let taken_back = statuses.windows(2).any(|pair| pair[0] == "SUCCESS" && pair[1] != "SUCCESS");
    if bodies.len() > deliveries || taken_back || bodies.iter().any(|body| body.len() > 4096) {
        return Err(format!("in {deliveries} deliveries these answers: {bodies:#?}"));
    }
    Ok(())
}
