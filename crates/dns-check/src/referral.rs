//! Finds where the public DNS delegates a name to, from the referrals of the zones above it.
//!
//! The search goes down from the top-level domain. A resolver is only asked for the name servers of
//! that domain and for addresses, and never for a name on the path that may not exist yet: it would
//! cache that answer (RFC 2308).

use std::net::{IpAddr, SocketAddr};

use domain::base::Rtype;
use futures_util::FutureExt as _;
use futures_util::future::{join, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::address_filter::Addresses;
use super::finding::Unresolved;
use super::network::Network;
use super::probe;
use super::query::{NOERROR, NXDOMAIN, Query};
use super::resolver::{Resolver, glue_of};
use super::response::Targets;
use super::{Expected, PORT, Verifier};
use delegation_model::ds::DsRecords;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;

/// How many servers of a zone are queried for a referral. One response is enough.
const SERVERS: usize = 4;

/// Why it is unknown where a name is delegated to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferralError {
    /// According to the resolver, no zone above the name exists, except for the root, which is not
    /// considered.
    #[error(
        "according to the resolver, no zone above {0} exists except for the root; correct the name"
    )]
    NoParent(Name),
    /// No resolver responds.
    #[error("no resolver responds; use one that can be reached from here")]
    NoResolver,
    /// The resolver does not return the name servers of this zone, for this reason.
    #[error(
        "the name servers of {0} could not be looked up: {1}; use another resolver, or try again"
    )]
    ResolverFails(Name, String),
    /// None of the queried servers of the zone answers for it.
    #[error(
        "no name server of {0} answers for that zone from here; allow outgoing DNS queries (port 53, UDP and TCP), or try again"
    )]
    NoAnswer(Name),
    /// The zone itself is not delegated, so resolvers never query it.
    #[error(
        "the zone {0} itself is not delegated, so resolvers never query it; delegate it from the zone above it first"
    )]
    NotInTheWorld(Name),
    /// The parent zone does not delegate the name.
    #[error("{name} is not delegated: the name servers of {parent} have no NS record set for it")]
    NotDelegated {
        /// The parent zone.
        parent: Name,
        /// The name.
        name: Name,
    },
}

/// Why a zone was not found.
#[derive(Debug)]
pub(super) enum Lost {
    /// According to the resolver, no zone exists on the path.
    NoParent(Name),
    /// The resolver does not return the name servers of this zone.
    Resolver(Name, Unresolved),
    /// No server of this zone answers.
    NoAnswer(Name),
    /// The zone is not delegated.
    NotInTheWorld(Name),
}

impl From<Lost> for ReferralError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::NoParent(name) => Self::NoParent(name),
            Lost::Resolver(_, Unresolved::Silent) => Self::NoResolver,
            Lost::Resolver(zone, why) => Self::ResolverFails(zone, why.reason()),
            Lost::NoAnswer(zone) => Self::NoAnswer(zone),
            Lost::NotInTheWorld(zone) => Self::NotInTheWorld(zone),
        }
    }
}

/// A zone, and the referral to it from the zone above.
#[derive(Debug)]
pub(super) struct Located {
    pub(super) zone: Name,
    pub(super) servers: Targets,
    /// The addresses in that referral.
    pub(super) addresses: Vec<(Name, IpAddr)>,
}

/// What a server says about a name below its zone.
enum Below {
    /// The name is a zone.
    Zone(Located),
    /// The name is not a zone, but there may be one below it.
    Name,
    /// Neither the name nor any name below it exists.
    Nothing,
}

/// Walks down the zones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    pub(super) net: &'a Network,
    pub(super) resolver: &'a Resolver,
    pub(super) port: u16,
}

impl Walk<'_> {
    /// Finds the zone that contains this name, which may be the name itself.
    pub(super) async fn to(self, name: &Name) -> Result<Located, Lost> {
        let mut path: Vec<Name> = name.ancestors().collect();
        path.insert(0, name.clone());
        let mut here = loop {
            let Some(top) = path.pop() else { return Err(Lost::NoParent(name.clone())) };
            match self.resolver.name_servers(self.net, &top).await {
                Ok(servers) => break Located { zone: top, servers, addresses: Vec::new() },
                // A private DNS may begin further down.
                Err(
                    Unresolved::NoSuchName
                    | Unresolved::NoSuchTarget(_)
                    | Unresolved::Alias
                    | Unresolved::NoNameServers,
                ) => {}
                Err(why) => return Err(Lost::Resolver(top, why)),
            }
        };
        while let Some(next) = path.pop() {
            match self.below(&here, &next).await {
                Some(Below::Zone(found)) => here = found,
                Some(Below::Name) => {}
                Some(Below::Nothing) => break,
                None => return Err(Lost::NoAnswer(here.zone)),
            }
        }
        Ok(here)
    }

    /// Finds this zone in the public DNS.
    pub(super) async fn zone(self, zone: &Name) -> Result<Located, Lost> {
        let found = self.to(zone).await?;
        if found.zone == *zone { Ok(found) } else { Err(Lost::NotInTheWorld(zone.clone())) }
    }

    /// The addresses of a name server of a zone: from the referral, or from the resolver.
    async fn addresses(self, zone: &Located, server: &Name) -> Addresses {
        let own = glue_of(&zone.addresses, server);
        let found = if own.is_empty() {
            self.resolver.addresses(self.net, server).await
        } else {
            self.resolver.choose(self.net, &own).await
        };
        found.unwrap_or_default()
    }

    /// What the first server of a zone with an answer says about a name in it.
    async fn below(self, zone: &Located, name: &Name) -> Option<Below> {
        let servers = zone.servers.names.iter().take(SERVERS);
        let mut answers: FuturesUnordered<_> = servers
            .map(|server| {
                async move {
                    let addresses = self.addresses(zone, server).await.chosen.into_iter();
                    let each = addresses
                        .map(|address| self.ask(SocketAddr::new(address, self.port), name));
                    join_all(each).await.into_iter().flatten().next()
                }
                .boxed()
            })
            .collect();
        while let Some(found) = answers.next().await {
            if found.is_some() {
                return found;
            }
        }
        None
    }

    async fn ask(self, server: SocketAddr, name: &Name) -> Option<Below> {
        let answer = self.net.ask(server, &Query::direct(name, Rtype::NS)).await.ok()?;
        match answer.code {
            NOERROR => {}
            NXDOMAIN if answer.authoritative => return Some(Below::Nothing),
            _ => return None,
        }
        let (own, referred) = (answer.answers.name_servers, answer.authorities.name_servers);
        let servers = if own.is_empty() { referred } else { own };
        if !servers.is_empty() {
            return Some(Below::Zone(Located {
                zone: name.clone(),
                servers,
                addresses: answer.addresses,
            }));
        }
        answer.authoritative.then_some(Below::Name)
    }
}

impl Verifier {
    /// Finds the zone in which a name is delegated, or would be. No resolver is asked for the name,
    /// or for a name above it that may not exist.
    pub async fn parent_of(&self, name: &Name) -> Result<Name, ReferralError> {
        let (net, resolver) = self.network_and_resolver();
        let above = name.parent().ok_or_else(|| ReferralError::NoParent(name.clone()))?;
        let found = self.walk(&net, &resolver).to(&above).await;
        found.map(|found| found.zone).map_err(|lost| match lost {
            Lost::NoParent(_) => ReferralError::NoParent(name.clone()),
            other => other.into(),
        })
    }

    /// The delegation according to the first server of the parent zone that answers, for
    /// [`Verifier::verify_delegation`] to compare the other servers with.
    pub async fn referral(&self, parent: &Name, name: &Name) -> Result<Expected, ReferralError> {
        let (net, resolver) = self.network_and_resolver();
        let walk = self.walk(&net, &resolver);
        let zone = walk.zone(parent).await?;
        let servers = zone.servers.names.iter().take(SERVERS);
        let referrals = join_all(servers.map(async |server| {
            let addresses = walk.addresses(&zone, server).await.chosen.into_iter();
            join_all(
                addresses.map(|address| referred(&net, SocketAddr::new(address, walk.port), name)),
            )
            .await
        }));
        let answers = referrals.await.into_iter().flatten().flatten().next();
        let Referred { targets, ds, mut glue, by } =
            answers.ok_or_else(|| ReferralError::NoAnswer(parent.clone()))?;
        let nobody = || ReferralError::NotDelegated { parent: parent.clone(), name: name.clone() };
        let targets: Vec<String> = targets.names.iter().map(Name::fqdn).collect();
        let servers = NameServers::from_values(&targets).ok_or_else(nobody)?;
        if let Some(server) = by {
            // This server also has the child zone, and gives no glue.
            for host in servers.iter().filter(|host| host.is_at_or_below(name)) {
                let own = probe::addresses(&net, server, host).await.unwrap_or_default();
                glue.extend(own.into_iter().map(|address| (host.clone(), address)));
            }
        }
        glue.retain(|(host, _)| {
            host.is_at_or_below(name) && servers.iter().any(|server| server == host)
        });
        Ok(Expected { name: name.clone(), name_servers: servers, ds, check_ds: true, glue })
    }

    fn network_and_resolver(&self) -> (Network, Resolver) {
        (self.network(), self.resolver())
    }

    fn walk<'a>(&self, net: &'a Network, resolver: &'a Resolver) -> Walk<'a> {
        Walk { net, resolver, port: self.resolver.map_or(PORT, |resolver| resolver.port()) }
    }
}

/// The referral of a server of the parent zone.
struct Referred {
    targets: Targets,
    ds: Option<DsRecords>,
    glue: Vec<(Name, IpAddr)>,
    /// The server, if it answers from the child zone.
    by: Option<SocketAddr>,
}

/// Queries a server of the parent zone for its referral. `None` if it does not answer for the zone.
async fn referred(net: &Network, server: SocketAddr, name: &Name) -> Option<Referred> {
    let (ns, ds) = (Query::direct(name, Rtype::NS), Query::direct(name, Rtype::DS).signed());
    let (ns, ds) = join(net.ask(server, &ns), net.ask(server, &ds)).await;
    let ns = ns.ok()?;
    let by = (ns.authoritative && !ns.answers.name_servers.is_empty()).then_some(server);
    let targets = match ns.code {
        // A server that also has the child zone answers from there.
        NOERROR if !ns.answers.name_servers.is_empty() => ns.answers.name_servers,
        NOERROR => ns.authorities.name_servers,
        NXDOMAIN if ns.authoritative => Targets::default(),
        _ => return None,
    };
    // A server that refers to another zone, for instance upwards, does not have the parent zone.
    let knows = ns.authoritative || !targets.is_empty();
    let ds = ds.ok().and_then(|answer| answer.answers.ds_records());
    knows.then_some(Referred { targets, ds, glue: ns.addresses, by })
}
