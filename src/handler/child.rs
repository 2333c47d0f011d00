//! Reads the child zone: its name, its name servers and its keys.

use std::sync::Arc;

use super::reconcile::Denial;
use super::{RequestContext, child_failure, signing};
use crate::aws::error::AwsError;
use crate::aws::route53::{HostedZone, Page, Session, Signing};
use crate::cfn::properties::{Partial, Properties};
use crate::error::{Code, Failure, FailureKind, Warning, WarningCode};
use delegation_model::ids::ZoneId;
use delegation_model::name::Name;
use delegation_model::name_servers::{MAX, NameServers};
use delegation_model::partial_zone::PartialZone;
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::DesiredDs;
use delegation_model::record_set::{RecordSet, RecordType};
use delegation_model::role::Role;

/// How many record sets are read from the apex on. They include the apex's NS record set in all but
/// unusual zones, and are all that a new zone has.
const APEX_PAGE: i32 = 20;

/// The child, after the child zone was read.
pub(super) struct Child {
    pub(super) name: Name,
    /// The name servers to delegate to; `None` if they are not known.
    pub(super) name_servers: Option<NameServers>,
    /// Why the child zone was not read, if the request can do without it.
    pub(super) warning: Option<Warning>,
    /// What is wrong with the child zone.
    pub(super) failure: Option<Failure>,
    /// The DS record set for its keys.
    pub(super) ds: DesiredDs,
    /// When the oldest of these keys was created or last changed, if known. Seconds since 1970.
    pub(super) keys_since: Option<i64>,
    /// The child zone, if it was read.
    pub(super) zone: Option<ReadZone>,
}

/// A child zone that was read, and that can be read further.
pub(super) struct ReadZone {
    pub(super) id: ZoneId,
    pub(super) session: Arc<Session>,
    pub(super) contents: PartialZone,
}

/// Returns the child's name, name servers and DS records.
///
/// A child zone that can't be read, or that contradicts itself, fails a Create. For an Update it
/// counts as a failed check (UPDATE-4), if the child's name is known without it.
pub(super) async fn read(
    cx: &RequestContext<'_>,
    desired: &Properties,
    physical: Option<&DelegationPoint>,
    old: Option<&Partial>,
    denial: Denial,
) -> Result<Child, Failure> {
    let specified = desired.name_servers.clone();
    let Some(id) = &desired.child_zone else {
        // Properties::parse requires both.
        let name = desired.domain_name.clone().ok_or_else(|| {
            Failure::new(Code::DomainNameMissing, "DomainName is missing. Add it.")
        })?;
        let ds = DesiredDs::Off;
        return Ok(Child {
            name,
            name_servers: specified,
            warning: None,
            failure: None,
            ds,
            keys_since: None,
            zone: None,
        });
    };
    match read_zone(cx, id, desired).await {
        Ok(ReadChild { zone, rest, signing }) => {
            if let Some(name) = desired.domain_name.as_ref().filter(|name| **name != zone.name) {
                let message = format!(
                    "DomainName {name} is not the name of the child zone {id}, which is {}. \
                     Correct it, or remove it.",
                    zone.name
                );
                return Err(Failure::new(Code::DomainNameMismatch, message));
            }
            let name_servers = specified.or(zone.name_servers);
            let mut keys_since = None;
            let ds = match signing {
                None => DesiredDs::Off,
                Some(Ok(signing)) => {
                    let ds = signing::desired(desired, id, &signing);
                    keys_since = signing::keys_since(&ds, &signing.keys);
                    ds
                }
                Some(Err(error)) => {
                    let failure = child_failure(
                        &format!("reading the signing state of the child zone {id}"),
                        &error,
                    );
                    if failure.kind() == FailureKind::Denied && denial == Denial::MayPass {
                        return Err(failure);
                    }
                    DesiredDs::Unknown { why: failure.message().to_owned() }
                }
            };
            Ok(Child {
                name: zone.name,
                name_servers,
                warning: None,
                failure: None,
                ds,
                keys_since,
                zone: Some(rest),
            })
        }
        Err(failure) if failure.kind() == FailureKind::Denied && denial == Denial::MayPass => {
            Err(failure)
        }
        Err(failure) => {
            let Some(old) = old else { return Err(failure) };
            let name =
                desired.domain_name.clone().or_else(|| physical.map(|point| point.name.clone()));
            let name = name.ok_or_else(|| failure.clone())?;
            let why = format!("the child zone {id} was not read");
            let ds = if desired.dnssec { DesiredDs::Unknown { why } } else { DesiredDs::Off };
            // If the name servers are given and the properties ask for nothing new, the child zone
            // is not needed.
            let not_needed = specified.is_some()
                && failure.kind() != FailureKind::Refused
                && old.intent() == desired.intent();
            let (warning, failure) = if not_needed {
                let message = format!("The child zone was not read: {}", failure.coded());
                (Some(Warning::new(WarningCode::ChildZoneNotRead, message)), None)
            } else {
                (None, Some(failure))
            };
            Ok(Child {
                name,
                name_servers: specified,
                warning,
                failure,
                ds,
                keys_since: None,
                zone: None,
            })
        }
    }
}

/// What was read in the child zone.
struct ReadChild {
    zone: HostedZone,
    /// What the rest of the zone is read with.
    rest: ReadZone,
    /// The signing state. `None` if it is not needed.
    signing: Option<Result<Signing, AwsError>>,
}

/// Reads the child zone and checks that it is public. Reads the name servers to delegate to, unless
/// the properties give them, and the signing state if `Dnssec` is set.
async fn read_zone(
    cx: &RequestContext<'_>,
    id: &ZoneId,
    desired: &Properties,
) -> Result<ReadChild, Failure> {
    let reads_name_servers = desired.name_servers.is_none();
    cx.progress.at(format!("reading the child zone {id}"));
    let failure = |error| child_failure(&format!("reading the child zone {id}"), &error);
    let session = cx.session(desired.child_role.as_ref()).await.map_err(failure)?;
    let (zone, head, signing) = tokio::join!(
        session.hosted_zone(id),
        async {
            if reads_name_servers {
                session.record_sets(id, None, APEX_PAGE).await
            } else {
                Ok(Page::default())
            }
        },
        async { if desired.dnssec { Some(session.signing(id).await) } else { None } },
    );
    let mut zone = zone.map_err(failure)?;
    if zone.private {
        return Err(private(&zone));
    }
    let mut contents = PartialZone::new(zone.name.clone());
    if reads_name_servers {
        let head = head.map_err(failure)?;
        zone.name_servers = serving(&session, &zone, &head).await?;
        contents.add(&zone.name, &head.sets, head.next);
    }
    Ok(ReadChild { zone, rest: ReadZone { id: id.clone(), session, contents }, signing })
}

/// The failure for a private child zone, which only VPCs can resolve.
pub(super) fn private(zone: &HostedZone) -> Failure {
    let message = format!(
        "The child zone {} ({}) is private: nobody on the internet can resolve it. Use a public \
         zone.",
        zone.id, zone.name
    );
    Failure::new(Code::ChildZonePrivate, message)
}

/// Returns the name servers to delegate a zone to: those in the NS record set at its apex, provided
/// that Route 53's are among them. A second provider may also serve the zone, and resolvers prefer
/// that record set once they have it (RFC 2181, section 5.4.1).
///
/// `head` is the listing from the apex on, or empty if it was not read.
pub(super) async fn serving(
    session: &Session,
    zone: &HostedZone,
    head: &Page,
) -> Result<Option<NameServers>, Failure> {
    let id = &zone.id;
    let is_apex = |set: &&RecordSet| set.name == zone.name && set.record_type == RecordType::Ns;
    let mut apex = head.sets.iter().find(is_apex).cloned();
    if apex.is_none() {
        let read = session.record_set(id, &zone.name, &RecordType::Ns).await;
        apex =
            read.map_err(|error| child_failure(&format!("reading the child zone {id}"), &error))?;
    }
    let apex = apex.and_then(|set| NameServers::from_values(&set.values));
    let differs = |what: String| {
        let message = format!(
            "The NS record set of the child zone {id} ({}) {what}. Resolvers use that record set. \
             Correct it. If it names the same servers by other names, set NameServers.",
            zone.name
        );
        Err(Failure::new(Code::ChildApexDiffers, message))
    };
    let (Some(apex), Some(own)) = (apex, &zone.name_servers) else {
        return if zone.name_servers.is_none() {
            Ok(None)
        } else {
            differs("has no names that can be parsed".into())
        };
    };
    let count = apex.iter().count();
    match (own.without(&apex), apex.without(own)) {
        (None, _) if count > MAX => {
            differs(format!("names {count} name servers, and a delegation has at most {MAX}"))
        }
        // A second provider's must have the form that `NameServers` requires, too.
        (None, Some(others)) => match NameServers::parse(&others.values()) {
            Ok(_) => Ok(Some(apex)),
            Err(error) => {
                let why = error.to_string();
                differs(format!("can't be delegated to: {}", why.trim_end_matches('.')))
            }
        },
        (None, None) => Ok(Some(apex)),
        (Some(lacking), None) => {
            differs(format!("lacks {lacking}, which Route 53 serves the zone from"))
        }
        (Some(lacking), Some(others)) => differs(format!(
            "lacks {lacking}, which Route 53 serves the zone from, and names {others}"
        )),
    }
}

/// Reads a zone without any checks, for an old resource or a Delete.
pub(super) async fn hosted_zone(
    cx: &RequestContext<'_>,
    id: &ZoneId,
    role: Option<&Role>,
) -> Result<HostedZone, Failure> {
    Ok(read_hosted_zone(cx, id, role).await?.1)
}

/// Returns every name server that a delegation to this zone may have named: Route 53's, and those
/// of its apex if there are more.
pub(super) async fn known_name_servers(
    cx: &RequestContext<'_>,
    id: &ZoneId,
    role: Option<&Role>,
) -> Result<Option<NameServers>, Failure> {
    let (session, zone) = read_hosted_zone(cx, id, role).await?;
    let serving = serving(&session, &zone, &Page::default()).await;
    Ok(serving.unwrap_or(zone.name_servers))
}

async fn read_hosted_zone(
    cx: &RequestContext<'_>,
    id: &ZoneId,
    role: Option<&Role>,
) -> Result<(Arc<Session>, HostedZone), Failure> {
    let failure = |error| child_failure(&format!("reading the child zone {id}"), &error);
    let session = cx.old_session(role).await.map_err(failure)?;
    let zone = session.hosted_zone(id).await.map_err(failure)?;
    Ok((session, zone))
}
