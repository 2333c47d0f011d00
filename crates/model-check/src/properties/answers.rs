//! Checks that every request is answered, and that answers are true.

use super::DAY;
use crate::model::Model;
use crate::state::{Answer, Done, Physical, Request, RequestType, State};
use crate::values::{resource_text, stack_of};

impl Model {
    /// Checks the success of a Create or an Update that CloudFormation waited for.
    pub(crate) fn check_success(&mut self, state: &mut State, request: &Request, answer: Answer) {
        let Physical::Point(zone) = answer.physical else {
            return self.violation("PROMISE 2: a success without a delegation point".into());
        };
        // CloudFormation assumes that the previous template led to where the resource was left, so
        // the rollback returns there.
        if zone != self.config(request.config).zone && state.skipped >> request.resource & 1 == 1 {
            self.excuse("skipped-before");
        } else if zone != self.config(request.config).zone {
            self.violation("MOVE-1: a success in a parent zone that was not asked for".into());
        }
        // Others may have changed the name servers between the batch and the answer.
        let wants = self.config(request.config).servers;
        let exists = self.points.view(state.points[usize::from(zone)]).servers;
        let facts = &mut state.facts[usize::from(zone)];
        if exists != Some(wants) {
            facts.lost |= 1 << request.resource;
        }
        let warned = 1 << request.resource;
        facts.warned = if answer.warned { facts.warned | warned } else { facts.warned & !warned };
    }

    /// Checks a Create that has answered with an unresolved id. If another delivery of it is still
    /// running and has written its claim, no Delete finds that claim.
    pub(crate) fn check_unresolved(
        &mut self,
        state: &mut State,
        request: &Request,
        answer: Answer,
    ) {
        let zone = self.config(request.config).zone;
        let claim =
            self.points.view(state.points[usize::from(zone)]).claim(request.resource).copied();
        let runs = state.deliveries.iter().any(|delivery| delivery.request == request.id);
        let exists = claim.is_some_and(|claim| claim.time == i64::from(request.time));
        if answer.physical == Physical::Unresolved
            && request.kind == RequestType::Create
            && exists
            && runs
        {
            state.facts[usize::from(zone)].late |= 1 << request.resource;
            if let Some(operation) = &mut state.operations[usize::from(stack_of(request.resource))]
            {
                operation.disturbed = true;
            }
            self.excuse("second-delivery-after-an-unresolved-id");
        }
    }

    /// Checks that name servers which Route 53 has rejected are not tried again.
    pub(crate) fn check_restore(&mut self, rejected_before: bool) {
        if rejected_before {
            self.violation(
                "LEAVE-6: name servers that Route 53 has rejected are restored again, forever"
                    .into(),
            );
        }
    }

    /// Checks that a replacement undoes what it wrote if the stack has taken another course, and
    /// that no second delivery does.
    pub(crate) fn check_old_point_decision(&mut self, overtaken: bool, undoes: bool) {
        if overtaken != undoes {
            self.violation(
                "MOVE-5: only a request that was overtaken at its old point undoes its work".into(),
            );
        }
    }

    pub(crate) fn check_failed_delete(&mut self) {
        self.violation("PROMISE 3: a Delete fails while AWS works".into());
    }

    /// Reports a failed reverse Update of a rollback, which leaves the stack stuck.
    pub(crate) fn check_stuck(&mut self, state: &mut State, request: &Request) {
        let stack = stack_of(request.resource);
        let Some(operation) = &mut state.operations[usize::from(stack)] else { return };
        let too_late = state.clock - operation.began > DAY;
        let changed =
            !matches!(operation.done[usize::from(request.resource == 1)], Done::UpdateFailed(_));
        let bit = 1 << request.resource;
        let excuse = if too_late && changed {
            "rolled-back-after-a-day"
        } else if state.facts.iter().any(|facts| facts.claims_by_hand & bit != 0) {
            "stuck-by-hand"
        } else if state.skipped & bit != 0 {
            "skipped-before"
        } else {
            return self.violation(format!(
                "UPDATE-5: the rollback of {} is stuck",
                resource_text(request.resource)
            ));
        };
        operation.disturbed = true;
        state.skipped |= bit;
        for facts in &mut state.facts {
            facts.forgotten |= bit;
            facts.lost |= bit;
        }
        self.excuse(excuse);
    }

    /// Checks that every awaited request will be answered: a delivery of it is running, or Lambda
    /// still has to deliver it.
    pub(crate) fn check_answers(&mut self, state: &State) {
        for request in state.requests.iter().filter(|request| request.awaited && !request.owed) {
            if !state.deliveries.iter().any(|delivery| delivery.request == request.id) {
                let who = resource_text(request.resource);
                self.violation(format!("PROMISE 3: a request of {who} is never answered"));
            }
        }
    }
}
