//! What carries messages to a server and its answers back: sockets, or what a test puts in their
//! place.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

/// The largest datagram that is read; we announce less.
const DATAGRAM: usize = 4096;

/// The network as a check sees it, and its wall clock.
pub trait Transport: Debug + Send + Sync {
    /// What time it is: signatures are valid for a time.
    fn now(&self) -> SystemTime;

    /// Opens a socket that exchanges datagrams with this server and nobody else.
    fn datagrams(&self, server: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Datagrams>>>;

    /// Sends one message on a connection of its own, and gives the answer.
    fn exchange(&self, server: SocketAddr, message: Vec<u8>) -> BoxFuture<'_, io::Result<Vec<u8>>>;
}

/// A socket for datagrams.
pub trait Datagrams: Send + Sync {
    /// Sends one.
    fn send<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, io::Result<()>>;

    /// Waits for one.
    fn receive(&self) -> BoxFuture<'_, io::Result<Vec<u8>>>;
}

/// The system's sockets and clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sockets;

impl Transport for Sockets {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn datagrams(&self, server: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Datagrams>>> {
        Box::pin(async move {
            let any: IpAddr = if server.is_ipv4() {
                Ipv4Addr::UNSPECIFIED.into()
            } else {
                Ipv6Addr::UNSPECIFIED.into()
            };
            // A random port; connected, so that the system passes on nothing but what comes from
            // this server.
            let socket = UdpSocket::bind((any, 0)).await?;
            // Sends nothing; fails where there is no route.
            socket.connect(server).await?;
            Ok(Box::new(socket) as Box<dyn Datagrams>)
        })
    }

    /// Each message has its length before it (RFC 1035, section 4.2.2).
    fn exchange(&self, server: SocketAddr, message: Vec<u8>) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async move {
            let mut stream = TcpStream::connect(server).await?;
            let length = u16::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
            stream.write_all(&[&length.to_be_bytes(), message.as_slice()].concat()).await?;
            let mut answer = vec![0; usize::from(stream.read_u16().await?)];
            stream.read_exact(&mut answer).await?;
            Ok(answer)
        })
    }
}

impl Datagrams for UdpSocket {
    fn send<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move { Self::send(self, message).await.map(drop) })
    }

    fn receive(&self) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async move {
            let mut buffer = vec![0; DATAGRAM];
            let length = self.recv(&mut buffer).await?;
            buffer.truncate(length);
            Ok(buffer)
        })
    }
}
