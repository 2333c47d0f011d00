//! Facts on which template, examples, code and pages must agree.

use std::collections::BTreeSet;
use std::fs;

use custom_delegation::metrics::NAMESPACE;
use serde_json::{Value, json};

use crate::template::Template;

fn examples() -> Vec<String> {
    let entries = fs::read_dir("examples").unwrap().map(|entry| entry.unwrap().path());
    let templates = entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut found: Vec<String> = templates.map(|path| path.display().to_string()).collect();
    found.sort();
    assert!(found.len() >= 8, "{found:?}");
    found
}

fn resources(path: &str) -> Vec<(String, Value)> {
    let document = Template::source(path);
    document["Resources"].as_object().unwrap().clone().into_iter().collect()
}

/// The function's timeout < the resource's = the event's age, and what a denied right is waited for fits into the first.
#[test]
fn the_times_agree() {
    let template = Template::source("template.yaml");
    let timeout = template.pointer("/Resources/DelegationFunction/Properties/Timeout").unwrap().as_u64().unwrap();
    let age = template.pointer("/Resources/Deliveries/Properties/MaximumEventAgeInSeconds").unwrap().as_u64().unwrap();
    let wait = template.pointer("/Parameters/PropagationWait/MaxValue").unwrap().as_u64().unwrap();
    assert!(wait < timeout && timeout < age, "{wait} < {timeout} < {age}");
    let mut seen = 0;
    for path in examples() {
        for (id, resource) in resources(&path).into_iter().filter(|(_, one)| one["Type"] == "Custom::Delegation") {
            assert_eq!(resource["Properties"]["ServiceTimeout"], json!(age), "{path}: {id}");
            for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
                assert!(resource[policy].is_string(), "{path}: {id} says nothing of {policy}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen} delegations");
}

/// What a stack's own rights are for must be gone before they go.
#[test]
fn rights_of_the_same_stack_outlive_the_delegation() {
    for path in ["examples/same-account.yaml", "examples/nested.yaml"] {
        let resources = resources(path);
        let depends = |resource: &Value| match &resource["DependsOn"] {
            Value::Array(ids) => ids.contains(&json!("Rights")),
            id => *id == "Rights",
        };
        assert!(resources.iter().any(|(_, one)| one["Type"] == "Custom::Delegation" && depends(one)), "{path}");
    }
}

/// The delegation waits for the signing, and asks for the DS record set in the last step alone.
#[test]
fn the_child_stack_signs_first_and_chains_then() {
    for (step, zone, dnssec) in
        [("OFF", "Z2", false), ("SIGNED", "the signing", false), ("CHAINED", "the signing", true)]
    {
        let template = Template::read(
            "examples/child-stack.yaml",
            &[
                ("Dnssec", step),
                ("ParentRoleArn", "arn:aws:iam::111111111111:role/parent"),
                ("ParentExternalId", "an-external-id"),
                ("Zone", "Z2"),
                ("Signing", "the signing"),
            ],
        );
        let properties = |name: &str| template.resource(&format!("/Delegation/Properties/{name}"));
        assert_eq!((properties("ChildZoneId"), properties("Dnssec")), (json!(zone), json!(dnssec)), "{step}");
    }
}

#[test]
fn the_filter_and_the_query_name_an_event_of_the_log() {
    let page = fs::read_to_string("docs/logging.md").unwrap();
    let template = Template::read("template.yaml", &[]);
    let filter = template.resource("/Warnings/Properties/FilterPattern");
    let query = template.resource("/WarningsQuery/Properties/QueryString");
    for (text, what) in [(filter, "the filter"), (query, "the query")] {
        let message = text.as_str().unwrap().split('"').nth(1).unwrap().to_owned();
        let row = page.lines().find(|line| line.starts_with(&format!("| `{message}` |")));
        assert!(row.is_some_and(|row| row.contains("`warning`")), "{what}: {message}");
    }
}

#[test]
fn alarms_are_on_metrics_that_exist() {
    let page = fs::read_to_string("docs/logging.md").unwrap();
    let mut own = BTreeSet::new();
    for (id, resource) in
        resources("template.yaml").into_iter().filter(|(_, one)| one["Type"] == "AWS::CloudWatch::Alarm")
    {
        let properties = &resource["Properties"];
        let metric = properties["MetricName"].as_str().unwrap().to_owned();
        if properties["Namespace"] == NAMESPACE {
            assert!(properties["Dimensions"].is_null(), "{id}");
            own.insert(metric);
        } else {
            assert!(!properties["Dimensions"].is_null(), "{id}");
        }
        assert_eq!(properties["TreatMissingData"], "notBreaching", "{id}: no invocation is no trouble");
    }
    let filtered =
        Template::read("template.yaml", &[]).resource("/Warnings/Properties/MetricTransformations/0/MetricName");
    assert!(own.remove(filtered.as_str().unwrap()));
    assert_eq!(own, BTreeSet::from(["SignalFailures".to_owned()]));
    assert!(page.contains("\n| `SignalFailures` | Count | none |"));
}
