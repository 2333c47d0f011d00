//! A simulated internet without sockets, with servers by address and a resolver. The test's paused
//! clock determines its time.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name as WireName, RData, Record, RecordType};
use tokio::time::sleep;

use super::super::transport::{Datagrams, Transport};
use super::super::{Expected, ParentZone, Report, Verifier};
use super::script::{
    Ask, CHILD, PARENT, Script, Zone, child, host_address, ns, parent, script, silent, soa, wire,
};
use delegation_model::name_servers::NameServers;

/// The address of the resolver.
pub(super) const NINES: &str = "9.9.9.9";

/// The hosts and addresses that the resolver knows.
const KNOWN: &[(&str, &str)] = &[
    ("a.root-servers.net", "198.41.0.4"),
    ("a.root-servers.net", "2001:503:ba3e::2:30"),
    ("a.gtld-servers.net", "192.5.6.30"),
    ("a.gtld-servers.net", "2001:503:a83e::2:30"),
    ("p1.example.org", "205.251.192.1"),
    ("p2.example.org", "205.251.192.2"),
    ("ns1.example.net", "205.251.193.1"),
    ("ns2.example.net", "205.251.193.2"),
];

/// The current time of the simulation.
const NOW: u64 = 1_800_000_000;

#[derive(Clone)]
pub(super) struct Internet(Arc<Mutex<State>>);

struct State {
    servers: BTreeMap<IpAddr, Script>,
    hosts: Vec<(String, String)>,
    /// A script for queries that the resolver answers differently.
    odd: Option<Script>,
    /// Whether there is a route over IPv4 and over IPv6.
    routes: [bool; 2],
    /// True if nothing but the resolver can be reached.
    closed: bool,
    /// All queries.
    log: Vec<Received>,
}

/// A query that a server received.
struct Received {
    server: IpAddr,
    name: String,
    record_type: RecordType,
    tcp: bool,
}

impl fmt::Debug for Internet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Internet")
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A server of the zones above the parent zone.
fn top() -> Script {
    script(|ask| {
        let mut answer = ask.answer();
        let name = ask.name().to_lowercase();
        match ask.record_type() {
            RecordType::SOA if name.is_root() => answer.answers.push(Record::from_rdata(
                name,
                60,
                RData::try_from_str(RecordType::SOA, "a. b. 1 1 1 1 1").unwrap(),
            )),
            _ if wire(PARENT).zone_of(&name) => {
                answer.metadata.authoritative = false;
                answer.authorities =
                    vec![ns(PARENT, "p1.example.org"), ns(PARENT, "p2.example.org")];
            }
            _ => {
                answer.metadata.response_code = ResponseCode::NXDomain;
                answer.authorities.push(soa("com"));
            }
        }
        answer
    })
}

impl Internet {
    /// An internet in which everything is in order: [`CHILD`] is delegated to two servers, over
    /// IPv4 and IPv6.
    pub(super) fn new() -> Self {
        let state = State {
            servers: BTreeMap::new(),
            hosts: KNOWN
                .iter()
                .map(|(host, address)| ((*host).to_owned(), (*address).to_owned()))
                .collect(),
            odd: None,
            routes: [true, true],
            closed: false,
            log: Vec::new(),
        };
        let internet = Self(Arc::new(Mutex::new(state)));
        for text in ["198.41.0.4", "2001:503:ba3e::2:30", "192.5.6.30", "2001:503:a83e::2:30"] {
            internet.serve(text, top());
        }
        for text in ["205.251.192.1", "205.251.192.2"] {
            internet.serve(text, parent(super::script::SERVERS).script());
        }
        for text in ["205.251.193.1", "205.251.193.2"] {
            internet.serve(text, child(super::script::SERVERS).script());
        }
        internet
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Installs a server at an address.
    pub(super) fn serve(&self, at: &str, script: Script) {
        self.state().servers.insert(address(at), script);
    }

    pub(super) fn zone(&self, at: &[&str], zone: &Zone) {
        for at in at {
            self.serve(at, zone.clone().script());
        }
    }

    /// Makes the server at an address silent.
    pub(super) fn kill(&self, at: &str) {
        self.serve(at, silent());
    }

    /// Sets the addresses that the resolver returns for a host.
    pub(super) fn host(&self, host: &str, addresses: &[&str]) {
        let hosts = &mut self.state().hosts;
        hosts.retain(|(own, _)| own != host);
        hosts.extend(addresses.iter().map(|address| (host.to_owned(), (*address).to_owned())));
    }

    /// Overrides the resolver's answers. For `None`, it answers as usual.
    pub(super) fn resolve(
        &self,
        odd: impl Fn(&Ask) -> Option<Vec<Vec<u8>>> + Send + Sync + 'static,
    ) {
        let usual = Vec::new();
        self.state().odd =
            Some(Box::new(move |ask| odd(ask).unwrap_or_else(|| vec![usual.clone()])));
    }

    pub(super) fn without_ipv6(&self) {
        self.state().routes[1] = false;
    }

    pub(super) fn without_ipv4(&self) {
        self.state().routes[0] = false;
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
    }

    pub(super) fn verifier(&self) -> Verifier {
        Verifier::new(Some(SocketAddr::new(address(NINES), 53))).with_transport(self.clone())
    }

    pub(super) async fn before(&self, expected: &Expected) -> Report {
        self.verifier().verify_child(expected, Duration::ZERO).await
    }

    pub(super) async fn after(&self, expected: &Expected) -> Report {
        let parent = ParentZone { name: PARENT.parse().unwrap(), name_servers: None };
        self.verifier().verify_delegation(&parent, expected, Duration::ZERO).await
    }

    /// The names and types that a server was queried for.
    pub(super) fn asked(&self, at: &str) -> Vec<(String, RecordType)> {
        let at = address(at);
        let log = self.state();
        log.log
            .iter()
            .filter(|query| query.server == at)
            .map(|query| (query.name.clone(), query.record_type))
            .collect()
    }

    /// The number of datagrams and connections to all servers except the resolver.
    pub(super) fn traffic(&self) -> (usize, usize) {
        let state = self.state();
        let queries = state.log.iter().filter(|query| query.server != address(NINES));
        let tcp = queries.clone().filter(|query| query.tcp).count();
        (queries.count() - tcp, tcp)
    }

    fn answer(&self, server: IpAddr, bytes: &[u8], tcp: bool) -> Vec<Vec<u8>> {
        let message = Message::from_vec(bytes).unwrap();
        let (name, record_type) =
            (message.queries[0].name().to_string(), message.queries[0].query_type());
        let mut state = self.state();
        let is_same =
            |query: &&Received| query.server == server && query.record_type == record_type;
        let nth = state.log.iter().filter(is_same).count();
        let name = name.trim_end_matches('.').to_owned();
        state.log.push(Received { server, name, record_type, tcp });
        let ask = Ask { message, tcp, nth };
        if server == address(NINES) {
            if let Some(odd) = &state.odd {
                let answers = odd(&ask);
                if answers.iter().all(|answer| !answer.is_empty()) {
                    return answers;
                }
            }
            return vec![resolver(&ask, &state.hosts).to_vec().unwrap()];
        }
        match state.servers.get(&server) {
            Some(script) if !state.closed => script(&ask),
            _ => Vec::new(),
        }
    }
}

/// The resolver's usual answer.
fn resolver(ask: &Ask, hosts: &[(String, String)]) -> Message {
    let mut answer = ask.answer();
    answer.metadata.authoritative = false;
    let name: WireName = ask.name().to_lowercase();
    if ask.record_type() == RecordType::NS {
        let server = match name.to_string().as_str() {
            "." => "a.root-servers.net",
            "com." | "net." | "org." => "a.gtld-servers.net",
            _ => "",
        };
        if server.is_empty() {
            let exists = hosts.iter().any(|(host, _)| name.zone_of(&wire(host)));
            answer.metadata.response_code =
                if exists { ResponseCode::NoError } else { ResponseCode::NXDomain };
        } else {
            let data = ns("x", server).data;
            answer.answers.push(Record::from_rdata(name, 60, data));
        }
        return answer;
    }
    let known: Vec<Record> = hosts
        .iter()
        .filter(|(host, _)| wire(host) == name)
        .map(|(host, at)| host_address(host, at))
        .collect();
    if known.is_empty() {
        answer.metadata.response_code = ResponseCode::NXDomain;
    }
    answer.answers =
        known.into_iter().filter(|record| record.record_type() == ask.record_type()).collect();
    answer
}

/// [`CHILD`] with these name servers.
pub(super) fn delegated_to(servers: &[&str]) -> Expected {
    Expected {
        name: CHILD.parse().unwrap(),
        name_servers: NameServers::parse(servers).unwrap(),
        ds: None,
        check_ds: true,
        glue: Vec::new(),
    }
}

impl Transport for Internet {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW)
    }

    fn datagrams(&self, server: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Datagrams>>> {
        Box::pin(async move {
            if server.ip() != address(NINES) && !self.state().routes[usize::from(server.is_ipv6())]
            {
                return Err(io::ErrorKind::NetworkUnreachable.into());
            }
            let socket =
                Socket { internet: self.clone(), server: server.ip(), inbox: Mutex::default() };
            Ok(Box::new(socket) as Box<dyn Datagrams>)
        })
    }

    fn exchange(&self, server: SocketAddr, message: Vec<u8>) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async move {
            sleep(Duration::from_millis(10)).await;
            let answer = self.answer(server.ip(), &message, true).into_iter().next();
            match answer {
                Some(answer) => Ok(answer),
                None => pending().await,
            }
        })
    }
}

struct Socket {
    internet: Internet,
    server: IpAddr,
    inbox: Mutex<VecDeque<Vec<u8>>>,
}

impl Datagrams for Socket {
    fn send<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            let answers = self.internet.answer(self.server, message, false);
            self.inbox.lock().unwrap().extend(answers);
            Ok(())
        })
    }

    fn receive(&self) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async move {
            sleep(Duration::from_millis(10)).await;
            let next = self.inbox.lock().unwrap().pop_front();
            match next {
                Some(next) => Ok(next),
                None => pending().await,
            }
        })
    }
}
