//! Tests of [`Verifier::verify_delegation`], after the change is in sync.

use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;

use super::super::{Expected, Finding, ParentZone, Report, Timing};
use super::dnssec::ds_record;
use super::script::*;
use delegation_model::name_servers::NameServers;

/// The fixture with these servers of the parent zone, and a good child zone.
fn fixture(p1: Script, p2: Script) -> Fixture {
    Fixture::start(vec![
        (RESOLVER, resolver(HOSTS)),
        (11, child(SERVERS).script()),
        (12, child(SERVERS).script()),
        (21, p1),
        (22, p2),
    ])
}

async fn check(fixture: &Fixture, expected: &Expected, patience: Duration) -> Report {
    let pause = if patience.is_zero() { Duration::from_millis(1) } else { Duration::ZERO };
    fixture
        .verifier(Timing { pause, ..patient() })
        .verify_delegation(&parent_zone(), expected, patience)
        .await
}

#[tokio::test]
async fn a_delegation_that_resolves_is_good() {
    let fixture = fixture(parent(SERVERS).script(), parent(SERVERS).script());
    let report = check(&fixture, &expected(), PATIENCE).await;
    assert_eq!(
        report.to_string(),
        "the 2 name servers answer for testing.example.com, and the 2 servers of example.com refer to them"
    );
    assert!(report.is_good());
    let below = fixture
        .asked(RESOLVER)
        .into_iter()
        .filter(|(name, _)| name.is_at_or_below(&expected().name))
        .count();
    assert_eq!(below, 0, "the resolver is not asked about the child");
}

#[tokio::test]
async fn servers_of_the_parent_zone_that_are_not_in_sync_are_queried_again() {
    let late = |zone: Zone| {
        script(move |ask| match (ask.record_type(), ask.nth) {
            (RecordType::NS, 0) => parent(&[]).answer(ask),
            (RecordType::NS, 1) => parent(&["old.example.net"]).answer(ask),
            (RecordType::SOA, 2) => ask.code(ResponseCode::ServFail),
            _ => zone.answer(ask),
        })
    };
    let fixture = fixture(late(parent(SERVERS)), parent(SERVERS).script());
    let report = check(&fixture, &expected(), PATIENCE).await;
    assert!(report.is_good(), "{report}");
    assert_eq!(fixture.count(21, RecordType::SOA), 4);
    assert_eq!(
        (fixture.count(22, RecordType::SOA), fixture.count(11, RecordType::SOA)),
        (1, 1),
        "good servers are not queried again"
    );
}

#[tokio::test]
async fn a_wrong_or_missing_delegation_is_a_finding() {
    for (zone, words) in [
        (parent(&[]), "does not delegate the name"),
        (parent(&["ns1.example.net"]), "refers to other name servers: ns1.example.net"),
        (
            parent(&["ns1.example.net", "ns2.example.net", "ns3.example.net"]),
            "refers to other name servers: ns1.example.net, ns2.example.net, ns3.example.net",
        ),
    ] {
        let fixture = fixture(parent(SERVERS).script(), zone.script());
        let report = check(&fixture, &expected(), Duration::ZERO).await;
        assert_eq!(
            report.to_string(),
            format!("p2.example.org (127.0.0.22) of the parent zone {words}")
        );
    }
}

#[tokio::test]
async fn a_lame_server_of_the_parent_zone_is_a_finding() {
    // It refers to the child, but is not authoritative for the parent zone.
    let lame = script(|ask| match ask.record_type() {
        RecordType::SOA => ask.code(ResponseCode::Refused),
        _ => parent(SERVERS).answer(ask),
    });
    let fixture = fixture(parent(SERVERS).script(), lame);
    let report = check(&fixture, &expected(), Duration::ZERO).await;
    assert_eq!(
        report.to_string(),
        "p2.example.org (127.0.0.22) of the parent zone does not answer for the zone (REFUSED)"
    );
}

#[tokio::test]
async fn a_server_of_both_zones_may_answer_for_the_child() {
    let both = |own: &'static [&'static str]| {
        script(move |ask| {
            let of_child = *ask.name() == wire(CHILD) && ask.record_type() != RecordType::DS;
            if of_child { child(own).answer(ask) } else { parent(SERVERS).answer(ask) }
        })
    };
    let report =
        check(&fixture(both(SERVERS), parent(SERVERS).script()), &expected(), PATIENCE).await;
    assert!(report.is_good(), "{report}");
    let report =
        check(&fixture(both(&["ns1.example.net"]), both(SERVERS)), &expected(), Duration::ZERO)
            .await;
    assert_eq!(
        report.to_string(),
        "p1.example.org (127.0.0.21) of the parent zone refers to other name servers: ns1.example.net"
    );
}

#[tokio::test]
async fn a_referral_in_an_unusual_form_is_accepted() {
    // The name servers of the cut in the answer section, without authority.
    let cached = script(|ask| {
        let mut answer = parent(SERVERS).answer(ask);
        if ask.record_type() == RecordType::NS {
            answer.answers = std::mem::take(&mut answer.authorities);
        }
        answer
    });
    // A referral to a zone in between.
    let elsewhere = script(|ask| {
        let mut answer = parent(SERVERS).answer(ask);
        if ask.record_type() == RecordType::NS {
            answer.authorities = SERVERS.iter().map(|server| ns("com", server)).collect();
        }
        answer
    });
    let report = check(&fixture(cached, elsewhere), &expected(), Duration::ZERO).await;
    assert_eq!(
        report.to_string(),
        "p2.example.org (127.0.0.22) of the parent zone does not delegate the name"
    );
    assert_eq!(
        report.remarks().map(Finding::code).collect::<Vec<_>>(),
        ["odd-referral"],
        "resolvers accept that"
    );
}

/// RFC 4035, section 3.1.4.1, applies to servers that support DNSSEC. Other servers send a
/// referral.
#[tokio::test]
async fn a_query_for_ds_may_be_answered_with_the_referral() {
    let refers = || {
        script(|ask| {
            let mut answer = parent(SERVERS).answer(ask);
            if ask.record_type() == RecordType::DS {
                answer.metadata.authoritative = false;
                answer.authorities = SERVERS.iter().map(|server| ns(CHILD, server)).collect();
            }
            answer
        })
    };
    let report = check(&fixture(refers(), refers()), &expected(), Duration::ZERO).await;
    assert!(report.is_good(), "{report}");
    // DS records without authority come from a cache.
    let ds = "12345 13 2 AABB".parse().unwrap();
    let cached = move || {
        let zone = Zone { ds: vec![ds_record(&ds)], ..parent(SERVERS) };
        script(move |ask| {
            let mut answer = zone.answer(ask);
            answer.metadata.authoritative &= ask.record_type() != RecordType::DS;
            answer
        })
    };
    let report =
        check(&fixture(cached(), parent(SERVERS).script()), &expected(), Duration::ZERO).await;
    assert_eq!(
        report.to_string(),
        "p1.example.org (127.0.0.21) of the parent zone does not answer for the zone (not authoritative)"
    );
}

#[tokio::test]
async fn a_silent_server_of_the_parent_zone_is_queried_again() {
    // Silent at first, also over TCP, which is tried after UDP.
    let shy: Script = Box::new(|ask| {
        let silent = ask.record_type() == RecordType::SOA && ask.nth < 4;
        if silent { Vec::new() } else { parent(SERVERS).script()(ask) }
    });
    let fixture = fixture(shy, parent(SERVERS).script());
    let short = Duration::from_millis(20);
    let timing = Timing { datagrams: vec![short], tcp: short, ..patient() };
    let report =
        fixture.verifier(timing).verify_delegation(&parent_zone(), &expected(), PATIENCE).await;
    assert!(report.is_good(), "{report}");
}

#[tokio::test]
async fn a_change_in_a_zone_that_resolvers_do_not_query_is_a_finding() {
    let fixture = fixture(parent(SERVERS).script(), parent(SERVERS).script());
    let check = async |changed: &[&str]| {
        let name_servers = Some(NameServers::parse(changed).unwrap());
        let parent = ParentZone { name_servers, ..parent_zone() };
        fixture.verifier(patient()).verify_delegation(&parent, &expected(), PATIENCE).await
    };
    let report = check(&["q1.example.org", "q2.example.org"]).await;
    assert!(!report.is_good());
    assert_eq!(
        report.to_string(),
        "example.com is publicly served by another zone with that name: resolvers query p1.example.org, p2.example.org, but \
         none of the name servers of the zone that was changed"
    );
    let report = check(&["p1.example.org", "q2.example.org"]).await;
    assert!(report.is_good() && report.remarks().count() == 1);
    assert_eq!(
        report.to_string(),
        "the 2 name servers answer for testing.example.com, and the 2 servers of example.com refer to them; example.com is also \
         served by name servers that don't belong to the zone that was changed: p2.example.org"
    );
    let report = check(&["p1.example.org", "p2.example.org", "p3.example.org"]).await;
    assert!(report.is_good() && report.remarks().next().is_none(), "{report}");
}

#[tokio::test]
async fn a_parent_zone_that_does_not_resolve_is_a_finding() {
    let none = script(|ask| match ask.record_type() {
        RecordType::NS => ask.code(ResponseCode::NXDomain),
        _ => Message::from_vec(&resolver(HOSTS)(ask)[0]).unwrap(),
    });
    let fixture = Fixture::start(vec![
        (RESOLVER, none),
        (11, child(SERVERS).script()),
        (12, child(SERVERS).script()),
    ]);
    let report = check(&fixture, &expected(), Duration::ZERO).await;
    assert_eq!(report.to_string(), "example.com does not resolve: the name does not exist");
}
