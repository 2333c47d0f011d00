//! Servers that are lame, silent, truncated, wrong or slow.

use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use sandbox::{DnsFault, RecordSet};

use crate::dns::common::{ask, data, exchange, exchange_tcp, query, resolve, shape, world};

#[tokio::test]
async fn a_lame_server() {
    let world = world().await;
    let sick = &world.child.name_servers()[1];
    let (server, well) = (world.dns.server(sick), world.server(&world.child));
    for (fault, expected) in [
        (DnsFault::Refused, (ResponseCode::Refused, false, [0, 0, 0])),
        (DnsFault::ServFail, (ResponseCode::ServFail, false, [0, 0, 0])),
        (DnsFault::NotAuthoritative, (ResponseCode::NoError, false, [1, 0, 0])),
    ] {
        world.dns.fault(sick, fault.clone());
        assert_eq!(shape(&ask(server, "testing.example.com", "SOA").await), expected, "{fault:?}");
        let tcp = exchange_tcp(server, &query("testing.example.com", "SOA")).await.unwrap();
        assert_eq!(shape(&tcp), expected, "{fault:?} over TCP");
        assert!(
            ask(well, "testing.example.com", "SOA").await.metadata.authoritative,
            "the others are well"
        );
        world.dns.heal(sick);
        assert!(ask(server, "testing.example.com", "SOA").await.metadata.authoritative);
    }
}

#[tokio::test]
async fn a_fault_can_end_after_some_queries() {
    let world = world().await;
    let (sick, server) = (&world.child.name_servers()[0], world.server(&world.child));
    world.dns.fault_times(&format!("{}.", sick.to_uppercase()), DnsFault::Refused, 2);
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(ask(server, "testing.example.com", "SOA").await.metadata.response_code);
    }
    assert_eq!(codes, [ResponseCode::Refused, ResponseCode::Refused, ResponseCode::NoError]);
}

#[tokio::test]
async fn a_silent_server() {
    let world = world().await;
    let (sick, server) = (&world.child.name_servers()[0], world.server(&world.child));
    world.dns.fault_times(sick, DnsFault::Silent, 1);
    // Datagrams are taken in order, so the answer to the second query shows that the first got
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
    assert_eq!(world.dns.queries_to(sick).len(), 2, "it heard both");
}

#[tokio::test]
async fn a_truncated_server() {
    let world = world().await;
    let (sick, server) = (&world.child.name_servers()[0], world.server(&world.child));
    let asked = query("testing.example.com", "SOA");
    world.dns.fault(sick, DnsFault::Truncated);
    assert!(exchange(server, &asked).await.metadata.truncation);
    assert_eq!(exchange_tcp(server, &asked).await.unwrap().answers.len(), 1);
    world.dns.fault(sick, DnsFault::TruncatedWithoutTcp);
    assert!(exchange(server, &asked).await.metadata.truncation);
    assert_eq!(exchange_tcp(server, &asked).await, None);
}

#[tokio::test]
async fn a_server_with_wrong_data() {
    let world = world().await;
    let sick = &world.parent.name_servers()[0];
    let server = world.dns.server(sick);
    world.dns.fault(
        sick,
        DnsFault::NameServers(vec!["ns1.wrong.net".to_owned(), "ns2.wrong.net".to_owned()]),
    );
    world.parent.put(RecordSet::new("testing.example.com", "NS", 300, ["ns.testing.example.com"]));
    world.parent.put(RecordSet::new("ns.testing.example.com", "A", 300, ["192.0.2.9"]));
    let referral = ask(server, "testing.example.com", "NS").await;
    assert_eq!(shape(&referral), (ResponseCode::NoError, false, [0, 2, 0]));
    assert_eq!(data(&referral.authorities, "NS"), ["ns1.wrong.net.", "ns2.wrong.net."]);
    assert_eq!(referral.authorities[0].ttl, 300);
    assert_eq!(
        data(&ask(server, "example.com", "NS").await.answers, "NS"),
        ["ns1.wrong.net.", "ns2.wrong.net."]
    );
    let soa = "other.example.net. h.example.net. 7 1 2 3 4";
    world.dns.fault(sick, DnsFault::Soa(soa.to_owned()));
    assert_eq!(data(&ask(server, "example.com", "SOA").await.answers, "SOA"), [soa]);
    world.dns.fault(sick, DnsFault::WrongId);
    let asked = query("example.com", "SOA");
    assert_ne!(exchange(server, &asked).await.metadata.id, asked.metadata.id);
}

#[tokio::test]
async fn a_slow_server_answers_later_and_holds_up_nobody() {
    let world = world().await;
    let (sick, server) = (&world.child.name_servers()[0], world.server(&world.child));
    let slow = Duration::from_millis(50);
    world.dns.fault_times(sick, DnsFault::Slow(slow), 1);
    let start = Instant::now();
    assert!(ask(server, "testing.example.com", "SOA").await.metadata.authoritative);
    assert!(start.elapsed() >= slow);
    world.dns.fault_times(sick, DnsFault::Slow(Duration::from_hours(1)), 1);
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&query("testing.example.com", "SOA").to_vec().unwrap(), server).await.unwrap();
    assert!(
        ask(server, "testing.example.com", "SOA").await.metadata.authoritative,
        "the next query is answered"
    );
}

#[tokio::test]
async fn the_resolver_passes_over_what_is_ill() {
    let world = world().await;
    let servers = world.child.name_servers();
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
            world.dns.fault(server, fault.clone());
        }
        let answer = resolve(world.dns.resolver(), "host.testing.example.com", "A").await;
        assert_eq!(data(&answer.answers, "A"), ["192.0.2.3"], "{fault:?}");
        world.dns.fault(&servers[0], fault.clone());
        let answer = resolve(world.dns.resolver(), "host.testing.example.com", "A").await;
        assert_eq!(answer.metadata.response_code, ResponseCode::ServFail, "{fault:?}");
        world.dns.heal_all();
    }
    for server in &servers {
        world.dns.fault(server, DnsFault::Truncated);
    }
    let answer = resolve(world.dns.resolver(), "host.testing.example.com", "A").await;
    assert_eq!(data(&answer.answers, "A"), ["192.0.2.3"], "TCP works");
}

#[tokio::test]
async fn the_resolver_can_be_ill_itself() {
    let world = world().await;
    world.dns.fault_times("resolver", DnsFault::ServFail, 1);
    let resolver = world.dns.resolver();
    assert_eq!(
        resolve(resolver, "www.example.com", "A").await.metadata.response_code,
        ResponseCode::ServFail
    );
    assert_eq!(resolve(resolver, "www.example.com", "A").await.answers.len(), 2);
}
