//! The types of resources that templates here have beside their custom ones.

#![allow(clippy::indexing_slicing, reason = "what a JSON value lacks is null")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::{
    Action, CloudFormation, Physical, Request, ResourceType, Shared, State, TemplateStack,
};
use crate::aws::Sandbox;
use crate::bucket::ResponseBucket;
use crate::core::lock;
use crate::process::{Bootstrap, DeadlineStyle, LambdaProcess};
use crate::route53::{self, Change, RecordSet};
use crate::stack::Outcome;

/// Types of which nothing is done here but to be there: nobody looks at them.
const INERT: [&str; 15] = [
    "AWS::CDK::Metadata",
    "AWS::CertificateManager::Certificate",
    "AWS::CloudWatch::Alarm",
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

pub(super) fn register(region: &CloudFormation, function_env: &[(&str, &str)]) {
    let (aws, policies) = (&region.aws, Arc::new(Policies::default()));
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let functions = Functions {
        aws: aws.clone(),
        bucket: region.bucket.clone(),
        // Else the types would hold what holds them, and nothing of it would end.
        shared: Arc::downgrade(&region.shared),
        env: function_env.iter().map(pair).collect(),
    };
    let parameters = Parameters(Arc::downgrade(&region.shared));
    let stacks = NestedStacks {
        aws: aws.clone(),
        bucket: region.bucket.clone(),
        shared: Arc::downgrade(&region.shared),
        states: Mutex::default(),
    };
    let types: [(&str, Arc<dyn ResourceType>); 8] = [
        ("AWS::Route53::HostedZone", Arc::new(HostedZones(aws.clone()))),
        ("AWS::Route53::RecordSet", Arc::new(RecordSets(aws.clone()))),
        ("AWS::Route53::RecordSetGroup", Arc::new(RecordSets(aws.clone()))),
        ("AWS::IAM::Role", Arc::new(Roles { aws: aws.clone(), policies: Arc::clone(&policies) })),
        ("AWS::IAM::Policy", Arc::new(RolePolicies { aws: aws.clone(), policies })),
        ("AWS::Lambda::Function", Arc::new(functions)),
        ("AWS::SSM::Parameter", Arc::new(parameters)),
        ("AWS::CloudFormation::Stack", Arc::new(stacks)),
    ];
    for (name, kind) in types {
        region.register(name, kind);
    }
    for name in INERT {
        region.register(name, Arc::new(Inert(name)));
    }
}

/// An id that nothing else has: `<stack>-<logical id>-<12 letters>`.
fn generated(request: &Request) -> String {
    let random: String = std::iter::repeat_with(|| fastrand::char('A'..='Z')).take(12).collect();
    format!("{}-{}-{random}", request.stack, request.logical_id)
}

/// The id that the resource has, or one that is made now.
fn same_or(request: &Request, new: impl FnOnce() -> String) -> String {
    match &request.action {
        Action::Create => new(),
        Action::Update(id, _) | Action::Delete(id) => id.clone(),
    }
}

fn done(physical: Physical) -> BoxFuture<'static, Result<Physical, String>> {
    futures::future::ready(Ok(physical)).boxed()
}

struct Inert(&'static str);

impl ResourceType for Inert {
    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Physical, String>> {
        let id = same_or(&request, || generated(&request));
        let service = self.0.split("::").nth(1).unwrap_or_default().to_ascii_lowercase();
        let arn = format!("arn:aws:{service}:us-east-1:{}:{id}", request.account);
        let attributes = json!({"Arn": arn, "QueueName": id, "TopicName": id, "KeyId": id});
        done(Physical { id: if self.0 == "AWS::SNS::Topic" { arn } else { id }, attributes })
    }
}

struct HostedZones(Sandbox);

impl ResourceType for HostedZones {
    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Physical, String>> {
        let name = request.properties["Name"].as_str().unwrap_or_default();
        let new = || self.0.account(&request.account).hosted_zone(name);
        let zone = match &request.action {
            Action::Update(id, old) if old["Name"] == request.properties["Name"] => self.0.zone(id),
            Action::Create | Action::Update(..) => Some(new()),
            Action::Delete(id) => self.0.zone(id),
        };
        let result = match (zone, &request.action) {
            (Some(zone), Action::Delete(_)) if zone.records().len() > 2 => Err(format!(
                "The specified hosted zone contains non-required resource record sets and so cannot be deleted. \
                 (HostedZoneNotEmpty) {}",
                zone.id()
            )),
            (Some(zone), action) => {
                if matches!(action, Action::Delete(_)) {
                    zone.delete();
                }
                Ok(Physical {
                    id: zone.id(),
                    attributes: json!({"NameServers": zone.name_servers(), "Id": zone.id()}),
                })
            }
            (None, Action::Delete(id)) => Ok(Physical { id: id.clone(), attributes: json!({}) }),
            (None, _) => Err("No hosted zone found".to_owned()),
        };
        futures::future::ready(result).boxed()
    }
}

/// `RecordSet` and `RecordSetGroup`: they write what the template says, whatever they find, and
/// delete exactly that.
struct RecordSets(Sandbox);

impl RecordSets {
    fn carry_out(&self, request: &Request) -> Result<Physical, String> {
        let properties = &request.properties;
        let new = record_sets(properties);
        let changes = match &request.action {
            Action::Create => new.iter().map(|set| change(route53::Action::Create, set)).collect(),
            Action::Update(_, old) => {
                let gone = record_sets(old)
                    .into_iter()
                    .filter(|set| !new.iter().any(|one| same_key(one, set)));
                let gone: Vec<Change> =
                    gone.map(|set| change(route53::Action::Delete, &set)).collect();
                new.iter().map(|set| change(route53::Action::Upsert, set)).chain(gone).collect()
            }
            Action::Delete(_) => {
                new.iter().map(|set| change(route53::Action::Delete, set)).collect::<Vec<_>>()
            }
        };
        let id = properties["HostedZoneId"]
            .as_str()
            .or(properties["RecordSets"][0]["HostedZoneId"].as_str());
        let id = id.unwrap_or_default();
        let zone = self.0.zone(id).ok_or_else(|| format!("No hosted zone found with ID: {id}"))?;
        zone.change(&changes)?;
        let name = new.first().map(|set| set.name.clone()).unwrap_or_default();
        Ok(Physical { id: name, attributes: json!({}) })
    }
}

impl ResourceType for RecordSets {
    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Physical, String>> {
        futures::future::ready(self.carry_out(&request)).boxed()
    }
}

fn change(action: route53::Action, record: &RecordSet) -> Change {
    Change { action, record: record.clone() }
}

fn same_key(one: &RecordSet, other: &RecordSet) -> bool {
    (&one.name, &one.rtype, &one.set_identifier)
        == (&other.name, &other.rtype, &other.set_identifier)
}

/// The record sets of either type.
fn record_sets(properties: &Value) -> Vec<RecordSet> {
    let sets =
        properties["RecordSets"].as_array().cloned().unwrap_or_else(|| vec![properties.clone()]);
    sets.iter()
        .map(|set| {
            let text = |name: &str| set[name].as_str().unwrap_or_default().to_owned();
            let ttl = set["TTL"].as_u64().or_else(|| text("TTL").parse().ok()).unwrap_or_default();
            let values = set["ResourceRecords"].as_array().cloned().unwrap_or_default();
            let values =
                values.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
            RecordSet::new(
                &text("Name"),
                &text("Type"),
                u32::try_from(ttl).unwrap_or(u32::MAX),
                values,
            )
        })
        .collect()
}

/// The policies of each role, by account and name, and by who attached them.
#[derive(Default)]
struct Policies(Mutex<BTreeMap<(String, String), Attached>>);

type Attached = BTreeMap<String, Vec<Value>>;

impl Policies {
    fn set(&self, aws: &Sandbox, role: (&str, &str), owner: &str, documents: Vec<Value>) {
        let mut all = lock(&self.0);
        let of_role = all.entry((role.0.to_owned(), role.1.to_owned())).or_default();
        of_role.insert(owner.to_owned(), documents);
        let handle = aws.account(role.0).role(role.1).without_policies();
        for document in of_role.values().flatten() {
            handle.clone().policy(document.clone());
        }
    }
}

struct Roles {
    aws: Sandbox,
    policies: Arc<Policies>,
}

impl ResourceType for Roles {
    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Physical, String>> {
        let properties = &request.properties;
        let name = properties["RoleName"].as_str().map(str::to_owned);
        let name = name.unwrap_or_else(|| same_or(&request, || generated(&request)));
        let account = self.aws.account(&request.account);
        if let Action::Delete(name) = &request.action {
            account.role(name).delete();
            return done(Physical { id: name.clone(), attributes: json!({}) });
        }
        let role = account.role(&name).trust(properties["AssumeRolePolicyDocument"].clone());
        let inline = properties["Policies"].as_array().cloned().unwrap_or_default();
        let documents = inline.iter().map(|policy| policy["PolicyDocument"].clone()).collect();
        self.policies.set(&self.aws, (&request.account, &name), "", documents);
        done(Physical { id: name, attributes: json!({"Arn": role.arn()}) })
    }
}

struct RolePolicies {
    aws: Sandbox,
    policies: Arc<Policies>,
}

impl ResourceType for RolePolicies {
    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Physical, String>> {
        let id = same_or(&request, || generated(&request));
        let document = request.properties["PolicyDocument"].clone();
        let documents =
            if matches!(request.action, Action::Delete(_)) { Vec::new() } else { vec![document] };
        for role in
            request.properties["Roles"].as_array().into_iter().flatten().filter_map(Value::as_str)
        {
            self.policies.set(&self.aws, (&request.account, role), &id, documents.clone());
        }
        done(Physical { id, attributes: json!({}) })
    }
}

struct Parameters(Weak<Shared>);

impl ResourceType for Parameters {
    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Physical, String>> {
        let name = request.properties["Name"].as_str().unwrap_or_default().to_owned();
        if let Some(shared) = self.0.upgrade() {
            lock(&shared.parameters).insert(name.clone(), request.properties["Value"].clone());
        }
        done(Physical { id: name, attributes: json!({}) })
    }
}

/// Functions whose code is a `bootstrap` in a zip file of the assembly.
struct Functions {
    aws: Sandbox,
    bucket: ResponseBucket,
    shared: Weak<Shared>,
    env: Vec<(String, String)>,
}

impl Functions {
    async fn start(&self, request: &Request, shared: &Shared) -> Result<Physical, String> {
        let name = same_or(request, || generated(request));
        let arn = format!("arn:aws:lambda:us-east-1:{}:function:{name}", request.account);
        let properties = &request.properties;
        let key = properties["Code"]["S3Key"].as_str().ok_or("the code is not in S3")?;
        let assembly = shared.assembly.clone().ok_or("there is no assembly")?;
        let path = unpacked(&assembly.join(format!("asset.{key}")))?;
        let role = properties["Role"]
            .as_str()
            .and_then(|arn| arn.rsplit('/').next())
            .ok_or("the function has no role")?;
        let credentials = self.aws.account(&request.account).role(role).credentials();
        let mut env = self.aws.env(&credentials);
        let own = properties["Environment"]["Variables"].as_object().cloned().unwrap_or_default();
        env.extend(
            own.into_iter()
                .map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned())),
        );
        env.push(("DELEGATION_RESPONSE_HOSTS".to_owned(), self.bucket.host()));
        env.extend(self.env.iter().cloned());
        let timeout = Duration::from_secs(properties["Timeout"].as_u64().unwrap_or(3));
        let bootstrap = Bootstrap { path, env, timeout, deadline: DeadlineStyle::Real };
        let process = LambdaProcess::spawn(bootstrap).await.map_err(|error| error.to_string())?;
        lock(&shared.functions.0).insert(arn.clone(), Arc::new(process));
        Ok(Physical { id: name, attributes: json!({ "Arn": arn }) })
    }
}

impl ResourceType for Functions {
    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Physical, String>> {
        async move {
            let shared = self.shared.upgrade().ok_or("the Region is gone")?;
            match &request.action {
                Action::Create | Action::Update(..) => self.start(&request, &shared).await,
                Action::Delete(id) => {
                    let arn = format!("arn:aws:lambda:us-east-1:{}:function:{id}", request.account);
                    lock(&shared.functions.0).remove(&arn);
                    Ok(Physical { id: id.clone(), attributes: json!({}) })
                }
            }
        }
        .boxed()
    }
}

/// The `bootstrap` of a zip file, beside it.
fn unpacked(zip: &Path) -> Result<PathBuf, String> {
    let directory = zip.with_extension("unpacked");
    let program = directory.join("bootstrap");
    let run = |command: &mut Command| match command.status() {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("{command:?}: {other:?}")),
    };
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(zip).arg(&directory))?;
    run(Command::new("chmod").arg("755").arg(&program))?;
    Ok(program)
}

/// Stacks within stacks, whose templates are files of the assembly.
struct NestedStacks {
    aws: Sandbox,
    bucket: ResponseBucket,
    shared: Weak<Shared>,
    states: Mutex<BTreeMap<String, Arc<State>>>,
}

impl NestedStacks {
    async fn carry_out(&self, request: &Request) -> Result<Physical, String> {
        let shared = self.shared.upgrade().ok_or("the Region is gone")?;
        let region = CloudFormation { aws: self.aws.clone(), bucket: self.bucket.clone(), shared };
        let id = same_or(request, || generated(request));
        let new = || region.stack(&request.account, &id).state;
        let state = Arc::clone(lock(&self.states).entry(id.clone()).or_insert_with(new));
        let stack = TemplateStack { region, state };
        let outcome = if matches!(request.action, Action::Delete(_)) {
            stack.delete().await
        } else {
            let template =
                stack.region.assembled(request.properties["Asset"].as_str().unwrap_or_default());
            let parameters =
                request.properties["Parameters"].as_object().cloned().unwrap_or_default();
            let parameters: Vec<(&str, &str)> = parameters
                .iter()
                .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
                .collect();
            stack.deploy(&template, &parameters).await
        };
        match outcome {
            Outcome::Complete => {}
            Outcome::RolledBack(reason) | Outcome::Stuck(reason) => return Err(reason),
        }
        let outputs = stack
            .outputs()
            .into_iter()
            .map(|(name, value)| (format!("Outputs.{name}"), value))
            .collect();
        Ok(Physical { id, attributes: Value::Object(outputs) })
    }
}

impl ResourceType for NestedStacks {
    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Physical, String>> {
        async move { self.carry_out(&request).await }.boxed()
    }
}
