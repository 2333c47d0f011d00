//! One question to one server: UDP, and TCP where UDP does not do.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::Timing;
use super::dns64::Prefix;
use super::finding::Family;
use super::query::{Query, SentQuery};
use super::resolver::Host;
use super::response::{Parsed, Response, read};
use super::transport::{Datagrams, Transport};
use delegation_model::name::Name;

/// How many sockets are open at once, so that a check stays far below the 1024 files of a Lambda function.
pub(super) const SOCKETS: usize = 64;

/// How many datagrams a check sends.
///
/// The largest delegation, sixteen name servers of four addresses below a zone with thirteen such, takes about five hundred in a
/// round. Nobody is to make more of one event than that, whatever the servers answer.
pub(super) const DATAGRAMS: u32 = 1000;

/// How many connections a check makes.
pub(super) const CONNECTIONS: u32 = 250;

/// How many datagrams that are not the answer are read while waiting for it.
const FOREIGN: usize = 256;

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
    hosts: Mutex<BTreeMap<Name, Arc<Host>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    fn heard(&self, address: IpAddr) -> &AtomicBool {
        if address.is_ipv4() { &self.heard_v4 } else { &self.heard_v6 }
    }

    /// What is known of a host.
    pub(super) fn host(&self, name: &Name) -> Arc<Host> {
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
    pub(super) sockets: Semaphore,
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
        let sockets = Semaphore::new(SOCKETS);
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

    /// Asks an authoritative server: UDP, again after a while, then TCP. Where there is no route to its IPv4 address, but one to the
    /// IPv6 address that the network has for it (NAT64, RFC 6146), that is taken.
    pub(super) async fn ask(&self, server: SocketAddr, question: &Query) -> Result<Response, NoResponse> {
        // Never closed.
        let _permit = self.sockets.acquire().await;
        let mut answer = self.exchange(server, question, &self.timing.datagrams, true).await;
        let other = locked(&self.memory.translated).get(&server.ip()).copied();
        if let (Err(NoResponse::NoRoute), Some(other)) = (&answer, other) {
            let other = SocketAddr::new(other, server.port());
            answer = self.exchange(other, question, &self.timing.datagrams, true).await;
        }
        if !matches!(answer, Err(failure) if failure.is_silence()) {
            self.memory.heard(server.ip()).store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Asks a resolver once over UDP, and over TCP if the answer is too long.
    pub(super) async fn ask_resolver(&self, server: SocketAddr, question: &Query) -> Result<Response, NoResponse> {
        let _permit = self.sockets.acquire().await;
        let most = self.timing.resolver;
        timeout(most, self.exchange(server, question, &[most], false)).await.unwrap_or(Err(NoResponse::Silent))
    }

    /// Asks with EDNS, and without where the server does not know it (RFC 6891, section 7).
    async fn exchange(
        &self,
        server: SocketAddr,
        question: &Query,
        waits: &[Duration],
        insist: bool,
    ) -> Result<Response, NoResponse> {
        let answer = self.once(server, &question.ask(), waits, insist).await?;
        if !answer.lacks_edns() {
            return Ok(answer);
        }
        let plain = self.once(server, &question.ask_plainly(), waits, insist).await;
        Ok(plain.unwrap_or(answer))
    }

    async fn once(
        &self,
        server: SocketAddr,
        asked: &SentQuery,
        waits: &[Duration],
        insist: bool,
    ) -> Result<Response, NoResponse> {
        match self.udp(server, asked, waits, insist).await {
            Ok(answer) if answer.truncated => self.tcp(server, asked).await.map_err(|failure| match failure {
                NoResponse::Malformed | NoResponse::Spent => failure,
                _ => NoResponse::NoTcp,
            }),
            // A firewall that lets no DNS datagram out may let a connection out.
            Err(NoResponse::Silent) if insist => self.tcp(server, asked).await,
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

    async fn udp(
        &self,
        server: SocketAddr,
        asked: &SentQuery,
        waits: &[Duration],
        authoritative: bool,
    ) -> Result<Response, NoResponse> {
        let socket = self.transport.datagrams(server).await;
        let socket =
            socket.map_err(|error| if is_no_route(&error) { NoResponse::NoRoute } else { NoResponse::Silent })?;
        if authoritative {
            let asked = if server.is_ipv4() { &self.asked_v4 } else { &self.asked_v6 };
            asked.store(true, Ordering::Relaxed);
        }
        for wait in waits {
            let until = Instant::now() + *wait;
            take(&self.datagrams)?;
            match timeout_at(until, datagram(&*socket, asked)).await {
                Ok(Ok(reading)) => return reading,
                // No port is open there: it is not going to answer.
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Err(NoResponse::Silent),
                // Some other trouble on the way, for instance a full buffer; asked again in a moment.
                Ok(Err(_)) => sleep_until(until).await,
                Err(_) => {}
            }
        }
        Err(NoResponse::Silent)
    }
}

/// One less is left.
fn take(left: &AtomicU32) -> Result<(), NoResponse> {
    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    taken.map(drop).map_err(|_| NoResponse::Spent)
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

async fn datagram(socket: &dyn Datagrams, asked: &SentQuery) -> io::Result<Result<Response, NoResponse>> {
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
