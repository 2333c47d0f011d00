//! Decides which name server serves which zones.
//!
//! The zones above those of the test (the root and the top-level domains) are made up and signed. A
//! top-level domain has the delegations of those zones that no other zone of the test encloses, and
//! the addresses of the name servers whose names are in it. A delegation has a DS record set if its
//! zone is signed. There are no zones in between: no `awsdns-00.com`, no `co.uk`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use hickory_proto::rr::rdata::{A, NS, SOA};
use hickory_proto::rr::{Name, RData, RecordType};

use super::outside::Outside;
use super::sign::ZoneKeys;
use super::state::Shared;
use super::zone::{Zone, name};
use crate::lock::lock;
use crate::route53::{HostedZone, Route53State, normalize_lossy};

/// The server of the root.
pub(super) const ROOT: &str = "a.root-servers.net";
/// The server of every top-level domain.
pub(super) const TOP_LEVEL: &str = "a.gtld-servers.net";
/// The TTL of made-up records: so short that a cache notices changes.
const TTL: u32 = 1;
/// The TTL of a hosted zone's keys, as in Route 53.
const DNSKEY_TTL: u32 = 3600;

/// The zones as they are served. Each is built on first use and kept until something changes,
/// because a test sends thousands of queries between two changes.
#[derive(Default)]
pub(super) struct Built {
    /// The revisions of the hosted zones, and of the DNS service's own data.
    revisions: (u64, u64),
    registry: Option<Registry>,
    root: Option<Arc<Zone>>,
    domains: BTreeMap<Name, Arc<Zone>>,
    /// The hosted zones, by id.
    hosted: BTreeMap<String, Arc<Zone>>,
    /// The zones outside of Route 53, by number.
    outside: BTreeMap<usize, Arc<Zone>>,
}

/// The zones of a server that enclose a name.
pub(super) fn zones_of(shared: &Arc<Shared>, server: &str, queried: &Name) -> Vec<Arc<Zone>> {
    let mut built = lock(&shared.built);
    // Later changes affect the next query.
    let revisions = (shared.aws.route53().settle(), shared.state().revision);
    if built.revisions != revisions {
        *built = Built { revisions, ..Built::default() };
    }
    match server {
        ROOT => vec![built.root(shared)],
        TOP_LEVEL => built.top_level_domain(shared, queried).into_iter().collect(),
        _ => built.of_test(shared, server, queried),
    }
}

impl Built {
    fn root(&mut self, shared: &Arc<Shared>) -> Arc<Zone> {
        let registry = self.registry.get_or_insert_with(|| Registry::read(shared));
        Arc::clone(self.root.get_or_insert_with(|| Arc::new(registry.root(shared))))
    }

    fn top_level_domain(&mut self, shared: &Arc<Shared>, queried: &Name) -> Option<Arc<Zone>> {
        let registry = self.registry.get_or_insert_with(|| Registry::read(shared));
        let domain = Some(queried.to_lowercase().trim_to(1))
            .filter(|domain| registry.domains.contains(domain))?;
        let zone = self
            .domains
            .entry(domain)
            .or_insert_with_key(|domain| Arc::new(registry.top_level_domain(shared, domain)));
        Some(Arc::clone(zone))
    }

    /// The zones of the test. A hosted zone is at the servers of its delegation set, whatever the
    /// NS record set at its apex contains (Developer Guide, "Getting the name servers for a public
    /// hosted zone"). Probe: route53/zone-name-servers.
    fn of_test(&mut self, shared: &Arc<Shared>, server: &str, queried: &Name) -> Vec<Arc<Zone>> {
        let queried = queried.to_lowercase();
        let (cap, uncapped, outside) = {
            let state = shared.state();
            let enclosing = (0..=queried.iter().count()).map(|labels| queried.trim_to(labels));
            let numbers =
                enclosing.filter_map(|name| state.outside_by_name.get(&name)).flatten().copied();
            let is_own = |number: &usize| {
                state
                    .outside
                    .get(number)
                    .is_some_and(|zone| zone.servers.iter().any(|own| own == server))
            };
            let outside: Vec<usize> = numbers.filter(is_own).collect();
            (state.cap, state.uncapped.clone(), outside)
        };
        let uncapped: Vec<(Name, RecordType)> = uncapped
            .iter()
            .filter_map(|(owner, rtype)| Some((name(owner)?, rtype.parse().ok()?)))
            .collect();
        let mut zones = Vec::new();
        for zone in shared.aws.route53().public() {
            if !zone.name_servers.iter().any(|own| own == server) || !is_served(zone) {
                continue;
            }
            let Some(origin) = name(&zone.name).filter(|origin| origin.zone_of(&queried)) else {
                continue;
            };
            let make = || {
                let mut made = Zone::with_records(origin, zone.served.records());
                if let Some(keys) = ZoneKeys::from_zone(zone) {
                    made.sign(keys, DNSKEY_TTL);
                }
                made.cap(cap, &uncapped);
                Arc::new(made)
            };
            zones.push(Arc::clone(self.hosted.entry(zone.id.clone()).or_insert_with(make)));
        }
        for number in outside {
            if let Some(known) = self.outside.get(&number) {
                zones.push(Arc::clone(known));
                continue;
            }
            let zone = shared.state().outside.get(&number).cloned();
            let Some(mut made) = zone.and_then(|zone| outside_zone(shared, &zone)) else {
                continue;
            };
            made.cap(cap, &uncapped);
            let made = Arc::new(made);
            self.outside.insert(number, Arc::clone(&made));
            zones.push(made);
        }
        zones
    }
}

/// The zone with the addresses of its own name servers.
fn outside_zone(shared: &Arc<Shared>, zone: &Outside) -> Option<Zone> {
    let origin = name(&zone.name)?;
    let mut made = Zone::with_records(origin.clone(), &zone.records);
    for (host, address) in hosts(shared, &zone.servers) {
        if origin.zone_of(&host) && !made.exists(&host) {
            made.add(&host, 300, RData::A(A(address)));
        }
    }
    Some(made)
}

/// A new zone exists once its first records have reached the servers.
fn is_served(zone: &HostedZone) -> bool {
    zone.served.records().any(|record| record.rtype == "SOA")
}

/// The names of servers, with their addresses.
fn hosts(shared: &Arc<Shared>, servers: &[String]) -> Vec<(Name, Ipv4Addr)> {
    let address = |server: &String| Some((name(server)?, shared.address(server).ok()?));
    servers.iter().filter_map(address).collect()
}

/// The data that the zones above those of the test need.
struct Registry {
    /// The zones of the test, by name. If one encloses another, the delegation of the inner zone is
    /// occluded by that of the outer zone.
    registered: BTreeMap<Name, RegisteredZone>,
    /// All name servers.
    hosts: Vec<(Name, Ipv4Addr)>,
    root: Ipv4Addr,
    top_level: Ipv4Addr,
    /// The top-level domains of all names, except those that are zones of the test.
    domains: BTreeSet<Name>,
}

struct RegisteredZone {
    servers: Vec<Name>,
    ds: Vec<RData>,
}

impl Registry {
    fn read(shared: &Arc<Shared>) -> Self {
        let (mut servers, mut registered) = (shared.servers(), BTreeMap::new());
        let (outside, chosen_ids) = {
            let state = shared.state();
            (state.outside.clone(), state.chosen_ids.clone())
        };
        {
            let state = shared.aws.route53();
            // Every name server has an address, even that of a zone without a delegation.
            for zone in state.public() {
                servers.extend(zone.name_servers.iter().cloned());
            }
            for zone in chosen(&state, &chosen_ids) {
                register(
                    &mut registered,
                    &zone.name,
                    &zone.name_servers,
                    ZoneKeys::from_zone(zone).map(|keys| keys.ds()),
                );
            }
        }
        // Skips zones within a hosted zone: their delegation here would be occluded, and there may
        // be thousands.
        let hosted: Vec<String> = registered.keys().map(Name::to_string).collect();
        let encloses = |outer: &str, inner: &str| {
            inner.strip_suffix(outer).is_some_and(|head| head.ends_with('.'))
        };
        // In reverse order, so that the first zone with a name wins.
        for zone in outside.values().rev() {
            servers.extend(zone.servers.iter().cloned());
            if !chosen_ids.contains_key(&zone.name)
                && !hosted.iter().any(|outer| encloses(outer, &zone.name))
            {
                register(&mut registered, &zone.name, &zone.servers, None);
            }
        }
        let servers: BTreeSet<String> = servers.into_iter().collect();
        let servers: Vec<String> =
            servers.into_iter().filter(|own| own != ROOT && own != TOP_LEVEL).collect();
        let fixed = |server| shared.address(server).unwrap_or(Ipv4Addr::LOCALHOST);
        let (hosts, root, top_level) = (hosts(shared, &servers), fixed(ROOT), fixed(TOP_LEVEL));
        let own = name(TOP_LEVEL);
        let names = registered.keys().chain(hosts.iter().map(|(host, _)| host)).chain(own.as_ref());
        let domains = names
            .map(|name| name.trim_to(1))
            .filter(|domain| !registered.contains_key(domain))
            .collect();
        Self { registered, hosts, root, top_level, domains }
    }

    fn root(&self, shared: &Arc<Shared>) -> Zone {
        let mut zone = self.made_up(shared, &Name::root(), ROOT);
        for domain in &self.domains {
            let ds = shared.keys(&domain.to_string()).ds();
            for data in ds.into_iter().chain([server(TOP_LEVEL)]) {
                zone.add(domain, TTL, data);
            }
        }
        let of_root = self.registered.iter().filter(|(origin, _)| origin.iter().count() == 1);
        for (origin, registered) in of_root {
            delegate(&mut zone, origin, registered);
        }
        zone
    }

    fn top_level_domain(&self, shared: &Arc<Shared>, domain: &Name) -> Zone {
        let mut zone = self.made_up(shared, domain, TOP_LEVEL);
        let of_domain = self.registered.iter().filter(|(origin, _)| domain.zone_of(origin));
        for (origin, registered) in of_domain {
            delegate(&mut zone, origin, registered);
        }
        zone
    }

    /// A signed zone with its apex, and the addresses of the servers whose names are in it.
    fn made_up(&self, shared: &Arc<Shared>, origin: &Name, primary: &str) -> Zone {
        let mut zone = Zone::new(origin.clone());
        let mname = name(primary).unwrap_or_default();
        let soa = SOA::new(mname, origin.clone(), 1, 7200, 900, 1_209_600, TTL);
        zone.add(origin, TTL, RData::SOA(soa));
        zone.add(origin, TTL, server(primary));
        let fixed = [(ROOT, self.root), (TOP_LEVEL, self.top_level)];
        let fixed =
            fixed.into_iter().filter_map(|(server, address)| Some((name(server)?, address)));
        // The root has the addresses of its own server and of the top-level domains' server as
        // glue.
        let own = self.hosts.iter().filter(|_| !origin.is_root()).cloned();
        for (host, address) in fixed.chain(own).filter(|(host, _)| origin.zone_of(host)) {
            zone.add(&host, TTL, RData::A(A(address)));
        }
        zone.sign(shared.keys(&origin.to_string()), TTL);
        zone
    }
}

fn delegate(zone: &mut Zone, origin: &Name, registered: &RegisteredZone) {
    let servers = registered.servers.iter().map(|server| RData::NS(NS(server.clone())));
    for data in servers.chain(registered.ds.iter().cloned()) {
        zone.add(origin, TTL, data);
    }
}

/// If there are several public zones with a name: the one that was chosen for the delegation, or
/// the first.
fn chosen<'a>(
    state: &'a Route53State,
    chosen_ids: &BTreeMap<String, String>,
) -> Vec<&'a HostedZone> {
    let mut zones: BTreeMap<String, &HostedZone> = BTreeMap::new();
    for zone in state.public() {
        let name = normalize_lossy(&zone.name);
        let better = match (chosen_ids.get(&name), zones.get(&name)) {
            (Some(id), _) => *id == zone.id,
            (None, Some(known)) => zone.number < known.number,
            (None, None) => true,
        };
        if better {
            zones.insert(name, zone);
        }
    }
    zones.into_values().collect()
}

fn register(
    registered: &mut BTreeMap<Name, RegisteredZone>,
    origin: &str,
    servers: &[String],
    ds: Option<Vec<RData>>,
) {
    let Some(origin) = name(origin) else { return };
    let servers = servers.iter().filter_map(|server| name(server)).collect();
    registered.insert(origin, RegisteredZone { servers, ds: ds.unwrap_or_default() });
}

fn server(text: &str) -> RData {
    RData::NS(NS(name(text).unwrap_or_default()))
}
