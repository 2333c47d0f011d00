//! The name servers of one zone, and the results of querying them in one or several rounds.

mod round;

use super::finding::{Family, Finding, FindingKind, Role, ServerState, Severity, Unresolved};
use super::network::Network;
use super::probe::{Answers, ProbeResult};
use super::report::{Address, Chain, Report, Server};
use super::resolver::glue_of;
use super::{Check, Expected, ParentZone};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// How many name servers of a zone are queried. A delegation that this program makes has at most
/// 16, and the root and the large top-level domains have 13. Route 53 accepts 400.
pub const SERVERS: usize = 32;

/// How many addresses of each family are kept of a name server as glue. A check queries two.
/// A record set may have 400 values, each of which would have a copy of the name.
pub const GLUE_ADDRESSES: usize = 8;

/// How many addresses a finding about glue keeps.
const ADDRESSES: usize = 4;

/// The name servers of one zone, with the results of querying them.
#[derive(Debug)]
pub(super) struct ZoneCheck {
    role: Role,
    zone: Name,
    /// Why the zone's name servers are unknown. `None` if they are known.
    unresolved: Option<FindingKind>,
    /// For the parent zone: the name servers of the zone that was changed, if they are known.
    of_changed_zone: Option<NameServers>,
    /// Findings about the set of name servers that resolvers query.
    of_set: Vec<FindingKind>,
    /// The addresses in the zone above for the name servers in this zone (glue).
    glue: Vec<(Name, IpAddr)>,
    /// The addresses in the zone itself for these name servers, if its servers answered.
    own: BTreeMap<Name, Vec<IpAddr>>,
    servers: Vec<ServerCheck>,
}

/// One name server, with the result of querying it.
#[derive(Debug)]
struct ServerCheck {
    name: Name,
    /// Its probes, or why it has no address. `None` before it was queried.
    outcome: Option<Result<Probes, Unresolved>>,
    /// What is wrong with the outcome.
    findings: Vec<Finding>,
}

/// The results at each queried address of a name server.
#[derive(Debug)]
struct Probes {
    results: Vec<(IpAddr, ProbeResult)>,
    /// True if there are other addresses, which can't be reached over the internet.
    has_private: bool,
    /// True if there are other addresses, which are not queried.
    has_more: bool,
    /// Why there may be further addresses that are unknown.
    missing: Option<Unresolved>,
}

impl ServerCheck {
    fn new(name: &Name) -> Self {
        Self { name: name.clone(), outcome: None, findings: Vec::new() }
    }
}

impl ZoneCheck {
    fn new(role: Role, zone: &Name) -> Self {
        let zone = zone.clone();
        let (unresolved, of_changed_zone, of_set, glue, own, servers) = Default::default();
        Self { role, zone, unresolved, of_changed_zone, of_set, glue, own, servers }
    }

    /// The check of the child zone, at the expected name servers.
    pub(super) fn child(expected: &Expected) -> Self {
        let count = expected.name_servers.iter().count();
        let queried: BTreeSet<&Name> = expected.name_servers.iter().take(SERVERS).collect();
        let glue = expected.glue.iter().filter(|(server, _)| queried.contains(server));
        Self {
            of_set: (count > SERVERS)
                .then_some(FindingKind::Unqueried(count))
                .into_iter()
                .collect(),
            glue: glue.cloned().collect(),
            servers: queried.into_iter().map(ServerCheck::new).collect(),
            ..Self::new(Role::Child, &expected.name)
        }
    }

    /// The check of the parent zone. Its name servers are unknown until the first round.
    pub(super) fn parent(zone: &ParentZone) -> Self {
        Self {
            unresolved: Some(FindingKind::Late),
            of_changed_zone: zone.name_servers.clone(),
            ..Self::new(Role::Parent, &zone.name)
        }
    }

    /// True if another round may give a different result.
    pub(super) fn is_transient(&self) -> bool {
        self.unresolved.as_ref().is_some_and(|kind| kind.is_transient(self.role))
            || self.servers.iter().any(|server| server.is_transient(self.role))
    }

    /// Sets the findings of each server after a round. `net` knows which address families can be
    /// reached from here, and `above` is the check of the parent zone.
    pub(super) fn conclude(&mut self, net: &Network, above: Option<&Self>) {
        let glue: Vec<Vec<FindingKind>> =
            self.servers.iter().map(|server| self.glue_findings(&server.name, above)).collect();
        for (server, of_glue) in self.servers.iter_mut().zip(glue) {
            server.findings = server.find_problems(self.role, net);
            let more = of_glue.into_iter().map(|kind| server.finding(self.role, Vec::new(), kind));
            let more: Vec<Finding> = more.collect();
            server.findings.extend(more);
        }
    }

    /// The addresses for name servers at or below the cut in the referrals of this zone's servers.
    fn referred(&self) -> impl Iterator<Item = &(Name, IpAddr)> {
        self.servers
            .iter()
            .flat_map(ServerCheck::answers)
            .filter_map(|answers| answers.glue.as_ref())
            .flatten()
    }

    /// What is wrong with the addresses in the parent zone for a name server in the child zone.
    fn glue_findings(&self, server: &Name, above: Option<&Self>) -> Vec<FindingKind> {
        if self.role == Role::Parent || !server.is_at_or_below(&self.zone) {
            return Vec::new();
        }
        let mut found = Vec::new();
        let (mut without, mut addresses) = (Vec::new(), BTreeSet::new());
        for parent in above.iter().flat_map(|above| &above.servers) {
            for answers in parent.answers().filter_map(|answers| answers.glue.as_ref()) {
                let own = glue_of(answers, server);
                if own.is_empty() && !without.contains(&parent.name) {
                    without.push(parent.name.clone());
                }
                addresses.extend(own);
            }
        }
        if above.is_none() {
            addresses.extend(glue_of(&self.glue, server));
        }
        // Without any address the server could not be queried, which is a finding of its own.
        let is_known = !addresses.is_empty();
        if is_known && !without.is_empty() {
            found.push(FindingKind::MissingGlue(without));
        }
        if let Some(own) = self.own.get(server).filter(|_| is_known) {
            let stale: Vec<IpAddr> =
                addresses.iter().filter(|address| !own.contains(address)).copied().collect();
            let short: Vec<IpAddr> =
                own.iter().filter(|address| !addresses.contains(address)).copied().collect();
            let cut = |addresses: Vec<IpAddr>| addresses.into_iter().take(ADDRESSES).collect();
            match (own.is_empty(), stale.is_empty(), short.is_empty()) {
                (true, ..) => found.push(FindingKind::NoOwnAddress),
                (_, false, _) => found.push(FindingKind::StaleGlue(cut(stale))),
                (_, _, false) => found.push(FindingKind::ShortGlue(cut(short))),
                _ => {}
            }
        }
        found
    }

    fn findings(&self) -> impl Iterator<Item = Finding> {
        let of_zone = self.unresolved.iter().chain(&self.of_set).map(|kind| Finding {
            server: self.zone.clone(),
            addresses: Vec::new(),
            role: Role::Child,
            kind: kind.clone(),
        });
        let of_servers = || self.servers.iter().flat_map(|server| &server.findings);
        // A finding about the zone is reported once, no matter how many of its servers show it.
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

    /// The serial numbers of the zone on its servers, if they differ.
    fn serials(&self) -> Option<Vec<u32>> {
        let serials: BTreeSet<u32> = self
            .servers
            .iter()
            .flat_map(ServerCheck::answers)
            .filter_map(|answers| answers.serial)
            .collect();
        (serials.len() > 1).then(|| serials.into_iter().collect())
    }

    /// The servers for the report.
    fn reported_servers(&self) -> Vec<Server> {
        let reported = |server: &ServerCheck| Server {
            name: server.name.clone(),
            state: server.state(),
            may_serve: server.may_serve(),
            addresses: server
                .results()
                .iter()
                .map(|(address, result)| {
                    let serial = result.answers().and_then(|answers| answers.serial);
                    Address { address: *address, serial }
                })
                .collect(),
        };
        self.servers.iter().map(reported).collect()
    }

    /// True if a server queried over IPv4, or the resolver, did not respond.
    fn has_silence(&self) -> bool {
        let is_silent = |kind: &FindingKind| {
            matches!(
                kind,
                FindingKind::Unresolved(Unresolved::Silent)
                    | FindingKind::NoAnswerAbove(_)
                    | FindingKind::Silent
                    | FindingKind::FamilySilent(Family::V4)
                    | FindingKind::NoRoute(Family::V4)
            )
        };
        self.unresolved.iter().any(is_silent)
            || self
                .servers
                .iter()
                .flat_map(|server| &server.findings)
                .any(|finding| is_silent(&finding.kind))
    }
}

impl ServerCheck {
    fn is_transient(&self, role: Role) -> bool {
        self.findings.iter().any(|finding| finding.kind.is_transient(role))
    }

    fn finding(&self, role: Role, addresses: Vec<IpAddr>, kind: FindingKind) -> Finding {
        Finding { server: self.name.clone(), addresses, role, kind }
    }

    fn find_problems(&self, role: Role, net: &Network) -> Vec<Finding> {
        let finding = |addresses, kind| self.finding(role, addresses, kind);
        let probes = match &self.outcome {
            None => return vec![finding(Vec::new(), FindingKind::Late)],
            Some(Err(why)) => {
                return vec![finding(Vec::new(), FindingKind::Unresolved(why.clone()))];
            }
            Some(Ok(probes)) => probes,
        };
        let mut findings: Vec<Finding> = Vec::new();
        if probes.has_private {
            findings.push(finding(Vec::new(), FindingKind::Unresolved(Unresolved::Private)));
        }
        if let Some(why) = &probes.missing {
            findings.push(finding(Vec::new(), FindingKind::MoreAddresses(why.clone())));
        }
        let answers = self.answers().next().is_some();
        for (address, result) in &probes.results {
            let family = Family::from(*address);
            let kinds = match result {
                ProbeResult::Answers(answers) => answers.findings.clone(),
                ProbeResult::Silent if net.has_response_over_family_of(*address) => {
                    vec![FindingKind::Silent]
                }
                // It answers over the other family, which is sufficient.
                ProbeResult::Silent | ProbeResult::NoRoute if answers => Vec::new(),
                ProbeResult::Silent => vec![FindingKind::FamilySilent(family)],
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

    /// True if validating resolvers would reject the zone as one of the addresses serves it.
    fn breaks_the_chain(&self) -> bool {
        self.answers().any(|answers| answers.is_secure == Some(false))
    }

    /// True if the server serves the zone with a key that one of the DS records matches, and at no
    /// address says that it does not serve it.
    fn is_secure(&self) -> bool {
        self.answers().all(Answers::serves)
            && self.answers().any(|answers| answers.is_secure == Some(true))
    }

    /// True unless the name of the server leads nowhere, or each of its addresses says that it does
    /// not have the zone.
    fn may_serve(&self) -> bool {
        self.leaves_open() || self.answers().any(|answers| answers.serial.is_some())
    }

    /// True unless the name of the server leads nowhere, or each of its addresses says that it does
    /// not have the zone, or has it without a key that one of the DS records matches.
    fn may_be_secure(&self) -> bool {
        let may_be =
            |answers: &Answers| answers.serial.is_some() && answers.is_secure != Some(false);
        self.leaves_open() || self.answers().any(may_be)
    }

    /// True if the server may have an address that neither has the zone nor says that it does not.
    fn leaves_open(&self) -> bool {
        match &self.outcome {
            None => true,
            Some(Err(why)) => !why.leads_nowhere(),
            Some(Ok(probes)) => {
                // An address family that can't be reached from here is not a finding if the server
                // answers over the other one.
                let is_open = |finding: &Finding| {
                    finding.kind.state() != ServerState::Serves && !finding.kind.says_no_zone()
                };
                probes.has_more || probes.missing.is_some() || self.findings.iter().any(is_open)
            }
        }
    }

    fn results(&self) -> &[(IpAddr, ProbeResult)] {
        match &self.outcome {
            Some(Ok(probes)) => &probes.results,
            _ => &[],
        }
    }

    /// The responses from each of its addresses.
    fn answers(&self) -> impl Iterator<Item = &Answers> {
        self.results().iter().filter_map(|(_, result)| result.answers())
    }

    /// The state of the server, derived from its findings.
    fn state(&self) -> ServerState {
        match &self.outcome {
            None => return ServerState::Unknown,
            Some(Err(why)) => return why.state(),
            Some(Ok(_)) => {}
        }
        let is_silent = |finding: &Finding| {
            !finding.addresses.is_empty() && finding.kind.state() == ServerState::Silent
        };
        match self.answers().next() {
            Some(_) if self.answers().any(Answers::serves) => ServerState::Serves,
            Some(_) => ServerState::Lame,
            None if self.findings.iter().any(is_silent) => ServerState::Silent,
            None => ServerState::Unknown,
        }
    }
}

/// Builds the report from the checks of both zones.
pub(super) fn report(check: &Check<'_>, child: &ZoneCheck, parent: Option<&ZoneCheck>) -> Report {
    let checks = || [Some(child), parent].into_iter().flatten();
    let mut findings: Vec<Finding> = checks().flat_map(ZoneCheck::findings).collect();
    // Problems come first.
    findings.sort_by_key(|finding| finding.severity() != Severity::Problem);
    Report {
        name: check.expected.name.clone(),
        parent: parent.map(|check| check.zone.clone()),
        servers: child.reported_servers(),
        parent_servers: parent.map(ZoneCheck::reported_servers).unwrap_or_default(),
        findings,
        left_off: 0,
        chain: check.expected.ds.as_ref().map(|_| Chain {
            bogus: child.servers.iter().any(ServerCheck::breaks_the_chain),
            is_secure: child.servers.iter().any(ServerCheck::is_secure),
            may_be_secure: child.servers.iter().any(ServerCheck::may_be_secure)
                || check.expected.name_servers.iter().count() > child.servers.len(),
        }),
        no_egress: !check.net.has_any_response() && checks().any(ZoneCheck::has_silence),
    }
}
