//! Ownership records with values of others, and requests for names and name servers that are not
//! allowed.

use sandbox::RecordSet;
use serde_json::json;
use test_support::{NAME, RECORD};

use crate::function::scenario::{Scenario, takes, wants, with};

#[tokio::test(start_paused = true)]
async fn an_older_function_deletes_nothing_that_a_newer_one_claims() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let mut values = scenario.fixture.claims();
    values.push("\"heritage=custom-delegation,lease=1\"".into());
    scenario.fixture.parent.put(RecordSet::new(RECORD, "TXT", 300, values));
    let answer = scenario.delete("S1").await.success();
    assert!(answer.get("Warning").contains("left in place"), "{}", answer.0);
    assert_eq!((scenario.current().as_str(), scenario.fixture.claims().len()), ("x", 1));
}

/// The name servers of a forged displacement, which the Delete restores.
#[tokio::test(start_paused = true)]
async fn restored_name_servers_are_shown_only_if_they_are_host_names() {
    for name in ["urgent\\040call\\0405550100.net.", "call-5550100-now.", "10.0.5550100.1."] {
        let mut scenario = Scenario::new().await;
        scenario.create("S1", wants("x")).await.success();
        scenario.update("S1", wants("x")).await.success();
        let of = scenario.claim("S1").ns;
        let at = scenario.claim("S1").stamp.time;
        let mut values = scenario.fixture.claims();
        let name_in_text = name.replace('\\', "%5C");
        let before =
            format!("before=displaced,of={of},at={at},claimed=no,ttl=60,ns={name_in_text}");
        values.push(format!("\"heritage=custom-delegation,{before}\""));
        scenario.fixture.parent.put(RecordSet::new(RECORD, "TXT", 300, values));
        scenario.create("S2", wants("y")).await.failed(&[]);
        let answer = scenario.delete("S1").await.success();
        assert!(answer.get("Warning").contains("delegation-restored"), "{}", answer.0);
        assert!(answer.get("Warning").contains("NS a name server that is not shown here"));
        assert_eq!(scenario.fixture.delegated_to().len(), 1);
        let refused = scenario.create("S2", wants("y")).await.failed(&["not shown here"]);
        let again = scenario.delete("S1").await.success();
        for answer in [answer, refused, again] {
            assert!(!answer.0.to_string().contains("5550100"), "{}", answer.0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_names_the_other_holders() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    scenario.create("S2", wants("x")).await.success();
    let answer = scenario.delete("S2").await.success();
    let warning = answer.get("Warning");
    assert!(
        ["S1/D", "ns1.x.net", "by hand"].iter().all(|word| warning.contains(word)),
        "{warning}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_child_named_like_the_digest_of_a_long_name_has_its_own_record() {
    let scenario = Scenario::new().await;
    let long = format!("{}.example.com", "x".repeat(60));
    let ns =
        |name: &str| json!({"ChildZoneId": null, "DomainName": name, "NameServers": "ns1.x.net"});
    scenario.fixture.create(ns(&long)).await.success();
    let digest = |records: Vec<RecordSet>| {
        records
            .into_iter()
            .map(|set| set.name)
            .find(|name| name.starts_with("_delegationdigest-"))
            .unwrap()
    };
    let record = digest(scenario.fixture.parent.records());
    let label = record.trim_end_matches('.').trim_start_matches("_delegationdigest-").to_owned();
    scenario.fixture.create(ns(&label)).await.success();
    assert_eq!(scenario.fixture.parent.record(&record, "TXT").unwrap().values.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn values_that_are_no_server_names_are_refused() {
    let scenario = Scenario::new().await;
    for bad in ["null", "undefined", "localhost", "192.0.2.1", "192.0.2.1.", "2001:db8::1"] {
        let properties = json!({"ChildZoneId": null, "DomainName": NAME, "NameServers": bad});
        scenario.fixture.create(properties).await.failed(&["NameServers", "invalid-name-servers"]);
    }
    assert_eq!(scenario.fixture.changes_sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_delegation_that_is_no_longer_allowed_can_stay_or_be_deleted_but_not_change() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let narrowed = |config: &mut custom_delegation::config::Config| {
        let get =
            |key: &str| (key == "DELEGATION_ALLOWED_NAMES").then(|| "*.dev.example.com".to_owned());
        config.allowed_names = custom_delegation::config::Config::read(get).allowed_names;
    };
    scenario.fixture.restart(narrowed).await;
    scenario.update("S1", wants("y")).await.failed(&["name-no-longer-allowed"]);
    let answer =
        scenario.update("S1", with(&wants("x"), json!({"Trigger": "again"}))).await.success();
    assert_eq!((answer.get("Action"), scenario.current().as_str()), ("UNCHANGED", "x"));
    // Its own name servers are restored, whether by hand or by the function. No others are
    // accepted.
    scenario.fixture.parent.remove(NAME, "NS");
    scenario.update("S1", with(&wants("x"), json!({"Trigger": "third"}))).await.success();
    assert_eq!(scenario.current(), "x");
    scenario.delete("S1").await.success();
    scenario.assert_empty();
}

/// ALLOW-2. A Delete is bound by the entries that are valid.
#[tokio::test(start_paused = true)]
async fn an_invalid_entry_of_the_allowed_names_does_not_allow_every_name() {
    for (names, left) in [("*.dev.example.com, a..b", ""), ("a..b, testing.example.com", "h")] {
        let mut scenario = Scenario::new().await;
        scenario.edit_by_hand("h", 60);
        scenario.create("S1", takes("x")).await.success();
        let narrowed = |config: &mut custom_delegation::config::Config| {
            let get = |key: &str| (key == "DELEGATION_ALLOWED_NAMES").then(|| names.to_owned());
            let read = custom_delegation::config::Config::read(get);
            (config.allowed_names, config.problem) = (read.allowed_names, read.problem);
        };
        scenario.fixture.restart(narrowed).await;
        scenario.update("S1", takes("xy")).await.failed(&["invalid-settings"]);
        let answer = scenario.delete("S1").await.success();
        assert_eq!(scenario.current(), left, "{}", answer.0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_ownership_record_refuses_arrivals_but_lets_holders_leave() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let mut values = scenario.fixture.claims();
    values.extend((0..46).map(|n| format!("\"{n:0>254}\"")));
    scenario.fixture.parent.put(RecordSet::new(RECORD, "TXT", 300, values));
    scenario.create("S2", wants("x")).await.failed(&["12000", "ownership-record-full"]);
    scenario.update("S1", with(&wants("x"), json!({"Trigger": "again"}))).await.success();
    scenario.delete("S1").await.success();
    assert_eq!((scenario.current().as_str(), scenario.claimed_by().as_str()), ("", ""));
}

/// LEAVE-11: Route 53 accepts 32,000 characters in a batch, and a batch that replaces the record
/// contains it twice.
#[tokio::test(start_paused = true)]
async fn a_record_that_others_filled_keeps_nobody_from_leaving() {
    let mut scenario = Scenario::new().await;
    scenario.create("S1", wants("x")).await.success();
    let mut values = scenario.fixture.claims();
    values.extend((0..122).map(|n| format!("\"{n:0>254}\"")));
    scenario.fixture.parent.put(RecordSet::new(RECORD, "TXT", 300, values.clone()));
    let answer =
        scenario.update("S1", with(&wants("x"), json!({"Trigger": "again"}))).await.success();
    assert!(answer.get("Warning").contains("no room"), "{}", answer.0);
    let asks = with(&wants("xy"), json!({}));
    scenario.update("S1", asks.clone()).await.failed(&["ownership-record-full"]);
    scenario.roll_back("S1", asks).await.success();
    scenario.delete_invented("S2", wants("x")).await.success();
    let answer = scenario.delete("S1").await.success();
    assert!(answer.get("Warning").contains("claim-left"), "{}", answer.0);
    assert_eq!((scenario.current().as_str(), scenario.fixture.claims()), ("", values));
}
