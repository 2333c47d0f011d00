//! The migration from the CDK's `CrossAccountZoneDelegationRecord`, within its stack.

use std::sync::Arc;

use futures::FutureExt as _;
use sandbox::TemplateStack;
use test_support::CHILD_ACCOUNT;

use super::{Migration, Outcome, Step, assert_harm, check};
use crate::migrations::fixture::{MigrationFixture, complete, template};
use crate::migrations::tools::{CdkHandler, zone_of};

struct FromCdk {
    fixture: MigrationFixture,
    stack: TemplateStack,
}

const OLD: [(&str, &str); 1] =
    [("OldServiceToken", "arn:aws:lambda:us-east-1:222222222222:function:cdk")];

impl Migration for FromCdk {
    async fn begin() -> Self {
        let fixture = MigrationFixture::new().await;
        fixture.region.register(
            "Custom::CrossAccountZoneDelegation",
            Arc::new(CdkHandler(fixture.parent.clone())),
        );
        let stack = fixture.region.stack(CHILD_ACCOUNT, "testing-dns");
        fixture.deploy(&stack, "cdk/1-before", &OLD).await.unwrap();
        fixture.delegates_to(&zone_of(&fixture.aws, stack.physical_id("Zone")));
        Self { fixture, stack }
    }

    fn steps() -> Vec<(&'static str, Step<Self>)> {
        vec![
            ("retain", |it| it.fixture.deploy(&it.stack, "cdk/2-between", &OLD).boxed()),
            ("swap", |it| it.fixture.deploy(&it.stack, "cdk/3-after", &[]).boxed()),
            ("settle", |it| {
                it.fixture.deploy(&it.stack, "cdk/3-after", &[("Trigger", "settled")]).boxed()
            }),
        ]
    }

    async fn end(&self) -> Outcome {
        self.fixture.check_that_a_delete_removes_it(&self.stack).await
    }

    fn fixture(&self) -> &MigrationFixture {
        &self.fixture
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_needed() {
    let harms = check::<FromCdk>().await;
    assert_harm(&harms, "retain", "the live delegation is gone: swap");
    assert_harm(&harms, "swap", "a Delete leaves something behind");
    assert_harm(&harms, "settle", "a Delete leaves something behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_deployment_does_not_change_the_delegation() {
    let it = FromCdk::begin().await;
    let before = it.fixture.parent.record(test_support::NAME, "NS");
    it.fixture.deploy(&it.stack, "cdk/2-between", &OLD).await.unwrap();
    it.fixture.deploy(&it.stack, "cdk/3-after", &[]).await.unwrap();
    assert_eq!(it.fixture.parent.record(test_support::NAME, "NS"), before);
    assert_eq!(it.stack.attribute("Delegate", "Action"), "ADOPTED");
    assert!(
        it.stack
            .events()
            .contains(&"retained DelegateCrossAccountZoneDelegationCustomResource".to_owned())
    );
}

/// The rollback while the delegation is not settled: the second deployment is rolled back, and both
/// tools are as before.
#[tokio::test(flavor = "multi_thread")]
async fn the_swap_can_be_rolled_back() {
    let it = FromCdk::begin().await;
    it.fixture.deploy(&it.stack, "cdk/2-between", &OLD).await.unwrap();
    it.stack.fail_after("Delegate");
    assert!(complete(&it.stack, it.stack.deploy(&template("cdk/3-after"), &[]).await).is_err());
    assert_eq!(it.fixture.check_the_delegation("after the rollback"), Ok(()));
    assert_eq!(it.fixture.claim_count(), 0);
    assert_eq!(it.stack.resources(), ["DelegateCrossAccountZoneDelegationCustomResource", "Zone"]);
}

/// What `docs/migrating.md` says to do if the first deployment was left out.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_change_recreates_what_a_swap_in_one_deployment_removed() {
    let it = FromCdk::begin().await;
    it.fixture.deploy(&it.stack, "cdk/3-after", &[]).await.unwrap();
    assert!(
        it.fixture.delegated_to().is_empty(),
        "the cleanup must have removed the live delegation"
    );
    it.fixture.deploy(&it.stack, "cdk/3-after", &[("Trigger", "again")]).await.unwrap();
    assert_eq!(it.fixture.check_the_delegation("after the next change"), Ok(()));
}

/// A construct that creates a zone of its own creates a second, empty zone of the same name. It is
/// refused, and nothing changes.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_zone_of_the_same_name_is_refused() {
    let it = FromCdk::begin().await;
    it.fixture.deploy(&it.stack, "cdk/2-between", &OLD).await.unwrap();
    let mut other = template("cdk/3-after");
    let zone = other["Resources"]["Zone"].take();
    other["Resources"] =
        serde_json::json!({ "Second": zone, "Delegate": other["Resources"]["Delegate"] });
    other["Resources"]["Delegate"]["Properties"]["ChildZoneId"] =
        serde_json::json!({"Ref": "Second"});
    let outcome = it.stack.deploy(&other, &[]).await;
    let refused = complete(&it.stack, outcome).unwrap_err();
    for server in it.fixture.child().name_servers() {
        assert!(refused.contains(&server), "{refused}");
    }
    assert_eq!(it.fixture.check_the_delegation("after the refusal"), Ok(()));
    assert_eq!(it.fixture.check_it_always_existed(), Ok(()));
}
