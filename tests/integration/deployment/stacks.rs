//! Users' stacks: compares what cfn-lint with our schema and rules says about them with what the
//! code says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use custom_delegation::cfn::properties::Properties;
use sandbox::template::Template;
use serde_json::{Value, json};
use test_support::Fixture;

/// The values of the dynamic references in the stacks, as CloudFormation resolves them.
const RESOLVED: [(&str, &str); 4] = [
    ("{{resolve:secretsmanager:delegation:SecretString:external-id}}", "an-external-id"),
    ("{{resolve:ssm:/dns/parent-zone}}", "Z1EXAMPLE"),
    ("{{resolve:ssm:/dns/name}}", "testing.example.com"),
    ("{{resolve:ssm:/dns/servers}}", "ns1.example.net,ns2.example.net"),
];

/// A stack of `stacks/good.yaml` or `stacks/bad.yaml`.
struct Case {
    name: String,
    /// What cfn-lint must say about a bad stack.
    says: String,
    /// Who refuses a bad stack instead of the code, if the code does not.
    by: Option<String>,
    template: Value,
    path: String,
}

/// Returns the stacks of a kind, written as templates into a folder of the test.
fn stacks(kind: &str, test: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).unwrap();
    let source = Template::source(&format!("tests/integration/deployment/stacks/{kind}.yaml"));
    let cases = source.as_array().unwrap().iter().enumerate().map(|(number, case)| {
        let given = |key: &str| case[key].as_str().map(str::to_owned);
        let template = template(case);
        let path = folder.join(format!("{kind}-{number}.json"));
        fs::write(&path, serde_json::to_string_pretty(&template).unwrap()).unwrap();
        let (name, says) = (given("name").unwrap(), given("says").unwrap_or_default());
        Case { name, says, by: given("by"), template, path: path.display().to_string() }
    });
    cases.collect()
}

fn template(case: &Value) -> Value {
    let token = json!({"Fn::ImportValue": "route53-delegation-ServiceToken"});
    let mut delegation = json!({"Type": "Custom::Delegation", "Properties": case["Properties"]});
    delegation["Properties"]["ServiceToken"] =
        if case["ServiceToken"].is_null() { token } else { case["ServiceToken"].clone() };
    let mut template =
        json!({"AWSTemplateFormatVersion": "2010-09-09", "Resources": case["Resources"]});
    if !case["Condition"].is_null() {
        delegation["Condition"] = case["Condition"].clone();
    }
    template["Resources"]["Delegation"] = delegation;
    if case.to_string().contains("Zone\"") || case.to_string().contains("Zone.") {
        template["Resources"]["Zone"] = json!({
            "Type": "AWS::Route53::HostedZone",
            "Properties": {"Name": "testing.example.com"},
        });
    }
    for section in ["Parameters", "Conditions", "Outputs"] {
        if !case[section].is_null() {
            template[section] = case[section].clone();
        }
    }
    template
}

fn examples() -> Vec<String> {
    let paths = fs::read_dir("examples").unwrap().map(|entry| entry.unwrap().path());
    let templates =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    templates.map(|path| path.display().to_string()).collect()
}

#[test]
fn cfn_lint_accepts_good_stacks_and_rejects_bad_ones() {
    let Some(program) = std::env::var_os("CFN_LINT").filter(|program| !program.is_empty()) else {
        sandbox::not_checked("cfn-lint", "CFN_LINT is not set", "make unit");
        return;
    };
    let (good, bad) = (stacks("good", "linted"), stacks("bad", "linted"));
    assert!(good.len() >= 40 && bad.len() >= 40, "{} good, {} bad", good.len(), bad.len());
    let paths = good.iter().chain(&bad).map(|case| case.path.clone()).chain(examples());
    let mut command = Command::new(program);
    command
        .args(["--append-rules", "schema/cfn-lint", "--format", "parseable", "--template"])
        .args(paths);
    let output = command.output().unwrap();
    let text =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(!text.contains("Traceback"), "{text}");
    let said = |path: &str| {
        text.lines().filter(|line| line.starts_with(&format!("{path}:"))).collect::<Vec<_>>()
    };
    let mut wrong = Vec::new();
    for (name, path) in good
        .iter()
        .map(|case| (case.name.as_str(), case.path.clone()))
        .chain(examples().into_iter().map(|path| ("an example", path)))
    {
        if !said(&path).is_empty() {
            wrong.push(format!("good, {name}: {:#?}", said(&path)));
        }
    }
    for case in &bad {
        let (output, ours) =
            (said(&case.path), |line: &&str| OURS.iter().any(|rule| line.contains(rule)));
        if !output.iter().any(|line| ours(line) && line.contains(&case.says))
            || !output.iter().all(ours)
        {
            wrong.push(format!("bad, {}: {output:#?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Our own rules, and the rules of cfn-lint that report a function's value against our schema. A
/// bad stack must violate no others.
const OURS: [&str; 9] = [
    ":E9001:", ":E9002:", ":W9003:", ":E9004:", ":E1010:", ":E1018:", ":E1020:", ":W1030:",
    ":W1031:",
];

/// Returns the strings in a constant of `src/cfn/properties.rs`.
fn constant(name: &str) -> BTreeSet<String> {
    let source = fs::read_to_string("src/cfn/properties.rs").unwrap();
    let after = source.split_once(&format!("const {name}: ")).map_or("", |(_, after)| after);
    let list = after
        .split_once(';')
        .and_then(|(_, after)| after.split_once(';'))
        .map_or("", |(list, _)| list);
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string("schema/custom-delegation.json").unwrap()).unwrap()
}

fn only_read(schema: &Value) -> BTreeSet<String> {
    let pointers = schema["readOnlyProperties"].as_array().unwrap().iter();
    pointers
        .map(|pointer| pointer.as_str().unwrap().strip_prefix("/properties/").unwrap().to_owned())
        .collect()
}

#[test]
fn the_schema_has_the_properties_of_the_code() {
    let schema = schema();
    assert_eq!(schema["typeName"], "Custom::Delegation");
    let own = ["ServiceToken", "ServiceTimeout"].map(str::to_owned);
    let mut properties: BTreeSet<String> =
        schema["properties"].as_object().unwrap().keys().cloned().collect();
    for name in only_read(&schema).iter().chain(&own) {
        assert!(properties.remove(name), "{name}");
    }
    let known = constant("KNOWN");
    assert!(known.len() >= 18, "{known:?}");
    assert_eq!(properties, known);
}

#[tokio::test(start_paused = true)]
async fn the_linter_knows_the_attributes_of_an_answer() {
    let fixture = Fixture::new().await;
    let answer = fixture.create(json!({})).await.success();
    let answered: BTreeSet<String> =
        answer.0["Data"].as_object().unwrap().keys().cloned().collect();
    let rule = fs::read_to_string("schema/cfn-lint/delegation.py").unwrap();
    let (_, both) = rule.split_once("ATTRIBUTES = ONLY_READ | {").unwrap();
    let both = both.split_once('}').unwrap().0.split('"').skip(1).step_by(2).map(str::to_owned);
    assert_eq!(only_read(&schema()).into_iter().chain(both).collect::<BTreeSet<_>>(), answered);
}

/// Returns the properties of the delegation, as CloudFormation sends them.
fn sent(case: &Case) -> Value {
    let known = [
        ("Zone", "Z2EXAMPLE"),
        ("Key", "Z2EXAMPLE|ksk_1"),
        ("AWS::AccountId", "222222222222"),
        (
            "route53-delegation-ServiceToken",
            "arn:aws:lambda:us-east-1:111111111111:function:delegation",
        ),
    ];
    let mut text = case.template.to_string();
    for (reference, value) in RESOLVED {
        text = text.replace(reference, value);
    }
    let mut template = Template::new(&case.name, Template::parsed(&case.name, &text), &known);
    template.set("Zone.NameServers", json!(["ns1.example.net", "ns2.example.net"]));
    let sent = |value: Value| match value {
        Value::Bool(_) | Value::Number(_) => json!(value.to_string()),
        other => other,
    };
    let properties = template.resource("/Delegation/Properties");
    properties
        .as_object()
        .unwrap()
        .clone()
        .into_iter()
        .map(|(name, value)| (name, sent(value)))
        .collect()
}

/// The code must accept what the linter accepts, and the linter must not reject what the code
/// accepts.
#[test]
fn the_code_agrees_with_the_linter() {
    for case in stacks("good", "read") {
        assert_eq!(Properties::parse(&sent(&case)).map(drop), Ok(()), "{}", case.name);
    }
    for case in stacks("bad", "read") {
        assert_eq!(Properties::parse(&sent(&case)).is_ok(), case.by.is_some(), "{}", case.name);
    }
}
