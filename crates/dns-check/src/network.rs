//! Sends one query to one server: over UDP, then over TCP if necessary.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as FairMutex, OnceCell, Semaphore};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::Timing;
use super::address_filter::Addresses;
use super::dns64::Prefix;
use super::dnssec::{Validation, Verifications};
use super::finding::Family;
use super::query::{Query, SentQuery};
use super::resolver::Known;
use super::response::{Parsed, Response, parse};
use super::transport::{Datagrams, Transport};
use delegation_model::name::Name;

/// How many sockets to name servers a check opens at once. With those to resolvers, this is far
/// below the 1024 files of a Lambda function.
pub(super) const SOCKETS: usize = 64;

/// How many lookups a check makes at once. Each has two sockets of its own, for its queries for
/// IPv4 and IPv6 addresses.
const LOOKUPS: usize = 32;

/// How many datagrams a check sends, or all checks of a request together.
///
/// The largest delegation, with sixteen name servers of four addresses each, below a zone with
/// thirteen such servers, takes about five hundred per round. The limit prevents anybody from
/// triggering more traffic with one event, whatever the servers respond.
pub(super) const DATAGRAMS: u32 = 1000;

/// How many TCP connections a check opens, or all checks of a request together.
pub(super) const CONNECTIONS: u32 = 250;

/// How many unrelated datagrams are read while waiting for the response.
const FOREIGN: usize = 256;

/// How many sockets to name servers the checks of a run open at once, besides two for each lookup.
/// A process can have 1024 open files by default. Each concurrent check has its share, so that none
/// can take those of another.
const SOCKETS_PER_RUN: usize = 480;

/// How many TCP connections the concurrent checks of a run open. Each has an equal share.
const CONNECTIONS_PER_RUN: usize = 3840;

/// How many lookups the checks of a run make at once. Each concurrent check has its share.
const LOOKUPS_PER_RUN: usize = 120;

/// How many queries per second the checks of a run send to resolvers. This is half of the packets
/// that a VPC's resolver accepts per network interface (Amazon VPC User Guide, "DNS attributes for
/// your VPC": 1024), because others use it too.
const RESOLVER_QUERIES: u32 = 512;

/// After this many queries without a response, an address that has never responded in a run counts
/// as dead: further queries have a shorter timeout. It is still queried, because some servers only
/// ignore queries for zones that they do not have.
const DEAD_AFTER: u32 = 2;

/// How many attempts are made to open a socket while the process has too many open files, and the
/// pause between them.
const FILES: (u32, Duration) = (100, Duration::from_millis(50));

/// Why there is no usable response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoResponse {
    /// There was no response.
    Silent,
    /// This machine has no route to the address.
    NoRoute,
    /// The response is not a DNS message.
    Malformed,
    /// The response does not fit into a UDP datagram, and the server does not respond over TCP.
    NoTcp,
    /// The check, or its request, has reached its limit of queries.
    Spent,
}

impl NoResponse {
    fn is_silence(self) -> bool {
        matches!(self, Self::Silent | Self::NoRoute | Self::Spent)
    }
}

/// What a check learns and other checks of the same run can use.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// True if any authoritative server responded over IPv4.
    responded_v4: AtomicBool,
    /// True if any authoritative server responded over IPv6.
    responded_v6: AtomicBool,
    /// Set once the root servers were queried over IPv4, because nothing else had responded.
    pub(super) tried_v4: OnceCell<()>,
    /// The same for IPv6.
    pub(super) tried_v6: OnceCell<()>,
    /// The prefixes that the resolver uses to synthesize IPv6 addresses.
    pub(super) prefixes: Known<Vec<Prefix>>,
    /// The synthesized IPv6 addresses by IPv4 address.
    pub(super) translated: Mutex<BTreeMap<IpAddr, IpAddr>>,
    hosts: Mutex<BTreeMap<Name, Arc<Known<Addresses>>>>,
    /// What only the checks of a run share. `None` for a single check.
    pub(super) run: Option<Run>,
}

/// What only the checks of a run share: limits, and queries without a response.
#[derive(Debug)]
pub(super) struct Run {
    /// The number of the current pass. A failed lookup is repeated once in each pass.
    pass: AtomicU32,
    /// How many sockets to name servers a check opens at once.
    sockets: usize,
    /// How many lookups a check makes at once.
    lookups: usize,
    /// At most how many checks are made at once.
    checks: usize,
    resolver: Pace,
    zones: Mutex<BTreeMap<Name, Arc<Known<()>>>>,
    /// The number of queries without a response, for addresses that have never responded.
    silent: Mutex<BTreeMap<IpAddr, u32>>,
    responded: Mutex<BTreeSet<IpAddr>>,
}

impl Run {
    /// A run with at most this many concurrent checks.
    fn new(checks: usize) -> Self {
        let (pass, zones, silent, responded) = Default::default();
        let share = |of_run: usize, most| (of_run / checks.max(1)).clamp(1, most);
        let (sockets, lookups) = (share(SOCKETS_PER_RUN, SOCKETS), share(LOOKUPS_PER_RUN, LOOKUPS));
        let resolver = Pace::per_second(RESOLVER_QUERIES);
        Self { pass, sockets, lookups, checks, resolver, zones, silent, responded }
    }

    /// The number of the current pass.
    pub(super) fn pass(&self) -> u32 {
        self.pass.load(Ordering::Relaxed)
    }

    pub(super) fn next_pass(&self) {
        self.pass.fetch_add(1, Ordering::Relaxed);
    }

    /// The cached answer to whether a zone exists.
    pub(super) fn zone(&self, name: &Name) -> Arc<Known<()>> {
        Arc::clone(locked(&self.zones).entry(name.clone()).or_default())
    }

    fn is_dead(&self, address: IpAddr) -> bool {
        locked(&self.silent).get(&address).is_some_and(|times| *times >= DEAD_AFTER)
    }

    /// Records the result of a query to an address.
    fn record(&self, address: IpAddr, answer: Result<(), NoResponse>) {
        match answer {
            Err(NoResponse::Silent) if !locked(&self.responded).contains(&address) => {
                *locked(&self.silent).entry(address).or_default() += 1;
            }
            Err(NoResponse::Silent | NoResponse::NoRoute | NoResponse::Spent) => {}
            Ok(()) | Err(NoResponse::Malformed | NoResponse::NoTcp) => {
                locked(&self.responded).insert(address);
                locked(&self.silent).remove(&address);
            }
        }
    }
}

/// Limits the rate of something, spread evenly over each second.
#[derive(Debug)]
pub struct Pace {
    every: Duration,
    /// The time of the next turn. The caller that holds the lock has it; the others follow in the
    /// order in which they came.
    next: FairMutex<Option<Instant>>,
}

impl Pace {
    /// Allows at most `most` per second, and at least one.
    pub fn per_second(most: u32) -> Self {
        Self { every: Duration::from_secs(1) / most.max(1), next: FairMutex::default() }
    }

    /// Waits for the next turn. A caller that gives up before its turn does not use it up.
    pub async fn wait(&self) {
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let turn = next.map_or(now, |next| next.max(now));
        sleep_until(turn).await;
        *next = Some(turn + self.every);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    fn responded(&self, address: IpAddr) -> &AtomicBool {
        if address.is_ipv4() { &self.responded_v4 } else { &self.responded_v6 }
    }

    /// The memory of a run with at most this many concurrent checks.
    pub(super) fn of_run(checks: usize) -> Self {
        Self { run: Some(Run::new(checks)), ..Self::default() }
    }

    /// The cached addresses of a host.
    pub(super) fn host(&self, name: &Name) -> Arc<Known<Addresses>> {
        Arc::clone(locked(&self.hosts).entry(name.clone()).or_default())
    }

    /// Records the IPv6 address through which the network reaches an IPv4 address.
    pub(super) fn translate(&self, address: IpAddr, by: IpAddr) {
        locked(&self.translated).insert(address, by);
    }
}

/// What is left of the queries that a check, or all checks of a request, may send, and of the
/// signatures that it may verify.
#[derive(Debug)]
pub(super) struct Budget {
    datagrams: AtomicU32,
    connections: AtomicU32,
    verifications: Verifications,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            datagrams: AtomicU32::new(DATAGRAMS),
            connections: AtomicU32::new(CONNECTIONS),
            verifications: Verifications::default(),
        }
    }
}

impl Budget {
    /// What a check in a run with at most this many concurrent checks may use.
    fn of_run(checks: usize) -> Self {
        let share = u32::try_from(CONNECTIONS_PER_RUN / checks.max(1)).unwrap_or(CONNECTIONS);
        Self {
            connections: AtomicU32::new(share.clamp(1, CONNECTIONS)),
            verifications: Verifications::of_run(checks),
            ..Self::default()
        }
    }
}

/// What the queries of one check share.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) timing: Timing,
    pub(super) transport: Arc<dyn Transport>,
    /// Limits the sockets to name servers.
    pub(super) sockets: Semaphore,
    /// Limits the addresses that are being probed, and so the responses that are kept until a
    /// probe has all of its own. There are as many as sockets, each of which is used: a probe that
    /// has begun always waits for at least one response.
    pub(super) probes: Semaphore,
    /// Limits the lookups in progress. The checks of a run share their results: one that waits for
    /// a lookup of another check must not wait for all others of that check.
    pub(super) lookups: Semaphore,
    /// Limits the sockets to resolvers: two for each lookup, so that none waits for another one, or
    /// for a silent name server.
    pub(super) resolver_sockets: Semaphore,
    pub(super) memory: Arc<Memory>,
    /// True if an authoritative server was queried over IPv4, and there was a route.
    queried_v4: AtomicBool,
    /// The same for IPv6.
    queried_v6: AtomicBool,
    budget: Arc<Budget>,
}

impl Network {
    /// Without `budget`, the check has one of its own.
    pub(super) fn new(
        timing: Timing,
        transport: Arc<dyn Transport>,
        memory: Arc<Memory>,
        budget: Option<Arc<Budget>>,
    ) -> Self {
        let of_check =
            || memory.run.as_ref().map_or_else(Budget::default, |run| Budget::of_run(run.checks));
        let budget = budget.unwrap_or_else(|| Arc::new(of_check()));
        let limits = memory.run.as_ref().map(|run| (run.sockets, run.lookups));
        let (sockets, lookups) = limits.unwrap_or((SOCKETS, LOOKUPS));
        let (queried_v4, queried_v6) = Default::default();
        Self {
            timing,
            transport,
            sockets: Semaphore::new(sockets),
            probes: Semaphore::new(sockets),
            lookups: Semaphore::new(lookups),
            resolver_sockets: Semaphore::new(2 * lookups),
            memory,
            queried_v4,
            queried_v6,
            budget,
        }
    }

    /// True if servers were queried over this family, and none responded.
    pub(super) fn has_no_response_over(&self, family: Family) -> bool {
        let (queried, responded) = match family {
            Family::V4 => (&self.queried_v4, &self.memory.responded_v4),
            Family::V6 => (&self.queried_v6, &self.memory.responded_v6),
        };
        queried.load(Ordering::Relaxed) && !responded.load(Ordering::Relaxed)
    }

    /// True if an authoritative server responded over the family of this address.
    pub(super) fn has_response_over_family_of(&self, address: IpAddr) -> bool {
        self.memory.responded(address).load(Ordering::Relaxed)
    }

    /// True if any authoritative server responded.
    pub(super) fn has_any_response(&self) -> bool {
        self.memory.responded_v4.load(Ordering::Relaxed)
            || self.memory.responded_v6.load(Ordering::Relaxed)
    }

    /// What signatures are validated with.
    pub(super) fn validation(&self) -> Validation<'_> {
        Validation { now: self.transport.now(), verifications: &self.budget.verifications }
    }

    /// True if the check, or its request, has reached its limit of queries.
    pub(super) fn is_spent(&self) -> bool {
        [&self.budget.datagrams, &self.budget.connections]
            .iter()
            .any(|left| left.load(Ordering::Relaxed) == 0)
    }

    /// Queries an authoritative server: over UDP, again after a timeout, then over TCP. If there is
    /// no route to its IPv4 address, but one to a synthesized IPv6 address (NAT64, RFC 6146), uses
    /// that address.
    pub(super) async fn ask(
        &self,
        server: SocketAddr,
        question: &Query,
    ) -> Result<Response, NoResponse> {
        // The semaphore is never closed.
        let _permit = self.sockets.acquire().await;
        let run = self.memory.run.as_ref();
        let is_dead = run.is_some_and(|run| run.is_dead(server.ip()));
        let (waits, manner) = match self.timing.datagrams.as_slice() {
            [first, ..] if is_dead => (&[*first / 2][..], Manner::Brief),
            waits => (waits, Manner::Persistent),
        };
        let mut answer = self.exchange(server, question, waits, manner).await;
        let other = locked(&self.memory.translated).get(&server.ip()).copied();
        if let (Err(NoResponse::NoRoute), Some(other)) = (&answer, other) {
            let other = SocketAddr::new(other, server.port());
            answer = self.exchange(other, question, waits, manner).await;
        }
        if let Some(run) = run {
            run.record(server.ip(), answer.as_ref().map(drop).map_err(|failure| *failure));
        }
        if !matches!(answer, Err(failure) if failure.is_silence()) {
            self.memory.responded(server.ip()).store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Queries a resolver once over UDP, and over TCP if the response is truncated.
    pub(super) async fn ask_resolver(
        &self,
        server: SocketAddr,
        question: &Query,
    ) -> Result<Response, NoResponse> {
        // First the socket: a check waits for no more turns than it has sockets to resolvers, so
        // that each of the concurrent checks gets its share.
        let _permit = self.resolver_sockets.acquire().await;
        if let Some(run) = &self.memory.run {
            run.resolver.wait().await;
        }
        let (most, waits) = (self.timing.resolver, [self.timing.resolver]);
        let exchange = self.exchange(server, question, &waits, Manner::Resolver);
        timeout(most, exchange).await.unwrap_or(Err(NoResponse::Silent))
    }

    /// Queries with EDNS, and without it if the server does not support it (RFC 6891, section 7).
    async fn exchange(
        &self,
        server: SocketAddr,
        question: &Query,
        waits: &[Duration],
        manner: Manner,
    ) -> Result<Response, NoResponse> {
        let answer = self.once(server, &question.with_edns(), waits, manner).await?;
        if !answer.lacks_edns() {
            return Ok(answer);
        }
        let plain = self.once(server, &question.without_edns(), waits, manner).await;
        Ok(plain.unwrap_or(answer))
    }

    async fn once(
        &self,
        server: SocketAddr,
        query: &SentQuery,
        waits: &[Duration],
        manner: Manner,
    ) -> Result<Response, NoResponse> {
        let answer = self.udp(server, query, waits, manner).await;
        if answer.as_ref().is_ok_and(|answer| answer.truncated) {
            // It is not kept while the connection lasts.
            drop(answer);
            return self.tcp(server, query).await.map_err(|failure| match failure {
                NoResponse::Malformed | NoResponse::Spent => failure,
                _ => NoResponse::NoTcp,
            });
        }
        match answer {
            // A firewall that blocks DNS datagrams may allow a connection.
            Err(NoResponse::Silent) if manner == Manner::Persistent => {
                self.tcp(server, query).await
            }
            other => other,
        }
    }

    async fn tcp(&self, server: SocketAddr, query: &SentQuery) -> Result<Response, NoResponse> {
        take(&self.budget.connections)?;
        match timeout(self.timing.tcp, self.transport.exchange(server, query.bytes.clone())).await {
            Ok(Ok(answer)) => match parse(query, &answer) {
                Parsed::Response(answer) => Ok(answer),
                Parsed::Malformed | Parsed::Foreign => Err(NoResponse::Malformed),
            },
            Ok(Err(_)) | Err(_) => Err(NoResponse::Silent),
        }
    }

    /// Opens a socket. If the process has too many open files, retries until others are closed:
    /// this says nothing about the server.
    async fn socket(&self, server: SocketAddr) -> Result<Box<dyn Datagrams>, NoResponse> {
        let (tries, pause) = FILES;
        for _ in 0..tries {
            match self.transport.datagrams(server).await {
                Ok(socket) => return Ok(socket),
                Err(error) if is_out_of_files(&error) => sleep(pause).await,
                Err(error) if is_no_route(&error) => return Err(NoResponse::NoRoute),
                Err(_) => return Err(NoResponse::Silent),
            }
        }
        Err(NoResponse::Spent)
    }

    async fn udp(
        &self,
        server: SocketAddr,
        query: &SentQuery,
        waits: &[Duration],
        manner: Manner,
    ) -> Result<Response, NoResponse> {
        let socket = self.socket(server).await?;
        if manner != Manner::Resolver {
            let queried = if server.is_ipv4() { &self.queried_v4 } else { &self.queried_v6 };
            queried.store(true, Ordering::Relaxed);
        }
        for wait in waits {
            let until = Instant::now() + *wait;
            take(&self.budget.datagrams)?;
            match timeout_at(until, datagram(&*socket, query)).await {
                Ok(Ok(reading)) => return reading,
                // No port is open there, so the server will not respond.
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    return Err(NoResponse::Silent);
                }
                // Another problem on the way, for instance a full buffer. Try again at the next
                // timeout.
                Ok(Err(_)) => sleep_until(until).await,
                Err(_) => {}
            }
        }
        Err(NoResponse::Silent)
    }
}

/// How a server is queried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// A resolver. The caller retries if it needs the response.
    Resolver,
    /// An authoritative server: also over TCP if it does not respond over UDP.
    Persistent,
    /// An authoritative server at an address that has never responded.
    Brief,
}

/// Takes one from the remaining number.
fn take(left: &AtomicU32) -> Result<(), NoResponse> {
    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    taken.map(drop).map_err(|_| NoResponse::Spent)
}

/// True for the system's error if this process, or the whole system, has too many open files.
fn is_out_of_files(error: &io::Error) -> bool {
    /// `EMFILE` and `ENFILE` of Linux and macOS.
    const TOO_MANY: [i32; 2] = [24, 23];
    error.raw_os_error().is_some_and(|code| TOO_MANY.contains(&code))
}

/// True for the system's error if there is no route to an address, before anything was sent.
fn is_no_route(error: &io::Error) -> bool {
    /// `EAFNOSUPPORT` on Linux: a kernel without IPv6.
    const NO_FAMILY: i32 = 97;
    matches!(
        error.kind(),
        io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::AddrNotAvailable
            // A link-local address without an interface.
            | io::ErrorKind::InvalidInput
    ) || error.raw_os_error() == Some(NO_FAMILY)
}

async fn datagram(
    socket: &dyn Datagrams,
    query: &SentQuery,
) -> io::Result<Result<Response, NoResponse>> {
    socket.send(&query.bytes).await?;
    for _ in 0..FOREIGN {
        match parse(query, &socket.receive().await?) {
            Parsed::Response(answer) => return Ok(Ok(answer)),
            Parsed::Malformed => return Ok(Err(NoResponse::Malformed)),
            Parsed::Foreign => {}
        }
    }
    Ok(Err(NoResponse::Malformed))
}
