//! Who serves which zone, and the zones above those of the test, which are made up: the root, and a zone for each top-level
//! domain. A top-level domain holds the addresses of the name servers whose names are in it, and the delegations of the top zones:
//! those that no other zone encloses. (There is no zone between: no `awsdns-00.com`, no `co.uk`.)

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use hickory_proto::rr::rdata::{A, NS, SOA};
use hickory_proto::rr::{Name, RData};

use super::state::Shared;
use super::zone::{Zone, name};
use crate::core::World;
use crate::route53::{ZoneModel, normalize_lossy};

/// The server of the root.
pub(super) const ROOT: &str = "a.root-servers.net";
/// The server of every top-level domain.
pub(super) const TOP_LEVEL: &str = "a.gtld-servers.net";

/// The zones that a server has.
pub(super) fn zones_of(shared: &Arc<Shared>, server: &str) -> Vec<Zone> {
    match server {
        ROOT => vec![Registry::look(shared).root()],
        TOP_LEVEL => Registry::look(shared).top_level_domains(),
        _ => hosted(shared, server),
    }
}

/// The zones of the test. A hosted zone is at the servers of its delegation set, whatever the NS record set at its apex says
/// (Developer Guide, "Getting the name servers for a public hosted zone").
fn hosted(shared: &Arc<Shared>, server: &str) -> Vec<Zone> {
    let mut zones = Vec::new();
    for zone in shared.core.world().served() {
        if zone.name_servers.iter().any(|own| own == server) && is_there(zone) {
            zones.extend(name(&zone.name).map(|origin| Zone::with_records(origin, zone.served.records())));
        }
    }
    let outside = shared.state().outside.clone();
    for zone in outside.values().filter(|zone| zone.servers.iter().any(|own| own == server)) {
        let Some(origin) = name(&zone.name) else { continue };
        let mut copy = Zone::with_records(origin.clone(), &zone.records);
        for (host, address) in hosts(shared, &zone.servers) {
            if origin.zone_of(&host) && !copy.exists(&host) {
                copy.add(&host, 300, RData::A(A(address)));
            }
        }
        zones.push(copy);
    }
    zones
}

/// A new zone is there once its first records have reached the servers.
fn is_there(zone: &ZoneModel) -> bool {
    zone.served.records().any(|record| record.rtype == "SOA")
}

/// The names of servers with their addresses.
fn hosts(shared: &Arc<Shared>, servers: &[String]) -> Vec<(Name, Ipv4Addr)> {
    let address = |server: &String| Some((name(server)?, shared.address(server).ok()?));
    servers.iter().filter_map(address).collect()
}

/// What the zones above those of the test need to know.
struct Registry {
    ttl: u32,
    /// The top zones, by name.
    tops: BTreeMap<Name, Top>,
    /// Every name server.
    hosts: Vec<(Name, Ipv4Addr)>,
    root: Ipv4Addr,
    top_level: Ipv4Addr,
}

struct Top {
    servers: Vec<Name>,
}

impl Registry {
    fn look(shared: &Arc<Shared>) -> Self {
        let (mut servers, mut tops) = (shared.servers(), BTreeMap::new());
        let (outside, real, ttl) = {
            let state = shared.state();
            (state.outside.clone(), state.real.clone(), state.ttl)
        };
        {
            let mut world = shared.core.world();
            for zone in chosen(&mut world, &real) {
                servers.extend(zone.name_servers.iter().cloned());
                add(&mut tops, &zone.name, &zone.name_servers);
            }
        }
        // Backwards, so that the first of a name stays.
        for zone in outside.values().rev() {
            servers.extend(zone.servers.iter().cloned());
            if !real.contains_key(&zone.name) {
                add(&mut tops, &zone.name, &zone.servers);
            }
        }
        let enclosed = |inner: &Name, names: &[Name]| names.iter().any(|outer| outer != inner && outer.zone_of(inner));
        let names: Vec<Name> = tops.keys().cloned().collect();
        tops.retain(|inner, _| !enclosed(inner, &names));
        let servers: BTreeSet<String> = servers.into_iter().collect();
        let servers: Vec<String> = servers.into_iter().filter(|own| own != ROOT && own != TOP_LEVEL).collect();
        let fixed = |server| shared.address(server).unwrap_or(Ipv4Addr::LOCALHOST);
        Self { ttl, tops, hosts: hosts(shared, &servers), root: fixed(ROOT), top_level: fixed(TOP_LEVEL) }
    }

    fn root(&self) -> Zone {
        let mut zone = self.made_up(&Name::root(), ROOT);
        for domain in self.domains() {
            zone.add(&domain, self.ttl, server(TOP_LEVEL));
        }
        for (top, delegation) in self.tops.iter().filter(|(top, _)| top.iter().count() == 1) {
            self.delegate(&mut zone, top, delegation);
        }
        zone
    }

    fn top_level_domains(&self) -> Vec<Zone> {
        let domains = self.domains().into_iter();
        domains
            .map(|domain| {
                let mut zone = self.made_up(&domain, TOP_LEVEL);
                for (top, delegation) in self.tops.iter().filter(|(top, _)| domain.zone_of(top)) {
                    self.delegate(&mut zone, top, delegation);
                }
                zone
            })
            .collect()
    }

    /// A zone with its apex and the addresses of the servers whose names are in it.
    fn made_up(&self, origin: &Name, primary: &str) -> Zone {
        let mut zone = Zone::new(origin.clone());
        let mname = name(primary).unwrap_or_default();
        let soa = SOA::new(mname, origin.clone(), 1, 7200, 900, 1_209_600, self.ttl);
        zone.add(origin, self.ttl, RData::SOA(soa));
        zone.add(origin, self.ttl, server(primary));
        let fixed = [(ROOT, self.root), (TOP_LEVEL, self.top_level)];
        let fixed = fixed.into_iter().filter_map(|(server, address)| Some((name(server)?, address)));
        // The root has the addresses of its own and the top-level domains' server, as glue.
        let own = self.hosts.iter().filter(|_| !origin.is_root()).cloned();
        for (host, address) in fixed.chain(own).filter(|(host, _)| origin.zone_of(host)) {
            zone.add(&host, self.ttl, RData::A(A(address)));
        }
        zone
    }

    fn delegate(&self, zone: &mut Zone, top: &Name, delegation: &Top) {
        for server in &delegation.servers {
            zone.add(top, self.ttl, RData::NS(NS(server.clone())));
        }
    }

    /// The top-level domains of all that has a name; those that are a zone of the test are its own.
    fn domains(&self) -> BTreeSet<Name> {
        let fixed = name(TOP_LEVEL);
        let names = self.tops.keys().chain(self.hosts.iter().map(|(host, _)| host)).chain(fixed.as_ref());
        names.map(|name| name.trim_to(1)).filter(|domain| !self.tops.contains_key(domain)).collect()
    }
}

/// Of the public zones of one name the one that was named as the real one, else the first.
fn chosen<'a>(world: &'a mut World, real: &BTreeMap<String, String>) -> Vec<&'a ZoneModel> {
    let mut zones: BTreeMap<String, &ZoneModel> = BTreeMap::new();
    for zone in world.served() {
        let name = normalize_lossy(&zone.name);
        let better = match (real.get(&name), zones.get(&name)) {
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

fn add(tops: &mut BTreeMap<Name, Top>, origin: &str, servers: &[String]) {
    let Some(origin) = name(origin) else { return };
    tops.insert(origin, Top { servers: servers.iter().filter_map(|server| name(server)).collect() });
}

fn server(text: &str) -> RData {
    RData::NS(NS(name(text).unwrap_or_default()))
}
