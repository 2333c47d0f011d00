//! Why the DS record set prevents a plan.

use crate::name::Name;
use crate::reconcile::Holders;
use crate::rollover::DNSKEY_TTL;
use crate::ttl::Ttl;

/// Why the DS record set prevents a plan. `current` and `desired` are DS records, and `owners` are
/// the other resources whose claims manage the DS record set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DsRefusal {
    /// The desired DS record set is not known.
    Unknown { why: String },
    /// The name servers would change while a DS record set exists that this resource manages.
    Exists { ttl: Option<Ttl> },
    /// The name servers would change in the batch that adds a DS record set.
    WithNameServers,
    /// The name servers would be created or change under a DS record set that this resource does
    /// not manage.
    OfOthers { owners: Holders },
    /// The current DS record set differs, and another claim manages it.
    ClaimedByOthers { current: String, desired: String, owners: Holders },
    /// The current DS record set differs, and no claim manages it.
    NotOurs { current: String, desired: String },
    /// Resolvers may not know a key for any of its records yet.
    KeyTooYoung {
        desired: String,
        /// In how many seconds every resolver knows one of its keys.
        left: i64,
    },
}

impl DsRefusal {
    pub(in crate::reconcile) fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "ds-unknown",
            Self::Exists { .. } => "ds-exists",
            Self::WithNameServers => "ds-with-name-servers",
            Self::OfOthers { .. } => "ds-of-others",
            Self::ClaimedByOthers { .. } => "ds-claimed-by-others",
            Self::NotOurs { .. } => "ds-not-ours",
            Self::KeyTooYoung { .. } => "key-too-young",
        }
    }

    /// Returns the message for the user.
    pub(in crate::reconcile) fn message(&self, name: &Name) -> String {
        match self {
            Self::Unknown { why } => {
                format!(
                    "No DS record set can be added for {name}: {why}. Correct that, or set Dnssec to false."
                )
            }
            Self::Exists { ttl } => {
                // A resolver may fetch the keys in the last second in which it caches the DS record
                // set, and trusts them for their own TTL.
                let seconds = ttl.map_or(0, Ttl::seconds).saturating_add(DNSKEY_TTL);
                format!(
                    "The name servers of {name} can't change while there is a DS record set: \
                     resolvers cache one or the other for its TTL and would treat the zone as bogus. Set \
                     Dnssec to false, wait {seconds} seconds (resolvers cache the DS record set, and then \
                     the child's keys, for that long), change the child zone or the name servers, wait \
                     for the TTL of the NS record set, and set Dnssec to true again."
                )
            }
            Self::WithNameServers => format!(
                "The name servers of {name} can't change in the same step that adds its DS record set: resolvers \
                 cache the old name servers for their TTL and would treat the zone as bogus. Change the name \
                 servers with Dnssec set to false, wait for the TTL of the NS record set, and set \
                 Dnssec to true."
            ),
            Self::OfOthers { owners } if owners.is_nobody() => format!(
                "The name servers of {name} can't be set while there is a DS record set that this \
                 resource did not write: resolvers would treat the zone as bogus. Remove the DS record set \
                 from the parent zone by hand, wait for its TTL, and try again."
            ),
            Self::OfOthers { owners } => format!(
                "The name servers of {name} can't be set while there is a DS record set that is managed \
                 by {owners}: resolvers would treat the zone as bogus. Set Dnssec to false there, wait \
                 for the TTL of the DS record set, and try again."
            ),
            Self::ClaimedByOthers { current, desired, owners } => format!(
                "The DS record set of {name} is {current}, managed by {owners}, and this resource \
                 asks for {desired}. It is never replaced while another claim names it. Set Dnssec to \
                 false there, or give both the same keys."
            ),
            Self::NotOurs { current, desired } => format!(
                "The DS record set of {name} is {current}, which this resource did not write, and it \
                 asks for {desired}. Correct or remove that record set, or set AllowOverwrite to replace \
                 it."
            ),
            Self::KeyTooYoung { desired, left } => format!(
                "The DS record set of {name} can't become {desired} yet: resolvers may have cached answers from before \
                 the zone had these keys, and would treat it as bogus. Deploy again in {left} seconds, or keep a key of \
                 the existing DS record set in KeySigningKeys."
            ),
        }
    }
}
