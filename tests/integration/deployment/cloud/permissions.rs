//! The permissions that the deployer of a stack needs. CloudFormation makes its calls in the
//! deployer's name, so each request for a resource takes the permission for the actions of its
//! type. The local CloudFormation itself lets everybody do everything.

use sandbox::{ResourceAction, ResourceRequest, Role};

use super::services::{Services, Topic, function_arn, text, topic_arn};

/// The actions that CloudFormation takes for a type of resources.
struct Actions {
    resource_type: &'static str,
    create: &'static [&'static str],
    update: &'static [&'static str],
    delete: &'static [&'static str],
}

impl Actions {
    const fn new(
        resource_type: &'static str,
        create: &'static [&'static str],
        update: &'static [&'static str],
        delete: &'static [&'static str],
    ) -> Self {
        Self { resource_type, create, update, delete }
    }

    /// A type with one action that creates and updates.
    const fn put(
        resource_type: &'static str,
        put: &'static [&'static str],
        delete: &'static [&'static str],
    ) -> Self {
        Self::new(resource_type, put, put, delete)
    }
}

/// The types in the templates. Those without an action for a Delete are deleted together with what
/// they belong to.
const ACTIONS: [Actions; 22] = [
    Actions::new(
        "AWS::IAM::Role",
        &["iam:CreateRole", "iam:PutRolePolicy"],
        &["iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy"],
        &["iam:DeleteRolePolicy", "iam:DeleteRole"],
    ),
    Actions::new(
        "AWS::Lambda::Function",
        &["lambda:CreateFunction"],
        &["lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"],
        &["lambda:DeleteFunction"],
    ),
    Actions::put("AWS::Lambda::Version", &["lambda:PublishVersion"], &[]),
    Actions::put(
        "AWS::Lambda::EventInvokeConfig",
        &["lambda:PutFunctionEventInvokeConfig"],
        &["lambda:DeleteFunctionEventInvokeConfig"],
    ),
    Actions::put(
        "AWS::Lambda::Permission",
        &["lambda:AddPermission"],
        &["lambda:RemovePermission"],
    ),
    Actions::new(
        "AWS::Route53::HostedZone",
        &["route53:CreateHostedZone"],
        &["route53:UpdateHostedZoneComment"],
        &["route53:DeleteHostedZone"],
    ),
    Actions::new(
        "AWS::CloudFormation::Stack",
        &["cloudformation:CreateStack"],
        &["cloudformation:UpdateStack"],
        &["cloudformation:DeleteStack"],
    ),
    Actions::new(
        "AWS::CloudFormation::StackSet",
        &["cloudformation:CreateStackSet"],
        &["cloudformation:UpdateStackSet"],
        &["cloudformation:DeleteStackSet"],
    ),
    Actions::put("AWS::S3::Bucket", &["s3:CreateBucket"], &["s3:DeleteBucket"]),
    Actions::put("AWS::S3::BucketPolicy", &["s3:PutBucketPolicy"], &[]),
    Actions::put("AWS::SNS::Topic", &["sns:CreateTopic"], &["sns:DeleteTopic"]),
    Actions::put("AWS::SNS::TopicPolicy", &["sns:SetTopicAttributes"], &[]),
    Actions::put("AWS::SNS::Subscription", &["sns:Subscribe"], &["sns:Unsubscribe"]),
    Actions::new(
        "AWS::KMS::Key",
        &["kms:CreateKey"],
        &["kms:PutKeyPolicy"],
        &["kms:ScheduleKeyDeletion"],
    ),
    Actions::put("AWS::SQS::Queue", &["sqs:CreateQueue"], &["sqs:DeleteQueue"]),
    Actions::put("AWS::SQS::QueuePolicy", &["sqs:SetQueueAttributes"], &["sqs:SetQueueAttributes"]),
    Actions::put("AWS::Logs::LogGroup", &["logs:CreateLogGroup"], &["logs:DeleteLogGroup"]),
    Actions::put(
        "AWS::Logs::MetricFilter",
        &["logs:PutMetricFilter"],
        &["logs:DeleteMetricFilter"],
    ),
    Actions::put(
        "AWS::Logs::QueryDefinition",
        &["logs:PutQueryDefinition"],
        &["logs:DeleteQueryDefinition"],
    ),
    Actions::put("AWS::SSM::Parameter", &["ssm:PutParameter"], &["ssm:DeleteParameter"]),
    Actions::put(
        "AWS::CloudWatch::Alarm",
        &["cloudwatch:PutMetricAlarm"],
        &["cloudwatch:DeleteAlarms"],
    ),
    Actions::put(
        "AWS::CloudWatch::Dashboard",
        &["cloudwatch:PutDashboard"],
        &["cloudwatch:DeleteDashboards"],
    ),
];

/// Returns the ARN of a stack, whose id is the last part.
pub(super) fn stack_arn(region: &str, account: &str, name: &str) -> String {
    let id = "51af3dc0-da77-11e4-872e-1234567db123";
    format!("arn:aws:cloudformation:{region}:{account}:stack/{name}/{id}")
}

/// Checks that a role has a permission.
pub(super) fn check_action(role: &Role, action: &str, resource: &str) -> Result<(), String> {
    let allowed = role.may(action, resource);
    allowed.then_some(()).ok_or_else(|| format!("{} may not {action} on {resource}", role.arn()))
}

/// Checks that the deployer may have a request carried out.
pub(super) fn check(services: &Services, request: &ResourceRequest) -> Result<(), String> {
    let deployer = request.deployer.as_ref().unwrap();
    let kind = request.resource_type.as_str();
    if kind == "Custom::Delegation" {
        let token = text(&request.properties, "ServiceToken");
        return match services.topics.get(&token) {
            Some(topic) => check_publish(topic, deployer, &token),
            None => check_action(deployer, "lambda:InvokeFunction", &token),
        };
    }
    let actions = ACTIONS.iter().find(|actions| actions.resource_type == kind);
    let actions = actions.ok_or_else(|| format!("this test does not know the type {kind}"))?;
    let actions = match request.action {
        ResourceAction::Create => actions.create,
        ResourceAction::Update(..) => actions.update,
        ResourceAction::Delete(_) => actions.delete,
    };
    let resource = resource(request);
    for action in actions {
        check_action(deployer, action, &resource)?;
    }
    let passes_role =
        kind == "AWS::Lambda::Function" && !matches!(request.action, ResourceAction::Delete(_));
    if passes_role {
        check_action(deployer, "iam:PassRole", &text(&request.properties, "Role"))?;
    }
    Ok(())
}

/// Returns the ARN of the resource. `*` if no policy in these tests depends on it.
fn resource(request: &ResourceRequest) -> String {
    let property = |name: &str| text(&request.properties, name);
    let name = |property_name: &str| match &request.action {
        ResourceAction::Delete(id) => id.clone(),
        _ => property(property_name),
    };
    match (request.resource_type.as_str(), &request.action) {
        ("AWS::IAM::Role", _) => {
            format!("arn:aws:iam::{}:role/{}", request.account, name("RoleName"))
        }
        ("AWS::CloudFormation::Stack", action) => {
            let name = match action {
                ResourceAction::Create => format!("{}-{}", request.stack, request.logical_id),
                ResourceAction::Update(id, _) | ResourceAction::Delete(id) => id.clone(),
            };
            stack_arn(&request.region, &request.account, &name)
        }
        ("AWS::Lambda::Function", _) => function_arn(request, &name("FunctionName")),
        ("AWS::Lambda::Version", _) => function_arn(request, &property("FunctionName")),
        ("AWS::S3::Bucket", _) => format!("arn:aws:s3:::{}", name("BucketName")),
        ("AWS::S3::BucketPolicy", _) => format!("arn:aws:s3:::{}", property("Bucket")),
        ("AWS::SNS::Topic", _) => topic_arn(request),
        ("AWS::SNS::TopicPolicy", _) => {
            request.properties["Topics"][0].as_str().unwrap().to_owned()
        }
        (
            "AWS::Route53::HostedZone",
            ResourceAction::Update(id, _) | ResourceAction::Delete(id),
        ) => {
            format!("arn:aws:route53:::hostedzone/{id}")
        }
        _ => "*".to_owned(),
    }
}

/// Checks that the deployer may publish to a topic, and use the KMS key of the topic for that.
fn check_publish(topic: &Topic, deployer: &Role, arn: &str) -> Result<(), String> {
    let (key, key_policy) = topic.key.as_ref().unwrap();
    let via = format!("sns.{}.amazonaws.com", arn.split(':').nth(3).unwrap());
    let encrypts =
        |action| deployer.may_by_with(key_policy.clone(), action, key, &[("kms:ViaService", &via)]);
    let publishes = deployer.may_by(topic.policy.clone(), "sns:Publish", arn);
    let all = publishes && encrypts("kms:GenerateDataKey") && encrypts("kms:Decrypt");
    all.then_some(()).ok_or_else(|| format!("{} may not publish to {arn}", deployer.arn()))
}
