//! Serves the sandbox's zones over DNS on the loopback interface: its own root, the top-level
//! domains, and every public hosted zone at the four name servers of its delegation set.
//!
//! [`Dns::start`] serves at one port over UDP and TCP. Each name server has its own address in
//! 127.0.0.0/8. Everything resolves from [`Dns::root`] down, and [`Dns::resolver`] is a resolver
//! for clients that need one. Responses reflect the current state of the sandbox: a change through
//! the API is served once `GetChange` reports it `INSYNC`, or would do so ([`ServeRule`]). A change
//! by a [`ZoneHandle`] is served at once. A deleted zone is no longer served.
//!
//! A zone that signs with real keys ([`ZoneHandle::create_key`], [`ZoneHandle::start_signing`]) is
//! served with signatures. So are the root and the top-level domains, which add the DS record of
//! such a zone themselves if they delegate to it. A validator that trusts [`Dns::trust_anchor`] can
//! follow the chain. Signatures are valid for an hour, and renewed after five minutes.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use sandbox::{Dns, DnsFault, RecordSet, Sandbox};
//!
//! let aws = Sandbox::start().await?;
//! let parent = aws.account("111111111111").hosted_zone("example.com");
//! let dns = Dns::start(&aws).await?;
//! // DELEGATION_DNS_RESOLVER of the function under test, with DELEGATION_DNS_ANY_ADDRESS=true
//! let resolver = dns.resolver().to_string();
//! let outside = dns.zone("testing.example.com", ["ns1.dns-host.net"], []);
//! outside.put(RecordSet::new("www.testing.example.com", "A", 60, ["192.0.2.1"]));
//! dns.fault("ns1.dns-host.net", DnsFault::Silent);
//! assert!(dns.queries().is_empty());
//! # let _ = (parent, resolver);
//! # Ok(())
//! # }
//! ```

mod answer;
mod cache;
pub(crate) mod client;
mod fault;
mod hierarchy;
mod log;
mod outside;
mod resolver;
mod sign;
mod sockets;
mod state;
mod zone;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use hickory_proto::rr::RData;
use tokio::sync::{oneshot, watch};

pub use fault::{DnsFault, Transport};
pub use log::DnsQuery;
pub use outside::OutsideZone;
pub use state::Reply;

use crate::Sandbox;
use crate::handles::ZoneHandle;
use crate::route53::api::end_signing;
use crate::route53::{RecordSet, normalize_lossy};
use outside::Outside;
use state::{RESOLVER, Shared};

/// The default DNS port, which a server can only use if nothing else does.
const PORT: u16 = 53;

/// When the name servers serve a change that was made through the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServeRule {
    /// Once `GetChange` reports it `INSYNC`, or would do so for the next request
    /// ([`crate::SyncRule`]).
    #[default]
    InSync,
    /// As soon as it is accepted.
    AtOnce,
}

/// The DNS service of a [`Sandbox`]. It stops when the last clone is dropped.
#[derive(Clone)]
pub struct Dns {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dns").field("resolver", &self.resolver()).finish_non_exhaustive()
    }
}

struct Inner {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        // Ensures that the port is free again when this function returns.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Dns {
    /// Starts the service at a free port, with the resolver at 127.0.0.1.
    pub async fn start(aws: &Sandbox) -> io::Result<Self> {
        let mut refused = None;
        // A free port for UDP may be in use for TCP.
        for _ in 0..100 {
            match Self::start_on(aws, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => refused = Some(error),
                result => return result,
            }
        }
        Err(refused.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }

    /// Starts the service at this port, with the resolver at this loopback address. Several
    /// services can share a port, such as 53, if their resolvers differ.
    pub async fn start_on(aws: &Sandbox, resolver: SocketAddr) -> io::Result<Self> {
        let SocketAddr::V4(resolver) = resolver else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let (stop, mut stopped) = watch::channel(false);
        let (started, start) = oneshot::channel();
        let aws = Arc::clone(aws.shared());
        let thread = thread::Builder::new().name("dns".to_owned()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            let handle = runtime.handle().clone();
            let open = || {
                let sockets = sockets::bind(SocketAddr::V4(resolver))?;
                let shared = Arc::new(Shared::new(
                    aws,
                    sockets.port()?,
                    *resolver.ip(),
                    Some(handle.clone()),
                ));
                sockets.serve(&handle, &shared, RESOLVER);
                shared.address(hierarchy::ROOT)?;
                Ok(shared)
            };
            if started.send(open()).is_ok() {
                runtime.block_on(async move { drop(stopped.changed().await) });
            }
            runtime.shutdown_background();
        })?;
        let shared = start.await.map_err(io::Error::other)??;
        shared.serve_look_ups();
        Ok(Self { inner: Arc::new(Inner { shared, stop, thread: Some(thread) }) })
    }

    /// A service without sockets and threads, for [`Dns::ask`].
    pub fn in_process(aws: &Sandbox) -> Self {
        let shared =
            Arc::new(Shared::new(Arc::clone(aws.shared()), PORT, Ipv4Addr::LOCALHOST, None));
        shared.serve_look_ups();
        Self { inner: Arc::new(Inner { shared, stop: watch::Sender::new(false), thread: None }) }
    }

    /// The response of the server at this address to a query, as it would send it over its sockets.
    /// `None` if it does not respond, or does not exist.
    pub fn ask(&self, server: SocketAddr, query: &[u8], transport: Transport) -> Option<Reply> {
        let name = if server == self.resolver() {
            RESOLVER.to_owned()
        } else {
            self.shared().server_at(server.ip()).filter(|_| server.port() == self.port())?
        };
        self.shared().receive(&name, query, transport)
    }

    /// Starts the service at port 53, for a resolver that can't use another port. Any number of
    /// services can do so at the same time, because each has its own addresses, including the
    /// resolver. Not every user has the permission; the error says so.
    pub(crate) async fn start_on_port_53(aws: &Sandbox) -> io::Result<Self> {
        let resolver =
            Ipv4Addr::new(127, fastrand::u8(0x20..0x40), fastrand::u8(..), fastrand::u8(1..=254));
        Self::start_on(aws, SocketAddr::from((resolver, 53))).await
    }

    pub fn port(&self) -> u16 {
        self.shared().port
    }

    /// The resolver. It answers any query, and appears in the log as `resolver`.
    pub fn resolver(&self) -> SocketAddr {
        SocketAddr::from((self.shared().resolver, self.port()))
    }

    pub fn root(&self) -> SocketAddr {
        self.server(hierarchy::ROOT)
    }

    pub fn top_level(&self) -> SocketAddr {
        self.server(hierarchy::TOP_LEVEL)
    }

    /// The server with this name. It is created without zones on first use.
    ///
    /// # Panics
    ///
    /// If the port can't be bound on any address of the loopback network.
    pub fn server(&self, name: &str) -> SocketAddr {
        let address = self
            .shared()
            .address(&server_name(name))
            .expect("no free address in the loopback network");
        SocketAddr::from((address, self.port()))
    }

    /// Adds a zone outside of Route 53 on these name servers. Several zones may have the same name.
    /// It gets an SOA and an NS record set unless they are among the records. If no other zone
    /// encloses it, its top-level domain delegates to it.
    pub fn zone<S: Into<String>>(
        &self,
        name: &str,
        servers: impl IntoIterator<Item = S>,
        records: impl IntoIterator<Item = RecordSet>,
    ) -> OutsideZone {
        let name = normalize_lossy(name);
        let servers: Vec<String> =
            servers.into_iter().map(|server| server_name(&server.into())).collect();
        let zone = Outside::new(&name, servers, records.into_iter().collect());
        let mut state = self.shared().state();
        state.revision += 1;
        state.outsiders += 1;
        let number = state.outsiders;
        if let Some(origin) = zone::name(&name) {
            state.outside_by_name.entry(origin).or_default().insert(number);
        }
        state.outside.insert(number, zone);
        OutsideZone { shared: Arc::downgrade(self.shared()), number, name }
    }

    /// Sets which of several zones with one name the root or the top-level domain delegates to. By
    /// default, it is a zone of [`Dns::zone`], or else the hosted zone that was created first.
    pub fn delegate_to(&self, zone: &ZoneHandle) {
        let mut state = self.shared().state();
        state.revision += 1;
        state.chosen_ids.insert(normalize_lossy(&zone.name()), zone.id());
    }

    pub fn serve_when(&self, rule: ServeRule) {
        self.shared().aws.route53().serve = rule;
    }

    /// The trust anchor of the root, `. IN DS <tag> 13 2 <digest>`, in a form that unbound, dig and
    /// delv accept.
    pub fn trust_anchor(&self) -> String {
        self.root_ds().first().map(|ds| format!(". IN DS {ds}")).unwrap_or_default()
    }

    /// The DS records of the root's keys.
    pub(crate) fn root_ds(&self) -> Vec<RData> {
        self.shared().keys(".").ds()
    }

    /// Limits the TTL of everything that is served (data, negative answers and keys), so that a
    /// test can wait until a cache expires.
    pub fn cap_ttl(&self, seconds: u32) {
        let mut state = self.shared().state();
        state.revision += 1;
        state.cap = seconds;
    }

    /// Stops the signing of a hosted zone like `DisableHostedZoneDNSSEC`. Fails while a lookup
    /// finds a DS record of one of its keys (`KeySigningKeyInParentDSRecord`), or if that lookup
    /// fails (API Reference, `DisableHostedZoneDNSSEC`).
    ///
    /// The lookup uses the resolver here. It is not documented whether Route 53's lookup uses a
    /// cache. With [`Dns::share_cache`], this one does.
    ///
    /// Probe: route53/dnssec-off-beside-ds.
    ///
    /// # Errors
    /// The code and the message of the error.
    pub fn disable_signing(&self, zone: &ZoneHandle) -> Result<(), String> {
        let shared = self.shared();
        let ended = end_signing(&shared.aws, &zone.id(), &|name| shared.ds_of(name));
        ended.map_err(|error| format!("{}: {}", error.code, error.message))
    }

    /// Makes all name servers unreachable, as in a network without egress for DNS. The resolver,
    /// which is in that network, still answers.
    pub fn block_egress(&self) {
        self.shared().state().closed = true;
    }

    /// Makes the resolver cache its responses for their TTLs, like a shared resolver.
    pub fn share_cache(&self) {
        self.shared().state().cache = Some(cache::Cache::default());
    }

    /// Excludes this record set from [`Dns::cap_ttl`]. The TTL of the SOA record also applies to
    /// negative answers.
    pub fn keep_ttl(&self, name: &str, rtype: &str) {
        let mut state = self.shared().state();
        state.revision += 1;
        state.uncapped.insert((normalize_lossy(name), rtype.to_owned()));
    }

    /// Sets a fault of a name server until [`Dns::heal`], instead of an earlier one. `resolver` is
    /// the resolver.
    pub fn fault(&self, server: &str, fault: DnsFault) {
        self.fault_times(server, fault, u64::MAX);
    }

    /// Sets a fault of a name server for this many queries.
    pub fn fault_times(&self, server: &str, fault: DnsFault, queries: u64) {
        self.shared().set_fault(&server_name(server), fault, queries);
    }

    pub fn heal(&self, server: &str) {
        self.shared().heal(Some(&server_name(server)));
    }

    pub fn heal_all(&self) {
        self.shared().heal(None);
    }

    /// The queries that were received over the network so far, in order of arrival. The resolver's
    /// own queries are not included.
    pub fn queries(&self) -> Vec<DnsQuery> {
        self.shared().state().log.clone()
    }

    /// The queries to this name server, or to the resolver for `resolver`.
    pub fn queries_to(&self, server: &str) -> Vec<DnsQuery> {
        let server = server_name(server);
        self.queries().into_iter().filter(|query| query.server == server).collect()
    }

    pub fn clear_queries(&self) {
        self.shared().state().log.clear();
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }
}

/// The name of a name server in lower case, without the trailing dot.
fn server_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
