//! The sentences of warnings.

use std::fmt;

use super::Warning;
use crate::rollover::KeysToKeep;
use crate::ttl::Ttl;

fn seconds(ttl: Option<Ttl>) -> String {
    ttl.map_or("none".to_owned(), |ttl| format!("{ttl} s"))
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

impl fmt::Display for Warning {
    #[expect(clippy::too_many_lines, reason = "one sentence for each variant")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeftAsItIs { refusal } => {
                write!(f, "The delegation was left as it is. {refusal}")
            }
            Self::ChangedSince { name, current } => write!(
                f,
                "An earlier delivery of this request did its work, and the delegation of {name} has \
                 changed since. Its name servers now: {}.",
                or_none(current)
            ),
            Self::Hides { name, records } => {
                write!(
                    f,
                    "The delegation of {name} hides record sets of the parent zone: {records}."
                )
            }
            Self::WildcardCovered { name, wildcard } => write!(
                f,
                "The wildcard {} of the parent zone answered for {name} and the names below it, and no \
                 longer does.",
                wildcard.for_people()
            ),
            Self::Displaced { name, previous, ttl, owners, restored_by_rollback } => {
                write!(f, "{name} was delegated to {previous} with a TTL of {ttl} s")?;
                if owners.is_nobody() {
                    f.write_str(", which no stack claims. AllowOverwrite replaced that.")?;
                } else {
                    write!(f, ", claimed by {owners}. AllowOverwrite replaced that.")?;
                }
                f.write_str(if *restored_by_rollback {
                    " It is restored only if this request is rolled back within a day."
                } else {
                    " A rollback of this Update does not restore it."
                })
            }
            Self::DriftRepaired { name, previous, ttl } => write!(
                f,
                "Somebody had changed the delegation of {name} to {previous}, with a TTL of {}. This Update \
                 repaired it.",
                seconds(*ttl)
            ),
            Self::ChangedForOthers { name, previous, owners } => write!(
                f,
                "The delegation of {name} to {previous} was shared by {owners}, and this Update changed it. \
                 Update those resources to the new name servers."
            ),
            Self::Shared { name, owners } => write!(
                f,
                "The delegation of {name} is also held by {owners}. It stays until the last holder is \
                 deleted. If one of them no longer exists, remove its claim: delegation plan --release \
                 prints how."
            ),
            Self::NextUpdateChanges { name, ttl, ds } => {
                write!(
                    f,
                    "The delegation of {name} already existed as requested and was not changed."
                )?;
                if let Some((current, desired)) = ttl {
                    write!(
                        f,
                        " Its TTL stays {}; the next Update changes it to {desired} s.",
                        seconds(*current)
                    )?;
                }
                match ds {
                    Some((current, desired)) if current.is_empty() => {
                        write!(f, " It has no DS record set; the next Update adds {desired}.")?;
                    }
                    Some((current, desired)) => {
                        write!(
                            f,
                            " Its DS record set stays {current}; the next Update changes it to {desired}."
                        )?;
                    }
                    None => {}
                }
                Ok(())
            }
            Self::TtlKept { name, current, desired, owners } => write!(
                f,
                "The TTL of the delegation of {name} stays {} and does not become {desired} s, because the \
                 delegation is also held by {owners}. To change it for all, change the property TTL.",
                seconds(*current)
            ),
            Self::DsLeft { name, current, owners } if owners.is_nobody() => write!(
                f,
                "The DS record set of {name} ({current}) was left in place: this resource did not write \
                 it. If nobody needs it, remove it by hand."
            ),
            Self::DsLeft { name, current, owners } => {
                write!(
                    f,
                    "The DS record set of {name} ({current}) was left in place: it is also managed by {owners}."
                )
            }
            Self::DsUnknown { name, exists: true, why } => {
                write!(f, "The DS record set of {name} was left as it is: {why}.")
            }
            Self::DsUnknown { name, exists: false, why } => {
                write!(f, "No DS record set was added for {name}: {why}.")
            }
            Self::DsDeferred { name, desired } => write!(
                f,
                "The DS record set of {name} was not changed to {desired} yet: the name servers were \
                 restored, and resolvers may cache the others for their TTL. Update again after that, with \
                 another Trigger."
            ),
            Self::KeysMustStay { name, keys: KeysToKeep { tags, seconds } } => write!(
                f,
                "The keys {tags} of {name} must stay ACTIVE and the zone must stay signed for {seconds} seconds from \
                 now: resolvers may cache their DS records for that long."
            ),
            Self::UnsignedAnswersKept { name } => write!(
                f,
                "{name} must have been signed for at least its longest TTL by now: resolvers treat cached unsigned answers \
                 as bogus. If it has not, set Dnssec to false until it has."
            ),
            Self::NotClaimed { name, current, owners } if owners.is_nobody() => write!(
                f,
                "The delegation of {name} to {current} was left in place: this resource has no claim on \
                 it. If nobody needs it, remove it by hand."
            ),
            Self::NotClaimed { name, current, owners } => write!(
                f,
                "The delegation of {name} to {current} was left in place: this resource has no claim on \
                 it. The name is claimed by {owners}."
            ),
            Self::ClaimKept { name, current } => write!(
                f,
                "The delegation of {name} (name servers: {}) and the claim of this resource were left in \
                 place: an Update wrote that claim, and this Delete is of a Create that CloudFormation \
                 cancelled. If nobody needs them, remove them by hand.",
                or_none(current)
            ),
            Self::MovedFromGoneZone { name, current, zone } => write!(
                f,
                "The delegation of {name} to {current} and the claim of this resource were left in \
                 place: the claim says that the resource moved there from the parent zone {zone}, which \
                 no longer exists. If nobody needs them, remove them by hand."
            ),
            Self::LeftToOthers { name, current, owners } => write!(
                f,
                "The delegation of {name} to {current} was left in place: it is also held by {owners}. If \
                 none of them exists anymore, remove the NS record set of {name} and its ownership \
                 record by hand."
            ),
            Self::ExistedBefore { name, current } => write!(
                f,
                "The delegation of {name} to {current} was left in place: it existed before this resource \
                 was created. If nobody needs it, remove it by hand."
            ),
            Self::Restored { name, restored, ttl } => write!(
                f,
                "The delegation of {name} was restored: it points to {restored} again, with a TTL of \
                 {ttl} s, as before this resource took it over."
            ),
            Self::NotRestored { name, previous, ttl, rejected } => write!(
                f,
                "The delegation of {name} was removed. Before this resource took it over it pointed to \
                 {previous}, with a TTL of {ttl} s; that was not restored, {}.",
                if *rejected {
                    "because Route 53 did not accept it"
                } else {
                    "because too much time has passed, its former owner no longer claims it, or the function \
                     may not delegate the name (DELEGATION_ALLOWED_NAMES)"
                }
            ),
            Self::DormantClaimsLeft { name, removed, owners } => write!(
                f,
                "The delegation of {name} to {removed} was removed. The name is also claimed by {owners}, \
                 for other name servers, and is no longer delegated. If those resources still exist, \
                 update them."
            ),
            Self::ChangedByOthers { name, current, owners } => {
                write!(
                    f,
                    "The delegation of {name} was left in place: its name servers ({current}) are not \
                     those of this resource"
                )?;
                if owners.is_nobody() {
                    f.write_str(". If nobody needs it, remove it by hand.")
                } else {
                    write!(f, ". The name is claimed by {owners}.")
                }
            }
            Self::DsWithRoutingPolicyLeft { name } => write!(
                f,
                "The DS record set of {name} was left in place: it has a routing policy or a health \
                 check. This resource never writes such a record set. Remove it by hand."
            ),
            Self::ClaimLeft { record } => write!(
                f,
                "The claim of this resource in the ownership record {record} was left in place: the record \
                 is larger than Route 53 accepts in one change. Remove what others wrote there, and this claim."
            ),
        }
    }
}
