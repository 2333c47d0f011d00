//! The servers of one zone and what came of asking them, over several rounds.

mod round;
use super::finding::{Family, Finding, FindingKind, Role, ServerState, Severity, Unresolved};
use super::network::Network;
use super::probe::{Answers, ProbeResult};
use super::report::{Address, Chain, Report, Server};
use super::resolver::glue;
use super::{Check, Expected, ParentZone};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

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
