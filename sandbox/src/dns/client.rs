//! Sends one query to one server: over UDP, and over TCP if the response is truncated.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// A query with the DO bit, for a server that has the zone.
pub(crate) fn question(name: &Name, rtype: RecordType) -> Message {
    let mut query = Message::query();
    query.metadata.recursion_desired = false;
    query.add_query(Query::query(name.clone(), rtype));
    let mut edns = Edns::new();
    edns.set_max_payload(1232).enable_dnssec();
    query.set_edns(edns);
    query
}

/// Returns the response. The time limit applies to UDP and TCP separately.
pub(crate) async fn exchange(
    server: SocketAddr,
    query: &Message,
    patience: Duration,
) -> io::Result<Message> {
    let bytes = query.to_vec().map_err(io::Error::other)?;
    let mut answer = timeout(patience, datagram(server, &bytes)).await??;
    if answer.metadata.truncation {
        answer = timeout(patience, connection(server, &bytes)).await??;
    }
    let ours = answer.metadata.id == query.metadata.id;
    if ours { Ok(answer) } else { Err(io::Error::other("an answer to another question")) }
}

async fn datagram(server: SocketAddr, query: &[u8]) -> io::Result<Message> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let length = socket.recv(&mut buffer).await?;
    Message::from_vec(buffer.get(..length).unwrap_or_default()).map_err(io::Error::other)
}

async fn connection(server: SocketAddr, query: &[u8]) -> io::Result<Message> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_u16(u16::try_from(query.len()).map_err(io::Error::other)?).await?;
    stream.write_all(query).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Message::from_vec(&answer).map_err(io::Error::other)
}
