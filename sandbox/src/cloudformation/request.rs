//! One request for a resource: to its type, or to the function of a custom resource.

use serde_json::Value;

use super::stack::StackResource;
use super::{Action, Physical, Request, TemplateStack};
use crate::core::lock;
use crate::stack::{Failed, Resource};

impl Action {
    /// The request type of a custom resource, which is also the first word of an event.
    fn verb(&self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update(..) => "Update",
            Self::Delete(_) => "Delete",
        }
    }
}

impl TemplateStack {
    /// Deletes a resource.
    pub(super) async fn remove(&self, id: &str, resource: &StackResource) -> Result<(), String> {
        let action = Action::Delete(resource.physical.id.clone());
        let deleted = self.request(id, resource, action).await;
        deleted.map(drop).map_err(|failed| failed.reason)
    }

    /// Sends a request, and notes it as an event.
    pub(super) async fn request(
        &self,
        id: &str,
        resource: &StackResource,
        action: Action,
    ) -> Result<Physical, Failed> {
        let verb = action.verb();
        let request = Request {
            action,
            resource_type: resource.kind.clone(),
            account: self.state.account.clone(),
            region: self.region.shared.region.clone(),
            stack: self.state.name.clone(),
            logical_id: id.to_owned(),
            properties: resource.properties.clone(),
            deployer: self.deployer.clone(),
        };
        let result = match self.check(&request) {
            Ok(()) => self.carry_out(request).await,
            Err(reason) => Err(Failed { reason, physical_id: None }),
        };
        let failed = result.as_ref().err().map(|failed| format!(" failed: {}", failed.reason));
        self.note(format!("{verb} {id}{}", failed.unwrap_or_default()));
        result
    }

    fn check(&self, request: &Request) -> Result<(), String> {
        let check = lock(&self.region.shared.permission_check).clone();
        check.map_or(Ok(()), |check| check(request))
    }

    async fn carry_out(&self, request: Request) -> Result<Physical, Failed> {
        let kind = lock(&self.region.shared.types).get(&request.resource_type).cloned();
        match kind {
            Some(kind) => {
                let result = kind.handle(request).await;
                result.map_err(|reason| Failed { reason, physical_id: None })
            }
            None if request.resource_type.starts_with("Custom::") => {
                let resource = self.send_to_function(&request).await?;
                Ok(Physical { id: resource.physical_id, attributes: resource.attributes })
            }
            None => panic!("{}: unknown type {}", self.state.name, request.resource_type),
        }
    }

    async fn send_to_function(&self, request: &Request) -> Result<Resource, Failed> {
        let (physical_id, old): (Option<&str>, Option<&Value>) = match &request.action {
            Action::Create => (None, None),
            Action::Update(physical_id, old) => (Some(physical_id), Some(old)),
            Action::Delete(physical_id) => (Some(physical_id), None),
        };
        let (verb, id) = (request.action.verb(), &request.logical_id);
        self.state.custom.request(verb, id, physical_id, &request.properties, old).await
    }
}
