//! Nothing in a policy is there for nothing: whatever one thing is deleted, a probe tells. `mutations.txt` has the table.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::documents::Kit;
use crate::probes::{self, Probe};

const TABLE: &str = "tests/kit/mutations.txt";

/// What `_delegation-` before each name makes of a pattern: the pattern itself covers it already.
const IMPLIED: [&str; 1] = ["_delegation-*.dev.example.com"];

/// What is deleted, and the document without it.
fn mutations(document: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (index, statement) in document["Statement"].as_array().unwrap().iter().enumerate() {
        let sid = statement["Sid"].as_str().unwrap_or_else(|| panic!("a statement without a Sid: {statement}"));
        let mut mutate = |what: String, edit: &dyn Fn(&mut Value)| {
            let mut mutant = document.clone();
            edit(&mut mutant["Statement"][index]);
            mutant["Statement"].as_array_mut().unwrap().retain(|statement| !statement.is_null());
            found.push((format!("{sid}{what}"), mutant));
        };
        mutate(String::new(), &|statement| *statement = Value::Null);
        for action in statement["Action"].as_array().into_iter().flatten() {
            mutate(format!(", {}", action.as_str().unwrap()), &|statement| {
                statement["Action"].as_array_mut().unwrap().retain(|one| one != action);
            });
        }
        for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
            for (key, values) in keys.as_object().unwrap() {
                for value in
                    values.as_array().into_iter().flatten().filter(|value| !IMPLIED.contains(&value.as_str().unwrap()))
                {
                    mutate(format!(", {key} {}", value.as_str().unwrap()), &|statement| {
                        statement["Condition"][operator][key].as_array_mut().unwrap().retain(|one| one != value);
                    });
                }
                mutate(format!(", {operator} {key}"), &|statement| {
                    statement["Condition"][operator].as_object_mut().unwrap().remove(key);
                });
            }
        }
        let bound = |resource: &Value| resource.as_str() != Some("*") && !resource.is_null();
        if statement["Effect"] == "Allow" && bound(&statement["Resource"]) {
            let anything = |resource: &Value| {
                let text = resource.as_str().or_else(|| resource[0].as_str()).unwrap();
                text.ends_with("/*")
            };
            // Every zone of the account, every change: there is nothing beyond.
            if !anything(&statement["Resource"]) {
                mutate(", the Resource".into(), &|statement| statement["Resource"] = "*".into());
            }
        }
    }
    found
}

/// The first probe that tells.
async fn told<'a>(kit: &Kit, probes: &'a [Probe]) -> Option<&'a str> {
    for probe in probes {
        if !probe.holds(kit).await {
            return Some(&probe.name);
        }
    }
    None
}

#[tokio::test]
async fn everything_needed_is_allowed_and_nothing_else() {
    let kit = Kit::new().await;
    let probes = probes::all(&kit);
    for probe in &probes {
        assert!(probe.holds(&kit).await, "not so: {}", probe.name);
    }
    assert!(probes.len() > 100, "{} probes", probes.len());
}

#[tokio::test]
async fn whatever_is_deleted_from_a_policy_is_missed() {
    let kit = Kit::new().await;
    let mut probes = probes::all(&kit);
    // What was forbidden comes first: for a condition that shows more than what no longer works.
    probes.sort_by_key(|probe| probe.wanted);
    let (mut table, mut missed) = (String::new(), 0);
    for (name, document) in kit.documents.iter().filter(|(name, _)| **name != "function alone") {
        for (what, mutant) in mutations(document) {
            let mut documents = kit.documents.clone();
            documents.insert(name, mutant);
            kit.apply(&documents);
            let told = told(&kit, &probes).await.unwrap_or_else(|| panic!("nobody misses {name}: {what}"));
            writeln!(table, "{name}: {what}\n    not so any more: {told}").unwrap();
            missed += 1;
        }
    }
    assert!(missed > 60, "{missed} mutations");
    if std::env::var_os("KIT_TABLE").is_some() {
        fs::write(TABLE, &table).unwrap();
    }
    let committed = fs::read_to_string(TABLE).unwrap();
    assert_eq!(table, committed, "the table changed; KIT_TABLE=1 writes it anew");
}
