//! `delegation plan --release` and what `delegation list` says of claims.

use std::fs;

use delegation_model::digest::{Digest, RequestDigest};
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{
    Before, Claim, ClaimBasis, Claimant, Displaced, OwnershipRecord, Stamp,
};
use delegation_model::ttl::Ttl;
use sandbox::RecordSet;
use serde_json::{Value, json};
use test_support::{Fixture, NAME, RECORD};

use crate::shell::{Ran, Shell, Still};

const ALPHA: &str = "arn:aws:cloudformation:eu-west-1:222222222222:stack/alpha/1f3c";
const BETA: &str = "arn:aws:cloudformation:eu-west-1:222222222222:stack/beta/2f3c";
/// A stack of the same name in another account.
const OTHER_ALPHA: &str = "arn:aws:cloudformation:eu-west-1:333333333333:stack/alpha/3f3c";

fn servers(names: &[&str]) -> NameServers {
    NameServers::from_values(names).unwrap()
}

/// The claim of a resource named Delegation on these name servers, of some day before.
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

/// A delegation to `ns1.x.net` with this ownership record.
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

fn changes(told: &Value) -> Vec<String> {
    let change = |change: &Value| {
        format!("{} {}", change["action"].as_str().unwrap(), change["type"].as_str().unwrap())
    };
    told["changes"].as_array().unwrap().iter().map(change).collect()
}

#[tokio::test]
async fn a_dead_claim_beside_a_living_one_goes_alone() {
    let fixture = delegated(|record| {
        record.put_claim(claim(ALPHA, &["ns1.x.net"]));
        record.put_claim(claim(BETA, &["ns1.x.net"]));
    })
    .await;
    let still = Still::of(&fixture);
    let told = release(&fixture, "alpha/Delegation", &["--json"]).ended(2).json();
    assert_eq!(changes(&told), ["DELETE TXT", "CREATE TXT"]);
    assert!(
        told["changes"][1]["values"][0].as_str().unwrap().contains("owner=beta/Delegation"),
        "{told}"
    );
    assert_eq!(told["owner"], "alpha/Delegation");
    let ran = release(&fixture, "alpha/Delegation", &[]).ended(2);
    ran.says(&[
        "The claim goes; the name servers stay.",
        "Do this only if the stack is gone",
        "change-resource-record-sets",
    ]);
    still.holds();
}

#[tokio::test]
async fn the_last_claim_takes_the_delegation_along() {
    let fixture = delegated(|record| record.put_claim(claim(ALPHA, &["ns1.x.net"]))).await;
    let told = release(&fixture, "alpha/Delegation", &["--json"]).ended(2).json();
    assert_eq!(changes(&told), ["DELETE NS", "DELETE TXT"]);
    release(&fixture, "alpha/Delegation", &[])
        .ended(2)
        .says(&["It is the last claim: the delegation goes with it."]);
}

#[tokio::test]
async fn what_the_dead_claim_displaced_is_put_back() {
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
        record.put_before(Some(Before { of, displaced: Some(old) }));
    })
    .await;
    let ran = release(&fixture, "alpha/Delegation", &[]).ended(2);
    ran.says(&["The name servers that it displaced are put back.", "+ ns1.old.net."]);
}

#[tokio::test]
async fn owners_of_one_name_are_told_apart_by_the_digest_of_the_claim() {
    let (one, other) = (claim(ALPHA, &["ns1.x.net"]), claim(OTHER_ALPHA, &["ns1.x.net"]));
    let ids = [one.id.to_string(), other.id.to_string()];
    let fixture = delegated(|record| {
        record.put_claim(one);
        record.put_claim(other);
    })
    .await;
    let ran = release(&fixture, "alpha/Delegation", &[]).ended(1);
    ran.complains(&["several accounts or Regions", &ids[0], &ids[1]]);
    let told = release(&fixture, &ids[1], &["--json"]).ended(2).json();
    assert_eq!(told["claim"], json!(ids[1]));
}

#[tokio::test]
async fn a_release_names_what_it_lacks() {
    let fixture = delegated(|record| record.put_claim(claim(ALPHA, &["ns1.x.net"]))).await;
    release(&fixture, "gamma/Delegation", &[]).ended(1).complains(&[
        "\"gamma/Delegation\" has no claim on testing.example.com",
        "alpha/Delegation",
    ]);
    plan(&fixture, &["--release", "alpha/Delegation"]).ended(1).complains(&["--domain-name"]);
    release(&fixture, "alpha/Delegation", &["--stack-id", ALPHA, "--logical-id", "D"]).ended(1);
}

#[tokio::test]
async fn the_list_shows_dead_claims_what_is_unsettled_and_who_wants_others() {
    let fixture = delegated(|record| {
        record.put_claim(claim(ALPHA, &["ns1.x.net"]));
        record.put_claim(claim(BETA, &["ns1.y.net"]));
        let of = Digest::from_name_servers(&servers(&["ns1.x.net"]));
        record.put_before(Some(Before { of, displaced: None }));
    })
    .await;
    let stacks = std::env::temp_dir().join(format!("stacks-{}.txt", std::process::id()));
    fs::write(&stacks, format!("{BETA}\n{OTHER_ALPHA}\t{ALPHA}\n")).unwrap();
    let file = stacks.to_str().unwrap().to_owned();
    let shell = Shell::new(&fixture.aws, &fixture.parent_account.user_credentials());
    let list =
        |more: &[&str]| shell.run(&[&["list", "--parent-zone-name", "example.com"], more].concat());
    let ran = list(&[])
        .ended(0)
        .says(&["unsettled", "alpha/Delegation, beta/Delegation (wants other name servers)"]);
    assert!(!ran.out.contains("dead"), "{ran:?}");
    let told = list(&["--json", "--stacks", &file]).ended(0).json();
    assert_eq!(told["delegations"][0]["findings"], json!(["unsettled"]));
    let state = |told: &Value| {
        let owners = told["delegations"][0]["owners"].as_array().unwrap();
        let dead: Vec<Value> = owners.iter().map(|owner| owner["dead"].clone()).collect();
        let holds: Vec<Value> = owners.iter().map(|owner| owner["holds"].clone()).collect();
        (dead, holds)
    };
    assert_eq!(state(&told), (vec![json!(false), json!(false)], vec![json!(true), json!(false)]));

    fs::write(&stacks, BETA).unwrap();
    list(&["--stacks", &file]).ended(0).says(&["dead-claim, unsettled", "alpha/Delegation (dead)"]);
    let told = list(&["--json", "--stacks", &file]).ended(0).json();
    assert_eq!(state(&told).0, [json!(true), json!(false)]);
    assert_eq!(told["alarms"], 1);

    fs::write(&stacks, "alpha").unwrap();
    list(&["--stacks", &file]).ended(1).complains(&["\"alpha\" is not the ARN of a stack"]);
    fs::write(&stacks, " ").unwrap();
    list(&["--stacks", &file]).ended(1).complains(&["the file is empty"]);
    fs::remove_file(&stacks).unwrap();
    list(&["--stacks", &file]).ended(1).complains(&["can't be read"]);
}
