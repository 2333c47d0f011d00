//! `AWS::IAM::Role` and `AWS::IAM::Policy`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::{done, generated, same_or};
use crate::aws::Sandbox;
use crate::cloudformation::{Physical, ResourceAction, ResourceRequest, ResourceType};
use crate::lock::lock;

/// The policies of each role, by its account and name.
#[derive(Default)]
pub(super) struct InlinePolicies(Mutex<BTreeMap<(String, String), Attached>>);

/// The policies of a role by the resource that attached them; the role's own have an empty name.
type Attached = BTreeMap<String, Vec<Value>>;

impl InlinePolicies {
    fn set(&self, aws: &Sandbox, role: (&str, &str), owner: &str, documents: Vec<Value>) {
        let mut all = lock(&self.0);
        let of_role = all.entry((role.0.to_owned(), role.1.to_owned())).or_default();
        of_role.insert(owner.to_owned(), documents);
        let handle = aws.account(role.0).role(role.1).without_policies();
        for document in of_role.values().flatten() {
            handle.clone().policy(document.clone());
        }
    }
}

/// Roles with their inline policies.
pub(super) struct Roles {
    pub(super) aws: Sandbox,
    pub(super) policies: Arc<InlinePolicies>,
}

impl ResourceType for Roles {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        let properties = &request.properties;
        let name = properties["RoleName"].as_str().map(str::to_owned);
        let name = name.unwrap_or_else(|| same_or(&request, || generated(&request)));
        let account = self.aws.account(&request.account);
        if let ResourceAction::Delete(name) = &request.action {
            account.role(name).delete();
            return done(Physical { id: name.clone(), attributes: json!({}) });
        }
        let role = account.role(&name).trust(properties["AssumeRolePolicyDocument"].clone());
        let inline = properties["Policies"].as_array().cloned().unwrap_or_default();
        let documents = inline.iter().map(|policy| policy["PolicyDocument"].clone()).collect();
        self.policies.set(&self.aws, (&request.account, &name), "", documents);
        done(Physical { id: name, attributes: json!({"Arn": role.arn()}) })
    }
}

/// Policies that are attached to roles.
pub(super) struct RolePolicies {
    pub(super) aws: Sandbox,
    pub(super) policies: Arc<InlinePolicies>,
}

impl ResourceType for RolePolicies {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        let id = same_or(&request, || generated(&request));
        let document = request.properties["PolicyDocument"].clone();
        let documents = if matches!(request.action, ResourceAction::Delete(_)) {
            Vec::new()
        } else {
            vec![document]
        };
        for role in
            request.properties["Roles"].as_array().into_iter().flatten().filter_map(Value::as_str)
        {
            self.policies.set(&self.aws, (&request.account, role), &id, documents.clone());
        }
        done(Physical { id, attributes: json!({}) })
    }
}
