//! `AWS::Route53::RecordSet` and `AWS::Route53::RecordSetGroup` (Template Reference).

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::aws::Sandbox;
use crate::cloudformation::{Physical, ResourceAction, ResourceRequest, ResourceType};
use crate::route53::{self, Change, RecordSet};

/// Record sets. A Create fails if they exist. An Update overwrites whatever exists with the record
/// sets of the template, and a Delete deletes exactly these.
pub(super) struct RecordSets(pub(super) Sandbox);

impl RecordSets {
    fn carry_out(&self, request: &ResourceRequest) -> Result<Physical, String> {
        let properties = &request.properties;
        let new = record_sets(properties);
        let changes = match &request.action {
            ResourceAction::Create => {
                new.iter().map(|set| change(route53::Action::Create, set)).collect()
            }
            ResourceAction::Update(_, old) => {
                let gone = record_sets(old)
                    .into_iter()
                    .filter(|set| !new.iter().any(|one| same_key(one, set)));
                let gone: Vec<Change> =
                    gone.map(|set| change(route53::Action::Delete, &set)).collect();
                new.iter().map(|set| change(route53::Action::Upsert, set)).chain(gone).collect()
            }
            ResourceAction::Delete(_) => {
                new.iter().map(|set| change(route53::Action::Delete, set)).collect::<Vec<_>>()
            }
        };
        let id = properties["HostedZoneId"]
            .as_str()
            .or(properties["RecordSets"][0]["HostedZoneId"].as_str());
        let id = id.unwrap_or_default();
        let zone = self.0.zone(id).ok_or_else(|| format!("No hosted zone found with ID: {id}"))?;
        zone.change(&changes)?;
        let name = new.first().map(|set| set.name.clone()).unwrap_or_default();
        Ok(Physical { id: name, attributes: json!({}) })
    }
}

impl ResourceType for RecordSets {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        futures::future::ready(self.carry_out(&request)).boxed()
    }
}

fn change(action: route53::Action, record: &RecordSet) -> Change {
    Change { action, record: record.clone() }
}

fn same_key(one: &RecordSet, other: &RecordSet) -> bool {
    (&one.name, &one.rtype, &one.set_identifier)
        == (&other.name, &other.rtype, &other.set_identifier)
}

/// The record sets of a resource of either type.
fn record_sets(properties: &Value) -> Vec<RecordSet> {
    let sets =
        properties["RecordSets"].as_array().cloned().unwrap_or_else(|| vec![properties.clone()]);
    sets.iter()
        .map(|set| {
            let text = |name: &str| set[name].as_str().unwrap_or_default().to_owned();
            let ttl = set["TTL"].as_u64().or_else(|| text("TTL").parse().ok()).unwrap_or_default();
            let values = set["ResourceRecords"].as_array().cloned().unwrap_or_default();
            let values =
                values.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
            RecordSet::new(
                &text("Name"),
                &text("Type"),
                u32::try_from(ttl).unwrap_or(u32::MAX),
                values,
            )
        })
        .collect()
}
