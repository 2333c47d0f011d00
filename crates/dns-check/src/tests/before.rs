//! Tests of [`Verifier::verify_child`], before the parent zone is changed.

use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Record, RecordType};

use super::super::finding::Unresolved;
use super::super::finding::{FindingKind, ServerState};
use super::super::{Expected, Report, Timing, Verifier};
use super::script::*;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;

fn states(report: &Report) -> Vec<ServerState> {
    report.servers().iter().map(|server| server.state).collect()
}

fn kinds(report: &Report) -> Vec<FindingKind> {
    report.findings().iter().map(|finding| finding.kind.clone()).collect()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[tokio::test]
async fn servers_with_the_zone_are_good() {
    let fixture = Fixture::start(vec![
        (RESOLVER, resolver(HOSTS)),
        (11, child(SERVERS).script()),
        (12, child(&["NS2.example.NET", "ns1.example.net"]).script()),
    ]);
    let report = fixture.verifier(patient()).verify_child(&expected(), PATIENCE).await;
    assert_eq!(report.to_string(), "the 2 name servers answer for testing.example.com");
    assert!(report.is_good() && !report.no_egress());
    assert_eq!(states(&report), [ServerState::Serves; 2]);
    assert_eq!(fixture.count(11, RecordType::SOA), 1, "a good server is queried once");
}

/// A child zone with one name server below its name, which has these addresses.
fn with_host(addresses: &[&'static str]) -> Script {
    let hosts = addresses.iter().map(|address| ("ns.testing.example.com", *address)).collect();
    Zone { hosts, ..child(&["ns.testing.example.com"]) }.script()
}

#[tokio::test]
async fn the_resolver_is_not_asked_for_the_name_or_below_it() {
    let fixture =
        Fixture::start(vec![(RESOLVER, resolver(HOSTS)), (11, with_host(&["127.0.0.11"]))]);
    let servers = NameServers::parse(&["ns.testing.example.com"]).unwrap();
    let glue = vec![(name("ns.testing.example.com"), IpAddr::from([127, 0, 0, 11]))];
    let expected = Expected { name_servers: servers, glue, ..expected() };
    let report = fixture.verifier(patient()).verify_child(&expected, PATIENCE).await;
    assert_eq!(report.to_string(), "the name server answers for testing.example.com");
    assert_eq!(fixture.asked(RESOLVER), []);

    let without = Expected { glue: Vec::new(), ..expected };
    let report = fixture.verifier(patient()).verify_child(&without, PATIENCE).await;
    assert_eq!(
        report.to_string(),
        "ns.testing.example.com is in the child zone, but the parent zone has no address for it (glue)"
    );
    assert_eq!((states(&report), report.no_egress()), (vec![ServerState::Unresolved], false));
    assert_eq!(fixture.asked(RESOLVER), []);
}

#[tokio::test]
async fn two_addresses_of_glue_are_queried() {
    let server = "ns.testing.example.com";
    let own = || with_host(&["127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14"]);
    let fixture = Fixture::start(vec![
        (RESOLVER, resolver(HOSTS)),
        (11, own()),
        (12, own()),
        (13, own()),
        (14, own()),
    ]);
    let glue = (11..=14).map(|host| (name(server), IpAddr::from([127, 0, 0, host]))).collect();
    let expected =
        Expected { name_servers: NameServers::parse(&[server]).unwrap(), glue, ..expected() };
    let report = fixture.verifier(patient()).verify_child(&expected, PATIENCE).await;
    assert!(report.is_good(), "{report}");
    let asked = [11, 12, 13, 14].map(|host| fixture.count(host, RecordType::SOA));
    assert_eq!(asked, [1, 1, 0, 0], "the same limit per family as for addresses from a resolver");
}

/// RFC 2181, section 10.3.
#[tokio::test]
async fn a_name_server_must_not_be_an_alias() {
    let alias = script(|ask| {
        let mut answer = Message::from_vec(&resolver(HOSTS)(ask)[0]).unwrap();
        if *ask.name() == wire("ns2.example.net") {
            let target = answer
                .answers
                .first()
                .map(|found| Record::from_rdata(wire("host.example.net"), 60, found.data.clone()));
            answer.answers =
                [cname("ns2.example.net", "host.example.net")].into_iter().chain(target).collect();
        }
        answer
    });
    let fixture = Fixture::start(vec![
        (RESOLVER, alias),
        (11, child(SERVERS).script()),
        (12, child(SERVERS).script()),
    ]);
    let report = fixture.verifier(patient()).verify_child(&expected(), PATIENCE).await;
    assert_eq!(
        report.to_string(),
        "ns2.example.net is an alias (CNAME), which the name of a name server must not be"
    );
    assert_eq!(states(&report), [ServerState::Serves, ServerState::Unresolved]);
    assert_eq!(fixture.asked(12), []);
}

#[tokio::test]
async fn findings_that_a_new_zone_explains_are_checked_again() {
    // Each query of a type has another response that is typical of a new zone, until the zone is
    // there.
    let fresh = |zone: Zone| {
        script(move |ask| match (ask.record_type(), ask.nth) {
            (RecordType::SOA, 0) => ask.code(ResponseCode::Refused),
            (RecordType::SOA, 1) => ask.code(ResponseCode::ServFail),
            (RecordType::SOA, 2) => ask.code(ResponseCode::NXDomain),
            (RecordType::SOA, 3) => ask.code(ResponseCode::NoError),
            (RecordType::SOA, 4) => ask.answer(),
            (RecordType::NS, 0) => child(&["old.example.net"]).answer(ask),
            _ => zone.answer(ask),
        })
    };
    let fixture = Fixture::start(vec![
        (RESOLVER, resolver(HOSTS)),
        (11, fresh(child(SERVERS))),
        (12, child(SERVERS).script()),
    ]);
    let report = fixture.verifier(patient()).verify_child(&expected(), PATIENCE).await;
    assert!(report.is_good(), "{report}");
    assert_eq!(fixture.count(11, RecordType::SOA), 7);
    assert_eq!(fixture.count(12, RecordType::SOA), 1, "a good server is not queried again");
}

#[tokio::test]
async fn a_name_server_may_get_its_address_later() {
    let late = resolver(HOSTS);
    let late: Script = Box::new(move |ask| {
        let early = ask.nth < 2 && *ask.name() == wire("ns2.example.net");
        if early { vec![ask.code(ResponseCode::NXDomain).to_vec().unwrap()] } else { late(ask) }
    });
    let fixture = Fixture::start(vec![
        (RESOLVER, late),
        (11, child(SERVERS).script()),
        (12, child(SERVERS).script()),
    ]);
    let report = fixture.verifier(patient()).verify_child(&expected(), PATIENCE).await;
    assert!(report.is_good(), "{report}");
}

#[tokio::test]
async fn without_patience_each_server_is_queried_once() {
    let fixture = Fixture::start(vec![
        (RESOLVER, resolver(HOSTS)),
        (11, script(|ask| ask.code(ResponseCode::Refused))),
        (12, child(SERVERS).script()),
    ]);
    let timing = Timing { pause: Duration::from_millis(1), ..patient() };
    let report = fixture.verifier(timing).verify_child(&expected(), Duration::ZERO).await;
    assert_eq!(
        report.to_string(),
        "ns1.example.net (127.0.0.11) does not answer for the zone (REFUSED)"
    );
    assert_eq!(states(&report), [ServerState::Lame, ServerState::Serves]);
    assert_eq!(fixture.count(11, RecordType::SOA), 1);
}

#[tokio::test]
async fn every_kind_of_lame_server_is_a_finding() {
    let lame = |answer: Script| async move {
        let fixture = Fixture::start(vec![
            (RESOLVER, resolver(HOSTS)),
            (11, answer),
            (12, child(SERVERS).script()),
        ]);
        let timing = Timing { pause: Duration::from_millis(1), ..patient() };
        let report = fixture.verifier(timing).verify_child(&expected(), Duration::ZERO).await;
        assert_eq!(states(&report), [ServerState::Lame, ServerState::Serves], "{report}");
        assert!(!report.no_egress());
        kinds(&report)
    };
    for (code, text) in [
        (ResponseCode::FormErr, "FORMERR"),
        (ResponseCode::ServFail, "SERVFAIL"),
        (ResponseCode::NXDomain, "NXDOMAIN"),
        (ResponseCode::NotImp, "NOTIMP"),
        (ResponseCode::NotAuth, "NOTAUTH"),
        (ResponseCode::YXDomain, "RCODE 6"),
    ] {
        assert_eq!(
            lame(script(move |ask| ask.code(code))).await,
            [FindingKind::Code(text.to_owned())]
        );
    }
    // A resolver, or a server that refers to itself.
    let referral = script(|ask| {
        let mut answer = child(SERVERS).answer(ask);
        answer.metadata.authoritative = false;
        answer
    });
    assert_eq!(lame(referral).await, [FindingKind::NotAuthoritative]);
    // It only has the parent zone, with some record at the child's name.
    assert_eq!(lame(script(Ask::answer)).await, [FindingKind::NoZone]);
    let alias = script(|ask| {
        let mut answer = ask.answer();
        answer.answers = vec![cname(CHILD, "elsewhere.example.net")];
        answer
    });
    assert_eq!(lame(alias).await, [FindingKind::Alias]);
}

#[tokio::test]
async fn the_zone_s_own_ns_record_set_must_match() {
    let fixture = Fixture::start(vec![
        (RESOLVER, resolver(HOSTS)),
        (11, child(&["ns1.example.net", "ns2.example.net", "ns3.example.net"]).script()),
        (12, child(&["ns1.example.net"]).script()),
    ]);
    let timing = Timing { pause: Duration::from_millis(1), ..patient() };
    let report = fixture.verifier(timing).verify_child(&expected(), Duration::ZERO).await;
    assert_eq!(
        report.to_string(),
        "ns1.example.net (127.0.0.11) has other name servers in the zone's own NS record set: ns1.example.net, ns2.example.net, \
         ns3.example.net; ns2.example.net (127.0.0.12) has other name servers in the zone's own NS record set: ns1.example.net"
    );
    assert_eq!(states(&report), [ServerState::Serves; 2]);
}

#[tokio::test]
async fn a_silent_server_is_distinguished_from_no_egress() {
    // Nothing listens at 127.0.0.12.
    let fixture = Fixture::start(vec![(RESOLVER, resolver(HOSTS)), (11, child(SERVERS).script())]);
    let report = fixture.verifier(patient()).verify_child(&expected(), PATIENCE).await;
    assert_eq!(report.to_string(), "ns2.example.net (127.0.0.12) does not answer");
    assert_eq!(
        (states(&report), report.no_egress()),
        (vec![ServerState::Serves, ServerState::Silent], false)
    );

    // A name that does not exist is a response of the resolver, not silence.
    let fixture = Fixture::start(vec![(RESOLVER, resolver(&[]))]);
    let timing = Timing { pause: Duration::from_millis(1), ..patient() };
    let report = fixture.verifier(timing).verify_child(&expected(), Duration::ZERO).await;
    assert_eq!((states(&report), report.no_egress()), (vec![ServerState::Unresolved; 2], false));
    let free = FindingKind::Unresolved(Unresolved::FreeDomain(name("example.net")));
    assert_eq!(kinds(&report), vec![free; 2]);

    // Only the resolver responds, as in a VPC without egress.
    let fixture = Fixture::start(vec![(RESOLVER, resolver(HOSTS))]);
    let report = fixture.verifier(patient()).verify_child(&expected(), PATIENCE).await;
    assert!(report.no_egress() && !report.is_good());
    assert!(
        report
            .to_string()
            .starts_with("nothing is known about testing.example.com: no name server answers"),
        "{report}"
    );
    assert_eq!(states(&report), [ServerState::Unknown; 2]);
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again_and_then_tcp_is_tried() {
    let lossy: Script =
        Box::new(|ask| if ask.nth == 0 { Vec::new() } else { child(SERVERS).script()(ask) });
    let only_tcp: Script =
        Box::new(|ask| if ask.tcp { child(SERVERS).script()(ask) } else { Vec::new() });
    let fixture = Fixture::start(vec![(RESOLVER, resolver(HOSTS)), (11, lossy), (12, only_tcp)]);
    let short = Duration::from_millis(20);
    // The timeouts that expire are short, and those for a response are long.
    let timing = Timing { datagrams: vec![short, short, short], ..patient() };
    let report = fixture.verifier(timing).verify_child(&expected(), PATIENCE).await;
    assert!(report.is_good(), "{report}");
}

#[tokio::test]
async fn a_truncated_answer_is_fetched_over_tcp() {
    let long = |tcp_too: bool| {
        let answer: Script = Box::new(move |ask| {
            let mut answer = child(SERVERS).answer(ask);
            if !ask.tcp {
                answer = answer.truncate();
            } else if !tcp_too {
                return Vec::new();
            }
            vec![answer.to_vec().unwrap()]
        });
        answer
    };
    let fixture =
        Fixture::start(vec![(RESOLVER, resolver(HOSTS)), (11, long(true)), (12, long(true))]);
    let report = fixture.verifier(patient()).verify_child(&expected(), PATIENCE).await;
    assert!(report.is_good(), "{report}");

    let fixture =
        Fixture::start(vec![(RESOLVER, resolver(HOSTS)), (11, long(false)), (12, long(false))]);
    let timing = Timing { tcp: Duration::from_millis(20), ..patient() };
    let report = fixture.verifier(timing).verify_child(&expected(), PATIENCE).await;
    assert_eq!(kinds(&report), [FindingKind::NoTcp, FindingKind::NoTcp]);
    assert_eq!((states(&report), report.no_egress()), (vec![ServerState::Lame; 2], false));
}

#[tokio::test]
async fn addresses_without_a_route_are_not_a_problem() {
    const BOTH: &[(&str, &str)] = &[
        ("ns1.example.net", "127.0.0.11"),
        ("ns1.example.net", "2001:db8::11"),
        ("ns2.example.net", "fe80::12"),
    ];
    const BROADCAST: &[(&str, &str)] =
        &[("ns1.example.net", "127.0.0.11"), ("ns2.example.net", "255.255.255.255")];
    let fixture = Fixture::start(vec![(RESOLVER, resolver(BOTH)), (11, child(SERVERS).script())]);
    // A link-local address without an interface never has a route. If the other address has one,
    // nothing responds there (RFC 3849).
    let timing = Timing {
        datagrams: vec![Duration::from_secs(1)],
        tcp: Duration::from_secs(1),
        ..patient()
    };
    let report = fixture.verifier(timing).verify_child(&expected(), PATIENCE).await;
    assert!(report.is_good(), "{report}");
    assert_eq!(
        report.to_string(),
        "1 of the 2 name servers can be reached from here and answer for testing.example.com"
    );
    assert_eq!(states(&report), [ServerState::Serves, ServerState::Unknown]);

    // There are responses over IPv4, so an address to which nothing can be sent is the server's
    // fault.
    let fixture =
        Fixture::start(vec![(RESOLVER, resolver(BROADCAST)), (11, child(SERVERS).script())]);
    let report = fixture.verifier(patient()).verify_child(&expected(), PATIENCE).await;
    assert_eq!(report.to_string(), "ns2.example.net (255.255.255.255) does not answer");
}

#[tokio::test]
async fn every_queried_address_of_a_name_server_must_be_good() {
    const TWO: &[(&str, &str)] = &[
        ("ns1.example.net", "127.0.0.11"),
        ("ns1.example.net", "127.0.0.12"),
        ("ns2.example.net", "127.0.0.11"),
    ];
    let refused = script(|ask| ask.code(ResponseCode::Refused));
    let fixture = Fixture::start(vec![
        (RESOLVER, resolver(TWO)),
        (11, child(SERVERS).script()),
        (12, refused),
    ]);
    let timing = Timing { pause: Duration::from_millis(1), ..patient() };
    let report = fixture.verifier(timing).verify_child(&expected(), Duration::ZERO).await;
    assert_eq!(
        report.to_string(),
        "ns1.example.net (127.0.0.12) does not answer for the zone (REFUSED)"
    );
    assert_eq!(states(&report), [ServerState::Serves; 2]);
}

#[tokio::test]
async fn an_unreachable_resolver_is_reported_quickly() {
    // Nothing listens there.
    let verifier = Verifier::new(Some("127.0.0.1:1".parse().unwrap())).with_timing(patient());
    let report = verifier.verify_child(&expected(), PATIENCE).await;
    assert!(report.no_egress());
    assert_eq!(kinds(&report), vec![FindingKind::Unresolved(Unresolved::Silent); 2]);
}
