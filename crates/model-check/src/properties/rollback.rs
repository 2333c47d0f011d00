//! Checks that a rollback restores what was there before.

use super::DAY;
use crate::function::keys_of;
use crate::model::Model;
use crate::points::{ClaimView, PointView};
use crate::state::{Held, LeftBy, Operation, Phase, Physical, State};
use crate::values::{Config, resources_of, zone_letter};

/// The differences that a rollback has left at a delegation point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Differs {
    servers: bool,
    claims: bool,
    ttl: bool,
    ds: bool,
}

/// A delegation point before an operation and after its rollback.
struct RolledBack<'a> {
    stack: u8,
    operation: &'a Operation,
    zone: u8,
    differs: Differs,
    before: PointView,
    after: PointView,
}

impl Model {
    /// Checks the end of an operation.
    pub(crate) fn check_end(&mut self, state: &State, stack: u8, operation: &Operation) {
        if operation.phase == Phase::BackCleanUp && !operation.disturbed {
            self.check_rolled_back(state, stack, operation);
        }
    }

    /// Checks that everything is as it was before the operation.
    fn check_rolled_back(&mut self, state: &State, stack: u8, operation: &Operation) {
        for zone in 0..2u8 {
            let before = self.points.view(operation.snapshot[usize::from(zone)]).clone();
            let after = self.points.view(state.points[usize::from(zone)]).clone();
            // A claim of the stack that does not belong to a resource it has: that of an earlier
            // stack, or of a retained resource.
            let dead = |resource: u8| {
                let index = resources_of(stack).iter().position(|other| *other == resource);
                let here = Physical::Point(zone);
                index.is_some_and(|index| {
                    operation.before[index].is_none_or(|held| held.physical != here)
                })
            };
            let claims = |view: &PointView| {
                let living = view.claims.iter().filter(|claim| !dead(claim.resource));
                let mut claims: Vec<_> =
                    living.map(|claim| (claim.resource, claim.servers)).collect();
                claims.sort_unstable();
                claims
            };
            let differs = Differs {
                servers: before.servers != after.servers,
                claims: claims(&before) != claims(&after),
                ttl: before.servers.is_some()
                    && before.servers == after.servers
                    && before.ttl != after.ttl,
                ds: before.ds != after.ds,
            };
            if differs == Differs::default() {
                continue;
            }
            let known = |claims: Vec<(u8, Option<u8>)>| {
                claims
                    .into_iter()
                    .filter(|(resource, _)| state.skipped >> resource & 1 == 0)
                    .collect::<Vec<_>>()
            };
            // The claim of a skipped resource does not match its template.
            if differs == (Differs { claims: true, ..Differs::default() })
                && known(claims(&before)) == known(claims(&after))
            {
                self.excuse("skipped-before");
                continue;
            }
            let rolled_back = RolledBack { stack, operation, zone, differs, before, after };
            match self.excuse_for_rollback(state, &rolled_back) {
                Some(excuse) => self.excuse(excuse),
                None => self.violation(format!(
                    "PROMISE 2: the rollback of S{} leaves {} different: {differs:?}",
                    stack + 1,
                    zone_letter(zone)
                )),
            }
        }
    }

    fn excuse_for_rollback(
        &self,
        state: &State,
        rolled_back: &RolledBack<'_>,
    ) -> Option<&'static str> {
        let RolledBack { stack, operation, zone, differs, before, after } = rolled_back;
        let (stack, zone, differs) = (*stack, *zone, *differs);
        let at = usize::from(zone);
        let (facts, began) = (state.facts[at], operation.facts[at]);
        // The resource is not what CloudFormation assumes by its template.
        if resources_of(stack).iter().any(|resource| state.skipped >> resource & 1 == 1) {
            return Some("skipped-before");
        }
        if operation.overwrote[at] {
            return Some("overwritten-in-place");
        }
        if operation.displaced[at] && state.clock - operation.began > DAY {
            return Some("rolled-back-after-a-day");
        }
        // Its template was never in effect.
        let warned = |resource: &u8| began.warned >> resource & 1 == 1;
        if resources_of(stack).iter().any(warned) {
            return Some("left-as-it-is");
        }
        let held = |held: &Held| held.physical == Physical::Point(zone);
        let held: Vec<Config> = operation
            .before
            .iter()
            .flatten()
            .filter(|one| held(one))
            .map(|one| self.config(one.config))
            .collect();
        // The rollback was refused with a Warning. The DS record set of the failed Update stays
        // with the name servers, which others hold.
        let refused = |resource: &u8| facts.warned >> resource & 1 == 1;
        if differs == (Differs { ds: true, ..Differs::default() })
            && after.ds_index.is_some_and(|ds| after.servers == Some(ds / 4))
            && resources_of(stack).iter().any(refused)
        {
            return Some("left-as-it-is");
        }
        if !differs.servers && !differs.claims {
            // The reverse Update sets what the template asks for, which an arrival had left.
            let ttl = !differs.ttl || held.iter().any(|config| config.ttl == after.ttl);
            let has_desired_ds = |config: &Config| match config
                .keys
                .map(|keys| keys & keys_of(state, config.servers))
            {
                None => after.ds_index.is_none(),
                // A DS record set with unknown records stays.
                Some(0) => true,
                Some(keys) => after.ds_index == Some(4 * config.servers + keys),
            };
            // A DS record set that was removed by hand is back, and others manage it.
            let managed = began.ds_by_hand && after.claims.iter().any(|claim| claim.names_ds);
            let ds = !differs.ds || managed || held.iter().any(has_desired_ds);
            if ttl && ds {
                return Some(if differs.ds && began.ds_by_hand {
                    "ds-by-hand"
                } else if differs.ds && state.rolled {
                    "keys-rolled"
                } else {
                    "ttl-of-an-arrival"
                });
            }
        }
        let created = |claim: &ClaimView| {
            let index = (0..2).find(|index| usize::from(claim.resource == 1) == *index);
            index.is_some_and(|index| {
                operation.target[index].is_some() && operation.before[index].is_none()
            })
        };
        let displaced_others = before.origin.is_some_and(|origin| origin.is_some());
        if displaced_others
            && before.claims.iter().any(|claim| created(claim) && claim.servers == before.servers)
        {
            return Some("dead-claim");
        }
        if facts.claims_by_hand != 0 || began.claims_by_hand != 0 {
            return Some("claim-removed-by-hand");
        }
        if before.servers.is_none()
            && before.ds.is_some()
            && !differs.claims
            && after.servers.is_none()
        {
            return Some("ds-without-name-servers");
        }
        if before.claims.iter().any(|claim| differs.servers && claim.servers == after.servers) {
            return Some("dormant-claim");
        }
        if operation.rejected[at] {
            return Some("dead-name-servers");
        }
        if began.ns_by_hand {
            return Some("name-servers-by-hand");
        }
        if began.left_by != LeftBy::Nobody || began.late != 0 {
            let is_of_create = |claim: &ClaimView| {
                operation.target[usize::from(claim.resource == 1)].is_some_and(|target| {
                    claim.intent == self.points.values.intent(self.config(target))
                })
            };
            if operation.cancelled && before.claims.iter().any(is_of_create) {
                return Some("retained-and-cancelled");
            }
            let moves = operation.before.iter().zip(operation.target).any(|(held, target)| {
                let from = held.map(|held| self.config(held.config).zone);
                from.is_some_and(|from| {
                    target.is_some_and(|target| self.config(target).zone != from)
                })
            });
            return moves.then_some("retained-and-moved-back");
        }
        None
    }
}
