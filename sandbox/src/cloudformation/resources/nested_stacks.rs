//! `AWS::CloudFormation::Stack`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;

use super::{generated, same_or};
use crate::aws::Sandbox;
use crate::bucket::ResponseBucket;
use crate::cloudformation::stack::State;
use crate::cloudformation::{
    CloudFormation, Physical, ResourceAction, ResourceRequest, ResourceType, Shared, TemplateStack,
};
use crate::deployment::StackOutcome;
use crate::lock::lock;

/// Nested stacks. Their templates are files of the assembly, or what the test's source returns.
pub(super) struct NestedStacks {
    pub(super) aws: Sandbox,
    pub(super) bucket: ResponseBucket,
    pub(super) shared: Weak<Shared>,
    /// By physical id, which is the name of the stack.
    pub(super) states: Mutex<BTreeMap<String, Arc<State>>>,
}

impl NestedStacks {
    async fn carry_out(&self, request: &ResourceRequest) -> Result<Physical, String> {
        let shared = self.shared.upgrade().ok_or("the Region no longer exists")?;
        let region = CloudFormation { aws: self.aws.clone(), bucket: self.bucket.clone(), shared };
        let id = same_or(request, || generated(request));
        let new = || region.stack(&request.account, &id).state;
        let state = Arc::clone(lock(&self.states).entry(id.clone()).or_insert_with(new));
        let stack = TemplateStack { region, state, deployer: request.deployer.clone() };
        let outcome = if matches!(request.action, ResourceAction::Delete(_)) {
            stack.delete().await
        } else {
            let template = template(&stack.region, request)?;
            let parameters =
                request.properties["Parameters"].as_object().cloned().unwrap_or_default();
            let parameters: Vec<(&str, &str)> = parameters
                .iter()
                .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
                .collect();
            stack.deploy(&template, &parameters).await
        };
        match outcome {
            StackOutcome::Complete => {}
            StackOutcome::RolledBack(reason) | StackOutcome::Stuck(reason) => return Err(reason),
        }
        let outputs = stack
            .outputs()
            .into_iter()
            .map(|(name, value)| (format!("Outputs.{name}"), value))
            .collect();
        Ok(Physical { id, attributes: Value::Object(outputs) })
    }
}

fn template(region: &CloudFormation, request: &ResourceRequest) -> Result<Value, String> {
    let source = lock(&region.shared.nested_templates).clone();
    match source {
        Some(source) => source(request),
        None => Ok(region.assembled(request.properties["Asset"].as_str().unwrap_or_default())),
    }
}

impl ResourceType for NestedStacks {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        async move { self.carry_out(&request).await }.boxed()
    }
}
