//! What the world is told of a delegation: where the servers of the zones above refer to.
//!
//! The way leads down from the top-level domain. A resolver is asked for the name servers of that
//! and for addresses, and never for a name on the way that may not exist yet: it would keep that
//! answer (RFC 2308).

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
use super::resolver::{Resolver, glue};
use super::response::Targets;
use super::{Expected, PORT, Verifier};
use delegation_model::ds::DsRecords;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;

/// How many servers of a zone are asked where it refers to; one that answers is enough.
const SERVERS: usize = 4;

/// Why it is not known where a name is delegated to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferralError {
    /// The resolver knows no zone above the name; the root is not looked at.
    #[error("according to the resolver no zone above {0} exists but the root; correct the name")]
    NoParent(Name),
    /// No resolver answers.
    #[error("no resolver answers; name one that can be reached from here")]
    NoResolver,
    /// The resolver does not tell the name servers of this zone, for this reason.
    #[error(
        "the name servers of {0} could not be looked up: {1}; use another resolver, or try again"
    )]
    ResolverFails(Name, String),
    /// None of the zone's servers that were asked answers for it.
    #[error(
        "no name server of {0} answers for that zone from here; let DNS queries out (port 53, UDP and TCP), or try again"
    )]
    NoAnswer(Name),
    /// The zone is not delegated itself: nobody asks it.
    #[error(
        "the zone {0} is not delegated itself, so nobody asks it; delegate it from the zone above it first"
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

/// Why a zone is not found.
#[derive(Debug)]
pub(super) enum Lost {
    /// The resolver knows no zone on the way.
    NoParent(Name),
    /// The resolver does not tell the name servers of this zone.
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

/// A zone, and where the zone above it refers to for it.
#[derive(Debug)]
pub(super) struct Located {
    pub(super) zone: Name,
    pub(super) servers: Targets,
    /// The addresses that came with that.
    pub(super) addresses: Vec<(Name, IpAddr)>,
}

/// What a server says of a name directly below a zone, or deeper.
enum Below {
    /// It is a zone.
    Zone(Located),
    /// It is not, though there may be one below it.
    Name,
    /// There is no such name, nor any below it.
    Nothing,
}

/// Who looks for zones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    pub(super) net: &'a Network,
    pub(super) resolver: &'a Resolver,
    pub(super) port: u16,
}

impl Walk<'_> {
    /// The zone that has this name, be it the zone itself.
    pub(super) async fn to(self, name: &Name) -> Result<Located, Lost> {
        let mut way: Vec<Name> = name.ancestors().collect();
        way.insert(0, name.clone());
        let mut here = loop {
            let Some(top) = way.pop() else { return Err(Lost::NoParent(name.clone())) };
            match self.resolver.name_servers(self.net, &top).await {
                Ok(servers) => break Located { zone: top, servers, addresses: Vec::new() },
                // A DNS of one's own may begin further down.
                Err(Unresolved::NoSuchName | Unresolved::NoNameServers) => {}
                Err(why) => return Err(Lost::Resolver(top, why)),
            }
        };
        while let Some(next) = way.pop() {
            match self.below(&here, &next).await {
                Some(Below::Zone(found)) => here = found,
                Some(Below::Name) => {}
                Some(Below::Nothing) => break,
                None => return Err(Lost::NoAnswer(here.zone)),
            }
        }
        Ok(here)
    }

    /// This zone, as the world finds it.
    pub(super) async fn zone(self, zone: &Name) -> Result<Located, Lost> {
        let found = self.to(zone).await?;
        if found.zone == *zone { Ok(found) } else { Err(Lost::NotInTheWorld(zone.clone())) }
    }

    /// The addresses of a name server of a zone: those that came with the referral, or what a
    /// resolver knows.
    async fn addresses(self, zone: &Located, server: &Name) -> Addresses {
        let own = glue(&zone.addresses, server);
        let found = if own.is_empty() {
            self.resolver.addresses(self.net, server).await
        } else {
            self.resolver.choose(&own)
        };
        found.unwrap_or_default()
    }

    /// What the first server of a zone that knows says of a name in it.
    async fn below(self, zone: &Located, name: &Name) -> Option<Below> {
        let servers = zone.servers.names.iter().take(SERVERS);
        let mut asked: FuturesUnordered<_> = servers
            .map(|server| {
                async move {
                    let addresses = self.addresses(zone, server).await.asked.into_iter();
                    let each = addresses
                        .map(|address| self.ask(SocketAddr::new(address, self.port), name));
                    join_all(each).await.into_iter().flatten().next()
                }
                .boxed()
            })
            .collect();
        while let Some(found) = asked.next().await {
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
    /// The zone in which a name is, or would be, delegated. No resolver is asked for the name, or
    /// for one above it that may not exist.
    pub async fn parent_of(&self, name: &Name) -> Result<Name, ReferralError> {
        let (net, resolver) = self.outset();
        let above = name.parent().ok_or_else(|| ReferralError::NoParent(name.clone()))?;
        let found = self.walk(&net, &resolver).to(&above).await;
        found.map(|found| found.zone).map_err(|lost| match lost {
            Lost::NoParent(_) => ReferralError::NoParent(name.clone()),
            other => other.into(),
        })
    }

    /// The delegation as the first server of the parent zone that answers describes it, for
    /// [`Verifier::verify_delegation`] to compare the others with.
    pub async fn referral(&self, parent: &Name, name: &Name) -> Result<Expected, ReferralError> {
        let (net, resolver) = self.outset();
        let walk = self.walk(&net, &resolver);
        let zone = walk.zone(parent).await?;
        let servers = zone.servers.names.iter().take(SERVERS);
        let asked = join_all(servers.map(async |server| {
            let addresses = walk.addresses(&zone, server).await.asked.into_iter();
            join_all(
                addresses.map(|address| referred(&net, SocketAddr::new(address, walk.port), name)),
            )
            .await
        }));
        let told = asked.await.into_iter().flatten().flatten().next();
        let Referred { targets, ds, mut glue, by } =
            told.ok_or_else(|| ReferralError::NoAnswer(parent.clone()))?;
        let nobody = || ReferralError::NotDelegated { parent: parent.clone(), name: name.clone() };
        let targets: Vec<String> = targets.names.iter().map(Name::fqdn).collect();
        let servers = NameServers::from_values(&targets).ok_or_else(nobody)?;
        if let Some(server) = by {
            // It has the child zone as well, and gives no glue.
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

    fn outset(&self) -> (Network, Resolver) {
        (self.network(), self.resolver())
    }

    fn walk<'a>(&self, net: &'a Network, resolver: &'a Resolver) -> Walk<'a> {
        Walk { net, resolver, port: self.resolver.map_or(PORT, |resolver| resolver.port()) }
    }
}

/// Where a server of the parent zone refers to.
struct Referred {
    targets: Targets,
    ds: Option<DsRecords>,
    glue: Vec<(Name, IpAddr)>,
    /// The server, if it answers from the child zone.
    by: Option<SocketAddr>,
}

/// What a server of the parent zone tells; `None` if it does not answer for the zone.
async fn referred(net: &Network, server: SocketAddr, name: &Name) -> Option<Referred> {
    let (ns, ds) = (Query::direct(name, Rtype::NS), Query::direct(name, Rtype::DS).signed());
    let (ns, ds) = join(net.ask(server, &ns), net.ask(server, &ds)).await;
    let ns = ns.ok()?;
    let by = (ns.authoritative && !ns.answers.name_servers.is_empty()).then_some(server);
    let targets = match ns.code {
        // A server that has the child zone as well answers from there.
        NOERROR if !ns.answers.name_servers.is_empty() => ns.answers.name_servers,
        NOERROR => ns.authorities.name_servers,
        NXDOMAIN if ns.authoritative => Targets::default(),
        _ => return None,
    };
    // A referral to another zone, upwards for instance, is a server that does not have the parent
    // zone.
    let knows = ns.authoritative || !targets.is_empty();
    let ds = ds.ok().and_then(|answer| answer.answers.ds_records());
    knows.then_some(Referred { targets, ds, glue: ns.addresses, by })
}
