//! The watch in the template: it is off by default; its resources and settings if there is a
//! schedule.

use std::collections::BTreeSet;
use std::time::Duration;

use custom_delegation::logging::EVENTS;
use custom_delegation::watch::{HANDLER, Settings, Watch};
use inventory::Severity;
use sandbox::template::Template;
use sandbox::{Account, DnsFault, Role};
use serde_json::{Value, json};
use test_support::{EXTERNAL_ID, Network};

use crate::deployment::documents::{BUS, WATCH, WATCH_LOGS, WATCH_ROLE};

const SCHEDULE: (&str, &str) = ("WatchSchedule", "cron(0 3 * * ? *)");

fn made(values: &[(&str, &str)]) -> BTreeSet<String> {
    Template::read("template.yaml", values).resources().into_iter().collect()
}

#[test]
fn without_a_schedule_the_watch_has_no_resources() {
    let alarms = ("AlarmTopic", "222222222222:alarms");
    let digest = ("CodeSha256", crate::deployment::documents::DIGEST);
    let more = |before: &[(&str, &str)], after: &[(&str, &str)]| -> Vec<String> {
        let (before, after) = (made(before), made(after));
        assert!(before.is_subset(&after));
        after.difference(&before).cloned().collect()
    };
    let alone = more(&[], &[SCHEDULE]);
    assert_eq!(
        alone,
        [
            "WatchFunction",
            "WatchGoesOn",
            "WatchLogGroup",
            "WatchMayGoOn",
            "WatchNewQuery",
            "WatchResults",
            "WatchRole",
            "WatchTimer",
            "WatchTimerRole",
        ]
    );
    let alarmed = more(&[SCHEDULE], &[SCHEDULE, alarms]);
    let of_the_watch: Vec<&String> = alarmed.iter().filter(|id| id.starts_with("Watch")).collect();
    assert_eq!(
        of_the_watch,
        [
            "WatchFails",
            "WatchIsBlind",
            "WatchIsUnheard",
            "WatchSeesDrift",
            "WatchSeesOutage",
            "WatchSeesTakeover",
            "WatchStopped"
        ]
    );
    assert_eq!(
        more(&[digest], &[digest, SCHEDULE]).len(),
        alone.len() + 1,
        "its code must be pinned as well"
    );
    assert!(!made(&[alarms, digest]).iter().any(|id| id.contains("Watch")));
}

#[test]
fn both_functions_run_the_same_program() {
    let template = Template::read(
        "template.yaml",
        &[SCHEDULE, ("WatchRole.Arn", "role"), ("WatchLogGroup", "logs")],
    );
    let of = |pointer: &str| template.resource(&format!("/WatchFunction/Properties/{pointer}"));
    assert_eq!((of("Handler"), of("Timeout")), (json!(HANDLER), json!(900)));
    let source = Template::source("template.yaml");
    for property in ["Code", "Runtime", "Architectures", "KmsKeyArn", "VpcConfig", "TracingConfig"]
    {
        let [watch, function] = ["WatchFunction", "DelegationFunction"]
            .map(|id| &source["Resources"][id]["Properties"][property]);
        assert_eq!(watch, function, "{property}");
        assert!(!watch.is_null(), "{property}");
    }
}

#[test]
fn each_alarm_says_what_to_do_and_uses_an_existing_metric() {
    let page = std::fs::read_to_string("docs/logging.md").unwrap();
    let source = Template::source("template.yaml");
    let resources = source["Resources"].as_object().unwrap().iter();
    let alarms: Vec<_> =
        resources.filter(|(_, one)| one["Condition"] == "HasWatchAlarms").collect();
    assert_eq!(alarms.len(), 7);
    for (id, alarm) in alarms {
        let text = |property: &str| alarm["Properties"][property].as_str().unwrap();
        assert!(text("AlarmDescription").contains("; "), "{id}: what it means; what to do");
        if text("Namespace") != custom_delegation::metrics::NAMESPACE {
            continue;
        }
        let dimension = &alarm["Properties"]["Dimensions"][0];
        let dimensions =
            dimension["Name"].as_str().map_or("none".to_owned(), |name| format!("`{name}`"));
        assert!(
            page.contains(&format!("| `{}` | Count | {dimensions} |", text("MetricName"))),
            "{id}"
        );
        // Every run writes the number of each severity, also if it is 0, and so clears an alarm;
        // nothing else does. There is a separate alarm for runs that never end.
        assert!(
            dimension["Value"].as_str().is_none_or(|severity| severity.parse::<Severity>().is_ok()),
            "{id}"
        );
        let missing = if text("MetricName") == "WatchRuns" { "breaching" } else { "ignore" };
        assert_eq!(text("TreatMissingData"), missing, "{id}");
    }
}

#[test]
fn the_query_uses_an_existing_log_event_and_its_fields() {
    let query =
        Template::read("template.yaml", &[]).resource("/WatchNewQuery/Properties/QueryString");
    let query = query.as_str().unwrap();
    let message = query.split('"').nth(1).unwrap();
    let (_, _, fields) = EVENTS.iter().find(|(_, known, _)| *known == message).unwrap();
    let grouped = query.split("by ").nth(1).unwrap().lines().next().unwrap().split(", ");
    let latest = query.split("latest(").skip(1).map(|rest| rest.split(')').next().unwrap());
    let used: Vec<&str> = grouped.chain(latest).chain(["accepted"]).collect();
    assert!(used.len() > 6 && used.iter().all(|field| fields.contains(field)), "{used:?}");
}

/// Returns whether an event matches a pattern (`EventBridge` User Guide, "Event patterns"): a field
/// has one of the listed values.
fn matches(pattern: &Value, event: &Value) -> bool {
    match pattern {
        Value::Array(values) => values.contains(event),
        Value::Object(fields) => {
            fields.iter().all(|(name, pattern)| matches(pattern, &event[name]))
        }
        _ => panic!("{pattern} is not a valid pattern"),
    }
}

/// Returns the input that the rule passes to its target.
fn input<'a>(target: &Value, event: &'a Value) -> &'a Value {
    let path = target["InputPath"].as_str().unwrap().strip_prefix("$.").unwrap();
    path.split('.').fold(event, |value, name| &value[name])
}

/// Creates the roles of the templates: the role of the watch, which is returned, and the auditor
/// role in the first two accounts. Somebody forgot to set up the third account.
fn roles(network: &Network, accounts: &[Account; 3], template: &Template) -> Role {
    let of_auditor = [("WatchAccounts", "222222222222"), ("ExternalId", EXTERNAL_ID)];
    let auditor = Template::read("examples/auditor-role.yaml", &of_auditor)
        .resource("/AuditorRole/Properties");
    let put = |role: Role, properties: &Value| {
        let policy = properties["Policies"][0]["PolicyDocument"].clone();
        role.without_policies().trust(properties["AssumeRolePolicyDocument"].clone()).policy(policy)
    };
    for account in &accounts[..2] {
        put(account.role("route53-delegation-auditor"), &auditor);
    }
    accounts[2].role("route53-delegation-auditor").without_policies();
    put(
        network.aws.account("222222222222").role(WATCH_ROLE),
        &template.resource("/WatchRole/Properties"),
    )
}

/// Creates a zone with two delegations, one of which leads to a server that refuses queries, and an
/// empty zone.
fn zones(network: &Network, accounts: &[Account; 3]) {
    let zone = accounts[0].hosted_zone("example.com");
    accounts[1].hosted_zone("example.org");
    for (name, fault) in [("gone", Some(DnsFault::Refused)), ("accepted", None)] {
        let (name, server) = (format!("{name}.example.com"), format!("ns1.{name}.net"));
        zone.put(sandbox::RecordSet::new(&name, "NS", 300, [format!("{server}.")]));
        network.dns.zone(&name, [server.as_str()], []);
        if let Some(fault) = fault {
            network.dns.fault(&server, fault);
        }
    }
}

/// A finding in the result of a run.
#[derive(Debug, PartialEq)]
struct Found {
    name: String,
    finding: String,
    raises_alarm: bool,
}

impl Found {
    fn with_alarm(name: &str, finding: &str) -> Self {
        Self { name: name.to_owned(), finding: finding.to_owned(), raises_alarm: true }
    }

    fn without_alarm(name: &str, finding: &str) -> Self {
        Self { raises_alarm: false, ..Self::with_alarm(name, finding) }
    }
}

/// `source` is the only field that `EventBridge` does not let everybody choose, and only if it
/// starts with `aws.` (`EventBridge` API Reference, `PutEvents`). Lambda's does not.
#[test]
fn known_anybody_who_may_put_events_on_the_bus_can_start_a_part() {
    let template = Template::read("template.yaml", &[SCHEDULE, ("WatchFunction.Arn", WATCH)]);
    let rule = template.resource("/WatchGoesOn/Properties");
    let forged = json!({
        "source": "lambda",
        "detail": {
            "requestContext": {"functionArn": format!("{WATCH}:$LATEST"), "condition": "Success"},
            "responsePayload": {"complete": false, "next": {}},
        },
    });
    assert!(!forged["source"].as_str().unwrap().starts_with("aws."));
    assert!(matches(&rule["EventPattern"], &forged));
    assert_eq!(*input(&rule["Targets"][0], &forged), json!({}));
}

/// Takes the function's environment, schedule, rule and roles from the templates, and runs the real
/// watch with them.
#[tokio::test(start_paused = true)]
async fn a_run_starts_by_schedule_continues_by_rule_and_has_sufficient_permissions() {
    let network = Network::new();
    let accounts =
        ["111111111111", "333333333333", "444444444444"].map(|id| network.aws.account(id));
    let auditors: Vec<String> =
        accounts.iter().map(|account| account.role("route53-delegation-auditor").arn()).collect();
    let values = [
        SCHEDULE,
        ("WatchRoleArns", &auditors.join(",")),
        ("WatchExternalId", EXTERNAL_ID),
        ("WatchEventBus", "findings"),
        (
            "WatchAccepted",
            r#"[{"name": "accepted.example.com", "finding": "unowned", "reason": "known", "until": "2030-01-31"}]"#,
        ),
        ("AWS::AccountId", "222222222222"),
        ("WatchFunction", "route53-delegation-watch"),
        ("WatchFunction.Arn", WATCH),
        ("WatchLogGroup.Arn", WATCH_LOGS),
        ("WatchLogGroup", "WatchLogGroup"),
        ("WatchRole.Arn", "role"),
        ("WatchTimerRole.Arn", "timer"),
    ];
    let template = Template::read("template.yaml", &values);
    let watch_role = roles(&network, &accounts, &template);
    zones(&network, &accounts);

    let environment = template.resource("/WatchFunction/Properties/Environment/Variables");
    let settings = Settings::read(|name| environment[name].as_str().map(str::to_owned)).unwrap();
    let (accounts, verifier) = network.program("watch", watch_role.credentials()).await;
    let watch = Watch::new(Ok(settings), accounts).with_verifier(verifier);

    let timer = template.resource("/WatchTimer/Properties/Target");
    assert_eq!(timer["Arn"], WATCH);
    let (rule, destinations) = (
        template.resource("/WatchGoesOn/Properties"),
        template.resource("/WatchResults/Properties/DestinationConfig"),
    );
    assert_eq!(rule["EventBusName"], "findings");
    assert_eq!(destinations["OnSuccess"]["Destination"], BUS);
    assert_eq!(rule["Targets"][0]["Arn"], WATCH);
    let mut payload: Value = serde_json::from_str(timer["Input"].as_str().unwrap()).unwrap();
    let mut found = Vec::new();
    for part in 1.. {
        // The timeout is so short that each account is a part of its own.
        let result = watch
            .run(&payload.to_string(), &network.invocation(Duration::from_mins(1)))
            .await
            .unwrap();
        assert_eq!(result["part"], json!(part));
        let of_part = result["findings"].as_array().unwrap().iter();
        found.extend(of_part.map(|finding| {
            let text = |field: &str| finding[field].as_str().unwrap().to_owned();
            Found {
                name: text("name"),
                finding: text("finding"),
                raises_alarm: finding["alarm"].as_bool().unwrap(),
            }
        }));
        // The event is that of "Capturing records of Lambda asynchronous invocations" (Lambda
        // Developer Guide).
        let event = json!({
            "source": "lambda",
            "detail-type": "Lambda Function Invocation Result - Success",
            "detail": {
                "version": "1.0",
                "requestContext": {
                    "functionArn": format!("{WATCH}:$LATEST"),
                    "condition": "Success",
                },
                "requestPayload": payload,
                "responsePayload": result,
            },
        });
        let mut foreign = event.clone();
        foreign["detail"]["requestContext"]["functionArn"] =
            json!("arn:aws:lambda:us-east-1:222222222222:function:other:$LATEST");
        assert!(
            !matches(&rule["EventPattern"], &foreign),
            "another function's result must not match"
        );
        if !matches(&rule["EventPattern"], &event) {
            break;
        }
        payload = input(&rule["Targets"][0], &event).clone();
    }
    assert_eq!(
        found,
        [
            Found::with_alarm("gone.example.com", "dangling"),
            Found::without_alarm("accepted.example.com", "unowned"),
            Found::without_alarm("gone.example.com", "unowned"),
            Found::with_alarm("444444444444", "unread"),
        ]
    );
    let denied: Vec<String> = network
        .aws
        .calls()
        .into_iter()
        .filter(|call| !call.succeeded())
        .map(|call| call.action)
        .collect();
    assert_eq!(denied, ["AssumeRole"], "only the forgotten account may deny a call");
}
