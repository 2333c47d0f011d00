//! A probe that is wrong on purpose, and an AWS that behaves differently, must be reported.

use std::process::Command;
use std::sync::Arc;

use conformance::context::Environment;
use conformance::local::Local;
use conformance::probe::{Probe, Verdict};
use conformance::run::{self, Results};
use sandbox::{Fault, FaultKind};

use crate::fixture::{accounts, environment, probe};

async fn run_on(
    local: Local,
    probes: &[Probe],
    spoil: impl FnOnce(&Local, &Environment),
) -> (Results, String) {
    let local = Arc::new(local);
    let env = environment(accounts(&local).await, local.clone()).await;
    spoil(&local, &env);
    let mut text = Vec::new();
    let results = run::run(&env, probes, &mut text).await.unwrap();
    (results, String::from_utf8(text).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_that_expects_something_else_is_reported() {
    let broken = Probe { expected: "refused", ..probe("route53/upsert") };
    let (results, text) = run_on(
        Local::start().await.unwrap(),
        &[broken, probe("route53/create-existing")],
        |_, _| {},
    )
    .await;
    let observed = "accepted; accepted; a.upsert.example.com. A 300 192.0.2.2";
    assert_eq!(results.0.first().unwrap().1, Verdict::Differs(observed.into()));
    assert_eq!(results.0.last().unwrap().1, Verdict::Agrees, "the other probes must still run");
    assert!(
        text.contains(&format!(
            "DIFFERS route53/upsert\n          expected: refused\n          observed: {observed}\n"
        )),
        "{text}"
    );
    assert!(
        text.ends_with("2 probes: 1 as expected, 1 differ, 0 failed, 0 do not apply\n"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aws_that_behaves_differently_is_reported() {
    let (results, _) =
        run_on(Local::start().await.unwrap(), &[probe("route53/upsert")], |local, env| {
            let zone = local.sandbox().zone(&env.zone.id).unwrap();
            zone.refuse_when(Arc::new(|_| Some("not today".to_owned())));
        })
        .await;
    let observed = "400 InvalidChangeBatch: [not today]; 400 InvalidChangeBatch: [not today]; ";
    assert_eq!(results.0.first().unwrap().1, Verdict::Differs(observed.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_that_fails_is_a_difference_too() {
    let (results, text) =
        run_on(Local::start().await.unwrap(), &[probe("route53/list-order")], |local, _| {
            let denied =
                FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "no".into() };
            local.sandbox().fault(Fault::on("ListResourceRecordSets").always().kind(denied));
        })
        .await;
    assert_eq!(results.0.first().unwrap().1, Verdict::Failed("403 AccessDenied: no".into()));
    assert_eq!(results.differences().count(), 1);
    assert!(text.contains("FAILED  route53/list-order\n"), "{text}");
}

/// The exit status of the program must tell the result.
#[test]
fn the_exit_status_tells() {
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_conformance")).args(arguments).output().unwrap()
    };
    let fine = run(&["sandbox", "--only", "route53/upsert"]);
    assert_eq!(fine.status.code(), Some(0), "{fine:?}");
    // `moto.rs` tests exit status 1.
    let nowhere = run(&["emulator", "--endpoint-url", "http://127.0.0.1:9"]);
    assert_eq!(nowhere.status.code(), Some(2), "{nowhere:?}");
}
