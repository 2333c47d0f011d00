//! The resolver: asked for the addresses of name servers and for the name servers of the parent zone, for nothing else.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use futures_util::future::join;
use hickory_proto::rr::RecordType;

use super::PORT;
use super::address_filter::{Addresses, is_global};
use super::finding::Unresolved;
use super::network::{Network, NoResponse};
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

impl Resolver {
    /// This one alone, which somebody has named. If the internet can't ask it, it is for what the internet can't reach.
    pub(super) fn at(address: SocketAddr) -> Self {
        Self { servers: vec![address], anywhere: address.port() != PORT || !is_global(address.ip()) }
    }

    /// The system's.
    pub(super) fn system() -> Self {
        Self::from_resolv_conf(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
    }

    /// The first three addresses on `nameserver` lines, or the local host (resolv.conf(5)).
    pub(super) fn from_resolv_conf(text: &str) -> Self {
        let addresses = text.lines().filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            (words.next()? == "nameserver").then(|| words.next()?.parse::<IpAddr>().ok()).flatten()
        });
        let mut servers: Vec<SocketAddr> =
            addresses.take(TRIES as usize).map(|address| (address, PORT).into()).collect();
        if servers.is_empty() {
            servers.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        // In a function it is a local one, and says nothing of where name servers may be.
        Self { servers, anywhere: false }
    }

    /// Those addresses of a name server that are asked.
    pub(super) async fn addresses(&self, net: &Network, server: &Name) -> Result<Addresses, Unresolved> {
        self.choose(&self.all_addresses(net, server).await?)
    }

    /// Of these addresses of a name server those that are asked.
    pub(super) fn choose(&self, addresses: &[IpAddr]) -> Result<Addresses, Unresolved> {
        Addresses::choose(addresses, self.anywhere)
    }

    /// The addresses of a name server, those of IPv4 first.
    pub(super) async fn all_addresses(&self, net: &Network, server: &Name) -> Result<Vec<IpAddr>, Unresolved> {
        let (v4, v6) = (Query::recursive(server, RecordType::A), Query::recursive(server, RecordType::AAAA));
        let (v4, v6) = join(self.ask(net, &v4), self.ask(net, &v6)).await;
        let mut found = Vec::new();
        for answer in [&v4, &v6].into_iter().flatten() {
            if answer.answers.is_alias {
                return Err(Unresolved::Alias);
            }
            found.extend(&answer.answers.addresses);
        }
        if found.is_empty() {
            v4.and(v6)?;
        }
        Ok(found)
    }

    /// The name servers of a zone.
    pub(super) async fn name_servers(&self, net: &Network, zone: &Name) -> Result<Targets, Unresolved> {
        let answer = self.ask(net, &Query::recursive(zone, RecordType::NS)).await?;
        let found = answer.answers.name_servers;
        if found.is_empty() { Err(Unresolved::NoNameServers) } else { Ok(found) }
    }

    async fn ask(&self, net: &Network, question: &Query) -> Result<Response, Unresolved> {
        let mut finding = Unresolved::Silent;
        for server in self.servers.iter().cycle().take(TRIES as usize) {
            match net.ask_resolver(*server, question).await {
                Ok(answer) => match answer.code {
                    NOERROR => return Ok(answer),
                    NXDOMAIN => return Err(Unresolved::NoSuchName),
                    other => finding = Unresolved::Code(code(other)),
                },
                Err(NoResponse::Malformed | NoResponse::NoTcp) => finding = Unresolved::Malformed,
                // What one resolver said weighs more than the silence of the next.
                Err(NoResponse::Silent) => {}
            }
        }
        Err(finding)
    }
}

/// The addresses in glue for this name server.
pub(super) fn glue(glue: &[(Name, IpAddr)], server: &Name) -> Vec<IpAddr> {
    let addresses: BTreeSet<IpAddr> =
        glue.iter().filter(|(name, _)| name == server).map(|(_, address)| *address).collect();
    addresses.into_iter().collect()
}
