//! One thing that a check found: where, what, and how much it weighs.

use std::net::IpAddr;

use super::response::Targets;
use delegation_model::ds::DsRecords;
use delegation_model::name::Name;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It is wrong.
    Problem,
    /// It could not be found out.
    Unknown,
    /// It is worth knowing, and no fault.
    Remark,
}

/// What a name server did when it was asked for the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerState {
    /// It answers authoritatively for the zone, at each of its addresses that answers at all.
    Serves,
    /// It answers, but not for this zone, or nothing that can be read: it is lame (RFC 9499,
    /// section 7).
    Lame,
    /// It does not answer, though others do over the same protocol.
    Silent,
    /// Its name has no address, or none that the internet can reach, or is an alias.
    Unresolved,
    /// Nothing is known of it: no resolver tells its address, it has only addresses that can't be
    /// reached from here, or the check ended before it was done with it.
    Unknown,
}

impl ServerState {
    /// The word for it, in tables and documents of the command.
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

/// One thing that was found: where, and what.
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
    /// Nor does this domain above it, which may be registered.
    FreeDomain(Name),
    /// The name exists and has no address.
    NoAddress,
    /// It has an address that the internet can't reach. Which one is not told: it may be of the
    /// network that asks.
    Private,
    /// The name is an alias (RFC 2181, section 10.3).
    Alias,
    /// The zone has no name servers.
    NoNameServers,
    /// The resolver answered with this code.
    Code(String),
    /// The resolver's answers can't be read.
    Malformed,
    /// What was asked is no resolver: it knows no answer, and does not look for one.
    NotRecursive,
    /// No resolver answers.
    Silent,
    /// The check has sent all that it may.
    Spent,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FindingKind {
    Unresolved(Unresolved),
    /// It has addresses, and others are not known for this reason.
    MoreAddresses(Unresolved),
    Silent,
    /// It does not answer, and neither does anybody else over this family.
    Unheard(Family),
    /// This machine has no route to its addresses of this family.
    NoRoute(Family),
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
    /// It refers with the flag AA, or in the answer section without it.
    OddReferral,
    /// These servers of the parent zone refer to it without an address, though its name lies in the
    /// child zone.
    MissingGlue(Vec<Name>),
    /// The parent zone has these addresses for it, which the child zone does not have.
    StaleGlue(Vec<IpAddr>),
    /// The child zone has these addresses for it, and the parent zone has others of them alone.
    ShortGlue(Vec<IpAddr>),
    /// The child zone has no address for its own name server.
    NoOwnAddress,
    /// The parent zone has these DS records; `None`: none.
    Ds(Option<DsRecords>),
    /// The parent zone is signed, and its DS record set for the child has no valid signature.
    DsUnsigned,
    /// The parent zone is not signed: its DS record set for the child proves nothing.
    ParentUnsigned,
    /// The zone is signed, and has no DS record set.
    SignedWithoutDs,
    /// The DS record of this key tag and digest has no key.
    NoKey(u16),
    /// The key of this tag does not sign the key set.
    NotSigning(u16),
    /// The signature by the key of this tag has expired, or is not valid yet.
    OutOfTime(u16),
    /// The DS record of this key tag has a digest, or its key an algorithm, that can't be checked.
    Unverifiable(u16, &'static str, u8),
    /// The DS record of this key tag leads to no key that signs, and another one does.
    Spare(u16),
    /// The DS record of this key tag is right, and of a digest or algorithm that validators give
    /// up.
    Weak(u16, &'static str, u8),
    /// The SOA record has no signature by a key of the zone.
    DataUnsigned,
    /// The signature of the SOA record has expired, or is not valid yet.
    DataOutOfTime,
    /// The servers of the zone have these serial numbers.
    Serials(Vec<u32>),
    /// None of the name servers of this zone above it tells where it is served.
    NobodyAbove(Name),
    /// None of the name servers that the world asks for the parent zone is of the zone that was
    /// written.
    AnotherZone(Targets),
    /// The world asks these name servers too.
    MoreServers(Targets),
    /// It has so many name servers, and not all of them were asked.
    TooMany(usize),
    /// The check ended before it was done with the server.
    Late,
    /// The check has sent all that it may.
    Spent,
}

impl FindingKind {
    /// How much it weighs.
    pub(super) fn severity(&self) -> Severity {
        match self {
            Self::Unresolved(why) => why.severity(),
            Self::MoreAddresses(_)
            | Self::Unheard(_)
            | Self::NoRoute(_)
            | Self::Unverifiable(..)
            | Self::NobodyAbove(_)
            | Self::Late
            | Self::Spent => Severity::Unknown,
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

    /// True for what is so of a zone, whichever of its servers tells.
    pub(super) fn is_of_zone(&self) -> bool {
        matches!(self, Self::ParentUnsigned | Self::SignedWithoutDs)
    }

    /// True for what a zone shows that has just been made or changed, at a server of this role.
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
            | Self::NobodyAbove(_)
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

    /// What a server that has this finding at the apex of its zone is.
    pub(super) fn state(&self) -> ServerState {
        match self {
            Self::Unresolved(why) => why.state(),
            Self::Silent => ServerState::Silent,
            Self::Unheard(_) | Self::NoRoute(_) | Self::Spent | Self::Late => ServerState::Unknown,
            Self::Code(_)
            | Self::NotAuthoritative
            | Self::NoZone
            | Self::Alias
            | Self::Malformed
            | Self::NoTcp => ServerState::Lame,
            _ => ServerState::Serves,
        }
    }

    /// Its code, which does not change with the wording.
    fn code(&self) -> &'static str {
        match self {
            Self::Unresolved(why) => why.code(),
            Self::MoreAddresses(_) => "addresses-unknown",
            Self::Silent => "silent",
            Self::Unheard(_) => "unheard",
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
            Self::NobodyAbove(_) => "nobody-above",
            Self::AnotherZone(_) => "another-parent-zone",
            Self::MoreServers(_) => "more-parent-servers",
            Self::TooMany(_) => "too-many-servers",
            Self::Late => "late",
            Self::Spent => "budget-spent",
        }
    }
}

impl Unresolved {
    /// A failure of the resolver says nothing of the name.
    fn severity(&self) -> Severity {
        match self {
            Self::Code(_) | Self::Malformed | Self::NotRecursive | Self::Silent | Self::Spent => {
                Severity::Unknown
            }
            _ => Severity::Problem,
        }
    }

    /// What a server of such a name is.
    pub(super) fn state(&self) -> ServerState {
        if self.severity() == Severity::Unknown {
            ServerState::Unknown
        } else {
            ServerState::Unresolved
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoGlue => "glue-missing",
            Self::NoSuchName => "no-such-name",
            Self::FreeDomain(_) => "domain-is-free",
            Self::NoAddress => "no-address",
            Self::Private => "private-address",
            Self::Alias => "server-is-alias",
            Self::NoNameServers => "no-name-servers",
            Self::Code(_) | Self::Malformed | Self::NotRecursive | Self::Silent => "resolver-fails",
            Self::Spent => "budget-spent",
        }
    }
}

impl Finding {
    /// The name server that it is about, or the zone.
    pub fn server(&self) -> &Name {
        &self.server
    }

    /// The addresses at which it is so; none if it is about all of the server.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// True if it was found at a name server of the parent zone.
    pub fn is_of_parent(&self) -> bool {
        self.role == Role::Parent
    }

    /// How much it weighs.
    pub fn severity(&self) -> Severity {
        self.kind.severity()
    }

    /// The code of its kind, such as `silent`.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The response code that was answered, such as `REFUSED`.
    pub fn rcode(&self) -> Option<&str> {
        match &self.kind {
            FindingKind::Code(code)
            | FindingKind::Unresolved(Unresolved::Code(code))
            | FindingKind::MoreAddresses(Unresolved::Code(code)) => Some(code),
            _ => None,
        }
    }

    /// True if somebody else could answer for the name because of it.
    pub fn is_takeover(&self) -> bool {
        matches!(self.kind, FindingKind::Unresolved(Unresolved::FreeDomain(_)))
    }
}
