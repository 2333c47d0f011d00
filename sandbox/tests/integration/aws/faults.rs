//! Injected faults, quotas, hooks and gates, seen by the unmodified SDK.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::aws::common::{create, fixture, route53_client};
use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};
use sandbox::{Fault, FaultKind, Quota, RecordSet, Sandbox};

const CHANGE: &str = "ChangeResourceRecordSets";

#[tokio::test]
async fn a_lost_response_makes_the_sdk_retry_and_find_its_own_record() {
    let fixture = fixture().await;
    let fault = fixture.aws.fault(Fault::on(CHANGE).kind(FaultKind::ResetAfter));
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 3);
    let batch = create("testing.example.com", "NS", &["ns1.example.org."]);
    let answer = client
        .change_resource_record_sets()
        .hosted_zone_id(fixture.zone.id())
        .change_batch(batch)
        .send()
        .await;
    let error = answer.unwrap_err().into_service_error();
    assert!(error.message().unwrap().ends_with("but it already exists]"), "{error:?}");
    assert!(fixture.zone.record("testing.example.com", "NS").is_some());
    let calls = fixture.aws.calls();
    assert_eq!(calls.len(), 2);
    assert!(calls[0].succeeded() && !calls[0].outcome.as_ref().unwrap().delivered);
    assert_eq!((calls[0].faults.as_slice(), fault.hits()), (&["ResetAfter".to_owned()][..], 1));
}

#[tokio::test]
async fn a_reset_before_execution_is_retried() {
    let fixture = fixture().await;
    fixture.aws.fault(
        Fault::on(CHANGE)
            .account(crate::aws::common::PARENT)
            .zone(&fixture.zone.id())
            .kind(FaultKind::ResetBefore),
    );
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 2);
    let batch = create("testing.example.com", "NS", &["ns1.example.org."]);
    client
        .change_resource_record_sets()
        .hosted_zone_id(fixture.zone.id())
        .change_batch(batch)
        .send()
        .await
        .unwrap();
    let calls = fixture.aws.calls();
    assert_eq!((calls.len(), calls[0].outcome.clone(), fixture.zone.revision()), (2, None, 1));
}

#[tokio::test]
async fn the_sdk_retries_throttling_and_server_errors() {
    let fixture = fixture().await;
    let other = FaultKind::Error {
        status: 400,
        code: "PriorRequestNotComplete".to_owned(),
        message: "wait".to_owned(),
    };
    fixture.aws.fault(Fault::on("GetHostedZone").nth(1).kind(FaultKind::Throttle));
    fixture.aws.fault(Fault::on("GetHostedZone").nth(2).kind(FaultKind::Status(503)));
    fixture.aws.fault(Fault::on("GetHostedZone").nth(3).kind(other));
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 5);
    client.get_hosted_zone().id(fixture.zone.id()).send().await.unwrap();
    let seen: Vec<(Option<u16>, Option<String>)> = fixture
        .aws
        .calls()
        .iter()
        .map(|call| (call.status(), call.code().map(str::to_owned)))
        .collect();
    assert_eq!(
        seen,
        [
            (Some(400), Some("Throttling".to_owned())),
            (Some(503), Some("ServiceUnavailable".to_owned())),
            (Some(400), Some("PriorRequestNotComplete".to_owned())),
            (Some(200), None),
        ]
    );
}

#[tokio::test]
async fn the_quota_is_per_account_and_action() {
    let fixture = fixture().await;
    fixture.aws.rate_limit(Some(Quota { per_second: 0.001, burst: 2.0 }));
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
    let get = || client.get_hosted_zone().id(fixture.zone.id()).send();
    get().await.unwrap();
    get().await.unwrap();
    let error = get().await.unwrap_err().into_service_error();
    assert_eq!((error.code(), error.message()), (Some("Throttling"), Some("Rate exceeded")));
    client.list_hosted_zones().send().await.unwrap();
    fixture.aws.clock().advance(Duration::from_hours(1));
    get().await.unwrap();
    fixture.aws.rate_limit(None);
    for _ in 0..5 {
        get().await.unwrap();
    }
}

/// Waits until a condition that another task fulfills is true.
async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
}

#[tokio::test]
async fn a_hang_lasts_until_the_client_gives_up() {
    let fixture = fixture().await;
    for kind in [FaultKind::Hang, FaultKind::HangAfter] {
        let (after, name) = (kind == FaultKind::HangAfter, format!("{kind:?}.example.com"));
        let fault = fixture.aws.fault(Fault::on(CHANGE).kind(kind));
        let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
        let request = client.change_resource_record_sets().hosted_zone_id(fixture.zone.id());
        let sent = tokio::spawn(request.change_batch(create(&name, "A", &["192.0.2.1"])).send());
        until(|| fault.hits() == 1).await;
        let outcome = || {
            fixture.aws.calls().pop().and_then(|call| call.outcome).map(|outcome| outcome.delivered)
        };
        until(|| outcome() == after.then_some(false)).await;
        assert_eq!(fixture.zone.record(&name, "A").is_some(), after);
        assert!(!sent.is_finished());
        sent.abort();
    }
}

#[tokio::test]
async fn latency_is_added_to_other_faults() {
    let fixture = fixture().await;
    let latency = fixture
        .aws
        .fault(Fault::on("*").always().kind(FaultKind::Latency(Duration::from_millis(1))));
    fixture.aws.fault(Fault::on("GetHostedZone").kind(FaultKind::Throttle));
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 2);
    client.get_hosted_zone().id(fixture.zone.id()).send().await.unwrap();
    assert_eq!(latency.hits(), 2);
    assert_eq!(fixture.aws.calls()[0].faults, ["Latency(1ms)", "Throttle"]);
    fixture.aws.clear_faults();
    client.get_hosted_zone().id(fixture.zone.id()).send().await.unwrap();
    assert!(fixture.aws.calls()[2].faults.is_empty());
}

#[tokio::test]
async fn a_manual_edit_between_reading_and_writing() {
    let fixture = fixture().await;
    let (zone, other) = (
        fixture.zone.clone(),
        RecordSet::new("testing.example.com", "NS", 60, ["ns9.example.org."]),
    );
    fixture.aws.before_call(Arc::new(move |call| {
        if call.action == CHANGE {
            zone.put(other.clone());
        }
    }));
    let after = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&after);
    fixture.aws.after_call(Arc::new(move |call| {
        seen.lock().unwrap().push(call.code().map(str::to_owned));
    }));
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
    let batch = create("testing.example.com", "NS", &["ns1.example.org."]);
    let answer = client
        .change_resource_record_sets()
        .hosted_zone_id(fixture.zone.id())
        .change_batch(batch)
        .send()
        .await;
    assert!(answer.unwrap_err().into_service_error().is_invalid_change_batch());
    assert_eq!(*after.lock().unwrap(), [Some("InvalidChangeBatch".to_owned())]);
}

#[tokio::test]
async fn gates_decide_the_order_of_calls() {
    let fixture = fixture().await;
    let gate = fixture.aws.gate(CHANGE);
    let send = |server: &'static str| {
        let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
        let request = client.change_resource_record_sets().hosted_zone_id(fixture.zone.id());
        tokio::spawn(request.change_batch(create("testing.example.com", "NS", &[server])).send())
    };
    let first = send("ns1.example.org.");
    gate.arrived().await;
    let second = send("ns2.example.org.");
    gate.arrived_count(2).await;
    assert_eq!(fixture.zone.revision(), 0, "both calls must wait at the gate");
    gate.release_one();
    first.await.unwrap().unwrap();
    assert_eq!(
        fixture.zone.record("testing.example.com", "NS").unwrap().values,
        ["ns1.example.org."]
    );
    gate.release();
    assert!(second.await.unwrap().unwrap_err().into_service_error().is_invalid_change_batch());
    send("ns3.example.org.").await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_gate_may_choose_and_opens_when_dropped() {
    let fixture = fixture().await;
    let gate = fixture.aws.gate_when(Arc::new(|call| call.account == crate::aws::common::CHILD));
    let parent = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
    parent.list_hosted_zones().send().await.unwrap();
    let child = route53_client(&fixture.aws, &fixture.child.user_credentials(), 1);
    let held = tokio::spawn(child.list_hosted_zones().send());
    gate.arrived().await;
    assert!(!held.is_finished());
    drop(gate);
    held.await.unwrap().unwrap();
}

#[tokio::test]
async fn dropping_the_sandbox_stops_the_server() {
    // An address of its own, so that no other test gets the port afterwards.
    let aws = Sandbox::start_on(SocketAddr::from(([127, 1, 1, 2], 0))).await.unwrap();
    let (endpoint, credentials) =
        (aws.clone(), aws.account(crate::aws::common::PARENT).user_credentials());
    let client = route53_client(&endpoint, &credentials, 1);
    client.list_hosted_zones().send().await.unwrap();
    drop(endpoint);
    client.list_hosted_zones().send().await.unwrap();
    let address = aws.endpoint_url().trim_start_matches("http://").to_owned();
    drop(aws);
    while std::net::TcpStream::connect(&address).is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(client.list_hosted_zones().send().await, Err(SdkError::DispatchFailure(_))));
}
