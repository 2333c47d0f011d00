//! The parts of AWS that the commands of the pages need: buckets, stacks, stack sets and service
//! control policies, on top of the local AWS. Its IAM checks everything that is done in somebody's
//! name.

mod change;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use sandbox::template::Template;
use sandbox::{Account, Role};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use test_support::Fixture;

use crate::kit::documents::{ORGANIZATION, everything};
use crate::kit::shell::CommandLine;

/// The output of a command, or its error message.
pub(crate) type CommandResult = Result<String, String>;

/// The account, the Region and the name.
type StackKey = (String, String, String);

/// The accounts of an organization, with the principals who work in them.
pub(crate) struct Cloud {
    pub(crate) fixture: Fixture,
    /// The role of each profile.
    profiles: BTreeMap<&'static str, Principal>,
    /// The accounts of each organizational unit.
    units: BTreeMap<&'static str, Vec<&'static str>>,
    delegated_administrators: BTreeSet<String>,
    policies: BTreeMap<String, Value>,
    buckets: BTreeMap<String, Bucket>,
    stacks: BTreeMap<StackKey, StackState>,
    /// The value of each export and the stack that has it.
    exports: BTreeMap<StackKey, (String, String)>,
    pub(crate) functions: BTreeMap<String, Function>,
    pub(crate) topics: BTreeMap<String, Topic>,
    /// The policy of each KMS key.
    keys: BTreeMap<String, Value>,
    counter: usize,
}

/// A caller: a role in an account.
#[derive(Clone)]
pub(crate) struct Principal {
    pub(crate) account: String,
    pub(crate) role: Role,
}

impl Principal {
    pub(crate) fn may(&self, action: &str, resource: &str) -> Result<(), String> {
        self.role
            .may(action, resource)
            .then_some(())
            .ok_or_else(|| format!("{} may not {action} on {resource}", self.role.arn()))
    }
}

#[derive(Default)]
struct Bucket {
    account: String,
    policy: Option<Value>,
    objects: BTreeMap<String, Vec<u8>>,
}

pub(crate) struct Function {
    pub(crate) role: Role,
    pub(crate) code: Vec<u8>,
    /// The principals of other accounts that may invoke it.
    pub(crate) permissions: Vec<Value>,
}

#[derive(Default)]
pub(crate) struct Topic {
    pub(crate) function: String,
    pub(crate) policy: Value,
    /// The KMS key that encrypts it, with the key's policy.
    pub(crate) key: Option<(String, Value)>,
}

#[derive(Default)]
struct StackState {
    template: String,
    parameters: BTreeMap<String, String>,
    made: Vec<Resource>,
    outputs: BTreeMap<String, String>,
}

/// An existing resource.
#[derive(Clone)]
struct Resource {
    id: String,
    kind: String,
    properties: Value,
    physical: String,
    retained: bool,
    attributes: BTreeMap<String, Value>,
}

/// The account and the Region of a stack, and who deploys it.
struct Target {
    account: String,
    region: String,
    by: Principal,
}

impl Cloud {
    /// Creates the organization. Each profile is its name, its account and its role's policy. No
    /// service control policy applies to those of the management account.
    pub(crate) async fn new(profiles: &[(&'static str, &str, &str, Value)]) -> Self {
        let mut fixture = Fixture::behind_sockets().await;
        fixture.parent.delete();
        fixture.child.delete();
        fixture.parent =
            fixture.parent_account.hosted_zone_with_id("Z0PARENTEXAMPLE", "example.com");
        let mut cloud = Self {
            fixture,
            profiles: BTreeMap::new(),
            units: BTreeMap::new(),
            delegated_administrators: BTreeSet::new(),
            policies: BTreeMap::new(),
            buckets: BTreeMap::new(),
            stacks: BTreeMap::new(),
            exports: BTreeMap::new(),
            functions: BTreeMap::new(),
            topics: BTreeMap::new(),
            keys: BTreeMap::new(),
            counter: 0,
        };
        for (profile, account, role, rights) in profiles {
            cloud.account(account).set_org(ORGANIZATION);
            let principal = cloud.principal(account, role, rights.clone());
            cloud.profiles.insert(profile, principal);
        }
        cloud
    }

    pub(crate) fn with_unit(mut self, unit: &'static str, accounts: &[&'static str]) -> Self {
        for account in accounts {
            self.account(account).set_org_path(&format!("{ORGANIZATION}/r-exam/{unit}/"));
        }
        self.units.insert(unit, accounts.to_vec());
        self
    }

    pub(crate) fn account(&self, id: &str) -> Account {
        self.fixture.aws.account(id)
    }

    /// Creates a role with these permissions.
    pub(crate) fn principal(&self, account: &str, role: &str, rights: Value) -> Principal {
        let role = self.account(account).role(role).without_policies().policy(rights);
        Principal { account: account.to_owned(), role }
    }

    fn profile(&self, command: &CommandLine) -> Result<Principal, String> {
        let name = command.option("--profile").ok_or("the command has no --profile")?;
        self.profiles.get(name).cloned().ok_or_else(|| format!("there is no profile {name}"))
    }

    fn target(&self, command: &CommandLine) -> Result<Target, String> {
        let by = self.profile(command)?;
        let region = command.option("--region").ok_or("the command has no --region")?.to_owned();
        Ok(Target { account: by.account.clone(), region, by })
    }

    /// Runs a command.
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
                self.buckets.insert(name, Bucket { account: by.account, ..Bucket::default() });
                Ok(String::new())
            }
            ["aws", "s3", "cp", from, to, ..] => self.copy(command, from, to),
            ["aws", "cloudformation", "deploy", ..] => self.deploy_command(command).await,
            ["aws", "cloudformation", "delete-stack", ..] => {
                let target = self.target(command)?;
                let name = command.option("--stack-name").ok_or("which stack?")?;
                self.delete_stack(&target, name).await
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
                self.delegated_administrators
                    .insert(command.option("--account-id").unwrap().to_owned());
                Ok(String::new())
            }
            ["aws", "organizations", "create-policy", ..] => self.create_policy(command),
            ["aws", "organizations", "attach-policy", ..] => self.attach_policy(command),
            _ => Err("this test does not know the command".into()),
        }
    }

    fn create_policy(&mut self, command: &CommandLine) -> CommandResult {
        let file = command
            .option("--content")
            .and_then(|content| content.strip_prefix("file://"))
            .ok_or("no content")?;
        let text = fs::read_to_string(command.folder.join(file))
            .map_err(|error| format!("{file}: {error}"))?;
        let id = format!("p-example{}", self.policies.len() + 1);
        self.policies.insert(id.clone(), serde_json::from_str(&text).unwrap());
        Ok(format!("{id}\n"))
    }

    fn attach_policy(&mut self, command: &CommandLine) -> CommandResult {
        let policy = command
            .option("--policy-id")
            .and_then(|id| self.policies.get(id))
            .ok_or("there is no such policy")?;
        let target = command.option("--target-id").ok_or("no target")?;
        let one = [target];
        let accounts = self.units.get(target).map_or(&one[..], Vec::as_slice);
        for account in accounts {
            self.account(account).service_control_policy(policy.clone());
        }
        Ok(String::new())
    }

    fn copy(&mut self, command: &CommandLine, from: &str, to: &str) -> CommandResult {
        let by = self.profile(command)?;
        let (bucket, key) = to
            .strip_prefix("s3://")
            .and_then(|rest| rest.split_once('/'))
            .ok_or("the destination is not a bucket")?;
        by.may("s3:PutObject", &format!("arn:aws:s3:::{bucket}/{key}"))?;
        let bytes =
            fs::read(command.folder.join(from)).map_err(|error| format!("{from}: {error}"))?;
        let bucket =
            self.buckets.get_mut(bucket).ok_or_else(|| format!("there is no bucket {bucket}"))?;
        bucket.objects.insert(key.to_owned(), bytes);
        Ok(String::new())
    }

    /// Returns an object of a bucket, if `by` may read it.
    fn object(&self, by: &Principal, bucket: &str, key: &str) -> Result<Vec<u8>, String> {
        let (name, bucket) = (
            bucket,
            self.buckets.get(bucket).ok_or_else(|| format!("there is no bucket {bucket}"))?,
        );
        let arn = format!("arn:aws:s3:::{name}/{key}");
        if bucket.account == by.account {
            by.may("s3:GetObject", &arn)?;
        } else {
            let policy = bucket.policy.clone().ok_or_else(|| format!("{name} has no policy"))?;
            let allowed = by.role.may_by(policy, "s3:GetObject", &arn);
            allowed.then_some(()).ok_or_else(|| format!("{} may not read {arn}", by.role.arn()))?;
        }
        bucket
            .objects
            .get(key)
            .cloned()
            .ok_or_else(|| format!("there is no object {key} in {name}"))
    }

    fn url(&self, by: &Principal, url: &str) -> Result<String, String> {
        let (host, key) = url
            .strip_prefix("https://")
            .and_then(|rest| rest.split_once('/'))
            .ok_or("the URL is not one of S3")?;
        let bucket = host.split(".s3.").next().unwrap();
        Ok(String::from_utf8(self.object(by, bucket, key)?).unwrap())
    }

    async fn deploy_command(&mut self, command: &CommandLine) -> CommandResult {
        let target = self.target(command)?;
        let file = command.option("--template-file").ok_or("no template")?;
        let name = command.option("--stack-name").ok_or("which stack?")?;
        let text = fs::read_to_string(command.folder.join(file))
            .map_err(|error| format!("{file}: {error}"))?;
        let given =
            command.words.iter().skip_while(|word| *word != "--parameter-overrides").skip(1);
        let mut parameters = BTreeMap::new();
        for word in given.take_while(|word| !word.starts_with("--")) {
            let (key, value) =
                word.split_once('=').ok_or_else(|| format!("{word} is not a parameter"))?;
            parameters.insert(key.to_owned(), value.to_owned());
        }
        let named =
            text.contains("AWS::IAM::Role\n") || text.contains("AWS::CloudFormation::Stack\n");
        if named && command.option("--capabilities") != Some("CAPABILITY_NAMED_IAM") {
            return Err("InsufficientCapabilities: the template creates a named role".into());
        }
        // A larger local template needs a bucket (`aws cloudformation deploy`, --s3-bucket).
        if text.len() > 51_200 {
            return Err("the template is too large".into());
        }
        target.by.may("cloudformation:CreateChangeSet", &stack_arn(&target, name))?;
        self.deploy(&target, name, file, &text, parameters).await.map(|()| String::new())
    }

    fn output(&self, command: &CommandLine) -> CommandResult {
        let target = self.target(command)?;
        let name = command.option("--stack-name").ok_or("which stack?")?;
        let query = command
            .option("--query")
            .and_then(|query| query.split('\'').nth(1))
            .ok_or("which output?")?;
        let stack = self
            .stacks
            .get(&(target.account, target.region, name.to_owned()))
            .ok_or("there is no such stack")?;
        stack
            .outputs
            .get(query)
            .map(|value| format!("{value}\n"))
            .ok_or_else(|| format!("there is no output {query}"))
    }

    /// Creates or updates a stack. After a failure, it is rolled back as far as the pages need it:
    /// the stack is as before, or deleted.
    async fn deploy(
        &mut self,
        target: &Target,
        name: &str,
        file: &str,
        text: &str,
        mut parameters: BTreeMap<String, String>,
    ) -> Result<(), String> {
        let key = (target.account.clone(), target.region.clone(), name.to_owned());
        let old = self.stacks.remove(&key).unwrap_or_default();
        for (name, value) in &old.parameters {
            parameters.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let mut values: BTreeMap<&str, &str> =
            parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
        let exports: Vec<(String, String)> = self
            .exports
            .iter()
            .filter(|((account, region, _), _)| {
                *account == target.account && *region == target.region
            })
            .map(|((_, _, name), (value, _))| (name.clone(), value.clone()))
            .collect();
        values.extend(exports.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        values.extend([
            ("AWS::AccountId", &*target.account),
            ("AWS::Region", &target.region),
            ("AWS::StackName", name),
        ]);
        let mut template = Template::new(
            file,
            Template::parsed(file, text),
            &values.into_iter().collect::<Vec<_>>(),
        );
        let order = template.resources();
        let mut made: Vec<Resource> = Vec::new();
        let before = |id: &str| old.made.iter().find(|one| one.id == id).cloned();
        let mut failure = None;
        for id in &order {
            let resource = template.resource(&format!("/{id}"));
            match self.apply(target, name, id, &resource, before(id)).await {
                Ok(one) => {
                    template.set(id, json!(one.physical));
                    for (attribute, value) in &one.attributes {
                        template.set(&format!("{id}.{attribute}"), value.clone());
                    }
                    made.push(one);
                }
                Err(reason) => {
                    failure = Some(format!("{id}: {reason}"));
                    break;
                }
            }
        }
        if let Some(failure) = failure {
            // The rollback: changed resources get their old properties, and new ones are deleted.
            for one in made.iter().rev() {
                match before(&one.id) {
                    Some(earlier) => {
                        let resource =
                            json!({"Type": earlier.kind, "Properties": earlier.properties});
                        self.apply(target, name, &one.id, &resource, Some(one.clone())).await?;
                    }
                    None => self.remove(target, name, one).await?,
                }
            }
            if !old.made.is_empty() {
                self.stacks.insert(key, old);
            }
            return Err(failure);
        }
        for gone in old.made.iter().rev().filter(|one| !order.contains(&one.id)) {
            self.remove(target, name, gone).await?;
        }
        let mut state =
            StackState { template: text.to_owned(), parameters, made, outputs: BTreeMap::new() };
        for output in template.outputs() {
            let value =
                output.value.as_str().map_or_else(|| output.value.to_string(), str::to_owned);
            if let Some(export) = output.export {
                let key = (target.account.clone(), target.region.clone(), export);
                self.exports.insert(key, (value.clone(), name.to_owned()));
            }
            state.outputs.insert(output.name, value);
        }
        self.stacks.insert(key, state);
        Ok(())
    }

    async fn delete_stack(&mut self, target: &Target, name: &str) -> CommandResult {
        target.by.may("cloudformation:DeleteStack", &stack_arn(target, name))?;
        let key = (target.account.clone(), target.region.clone(), name.to_owned());
        let state = self.stacks.remove(&key).ok_or_else(|| format!("there is no stack {name}"))?;
        let exported = self.exports.iter().filter(|((account, region, _), (_, stack))| {
            *account == target.account && *region == target.region && stack == name
        });
        let exported: Vec<StackKey> = exported.map(|(key, _)| key.clone()).collect();
        for export in &exported {
            let imports =
                |stack: &StackState| stack.template.contains(&format!("!ImportValue {}", export.2));
            let user = self
                .stacks
                .iter()
                .find(|(key, stack)| key.0 == export.0 && key.1 == export.1 && imports(stack));
            if let Some((user, _)) = user {
                let reason = format!("export {} is in use by {}", export.2, user.2);
                self.stacks.insert(key, state);
                return Err(reason);
            }
        }
        for one in state.made.iter().rev().filter(|one| !one.retained) {
            self.remove(target, name, one).await?;
        }
        for export in exported {
            self.exports.remove(&export);
        }
        Ok(String::new())
    }

    /// Creates a bucket that everybody may read.
    pub(crate) fn put_bucket(&mut self, name: &str, account: &str, key: &str, object: &[u8]) {
        let anybody =
            json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"});
        let bucket = Bucket {
            account: account.to_owned(),
            policy: Some(json!({"Statement": [anybody]})),
            objects: BTreeMap::from([(key.to_owned(), object.to_vec())]),
        };
        self.buckets.insert(name.to_owned(), bucket);
    }

    /// Deletes a stack as a profile.
    pub(crate) async fn delete(
        &mut self,
        profile: &str,
        region: &str,
        name: &str,
    ) -> CommandResult {
        let by = self.profiles[profile].clone();
        let target = Target { account: by.account.clone(), region: region.to_owned(), by };
        self.delete_stack(&target, name).await
    }

    /// Returns the physical id of a resource in a stack that a profile deployed.
    pub(crate) fn physical_id(&self, profile: &str, region: &str, stack: &str, id: &str) -> String {
        let key = (self.profiles[profile].account.clone(), region.to_owned(), stack.to_owned());
        self.stacks[&key].made.iter().find(|one| one.id == id).unwrap().physical.clone()
    }

    fn next(&mut self) -> usize {
        self.counter += 1;
        self.counter
    }
}

fn stack_arn(target: &Target, name: &str) -> String {
    format!(
        "arn:aws:cloudformation:{}:{}:stack/{name}/51af3dc0-da77-11e4-872e-1234567db123",
        target.region, target.account
    )
}

/// Returns the Base64 of the SHA-256 digest, as Lambda shows it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let hash = Sha256::digest(bytes);
    let mut text = String::new();
    for three in hash.chunks(3) {
        let byte = |index: usize| usize::from(three.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for target in 0..4 {
            let letter = char::from(LETTERS[bits >> (18 - 6 * target) & 63]);
            text.push(if target > three.len() { '=' } else { letter });
        }
    }
    text
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

/// The role that AWS creates in each account for the stack sets of an organization.
pub(crate) const STACK_SETS: &str = "stacksets-exec-0123456789abcdef";

impl Cloud {
    /// Returns the accounts and Regions of the instances of a stack set.
    fn targets(&self, properties: &Value) -> Vec<(String, String)> {
        let group = &properties["StackInstancesGroup"][0];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let units = group["DeploymentTargets"]["OrganizationalUnitIds"].as_array().unwrap();
        let accounts = units.iter().flat_map(|unit| &self.units[unit.as_str().unwrap()]);
        let regions = group["Regions"].as_array().unwrap();
        accounts
            .flat_map(|account| {
                regions.iter().map(move |region| ((*account).to_owned(), text(region)))
            })
            .collect()
    }

    fn stack_sets_role(&self, account: &str) -> Principal {
        self.principal(account, STACK_SETS, everything())
    }
}
