//! The fixture and the SDK clients that these tests share.

use aws_sdk_route53 as route53;
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use aws_sdk_sts as sts;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use sandbox::{Account, Credentials, Role, Sandbox, ZoneHandle};

pub(crate) const PARENT: &str = "111111111111";
pub(crate) const CHILD: &str = "222222222222";

/// Two accounts, a parent zone, a role that may change it, and a function that may assume the role.
pub(crate) struct Fixture {
    pub(crate) aws: Sandbox,
    pub(crate) parent: Account,
    pub(crate) child: Account,
    pub(crate) zone: ZoneHandle,
    pub(crate) role: Role,
    pub(crate) function: Role,
}

pub(crate) async fn fixture() -> Fixture {
    let aws = Sandbox::start().await.unwrap();
    let (parent, child) = (aws.account(PARENT), aws.account(CHILD));
    let zone = parent.hosted_zone("example.com");
    let role = parent.role("parent").trust_account(CHILD, None).allow_all_route53();
    let function = child.role("function").allow_assume("*").allow_all_route53();
    Fixture { aws, parent, child, zone, role, function }
}

fn keys(credentials: &Credentials) -> route53::config::Credentials {
    let token = credentials.session_token.clone();
    let (id, secret) = (credentials.access_key_id.as_str(), credentials.secret_access_key.as_str());
    route53::config::Credentials::new(id, secret, token, None, "test")
}

/// The SDK's own HTTP client.
pub(crate) fn http_client() -> route53::config::SharedHttpClient {
    let tls = Provider::Rustls(CryptoMode::Ring);
    aws_smithy_http_client::Builder::new().tls_provider(tls).build_https()
}

/// A Route 53 client that makes at most `attempts` attempts per call.
pub(crate) fn route53_client(
    aws: &Sandbox,
    credentials: &Credentials,
    attempts: u32,
) -> route53::Client {
    let config = route53::Config::builder()
        .behavior_version(route53::config::BehaviorVersion::latest())
        .http_client(http_client())
        .endpoint_url(aws.endpoint_url())
        .region(route53::config::Region::new("us-east-1"))
        .credentials_provider(keys(credentials))
        .retry_config(
            route53::config::retry::RetryConfig::standard()
                .with_max_attempts(attempts)
                .with_initial_backoff(std::time::Duration::from_millis(1)),
        )
        .build();
    route53::Client::from_conf(config)
}

pub(crate) fn sts_client(aws: &Sandbox, credentials: &Credentials) -> sts::Client {
    let config = sts::Config::builder()
        .behavior_version(sts::config::BehaviorVersion::latest())
        .http_client(http_client())
        .endpoint_url(aws.endpoint_url())
        .region(sts::config::Region::new("us-east-1"))
        .credentials_provider(keys(credentials))
        .retry_config(sts::config::retry::RetryConfig::disabled())
        .build();
    sts::Client::from_conf(config)
}

pub(crate) fn set(name: &str, rtype: &str, ttl: i64, values: &[&str]) -> ResourceRecordSet {
    let values = values
        .iter()
        .map(|value| ResourceRecord::builder().value(*value).build().unwrap())
        .collect();
    let builder = ResourceRecordSet::builder().name(name).r#type(RrType::from(rtype)).ttl(ttl);
    builder.set_resource_records(Some(values)).build().unwrap()
}

pub(crate) fn change(action: ChangeAction, set: ResourceRecordSet) -> Change {
    Change::builder().action(action).resource_record_set(set).build().unwrap()
}

pub(crate) fn batch(changes: Vec<Change>) -> ChangeBatch {
    ChangeBatch::builder().comment("a test").set_changes(Some(changes)).build().unwrap()
}

pub(crate) fn create(name: &str, rtype: &str, values: &[&str]) -> ChangeBatch {
    batch(vec![change(ChangeAction::Create, set(name, rtype, 300, values))])
}
