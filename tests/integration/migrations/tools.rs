//! Models of the tools that people migrate from: what each does to the NS record set on Create,
//! Update and Delete. They follow the source of each tool, at the versions that `docs/migrating.md`
//! names.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sandbox::{
    Action, Change, Physical, RecordSet, ResourceAction, ResourceRequest, ResourceType, Sandbox,
    ZoneHandle,
};
use serde_json::{Value, json};

fn answer(result: Result<Physical, String>) -> BoxFuture<'static, Result<Physical, String>> {
    futures::future::ready(result).boxed()
}

fn one(action: Action, record: RecordSet) -> [Change; 1] {
    [Change { action, record }]
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The CDK's `CrossAccountZoneDelegationRecord`: an UPSERT on Create and Update, and on Delete a
/// DELETE of exactly what the properties say. An Update with another name first deletes the record
/// set under the old name.
pub(crate) struct CdkHandler(pub(crate) ZoneHandle);

impl CdkHandler {
    fn change(&self, properties: &Value, action: Action) -> Result<(), String> {
        let text = |name: &str| properties[name].as_str().unwrap_or_default().to_owned();
        let ttl = text("TTL").parse().map_err(|_| "no TTL".to_owned())?;
        let record = RecordSet::new(
            &text("DelegatedZoneName"),
            "NS",
            ttl,
            texts(&properties["DelegatedZoneNameServers"]),
        );
        self.0.change(&one(action, record))
    }

    fn execute(&self, request: &ResourceRequest) -> Result<Physical, String> {
        let new = &request.properties;
        let id = match &request.action {
            ResourceAction::Create => {
                self.change(new, Action::Upsert)?;
                "the id of the request".to_owned()
            }
            ResourceAction::Update(id, old) => {
                if old["DelegatedZoneName"] != new["DelegatedZoneName"] {
                    self.change(old, Action::Delete)?;
                }
                self.change(new, Action::Upsert)?;
                id.clone()
            }
            ResourceAction::Delete(id) => {
                self.change(new, Action::Delete)?;
                id.clone()
            }
        };
        Ok(Physical { id, attributes: json!({}) })
    }
}

impl ResourceType for CdkHandler {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        answer(self.execute(&request))
    }
}

/// Copilot's `Custom::DNSDelegationFunction`: an UPSERT with a TTL of 60 on Create and Update. Its
/// Delete lists the record set, and deletes the values that it finds, no matter who wrote them,
/// with a TTL of 60.
pub(crate) struct CopilotHandler(pub(crate) ZoneHandle);

impl CopilotHandler {
    const TTL: u32 = 60;

    fn execute(&self, request: &ResourceRequest) -> Result<Physical, String> {
        let name = request.properties["SubdomainName"].as_str().unwrap_or_default();
        let id = name.to_owned();
        if let ResourceAction::Delete(_) = request.action {
            if let Some(found) = self.0.record(name, "NS") {
                self.0.change(&one(
                    Action::Delete,
                    RecordSet::new(name, "NS", Self::TTL, found.values),
                ))?;
            }
        } else {
            let servers = texts(&request.properties["NameServers"]);
            self.0.change(&one(Action::Upsert, RecordSet::new(name, "NS", Self::TTL, servers)))?;
        }
        Ok(Physical { id, attributes: json!({}) })
    }
}

impl ResourceType for CopilotHandler {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        answer(self.execute(&request))
    }
}

/// Terraform with `aws_route53_record`, as far as it is relevant here: a state with the instances
/// by their addresses.
pub(crate) struct Terraform {
    zone: ZoneHandle,
    state: Mutex<BTreeMap<String, RecordSet>>,
}

/// The contents of the configuration.
#[derive(Clone, Default)]
pub(crate) struct Configuration {
    /// The instances by address, such as `aws_route53_record.delegation["testing"]`.
    pub(crate) instances: BTreeMap<String, RecordSet>,
    /// The `removed` blocks with `destroy = false`. They name resources without keys, because
    /// Terraform accepts none there.
    pub(crate) removed: Vec<String>,
}

impl Terraform {
    pub(crate) fn new(zone: &ZoneHandle) -> Self {
        Self { zone: zone.clone(), state: Mutex::default() }
    }

    /// `terraform state rm ADDRESS`: removes an instance, or a resource with all of its instances.
    pub(crate) fn forget(&self, address: &str) {
        self.state
            .lock()
            .unwrap()
            .retain(|known, _| known != address && !known.starts_with(&format!("{address}[")));
    }

    /// `terraform apply`: refreshes the state, then creates with CREATE, changes with UPSERT, and
    /// deletes the record set under each name that is no longer configured, no matter who wrote it.
    pub(crate) fn apply(&self, configuration: &Configuration) -> Result<(), String> {
        for resource in &configuration.removed {
            if configuration.instances.keys().any(|address| address.starts_with(resource)) {
                return Err(format!("Removed resource still exists: {resource}"));
            }
            self.forget(resource);
        }
        let mut state = self.state.lock().unwrap();
        state.retain(|_, record| self.zone.record(&record.name, "NS").is_some());
        for (address, wanted) in &configuration.instances {
            let action = if state.contains_key(address) { Action::Upsert } else { Action::Create };
            if self.zone.record(&wanted.name, "NS").as_ref() != Some(wanted)
                || action == Action::Create
            {
                self.zone.change(&one(action, wanted.clone()))?;
            }
            state.insert(address.clone(), wanted.clone());
        }
        let gone: Vec<String> = state
            .keys()
            .filter(|one| !configuration.instances.contains_key(*one))
            .cloned()
            .collect();
        for address in gone {
            let record = state.remove(&address).unwrap();
            if let Some(found) = self.zone.record(&record.name, "NS") {
                self.zone.change(&one(Action::Delete, found))?;
            }
        }
        Ok(())
    }
}

/// The zone as somebody who works by hand in the console sees it.
pub(crate) fn zone_of(aws: &Sandbox, id: Option<String>) -> ZoneHandle {
    aws.zone(&id.unwrap()).unwrap()
}
