//! A name server's sockets: UDP and TCP at one address (RFC 7766).

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener, UdpSocket as StdUdpSocket};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::Handle;

use super::fault::Transport;
use super::state::{Reply, Shared};

/// How long a connection may stay open without a query.
const IDLE: Duration = Duration::from_secs(30);

/// Sockets that are bound, but not served yet.
pub(super) struct Sockets {
    udp: StdUdpSocket,
    tcp: StdTcpListener,
}

/// Binds both sockets. With port 0, the kernel chooses a port, the same for both.
pub(super) fn bind(address: SocketAddr) -> io::Result<Sockets> {
    let udp = StdUdpSocket::bind(address)?;
    let tcp = StdTcpListener::bind(udp.local_addr()?)?;
    udp.set_nonblocking(true)?;
    tcp.set_nonblocking(true)?;
    Ok(Sockets { udp, tcp })
}

impl Sockets {
    pub(super) fn port(&self) -> io::Result<u16> {
        Ok(self.udp.local_addr()?.port())
    }

    /// Serves as this name server on the runtime, as long as the runtime and the service exist.
    pub(super) fn serve(self, runtime: &Handle, shared: &Arc<Shared>, server: &str) {
        let Self { udp, tcp } = self;
        let (server, weak) = (Arc::<str>::from(server), Arc::downgrade(shared));
        let (same_server, same_weak) = (Arc::clone(&server), Weak::clone(&weak));
        runtime.spawn(async move {
            if let Ok(socket) = UdpSocket::from_std(udp) {
                datagrams(Arc::new(socket), weak, server).await;
            }
        });
        runtime.spawn(async move {
            if let Ok(listener) = TcpListener::from_std(tcp) {
                connections(listener, same_weak, same_server).await;
            }
        });
    }
}

async fn datagrams(socket: Arc<UdpSocket>, shared: Weak<Shared>, server: Arc<str>) {
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        // An error here concerns an earlier response that nobody received.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        let Some(shared) = shared.upgrade() else { return };
        let query = buffer.get(..length).unwrap_or_default();
        let Some(Reply { bytes: Some(bytes), after }) =
            shared.receive(&server, query, Transport::Udp)
        else {
            continue;
        };
        let socket = Arc::clone(&socket);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let _ = socket.send_to(&bytes, client).await;
        });
    }
}

async fn connections(listener: TcpListener, shared: Weak<Shared>, server: Arc<str>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, Weak::clone(&shared), Arc::clone(&server)));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Serves queries one after the other, each preceded by its length (RFC 1035, section 4.2.2). A
/// query without a response keeps the connection open.
async fn connection(mut stream: TcpStream, shared: Weak<Shared>, server: Arc<str>) -> Option<()> {
    loop {
        let length = tokio::time::timeout(IDLE, stream.read_u16()).await.ok()?.ok()?;
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await.ok()?;
        let Some(Reply { bytes, after }) =
            shared.upgrade()?.receive(&server, &query, Transport::Tcp)
        else {
            continue;
        };
        let Some(bytes) = bytes else {
            let _ = stream.set_zero_linger();
            return None;
        };
        tokio::time::sleep(after).await;
        let mut framed = u16::try_from(bytes.len()).ok()?.to_be_bytes().to_vec();
        framed.extend(bytes);
        stream.write_all(&framed).await.ok()?;
    }
}
