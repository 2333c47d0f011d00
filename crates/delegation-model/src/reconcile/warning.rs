//! Warnings: what the user should know about a request that succeeds.

mod display;

use super::holders::Holders;
use super::refusal::Refusal;
use crate::ids::ZoneId;
use crate::name::Name;
use crate::rollover::KeysToKeep;
use crate::ttl::Ttl;

/// What the user should know. The text is one or several sentences.
///
/// In every variant, `name` is the zone cut, `current`, `desired` and `previous` are name servers
/// unless the variant is about a TTL or a DS record set, and `owners` are the other resources in
/// question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The request was refused but asks for nothing new, so it succeeds and changes nothing.
    LeftAsItIs { refusal: Box<Refusal> },
    /// An earlier delivery of this request did its work, and the name servers have changed since.
    ChangedSince {
        name: Name,
        /// The current name servers; empty if there are none.
        current: String,
    },
    /// The delegation hides record sets of the parent zone.
    Hides { name: Name, records: String },
    /// A wildcard of the parent zone answered for this name: the cut, or the name above it that is
    /// directly below the wildcard's own.
    WildcardCovered { name: Name, wildcard: Name },
    /// The request displaced name servers.
    Displaced {
        name: Name,
        previous: String,
        ttl: Ttl,
        owners: Holders,
        /// True if a rollback of the request restores them. The rollback of an Update in place does
        /// not.
        restored_by_rollback: bool,
    },
    /// Name servers that somebody had changed by hand were corrected.
    DriftRepaired {
        name: Name,
        previous: String,
        /// Its TTL, if it had one.
        ttl: Option<Ttl>,
    },
    /// An Update changed name servers that others had arrived at, too.
    ChangedForOthers { name: Name, previous: String, owners: Holders },
    /// The request arrived at a delegation that others hold, too.
    Shared { name: Name, owners: Holders },
    /// The request arrived at a delegation that has the desired name servers, and changed nothing.
    /// The next Update will change the TTL or the DS record set.
    NextUpdateChanges {
        name: Name,
        /// The current and the desired TTL of the NS record set, if they differ.
        ttl: Option<(Option<Ttl>, Ttl)>,
        /// The current and the desired DS record set, if they differ; empty if there is none.
        ds: Option<(String, String)>,
    },
    /// The TTL stays, because others hold the delegation, too.
    TtlKept { name: Name, current: Option<Ttl>, desired: Ttl, owners: Holders },
    /// A DS record set that this resource does not manage stays.
    DsLeft { name: Name, current: String, owners: Holders },
    /// The desired DS record set is not known.
    DsUnknown {
        name: Name,
        /// True if a DS record set exists. It stays.
        exists: bool,
        why: String,
    },
    /// The DS record set is not changed until resolvers no longer have other name servers cached.
    DsDeferred { name: Name, desired: String },
    /// DS records were removed, and resolvers may still have them cached.
    KeysMustStay {
        name: Name,
        /// The keys that must stay, and for how long.
        keys: KeysToKeep,
    },
    /// A DS record set was added to an existing delegation. Resolvers may have cached answers from
    /// before the zone was signed.
    UnsignedAnswersKept { name: Name },
    /// A Delete found a delegation but no claim of its resource.
    NotClaimed { name: Name, current: String, owners: Holders },
    /// A Delete with an invented id found a claim of its resource that a request other than the
    /// cancelled Create wrote.
    ClaimKept {
        name: Name,
        /// The current name servers; empty if there are none.
        current: String,
    },
    /// A Delete in a parent zone that no longer exists found the claim of its resource elsewhere,
    /// and the claim says that the resource moved there from that zone.
    MovedFromGoneZone { name: Name, current: String, zone: ZoneId },
    /// A Delete leaves a delegation that others hold.
    LeftToOthers { name: Name, current: String, owners: Holders },
    /// A Delete leaves a delegation that existed before its first holder.
    ExistedBefore { name: Name, current: String },
    /// A Delete restores the name servers that had been displaced.
    Restored { name: Name, restored: String, ttl: Ttl },
    /// A Delete removed a delegation that had displaced other name servers, which are not restored.
    NotRestored {
        name: Name,
        previous: String,
        ttl: Ttl,
        /// True if Route 53 rejected them.
        rejected: bool,
    },
    /// A Delete removed a delegation, and others claim the name for other name servers.
    DormantClaimsLeft {
        name: Name,
        /// The name servers that were removed.
        removed: String,
        owners: Holders,
    },
    /// A Delete leaves name servers that the resource's claim does not name.
    ChangedByOthers { name: Name, current: String, owners: Holders },
    /// A DS record set with a routing policy or a health check stays, although the delegation is
    /// removed.
    DsWithRoutingPolicyLeft { name: Name },
    /// The claim stays, because Route 53 takes no batch that replaces the ownership record.
    ClaimLeft { record: Name },
}

impl Warning {
    /// All codes that [`Warning::code`] can return.
    pub const CODES: [&str; 26] = [
        "left-as-it-is",
        "changed-since",
        "records-hidden",
        "wildcard-covered",
        "delegation-displaced",
        "drift-repaired",
        "changed-for-others",
        "delegation-shared",
        "next-update-changes",
        "ttl-kept",
        "ds-left",
        "ds-not-known",
        "ds-deferred",
        "keys-must-stay",
        "unsigned-answers-kept",
        "delete-without-claim",
        "claim-kept",
        "moved-from-gone-zone",
        "left-to-others",
        "existed-before",
        "delegation-restored",
        "delegation-not-restored",
        "dormant-claims-left",
        "changed-by-others",
        "ds-with-routing-policy-left",
        "claim-left",
    ];

    /// Returns the stable code of the message.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LeftAsItIs { .. } => "left-as-it-is",
            Self::ChangedSince { .. } => "changed-since",
            Self::Hides { .. } => "records-hidden",
            Self::WildcardCovered { .. } => "wildcard-covered",
            Self::Displaced { .. } => "delegation-displaced",
            Self::DriftRepaired { .. } => "drift-repaired",
            Self::ChangedForOthers { .. } => "changed-for-others",
            Self::Shared { .. } => "delegation-shared",
            Self::NextUpdateChanges { .. } => "next-update-changes",
            Self::TtlKept { .. } => "ttl-kept",
            Self::DsLeft { .. } => "ds-left",
            Self::DsUnknown { .. } => "ds-not-known",
            Self::DsDeferred { .. } => "ds-deferred",
            Self::KeysMustStay { .. } => "keys-must-stay",
            Self::UnsignedAnswersKept { .. } => "unsigned-answers-kept",
            Self::NotClaimed { .. } => "delete-without-claim",
            Self::ClaimKept { .. } => "claim-kept",
            Self::MovedFromGoneZone { .. } => "moved-from-gone-zone",
            Self::LeftToOthers { .. } => "left-to-others",
            Self::ExistedBefore { .. } => "existed-before",
            Self::Restored { .. } => "delegation-restored",
            Self::NotRestored { .. } => "delegation-not-restored",
            Self::DormantClaimsLeft { .. } => "dormant-claims-left",
            Self::ChangedByOthers { .. } => "changed-by-others",
            Self::DsWithRoutingPolicyLeft { .. } => "ds-with-routing-policy-left",
            Self::ClaimLeft { .. } => "claim-left",
        }
    }
}
