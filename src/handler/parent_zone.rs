//! Finds the parent zone, and with it the delegation point.

use super::parent_failure;
use crate::aws::error::AwsError;
use crate::aws::route53::{HostedZone, Session};
use crate::cfn::physical_id;
use crate::cfn::properties::ParentZone;
use crate::error::{Code, Failure};
use delegation_model::ids::ZoneId;
use delegation_model::name::Name;
use delegation_model::point::DelegationPoint;

/// How many levels below its parent zone a name may be. A Create or Update makes one call per
/// level, from a quota that the whole parent account shares.
pub(super) const MAX_LEVELS: usize = 16;

/// Finds the public parent zone of `name`. If several zones have the same name, takes `prefer` if
/// it is one of them, and fails otherwise. Fails also if the name is not below the zone, or more
/// than [`MAX_LEVELS`] below it.
pub(super) async fn find(
    session: &Session,
    name: &Name,
    parent: &ParentZone,
    prefer: Option<&ZoneId>,
) -> Result<ZoneId, Failure> {
    match parent {
        ParentZone::Id(id) => check(session, name, id).await,
        ParentZone::Name(zone_name) => {
            check_below(name, zone_name)?;
            named(session, zone_name, prefer).await
        }
        ParentZone::Closest => closest(session, name, prefer).await,
    }
}

/// The delegation point of `name` in a zone. Fails if it does not fit into a physical id.
pub(super) fn point(name: &Name, zone: &ZoneId) -> Result<DelegationPoint, Failure> {
    let point = DelegationPoint { zone: zone.clone(), name: name.clone() };
    if point.to_string().len() > physical_id::MAX {
        let message = format!(
            "{name} is too long: its physical id would exceed {} bytes. Use a shorter name.",
            physical_id::MAX
        );
        return Err(Failure::new(Code::NameTooLong, message));
    }
    Ok(point)
}

/// Reads the zone with this id, and returns its id. Fails unless the zone is public and `name` is
/// below its apex.
pub(super) async fn check(session: &Session, name: &Name, id: &ZoneId) -> Result<ZoneId, Failure> {
    let zone = public(session, id).await?;
    check_below(name, &zone.name)?;
    Ok(zone.id)
}

/// Reads the zone with this id. Fails unless it is public.
pub(super) async fn public(session: &Session, id: &ZoneId) -> Result<HostedZone, Failure> {
    let zone = session.hosted_zone(id).await;
    let zone =
        zone.map_err(|error| parent_failure(&format!("reading the parent zone {id}"), &error))?;
    if zone.private {
        let message = format!(
            "The parent zone {id} ({}) is private: nobody on the internet would see the \
             delegation. Use a public zone.",
            zone.name
        );
        return Err(Failure::new(Code::ParentZonePrivate, message));
    }
    Ok(zone)
}

/// Finds the public zone with this name. Fails if there is none, or if there are several and
/// `prefer` is not one of them.
pub(super) async fn named(
    session: &Session,
    zone_name: &Name,
    prefer: Option<&ZoneId>,
) -> Result<ZoneId, Failure> {
    let found =
        session.public_zones(zone_name).await.map_err(|error| listing(zone_name, &error))?;
    single(zone_name, &found, prefer)?.ok_or_else(|| {
        let message = format!(
            "The parent account has no public hosted zone named {zone_name} (ParentZoneName). \
             Correct the name, or use the ParentRoleArn of the account that has the zone."
        );
        Failure::new(Code::ParentZoneNotFound, message)
    })
}

/// Finds the public zone whose name is the closest one above `name`. Fails if there is none, or if
/// there are several with that name and `prefer` is not one of them.
async fn closest(
    session: &Session,
    name: &Name,
    prefer: Option<&ZoneId>,
) -> Result<ZoneId, Failure> {
    for enclosing in name.ancestors().take(MAX_LEVELS) {
        let found =
            session.public_zones(&enclosing).await.map_err(|error| listing(&enclosing, &error))?;
        if let Some(id) = single(&enclosing, &found, prefer)? {
            return Ok(id);
        }
    }
    let message = format!(
        "The parent account has no public hosted zone for any of the {MAX_LEVELS} closest names \
         above {}. Set ParentZoneId or ParentZoneName, or correct ParentRoleArn.",
        shortened(name)
    );
    Err(Failure::new(Code::NoEnclosingZone, message))
}

/// Returns the only zone, or `prefer` if it is one of several. `None` if there is no zone. Fails if
/// there are several without `prefer`.
fn single(
    name: &Name,
    found: &[ZoneId],
    prefer: Option<&ZoneId>,
) -> Result<Option<ZoneId>, Failure> {
    match found {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several if prefer.is_some_and(|prefer| several.contains(prefer)) => Ok(prefer.cloned()),
        several => {
            let ids: Vec<&str> = several.iter().map(ZoneId::as_str).collect();
            let message = format!(
                "The parent account has several public hosted zones named {name}: {}. Set \
                 ParentZoneId to one of them.",
                ids.join(", ")
            );
            Err(Failure::new(Code::ParentZoneAmbiguous, message))
        }
    }
}

fn listing(name: &Name, error: &AwsError) -> Failure {
    parent_failure(&format!("searching for the parent zone {name}"), error)
}

/// Checks that `name` is below the apex of `zone`, by at most [`MAX_LEVELS`].
fn check_below(name: &Name, zone: &Name) -> Result<(), Failure> {
    if name.is_below(zone) {
        let levels = name.labels().count().saturating_sub(zone.labels().count());
        if levels <= MAX_LEVELS {
            return Ok(());
        }
        let message = format!(
            "{} is {levels} levels below its parent zone {zone}, and at most {MAX_LEVELS} are \
             supported. Use a closer parent zone.",
            shortened(name)
        );
        return Err(Failure::new(Code::NameTooLong, message));
    }
    let what = if name == zone {
        format!("{name} is the parent zone itself.")
    } else {
        format!("{name} is not in the parent zone {zone}.")
    };
    let rule = "A delegation must be at a name below its parent zone. Correct the parent zone or \
                the child's name.";
    Err(Failure::new(Code::NotBelowParentZone, format!("{what} {rule}")))
}

/// Cuts a name to 60 characters for a message.
fn shortened(name: &Name) -> String {
    match name.as_str().char_indices().nth(60) {
        Some((end, _)) => format!("{}...", name.as_str().get(..end).unwrap_or_default()),
        None => name.to_string(),
    }
}
