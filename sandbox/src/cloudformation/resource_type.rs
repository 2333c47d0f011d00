//! What CloudFormation asks of a type of resources.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::deployment::{Physical, ResourceAction};
use crate::handles::Role;

#[derive(Debug, Clone)]
pub struct ResourceRequest {
    pub action: ResourceAction,
    /// The type, such as `AWS::IAM::Role`.
    pub resource_type: String,
    pub account: String,
    pub region: String,
    pub stack: String,
    pub logical_id: String,
    /// The desired properties; for a Delete, those of the last request.
    pub properties: Value,
    /// The role that deploys the stack. None has all permissions.
    pub deployer: Option<Role>,
}

/// A model of a type of resources.
pub trait ResourceType: Send + Sync {
    /// Carries out a request. The error is the status reason of the resource.
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>>;
}

/// Decides whether the deployer of a stack may have a request carried out. The error is the status
/// reason of the resource.
pub type PermissionCheck = Arc<dyn Fn(&ResourceRequest) -> Result<(), String> + Send + Sync>;

/// Returns the template that a request for a nested stack names. The error is the status reason of
/// the nested stack.
pub type TemplateSource = Arc<dyn Fn(&ResourceRequest) -> Result<Value, String> + Send + Sync>;
