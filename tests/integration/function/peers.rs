//! Cases of other tools' test suites that no other test covers. `docs/peer-cases.md` says for every
//! case of those suites where it is tested.

use custom_delegation::config::Config;
use sandbox::{BucketFault, RecordSet};
use serde_json::{Value, json};
use test_support::{Fixture, NAME, RECORD};

/// Returns whether the parent zone has all these record sets, unchanged.
fn kept(fixture: &Fixture, sets: &[RecordSet]) -> bool {
    sets.iter().all(|set| fixture.parent.record(&set.name, &set.rtype).as_ref() == Some(set))
}

#[tokio::test(start_paused = true)]
async fn a_parent_zone_by_name_is_the_public_one_of_exactly_that_name() {
    let fixture = Fixture::new().await;
    for _ in 0..120 {
        fixture.parent_account.private_hosted_zone("example.com");
    }
    // ListHostedZonesByName starts at the name and returns what follows, such as these.
    for name in ["example.com.au", "examplea.com", "z.example.com", "example.org"] {
        fixture.parent_account.hosted_zone(name);
    }
    for spelling in ["example.com", "example.com.", "EXAMPLE.com."] {
        let id =
            fixture.create(json!({"ParentZoneName": spelling})).await.success().id().to_owned();
        assert_eq!(id, fixture.id(), "{spelling}");
        fixture.delete(&id, json!({"ParentZoneName": spelling})).await.success();
    }
    for (name, code) in [(".", "[invalid-name]"), ("com", "[parent-zone-not-found]")] {
        fixture.create(json!({"ParentZoneName": name})).await.failed(&[code]);
    }
    let none = fixture.child_account.hosted_zone("testing.example.net");
    fixture
        .create(json!({"ParentZoneName": null, "ChildZoneId": none.id()}))
        .await
        .failed(&["[no-enclosing-zone]"]);
    // Only the private zone is left.
    fixture.parent.delete();
    fixture.create(json!({})).await.failed(&["[parent-zone-not-found]"]);
    let private = fixture.child_account.private_hosted_zone(NAME);
    fixture.create(json!({"ChildZoneId": private.id()})).await.failed(&["[child-zone-private]"]);
}

#[tokio::test(start_paused = true)]
async fn names_with_every_kind_of_character_are_delegated_and_removed() {
    for (parent, child) in [
        ("example.com", "sub2_*$.example.com"),
        ("example.com", "_underscore.example.com"),
        ("example.com", "a\\100b\\043.example.com"),
        ("2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"),
        ("0/25.2.0.192.in-addr.arpa", "7.0/25.2.0.192.in-addr.arpa"),
        (
            "example.com",
            "A-Very-Long-First-Label-That-Leaves-No-Room-For-Its-Prefix-abcd.example.com",
        ),
    ] {
        let fixture = Fixture::new().await;
        let zone = fixture.parent_account.hosted_zone(parent);
        let before = zone.records();
        let child = fixture.child_account.hosted_zone(child);
        let at = json!({
            "ParentZoneName": null,
            "ParentZoneId": format!("/hostedzone/{}", zone.id()),
            "ChildZoneId": format!("/hostedzone/{}", child.id()),
        });
        let answer = fixture.create(at.clone()).await.success();
        let id = answer.id().to_owned();
        assert!(zone.record(&child.name(), "NS").is_some(), "{}", child.name());
        assert_eq!(answer.get("DomainName"), answer.get("DomainName").to_lowercase());
        // Another spelling of the same name changes nothing and is no replacement.
        let named = json!({
            "DomainName": format!("{}.", child.name().trim_end_matches('.')).to_uppercase(),
        });
        let mut spelled = at.clone();
        spelled["DomainName"] = named["DomainName"].clone();
        let same = fixture.update(&id, at.clone(), spelled.clone()).await.success();
        assert_eq!((same.id(), same.get("Action")), (id.as_str(), "UNCHANGED"), "{}", same.0);
        fixture.delete(&id, spelled).await.success();
        assert_eq!(zone.records(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn other_record_sets_at_the_cut_are_left_and_named() {
    // An alias, and the TXT record set of another tool: the delegation would hide both.
    for set in [
        RecordSet::alias(NAME, "A", "Z2FDTNDATAQYW2", "d111111abcdef8.cloudfront.net"),
        RecordSet::new(NAME, "TXT", 300, ["\"heritage=external-dns,external-dns/owner=default\""]),
        RecordSet::new(NAME, "A", 300, ["192.0.2.7"]),
    ] {
        let fixture = Fixture::new().await;
        fixture.parent.put(set.clone());
        fixture.create(json!({})).await.failed(&["[hides-records]", NAME, &set.rtype]);
        // The delegation was not created, so a Delete has nothing to do.
        fixture.delete(&fixture.id(), json!({})).await.success();
        assert!(kept(&fixture, &[set]));
    }
    // A CNAME stops the delegation until it is removed.
    let fixture = Fixture::new().await;
    fixture.parent.put(RecordSet::new(NAME, "CNAME", 300, ["elsewhere.example.net."]));
    fixture.create(json!({})).await.failed(&["[cname-at-name]"]);
    fixture.parent.remove(NAME, "CNAME");
    fixture.create(json!({})).await.success();
}

#[tokio::test(start_paused = true)]
async fn a_delegation_with_a_routing_policy_or_a_health_check_is_not_changed() {
    for edit in [
        |set: RecordSet| set.weighted("test-set-1", 10),
        |set: RecordSet| set.with_health_check("abcdef11-2222-3333-4444-555555fedcba"),
    ] {
        let fixture = Fixture::new().await;
        let id = fixture.create(json!({})).await.success().id().to_owned();
        let set = edit(fixture.parent.record(NAME, "NS").unwrap());
        fixture.parent.remove(NAME, "NS");
        fixture.parent.put(set.clone());
        let other = fixture.child_account.hosted_zone(NAME);
        fixture
            .update(&id, json!({}), json!({"ChildZoneId": other.id()}))
            .await
            .failed(&["[routing-policy]"]);
        let answer = fixture.delete(&id, json!({})).await.success();
        assert!(answer.get("Warning").contains("left in place"), "{}", answer.0);
        assert!(fixture.parent.records().contains(&set));
    }
    // The same with the ownership record.
    let owned = || RecordSet::new(RECORD, "TXT", 300, ["\"x\""]);
    for set in [
        owned().weighted("test-set-2", 10),
        owned().with_health_check("abcdef11-2222-3333-4444-555555fedcba"),
        RecordSet::new(RECORD, "CNAME", 300, ["elsewhere.example.net."]),
    ] {
        let fixture = Fixture::new().await;
        fixture.parent.put(set);
        let revision = fixture.parent.revision();
        fixture.create(json!({})).await.failed(&[RECORD]);
        assert_eq!(fixture.parent.revision(), revision);
    }
}

#[tokio::test(start_paused = true)]
async fn values_of_other_registries_beside_the_claim_survive_byte_for_byte() {
    let fixture = Fixture::new().await;
    let long = format!("\"{}\" \"{}\"", "a".repeat(255), "b\\; c".repeat(40));
    let others = [
        "\"heritage=external-dns,external-dns/owner=default,external-dns/resource=ingress/x/y\"",
        "\"aGVsbG8gd29ybGQ=\"",
        &long,
    ];
    fixture.parent.put(RecordSet::new(RECORD, "TXT", 300, others));
    let before = fixture.parent.record(RECORD, "TXT");
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let claims = fixture.claims();
    assert!(
        claims.len() == 4 && others.iter().all(|value| claims.iter().any(|claim| claim == value)),
        "{claims:?}"
    );
    fixture.delete(&id, json!({})).await.success();
    assert_eq!(fixture.parent.record(RECORD, "TXT"), before);
}

#[tokio::test(start_paused = true)]
async fn record_sets_that_disappear_are_recreated_or_not_missed() {
    for gone in [vec!["NS"], vec!["TXT"], vec!["NS", "TXT"]] {
        let fixture = Fixture::new().await;
        let id = fixture.create(json!({})).await.success().id().to_owned();
        let remove = || {
            for rtype in &gone {
                assert!(fixture.parent.remove(if *rtype == "NS" { NAME } else { RECORD }, rtype));
            }
        };
        remove();
        fixture.update(&id, json!({}), json!({"Trigger": "again"})).await.success();
        assert_eq!(
            (fixture.delegated_to(), fixture.claims().len()),
            (fixture.child_servers(), 1),
            "{gone:?}"
        );
        remove();
        fixture.delete(&id, json!({})).await.success();
        assert_eq!(fixture.claims(), Vec::<String>::new());
        // The resource is deleted, and then created again.
        fixture.parent.remove(NAME, "NS");
        fixture.create(json!({})).await.success();
    }
}

#[tokio::test(start_paused = true)]
async fn a_manual_change_of_the_ttl_is_no_other_delegation() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let set = fixture.parent.record(NAME, "NS").unwrap();
    fixture.parent.put(RecordSet { ttl: Some(59), ..set });
    fixture.delete(&id, json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
    // There is nothing to overwrite.
    let created = fixture.create(json!({"AllowOverwrite": true})).await.success();
    assert_eq!((created.get("Action"), created.get("Warning")), ("CREATED", ""));
    let before = fixture.count("ChangeResourceRecordSets");
    fixture.delete(&id, json!({})).await.success();
    assert_eq!(fixture.count("ChangeResourceRecordSets"), before + 1);
    // A second Delete changes nothing, although the listing continues with another name.
    fixture.delete(&id, json!({})).await.success();
    assert_eq!(fixture.count("ChangeResourceRecordSets"), before + 1);
}

#[tokio::test(start_paused = true)]
async fn the_cut_is_found_in_a_zone_of_many_record_sets() {
    let fixture = Fixture::new().await;
    for number in 0..350 {
        fixture.parent.put(RecordSet::new(
            &format!("a{number:03}.example.com"),
            "A",
            300,
            ["192.0.2.1"],
        ));
        fixture.parent.put(RecordSet::new(
            &format!("tf{number:03}.example.com"),
            "A",
            300,
            ["192.0.2.1"],
        ));
    }
    let id = fixture.create(json!({})).await.success().id().to_owned();
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    fixture.update(&id, json!({}), json!({"TTL": "60"})).await.success();
    fixture.delete(&id, json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn five_child_zones_of_one_stack_are_delegated_and_deleted_concurrently() {
    let mut fixture = Fixture::new().await;
    let before = fixture.parent.records();
    let mut made = Vec::new();
    for number in 0..5 {
        let zone = fixture.child_account.hosted_zone(&format!("subdomain{number}.example.com"));
        fixture.logical_id = format!("Delegation{number}");
        let changes = json!({"ChildZoneId": zone.id()});
        let properties = fixture.properties(changes.clone());
        made.push((
            fixture.logical_id.clone(),
            changes,
            fixture.event("Create", json!({"ResourceProperties": properties})),
        ));
    }
    let answers =
        futures::future::join_all(made.iter().map(|(_, _, event)| fixture.deliver(event.clone())))
            .await;
    assert_eq!(fixture.parent.records().len(), before.len() + 10);
    for ((logical_id, changes, _), answer) in made.iter().zip(answers) {
        fixture.logical_id.clone_from(logical_id);
        fixture.delete(answer.success().id(), changes.clone()).await.success();
    }
    assert_eq!(fixture.parent.records(), before);
}

/// Events as other tools send them, and as CloudFormation sends them in rare cases.
#[tokio::test(start_paused = true)]
async fn unusual_events_are_answered_with_their_own_ids() {
    let mut fixture = Fixture::new().await;
    // A Delete without an id, and one with the placeholder of the CDK's framework.
    let delete =
        fixture.event("Delete", json!({"ResourceProperties": fixture.properties(json!({}))}));
    fixture.deliver(delete).await.failed(&["PhysicalResourceId", "[not-a-request]"]);
    fixture
        .delete("AWSCDK::CustomResourceProviderFramework::CREATE_FAILED", json!({}))
        .await
        .success();
    // Unknown fields, old properties that hold only what changed, and ids with blanks and non-ASCII
    // characters.
    fixture.logical_id = "Délégation ☃".into();
    let event = fixture.event(
        "Create",
        json!({
            "ResourceProperties": fixture.properties(json!({})),
            "CrHelperPoll": true,
            "CrHelperPermission": "x",
            "CrHelperRule": "y",
            "RequestId": "unique id for this create request",
        }),
    );
    let id = fixture.id();
    fixture.invoke(with_url(&fixture, event.clone())).await.unwrap();
    let answer = fixture.bucket.puts().last().unwrap().json();
    for key in ["StackId", "RequestId", "LogicalResourceId"] {
        assert_eq!(answer[key], event[key], "{key}");
    }
    assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("SUCCESS"), &json!(id)));
    let fields = json!({
        "PhysicalResourceId": id,
        "ResourceProperties": fixture.properties(json!({"TTL": "60"})),
        "OldResourceProperties": {"TTL": "300"},
    });
    let updated = fixture.deliver(fixture.event("Update", fields)).await.success();
    assert_eq!(
        (updated.id(), fixture.parent.record(NAME, "NS").unwrap().ttl),
        (id.as_str(), Some(60))
    );
}

/// Returns the event with a response URL for its own ids.
fn with_url(fixture: &Fixture, mut event: Value) -> Value {
    let text = |key: &str| event[key].as_str().unwrap().to_owned();
    let key = sandbox::ResponseKey {
        stack_id: text("StackId"),
        logical_id: text("LogicalResourceId"),
        request_id: text("RequestId"),
    };
    // The fragment of a URL is never sent.
    event["ResponseURL"] =
        json!(format!("{}#aaa", fixture.bucket.presign_at(&key, fixture.clock.now())));
    event
}

#[tokio::test(start_paused = true)]
async fn a_stack_id_of_an_unusual_form_finds_its_delegation() {
    for stack in [
        "arn:aws:cloudformation:us-east-1:EXAMPLE/stack-name/guid",
        "arn/test-stack-id/guid",
        "test-stack-id",
    ] {
        let mut fixture = Fixture::new().await;
        stack.clone_into(&mut fixture.stack);
        let id = fixture.create(json!({})).await.success().id().to_owned();
        fixture.delete(&id, json!({})).await.success();
        assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]), "{stack}");
        fixture
            .update(&id, json!({}), json!({"ChildZoneId": null}))
            .await
            .failed(&["[child-zone-missing]"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_delivered_by_any_success_status_and_by_no_redirect() {
    let fixture = Fixture::new().await;
    let event =
        fixture.event("Create", json!({"ResourceProperties": fixture.properties(json!({}))}));
    fixture.bucket.fault(BucketFault::Status(204), 1);
    fixture.invoke(event.clone()).await.unwrap();
    assert_eq!(fixture.bucket.puts().len(), 1, "204 is a success");
    // A redirect is not followed: the URL is a secret that only its own host may see.
    fixture.bucket.fault(BucketFault::Status(307), 2);
    fixture.invoke(event).await.unwrap();
    let statuses: Vec<u16> = fixture.bucket.puts().iter().map(|put| put.status).collect();
    assert_eq!(statuses, [204, 307, 307, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_function_of_another_partition_serves_its_own_zones() {
    for (region, partition) in [("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")] {
        let mut fixture =
            Fixture::with(|config: &mut Config| config.region = Some(region.to_owned())).await;
        fixture.stack =
            format!("arn:{partition}:cloudformation:{region}:222222222222:stack/mine/1");
        let arn = fixture.parent_role.arn();
        fixture.create(json!({})).await.failed(&[
            &arn,
            "partition aws",
            "[role-of-another-partition]",
        ]);
        // Without a role ARN, no partition is given.
        let own = fixture.child_account.hosted_zone("example.com");
        let changes = json!({
            "ParentRoleArn": null,
            "ParentExternalId": null,
            "ParentZoneName": null,
            "ParentZoneId": own.id(),
        });
        let id = fixture.create(changes.clone()).await.success().id().to_owned();
        fixture.delete(&id, changes).await.success();
    }
}
