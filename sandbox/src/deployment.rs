//! The deployment of a template, its rollback, and the deletion of a stack (CloudFormation User
//! Guide, "Update behaviors of stack resources", "Stack failure options").
//!
//! The stacks of [`crate::stack`] and of [`crate::cloudformation`] share it. They differ in how a
//! request is carried out, and in the order of their resources.
//!
//! Probe: cloudformation/update, cloudformation/replacement, cloudformation/rename,
//! cloudformation/rollback, cloudformation/rollback-of-replacement,
//! cloudformation/rename-rolled-back, cloudformation/delete-failed.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::lock::lock;

#[derive(Debug, Clone, PartialEq)]
pub enum ResourceAction {
    Create,
    /// Change the resource with this physical id, which had these properties.
    Update(String, Value),
    /// Delete the resource with this physical id.
    Delete(String),
}

impl ResourceAction {
    /// The request type of a custom resource, which is also the first word of an event.
    pub(crate) fn request_type(&self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update(..) => "Update",
            Self::Delete(_) => "Delete",
        }
    }

    pub(crate) fn physical_id(&self) -> Option<&str> {
        match self {
            Self::Create => None,
            Self::Update(id, _) | Self::Delete(id) => Some(id),
        }
    }

    pub(crate) fn old_properties(&self) -> Option<&Value> {
        match self {
            Self::Update(_, old) => Some(old),
            Self::Create | Self::Delete(_) => None,
        }
    }
}

/// A resource that was created or changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Physical {
    /// The value of `Ref`. If an Update returns another one than before, it is a replacement.
    pub id: String,
    /// The values of `GetAtt`.
    pub attributes: Value,
}

/// How an operation on a stack ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StackOutcome {
    Complete,
    /// It failed for this reason, and everything was rolled back.
    RolledBack(String),
    /// It failed, and so did the rollback, for this reason. Somebody has to repair the stack.
    Stuck(String),
}

impl StackOutcome {
    pub fn is_complete(&self) -> bool {
        *self == Self::Complete
    }
}

/// Why a request failed, and the physical id that CloudFormation knows then.
pub(crate) struct RequestFailure {
    pub(crate) reason: String,
    pub(crate) physical_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StackResource {
    pub(crate) resource_type: String,
    pub(crate) physical: Physical,
    pub(crate) properties: Value,
    /// The `DeletionPolicy` of the template that was deployed last.
    pub(crate) retained: bool,
    /// Its position in the order of creation: each resource is after those that it depends on.
    pub(crate) rank: usize,
}

/// The resources of a stack, by logical id.
pub(crate) type StackResources = BTreeMap<String, StackResource>;

/// Carries out the requests of a stack.
pub(crate) trait RequestHandler: Sync {
    /// Carries out a request. The properties of `resource` are the desired ones; for a Delete,
    /// those of the last request.
    fn request(
        &self,
        logical_id: &str,
        resource: &StackResource,
        action: ResourceAction,
    ) -> impl Future<Output = Result<Physical, RequestFailure>> + Send;

    /// Makes up a physical id, for a resource whose Create had no response.
    fn invented_id(&self, logical_id: &str) -> String;

    /// Notes that a resource leaves the stack without a Delete.
    fn note_retained(&self, logical_id: &str);
}

/// A step of a deployment that a rollback undoes.
enum Step {
    Created { logical_id: String, new: StackResource },
    Updated { logical_id: String, old: StackResource, new: StackResource },
}

/// A deployment in progress. It ends with [`Deployment::clean_up`] or [`Deployment::roll_back`].
pub(crate) struct Deployment<'a, H> {
    handler: &'a H,
    resources: &'a Mutex<StackResources>,
    before: StackResources,
    /// The resource after which the deployment fails, as if another resource had failed.
    fail_after: Option<String>,
    steps: Vec<Step>,
    /// The resources that were replaced, as they were. The cleanup deletes them.
    replaced: Vec<(String, StackResource)>,
}

impl<'a, H: RequestHandler> Deployment<'a, H> {
    pub(crate) fn new(
        handler: &'a H,
        resources: &'a Mutex<StackResources>,
        fail_after: Option<String>,
    ) -> Self {
        let before = lock(resources).clone();
        Self { handler, resources, before, fail_after, steps: Vec::new(), replaced: Vec::new() }
    }

    pub(crate) fn before(&self) -> &StackResources {
        &self.before
    }

    /// Creates a resource, or updates it if its properties have changed. `desired` has no physical
    /// id yet. The error is the reason of the failure; the caller then rolls back.
    pub(crate) async fn apply(
        &mut self,
        logical_id: &str,
        desired: StackResource,
    ) -> Result<Physical, String> {
        let physical = self.create_or_update(logical_id, desired).await?;
        if self.fail_after.as_deref() == Some(logical_id) {
            return Err("another resource failed".to_owned());
        }
        Ok(physical)
    }

    async fn create_or_update(
        &mut self,
        logical_id: &str,
        mut new: StackResource,
    ) -> Result<Physical, String> {
        let old = self.before.get(logical_id).cloned();
        let action = match &old {
            Some(old) if old.properties == new.properties => {
                new.physical = old.physical.clone();
                return Ok(self.succeeded(logical_id, Some(old.clone()), new));
            }
            Some(old) => ResourceAction::Update(old.physical.id.clone(), old.properties.clone()),
            None => ResourceAction::Create,
        };
        match self.handler.request(logical_id, &new, action).await {
            Ok(physical) => {
                new.physical = physical;
                if let Some(old) = old.as_ref().filter(|old| old.physical.id != new.physical.id) {
                    self.replaced.push((logical_id.to_owned(), old.clone()));
                }
                Ok(self.succeeded(logical_id, old, new))
            }
            Err(failure) => {
                // A Create that failed is also followed by a Delete, with the physical id of its
                // response, or with one that CloudFormation invents.
                let id = match &old {
                    Some(old) => old.physical.id.clone(),
                    None => {
                        failure.physical_id.unwrap_or_else(|| self.handler.invented_id(logical_id))
                    }
                };
                new.physical = Physical { id, attributes: json!({}) };
                self.push_step(logical_id, old, new);
                Err(failure.reason)
            }
        }
    }

    fn succeeded(
        &mut self,
        logical_id: &str,
        old: Option<StackResource>,
        new: StackResource,
    ) -> Physical {
        lock(self.resources).insert(logical_id.to_owned(), new.clone());
        let physical = new.physical.clone();
        self.push_step(logical_id, old, new);
        physical
    }

    fn push_step(&mut self, logical_id: &str, old: Option<StackResource>, new: StackResource) {
        let logical_id = logical_id.to_owned();
        self.steps.push(match old {
            Some(old) => Step::Updated { logical_id, old, new },
            None => Step::Created { logical_id, new },
        });
    }

    /// Deletes the resources that were replaced, then those that the template no longer has.
    /// Failures don't undo the update: such a resource is no longer part of the stack.
    pub(crate) async fn clean_up(self, removed: Vec<(String, StackResource)>) {
        for (logical_id, old) in self.replaced {
            let _ = delete(self.handler, &logical_id, &old).await;
        }
        for (logical_id, old) in removed {
            lock(self.resources).remove(&logical_id);
            let _ = delete_unless_retained(self.handler, &logical_id, &old).await;
        }
    }

    /// Undoes the steps: first the updates, including the one that failed, then the creations.
    pub(crate) async fn roll_back(self, reason: String) -> StackOutcome {
        let mut superfluous = Vec::new();
        for step in self.steps.into_iter().rev() {
            match step {
                Step::Created { logical_id, new } => {
                    lock(self.resources).remove(&logical_id);
                    superfluous.push((logical_id, new));
                }
                Step::Updated { logical_id, old, new } if old.properties == new.properties => {
                    lock(self.resources).insert(logical_id, old);
                }
                Step::Updated { logical_id, old, new } => {
                    let action =
                        ResourceAction::Update(new.physical.id.clone(), new.properties.clone());
                    match self.handler.request(&logical_id, &old, action).await {
                        Ok(physical) => {
                            if physical.id != new.physical.id {
                                superfluous.push((logical_id.clone(), new));
                            }
                            let restored = StackResource { physical, ..old };
                            lock(self.resources).insert(logical_id, restored);
                        }
                        Err(failure) => return StackOutcome::Stuck(failure.reason),
                    }
                }
            }
        }
        for (logical_id, new) in superfluous {
            if let Err(reason) = delete_unless_retained(self.handler, &logical_id, &new).await {
                return StackOutcome::Stuck(reason);
            }
        }
        StackOutcome::RolledBack(reason)
    }
}

/// Deletes these resources of a stack in this order. The first failure ends it. The resource whose
/// deletion failed remains, and so do those after it.
pub(crate) async fn delete_all<H: RequestHandler>(
    handler: &H,
    resources: &Mutex<StackResources>,
    in_order: Vec<(String, StackResource)>,
) -> StackOutcome {
    for (logical_id, resource) in in_order {
        if let Err(reason) = delete_unless_retained(handler, &logical_id, &resource).await {
            return StackOutcome::Stuck(reason);
        }
        lock(resources).remove(&logical_id);
    }
    StackOutcome::Complete
}

async fn delete_unless_retained<H: RequestHandler>(
    handler: &H,
    logical_id: &str,
    resource: &StackResource,
) -> Result<(), String> {
    if resource.retained {
        handler.note_retained(logical_id);
        return Ok(());
    }
    delete(handler, logical_id, resource).await
}

async fn delete<H: RequestHandler>(
    handler: &H,
    logical_id: &str,
    resource: &StackResource,
) -> Result<(), String> {
    let action = ResourceAction::Delete(resource.physical.id.clone());
    let deleted = handler.request(logical_id, resource, action).await;
    deleted.map(drop).map_err(|failure| failure.reason)
}
