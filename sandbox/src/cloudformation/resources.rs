//! The types of resources that CloudFormation knows here, except for custom ones.

mod functions;
mod hosted_zones;
mod inert;
mod nested_stacks;
mod parameters;
mod record_sets;
mod roles;
mod signing;

use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{CloudFormation, Physical, ResourceAction, ResourceRequest, ResourceType};
use crate::dns::Dns;
use functions::LambdaFunctions;
use hosted_zones::HostedZones;
use inert::{INERT, Inert};
use nested_stacks::NestedStacks;
use parameters::Parameters;
use record_sets::RecordSets;
use roles::{InlinePolicies, RolePolicies, Roles};
use signing::{KeySigningKeys, Signing};

/// Registers all types. They refer to the Region by weak references, because the Region owns them.
pub(super) fn register(region: &CloudFormation, function_env: &[(&str, &str)]) {
    let (aws, policies) = (&region.aws, Arc::new(InlinePolicies::default()));
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let functions = LambdaFunctions {
        aws: aws.clone(),
        bucket: region.bucket.clone(),
        shared: Arc::downgrade(&region.shared),
        env: function_env.iter().map(pair).collect(),
    };
    let parameters = Parameters(Arc::downgrade(&region.shared));
    let stacks = NestedStacks {
        aws: aws.clone(),
        bucket: region.bucket.clone(),
        shared: Arc::downgrade(&region.shared),
        states: Mutex::default(),
    };
    let types: [(&str, Arc<dyn ResourceType>); 8] = [
        ("AWS::Route53::HostedZone", Arc::new(HostedZones(aws.clone()))),
        ("AWS::Route53::RecordSet", Arc::new(RecordSets(aws.clone()))),
        ("AWS::Route53::RecordSetGroup", Arc::new(RecordSets(aws.clone()))),
        ("AWS::IAM::Role", Arc::new(Roles { aws: aws.clone(), policies: Arc::clone(&policies) })),
        ("AWS::IAM::Policy", Arc::new(RolePolicies { aws: aws.clone(), policies })),
        ("AWS::Lambda::Function", Arc::new(functions)),
        ("AWS::SSM::Parameter", Arc::new(parameters)),
        ("AWS::CloudFormation::Stack", Arc::new(stacks)),
    ];
    for (name, kind) in types {
        region.register(name, kind);
    }
    for name in INERT {
        region.register(name, Arc::new(Inert(name)));
    }
}

/// Registers the types of signed zones, which `dns` serves.
pub(super) fn register_signing(region: &CloudFormation, dns: &Dns) {
    let keys = KeySigningKeys(region.aws.clone());
    region.register("AWS::Route53::KeySigningKey", Arc::new(keys));
    let signing = Signing { aws: region.aws.clone(), dns: dns.clone() };
    region.register("AWS::Route53::DNSSEC", Arc::new(signing));
}

/// A unique id: `<stack>-<logical id>-<12 letters>`.
fn generated(request: &ResourceRequest) -> String {
    let random: String = std::iter::repeat_with(|| fastrand::char('A'..='Z')).take(12).collect();
    format!("{}-{}-{random}", request.stack, request.logical_id)
}

/// The physical id of the resource; a new one for a Create.
fn same_or(request: &ResourceRequest, new: impl FnOnce() -> String) -> String {
    match &request.action {
        ResourceAction::Create => new(),
        ResourceAction::Update(id, _) | ResourceAction::Delete(id) => id.clone(),
    }
}

fn done(physical: Physical) -> BoxFuture<'static, Result<Physical, String>> {
    futures::future::ready(Ok(physical)).boxed()
}
