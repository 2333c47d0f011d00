//! The stacks of all accounts and Regions, in the local CloudFormation.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use sandbox::template::Template;
use sandbox::{
    CloudFormation, ResourceRequest, ResponseBucket, Role, Sandbox, StackOutcome, TemplateStack,
};
use serde_json::Value;

use super::permissions::{self, check_action, stack_arn};
use super::resources;
use super::services::{Services, text};

/// The stacks, and what their resources create.
pub(super) struct Deployments {
    pub(super) aws: Sandbox,
    pub(super) bucket: ResponseBucket,
    /// The address of the DNS resolver.
    pub(super) resolver: SocketAddr,
    regions: Mutex<BTreeMap<String, CloudFormation>>,
    stacks: Mutex<BTreeMap<StackKey, Deployed>>,
    services: Mutex<Services>,
    organization: Mutex<Organization>,
}

/// What the organization knows about its accounts.
#[derive(Default)]
pub(super) struct Organization {
    /// The accounts of each organizational unit.
    pub(super) units: BTreeMap<&'static str, Vec<&'static str>>,
    /// The accounts that may administer stack sets.
    pub(super) delegated_administrators: BTreeSet<String>,
}

/// A stack, and who deploys it.
pub(super) struct Target {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) name: String,
    pub(super) deployer: Role,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct StackKey {
    account: String,
    region: String,
    name: String,
}

#[derive(Clone)]
struct Deployed {
    stack: TemplateStack,
    parameters: BTreeMap<String, String>,
}

impl Target {
    /// Checks that the deployer may call an action of CloudFormation on the stack.
    pub(super) fn check(&self, action: &str) -> Result<(), String> {
        let Self { account, region, name, deployer } = self;
        check_action(deployer, action, &stack_arn(region, account, name))
    }

    fn key(&self) -> StackKey {
        let Self { account, region, name, .. } = self;
        StackKey { account: account.clone(), region: region.clone(), name: name.clone() }
    }
}

impl Deployments {
    pub(super) fn new(aws: &Sandbox, bucket: ResponseBucket, resolver: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            aws: aws.clone(),
            bucket,
            resolver,
            regions: Mutex::default(),
            stacks: Mutex::default(),
            services: Mutex::default(),
            organization: Mutex::default(),
        })
    }

    pub(super) fn services(&self) -> MutexGuard<'_, Services> {
        self.services.lock().unwrap()
    }

    pub(super) fn organization(&self) -> MutexGuard<'_, Organization> {
        self.organization.lock().unwrap()
    }

    /// Returns an existing stack.
    pub(super) fn stack(&self, target: &Target) -> Option<TemplateStack> {
        self.stacks.lock().unwrap().get(&target.key()).map(|deployed| deployed.stack.clone())
    }

    /// Creates or updates a stack. Parameters that are not specified keep their values.
    pub(super) async fn deploy(
        self: &Arc<Self>,
        target: &Target,
        template: &Value,
        parameters: BTreeMap<String, String>,
    ) -> Result<(), String> {
        let existing = self.stacks.lock().unwrap().get(&target.key()).cloned();
        let mut deployed = existing.unwrap_or_else(|| Deployed {
            stack: self.region(&target.region).stack(&target.account, &target.name),
            parameters: BTreeMap::new(),
        });
        deployed.parameters.extend(parameters);
        let given: Vec<(&str, &str)> =
            deployed.parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
        let before = deployed.stack.events().len();
        self.let_time_pass();
        let stack = deployed.stack.deployed_by(&target.deployer);
        let outcome = stack.deploy(template, &given).await;
        result(&deployed.stack.events()[before..], outcome)?;
        self.stacks.lock().unwrap().insert(target.key(), deployed);
        Ok(())
    }

    pub(super) async fn delete(&self, target: &Target) -> Result<(), String> {
        target.check("cloudformation:DeleteStack")?;
        let stack =
            self.stack(target).ok_or_else(|| format!("there is no stack {}", target.name))?;
        let before = stack.events().len();
        self.let_time_pass();
        let outcome = stack.deployed_by(&target.deployer).delete().await;
        result(&stack.events()[before..], outcome)?;
        self.stacks.lock().unwrap().remove(&target.key());
        Ok(())
    }

    /// Returns CloudFormation in a Region.
    pub(super) fn region(self: &Arc<Self>, name: &str) -> CloudFormation {
        let mut regions = self.regions.lock().unwrap();
        let region = regions.entry(name.to_owned()).or_insert_with(|| self.new_region(name));
        region.clone()
    }

    fn new_region(self: &Arc<Self>, name: &str) -> CloudFormation {
        let region = CloudFormation::in_region(name, &self.aws, &self.bucket);
        resources::register(self, &region);
        // The Region must not own what owns it.
        let weak = Arc::downgrade(self);
        region.check_permissions(Arc::new(move |request| {
            permissions::check(&weak.upgrade().unwrap().services(), request)
        }));
        let weak = Arc::downgrade(self);
        region.read_nested_templates(Arc::new(move |request| {
            weak.upgrade().unwrap().template(request)
        }));
        region
    }

    /// Reads the template that the `TemplateURL` of a resource names, as the deployer.
    pub(super) fn template(&self, request: &ResourceRequest) -> Result<Value, String> {
        let url = text(&request.properties, "TemplateURL");
        let (host, key) = url
            .strip_prefix("https://")
            .and_then(|rest| rest.split_once('/'))
            .ok_or("the URL is not one of S3")?;
        let bucket = host.split(".s3.").next().unwrap();
        let template = self.services().object(request, bucket, key)?;
        Ok(Template::parsed(&url, std::str::from_utf8(&template).unwrap()))
    }

    /// Advances the clock of the response URLs. Their dates have a resolution of a second, and real
    /// deployments are further apart.
    fn let_time_pass(&self) {
        self.bucket.clock().advance(Duration::from_secs(2));
    }
}

/// Returns the first failure of an operation. Failures of the cleanup count, although
/// CloudFormation ignores them: no permission may be missing there either.
fn result(events: &[String], outcome: StackOutcome) -> Result<(), String> {
    match (events.iter().find(|event| event.contains(" failed: ")), outcome) {
        (Some(failure), _) => Err(failure.clone()),
        (None, StackOutcome::Complete) => Ok(()),
        (None, StackOutcome::RolledBack(reason) | StackOutcome::Stuck(reason)) => Err(reason),
    }
}
