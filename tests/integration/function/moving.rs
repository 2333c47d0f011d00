//! Updates that move a delegation, move it back, or must not move it: the rules MOVE of the design.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use delegation_model::digest::Digest;
use delegation_model::parent::ParentZone;
use sandbox::{Fault, FaultKind, RecordSet, Role, ZoneHandle};
use serde_json::{Value, json};
use test_support::{EXTERNAL_ID, Fixture, NAME, RECORD, pass, plain};

use super::scenario::{Scenario, takes, wants, with};

/// A name below [`NAME`].
const BELOW: &str = "dev.testing.example.com";

fn denied() -> FaultKind {
    FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "not authorized".into() }
}

/// Names the parent zone by its id, because several zones may have the name.
fn by_id(zone: &ZoneHandle) -> Value {
    json!({"ParentZoneName": null, "ParentZoneId": zone.id()})
}

fn delegated(zone: &ZoneHandle) -> Vec<String> {
    zone.record(NAME, "NS").map(|set| plain(&set.values)).unwrap_or_default()
}

// Updates that do not move the delegation.

#[tokio::test(start_paused = true)]
async fn one_access_denied_does_not_move_a_live_delegation() {
    // The Update asks for the closest zone. A closer one has been created, and GetHostedZone of the
    // first is denied.
    let fixture = Fixture::new().await;
    let child = fixture.child_account.hosted_zone("dev.testing.example.com");
    let closest = json!({"ChildZoneId": child.id(), "ParentZoneName": null});
    let id = fixture.create(closest.clone()).await.success().id().to_owned();
    let nearer = fixture.parent_account.hosted_zone(NAME);
    let shorter = with(&closest, json!({"TTL": "60"}));
    fixture.aws.fault(Fault::on("GetHostedZone").zone(&fixture.parent.id()).kind(denied()));
    assert_eq!(
        fixture.update(&id, closest, shorter.clone()).await.success().id(),
        id,
        "one denial"
    );
    fixture
        .aws
        .fault(Fault::on("GetHostedZone").zone(&fixture.parent.id()).kind(denied()).always());
    let last = with(&shorter, json!({"TTL": "90"}));
    let answer = fixture
        .update(&id, shorter, last)
        .await
        .failed(&["GetHostedZone was denied", "access-denied"]);
    assert_eq!(answer.id(), id);
    assert!(nearer.record("dev.testing.example.com", "NS").is_none());
    assert_eq!(fixture.parent.record("dev.testing.example.com", "NS").unwrap().ttl, Some(60));
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_named_although_there_are_several_zones_of_the_name() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.parent_account.hosted_zone("example.com");
    fixture
        .aws
        .fault(Fault::on("GetHostedZone").zone(&fixture.parent.id()).kind(denied()).always());
    let shorter = json!({"TTL": "60"});
    let answer =
        fixture.update(&id, json!({}), shorter.clone()).await.failed(&["GetHostedZone was denied"]);
    assert!(!answer.reason().contains("several"), "{}", answer.0);
    fixture.aws.clear_faults();
    fixture.update(&id, shorter, json!({})).await.success();
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn neither_a_closer_zone_nor_a_second_one_of_the_name_moves_a_delegation() {
    let fixture = Fixture::new().await;
    let child = fixture.child_account.hosted_zone("dev.testing.example.com");
    for asked in [json!({"ParentZoneName": null}), json!({})] {
        let intent = with(&asked, json!({"ChildZoneId": child.id()}));
        let id = fixture.create(intent.clone()).await.success().id().to_owned();
        let (nearer, second) = (
            fixture.parent_account.hosted_zone(NAME),
            fixture.parent_account.hosted_zone("example.com"),
        );
        let answer = fixture
            .update(&id, intent.clone(), with(&intent, json!({"TTL": "60"})))
            .await
            .success();
        assert_eq!(answer.id(), id);
        fixture.delete(&id, intent).await.success();
        nearer.delete();
        second.delete();
    }
}

/// MOVE-1. Anybody who may write TXT in the zone can remove the claim there, and nobody asks the
/// closer zone.
#[tokio::test(start_paused = true)]
async fn a_removed_claim_moves_no_delegation_to_a_closer_zone() {
    for is_denied in [false, true] {
        let fixture = Fixture::new().await;
        let child = fixture.child_account.hosted_zone(BELOW);
        let closest = json!({"ChildZoneId": child.id(), "ParentZoneName": null});
        let id = fixture.create(closest.clone()).await.success().id().to_owned();
        let closer = fixture.parent_account.hosted_zone(NAME);
        if is_denied {
            let change = Fault::on("ChangeResourceRecordSets").zone(&closer.id());
            fixture.aws.fault(change.kind(denied()).always());
        }
        let record = format!("_delegation-{BELOW}");
        let claim = fixture.parent.record(&record, "TXT").unwrap();
        let again = with(&closest, json!({"Trigger": "1"}));
        for (old, new) in [(&closest, &again), (&again, &closest)] {
            fixture.parent.remove(&record, "TXT");
            let answer = fixture.update(&id, old.clone(), new.clone()).await.success();
            assert_eq!(answer.id(), id);
        }
        fixture.parent.put(claim);
        assert!(fixture.parent.record(BELOW, "NS").is_some());
        assert!(closer.record(BELOW, "NS").is_none());
    }
}

/// The first attempt of an Update goes to a closer zone, and is denied. Then the claim is restored,
/// so that the next attempt is in place, and fails a required check.
#[tokio::test(start_paused = true)]
async fn an_update_that_becomes_one_in_place_undoes_nothing() {
    let fixture = Fixture::new().await;
    let child = fixture.child_account.hosted_zone(BELOW);
    let closest = json!({"ChildZoneId": child.id(), "ParentZoneName": null});
    let id = fixture.create(closest.clone()).await.success().id().to_owned();
    let closer = fixture.parent_account.hosted_zone(NAME);
    fixture.dns.delegate_to(&fixture.aws.account("444444444444").hosted_zone("example.com"));
    let record = format!("_delegation-{BELOW}");
    let claim = fixture.parent.record(&record, "TXT").unwrap();
    for (name, rtype) in [(BELOW, "NS"), (record.as_str(), "TXT")] {
        fixture.parent.remove(name, rtype);
    }
    let change = Fault::on("ChangeResourceRecordSets").zone(&closer.id());
    fixture.aws.fault(change.kind(denied()).always());
    let require = with(&closest, json!({"Verification": "REQUIRE"}));
    let (answer, ()) = tokio::join!(fixture.update(&id, closest, require), async {
        pass(Duration::from_secs(5)).await;
        fixture.parent.put(claim);
    });
    let answer = answer.failed(&["none of"]);
    assert!(!answer.reason().contains("undone"), "{}", answer.0);
    assert_eq!(answer.id(), id);
    // Its rollback finds the delegation as the Update has left it.
    assert!(fixture.parent.record(BELOW, "NS").is_some());
    assert!(fixture.parent.record(&record, "TXT").is_some());
}

// Moves there and back.

#[tokio::test(start_paused = true)]
async fn a_move_to_a_second_zone_of_the_name_can_be_rolled_back() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let before = fixture.parent.records();
    let second = fixture.parent_account.hosted_zone("example.com");
    let moved = fixture.update(&id, json!({}), by_id(&second)).await.success().id().to_owned();
    assert_eq!(moved, format!("{}/{NAME}", second.id()));
    // The Update names the parent zone by name only. There are two of that name now, and the second
    // one matches too.
    let answer = fixture.update(&moved, by_id(&second), json!({})).await.success();
    assert_eq!(answer.id(), id);
    fixture.delete(&moved, by_id(&second)).await.success();
    assert_eq!(delegated(&second), Vec::<String>::new());
    assert_eq!(delegated(&fixture.parent), fixture.child_servers());
    assert_eq!(fixture.parent.records().len(), before.len());
    fixture.delete(&id, json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

/// Somebody who may write TXT in the parent zone and in another zone of the account: the claim says
/// that its resource came from there, and a claim is there.
#[tokio::test(start_paused = true)]
async fn a_forged_origin_moves_no_delegation_to_a_zone_that_nobody_asks() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let private = fixture.parent_account.private_hosted_zone("example.com");
    let claims = fixture.claims();
    private.put(RecordSet::new(RECORD, "TXT", 300, claims.clone()));
    let parent = ParentZone::Name("example.com".parse().unwrap());
    let role = fixture.parent_role.arn();
    let route = Digest::from_route(&parent, Some(&role), &NAME.parse().unwrap());
    let forged = format!(",from={}/{route},owner=", private.id());
    let forged: Vec<String> =
        claims.iter().map(|claim| claim.replace(",owner=", &forged)).collect();
    fixture.parent.put(RecordSet::new(RECORD, "TXT", 300, forged));
    let answer = fixture.update(&id, json!({}), json!({"TTL": "60"})).await.success();
    assert_eq!(answer.id(), id);
    assert_eq!(delegated(&private), Vec::<String>::new());
    assert_eq!(fixture.parent.record(NAME, "NS").unwrap().ttl, Some(60));
}

/// MOVE-3. Permissions may be missing for a moment, so the Update waits. It then removes `from`.
#[tokio::test(start_paused = true)]
async fn known_a_forged_origin_that_the_role_may_not_read_delays_one_update() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let other = fixture.aws.account("444444444444").hosted_zone("example.com");
    for action in ["GetHostedZone", "ListResourceRecordSets"] {
        fixture.aws.fault(Fault::on(action).zone(&other.id()).kind(denied()).always());
    }
    let parent = ParentZone::Name("example.com".parse().unwrap());
    let role = fixture.parent_role.arn();
    let route = Digest::from_route(&parent, Some(&role), &NAME.parse().unwrap());
    let forged = format!(",from={}/{route},owner=", other.id());
    let forged: Vec<String> =
        fixture.claims().iter().map(|claim| claim.replace(",owner=", &forged)).collect();
    fixture.parent.put(RecordSet::new(RECORD, "TXT", 300, forged));
    let (first, second) = (json!({"Trigger": "1"}), json!({"Trigger": "2"}));
    let mut started = tokio::time::Instant::now();
    assert_eq!(fixture.update(&id, json!({}), first.clone()).await.success().id(), id);
    assert!(started.elapsed() > Duration::from_secs(30), "{:?}", started.elapsed());
    started = tokio::time::Instant::now();
    assert_eq!(fixture.update(&id, first, second).await.success().id(), id);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

/// TRUST-4. Somebody who may write TXT in the parent zone and in the zone around it: the claim says
/// that its resource came from there, and a claim is there.
#[tokio::test(start_paused = true)]
async fn a_forged_origin_moves_no_delegation_to_where_it_would_be_occluded() {
    let fixture = Fixture::new().await;
    let child = fixture.child_account.hosted_zone(BELOW);
    let inner = fixture.parent_account.hosted_zone(NAME);
    fixture.put_ns(&["ns1.inner.net."]);
    let closest = json!({"ChildZoneId": child.id(), "ParentZoneName": null});
    let id = fixture.create(closest.clone()).await.success().id().to_owned();
    assert_eq!(id, format!("{}/{BELOW}", inner.id()));
    let record = format!("_delegation-{BELOW}");
    let claims = inner.record(&record, "TXT").unwrap().values;
    fixture.parent.put(RecordSet::new(&record, "TXT", 300, claims.clone()));
    let role = fixture.parent_role.arn();
    let route = Digest::from_route(&ParentZone::Closest, Some(&role), &BELOW.parse().unwrap());
    let forged = format!(",from={}/{route},owner=", fixture.parent.id());
    let forged: Vec<String> =
        claims.iter().map(|claim| claim.replace(",owner=", &forged)).collect();
    inner.put(RecordSet::new(&record, "TXT", 300, forged));
    let shorter = with(&closest, json!({"TTL": "60"}));
    let answer = fixture.update(&id, closest, shorter).await.success();
    assert_eq!(answer.id(), id);
    assert_eq!(inner.record(BELOW, "NS").unwrap().ttl, Some(60));
}

/// TRUST-4. A deployment moves a delegation into a new zone, delegates that zone, and is rolled
/// back.
#[tokio::test(start_paused = true)]
async fn a_move_into_a_zone_that_was_delegated_since_can_be_rolled_back() {
    let fixture = Fixture::new().await;
    let child = fixture.child_account.hosted_zone(BELOW);
    let closest = json!({"ChildZoneId": child.id(), "ParentZoneName": null});
    let id = fixture.create(closest.clone()).await.success().id().to_owned();
    assert_eq!(id, format!("{}/{BELOW}", fixture.parent.id()));
    let inner = fixture.parent_account.hosted_zone(NAME);
    let there = with(&closest, json!({"ParentZoneName": NAME}));
    let moved = fixture.update(&id, closest.clone(), there.clone()).await.success().id().to_owned();
    assert_eq!(moved, format!("{}/{BELOW}", inner.id()));
    fixture.put_ns(&["ns1.inner.net."]);
    let answer = fixture.update(&moved, there.clone(), closest).await.success();
    assert_eq!(answer.id(), id);
    fixture.delete(&moved, there).await.success();
    assert!(inner.record(BELOW, "NS").is_none());
    let left = fixture.parent.record(BELOW, "NS").unwrap();
    assert_eq!(plain(&left.values), plain(&child.name_servers()));
}

#[tokio::test(start_paused = true)]
async fn a_move_back_is_in_place_and_keeps_the_resource_settled() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let second = scenario.fixture.parent_account.hosted_zone("example.com");
    let there = with(&wants("x"), by_id(&second));
    scenario.update("S1", there.clone()).await.success();
    scenario.update("S1", wants("x")).await.success();
    scenario.fixture.delete(&format!("{}/{NAME}", second.id()), there).await.success();
    assert!(scenario.is_settled());
    scenario.delete("S1").await.success();
    scenario.assert_empty();
}

/// Found by the model checker: the cleanup of a move failed, another stack took over the point that
/// the resource had moved to, and the move back found the old claim and counted as an Update in
/// place. Its rollback then was an arrival at the other stack's delegation, and refused.
#[tokio::test(start_paused = true)]
async fn regression_a_move_to_a_point_with_an_old_claim_can_be_rolled_back() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let second = scenario.fixture.parent_account.hosted_zone("example.com");
    let there = with(&wants("x"), by_id(&second));
    scenario.update("S1", there.clone()).await.success();
    // The Delete of the first point is never sent.
    scenario.create("S2", with(&takes("z"), by_id(&second))).await.success();
    let home = scenario.update("S1", wants("x")).await.success().id().to_owned();
    assert_eq!(home, format!("{}/{NAME}", scenario.fixture.parent.id()));
    let answer = scenario.update("S1", there).await.success();
    assert_eq!(answer.id(), format!("{}/{NAME}", second.id()));
    assert!(answer.get("Warning").contains("left as it is"), "{}", answer.0);
    assert_eq!(delegated(&second), ["ns1.z.net"], "S2's");
}

#[tokio::test(start_paused = true)]
async fn an_ordinary_update_after_a_move_reads_no_other_zone() {
    // The zone that it moved away from may be inaccessible by now, or its delegation be retained.
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let second = scenario.fixture.parent_account.hosted_zone("example.com");
    let there = with(&wants("x"), by_id(&second));
    scenario.update("S1", there.clone()).await.success();
    let first = scenario.fixture.parent.id();
    scenario.fixture.aws.fault(Fault::on("*").zone(&first).kind(denied()).always());
    let answer = scenario.update("S1", with(&there, json!({"Trigger": "again"}))).await.success();
    assert_eq!(answer.id(), format!("{}/{NAME}", second.id()));
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_keeps_from() {
    // A move from P to Q, then a move back whose answer is lost. Its redelivery must not drop where
    // Q's claim was moved from.
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let home = scenario.fixture.id();
    let second = scenario.fixture.parent_account.hosted_zone("example.com");
    let there = with(&wants("x"), by_id(&second));
    let go = scenario.update_event("S1", &wants("x"), &there);
    for _ in 0..2 {
        let answer = scenario.fixture.deliver(go.clone()).await.success();
        assert_eq!(answer.id(), format!("{}/{NAME}", second.id()));
    }
    let answer = scenario
        .fixture
        .update(&format!("{}/{NAME}", second.id()), there, wants("x"))
        .await
        .success();
    assert_eq!(answer.id(), home);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_home_zone_is_no_home() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let second = scenario.fixture.parent_account.hosted_zone("example.com");
    let there = with(&wants("x"), by_id(&second));
    let moved = scenario.update("S1", there.clone()).await.success().id().to_owned();
    scenario.fixture.parent.delete();
    let answer = scenario.update("S1", wants("x")).await.success();
    assert_eq!((answer.id(), delegated(&second)), (moved.as_str(), vec!["ns1.x.net".to_owned()]));
}

// Moves with another role.

/// Creates a second parent account with a zone of the same name, and its role.
fn other_account(fixture: &Fixture) -> (ZoneHandle, Role) {
    let account = fixture.aws.account("444444444444");
    let zone = account.hosted_zone("example.com");
    let role =
        account.role("parent").trust_account("222222222222", Some(EXTERNAL_ID)).allow_all_route53();
    fixture.function_role.clone().allow_assume(&role.arn());
    (zone, role)
}

#[tokio::test(start_paused = true)]
async fn a_move_to_another_account_can_be_rolled_back() {
    // The new role can't read the old zone, and the role of the rollback can't read the new zone.
    let fixture = Fixture::new().await;
    let (zone, role) = other_account(&fixture);
    let there = json!({"ParentRoleArn": role.arn()});
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let began = tokio::time::Instant::now();
    let moved = fixture.update(&id, json!({}), there.clone()).await.success().id().to_owned();
    assert_eq!(moved, format!("{}/{NAME}", zone.id()));
    let back = fixture.update(&moved, there.clone(), json!({})).await.success();
    assert!(
        began.elapsed() < Duration::from_mins(1),
        "a denial must not be waited for, because the accounts differ"
    );
    assert_eq!(back.id(), id);
    fixture.delete(&moved, there).await.success();
    assert_eq!(delegated(&zone), Vec::<String>::new());
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    fixture.delete(&id, json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_of_a_move_to_another_accounts_closest_zone_cleans_up() {
    // The closest zone would match the first zone too, if that were not in another account.
    let fixture = Fixture::new().await;
    let (zone, role) = other_account(&fixture);
    let here = by_id(&fixture.parent);
    let there = json!({"ParentRoleArn": role.arn(), "ParentZoneName": null});
    let id = fixture.create(here.clone()).await.success().id().to_owned();
    let moved = fixture.update(&id, here.clone(), there.clone()).await.success().id().to_owned();
    assert_eq!(moved, format!("{}/{NAME}", zone.id()));
    // The answer was lost, so CloudFormation kept the old id.
    let back = fixture.update(&id, there, here).await.success();
    assert_eq!((back.id(), delegated(&zone)), (id.as_str(), vec![]));
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn a_new_role_without_read_permission_does_not_move_the_delegation() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let role = fixture
        .parent_account
        .role("new")
        .trust_account("222222222222", Some(EXTERNAL_ID))
        .allow_all_route53();
    fixture.function_role.clone().allow_assume(&role.arn());
    fixture
        .aws
        .fault(Fault::on("GetHostedZone").zone(&fixture.parent.id()).kind(denied()).times(3));
    let answer =
        fixture.update(&id, json!({}), json!({"ParentRoleArn": role.arn()})).await.success();
    assert_eq!(answer.id(), id);
}

// Moves that fail halfway, or are late.

/// A gate that stops only the first change.
fn first_change() -> sandbox::GateRule {
    let first = AtomicBool::new(true);
    Arc::new(move |call| {
        call.action == "ChangeResourceRecordSets" && first.swap(false, Ordering::Relaxed)
    })
}

#[tokio::test(start_paused = true)]
async fn a_stalled_move_that_continues_after_the_delete_leaves_nothing() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let second = scenario.fixture.parent_account.hosted_zone("example.com");
    let there = with(&wants("x"), by_id(&second));
    let go = scenario.update_event("S1", &wants("x"), &there);
    let request_id = go["RequestId"].as_str().unwrap().to_owned();
    let gate = scenario.fixture.aws.gate_when(first_change());
    let fixture = &scenario.fixture;
    tokio::join!(async { fixture.invoke(go).await.unwrap() }, async {
        gate.arrived().await;
        fixture.delete(&fixture.id(), wants("x")).await.success();
        gate.release();
    });
    let answer = fixture.bucket.answers(&request_id)[0].json();
    assert_eq!(answer["Status"], "FAILED", "{answer}");
    assert_eq!((delegated(&second), fixture.delegated_to()), (vec![], vec![]));
    assert!(second.record(RECORD, "TXT").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_a_move_undoes_nothing() {
    // The first delivery answered SUCCESS, and the cleanup deleted the old point.
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let second = scenario.fixture.parent_account.hosted_zone("example.com");
    let there = with(&wants("x"), by_id(&second));
    let go = scenario.update_event("S1", &wants("x"), &there);
    scenario.fixture.deliver(go.clone()).await.success();
    scenario.fixture.delete(&scenario.fixture.id(), wants("x")).await.success();
    scenario.fixture.deliver(go).await.success();
    assert_eq!(delegated(&second), ["ns1.x.net"]);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_a_move_after_its_rollback_changes_nothing() {
    // The resource moves from P to Q, and P is cleaned up; it moves back, and Q is cleaned up; it
    // moves to Q again. A duplicate of the first move, with the physical id of then, arrives after
    // each step.
    let mut scenario = Scenario::new().await;
    let here = with(&wants("x"), by_id(&scenario.fixture.parent));
    scenario.create("S1", here.clone()).await.success();
    let first = scenario.fixture.id();
    let second = scenario.fixture.parent_account.hosted_zone("example.com");
    let there = with(&wants("x"), by_id(&second));
    let go = scenario.update_event("S1", &here, &there);
    let moved = scenario.fixture.deliver(go.clone()).await.success().id().to_owned();
    scenario.fixture.delete(&first, here.clone()).await.success();

    scenario.fixture.update(&moved, there.clone(), here.clone()).await.success();
    scenario.fixture.delete(&moved, there.clone()).await.success();
    scenario.fixture.deliver(go.clone()).await.failed(&["overtaken"]);
    assert_eq!((delegated(&second), scenario.current().as_str()), (vec![], "x"));

    scenario.fixture.update(&first, here.clone(), there.clone()).await.success();
    scenario.fixture.delete(&first, here.clone()).await.success();
    scenario.fixture.deliver(go).await.failed(&["overtaken"]);
    assert_eq!(
        (delegated(&second), scenario.current().as_str()),
        (vec!["ns1.x.net".to_owned()], "")
    );
}

#[tokio::test(start_paused = true)]
async fn a_move_that_fails_leaves_its_new_point_as_it_was() {
    // Rollback is disabled, or the rollback skips the resource: no Update undoes the change.
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let second = scenario.fixture.parent_account.hosted_zone("example.com");
    second.put(RecordSet::new(NAME, "NS", 60, ["ns1.h.net."]));
    let before = second.records();
    scenario.fixture.aws.fault(Fault::on("GetChange").always().kind(FaultKind::Hang));
    let there = with(&with(&takes("y"), by_id(&second)), json!({"Verification": "REQUIRE"}));
    let there =
        with(&there, json!({"NameServers": null, "ChildZoneId": scenario.fixture.child.id()}));
    scenario.update("S1", there).await.failed(&["were undone"]);
    assert_eq!(second.records(), before);
    assert_eq!(scenario.current(), "x");
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_failed_rename_cleans_up_the_new_point() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let renamed = with(&wants("x"), json!({"DomainName": "staging.example.com"}));
    let go = scenario.update_event("S1", &wants("x"), &renamed);
    scenario.fixture.deliver(go).await.success();
    // CloudFormation did not get the answer, and kept the old id.
    let answer = scenario.roll_back("S1", renamed).await.success();
    assert_eq!(answer.id(), scenario.fixture.id());
    assert!(scenario.fixture.parent.record("staging.example.com", "NS").is_none());
}

// Parent zones that are deleted.

#[tokio::test(start_paused = true)]
async fn a_delete_follows_a_parent_zone_that_was_cloned_and_deleted() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let copies: Vec<RecordSet> = scenario
        .fixture
        .parent
        .records()
        .into_iter()
        .filter(|set| set.name != "example.com")
        .collect();
    scenario.fixture.parent.delete();
    let clone = scenario.fixture.parent_account.hosted_zone("example.com");
    for set in copies {
        clone.put(set);
    }
    let answer = scenario.delete("S1").await.success();
    assert!(answer.get("Warning").contains("no longer exists"), "{}", answer.0);
    assert_eq!((delegated(&clone), clone.record(RECORD, "TXT")), (vec![], None));
}

#[tokio::test(start_paused = true)]
async fn the_cleanup_of_a_move_from_a_deleted_zone_leaves_the_live_delegation() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let id = scenario.fixture.id();
    scenario.fixture.parent.delete();
    let new = scenario.fixture.parent_account.hosted_zone("example.com");
    let answer =
        scenario.update("S1", with(&wants("x"), json!({"Trigger": "again"}))).await.success();
    assert_eq!(answer.id(), format!("{}/{NAME}", new.id()));
    let answer = scenario.fixture.delete(&id, wants("x")).await.success();
    let warning = answer.get("Warning");
    assert!(warning.contains("moved-from-gone-zone") && warning.contains("ns1.x.net"), "{warning}");
    assert_eq!(delegated(&new), ["ns1.x.net"]);
    scenario.delete("S1").await.success();
    assert_eq!(delegated(&new), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_delete_succeeds_with_a_warning_when_the_parent_zone_is_gone() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.parent.delete();
    let answer = fixture.delete(&id, json!({})).await.success();
    let warning = answer.get("Warning");
    assert!(
        warning.contains(&fixture.parent.id()) && warning.contains("parent-zone-gone"),
        "{warning}"
    );
}

// Parent zones that the world does not use.

#[tokio::test(start_paused = true)]
async fn a_move_to_a_zone_that_the_world_does_not_use_fails_a_required_check() {
    // The world uses the first parent zone of that name; the second was created for the move.
    let fixture = Fixture::new().await;
    let required = json!({"Verification": "REQUIRE"});
    let id = fixture.create(required.clone()).await.success().id().to_owned();
    let second = fixture.parent_account.hosted_zone("example.com");
    fixture.dns.delegate_to(&fixture.parent);
    let there = with(&required, by_id(&second));
    let answer = fixture.update(&id, required, there).await.failed(&["none of", "were undone"]);
    assert_eq!(answer.id(), id);
    assert_eq!((delegated(&second), fixture.delegated_to()), (vec![], fixture.child_servers()));
}
