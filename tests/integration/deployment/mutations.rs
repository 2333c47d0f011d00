//! Every part of a policy is necessary: whichever part is deleted, a probe fails.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::deployment::call::{Call, Change};
use crate::deployment::documents::DeployedRoles;
use crate::deployment::probes::{self, Probe};

/// Documents that are not mutated, because all of their statements are in the document `function`
/// too, which is mutated: they are the policies of the same role with other parameters.
const NOT_MUTATED: [&str; 2] = ["function alone", "central function"];

/// Values of conditions that are not deleted one by one.
struct Exception {
    applies: fn(&str) -> bool,
    reason: &'static str,
}

const EXCEPTIONS: [Exception; 2] = [
    Exception {
        applies: |value| value == "_delegation-*.dev.example.com",
        reason: "redundant here: *.dev.example.com, which is in the same list, covers it",
    },
    Exception {
        applies: |value| value.len() == 2 && value.ends_with('*') && value != "a*",
        reason: "like a*, which is deleted; each of these patterns for the first character of a \
                 name has a probe against the complete policy",
    },
];

fn is_deleted(value: &str) -> bool {
    !EXCEPTIONS.iter().any(|exception| (exception.applies)(value))
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
                let values = values.as_array().into_iter().flatten();
                for value in values.filter(|value| is_deleted(value.as_str().unwrap())) {
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

/// Returns whether a probe of this document fails.
async fn is_noticed(deployed: &DeployedRoles, document: &str, probes: &[Probe]) -> bool {
    for probe in probes.iter().filter(|probe| probe.documents.contains(&document)) {
        if !probe.holds(deployed).await {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn everything_needed_is_allowed_and_nothing_else() {
    let deployed = DeployedRoles::new().await;
    let probes = probes::all(&deployed);
    for probe in &probes {
        assert!(probe.holds(&deployed).await, "the probe does not hold: {}", probe.name);
    }
    assert!(probes.len() > 100, "{} probes", probes.len());
}

#[tokio::test]
async fn every_part_of_a_policy_is_necessary() {
    let deployed = DeployedRoles::new().await;
    let mut probes = probes::all(&deployed);
    probes.retain(|probe| !probe.repeats);
    // Most mutations are deletions of an `Allow` or of a condition. The probes that notice them
    // soonest are those that expect a denial.
    probes.sort_by_key(|probe| probe.expected);
    let (mut number, mut unnoticed) = (0, Vec::new());
    for (name, document) in
        deployed.documents.iter().filter(|(name, _)| !NOT_MUTATED.contains(name))
    {
        for (what, mutant) in mutations(document) {
            let mut documents = deployed.documents.clone();
            documents.insert(name, mutant);
            deployed.apply(&documents);
            if !is_noticed(&deployed, name, &probes).await {
                unnoticed.push(format!("{name}: {what}"));
            }
            number += 1;
        }
    }
    assert!(unnoticed.is_empty(), "no probe fails without {unnoticed:#?}");
    assert!(number > 150, "{number} mutations");
}

#[tokio::test]
async fn the_reason_of_each_exception_from_the_mutations_is_true() {
    let deployed = DeployedRoles::new().await;
    let statements = |document: &str| -> Vec<Value> {
        deployed.documents[document]["Statement"].as_array().unwrap().clone()
    };
    let sids = |document: &str| -> BTreeSet<String> {
        let sids = statements(document).into_iter();
        sids.map(|statement| statement["Sid"].as_str().unwrap().to_owned()).collect()
    };
    for document in NOT_MUTATED {
        assert!(sids(document).is_subset(&sids("function")), "{document}");
    }
    // An exception that applies to no value would hide a later mistake.
    let all = deployed.documents.keys().flat_map(|document| statements(document));
    let lists: Vec<Value> = all
        .flat_map(|statement| statement["Condition"].as_object().cloned().unwrap_or_default())
        .flat_map(|(_, keys)| keys.as_object().unwrap().clone())
        .map(|(_, values)| values)
        .collect();
    let values = || lists.iter().flat_map(|list| list.as_array().into_iter().flatten());
    for Exception { applies, reason } in EXCEPTIONS {
        assert!(values().any(|value| applies(value.as_str().unwrap())), "{reason}");
    }
}

/// A limitation that `docs/security.md` names.
#[tokio::test]
async fn known_a_batch_with_a_delegation_may_mix_types_and_names() {
    let deployed = DeployedRoles::new().await;
    let (zone, role) = (deployed.fixture.parent.id(), deployed.fixture.parent_role.credentials());
    let allowed = async |changes: &[(&'static str, &'static str)]| {
        let changes =
            changes.iter().map(|&(name, rtype)| Change { action: "CREATE", name, rtype }).collect();
        let call = Call::Batch(zone.clone(), changes);
        call.is_allowed(&deployed.fixture.aws.endpoint_url(), &deployed.http, role.clone()).await
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
