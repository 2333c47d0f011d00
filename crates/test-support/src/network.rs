//! The simulated network: HTTP to the local AWS and its response bucket, DNS to its name servers.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use custom_delegation::aws::credentials::{Accounts, FixedSettings};
use custom_delegation::clock::Clock;
use custom_delegation::config::Config;
use custom_delegation::handler::{Handler, Invocation};
use custom_delegation::http::{
    Client, Exchange, MAX_RESPONSE, SendError, SendErrorKind, Transport,
};
use dns_check::{Datagrams, Verifier};
use futures_util::future::BoxFuture;
use http::Request;
use sandbox::{Credentials, Dns, ResponseBucket, ResponseKey, Sandbox};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::simulation::seed_or;

/// The longest time that a message takes, in milliseconds.
const LONGEST_TRANSIT: u64 = 30;

/// Seeds everything random on this thread with `SEED` from the environment, or with `default`.
/// Returns the seed.
pub fn seeded(default: u64) -> u64 {
    let seed = seed_or(default);
    fastrand::seed(seed);
    seed
}

/// The local AWS, its response bucket and its name servers, with a shared clock. There are no
/// sockets or threads. Messages take some time to arrive, as in a real network.
#[derive(Clone)]
pub struct Network {
    /// Route 53, STS and IAM.
    pub aws: Sandbox,
    /// Receives the answers to CloudFormation.
    pub bucket: ResponseBucket,
    pub dns: Dns,
    /// The wall clock that all parts share.
    pub clock: Clock,
    /// The unknown hosts that requests were sent to.
    strayed: Arc<Mutex<Vec<String>>>,
    /// The percentage of DNS packets that are lost.
    lost: Arc<AtomicU64>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

/// The fields of an event that the resource gives.
#[derive(Clone, Copy, Debug)]
pub struct RequestFields<'a> {
    /// The physical id. `None` for a Create.
    pub id: Option<&'a str>,
    /// `ResourceProperties`.
    pub new: &'a Value,
    /// `OldResourceProperties`, for an Update.
    pub old: Option<&'a Value>,
}

impl Network {
    /// A new network, which starts at the same time in every run.
    pub fn new() -> Self {
        // 2026-01-01
        let clock = Clock::tokio(SystemTime::UNIX_EPOCH + Duration::from_hours(490_896));
        let follow = || {
            let clock = clock.clone();
            sandbox::Clock::following(move || clock.now())
        };
        let aws = Sandbox::in_process(follow());
        Self {
            bucket: ResponseBucket::in_process(follow()),
            dns: Dns::in_process(&aws),
            aws,
            clock,
            strayed: Arc::default(),
            lost: Arc::default(),
        }
    }

    /// The unknown hosts that requests were sent to.
    pub fn strayed(&self) -> Vec<String> {
        self.strayed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loses this percentage of DNS packets and connections from now on.
    pub fn lose(&self, percentage: u64) {
        self.lost.store(percentage, Ordering::Relaxed);
    }

    /// True if the next DNS packet is lost.
    fn loses(&self) -> bool {
        fastrand::u64(..100) < self.lost.load(Ordering::Relaxed)
    }

    /// The AWS accounts with these credentials, and the DNS check, over this network. This is for a
    /// program that runs in process.
    pub async fn program(&self, name: &str, credentials: Credentials) -> (Accounts, Verifier) {
        let settings = settings(&self.aws, &self.clock, credentials, None);
        let accounts = Accounts::with_settings(Client::new(self.clone()), name, &settings).await;
        (
            accounts,
            Verifier::new(Some(self.dns.resolver()))
                .at_any_address(true)
                .with_transport(self.clone()),
        )
    }

    /// A function that has just started, without any cached session. The names of its sessions
    /// contain `name`.
    pub async fn function(
        &self,
        name: &str,
        credentials: Credentials,
        configure: impl FnOnce(&mut Config),
    ) -> Handler {
        let config = config(&self.bucket, &self.dns, configure);
        let settings = settings(&self.aws, &self.clock, credentials, config.region.as_deref());
        let (client, verifier) = (
            Client::new(self.clone()),
            Verifier::new(config.dns_resolver).at_any_address(config.dns_any_address),
        );
        let accounts = Accounts::with_settings(client.clone(), name, &settings).await;
        Handler::new(config, client, accounts).with_verifier(verifier.with_transport(self.clone()))
    }

    /// An event from CloudFormation, whose response URL is signed at `at`.
    pub fn event(
        &self,
        kind: &str,
        key: &ResponseKey,
        at: SystemTime,
        fields: &RequestFields<'_>,
    ) -> Value {
        let mut event = json!({
            "RequestType": kind,
            "ResponseURL": self.bucket.presign_at(key, at),
            "StackId": key.stack_id,
            "RequestId": key.request_id,
            "LogicalResourceId": key.logical_id,
            "ResourceProperties": fields.new,
        });
        if let Some(id) = fields.id {
            event["PhysicalResourceId"] = json!(id);
        }
        if let Some(old) = fields.old {
            event["OldResourceProperties"] = old.clone();
        }
        event
    }

    /// An invocation that starts now, with this timeout.
    pub fn invocation(&self, timeout: Duration) -> Invocation {
        Invocation {
            deadline: self.clock.now() + timeout,
            id: "6f1cb6b5-5d20-4c1a-9c0e-2b7f3f6a1d44".into(),
            log_stream: "stream".into(),
        }
    }
}

/// The settings of a function that uses this bucket and these name servers.
pub(crate) fn config(
    bucket: &ResponseBucket,
    dns: &Dns,
    configure: impl FnOnce(&mut Config),
) -> Config {
    let mut config = Config {
        response_hosts: vec![bucket.host()],
        dns_resolver: Some(dns.resolver()),
        dns_any_address: true,
        ..Config::default()
    };
    configure(&mut config);
    config
}

/// The settings of a client of this AWS.
pub(crate) fn settings(
    aws: &Sandbox,
    clock: &Clock,
    credentials: Credentials,
    region: Option<&str>,
) -> FixedSettings {
    FixedSettings {
        endpoint_url: aws.endpoint_url(),
        region: region.unwrap_or("us-east-1").to_owned(),
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
        session_token: credentials.session_token,
        clock: clock.clone(),
    }
}

/// Waits as long as a message takes.
async fn transit() {
    sleep(Duration::from_millis(fastrand::u64(1..=LONGEST_TRANSIT))).await;
}

impl Transport for Network {
    fn send(&self, request: Request<Bytes>) -> Exchange {
        let Self { aws, bucket, strayed, .. } = self.clone();
        // A request that was sent arrives and is carried out, even if its sender stops waiting for
        // the response.
        let exchange = async move {
            transit().await;
            let host = request.uri().host().unwrap_or_default().to_owned();
            let answer = if host == bucket.host() {
                bucket.call(request).await
            } else if aws.endpoint_url().ends_with(&format!("//{host}")) {
                aws.call(request).await
            } else {
                let error = SendError::new(
                    SendErrorKind::Unconnected,
                    format!("there is no host {host:?}"),
                );
                strayed.lock().unwrap_or_else(PoisonError::into_inner).push(host);
                return Err(error);
            };
            let answer = answer.map_err(|reset| SendError::new(SendErrorKind::Lost, reset))?;
            transit().await;
            if answer.body().len() > MAX_RESPONSE {
                return Err(SendError::too_large());
            }
            Ok(answer)
        };
        Box::pin(async move {
            let arrived = tokio::spawn(exchange).await;
            arrived.unwrap_or_else(|error| Err(SendError::new(SendErrorKind::Lost, error)))
        })
    }
}

impl dns_check::Transport for Network {
    fn now(&self) -> SystemTime {
        self.clock.now()
    }

    fn datagrams(&self, server: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Datagrams>>> {
        let socket = Socket { network: self.clone(), server, inbox: Mutex::default() };
        Box::pin(async move { Ok(Box::new(socket) as Box<dyn Datagrams>) })
    }

    fn exchange(&self, server: SocketAddr, message: Vec<u8>) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async move {
            transit().await;
            if self.loses() {
                return pending().await;
            }
            // A server that does not respond keeps the connection open.
            let Some(reply) = self.dns.ask(server, &message, sandbox::Transport::Tcp) else {
                return pending().await;
            };
            sleep(reply.after).await;
            transit().await;
            reply.bytes.ok_or_else(|| io::ErrorKind::ConnectionReset.into())
        })
    }
}

/// A socket for datagrams to and from one server.
struct Socket {
    network: Network,
    server: SocketAddr,
    /// The responses in transit, by their time of arrival.
    inbox: Mutex<BTreeMap<(Instant, usize), Vec<u8>>>,
}

impl Socket {
    fn inbox(&self) -> MutexGuard<'_, BTreeMap<(Instant, usize), Vec<u8>>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Datagrams for Socket {
    fn send<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            transit().await;
            if !self.network.loses()
                && let Some(reply) =
                    self.network.dns.ask(self.server, message, sandbox::Transport::Udp)
                && let Some(bytes) = reply.bytes
                && !self.network.loses()
            {
                let due = Instant::now()
                    + reply.after
                    + Duration::from_millis(fastrand::u64(1..=LONGEST_TRANSIT));
                let mut inbox = self.inbox();
                let number = inbox.len();
                inbox.insert((due, number), bytes);
            }
            Ok(())
        })
    }

    fn receive(&self) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async move {
            let next = self.inbox().first_key_value().map(|(key, _)| *key);
            let Some(next) = next else { return pending().await };
            sleep_until(next.0).await;
            Ok(self.inbox().remove(&next).unwrap_or_default())
        })
    }
}
