//! Faults, quotas, hooks and gates through the unmodified SDK.

use std::sync::Arc;
use std::time::Duration;

use crate::aws::common::{create, route53_client, world};
use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};
use sandbox::{Fault, FaultKind, Quota, RecordSet, Sandbox};

const CHANGE: &str = "ChangeResourceRecordSets";

#[tokio::test]
async fn a_lost_answer_makes_the_sdk_meet_its_own_record() {
    let world = world().await;
    let fault = world.aws.fault(Fault::on(CHANGE).kind(FaultKind::ResetAfter));
    let client = route53_client(&world.aws, &world.parent.user_credentials(), 3);
    let batch = create("testing.example.com", "NS", &["ns1.example.org."]);
    let answer = client
        .change_resource_record_sets()
        .hosted_zone_id(world.zone.id())
        .change_batch(batch)
        .send()
        .await;
    let error = answer.unwrap_err().into_service_error();
    assert!(error.message().unwrap().ends_with("but it already exists]"), "{error:?}");
    assert!(world.zone.record("testing.example.com", "NS").is_some());
    let calls = world.aws.calls();
    assert_eq!(calls.len(), 2);
    assert!(calls[0].succeeded() && !calls[0].outcome.as_ref().unwrap().delivered);
    assert_eq!((calls[0].faults.as_slice(), fault.hits()), (&["ResetAfter".to_owned()][..], 1));
}

#[tokio::test]
async fn a_reset_before_the_work_is_repeated() {
    let world = world().await;
    world.aws.fault(
        Fault::on(CHANGE)
            .account(crate::aws::common::PARENT)
            .zone(&world.zone.id())
            .kind(FaultKind::ResetBefore),
    );
    let client = route53_client(&world.aws, &world.parent.user_credentials(), 2);
    let batch = create("testing.example.com", "NS", &["ns1.example.org."]);
    client
        .change_resource_record_sets()
        .hosted_zone_id(world.zone.id())
        .change_batch(batch)
        .send()
        .await
        .unwrap();
    let calls = world.aws.calls();
    assert_eq!((calls.len(), calls[0].outcome.clone(), world.zone.revision()), (2, None, 1));
}

#[tokio::test]
async fn throttling_and_server_errors_are_repeated_by_the_sdk() {
    let world = world().await;
    let other = FaultKind::Error {
        status: 400,
        code: "PriorRequestNotComplete".to_owned(),
        message: "wait".to_owned(),
    };
    world.aws.fault(Fault::on("GetHostedZone").nth(1).kind(FaultKind::Throttle));
    world.aws.fault(Fault::on("GetHostedZone").nth(2).kind(FaultKind::Status(503)));
    world.aws.fault(Fault::on("GetHostedZone").nth(3).kind(other));
    let client = route53_client(&world.aws, &world.parent.user_credentials(), 5);
    client.get_hosted_zone().id(world.zone.id()).send().await.unwrap();
    let seen: Vec<(Option<u16>, Option<String>)> = world
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
async fn quota_by_account_and_action() {
    let world = world().await;
    world.aws.rate_limit(Some(Quota { per_second: 0.001, burst: 2.0 }));
    let client = route53_client(&world.aws, &world.parent.user_credentials(), 1);
    let get = || client.get_hosted_zone().id(world.zone.id()).send();
    get().await.unwrap();
    get().await.unwrap();
    let error = get().await.unwrap_err().into_service_error();
    assert_eq!((error.code(), error.message()), (Some("Throttling"), Some("Rate exceeded")));
    client.list_hosted_zones().send().await.unwrap();
    world.aws.clock().advance(Duration::from_hours(1));
    get().await.unwrap();
    world.aws.rate_limit(None);
    for _ in 0..5 {
        get().await.unwrap();
    }
}

/// Waits for what another task brings about.
async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
}

#[tokio::test]
async fn a_hang_is_for_the_client_to_end() {
    let world = world().await;
    for kind in [FaultKind::Hang, FaultKind::HangAfter] {
        let (after, name) = (kind == FaultKind::HangAfter, format!("{kind:?}.example.com"));
        let fault = world.aws.fault(Fault::on(CHANGE).kind(kind));
        let client = route53_client(&world.aws, &world.parent.user_credentials(), 1);
        let request = client.change_resource_record_sets().hosted_zone_id(world.zone.id());
        let sent = tokio::spawn(request.change_batch(create(&name, "A", &["192.0.2.1"])).send());
        until(|| fault.hits() == 1).await;
        let outcome = || {
            world.aws.calls().pop().and_then(|call| call.outcome).map(|outcome| outcome.delivered)
        };
        until(|| outcome() == after.then_some(false)).await;
        assert_eq!(world.zone.record(&name, "A").is_some(), after);
        assert!(!sent.is_finished());
        sent.abort();
    }
}

#[tokio::test]
async fn latency_comes_on_top_of_what_else_happens() {
    let world = world().await;
    let latency =
        world.aws.fault(Fault::on("*").always().kind(FaultKind::Latency(Duration::from_millis(1))));
    world.aws.fault(Fault::on("GetHostedZone").kind(FaultKind::Throttle));
    let client = route53_client(&world.aws, &world.parent.user_credentials(), 2);
    client.get_hosted_zone().id(world.zone.id()).send().await.unwrap();
    assert_eq!(latency.hits(), 2);
    assert_eq!(world.aws.calls()[0].faults, ["Latency(1ms)", "Throttle"]);
    world.aws.clear_faults();
    client.get_hosted_zone().id(world.zone.id()).send().await.unwrap();
    assert!(world.aws.calls()[2].faults.is_empty());
}

#[tokio::test]
async fn an_outside_actor_between_reading_and_writing() {
    let world = world().await;
    let (zone, other) =
        (world.zone.clone(), RecordSet::new("testing.example.com", "NS", 60, ["ns9.example.org."]));
    world.aws.before_call(Arc::new(move |call| {
        if call.action == CHANGE {
            zone.put(other.clone());
        }
    }));
    let after = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&after);
    world.aws.after_call(Arc::new(move |call| {
        seen.lock().unwrap().push(call.code().map(str::to_owned));
    }));
    let client = route53_client(&world.aws, &world.parent.user_credentials(), 1);
    let batch = create("testing.example.com", "NS", &["ns1.example.org."]);
    let answer = client
        .change_resource_record_sets()
        .hosted_zone_id(world.zone.id())
        .change_batch(batch)
        .send()
        .await;
    assert!(answer.unwrap_err().into_service_error().is_invalid_change_batch());
    assert_eq!(*after.lock().unwrap(), [Some("InvalidChangeBatch".to_owned())]);
}

#[tokio::test]
async fn gates_decide_the_order_of_calls() {
    let world = world().await;
    let gate = world.aws.gate(CHANGE);
    let send = |server: &'static str| {
        let client = route53_client(&world.aws, &world.parent.user_credentials(), 1);
        let request = client.change_resource_record_sets().hosted_zone_id(world.zone.id());
        tokio::spawn(request.change_batch(create("testing.example.com", "NS", &[server])).send())
    };
    let first = send("ns1.example.org.");
    gate.arrived().await;
    let second = send("ns2.example.org.");
    gate.arrived_count(2).await;
    assert_eq!(world.zone.revision(), 0, "both are held");
    gate.release_one();
    first.await.unwrap().unwrap();
    assert_eq!(
        world.zone.record("testing.example.com", "NS").unwrap().values,
        ["ns1.example.org."]
    );
    gate.release();
    assert!(second.await.unwrap().unwrap_err().into_service_error().is_invalid_change_batch());
    send("ns3.example.org.").await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_gate_may_choose_and_opens_when_dropped() {
    let world = world().await;
    let gate = world.aws.gate_when(Arc::new(|call| call.account == crate::aws::common::CHILD));
    let parent = route53_client(&world.aws, &world.parent.user_credentials(), 1);
    parent.list_hosted_zones().send().await.unwrap();
    let child = route53_client(&world.aws, &world.child.user_credentials(), 1);
    let held = tokio::spawn(child.list_hosted_zones().send());
    gate.arrived().await;
    assert!(!held.is_finished());
    drop(gate);
    held.await.unwrap().unwrap();
}

#[tokio::test]
async fn dropping_the_sandbox_ends_the_server() {
    let aws = Sandbox::start().await.unwrap();
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
