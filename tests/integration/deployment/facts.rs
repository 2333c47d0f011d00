//! Facts on which the template, the examples, the code and the pages must agree.

use std::collections::BTreeSet;
use std::fs;

use custom_delegation::metrics::NAMESPACE;
use sandbox::template::Template;
use serde_json::{Value, json};

fn examples() -> Vec<String> {
    let entries = fs::read_dir("examples").unwrap().map(|entry| entry.unwrap().path());
    let templates =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut found: Vec<String> = templates.map(|path| path.display().to_string()).collect();
    found.sort();
    assert!(found.len() >= 8, "{found:?}");
    found
}

fn resources(path: &str) -> Vec<(String, Value)> {
    let document = Template::source(path);
    document["Resources"].as_object().unwrap().clone().into_iter().collect()
}

/// The function's timeout is shorter than the resource's, which is the age limit of an event, and
/// the longest wait for a denied permission fits into the function's timeout.
#[test]
fn the_times_agree() {
    let template = Template::source("template.yaml");
    let timeout = template
        .pointer("/Resources/DelegationFunction/Properties/Timeout")
        .unwrap()
        .as_u64()
        .unwrap();
    let age = template
        .pointer("/Resources/Deliveries/Properties/MaximumEventAgeInSeconds")
        .unwrap()
        .as_u64()
        .unwrap();
    let wait = template.pointer("/Parameters/PropagationWait/MaxValue").unwrap().as_u64().unwrap();
    assert!(wait < timeout && timeout < age, "{wait} < {timeout} < {age}");
    let mut seen = 0;
    for path in examples() {
        for (id, resource) in
            resources(&path).into_iter().filter(|(_, one)| one["Type"] == "Custom::Delegation")
        {
            assert_eq!(resource["Properties"]["ServiceTimeout"], json!(age), "{path}: {id}");
            for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
                assert!(resource[policy].is_string(), "{path}: {id} has no {policy}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen} delegations");
}

/// A permission in the same stack must be removed after the delegation that needs it.
#[test]
fn permissions_of_the_same_stack_outlive_the_delegation() {
    for path in ["examples/same-account.yaml", "examples/nested.yaml"] {
        let resources = resources(path);
        let depends = |resource: &Value| match &resource["DependsOn"] {
            Value::Array(ids) => ids.contains(&json!("Rights")),
            id => *id == "Rights",
        };
        assert!(
            resources.iter().any(|(_, one)| one["Type"] == "Custom::Delegation" && depends(one)),
            "{path}"
        );
    }
}

/// A value of the child stack's parameter `Dnssec`, and the properties of the delegation with it.
struct SigningStep {
    parameter: &'static str,
    child_zone: &'static str,
    dnssec: bool,
}

const SIGNING_STEPS: [SigningStep; 3] = [
    SigningStep { parameter: "OFF", child_zone: "Z2", dnssec: false },
    SigningStep { parameter: "SIGNED", child_zone: "the signing", dnssec: false },
    SigningStep { parameter: "CHAINED", child_zone: "the signing", dnssec: true },
];

/// The delegation waits for the signing, and adds the DS record set only in the last step.
#[test]
fn the_child_stack_signs_first_and_adds_the_ds_then() {
    for SigningStep { parameter, child_zone, dnssec } in SIGNING_STEPS {
        let template = Template::read(
            "examples/child-stack.yaml",
            &[
                ("Dnssec", parameter),
                ("ParentRoleArn", "arn:aws:iam::111111111111:role/parent"),
                ("ParentExternalId", "an-external-id"),
                ("Zone", "Z2"),
                ("Signing", "the signing"),
            ],
        );
        let properties = |name: &str| template.resource(&format!("/Delegation/Properties/{name}"));
        assert_eq!(
            (properties("ChildZoneId"), properties("Dnssec")),
            (json!(child_zone), json!(dnssec)),
            "{parameter}"
        );
    }
}

#[test]
fn the_filter_and_the_query_name_an_existing_log_event() {
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
    // `watch.rs` checks the alarms of the watch.
    for (id, resource) in resources("template.yaml").into_iter().filter(|(_, one)| {
        one["Type"] == "AWS::CloudWatch::Alarm" && one["Condition"] == "HasAlarmTopic"
    }) {
        let properties = &resource["Properties"];
        let metric = properties["MetricName"].as_str().unwrap().to_owned();
        if properties["Namespace"] == NAMESPACE {
            assert!(properties["Dimensions"].is_null(), "{id}");
            own.insert(metric);
        } else {
            assert!(!properties["Dimensions"].is_null(), "{id}");
        }
        assert_eq!(
            properties["TreatMissingData"], "notBreaching",
            "{id}: no invocations must not raise the alarm"
        );
    }
    let filtered = Template::read("template.yaml", &[])
        .resource("/Warnings/Properties/MetricTransformations/0/MetricName");
    assert!(own.remove(filtered.as_str().unwrap()));
    assert_eq!(own, BTreeSet::from(["SignalFailures".to_owned()]));
    assert!(page.contains("\n| `SignalFailures` | Count | none |"));
}

/// A rename must have the same effect in all examples: zones are kept, delegations are removed.
#[test]
fn a_rename_keeps_the_zone_and_removes_the_delegation_in_all_examples() {
    let mut seen = BTreeSet::new();
    for path in examples() {
        for (id, resource) in resources(&path) {
            let policies = match resource["Type"].as_str().unwrap() {
                "Custom::Delegation" => ["Delete", "Delete"],
                "AWS::Route53::HostedZone" => ["Delete", "Retain"],
                _ => continue,
            };
            for (policy, expected) in ["DeletionPolicy", "UpdateReplacePolicy"].iter().zip(policies)
            {
                assert_eq!(resource[*policy], expected, "{path}: {policy} of {id}");
            }
            seen.insert(path.clone());
        }
    }
    assert!(seen.len() >= 5, "{seen:?}");
}

#[test]
fn every_suppression_has_a_reason() {
    let mut rules = 0;
    for path in examples().iter().map(String::as_str).chain(["template.yaml"]) {
        for (id, resource) in resources(path) {
            let guard = &resource["Metadata"]["guard"];
            let suppressed: BTreeSet<&str> = guard["SuppressedRules"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|rule| rule.as_str().unwrap())
                .collect();
            let reasons = guard["Reasons"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(rule, _)| rule.as_str())
                .collect();
            assert_eq!(suppressed, reasons, "{path}: {id}");
            let skipped =
                resource["Metadata"]["checkov"]["skip"].as_array().cloned().unwrap_or_default();
            assert!(skipped.iter().all(|check| check["comment"].is_string()), "{path}: {id}");
            rules += suppressed.len() + skipped.len();
        }
    }
    assert!(rules >= 15, "{rules}");
}

/// An alarm that nobody can act on is useless.
#[test]
fn every_alarm_is_in_the_runbook_and_no_other() {
    let page = fs::read_to_string("docs/runbook.md").unwrap();
    let (_, section) = page.split_once("\n## Alarms\n").unwrap();
    let rows =
        section.split("\n## ").next().unwrap().lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: BTreeSet<&str> = rows.map(|row| row.split('`').next().unwrap()).collect();
    let resources = resources("template.yaml");
    let alarms = resources.iter().filter(|(_, one)| one["Type"] == "AWS::CloudWatch::Alarm");
    let alarms: BTreeSet<&str> = alarms.map(|(id, _)| id.as_str()).collect();
    assert_eq!(rows, alarms);
    let is_asked_for = |one: &Value| {
        ["HasAlarmTopic", "HasWatchAlarms"].map(Value::from).contains(&one["Condition"])
    };
    assert!(resources.iter().all(|(id, one)| !alarms.contains(id.as_str()) || is_asked_for(one)));
}

/// A dashboard with a misspelled metric shows nothing, and no error.
#[test]
fn the_dashboard_shows_metrics_that_exist() {
    let values =
        [("DelegationFunction", "route53-delegation"), ("FailedEvents.QueueName", "queue")];
    let body =
        Template::read("template.yaml", &values).resource("/Overview/Properties/DashboardBody");
    let body: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
    let page = fs::read_to_string("docs/logging.md").unwrap();
    let mut own = 0;
    for metric in body["widgets"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|one| one["properties"]["metrics"].as_array().unwrap())
    {
        let name = match metric[0].as_str() {
            Some(NAMESPACE) => metric[1].as_str().unwrap(),
            Some(_) => continue,
            None => metric[0]["expression"].as_str().unwrap().split('"').nth(1).unwrap(),
        };
        assert!(name == "Warnings" || page.contains(&format!("\n| `{name}` |")), "{name}");
        own += 1;
    }
    assert!(own >= 7, "{own} metrics");
}

#[test]
fn the_parent_role_allows_and_trusts_as_its_parameters_say() {
    let template = Template::read(
        "examples/parent-role.yaml",
        &[
            ("ParentZoneId", "Z1"),
            ("Names", "a.example.com,*.dev.example.com"),
            ("ExternalId", "secret-id"),
            ("AWS::AccountId", "111111111111"),
        ],
    );
    let role = template.resource("/ParentRole/Properties");
    assert_eq!(
        role.pointer("/Policies/0/PolicyDocument/Statement/2/Condition/ForAllValues:StringLike")
            .unwrap(),
        &json!({"route53:ChangeResourceRecordSetsNormalizedRecordNames": [
            "a.example.com",
            "*.dev.example.com",
            "_delegation-a.example.com",
            "_delegation-*.dev.example.com",
        ]})
    );
    let trust = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(
        trust["Principal"]["AWS"], "arn:aws:iam::111111111111:root",
        "by default, nobody outside the account may be trusted"
    );
    assert_eq!(
        trust["Condition"]["StringEquals"],
        json!({"sts:ExternalId": "secret-id"}),
        "an empty parameter must omit its condition key"
    );
}
