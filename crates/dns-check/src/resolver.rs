//! Queries the resolver, only for the addresses of name servers and for the name servers of
//! existing zones.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use domain::base::Rtype;
use futures_util::future::join;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::PORT;
use super::address_filter::Addresses;
use super::dns64::{self, Prefix, may_be_translated, untranslated};
use super::finding::Unresolved;
use super::network::{Network, NoResponse, Run};
use super::query::{NOERROR, NXDOMAIN, Query, code};
use super::response::{Response, Section, Targets};
use delegation_model::name::Name;

/// How many queries are sent for one lookup, over all resolvers together.
pub(super) const TRIES: u32 = 3;

/// The resolvers to ask, in order.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    pub(super) servers: Vec<SocketAddr>,
    /// True if name servers may be queried at any address, as in private DNS.
    pub(super) any_address: bool,
}

/// A cached lookup. Concurrent callers wait for the first one.
#[derive(Debug)]
pub(super) struct Known<T>(Mutex<Option<LookUp<T>>>);

/// The result of a lookup.
#[derive(Debug)]
struct LookUp<T> {
    at: Instant,
    /// The pass of a run in which it was made.
    pass: u32,
    found: Result<T, Unresolved>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Known<T> {
    /// Returns the cached result, or makes the lookup as one of those that a check makes at once.
    async fn or_look_up(
        &self,
        net: &Network,
        is_whole: impl Fn(&T) -> bool,
        look_up: impl Future<Output = Result<T, Unresolved>>,
    ) -> Result<T, Unresolved> {
        // The semaphore is never closed.
        let _permit = net.lookups.acquire().await;
        self.or_find(net, is_whole, look_up).await
    }

    /// Returns the cached result, or that of this future. A result is cached for the whole run if
    /// `is_whole` is true for it. A failure is cached for one pass of a run, or, in a single check,
    /// until the next round.
    async fn or_find(
        &self,
        net: &Network,
        is_whole: impl Fn(&T) -> bool,
        look_up: impl Future<Output = Result<T, Unresolved>>,
    ) -> Result<T, Unresolved> {
        let pass = net.memory.run.as_ref().map(Run::pass);
        let mut known = self.0.lock().await;
        if let Some(last) = &*known {
            let is_new =
                pass.map_or_else(|| last.at.elapsed() < net.timing.pause, |pass| pass == last.pass);
            if is_new || last.found.as_ref().is_ok_and(&is_whole) {
                return last.found.clone();
            }
        }
        let found = look_up.await;
        // Other checks have a budget of their own.
        if !net.is_spent() || found.as_ref().is_ok_and(&is_whole) {
            *known = Some(LookUp {
                at: Instant::now(),
                pass: pass.unwrap_or_default(),
                found: found.clone(),
            });
        }
        found
    }
}

impl Resolver {
    /// A single resolver.
    pub(super) fn at(address: SocketAddr) -> Self {
        Self { servers: vec![address], any_address: false }
    }

    /// The system's resolvers.
    pub(super) fn system() -> Self {
        Self::from_resolv_conf(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
    }

    /// The first three addresses on `nameserver` lines, or the local host if there are none
    /// (resolv.conf(5)).
    pub(super) fn from_resolv_conf(text: &str) -> Self {
        let addresses = text.lines().filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            (words.next()? == "nameserver").then(|| socket(words.next()?)).flatten()
        });
        let mut servers: Vec<SocketAddr> = addresses.take(TRIES as usize).collect();
        if servers.is_empty() {
            servers.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        Self { servers, any_address: false }
    }

    /// The addresses of a name server to query. They are cached for the run, so that they are only
    /// looked up once.
    pub(super) async fn addresses(
        &self,
        net: &Network,
        server: &Name,
    ) -> Result<Addresses, Unresolved> {
        let host = net.memory.host(server);
        host.or_look_up(net, |found| found.missing.is_none(), self.look_up(net, server)).await
    }

    /// Chooses which of these addresses of a name server to query.
    pub(super) async fn choose(
        &self,
        net: &Network,
        addresses: &[IpAddr],
    ) -> Result<Addresses, Unresolved> {
        // An address of this network's NAT64 (RFC 6146) leads to the IPv4 address in it, which may
        // be private. Without the prefix it is not known which addresses those are.
        let mut known = addresses.to_vec();
        let (mut prefixes, mut missing) = (Vec::new(), None);
        if addresses.iter().any(|address| may_be_translated(*address, addresses)) {
            match self.prefixes(net).await {
                Ok(found) => prefixes = found,
                Err(why) => {
                    known.retain(|address| !may_be_translated(*address, addresses));
                    missing = Some(why);
                }
            }
        }
        let (own, synthesized) = untranslated(&known, &prefixes);
        let chosen = match (Addresses::choose(&own, self.any_address), missing) {
            (Err(Unresolved::NoAddress), Some(why)) => return Err(why),
            (chosen, missing) => Addresses { missing, ..chosen? },
        };
        // The others are never queried. There may be hundreds, of each host of a run.
        for (address, by) in synthesized {
            if chosen.chosen.contains(&address) {
                net.memory.translate(address, by);
            }
        }
        Ok(chosen)
    }

    async fn look_up(&self, net: &Network, server: &Name) -> Result<Addresses, Unresolved> {
        let (v4, v6) = (Query::recursive(server, Rtype::A), Query::recursive(server, Rtype::AAAA));
        let (v4, v6) = join(self.ask(net, &v4), self.ask(net, &v6)).await;
        let mut found = Vec::new();
        for answer in [&v4, &v6].into_iter().flatten() {
            if answer.answers.is_alias {
                return Err(Unresolved::Alias);
            }
            found.extend(&answer.answers.addresses);
        }
        // A name that does not exist has no addresses of either family (RFC 8020), so one lookup
        // is sufficient.
        let is_nowhere = |why: &Unresolved| {
            matches!(why, Unresolved::NoSuchName | Unresolved::NoSuchTarget(_) | Unresolved::Alias)
        };
        let failures = || [v4.as_ref().err(), v6.as_ref().err()].into_iter().flatten();
        let missing = failures().find(|why| is_nowhere(why)).or_else(|| failures().next()).cloned();
        match missing {
            Some(why) if found.is_empty() => return Err(why),
            _ => {}
        }
        // If the other lookup returned addresses, "no such name" is outdated.
        let missing = missing.filter(|why| !is_nowhere(why));
        let chosen = self.choose(net, &found).await?;
        Ok(Addresses { missing: missing.or(chosen.missing.clone()), ..chosen })
    }

    /// The prefixes that the resolver uses to synthesize IPv6 addresses (RFC 7050).
    async fn prefixes(&self, net: &Network) -> Result<Vec<Prefix>, Unresolved> {
        let discover = async {
            let name = dns64::DISCOVERY.parse().map_err(|_| Unresolved::NoSuchName)?;
            match self.ask(net, &Query::recursive(&name, Rtype::AAAA)).await {
                Ok(answer) => Ok(Prefix::discovered(&answer.answers.addresses)),
                // A resolver that synthesizes nothing has no such address.
                Err(Unresolved::NoSuchName) => Ok(Vec::new()),
                Err(why) => Err(why),
            }
        };
        // The lookup of the name server has its turn already.
        net.memory.prefixes.or_find(net, |_| true, discover).await
    }

    /// Whether a zone has name servers, or why not. A run caches that, and not their names, which
    /// may take hundreds of kilobytes.
    pub(super) async fn find_zone(&self, net: &Network, zone: &Name) -> Result<(), Unresolved> {
        let found = async { self.name_servers(net, zone).await.map(drop) };
        match &net.memory.run {
            Some(run) => run.zone(zone).or_look_up(net, |()| true, found).await,
            None => found.await,
        }
    }

    /// The name servers of a zone.
    pub(super) async fn name_servers(
        &self,
        net: &Network,
        zone: &Name,
    ) -> Result<Targets, Unresolved> {
        self.servers_by(net, &Query::recursive(zone, Rtype::NS)).await
    }

    /// The name servers of the root.
    pub(super) async fn root_servers(&self, net: &Network) -> Result<Targets, Unresolved> {
        self.servers_by(net, &Query::for_root(Rtype::NS).with_recursion()).await
    }

    async fn servers_by(&self, net: &Network, question: &Query) -> Result<Targets, Unresolved> {
        let answer = self.ask(net, question).await?;
        let found = answer.answers.name_servers;
        if found.is_empty() { Err(Unresolved::NoNameServers) } else { Ok(found) }
    }

    async fn ask(&self, net: &Network, question: &Query) -> Result<Response, Unresolved> {
        let mut finding = Unresolved::Silent;
        for server in self.servers.iter().cycle().take(TRIES as usize) {
            match net.ask_resolver(*server, question).await {
                Ok(answer) => match answer.code {
                    // An empty response without recursion: the server only answers for its own
                    // zones.
                    NOERROR | NXDOMAIN if answer.is_uninformed() => {
                        finding = Unresolved::NotRecursive;
                    }
                    NOERROR => return Ok(answer),
                    NXDOMAIN => return Err(no_such_name(answer.answers)),
                    other => finding = Unresolved::Code(code(other)),
                },
                Err(NoResponse::Malformed | NoResponse::NoTcp) => finding = Unresolved::Malformed,
                Err(NoResponse::Spent) => return Err(Unresolved::Spent),
                // The error of one resolver is kept if the next one does not respond.
                Err(NoResponse::Silent | NoResponse::NoRoute) => {}
            }
        }
        Err(finding)
    }
}

/// What does not exist, according to a response: the name, or what it is an alias of.
fn no_such_name(answers: Section) -> Unresolved {
    match answers.alias_target {
        Some(target) => Unresolved::NoSuchTarget(target),
        None if answers.is_alias => Unresolved::Alias,
        None => Unresolved::NoSuchName,
    }
}

/// The address on a `nameserver` line. A link-local one is followed by its interface (RFC 4007,
/// section 11).
fn socket(text: &str) -> Option<SocketAddr> {
    let Some((address, zone)) = text.split_once('%') else {
        return text.parse::<IpAddr>().ok().map(|address| (address, PORT).into());
    };
    let address: Ipv6Addr = address.parse().ok()?;
    let scope = zone.parse().ok().or_else(|| interface(zone))?;
    Some(SocketAddrV6::new(address, PORT, 0, scope).into())
}

/// The index of a network interface.
fn interface(name: &str) -> Option<u32> {
    // The name becomes part of a path.
    if name.contains('/') || name.starts_with('.') {
        return None;
    }
    std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok()?.trim().parse().ok()
}

/// The glue addresses of this name server.
pub(super) fn glue_of<'a>(
    glue: impl IntoIterator<Item = &'a (Name, IpAddr)>,
    server: &Name,
) -> Vec<IpAddr> {
    let of_server =
        glue.into_iter().filter(|(name, _)| name == server).map(|(_, address)| *address);
    of_server.collect::<BTreeSet<IpAddr>>().into_iter().collect()
}
