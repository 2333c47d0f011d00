//! Models of the types of resources that the local CloudFormation does not have, or that the tests
//! of the pages need in more detail: functions with their code, and who may read a bucket or
//! publish to a topic.

#![expect(clippy::unnecessary_wraps, reason = "the models have one signature")]

use std::sync::{Arc, Weak};

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use sandbox::{CloudFormation, Physical, ResourceAction, ResourceRequest, ResourceType};
use serde_json::{Value, json};

use super::deployments::Deployments;
use super::services::{
    Bucket, ColdStart, DeployedFunction, Subscription, digest, function_arn, text, topic_arn,
    unique,
};
use super::stack_sets::StackSets;

type Handled = Result<Physical, String>;

type Handle = fn(&Arc<Deployments>, &ResourceRequest) -> Handled;

/// A type of resources that is modeled by a function.
struct Model {
    deployments: Weak<Deployments>,
    handle: Handle,
}

impl ResourceType for Model {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Handled> {
        ready((self.handle)(&self.deployments.upgrade().unwrap(), &request)).boxed()
    }
}

/// Registers all models.
pub(super) fn register(deployments: &Arc<Deployments>, region: &CloudFormation) {
    let models: [(&str, Handle); 8] = [
        ("AWS::Lambda::Function", function),
        ("AWS::Lambda::Version", version),
        ("AWS::S3::Bucket", bucket),
        ("AWS::S3::BucketPolicy", bucket_policy),
        ("AWS::SNS::Topic", topic),
        ("AWS::SNS::TopicPolicy", topic_policy),
        ("AWS::SNS::Subscription", subscription),
        ("AWS::KMS::Key", key),
    ];
    for (name, handle) in models {
        let deployments = Arc::downgrade(deployments);
        region.register(name, Arc::new(Model { deployments, handle }));
    }
    let stack_sets = StackSets(Arc::downgrade(deployments));
    region.register("AWS::CloudFormation::StackSet", Arc::new(stack_sets));
}

fn function(deployments: &Arc<Deployments>, request: &ResourceRequest) -> Handled {
    if let ResourceAction::Delete(name) = &request.action {
        deployments.services().functions.remove(&function_arn(request, name));
        return Ok(Physical { id: name.clone(), attributes: json!({}) });
    }
    let properties = &request.properties;
    let name = text(properties, "FunctionName");
    let arn = function_arn(request, &name);
    let code = &properties["Code"];
    let code = match (code["S3Bucket"].as_str(), code["S3Key"].as_str()) {
        (Some(bucket), Some(key)) => deployments.services().object(request, bucket, key)?,
        // `sam deploy` uploads what it built to a bucket of its own.
        _ => b"what sam build made".to_vec(),
    };
    let role = text(properties, "Role");
    let role = deployments.aws.account(&request.account).role(role.rsplit('/').next().unwrap());
    let environment = properties["Environment"]["Variables"].as_object().unwrap();
    let environment = environment
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let region = request.region.clone();
    let function = DeployedFunction { role, region, environment, code };
    deployments.services().functions.insert(arn.clone(), function);
    let cold_start = ColdStart { deployments: Arc::downgrade(deployments), arn: arn.clone() };
    deployments.region(&request.region).register_function(&arn, Arc::new(cold_start));
    Ok(Physical { id: name, attributes: json!({ "Arn": arn }) })
}

/// A version is published only if the code has the digest.
fn version(deployments: &Arc<Deployments>, request: &ResourceRequest) -> Handled {
    if !matches!(request.action, ResourceAction::Delete(_)) {
        let arn = function_arn(request, &text(&request.properties, "FunctionName"));
        let expected = text(&request.properties, "CodeSha256");
        let actual = digest(&deployments.services().functions[&arn].code);
        if expected != actual {
            return Err(format!(
                "CodeSHA256 ({expected}) is different from current CodeSHA256 ({actual})"
            ));
        }
    }
    Ok(Physical { id: unique(request), attributes: json!({}) })
}

fn bucket(deployments: &Arc<Deployments>, request: &ResourceRequest) -> Handled {
    let mut services = deployments.services();
    let name = match &request.action {
        ResourceAction::Create => {
            let name = text(&request.properties, "BucketName");
            if services.buckets.contains_key(&name) {
                return Err(
                    "BucketAlreadyExists: the bucket namespace is shared by all users of the system"
                        .into(),
                );
            }
            let bucket = Bucket { account: request.account.clone(), ..Bucket::default() };
            services.buckets.insert(name.clone(), bucket);
            name
        }
        ResourceAction::Update(name, _) => name.clone(),
        ResourceAction::Delete(name) => {
            services.buckets.remove(name);
            name.clone()
        }
    };
    let arn = format!("arn:aws:s3:::{name}");
    Ok(Physical { id: name, attributes: json!({ "Arn": arn }) })
}

fn bucket_policy(deployments: &Arc<Deployments>, request: &ResourceRequest) -> Handled {
    let bucket = text(&request.properties, "Bucket");
    if let Some(bucket) = deployments.services().buckets.get_mut(&bucket) {
        let is_deleted = matches!(request.action, ResourceAction::Delete(_));
        bucket.policy = (!is_deleted).then(|| request.properties["PolicyDocument"].clone());
    }
    Ok(Physical { id: unique(request), attributes: json!({}) })
}

fn topic(deployments: &Arc<Deployments>, request: &ResourceRequest) -> Handled {
    let arn = topic_arn(request);
    let mut services = deployments.services();
    if let ResourceAction::Delete(_) = request.action {
        services.topics.remove(&arn);
    } else {
        let key = request.properties["KmsMasterKeyId"].as_str();
        let key = key.map(|key| (key.to_owned(), services.keys[key].clone()));
        services.topics.entry(arn.clone()).or_default().key = key;
    }
    Ok(Physical { id: arn, attributes: json!({}) })
}

fn topic_policy(deployments: &Arc<Deployments>, request: &ResourceRequest) -> Handled {
    let topic = request.properties["Topics"][0].as_str().unwrap();
    if let Some(topic) = deployments.services().topics.get_mut(topic) {
        topic.policy = match request.action {
            ResourceAction::Delete(_) => Value::Null,
            _ => request.properties["PolicyDocument"].clone(),
        };
    }
    Ok(Physical { id: unique(request), attributes: json!({}) })
}

fn subscription(deployments: &Arc<Deployments>, request: &ResourceRequest) -> Handled {
    if !matches!(request.action, ResourceAction::Delete(_)) {
        let (topic, arn) =
            (text(&request.properties, "TopicArn"), text(&request.properties, "Endpoint"));
        let function = ColdStart { deployments: Arc::downgrade(deployments), arn };
        let region = deployments.region(&request.region);
        region.register_function(&topic, Arc::new(Subscription(function)));
    }
    Ok(Physical { id: unique(request), attributes: json!({}) })
}

fn key(deployments: &Arc<Deployments>, request: &ResourceRequest) -> Handled {
    let id = unique(request);
    let arn = format!("arn:aws:kms:{}:{}:key/{id}", request.region, request.account);
    let mut services = deployments.services();
    if let ResourceAction::Delete(_) = request.action {
        services.keys.remove(&arn);
    } else {
        services.keys.insert(arn.clone(), request.properties["KeyPolicy"].clone());
    }
    Ok(Physical { id, attributes: json!({ "Arn": arn }) })
}
