//! How a report says what it found.

use std::fmt;
use std::net::IpAddr;

use super::finding::{Family, Finding, FindingKind, Role, ServerState, Unresolved};
use super::report::{Report, Server, Verdict};
use super::response::Targets;
use delegation_model::name::Name;

/// How many findings a line tells.
const TOLD: usize = 4;

/// How many characters a finding takes of the line.
const PROBLEM: usize = 400;

/// How many characters of a name are shown.
const NAME: usize = 100;

/// How many name servers of a set that is not as expected are named.
const NAMED: usize = 4;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Short(&self.name);
        if self.no_egress {
            return write!(
                f,
                "nothing is known of {name}: no name server answers from here at all; there seems to be no way out for DNS \
                 queries (port 53, UDP and TCP), as in a VPC without a NAT gateway"
            );
        }
        match self.verdict() {
            Verdict::Good => {
                self.good(f)?;
                // That a server has addresses which can't be reached from here is in the count.
                let notes = self.findings.iter().filter(|finding| !finding.kind.is_out_of_reach());
                notes.take(TOLD).try_for_each(|finding| write!(f, "; {finding}"))
            }
            Verdict::Bad => several(f, self.problems()),
            Verdict::Unknown => {
                write!(f, "nothing is known of {name}: ")?;
                several(f, self.unknowns())
            }
        }
    }
}

/// What a good report says, without what is worth knowing besides.
struct Summary<'a>(&'a Report);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.good(f)
    }
}

impl Report {
    /// Of a good report, what is said without its findings.
    pub fn summary(&self) -> impl fmt::Display {
        Summary(self)
    }

    fn good(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Short(&self.name);
        let heard = |servers: &[Server]| {
            let serving =
                servers.iter().filter(|server| server.state == ServerState::Serves).count();
            (serving, servers.len())
        };
        match heard(&self.servers) {
            (_, 1) => write!(f, "the name server answers for {name}")?,
            (serving, all) if all == serving => {
                write!(f, "the {all} name servers answer for {name}")?;
            }
            // Of the others nothing is known.
            (serving, all) => {
                write!(
                    f,
                    "{serving} of the {all} name servers can be reached from here and answer for {name}"
                )?;
            }
        }
        if self.has_secure_server() {
            f.write_str(" with the keys of its DS records")?;
        }
        let Some(parent) = &self.parent else { return Ok(()) };
        let parent = Short(parent);
        match heard(&self.parent_servers) {
            (_, 1) => write!(f, ", and the server of {parent} refers to them"),
            (heard, all) if heard == all => {
                write!(f, ", and the {all} servers of {parent} refer to them")
            }
            (heard, all) => {
                write!(
                    f,
                    ", and {heard} of the {all} servers of {parent} can be reached and refer to them"
                )
            }
        }
    }
}

/// Some findings, and how many more there are.
fn several<'a>(
    f: &mut fmt::Formatter<'_>,
    findings: impl Iterator<Item = &'a Finding>,
) -> fmt::Result {
    let findings: Vec<&Finding> = findings.collect();
    for (index, finding) in findings.iter().take(TOLD).enumerate() {
        if index > 0 {
            f.write_str("; ")?;
        }
        write!(f, "{finding}")?;
    }
    match findings.len().saturating_sub(TOLD) {
        0 => Ok(()),
        more => write!(f, "; and {more} more"),
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        let addresses = if addresses.is_empty() {
            String::new()
        } else {
            format!(" ({})", addresses.join(", "))
        };
        let role = if self.role == Role::Parent { " of the parent zone" } else { "" };
        let text = format!("{}{addresses}{role} {}", Short(&self.server), self.kind.words());
        match text.char_indices().nth(PROBLEM) {
            Some((end, _)) => write!(f, "{}...", text.get(..end).unwrap_or_default()),
            None => f.write_str(&text),
        }
    }
}

impl Unresolved {
    pub(super) fn words(&self) -> String {
        match self {
            Self::NoGlue => {
                "lies in the child zone, and the parent zone has no address for it (glue)"
                    .to_owned()
            }
            Self::NoSuchName => "does not resolve: the name does not exist".to_owned(),
            Self::FreeDomain(domain) => format!(
                "does not resolve: the domain {} does not exist; anybody who registers it can answer for the zone",
                Short(domain)
            ),
            Self::NoAddress => "does not resolve: the name has no address".to_owned(),
            Self::Private => "has an address that the internet can't reach".to_owned(),
            Self::Alias => {
                "is an alias (CNAME), which the name of a name server must not be".to_owned()
            }
            Self::NoNameServers => "has no name servers, according to the resolver".to_owned(),
            Self::Code(_) | Self::Malformed | Self::NotRecursive | Self::Silent => {
                format!("could not be resolved: {}", self.reason())
            }
            Self::Spent => SPENT.to_owned(),
        }
    }

    /// Why a look-up failed.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Code(code) => format!("the resolver answered {code}"),
            Self::Malformed => "the resolver's answer is not a valid DNS message".to_owned(),
            Self::NotRecursive => "the server that was asked is not a resolver".to_owned(),
            Self::Silent => "no resolver answered".to_owned(),
            other => other.words(),
        }
    }

    fn remedy(&self) -> &'static str {
        match self {
            Self::NoGlue => {
                "Add its addresses (A, AAAA) to the parent zone, or name a server outside of the child zone."
            }
            Self::NoSuchName | Self::NoAddress => {
                "Correct the name, or give it an address (A or AAAA) in its own zone; otherwise remove it from the \
                 delegation."
            }
            Self::FreeDomain(_) => {
                "Remove it from the delegation now, or register the domain yourself."
            }
            Self::Private => {
                "Remove that address, or ask the resolver of the network that it is meant for."
            }
            Self::Alias => {
                "Name the host that the alias leads to, or give the name addresses (A, AAAA) of its own."
            }
            Self::NoNameServers => {
                "Delegate the zone from the zone above it, or ask another resolver."
            }
            Self::Code(_) | Self::Malformed | Self::NotRecursive | Self::Silent => {
                "Ask another resolver, or try again."
            }
            Self::Spent => AGAIN,
        }
    }
}

const SPENT: &str = "was not asked: the check had sent as many queries as it may";

const AGAIN: &str = "Try again; if it stays so, repair the servers that the other findings name.";

impl Family {
    fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

impl FindingKind {
    fn is_out_of_reach(&self) -> bool {
        matches!(self, Self::Unheard(_) | Self::NoRoute(_))
    }

    fn words(&self) -> String {
        match self {
            Self::Unresolved(why) => why.words(),
            Self::MoreAddresses(why) => {
                format!("may have more addresses: one of the two look-ups failed ({})", why.reason())
            }
            Self::Silent => "does not answer".to_owned(),
            Self::Unheard(family) => {
                let family = family.as_str();
                format!("does not answer over {family}, and nothing else does from here over {family}")
            }
            Self::NoRoute(family) => format!("can't be asked: there is no {} from here", family.as_str()),
            Self::Code(code) => format!("does not answer for the zone ({code})"),
            Self::NotAuthoritative => "does not answer for the zone (not authoritative)".to_owned(),
            Self::NoZone => "does not answer for the zone (it knows no zone of this name)".to_owned(),
            Self::Alias => "has an alias (CNAME) in place of the zone".to_owned(),
            Self::Malformed => "answers with something that is not a valid DNS message".to_owned(),
            Self::NoTcp => "has an answer that does not fit a UDP datagram, and does not answer over TCP".to_owned(),
            Self::OwnNameServers(found) => {
                format!("has other name servers in the zone's own NS record set: {}", list(found))
            }
            Self::Refers(found) => format!("refers to other name servers: {}", list(found)),
            Self::NoDelegation => "does not delegate the name".to_owned(),
            Self::OddReferral => {
                "delegates the name in an unusual form, which resolvers accept (RFC 1034, section 4.3.2)".to_owned()
            }
            Self::MissingGlue(servers) => {
                format!(
                    "lies in the child zone, and these servers of the parent zone give no address for it: {}",
                    names(servers)
                )
            }
            Self::StaleGlue(found) => {
                format!("has addresses in the parent zone that the child zone does not have: {}", addresses(found))
            }
            Self::ShortGlue(found) => {
                format!("has addresses in the child zone that the parent zone does not give: {}", addresses(found))
            }
            Self::NoOwnAddress => "lies in the child zone, which has no address for it".to_owned(),
            Self::Ds(None) => "has no DS record set for the name".to_owned(),
            Self::Ds(Some(found)) => {
                let tags: Vec<String> = found.iter().map(|ds| ds.key_tag().to_string()).take(NAMED).collect();
                format!("has another DS record set for the name (key tags {})", tags.join(", "))
            }
            Self::DsUnsigned => "has no valid signature of the DS record set, though the zone is signed".to_owned(),
            Self::ParentUnsigned => "is not signed, so a DS record set in it proves nothing".to_owned(),
            Self::SignedWithoutDs => {
                "is signed, but the parent zone has no DS record set for it, so nobody validates it".to_owned()
            }
            Self::NoKey(tag) => format!("does not serve the key of the DS record with key tag {tag}"),
            Self::NotSigning(tag) => {
                format!("serves no valid signature of the key set by the key {tag} of the DS records")
            }
            Self::OutOfTime(tag) => format!("serves a signature of the key set by the key {tag} that is not valid now"),
            Self::Unverifiable(tag, what, number) => {
                format!("can't be checked for the DS record with key tag {tag}: its {what} {number} is not supported")
            }
            Self::Spare(tag) => {
                format!("serves no key for the DS record with key tag {tag}, and serves one for another DS record")
            }
            Self::Weak(tag, what, number) => format!(
                "is secured only by the DS record with key tag {tag}, whose {what} {number} is of SHA-1, which validators are \
                 giving up (RFC 9905)"
            ),
            Self::DataUnsigned => "serves data without a valid signature by the zone's keys".to_owned(),
            Self::DataOutOfTime => "serves data whose signature is not valid now".to_owned(),
            Self::Serials(found) => {
                let found: Vec<String> = found.iter().map(ToString::to_string).take(NAMED).collect();
                format!("has different serial numbers at its servers: {}", found.join(", "))
            }
            Self::NobodyAbove(zone) => {
                format!("was not found: no name server of {} answers from here", Short(zone))
            }
            Self::AnotherZone(asked) => format!(
                "is served to the world by another zone of that name: resolvers ask {}, and none of the name servers of the zone \
                 that was written",
                list(asked)
            ),
            Self::MoreServers(others) => {
                format!(
                    "is also served by name servers that are not those of the zone that was written: {}",
                    list(others)
                )
            }
            Self::TooMany(count) => format!("has {count} name servers, more than are asked"),
            Self::Late => "could not be asked in time".to_owned(),
            Self::Spent => SPENT.to_owned(),
        }
    }
}

impl Finding {
    /// What to do about it, in a sentence; none about what is no fault.
    pub fn remedy(&self) -> Option<&'static str> {
        self.kind.remedy(self.role)
    }
}

impl FindingKind {
    fn remedy(&self, role: Role) -> Option<&'static str> {
        let remedy = match (self, role) {
            (Self::Unresolved(why) | Self::MoreAddresses(why), _) => why.remedy(),
            (Self::Silent, _) => {
                "Start the server, or let it answer on port 53 over UDP and TCP; otherwise remove it."
            }
            (Self::Unheard(_) | Self::NoRoute(_), _) => {
                "Check it from a network that reaches such addresses."
            }
            (Self::Code(code), Role::Child) if code == "REFUSED" => {
                "Create the zone on this server, or remove the server from the delegation: anybody who is given this server for \
                 a zone of that name can answer for it."
            }
            (Self::Code(_) | Self::NotAuthoritative | Self::NoZone, Role::Child) => {
                "Have this server serve the zone, or remove it from the delegation."
            }
            (Self::Code(_) | Self::NotAuthoritative | Self::NoZone, Role::Parent) => {
                "Have this server serve the parent zone, or remove it from the NS record sets of that zone."
            }
            (Self::Alias, _) => "Remove the alias: a zone can't be one.",
            (Self::Malformed | Self::NoTcp, _) => {
                "Repair the server, or the firewall in front of it: DNS needs port 53 over UDP and TCP."
            }
            (Self::OwnNameServers(_), _) => {
                "Make the NS record set at the child zone's apex and the delegation the same."
            }
            (Self::DsUnsigned, _) => {
                "Sign the parent zone anew; if it was changed moments ago, try again."
            }
            (Self::Refers(_) | Self::NoDelegation | Self::Ds(_), _) => {
                "Deploy the delegation; if it was deployed moments ago, try again."
            }
            (Self::MissingGlue(_), _) => "Add its addresses (A, AAAA) to the parent zone.",
            (Self::StaleGlue(_) | Self::NoOwnAddress, _) => {
                "Give the name the same addresses (A, AAAA) in the parent zone and in the child zone."
            }
            (Self::NoKey(_), _) => {
                "Replace the DS record with that of a key that the zone serves, or remove it."
            }
            (Self::NotSigning(_) | Self::OutOfTime(_), _) => {
                "Sign the key set with that key anew, or remove the DS record; check the signer's clock."
            }
            (Self::Unverifiable(..), _) => "Check it with a validator that knows it.",
            (Self::Weak(..), _) => {
                "Publish a DS record with a SHA-256 digest of a key with an algorithm of today."
            }
            (Self::DataUnsigned | Self::DataOutOfTime, _) => {
                "Sign the zone anew with a key that is in its key set; check the signer's clock."
            }
            (Self::SignedWithoutDs, _) => {
                "Publish the DS record of its key in the parent zone, or stop signing."
            }
            (Self::NobodyAbove(_), _) => {
                "Let DNS queries out (port 53, UDP and TCP), or try again."
            }
            (Self::AnotherZone(_) | Self::MoreServers(_), _) => {
                "Find out which of the zones of that name is delegated, and write to that one."
            }
            (Self::Late | Self::Spent, _) => AGAIN,
            (
                Self::OddReferral
                | Self::ShortGlue(_)
                | Self::ParentUnsigned
                | Self::Spare(_)
                | Self::Serials(_)
                | Self::TooMany(_),
                _,
            ) => return None,
        };
        Some(remedy)
    }
}

fn names(servers: &[Name]) -> String {
    servers.iter().take(NAMED).map(|name| Short(name).to_string()).collect::<Vec<_>>().join(", ")
}

fn addresses(found: &[IpAddr]) -> String {
    found.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn list(found: &Targets) -> String {
    if found.is_empty() {
        return "none".to_owned();
    }
    let mut names: Vec<String> =
        found.names.iter().take(NAMED).map(|name| Short(name).to_string()).collect();
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
