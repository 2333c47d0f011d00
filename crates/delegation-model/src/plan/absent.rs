//! Delete.

use super::{Action, Decision, Farewell, Observation, Plan, Warning, WarningCode, changes_of_ownership};
use crate::ds::DsRecords;
use crate::name_servers::NameServers;
use crate::ownership::{By, Digest, Relation};
use crate::record_set::Change;

/// Plans a Delete.
pub fn absent(farewell: &Farewell, seen: &Observation) -> Decision {
    let claims = seen.claims();
    let ns = seen.at_cut("NS");
    let name = &farewell.name;
    let Some(own) = claims.own(&farewell.claimant).cloned() else {
        let warnings = match ns {
            Some(_) => vec![Warning::new(
                WarningCode::LeftUnclaimed,
                format!("The delegation of {name} was left in place: no claim of this resource stands there."),
            )],
            None => Vec::new(),
        };
        return Decision::Proceed(Plan { warnings, ..Plan::default() });
    };
    if own.at > farewell.at {
        return Decision::Overtaken;
    }

    let found = ns.filter(|set| !set.special).and_then(|set| NameServers::found(&set.values));
    let as_written = found.as_ref().is_some_and(|found| own.ns == Some(Digest::of_name_servers(found)));
    let mut after = claims.clone();
    after.remove(|claim| farewell.claimant.relation(claim) == Relation::Own);

    let mut plan = Plan { action: Some(Action::Left), ..Plan::default() };
    let last = after.iter().next().is_none();
    if !last {
        if as_written && own.by == By::Created {
            after.edit(|claim| {
                let sibling = farewell.claimant.relation(claim) == Relation::Sibling;
                if sibling {
                    (claim.ns, claim.by) = (own.ns, By::Created);
                }
                sibling
            });
        }
    } else if let Some(ns) = ns {
        let known = || farewell.known.as_ref().zip(found.as_ref()).is_some_and(|(known, found)| found.is_subset(known));
        if own.by == By::Adopted {
            plan.warnings.push(Warning::new(
                WarningCode::LeftAdopted,
                format!("The delegation of {name} was left in place: it was there before this resource."),
            ));
        } else if as_written || known() {
            plan.action = Some(Action::Removed);
            plan.changes.extend(
                [Some(ns), seen.at_cut("DS").filter(|set| !set.special)]
                    .into_iter()
                    .flatten()
                    .cloned()
                    .map(Change::Delete),
            );
        } else {
            plan.left_changed = true;
            let message = format!(
                "The delegation of {name} was left in place: its name servers ({}) are not those that this resource \
                 wrote. If nobody needs it, remove it by hand.",
                ns.values.join(","),
            );
            plan.warnings.push(Warning::new(WarningCode::LeftChanged, message));
        }
    }
    if plan.action != Some(Action::Removed) {
        let ds = seen.at_cut("DS").filter(|set| !set.special);
        let covered = ds.and_then(|set| DsRecords::found(&set.values)).map(|records| Digest::of_ds(&records));
        // A DS record set goes with the last claim that covers it, however the resource came to the delegation.
        if covered.is_some_and(|digest| own.ds == Some(digest) && !after.cover(digest)) {
            plan.changes.extend(ds.cloned().map(Change::Delete));
        }
    }
    if let Some(set) = &seen.ownership {
        plan.changes.extend(changes_of_ownership(Some(set), &set.name, &after));
    }
    Decision::Proceed(plan)
}
