//! A stack of custom resources. It sends requests as CloudFormation does (CloudFormation User Guide,
//! "Custom resource request types", "Custom resource request and response reference", "Update
//! behaviors of stack resources", "Stack failure options").
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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::bucket::ResponseBucket;
use crate::function::Function;
pub(crate) use request::stringified;
use request::uuid;

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

/// A request and its result.
#[derive(Debug, Clone, PartialEq)]
pub struct StackEvent {
    /// The logical id of the resource.
    pub logical_id: String,
    /// `Create`, `Update` or `Delete`.
    pub request_type: String,
    /// The same for each delivery.
    pub request_id: String,
    /// The physical id in the response, or in the request if there was no response.
    pub physical_id: String,
    /// The reason of a failure.
    pub failure: Option<String>,
}

/// How an operation on a stack ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded.
    Complete,
    /// It failed for this reason, and everything was rolled back.
    RolledBack(String),
    /// It failed, and so did the rollback, for this reason. Somebody has to repair the stack.
    Stuck(String),
}

impl Outcome {
    /// True if it succeeded.
    pub fn is_complete(&self) -> bool {
        *self == Self::Complete
    }
}

/// A stack, whose custom resources have one function.
pub struct Stack {
    name: String,
    id: String,
    token: String,
    bucket: ResponseBucket,
    function: Arc<dyn Function>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    resources: BTreeMap<String, Resource>,
    history: Vec<StackEvent>,
    sent: BTreeMap<String, Value>,
    fail_after: Option<String>,
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("stack_id", &self.id).finish_non_exhaustive()
    }
}

/// Why a request failed, and the physical id that CloudFormation knows then.
pub(crate) struct Failed {
    pub(crate) reason: String,
    pub(crate) physical_id: Option<String>,
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
            inner: Mutex::default(),
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
            inner: Mutex::default(),
        }
    }

    /// The stack's name, which is a part of its ARN.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stack's ARN.
    pub fn stack_id(&self) -> &str {
        &self.id
    }

    /// The existing resources, by logical id.
    pub fn resources(&self) -> BTreeMap<String, Resource> {
        self.inner().resources.clone()
    }

    /// Every request so far.
    pub fn history(&self) -> Vec<StackEvent> {
        self.inner().history.clone()
    }

    /// Removes a resource from the stack without a request, and returns it. Examples are
    /// `DeletionPolicy: Retain`, a Delete that was skipped, and a stack refactoring that moves the
    /// resource to another stack.
    pub fn detach(&self, logical_id: &str) -> Option<Resource> {
        self.inner().resources.remove(logical_id)
    }

    /// Adds a resource to the stack without a request, like a stack refactoring within an account
    /// (CloudFormation User Guide, "Stack refactoring"). The resource keeps its physical id and
    /// properties, and the function learns of the new stack with the next Update or Delete. Returns
    /// false, and changes nothing, if the stack has a resource with this logical id. Probe:
    /// cloudformation/refactoring.
    pub fn attach(&self, logical_id: &str, resource: Resource) -> bool {
        match self.inner().resources.entry(logical_id.to_owned()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(resource);
                true
            }
        }
    }

    /// Fails the next deployment after this resource, as if another resource had failed.
    pub fn fail_after(&self, logical_id: &str) {
        self.inner().fail_after = Some(logical_id.to_owned());
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
