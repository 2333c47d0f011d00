//! The reasons for a refusal, with messages for the user: what is wrong, why, and what to do.

use super::ds::DsRefusal;
use super::goal::FailedCheck;
use super::holders::Holders;
use crate::name::Name;
use crate::ownership_record::MAX_CHARACTERS;
use crate::record_set::{RecordSet, RecordType};

/// How many record sets a message names before it counts the others.
const NAMED: usize = 5;

/// Which of the parent zone's record sets at and below a zone cut were compared with the child
/// zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// All that there are.
    Complete,
    /// Those on the first page of the listing, because there are more.
    OfFirstPage,
}

/// Why the planner refuses a request.
///
/// In every variant, `name` is the zone cut unless it says otherwise, `current` and `desired` are
/// name servers, and `owners` are the other resources in question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The function may not manage the name.
    #[error(
        "{name} is not one of the names that this function may delegate \
         (DELEGATION_ALLOWED_NAMES). Ask the operators of the function to allow the name."
    )]
    NotAllowed { name: Name },
    /// The function may no longer manage the name. The delegation may stay or be removed, but not
    /// change.
    #[error(
        "{name} is no longer one of the names that this function may delegate \
         (DELEGATION_ALLOWED_NAMES). Its delegation can stay or be removed, but not changed. Ask \
         the operators of the function to allow the name."
    )]
    NoLongerAllowed { name: Name },
    /// A check before the change failed.
    #[error("{}", .0.message)]
    Check(FailedCheck),
    /// A CNAME exists at the zone cut.
    #[error(
        "The parent zone has a CNAME record set at {name}, and no other record set can exist next \
         to a CNAME. Remove it first."
    )]
    Cname { name: Name },
    /// The parent zone delegates a name above the zone cut, so resolvers do not ask it for names
    /// below that one.
    #[error(
        "The parent zone already delegates {above} (to {servers}), so nobody would see a \
         delegation of {name} there. Create it in the hosted zone {above}: give that zone as \
         ParentZoneName or ParentZoneId, with a role of the account that has it."
    )]
    DelegatedAbove { name: Name, above: Name, servers: String },
    /// The delegation would have authority over the address of one of the parent zone's own name
    /// servers.
    #[error(
        "{server} is a name server of the parent zone, so the name servers of {name} could answer \
         for the whole parent zone. Use another name, or ask the operators of the function to list \
         {name} itself in DELEGATION_ALLOWED_NAMES."
    )]
    ParentNameServer { name: Name, server: Name },
    /// The delegation would hide record sets of the parent zone that the child zone lacks.
    #[error("{}", occluding(name, records, *comparison))]
    Occludes {
        name: Name,
        /// The first few record sets by name; empty if none is known to be lost.
        records: String,
        /// How many of the record sets at and below the cut were compared.
        comparison: Comparison,
    },
    /// A record set to change, with this name, has a routing policy or a health check, or is an
    /// alias.
    #[error(
        "The {record_type} record set at {name} in the parent zone has a routing policy or a health \
         check, or is an alias. This resource never writes such a record set. Remove it first."
    )]
    RoutingPolicy { name: Name, record_type: RecordType },
    /// The desired name servers could not be read.
    #[error(
        "The name servers of {name} are unknown, because the child zone can't be read. Let the \
         function read it (ChildRoleArn), or give NameServers."
    )]
    NameServersUnknown { name: Name },
    /// No NS record set exists, but others claim the name for different name servers.
    #[error(
        "{name} is claimed by {owners}, for name servers other than {desired}. Remove the \
         resource there, or set AllowOverwrite to delegate the name anyway."
    )]
    ClaimedByOthers { name: Name, desired: String, owners: Holders },
    /// The resource does not hold the current name servers and may not change them.
    #[error("{}", not_ours(name, current, desired, owners))]
    NotOurs {
        name: Name,
        current: String,
        desired: String,
        /// Who holds it; nobody if the record set was made by hand.
        owners: Holders,
    },
    /// The resource holds the current name servers, and so do others.
    #[error(
        "{name} is delegated to {current}, which is also held by {owners}, and this resource \
         asks for {desired}. To change all of them, change the first with AllowOverwrite and the \
         others as usual."
    )]
    HeldByOthers { name: Name, current: String, desired: String, owners: Holders },
    /// The current name servers were adopted or displaced others, and the delegation is unsettled.
    /// The earlier state may have to be restored.
    #[error(
        "{name} is delegated to {current} (claimed by {owners}), and a rollback of that stack may \
         still have to restore what was there before. Settle it first: update the resource that \
         holds it, for example with another Trigger. If that resource no longer exists, remove \
         its claim (delegation plan --release prints how)."
    )]
    NotSettled { name: Name, current: String, owners: Holders },
    /// The current NS record set has no form in which it could be restored.
    #[error(
        "{name} is delegated to {current:?}, which is not a list of names and could not be \
         restored after a rollback. Correct or remove that record set first."
    )]
    CantBeRestored { name: Name, current: String },
    /// The ownership record has an unreadable value.
    #[error(
        "The ownership record {record} has a value that this version of the function can't read. \
         A newer version may have written it, so its delegation is not replaced. Update the \
         function, or remove that value if nobody needs it."
    )]
    UnreadableClaim { record: Name },
    /// The ownership record has no room for the claim.
    #[error(
        "The ownership record {record} has no room for this change: it would have more than \
         {MAX_CHARACTERS} characters or 400 values, or more than 4000 characters in one value. \
         Remove resources that no longer need the delegation, or what others wrote there."
    )]
    OwnershipRecordFull { record: Name },
    /// The DS record set prevents it.
    #[error("{}", .why.message(name))]
    Ds { name: Name, why: DsRefusal },
    /// A name server below the zone cut has no address in the parent zone.
    #[error(
        "The name server {server} is at or below {name} and has no A or AAAA record set in the \
         parent zone, so nobody could reach it. Add its address there, or name another server."
    )]
    NoGlue { name: Name, server: Name },
    /// The name is so long that no ownership record fits next to it.
    #[error("{name} is too long: no ownership record fits next to it. Use a shorter name.")]
    NoRoomForOwnershipRecord { name: Name },
}

impl Refusal {
    /// All codes that [`Refusal::code`] can return, except those of a [`FailedCheck`].
    pub const CODES: [&str; 24] = [
        "name-not-allowed",
        "name-no-longer-allowed",
        "cname-at-name",
        "delegated-above",
        "parent-name-server",
        "hides-records",
        "routing-policy",
        "name-servers-unknown",
        "claimed-by-others",
        "delegation-not-ours",
        "delegation-held-by-others",
        "delegation-not-settled",
        "delegation-cant-be-restored",
        "ownership-record-unreadable",
        "ownership-record-full",
        "glue-missing",
        "name-too-long",
        "ds-unknown",
        "ds-exists",
        "ds-with-name-servers",
        "ds-of-others",
        "ds-claimed-by-others",
        "ds-not-ours",
        "key-too-young",
    ];

    /// Returns the stable code of the message.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAllowed { .. } => "name-not-allowed",
            Self::NoLongerAllowed { .. } => "name-no-longer-allowed",
            Self::Check(check) => check.code,
            Self::Cname { .. } => "cname-at-name",
            Self::DelegatedAbove { .. } => "delegated-above",
            Self::ParentNameServer { .. } => "parent-name-server",
            Self::Occludes { .. } => "hides-records",
            Self::RoutingPolicy { .. } => "routing-policy",
            Self::NameServersUnknown { .. } => "name-servers-unknown",
            Self::ClaimedByOthers { .. } => "claimed-by-others",
            Self::NotOurs { .. } => "delegation-not-ours",
            Self::HeldByOthers { .. } => "delegation-held-by-others",
            Self::NotSettled { .. } => "delegation-not-settled",
            Self::CantBeRestored { .. } => "delegation-cant-be-restored",
            Self::UnreadableClaim { .. } => "ownership-record-unreadable",
            Self::OwnershipRecordFull { .. } => "ownership-record-full",
            Self::Ds { why, .. } => why.code(),
            Self::NoGlue { .. } => "glue-missing",
            Self::NoRoomForOwnershipRecord { .. } => "name-too-long",
        }
    }

    pub(super) fn occludes(name: &Name, lost: &[&RecordSet], comparison: Comparison) -> Self {
        Self::Occludes { name: name.clone(), records: enumerate(lost, comparison), comparison }
    }
}

/// Returns a list such as `a.example.com A, b.example.com TXT and at least 3 more`; empty if there
/// are none.
pub(super) fn enumerate(sets: &[&RecordSet], comparison: Comparison) -> String {
    let named =
        sets.iter().take(NAMED).map(|set| format!("{} {}", set.name.for_people(), set.record_type));
    let mut text = named.collect::<Vec<_>>().join(", ");
    let left = sets.len().saturating_sub(NAMED);
    if left > 0 {
        let at_least = match comparison {
            Comparison::Complete => "",
            Comparison::OfFirstPage => "at least ",
        };
        text = format!("{text} and {at_least}{left} more");
    }
    text
}

fn occluding(name: &Name, records: &str, comparison: Comparison) -> String {
    if comparison == Comparison::Complete {
        return format!(
            "Delegating {name} would hide record sets of the parent zone that the child zone lacks: \
             {records}. Copy them to the child zone, or set AllowOcclusion if nobody needs them."
        );
    }
    let lacking = if records.is_empty() {
        String::new()
    } else {
        format!(" The child zone lacks {records}.")
    };
    format!(
        "Delegating {name} would hide more record sets of the parent zone than can be compared with \
         the child zone.{lacking} Make sure that the child zone has what is needed, and set \
         AllowOcclusion."
    )
}

fn not_ours(name: &Name, current: &str, desired: &str, owners: &Holders) -> String {
    if owners.is_nobody() {
        return format!(
            "{name} is already delegated to {current}, which no stack claims, and this resource asks \
             for {desired}. Correct or remove that record set, or set AllowOverwrite to replace it."
        );
    }
    format!(
        "{name} is already delegated to {current} (claimed by {owners}), and this resource asks for \
         {desired}. Remove the resource there, or set AllowOverwrite to replace the delegation."
    )
}
