//! Nothing in a policy is there for nothing: whatever one thing is deleted, a probe tells.
//! `mutations.txt` has the table.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::kit::call::{Call, Change};
use crate::kit::documents::Kit;
use crate::kit::probes::{self, Probe};

const TABLE: &str = "tests/integration/kit/mutations.txt";

/// The function's role without what only one of the others needs, and the central function's, which
/// is the same.
const UNCHANGED: [&str; 2] = ["function alone", "central function"];

/// What `_delegation-` before each name makes of a pattern: the pattern itself covers it already.
const IMPLIED: [&str; 1] = ["_delegation-*.dev.example.com"];

/// One of the characters with which a name may begin stands for all: each has a probe.
fn is_implied(value: &str) -> bool {
    IMPLIED.contains(&value) || value.len() == 2 && value.ends_with('*') && value != "a*"
}

/// What is deleted, and the document without it.
fn mutations(document: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (index, statement) in document["Statement"].as_array().unwrap().iter().enumerate() {
        let sid = statement["Sid"]
            .as_str()
            .unwrap_or_else(|| panic!("a statement without a Sid: {statement}"));
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
                for value in values
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|value| !is_implied(value.as_str().unwrap()))
                {
                    mutate(format!(", {key} {}", value.as_str().unwrap()), &|statement| {
                        statement["Condition"][operator][key]
                            .as_array_mut()
                            .unwrap()
                            .retain(|one| one != value);
                    });
                }
                mutate(format!(", {operator} {key}"), &|statement| {
                    statement["Condition"][operator].as_object_mut().unwrap().remove(key);
                });
            }
        }
        for resource in statement["Resource"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|_| statement["Effect"] == "Deny")
        {
            mutate(format!(", on {}", resource.as_str().unwrap()), &|statement| {
                statement["Resource"].as_array_mut().unwrap().retain(|one| one != resource);
            });
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
async fn told<'a>(kit: &Kit, document: &str, probes: &'a [Probe]) -> Option<&'a str> {
    for probe in probes.iter().filter(|probe| probe.documents.contains(&document)) {
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
    probes.retain(|probe| !probe.repeats);
    // What was forbidden comes first: for a condition that shows more than what no longer works.
    probes.sort_by_key(|probe| probe.wanted);
    let (mut table, mut missed) = (String::new(), 0);
    for (name, document) in kit.documents.iter().filter(|(name, _)| !UNCHANGED.contains(name)) {
        for (what, mutant) in mutations(document) {
            let mut documents = kit.documents.clone();
            documents.insert(name, mutant);
            kit.apply(&documents);
            let told = told(&kit, name, &probes)
                .await
                .unwrap_or_else(|| panic!("nobody misses {name}: {what}"));
            writeln!(table, "{name}: {what}\n    no longer true: {told}").unwrap();
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

/// What remains: `docs/security.md` says so.
#[tokio::test]
async fn in_a_batch_with_a_delegation_types_and_names_are_not_told_apart() {
    let kit = Kit::new().await;
    let (zone, role) = (kit.fixture.parent.id(), kit.fixture.parent_role.credentials());
    let allowed = async |changes: &[(&'static str, &'static str)]| {
        let changes =
            changes.iter().map(|&(name, rtype)| Change { action: "CREATE", name, rtype }).collect();
        let call = Call::Batch(zone.clone(), changes);
        call.is_allowed(&kit.fixture.aws.endpoint_url(), &kit.http, role.clone()).await
    };
    let delegation = ("b.dev.example.com", "NS");
    assert!(!allowed(&[("a.dev.example.com", "TXT")]).await, "nothing but TXT");
    assert!(
        allowed(&[delegation, ("a.dev.example.com", "TXT")]).await,
        "of a name that it may delegate"
    );
    assert!(
        allowed(&[delegation, ("_delegation-a.dev.example.com", "NS")]).await,
        "hides an ownership record"
    );
    for name in [
        "_acme-challenge.dev.example.com",
        "_dmarc.a.dev.example.com",
        "dev.example.com",
        "mail.example.com",
    ] {
        assert!(!allowed(&[delegation, (name, "TXT")]).await, "{name}");
    }
}
