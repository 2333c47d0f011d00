//! The result of a check.

use std::net::IpAddr;

use super::finding::{Family, Finding, FindingKind, ServerState, Severity};
use delegation_model::name::Name;

/// The result of a DNS check. It is displayed in one line of at most about 2000 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub(super) name: Name,
    /// The parent zone, if it was checked.
    pub(super) parent: Option<Name>,
    /// The result of validating with the expected DS records. `None` if there are none.
    pub(super) chain: Option<Chain>,
    pub(super) servers: Vec<Server>,
    pub(super) parent_servers: Vec<Server>,
    pub(super) findings: Vec<Finding>,
    /// How many findings were left off.
    pub(super) left_off: usize,
    pub(super) no_egress: bool,
}

/// The overall result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing is wrong, and at least one name server of each checked zone serves it.
    Good,
    /// Something is wrong.
    Bad,
    /// Nothing is known to be wrong, but no name server of one of the zones is known to serve it.
    Unknown,
}

/// Whether the name servers of the child validate with the expected DS records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// True if at least one name server is bogus.
    pub(super) bogus: bool,
    /// True if at least one name server is secure.
    pub(super) is_secure: bool,
    /// True if at least one address of a name server is secure, or may be.
    pub(super) may_be_secure: bool,
}

/// A name server, and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name.
    pub name: Name,
    /// How it responds.
    pub state: ServerState,
    /// False if its name leads nowhere, or each of its addresses answers that it does not have the
    /// zone. Silence, a failure such as `SERVFAIL`, or an answer that can't be used says no such
    /// thing. An address family that can't be reached from here does not count if the other one
    /// answers.
    pub may_serve: bool,
    /// The queried addresses.
    pub addresses: Vec<Address>,
}

/// An address of a name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// The serial number of the zone at this address, if it answered.
    pub serial: Option<u32>,
}

/// The same finding at one or several servers.
#[derive(Clone, Debug)]
pub struct FindingGroup<'a> {
    /// There is at least one.
    pub(super) findings: Vec<&'a Finding>,
}

impl<'a> FindingGroup<'a> {
    /// The first finding of the group. All of them have the same severity and remedy.
    pub fn first(&self) -> Option<&'a Finding> {
        self.findings.first().copied()
    }
}

impl Report {
    /// The overall result.
    pub fn verdict(&self) -> Verdict {
        if self.problems().next().is_some() {
            return Verdict::Bad;
        }
        let is_served =
            |servers: &[Server]| servers.iter().any(|server| server.state == ServerState::Serves);
        let parent = self.parent.is_none() || is_served(&self.parent_servers);
        if parent && is_served(&self.servers) { Verdict::Good } else { Verdict::Unknown }
    }

    /// True if nothing is wrong, and at least one name server of each checked zone serves it.
    pub fn is_good(&self) -> bool {
        self.verdict() == Verdict::Good
    }

    /// True if a server was not checked, or not to the end, because the check ran out of time, of
    /// queries or of signatures, or because the resolver failed. The verdict is about the others.
    pub fn is_incomplete(&self) -> bool {
        self.findings.iter().any(|finding| finding.kind.leaves_open())
    }

    /// The findings: problems first, then in the order of the name servers, those of the child zone
    /// first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many findings [`Report::shortened`] left off.
    pub fn left_off(&self) -> usize {
        self.left_off
    }

    /// Keeps this many findings, the most urgent ones, and counts the others. For a check of many
    /// delegations, whose reports are kept until all are done.
    ///
    /// The first findings are the ones on which the verdict and the answers to the other questions
    /// depend: a takeover, then a server that says that it does not have the zone, one that does
    /// not serve it, another problem, and what the check leaves open. Whoever causes many findings
    /// of one kind hides none that comes before it.
    #[must_use]
    pub fn shortened(mut self, most: usize) -> Self {
        if self.findings.len() > most {
            // Stable, so that findings of the same urgency keep their order.
            self.findings.sort_by_key(Finding::urgency);
            self.left_off += self.findings.len() - most;
            self.findings.truncate(most);
        }
        self
    }

    /// All findings in the same order, with the same finding at several servers in one group.
    pub fn groups(&self) -> Vec<FindingGroup<'_>> {
        let mut groups: Vec<FindingGroup<'_>> = Vec::new();
        for finding in &self.findings {
            let is_same =
                |other: &Finding| (&other.kind, other.role) == (&finding.kind, finding.role);
            match groups.iter_mut().find(|group| group.first().is_some_and(is_same)) {
                Some(group) => group.findings.push(finding),
                None => groups.push(FindingGroup { findings: vec![finding] }),
            }
        }
        groups
    }

    /// The findings that something is wrong.
    pub fn problems(&self) -> impl Iterator<Item = &Finding> {
        self.with_severity(Severity::Problem)
    }

    /// The findings that something could not be determined.
    pub fn unknowns(&self) -> impl Iterator<Item = &Finding> {
        self.with_severity(Severity::Unknown)
    }

    /// The findings that are worth knowing, but not wrong.
    #[cfg(test)]
    pub(crate) fn remarks(&self) -> impl Iterator<Item = &Finding> {
        self.with_severity(Severity::Remark)
    }

    fn with_severity(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.severity() == severity)
    }

    /// The expected name servers.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The name servers of the parent zone, if it was checked.
    pub fn parent_servers(&self) -> &[Server] {
        &self.parent_servers
    }

    /// True if anybody else could answer for the name, because one of its name servers is in a
    /// domain that does not exist.
    pub fn can_be_taken_over(&self) -> bool {
        self.findings.iter().any(Finding::is_takeover)
    }

    /// True if an earlier report of the same check is good, and this one only finds fault with name
    /// servers that served the zone then: packets were lost.
    pub fn is_refuted_by(&self, earlier: &Self) -> bool {
        let served = |server: &Name| {
            let is_it = |own: &&Server| own.name == *server;
            earlier.servers.iter().find(is_it).is_some_and(|own| own.state == ServerState::Serves)
        };
        let faulty = || self.problems().map(|finding| &finding.server);
        earlier.is_good() && faulty().next().is_some() && faulty().all(served)
    }

    /// True if a name server of the child has no key that matches a DS record, or serves data that
    /// is not signed with its keys. Validating resolvers would call the zone bogus.
    pub fn has_bogus_server(&self) -> bool {
        self.chain.is_some_and(|chain| chain.bogus)
    }

    /// True if a name server of the child serves a key that matches a DS record, a currently valid
    /// signature of the key set by that key, and data with a currently valid signature by a key of
    /// the set.
    ///
    /// A server that does not serve the zone at one of its addresses does not count. Without
    /// expected DS records the result is always false. This is not the opposite of
    /// [`Report::has_bogus_server`]: one of two servers may be secure and the other one bogus, and
    /// nothing is known about silent servers.
    pub fn has_secure_server(&self) -> bool {
        self.chain.is_some_and(|chain| chain.is_secure)
    }

    /// False if it is known of each name server of the child that it does not have the zone, or has
    /// it without a key that matches a DS record. Without expected DS records it is always false.
    pub fn may_have_secure_server(&self) -> bool {
        self.chain.is_some_and(|chain| chain.may_be_secure)
    }

    /// True if no server answered at all, although at least one was queried.
    ///
    /// The likely cause is that DNS queries can't leave this network (a function in a VPC without a
    /// NAT gateway), and not that the delegation is broken.
    pub fn no_egress(&self) -> bool {
        self.no_egress
    }

    /// True if the result is unknown only because the name servers have no IPv4 address, and
    /// nothing answers over IPv6 from here.
    pub fn lacks_ipv6(&self) -> bool {
        let v6 = |kind: &FindingKind| {
            matches!(kind, FindingKind::NoRoute(Family::V6) | FindingKind::FamilySilent(Family::V6))
        };
        self.verdict() == Verdict::Unknown
            && !self.no_egress
            && self.left_off == 0
            && self.unknowns().next().is_some()
            && self.unknowns().all(|finding| v6(&finding.kind))
    }
}
