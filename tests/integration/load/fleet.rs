//! Many functions, each in an execution environment of its own, and the stacks that they serve at
//! once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use custom_delegation::aws::credentials::{Accounts, Given};
use custom_delegation::clock::Clock;
use custom_delegation::config::Config;
use custom_delegation::handler::{Handler, Invocation};
use custom_delegation::http;
use futures::future::join_all;
use sandbox::{RecordSet, ResponseBucket, ResponseKey, Sandbox, ZoneHandle};
use serde_json::{Value, json};

pub(crate) const PARENT: &str = "111111111111";
/// The timeout of the template.
const TIMEOUT: Duration = Duration::from_mins(5);

pub(crate) struct Fleet {
    pub(crate) aws: Sandbox,
    bucket: ResponseBucket,
    parent: ZoneHandle,
    before: Vec<RecordSet>,
    delegations: Vec<Delegation>,
}

struct Delegation {
    handler: Handler,
    child: ZoneHandle,
    key: ResponseKey,
    event: Value,
}

impl Fleet {
    /// So many delegations, dealt to so many stacks, each stack in an account of its own. With a
    /// pause, they wait for `INSYNC`.
    pub(crate) async fn new(
        stacks: usize,
        delegations: usize,
        sync_pause: Option<Duration>,
    ) -> Self {
        let aws = Sandbox::start().await.unwrap();
        let bucket = ResponseBucket::start().await.unwrap();
        let parent_account = aws.account(PARENT);
        let parent = parent_account.hosted_zone("example.com");
        let accounts: Vec<String> =
            (0..stacks).map(|stack| format!("{}", 222_222_222_000 + stack)).collect();
        let trusted: Vec<String> =
            accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
        let trust =
            json!({"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"});
        let role =
            parent_account.role("parent").trust(json!({"Statement": [trust]})).allow_all_route53();
        let mut fleet =
            Self { before: parent.records(), aws, bucket, parent, delegations: Vec::new() };
        for number in 0..delegations {
            let account = &accounts[number % stacks];
            let delegation = fleet.delegation(account, number, &role.arn(), sync_pause).await;
            fleet.delegations.push(delegation);
        }
        fleet
    }

    async fn delegation(
        &self,
        account: &str,
        number: usize,
        role_arn: &str,
        sync_pause: Option<Duration>,
    ) -> Delegation {
        let account = self.aws.account(account);
        let child = account.hosted_zone(&format!("team-{number}.example.com"));
        let credentials =
            account.role("function").allow_all_route53().allow_assume("*").credentials();
        let given = Given {
            endpoint_url: self.aws.endpoint_url(),
            region: "us-east-1".into(),
            access_key_id: credentials.access_key_id,
            secret_access_key: credentials.secret_access_key,
            session_token: credentials.session_token,
            clock: Clock::System,
        };
        let client = http::client(None).unwrap();
        let mut config = Config { response_hosts: vec![self.bucket.host()], ..Config::default() };
        config.sync_pause = sync_pause.unwrap_or(config.sync_pause);
        let handler = Handler::new(
            config,
            client.clone(),
            Accounts::given(client, "delegation", &given).await,
        );
        let key = ResponseKey {
            stack_id: format!("arn:aws:cloudformation:us-east-1:{}:stack/teams/0", account.id()),
            logical_id: format!("Delegation{number}"),
            request_id: format!("request-{number}"),
        };
        let event = json!({
            "RequestType": "Create",
            "ResponseURL": self.bucket.presign(&key),
            "StackId": key.stack_id,
            "RequestId": key.request_id,
            "LogicalResourceId": key.logical_id,
            "ResourceProperties": {
                "ChildZoneId": child.id(),
                "ParentRoleArn": role_arn,
                "ParentZoneName": "example.com",
                "WaitForSync": sync_pause.is_some(),
                "Verification": "NONE",
            },
        });
        Delegation { handler, child, key, event }
    }

    /// Deploys them all at once; the time until the last one is answered.
    pub(crate) async fn deploy(&self) -> Duration {
        let began = Instant::now();
        let deadline = SystemTime::now() + TIMEOUT;
        let invocation = Invocation { deadline, id: "lambda".into(), log_stream: "stream".into() };
        join_all(self.delegations.iter().map(async |delegation| {
            delegation.handler.handle(&delegation.event.to_string(), &invocation).await.unwrap();
        }))
        .await;
        began.elapsed()
    }

    /// One answer and one change for each, and nothing else in the parent zone.
    pub(crate) fn assert_each_stands_once(&self) {
        let mut changes: BTreeMap<String, usize> = BTreeMap::new();
        for call in self.aws.calls().iter().filter(|call| call.action == "ChangeResourceRecordSets")
        {
            if call.succeeded() {
                *changes.entry(call.comment.clone().unwrap_or_default()).or_default() += 1;
            }
        }
        for delegation in &self.delegations {
            let answers = self.bucket.answers(&delegation.key.request_id);
            assert_eq!(answers.len(), 1, "one answer for {}", delegation.key.request_id);
            let answer = answers[0].json();
            assert_eq!(
                (&answer["Status"], &answer["Data"]["Action"]),
                (&json!("SUCCESS"), &json!("CREATED")),
                "{answer}"
            );
            let set = self.parent.record(&delegation.child.name(), "NS").unwrap();
            assert_eq!(sorted(set.values), sorted(delegation.child.name_servers()));
        }
        let wanted = self.delegations.len();
        assert_eq!(changes.values().sum::<usize>(), wanted, "one change for each delegation");
        let kinds =
            |rtype: &str| self.parent.records().iter().filter(|set| set.rtype == rtype).count();
        let before = |rtype: &str| self.before.iter().filter(|set| set.rtype == rtype).count();
        assert_eq!((kinds("NS") - before("NS"), kinds("TXT") - before("TXT")), (wanted, wanted));
        assert_eq!(self.parent.records().len(), self.before.len() + 2 * wanted);
    }
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    for value in &mut values {
        *value = value.trim_end_matches('.').to_owned();
    }
    values.sort();
    values
}
