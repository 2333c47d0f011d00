//! The serial round trips of a request: how many HTTP requests wait for each other.
//!
//! The function runs in this process, and each HTTP request takes the same time on Tokio's paused
//! clock. So the time of an invocation, divided by that, is the exact number, however fast the
//! machine is. The handshakes of new connections are not simulated; `guards.rs` counts the
//! connections of the release build.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic fails the test")]

use std::time::Duration;

use bytes::Bytes;
use custom_delegation::aws::credentials::{Accounts, FixedSettings};
use custom_delegation::config::Config;
use custom_delegation::handler::Handler;
use custom_delegation::http::{Client, Exchange, SendError, SendErrorKind, Transport};
use http::Request;
use sandbox::{ResponseBucket, Sandbox};
use serde_json::{Value, json};
use test_support::{Answer, Fixture, simulate};
use tokio::time::{Instant, sleep};

/// The time from a request to its response.
const LATENCY: Duration = Duration::from_millis(100);

/// The local AWS and its response bucket at a fixed distance.
#[derive(Clone, Debug)]
struct FixedLatency {
    aws: Sandbox,
    bucket: ResponseBucket,
}

impl Transport for FixedLatency {
    fn send(&self, request: Request<Bytes>) -> Exchange {
        let Self { aws, bucket } = self.clone();
        Box::pin(async move {
            sleep(LATENCY / 2).await;
            let response = if request.uri().host() == Some(bucket.host().as_str()) {
                bucket.call(request).await
            } else {
                aws.call(request).await
            };
            sleep(LATENCY / 2).await;
            response.map_err(|reset| SendError::new(SendErrorKind::Lost, reset))
        })
    }
}

/// A fixture with a cold function at a fixed distance from AWS.
async fn far_fixture() -> Fixture {
    let mut fixture = Fixture::new().await;
    let client =
        Client::new(FixedLatency { aws: fixture.aws.clone(), bucket: fixture.bucket.clone() });
    let credentials = fixture.function_role.credentials();
    let settings = FixedSettings {
        endpoint_url: fixture.aws.endpoint_url(),
        region: "us-east-1".to_owned(),
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
        session_token: credentials.session_token,
        clock: fixture.clock.clone(),
    };
    let accounts = Accounts::with_settings(client.clone(), "delegation", &settings).await;
    let config = Config { response_hosts: vec![fixture.bucket.host()], ..Config::default() };
    fixture.handler = Handler::new(config, client, accounts);
    fixture
}

/// Runs an invocation that must succeed. Returns the answer and the number of round trips.
async fn counted(invocation: impl Future<Output = Answer>) -> (Answer, u128) {
    let began = Instant::now();
    let answer = invocation.await.success();
    let took = began.elapsed().as_nanos();
    assert_eq!(took % LATENCY.as_nanos(), 0, "the function waited for something else");
    (answer, took / LATENCY.as_nanos())
}

/// The requests are those of `make bench`.
#[test]
fn no_round_trip_is_added() {
    simulate(1, async || {
        let fixture = far_fixture().await;
        let properties = |ttl: &str| -> Value {
            json!({
                "ParentZoneId": fixture.parent.id(), "ParentZoneName": null,
                "TTL": ttl, "WaitForSync": "false",
            })
        };
        for expected_create in ["cold", "warm"] {
            let (created, create) = counted(fixture.create(properties("300"))).await;
            let id = created.id();
            let (_, update) =
                counted(fixture.update(id, properties("300"), properties("600"))).await;
            let (_, delete) = counted(fixture.delete(id, properties("600"))).await;
            assert_eq!(
                [create, update, delete],
                [4, 4, 3],
                "round trips of a {expected_create} Create, an Update and a Delete"
            );
        }
    });
}
