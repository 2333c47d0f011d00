//! Create and Update.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::info;

use super::child::Child;
use super::{Outcome, Work, apply, aws_failure, child, coverage, farewell, observe, place};
use crate::aws::route53::{ChangeStatus, Session};
use crate::cfn::envelope::Kind as RequestKind;
use crate::cfn::physical_id::{PhysicalId, Place};
use crate::cfn::properties::{ParentZone, Properties, Salvage};
use crate::dns::name::Name;
use crate::error::{Failure, Kind};
use crate::metrics::Step;
use crate::plan::{self, Action, Arrival, Goal};

/// The properties of the resource as it was before an Update.
struct Before {
    salvage: Salvage,
    /// The name that they ask for, as far as it is known.
    name: Option<Name>,
    /// The place that they name; `None` if it can't be found.
    place: Option<Place>,
    warnings: Vec<String>,
}

pub(super) async fn run(work: &Work<'_>) -> Result<Outcome, Failure> {
    let wanted = Properties::parse(&work.request.properties);
    let wanted = wanted.map_err(|error| Failure::new(Kind::Input, error.to_string()))?;
    check_partitions(work, &wanted)?;
    let physical = work.request.physical_id.as_deref().filter(|_| work.request.kind == RequestKind::Update);
    let physical = physical.map(PhysicalId::parse);
    let pinned = physical.as_ref().and_then(PhysicalId::place);
    let old = physical.as_ref().map(|_| Properties::salvage(&work.request.old_properties));

    work.progress.at("reading the child zone and assuming the parent role");
    let timing = work.progress.time(Step::Observe);
    let (session, child) = tokio::join!(
        async {
            let session = work.accounts.session(wanted.parent_role.as_ref()).await;
            session.map_err(|error| aws_failure("assuming the parent role", &error))
        },
        child::read(work, &wanted, pinned, old.as_ref().map(|(salvage, _)| salvage)),
    );
    let (session, mut child) = (session?, child?);
    if child.name.is_wildcard() {
        let message = format!("{} is a wildcard, and a wildcard can't be delegated; give a plain name", child.name);
        return Err(Failure::new(Kind::Refused, message));
    }
    work.progress.at(format!("looking for the parent zone of {}", child.name));
    let old_zone = old.as_ref().and_then(|(salvage, _)| salvage.parent_zone.as_ref());
    let place = find_place(work, &session, &child.name, &wanted.parent_zone, pinned, old_zone).await?;
    drop(timing);
    let before = match old {
        None => None,
        Some((salvage, errors)) => {
            Some(find_before(work, &session, salvage, errors.is_empty(), &wanted, &child, &place, pinned).await)
        }
    };
    let (arrival, physical_id) = arrival(work, physical.as_ref(), &place, before.as_ref());
    let replaces = before.as_ref().zip(pinned).filter(|_| arrival == Arrival::Replacement);
    if let Some((before, pinned)) = replaces {
        // An earlier delivery of this request may have written the new place before it was cut off.
        take_back_if_overtaken(work, &session, before, pinned, &place).await?;
    }

    let goal = Goal {
        name: child.name.clone(),
        name_servers: child.name_servers.clone(),
        objection: child.objection.clone(),
        ttl: wanted.ttl,
        ds: plan::WantedDs::Off,
        ds_ttl: wanted.ds_ttl,
        allow_overwrite: wanted.allow_overwrite,
        allow_occlusion: wanted.allow_occlusion,
        allowed: work.config.allowed_names.as_ref().is_none_or(|allowed| allowed.allow(&child.name)),
        claimant: work.claimant.clone(),
        at: work.at,
        arrival,
    };
    let applied = apply::apply(work, &session, &place, async |again| {
        let timing = work.progress.time(Step::Observe);
        let mut seen = observe::surroundings(work, &session, &place, goal.name_servers.as_ref(), again).await?;
        if !goal.allow_occlusion {
            coverage::fill_in(work, &mut child, &mut seen).await?;
        }
        drop(timing);
        let _timing = work.progress.time(Step::Plan);
        let decision = plan::present(&goal, &seen);
        Ok((seen, decision))
    })
    .await;
    if let Some((before, pinned)) = replaces.filter(|_| applied.is_ok() || work.progress.sent().is_some()) {
        take_back_if_overtaken(work, &session, before, pinned, &place).await?;
    }
    let applied = applied?;

    let name_servers = child.name_servers.or(applied.found);
    let text = |value: Option<String>| value.unwrap_or_default();
    let mut outcome = Outcome {
        physical_id,
        data: BTreeMap::from([
            ("DomainName", place.name.to_string()),
            ("NameServers", text(name_servers.map(|servers| servers.to_string()))),
            ("ParentZoneId", place.zone.to_string()),
            ("ChildZoneId", text(wanted.child_zone.as_ref().map(ToString::to_string))),
            ("Action", text(applied.action.map(|action| action.to_string()))),
            (
                "ChangeStatus",
                match applied.status {
                    ChangeStatus::Insync => "INSYNC".into(),
                    ChangeStatus::Pending => "PENDING".into(),
                },
            ),
        ]),
        warnings: child.warning.into_iter().chain(applied.warnings).collect(),
    };
    work.progress.mark_action(applied.action);
    info!(action = applied.action.map(Action::as_str), status = ?applied.status, "the delegation stands");
    work.progress.mark_done(outcome.clone());
    if let Some(before) = before {
        outcome.warnings.extend(before.warnings.iter().cloned());
        outcome.warnings.extend(clean_up(work, &before, pinned, &place).await);
    }
    Ok(outcome)
}

/// A role of another partition can't be assumed, whatever the policies say (IAM User Guide, "Cross-account resource access in
/// IAM").
fn check_partitions(work: &Work<'_>, wanted: &Properties) -> Result<(), Failure> {
    let Some(partition) = &work.partition else { return Ok(()) };
    for (property, role) in [("ChildRoleArn", &wanted.child_role), ("ParentRoleArn", &wanted.parent_role)] {
        if let Some(arn) = role.as_ref().map(|role| &role.arn).filter(|arn| arn.partition() != partition) {
            let message = format!(
                "{property} {arn} is a role of the partition {}, and this function is in {partition}: roles can't be assumed \
                 across partitions; use a function in that partition",
                arn.partition()
            );
            return Err(Failure::new(Kind::Input, message));
        }
    }
    Ok(())
}

/// The wanted place. An Update that no longer says which parent zone it wants stays with the physical id's, unless our own claim
/// stands where it would be looked up: then a replacement is rolled back, and this is the place that it came from.
async fn find_place(
    work: &Work<'_>,
    session: &Session,
    name: &Name,
    asked: &ParentZone,
    pinned: Option<&Place>,
    old: Option<&ParentZone>,
) -> Result<Place, Failure> {
    let place = place::find(session, name, asked, pinned).await?;
    if Some(&place) != pinned || matches!(asked, ParentZone::Id(_)) || old == Some(asked) {
        return Ok(place);
    }
    match place::find(session, name, asked, None).await {
        Ok(home) if home != place => match farewell::claim_at(work, session, &home).await {
            Ok(Some(_)) => Ok(home),
            Err(failure) if !out_of_reach(&failure) => Err(failure),
            Ok(None) | Err(_) => Ok(place),
        },
        Err(failure) if !out_of_reach(&failure) => Err(failure),
        Ok(_) | Err(_) => Ok(place),
    }
}

/// True if a zone that the request does not need is not to be had: no reason to fail it.
fn out_of_reach(failure: &Failure) -> bool {
    matches!(failure.kind, Kind::Refused | Kind::NoSuchZone | Kind::Denied)
}

/// Finds the place of the old properties, by the same test as the new one. They never fail a request.
#[expect(clippy::too_many_arguments, reason = "what is asked now and what was asked before, side by side")]
async fn find_before(
    work: &Work<'_>,
    session: &Arc<Session>,
    old: Salvage,
    readable: bool,
    wanted: &Properties,
    child: &Child,
    place: &Place,
    pinned: Option<&Place>,
) -> Before {
    let mut warnings = Vec::new();
    if !readable {
        warnings.push("The old properties can't be read whole.".to_owned());
    }
    let name = work.afresh(async || match (&old.domain_name, &old.child_zone) {
        (Some(name), _) => Ok(Some(name.clone())),
        (None, zone) if *zone == wanted.child_zone => Ok(Some(child.name.clone())),
        (None, Some(zone)) => Ok(Some(child::glance(work, zone, old.child_role.as_ref()).await?.name)),
        (None, None) => Ok(None),
    });
    let name = name.await;
    let found = work.afresh(async || {
        let (Some(name), Some(asked)) = (name.clone()?, &old.parent_zone) else { return Ok(None) };
        if name == child.name && *asked == wanted.parent_zone && old.parent_role == wanted.parent_role {
            return Ok(Some(place.clone()));
        }
        let session = if old.parent_role == wanted.parent_role {
            Arc::clone(session)
        } else {
            let session = work.accounts.session(old.parent_role.as_ref()).await;
            session.map_err(|error| aws_failure("assuming the old parent role", &error))?
        };
        place::find(&session, &name, asked, pinned).await.map(Some)
    });
    let place = found.await.unwrap_or_else(|failure: Failure| {
        warnings.push(format!("The place of the old properties was not found: {failure}"));
        None
    });
    Before { salvage: old, name: name.ok().flatten(), place, warnings }
}

/// How the request comes to its place, and the physical id that a success answers with.
fn arrival(
    work: &Work<'_>,
    physical: Option<&PhysicalId>,
    place: &Place,
    before: Option<&Before>,
) -> (Arrival, String) {
    let kept = || work.request.physical_id.clone().unwrap_or_default();
    match physical {
        None => (Arrival::Create, place.to_string()),
        Some(PhysicalId::Place(pinned)) if pinned == place => (Arrival::InPlace, kept()),
        Some(PhysicalId::Place(_) | PhysicalId::Marker) => (Arrival::Replacement, place.to_string()),
        Some(PhysicalId::Foreign) => match before.and_then(|before| before.place.as_ref()) {
            Some(old) if old == place => (Arrival::InPlace, kept()),
            Some(_) => (Arrival::Replacement, place.to_string()),
            None if before.and_then(|before| before.name.as_ref()).is_some_and(|name| *name != place.name) => {
                (Arrival::Replacement, place.to_string())
            }
            // Where it was is unknown: a new id would have CloudFormation delete the old one, and perhaps this place with it.
            None => (Arrival::Replacement, kept()),
        },
    }
}

/// On a replacement: a later request may already have written our claim at the physical id's place.
async fn check_not_overtaken(work: &Work<'_>, before: &Before, pinned: &Place) -> Result<(), Failure> {
    let claim = work.afresh(async || {
        let session = work.accounts.session(before.salvage.parent_role.as_ref()).await;
        let session = session.map_err(|error| aws_failure("assuming the old parent role", &error))?;
        farewell::claim_at(work, &session, pinned).await
    });
    match claim.await {
        Ok(Some(at)) if at > work.at => {
            let message = format!(
                "a later request of this resource has already written {}; this one left nothing changed",
                pinned.name
            );
            Err(Failure::new(Kind::Stale, message))
        }
        // Old properties never fail a request.
        Ok(_) => Ok(()),
        Err(failure) if out_of_reach(&failure) => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Before and after a replacement: fails if a later request was at the physical id's place meanwhile, and takes back what this
/// request wrote at the new one. A request that came back has looked here before it was written, so whoever of the two looks last
/// removes it.
async fn take_back_if_overtaken(
    work: &Work<'_>,
    session: &Session,
    before: &Before,
    pinned: &Place,
    place: &Place,
) -> Result<(), Failure> {
    let Err(stale) = check_not_overtaken(work, before, pinned).await else {
        return Ok(());
    };
    if farewell::claim_at(work, session, place).await? != Some(work.at) {
        return Err(stale);
    }
    work.progress.at(format!("taking back {} in the parent zone {}", place.name, place.zone));
    let (wanted, _) = Properties::salvage(&work.request.properties);
    farewell::remove(work, session, &wanted, place).await?;
    Err(stale)
}

/// An Update whose old properties name a place that is neither the physical id's nor the new one is the rollback of a
/// failed replacement: our claim there goes too. A failure of this is a warning.
async fn clean_up(work: &Work<'_>, before: &Before, pinned: Option<&Place>, place: &Place) -> Vec<String> {
    let Some(old) = before.place.as_ref().filter(|old| *old != place) else {
        return Vec::new();
    };
    // With an id that is not ours, CloudFormation's own clean-up takes the place from the old properties.
    let Some(pinned) = pinned else { return Vec::new() };
    if old == pinned {
        return Vec::new();
    }
    work.progress
        .at(format!("removing what a failed replacement left at {} in the parent zone {}", old.name, old.zone));
    let removed = work.afresh(async || {
        let session = work.accounts.session(before.salvage.parent_role.as_ref()).await;
        let session = session.map_err(|error| aws_failure("assuming the old parent role", &error))?;
        farewell::remove(work, &session, &before.salvage, old).await
    });
    match removed.await {
        Ok(applied) => applied.warnings,
        Err(failure) if failure.kind == Kind::NoSuchZone => Vec::new(),
        Err(failure) => vec![format!("What a failed replacement left at {old} was not removed: {failure}")],
    }
}
