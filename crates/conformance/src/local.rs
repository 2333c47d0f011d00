//! The sandbox as a backend for the probes, with the AWS CLI commands that they use.

mod function;
mod resources;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use sandbox::template::Template;
use sandbox::{CloudFormation, Quota, ResponseBucket, Sandbox, StackOutcome, TemplateStack};
use serde_json::{Value, json};

use crate::backend::{Backend, Side};
use crate::context::local_config;
use crate::probe::Needs;
use crate::probes::life;
use crate::stacks;
use function::Functions;
use resources::{ManagedPolicies, Messages, Roles, Topics};

/// The parent account, with the id that the pages use.
const PARENT: &str = "111111111111";
/// The child account, with the id that the pages use.
const CHILD: &str = "222222222222";
/// How long a received message is hidden from other receivers, unless it is deleted. On AWS it is
/// 30 seconds.
const VISIBILITY: Duration = Duration::from_millis(500);
/// The quota of the Route 53 API (Developer Guide, "Quotas", "Quotas on API requests"), but nothing
/// is added each second: on a slow machine, that would be enough for all requests of the probe.
const QUOTA: Quota = Quota { per_second: 0.0, burst: 50.0 };

/// A sandbox with stacks.
#[derive(Debug)]
pub struct Local {
    aws: Sandbox,
    region: CloudFormation,
    stacks: Mutex<BTreeMap<(Side, String), Arc<LocalStack>>>,
    /// The messages that CloudFormation has sent, and that were not deleted.
    queue: Messages,
    commands: Mutex<Vec<String>>,
}

/// A stack, with the status that `describe-stacks` shows.
#[derive(Debug)]
struct LocalStack {
    stack: TemplateStack,
    /// The status, and the reason for it.
    status: Mutex<(&'static str, String)>,
}

impl Local {
    /// Starts a sandbox.
    ///
    /// # Errors
    /// If it can't listen on the loopback interface.
    pub async fn start() -> std::io::Result<Self> {
        let aws = Sandbox::start().await?;
        let bucket = ResponseBucket::start().await?;
        let region = CloudFormation::new(&aws, &bucket, None, &[]);
        let policies = Arc::new(Mutex::default());
        region
            .register("AWS::IAM::ManagedPolicy", Arc::new(ManagedPolicies(Arc::clone(&policies))));
        region.register("AWS::IAM::Role", Arc::new(Roles { aws: aws.clone(), policies }));
        let dns = aws.dns().await?;
        region.register_signing(&dns);
        let functions = Functions {
            aws: aws.clone(),
            bucket: bucket.clone(),
            dns: dns.clone(),
            region: region.clone(),
        };
        region.register("AWS::Lambda::Function", Arc::new(functions));
        let queue = Arc::default();
        let topics = Topics { region: region.clone(), bucket, queue: Arc::clone(&queue) };
        region.register("AWS::SNS::Topic", Arc::new(topics));
        Ok(Self { aws, region, stacks: Mutex::default(), queue, commands: Mutex::default() })
    }

    pub fn sandbox(&self) -> &Sandbox {
        &self.aws
    }

    /// The SDK settings of an account's administrator.
    pub fn config(&self, side: Side) -> SdkConfig {
        let keys = self.aws.account(account(side)).user_credentials();
        local_config(&self.aws.endpoint_url(), &keys.access_key_id, &keys.secret_access_key)
    }

    pub fn stacks(&self) -> Vec<String> {
        let stacks = lock(&self.stacks);
        let existing =
            stacks.iter().filter(|(_, stack)| lock(&stack.status).0 != "DELETE_COMPLETE");
        existing.map(|((_, name), _)| name.clone()).collect()
    }

    pub fn commands(&self) -> Vec<String> {
        lock(&self.commands).clone()
    }

    /// Runs a command. Returns its output, or its error message.
    pub fn run(&self, side: Side, words: &[&str]) -> Result<String, String> {
        lock(&self.commands).push(words.join(" "));
        let option = |name: &str| words.iter().skip_while(|word| **word != name).nth(1).copied();
        match words {
            ["route53", "change-tags-for-resource", ..] | ["s3" | "s3api", ..] => Ok(String::new()),
            ["iam", "list-role-policies", ..] => Ok(json!({"PolicyNames": []}).to_string()),
            ["iam", "delete-role", ..] => {
                self.aws
                    .account(account(side))
                    .role(option("--role-name").unwrap_or_default())
                    .delete();
                Ok(String::new())
            }
            ["logs", "describe-log-groups", ..] => Ok(json!({"logGroups": []}).to_string()),
            ["sqs", "receive-message", ..] => Ok(self.receive().unwrap_or_default()),
            ["sqs", "delete-message", ..] => {
                let receipt = option("--receipt-handle").unwrap_or_default();
                lock(&self.queue).retain(|message| text(&message.event, "RequestId") != receipt);
                Ok(String::new())
            }
            ["cloudformation", verb, ..] => {
                let name = option("--stack-name").ok_or("--stack-name is missing")?;
                match *verb {
                    "create-stack" => self.create(side, name, Deployment::from_options(option)?),
                    "update-stack" => self.update(side, name, Deployment::from_options(option)?),
                    "delete-stack" => {
                        self.delete(side, name);
                        Ok(String::new())
                    }
                    "describe-stacks" => self.describe(side, name),
                    _ => Err(format!("the local AWS has no `aws {}`", words.join(" "))),
                }
            }
            _ => Err(format!("the local AWS has no `aws {}`", words.join(" "))),
        }
    }

    /// Receives the first message that is not hidden. It is received again later unless it is
    /// deleted, but after the others: if no receiver deletes it, a slow one must still get them.
    fn receive(&self) -> Option<String> {
        let (now, mut queue) = (Instant::now(), lock(&self.queue));
        let first = queue.iter().position(|message| message.hidden_until <= now)?;
        let mut message = queue.remove(first);
        message.hidden_until = now + VISIBILITY;
        let receipt = text(&message.event, "RequestId");
        let body = message.event.to_string();
        queue.push(message);
        Some(json!({"Messages": [{"Body": body, "ReceiptHandle": receipt}]}).to_string())
    }

    fn create(&self, side: Side, name: &str, deployment: Deployment) -> Result<String, String> {
        let key = (side, name.to_owned());
        let mut stacks = lock(&self.stacks);
        if stacks.contains_key(&key) {
            return Err(format!(
                "An error occurred (AlreadyExistsException): Stack [{name}] already exists"
            ));
        }
        let stack = self.region.stack(account(side), name);
        let stack = Arc::new(LocalStack { stack, status: Mutex::new(("", String::new())) });
        stacks.insert(key, Arc::clone(&stack));
        deployment.start(stack, &CREATE);
        Ok(String::new())
    }

    fn update(&self, side: Side, name: &str, deployment: Deployment) -> Result<String, String> {
        let key = (side, name.to_owned());
        let stack = lock(&self.stacks).get(&key).cloned().ok_or_else(|| missing(name))?;
        deployment.start(stack, &UPDATE);
        Ok(String::new())
    }

    fn delete(&self, side: Side, name: &str) {
        let key = (side, name.to_owned());
        // Deleting a stack that does not exist succeeds.
        let Some(stack) = lock(&self.stacks).get(&key).cloned() else {
            return;
        };
        stack.set("DELETE_IN_PROGRESS", String::new());
        tokio::spawn(async move {
            match stack.stack.delete().await {
                StackOutcome::Complete => stack.set("DELETE_COMPLETE", String::new()),
                StackOutcome::RolledBack(reason) | StackOutcome::Stuck(reason) => {
                    stack.set("DELETE_FAILED", reason);
                }
            }
        });
    }

    fn describe(&self, side: Side, name: &str) -> Result<String, String> {
        let key = (side, name.to_owned());
        let stack = lock(&self.stacks).get(&key).cloned().ok_or_else(|| missing(name))?;
        let (status, reason) = lock(&stack.status).clone();
        if status == "DELETE_COMPLETE" {
            lock(&self.stacks).remove(&key);
            return Err(missing(name));
        }
        let outputs = stack.stack.outputs();
        let outputs: Vec<Value> = outputs
            .iter()
            .map(|(key, value)| json!({"OutputKey": key, "OutputValue": value}))
            .collect();
        let described =
            json!({"StackStatus": status, "StackStatusReason": reason, "Outputs": outputs});
        Ok(json!({"Stacks": [described]}).to_string())
    }
}

/// The template and the parameters of a command.
struct Deployment {
    template: Value,
    parameters: Vec<(String, String)>,
}

impl Deployment {
    fn from_options<'a>(option: impl Fn(&str) -> Option<&'a str>) -> Result<Self, String> {
        let body = option("--template-body").and_then(|body| body.strip_prefix("file://"));
        let template = Template::source(body.ok_or("--template-body is missing")?);
        Ok(Self { template, parameters: parameters(option("--parameters"))? })
    }

    /// Starts to deploy the stack, with these statuses.
    fn start(self, stack: Arc<LocalStack>, statuses: &'static Statuses) {
        stack.set(statuses.in_progress, String::new());
        tokio::spawn(async move {
            let parameters: Vec<(&str, &str)> = self
                .parameters
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let (status, reason) = match stack.stack.deploy(&self.template, &parameters).await {
                StackOutcome::Complete => (statuses.complete, String::new()),
                StackOutcome::RolledBack(reason) => (statuses.rolled_back, reason),
                StackOutcome::Stuck(reason) => (statuses.stuck, reason),
            };
            stack.set(status, reason);
        });
    }
}

/// The statuses of a stack in one kind of deployment.
struct Statuses {
    in_progress: &'static str,
    complete: &'static str,
    rolled_back: &'static str,
    stuck: &'static str,
}

const CREATE: Statuses = Statuses {
    in_progress: "CREATE_IN_PROGRESS",
    complete: "CREATE_COMPLETE",
    rolled_back: "ROLLBACK_COMPLETE",
    stuck: "ROLLBACK_FAILED",
};
const UPDATE: Statuses = Statuses {
    in_progress: "UPDATE_IN_PROGRESS",
    complete: "UPDATE_COMPLETE",
    rolled_back: "UPDATE_ROLLBACK_COMPLETE",
    stuck: "UPDATE_ROLLBACK_FAILED",
};

impl LocalStack {
    fn set(&self, status: &'static str, reason: String) {
        *lock(&self.status) = (status, reason);
    }
}

impl Backend for Local {
    fn name(&self) -> &'static str {
        "the sandbox"
    }

    fn is_local(&self) -> bool {
        true
    }

    fn lacks(&self, needs: Needs) -> Option<String> {
        match needs {
            Needs::Api | Needs::Roles | Needs::Stacks => None,
            Needs::RealAws(what) => Some(what.to_owned()),
        }
    }

    fn function(&self, _: &str) -> Option<life::Function> {
        // The template of the repository. The function's code runs in this program.
        Some(life::Function {
            template: stacks::Template::shipped("template.yaml", Vec::new()).path,
            parameters: Vec::new(),
            code: None,
        })
    }

    fn start_throttling(&self) {
        self.aws.rate_limit_overall(Some(QUOTA));
    }

    fn stop_throttling(&self) {
        self.aws.rate_limit_overall(None);
    }

    fn aws<'a>(
        &'a self,
        side: Side,
        words: &'a [&'a str],
    ) -> BoxFuture<'a, Result<String, String>> {
        ready(self.run(side, words)).boxed()
    }
}

pub fn account(side: Side) -> &'static str {
    match side {
        Side::Parent => PARENT,
        Side::Child => CHILD,
    }
}

/// The error message if there is no such stack.
fn missing(name: &str) -> String {
    format!("An error occurred (ValidationError): Stack with id {name} does not exist")
}

fn parameters(text: Option<&str>) -> Result<Vec<(String, String)>, String> {
    let list: Value =
        serde_json::from_str(text.unwrap_or("[]")).map_err(|error| error.to_string())?;
    let text = |one: &Value, field: &str| {
        one.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let pairs = list.as_array().into_iter().flatten();
    Ok(pairs.map(|one| (text(one, "ParameterKey"), text(one, "ParameterValue"))).collect())
}

fn text(properties: &Value, field: &str) -> String {
    properties.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
