//! Checks the planner by the rules, over arbitrary delegation points.

use delegation_model::ownership_record::{OwnershipRecord, Value};
use delegation_model::reconcile::{
    Decision, DeleteGoal, DeleteReason, Goal, ReconciliationPlan, UpdateBehavior, Warning,
    plan_create_update, plan_delete,
};
use delegation_model::record_set::RecordType;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::ownership::{Batch, Verdict, check_batch, decide, kept, may_be_kept};
use super::points::*;
use super::record::{By, PointState, Record};

/// Plans a Create or an Update, checks the decision, and returns it with the point after it.
fn checked_plan(point: &TestPoint, goal: &Goal) -> Result<(Decision, TestPoint), String> {
    let (stamp, asks) = request(goal);
    let (before, mut left) = (point.point_state(), point.clone());
    let decision = plan_create_update(goal, &point.observed);
    if let Decision::Proceed(plan) = &decision {
        left.apply(plan)?;
    }
    let after = left.point_state();
    let batch =
        Batch { stamp: &stamp, asks: &asks, before: &before, after: &after, undisturbed: true };
    let verdict = decide(&stamp, &asks, &before);
    let fits = match (&decision, &verdict) {
        (Decision::Overtaken(_), Verdict::Overtaken)
        | (Decision::Refuse(_), Verdict::Refused(_)) => true,
        (Decision::Proceed(plan), Verdict::Again) => plan.finds_own_request,
        (Decision::Proceed(plan), Verdict::Kept(_)) => plan.only_refreshes,
        // The record may have no room, independently of the table.
        (Decision::Refuse(refusal), Verdict::Becomes(_)) => {
            may_be_kept(&batch) || refusal.code() == "ownership-record-full"
        }
        (Decision::Proceed(plan), Verdict::Becomes(_)) if finds_record_full(plan) => {
            // There may be no room for the time of the request either.
            before == after || kept(&batch, "the record is full").is_ok()
        }
        (Decision::Proceed(_), Verdict::Becomes(_)) => {
            check_batch(&batch)?;
            true
        }
        _ => false,
    };
    if !fits {
        return Err(format!("the planner: {decision:?}\nthe tables: {verdict:?}"));
    }
    if before != after && !matches!(&decision, Decision::Proceed(plan) if finds_record_full(plan)) {
        check_batch(&batch)?;
    }
    Ok((decision, left))
}

/// Returns true if an Update changes nothing because the ownership record has no room.
fn finds_record_full(plan: &ReconciliationPlan) -> bool {
    plan.warnings.iter().any(|warning| {
        matches!(warning, Warning::LeftAsItIs { refusal }
            if refusal.code() == "ownership-record-full")
    })
}

fn checked_delete(point: &TestPoint, goal: &DeleteGoal) -> Result<(Decision, TestPoint), String> {
    let (stamp, asks) = delete_request(goal);
    let (before, mut left) = (point.point_state(), point.clone());
    let decision = plan_delete(goal, &point.observed);
    if let Decision::Proceed(plan) = &decision {
        left.apply(plan)?;
    }
    let after = left.point_state();
    let verdict = decide(&stamp, &asks, &before);
    if matches!(decision, Decision::Overtaken(_)) != (verdict == Verdict::Overtaken) {
        return Err(format!("the planner: {decision:?}\nthe tables: {verdict:?}"));
    }
    check_batch(&Batch {
        stamp: &stamp,
        asks: &asks,
        before: &before,
        after: &after,
        undisturbed: true,
    })?;
    Ok((decision, left))
}

fn fails(wrong: String) -> TestCaseError {
    TestCaseError::fail(wrong)
}

/// The state that resolvers see, and the values of others.
fn visible_state(
    point_state: &PointState,
    owner: &str,
) -> impl PartialEq + std::fmt::Debug + use<> {
    let others: Vec<String> =
        point_state.record.of_others(owner).iter().map(|value| (*value).to_owned()).collect();
    (point_state.ns.clone(), point_state.ds.clone(), point_state.origin().cloned(), others)
}

proptest! {
    #[test]
    fn a_create_or_an_update_does_what_the_tables_say(
        mut point in points(), behavior in behaviors(), intent in intents(), old in prop::option::of(intents())
    ) {
        let goal = point.goal(0, behavior, &intent, old.as_ref());
        checked_plan(&point, &goal).map_err(fails)?;
    }

    #[test]
    fn a_second_delivery_changes_nothing(mut point in points(), behavior in behaviors(), intent in intents()) {
        let goal = point.goal(0, behavior, &intent, None);
        let (_, left) = checked_plan(&point, &goal).map_err(fails)?;
        let (_, again) = checked_plan(&left, &goal).map_err(fails)?;
        prop_assert_eq!(left.point_state().unmarked(), again.point_state().unmarked());
        let (_, third) = checked_plan(&again, &goal).map_err(fails)?;
        prop_assert_eq!(again.point_state(), third.point_state());
    }

    #[test]
    fn a_delete_does_what_the_tables_say(
        mut point in points(), reason in reasons(), known in prop::option::of(letters()), away in any::<bool>()
    ) {
        let goal = point.delete_goal(0, reason);
        let known_name_servers = known.map(servers);
        checked_delete(&point, &DeleteGoal { known_name_servers, restore_rejected: away, ..goal }).map_err(fails)?;
    }

    #[test]
    fn the_ownership_record_is_read_as_it_was_written(point in points()) {
        let values = point.observed.ownership.as_ref().map(|set| set.values.clone()).unwrap_or_default();
        let (model, rules) = (OwnershipRecord::parse(&values), Record::read(&values));
        prop_assert_eq!(model.values(), values);
        prop_assert_eq!(model.characters(), rules.characters());
        let claims: Vec<_> = model.claims().map(|claim| (claim.id.to_string(), claim.owner.to_string())).collect();
        let read: Vec<_> = rules.claims.iter().map(|claim| (claim.id.clone(), claim.owner.clone())).collect();
        prop_assert_eq!(claims, read);
        let of = |value: &Value| matches!(value, Value::Unreadable);
        prop_assert_eq!(model.iter().filter(|value| of(value)).count(), rules.unreadable.len());
        // Each value that is written again in another order means the same.
        let mut written = OwnershipRecord::default();
        model.claims().for_each(|claim| written.put_claim(claim.clone()));
        written.put_origin(model.recorded_origin().cloned());
        for claim in written.claims() {
            prop_assert_eq!(model.claims().filter(|other| other.id == claim.id).last(), Some(claim));
        }
        prop_assert_eq!(written.recorded_origin(), model.recorded_origin());
        for value in written.values() {
            prop_assert!(value.split("\" \"").all(|part| part.trim_matches('"').len() <= 255), "{}", value);
        }
    }

    #[test]
    fn a_create_and_its_delete_leave_everything_as_it_was(
        mut point in points(), intent in intents(), replaces in any::<bool>()
    ) {
        // The resource is new here. The tables cover retained claims.
        point.drop_claim(0);
        let before = point.point_state();
        let behavior = if replaces { behavior_of_a_move() } else { UpdateBehavior::Create };
        let goal = point.goal(0, behavior, &intent, None);
        let (decision, mut left) = checked_plan(&point, &goal).map_err(fails)?;
        if !matches!(decision, Decision::Proceed(_)) {
            return Ok(());
        }
        left.clock = point.clock;
        let delete = DeleteGoal { allowed: intent.allowed, ..left.delete_goal(0, DeleteReason::Requested) };
        let (_, last) = checked_delete(&left, &delete).map_err(fails)?;
        let after = last.point_state();
        if is_known_limit(&before, &digest(intent.servers)) {
            return Ok(());
        }
        prop_assert_eq!(visible_state(&before, &owner(0)), visible_state(&after, &owner(0)));
    }

    #[test]
    fn the_rollback_of_an_update_always_succeeds(mut point in points(), forth in intents(), back in intents()) {
        let Some(own) = point.point_state().record.own(&owner(0), point.clock).cloned() else { return Ok(()) };
        let goal = point.goal(0, UpdateBehavior::InPlace, &forth, Some(&back));
        let (decision, mut left) = checked_plan(&point, &goal).map_err(fails)?;
        left.clock = point.clock;
        left.requests = point.requests;
        let rollback = left.goal(0, UpdateBehavior::InPlace, &back, Some(&forth));
        // Only the intent of the claim was ever accepted.
        if own.intent != rollback.intent.to_string() || matches!(decision, Decision::Overtaken(_)) {
            return Ok(());
        }
        let (decision, _) = checked_plan(&left, &rollback).map_err(fails)?;
        prop_assert!(!matches!(decision, Decision::Refuse(_)), "{:?}", decision);
    }

    #[test]
    fn a_claim_that_is_not_lasting_prevents_no_change(mut point in points(), intent in intents()) {
        // A holder of a settled delegation changes its name servers whatever bystanders want.
        let intent = Intent { allowed: true, failing_check: false, dnssec: false, keys: None, ..intent };
        point.remove(&RecordType::Ds);
        let point_state = point.point_state();
        let none_is_lasting = point_state.record.others(&owner(0)).all(|claim| claim.by == By::Came);
        let own = point_state.record.own(&owner(0), point.clock).filter(|own| own.at < point.clock).cloned();
        let holds = own.is_some_and(|own| point_state.holds(&own));
        let goal = point.goal(0, UpdateBehavior::InPlace, &intent, None);
        let (decision, left) = checked_plan(&point, &goal).map_err(fails)?;
        if holds && none_is_lasting && !point_state.record.has_unreadable() && matches!(decision, Decision::Proceed(_)) {
            prop_assert_eq!(left.point_state().current(), Some(digest(intent.servers)));
        }
    }
}

fn behavior_of_a_move() -> UpdateBehavior {
    let from = delegation_model::ownership_record::MovedFrom {
        zone: None,
        route: delegation_model::digest::Digest::parse("0123456789abcdef").unwrap(),
    };
    UpdateBehavior::Replacement { from }
}

/// Returns true if a rollback can't restore the earlier state. A dormant claim that names what the
/// request creates keeps it. An unreadable value keeps everything. If the claim of an unsettled
/// delegation was removed by hand, the next Delete acts on the origin. And a DS record set is
/// removed with its name servers, no matter who made it.
fn is_known_limit(before: &PointState, desired: &str) -> bool {
    let current = before.current();
    let dormant = current.as_deref() != Some(desired)
        && before.record.claims.iter().any(|claim| claim.ns == desired);
    let orphaned =
        before.origin().is_some() && !before.record.claims.iter().any(|claim| before.holds(claim));
    let stray = before.ns.is_none() && before.ds.is_some();
    dormant || stray || before.record.has_unreadable() || orphaned
}
