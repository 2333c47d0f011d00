//! The removal of a dead claim: that of a resource that no longer exists.

use super::{Decision, DeleteGoal, DeleteReason, Observation, ReconciliationPlan, plan_delete};
use crate::name::Name;
use crate::name_servers::NameServers;
use crate::ownership_record::{Claim, Claimant, Stamp};

/// Plans the Delete that the resource of this claim on `name` would get if it still existed, at
/// `now` in seconds since 1970. `known` are the name servers of the child zone, which such a Delete
/// may remove even if the claim names others.
pub fn plan_release(
    name: &Name,
    claim: &Claim,
    known: Option<NameServers>,
    now: i64,
    observed: &Observation,
) -> ReconciliationPlan {
    let goal = DeleteGoal {
        name: name.clone(),
        claimant: Claimant::from_claim(claim),
        // A claim with a time a little in the future is released as well.
        stamp: Stamp { time: now.max(claim.stamp.time), request: claim.stamp.request },
        now,
        reason: DeleteReason::Requested,
        known_name_servers: known,
        allowed: true,
        restore_rejected: false,
    };
    match plan_delete(&goal, observed) {
        Decision::Proceed(plan) => plan,
        // Nothing is later than this request, and a Delete is never refused.
        Decision::Refuse(_) | Decision::Overtaken(_) => ReconciliationPlan::default(),
    }
}
