//! Translates a part of a request into the planner's input.

use delegation_model::ownership_record::MovedFrom;
use delegation_model::reconcile::{DeleteGoal, DeleteReason, DesiredDs, Goal, UpdateBehavior};

use super::{keys_of, stamp};
use crate::model::{AskedBy, Model, Question, Reason};
use crate::points::{Decided, PointId};
use crate::state::{Behavior, Delivery, Part, Physical, Request, RequestType, State};
use crate::values::{BY_HAND, START, ttl};

impl Model {
    pub(super) fn question_of(
        &self,
        state: &State,
        delivery: &Delivery,
        request: &Request,
        part: Part,
    ) -> Question {
        let asked_by = AskedBy::new(request, state.clock);
        let reason = match part {
            Part::CreateUpdate => {
                let old = (request.kind == RequestType::Update).then_some(request.old);
                return Question::CreateUpdate {
                    request: asked_by,
                    config: request.config,
                    old,
                    behavior: delivery.behavior,
                    keys: keys_of(state, self.config(request.config).servers),
                };
            }
            Part::Delete if request.physical == Physical::Invented => Reason::Invented,
            Part::Delete | Part::CleanUp => Reason::Requested,
            Part::Undo => Reason::Undo,
        };
        let config = if part == Part::CleanUp { request.old } else { request.config };
        Question::Delete {
            request: asked_by,
            config,
            reason,
            rejected: delivery.restore_rejected,
            known: self.is_alive(state, self.config(config).servers),
            rezoned: state.rezoned && self.config(config).servers == 0,
        }
    }

    pub(crate) fn decide(&self, question: Question, id: PointId) -> Decided {
        let values = &self.points.values;
        match question {
            Question::CreateUpdate { request, config, old, behavior, keys } => {
                let (config, old) = (self.config(config), old.map(|old| self.config(old)));
                let route_of = |old| values.route(old, self.profile.two_accounts);
                let from = |zone: Option<u8>| MovedFrom {
                    zone: zone.map(|zone| values.zones[usize::from(zone)].clone()),
                    route: old.map_or_else(|| route_of(config), route_of),
                };
                let goal = Goal {
                    name: values.cut.clone(),
                    claimant: values.claimants[usize::from(request.resource)].clone(),
                    stamp: stamp(request.time, request.id),
                    now: START + i64::from(request.now),
                    behavior: match behavior {
                        Behavior::Create => UpdateBehavior::Create,
                        Behavior::InPlace => UpdateBehavior::InPlace,
                        Behavior::Home(zone) => UpdateBehavior::Home { from: from(Some(zone)) },
                        Behavior::Replacement(zone) => {
                            UpdateBehavior::Replacement { from: from(zone) }
                        }
                    },
                    intent: values.intent(config),
                    old_intent: old.map(|old| values.intent(old)),
                    name_servers: values.servers.get(usize::from(config.servers)).cloned(),
                    ttl: ttl(config.ttl),
                    changes_ttl: old.is_some_and(|old| old.ttl != config.ttl),
                    ds: match config.keys.map(|desired| desired & keys) {
                        // The records for a key that is not active are not known.
                        Some(0) => DesiredDs::Unknown { why: "the key is not active".into() },
                        Some(keys) => DesiredDs::Records(
                            values.ds[usize::from(config.servers)][usize::from(keys)].clone(),
                        ),
                        None => DesiredDs::Off,
                    },
                    // The model's time is too coarse for the age of keys.
                    keys_since: None,
                    ds_ttl: ttl(3600),
                    changes_ds_ttl: false,
                    allow_overwrite: config.overwrite,
                    allow_occlusion: false,
                    allowed: true,
                    listed: false,
                    failed_check: None,
                };
                self.points.plan_create_update_at(&goal, id)
            }
            Question::Delete { request, config, reason, rejected, known, rezoned } => {
                let config = self.config(config);
                let goal = DeleteGoal {
                    name: values.cut.clone(),
                    claimant: values.claimants[usize::from(request.resource)].clone(),
                    stamp: stamp(request.time, request.id),
                    now: START + i64::from(request.now),
                    reason: match reason {
                        Reason::Requested => DeleteReason::Requested,
                        Reason::Undo => DeleteReason::Undo,
                        Reason::Invented => DeleteReason::InventedId {
                            intent: values.intent(config),
                            create_could_run: true,
                        },
                    },
                    known_name_servers: known.then(|| {
                        let servers = &values.servers[usize::from(config.servers)];
                        if rezoned {
                            servers.union(&values.servers[usize::from(BY_HAND)])
                        } else {
                            servers.clone()
                        }
                    }),
                    allowed: true,
                    restore_rejected: rejected,
                };
                self.points.plan_delete_at(&goal, id)
            }
        }
    }
}
