//! The servers of one zone and what came of asking them, over several rounds.

use std::collections::BTreeSet;
use std::net::IpAddr;

use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::address_filter::Addresses;
use super::finding::{Chain, Finding, FindingKind, Report, Role, ServerState, Unresolved};
use super::network::Network;
use super::probe::{ProbeResult, child, parent};
use super::resolver::glue;
use super::response::Targets;
use super::{Check, Expected, ParentZone};
use delegation_model::ds::Ds;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;

/// How many name servers of the parent zone are asked; the root and the large top-level domains have 13.
const SERVERS: usize = 32;

/// The servers of one zone.
#[derive(Debug)]
pub(super) struct ZoneCheck {
    role: Role,
    zone: Name,
    /// Why the zone's servers are not known.
    unresolved: Option<FindingKind>,
    /// The name servers of the zone that was written.
    written: Option<NameServers>,
    /// What the name servers that the world asks have to do with those.
    asked_elsewhere: Option<FindingKind>,
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
}

impl ServerCheck {
    fn new(server: &Name) -> Self {
        Self { server: server.clone(), outcome: None, findings: Vec::new() }
    }
}

impl ZoneCheck {
    /// The wanted name servers of the child zone.
    pub(super) fn child(expected: &Expected) -> Self {
        let lines = expected.name_servers.iter().map(ServerCheck::new).collect();
        Self {
            role: Role::Child,
            zone: expected.name.clone(),
            unresolved: None,
            written: None,
            asked_elsewhere: None,
            lines,
        }
    }

    /// The name servers of the parent zone, not yet known.
    pub(super) fn parent(zone: &ParentZone) -> Self {
        Self {
            role: Role::Parent,
            zone: zone.name.clone(),
            unresolved: Some(FindingKind::Late),
            written: zone.name_servers.clone(),
            asked_elsewhere: None,
            lines: Vec::new(),
        }
    }

    /// True if something may be otherwise when asked again.
    pub(super) fn is_transient(&self) -> bool {
        self.unresolved.as_ref().is_some_and(|kind| kind.is_transient(self.role))
            || self.lines.iter().any(|line| line.is_transient(self.role))
    }

    /// Concludes from a round what is wrong; `net` knows which addresses can be reached at all.
    pub(super) fn conclude(&mut self, net: &Network) {
        for line in &mut self.lines {
            line.findings = line.find_problems(self.role, net);
        }
    }

    fn findings(&self) -> impl Iterator<Item = Finding> {
        let unresolved = self.unresolved.iter().chain(&self.asked_elsewhere).map(|kind| Finding {
            server: self.zone.clone(),
            addresses: Vec::new(),
            role: Role::Child,
            kind: kind.clone(),
        });
        unresolved.chain(self.lines.iter().flat_map(|line| line.findings.iter().cloned()))
    }

    /// True if some server, or the resolver, was asked in vain.
    fn has_silence(&self) -> bool {
        let of_resolver = |kind: &FindingKind| *kind == FindingKind::Unresolved(Unresolved::Silent);
        self.unresolved.as_ref().is_some_and(of_resolver)
            || self
                .lines
                .iter()
                .flat_map(|line| &line.findings)
                .any(|finding| finding.kind == FindingKind::Silent || of_resolver(&finding.kind))
    }
}

impl ServerCheck {
    fn is_transient(&self, role: Role) -> bool {
        self.findings.iter().any(|finding| finding.kind.is_transient(role))
    }

    fn find_problems(&self, role: Role, net: &Network) -> Vec<Finding> {
        let finding = |addresses, kind| Finding { server: self.server.clone(), addresses, role, kind };
        let asked = match &self.outcome {
            None => return vec![finding(Vec::new(), FindingKind::Late)],
            Some(Err(why)) => return vec![finding(Vec::new(), FindingKind::Unresolved(why.clone()))],
            Some(Ok(asked)) => asked,
        };
        let mut findings: Vec<Finding> = Vec::new();
        if asked.has_private {
            findings.push(finding(Vec::new(), FindingKind::Unresolved(Unresolved::Private)));
        }
        for (address, heard) in &asked.heard {
            let kinds = match heard {
                ProbeResult::Answers { findings, .. } => findings.clone(),
                ProbeResult::Silence if counts(*address, net) => vec![FindingKind::Silent],
                ProbeResult::Silence => Vec::new(),
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

    /// True if none of the DS records of these key tags leads to the keys that are served at one of the addresses.
    fn breaks_the_chain(&self, tags: &BTreeSet<u16>) -> bool {
        self.heard().iter().any(|(_, heard)| match heard {
            ProbeResult::Answers { findings, is_secure: false } => {
                let broken: BTreeSet<u16> = findings.iter().filter_map(FindingKind::broken_chain).collect();
                broken == *tags
            }
            _ => false,
        })
    }

    /// True if it serves the zone, and with keys to which one of the DS records leads.
    fn is_secure(&self, net: &Network) -> bool {
        self.state(net) == ServerState::Serves
            && self.heard().iter().any(|(_, heard)| matches!(heard, ProbeResult::Answers { is_secure: true, .. }))
    }

    fn heard(&self) -> &[(IpAddr, ProbeResult)] {
        match &self.outcome {
            Some(Ok(asked)) => &asked.heard,
            _ => &[],
        }
    }

    /// What the server is to the child zone.
    fn state(&self, net: &Network) -> ServerState {
        let asked = match &self.outcome {
            None => return ServerState::NotAsked,
            Some(Err(_)) => return ServerState::Unresolved,
            Some(Ok(asked)) => asked,
        };
        let lame = |kind: &FindingKind| kind.state() == ServerState::Lame;
        let mut state = ServerState::NotAsked;
        for (address, heard) in &asked.heard {
            match heard {
                ProbeResult::Answers { findings, .. } if findings.iter().any(lame) => return ServerState::Lame,
                ProbeResult::Answers { .. } => state = ServerState::Serves,
                ProbeResult::Silence if state == ServerState::NotAsked && counts(*address, net) => {
                    state = ServerState::Silent;
                }
                ProbeResult::Silence => {}
            }
        }
        state
    }
}

/// Whether the silence at this address is the server's.
///
/// Where no server at all answers over IPv6 and some do over IPv4, or the other way round, it is the network's: there is no
/// route from here, or one that leads nowhere.
fn counts(address: IpAddr, net: &Network) -> bool {
    net.has_heard_family(address) || !net.has_heard_any()
}

impl Check<'_> {
    /// Asks the servers of a zone that have not answered as expected, side by side.
    pub(super) async fn round(&self, check: &mut ZoneCheck) {
        if check.lines.is_empty() {
            match self.resolver.name_servers(&self.net, &check.zone).await {
                Ok(found) if found.more || found.names.len() > SERVERS => check.unresolved = Some(FindingKind::TooMany),
                Ok(found) => {
                    check.unresolved = None;
                    check.asked_elsewhere = check.written.as_ref().and_then(|written| elsewhere(&found, written));
                    check.lines = found.names.iter().map(ServerCheck::new).collect();
                }
                Err(why) => check.unresolved = Some(FindingKind::Unresolved(why)),
            }
        }
        let (role, zone) = (check.role, &check.zone);
        let open = check.lines.iter_mut().filter(|line| line.outcome.is_none() || line.is_transient(role));
        let open = open.map(|line| async { line.outcome = Some(self.ask(role, zone, &line.server).await) }.boxed());
        side_by_side(open.collect()).await;
    }

    async fn ask(&self, role: Role, zone: &Name, server: &Name) -> Result<Probes, Unresolved> {
        let Addresses { asked, has_private } = self.addresses(server).await?;
        let mut heard: Vec<(IpAddr, ProbeResult)> =
            asked.into_iter().map(|address| (address, ProbeResult::Silence)).collect();
        let each = heard.iter_mut().map(|(address, heard)| {
            let of_role = async {
                *heard = match role {
                    Role::Child => child(&self.net, *address, self.port, self.expected).await,
                    Role::Parent => parent(&self.net, *address, self.port, zone, self.expected).await,
                }
            };
            of_role.boxed()
        });
        side_by_side(each.collect()).await;
        Ok(Probes { heard, has_private })
    }

    async fn addresses(&self, server: &Name) -> Result<Addresses, Unresolved> {
        if !server.is_at_or_below(&self.expected.name) {
            return self.resolver.addresses(&self.net, server).await;
        }
        // To ask a resolver for it would be to ask for a name below the cut.
        let addresses = glue(&self.expected.glue, server);
        if addresses.is_empty() { Err(Unresolved::NoGlue) } else { self.resolver.choose(&addresses) }
    }
}

/// Whether the world asks others than the name servers of the zone that was written.
fn elsewhere(asked: &Targets, written: &NameServers) -> Option<FindingKind> {
    let others: BTreeSet<Name> =
        asked.names.iter().filter(|name| !written.iter().any(|own| own == *name)).cloned().collect();
    let nobody = others.len() == asked.names.len();
    let others = Targets { names: others, ..asked.clone() };
    match others.is_empty() {
        true => None,
        false if nobody => Some(FindingKind::AnotherZone(others)),
        false => Some(FindingKind::MoreServers(others)),
    }
}

/// Waits for all of them. In boxes, of one type: the code that drives them is in the package once.
async fn side_by_side(mut futures: FuturesUnordered<BoxFuture<'_, ()>>) {
    while futures.next().await.is_some() {}
}

/// What the checks say.
pub(super) fn report(check: &Check<'_>, child: &ZoneCheck, parent: Option<&ZoneCheck>) -> Report {
    let checks = || [Some(child), parent].into_iter().flatten();
    Report {
        name: check.expected.name.clone(),
        parent: parent.map(|check| (check.zone.clone(), check.lines.len())),
        servers: child.lines.iter().map(|line| (line.server.clone(), line.state(&check.net))).collect(),
        findings: checks().flat_map(ZoneCheck::findings).filter(Finding::is_problem).collect(),
        remarks: checks().flat_map(ZoneCheck::findings).filter(|finding| !finding.is_problem()).collect(),
        chain: check.expected.ds.as_ref().map(|ds| {
            let tags: BTreeSet<u16> = ds.iter().map(Ds::key_tag).collect();
            Chain {
                bogus: child.lines.iter().any(|line| line.breaks_the_chain(&tags)),
                is_secure: child.lines.iter().any(|line| line.is_secure(&check.net)),
            }
        }),
        no_egress: !check.net.has_heard_any() && checks().any(ZoneCheck::has_silence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timing;

    #[test]
    fn a_server_with_an_inward_address_serves_at_the_others() {
        let expected = Expected {
            name: "testing.example.com".parse().unwrap(),
            name_servers: NameServers::given(&["ns1.example.net"]).unwrap(),
            ds: None,
            check_ds: false,
            glue: Vec::new(),
        };
        let (mut check, net) = (
            ZoneCheck::child(&expected),
            Network::new(Timing::default(), std::sync::Arc::new(crate::transport::Sockets)),
        );
        let heard = vec![(IpAddr::from([8, 8, 8, 8]), ProbeResult::Answers { findings: Vec::new(), is_secure: false })];
        check.lines[0].outcome = Some(Ok(Probes { heard, has_private: true }));
        check.conclude(&net);
        let findings: Vec<String> = check.findings().map(|finding| finding.to_string()).collect();
        assert_eq!(findings, ["ns1.example.net has an address that the internet can't reach"]);
        assert_eq!(check.lines[0].state(&net), ServerState::Serves);
        assert!(!check.is_transient());
    }
}
