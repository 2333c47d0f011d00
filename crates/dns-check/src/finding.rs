//! What a check found.

use std::net::IpAddr;

use super::response::Targets;
use delegation_model::ds::DsRecords;
use delegation_model::name::Name;

/// What a DNS check found.
///
/// As text it is one line of at most about 2000 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub(super) name: Name,
    /// The parent zone and how many servers it has, where it was asked.
    pub(super) parent: Option<(Name, usize)>,
    /// What came of comparing the DS records; `None` if there are none.
    pub(super) chain: Option<Chain>,
    pub(super) servers: Vec<(Name, ServerState)>,
    pub(super) findings: Vec<Finding>,
    pub(super) remarks: Vec<Finding>,
    pub(super) no_egress: bool,
}

/// What the DS records lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) bogus: bool,
    pub(super) is_secure: bool,
}

/// What a name server did when it was asked for the child zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerState {
    /// It answers authoritatively for the zone, at each of its addresses that answers at all.
    Serves,
    /// It answers, but not for this zone, or nothing that can be read: it is lame (RFC 9499, section 7).
    Lame,
    /// It does not answer.
    Silent,
    /// Its name has no address, or none that the internet can reach, or is an alias.
    Unresolved,
    /// Nothing is known of it: it has only addresses that can't be reached from here, IPv6 without a route, or the check ended
    /// before it was done with it.
    NotAsked,
}

/// One thing that is not as it should be: where, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub(super) server: Name,
    /// The addresses at which it is so; none if it is about all of the server.
    pub(super) addresses: Vec<IpAddr>,
    /// The zone in whose name the server was asked.
    pub(super) role: Role,
    pub(super) kind: FindingKind,
}

/// In whose name a server was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// As a name server of the child zone.
    Child,
    /// As a name server of the parent zone.
    Parent,
}

/// Why the address of a name server is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// It lies at or below the zone cut, and there is no glue for it.
    NoGlue,
    /// The resolver says that the name does not exist.
    NoSuchName,
    /// The name exists and has no address.
    NoAddress,
    /// It has an address that the internet can't reach. Which one is not told: it may be of the network that asks.
    Private,
    /// The name is an alias (RFC 2181, section 10.3).
    Alias,
    /// The zone has no name servers.
    NoNameServers,
    /// The resolver answered with this code.
    Code(String),
    /// The resolver's answers can't be read.
    Malformed,
    /// No resolver answers.
    Silent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FindingKind {
    Unresolved(Unresolved),
    Silent,
    /// It answers with this code.
    Code(String),
    /// It answers without the flag AA.
    NotAuthoritative,
    /// It answers for the name, but not as the apex of a zone.
    NoZone,
    /// The name is an alias.
    Alias,
    Malformed,
    NoTcp,
    /// The child zone's own NS record set is another.
    OwnNameServers(Targets),
    /// The parent zone refers to others.
    Refers(Targets),
    /// The parent zone has no delegation of the name.
    NoDelegation,
    /// The parent zone has these DS records; `None`: none.
    Ds(Option<DsRecords>),
    /// The DS record of this key tag and digest has no key.
    NoKey(u16),
    /// The key of this tag does not sign the key set.
    NotSigning(u16),
    /// The signature by the key of this tag has expired, or is not valid yet.
    OutOfTime(u16),
    /// The DS record of this key tag has a digest, or its key an algorithm, that can't be checked.
    Unverifiable(u16, &'static str, u8),
    /// None of the name servers that the world asks for the parent zone is of the zone that was written.
    AnotherZone(Targets),
    /// The world asks these name servers too.
    MoreServers(Targets),
    /// More name servers than are asked.
    TooMany,
    /// The check ended before it was done with the server.
    Late,
}

impl FindingKind {
    /// True for what a zone shows that has just been made or changed, at a server of this role.
    pub(super) fn is_transient(&self, role: Role) -> bool {
        match self {
            Self::Code(_)
            | Self::NotAuthoritative
            | Self::NoZone
            | Self::OwnNameServers(_)
            | Self::Refers(_)
            | Self::NoDelegation
            | Self::Ds(_)
            | Self::NoKey(_)
            | Self::NotSigning(_)
            | Self::Late => true,
            Self::Unresolved(why) => {
                !matches!(why, Unresolved::NoGlue | Unresolved::Private | Unresolved::Alias | Unresolved::Silent)
            }
            Self::Silent => role == Role::Parent,
            Self::Alias
            | Self::Malformed
            | Self::NoTcp
            | Self::OutOfTime(_)
            | Self::Unverifiable(..)
            | Self::AnotherZone(_)
            | Self::MoreServers(_)
            | Self::TooMany => false,
        }
    }

    /// The key tag of the DS record from which a resolver that validates does not get to the zone's keys.
    pub(super) fn broken_chain(&self) -> Option<u16> {
        match self {
            Self::NoKey(tag) | Self::NotSigning(tag) | Self::OutOfTime(tag) => Some(*tag),
            _ => None,
        }
    }

    /// What a server that has this finding at the apex of the child zone is.
    pub(super) fn state(&self) -> ServerState {
        match self {
            Self::Unresolved(_) => ServerState::Unresolved,
            Self::Silent => ServerState::Silent,
            Self::Code(_) | Self::NotAuthoritative | Self::NoZone | Self::Alias | Self::Malformed | Self::NoTcp => {
                ServerState::Lame
            }
            _ => ServerState::Serves,
        }
    }
}

impl Finding {
    /// True if something is wrong; otherwise it is a remark.
    pub(super) fn is_problem(&self) -> bool {
        !matches!(self.kind, FindingKind::MoreServers(_))
    }
}

impl Report {
    /// True if everything is as expected.
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    /// What is not as expected, in the order of the name servers, those of the child zone first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What is worth knowing, and no fault.
    pub fn remarks(&self) -> &[Finding] {
        &self.remarks
    }

    /// What each of the wanted name servers did.
    pub fn servers(&self) -> &[(Name, ServerState)] {
        &self.servers
    }

    /// True if a name server of the child has no key for any of the DS records: resolvers that validate would call the zone bogus.
    pub fn has_bogus_server(&self) -> bool {
        self.chain.is_some_and(|chain| chain.bogus)
    }

    /// True if a name server of the child was seen to serve a key for at least one of the DS records, and to sign the key set with
    /// it, validly now.
    ///
    /// A server that is found not to serve the zone, at whichever of its addresses, does not count. Without DS records in
    /// question it is never true. Not the opposite of [`Report::has_bogus_server`]: of two servers one may be secure, and the other
    /// have none of the keys; and of servers that are silent nothing is known.
    pub fn has_secure_server(&self) -> bool {
        self.chain.is_some_and(|chain| chain.is_secure)
    }

    /// True if no name server answered anything, although at least one was asked: from here, all of them are out of reach.
    ///
    /// Most likely this machine has no way out (a function in a VPC without a NAT gateway) rather than that the
    /// delegation is broken. Where only the child's name servers were asked, all of them being down looks the same.
    pub fn no_egress(&self) -> bool {
        self.no_egress
    }
}
