use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sandbox::{KeySigningKey, RecordSet};
use serde_json::{Value, json};

use test_support::{Fixture, NAME, plain};

#[tokio::test(start_paused = true)]
async fn a_ttl_changes_in_place() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let answer = fixture.update(&id, json!({}), json!({"TTL": "3600"})).await.success();
    assert_eq!((answer.id(), answer.get("Action")), (id.as_str(), "UPDATED"));
    assert_eq!(fixture.parent.record(NAME, "NS").unwrap().ttl, Some(3600));
}

/// The batch of a TTL change asserts both record sets. When other name servers are written, a DS
/// record set may have been added meanwhile; and what the batch does not change, it does not
/// assert.
#[tokio::test(start_paused = true)]
async fn the_cut_is_read_again_only_where_the_batch_does_not_assert_it() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let listings = async |new: Value| {
        fixture.aws.clear_calls();
        fixture.update(&id, json!({}), new).await.success();
        let calls = fixture.aws.calls();
        let listings = calls.iter().filter(|call| call.action == "ListResourceRecordSets");
        listings.filter(|call| call.account == fixture.parent_account.id()).count()
    };
    assert_eq!(listings(json!({"TTL": "3600"})).await, 1, "another TTL");
    assert_eq!(
        listings(json!({"TTL": "3600", "Trigger": "again"})).await,
        2,
        "only the claim is written"
    );
    fixture.put_ns(&["ns1.somebody.net."]);
    assert_eq!(listings(json!({"TTL": "3600"})).await, 2, "other name servers");
}

#[tokio::test(start_paused = true)]
async fn drift_is_repaired() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    for drift in [true, false] {
        if drift {
            fixture.put_ns(&["ns1.somebody.net."]);
        } else {
            fixture.parent.remove(NAME, "NS");
        }
        fixture.update(&id, json!({}), json!({"Trigger": "again"})).await.success();
        assert_eq!(fixture.delegated_to(), fixture.child_servers());
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_child_zone_of_the_same_name_stays_in_place() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let new = fixture.child_account.hosted_zone(NAME);
    let answer = fixture.update(&id, json!({}), json!({"ChildZoneId": new.id()})).await.success();
    assert_eq!(answer.id(), id);
    assert_eq!(fixture.delegated_to(), plain(&new.name_servers()));
}

#[tokio::test(start_paused = true)]
async fn another_name_is_a_replacement_whose_cleanup_removes_the_old_one() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let other = fixture.child_account.hosted_zone("staging.example.com");
    let new = json!({"ChildZoneId": other.id()});
    let answer = fixture.update(&id, json!({}), new).await.success();
    assert_eq!(answer.id(), format!("{}/staging.example.com", fixture.parent.id()));
    assert_eq!(
        fixture.delegated_to(),
        fixture.child_servers(),
        "the old delegation must stay until the cleanup"
    );
    fixture.delete(&id, json!({})).await.success();
    assert_eq!(fixture.delegated_to(), Vec::<String>::new());
    assert!(fixture.parent.record("staging.example.com", "NS").is_some());
}

#[tokio::test(start_paused = true)]
async fn another_parent_zone_is_a_replacement() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let split = fixture.parent_account.hosted_zone("example.com");
    let new = json!({"ParentZoneName": null, "ParentZoneId": split.id()});
    let answer = fixture.update(&id, json!({}), new).await.success();
    assert_eq!(answer.id(), format!("{}/{NAME}", split.id()));
    fixture.delete(&id, json!({})).await.success();
    assert_eq!(plain(&split.record(NAME, "NS").unwrap().values), fixture.child_servers());
    assert_eq!(fixture.delegated_to(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_zone_of_the_physical_id_is_kept_while_it_matches_the_properties() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    // Now there are two zones of that name, and a closer one. Neither moves the delegation.
    fixture.parent_account.hosted_zone("example.com");
    for new in [
        json!({"TTL": "60"}),
        json!({"ParentZoneName": null}),
        json!({"ParentZoneName": null, "ParentZoneId": fixture.parent.id()}),
    ] {
        assert_eq!(fixture.update(&id, json!({}), new).await.success().id(), id);
    }
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_failed_replacement_cleans_up_its_new_point() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let other = fixture.child_account.hosted_zone("staging.example.com");
    let new = json!({"ChildZoneId": other.id()});
    // The replacement was made, but its answer was FAILED or lost, so CloudFormation keeps the old
    // id.
    fixture.update(&id, json!({}), new.clone()).await.success();
    let answer = fixture.update(&id, new, json!({})).await.success();
    assert_eq!(answer.id(), id);
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    assert!(fixture.parent.record("staging.example.com", "NS").is_none());
    assert!(fixture.parent.record("_delegation-staging.example.com", "TXT").is_none());
}

#[tokio::test(start_paused = true)]
async fn regression_the_rollback_of_a_move_from_the_closest_zone_finds_it_again() {
    let fixture = Fixture::new().await;
    let split = fixture.parent_account.hosted_zone("testing.example.com");
    let child = fixture.child_account.hosted_zone("dev.testing.example.com");
    let closest = json!({"ChildZoneId": child.id(), "ParentZoneName": null});
    let id = fixture.create(closest.clone()).await.success().id().to_owned();
    assert_eq!(id, format!("{}/dev.testing.example.com", split.id()));
    let named = json!({"ChildZoneId": child.id(), "ParentZoneName": "example.com"});
    let moved = fixture.update(&id, closest.clone(), named.clone()).await.success().id().to_owned();
    assert_eq!(moved, format!("{}/dev.testing.example.com", fixture.parent.id()));
    // The zone of the physical id would match "closest" too, but then nobody would ever delete the
    // delegation at the first point.
    let back = fixture.update(&moved, named.clone(), closest).await.success();
    assert_eq!(back.id(), id);
    fixture.delete(&moved, named).await.success();
    assert!(split.record("dev.testing.example.com", "NS").is_some());
    assert!(fixture.parent.record("dev.testing.example.com", "NS").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_physical_id_that_is_not_ours_is_replaced() {
    let fixture = Fixture::new().await;
    fixture.create(json!({})).await.success();
    let answer =
        fixture.update("somebody-elses-id", json!({}), json!({"TTL": "60"})).await.success();
    assert_eq!(answer.id(), fixture.id());
    let other = fixture.child_account.hosted_zone("staging.example.com");
    let moved = fixture
        .update("somebody-elses-id", json!({}), json!({"ChildZoneId": other.id()}))
        .await
        .success();
    assert_eq!(moved.id(), format!("{}/staging.example.com", fixture.parent.id()));
    // The claim at the old point is that of the first Update, and not of a cancelled Create.
    let answer = fixture.delete("somebody-elses-id", json!({})).await.success();
    assert!(answer.get("Warning").contains("claim-kept"), "{}", answer.0);
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_keeps_its_id() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let answer = fixture.update(&id, json!({}), json!({"TTL": "soon"})).await.failed(&["TTL"]);
    assert_eq!(answer.id(), id);
    let answer =
        fixture.update(&id, json!({}), json!({"ChildZoneId": "ZGONE"})).await.failed(&["ZGONE"]);
    assert_eq!(answer.id(), id);
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_child_zone_does_not_stop_an_unrelated_update() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let servers = fixture.child_servers();
    fixture.function_role.clone().without_policies().allow_assume(&fixture.parent_role.arn());
    let answer = fixture.update(&id, json!({}), json!({"TTL": "60"})).await.success();
    assert!(answer.get("Warning").contains("child zone"), "{}", answer.0);
    assert_eq!(fixture.delegated_to(), servers);
    // Nor does the Update change anything.
    assert_eq!(fixture.parent.record(NAME, "NS").unwrap().ttl, Some(300));
    assert_eq!(answer.get("NameServers"), servers.join(","));
    fixture.child.delete();
    let answer = fixture
        .update(&id, json!({"TTL": "60"}), json!({"TTL": "60", "Trigger": "x"}))
        .await
        .success();
    assert_eq!(answer.get("Action"), "UNCHANGED");
}

#[tokio::test(start_paused = true)]
async fn an_update_without_changes_writes_the_time_of_its_claim() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let later = fixture.clock.now() + Duration::from_secs(30);
    let properties = fixture.properties(json!({}));
    let fields = json!({
        "PhysicalResourceId": id,
        "ResourceProperties": properties,
        "OldResourceProperties": properties,
    });
    let before = fixture.claims();
    let answer = fixture.deliver(fixture.event_at("Update", later, fields.clone())).await.success();
    assert_eq!(answer.get("Action"), "UNCHANGED");
    assert_ne!(fixture.claims(), before);

    // An Update and a Delete that were sent earlier change nothing anymore.
    let revision = fixture.parent.revision();
    fixture.deliver(fixture.event("Update", fields.clone())).await.failed(&["later request"]);
    fixture.deliver(fixture.event("Delete", fields)).await.success();
    assert_eq!(fixture.parent.revision(), revision);
}

#[tokio::test(start_paused = true)]
async fn a_stale_request_changes_nothing() {
    let fixture = Fixture::new().await;
    let old = fixture.clock.now() - Duration::from_secs(1900);
    let fields = json!({"ResourceProperties": fixture.properties(json!({}))});
    fixture
        .deliver(fixture.event_at("Create", old, fields.clone()))
        .await
        .failed(&["ServiceTimeout"]);
    assert_eq!(fixture.actions(), Vec::<String>::new());
    let longer =
        json!({"ResourceProperties": fixture.properties(json!({"ServiceTimeout": "3600"}))});
    let id =
        fixture.deliver(fixture.event_at("Create", old, longer)).await.success().id().to_owned();
    let delete =
        json!({"PhysicalResourceId": id, "ResourceProperties": fixture.properties(json!({}))});
    fixture.deliver(fixture.event_at("Delete", old, delete)).await.success();
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn a_foreign_record_set_at_the_new_point_stops_a_replacement() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let other = fixture.child_account.hosted_zone("staging.example.com");
    fixture.parent.put(RecordSet::new("staging.example.com", "NS", 60, ["ns1.somebody.net."]));
    let answer = fixture
        .update(&id, json!({}), json!({"ChildZoneId": other.id()}))
        .await
        .failed(&["ns1.somebody.net"]);
    assert_eq!(answer.id(), id);
    fixture.update(&id, json!({"ChildZoneId": other.id()}), json!({})).await.success();
    assert_eq!(
        fixture.parent.record("staging.example.com", "NS").unwrap().values,
        ["ns1.somebody.net."]
    );
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

/// A gate that stops only the first change.
fn first_change() -> sandbox::GateRule {
    let first = AtomicBool::new(true);
    Arc::new(move |call| {
        call.action == "ChangeResourceRecordSets" && first.swap(false, Ordering::Relaxed)
    })
}

/// Returns the event of an Update that replaces `id` by staging.example.com, and that of its later
/// rollback.
fn replacement_and_rollback(fixture: &Fixture, id: &str) -> (Value, Value) {
    let other = fixture.child_account.hosted_zone("staging.example.com");
    let (old, new) =
        (fixture.properties(json!({})), fixture.properties(json!({"ChildZoneId": other.id()})));
    let fields = |new, old| {
        json!({
            "PhysicalResourceId": id,
            "ResourceProperties": new,
            "OldResourceProperties": old,
        })
    };
    let later = fixture.clock.now() + Duration::from_secs(10);
    (
        fixture.event("Update", fields(&new, &old)),
        fixture.event_at("Update", later, fields(&old, &new)),
    )
}

#[tokio::test(start_paused = true)]
async fn a_replacement_overtaken_by_its_rollback_undoes_its_change() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let (there, back) = replacement_and_rollback(&fixture, &id);
    let request_id = there["RequestId"].as_str().unwrap().to_owned();
    // The rollback finds nothing at the new point yet, because the replacement waits just before
    // its change.
    let gate = fixture.aws.gate_when(first_change());
    tokio::join!(async { fixture.invoke(there).await.unwrap() }, async {
        gate.arrived().await;
        fixture.deliver(back).await.success();
        gate.release();
    });
    let answer = fixture.bucket.answers(&request_id)[0].json();
    assert_eq!(
        (&answer["Status"], &answer["PhysicalResourceId"]),
        (&json!("FAILED"), &json!(id)),
        "{answer}"
    );
    assert!(fixture.parent.record("staging.example.com", "NS").is_none());
    assert!(fixture.parent.record("_delegation-staging.example.com", "TXT").is_none());
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn regression_an_unreadable_zone_that_is_not_needed_fails_no_update() {
    let fixture = Fixture::new().await;
    let nearer = fixture.parent_account.hosted_zone("test.example.com");
    let child = fixture.child_account.hosted_zone("a.test.example.com");
    let named = json!({"ChildZoneId": child.id()});
    let id = fixture.create(named.clone()).await.success().id().to_owned();
    let scoped = json!({"Statement": [
        {"Effect": "Allow", "Action": "route53:ListHostedZonesByName", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "route53:*",
            "Resource": format!("arn:aws:route53:::hostedzone/{}", fixture.parent.id()),
        },
    ]});
    fixture.parent_role.clone().without_policies().policy(scoped);
    let closest = json!({"ChildZoneId": child.id(), "ParentZoneName": null});
    assert_eq!(fixture.update(&id, named, closest).await.success().id(), id);
    assert!(nearer.record("a.test.example.com", "NS").is_none());
}

#[tokio::test(start_paused = true)]
async fn regression_an_unreadable_child_zone_takes_over_no_foreign_delegation() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let split = fixture.parent_account.hosted_zone("example.com");
    split.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.net."]));
    fixture.child.delete();
    let moved = json!({"ParentZoneName": null, "ParentZoneId": split.id()});
    assert_eq!(
        fixture.update(&id, json!({}), moved).await.failed(&["hosted-zone-not-found"]).id(),
        id
    );
    assert_eq!(split.record(NAME, "NS").unwrap().values, ["ns1.somebody.net."]);
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

/// A replacement with `AllowOverwrite` moved a resource to the point of another resource of its
/// stack, and was rolled back.
#[tokio::test(start_paused = true)]
async fn regression_the_rollback_of_a_replacement_with_overwrite_leaves_the_siblings_delegation() {
    let mut fixture = Fixture::new().await;
    fixture.create(json!({})).await.success();
    let other = fixture.child_account.hosted_zone("staging.example.com");
    let staging = json!({"ChildZoneId": other.id()});
    fixture.logical_id = "Second".into();
    let second = fixture.create(staging.clone()).await.success().id().to_owned();
    let over = json!({"AllowOverwrite": "true"});
    let moved =
        fixture.update(&second, staging.clone(), over.clone()).await.success().id().to_owned();
    assert_eq!(moved, fixture.id());
    assert_eq!(fixture.update(&moved, over.clone(), staging).await.success().id(), second);
    fixture.delete(&moved, over).await.success();
    assert_eq!(
        fixture.delegated_to(),
        fixture.child_servers(),
        "the sibling still holds the delegation"
    );
    assert_eq!(fixture.claims().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn regression_a_wait_longer_than_the_invocation_fails_no_update_that_does_not_need_it() {
    let mut fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.function_role.clone().without_policies().allow_assume(&fixture.parent_role.arn());
    fixture.restart(|config| config.propagation_wait = Duration::from_mins(15)).await;
    fixture.timeout = Duration::from_secs(30);
    let answer = fixture.update(&id, json!({}), json!({"Trigger": "again"})).await.success();
    assert!(answer.get("Warning").contains("child zone"), "{}", answer.0);
}

/// A change that Route 53 accepted and reported as `PENDING`, and then lost: it failed over to
/// another Region without it (Developer Guide, "Enabling accelerated recovery for managing public
/// DNS records").
#[tokio::test(start_paused = true)]
async fn a_change_that_a_failover_lost_is_repeated_by_a_later_update() {
    let fixture = Fixture::new().await;
    fixture.child.sign([KeySigningKey::active("key", 1, &"AB".repeat(32))]);
    let lose = |before: &[RecordSet]| {
        for set in fixture.parent.records() {
            fixture.parent.remove(&set.name, &set.rtype);
        }
        for set in before {
            fixture.parent.put(set.clone());
        }
    };
    let quick = |more: Value| {
        let mut changes = more;
        changes["WaitForSync"] = json!(false);
        changes
    };
    let again = |mut changes: Value| {
        changes["Trigger"] = json!("again");
        changes
    };
    // The Create: the zone has nothing of it.
    let before = fixture.parent.records();
    let created = fixture.create(quick(json!({}))).await.success();
    assert_eq!(created.get("ChangeStatus"), "PENDING");
    let (id, made) = (created.id().to_owned(), fixture.parent.record(NAME, "NS"));
    lose(&before);
    let answer = fixture.update(&id, quick(json!({})), again(json!({}))).await.success();
    assert_eq!((answer.get("Action"), answer.get("Warning")), ("CREATED", ""));
    assert_eq!(fixture.parent.record(NAME, "NS"), made);
    // An Update of each kind: the zone has the record sets and the claim of before.
    let other = fixture.child_account.hosted_zone(NAME);
    let mut old = json!({});
    for new in [
        json!({"TTL": "60"}),
        json!({"TTL": "60", "ChildZoneId": other.id()}),
        json!({"TTL": "60", "Dnssec": true}),
    ] {
        if new.get("Dnssec").is_some() {
            fixture.update(&id, old.clone(), json!({"TTL": "60"})).await.success();
            old = json!({"TTL": "60"});
        }
        let before = fixture.parent.records();
        fixture.update(&id, old.clone(), quick(new.clone())).await.success();
        let after = |rtype: &str| fixture.parent.record(NAME, rtype);
        let expected = (after("NS"), after("DS"));
        assert_ne!(fixture.parent.records(), before);
        lose(&before);
        let answer = fixture.update(&id, quick(new.clone()), again(new.clone())).await.success();
        assert_eq!(
            (answer.get("Action"), (after("NS"), after("DS"))),
            ("UPDATED", expected),
            "{new} {}",
            answer.0
        );
        old = again(new);
    }
    // A Delete: everything that it removed is back, with the claim, and no Update will ever come.
    let before = fixture.parent.records();
    fixture.delete(&id, quick(old.clone())).await.success();
    lose(&before);
    fixture.delete(&id, old).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}
