//! Finds out where a request goes, with `moving`, one read after the other.

use delegation_model::ids::ZoneId;
use delegation_model::moving::{NextStep, Reached, Route, ZoneView, next_step};
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::UpdateBehavior;

use super::{fails, stamp};
use crate::model::Model;
use crate::points::PointId;
use crate::state::{Behavior, Delivery, Part, Physical, Request, Snapshot, Stage, State};
use crate::values::START;

impl Model {
    pub(super) fn resolve(
        &mut self,
        state: &State,
        mut delivery: Delivery,
        request: &Request,
    ) -> Delivery {
        let (config, old) = (self.config(request.config), self.config(request.old));
        let mut read = false;
        loop {
            let route = self.route(state, &delivery, request);
            // One call at a time. The next one is made later.
            match next_step(&route) {
                NextStep::ReadPhysical(_)
                | NextStep::ReadPhysicalByOldRole(_)
                | NextStep::ReadHome(_)
                    if read =>
                {
                    return delivery;
                }
                NextStep::ReadPhysical(point) => {
                    delivery.physical = self.read(state, self.zone_of(&point), config);
                }
                NextStep::ReadPhysicalByOldRole(point) => {
                    delivery.physical_by_old_role = self.read(state, self.zone_of(&point), old);
                }
                NextStep::ReadHome(point) => {
                    delivery.home = self.read(state, self.zone_of(&point), config);
                }
                NextStep::FindZone { .. } => {
                    unreachable!("the lookup is known from the start")
                }
                NextStep::Go { point, behavior } => {
                    delivery.zone = self.zone_of(&point);
                    delivery.goes_to = delivery.zone;
                    delivery.behavior = match behavior {
                        UpdateBehavior::Create => Behavior::Create,
                        UpdateBehavior::InPlace => Behavior::InPlace,
                        UpdateBehavior::Home { .. } => match request.physical {
                            Physical::Point(zone) => Behavior::Home(zone),
                            Physical::Unresolved | Physical::Invented => {
                                unreachable!("home from nowhere")
                            }
                        },
                        UpdateBehavior::Replacement { from } => {
                            Behavior::Replacement(from.zone.map(|zone| self.zone_index(&zone)))
                        }
                    };
                    delivery.stage = Stage::Observe(Part::CreateUpdate);
                    return delivery;
                }
                NextStep::Overtaken | NextStep::Denied(_) => {
                    delivery.stage = Stage::Answer(fails(request));
                    return delivery;
                }
            }
            read = true;
        }
    }

    fn route(&self, state: &State, delivery: &Delivery, request: &Request) -> Route {
        let (config, old) = (self.config(request.config), self.config(request.old));
        let values = &self.points.values;
        let accounts = self.profile.two_accounts;
        let own = |id: PointId| self.points.own(id, request.resource, i64::from(state.clock));
        let view = |snapshot: Snapshot| match snapshot {
            Snapshot::Unread => None,
            Snapshot::Denied => Some(Reached::Denied),
            Snapshot::Read(id) => Some(Reached::Read(ZoneView {
                apex: values.apex.clone(),
                private: false,
                claim: own(id),
                is_delegated: self.points.view(id).servers.is_some(),
                is_occluded: false,
            })),
        };
        Route {
            stamp: stamp(request.time, request.id),
            now: START + i64::from(state.clock),
            name: values.cut.clone(),
            parent: values.parent(config),
            desired_route: values.route(config, accounts),
            old_route: values.route(old, accounts),
            role_changes: accounts && config.zone != old.zone,
            physical: match request.physical {
                Physical::Point(zone) => Some(self.point(zone)),
                Physical::Unresolved | Physical::Invented => None,
            },
            at_physical: view(delivery.physical),
            at_physical_by_old_role: view(delivery.physical_by_old_role),
            at_home: view(delivery.home),
            // The zones never change, so it does not matter when they are looked up.
            found_zone: Some(values.zones[usize::from(config.zone)].clone()),
        }
    }

    fn zone_of(&self, point: &DelegationPoint) -> u8 {
        self.zone_index(&point.zone)
    }

    fn zone_index(&self, zone: &ZoneId) -> u8 {
        u8::from(self.points.values.zones.first() != Some(zone))
    }
}
