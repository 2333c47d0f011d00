//! Servers that are lame, silent or slow, or give truncated or wrong answers.

use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use sandbox::{DnsFault, RecordSet};

use crate::dns::common::{Shape, ask, data, exchange, exchange_tcp, fixture, query, resolve};

#[tokio::test]
async fn a_lame_server() {
    let fixture = fixture().await;
    let sick = &fixture.child.name_servers()[1];
    let (server, well) = (fixture.dns.server(sick), fixture.server(&fixture.child));
    for (fault, expected) in [
        (DnsFault::Refused, Shape::not_authoritative(ResponseCode::Refused, [0, 0, 0])),
        (DnsFault::ServFail, Shape::not_authoritative(ResponseCode::ServFail, [0, 0, 0])),
        (DnsFault::NotAuthoritative, Shape::not_authoritative(ResponseCode::NoError, [1, 0, 0])),
    ] {
        fixture.dns.fault(sick, fault.clone());
        assert_eq!(
            Shape::new(&ask(server, "testing.example.com", "SOA").await),
            expected,
            "{fault:?}"
        );
        let tcp = exchange_tcp(server, &query("testing.example.com", "SOA")).await.unwrap();
        assert_eq!(Shape::new(&tcp), expected, "{fault:?} over TCP");
        assert!(
            ask(well, "testing.example.com", "SOA").await.metadata.authoritative,
            "the other servers must answer correctly"
        );
        fixture.dns.heal(sick);
        assert!(ask(server, "testing.example.com", "SOA").await.metadata.authoritative);
    }
}

#[tokio::test]
async fn a_fault_can_end_after_some_queries() {
    let fixture = fixture().await;
    let (sick, server) = (&fixture.child.name_servers()[0], fixture.server(&fixture.child));
    fixture.dns.fault_times(&format!("{}.", sick.to_uppercase()), DnsFault::Refused, 2);
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(ask(server, "testing.example.com", "SOA").await.metadata.response_code);
    }
    assert_eq!(codes, [ResponseCode::Refused, ResponseCode::Refused, ResponseCode::NoError]);
}

#[tokio::test]
async fn a_silent_server() {
    let fixture = fixture().await;
    let (sick, server) = (&fixture.child.name_servers()[0], fixture.server(&fixture.child));
    fixture.dns.fault_times(sick, DnsFault::Silent, 1);
    // Datagrams are processed in order, so the answer to the second query shows that the first got
    // none.
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut asked = query("testing.example.com", "SOA");
    for id in [1, 2] {
        asked.metadata.id = id;
        socket.send_to(&asked.to_vec().unwrap(), server).await.unwrap();
    }
    let mut buffer = [0; 512];
    socket.recv_from(&mut buffer).await.unwrap();
    assert_eq!(buffer[..2], [0, 2]);
    assert_eq!(fixture.dns.queries_to(sick).len(), 2, "both queries must have reached the server");
}

#[tokio::test]
async fn a_truncated_server() {
    let fixture = fixture().await;
    let (sick, server) = (&fixture.child.name_servers()[0], fixture.server(&fixture.child));
    let asked = query("testing.example.com", "SOA");
    fixture.dns.fault(sick, DnsFault::Truncated);
    assert!(exchange(server, &asked).await.metadata.truncation);
    assert_eq!(exchange_tcp(server, &asked).await.unwrap().answers.len(), 1);
    fixture.dns.fault(sick, DnsFault::TruncatedWithoutTcp);
    assert!(exchange(server, &asked).await.metadata.truncation);
    assert_eq!(exchange_tcp(server, &asked).await, None);
}

#[tokio::test]
async fn a_server_with_wrong_data() {
    let fixture = fixture().await;
    let sick = &fixture.parent.name_servers()[0];
    let server = fixture.dns.server(sick);
    fixture.dns.fault(
        sick,
        DnsFault::NameServers(vec!["ns1.wrong.net".to_owned(), "ns2.wrong.net".to_owned()]),
    );
    fixture.parent.put(RecordSet::new(
        "testing.example.com",
        "NS",
        300,
        ["ns.testing.example.com"],
    ));
    fixture.parent.put(RecordSet::new("ns.testing.example.com", "A", 300, ["192.0.2.9"]));
    let referral = ask(server, "testing.example.com", "NS").await;
    assert_eq!(Shape::new(&referral), Shape::not_authoritative(ResponseCode::NoError, [0, 2, 0]));
    assert_eq!(data(&referral.authorities, "NS"), ["ns1.wrong.net.", "ns2.wrong.net."]);
    assert_eq!(referral.authorities[0].ttl, 300);
    assert_eq!(
        data(&ask(server, "example.com", "NS").await.answers, "NS"),
        ["ns1.wrong.net.", "ns2.wrong.net."]
    );
    let soa = "other.example.net. h.example.net. 7 1 2 3 4";
    fixture.dns.fault(sick, DnsFault::Soa(soa.to_owned()));
    assert_eq!(data(&ask(server, "example.com", "SOA").await.answers, "SOA"), [soa]);
    fixture.dns.fault(sick, DnsFault::WrongId);
    let asked = query("example.com", "SOA");
    assert_ne!(exchange(server, &asked).await.metadata.id, asked.metadata.id);
}

#[tokio::test]
async fn a_slow_server_does_not_delay_other_answers() {
    let fixture = fixture().await;
    let (sick, server) = (&fixture.child.name_servers()[0], fixture.server(&fixture.child));
    let slow = Duration::from_millis(50);
    fixture.dns.fault_times(sick, DnsFault::Slow(slow), 1);
    let start = Instant::now();
    assert!(ask(server, "testing.example.com", "SOA").await.metadata.authoritative);
    assert!(start.elapsed() >= slow);
    fixture.dns.fault_times(sick, DnsFault::Slow(Duration::from_hours(1)), 1);
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&query("testing.example.com", "SOA").to_vec().unwrap(), server).await.unwrap();
    assert!(
        ask(server, "testing.example.com", "SOA").await.metadata.authoritative,
        "the next query is answered"
    );
}

#[tokio::test]
async fn the_resolver_skips_faulty_servers() {
    let fixture = fixture().await;
    let servers = fixture.child.name_servers();
    let faults = [
        DnsFault::Refused,
        DnsFault::Silent,
        DnsFault::TruncatedWithoutTcp,
        DnsFault::WrongId,
        DnsFault::NotAuthoritative,
        DnsFault::ServFail,
    ];
    for fault in faults {
        for server in &servers[1..] {
            fixture.dns.fault(server, fault.clone());
        }
        let answer = resolve(fixture.dns.resolver(), "host.testing.example.com", "A").await;
        assert_eq!(data(&answer.answers, "A"), ["192.0.2.3"], "{fault:?}");
        fixture.dns.fault(&servers[0], fault.clone());
        let answer = resolve(fixture.dns.resolver(), "host.testing.example.com", "A").await;
        assert_eq!(answer.metadata.response_code, ResponseCode::ServFail, "{fault:?}");
        fixture.dns.heal_all();
    }
    for server in &servers {
        fixture.dns.fault(server, DnsFault::Truncated);
    }
    let answer = resolve(fixture.dns.resolver(), "host.testing.example.com", "A").await;
    assert_eq!(data(&answer.answers, "A"), ["192.0.2.3"], "TCP works");
}

#[tokio::test]
async fn the_resolver_can_be_faulty_itself() {
    let fixture = fixture().await;
    fixture.dns.fault_times("resolver", DnsFault::ServFail, 1);
    let resolver = fixture.dns.resolver();
    assert_eq!(
        resolve(resolver, "www.example.com", "A").await.metadata.response_code,
        ResponseCode::ServFail
    );
    assert_eq!(resolve(resolver, "www.example.com", "A").await.answers.len(), 2);
}
