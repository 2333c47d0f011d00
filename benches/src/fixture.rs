//! The local AWS behind TLS: two accounts with their zones, a role to assume, the response bucket,
//! and the events.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use sandbox::{Account, RecordSet, ResponseBucket, ResponseKey, Sandbox, ZoneHandle};
use serde_json::{Value, json};

use crate::tls_proxy::{Latency, Tls, TlsProxy};

pub(crate) const NAME: &str = "testing.example.com";
const STACK: &str = "arn:aws:cloudformation:us-east-1:222222222222:stack/bench/\
                     51af3dc0-da77-11e4-872e-1234567db123";
/// How long ago the first response URL is dated; each further one is a second later. The date in
/// the URL is the time of the request.
const SIGNED_BACK: Duration = Duration::from_mins(50);

/// The resource type whose properties an event has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `Custom::Delegation`.
    Delegation,
    /// `Custom::CrossAccountZoneDelegation` of the AWS CDK. Its answer is sent to the host without
    /// the port.
    Cdk,
}

/// The request of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestType {
    Create,
    Update,
    Delete,
}

/// The delegation that an event is about.
#[derive(Clone, Copy)]
pub(crate) struct Delegation<'a> {
    pub(crate) parent: &'a ZoneHandle,
    pub(crate) child: &'a ZoneHandle,
    pub(crate) logical_id: &'a str,
}

pub(crate) struct Fixture {
    pub(crate) aws: Sandbox,
    pub(crate) latency: Latency,
    pub(crate) parent_account: Account,
    pub(crate) parent: ZoneHandle,
    pub(crate) child: ZoneHandle,
    pub(crate) role_arn: String,
    child_account: Account,
    bucket: ResponseBucket,
    tls: Tls,
    route53: TlsProxy,
    sts: TlsProxy,
    responses: TlsProxy,
    requests: AtomicU64,
}

impl Fixture {
    pub(crate) async fn new(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let (aws, bucket) = (Sandbox::start().await?, ResponseBucket::start().await?);
        let (parent_account, child_account) =
            (aws.account("111111111111"), aws.account("222222222222"));
        let parent = parent_account.hosted_zone("example.com");
        parent.put(RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"]));
        parent.put(RecordSet::new("example.com", "MX", 3600, ["10 mail.example.net."]));
        let child = child_account.hosted_zone(NAME);
        let role =
            parent_account.role("parent").trust_account("222222222222", None).allow_all_route53();
        let role_arn = role.arn();
        child_account.role("function").allow_all_route53().allow_assume(&role_arn);
        let (tls, latency) = (Tls::new(folder)?, Latency::default());
        let aws_address: SocketAddr = aws.endpoint_url().trim_start_matches("http://").parse()?;
        let bucket_address: SocketAddr = bucket.host().parse()?;
        // Two hosts, as for Route 53 and STS.
        let route53 = TlsProxy::start(&tls, &latency, aws_address).await?;
        let sts = TlsProxy::start(&tls, &latency, aws_address).await?;
        let responses = TlsProxy::start(&tls, &latency, bucket_address).await?;
        let requests = AtomicU64::new(0);
        Ok(Self {
            aws,
            latency,
            parent_account,
            parent,
            child,
            role_arn,
            child_account,
            bucket,
            tls,
            route53,
            sts,
            responses,
            requests,
        })
    }

    /// Returns the environment that all programs have in common.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let bundle = self.tls.bundle().display().to_string();
        let https = |proxy: &TlsProxy| format!("https://{}", proxy.host());
        let mut env: Vec<(String, String)> = [
            ("AWS_ENDPOINT_URL_ROUTE_53", https(&self.route53)),
            ("AWS_ENDPOINT_URL_STS", https(&self.sts)),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_CA_BUNDLE", bundle.clone()),
            ("SSL_CERT_FILE", bundle.clone()),
            ("NODE_EXTRA_CA_CERTS", bundle),
            ("BENCH_HTTPS_PORT", self.responses.port().to_string()),
            ("DELEGATION_RESPONSE_HOSTS", self.responses.host()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        env.extend(self.child_account.role("function").credentials().env());
        env
    }

    /// Returns an event for the one delegation, and the id of its request.
    pub(crate) fn event(
        &self,
        dialect: Dialect,
        kind: RequestType,
        physical_id: Option<&str>,
    ) -> (Value, String) {
        let delegation =
            Delegation { parent: &self.parent, child: &self.child, logical_id: "Delegation" };
        self.event_for(dialect, kind, physical_id, delegation)
    }

    /// Returns an event for a delegation, and the id of its request.
    pub(crate) fn event_for(
        &self,
        dialect: Dialect,
        kind: RequestType,
        physical_id: Option<&str>,
        Delegation { parent, child, logical_id }: Delegation<'_>,
    ) -> (Value, String) {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let key = ResponseKey {
            stack_id: STACK.to_owned(),
            logical_id: logical_id.to_owned(),
            request_id: format!("7bfe2d54-8cc9-4f15-a9f5-{number:012x}"),
        };
        let host = match dialect {
            Dialect::Delegation => self.responses.host(),
            Dialect::Cdk => "127.0.0.1".to_owned(),
        };
        let at = SystemTime::now() - SIGNED_BACK + Duration::from_secs(number);
        let ttl = match kind {
            RequestType::Create => "300".to_owned(),
            RequestType::Update => "600".to_owned(),
            // The peers delete the record set that the properties describe.
            RequestType::Delete => {
                let current = parent.record(&child.name(), "NS").and_then(|set| set.ttl);
                current.unwrap_or_default().to_string()
            }
        };
        let mut event = json!({
            "RequestType": format!("{kind:?}"),
            "ServiceToken": "arn:aws:lambda:us-east-1:222222222222:function:delegation",
            "ResponseURL": self.bucket.presign_behind(&host, &key, at),
            "StackId": key.stack_id,
            "RequestId": key.request_id,
            "LogicalResourceId": key.logical_id,
            "ResourceType": "Custom::Delegation",
            "ResourceProperties": self.properties(dialect, &ttl, parent, child),
        });
        if let Some(event) = event.as_object_mut() {
            event.extend(physical_id.map(|id| ("PhysicalResourceId".to_owned(), json!(id))));
            if kind == RequestType::Update {
                event.insert(
                    "OldResourceProperties".to_owned(),
                    self.properties(dialect, "300", parent, child),
                );
            }
        }
        (event, key.request_id)
    }

    fn properties(
        &self,
        dialect: Dialect,
        ttl: &str,
        parent: &ZoneHandle,
        child: &ZoneHandle,
    ) -> Value {
        match dialect {
            Dialect::Delegation => json!({
                "ChildZoneId": child.id(),
                "ParentRoleArn": self.role_arn,
                "ParentZoneId": parent.id(),
                "TTL": ttl,
                "WaitForSync": "false",
                "Verification": "NONE",
            }),
            Dialect::Cdk => json!({
                "AssumeRoleArn": self.role_arn,
                "ParentZoneId": parent.id(),
                "DelegatedZoneName": child.name().trim_end_matches('.'),
                "DelegatedZoneNameServers": child.name_servers(),
                "TTL": ttl,
            }),
        }
    }

    /// Clears the recorded calls.
    pub(crate) fn clear_calls(&self) {
        self.aws.clear_calls();
    }

    /// Returns the number of TLS connections so far.
    pub(crate) fn connections(&self) -> u64 {
        self.route53.connections() + self.sts.connections() + self.responses.connections()
    }

    /// Returns the physical id in the answer to a request, which must be a success, and the number
    /// of times that the response was sent.
    pub(crate) fn answer(&self, request_id: &str) -> Result<(String, usize), String> {
        let answers = self.bucket.answers(request_id);
        let answer = answers.first().map(sandbox::Put::json).unwrap_or_default();
        if answer.get("Status").and_then(Value::as_str) != Some("SUCCESS") {
            return Err(format!("the answer is {answer}"));
        }
        let id = answer.get("PhysicalResourceId").and_then(Value::as_str).unwrap_or_default();
        Ok((id.to_owned(), answers.len()))
    }

    /// Checks that the zone has what the last event asked for.
    pub(crate) fn check(&self, kind: RequestType) -> Result<(), String> {
        let ttl = self.parent.record(NAME, "NS").and_then(|set| set.ttl);
        let expected = match kind {
            RequestType::Create => Some(300),
            RequestType::Update => Some(600),
            RequestType::Delete => None,
        };
        if ttl == expected {
            Ok(())
        } else {
            Err(format!("after the {kind:?} the delegation has the TTL {ttl:?}"))
        }
    }

    /// Removes what a Create made, before the next one.
    pub(crate) fn clear(&self) {
        self.parent.remove(NAME, "NS");
        self.parent.remove(&format!("_delegation-{NAME}"), "TXT");
    }
}
