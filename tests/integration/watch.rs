//! The watch: what it finds, how it splits a run into parts, and its results and metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use custom_delegation::watch::{Settings, Watch, WatchError};
use inventory::{Accepted, FindingKind};
use sandbox::{DnsFault, Fault, FaultKind, ZoneHandle};
use serde_json::{Value, json};
use test_support::seeded;

use crate::scan::{AUDITOR, Organization, QUOTA, fill};

/// The longest timeout that Lambda allows.
const WHOLE: Duration = Duration::from_mins(15);
/// A timeout so short that each part has only one step.
const SHORT: Duration = Duration::from_mins(1);
/// A name of a run, which has the form of the id of an invocation.
const RUN: &str = "00000000-0000-4000-8000-000000000000";

/// Kinds of findings, by the name that they are about.
type Findings = BTreeMap<String, BTreeSet<FindingKind>>;

/// The function that watches an organization.
struct Lambda<'a> {
    organization: &'a Organization,
    watch: Watch,
    metrics: Arc<Mutex<Vec<Value>>>,
}

impl<'a> Lambda<'a> {
    async fn new(organization: &'a Organization, accepted: &str) -> Self {
        let (accounts, verifier) = organization.auditor().await;
        let roles = organization.sources.iter().filter_map(|source| source.role.clone()).collect();
        let settings =
            Settings { roles, accepted: Accepted::parse(accepted).unwrap(), ..Settings::default() };
        let metrics = Arc::<Mutex<Vec<Value>>>::default();
        let lines = Arc::clone(&metrics);
        let watch =
            Watch::new(Ok(settings), accounts).with_verifier(verifier).with_metrics(move |line| {
                lines.lock().unwrap().push(serde_json::from_str(line).unwrap());
            });
        Self { organization, watch, metrics }
    }

    async fn invoke(&self, event: &Value, timeout: Duration) -> Result<Value, WatchError> {
        self.watch.run(&event.to_string(), &self.organization.network.invocation(timeout)).await
    }

    /// Returns the results of all parts of a run. The event of each later part is the `next` of the
    /// previous one, as the template's rule delivers it.
    async fn run(&self, timeout: Duration) -> Vec<Value> {
        let mut results: Vec<Value> = Vec::new();
        let mut event = json!({});
        while !event.is_null() {
            assert!(results.len() < 20, "the run does not end");
            let result = self.invoke(&event, timeout).await.unwrap();
            assert_eq!(result["complete"], json!(result["next"].is_null()));
            event = result["next"].clone();
            results.push(result);
        }
        results
    }

    /// Returns the sum of the metrics of this name with these dimensions.
    fn metric(&self, name: &str, dimensions: &[(&str, &str)]) -> Option<u64> {
        let lines = self.metrics.lock().unwrap();
        let is_it = |line: &&Value| {
            let of_line = line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0].as_array().unwrap();
            of_line.len() == dimensions.len()
                && dimensions.iter().all(|(key, value)| line[*key] == *value)
        };
        lines
            .iter()
            .filter(is_it)
            .filter_map(|line| line[name].as_u64())
            .reduce(|one, other| one + other)
    }
}

fn findings(results: &[Value]) -> Findings {
    let mut found = Findings::new();
    for finding in results.iter().flat_map(|result| result["findings"].as_array().unwrap()) {
        let kind: FindingKind = finding["finding"].as_str().unwrap().parse().unwrap();
        let name = finding["name"].as_str().unwrap().to_owned();
        assert!(found.entry(name).or_default().insert(kind), "{finding} is reported twice");
    }
    found
}

/// Removes what can only be found with a list of all existing stacks: dead claims.
fn without_dead_claims(mut expected: Findings) -> Findings {
    expected.retain(|_, kinds| !kinds.contains(&FindingKind::DeadClaim));
    expected
}

/// Three parent accounts with 2,000 delegations, among them one for each kind of finding, and a
/// fourth account whose role is denied.
fn large_organization() -> (Organization, Findings) {
    let mut organization = Organization::new(3);
    let providers: Vec<[String; 2]> =
        (0..20).map(|number| [1, 2].map(|host| format!("ns{host}.provider{number}.net"))).collect();
    let zones: Vec<ZoneHandle> = organization
        .parents
        .iter()
        .enumerate()
        .flat_map(|(account, parent)| {
            (0..7).map(move |zone| parent.hosted_zone(&format!("zone{zone}.org{account}.com")))
        })
        .collect();
    let mut of_failing = Vec::new();
    for number in 0..2_000_usize {
        let zone = &zones[number % zones.len()];
        let provider = number % providers.len();
        let servers = providers[provider].each_ref().map(String::as_str);
        let name = format!("team{number}.{}", zone.name().trim_end_matches('.'));
        organization.delegate(zone, &name, &servers);
        if provider == 5 {
            of_failing.push(name);
        }
    }
    let mut faulty = organization.add_faulty(&zones[4]);
    // Nothing is known of one of their name servers, which is no alarm.
    let unknown = BTreeSet::from([FindingKind::Unknown]);
    faulty.extend(of_failing.into_iter().map(|name| (name, unknown.clone())));
    // The denial is a finding of its own; the other findings are reported nonetheless.
    faulty.insert("4".repeat(12), organization.deny());
    (organization, without_dead_claims(faulty))
}

#[tokio::test(start_paused = true)]
async fn the_watch_finds_every_faulty_delegation_and_no_healthy_one_despite_failures() {
    seeded(21);
    let (organization, expected) = large_organization();
    let network = &organization.network;
    // The resolver fails for a twentieth of the names of name servers, packets are lost, and calls
    // are throttled.
    let failing = ["ns1.provider5.net", "ns1.unresolvable.net"].map(str::to_owned);
    network.dns.fault("resolver", DnsFault::ServFailFor(failing.into()));
    network.lose(10);
    network.aws.rate_limit_overall(Some(QUOTA));
    for action in ["ListHostedZones", "ListResourceRecordSets", "AssumeRole"] {
        network.aws.fault(Fault::on(action).kind(FaultKind::Throttle).times(5));
        network.aws.fault(Fault::on(action).nth(8).kind(FaultKind::Status(503)).times(2));
    }
    let lambda = Lambda::new(&organization, "[]").await;
    for _ in 0..2 {
        let results = lambda.run(WHOLE).await;
        assert_eq!(findings(&results), expected);
        assert_eq!(
            (results.len(), &results[0]["zones"], &results[0]["left_off"]),
            (1, &json!(21), &json!(0))
        );
    }
}

/// A small organization: one account with this many healthy zones, one that is denied, and one with
/// a faulty zone.
fn small_organization(good_zones: usize) -> (Organization, Findings) {
    let mut organization = Organization::new(2);
    for number in 0..good_zones {
        let zone = organization.parents[0].hosted_zone(&format!("zone{number}.com"));
        let servers = ["ns1.provider0.net", "ns2.provider0.net"];
        organization.delegate(&zone, &format!("good.zone{number}.com"), &servers);
    }
    organization
        .network
        .dns
        .fault("resolver", DnsFault::ServFailFor(["ns1.unresolvable.net".to_owned()].into()));
    let faulty_zone = organization.parents[1].hosted_zone("example.com");
    let mut faulty = organization.add_faulty(&faulty_zone);
    faulty.insert("4".repeat(12), organization.deny());
    (organization, without_dead_claims(faulty))
}

/// Tests rule WATCH-3.
#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_fit_into_a_part_continues_in_the_next() {
    let (organization, expected) = small_organization(22);
    let lambda = Lambda::new(&organization, "[]").await;
    let results = lambda.run(SHORT).await;
    assert_eq!(findings(&results), expected);
    // In this order: 20 zones, the other 2, the account that is denied, the last zone.
    let zones: Vec<u64> = results.iter().map(|result| result["zones"].as_u64().unwrap()).collect();
    assert_eq!(zones, [20, 2, 0, 1]);
    let parts: Vec<u64> = results.iter().map(|result| result["part"].as_u64().unwrap()).collect();
    assert_eq!(parts, [1, 2, 3, 4]);
    assert!(results.iter().all(|result| result["run"] == results[0]["run"]));
    let last = results.last().unwrap();
    assert_eq!(last["totals"]["zones"], json!(23));
    assert_eq!(last["totals"]["delegations"], json!(22 + 15));
    // Only the last part reports the counts of the run.
    let critical = expected
        .values()
        .flatten()
        .filter(|kind| kind.severity() == inventory::Severity::Critical)
        .count();
    assert_eq!(lambda.metric("Findings", &[("Severity", "critical")]), Some(critical as u64));
    assert_eq!(
        (lambda.metric("WatchRuns", &[]), lambda.metric("WatchedZones", &[])),
        (Some(1), Some(23))
    );
    assert_eq!((&last["totals"]["unknown"], lambda.metric("BlindRuns", &[])), (&json!(1), Some(0)));
    let lame = [("Finding", "lame"), ("Zone", "example.com")];
    assert_eq!(lambda.metric("Findings", &lame), Some(1));
    assert_eq!(
        lambda.metric("Findings", &[("Finding", "unread"), ("Zone", "444444444444")]),
        Some(1)
    );
}

/// Tests rules WATCH-1 and WATCH-2.
#[tokio::test(start_paused = true)]
async fn an_account_that_never_answers_is_a_finding_and_the_others_are_reported() {
    let (organization, mut expected) = small_organization(2);
    let silent = &organization.parents[0];
    let hangs =
        |action: &str| Fault::on(action).account(&silent.id()).kind(FaultKind::Hang).always();
    let fault = organization.network.aws.fault(hangs("ListHostedZones"));
    let lambda = Lambda::new(&organization, "[]").await;
    expected.insert(silent.id(), BTreeSet::from([FindingKind::Unread]));
    let results = lambda.run(WHOLE).await;
    assert_eq!((results.len(), findings(&results)), (2, expected.clone()));
    let of_account = |finding: &&Value| finding["name"] == silent.id();
    let unread = results[0]["findings"].as_array().unwrap().iter().find(of_account).unwrap();
    let seen = unread["seen"][0].as_str().unwrap();
    assert!(seen.contains("not enough time") && seen.ends_with("[out-of-time]"), "{seen}");
    fault.remove();

    // If a zone's listing never ends, the zones that are read at the same time are lost, but no
    // other.
    let zone = silent.hosted_zone("hangs.com");
    organization
        .network
        .aws
        .fault(Fault::on("ListResourceRecordSets").zone(&zone.id()).kind(FaultKind::Hang).always());
    let results = lambda.run(WHOLE).await;
    let found = findings(&results);
    assert!(found.contains_key("hangs.com"), "{found:?}");
    let faulty =
        found.into_iter().filter(|(name, _)| !name.starts_with("zone") && name != "hangs.com");
    expected.remove(&silent.id());
    assert_eq!(faulty.collect::<Findings>(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_would_fill_the_memory_is_unread_and_the_others_are_read() {
    let organization = Organization::new(1);
    fill(&organization.parents[0].hosted_zone("full.com"));
    let small = organization.parents[0].hosted_zone("small.com");
    Organization::put_ns(&small, "gone.small.com", &["ns1.free.net"]);
    let lambda = Lambda::new(&organization, "[]").await;
    let results = lambda.run(WHOLE).await;
    let found = findings(&results);
    assert_eq!(found.get("full.com"), Some(&BTreeSet::from([FindingKind::Unread])), "{found:?}");
    assert!(found.contains_key("gone.small.com"), "{found:?}");
    assert_eq!(results[0]["zones"], json!(1));
    let all = results[0]["findings"].as_array().unwrap();
    let unread = all.iter().find(|finding| finding["name"] == "full.com").unwrap();
    let seen = unread["seen"][0].as_str().unwrap();
    assert!(
        seen.contains("more than 16777216 bytes") && seen.ends_with("[zone-too-large]"),
        "{seen}"
    );
    assert_eq!(unread["alarm"], json!(true));
}

/// Route 53 accepts 400 name servers in an NS record set.
#[tokio::test(start_paused = true)]
async fn a_delegation_to_hundreds_of_name_servers_is_a_short_finding() {
    let organization = Organization::new(1);
    let zone = organization.parents[0].hosted_zone("example.com");
    let names: Vec<String> = (0..400).map(|number| format!("ns{number}.free.net")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Organization::put_ns(&zone, "many.example.com", &names);
    let lambda = Lambda::new(&organization, "[]").await;
    let results = lambda.run(WHOLE).await;
    let all = results[0]["findings"].as_array().unwrap();
    let found = all.iter().find(|finding| finding["finding"] == "takeover").unwrap();
    assert_eq!(found["name"], "many.example.com");
    // One for each of 32 name servers, and one for all that were not queried.
    let seen = found["seen"].as_array().unwrap();
    assert_eq!((seen.len(), seen.last()), (21, Some(&json!("and 13 more"))), "{seen:?}");
    let shown = found["name_servers"].as_array().unwrap().len();
    assert_eq!((shown, &found["name_servers_left_off"]), (32, &json!(368)));
    assert!(found.to_string().len() < 50_000, "{} bytes", found.to_string().len());
    // Nothing is known of the others, so that the command does not remove them.
    let command = found["command"].as_str().unwrap();
    assert!(command.contains("DELETE") && command.contains("CREATE"), "{command}");
}

/// The reports of a zone with any number of delegations would not fit into the memory: whoever may
/// write to it chooses how many there are.
#[tokio::test(start_paused = true)]
async fn the_delegations_of_a_large_zone_are_checked_two_thousand_at_a_time() {
    let organization = Organization::new(1);
    let zone = organization.parents[0].hosted_zone("example.com");
    organization.delegate(&zone, "a.example.com", &["ns1.first.net"]);
    for number in 0..2_000 {
        Organization::put_ns(&zone, &format!("m{number:04}.example.com"), &["ns1.free.net"]);
    }
    organization.delegate(&zone, "z.example.com", &["ns1.last.net"]);
    organization.network.dns.fault("ns1.first.net", DnsFault::Refused);
    let results = Lambda::new(&organization, "[]").await.run(WHOLE).await;
    let totals = &results[0]["totals"];
    assert_eq!((&totals["zones"], &totals["delegations"]), (&json!(1), &json!(2_002)));
    assert_eq!(totals["findings"]["critical"], json!(2_001), "{totals}");
    // What is bad is checked three times. All of it is done before the next ones begin.
    let asked: Vec<String> =
        organization.network.dns.queries().into_iter().map(|query| query.server).collect();
    let last_of_first = asked.iter().rposition(|server| server == "ns1.first.net").unwrap();
    let first_of_last = asked.iter().position(|server| server == "ns1.last.net").unwrap();
    assert!(last_of_first < first_of_last, "{last_of_first}, {first_of_last}");
}

#[tokio::test(start_paused = true)]
async fn accepted_findings_are_reported_but_not_counted() {
    let (organization, expected) = small_organization(0);
    let accepted = r#"[
        {
            "name": "lame.example.com",
            "finding": "lame",
            "reason": "until the move",
            "until": "2026-12-31"
        },
        {"name": "444444444444", "finding": "unread", "reason": "not ours", "until": "2026-12-31"},
        {
            "name": "takeover.example.com",
            "finding": "takeover",
            "reason": "over",
            "until": "2020-12-31"
        }
    ]"#;
    let lambda = Lambda::new(&organization, accepted).await;
    let results = lambda.run(WHOLE).await;
    assert_eq!(findings(&results), expected);
    let all = results[0]["findings"].as_array().unwrap();
    let accepted: Vec<(&Value, &Value)> = all
        .iter()
        .filter(|finding| !finding["accepted"].is_null())
        .map(|finding| (&finding["name"], &finding["alarm"]))
        .collect();
    assert_eq!(
        accepted,
        [(&json!("lame.example.com"), &json!(false)), (&json!("444444444444"), &json!(false))]
    );
    let alarms = all.iter().filter(|finding| finding["alarm"] == true).count();
    assert_eq!(results[0]["alarms"], json!(alarms));
    assert_eq!(lambda.metric("Findings", &[("Finding", "lame"), ("Zone", "example.com")]), None);
    let medium = expected
        .values()
        .flatten()
        .filter(|kind| kind.severity() == inventory::Severity::Medium)
        .count();
    assert_eq!(lambda.metric("Findings", &[("Severity", "medium")]), Some(medium as u64 - 1));
    // The date of the third acceptance has passed.
    assert_eq!(
        lambda.metric("Findings", &[("Finding", "takeover"), ("Zone", "example.com")]),
        Some(1)
    );
    assert_eq!(all[0]["finding"], "takeover", "the most urgent finding must come first");
}

#[tokio::test(start_paused = true)]
async fn an_invalid_setting_or_event_causes_no_calls() {
    let organization = Organization::new(1);
    let (accounts, _) = organization.auditor().await;
    let wrong =
        Settings::read(|name| (name == "DELEGATION_WATCH_ROLES").then(|| "a-secret".to_owned()));
    let watch = Watch::new(wrong, accounts);
    let error = watch.run("{}", &organization.network.invocation(WHOLE)).await.unwrap_err();
    assert!(
        error.name() == "InvalidSettings"
            && error.to_string().contains("DELEGATION_WATCH_ROLES: item 1"),
        "{error}"
    );
    let lambda = Lambda::new(&organization, "[]").await;
    let gone = format!("arn:aws:iam::{AUDITOR}:role/gone");
    for event in [json!({"RequestType": "Create"}), json!({"run": RUN, "part": 2, "role": gone})] {
        let error = lambda.invoke(&event, WHOLE).await.unwrap_err();
        assert!(error.name() == "InvalidEvent" && !error.to_string().contains("gone"), "{error}");
    }
    assert!(organization.network.aws.calls().is_empty());
}

/// Nothing shows whether an event comes from an earlier part. Anybody who may invoke the watch, or
/// put events on its bus, can end a run that has found nothing, whatever the zones contain.
#[tokio::test(start_paused = true)]
async fn known_a_forged_event_ends_a_run_with_the_totals_of_its_sender() {
    let organization = Organization::new(1);
    let zone = organization.parents[0].hosted_zone("example.com");
    Organization::put_ns(&zone, "gone.example.com", &["ns1.free.net"]);
    let lambda = Lambda::new(&organization, "[]").await;
    let last = lambda.run(WHOLE).await.pop().unwrap();
    assert_ne!(last["totals"]["findings"], json!({}));
    let after = "Z".repeat(32);
    let forged =
        json!({"run": RUN, "part": 2, "after": after, "totals": {"zones": 7, "delegations": 9}});
    let result = lambda.invoke(&forged, WHOLE).await.unwrap();
    assert_eq!((&result["complete"], &result["findings"]), (&json!(true), &json!([])));
    assert_eq!(
        result["totals"],
        json!({"zones": 7, "delegations": 9, "unknown": 0, "findings": {}})
    );
}

/// Tests rule WATCH-5. A session of an hour would expire within a part that begins with the session
/// of the part before.
#[tokio::test(start_paused = true)]
async fn each_part_assumes_its_roles_again() {
    let organization = Organization::new(1);
    organization.parents[0].hosted_zone("example.com");
    let lambda = Lambda::new(&organization, "[]").await;
    for _ in 0..2 {
        lambda.run(WHOLE).await;
    }
    let calls = organization.network.aws.calls();
    assert_eq!(calls.iter().filter(|call| call.action == "AssumeRole").count(), 2);
}
