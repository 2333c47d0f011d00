//! The migration from `AWS::Route53::RecordSet` and `AWS::Route53::RecordSetGroup` in a stack of
//! the parent account.

use futures::FutureExt as _;
use sandbox::TemplateStack;

use super::{Migration, Outcome, Step, assert_harm, check};
use test_support::{CHILD_ACCOUNT, NAME, PARENT_ACCOUNT};

use crate::migrations::fixture::{MigrationFixture, complete};

struct FromRecordSets<const GROUP: bool> {
    fixture: MigrationFixture,
    old: TemplateStack,
    stack: TemplateStack,
}

type FromRecordSet = FromRecordSets<false>;
type FromGroup = FromRecordSets<true>;

impl<const GROUP: bool> FromRecordSets<GROUP> {
    const LOGICAL_ID: &str = if GROUP { "Records" } else { "TestingNs" };

    async fn deploy_old(&self, file: &str) -> Outcome {
        let folder = if GROUP { "record-set-group" } else { "record-set" };
        let servers = self.fixture.servers();
        let (zone, servers) =
            (("ParentZoneId", "Z0PARENTEXAMPLE"), ("NameServers", servers.as_str()));
        let parameters = if file == "3-without" { vec![zone] } else { vec![zone, servers] };
        self.fixture.deploy(&self.old, &format!("{folder}/{file}"), &parameters).await
    }

    async fn deploy(&self, trigger: &str) -> Outcome {
        let zone = self.fixture.child().id();
        self.fixture
            .deploy(&self.stack, "by-hand/after", &[("ZoneId", &zone), ("Trigger", trigger)])
            .await
    }
}

impl<const GROUP: bool> Migration for FromRecordSets<GROUP> {
    async fn begin() -> Self {
        let fixture = MigrationFixture::new().await;
        fixture.delegates_to(&fixture.child_account.hosted_zone(NAME));
        let old = fixture.region.stack(PARENT_ACCOUNT, "parent-dns");
        let stack = fixture.region.stack(CHILD_ACCOUNT, "testing-dns");
        let it = Self { fixture, old, stack };
        it.deploy_old("1-before").await.unwrap();
        it
    }

    fn steps() -> Vec<(&'static str, Step<Self>)> {
        vec![
            ("retain", |it| it.deploy_old("2-between").boxed()),
            ("remove", |it| it.deploy_old("3-without").boxed()),
            ("declare", |it| it.deploy("").boxed()),
            ("settle", |it| it.deploy("settled").boxed()),
        ]
    }

    async fn end(&self) -> Outcome {
        if self.old.resources().iter().any(|id| id == Self::LOGICAL_ID) {
            return Err(format!("the old stack still has {}", Self::LOGICAL_ID));
        }
        if self.fixture.parent.record("www.example.com", "A").is_none() {
            return Err("another record of the parent zone is gone".to_owned());
        }
        complete(&self.old, self.old.delete().await)?;
        self.fixture.check_the_delegation("after the old stack was deleted")?;
        self.fixture.check_that_a_delete_removes_it(&self.stack).await
    }

    fn fixture(&self) -> &MigrationFixture {
        &self.fixture
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_from_a_record_set_is_needed() {
    let harms = check::<FromRecordSet>().await;
    assert_harm(&harms, "retain", "the live delegation is gone: remove");
    assert_harm(&harms, "remove", "the old stack still has TestingNs");
    assert_harm(&harms, "declare", "a Delete leaves something behind");
    assert_harm(&harms, "settle", "a Delete leaves something behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_from_a_group_is_needed() {
    let harms = check::<FromGroup>().await;
    assert_harm(&harms, "retain", "the live delegation is gone: remove");
    assert_harm(&harms, "remove", "the old stack still has Records");
}

/// Removing the record set from the group in the template deletes it from the zone.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_deletes_a_record_set_that_is_removed_from_it() {
    let it = FromGroup::begin().await;
    let mut without = crate::migrations::fixture::template("record-set-group/2-between");
    without["Resources"]["Records"]["Properties"]["RecordSets"].as_array_mut().unwrap().remove(0);
    let servers = it.fixture.servers();
    let parameters = [("ParentZoneId", "Z0PARENTEXAMPLE"), ("NameServers", servers.as_str())];
    complete(&it.old, it.old.deploy(&without, &parameters).await).unwrap();
    assert!(it.fixture.delegated_to().is_empty());
}
