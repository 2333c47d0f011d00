//! Transports messages to servers and their responses back: over the system's sockets, or over a
//! test's own transport.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

/// How many bytes are read of a message over TCP. A large key set has a few thousand.
const MESSAGE: usize = 16 * 1024;

/// The largest datagram that is received. Queries announce a smaller limit.
const DATAGRAM: usize = 4096;

/// A network and its wall clock.
pub trait Transport: Debug + Send + Sync {
    /// The current time, for the validity of signatures.
    fn now(&self) -> SystemTime;

    /// Opens a socket that exchanges datagrams only with this server.
    fn datagrams(&self, server: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Datagrams>>>;

    /// Sends a message on a new TCP connection, and returns the response.
    fn exchange(&self, server: SocketAddr, message: Vec<u8>) -> BoxFuture<'_, io::Result<Vec<u8>>>;
}

/// A socket for datagrams.
pub trait Datagrams: Send + Sync {
    /// Sends a datagram.
    fn send<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, io::Result<()>>;

    /// Waits for a datagram.
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
            // The port is random. The socket is connected, so that the system only delivers
            // datagrams from this server.
            let socket = UdpSocket::bind((any, 0)).await?;
            // This sends nothing, but fails if there is no route.
            socket.connect(server).await?;
            Ok(Box::new(socket) as Box<dyn Datagrams>)
        })
    }

    /// Each message is preceded by its length (RFC 1035, section 4.2.2).
    fn exchange(&self, server: SocketAddr, message: Vec<u8>) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async move {
            let mut stream = TcpStream::connect(server).await?;
            let length = u16::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
            stream.write_all(&[&length.to_be_bytes(), message.as_slice()].concat()).await?;
            // The rest of a longer message is not read. It can't be parsed then.
            let mut answer = vec![0; usize::from(stream.read_u16().await?).min(MESSAGE)];
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
