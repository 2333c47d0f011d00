//! A stack with the zone, its keys, the signing and the delegation: the template of
//! `docs/custom-delegation.md`, "The sequences".
//!
//! Route 53 looks up the DS record set before it ends signing (API Reference,
//! `DisableHostedZoneDNSSEC`), so the order and the waits of a Delete matter. Whether the lookup
//! uses a cache is not documented; both are tested.

use std::sync::Arc;
use std::time::Duration;

use sandbox::template::Template;
use sandbox::{CloudFormation, DnsFault, Function, StackOutcome, SyncRule, TemplateStack};
use serde_json::{Value, json};
use test_support::{EXTERNAL_ID, NAME};

use crate::lambda::fixture::RuntimeFixture;

const TOKEN: &str = "arn:aws:lambda:us-east-1:222222222222:function:delegation";

struct Signed {
    fixture: RuntimeFixture,
    stack: TemplateStack,
}

impl Signed {
    async fn new() -> Self {
        let fixture = RuntimeFixture::new().await;
        fixture.aws.sync_after(SyncRule::Immediately);
        // The stack creates its own zone.
        fixture.child.delete();
        let region = CloudFormation::new(&fixture.aws, &fixture.bucket, None, &[]);
        region.register_function(TOKEN, Arc::clone(&fixture.function) as Arc<dyn Function>);
        region.register_signing(&fixture.dns);
        region.export("222222222222", "route53-delegation-ServiceToken", TOKEN);
        let stack = region.stack("222222222222", "signed");
        Self { fixture, stack }
    }

    /// Returns the template of the page, for the accounts of this test.
    fn template(&self, changes: Value) -> Value {
        let page = std::fs::read_to_string("docs/custom-delegation.md").unwrap();
        let section = page.split("\n### The sequences\n").nth(1).unwrap();
        let text = section.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
        let mut template = Template::parsed("docs/custom-delegation.md", text);
        let properties = &mut template["Resources"]["Delegation"]["Properties"];
        properties["ParentRoleArn"] = json!(self.fixture.parent_role.arn());
        properties["ParentExternalId"] = json!(EXTERNAL_ID);
        properties["Verification"] = json!("NONE");
        for (key, value) in changes.as_object().unwrap() {
            properties[key] = value.clone();
        }
        template
    }

    async fn deploy(&self, changes: Value) {
        // The dates in response URLs have a resolution of a second.
        self.fixture.bucket.clock().advance(Duration::from_secs(2));
        let done = self
            .stack
            .deploy(
                &self.template(changes),
                &[("KmsKeyArn", "arn:aws:kms:us-east-1:222222222222:key/1")],
            )
            .await;
        assert_eq!(done, StackOutcome::Complete, "{:?}", self.stack.events());
    }

    async fn delete(&self) -> StackOutcome {
        self.fixture.bucket.clock().advance(Duration::from_secs(2));
        self.stack.delete().await
    }

    fn deleted(&self) -> Vec<String> {
        self.stack.events().into_iter().filter(|event| event.starts_with("Delete")).collect()
    }
}

#[track_caller]
fn stuck(outcome: &StackOutcome, words: &str) {
    assert!(
        matches!(outcome, StackOutcome::Stuck(reason) if reason.contains(words)),
        "{outcome:?}"
    );
}

/// The Delete of the delegation waits until no name server has the DS record set anymore.
#[tokio::test]
async fn a_stack_with_zone_keys_signing_and_delegation_is_deleted() {
    let it = Signed::new().await;
    it.deploy(json!({})).await;
    assert!(it.fixture.parent.record(NAME, "DS").is_some());
    it.fixture.aws.sync_after(SyncRule::Polls(1));
    assert_eq!(it.delete().await, StackOutcome::Complete);
    assert_eq!(
        it.deleted(),
        ["Delete Delegation", "Delete Signing", "Delete KeyOne", "Delete Zone"]
    );
    it.fixture.assert_as_before();
}

/// Without that wait, Route 53 still finds the DS record set. A second Delete succeeds.
#[tokio::test]
async fn without_waiting_for_insync_signing_cannot_end() {
    let it = Signed::new().await;
    it.deploy(json!({"WaitForSync": false})).await;
    it.fixture.aws.sync_after(SyncRule::Never);
    stuck(&it.delete().await, "KeySigningKeyInParentDSRecord");
    it.fixture.aws.sync_after(SyncRule::Immediately);
    assert_eq!(it.delete().await, StackOutcome::Complete);
}

/// If the lookup uses a cache, the cache has the DS record set for its TTL. The first Delete fails,
/// and a Delete after that time succeeds.
#[tokio::test]
async fn a_cached_lookup_prevents_the_end_of_signing_for_the_ttl_of_the_ds() {
    let it = Signed::new().await;
    it.deploy(json!({"DsTTL": 600})).await;
    it.fixture.dns.share_cache();
    let zone = it.fixture.aws.zone(&it.stack.physical_id("Zone").unwrap()).unwrap();
    assert!(
        it.fixture.dns.disable_signing(&zone).is_err(),
        "the DS record set must be in the cache"
    );
    stuck(&it.delete().await, "KeySigningKeyInParentDSRecord");
    assert_eq!(
        it.fixture.parent.record(NAME, "NS"),
        None,
        "the delegation must be deleted while the zone is still signed"
    );
    it.fixture.aws.clock().advance(Duration::from_mins(10));
    assert_eq!(it.delete().await, StackOutcome::Complete);
    it.fixture.assert_as_before();
}

/// The sequence "A signed delegation is deleted" of the page: it works with any cache.
#[tokio::test]
async fn after_the_ttl_of_the_ds_a_cache_prevents_nothing() {
    let it = Signed::new().await;
    it.deploy(json!({"DsTTL": 600})).await;
    it.fixture.dns.share_cache();
    let zone = it.fixture.aws.zone(&it.stack.physical_id("Zone").unwrap()).unwrap();
    assert!(
        it.fixture.dns.disable_signing(&zone).is_err(),
        "the DS record set must be in the cache"
    );
    it.deploy(json!({"DsTTL": 600, "Dnssec": false})).await;
    it.fixture.aws.clock().advance(Duration::from_mins(10));
    assert_eq!(it.delete().await, StackOutcome::Complete);
}

#[tokio::test]
async fn a_failing_lookup_prevents_the_end_of_signing() {
    let it = Signed::new().await;
    it.deploy(json!({})).await;
    for server in it.fixture.parent.name_servers() {
        it.fixture.dns.fault(&server, DnsFault::ServFail);
    }
    stuck(&it.delete().await, "Due to DNS lookup failure");
    it.fixture.dns.heal_all();
    assert_eq!(it.delete().await, StackOutcome::Complete);
}
