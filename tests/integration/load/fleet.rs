//! Many functions, each in its own execution environment, and the stacks that they serve at the
//! same time.

use std::collections::BTreeMap;
use std::time::Duration;

use custom_delegation::handler::Handler;
use futures::future::join_all;
use sandbox::{RecordSet, ResponseKey, ZoneHandle};
use serde_json::{Value, json};
use test_support::{Network, RequestFields, plain};
use tokio::time::Instant;

pub(crate) const PARENT: &str = "111111111111";
/// The timeout in the template.
const TIMEOUT: Duration = Duration::from_mins(5);

pub(crate) struct Fleet {
    pub(crate) network: Network,
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
    /// Creates `delegations` delegations in `stacks` stacks, each of which has its own account. If
    /// `waits`, each request is answered only when its change is in sync.
    pub(crate) async fn new(stacks: usize, delegations: usize, waits: bool) -> Self {
        let network = Network::new();
        let parent_account = network.aws.account(PARENT);
        let parent = parent_account.hosted_zone("example.com");
        let accounts: Vec<String> =
            (0..stacks).map(|stack| format!("{}", 222_222_222_000 + stack)).collect();
        let trusted: Vec<String> =
            accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
        let trust =
            json!({"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"});
        let role =
            parent_account.role("parent").trust(json!({"Statement": [trust]})).allow_all_route53();
        let mut fleet = Self { before: parent.records(), network, parent, delegations: Vec::new() };
        for number in 0..delegations {
            let account = &accounts[number % stacks];
            let delegation = fleet.delegation(account, number, &role.arn(), waits).await;
            fleet.delegations.push(delegation);
        }
        fleet
    }

    async fn delegation(
        &self,
        account: &str,
        number: usize,
        role_arn: &str,
        waits: bool,
    ) -> Delegation {
        let account = self.network.aws.account(account);
        let child = account.hosted_zone(&format!("team-{number}.example.com"));
        let role = account.role("function").allow_all_route53().allow_assume("*");
        let handler = self.network.function("delegation", role.credentials(), |_| {}).await;
        let key = ResponseKey {
            stack_id: format!("arn:aws:cloudformation:us-east-1:{}:stack/teams/0", account.id()),
            logical_id: format!("Delegation{number}"),
            request_id: format!("request-{number}"),
        };
        let properties = json!({
            "ChildZoneId": child.id(),
            "ParentRoleArn": role_arn,
            "ParentZoneName": "example.com",
            "WaitForSync": waits,
            "Verification": "NONE",
        });
        let fields = RequestFields { id: None, new: &properties, old: None };
        let event = self.network.event("Create", &key, self.network.clock.now(), &fields);
        Delegation { handler, child, key, event }
    }

    /// Deploys all of them at once; returns the time until the last one is answered.
    pub(crate) async fn deploy(&self) -> Duration {
        let began = Instant::now();
        let invocation = self.network.invocation(TIMEOUT);
        join_all(self.delegations.iter().map(async |delegation| {
            delegation.handler.handle(&delegation.event.to_string(), &invocation).await.unwrap();
        }))
        .await;
        began.elapsed()
    }

    /// Asserts that each delegation has one answer and one change, and that the parent zone has
    /// nothing else.
    pub(crate) fn assert_each_exists_once(&self) {
        let mut changes: BTreeMap<String, usize> = BTreeMap::new();
        for call in
            self.network.aws.calls().iter().filter(|call| call.action == "ChangeResourceRecordSets")
        {
            if call.succeeded() {
                *changes.entry(call.comment.clone().unwrap_or_default()).or_default() += 1;
            }
        }
        for delegation in &self.delegations {
            let answers = self.network.bucket.answers(&delegation.key.request_id);
            assert_eq!(
                answers.len(),
                1,
                "there must be one answer for {}",
                delegation.key.request_id
            );
            let answer = answers[0].json();
            assert_eq!(
                (&answer["Status"], &answer["Data"]["Action"]),
                (&json!("SUCCESS"), &json!("CREATED")),
                "{answer}"
            );
            let set = self.parent.record(&delegation.child.name(), "NS").unwrap();
            assert_eq!(plain(&set.values), plain(&delegation.child.name_servers()));
        }
        let expected = self.delegations.len();
        assert_eq!(
            changes.values().sum::<usize>(),
            expected,
            "there must be one change per delegation"
        );
        let kinds =
            |rtype: &str| self.parent.records().iter().filter(|set| set.rtype == rtype).count();
        let before = |rtype: &str| self.before.iter().filter(|set| set.rtype == rtype).count();
        assert_eq!(
            (kinds("NS") - before("NS"), kinds("TXT") - before("TXT")),
            (expected, expected)
        );
        assert_eq!(self.parent.records().len(), self.before.len() + 2 * expected);
    }
}
