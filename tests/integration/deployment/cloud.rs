//! AWS for the commands of the pages: the local AWS with its CloudFormation, and what these do not
//! have, which is a command line, S3, SNS, KMS, stack sets and service control policies. Everything
//! is done in somebody's name, and the local IAM checks it.

mod commands;
mod deployments;
mod permissions;
mod resources;
mod services;
mod stack_sets;

use std::collections::BTreeMap;
use std::sync::Arc;

use sandbox::{Account, Dns, ResponseBucket, Role, Sandbox, SyncRule, ZoneHandle};
use serde_json::{Value, json};

use crate::deployment::documents::ORGANIZATION;
use deployments::{Deployments, Target};
use permissions::check_action;
use services::Bucket;
pub(crate) use stack_sets::STACK_SETS;

/// The output of a command, or its error message.
pub(crate) type CommandResult = Result<String, String>;

/// The accounts of an organization, with the principals who work in them.
pub(crate) struct Cloud {
    pub(crate) aws: Sandbox,
    /// `example.com`
    pub(crate) parent: ZoneHandle,
    /// The role of each profile.
    profiles: BTreeMap<&'static str, Principal>,
    /// The service control policies by id.
    policies: BTreeMap<String, Value>,
    deployments: Arc<Deployments>,
    _dns: Dns,
}

/// A profile of the command line: a role in an account.
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) account: &'static str,
    pub(crate) role: &'static str,
    pub(crate) permissions: Value,
}

/// A caller: a role in an account.
#[derive(Clone)]
pub(crate) struct Principal {
    pub(crate) account: String,
    pub(crate) role: Role,
}

impl Principal {
    pub(crate) fn may(&self, action: &str, resource: &str) -> Result<(), String> {
        check_action(&self.role, action, resource)
    }
}

impl Cloud {
    /// Creates the organization and its profiles. No service control policy applies to those of the
    /// management account.
    pub(crate) async fn new(profiles: Vec<Profile>) -> Self {
        let aws = Sandbox::start().await.unwrap();
        // Other tests cover the wait for Route 53.
        aws.sync_after(SyncRule::Immediately);
        let bucket = ResponseBucket::start().await.unwrap();
        let dns = aws.dns().await.unwrap();
        let parent =
            aws.account("111111111111").hosted_zone_with_id("Z0PARENTEXAMPLE", "example.com");
        let deployments = Deployments::new(&aws, bucket, dns.resolver());
        let mut cloud = Self {
            aws,
            parent,
            profiles: BTreeMap::new(),
            policies: BTreeMap::new(),
            deployments,
            _dns: dns,
        };
        for profile in profiles {
            cloud.account(profile.account).set_org(ORGANIZATION);
            let principal = cloud.principal(profile.account, profile.role, profile.permissions);
            cloud.profiles.insert(profile.name, principal);
        }
        cloud
    }

    pub(crate) fn with_unit(self, unit: &'static str, accounts: &[&'static str]) -> Self {
        for account in accounts {
            self.account(account).set_org_path(&format!("{ORGANIZATION}/r-exam/{unit}/"));
        }
        self.deployments.organization().units.insert(unit, accounts.to_vec());
        self
    }

    pub(crate) fn account(&self, id: &str) -> Account {
        self.aws.account(id)
    }

    /// Creates a role with these permissions.
    pub(crate) fn principal(&self, account: &str, role: &str, permissions: Value) -> Principal {
        let role = self.account(account).role(role).without_policies().policy(permissions);
        Principal { account: account.to_owned(), role }
    }

    /// Creates a bucket that everybody may read.
    pub(crate) fn put_bucket(&self, name: &str, account: &str, key: &str, object: &[u8]) {
        let anybody =
            json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"});
        let bucket = Bucket {
            account: account.to_owned(),
            policy: Some(json!({"Statement": [anybody]})),
            objects: BTreeMap::from([(key.to_owned(), object.to_vec())]),
        };
        self.deployments.services().buckets.insert(name.to_owned(), bucket);
    }

    /// Deletes a stack as a profile.
    pub(crate) async fn delete(&self, profile: &str, region: &str, name: &str) -> CommandResult {
        self.deployments.delete(&self.target(profile, region, name)).await.map(|()| String::new())
    }

    /// Returns the physical id of a resource in a stack that a profile deployed.
    pub(crate) fn physical_id(&self, profile: &str, region: &str, stack: &str, id: &str) -> String {
        let stack = self.deployments.stack(&self.target(profile, region, stack)).unwrap();
        stack.physical_id(id).unwrap()
    }

    /// Returns the value of an export of an account, if a stack exports it.
    pub(crate) fn exported(&self, region: &str, account: &str, name: &str) -> Option<Value> {
        self.deployments.region(region).exported(account, name)
    }

    /// Returns the role of a function, if the function exists.
    pub(crate) fn function_role(&self, arn: &str) -> Option<Role> {
        self.deployments.services().functions.get(arn).map(|function| function.role.clone())
    }

    /// Returns the code of each function, by ARN.
    pub(crate) fn code(&self) -> BTreeMap<String, Vec<u8>> {
        let services = self.deployments.services();
        let functions = services.functions.iter();
        functions.map(|(arn, function)| (arn.clone(), function.code.clone())).collect()
    }

    fn target(&self, profile: &str, region: &str, name: &str) -> Target {
        let by = self.profiles[profile].clone();
        Target {
            account: by.account,
            region: region.to_owned(),
            name: name.to_owned(),
            deployer: by.role,
        }
    }
}
