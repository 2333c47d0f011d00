//! AWS as far as the commands of the pages need it: buckets, stacks, stack sets and service control
//! policies on the local AWS, whose IAM is asked for everything that is done in somebody's name.

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
use crate::kit::shell::Asked;

/// What a command prints, or why it fails.
pub(crate) type Done = Result<String, String>;

/// Account, Region and name.
type StackKey = (String, String, String);

/// All accounts of an organization, and who works in them.
pub(crate) struct Cloud {
    pub(crate) fixture: Fixture,
    /// By the name of the profile: the role and its account.
    profiles: BTreeMap<&'static str, Person>,
    /// The accounts of each organizational unit.
    units: BTreeMap<&'static str, Vec<&'static str>>,
    delegated_administrators: BTreeSet<String>,
    policies: BTreeMap<String, Value>,
    buckets: BTreeMap<String, Bucket>,
    stacks: BTreeMap<StackKey, StackState>,
    /// By account, Region and name of the export: its value and the stack that has it.
    exports: BTreeMap<StackKey, (String, String)>,
    pub(crate) functions: BTreeMap<String, Function>,
    pub(crate) topics: BTreeMap<String, Topic>,
    /// The policies of keys.
    keys: BTreeMap<String, Value>,
    counter: usize,
}

/// Who calls: a role in an account.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) account: String,
    pub(crate) role: Role,
}

impl Person {
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
    /// The policy of the key that encrypts it, and the key.
    pub(crate) key: Option<(String, Value)>,
}

#[derive(Default)]
struct StackState {
    template: String,
    parameters: BTreeMap<String, String>,
    made: Vec<Made>,
    outputs: BTreeMap<String, String>,
}

/// A resource that stands.
#[derive(Clone)]
struct Made {
    id: String,
    kind: String,
    properties: Value,
    physical: String,
    retained: bool,
    attributes: BTreeMap<String, Value>,
}

/// Where and for whom a stack is changed.
struct Place {
    account: String,
    region: String,
    by: Person,
}

impl Cloud {
    /// `profiles` are name, account and role. Those of the management account are reached by no
    /// service control policy.
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
            let person = cloud.person(account, role, rights.clone());
            cloud.profiles.insert(profile, person);
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

    /// A role with these rights.
    pub(crate) fn person(&self, account: &str, role: &str, rights: Value) -> Person {
        let role = self.account(account).role(role).without_policies().policy(rights);
        Person { account: account.to_owned(), role }
    }

    fn profile(&self, asked: &Asked) -> Result<Person, String> {
        let name = asked.option("--profile").ok_or("it names no profile")?;
        self.profiles.get(name).cloned().ok_or_else(|| format!("no profile {name}"))
    }

    fn place(&self, asked: &Asked) -> Result<Place, String> {
        let by = self.profile(asked)?;
        let region = asked.option("--region").ok_or("it names no Region")?.to_owned();
        Ok(Place { account: by.account.clone(), region, by })
    }

    /// Carries a command out.
    pub(crate) async fn run(&mut self, asked: &Asked) -> Done {
        let words: Vec<&str> = asked.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["make", "package"] => {
                package(asked);
                Ok(String::new())
            }
            ["aws", "s3", "mb", bucket, ..] => {
                let by = self.profile(asked)?;
                let name = bucket.strip_prefix("s3://").ok_or("not a bucket")?.to_owned();
                by.may("s3:CreateBucket", &format!("arn:aws:s3:::{name}"))?;
                self.buckets.insert(name, Bucket { account: by.account, ..Bucket::default() });
                Ok(String::new())
            }
            ["aws", "s3", "cp", from, to, ..] => self.copy(asked, from, to),
            ["aws", "cloudformation", "deploy", ..] => self.deploy_command(asked).await,
            ["aws", "cloudformation", "delete-stack", ..] => {
                let place = self.place(asked)?;
                let name = asked.option("--stack-name").ok_or("which stack?")?;
                self.delete_stack(&place, name).await
            }
            ["checkpoint", _] | ["aws", "cloudformation", "wait", "stack-delete-complete", ..] => {
                Ok(String::new())
            }
            ["aws", "cloudformation", "describe-stacks", ..] => self.output(asked),
            ["aws", "organizations", "enable-aws-service-access", ..] => {
                self.profile(asked).map(|_| String::new())
            }
            ["aws", "organizations", "register-delegated-administrator", ..] => {
                self.profile(asked)?;
                self.delegated_administrators
                    .insert(asked.option("--account-id").unwrap().to_owned());
                Ok(String::new())
            }
            ["aws", "organizations", "create-policy", ..] => self.create_policy(asked),
            ["aws", "organizations", "attach-policy", ..] => self.attach_policy(asked),
            _ => Err("this command is not known here".into()),
        }
    }

    fn create_policy(&mut self, asked: &Asked) -> Done {
        let file = asked
            .option("--content")
            .and_then(|content| content.strip_prefix("file://"))
            .ok_or("no content")?;
        let text = fs::read_to_string(asked.folder.join(file))
            .map_err(|error| format!("{file}: {error}"))?;
        let id = format!("p-example{}", self.policies.len() + 1);
        self.policies.insert(id.clone(), serde_json::from_str(&text).unwrap());
        Ok(format!("{id}\n"))
    }

    fn attach_policy(&mut self, asked: &Asked) -> Done {
        let policy = asked
            .option("--policy-id")
            .and_then(|id| self.policies.get(id))
            .ok_or("no such policy")?;
        let target = asked.option("--target-id").ok_or("no target")?;
        let one = [target];
        let accounts = self.units.get(target).map_or(&one[..], Vec::as_slice);
        for account in accounts {
            self.account(account).service_control_policy(policy.clone());
        }
        Ok(String::new())
    }

    fn copy(&mut self, asked: &Asked, from: &str, to: &str) -> Done {
        let by = self.profile(asked)?;
        let (bucket, key) = to
            .strip_prefix("s3://")
            .and_then(|rest| rest.split_once('/'))
            .ok_or("not to a bucket")?;
        by.may("s3:PutObject", &format!("arn:aws:s3:::{bucket}/{key}"))?;
        let bytes =
            fs::read(asked.folder.join(from)).map_err(|error| format!("{from}: {error}"))?;
        let bucket = self.buckets.get_mut(bucket).ok_or_else(|| format!("no bucket {bucket}"))?;
        bucket.objects.insert(key.to_owned(), bytes);
        Ok(String::new())
    }

    /// An object that somebody reads.
    fn object(&self, by: &Person, bucket: &str, key: &str) -> Result<Vec<u8>, String> {
        let (name, bucket) =
            (bucket, self.buckets.get(bucket).ok_or_else(|| format!("no bucket {bucket}"))?);
        let arn = format!("arn:aws:s3:::{name}/{key}");
        if bucket.account == by.account {
            by.may("s3:GetObject", &arn)?;
        } else {
            let policy = bucket.policy.clone().ok_or_else(|| format!("{name} has no policy"))?;
            let allowed = by.role.may_by(policy, "s3:GetObject", &arn);
            allowed.then_some(()).ok_or_else(|| format!("{} may not read {arn}", by.role.arn()))?;
        }
        bucket.objects.get(key).cloned().ok_or_else(|| format!("no object {key} in {name}"))
    }

    fn url(&self, by: &Person, url: &str) -> Result<String, String> {
        let (host, key) = url
            .strip_prefix("https://")
            .and_then(|rest| rest.split_once('/'))
            .ok_or("not a URL of S3")?;
        let bucket = host.split(".s3.").next().unwrap();
        Ok(String::from_utf8(self.object(by, bucket, key)?).unwrap())
    }

    async fn deploy_command(&mut self, asked: &Asked) -> Done {
        let place = self.place(asked)?;
        let file = asked.option("--template-file").ok_or("no template")?;
        let name = asked.option("--stack-name").ok_or("which stack?")?;
        let text = fs::read_to_string(asked.folder.join(file))
            .map_err(|error| format!("{file}: {error}"))?;
        let given = asked.words.iter().skip_while(|word| *word != "--parameter-overrides").skip(1);
        let mut parameters = BTreeMap::new();
        for word in given.take_while(|word| !word.starts_with("--")) {
            let (key, value) =
                word.split_once('=').ok_or_else(|| format!("{word} is no parameter"))?;
            parameters.insert(key.to_owned(), value.to_owned());
        }
        let named =
            text.contains("AWS::IAM::Role\n") || text.contains("AWS::CloudFormation::Stack\n");
        if named && asked.option("--capabilities") != Some("CAPABILITY_NAMED_IAM") {
            return Err("InsufficientCapabilities: it makes a role with a name".into());
        }
        // A local template of more than that needs a bucket (`aws cloudformation deploy`,
        // --s3-bucket).
        if text.len() > 51_200 {
            return Err("the template is too large".into());
        }
        place.by.may("cloudformation:CreateChangeSet", &stack_arn(&place, name))?;
        self.deploy(&place, name, file, &text, parameters).await.map(|()| String::new())
    }

    fn output(&self, asked: &Asked) -> Done {
        let place = self.place(asked)?;
        let name = asked.option("--stack-name").ok_or("which stack?")?;
        let query = asked
            .option("--query")
            .and_then(|query| query.split('\'').nth(1))
            .ok_or("which output?")?;
        let stack = self
            .stacks
            .get(&(place.account, place.region, name.to_owned()))
            .ok_or("no such stack")?;
        stack
            .outputs
            .get(query)
            .map(|value| format!("{value}\n"))
            .ok_or_else(|| format!("no output {query}"))
    }

    /// Brings a stack to a template. What fails is rolled back as far as the pages need it: the
    /// stack is as before, or gone.
    async fn deploy(
        &mut self,
        place: &Place,
        name: &str,
        file: &str,
        text: &str,
        mut parameters: BTreeMap<String, String>,
    ) -> Result<(), String> {
        let key = (place.account.clone(), place.region.clone(), name.to_owned());
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
                *account == place.account && *region == place.region
            })
            .map(|((_, _, name), (value, _))| (name.clone(), value.clone()))
            .collect();
        values.extend(exports.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        values.extend([
            ("AWS::AccountId", &*place.account),
            ("AWS::Region", &place.region),
            ("AWS::StackName", name),
        ]);
        let mut template = Template::new(
            file,
            Template::parsed(file, text),
            &values.into_iter().collect::<Vec<_>>(),
        );
        let order = template.resources();
        let mut made: Vec<Made> = Vec::new();
        let before = |id: &str| old.made.iter().find(|one| one.id == id).cloned();
        let mut failure = None;
        for id in &order {
            let resource = template.resource(&format!("/{id}"));
            match self.make(place, name, id, &resource, before(id)).await {
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
            // The way back: what was changed gets its old properties, what is new goes.
            for one in made.iter().rev() {
                match before(&one.id) {
                    Some(earlier) => {
                        let resource =
                            json!({"Type": earlier.kind, "Properties": earlier.properties});
                        self.make(place, name, &one.id, &resource, Some(one.clone())).await?;
                    }
                    None => self.unmake(place, name, one).await?,
                }
            }
            if !old.made.is_empty() {
                self.stacks.insert(key, old);
            }
            return Err(failure);
        }
        for gone in old.made.iter().rev().filter(|one| !order.contains(&one.id)) {
            self.unmake(place, name, gone).await?;
        }
        let mut state =
            StackState { template: text.to_owned(), parameters, made, outputs: BTreeMap::new() };
        for output in template.outputs() {
            let value =
                output.value.as_str().map_or_else(|| output.value.to_string(), str::to_owned);
            if let Some(export) = output.export {
                let key = (place.account.clone(), place.region.clone(), export);
                self.exports.insert(key, (value.clone(), name.to_owned()));
            }
            state.outputs.insert(output.name, value);
        }
        self.stacks.insert(key, state);
        Ok(())
    }

    async fn delete_stack(&mut self, place: &Place, name: &str) -> Done {
        place.by.may("cloudformation:DeleteStack", &stack_arn(place, name))?;
        let key = (place.account.clone(), place.region.clone(), name.to_owned());
        let state = self.stacks.remove(&key).ok_or_else(|| format!("no stack {name}"))?;
        let exported = self.exports.iter().filter(|((account, region, _), (_, stack))| {
            *account == place.account && *region == place.region && stack == name
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
            self.unmake(place, name, one).await?;
        }
        for export in exported {
            self.exports.remove(&export);
        }
        Ok(String::new())
    }

    /// A bucket that somebody made, who lets everybody read.
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

    /// Deletes a stack as a profile would.
    pub(crate) async fn delete(&mut self, profile: &str, region: &str, name: &str) -> Done {
        let by = self.profiles[profile].clone();
        let place = Place { account: by.account.clone(), region: region.to_owned(), by };
        self.delete_stack(&place, name).await
    }

    /// The physical id of a resource of a stack that a profile deployed.
    pub(crate) fn physical_id(&self, profile: &str, region: &str, stack: &str, id: &str) -> String {
        let key = (self.profiles[profile].account.clone(), region.to_owned(), stack.to_owned());
        self.stacks[&key].made.iter().find(|one| one.id == id).unwrap().physical.clone()
    }

    fn next(&mut self) -> usize {
        self.counter += 1;
        self.counter
    }
}

fn stack_arn(place: &Place, name: &str) -> String {
    format!(
        "arn:aws:cloudformation:{}:{}:stack/{name}/51af3dc0-da77-11e4-872e-1234567db123",
        place.region, place.account
    )
}

/// Base64 of the SHA-256, as Lambda tells it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let hash = Sha256::digest(bytes);
    let mut text = String::new();
    for three in hash.chunks(3) {
        let byte = |index: usize| usize::from(three.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = char::from(LETTERS[bits >> (18 - 6 * place) & 63]);
            text.push(if place > three.len() { '=' } else { letter });
        }
    }
    text
}

/// What `make package` writes, with other code: the test is about where it goes.
fn package(asked: &Asked) {
    let dist = asked.folder.join("dist");
    fs::create_dir_all(&dist).unwrap();
    let template = Command::new("python3")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["tools/package.py", "--template", "arm64"])
        .output()
        .unwrap();
    assert!(template.status.success(), "{template:?}");
    fs::write(dist.join("template-arm64.yaml"), template.stdout).unwrap();
    // The release after this one is there already, as if it had been unpacked.
    for version in ["0.1.0", "0.2.0"] {
        fs::write(
            dist.join(format!("custom-delegation-{version}-arm64.zip")),
            format!("the code of {version}"),
        )
        .unwrap();
    }
}

/// The administrator that AWS makes for the stack sets of an organization in each account.
pub(crate) const STACK_SETS: &str = "stacksets-exec-0123456789abcdef";

impl Cloud {
    /// The instances of a stack set: account and Region.
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

    fn stack_sets_role(&self, account: &str) -> Person {
        self.person(account, STACK_SETS, everything())
    }
}
