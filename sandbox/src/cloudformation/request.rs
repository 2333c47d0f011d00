//! One request for a resource: to its type, or to the function of a custom resource.

use super::{Physical, ResourceAction, ResourceRequest, TemplateStack};
use crate::deployment::{RequestFailure, RequestHandler, StackResource};
use crate::lock::lock;

impl RequestHandler for TemplateStack {
    /// Also notes the request as an event.
    async fn request(
        &self,
        logical_id: &str,
        resource: &StackResource,
        action: ResourceAction,
    ) -> Result<Physical, RequestFailure> {
        let request_type = action.request_type();
        let request = ResourceRequest {
            action,
            resource_type: resource.resource_type.clone(),
            account: self.state.account.clone(),
            region: self.region.shared.region.clone(),
            stack: self.state.name.clone(),
            logical_id: logical_id.to_owned(),
            properties: resource.properties.clone(),
            deployer: self.deployer.clone(),
        };
        let result = match self.check(&request) {
            Ok(()) => self.carry_out(request).await,
            Err(reason) => Err(RequestFailure { reason, physical_id: None }),
        };
        let failed = result.as_ref().err().map(|failure| format!(" failed: {}", failure.reason));
        self.note(format!("{request_type} {logical_id}{}", failed.unwrap_or_default()));
        result
    }

    fn invented_id(&self, logical_id: &str) -> String {
        self.state.custom.invented_id(logical_id)
    }

    fn note_retained(&self, logical_id: &str) {
        self.note(format!("retained {logical_id}"));
    }
}

impl TemplateStack {
    fn check(&self, request: &ResourceRequest) -> Result<(), String> {
        let check = lock(&self.region.shared.permission_check).clone();
        check.map_or(Ok(()), |check| check(request))
    }

    async fn carry_out(&self, request: ResourceRequest) -> Result<Physical, RequestFailure> {
        let resource_type = lock(&self.region.shared.types).get(&request.resource_type).cloned();
        match resource_type {
            Some(resource_type) => {
                let result = resource_type.handle(request).await;
                result.map_err(|reason| RequestFailure { reason, physical_id: None })
            }
            None if request.resource_type.starts_with("Custom::") => {
                let ResourceRequest { logical_id, action, properties, .. } = &request;
                self.state.custom.request(logical_id, action, properties).await
            }
            None => panic!("{}: unknown type {}", self.state.name, request.resource_type),
        }
    }
}
