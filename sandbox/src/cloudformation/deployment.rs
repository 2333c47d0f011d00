//! The deployment of a whole template, and the deletion of its stack: the order of the resources,
//! references, outputs and exports.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::{TemplateStack, desired};
use crate::deployment::{Deployment, StackOutcome, StackResource, StackResources, delete_all};
use crate::lock::lock;
use crate::template::Template;

impl TemplateStack {
    /// Creates, changes and deletes resources until they are as in the template. After a failure,
    /// everything is rolled back. `parameters` are values of the template's parameters.
    pub fn deploy<'a>(
        &'a self,
        template: &'a Value,
        parameters: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, StackOutcome> {
        self.deploy_unboxed(template, parameters).boxed()
    }

    async fn deploy_unboxed(&self, document: &Value, parameters: &[(&str, &str)]) -> StackOutcome {
        let mut template = self.template(document, parameters);
        let fail_after = lock(&self.state.fail_after).take();
        let mut deployment = Deployment::new(self, &self.state.resources, fail_after);
        let order = template.resources();
        if let Some(id) = changed_type(&template, deployment.before()) {
            return StackOutcome::RolledBack(format!(
                "Update of resource type is not permitted. The new template modifies resource type \
                 of the following resources: [{id}]"
            ));
        }
        for (rank, id) in order.iter().enumerate() {
            match deployment.apply(id, desired::resource(&template, id, rank)).await {
                Ok(physical) => desired::set_references(&mut template, id, &physical),
                Err(reason) => return deployment.roll_back(reason).await,
            }
        }
        if let Some(reason) = self.set_outputs(&template) {
            return deployment.roll_back(reason).await;
        }
        let mut removed = deployment.before().clone();
        removed.retain(|id, _| !order.contains(id));
        deployment.clean_up(last_first(removed)).await;
        StackOutcome::Complete
    }

    /// Sets the outputs and exports, or returns why another stack's import prevents that.
    fn set_outputs(&self, template: &Template) -> Option<String> {
        let mut exports = Vec::new();
        let mut outputs = BTreeMap::new();
        for output in template.outputs() {
            exports.extend(output.export.map(|name| (name, output.value.clone())));
            outputs.insert(output.name, output.value);
        }
        let (account, name) = (&self.state.account, &self.state.name);
        let mut all = lock(&self.region.shared.exports);
        if let Some(reason) = all.in_use(account, name, &exports) {
            return Some(reason);
        }
        all.replace(account, name, exports, template.imports());
        *lock(&self.state.outputs) = outputs;
        None
    }

    /// Deletes the stack. A resource whose deletion fails remains, and with it the stack.
    pub async fn delete(&self) -> StackOutcome {
        self.delete_retaining(&[]).await
    }

    /// Deletes a stack, but not these resources. CloudFormation allows it for resources whose
    /// deletion has failed. Probe: cloudformation/retain.
    pub fn delete_retaining<'a>(&'a self, retained: &'a [&'a str]) -> BoxFuture<'a, StackOutcome> {
        async move {
            let (account, name) = (&self.state.account, &self.state.name);
            if let Some(reason) = lock(&self.region.shared.exports).in_use(account, name, &[]) {
                return StackOutcome::RolledBack(reason);
            }
            let mut resources = last_first(lock(&self.state.resources).clone());
            for (id, resource) in &mut resources {
                resource.retained |= retained.contains(&id.as_str());
            }
            let outcome = delete_all(self, &self.state.resources, resources).await;
            if outcome.is_complete() {
                lock(&self.region.shared.exports).remove(account, name);
                lock(&self.state.outputs).clear();
            }
            outcome
        }
        .boxed()
    }
}

/// The first resource that has another type in the template than in the stack.
fn changed_type(template: &Template, before: &StackResources) -> Option<String> {
    template.resources().into_iter().find(|id| {
        let declared = &template.declared(id)["Type"];
        before.get(id).is_some_and(|old| *declared != json!(old.resource_type))
    })
}

/// The resources in the order of their deletion: each before those that it depends on.
fn last_first(resources: StackResources) -> Vec<(String, StackResource)> {
    let mut resources: Vec<_> = resources.into_iter().collect();
    resources.sort_by_key(|(_, resource)| Reverse(resource.rank));
    resources
}
