use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use sandbox::RecordSet;
use serde_json::{Value, json};

use crate::world::{NAME, World, plain};

#[tokio::test]
async fn a_ttl_changes_in_place() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let answer = world.update(&id, json!({}), json!({"TTL": "3600"})).await.success();
    assert_eq!((answer.id(), answer.get("Action")), (id.as_str(), "UPDATED"));
    assert_eq!(world.parent.record(NAME, "NS").unwrap().ttl, Some(3600));
}

/// The batch compares both record sets of a TTL's change; beside other name servers a DS record set may have come meanwhile, and what
/// stays as it is is compared with nothing.
#[tokio::test]
async fn the_cut_is_read_again_only_before_what_the_batch_does_not_compare() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let listings = async |new: Value| {
        world.aws.clear_calls();
        world.update(&id, json!({}), new).await.success();
        let calls = world.aws.calls();
        let listings = calls.iter().filter(|call| call.action == "ListResourceRecordSets");
        listings.filter(|call| call.account == world.parent_account.id()).count()
    };
    assert_eq!(listings(json!({"TTL": "3600"})).await, 1, "another TTL");
    assert_eq!(listings(json!({"TTL": "3600", "Trigger": "again"})).await, 2, "the claim alone");
    world.put_ns(&["ns1.somebody.net."]);
    assert_eq!(listings(json!({"TTL": "3600"})).await, 2, "other name servers");
}

#[tokio::test]
async fn drift_is_repaired() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    for drift in [true, false] {
        if drift {
            world.put_ns(&["ns1.somebody.net."]);
        } else {
            world.parent.remove(NAME, "NS");
        }
        world.update(&id, json!({}), json!({"Trigger": "again"})).await.success();
        assert_eq!(world.delegated_to(), world.child_servers());
    }
}

#[tokio::test]
async fn a_new_child_zone_of_the_same_name_stays_in_place() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let new = world.child_account.hosted_zone(NAME);
    let answer = world.update(&id, json!({}), json!({"ChildZoneId": new.id()})).await.success();
    assert_eq!(answer.id(), id);
    assert_eq!(world.delegated_to(), plain(&new.name_servers()));
}

#[tokio::test]
async fn another_name_is_a_replacement_and_its_clean_up_takes_the_old_one() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let other = world.child_account.hosted_zone("staging.example.com");
    let new = json!({"ChildZoneId": other.id()});
    let answer = world.update(&id, json!({}), new).await.success();
    assert_eq!(answer.id(), format!("{}/staging.example.com", world.parent.id()));
    assert_eq!(world.delegated_to(), world.child_servers(), "the old one stands until the clean-up");
    world.delete(&id, json!({})).await.success();
    assert_eq!(world.delegated_to(), Vec::<String>::new());
    assert!(world.parent.record("staging.example.com", "NS").is_some());
}

#[tokio::test]
async fn another_parent_zone_is_a_replacement() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let split = world.parent_account.hosted_zone("example.com");
    let new = json!({"ParentZoneName": null, "ParentZoneId": split.id()});
    let answer = world.update(&id, json!({}), new).await.success();
    assert_eq!(answer.id(), format!("{}/{NAME}", split.id()));
    world.delete(&id, json!({})).await.success();
    assert_eq!(plain(&split.record(NAME, "NS").unwrap().values), world.child_servers());
    assert_eq!(world.delegated_to(), Vec::<String>::new());
}

#[tokio::test]
async fn the_zone_of_the_physical_id_stays_while_it_satisfies_the_properties() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    // By name there are two now, and by closeness another one: neither moves what stands.
    world.parent_account.hosted_zone("example.com");
    for new in [
        json!({"TTL": "60"}),
        json!({"ParentZoneName": null}),
        json!({"ParentZoneName": null, "ParentZoneId": world.parent.id()}),
    ] {
        assert_eq!(world.update(&id, json!({}), new).await.success().id(), id);
    }
}

#[tokio::test]
async fn the_rollback_of_a_failed_replacement_cleans_its_new_place() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let other = world.child_account.hosted_zone("staging.example.com");
    let new = json!({"ChildZoneId": other.id()});
    // The replacement went through, but its answer was FAILED (or lost), so that CloudFormation keeps the old id.
    world.update(&id, json!({}), new.clone()).await.success();
    let answer = world.update(&id, new, json!({})).await.success();
    assert_eq!(answer.id(), id);
    assert_eq!(world.delegated_to(), world.child_servers());
    assert!(world.parent.record("staging.example.com", "NS").is_none());
    assert!(world.parent.record("_delegation-staging.example.com", "TXT").is_none());
}

#[tokio::test]
async fn regression_the_rollback_of_a_move_from_the_closest_zone_finds_it_again() {
    let world = World::new().await;
    let split = world.parent_account.hosted_zone("testing.example.com");
    let child = world.child_account.hosted_zone("dev.testing.example.com");
    let closest = json!({"ChildZoneId": child.id(), "ParentZoneName": null});
    let id = world.create(closest.clone()).await.success().id().to_owned();
    assert_eq!(id, format!("{}/dev.testing.example.com", split.id()));
    let named = json!({"ChildZoneId": child.id(), "ParentZoneName": "example.com"});
    let moved = world.update(&id, closest.clone(), named.clone()).await.success().id().to_owned();
    assert_eq!(moved, format!("{}/dev.testing.example.com", world.parent.id()));
    // The zone of the physical id would do for "closest" too, but then nobody would ever delete the first place.
    let back = world.update(&moved, named.clone(), closest).await.success();
    assert_eq!(back.id(), id);
    world.delete(&moved, named).await.success();
    assert!(split.record("dev.testing.example.com", "NS").is_some());
    assert!(world.parent.record("dev.testing.example.com", "NS").is_none());
}

#[tokio::test]
async fn a_foreign_physical_id_is_kept_while_the_place_is_unchanged() {
    let world = World::new().await;
    world.create(json!({})).await.success();
    let answer = world.update("somebody-elses-id", json!({}), json!({"TTL": "60"})).await.success();
    assert_eq!(answer.id(), "somebody-elses-id");
    let other = world.child_account.hosted_zone("staging.example.com");
    let moved = world.update("somebody-elses-id", json!({}), json!({"ChildZoneId": other.id()})).await.success();
    assert_eq!(moved.id(), format!("{}/staging.example.com", world.parent.id()));
    world.delete("somebody-elses-id", json!({})).await.success();
    assert_eq!(world.delegated_to(), Vec::<String>::new());
    assert!(world.parent.record("staging.example.com", "NS").is_some());
}

#[tokio::test]
async fn a_failed_update_keeps_its_id() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let answer = world.update(&id, json!({}), json!({"TTL": "soon"})).await.failed(&["TTL"]);
    assert_eq!(answer.id(), id);
    let answer = world.update(&id, json!({}), json!({"ChildZoneId": "ZGONE"})).await.failed(&["ZGONE"]);
    assert_eq!(answer.id(), id);
    assert_eq!(world.delegated_to(), world.child_servers());
}

#[tokio::test]
async fn an_unreadable_child_zone_does_not_stop_an_update_of_something_else() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let servers = world.child_servers();
    world.function_role.clone().without_policies().allow_assume(&world.parent_role.arn());
    let answer = world.update(&id, json!({}), json!({"TTL": "60"})).await.success();
    assert!(answer.get("Warning").contains("child zone"), "{}", answer.0);
    assert_eq!(world.delegated_to(), servers);
    assert_eq!(world.parent.record(NAME, "NS").unwrap().ttl, Some(60));
    assert_eq!(answer.get("NameServers"), servers.join(","));
    world.child.delete();
    let answer = world.update(&id, json!({"TTL": "60"}), json!({"TTL": "60", "Trigger": "x"})).await.success();
    assert_eq!(answer.get("Action"), "UNCHANGED");
}

#[tokio::test]
async fn an_update_that_finds_nothing_to_change_writes_the_time_of_its_claim() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let later = SystemTime::now() + Duration::from_secs(30);
    let properties = world.properties(json!({}));
    let fields =
        json!({"PhysicalResourceId": id, "ResourceProperties": properties, "OldResourceProperties": properties});
    let before = world.claims();
    let answer = world.deliver(world.event_at("Update", later, fields.clone())).await.success();
    assert_eq!(answer.get("Action"), "UNCHANGED");
    assert_ne!(world.claims(), before);

    // The fence: an Update and a Delete that were sent before change nothing any more.
    let revision = world.parent.revision();
    world.deliver(world.event("Update", fields.clone())).await.failed(&["later request"]);
    world.deliver(world.event("Delete", fields)).await.success();
    assert_eq!(world.parent.revision(), revision);
}

#[tokio::test]
async fn a_stale_request_changes_nothing() {
    let world = World::new().await;
    let old = SystemTime::now() - Duration::from_secs(700);
    let fields = json!({"ResourceProperties": world.properties(json!({}))});
    world.deliver(world.event_at("Create", old, fields.clone())).await.failed(&["ServiceTimeout"]);
    assert_eq!(world.actions(), Vec::<String>::new());
    let longer = json!({"ResourceProperties": world.properties(json!({"ServiceTimeout": "3600"}))});
    let id = world.deliver(world.event_at("Create", old, longer)).await.success().id().to_owned();
    let delete = json!({"PhysicalResourceId": id, "ResourceProperties": world.properties(json!({}))});
    world.deliver(world.event_at("Delete", old, delete)).await.success();
    assert_eq!(world.delegated_to(), world.child_servers());
}

#[tokio::test]
async fn somebody_elses_record_at_the_new_place_stops_a_replacement() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let other = world.child_account.hosted_zone("staging.example.com");
    world.parent.put(RecordSet::new("staging.example.com", "NS", 60, ["ns1.somebody.net."]));
    let answer = world.update(&id, json!({}), json!({"ChildZoneId": other.id()})).await.failed(&["ns1.somebody.net"]);
    assert_eq!(answer.id(), id);
    world.update(&id, json!({"ChildZoneId": other.id()}), json!({})).await.success();
    assert_eq!(world.parent.record("staging.example.com", "NS").unwrap().values, ["ns1.somebody.net."]);
    assert_eq!(world.delegated_to(), world.child_servers());
}

/// The first change of all, and no other.
fn first_change() -> sandbox::GateRule {
    let first = AtomicBool::new(true);
    Arc::new(move |call| call.action == "ChangeResourceRecordSets" && first.swap(false, Ordering::Relaxed))
}

/// An Update of `id` that replaces it by staging.example.com, and the later one that takes this back.
fn replacement_and_rollback(world: &World, id: &str) -> (Value, Value) {
    let other = world.child_account.hosted_zone("staging.example.com");
    let (old, new) = (world.properties(json!({})), world.properties(json!({"ChildZoneId": other.id()})));
    let fields = |new, old| json!({"PhysicalResourceId": id, "ResourceProperties": new, "OldResourceProperties": old});
    let later = SystemTime::now() + Duration::from_secs(10);
    (world.event("Update", fields(&new, &old)), world.event_at("Update", later, fields(&old, &new)))
}

#[tokio::test]
async fn a_replacement_overtaken_by_its_rollback_takes_its_new_place_back() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let (there, back) = replacement_and_rollback(&world, &id);
    let request_id = there["RequestId"].as_str().unwrap().to_owned();
    // The rollback finds nothing at the new place yet, for the replacement is held just before its change.
    let gate = world.aws.gate_when(first_change());
    tokio::join!(async { world.invoke(there).await.unwrap() }, async {
        gate.arrived().await;
        world.deliver(back).await.success();
        gate.release();
    });
    let answer = world.bucket.answers(&request_id)[0].json();
    assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("FAILED"), &json!(id)), "{answer}");
    assert!(world.parent.record("staging.example.com", "NS").is_none());
    assert!(world.parent.record("_delegation-staging.example.com", "TXT").is_none());
    assert_eq!(world.delegated_to(), world.child_servers());
}

#[tokio::test]
async fn regression_an_overtaken_replacement_that_was_cut_off_is_taken_back_by_its_redelivery() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let (there, back) = replacement_and_rollback(&world, &id);
    // The rollback looks before the replacement's batch lands, and the replacement is killed right after it landed.
    let gate = world.aws.gate_when(first_change());
    {
        let mut killed = Box::pin(world.invoke(there.clone()));
        tokio::select! {
            _ = &mut killed => panic!("it is held"),
            () = gate.arrived() => {}
        }
        world.deliver(back).await.success();
        let look = world.aws.gate("ListResourceRecordSets");
        gate.release();
        tokio::select! {
            _ = &mut killed => panic!("it is held"),
            () = look.arrived() => {}
        }
    }
    assert!(world.parent.record("staging.example.com", "NS").is_some());
    world.deliver(there).await.failed(&["a later request"]);
    assert!(world.parent.record("staging.example.com", "NS").is_none());
    assert!(world.parent.record("_delegation-staging.example.com", "TXT").is_none());
    assert_eq!(world.delegated_to(), world.child_servers());
}

#[tokio::test]
async fn regression_a_zone_that_is_not_needed_and_not_readable_fails_no_update() {
    let world = World::new().await;
    let nearer = world.parent_account.hosted_zone("test.example.com");
    let child = world.child_account.hosted_zone("a.test.example.com");
    let named = json!({"ChildZoneId": child.id()});
    let id = world.create(named.clone()).await.success().id().to_owned();
    let scoped = json!({"Statement": [
        {"Effect": "Allow", "Action": "route53:ListHostedZonesByName", "Resource": "*"},
        {"Effect": "Allow", "Action": "route53:*", "Resource": format!("arn:aws:route53:::hostedzone/{}", world.parent.id())},
    ]});
    world.parent_role.clone().without_policies().policy(scoped);
    let closest = json!({"ChildZoneId": child.id(), "ParentZoneName": null});
    assert_eq!(world.update(&id, named, closest).await.success().id(), id);
    assert!(nearer.record("a.test.example.com", "NS").is_none());
}

#[tokio::test]
async fn regression_an_unreadable_child_zone_takes_no_foreign_delegation_at_a_new_place() {
    let world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let split = world.parent_account.hosted_zone("example.com");
    split.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.net."]));
    world.child.delete();
    let moved = json!({"ParentZoneName": null, "ParentZoneId": split.id()});
    assert_eq!(world.update(&id, json!({}), moved).await.failed(&["name servers", "unknown"]).id(), id);
    assert_eq!(split.record(NAME, "NS").unwrap().values, ["ns1.somebody.net."]);
    assert_eq!(world.delegated_to(), world.child_servers());
}

/// A resource came to the place of another one of its stack by a replacement with `AllowOverwrite`, and was rolled back.
#[tokio::test]
async fn regression_the_rollback_of_a_replacement_with_overwrite_leaves_the_siblings_delegation() {
    let mut world = World::new().await;
    world.create(json!({})).await.success();
    let other = world.child_account.hosted_zone("staging.example.com");
    let staging = json!({"ChildZoneId": other.id()});
    world.logical_id = "Second".into();
    let second = world.create(staging.clone()).await.success().id().to_owned();
    let over = json!({"AllowOverwrite": "true"});
    let moved = world.update(&second, staging.clone(), over.clone()).await.success().id().to_owned();
    assert_eq!(moved, world.id());
    assert_eq!(world.update(&moved, over.clone(), staging).await.success().id(), second);
    world.delete(&moved, over).await.success();
    assert_eq!(world.delegated_to(), world.child_servers(), "the first one still holds it");
    assert_eq!(world.claims().len(), 1);
}

#[tokio::test]
async fn regression_a_wait_longer_than_the_invocation_fails_no_update_that_can_do_without() {
    let mut world = World::new().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    world.function_role.clone().without_policies().allow_assume(&world.parent_role.arn());
    world.restart(|config| config.propagation_wait = Duration::from_mins(15)).await;
    world.timeout = Duration::from_secs(6);
    let answer = world.update(&id, json!({}), json!({"Trigger": "again"})).await.success();
    assert!(answer.get("Warning").contains("child zone"), "{}", answer.0);
}
