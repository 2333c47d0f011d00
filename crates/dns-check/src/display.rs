//! How a report says what it found.

use std::fmt;

use super::finding::{Finding, FindingKind, Report, Role, ServerState, Unresolved};
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
        if self.findings.is_empty() {
            let serving = self.servers.iter().filter(|(_, state)| *state == ServerState::Serves).count();
            match self.servers.len() {
                1 => write!(f, "the name server answers for {name}")?,
                all if all == serving => write!(f, "the {all} name servers answer for {name}")?,
                // The others have only addresses without a route from here.
                all => write!(f, "{serving} of the {all} name servers can be reached from here and answer for {name}")?,
            }
            if self.chain.is_some() {
                f.write_str(" with the keys of its DS records")?;
            }
            match &self.parent {
                Some((parent, 1)) => write!(f, ", and the server of {} refers to them", Short(parent))?,
                Some((parent, count)) => write!(f, ", and the {count} servers of {} refer to them", Short(parent))?,
                None => {}
            }
            return self.remarks.iter().take(TOLD).try_for_each(|remark| write!(f, "; {remark}"));
        }
        for (index, finding) in self.findings.iter().take(TOLD).enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            finding.fmt(f)?;
        }
        match self.findings.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
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

impl FindingKind {
    fn words(&self) -> String {
        match self {
            Self::Unresolved(Unresolved::NoGlue) => {
                "lies in the child zone, and the parent zone has no address for it (glue)".to_owned()
            }
            Self::Unresolved(Unresolved::NoSuchName) => "does not resolve: the name does not exist".to_owned(),
            Self::Unresolved(Unresolved::NoAddress) => "does not resolve: the name has no address".to_owned(),
            Self::Unresolved(Unresolved::Private) => "has an address that the internet can't reach".to_owned(),
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
            Self::AnotherZone(asked) => format!(
                "is another zone to the world than the one that was written: it asks {}, and none of that zone's name servers",
                list(asked)
            ),
            Self::MoreServers(others) => {
                format!("is also asked at name servers that are not of the zone that was written: {}", list(others))
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
