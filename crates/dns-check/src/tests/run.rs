//! What the checks of a run share, and what they ask again.

use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use tokio::time::Instant;

use super::super::{Expected, Pace, Report, ServerState, Verdict, Verifier};
use super::internet::{Internet, NINES, delegated_to};
use super::script::{Ask, CHILD, SERVERS, child, wire};

async fn look(run: &Verifier, expected: &Expected) -> (Report, Duration) {
    let begun = Instant::now();
    (run.verify_child(expected, Duration::ZERO).await, begun.elapsed())
}

/// The same delegation of another name.
fn named(name: &str) -> Expected {
    Expected { name: name.parse().unwrap(), ..delegated_to(SERVERS) }
}

fn states(report: &Report) -> Vec<ServerState> {
    report.servers().iter().map(|server| server.state).collect()
}

#[tokio::test(start_paused = true)]
async fn a_dead_address_is_asked_briefly_and_still_asked() {
    let internet = Internet::new();
    internet.kill("205.251.193.1");
    internet.kill("205.251.193.2");
    let run = internet.verifier().for_run();
    for _ in 0..2 {
        let (report, took) = look(&run, &delegated_to(SERVERS)).await;
        assert_eq!(states(&report), [ServerState::Silent; 2], "{report}");
        // Two datagrams of a second, and a connection; and once the root, over both families.
        assert!(took >= Duration::from_millis(3500), "{took:?}");
    }
    let before = internet.asked("205.251.193.1").len();
    let (report, took) = look(&run, &named("another.example.com")).await;
    assert_eq!(states(&report), [ServerState::Silent; 2], "{report}");
    assert_eq!((took.as_millis() / 100, internet.asked("205.251.193.1").len() - before), (5, 1));
}

/// Some providers drop queries for zones that they do not have.
#[tokio::test(start_paused = true)]
async fn an_address_that_answers_for_one_zone_is_not_dead_for_being_silent_about_others() {
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
        let (report, _) = look(&run, &named(name)).await;
        assert_eq!(states(&report), [ServerState::Silent; 2], "{report}");
    }
    // Dead by now, and asked all the same; from then on in full.
    let (report, _) = look(&run, &delegated_to(SERVERS)).await;
    assert_eq!(report.verdict(), Verdict::Good, "{report}");
    let (_, took) = look(&run, &named("d.example.com")).await;
    assert!(took >= Duration::from_millis(3500), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_looked_up_once_a_look() {
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
        assert_eq!(look(&run, &named(name)).await.0.verdict(), Verdict::Unknown);
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    // Two types, three tries each.
    assert_eq!(asked(), 6);
    run.look_again();
    assert_eq!(look(&run, &named("a.example.com")).await.0.verdict(), Verdict::Unknown);
    assert_eq!(asked(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_free_domain_is_looked_for_once_a_look() {
    let internet = Internet::new();
    let run = internet.verifier().for_run();
    for name in ["a.example.com", "b.example.com"] {
        let gone = Expected {
            name: name.parse().unwrap(),
            ..delegated_to(&["ns1.nowhere.net", "ns2.nowhere.net"])
        };
        assert!(look(&run, &gone).await.0.can_be_taken_over());
    }
    let of_domain = internet.asked(NINES).into_iter().filter(|(_, rtype)| *rtype == RecordType::NS);
    assert_eq!(
        of_domain.filter(|(name, _)| name.trim_end_matches('.') == "nowhere.net").count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_pace_lets_so_many_pass_a_second() {
    let pace = Pace::per_second(512);
    let begun = Instant::now();
    for _ in 0..=1024 {
        pace.wait().await;
    }
    let took = begun.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_millis(2010)).contains(&took), "{took:?}");
    // What was not used is not saved up.
    tokio::time::sleep(Duration::from_mins(1)).await;
    let begun = Instant::now();
    for _ in 0..=512 {
        pace.wait().await;
    }
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

/// The questions to a resolver are within what that of a VPC takes.
#[tokio::test(start_paused = true)]
async fn a_run_asks_a_resolver_no_more_than_it_may() {
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
    let looks = expected.iter().map(|expected| look(&run, expected));
    futures_util::future::join_all(looks).await;
    let asked = internet.asked(NINES).len();
    let most = 512.0 * begun.elapsed().as_secs_f64() + 1.0;
    assert!(asked >= 1200, "{asked}");
    #[expect(clippy::cast_precision_loss, reason = "some thousand")]
    let within = asked as f64 <= most;
    assert!(within, "{asked} questions in {:?}", begun.elapsed());
}
