//! What the world is told of a delegation: where the servers of its parent zone refer to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use futures_util::future::{join, join_all};
use hickory_proto::rr::RecordType;

use super::finding::Unresolved;
use super::network::Network;
use super::query::{NOERROR, NXDOMAIN, Query};
use super::resolver::Resolver;
use super::response::Targets;
use super::{Expected, PORT, Verifier};
use delegation_model::ds::DsRecords;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;

/// How many servers of the parent zone are asked; one that answers is enough.
const SERVERS: usize = 4;

/// Why it is not known where a name is delegated to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferralError {
    /// The resolver knows no zone above the name; the root is not looked at.
    NoParent(Name),
    /// No resolver answers.
    NoResolver,
    /// None of the parent zone's servers that were asked answers for it.
    NoAnswer(Name),
    /// The parent zone does not delegate the name.
    NotDelegated {
        /// The parent zone.
        parent: Name,
        /// The name.
        name: Name,
    },
}

impl fmt::Display for ReferralError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoParent(name) => {
                write!(f, "the resolver knows no zone above {name}, the root aside; correct the name")
            }
            Self::NoResolver => f.write_str("no resolver answers; name one that can be reached from here"),
            Self::NoAnswer(parent) => write!(
                f,
                "no name server of {parent} answers for that zone from here; let DNS queries out (port 53, UDP and TCP), or try \
                 again"
            ),
            Self::NotDelegated { parent, name } => {
                write!(f, "{name} is not delegated: the name servers of {parent} refer to nobody for it")
            }
        }
    }
}

impl std::error::Error for ReferralError {}

impl Verifier {
    /// The zone in which a name is, or would be, delegated, by what the resolver says. The name itself is not asked for.
    pub async fn parent_of(&self, name: &Name) -> Result<Name, ReferralError> {
        let (net, resolver) = self.outset();
        for above in name.ancestors() {
            match resolver.name_servers(&net, &above).await {
                Ok(_) => return Ok(above),
                Err(Unresolved::NoSuchName | Unresolved::NoNameServers) => {}
                Err(Unresolved::Silent) => return Err(ReferralError::NoResolver),
                // There is a zone, or none: the resolver did not find out.
                Err(_) => return Err(ReferralError::NoAnswer(above)),
            }
        }
        Err(ReferralError::NoParent(name.clone()))
    }

    /// The delegation as the first server of the parent zone that answers describes it, for [`Verifier::verify_delegation`] to compare
    /// the others with.
    ///
    /// The addresses of name servers below the name are the resolver's: where a name is delegated, asking for them does no harm.
    pub async fn referral(&self, parent: &Name, name: &Name) -> Result<Expected, ReferralError> {
        let (net, resolver) = self.outset();
        let port = self.resolver.map_or(PORT, |resolver| resolver.port());
        let servers = match resolver.name_servers(&net, parent).await {
            Ok(servers) => servers.names,
            Err(Unresolved::Silent) => return Err(ReferralError::NoResolver),
            Err(_) => return Err(ReferralError::NoAnswer(parent.clone())),
        };
        let asked = join_all(servers.iter().take(SERVERS).map(async |server| {
            let addresses = resolver.addresses(&net, server).await.unwrap_or_default();
            join_all(addresses.asked.into_iter().map(|address| ask(&net, SocketAddr::new(address, port), name))).await
        }));
        let told = asked.await.into_iter().flatten().flatten().next();
        let (targets, ds) = told.ok_or_else(|| ReferralError::NoAnswer(parent.clone()))?;
        let nobody = || ReferralError::NotDelegated { parent: parent.clone(), name: name.clone() };
        let targets: Vec<String> = targets.names.iter().map(Name::fqdn).collect();
        let servers = NameServers::found(&targets).ok_or_else(nobody)?;
        let glue = self.glue(name, &servers).await;
        Ok(Expected { name: name.clone(), name_servers: servers, ds, check_ds: true, glue })
    }

    /// The addresses of those name servers that lie at or below the name, by what the resolver says; for a name that is delegated.
    pub async fn glue(&self, name: &Name, servers: &NameServers) -> Vec<(Name, IpAddr)> {
        let (net, resolver) = self.outset();
        let inside = servers.iter().filter(|server| server.is_at_or_below(name));
        let found = join_all(inside.map(async |server| {
            let addresses = resolver.all_addresses(&net, server).await.unwrap_or_default();
            addresses.into_iter().map(|address| (server.clone(), address)).collect::<Vec<_>>()
        }));
        found.await.into_iter().flatten().collect()
    }

    fn outset(&self) -> (Network, Resolver) {
        (self.network(), self.resolver.map_or_else(Resolver::system, Resolver::at))
    }
}

/// Where a server of the parent zone refers to, and the DS records that it has; `None` if it does not answer for the zone.
async fn ask(net: &Network, server: SocketAddr, name: &Name) -> Option<(Targets, Option<DsRecords>)> {
    let (ns, ds) = (Query::direct(name, RecordType::NS), Query::direct(name, RecordType::DS).signed());
    let (ns, ds) = join(net.ask(server, &ns), net.ask(server, &ds)).await;
    let ns = ns.ok()?;
    let targets = match ns.code {
        // A server that has the child zone as well answers from there.
        NOERROR if ns.authoritative => ns.answers.name_servers,
        NOERROR => ns.authorities.name_servers,
        NXDOMAIN if ns.authoritative => Targets::default(),
        _ => return None,
    };
    // A referral to another zone, upwards for instance, is a server that does not have the parent zone.
    let knows = ns.authoritative || !targets.is_empty();
    knows.then(|| (targets, ds.ok().and_then(|answer| answer.answers.ds_records())))
}
