//! Sets up two accounts with their zones and roles, as a user would, the response bucket, and the
//! function.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bucket::{Put, ResponseBucket, ResponseKey};
use crate::function::{Function, Invocation};
use crate::handles::ZoneHandle;
use crate::process::{Bootstrap, DeadlineStyle, LambdaProcess};
use crate::route53::{RecordSet, SyncRule};
use crate::{Account, Dns, Role, Sandbox};

/// The name of the delegation, and of its ownership record.
pub(super) const NAME: &str = "testing.example.com";
pub(super) const RECORD: &str = "_delegation-testing.example.com";
/// A host in the child zone that should resolve.
pub(super) const HOST: &str = "www.testing.example.com";
pub(super) const ADDRESS: &str = "192.0.2.44";
/// A name that somebody delegated by hand.
const SHOP: &str = "shop.example.com";
/// The external id in the events.
const EXTERNAL_ID: &str = "route53-delegation-example";
/// The function's time limit: long enough that it does not skip the DNS check.
const TIMEOUT: Duration = Duration::from_mins(1);
/// How far the clock is advanced before each event. The function takes the time of a request from
/// its response URL, in whole seconds, and two requests must not have the same time.
const EVENT_INTERVAL: Duration = Duration::from_mins(1);

pub(super) struct Setup {
    pub(super) aws: Sandbox,
    pub(super) dns: Dns,
    pub(super) parent: ZoneHandle,
    pub(super) child: ZoneHandle,
    pub(super) function: LambdaProcess,
    /// The parent zone before the first event.
    pub(super) initial_records: Vec<RecordSet>,
    bucket: ResponseBucket,
    parent_role: Role,
    function_role: Role,
}

impl Setup {
    pub(super) async fn new(bootstrap: &Path) -> Result<Self, String> {
        let listening = |error| format!("can't start the local AWS: {error}");
        let aws = Sandbox::start().await.map_err(listening)?;
        let bucket = ResponseBucket::start().await.map_err(listening)?;
        let (parent_account, child_account) =
            (aws.account("111111111111"), aws.account("222222222222"));
        let parent = parent_zone(&parent_account);
        let child = child_account.hosted_zone_with_id("Z0CHILDEXAMPLE", NAME);
        child.put(RecordSet::new(HOST, "A", 60, [ADDRESS]));
        child_account.hosted_zone_with_id("Z0SHOPEXAMPLE", SHOP);
        // Route 53 takes up to a minute. Here the first status request returns INSYNC, so that only
        // the function's pause before it takes time.
        aws.sync_after(SyncRule::Polls(0));
        let dns = aws.dns().await.map_err(listening)?;
        let function_role = child_account.role("delegation-function");
        let parent_role = parent_role(&parent_account, &parent, &function_role);
        let function_role = function_role.policy(function_policy(&parent_role));

        let mut env = aws.env(&function_role.credentials());
        env.push(("DELEGATION_RESPONSE_HOSTS".to_owned(), bucket.host()));
        // This is also the port of the name servers: no query leaves this machine.
        env.push(("DELEGATION_DNS_RESOLVER".to_owned(), dns.resolver().to_string()));
        env.push(("DELEGATION_DNS_ANY_ADDRESS".to_owned(), "true".to_owned()));
        let bootstrap = Bootstrap {
            path: bootstrap.to_owned(),
            env,
            timeout: TIMEOUT,
            deadline: DeadlineStyle::Real,
        };
        let function = LambdaProcess::spawn(bootstrap)
            .await
            .map_err(|error| format!("the function: {error}"))?;
        let initial_records = parent.records();
        Ok(Self {
            aws,
            dns,
            parent,
            child,
            function,
            initial_records,
            bucket,
            parent_role,
            function_role,
        })
    }

    /// A short description of the accounts, zones and roles.
    pub(super) fn description(&self) -> Vec<String> {
        let zone =
            |zone: &ZoneHandle| format!("{} ({})", zone.name().trim_end_matches('.'), zone.id());
        vec![
            format!(
                "account 111111111111  parent zone {}, role {}",
                zone(&self.parent),
                self.parent_role.name()
            ),
            format!(
                "account 222222222222  child zone {}, role {}",
                zone(&self.child),
                self.function_role.name()
            ),
            "Both roles have only the permissions that they need.".to_owned(),
            "The events are those in the folder events/, with a response URL of a local bucket."
                .to_owned(),
            "The Lambda Runtime API delivers them to the function.".to_owned(),
            format!(
                "The zones are served over DNS from their own root down, only on this machine, at port {}.",
                self.dns.port()
            ),
        ]
    }

    /// The owners of both zones start signing. The top-level domain adds a DS record for the parent
    /// zone's key, as a registrar would. Nobody adds one for the child zone's key.
    pub(super) fn sign_zones(&self) -> Vec<String> {
        let sign = |zone: &ZoneHandle| {
            let key = zone.create_key("demo");
            zone.start_signing();
            format!(
                "{} signs, with key-signing key {}",
                zone.name().trim_end_matches('.'),
                key.key_tag
            )
        };
        vec![sign(&self.parent), sign(&self.child)]
    }

    /// The event in a file, with a response URL of the local bucket that is signed now.
    pub(super) fn event(&self, folder: &Path, file: &str) -> Result<Value, String> {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let mut event: Value =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let field =
            |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let key = ResponseKey {
            stack_id: field("StackId"),
            logical_id: field("LogicalResourceId"),
            request_id: field("RequestId"),
        };
        self.bucket.clock().advance(EVENT_INTERVAL);
        let url = self.bucket.presign(&key);
        let fields = event
            .as_object_mut()
            .ok_or_else(|| format!("{} is not a JSON object", path.display()))?;
        fields.insert("ResponseURL".to_owned(), json!(url));
        Ok(event)
    }

    pub(super) async fn invoke(&self, event: Value) -> Invocation {
        self.function.invoke(event).await
    }

    /// The answers to an event that CloudFormation received.
    pub(super) fn answers(&self, event: &Value) -> Vec<Put> {
        let id = event.get("RequestId").and_then(Value::as_str).unwrap_or_default();
        self.bucket.answers(id)
    }
}

fn parent_zone(account: &Account) -> ZoneHandle {
    let zone = account.hosted_zone_with_id("Z0PARENTEXAMPLE", "example.com");
    zone.put(RecordSet::new("example.com", "MX", 3600, ["10 mail.example.com."]));
    zone.put(RecordSet::new("mail.example.com", "A", 300, ["192.0.2.25"]));
    zone.put(RecordSet::new("www.example.com", "A", 300, ["192.0.2.80", "192.0.2.81"]));
    // Somebody delegated this name by hand in the past.
    zone.put(RecordSet::new(
        SHOP,
        "NS",
        86_400,
        ["ns1.webshop.example.net.", "ns2.webshop.example.net."],
    ));
    zone
}

/// The role in the parent account. Only the function may assume it, with the external id. It may
/// only CREATE and DELETE record sets of the types NS, DS and TXT, at the names that are delegated.
fn parent_role(account: &Account, zone: &ZoneHandle, function: &Role) -> Role {
    let zone_arn = format!("arn:aws:route53:::hostedzone/{}", zone.id());
    let names: Vec<String> = [NAME, SHOP]
        .iter()
        .flat_map(|name| [(*name).to_owned(), format!("_delegation-{name}")])
        .collect();
    account
        .role("route53-delegation-parent")
        .trust(json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": function.arn()},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
        }]}))
        .policy(json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "route53:ListHostedZonesByName", "Resource": "*"},
            {"Effect": "Allow", "Action": "route53:GetChange", "Resource": "arn:aws:route53:::change/*"},
            {
                "Effect": "Allow",
                "Action": ["route53:GetHostedZone", "route53:GetDNSSEC", "route53:ListResourceRecordSets"],
                "Resource": zone_arn,
            },
            {
                "Effect": "Allow",
                "Action": "route53:ChangeResourceRecordSets",
                "Resource": zone_arn,
                "Condition": {"ForAllValues:StringEquals": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": names,
                    "route53:ChangeResourceRecordSetsRecordTypes": ["NS", "DS", "TXT"],
                    "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
                }},
            },
        ]}))
}

/// The policy that `template.yaml` gives the function, without logs.
fn function_policy(parent_role: &Role) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": parent_role.arn()},
        {
            "Effect": "Allow",
            "Action": ["route53:GetHostedZone", "route53:GetDNSSEC", "route53:ListResourceRecordSets"],
            "Resource": "arn:aws:route53:::hostedzone/*",
        },
    ]})
}
