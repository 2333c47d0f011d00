//! Tests of the duration of a check, with a clock that jumps from one timeout to the next.

use std::future::pending;
use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::super::finding::ServerState;
use super::super::network::SOCKETS;
use super::super::resolver::Resolver;
use super::super::{Check, Expected, Timing};
use super::script::*;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn a_round_takes_less_than_fifteen_seconds() {
    assert_eq!(Timing::default().longest_round(), Duration::from_millis(14_500));
}

/// Nothing is queried, because all sockets are in use.
#[tokio::test(start_paused = true)]
async fn a_first_round_without_progress_is_cut_off() {
    let fixture = Fixture::start(vec![(RESOLVER, resolver(HOSTS)), (11, child(SERVERS).script())]);
    let expected = expected();
    let check = Check { net: network(Timing::default()), ..fixture.strict(&expected) };
    let sockets = [&check.net.sockets, &check.net.resolver_sockets];
    let all = sockets.map(|sockets| {
        sockets.try_acquire_many(u32::try_from(sockets.available_permits()).unwrap()).unwrap()
    });
    let begun = Instant::now();
    let report = check.run(Some(&parent_zone()), Duration::from_secs(30)).await;
    drop(all);
    assert_eq!(begun.elapsed(), Duration::from_millis(44_500));
    assert_eq!(
        report.to_string(),
        "nothing is known about testing.example.com: ns1.example.net could not be queried in time; ns2.example.net could not be \
         queried in time; example.com could not be queried in time"
    );
    let states: Vec<ServerState> = report.servers().iter().map(|server| server.state).collect();
    assert_eq!((states, report.no_egress()), (vec![ServerState::Unknown; 2], false));
}

#[tokio::test(start_paused = true)]
async fn a_second_round_without_progress_keeps_the_findings_of_the_first() {
    let server = format!("ns.{CHILD}");
    let fixture = Fixture::start(vec![
        (RESOLVER, silent()),
        (11, script(|ask| ask.code(ResponseCode::Refused))),
    ]);
    let glue = vec![(name(&server), IpAddr::from([127, 0, 0, 11]))];
    let expected =
        Expected { name_servers: NameServers::parse(&[&server]).unwrap(), glue, ..expected() };
    let resolver = Resolver { any_address: true, ..Resolver::at(([127, 0, 0, 1], 1).into()) };
    let check = Check { resolver, ..fixture.strict(&expected) };
    // Longer than any jump of the clock in the first round.
    let patience = Duration::from_hours(24);
    let begun = Instant::now();
    // As soon as the first query is sent, all sockets are taken.
    let taken = async {
        while fixture.count(11, RecordType::SOA) == 0 {
            yield_now().await;
        }
        let _all = check.net.sockets.acquire_many(u32::try_from(SOCKETS).unwrap()).await;
        pending::<()>().await;
    };
    let report = tokio::select! {
        report = check.run(None, patience) => report,
        () = taken => unreachable!(),
    };
    assert_eq!(
        report.to_string(),
        format!("{server} (127.0.0.11) does not answer for the zone (REFUSED)")
    );
    assert_eq!(fixture.count(11, RecordType::SOA), 1, "the second round was cut off");
    assert_eq!(begun.elapsed(), patience + check.net.timing.longest_round());
}

/// Without any response, the paused clock jumps from one timeout to the next, which shows their
/// total.
#[tokio::test(start_paused = true)]
async fn without_egress_a_check_ends_within_six_seconds() {
    let fixture =
        Fixture::start(vec![(RESOLVER, silent()), (11, silent()), (12, silent()), (21, silent())]);
    let verifier = fixture.verifier(Timing::default());
    let begun = Instant::now();
    let report = verifier.verify_delegation(&parent_zone(), &expected(), PATIENCE).await;
    assert!(report.no_egress(), "{report}");
    assert!(begun.elapsed() <= Duration::from_secs(6), "{:?}", begun.elapsed());

    // The addresses are known, so the check waits for the servers themselves.
    let names: Vec<String> = (0..16).map(|index| format!("ns{index}.{CHILD}")).collect();
    let addresses = |host| (0..4).map(move |_| IpAddr::from([127, 0, 0, host]));
    let glue = names
        .iter()
        .flat_map(|server| addresses(11).map(|address| (name(server), address)))
        .collect();
    let expected =
        Expected { name_servers: NameServers::parse(&names).unwrap(), glue, ..expected() };
    let begun = Instant::now();
    let report = verifier.verify_child(&expected, PATIENCE).await;
    assert!(report.no_egress(), "{report}");
    assert!(begun.elapsed() <= Duration::from_secs(6), "{:?}", begun.elapsed());
    assert!(begun.elapsed() >= Duration::from_secs(2), "it waited for the servers");
}
