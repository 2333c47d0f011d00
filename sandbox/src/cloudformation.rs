//! CloudFormation: stacks of whole templates, whose resources refer to each other and have policies
//! (CloudFormation User Guide, "How CloudFormation works", "Update behaviors of stack resources";
//! Template Reference, "Resource attributes").
//!
//! [`crate::stack::Stack`] drives the custom resources of one function, and is what most tests
//! need. Here, a template also has hosted zones, roles and functions, and what other tools created:
//! a [`ResourceType`] is a model of one type of resources.
//!
//! Probe: those of cloudformation/, and life/by-the-templates.

#![allow(clippy::indexing_slicing, reason = "missing JSON values are null")]

mod deployment;
mod desired;
mod exports;
mod functions;
mod request;
mod resource_type;
mod resources;
mod stack;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::aws::Sandbox;
use crate::bucket::ResponseBucket;
pub use crate::deployment::{Physical, ResourceAction};
use crate::dns::Dns;
use crate::function::Function;
use crate::lock::lock;
use crate::template::Template;
use exports::Exports;
use functions::Functions;
pub use resource_type::{PermissionCheck, ResourceRequest, ResourceType, TemplateSource};
pub use stack::TemplateStack;

/// A Region with all its accounts.
#[derive(Clone)]
pub struct CloudFormation {
    aws: Sandbox,
    bucket: ResponseBucket,
    shared: Arc<Shared>,
}

struct Shared {
    region: String,
    types: Mutex<BTreeMap<String, Arc<dyn ResourceType>>>,
    functions: Functions,
    exports: Mutex<Exports>,
    /// The values of SSM parameters, by account and name.
    parameters: Mutex<BTreeMap<(String, String), Value>>,
    assembly: Option<PathBuf>,
    permission_check: Mutex<Option<PermissionCheck>>,
    nested_templates: Mutex<Option<TemplateSource>>,
}

impl fmt::Debug for CloudFormation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudFormation")
            .field("region", &self.shared.region)
            .field("assembly", &self.shared.assembly)
            .finish_non_exhaustive()
    }
}

impl CloudFormation {
    /// The Region us-east-1 without stacks. `assembly` is the directory with nested templates and
    /// code (`cdk.out`), if there is one. Functions from there get `function_env` in addition to
    /// their own environment.
    pub fn new(
        aws: &Sandbox,
        bucket: &ResponseBucket,
        assembly: Option<PathBuf>,
        function_env: &[(&str, &str)],
    ) -> Self {
        let region = Self::build("us-east-1", aws, bucket, assembly);
        resources::register(&region, function_env);
        region
    }

    /// A Region without stacks and without an assembly.
    pub fn in_region(region: &str, aws: &Sandbox, bucket: &ResponseBucket) -> Self {
        let region = Self::build(region, aws, bucket, None);
        resources::register(&region, &[]);
        region
    }

    fn build(
        region: &str,
        aws: &Sandbox,
        bucket: &ResponseBucket,
        assembly: Option<PathBuf>,
    ) -> Self {
        let shared = Shared {
            region: region.to_owned(),
            types: Mutex::default(),
            functions: Functions::default(),
            exports: Mutex::default(),
            parameters: Mutex::default(),
            assembly,
            permission_check: Mutex::default(),
            nested_templates: Mutex::default(),
        };
        Self { aws: aws.clone(), bucket: bucket.clone(), shared: Arc::new(shared) }
    }

    /// Registers a type of resources, which may be a custom one (`Custom::`). It replaces the type
    /// of the same name.
    pub fn register(&self, name: &str, kind: Arc<dyn ResourceType>) {
        lock(&self.shared.types).insert(name.to_owned(), kind);
    }

    /// Registers the types of signed zones. They are served by `dns`, whose lookups decide when
    /// signing may end.
    pub fn register_signing(&self, dns: &Dns) {
        resources::register_signing(self, dns);
    }

    /// Registers a function. Custom resources may then have its ARN as `ServiceToken`.
    pub fn register_function(&self, arn: &str, function: Arc<dyn Function>) {
        self.shared.functions.insert(arn, function);
    }

    /// Has each request checked before it is carried out. By default, deployers have all
    /// permissions.
    pub fn check_permissions(&self, check: PermissionCheck) {
        *lock(&self.shared.permission_check) = Some(check);
    }

    /// Reads the templates of nested stacks from there, instead of from the assembly.
    pub fn read_nested_templates(&self, source: TemplateSource) {
        *lock(&self.shared.nested_templates) = Some(source);
    }

    /// Exports a value in an account, as an earlier stack would.
    pub fn export(&self, account: &str, name: &str, value: &str) {
        lock(&self.shared.exports).set(account, name, json!(value));
    }

    pub fn exported(&self, account: &str, name: &str) -> Option<Value> {
        lock(&self.shared.exports).get(account, name)
    }

    /// A stack that has no resources yet.
    pub fn stack(&self, account: &str, name: &str) -> TemplateStack {
        TemplateStack::new(self, account, name)
    }

    /// A template of the assembly by its file name.
    fn assembled(&self, file: &str) -> Value {
        let path =
            self.shared.assembly.as_ref().map(|directory| directory.join(file)).unwrap_or_default();
        Template::source(&path.display().to_string())
    }
}

#[cfg(test)]
mod tests;
