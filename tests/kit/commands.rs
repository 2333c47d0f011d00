//! The commands of the pages: what can run here is run, and of the others what can be checked is checked. The quick start is played.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::documents::FUNCTION_ROLE;
use crate::template::Template;
use crate::world::{NAME, World};

/// Programs that are not run, and why.
const NOT_RUN: [(&str, &str); 6] = [
    ("aws", "needs an AWS account"),
    ("sam", "needs an AWS account, or builds a release"),
    ("delegation", "needs an AWS account"),
    ("cdk", "needs an application of the CDK"),
    ("make", "runs this test, or builds a release"),
    ("cargo", "runs this test, among others"),
];

/// A page's command block: where it stands, and its commands, with continued lines joined.
struct Block {
    at: String,
    commands: Vec<String>,
}

fn pages() -> Vec<String> {
    let mut found = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for folder in ["docs", "examples"] {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let pages = entries.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
        found.extend(pages.map(|path| path.display().to_string()));
    }
    found.sort();
    found
}

fn blocks(page: &str) -> Vec<Block> {
    let text = fs::read_to_string(page).unwrap();
    let (mut found, mut open): (Vec<Block>, Option<(Block, String)>) = (Vec::new(), None);
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.trim()) {
            (None, "```sh") => {
                open = Some((Block { at: format!("{page}:{}", number + 1), commands: Vec::new() }, String::new()));
            }
            (Some(_), "```") => found.extend(open.take().map(|(block, _)| block)),
            (Some((block, begun)), line) => match line.strip_suffix('\\') {
                Some(part) => begun.push_str(part),
                None => block.commands.push(std::mem::take(begun) + line),
            },
            (None, _) => {}
        }
    }
    found
}

/// The words of a command, quotes and comments taken off.
fn words(command: &str) -> Vec<String> {
    let command = command.split(" #").next().unwrap();
    command.split_whitespace().map(|word| word.trim_matches(['\'', '"']).to_owned()).collect()
}

/// A stack that a command deploys.
struct Deploy {
    template: String,
    parameters: Vec<(String, String)>,
}

/// What `aws cloudformation deploy` or `sam deploy` is asked for.
fn deploy(words: &[String]) -> Option<Deploy> {
    let sam = words.first()? == "sam";
    if !(sam && words.get(1)? == "deploy" || words.get(..3)? == ["aws", "cloudformation", "deploy"]) {
        return None;
    }
    let option = |name: &str| words.iter().skip_while(|word| *word != name).nth(1).cloned();
    let template = if sam { "template.yaml".to_owned() } else { option("--template-file").unwrap() };
    let given = words.iter().skip_while(|word| *word != "--parameter-overrides").skip(1);
    let parameters =
        given.map_while(|word| word.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()));
    let named = Template::source(&template)["Resources"]
        .as_object()
        .unwrap()
        .values()
        .any(|resource| resource["Type"] == "AWS::IAM::Role" || resource["Type"] == "AWS::CloudFormation::Stack");
    let settings = if sam { fs::read_to_string("samconfig.toml").unwrap() } else { words.join(" ") };
    assert!(!named || settings.contains("CAPABILITY_NAMED_IAM"), "{template} makes a role with a name");
    Some(Deploy { template, parameters: parameters.collect() })
}

impl Deploy {
    /// The template with these parameters, which must be all it needs and nothing else.
    fn read(&self, more: &[(&str, &str)]) -> Template {
        let known = Template::source(&self.template)["Parameters"].as_object().unwrap().clone();
        for (name, _) in &self.parameters {
            assert!(known.contains_key(name), "{} has no parameter {name}", self.template);
        }
        let mut values: BTreeMap<&str, &str> =
            self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        values.extend(more.iter().copied());
        Template::read(&self.template, &values.into_iter().collect::<Vec<_>>())
    }
}

#[test]
fn commands_run_or_at_least_name_what_exists() {
    let makefile = fs::read_to_string("Makefile").unwrap();
    let tools = std::env::var("CFN_LINT").ok().and_then(|path| Some(Path::new(&path).parent()?.to_owned()));
    let (mut run, mut looked_at) = (0, 0);
    for block in pages().iter().flat_map(|page| blocks(page)) {
        let mut runs = true;
        for words in block.commands.iter().map(|command| words(command)).filter(|words| !words.is_empty()) {
            runs &= !NOT_RUN.iter().any(|(program, _)| words[0] == *program);
            looked_at += 1;
            if let Some(deploy) = deploy(&words) {
                deploy.read(&[]);
            }
            if words[0] == "make" {
                assert!(makefile.contains(&format!("\n{}:", words[1])), "{}: make {}", block.at, words[1]);
            }
            if words[0] == "cargo" {
                let name = words.iter().skip_while(|word| *word != "--test").nth(1);
                let folder = if words.iter().any(|word| word == "sandbox") { "sandbox/tests" } else { "tests" };
                let exists = |name: &String| {
                    Path::new(&format!("{folder}/{name}.rs")).exists()
                        || Path::new(&format!("{folder}/{name}")).exists()
                };
                assert!(name.is_none_or(exists), "{}: no test {name:?}", block.at);
            }
        }
        if let Some(tools) = tools.as_ref().filter(|_| runs) {
            let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
            let script = block.commands.join("\n");
            let output =
                Command::new("bash").args(["-euo", "pipefail", "-c", &script]).env("PATH", path).output().unwrap();
            assert!(output.status.success(), "{}: {output:?}", block.at);
            run += 1;
        }
    }
    assert!(looked_at > 15, "{looked_at} commands");
    assert!(tools.is_none() || run > 0, "nothing was run");
}

/// Numbers and booleans as CloudFormation sends them to a custom resource.
fn sent(properties: Value) -> Value {
    let text = |value: Value| match value {
        Value::Bool(_) | Value::Number(_) => json!(value.to_string()),
        other => other,
    };
    properties.as_object().unwrap().clone().into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// The three deployments of the README, with the ids that AWS would give.
#[tokio::test]
async fn the_quick_start_makes_a_delegation() {
    let commands = blocks("README.md").into_iter().flat_map(|block| block.commands);
    let deploys: Vec<Deploy> = commands.filter_map(|command| deploy(&words(&command))).collect();
    let [function, parent, child] = deploys.as_slice() else { panic!("{} deployments", deploys.len()) };
    let mut world = World::new().await;
    world.function_role = world.child_account.role(FUNCTION_ROLE);
    world.parent_role = world.parent_account.role("route53-delegation-parent");
    let function = function.read(&[("LogGroup.Arn", "logs"), ("FailedEvents.Arn", "queue")]);
    let rights = function.resource("/FunctionRole/Properties/Policies/0/PolicyDocument");
    world.function_role.clone().policy(rights);
    let parent = parent.read(&[("ParentZoneId", &world.parent.id())]);
    let role = parent.resource("/ParentRole/Properties");
    assert_eq!(role["RoleName"], json!("route53-delegation-parent"));
    let trust = role["AssumeRolePolicyDocument"].clone();
    world.parent_role.clone().trust(trust).policy(role["Policies"][0]["PolicyDocument"].clone());
    world.restart(|_| {}).await;

    let token = ("route53-delegation-ServiceToken", "arn:aws:lambda:us-east-1:222222222222:function:delegation");
    let child = child.read(&[("Zone", &world.child.id()), token]);
    let mut properties = sent(child.resource("/Delegation/Properties"));
    // There is no DNS on the way of this test; tests/function has the check.
    properties["Verification"] = json!("NONE");
    let created =
        world.deliver(world.event("Create", json!({"ResourceProperties": properties.clone()}))).await.success();
    assert_eq!((created.id(), created.get("Action")), (world.id().as_str(), "CREATED"));
    assert_eq!(created.get("DomainName"), NAME);
    assert_eq!(world.delegated_to(), world.child_servers());
    let fields = json!({"PhysicalResourceId": created.id(), "ResourceProperties": properties});
    world.deliver(world.event("Delete", fields)).await.success();
    assert!(world.delegated_to().is_empty());
    assert!(world.aws.calls().iter().all(sandbox::Call::succeeded), "every right is there");
}
