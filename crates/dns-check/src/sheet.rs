//! The servers of one zone and what came of asking them, over several rounds.

use std::collections::BTreeSet;
use std::net::IpAddr;

use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::finding::{Chain, Finding, Kind, Problem, Role, ServerState, Unresolved};
use super::judge::{Heard, child, parent};
use super::net::Net;
use super::reach::Addresses;
use super::resolver::glue;
use super::{Check, Wanted};
use delegation_model::ds::Ds;
use delegation_model::name::Name;

/// How many name servers of the parent zone are asked; the root and the large top-level domains have 13.
const SERVERS: usize = 32;

/// The servers of one zone.
#[derive(Debug)]
pub(super) struct Sheet {
    role: Role,
    zone: Name,
    /// Why the zone's servers are not known.
    unlisted: Option<Kind>,
    lines: Vec<Line>,
}

/// One server.
#[derive(Debug)]
struct Line {
    server: Name,
    /// What came of it; `None` before it was asked.
    outcome: Option<Result<Asked, Unresolved>>,
    /// What is wrong with that.
    problems: Vec<Problem>,
}

/// A server that has addresses.
#[derive(Debug)]
struct Asked {
    heard: Vec<(IpAddr, Heard)>,
    /// Whether it has other addresses, which the internet can't reach.
    inward: bool,
}

impl Line {
    fn new(server: &Name) -> Self {
        Self { server: server.clone(), outcome: None, problems: Vec::new() }
    }
}

impl Sheet {
    /// The wanted name servers of the child zone.
    pub(super) fn child(wanted: &Wanted) -> Self {
        let lines = wanted.name_servers.iter().map(Line::new).collect();
        Self { role: Role::Child, zone: wanted.name.clone(), unlisted: None, lines }
    }

    /// The name servers of the parent zone, not yet known.
    pub(super) fn parent(zone: &Name) -> Self {
        Self { role: Role::Parent, zone: zone.clone(), unlisted: Some(Kind::Late), lines: Vec::new() }
    }

    /// True if something may be otherwise when asked again.
    pub(super) fn may_pass(&self) -> bool {
        self.unlisted.as_ref().is_some_and(|kind| kind.may_pass(self.role))
            || self.lines.iter().any(|line| line.may_pass(self.role))
    }

    /// Concludes from a round what is wrong; `net` knows which addresses can be reached at all.
    pub(super) fn conclude(&mut self, net: &Net) {
        for line in &mut self.lines {
            line.problems = line.find_problems(self.role, net);
        }
    }

    fn problems(&self) -> impl Iterator<Item = Problem> {
        let unlisted = self.unlisted.iter().map(|kind| Problem {
            server: self.zone.clone(),
            addresses: Vec::new(),
            role: Role::Child,
            kind: kind.clone(),
        });
        unlisted.chain(self.lines.iter().flat_map(|line| line.problems.iter().cloned()))
    }

    /// True if some server, or the resolver, was asked in vain.
    fn has_silence(&self) -> bool {
        let of_resolver = |kind: &Kind| *kind == Kind::Unresolved(Unresolved::Silent);
        self.unlisted.as_ref().is_some_and(of_resolver)
            || self
                .lines
                .iter()
                .flat_map(|line| &line.problems)
                .any(|problem| problem.kind == Kind::Silent || of_resolver(&problem.kind))
    }
}

impl Line {
    fn may_pass(&self, role: Role) -> bool {
        self.problems.iter().any(|problem| problem.kind.may_pass(role))
    }

    fn find_problems(&self, role: Role, net: &Net) -> Vec<Problem> {
        let problem = |addresses, kind| Problem { server: self.server.clone(), addresses, role, kind };
        let asked = match &self.outcome {
            None => return vec![problem(Vec::new(), Kind::Late)],
            Some(Err(why)) => return vec![problem(Vec::new(), Kind::Unresolved(why.clone()))],
            Some(Ok(asked)) => asked,
        };
        let mut problems: Vec<Problem> = Vec::new();
        if asked.inward {
            problems.push(problem(Vec::new(), Kind::Unresolved(Unresolved::Inward)));
        }
        for (address, heard) in &asked.heard {
            let kinds = match heard {
                Heard::Answers { problems, .. } => problems.clone(),
                Heard::Silence if counts(*address, net) => vec![Kind::Silent],
                Heard::Silence => Vec::new(),
            };
            for kind in kinds {
                match problems.iter_mut().find(|problem| problem.kind == kind) {
                    Some(problem) => problem.addresses.push(*address),
                    None => problems.push(problem(vec![*address], kind)),
                }
            }
        }
        problems
    }

    /// True if none of the DS records of these key tags leads to the keys that are served at one of the addresses.
    fn breaks_the_chain(&self, tags: &BTreeSet<u16>) -> bool {
        self.heard().iter().any(|(_, heard)| match heard {
            Heard::Answers { problems, vouches: false } => {
                let broken: BTreeSet<u16> = problems.iter().filter_map(Kind::broken_chain).collect();
                broken == *tags
            }
            _ => false,
        })
    }

    /// True if it serves the zone, and with keys to which one of the DS records leads.
    fn vouches(&self, net: &Net) -> bool {
        self.state(net) == ServerState::Serves
            && self.heard().iter().any(|(_, heard)| matches!(heard, Heard::Answers { vouches: true, .. }))
    }

    fn heard(&self) -> &[(IpAddr, Heard)] {
        match &self.outcome {
            Some(Ok(asked)) => &asked.heard,
            _ => &[],
        }
    }

    /// What the server is to the child zone.
    fn state(&self, net: &Net) -> ServerState {
        let asked = match &self.outcome {
            None => return ServerState::NotAsked,
            Some(Err(_)) => return ServerState::Unresolved,
            Some(Ok(asked)) => asked,
        };
        let lame = |kind: &Kind| kind.state() == ServerState::Lame;
        let mut state = ServerState::NotAsked;
        for (address, heard) in &asked.heard {
            match heard {
                Heard::Answers { problems, .. } if problems.iter().any(lame) => return ServerState::Lame,
                Heard::Answers { .. } => state = ServerState::Serves,
                Heard::Silence if state == ServerState::NotAsked && counts(*address, net) => {
                    state = ServerState::Silent;
                }
                Heard::Silence => {}
            }
        }
        state
    }
}

/// Whether the silence at this address is the server's.
///
/// Where no server at all answers over IPv6 and some do over IPv4, or the other way round, it is the network's: there is no
/// route from here, or one that leads nowhere.
fn counts(address: IpAddr, net: &Net) -> bool {
    net.heard_like(address) || !net.heard_any()
}

impl Check<'_> {
    /// Asks the servers of a zone that have not answered as wanted, side by side.
    pub(super) async fn round(&self, sheet: &mut Sheet) {
        if sheet.lines.is_empty() {
            match self.resolver.name_servers(&self.net, &sheet.zone).await {
                Ok(found) if found.more || found.names.len() > SERVERS => sheet.unlisted = Some(Kind::TooMany),
                Ok(found) => {
                    sheet.unlisted = None;
                    sheet.lines = found.names.iter().map(Line::new).collect();
                }
                Err(why) => sheet.unlisted = Some(Kind::Unresolved(why)),
            }
        }
        let (role, zone) = (sheet.role, &sheet.zone);
        let open = sheet.lines.iter_mut().filter(|line| line.outcome.is_none() || line.may_pass(role));
        let open = open.map(|line| async { line.outcome = Some(self.ask(role, zone, &line.server).await) }.boxed());
        side_by_side(open.collect()).await;
    }

    async fn ask(&self, role: Role, zone: &Name, server: &Name) -> Result<Asked, Unresolved> {
        let Addresses { asked, inward } = self.addresses(server).await?;
        let mut heard: Vec<(IpAddr, Heard)> = asked.into_iter().map(|address| (address, Heard::Silence)).collect();
        let each = heard.iter_mut().map(|(address, heard)| {
            let of_role = async {
                *heard = match role {
                    Role::Child => child(&self.net, *address, self.port, self.wanted).await,
                    Role::Parent => parent(&self.net, *address, self.port, zone, self.wanted).await,
                }
            };
            of_role.boxed()
        });
        side_by_side(each.collect()).await;
        Ok(Asked { heard, inward })
    }

    async fn addresses(&self, server: &Name) -> Result<Addresses, Unresolved> {
        if !server.is_at_or_below(&self.wanted.name) {
            return self.resolver.addresses(&self.net, server).await;
        }
        // To ask a resolver for it would be to ask for a name below the cut.
        let addresses = glue(&self.wanted.glue, server);
        if addresses.is_empty() { Err(Unresolved::NoGlue) } else { self.resolver.choose(&addresses) }
    }
}

/// Waits for all of them. In boxes, of one type: the code that drives them is in the package once.
async fn side_by_side(mut futures: FuturesUnordered<BoxFuture<'_, ()>>) {
    while futures.next().await.is_some() {}
}

/// What the sheets say.
pub(super) fn finding(check: &Check<'_>, child: &Sheet, parent: Option<&Sheet>) -> Finding {
    let sheets = || [Some(child), parent].into_iter().flatten();
    Finding {
        name: check.wanted.name.clone(),
        parent: parent.map(|sheet| (sheet.zone.clone(), sheet.lines.len())),
        servers: child.lines.iter().map(|line| (line.server.clone(), line.state(&check.net))).collect(),
        problems: sheets().flat_map(Sheet::problems).collect(),
        chain: check.wanted.ds.as_ref().map(|ds| {
            let tags: BTreeSet<u16> = ds.iter().map(Ds::key_tag).collect();
            Chain {
                bogus: child.lines.iter().any(|line| line.breaks_the_chain(&tags)),
                vouches: child.lines.iter().any(|line| line.vouches(&check.net)),
            }
        }),
        no_egress: !check.net.heard_any() && sheets().any(Sheet::has_silence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timing;
    use delegation_model::name_servers::NameServers;

    #[test]
    fn a_server_with_an_inward_address_serves_at_the_others() {
        let wanted = Wanted {
            name: "testing.example.com".parse().unwrap(),
            name_servers: NameServers::given(&["ns1.example.net"]).unwrap(),
            ds: None,
            check_ds: false,
            glue: Vec::new(),
        };
        let (mut sheet, net) = (Sheet::child(&wanted), Net::new(Timing::default()));
        let heard = vec![(IpAddr::from([8, 8, 8, 8]), Heard::Answers { problems: Vec::new(), vouches: false })];
        sheet.lines[0].outcome = Some(Ok(Asked { heard, inward: true }));
        sheet.conclude(&net);
        let problems: Vec<String> = sheet.problems().map(|problem| problem.to_string()).collect();
        assert_eq!(problems, ["ns1.example.net has an address that the internet can't reach"]);
        assert_eq!(sheet.lines[0].state(&net), ServerState::Serves);
        assert!(!sheet.may_pass());
    }
}
