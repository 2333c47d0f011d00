//! Where a request goes: whether an Update stays, comes home, or moves to another delegation point.
//!
//! Everything is decided here and nothing is read. [`next_step`] is told what is known so far and
//! says what to read next, until it knows: the function reads Route 53, and the model checker a
//! model of it. The rules are `MOVE-…` of `docs/design.md`.

use crate::digest::Digest;
use crate::ids::ZoneId;
use crate::name::Name;
use crate::ownership_record::{Claim, MovedFrom, Stamp};
use crate::parent::ParentZone;
use crate::point::DelegationPoint;
use crate::reconcile::UpdateBehavior;

/// What was found of a hosted zone, or of our claim in it, once a denial was waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached<T> {
    /// It was read.
    Read(T),
    /// The zone does not exist.
    Gone,
    /// The role may not read it.
    Denied,
}

/// The parent zone of a delegation point, and our claim in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneView {
    /// The apex of the zone.
    pub apex: Name,
    /// True if the zone is private, so that nobody on the internet asks it.
    pub private: bool,
    /// Our own claim at the point.
    pub claim: Option<Claim>,
}

/// What an Update asks for, and what is known of where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The request.
    pub stamp: Stamp,
    /// The clock: see [`crate::reconcile::Goal::now`].
    pub now: i64,
    /// The name that is asked for.
    pub name: Name,
    /// The parent zone that is asked for.
    pub parent: ParentZone,
    /// The digest of the parent properties and the name that are asked for.
    pub desired_route: Digest,
    /// The digest of the old parent properties and the name that they led to.
    pub old_route: Digest,
    /// True if the old properties have another `ParentRoleArn` or `ParentExternalId`.
    pub role_changes: bool,
    /// The point of the physical id; `None` if that is none of ours.
    pub physical: Option<DelegationPoint>,
    /// What the role of the properties sees there.
    pub at_physical: Option<Reached<ZoneView>>,
    /// What the role of the old properties sees there.
    pub at_physical_by_old_role: Option<Reached<ZoneView>>,
    /// What the role of the properties sees at home.
    pub at_home: Option<Reached<ZoneView>>,
    /// Where the look-up of the parent zone led.
    pub found_zone: Option<ZoneId>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Read the zone of the physical id, and our claim there, with the role of the properties:
    /// [`Route::at_physical`].
    ReadPhysical(DelegationPoint),
    /// The same with the role of the old properties: [`Route::at_physical_by_old_role`].
    ReadPhysicalByOldRole(DelegationPoint),
    /// Read the zone of this point, and our claim there, with the role of the properties:
    /// [`Route::at_home`].
    ReadHome(DelegationPoint),
    /// Look up the parent zone that is asked for, with the role of the properties:
    /// [`Route::found_zone`].
    FindZone {
        /// The zone to take if the look-up finds several of one name and this is one of them.
        prefer: Option<ZoneId>,
    },
    /// The request goes to this point.
    Go {
        /// The point.
        point: DelegationPoint,
        /// How it comes there.
        behavior: UpdateBehavior,
    },
    /// A later request of the resource was at the physical id's point: change nothing.
    Overtaken,
    /// The zone of the physical id can't be read, and the role did not change: that is a denial,
    /// and no reason to move (MOVE-2).
    Denied(DelegationPoint),
}

/// What to read next, or where an Update goes.
pub fn next_step(route: &Route) -> NextStep {
    let Some(physical) = &route.physical else { return route.move_from(None) };
    let Some(view) = &route.at_physical else { return NextStep::ReadPhysical(physical.clone()) };
    let denied = *view == Reached::Denied;
    if denied && route.role_changes && route.at_physical_by_old_role.is_none() {
        return NextStep::ReadPhysicalByOldRole(physical.clone());
    }
    let by_old_role = route.at_physical_by_old_role.as_ref().filter(|_| denied);
    let claim = match by_old_role.unwrap_or(view) {
        Reached::Read(view) => view.claim.as_ref(),
        Reached::Gone | Reached::Denied => None,
    };
    if claim.is_some_and(|claim| claim.is_later_than(route.stamp, route.now)) {
        return NextStep::Overtaken;
    }
    if let Some(home) = claim.and_then(|claim| route.home(claim)) {
        match &route.at_home {
            None => return NextStep::ReadHome(home),
            // Others may be able to write both claims, and to name a zone that nobody asks
            // (TRUST-4).
            Some(Reached::Read(view))
                if view.claim.is_some() && route.is_satisfied(&home, view) =>
            {
                let from = MovedFrom { zone: Some(physical.zone.clone()), route: route.old_route };
                return NextStep::Go { point: home, behavior: UpdateBehavior::Home { from } };
            }
            Some(Reached::Read(_) | Reached::Gone | Reached::Denied) => {}
        }
    }
    match view {
        Reached::Denied if !route.role_changes => NextStep::Denied(physical.clone()),
        Reached::Read(view) if route.is_satisfied(physical, view) => {
            if view.claim.is_some() {
                return NextStep::Go { point: physical.clone(), behavior: UpdateBehavior::InPlace };
            }
            // Several zones of the name are no reason to leave this one.
            route.look_up(physical, Some(physical.zone.clone()))
        }
        Reached::Read(_) | Reached::Gone | Reached::Denied => route.look_up(physical, None),
    }
}

impl Route {
    /// Where a replacement that led here came from, if that is what is asked for now (MOVE-3).
    fn home(&self, claim: &Claim) -> Option<DelegationPoint> {
        let from = claim.from.as_ref().filter(|from| from.route == self.desired_route)?;
        Some(DelegationPoint { zone: from.zone.clone()?, name: self.name.clone() })
    }

    /// True if the zone of a point is public and one that is asked for.
    fn is_satisfied(&self, point: &DelegationPoint, view: &ZoneView) -> bool {
        point.name == self.name
            && !view.private
            && self.parent.is_satisfied_by(&point.zone, &view.apex)
    }

    fn look_up(&self, physical: &DelegationPoint, prefer: Option<ZoneId>) -> NextStep {
        let Some(zone) = &self.found_zone else { return NextStep::FindZone { prefer } };
        let here = *zone == physical.zone && self.name == physical.name;
        match &self.at_physical {
            // The look-up lists zones that the role may not read.
            Some(Reached::Denied) if here => NextStep::Denied(physical.clone()),
            _ if here => {
                NextStep::Go { point: physical.clone(), behavior: UpdateBehavior::InPlace }
            }
            _ => self.move_from(Some(physical.zone.clone())),
        }
    }

    fn move_from(&self, zone: Option<ZoneId>) -> NextStep {
        let Some(found) = &self.found_zone else { return NextStep::FindZone { prefer: None } };
        let from = MovedFrom { zone, route: self.old_route };
        NextStep::Go {
            point: DelegationPoint { zone: found.clone(), name: self.name.clone() },
            behavior: UpdateBehavior::Replacement { from },
        }
    }
}

/// What a replacement does that looks back at the physical id's point, once it has written its new
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldPointCheck {
    /// It is done.
    Done,
    /// It was overtaken there, and takes back what it wrote (MOVE-5).
    Undo,
}

/// Looks back at the physical id's point: a later claim of ours there, or ours gone that stood
/// before, means that the stack went another way meanwhile.
///
/// `finds_own_request` tells that the claim of this request stood at the new point already: the
/// first delivery may have answered SUCCESS, and nothing is taken back. What can't be read says
/// nothing.
pub fn check_old_point(
    existed_before: bool,
    now_there: &Reached<Option<Claim>>,
    (stamp, now): (Stamp, i64),
    finds_own_request: bool,
) -> OldPointCheck {
    let overtaken = match now_there {
        Reached::Read(Some(claim)) => claim.is_later_than(stamp, now),
        Reached::Read(None) | Reached::Gone => existed_before,
        Reached::Denied => false,
    };
    if overtaken && !finds_own_request { OldPointCheck::Undo } else { OldPointCheck::Done }
}

/// The point at which a failed replacement may have left our claim: the one that the old properties
/// of the Update that rolls it back lead to, if it is neither the physical id's nor where the
/// Update goes (MOVE-6).
pub fn left_by_failed_replacement<'a>(
    old: Option<&'a DelegationPoint>,
    physical: Option<&DelegationPoint>,
    goes_to: &DelegationPoint,
) -> Option<&'a DelegationPoint> {
    // With an id that is none of ours, CloudFormation's own clean-up takes the point from the old
    // properties.
    let physical = physical?;
    old.filter(|old| *old != physical && *old != goes_to)
}

#[cfg(test)]
mod tests;
