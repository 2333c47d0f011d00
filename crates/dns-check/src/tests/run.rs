//! Tests of what the checks of a run share, and of what they query again.

use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use tokio::time::Instant;

use super::super::{Expected, Pace, Report, ServerState, Verdict, Verifier};
use super::internet::{Internet, NINES, delegated_to};
use super::script::{Ask, CHILD, SERVERS, child, wire};

async fn timed_check(run: &Verifier, expected: &Expected) -> (Report, Duration) {
    let begun = Instant::now();
    (run.verify_child(expected, Duration::ZERO).await, begun.elapsed())
}

/// The same delegation with another name.
fn named(name: &str) -> Expected {
    Expected { name: name.parse().unwrap(), ..delegated_to(SERVERS) }
}

fn states(report: &Report) -> Vec<ServerState> {
    report.servers().iter().map(|server| server.state).collect()
}

#[tokio::test(start_paused = true)]
async fn a_dead_address_is_still_queried_but_with_a_shorter_timeout() {
    let internet = Internet::new();
    internet.kill("205.251.193.1");
    internet.kill("205.251.193.2");
    let run = internet.verifier().for_run();
    for _ in 0..2 {
        let (report, took) = timed_check(&run, &delegated_to(SERVERS)).await;
        assert_eq!(states(&report), [ServerState::Silent; 2], "{report}");
        // Two datagrams with a timeout of one second and a connection, plus the root servers once,
        // over both families.
        assert!(took >= Duration::from_millis(3500), "{took:?}");
    }
    let before = internet.asked("205.251.193.1").len();
    let (report, took) = timed_check(&run, &named("another.example.com")).await;
    assert_eq!(states(&report), [ServerState::Silent; 2], "{report}");
    assert_eq!((took.as_millis() / 100, internet.asked("205.251.193.1").len() - before), (5, 1));
}

/// Some providers drop queries for zones that they do not have.
#[tokio::test(start_paused = true)]
async fn an_address_that_answers_for_one_zone_is_not_dead() {
    let internet = Internet::new();
    for at in ["205.251.193.1", "205.251.193.2"] {
        let zone = child(SERVERS);
        let of_child = move |ask: &Ask| {
            let answers =
                wire(CHILD).zone_of(ask.name()).then(|| zone.answer(ask).to_vec().unwrap());
            answers.into_iter().collect()
        };
        internet.serve(at, Box::new(of_child));
    }
    let run = internet.verifier().for_run();
    for name in ["a.example.com", "b.example.com", "c.example.com"] {
        let (report, _) = timed_check(&run, &named(name)).await;
        assert_eq!(states(&report), [ServerState::Silent; 2], "{report}");
    }
    // The address counts as dead, but is still queried. After its response it has the full timeouts
    // again.
    let (report, _) = timed_check(&run, &delegated_to(SERVERS)).await;
    assert_eq!(report.verdict(), Verdict::Good, "{report}");
    let (_, took) = timed_check(&run, &named("d.example.com")).await;
    assert!(took >= Duration::from_millis(3500), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_look_up_is_repeated_once_per_pass() {
    let internet = Internet::new();
    internet.resolve(|ask| {
        let fails = wire("example.net").zone_of(ask.name());
        fails.then(|| vec![ask.code(ResponseCode::ServFail).to_vec().unwrap()])
    });
    let run = internet.verifier().for_run();
    let asked = || {
        internet.asked(NINES).iter().filter(|(name, _)| name.contains("ns1.example.net")).count()
    };
    for name in ["a.example.com", "b.example.com"] {
        assert_eq!(timed_check(&run, &named(name)).await.0.verdict(), Verdict::Unknown);
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    // Two types, three attempts each.
    assert_eq!(asked(), 6);
    run.next_pass();
    assert_eq!(timed_check(&run, &named("a.example.com")).await.0.verdict(), Verdict::Unknown);
    assert_eq!(asked(), 12);
}

#[tokio::test(start_paused = true)]
async fn an_unregistered_domain_is_looked_up_once_per_pass() {
    let internet = Internet::new();
    let run = internet.verifier().for_run();
    for name in ["a.example.com", "b.example.com"] {
        let gone = Expected {
            name: name.parse().unwrap(),
            ..delegated_to(&["ns1.nowhere.net", "ns2.nowhere.net"])
        };
        assert!(timed_check(&run, &gone).await.0.can_be_taken_over());
    }
    let of_domain = internet.asked(NINES).into_iter().filter(|(_, rtype)| *rtype == RecordType::NS);
    assert_eq!(
        of_domain.filter(|(name, _)| name.trim_end_matches('.') == "nowhere.net").count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_pace_limits_the_rate_per_second() {
    let pace = Pace::per_second(512);
    let begun = Instant::now();
    for _ in 0..=1024 {
        pace.wait().await;
    }
    let took = begun.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_millis(2010)).contains(&took), "{took:?}");
    // Unused turns are not saved up.
    tokio::time::sleep(Duration::from_mins(1)).await;
    let begun = Instant::now();
    for _ in 0..=512 {
        pace.wait().await;
    }
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

/// The rate of queries to a resolver stays below the limit of a VPC's resolver.
#[tokio::test(start_paused = true)]
async fn a_run_limits_its_queries_to_a_resolver() {
    let internet = Internet::new();
    internet.resolve(|ask| Some(vec![ask.code(ResponseCode::ServFail).to_vec().unwrap()]));
    let run = internet.verifier().for_run();
    let begun = Instant::now();
    let expected: Vec<Expected> = (0..200)
        .map(|number| {
            let server = format!("ns{number}.example.net");
            Expected {
                name: format!("a{number}.example.com").parse().unwrap(),
                ..delegated_to(&[&server])
            }
        })
        .collect();
    let checks = expected.iter().map(|expected| timed_check(&run, expected));
    futures_util::future::join_all(checks).await;
    let asked = internet.asked(NINES).len();
    let most = 512.0 * begun.elapsed().as_secs_f64() + 1.0;
    assert!(asked >= 1200, "{asked}");
    #[expect(clippy::cast_precision_loss, reason = "the number is a few thousand")]
    let within = asked as f64 <= most;
    assert!(within, "{asked} queries in {:?}", begun.elapsed());
}
