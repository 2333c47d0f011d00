//! The deployment of custom resources without order, references or policies, so that a test of one
//! function, or a random history, needs no whole template.

use serde_json::Value;

use super::{Stack, Template};
use crate::deployment::{
    Deployment, Physical, RequestFailure, RequestHandler, ResourceAction, StackOutcome,
    StackResource, delete_all,
};
use crate::lock::lock;

impl Stack {
    /// Creates, updates and deletes resources until they are as in the template. After a failure,
    /// everything is rolled back. Probe: cloudformation/update, cloudformation/replacement,
    /// cloudformation/rename.
    pub async fn deploy(&self, template: &Template) -> StackOutcome {
        let fail_after = lock(&self.fail_after).take();
        let mut deployment = Deployment::new(self, &self.resources, fail_after);
        for (logical_id, properties) in template {
            let desired = resource(self.rendered(properties));
            if let Err(reason) = deployment.apply(logical_id, desired).await {
                return deployment.roll_back(reason).await;
            }
        }
        let mut removed = deployment.before().clone();
        removed.retain(|logical_id, _| !template.contains_key(logical_id));
        deployment.clean_up(removed.into_iter().collect()).await;
        StackOutcome::Complete
    }

    /// Deletes all resources.
    /// Probe: cloudformation/delete-failed.
    pub async fn delete(&self) -> StackOutcome {
        let resources = lock(&self.resources).clone();
        delete_all(self, &self.resources, resources.into_iter().rev().collect()).await
    }
}

impl RequestHandler for Stack {
    async fn request(
        &self,
        logical_id: &str,
        resource: &StackResource,
        action: ResourceAction,
    ) -> Result<Physical, RequestFailure> {
        self.request(logical_id, &action, &resource.properties).await
    }

    fn invented_id(&self, logical_id: &str) -> String {
        self.invented_id(logical_id)
    }

    fn note_retained(&self, _logical_id: &str) {}
}

/// A resource without a physical id.
pub(super) fn resource(properties: Value) -> StackResource {
    StackResource {
        resource_type: super::RESOURCE_TYPE.to_owned(),
        physical: Physical { id: String::new(), attributes: Value::Null },
        properties,
        retained: false,
        rank: 0,
    }
}
