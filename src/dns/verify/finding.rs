//! What a check found, and how it says so.

use std::fmt;
use std::net::IpAddr;

use super::answer::Targets;
use crate::dns::ds::DsRecords;
use crate::dns::name::Name;

/// How many problems a line tells.
const TOLD: usize = 4;

/// How many characters a problem takes of the line.
const PROBLEM: usize = 400;

/// How many characters of a name are shown.
const NAME: usize = 100;

/// How many name servers of a set that is not as wanted are named.
const NAMED: usize = 4;

/// What a DNS check found.
///
/// As text it is one line of at most about 2000 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub(super) name: Name,
    /// The parent zone and how many servers it has, where it was asked.
    pub(super) parent: Option<(Name, usize)>,
    /// Whether DS records were compared.
    pub(super) dnssec: bool,
    pub(super) servers: Vec<(Name, ServerState)>,
    pub(super) problems: Vec<Problem>,
    pub(super) no_egress: bool,
    pub(super) bogus: bool,
    pub(super) vouches: bool,
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
pub struct Problem {
    pub(super) server: Name,
    /// The addresses at which it is so; none if it is about all of the server.
    pub(super) addresses: Vec<IpAddr>,
    /// The zone in whose name the server was asked.
    pub(super) role: Role,
    pub(super) kind: Kind,
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
    Inward,
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
pub(super) enum Kind {
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
    /// More name servers than are asked.
    TooMany,
    /// The check ended before it was done with the server.
    Late,
}

impl Kind {
    /// True for what a zone shows that has just been made or changed, at a server of this role.
    pub(super) fn may_pass(&self, role: Role) -> bool {
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
                !matches!(why, Unresolved::NoGlue | Unresolved::Inward | Unresolved::Alias | Unresolved::Silent)
            }
            Self::Silent => role == Role::Parent,
            Self::Alias
            | Self::Malformed
            | Self::NoTcp
            | Self::OutOfTime(_)
            | Self::Unverifiable(..)
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

    /// What a server that has this problem at the apex of the child zone is.
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
    /// True if everything is as wanted.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// What is not as wanted, in the order of the name servers, those of the child zone first.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What each of the wanted name servers did.
    pub fn servers(&self) -> &[(Name, ServerState)] {
        &self.servers
    }

    /// True if a name server of the child has no key for any of the DS records: resolvers that validate would call the zone bogus.
    pub fn is_bogus(&self) -> bool {
        self.bogus
    }

    /// True if a name server of the child was seen to serve a key for at least one of the DS records, and to sign the key set with
    /// it, validly now.
    ///
    /// A server that is found not to serve the zone, at whichever of its addresses, does not count. Without DS records in
    /// question nobody vouches for any. Not the opposite of [`Finding::is_bogus`]: of two servers one may vouch, and the other
    /// have none of the keys; and of servers that are silent nothing is known.
    pub fn vouches(&self) -> bool {
        self.vouches
    }

    /// True if no name server answered anything, although at least one was asked: from here, all of them are out of reach.
    ///
    /// Most likely this machine has no way out (a function in a VPC without a NAT gateway) rather than that the
    /// delegation is broken. Where only the child's name servers were asked, all of them being down looks the same.
    pub fn no_egress(&self) -> bool {
        self.no_egress
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Short(&self.name);
        if self.no_egress {
            return write!(
                f,
                "nothing is known of {name}: no name server answers from here at all; there seems to be no way out for DNS \
                 queries (port 53, UDP and TCP), as in a VPC without a NAT gateway"
            );
        }
        if self.problems.is_empty() {
            let serving = self.servers.iter().filter(|(_, state)| *state == ServerState::Serves).count();
            match self.servers.len() {
                1 => write!(f, "the name server answers for {name}")?,
                all if all == serving => write!(f, "the {all} name servers answer for {name}")?,
                // The others have only addresses without a route from here.
                all => write!(f, "{serving} of the {all} name servers can be reached from here and answer for {name}")?,
            }
            if self.dnssec {
                f.write_str(" with the keys of its DS records")?;
            }
            return match &self.parent {
                Some((parent, 1)) => write!(f, ", and the server of {} refers to them", Short(parent)),
                Some((parent, count)) => write!(f, ", and the {count} servers of {} refer to them", Short(parent)),
                None => Ok(()),
            };
        }
        for (index, problem) in self.problems.iter().take(TOLD).enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        match self.problems.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        let addresses = if addresses.is_empty() { String::new() } else { format!(" ({})", addresses.join(", ")) };
        let role = if self.role == Role::Parent { " of the parent zone" } else { "" };
        let text = format!("{}{addresses}{role} {}", Short(&self.server), self.kind.words());
        match text.char_indices().nth(PROBLEM) {
            Some((end, _)) => write!(f, "{}...", text.get(..end).unwrap_or_default()),
            None => f.write_str(&text),
        }
    }
}

impl Kind {
    fn words(&self) -> String {
        match self {
            Self::Unresolved(Unresolved::NoGlue) => {
                "lies in the child zone, and the parent zone has no address for it (glue)".to_owned()
            }
            Self::Unresolved(Unresolved::NoSuchName) => "does not resolve: the name does not exist".to_owned(),
            Self::Unresolved(Unresolved::NoAddress) => "does not resolve: the name has no address".to_owned(),
            Self::Unresolved(Unresolved::Inward) => "has an address that the internet can't reach".to_owned(),
            Self::Unresolved(Unresolved::Alias) => {
                "is an alias (CNAME), which the name of a name server must not be".to_owned()
            }
            Self::Unresolved(Unresolved::NoNameServers) => "has no name servers, says the resolver".to_owned(),
            Self::Unresolved(Unresolved::Code(code)) => format!("does not resolve ({code})"),
            Self::Unresolved(Unresolved::Malformed) => {
                "does not resolve: the resolver's answer can't be read".to_owned()
            }
            Self::Unresolved(Unresolved::Silent) => "does not resolve: no resolver answers".to_owned(),
            Self::Silent => "does not answer".to_owned(),
            Self::Code(code) => format!("does not answer for the zone ({code})"),
            Self::NotAuthoritative => "does not answer for the zone (not authoritative)".to_owned(),
            Self::NoZone => "does not answer for the zone (it knows no zone of this name)".to_owned(),
            Self::Alias => "has an alias (CNAME) in place of the zone".to_owned(),
            Self::Malformed => "answers with something that can't be read".to_owned(),
            Self::NoTcp => "has more to say than fits a UDP answer, and does not answer over TCP".to_owned(),
            Self::OwnNameServers(found) => {
                format!("has other name servers in the zone's own NS record set: {}", list(found))
            }
            Self::Refers(found) => format!("refers to other name servers: {}", list(found)),
            Self::NoDelegation => "does not refer to the name servers".to_owned(),
            Self::Ds(None) => "has no DS record set for the name".to_owned(),
            Self::Ds(Some(found)) => {
                let tags: Vec<String> = found.iter().map(|ds| ds.key_tag().to_string()).take(NAMED).collect();
                format!("has another DS record set for the name (key tags {})", tags.join(", "))
            }
            Self::NoKey(tag) => format!("does not serve the key of the DS record with key tag {tag}"),
            Self::NotSigning(tag) => {
                format!("serves no valid signature of the key set by the key {tag} of the DS records")
            }
            Self::OutOfTime(tag) => format!("serves a signature of the key set by the key {tag} that is not valid now"),
            Self::Unverifiable(tag, what, number) => {
                format!("can't be checked for the DS record with key tag {tag}: its {what} {number} is not supported")
            }
            Self::TooMany => "has too many name servers to ask them all".to_owned(),
            Self::Late => "could not be asked in time".to_owned(),
        }
    }
}

fn list(found: &Targets) -> String {
    if found.is_empty() {
        return "none".to_owned();
    }
    let mut names: Vec<String> = found.names.iter().take(NAMED).map(|name| Short(name).to_string()).collect();
    if found.root {
        names.push("the root".to_owned());
    }
    match found.names.len().saturating_sub(NAMED) {
        0 => {}
        _ if found.more => names.push("and many more".to_owned()),
        more => names.push(format!("and {more} more")),
    }
    names.join(", ")
}

/// A name in a line for people: a very long one is cut.
struct Short<'a>(&'a Name);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.as_str();
        match text.get(..NAME) {
            Some(head) if text.len() > NAME => write!(f, "{head}..."),
            _ => f.write_str(text),
        }
    }
}
