//! Stack sets of an organization: one stack in each account of some units, in each of some Regions.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sandbox::{Physical, ResourceAction, ResourceRequest, ResourceType};
use serde_json::{Value, json};

use super::deployments::{Deployments, Target};
use super::services::text;
use crate::deployment::documents::everything;

/// The role that AWS creates in each account for the stack sets of an organization.
pub(crate) const STACK_SETS: &str = "stacksets-exec-0123456789abcdef";

const MANAGEMENT: &str = "999999999999";

/// `AWS::CloudFormation::StackSet`.
pub(super) struct StackSets(pub(super) Weak<Deployments>);

impl ResourceType for StackSets {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        let deployments = self.0.upgrade().unwrap();
        async move {
            let name = text(&request.properties, "StackSetName");
            match &request.action {
                // A stack set whose creation failed is deleted under an invented id.
                ResourceAction::Delete(id) if *id != name => {}
                ResourceAction::Delete(_) => delete_instances(&deployments, &request).await?,
                _ => deploy_instances(&deployments, &request).await?,
            }
            Ok(Physical { id: name, attributes: json!({}) })
        }
        .boxed()
    }
}

async fn deploy_instances(
    deployments: &Arc<Deployments>,
    request: &ResourceRequest,
) -> Result<(), String> {
    let administers = match text(&request.properties, "CallAs").as_str() {
        "SELF" => request.account == MANAGEMENT,
        _ => deployments.organization().delegated_administrators.contains(&request.account),
    };
    if !administers {
        return Err("this account administers no stack sets of the organization".into());
    }
    let template = deployments.template(request)?;
    let parameters: BTreeMap<String, String> = request.properties["Parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| (text(parameter, "ParameterKey"), text(parameter, "ParameterValue")))
        .collect();
    for instance in instances(deployments, &request.properties) {
        let exists = deployments.stack(&instance).is_some();
        let verb = if exists { "Update" } else { "Create" };
        instance.check(&format!("cloudformation:{verb}Stack"))?;
        let deployed = deployments.deploy(&instance, &template, parameters.clone()).await;
        deployed
            .map_err(|reason| format!("{} in {}: {reason}", instance.account, instance.region))?;
    }
    Ok(())
}

async fn delete_instances(
    deployments: &Arc<Deployments>,
    request: &ResourceRequest,
) -> Result<(), String> {
    for instance in instances(deployments, &request.properties) {
        deployments.delete(&instance).await?;
    }
    Ok(())
}

/// Returns the stacks of a stack set.
fn instances(deployments: &Deployments, properties: &Value) -> Vec<Target> {
    let group = &properties["StackInstancesGroup"][0];
    let units = group["DeploymentTargets"]["OrganizationalUnitIds"].as_array().unwrap();
    let regions = group["Regions"].as_array().unwrap();
    let organization = deployments.organization();
    let mut instances = Vec::new();
    for &account in units.iter().flat_map(|unit| &organization.units[unit.as_str().unwrap()]) {
        let role = deployments.aws.account(account).role(STACK_SETS);
        let role = role.without_policies().policy(everything());
        instances.extend(regions.iter().map(|region| Target {
            account: account.to_owned(),
            region: region.as_str().unwrap().to_owned(),
            name: format!("StackSet-{}", text(properties, "StackSetName")),
            deployer: role.clone(),
        }));
    }
    instances
}
