//! A finding of a check: the server, what was found there, and how severe it is.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::display::Short;
use super::response::Targets;
use delegation_model::name::Name;

/// How severe a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something is wrong.
    Problem,
    /// Something could not be determined.
    Unknown,
    /// Something is worth knowing, but not wrong.
    Remark,
}

/// How a name server responds to queries for its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerState {
    /// It answers authoritatively for the zone, at one of its addresses at least. A finding says so
    /// if another address does not.
    Serves,
    /// It answers, but at no address for this zone, or its answers can't be parsed: it is lame (RFC
    /// 9499, section 7).
    Lame,
    /// It does not answer, although other servers answer over the same address family.
    Silent,
    /// Its name is an alias, has no address, or has none that can be reached over the internet.
    Unresolved,
    /// Nothing is known about it: the resolver fails, the server only has addresses that can't be
    /// reached from here, or the check ended before its result was complete.
    Unknown,
}

impl ServerState {
    /// The word for this state in the output of the command.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serves => "serves",
            Self::Lame => "lame",
            Self::Silent => "silent",
            Self::Unresolved => "unresolved",
            Self::Unknown => "unknown",
        }
    }
}

/// One finding, at one name server or about a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub(super) server: Name,
    /// The addresses that have this finding. Empty if it is about the server as a whole.
    pub(super) addresses: Vec<IpAddr>,
    /// The role in which the server was queried.
    pub(super) role: Role,
    pub(super) kind: FindingKind,
}

/// The role in which a server is queried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// As a name server of the child zone.
    Child,
    /// As a name server of the parent zone.
    Parent,
}

/// Why the address of a name server is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// The server is at or below the zone cut, and there is no glue for it.
    NoGlue,
    /// According to the resolver, the name does not exist.
    NoSuchName,
    /// This domain, which is the name or above it, does not exist, and anybody can register it.
    FreeDomain(Name),
    /// The name does not exist, and it is unknown whether this domain above it does.
    UnknownDomain(Name),
    /// The name exists, but has no address.
    NoAddress,
    /// The server has an address that can't be reached over the internet. The finding does not name
    /// it, because it may be an address in the network that the check runs in.
    Private,
    /// The name is an alias (RFC 2181, section 10.3).
    Alias,
    /// The name is an alias, and this name at the end of the chain does not exist.
    NoSuchTarget(Name),
    /// The zone has no name servers.
    NoNameServers,
    /// The resolver answered with this code.
    Code(String),
    /// The resolver's answers can't be parsed.
    Malformed,
    /// The queried server is not a resolver: it has no answer, and does not recurse to find one.
    NotRecursive,
    /// No resolver answers.
    Silent,
    /// The check has reached its limit of queries.
    Spent,
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl From<IpAddr> for Family {
    fn from(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// The key tags of some of the DS records of a name. There is at least one.
///
/// A name may have hundreds of DS records. A finding about each of them, at each server, would take
/// the memory of a check of many delegations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tags {
    /// The first few, in order.
    pub(super) first: Vec<u16>,
    /// How many more there are.
    pub(super) more: usize,
}

impl Tags {
    /// How many key tags are kept.
    const KEPT: usize = 4;

    /// The different ones of these key tags. `None` if there are none.
    pub(super) fn new(tags: impl Iterator<Item = u16>) -> Option<Self> {
        let tags: BTreeSet<u16> = tags.collect();
        let first: Vec<u16> = tags.iter().copied().take(Self::KEPT).collect();
        let more = tags.len() - first.len();
        (!first.is_empty()).then_some(Self { first, more })
    }
}

#[cfg(test)]
impl From<u16> for Tags {
    fn from(tag: u16) -> Self {
        Self { first: vec![tag], more: 0 }
    }
}

/// The names in an unexpected NS record set, as findings show them.
///
/// A name may take a kilobyte as text, the name servers choose it, and a check of many delegations
/// may have tens of thousands of findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerNames {
    /// The first few, in order, each shortened. Empty if there are none at all.
    pub(super) first: Vec<String>,
    /// How many more there are.
    pub(super) more: usize,
}

impl ServerNames {
    /// How many names are kept.
    pub(super) const KEPT: usize = 4;
}

impl From<Targets> for ServerNames {
    fn from(found: Targets) -> Self {
        let names = found.names.iter().take(Self::KEPT).map(|name| Short(name).to_string());
        let root = found.root.then(|| "the root".to_owned());
        Self {
            first: names.chain(root).collect(),
            more: found.names.len().saturating_sub(Self::KEPT),
        }
    }
}

/// What was found. "The server" is the one that the finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FindingKind {
    /// The server's address is unknown.
    Unresolved(Unresolved),
    /// The server has addresses, and there may be others, which are unknown for this reason.
    MoreAddresses(Unresolved),
    /// The server does not answer.
    Silent,
    /// The server does not answer, and neither does any other server over this address family.
    FamilySilent(Family),
    /// This machine has no route to its addresses of this family.
    NoRoute(Family),
    /// The server answers with this response code.
    Code(String),
    /// The server answers without the flag AA.
    NotAuthoritative,
    /// The server answers for the name, but has no zone with that name.
    NoZone,
    /// The zone's name is an alias.
    Alias,
    /// The server's answer is not a valid DNS message.
    Malformed,
    /// The answer does not fit into a UDP datagram, and the server does not answer over TCP.
    NoTcp,
    /// The child zone's own NS record set has these name servers, which are not the expected ones.
    OwnNameServers(ServerNames),
    /// The parent zone refers to these name servers, which are not the expected ones.
    Refers(ServerNames),
    /// The parent zone does not delegate the name.
    NoDelegation,
    /// The server refers to the child with the flag AA, or in the answer section without that flag.
    OddReferral,
    /// These servers of the parent zone refer to the server without an address, although its name
    /// is in the child zone.
    MissingGlue(Vec<Name>),
    /// The parent zone has these addresses for the server, which the child zone does not have.
    StaleGlue(Vec<IpAddr>),
    /// The child zone has these addresses for the server, which the parent zone does not have. The
    /// addresses in the parent zone are correct.
    ShortGlue(Vec<IpAddr>),
    /// The child zone has no address for its own name server.
    NoOwnAddress,
    /// The parent zone has DS records with these key tags, which are not the expected ones. `None`
    /// if it has none.
    Ds(Option<Tags>),
    /// The parent zone is signed, but its DS record set for the child has no valid signature.
    DsUnsigned,
    /// The parent zone is not signed, so its DS record set for the child has no effect.
    ParentUnsigned,
    /// The zone is signed, but the parent zone has no DS record set for it.
    SignedWithoutDs,
    /// The server has no keys that match the DS records with these key tags.
    NoKey(Tags),
    /// The keys with these tags do not sign the key set.
    NotSigning(Tags),
    /// The signature by the key with this tag has expired, or is not valid yet.
    OutOfTime(u16),
    /// The DS records with these key tags have digest types or algorithms that can't be checked:
    /// the name, and the number that the first of them has.
    Unverifiable(Tags, &'static str, u8),
    /// The DS records with these key tags match no key that signs, but another DS record does.
    Spare(Tags),
    /// The DS record with this key tag is correct, but validators are phasing out its digest type
    /// or algorithm: its name and number.
    Weak(u16, &'static str, u8),
    /// The SOA record has no signature by a key of the zone.
    DataUnsigned,
    /// The signature of the SOA record has expired, or is not valid yet.
    DataOutOfTime,
    /// The servers of the zone have these serial numbers.
    Serials(Vec<u32>),
    /// The zone was not found: no name server of this zone above it answers.
    NoAnswerAbove(Name),
    /// Resolvers query these name servers for the parent zone, and none of them belongs to the zone
    /// that was changed.
    AnotherZone(ServerNames),
    /// Resolvers also query these name servers, which don't belong to the zone that was changed.
    MoreServers(ServerNames),
    /// The parent zone has this number of name servers, and not all of them were queried.
    TooMany(usize),
    /// The delegation has this number of name servers, and not all of them were queried.
    Unqueried(usize),
    /// The check ended before the server's result was complete.
    Late,
    /// The check has reached its limit of queries.
    Spent,
    /// The check has reached its limit of signatures.
    Unverified,
}

impl FindingKind {
    /// The severity of such a finding.
    pub(super) fn severity(&self) -> Severity {
        match self {
            Self::Unresolved(why) => why.severity(),
            Self::MoreAddresses(_)
            | Self::FamilySilent(_)
            | Self::NoRoute(_)
            | Self::Unverifiable(..)
            | Self::NoAnswerAbove(_)
            | Self::Late
            | Self::Spent
            | Self::Unverified => Severity::Unknown,
            Self::OddReferral
            | Self::ShortGlue(_)
            | Self::ParentUnsigned
            | Self::SignedWithoutDs
            | Self::Spare(_)
            | Self::Weak(..)
            | Self::Serials(_)
            | Self::MoreServers(_)
            | Self::TooMany(_) => Severity::Remark,
            _ => Severity::Problem,
        }
    }

    /// True for a finding about a zone, no matter which of its servers shows it.
    pub(super) fn is_of_zone(&self) -> bool {
        matches!(self, Self::ParentUnsigned | Self::SignedWithoutDs)
    }

    /// True if it is unknown what is wrong with a server, or whether it can be taken over: the
    /// check ended, or reached one of its limits, before it knew, or the resolver failed.
    pub(super) fn leaves_open(&self) -> bool {
        match self {
            Self::Late
            | Self::Spent
            | Self::Unverified
            | Self::Unresolved(Unresolved::UnknownDomain(_))
            | Self::MoreAddresses(Unresolved::Spent) => true,
            Self::Unresolved(why) => why.severity() == Severity::Unknown,
            _ => false,
        }
    }

    /// True if the finding may only be due to a recent change, at a server in this role.
    pub(super) fn is_transient(&self, role: Role) -> bool {
        match self {
            Self::Code(_)
            | Self::NotAuthoritative
            | Self::NoZone
            | Self::OwnNameServers(_)
            | Self::Refers(_)
            | Self::NoDelegation
            | Self::MissingGlue(_)
            | Self::StaleGlue(_)
            | Self::NoOwnAddress
            | Self::Ds(_)
            | Self::DsUnsigned
            | Self::NoKey(_)
            | Self::NotSigning(_)
            | Self::DataUnsigned
            | Self::MoreAddresses(_)
            | Self::NoAnswerAbove(_)
            | Self::Late => true,
            Self::Unresolved(why) => !matches!(
                why,
                Unresolved::NoGlue
                    | Unresolved::Private
                    | Unresolved::Alias
                    | Unresolved::Silent
                    | Unresolved::Spent
            ),
            Self::Silent => role == Role::Parent,
            _ => false,
        }
    }

    /// The state of a server with this finding at one of its addresses.
    pub(super) fn state(&self) -> ServerState {
        match self {
            Self::Unresolved(why) => why.state(),
            Self::Silent => ServerState::Silent,
            Self::FamilySilent(_) | Self::NoRoute(_) | Self::Spent | Self::Late => {
                ServerState::Unknown
            }
            Self::Code(_)
            | Self::NotAuthoritative
            | Self::NoZone
            | Self::Alias
            | Self::Malformed
            | Self::NoTcp => ServerState::Lame,
            _ => ServerState::Serves,
        }
    }

    /// True if the server responds that it does not have the zone. A failure does not say so: an
    /// expired zone, or a rate limit that anybody can reach, may be its cause. Nor does an alias,
    /// because names below it may exist.
    pub(super) fn says_no_zone(&self) -> bool {
        match self {
            Self::NotAuthoritative | Self::NoZone => true,
            Self::Code(code) => matches!(code.as_str(), "REFUSED" | "NOTAUTH" | "NXDOMAIN"),
            _ => false,
        }
    }

    /// The code, which stays the same when the wording changes.
    fn code(&self) -> &'static str {
        match self {
            Self::Unresolved(why) => why.code(),
            Self::MoreAddresses(_) => "addresses-unknown",
            Self::Silent => "silent",
            Self::FamilySilent(_) => "family-silent",
            Self::NoRoute(_) => "no-route",
            Self::Code(_) => "rcode",
            Self::NotAuthoritative => "not-authoritative",
            Self::NoZone => "no-zone",
            Self::Alias => "zone-is-alias",
            Self::Malformed => "malformed",
            Self::NoTcp => "no-tcp",
            Self::OwnNameServers(_) => "own-name-servers-differ",
            Self::Refers(_) => "refers-elsewhere",
            Self::NoDelegation => "no-delegation",
            Self::OddReferral => "odd-referral",
            Self::MissingGlue(_) => "glue-missing",
            Self::StaleGlue(_) => "glue-stale",
            Self::ShortGlue(_) => "glue-short",
            Self::NoOwnAddress => "no-own-address",
            Self::Ds(None) => "ds-missing",
            Self::Ds(Some(_)) => "ds-differs",
            Self::DsUnsigned => "ds-unsigned",
            Self::ParentUnsigned => "parent-unsigned",
            Self::SignedWithoutDs => "signed-without-ds",
            Self::NoKey(_) => "ds-without-key",
            Self::NotSigning(_) => "key-does-not-sign",
            Self::OutOfTime(_) => "key-signature-out-of-time",
            Self::Unverifiable(..) => "ds-not-supported",
            Self::Spare(_) => "ds-spare",
            Self::Weak(..) => "ds-weak",
            Self::DataUnsigned => "data-unsigned",
            Self::DataOutOfTime => "data-signature-out-of-time",
            Self::Serials(_) => "serials-differ",
            Self::NoAnswerAbove(_) => "no-answer-above",
            Self::AnotherZone(_) => "another-parent-zone",
            Self::MoreServers(_) => "more-parent-servers",
            Self::TooMany(_) => "too-many-servers",
            Self::Unqueried(_) => "servers-not-queried",
            Self::Late => "late",
            Self::Spent => "budget-spent",
            Self::Unverified => "signatures-not-verified",
        }
    }
}

impl Unresolved {
    /// The severity. A failure of the resolver says nothing about the name.
    pub(super) fn severity(&self) -> Severity {
        match self {
            Self::Code(_) | Self::Malformed | Self::NotRecursive | Self::Silent | Self::Spent => {
                Severity::Unknown
            }
            _ => Severity::Problem,
        }
    }

    /// The state of a server without a known address.
    pub(super) fn state(&self) -> ServerState {
        if self.severity() == Severity::Unknown {
            ServerState::Unknown
        } else {
            ServerState::Unresolved
        }
    }

    /// True if no resolver finds a server by this name. Some resolvers follow an alias, and those
    /// in a private network may reach a private address.
    pub(super) fn leads_nowhere(&self) -> bool {
        self.severity() == Severity::Problem && !matches!(self, Self::Alias | Self::Private)
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoGlue => "glue-missing",
            Self::NoSuchName | Self::UnknownDomain(_) => "no-such-name",
            Self::FreeDomain(_) => "domain-is-free",
            Self::NoAddress => "no-address",
            Self::Private => "private-address",
            Self::Alias | Self::NoSuchTarget(_) => "server-is-alias",
            Self::NoNameServers => "no-name-servers",
            Self::Code(_) | Self::Malformed | Self::NotRecursive | Self::Silent => "resolver-fails",
            Self::Spent => "budget-spent",
        }
    }
}

impl Finding {
    /// The name server, or the zone, that the finding is about.
    pub fn server(&self) -> &Name {
        &self.server
    }

    /// The addresses that have this finding. Empty if it is about the server as a whole.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// True if it was found at a name server of the parent zone.
    pub fn is_of_parent(&self) -> bool {
        self.role == Role::Parent
    }

    /// How severe the finding is.
    pub fn severity(&self) -> Severity {
        self.kind.severity()
    }

    /// The code of the finding, such as `silent`.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The response code of the answer, such as `REFUSED`, if the finding is about one.
    pub fn rcode(&self) -> Option<&str> {
        match &self.kind {
            FindingKind::Code(code)
            | FindingKind::Unresolved(Unresolved::Code(code))
            | FindingKind::MoreAddresses(Unresolved::Code(code)) => Some(code),
            _ => None,
        }
    }

    /// How urgent the finding is, among the findings of a report: the lowest number first.
    pub(super) fn urgency(&self) -> u8 {
        match self.severity() {
            _ if self.is_takeover() => 0,
            _ if self.says_no_zone() => 1,
            _ if self.fails_to_serve() => 2,
            Severity::Problem => 3,
            _ if self.kind.leaves_open() => 4,
            Severity::Unknown => 5,
            Severity::Remark => 6,
        }
    }

    /// True if a server responds that it does not have the zone, so that somebody else may be able
    /// to create it there.
    pub fn says_no_zone(&self) -> bool {
        self.kind.says_no_zone()
    }

    /// True if the server does not serve the zone at the addresses of this finding, or has no
    /// address that can be used.
    pub fn fails_to_serve(&self) -> bool {
        self.severity() == Severity::Problem && self.kind.state() != ServerState::Serves
    }

    /// True if this finding allows anybody else to answer for the name.
    pub fn is_takeover(&self) -> bool {
        matches!(self.kind, FindingKind::Unresolved(Unresolved::FreeDomain(_)))
    }
}
