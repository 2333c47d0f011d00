//! What the function finds when a test begins: two accounts, a parent zone, and the roles between
//! them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use custom_delegation::aws::credentials::Accounts;
use custom_delegation::clock::Clock;
use custom_delegation::config::Config;
use custom_delegation::handler::Handler;
use custom_delegation::http;
use dns_check::Verifier;
use sandbox::{Account, Credentials, Dns, RecordSet, ResponseBucket, Role, Sandbox, ZoneHandle};
use serde_json::{Map, Value, json};

use crate::network::{Network, config, settings};

/// The account of the parent zone.
pub const PARENT_ACCOUNT: &str = "111111111111";
/// The account of the function, of its stacks and of the child zones.
pub const CHILD_ACCOUNT: &str = "222222222222";
/// The name that is delegated.
pub const NAME: &str = "testing.example.com";
/// The name of its ownership record.
pub const RECORD: &str = "_delegation-testing.example.com";
/// The external id in the parent role's trust policy.
pub const EXTERNAL_ID: &str = "an-external-id";
/// The id of the stack that sends events.
pub const STACK: &str =
    "arn:aws:cloudformation:us-east-1:222222222222:stack/mine/51af3dc0-da77-11e4-872e-1234567db123";

/// Two accounts, a parent zone, and the roles between them, on the local AWS. Child zones are those
/// of a test.
#[derive(Debug)]
pub struct Environment {
    pub aws: Sandbox,
    /// Receives the answers to CloudFormation.
    pub bucket: ResponseBucket,
    pub dns: Dns,
    /// The wall clock of the function.
    pub clock: Clock,
    pub parent_account: Account,
    pub child_account: Account,
    /// `example.com`
    pub parent: ZoneHandle,
    /// The role that the function assumes in the parent account.
    pub parent_role: Role,
    /// The role that the function runs with.
    pub function_role: Role,
    /// The network in process. `None` behind sockets.
    network: Option<Network>,
    /// The record sets of the parent zone at the beginning.
    before: Vec<RecordSet>,
    /// The changes after which the delegation did not exist.
    gaps: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug)]
pub struct EnvironmentBuilder<'a> {
    parent_zone_id: Option<&'a str>,
    records: Vec<RecordSet>,
    parent_role: &'a str,
    external_id: Option<&'a str>,
    trusted_accounts: &'a [&'a str],
}

/// What a function communicates with.
struct Services {
    aws: Sandbox,
    bucket: ResponseBucket,
    dns: Dns,
    clock: Clock,
    /// The network in process. `None` behind sockets.
    network: Option<Network>,
}

impl<'a> EnvironmentBuilder<'a> {
    /// Sets the id of the parent zone, for templates that contain it.
    pub fn parent_zone_id(self, id: &'a str) -> Self {
        Self { parent_zone_id: Some(id), ..self }
    }

    /// Leaves the parent zone empty: the templates of the test create its record sets.
    pub fn without_records(self) -> Self {
        Self { records: Vec::new(), ..self }
    }

    /// Adds record sets to the parent zone.
    pub fn records(mut self, records: impl IntoIterator<Item = RecordSet>) -> Self {
        self.records.extend(records);
        self
    }

    /// Sets the name of the parent role, and the external id that it requires.
    pub fn parent_role(self, name: &'a str, external_id: Option<&'a str>) -> Self {
        Self { parent_role: name, external_id, ..self }
    }

    /// Sets the accounts that may assume the parent role.
    pub fn trusted_accounts(self, accounts: &'a [&'a str]) -> Self {
        Self { trusted_accounts: accounts, ..self }
    }

    /// Builds it in this process, without sockets and on a clock that the test controls.
    pub fn in_process(self) -> Environment {
        let network = Network::new();
        self.build(Services {
            aws: network.aws.clone(),
            bucket: network.bucket.clone(),
            dns: network.dns.clone(),
            clock: network.clock.clone(),
            network: Some(network),
        })
    }

    /// Builds it behind sockets, in real time, for tests with another process.
    pub async fn behind_sockets(self) -> Environment {
        let aws = Sandbox::start().await.unwrap();
        self.build(Services {
            bucket: ResponseBucket::start().await.unwrap(),
            dns: aws.dns().await.unwrap(),
            clock: Clock::System,
            network: None,
            aws,
        })
    }

    fn build(self, services: Services) -> Environment {
        let Services { aws, bucket, dns, clock, network } = services;
        let (parent_account, child_account) =
            (aws.account(PARENT_ACCOUNT), aws.account(CHILD_ACCOUNT));
        let parent = match self.parent_zone_id {
            Some(id) => parent_account.hosted_zone_with_id(id, "example.com"),
            None => parent_account.hosted_zone("example.com"),
        };
        for record in self.records {
            parent.put(record);
        }
        let parent_role = parent_account
            .role(self.parent_role)
            .trust(trust_policy(self.trusted_accounts, self.external_id))
            .allow_all_route53();
        let function_role = function_role(&child_account, "function", &parent_role);
        Environment {
            before: parent.records(),
            aws,
            bucket,
            dns,
            clock,
            parent_account,
            child_account,
            parent,
            parent_role,
            function_role,
            network,
            gaps: Arc::default(),
        }
    }
}

impl Environment {
    /// Starts to build one in which the function's account may assume the role `parent` with
    /// [`EXTERNAL_ID`].
    pub fn builder<'a>() -> EnvironmentBuilder<'a> {
        EnvironmentBuilder {
            parent_zone_id: None,
            records: vec![RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"])],
            parent_role: "parent",
            external_id: Some(EXTERNAL_ID),
            trusted_accounts: &[CHILD_ACCOUNT],
        }
    }

    /// The network in process. Panics behind sockets.
    pub fn network(&self) -> &Network {
        self.network.as_ref().unwrap()
    }

    /// Starts a function in this process, without any cached session, that runs with this role.
    pub async fn function(&self, role: &Role, configure: impl FnOnce(&mut Config)) -> Handler {
        if let Some(network) = &self.network {
            return network.function("delegation", role.credentials(), configure).await;
        }
        let config = config(&self.bucket, &self.dns, configure);
        let verifier = Verifier::new(config.dns_resolver).at_any_address(config.dns_any_address);
        let client = http::client(None).unwrap();
        let region = config.region.as_deref();
        let settings = settings(&self.aws, &self.clock, role.credentials(), region);
        let accounts = Accounts::with_settings(client.clone(), "delegation", &settings).await;
        Handler::new(config, client, accounts).with_verifier(verifier)
    }

    /// The variables of a process that is the function, with these credentials, and never waits.
    pub fn variables(&self, credentials: &Credentials) -> Vec<(String, String)> {
        let mut variables = self.aws.env(credentials);
        variables.extend(
            [
                ("DELEGATION_RESPONSE_HOSTS", &*self.bucket.host()),
                ("DELEGATION_PROPAGATION_WAIT", "0"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        variables
    }

    /// The variables that make a function query the name servers of the test.
    pub fn dns_variables(&self) -> [(String, String); 2] {
        [
            ("DELEGATION_DNS_RESOLVER".to_owned(), self.dns.resolver().to_string()),
            ("DELEGATION_DNS_ANY_ADDRESS".to_owned(), "true".to_owned()),
        ]
    }

    /// The physical id of the delegation in the parent zone.
    pub fn id(&self) -> String {
        format!("{}/{NAME}", self.parent.id())
    }

    /// The name servers at the cut, sorted, without trailing dots.
    pub fn delegated_to(&self) -> Vec<String> {
        self.parent.record(NAME, "NS").map(|set| plain(&set.values)).unwrap_or_default()
    }

    /// The DS records at the cut, sorted.
    pub fn ds(&self) -> Vec<String> {
        self.parent.record(NAME, "DS").map(|set| plain(&set.values)).unwrap_or_default()
    }

    /// The values of the ownership record.
    pub fn claims(&self) -> Vec<String> {
        self.parent.record(RECORD, "TXT").map(|set| set.values).unwrap_or_default()
    }

    /// Creates an NS record set at the cut, as somebody else might.
    pub fn put_ns(&self, servers: &[&str]) {
        self.parent.put(RecordSet::new(NAME, "NS", 300, servers.iter().copied()));
    }

    /// The record sets that the parent zone had at the beginning.
    pub fn records_before(&self) -> &[RecordSet] {
        &self.before
    }

    /// The names of the calls so far.
    pub fn actions(&self) -> Vec<String> {
        self.aws.calls().iter().map(|call| call.action.clone()).collect()
    }

    /// How many calls of this action there were so far.
    pub fn count(&self, action: &str) -> usize {
        self.actions().iter().filter(|other| *other == action).count()
    }

    /// How many change batches were sent so far.
    pub fn changes_sent(&self) -> usize {
        self.count("ChangeResourceRecordSets")
    }

    /// Makes [`Environment::gaps`] record from now on after which changes there is no delegation.
    pub fn watch_the_delegation(&self) {
        let (zone, gaps) = (self.parent.clone(), Arc::clone(&self.gaps));
        self.aws.after_call(Arc::new(move |call| {
            if call.action == "ChangeResourceRecordSets" && zone.record(NAME, "NS").is_none() {
                let gap = format!("{}: {}", call.seq, call.summary);
                gaps.lock().unwrap_or_else(PoisonError::into_inner).push(gap);
            }
        }));
    }

    /// The changes after which there was no delegation.
    pub fn gaps(&self) -> Vec<String> {
        self.gaps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A role for a function in this account, which may do everything that the function does.
pub fn function_role(account: &Account, name: &str, parent_role: &Role) -> Role {
    account.role(name).allow_all_route53().allow_assume(&parent_role.arn())
}

/// A trust policy that admits these accounts, with this external id if there is one.
pub fn trust_policy(accounts: &[&str], external_id: Option<&str>) -> Value {
    let roots: Vec<String> =
        accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let mut statement =
        json!({"Effect": "Allow", "Principal": {"AWS": roots}, "Action": "sts:AssumeRole"});
    if let Some(id) = external_id {
        statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": id}});
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// Properties with these changes. Null removes a property.
pub fn changed(mut properties: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().unwrap_or(&Map::new()) {
        properties[key] = value.clone();
    }
    properties.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    properties
}

/// Changes the settings so that the function never waits, for tests in real time.
pub fn at_once(config: &mut Config) {
    config.propagation_wait = Duration::ZERO;
    config.sync_pause = Duration::ZERO;
}

/// The values sorted, without trailing dots.
pub fn plain(values: &[String]) -> Vec<String> {
    let mut values: Vec<String> =
        values.iter().map(|value| value.trim_end_matches('.').to_owned()).collect();
    values.sort();
    values
}
