//! The kinds of findings: what each means for whom, how urgent it is, and what to do.

use std::fmt;

use strum::VariantArray as _;

use dns_check::{Finding, Report, ServerState, Verdict};

/// A kind of finding about a delegation, the most urgent first. Its word is its name in kebab case.
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
    /// A name server is in a domain that nobody has registered.
    Takeover,
    /// No name server serves the zone, and at least one is there and says that it has no such zone.
    Dangling,
    /// A name server serves no key for any of the DS records, or data that these keys did not sign.
    Bogus,
    /// No name server serves the zone, and none says that it does not have it: they are silent,
    /// fail, or have no address.
    Outage,
    /// Some name servers do not serve the zone.
    Lame,
    /// Claims say that there is a delegation, and there is none.
    Missing,
    /// No claim names the NS or DS record set that exists.
    Drifted,
    /// The zone is served, and says otherwise what its name servers or keys are.
    Differs,
    /// A claim belongs to a stack that does not exist any more, and keeps the delegation.
    DeadClaim,
    /// An account or a zone could not be read.
    Unread,
    /// The name servers could not be asked.
    Unknown,
    /// The name servers were there before a stack claimed them, or displaced others.
    Unsettled,
    /// A delegation above it hides it.
    Hidden,
    /// No claim says whose it is.
    Unowned,
    /// The ownership record tells what was there before a delegation that is gone.
    Leftover,
    /// The ownership record has the mark of a cancelled Create that has expired.
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
    /// The name, or a part of what asks for it, does not resolve; or the question was not answered.
    High,
    /// It resolves, and is not as it should be.
    Medium,
    /// Somebody should decide something, some day.
    Low,
    /// Nothing need be done.
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.into())
    }
}

impl FindingKind {
    /// Every kind, the most urgent first.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// True if somebody should look at it now.
    pub fn is_alarm(self) -> bool {
        self < Self::Unknown
    }

    /// True if only the name servers can tell it.
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

    /// Who could do what with it, in one sentence.
    pub fn risk(self) -> &'static str {
        match self {
            Self::Takeover => {
                "Anybody who registers the domain of the name server answers for the name."
            }
            Self::Dangling => {
                "Anybody who makes a zone of this name at that provider and is given one of these name servers answers for the \
                 name."
            }
            Self::Bogus => "Resolvers that validate refuse every name of the zone.",
            Self::Outage => {
                "No name of the zone resolves. Nobody else can answer for it, unless the name server's address or name becomes \
                 somebody else's."
            }
            Self::Lame => {
                "Resolvers lose time at these name servers; with the others gone, no name of the zone resolves. A resolver that gets one \
                 of them answers for a part of the queries."
            }
            Self::Missing => {
                "A stack relies on a delegation that does not exist: no name of the zone resolves."
            }
            Self::Drifted => {
                "Somebody changed by hand what a stack made; an Update of the stack changes it back."
            }
            Self::Differs => {
                "Resolvers go by the one or by the other, and may end at servers that do not agree."
            }
            Self::DeadClaim => {
                "The delegation stays when the last living stack is deleted, and may dangle from then on."
            }
            Self::Unread => "Whatever is wrong there is not seen.",
            Self::Unknown => "Nothing is known of it from here.",
            Self::Unsettled => {
                "A Delete of the stack gives back what was there before, and does not remove the delegation."
            }
            Self::Hidden => "Nobody asks for it.",
            Self::Unowned => {
                "No stack keeps it or removes it: it may be forgotten, and dangle one day."
            }
            Self::Leftover | Self::ExpiredTombstone => "None.",
        }
    }

    /// What to do about it, in one sentence.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Takeover => {
                "Remove the name server from the delegation at once, or register the domain."
            }
            Self::Dangling => {
                "Remove the delegation at once, or create the zone there again; where a stack claims it, delete the resource."
            }
            Self::Bogus => {
                "Remove or correct the DS record set; where a stack claims it, update the stack with another Trigger."
            }
            Self::Outage => {
                "Bring the name servers back; if nobody needs the zone any more, remove the delegation."
            }
            Self::Lame => "Correct the NS record set, or the name servers.",
            Self::Missing => "Update the stack with another Trigger, or delete the resource.",
            Self::Drifted => "Update the stack with another Trigger, which puts it back.",
            Self::Differs => "Make the delegation and the zone's own NS record set and keys agree.",
            Self::DeadClaim => "Make sure that the stack is gone, and remove its claim.",
            Self::Unread => {
                "Grant the role route53:ListHostedZones and route53:ListResourceRecordSets, or correct its external id."
            }
            Self::Unknown => "Let DNS queries out (port 53, UDP and TCP), and look again.",
            Self::Unsettled => "Update the stack once, with another Trigger for instance.",
            Self::Hidden => "Remove it, or move it to the zone that is asked.",
            Self::Unowned => "Adopt it with a stack, or accept it with a reason and a date.",
            Self::Leftover | Self::ExpiredTombstone => {
                "Nothing: the next change of the delegation drops it."
            }
        }
    }

    /// What the check of a delegation says of its name servers; nothing if all is as it should be.
    pub(crate) fn of_report(report: &Report) -> Option<Self> {
        if report.verdict() == Verdict::Unknown {
            return Some(Self::Unknown);
        }
        if report.can_be_taken_over() {
            return Some(Self::Takeover);
        }
        // Of the others nothing is known.
        let asked =
            || report.servers().iter().filter(|server| server.state != ServerState::Unknown);
        let serving = asked().filter(|server| server.state == ServerState::Serves).count();
        match asked().count() {
            0 => Some(Self::Unknown),
            _ if serving == 0 && report.findings().iter().any(has_no_zone) => Some(Self::Dangling),
            _ if serving == 0 => Some(Self::Outage),
            all if serving < all => Some(Self::Lame),
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

/// True if a server that answers says that it does not have the zone: somebody else may make it
/// there.
fn has_no_zone(finding: &Finding) -> bool {
    match finding.code() {
        "not-authoritative" | "no-zone" => true,
        "rcode" => matches!(finding.rcode(), Some("REFUSED" | "NOTAUTH" | "NXDOMAIN")),
        _ => false,
    }
}
