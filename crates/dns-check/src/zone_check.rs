//! The servers of one zone and what came of asking them, over several rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::OnceCell;

use super::address_filter::Addresses;
use super::finding::{
    Address, Chain, Family, Finding, FindingKind, Report, Role, Server, ServerState, Severity,
    Unresolved,
};
use super::network::Network;
use super::probe::{Answers, ProbeResult, addresses, child, parent};
use super::referral::{Lost, Walk};
use super::resolver::glue;
use super::response::Targets;
use super::{Check, Expected, ParentZone};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;

/// How many name servers of the parent zone are asked; the root and the large top-level domains
/// have 13.
const SERVERS: usize = 32;

/// How many servers of the child zone are asked for the addresses of those in it.
const TELLERS: usize = 2;

/// The servers of one zone.
#[derive(Debug)]
pub(super) struct ZoneCheck {
    role: Role,
    zone: Name,
    /// Why the zone's servers are not known.
    unresolved: Option<FindingKind>,
    /// The name servers of the zone that was written.
    written: Option<NameServers>,
    /// What is to be said of the name servers that the world asks, as a set.
    asked: Vec<FindingKind>,
    /// The addresses that the zone above gives for the servers in the zone.
    glue: Vec<(Name, IpAddr)>,
    /// The addresses that the zone itself has for them, where it told.
    own: BTreeMap<Name, Vec<IpAddr>>,
    lines: Vec<ServerCheck>,
}

/// One server.
#[derive(Debug)]
struct ServerCheck {
    server: Name,
    /// What came of it; `None` before it was asked.
    outcome: Option<Result<Probes, Unresolved>>,
    /// What is wrong with that.
    findings: Vec<Finding>,
}

/// A server that has addresses.
#[derive(Debug)]
struct Probes {
    heard: Vec<(IpAddr, ProbeResult)>,
    /// Whether it has other addresses, which the internet can't reach.
    has_private: bool,
    /// Why it may have other addresses, which are not known.
    missing: Option<Unresolved>,
}

/// What a round asks of an address, so that it asks once, however many names lead there.
type Asked = Mutex<BTreeMap<IpAddr, Arc<OnceCell<ProbeResult>>>>;

impl ServerCheck {
    fn new(server: &Name) -> Self {
        Self { server: server.clone(), outcome: None, findings: Vec::new() }
    }
}

impl ZoneCheck {
    fn new(role: Role, zone: &Name) -> Self {
        let zone = zone.clone();
        let (unresolved, written, asked, glue, own, lines) = Default::default();
        Self { role, zone, unresolved, written, asked, glue, own, lines }
    }

    /// The wanted name servers of the child zone.
    pub(super) fn child(expected: &Expected) -> Self {
        let lines = expected.name_servers.iter().map(ServerCheck::new).collect();
        Self { glue: expected.glue.clone(), lines, ..Self::new(Role::Child, &expected.name) }
    }

    /// The name servers of the parent zone, not yet known.
    pub(super) fn parent(zone: &ParentZone) -> Self {
        Self {
            unresolved: Some(FindingKind::Late),
            written: zone.name_servers.clone(),
            ..Self::new(Role::Parent, &zone.name)
        }
    }

    /// True if something may be otherwise when asked again.
    pub(super) fn is_transient(&self) -> bool {
        self.unresolved.as_ref().is_some_and(|kind| kind.is_transient(self.role))
            || self.lines.iter().any(|line| line.is_transient(self.role))
    }

    /// Concludes from a round what is wrong; `net` knows which addresses can be reached at all.
    pub(super) fn conclude(&mut self, net: &Network, above: Option<&Self>) {
        let glue: Vec<(Name, Vec<FindingKind>)> = self
            .lines
            .iter()
            .map(|line| (line.server.clone(), self.of_glue(&line.server, above)))
            .collect();
        for (line, (_, of_glue)) in self.lines.iter_mut().zip(glue) {
            line.findings = line.find_problems(self.role, net);
            let more: Vec<Finding> =
                of_glue.into_iter().map(|kind| line.finding(self.role, Vec::new(), kind)).collect();
            line.findings.extend(more);
        }
    }

    /// The addresses that the parent zone gives for servers at and below the cut: by what was
    /// written, and by what its servers answer.
    fn referred(&self) -> impl Iterator<Item = &(Name, IpAddr)> {
        self.lines
            .iter()
            .flat_map(ServerCheck::answers)
            .filter_map(|answers| answers.glue.as_ref())
            .flatten()
    }

    /// What is wrong with the addresses that the parent zone gives for a server in the child zone.
    fn of_glue(&self, server: &Name, above: Option<&Self>) -> Vec<FindingKind> {
        if self.role == Role::Parent || !server.is_at_or_below(&self.zone) {
            return Vec::new();
        }
        let mut found = Vec::new();
        let (mut without, mut given) = (Vec::new(), BTreeSet::new());
        for line in above.iter().flat_map(|above| &above.lines) {
            for answers in line.answers().filter_map(|answers| answers.glue.as_ref()) {
                let own = glue(answers, server);
                if own.is_empty() && !without.contains(&line.server) {
                    without.push(line.server.clone());
                }
                given.extend(own);
            }
        }
        if above.is_none() {
            given.extend(glue(&self.glue, server));
        }
        // Without any, the server could not be asked, and that is what is said.
        let is_known = !given.is_empty();
        if is_known && !without.is_empty() {
            found.push(FindingKind::MissingGlue(without));
        }
        if let Some(own) = self.own.get(server).filter(|_| is_known) {
            let stale: Vec<IpAddr> =
                given.iter().filter(|address| !own.contains(address)).copied().collect();
            let short: Vec<IpAddr> =
                own.iter().filter(|address| !given.contains(address)).copied().collect();
            match (own.is_empty(), stale.is_empty(), short.is_empty()) {
                (true, ..) => found.push(FindingKind::NoOwnAddress),
                (_, false, _) => found.push(FindingKind::StaleGlue(stale)),
                (_, _, false) => found.push(FindingKind::ShortGlue(short)),
                _ => {}
            }
        }
        found
    }

    fn findings(&self) -> impl Iterator<Item = Finding> {
        let of_zone = self.unresolved.iter().chain(&self.asked).map(|kind| Finding {
            server: self.zone.clone(),
            addresses: Vec::new(),
            role: Role::Child,
            kind: kind.clone(),
        });
        let of_servers = || self.lines.iter().flat_map(|line| &line.findings);
        // What is so at each server that tells is said once.
        let of_all = of_servers()
            .find(|finding| finding.kind.is_of_zone())
            .map(|finding| finding.kind.clone());
        let of_all =
            of_all.into_iter().chain(self.serials().map(FindingKind::Serials)).map(|kind| {
                Finding {
                    server: self.zone.clone(),
                    addresses: Vec::new(),
                    role: Role::Child,
                    kind,
                }
            });
        of_zone
            .chain(of_servers().filter(|finding| !finding.kind.is_of_zone()).cloned())
            .chain(of_all)
    }

    /// The serial numbers, if they differ.
    fn serials(&self) -> Option<Vec<u32>> {
        let serials: BTreeSet<u32> = self
            .lines
            .iter()
            .flat_map(ServerCheck::answers)
            .filter_map(|answers| answers.serial)
            .collect();
        (serials.len() > 1).then(|| serials.into_iter().collect())
    }

    /// What came of asking each server.
    fn servers(&self) -> Vec<Server> {
        let server = |line: &ServerCheck| Server {
            name: line.server.clone(),
            state: line.state(),
            addresses: line
                .heard()
                .iter()
                .map(|(address, heard)| {
                    let serial = heard.answers().and_then(|answers| answers.serial);
                    Address { address: *address, serial }
                })
                .collect(),
        };
        self.lines.iter().map(server).collect()
    }

    /// True if some server over IPv4, or the resolver, was asked in vain.
    fn has_silence(&self) -> bool {
        let is_silent = |kind: &FindingKind| {
            matches!(
                kind,
                FindingKind::Unresolved(Unresolved::Silent)
                    | FindingKind::NobodyAbove(_)
                    | FindingKind::Silent
                    | FindingKind::Unheard(Family::V4)
                    | FindingKind::NoRoute(Family::V4)
            )
        };
        self.unresolved.iter().any(is_silent)
            || self
                .lines
                .iter()
                .flat_map(|line| &line.findings)
                .any(|finding| is_silent(&finding.kind))
    }
}

impl ServerCheck {
    fn is_transient(&self, role: Role) -> bool {
        self.findings.iter().any(|finding| finding.kind.is_transient(role))
    }

    fn finding(&self, role: Role, addresses: Vec<IpAddr>, kind: FindingKind) -> Finding {
        Finding { server: self.server.clone(), addresses, role, kind }
    }

    fn find_problems(&self, role: Role, net: &Network) -> Vec<Finding> {
        let finding = |addresses, kind| self.finding(role, addresses, kind);
        let asked = match &self.outcome {
            None => return vec![finding(Vec::new(), FindingKind::Late)],
            Some(Err(why)) => {
                return vec![finding(Vec::new(), FindingKind::Unresolved(why.clone()))];
            }
            Some(Ok(asked)) => asked,
        };
        let mut findings: Vec<Finding> = Vec::new();
        if asked.has_private {
            findings.push(finding(Vec::new(), FindingKind::Unresolved(Unresolved::Private)));
        }
        if let Some(why) = &asked.missing {
            findings.push(finding(Vec::new(), FindingKind::MoreAddresses(why.clone())));
        }
        let answers = self.answers().next().is_some();
        for (address, heard) in &asked.heard {
            let family = Family::of(*address);
            let kinds = match heard {
                ProbeResult::Answers(answers) => answers.findings.clone(),
                ProbeResult::Silent if net.has_heard_family(*address) => vec![FindingKind::Silent],
                // Where it answers over the other family, that is enough to know.
                ProbeResult::Silent | ProbeResult::NoRoute if answers => Vec::new(),
                ProbeResult::Silent => vec![FindingKind::Unheard(family)],
                ProbeResult::NoRoute => vec![FindingKind::NoRoute(family)],
                ProbeResult::Spent => vec![FindingKind::Spent],
            };
            for kind in kinds {
                match findings.iter_mut().find(|finding| finding.kind == kind) {
                    Some(finding) => finding.addresses.push(*address),
                    None => findings.push(finding(vec![*address], kind)),
                }
            }
        }
        findings
    }

    /// True if resolvers that validate would refuse the zone as it is at one of the addresses.
    fn breaks_the_chain(&self) -> bool {
        self.answers().any(|answers| answers.is_secure == Some(false))
    }

    /// True if it serves the zone, and with keys to which one of the DS records leads.
    fn is_secure(&self) -> bool {
        self.state() == ServerState::Serves
            && self.answers().any(|answers| answers.is_secure == Some(true))
    }

    fn heard(&self) -> &[(IpAddr, ProbeResult)] {
        match &self.outcome {
            Some(Ok(asked)) => &asked.heard,
            _ => &[],
        }
    }

    /// What it answered, at each of its addresses.
    fn answers(&self) -> impl Iterator<Item = &Answers> {
        self.heard().iter().filter_map(|(_, heard)| heard.answers())
    }

    /// What the server is to its zone.
    fn state(&self) -> ServerState {
        match &self.outcome {
            None => return ServerState::Unknown,
            Some(Err(why)) => return why.state(),
            Some(Ok(_)) => {}
        }
        let states = || self.findings.iter().filter(|finding| !finding.addresses.is_empty());
        let has = |state| states().any(|finding| finding.kind.state() == state);
        match self.answers().next() {
            _ if has(ServerState::Lame) => ServerState::Lame,
            Some(_) => ServerState::Serves,
            None if has(ServerState::Silent) => ServerState::Silent,
            None => ServerState::Unknown,
        }
    }
}

impl Check<'_> {
    /// Asks the servers of a zone that have not answered as expected, side by side.
    pub(super) async fn round(&self, check: &mut ZoneCheck, above: Option<&ZoneCheck>) {
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
            return self.resolver.choose(&own);
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
            if let (Ok(more), Some(Ok(probes))) = (self.resolver.choose(&more), &mut line.outcome) {
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
    pub(super) async fn try_egress(&self, family: Family) {
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
                    let question = super::query::Query::of_root(domain::base::Rtype::SOA);
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

/// What the checks say.
pub(super) fn report(check: &Check<'_>, child: &ZoneCheck, parent: Option<&ZoneCheck>) -> Report {
    let checks = || [Some(child), parent].into_iter().flatten();
    let mut findings: Vec<Finding> = checks().flat_map(ZoneCheck::findings).collect();
    // What is wrong comes first.
    findings.sort_by_key(|finding| finding.severity() != Severity::Problem);
    Report {
        name: check.expected.name.clone(),
        parent: parent.map(|check| check.zone.clone()),
        servers: child.servers(),
        parent_servers: parent.map(ZoneCheck::servers).unwrap_or_default(),
        findings,
        chain: check.expected.ds.as_ref().map(|_| Chain {
            bogus: child.lines.iter().any(ServerCheck::breaks_the_chain),
            is_secure: child.lines.iter().any(ServerCheck::is_secure),
        }),
        no_egress: !check.net.has_heard_any() && checks().any(ZoneCheck::has_silence),
    }
}
