//! Displays reports and findings.

use std::fmt;
use std::net::IpAddr;

use super::finding::{
    Family, Finding, FindingKind, Role, ServerNames, ServerState, Tags, Unresolved,
};
use super::report::{FindingGroup, Report, Server, Verdict};
use super::zone_check::SERVERS;
use delegation_model::name::Name;

/// How many findings a line shows.
const SHOWN_FINDINGS: usize = 4;

/// The most characters of a finding in a line.
const MAX_FINDING: usize = 400;

/// The most characters of a name.
const MAX_NAME: usize = 100;

/// How many name servers of an unexpected set are shown.
const SHOWN_SERVERS: usize = ServerNames::KEPT;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Short(&self.name);
        if self.no_egress {
            return write!(
                f,
                "nothing is known about {name}: no name server answers from here at all; DNS queries (port 53, UDP and TCP) \
                 seem to be blocked, as in a VPC without a NAT gateway"
            );
        }
        match self.verdict() {
            Verdict::Good => {
                self.good(f)?;
                // The summary's counts already reflect addresses that can't be reached from here.
                let notes = self.findings.iter().filter(|finding| !finding.kind.is_out_of_reach());
                notes.take(SHOWN_FINDINGS).try_for_each(|finding| write!(f, "; {finding}"))
            }
            Verdict::Bad => several(f, self.problems(), self.left_off),
            Verdict::Unknown => {
                write!(f, "nothing is known about {name}: ")?;
                several(f, self.unknowns(), self.left_off)
            }
        }
    }
}

/// Displays a good report without its remarks.
struct Summary<'a>(&'a Report);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.good(f)
    }
}

impl Report {
    /// For a good report: its text without the remarks.
    pub fn summary(&self) -> impl fmt::Display {
        Summary(self)
    }

    fn good(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Short(&self.name);
        let counts = |servers: &[Server]| {
            let serving =
                servers.iter().filter(|server| server.state == ServerState::Serves).count();
            (serving, servers.len())
        };
        match counts(&self.servers) {
            (_, 1) => write!(f, "the name server answers for {name}")?,
            (serving, all) if all == serving => {
                write!(f, "the {all} name servers answer for {name}")?;
            }
            // Nothing is known about the others.
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
        match counts(&self.parent_servers) {
            (_, 1) => write!(f, ", and the server of {parent} refers to them"),
            (serving, all) if serving == all => {
                write!(f, ", and the {all} servers of {parent} refer to them")
            }
            (serving, all) => {
                write!(
                    f,
                    ", and {serving} of the {all} servers of {parent} can be reached and refer to them"
                )
            }
        }
    }
}

/// Displays the first few findings, and how many more there are, of which `left_off` are not among
/// them.
fn several<'a>(
    f: &mut fmt::Formatter<'_>,
    findings: impl Iterator<Item = &'a Finding>,
    left_off: usize,
) -> fmt::Result {
    let findings: Vec<&Finding> = findings.collect();
    for (index, finding) in findings.iter().take(SHOWN_FINDINGS).enumerate() {
        if index > 0 {
            f.write_str("; ")?;
        }
        write!(f, "{finding}")?;
    }
    match findings.len().saturating_sub(SHOWN_FINDINGS) + left_off {
        0 => Ok(()),
        more => write!(f, "; and {more} more"),
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = match self.shown_addresses() {
            addresses if addresses.is_empty() => addresses,
            addresses => format!(" ({addresses})"),
        };
        let role = self.role.text();
        let text = format!("{}{addresses}{role} {}", Short(&self.server), self.kind.text());
        match text.char_indices().nth(MAX_FINDING) {
            Some((end, _)) => write!(f, "{}...", text.get(..end).unwrap_or_default()),
            None => f.write_str(&text),
        }
    }
}

impl fmt::Display for FindingGroup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = match self.findings.as_slice() {
            [] => return Ok(()),
            [finding] => return finding.fmt(f),
            [first, ..] => first,
        };
        write!(f, "each of {} name servers{} (", self.findings.len(), first.role.text())?;
        for (index, finding) in self.findings.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}", Short(&finding.server))?;
            if !finding.addresses.is_empty() {
                write!(f, " at {}", finding.shown_addresses())?;
            }
        }
        write!(f, ") {}", first.kind.text())
    }
}

impl Finding {
    fn shown_addresses(&self) -> String {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        addresses.join(", ")
    }
}

impl Role {
    fn text(self) -> &'static str {
        match self {
            Self::Child => "",
            Self::Parent => " of the parent zone",
        }
    }
}

impl Unresolved {
    pub(super) fn text(&self) -> String {
        match self {
            Self::NoGlue => {
                "is in the child zone, but the parent zone has no address for it (glue)".to_owned()
            }
            Self::NoSuchName => "does not resolve: the name does not exist".to_owned(),
            Self::FreeDomain(domain) => format!(
                "does not resolve: the domain {} does not exist; anybody who registers it can answer for the zone",
                Short(domain)
            ),
            Self::UnknownDomain(domain) => format!(
                "does not resolve: the name does not exist, and it is unknown whether the domain {} does",
                Short(domain)
            ),
            Self::NoAddress => "does not resolve: the name has no address".to_owned(),
            Self::Private => "has an address that can't be reached over the internet".to_owned(),
            Self::Alias => {
                "is an alias (CNAME), which the name of a name server must not be".to_owned()
            }
            Self::NoSuchTarget(target) => {
                format!("is an alias (CNAME) of {}, which does not exist", Short(target))
            }
            Self::NoNameServers => "has no name servers, according to the resolver".to_owned(),
            Self::Code(_) | Self::Malformed | Self::NotRecursive | Self::Silent => {
                format!("could not be resolved: {}", self.reason())
            }
            Self::Spent => SPENT.to_owned(),
        }
    }

    /// Why a lookup failed.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Code(code) => format!("the resolver answered {code}"),
            Self::Malformed => "the resolver's answer is not a valid DNS message".to_owned(),
            Self::NotRecursive => "the server is not a resolver".to_owned(),
            Self::Silent => "no resolver answered".to_owned(),
            other => other.text(),
        }
    }

    fn remedy(&self) -> &'static str {
        match self {
            Self::NoGlue => {
                "Add its addresses (A, AAAA) to the parent zone, or use a server outside of the child zone."
            }
            Self::NoSuchName | Self::NoAddress => {
                "Correct the name, or give it an address (A or AAAA) in its own zone; otherwise remove it from the \
                 delegation."
            }
            Self::UnknownDomain(_) => {
                "Try again: if the domain does not exist, anybody who registers it can answer for the zone. \
                 Otherwise correct the name, or remove it from the delegation."
            }
            Self::FreeDomain(_) => {
                "Remove it from the delegation now, or register the domain yourself."
            }
            Self::Private => {
                "Remove that address, or use the resolver of the network that it belongs to."
            }
            Self::Alias | Self::NoSuchTarget(_) => {
                "Use the name that the alias leads to, or give this name its own addresses (A, AAAA)."
            }
            Self::NoNameServers => {
                "Delegate the zone from the zone above it, or use another resolver."
            }
            Self::Code(_) | Self::Malformed | Self::NotRecursive | Self::Silent => {
                "Use another resolver, or try again."
            }
            Self::Spent => TRY_AGAIN,
        }
    }
}

const SPENT: &str = "was not queried: the check had reached its limit of queries";

const TRY_AGAIN: &str =
    "Try again. If the result is the same, repair the servers in the other findings.";

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
        matches!(self, Self::FamilySilent(_) | Self::NoRoute(_))
    }

    fn text(&self) -> String {
        match self {
            Self::Unresolved(why) => why.text(),
            Self::MoreAddresses(why) => {
                format!("may have more addresses: a lookup failed ({})", why.reason())
            }
            Self::Silent => "does not answer".to_owned(),
            Self::FamilySilent(family) => {
                let family = family.as_str();
                format!("does not answer over {family}, and neither does any other server from here")
            }
            Self::NoRoute(family) => format!("can't be queried: there is no {} from here", family.as_str()),
            Self::Code(code) => format!("does not answer for the zone ({code})"),
            Self::NotAuthoritative => "does not answer for the zone (not authoritative)".to_owned(),
            Self::NoZone => "does not answer for the zone (it has no zone with this name)".to_owned(),
            Self::Alias => "has an alias (CNAME) instead of the zone".to_owned(),
            Self::Malformed => "answers with an invalid DNS message".to_owned(),
            Self::NoTcp => "has an answer that does not fit into a UDP datagram, but does not answer over TCP".to_owned(),
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
                    "is in the child zone, but these servers of the parent zone give no address for it: {}",
                    names(servers)
                )
            }
            Self::StaleGlue(found) => {
                format!("has addresses in the parent zone that the child zone does not have: {}", addresses(found))
            }
            Self::ShortGlue(found) => {
                format!("has addresses in the child zone that the parent zone does not have: {}", addresses(found))
            }
            Self::NoOwnAddress => "is in the child zone, which has no address for it".to_owned(),
            Self::Ds(None) => "has no DS record set for the name".to_owned(),
            Self::Ds(Some(tags)) => {
                format!("has a different DS record set for the name ({})", key_tags(tags))
            }
            Self::DsUnsigned => "has no valid signature for the DS record set, although the zone is signed".to_owned(),
            Self::ParentUnsigned => "is not signed, so a DS record set in it has no effect".to_owned(),
            Self::SignedWithoutDs => {
                "is signed, but the parent zone has no DS record set for it, so nobody validates it".to_owned()
            }
            Self::NoKey(tags) if tags.first.len() > 1 => format!("does not serve the keys of {}", ds_records(tags)),
            Self::NoKey(tags) => format!("does not serve the key of {}", ds_records(tags)),
            Self::NotSigning(tags) => {
                let (plural, tags) = (if tags.first.len() > 1 { "s" } else { "" }, key_tags(tags));
                let tags = tags.trim_start_matches("key ");
                format!("serves no valid signature of the key set by the key{plural} with {tags}, which the DS records require")
            }
            Self::OutOfTime(tag) => format!("serves a signature of the key set by the key with tag {tag} that is not currently valid"),
            Self::Unverifiable(tags, what, number) if tags.first.len() > 1 => format!(
                "can't be checked for {}: their {what}s, such as {number}, are not supported",
                ds_records(tags)
            ),
            Self::Unverifiable(tags, what, number) => {
                format!("can't be checked for {}: its {what} {number} is not supported", ds_records(tags))
            }
            Self::Spare(tags) => {
                format!("serves no key for {}, but one for another DS record", ds_records(tags))
            }
            Self::Weak(tag, what, number) => format!(
                "is secured only by the DS record with key tag {tag}, whose {what} {number} uses SHA-1, which validators are \
                 phasing out (RFC 9905)"
            ),
            Self::DataUnsigned => "serves data without a valid signature from the zone's keys".to_owned(),
            Self::DataOutOfTime => "serves data with a signature that is not currently valid".to_owned(),
            Self::Serials(found) => {
                let found: Vec<String> = found.iter().map(ToString::to_string).take(SHOWN_SERVERS).collect();
                format!("has different serial numbers on its servers: {}", found.join(", "))
            }
            Self::NoAnswerAbove(zone) => {
                format!("was not found: no name server of {} answers from here", Short(zone))
            }
            Self::AnotherZone(asked) => format!(
                "is publicly served by another zone with that name: resolvers query {}, but none of the name servers of the zone \
                 that was changed",
                list(asked)
            ),
            Self::MoreServers(others) => {
                format!(
                    "is also served by name servers that don't belong to the zone that was changed: {}",
                    list(others)
                )
            }
            Self::TooMany(count) => format!("has {count} name servers, more than are queried"),
            Self::Unqueried(count) => {
                format!("is delegated to {count} name servers, of which only the first {SERVERS} were queried")
            }
            Self::Late => "could not be queried in time".to_owned(),
            Self::Spent => SPENT.to_owned(),
            Self::Unverified => "has signatures that were not verified: the check had reached its \
                                 limit of signatures"
                .to_owned(),
        }
    }
}

impl Finding {
    /// What to do about it, in a sentence. `None` for findings that are not errors.
    pub fn remedy(&self) -> Option<&'static str> {
        self.kind.remedy(self.role)
    }
}

impl FindingKind {
    fn remedy(&self, role: Role) -> Option<&'static str> {
        let remedy = match (self, role) {
            (Self::Unresolved(why) | Self::MoreAddresses(why), _) => why.remedy(),
            (Self::Silent, _) => {
                "Start the server, or allow it to answer on port 53 over UDP and TCP; otherwise remove it."
            }
            (Self::FamilySilent(_) | Self::NoRoute(_), _) => {
                "Check it from a network that can reach such addresses."
            }
            (Self::Code(code), Role::Child) if code == "REFUSED" => {
                "Create the zone on this server, or remove the server from the delegation: anybody who is assigned this server for \
                 a zone with that name can answer for it."
            }
            (Self::Code(_) | Self::NotAuthoritative | Self::NoZone, Role::Child) => {
                "Have this server serve the zone, or remove it from the delegation."
            }
            (Self::Code(_) | Self::NotAuthoritative | Self::NoZone, Role::Parent) => {
                "Have this server serve the parent zone, or remove it from the NS record sets of that zone."
            }
            (Self::Alias, _) => "Remove the alias: a zone can't be an alias.",
            (Self::Malformed | Self::NoTcp, _) => {
                "Repair the server, or the firewall in front of it: DNS needs port 53 over UDP and TCP."
            }
            (Self::OwnNameServers(_), _) => {
                "Make the NS record set at the child zone's apex match the delegation."
            }
            (Self::DsUnsigned, _) => {
                "Sign the parent zone again. If it was changed a moment ago, try again later."
            }
            (Self::Refers(_) | Self::NoDelegation | Self::Ds(_), _) => {
                "Deploy the delegation. If it was deployed a moment ago, try again later."
            }
            (Self::MissingGlue(_), _) => "Add its addresses (A, AAAA) to the parent zone.",
            (Self::StaleGlue(_) | Self::NoOwnAddress, _) => {
                "Give the name the same addresses (A, AAAA) in the parent zone and in the child zone."
            }
            (Self::NoKey(_), _) => {
                "Replace the DS record with one for a key that the zone serves, or remove it."
            }
            (Self::NotSigning(_) | Self::OutOfTime(_), _) => {
                "Sign the key set with that key again, or remove the DS record. Check the signer's clock."
            }
            (Self::Unverifiable(..), _) => "Check it with a validator that supports it.",
            (Self::Weak(..), _) => {
                "Publish a DS record with a SHA-256 digest, of a key with a current algorithm."
            }
            (Self::DataUnsigned | Self::DataOutOfTime, _) => {
                "Sign the zone again with a key in its key set. Check the signer's clock."
            }
            (Self::SignedWithoutDs, _) => {
                "Publish the DS record of its key in the parent zone, or stop signing."
            }
            (Self::NoAnswerAbove(_), _) => {
                "Allow outgoing DNS queries (port 53, UDP and TCP), or try again."
            }
            (Self::AnotherZone(_) | Self::MoreServers(_), _) => {
                "Find out which of the zones with that name is delegated, and change that one."
            }
            (Self::Unqueried(_), _) => {
                "Remove name servers from the delegation: a zone needs no more than 16, and the others are not checked."
            }
            (Self::Late | Self::Spent | Self::Unverified, _) => TRY_AGAIN,
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
    servers
        .iter()
        .take(SHOWN_SERVERS)
        .map(|name| Short(name).to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

fn addresses(found: &[IpAddr]) -> String {
    found.iter().take(SHOWN_SERVERS).map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn list(found: &ServerNames) -> String {
    if found.first.is_empty() {
        return "none".to_owned();
    }
    let more = (found.more > 0).then(|| format!("and {} more", found.more));
    found.first.iter().cloned().chain(more).collect::<Vec<_>>().join(", ")
}

/// Shows key tags: "key tag 1", or "key tags 1, 2, 3, 4, and 5 more".
fn key_tags(tags: &Tags) -> String {
    let mut shown: Vec<String> = tags.first.iter().map(ToString::to_string).collect();
    if tags.more > 0 {
        shown.push(format!("and {} more", tags.more));
    }
    let plural = if shown.len() > 1 { "s" } else { "" };
    format!("key tag{plural} {}", shown.join(", "))
}

/// Shows DS records by their key tags.
fn ds_records(tags: &Tags) -> String {
    let plural = if tags.first.len() > 1 { "s" } else { "" };
    format!("the DS record{plural} with {}", key_tags(tags))
}

/// Displays a name, shortened if it is very long.
pub(super) struct Short<'a>(pub(super) &'a Name);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.as_str();
        match text.get(..MAX_NAME) {
            Some(head) if text.len() > MAX_NAME => write!(f, "{head}..."),
            _ => f.write_str(text),
        }
    }
}
