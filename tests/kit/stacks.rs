//! Users' stacks: what cfn-lint with our schema says of them, and what the code says.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use custom_delegation::cfn::properties::Properties;
use serde_json::{Value, json};

use crate::template::Template;
use crate::world::World;

/// Paths and first lines: what is good about a good stack, and what cfn-lint says of a bad one.
fn stacks(kind: &str) -> Vec<(String, String)> {
    let paths = fs::read_dir("tests/kit/stacks").unwrap().map(|entry| entry.unwrap().path().display().to_string());
    let mut found: Vec<(String, String)> = paths
        .filter(|path| path.contains(&format!("/{kind}-")))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let first = text.lines().next().unwrap().strip_prefix("# ").unwrap().to_owned();
            (path, first)
        })
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

fn examples() -> Vec<String> {
    let paths = fs::read_dir("examples").unwrap().map(|entry| entry.unwrap().path());
    let templates = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    templates.map(|path| path.display().to_string()).collect()
}

#[test]
fn cfn_lint_tells_good_stacks_from_bad_ones() {
    let Some(program) = std::env::var_os("CFN_LINT").filter(|program| !program.is_empty()) else {
        sandbox::not_checked("cfn-lint", "CFN_LINT is not set", "make unit");
        return;
    };
    let (good, bad) = (stacks("good"), stacks("bad"));
    let paths = good.iter().chain(&bad).map(|(path, _)| path.clone()).chain(examples());
    let mut command = Command::new(program);
    command.args(["--append-rules", "schema/cfn-lint", "--format", "parseable", "--template"]).args(paths);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    let said = |path: &str| text.lines().filter(|line| line.starts_with(path)).collect::<Vec<_>>();
    for path in good.iter().map(|(path, _)| path.clone()).chain(examples()) {
        assert!(said(&path).is_empty(), "{:#?}", said(&path));
    }
    for (path, wanted) in bad {
        assert!(said(&path).iter().any(|line| line.contains(&wanted)), "{wanted} is not in {:#?}", said(&path));
        let ours = |line: &&str| line.contains(":E9001:") || line.contains(":E9002:");
        assert!(said(&path).iter().all(ours), "nothing else is wrong with {path}: {:#?}", said(&path));
    }
}

/// The texts of a constant of `src/cfn/properties.rs`.
fn constant(name: &str) -> BTreeSet<String> {
    let source = fs::read_to_string("src/cfn/properties.rs").unwrap();
    let after = source.split_once(&format!("const {name}: ")).map_or("", |(_, after)| after);
    let list = after.split_once(';').and_then(|(_, after)| after.split_once(';')).map_or("", |(list, _)| list);
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string("schema/custom-delegation.json").unwrap()).unwrap()
}

fn only_read(schema: &Value) -> BTreeSet<String> {
    let pointers = schema["readOnlyProperties"].as_array().unwrap().iter();
    pointers.map(|pointer| pointer.as_str().unwrap().strip_prefix("/properties/").unwrap().to_owned()).collect()
}

#[test]
fn the_schema_has_the_properties_of_the_code() {
    let schema = schema();
    assert_eq!(schema["typeName"], "Custom::Delegation");
    let own = ["ServiceToken", "ServiceTimeout"].map(str::to_owned);
    let mut properties: BTreeSet<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    for name in only_read(&schema).iter().chain(&own) {
        assert!(properties.remove(name), "{name}");
    }
    let known = constant("KNOWN");
    assert!(known.len() >= 18, "{known:?}");
    assert_eq!(properties, known);
}

#[tokio::test]
async fn the_linter_has_the_attributes_of_an_answer() {
    let world = World::new().await;
    let answer = world.create(json!({})).await.success();
    let answered: BTreeSet<String> = answer.0["Data"].as_object().unwrap().keys().cloned().collect();
    let rule = fs::read_to_string("schema/cfn-lint/delegation.py").unwrap();
    let (_, both) = rule.split_once("ATTRIBUTES = ONLY_READ | {").unwrap();
    let both = both.split_once('}').unwrap().0.split('"').skip(1).step_by(2).map(str::to_owned);
    assert_eq!(only_read(&schema()).into_iter().chain(both).collect::<BTreeSet<_>>(), answered);
}

/// The properties of the delegations of a stack, as CloudFormation sends them.
fn sent(path: &str) -> Vec<Value> {
    let template = Template::read(
        path,
        &[
            ("ExternalId", "an-external-id"),
            ("Zone", "Z2EXAMPLE"),
            ("route53-delegation-ServiceToken", "arn:aws:lambda:us-east-1:111111111111:function:delegation"),
        ],
    );
    let resources = Template::source(path)["Resources"].as_object().unwrap().clone();
    let delegations = resources.iter().filter(|(_, resource)| resource["Type"] == "Custom::Delegation");
    delegations.map(|(id, _)| template.resource(&format!("/{id}/Properties"))).collect()
}

/// What the linter passes the code must read, and what the code would read the linter should not refuse.
#[test]
fn the_code_agrees_with_the_linter() {
    for (path, _) in stacks("good") {
        for properties in sent(&path) {
            assert_eq!(Properties::parse(&properties).map(drop), Ok(()), "{path}");
        }
    }
    for (path, _) in stacks("bad") {
        // CloudFormation itself checks its own property and the attributes; the handler refuses a wildcard.
        let elsewhere = ["service-timeout", "attribute", "wildcard"].iter().any(|name| path.contains(name));
        for properties in sent(&path).into_iter().filter(|_| !elsewhere) {
            assert!(Properties::parse(&properties).is_err(), "{path}");
        }
    }
}
