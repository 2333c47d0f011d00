//! The resolver: asked for the addresses of name servers and for the name servers of the parent zone, for nothing else.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use futures_util::future::join;
use hickory_proto::rr::RecordType;

use super::answer::{Answer, Targets};
use super::finding::Unresolved;
use super::net::{Failure, Net};
use super::wire::{NOERROR, NXDOMAIN, Question, code};
use crate::dns::name::Name;

/// How many addresses of a name server are asked; those of Route 53 have two.
const ADDRESSES: usize = 4;

/// How often a resolver is asked, over all of them.
const TRIES: usize = 3;

/// The resolvers to ask, in order.
#[derive(Clone, Debug)]
pub(super) struct Resolver(Vec<SocketAddr>);

impl Resolver {
    /// This one alone.
    pub(super) fn at(address: SocketAddr) -> Self {
        Self(vec![address])
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
        let mut servers: Vec<SocketAddr> = addresses.take(TRIES).map(|address| (address, 53).into()).collect();
        if servers.is_empty() {
            servers.push((Ipv4Addr::LOCALHOST, 53).into());
        }
        Self(servers)
    }

    /// The addresses of a name server; at most four, those of IPv4 first.
    pub(super) async fn addresses(&self, net: &Net, server: &Name) -> Result<Vec<IpAddr>, Unresolved> {
        let (v4, v6) = (Question::recursive(server, RecordType::A), Question::recursive(server, RecordType::AAAA));
        let (v4, v6) = join(self.ask(net, &v4), self.ask(net, &v6)).await;
        let mut found = Vec::new();
        // Half of the places for each family, so that neither keeps the other out.
        for answer in [&v4, &v6].into_iter().flatten() {
            found.extend(answer.answers.addresses.iter().take(ADDRESSES / 2));
        }
        if !found.is_empty() {
            return Ok(found);
        }
        v4.and(v6)?;
        Err(Unresolved::NoAddress)
    }

    /// The name servers of a zone.
    pub(super) async fn name_servers(&self, net: &Net, zone: &Name) -> Result<Targets, Unresolved> {
        let answer = self.ask(net, &Question::recursive(zone, RecordType::NS)).await?;
        let found = answer.answers.name_servers;
        if found.is_empty() { Err(Unresolved::NoNameServers) } else { Ok(found) }
    }

    async fn ask(&self, net: &Net, question: &Question) -> Result<Answer, Unresolved> {
        let mut problem = Unresolved::Silent;
        for server in self.0.iter().cycle().take(TRIES) {
            match net.ask_resolver(*server, question).await {
                Ok(answer) => match answer.code {
                    NOERROR => return Ok(answer),
                    NXDOMAIN => return Err(Unresolved::NoSuchName),
                    other => problem = Unresolved::Code(code(other)),
                },
                Err(Failure::Malformed | Failure::NoTcp) => problem = Unresolved::Malformed,
                // What one resolver said weighs more than the silence of the next.
                Err(Failure::Silent) => {}
            }
        }
        Err(problem)
    }
}

/// The addresses in glue for this name server.
pub(super) fn glue(glue: &[(Name, IpAddr)], server: &Name) -> Vec<IpAddr> {
    let addresses: BTreeSet<IpAddr> =
        glue.iter().filter(|(name, _)| name == server).map(|(_, address)| *address).collect();
    addresses.into_iter().collect()
}
