//! Tests of `delegation plan --release`, and of the claims in `delegation list`.

use std::fs;

use delegation_model::digest::{Digest, RequestDigest};
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{
    Claim, ClaimBasis, Claimant, Displaced, Origin, OwnershipRecord, Stamp,
};
use delegation_model::ttl::Ttl;
use sandbox::RecordSet;
use serde_json::{Value, json};
use test_support::{Fixture, NAME, RECORD};

use crate::shell::{Ran, Shell, Snapshot};

const ALPHA: &str = "arn:aws:cloudformation:eu-west-1:222222222222:stack/alpha/1f3c";
const BETA: &str = "arn:aws:cloudformation:eu-west-1:222222222222:stack/beta/2f3c";
/// A stack with the same name in another account.
const OTHER_ALPHA: &str = "arn:aws:cloudformation:eu-west-1:333333333333:stack/alpha/3f3c";

fn servers(names: &[&str]) -> NameServers {
    NameServers::from_values(names).unwrap()
}

/// The claim of a resource named Delegation on these name servers, written in the past.
fn claim(stack: &str, names: &[&str]) -> Claim {
    let claimant = Claimant::new(stack, "Delegation", &NAME.parse().unwrap());
    Claim {
        id: claimant.id(),
        ns: Digest::from_name_servers(&servers(names)),
        ds: None,
        intent: Digest::from_name_servers(&servers(names)),
        previous_intent: None,
        stamp: Stamp { time: 1_700_000_000, request: RequestDigest::new("request") },
        basis: ClaimBasis::Updated,
        saw: None,
        from: None,
        hold: None,
        again: false,
        owner: claimant.owner().clone(),
    }
}

/// A fixture with a delegation to `ns1.x.net` and this ownership record.
async fn delegated(fill: impl FnOnce(&mut OwnershipRecord)) -> Fixture {
    let fixture = Fixture::behind_sockets().await;
    fixture.parent.put(RecordSet::new(NAME, "NS", 300, ["ns1.x.net."]));
    let mut record = OwnershipRecord::default();
    fill(&mut record);
    fixture.parent.put(RecordSet::new(RECORD, "TXT", 300, record.values()));
    fixture
}

fn plan(fixture: &Fixture, more: &[&str]) -> Ran {
    let shell = Shell::new(&fixture.aws, &fixture.parent_account.user_credentials());
    shell.run(&[&["plan", "--parent-zone-name", "example.com"], more].concat())
}

fn release(fixture: &Fixture, owner: &str, more: &[&str]) -> Ran {
    plan(fixture, &[&["--domain-name", NAME, "--release", owner], more].concat())
}

fn changes(output: &Value) -> Vec<String> {
    let change = |change: &Value| {
        format!("{} {}", change["action"].as_str().unwrap(), change["type"].as_str().unwrap())
    };
    output["changes"].as_array().unwrap().iter().map(change).collect()
}

#[tokio::test]
async fn releasing_one_of_two_claims_keeps_the_delegation() {
    let fixture = delegated(|record| {
        record.put_claim(claim(ALPHA, &["ns1.x.net"]));
        record.put_claim(claim(BETA, &["ns1.x.net"]));
    })
    .await;
    let snapshot = Snapshot::new(&fixture);
    let output = release(&fixture, "alpha/Delegation", &["--json"]).ended(2).json();
    assert_eq!(changes(&output), ["DELETE TXT", "CREATE TXT"]);
    assert!(
        output["changes"][1]["values"][0].as_str().unwrap().contains("owner=beta/Delegation"),
        "{output}"
    );
    assert_eq!(output["owner"], "alpha/Delegation");
    let ran = release(&fixture, "alpha/Delegation", &[]);
    insta::assert_snapshot!("release_of_one_of_two_claims", ran.text());
    snapshot.assert_unchanged();
}

#[tokio::test]
async fn releasing_the_last_claim_removes_the_delegation() {
    let fixture = delegated(|record| record.put_claim(claim(ALPHA, &["ns1.x.net"]))).await;
    let output = release(&fixture, "alpha/Delegation", &["--json"]).ended(2).json();
    assert_eq!(changes(&output), ["DELETE NS", "DELETE TXT"]);
    let ran = release(&fixture, "alpha/Delegation", &[]);
    insta::assert_snapshot!("release_of_the_last_claim", ran.text());
}

#[tokio::test]
async fn releasing_a_claim_restores_what_it_displaced() {
    let old = Displaced {
        name_servers: servers(&["ns1.old.net"]),
        ttl: Ttl::new(60).unwrap(),
        time: 1_700_000_000,
        claimed: true,
    };
    let fixture = delegated(|record| {
        record.put_claim(Claim { saw: Some(old.time), ..claim(ALPHA, &["ns1.x.net"]) });
        record.put_claim(claim(BETA, &["ns1.old.net"]));
        let of = Digest::from_name_servers(&servers(&["ns1.x.net"]));
        record.put_origin(Some(Origin { of, displaced: Some(old) }));
    })
    .await;
    let ran = release(&fixture, "alpha/Delegation", &[]);
    insta::assert_snapshot!("release_that_restores", ran.text());
}

#[tokio::test]
async fn owners_with_the_same_name_are_distinguished_by_the_digest_of_their_claims() {
    let (one, other) = (claim(ALPHA, &["ns1.x.net"]), claim(OTHER_ALPHA, &["ns1.x.net"]));
    let ids = [one.id.to_string(), other.id.to_string()];
    let fixture = delegated(|record| {
        record.put_claim(one);
        record.put_claim(other);
    })
    .await;
    let ran = release(&fixture, "alpha/Delegation", &[]).ended(1);
    ran.complains(&["different accounts or Regions", &ids[0], &ids[1]]);
    let output = release(&fixture, &ids[1], &["--json"]).ended(2).json();
    assert_eq!(output["claim"], json!(ids[1]));
}

/// Two claims of one owner with one digest were ambiguous, and the message offered the same digest
/// twice.
#[tokio::test]
async fn regression_a_claim_that_was_copied_by_hand_is_released_with_its_copies() {
    let fixture = delegated(|record| record.put_claim(claim(ALPHA, &["ns1.x.net"]))).await;
    let mut values = Vec::new();
    // The earliest claim counts, wherever the record has it (TRUST-1).
    for (server, later) in [("ns1.y.net", 60), ("ns1.x.net", 0), ("ns1.z.net", 60)] {
        let mut record = OwnershipRecord::default();
        let mut claim = claim(ALPHA, &[server]);
        claim.stamp.time += later;
        record.put_claim(claim);
        values.extend(record.values());
    }
    fixture.parent.put(RecordSet::new(RECORD, "TXT", 300, values));
    let output = release(&fixture, "alpha/Delegation", &["--json"]).ended(2).json();
    assert_eq!(changes(&output), ["DELETE NS", "DELETE TXT"], "{output}");
    assert_eq!(output["changes"][1]["values"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_release_reports_an_unknown_owner_or_missing_flag() {
    let fixture = delegated(|record| record.put_claim(claim(ALPHA, &["ns1.x.net"]))).await;
    release(&fixture, "gamma/Delegation", &[]).ended(1).complains(&[
        "\"gamma/Delegation\" has no claim on testing.example.com",
        "alpha/Delegation",
    ]);
    // An external id that was entered here by mistake.
    release(&fixture, "51af3dc0-da77-11e4-872e", &[])
        .ended(1)
        .complains(&["(a value of 23 characters, not repeated here) has no claim"]);
    plan(&fixture, &["--release", "alpha/Delegation"]).ended(1).complains(&["--domain-name"]);
    release(&fixture, "alpha/Delegation", &["--stack-id", ALPHA, "--logical-id", "D"]).ended(1);
}

#[tokio::test]
async fn the_list_shows_dead_unsettled_and_differing_claims() {
    let fixture = delegated(|record| {
        record.put_claim(claim(ALPHA, &["ns1.x.net"]));
        record.put_claim(claim(BETA, &["ns1.y.net"]));
        let of = Digest::from_name_servers(&servers(&["ns1.x.net"]));
        record.put_origin(Some(Origin { of, displaced: None }));
    })
    .await;
    let stacks = std::env::temp_dir().join(format!("stacks-{}.txt", std::process::id()));
    fs::write(&stacks, format!("{BETA}\n{OTHER_ALPHA}\t{ALPHA}\n")).unwrap();
    let file = stacks.to_str().unwrap().to_owned();
    let shell = Shell::new(&fixture.aws, &fixture.parent_account.user_credentials());
    let list =
        |more: &[&str]| shell.run(&[&["list", "--parent-zone-name", "example.com"], more].concat());
    insta::assert_snapshot!("list_with_a_dormant_claim", list(&[]).text());
    let output = list(&["--json", "--stacks", &file]).ended(0).json();
    assert_eq!(output["delegations"][0]["findings"], json!(["unsettled"]));
    let state = |output: &Value| {
        let owners = output["delegations"][0]["owners"].as_array().unwrap();
        let dead: Vec<Value> = owners.iter().map(|owner| owner["dead"].clone()).collect();
        let holds: Vec<Value> = owners.iter().map(|owner| owner["holds"].clone()).collect();
        (dead, holds)
    };
    assert_eq!(state(&output), (vec![json!(false), json!(false)], vec![json!(true), json!(false)]));

    fs::write(&stacks, BETA).unwrap();
    insta::assert_snapshot!("list_with_a_dead_claim", list(&["--stacks", &file]).text());
    let output = list(&["--json", "--stacks", &file]).ended(0).json();
    assert_eq!(state(&output).0, [json!(true), json!(false)]);
    assert_eq!(output["alarms"], 1);

    fs::write(&stacks, "alpha").unwrap();
    list(&["--stacks", &file]).ended(1).complains(&["\"alpha\" is not the ARN of a stack"]);
    // The file of roles instead, with an external id.
    for roles in ["51af3dc0-da77-11e4", "arn:aws:iam::111111111111:role/a,51af3dc0-da77-11e4"] {
        fs::write(&stacks, roles).unwrap();
        let ran = list(&["--stacks", &file]).ended(1);
        assert!(!ran.err.contains("51af3dc0"), "{ran:?}");
        ran.complains(&["not repeated here) is not the ARN of a stack"]);
    }
    fs::write(&stacks, " ").unwrap();
    list(&["--stacks", &file]).ended(1).complains(&["the file is empty"]);
    fs::remove_file(&stacks).unwrap();
    list(&["--stacks", &file]).ended(1).complains(&["can't read"]);
}
