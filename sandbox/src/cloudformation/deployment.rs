//! The deployment of a template, its rollback, and the deletion of a stack.
//!
//! The rollback is that of `stack::deployment`, with what a whole template adds: the order of the
//! resources, references, deletion policies, and resources that do not change.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::desired;
use super::stack::StackResource;
use super::{Action, Physical, TemplateStack};
use crate::core::lock;
use crate::stack::Outcome;
use crate::template::Template;

/// What a deployment has done so far.
#[derive(Default)]
struct Progress {
    /// A rollback undoes them, the last one first.
    steps: Vec<Step>,
    /// The resources that were replaced, as they were. The cleanup deletes them.
    replaced: Vec<(String, StackResource)>,
}

enum Step {
    Created { id: String, new: StackResource },
    Updated { id: String, old: StackResource, new: StackResource },
}

impl TemplateStack {
    /// Creates, changes and deletes resources until they are as in the template. After a failure,
    /// everything is rolled back. `parameters` are values of the template's parameters.
    pub fn deploy<'a>(
        &'a self,
        template: &'a Value,
        parameters: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, Outcome> {
        self.deploy_unboxed(template, parameters).boxed()
    }

    async fn deploy_unboxed(&self, document: &Value, parameters: &[(&str, &str)]) -> Outcome {
        let mut template = self.template(document, parameters);
        let before = lock(&self.state.resources).clone();
        let order = template.resources();
        if let Some(id) = changed_type(&template, &before) {
            return Outcome::RolledBack(format!(
                "Update of resource type is not permitted. The new template modifies resource type \
                 of the following resources: [{id}]"
            ));
        }
        let mut progress = Progress::default();
        for (rank, id) in order.iter().enumerate() {
            let new = desired::resource(&template, id, rank);
            let done = self.create_or_update(id, before.get(id), new, &mut progress).await;
            let failed = lock(&self.state.fail_after)
                .take_if(|name| name == id)
                .map(|_| "another resource failed".to_owned());
            match done.and_then(|physical| failed.map_or(Ok(physical), Err)) {
                Ok(physical) => desired::set_references(&mut template, id, &physical),
                Err(reason) => return self.roll_back(progress.steps, reason).await,
            }
        }
        self.clean_up(progress.replaced, before, &order).await;
        self.set_outputs(&template);
        Outcome::Complete
    }

    /// Deletes what was replaced, and what the template no longer has. Failures don't undo the
    /// update: such a resource is no longer part of the stack.
    async fn clean_up(
        &self,
        replaced: Vec<(String, StackResource)>,
        before: BTreeMap<String, StackResource>,
        order: &[String],
    ) {
        for (id, old) in replaced {
            let _ = self.remove(&id, &old).await;
        }
        for (id, old) in last_first(before.into_iter().filter(|(id, _)| !order.contains(id))) {
            lock(&self.state.resources).remove(&id);
            if old.retained {
                self.note(format!("retained {id}"));
            } else {
                let _ = self.remove(&id, &old).await;
            }
        }
    }

    /// Sets the outputs and exports. An export that the template no longer has is removed without a
    /// check whether another stack imports it.
    fn set_outputs(&self, template: &Template) {
        let mut exports = Vec::new();
        let mut outputs = BTreeMap::new();
        for output in template.outputs() {
            exports.extend(output.export.map(|name| (name, output.value.clone())));
            outputs.insert(output.name, output.value);
        }
        let (account, name) = (&self.state.account, &self.state.name);
        lock(&self.region.shared.exports).replace(account, name, exports, template.imports());
        *lock(&self.state.outputs) = outputs;
    }

    /// Deletes the stack. A resource whose deletion fails remains, and with it the stack.
    pub async fn delete(&self) -> Outcome {
        self.delete_retaining(&[]).await
    }

    /// Deletes a stack, but not these resources. CloudFormation allows it for resources whose
    /// deletion has failed. Probe: cloudformation/retain.
    pub fn delete_retaining<'a>(&'a self, retained: &'a [&'a str]) -> BoxFuture<'a, Outcome> {
        async move {
            let (account, name) = (&self.state.account, &self.state.name);
            if let Some(in_use) = lock(&self.region.shared.exports).in_use(account, name) {
                return Outcome::RolledBack(format!(
                    "Cannot delete export {} as it is in use by {}",
                    in_use.export, in_use.importer
                ));
            }
            let resources = lock(&self.state.resources).clone();
            for (id, old) in last_first(resources) {
                if old.retained || retained.contains(&id.as_str()) {
                    self.note(format!("retained {id}"));
                } else if let Err(reason) = self.remove(&id, &old).await {
                    return Outcome::Stuck(reason);
                }
                lock(&self.state.resources).remove(&id);
            }
            lock(&self.region.shared.exports).remove(account, name);
            lock(&self.state.outputs).clear();
            Outcome::Complete
        }
        .boxed()
    }

    /// Creates a resource, or updates it if its properties have changed. The error is the reason of
    /// the failure.
    async fn create_or_update(
        &self,
        id: &str,
        old: Option<&StackResource>,
        mut new: StackResource,
        progress: &mut Progress,
    ) -> Result<Physical, String> {
        let action = match old {
            Some(old) if old.properties == new.properties => {
                new.physical = old.physical.clone();
                return Ok(self.succeeded(id, Some(old), new, progress));
            }
            Some(old) => Action::Update(old.physical.id.clone(), old.properties.clone()),
            None => Action::Create,
        };
        match self.request(id, &new, action).await {
            Ok(physical) => {
                new.physical = physical;
                if let Some(old) = old.filter(|old| old.physical.id != new.physical.id) {
                    progress.replaced.push((id.to_owned(), old.clone()));
                }
                Ok(self.succeeded(id, old, new, progress))
            }
            Err(failed) => {
                // A Create that failed is also followed by a Delete, with the physical id of its
                // response, or with one that CloudFormation invents.
                let physical_id = match old {
                    Some(old) => old.physical.id.clone(),
                    None => failed.physical_id.unwrap_or_else(|| self.state.custom.invented_id(id)),
                };
                new.physical = Physical { id: physical_id, attributes: json!({}) };
                progress.steps.push(step(id, old, new));
                Err(failed.reason)
            }
        }
    }

    fn succeeded(
        &self,
        id: &str,
        old: Option<&StackResource>,
        new: StackResource,
        progress: &mut Progress,
    ) -> Physical {
        lock(&self.state.resources).insert(id.to_owned(), new.clone());
        let physical = new.physical.clone();
        progress.steps.push(step(id, old, new));
        physical
    }

    /// Undoes the steps: first the updates, including the one that failed, then the creations.
    async fn roll_back(&self, steps: Vec<Step>, reason: String) -> Outcome {
        let mut superfluous = Vec::new();
        for step in steps.into_iter().rev() {
            match step {
                Step::Created { id, new } => {
                    lock(&self.state.resources).remove(&id);
                    superfluous.push((id, new));
                }
                Step::Updated { id, old, new } if old.properties == new.properties => {
                    lock(&self.state.resources).insert(id, old);
                }
                Step::Updated { id, old, new } => {
                    let action = Action::Update(new.physical.id.clone(), new.properties.clone());
                    match self.request(&id, &old, action).await {
                        Ok(physical) => {
                            if physical.id != new.physical.id {
                                superfluous.push((id.clone(), new));
                            }
                            let restored = StackResource { physical, ..old };
                            lock(&self.state.resources).insert(id, restored);
                        }
                        Err(failed) => return Outcome::Stuck(failed.reason),
                    }
                }
            }
        }
        for (id, new) in superfluous {
            if new.retained {
                self.note(format!("retained {id}"));
            } else if let Err(reason) = self.remove(&id, &new).await {
                return Outcome::Stuck(reason);
            }
        }
        Outcome::RolledBack(reason)
    }
}

fn step(id: &str, old: Option<&StackResource>, new: StackResource) -> Step {
    let id = id.to_owned();
    match old {
        Some(old) => Step::Updated { id, old: old.clone(), new },
        None => Step::Created { id, new },
    }
}

/// The first resource that has another type in the template than in the stack.
fn changed_type(template: &Template, before: &BTreeMap<String, StackResource>) -> Option<String> {
    template.resources().into_iter().find(|id| {
        let kind = &template.declared(id)["Type"];
        before.get(id).is_some_and(|old| *kind != json!(old.kind))
    })
}

/// The resources in the order of their deletion: each before those that it depends on.
fn last_first(
    resources: impl IntoIterator<Item = (String, StackResource)>,
) -> Vec<(String, StackResource)> {
    let mut resources: Vec<_> = resources.into_iter().collect();
    resources.sort_by_key(|(_, resource)| Reverse(resource.rank));
    resources
}
