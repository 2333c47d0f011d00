//! Creates that fail or are delivered twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use delegation_model::ownership_record::{ClaimBasis, Claimant};
use sandbox::{Action, Fault, FaultKind, RecordSet};
use serde_json::{Value, json};
use test_support::{Answer, Fixture, NAME, RECORD, pass};

use crate::function::scenario::{Scenario, wants, with};

/// A value of the ownership record as a newer version may have written it.
const UNREADABLE: &str = "\"heritage=custom-delegation,x\"";

/// Edits the values of an ownership record.
type Edit = fn(Vec<String>) -> Vec<String>;

fn required() -> Value {
    json!({"Verification": "REQUIRE"})
}

/// A fixture in which each required DNS check after a change fails: the world uses another zone
/// with the name of the parent zone.
async fn failing() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.dns.delegate_to(&fixture.aws.account("444444444444").hosted_zone("example.com"));
    fixture
}

/// Edits the ownership record after the first change.
fn edit_after_the_change(
    fixture: &Fixture,
    edit: impl Fn(Vec<String>) -> Vec<String> + Send + Sync + 'static,
) {
    let (zone, changes) = (fixture.parent.clone(), AtomicUsize::new(0));
    fixture.aws.after_call(Arc::new(move |call| {
        if call.action == "ChangeResourceRecordSets" && changes.fetch_add(1, Ordering::Relaxed) == 0
        {
            let values = edit(zone.record(RECORD, "TXT").unwrap().values);
            zone.remove(RECORD, "TXT");
            if !values.is_empty() {
                zone.put(RecordSet::new(RECORD, "TXT", 300, values));
            }
        }
    }));
}

/// Asserts that the failure names what was there before, and the name servers that are left.
#[track_caller]
fn names_what_is_left(fixture: &Fixture, answer: &Answer, before: &str) {
    let left = fixture.delegated_to();
    let reason = answer.reason();
    let expected = format!(
        "The delegation of {NAME} is not as it was before this request. The parent zone {} had: \
         {before}. It now has: {}",
        fixture.parent.id(),
        if left.is_empty() { "no NS or DS record set." } else { NAME }
    );
    assert!(reason.contains(&expected), "{reason}");
    assert!(left.iter().all(|server| reason.contains(server)), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_create_leaves_nothing_that_its_delete_could_take_from_the_retry() {
    // Rollback is disabled: the Create is tried again, then CloudFormation deletes the failed
    // resource.
    let mut scenario = Scenario::new().await;
    scenario.fixture.aws.fault(Fault::on("GetChange").always().kind(FaultKind::Hang));
    let answer = scenario.create("S1", json!({"Verification": "REQUIRE"})).await;
    let failed = answer.failed(&["were undone"]);
    assert!(failed.id().starts_with("unresolved/"), "{}", failed.0);
    scenario.assert_empty();
    scenario.fixture.aws.clear_faults();
    scenario.create("S1", json!({})).await.success();
    scenario.fixture.delete(failed.id(), json!({})).await.success();
    assert_eq!(scenario.fixture.delegated_to(), scenario.fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn a_second_delivery_of_a_complete_create_undoes_nothing() {
    let mut scenario = Scenario::new().await;
    let required = json!({"Verification": "REQUIRE"});
    let event = scenario.create_event("S1", &required);
    scenario.fixture.deliver(event.clone()).await.success();
    scenario.edit_by_hand("z", 60);
    let answer = scenario.fixture.deliver(event).await;
    assert_eq!(answer.id(), scenario.fixture.id());
    assert_eq!((scenario.current().as_str(), scenario.claimed_by().as_str()), ("z", "S1"));
}

/// Found by the model checker: the change of the first delivery gets no response, the second
/// creates the delegation and answers, and the first runs out of time.
#[tokio::test(start_paused = true)]
async fn regression_a_delivery_without_a_response_undoes_nothing_of_a_duplicate() {
    for second_delivery in [true, false] {
        let mut scenario = Scenario::new().await;
        // The second delivery comes after 4 s; the first runs out of time after 12 s.
        scenario.fixture.timeout = Duration::from_secs(12);
        // With a second delivery, the retry of the first delivery's change is the third call.
        for nth in [1, if second_delivery { 3 } else { 2 }] {
            let hangs = Fault::on("ChangeResourceRecordSets").nth(nth).kind(FaultKind::Hang);
            scenario.fixture.aws.fault(hangs);
        }
        let event =
            scenario.create_event("S1", &json!({"WaitForSync": "false", "Verification": "NONE"}));
        let fixture = &scenario.fixture;
        let (first, second) = tokio::join!(fixture.invoke(event.clone()), async {
            pass(Duration::from_secs(4)).await;
            if second_delivery { fixture.invoke(event.clone()).await } else { Ok(()) }
        });
        assert!(first.is_ok() && second.is_ok());
        let answers = fixture.bucket.answers(event["RequestId"].as_str().unwrap());
        let last = answers.last().unwrap().json();
        assert_eq!(last["Status"], "FAILED", "{last}");
        if second_delivery {
            assert_eq!(answers.first().unwrap().json()["Status"], "SUCCESS");
            assert_eq!(last["PhysicalResourceId"], json!(fixture.id()), "{last}");
            assert!(
                last["Reason"]
                    .as_str()
                    .unwrap()
                    .contains("another delivery of it may have made them"),
                "{last}"
            );
            assert_eq!(fixture.delegated_to(), fixture.child_servers());
        } else {
            assert!(
                last["PhysicalResourceId"].as_str().unwrap().starts_with("unresolved/"),
                "{last}"
            );
            assert!(last["Reason"].as_str().unwrap().contains("Nothing was changed"), "{last}");
            scenario.assert_empty();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_redelivered_create_does_not_adopt_what_it_made() {
    let mut scenario = Scenario::new().await;
    let event = scenario.create_event("S1", &wants("x"));
    scenario.fixture.deliver(event.clone()).await.success();
    let answer = scenario.fixture.deliver(event).await.success();
    assert_eq!(answer.get("Action"), "CREATED");
    assert!(scenario.is_settled());
    assert_eq!(scenario.claim("S1").basis, ClaimBasis::Made);
    scenario.fixture.delete(&scenario.fixture.id(), wants("x")).await.success();
    scenario.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn a_failed_create_names_the_name_servers_that_it_leaves() {
    // Each time, the delegation stays because of a value that somebody has written.
    let edits: [(&str, Edit); 4] = [
        ("left-to-others", |mut values| {
            values.push(UNREADABLE.into());
            values
        }),
        ("left-to-others", |mut values| {
            let id = values[0].split("claim=").nth(1).unwrap()[..16].to_owned();
            values.push(values[0].replace(&id, "0123456789abcdef"));
            values
        }),
        ("existed-before", |mut values| {
            let ns = values[0].split("ns=").nth(1).unwrap()[..16].to_owned();
            values.push(format!("\"heritage=custom-delegation,before=same,of={ns}\""));
            values
        }),
        ("delete-without-claim", |_| Vec::new()),
    ];
    for (code, edit) in edits {
        let fixture = failing().await;
        edit_after_the_change(&fixture, edit);
        let answer = fixture.create(required()).await.failed(&[code]);
        assert_eq!(fixture.delegated_to(), fixture.child_servers());
        names_what_is_left(&fixture, &answer, "no NS or DS record set");
        // No claim is left, so a Delete with the real id could only harm a retry of the Create.
        assert!(answer.id().starts_with("unresolved/"), "{}", answer.0);
        fixture.delete(answer.id(), required()).await.success();
    }
}

/// The same, and the value was there before.
#[tokio::test(start_paused = true)]
async fn a_failed_create_next_to_an_unreadable_value_names_what_it_leaves() {
    let fixture = failing().await;
    fixture.parent.put(RecordSet::new(RECORD, "TXT", 300, vec![UNREADABLE.to_owned()]));
    let answer = fixture.create(required()).await.failed(&["left-to-others"]);
    names_what_is_left(&fixture, &answer, "no NS or DS record set");
}

#[tokio::test(start_paused = true)]
async fn a_failed_create_names_the_name_servers_that_it_could_not_restore() {
    let taking = with(&required(), json!({"AllowOverwrite": true}));
    let before = "testing.example.com 300 NS ns1.h.net.";
    // An unreadable value keeps the new name servers in place.
    let fixture = failing().await;
    fixture.put_ns(&["ns1.h.net."]);
    edit_after_the_change(&fixture, |mut values| {
        values.push(UNREADABLE.into());
        values
    });
    let answer = fixture.create(taking.clone()).await.failed(&["left-to-others"]);
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    names_what_is_left(&fixture, &answer, before);
    // Route 53 rejects the old ones.
    let fixture = failing().await;
    fixture.put_ns(&["ns1.h.net."]);
    fixture.parent.refuse_when(Arc::new(|changes| {
        let restores = changes.iter().any(|change| {
            let values = &change.record.values;
            change.action == Action::Create && values.iter().any(|value| value == "ns1.h.net.")
        });
        restores.then(|| "not authoritative".into())
    }));
    let answer = fixture.create(taking).await.failed(&["delegation-not-restored"]);
    assert_eq!(fixture.delegated_to(), Vec::<String>::new());
    names_what_is_left(&fixture, &answer, before);
    assert!(answer.id().starts_with("unresolved/"), "{}", answer.0);
}

/// Its Delete then finds the claim.
#[tokio::test(start_paused = true)]
async fn a_failed_create_whose_claim_was_edited_keeps_the_real_id() {
    let edits: [fn(&str) -> String; 2] = [
        |claim| {
            let at = claim.split("at=").nth(1).unwrap().split(',').next().unwrap();
            claim.replace(at, &(at.parse::<i64>().unwrap() - 60).to_string())
        },
        |claim| {
            let req = claim.split("req=").nth(1).unwrap()[..8].to_owned();
            claim.replace(&req, "01234567")
        },
    ];
    for edit in edits {
        let fixture = failing().await;
        edit_after_the_change(&fixture, move |values| vec![edit(&values[0])]);
        let answer = fixture.create(required()).await.failed(&["edited the claim"]);
        names_what_is_left(&fixture, &answer, "no NS or DS record set");
        assert_eq!(answer.id(), fixture.id());
        fixture.delete(answer.id(), required()).await.success();
        assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
    }
}

/// OWN-8.
#[tokio::test(start_paused = true)]
async fn a_tombstone_does_not_hide_the_delegation_of_a_create_from_its_second_delivery() {
    let mut scenario = Scenario::new().await;
    let event = scenario.create_event("S1", &wants("x"));
    scenario.fixture.deliver(event.clone()).await.success();
    let id = Claimant::new(&scenario.fixture.stack, "D", &NAME.parse().unwrap()).id();
    let at = scenario.claim("S1").stamp.time + 60;
    let mut values = scenario.fixture.claims();
    values.push(format!("\"heritage=custom-delegation,tombstone={id},at={at}\""));
    scenario.fixture.parent.put(RecordSet::new(RECORD, "TXT", 300, values));
    let answer = scenario.fixture.deliver(event).await.success();
    assert_eq!(answer.id(), scenario.fixture.id());
}
