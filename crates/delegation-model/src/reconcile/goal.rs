//! What a request wants.

use crate::digest::Digest;
use crate::ds::DsRecords;
use crate::ids::ZoneId;
use crate::name::Name;
use crate::name_servers::NameServers;
use crate::ownership_record::{Claim, Claimant, MovedFrom, Stamp};
use crate::ttl::Ttl;

use super::DAY;

/// What a Create or Update wants at a delegation point.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the request")]
pub struct Goal {
    /// The child's name: the zone cut.
    pub name: Name,
    /// Who asks.
    pub claimant: Claimant,
    /// When the request was made, and which it is.
    pub stamp: Stamp,
    /// The clock, in seconds since 1970: to see that a time in the ownership record lies in the
    /// future (TRUST-1), and how old keys are (DS-8).
    pub now: i64,
    /// How the request comes to this point.
    pub behavior: UpdateBehavior,
    /// The digest of the properties of the request ([`Digest::from_intent`]).
    pub intent: Digest,
    /// The digest of the old properties of an Update, as far as they could be read. It counts only
    /// where no claim of our own says what was asked before.
    pub old_intent: Option<Digest>,
    /// The desired name servers; `None` if they could not be read.
    pub name_servers: Option<NameServers>,
    /// The desired TTL of the NS record set.
    pub ttl: Ttl,
    /// True if the request itself changes `TTL`: it differs from that of the old properties.
    pub changes_ttl: bool,
    /// The desired DS record set.
    pub ds: DesiredDs,
    /// When the oldest of the keys of these records was made, or made active again, in seconds
    /// since 1970; `None` if it is not known.
    pub keys_since: Option<i64>,
    /// The desired TTL of the DS record set.
    pub ds_ttl: Ttl,
    /// True if the request itself changes `DsTTL`.
    pub changes_ds_ttl: bool,
    /// Put the desired record values in the place of what others made.
    pub allow_overwrite: bool,
    /// Delegate although that hides record sets of the parent zone which the child zone lacks.
    pub allow_occlusion: bool,
    /// Whether this function may manage the name (`DELEGATION_ALLOWED_NAMES`).
    pub allowed: bool,
    /// What a check before the change found wrong: of the child zone, or of its name servers. It
    /// counts like a refusal of the planner (UPDATE-4).
    pub failed_check: Option<FailedCheck>,
}

impl Goal {
    /// [`UpdateBehavior::is_arrival`].
    pub fn is_arrival(&self) -> bool {
        self.behavior.is_arrival()
    }

    /// True if the request asks for something that the resource did not ask for before. The way
    /// back of an Update, within a day, does not (UPDATE-5).
    pub(super) fn asks_for_new(&self, own: Option<&Claim>) -> bool {
        match own {
            Some(own) => self.intent != own.intent && !self.is_rollback(own),
            None => self.old_intent != Some(self.intent),
        }
    }

    /// True if the request asks for what the resource asked for before its last request, and no
    /// more for what it asked for then: the way back of an Update (UPDATE-5).
    pub fn is_rollback(&self, own: &Claim) -> bool {
        let since = self.stamp.time.saturating_sub(own.stamp.time);
        self.intent != own.intent
            && own.previous_intent == Some(self.intent)
            && (0..=DAY).contains(&since)
    }

    /// True if the request was made after the one that wrote this claim. A claim from the future
    /// counts as the oldest.
    pub(super) fn is_later_than(&self, own: &Claim) -> bool {
        self.stamp.time > own.fence(self.now)
    }
}

/// How a request comes to its delegation point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateBehavior {
    /// By a Create.
    Create,
    /// By an Update that comes from another point; CloudFormation deletes that one afterwards.
    Replacement {
        /// Where it comes from.
        from: MovedFrom,
    },
    /// By an Update whose physical id is this point.
    InPlace,
    /// By an Update that comes home to it from another point (MOVE-3). It is in place here, and
    /// CloudFormation deletes the other point afterwards.
    Home {
        /// Where it comes from.
        from: MovedFrom,
    },
}

impl UpdateBehavior {
    /// True for a Create, and for an Update that comes to a point which is neither its physical
    /// id's nor home.
    pub fn is_arrival(&self) -> bool {
        matches!(self, Self::Create | Self::Replacement { .. })
    }
}

/// The DS record set that a Create or Update wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesiredDs {
    /// None that this resource manages: `Dnssec` is false.
    Off,
    /// These records.
    Records(DsRecords),
    /// A DS record set, but which is not known.
    Unknown {
        /// Why: the child zone is not signing, or can't be read. A clause without a full stop.
        why: String,
    },
}

/// What a check before the change found wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCheck {
    /// The stable code of the message.
    pub code: &'static str,
    /// What is wrong, why, and what to do.
    pub message: String,
}

/// The input of a Delete, and of everything else that takes a claim away.
#[derive(Clone, Debug)]
pub struct DeleteGoal {
    /// The child's name: the zone cut.
    pub name: Name,
    /// Who asks.
    pub claimant: Claimant,
    /// When the request was made, and which it is.
    pub stamp: Stamp,
    /// The clock, in seconds since 1970: see [`Goal::now`].
    pub now: i64,
    /// Why the claim is to go.
    pub reason: DeleteReason,
    /// The name servers of the child zone and those of `NameServers`, as far as they are known.
    pub known_name_servers: Option<NameServers>,
    /// Whether this function may manage the name (`DELEGATION_ALLOWED_NAMES`). Where it may not,
    /// nothing is put back.
    pub allowed: bool,
    /// True once Route 53 has rejected that the displaced name servers are put back (LEAVE-6).
    pub restore_rejected: bool,
}

/// Why a claim is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteReason {
    /// A Delete of the physical id's point, or the clean-up of a failed replacement by the Update
    /// that rolls it back.
    Requested,
    /// An arrival is about to fail, or was overtaken elsewhere: only the claim that this very
    /// request wrote goes, and only while no other delivery of it has found it (ARRIVE-8).
    TakeBack,
    /// A Delete whose physical id is none of ours: CloudFormation invented it for a Create that it
    /// cancelled (LEAVE-9).
    InventedId {
        /// False if that Create could not have run, so that nothing need keep it from running late:
        /// its properties fail, or the name is not allowed.
        create_could_run: bool,
    },
    /// The parent zone of the physical id is gone, and the properties lead to this point (LEAVE-8).
    ZoneGone {
        /// The zone that is gone.
        zone: ZoneId,
    },
}
