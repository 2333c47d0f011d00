//! The migration of a record set that was created by hand. No tool has to let go of it.

use futures::FutureExt as _;
use sandbox::{RecordSet, TemplateStack};

use super::{Migration, Outcome, Step, assert_harm, check};
use test_support::{CHILD_ACCOUNT, NAME};

use crate::migrations::fixture::{MigrationFixture, complete, template};

struct FromHand {
    fixture: MigrationFixture,
    stack: TemplateStack,
}

impl FromHand {
    async fn deploy(&self, trigger: &str) -> Outcome {
        let zone = self.fixture.child().id();
        self.fixture
            .deploy(&self.stack, "by-hand/after", &[("ZoneId", &zone), ("Trigger", trigger)])
            .await
    }
}

impl Migration for FromHand {
    async fn begin() -> Self {
        let fixture = MigrationFixture::with_delegation(300).await;
        let stack = fixture.region.stack(CHILD_ACCOUNT, "testing-dns");
        Self { fixture, stack }
    }

    fn steps() -> Vec<(&'static str, Step<Self>)> {
        vec![("declare", |it| it.deploy("").boxed()), ("settle", |it| it.deploy("settled").boxed())]
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
    let harms = check::<FromHand>().await;
    assert_harm(&harms, "declare", "a Delete leaves something behind");
    assert_harm(&harms, "settle", "a Delete leaves something behind");
}

/// A careful person sets a short TTL before a migration. It is kept until the delegation is
/// settled, so that a rollback takes effect quickly.
#[tokio::test(flavor = "multi_thread")]
async fn the_ttl_stays_until_it_is_settled() {
    let it = FromHand::begin().await;
    it.deploy("").await.unwrap();
    assert_eq!(
        (it.fixture.ttl(), it.stack.attribute("Delegation", "Action")),
        (Some(300), "ADOPTED".into())
    );
    let warning = it.stack.attribute("Delegation", "Warning").to_string();
    assert!(
        warning.contains("172800"),
        "the warning must name the TTL of the next Update: {warning}"
    );
    it.deploy("settled").await.unwrap();
    assert_eq!(it.fixture.ttl(), Some(172_800));
}

/// Deleting the stack before the delegation is settled leaves the delegation in place.
#[tokio::test(flavor = "multi_thread")]
async fn a_trial_leaves_the_delegation_as_it_was() {
    let it = FromHand::begin().await;
    it.deploy("").await.unwrap();
    assert_eq!(it.fixture.claim_count(), 1);
    complete(&it.stack, it.stack.delete().await).unwrap();
    assert_eq!(it.fixture.check_the_delegation("after the trial"), Ok(()));
    assert_eq!(it.fixture.claim_count(), 0);
}

/// Name servers other than the zone's are refused; the message names both, and nothing is changed.
#[tokio::test(flavor = "multi_thread")]
async fn other_name_servers_are_refused() {
    let it = FromHand::begin().await;
    it.fixture.parent.put(RecordSet::new(NAME, "NS", 300, ["ns1.example.net", "ns2.example.net"]));
    let zone = it.fixture.child().id();
    let parameters = [("ZoneId", zone.as_str())];
    let before = it.fixture.parent.records();
    let refused =
        complete(&it.stack, it.stack.deploy(&template("by-hand/after"), &parameters).await)
            .unwrap_err();
    for server in it.fixture.child().name_servers().iter().chain(&["ns1.example.net".to_owned()]) {
        assert!(refused.contains(server.as_str()), "{refused}");
    }
    assert_eq!(it.fixture.parent.records(), before);
}
