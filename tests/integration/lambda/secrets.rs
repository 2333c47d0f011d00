//! The response URL, external ids and credentials are not in any log, whatever happens and whatever
//! the log level is.

use std::sync::{Arc, Mutex};

use sandbox::{BucketFault, Fault, FaultKind, Function, LambdaProcess};
use serde_json::{Value, json};
use test_support::EXTERNAL_ID;

use crate::lambda::fixture::{Invoked, RuntimeFixture, Setting, assert_rolled_back};

/// Delivers events, and records the signatures of their response URLs.
struct Noting {
    process: Arc<LambdaProcess>,
    signatures: Arc<Mutex<Vec<String>>>,
}

impl Function for Noting {
    fn invoke(&self, event: Value) -> Invoked<'_> {
        let url = event["ResponseURL"].as_str().unwrap();
        let signature = url.split_once("X-Amz-Signature=").unwrap().1.split('&').next().unwrap();
        self.signatures.lock().unwrap().push(signature.to_owned());
        self.process.invoke(event)
    }
}

/// Runs requests of every kind: some succeed, others are refused, denied, retried, lost or never
/// delivered.
async fn live(log_level: &'static str) -> (RuntimeFixture, Vec<String>) {
    let mut fixture = RuntimeFixture::with(Setting { log_level, ..Setting::default() }).await;
    let signatures = Arc::<Mutex<Vec<String>>>::default();
    fixture.serve_with(Noting {
        process: Arc::clone(&fixture.function),
        signatures: Arc::clone(&signatures),
    });

    assert_rolled_back(
        &fixture.deploy("Delegation", json!({"ParentExternalId": "a-wrong-external-id"})).await,
        "denied",
    );
    assert_rolled_back(
        &fixture.deploy("Delegation", json!({"ParentExternalId": "a wrong external id"})).await,
        "ParentExternalId",
    );
    assert_rolled_back(
        &fixture.deploy("Delegation", json!({"ParentRoleArn": "a-role"})).await,
        "ParentRoleArn",
    );
    for fault in [BucketFault::Status(503), BucketFault::ResetBefore, BucketFault::ResetAfter] {
        fixture.bucket.fault(fault, 1);
    }
    for kind in
        [FaultKind::Throttle, FaultKind::Status(503), FaultKind::ResetBefore, FaultKind::ResetAfter]
    {
        fixture.aws.fault(Fault::on("*").kind(kind));
    }
    assert!(fixture.deploy("Delegation", json!({})).await.is_complete());
    fixture.bucket.fault(BucketFault::Status(403), 3);
    assert_rolled_back(
        &fixture.deploy("Delegation", json!({"TTL": 60})).await,
        "did not receive a response",
    );
    assert!(fixture.deploy("Renamed", json!({"TTL": 60})).await.is_complete());
    assert!(fixture.stack.delete().await.is_complete());
    fixture.assert_as_before();
    let signatures = signatures.lock().unwrap().clone();
    assert!(signatures.len() >= 12 && signatures.iter().all(|signature| signature.len() == 64));
    (fixture, signatures)
}

fn assert_silent(fixture: &RuntimeFixture, signatures: &[String]) {
    let log = fixture.function.logs().join("\n");
    let mut secrets = signatures.to_vec();
    secrets.extend([EXTERNAL_ID, "wrong-external-id", "wrong external id"].map(str::to_owned));
    secrets.push(fixture.credentials.secret_access_key.clone());
    secrets.extend(fixture.credentials.session_token.clone());
    // In any form in which a URL, a signature or the response of AssumeRole could be logged.
    secrets.extend(
        ["X-Amz-", "AWS4-HMAC", "Signature", "SecretAccessKey", "SessionToken"].map(str::to_owned),
    );
    for secret in secrets {
        let shown = log.lines().find(|line| line.to_lowercase().contains(&secret.to_lowercase()));
        assert_eq!(shown, None, "the log contains {secret}");
    }
}

#[tokio::test]
async fn secrets_are_in_no_log() {
    let (fixture, signatures) = live("INFO").await;
    assert_silent(&fixture, &signatures);
    let log = fixture.function.logs().join("\n");
    for words in [
        "the response was sent",
        "the response was not delivered",
        "the delegation is as desired",
        "\"code\":\"access-denied\"",
    ] {
        assert!(log.contains(words), "the log must contain {words:?}:\n{log}");
    }
}

#[tokio::test]
async fn secrets_are_in_no_log_at_level_trace_either() {
    let (fixture, signatures) = live("TRACE").await;
    assert!(fixture.function.logs().iter().any(|line| line.contains(r#""level":"DEBUG""#)));
    assert_silent(&fixture, &signatures);
}
