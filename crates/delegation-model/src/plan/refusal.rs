//! Why a plan is refused, in words for the user: what, where, and what to do.

use std::fmt;

use strum::VariantNames as _;

use super::secure::DsRefusal;
use crate::name::Name;
use crate::record_set::RecordSet;

/// How many record sets a message names before it counts the others.
const NAMED: usize = 5;

/// Why nothing may be changed.
#[derive(Clone, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Refusal {
    /// The function may not start to manage the name.
    #[strum(serialize = "name-not-allowed")]
    NotAllowed {
        /// The zone cut.
        name: Name,
    },
    /// A CNAME stands at the zone cut.
    #[strum(serialize = "cname-at-name")]
    Cname {
        /// The zone cut.
        name: Name,
    },
    /// The parent zone delegates a name above the zone cut, so that nobody asks it for names below that one.
    DelegatedAbove {
        /// The zone cut.
        name: Name,
        /// The name that is delegated.
        above: Name,
        /// Its name servers.
        servers: String,
    },
    /// The delegation would hide record sets of the parent zone that the child zone lacks.
    #[strum(serialize = "would-hide-records")]
    Occludes {
        /// The zone cut.
        name: Name,
        /// The record sets, the first few by name; empty if none is known to be lost.
        records: String,
        /// True if there are more record sets at and below the cut than were compared.
        more: bool,
    },
    /// A record set to change has a routing policy or is an alias.
    RoutingPolicy {
        /// The name of the record set.
        name: Name,
        /// Its type.
        rtype: String,
    },
    /// A check of the child zone refuses it.
    #[strum(serialize = "child-zone-unfit")]
    Child {
        /// What it found.
        words: String,
    },
    /// The child zone can't be read, and no claim of the resource tells what its name servers were.
    NameServersUnknown {
        /// The zone cut.
        name: Name,
    },
    /// No delegation stands, but other stacks claim the name.
    ClaimedByOthers {
        /// The zone cut.
        name: Name,
        /// `<stack name>/<logical id>` of the claims.
        owners: Vec<String>,
    },
    /// A delegation stands that is not ours to change.
    #[strum(serialize = "already-delegated")]
    Taken {
        /// The zone cut.
        name: Name,
        /// The name servers found.
        current: String,
        /// The name servers asked for.
        wanted: String,
        /// `<stack name>/<logical id>` of the claims, none for a record set that somebody made by hand.
        owners: Vec<String>,
    },
    /// The DS record set forbids it.
    Ds {
        /// The zone cut.
        name: Name,
        /// Why.
        why: DsRefusal,
    },
    /// A name server below the zone cut has no address in the parent zone.
    NoGlue {
        /// The zone cut.
        name: Name,
        /// The name server.
        server: Name,
    },
    /// The name is so long that no ownership record fits beside it.
    #[strum(serialize = "name-too-long")]
    NoRoomForOwnershipRecord {
        /// The zone cut.
        name: Name,
    },
}

impl Refusal {
    /// The stable code: the variant's name in kebab case, or what stands beside it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ds { why, .. } => why.into(),
            refusal => refusal.into(),
        }
    }

    /// Every code that a refusal has.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        let own = Self::VARIANTS.iter().filter(|code| **code != "ds");
        own.chain(DsRefusal::VARIANTS).copied()
    }

    pub(super) fn occludes(name: &Name, lost: &[&RecordSet], more: bool) -> Self {
        Self::Occludes { name: name.clone(), records: enumerate(lost, more), more }
    }
}

/// `a.example.com A, b.example.com TXT and at least 3 more`; empty for none.
pub(super) fn enumerate(sets: &[&RecordSet], more: bool) -> String {
    let named = sets.iter().take(NAMED).map(|set| format!("{} {}", set.name.for_people(), set.rtype));
    let mut text = named.collect::<Vec<_>>().join(", ");
    let left = sets.len().saturating_sub(NAMED);
    if left > 0 {
        let at_least = if more { "at least " } else { "" };
        text = format!("{text} and {at_least}{left} more");
    }
    text
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed { name } => write!(
                f,
                "{name} is not one of the names that this function may delegate (DELEGATION_ALLOWED_NAMES); ask who runs it \
                 to allow the name"
            ),
            Self::Child { words } => f.write_str(words),
            Self::Cname { name } => write!(
                f,
                "a CNAME record set stands at {name} in the parent zone, and nothing can stand beside a CNAME; remove it first"
            ),
            Self::DelegatedAbove { name, above, servers } => write!(
                f,
                "{name} can't be delegated in this parent zone, which delegates {above} already (to {servers}) and is not \
                 asked for names below it; make the delegation in the hosted zone {above} (as ParentZoneName or \
                 ParentZoneId, with a role of the account that has it)"
            ),
            Self::Occludes { name, records, more: false } => write!(
                f,
                "delegating {name} would hide record sets of the parent zone that the child zone lacks: {records}; copy \
                 them to the child zone, or set AllowOcclusion if nobody needs them"
            ),
            Self::Occludes { name, records, more: true } => {
                write!(
                    f,
                    "delegating {name} would hide record sets of the parent zone, more of them than can be compared with \
                     the child zone"
                )?;
                if !records.is_empty() {
                    write!(f, "; the child zone lacks {records}")?;
                }
                write!(f, "; see to it that the child zone has what is needed, and set AllowOcclusion")
            }
            Self::RoutingPolicy { name, rtype } => write!(
                f,
                "the {rtype} record set at {name} in the parent zone has a routing policy or is an alias, which this \
                 resource never writes; remove it first"
            ),
            Self::NameServersUnknown { name } => write!(
                f,
                "the name servers of {name} are unknown: the child zone can't be read, and no delegation that this resource \
                 made stands in the parent zone; let the child zone be read, or give NameServers"
            ),
            Self::ClaimedByOthers { name, owners } => write!(
                f,
                "{name} is claimed by {}; remove it there, or set AllowOverwrite to take it over",
                owners.join(", ")
            ),
            Self::Taken { name, current, wanted, owners } => {
                let claimed = if owners.is_empty() {
                    "no ownership record claims it".to_owned()
                } else {
                    format!("claimed by {}", owners.join(", "))
                };
                write!(
                    f,
                    "{name} is already delegated in the parent zone to {current} ({claimed}), and this resource asks \
                     for {wanted}; remove that delegation, or set AllowOverwrite to take it over"
                )
            }
            Self::Ds { name, why } => why.say(name, f),
            Self::NoGlue { name, server } => write!(
                f,
                "the name server {server} lies at or below {name} and has no A or AAAA record set in the parent zone, so \
                 nobody could reach it; add its address there, or name another server"
            ),
            Self::NoRoomForOwnershipRecord { name } => {
                write!(f, "{name} is too long: no ownership record fits beside it; use a shorter name")
            }
        }
    }
}

impl std::error::Error for Refusal {}
