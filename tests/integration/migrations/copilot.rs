//! The migration from AWS Copilot. The stack of its environment has the zone and the delegation,
//! and is to be deleted.

use std::sync::Arc;

use futures::FutureExt as _;
use sandbox::TemplateStack;
use test_support::CHILD_ACCOUNT;

use super::{Migration, Outcome, Step, assert_harm, check};
use crate::migrations::fixture::{MigrationFixture, complete};
use crate::migrations::tools::{CopilotHandler, zone_of};

struct FromCopilot {
    fixture: MigrationFixture,
    environment: TemplateStack,
    stack: TemplateStack,
}

const OLD: [(&str, &str); 1] =
    [("OldServiceToken", "arn:aws:lambda:us-east-1:222222222222:function:copilot")];

impl FromCopilot {
    async fn deploy(&self, trigger: &str) -> Outcome {
        let zone = self.fixture.child().id();
        self.fixture
            .deploy(&self.stack, "by-hand/after", &[("ZoneId", &zone), ("Trigger", trigger)])
            .await
    }

    async fn delete_the_environment(&self) -> Outcome {
        complete(&self.environment, self.environment.delete().await)
    }
}

impl Migration for FromCopilot {
    async fn begin() -> Self {
        let fixture = MigrationFixture::new().await;
        fixture.region.register(
            "Custom::DNSDelegationFunction",
            Arc::new(CopilotHandler(fixture.parent.clone())),
        );
        let environment = fixture.region.stack(CHILD_ACCOUNT, "app-testing");
        fixture.deploy(&environment, "copilot/1-before", &OLD).await.unwrap();
        fixture
            .delegates_to(&zone_of(&fixture.aws, environment.physical_id("EnvironmentHostedZone")));
        assert_eq!(fixture.ttl(), Some(60));
        let stack = fixture.region.stack(CHILD_ACCOUNT, "testing-dns");
        Self { fixture, environment, stack }
    }

    fn steps() -> Vec<(&'static str, Step<Self>)> {
        vec![
            ("retain", |it| it.fixture.deploy(&it.environment, "copilot/2-between", &OLD).boxed()),
            ("declare", |it| it.deploy("").boxed()),
            ("settle", |it| it.deploy("settled").boxed()),
            ("delete the environment", |it| it.delete_the_environment().boxed()),
        ]
    }

    async fn end(&self) -> Outcome {
        if !self.fixture.child().exists() {
            return Err("the zone is gone".to_owned());
        }
        if !self.environment.resources().is_empty() {
            return Err(format!("Copilot still has {:?}", self.environment.resources()));
        }
        self.fixture.check_that_a_delete_removes_it(&self.stack).await
    }

    fn fixture(&self) -> &MigrationFixture {
        &self.fixture
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_needed() {
    let harms = check::<FromCopilot>().await;
    // The TTL is no longer 60, so Copilot's Delete does not match.
    assert_harm(&harms, "retain", "Stuck");
    assert_harm(&harms, "declare", "a Delete leaves something behind");
    assert_harm(&harms, "settle", "a Delete leaves something behind");
    assert_harm(&harms, "delete the environment", "Copilot still has");
}

/// While the TTL is the one that Copilot wrote, Copilot's Delete removes any record set.
#[tokio::test(flavor = "multi_thread")]
async fn copilots_delete_removes_an_adopted_delegation() {
    let it = FromCopilot::begin().await;
    it.deploy("").await.unwrap();
    assert_eq!(it.fixture.ttl(), Some(60), "the TTL must stay at adoption");
    it.delete_the_environment().await.unwrap();
    assert!(it.fixture.delegated_to().is_empty());
}

/// The remedy for a deletion that fails: delete the stack again, and retain the resource.
#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_deletion_ends_when_the_resource_is_retained() {
    let it = FromCopilot::begin().await;
    it.deploy("").await.unwrap();
    it.deploy("settled").await.unwrap();
    assert_eq!(it.fixture.ttl(), Some(172_800));
    assert!(it.delete_the_environment().await.is_err());
    let retained = ["DelegateDNSAction", "EnvironmentHostedZone"];
    assert_eq!(complete(&it.environment, it.environment.delete_retaining(&retained).await), Ok(()));
    assert_eq!(it.fixture.check_the_delegation("after the deletion"), Ok(()));
    assert!(it.fixture.child().exists());
}

/// The page's patches must turn each template into the next one.
#[test]
fn the_patches_give_the_next_template() {
    use sandbox::template::Template;
    use serde_json::json;
    let (mut made, between) = (
        crate::migrations::fixture::template("copilot/1-before"),
        crate::migrations::fixture::template("copilot/2-between"),
    );
    let patches = Template::source("examples/migrations/copilot/cfn.patches.yml");
    for patch in patches.as_array().unwrap() {
        assert_eq!(patch["op"], "add");
        let (parent, key) = patch["path"].as_str().unwrap().rsplit_once('/').unwrap();
        made.pointer_mut(parent).unwrap()[key] = patch["value"].clone();
    }
    for id in ["DelegateDNSAction", "EnvironmentHostedZone"] {
        assert_eq!(
            made["Resources"][id]["DeletionPolicy"],
            between["Resources"][id]["DeletionPolicy"]
        );
        assert_eq!(between["Resources"][id]["DeletionPolicy"], json!("Retain"));
    }
}
