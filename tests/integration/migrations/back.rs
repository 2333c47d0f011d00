//! Back again: the delegation goes on without the resource, and to the CDK's construct.

use std::sync::Arc;

use futures::FutureExt as _;
use sandbox::TemplateStack;
use serde_json::{Value, json};

use super::{Migration, Played, Step, assert_harm, check};
use crate::migrations::fixture::{ACCOUNT, Fixture, complete, template};
use crate::migrations::tools::{CdkHandler, zone_of};

struct Back {
    fixture: Fixture,
    stack: TemplateStack,
}

impl Migration for Back {
    async fn begin() -> Self {
        let fixture = Fixture::new().await;
        let stack = fixture.region.stack(ACCOUNT, "testing-dns");
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

    /// The record set is anybody's: nobody claims it, and CloudFormation knows nothing of it.
    async fn end(&self) -> Played {
        if self.stack.resources() != ["Zone"] {
            return Err(format!("the stack still has {:?}", self.stack.resources()));
        }
        match self.fixture.claims() {
            0 => Ok(()),
            claims => Err(format!("{claims} claims are left behind")),
        }
    }

    fn fixture(&self) -> &Fixture {
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

/// The construct of the CDK for the zone that is there.
fn with_the_old_construct() -> Value {
    let mut template = template("cdk/1-before");
    template["Resources"]["Zone"] =
        crate::migrations::fixture::template("back/1-before")["Resources"]["Zone"].clone();
    template
}

/// From there the construct of the CDK takes it, which overwrites whatever stands, and removes it
/// in the end.
#[tokio::test(flavor = "multi_thread")]
async fn to_the_construct_of_the_cdk() {
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
    assert_eq!(it.fixture.check_it_always_stood(), Ok(()));
    complete(&it.stack, it.stack.delete().await).unwrap();
    assert!(it.fixture.delegated_to().is_empty());
}

/// Both at once in one deployment: the Delete of the resource finds what it wrote, and removes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_swap_at_once_takes_the_delegation_along() {
    let it = Back::begin().await;
    it.fixture.region.register(
        "Custom::CrossAccountZoneDelegation",
        Arc::new(CdkHandler(it.fixture.parent.clone())),
    );
    complete(&it.stack, it.stack.deploy(&with_the_old_construct(), &OLD).await).unwrap();
    assert!(it.fixture.delegated_to().is_empty(), "{}", json!(it.stack.events()));
}
