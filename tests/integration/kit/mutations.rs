//! Every part of a policy is necessary: whichever part is deleted, a probe fails. The table of
//! these mutations and probes is in `mutations.txt`.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::kit::call::{Call, Change};
use crate::kit::documents::Kit;
use crate::kit::probes::{self, Probe};

const TABLE: &str = "tests/integration/kit/mutations.txt";

/// Roles that are not mutated: that of a function without what only other setups need, and the
/// central function's, which is the same.
const UNCHANGED: [&str; 2] = ["function alone", "central function"];

/// Patterns of ownership records that need no probe of their own.
const IMPLIED: [&str; 1] = ["_delegation-*.dev.example.com"];

/// Of the patterns for a first character, only one is mutated; each of them has a probe.
fn is_implied(value: &str) -> bool {
    IMPLIED.contains(&value) || value.len() == 2 && value.ends_with('*') && value != "a*"
}

/// Returns each mutation: what is deleted, and the document without it.
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
            // The resource is everything of its service, so there is nothing beyond it.
            if !anything(&statement["Resource"]) {
                mutate(", the Resource".into(), &|statement| statement["Resource"] = "*".into());
            }
        }
    }
    found
}

/// Returns the name of the first probe that fails.
async fn first_failure<'a>(kit: &Kit, document: &str, probes: &'a [Probe]) -> Option<&'a str> {
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
        assert!(probe.holds(&kit).await, "the probe does not hold: {}", probe.name);
    }
    assert!(probes.len() > 100, "{} probes", probes.len());
}

#[tokio::test]
async fn every_part_of_a_policy_is_necessary() {
    let kit = Kit::new().await;
    let mut probes = probes::all(&kit);
    probes.retain(|probe| !probe.repeats);
    // Probes that forbid something come first: they say more about a condition than those that
    // require something.
    probes.sort_by_key(|probe| probe.allowed);
    let (mut table, mut missed) = (String::new(), 0);
    for (name, document) in kit.documents.iter().filter(|(name, _)| !UNCHANGED.contains(name)) {
        for (what, mutant) in mutations(document) {
            let mut documents = kit.documents.clone();
            documents.insert(name, mutant);
            kit.apply(&documents);
            let failed = first_failure(&kit, name, &probes)
                .await
                .unwrap_or_else(|| panic!("no probe fails without {name}: {what}"));
            writeln!(table, "{name}: {what}\n    no longer true: {failed}").unwrap();
            missed += 1;
        }
    }
    assert!(missed > 60, "{missed} mutations");
    if std::env::var_os("KIT_TABLE").is_some() {
        fs::write(TABLE, &table).unwrap();
    }
    let committed = fs::read_to_string(TABLE).unwrap();
    assert_eq!(
        table, committed,
        "the table has changed; run this test with KIT_TABLE=1 to update it"
    );
}

/// A limitation that `docs/security.md` names.
#[tokio::test]
async fn known_a_batch_with_a_delegation_may_mix_types_and_names() {
    let kit = Kit::new().await;
    let (zone, role) = (kit.fixture.parent.id(), kit.fixture.parent_role.credentials());
    let allowed = async |changes: &[(&'static str, &'static str)]| {
        let changes =
            changes.iter().map(|&(name, rtype)| Change { action: "CREATE", name, rtype }).collect();
        let call = Call::Batch(zone.clone(), changes);
        call.is_allowed(&kit.fixture.aws.endpoint_url(), &kit.http, role.clone()).await
    };
    let delegation = ("b.dev.example.com", "NS");
    assert!(
        !allowed(&[("a.dev.example.com", "TXT")]).await,
        "a batch of TXT records only must be denied"
    );
    assert!(
        allowed(&[delegation, ("a.dev.example.com", "TXT")]).await,
        "expected the known limitation"
    );
    assert!(
        allowed(&[delegation, ("_delegation-a.dev.example.com", "NS")]).await,
        "expected the known limitation"
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
