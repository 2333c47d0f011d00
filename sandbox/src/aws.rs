//! The handle of the sandbox in a test.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use http::header::{HOST, HeaderValue};

use crate::clock::Clock;
use crate::dns::Dns;
use crate::fault::{Fault, FaultHandle};
use crate::gate::{Gate, GateRule};
use crate::handles::{self, Account, Credentials, ZoneHandle};
use crate::http_listener::{FREE_PORT, Listener, Reset};
use crate::journal::Call;
use crate::lock::lock;
use crate::quota::Quota;
use crate::route53::SyncRule;
use crate::server;
use crate::shared_state::SharedState;

/// A function of a test that observes calls.
pub type Hook = Arc<dyn Fn(&Call) + Send + Sync>;

/// A local AWS. It runs behind a listener that stops when the last clone is dropped, or in process.
#[derive(Clone, Debug)]
pub struct Sandbox {
    shared: Arc<SharedState>,
    /// None without a listener.
    listener: Option<Arc<Listener>>,
}

impl Sandbox {
    /// Starts a sandbox at a free port of the loopback interface.
    pub async fn start() -> io::Result<Self> {
        Self::start_on(FREE_PORT).await
    }

    /// Starts a sandbox at this address. It runs on its own threads, so a test may block.
    pub async fn start_on(address: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(SharedState::default());
        let listener = Listener::start("sandbox", address, server::http_answer(&shared)).await?;
        Ok(Self { shared, listener: Some(Arc::new(listener)) })
    }

    /// A sandbox without sockets and threads, for [`Sandbox::call`]. It waits on the caller's
    /// runtime, so under a paused clock hours pass in no time.
    pub fn in_process(clock: Clock) -> Self {
        Self { shared: Arc::new(SharedState::with_clock(clock)), listener: None }
    }

    /// Answers an HTTP request of an AWS client like the listener.
    ///
    /// # Errors
    /// If a fault resets the connection instead.
    pub async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, Reset> {
        let (parts, body) = received(request);
        server::answer(&self.shared, &parts, &body).await
    }

    /// `http://127.0.0.1:<port>`, for both Route 53 and STS. In process, it is a URL that does not
    /// resolve.
    pub fn endpoint_url(&self) -> String {
        match &self.listener {
            Some(listener) => format!("http://{}", listener.address()),
            None => "https://aws.invalid".to_owned(),
        }
    }

    /// The account with this id. It is created on first use.
    pub fn account(&self, id: &str) -> Account {
        Account::new(&self.shared, id)
    }

    /// The hosted zone with this id, in any account.
    pub fn zone(&self, id: &str) -> Option<ZoneHandle> {
        handles::zone_handle(&self.shared, id)
    }

    /// The environment variables that make an AWS client use the sandbox with these credentials.
    pub fn env(&self, credentials: &Credentials) -> Vec<(String, String)> {
        let mut env = vec![
            ("AWS_ENDPOINT_URL".to_owned(), self.endpoint_url()),
            ("AWS_REGION".to_owned(), "us-east-1".to_owned()),
        ];
        env.extend(credentials.env());
        env
    }

    /// Every call so far, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.journal.calls()
    }

    pub fn clear_calls(&self) {
        self.shared.journal.clear();
    }

    pub fn fault(&self, fault: Fault) -> FaultHandle {
        self.shared.faults.add(fault)
    }

    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Runs the hook before every authenticated call is carried out. No lock is held, so the hook
    /// may edit zones.
    pub fn before_call(&self, hook: Hook) {
        lock(&self.shared.hooks).before.push(hook);
    }

    /// Runs the hook after every call that was carried out, before its response is sent.
    pub fn after_call(&self, hook: Hook) {
        lock(&self.shared.hooks).after.push(hook);
    }

    /// Removes all hooks, including those of [`ZoneHandle::refuse_when`].
    pub fn clear_hooks(&self) {
        *lock(&self.shared.hooks) = crate::shared_state::Hooks::default();
    }

    /// Holds calls of this action (`*` for any), after their hooks and before they are carried out.
    pub fn gate(&self, action: &str) -> Gate {
        let action = action.to_owned();
        self.gate_when(Arc::new(move |call| action == "*" || call.action == action))
    }

    /// Holds the calls for which the rule is true, like [`Sandbox::gate`].
    pub fn gate_when(&self, rule: GateRule) -> Gate {
        let (gate, state) = Gate::new(rule);
        lock(&self.shared.gates).push(state);
        gate
    }

    /// Throttles Route 53 per account and action. The buckets are full at first. `None` disables
    /// it.
    pub fn rate_limit(&self, quota: Option<Quota>) {
        lock(&self.shared.buckets).set(quota);
    }

    /// Throttles Route 53 per account over all actions, in addition to [`Sandbox::rate_limit`].
    pub fn rate_limit_overall(&self, quota: Option<Quota>) {
        lock(&self.shared.buckets).set_overall(quota);
    }

    /// Sets when changes become `INSYNC`, including earlier ones. The default is
    /// [`SyncRule::Polls`] of 1.
    pub fn sync_after(&self, rule: SyncRule) {
        self.shared.route53().sync = rule;
    }

    /// Serves the zones over DNS. Short for [`Dns::start`].
    pub async fn dns(&self) -> io::Result<Dns> {
        Dns::start(self).await
    }

    pub(crate) fn shared(&self) -> &Arc<SharedState> {
        &self.shared
    }

    pub fn clock(&self) -> Clock {
        self.shared.clock.clone()
    }
}

/// A request as a server receives it: the host, which an HTTP client takes from the URL, is in a
/// header.
pub(crate) fn received(request: http::Request<Bytes>) -> (http::request::Parts, Bytes) {
    let (mut parts, body) = request.into_parts();
    if let Some(host) =
        parts.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok())
    {
        parts.headers.entry(HOST).or_insert(host);
    }
    (parts, body)
}
