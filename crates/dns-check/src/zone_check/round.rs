//! A round asks the servers of a zone that have not answered as expected.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use domain::base::Rtype;
use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::OnceCell;

use super::{Probes, ServerCheck, ZoneCheck};
use crate::Check;
use crate::address_filter::Addresses;
use crate::finding::{Family, FindingKind, Role, ServerState, Unresolved};
use crate::probe::{ProbeResult, addresses, child, parent};
use crate::query::Query;
use crate::referral::{Lost, Walk};
use crate::resolver::glue;
use crate::response::Targets;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
/// How many name servers of the parent zone are asked; the root and the large top-level domains
/// have 13.
const SERVERS: usize = 32;

/// How many servers of the child zone are asked for the addresses of those in it.
const TELLERS: usize = 2;

/// What a round asks of an address, so that it asks once, however many names lead there.
type Asked = Mutex<BTreeMap<IpAddr, Arc<OnceCell<ProbeResult>>>>;

impl Check<'_> {
    /// Asks the servers of a zone that have not answered as expected, side by side.
    pub(crate) async fn round(&self, check: &mut ZoneCheck, above: Option<&ZoneCheck>) {
        if check.lines.is_empty() {
            self.find_servers(check).await;
        }
        let given: Vec<(Name, IpAddr)> = check
            .glue
            .iter()
            .chain(above.into_iter().flat_map(ZoneCheck::referred))
            .cloned()
            .collect();
        let (role, zone, asked) = (check.role, &check.zone, Asked::default());
        let open =
            check.lines.iter_mut().filter(|line| line.outcome.is_none() || line.is_transient(role));
        let open = open.map(|line| {
            let (given, asked) = (&given, &asked);
            async move {
                let of_server = async {
                    let addresses = self.addresses(role, zone, &line.server, given).await?;
                    Ok(self.ask(role, zone, addresses, asked).await)
                };
                line.outcome = Some(of_server.await);
            }
            .boxed()
        });
        side_by_side(open.collect()).await;
        if role == Role::Child {
            self.ask_for_addresses(check, &given, &asked).await;
        }
    }

    /// The name servers of the parent zone, as the world finds them.
    async fn find_servers(&self, check: &mut ZoneCheck) {
        let walk = Walk { net: &self.net, resolver: &self.resolver, port: self.port };
        match walk.zone(&check.zone).await {
            Ok(found) => {
                check.unresolved = None;
                let elsewhere =
                    check.written.as_ref().and_then(|written| elsewhere(&found.servers, written));
                let count = found.servers.names.len();
                check.asked = elsewhere.into_iter().collect();
                check.asked.extend((count > SERVERS).then_some(FindingKind::TooMany(count)));
                check.lines =
                    found.servers.names.iter().take(SERVERS).map(ServerCheck::new).collect();
                check.glue = found.addresses;
            }
            Err(error) => {
                check.unresolved = Some(match error {
                    Lost::Resolver(_, why) => FindingKind::Unresolved(why),
                    Lost::NoAnswer(zone) => FindingKind::NobodyAbove(zone),
                    Lost::NoParent(_) | Lost::NotInTheWorld(_) => {
                        FindingKind::Unresolved(Unresolved::NoSuchName)
                    }
                });
            }
        }
    }

    /// Asks at each of these addresses that the round has not asked yet.
    async fn ask(&self, role: Role, zone: &Name, addresses: Addresses, asked: &Asked) -> Probes {
        let Addresses { asked: all, has_private, missing } = addresses;
        let mut heard: Vec<(IpAddr, ProbeResult)> =
            all.into_iter().map(|address| (address, ProbeResult::Silent)).collect();
        let each = heard.iter_mut().map(|(address, heard)| {
            let cell = Arc::clone(
                asked.lock().unwrap_or_else(PoisonError::into_inner).entry(*address).or_default(),
            );
            async move {
                let at = SocketAddr::new(*address, self.port);
                let of_role = async || match role {
                    Role::Child => child(&self.net, at, self.expected, self.thorough).await,
                    Role::Parent => parent(&self.net, at, zone, self.expected).await,
                };
                *heard = cell.get_or_init(of_role).await.clone();
            }
            .boxed()
        });
        side_by_side(each.collect()).await;
        Probes { heard, has_private, missing }
    }

    async fn addresses(
        &self,
        role: Role,
        zone: &Name,
        server: &Name,
        given: &[(Name, IpAddr)],
    ) -> Result<Addresses, Unresolved> {
        let own = if server.is_at_or_below(zone) { glue(given, server) } else { Vec::new() };
        if !own.is_empty() {
            return self.resolver.choose(&self.net, &own).await;
        }
        // To ask a resolver for it would be to ask for a name below the cut.
        if server.is_at_or_below(&self.expected.name) {
            return Err(Unresolved::NoGlue);
        }
        let found = self.resolver.addresses(&self.net, server).await;
        match found {
            Err(Unresolved::NoSuchName) if role == Role::Child => {
                Err(self.free_domain(server).await)
            }
            found => found,
        }
    }

    /// The highest name above a server's that does not exist either.
    async fn free_domain(&self, server: &Name) -> Unresolved {
        let mut free = None;
        // Neither a top-level domain nor what is at or above the cut is for anybody to register.
        let above = server.ancestors().filter(|name| name.parent().is_some());
        for name in above.take_while(|name| !self.expected.name.is_at_or_below(name)) {
            match self.resolver.name_servers(&self.net, &name).await {
                Err(Unresolved::NoSuchName) => free = Some(name),
                _ => break,
            }
        }
        free.filter(is_registered).map_or(Unresolved::NoSuchName, Unresolved::FreeDomain)
    }

    /// Asks the child's servers for the addresses of those in it, and those at addresses that
    /// nobody else has told.
    async fn ask_for_addresses(
        &self,
        check: &mut ZoneCheck,
        given: &[(Name, IpAddr)],
        asked: &Asked,
    ) {
        let inside = |line: &&mut ServerCheck| line.server.is_at_or_below(&self.expected.name);
        let tellers: Vec<IpAddr> = {
            let heard = check.lines.iter().flat_map(ServerCheck::heard);
            let serving = heard.filter(|(_, heard)| {
                let lame = |kind: &FindingKind| kind.state() == ServerState::Lame;
                heard.answers().is_some_and(|answers| !answers.findings.iter().any(lame))
            });
            serving
                .map(|(address, _)| *address)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .take(TELLERS)
                .collect()
        };
        let open: Vec<&mut ServerCheck> = check.lines.iter_mut().filter(inside).collect();
        let told = join_all(open.into_iter().map(async |line| {
            let at = tellers.iter().map(|address| SocketAddr::new(*address, self.port));
            let told = join_all(at.map(|at| addresses(&self.net, at, &line.server))).await;
            let own: BTreeSet<IpAddr> = told.iter().flatten().flatten().copied().collect();
            let known: BTreeSet<IpAddr> = glue(given, &line.server).into_iter().collect();
            let more: Vec<IpAddr> = own.difference(&known).copied().collect();
            let more = self.resolver.choose(&self.net, &more).await;
            if let (Ok(more), Some(Ok(probes))) = (more, &mut line.outcome) {
                let more = self.ask(Role::Child, &self.expected.name, more, asked).await;
                probes.heard.extend(more.heard);
                probes.has_private |= more.has_private;
            }
            told.iter()
                .any(Option::is_some)
                .then(|| (line.server.clone(), own.into_iter().collect::<Vec<_>>()))
        }))
        .await;
        check.own = told.into_iter().flatten().collect();
    }

    /// Finds out, where nothing was heard over a family, whether anything can be: the servers of
    /// the root are asked.
    pub(crate) async fn try_egress(&self, family: Family) {
        let memory = &self.net.memory;
        let cell = if family == Family::V4 { &memory.tried_v4 } else { &memory.tried_v6 };
        let ask = async || {
            let Ok(servers) = self.resolver.root_servers(&self.net).await else { return };
            join_all(servers.names.iter().take(TELLERS).map(async |server| {
                let addresses =
                    self.resolver.addresses(&self.net, server).await.unwrap_or_default();
                let address =
                    addresses.asked.into_iter().find(|address| Family::of(*address) == family);
                if let Some(address) = address {
                    let question = Query::for_root(Rtype::SOA);
                    let _ = self.net.ask(SocketAddr::new(address, self.port), &question).await;
                }
            }))
            .await;
        };
        cell.get_or_init(ask).await;
    }
}

/// Whether names of this form are given out by a registry: directly below a top-level domain, or
/// below a domain such as `co.uk`.
fn is_registered(name: &Name) -> bool {
    match name.labels().collect::<Vec<_>>().as_slice() {
        [_, _] => true,
        [_, second, top] => top.len() == 2 && second.len() <= 3,
        _ => false,
    }
}

/// Whether the world asks others than the name servers of the zone that was written.
fn elsewhere(asked: &Targets, written: &NameServers) -> Option<FindingKind> {
    let others: BTreeSet<Name> = asked
        .names
        .iter()
        .filter(|name| !written.iter().any(|own| own == *name))
        .cloned()
        .collect();
    let nobody = others.len() == asked.names.len();
    let others = Targets { names: others, ..asked.clone() };
    match others.is_empty() {
        true => None,
        false if nobody => Some(FindingKind::AnotherZone(others.cut())),
        false => Some(FindingKind::MoreServers(others.cut())),
    }
}

/// Waits for all of them. In boxes, of one type: the code that drives them is in the package once.
async fn side_by_side(mut futures: FuturesUnordered<BoxFuture<'_, ()>>) {
    while futures.next().await.is_some() {}
}
