//! The state that all servers of a DNS service share: addresses, faults, and queries.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use tokio::runtime::Handle;

use super::answer::{DnsAnswer, answer};
use super::cache::{Cache, CacheKey};
use super::fault::{Delivery, DnsFault, Transport};
use super::hierarchy::Built;
use super::log::DnsQuery;
use super::outside::Outside;
use super::resolver::DoBit;
use super::sign::ZoneKeys;
use super::{hierarchy, resolver, sockets, zone};
use crate::lock::lock;
use crate::shared_state::SharedState;

/// The largest datagram that a server sends (<https://www.dnsflagday.net/2020/>).
const PAYLOAD: u16 = 1232;

pub(super) struct Shared {
    pub aws: Arc<SharedState>,
    pub port: u16,
    /// The address of the resolver. Its name in the log is [`RESOLVER`].
    pub resolver: Ipv4Addr,
    /// The runtime of the sockets. `None` without sockets.
    runtime: Option<Handle>,
    state: Mutex<State>,
    /// The zones as the servers have them, until something changes.
    pub built: Mutex<Built>,
}

/// The resolver's name in the log and for faults.
pub(super) const RESOLVER: &str = "resolver";

#[derive(Debug)]
pub(super) struct State {
    addresses: BTreeMap<String, Ipv4Addr>,
    next: u32,
    faults: BTreeMap<String, (DnsFault, u64)>,
    pub log: Vec<DnsQuery>,
    /// The zones outside of Route 53, by number.
    pub outside: BTreeMap<usize, Outside>,
    /// The numbers of the zones with a name. There may be thousands.
    pub outside_by_name: BTreeMap<Name, BTreeSet<usize>>,
    /// How many such zones have been created.
    pub outsiders: usize,
    /// The id of the hosted zone that a delegation leads to, by name, where several zones have that
    /// name.
    pub chosen_ids: BTreeMap<String, String>,
    /// The largest TTL in the zones of the test.
    pub cap: u32,
    /// The keys of the made-up zones.
    keys: BTreeMap<String, ZoneKeys>,
    /// True if only the resolver can be reached.
    pub closed: bool,
    /// The cache of the resolver, if it has one.
    pub cache: Option<Cache>,
    /// The record sets whose TTLs are not capped.
    pub uncapped: BTreeSet<(String, String)>,
    /// Increased by every change of a zone.
    pub revision: u64,
}

impl Shared {
    pub(super) fn new(
        aws: Arc<SharedState>,
        port: u16,
        resolver: Ipv4Addr,
        runtime: Option<Handle>,
    ) -> Self {
        // Each service has its own block of addresses, so that services at port 53 don't conflict.
        let block = 0x7f00_0000 | (fastrand::u32(0x40..0xc0) << 16) | (fastrand::u32(..=0xff) << 8);
        let state = State {
            addresses: BTreeMap::new(),
            next: block,
            faults: BTreeMap::new(),
            log: Vec::new(),
            outside: BTreeMap::new(),
            outside_by_name: BTreeMap::new(),
            outsiders: 0,
            chosen_ids: BTreeMap::new(),
            cap: u32::MAX,
            keys: BTreeMap::new(),
            closed: false,
            cache: None,
            uncapped: BTreeSet::new(),
            revision: 0,
        };
        Self { aws, port, resolver, runtime, state: Mutex::new(state), built: Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of a name server, which starts serving when it is first mentioned.
    pub(super) fn address(self: &Arc<Self>, server: &str) -> io::Result<Ipv4Addr> {
        let mut state = self.state();
        if let Some(address) = state.addresses.get(server) {
            return Ok(*address);
        }
        state.revision += 1;
        let mut refused = None;
        // Addresses at which the port is in use are skipped.
        for _ in 0..256 {
            state.next += 1;
            let address = Ipv4Addr::from(state.next);
            let Some(runtime) = &self.runtime else {
                state.addresses.insert(server.to_owned(), address);
                return Ok(address);
            };
            match sockets::bind(SocketAddr::from((address, self.port))) {
                Ok(sockets) => {
                    sockets.serve(runtime, self, server);
                    state.addresses.insert(server.to_owned(), address);
                    return Ok(address);
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }

    /// The name servers that have an address.
    pub(super) fn servers(&self) -> Vec<String> {
        self.state().addresses.keys().cloned().collect()
    }

    pub(super) fn server_at(&self, address: IpAddr) -> Option<String> {
        let state = self.state();
        state
            .addresses
            .iter()
            .find(|(_, own)| IpAddr::V4(**own) == address)
            .map(|(server, _)| server.clone())
    }

    pub(super) fn keys(&self, zone: &str) -> ZoneKeys {
        self.state().keys.entry(zone.to_owned()).or_insert_with(|| ZoneKeys::generate(zone)).clone()
    }

    pub(super) fn set_fault(&self, server: &str, fault: DnsFault, times: u64) {
        self.state().faults.insert(server.to_owned(), (fault, times));
    }

    pub(super) fn heal(&self, server: Option<&str>) {
        self.state().faults.retain(|struck, _| server.is_some_and(|server| server != struck));
    }

    /// Takes the fault for the next query to this server.
    fn strike(&self, server: &str) -> Option<DnsFault> {
        let mut state = self.state();
        let (fault, left) = state.faults.get_mut(server)?;
        let struck = fault.clone();
        *left = left.saturating_sub(1);
        if *left == 0 {
            state.faults.remove(server);
        }
        Some(struck)
    }

    /// Handles a query from the network.
    pub(super) fn receive(
        self: &Arc<Self>,
        server: &str,
        bytes: &[u8],
        transport: Transport,
    ) -> Option<Reply> {
        let request = match Message::from_vec(bytes) {
            Ok(request) if request.metadata.message_type == MessageType::Query => request,
            Ok(_) => return None,
            // Only the id of a malformed message is certain.
            Err(_) => {
                let id = u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]);
                let error = Message::error_msg(id, OpCode::Query, ResponseCode::FormErr);
                return Some(Reply { bytes: Some(error.to_vec().ok()?), after: Duration::ZERO });
            }
        };
        if server != RESOLVER && self.state().closed {
            return None;
        }
        self.record(server, &request, transport);
        let (message, after) = match self.deliver(server, &request, transport) {
            Delivery::Send(message, after) => (message, after),
            Delivery::Nothing => return None,
            Delivery::Close => return Some(Reply { bytes: None, after: Duration::ZERO }),
        };
        let limit = request.max_payload().min(PAYLOAD);
        let bytes = match message.to_vec().ok()? {
            long if transport == Transport::Udp && long.len() > usize::from(limit) => {
                message.truncate().to_vec().ok()?
            }
            bytes => bytes,
        };
        Some(Reply { bytes: Some(bytes), after })
    }

    /// The response of this server, after its fault was applied.
    pub(super) fn deliver(
        self: &Arc<Self>,
        server: &str,
        request: &Message,
        transport: Transport,
    ) -> Delivery {
        let answer = self.respond(server, request);
        match self.strike(server) {
            Some(fault) => fault.apply(answer, transport),
            None => Delivery::Send(answer, Duration::ZERO),
        }
    }

    fn respond(self: &Arc<Self>, server: &str, request: &Message) -> Message {
        let mut response = Message::response(request.metadata.id, request.metadata.op_code);
        response.metadata = Metadata::response_from_request(&request.metadata);
        response.add_queries(request.queries.iter().cloned());
        let do_bit = DoBit::from_request(request);
        if request.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD).set_dnssec_ok(do_bit.is_set());
            response.set_edns(edns);
        }
        let answer = match request.queries.as_slice() {
            _ if request.metadata.op_code != OpCode::Query => DnsAnswer::code(ResponseCode::NotImp),
            // RFC 6891, section 6.1.3.
            _ if request.version() != 0 => DnsAnswer::code(ResponseCode::BADVERS),
            [query] if query.query_class() != DNSClass::IN => {
                DnsAnswer::code(ResponseCode::Refused)
            }
            [query] if server == RESOLVER => {
                response.metadata.recursion_available = true;
                self.resolve(query, do_bit)
            }
            [query] => {
                let signing_time = do_bit.is_set().then(|| self.aws.clock.now());
                answer(&hierarchy::zones_of(self, server, query.name()), query, signing_time)
            }
            _ => DnsAnswer::code(ResponseCode::FormErr),
        };
        response.metadata.response_code = answer.code;
        response.metadata.authoritative = answer.authoritative;
        response.add_answers(answer.answers);
        response.add_authorities(answer.authorities);
        response.add_additionals(answer.additionals);
        response
    }

    /// The resolver's answer, possibly from its cache.
    pub(super) fn resolve(self: &Arc<Self>, query: &Query, do_bit: DoBit) -> DnsAnswer {
        let now = self.aws.clock.now();
        let key = CacheKey::new(query, do_bit);
        let kept = self.state().cache.as_ref().and_then(|cache| cache.get(&key, now));
        kept.unwrap_or_else(|| {
            let answer = resolver::resolve(self, query, do_bit);
            if let Some(cache) = &mut self.state().cache {
                cache.keep(key, now, &answer);
            }
            answer
        })
    }

    /// The DS records of a name according to the resolver. `None` if it fails.
    pub(super) fn ds_of(self: &Arc<Self>, name: &str) -> Option<Vec<String>> {
        let query = Query::query(zone::name(name)?, RecordType::DS);
        let answer = self.resolve(&query, DoBit::Clear);
        let is_known = matches!(answer.code, ResponseCode::NoError | ResponseCode::NXDomain);
        is_known.then(|| answer.answers.iter().map(|record| record.data.to_string()).collect())
    }

    /// Makes Route 53 use this service for lookups.
    pub(super) fn serve_look_ups(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        let look_up = move |name: &str| {
            weak.upgrade().map_or_else(|| Some(Vec::new()), |shared| shared.ds_of(name))
        };
        *lock(&self.aws.ds_look_up) = Some(Arc::new(look_up));
    }

    fn record(&self, server: &str, request: &Message, transport: Transport) {
        let Some(query) = request.queries.first() else { return };
        let query = DnsQuery {
            server: server.to_owned(),
            name: query.name().to_lowercase().to_string(),
            rtype: query.query_type().to_string(),
            transport,
            recursion_desired: request.metadata.recursion_desired,
            payload: request.edns.as_ref().map(Edns::max_payload),
            dnssec_ok: DoBit::from_request(request).is_set(),
        };
        self.state().log.push(query);
    }
}

/// What a server sends back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The message. `None` if it closes the connection instead.
    pub bytes: Option<Vec<u8>>,
    pub after: Duration,
}
