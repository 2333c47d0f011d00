//! The fixture and the DNS client that these tests share.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use sandbox::{Account, Dns, RecordSet, Sandbox, ZoneHandle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// The time limit of every wait. Nothing takes this long unless the test has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The sandbox with the zones `example.com` and `testing.example.com`; the first delegates to the
/// second, and both are in Route 53.
pub(crate) struct Fixture {
    pub(crate) aws: Sandbox,
    pub(crate) dns: Dns,
    pub(crate) account: Account,
    pub(crate) parent: ZoneHandle,
    pub(crate) child: ZoneHandle,
}

impl Fixture {
    /// Returns the address of the zone's first name server.
    pub(crate) fn server(&self, zone: &ZoneHandle) -> SocketAddr {
        self.dns.server(&zone.name_servers()[0])
    }
}

pub(crate) async fn fixture() -> Fixture {
    let aws = Sandbox::start().await.unwrap();
    let account = aws.account("111111111111");
    let parent = account.hosted_zone("example.com");
    let child = account.hosted_zone("testing.example.com");
    parent.put(RecordSet::new("testing.example.com", "NS", 300, child.name_servers()));
    parent.put(RecordSet::new("www.example.com", "A", 60, ["192.0.2.1", "192.0.2.2"]));
    child.put(RecordSet::new("host.testing.example.com", "A", 60, ["192.0.2.3"]));
    let dns = aws.dns().await.unwrap();
    Fixture { aws, dns, account, parent, child }
}

pub(crate) fn name(text: &str) -> Name {
    Name::from_ascii(format!("{}.", text.trim_end_matches('.'))).unwrap()
}

/// A query without EDNS that does not ask for recursion.
pub(crate) fn query(owner: &str, rtype: &str) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = false;
    let owner = if owner == "." { Name::root() } else { name(owner) };
    message.add_query(Query::query(owner, rtype.parse::<RecordType>().unwrap()));
    message
}

/// Adds EDNS to a query.
pub(crate) fn edns(mut message: Message, payload: u16) -> Message {
    let mut edns = Edns::new();
    edns.set_max_payload(payload);
    message.set_edns(edns);
    message
}

/// Adds EDNS with the DO bit to a query.
pub(crate) fn with_dnssec_ok(mut message: Message, payload: u16) -> Message {
    let mut edns = Edns::new();
    edns.set_max_payload(payload).enable_dnssec();
    message.set_edns(edns);
    message
}

/// Sends a message over UDP and returns the response.
pub(crate) async fn exchange(server: SocketAddr, message: &Message) -> Message {
    Message::from_vec(&raw(server, &message.to_vec().unwrap()).await).unwrap()
}

pub(crate) async fn raw(server: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(server).await.unwrap();
    socket.send(bytes).await.unwrap();
    let mut buffer = vec![0; 65535];
    let length = tokio::time::timeout(PATIENCE, socket.recv(&mut buffer)).await.unwrap().unwrap();
    buffer.truncate(length);
    buffer
}

/// Sends a message over TCP and returns the response; `None` if the connection is closed without
/// one.
pub(crate) async fn exchange_tcp(server: SocketAddr, message: &Message) -> Option<Message> {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let bytes = message.to_vec().unwrap();
    stream.write_u16(u16::try_from(bytes.len()).unwrap()).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let answer = async {
        let mut answer = vec![0; usize::from(stream.read_u16().await.ok()?)];
        stream.read_exact(&mut answer).await.ok()?;
        Some(answer)
    };
    let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap()?;
    Some(Message::from_vec(&answer).unwrap())
}

pub(crate) async fn ask(server: SocketAddr, owner: &str, rtype: &str) -> Message {
    exchange(server, &query(owner, rtype)).await
}

/// Sends a query as a stub resolver does and returns the response.
pub(crate) async fn resolve(server: SocketAddr, owner: &str, rtype: &str) -> Message {
    let mut message = query(owner, rtype);
    message.metadata.recursion_desired = true;
    exchange(server, &message).await
}

/// Returns the records as sorted text: `name ttl class type data`.
pub(crate) fn lines(records: &[Record]) -> Vec<String> {
    let mut lines: Vec<String> = records.iter().map(ToString::to_string).collect();
    lines.sort();
    lines
}

/// Returns the data of the records of one type, sorted.
pub(crate) fn data(records: &[Record], rtype: &str) -> Vec<String> {
    let rtype: RecordType = rtype.parse().unwrap();
    let of_type = records.iter().filter(|record| record.record_type() == rtype);
    let mut data: Vec<String> = of_type.map(|record| record.data.to_string()).collect();
    data.sort();
    data
}

/// A response without its records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) code: ResponseCode,
    /// The AA bit.
    authoritative: bool,
    /// The number of records in the answer, authority and additional section.
    pub(crate) counts: [usize; 3],
}

impl Shape {
    pub(crate) fn new(message: &Message) -> Self {
        let counts = [message.answers.len(), message.authorities.len(), message.additionals.len()];
        let metadata = &message.metadata;
        Self { code: metadata.response_code, authoritative: metadata.authoritative, counts }
    }

    pub(crate) fn authoritative(code: ResponseCode, counts: [usize; 3]) -> Self {
        Self { code, authoritative: true, counts }
    }

    pub(crate) fn not_authoritative(code: ResponseCode, counts: [usize; 3]) -> Self {
        Self { code, authoritative: false, counts }
    }
}

pub(crate) fn dotted(servers: &[String]) -> Vec<String> {
    let mut dotted: Vec<String> = servers.iter().map(|server| format!("{server}.")).collect();
    dotted.sort();
    dotted
}
