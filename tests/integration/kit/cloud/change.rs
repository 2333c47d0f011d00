//! Creates, updates and deletes the resources of a stack, with the permissions that this needs.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use test_support::Answer;

use super::{Bucket, Cloud, Function, Principal, Resource, Target, Topic, digest};

const MANAGEMENT: &str = "999999999999";

/// Resources of which only the permissions matter: the type, the action of a Create or Update, and
/// that of a Delete.
const OTHERS: [(&str, &str, &str); 11] = [
    (
        "AWS::Lambda::EventInvokeConfig",
        "lambda:PutFunctionEventInvokeConfig",
        "lambda:DeleteFunctionEventInvokeConfig",
    ),
    ("AWS::SQS::Queue", "sqs:CreateQueue", "sqs:DeleteQueue"),
    ("AWS::SQS::QueuePolicy", "sqs:SetQueueAttributes", "sqs:SetQueueAttributes"),
    ("AWS::Logs::LogGroup", "logs:CreateLogGroup", "logs:DeleteLogGroup"),
    ("AWS::Logs::MetricFilter", "logs:PutMetricFilter", "logs:DeleteMetricFilter"),
    ("AWS::Logs::QueryDefinition", "logs:PutQueryDefinition", "logs:DeleteQueryDefinition"),
    ("AWS::SSM::Parameter", "ssm:PutParameter", "ssm:DeleteParameter"),
    ("AWS::CloudWatch::Alarm", "cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"),
    ("AWS::CloudWatch::Dashboard", "cloudwatch:PutDashboard", "cloudwatch:DeleteDashboards"),
    ("AWS::SNS::Subscription", "sns:Subscribe", "sns:Unsubscribe"),
    ("AWS::Lambda::Permission", "lambda:AddPermission", "lambda:RemovePermission"),
];

impl Resource {
    fn text(&self, property: &str) -> String {
        self.properties[property]
            .as_str()
            .unwrap_or_else(|| panic!("{}: no {property}", self.id))
            .to_owned()
    }

    fn gives(&mut self, attribute: &str, value: Value) {
        self.attributes.insert(attribute.to_owned(), value);
    }
}

impl Topic {
    /// Checks that `by` may publish to the topic, as CloudFormation does in the deployer's name,
    /// and that the KMS key may be used for it.
    fn admits(&self, by: &Principal, arn: &str) -> Result<(), String> {
        let (key, policy) = self.key.as_ref().unwrap();
        let via = format!("sns.{}.amazonaws.com", arn.split(':').nth(3).unwrap());
        let encrypts =
            |action| by.role.may_by_with(policy.clone(), action, key, &[("kms:ViaService", &via)]);
        let publishes = by.role.may_by(self.policy.clone(), "sns:Publish", arn);
        let all = publishes && encrypts("kms:GenerateDataKey") && encrypts("kms:Decrypt");
        all.then_some(()).ok_or_else(|| format!("{} may not publish to {arn}", by.role.arn()))
    }
}

fn role_arn(account: &str, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/{role}")
}

fn function_arn(target: &Target, name: &str) -> String {
    // `Ref` returns the name, `GetAtt Arn` the ARN.
    let name = name.rsplit(':').next().unwrap();
    format!("arn:aws:lambda:{}:{}:function:{name}", target.region, target.account)
}

fn texts(object: &Value) -> BTreeMap<String, String> {
    let entries = object.as_object().cloned().unwrap_or_default();
    entries
        .into_iter()
        .map(|(name, value)| {
            (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        })
        .collect()
}

impl Cloud {
    /// Creates or updates a resource.
    pub(super) async fn apply(
        &mut self,
        target: &Target,
        stack: &str,
        id: &str,
        resource: &Value,
        before: Option<Resource>,
    ) -> Result<Resource, String> {
        let mut one = Resource {
            id: id.to_owned(),
            kind: resource["Type"].as_str().unwrap().to_owned(),
            properties: resource["Properties"].clone(),
            physical: before.as_ref().map_or_else(
                || format!("{stack}-{id}-{}", self.next()),
                |one| one.physical.clone(),
            ),
            retained: resource["DeletionPolicy"] == "Retain",
            attributes: before.as_ref().map(|one| one.attributes.clone()).unwrap_or_default(),
        };
        if before.as_ref().is_some_and(|before| before.properties == one.properties) {
            return Ok(one);
        }
        match one.kind.clone().as_str() {
            "AWS::IAM::Role" => self.make_role(target, &mut one, before.is_some())?,
            "AWS::Lambda::Function" => self.make_function(target, &mut one, before.is_some())?,
            "AWS::Lambda::Version" => self.publish(target, &one)?,
            "AWS::SNS::Topic" => self.make_topic(target, &mut one)?,
            "AWS::SNS::TopicPolicy" => {
                let topic = one.properties["Topics"][0].as_str().unwrap().to_owned();
                target.by.may("sns:SetTopicAttributes", &topic)?;
                self.topics.get_mut(&topic).unwrap().policy =
                    one.properties["PolicyDocument"].clone();
            }
            "AWS::KMS::Key" => {
                target.by.may("kms:CreateKey", "*")?;
                let arn = format!(
                    "arn:aws:kms:{}:{}:key/{}",
                    target.region, target.account, one.physical
                );
                self.keys.insert(arn.clone(), one.properties["KeyPolicy"].clone());
                one.gives("Arn", json!(arn));
            }
            "AWS::S3::Bucket" => self.make_bucket(target, &mut one, before.is_some())?,
            "AWS::S3::BucketPolicy" => {
                let bucket = one.text("Bucket");
                target.by.may("s3:PutBucketPolicy", &format!("arn:aws:s3:::{bucket}"))?;
                self.buckets.get_mut(&bucket).unwrap().policy =
                    Some(one.properties["PolicyDocument"].clone());
            }
            "AWS::Route53::HostedZone" => {
                target.by.may("route53:CreateHostedZone", "*")?;
                let zone = self.account(&target.account).hosted_zone(&one.text("Name"));
                one.physical = zone.id();
                one.gives("NameServers", json!(zone.name_servers()));
            }
            "AWS::CloudFormation::Stack" => {
                target.by.may("cloudformation:CreateStack", "*")?;
                let text = self.url(&target.by, &one.text("TemplateURL"))?;
                let (name, given) = (format!("{stack}-{id}"), texts(&one.properties["Parameters"]));
                Box::pin(self.deploy(target, &name, "a nested stack", &text, given)).await?;
                let key = (target.account.clone(), target.region.clone(), name);
                for (output, value) in self.stacks[&key].outputs.clone() {
                    one.gives(&format!("Outputs.{output}"), json!(value));
                }
            }
            "AWS::CloudFormation::StackSet" => self.make_stack_set(target, &one).await?,
            "Custom::Delegation" => self.delegate(target, stack, &mut one, before.as_ref()).await?,
            kind => {
                let (_, action, _) = OTHERS
                    .iter()
                    .find(|(known, ..)| *known == kind)
                    .ok_or(format!("this test does not know the resource type {kind}"))?;
                target.by.may(action, "*")?;
                one.gives(
                    "Arn",
                    json!(format!(
                        "arn:aws:any:{}:{}:{}",
                        target.region, target.account, one.physical
                    )),
                );
                one.gives("QueueName", json!(one.physical));
                match kind {
                    "AWS::SNS::Subscription" => {
                        self.topics.get_mut(&one.text("TopicArn")).unwrap().function =
                            one.text("Endpoint");
                    }
                    "AWS::Lambda::Permission" => {
                        let function = function_arn(target, &one.text("FunctionName"));
                        self.functions
                            .get_mut(&function)
                            .unwrap()
                            .permissions
                            .push(one.properties.clone());
                    }
                    _ => {}
                }
            }
        }
        Ok(one)
    }

    fn make_role(
        &mut self,
        target: &Target,
        one: &mut Resource,
        exists: bool,
    ) -> Result<(), String> {
        one.physical = one.text("RoleName");
        let arn = role_arn(&target.account, &one.physical);
        for action in [
            if exists { "iam:UpdateAssumeRolePolicy" } else { "iam:CreateRole" },
            "iam:PutRolePolicy",
        ] {
            target.by.may(action, &arn)?;
        }
        let role = self.account(&target.account).role(&one.physical).without_policies();
        let role = role.trust(one.properties["AssumeRolePolicyDocument"].clone());
        for policy in one.properties["Policies"].as_array().into_iter().flatten() {
            role.clone().policy(policy["PolicyDocument"].clone());
        }
        one.gives("Arn", json!(arn));
        Ok(())
    }

    fn make_function(
        &mut self,
        target: &Target,
        one: &mut Resource,
        exists: bool,
    ) -> Result<(), String> {
        one.physical = one.text("FunctionName");
        let (arn, role) = (function_arn(target, &one.physical), one.text("Role"));
        let changes: &[&str] = &["lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"];
        let calls = if exists { changes } else { &["lambda:CreateFunction"] };
        for action in calls {
            target.by.may(action, &arn)?;
        }
        target.by.may("iam:PassRole", &role)?;
        let code = &one.properties["Code"];
        let code = match (code["S3Bucket"].as_str(), code["S3Key"].as_str()) {
            (Some(bucket), Some(key)) => self.object(&target.by, bucket, key)?,
            // `sam deploy` uploads what it built to a bucket of its own.
            _ => b"what sam build made".to_vec(),
        };
        let role = self.account(&target.account).role(role.rsplit('/').next().unwrap());
        let permissions =
            self.functions.remove(&arn).map(|function| function.permissions).unwrap_or_default();
        self.functions.insert(arn.clone(), Function { role, code, permissions });
        one.gives("Arn", json!(arn));
        Ok(())
    }

    fn publish(&self, target: &Target, one: &Resource) -> Result<(), String> {
        let arn = function_arn(target, &one.text("FunctionName"));
        target.by.may("lambda:PublishVersion", &arn)?;
        let (expected, actual) = (one.text("CodeSha256"), digest(&self.functions[&arn].code));
        (expected == actual).then_some(()).ok_or(format!(
            "CodeSHA256 ({expected}) is different from current CodeSHA256 ({actual})"
        ))
    }

    fn make_topic(&mut self, target: &Target, one: &mut Resource) -> Result<(), String> {
        let arn = format!("arn:aws:sns:{}:{}:{}", target.region, target.account, one.physical);
        target.by.may("sns:CreateTopic", &arn)?;
        let key = one.properties["KmsMasterKeyId"]
            .as_str()
            .map(|key| (key.to_owned(), self.keys[key].clone()));
        self.topics.insert(arn.clone(), Topic { key, ..Topic::default() });
        one.physical = arn;
        Ok(())
    }

    fn make_bucket(
        &mut self,
        target: &Target,
        one: &mut Resource,
        exists: bool,
    ) -> Result<(), String> {
        one.physical = one.text("BucketName");
        target.by.may("s3:CreateBucket", &format!("arn:aws:s3:::{}", one.physical))?;
        if !exists && self.buckets.contains_key(&one.physical) {
            return Err(
                "BucketAlreadyExists: the bucket namespace is shared by all users of the system"
                    .into(),
            );
        }
        let bucket = Bucket { account: target.account.clone(), ..Bucket::default() };
        self.buckets.entry(one.physical.clone()).or_insert(bucket);
        one.gives("Arn", json!(format!("arn:aws:s3:::{}", one.physical)));
        Ok(())
    }

    async fn make_stack_set(&mut self, target: &Target, one: &Resource) -> Result<(), String> {
        target.by.may("cloudformation:CreateStackSet", "*")?;
        let administers = match one.text("CallAs").as_str() {
            "SELF" => target.account == MANAGEMENT,
            _ => self.delegated_administrators.contains(&target.account),
        };
        administers
            .then_some(())
            .ok_or("this account administers no stack sets of the organization")?;
        let text = self.url(&target.by, &one.text("TemplateURL"))?;
        let given = one.properties["Parameters"].as_array().unwrap().iter();
        let given: BTreeMap<String, String> = given
            .map(|one| {
                (
                    one["ParameterKey"].as_str().unwrap().to_owned(),
                    one["ParameterValue"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        for (account, region) in self.targets(&one.properties) {
            let instance = Target { by: self.stack_sets_role(&account), account, region };
            let name = format!("StackSet-{}", one.text("StackSetName"));
            let done =
                Box::pin(self.deploy(&instance, &name, "a stack set", &text, given.clone())).await;
            done.map_err(|reason| {
                format!("{} in {}: {reason}", instance.account, instance.region)
            })?;
        }
        Ok(())
    }

    /// Sends a request to the function of the service token, as CloudFormation does in the
    /// deployer's name.
    async fn send(
        &mut self,
        by: &Principal,
        stack: &str,
        one: &Resource,
        kind: &str,
        fields: Value,
    ) -> Result<Answer, String> {
        let token = one.text("ServiceToken");
        let function = if let Some(topic) = self.topics.get(&token) {
            topic.admits(by, &token)?;
            topic.function.clone()
        } else {
            by.may("lambda:InvokeFunction", &token)?;
            token
        };
        let role = self
            .functions
            .get(&function)
            .ok_or_else(|| format!("there is no function {function}"))?
            .role
            .clone();
        self.fixture.function_role = role;
        self.fixture.restart(test_support::at_once).await;
        stack.clone_into(&mut self.fixture.stack);
        one.id.clone_into(&mut self.fixture.logical_id);
        let answer = self.fixture.deliver(self.fixture.event(kind, fields)).await;
        if answer.0["Status"] == "SUCCESS" { Ok(answer) } else { Err(answer.reason().to_owned()) }
    }

    async fn delegate(
        &mut self,
        target: &Target,
        stack: &str,
        one: &mut Resource,
        before: Option<&Resource>,
    ) -> Result<(), String> {
        one.properties = sent(&one.properties);
        let stack = super::stack_arn(target, stack);
        let mut fields = json!({"ResourceProperties": one.properties});
        let kind = match before {
            Some(before) => {
                fields["PhysicalResourceId"] = json!(before.physical);
                fields["OldResourceProperties"] = before.properties.clone();
                "Update"
            }
            None => "Create",
        };
        let answer = self.send(&target.by, &stack, one, kind, fields).await?;
        answer.id().clone_into(&mut one.physical);
        for (attribute, value) in answer.0["Data"].as_object().unwrap() {
            one.gives(attribute, value.clone());
        }
        if let Some(before) = before.filter(|before| before.physical != one.physical) {
            let fields = json!({"PhysicalResourceId": before.physical, "ResourceProperties": before.properties});
            self.send(&target.by, &stack, before, "Delete", fields).await?;
        }
        Ok(())
    }

    /// Deletes a resource.
    pub(super) async fn remove(
        &mut self,
        target: &Target,
        stack: &str,
        one: &Resource,
    ) -> Result<(), String> {
        match one.kind.as_str() {
            "AWS::IAM::Role" => {
                for action in ["iam:DeleteRolePolicy", "iam:DeleteRole"] {
                    target.by.may(action, &role_arn(&target.account, &one.physical))?;
                }
                self.account(&target.account).role(&one.physical).delete();
            }
            "AWS::Lambda::Function" => {
                let arn = function_arn(target, &one.physical);
                target.by.may("lambda:DeleteFunction", &arn)?;
                self.functions.remove(&arn);
            }
            // These are deleted together with what they belong to.
            "AWS::Lambda::Version" | "AWS::SNS::TopicPolicy" | "AWS::S3::BucketPolicy" => {}
            "AWS::SNS::Topic" => {
                target.by.may("sns:DeleteTopic", &one.physical)?;
                self.topics.remove(&one.physical);
            }
            "AWS::Route53::HostedZone" => {
                let zone = self.fixture.aws.zone(&one.physical).unwrap();
                target.by.may(
                    "route53:DeleteHostedZone",
                    &format!("arn:aws:route53:::hostedzone/{}", one.physical),
                )?;
                zone.delete();
            }
            "AWS::CloudFormation::StackSet" => {
                target.by.may("cloudformation:DeleteStackSet", "*")?;
                for (account, region) in self.targets(&one.properties) {
                    let instance = Target { by: self.stack_sets_role(&account), account, region };
                    let name = format!("StackSet-{}", one.text("StackSetName"));
                    Box::pin(self.delete_stack(&instance, &name)).await?;
                }
            }
            "Custom::Delegation" => {
                let fields = json!({"PhysicalResourceId": one.physical, "ResourceProperties": one.properties});
                self.send(&target.by, &super::stack_arn(target, stack), one, "Delete", fields)
                    .await?;
            }
            kind => {
                let known = OTHERS.iter().find(|(known, ..)| *known == kind);
                let (_, _, action) = known.ok_or(format!("this test can't delete a {kind}"))?;
                target.by.may(action, "*")?;
            }
        }
        Ok(())
    }
}

/// Returns the properties as CloudFormation sends them to a custom resource: numbers and booleans
/// are strings. The DNS check is off, since there is no DNS in these tests; `tests/integration`
/// covers it.
fn sent(properties: &Value) -> Value {
    let text = |value: &Value| match value {
        Value::Bool(_) | Value::Number(_) => json!(value.to_string()),
        other => other.clone(),
    };
    let mut sent: serde_json::Map<String, Value> = properties
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect();
    sent.insert("Verification".into(), json!("NONE"));
    Value::Object(sent)
}
