//! Creates that fail or are delivered twice.

use std::time::Duration;

use delegation_model::ownership_record::ClaimBasis;
use serde_json::json;
use test_support::pass;

use crate::function::scenario::{Scenario, wants};

#[tokio::test(start_paused = true)]
async fn a_failed_create_leaves_nothing_that_its_delete_could_take_from_the_retry() {
    // Rollback is disabled: the Create is tried again, then CloudFormation deletes the failed
    // resource.
    let mut scenario = Scenario::new().await;
    scenario
        .fixture
        .aws
        .fault(sandbox::Fault::on("GetChange").always().kind(sandbox::FaultKind::Hang));
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
            let hangs = sandbox::Fault::on("ChangeResourceRecordSets")
                .nth(nth)
                .kind(sandbox::FaultKind::Hang);
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
