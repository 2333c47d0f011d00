//! Tests of every verdict, in an internet where everything else is in order: no false alarms, and
//! no false negatives.

use std::collections::BTreeSet;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{RData, RecordType};
use tokio::time::Instant;

use super::super::network::{CONNECTIONS, DATAGRAMS};
use super::super::{Expected, Finding, Report, ServerState, Verdict};
use super::internet::*;
use super::script::*;
use delegation_model::name::Name;

fn codes(report: &Report) -> BTreeSet<&str> {
    report.findings().iter().map(Finding::code).collect()
}

fn good() -> Expected {
    delegated_to(SERVERS)
}

fn states(report: &Report) -> Vec<ServerState> {
    report.servers().iter().map(|server| server.state).collect()
}

#[tokio::test(start_paused = true)]
async fn a_delegation_in_order_is_good() {
    let internet = Internet::new();
    let report = internet.after(&good()).await;
    assert_eq!(
        report.to_string(),
        "the 2 name servers answer for testing.example.com, and the 2 servers of example.com refer to them"
    );
    assert_eq!((report.verdict(), report.findings().len()), (Verdict::Good, 0));
    assert_eq!(report.servers()[0].addresses[0].serial, Some(1));
    let names: BTreeSet<String> = internet.asked(NINES).into_iter().map(|(name, _)| name).collect();
    assert!(
        !names.iter().any(|name| CHILD.ends_with(name.as_str()) && name.contains('.')),
        "{names:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_egress_the_verdict_is_unknown() {
    let internet = Internet::new();
    internet.close();
    let begun = Instant::now();
    let report = internet.after(&good()).await;
    assert!(report.no_egress() && report.verdict() == Verdict::Unknown, "{report}");
    assert_eq!(states(&report), [ServerState::Unknown; 2]);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    // Only the resolver is needed to find that a name server does not exist. That says nothing
    // about egress.
    let run = internet.verifier().for_run(1);
    let nowhere = run.verify_child(&delegated_to(&["ns1.nowhere.net"]), Duration::ZERO).await;
    assert!(nowhere.can_be_taken_over() && !nowhere.no_egress(), "{nowhere}");
    let report = run.verify_child(&good(), Duration::ZERO).await;
    assert!(report.no_egress() && report.verdict() == Verdict::Unknown, "{report}");
}

#[tokio::test(start_paused = true)]
async fn silent_servers_are_a_problem_if_the_root_answers() {
    let internet = Internet::new();
    for at in ["205.251.192.1", "205.251.192.2", "205.251.193.1", "205.251.193.2"] {
        internet.kill(at);
    }
    let report = internet.before(&good()).await;
    assert!(!report.no_egress(), "{report}");
    assert_eq!(
        (report.verdict(), states(&report)),
        (Verdict::Bad, vec![ServerState::Silent; 2]),
        "{report}"
    );
    let roots = internet.asked("198.41.0.4").len();
    assert_eq!(roots, 1);
}

/// The resolver drops a query, fails, or limits its rate.
#[tokio::test(start_paused = true)]
async fn a_failing_resolver_makes_the_verdict_unknown() {
    for code in [None, Some(ResponseCode::ServFail), Some(ResponseCode::Refused)] {
        let internet = Internet::new();
        let fails = move |ask: &Ask| {
            code.map_or_else(Vec::new, |code| vec![ask.code(code).to_vec().unwrap()])
        };
        internet.resolve(move |ask| wire("example.net").zone_of(ask.name()).then(|| fails(ask)));
        let report = internet.before(&good()).await;
        assert_eq!(
            (report.verdict(), states(&report)),
            (Verdict::Unknown, vec![ServerState::Unknown; 2]),
            "{report}"
        );
        assert_eq!(codes(&report), BTreeSet::from(["resolver-fails"]));
        // It fails for one of two servers, and the other one serves the zone.
        internet.resolve(move |ask| (*ask.name() == wire("ns2.example.net")).then(|| fails(ask)));
        let report = internet.before(&good()).await;
        assert_eq!(
            (report.verdict(), states(&report)),
            (Verdict::Good, vec![ServerState::Serves, ServerState::Unknown]),
            "{report}"
        );
        assert!(
            report.to_string().contains("; ns2.example.net could not be resolved: "),
            "{report}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn addresses_are_cached_for_the_run() {
    let internet = Internet::new();
    let run = internet.verifier().for_run(1);
    assert!(run.verify_child(&good(), Duration::ZERO).await.is_good());
    internet.resolve(|_| Some(Vec::new()));
    assert!(run.verify_child(&good(), Duration::ZERO).await.is_good());
}

#[tokio::test(start_paused = true)]
async fn synthesized_addresses_are_not_the_server_s() {
    let internet = Internet::new();
    internet.host("ns1.example.net", &["205.251.193.1", "64:ff9b::205.251.193.1"]);
    internet.host("ns2.example.net", &["205.251.193.2", "2600:64::205.251.193.2"]);
    internet.host("ipv4only.arpa", &["2600:64::192.0.0.170", "2600:64::192.0.0.171"]);
    let report = internet.after(&good()).await;
    assert_eq!((report.verdict(), report.findings().len()), (Verdict::Good, 0), "{report}");
    // With only IPv6, they are the way to reach the servers.
    internet.without_ipv4();
    internet.serve("64:ff9b::205.251.193.1", child(SERVERS).script());
    internet.serve("2600:64::205.251.193.2", child(SERVERS).script());
    let report = internet.before(&good()).await;
    assert_eq!((report.verdict(), report.findings().len()), (Verdict::Good, 0), "{report}");
    assert_eq!(report.servers()[0].addresses[0].address.to_string(), "205.251.193.1");
}

/// An attacker who knows the prefix of the network's NAT64 could have a private address in it
/// queried.
#[tokio::test(start_paused = true)]
async fn a_private_address_behind_the_network_s_nat64_is_not_queried() {
    let internet = Internet::new();
    let addresses = ["2600:64::10.0.0.1", "2600:64::169.254.169.254"];
    internet.host("ns1.example.net", &addresses[..1]);
    internet.host("ns2.example.net", &addresses[1..]);
    internet.host("ipv4only.arpa", &["2600:64::192.0.0.170", "2600:64::192.0.0.171"]);
    internet.zone(&addresses, &child(SERVERS));
    let report = internet.after(&good()).await;
    assert_eq!(states(&report), [ServerState::Unresolved; 2], "{report}");
    assert!(report.to_string().contains("can't be reached over the internet"), "{report}");
    // Without such a NAT64 these are addresses like others.
    internet.host("ipv4only.arpa", &[]);
    assert_eq!(states(&internet.after(&good()).await), [ServerState::Serves; 2]);
}

/// Whether an address leads to a private one is unknown if the prefix can't be discovered.
#[tokio::test(start_paused = true)]
async fn an_address_that_may_be_a_translated_one_waits_for_the_prefix() {
    let internet = Internet::new();
    let address = "2600:64::10.0.0.1";
    internet.host("ns1.example.net", &[address]);
    internet.host("ns2.example.net", &["205.251.193.2", "2600:64::205.251.193.2"]);
    internet.host("ipv4only.arpa", &["2600:64::192.0.0.170", "2600:64::192.0.0.171"]);
    internet.zone(&[address, "2600:64::205.251.193.2"], &child(SERVERS));
    internet.resolve(|ask| {
        let fails = *ask.name() == wire("ipv4only.arpa");
        fails.then(|| vec![ask.code(ResponseCode::ServFail).to_vec().unwrap()])
    });
    let run = internet.verifier().for_run(1);
    let report = run.verify_child(&good(), Duration::ZERO).await;
    assert_eq!(states(&report), [ServerState::Unknown, ServerState::Serves], "{report}");
    assert_eq!(codes(&report), BTreeSet::from(["addresses-unknown", "resolver-fails"]), "{report}");
    for not_asked in [address, "2600:64::205.251.193.2"] {
        assert_eq!(internet.asked(not_asked), []);
    }
    // A failure does not count for the rest of the run.
    internet.resolve(|_| None);
    run.next_pass();
    let report = run.verify_child(&good(), Duration::ZERO).await;
    assert_eq!(states(&report), [ServerState::Unresolved, ServerState::Serves], "{report}");
    assert_eq!(internet.asked(address), []);
    // An answer does.
    let asked = || internet.asked(NINES).iter().filter(|(name, _)| name == "ipv4only.arpa").count();
    let before = asked();
    run.next_pass();
    run.verify_child(&good(), Duration::ZERO).await;
    assert_eq!(asked(), before);
}

#[tokio::test(start_paused = true)]
async fn servers_with_only_ipv6_are_unknown_without_ipv6() {
    let internet = Internet::new();
    internet.host("ns1.example.net", &["2600:9000:5300::1"]);
    internet.host("ns2.example.net", &["2600:9000:5300::2"]);
    internet.zone(&["2600:9000:5300::1", "2600:9000:5300::2"], &child(SERVERS));
    assert!(internet.before(&good()).await.is_good());
    // Like in Lambda.
    internet.without_ipv6();
    for report in [internet.before(&good()).await, internet.after(&good()).await] {
        assert_eq!(
            (report.verdict(), states(&report)),
            (Verdict::Unknown, vec![ServerState::Unknown; 2]),
            "{report}"
        );
        assert!(report.lacks_ipv6() && !report.no_egress(), "{report}");
        assert!(report.to_string().contains("there is no IPv6 from here"), "{report}");
    }
    assert_eq!(internet.asked("2001:503:ba3e::2:30"), [], "the test is not needed");
    // Their silence is a problem if other servers respond over IPv6.
    let internet = Internet::new();
    internet.host("ns1.example.net", &["2600:9000:5300::1"]);
    internet.host("ns2.example.net", &["2600:9000:5300::2"]);
    let report = internet.after(&good()).await;
    assert_eq!(
        (report.verdict(), states(&report)),
        (Verdict::Bad, vec![ServerState::Silent; 2]),
        "{report}"
    );
    // If none does, the network may be the cause.
    internet.kill("2001:503:ba3e::2:30");
    internet.kill("2001:503:a83e::2:30");
    let report = internet.after(&good()).await;
    assert!(report.verdict() == Verdict::Unknown && report.lacks_ipv6(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn both_checks_find_a_dead_ipv6_address() {
    let internet = Internet::new();
    internet.host("ns1.example.net", &["205.251.193.1", "2600:9000:5300::1"]);
    for report in [internet.before(&good()).await, internet.after(&good()).await] {
        assert_eq!(report.to_string(), "ns1.example.net (2600:9000:5300::1) does not answer");
    }
}

#[tokio::test(start_paused = true)]
async fn servers_of_the_parent_zone_with_only_ipv6_are_unknown_without_ipv6() {
    let internet = Internet::new();
    internet.host("p1.example.org", &["2600:9000:5301::1"]);
    internet.host("p2.example.org", &["2600:9000:5301::2"]);
    internet.without_ipv6();
    let report = internet.after(&good()).await;
    assert_eq!(report.verdict(), Verdict::Unknown, "{report}");
    assert!(
        report
            .to_string()
            .starts_with("nothing is known about testing.example.com: p1.example.org"),
        "{report}"
    );
}

/// The server is lame over IPv4, but only its IPv6 address is known.
#[tokio::test(start_paused = true)]
async fn a_failed_look_up_of_ipv4_addresses_is_reported() {
    let internet = Internet::new();
    for (host, v4, v6) in [
        ("ns1.example.net", "205.251.193.1", "2600:9000:5300::1"),
        ("ns2.example.net", "205.251.193.2", "2600:9000:5300::2"),
    ] {
        internet.host(host, &[v4, v6]);
        internet.serve(v4, script(|ask| ask.code(ResponseCode::Refused)));
    }
    internet.without_ipv6();
    internet.resolve(|ask| {
        let fails = ask.record_type() == RecordType::A && wire("example.net").zone_of(ask.name());
        fails.then(|| vec![ask.code(ResponseCode::ServFail).to_vec().unwrap()])
    });
    let report = internet.before(&good()).await;
    assert_eq!(report.verdict(), Verdict::Unknown, "{report}");
    assert!(codes(&report).contains("addresses-unknown") && !report.lacks_ipv6(), "{report}");
}

/// RFC 6891, section 7.
#[tokio::test(start_paused = true)]
async fn a_server_without_edns_is_queried_without_it() {
    let refuses = |ask: &Ask| {
        ask.message.edns.is_some().then(|| vec![ask.code(ResponseCode::FormErr).to_vec().unwrap()])
    };
    let internet = Internet::new();
    internet.resolve(refuses);
    let report = internet.after(&good()).await;
    assert_eq!((report.verdict(), report.findings().len()), (Verdict::Good, 0), "{report}");
    assert_eq!(
        internet.verifier().parent_of(&CHILD.parse().unwrap()).await.unwrap().as_str(),
        PARENT
    );
    // Also a name server that responds with only a header.
    internet.serve(
        "205.251.193.1",
        Box::new(move |ask| match ask.message.edns {
            Some(_) => vec![header(ask, ResponseCode::FormErr)],
            None => child(SERVERS).script()(ask),
        }),
    );
    assert!(internet.after(&good()).await.is_good());
}

/// A response without a question section.
fn header(ask: &Ask, code: ResponseCode) -> Vec<u8> {
    let mut answer = ask.code(code);
    answer.queries.clear();
    answer.to_vec().unwrap()
}

#[tokio::test(start_paused = true)]
async fn refused_without_a_question_section_is_accepted() {
    let internet = Internet::new();
    internet.serve("205.251.193.1", Box::new(|ask| vec![header(ask, ResponseCode::Refused)]));
    let begun = Instant::now();
    let report = internet.before(&good()).await;
    assert_eq!(
        report.to_string(),
        "ns1.example.net (205.251.193.1) does not answer for the zone (REFUSED)"
    );
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn many_name_servers_that_agree_are_good() {
    let names: &'static [&'static str] =
        (0..32).map(|at| &*format!("n{at}.example.net").leak()).collect::<Vec<_>>().leak();
    let internet = Internet::new();
    for (at, name) in names.iter().enumerate() {
        let address = format!("205.251.200.{at}");
        internet.host(name, &[&address]);
        internet.zone(&[&address], &child(names));
    }
    internet.zone(&["205.251.192.1", "205.251.192.2"], &parent(names));
    let expected = internet
        .verifier()
        .referral(&PARENT.parse().unwrap(), &CHILD.parse().unwrap())
        .await
        .unwrap();
    let report = internet.after(&expected).await;
    assert_eq!((report.verdict(), report.findings().len()), (Verdict::Good, 0), "{report}");
    assert_eq!(report.servers().len(), 32);
}

#[tokio::test(start_paused = true)]
async fn a_name_server_in_an_unregistered_domain_can_be_taken_over() {
    let internet = Internet::new();
    let report =
        internet.before(&delegated_to(&["ns1.example.net", "ns1.typo-of-a-provider.net"])).await;
    assert!(report.can_be_taken_over());
    assert!(
        report.to_string().contains(
            "ns1.typo-of-a-provider.net does not resolve: the domain typo-of-a-provider.net does not exist; \
             anybody who registers it can answer for the zone"
        ),
        "{report}"
    );
    // A missing name that only the owner of the domain can create can't be taken over.
    let report = internet.before(&delegated_to(&["ns1.example.net", "ns9.example.net"])).await;
    assert!(!report.can_be_taken_over() && report.verdict() == Verdict::Bad, "{report}");
    // A name directly below a top-level domain is the domain itself.
    let report = internet.before(&delegated_to(&["ns1.example.net", "typo.net"])).await;
    assert!(report.can_be_taken_over(), "{report}");
    // The resolver is not asked for names at or above the cut.
    let report = internet.before(&delegated_to(&["ns1.other.example.com"])).await;
    assert!(!report.can_be_taken_over(), "{report}");
    let asked = internet.asked(NINES);
    assert!(
        !asked.iter().any(|(name, kind)| name == PARENT && *kind == RecordType::NS),
        "{asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_resolver_is_not_asked_for_names_on_the_path() {
    let internet = Internet::new();
    let name: Name = "dev.api.testing.example.com".parse().unwrap();
    internet.zone(&["205.251.192.1", "205.251.192.2"], &parent(&[]));
    assert_eq!(internet.verifier().parent_of(&name).await.unwrap().as_str(), PARENT);
    let asked = internet.asked(NINES);
    assert!(!asked.iter().any(|(name, _)| name.ends_with(PARENT)), "{asked:?}");
    // Nor for the parent zone, which may not be delegated yet.
    internet.serve("192.5.6.30", script(|ask| ask.code_with_authority(ResponseCode::NXDomain)));
    internet.serve(
        "2001:503:a83e::2:30",
        script(|ask| ask.code_with_authority(ResponseCode::NXDomain)),
    );
    let report = internet.after(&good()).await;
    assert_eq!(report.to_string(), "example.com does not resolve: the name does not exist");
    let asked = internet.asked(NINES);
    assert!(!asked.iter().any(|(name, _)| name.ends_with(PARENT)), "{asked:?}");
}

const INSIDE: &[&str] = &["ns1.testing.example.com", "ns2.testing.example.com"];
const OWN: [(&str, &str); 2] =
    [("ns1.testing.example.com", "205.251.193.1"), ("ns2.testing.example.com", "205.251.193.2")];

/// Checks name servers in the child zone with these addresses in the parent zone and in the child
/// zone.
async fn glue(
    above: &[(&'static str, &'static str)],
    own: &[(&'static str, &'static str)],
) -> Report {
    let internet = Internet::new();
    let zone = Zone { hosts: own.to_vec(), ..child(INSIDE) };
    internet.zone(&["205.251.193.1", "205.251.193.2"], &zone);
    internet.zone(
        &["205.251.192.1", "205.251.192.2"],
        &Zone { glue: above.to_vec(), ..parent(INSIDE) },
    );
    let report = internet.after(&delegated_to(INSIDE)).await;
    let asked = internet.asked(NINES);
    assert!(!asked.iter().any(|(name, _)| name.ends_with(CHILD)), "{asked:?}");
    report
}

/// RFC 9471.
#[tokio::test(start_paused = true)]
async fn the_addresses_in_a_referral_are_queried_and_compared() {
    let report = glue(&OWN, &OWN).await;
    assert_eq!((report.verdict(), report.findings().len()), (Verdict::Good, 0), "{report}");

    let stale = [OWN[0], ("ns2.testing.example.com", "205.251.193.9")];
    let report = glue(&stale, &OWN).await;
    assert_eq!(
        (report.verdict(), codes(&report)),
        (Verdict::Bad, BTreeSet::from(["glue-stale", "silent"])),
        "{report}"
    );

    let report = glue(&OWN[..1], &OWN).await;
    assert_eq!(
        (report.verdict(), codes(&report)),
        (Verdict::Bad, BTreeSet::from(["glue-missing"])),
        "{report}"
    );
    assert_eq!(states(&report), [ServerState::Serves, ServerState::Unresolved]);

    let report = glue(&[], &OWN).await;
    assert_eq!(
        (report.verdict(), codes(&report)),
        (Verdict::Bad, BTreeSet::from(["glue-missing"])),
        "{report}"
    );
    assert_eq!(states(&report), [ServerState::Unresolved; 2]);

    let dead = [
        ("ns1.testing.example.com", "205.251.193.8"),
        ("ns2.testing.example.com", "205.251.193.9"),
    ];
    let report = glue(&OWN, &dead).await;
    assert_eq!(
        (report.verdict(), codes(&report)),
        (Verdict::Bad, BTreeSet::from(["glue-stale", "silent"])),
        "{report}"
    );

    let report = glue(&OWN, &[]).await;
    assert_eq!(
        (report.verdict(), codes(&report)),
        (Verdict::Bad, BTreeSet::from(["no-own-address"])),
        "{report}"
    );

    let more = [OWN[0], OWN[1], ("ns2.testing.example.com", "205.251.193.1")];
    let report = glue(&OWN, &more).await;
    assert_eq!(
        (report.verdict(), codes(&report)),
        (Verdict::Good, BTreeSet::from(["glue-short"])),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn missing_glue_at_one_server_of_the_parent_zone_is_a_finding() {
    let internet = Internet::new();
    internet
        .zone(&["205.251.193.1", "205.251.193.2"], &Zone { hosts: OWN.to_vec(), ..child(INSIDE) });
    internet.zone(&["205.251.192.1"], &Zone { glue: OWN.to_vec(), ..parent(INSIDE) });
    internet.zone(&["205.251.192.2"], &parent(INSIDE));
    let report = internet.after(&delegated_to(INSIDE)).await;
    assert!(
        report.to_string().contains(
            "ns1.testing.example.com is in the child zone, but these servers of the parent zone give no address for it: \
             p2.example.org"
        ),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn serial_numbers_that_differ_are_a_remark() {
    let internet = Internet::new();
    internet.serve(
        "205.251.193.2",
        script(|ask| {
            let mut answer = child(SERVERS).answer(ask);
            for record in &mut answer.answers {
                if let RData::SOA(soa) = &mut record.data {
                    soa.serial = 7;
                }
            }
            answer
        }),
    );
    let report = internet.before(&good()).await;
    assert_eq!(
        (report.verdict(), codes(&report)),
        (Verdict::Good, BTreeSet::from(["serials-differ"])),
        "{report}"
    );
    assert_eq!(report.servers()[1].addresses[0].serial, Some(7));
}

/// Sixteen names have the same two addresses, whose servers only respond that the answer requires
/// TCP, or REFUSED.
#[tokio::test(start_paused = true)]
async fn one_check_can_not_cause_a_flood() {
    let names: Vec<String> = (0..16).map(|at| format!("n{at}.victim.net")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for truncates in [true, false] {
        let internet = Internet::new();
        for name in &names {
            internet.host(name, &["205.251.199.1", "205.251.199.2"]);
        }
        for at in ["205.251.199.1", "205.251.199.2"] {
            let answer: Script = Box::new(move |ask| match (truncates, ask.tcp) {
                (true, true) => Vec::new(),
                (true, false) => vec![ask.answer().truncate().to_vec().unwrap()],
                (false, _) => vec![ask.code(ResponseCode::Refused).to_vec().unwrap()],
            });
            internet.serve(at, answer);
        }
        let expected = delegated_to(&names);
        internet.verifier().verify_child(&expected, Duration::from_secs(90)).await;
        let (datagrams, connections) = internet.traffic();
        assert!(
            datagrams <= 2 * 16 && connections <= 2 * 2,
            "{datagrams} datagrams, {connections} connections"
        );
        let lookups =
            internet.asked(NINES).iter().filter(|(name, _)| name.ends_with("victim.net")).count();
        assert_eq!(lookups, 2 * 16, "every name is looked up once");
    }
}

/// An internet in which each of 64 addresses of these name servers responds to every query as late
/// and with as little as possible.
fn with_greedy_servers(names: &[&str]) -> Internet {
    let internet = Internet::new();
    for (at, name) in names.iter().enumerate() {
        let own: Vec<String> = (0..4)
            .map(|of| {
                if of < 2 {
                    format!("205.251.{}.{}", 200 + of, at + 1)
                } else {
                    format!("2600:9000:{of}::{}", at + 1)
                }
            })
            .collect();
        for address in &own {
            // The rest is over TCP, with other name servers, so that it is queried again.
            internet.serve(
                address,
                Box::new(|ask| {
                    let answer = child(&["elsewhere.example.net"]).answer(ask);
                    let answer =
                        if ask.tcp || ask.nth % 2 == 0 { answer } else { answer.truncate() };
                    vec![answer.to_vec().unwrap()]
                }),
            );
        }
        internet.host(name, &own.iter().map(String::as_str).collect::<Vec<_>>());
    }
    internet
}

#[tokio::test(start_paused = true)]
async fn the_queries_of_a_check_are_bounded() {
    let names: Vec<String> = (0..16).map(|at| format!("n{at}.victim.net")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let internet = with_greedy_servers(&names);
    let report =
        internet.verifier().verify_child(&delegated_to(&names), Duration::from_hours(1)).await;
    let (datagrams, connections) = internet.traffic();
    assert!(
        datagrams <= DATAGRAMS as usize && connections <= CONNECTIONS as usize,
        "{datagrams}, {connections}"
    );
    assert!(
        datagrams == DATAGRAMS as usize || connections == CONNECTIONS as usize,
        "{datagrams}, {connections}"
    );
    assert!(
        codes(&report).contains("own-name-servers-differ"),
        "earlier findings are kept: {report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_check_in_a_run_has_its_share_of_connections() {
    let names: Vec<String> = (0..16).map(|at| format!("n{at}.victim.net")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let internet = Internet::new();
    for (at, name) in names.iter().enumerate() {
        let addresses = [format!("205.251.200.{at}"), format!("205.251.201.{at}")];
        internet.host(name, &[&addresses[0], &addresses[1]]);
        for address in &addresses {
            let truncates = |ask: &Ask| {
                let answer = child(&[]).answer(ask);
                if ask.tcp { answer } else { answer.truncate() }
            };
            internet.serve(address, script(truncates));
        }
    }
    let run = internet.verifier().for_run(120);
    for check in 1..=2 {
        let report = run.verify_child(&delegated_to(&names), Duration::ZERO).await;
        assert_eq!(internet.traffic().1, 32 * check, "{report}");
        assert!(report.is_incomplete(), "{report}");
    }
}

/// A request makes up to three checks before its change, and one after it.
#[tokio::test(start_paused = true)]
async fn the_checks_of_a_request_share_one_budget_of_queries() {
    let names: Vec<String> = (0..16).map(|at| format!("n{at}.victim.net")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let internet = with_greedy_servers(&names);
    let (request, expected) = (internet.verifier().for_request(), delegated_to(&names));
    let patience = Duration::from_hours(1);
    for _ in 0..3 {
        request.verify_child(&expected, patience).await;
    }
    let report = request.verify_delegation(&parent_zone(), &expected, patience).await;
    let (datagrams, connections) = internet.traffic();
    assert!(
        datagrams <= DATAGRAMS as usize && connections <= CONNECTIONS as usize,
        "{datagrams}, {connections}"
    );
    // Nothing is known, and nothing is called good.
    assert!(!report.is_good() && codes(&report).contains("budget-spent"), "{report}");
    // Another request has a budget of its own.
    let before = internet.traffic();
    internet.verifier().for_request().verify_child(&expected, Duration::ZERO).await;
    assert_ne!(internet.traffic(), before);
}

/// Some resolvers follow the alias, although the name of a name server must not be one.
#[tokio::test(start_paused = true)]
async fn an_alias_of_a_name_in_an_unregistered_domain_can_be_taken_over() {
    let internet = Internet::new();
    let follows = |target: &'static str| {
        move |ask: &Ask| {
            let is_alias = *ask.name() == wire("ns2.example.net");
            is_alias.then(|| {
                let mut answer = ask.code(ResponseCode::NXDomain);
                answer.answers =
                    vec![cname("ns2.example.net", "a.example.org"), cname("a.example.org", target)];
                vec![answer.to_vec().unwrap()]
            })
        }
    };
    internet.resolve(follows("ns.gone.net"));
    let report = internet.before(&good()).await;
    assert!(report.can_be_taken_over(), "{report}");
    internet.resolve(follows("gone.example.org"));
    let report = internet.before(&good()).await;
    assert_eq!((states(&report)[1], report.can_be_taken_over()), (ServerState::Unresolved, false));
    let why = "ns2.example.net is an alias (CNAME) of gone.example.org, which does not exist";
    assert!(report.to_string().contains(why), "{report}");
}

/// Nobody can register the domains in between.
#[tokio::test(start_paused = true)]
async fn a_deep_name_server_costs_one_lookup_of_a_domain() {
    let deep = format!("{}gone.co.uk", "a.".repeat(100));
    let internet = Internet::new();
    internet.host("other.co.uk", &["205.251.193.3"]);
    let report = internet.before(&delegated_to(&["ns1.example.net", &deep])).await;
    assert!(report.can_be_taken_over(), "{report}");
    let of_domains = |internet: &Internet| -> Vec<String> {
        let asked = internet.asked(NINES).into_iter();
        asked.filter(|(_, kind)| *kind == RecordType::NS).map(|(name, _)| name).collect()
    };
    assert_eq!(of_domains(&internet), ["co.uk", "gone.co.uk"]);
}

/// It is no takeover, and not known to be none.
#[tokio::test(start_paused = true)]
async fn a_domain_that_can_not_be_looked_up_may_be_free() {
    let internet = Internet::new();
    internet.resolve(|ask| {
        let fails = ["nowhere.net", "co.uk"].iter().any(|name| *ask.name() == wire(name));
        fails.then(|| vec![ask.code(ResponseCode::ServFail).to_vec().unwrap()])
    });
    // The domain below it is asked for, too.
    let report = internet.before(&delegated_to(&["ns1.example.net", "ns1.gone.co.uk"])).await;
    assert!(report.can_be_taken_over(), "{report}");
    let expected = delegated_to(&["ns1.example.net", "ns1.nowhere.net"]);
    let report = internet.before(&expected).await;
    assert!(!report.can_be_taken_over() && report.is_incomplete(), "{report}");
    assert_eq!(report.verdict(), Verdict::Bad, "{report}");
    assert!(
        report.to_string().contains(
            "ns1.nowhere.net does not resolve: the name does not exist, and it is unknown whether the domain \
             nowhere.net does"
        ),
        "{report}"
    );
}

/// The checks of a run share their lookups.
#[tokio::test(start_paused = true)]
async fn a_check_whose_budget_is_spent_fails_no_lookup_of_another_one() {
    let names: Vec<String> = (0..16).map(|at| format!("n{at}.victim.net")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let internet = Internet::new();
    for (at, name) in names.iter().enumerate() {
        let address = format!("205.251.200.{at}");
        internet.host(name, &[&address]);
        internet.serve(&address, script(|ask| ask.code(ResponseCode::Refused)));
    }
    let run = internet.verifier().for_run(1);
    let spender = run.clone().for_request();
    for _ in 0..20 {
        spender.verify_child(&delegated_to(&names), Duration::from_hours(1)).await;
    }
    let other = delegated_to(&["ns1.unregistered.net"]);
    let report = spender.verify_child(&other, Duration::ZERO).await;
    assert!(codes(&report).contains("budget-spent"), "{report}");
    let report = run.verify_child(&other, Duration::ZERO).await;
    assert!(report.can_be_taken_over(), "{report}");
}

/// Half a minute of patience is six rounds.
#[tokio::test(start_paused = true)]
async fn pauses_between_rounds_grow() {
    let internet = Internet::new();
    internet.serve("205.251.193.1", script(|ask| ask.code(ResponseCode::Refused)));
    let begun = Instant::now();
    internet.verifier().verify_child(&good(), Duration::from_secs(30)).await;
    assert_eq!(internet.asked("205.251.193.1").len(), 7);
    assert!(begun.elapsed() > Duration::from_secs(29), "{:?}", begun.elapsed());
}

/// One of its addresses serves the zone: another one, which somebody may have added, is a finding,
/// and does not make the server one that can be removed.
#[tokio::test(start_paused = true)]
async fn a_server_serves_a_zone_that_one_of_its_addresses_serves() {
    let internet = Internet::new();
    internet.host("ns1.example.net", &["205.251.193.1", "205.251.193.11"]);
    internet.host("ns2.example.net", &["205.251.193.2", "2600:9000::12"]);
    for at in ["205.251.193.11", "2600:9000::12"] {
        internet.serve(at, script(|ask| ask.code(ResponseCode::Refused)));
    }
    let report = internet.before(&delegated_to(SERVERS)).await;
    assert_eq!(report.verdict(), Verdict::Bad);
    assert!(report.findings().iter().any(Finding::fails_to_serve), "{report}");
    for server in report.servers() {
        assert_eq!((server.state, server.may_serve), (ServerState::Serves, true), "{report}");
    }
}

/// The child zone may be one in which others write addresses.
#[tokio::test(start_paused = true)]
async fn an_address_that_only_the_child_zone_has_makes_no_server_lame() {
    let internet = Internet::new();
    let host = "ns1.testing.example.com";
    let hosts = vec![(host, "205.251.193.1"), (host, "205.251.193.11")];
    internet.serve("205.251.193.1", Zone { hosts, ..child(&[host]) }.script());
    internet.serve("205.251.193.11", script(|ask| ask.code(ResponseCode::Refused)));
    let glue = vec![(host.parse().unwrap(), "205.251.193.1".parse().unwrap())];
    let report = internet.before(&Expected { glue, ..delegated_to(&[host]) }).await;
    assert!(report.to_string().contains("205.251.193.11"), "{report}");
    let server = &report.servers()[0];
    assert_eq!((server.state, server.may_serve), (ServerState::Serves, true), "{report}");
}

/// Whether a server is known not to have the zone, by how its addresses answer.
#[tokio::test(start_paused = true)]
async fn a_server_may_serve_unless_each_of_its_addresses_says_that_it_does_not() {
    let refused = || script(|ask| ask.code(ResponseCode::Refused));
    let others = ["205.251.193.1", "205.251.193.11", "205.251.193.12"];
    for (addresses, may_serve) in [(1, false), (2, false), (3, true)] {
        let internet = Internet::new();
        internet.host("ns1.example.net", &others[..addresses]);
        for at in others {
            internet.serve(at, refused());
        }
        let report = internet.before(&delegated_to(SERVERS)).await;
        assert_eq!(report.servers()[0].state, ServerState::Lame, "{report}");
        assert_eq!(report.servers()[0].may_serve, may_serve, "two addresses are queried");
    }
    // Silent, or silent at one of two addresses.
    for addresses in [&others[1..2], &others[..2]] {
        let internet = Internet::new();
        internet.host("ns1.example.net", addresses);
        internet.serve("205.251.193.1", refused());
        let report = internet.before(&delegated_to(SERVERS)).await;
        assert!(report.servers()[0].may_serve, "{report}");
    }
    // It has the zone, and refuses another query.
    let internet = Internet::new();
    let zone = child(SERVERS);
    internet.serve(
        "205.251.193.1",
        script(move |ask| match ask.record_type() {
            RecordType::SOA => zone.answer(ask),
            _ => ask.code(ResponseCode::Refused),
        }),
    );
    let report = internet.before(&delegated_to(SERVERS)).await;
    let server = &report.servers()[0];
    assert_eq!((server.state, server.may_serve), (ServerState::Lame, true), "{report}");
    // Its only address answers, in one of these ways.
    let code = |code: ResponseCode| script(move |ask| ask.code(code));
    let truncated: Script = Box::new(|ask| {
        let mut answer = ask.answer();
        answer.metadata.truncation = true;
        if ask.tcp { Vec::new() } else { vec![answer.to_vec().unwrap()] }
    });
    let garbage: Script = Box::new(|ask| vec![ask.message.metadata.id.to_be_bytes().to_vec()]);
    let alias = script(|ask| {
        let mut answer = ask.answer();
        answer.answers.push(cname(CHILD, "ns1.example.net"));
        answer
    });
    for (answers, may_serve, expected) in [
        (code(ResponseCode::Refused), false, "rcode"),
        (code(ResponseCode::NotAuth), false, "rcode"),
        (code(ResponseCode::NXDomain), false, "rcode"),
        (code(ResponseCode::NoError), false, "not-authoritative"),
        (script(Ask::answer), false, "no-zone"),
        // A secondary server whose zone has expired.
        (code(ResponseCode::ServFail), true, "rcode"),
        (code(ResponseCode::FormErr), true, "rcode"),
        (code(ResponseCode::NotImp), true, "rcode"),
        // Its rate limit, which anybody can reach, truncates what comes over UDP.
        (truncated, true, "no-tcp"),
        (garbage, true, "malformed"),
        // Names below that of the zone may exist.
        (alias, true, "zone-is-alias"),
    ] {
        let internet = Internet::new();
        internet.serve("205.251.193.1", answers);
        let report = internet.before(&delegated_to(SERVERS)).await;
        let server = &report.servers()[0];
        assert_eq!(codes(&report), BTreeSet::from([expected]), "{report}");
        assert_eq!((server.state, server.may_serve), (ServerState::Lame, may_serve), "{report}");
    }
}

/// Whether a server is known not to have the zone, by where its name leads.
#[tokio::test(start_paused = true)]
async fn a_server_may_serve_unless_its_name_leads_nowhere() {
    let internet = Internet::new();
    internet.host("empty.example.net", &[]);
    internet.host("private.example.net", &["10.0.0.1"]);
    internet.host("both.example.net", &["205.251.193.11", "10.0.0.1"]);
    internet.serve("205.251.193.11", script(|ask| ask.code(ResponseCode::Refused)));
    internet.resolve(|ask| {
        let is_alias = *ask.name() == wire("alias.example.net");
        is_alias.then(|| {
            let mut answer = ask.answer();
            answer.answers = vec![cname("alias.example.net", "ns1.example.net")];
            vec![answer.to_vec().unwrap()]
        })
    });
    for (name, state, may_serve) in [
        ("ns1.nowhere.net", ServerState::Unresolved, false),
        ("gone.example.net", ServerState::Unresolved, false),
        ("empty.example.net", ServerState::Unresolved, false),
        // Some resolvers follow it.
        ("alias.example.net", ServerState::Unresolved, true),
        // Resolvers in that network reach it.
        ("private.example.net", ServerState::Unresolved, true),
        ("both.example.net", ServerState::Lame, true),
    ] {
        let report = internet.before(&delegated_to(&[name, SERVERS[0]])).await;
        let server = report.servers().iter().find(|server| server.name.as_str() == name).unwrap();
        assert_eq!((server.state, server.may_serve), (state, may_serve), "{report}");
    }
}

/// The machine has no IPv6, as in Lambda.
#[tokio::test(start_paused = true)]
async fn known_a_server_that_serves_only_over_ipv6_is_lame_from_where_there_is_none() {
    let internet = Internet::new();
    internet.without_ipv6();
    internet.host("ns1.example.net", &["205.251.193.11", "2600:9000::11"]);
    internet.zone(&["2600:9000::11"], &child(SERVERS));
    internet.serve("205.251.193.11", script(|ask| ask.code(ResponseCode::Refused)));
    let report = internet.before(&delegated_to(SERVERS)).await;
    let server = &report.servers()[0];
    assert_eq!((server.state, server.may_serve), (ServerState::Lame, false), "{report}");
}
