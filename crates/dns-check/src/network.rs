//! One question to one server: UDP, and TCP where UDP does not do.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::Timing;
use super::query::{Query, SentQuery};
use super::response::{Parsed, Response, read};
use super::transport::{Datagrams, Transport};

/// How many sockets are open at once, so that a check stays far below the 1024 files of a Lambda function.
pub(super) const SOCKETS: usize = 64;

/// How many datagrams that are not the answer are read while waiting for it.
const FOREIGN: usize = 256;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoResponse {
    /// Nothing came, be it that this machine has no route to such an address.
    Silent,
    /// What came is not a DNS message.
    Malformed,
    /// It has more to say than fits a UDP answer, and does not say it over TCP.
    NoTcp,
}

/// What the questions of one check share.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) timing: Timing,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) sockets: Semaphore,
    /// Whether any authoritative server answered over IPv4.
    heard_v4: AtomicBool,
    /// The same over IPv6.
    heard_v6: AtomicBool,
}

impl Network {
    pub(super) fn new(timing: Timing, transport: Arc<dyn Transport>) -> Self {
        let (heard_v4, heard_v6) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { timing, transport, sockets: Semaphore::new(SOCKETS), heard_v4, heard_v6 }
    }

    fn heard(&self, address: IpAddr) -> &AtomicBool {
        if address.is_ipv4() { &self.heard_v4 } else { &self.heard_v6 }
    }

    /// Whether an authoritative server answered over the family of this address.
    pub(super) fn has_heard_family(&self, address: IpAddr) -> bool {
        self.heard(address).load(Ordering::Relaxed)
    }

    /// Whether any authoritative server answered.
    pub(super) fn has_heard_any(&self) -> bool {
        self.heard_v4.load(Ordering::Relaxed) || self.heard_v6.load(Ordering::Relaxed)
    }

    /// Asks an authoritative server: UDP, again after a while, then TCP.
    pub(super) async fn ask(&self, server: SocketAddr, question: &Query) -> Result<Response, NoResponse> {
        // Never closed.
        let _permit = self.sockets.acquire().await;
        let answer = self.exchange(server, question, &self.timing.datagrams, true).await;
        if !matches!(answer, Err(NoResponse::Silent)) {
            self.heard(server.ip()).store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Asks a resolver once over UDP, and over TCP if the answer is too long.
    pub(super) async fn ask_resolver(&self, server: SocketAddr, question: &Query) -> Result<Response, NoResponse> {
        let _permit = self.sockets.acquire().await;
        let most = self.timing.resolver;
        timeout(most, self.exchange(server, question, &[most], false)).await.unwrap_or(Err(NoResponse::Silent))
    }

    async fn exchange(
        &self,
        server: SocketAddr,
        question: &Query,
        waits: &[Duration],
        insist: bool,
    ) -> Result<Response, NoResponse> {
        let asked = question.ask();
        match self.udp(server, &asked, waits).await {
            Ok(answer) if answer.truncated => self.tcp(server, &asked).await.map_err(|failure| match failure {
                NoResponse::Malformed => NoResponse::Malformed,
                _ => NoResponse::NoTcp,
            }),
            // A firewall that lets no DNS datagram out may let a connection out.
            Err(NoResponse::Silent) if insist => self.tcp(server, &asked).await,
            other => other,
        }
    }

    async fn tcp(&self, server: SocketAddr, asked: &SentQuery) -> Result<Response, NoResponse> {
        match timeout(self.timing.tcp, self.transport.exchange(server, asked.bytes.clone())).await {
            Ok(Ok(answer)) => match read(asked, &answer) {
                Parsed::Response(answer) => Ok(answer),
                Parsed::Malformed | Parsed::Foreign => Err(NoResponse::Malformed),
            },
            Ok(Err(_)) | Err(_) => Err(NoResponse::Silent),
        }
    }

    async fn udp(&self, server: SocketAddr, asked: &SentQuery, waits: &[Duration]) -> Result<Response, NoResponse> {
        let socket = self.transport.datagrams(server).await.map_err(|_| NoResponse::Silent)?;
        for wait in waits {
            let until = Instant::now() + *wait;
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
