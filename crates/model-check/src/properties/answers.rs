//! Every request is answered, and an answer is true.

use super::DAY;
use crate::model::Model;
use crate::values::{resource_text, stack_of};
use crate::world::{Answer, Done, Kind, Physical, Request, World};
impl Model {
    /// A Create or an Update that CloudFormation waited for has succeeded.
    pub(crate) fn check_success(&mut self, world: &mut World, request: &Request, answer: Answer) {
        let Physical::Point(zone) = answer.physical else {
            return self.violation("PROMISE 2: a success without a delegation point".into());
        };
        // The stack believes that the template before led to where the resource was left, so it
        // goes back there.
        if zone != self.config(request.config).zone && world.skipped >> request.resource & 1 == 1 {
            self.excuse("skipped-before");
        } else if zone != self.config(request.config).zone {
            self.violation("MOVE-1: a success in another parent zone than was asked for".into());
        }
        // Others were here between the batch and the answer.
        let wants = self.config(request.config).servers;
        let exists = self.points.view(world.points[usize::from(zone)]).servers;
        let facts = &mut world.facts[usize::from(zone)];
        if exists != Some(wants) {
            facts.lost |= 1 << request.resource;
        }
        let warned = 1 << request.resource;
        facts.warned = if answer.warned { facts.warned | warned } else { facts.warned & !warned };
    }

    /// A Create has answered with a marker. Another delivery of it that still runs, and has
    /// written, is found by no Delete then.
    pub(crate) fn check_marker(&mut self, world: &mut World, request: &Request, answer: Answer) {
        let zone = self.config(request.config).zone;
        let claim =
            self.points.view(world.points[usize::from(zone)]).claim(request.resource).copied();
        let runs = world.deliveries.iter().any(|delivery| delivery.request == request.id);
        let exists = claim.is_some_and(|claim| claim.time == i64::from(request.time));
        if answer.physical == Physical::Marker && request.kind == Kind::Create && exists && runs {
            world.facts[usize::from(zone)].late |= 1 << request.resource;
            if let Some(operation) = &mut world.operations[usize::from(stack_of(request.resource))]
            {
                operation.disturbed = true;
            }
            self.excuse("second-delivery-after-a-marker");
        }
    }

    /// What Route 53 has rejected is not tried again.
    pub(crate) fn check_restore(&mut self, rejected_before: bool) {
        if rejected_before {
            self.violation(
                "LEAVE-6: what Route 53 has rejected is put back again, and so for ever".into(),
            );
        }
    }

    /// A replacement takes back what it wrote if the stack went another way meanwhile, and no
    /// second delivery does.
    pub(crate) fn check_old_point_decision(&mut self, overtaken: bool, undoes: bool) {
        if overtaken != undoes {
            self.violation(
                "MOVE-5: who was overtaken at the old point takes back, and nobody else".into(),
            );
        }
    }

    /// A Delete fails.
    pub(crate) fn check_failed_delete(&mut self) {
        self.violation("PROMISE 3: a Delete fails while AWS works".into());
    }

    /// The reverse Update of a rollback has failed: the stack is stuck.
    pub(crate) fn check_stuck(&mut self, world: &mut World, request: &Request) {
        let stack = stack_of(request.resource);
        let Some(operation) = &mut world.operations[usize::from(stack)] else { return };
        let too_late = world.clock - operation.began > DAY;
        let changed =
            !matches!(operation.done[usize::from(request.resource == 1)], Done::Updated(_, true));
        let bit = 1 << request.resource;
        let excuse = if too_late && changed {
            "rolled-back-after-a-day"
        } else if world.facts.iter().any(|facts| facts.claims_by_hand & bit != 0) {
            "stuck-by-hand"
        } else if world.skipped & bit != 0 {
            "skipped-before"
        } else {
            return self.violation(format!(
                "UPDATE-5: the rollback of {} is stuck",
                resource_text(request.resource)
            ));
        };
        operation.disturbed = true;
        world.skipped |= bit;
        for facts in &mut world.facts {
            facts.forgotten |= bit;
            facts.lost |= bit;
        }
        self.excuse(excuse);
    }

    /// Everybody who waits for an answer gets one: a delivery of its request runs, or Lambda owes
    /// one.
    pub(crate) fn check_answers(&mut self, world: &World) {
        for request in world.requests.iter().filter(|request| request.awaited && !request.owed) {
            if !world.deliveries.iter().any(|delivery| delivery.request == request.id) {
                let who = resource_text(request.resource);
                self.violation(format!("PROMISE 3: a request of {who} is never answered"));
            }
        }
    }
}
