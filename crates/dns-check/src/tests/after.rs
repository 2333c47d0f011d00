//! [`Verifier::verify_delegation`]: after the change is in sync.

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
async fn a_delegation_that_resolves() {
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
    assert_eq!(below, 0, "no resolver hears of the child");
}

#[tokio::test]
async fn servers_of_the_parent_zone_that_are_not_in_sync_yet() {
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
        "good ones are left alone"
    );
}

#[tokio::test]
async fn what_the_parent_zone_may_have_wrong() {
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
async fn a_server_of_the_parent_zone_that_does_not_have_it() {
    // It refers to the child, but has no authority to.
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
async fn a_server_of_both_zones_answers_for_the_child() {
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
async fn a_referral_in_an_unusual_form_is_one() {
    // Name servers of the cut in the answer section, without authority.
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
        "resolvers take that"
    );
}

/// RFC 4035, section 3.1.4.1, is of servers that know of DNSSEC; another one refers everybody to
/// the child.
#[tokio::test]
async fn a_question_for_ds_may_be_answered_with_the_referral() {
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
    // DS records without authority are from some cache.
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
async fn a_silent_server_of_the_parent_zone_is_asked_again() {
    // Refused at first; over TCP too, which comes after the silence of UDP.
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
async fn the_world_asks_another_zone_than_the_one_that_was_written() {
    let fixture = fixture(parent(SERVERS).script(), parent(SERVERS).script());
    let check = async |written: &[&str]| {
        let name_servers = Some(NameServers::parse(written).unwrap());
        let parent = ParentZone { name_servers, ..parent_zone() };
        fixture.verifier(patient()).verify_delegation(&parent, &expected(), PATIENCE).await
    };
    let report = check(&["q1.example.org", "q2.example.org"]).await;
    assert!(!report.is_good());
    assert_eq!(
        report.to_string(),
        "example.com is served to the world by another zone of that name: resolvers ask p1.example.org, p2.example.org, and \
         none of the name servers of the zone that was written"
    );
    let report = check(&["p1.example.org", "q2.example.org"]).await;
    assert!(report.is_good() && report.remarks().count() == 1);
    assert_eq!(
        report.to_string(),
        "the 2 name servers answer for testing.example.com, and the 2 servers of example.com refer to them; example.com is also \
         served by name servers that are not those of the zone that was written: p2.example.org"
    );
    let report = check(&["p1.example.org", "p2.example.org", "p3.example.org"]).await;
    assert!(report.is_good() && report.remarks().next().is_none(), "{report}");
}

#[tokio::test]
async fn the_parent_zone_is_not_known_to_the_resolver() {
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
