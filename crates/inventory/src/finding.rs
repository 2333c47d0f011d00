//! The kinds of findings: severity, risk and remedy of each.

use std::fmt;

use strum::VariantArray as _;

use dns_check::{Finding, Report, ServerState, Verdict};

/// A kind of finding about a delegation, most urgent first. It is displayed in kebab case.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum FindingKind {
    /// The domain of a name server is not registered.
    Takeover,
    /// No name server serves the zone at any address, and at least one responds that it does not
    /// have the zone.
    Dangling,
    /// A name server has no key for any of the DS records, or data that these keys did not sign.
    /// Others may be secure.
    Bogus,
    /// No name server serves the zone, and none says that it does not have it: they don't respond,
    /// fail, or have no address, or there is none.
    Outage,
    /// Some name servers do not serve the zone, or not at each of their addresses.
    Lame,
    /// There are claims, but no delegation.
    Missing,
    /// No claim names the NS or DS record set that exists.
    Drifted,
    /// The zone is served, but its own name servers or keys differ from those of the delegation.
    Differs,
    /// A claim of a stack that no longer exists keeps the delegation.
    DeadClaim,
    /// An account or a zone could not be read.
    Unread,
    /// The name servers could not be queried.
    Unknown,
    /// The name servers existed before a stack claimed them, or displaced others.
    Unsettled,
    /// A delegation above it hides it.
    Hidden,
    /// There is no claim on it.
    Unowned,
    /// The ownership record says what existed before a delegation that no longer exists.
    Leftover,
    /// The ownership record has an expired tombstone of a cancelled Create.
    ExpiredTombstone,
}

/// How urgent a finding is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Severity {
    /// Somebody else could answer for the name.
    Critical,
    /// The name does not resolve, or some of the queries for it fail, or the check was not
    /// possible.
    High,
    /// It resolves, but is not as it should be.
    Medium,
    /// Somebody should make a decision at some point.
    Low,
    /// No action is needed.
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.into())
    }
}

impl FindingKind {
    /// Every kind, most urgent first.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The name of the kind.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// True if somebody should act on it now.
    pub fn is_alarm(self) -> bool {
        self < Self::Unknown
    }

    /// True if only the name servers can reveal it.
    pub fn is_of_dns(self) -> bool {
        matches!(
            self,
            Self::Takeover
                | Self::Dangling
                | Self::Bogus
                | Self::Outage
                | Self::Lame
                | Self::Differs
                | Self::Unknown
        )
    }

    /// How urgent it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::Takeover | Self::Dangling => Severity::Critical,
            Self::Bogus | Self::Outage | Self::Missing | Self::Unread => Severity::High,
            Self::Lame | Self::Drifted | Self::Differs | Self::DeadClaim => Severity::Medium,
            Self::Unsettled | Self::Hidden | Self::Unowned => Severity::Low,
            Self::Unknown | Self::Leftover | Self::ExpiredTombstone => Severity::Info,
        }
    }

    /// Who could do what because of it, in one sentence.
    pub fn risk(self) -> &'static str {
        match self {
            Self::Takeover => {
                "Anybody who registers the domain of the name server can answer for the name."
            }
            Self::Dangling => {
                "Anybody who creates a zone with this name at that provider and is assigned one of these name servers can answer \
                 for the name."
            }
            Self::Bogus => {
                "Validating resolvers reject the answers of these name servers. They try the others. If none of those serves a key \
                 that a DS record matches, they reject every name of the zone."
            }
            Self::Outage => {
                "No name of the zone resolves. Nobody else can answer for it, unless they obtain a name server's address or name."
            }
            Self::Lame => {
                "Resolvers lose time at these addresses. If the others fail, no name of the zone resolves. Anybody who obtains one of \
                 these addresses or name servers can answer a part of the queries."
            }
            Self::Missing => {
                "A stack relies on a delegation that does not exist. No name of the zone resolves."
            }
            Self::Drifted => {
                "Somebody edited by hand what a stack manages. The next Update of the stack changes it back."
            }
            Self::Differs => {
                "Some resolvers use one set of name servers and some the other, and their answers may differ."
            }
            Self::DeadClaim => {
                "The delegation stays when the last existing stack is deleted, and may then become dangling."
            }
            Self::Unread => "Problems there are not detected.",
            Self::Unknown => "Its state could not be determined from here.",
            Self::Unsettled => {
                "A Delete of the stack restores what existed before, and does not remove the delegation."
            }
            Self::Hidden => "Resolvers never use it.",
            Self::Unowned => {
                "No stack keeps it or removes it. It may be forgotten, and become dangling."
            }
            Self::Leftover | Self::ExpiredTombstone => "None.",
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Takeover => {
                "Remove the name server from the delegation now, or register the domain."
            }
            Self::Dangling => {
                "Create the zone there again, or remove the name servers that do not have it now. If no other is left, remove the \
                 delegation. A silent one may still have the zone. If a stack claims the delegation, change or delete the resource."
            }
            Self::Bogus => {
                "If other name servers serve a key that a DS record matches, repair these name servers, or remove them from the \
                 delegation. If none does, remove or correct the DS record set. If a stack claims it, update the stack with another \
                 Trigger."
            }
            Self::Outage => {
                "Repair the name servers. If nobody needs the zone anymore, remove the delegation."
            }
            Self::Lame => {
                "Repair the name servers, or these addresses of theirs. Remove a name server that never serves the zone from the NS \
                 record set."
            }
            Self::Missing => "Update the stack with another Trigger, or delete the resource.",
            Self::Drifted => "Update the stack with another Trigger, which corrects it.",
            Self::Differs => {
                "Make the delegation agree with the zone's own NS record set and keys."
            }
            Self::DeadClaim => "Make sure that the stack no longer exists, then remove its claim.",
            Self::Unread => {
                "Grant the role route53:ListHostedZones and route53:ListResourceRecordSets, or correct its external id."
            }
            Self::Unknown => "Allow outgoing DNS queries (port 53, UDP and TCP), then check again.",
            Self::Unsettled => "Update the stack once, for instance with another Trigger.",
            Self::Hidden => "Remove it, or move it to the zone that resolvers query.",
            Self::Unowned => {
                "Adopt it with a stack, or accept this finding with a reason and a date."
            }
            Self::Leftover | Self::ExpiredTombstone => {
                "Nothing. The next change of the delegation removes it."
            }
        }
    }

    /// The finding about the name servers of a delegation. `None` if all is well.
    pub(crate) fn from_report(report: &Report) -> Option<Self> {
        let is_partial = report.is_good() && report.is_incomplete();
        if report.verdict() == Verdict::Unknown || is_partial {
            return Some(Self::Unknown);
        }
        if report.can_be_taken_over() {
            return Some(Self::Takeover);
        }
        let with = |state| report.servers().iter().filter(|server| server.state == state).count();
        let (all, serving, unknown) =
            (report.servers().len(), with(ServerState::Serves), with(ServerState::Unknown));
        let any = |is_such: fn(&Finding) -> bool| report.findings().iter().any(is_such);
        match all - unknown {
            0 => Some(Self::Unknown),
            // The servers of which nothing is known may serve the zone.
            known if serving < known && serving + unknown > 0 => Some(Self::Lame),
            _ if serving == 0 && any(Finding::says_no_zone) => Some(Self::Dangling),
            _ if serving == 0 => Some(Self::Outage),
            // Each of them serves it at one address, and one of them does not at another address.
            _ if any(Finding::fails_to_serve) => Some(Self::Lame),
            _ if report.is_good() || report.has_bogus_server() => None,
            _ => Some(Self::Differs),
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
