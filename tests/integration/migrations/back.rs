//! Migrations away: the delegation continues without the resource, or with the CDK's construct.

use std::sync::Arc;

use futures::FutureExt as _;
use sandbox::TemplateStack;
use serde_json::{Value, json};
use test_support::CHILD_ACCOUNT;

use super::{Migration, Outcome, Step, assert_harm, check};
use crate::migrations::fixture::{MigrationFixture, complete, template};
use crate::migrations::tools::{CdkHandler, zone_of};

struct Back {
    fixture: MigrationFixture,
    stack: TemplateStack,
}

impl Migration for Back {
    async fn begin() -> Self {
        let fixture = MigrationFixture::new().await;
        let stack = fixture.region.stack(CHILD_ACCOUNT, "testing-dns");
        fixture.deploy(&stack, "back/1-before", &[]).await.unwrap();
        fixture.delegates_to(&zone_of(&fixture.aws, stack.physical_id("Zone")));
        Self { fixture, stack }
    }

    fn steps() -> Vec<(&'static str, Step<Self>)> {
        vec![
            ("retain", |it| it.fixture.deploy(&it.stack, "back/2-between", &[]).boxed()),
            ("remove", |it| it.fixture.deploy(&it.stack, "back/3-without", &[]).boxed()),
            ("remove the ownership record", |it| {
                it.fixture.remove_the_ownership_record();
                async { Ok(()) }.boxed()
            }),
        ]
    }

    /// Checks that the record set belongs to nobody: it has no claim, and no stack has a resource
    /// for it.
    async fn end(&self) -> Outcome {
        if self.stack.resources() != ["Zone"] {
            return Err(format!("the stack still has {:?}", self.stack.resources()));
        }
        match self.fixture.claim_count() {
            0 => Ok(()),
            claims => Err(format!("{claims} claims are left behind")),
        }
    }

    fn fixture(&self) -> &MigrationFixture {
        &self.fixture
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_needed() {
    let harms = check::<Back>().await;
    assert_harm(&harms, "retain", "the live delegation is gone: remove");
    assert_harm(&harms, "remove", "the stack still has");
    assert_harm(&harms, "remove the ownership record", "1 claims are left behind");
}

const OLD: [(&str, &str); 1] =
    [("OldServiceToken", "arn:aws:lambda:us-east-1:222222222222:function:cdk")];

/// Returns a template with the CDK's construct for the existing zone.
fn with_the_old_construct() -> Value {
    let mut template = template("cdk/1-before");
    template["Resources"]["Zone"] =
        crate::migrations::fixture::template("back/1-before")["Resources"]["Zone"].clone();
    template
}

/// After the migration, the CDK's construct takes the delegation over: it overwrites any record
/// set, and removes it when it is deleted.
#[tokio::test(flavor = "multi_thread")]
async fn the_cdks_construct_takes_the_delegation_over() {
    let it = Back::begin().await;
    it.fixture.region.register(
        "Custom::CrossAccountZoneDelegation",
        Arc::new(CdkHandler(it.fixture.parent.clone())),
    );
    for (_, step) in Back::steps() {
        step(&it).await.unwrap();
    }
    complete(&it.stack, it.stack.deploy(&with_the_old_construct(), &OLD).await).unwrap();
    assert_eq!(it.fixture.check_the_delegation("with the old construct"), Ok(()));
    assert_eq!(it.fixture.check_it_always_existed(), Ok(()));
    complete(&it.stack, it.stack.delete().await).unwrap();
    assert!(it.fixture.delegated_to().is_empty());
}

/// If one deployment replaces the resource with the construct, the Delete of the resource finds its
/// own delegation, and removes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_swap_in_one_deployment_removes_the_delegation() {
    let it = Back::begin().await;
    it.fixture.region.register(
        "Custom::CrossAccountZoneDelegation",
        Arc::new(CdkHandler(it.fixture.parent.clone())),
    );
    complete(&it.stack, it.stack.deploy(&with_the_old_construct(), &OLD).await).unwrap();
    assert!(it.fixture.delegated_to().is_empty(), "{}", json!(it.stack.events()));
}
