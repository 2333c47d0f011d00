//! A stack of custom resources. It sends requests as CloudFormation does (CloudFormation User
//! Guide, "Custom resource request types", "Custom resource request and response reference",
//! "Update behaviors of stack resources", "Stack failure options").
//!
//! Probe: those of cloudformation/.

#![allow(
    clippy::indexing_slicing,
    reason = "missing JSON values are null, and an event is an object"
)]

mod answer;
mod deployment;
mod request;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::bucket::ResponseBucket;
pub use crate::deployment::StackOutcome;
use crate::deployment::{Physical, StackResource, StackResources};
use crate::function::Function;
use crate::lock::lock;
pub(crate) use request::stringified;
use request::uuid;

/// The type of all resources.
const RESOURCE_TYPE: &str = "Custom::Delegation";

/// The resources of a template: their logical ids and properties.
pub type Template = BTreeMap<String, Value>;

/// An existing resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// The physical id in the response of its function.
    pub physical_id: String,
    /// The properties that its function received.
    pub properties: Value,
    /// `Data` of the response.
    pub attributes: Value,
}

impl From<StackResource> for Resource {
    fn from(resource: StackResource) -> Self {
        let Physical { id, attributes } = resource.physical;
        Self { physical_id: id, properties: resource.properties, attributes }
    }
}

impl From<Resource> for StackResource {
    fn from(resource: Resource) -> Self {
        let physical = Physical { id: resource.physical_id, attributes: resource.attributes };
        Self { physical, ..deployment::resource(resource.properties) }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct StackEvent {
    pub logical_id: String,
    /// `Create`, `Update` or `Delete`.
    pub request_type: &'static str,
    /// The same for each delivery.
    pub request_id: String,
    /// The physical id in the response, or in the request if there was no response.
    pub physical_id: String,
    pub failure: Option<String>,
}

/// A stack, whose custom resources have one function.
pub struct Stack {
    name: String,
    id: String,
    token: String,
    bucket: ResponseBucket,
    function: Arc<dyn Function>,
    resources: Mutex<StackResources>,
    history: Mutex<Vec<StackEvent>>,
    /// The events that were sent, by request id.
    sent: Mutex<BTreeMap<String, Value>>,
    fail_after: Mutex<Option<String>>,
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("stack_id", &self.id).finish_non_exhaustive()
    }
}

impl Stack {
    /// A new stack of an account, in us-east-1. It has no resources.
    pub fn new(
        name: &str,
        account: &str,
        bucket: &ResponseBucket,
        function: Arc<dyn Function>,
    ) -> Self {
        Self::in_region("us-east-1", name, account, bucket, function)
    }

    /// Like [`Stack::new`], in another Region.
    pub(crate) fn in_region(
        region: &str,
        name: &str,
        account: &str,
        bucket: &ResponseBucket,
        function: Arc<dyn Function>,
    ) -> Self {
        let id = format!("arn:aws:cloudformation:{region}:{account}:stack/{name}/{}", uuid());
        let token = format!("arn:aws:lambda:{region}:{account}:function:delegation");
        Self {
            name: name.to_owned(),
            id,
            token,
            bucket: bucket.clone(),
            function,
            resources: Mutex::default(),
            history: Mutex::default(),
            sent: Mutex::default(),
            fail_after: Mutex::default(),
        }
    }

    /// A stack that is created under the same name after this one was deleted. It has no resources,
    /// and an ARN of its own (CloudFormation API Reference, `Stack`, "Unique identifier of the
    /// stack").
    /// No probe: the ARN of every stack shows it.
    #[must_use = "the stack itself is not changed"]
    pub fn recreate(&self) -> Self {
        let (arn, _) = self.id.rsplit_once('/').unwrap_or((&self.id, ""));
        Self {
            name: self.name.clone(),
            id: format!("{arn}/{}", uuid()),
            token: self.token.clone(),
            bucket: self.bucket.clone(),
            function: Arc::clone(&self.function),
            resources: Mutex::default(),
            history: Mutex::default(),
            sent: Mutex::default(),
            fail_after: Mutex::default(),
        }
    }

    /// The stack's name, which is a part of its ARN.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn stack_id(&self) -> &str {
        &self.id
    }

    /// The existing resources, by logical id.
    pub fn resources(&self) -> BTreeMap<String, Resource> {
        let resources = lock(&self.resources).clone();
        resources.into_iter().map(|(logical_id, one)| (logical_id, one.into())).collect()
    }

    pub fn history(&self) -> Vec<StackEvent> {
        lock(&self.history).clone()
    }

    /// Removes a resource from the stack without a request, and returns it. Examples are
    /// `DeletionPolicy: Retain`, a Delete that was skipped, and a stack refactoring that moves the
    /// resource to another stack.
    pub fn detach(&self, logical_id: &str) -> Option<Resource> {
        lock(&self.resources).remove(logical_id).map(Resource::from)
    }

    /// Adds a resource to the stack without a request, like a stack refactoring within an account
    /// (CloudFormation User Guide, "Stack refactoring"). The resource keeps its physical id and
    /// properties, and the function learns of the new stack with the next Update or Delete. Returns
    /// false, and changes nothing, if the stack has a resource with this logical id. Probe:
    /// cloudformation/refactoring.
    pub fn attach(&self, logical_id: &str, resource: Resource) -> bool {
        match lock(&self.resources).entry(logical_id.to_owned()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(resource.into());
                true
            }
        }
    }

    /// Fails the next deployment after this resource, as if another resource had failed.
    pub fn fail_after(&self, logical_id: &str) {
        *lock(&self.fail_after) = Some(logical_id.to_owned());
    }
}

#[cfg(test)]
mod tests;
