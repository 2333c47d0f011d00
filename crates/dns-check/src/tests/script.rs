//! Scripted name servers: one per address in 127.0.0.0/8, all at one port, over UDP and TCP.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NS, SOA};
use hickory_proto::rr::{Name as WireName, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use super::super::network::Network;
use super::super::resolver::Resolver;
use super::super::{Check, Expected, ParentZone, Timing, Verifier};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;

/// The child zone in all tests.
pub(super) const CHILD: &str = "testing.example.com";
/// Its parent zone.
pub(super) const PARENT: &str = "example.com";
/// The last byte of the resolver's address.
pub(super) const RESOLVER: u8 = 1;

/// A query, as a server receives it.
pub(super) struct Ask {
    pub(super) message: Message,
    pub(super) tcp: bool,
    /// How many queries of this type the server has received before.
    pub(super) nth: usize,
}

impl Ask {
    pub(super) fn name(&self) -> &WireName {
        self.message.queries[0].name()
    }

    pub(super) fn record_type(&self) -> RecordType {
        self.message.queries[0].query_type()
    }

    /// An empty authoritative answer.
    pub(super) fn answer(&self) -> Message {
        let mut answer = Message::response(self.message.metadata.id, self.message.metadata.op_code);
        answer.metadata.authoritative = true;
        // This only matters for the resolver.
        answer.metadata.recursion_available = true;
        answer.add_query(self.message.queries[0].clone());
        answer
    }

    /// An empty authoritative answer with this code.
    pub(super) fn code_with_authority(&self, code: ResponseCode) -> Message {
        let mut answer = self.code(code);
        answer.metadata.authoritative = true;
        answer
    }

    /// An empty answer with this code, not authoritative.
    pub(super) fn code(&self, code: ResponseCode) -> Message {
        let mut answer = self.answer();
        answer.metadata.authoritative = false;
        answer.metadata.response_code = code;
        answer
    }
}

/// A server's responses to a query, as bytes.
pub(super) type Script = Box<dyn Fn(&Ask) -> Vec<Vec<u8>> + Send + Sync>;

/// A script that sends one message for each query.
pub(super) fn script(answer: impl Fn(&Ask) -> Message + Send + Sync + 'static) -> Script {
    Box::new(move |ask| vec![answer(ask).to_vec().unwrap()])
}

/// A server that receives queries and never responds.
pub(super) fn silent() -> Script {
    Box::new(|_| Vec::new())
}

pub(super) fn wire(name: &str) -> WireName {
    let name: Name = name.parse().unwrap();
    WireName::from_labels(name.wire_labels()).unwrap()
}

pub(super) fn ns(zone: &str, server: &str) -> Record {
    Record::from_rdata(wire(zone), 300, RData::NS(NS(wire(server))))
}

pub(super) fn cname(name: &str, target: &str) -> Record {
    Record::from_rdata(wire(name), 300, RData::CNAME(CNAME(wire(target))))
}

/// An address record of a host.
pub(super) fn host_address(host: &str, address: &str) -> Record {
    let data = match address.parse().unwrap() {
        IpAddr::V4(address) => RData::A(A(address)),
        IpAddr::V6(address) => RData::AAAA(AAAA(address)),
    };
    Record::from_rdata(wire(host), 60, data)
}

pub(super) fn soa(zone: &str) -> Record {
    let soa = SOA::new(wire("ns.invalid"), wire("hostmaster.invalid"), 1, 7200, 900, 1_209_600, 60);
    Record::from_rdata(wire(zone), 60, RData::SOA(soa))
}

/// A zone on a server.
#[derive(Clone, Default)]
pub(super) struct Zone {
    pub(super) name: &'static str,
    pub(super) ns: Vec<&'static str>,
    /// The name servers in the delegation of [`CHILD`].
    pub(super) cut: Vec<&'static str>,
    /// The glue of the delegation.
    pub(super) glue: Vec<(&'static str, &'static str)>,
    /// The DS records at the cut.
    pub(super) ds: Vec<Record>,
    /// The key set and its signatures.
    pub(super) keys: Vec<Record>,
    /// The SOA record and its signatures, if it differs from the default.
    pub(super) soa: Vec<Record>,
    /// Names in the zone and their addresses.
    pub(super) hosts: Vec<(&'static str, &'static str)>,
}

/// The child zone with these name servers.
pub(super) fn child(ns: &[&'static str]) -> Zone {
    Zone { name: CHILD, ns: ns.to_vec(), ..Zone::default() }
}

/// The parent zone, which refers to these name servers. Without any, there is no delegation.
pub(super) fn parent(cut: &[&'static str]) -> Zone {
    Zone {
        name: PARENT,
        ns: vec!["p1.example.org", "p2.example.org"],
        cut: cut.to_vec(),
        ..Zone::default()
    }
}

impl Zone {
    pub(super) fn script(self) -> Script {
        script(move |ask| self.answer(ask))
    }

    pub(super) fn answer(&self, ask: &Ask) -> Message {
        let (zone, mut answer) = (wire(self.name), ask.answer());
        let cut = wire(CHILD);
        if !zone.zone_of(ask.name()) {
            return ask.code(ResponseCode::Refused);
        }
        if *ask.name() == zone {
            match ask.record_type() {
                RecordType::SOA if !self.soa.is_empty() => answer.answers.clone_from(&self.soa),
                RecordType::SOA => answer.answers.push(soa(self.name)),
                RecordType::NS => {
                    answer.answers.extend(self.ns.iter().map(|server| ns(self.name, server)));
                }
                RecordType::DNSKEY => answer.answers.clone_from(&self.keys),
                _ => answer.authorities.push(soa(self.name)),
            }
            return answer;
        }
        let hosts = self.hosts.iter().filter(|(host, _)| wire(host) == *ask.name());
        let addresses: Vec<Record> =
            hosts.map(|(host, address)| host_address(host, address)).collect();
        if !addresses.is_empty() {
            answer.answers.extend(
                addresses.into_iter().filter(|record| record.record_type() == ask.record_type()),
            );
            return answer;
        }
        if self.cut.is_empty() || !cut.zone_of(ask.name()) {
            answer.metadata.response_code = ResponseCode::NXDomain;
            answer.authorities.push(soa(self.name));
        } else if *ask.name() == cut && ask.record_type() == RecordType::DS {
            answer.answers.clone_from(&self.ds);
        } else {
            answer.metadata.authoritative = false;
            answer.authorities.extend(self.cut.iter().map(|server| ns(CHILD, server)));
            answer
                .additionals
                .extend(self.glue.iter().map(|(host, address)| host_address(host, address)));
        }
        answer
    }
}

/// The resolver's script: the addresses of hosts, and the parent zone's name servers.
pub(super) fn resolver(hosts: &'static [(&'static str, &'static str)]) -> Script {
    script(move |ask| {
        let mut answer = ask.answer();
        answer.metadata.authoritative = false;
        if *ask.name() == wire(PARENT) && ask.record_type() == RecordType::NS {
            answer.answers = parent(&[]).ns.iter().map(|server| ns(PARENT, server)).collect();
            return answer;
        }
        let mut known = false;
        for (host, address) in hosts.iter().filter(|(host, _)| wire(host) == *ask.name()) {
            known = true;
            let record = host_address(host, address);
            if record.record_type() == ask.record_type() {
                answer.answers.push(record);
            }
        }
        if !known {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        answer
    })
}

/// The hosts of the tests. The last byte of an address is the server's number.
pub(super) const HOSTS: &[(&str, &str)] = &[
    ("ns1.example.net", "127.0.0.11"),
    ("ns2.example.net", "127.0.0.12"),
    ("p1.example.org", "127.0.0.21"),
    ("p2.example.org", "127.0.0.22"),
];

/// The name servers of the child zone.
pub(super) const SERVERS: &[&str] = &["ns1.example.net", "ns2.example.net"];

/// The parent zone, without information about its name servers.
pub(super) fn parent_zone() -> ParentZone {
    ParentZone { name: PARENT.parse().unwrap(), name_servers: None }
}

pub(super) fn expected() -> Expected {
    Expected {
        name: CHILD.parse().unwrap(),
        name_servers: NameServers::parse(SERVERS).unwrap(),
        ds: None,
        check_ds: true,
        glue: Vec::new(),
    }
}

/// Timeouts that no response exceeds, however busy the machine is. If no port is open, the system
/// reports that at once.
pub(super) fn patient() -> Timing {
    let long = Duration::from_mins(1);
    Timing { datagrams: vec![long], tcp: long, resolver: long, pause: Duration::ZERO }
}

/// One minute, which is longer than any test takes.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// The system's sockets, with an empty memory.
pub(super) fn network(timing: Timing) -> Network {
    Network::new(timing, Arc::new(crate::transport::Sockets), Arc::default(), None)
}

/// A query that a server received.
struct Received {
    host: u8,
    name: String,
    record_type: RecordType,
}

type Log = Arc<Mutex<Vec<Received>>>;

/// The servers of a test.
pub(super) struct Fixture {
    port: u16,
    log: Log,
    _tasks: JoinSet<()>,
}

impl Fixture {
    /// Starts servers, each given by the last byte of its address.
    pub(super) fn start(scripts: Vec<(u8, Script)>) -> Self {
        let hosts: Vec<u8> = scripts.iter().map(|(host, _)| *host).collect();
        let (port, sockets) =
            (0..100).find_map(|_| bind(&hosts)).expect("no port is free at all addresses");
        let (log, mut tasks) = (Log::default(), JoinSet::new());
        for ((host, script), (udp, tcp)) in scripts.into_iter().zip(sockets) {
            let server =
                Arc::new(Server { host, script, counts: Mutex::default(), log: Arc::clone(&log) });
            tasks.spawn(datagrams(
                Arc::clone(&server),
                tokio::net::UdpSocket::from_std(udp).unwrap(),
            ));
            tasks.spawn(streams(server, tokio::net::TcpListener::from_std(tcp).unwrap()));
        }
        Self { port, log, _tasks: tasks }
    }

    pub(super) fn verifier(&self, timing: Timing) -> Verifier {
        Verifier::new(Some(address(RESOLVER, self.port))).at_any_address(true).with_timing(timing)
    }

    /// A check that does not query private addresses.
    pub(super) fn strict<'a>(&self, expected: &'a Expected) -> Check<'a> {
        let servers = vec![address(RESOLVER, self.port)];
        let timing = Timing { pause: Duration::from_millis(1), ..patient() };
        Check {
            net: network(timing),
            resolver: Resolver { servers, any_address: false },
            port: self.port,
            expected,
            thorough: false,
        }
    }

    /// The names and types of the queries that a server received.
    pub(super) fn asked(&self, host: u8) -> Vec<(Name, RecordType)> {
        let log = self.log.lock().unwrap();
        let of_host = log.iter().filter(|query| query.host == host);
        of_host.map(|query| (query.name.parse().unwrap(), query.record_type)).collect()
    }

    /// How many queries of a type a server received.
    pub(super) fn count(&self, host: u8, record_type: RecordType) -> usize {
        self.asked(host).iter().filter(|(_, asked)| *asked == record_type).count()
    }
}

fn address(host: u8, port: u16) -> SocketAddr {
    (Ipv4Addr::new(127, 0, 0, host), port).into()
}

fn bind(hosts: &[u8]) -> Option<(u16, Vec<(UdpSocket, TcpListener)>)> {
    let first = UdpSocket::bind(address(*hosts.first()?, 0)).ok()?;
    let port = first.local_addr().ok()?.port();
    drop(first);
    let sockets: Option<Vec<_>> = hosts
        .iter()
        .map(|host| {
            let (udp, tcp) = (
                UdpSocket::bind(address(*host, port)).ok()?,
                TcpListener::bind(address(*host, port)).ok()?,
            );
            udp.set_nonblocking(true).ok()?;
            tcp.set_nonblocking(true).ok()?;
            Some((udp, tcp))
        })
        .collect();
    Some((port, sockets?))
}

struct Server {
    host: u8,
    script: Script,
    counts: Mutex<HashMap<RecordType, usize>>,
    log: Log,
}

impl Server {
    fn answer(&self, bytes: &[u8], tcp: bool) -> Vec<Vec<u8>> {
        let message = Message::from_vec(bytes).unwrap();
        let record_type = message.queries[0].query_type();
        // The root is not a `Name`.
        if let Ok(name) = Name::from_wire_labels(message.queries[0].name().iter()) {
            let (host, name) = (self.host, name.to_string());
            self.log.lock().unwrap().push(Received { host, name, record_type });
        }
        let nth = {
            let mut counts = self.counts.lock().unwrap();
            let count = counts.entry(record_type).or_default();
            *count += 1;
            *count - 1
        };
        (self.script)(&Ask { message, tcp, nth })
    }
}

async fn datagrams(server: Arc<Server>, socket: tokio::net::UdpSocket) {
    let mut buffer = [0; 4096];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        for answer in server.answer(&buffer[..length], false) {
            socket.send_to(&answer, from).await.unwrap();
        }
    }
}

async fn streams(server: Arc<Server>, listener: tokio::net::TcpListener) {
    // Connections stay open: a silent server does not hang up.
    let mut open = Vec::new();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let Ok(length) = stream.read_u16().await else { continue };
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await.unwrap();
        for answer in server.answer(&query, true) {
            let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
            // The client may have closed the connection.
            let _ = stream.write_all(&[&length[..], &answer].concat()).await;
        }
        open.push(stream);
    }
}
