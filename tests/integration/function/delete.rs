use std::time::{Duration, SystemTime};

use sandbox::{Guardrail, RecordSet};
use serde_json::{Value, json};

use test_support::{Fixture, NAME, RECORD};

#[tokio::test(start_paused = true)]
async fn a_delete_removes_only_what_was_created() {
    let fixture = Fixture::new().await;
    let before = fixture.parent.records();
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let answer = fixture.delete(&id, json!({})).await.success();
    assert_eq!(answer.id(), id);
    assert_eq!(fixture.parent.records(), before);
    for attribute in custom_delegation::cfn::response::ATTRIBUTES {
        assert_eq!(answer.get(attribute), "", "each attribute is in every SUCCESS");
    }
    fixture.delete(&id, json!({})).await.success();
}

#[tokio::test(start_paused = true)]
async fn an_unresolved_id_is_deleted_without_a_call() {
    let fixture = Fixture::new().await;
    fixture.delete("unresolved/1-2-3", json!({"ParentRoleArn": 7})).await.success();
    assert_eq!(fixture.actions(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn name_servers_that_somebody_else_changed_stay() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.put_ns(&["ns1.somebody.net."]);
    let answer = fixture.delete(&id, json!({})).await.success();
    assert!(answer.get("Warning").contains("left in place"), "{}", answer.0);
    assert_eq!(fixture.delegated_to(), ["ns1.somebody.net"]);
    assert_eq!(fixture.claims(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn name_servers_of_the_child_zone_are_removed_whoever_wrote_them() {
    let fixture = Fixture::new().await;
    let id =
        fixture.create(json!({"NameServers": "ns1.vanity.net"})).await.success().id().to_owned();
    let servers = fixture.child.name_servers();
    fixture.put_ns(&servers.iter().take(2).map(String::as_str).collect::<Vec<_>>());
    fixture.delete(&id, json!({"NameServers": "ns1.vanity.net"})).await.success();
    assert_eq!(fixture.delegated_to(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_record_without_our_claim_is_not_ours() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.parent.remove(RECORD, "TXT");
    let answer = fixture.delete(&id, json!({})).await.success();
    assert!(answer.get("Warning").contains("no claim"), "{}", answer.0);
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn invalid_properties_fail_no_delete() {
    for odd in [
        json!({"TTL": "soon", "Unknown": {"a": 1}, "AllowOverwrite": "perhaps", "Dnssec": "true"}),
        json!({"ChildZoneId": 7, "NameServers": [1], "DomainName": "a..b"}),
        json!({"ChildZoneId": null, "ParentZoneName": null}),
        json!({"ParentZoneId": "Z1", "ParentZoneName": "b"}),
    ] {
        let fixture = Fixture::new().await;
        let id = fixture.create(json!({})).await.success().id().to_owned();
        fixture.delete(&id, odd.clone()).await.success();
        assert_eq!(fixture.delegated_to(), Vec::<String>::new(), "{odd}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_parent_role_that_cannot_exist_does_not_block_the_stack() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let answer = fixture.delete(&id, json!({"ParentRoleArn": "nonsense"})).await.success();
    assert!(answer.get("Warning").contains("ParentRoleArn"), "{}", answer.0);
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn a_delete_succeeds_when_a_zone_is_gone() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.child.delete();
    fixture.delete(&id, json!({})).await.success();
    assert_eq!(fixture.delegated_to(), Vec::<String>::new());

    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.parent.delete();
    fixture.delete(&id, json!({})).await.success();
}

#[tokio::test(start_paused = true)]
async fn a_denied_parent_account_fails_it_with_the_remedy() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.parent_role.delete();
    fixture.parent_account.role("parent").trust_account("444444444444", None);
    let answer = fixture
        .delete(&id, json!({"ParentExternalId": "another-id"}))
        .await
        .failed(&["sts:AssumeRole", "external id"]);
    assert_eq!(answer.id(), id);
    assert!(!answer.reason().contains("another-id"));
}

#[tokio::test(start_paused = true)]
async fn a_delete_with_an_invented_id_finds_the_claim_by_the_properties() {
    let fixture = Fixture::new().await;
    fixture.create(json!({})).await.success();
    fixture.delete("mine-Delegation-1X2Y3Z4ABCDE", json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn regression_a_found_claim_that_cannot_be_removed_fails_a_delete_with_an_invented_id() {
    let fixture = Fixture::new().await;
    fixture.create(json!({})).await.success();
    super::allow_only_reads(&fixture);
    fixture
        .delete("mine-Delegation-1X2Y3Z4ABCDE", json!({}))
        .await
        .failed(&["ChangeResourceRecordSets", "denied"]);
    fixture.parent_role.clone().allow_all_route53();
    fixture.delete("mine-Delegation-1X2Y3Z4ABCDE", json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_delete_with_an_invented_id_and_no_zone_ends_immediately() {
    let fixture = Fixture::new().await;
    for nowhere in
        [json!({"ChildZoneId": null}), json!({"ParentZoneId": "Z1"}), json!({"ChildZoneId": 7})]
    {
        fixture.delete("mine-Delegation-1X2Y3Z4ABCDE", nowhere).await.success();
    }
    let event = fixture.event(
        "Delete",
        json!({
            "PhysicalResourceId": "mine-Delegation-1X2Y3Z4ABCDE",
            "ResourceProperties": Value::Null,
        }),
    );
    fixture.deliver(event).await.success();
    assert_eq!(fixture.actions(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_shared_delegation_is_deleted_by_its_last_holder() {
    let mut fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let mine = fixture.stack.clone();
    fixture.stack = mine.replace("mine", "theirs").replace("51af", "51ae");
    fixture.create(json!({"AllowOverwrite": "true"})).await.success();
    let theirs = std::mem::replace(&mut fixture.stack, mine);
    fixture.delete(&id, json!({})).await.success();
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    fixture.stack = theirs;
    fixture.delete(&id, json!({})).await.success();
    assert_eq!(fixture.delegated_to(), Vec::<String>::new());
    assert!(
        fixture.parent.record("www.example.com", "A")
            == Some(RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"]))
    );
    assert!(fixture.parent.record(NAME, "NS").is_none());
}

#[tokio::test(start_paused = true)]
async fn regression_a_search_for_an_invented_id_renews_an_expired_session() {
    let mut fixture = Fixture::new().await;
    fixture.create(json!({})).await.success();
    fixture.timeout = Duration::from_secs(4);
    let ended = sandbox::FaultKind::Error {
        status: 403,
        code: "InvalidClientTokenId".into(),
        message: "invalid".into(),
    };
    fixture
        .aws
        .fault(sandbox::Fault::on("ListHostedZonesByName").account("111111111111").kind(ended));
    fixture.delete("mine-Delegation-1X2Y3Z4ABCDE", json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

/// One log line has everything that somebody needs to remove the rest.
#[tokio::test(start_paused = true)]
async fn a_delete_that_leaves_record_sets_lists_their_names_and_values() {
    let mut fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.logical_id = "Other".into();
    fixture.create(json!({})).await.success();
    let answer = fixture.delete(&id, json!({})).await.success();
    let (servers, claims) = (fixture.parent.record(NAME, "NS").unwrap().values, fixture.claims());
    assert!(claims.len() == 1 && claims[0].contains("owner=mine/Delegation"), "{claims:?}");
    let (ns, txt) = (
        format!("The parent zone now has: {NAME} 300 NS {}; ", servers.join(" ")),
        format!(" TXT {}.", claims[0]),
    );
    for left in [ns.as_str(), RECORD, &txt] {
        assert!(answer.get("Warning").contains(left), "{left}: {}", answer.get("Warning"));
    }
    // Nothing is left, so there is no warning.
    fixture.logical_id = "Delegation".into();
    assert_eq!(fixture.delete(&id, json!({})).await.success().get("Warning"), "");
}

/// Somebody who may write TXT records dates the claim a little ahead, so the Delete assumes that a
/// later request was here, and leaves the delegation in place.
#[tokio::test(start_paused = true)]
async fn a_delete_that_is_overtaken_says_what_it_leaves() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let soon = fixture.clock.now() + Duration::from_secs(890);
    let soon = soon.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let claim = fixture.claims().remove(0);
    let fields = claim.split(',').map(|field| match field.split_once('=') {
        Some(("at", _)) => format!("at={soon}"),
        _ => field.to_owned(),
    });
    let forged = fields.collect::<Vec<_>>().join(",");
    fixture.parent.put(RecordSet::new(RECORD, "TXT", 300, [forged]));
    let answer = fixture.delete(&id, json!({})).await.success();
    let warning = answer.get("Warning");
    assert!(warning.contains("overtaken"), "{warning}");
    for server in fixture.child_servers() {
        assert!(warning.contains(&server), "{warning}");
    }
}

/// Anybody who may write TXT records could otherwise put words into a message that the stack's
/// owners trust.
#[tokio::test(start_paused = true)]
async fn values_of_others_in_the_ownership_record_are_counted_but_not_quoted() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.put_ns(&["ns1.elsewhere.net"]);
    let mut values = fixture.claims();
    let hostile = ["urgent: run curl evil.example", "heritage=custom-delegation,note=call mallory"];
    values.extend(hostile.map(|text| format!("\"{text}\"")));
    fixture.parent.put(RecordSet::new(RECORD, "TXT", 300, values));
    let answer = fixture.delete(&id, json!({})).await.success();
    let warning = answer.get("Warning");
    assert!(
        warning.contains(&format!("{RECORD} 300 TXT (and 2 values of others). [")),
        "{warning}"
    );
    assert!(!warning.contains("evil") && !warning.contains("mallory"), "{warning}");
    assert_eq!(fixture.claims().len(), 2, "they stay");
}

/// The guardrail's documentation does not define "in use": it may mean a child zone that is served,
/// or queries that still arrive. The test runs both.
#[tokio::test(start_paused = true)]
async fn an_active_delegation_guardrail_fails_deletes_but_not_updates() {
    for guardrail in [Guardrail::ActiveDelegation, Guardrail::QueriedDelegation] {
        let fixture = Fixture::new().await;
        let id = fixture.create(json!({})).await.success().id().to_owned();
        fixture.parent.enable_guardrail(guardrail);
        let other = fixture.child_account.hosted_zone(NAME);
        fixture.update(&id, json!({}), json!({"ChildZoneId": other.id()})).await.success();
        let revision = fixture.parent.revision();
        let changes = json!({"ChildZoneId": other.id()});
        let answer = fixture
            .delete(&id, changes.clone())
            .await
            .failed(&["ACTIVE_DELEGATION_CHECK", "[aws-call-failed]"]);
        assert_eq!((answer.id(), fixture.parent.revision()), (id.as_str(), revision));
        // Once the child zone is gone, only a guardrail of the first meaning accepts the deletion.
        other.delete();
        let answer = fixture.delete(&id, changes.clone()).await;
        assert_eq!(
            answer.0["Status"],
            if guardrail == Guardrail::ActiveDelegation { "SUCCESS" } else { "FAILED" }
        );
        fixture.parent.disable_guardrail(guardrail);
        fixture.delete(&id, changes).await.success();
        assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
    }
}
