//! All that a check found.

use std::net::IpAddr;

use super::finding::{Family, Finding, FindingKind, ServerState, Severity};
use delegation_model::name::Name;
/// What a DNS check found.
///
/// As text it is one line of at most about 2000 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub(super) name: Name,
    /// The parent zone, where it was asked.
    pub(super) parent: Option<Name>,
    /// What came of comparing the DS records; `None` if there are none.
    pub(super) chain: Option<Chain>,
    pub(super) servers: Vec<Server>,
    pub(super) parent_servers: Vec<Server>,
    pub(super) findings: Vec<Finding>,
    pub(super) no_egress: bool,
}

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing is wrong, and a name server was heard on each side that was asked.
    Good,
    /// Something is wrong.
    Bad,
    /// Nothing is known to be wrong, but on one side nobody was heard.
    Unknown,
}

/// What the DS records lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) bogus: bool,
    pub(super) is_secure: bool,
}

/// A name server, and what came of asking it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name.
    pub name: Name,
    /// What it did.
    pub state: ServerState,
    /// The addresses at which it was asked.
    pub addresses: Vec<Address>,
}

/// An address of a name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// The serial number of the zone there, if it was told.
    pub serial: Option<u32>,
}

/// Findings that say the same of one or several servers.
#[derive(Clone, Debug)]
pub struct FindingGroup<'a> {
    /// At least one.
    pub(super) findings: Vec<&'a Finding>,
}

impl<'a> FindingGroup<'a> {
    /// The first finding of the group: all have its severity and its remedy.
    pub fn first(&self) -> Option<&'a Finding> {
        self.findings.first().copied()
    }
}

impl Report {
    /// What it comes to.
    pub fn verdict(&self) -> Verdict {
        if self.problems().next().is_some() {
            return Verdict::Bad;
        }
        let heard =
            |servers: &[Server]| servers.iter().any(|server| server.state == ServerState::Serves);
        let parent = self.parent.is_none() || heard(&self.parent_servers);
        if parent && heard(&self.servers) { Verdict::Good } else { Verdict::Unknown }
    }

    /// True if everything is as expected, and a name server was heard on each side that was asked.
    pub fn is_good(&self) -> bool {
        self.verdict() == Verdict::Good
    }

    /// What was found, in the order of the name servers, those of the child zone first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// All findings in the same order, with those that say the same of several servers together.
    pub fn groups(&self) -> Vec<FindingGroup<'_>> {
        let mut groups: Vec<FindingGroup<'_>> = Vec::new();
        for finding in &self.findings {
            let says_the_same =
                |other: &Finding| (&other.kind, other.role) == (&finding.kind, finding.role);
            match groups.iter_mut().find(|group| group.first().is_some_and(says_the_same)) {
                Some(group) => group.findings.push(finding),
                None => groups.push(FindingGroup { findings: vec![finding] }),
            }
        }
        groups
    }

    /// What is wrong.
    pub fn problems(&self) -> impl Iterator<Item = &Finding> {
        self.of(Severity::Problem)
    }

    /// What could not be found out.
    pub fn unknowns(&self) -> impl Iterator<Item = &Finding> {
        self.of(Severity::Unknown)
    }

    /// What is worth knowing, and no fault.
    #[cfg(test)]
    pub(crate) fn remarks(&self) -> impl Iterator<Item = &Finding> {
        self.of(Severity::Remark)
    }

    fn of(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.severity() == severity)
    }

    /// What each of the wanted name servers did.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// What each of the name servers of the parent zone did, as far as it was asked.
    pub fn parent_servers(&self) -> &[Server] {
        &self.parent_servers
    }

    /// True if somebody else could answer for the name: one of its name servers is in a domain that
    /// does not exist.
    pub fn can_be_taken_over(&self) -> bool {
        self.findings.iter().any(Finding::is_takeover)
    }

    /// True if a name server of the child has no key for any of the DS records, or no data signed
    /// with its keys: resolvers that validate would call the zone bogus.
    pub fn has_bogus_server(&self) -> bool {
        self.chain.is_some_and(|chain| chain.bogus)
    }

    /// True if a name server of the child was seen to serve a key for at least one of the DS
    /// records, to sign the key set with it, and to sign its data with a key of the set, validly
    /// now.
    ///
    /// A server that is found not to serve the zone, at whichever of its addresses, does not count.
    /// Without DS records in question it is never true. Not the opposite of
    /// [`Report::has_bogus_server`]: of two servers one may be secure, and the other have none of
    /// the keys; and of servers that are silent nothing is known.
    pub fn has_secure_server(&self) -> bool {
        self.chain.is_some_and(|chain| chain.is_secure)
    }

    /// True if no name server answered anything, although at least one was asked: from here, all of
    /// them are out of reach.
    ///
    /// Most likely this machine has no way out (a function in a VPC without a NAT gateway) rather
    /// than that the delegation is broken.
    pub fn no_egress(&self) -> bool {
        self.no_egress
    }

    /// True if nothing is known for one reason alone: the name servers have only IPv6 addresses,
    /// and from here nothing answers over IPv6.
    pub fn lacks_ipv6(&self) -> bool {
        let v6 = |kind: &FindingKind| {
            matches!(kind, FindingKind::NoRoute(Family::V6) | FindingKind::Unheard(Family::V6))
        };
        self.verdict() == Verdict::Unknown
            && !self.no_egress
            && self.unknowns().next().is_some()
            && self.unknowns().all(|finding| v6(&finding.kind))
    }
}
