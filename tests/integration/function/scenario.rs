//! A scenario: several stack resources at one delegation point, with the properties that each last
//! deployed successfully.
//!
//! A name server is written as a letter: `x` is `ns1.x.net`. A resource is written as
//! `stack/logical id`, or as `stack` if its logical id is `D`. `S1:2` is a later stack with the
//! name `S1`.

use std::collections::BTreeMap;
use std::time::Duration;

use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{Claim, OwnershipRecord, Value as Entry};
use sandbox::RecordSet;
use serde_json::{Value, json};
use test_support::{Answer, Fixture, NAME, RECORD, pass};

/// A physical id as CloudFormation invents it for a Create that has not answered.
pub(super) const INVENTED: &str = "mine-Delegation-1X2Y3Z4ABCDE";

pub(super) struct Scenario {
    pub(super) fixture: Fixture,
    accepted: BTreeMap<String, (String, Value)>,
}

/// The properties of a resource that asks for these name servers.
pub(super) fn wants(letters: &str) -> Value {
    json!({"ChildZoneId": null, "DomainName": NAME, "NameServers": names(letters)})
}

/// The same with `AllowOverwrite`: it takes the delegation over from others.
pub(super) fn takes(letters: &str) -> Value {
    with(&wants(letters), json!({"AllowOverwrite": true}))
}

/// Returns the properties with these changes.
pub(super) fn with(properties: &Value, changes: Value) -> Value {
    let mut properties = properties.clone();
    for (key, value) in changes.as_object().unwrap() {
        properties[key] = value.clone();
    }
    properties
}

pub(super) fn names(letters: &str) -> Vec<String> {
    letters.chars().map(|letter| format!("ns1.{letter}.net")).collect()
}

impl Scenario {
    pub(super) async fn new() -> Self {
        Self { fixture: Fixture::new().await, accepted: BTreeMap::new() }
    }

    /// Makes the next events those of this resource.
    pub(super) fn act_as(&mut self, resource: &str) {
        let (stack, logical_id) = resource.split_once('/').unwrap_or((resource, "D"));
        let (stack, unique) = stack.split_once(':').unwrap_or((stack, "1"));
        self.fixture.stack = format!(
            "arn:aws:cloudformation:us-east-1:222222222222:stack/{stack}/51af3dc0-{unique}"
        );
        self.fixture.logical_id = logical_id.into();
    }

    fn remember(&mut self, resource: &str, intent: &Value, answer: &Answer) {
        if answer.0["Status"] == "SUCCESS" {
            self.accepted.insert(resource.to_owned(), (answer.id().to_owned(), intent.clone()));
        }
    }

    fn last(&self, resource: &str) -> (String, Value) {
        self.accepted.get(resource).cloned().unwrap_or_else(|| panic!("{resource} was not created"))
    }

    pub(super) async fn create(&mut self, resource: &str, intent: Value) -> Answer {
        self.act_as(resource);
        let answer = self.fixture.create(intent.clone()).await;
        self.remember(resource, &intent, &answer);
        answer
    }

    pub(super) async fn update(&mut self, resource: &str, intent: Value) -> Answer {
        let (_, old) = self.last(resource);
        self.update_from(resource, old, intent).await
    }

    /// Sends the rollback of an Update to `failed`: an Update back to what last succeeded.
    pub(super) async fn roll_back(&mut self, resource: &str, failed: Value) -> Answer {
        let (_, intent) = self.last(resource);
        self.update_from(resource, failed, intent).await
    }

    pub(super) async fn update_from(&mut self, resource: &str, old: Value, new: Value) -> Answer {
        self.act_as(resource);
        let (id, _) = self.last(resource);
        let answer = self.fixture.update(&id, old, new.clone()).await;
        self.remember(resource, &new, &answer);
        answer
    }

    /// Deletes the resource. The scenario still knows it, so it can be deleted again.
    pub(super) async fn delete(&mut self, resource: &str) -> Answer {
        self.act_as(resource);
        let (id, intent) = self.last(resource);
        self.fixture.delete(&id, intent).await
    }

    /// Sends the Delete that follows a cancelled Create, with an invented id.
    pub(super) async fn delete_invented(&mut self, resource: &str, intent: Value) -> Answer {
        self.act_as(resource);
        self.fixture.delete(INVENTED, intent).await
    }

    /// Returns the event of an Update without delivering it.
    pub(super) fn update_event(&mut self, resource: &str, old: &Value, new: &Value) -> Value {
        self.act_as(resource);
        let (id, _) = self.last(resource);
        let fields = json!({"PhysicalResourceId": id,
            "ResourceProperties": self.fixture.properties(new.clone()),
            "OldResourceProperties": self.fixture.properties(old.clone())});
        self.fixture.event("Update", fields)
    }

    pub(super) fn create_event(&mut self, resource: &str, intent: &Value) -> Value {
        self.act_as(resource);
        self.fixture
            .event("Create", json!({"ResourceProperties": self.fixture.properties(intent.clone())}))
    }

    pub(super) fn edit_by_hand(&self, letters: &str, ttl: u32) {
        self.fixture.parent.put(RecordSet::new(NAME, "NS", ttl, names(letters)));
    }

    pub(super) async fn days(&mut self, days: u64) {
        self.hours(24 * days).await;
    }

    /// Lets time pass, and restarts the function, because its credentials have expired.
    pub(super) async fn hours(&mut self, hours: u64) {
        pass(Duration::from_hours(hours)).await;
        self.fixture.restart(|_| {}).await;
    }

    /// Returns the letters of the current name servers; empty if there are none.
    pub(super) fn current(&self) -> String {
        let names = self.fixture.delegated_to();
        names.iter().map(|name| name.trim_start_matches("ns1.").trim_end_matches(".net")).collect()
    }

    pub(super) fn ttl(&self) -> u32 {
        self.fixture.parent.record(NAME, "NS").unwrap().ttl.unwrap()
    }

    pub(super) fn record(&self) -> OwnershipRecord {
        OwnershipRecord::parse(&self.fixture.claims())
    }

    /// Returns the resources that have a claim, sorted and joined by spaces.
    pub(super) fn claimed_by(&self) -> String {
        let mut owners: Vec<String> =
            self.record().claims().map(|claim| claim.owner.to_string()).collect();
        owners.sort();
        owners.join(" ").replace("/D", "")
    }

    #[track_caller]
    pub(super) fn claim(&self, resource: &str) -> Claim {
        let owner =
            if resource.contains('/') { resource.to_owned() } else { format!("{resource}/D") };
        let record = self.record();
        let claim = record.claims().find(|claim| claim.owner.to_string() == owner).cloned();
        claim.unwrap_or_else(|| panic!("{owner} has no claim"))
    }

    pub(super) fn tombstones(&self) -> usize {
        self.record().iter().filter(|value| matches!(value, Entry::Tombstone(_))).count()
    }

    /// Returns whether the current name servers have no origin: they are settled.
    pub(super) fn is_settled(&self) -> bool {
        let servers = NameServers::from_values(&self.fixture.delegated_to()).unwrap();
        self.record()
            .origin(delegation_model::digest::Digest::from_name_servers(&servers))
            .is_none()
    }

    /// Returns the record sets of the delegation point: NS, DS and the ownership record.
    pub(super) fn snapshot(&self) -> Vec<Option<RecordSet>> {
        let parent = &self.fixture.parent;
        vec![parent.record(NAME, "NS"), parent.record(NAME, "DS"), parent.record(RECORD, "TXT")]
    }

    #[track_caller]
    pub(super) fn assert_empty(&self) {
        assert_eq!(self.snapshot(), [None, None, None]);
    }
}
