//! The sandbox's zones over DNS, on the loopback interface: a root of its own, the top-level
//! domains, and every public hosted zone at the four name servers of its delegation set.
//!
//! [`Dns::start`] serves at one port on UDP and TCP. Each name server has an address of its own in
//! 127.0.0.0/8; everything resolves from [`Dns::root`] down, and [`Dns::resolver`] does so for a
//! client that wants a resolver. What is answered is the sandbox at that moment: a change made
//! through the API is served once `GetChange` reports it `INSYNC`, or would if it were asked
//! ([`ServeRule`]); an edit by a [`ZoneHandle`] is served at once, a deleted zone no more.
//!
//! A zone that is signing with real keys ([`ZoneHandle::create_key`],
//! [`ZoneHandle::start_signing`]) is served signed. So are the root and the top-level domains,
//! which put the DS of such a top zone there themselves: a validator that trusts
//! [`Dns::trust_anchor`] follows the chain. A signature holds for an hour, and is made anew after
//! five minutes.
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

/// The port of DNS, where nothing else can be in the way.
const PORT: u16 = 53;

/// When the name servers serve a change that was made through the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServeRule {
    /// Once `GetChange` reports it `INSYNC`, or would do so the next time it is asked
    /// ([`crate::SyncRule`]).
    #[default]
    InSync,
    /// When it is accepted.
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
        // So that the port is free again when this returns.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Dns {
    /// Starts it at a free port, with the resolver on 127.0.0.1.
    pub async fn start(aws: &Sandbox) -> io::Result<Self> {
        let mut refused = None;
        // The port that the kernel gives out for UDP may be taken for TCP.
        for _ in 0..100 {
            match Self::start_on(aws, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => refused = Some(error),
                result => return result,
            }
        }
        Err(refused.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }

    /// Starts it at that port, with the resolver on that loopback address. Several services can
    /// share a port, such as 53, if their resolvers differ.
    pub async fn start_on(aws: &Sandbox, resolver: SocketAddr) -> io::Result<Self> {
        let SocketAddr::V4(resolver) = resolver else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let (stop, mut stopped) = watch::channel(false);
        let (started, start) = oneshot::channel();
        let core = Arc::clone(aws.core());
        let thread = thread::Builder::new().name("dns".to_owned()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            let handle = runtime.handle().clone();
            let open = || {
                let sockets = sockets::bind(SocketAddr::V4(resolver))?;
                let shared = Arc::new(Shared::new(
                    core,
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

    /// One without sockets and threads, for [`Dns::ask`].
    pub fn in_process(aws: &Sandbox) -> Self {
        let shared = Arc::new(Shared::new(Arc::clone(aws.core()), PORT, Ipv4Addr::LOCALHOST, None));
        shared.serve_look_ups();
        Self { inner: Arc::new(Inner { shared, stop: watch::Sender::new(false), thread: None }) }
    }

    /// What the server at that address sends back to a query, as it would over its sockets; nothing
    /// if it is silent, or if there is none.
    pub fn ask(&self, server: SocketAddr, query: &[u8], transport: Transport) -> Option<Reply> {
        let name = if server == self.resolver() {
            RESOLVER.to_owned()
        } else {
            self.shared().server_at(server.ip()).filter(|_| server.port() == self.port())?
        };
        self.shared().receive(&name, query, transport)
    }

    /// Starts it at port 53, for a resolver that knows of no other. Any number can do so at a time:
    /// each has addresses of its own, the resolver too. Not every user may; the error tells.
    pub async fn start_on_port_53(aws: &Sandbox) -> io::Result<Self> {
        let resolver =
            Ipv4Addr::new(127, fastrand::u8(0x20..0x40), fastrand::u8(..), fastrand::u8(1..=254));
        Self::start_on(aws, SocketAddr::from((resolver, 53))).await
    }

    /// The port of every server.
    pub fn port(&self) -> u16 {
        self.shared().port
    }

    /// The resolver: it answers any question, and logs under the name `resolver`.
    pub fn resolver(&self) -> SocketAddr {
        SocketAddr::from((self.shared().resolver, self.port()))
    }

    /// The server of the root zone.
    pub fn root(&self) -> SocketAddr {
        self.server(hierarchy::ROOT)
    }

    /// The server of the top-level domains.
    pub fn top_level(&self) -> SocketAddr {
        self.server(hierarchy::TOP_LEVEL)
    }

    /// The server of that name; a new one, without zones, if nobody has mentioned it yet.
    ///
    /// # Panics
    ///
    /// If the port can't be bound on any address of the loopback network.
    pub fn server(&self, name: &str) -> SocketAddr {
        let address = self
            .shared()
            .address(&server_name(name))
            .expect("a free address of the loopback network");
        SocketAddr::from((address, self.port()))
    }

    /// A zone outside of Route 53 on these name servers. Several may have one name. It has an SOA
    /// and an NS record set unless the records bring them. If no other zone encloses it, its
    /// top-level domain delegates to it.
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

    /// Names the hosted zone to which a top zone's name is delegated from above. By default it is a
    /// zone of [`Dns::zone`], else the hosted zone of that name that was created first.
    pub fn delegate_to(&self, zone: &ZoneHandle) {
        let mut state = self.shared().state();
        state.revision += 1;
        state.real.insert(normalize_lossy(&zone.name()), zone.id());
    }

    /// Sets when changes are served.
    pub fn serve_when(&self, rule: ServeRule) {
        self.shared().core.route53().serve = rule;
    }

    /// The trust anchor of the root, `. IN DS <tag> 13 2 <digest>`: a form that unbound, dig and
    /// delv take.
    pub fn trust_anchor(&self) -> String {
        self.root_ds().first().map(|ds| format!(". IN DS {ds}")).unwrap_or_default()
    }

    /// The DS records of the root's keys.
    pub(crate) fn root_ds(&self) -> Vec<RData> {
        self.shared().keys(".").ds()
    }

    /// Serves no TTL above this, be it of data, of a "no" or of keys, so that a test can outwait a
    /// cache.
    pub fn cap_ttl(&self, seconds: u32) {
        let mut state = self.shared().state();
        state.revision += 1;
        state.cap = seconds;
    }

    /// Ends the signing of a hosted zone as `DisableHostedZoneDNSSEC` does: not while a look-up
    /// finds a DS record of one of its keys (`KeySigningKeyInParentDSRecord`), nor where that
    /// look-up fails (API Reference, `DisableHostedZoneDNSSEC`).
    ///
    /// The look-up goes through the resolver here. Whether that of Route 53 goes through a cache is
    /// not documented: with [`Dns::share_cache`] it does.
    ///
    /// Probe: route53/dnssec-off-beside-ds.
    ///
    /// # Errors
    /// The code of the error, with the message.
    pub fn disable_signing(&self, zone: &ZoneHandle) -> Result<(), String> {
        let shared = self.shared();
        let ended = end_signing(&shared.core, &zone.id(), &|name| shared.ds_of(name));
        ended.map_err(|error| format!("{}: {}", error.code, error.message))
    }

    /// Lets nobody ask a name server, as in a network without a way out for DNS; the resolver,
    /// which is in that network, answers as before.
    pub fn close_the_way_out(&self) {
        self.shared().state().closed = true;
    }

    /// Has the resolver keep what it has found for as long as the TTLs say, as one does that many
    /// share.
    pub fn share_cache(&self) {
        self.shared().state().cache = Some(cache::Cache::default());
    }

    /// Leaves the TTL of this record set as it is, whatever [`Dns::cap_ttl`] says. That of the SOA
    /// record is also that of every "no".
    pub fn keep_ttl(&self, name: &str, rtype: &str) {
        let mut state = self.shared().state();
        state.revision += 1;
        state.uncapped.insert((normalize_lossy(name), rtype.to_owned()));
    }

    /// Makes that name server ill, until [`Dns::heal`]; in the place of an earlier fault.
    /// `resolver` is the resolver.
    pub fn fault(&self, server: &str, fault: DnsFault) {
        self.fault_times(server, fault, u64::MAX);
    }

    /// Makes that name server ill for its next so many queries.
    pub fn fault_times(&self, server: &str, fault: DnsFault, queries: u64) {
        self.shared().set_fault(&server_name(server), fault, queries);
    }

    /// Makes that name server well again.
    pub fn heal(&self, server: &str) {
        self.shared().heal(Some(&server_name(server)));
    }

    /// Makes all name servers well again.
    pub fn heal_all(&self) {
        self.shared().heal(None);
    }

    /// The queries that came over the network so far, in the order of arrival. What the resolver
    /// asks is not among them.
    pub fn queries(&self) -> Vec<DnsQuery> {
        self.shared().state().log.clone()
    }

    /// The queries to that name server; to `resolver` for the resolver.
    pub fn queries_to(&self, server: &str) -> Vec<DnsQuery> {
        let server = server_name(server);
        self.queries().into_iter().filter(|query| query.server == server).collect()
    }

    /// Forgets the queries so far.
    pub fn clear_queries(&self) {
        self.shared().state().log.clear();
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }
}

/// Name servers are known in lower case and without the trailing dot.
fn server_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
