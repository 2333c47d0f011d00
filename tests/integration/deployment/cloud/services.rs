//! The services that the local AWS does not have, as far as templates and commands need them: S3,
//! Lambda, SNS and KMS.

use std::collections::BTreeMap;
use std::sync::Weak;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sandbox::{Function, Invocation, LambdaProcess, ResourceAction, ResourceRequest, Role};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::deployments::Deployments;
use super::permissions::check_action;
use crate::program::{bootstrap, variables};

/// What exists in these services, by name or ARN.
#[derive(Default)]
pub(super) struct Services {
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) functions: BTreeMap<String, DeployedFunction>,
    pub(super) topics: BTreeMap<String, Topic>,
    /// The policy of each KMS key.
    pub(super) keys: BTreeMap<String, Value>,
}

#[derive(Default)]
pub(super) struct Bucket {
    pub(super) account: String,
    pub(super) policy: Option<Value>,
    pub(super) objects: BTreeMap<String, Vec<u8>>,
}

pub(super) struct DeployedFunction {
    pub(super) role: Role,
    pub(super) region: String,
    pub(super) environment: Vec<(String, String)>,
    pub(super) code: Vec<u8>,
}

#[derive(Default)]
pub(super) struct Topic {
    pub(super) policy: Value,
    /// The KMS key that encrypts it, with the key's policy.
    pub(super) key: Option<(String, Value)>,
}

impl Services {
    /// Returns an object of a bucket, if the deployer may read it.
    pub(super) fn object(
        &self,
        request: &ResourceRequest,
        bucket: &str,
        key: &str,
    ) -> Result<Vec<u8>, String> {
        let deployer = request.deployer.as_ref().unwrap();
        let arn = format!("arn:aws:s3:::{bucket}/{key}");
        let found =
            self.buckets.get(bucket).ok_or_else(|| format!("there is no bucket {bucket}"))?;
        if found.account == request.account {
            check_action(deployer, "s3:GetObject", &arn)?;
        } else {
            let policy = found.policy.clone().ok_or_else(|| format!("{bucket} has no policy"))?;
            let allowed = deployer.may_by(policy, "s3:GetObject", &arn);
            allowed
                .then_some(())
                .ok_or_else(|| format!("{} may not read {arn}", deployer.arn()))?;
        }
        let object = found.objects.get(key).cloned();
        object.ok_or_else(|| format!("there is no object {key} in {bucket}"))
    }
}

/// A deployed function for CloudFormation. Each event starts the real program with the credentials
/// of the role and the environment that the function has then.
pub(super) struct ColdStart {
    pub(super) deployments: Weak<Deployments>,
    pub(super) arn: String,
}

impl ColdStart {
    fn environment(&self) -> Option<Vec<(String, String)>> {
        let deployments = self.deployments.upgrade()?;
        let services = deployments.services();
        let function = services.functions.get(&self.arn)?;
        let mut environment = deployments.aws.env(&function.role.credentials());
        environment.extend(function.environment.iter().cloned());
        environment.extend(variables([
            ("AWS_REGION", &function.region),
            ("DELEGATION_RESPONSE_HOSTS", &deployments.bucket.host()),
            ("DELEGATION_PROPAGATION_WAIT", "0"),
            ("DELEGATION_DNS_RESOLVER", &deployments.resolver.to_string()),
            ("DELEGATION_DNS_ANY_ADDRESS", "true"),
        ]));
        Some(environment)
    }
}

impl Function for ColdStart {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Invocation> {
        async move {
            match self.environment() {
                Some(environment) => {
                    let process = LambdaProcess::spawn(bootstrap(environment)).await.unwrap();
                    process.invoke(event).await
                }
                None => Invocation::Exited(format!("there is no function {}", self.arn)),
            }
        }
        .boxed()
    }
}

/// A topic for CloudFormation: it passes events to the function that has subscribed.
pub(super) struct Subscription(pub(super) ColdStart);

impl Function for Subscription {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Invocation> {
        let topic = event["ResourceProperties"]["ServiceToken"].clone();
        self.0.invoke(json!({"Records": [{
            "EventSource": "aws:sns",
            "Sns": {"TopicArn": topic, "MessageId": "message", "Message": event.to_string()},
        }]}))
    }
}

/// Returns a property that is a string.
pub(super) fn text(properties: &Value, property: &str) -> String {
    let text = properties[property].as_str();
    text.unwrap_or_else(|| panic!("no string {property} in {properties}")).to_owned()
}

/// Returns the ARN of a function in the account and Region of a stack. `Ref` of a function returns
/// its name, and `GetAtt Arn` the ARN.
pub(super) fn function_arn(request: &ResourceRequest, name: &str) -> String {
    let name = name.rsplit(':').next().unwrap();
    format!("arn:aws:lambda:{}:{}:function:{name}", request.region, request.account)
}

/// Returns the ARN of a topic, which is its physical id.
pub(super) fn topic_arn(request: &ResourceRequest) -> String {
    match &request.action {
        ResourceAction::Create => {
            format!("arn:aws:sns:{}:{}:{}", request.region, request.account, unique(request))
        }
        ResourceAction::Update(arn, _) | ResourceAction::Delete(arn) => arn.clone(),
    }
}

/// Returns a name that no other resource has.
pub(super) fn unique(request: &ResourceRequest) -> String {
    format!("{}-{}", request.stack, request.logical_id)
}

/// Returns the Base64 of the SHA-256 digest, as Lambda shows it.
pub(super) fn digest(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let hash = Sha256::digest(bytes);
    let mut text = String::new();
    for three in hash.chunks(3) {
        let byte = |index: usize| usize::from(three.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for target in 0..4 {
            let letter = char::from(LETTERS[bits >> (18 - 6 * target) & 63]);
            text.push(if target > three.len() { '=' } else { letter });
        }
    }
    text
}
