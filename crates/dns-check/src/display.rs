//! How a report says what it found.

use std::fmt;
use std::net::IpAddr;

use super::finding::{Family, Finding, FindingKind, Report, Role, Server, ServerState, Unresolved, Verdict};
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

impl Report {
    fn good(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Short(&self.name);
        let heard = |servers: &[Server]| {
            let serving = servers.iter().filter(|server| server.state == ServerState::Serves).count();
            (serving, servers.len())
        };
        match heard(&self.servers) {
            (_, 1) => write!(f, "the name server answers for {name}")?,
            (serving, all) if all == serving => write!(f, "the {all} name servers answer for {name}")?,
            // Of the others nothing is known.
            (serving, all) => {
                write!(f, "{serving} of the {all} name servers can be reached from here and answer for {name}")?;
            }
        }
        if self.has_secure_server() {
            f.write_str(" with the keys of its DS records")?;
        }
        let Some(parent) = &self.parent else { return Ok(()) };
        let parent = Short(parent);
        match heard(&self.parent_servers) {
            (_, 1) => write!(f, ", and the server of {parent} refers to them"),
            (heard, all) if heard == all => write!(f, ", and the {all} servers of {parent} refer to them"),
            (heard, all) => {
                write!(f, ", and {heard} of the {all} servers of {parent} can be reached and refer to them")
            }
        }
    }
}

/// Some findings, and how many more there are.
fn several<'a>(f: &mut fmt::Formatter<'_>, findings: impl Iterator<Item = &'a Finding>) -> fmt::Result {
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
        let addresses = if addresses.is_empty() { String::new() } else { format!(" ({})", addresses.join(", ")) };
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
            Self::NoGlue => "lies in the child zone, and the parent zone has no address for it (glue)".to_owned(),
            Self::NoSuchName => "does not resolve: the name does not exist".to_owned(),
            Self::FreeDomain(domain) => format!(
                "does not resolve: the domain {} does not exist; anybody who registers it can answer for the zone",
                Short(domain)
            ),
            Self::NoAddress => "does not resolve: the name has no address".to_owned(),
            Self::Private => "has an address that the internet can't reach".to_owned(),
            Self::Alias => "is an alias (CNAME), which the name of a name server must not be".to_owned(),
            Self::NoNameServers => "has no name servers, says the resolver".to_owned(),
            Self::Code(code) => format!("does not resolve ({code})"),
            Self::Malformed => "does not resolve: the resolver's answer can't be read".to_owned(),
            Self::Silent => "does not resolve: no resolver answers".to_owned(),
            Self::Spent => SPENT.to_owned(),
        }
    }
}

const SPENT: &str = "was not asked: the check has sent as many queries as it may";

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
                format!("may have other addresses: a look-up of them failed ({})", why.words())
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
            Self::Malformed => "answers with something that can't be read".to_owned(),
            Self::NoTcp => "has more to say than fits a UDP answer, and does not answer over TCP".to_owned(),
            Self::OwnNameServers(found) => {
                format!("has other name servers in the zone's own NS record set: {}", list(found))
            }
            Self::Refers(found) => format!("refers to other name servers: {}", list(found)),
            Self::NoDelegation => "does not refer to the name servers".to_owned(),
            Self::OddReferral => {
                "refers to them in an unusual form, which resolvers take (RFC 1034, section 4.3.2)".to_owned()
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
            Self::ParentUnsigned => "is not signed: a DS record set in it proves nothing".to_owned(),
            Self::SignedWithoutDs => "is signed, and no DS record set leads to it".to_owned(),
            Self::NoKey(tag) => format!("does not serve the key of the DS record with key tag {tag}"),
            Self::NotSigning(tag) => {
                format!("serves no valid signature of the key set by the key {tag} of the DS records")
            }
            Self::OutOfTime(tag) => format!("serves a signature of the key set by the key {tag} that is not valid now"),
            Self::Unverifiable(tag, what, number) => {
                format!("can't be checked for the DS record with key tag {tag}: its {what} {number} is not supported")
            }
            Self::Spare(tag) => {
                format!("has no use for the DS record with key tag {tag}: another one leads to its keys")
            }
            Self::Weak(tag, what, number) => format!(
                "is secured by the DS record with key tag {tag} alone, whose {what} {number} (SHA-1) validators give up (RFC 9905)"
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
                "is another zone to the world than the one that was written: it asks {}, and none of that zone's name servers",
                list(asked)
            ),
            Self::MoreServers(others) => {
                format!("is also asked at name servers that are not of the zone that was written: {}", list(others))
            }
            Self::TooMany(count) => format!("has {count} name servers, of which not all were asked"),
            Self::Late => "could not be asked in time".to_owned(),
            Self::Spent => SPENT.to_owned(),
        }
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
