//! Tests of `delegation plan`.

use std::process::Command;
use std::time::{Duration, SystemTime};

use custom_delegation::aws::credentials::{Accounts, FixedSettings};
use custom_delegation::clock::Clock;
use custom_delegation::http;
use delegation_model::record_set::{Change, RecordSet as Set};
use delegation_model::ttl::Ttl;
use sandbox::{DnsFault, Fault, FaultKind, KeySigningKey, RecordSet};
use serde_json::{Value, json};

use crate::shell::{Ran, Shell, Snapshot};
use test_support::{EXTERNAL_ID, Fixture, NAME, plain};

/// The flags of the README's example.
fn flags(fixture: &Fixture) -> Vec<String> {
    let flags = [
        "plan",
        "--child-zone-id",
        &fixture.child.id(),
        "--parent-role-arn",
        &fixture.parent_role.arn(),
        "--parent-external-id",
        EXTERNAL_ID,
        "--parent-zone-name",
        "example.com",
        "--ttl",
        "300",
        "--verification",
        "NONE",
    ];
    flags.map(str::to_owned).into()
}

fn plan(fixture: &Fixture, more: &[&str]) -> Ran {
    plan_in(&Shell::of_function(fixture), fixture, more)
}

fn plan_in(shell: &Shell, fixture: &Fixture, more: &[&str]) -> Ran {
    let flags = flags(fixture);
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let snapshot = Snapshot::new(fixture);
    let ran = shell.run(&flags);
    snapshot.assert_unchanged();
    ran
}

/// The flags for an Update of the stack's resource.
fn update<'a>(fixture: &'a Fixture, id: &'a str) -> Vec<&'a str> {
    vec!["--physical-id", id, "--stack-id", &fixture.stack, "--logical-id", &fixture.logical_id]
}

/// Applies a batch as the AWS CLI would.
pub(crate) async fn apply(fixture: &Fixture, batch: &Value) {
    let credentials = fixture.parent_account.user_credentials();
    let settings = FixedSettings {
        endpoint_url: fixture.aws.endpoint_url(),
        region: "us-east-1".into(),
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
        session_token: None,
        clock: Clock::System,
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let changes: Vec<Change> = batch["Changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            let set = &change["ResourceRecordSet"];
            let values = set["ResourceRecords"]
                .as_array()
                .unwrap()
                .iter()
                .map(|record| text(&record["Value"]));
            let ttl = Ttl::new(set["TTL"].as_i64().unwrap()).unwrap();
            let name = text(&set["Name"]).parse().unwrap();
            let set = Set::new(name, set["Type"].as_str().unwrap(), ttl, values.collect());
            if change["Action"] == "CREATE" { Change::Create(set) } else { Change::Delete(set) }
        })
        .collect();
    let accounts = Accounts::with_settings(http::client(None).unwrap(), "person", &settings).await;
    let session = accounts.session(None, None).await.unwrap();
    let zone = fixture.parent.id().parse().unwrap();
    session.change(&zone, batch["Comment"].as_str().unwrap(), &changes).await.unwrap();
}

/// The change batch that a POSIX shell passes to the AWS CLI.
pub(crate) fn argument_of(command: &str) -> Value {
    let script = format!("aws() {{ printf %s \"$6\"; }}; {command}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_create_is_shown_as_a_diff_and_an_applicable_batch() {
    let fixture = Fixture::behind_sockets().await;
    insta::assert_snapshot!("plan_of_a_create", plan(&fixture, &[]).text());

    let output = plan(&fixture, &["--json"]).ended(2).json();
    assert_eq!((&output["decision"], &output["action"]), (&json!("CHANGE"), &json!("CREATED")));
    assert_eq!(output["physical_id"], json!(fixture.id()));
    assert_eq!(output["changes"].as_array().unwrap().len(), 2);
    assert_eq!(
        output["batch"]["Changes"].as_array().unwrap().len(),
        1,
        "without a stack there is no claim: {output}"
    );
    assert_eq!(argument_of(output["command"].as_str().unwrap()), output["batch"]);
    apply(&fixture, &output["batch"]).await;
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test]
async fn with_a_stack_the_batch_is_the_same_as_the_function_s() {
    let fixture = Fixture::behind_sockets().await;
    let output =
        plan(&fixture, &["--json", "--stack-id", &fixture.stack, "--logical-id", "Delegation"])
            .ended(2)
            .json();
    apply(&fixture, &output["batch"]).await;
    assert_eq!((fixture.delegated_to(), fixture.claims().len()), (fixture.child_servers(), 1));
    // The function recognizes the claim as its own.
    let answer =
        fixture.update(&fixture.id(), json!({}), json!({"Trigger": "again"})).await.success();
    assert_eq!((answer.get("Action"), answer.get("Warning")), ("UNCHANGED", ""));
}

#[tokio::test]
async fn an_update_shows_removed_added_and_unchanged_lines() {
    let fixture = Fixture::behind_sockets().await;
    // Created a minute ago, so that the time in the claim differs from the one that the plan would
    // write.
    let minute_ago = SystemTime::now() - Duration::from_mins(1);
    let properties = json!({"ResourceProperties": fixture.properties(json!({}))});
    let id = fixture
        .deliver(fixture.event_at("Create", minute_ago, properties))
        .await
        .success()
        .id()
        .to_owned();
    let mut more = update(&fixture, &id);
    insta::assert_snapshot!("plan_without_a_change", plan(&fixture, &more).text());
    more.extend(["--ttl", "60"]);
    let flags: Vec<String> =
        flags(&fixture).into_iter().filter(|flag| flag != "--ttl" && flag != "300").collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let ran = Shell::of_function(&fixture).run(&flags);
    insta::assert_snapshot!("plan_of_an_update", ran.text());
    let output = Shell::of_function(&fixture).run(&[flags, vec!["--json"]].concat()).json();
    assert_eq!(output["request"], "Update");
    apply(&fixture, &output["batch"]).await;
    assert_eq!(fixture.parent.record(NAME, "NS").unwrap().ttl, Some(60));
}

#[tokio::test]
async fn an_existing_delegation_is_adopted_with_no_change_by_hand() {
    let fixture = Fixture::behind_sockets().await;
    let servers = fixture.child_servers();
    fixture.put_ns(&servers.iter().map(String::as_str).collect::<Vec<_>>());
    let output = plan(&fixture, &["--json"]).ended(2).json();
    assert_eq!(
        (&output["action"], &output["batch"], &output["command"]),
        (&json!("ADOPTED"), &json!(null), &json!(null))
    );
    insta::assert_snapshot!("plan_of_an_adoption", plan(&fixture, &[]).text());
}

#[tokio::test]
async fn a_plan_refuses_with_the_function_s_own_reason() {
    let fixture = Fixture::behind_sockets().await;
    fixture.put_ns(&["ns1.somebody.net"]);
    let answer = fixture.create(json!({})).await.failed(&["already delegated"]);
    let ran = plan(&fixture, &[]).says(&[answer.reason()]);
    insta::assert_snapshot!("plan_that_is_refused", ran.text());
    let output = plan(&fixture, &["--json"]).ended(3).json();
    assert_eq!(
        (&output["decision"], &output["reason"]),
        (&json!("REFUSED"), &json!(answer.reason()))
    );
    assert_eq!((&output["batch"], &output["changes"]), (&json!(null), &json!([])));

    let output = plan(&fixture, &["--json", "--allow-overwrite"]).ended(2).json();
    assert_eq!(output["batch"]["Changes"].as_array().unwrap().len(), 2);
    apply(&fixture, &output["batch"]).await;
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test]
async fn occluded_records_are_refused_or_warned_about() {
    let fixture = Fixture::behind_sockets().await;
    fixture.parent.put(RecordSet::new("www.testing.example.com", "A", 300, ["192.0.2.7"]));
    insta::assert_snapshot!("plan_that_would_hide_a_record_set", plan(&fixture, &[]).text());
    let ran = plan(&fixture, &["--allow-occlusion=true"]);
    insta::assert_snapshot!("plan_with_a_warning", ran.text());
}

#[tokio::test]
async fn a_plan_without_a_stack_shares_with_or_is_refused_by_another_stack_s_claim() {
    let fixture = Fixture::behind_sockets().await;
    fixture.create(json!({})).await.success();
    insta::assert_snapshot!("plan_that_shares", plan(&fixture, &[]).text());
    let others = ["--name-servers", "ns1.example.net"];
    insta::assert_snapshot!("plan_with_a_conflict", plan(&fixture, &others).text());
}

#[tokio::test]
async fn names_that_the_function_may_not_delegate_are_refused() {
    let fixture = Fixture::behind_sockets().await;
    let shell = Shell::of_function(&fixture).with("DELEGATION_ALLOWED_NAMES", "other.example.com");
    plan_in(&shell, &fixture, &[]).ended(3).says(&["DELEGATION_ALLOWED_NAMES"]);
    let shell = Shell::of_function(&fixture).with("DELEGATION_ALLOWED_NAMES", "a..b");
    plan_in(&shell, &fixture, &[])
        .ended(1)
        .complains(&["an environment variable is invalid", "a..b"]);
}

#[tokio::test]
async fn a_plan_of_the_parent_zone_s_name_servers_is_refused_unless_they_are_listed() {
    let fixture = Fixture::behind_sockets().await;
    let servers = ["ns1.testing.example.com.", "ns-1.awsdns-00.org."];
    fixture.parent.put(RecordSet::new("example.com", "NS", 172_800, servers));
    plan(&fixture, &[]).ended(3).says(&["ns1.testing.example.com", "parent-name-server"]);
    let shell = Shell::of_function(&fixture).with("DELEGATION_ALLOWED_NAMES", NAME);
    plan_in(&shell, &fixture, &[]).ended(2);
}

#[tokio::test]
async fn dnssec_adds_the_ds_record_set() {
    let fixture = Fixture::behind_sockets().await;
    let key = KeySigningKey::active("ksk", 4711, &"AB".repeat(32));
    fixture.child.sign([key.clone()]);
    let output = plan(&fixture, &["--json", "--dnssec"]).ended(2).json();
    let ds = output["changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|change| change["type"] == "DS")
        .unwrap()
        .clone();
    assert_eq!(ds["values"], json!([key.ds_record()]));
    assert!(output["warnings"][0].as_str().unwrap().contains("not signed"), "{output}");
    assert_eq!(output["batch"]["Changes"].as_array().unwrap().len(), 2);
    insta::assert_snapshot!("plan_with_dnssec", plan(&fixture, &["--dnssec"]).text());
    plan(&fixture, &["--dnssec", "--key-signing-keys", "typo"])
        .ended(3)
        .says(&["does not have the key", "ksk (ACTIVE)"]);
    fixture.child.unsign();
    plan(&fixture, &["--dnssec"]).ended(3).says(&["not signing"]);
}

/// A new key is refused because of its age, and the old key must stay active.
#[tokio::test]
async fn the_age_of_keys_is_checked() {
    let fixture = Fixture::behind_sockets().await;
    fixture.child.create_key("one");
    fixture.child.start_signing();
    let id = fixture
        .create(json!({"Dnssec": true, "KeySigningKeys": ["one"]}))
        .await
        .success()
        .id()
        .to_owned();
    fixture.child.create_key("two");
    let dnssec = [update(&fixture, &id), vec!["--dnssec", "--key-signing-keys", "two"]].concat();
    plan(&fixture, &dnssec).ended(3).says(&["Refused: ", "can't become"]);
    fixture.child.age_keys(Duration::from_hours(1));
    plan(&fixture, &dnssec).ended(2).says(&["must stay ACTIVE", "3600 seconds"]);
}

#[tokio::test]
async fn the_name_servers_are_queried_before_the_change() {
    let fixture = Fixture::behind_sockets().await;
    let dns = fixture.aws.dns().await.unwrap();
    let shell = Shell::of_function(&fixture).with_dns(&dns);
    let with = |mode| {
        let flags: Vec<String> =
            flags(&fixture).into_iter().map(|flag| flag.replace("NONE", mode)).collect();
        let snapshot = Snapshot::new(&fixture);
        let ran = shell.run(&flags.iter().map(String::as_str).collect::<Vec<_>>());
        snapshot.assert_unchanged();
        ran
    };
    insta::assert_snapshot!("plan_with_good_name_servers", with("REQUIRE").text());
    dns.fault(&fixture.child.name_servers()[1], DnsFault::Refused);
    insta::assert_snapshot!("plan_that_reports_a_bad_name_server", with("REPORT").text());
    insta::assert_snapshot!("plan_that_requires_good_name_servers", with("REQUIRE").text());
}

#[tokio::test]
async fn another_parent_zone_is_a_replacement() {
    let fixture = Fixture::behind_sockets().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let other = fixture.parent_account.hosted_zone("com");
    let mut more = update(&fixture, &id);
    let other_id = other.id();
    more.extend(["--parent-zone-id", &other_id]);
    let flags = flags(&fixture);
    let flags = flags
        .iter()
        .map(String::as_str)
        .filter(|flag| !["--parent-zone-name", "example.com"].contains(flag));
    let flags: Vec<&str> = flags.chain(more).collect();
    let ran = Shell::of_function(&fixture).run(&flags);
    insta::assert_snapshot!("plan_of_a_replacement", ran.text());
    let output = Shell::of_function(&fixture).run(&[flags, vec!["--json"]].concat()).json();
    assert_eq!(
        (&output["replaces"], &output["physical_id"]),
        (&json!(id), &json!(format!("{other_id}/{NAME}")))
    );
}

#[tokio::test]
async fn properties_are_read_from_a_file_and_flags_override_them() {
    let fixture = Fixture::behind_sockets().await;
    let properties = fixture.properties(json!({})).to_string();
    let output = Shell::of_function(&fixture)
        .run_with(&["plan", "--properties", "-", "--json", "--ttl", "77"], &properties);
    let output = output.ended(2).json();
    assert_eq!(output["changes"][0]["ttl"], 77);
    assert_eq!(
        plain(
            &serde_json::from_value::<Vec<String>>(output["changes"][0]["values"].clone()).unwrap()
        ),
        fixture.child_servers()
    );
    let shell = Shell::of_function(&fixture);
    shell
        .run_with(&["plan", "--properties", "-"], "[]")
        .ended(1)
        .complains(&["-: the file does not contain a JSON object"]);
    shell
        .run(&["plan", "--properties", "/nowhere/x.json"])
        .ended(1)
        .complains(&["/nowhere/x.json", "can't read"]);
    let typo = json!({"ParentZonename": "example.com"}).to_string();
    shell
        .run_with(&["plan", "--properties", "-"], &typo)
        .ended(1)
        .complains(&["ParentZonename", "ParentZoneName"]);
}

#[tokio::test]
async fn a_denied_call_says_what_to_do() {
    let fixture = Fixture::behind_sockets().await;
    fixture.parent_role.clone().without_policies();
    plan(&fixture, &[]).ended(1).complains(&[
        "denied",
        "searching for the parent zone example.com",
        "Grant the role in --parent-role-arn",
    ]);
    fixture.parent_role.clone().trust_account("222222222222", Some("another"));
    plan(&fixture, &[]).ended(1).complains(&[
        "assuming the parent role",
        "STS AssumeRole",
        "external id",
    ]);
}

#[tokio::test]
async fn an_update_tolerates_an_unreadable_child_zone() {
    let fixture = Fixture::behind_sockets().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let blind = fixture.child_account.role("blind").allow_assume(&fixture.parent_role.arn());
    let shell = Shell::new(&fixture.aws, &blind.credentials());
    let more = update(&fixture, &id);
    plan_in(&shell, &fixture, &more)
        .ended(0)
        .says(&["Warning: The delegation was left as it is", "denied"]);
    plan_in(&shell, &fixture, &[]).ended(1).complains(&["reading the child zone", "denied"]);
}

#[tokio::test]
async fn an_error_of_aws_is_shown_with_its_message() {
    let fixture = Fixture::behind_sockets().await;
    let kind = FaultKind::Error {
        status: 400,
        code: "InvalidInput".into(),
        message: "something is odd".into(),
    };
    fixture.aws.fault(Fault::on("ListHostedZonesByName").always().kind(kind));
    plan(&fixture, &[])
        .ended(1)
        .complains(&["delegation: searching for the parent zone", "something is odd"]);
}
