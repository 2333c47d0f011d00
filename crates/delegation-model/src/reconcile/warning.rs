//! What the user should know of a request that succeeds.

use std::fmt;

use super::holders::Holders;
use super::refusal::Refusal;
use crate::name::Name;
use crate::rollover::KeysToKeep;
use crate::ttl::Ttl;

/// What the user should know. Its text is a sentence or several, with a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A row or a check would have refused a change that the request does not ask for anew.
    LeftAsItIs {
        /// Why.
        refusal: Box<Refusal>,
    },
    /// An earlier delivery of this request did its work, and others stand by now.
    ChangedSince {
        /// The zone cut.
        name: Name,
        /// The name servers that stand; empty for none.
        current: String,
    },
    /// The delegation hides record sets of the parent zone.
    Hides {
        /// The zone cut.
        name: Name,
        /// The record sets.
        records: String,
    },
    /// A wildcard of the parent zone answered for the name.
    WildcardCovered {
        /// The zone cut.
        name: Name,
        /// The wildcard.
        wildcard: Name,
    },
    /// An arrival displaced name servers.
    Displaced {
        /// The zone cut.
        name: Name,
        /// What stood.
        previous: String,
        /// Its TTL.
        ttl: Ttl,
        /// Who claims it.
        owners: Holders,
        /// True if it is given back when the request is rolled back; an Update in place gives
        /// nothing back.
        restored_by_rollback: bool,
    },
    /// Name servers that somebody changed by hand were put right.
    DriftRepaired {
        /// The zone cut.
        name: Name,
        /// What stood.
        previous: String,
        /// Its TTL, if it had one.
        ttl: Option<Ttl>,
    },
    /// An Update changed name servers that others had come to as well.
    ChangedForOthers {
        /// The zone cut.
        name: Name,
        /// What stood.
        previous: String,
        /// Who else claims it.
        owners: Holders,
    },
    /// The request came to a delegation that others hold as well.
    Shared {
        /// The zone cut.
        name: Name,
        /// Who else holds it.
        owners: Holders,
    },
    /// The request came to a delegation that stands as wanted, and changed nothing: what its next
    /// Update will bring.
    NextUpdateChanges {
        /// The zone cut.
        name: Name,
        /// The TTL of the NS record set that stands and the one asked for, if they differ.
        ttl: Option<(Option<Ttl>, Ttl)>,
        /// The DS record set that stands and the one asked for, if they differ; empty for none.
        ds: Option<(String, String)>,
    },
    /// The TTL stays, because others hold the delegation as well.
    TtlKept {
        /// The zone cut.
        name: Name,
        /// The TTL that stands.
        current: Option<Ttl>,
        /// The one asked for.
        desired: Ttl,
        /// Who else holds it.
        owners: Holders,
    },
    /// A DS record set that this resource does not manage stays.
    DsLeft {
        /// The zone cut.
        name: Name,
        /// The DS records.
        current: String,
        /// Who claims it.
        owners: Holders,
    },
    /// Which DS record set is wanted is not known.
    DsUnknown {
        /// The zone cut.
        name: Name,
        /// True if one stands, and stays.
        stands: bool,
        /// Why it is not known.
        why: String,
    },
    /// The DS record set waits until resolvers have forgotten other name servers.
    DsDeferred {
        /// The zone cut.
        name: Name,
        /// The DS records asked for.
        desired: String,
    },
    /// DS records were taken away, and resolvers may still have them.
    KeysMustStay {
        /// The zone cut.
        name: Name,
        /// What must stay, and for how long.
        stays: KeysToKeep,
    },
    /// A DS record set was added to a delegation that exists: resolvers may have answers from
    /// before the zone was signed.
    UnsignedAnswersKept {
        /// The zone cut.
        name: Name,
    },
    /// A Delete found no claim of its own, and a delegation.
    NotClaimed {
        /// The zone cut.
        name: Name,
        /// The name servers that stand.
        current: String,
        /// Who holds it.
        owners: Holders,
    },
    /// A Delete with an id that CloudFormation invented found a claim of the same resource that
    /// another request wrote.
    ClaimKept {
        /// The zone cut.
        name: Name,
        /// The name servers that stand; empty for none.
        current: String,
    },
    /// A Delete leaves a delegation that others hold.
    LeftToOthers {
        /// The zone cut.
        name: Name,
        /// The name servers that stand.
        current: String,
        /// Who holds it.
        owners: Holders,
    },
    /// A Delete leaves a delegation that stood before the resource came.
    ExistedBefore {
        /// The zone cut.
        name: Name,
        /// The name servers that stand.
        current: String,
    },
    /// A Delete gives back what the resource had displaced.
    Restored {
        /// The zone cut.
        name: Name,
        /// The name servers that stand from now on.
        restored: String,
        /// Their TTL.
        ttl: Ttl,
    },
    /// A Delete removed a delegation that once displaced another, which is not given back.
    NotRestored {
        /// The zone cut.
        name: Name,
        /// What once stood.
        previous: String,
        /// Its TTL.
        ttl: Ttl,
        /// True if Route 53 did not take it back.
        rejected: bool,
    },
    /// A Delete leaves name servers that are not ours.
    ChangedByOthers {
        /// The zone cut.
        name: Name,
        /// The name servers that stand.
        current: String,
        /// Who holds it.
        owners: Holders,
    },
    /// A DS record set with a routing policy stays, although the delegation goes.
    DsWithRoutingPolicyLeft {
        /// The zone cut.
        name: Name,
    },
}

impl Warning {
    /// Every code that [`Warning::code`] can return.
    pub const CODES: [&str; 23] = [
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
        "left-to-others",
        "existed-before",
        "delegation-restored",
        "delegation-not-restored",
        "changed-by-others",
        "ds-with-routing-policy-left",
    ];

    /// The stable code of the message.
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
            Self::LeftToOthers { .. } => "left-to-others",
            Self::ExistedBefore { .. } => "existed-before",
            Self::Restored { .. } => "delegation-restored",
            Self::NotRestored { .. } => "delegation-not-restored",
            Self::ChangedByOthers { .. } => "changed-by-others",
            Self::DsWithRoutingPolicyLeft { .. } => "ds-with-routing-policy-left",
        }
    }
}

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
                "An earlier delivery of this request did its work, and the delegation of {name} was changed \
                 since. Its name servers now: {}.",
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
                    " It is given back only if this request is rolled back within a day."
                } else {
                    " A rollback of this Update does not give it back."
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
                        " Its TTL stays {}; the next Update brings {desired} s.",
                        seconds(*current)
                    )?;
                }
                match ds {
                    Some((current, desired)) if current.is_empty() => {
                        write!(f, " It has no DS record set; the next Update brings {desired}.")?;
                    }
                    Some((current, desired)) => {
                        write!(
                            f,
                            " Its DS record set stays {current}; the next Update brings {desired}."
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
            Self::DsUnknown { name, stands: true, why } => {
                write!(f, "The DS record set of {name} was left as it is: {why}.")
            }
            Self::DsUnknown { name, stands: false, why } => {
                write!(f, "No DS record set was added for {name}: {why}.")
            }
            Self::DsDeferred { name, desired } => write!(
                f,
                "The DS record set of {name} was not changed to {desired} yet: the name servers were \
                 put back, and resolvers may cache the others for their TTL. Update again after that, with \
                 another Trigger."
            ),
            Self::KeysMustStay { name, stays: KeysToKeep { tags, seconds } } => write!(
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
            Self::LeftToOthers { name, current, owners } => write!(
                f,
                "The delegation of {name} to {current} was left in place: it is also held by {owners}. If \
                 none of them exists any more, remove the NS record set of {name} and its ownership \
                 record by hand."
            ),
            Self::ExistedBefore { name, current } => write!(
                f,
                "The delegation of {name} to {current} was left in place: it existed before this resource \
                 was created. If nobody needs it, remove it by hand."
            ),
            Self::Restored { name, restored, ttl } => write!(
                f,
                "The delegation of {name} was given back: it points again to {restored}, with a TTL of \
                 {ttl} s, as before this resource took it over."
            ),
            Self::NotRestored { name, previous, ttl, rejected } => write!(
                f,
                "The delegation of {name} was removed. Before this resource took it over it pointed to \
                 {previous}, with a TTL of {ttl} s; that was not restored, {}.",
                if *rejected {
                    "because Route 53 did not accept it"
                } else {
                    "because too much time has passed, or because its former owner claims it no longer"
                }
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
                "The DS record set of {name} was left in place: it has a routing policy, which this \
                 resource never writes. Remove it by hand."
            ),
        }
    }
}
