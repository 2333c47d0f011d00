//! A stack of a template: its resources, outputs and events.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::CloudFormation;
use crate::deployment::StackResources;
use crate::handles::Role;
use crate::lock::lock;
use crate::stack::Stack;

/// A stack, with the resources of the template that was deployed last.
#[derive(Clone)]
pub struct TemplateStack {
    pub(super) region: CloudFormation,
    pub(super) state: Arc<State>,
    pub(super) deployer: Option<Role>,
}

pub(super) struct State {
    pub(super) account: String,
    pub(super) name: String,
    /// Sends the requests of the custom resources.
    pub(super) custom: Stack,
    pub(super) resources: Mutex<StackResources>,
    pub(super) outputs: Mutex<BTreeMap<String, Value>>,
    pub(super) events: Mutex<Vec<String>>,
    pub(super) fail_after: Mutex<Option<String>>,
}

impl fmt::Debug for TemplateStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateStack").field("name", &self.state.name).finish_non_exhaustive()
    }
}

impl TemplateStack {
    pub(super) fn new(region: &CloudFormation, account: &str, name: &str) -> Self {
        let functions = Arc::new(region.shared.functions.clone());
        let custom =
            Stack::in_region(&region.shared.region, name, account, &region.bucket, functions);
        let state = State {
            account: account.to_owned(),
            name: name.to_owned(),
            custom,
            resources: Mutex::default(),
            outputs: Mutex::default(),
            events: Mutex::default(),
            fail_after: Mutex::default(),
        };
        Self { region: region.clone(), state: Arc::new(state), deployer: None }
    }

    /// The same stack, deployed by a role: its requests have the permissions of the role, if
    /// [`CloudFormation::check_permissions`] checks them.
    #[must_use = "the stack itself keeps its deployer"]
    pub fn deployed_by(&self, role: &Role) -> Self {
        Self { deployer: Some(role.clone()), ..self.clone() }
    }

    /// Fails the next deployment after this resource, as if another resource had failed.
    pub fn fail_after(&self, logical_id: &str) {
        *lock(&self.state.fail_after) = Some(logical_id.to_owned());
    }

    pub fn stack_id(&self) -> &str {
        self.state.custom.stack_id()
    }

    /// The events so far, in one line each: `Create Zone`, `Delete Delegation failed: …`,
    /// `retained Zone`.
    pub fn events(&self) -> Vec<String> {
        lock(&self.state.events).clone()
    }

    pub fn resources(&self) -> Vec<String> {
        lock(&self.state.resources).keys().cloned().collect()
    }

    /// The value of `Ref` of a resource.
    pub fn physical_id(&self, logical_id: &str) -> Option<String> {
        lock(&self.state.resources).get(logical_id).map(|one| one.physical.id.clone())
    }

    /// The value of `GetAtt` of a resource; null if there is none.
    pub fn attribute(&self, logical_id: &str, name: &str) -> Value {
        lock(&self.state.resources)
            .get(logical_id)
            .map(|one| one.physical.attributes[name].clone())
            .unwrap_or_default()
    }

    pub fn outputs(&self) -> BTreeMap<String, Value> {
        lock(&self.state.outputs).clone()
    }

    /// The logical id of the only resource of a type.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one.
    pub fn only(&self, resource_type: &str) -> String {
        let resources = lock(&self.state.resources);
        let ids: Vec<&String> = resources
            .iter()
            .filter(|(_, one)| one.resource_type == resource_type)
            .map(|(id, _)| id)
            .collect();
        match ids.as_slice() {
            [id] => (*id).clone(),
            ids => {
                panic!("{}: {} resources of the type {resource_type}", self.state.name, ids.len())
            }
        }
    }

    pub(super) fn note(&self, event: String) {
        lock(&self.state.events).push(event);
    }
}
