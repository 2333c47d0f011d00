//! Decides where a request goes: whether an Update stays, returns home, or moves to another
//! delegation point.
//!
//! This module decides everything and reads nothing. [`next_step`] takes what is known so far and
//! returns what to read next, until the destination is known. The function reads Route 53, and the
//! model checker reads its model. The rules are `MOVE-…` of `docs/design.md`.

use crate::digest::Digest;
use crate::ids::ZoneId;
use crate::name::Name;
use crate::ownership_record::{Claim, MovedFrom, Stamp};
use crate::parent::ParentZone;
use crate::point::DelegationPoint;
use crate::reconcile::UpdateBehavior;

/// The result of reading a hosted zone, or a claim in it, after the wait for a denied permission.
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
    /// True if the zone is private, so that it is not visible on the internet.
    pub private: bool,
    /// Our own claim at the point.
    pub claim: Option<Claim>,
    /// True if the zone has an NS record set at the point. Read only at the point of the physical
    /// id.
    pub is_delegated: bool,
    /// True if the zone delegates a name above the point, and has no NS record set at the point.
    /// Read only at home.
    pub is_occluded: bool,
}

/// What an Update asks for, and what is known about where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The time and the identity of the request.
    pub stamp: Stamp,
    /// The current time: see [`crate::reconcile::Goal::now`].
    pub now: i64,
    pub name: Name,
    pub parent: ParentZone,
    /// The digest of the parent properties and the name.
    pub desired_route: Digest,
    /// The digest of the old parent properties and the old name.
    pub old_route: Digest,
    /// True if the old properties have another `ParentRoleArn` or `ParentExternalId`.
    pub role_changes: bool,
    /// The point of the physical id; `None` if this function did not return that id.
    pub physical: Option<DelegationPoint>,
    /// What the role of the properties sees there.
    pub at_physical: Option<Reached<ZoneView>>,
    /// What the role of the old properties sees there.
    pub at_physical_by_old_role: Option<Reached<ZoneView>>,
    /// What the role of the properties sees at home.
    pub at_home: Option<Reached<ZoneView>>,
    /// The parent zone that the lookup found.
    pub found_zone: Option<ZoneId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Read the zone of the physical id, and our claim there, with the role of the properties:
    /// [`Route::at_physical`].
    ReadPhysical(DelegationPoint),
    /// Do the same with the role of the old properties: [`Route::at_physical_by_old_role`].
    ReadPhysicalByOldRole(DelegationPoint),
    /// Read the zone of this point, and our claim there, with the role of the properties:
    /// [`Route::at_home`].
    ReadHome(DelegationPoint),
    /// Look up the desired parent zone, with the role of the properties: [`Route::found_zone`].
    FindZone {
        /// The zone to prefer if the lookup finds several of one name.
        prefer: Option<ZoneId>,
    },
    /// The request goes to this point.
    Go {
        point: DelegationPoint,
        /// How the request gets there.
        behavior: UpdateBehavior,
    },
    /// A later request of the resource has written its claim at the physical id's point. Change
    /// nothing.
    Overtaken,
    /// The zone of the physical id can't be read, and the role has not changed. That is a denial,
    /// and no reason to move (MOVE-2).
    Denied(DelegationPoint),
}

/// Returns what to read next, or where an Update goes.
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
    let mut occluded_home = None;
    if let Some(home) = claim.and_then(|claim| route.home(claim)) {
        match &route.at_home {
            None => return NextStep::ReadHome(home),
            // Others may be able to write both claims, and to name a zone that nobody asks
            // (TRUST-4).
            Some(Reached::Read(view))
                if view.claim.is_some() && route.is_satisfied(&home, view) =>
            {
                if !view.is_occluded || route.parent != ParentZone::Closest {
                    let from =
                        MovedFrom { zone: Some(physical.zone.clone()), route: route.old_route };
                    return NextStep::Go { point: home, behavior: UpdateBehavior::Home { from } };
                }
                occluded_home = Some(home);
            }
            Some(Reached::Read(_) | Reached::Gone | Reached::Denied) => {}
        }
    }
    let step = match view {
        Reached::Denied if !route.role_changes => NextStep::Denied(physical.clone()),
        Reached::Read(view) if route.is_satisfied(physical, view) => {
            // The closest zone may be one that nobody asks. Others may be able to remove the claim,
            // and not the delegation (MOVE-1).
            let stays = view.is_delegated && route.parent == ParentZone::Closest;
            if view.claim.is_some() || stays {
                return NextStep::Go { point: physical.clone(), behavior: UpdateBehavior::InPlace };
            }
            // If there are several zones of the name, the Update stays in this one.
            route.look_up(physical, Some(physical.zone.clone()))
        }
        Reached::Read(_) | Reached::Gone | Reached::Denied => route.look_up(physical, None),
    };
    match step {
        // The lookup leads there as well, so the resource has no better point.
        NextStep::Go { point, behavior: UpdateBehavior::Replacement { from } }
            if Some(&point) == occluded_home.as_ref() =>
        {
            NextStep::Go { point, behavior: UpdateBehavior::Home { from } }
        }
        step => step,
    }
}

impl Route {
    /// Returns the point that a replacement came from, if the Update asks for what led there
    /// (MOVE-3).
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
            // The lookup also lists zones that the role may not read.
            Some(Reached::Denied) if here => NextStep::Denied(physical.clone()),
            _ if here => {
                NextStep::Go { point: physical.clone(), behavior: UpdateBehavior::InPlace }
            }
            _ => self.move_from(Some(physical.zone.clone())),
        }
    }

    fn move_from(&self, zone: Option<ZoneId>) -> NextStep {
        let Some(new_zone) = &self.found_zone else {
            return NextStep::FindZone { prefer: None };
        };
        let from = MovedFrom { zone, route: self.old_route };
        NextStep::Go {
            point: DelegationPoint { zone: new_zone.clone(), name: self.name.clone() },
            behavior: UpdateBehavior::Replacement { from },
        }
    }
}

/// What a replacement does after it has written its new point and checked its old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldPointCheck {
    /// The replacement is done.
    Done,
    /// It was overtaken at its old point, and undoes what it wrote (MOVE-5).
    Undo,
}

/// What a replacement knows about its old point, that of the physical id, after it has written its
/// new point.
#[derive(Clone, Copy, Debug)]
pub struct OldPoint<'a> {
    /// True if the resource had a claim there before.
    pub had_claim: bool,
    /// The resource's current claim there.
    pub claim: &'a Reached<Option<Claim>>,
    /// True if the claim of the same request already existed at the new point.
    pub finds_own_request: bool,
}

/// Checks the old point of the request with this stamp. A later claim of the resource there, or the
/// disappearance of a claim that existed before, means that the stack has taken another course.
///
/// If the claim of the same request already existed at the new point, the first delivery may have
/// answered SUCCESS, so nothing is undone. A point that can't be read proves nothing.
pub fn check_old_point(old: OldPoint<'_>, stamp: Stamp, now: i64) -> OldPointCheck {
    let overtaken = match old.claim {
        Reached::Read(Some(claim)) => claim.is_later_than(stamp, now),
        Reached::Read(None) | Reached::Gone => old.had_claim,
        Reached::Denied => false,
    };
    if overtaken && !old.finds_own_request { OldPointCheck::Undo } else { OldPointCheck::Done }
}

/// Returns the point where a failed replacement may have left its claim. The Update that rolls it
/// back has old properties that lead there, and it is neither the physical id's point nor where
/// that Update goes (MOVE-6).
pub fn left_by_failed_replacement<'a>(
    old: Option<&'a DelegationPoint>,
    physical: Option<&DelegationPoint>,
    goes_to: &DelegationPoint,
) -> Option<&'a DelegationPoint> {
    // If this function did not return the physical id, the clean-up Delete of CloudFormation finds
    // the point by the old properties.
    let physical = physical?;
    old.filter(|old| *old != physical && *old != goes_to)
}

#[cfg(test)]
mod tests;
