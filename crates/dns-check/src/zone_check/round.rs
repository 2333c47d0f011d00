//! One round of queries to the name servers of a zone that have not answered as expected yet.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use domain::base::Rtype;
use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::OnceCell;

use super::{Probes, SERVERS, ServerCheck, ZoneCheck};
use crate::Check;
use crate::address_filter::Addresses;
use crate::finding::{Family, FindingKind, Role, Severity, Unresolved};
use crate::probe::{Answers, ProbeResult, addresses, child, parent};
use crate::query::Query;
use crate::referral::{Lost, Walk};
use crate::resolver::glue_of;
use crate::response::Targets;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;

/// How many servers of the child zone are queried for the addresses of name servers in that zone,
/// and how many root servers to find out whether there is a route at all.
const SOURCES: usize = 2;

/// How many addresses of a name server that are not in the glue are kept, for a finding.
const OTHERS: usize = 4;

/// The results of a round by address. Several name servers may share an address, which is queried
/// once.
type Queried = Mutex<BTreeMap<IpAddr, Arc<OnceCell<ProbeResult>>>>;

impl Check<'_> {
    /// Concurrently queries the servers of a zone that have not answered as expected. `above` is
    /// the check of the parent zone, if that was queried first.
    pub(crate) async fn round(&self, check: &mut ZoneCheck, above: Option<&ZoneCheck>) {
        if check.servers.is_empty() {
            self.find_servers(check).await;
        }
        let glue: Vec<(Name, IpAddr)> = check
            .glue
            .iter()
            .chain(above.into_iter().flat_map(ZoneCheck::referred))
            .cloned()
            .collect();
        let (role, zone, queried) = (check.role, &check.zone, Queried::default());
        let open = check
            .servers
            .iter_mut()
            .filter(|server| server.outcome.is_none() || server.is_transient(role));
        let open = open.map(|server| {
            let (glue, queried) = (&glue, &queried);
            async move {
                let probes = async {
                    let addresses = self.addresses(role, zone, &server.name, glue).await?;
                    Ok(self.probe(role, zone, addresses, queried).await)
                };
                server.outcome = Some(probes.await);
            }
            .boxed()
        });
        all(open.collect()).await;
        if role == Role::Child {
            self.compare_addresses(check, &glue, &queried).await;
        }
    }

    /// Finds the name servers of the parent zone as resolvers do.
    async fn find_servers(&self, check: &mut ZoneCheck) {
        let walk = Walk { net: &self.net, resolver: &self.resolver, port: self.port };
        match walk.zone(&check.zone).await {
            Ok(found) => {
                check.unresolved = None;
                let elsewhere = check
                    .of_changed_zone
                    .as_ref()
                    .and_then(|changed| elsewhere(&found.servers, changed));
                let count = found.servers.names.len();
                check.of_set = elsewhere.into_iter().collect();
                check.of_set.extend((count > SERVERS).then_some(FindingKind::TooMany(count)));
                check.servers =
                    found.servers.names.iter().take(SERVERS).map(ServerCheck::new).collect();
                check.glue = found.addresses;
            }
            Err(error) => {
                check.unresolved = Some(match error {
                    Lost::Resolver(_, why) => FindingKind::Unresolved(why),
                    Lost::NoAnswer(zone) => FindingKind::NoAnswerAbove(zone),
                    Lost::NoParent(_) | Lost::NotInTheWorld(_) => {
                        FindingKind::Unresolved(Unresolved::NoSuchName)
                    }
                });
            }
        }
    }

    /// Queries each of these addresses, unless this round has queried it already.
    async fn probe(
        &self,
        role: Role,
        zone: &Name,
        addresses: Addresses,
        queried: &Queried,
    ) -> Probes {
        let Addresses { chosen, has_private, has_more, missing } = addresses;
        let mut results: Vec<(IpAddr, ProbeResult)> =
            chosen.into_iter().map(|address| (address, ProbeResult::Silent)).collect();
        let each = results.iter_mut().map(|(address, result)| {
            let cell = Arc::clone(
                queried.lock().unwrap_or_else(PoisonError::into_inner).entry(*address).or_default(),
            );
            async move {
                let at = SocketAddr::new(*address, self.port);
                let of_role = async || {
                    // The semaphore is never closed.
                    let _permit = self.net.probes.acquire().await;
                    // A probe takes memory only while it is made.
                    match role {
                        Role::Child => {
                            Box::pin(child(&self.net, at, self.expected, self.thorough)).await
                        }
                        Role::Parent => Box::pin(parent(&self.net, at, zone, self.expected)).await,
                    }
                };
                *result = cell.get_or_init(of_role).await.clone();
            }
            .boxed()
        });
        all(each.collect()).await;
        Probes { results, has_private, has_more, missing }
    }

    /// The addresses of a name server to query: from the glue if it is in the zone, else from the
    /// resolver.
    async fn addresses(
        &self,
        role: Role,
        zone: &Name,
        server: &Name,
        glue: &[(Name, IpAddr)],
    ) -> Result<Addresses, Unresolved> {
        let own = if server.is_at_or_below(zone) { glue_of(glue, server) } else { Vec::new() };
        if !own.is_empty() {
            return self.resolver.choose(&self.net, &own).await;
        }
        // A resolver is never asked for a name at or below the cut.
        if server.is_at_or_below(&self.expected.name) {
            return Err(Unresolved::NoGlue);
        }
        let found = self.resolver.addresses(&self.net, server).await;
        match found {
            Err(Unresolved::NoSuchName) if role == Role::Child => {
                Err(self.free_domain(server).await.unwrap_or(Unresolved::NoSuchName))
            }
            // Some resolvers follow the alias, although they should not.
            Err(Unresolved::NoSuchTarget(target)) if role == Role::Child => {
                let free = self.free_domain(&target).await;
                Err(free.unwrap_or(Unresolved::NoSuchTarget(target)))
            }
            found => found,
        }
    }

    /// For a name that does not exist, of a name server or of what it is an alias of: the highest
    /// domain that does not exist either, if it can be registered, or one of which that is unknown.
    async fn free_domain(&self, server: &Name) -> Option<Unresolved> {
        // The owner of the parent zone controls the domains at or above the cut.
        let is_of_others = |name: &Name| !self.expected.name.is_at_or_below(name);
        if is_below_a_top_level_domain(server) && is_of_others(server) {
            return Some(Unresolved::FreeDomain(server.clone()));
        }
        let mut domains: Vec<Name> =
            server.ancestors().filter(|name| is_registrable(name) && is_of_others(name)).collect();
        let mut unknown = None;
        while let Some(domain) = domains.pop() {
            match self.resolver.find_zone(&self.net, &domain).await {
                Err(Unresolved::NoSuchName) => return Some(Unresolved::FreeDomain(domain)),
                Err(why) if why.severity() == Severity::Unknown => {
                    unknown = Some(Unresolved::UnknownDomain(domain));
                }
                _ => {}
            }
        }
        unknown
    }

    /// Asks the child's servers for the addresses of name servers in the child zone, and probes the
    /// addresses that are not in the glue.
    async fn compare_addresses(
        &self,
        check: &mut ZoneCheck,
        glue: &[(Name, IpAddr)],
        queried: &Queried,
    ) {
        let inside = |server: &&mut ServerCheck| server.name.is_at_or_below(&self.expected.name);
        let sources: Vec<IpAddr> = {
            let results = check.servers.iter().flat_map(ServerCheck::results);
            let serving =
                results.filter(|(_, result)| result.answers().is_some_and(Answers::serves));
            serving
                .map(|(address, _)| *address)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .take(SOURCES)
                .collect()
        };
        let open: Vec<&mut ServerCheck> = check.servers.iter_mut().filter(inside).collect();
        let own_addresses = join_all(open.into_iter().map(async |server| {
            let (own, mut others) = self.own_addresses(&sources, glue, &server.name).await?;
            let more = self.resolver.choose(&self.net, &others).await;
            others.truncate(OTHERS);
            match (more, &mut server.outcome) {
                (Ok(more), Some(Ok(probes))) => {
                    let more = self.probe(Role::Child, &self.expected.name, more, queried).await;
                    probes.results.extend(more.results);
                    probes.has_private |= more.has_private;
                    probes.has_more |= more.has_more;
                    probes.missing = probes.missing.take().or(more.missing);
                }
                // The NAT64 prefix is unknown.
                (Err(why), Some(Ok(probes))) if why.severity() == Severity::Unknown => {
                    probes.missing = probes.missing.take().or(Some(why));
                }
                _ => {}
            }
            Some((server.name.clone(), own.into_iter().chain(others).collect::<Vec<_>>()))
        }))
        .await;
        check.own = own_addresses.into_iter().flatten().collect();
    }

    /// The addresses that these servers of the child zone have for a name server in it: those in
    /// the glue, and the others. `None` if none of them answers.
    async fn own_addresses(
        &self,
        sources: &[IpAddr],
        glue: &[(Name, IpAddr)],
        server: &Name,
    ) -> Option<(Vec<IpAddr>, Vec<IpAddr>)> {
        // The responses may have hundreds of addresses. The semaphore is never closed.
        let _permit = self.net.probes.acquire().await;
        let at = sources.iter().map(|address| SocketAddr::new(*address, self.port));
        let answers = join_all(at.map(|at| addresses(&self.net, at, server))).await;
        if answers.iter().all(Option::is_none) {
            return None;
        }
        let own: BTreeSet<IpAddr> = answers.into_iter().flatten().flatten().collect();
        let known: BTreeSet<IpAddr> = glue_of(glue, server).into_iter().collect();
        Some(own.into_iter().partition(|address| known.contains(address)))
    }

    /// Queries root servers over an address family over which no server has responded, to find out
    /// whether the network is the cause.
    pub(crate) async fn try_egress(&self, family: Family) {
        let memory = &self.net.memory;
        let cell = if family == Family::V4 { &memory.tried_v4 } else { &memory.tried_v6 };
        let query = async || {
            let Ok(servers) = self.resolver.root_servers(&self.net).await else { return };
            join_all(servers.names.iter().take(SOURCES).map(async |server| {
                let addresses =
                    self.resolver.addresses(&self.net, server).await.unwrap_or_default();
                let address =
                    addresses.chosen.into_iter().find(|address| Family::from(*address) == family);
                if let Some(address) = address {
                    let question = Query::for_root(Rtype::SOA);
                    let _ = self.net.ask(SocketAddr::new(address, self.port), &question).await;
                }
            }))
            .await;
        };
        cell.get_or_init(query).await;
    }
}

/// True if a registry may assign names of this form: directly below a top-level domain, or below a
/// domain such as `co.uk`.
fn is_registrable(name: &Name) -> bool {
    match name.labels().collect::<Vec<_>>().as_slice() {
        [_, second, top] => top.len() == 2 && second.len() <= 3,
        _ => is_below_a_top_level_domain(name),
    }
}

fn is_below_a_top_level_domain(name: &Name) -> bool {
    name.labels().count() == 2
}

/// The finding if resolvers query other name servers than those of the zone that was changed.
fn elsewhere(queried: &Targets, changed: &NameServers) -> Option<FindingKind> {
    let others: BTreeSet<Name> = queried
        .names
        .iter()
        .filter(|name| !changed.iter().any(|own| own == *name))
        .cloned()
        .collect();
    let none_in_common = others.len() == queried.names.len();
    let others = Targets { names: others, root: queried.root };
    match others.is_empty() {
        true => None,
        false if none_in_common => Some(FindingKind::AnotherZone(others.into())),
        false => Some(FindingKind::MoreServers(others.into())),
    }
}

/// Waits for all futures. They are boxed, and so of one type, to have this code in the binary once.
async fn all(mut futures: FuturesUnordered<BoxFuture<'_, ()>>) {
    while futures.next().await.is_some() {}
}
