//! `bootstrap` as the watch, chosen by `_HANDLER`: behind the Runtime API, with sockets and the
//! system clock.

use std::collections::BTreeSet;
use std::time::Duration;

use sandbox::{
    Bootstrap, Credentials, Dns, Function as _, Invocation, LambdaProcess, RecordSet, Sandbox,
};
use serde_json::{Value, json};
use test_support::EXTERNAL_ID;

use crate::lambda::logs::{fields_of, problem};
use crate::program::{bootstrap, variables};

/// The fields of the watch's log lines that are not those of their event.
const OF_ALL: [&str; 6] = ["timestamp", "level", "message", "lambda_request_id", "run", "part"];

/// Two parent accounts, of which one denies all access, and the function of the watch.
struct Watched {
    process: LambdaProcess,
    credentials: Credentials,
    _aws: Sandbox,
    _dns: Dns,
}

impl Watched {
    async fn new(handler: &str) -> Self {
        let aws = Sandbox::start().await.unwrap();
        let dns = aws.dns().await.unwrap();
        let (open, closed) = (aws.account("111111111111"), aws.account("333333333333"));
        let zone = open.hosted_zone("example.com");
        zone.put(RecordSet::new("good.example.com", "NS", 300, ["ns1.good.net."]));
        dns.zone("good.example.com", ["ns1.good.net"], []);
        zone.put(RecordSet::new("gone.example.com", "NS", 300, ["ns1.good.net."]));
        let roles =
            [(&open, EXTERNAL_ID), (&closed, "another-external-id")].map(|(account, id)| {
                account
                    .role("reader")
                    .trust_account("222222222222", Some(id))
                    .allow_all_route53()
                    .arn()
            });
        let role =
            aws.account("222222222222").role("watch").allow_assume("arn:aws:iam::*:role/reader");
        let credentials = role.credentials();
        let mut env = aws.env(&credentials);
        env.extend(variables([
            ("_HANDLER", handler),
            ("DELEGATION_WATCH_ROLES", &roles.join(",")),
            ("DELEGATION_WATCH_EXTERNAL_ID", EXTERNAL_ID),
            ("DELEGATION_DNS_RESOLVER", &dns.resolver().to_string()),
            ("DELEGATION_DNS_ANY_ADDRESS", "true"),
            ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
        ]));
        let watch = Bootstrap { timeout: Duration::from_mins(4), ..bootstrap(env) };
        Self {
            process: LambdaProcess::spawn(watch).await.unwrap(),
            credentials,
            _aws: aws,
            _dns: dns,
        }
    }
}

#[tokio::test]
async fn the_program_is_the_watch_by_its_handler_and_logs_one_line_per_finding() {
    let watched = Watched::new("watch").await;
    // With a timeout of less than five minutes, each account is a part of its own.
    let mut results = Vec::new();
    let mut event = json!({});
    while !event.is_null() {
        let Invocation::Returned(result) = watched.process.invoke(event).await else {
            panic!("it failed")
        };
        event = result["next"].clone();
        results.push(result);
    }
    let result: Vec<(&str, &str)> = results
        .iter()
        .flat_map(|result| result["findings"].as_array().unwrap())
        .map(|finding| (finding["name"].as_str().unwrap(), finding["finding"].as_str().unwrap()))
        .collect();
    let expected = [
        ("gone.example.com", "dangling"),
        ("gone.example.com", "unowned"),
        ("good.example.com", "unowned"),
        ("333333333333", "unread"),
    ];
    assert_eq!(result, expected, "{results:#?}\n{:#?}", watched.process.logs());
    assert_eq!((results.len(), &results[1]["complete"]), (2, &json!(true)));

    let logs = watched.process.logs();
    let lines: Vec<Value> = logs.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (metrics, lines): (Vec<&Value>, Vec<&Value>) =
        lines.iter().partition(|line| line.get("_aws").is_some());
    for line in &lines {
        let fields = fields_of(line);
        let keys = line.as_object().unwrap().keys().map(String::as_str);
        let unlisted: Vec<&str> =
            keys.filter(|key| !OF_ALL.contains(key) && !fields.contains(key)).collect();
        assert!(unlisted.is_empty(), "{unlisted:?}: {line}");
        assert!(OF_ALL.iter().all(|field| line[*field].is_string()), "{line}");
        assert_eq!(line["run"], results[0]["run"], "{line}");
    }
    let of_findings: BTreeSet<(&str, &str)> = lines
        .iter()
        .filter(|line| line["message"] == "the watch found something")
        .map(|line| (line["name"].as_str().unwrap(), line["finding"].as_str().unwrap()))
        .collect();
    assert_eq!(of_findings, BTreeSet::from(expected));
    let dangling = lines.iter().find(|line| line["finding"] == "dangling").unwrap();
    assert_eq!((&dangling["level"], &dangling["alarm"]), (&json!("WARN"), &json!(true)));
    let command = dangling["command"].as_str().unwrap();
    assert!(
        command.starts_with("aws route53 change-resource-record-sets --hosted-zone-id "),
        "{command}"
    );
    let zones: BTreeSet<&str> = metrics.iter().filter_map(|line| line["Zone"].as_str()).collect();
    assert_eq!(zones, BTreeSet::from(["333333333333", "example.com"]));
    assert_eq!(metrics.iter().filter(|line| line.get("WatchRuns").is_some()).count(), 1);

    let mut secrets = vec![EXTERNAL_ID.to_owned(), watched.credentials.secret_access_key.clone()];
    secrets.extend(watched.credentials.session_token.clone());
    secrets.extend(["AWS4-HMAC", "SecretAccessKey", "SessionToken"].map(str::to_owned));
    let all = format!("{}\n{results:?}", logs.join("\n"));
    for secret in secrets {
        assert!(!all.contains(&secret), "the log contains a secret");
    }
}

#[tokio::test]
async fn another_handler_is_the_function_of_the_resource() {
    let watched = Watched::new("bootstrap").await;
    let Invocation::Failed { error_type, .. } = watched.process.invoke(json!({})).await else {
        panic!("no request")
    };
    assert_eq!(error_type, "UnanswerableEvent");
}

#[test]
fn an_invalid_setting_of_the_watch_is_one_log_line_at_the_start() {
    let problem = problem(&[("_HANDLER", "watch"), ("DELEGATION_WATCH_ROLES", "an-external-id")]);
    assert!(
        problem.contains("DELEGATION_WATCH_ROLES: item 1") && !problem.contains("external"),
        "{problem}"
    );
}
