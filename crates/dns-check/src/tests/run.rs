//! Tests of what the checks of a run share, and of what they query again.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use tokio::time::{Instant, timeout};

use super::super::{Expected, Pace, Report, ServerState, Verdict, Verifier};
use super::internet::{Internet, NINES, delegated_to};
use super::script::{Ask, CHILD, SERVERS, child, wire};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;

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
    let run = internet.verifier().for_run(1);
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
    let run = internet.verifier().for_run(1);
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
    let run = internet.verifier().for_run(1);
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
    let run = internet.verifier().for_run(1);
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

/// A check that is cut off no longer waits for its turns.
#[tokio::test(start_paused = true)]
async fn a_turn_that_nobody_waits_for_is_not_used_up() {
    let pace = Pace::per_second(1);
    pace.wait().await;
    let waits = join_all((0..100).map(|_| pace.wait()));
    assert!(timeout(Duration::from_millis(500), waits).await.is_err());
    let begun = Instant::now();
    pace.wait().await;
    assert!(begun.elapsed() <= Duration::from_secs(1), "{:?}", begun.elapsed());
}

/// The rate of queries to a resolver stays below the limit of a VPC's resolver.
#[tokio::test(start_paused = true)]
async fn a_run_limits_its_queries_to_a_resolver() {
    let internet = Internet::new();
    internet.resolve(|ask| Some(vec![ask.code(ResponseCode::ServFail).to_vec().unwrap()]));
    let run = internet.verifier().for_run(200);
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
    join_all(checks).await;
    let asked = internet.asked(NINES).len();
    let most = 512.0 * begun.elapsed().as_secs_f64() + 1.0;
    assert!(asked >= 1200, "{asked}");
    #[expect(clippy::cast_precision_loss, reason = "the number is a few thousand")]
    let within = asked as f64 <= most;
    assert!(within, "{asked} queries in {:?}", begun.elapsed());
}

/// Makes these checks at the same time, and returns the last report.
async fn last_report(run: &Verifier, expected: &[Expected]) -> Report {
    let checks = expected.iter().map(|expected| run.verify_child(expected, Duration::ZERO));
    join_all(checks).await.pop().unwrap()
}

/// One tenant has many delegations to many name servers, which all have to be looked up. Each also
/// names the server of another tenant, so that the lookup of that one may wait for the others.
#[tokio::test(start_paused = true)]
async fn lookups_for_other_delegations_do_not_make_a_check_late() {
    let internet = Internet::new();
    let victim = "ns1.victim.net";
    let mut expected: Vec<Expected> = (0..159)
        .map(|number| {
            let names = (0..31).map(|server| format!("n{server}.junk{number}.org"));
            let names: Vec<String> = names.chain([victim.to_owned()]).collect();
            let name_servers = NameServers::from_values(&names).unwrap();
            Expected { name_servers, ..named(&format!("a{number}.example.com")) }
        })
        .collect();
    expected.push(delegated_to(&[victim]));
    let begun = Instant::now();
    let report = last_report(&internet.verifier().for_run(160), &expected).await;
    assert!(report.can_be_taken_over(), "{report}");
    // The others were late.
    assert!(begun.elapsed() >= Duration::from_secs(14), "{:?}", begun.elapsed());
}

/// Makes these delegations of one tenant, each to 32 name servers that never respond, and to
/// others.
fn silent(delegations: u8, others: &[&str]) -> Vec<Expected> {
    (0..delegations)
        .map(|number| {
            let cut = format!("a{number}.example.com");
            let glue: Vec<(Name, IpAddr)> = (0..31u8)
                .map(|server| {
                    let name: Name = format!("n{server}.{cut}").parse().unwrap();
                    (name, IpAddr::from([5, 0, number, server]))
                })
                .collect();
            let names: Vec<&str> = glue.iter().map(|(name, _)| name.as_str()).collect();
            let name_servers = NameServers::from_values(&[&names, others].concat()).unwrap();
            Expected { name_servers, glue, ..named(&cut) }
        })
        .collect()
}

/// One tenant has many delegations to many name servers that never respond.
#[tokio::test(start_paused = true)]
async fn silent_servers_of_other_delegations_do_not_make_a_check_late() {
    let internet = Internet::new();
    let mut expected = silent(119, &[]);
    expected.push(delegated_to(SERVERS));
    let report = last_report(&internet.verifier().for_run(120), &expected).await;
    assert!(report.is_good() && !report.is_incomplete(), "{report}");
}

/// They also name the server of another tenant, so that its lookup waits for one of theirs.
#[tokio::test(start_paused = true)]
async fn a_lookup_does_not_wait_for_silent_servers_of_other_delegations() {
    let internet = Internet::new();
    let victim = "ns1.victim.net";
    for servers in [vec![victim], [&[victim], SERVERS].concat()] {
        let mut expected = silent(119, &[victim]);
        expected.push(delegated_to(&servers));
        let report = last_report(&internet.verifier().for_run(120), &expected).await;
        assert!(report.can_be_taken_over() && !report.is_incomplete(), "{report}");
    }
}
