//! Runs the commands that the documentation shows, on the local AWS.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use sandbox::template::Template;
use serde_json::Value;

use super::deployments::Target;
use super::services::Bucket;
use super::{Cloud, CommandResult, Principal};
use crate::deployment::shell::CommandLine;

impl Cloud {
    /// Runs a command, and returns its standard output.
    pub(crate) async fn run(&mut self, command: &CommandLine) -> CommandResult {
        let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["make", "package"] => {
                package(command);
                Ok(String::new())
            }
            ["aws", "s3", "mb", bucket, ..] => {
                let by = self.profile(command)?;
                let name = bucket.strip_prefix("s3://").ok_or("not a bucket")?.to_owned();
                by.may("s3:CreateBucket", &format!("arn:aws:s3:::{name}"))?;
                let bucket = Bucket { account: by.account, ..Bucket::default() };
                self.deployments.services().buckets.insert(name, bucket);
                Ok(String::new())
            }
            ["aws", "s3", "cp", from, to, ..] => self.copy(command, from, to),
            ["aws", "cloudformation", "deploy", ..] => self.deploy(command).await,
            ["aws", "cloudformation", "delete-stack", ..] => {
                let target = self.target_of(command)?;
                self.deployments.delete(&target).await.map(|()| String::new())
            }
            ["checkpoint", _] | ["aws", "cloudformation", "wait", "stack-delete-complete", ..] => {
                Ok(String::new())
            }
            ["aws", "cloudformation", "describe-stacks", ..] => self.output(command),
            ["aws", "organizations", "enable-aws-service-access", ..] => {
                self.profile(command).map(|_| String::new())
            }
            ["aws", "organizations", "register-delegated-administrator", ..] => {
                self.profile(command)?;
                let account = command.option("--account-id").unwrap().to_owned();
                self.deployments.organization().delegated_administrators.insert(account);
                Ok(String::new())
            }
            ["aws", "organizations", "create-policy", ..] => self.create_policy(command),
            ["aws", "organizations", "attach-policy", ..] => self.attach_policy(command),
            _ => Err("this test does not support the command".into()),
        }
    }

    fn profile(&self, command: &CommandLine) -> Result<Principal, String> {
        let name = command.option("--profile").ok_or("the command has no --profile")?;
        self.profiles.get(name).cloned().ok_or_else(|| format!("there is no profile {name}"))
    }

    /// Returns the stack that a command names.
    fn target_of(&self, command: &CommandLine) -> Result<Target, String> {
        let by = self.profile(command)?;
        let region = command.option("--region").ok_or("the command has no --region")?;
        let name = command.option("--stack-name").ok_or("the command has no --stack-name")?;
        Ok(Target {
            account: by.account,
            region: region.to_owned(),
            name: name.to_owned(),
            deployer: by.role,
        })
    }

    fn create_policy(&mut self, command: &CommandLine) -> CommandResult {
        let file = command
            .option("--content")
            .and_then(|content| content.strip_prefix("file://"))
            .ok_or("the command has no --content file://...")?;
        let id = format!("p-example{}", self.policies.len() + 1);
        let policy: Value = serde_json::from_str(&read(command, file)?).unwrap();
        self.policies.insert(id.clone(), policy);
        Ok(format!("{id}\n"))
    }

    fn attach_policy(&self, command: &CommandLine) -> CommandResult {
        let policy = command
            .option("--policy-id")
            .and_then(|id| self.policies.get(id))
            .ok_or("there is no such policy")?;
        let target = command.option("--target-id").ok_or("the command has no --target-id")?;
        let unit: Option<Vec<&str>> = self.deployments.organization().units.get(target).cloned();
        for account in unit.unwrap_or_else(|| vec![target]) {
            self.account(account).service_control_policy(policy.clone());
        }
        Ok(String::new())
    }

    fn copy(&self, command: &CommandLine, from: &str, to: &str) -> CommandResult {
        let by = self.profile(command)?;
        let (bucket, key) = to
            .strip_prefix("s3://")
            .and_then(|rest| rest.split_once('/'))
            .ok_or("the destination is not a bucket")?;
        by.may("s3:PutObject", &format!("arn:aws:s3:::{bucket}/{key}"))?;
        let bytes =
            fs::read(command.folder.join(from)).map_err(|error| format!("{from}: {error}"))?;
        let mut services = self.deployments.services();
        let bucket = services
            .buckets
            .get_mut(bucket)
            .ok_or_else(|| format!("there is no bucket {bucket}"))?;
        bucket.objects.insert(key.to_owned(), bytes);
        Ok(String::new())
    }

    async fn deploy(&self, command: &CommandLine) -> CommandResult {
        let target = self.target_of(command)?;
        let file = command.option("--template-file").ok_or("the command has no --template-file")?;
        let text = read(command, file)?;
        let names_roles =
            text.contains("AWS::IAM::Role\n") || text.contains("AWS::CloudFormation::Stack\n");
        if names_roles && command.option("--capabilities") != Some("CAPABILITY_NAMED_IAM") {
            return Err("InsufficientCapabilities: the template creates a named role".into());
        }
        // CloudFormation's limit for a template that is not in a bucket.
        if text.len() > 51_200 {
            return Err("the template is too large".into());
        }
        target.check("cloudformation:CreateChangeSet")?;
        target.check("cloudformation:ExecuteChangeSet")?;
        let (template, parameters) = (Template::parsed(file, &text), parameters(command)?);
        self.deployments.deploy(&target, &template, parameters).await.map(|()| String::new())
    }

    fn output(&self, command: &CommandLine) -> CommandResult {
        let target = self.target_of(command)?;
        let query = command
            .option("--query")
            .and_then(|query| query.split('\'').nth(1))
            .ok_or("--query names no output")?;
        let stack = self.deployments.stack(&target).ok_or("there is no such stack")?;
        let outputs = stack.outputs();
        let value = outputs.get(query).ok_or_else(|| format!("there is no output {query}"))?;
        Ok(format!("{}\n", value.as_str().unwrap()))
    }
}

/// Reads a file that a command names.
fn read(command: &CommandLine, file: &str) -> Result<String, String> {
    fs::read_to_string(command.folder.join(file)).map_err(|error| format!("{file}: {error}"))
}

fn parameters(command: &CommandLine) -> Result<BTreeMap<String, String>, String> {
    let given = command.words.iter().skip_while(|word| *word != "--parameter-overrides").skip(1);
    given
        .take_while(|word| !word.starts_with("--"))
        .map(|word| {
            let (key, value) =
                word.split_once('=').ok_or_else(|| format!("{word} is not a parameter"))?;
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect()
}

/// Writes what `make package` writes, with placeholders instead of the code.
fn package(command: &CommandLine) {
    let dist = command.folder.join("dist");
    fs::create_dir_all(&dist).unwrap();
    let template = Command::new("python3")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["tools/package.py", "--template", "arm64"])
        .output()
        .unwrap();
    assert!(template.status.success(), "{template:?}");
    fs::write(dist.join("template-arm64.yaml"), template.stdout).unwrap();
    // The next release exists as well, as if it had been unpacked.
    for version in ["0.1.0", "0.2.0"] {
        fs::write(
            dist.join(format!("custom-delegation-{version}-arm64.zip")),
            format!("the code of {version}"),
        )
        .unwrap();
    }
}
