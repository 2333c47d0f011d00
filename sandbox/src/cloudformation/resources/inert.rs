//! Types of resources that only exist.

use futures::future::BoxFuture;
use serde_json::json;

use super::{done, generated, same_or};
use crate::cloudformation::{Physical, ResourceRequest, ResourceType};

/// The types that nothing here reads.
pub(super) const INERT: [&str; 16] = [
    "AWS::CDK::Metadata",
    "AWS::CertificateManager::Certificate",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::KMS::Key",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::QueryDefinition",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::WaitCondition",
];

/// A resource with a name and an ARN.
pub(super) struct Inert(pub(super) &'static str);

impl ResourceType for Inert {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        let id = same_or(&request, || generated(&request));
        let service = self.0.split("::").nth(1).unwrap_or_default().to_ascii_lowercase();
        let arn = format!("arn:aws:{service}:{}:{}:{id}", request.region, request.account);
        let attributes = json!({"Arn": arn, "QueueName": id, "TopicName": id, "KeyId": id});
        done(Physical { id: if self.0 == "AWS::SNS::Topic" { arn } else { id }, attributes })
    }
}
