//! Finds the delegation point of an Update. The model decides what to read next, and this module
//! reads it (MOVE-1 to MOVE-6 of `docs/design.md`).

use std::sync::Arc;

use super::{ReadPoint, old_session};
use crate::aws::route53::Session;
use crate::cfn::properties::{ParentZone, Partial, Properties};
use crate::error::{Code, Failure, FailureKind, Warning, WarningCode};
use crate::handler::child::Child;
use crate::handler::observe::{self, Pass};
use crate::handler::reconcile::Denial;
use crate::handler::{RequestContext, child, parent_failure, parent_zone};
use delegation_model::moving::{NextStep, Reached, Route, ZoneView, next_step};
use delegation_model::name::Name;
use delegation_model::ownership_record::Claim;
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::{Observation, Overtaken, UpdateBehavior};
use delegation_model::record_set::RecordType;
use delegation_model::role::Role;

/// Finds the delegation point of an Update.
pub(super) struct UpdateResolver<'a> {
    pub(super) cx: &'a RequestContext<'a>,
    pub(super) denial: Denial,
    pub(super) desired: &'a Properties,
    pub(super) session: &'a Arc<Session>,
    pub(super) child: &'a Child,
    pub(super) old: &'a Partial,
}

/// The delegation point of an Update, and what was read to find it.
pub(super) struct ResolvedUpdate {
    pub(super) point: DelegationPoint,
    pub(super) behavior: UpdateBehavior,
    pub(super) observed: Option<Observation>,
    pub(super) read_physical: Option<ReadPoint>,
    /// The apex of the physical id's zone, if it was read.
    apex: Option<Name>,
    physical: Option<DelegationPoint>,
}

/// How much is read at the physical id's point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// Everything that the first observation needs, so that it need not be read again.
    Surroundings,
    /// Only the zone and the resource's claim.
    Claim,
}

/// What one role read at the physical id's point.
struct AtPhysical {
    /// The apex of its zone. `None` if it does not matter.
    apex: Option<Name>,
    claim: Option<Claim>,
    observed: Option<Observation>,
}

/// What is known about the physical id's point after all roles that could read it.
#[derive(Default)]
struct KnownPhysical {
    read_physical: Option<ReadPoint>,
    apex: Option<Name>,
    observed: Option<Observation>,
}

impl UpdateResolver<'_> {
    /// The child's name under the old properties. Invalid old properties never fail a request.
    pub(super) async fn old_name(&self) -> (Option<Name>, Vec<Warning>) {
        let Self { cx, desired, child, old, .. } = self;
        let mut warnings = Vec::new();
        if old.point_unreadable {
            let message = "Some of the old properties are invalid, so what a failed replacement \
                           may have left was not searched for.";
            warnings.push(Warning::new(WarningCode::OldPropertiesInvalid, message));
        }
        let name = match (&old.domain_name, &old.child_zone) {
            (Some(name), _) => Some(name.clone()),
            (None, zone) if *zone == desired.child_zone => Some(child.name.clone()),
            (None, None) => None,
            (None, Some(zone)) => {
                let role = old.child_role.as_ref();
                match cx
                    .with_fresh_credentials(async || child::hosted_zone(cx, zone, role).await)
                    .await
                {
                    Ok(zone) => Some(zone.name),
                    Err(failure) => {
                        warnings.push(not_found(&failure));
                        None
                    }
                }
            }
        };
        (name, warnings)
    }

    /// Reads what the model asks for until it knows where the Update goes.
    pub(super) async fn follow(
        &self,
        physical: Option<DelegationPoint>,
        old_name: Option<&Name>,
    ) -> Result<ResolvedUpdate, Failure> {
        let Self { cx, desired, session, child, old, .. } = self;
        let name = &child.name;
        let mut route = Route {
            stamp: cx.stamp,
            now: cx.now(),
            name: name.clone(),
            parent: desired.parent_zone().clone(),
            desired_route: desired.route(name),
            old_route: old.route(old_name.unwrap_or(name)),
            role_changes: self.role_changes(),
            physical,
            at_physical: None,
            at_physical_by_old_role: None,
            at_home: None,
            found_zone: None,
        };
        let mut known = KnownPhysical::default();
        let mut denied = None;
        loop {
            match next_step(&route) {
                NextStep::ReadPhysical(point) => {
                    let read = self.read_physical(session, &point, Extent::Surroundings).await;
                    // The new role can never read a zone in another account.
                    let denial = if self.is_other_account() { Denial::Final } else { self.denial };
                    let read = reached(read, denial, &mut denied)?;
                    route.at_physical = Some(self.sight(read, session, &point, &mut known));
                }
                NextStep::ReadPhysicalByOldRole(point) => {
                    let role = old.parent_role.as_ref();
                    let read = cx.with_fresh_credentials(async || {
                        let session = old_session(cx, role).await?;
                        let read = self.read_physical(&session, &point, Extent::Claim).await?;
                        Ok((session, read))
                    });
                    let (session, read) = match read.await {
                        Ok((session, read)) => (session, Ok(read)),
                        Err(failure) => (Arc::clone(session), Err(failure)),
                    };
                    let read = reached(read, Denial::Final, &mut None)?;
                    route.at_physical_by_old_role =
                        Some(self.sight(read, &session, &point, &mut known));
                }
                NextStep::ReadHome(point) => {
                    let read = self.read_home(session, &point).await;
                    route.at_home = Some(reached(read, self.denial, &mut None)?);
                }
                NextStep::FindZone { prefer } => {
                    let parent = desired.parent_zone();
                    let zone = parent_zone::find(session, name, parent, prefer.as_ref()).await?;
                    parent_zone::point(name, &zone)?;
                    route.found_zone = Some(zone);
                }
                NextStep::Go { point, behavior } => {
                    let KnownPhysical { read_physical, apex, observed } = known;
                    // The observation is of the physical id's point, and is only valid there.
                    let observed = observed.filter(|_| route.physical.as_ref() == Some(&point));
                    return Ok(ResolvedUpdate {
                        point,
                        behavior,
                        observed,
                        read_physical,
                        apex,
                        physical: route.physical,
                    });
                }
                NextStep::Overtaken => {
                    return Err(Overtaken::ByLaterRequest { name: name.clone() }.into());
                }
                NextStep::Denied(point) => {
                    let unknown = || {
                        Failure::new(
                            Code::AccessDenied,
                            format!(
                                "The parent zone {} can't be read. Allow the parent role to read \
                                 it.",
                                point.zone
                            ),
                        )
                    };
                    return Err(denied.unwrap_or_else(unknown));
                }
            }
        }
    }

    /// True if the old properties have another role or external id. Invalid ones don't count.
    fn role_changes(&self) -> bool {
        !self.old.parent_role_unreadable && !self.is_same_role()
    }

    /// True if the old properties have the same role and external id.
    fn is_same_role(&self) -> bool {
        let identity = |role: &Option<Role>| {
            role.clone().map(|role| (role.through, role.arn, role.external_id))
        };
        identity(&self.old.parent_role) == identity(&self.desired.parent_role)
    }

    /// True if the new role belongs to another account than the old one. It can then never read the
    /// old one's zones, so there is no point in waiting after a denial.
    fn is_other_account(&self) -> bool {
        let account = |role: &Option<Role>| {
            let arn = role.as_ref()?.arn.as_str();
            arn.split(':').nth(4).map(str::to_owned)
        };
        let (old, new) = (account(&self.old.parent_role), account(&self.desired.parent_role));
        old.zip(new).is_some_and(|(old, new)| old != new)
    }

    /// Reads the physical id's point. If the point has another than the desired name, only reads
    /// the claim.
    async fn read_physical(
        &self,
        session: &Session,
        point: &DelegationPoint,
        extent: Extent,
    ) -> Result<AtPhysical, Failure> {
        let Self { cx, desired, child, .. } = self;
        if point.name != child.name {
            let claim = observe::own_claim(cx, session, point).await?;
            return Ok(AtPhysical { apex: None, claim, observed: None });
        }
        let zone = async {
            // The listing does not say whether the zone has this id, and a public zone stays
            // public.
            match desired.parent_zone() {
                ParentZone::Id(id) if *id == point.zone => Ok(None),
                ParentZone::Id(_) | ParentZone::Name(_) | ParentZone::Closest => {
                    let zone = session.hosted_zone(&point.zone).await;
                    zone.map(Some).map_err(|error| {
                        parent_failure(&format!("reading the parent zone {}", point.zone), &error)
                    })
                }
            }
        };
        let (zone, observed) = match extent {
            Extent::Surroundings => {
                let servers = child.name_servers.as_ref();
                let observed = observe::surroundings(cx, session, point, servers, Pass::First);
                let (zone, observed) = tokio::join!(zone, observed);
                (zone?, Some(observed?))
            }
            Extent::Claim => (zone.await?, None),
        };
        let claim = match &observed {
            Some(observed) => observe::own_in(cx, point, observed),
            None => observe::own_claim(cx, session, point).await?,
        };
        let apex = match zone {
            // A private zone counts as another zone, whatever its name: nobody on the internet
            // queries it.
            Some(zone) if zone.private => None,
            Some(zone) => Some(zone.name),
            None => observed.as_ref().and_then(|observed| observed.apex.clone()),
        };
        Ok(AtPhysical { apex, claim, observed })
    }

    /// Reads the point that a replacement came from, according to the resource's claim.
    async fn read_home(
        &self,
        session: &Session,
        point: &DelegationPoint,
    ) -> Result<ZoneView, Failure> {
        let zone = async {
            session.hosted_zone(&point.zone).await.map_err(|error| {
                parent_failure(&format!("reading the parent zone {}", point.zone), &error)
            })
        };
        let (zone, claim) = tokio::try_join!(zone, observe::own_claim(self.cx, session, point))?;
        let is_occluded = claim.is_some() && observe::is_occluded(self.cx, session, point).await?;
        Ok(ZoneView {
            apex: zone.name,
            private: zone.private,
            claim,
            is_delegated: false,
            is_occluded,
        })
    }

    /// Turns a read of the physical id's point into what the model needs, and records in `known`
    /// what was read and by whom.
    fn sight(
        &self,
        read: Reached<AtPhysical>,
        session: &Arc<Session>,
        point: &DelegationPoint,
        known: &mut KnownPhysical,
    ) -> Reached<ZoneView> {
        match read {
            Reached::Read(AtPhysical { apex, claim, observed }) => {
                let had_claim = claim.is_some();
                let ns = observed.as_ref().and_then(|observed| observed.at_cut(&RecordType::Ns));
                let is_delegated = ns.is_some();
                known.read_physical = Some(ReadPoint {
                    point: point.clone(),
                    session: Arc::clone(session),
                    had_claim,
                });
                known.apex.clone_from(&apex);
                if observed.is_some() {
                    known.observed = observed;
                }
                let private = apex.is_none() && point.name == self.child.name;
                Reached::Read(ZoneView {
                    apex: apex.unwrap_or_else(|| point.name.clone()),
                    private,
                    claim,
                    is_delegated,
                    is_occluded: false,
                })
            }
            Reached::Gone => Reached::Gone,
            Reached::Denied => Reached::Denied,
        }
    }

    /// The delegation point that the old properties lead to, found in the same way as the new one.
    /// `None` if it is the new one or can't be found, which never fails a request.
    pub(super) async fn old_point(
        &self,
        update: &ResolvedUpdate,
        old_name: Option<&Name>,
        warnings: &mut Vec<Warning>,
    ) -> Option<DelegationPoint> {
        let Self { cx, desired, child, old, .. } = self;
        let (name, parent) = (old_name?, old.parent_zone.as_ref()?);
        let same_role = self.is_same_role();
        if *name == child.name && parent == desired.parent_zone() && same_role {
            return None;
        }
        if let Some(physical) = update.physical.as_ref().filter(|physical| physical.name == *name) {
            let apex = match parent {
                ParentZone::Id(_) => None,
                // What the new role read there says nothing about the old one.
                ParentZone::Name(_) | ParentZone::Closest if !same_role => {
                    self.old_apex(physical).await
                }
                ParentZone::Name(_) if update.apex.is_none() => self.old_apex(physical).await,
                ParentZone::Name(_) | ParentZone::Closest => update.apex.clone(),
            };
            // The old properties can't have led to a zone that the old role can't read.
            let reads = same_role || apex.is_some() || matches!(parent, ParentZone::Id(_));
            if reads && parent.is_satisfied_by(&physical.zone, apex.as_ref().unwrap_or(name)) {
                return Some(physical.clone());
            }
        }
        let old_role = old.parent_role.as_ref();
        let point = cx.with_fresh_credentials(async || {
            let session = if same_role {
                Arc::clone(self.session)
            } else {
                old_session(cx, old_role).await?
            };
            let zone = parent_zone::find(&session, name, parent, None).await?;
            parent_zone::point(name, &zone)
        });
        point.await.map_err(|failure| warnings.push(not_found(&failure))).ok()
    }

    /// The apex of the physical id's zone, if it was not needed before.
    async fn old_apex(&self, point: &DelegationPoint) -> Option<Name> {
        let session = old_session(self.cx, self.old.parent_role.as_ref()).await.ok()?;
        session.hosted_zone(&point.zone).await.ok().map(|zone| zone.name)
    }
}

/// What a read says about a zone. A denial that may pass is an error; a final one is also stored in
/// `denied`.
fn reached<T>(
    read: Result<T, Failure>,
    denial: Denial,
    denied: &mut Option<Failure>,
) -> Result<Reached<T>, Failure> {
    match read {
        Ok(read) => Ok(Reached::Read(read)),
        Err(failure) if failure.kind() == FailureKind::NoSuchZone => Ok(Reached::Gone),
        Err(failure) if failure.kind() == FailureKind::Denied && denial == Denial::Final => {
            *denied = Some(failure);
            Ok(Reached::Denied)
        }
        Err(failure) => Err(failure),
    }
}

fn not_found(failure: &Failure) -> Warning {
    let message =
        format!("The delegation point of the old properties was not found: {}", failure.coded());
    Warning::new(WarningCode::OldPointNotFound, message)
}
