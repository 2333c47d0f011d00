//! The input of the planner: what a request asks for.

use crate::digest::Digest;
use crate::ds::DsRecords;
use crate::ids::ZoneId;
use crate::name::Name;
use crate::name_servers::NameServers;
use crate::ownership_record::{Claim, Claimant, MovedFrom, Stamp};
use crate::ttl::Ttl;

use super::DAY;

/// The input of a Create or Update at a delegation point.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact about the request")]
pub struct Goal {
    /// The child's name: the zone cut.
    pub name: Name,
    pub claimant: Claimant,
    /// The time and the identity of the request.
    pub stamp: Stamp,
    /// The current time, in seconds since 1970. It shows whether a time in the ownership record is
    /// in the future (TRUST-1), and how old keys are (DS-8).
    pub now: i64,
    /// How the request gets to this point.
    pub behavior: UpdateBehavior,
    /// The digest of the intent of the request ([`Digest::from_intent`]).
    pub intent: Digest,
    /// The digest of the intent in the old properties of an Update, if they could be read. It is
    /// used only if the resource has no claim that records its previous intent.
    pub old_intent: Option<Digest>,
    /// The desired name servers; `None` if they could not be read.
    pub name_servers: Option<NameServers>,
    /// The desired TTL of the NS record set.
    pub ttl: Ttl,
    /// True if the request itself changes `TTL`: it differs from the one in the old properties.
    pub changes_ttl: bool,
    pub ds: DesiredDs,
    /// When the oldest key of these records was created or became active again, in seconds since
    /// 1970; `None` if it is not known.
    pub keys_since: Option<i64>,
    /// The desired TTL of the DS record set.
    pub ds_ttl: Ttl,
    /// True if the request itself changes `DsTTL`.
    pub changes_ds_ttl: bool,
    /// Replace the record values that others made with the desired ones.
    pub allow_overwrite: bool,
    /// Delegate even if that hides record sets of the parent zone which the child zone lacks.
    pub allow_occlusion: bool,
    /// Whether this function may manage the name (`DELEGATION_ALLOWED_NAMES`).
    pub allowed: bool,
    /// Whether that setting lists the name itself, and not only a pattern that matches it.
    pub listed: bool,
    /// The check before the change that failed, of the child zone or of its name servers. It counts
    /// as a refusal of the planner (UPDATE-4).
    pub failed_check: Option<FailedCheck>,
}

impl Goal {
    /// Returns [`UpdateBehavior::is_arrival`].
    pub fn is_arrival(&self) -> bool {
        self.behavior.is_arrival()
    }

    /// Returns true if the request asks for something that the resource did not ask for before. A
    /// rollback Update does not (UPDATE-5).
    pub(super) fn asks_for_new(&self, own: Option<&Claim>) -> bool {
        match own {
            Some(own) => self.intent != own.intent && !self.is_rollback(own),
            None => self.old_intent != Some(self.intent),
        }
    }

    /// Returns true for a rollback Update: within a day, the request asks for the previous intent
    /// in the claim, and not for the current one (UPDATE-5).
    pub fn is_rollback(&self, own: &Claim) -> bool {
        let since = self.stamp.time.saturating_sub(own.stamp.time);
        self.intent != own.intent
            && own.previous_intent == Some(self.intent)
            && (0..=DAY).contains(&since)
    }

    /// Returns true if the request was made after the one that wrote this claim. A claim from the
    /// future counts as the oldest.
    pub(super) fn is_later_than(&self, own: &Claim) -> bool {
        self.stamp.time > own.fence(self.now)
    }
}

/// How a request gets to its delegation point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateBehavior {
    Create,
    /// It is an Update that moves the resource from another point. CloudFormation deletes that one
    /// afterwards.
    Replacement {
        from: MovedFrom,
    },
    /// It is an Update whose physical id is this point.
    InPlace,
    /// It is an Update that returns home from another point (MOVE-3). It is in place here, and
    /// CloudFormation deletes the other point afterwards.
    Home {
        from: MovedFrom,
    },
}

impl UpdateBehavior {
    /// Returns true for a Create, and for an Update that moves the resource to a point which is
    /// neither its physical id's nor its home.
    pub fn is_arrival(&self) -> bool {
        matches!(self, Self::Create | Self::Replacement { .. })
    }
}

/// The DS record set that a Create or Update asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesiredDs {
    /// None: `Dnssec` is false.
    Off,
    Records(DsRecords),
    /// A DS record set whose records are not known.
    Unknown {
        /// Why: the child zone is not signing, or can't be read. A clause without a period.
        why: String,
    },
}

/// A check before the change that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCheck {
    pub code: &'static str,
    /// The message: what is wrong, why, and what to do.
    pub message: String,
}

/// The input of a Delete, and of everything else that removes a claim.
#[derive(Clone, Debug)]
pub struct DeleteGoal {
    /// The child's name: the zone cut.
    pub name: Name,
    pub claimant: Claimant,
    /// The time and the identity of the request.
    pub stamp: Stamp,
    /// The current time, in seconds since 1970: see [`Goal::now`].
    pub now: i64,
    /// Why the claim is removed.
    pub reason: DeleteReason,
    /// The name servers of the child zone and those of `NameServers`, if they are known.
    pub known_name_servers: Option<NameServers>,
    /// Whether this function may manage the name (`DELEGATION_ALLOWED_NAMES`). If not, displaced
    /// name servers are not restored.
    pub allowed: bool,
    /// True once Route 53 has rejected the displaced name servers (LEAVE-6).
    pub restore_rejected: bool,
}

/// Why a claim is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteReason {
    /// A Delete of the physical id's point, or the clean-up of a failed replacement by the Update
    /// that rolls it back.
    Requested,
    /// An arrival is about to fail, or was overtaken at another point. It removes only the claim
    /// that the same request wrote, and only if no other delivery of that request has found it
    /// (ARRIVE-8).
    Undo,
    /// A Delete with a physical id that this function did not return: CloudFormation invented it
    /// for a Create that it cancelled (LEAVE-9).
    InventedId {
        /// The digest of the intent of the cancelled Create. CloudFormation sends its properties
        /// with the Delete, so a claim with another intent is not that Create's.
        intent: Digest,
        /// False if that Create can't have run, because its properties are invalid or the name is
        /// not allowed. No tombstone is necessary then.
        create_could_run: bool,
    },
    /// The parent zone of the physical id no longer exists, and the properties lead to this point
    /// (LEAVE-8).
    ZoneGone { zone: ZoneId },
}
