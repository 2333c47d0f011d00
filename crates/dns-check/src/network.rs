//! One question to one server: UDP, and TCP where UDP does not do.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::Timing;
use super::address_filter::Addresses;
use super::dns64::Prefix;
use super::finding::Family;
use super::query::{Query, SentQuery};
use super::resolver::Known;
use super::response::{Parsed, Response, Targets, read};
use super::transport::{Datagrams, Transport};
use delegation_model::name::Name;

/// How many sockets are open at once, so that a check stays far below the 1024 files of a Lambda
/// function.
pub(super) const SOCKETS: usize = 64;

/// How many datagrams a check sends.
///
/// The largest delegation, sixteen name servers of four addresses below a zone with thirteen such,
/// takes about five hundred in a round. Nobody is to make more of one event than that, whatever the
/// servers answer.
pub(super) const DATAGRAMS: u32 = 1000;

/// How many connections a check makes.
pub(super) const CONNECTIONS: u32 = 250;

/// How many datagrams that are not the answer are read while waiting for it.
const FOREIGN: usize = 256;

/// How many sockets the checks of a run have open together. A process has 1024 files by default.
const SOCKETS_OF_RUN: usize = 480;

/// How many questions a second the checks of a run ask of resolvers together: half of the packets
/// that the resolver of a VPC takes of one network interface (Amazon VPC User Guide, "DNS
/// attributes for your VPC": 1024), since others ask it too.
const RESOLVER_QUESTIONS: u32 = 512;

/// An address that has never answered in a run is dead after so many questions in vain: each
/// further one is asked briefly. It is still asked, since some servers keep silent about zones that
/// they do not have.
const DEAD_AFTER: u32 = 2;

/// How often a socket is tried to be opened where the process has too many files open, and the
/// pause between.
const FILES: (u32, Duration) = (100, Duration::from_millis(50));

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoResponse {
    /// Nothing came.
    Silent,
    /// This machine has no route to such an address.
    NoRoute,
    /// What came is not a DNS message.
    Malformed,
    /// It has more to say than fits a UDP answer, and does not say it over TCP.
    NoTcp,
    /// The check has sent all that it may.
    Spent,
}

impl NoResponse {
    fn is_silence(self) -> bool {
        matches!(self, Self::Silent | Self::NoRoute | Self::Spent)
    }
}

/// What a check has learned that another one of the same run can go by.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Whether any authoritative server answered over IPv4.
    heard_v4: AtomicBool,
    /// The same over IPv6.
    heard_v6: AtomicBool,
    /// Whether the servers of the root were asked over IPv4, for want of any other answer.
    pub(super) tried_v4: OnceCell<()>,
    /// The same over IPv6.
    pub(super) tried_v6: OnceCell<()>,
    /// The prefixes with which the resolver makes IPv6 addresses of IPv4 ones.
    pub(super) prefixes: OnceCell<Vec<Prefix>>,
    /// By IPv4 addresses: the IPv6 addresses that the resolver has made of them.
    translated: Mutex<BTreeMap<IpAddr, IpAddr>>,
    hosts: Mutex<BTreeMap<Name, Arc<Known<Addresses>>>>,
    /// What the checks of a run share; `None` for a check by itself.
    pub(super) run: Option<Run>,
}

/// What is shared by the checks of a run alone: bounds, and what was asked in vain.
#[derive(Debug)]
pub(super) struct Run {
    /// Which look this is: what failed is looked up once in each.
    look: AtomicU32,
    sockets: Arc<Semaphore>,
    resolver: Pace,
    zones: Mutex<BTreeMap<Name, Arc<Known<Targets>>>>,
    /// How many questions were asked of an address in vain, for those that have never answered.
    silent: Mutex<BTreeMap<IpAddr, u32>>,
    heard: Mutex<BTreeSet<IpAddr>>,
}

impl Default for Run {
    fn default() -> Self {
        let (look, zones, silent, heard) = Default::default();
        let (sockets, resolver) =
            (Arc::new(Semaphore::new(SOCKETS_OF_RUN)), Pace::per_second(RESOLVER_QUESTIONS));
        Self { look, sockets, resolver, zones, silent, heard }
    }
}

impl Run {
    /// Which look this is.
    pub(super) fn look(&self) -> u32 {
        self.look.load(Ordering::Relaxed)
    }

    pub(super) fn look_again(&self) {
        self.look.fetch_add(1, Ordering::Relaxed);
    }

    /// What is known of the name servers of a zone.
    pub(super) fn zone(&self, name: &Name) -> Arc<Known<Targets>> {
        Arc::clone(locked(&self.zones).entry(name.clone()).or_default())
    }

    fn is_dead(&self, address: IpAddr) -> bool {
        locked(&self.silent).get(&address).is_some_and(|times| *times >= DEAD_AFTER)
    }

    /// Keeps what came of a question to an address.
    fn keep(&self, address: IpAddr, answer: Result<(), NoResponse>) {
        match answer {
            Err(NoResponse::Silent) if !locked(&self.heard).contains(&address) => {
                *locked(&self.silent).entry(address).or_default() += 1;
            }
            Err(NoResponse::Silent | NoResponse::NoRoute | NoResponse::Spent) => {}
            Ok(()) | Err(NoResponse::Malformed | NoResponse::NoTcp) => {
                locked(&self.heard).insert(address);
                locked(&self.silent).remove(&address);
            }
        }
    }
}

/// Lets so many pass a second, evenly.
#[derive(Debug)]
pub struct Pace {
    every: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most so many a second, and at least one.
    pub fn per_second(most: u32) -> Self {
        Self { every: Duration::from_secs(1) / most.max(1), next: Mutex::default() }
    }

    /// Waits for its turn.
    pub async fn wait(&self) {
        let turn = {
            let (mut next, now) = (locked(&self.next), Instant::now());
            let turn = next.map_or(now, |next| next.max(now));
            *next = Some(turn + self.every);
            turn
        };
        sleep_until(turn).await;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    fn heard(&self, address: IpAddr) -> &AtomicBool {
        if address.is_ipv4() { &self.heard_v4 } else { &self.heard_v6 }
    }

    /// That of a run.
    pub(super) fn of_run() -> Self {
        Self { run: Some(Run::default()), ..Self::default() }
    }

    /// What is known of a host.
    pub(super) fn host(&self, name: &Name) -> Arc<Known<Addresses>> {
        Arc::clone(locked(&self.hosts).entry(name.clone()).or_default())
    }

    /// Keeps by which IPv6 address the network leads to an IPv4 address.
    pub(super) fn translate(&self, address: IpAddr, by: IpAddr) {
        locked(&self.translated).insert(address, by);
    }
}

/// What the questions of one check share.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) timing: Timing,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) sockets: Arc<Semaphore>,
    pub(super) memory: Arc<Memory>,
    /// Whether an authoritative server was asked over IPv4, for which there is a route.
    asked_v4: AtomicBool,
    /// The same over IPv6.
    asked_v6: AtomicBool,
    datagrams: AtomicU32,
    connections: AtomicU32,
}

impl Network {
    pub(super) fn new(timing: Timing, transport: Arc<dyn Transport>, memory: Arc<Memory>) -> Self {
        let sockets = memory.run.as_ref().map(|run| Arc::clone(&run.sockets));
        let sockets = sockets.unwrap_or_else(|| Arc::new(Semaphore::new(SOCKETS)));
        let (asked_v4, asked_v6) = Default::default();
        let (datagrams, connections) = (AtomicU32::new(DATAGRAMS), AtomicU32::new(CONNECTIONS));
        Self { timing, transport, sockets, memory, asked_v4, asked_v6, datagrams, connections }
    }

    /// Whether servers were asked over this family, and none has answered.
    pub(super) fn is_in_vain(&self, family: Family) -> bool {
        let (asked, heard) = match family {
            Family::V4 => (&self.asked_v4, &self.memory.heard_v4),
            Family::V6 => (&self.asked_v6, &self.memory.heard_v6),
        };
        asked.load(Ordering::Relaxed) && !heard.load(Ordering::Relaxed)
    }

    /// Whether an authoritative server answered over the family of this address.
    pub(super) fn has_heard_family(&self, address: IpAddr) -> bool {
        self.memory.heard(address).load(Ordering::Relaxed)
    }

    /// Whether any authoritative server answered.
    pub(super) fn has_heard_any(&self) -> bool {
        self.memory.heard_v4.load(Ordering::Relaxed) || self.memory.heard_v6.load(Ordering::Relaxed)
    }

    /// Whether the check has sent all that it may.
    pub(super) fn is_spent(&self) -> bool {
        [&self.datagrams, &self.connections].iter().any(|left| left.load(Ordering::Relaxed) == 0)
    }

    /// Asks an authoritative server: UDP, again after a while, then TCP. Where there is no route to
    /// its IPv4 address, but one to the IPv6 address that the network has for it (NAT64, RFC 6146),
    /// that is taken.
    pub(super) async fn ask(
        &self,
        server: SocketAddr,
        question: &Query,
    ) -> Result<Response, NoResponse> {
        // Never closed.
        let _permit = self.sockets.acquire().await;
        let run = self.memory.run.as_ref();
        let is_dead = run.is_some_and(|run| run.is_dead(server.ip()));
        let (waits, manner) = match self.timing.datagrams.as_slice() {
            [first, ..] if is_dead => (&[*first / 2][..], Manner::Brief),
            waits => (waits, Manner::Insisting),
        };
        let mut answer = self.exchange(server, question, waits, manner).await;
        let other = locked(&self.memory.translated).get(&server.ip()).copied();
        if let (Err(NoResponse::NoRoute), Some(other)) = (&answer, other) {
            let other = SocketAddr::new(other, server.port());
            answer = self.exchange(other, question, waits, manner).await;
        }
        if let Some(run) = run {
            run.keep(server.ip(), answer.as_ref().map(drop).map_err(|failure| *failure));
        }
        if !matches!(answer, Err(failure) if failure.is_silence()) {
            self.memory.heard(server.ip()).store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Asks a resolver once over UDP, and over TCP if the answer is too long.
    pub(super) async fn ask_resolver(
        &self,
        server: SocketAddr,
        question: &Query,
    ) -> Result<Response, NoResponse> {
        if let Some(run) = &self.memory.run {
            run.resolver.wait().await;
        }
        let _permit = self.sockets.acquire().await;
        let (most, waits) = (self.timing.resolver, [self.timing.resolver]);
        let exchange = self.exchange(server, question, &waits, Manner::OfResolver);
        timeout(most, exchange).await.unwrap_or(Err(NoResponse::Silent))
    }

    /// Asks with EDNS, and without where the server does not know it (RFC 6891, section 7).
    async fn exchange(
        &self,
        server: SocketAddr,
        question: &Query,
        waits: &[Duration],
        manner: Manner,
    ) -> Result<Response, NoResponse> {
        let answer = self.once(server, &question.ask(), waits, manner).await?;
        if !answer.lacks_edns() {
            return Ok(answer);
        }
        let plain = self.once(server, &question.ask_plainly(), waits, manner).await;
        Ok(plain.unwrap_or(answer))
    }

    async fn once(
        &self,
        server: SocketAddr,
        asked: &SentQuery,
        waits: &[Duration],
        manner: Manner,
    ) -> Result<Response, NoResponse> {
        match self.udp(server, asked, waits, manner).await {
            Ok(answer) if answer.truncated => {
                self.tcp(server, asked).await.map_err(|failure| match failure {
                    NoResponse::Malformed | NoResponse::Spent => failure,
                    _ => NoResponse::NoTcp,
                })
            }
            // A firewall that lets no DNS datagram out may let a connection out.
            Err(NoResponse::Silent) if manner == Manner::Insisting => self.tcp(server, asked).await,
            other => other,
        }
    }

    async fn tcp(&self, server: SocketAddr, asked: &SentQuery) -> Result<Response, NoResponse> {
        take(&self.connections)?;
        match timeout(self.timing.tcp, self.transport.exchange(server, asked.bytes.clone())).await {
            Ok(Ok(answer)) => match read(asked, &answer) {
                Parsed::Response(answer) => Ok(answer),
                Parsed::Malformed | Parsed::Foreign => Err(NoResponse::Malformed),
            },
            Ok(Err(_)) | Err(_) => Err(NoResponse::Silent),
        }
    }

    /// Opens a socket. Where this process has too many files open, that says nothing of the server,
    /// and others will be closed.
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
        asked: &SentQuery,
        waits: &[Duration],
        manner: Manner,
    ) -> Result<Response, NoResponse> {
        let socket = self.socket(server).await?;
        if manner != Manner::OfResolver {
            let asked = if server.is_ipv4() { &self.asked_v4 } else { &self.asked_v6 };
            asked.store(true, Ordering::Relaxed);
        }
        for wait in waits {
            let until = Instant::now() + *wait;
            take(&self.datagrams)?;
            match timeout_at(until, datagram(&*socket, asked)).await {
                Ok(Ok(reading)) => return reading,
                // No port is open there: it is not going to answer.
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    return Err(NoResponse::Silent);
                }
                // Some other trouble on the way, for instance a full buffer; asked again in a
                // moment.
                Ok(Err(_)) => sleep_until(until).await,
                Err(_) => {}
            }
        }
        Err(NoResponse::Silent)
    }
}

/// Where one asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Of a resolver, which is asked again by who needs the answer.
    OfResolver,
    /// Of an authoritative server: over TCP as well where it is silent over UDP.
    Insisting,
    /// Of an authoritative server from whose address nothing has ever come.
    Brief,
}

/// One less is left.
fn take(left: &AtomicU32) -> Result<(), NoResponse> {
    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    taken.map(drop).map_err(|_| NoResponse::Spent)
}

/// What the system says where this process, or all together, have too many files open.
fn is_out_of_files(error: &io::Error) -> bool {
    /// `EMFILE` and `ENFILE` of Linux and macOS.
    const TOO_MANY: [i32; 2] = [24, 23];
    error.raw_os_error().is_some_and(|code| TOO_MANY.contains(&code))
}

/// What the system says of a socket to an address that it has no way to, before anything was sent.
fn is_no_route(error: &io::Error) -> bool {
    /// `EAFNOSUPPORT` of Linux: a kernel without IPv6.
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
    asked: &SentQuery,
) -> io::Result<Result<Response, NoResponse>> {
    socket.send(&asked.bytes).await?;
    for _ in 0..FOREIGN {
        match read(asked, &socket.receive().await?) {
            Parsed::Response(answer) => return Ok(Ok(answer)),
            Parsed::Malformed => return Ok(Err(NoResponse::Malformed)),
            Parsed::Foreign => {}
        }
    }
    Ok(Err(NoResponse::Malformed))
}
