//! The resolver: asked for the addresses of name servers and for the name servers of zones that
//! exist, for nothing else.

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
use super::response::{Response, Targets};
use delegation_model::name::Name;

/// How often a resolver is asked, over all of them.
pub(super) const TRIES: u32 = 3;

/// The resolvers to ask, in order.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    pub(super) servers: Vec<SocketAddr>,
    /// Whether name servers are asked at any address, as in a DNS of one's own.
    pub(super) anywhere: bool,
}

/// What a resolver tells of a name. Those that want it at the same time wait for the first of them.
#[derive(Debug)]
pub(super) struct Known<T>(Mutex<Option<LookUp<T>>>);

/// A look-up that was made.
#[derive(Debug)]
struct LookUp<T> {
    at: Instant,
    /// In which look of a run.
    look: u32,
    found: Result<T, Unresolved>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Known<T> {
    /// What is known, or else what this look-up finds. What was found is kept for the run if
    /// `is_whole` says so; a failure for as long as one look takes, or, of a check by itself, until
    /// the next round.
    async fn or_look_up(
        &self,
        net: &Network,
        is_whole: impl Fn(&T) -> bool,
        look_up: impl Future<Output = Result<T, Unresolved>>,
    ) -> Result<T, Unresolved> {
        let look = net.memory.run.as_ref().map(Run::look);
        let mut known = self.0.lock().await;
        if let Some(last) = &*known {
            let is_new =
                look.map_or_else(|| last.at.elapsed() < net.timing.pause, |look| look == last.look);
            if is_new || last.found.as_ref().is_ok_and(is_whole) {
                return last.found.clone();
            }
        }
        let found = look_up.await;
        *known = Some(LookUp {
            at: Instant::now(),
            look: look.unwrap_or_default(),
            found: found.clone(),
        });
        found
    }
}

impl Resolver {
    /// This one alone, which somebody has named.
    pub(super) fn at(address: SocketAddr) -> Self {
        Self { servers: vec![address], anywhere: false }
    }

    /// The system's.
    pub(super) fn system() -> Self {
        Self::from_resolv_conf(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
    }

    /// The first three addresses on `nameserver` lines, or the local host (resolv.conf(5)).
    pub(super) fn from_resolv_conf(text: &str) -> Self {
        let addresses = text.lines().filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            (words.next()? == "nameserver").then(|| socket(words.next()?)).flatten()
        });
        let mut servers: Vec<SocketAddr> = addresses.take(TRIES as usize).collect();
        if servers.is_empty() {
            servers.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        Self { servers, anywhere: false }
    }

    /// Those addresses of a name server that are asked. What was found is kept for the run, so that
    /// nobody is asked for it again.
    pub(super) async fn addresses(
        &self,
        net: &Network,
        server: &Name,
    ) -> Result<Addresses, Unresolved> {
        let host = net.memory.host(server);
        host.or_look_up(net, |found| found.missing.is_none(), self.look_up(net, server)).await
    }

    /// Of these addresses of a name server those that are asked.
    pub(super) fn choose(&self, addresses: &[IpAddr]) -> Result<Addresses, Unresolved> {
        Addresses::choose(addresses, self.anywhere)
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
        // A name that does not exist has neither (RFC 8020): the word of one look-up is enough.
        let failures = || [v4.as_ref().err(), v6.as_ref().err()].into_iter().flatten();
        let missing = failures()
            .find(|why| **why == Unresolved::NoSuchName)
            .or_else(|| failures().next())
            .cloned();
        match missing {
            Some(why) if found.is_empty() => return Err(why),
            _ => {}
        }
        let prefixes = if may_be_translated(&found) { self.prefixes(net).await } else { &[] };
        let (own, made) = untranslated(&found, prefixes);
        for (address, by) in made {
            net.memory.translate(address, by);
        }
        // Where the other look-up found some, its answer is older.
        let missing = missing.filter(|why| *why != Unresolved::NoSuchName);
        self.choose(&own).map(|chosen| Addresses { missing, ..chosen })
    }

    /// How the resolver makes IPv6 addresses of IPv4 ones (RFC 7050).
    async fn prefixes<'a>(&self, net: &'a Network) -> &'a [Prefix] {
        let discover = async {
            let Ok(name) = dns64::DISCOVERY.parse() else { return Vec::new() };
            let answer = self.ask(net, &Query::recursive(&name, Rtype::AAAA)).await;
            answer.map(|answer| Prefix::discovered(&answer.answers.addresses)).unwrap_or_default()
        };
        net.memory.prefixes.get_or_init(|| discover).await
    }

    /// The name servers of a zone.
    pub(super) async fn name_servers(
        &self,
        net: &Network,
        zone: &Name,
    ) -> Result<Targets, Unresolved> {
        let question = Query::recursive(zone, Rtype::NS);
        match &net.memory.run {
            Some(run) => {
                run.zone(zone).or_look_up(net, |_| true, self.servers_by(net, &question)).await
            }
            None => self.servers_by(net, &question).await,
        }
    }

    /// The name servers of the root.
    pub(super) async fn root_servers(&self, net: &Network) -> Result<Targets, Unresolved> {
        self.servers_by(net, &Query::of_root(Rtype::NS).with_recursion()).await
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
                    // Nothing, or no such name, said without looking for it: a server for its own
                    // zones alone.
                    NOERROR | NXDOMAIN if answer.is_uninformed() => {
                        finding = Unresolved::NotRecursive;
                    }
                    NOERROR => return Ok(answer),
                    NXDOMAIN => return Err(Unresolved::NoSuchName),
                    other => finding = Unresolved::Code(code(other)),
                },
                Err(NoResponse::Malformed | NoResponse::NoTcp) => finding = Unresolved::Malformed,
                Err(NoResponse::Spent) => return Err(Unresolved::Spent),
                // What one resolver said weighs more than the silence of the next.
                Err(NoResponse::Silent | NoResponse::NoRoute) => {}
            }
        }
        Err(finding)
    }
}

/// An address on a `nameserver` line; a link-local one has its interface behind it (RFC 4007,
/// section 11).
fn socket(text: &str) -> Option<SocketAddr> {
    let Some((address, zone)) = text.split_once('%') else {
        return text.parse::<IpAddr>().ok().map(|address| (address, PORT).into());
    };
    let address: Ipv6Addr = address.parse().ok()?;
    let scope = zone.parse().ok().or_else(|| interface(zone))?;
    Some(SocketAddrV6::new(address, PORT, 0, scope).into())
}

/// The number of a network interface.
fn interface(name: &str) -> Option<u32> {
    // It becomes part of a path.
    if name.contains('/') || name.starts_with('.') {
        return None;
    }
    std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok()?.trim().parse().ok()
}

/// The addresses in glue for this name server.
pub(super) fn glue<'a>(
    glue: impl IntoIterator<Item = &'a (Name, IpAddr)>,
    server: &Name,
) -> Vec<IpAddr> {
    let of_server =
        glue.into_iter().filter(|(name, _)| name == server).map(|(_, address)| *address);
    of_server.collect::<BTreeSet<IpAddr>>().into_iter().collect()
}
